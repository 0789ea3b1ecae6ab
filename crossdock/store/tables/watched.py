"""Watch: what is awaited on a calendar, and sources that usually bring something."""

from typing import Final

import sqlalchemy as sa

from crossdock.store.tables.base import Time, metadata, one_of

AWAITED_STATES: Final = {
    "waiting": ("met", "missing", "late", "excused"),
    "missing": ("late", "excused"),
    "met": (),
    "late": (),
    "excused": (),
}
"""What is due is ``waiting`` until it comes in time (``met``), or does not (``missing``) and comes after that
(``late``); or nobody waits for it any more (``excused``): its declaration was changed or taken out."""

awaited = sa.Table(
    "awaited",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from the kind, the feed and the due time"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("feed", sa.Text, nullable=False, comment="the declared feed, or the source"),
    sa.Column("declared", sa.Text, nullable=False, comment="why it is due then, as a sentence"),
    sa.Column("opens_at", Time, nullable=False, comment="what came after this counts"),
    sa.Column("due_at", Time, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False, comment="so many must come"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("noted_at", Time, nullable=False, comment="since when it is awaited"),
    sa.Column(
        "asked_at", Time, comment="when it was first seen to be overdue, and its source not read since"
    ),
    sa.Column("came_at", Time, comment="when the last of those that were wanted came"),
    sa.Column("event_id", sa.Uuid, comment="the exception that was opened when it did not come"),
    sa.Column("ended_at", Time),
    one_of("kind", "feed", "source"),
    one_of("state", *AWAITED_STATES),
    sa.Index(
        "ix_awaited_open",
        "tenant",
        "feed",
        "kind",
        postgresql_where=sa.text("state IN ('waiting', 'missing')"),
    ),
    sa.Index("ix_awaited_feed", "tenant", "feed", "kind", "due_at"),
)
