"""Rows as people and programs read them: ready for JSON, and paged by key.

Ids and times become texts (RFC 3339, UTC, ``Z``). A page goes on after the last row of the one before, so a row that
is added while somebody pages moves nothing.
"""

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import tables

Connection = sa.Connection
Selection = sa.Select[*tuple[Any, ...]]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. ``more`` counts what follows; ``next`` is what ``after`` takes to see it."""

    items: tuple[Row, ...]
    more: int
    next: str | None

    def as_dict(self) -> Row:
        """The page as JSON shows it."""
        return {"items": list(self.items), "more": self.more, "next": self.next}


def page_of(
    connection: Connection,
    query: Selection,
    at: sa.ColumnElement[datetime],
    identity: sa.ColumnElement[uuid.UUID],
    after: str | None,
    limit: int,
) -> Page:
    """One page of ``query``, newest first by (``at``, ``identity``)."""
    limit = max(1, min(limit, 1_000))
    if after is not None:
        moment, last = _read_cursor(after)
        query = query.where(sa.tuple_(at, identity) < sa.tuple_(sa.literal(moment), sa.literal(last)))
    total = connection.execute(
        sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    ).scalar_one()
    chosen = (
        query.add_columns(at.label("_at"), identity.label("_id"))
        .order_by(at.desc(), identity.desc())
        .limit(limit)
    )
    rows = connection.execute(chosen).mappings().all()
    more = max(0, int(total) - len(rows))
    items = tuple(
        plain({name: value for name, value in row.items() if name not in ("_at", "_id")}) for row in rows
    )
    return Page(
        items=items, more=more, next=_cursor(rows[-1]["_at"], rows[-1]["_id"]) if more and rows else None
    )


def _cursor(moment: datetime, identity: uuid.UUID) -> str:
    micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
    return base64.urlsafe_b64encode(micros.to_bytes(8, "big") + identity.bytes).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, uuid.UUID]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(raw) != 24:
            raise ValueError(len(raw))
        seconds, micros = divmod(int.from_bytes(raw[:8], "big"), 1_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    except (binascii.Error, ValueError, OverflowError, OSError) as error:
        raise Misconfigured(f"{text!r} is no place to go on from: take `next` of the page before") from error
    return moment, uuid.UUID(bytes=raw[8:])


def of_code(column: sa.ColumnElement[str], code: str | None) -> list[sa.ColumnElement[bool]]:
    """A code, or a family of codes: ``INV`` is every ``INV.…``."""
    if code is None:
        return []
    return [sa.or_(column == code, column.startswith(code.rstrip(".") + ".", autoescape=True))]


def with_text(column: sa.ColumnElement[str], part: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if part is None else [column.contains(part, autoescape=True)]


def but_tenant(table: sa.Table) -> list[sa.Column[Any]]:
    return [column for column in table.c if column.name != "tenant"]


def raw_columns() -> list[sa.Column[Any]]:
    hidden = ("tenant", "body", "fence", "lease_until")
    return [column for column in tables.raw_messages.c if column.name not in hidden]


def write_back_columns() -> list[sa.Column[Any]]:
    hidden = ("tenant", "body", "fence", "attempts")
    return [column for column in tables.write_backs.c if column.name not in hidden]


def all_rows(connection: Connection, query: Selection) -> list[Row]:
    return [plain(row) for row in connection.execute(query).mappings()]


def first_row(connection: Connection, query: Selection) -> Row | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else plain(row)


def one_row(connection: Connection, query: Selection, kind: str, identity: uuid.UUID) -> Row:
    found = first_row(connection, query)
    if found is None:
        raise Misconfigured(f"there is no {kind} {identity}")
    return found


_PLAIN: Final[Mapping[type, Callable[[Any], Any]]] = {
    uuid.UUID: str,
    datetime: lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
}


def plain(row: Mapping[str, Any] | sa.RowMapping) -> Row:
    """A row whose values are ready for JSON."""
    return {
        name: _PLAIN[type(value)](value) if type(value) in _PLAIN else value for name, value in row.items()
    }
