"""Which fact, clock and case names which business number, in a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mentions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False, comment="as it stands in refs"),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("named_by IN ('facts', 'clocks', 'cases')", name=op.f("ck_mentions_named_by")),
        sa.PrimaryKeyConstraint("tenant", "word", "named_by", "row_id", name=op.f("pk_mentions")),
        schema="crossdock",
    )
    for table in ("facts", "clocks", "cases"):
        op.execute(
            "INSERT INTO crossdock.mentions (tenant, word, named_by, row_id)"  # noqa: S608 (three constants)
            f" SELECT DISTINCT tenant, word, '{table}', id FROM crossdock.{table}, unnest(refs) word"
        )
        # under row-level security no array can be looked up in an index: these were read by nobody
        op.drop_index(f"ix_{table}_refs", table_name=table, schema="crossdock")
