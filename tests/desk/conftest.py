"""A target with a book of its effects, and a desk full of write-backs that it refused."""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.deliver import Deliverer
from crossdock.hub import Hub
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack, derived_id
from crossdock.ports import Manifest, SinkManifest
from crossdock.store import outbox
from crossdock.store.engine import Store
from crossdock.store.tables import dead_letters
from crossdock.testing.clock import MovableClock

TENANT = "main"


@dataclass
class Target:
    """Refuses, is away, does, or does and says nothing; it keeps every effect by its business key, and the bodies
    in their order."""

    says: str = "no"
    effects: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)

    def deliver(self, write_back: WriteBack) -> Outcome:
        if self.says == "no":
            return Reject(reason=f"422: order {write_back.subject} is closed", status="422")
        if self.says == "away":
            return Retry(reason="429")
        self.effects[write_back.subject] += 1
        self.bodies.append(write_back.body)
        if self.says == "quiet":
            return Unsure(reason="connection reset")
        return Delivered(receipt=Receipt(reference=f"N-{sum(self.effects.values())}"))

    def close(self) -> None: ...


def manifest(name: str = "erp", idempotency: str = "key") -> Manifest:
    sink = SinkManifest(
        operations=("note",),
        idempotency=idempotency,
        schedule_s=(10, 20),
        concurrency=1,
        batch=50,
        every_s=15,
        settings={},
    )
    return Manifest(
        name=name,
        title=name,
        owner="integration",
        tenant=TENANT,
        wire="rest",
        connection=f"crossdock_{name}",
        connection_type="crossdock_rest",
        version="1",
        folder="",
        source=None,
        sink=sink,
    )


def intents(store: Store, clock: MovableClock, count: int, *, target: str = "erp", first: int = 0) -> None:
    rows = [
        {
            "tenant": TENANT,
            "id": derived_id("test", target, str(number)),
            "target": target,
            "operation": "note",
            "idempotency_key": f"{target}-{number}",
            "subject": f"supplier_po/{number}",
            "body": b'{"text":"late"}',
            "body_sha256": "0" * 64,
            "media_type": "application/json",
            "headers": {},
            "state": "ready",
            "next_attempt_at": clock.now(),
            "created_at": clock.now(),
            "updated_at": clock.now(),
        }
        for number in range(first, first + count)
    ]
    with store.transaction(TENANT) as connection:
        assert outbox.add_write_backs(connection, rows) == count


def deliver(
    store: Store, clock: MovableClock, target: Target, rules: Manifest | None = None
) -> dict[str, int]:
    """Every attempt that is due at this target."""
    deliverer = Deliverer(
        store=store,
        tenant=TENANT,
        manifest=rules or manifest(),
        sink=target,
        clock=clock,
        dice=random.Random(7),
        lease=timedelta(seconds=300),
    )
    total: Counter[str] = Counter()
    while (counts := deliverer.deliver_batch())["attempts"]:
        total.update(counts)
    return dict(total)


@pytest.fixture
def hub(store: Store, clock: MovableClock) -> Hub:
    return Hub.open(clock=clock, store=store, tenant=TENANT)


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def refused(store: Store, clock: MovableClock, target: Target) -> Callable[[int], list[uuid.UUID]]:
    """So many write-backs that the target refused; their letters."""

    def made(count: int) -> list[uuid.UUID]:
        intents(store, clock, count)
        target.says = "no"
        deliver(store, clock, target)
        target.says = "yes"
        return [row.id for row in rows(store, dead_letters)]

    return made


def rows(store: Store, table: sa.Table, **wanted: Any) -> list[Any]:
    statement = sa.select(table).where(*(table.c[name] == value for name, value in wanted.items()))
    order = [table.c[name] for name in ("created_at", "at", "id", "ordinal") if name in table.c]
    with store.transaction(TENANT) as connection:
        return list(connection.execute(statement.order_by(*order)))


def bites(hub: Hub) -> Counter[str]:
    """What the step does before it has to wait."""
    return Counter(hub.redrive().counts)
