"""Rows that name one of many business numbers: facts, clocks and cases, by the table ``mentions``.

Each of them keeps its numbers in ``refs`` as well, but no index finds them there: under row-level security the
operators of arrays may not be asked before each row's tenant is, so every batch would read the whole table.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.tables import mentions


def naming(table: sa.Table, tenant: str, words: Collection[str]) -> sa.ColumnElement[bool]:
    """The mentions of these words by rows of this table."""
    given = sa.bindparam("words", list(dict.fromkeys(words)), pg.ARRAY(sa.Text))
    return sa.and_(
        mentions.c.tenant == tenant, mentions.c.word == sa.any_(given), mentions.c.named_by == table.name
    )


def names_any(table: sa.Table, tenant: str, words: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a row names one of these words."""
    return table.c.id.in_(sa.select(mentions.c.row_id).where(naming(table, tenant, words)))
