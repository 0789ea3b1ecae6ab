"""Documents to trading partners: decided, written with our numbers, known as facts; and sent again, or anew."""

import contextlib
import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.edi.plan import Knowledge, document_key
from crossdock.formats.x12 import Interchange, TransactionSet, read
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.registry import Registry
from crossdock.store.tables import (
    cases,
    clocks,
    control_numbers,
    decisions,
    events,
    exchanges,
    facts,
    raw_messages,
    write_backs,
)

TENANT = "main"
INBOUND = Path(receiving.__file__).parents[1] / "mappings" / "inbound"

QUEUES = '[queues]\ntriage = "T"\norders = "O"\n'
REST = '[[rule]]\nid = "rest"\nqueue = "orders"\nowner = "o"\npriority = 60\nbecause = "{title}"\n'


@pytest.fixture
def routes(tmp_path, monkeypatch):
    """Rows for a decision table: ``(codes, actions)`` each."""
    folder = tmp_path / "routes"
    folder.mkdir()
    (folder / "queues.toml").write_text(QUEUES)
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(folder))

    def write(*rows: tuple[list[str], str]) -> None:
        text = "".join(
            f'[[rule]]\nid = "row-{number}"\nwhen = {{ code = {json.dumps(codes)} }}\nqueue = "orders"\n'
            f'owner = "o"\npriority = 20\nactions = {actions}\nbecause = "{{title}}"\n\n'
            for number, (codes, actions) in enumerate(rows)
        )
        (folder / "main.toml").write_text(text + REST)

    return write


@pytest.fixture
def hub(store, clock):
    with contextlib.ExitStack() as stack:

        def open_hub() -> Hub:
            hub = Hub.open(
                store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
            )
            return stack.enter_context(hub)

        yield open_hub


AGAIN = (b"000000", b"000009")
"""Another interchange number, so that the same document comes a second time."""


def take(hub: Hub, *names: str, change: tuple[tuple[bytes, bytes], ...] = (), key: str = "") -> None:
    """Store these samples of inbound mappings as if the partner had sent them."""
    for name in names:
        body = (INBOUND / name).read_bytes()
        for before, after in change:
            assert before in body
            body = body.replace(before, after)
        message = RawMessage(
            tenant=TENANT,
            source="supplier_edi",
            key=f"{name}{key}",
            body=body,
            media_type="application/edi-x12",
            received_at=hub.clock.now(),
            name=name,
        )
        receiving.accept(hub.store, message, clock=hub.clock)


def rows(hub: Hub, table: sa.Table, *order: sa.Column):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).order_by(*order)).all()


def documents(hub: Hub) -> list:
    """The write-backs that are documents, in the order of their numbers."""
    found = [
        row for row in rows(hub, write_backs, write_backs.c.created_at) if row.operation.startswith("x12_")
    ]
    return sorted(found, key=lambda row: numbers_of(row)[0])


def numbers_of(row) -> tuple[str, str, str]:
    (opened,) = [item for item in read(bytes(row.body)) if isinstance(item, Interchange)]
    (entry,) = [item for item in read(bytes(row.body)) if isinstance(item, TransactionSet)]
    return opened.control_number, entry.group.control_number, entry.control_number


def said(row) -> list[list[str]]:
    (entry,) = [item for item in read(bytes(row.body)) if isinstance(item, TransactionSet)]
    return [list(segment) for segment in entry.segments]


def ours(hub: Hub, kind: str) -> list:
    """The facts of a kind that we said ourselves."""
    found = [row for row in rows(hub, facts, facts.c.recorded_at) if row.kind == kind]
    return [row for row in found if row.document["data"]["attributes"].get("direction") == "out"]


def clock_of(hub: Hub, pair: str):
    return [row for row in rows(hub, clocks) if row.pair == pair]


