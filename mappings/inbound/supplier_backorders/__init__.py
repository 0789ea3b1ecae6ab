"""A supplier's list of backorders: what it owes us of which order, and when that comes.

One row of a CSV file or a workbook at a time; its fields are in ``layout.toml``. Always one Fact ``status`` of the
line; then, unless all of it was shipped, one ExceptionEvent: ``INV.BACKORDER``, or what the column Status says. A row
with nothing backordered and no other word is a line that is open no longer, and is a fact alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from canonical.events import ExceptionEvent, Fact, Line, Statement
from crossdock.formats.tabular import Row, layout_of
from crossdock.partners import MappingContext
from mappings.listed import Listed, plain

DOCUMENT: Final = "supplier_backorders"
VERSION: Final = "1"
LAYOUT: Final = layout_of(Path(__file__).parent)

_CODES: Final[Mapping[str, str]] = {
    "backordered": "INV.BACKORDER",
    "delayed": "INV.SUPPLIER_DELAY",
    "cancelled": "ORD.LINE_CANCELLED",
    "discontinued": "INV.DISCONTINUED",
}
_VERBS: Final[Mapping[str, str]] = {
    "backordered": "backordered",
    "delayed": "delays",
    "cancelled": "cancelled",
    "discontinued": "no longer sells",
}


def map(document: Row, context: MappingContext) -> Iterator[Statement]:
    """One row as statements. Raises ``Unreadable`` for one that says two things at once."""
    row = Listed(document, context)
    owed = row.required_amount("backordered")
    status = document.text("status") or ("backordered" if owed else "shipped")
    if status == "shipped" and owed:
        document.stop(f"it is shipped, and {plain(owed)} are backordered", field="status")
    if status == "backordered" and not owed:
        document.stop("it is backordered, and nothing of it is", field="backordered")
    ordered = document.amount("ordered")
    if ordered is not None and owed > ordered:
        document.stop(
            f"{plain(owed)} are backordered of {plain(ordered)} that were ordered", field="backordered"
        )
    order = row.order(document.text("supplier_po"))
    line = row.line(document.text("line"), ordered=ordered, affected=owed)
    eta = document.day("eta")
    attributes = {"status": status}
    if eta is not None:
        attributes["delivery_date"] = eta.isoformat()
    yield Fact(
        kind="status",
        refs=[order],
        place=row.place,
        parties=row.parties("supplier"),
        lines=[line],
        attributes=attributes,
    )
    if status in _CODES:
        yield _trouble(row, status, line, attributes.get("delivery_date", ""))


def _trouble(row: Listed, status: str, line: Line, eta: str) -> ExceptionEvent:
    document = row.row
    amount = document.amount("backordered") if status in ("backordered", "delayed") else None
    shown = f"{plain(amount)} of " if amount else ""
    when = f", now for {eta}" if eta and status in ("backordered", "delayed") else ""
    return ExceptionEvent(
        code=_CODES[status],
        title=f"{row.who} {_VERBS[status]} {shown}line {line['line_ref']} of PO {document.text('supplier_po')}{when}",
        detail=document.text("reason") or None,
        refs=[row.order(document.text("supplier_po"))],
        place=row.place,
        parties=row.parties("supplier"),
        lines=[line],
        ext=row.ext(**({"delivery_date": eta} if eta else {})),
    )
