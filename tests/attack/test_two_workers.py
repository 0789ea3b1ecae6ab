"""Two workers at the same moment: neither loses a message, and none is blamed for the other."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.testing.clock import MovableClock
from deploy.sandbox import documents

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)


def hub_on(store: Any) -> Hub:
    return Hub.open(clock=MovableClock(AT), store=store, tenant="main", lease=timedelta(minutes=5))


def take(hub: Hub, number: int, *orders: str) -> None:
    """A file with a backorder on each of these orders."""
    line = documents.Line(item=documents.VALVE, quantity=60, answers=[["IB", "60", "EA"]])
    sets = [
        documents.acknowledgement(order, "AC", [line], at=AT, number="S", control=place)
        for place, order in enumerate(orders, start=1)
    ]
    hub.accept(
        hub.registry.manifest("supplier_edi"),
        RawMessage(
            tenant="main",
            source="supplier_edi",
            key=str(number),
            body=documents.interchange(documents.ACME, "PR", sets, control=number, at=AT),
            media_type="application/edi-x12",
            received_at=AT,
            name=f"{number}.edi",
        ),
    )


def test_a_deadlock_is_nobodys_fault(store: Any) -> None:
    """The database ends one of two transactions that wait for each other. Its message is not to blame: it is written
    again, and nothing is set aside."""
    hub = hub_on(store)
    take(hub, 1, "4500A", "4500B")
    hub.process()
    take(hub, 2, "4500A", "4500B")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            hub_on(store).process()
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=work)
    url = store.url.render_as_string(hide_password=False).replace("+psycopg", "")
    one_case = "SELECT id FROM crossdock.cases WHERE subject LIKE '%%' || %s || '%%' FOR UPDATE"
    with psycopg.connect(url, autocommit=True) as eye, psycopg.connect(url) as other:
        other.execute("SET deadlock_timeout = '60s'")  # so the worker is the one that is ended
        assert other.execute(one_case, ["4500B"]).fetchone()
        worker.start()
        until = time.monotonic() + 30
        waits = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
        while eye.execute(waits, [other.info.backend_pid]).fetchone() == (0,):
            assert time.monotonic() < until, "the worker never came to the other's row"
        assert other.execute(one_case, ["4500A"]).fetchone()
        other.commit()
    worker.join(30)
    assert failed == []
    with store.transaction("main") as connection:
        assert connection.execute(sa.text("SELECT sentence FROM crossdock.dead_letters")).all() == []
        assert connection.execute(sa.text("SELECT occurrences FROM crossdock.cases")).scalars().all() == [
            2,
            2,
        ]
        assert connection.execute(
            sa.text("SELECT balance FROM crossdock.ledger_balance")
        ).scalars().all() == [0]
