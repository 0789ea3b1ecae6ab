"""What the rows of a store show of the promises: questions that no row may answer, and how they are asked.

Each question walks its table by key, some thousand rows at a time, each bite one statement in a transaction of its
own that cannot write. So a large store takes time and neither memory nor anybody's locks, and what is asked about two
tables is asked of one moment.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from crossdock.store import tables
from crossdock.store.pages import Row, plain

if TYPE_CHECKING:
    from crossdock.store.engine import Store

BITE: Final = 2_000
"""So many keys at a time."""

SOON: Final = timedelta(minutes=1)
"""Clocks of two machines, and the moment between a statement and its commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the questions need to know of the hub: the time, how long a lease is, and of each target how often it is
    tried, which share of repeats it bears, and whether a call of unknown effect may be repeated there."""

    now: datetime
    lease: timedelta
    poison_claims: int
    most_bytes: int
    most_parts: int
    most_attempts: Mapping[str, int]
    retry_shares: Mapping[str, float]
    not_repeatable: tuple[str, ...]


Asked = Callable[[Terms], sa.Select[*tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A statement that gives the rows which break a promise. ``key``: by which its table is walked; ``sentence``:
    what such a row means, with the columns of the statement in braces."""

    promise: str
    name: str
    key: sa.Column[Any]
    wrong: Asked
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """So many rows were looked at; the first one that breaks the promise, or ``None``."""

    looked: int
    row: Row | None


def ask(store: "Store", tenant: str, question: Question, terms: Terms, *, bite: int = BITE) -> Answer:
    """Walk the table of a question; stop at the first row that breaks the promise."""
    table = question.key.table
    wrong = question.wrong(terms).where(table.c.tenant == tenant).limit(1)
    looked = 0
    for low, high, count in bites(store, tenant, question.key, bite=bite):
        looked += count
        with store.reading(tenant) as connection:
            row = connection.execute(_between(wrong, question.key, low, high)).mappings().first()
        if row is not None:
            return Answer(looked=looked, row=plain(row))
    return Answer(looked=looked, row=None)


def bites(
    store: "Store", tenant: str, key: sa.Column[Any], *, bite: int = BITE
) -> Iterator[tuple[Any, Any, int]]:
    """The table of a key, cut in pieces: above ``low``, up to ``high``, so many keys. ``None``: no bound. What is
    added while this walks is in the last piece, or in none."""
    low: Any = None
    while True:
        keys = sa.select(key).where(key.table.c.tenant == tenant).order_by(key).limit(bite)
        with store.reading(tenant) as connection:
            found = connection.scalars(keys.where(key > low) if low is not None else keys).all()
        if len(found) < bite:
            yield low, None, len(found)
            return
        yield low, found[-1], len(found)
        low = found[-1]


def rows(
    store: "Store", tenant: str, key: sa.Column[Any], *columns: Any, bite: int = 500
) -> Iterator[list[Row]]:
    """These columns of every row of a key's table, some hundred rows at a time."""
    chosen = sa.select(*columns).where(key.table.c.tenant == tenant).order_by(key)
    for low, high, _ in bites(store, tenant, key, bite=bite):
        with store.reading(tenant) as connection:
            yield [dict(row) for row in connection.execute(_between(chosen, key, low, high)).mappings()]


def _between(statement: Any, key: sa.Column[Any], low: Any, high: Any) -> Any:
    if low is not None:
        statement = statement.where(key > low)
    return statement if high is None else statement.where(key <= high)


# ── what the questions are made of ───────────────────────────────────────────────────────────────────────────

RAW, BODIES, PARTS = tables.raw_messages, tables.raw_bodies, tables.parts
EVENTS, FACTS, LETTERS = tables.events, tables.facts, tables.dead_letters
CASES, STEPS, WRITTEN, TRIED = tables.cases, tables.case_transitions, tables.write_backs, tables.attempts


def there(table: sa.FromClause, *same: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(*same).select_from(table)


def of(table: sa.FromClause, other: sa.FromClause, **columns: str) -> list[sa.ColumnElement[bool]]:
    """The same tenant, and these columns of ``table`` equal to those of ``other``."""
    pairs = {"tenant": "tenant", **columns}
    return [table.c[name] == other.c[named] for name, named in pairs.items()]


def hash_of(body: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.encode(sa.func.sha256(body), "hex")


def key_of(table: sa.Table) -> sa.Column[Any]:
    """The column by which a table is walked: of its primary key, the first behind the tenant."""
    found: list[sa.Column[Any]] = [column for column in table.primary_key.columns if column.name != "tenant"]
    return found[0] if found else table.c.tenant


# ── what is compared elsewhere ───────────────────────────────────────────────────────────────────────────────


def not_stored(store: "Store", tenant: str, ids: list[Any], hashes: list[str]) -> list[Any]:
    """Of these ids and hashes of messages, those that no message has."""
    with store.reading(tenant) as connection:
        have = set(connection.scalars(sa.select(RAW.c.id).where(RAW.c.tenant == tenant, RAW.c.id.in_(ids))))
        if hashes:
            have |= set(
                connection.scalars(
                    sa.select(RAW.c.sha256).where(RAW.c.tenant == tenant, RAW.c.sha256.in_(hashes)).distinct()
                )
            )
    return [one for one in (*ids, *hashes) if one not in have]


def receipts(store: "Store", tenant: str) -> list[Row]:
    """For each source where it stands, how many receipts it counts, and how many are there."""
    sources, duplicates = tables.sources, tables.duplicates

    def count(table: sa.Table) -> Any:
        return (
            sa.select(sa.func.count())
            .where(*of(table, sources, source="source"))
            .correlate(sources)
            .scalar_subquery()
        )

    statement = sa.select(
        sources.c.source,
        sources.c.position,
        sources.c.received_total,
        (count(RAW) + count(duplicates)).label("there"),
    ).where(sources.c.tenant == tenant)
    with store.reading(tenant) as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def decided(store: "Store", tenant: str) -> Iterator[list[Row]]:
    """Every decision with the document of its event, some hundred at a time."""
    decisions = tables.decisions
    names = ("event_id", "version", "rule", "queue", "owner", "priority", "actions")
    document = (
        sa.select(EVENTS.c.document)
        .where(*of(EVENTS, decisions, id="event_id"))
        .correlate(decisions)
        .scalar_subquery()
    )
    columns = [*(decisions.c[name] for name in names), document.label("document")]
    return rows(store, tenant, decisions.c.id, *columns)


def texts(store: "Store", tenant: str, table: sa.Table) -> Iterator[list[Row]]:
    """Every row of a table with its key and all that is text, JSON or bytes in it, as text or bytes."""
    key = key_of(table)
    columns = [key] + [
        sa.cast(column, sa.Text).label(column.name)
        if not isinstance(column.type, sa.LargeBinary | sa.Text)
        else column
        for column in table.columns
        if column is not key
        and (
            isinstance(column.type, sa.Text | sa.LargeBinary)
            or type(column.type).__name__ in ("JSONB", "ARRAY")
        )
    ]
    return rows(store, tenant, key, *columns, bite=200)
