"""A set is taken or it is not: the state ``partial`` of exchanges goes, which nothing ever wrote."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATES = ("received", "unsent", "sent", "waiting", "overdue", "accepted", "accepted_with_errors")
_NAME = "ck_exchanges_state"


def upgrade() -> None:
    _check(*_STATES, "rejected", "cancelled")


def downgrade() -> None:
    _check(*_STATES, "partial", "rejected", "cancelled")


def _check(*states: str) -> None:
    op.drop_constraint(op.f(_NAME), "exchanges", schema="crossdock", type_="check")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f(_NAME), "exchanges", f"state IN ({listed})", schema="crossdock")
