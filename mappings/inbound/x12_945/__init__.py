"""945 warehouse shipping advice: what a warehouse shipped of an order, what not, and why.

Source: X12 004010 set 945, segments W06, N1, N9, G62, W27, LX, MAN, W12, W03. Elements 514 (W0601), 891 (W0610), 368
(W1201, W2708), 892 (W1219), 893 (W1220) and 890 (W2710) are read by the crosswalks.

One Fact ``shipped``; then one ExceptionEvent for another date, for another carrier, and for each trouble of each
line. What is not said has a meaning of its own (``silence``): see ``warehouse.SILENCE``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Statement, Variance, When
from crossdock.partners import MappingContext
from mappings import codes, facts, times, warehouse
from mappings.inbound.x12_945.line import Line, read_lines
from mappings.warehouse import Head
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/945"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One shipping advice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head = Head(reader)
    position, w06 = head.begin("W06")
    row, code = head.report(position, w06)
    head.issued("warehouse_order", at(w06, 2), by="receiver")
    if customer_po := at(w06, 6):
        head.put({"kind": "customer_po", "value": customer_po[:256]})
    if shipment := at(w06, 4):
        head.put({"kind": "shipment", "value": shipment[:256]})
    if silence := warehouse.SILENCE.get(codes.ours(row)):
        head.attributes["silence"] = silence
    shipped_on = at(w06, 3)
    occurred_at = reader.day(shipped_on, position, 3)
    head.read()
    if occurred_at is None and (day := head.attributes.get("ship_date")):
        occurred_at = times.on(day)
    elif occurred_at is not None:
        head.attributes.setdefault("ship_date", occurred_at["value"])
    lines = read_lines(head)
    if codes.ours(row) == "no_exceptions" and not any(line.missing for line in lines):
        head.attributes["complete"] = "true"
    head.total("W03")
    head.close("warehouse")
    order = at(w06, 2)
    what = f"warehouse order {order}" if order else f"shipment {shipment}" if shipment else "a shipment"

    yield Fact(
        kind="shipped",
        refs=head.refs,
        place=reader.place(position, "W06"),
        occurred_at=occurred_at,
        parties=head.parties,
        lines=[line.words for line in lines],
        source_codes=[code],
        attributes=facts.trimmed(head.attributes),
    )
    if row is not None and row.ours == "exercise":
        return
    if row is None:
        yield head.unknown_report(what, code, position, "W06")
    if reason := at(w06, 10):
        yield _date_changed(head, what, reason, position, occurred_at)
    yield from _carrier(head, what, occurred_at)
    for line in lines:
        yield from line.events(head, what, occurred_at)


def _date_changed(
    head: Head, what: str, reason: str, position: int, occurred_at: When | None
) -> ExceptionEvent:
    row, code = head.reader.told("x12-891", reason, position, 10)
    asked = head.attributes.get("ship_requested")
    variance: Variance = {
        "attribute": "date",
        "expected": times.on(asked) if asked else None,
        "actual": occurred_at,
    }
    return head.event(
        codes.exception_of(row),
        f"{head.who} shipped {what} on another date",
        position,
        "W06",
        cause=codes.cause_of(row),
        variances=[variance],
        said=[code],
        occurred_at=occurred_at,
    )


def _carrier(head: Head, what: str, occurred_at: When | None) -> Iterator[ExceptionEvent]:
    """What W27 says of the carrier: that it is another one (890), and how the shipment stands (368)."""
    if not head.carrier_position:
        return
    position = head.carrier_position
    w27 = head.reader.segments[position - 1]
    if reason := at(w27, 10):
        row, code = head.reader.told("x12-890", reason, position, 10)
        scac = head.attributes.get("carrier")
        variances: list[Variance] = (
            [{"attribute": "carrier", "expected": None, "actual": scac}] if scac else []
        )
        yield head.event(
            codes.exception_of(row),
            f"{head.who} sent {what} with another carrier or by another route",
            position,
            "W27",
            cause=codes.cause_of(row),
            variances=variances,
            said=[code],
            occurred_at=occurred_at,
        )
    if status := at(w27, 8):
        row, code = head.reader.told("x12-368", status, position, 8)
        exception = codes.exception_of(row)
        if exception not in (codes.NONE, *Line.ABOUT_QUANTITY):
            yield head.event(
                exception,
                f"{head.who} says of {what}: {code.get('text', code['code'])}",
                position,
                "W27",
                cause=codes.cause_of(row),
                said=[code],
                occurred_at=occurred_at,
            )
