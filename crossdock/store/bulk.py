"""Many rows in one statement: the rows travel as one JSON parameter and PostgreSQL takes them apart.

A multi-row VALUES costs about 40 µs of our CPU a row; this costs about 5.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store import storable

Row = Mapping[str, Any]


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    or_ignore: bool = False,
    returning: Sequence[str] = (),
) -> Sequence[sa.Row[Any]]:
    """Insert these rows, all with the keys of the first. ``bytes`` go into ``bytea``, UUIDs and times as such.

    ``or_ignore``: a row whose key is taken is left out, and is not among those returned.
    """
    if not rows:
        return ()
    statement = _insert(table, tuple(rows[0]), or_ignore, tuple(returning))
    result = connection.execute(statement, {"rows": as_json(rows)})
    return result.all() if returning else ()


@lru_cache(maxsize=256)
def _insert(table: sa.Table, columns: tuple[str, ...], or_ignore: bool, returning: tuple[str, ...]) -> Any:
    records = recordset(table, columns)
    statement = pg.insert(table).from_select(columns, sa.select(*(records.c[name] for name in columns)))
    if or_ignore:
        statement = statement.on_conflict_do_nothing()
    return statement.returning(*(table.c[name] for name in returning)) if returning else statement


def recordset(table: sa.Table, columns: Iterable[str], name: str = "given") -> Any:
    """The parameter ``rows``, a JSON array, as a table with these columns of this table."""
    function = sa.func.jsonb_to_recordset(sa.cast(sa.bindparam("rows", type_=sa.Text), pg.JSONB))
    return function.table_valued(
        *(sa.column(column, table.c[column].type) for column in columns)
    ).render_derived(name=name, with_types=True)


def as_json(rows: Sequence[Row]) -> str:
    """The rows as PostgreSQL reads them: bytes as ``\\x…``, and texts as it can keep them."""
    return storable.as_json(rows, _as_bytea).decode()


def _as_bytea(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    raise TypeError(f"a {type(value).__name__} is not stored")
