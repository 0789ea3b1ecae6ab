"""One sales order as SAP S/4HANA writes it, in version 2 of OData (``A_SalesOrder``) or 4 (``SalesOrder``).

Sources: API_SALES_ORDER_SRV and CE_SALESORDER_0001. The two name the same fields alike; version 4 says more: blocks
and incompletion by status, and the dates of each item. A status that is not said is empty.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crossdock.formats import odata
from mappings.records import Complaints, Fields
from mappings.sap import DAY, MOMENT, REMEDY, number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item. ``requested_on`` and ``confirmed_on`` are said in version 4 alone; ``pointer`` is where it stands."""

    pointer: str
    number: str
    material: str
    requested: Decimal | None
    confirmed: Decimal | None
    unit: str
    iso_unit: str
    same_unit: bool
    rejected: bool
    delivery_status: str
    requested_on: date | None
    confirmed_on: date | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. Statuses are SAP's letters: of a block A, B (in part), C (wholly); of a process A, B, C (done)."""

    number: str
    customer: str
    customer_po: str
    kind: str
    changed_at: datetime | None
    requested_on: date | None
    amount: Decimal | None
    currency: str
    delivery_block: str
    billing_block: str
    block_status: str
    delivery_block_status: str
    billing_block_status: str
    credit_status: str
    incompletion: str
    item_incompletion: str
    process_status: str
    delivery_status: str
    rejection_status: str
    items: tuple[Item, ...]


def read_order(document: Any) -> Order:
    """The order of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the sales order", remedy=REMEDY)
    top = Fields(document, complaints)
    complaints.refuse()
    order = Order(
        number=number_of(top, "SalesOrder"),
        customer=number_of(top, "SoldToParty", needed=False),
        customer_po=top.text("PurchaseOrderByCustomer"),
        kind=top.text("SalesOrderType", 8),
        changed_at=top.read("LastChangeDateTime", odata.moment, MOMENT),
        requested_on=top.read("RequestedDeliveryDate", odata.day, DAY),
        amount=top.decimal("TotalNetAmount"),
        currency=top.text("TransactionCurrency", 8),
        delivery_block=top.text("DeliveryBlockReason", 8),
        billing_block=top.text("HeaderBillingBlockReason", 8),
        block_status=top.text("TotalBlockStatus", 8),
        delivery_block_status=top.text("OverallDeliveryBlockStatus", 8),
        billing_block_status=top.text("OverallBillingBlockStatus", 8),
        credit_status=top.text("TotalCreditCheckStatus", 8),
        incompletion=top.text("HdrGeneralIncompletionStatus", 8),
        item_incompletion=top.text("OvrlItmGeneralIncompletionSts", 8),
        process_status=top.text("OverallSDProcessStatus", 8),
        delivery_status=top.text("OverallTotalDeliveryStatus", 8) or top.text("OverallDeliveryStatus", 8),
        rejection_status=top.text("OverallSDDocumentRejectionSts", 8),
        items=tuple(_item(one) for name in ("to_Item", "_Item") for one in top.members(name, odata.entities)),
    )
    complaints.refuse()
    return order


def _item(item: Fields) -> Item:
    units = [
        (item.text(f"RequestedQuantity{kind}", 8), item.text(f"OrderQuantity{kind}", 8))
        for kind in ("Unit", "SAPUnit", "ISOUnit")
    ]
    return Item(
        pointer=item.pointer,
        number=number_of(item, "SalesOrderItem"),
        material=item.text("Material") or item.text("Product"),
        requested=item.decimal("RequestedQuantity"),
        confirmed=item.decimal("ConfdDelivQtyInOrderQtyUnit"),
        unit=next((asked for asked, _ in units if asked), ""),
        iso_unit=units[2][0],
        same_unit=all(asked == ordered for asked, ordered in units if asked and ordered),
        rejected=bool(item.text("SalesDocumentRjcnReason", 8)),
        delivery_status=item.text("DeliveryStatus", 8),
        requested_on=item.read("RequestedDeliveryDate", odata.day, DAY),
        confirmed_on=item.read("ConfirmedDeliveryDate", odata.day, DAY),
        amount=item.decimal("NetAmount"),
    )
