"""850 purchase order: what a customer orders of us, or, in a copy of ours, what we order of a supplier.

Source: X12 004010 and 005010 set 850, segments BEG, CUR, DTM, TD5, N1, N3, N4, PO1, PO4, SCH, SDQ, CTT, AMT. Elements
353 (BEG01), 374 (DTM01), 235 and 355 are read by the crosswalks.

Always one Fact ``ordered`` with all lines; then what the order says against itself: dates that cannot be, lines that
cannot be counted, places that cannot be found, packs that the quantity does not fill. An order that came before is
found by matching, not here: the purpose is in the fact. A purpose that cancels asks for a cancellation.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Statement
from crossdock.partners import MappingContext
from mappings.inbound.x12_850.doubts import Doubt, address_of, contradictions
from mappings.inbound.x12_850.line import Line, repeated
from mappings.inbound.x12_850.order import Order
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/850"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One order as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    order = Order(reader, "BEG", number=3, date=5)
    segment = order.begin[1]
    order.attribute("order_type", segment, 2)
    order.attribute("release", segment, 4)
    order.attribute("contract", segment, 6)
    order.attribute("acknowledgement_wanted", segment, 7)
    lines = [Line(order, loop, ordinal) for ordinal, loop in enumerate(reader.tree.inside("PO1"), 1)]
    order.borrow_dates([line.dates for line in lines])

    yield Fact(
        kind="ordered",
        refs=order.refs,
        place=order.place,
        occurred_at=order.occurred_at,
        parties=order.parties,
        lines=[line.words for line in lines],
        source_codes=[order.purpose_code],
        attributes=order.attributes,
    )
    if order.cancels:
        if context.direction == "in":
            yield order.event(
                "ORD.CANCEL_REQUESTED",
                f"{order.who} cancels PO {order.number}",
                detail=order.purpose_code.get("text"),
            )
        return  # nobody ships what is cancelled
    yield from _of_the_whole(order, lines)
    again = repeated(lines)
    for line in lines:
        yield from line.events(again)


def _of_the_whole(order: Order, lines: list[Line]) -> Iterator[ExceptionEvent]:
    dates = contradictions(order.dates, order.date if order.is_original else "")
    if dates:
        yield order.doubted(f"the dates of PO {order.number} contradict each other", dates)
    if (miscounted := order.miscounted(f"PO {order.number}", "PO1", len(lines))) is not None:
        yield miscounted
    elif not lines:
        yield order.doubted(f"PO {order.number} orders nothing", [Doubt(sentence="no PO1 segment is there")])
    yield from _places(order)


def _places(order: Order) -> Iterator[ExceptionEvent]:
    for ordinal, loop in enumerate(order.reader.tree.inside("N1"), 1):
        if (doubt := address_of(loop)) is not None:
            yield order.event(
                "SHP.ADDRESS_INVALID",
                f"{order.who} wants PO {order.number} shipped to a place that cannot be found",
                detail=doubt,
                place=order.reader.place(loop.position, f"N1[{ordinal}]"),
                method="rule",
            )
