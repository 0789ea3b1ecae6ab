"""XLSX: a workbook to records, with every door shut before a library looks at it.

A workbook is a zip of XML. First all of it is unpacked once under the limits of archives, and each XML part is walked
by expat: no document type, rows and cells in their order and within the limits. What openpyxl then reads cannot
expand, reach out, nor hold rows that it would pass over in silence.

Numbers are exact as a spreadsheet shows them: its 15 digits, and not the binary fraction behind them. Of a formula
the value counts that was last computed; one that never was, as programs write them, is no empty cell.
"""

import io
import re
import warnings
from collections.abc import Collection, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn
from xml.parsers import expat

from crossdock.errors import Unreadable
from crossdock.formats import archives
from crossdock.formats.tabular.dialect import Dialect
from crossdock.formats.tabular.records import Broken, Cell, Record
from crossdock.limits import limit

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_AGAIN: Final = "Save it as .xlsx without a password, or as CSV, and send it again."
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_MOST_DEPTH: Final = 64

_UNCOMPUTED: Final = "a formula that was not computed"

CELLS_OF_A_NODE: Final = 2
"""So many cells of a sheet count as one element of another document (``xml_nodes``): most are a number alone."""


def is_workbook(body: bytes) -> bool:
    """Whether these bytes are a workbook, or were meant as one: a zip, or Excel's older form."""
    return archives.kind_of(body) == "zip" or body.startswith(_OLD)


def records(body: bytes, dialect: Dialect) -> Iterator[Record]:
    """The rows of the sheet that is declared. Raises ``Unreadable`` for a workbook that is none, or over a limit."""
    if body.startswith(_OLD):
        _refuse(
            "TABLE.WORKBOOK", "the file is a workbook of Excel's older form, or one with a password", _AGAIN
        )
    uncomputed = _guard(body)
    # Not at the top: a process that reads no workbook pays nothing for it.
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of styles and extensions that nobody reads here
            book = load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
            try:
                sheet = _sheet(book, dialect)
                yield from _rows(sheet, uncomputed.get(sheet._worksheet_path, frozenset()))
            finally:
                book.close()
    except (Unreadable, TimeoutError):  # the second one is the watch over how long we compute
        raise
    except Exception as error:
        # The library fails in many ways on a workbook that is not well made; none of them is ours.
        raise Unreadable(
            f"the workbook cannot be read: {type(error).__name__}: {str(error)[:200]}",
            code="TABLE.WORKBOOK",
            remedy=_AGAIN,
        ) from None


def _sheet(book: "Workbook", dialect: Dialect) -> Any:
    """The sheet with the list: the one that is declared, else the only one that a person sees."""
    names = book.sheetnames
    if dialect.sheet:
        if dialect.sheet not in names:
            _refuse(
                "TABLE.SHEET",
                f"the workbook has no sheet {dialect.sheet!r}; it has {_listed(names)}",
                "Name the sheet as agreed and send it again.",
            )
        return book[dialect.sheet]
    seen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if len(seen) != 1:
        _refuse(
            "TABLE.SHEET",
            f"the workbook has {len(seen)} visible sheets ({_listed(names)}), and which one counts is not declared",
            "Send one with a single sheet; or tell us the name of the sheet with the list.",
        )
    return seen[0]


def _rows(sheet: Any, uncomputed: Collection[tuple[int, int]]) -> Iterator[Record]:
    sheet.reset_dimensions()  # what a sheet says of its size is a claim
    for number, row in enumerate(sheet.iter_rows(values_only=False), 1):
        cells = [_cell(one) for one in row]
        if uncomputed:
            cells = [
                Broken(_UNCOMPUTED) if (number, place) in uncomputed else cell
                for place, cell in enumerate(cells, 1)
            ]
        yield Record(number=number, cells=tuple(cells))


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None or isinstance(value, bool):
        return value
    if cell.data_type == "e":
        return Broken(str(value))
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(f"{value:.15g}")
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, str):
        return _unescaped(value)
    return Broken(str(value)[:40]) if not isinstance(value, date) else value


