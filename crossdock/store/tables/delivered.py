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
    sa.Column(
        "queued",
        sa.BigInteger,
        sa.Identity(),
        nullable=False,
        comment="counts up in the order in which write-backs were written",
    ),
    sa.Column("slot", sa.Text, comment="what it sets: a later one of the same slot replaces it"),
    sa.Column("version", sa.Text, comment="what the target held when this was decided, for If-Match"),
    sa.Column("trying_since", Time, comment="the first attempt since it was written or replayed"),
    sa.Column("maybe_since", Time, comment="the first attempt whose effect may have happened"),
    sa.Column(
        "waits_for", sa.Uuid, comment="an earlier one about the same subject, when it was last looked at"
    ),
    sa.Column("superseded_by", sa.Uuid),
    sa.Column(
        "let_pass",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="a person let it go before what it waits for",
    ),
    sa.Column(
        "rehearsed",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="its request was made and kept while the target was in dry-run",
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
        postgresql_where=sa.text("state = 'ready' AND attempt = spent_before"),
    ),
    sa.Index(
        "ix_write_backs_due_again",
        "tenant",
        "target",
        "next_attempt_at",
        postgresql_where=sa.text("state = 'ready' AND attempt > spent_before"),
    ),
    sa.Index(
        "ix_write_backs_order",
        "tenant",
        "target",
        "subject",
        "queued",
        postgresql_where=sa.text(
            "state IN ('ready', 'sending', 'unsure', 'exhausted') OR (state = 'awaiting_approval' AND ask_first)"
        ),
    ),
    sa.Index(
        "ix_write_backs_slot",
        "tenant",
        "target",
        "slot",
        postgresql_where=sa.text("slot IS NOT NULL"),
    ),
    sa.Index(
        "ix_write_backs_waits", "tenant", "waits_for", postgresql_where=sa.text("waits_for IS NOT NULL")
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
    one_of("phase", "intent", "outcome", "found", "person", "waits", "superseded", "rehearsed"),
)
