"""One outbound delivery as SAP S/4HANA writes it, in version 2 of OData (``A_OutbDeliveryHeader``).

Source: API_OUTBOUND_DELIVERY_SRV, version 2. A status that is not said is empty: not relevant.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from crossdock.formats import odata
from mappings.records import Complaints, Fields
from mappings.sap import DAY, REMEDY, number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item, with the order item that it delivers. ``planned``: the quantity before it was picked."""

    pointer: str
    number: str
    order: str
    order_item: str
    material: str
    delivered: Decimal | None
    planned: Decimal | None
    unit: str
    iso_unit: str
    picking_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery. Statuses are SAP's letters: A not begun, B in part, C done."""

    number: str
    customer: str
    ship_to: str
    planned_issue_on: date | None
    issued_on: date | None
    goods_status: str
    picking_status: str
    delivery_block: str
    billing_block: str
    credit_status: str
    incompletion: str
    bill_of_lading: str
    items: tuple[Item, ...]


def read_delivery(document: Any) -> Delivery:
    """The delivery of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the delivery", remedy=REMEDY)
    top = Fields(document, complaints)
    complaints.refuse()
    delivery = Delivery(
        number=number_of(top, "DeliveryDocument"),
        customer=number_of(top, "SoldToParty", needed=False),
        ship_to=number_of(top, "ShipToParty", needed=False),
        planned_issue_on=top.read("PlannedGoodsIssueDate", odata.day, DAY),
        issued_on=top.read("ActualGoodsMovementDate", odata.day, DAY),
        goods_status=top.text("OverallGoodsMovementStatus", 8),
        picking_status=top.text("OverallPickingStatus", 8),
        delivery_block=top.text("DeliveryBlockReason", 8),
        billing_block=top.text("HeaderBillingBlockReason", 8),
        credit_status=top.text("TotalCreditCheckStatus", 8),
        incompletion=top.text("HdrGeneralIncompletionStatus", 8),
        bill_of_lading=top.text("BillOfLading"),
        items=tuple(_item(one) for one in top.members("to_DeliveryDocumentItem", odata.entities)),
    )
    complaints.refuse()
    return delivery


def _item(item: Fields) -> Item:
    return Item(
        pointer=item.pointer,
        number=number_of(item, "DeliveryDocumentItem"),
        order=number_of(item, "ReferenceSDDocument", needed=False),
        order_item=number_of(item, "ReferenceSDDocumentItem", needed=False),
        material=item.text("Material"),
        delivered=item.decimal("ActualDeliveryQuantity"),
        planned=item.decimal("OriginalDeliveryQuantity"),
        unit=item.text("DeliveryQuantityUnit", 8),
        iso_unit=item.text("DeliveryQuantityISOUnit", 8),
        picking_status=item.text("PickingStatus", 8),
    )
