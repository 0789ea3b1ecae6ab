"""869 order status inquiry: a customer asks how far we are, or, in a copy of ours, we ask a supplier.

Source: X12 004010 and 005010 set 869, segments BSI, HL, PRF, REF, N1, LIN, QTY. Elements 847 (BSI03) and 353 (BSI07)
are read by the crosswalks.

One Fact ``inquired`` for each order that is asked about, or one for them all where none is named. A question is no
exception; that nobody answers it is one, and a clock tells.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, Line, SourceCode, Statement
from crossdock.partners import MappingContext
from mappings import codes
from mappings.inbound.x12_870.report import Order, Report
from mappings.x12 import Reader, at, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/869"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One inquiry as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    report = Report(reader, "BSI", sent_by="buyer", number=1, date=2)
    position, segment = report.begin
    attributes: dict[str, str] = {}
    told: list[SourceCode] = []
    if number := at(segment, 1):
        attributes["inquiry_number"] = number[:1024]
        report.asks(number)
    if code := at(segment, 3):
        row = reader.meaning("x12-847", code, position, 3)
        attributes["scope"] = code
        told.append(codes.source_code("x12-847", code, row))
        if row is not None and row.ours:
            attributes["asks_for"] = row.ours
    if code := at(segment, 7):
        reader.meaning("x12-353", code, position, 7)
        attributes["purpose"] = code
    for order in report.orders():
        yield Fact(
            kind="inquired",
            refs=order.refs,
            place=order.place,
            occurred_at=report.occurred_at,
            parties=order.parties,
            lines=_lines(report, order),
            source_codes=told,
            attributes=attributes | order.dates,
        )
    yield from report.broken()


def _lines(report: Report, order: Order) -> list[Line]:
    """The items that are asked about, each once."""
    reader = report.reader
    found: dict[str, Line] = {}
    for level in order.levels:
        for position, segment in level.loop.all("LIN"):
            items = product_ids(segment, 2, reader.partner)
            ref = at(segment, 1)[:64] or (items[0]["value"][:64] if items else f"segment:{position}")
            line: Line = {"line_ref": ref}
            if items:
                line["item_ids"] = items[:32]
            for place, counted in level.loop.all("QTY"):
                if text := at(counted, 2):
                    line["ordered"] = reader.quantity(reader.count(text, place, 2), at(counted, 3))
            found.setdefault(ref, line)
    return list(found.values())
