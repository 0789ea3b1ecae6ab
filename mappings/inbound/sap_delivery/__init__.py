"""An outbound delivery of SAP S/4HANA as it stands: shipped, late, short, or waiting for somebody.

A record says how the delivery is now. Posted goods issue is one Fact ``shipped`` for each order that it delivers, and
what was picked short of it an ExceptionEvent a line. A planned goods issue that passed without being posted is an
ExceptionEvent; so is each kind of hold, and those that are off are one Fact ``released``.

Where trouble hides: SAP checks the customer's credit again when the delivery is made and when goods issue is posted,
so an order that was released waits once more, and only the delivery says so; what was picked short shows as a
quantity that is smaller than the original one; a date that nobody kept shows as nothing at all.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from canonical.events import ExceptionEvent, Fact, Line, Ref, Statement, Variance
from crossdock.partners import MappingContext
from mappings import holds, sap
from mappings.holds import Document, Reason
from mappings.inbound.sap_delivery.record import Delivery, Item, read_delivery
from mappings.variances import date_variance
from mappings.x12 import plain

DOCUMENT: Final = "sap_delivery"
VERSION: Final = "1"

_LAST_ZONE: Final = timedelta(hours=12)
"""A day is over everywhere so long after its midnight in UTC."""


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    delivery = read_delivery(document)
    about = _about(delivery, context)
    gone = delivery.goods_status == sap.DONE
    if gone:
        yield from _shipped(delivery, about, context)
    else:
        yield _status(delivery, about)
        over = (context.received_at - _LAST_ZONE).date()
        if delivery.goods_status and delivery.planned_issue_on and delivery.planned_issue_on < over:
            yield _not_issued(delivery, delivery.planned_issue_on, over, about)
    yield from holds.holds(about, [] if gone else list(_reasons(delivery)))
    if gone or delivery.picking_status == sap.DONE:
        for item in delivery.items:
            if item.planned is not None and item.delivered is not None and item.delivered < item.planned:
                yield _short(delivery, item, about, context)


def _reasons(delivery: Delivery) -> Iterator[Reason]:
    yield from sap.block("delivery", delivery.delivery_block, "DeliveryBlockReason")
    yield from sap.credit(delivery.credit_status)
    yield from sap.block("billing", delivery.billing_block, "HeaderBillingBlockReason")
    yield from sap.incompletion(delivery.incompletion, "HdrGeneralIncompletionStatus", "it")


def _about(delivery: Delivery, context: MappingContext) -> Document:
    orders = sorted({item.order for item in delivery.items if item.order})
    refs: list[Ref] = [{"kind": "warehouse_order", "value": delivery.number, "issuer": context.tenant}]
    refs += [{"kind": "sales_order", "value": order, "issuer": context.tenant} for order in orders]
    refs.append({"kind": "delivery", "value": delivery.number, "issuer": context.tenant})
    shown = f" for order {', '.join(orders[:3])}" if orders else ""
    return Document(
        title=f"Delivery {delivery.number}{shown}",
        numbered=f"delivery {delivery.number}",
        refs=refs,
        parties=holds.customer(delivery.customer),
        changed_at=None,
        place="/DeliveryDocument",
    )


def _status(delivery: Delivery, about: Document) -> Fact:
    said = {
        "goods_issue": delivery.goods_status,
        "picking": delivery.picking_status,
        "credit": delivery.credit_status,
        "planned_issue_on": delivery.planned_issue_on.isoformat() if delivery.planned_issue_on else "",
    }
    return Fact(
        kind="status",
        refs=about.refs,
        place={"json_pointer": about.place},
        parties=about.parties,
        attributes={name: value for name, value in said.items() if value},
    )


def _shipped(delivery: Delivery, about: Document, context: MappingContext) -> Iterator[Fact]:
    """One Fact for each order, since lines are numbered by the order that they are of."""
    own: list[Ref] = [ref for ref in about.refs if ref["kind"] != "sales_order"]
    if delivery.bill_of_lading:
        own.append({"kind": "bol", "value": delivery.bill_of_lading})
    orders = [ref for ref in about.refs if ref["kind"] == "sales_order"]
    for order in orders or [None]:
        lines = [
            _line(item, context) for item in delivery.items if order is None or item.order == order["value"]
        ]
        yield Fact(
            kind="shipped",
            refs=[*([order] if order else []), *own],
            place={"json_pointer": about.place},
            occurred_at={"value": delivery.issued_on.isoformat(), "precision": "date"}
            if delivery.issued_on
            else None,
            parties=about.parties,
            lines=lines,
        )


def _not_issued(delivery: Delivery, planned: date, over: date, about: Document) -> ExceptionEvent:
    return ExceptionEvent(
        code="FUL.NO_SHIP_CONFIRM",
        title=f"{about.title}: goods issue was planned for {planned.isoformat()} and is not posted",
        cause=_why_late(delivery),
        refs=about.refs,
        place={"json_pointer": "/PlannedGoodsIssueDate"},
        parties=about.parties,
        variances=[date_variance(planned.isoformat(), over.isoformat())],
        source_codes=[{"scheme": "sap-goods-issue-status", "code": delivery.goods_status, "mapped": True}],
        method="timer",
    )


def _why_late(delivery: Delivery) -> str:
    if any(True for _ in _reasons(delivery)):
        return "held"
    return "not_picked" if delivery.picking_status in ("A", "B") else "not_posted"


def _short(delivery: Delivery, item: Item, about: Document, context: MappingContext) -> ExceptionEvent:
    assert item.planned is not None and item.delivered is not None
    missing = item.planned - item.delivered
    variance: Variance = {
        "attribute": "quantity",
        "expected": holds.quantity(item.planned, item.unit, item.iso_unit),
        "actual": holds.quantity(item.delivered, item.unit, item.iso_unit),
        "delta": plain(item.delivered - item.planned),
    }
    refs = [ref for ref in about.refs if ref["kind"] != "sales_order" or ref["value"] == item.order]
    line: Line = {
        **holds.line(
            item.order_item or item.number,
            item.material,
            holds.quantity(item.planned, item.unit, item.iso_unit),
            context.tenant,
        ),
        "affected": holds.quantity(missing, item.unit, item.iso_unit),
    }
    return ExceptionEvent(
        code="FUL.SHORT_PICK",
        title=f"Delivery {delivery.number} item {item.number}: {plain(missing)} of {plain(item.planned)} "
        f"{item.unit} were not picked",
        refs=refs,
        place={"json_pointer": f"{item.pointer}/ActualDeliveryQuantity"},
        parties=about.parties,
        lines=[line],
        variances=[variance],
    )


def _line(item: Item, context: MappingContext) -> Line:
    line = holds.line(item.order_item or item.number, item.material, None, context.tenant)
    if item.delivered is not None:
        line["affected"] = holds.quantity(item.delivered, item.unit, item.iso_unit)
    return line
