"""What only the console's first page asks of the store. Same conventions as ``queries``."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store import tables
from crossdock.store.queries import Connection, Row


def last_runs(connection: Connection, tenant: str, *, since: datetime) -> list[Row]:
    """The newest finished run of each step and connector that began after ``since``: step, connector, error."""
    runs = tables.runs
    query = (
        sa.select(runs.c.step, runs.c.connector, runs.c.error)
        .where(runs.c.tenant == tenant, runs.c.started_at > since, runs.c.finished_at.is_not(None))
        .ext(pg.distinct_on(runs.c.step, runs.c.connector))
        .order_by(runs.c.step, runs.c.connector, runs.c.started_at.desc())
    )
    return [dict(row) for row in connection.execute(query).mappings()]
