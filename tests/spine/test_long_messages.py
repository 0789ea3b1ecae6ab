"""Long messages: worked on slice by slice, and still all or nothing."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import process
from crossdock import receive as receiving
from crossdock.faultpoints import InjectedFault
from crossdock.formats import x12
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.normalize import Normalizer
from crossdock.normalize import x12 as normalizing
from crossdock.normalize.values import LONG_BYTES
from crossdock.partners import Partners
from crossdock.record import Recorder
from crossdock.registry import Registry
from crossdock.store import casebook
from crossdock.store.engine import Clash
from crossdock.store.tables import cases, dead_letters, events, exchanges, facts, parts, write_backs

TENANT = "main"


def acknowledgment(number: int, lines: int) -> list[str]:
    """An 855 that backorders its second line."""
    body = [f"ST*855*{number:04}", f"BAK*00*AC*45{number:08}*20261119"]
    for line in range(1, lines + 1):
        body.append(f"PO1*{line}*100*EA*12.5**VN*AP-{line}")
        body.append("ACK*IB*100*EA*067*20261204" if line == 2 else "ACK*IA*100*EA")
    return [*body, f"CTT*{lines}", f"SE*{len(body) + 2}*{number:04}"]


def interchange(number: int, sets: Sequence[list[str]], counted: int | None = None) -> bytes:
    """One interchange of the packaged supplier; ``counted``: what its GE says."""
    segments = [
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0600*U*00401*"
        f"{number:09}*0*P*>",
        f"GS*PR*ACMESUPPLY*CROSSDOCK*20261120*0600*{number}*X*004010",
        *(segment for one in sets for segment in one),
        f"GE*{len(sets) if counted is None else counted}*{number}",
        f"IEA*1*{number:09}",
    ]
    return ("~\n".join(segments) + "~\n").encode()


def broken(number: int) -> list[str]:
    """An 855 with letters where its guide wants a number."""
    body = acknowledgment(number, 3)
    body[2] = body[2].replace("*100*", "*MANY*")
    return body


def message(body: bytes, clock, name: str = "long.edi") -> RawMessage:
    return RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key=name,
        body=body,
        media_type="application/edi-x12",
        received_at=clock.now(),
        name=name,
    )


@pytest.fixture
def hub(store, clock) -> Iterator[Hub]:
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


@pytest.fixture
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a message of a few sets is worked on as one of some megabytes is."""
    for room in (process, normalizing):
        monkeypatch.setattr(room, "LONG_BYTES", 0)
    monkeypatch.setattr(process, "SLICE_PARTS", 2)


def take(hub: Hub, body: bytes) -> None:
    receiving.accept(hub.store, message(body, hub.clock), clock=hub.clock)


def count(hub: Hub, *tables: sa.Table) -> tuple[int, ...]:
    with hub.store.transaction(TENANT) as connection:
        return tuple(
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables
        )


def rows(hub: Hub, table: sa.Table, *order: sa.Column):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).order_by(*order)).all()


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


def test_a_long_message_is_never_all_in_memory_as_statements(hub, monkeypatch):
    sets = [acknowledgment(number, 95) for number in range(1, 1001)]
    body = interchange(1, sets[:600]) + interchange(2, sets[600:])
    assert len(body) > LONG_BYTES
    slices: list[int] = []
    write = Recorder.write_statements

    def watched(self, connection, worked, now):
        slices.append(sum(len(one.parts) for one in worked))
        return write(self, connection, worked, now)

    monkeypatch.setattr(Recorder, "write_statements", watched)
    take(hub, body)
    counts = hub.process().counts
    assert (counts["parts"], counts["facts"], counts["events"], counts["cases"]) == (1000, 1000, 1000, 1000)
    assert sum(slices) == 1000
    assert max(slices) <= process.SLICE_PARTS
    assert len(slices) >= len(body) // (2 * process.SLICE_BYTES)
    assert count(hub, parts, facts, events, cases, dead_letters) == (1000, 1000, 1000, 1000, 0)
    (answer,) = [row for row in rows(hub, write_backs) if row.raw_id is not None]
    told = [segment.split("*") for segment in bytes(answer.body).decode().replace("\n", "").split("~")]
    assert [segment[1:5] for segment in told if segment[0] == "AK9"] == [
        ["A", "600", "600", "600"],
        ["A", "400", "400", "400"],
    ]
    assert sum(segment[0] == "AK2" for segment in told) == 1000
    assert len([row for row in rows(hub, exchanges) if row.direction == "in"]) == 1000
    assert balance(hub) == 0


def test_a_long_message_says_what_it_would_say_in_one_piece(clock, monkeypatch):
    body = b"".join(
        (
            b"WHO SENT THIS\n",
            interchange(1, [acknowledgment(1, 3), broken(2), acknowledgment(3, 2)]),
            interchange(2, [acknowledgment(1, 3), acknowledgment(2, 3)], counted=7),
            interchange(1, [acknowledgment(4, 3)]),
            interchange(3, [acknowledgment(1, 3), broken(2)]).replace(b"ACMESUPPLY     ", b"SOMEBODY ELSE  "),
            interchange(4, [["ST*855*0001", "SE*2*0001"], acknowledgment(2, 3), acknowledgment(2, 3)]),
        )
    )
    normalizer = Normalizer(registry=Registry(), partners=Partners.load(), clock=clock)
    whole = normalizer.normalize(message(body, clock))
    monkeypatch.setattr(normalizing, "LONG_BYTES", 0)
    long = normalizer.normalize(message(body, clock))
    assert long.parts == whole.parts
    assert len({part.state for part in long.parts}) > 2
    assert long.exchanged == whole.exchanged
    assert [(one.text, one.interchanges) for one in long.acknowledgements] == [
        (one.text, one.interchanges) for one in whole.acknowledgements
    ]
    numbers = {"interchange_number": 1, "group_number": 1, "first_set_number": 1, "now": clock.now()}
    assert [one.write(**numbers) for one in long.acknowledgements] == [
        one.write(**numbers) for one in whole.acknowledgements
    ]