_ESCAPE: Final = re.compile(r"_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """A control character is written ``_x000D_`` in a workbook. Half a character (a surrogate) is none."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


# -- what is looked at before the library ---------------------------------------------------------------------------


def _guard(body: bytes) -> dict[str, set[tuple[int, int]]]:
    """Raises ``Unreadable`` for what is not opened. The formulas without a value, by sheet: row and column."""
    names = set()
    uncomputed: dict[str, set[tuple[int, int]]] = {}
    for member in archives.members(body):
        if member.name in names:
            _refuse("TABLE.WORKBOOK", f"the workbook holds {member.name!r:.80} twice", _AGAIN)
        names.add(member.name)
        if member.name.lower().endswith((".xml", ".rels", ".vml")):
            walk = _Walk(member.name)
            walk.over(member.body)
            uncomputed[member.name] = walk.uncomputed
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        _refuse("TABLE.WORKBOOK", f"the file is no workbook: {archives.described(body)}", _AGAIN)
    return uncomputed


class _Walk:
    """One walk over an XML part: shut doors, and in a sheet the order and the number of rows and cells."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = self._row = self._column = self._cells = 0
        self._most_rows, self._most_columns = limit("table_rows"), limit("table_columns")
        self._left = limit("xml_nodes")
        self.uncomputed: set[tuple[int, int]] = set()
        self._formula = self._value = False
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root
        self._parser.EndElementHandler = self._end

    def over(self, xml: bytes) -> None:
        """Raises ``Unreadable`` for what does not parse and for what may not be there."""
        try:
            self._parser.Parse(xml, True)
        except expat.ExpatError as error:
            _refuse("TABLE.WORKBOOK", f"{self._name} in the workbook is no XML: {error}", _AGAIN)

    def _doctype(self, *_: object) -> NoReturn:
        _refuse("XML.FORBIDDEN", f"{self._name} in the workbook holds a document type (DTD)", _AGAIN)

    def _root(self, name: str, attributes: dict[str, str]) -> None:
        """What a part is says its first element, wherever in the zip it lies."""
        is_sheet = name.rpartition(":")[2] == "worksheet"
        self._parser.StartElementHandler = self._sheet if is_sheet else self._any
        if is_sheet:
            self._parser.EndElementHandler = self._end_in_sheet
        self._parser.StartElementHandler(name, attributes)

    def _any(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._left -= 1 + len(attributes)
        if self._depth > _MOST_DEPTH or self._left < 0:
            _refuse("LIMIT.TABLE", f"{self._name} in the workbook is too deep or too long", _AGAIN)

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _sheet(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            _refuse("LIMIT.TABLE", f"{self._name} in the workbook is too deep", _AGAIN)
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._begin_row(attributes.get("r"))
        elif kind == "c":
            # a text may be empty and computed all the same
            self._formula, self._value = False, attributes.get("t") == "str"
            self._begin_cell(attributes.get("r"))
        elif kind == "f":
            self._formula = True
        elif kind == "v" and self._formula:
            self._parser.CharacterDataHandler = self._said

    def _said(self, _text: str) -> None:
        self._value = True

    def _end_in_sheet(self, name: str) -> None:
        self._depth -= 1
        kind = name.rpartition(":")[2]
        if kind == "v":
            self._parser.CharacterDataHandler = None
        elif kind == "c" and self._formula and not self._value:
            self.uncomputed.add((self._row, self._column))

    def _begin_row(self, said: str | None) -> None:
        number = int(said) if said is not None and said.isdecimal() and len(said) <= 7 else 0
        number = self._row + 1 if said is None else number
        if number <= self._row:
            _refuse("TABLE.WORKBOOK", f"its rows are not in order: {said!r:.20} follows {self._row}", _AGAIN)
        if number > self._most_rows:
            _refuse(
                "LIMIT.TABLE",
                f"the list reaches row {number}, and the limit table_rows is {self._most_rows}",
                "Send it in several files; or raise the limit (docs/limits.md), and replay this one.",
            )
        self._row, self._column = number, 0

    def _begin_cell(self, said: str | None) -> None:
        if said is None:
            number = self._column + 1
        else:
            found = _REFERENCE.fullmatch(said)
            if found is None or int(found[2]) != self._row:
                _refuse("TABLE.WORKBOOK", f"a cell of row {self._row} is called {said!r:.20}", _AGAIN)
            number = 0
            for letter in found[1]:
                number = number * 26 + ord(letter) - 64
        if number <= self._column:
            _refuse("TABLE.WORKBOOK", f"the cells of row {self._row} are not in order", _AGAIN)
        if number > self._most_columns:
            _refuse(
                "LIMIT.TABLE",
                f"row {self._row} has a cell in column {number}, and the limit table_columns is {self._most_columns}",
                "Clear the cells beside the list and send it again; or raise the limit (docs/limits.md).",
            )
        self._column = number
        self._cells += 1
        if self._cells > CELLS_OF_A_NODE * limit("xml_nodes"):
            _refuse(
                "LIMIT.TABLE",
                f"the sheet has more than {CELLS_OF_A_NODE * limit('xml_nodes')} cells",
                "Clear the cells beside the list and send it again.",
            )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(repr(name)[:40] for name in names[:5]) + more


def _refuse(code: str, sentence: str, remedy: str) -> NoReturn:
    raise Unreadable(sentence, code=code, remedy=remedy)
