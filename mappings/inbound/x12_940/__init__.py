"""940 warehouse shipping order: a depositor tells a warehouse what to ship, to whom, and until when.

Source: X12 004010 set 940, segments W05, N1, N9, G62, W66, LX, W01, W76. Element 473 (W0501) is what the order does.

One Fact ``instructed``; a 940 says no exception by itself. ``purpose`` is W0501 in the words of element 353, so that
a cancellation takes an order back whichever set says it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, Statement
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import facts, warehouse
from mappings.lines import apart
from mappings.warehouse import Head
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/940"
VERSION: Final = "1"

# 473 → 353
_PURPOSES: Final = {
    "N": "00", "S": "00", "B": "00", "F": "01", "D": "01", "R": "04", "G": "04", "L": "04", "C": "06", "E": "06",
    "T": "15", "A": "52", "X": "77",
}  # fmt: skip


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One shipping order as a statement. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head = Head(reader)
    position, w05 = head.begin("W05")
    status, order = at(w05, 1), at(w05, 2)
    if not status:
        raise reader.stop(
            "W0501 is empty: nothing says whether it is an order, a change or a cancellation", position, 1
        )
    if not order:
        raise reader.stop("W0502 is empty: the order has no number of its depositor", position, 2)
    head.issued("warehouse_order", order, by="sender")
    if customer_po := at(w05, 3):
        head.put({"kind": "customer_po", "value": customer_po[:256]})
    head.attributes["status"] = status
    if purpose := _PURPOSES.get(status):
        head.attributes["purpose"] = purpose
    head.read()
    for _, segment in reader.tree.all("W66"):
        if scac := at(segment, 10):
            head.carrier(scac)
        if method := at(segment, 2):
            head.attributes["transport_method"] = method
    for name in ("ship_requested", "ship_not_after"):
        if day := head.attributes.get(name):
            head.attributes.setdefault("ship_date", day)  # from when its shipment is awaited
    lines = apart([_line(head, *each) for each in warehouse.item_loops(reader, "W01")])
    head.total("W76")
    head.close("owner", "customer", "buyer")
    yield Fact(
        kind="instructed",
        refs=head.refs,
        place=reader.place(position, "W05"),
        parties=head.parties,
        lines=lines,
        attributes=facts.trimmed(head.attributes),
    )


def _line(head: Head, lx: "Loop | None", loop: "Loop", path: str, ordinal: int) -> LineWords:
    reader = head.reader
    position, w01 = loop.segments[0]
    items = warehouse.item_ids(reader, w01, case=3, pairs=(4, 6, 15), lot=13)
    words = warehouse.numbered(items, lx, loop, path, ordinal)
    if text := at(w01, 1):
        words["ordered"] = reader.quantity(reader.count(text, position, 1), at(w01, 2))
    return words
