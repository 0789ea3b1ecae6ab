"""What is awaited on a calendar, what came of it, and how long sources are usually silent."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from crossdock.store.bulk import insert_rows
from crossdock.store.pages import Row, all_rows, but_tenant
from crossdock.store.register import not_refused
from crossdock.store.tables import awaited, exchanges, raw_messages, runs, sources

SKIPPED: Final = "skipped:"
"""How the key of what a source saw and did not take begins: it is no news from it."""

MOST_LOOKED_AT: Final = 200_000
"""So many messages, the newest, are looked at to learn how long a source is usually silent."""

_LOCK: Final = 0x57_41_54
"""The first key of our advisory lock, so that it is nobody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """One due time that is waited for, or that passed in vain. ``kind``: ``feed`` (declared) or ``source``."""

    id: uuid.UUID
    kind: str
    feed: str
    declared: str
    opens_at: datetime
    due_at: datetime
    wanted: int
    state: str
    noted_at: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """How a source stands: when it was read, whether that went well, and when it last said anything new."""

    read_at: datetime | None
    error: str | None
    stopped_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What a source did so far: since when it is known, how often it said something after a pause, and its longest
    silence with its beginning."""

    since: datetime
    times: int
    longest: timedelta
    longest_from: datetime


def take_turn(connection: sa.Connection, tenant: str) -> bool:
    """Whether we are the one who watches now, to the end of the transaction."""
    mine = sa.func.pg_try_advisory_xact_lock(_LOCK, sa.func.hashtext(tenant))
    return bool(connection.execute(sa.select(mine)).scalar_one())


def open_rows(connection: sa.Connection, tenant: str) -> list[Awaiting]:
    """Everything that is awaited or missing, by feed, the oldest due time first."""
    columns = [awaited.c[name] for name in Awaiting.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(awaited.c.tenant == tenant, awaited.c.state.in_(["waiting", "missing"]))
        .order_by(awaited.c.kind, awaited.c.feed, awaited.c.due_at)
    )
    return [Awaiting(**row) for row in connection.execute(query).mappings()]


def known(connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these rows are there, in whatever state."""
    query = sa.select(awaited.c.id).where(awaited.c.tenant == tenant, awaited.c.id.in_(list(ids)))
    return set(connection.execute(query).scalars()) if ids else set()


def add(connection: sa.Connection, tenant: str, row: Awaiting, *, ended_at: datetime | None = None) -> None:
    """Wait for it. What is there already stays as it is."""
    values = {name: getattr(row, name) for name in Awaiting.__dataclass_fields__}
    insert_rows(connection, awaited, [{"tenant": tenant, **values, "ended_at": ended_at}], or_ignore=True)


def move(connection: sa.Connection, tenant: str, row_id: uuid.UUID, **values: Any) -> None:
    """Bring a row to its next state, or note when it was asked about."""
    connection.execute(
        sa.update(awaited).where(awaited.c.tenant == tenant, awaited.c.id == row_id).values(**values)
    )


# -- what came ------------------------------------------------------------------------------------------------------


def came_from_source(
    connection: sa.Connection,
    tenant: str,
    source: str,
    files: str,
    *,
    after: datetime,
    until: datetime,
    nth: int,
) -> datetime | None:
    """When the ``nth`` message of a source came in this time, by the pattern of its name; ``None``: fewer came."""
    raw = raw_messages
    wanted = [
        raw.c.tenant == tenant,
        raw.c.source == source,
        raw.c.received_at > after,
        raw.c.received_at <= until,
        ~raw.c.key.startswith(SKIPPED, autoescape=True),
    ]
    if files:
        wanted.append(raw.c.name.like(_as_like(files), escape="\\"))
    query = sa.select(raw.c.received_at).where(*wanted).order_by(raw.c.received_at).offset(nth - 1).limit(1)
    found: datetime | None = connection.execute(query).scalar()
    return found


def _as_like(files: str) -> str:
    """A pattern with ``*`` as LIKE takes it: nothing else in a name means anything."""
    for special in "\\%_":
        files = files.replace(special, f"\\{special}")
    return files.replace("*", "%")


def came_from_partner(
    connection: sa.Connection,
    tenant: str,
    partner: str,
    set_id: str,
    *,
    after: datetime,
    until: datetime,
    nth: int,
) -> datetime | None:
    """When the ``nth`` set of this kind came from a partner in this time and was not refused."""
    query = (
        sa.select(exchanges.c.at)
        .where(*_of_partner(tenant, partner, set_id, after, until), ~_refused())
        .order_by(exchanges.c.at)
        .offset(nth - 1)
        .limit(1)
    )
    found: datetime | None = connection.execute(query).scalar()
    return found


def refused_of_partner(
    connection: sa.Connection, tenant: str, partner: str, set_id: str, *, after: datetime, until: datetime
) -> int:
    """How many came in this time and were refused."""
    query = sa.select(sa.func.count()).where(*_of_partner(tenant, partner, set_id, after, until), _refused())
    return int(connection.execute(query).scalar_one())


def _of_partner(
    tenant: str, partner: str, set_id: str, after: datetime, until: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        exchanges.c.tenant == tenant,
        exchanges.c.direction == "in",
        exchanges.c.partner == partner,
        exchanges.c.set_id == set_id,
        exchanges.c.at > after,
        exchanges.c.at <= until,
    )


def _refused() -> sa.ColumnElement[bool]:
    """Whether we told the partner that we do not take the set, or the interchange that holds it."""
    return sa.not_(sa.and_(not_refused("told"), not_refused("interchange")))