# ── what we owe ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_we_forgot_to_acknowledge_is_acknowledged_and_its_clock_ends(hub, clock, routes):
    routes((["ORD.ACK_OVERDUE"], '[{ do = "partner:x12_855", type = "AD", lines = "as_ordered" }]'))
    hub = hub()
    take(hub, "x12_850/samples/clean.edi")
    hub.process()
    assert [row.state for row in clock_of(hub, "order_acknowledged")] == ["waiting"]
    clock.advance(timedelta(days=5))
    hub.processor.sweep()

    (document,) = documents(hub)
    assert (document.target, document.operation, document.state) == ("supplier_edi", "x12_855", "ready")
    assert document.subject == "customer_po/LK-77001"
    assert [segment[0] for segment in said(document)][:3] == ["ST", "BAK", "CUR"]
    (fact,) = ours(hub, "acknowledged")
    attributes = fact.document["data"]["attributes"]
    assert attributes["write_back"] == str(document.id)
    assert attributes["partner"] == "lakeside_retail"
    assert [row.state for row in clock_of(hub, "order_acknowledged")] == ["late"]
    (case,) = [row for row in rows(hub, cases) if row.code == "ORD.ACK_OVERDUE"]
    assert case.state == "resolved", "our own answer ends the trouble that it answers"
    (exchange,) = [row for row in rows(hub, exchanges) if row.write_back_id == document.id]
    assert (exchange.direction, exchange.partner, exchange.set_id, exchange.state) == (
        "out", "lakeside_retail", "855", "unsent",
    )  # fmt: skip


def test_an_answer_in_the_same_batch_as_the_order_stops_the_clock_that_it_starts(hub, routes):
    routes((["SHP.ADDRESS_INVALID"], '[{ do = "supplier_edi:x12_855", type = "AH" }]'))
    hub = hub()
    take(hub, "x12_850/samples/contradictions.edi")
    hub.process()
    assert len(documents(hub)) == 1
    assert [row.state for row in clock_of(hub, "order_acknowledged")] == ["met"]


def test_the_lines_of_one_order_are_told_in_one_document(hub, routes):
    routes(
        (
            ["ORD.VALIDATION", "MDM.UOM_INCONSISTENT"],
            '[{ do = "partner:x12_855", type = "AC", status = "IR" }]',
        )
    )
    hub = hub()
    take(hub, "x12_850/samples/contradictions.edi")
    hub.process()
    wanted = [row for row in rows(hub, decisions) if any(a["operation"] == "x12_855" for a in row.actions)]
    assert len(wanted) > 3
    assert not [row.error for row in wanted if row.error]
    (document,) = documents(hub)
    told = [segment[1] for segment in said(document) if segment[0] == "ACK"]
    assert "IR" in told
    lines = [segment for segment in said(document) if segment[0] == "PO1"]
    assert len(told) >= len(lines) == 4


def test_a_change_that_is_answered_ends_what_asked_for_it(hub, routes):
    routes((["ORD.CHANGE_REQUESTED"], '[{ do = "partner:x12_865", answer = "accept" }]'))
    hub = hub()
    take(hub, "x12_850/samples/clean.edi", "x12_860/samples/changed_lines.edi")
    hub.process()
    (document,) = documents(hub)
    assert document.operation == "x12_865"
    assert [segment[2] for segment in said(document) if segment[0] == "BCA"] == ["AD"]
    asked = [row for row in rows(hub, cases) if row.code == "ORD.CHANGE_REQUESTED"]
    assert asked
    assert {row.state for row in asked} == {"resolved"}
    assert {row.state for row in clock_of(hub, "change_answered")} == {"met"}


def test_a_tender_is_answered_to_the_shipper_who_made_it(hub, routes, tmp_path, monkeypatch):
    packaged = Path(receiving.__file__).parents[1] / "mappings" / "partners" / "lakeside_retail.toml"
    text = packaged.read_text().replace('sets = ["850"', 'sets = ["204", "850"')
    text = text.replace('[send]\nsets = ["855"', '[send]\nsets = ["990", "855"')
    folder = tmp_path / "partners"
    folder.mkdir()
    (folder / "lakeside_retail.toml").write_text(text)
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(folder))
    routes((["SHP.TENDER_REQUESTED"], '[{ do = "partner:x12_990", answer = "accept" }]'))
    hub = hub()
    take(hub, "x12_204/samples/offered.edi")
    hub.process()
    (document,) = documents(hub)
    assert said(document)[1] == ["B1", "RRFL", "LD-5501", "20261120", "A"]
    (case,) = [row for row in rows(hub, cases) if row.code == "SHP.TENDER_REQUESTED"]
    assert case.state == "resolved"
    assert {row.state for row in clock_of(hub, "tender_answered")} == {"met"}


# ── the order as it stands ───────────────────────────────────────────────────────────────────────────────────

ACKNOWLEDGE = (["ORD.ACK_OVERDUE"], '[{ do = "partner:x12_855", type = "AD", lines = "as_ordered" }]')
AS_PLACED = [["1", "120", "EA", "9.25"], ["2", "10", "CA", "88.8"], ["3", "75", "EA", "2"]]
AS_CHANGED = [
    ["1", "80", "EA", "9.25"],
    ["2", "10", "CA", "85"],
    ["3", "75", "EA", "2"],
    ["5", "12", "EA", "3"],
]


