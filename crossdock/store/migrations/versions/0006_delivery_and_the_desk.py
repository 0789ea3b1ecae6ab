"""Delivery that never lies, and a desk for what went wrong."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OLD = ("ready", "sending", "delivered", "rejected", "unsure", "exhausted", "discarded")
_NEW = ("awaiting_approval", *_OLD[:-1], "superseded", "shadowed", "discarded")


def upgrade() -> None:
    _states_of_write_backs(*_NEW)


def downgrade() -> None:
    _states_of_write_backs(*_OLD)


def _states_of_write_backs(*states: str) -> None:
    name = op.f("ck_write_backs_state")
    op.drop_constraint(name, "write_backs", schema="crossdock", type_="check")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(name, "write_backs", f"state IN ({listed})", schema="crossdock")
