"""Words that tender, answer and freight invoice share: dates of G62, and what a stop is for.

Source: X12 004010 and 005010, segments G62 (elements 432 which date, 176 which time), S5 (163 why the stop).
"""

from typing import Final

from canonical.events import When
from mappings import codes, times
from mappings.x12 import Reader, at

# 432 → our word for the date
DATES: Final = {
    "02": "delivery_requested", "10": "ship_requested", "11": "shipped", "17": "delivery_estimated",
    "35": "delivered", "37": "not_before", "38": "not_after", "53": "not_before", "54": "not_after",
    "64": "respond_by", "68": "delivery_requested", "69": "scheduled", "70": "scheduled", "78": "not_before",
    "79": "not_after", "86": "picked_up", "BW": "not_before", "BX": "not_after",
}  # fmt: skip

# 163 → what happens at a stop
LOADS: Final = frozenset({"CL", "LD", "PL", "PA", "HT"})
UNLOADS: Final = frozenset({"CU", "UL", "PU", "DT", "DR"})


def purpose_of_stop(code: str) -> str:
    """``load`` or ``unload``; the code itself for any other reason of a stop."""
    return "load" if code in LOADS else "unload" if code in UNLOADS else code.lower()


def time_code(reader: Reader, code: str, position: int, element: int) -> str:
    """A time code [623] as it stands there; empty (local time) for a word of a lenient partner that we do not know.

    Raises ``Unreadable`` for one of any other partner.
    """
    if not code or times.known_time_code(code):
        return code
    if reader.lenient:
        return ""
    raise reader.stop(
        f"the time code {code[:40]!r} of element 623 is not known",
        position,
        element,
        code=codes.UNKNOWN,
        remedy="ask the sender for a time code of X12 element 623, or make its profile lenient, "
        "then replay this dead letter",
    )


def when(reader: Reader, g62: list[str], position: int, *, state: str = "", country: str = "") -> When | None:
    """The date and time of a G62, local to the place where no zone is named; ``None`` when it has no date.

    Raises ``Unreadable`` for what is no date, no time, or a time code that we do not know, unless the partner is
    lenient.
    """
    day, time, zone = at(g62, 2), at(g62, 4), at(g62, 5)
    if not day:
        return None
    return times.when(
        reader.date(day, position, 2),
        reader.time(time, position, 4) if time else "",
        time_code(reader, zone, position, 5),
        state=state,
        country=country,
        partner_zone=reader.zone,
    )
