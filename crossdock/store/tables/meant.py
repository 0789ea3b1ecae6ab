"""Normalize: the parts of a message, and the facts and events that they came to."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.tables.base import Json, Time, metadata, one_of

PART_STATES: Final = ("in_flight", "processed", "rejected", "dead_lettered", "discarded")

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("raw_id", sa.Uuid, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, comment="counts from 0 in the message"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False, comment="what it is, for a person: '855 0001'"),
    sa.Column("partner", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("byte_offset", sa.BigInteger),
    sa.Column("byte_length", sa.BigInteger),
    one_of("state", *PART_STATES),
    sa.Index("ix_parts_source", "tenant", "source", "state"),
)

ROW_VERDICTS: Final = ("taken", "repeated", "overtaken", "refused", "waiting")

listed_rows = sa.Table(
    "listed_rows",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("raw_id", sa.Uuid, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("partner", sa.Text, nullable=False, comment="empty: of nobody"),
    sa.Column("number", sa.Integer, nullable=False, comment="as a spreadsheet shows it, from 1"),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("key_sha256", sa.Text, comment="what it is about; null for a row that could not be read"),
    sa.Column("content_sha256", sa.Text, comment="all that it says"),
    sa.Column("before_raw_id", sa.Uuid, comment="the list with the row that makes this one no news"),
    sa.Column("before_number", sa.Integer),
    sa.Column(
        "troubles", Json, nullable=False, comment="everything that is wrong in it, as its sender is told"
    ),
    sa.Column("said_at", Time, nullable=False, comment="when its list was received"),
    one_of("verdict", *ROW_VERDICTS),
    sa.CheckConstraint(
        "(verdict IN ('repeated', 'overtaken')) = (before_raw_id IS NOT NULL)", name="no_news_has_a_reason"
    ),
    sa.Index(
        "ix_listed_rows_said",
        "tenant",
        "partner",
        "document",
        "key_sha256",
        "said_at",
        postgresql_where=sa.text("verdict IN ('taken', 'repeated')"),
    ),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("raw_id", sa.Uuid, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("recorded_at", Time, nullable=False),
    sa.Column(
        "refs",
        pg.ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="'kind:value@issuer', what other documents find it by",
    ),
    sa.Index("ix_facts_raw", "tenant", "raw_id"),
    sa.Index("ix_facts_shipped", "tenant", "recorded_at", "id", postgresql_where=sa.text("kind = 'shipped'")),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("raw_id", sa.Uuid, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("case_id", sa.Uuid, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document", Json, nullable=False),
    sa.Column("recorded_at", Time, nullable=False),
    sa.Index("ix_events_raw", "tenant", "raw_id"),
    sa.Index("ix_events_case", "tenant", "case_id"),
    sa.Index("ix_events_recorded", "tenant", "recorded_at"),
)
