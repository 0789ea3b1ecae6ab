"""Clocks in the store, and the facts that other documents find by their references."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.bulk import Row, insert_rows
from crossdock.store.named import names_any, naming
from crossdock.store.pages import Page, but_tenant, page_of, with_text
from crossdock.store.tables import clocks, facts, mentions, parts

BUCKETS: Final = 256
"""So many locks share all business numbers between them. A batch holds at most this many."""

_LOCKS_OF: Final = 0x43_4C_4B
"""The first key of our advisory locks, so that they are nobody else's."""


def take_turns(connection: sa.Connection, buckets: Collection[int]) -> None:
    """Hold these buckets to the end of the transaction: of two batches that speak of the same number, the second sees
    what the first wrote. Taken in order, so that two workers cannot wait for each other."""
    if not buckets:
        return
    numbers = sa.func.unnest(sa.bindparam("buckets", sorted(buckets), pg.ARRAY(sa.Integer))).column_valued(
        "bucket"
    )
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS_OF, numbers)))


def facts_about(
    connection: sa.Connection,
    tenant: str,
    words: Collection[str],
    kinds: Collection[str],
    *,
    each: int,
    but: Collection[uuid.UUID] = (),
) -> list["KnownFact"]:
    """Facts of these kinds that share a reference, those in ``but`` excepted: of each reference the newest ``each``,
    so that one number with thousands of papers takes nothing from the others. Oldest first."""
    if not words or not kinds:
        return []
    ranked = (
        sa.select(
            facts.c.id,
            facts.c.raw_id,
            facts.c.part,
            facts.c.document,
            facts.c.recorded_at,
            sa.func.row_number()
            .over(partition_by=mentions.c.word, order_by=(facts.c.recorded_at.desc(), facts.c.id))
            .label("place"),
        )
        .select_from(mentions)
        .join(facts, sa.and_(facts.c.tenant == tenant, facts.c.id == mentions.c.row_id))
        .where(
            naming(facts, tenant, words),
            mentions.c.row_id != sa.all_(sa.bindparam("but", list(but), pg.ARRAY(sa.Uuid))),
            facts.c.kind == sa.any_(sa.bindparam("kinds", list(kinds), pg.ARRAY(sa.Text))),
        )
        .subquery("ranked")
    )
    statement = (
        sa.select(ranked, parts.c.partner)
        .join(
            parts,
            sa.and_(
                parts.c.tenant == tenant,
                parts.c.raw_id == ranked.c.raw_id,
                parts.c.ordinal == ranked.c.part,
            ),
            isouter=True,
        )
        .where(ranked.c.place <= each)
        .order_by(ranked.c.recorded_at, ranked.c.id)
    )
    found: dict[uuid.UUID, KnownFact] = {}  # one that shares two references comes twice
    for row in connection.execute(statement):
        found[row.id] = KnownFact(
            id=row.id,
            raw_id=row.raw_id,
            part=row.part,
            # what we said ourselves is told with the message that made us say it, and names its own partner
            partner=row.document["data"].get("attributes", {}).get("partner") or row.partner,
            document=row.document,
        )
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFact:
    """A stored fact, with the message and part that said it and whose it is."""

    id: uuid.UUID
    raw_id: uuid.UUID
    part: int
    partner: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClock:
    """A clock that still runs, or ran out without an answer; with the fact that started it."""

    id: uuid.UUID
    pair: str
    partner: str | None
    words: Sequence[str]
    state: str
    due_at: datetime
    limit: str
    raw_id: uuid.UUID
    part: int
    fact: Mapping[str, Any]


def add_clocks(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Start clocks. One that was started before is left as it is."""
    insert_rows(connection, clocks, rows, or_ignore=True)


def clocks_about(connection: sa.Connection, tenant: str, words: Collection[str]) -> list[KnownClock]:
    """Clocks that wait for something about these references, or waited in vain; locked for this transaction."""
    return _known(
        connection,
        _with_fact()
        .where(
            clocks.c.tenant == tenant,
            names_any(clocks, tenant, words),
            clocks.c.state.in_(["waiting", "overdue"]),
        )
        .order_by(clocks.c.id)
        .with_for_update(of=clocks),
    )


def due_clocks(
    connection: sa.Connection, tenant: str, pairs: Sequence[str], now: datetime, most: int
) -> list[KnownClock]:
    """Clocks of these pairs that ran out, the longest overdue first, locked; those that another worker holds are left
    to it."""
    return _known(
        connection,
        _with_fact()
        .where(
            clocks.c.tenant == tenant,
            clocks.c.state == "waiting",
            clocks.c.due_at <= now,
            clocks.c.pair == sa.any_(sa.bindparam("pairs", list(pairs), pg.ARRAY(sa.Text))),
        )
        .order_by(clocks.c.due_at, clocks.c.id)
        .limit(most)
        .with_for_update(of=clocks, skip_locked=True),
    )


def answered_another(
    connection: sa.Connection,
    tenant: str,
    pair: str,
    words: Collection[str],
    fact_id: uuid.UUID,
    subject: str,
) -> bool:
    """Whether this fact ended a clock of this pair that shares a reference and was about something else."""
    ended = sa.select(clocks.c.id).where(
        clocks.c.tenant == tenant,
        names_any(clocks, tenant, words),
        clocks.c.pair == pair,
        clocks.c.ended_by == fact_id,
        clocks.c.subject != subject,
    )
    return bool(connection.execute(ended.limit(1)).first())


def end_clock(
    connection: sa.Connection,
    tenant: str,
    clock_id: uuid.UUID,
    state: str,
    *,
    now: datetime,
    ended_by: str | None = None,
    event_id: str | None = None,
) -> None:
    """Bring a clock to its next state. ``ended_by``: the fact that came; ``event_id``: the exception it opened."""
    values: dict[str, Any] = {"state": state}
    if event_id is not None:
        values["event_id"] = uuid.UUID(event_id)
    else:
        values["ended_at"] = now
    if ended_by is not None:
        values["ended_by"] = uuid.UUID(ended_by)
    connection.execute(
        sa.update(clocks).where(clocks.c.tenant == tenant, clocks.c.id == clock_id).values(**values)
    )


def _with_fact() -> sa.Select[Any]:
    return sa.select(clocks, facts.c.document).join(
        facts, sa.and_(facts.c.tenant == clocks.c.tenant, facts.c.id == clocks.c.started_by)
    )


def _known(connection: sa.Connection, statement: sa.Select[Any]) -> list[KnownClock]:
    return [
        KnownClock(
            id=row.id,
            pair=row.pair,
            partner=row.partner,
            words=row.refs,
            state=row.state,
            due_at=row.due_at,
            limit=row.limit_text,
            raw_id=row.raw_id,
            part=row.part,
            fact=row.document,
        )
        for row in connection.execute(statement)
    ]


def list_clocks(
    connection: sa.Connection,
    tenant: str,
    *,
    state: str | None = None,
    partner: str | None = None,
    pair: str | None = None,
    subject: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Clocks, those that were started last first."""
    wanted = [clocks.c.tenant == tenant]
    for column, value in ((clocks.c.state, state), (clocks.c.partner, partner), (clocks.c.pair, pair)):
        if value is not None:
            wanted.append(column == value)
    query = sa.select(*but_tenant(clocks)).where(*wanted, *with_text(clocks.c.subject, subject))
    return page_of(connection, query, clocks.c.started_at, clocks.c.id, after, limit)
