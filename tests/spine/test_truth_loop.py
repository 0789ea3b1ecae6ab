"""The EDI truth loop through the whole hub: what we send is awaited, what comes is held against it, in any order."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.packages import package_folder
from crossdock.partners import Partners
from crossdock.registry import Registry
from crossdock.store.tables import cases, clocks, dead_letters, events, exchanges, facts, parts

TENANT = "main"
US, ACME = "CROSSDOCK", "ACMESUPPLY"
_FUNCTIONS = {
    "850": "PO",
    "855": "PR",
    "856": "SH",
    "810": "IN",
    "861": "RC",
    "997": "FA",
    "860": "PC",
    "865": "CA",
    "943": "AR",
    "944": "RE",
}


@pytest.fixture
def hub(store, clock):
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


def interchange(number: int, set_id: str, *segments: str, sender: str = ACME, receiver: str = US) -> bytes:
    body = [f"ST*{set_id}*0001", *segments, f"SE*{len(segments) + 2}*0001"]
    return "~\n".join(
        [
            f"ISA*00*          *00*          *ZZ*{sender:15}*ZZ*{receiver:15}*261120*0900*U*00401*{number:09}*0*P*>",
            f"GS*{_FUNCTIONS[set_id]}*{sender}*{receiver}*20261120*0900*{number}*X*004010",
            *body,
            f"GE*1*{number}",
            f"IEA*1*{number:09}",
            "",
        ]
    ).encode()


def order(number: int, po: str, *, purpose: str = "00", price: str = "2.50", quantity: int = 10) -> bytes:
    """A copy of an 850 that we sent."""
    return interchange(
        number,
        "850",
        f"BEG*{purpose}*SA*{po}**20261120",
        f"PO1*1*{quantity}*EA*{price}**VN*V-1",
        "CTT*1",
        sender=US,
        receiver=ACME,
    )


def answer(number: int, po: str, *, price: str = "2.50", code: str = "IA", quantity: int = 10) -> bytes:
    return interchange(
        number,
        "855",
        f"BAK*00*AC*{po}*20261120",
        f"PO1*1*{quantity}*EA*{price}**VN*V-1",
        f"ACK*{code}*{quantity}*EA",
        "CTT*1",
    )


def notice(number: int, po: str, asn: str, quantity: int) -> bytes:
    return interchange(
        number, "856", f"BSN*00*{asn}*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}", "HL*3*2*I",
        "LIN*1*VN*V-1", f"SN1*1*{quantity}*EA", "CTT*3",
    )  # fmt: skip


def bill(number: int, po: str, invoice: str, quantity: int) -> bytes:
    cents = quantity * 250
    return interchange(
        number, "810", f"BIG*20261120*{invoice}*20261119*{po}", f"IT1*1*{quantity}*EA*2.50**VN*V-1",
        f"TDS*{cents}", "CTT*1",
    )  # fmt: skip


def receipt(number: int, po: str, name: str, asn: str, quantity: int) -> bytes:
    """A copy of an 861 that we sent."""
    return interchange(
        number, "861", f"BRA*{name}*20261120*00*1", f"REF*SI*{asn}", f"RCD*1*{quantity}*EA", f"PRF*{po}",
        "LIN*1*VN*V-1", "CTT*1", sender=US, receiver=ACME,
    )  # fmt: skip


def take(hub: Hub, *bodies: bytes) -> None:
    for number, body in enumerate(bodies):
        message = RawMessage(
            tenant=TENANT,
            source="supplier_edi",
            key=f"{hub.clock.now().isoformat()}:{number}:{hash(body)}",
            body=body,
            media_type="application/edi-x12",
            received_at=hub.clock.now(),
            name=f"{number}.edi",
        )
        receiving.accept(hub.store, message, clock=hub.clock)


def rows(hub: Hub, table: sa.Table, *conditions):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).where(*conditions)).all()


def found(hub: Hub) -> dict[str, str]:
    """Every case by its code, with its state."""
    return {row.code: row.state for row in rows(hub, cases)}


def set_aside(hub: Hub) -> list[str]:
    return [f"{row.code}: {row.sentence}" for row in rows(hub, dead_letters, dead_letters.c.state == "open")]


def test_an_order_that_nobody_answers_is_told_and_a_late_answer_ends_it(hub, clock):
    take(hub, order(1, "4500000001"))
    hub.process()
    assert set_aside(hub) == []
    (waiting,) = rows(hub, clocks, clocks.c.pair == "order_acknowledged")
    assert (waiting.state, waiting.partner) == ("waiting", "acme_supply")
    assert [row.state for row in rows(hub, exchanges)] == ["waiting"]
    assert found(hub) == {}

    clock.advance(timedelta(days=7))
    assert hub.process().counts["overdue"] == 2
    assert found(hub) == {"ORD.ACK_OVERDUE": "open", "EDI.ACK_OVERDUE": "open"}
    assert hub.process().counts["overdue"] == 0, "it is told once"

    take(
        hub,
        answer(1001, "4500000001"),
        interchange(1002, "997", "AK1*PO*1", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"),
    )
    hub.process()
    assert set_aside(hub) == []
    assert found(hub) == {"ORD.ACK_OVERDUE": "resolved", "EDI.ACK_OVERDUE": "resolved"}
    (late,) = rows(hub, clocks, clocks.c.pair == "order_acknowledged")
    assert late.state == "late" and late.ended_by is not None
    assert [row.state for row in rows(hub, exchanges, exchanges.c.set_id == "850")] == ["accepted"]


@pytest.mark.parametrize("first", ["order", "answer"])
def test_documents_are_held_against_each_other_whichever_comes_first(hub, clock, first):
    papers = [order(1, "4500000002"), answer(1001, "4500000002", price="3.00")]
    for body in papers if first == "order" else reversed(papers):
        take(hub, body)
        hub.process()
        clock.advance(timedelta(minutes=5))
    assert set_aside(hub) == []
    assert found(hub) == {"PRC.MISMATCH": "open"}
    (event,) = rows(hub, events)
    assert event.document["data"]["provenance"]["mapping"] == "crossdock.matching"
    assert event.document["data"]["variances"][0]["attribute"] == "unit_price"
    assert [row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")] == ["met"]


def test_two_workers_that_write_both_documents_at_the_same_moment_find_it_once(hub, clock, store):
    """Each alone sees nothing: they take turns about the number, so the second sees what the first wrote."""
    for number in range(6):
        take(
            hub,
            order(10 + number, f"45000001{number}"),
            answer(1010 + number, f"45000001{number}", price="9.99"),
        )
    start = threading.Barrier(2)
    faults: list[Exception] = []

    def work() -> None:
        try:
            with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as mine:
                processor = mine.processor
                start.wait(10)
                while processor.process_batch()["messages"]:
                    pass
        except Exception as fault:
            faults.append(fault)

    import crossdock.process

    before, crossdock.process.BATCH_MESSAGES = crossdock.process.BATCH_MESSAGES, 1
    try:
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
    finally:
        crossdock.process.BATCH_MESSAGES = before
    assert faults == []
    assert sorted(row.subject for row in rows(hub, cases)) == [
        f"supplier_po/45000001{number}/line/1" for number in range(6)
    ]
    assert len(rows(hub, events)) == 6


def test_a_bill_for_more_than_came_is_over_when_the_rest_comes(hub, clock):
    po = "4500000003"
    for body in (
        order(1, po),
        answer(1001, po),
        notice(1002, po, "ASN-1", 10),
        receipt(2, po, "R-1", "ASN-1", 6),
        bill(1003, po, "INV-1", 10),
    ):
        take(hub, body)
        hub.process()
        clock.advance(timedelta(minutes=5))
    assert set_aside(hub) == []
    assert found(hub)["BIL.QTY"] == "open"
    take(hub, receipt(3, po, "R-2", "ASN-2", 4))
    hub.process()
    assert set_aside(hub) == []
    assert found(hub)["BIL.QTY"] == "resolved"
    (case,) = rows(hub, cases, cases.c.code == "BIL.QTY")
    assert case.resolution == "the documents agree now"


def test_running_everything_again_finds_nothing_new(hub, clock):
    """Each part as if it had been set aside and a person had put it back: the same ids, and nothing twice."""
    take(hub, order(1, "4500000004"), answer(1001, "4500000004", price="3.00"))
    hub.process()
    before = {table.name: len(rows(hub, table)) for table in (cases, events, facts, clocks, exchanges, parts)}
    with hub.store._engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # no trigger minds it
        connection.execute(sa.text("UPDATE crossdock.parts SET state = 'in_flight'"))
        connection.execute(sa.text("UPDATE crossdock.raw_messages SET again = true"))
    counts = hub.process().counts
    assert (counts["messages"], counts["facts"]) == (2, 2), "they really ran again"
    assert {
        table.name: len(rows(hub, table)) for table in (cases, events, facts, clocks, exchanges, parts)
    } == before
    assert {row.state for row in rows(hub, parts)} == {"processed"}
    assert found(hub) == {"PRC.MISMATCH": "open"}


def test_a_cancelled_order_is_not_waited_for(hub, clock):
    take(hub, order(1, "4500000005"))
    hub.process()
    clock.advance(timedelta(minutes=5))
    take(hub, order(2, "4500000005", purpose="01"))
    hub.process()
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "order_acknowledged")} == {"cancelled"}
    clock.advance(timedelta(days=7))
    hub.process()
    assert "ORD.ACK_OVERDUE" not in found(hub)


def cancellation(number: int, po: str, by: str) -> bytes:
    """An order taken back: by us with an 850 or an 860, or by the supplier with an 865 that agrees to it."""
    if by == "850":
        return order(number, po, purpose="01")
    if by == "860":
        segments = f"BCH*01*SA*{po}***20261120*****20261120", "POC*1*DI*0*10*EA*2.50**VN*V-1", "CTT*1"
        return interchange(number, "860", *segments, sender=US, receiver=ACME)
    return interchange(number, "865", f"BCA*01*{'AT' if by == '865' else 'RJ'}*{po}***20261120", "CTT*0")


def states(hub: Hub, pair: str) -> set[str]:
    return {row.state for row in rows(hub, clocks, clocks.c.pair == pair)}


@pytest.mark.parametrize("by", ["850", "860", "865"])
@pytest.mark.parametrize("first", ["notice", "cancellation"])
def test_what_left_is_billed_though_its_order_was_cancelled(hub, clock, by, first):
    take(hub, order(1, "4500000006", quantity=10))
    hub.process()
    papers = [
        notice(1001, "4500000006", "ASN-6", 4),
        cancellation(1002 if by == "865" else 2, "4500000006", by),
    ]
    for body in papers if first == "notice" else reversed(papers):
        clock.advance(timedelta(minutes=5))
        take(hub, body)
        hub.process()
    assert set_aside(hub) == []
    assert states(hub, "shipment_invoiced") == {"waiting"}
    clock.advance(timedelta(days=14))
    hub.process()
    assert found(hub)["BIL.INVOICE_OVERDUE"] == "open"
    take(hub, bill(1003, "4500000006", "INV-6", 4))
    hub.process()
    assert found(hub)["BIL.INVOICE_OVERDUE"] == "resolved"
    assert states(hub, "shipment_invoiced") == {"late"}


@pytest.mark.parametrize(
    ("by", "expected"), [("860", "cancelled"), ("865", "cancelled"), ("865 refused", "waiting")]
)
def test_a_ship_notice_is_awaited_until_somebody_may_cancel_the_order(hub, clock, by, expected):
    take(hub, order(1, "4500000007"))
    take(hub, answer(1001, "4500000007"))
    hub.process()
    clock.advance(timedelta(minutes=5))
    take(hub, cancellation(1002 if by.startswith("865") else 2, "4500000007", by))
    hub.process()
    assert set_aside(hub) == []
    assert states(hub, "order_shipped") == {expected}


@pytest.mark.parametrize("word", ["865", "865 refused"])
def test_a_cancellation_is_answered_by_an_answer_that_repeats_its_purpose(hub, clock, word):
    take(hub, order(1, "4500000008"))
    hub.process()
    for number, by in ((2, "860"), (1002, word)):
        clock.advance(timedelta(minutes=5))
        take(hub, cancellation(number, "4500000008", by))
        hub.process()
    assert set_aside(hub) == []
    assert states(hub, "change_answered") == {"met"}


@pytest.mark.parametrize("advised", ["before", "after"])
def test_what_is_missing_is_told_once_by_the_line_and_by_the_totals_until_the_line_is_known(
    hub, clock, advised
):
    north = "NORTHSTAR3PL"
    advice = interchange(
        1, "943", "W06*N*T-9*20261120**S-9", "N1*WH*Northstar*91*NS01", "W04*100*EA**VN*V-1", "N9*LI*1",
        "W04*50*EA**VN*V-2", "N9*LI*2", "W03*150", sender=US, receiver=north,
    )  # fmt: skip
    received = interchange(
        1, "944", "W17*F*20261122*WR-9*T-9*S-9", "N1*WH*Northstar*91*NS01", "W07*100*EA**VN*V-1", "N9*LI*1",
        "W07*45*EA**VN*V-2", "N9*LI*2", "W14*145*150", sender=north,
    )  # fmt: skip
    for body in (advice, received) if advised == "before" else (received, advice):
        take(hub, body)
        hub.process()
        clock.advance(timedelta(minutes=5))
    assert set_aside(hub) == []
    there = {row.subject: row.state for row in rows(hub, cases)}
    whole = {"warehouse_receipt/T-9": "resolved"} if advised == "after" else {}
    assert there == {"warehouse_receipt/T-9/line/2": "open", **whole}
    hub.process()
    assert len(rows(hub, cases)) == len(there)


def test_an_unknown_code_waits_in_a_group_and_runs_again_when_it_is_known(hub, clock, store, tmp_path):
    take(
        hub,
        *(answer(1001 + number, f"450000010{number}", code="QQ") for number in range(3)),
        answer(1010, "4500000200"),
    )
    hub.process()
    (group,) = hub.blocked.groups()
    assert (group.blocked_by, group.count, group.known) == ("code:x12-668:QQ@acme_supply", 3, False)
    assert hub.process().counts["unblocked"] == 0
    folder = tmp_path / "partners"
    folder.mkdir()
    profile = (package_folder("mappings") / "partners" / "acme_supply.toml").read_text()
    (folder / "acme_supply.toml").write_text(
        profile + '\n[codes.x12-668]\nQQ = { text = "accepted after a look", exception = "none" }\n'
    )
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as wiser:
        wiser.partners = Partners.load(folder)
        assert wiser.process().counts["unblocked"] == 3
        assert wiser.blocked.groups() == []
    assert set_aside(hub) == []
    assert {row.state for row in rows(hub, parts)} == {"processed"}


def profiles_with_north_valve(tmp_path) -> Path:
    folder = tmp_path / "partners"
    folder.mkdir()
    profile = (package_folder("mappings") / "partners" / "acme_supply.toml").read_text()
    (folder / "north.toml").write_text(
        profile.replace('"acme_supply"', '"north_valve"').replace("ACMESUPPLY", "NORTHVALVE")
    )
    return folder


def test_an_unknown_partner_waits_and_runs_again_when_there_is_a_profile(hub, clock, store, tmp_path):
    take(hub, interchange(1, "855", "BAK*00*AK*4500000300*20261120", sender="NORTHVALVE"))
    hub.process()
    (group,) = hub.blocked.groups()
    assert group.blocked_by == "partner:ZZ/NORTHVALVE"
    folder = profiles_with_north_valve(tmp_path)
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as wiser:
        wiser.partners = Partners.load(folder)
        assert wiser.process().counts["unblocked"] == 1
    assert set_aside(hub) == []


def test_a_worker_that_still_has_the_old_profiles_and_takes_what_was_put_back_does_not_keep_it(
    hub, clock, store, tmp_path
):
    take(hub, interchange(1, "855", "BAK*00*AK*4500000300*20261120", sender="NORTHVALVE"))
    hub.process()
    folder = profiles_with_north_valve(tmp_path)
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as wiser:
        wiser.partners = Partners.load(folder)
        assert wiser.blocked.release() == 1
        hub.process()
        assert len(set_aside(hub)) == 1
        assert wiser.process().counts["unblocked"] == 1
    assert set_aside(hub) == []


def test_an_item_that_a_strict_profile_does_not_list_waits_until_it_does(hub, clock, store, tmp_path):
    folder = tmp_path / "partners"
    folder.mkdir()
    profile = (package_folder("mappings") / "partners" / "acme_supply.toml").read_text()
    (folder / "acme_supply.toml").write_text(profile + "\n[items]\nknown_only = true\n")
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as strict:
        strict.partners = Partners.load(folder)
        take(strict, answer(1001, "4500000400"))
        strict.process()
        (group,) = strict.blocked.groups()
        assert group.blocked_by == "item:vendor-item:V-1@acme_supply"
    (folder / "acme_supply.toml").write_text(
        profile + '\n[items]\nknown_only = true\n[items.map]\n"VN:V-1" = { ours = "SKU-1" }\n'
    )
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as wiser:
        wiser.partners = Partners.load(folder)
        assert wiser.process().counts["unblocked"] == 1
    assert set_aside(hub) == []


def test_what_comes_back_with_an_obstacle_that_counts_as_known_is_left_to_a_person(hub, clock, store):
    """It must not go round for ever."""
    take(hub, answer(1001, "4500000500", code="QQ"))
    hub.process()
    hub.blocked._known.is_known = lambda word: True
    assert [hub.process().counts["unblocked"] for _ in range(3)] == [1, 1, 0]
    assert len(set_aside(hub)) == 1
    assert hub.blocked.run("code:x12-668:QQ@acme_supply", actor="somebody") == 1
