"""Quantities by place: the SDQ segments that name up to ten places each, with a quantity beside every one.

Source: X12 004010 and 005010 segment SDQ: SDQ01 the unit, SDQ02 whose numbers the places are, then pairs of place
(SDQ03, SDQ05 … SDQ21) and quantity.
"""

from decimal import Decimal
from typing import Final

from crossdock.formats.x12.loops import Loop
from mappings.x12 import ZERO, Reader, at

_FIRST: Final = 3
_LAST: Final = 22


def destinations(reader: Reader, loop: Loop) -> tuple[dict[str, Decimal], str]:
    """What each place has, by the SDQs of a loop, and their unit. A place that comes twice has both quantities.

    Raises ``Unreadable`` for a place without a quantity and a quantity without a place.
    """
    found: dict[str, Decimal] = {}
    unit = ""
    for position, segment in loop.all("SDQ"):
        unit = unit or at(segment, 1)
        for element in range(_FIRST, min(len(segment), _LAST + 1), 2):
            place, text = at(segment, element), at(segment, element + 1)
            if not place and not text:
                continue
            if not place or not text:
                raise reader.stop(
                    f"SDQ{element:02} and SDQ{element + 1:02} are a place and its quantity: one is missing",
                    position,
                    element if not place else element + 1,
                )
            found[place] = found.get(place, ZERO) + reader.number(text, position, element + 1)
    return found, unit
