"""Write-backs of which nobody knows whether they happened, and what their targets said when they were asked."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import WriteBack, WriteBackState
from crossdock.store import turns
from crossdock.store.tables import read_backs, write_backs


def is_unknown() -> sa.ColumnElement[bool]:
    """Whether an outcome is unknown: the write-back says so, or it was tried and somebody asked to send it again."""
    return sa.or_(
        write_backs.c.state == str(WriteBackState.UNSURE),
        sa.and_(write_backs.c.state == str(WriteBackState.AWAITING_APPROVAL), write_backs.c.attempt > 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An unknown outcome that may be asked for. ``number``: of the next time; ``since``: how many times it was asked
    since it was last touched."""

    write_back: WriteBack
    number: int
    since: int


def due(
    connection: sa.Connection, *, tenant: str, target: str, now: datetime, after: timedelta, limit: int
) -> Sequence[Due]:
    """Unknown outcomes at a target whose time to be asked for has come, those that were never asked for first. One is
    first asked for ``after`` it became unknown; what happened to it since (a person, a new attempt) begins anew."""
    last, since = _asked()
    statement = (
        sa.select(write_backs, last.c.number, since)
        .join(last, sa.true(), isouter=True)
        .where(
            write_backs.c.tenant == tenant,
            write_backs.c.target == target,
            is_unknown(),
            sa.or_(
                sa.and_(
                    sa.or_(last.c.number.is_(None), last.c.at < write_backs.c.updated_at),
                    write_backs.c.updated_at <= now - after,
                ),
                sa.and_(last.c.at >= write_backs.c.updated_at, last.c.next_at <= now),
            ),
        )
        .order_by(last.c.at.asc().nulls_first(), write_backs.c.updated_at, write_backs.c.id)
        .limit(limit)
    )
    return [_due(row) for row in connection.execute(statement)]


def one(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Due | None:
    """The unknown outcome of this write-back; ``None``: there is no such write-back, or its outcome is known."""
    last, since = _asked()
    statement = (
        sa.select(write_backs, last.c.number, since)
        .join(last, sa.true(), isouter=True)
        .where(write_backs.c.tenant == tenant, write_backs.c.id == write_back_id, is_unknown())
    )
    row = connection.execute(statement).first()
    return None if row is None else _due(row)


def known_state(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Any | None:
    """Id, state and reason of a write-back; ``None``: there is none."""
    table = write_backs
    statement = sa.select(table.c.id, table.c.state, table.c.reason)
    return connection.execute(statement.where(table.c.tenant == tenant, table.c.id == write_back_id)).first()


def _asked() -> tuple[Any, sa.Label[int]]:
    """The last time a write-back was asked for, and how many times it was since it was last touched."""
    mine = sa.and_(
        read_backs.c.tenant == write_backs.c.tenant,
        read_backs.c.write_back_id == write_backs.c.id,
        read_backs.c.phase == "asked",
    )
    last = (
        sa.select(read_backs.c.number, read_backs.c.at, read_backs.c.next_at)
        .where(mine)
        .order_by(read_backs.c.number.desc())
        .limit(1)
        .lateral("last")
    )
    since = (
        sa.select(sa.func.count())
        .select_from(read_backs)
        .where(mine, read_backs.c.at >= write_backs.c.updated_at)
        .scalar_subquery()
        .label("since")
    )
    return last, since


def _due(row: Any) -> Due:
    return Due(
        write_back=WriteBack(
            id=row.id,
            tenant=row.tenant,
            target=row.target,
            operation=row.operation,
            idempotency_key=row.idempotency_key,
            body=bytes(row.body),
            media_type=row.media_type,
            subject=row.subject,
            headers=row.headers,
            attempt=row.attempt,
            case_id=row.case_id,
            created_at=row.created_at,
        ),
        number=(row.number or 0) + 1,
        since=row.since,
    )


def note_asked(
    connection: sa.Connection, found: Due, *, by: str, now: datetime, next_at: datetime | None
) -> bool:
    """Write down that it is asked for, before the call. False: somebody else asks this very moment."""
    statement = (
        pg.insert(read_backs)
        .values(
            tenant=found.write_back.tenant,
            write_back_id=found.write_back.id,
            number=found.number,
            phase="asked",
            asked_by=by,
            at=now,
            next_at=next_at,
        )
        .on_conflict_do_nothing()
        .returning(read_backs.c.number)
    )
    return connection.execute(statement).first() is not None


def note_answered(
    connection: sa.Connection,
    found: Due,
    *,
    by: str,
    now: datetime,
    answer: str,
    reason: str | None,
    evidence: Mapping[str, Any] | None,
) -> None:
    """Append what the target said."""
    connection.execute(
        pg.insert(read_backs)
        .values(
            tenant=found.write_back.tenant,
            write_back_id=found.write_back.id,
            number=found.number,
            phase="answered",
            asked_by=by,
            at=now,
            answer=answer,
            reason=reason,
            evidence=evidence,
        )
        .on_conflict_do_nothing()
    )


def confirm(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    receipt: Mapping[str, Any],
    reason: str | None,
    now: datetime,
) -> None:
    """It happened: delivered, with the evidence as its receipt. Called with the row held and ``unsure``."""
    connection.execute(
        sa.update(write_backs)
        .where(write_backs.c.tenant == tenant, write_backs.c.id == write_back_id)
        .values(
            state=str(WriteBackState.DELIVERED),
            receipt=dict(receipt),
            reason=reason,
            next_attempt_at=None,
            ask_first=False,
            updated_at=now,
        )
    )
    turns.let_next_go(connection, tenant, write_back_id, now)