def acknowledged(hub: Hub) -> list[list[str]]:
    """The lines of the one 855."""
    (document,) = [row for row in documents(hub) if row.operation == "x12_855"]
    return [segment[1:5] for segment in said(document) if segment[0] == "PO1"]


@pytest.mark.parametrize(
    ("answer", "lines"), [("accept", AS_CHANGED), ("reject", AS_PLACED), (None, AS_PLACED)]
)
def test_what_we_acknowledge_is_the_order_as_it_stands(hub, clock, routes, answer, lines):
    change = (["ORD.CHANGE_REQUESTED"], f'[{{ do = "partner:x12_865", answer = "{answer}" }}]')
    routes(ACKNOWLEDGE, *([change] if answer else []))
    hub = hub()
    take(hub, "x12_850/samples/clean.edi")
    hub.process()
    clock.advance(timedelta(minutes=5))
    take(hub, "x12_860/samples/changed_lines.edi")
    hub.process()
    clock.advance(timedelta(days=5))
    hub.processor.sweep()
    assert acknowledged(hub) == lines


def test_an_answer_that_nobody_got_changes_nothing(hub, clock, routes):
    routes(ACKNOWLEDGE, (["ORD.CHANGE_REQUESTED"], '[{ do = "partner:x12_865", answer = "accept" }]'))
    hub = hub()
    take(hub, "x12_850/samples/clean.edi", "x12_860/samples/changed_lines.edi")
    hub.process()
    (answer,) = documents(hub)
    with hub.store.transaction(TENANT) as connection:
        connection.execute(
            sa.update(write_backs)
            .where(write_backs.c.id == answer.id)
            .values(state="discarded", next_attempt_at=None)
        )
    clock.advance(timedelta(days=5))
    hub.processor.sweep()
    assert acknowledged(hub) == AS_PLACED


def test_what_we_answer_names_the_document_that_it_answers_and_counts_at_once(hub, routes):
    routes((["ORD.CHANGE_REQUESTED"], '[{ do = "partner:x12_865", answer = "accept" }]'))
    hub = hub()
    take(hub, "x12_850/samples/clean.edi", "x12_860/samples/changed_lines.edi")
    hub.process()
    (answer,) = ours(hub, "change_answered")
    (asked,) = [row for row in rows(hub, facts) if row.kind == "change_requested"]
    assert answer.document["data"]["attributes"]["answers"] == document_key(asked.document)
    known = Knowledge()
    known.stated(asked.document, "lakeside_retail")
    known.answered(answer.document, "lakeside_retail")
    told = [fact["id"] for fact, _ in known.counts(asked.document)]
    assert told == [asked.document["id"], answer.document["id"]]
    assert [fact["id"] for fact, _ in known.about(asked.document)[0]] == told[:1], "it is no earlier word"


# ── what we ask ──────────────────────────────────────────────────────────────────────────────────────────────


def test_changes_of_one_order_are_counted(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "quantity" }]'))
    hub = hub()
    sample = "x12_855/samples/backorder_with_new_date.edi"
    take(hub, sample)
    hub.process()
    take(
        hub,
        sample,
        change=(AGAIN, (b"ACK*IA*60*", b"ACK*IA*50*"), (b"ACK*IB*15*", b"ACK*IB*25*")),
        key="more",
    )
    hub.process()
    first, second = documents(hub)
    assert [segment[5] for segment in said(first) if segment[0] == "BCH"] == ["1"]
    assert [segment[5] for segment in said(second) if segment[0] == "BCH"] == ["2"]
    assert [segment[3] for segment in said(second) if segment[0] == "POC"] == ["50"]


def test_what_was_said_last_is_not_said_again(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "cancel_line" }]'))
    hub = hub()
    sample = "x12_855/samples/backorder_with_new_date.edi"
    take(hub, sample)
    hub.process()
    take(hub, sample, change=(AGAIN,), key="again")
    hub.process()
    assert len(documents(hub)) == 1
    assert [row.error for row in rows(hub, decisions) if row.error] == []
    assert numbers(hub) == {"interchange": 1, "group": 1, "set": 1}, "a repeat takes no number"


