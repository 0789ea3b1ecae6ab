"""A cell to the value of its field: exact, or a sentence for whoever wrote it."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Final

from crossdock.formats.tabular.dialect import Dialect, day_of
from crossdock.formats.tabular.layout import Column, Field, plain
from crossdock.formats.tabular.records import Broken, Cell, Trouble

Value = str | Decimal | date

_DIGITS: Final = 18
_DECIMALS: Final = 9
_SHOWN: Final = 40
_EXACT_DIGITS: Final = 15
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SHORTENED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]{1,3}")


class _Wrong(Exception):
    """What is wrong with a cell: its kind and the end of a sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def value_of(cell: Cell, column: Column, dialect: Dialect) -> Value | Trouble | None:
    """The value of a cell; ``None`` for an empty one that may be; a trouble for one that says nothing that can be."""
    field = column.field
    try:
        value = _read(cell, field, dialect)
        if value is None and field.required:
            raise _Wrong("MISSING", "is empty")
    except _Wrong as wrong:
        return Trouble(
            code=f"ROW.{wrong.kind}",
            sentence=f"{column.title or field.title!r} {wrong}",
            column=column.title,
            letter=column.letter,
        )
    return value


def _read(cell: Cell, field: Field, dialect: Dialect) -> Value | None:
    if isinstance(cell, Broken):
        raise _Wrong("ERROR", f"holds {cell.text[:_SHOWN]!r}, an error of the spreadsheet")
    if isinstance(cell, str):
        if _CONTROL.search(cell):
            raise _Wrong("CONTROL", "holds a character that no text has")
        cell = unicodedata.normalize("NFC", cell).replace("\u00a0", " ").strip()
    if cell is None or cell == "":
        return None
    match field.kind:
        case "date":
            return _date(cell, dialect)
        case "number":
            return _in_range(_number(cell, dialect), field)
        case "whole":
            number = _number(cell, dialect)
            if number != number.to_integral_value():
                raise _Wrong("NUMBER", f"is {_shown(cell)}, and a whole number is wanted")
            return _in_range(number, field)
        case "choice":
            text = _text(cell, field)
            if plain(text) not in field.choices:
                raise _Wrong(
                    "CHOICE", f"is {_shown(text)}, and one of {', '.join(sorted(field.choices))} is wanted"
                )
            return field.choices[plain(text)]
        case _:
            return _text(cell, field)


def _text(cell: Cell, field: Field) -> str:
    """A text as it is; of a number what a person sees, where the spreadsheet kept all of its digits."""
    if isinstance(cell, Decimal):
        if cell.adjusted() >= _EXACT_DIGITS:
            raise _Wrong(
                "TEXT", f"is the number {cell:f}, of which a spreadsheet keeps 15 digits: format it as text"
            )
        text = f"{cell:f}"
    elif isinstance(cell, bool):
        text = "true" if cell else "false"
    elif isinstance(cell, date):
        raise _Wrong("TEXT", f"is the date {cell.isoformat()}, and a text is wanted: format it as text")
    else:
        text = str(cell)
        if _SHORTENED.fullmatch(text):
            raise _Wrong("TEXT", f"is {text!r}, a number that a spreadsheet has shortened: format it as text")
    if len(text) > field.most:
        raise _Wrong("TEXT", f"is longer than {field.most} characters")
    return text


def _number(cell: Cell, dialect: Dialect) -> Decimal:
    if isinstance(cell, Decimal):
        number = cell
    elif isinstance(cell, str):
        if not _number_shape(dialect.decimal, dialect.thousands).fullmatch(cell):
            example = f"1{dialect.thousands}234{dialect.decimal}5"
            raise _Wrong("NUMBER", f"is {_shown(cell)}, and no number such as {example}")
        digits = cell.replace(dialect.thousands, "") if dialect.thousands else cell
        number = Decimal(digits.replace(dialect.decimal, "."))
    else:
        raise _Wrong("NUMBER", f"is {_shown(cell)}, and no number")
    exponent = number.as_tuple().exponent
    if (number and number.adjusted() >= _DIGITS) or not isinstance(exponent, int) or exponent < -_DECIMALS:
        raise _Wrong(
            "NUMBER", f"has more than {_DIGITS} digits before or {_DECIMALS} behind the decimal mark"
        )
    return number


@cache
def _number_shape(decimal: str, thousands: str) -> re.Pattern[str]:
    whole = "[0-9]+"
    if thousands:
        whole = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+)"
    return re.compile(rf"-?{whole}(?:{re.escape(decimal)}[0-9]+)?")


def _in_range(number: Decimal, field: Field) -> Decimal:
    if field.smallest is not None and number < field.smallest:
        raise _Wrong("NUMBER", f"is {number:f}, and {field.smallest:f} is the smallest that it may be")
    return number


def _date(cell: Cell, dialect: Dialect) -> date:
    if isinstance(cell, datetime):
        raise _Wrong("DATE", f"is {cell.isoformat()}, and a date without a time is wanted")
    if isinstance(cell, Decimal):
        raise _Wrong("DATE", f"is the number {cell:f}: format the column as a date")
    day = cell if isinstance(cell, date) else None
    if isinstance(cell, str):
        day = day_of(cell, dialect.dates)
    if day is None:
        raise _Wrong("DATE", f"is {_shown(cell)}, and no date in the form {' or '.join(dialect.dates)}")
    if not 1990 <= day.year <= 2199:
        raise _Wrong("DATE", f"is {day.isoformat()}, which is no date of this business")
    return day


def _shown(cell: Cell) -> str:
    return repr(str(cell)[:_SHOWN])
