"""A supplier's stock and price list: how much of an item there is, where, and what it costs.

One row of a CSV file or a workbook at a time; its fields are in ``layout.toml``. One Fact ``inventory``, as an 846
states it; then ``INV.DISCONTINUED`` where the column Status says so. Nothing in stock is no trouble by itself: only
open demand makes a shortage of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from canonical.crosswalks import currencies
from canonical.events import ExceptionEvent, Fact, Line, Ref, Statement
from crossdock.formats.tabular import Row, layout_of
from crossdock.partners import MappingContext
from mappings.listed import Listed, plain

DOCUMENT: Final = "supplier_stock"
VERSION: Final = "1"
LAYOUT: Final = layout_of(Path(__file__).parent)


def map(document: Row, context: MappingContext) -> Iterator[Statement]:
    """One row as statements."""
    row = Listed(document, context)
    available = row.required_amount("available")
    line = row.line("", affected=available)
    _price(row, line)
    attributes = {"quantity_kind": "available"}
    if not available:
        attributes["zero_lines"] = "1"
    if location := document.text("location"):
        attributes["location"] = location
    as_of, next_date = document.day("as_of"), document.day("next_date")
    if next_date is not None:
        attributes["next_date"] = next_date.isoformat()
    refs: list[Ref] = [{"kind": "feed", "value": DOCUMENT, "issuer": row.issuer}]
    yield Fact(
        kind="inventory",
        refs=refs,
        place=row.place,
        occurred_at={"value": as_of.isoformat(), "precision": "date"} if as_of is not None else None,
        parties=row.parties("supplier"),
        lines=[line],
        attributes=attributes,
    )
    if document.text("status") == "discontinued":
        yield ExceptionEvent(
            code="INV.DISCONTINUED",
            title=f"{row.who} no longer sells {document.text('item')}; {plain(available)} are left",
            refs=[line["item_ids"][0], *refs],
            place=row.place,
            parties=row.parties("supplier"),
            lines=[line],
            ext=row.ext(),
        )


def _price(row: Listed, line: Line) -> None:
    document = row.row
    price, currency = document.amount("price"), document.text("currency").upper()
    if price is None:
        return
    if currency and currency not in currencies():
        document.stop(f"{currency!r} is no currency of ISO 4217", field="currency")
    assumed = row.partner.currency if row.partner is not None else "USD"
    line["unit_price"] = {"amount": plain(price), "currency": currency or assumed}
    if not currency:
        line["unit_price"]["currency_assumed"] = True
