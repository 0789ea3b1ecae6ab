"""The register of lists: each row of a CSV file or a workbook, and what became of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listed_rows",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("raw_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False, comment="empty: of nobody"),
        sa.Column("number", sa.Integer(), nullable=False, comment="as a spreadsheet shows it, from 1"),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("key_sha256", sa.Text(), comment="what it is about; null for a row that could not be read"),
        sa.Column("content_sha256", sa.Text(), comment="all that it says"),
        sa.Column("before_raw_id", sa.Uuid(), comment="the list with the row that makes this one no news"),
        sa.Column("before_number", sa.Integer()),
        sa.Column(
            "troubles",
            pg.JSONB(none_as_null=True),
            nullable=False,
            comment="everything that is wrong in it, as its sender is told",
        ),
        sa.Column(
            "said_at", sa.DateTime(timezone=True), nullable=False, comment="when its list was received"
        ),
        sa.CheckConstraint(
            "(verdict IN ('repeated', 'overtaken')) = (before_raw_id IS NOT NULL)",
            name=op.f("ck_listed_rows_no_news_has_a_reason"),
        ),
        sa.CheckConstraint(
            "verdict IN ('taken', 'repeated', 'overtaken', 'refused', 'waiting')",
            name=op.f("ck_listed_rows_verdict"),
        ),
        sa.PrimaryKeyConstraint("tenant", "raw_id", "part", name=op.f("pk_listed_rows")),
        schema="crossdock",
    )
    op.create_index(
        "ix_listed_rows_said",
        "listed_rows",
        ["tenant", "partner", "document", "key_sha256", "said_at"],
        unique=False,
        schema="crossdock",
        postgresql_where=sa.text("verdict IN ('taken', 'repeated')"),
    )


def downgrade() -> None:
    op.drop_table("listed_rows", schema="crossdock")
