"""What a run of a step counted, as people read it: on a page, on the command line."""

from collections.abc import Mapping
from typing import Final

ORDER_OF_COUNTS: Final = (
    *("received", "stored", "duplicate", "set_aside"),
    *("messages", "parts", "facts", "events", "cases", "cleared", "corrected", "write_backs", "dead_letters"),
    *("attempts", "delivered", "retry", "rejected", "unsure", "exhausted"),
)
"""The order of the walk; a count that is not named here comes after, in the order of the alphabet."""


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Those that are not 0, as a person reads them (JSON objects of the store have no order)."""
    places = {name: place for place, name in enumerate(ORDER_OF_COUNTS)}
    known = sorted(counts, key=lambda name: (places.get(name, len(places)), name))
    return [(name, counts[name]) for name in known if counts[name]]
