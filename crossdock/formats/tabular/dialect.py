"""How a list is written: declared by whoever knows its sender, and never guessed from the bytes.

Two things are no guess: a byte order mark says the encoding, and the first bytes say whether it is a workbook.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

ENCODINGS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "cp1252": "cp1252",
    "cp1250": "cp1250",
    "cp850": "cp850",
    "iso-8859-1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "us-ascii": "ascii",
}
"""What may be declared, and how Python calls it."""

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
DELIMITERS: Final = (",", ";", "\t", "|")
EXTRA: Final = ("ignore", "refuse")

_TOKENS: Final = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<short>[0-9]{2})",
    "MON": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>[0-9]{2})",
    "DD": r"(?P<day>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "D": r"(?P<day>[0-9]{1,2})",
}
_TOKEN: Final = re.compile("YYYY|YY|MON|MM|DD|M|D")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one sender writes one kind of list.

    ``encoding``: where no byte order mark says another. ``thousands``: what stands between groups of three digits;
    empty: nothing does. ``dates``: how dates are written as text, ``DD.MM.YYYY``, the first that fits counts.
    ``sheet``: of a workbook; empty: it must have one visible sheet. ``header_row``: the row with the names of the
    columns, counted from 1 as a spreadsheet shows it. ``extra``: what becomes of columns that nobody declared.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("YYYY-MM-DD",)
    sheet: str = ""
    header_row: int = 1
    extra: str = "ignore"

    def complaints(self) -> list[tuple[str, str]]:
        """What is wrong with it: (the field, a sentence). Empty: nothing."""
        found = []
        if self.encoding not in ENCODINGS:
            found.append(("encoding", f"encoding {self.encoding!r} is none of {', '.join(ENCODINGS)}"))
        if self.delimiter not in DELIMITERS:
            found.append(("delimiter", 'delimiter must be "," or ";" or "|" or a tab, "\\t"'))
        if self.quote not in ('"', "'", ""):
            found.append(("quote", "quote must be \" or ', or empty where nothing is quoted"))
        if self.decimal not in (".", ","):
            found.append(("decimal", 'decimal must be "." or ","'))
        if self.thousands not in ("", ".", ",", " ", "'"):
            found.append(("thousands", 'thousands must be ".", ",", a blank or "\'", or empty'))
        elif self.thousands == self.decimal:
            found.append(("thousands", "thousands and decimal must differ from each other"))
        for pattern in self.dates:
            if not is_date_pattern(pattern):
                found.append(
                    ("dates", f"{pattern!r} is no form of a date: it has D or DD, M, MM or MON, YYYY or YY")
                )
        if not self.dates:
            found.append(("dates", "dates must name at least one form, as 'YYYY-MM-DD'"))
        if not 1 <= self.header_row <= 1000:
            found.append(("header_row", "header_row must be from 1 to 1000"))
        if self.extra not in EXTRA:
            found.append(("extra", f"extra must be one of {', '.join(EXTRA)}"))
        return found


def is_date_pattern(pattern: str) -> bool:
    """Whether this is a form of a date: a day, a month and a year, each once, and marks between them."""
    tokens = _TOKEN.findall(pattern)
    rest = _TOKEN.sub("", pattern)
    kinds = sorted("M" if token == "MON" else token[0] for token in tokens)
    return kinds == ["D", "M", "Y"] and not re.search(r"[A-Za-z0-9]", rest) and len(pattern) <= 20


def day_of(text: str, patterns: tuple[str, ...]) -> date | None:
    """The day that a text says in one of these forms; ``None`` for any other text, and for a day that is none."""
    for pattern in patterns:
        found = _compiled(pattern).fullmatch(text)
        if found is None:
            continue
        said = found.groupdict()
        month = said.get("month")
        name = (said.get("name") or "").lower()
        if month is None and name not in _MONTHS:
            continue
        year = int(said["year"]) if said.get("year") else 2000 + int(said["short"])
        try:
            return date(year, int(month) if month else _MONTHS.index(name) + 1, int(said["day"]))
        except ValueError:
            continue
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_TOKEN.sub(lambda token: _TOKENS[token[0]], re.escape(pattern)))
