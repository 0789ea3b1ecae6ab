"""The audit: what people did, sealed in a chain; and where each tenant's chain ends."""

import sqlalchemy as sa

from crossdock.store.tables.base import Json, Time, metadata

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object_kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("detail", Json),
    sa.Column(
        "seq", sa.BigInteger, comment="gapless in a tenant, from 1; null: from before there was a chain"
    ),
    sa.Column("key_id", sa.Text, comment="which key sealed it; never the key"),
    sa.Column("hash", sa.Text, comment="over the hash before it, its number and its content"),
    sa.UniqueConstraint("tenant", "seq"),
    sa.CheckConstraint(
        "(seq IS NULL) = (hash IS NULL) AND (seq IS NULL) = (key_id IS NULL)", name="sealed_whole"
    ),
    sa.Index("ix_audit_at", "tenant", "at"),
)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="the last number; held while one is added"),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("anchored_seq", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("anchored_at", Time, comment="when the end of the chain was last written down elsewhere"),
)
