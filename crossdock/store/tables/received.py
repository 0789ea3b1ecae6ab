"""Receive: where each source stands, and what was said, byte for byte."""

from typing import Final

import sqlalchemy as sa

from crossdock.store.tables.base import Json, Time, metadata

BODY_IN_ROW_BYTES: Final = 256 * 1024
"""Bodies over this many bytes lie in ``raw_bodies``, so that reading the inbox never drags them along."""

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("position", sa.Text, comment="where the source stands: moves only with committed rows"),
    sa.Column(
        "received_total",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="every receipt, duplicates too",
    ),
    sa.Column(
        "fence",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="who read last; an older reader cannot commit",
    ),
    sa.Column("read_at", Time),
    sa.Column("moved_at", Time, comment="when something new last came"),
    sa.Column("error", sa.Text, comment="why the last read failed; null when it did not"),
    sa.Column(
        "not_before", Time, comment="the system asked us to wait (Retry-After): it is not read before this"
    ),
    sa.Column("stopped_at", Time, comment="too much of it failed: nothing is read until a person resumes it"),
    sa.Column("stopped_why", sa.Text),
    sa.Column("resumed_at", Time, comment="failures before this do not stop it again"),
    sa.CheckConstraint("(stopped_at IS NULL) = (stopped_why IS NULL)", name="stop_has_a_reason"),
)

raw_messages = sa.Table(
    "raw_messages",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from tenant, source and key"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("body", sa.LargeBinary, comment="null when it lies in raw_bodies"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("position", sa.Text),
    sa.Column("received_at", Time, nullable=False),
    sa.Column("settled_at", Time, comment="when the source was told; null: tell it (again)"),
    sa.Column("part_count", sa.Integer, comment="null: in flight; otherwise so many rows in parts"),
    sa.Column(
        "again",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="a replay asked for its open parts",
    ),
    sa.Column(
        "attempts", sa.Integer, nullable=False, server_default="0", comment="claims; counted before the work"
    ),
    sa.Column("claimed_under", Time, comment="when the server of the last claim was started"),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("normalized_at", Time),
    sa.Column("run_id", sa.Uuid, comment="the run that received it"),
    sa.Index(
        "ix_raw_messages_waiting",
        "tenant",
        "again",
        "received_at",
        postgresql_where=sa.text("part_count IS NULL OR again"),
    ),
    sa.Index("ix_raw_messages_source", "tenant", "source", "received_at"),
)

raw_bodies = sa.Table(
    "raw_bodies",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("raw_id", sa.Uuid, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

duplicates = sa.Table(
    "duplicates",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("raw_id", sa.Uuid, nullable=False, comment="the message that said it first"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("seen_at", Time, nullable=False),
    sa.Index("ix_duplicates_source", "tenant", "source"),
)
