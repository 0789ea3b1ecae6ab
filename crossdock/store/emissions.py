"""Emissions: the place of each event in the feed, given after its commit, and the feed itself.

A number that is drawn while an event is written is drawn before the commit: a reader who saw number 8 would never
look back for number 7, which commits later. So a place is given afterwards, by whoever holds the tenant's head row:
whoever reads up to the head has everything that has a place up to there.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.emit.filters import Filter
from crossdock.store.bulk import as_json, recordset
from crossdock.store.pages import of_code
from crossdock.store.tables import emissions, events, feed_heads

LOOKED_AT: Final = 10_000
"""So many places are looked through in one read, whatever the filter leaves of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An event with its place in the feed."""

    position: int
    event_id: uuid.UUID
    document: Mapping[str, Any]
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An event that has no place yet, and where it came from."""

    event_id: uuid.UUID
    raw_id: uuid.UUID
    code: str
    subject: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Events after a place, and the place up to which there is nothing else that was asked for."""

    events: tuple[Placed, ...]
    upto: int
    head: int


def hold_head(connection: sa.Connection, tenant: str) -> int:
    """The highest place, held until the end of the transaction: one publisher at a time."""
    statement = (
        pg.insert(feed_heads)
        .values(tenant=tenant, last=0)
        .on_conflict_do_update(index_elements=["tenant"], set_={"last": feed_heads.c.last})
        .returning(feed_heads.c.last)
    )
    last: int = connection.execute(statement).scalar_one()
    return last


def waiting(connection: sa.Connection, tenant: str, limit: int) -> list[Waiting]:
    """Committed events without a place, in the order in which they were written. Call with the head held."""
    statement = (
        sa.select(events.c.id, events.c.raw_id, events.c.code, events.c.subject, events.c.document)
        .join(emissions, sa.and_(emissions.c.tenant == events.c.tenant, emissions.c.event_id == events.c.id))
        .where(emissions.c.tenant == tenant, emissions.c.state == "waiting")
        .order_by(emissions.c.number)
        .limit(limit)
    )
    return [
        Waiting(event_id=id, raw_id=raw_id, code=code, subject=subject, document=document)
        for id, raw_id, code, subject, document in connection.execute(statement)
    ]


def is_waiting(connection: sa.Connection, tenant: str) -> bool:
    """Whether any event has no place yet."""
    statement = sa.select(sa.exists().where(emissions.c.tenant == tenant, emissions.c.state == "waiting"))
    return bool(connection.scalar(statement))


def place(
    connection: sa.Connection, tenant: str, event_ids: Sequence[uuid.UUID], *, after: int, now: datetime
) -> int:
    """Give these events the places after ``after``, and move the head. Returns the new head."""
    if not event_ids:
        return after
    rows = [{"event_id": id, "position": after + place} for place, id in enumerate(event_ids, start=1)]
    given = recordset(emissions, ("event_id", "position"))
    connection.execute(
        sa.update(emissions)
        .where(emissions.c.tenant == tenant, emissions.c.event_id == given.c.event_id)
        .values(state="published", position=given.c.position, published_at=now),
        {"rows": as_json(rows)},
    )
    head = after + len(event_ids)
    connection.execute(sa.update(feed_heads).where(feed_heads.c.tenant == tenant).values(last=head))
    return head


def move(connection: sa.Connection, tenant: str, event_id: uuid.UUID, state: str) -> None:
    """``refused``: it breaks its schema and gets no place; ``waiting``: a person asks again."""
    connection.execute(
        sa.update(emissions)
        .where(emissions.c.tenant == tenant, emissions.c.event_id == event_id)
        .values(state=state)
    )


def head(connection: sa.Connection, tenant: str) -> int:
    """The highest place that was given; 0 before the first."""
    return connection.scalar(sa.select(feed_heads.c.last).where(feed_heads.c.tenant == tenant)) or 0


def before_oldest(connection: sa.Connection, tenant: str, since: datetime) -> int:
    """The place before the oldest event that was published since then: where a reader of all that is kept begins."""
    # the head first: what is published between the two statements lies behind it, and is not passed over
    last = head(connection, tenant)
    oldest = connection.scalar(
        sa.select(sa.func.min(emissions.c.position)).where(
            emissions.c.tenant == tenant, emissions.c.published_at >= since
        )
    )
    return last if oldest is None else int(oldest) - 1


def read(
    connection: sa.Connection, tenant: str, *, after: int, wanted: Filter, limit: int, most: int | None = None
) -> Read:
    """What comes after a place, at most ``limit`` events. ``most``: look no further than this place."""
    # the head first: what has a place up to it is committed, and the next statement sees it
    last = head(connection, tenant)
    upto = max(after, min(last, after + LOOKED_AT, most if most is not None else last))
    statement = (
        sa.select(emissions.c.position, emissions.c.event_id, events.c.document, emissions.c.published_at)
        .join(events, sa.and_(events.c.tenant == emissions.c.tenant, events.c.id == emissions.c.event_id))
        .where(
            emissions.c.tenant == tenant,
            emissions.c.position > after,
            emissions.c.position <= upto,
            *conditions(wanted),
        )
        .order_by(emissions.c.position)
        .limit(limit)
    )
    found = tuple(
        Placed(position=position, event_id=event_id, document=document, published_at=at)
        for position, event_id, document, at in connection.execute(statement)
    )
    return Read(events=found, upto=found[-1].position if len(found) == limit else upto, head=last)


def event_at(connection: sa.Connection, tenant: str, event_id: uuid.UUID) -> Placed | None:
    """One event of the feed, or ``None`` when it has no place there."""
    statement = (
        sa.select(emissions.c.position, emissions.c.event_id, events.c.document, emissions.c.published_at)
        .join(events, sa.and_(events.c.tenant == emissions.c.tenant, events.c.id == emissions.c.event_id))
        .where(
            emissions.c.tenant == tenant, emissions.c.event_id == event_id, emissions.c.state == "published"
        )
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    return Placed(position=row[0], event_id=row[1], document=row[2], published_at=row[3])


def conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    """What a filter asks of a row of ``events``."""
    asked: list[sa.ColumnElement[bool]] = []
    data = events.c.document["data"]
    if wanted.codes:
        asked.append(sa.or_(*(one for code in wanted.codes for one in of_code(events.c.code, code))))
    if wanted.severities:
        asked.append(data["severity"].astext.in_(wanted.severities))
    if wanted.kinds:
        asked.append(data["kind"].astext.in_(wanted.kinds))
    if wanted.subjects:
        subject = events.c.subject
        asked.append(
            sa.or_(
                *(
                    sa.or_(subject == one, subject.startswith(f"{one}/", autoescape=True))
                    for one in wanted.subjects
                )
            )
        )
    return asked
