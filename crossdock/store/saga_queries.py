"""Sagas as people look at them. As in ``queries``."""

import uuid

import sqlalchemy as sa

from crossdock.store import sagas as rows_of
from crossdock.store import tables
from crossdock.store.pages import Connection, Page, Row, but_tenant, one_row, page_of, plain
from crossdock.store.stories import audit_of

_HIDDEN = ("tenant", "saga_id", "undo_body", "ask_first", "case_id", "decision_id")


def list_sagas(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = None,
    rule: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Sagas, the last begun first. ``state`` ``open``: those that have not ended."""
    sagas = tables.sagas
    wanted = [sagas.c.tenant == tenant]
    if state == "open":
        wanted.append(sagas.c.state.in_([str(one) for one in rows_of.OPEN]))
    elif state is not None:
        wanted.append(sagas.c.state == state)
    if rule is not None:
        wanted.append(sagas.c.rule == rule)
    query = sa.select(*but_tenant(sagas)).where(*wanted)
    return page_of(connection, query, sagas.c.opened_at, sagas.c.id, after, limit)


def get_saga(connection: Connection, tenant: str, saga_id: uuid.UUID) -> Row:
    """A saga with its steps, how each stands, and what people did."""
    sagas = tables.sagas
    found = one_row(
        connection,
        sa.select(*but_tenant(sagas)).where(sagas.c.tenant == tenant, sagas.c.id == saga_id),
        "saga",
        saga_id,
    )
    found["steps"] = [
        {name: value for name, value in plain(row._mapping).items() if name not in _HIDDEN}
        for row in rows_of.steps(connection, tenant, saga_id)
    ]
    found["audit"] = audit_of(connection, tenant, saga_id)
    return found


def count_partial(connection: Connection, tenant: str) -> int:
    """How many sagas a person must see to."""
    sagas = tables.sagas
    count: int = connection.execute(
        sa.select(sa.func.count()).where(sagas.c.tenant == tenant, sagas.c.state == "partial")
    ).scalar_one()
    return count