def test_the_partner_is_told_what_its_document_had_wrong(hub, routes):
    routes((["BIL.TOTAL"], '[{ do = "partner:x12_824", answer = "reject" }]'))
    hub = hub()
    take(hub, "x12_810/samples/wrong_total.edi")
    hub.process()
    found = documents(hub)
    assert len(found) == len({said(row)[2][9] for row in found}), "each refused invoice has its own advice"
    assert [segment[0] for segment in said(found[0])][:4] == ["ST", "BGN", "OTI", "TED"]
    assert ours(hub, "application_advice")


# ── numbers, and what cannot be written ──────────────────────────────────────────────────────────────────────


def numbers(hub: Hub, partner: str = "acme_supply") -> dict[str, int]:
    """The last control numbers of documents; acknowledgements count in the same ones and are taken off."""
    found = {row.kind: row.last for row in rows(hub, control_numbers) if row.partner == partner}
    answers = [row for row in rows(hub, write_backs) if row.raw_id is not None]
    return {kind: last - len(answers) for kind, last in found.items()}


def test_what_cannot_be_written_goes_to_triage_takes_no_number_and_stops_nothing_else(hub, routes):
    routes((["INV.BACKORDER"], '["erp:note", { do = "partner:x12_860", change = "price" }]'))
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi")
    hub.process()
    (case,) = rows(hub, cases)
    assert case.queue == "triage"
    (decision,) = rows(hub, decisions)
    assert decision.error.startswith("partner:x12_860: event ")
    assert "does not say the supplier's price" in decision.error
    assert documents(hub) == []
    assert [row.operation for row in rows(hub, write_backs) if row.target == "erp"] == ["note"]
    assert numbers(hub) == {"interchange": 0, "group": 0, "set": 0}


def test_control_numbers_have_no_gap_where_some_documents_cannot_be_written(hub, routes):
    routes((["BIL.TOTAL"], '[{ do = "partner:x12_824", answer = "reject" }]'),
           (["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "price" }]'))  # fmt: skip
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi", "x12_810/samples/wrong_total.edi")
    hub.process()
    found = [bytes(row.body) for row in rows(hub, write_backs) if row.target == "supplier_edi"]
    used = sorted(
        int(item.control_number) for body in found for item in read(body) if isinstance(item, Interchange)
    )
    assert used == list(range(1, len(found) + 1))


def test_processing_again_writes_no_document_twice(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "quantity" }]'))
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi")
    hub.process()
    with hub.store.transaction(TENANT) as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    hub.process()
    assert len(documents(hub)) == 1
    assert len(ours(hub, "change_requested")) == 1


def test_a_partner_that_agreed_on_no_such_set_is_written_nothing_and_the_sentence_says_so(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "quantity", partner = "roadrunner" }]'))
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi")
    hub.process()
    (decision,) = rows(hub, decisions)
    assert "add 860 to its [send] sets" in decision.error


def test_a_repeat_that_was_discarded_may_be_said_again(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "cancel_line" }]'))
    hub = hub()
    sample = "x12_855/samples/backorder_with_new_date.edi"
    take(hub, sample)
    hub.process()
    (first,) = documents(hub)
    with hub.store.transaction(TENANT) as connection:
        connection.execute(
            sa.update(write_backs)
            .where(write_backs.c.id == first.id)
            .values(state="discarded", next_attempt_at=None)
        )
    take(hub, sample, change=(AGAIN,), key="again")
    hub.process()
    assert len(documents(hub)) == 2


def test_the_facts_of_our_own_words_name_the_message_that_made_us_say_them(hub, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "quantity" }]'))
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi")
    hub.process()
    (fact,) = ours(hub, "change_requested")
    (message,) = rows(hub, raw_messages)
    assert fact.raw_id == message.id
    assert fact.document["data"]["provenance"]["raw_id"] == str(message.id)
    assert uuid.UUID(fact.document["data"]["attributes"]["write_back"])
    assert [row.state for row in clock_of(hub, "change_answered")] == ["waiting"]
    (running,) = clock_of(hub, "change_answered")
    assert running.partner == "acme_supply", "the supplier owes us an 865 now"


