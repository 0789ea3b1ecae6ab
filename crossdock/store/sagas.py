"""Sagas and their steps: what belongs together, how each stands, and what takes it back."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.messages import SagaState, WriteBackState
from crossdock.store import turns
from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import saga_steps, sagas, write_backs

OPEN = (SagaState.RUNNING, SagaState.UNDOING, SagaState.PARTIAL)
_FAILED = (SagaState.UNDOING, SagaState.UNDONE, SagaState.PARTIAL)


def newly_written(
    connection: sa.Connection, tenant: str, decision_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    """Those of these write-backs that this decision was the first to want."""
    statement = sa.select(write_backs.c.id).where(
        write_backs.c.tenant == tenant,
        write_backs.c.decision_id == decision_id,
        write_backs.c.id.in_(list(ids)),
    )
    return set(connection.scalars(statement))


def add(connection: sa.Connection, saga_rows: Sequence[Row], step_rows: Sequence[Row]) -> int:
    """Begin sagas. One that has begun is left as it is."""
    begun = {row.id for row in insert_rows(connection, sagas, saga_rows, or_ignore=True, returning=["id"])}
    insert_rows(connection, saga_steps, [row for row in step_rows if row["saga_id"] in begun])
    return len(begun)


def open_ids(connection: sa.Connection, tenant: str) -> Sequence[uuid.UUID]:
    """The sagas that have not ended, the oldest first."""
    statement = (
        sa.select(sagas.c.id)
        .where(sagas.c.tenant == tenant, sagas.c.state.in_([str(state) for state in OPEN]))
        .order_by(sagas.c.opened_at, sagas.c.id)
    )
    return connection.scalars(statement).all()


def hold(connection: sa.Connection, tenant: str, saga_id: uuid.UUID) -> Any | None:
    """The row of a saga, locked for this transaction; ``None``: there is none."""
    statement = sa.select(sagas).where(sagas.c.tenant == tenant, sagas.c.id == saga_id).with_for_update()
    return connection.execute(statement).first()


def look(connection: sa.Connection, tenant: str, saga_id: uuid.UUID) -> Any | None:
    """The row of a saga as it stands; ``None``: there is none."""
    return connection.execute(sa.select(sagas).where(sagas.c.tenant == tenant, sagas.c.id == saga_id)).first()


def steps(
    connection: sa.Connection, tenant: str, saga_id: uuid.UUID, *, locked: bool = False
) -> Sequence[Any]:
    """The steps of a saga with how their write-backs stand, and those that take them back. ``locked``: nobody sends
    or ends one of them until the transaction ends."""
    undo = write_backs.alias("undo")
    statement = (
        sa.select(
            saga_steps,
            write_backs.c.target,
            write_backs.c.operation,
            write_backs.c.subject,
            write_backs.c.state,
            write_backs.c.attempt,
            write_backs.c.ask_first,
            write_backs.c.reason,
            write_backs.c.case_id,
            write_backs.c.decision_id,
            undo.c.state.label("undo_state"),
            undo.c.reason.label("undo_reason"),
        )
        .select_from(
            saga_steps.join(
                write_backs,
                sa.and_(
                    write_backs.c.tenant == saga_steps.c.tenant,
                    write_backs.c.id == saga_steps.c.write_back_id,
                ),
            ).join(
                undo,
                sa.and_(undo.c.tenant == saga_steps.c.tenant, undo.c.id == saga_steps.c.undo_write_back_id),
                isouter=True,
            )
        )
        .where(saga_steps.c.tenant == tenant, saga_steps.c.saga_id == saga_id)
        .order_by(saga_steps.c.ordinal)
    )
    if locked:
        statement = statement.with_for_update(of=write_backs)
    return connection.execute(statement).all()


def withdraw(
    connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID], reason: str, now: datetime
) -> None:
    """These have not left, and never will. They are held by the caller."""
    connection.execute(
        sa.update(write_backs)
        .where(write_backs.c.tenant == tenant, write_backs.c.id.in_(list(ids)))
        .values(
            state=str(WriteBackState.DISCARDED),
            next_attempt_at=None,
            reason=reason,
            updated_at=now,
        )
    )
    for write_back_id in ids:
        turns.let_next_go(connection, tenant, write_back_id, now)


def note_undo(
    connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, undo_write_back_id: uuid.UUID
) -> None:
    """Which write-back takes a step back."""
    connection.execute(
        sa.update(saga_steps)
        .where(saga_steps.c.tenant == tenant, saga_steps.c.write_back_id == write_back_id)
        .values(undo_write_back_id=undo_write_back_id)
    )


def move(
    connection: sa.Connection,
    *,
    tenant: str,
    saga_id: uuid.UUID,
    state: SagaState,
    reason: str | None,
    now: datetime,
) -> None:
    """The next state of a saga."""
    connection.execute(
        sa.update(sagas)
        .where(sagas.c.tenant == tenant, sagas.c.id == saga_id)
        .values(state=str(state), reason=reason, updated_at=now)
    )


def is_step(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> bool:
    """Whether this write-back belongs to others."""
    statement = sa.select(saga_steps.c.saga_id).where(
        saga_steps.c.tenant == tenant, saga_steps.c.write_back_id == write_back_id
    )
    return connection.execute(statement).first() is not None


def in_failed(write_back: Any) -> sa.ColumnElement[bool]:
    """That this write-back belongs to a saga that failed: without what belongs to it nobody wants it."""
    return sa.exists().where(
        saga_steps.c.tenant == write_back.c.tenant,
        saga_steps.c.write_back_id == write_back.c.id,
        sagas.c.tenant == saga_steps.c.tenant,
        sagas.c.id == saga_steps.c.saga_id,
        sagas.c.state.in_(_FAILED),
    )


def failed_saga_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Any | None:
    """The saga of this write-back when it failed, locked against its next move; ``None``: there is no such."""
    statement = (
        sa.select(sagas)
        .join(
            saga_steps,
            sa.and_(saga_steps.c.tenant == sagas.c.tenant, saga_steps.c.saga_id == sagas.c.id),
        )
        .where(
            sagas.c.tenant == tenant,
            saga_steps.c.write_back_id == write_back_id,
            sagas.c.state.in_(_FAILED),
        )
    )
    return connection.execute(statement).first()
