"""Emit: where each event stands in the feed, and who gets it: consumers, webhooks and brokers."""

from typing import Final

import sqlalchemy as sa

from crossdock.store.tables.base import Json, Time, metadata, one_of

EMISSION_STATES: Final = {
    "waiting": ("published", "refused"),
    "refused": ("waiting",),
    "published": (),
}
"""An event is ``waiting`` from its own transaction on (a trigger writes the row) until the publisher gives it its
place. One that breaks its schema is ``refused``: a dead letter, which may be replayed."""

CONSUMER_STATES: Final = {"active": ("removed",), "removed": ()}

WEBHOOK_STATES: Final = {
    "active": ("disabled", "removed"),
    "disabled": ("active", "removed"),
    "removed": (),
}

WEBHOOK_MESSAGE_STATES: Final = {
    "waiting": ("sending", "cancelled"),
    "sending": ("waiting", "delivered", "failed"),
    "delivered": ("waiting",),
    "failed": ("waiting", "cancelled"),
    "cancelled": (),
}
"""``failed``: its schedule is used up, and a person may ask again. ``delivered`` → ``waiting``: sent again by hand,
under the id that it always had. ``cancelled``: its subscription was removed."""

emissions = sa.Table(
    "emissions",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column(
        "number",
        sa.BigInteger,
        sa.Identity(),
        nullable=False,
        comment="order of writing: given before the commit, so never a cursor",
    ),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column(
        "position", sa.BigInteger, comment="place in the feed: gapless per tenant, given after the commit"
    ),
    sa.Column("published_at", Time),
    one_of("state", *EMISSION_STATES),
    sa.CheckConstraint(
        "state <> 'published' OR (position IS NOT NULL AND published_at IS NOT NULL)",
        name="published_has_position",
    ),
    sa.UniqueConstraint("tenant", "position"),
    sa.Index("ix_emissions_waiting", "tenant", "number", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("ix_emissions_published", "tenant", "published_at"),
)

feed_heads = sa.Table(
    "feed_heads",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False, comment="the highest position; its row is the lock"),
)

consumers = sa.Table(
    "consumers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column(
        "token_sha256", sa.Text, nullable=False, comment="of 32 random bytes; the token itself is nowhere"
    ),
    sa.Column("previous_sha256", sa.Text, comment="the token before the last rotation"),
    sa.Column("previous_until", Time),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("seen_at", Time, comment="its last request, to the minute"),
    sa.Column("position", sa.BigInteger, comment="the cursor that it came with then"),
    one_of("state", *CONSUMER_STATES),
    sa.Index(
        "uq_consumers_name", "tenant", "name", unique=True, postgresql_where=sa.text("state = 'active'")
    ),
    sa.Index("ix_consumers_token", "tenant", "token_sha256"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("filter", Json, nullable=False, comment="codes, severities, subjects, kinds; empty: all"),
    sa.Column("connection", sa.Text, nullable=False, comment="the connection that holds the signing secrets"),
    sa.Column("previous_connection", sa.Text, comment="signs too, until previous_until"),
    sa.Column("previous_until", Time),
    sa.Column(
        "ordered", sa.Boolean, nullable=False, comment="per subject: the next waits for the one before"
    ),
    sa.Column("internal", sa.Boolean, nullable=False, comment="may be at a private address"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, comment="why it is disabled"),
    sa.Column("position", sa.BigInteger, nullable=False, comment="messages are made up to here"),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("not_before", Time, comment="the receiver asked us to wait"),
    sa.Column("failed_first_at", Time, comment="the first failure of the last 24 h without a success"),
    sa.Column("failing_since", Time, comment="the clock that switches it off runs from here"),
    sa.Column("alerted", sa.Integer, nullable=False, server_default="0", comment="percent of that clock"),
    sa.Column("delivered_at", Time, comment="the last success"),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    one_of("state", *WEBHOOK_STATES),
    sa.CheckConstraint("state <> 'disabled' OR coalesce(reason, '') <> ''", name="disabled_has_reason"),
    sa.Index(
        "uq_webhooks_name", "tenant", "name", unique=True, postgresql_where=sa.text("state <> 'removed'")
    ),
)

webhook_messages = sa.Table(
    "webhook_messages",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True, comment="derived from subscription and event"),
    sa.Column("webhook_id", sa.Uuid, nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("partition_key", sa.Text, nullable=False, comment="what the order is kept within"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("spent_before", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("next_attempt_at", Time),
    sa.Column("status", sa.Integer, comment="the HTTP status of the last answer"),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    one_of("state", *WEBHOOK_MESSAGE_STATES),
    sa.CheckConstraint("state <> 'waiting' OR next_attempt_at IS NOT NULL", name="waiting_has_time"),
    sa.UniqueConstraint("tenant", "webhook_id", "event_id"),
    sa.Index(
        "ix_webhook_messages_due",
        "tenant",
        "webhook_id",
        "next_attempt_at",
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sa.Index(
        "ix_webhook_messages_open",
        "tenant",
        "webhook_id",
        "partition_key",
        "position",
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    ),
)

webhook_attempts = sa.Table(
    "webhook_attempts",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, comment="counts from 1"),
    sa.Column("phase", sa.Text, primary_key=True, comment="intent: before the call; outcome: after it"),
    sa.Column("outcome", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Column("run_id", sa.Uuid),
    sa.Column("at", Time, nullable=False),
    one_of("phase", "intent", "outcome"),
)

brokers = sa.Table(
    "brokers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False, comment="confirmed up to here"),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", Time),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0", comment="since the last success"),
    sa.Column("not_before", Time),
    sa.Column("error", sa.Text),
    sa.Column("sent_total", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("sent_at", Time),
    sa.Column("created_at", Time, nullable=False),
)