def test_a_refusal_of_our_document_is_led_back_to_the_field_that_wrote_it(hub, clock, routes):
    routes((["INV.BACKORDER"], '[{ do = "partner:x12_860", change = "quantity" }]'))
    hub = hub()
    take(hub, "x12_855/samples/backorder_with_new_date.edi")
    hub.process()
    (document,) = documents(hub)
    _, group, number = numbers_of(document)
    place = next(at for at, segment in enumerate(said(document), 1) if segment[0] == "POC")
    body = (
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*1500*U*00401"
        "*000000950*0*P*>~GS*FA*ACMESUPPLY*CROSSDOCK*20261120*1500*950*X*004010~ST*997*0001~"
        f"AK1*PC*{group}~AK2*860*{number}~AK3*POC*{place}**8~AK4*3*330*7*60~AK5*R*5~AK9*R*1*1*0~"
        "SE*8*0001~GE*1*950~IEA*1*000000950~"
    )
    message = RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key="997",
        body=body.encode(),
        media_type="application/edi-x12",
        received_at=clock.now(),
        name="997.edi",
    )
    receiving.accept(hub.store, message, clock=clock)
    hub.process()
    (refused,) = [row for row in rows(hub, events) if row.code == "EDI.TRANSACTION_REJECTED"]
    resolved = refused.document["data"]["ext"]["resolved"]
    assert "lines/0/ordered/value" in resolved["our_field"]
    assert "60" in resolved["our_value"]
    (exchange,) = [row for row in rows(hub, exchanges) if row.write_back_id == document.id]
    assert exchange.state == "rejected"


# ── shown before it happens ──────────────────────────────────────────────────────────────────────────────────


def test_try_shows_the_document_with_placeholders_and_writes_nothing(routes):
    from crossdock.decide import Router
    from crossdock.partners import Partners
    from crossdock.testing.clock import MovableClock
    from crossdock.trial import try_file

    routes((["INV.BACKORDER"], '["erp:note", { do = "partner:x12_860", change = "quantity" }]'))
    sample = INBOUND / "x12_855/samples/backorder_with_new_date.edi"
    trial = try_file(
        sample.read_bytes(),
        name=sample.name,
        registry=Registry(),
        partners=Partners.load(),
        router=Router.load(),
        clock=MovableClock(),
        tenant=TENANT,
    )
    note, document = trial.write_backs
    assert (note.operation, document.operation, document.target) == ("note", "x12_860", "supplier_edi")
    assert document.error is None
    assert document.body is not None
    assert document.body.subject == "supplier_po/4500123456"
    assert b"*000000001*0*P*>~" in document.body.body
    assert b"~POC*2*QD*60**EA*3.1**BP*VALVE-25*VP*AC-2201~" in document.body.body


def test_try_shows_one_document_for_all_lines_of_an_order_and_says_why_there_is_none(routes):
    from crossdock.decide import Router
    from crossdock.partners import Partners
    from crossdock.testing.clock import MovableClock
    from crossdock.trial import try_file

    def tried(actions: str):
        routes((["ORD.VALIDATION", "MDM.UOM_INCONSISTENT"], actions))
        sample = INBOUND / "x12_850/samples/contradictions.edi"
        trial = try_file(
            sample.read_bytes(),
            name=sample.name,
            registry=Registry(),
            partners=Partners.load(),
            router=Router.load(),
            clock=MovableClock(),
            tenant=TENANT,
        )
        return [one for one in trial.write_backs if one.operation == "x12_855"]

    (document,) = tried('[{ do = "partner:x12_855", type = "AC", status = "IR" }]')
    assert document.error is None
    (refused,) = tried('[{ do = "partner:x12_855", type = "AC" }]')
    assert refused.body is None
    assert "give the action a status of element 668" in refused.error


def test_the_rows_of_the_page_are_right_and_decide(tmp_path):
    from crossdock.decide import Router

    page = (Path(receiving.__file__).parents[1] / "docs" / "routes.md").read_text()
    _, _, rest = page.partition("```toml edi-routes/main.toml\n")
    (tmp_path / "main.toml").write_text(rest.partition("```")[0])
    (tmp_path / "queues.toml").write_text(QUEUES)
    table = Router.load(tmp_path).table
    operations = {action.operation for rule in table.rules for action in rule.actions}
    assert operations == {"x12_824", "x12_855", "x12_860", "x12_865"}


def test_a_row_may_not_say_a_document_that_the_taxonomy_does_not_allow(routes):
    from crossdock.decide import Router
    from crossdock.errors import Misconfigured

    routes((["SHP.DELAY"], '["partner:x12_855"]'))
    with pytest.raises(Misconfigured, match=r"does not allow 'acknowledge' for SHP\.DELAY"):
        Router.load()
    routes((["INV.BACKORDER"], '["partner:x12_999"]'))
    with pytest.raises(Misconfigured, match="'partner' has no operation 'x12_999'"):
        Router.load()
