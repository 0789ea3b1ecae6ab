"""Amounts of money in X12 documents: which are scaled, and how they are added up and told.

Elements of type N2 (610 amount, 58 charge, 193 net amount due) have two implied decimals: ``Reader.implied``. Those
of type R (782 monetary amount, 212 unit price) have a point where they need one: ``Reader.number``. Never the other
way.
"""

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

from canonical import crosswalks
from mappings.x12 import ZERO, Reader

EXACT: Final = Context(prec=120)
"""Longer than any product or sum of elements: nothing is rounded before a person sees it."""

CENT: Final = Decimal("0.01")

_DIGITS_BEFORE_POINT: Final = 18
_DIGITS_AFTER_POINT: Final = 9


def add(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def sayable(reader: Reader, amount: Decimal, position: int) -> Decimal:
    """A computed amount as a statement can hold it: at most nine decimals. Raises ``Unreadable`` for one that is so
    large that no invoice means it."""
    if amount and amount.adjusted() >= _DIGITS_BEFORE_POINT:
        raise reader.stop(f"the parts add up to more than {_DIGITS_BEFORE_POINT} digits", position)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_DIGITS_AFTER_POINT:
        amount = amount.quantize(Decimal(1).scaleb(-_DIGITS_AFTER_POINT), context=EXACT)
    return amount


def said(amount: Decimal) -> str:
    """An amount as attributes and sentences have it: a decimal string of at least two decimals."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -2:
        amount = amount.quantize(CENT, context=EXACT)
    return format(amount, "f") if amount else "0.00"


def currency(reader: Reader, code: str, position: int, element: int) -> str:
    """A currency of ISO 4217 as the document names it. Raises ``Unreadable`` for another word."""
    if code not in crosswalks.currencies():
        raise reader.stop(f"{code[:40]!r} is no currency of ISO 4217", position, element)
    return code
