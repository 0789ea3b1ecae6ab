"""Requests for approval, and the one way by which a write-back that waits for one goes on."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.messages import ApprovalState, WriteBackState
from crossdock.store import turns
from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import approvals, write_backs


def add(connection: sa.Connection, rows: Sequence[Row]) -> set[uuid.UUID]:
    """Ask. A request that is there already is left out; of which write-backs something is asked now."""
    added = insert_rows(connection, approvals, rows, or_ignore=True, returning=["write_back_id"])
    return {row.write_back_id for row in added}


def earlier(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> int:
    """How many times something was asked about this write-back."""
    count: int = connection.execute(
        sa.select(sa.func.count()).where(
            approvals.c.tenant == tenant, approvals.c.write_back_id == write_back_id
        )
    ).scalar_one()
    return count


def is_gated(connection: sa.Connection, tenant: str, write_back_ids: Collection[uuid.UUID]) -> bool:
    """Whether one of these was to leave only with a person's yes."""
    statement = sa.select(approvals.c.id).where(
        approvals.c.tenant == tenant,
        approvals.c.write_back_id.in_(list(write_back_ids)),
        approvals.c.kind == "leave",
    )
    return connection.execute(statement.limit(1)).first() is not None


def waiting(connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID]) -> Sequence[Any]:
    """Those of these write-backs that wait for approval, with their bytes."""
    statement = sa.select(write_backs).where(
        write_backs.c.tenant == tenant,
        write_backs.c.id.in_(list(ids)),
        write_backs.c.state == str(WriteBackState.AWAITING_APPROVAL),
    )
    return connection.execute(statement).all()


def write_back_of(connection: sa.Connection, tenant: str, approval_id: uuid.UUID) -> uuid.UUID | None:
    """About which write-back this is; ``None``: there is no such request."""
    statement = sa.select(approvals.c.write_back_id).where(
        approvals.c.tenant == tenant, approvals.c.id == approval_id
    )
    found: uuid.UUID | None = connection.execute(statement).scalar_one_or_none()
    return found


def hold(connection: sa.Connection, tenant: str, approval_id: uuid.UUID) -> Any:
    """The request, locked for this transaction. Lock its write-back before it."""
    statement = (
        sa.select(approvals)
        .where(approvals.c.tenant == tenant, approvals.c.id == approval_id)
        .with_for_update()
    )
    return connection.execute(statement).one()


def open_request(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Any | None:
    """What is asked about this write-back now, locked; ``None``: nothing."""
    statement = (
        sa.select(approvals)
        .where(
            approvals.c.tenant == tenant,
            approvals.c.write_back_id == write_back_id,
            approvals.c.state == str(ApprovalState.ASKED),
        )
        .with_for_update()
    )
    return connection.execute(statement).first()


def expired(connection: sa.Connection, tenant: str, now: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Requests whose time is over, the oldest first."""
    statement = (
        sa.select(approvals.c.id)
        .where(
            approvals.c.tenant == tenant,
            approvals.c.state == str(ApprovalState.ASKED),
            approvals.c.expires_at <= now,
        )
        .order_by(approvals.c.expires_at, approvals.c.id)
        .limit(limit)
    )
    return connection.scalars(statement).all()


def end(
    connection: sa.Connection,
    *,
    tenant: str,
    approval_id: uuid.UUID,
    state: ApprovalState,
    by: str,
    principal: str,
    words: str,
    now: datetime,
) -> None:
    """Write down how a request ended."""
    connection.execute(
        sa.update(approvals)
        .where(approvals.c.tenant == tenant, approvals.c.id == approval_id)
        .values(state=str(state), decided_by=by, decided_principal=principal, decided_at=now, words=words)
    )


def move_write_back(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    state: WriteBackState,
    now: datetime,
    reason: str | None,
    ask_first: bool = False,
    restart: bool = False,
    doubted: bool = False,
) -> None:
    """The next state of a write-back that something is asked or decided about. ``restart``: ready at once, with the
    whole schedule before it; ``doubted``: the time since it may have happened counts on. The database refuses what
    was not approved."""
    values: dict[str, Any] = {
        "state": str(state),
        "reason": reason,
        "next_attempt_at": now if state is WriteBackState.READY else None,
        "ask_first": ask_first,
        "updated_at": now,
    }
    if restart:
        values |= {"spent_before": write_backs.c.attempt, "trying_since": None}
        if not doubted:
            values["maybe_since"] = None
    connection.execute(
        sa.update(write_backs)
        .where(write_backs.c.tenant == tenant, write_backs.c.id == write_back_id)
        .values(**values)
    )
    if state is WriteBackState.DISCARDED:
        turns.let_next_go(connection, tenant, write_back_id, now)


def void(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    words: str,
    principal: str,
    now: datetime,
) -> None:
    """End what is asked about a write-back that comes to its end by other ways; nothing where nothing is asked."""
    connection.execute(
        sa.update(approvals)
        .where(
            approvals.c.tenant == tenant,
            approvals.c.write_back_id == write_back_id,
            approvals.c.state == str(ApprovalState.ASKED),
        )
        .values(
            state=str(ApprovalState.VOID),
            decided_by=principal,
            decided_principal=principal,
            decided_at=now,
            words=words,
        )
    )
