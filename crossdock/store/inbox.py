"""The inbox: sources with their positions, raw messages, and what was seen twice."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import RawMessage, derived_id
from crossdock.store.bulk import insert_rows
from crossdock.store.stops import is_stopped
from crossdock.store.tables import BODY_IN_ROW_BYTES, duplicates, raw_bodies, raw_messages, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to read a source: whoever takes a turn later has a higher fence, and an older one cannot commit."""

    position: str | None
    fence: int


def take_turn(connection: sa.Connection, *, tenant: str, source: str, now: datetime) -> Turn:
    """Begin to read this source: its position, and a fence of our own."""
    statement = (
        pg.insert(sources)
        .values(tenant=tenant, source=source, fence=1, read_at=now)
        .on_conflict_do_update(
            index_elements=["tenant", "source"], set_={"fence": sources.c.fence + 1, "read_at": now}
        )
        .returning(sources.c.position, sources.c.fence)
    )
    row = connection.execute(statement).one()
    return Turn(position=row.position, fence=row.fence)


def asked_to_wait(connection: sa.Connection, *, tenant: str, source: str) -> datetime | None:
    """Until when the system asked us to leave it alone; ``None`` when it did not."""
    statement = sa.select(sources.c.not_before).where(sources.c.tenant == tenant, sources.c.source == source)
    until: datetime | None = connection.execute(statement).scalar()
    return until


def note_source_error(
    connection: sa.Connection,
    *,
    tenant: str,
    source: str,
    error: str | None,
    not_before: datetime | None = None,
) -> None:
    """Why the last read failed, or ``None`` when it did not; and until when the system asked us to wait."""
    connection.execute(
        sa.update(sources)
        .where(sources.c.tenant == tenant, sources.c.source == source)
        .values(error=error, not_before=not_before)
    )


def lock_source(connection: sa.Connection, *, tenant: str, source: str, fence: int | None) -> bool:
    """Hold the source's row for this transaction. False: somebody else took a later turn.

    Receipts of one source are committed one after another, so that the count and the rows never differ.
    """
    condition = [sources.c.tenant == tenant, sources.c.source == source]
    if fence is not None:
        condition.append(sources.c.fence == fence)
    return (
        connection.execute(sa.select(sources.c.fence).where(*condition).with_for_update()).first() is not None
    )


def move_source(
    connection: sa.Connection, *, tenant: str, source: str, position: str | None, received: int, now: datetime
) -> None:
    """Move the position and count the receipts, in the transaction that stores them."""
    values: dict[str, Any] = {"received_total": sources.c.received_total + received}
    if received:
        values["moved_at"] = now
    if position is not None:
        values["position"] = position
    connection.execute(
        sa.update(sources).where(sources.c.tenant == tenant, sources.c.source == source).values(**values)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store has under a message's id already."""

    sha256: str
    name: str
    settled: bool


def known(connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Known]:
    columns = (raw_messages.c.id, raw_messages.c.sha256, raw_messages.c.name, raw_messages.c.settled_at)
    rows = connection.execute(
        sa.select(*columns).where(raw_messages.c.tenant == tenant, raw_messages.c.id.in_(ids))
    )
    return {
        row.id: Known(sha256=row.sha256, name=row.name, settled=row.settled_at is not None) for row in rows
    }


def add_messages(
    connection: sa.Connection, messages: Sequence[RawMessage], *, run_id: uuid.UUID | None
) -> None:
    """Store messages that are new. Bodies over the limit go out of the row."""
    large = [message for message in messages if len(message.body) > BODY_IN_ROW_BYTES]
    insert_rows(
        connection,
        raw_messages,
        [
            {
                "tenant": message.tenant,
                "id": message.id,
                "source": message.source,
                "key": message.key,
                "name": message.name,
                "media_type": message.media_type,
                "headers": dict(message.headers),
                "body": message.body if len(message.body) <= BODY_IN_ROW_BYTES else None,
                "size": len(message.body),
                "sha256": message.sha256,
                "position": message.position,
                "received_at": message.received_at,
                "run_id": run_id,
            }
            for message in messages
        ],
    )
    for message in large:
        connection.execute(
            sa.insert(raw_bodies).values(tenant=message.tenant, raw_id=message.id, body=message.body)
        )


def add_duplicate(connection: sa.Connection, message: RawMessage, raw_id: uuid.UUID) -> bool:
    """Record that this was said again. False: this very sighting is on record (we died before settling it)."""
    occasion = message.headers.get("mtime") or message.received_at.isoformat()
    rows = insert_rows(
        connection,
        duplicates,
        [
            {
                "tenant": message.tenant,
                "id": derived_id("duplicate", str(raw_id), message.name, occasion),
                "source": message.source,
                "raw_id": raw_id,
                "name": message.name,
                "seen_at": message.received_at,
            }
        ],
        or_ignore=True,
        returning=["id"],
    )
    return bool(rows)


def mark_settled(connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID], now: datetime) -> None:
    connection.execute(
        sa.update(raw_messages)
        .where(
            raw_messages.c.tenant == tenant, raw_messages.c.id.in_(ids), raw_messages.c.settled_at.is_(None)
        )
        .values(settled_at=now)
    )


