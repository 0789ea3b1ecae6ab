"""What an order says against itself: dates that cannot all hold, and places to ship to that nobody can find.

Source: X12 004010 set 850. Element 374 (DTM01) by our words of the crosswalk; N404 [26] is left out for places in the
United States and Canada, so an address without a country is one of these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from canonical.events import Variance
from mappings.variances import date_variance
from mappings.x12 import at

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop

_IN_ORDER: Final = (
    ("ship_not_before", "ship_not_after"),
    ("deliver_not_before", "deliver_not_after"),
    ("ship_not_before", "ship_requested"),
    ("ship_requested", "ship_not_after"),
    ("deliver_not_before", "delivery_requested"),
    ("delivery_requested", "deliver_not_after"),
    ("ship_requested", "delivery_requested"),
    ("ship_not_before", "delivery_requested"),
    ("ship_not_before", "deliver_not_after"),
    ("ship_not_before", "cancel_after"),
    ("ship_requested", "cancel_after"),
    ("delivery_requested", "cancel_after"),
    ("ship_not_before", "cancel_if_not_shipped_by"),
    ("ship_requested", "cancel_if_not_shipped_by"),
    ("delivery_requested", "cancel_if_not_delivered_by"),
)
"""Dates of which the first may not be after the second. The same day is right."""

_NOT_BEFORE_THE_ORDER: Final = (
    "ship_requested", "delivery_requested", "ship_not_after", "deliver_not_after", "cancel_after",
)  # fmt: skip
_SENTENCES: Final = {
    "delivery_requested": "delivery is asked for",
    "ship_requested": "shipping is asked for",
    "ship_not_before": "shipping is allowed from",
    "ship_not_after": "shipping is allowed until",
    "deliver_not_before": "delivery is allowed from",
    "deliver_not_after": "delivery is allowed until",
    "cancel_after": "the order is to be cancelled after",
    "cancel_if_not_shipped_by": "the order is to be cancelled when not shipped by",
    "cancel_if_not_delivered_by": "the order is to be cancelled when not delivered by",
    "order_date": "the order is of",
}

_DOMESTIC: Final = frozenset({"", "US", "USA", "CA", "CAN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One contradiction: in a sentence, and as what was expected and what is there."""

    sentence: str
    variance: Variance | None = None


def contradictions(dates: Mapping[str, str], order_date: str = "") -> list[Doubt]:
    """Which of an order's dates cannot hold together. ``order_date``, where it is given, comes before them all."""
    found: list[Doubt] = []
    for first, last in _IN_ORDER:
        if first in dates and last in dates and dates[first] > dates[last]:
            found.append(_doubt(first, dates[first], last, dates[last]))
    if order_date:
        for word in _NOT_BEFORE_THE_ORDER:
            if word in dates and order_date > dates[word]:
                found.append(_doubt("order_date", order_date, word, dates[word]))
                break  # one such date says it all
    return found


def _doubt(first: str, early: str, last: str, late: str) -> Doubt:
    return Doubt(
        sentence=f"{_SENTENCES[first]} {early} and {_SENTENCES[last]} {late}",
        variance=date_variance(early, late),
    )


def address_of(loop: "Loop") -> str | None:
    """Why nobody can find the place that an N1 with ``ST`` names; ``None``: one can, or it is no place to ship to."""
    party = loop.segments[0][1]
    if at(party, 1) != "ST":
        return None
    street, place = loop.first("N3"), loop.first("N4")
    if place is None:
        if at(party, 4):
            return None  # the number says where it is
        if street is None:
            return "the place to ship to has neither a number (N104) nor an address (N3, N4)"
        return "the address to ship to has a street (N3) and no city (N4)"
    segment = place[1]
    if at(segment, 4).upper() not in _DOMESTIC or at(segment, 6):
        return None
    missing = [
        name
        for name, element in (("city (N401)", 1), ("state (N402)", 2), ("postal code (N403)", 3))
        if not at(segment, element)
    ]
    return f"the address to ship to lacks its {', '.join(missing)}" if missing else None
