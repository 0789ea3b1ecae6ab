"""What was expected and what is there, as variances: of a quantity, a date, an amount of money."""

from decimal import Decimal
from typing import TYPE_CHECKING

from canonical.events import Variance
from mappings import money, times
from mappings.x12 import plain

if TYPE_CHECKING:
    from mappings.x12 import Reader


def quantity_variance(reader: "Reader", expected: Decimal, actual: Decimal, unit: str) -> Variance:
    """More or less than expected, in the unit of both."""
    return {
        "attribute": "quantity",
        "expected": reader.quantity(expected, unit),
        "actual": reader.quantity(actual, unit),
        "delta": plain(actual - expected),
    }


def date_variance(expected: str, actual: str) -> Variance:
    """Another day (``2026-12-04``) than expected, with the days between; empty: nothing says what was expected."""
    variance: Variance = {
        "attribute": "date",
        "expected": times.on(expected) if expected else None,
        "actual": times.on(actual),
    }
    if expected:
        variance["delta"] = str(times.days_between(expected, actual))
    return variance


def amount_variance(reader: "Reader", expected: Decimal | None, actual: Decimal, currency: str) -> Variance:
    """What was to be paid or charged, and what is."""
    variance: Variance = {
        "attribute": "amount",
        "expected": None if expected is None else reader.money(expected, currency),
        "actual": reader.money(actual, currency),
    }
    if expected is not None:
        variance["delta"] = plain(money.EXACT.subtract(actual, expected))
    return variance
