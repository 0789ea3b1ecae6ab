"""Numbers of what was shipped and not delivered yet: what a carrier can be asked about.

They are found in the facts, by nothing but what documents said: a number opens with the fact that its goods were
shipped, and is closed by one that they were delivered or received.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.named import naming
from crossdock.store.tables import facts, mentions, raw_messages

ENDS: Final = ("delivered", "received")
"""Facts that close a number."""
CANCELLED: Final = "01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a number stands among all: by when its fact was recorded, and by its place in that."""

    recorded_at: datetime
    fact_id: uuid.UUID
    nth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A number under which goods left. ``word`` is as it stands in ``refs``; ``parties`` and ``carrier`` are what its
    fact says of who carries it."""

    word: str
    place: Place
    parties: Sequence[Mapping[str, Any]]
    carrier: str | None


def shipped(
    connection: sa.Connection,
    tenant: str,
    *,
    kind: str,
    since: datetime,
    after: Place | None,
    but_source: str,
    most: int,
) -> list[Shipped]:
    """What was shipped under numbers of a kind of reference, open or closed, behind a place, the earliest recorded
    first. Facts that ``but_source`` said itself open nothing: what it is asked about is what others shipped."""
    word = (
        sa.func.unnest(facts.c.refs)
        .table_valued(sa.column("word", sa.Text), with_ordinality="nth")
        .render_derived(name="numbered")
    )
    data = facts.c.document["data"]
    conditions = [
        facts.c.tenant == tenant,
        facts.c.kind == sa.literal_column("'shipped'"),
        facts.c.recorded_at >= since,
        word.c.word.like(f"{kind}:%"),
        sa.func.coalesce(data["attributes"]["purpose"].astext, "") != CANCELLED,
        sa.func.coalesce(data["provenance"]["connector"].astext, "") != but_source,
    ]
    if after is not None:
        conditions.append(
            sa.tuple_(facts.c.recorded_at, facts.c.id, word.c.nth)
            > sa.tuple_(
                sa.literal(after.recorded_at), sa.literal(after.fact_id, sa.Uuid), sa.literal(after.nth)
            )
        )
        conditions.append(facts.c.recorded_at >= after.recorded_at)
    statement = (
        sa.select(
            word.c.word,
            word.c.nth,
            facts.c.recorded_at,
            facts.c.id,
            data["parties"].label("parties"),
            data["attributes"]["carrier"].astext.label("carrier"),
        )
        .select_from(facts.join(word, sa.true()))
        .where(*conditions)
        .order_by(facts.c.recorded_at, facts.c.id, word.c.nth)
        .limit(most)
    )
    return [
        Shipped(
            word=row.word,
            place=Place(recorded_at=row.recorded_at, fact_id=row.id, nth=row.nth),
            parties=row.parties or (),
            carrier=row.carrier,
        )
        for row in connection.execute(statement)
    ]


def closed(connection: sa.Connection, tenant: str, words: Collection[str]) -> set[str]:
    """Which of these numbers a fact names that says that their goods arrived."""
    if not words:
        return set()
    purpose = facts.c.document["data"]["attributes"]["purpose"].astext
    statement = (
        sa.select(mentions.c.word)
        .join(facts, sa.and_(facts.c.tenant == tenant, facts.c.id == mentions.c.row_id))
        .where(
            naming(facts, tenant, words),
            facts.c.kind.in_(ENDS),
            sa.func.coalesce(purpose, "") != CANCELLED,
        )
        .distinct()
    )
    return set(connection.execute(statement).scalars())


def stored_ids(connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these messages are stored."""
    asked = sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid)))
    statement = sa.select(raw_messages.c.id).where(
        raw_messages.c.tenant == tenant, raw_messages.c.id == asked
    )
    return set(connection.execute(statement).scalars())
