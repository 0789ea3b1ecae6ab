"""Rows that name one of many business numbers: facts, clocks and cases keep theirs in ``refs``, with an index.

The numbers are given as rows, and the index is looked into for each. Asked for all at once (``refs && ARRAY[...]``),
the planner reads the whole table as soon as there are a hundred, and compares each of its rows with each of them: a
batch of ship notices took minutes among thirty thousand facts, and takes milliseconds so.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg


def given(words: Collection[str]) -> sa.TableValuedAlias:
    """Words as rows, each once, to be joined with by ``names``."""
    return (
        sa.func.unnest(sa.bindparam("words", list(dict.fromkeys(words)), pg.ARRAY(sa.Text)))
        .table_valued(sa.column("word", sa.Text))
        .render_derived(name="given")
    )


def names(table: sa.FromClause, words: sa.TableValuedAlias) -> sa.ColumnElement[bool]:
    """Whether a row names this word."""
    condition: sa.ColumnElement[bool] = table.c.refs.contains(pg.array([words.c.word]))
    return condition


def names_any(table: sa.Table, tenant: str, words: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether a row names one of these words."""
    other, rows = table.alias("naming"), given(words)
    about = (
        sa.select(other.c.id)
        .select_from(rows)
        .join(other, names(other, rows))
        .where(other.c.tenant == tenant)
    )
    return table.c.id.in_(about)
