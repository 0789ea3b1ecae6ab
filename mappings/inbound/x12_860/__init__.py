"""860 purchase order change: what a customer asks to change, or, in a copy of ours, what we ask of a supplier.

Source: X12 004010 and 005010 set 860, segments BCH, CUR, DTM, N1, POC, SCH, CTT. Elements 353 (BCH01) and 670 (POC02)
are read by the crosswalks.

Always one Fact ``change_requested`` with the lines as they shall be; then, of what came in, one ExceptionEvent for
each line that is to change, for somebody must say yes or no. A cancellation (BCH01 01 or 17, or a line that says CF)
is one event for the whole order. A line that is not changed (NC) is none, nor is what only repeats (07, 22). What we
asked ourselves is no trouble to us: the fact starts the clock of the answer.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, SourceCode, Statement
from crossdock.partners import MappingContext
from mappings import times
from mappings.inbound.x12_850.order import Order
from mappings.inbound.x12_860.change import Change, date_variances
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/860"
VERSION: Final = "1"

_COPIES: Final = frozenset({"copy"})
"""Purposes that announce a repetition of what was said before: 07 duplicate, 22 copy for information."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One change as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    order = Order(reader, "BCH", number=3, date=6)
    segment = order.begin[1]
    order.attribute("order_type", segment, 2)
    order.attribute("release", segment, 4)
    order.attribute("change_sequence", segment, 5)
    order.attribute("request", segment, 7)
    order.date_attribute("change_date", 11)
    if day := order.attributes.get("change_date"):
        order.occurred_at = times.on(day)
    else:
        order.occurred_at = None  # BCH06 is the day of the order, not of its change
    changes = [Change(order, loop, ordinal) for ordinal, loop in enumerate(reader.tree.inside("POC"), 1)]
    order.borrow_dates([change.dates for change in changes])
    said: list[SourceCode] = [order.purpose_code]
    for change in changes:
        if change.source_code not in said:
            said.append(change.source_code)

    yield Fact(
        kind="change_requested",
        refs=order.refs,
        place=order.place,
        occurred_at=order.occurred_at,
        parties=order.parties,
        lines=[change.words for change in changes],
        source_codes=said,
        attributes=order.attributes,
    )
    if context.direction == "in" and order.purpose not in _COPIES:
        yield from _asked(order, changes)


def _asked(order: Order, changes: list[Change]) -> Iterator[ExceptionEvent]:
    cancels = next((change for change in changes if change.exception == "ORD.CANCEL_REQUESTED"), None)
    if order.cancels or cancels is not None:
        told = [order.purpose_code] if order.cancels or cancels is None else [cancels.source_code]
        yield order.event(
            "ORD.CANCEL_REQUESTED",
            f"{order.who} asks to cancel PO {order.number}",
            detail=told[0].get("text"),
            place=order.place if order.cancels or cancels is None else cancels.place,
            source_codes=told,
        )
        return  # nothing is left to be changed
    if (miscounted := order.miscounted(f"the change of PO {order.number}", "POC", len(changes))) is not None:
        yield miscounted
    if not changes:
        yield order.event(
            "ORD.CHANGE_REQUESTED",
            f"{order.who} asks to change PO {order.number} as a whole",
            detail="no line is named: what changes stands in the head of the document",
            variances=date_variances(order.dates),
        )
    for change in changes:
        if (event := change.event()) is not None:
            yield event