_SERVER = sa.func.pg_postmaster_start_time()

_CLAIM = (
    "id",
    "tenant",
    "source",
    "key",
    "name",
    "media_type",
    "headers",
    "body",
    "position",
    "received_at",
    "fence",
    "attempts",
    "part_count",
    "again",
)
"""The columns that a claim needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A raw message that is ours to normalize until the lease ends. ``mended``: its body has pieces that a person put
    in the place of parts, so that places in it are not those of the original."""

    id: uuid.UUID
    message: RawMessage
    fence: int
    attempts: int
    part_count: int | None
    again: bool
    mended: bool = False


def claim_messages(
    connection: sa.Connection, *, tenant: str, now: datetime, lease: timedelta, limit: int, max_bytes: int
) -> list[Claim]:
    """Take waiting messages, at most ``limit`` of them and about ``max_bytes``: what is new before what a replay asks
    for, each oldest first. Count the attempt before the work, so that a message that kills its worker is known by it.
    One that was claimed before without an end is taken alone: what may kill its worker takes nobody with it.
    What a stopped source said waits, unless a person asked for it."""
    oldest_first = (raw_messages.c.again, raw_messages.c.received_at, raw_messages.c.id)
    tried = sa.cast(raw_messages.c.attempts > 0, sa.Integer)
    waiting = (
        sa.select(
            raw_messages.c.id,
            raw_messages.c.received_at,
            sa.func.sum(raw_messages.c.size).over(order_by=oldest_first).label("bytes_so_far"),
            raw_messages.c.size,
            sa.func.sum(tried).over(order_by=oldest_first).label("tried_so_far"),
            sa.func.row_number().over(order_by=oldest_first).label("place"),
        )
        .where(
            raw_messages.c.tenant == tenant,
            sa.or_(raw_messages.c.part_count.is_(None), raw_messages.c.again),
            sa.or_(raw_messages.c.again, ~is_stopped(tenant, raw_messages.c.source)),
            sa.or_(raw_messages.c.lease_until.is_(None), raw_messages.c.lease_until < now),
        )
        .order_by(*oldest_first)
        .limit(limit)
        .subquery()
    )
    fitting = sa.select(waiting.c.id).where(
        waiting.c.bytes_so_far - waiting.c.size < max_bytes,
        sa.or_(waiting.c.tried_so_far == 0, waiting.c.place == 1),
    )
    locked = (
        sa.select(raw_messages.c.id)
        .where(
            raw_messages.c.tenant == tenant,
            raw_messages.c.id.in_(fitting),
            sa.or_(raw_messages.c.part_count.is_(None), raw_messages.c.again),
            sa.or_(raw_messages.c.lease_until.is_(None), raw_messages.c.lease_until < now),
        )
        .with_for_update(skip_locked=True)
        .cte("locked")
    )
    table = raw_messages
    statement = (
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == locked.c.id)
        .values(
            fence=table.c.fence + 1,
            # a claim that the server itself did not outlive was no try: the message did not end its worker
            attempts=sa.case(
                (sa.and_(table.c.attempts > 0, table.c.claimed_under != _SERVER), table.c.attempts),
                else_=table.c.attempts + 1,
            ),
            claimed_under=_SERVER,
            lease_until=now + lease,
        )
        .returning(*(table.c[name] for name in _CLAIM))
    )
    rows = connection.execute(statement).all()
    bodies = _large_bodies(connection, tenant, [row.id for row in rows if row.body is None])
    claims = [
        Claim(
            id=row.id,
            message=_message(row, row.body if row.body is not None else bodies[row.id]),
            fence=row.fence,
            attempts=row.attempts,
            part_count=row.part_count,
            again=row.again,
        )
        for row in rows
    ]
    return sorted(claims, key=lambda claim: (claim.message.received_at, claim.id))


