"""What is awaited on a calendar, and what a partner sent of a set since a time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "awaited",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="derived from the kind, the feed and the due time"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False, comment="the declared feed, or the source"),
        sa.Column("declared", sa.Text(), nullable=False, comment="why it is due then, as a sentence"),
        sa.Column("opens_at", _TIME, nullable=False, comment="what came after this counts"),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False, comment="so many must come"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("noted_at", _TIME, nullable=False, comment="since when it is awaited"),
        sa.Column(
            "asked_at", _TIME, comment="when it was first seen to be overdue, and its source not read since"
        ),
        sa.Column("came_at", _TIME, comment="when the last of those that were wanted came"),
        sa.Column("event_id", sa.Uuid(), comment="the exception that was opened when it did not come"),
        sa.Column("ended_at", _TIME),
        sa.CheckConstraint("kind IN ('feed', 'source')", name=op.f("ck_awaited_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'missing', 'met', 'late', 'excused')", name=op.f("ck_awaited_state")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_awaited")),
        schema="crossdock",
    )
    op.create_index(
        "ix_awaited_open",
        "awaited",
        ["tenant", "feed", "kind"],
        schema="crossdock",
        postgresql_where=sa.text("state IN ('waiting', 'missing')"),
    )
    op.create_index("ix_awaited_feed", "awaited", ["tenant", "feed", "kind", "due_at"], schema="crossdock")
    op.create_index(
        "ix_exchanges_came",
        "exchanges",
        ["tenant", "partner", "set_id", "at"],
        schema="crossdock",
        postgresql_where=sa.text("direction = 'in'"),
    )


def downgrade() -> None:
    op.drop_index("ix_exchanges_came", "exchanges", schema="crossdock")
    op.drop_table("awaited", schema="crossdock")
