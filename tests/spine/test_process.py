"""Process: from raw bytes to cases and write-backs; one bad part never stops the good beside it."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.errors import WireDown
from crossdock.faultpoints import InjectedFault
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.record import Recorder
from crossdock.registry import Registry
from crossdock.store import inbox, outbox
from crossdock.store.tables import cases, dead_letters, decisions, events, parts, raw_messages, write_backs

TENANT = "main"
SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def hub(store, clock):
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


def take(hub: Hub, *names: str, source: str = "supplier_edi") -> None:
    """Store these samples as if the source had given them."""
    for name in names:
        body = (SAMPLES / name).read_bytes()
        message = RawMessage(
            tenant=TENANT,
            source=source,
            key=name,
            body=body,
            media_type="application/edi-x12",
            received_at=hub.clock.now(),
            name=name,
        )
        receiving.accept(hub.store, message, clock=hub.clock)


def rows(hub: Hub, table: sa.Table, *order: sa.Column):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).order_by(*order)).all()


def letters(hub: Hub):
    return rows(hub, dead_letters, dead_letters.c.created_at, dead_letters.c.part)


def balance(hub: Hub) -> int:
    view = sa.table(
        "ledger_balance",
        sa.column("balance"),
        sa.column("missing_parts"),
        sa.column("unexplained"),
        schema="crossdock",
    )
    with hub.store.transaction(TENANT) as connection:
        return sum(abs(number) for row in connection.execute(sa.select(view)) for number in row)


def test_a_bad_set_is_set_aside_and_its_siblings_go_on(hub):
    take(hub, "broken_between_two_good.edi")
    counts = hub.process().counts
    assert (counts["parts"], counts["events"], counts["dead_letters"]) == (3, 2, 1)
    assert [row.state for row in rows(hub, parts, parts.c.ordinal)] == ["processed", "rejected", "processed"]
    (letter,) = letters(hub)
    assert (letter.label, letter.stage, letter.code) == ("855 0002", "normalize", "EDI.TRANSACTION_REJECTED")
    assert letter.place["segment"] and letter.place["byte"]
    assert balance(hub) == 0


def test_the_sender_is_told_which_set_was_refused(hub):
    take(hub, "broken_between_two_good.edi")
    hub.process()
    (answer,) = [row for row in rows(hub, write_backs) if row.raw_id is not None]
    segments = [segment.split("*") for segment in bytes(answer.body).decode().replace("\n", "").split("~")]
    assert [segment[1] for segment in segments if segment[0] == "AK5"] == ["A", "R", "A"]
    assert [segment[1:5] for segment in segments if segment[0] == "AK9"] == [["P", "3", "3", "2"]]
    assert answer.target == "supplier_edi"


def test_processing_again_changes_nothing(hub):
    take(hub, "broken_between_two_good.edi")
    hub.process()
    before = {
        table.name: len(rows(hub, table))
        for table in (parts, events, cases, decisions, write_backs, dead_letters)
    }
    with hub.store.transaction(TENANT) as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    hub.process()
    after = {
        table.name: len(rows(hub, table))
        for table in (parts, events, cases, decisions, write_backs, dead_letters)
    }
    assert after == before
    assert balance(hub) == 0


@pytest.mark.parametrize("place", ["process.after_claim", "process.before_commit", "process.after_commit"])
def test_dying_anywhere_and_starting_again_gives_the_same_books(hub, clock, monkeypatch, place):
    take(hub, "broken_between_two_good.edi")
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        hub.process()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    clock.advance(timedelta(minutes=2))
    hub.process()
    assert len(rows(hub, events)) == 2
    assert len(rows(hub, cases)) == 2
    assert len(letters(hub)) == 1
    assert balance(hub) == 0


def test_an_unknown_partner_is_set_aside_and_runs_once_the_profile_is_there(
    hub, clock, tmp_path, monkeypatch
):
    take(hub, "unknown_partner.edi")
    assert hub.process().counts["dead_letters"] == 1
    (letter,) = letters(hub)
    assert letter.code == "EDI.UNKNOWN_PARTNER"
    assert '["ZZ", "NEWSUPPLIER"]' in letter.remedy
    clock.advance(timedelta(minutes=1))
    hub.replay(letter.id, "ann")
    hub.process()
    assert [row.state for row in letters(hub)] == ["replayed", "open"], "still unknown: it lies there again"

    packaged = Path(receiving.__file__).parents[1] / "mappings" / "partners" / "acme_supply.toml"
    profile = packaged.read_text().replace("acme_supply", "new_supplier").replace("ACMESUPPLY", "NEWSUPPLIER")
    (tmp_path / "new_supplier.toml").write_text(profile)
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    with Hub.open(store=hub.store, registry=Registry(), clock=hub.clock, tenant=TENANT) as again:
        again.replay(letters(hub)[1].id, "ann")
        counts = again.process().counts
    assert (counts["events"], counts["dead_letters"]) == (1, 0)
    assert balance(hub) == 0


@pytest.mark.parametrize(
    ("name", "code", "processed"),
    [
        ("unknown_code.edi", "EDI.UNMAPPED_CODE", 1),
        ("unsupported_set.edi", "EDI.UNSUPPORTED_SET", 0),
        ("test_in_production.edi", "EDI.TEST_IN_PROD", 0),
        ("missing_mandatory_segment.edi", "EDI.TRANSACTION_REJECTED", 0),
        ("truncated.edi", "EDI.INTERCHANGE_REJECTED", 0),
        ("junk_after.edi", "EDI.SYNTAX", 3),
        ("empty.edi", "EDI.SYNTAX", 0),
        ("rubbish.edi", "EDI.SYNTAX", 0),
    ],
)
def test_what_cannot_be_handled_is_told_by_kind_and_place(hub, name, code, processed):
    take(hub, name)
    hub.process()
    found = letters(hub)
    assert found and {letter.code for letter in found} == {code}
    assert all(letter.place for letter in found)
    assert all(letter.sentence and letter.remedy for letter in found)
    assert len([row for row in rows(hub, parts) if row.state == "processed"]) == processed
    assert balance(hub) == 0


def test_a_nul_byte_reaches_the_books_as_a_picture_of_itself(hub):
    take(hub, "nul_in_name.edi")
    assert hub.process().counts["messages"] == 1
    assert balance(hub) == 0
    assert letters(hub) or rows(hub, events)


def test_a_message_that_kills_its_worker_is_set_aside(hub, clock, monkeypatch):
    take(hub, "broken_between_two_good.edi")
    monkeypatch.setenv("CROSSDOCK_FAULT", "process.after_claim:raise:1")
    for _ in range(3):
        monkeypatch.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            hub.process()
        clock.advance(timedelta(minutes=2))
    monkeypatch.delenv("CROSSDOCK_FAULT")
    hub.process()
    assert {letter.error_class for letter in letters(hub)} == {"PoisonMessage"}
    assert balance(hub) == 0
    # the reader was mended: what was set aside whole, as one part, has three
    for letter in letters(hub):
        hub.replay(letter.id, "ann")
    hub.process()
    assert sorted((row.label, row.state) for row in rows(hub, parts)) == [
        ("855 0001", "processed"),
        ("855 0002", "rejected"),
        ("855 0003", "processed"),
    ]
    assert balance(hub) == 0


def test_the_same_trouble_said_again_folds_into_its_case(hub, clock):
    take(hub, "broken_between_two_good.edi")
    hub.process()
    clock.advance(timedelta(hours=1))
    take(hub, "junk_after.edi")  # the same three orders, in another interchange
    hub.process()
    folded = rows(hub, cases, cases.c.subject)
    assert [row.occurrences for row in folded] == [2, 1, 2]
    assert len({row.id for row in folded}) == 3


def test_a_fault_in_one_mapping_stays_in_its_part(hub, monkeypatch):
    import mappings.inbound.x12_855 as mapping

    real = mapping.map

    def breaks(document, context):
        if document.control_number == "0001":
            raise ZeroDivisionError("a bug")
        yield from real(document, context)

    monkeypatch.setattr(mapping, "map", breaks)
    take(hub, "broken_between_two_good.edi")
    hub.process()
    assert [row.state for row in rows(hub, parts, parts.c.ordinal)] == [
        "dead_lettered",
        "rejected",
        "processed",
    ]
    assert any("ZeroDivisionError" in letter.sentence for letter in letters(hub))
    assert balance(hub) == 0


def test_an_unreachable_outbound_mapping_sends_the_case_to_triage_and_loses_nothing(hub, monkeypatch):
    monkeypatch.setattr(type(hub.registry), "outbound", lambda self, operation: None)
    take(hub, "broken_between_two_good.edi")
    hub.process()
    decided = rows(hub, decisions)
    assert len(decided) == 2
    assert {row.queue for row in decided} == {"triage"}
    assert all("no outbound mapping" in row.error for row in decided)
    assert {row.queue for row in rows(hub, cases)} == {"triage"}


def test_a_database_that_goes_away_blames_no_message(hub, clock, database, monkeypatch):
    take(hub, "broken_between_two_good.edi")
    real = Recorder._write_parts

    def cut(self, connection, worked):
        with database.connect() as root:
            root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (hub.store.url.database,),
            )
        return real(self, connection, worked)

    monkeypatch.setattr(Recorder, "_write_parts", cut)
    with pytest.raises(WireDown, match="our own database went away"):
        hub.process()
    monkeypatch.setattr(Recorder, "_write_parts", real)
    clock.advance(timedelta(minutes=2))
    hub.process()
    assert len(letters(hub)) == 1
    assert balance(hub) == 0


def test_a_source_that_cannot_be_told_is_a_case_and_not_silence(hub):
    take(hub, "broken_between_two_good.edi")
    with hub.store.transaction(TENANT) as connection:
        id = connection.execute(sa.select(raw_messages.c.id)).scalar_one()
        message = inbox.read_message(connection, TENANT, id)
    for _ in range(2):
        hub.processor.note_untold([(message, "the archive is read-only")], connector_version="1")
    (case,) = rows(hub, cases)
    assert (case.code, case.occurrences) == ("INT.SOURCE_DEGRADED", 1)
    (event,) = rows(hub, events)
    assert event.document["data"]["detail"] == "the archive is read-only"


def test_control_numbers_are_gapless_and_what_cannot_be_written_takes_none(store):
    def take(*partners: str, fail: str = "") -> list[int]:
        taken = []
        with store.transaction(TENANT) as connection:
            numbers = outbox.ControlNumbers(connection, TENANT)
            for partner in partners:
                with contextlib.suppress(ZeroDivisionError), numbers.attempt():
                    taken.append(numbers.take(partner, "interchange"))
                    if partner == fail:
                        raise ZeroDivisionError
            numbers.save()
        return taken

    assert take("a", "a", "b") == [1, 2, 1]
    assert take("a", "b", "a", fail="b") == [3, 2, 4]
    assert take("b", "a") == [2, 5]


def test_a_file_of_a_million_envelopes_is_cut_off_and_its_rest_set_aside(hub, monkeypatch):
    monkeypatch.setattr("crossdock.normalize.x12.MOST_INTERCHANGES", 3)
    body = (SAMPLES / "unknown_partner.edi").read_bytes() * 5
    message = RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key="many",
        body=body,
        media_type="application/edi-x12",
        received_at=hub.clock.now(),
        name="many.edi",
    )
    receiving.accept(hub.store, message, clock=hub.clock)
    hub.process()
    rest = letters(hub)[-1]
    assert (rest.label, rest.code, rest.place["byte"]) == ("the rest", "EDI.SYNTAX", len(body) // 5 * 3)
    assert len(letters(hub)) == 4
    assert balance(hub) == 0


def test_a_claim_that_the_server_did_not_outlive_is_no_try(hub, clock, monkeypatch):
    """The database dies while a message is worked on, again and again, and its worker with it: neither the message
    nor its reader is to blame."""
    take(hub, "broken_between_two_good.edi")
    monkeypatch.setenv("CROSSDOCK_FAULT", "process.after_claim:raise:1")
    for _ in range(5):
        monkeypatch.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            hub.process()
        with hub.store.transaction("main") as connection:  # as if the server had been started since
            earlier = raw_messages.c.claimed_under - timedelta(hours=1)
            connection.execute(sa.update(raw_messages).values(claimed_under=earlier))
        clock.advance(timedelta(minutes=2))
    monkeypatch.delenv("CROSSDOCK_FAULT")
    hub.process()
    assert [letter.error_class for letter in letters(hub) if letter.error_class == "PoisonMessage"] == []
    assert {row.state for row in rows(hub, parts)} == {"processed", "rejected"}
    assert balance(hub) == 0
