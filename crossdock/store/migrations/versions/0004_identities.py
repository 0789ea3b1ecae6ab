"""Under which of its ids a partner sent an interchange, and under which code a group: each counts by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = {
    "identity": "the partner's qualifier and id in the ISA; empty: of ours, or from before it was kept",
    "application": "the partner's code in the GS; empty: of ours, or from before it was kept",
}


def upgrade() -> None:
    for name, comment in _COLUMNS.items():
        op.add_column(
            "exchanges",
            sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False, comment=comment),
            schema="crossdock",
        )


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("exchanges", name, schema="crossdock")
