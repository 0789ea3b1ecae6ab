"""Records to rows: each with its fields, or with everything that is wrong in it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import NoReturn

from crossdock.errors import Place, Unreadable
from crossdock.formats.tabular import csv_records, workbook
from crossdock.formats.tabular.dialect import DELIMITERS, Dialect
from crossdock.formats.tabular.layout import Column, Header, Layout, header_of
from crossdock.formats.tabular.records import Record, Trouble
from crossdock.formats.tabular.values import Value, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row that could be read. ``values`` has the fields that are not empty, by name.

    ``key`` is a hash of what the row is about, ``content`` one of all that it says: both by the values and not by how
    they are written, so that the same row of another file has the same.
    """

    number: int
    values: Mapping[str, Value]
    columns: Mapping[str, Column]
    key: str
    content: str
    offset: int | None = None
    length: int | None = None

    def text(self, name: str) -> str:
        """The text of a field; empty where it is."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def amount(self, name: str) -> Decimal | None:
        """The number of a field; ``None`` where it is empty."""
        value = self.values.get(name)
        return value if isinstance(value, Decimal) else None

    def day(self, name: str) -> date | None:
        """The date of a field; ``None`` where it is empty."""
        value = self.values.get(name)
        return value if isinstance(value, date) else None

    def stop(
        self, sentence: str, *, field: str = "", remedy: str = "", code: str = "ROW.REFUSED"
    ) -> NoReturn:
        """Raise ``Unreadable`` for a row that cannot be what it says. ``field``: the one that it is about."""
        column = self.columns.get(field)
        where = f"{column.title} (column {column.letter}): " if column is not None else ""
        raise Unreadable(
            f"{where}{sentence}",
            place=Place(row=self.number),
            code=code,
            remedy=remedy or "Correct the row and send the file again.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """One row that cannot be read, with everything that is wrong in it. ``key`` is that of a ``Row`` where what it is
    about could be read all the same; empty where not."""

    number: int
    troubles: tuple[Trouble, ...]
    key: str = ""
    offset: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a list, one after another, with what its header says."""

    header: Header
    rows: Iterator[Row | BadRow]


def read(body: bytes, layout: Layout, dialect: Dialect) -> Rows:
    """The rows of a CSV file or a workbook. Rows in which nothing stands are passed over.

    Raises ``Unreadable`` for what spoils the whole of it: no header, an encoding that cannot be, a limit.
    """
    source = workbook if workbook.is_workbook(body) else csv_records
    records = source.records(body, dialect)
    for record in records:
        # a title above the header may look as it likes; what the file says of its delimiter must be true
        trouble = record.trouble
        if trouble and (record.number >= dialect.header_row or trouble.code == "TABLE.DELIMITER"):
            _refuse(record, f"row {record.number}, before or in the header: {trouble.sentence}")
        if record.number >= dialect.header_row and not record.is_blank:
            break
    else:
        raise Unreadable(
            "the list is empty: it has not even a header",
            code="TABLE.EMPTY",
            remedy="Send a file with a header and rows; discard this one.",
        )
    _require_delimiter(record, dialect)
    header = header_of(record, layout, dialect.extra)
    reader = _Reader(header, layout, dialect)
    return Rows(header=header, rows=chain.from_iterable(reader.rows(one) for one in records))


class _Reader:
    def __init__(self, header: Header, layout: Layout, dialect: Dialect) -> None:
        self._header = header
        self._layout = layout
        self._dialect = dialect
        self._columns = {column.field.name: column for column in header.columns}

    def rows(self, record: Record) -> Iterator[Row | BadRow]:
        if record.is_blank:
            return
        if record.trouble is not None:
            yield self._bad(record, [record.trouble])
            return
        cells = record.cells
        if (trouble := self._ragged(record)) is not None:
            yield self._bad(record, [trouble])
            return
        values: dict[str, Value] = {}
        troubles: dict[str, Trouble] = {}
        for column in self._header.columns:
            cell = cells[column.place] if column.place < len(cells) else None
            value = value_of(cell, column, self._dialect)
            if isinstance(value, Trouble):
                troubles[column.field.name] = value
            elif value is not None:
                values[column.field.name] = value
        if troubles:
            about = bool(self._layout.key) and troubles.keys().isdisjoint(self._layout.key)
            yield self._bad(record, troubles.values(), key=_digest(values, self._layout.key) if about else "")
            return
        content = _digest(values, tuple(self._layout.fields))
        yield Row(
            number=record.number,
            values=values,
            columns=self._columns,
            key=_digest(values, self._layout.key) if self._layout.key else content,
            content=content,
            offset=record.offset,
            length=record.length,
        )

    def _ragged(self, record: Record) -> Trouble | None:
        """A row of a CSV file with other cells than the header has: what stands where is then not known. In a
        workbook each cell says its column."""
        if record.offset is None:
            return None
        cells = list(record.cells)
        while len(cells) > self._header.width and not str(cells[-1]).strip():
            cells.pop()
        if len(cells) == self._header.width:
            return None
        short = len(cells) < self._header.width
        why = "" if short else "; a cell with a delimiter in it must stand in quotes"
        return Trouble(
            code="ROW.CELLS",
            sentence=f"the row has {len(cells)} cells and the header {self._header.width}{why}",
        )

    def _bad(self, record: Record, troubles: Iterable[Trouble], *, key: str = "") -> BadRow:
        return BadRow(
            number=record.number,
            troubles=tuple(troubles),
            key=key,
            offset=record.offset,
            length=record.length,
        )


def _digest(values: Mapping[str, Value], names: tuple[str, ...]) -> str:
    """A hash of these fields, by their values: 40, 40.0 and 40,00 are the same."""
    words = []
    for name in names:
        value = values.get(name)
        if isinstance(value, Decimal):
            word = f"{value.normalize() if value else Decimal(0):f}"
        elif isinstance(value, date):
            word = value.isoformat()
        else:
            word = value or ""
        words.append(f"{name}\x1e{word}")
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()


def _require_delimiter(record: Record, dialect: Dialect) -> None:
    """A header of one cell with another delimiter in it is not what was agreed: say so instead of "no column"."""
    if len(record.cells) != 1 or not isinstance(record.cells[0], str):
        return
    others = [each for each in DELIMITERS if each != dialect.delimiter and record.cells[0].count(each) > 1]
    if others:
        _refuse(
            record,
            f"row {record.number}, the header: it is one cell with {others[0]!r} in it, and {dialect.delimiter!r} is "
            "the delimiter that was agreed",
        )


def _refuse(record: Record, sentence: str) -> NoReturn:
    trouble = record.trouble
    raise Unreadable(
        sentence,
        code=trouble.code.replace("ROW.", "TABLE.") if trouble else "TABLE.DELIMITER",
        place=Place(row=record.number),
        remedy=trouble.remedy
        if trouble
        else "Send it with the delimiter that was agreed; or tell us that another one holds from now on.",
    )
