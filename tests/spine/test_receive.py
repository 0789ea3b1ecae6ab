"""Receive: what was said is stored before anything looks at it, once, and the source is told after."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.deadletters import NotPossible, replay
from crossdock.errors import Refused, WireDown
from crossdock.faultpoints import InjectedFault
from crossdock.messages import RawMessage, Verdict
from crossdock.ports import Skipped
from crossdock.store.tables import dead_letters, duplicates, raw_messages, sources

TENANT = "main"


@dataclass
class Shelf:
    """A source whose messages stay until they are settled, as files on a server do."""

    messages: list[RawMessage]
    settled: list[tuple[str, Verdict]] = field(default_factory=list)
    breaks_after: int | None = None
    refuses_to_settle: bool = False

    def read(self, after: str | None) -> Iterator[RawMessage]:
        done = {name for name, _ in self.settled}
        for number, message in enumerate(list(self.messages)):
            if self.breaks_after is not None and number >= self.breaks_after:
                raise WireDown("connector 'shelf': the server went away")
            if message.name not in done:
                yield message

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        if self.refuses_to_settle:
            raise Refused("connector 'shelf': the archive is read-only", status="3")
        self.settled.append((message.name, verdict))

    def close(self) -> None: ...


def said(clock, name: str, body: bytes, *, key: str | None = None, position: str | None = None) -> RawMessage:
    return RawMessage(
        tenant=TENANT,
        source="shelf",
        key=key or f"sha256:{body.hex()}",
        body=body,
        media_type="application/edi-x12",
        received_at=clock.now(),
        name=name,
        position=position,
        headers={"mtime": "1763632800"},
    )


def read(store, shelf, clock, limit=100):
    return receiving.receive(store, shelf, tenant=TENANT, name="shelf", clock=clock, limit=limit)


def balance(store) -> dict[str, int]:
    view = sa.table(
        "ledger_balance",
        sa.column("source"),
        sa.column("received"),
        sa.column("duplicate"),
        sa.column("in_flight"),
        sa.column("rejected"),
        sa.column("balance"),
        schema="crossdock",
    )
    with store.transaction(TENANT) as connection:
        return dict(connection.execute(sa.select(view).where(view.c.source == "shelf")).mappings().one())


def test_the_same_bytes_under_another_name_are_a_duplicate(store, clock):
    shelf = Shelf([said(clock, "a.edi", b"one"), said(clock, "b.edi", b"one"), said(clock, "c.edi", b"two")])
    received = read(store, shelf, clock)
    assert received.counts == {"received": 3, "stored": 2, "duplicate": 1, "set_aside": 0}
    assert shelf.settled == [
        ("a.edi", Verdict.STORED),
        ("b.edi", Verdict.DUPLICATE),
        ("c.edi", Verdict.STORED),
    ]
    row = balance(store)
    assert (row["received"], row["duplicate"], row["in_flight"], row["balance"]) == (3, 1, 2, 0)


@pytest.mark.parametrize("place", ["receive.before_commit", "receive.before_settle", "receive.after_settle"])
def test_dying_anywhere_and_reading_again_receives_each_message_once(store, clock, monkeypatch, place):
    shelf = Shelf([said(clock, "a.edi", b"one"), said(clock, "b.edi", b"one"), said(clock, "c.edi", b"two")])
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        read(store, shelf, clock)
    monkeypatch.delenv("CROSSDOCK_FAULT")
    read(store, shelf, clock)
    read(store, shelf, clock)
    row = balance(store)
    assert (row["received"], row["duplicate"], row["balance"]) == (3, 1, 0)
    assert {name for name, _ in shelf.settled} == {"a.edi", "b.edi", "c.edi"}
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(raw_messages)).scalar() == 2
        assert connection.execute(sa.select(sa.func.count()).select_from(duplicates)).scalar() == 1


def test_a_source_that_breaks_in_the_middle_keeps_what_came_before(store, clock):
    shelf = Shelf([said(clock, "a.edi", b"one"), said(clock, "b.edi", b"two")], breaks_after=1)
    received = read(store, shelf, clock)
    assert received.counts["stored"] == 1
    assert "went away" in str(received.error)
    with store.transaction(TENANT) as connection:
        assert "went away" in connection.execute(sa.select(sources.c.error)).scalar_one()
    shelf.breaks_after = None
    assert read(store, shelf, clock).counts["stored"] == 1
    assert balance(store)["received"] == 2


def test_an_archive_that_fails_is_said_and_nothing_is_received_twice(store, clock):
    shelf = Shelf([said(clock, "a.edi", b"one")], refuses_to_settle=True)
    received = read(store, shelf, clock)
    assert [(message.name, "read-only" in why) for message, why in received.untold] == [("a.edi", True)]
    shelf.refuses_to_settle = False
    assert read(store, shelf, clock).counts["received"] == 0
    assert shelf.settled == [("a.edi", Verdict.STORED)]


def test_the_position_moves_only_with_the_rows(store, clock, monkeypatch):
    shelf = Shelf([said(clock, "a", b"one", position="1"), said(clock, "b", b"two", position="2")])
    monkeypatch.setenv("CROSSDOCK_FAULT", "receive.before_commit:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        read(store, shelf, clock)
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(sources.c.position)).scalar_one() is None
    read(store, shelf, clock)
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(sources.c.position)).scalar_one() == "2"


def test_an_older_reader_cannot_commit_after_a_newer_one_began(store, clock):
    class Slow(Shelf):
        def read(self, after):
            read(store, Shelf([]), clock)  # somebody else takes a turn while we read
            yield from super().read(after)

    received = read(store, Slow([said(clock, "a.edi", b"one")]), clock)
    assert isinstance(received.error, receiving.ReadByAnother)
    assert balance(store)["received"] == 0


def test_a_body_over_the_limit_lies_out_of_the_row_and_comes_back_whole(store, clock):
    from crossdock.store import inbox

    body = bytes(range(256)) * 1025
    read(store, Shelf([said(clock, "big.edi", body, key="big")]), clock)
    with store.transaction(TENANT) as connection:
        row = connection.execute(sa.select(raw_messages.c.id, raw_messages.c.body)).one()
        assert row.body is None
        assert inbox.read_message(connection, TENANT, row.id).body == body


def test_a_pushed_message_is_stored_once_and_another_body_under_its_id_is_set_aside(store, clock):
    first = said(clock, "wh-1", b'{"a":1}', key="wh-1")
    assert receiving.accept(store, first, clock=clock) is Verdict.STORED
    assert receiving.accept(store, replace(first, name="wh-1"), clock=clock) is Verdict.DUPLICATE
    other = said(clock, "wh-1", b'{"a":2}', key="wh-1")
    assert receiving.accept(store, other, clock=clock) is Verdict.SET_ASIDE
    assert receiving.accept(store, other, clock=clock) is Verdict.SET_ASIDE
    row = balance(store)
    assert row["rejected"] == 1
    assert row["balance"] == 0


def test_a_first_look_and_what_was_not_taken_are_kept_although_nothing_came(store, clock):
    class Watching(Shelf):
        def position(self):
            return '{"looks": 1}'

        def skipped(self):
            return (Skipped(name="link.edi", code="sftp.symlink", sentence="'link.edi' is a symbolic link"),)

    received = read(store, Watching([]), clock)
    assert received.counts["skipped"] == 1
    assert read(store, Watching([]), clock).counts["skipped"] == 0, "said once, for as long as it lies there"
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(sources.c.position)).scalar_one() == '{"looks": 1}'
        letter = connection.execute(sa.select(dead_letters)).one()
    assert (letter.stage, letter.code) == ("receive", "INT.SOURCE_DEGRADED")
    assert "symbolic link" in letter.sentence
    row = balance(store)
    assert (row["received"], row["rejected"], row["balance"]) == (1, 1, 0)


def test_what_was_never_taken_is_not_replayed(store, clock):
    class Watching(Shelf):
        def position(self):
            return None

        def skipped(self):
            return (Skipped(name="big.edi", code="sftp.too_large", sentence="'big.edi' has 51 MiB"),)

    read(store, Watching([]), clock)
    with store.transaction(TENANT) as connection:
        letter = connection.execute(sa.select(dead_letters)).one()
    assert "max_file_mib" in letter.remedy
    with store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="never taken"):
        replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())


def test_a_system_that_asks_us_to_wait_is_left_alone_until_then(store, clock):
    class Busy(Shelf):
        reads = 0

        def read(self, after):
            self.reads += 1
            if self.reads == 1:
                raise Refused("429", status="429", retry_after=timedelta(hours=1))
            yield from super().read(after)

    busy = Busy([said(clock, "a", b"one")])
    assert isinstance(read(store, busy, clock).error, Refused)
    clock.advance(timedelta(minutes=59))
    waiting = read(store, busy, clock)
    assert (waiting.error, waiting.counts["waiting"], busy.reads) == (None, 1, 1)
    clock.advance(timedelta(minutes=2))
    assert read(store, busy, clock).counts["stored"] == 1
    assert read(store, busy, clock).counts.get("waiting", 0) == 0
