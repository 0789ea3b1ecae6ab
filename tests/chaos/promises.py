"""What must hold after any day, whatever happened in it. Each function gives sentences; none: it holds."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from crossdock.messages import WriteBackState
from crossdock.promises.checks import Look
from crossdock.promises.verify import verify
from crossdock.registry import Registry
from crossdock.store.engine import Store
from crossdock.store.guards import LEDGER
from crossdock.store.tables import (
    attempts,
    cases,
    dead_letters,
    duplicates,
    events,
    parts,
    raw_messages,
    webhooks,
    write_backs,
)
from tests.chaos.worker import LEASE, TENANT, UNFINISHED, pushed
from tests.chaos.world import SECRET, World

BY_CHANCE: Final = frozenset({"INT.SOURCE_DEGRADED", "INT.AUTH_FAILED"})
"""Events about our own connections, which no message says: a file that could not be moved is told of, or moved after
all; a login that was refused is told of by the worker that met it, if it lives."""


def broken(store: Store, world: World) -> list[str]:
    """Every promise that does not hold, as a sentence that begins with its number."""
    with store.reading(TENANT) as connection:
        return [
            *_durable(connection, world.home),
            *_conserved(connection),
            *_unchanged(connection),
            *_once_each(connection),
            *_one_effect(connection, world),
            *_bounded(connection, world.home),
            *_explained(connection),
            *_at_rest(connection),
            *_told(connection, world),
            *_verified(store, world),
        ]


def _rows(connection: sa.Connection, *what: Any) -> list[Any]:
    return list(connection.execute(sa.select(*what)).all())


def _durable(connection: sa.Connection, home: Path) -> Iterator[str]:
    """P1: what was acknowledged is there: pushed messages that were answered, files that were moved."""
    book = home / "acknowledged"
    told = set(book.read_text().split()) if book.exists() else set()
    kept = {bytes(row.body) for row in _rows(connection, raw_messages.c.body) if row.body is not None}
    for one in pushed():
        if one.name in told and one.body not in kept:
            yield f"P1: push {one.name} was acknowledged and is not in the store"
    for path in (home / "files/outbound/archive").iterdir():
        if path.read_bytes() not in kept:
            yield f"P1: {path.name} was moved into the archive and its bytes are not in the store"


def _conserved(connection: sa.Connection) -> Iterator[str]:
    """P2."""
    for row in connection.execute(sa.select(LEDGER)).mappings():
        for column in ("balance", "missing_parts", "unexplained"):
            if row[column] != 0:
                yield f"P2: {column} of {row['source']} is {row[column]}: {dict(row)}"


def _unchanged(connection: sa.Connection) -> Iterator[str]:
    """P3."""
    for row in _rows(connection, raw_messages.c.id, raw_messages.c.body, raw_messages.c.sha256):
        if row.body is not None and hashlib.sha256(row.body).hexdigest() != row.sha256:
            yield f"P3: the bytes of {row.id} are not those that were received"
    known = {row.id for row in _rows(connection, raw_messages.c.id)}
    for row in _rows(connection, events.c.id, events.c.raw_id, events.c.code):
        if row.raw_id not in known and row.code not in BY_CHANCE:
            yield f"P3: event {row.id} points to no raw message"


def _once_each(connection: sa.Connection) -> Iterator[str]:
    """P4."""
    keys = Counter(
        (row.source, row.key) for row in _rows(connection, raw_messages.c.source, raw_messages.c.key)
    )
    for key, count in keys.items():
        if count > 1:
            yield f"P4: {key} was stored {count} times"
    orphans = sa.select(duplicates.c.id).where(
        duplicates.c.raw_id.not_in(sa.select(raw_messages.c.id)),
    )
    for id_ in connection.execute(orphans).scalars():
        yield f"P4: duplicate {id_} is of nothing"


def _one_effect(connection: sa.Connection, world: World) -> Iterator[str]:
    """P6 and P7: what the ERP's own books say, against ours."""
    effects = world.effects_by_key()
    ours = {row.idempotency_key: row for row in _rows(connection, write_backs) if row.target == "erp"}
    for key, count in effects.items():
        if key not in ours:
            yield f"P6: the ERP did something under {key}, which is none of our keys"
        if count > 1:
            yield f"P6: the ERP did the same {count} times under {key}"
    for key, row in ours.items():
        done = effects.get(key, 0)
        if row.state == WriteBackState.DELIVERED and not done:
            yield f"P6: {row.subject} counts as delivered, and the ERP knows nothing of it"
        if done and row.state in (WriteBackState.REJECTED, WriteBackState.EXHAUSTED):
            yield f"P6: {row.subject} is {row.state}, and the ERP has done it"
    for key, said in world.bodies_by_key().items():
        if len(said) > 1:
            yield f"P7: under {key} went {len(said)} different bodies"


