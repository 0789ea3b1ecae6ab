"""Trading-partner profiles: who sends under which ids, what is agreed, and how everybody is answered.

``Partner`` (partner) is what one profile says, in the small values of ``terms``; ``Partners`` (directory) are all of
them; ``read_profile`` (profile, tables) checks a file; ``guide_page`` and ``against_guide`` show it to people.
"""

from crossdock.partners.directory import PARTNERS_DIR, Partners
from crossdock.partners.partner import ROLES, Expected, MappingContext, Partner, Receive, Send
from crossdock.partners.terms import (
    Clocks,
    ClockTerms,
    Contact,
    Duplicates,
    Item,
    Items,
    Tolerance,
    Tolerances,
    Window,
)

__all__ = [
    "PARTNERS_DIR",
    "ROLES",
    "ClockTerms",
    "Clocks",
    "Contact",
    "Duplicates",
    "Expected",
    "Item",
    "Items",
    "MappingContext",
    "Partner",
    "Partners",
    "Receive",
    "Send",
    "Tolerance",
    "Tolerances",
    "Window",
]
