"""What was exchanged with each trading partner, set by set, and our control numbers."""

from typing import Final

import sqlalchemy as sa

from crossdock.store.tables.base import Json, Time, metadata, one_of

EXCHANGE_STATES: Final = {
    "received": (),
    "unsent": ("waiting", "sent", "accepted", "accepted_with_errors", "rejected", "cancelled"),
    "sent": ("accepted", "accepted_with_errors", "rejected"),
    "waiting": ("accepted", "accepted_with_errors", "rejected", "overdue", "cancelled"),
    "overdue": ("accepted", "accepted_with_errors", "rejected", "cancelled"),
    "accepted": ("rejected",),
    "accepted_with_errors": ("rejected",),
    "rejected": ("accepted",),
    "cancelled": (),
}
"""A set that came is ``received``. One of ours is ``unsent`` until its file is delivered, then ``waiting`` for its
acknowledgement, or ``sent`` where none is expected. Of a group that was taken in part (AK9 P) each set is one or the
other. ``accepted`` → ``rejected``: a TA1 or a 997 may refuse what an
acknowledgement of another level took; ``rejected`` → ``accepted``: the partner corrects itself."""

exchanges = sa.Table(
    "exchanges",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column(
        "id", sa.Uuid, primary_key=True, comment="derived from the message or write-back and its place in it"
    ),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column(
        "identity",
        sa.Text,
        nullable=False,
        server_default="",
        comment="the partner's qualifier and id in the ISA; empty: of ours, or from before it was kept",
    ),
    sa.Column("interchange_number", sa.Text, nullable=False, comment="ISA13"),
    sa.Column(
        "application",
        sa.Text,
        nullable=False,
        server_default="",
        comment="the partner's code in the GS; empty: of ours, or from before it was kept",
    ),
    sa.Column("functional_id", sa.Text, nullable=False, comment="GS01"),
    sa.Column("group_number", sa.Text, nullable=False, comment="GS06"),
    sa.Column("set_id", sa.Text, nullable=False, comment="ST01; TA1 for an interchange that holds no set"),
    sa.Column("set_number", sa.Text, nullable=False, comment="ST02"),
    sa.Column("release", sa.Text, nullable=False, comment="GS08"),
    sa.Column("interchange_sha256", sa.Text, nullable=False, comment="of the interchange's bytes"),
    sa.Column("raw_id", sa.Uuid, comment="the message that holds it, if it was received or is a copy"),
    sa.Column("write_back_id", sa.Uuid, comment="the write-back that holds it, if we wrote it"),
    sa.Column("part", sa.Integer, nullable=False, comment="its ordinal in the message or write-back"),
    sa.Column("at", Time, nullable=False, comment="when it was received, or written"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("answer_due_at", Time, comment="set while waiting"),
    sa.Column("answered_at", Time),
    sa.Column("answer_raw_id", sa.Uuid, comment="the message that holds the acknowledgement"),
    sa.Column("answer", Json, comment="what the acknowledgement said: its words, codes and places"),
    one_of("direction", "in", "out"),
    one_of("state", *EXCHANGE_STATES),
    sa.CheckConstraint("raw_id IS NOT NULL OR write_back_id IS NOT NULL", name="of_something"),
    sa.Index("ix_exchanges_numbers", "tenant", "partner", "direction", "interchange_number"),
    sa.Index("ix_exchanges_groups", "tenant", "partner", "direction", "functional_id", "group_number"),
    sa.Index("ix_exchanges_due", "tenant", "answer_due_at", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("ix_exchanges_write_back", "tenant", "write_back_id"),
    sa.Index(
        "ix_exchanges_came", "tenant", "partner", "set_id", "at", postgresql_where=sa.text("direction = 'in'")
    ),
)

control_numbers = sa.Table(
    "control_numbers",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("partner", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    one_of("kind", "interchange", "group", "set"),
)
