"""A target with a book of its effects, and a queue for it: what the tests of delivery share."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from crossdock.deliver import Deliverer
from crossdock.errors import Misconfigured, WireDown, WireQuiet
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack, derived_id
from crossdock.ports import Manifest, SinkManifest
from crossdock.store import outbox
from crossdock.store.tables import attempts, dead_letters, write_backs

TENANT = "main"
LEASE = timedelta(seconds=60)


@dataclass
class Target:
    """A system with a book of its effects. ``answers`` says, call by call, how it behaves; then it behaves well."""

    answers: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    honours_keys: bool = True
    asked: int = 0

    def deliver(self, write_back: WriteBack) -> Outcome:
        self.calls.append((write_back.idempotency_key, write_back.attempt))
        answer = self.answers.pop(0) if self.answers else "ok"
        match answer:
            case "down":
                raise WireDown("connection refused")
            case "reset_before_commit":
                raise WireQuiet("connection reset")
            case "reset_after_commit":
                self._commit(write_back)
                raise WireQuiet("connection reset")
            case "html":
                return Unsure(reason="200 with text/html, where a receipt was expected")
            case "429":
                return Retry(reason="429", not_before=None)
            case "no":
                return Reject(reason="422: the order is closed", status="422")
            case "bug":
                raise KeyError("id")
            case "password":
                raise Misconfigured("401: the token is not accepted; update connection crossdock_erp")
        self._commit(write_back)
        return Delivered(receipt=Receipt(reference=f"N-{len(self.effects)}"))

    def _commit(self, write_back: WriteBack) -> None:
        if not self.honours_keys or write_back.idempotency_key not in self.effects:
            self.effects.append(write_back.idempotency_key)

    def close(self) -> None: ...


class AskableTarget(Target):
    def find(self, write_back: WriteBack) -> Receipt | None:
        self.asked += 1
        key = write_back.idempotency_key
        return Receipt(reference=f"found {key}") if key in self.effects else None


def manifest(idempotency: str = "key", schedule_s: tuple[int, ...] = (10, 20), **rules: Any) -> Manifest:
    sink = SinkManifest(
        operations=("note", "hold", "change_date"),
        idempotency=idempotency,
        schedule_s=schedule_s,
        concurrency=1,
        batch=50,
        every_s=15,
        settings={},
        **rules,
    )
    return Manifest(
        name="erp",
        title="ERP",
        owner="integration",
        tenant=TENANT,
        wire="rest",
        connection="crossdock_erp",
        connection_type="crossdock_rest",
        version="1",
        folder="",
        source=None,
        sink=sink,
    )


def write_back_of(number: int, clock, **given: Any) -> dict[str, Any]:
    """The row of a write-back that is due."""
    return {
        "tenant": TENANT,
        "id": derived_id("test", str(number)),
        "target": "erp",
        "operation": "note",
        "idempotency_key": f"key-{number}",
        "subject": f"supplier_po/{number}",
        "body": b"{}",
        "body_sha256": "0" * 64,
        "media_type": "application/json",
        "headers": {},
        "state": "ready",
        "next_attempt_at": clock.now(),
        "created_at": clock.now(),
        "updated_at": clock.now(),
        **given,
    }


def put(store, *rows: dict[str, Any]) -> list[uuid.UUID]:
    """Queue these, in one transaction."""
    with store.transaction(TENANT) as connection:
        assert outbox.add_write_backs(connection, rows) == len(rows)
    return [row["id"] for row in rows]


def deliver(store, clock, target, rules=None, **given):
    return deliverer(store, clock, target, rules, **given).deliver_batch()


def deliverer(store, clock, target, rules=None, **given):
    return Deliverer(
        store=store,
        tenant=TENANT,
        manifest=rules or manifest(),
        sink=target,
        clock=clock,
        dice=random.Random(7),
        **{"lease": LEASE, **given},
    )


def state(store) -> list[tuple[str, str | None]]:
    with store.transaction(TENANT) as connection:
        rows = connection.execute(sa.select(write_backs).order_by(write_backs.c.idempotency_key)).all()
    return [(row.state, row.reason) for row in rows]


def letters(store):
    with store.transaction(TENANT) as connection:
        return connection.execute(sa.select(dead_letters).order_by(dead_letters.c.created_at)).all()


def history(store) -> list[tuple[int, str, str | None]]:
    with store.transaction(TENANT) as connection:
        rows = connection.execute(
            sa.select(attempts).order_by(attempts.c.at, attempts.c.attempt, attempts.c.phase)
        )
        return [(row.attempt, row.phase, row.outcome) for row in rows]
