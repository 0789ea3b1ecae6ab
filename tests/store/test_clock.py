"""Leases are judged by the database's time: clocks that differ or jump take nobody's work, and leave none lying."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.store import inbox
from crossdock.store.clock import StoreClock, Told
from crossdock.store.engine import Store
from crossdock.store.tables import raw_messages

LEASE = timedelta(minutes=5)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch):
    """Set the time of day of this machine, as it stands on a machine whose clock is wrong."""

    def set_by(by: timedelta) -> None:
        class Wrong(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + by

        monkeypatch.setattr("crossdock.ports.datetime", Wrong)

    return set_by


def claim(store: Store, hub: Hub) -> list[inbox.Claim]:
    with store.transaction("main") as connection:
        return inbox.claim_messages(
            connection, tenant="main", now=hub.clock.now(), lease=LEASE, limit=10, max_bytes=10_000
        )


def take(hub: Hub) -> None:
    message = RawMessage(
        tenant="main", source="supplier_edi", key="1", body=b"x", media_type="text/plain",
        received_at=hub.clock.now(),
    )  # fmt: skip
    hub.accept(hub.registry.manifest("supplier_edi"), message)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_worker_whose_clock_is_wrong_steals_no_lease_and_holds_none_too_long(store, wall, minutes) -> None:
    mine = Hub.open(store=store, lease=LEASE)
    take(mine)
    assert len(claim(store, mine)) == 1
    wall(timedelta(minutes=minutes))
    theirs = Hub.open(store=store, lease=LEASE)
    assert claim(store, theirs) == []
    with store.transaction("main") as connection:
        until = connection.scalar(sa.select(raw_messages.c.lease_until))
        now = connection.scalar(sa.select(sa.func.clock_timestamp()))
        connection.execute(sa.update(raw_messages).values(lease_until=now - timedelta(seconds=1)))
    assert timedelta(minutes=4, seconds=50) < until - now <= LEASE
    assert len(claim(store, theirs)) == 1


def test_the_time_is_the_database_s_and_goes_on_by_a_clock_that_nobody_sets(store, wall) -> None:
    clock = StoreClock(store)
    before = clock.now()
    wall(timedelta(hours=-1))
    after = clock.now()
    with store.transaction("main") as connection:
        database = connection.scalar(sa.select(sa.func.clock_timestamp()))
    assert before <= after
    assert abs(database - after) < timedelta(seconds=5)
    told = Told(at=datetime(2026, 11, 20, 14, tzinfo=UTC), when=100.0)
    assert told.now(lambda: 160.0) == datetime(2026, 11, 20, 14, 1, tzinfo=UTC)


def test_every_transaction_tells_the_time_anew(store, monkeypatch) -> None:
    clock = StoreClock(store)
    clock.now()
    monkeypatch.setattr(store, "_told", Told(at=datetime(2020, 1, 1, tzinfo=UTC), when=0.0))
    with store.reading("main"):
        pass
    assert clock.now() > datetime(2026, 1, 1, tzinfo=UTC)


def test_what_only_reads_cannot_write(store) -> None:
    with (
        pytest.raises(sa.exc.InternalError, match="read-only transaction"),
        store.reading("main") as connection,
    ):
        connection.execute(sa.update(raw_messages).values(attempts=1))
    with store.transaction("main") as connection:  # and the next one on the same connection can
        connection.execute(sa.update(raw_messages).values(attempts=1))
