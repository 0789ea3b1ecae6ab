"""What was shipped, in the order in which we heard of it: carriers are asked about what is still open of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_facts_shipped",
        "facts",
        ["tenant", "recorded_at", "id"],
        schema="crossdock",
        postgresql_where=sa.text("kind = 'shipped'"),
    )


def downgrade() -> None:
    op.drop_index("ix_facts_shipped", "facts", schema="crossdock")
