"""Targets: how each one stands, for all workers, and the kill switches."""

import sqlalchemy as sa

from crossdock.standing import Mode, TargetState
from crossdock.store.tables.base import Time, metadata, one_of

targets = sa.Table(
    "targets",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("mode", sa.Text, nullable=False, server_default=Mode.LIVE),
    sa.Column("state", sa.Text, nullable=False, server_default=TargetState.CLOSED),
    sa.Column(
        "failures",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="calls in a row that the wire failed",
    ),
    sa.Column(
        "rests",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="rests in a row without an answer between",
    ),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("by", sa.Text, nullable=False, server_default=""),
    sa.Column("since", Time),
    sa.Column("probe_at", Time, comment="when one call tries it again; null: when a person says so"),
    sa.Column("probe", sa.Uuid, comment="the write-back whose call is the probe"),
    sa.Column("tokens", sa.Double, comment="calls left of the quota at tokens_at; null: all"),
    sa.Column("tokens_at", Time),
    sa.Column("retries", sa.Double, comment="retries left of the budget at retries_at; null: the reserve"),
    sa.Column("retries_at", Time),
    one_of("mode", *Mode),
    one_of("state", *TargetState),
    sa.CheckConstraint("state NOT IN ('open', 'half_open') OR probe_at IS NOT NULL", name="open_has_time"),
)

stops = sa.Table(
    "stops",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True, comment="* is every target"),
    sa.Column("operation", sa.Text, primary_key=True, comment="* is every operation"),
    sa.Column("stopped", sa.Boolean, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
)