def in_flight(
    connection: sa.Connection,
    tenant: str,
    among: Collection[str],
    *,
    after: datetime,
    until: datetime,
) -> bool:
    """Whether a message that these sources brought in this time is not looked at yet: it may hold what is awaited."""
    raw = raw_messages
    query = (
        sa.select(raw.c.id)
        .where(
            raw.c.tenant == tenant,
            raw.c.source.in_(list(among)),
            raw.c.part_count.is_(None),
            raw.c.received_at > after,
            raw.c.received_at <= until,
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


# -- how sources stand ----------------------------------------------------------------------------------------------


def news(connection: sa.Connection, tenant: str) -> Mapping[str, News]:
    """How each source stands, by its name. One look into an index for each."""
    raw = raw_messages
    last = (
        sa.select(raw.c.received_at)
        .where(
            raw.c.tenant == sources.c.tenant,
            raw.c.source == sources.c.source,
            ~raw.c.key.startswith(SKIPPED, autoescape=True),
        )
        .order_by(raw.c.received_at.desc())
        .limit(1)
        .lateral("last")
    )
    query = (
        sa.select(
            sources.c.source,
            sources.c.read_at,
            sources.c.error,
            sources.c.stopped_at,
            last.c.received_at.label("last_at"),
        )
        .select_from(sources.join(last, sa.true(), isouter=True))
        .where(sources.c.tenant == tenant)
    )
    return {
        row.source: News(read_at=row.read_at, error=row.error, stopped_at=row.stopped_at, last_at=row.last_at)
        for row in connection.execute(query)
    }


def habit(connection: sa.Connection, tenant: str, source: str, *, since: datetime) -> Habit | None:
    """What this source did since then, over its newest ``MOST_LOOKED_AT`` messages; ``None``: it said less than two
    things. What came within a minute is one time."""
    raw = raw_messages
    newest = (
        sa.select(raw.c.received_at.label("at"))
        .where(
            raw.c.tenant == tenant,
            raw.c.source == source,
            raw.c.received_at >= since,
            ~raw.c.key.startswith(SKIPPED, autoescape=True),
        )
        .order_by(raw.c.received_at.desc())
        .limit(MOST_LOOKED_AT)
        .subquery("newest")
    )
    before = sa.func.lag(newest.c.at).over(order_by=newest.c.at)
    gaps = sa.select(before.label("begin"), (newest.c.at - before).label("gap")).subquery("gaps")
    first = sa.select(sa.func.min(newest.c.at)).scalar_subquery()
    times = sa.select(sa.func.count()).where(gaps.c.gap > sa.literal(timedelta(minutes=1))).scalar_subquery()
    longest = connection.execute(
        sa.select(gaps.c.begin, gaps.c.gap, first.label("since"), times.label("times"))
        .where(gaps.c.gap.is_not(None))
        .order_by(gaps.c.gap.desc(), gaps.c.begin)
        .limit(1)
    ).first()
    if longest is None:
        return None
    return Habit(
        since=longest.since, times=longest.times + 1, longest=longest.gap, longest_from=longest.begin
    )


def green_runs(connection: sa.Connection, tenant: str, source: str, *, since: datetime) -> int:
    """How many times this source was read since then without an error."""
    query = sa.select(sa.func.count()).where(
        runs.c.tenant == tenant,
        runs.c.started_at > since,
        runs.c.step == "receive",
        runs.c.connector == source,
        runs.c.error.is_(None),
        runs.c.finished_at.is_not(None),
    )
    return int(connection.execute(query).scalar_one())


# -- for people -----------------------------------------------------------------------------------------------------


def newest_of_each(connection: sa.Connection, tenant: str) -> list[Row]:
    """The newest row of each feed and source; with ``last_came_at``, and how many due times are ``missing`` now."""
    of_feed = (awaited.c.kind, awaited.c.feed)
    place = sa.func.row_number().over(partition_by=of_feed, order_by=(awaited.c.due_at.desc(), awaited.c.id))
    missing = sa.func.count().filter(awaited.c.state == "missing").over(partition_by=of_feed)
    ranked = (
        sa.select(
            *but_tenant(awaited),
            place.label("place"),
            sa.func.max(awaited.c.came_at).over(partition_by=of_feed).label("last_came_at"),
            missing.label("missing"),
        )
        .where(awaited.c.tenant == tenant)
        .subquery("ranked")
    )
    columns = [column for column in ranked.c if column.name != "place"]
    return all_rows(
        connection,
        sa.select(*columns).where(ranked.c.place == 1).order_by(ranked.c.kind, ranked.c.feed),
    )


def missing_now(connection: sa.Connection, tenant: str) -> list[Row]:
    """What did not come and is still awaited: of each feed and source the newest due time."""
    newest = sa.func.max(awaited.c.due_at)
    return all_rows(
        connection,
        sa.select(
            awaited.c.kind,
            awaited.c.feed,
            newest.label("due_at"),
            sa.func.max(awaited.c.opens_at).label("opens_at"),
        )
        .where(awaited.c.tenant == tenant, awaited.c.state == "missing")
        .group_by(awaited.c.kind, awaited.c.feed)
        .order_by(newest),
    )


def due_times(connection: sa.Connection, tenant: str, feed: str, *, limit: int) -> list[Row]:
    """What became of the last due times of a feed or source, the newest first."""
    return all_rows(
        connection,
        sa.select(*but_tenant(awaited))
        .where(awaited.c.tenant == tenant, awaited.c.feed == feed)
        .order_by(awaited.c.due_at.desc(), awaited.c.id)
        .limit(limit),
    )
