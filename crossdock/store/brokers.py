"""Where each broker stands: up to which place of the feed it has confirmed, and who publishes to it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.pages import Row, all_rows
from crossdock.store.tables import brokers


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to publish to a broker until the lease ends."""

    name: str
    position: int
    fence: int
    failures: int


def take_turn(
    connection: sa.Connection, *, tenant: str, name: str, start: int, now: datetime, lease: timedelta
) -> Turn | None:
    """Take the turn, if nobody has it and the broker may be asked now. A new broker begins behind ``start``."""
    connection.execute(
        pg.insert(brokers)
        .values(tenant=tenant, name=name, position=start, created_at=now)
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        sa.update(brokers)
        .where(
            brokers.c.tenant == tenant,
            brokers.c.name == name,
            sa.or_(brokers.c.lease_until.is_(None), brokers.c.lease_until < now),
            sa.or_(brokers.c.not_before.is_(None), brokers.c.not_before <= now),
        )
        .values(fence=brokers.c.fence + 1, lease_until=now + lease)
        .returning(brokers.c.name, brokers.c.position, brokers.c.fence, brokers.c.failures)
    ).first()
    if row is None:
        return None
    return Turn(name=row.name, position=row.position, fence=row.fence, failures=row.failures)


def note(connection: sa.Connection, tenant: str, turn: Turn, values: dict[str, Any]) -> bool:
    """Change the row while the turn is ours. False: it is another's, and nothing was written."""
    done = connection.execute(
        sa.update(brokers)
        .where(brokers.c.tenant == tenant, brokers.c.name == turn.name, brokers.c.fence == turn.fence)
        .values(**values)
    )
    return done.rowcount == 1


def sent(count: int) -> sa.ColumnElement[int]:
    """So many more than were sent before."""
    return brokers.c.sent_total + count


def listed(connection: sa.Connection, tenant: str) -> list[Row]:
    """Every broker that was ever published to."""
    shown = [column for column in brokers.c if column.name not in ("tenant", "fence")]
    return all_rows(connection, sa.select(*shown).where(brokers.c.tenant == tenant).order_by(brokers.c.name))
