"""What a person decides about delivery: requests for approval, and what targets said when they were asked."""

from typing import Final

import sqlalchemy as sa

from crossdock.messages import APPROVAL_TRANSITIONS, ApprovalState
from crossdock.store.tables.base import Json, Time, metadata, one_of

APPROVAL_STATES: Final = {str(old): tuple(map(str, new)) for old, new in APPROVAL_TRANSITIONS.items()}

APPROVAL_KINDS: Final = ("leave", "send_again")
"""What may be asked: that a write-back leaves, or that one whose effect is unknown is sent again."""

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("write_back_id", sa.Uuid, nullable=False),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="leave: for the first time; send_again: it may have happened"
    ),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body_sha256", sa.Text, nullable=False, comment="of exactly the bytes that may leave"),
    sa.Column(
        "attempt",
        sa.Integer,
        nullable=False,
        comment="after which attempt it was asked: good for the next one",
    ),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_principal", sa.Text, nullable=False, comment="who that is, however the name is spelt"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_at", Time, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_principal", sa.Text),
    sa.Column("decided_at", Time),
    sa.Column("words", sa.Text, comment="what was said with the decision"),
    one_of("state", *ApprovalState),
    one_of("kind", *APPROVAL_KINDS),
    sa.CheckConstraint("reason <> '' AND asked_principal <> ''", name="asked_by_somebody"),
    sa.CheckConstraint("expires_at >= asked_at", name="expires_later"),
    sa.CheckConstraint("state = 'asked' OR decided_at IS NOT NULL", name="ended_at_a_time"),
    sa.CheckConstraint(
        "state NOT IN ('agreed', 'declined') "
        "OR (coalesce(decided_principal, '') <> '' AND coalesce(words, '') <> '')",
        name="decided_by_somebody",
    ),
    sa.CheckConstraint("state <> 'agreed' OR decided_principal <> asked_principal", name="two_people"),
    sa.CheckConstraint("state <> 'agreed' OR decided_at <= expires_at", name="agreed_in_time"),
    sa.Index(
        "uq_approvals_asked",
        "tenant",
        "write_back_id",
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    ),
    sa.Index("ix_approvals_write_back", "tenant", "write_back_id"),
    sa.Index("ix_approvals_state", "tenant", "state", "asked_at"),
    sa.Index("ix_approvals_expiring", "tenant", "expires_at", postgresql_where=sa.text("state = 'asked'")),
)

READ_BACK_ANSWERS: Final = ("found", "nothing", "something_else", "no_answer")
"""What a target says when it is asked whether an effect happened."""

read_backs = sa.Table(
    "read_backs",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("write_back_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="counts from 1: who writes it first asks"),
    sa.Column("phase", sa.Text, primary_key=True, comment="asked: before the call; answered: after it"),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("next_at", Time, comment="of asked: when the sweep asks again; null: it does not"),
    sa.Column("answer", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("evidence", Json),
    one_of("phase", "asked", "answered"),
    one_of("answer", *READ_BACK_ANSWERS),
    sa.CheckConstraint("phase <> 'answered' OR answer IS NOT NULL", name="answered_has_answer"),
)