def give_back(connection: sa.Connection, tenant: str, fences: Mapping[uuid.UUID, int]) -> None:
    """The claims with these fences, as far as nothing came of them yet, were no tries: they are waited for no longer
    and do not count. Claims of others, and what is finished, stay as they are."""
    if not fences:
        return
    connection.execute(
        sa.update(raw_messages)
        .where(
            raw_messages.c.tenant == tenant,
            sa.tuple_(raw_messages.c.id, raw_messages.c.fence).in_(list(fences.items())),
            raw_messages.c.attempts > 0,
            raw_messages.c.lease_until.is_not(None),
        )
        .values(attempts=raw_messages.c.attempts - 1, lease_until=None)
    )


def hold_claims(connection: sa.Connection, tenant: str, claims: Sequence[Claim]) -> set[uuid.UUID]:
    """Lock the claimed rows that are still ours: one whose fence moved on belongs to another worker now."""
    fences = {claim.id: claim.fence for claim in claims}
    rows = connection.execute(
        sa.select(raw_messages.c.id, raw_messages.c.fence)
        .where(raw_messages.c.tenant == tenant, raw_messages.c.id.in_(list(fences)))
        .order_by(raw_messages.c.id)
        .with_for_update()
    )
    return {row.id for row in rows if row.fence == fences[row.id]}


def finish_messages(
    connection: sa.Connection, tenant: str, part_counts: Mapping[uuid.UUID, int], now: datetime
) -> None:
    """The claimed messages are normalized: so many parts each."""
    by_count: dict[int, list[uuid.UUID]] = {}
    for raw_id, count in part_counts.items():
        by_count.setdefault(count, []).append(raw_id)
    for count, ids in by_count.items():
        connection.execute(
            sa.update(raw_messages)
            .where(raw_messages.c.tenant == tenant, raw_messages.c.id.in_(ids))
            .values(part_count=count, again=False, normalized_at=now, lease_until=None, attempts=0)
        )


def ask_again(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> None:
    """Let this message's parts in flight be normalized again."""
    connection.execute(
        sa.update(raw_messages)
        .where(raw_messages.c.tenant == tenant, raw_messages.c.id == raw_id)
        .values(again=True, attempts=0, lease_until=None)
    )


def read_message(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> RawMessage | None:
    """One raw message with its body, from in the row or out of it."""
    row = connection.execute(
        sa.select(raw_messages).where(raw_messages.c.tenant == tenant, raw_messages.c.id == raw_id)
    ).first()
    if row is None:
        return None
    body = row.body if row.body is not None else _large_bodies(connection, tenant, [raw_id])[raw_id]
    return _message(row, body)


def _message(row: Any, body: bytes) -> RawMessage:
    return RawMessage(
        tenant=row.tenant,
        source=row.source,
        key=row.key,
        body=bytes(body),
        media_type=row.media_type,
        received_at=row.received_at,
        name=row.name,
        position=row.position,
        headers=row.headers,
    )


def _large_bodies(
    connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, bytes]:
    if not ids:
        return {}
    rows: Iterator[Any] = iter(
        connection.execute(
            sa.select(raw_bodies.c.raw_id, raw_bodies.c.body).where(
                raw_bodies.c.tenant == tenant, raw_bodies.c.raw_id.in_(ids)
            )
        )
    )
    return {row.raw_id: row.body for row in rows}
