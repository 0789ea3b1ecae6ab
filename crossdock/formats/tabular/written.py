"""CSV that we write: for people who open it in a spreadsheet, so that no cell of it is ever computed."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

_COMPUTED: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A text that begins so is a formula to some spreadsheet, and what it says may be somebody else's."""

_BEGINS: Final = re.compile(f'(?:^|(?<=[,;|\t\r\n"]))(?=[{re.escape("".join(_COMPUTED))}])')
"""Where such a text begins a cell: at its own beginning, and behind each sign that a spreadsheet of another country
may take for the end of a cell, whatever stands in quotes for us."""


def harmless(text: str) -> str:
    """The text as a cell that shows it and computes nothing; an apostrophe before it is what spreadsheets hide."""
    return _BEGINS.sub("'", text)


def write_csv(rows: Iterable[Sequence[str | int]], *, delimiter: str = ",") -> bytes:
    """Rows as a CSV file in UTF-8 with its mark, which spreadsheets need to know it by."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    for row in rows:
        writer.writerow(
            [cell if isinstance(cell, int) else harmless(cell).replace("\x00", "") for cell in row]
        )
    return b"\xef\xbb\xbf" + written.getvalue().encode("utf-8", "replace")
