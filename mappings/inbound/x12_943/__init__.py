"""943 stock transfer shipment advice: a depositor tells a warehouse which goods are on their way to it.

Source: X12 004010 set 943, segments W06, N1, N9, G62, W27, W04, W03. Elements 514 (W0601) is read by its crosswalk;
844 (W0413) is the depositor's own word for goods that are to be held when they come.

One Fact ``shipped``; then, unless we sent it ourselves, an ExceptionEvent for each line that is sent on hold.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, Ref, Statement
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import facts, references, times, warehouse
from mappings.lines import apart
from mappings.warehouse import Head
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/943"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One advice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head = Head(reader)
    position, w06 = head.begin("W06")
    row, code = head.report(position, w06)
    order = at(w06, 2)
    head.issued("warehouse_receipt", order, by="sender")
    head.issued("supplier_po", at(w06, 6), by="sender")
    if shipment := at(w06, 4):
        head.put({"kind": "shipment", "value": shipment[:256]})
    head.attributes["movement"] = "to_warehouse"
    occurred_at = reader.day(at(w06, 3), position, 3)
    head.read()
    if day := head.attributes.get("ship_date"):
        occurred_at = times.on(day)
    elif occurred_at is not None:
        head.attributes["ship_date"] = occurred_at["value"]
    if day := head.attributes.get("delivery_estimated") or head.attributes.get("delivery_requested"):
        head.attributes.setdefault("delivery_date", day)  # from when its receipt is awaited
    found = list(warehouse.item_loops(reader, "W04"))
    lines = apart([_line(head, *each) for each in found])
    head.total("W03")
    head.close("owner", "customer", "supplier")

    yield Fact(
        kind="shipped",
        refs=head.refs,
        place=reader.place(position, "W06"),
        occurred_at=occurred_at,
        parties=head.parties,
        lines=lines,
        source_codes=[code],
        attributes=facts.trimmed(head.attributes),
    )
    if context.direction == "out":
        return  # what we send on hold ourselves is no trouble to us
    what = f"warehouse receipt {order}" if order else f"shipment {shipment}" if shipment else "a shipment"
    if row is None:
        yield head.unknown_report(what, code, position, "W06")
    for (_, loop, path, _), words in zip(found, lines, strict=True):
        place, w04 = loop.segments[0]
        if hold := at(w04, 13):
            item: list[Ref] = [ref for ref in words.get("item_ids", []) if ref["kind"] in ("item", "lot")][:2]
            yield head.event(
                "INV.HOLD",
                f"{head.who} sends line {words['line_ref']} of {what} on hold",
                place,
                path,
                refs=[*item, *head.refs][: references.AT_MOST],
                line=words,
                cause="inbound_hold",
                said=[{"scheme": "x12-844", "code": hold[:128], "mapped": False}],
                occurred_at=occurred_at,
            )


def _line(head: Head, lx: "Loop | None", loop: "Loop", path: str, ordinal: int) -> LineWords:
    reader = head.reader
    position, w04 = loop.segments[0]
    items = warehouse.item_ids(reader, w04, case=3, pairs=(4, 6, 14))
    words = warehouse.numbered(items, lx, loop, path, ordinal)
    for _, segment in loop.all("MAN"):
        head.mark(segment)
    if text := at(w04, 1):
        words["affected"] = reader.quantity(reader.count(text, position, 1), at(w04, 2))
    return words
