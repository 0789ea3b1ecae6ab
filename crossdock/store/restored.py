"""A restored database: what its rows cannot know any more."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.audit import chain
from crossdock.messages import WriteBackState
from crossdock.store.stops import is_stopped
from crossdock.store.tables import attempts, audit, raw_messages, write_backs

_MAY_HAVE_LEFT: Final = (
    WriteBackState.READY,
    WriteBackState.SENDING,
    WriteBackState.AWAITING_APPROVAL,
    WriteBackState.EXHAUSTED,
    WriteBackState.REJECTED,
)
"""From here a write-back may have gone on to be delivered after the backup: by itself, or since a person agreed or
replayed. One that was ``sending`` is taken over as abandoned; the version that it was sent on may be lost too, so it
may have happened before its attempt was written down."""

_A_MOMENT: Final = timedelta(microseconds=1)


def doubt(
    connection: sa.Connection, tenant: str, *, since: datetime | None, now: datetime, words: str
) -> Mapping[str, int]:
    """Everything that is not done may have happened: from ``since`` on, or since its row last changed. How many, by
    target."""
    table = write_backs
    doubted = (
        sa.update(table)
        .where(
            table.c.tenant == tenant,
            table.c.state.in_([str(state) for state in _MAY_HAVE_LEFT]),
            ~table.c.ask_first,
        )
        .values(
            ask_first=True,
            maybe_since=sa.func.coalesce(
                table.c.maybe_since,
                sa.func.least(
                    table.c.updated_at,
                    table.c.trying_since - _A_MOMENT,
                    sa.bindparam("since", since, sa.DateTime(timezone=True)),
                ),
            ),
            updated_at=now,
        )
        .returning(table.c.tenant, table.c.id, table.c.attempt, table.c.target)
        .cte("doubted")
    )
    said = (
        pg.insert(attempts)
        .from_select(
            ["tenant", "write_back_id", "attempt", "phase", "outcome", "reason", "at"],
            sa.select(
                doubted.c.tenant,
                doubted.c.id,
                doubted.c.attempt,
                sa.literal("person", sa.Text),
                sa.literal("restored", sa.Text),
                sa.bindparam("words", words, sa.Text),
                sa.bindparam("at", now, sa.DateTime(timezone=True)),
            ),
        )
        .on_conflict_do_nothing()
        .cte("said")
    )
    return Counter(connection.scalars(sa.select(doubted.c.target).add_cte(said)))


def unprocessed(connection: sa.Connection, tenant: str) -> int:
    """How many messages wait to be processed, and could lead to write-backs that nobody doubts yet."""
    statement = sa.select(sa.func.count()).where(
        raw_messages.c.tenant == tenant,
        raw_messages.c.part_count.is_(None),
        ~is_stopped(tenant, raw_messages.c.source),
    )
    return int(connection.execute(statement).scalar_one())


def said(connection: sa.Connection, tenant: str) -> list[tuple[int, datetime]]:
    """Of each row that says that the database was restored: from which row on others were lost, and its time."""
    statement = sa.select(audit.c.seq, audit.c.at, audit.c.detail).where(
        audit.c.tenant == tenant, audit.c.action == chain.RESTORED, audit.c.seq.is_not(None)
    )
    found = []
    for row in connection.execute(statement):
        lost_from = (row.detail or {}).get("lost_from")
        found.append((min(row.seq, lost_from) if isinstance(lost_from, int) else row.seq, row.at))
    return found


def seals(connection: sa.Connection, tenant: str, seqs: Collection[int]) -> dict[int, str]:
    """The seals of these rows of the audit, by their number."""
    wanted = sa.any_(sa.bindparam("seqs", list(seqs), pg.ARRAY(sa.BigInteger)))
    statement = sa.select(audit.c.seq, audit.c.hash).where(audit.c.tenant == tenant, audit.c.seq == wanted)
    return {row.seq: row.hash for row in connection.execute(statement)}
