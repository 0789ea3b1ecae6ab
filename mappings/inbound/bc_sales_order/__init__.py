"""A sales order of Dynamics 365 Business Central as it stands: what it waits for, and what of it should have left.

A record says how the order is now. It gives one Fact ``status`` (or ``shipped``, once all of it is), for each kind
of hold an ExceptionEvent or the Fact ``released`` that ends it, and an ExceptionEvent when the day for which it was
wanted has passed.

Where trouble hides: an order in approval is only a status ("In Review"); the customer's card, and not the order,
says that nothing may be shipped to the customer (``blocked``: Ship, Invoice, All); a day that nobody kept shows as
nothing. An order that was shipped and invoiced is deleted, and so is one that a person deletes: both say their id
alone.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Party, Ref, Statement
from canonical.events import Line as LineStatement
from crossdock.partners import MappingContext
from mappings import holds
from mappings.holds import Document, Reason
from mappings.inbound.bc_sales_order.record import Line, Order, read_order
from mappings.records import money
from mappings.variances import date_variance
from mappings.x12 import plain

DOCUMENT: Final = "bc_sales_order"
VERSION: Final = "1"

_IN_APPROVAL: Final = "In Review"
_RELEASED: Final = "Open"
_NOTHING_SHIPPED: Final = ("Ship", "All")
_LAST_ZONE: Final = timedelta(hours=12)
"""A day is over everywhere so long after its midnight in UTC."""


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    order = read_order(document)
    if order.removed:
        yield Fact(
            kind="status",
            refs=[_id(order, context)],
            place={"json_pointer": "/id"},
            attributes={"removed": "true"},
        )
        return
    about = _about(order, context)
    yield _stands(order, about, context)
    reasons = [] if order.fully_shipped else list(_reasons(order))
    unsaid = () if order.customer_said or order.fully_shipped else ("CRD.HOLD",)
    yield from holds.holds(about, reasons, unsaid=unsaid)
    over = (context.received_at - _LAST_ZONE).date()
    if order.fully_shipped is False and order.requested_on is not None and order.requested_on < over:
        yield _late(order, order.requested_on, over, about, context)


def _reasons(order: Order) -> Iterator[Reason]:
    if order.blocked in _NOTHING_SHIPPED:
        yield Reason(
            exception="CRD.HOLD",
            cause="customer_blocked",
            because=f"the customer is blocked ({order.blocked})",
            scheme="bc-customer-blocked",
            code=order.blocked,
            field="customer/blocked",
        )
    elif order.blocked:
        yield Reason(
            exception="ORD.HOLD",
            cause="billing_block",
            because=f"the customer is blocked ({order.blocked})",
            scheme="bc-customer-blocked",
            code=order.blocked,
            field="customer/blocked",
            known=order.blocked == "Invoice",
            goods_move=order.blocked == "Invoice",
        )
    if order.status == _IN_APPROVAL:
        yield Reason(
            exception="ORD.HOLD",
            cause="approval",
            because="somebody must approve it",
            scheme="bc-order-status",
            code=order.status,
            field="status",
        )


def _about(order: Order, context: MappingContext) -> Document:
    refs: list[Ref] = [{"kind": "sales_order", "value": order.number, "issuer": context.tenant}]
    if order.customer_po:
        refs.append({"kind": "customer_po", "value": order.customer_po})
        if order.customer:
            refs[-1]["issuer"] = order.customer
    refs.append(_id(order, context))
    parties: list[Party] = holds.customer(order.customer)
    if parties and order.customer_name:
        parties[0]["name"] = order.customer_name
    whose = order.customer_name or order.customer
    return Document(
        title=f"Order {order.number}" + (f" of {whose}" if whose else ""),
        numbered=order.number,
        refs=refs,
        parties=parties,
        changed_at=order.changed_at,
        place="/number",
        at_risk=money(order.amount, order.currency),
        ext={"id": order.id, "status": order.status},
    )


def _stands(order: Order, about: Document, context: MappingContext) -> Fact:
    said = {
        "status": order.status,
        "requested_on": order.requested_on.isoformat() if order.requested_on else "",
        "complete": "true" if order.fully_shipped else "",
    }
    return Fact(
        kind="shipped" if order.fully_shipped else "status",
        refs=about.refs,
        place={"json_pointer": "/fullyShipped" if order.fully_shipped else "/status"},
        occurred_at=holds.occurred(about),
        parties=about.parties,
        lines=[_line(line, line.shipped, context) for line in order.lines],
        attributes={name: value for name, value in said.items() if value},
    )


def _late(order: Order, wanted: date, over: date, about: Document, context: MappingContext) -> ExceptionEvent:
    left = [
        (line, line.quantity - (line.shipped or Decimal()))
        for line in order.lines
        if line.quantity is not None and (line.shipped or Decimal()) < line.quantity
    ]
    begun = any(line.shipped for line in order.lines)
    shown = "; ".join(f"{plain(open_)} {line.unit} {line.item}".strip() for line, open_ in left[:3])
    what = "is shipped in part" if begun else "is not shipped"
    return ExceptionEvent(
        code="FUL.NO_SHIP_CONFIRM",
        title=f"{about.title} was wanted for {wanted.isoformat()} and {what}"
        + (f", open: {shown}" if shown else ""),
        cause=_why_late(order, begun),
        refs=about.refs,
        place={"json_pointer": "/requestedDeliveryDate"},
        parties=about.parties,
        variances=[date_variance(wanted.isoformat(), over.isoformat())],
        value_at_risk=about.at_risk,
        method="timer",
        ext={"open": {line.number: [line.item, plain(open_), line.unit] for line, open_ in left}},
    )


def _why_late(order: Order, begun: bool) -> str:
    if any(True for _ in _reasons(order)):
        return "held"
    if order.status != _RELEASED:
        return "not_released"
    return "partly_shipped" if begun else "not_shipped"


def _line(line: Line, affected: Decimal | None, context: MappingContext) -> LineStatement:
    unit = line.unit if line.unit in crosswalks.units() else ""
    ordered = None if line.quantity is None else holds.quantity(line.quantity, line.unit, unit)
    said = holds.line(line.number, line.item, ordered, context.tenant)
    if affected is not None:
        said["affected"] = holds.quantity(affected, line.unit, unit)
    return said


def _id(order: Order, context: MappingContext) -> Ref:
    """The id by which Business Central knows the order, also when it says nothing else of it any more."""
    return {"kind": "message", "value": order.id, "issuer": context.tenant}
