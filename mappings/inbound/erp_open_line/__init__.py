"""An open purchase order line of our ERP, as it stands: what the supplier backorders, and what it promises too late.

One row of the view that ``connectors/erp_view`` reads, a JSON object. A row says how the line is now, not what
changed: so what is wrong is told again with each change and folds into the open case, and what is received in full
is a Fact ``received`` that ends it. How a line stands otherwise (open, cancelled) is a Fact ``status``. A backorder
is of the quantity that is still missing; a promise is late when its day is behind the day of the need.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Line, Money, Party, Quantity, Ref, Statement, When
from crossdock.partners import MappingContext
from mappings.inbound.erp_open_line.record import OpenLine, read_line
from mappings.records import money
from mappings.variances import date_variance
from mappings.x12 import plain

DOCUMENT: Final = "erp_open_line"
VERSION: Final = "1"


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One row as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    line = read_line(document)
    refs = _refs(line, context)
    if line.status == "cancelled":
        yield _fact("status", line, refs, context, {"status": "cancelled", "complete": "true"})
        return
    if line.status == "closed" or line.received >= line.ordered:
        yield _fact("received", line, refs, context, {"complete": "true"})
        return
    if line.backordered:
        yield _backordered(line, refs, context)
    if line.needed_on and line.promised_on and line.promised_on > line.needed_on:
        yield _late(line, refs, context)
    attributes = {"status": "open"}
    if line.promised_on:
        attributes["promised_on"] = line.promised_on.isoformat()
    yield _fact("status", line, refs, context, attributes)


def _backordered(line: OpenLine, refs: list[Ref], context: MappingContext) -> ExceptionEvent:
    when = f", promised for {line.promised_on.isoformat()}" if line.promised_on else ", with no date"
    return ExceptionEvent(
        code="INV.BACKORDER",
        title=f"PO {line.po_number} line {line.line_no}: {_who(line)} backorders {plain(line.backordered)} of "
        f"{plain(line.ordered)} {line.unit} {line.item}{when}"[:200],
        detail=line.description or None,
        refs=refs,
        place={"json_pointer": "/backordered_qty"},
        occurred_at=_when(line),
        parties=_supplier(line),
        lines=[{**_line(line, context), "affected": _quantity(line, line.backordered)}],
        value_at_risk=_at_risk(line, line.backordered),
        ext={"partner": _who(line)},
    )


def _late(line: OpenLine, refs: list[Ref], context: MappingContext) -> ExceptionEvent:
    assert line.needed_on is not None and line.promised_on is not None
    needed, promised = line.needed_on.isoformat(), line.promised_on.isoformat()
    missing = line.ordered - line.received
    return ExceptionEvent(
        code="INV.SUPPLIER_DELAY",
        title=f"PO {line.po_number} line {line.line_no}: {_who(line)} promises {line.item} for {promised}, needed on "
        f"{needed}"[:200],
        detail=line.description or None,
        refs=refs,
        place={"json_pointer": "/promised_on"},
        occurred_at=_when(line),
        parties=_supplier(line),
        lines=[{**_line(line, context), "affected": _quantity(line, missing)}],
        variances=[date_variance(needed, promised)],
        value_at_risk=_at_risk(line, missing),
        ext={"partner": _who(line)},
    )


def _fact(
    kind: str, line: OpenLine, refs: list[Ref], context: MappingContext, attributes: dict[str, str]
) -> Fact:
    return Fact(
        kind=kind,
        refs=refs,
        place={"json_pointer": "/status"},
        occurred_at=_when(line),
        parties=_supplier(line),
        lines=[{**_line(line, context), "affected": _quantity(line, line.received)}],
        attributes=attributes,
    )


def _refs(line: OpenLine, context: MappingContext) -> list[Ref]:
    return [{"kind": "supplier_po", "value": line.po_number, "issuer": context.tenant}]


def _who(line: OpenLine) -> str:
    return line.supplier_name or line.supplier_id or "the supplier"


def _supplier(line: OpenLine) -> list[Party]:
    if not line.supplier_id:
        return []
    party: Party = {"role": "supplier", "ids": [{"scheme": "internal", "value": line.supplier_id}]}
    if line.supplier_name:
        party["name"] = line.supplier_name
    return [party]


def _line(line: OpenLine, context: MappingContext) -> Line:
    words: Line = {"line_ref": line.line_no, "ordered": _quantity(line, line.ordered)}
    if line.item:
        words["item_ids"] = [{"kind": "item", "value": line.item, "scheme": "sku", "issuer": context.tenant}]
    return words


def _quantity(line: OpenLine, number: Decimal) -> Quantity:
    """The ERP's unit, where Rec 20 knows it; else mutually defined, with the ERP's own word beside it."""
    found: Quantity = {"value": plain(number), "uom": line.unit if line.unit in crosswalks.units() else "ZZ"}
    if line.unit:
        found |= {"uom_source": line.unit, "uom_scheme_source": "erp"}
    return found


def _at_risk(line: OpenLine, number: Decimal) -> Money | None:
    return money(None if line.unit_price is None else (number * line.unit_price).normalize(), line.currency)


def _when(line: OpenLine) -> When | None:
    if line.changed_at is None:
        return None
    return {"value": line.changed_at.isoformat().replace("+00:00", "Z"), "precision": "second"}
