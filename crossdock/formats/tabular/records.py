"""The values between bytes and rows: cells, records, and what is wrong with them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell that holds no value but an error of the spreadsheet: ``#N/A``."""

    text: str


Cell = str | Decimal | date | datetime | bool | Broken | None
"""What stands in one cell. CSV has texts alone; ``None`` is a cell of a workbook that is empty."""

SENDER: Final = "Correct the row and send the file again; rows that were taken are not taken twice."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong, for whoever sent the list.

    ``code`` is stable (``ROW.NUMBER``); ``column`` is the column as its sender sees it: its title, and its letter.
    """

    code: str
    sentence: str
    remedy: str = SENDER
    column: str = ""
    letter: str = ""

    @property
    def field(self) -> str:
        """``Quantity (column D)``; empty where it concerns the whole row."""
        return f"{self.column} (column {self.letter})" if self.letter else self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row as it stands in the file. ``number`` is what a spreadsheet shows at its left; blank rows count.

    ``offset`` and ``length`` are its bytes, without its end of line; ``None`` in a workbook, where a row has none of
    its own. ``trouble``: why it could not even be split.
    """

    number: int
    cells: tuple[Cell, ...] = ()
    offset: int | None = None
    length: int | None = None
    trouble: Trouble | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return self.trouble is None and all(
            cell is None or (isinstance(cell, str) and not cell.strip()) for cell in self.cells
        )


def letter_of(place: int) -> str:
    """The letters of a column, counted from 0: ``A``, ``Z``, ``AA``."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
