"""CSV: bytes to records, each with the bytes that it stands in.

Source: RFC 4180, and what spreadsheets write beside it: other delimiters, byte order marks, ``sep=;``, line ends of
any kind. A quote that never closes spoils its own line and no other: reading goes on at the next one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from crossdock.errors import Place, Unreadable
from crossdock.formats.tabular.dialect import ENCODINGS, MARKS, Dialect
from crossdock.formats.tabular.records import Record, Trouble
from crossdock.limits import limit

LONGEST_CELL: Final = 32_767
"""So many characters fit a cell of a spreadsheet."""

MOST_LINES: Final = 100
"""A cell with more lines than this is a quote that was not closed."""

_END: Final = re.compile(r"\r\n|\n|\r")
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_HINT: Final = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The text of a file, and how its bytes are found again. A byte that is none of the encoding's stays in it as a
    lone surrogate, so that its row can be told."""

    text: str
    codec: str
    mark: int

    def size(self, begin: int, end: int) -> int:
        """How many bytes these characters are."""
        return len(self.text[begin:end].encode(self.codec, "surrogateescape"))


def decoded(body: bytes, dialect: Dialect) -> Text:
    """The text, by its byte order mark, else as it is declared. Raises ``Unreadable`` for UTF-16 that is cut."""
    declared = (b"", ENCODINGS[dialect.encoding])
    mark, codec = next((one for one in MARKS if body.startswith(one[0])), declared)
    errors = "strict" if codec.startswith("utf-16") else "surrogateescape"
    try:
        text = body[len(mark) :].decode(codec, errors)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        raise Unreadable(
            f"byte {at}: the file is no {codec.upper()}: {error.reason}",
            place=Place(byte=at),
            code="TABLE.ENCODING",
            remedy="Save it as UTF-8 and send it again; or tell us in which encoding you write.",
        ) from None
    return Text(text=text, codec=codec, mark=len(mark))


def records(body: bytes, dialect: Dialect) -> Iterator[Record]:
    """The records of a CSV file, blank ones too, so that they are counted as a spreadsheet counts them.

    Raises ``Unreadable`` for a file with more rows than the limit, before the first one is made.
    """
    whole = decoded(body, dialect)
    text = whole.text
    most = limit("table_rows")
    if max(text.count("\n"), text.count("\r")) > most:
        raise Unreadable(
            f"the list has more than {most} lines, and the limit table_rows is {most}",
            code="LIMIT.TABLE",
            remedy="Send it in several files; or raise the limit (docs/limits.md), and replay this one.",
        )
    reader = _Reader(whole, dialect)
    place, offset, number = 0, whole.mark, 0
    while place < len(text):
        number += 1
        cells, end, trouble = reader.record(place)
        length = whole.size(place, end)
        if number == 1 and not trouble and (hint := _HINT.fullmatch(text[place:end])):
            trouble = _other_delimiter(hint[1], dialect)
            cells = []
        yield Record(number=number, cells=tuple(cells), offset=offset, length=length, trouble=trouble)
        behind = _END.match(text, end)
        after = behind.end() if behind else end
        offset += length + whole.size(end, after)
        place = after


class _Reader:
    """Splits one record after another."""

    def __init__(self, whole: Text, dialect: Dialect) -> None:
        self._text = whole.text
        self._codec = whole.codec
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._plain, self._quoted = _patterns(dialect.delimiter, dialect.quote)
        self._most = limit("table_columns")

    def record(self, begin: int) -> tuple[list[str], int, Trouble | None]:
        """The cells of the record that begins here, where it ends, and what is wrong with it."""
        found = _END.search(self._text, begin)
        line_end = found.start() if found else len(self._text)
        if self._text.count(self._delimiter, begin, line_end) >= self._most:
            return [], line_end, _trouble("CELLS", f"the row has more than {self._most} cells")
        if not self._quote or self._text.find(self._quote, begin, line_end) < 0:
            cells = self._text[begin:line_end].split(self._delimiter)
            return self._judged(cells, begin, line_end)
        cells, end = self._with_quotes(begin)
        if end < 0:
            return [], line_end, _trouble("QUOTES", f"a {self._quote} opens a cell and does not close it")
        return self._judged(cells, begin, end)

    def _with_quotes(self, begin: int) -> tuple[list[str], int]:
        """The cells and the end of a record with quotes in it; the end is -1 where they do not fit together."""
        text, place = self._text, begin
        cells: list[str] = []
        while True:
            if text.startswith(self._quote, place):
                found = self._quoted.match(text, place)
                if found is None:
                    return [], -1
                cell = found[1].replace(self._quote * 2, self._quote)
                if len(cell) > LONGEST_CELL or len(_END.findall(cell)) >= MOST_LINES:
                    return [], -1
            else:
                found = self._plain.match(text, place)
                assert found is not None, "a cell may be empty"
                cell = found[0]
            cells.append(cell)
            place = found.end()
            if len(cells) > self._most:
                return [], -1
            if not text.startswith(self._delimiter, place):
                return cells, place
            place += 1

    def _judged(self, cells: list[str], begin: int, end: int) -> tuple[list[str], int, Trouble | None]:
        if bad := _ESCAPED.search(self._text, begin, end):
            byte = ord(bad[0]) - 0xDC00
            return (
                cells,
                end,
                Trouble(
                    code="ROW.ENCODING",
                    sentence=f"the row holds the byte 0x{byte:02X}, which is no {self._codec.upper()}",
                    remedy="Save the file as UTF-8 and send it again; or tell us in which encoding you write.",
                ),
            )
        if any(len(cell) > LONGEST_CELL for cell in cells):
            return cells, end, _trouble("TEXT", f"a cell is longer than {LONGEST_CELL} characters")
        return cells, end, None


@cache
def _patterns(delimiter: str, quote: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of a cell without quotes, and of one in quotes up to what may follow it."""
    cut, mark = re.escape(delimiter), re.escape(quote or '"')
    plain = re.compile(rf"[^{cut}\r\n]*+")
    quoted = re.compile(rf"{mark}((?:[^{mark}]++|{mark}{mark})*+){mark}(?={cut}|\r|\n|\Z)")
    return plain, quoted


def _other_delimiter(said: str, dialect: Dialect) -> Trouble | None:
    if said == dialect.delimiter:
        return None
    return Trouble(
        code="TABLE.DELIMITER",
        sentence=f"the file says sep={said}, and {dialect.delimiter!r} is what was agreed",
        remedy="Send it with the delimiter that was agreed; or tell us that another one holds from now on.",
    )


def _trouble(kind: str, sentence: str) -> Trouble:
    return Trouble(code=f"ROW.{kind}", sentence=sentence)
