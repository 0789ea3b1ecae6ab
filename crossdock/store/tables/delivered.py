"""Deliver: write-backs, which are the queue, and every attempt."""

import sqlalchemy as sa

from crossdock.messages import WriteBackState
from crossdock.store.tables.base import Json, Time, metadata, one_of

write_backs = sa.Table(
    "write_backs",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("case_id", sa.Uuid),
    sa.Column("decision_id", sa.Uuid),
    sa.Column("raw_id", sa.Uuid, comment="what is acknowledged, when it is an acknowledgement"),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("body_sha256", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("headers", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column(
        "spent_before",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="attempts that do not count against the schedule: before a replay, or while paused",
    ),
    sa.Column(
        "ask_first",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="the effect of an earlier attempt is unknown: ask the target before sending again",
    ),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("next_attempt_at", Time, comment="set while ready"),
    sa.Column("receipt", Json),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.UniqueConstraint("tenant", "idempotency_key"),
    one_of("state", *WriteBackState),
    sa.CheckConstraint("state <> 'ready' OR next_attempt_at IS NOT NULL", name="ready_has_time"),
    sa.CheckConstraint("state <> 'delivered' OR receipt IS NOT NULL", name="delivered_has_receipt"),
    sa.Index(
        "ix_write_backs_due",
        "tenant",
        "target",
        "next_attempt_at",
        postgresql_where=sa.text("state = 'ready'"),
    ),
    sa.Index(
        "ix_write_backs_sending",
        "tenant",
        "target",
        "lease_until",
        postgresql_where=sa.text("state = 'sending'"),
    ),
    sa.Index("ix_write_backs_case", "tenant", "case_id"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("write_back_id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="counts from 1"),
    sa.Column("phase", sa.Text, primary_key=True, comment="intent: before the call; outcome: after it"),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("evidence", Json),
    sa.Column("run_id", sa.Uuid),
    sa.Column("at", Time, nullable=False),
    one_of("phase", "intent", "outcome", "found", "person"),
)