def test_what_is_kept_of_a_wrong_set_is_what_the_answer_quotes(clock, monkeypatch):
    """A 999 names the line in which an error is; the other segments of the set are let go."""
    body = interchange(1, [broken(1), acknowledgment(2, 40)])
    monkeypatch.setattr(normalizing, "LONG_BYTES", 0)
    normalizer = Normalizer(registry=Registry(), partners=Partners.load(), clock=clock)
    (wanted,) = normalizer.normalize(message(body, clock)).acknowledgements
    (told,) = wanted.write.told
    ((_, verdict),) = told.groups
    wrong, right = (one.of for one in verdict.sets)
    assert [segment[0] for segment in wrong.segments] == ["ST", "BAK", "PO1"]
    assert [segment[0] for segment in right.segments] == ["ST"]


def test_the_second_reading_gives_the_sets_of_the_first():
    body = interchange(1, [acknowledgment(1, 3), acknowledgment(2, 3)]) + interchange(
        2, [acknowledgment(1, 2)]
    )
    sets = [item for item in x12.read(body) if isinstance(item, x12.TransactionSet)]
    again = normalizing.Again(body)
    assert [again.entry(0), again.entry(2)] == [sets[0], sets[2]]


@pytest.mark.parametrize("place", ["process.after_claim", "process.before_commit", "process.after_commit"])
def test_dying_in_a_long_message_and_starting_again_gives_the_same_books(
    hub, clock, monkeypatch, short_is_long, place
):
    take(hub, interchange(1, [acknowledgment(number, 3) for number in range(1, 8)]))
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        hub.process()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    clock.advance(timedelta(minutes=2))
    hub.process()
    assert count(hub, parts, facts, events, cases, dead_letters) == (7, 7, 7, 7, 0)
    assert len([row for row in rows(hub, write_backs) if row.raw_id is not None]) == 1
    assert balance(hub) == 0


def test_another_worker_in_the_way_makes_it_begin_with_its_first_slice(hub, monkeypatch, short_is_long):
    take(hub, interchange(1, [acknowledgment(number, 3) for number in range(1, 8)]))
    calls: list[int] = []
    add = casebook.add_parts

    def in_the_way_once(connection, rows):
        calls.append(len(rows))
        if len(calls) == 3:
            raise Clash("another worker was in the way")
        return add(connection, rows)

    monkeypatch.setattr(casebook, "add_parts", in_the_way_once)
    counts = hub.process().counts
    assert calls == [2, 2, 2, 2, 2, 2, 1]
    assert (counts["messages"], counts["parts"], counts["events"]) == (1, 7, 7)
    assert count(hub, parts, facts, events, cases, dead_letters) == (7, 7, 7, 7, 0)
    assert balance(hub) == 0


def test_a_fault_in_its_middle_sets_all_of_it_aside_and_a_replay_takes_all_of_it(
    hub, monkeypatch, short_is_long
):
    take(hub, interchange(1, [acknowledgment(number, 3) for number in range(1, 8)]))
    with monkeypatch.context() as during:
        add = casebook.add_facts

        def fails_late(connection, rows):
            if any(row["part"] == 4 for row in rows):
                raise ValueError("something of ours broke")
            return add(connection, rows)

        during.setattr(casebook, "add_facts", fails_late)
        hub.process()
    assert count(hub, parts, facts, events, cases) == (1, 0, 0, 0)
    (letter,) = rows(hub, dead_letters)
    assert (letter.stage, letter.part) == ("detect", 0)
    hub.replay(letter.id, "eve")
    hub.process()
    assert count(hub, parts, facts, events, cases) == (7, 7, 7, 7)
    assert balance(hub) == 0


def test_one_part_of_a_long_message_replayed_runs_alone(hub, monkeypatch, short_is_long):
    take(hub, interchange(1, [acknowledgment(1, 3), broken(2), acknowledgment(3, 3)]))
    hub.process()
    assert [row.state for row in rows(hub, parts, parts.c.ordinal)] == ["processed", "rejected", "processed"]
    before = count(hub, parts, facts, events, write_backs)
    (letter,) = rows(hub, dead_letters)
    hub.replay(letter.id, "eve")
    hub.process()
    assert count(hub, parts, facts, events, write_backs) == before
    assert balance(hub) == 0


def test_long_and_short_messages_of_a_batch_are_taken_in_their_order(hub, clock, monkeypatch):
    bodies = [interchange(number, [acknowledgment(number, 3)] * 1) for number in range(1, 4)]
    bodies[1] = interchange(2, [acknowledgment(number, 3) for number in range(10, 40)])
    for number, body in enumerate(bodies):
        receiving.accept(hub.store, message(body, clock, f"{number}.edi"), clock=clock)
        clock.advance(timedelta(seconds=1))
    for room in (process, normalizing):
        monkeypatch.setattr(room, "LONG_BYTES", len(bodies[0]) + 10)
    seen: list[str] = []
    read = Normalizer.read

    def watched(self, message, **more):
        seen.append(message.name)
        return read(self, message, **more)

    monkeypatch.setattr(Normalizer, "read", watched)
    counts = hub.process().counts
    assert seen == ["0.edi", "1.edi", "2.edi"]
    assert (counts["messages"], counts["parts"]) == (3, 32)
    assert balance(hub) == 0
