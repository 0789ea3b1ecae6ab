"""One sales order as Dynamics 365 Business Central writes it, with its lines and its customer.

Source: API v1.0, salesOrder, salesOrderLine and customer; v2.0 names the same fields alike but for the line's number
(``lineObjectNumber``). ``0001-01-01`` stands for no date. An order that was deleted says its id alone.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from crossdock.formats import odata
from mappings.records import Complaints, Fields, a_list

REMEDY: Final = "compare the record with the API's own $metadata, correct the mapping, then replay this one"
DAY: Final = "date, as 2026-12-04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that is goods. ``shipped`` is what was posted of it so far."""

    pointer: str
    number: str
    item: str
    quantity: Decimal | None
    shipped: Decimal | None
    unit: str
    shipment_on: date | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. ``removed``: it was deleted, and says ``id`` alone. ``blocked``: how the customer is, where the
    customer was asked for (``customer_said``)."""

    id: str
    removed: bool
    number: str
    customer: str
    customer_name: str
    customer_po: str
    status: str
    fully_shipped: bool | None
    requested_on: date | None
    changed_at: datetime | None
    amount: Decimal | None
    currency: str
    customer_said: bool
    blocked: str
    lines: tuple[Line, ...]


def read_order(document: Any) -> Order:
    """The order of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the sales order", remedy=REMEDY)
    top = Fields(document, complaints)
    complaints.refuse()
    removed = top.has("@removed") or top.text("@odata.context", 2000).endswith("$deletedEntity")
    customer = top.within("customer")
    order = Order(
        id=top.needed("id", 64),
        removed=removed,
        number=top.text("number") if removed else top.needed("number"),
        customer=top.text("customerNumber"),
        customer_name=top.text("customerName"),
        customer_po=top.text("externalDocumentNumber"),
        status=top.text("status", 64).replace("_x0020_", " "),
        fully_shipped=top.flag("fullyShipped"),
        requested_on=top.read("requestedDeliveryDate", odata.day, DAY),
        changed_at=top.read("lastModifiedDateTime", odata.moment, "time, as 2026-11-20T14:02:11Z"),
        amount=top.decimal("totalAmountIncludingTax"),
        currency=top.text("currencyCode", 16),
        customer_said=customer is not None,
        blocked=customer.text("blocked", 16).replace("_x0020_", "") if customer else "",
        lines=tuple(
            _line(one)
            for one in top.members("salesOrderLines", a_list)
            if one.text("lineType", 32) in ("Item", "")
        ),
    )
    complaints.refuse()
    return order


def _line(line: Fields) -> Line:
    sequence = line.decimal("sequence")
    if sequence is None:
        line.tell("sequence", "is missing")
    details, unit = line.within("lineDetails"), line.within("unitOfMeasure")
    item = (details.text("number") if details else "") or line.text("lineObjectNumber")
    return Line(
        pointer=line.pointer,
        number=f"{sequence:f}" if sequence is not None else "",
        item=item or line.text("itemId", 64),
        quantity=line.decimal("quantity"),
        shipped=line.decimal("shippedQuantity"),
        unit=(unit.text("code", 16) if unit else "") or line.text("unitOfMeasureCode", 16),
        shipment_on=line.read("shipmentDate", odata.day, DAY),
        amount=line.decimal("amountIncludingTax"),
    )
