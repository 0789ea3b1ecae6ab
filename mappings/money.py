"""Amounts of money in X12 documents: which are scaled, how they are added up, and what references beside them name.

Elements of type N2 (610 amount, 58 charge, 193 net amount due) have two implied decimals: ``Reader.implied``. Those
of type R (782 monetary amount, 212 unit price) have a point where they need one: ``Reader.number``. Never the other
way.
"""

from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from typing import Final

from canonical import crosswalks
from canonical.events import Ref, Variance
from mappings.x12 import ZERO, Reader, plain

EXACT: Final = Context(prec=120)
"""Longer than any product or sum of elements: nothing is rounded before a person sees it."""

CENT: Final = Decimal("0.01")

_DIGITS_BEFORE_POINT: Final = 18
_DIGITS_AFTER_POINT: Final = 9
_ATTRIBUTE_LONGEST: Final = 1024
_NAME_LONGEST: Final = 16

# 128 → the kind of number; others are kept as attributes
_KINDS: Final = {
    "BM": "bol", "MB": "bol", "SI": "shipment", "2I": "tracking", "CN": "pro", "DO": "delivery", "PK": "delivery",
    "VN": "sales_order", "OQ": "sales_order", "CT": "contract", "LO": "load", "RZ": "rma", "EQ": "container",
    "AO": "appointment",
}  # fmt: skip
# 128 that name an order, an invoice, a credit or debit memo, a remittance
ORDERS: Final = frozenset({"PO", "CO"})
INVOICES: Final = frozenset({"IV", "IK", "OI"})
MEMOS: Final = frozenset({"CM", "CD", "DB", "DL"})


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


def amount_variance(reader: Reader, expected: Decimal | None, actual: Decimal, currency: str) -> Variance:
    """What was to be paid or charged, and what is."""
    variance: Variance = {
        "attribute": "amount",
        "expected": None if expected is None else reader.money(expected, currency),
        "actual": reader.money(actual, currency),
    }
    if expected is not None:
        variance["delta"] = plain(EXACT.subtract(actual, expected))
    return variance


def note(attributes: dict[str, str], name: str, value: str) -> None:
    """Keep an attribute, when it says something."""
    if value:
        attributes.setdefault(name, value[:_ATTRIBUTE_LONGEST])


def reference(
    refs: list[Ref],
    attributes: dict[str, str],
    qualifier: str,
    value: str,
    *,
    order: Callable[[str], Ref] | None = None,
    issued: Callable[[str, str], Ref] | None = None,
) -> None:
    """A REF, N9 or L11: a business number of a kind that we know, else an attribute ``ref.dp``.

    ``order`` makes the reference of an order's number; without it whose number it is stays open. ``issued`` makes
    that of an invoice, of a credit or debit memo (a kind and a number).
    """
    if not value:
        return
    found: Ref
    if qualifier in ORDERS:
        found = order(value) if order is not None else {"kind": "customer_po", "value": value[:256]}
    elif issued is not None and qualifier in INVOICES:
        found = issued("invoice", value)
    elif issued is not None and qualifier in MEMOS:
        found = issued("credit_memo", value)
    elif kind := _KINDS.get(qualifier):
        found = {"kind": kind, "value": value[:256]}
    else:
        if word := as_name(qualifier):
            note(attributes, f"ref.{word}", value)
        return
    keep(refs, found)


def as_name(code: str) -> str:
    """A code as part of an attribute's name; empty for what cannot be one."""
    return code.lower() if code.isascii() and code.isalnum() and len(code) <= _NAME_LONGEST else ""


REFS_AT_MOST: Final = 64
"""So many references fit a statement."""


def keep(refs: list[Ref], ref: Ref) -> None:
    """Add a reference, once, while there is room. What it is to the document (``role``) makes it no other one."""
    same = any(
        each["kind"] == ref["kind"]
        and each["value"] == ref["value"]
        and each.get("issuer") == ref.get("issuer")
        for each in refs
    )
    if not same and len(refs) < REFS_AT_MOST:
        refs.append(ref)
