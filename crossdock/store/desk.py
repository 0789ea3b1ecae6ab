"""The desk: dead letters, the audit trail, and the record of runs."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import audit, dead_letters, runs


def add_dead_letters(connection: sa.Connection, rows: Sequence[Row]) -> int:
    """Set things aside. One that lies open already for the same part or write-back is left as it is."""
    return len(insert_rows(connection, dead_letters, rows, or_ignore=True, returning=["id"]))


def read_dead_letter(connection: sa.Connection, tenant: str, letter_id: uuid.UUID) -> Any | None:
    """The row, locked for this transaction, or ``None``."""
    statement = (
        sa.select(dead_letters)
        .where(dead_letters.c.tenant == tenant, dead_letters.c.id == letter_id)
        .with_for_update()
    )
    return connection.execute(statement).first()


def close_dead_letter(
    connection: sa.Connection,
    *,
    tenant: str,
    letter_id: uuid.UUID,
    state: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    connection.execute(
        sa.update(dead_letters)
        .where(dead_letters.c.tenant == tenant, dead_letters.c.id == letter_id)
        .values(state=state, closed_at=now, closed_by=actor, reason=reason)
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
    """Who did what to which thing, when and why. Rows are only ever added."""
    connection.execute(
        sa.insert(audit).values(
            tenant=tenant,
            id=uuid.uuid4(),
            at=now,
            actor=actor,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            reason=reason,
            detail=detail,
        )
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
