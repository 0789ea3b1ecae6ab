"""The desk: dead letters, the audit trail, and the record of runs."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.principals import OURSELVES
from crossdock.store import audit_trail
from crossdock.store.letters import add_dead_letters as add_dead_letters
from crossdock.store.tables import dead_letters, parts, runs


def read_dead_letter(connection: sa.Connection, tenant: str, letter_id: uuid.UUID) -> Any | None:
    """The row, locked for this transaction, or ``None``."""
    statement = (
        sa.select(dead_letters)
        .where(dead_letters.c.tenant == tenant, dead_letters.c.id == letter_id)
        .with_for_update()
    )
    return connection.execute(statement).first()


def open_letters_of(
    connection: sa.Connection, tenant: str, write_back_ids: Collection[uuid.UUID]
) -> Sequence[Any]:
    """The open dead letters of these write-backs, locked for this transaction."""
    statement = (
        sa.select(dead_letters)
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.state == "open",
            dead_letters.c.write_back_id.in_(list(write_back_ids)),
        )
        .order_by(dead_letters.c.created_at, dead_letters.c.id)
        .with_for_update()
    )
    return connection.execute(statement).all()


def write_back_of(connection: sa.Connection, tenant: str, letter_id: uuid.UUID) -> uuid.UUID | None:
    """The write-back that a dead letter is of; ``None``: it is of something else, or is not there."""
    statement = sa.select(dead_letters.c.write_back_id).where(
        dead_letters.c.tenant == tenant, dead_letters.c.id == letter_id
    )
    found: uuid.UUID | None = connection.execute(statement).scalar_one_or_none()
    return found


def close_dead_letter(
    connection: sa.Connection,
    letter: Any,
    *,
    state: str,
    action: str,
    actor: str,
    reason: str,
    said: str | None,
    now: datetime,
    more: Mapping[str, Any] | None = None,
    replay_as: str | None = None,
) -> None:
    """Close the letter and write down who did it: never one without the other. ``said``: what the person said;
    ``more``: what else the audit keeps."""
    connection.execute(
        sa.update(dead_letters)
        .where(dead_letters.c.tenant == letter.tenant, dead_letters.c.id == letter.id)
        .values(state=state, closed_at=now, closed_by=actor, reason=reason, replay_as=replay_as)
    )
    add_audit(
        connection,
        tenant=letter.tenant,
        now=now,
        actor=actor,
        action=action,
        object_kind="dead_letter",
        object_id=str(letter.id),
        reason=said,
        detail={"stage": letter.stage, "code": letter.code, "label": letter.label, **(more or {})},
    )


def close_superseded(
    connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, reason: str, now: datetime
) -> None:
    """Nothing is left to be done about a write-back that a later one says anew. No person did it: the histories of
    both say so, and the audit does not."""
    connection.execute(
        sa.update(dead_letters)
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.write_back_id == write_back_id,
            dead_letters.c.state.in_(("open", "parked")),
        )
        .values(state="discarded", closed_at=now, closed_by=OURSELVES, reason=reason)
    )


def add_audit(
    connection: sa.Connection,
    *,
    tenant: str,
    now: datetime,
    actor: str,
    action: str,
    object_kind: str,
    object_id: str,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Who did what to which thing, when and why, in the transaction that does it: sealed behind the row before it."""
    audit_trail.append(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        reason=reason,
        detail=detail,
    )


def start_run(
    connection: sa.Connection,
    *,
    tenant: str,
    run_id: uuid.UUID,
    step: str,
    connector: str | None,
    now: datetime,
    airflow: Mapping[str, Any] | None,
) -> None:
    connection.execute(
        sa.insert(runs).values(
            tenant=tenant,
            id=run_id,
            step=step,
            connector=connector,
            started_at=now,
            counts={},
            airflow=airflow,
        )
    )


def finish_run(
    connection: sa.Connection,
    *,
    tenant: str,
    run_id: uuid.UUID,
    now: datetime,
    counts: Mapping[str, int],
    error: str | None,
) -> None:
    connection.execute(
        sa.update(runs)
        .where(runs.c.tenant == tenant, runs.c.id == run_id)
        .values(
            finished_at=now,
            counts=sa.cast(sa.bindparam("run_counts", dict(counts), pg.JSONB), pg.JSONB),
            error=error,
        )
    )


# -- what waits for something that is not known yet ---------------------------------------------------------------


def blocked_groups(connection: sa.Connection, tenant: str) -> Sequence[Any]:
    """Open dead letters by what they are blocked by: word, count, first and last time. The largest group first."""
    count = sa.func.count().label("count")
    return connection.execute(
        sa.select(
            dead_letters.c.blocked_by,
            count,
            sa.func.min(dead_letters.c.created_at).label("first_at"),
            sa.func.max(dead_letters.c.created_at).label("last_at"),
        )
        .where(*_blocked(tenant))
        .group_by(dead_letters.c.blocked_by)
        .order_by(count.desc(), dead_letters.c.blocked_by)
    ).all()


def blocked_refusals(connection: sa.Connection, tenant: str) -> dict[str, int]:
    """Of how many parts of each blocked group the partner was told that we refuse them: what is rejected."""
    rows = connection.execute(
        sa.select(dead_letters.c.blocked_by, sa.func.count())
        .join(
            parts,
            sa.and_(
                parts.c.tenant == tenant,
                parts.c.raw_id == dead_letters.c.raw_id,
                parts.c.ordinal == dead_letters.c.part,
                parts.c.state == "rejected",
            ),
        )
        .where(*_blocked(tenant))
        .group_by(dead_letters.c.blocked_by)
    )
    return {word: count for word, count in rows}


def blocked_words(connection: sa.Connection, tenant: str) -> Sequence[str]:
    """What open dead letters are blocked by, each word once."""
    return connection.scalars(sa.select(dead_letters.c.blocked_by).where(*_blocked(tenant)).distinct()).all()


def blocked_letters(
    connection: sa.Connection, tenant: str, word: str, *, limit: int, most: int | None
) -> Sequence[uuid.UUID]:
    """Open dead letters of one group, oldest first, locked. ``most``: only those whose part was run again by the
    program for the same word, and came back, less often than that."""
    earlier = dead_letters.alias("earlier")
    statement = (
        sa.select(dead_letters.c.id)
        .where(*_blocked(tenant), dead_letters.c.blocked_by == word)
        .order_by(dead_letters.c.created_at, dead_letters.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if most is not None:
        came_back = (
            sa.select(sa.func.count())
            .select_from(earlier)
            .where(
                earlier.c.tenant == tenant,
                earlier.c.raw_id == dead_letters.c.raw_id,
                earlier.c.part == dead_letters.c.part,
                earlier.c.blocked_by == word,
                earlier.c.state == "replayed",
                earlier.c.closed_by == OURSELVES,
            )
        )
        statement = statement.where(came_back.scalar_subquery() < most)
    return connection.scalars(statement).all()


def _blocked(tenant: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        dead_letters.c.tenant == tenant,
        dead_letters.c.state == "open",
        dead_letters.c.blocked_by.is_not(None),
    )
