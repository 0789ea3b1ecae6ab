"""A store that has worked: messages received and processed, write-backs delivered, letters replayed and discarded."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.decide import Router
from crossdock.hub import Hub
from crossdock.messages import RawMessage, WriteBackState
from crossdock.promises.checks import Look
from crossdock.registry import Registry
from crossdock.store import outbox
from crossdock.store.engine import Store
from crossdock.store.tables import dead_letters
from crossdock.testing.clock import MovableClock

SAMPLES = Path(__file__).parents[1] / "spine/samples"
LEASE = timedelta(seconds=300)


@pytest.fixture(scope="session")
def worked(database: Any) -> Iterator[str]:
    """The name of a database with a day's work in it, to be copied."""
    url = database.migrated()
    with Store.open(url) as store:
        _work(store)
    yield url
    database.drop(url)


def _work(store: Store) -> None:
    clock = MovableClock(datetime.now(UTC).replace(microsecond=0))
    hub = Hub.open(store=store, registry=Registry(), clock=clock, tenant="main", lease=LEASE)
    for sample in sorted(SAMPLES.glob("*.edi")):
        message = RawMessage(
            tenant="main",
            source="supplier_edi",
            key=sample.name,
            body=sample.read_bytes(),
            media_type="application/edi-x12",
            received_at=clock.now(),
            name=sample.name,
        )
        receiving.accept(store, message, clock=clock)
        receiving.accept(store, message, clock=clock)  # said twice
    assert hub.process().error is None
    for target in hub.targets():
        with store.transaction("main") as connection:
            intents = outbox.claim_due(
                connection, tenant="main", target=target, now=clock.now(), lease=LEASE, limit=2, run_id=None
            )
            for intent in intents[:1]:
                assert outbox.record(
                    connection,
                    intent,
                    state=WriteBackState.DELIVERED,
                    outcome="delivered",
                    reason=None,
                    now=clock.now(),
                    receipt={"reference": "N-1"},
                )
    with store.transaction("main") as connection:
        letters = connection.scalars(sa.select(dead_letters.c.id).order_by(dead_letters.c.id)).all()
    hub.replay(letters[0], "maria")
    hub.discard(letters[1], "maria", "the partner sent it by mail")


@pytest.fixture
def day(database: Any, worked: str) -> Iterator[Store]:
    """A copy of that store, which a test may break."""
    name = worked.partition("@/")[2].partition("?")[0]
    url = database._new(name)
    with Store.open(url) as store:
        yield store
    database.drop(url)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Look]:
    """A look at a store with the connectors and rules of the house."""
    monkeypatch.setenv("CROSSDOCK_AUDIT_ANCHORS", str(tmp_path / "anchors.jsonl"))
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP",
        json.dumps(
            {"conn_type": "http", "host": "erp.example", "login": "u", "password": "a/secret&of<the>ERP"}
        ),
    )
    router = Router.load()

    def look(store: Store, **given: Any) -> Look:
        return Look(
            **{
                "store": store,
                "tenant": "main",
                "registry": Registry(),
                "lease": LEASE,
                "router": router,
                **given,
            }
        )

    return look
