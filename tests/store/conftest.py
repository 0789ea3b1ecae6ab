"""Legal rows of every table, made from the table itself, so that a new table is covered without another line."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.engine import Store
from crossdock.store.guards import FIRST_STATES
from crossdock.store.tables import TRANSITIONS

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)

# What no type tells: words that a check constraint allows.
WORDS = {
    "phase": "intent",
    "stage": "normalize",
    "direction": "in",
    "named_by": "facts",
    ("control_numbers", "kind"): "interchange",
    "replay_as": "now",
    ("approvals", "kind"): "leave",
    ("read_backs", "phase"): "asked",
    ("read_backs", "answer"): "found",
    ("saga_steps", "undo"): "operation",
    ("targets", "mode"): "live",
    ("awaited", "kind"): "feed",
    ("listed_rows", "verdict"): "taken",
}
# What a check constraint wants empty where another column is full.
EMPTY = {("payload_versions", "write_back_id"), ("listed_rows", "before_raw_id")}


def row(table: sa.Table, tenant: str, **given: Any) -> dict[str, Any]:
    """A row that every constraint accepts. What ``given`` does not name is made up from the column's type."""
    values = {
        column.name: None if (table.name, column.name) in EMPTY else _value(table, column)
        for column in table.columns
    }
    if table.name in TRANSITIONS:
        values["state"] = FIRST_STATES.get(table.name, list(TRANSITIONS[table.name]))[0]
    return {**values, "tenant": tenant, **given}


def _value(table: sa.Table, column: sa.Column[Any]) -> Any:
    match column.type:
        case sa.Uuid():
            return uuid.uuid4()
        case sa.Text():
            return WORDS.get((table.name, column.name)) or WORDS.get(column.name, column.name)
        case sa.Boolean():
            return False
        case sa.Integer():  # BigInteger too
            return 1
        case sa.Float():
            return 1.0
        case sa.DateTime():
            return NOW
        case sa.LargeBinary():
            return b"ISA*00"
        case pg.JSONB():
            return {"made": "up"}
        case pg.ARRAY():
            return []
    raise AssertionError(f"{table.name}.{column.name}: say here what a column of type {column.type!r} holds")


@pytest.fixture(scope="session", name="row")
def _row() -> Callable[..., dict[str, Any]]:
    return row


@pytest.fixture(scope="session")
def add() -> Callable[..., dict[str, Any]]:
    """Add a legal row through the store and return it."""

    def add(store: Store, table: sa.Table, tenant: str = "main", **given: Any) -> dict[str, Any]:
        values = row(table, tenant, **given)
        with store.transaction(tenant) as connection:
            connection.execute(sa.insert(table), values)
        return values

    return add
