"""Exchanges, clocks, the references of facts, and what a dead letter is blocked by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _refs_of_facts()
    op.add_column(
        "dead_letters",
        sa.Column(
            "blocked_by",
            sa.Text(),
            nullable=True,
            comment="'kind:value' of what is not known yet and would let it through",
        ),
        schema="crossdock",
    )
    op.create_index(
        "ix_dead_letters_blocked",
        "dead_letters",
        ["tenant", "blocked_by"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'open' AND blocked_by IS NOT NULL"),
    )
    _clocks()
    _exchanges()


def _refs_of_facts() -> None:
    op.add_column(
        "facts",
        sa.Column(
            "refs",
            pg.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="'kind:value@issuer', what other documents find it by",
        ),
        schema="crossdock",
    )
    # what was said before this version is found by its references too
    op.execute(
        "UPDATE crossdock.facts SET refs = ("
        "SELECT coalesce(array_agg("
        "concat_ws('@', concat(ref ->> 'kind', ':', ref ->> 'value'), ref ->> 'issuer')), '{}')"
        " FROM jsonb_array_elements(document -> 'data' -> 'refs') ref)"
    )
    op.create_index(
        "ix_facts_refs", "facts", ["refs"], unique=False, schema="crossdock", postgresql_using="gin"
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="derived from the pair and the fact that started it"
        ),
        sa.Column("pair", sa.Text(), nullable=False, comment="the name of the pair of documents"),
        sa.Column("partner", sa.Text(), nullable=True, comment="who is to answer"),
        sa.Column("subject", sa.Text(), nullable=False, comment="'kind/value', what it is about"),
        sa.Column(
            "refs",
            pg.ARRAY(sa.Text()),
            nullable=False,
            comment="'kind:value@issuer', what the answer is known by",
        ),
        sa.Column("started_by", sa.Uuid(), nullable=False, comment="the fact that started it"),
        sa.Column("raw_id", sa.Uuid(), nullable=False, comment="the message that said it"),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "limit_text", sa.Text(), nullable=False, comment="the time that was given, as it was agreed"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True, comment="the fact that ended it"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "event_id", sa.Uuid(), nullable=True, comment="the exception that was opened when it ran out"
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'overdue', 'met', 'late', 'cancelled')", name=op.f("ck_clocks_state")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_clocks")),
        schema="crossdock",
    )
    op.create_index(
        "ix_clocks_due",
        "clocks",
        ["tenant", "due_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_clocks_refs", "clocks", ["refs"], unique=False, schema="crossdock", postgresql_using="gin"
    )


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "id",
            sa.Uuid(),
            nullable=False,
            comment="derived from the message or write-back and its place in it",
        ),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("interchange_number", sa.Text(), nullable=False, comment="ISA13"),
        sa.Column("functional_id", sa.Text(), nullable=False, comment="GS01"),
        sa.Column("group_number", sa.Text(), nullable=False, comment="GS06"),
        sa.Column(
            "set_id", sa.Text(), nullable=False, comment="ST01; TA1 for an interchange that holds no set"
        ),
        sa.Column("set_number", sa.Text(), nullable=False, comment="ST02"),
        sa.Column("release", sa.Text(), nullable=False, comment="GS08"),
        sa.Column("interchange_sha256", sa.Text(), nullable=False, comment="of the interchange's bytes"),
        sa.Column(
            "raw_id",
            sa.Uuid(),
            nullable=True,
            comment="the message that holds it, if it was received or is a copy",
        ),
        sa.Column(
            "write_back_id", sa.Uuid(), nullable=True, comment="the write-back that holds it, if we wrote it"
        ),
        sa.Column("part", sa.Integer(), nullable=False, comment="its ordinal in the message or write-back"),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="when it was received, or written"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True, comment="set while waiting"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "answer_raw_id", sa.Uuid(), nullable=True, comment="the message that holds the acknowledgement"
        ),
        sa.Column(
            "answer",
            pg.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what the acknowledgement said: its words, codes and places",
        ),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_exchanges_direction")),
        sa.CheckConstraint(
            "state IN ('received', 'unsent', 'sent', 'waiting', 'overdue', 'accepted', 'accepted_with_errors', "
            "'partial', 'rejected', 'cancelled')",
            name=op.f("ck_exchanges_state"),
        ),
        sa.CheckConstraint(
            "raw_id IS NOT NULL OR write_back_id IS NOT NULL", name=op.f("ck_exchanges_of_something")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_exchanges")),
        schema="crossdock",
    )
    op.create_index(
        "ix_exchanges_numbers",
        "exchanges",
        ["tenant", "partner", "direction", "interchange_number"],
        unique=False,
        schema="crossdock",
    )
    op.create_index(
        "ix_exchanges_groups",
        "exchanges",
        ["tenant", "partner", "direction", "functional_id", "group_number"],
        unique=False,
        schema="crossdock",
    )
    op.create_index(
        "ix_exchanges_due",
        "exchanges",
        ["tenant", "answer_due_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_exchanges_write_back", "exchanges", ["tenant", "write_back_id"], unique=False, schema="crossdock"
    )
