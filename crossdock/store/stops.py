"""Sources that are stopped, and how much of each fails."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.store.tables import dead_letter_groups, dead_letters, parts, raw_messages, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How many parts failed since then, of how many that were taken."""

    failed: int
    taken: int
    since: datetime


def failures(
    connection: sa.Connection, tenant: str, source: str, *, since: datetime, now: datetime
) -> Failures:
    """What of this source failed since then, or since it was last resumed. What a person asked to run again, what was
    never taken, and whose cause a person ignores for now does not count."""
    resumed = connection.scalar(
        sa.select(sources.c.resumed_at).where(sources.c.tenant == tenant, sources.c.source == source)
    )
    since = max(since, resumed) if resumed is not None else since
    letters, raw, groups = dead_letters, raw_messages, dead_letter_groups
    failed = connection.scalar(
        sa.select(sa.func.count())
        .select_from(letters)
        .where(
            letters.c.tenant == tenant,
            letters.c.source == source,
            letters.c.created_at > since,
            letters.c.raw_id.is_not(None),
            letters.c.stage != "receive",
            letters.c.came_back_from.is_(None),
            ~sa.exists().where(
                groups.c.tenant == tenant,
                groups.c.id == letters.c.group_id,
                groups.c.state == "ignored",
                groups.c.ignored_until > now,
            ),
        )
    )
    taken = connection.scalar(
        sa.select(sa.func.count())
        .select_from(parts.join(raw, sa.and_(raw.c.tenant == tenant, raw.c.id == parts.c.raw_id)))
        .where(
            parts.c.tenant == tenant,
            raw.c.source == source,
            raw.c.normalized_at > since,
        )
    )
    return Failures(failed=int(failed or 0), taken=int(taken or 0), since=since)


def stop(connection: sa.Connection, tenant: str, source: str, *, why: str, now: datetime) -> bool:
    """Stop a source. False: it is stopped already."""
    statement = (
        sa.update(sources)
        .where(sources.c.tenant == tenant, sources.c.source == source, sources.c.stopped_at.is_(None))
        .values(stopped_at=now, stopped_why=why)
    )
    return connection.execute(statement).rowcount == 1


def stopped(connection: sa.Connection, tenant: str, source: str) -> Any | None:
    """Since when and why a source is stopped; ``None``: it is not."""
    return connection.execute(
        sa.select(sources.c.stopped_at, sources.c.stopped_why).where(
            sources.c.tenant == tenant, sources.c.source == source, sources.c.stopped_at.is_not(None)
        )
    ).first()


def resume(connection: sa.Connection, tenant: str, source: str, *, now: datetime) -> bool:
    """Let a source go on. False: it was not stopped."""
    statement = (
        sa.update(sources)
        .where(sources.c.tenant == tenant, sources.c.source == source, sources.c.stopped_at.is_not(None))
        .values(stopped_at=None, stopped_why=None, resumed_at=now)
    )
    return connection.execute(statement).rowcount == 1


def is_stopped(tenant: str, source: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the source in this column is stopped."""
    return sa.exists().where(
        sources.c.tenant == tenant, sources.c.source == source, sources.c.stopped_at.is_not(None)
    )
