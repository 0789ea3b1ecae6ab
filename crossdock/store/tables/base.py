"""What every table shares: the metadata with its naming, and the types of times and JSON."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

metadata = sa.MetaData(
    schema="crossdock",
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Time = sa.DateTime(timezone=True)
Json = pg.JSONB(none_as_null=True)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """A check that a column holds one of these words."""
    return sa.CheckConstraint(sa.column(column, sa.Text).in_([str(value) for value in values]), name=column)
