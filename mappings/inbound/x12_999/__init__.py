"""999 implementation acknowledgment: a partner's verdicts on our groups and sets, by its own guide too.

Source: X12 005010 set 999 (X231), segments AK1, AK2, IK3, CTX, IK4, IK5, AK9. What a 997 says it says in nearly the
same places, so both are read by the same code; its own are the codes of elements 618, 620 and 621 (those that begin
with I tell what only the partner's guide forbids), the repetition of an element, and CTX.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Statement
from crossdock.partners import MappingContext
from mappings.inbound.x12_997 import statements
from mappings.inbound.x12_997.answer import IMPLEMENTATION

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/999"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One acknowledgment as statements. Raises ``Unreadable`` for what it cannot map."""
    return statements(document, context, IMPLEMENTATION)
