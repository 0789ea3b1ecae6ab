"""What waits for people, as they look at it: requests for approval and unknown outcomes. As in ``queries``."""

import uuid

import sqlalchemy as sa

from crossdock.store import tables
from crossdock.store.pages import (
    Connection,
    Page,
    Row,
    all_rows,
    but_tenant,
    one_row,
    page_of,
    write_back_columns,
)
from crossdock.store.stories import get_write_back
from crossdock.store.unknown import is_unknown


def list_approvals(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = "asked",
    target: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Requests for approval, the last asked first; those that wait unless ``state`` says otherwise."""
    approvals = tables.approvals
    wanted = [approvals.c.tenant == tenant]
    for column, value in ((approvals.c.state, state), (approvals.c.target, target), (approvals.c.kind, kind)):
        if value is not None:
            wanted.append(column == value)
    query = sa.select(*but_tenant(approvals)).where(*wanted)
    return page_of(connection, query, approvals.c.asked_at, approvals.c.id, after, limit)


def get_approval(connection: Connection, tenant: str, approval_id: uuid.UUID) -> Row:
    """A request with its write-back, everything that was tried, and what was asked before about the same."""
    approvals = tables.approvals
    found = one_row(
        connection,
        sa.select(*but_tenant(approvals)).where(approvals.c.tenant == tenant, approvals.c.id == approval_id),
        "approval",
        approval_id,
    )
    write_back_id = uuid.UUID(found["write_back_id"])
    found["write_back"] = get_write_back(connection, tenant, write_back_id)
    found["earlier"] = [
        row for row in approvals_of(connection, tenant, write_back_id) if row["id"] != found["id"]
    ]
    found["read_backs"] = read_backs_of(connection, tenant, write_back_id)
    return found


def approvals_of(connection: Connection, tenant: str, write_back_id: uuid.UUID) -> list[Row]:
    """What was asked about a write-back, in the order in which it was."""
    approvals = tables.approvals
    return all_rows(
        connection,
        sa.select(*but_tenant(approvals))
        .where(approvals.c.tenant == tenant, approvals.c.write_back_id == write_back_id)
        .order_by(approvals.c.asked_at, approvals.c.id),
    )


def read_backs_of(connection: Connection, tenant: str, write_back_id: uuid.UUID) -> list[Row]:
    """What its target said each time it was asked for: one row for each time, also where no answer was written."""
    asked, answered = tables.read_backs.alias("asked"), tables.read_backs.alias("answered")
    same = sa.and_(
        answered.c.tenant == asked.c.tenant,
        answered.c.write_back_id == asked.c.write_back_id,
        answered.c.number == asked.c.number,
        answered.c.phase == "answered",
    )
    return all_rows(
        connection,
        sa.select(
            asked.c.number,
            asked.c.asked_by,
            asked.c.at,
            answered.c.answer,
            answered.c.reason,
            answered.c.evidence,
            answered.c.at.label("answered_at"),
            asked.c.next_at,
        )
        .select_from(asked.join(answered, same, isouter=True))
        .where(asked.c.tenant == tenant, asked.c.write_back_id == write_back_id, asked.c.phase == "asked")
        .order_by(asked.c.number),
    )


def list_unknown(
    connection: Connection,
    tenant: str,
    *,
    target: str | None = None,
    operation: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Write-backs of which nobody knows whether they happened, the last that became so first: with what their target
    said last, and what is asked about them."""
    written, approvals = tables.write_backs, tables.approvals
    said = tables.read_backs.alias("said")
    last = (
        sa.select(said.c.answer, said.c.at, said.c.reason)
        .where(
            said.c.tenant == written.c.tenant,
            said.c.write_back_id == written.c.id,
            said.c.phase == "answered",
        )
        .order_by(said.c.number.desc())
        .limit(1)
        .lateral("last")
    )
    asks = sa.and_(
        approvals.c.tenant == written.c.tenant,
        approvals.c.write_back_id == written.c.id,
        approvals.c.state == "asked",
    )
    wanted = [written.c.tenant == tenant, is_unknown()]
    for column, value in ((written.c.target, target), (written.c.operation, operation)):
        if value is not None:
            wanted.append(column == value)
    query = (
        sa.select(
            *write_back_columns(),
            last.c.answer.label("target_says"),
            last.c.at.label("target_said_at"),
            approvals.c.id.label("approval_id"),
            approvals.c.asked_by.label("approval_asked_by"),
        )
        .select_from(written.join(last, sa.true(), isouter=True).join(approvals, asks, isouter=True))
        .where(*wanted)
    )
    return page_of(connection, query, written.c.updated_at, written.c.id, after, limit)


def get_unknown(connection: Connection, tenant: str, write_back_id: uuid.UUID) -> Row:
    """A write-back with all that is known about whether it happened: attempts, what its target said when it was
    asked, and what people asked and decided."""
    found = get_write_back(connection, tenant, write_back_id)
    found["read_backs"] = read_backs_of(connection, tenant, write_back_id)
    found["approvals"] = approvals_of(connection, tenant, write_back_id)
    found["unknown"] = found["state"] == "unsure" or (
        found["state"] == "awaiting_approval" and found["attempt"] > 0
    )
    return found


def approvals_waiting(connection: Connection, tenant: str) -> dict[str, int]:
    """How many requests wait for a person, by their kind."""
    approvals = tables.approvals
    rows = connection.execute(
        sa.select(approvals.c.kind, sa.func.count())
        .where(approvals.c.tenant == tenant, approvals.c.state == "asked")
        .group_by(approvals.c.kind)
    )
    return {kind: count for kind, count in rows}