def _bounded(connection: sa.Connection, home: Path) -> Iterator[str]:
    """P8."""
    manifests = Registry(home / "connectors").manifests()
    tries = Counter(
        row.write_back_id
        for row in _rows(connection, attempts.c.write_back_id, attempts.c.phase)
        if row.phase == "intent"
    )
    for row in _rows(connection, write_backs):
        sink = manifests[row.target].sink
        assert sink is not None
        most = len(sink.schedule_s) + 1 + row.spent_before
        if tries[row.id] > most:
            yield f"P8: {row.subject} was tried {tries[row.id]} times, and {most} is the most"
        if row.state == WriteBackState.READY and row.next_attempt_at is None:
            yield f"P8: {row.subject} is ready and nobody knows when"


def _explained(connection: sa.Connection) -> Iterator[str]:
    """P11."""
    for row in _rows(connection, dead_letters):
        missing = [name for name in ("stage", "code", "sentence", "remedy") if not getattr(row, name)]
        if missing:
            yield f"P11: dead letter {row.id} ({row.code}) does not say its {', '.join(missing)}"


def _at_rest(connection: sa.Connection) -> Iterator[str]:
    """P13: nothing is stuck."""
    for row in _rows(connection, raw_messages.c.name, raw_messages.c.part_count, raw_messages.c.again):
        if row.part_count is None or row.again:
            yield f"P13: '{row.name}' waits for ever"
    for row in _rows(connection, write_backs.c.subject, write_backs.c.state):
        if row.state in UNFINISHED:
            yield f"P13: the write-back of {row.subject} is {row.state} for ever"


def _told(connection: sa.Connection, world: World) -> Iterator[str]:
    """P17: who wants to be told was told of every event, by webhook and on the bus."""
    if not _rows(connection, webhooks.c.id):
        return
    heard = b" ".join(request.body for request in world.planning.committed)
    sent = b" ".join(message.body for message in world.bus.published)
    for row in _rows(connection, events.c.id, events.c.code):
        for name, all_of_it in (("planning", heard), ("the bus", sent)):
            if str(row.id).encode() not in all_of_it:
                yield f"P17: {name} was never told of event {row.id} ({row.code})"


def _verified(store: Store, world: World) -> Iterator[str]:
    """What ``crossdock verify`` says of this store."""
    look = Look(
        store=store,
        tenant=TENANT,
        registry=Registry(world.home / "connectors"),
        lease=LEASE,
        canaries=(SECRET, world.books.token, world.supplier.password),
    )
    for verdict in verify(look):
        if (found := verdict.violation) is not None:
            yield f"{verdict.promise}: verify, {found.check}: {found.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a day came to, without what may differ from one telling to the next (ids, times, our numbers)."""

    cases: Counter[Any]
    events: Counter[Any]
    write_backs: Counter[Any]
    letters: Counter[Any]
    parts: Counter[Any]
    effects: Counter[Any]
    acknowledged: Counter[Any]
    archived: Counter[Any]
    left: frozenset[str]

    def differs_from(self, other: "Outcome") -> list[str]:
        """Where this day ended otherwise than that one."""
        found = []
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                more, less = mine - theirs, theirs - mine
                found.append(f"{name}: too much {_shown(more)}, missing {_shown(less)}")
        return found


def _shown(some: Any) -> str:
    return str(sorted(some.items()) if isinstance(some, Counter) else sorted(some))[:300]


def outcome(store: Store, world: World) -> Outcome:
    """What this day came to."""
    with store.reading(TENANT) as connection:
        return Outcome(
            cases=Counter(
                (row.code, row.subject, row.occurrences, str(row.state))
                for row in _rows(connection, cases)
                if row.code not in BY_CHANCE
            ),
            events=Counter(row.code for row in _rows(connection, events.c.code) if row.code not in BY_CHANCE),
            write_backs=Counter(
                (row.target, row.operation, row.subject, str(row.state))
                for row in _rows(connection, write_backs)
            ),
            letters=Counter(
                (row.stage, row.code)
                for row in _rows(connection, dead_letters)
                if row.state == "open" and row.code not in BY_CHANCE
            ),
            parts=Counter((row.source, str(row.state)) for row in _rows(connection, parts)),
            effects=Counter((operation, order) for operation, order, _ in world.effects().elements()),
            acknowledged=world.acknowledged(),
            archived=world.taken(),
            left=frozenset(world.left()),
        )
