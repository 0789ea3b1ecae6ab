"""A sales order of SAP S/4HANA as it stands: what it waits for, and which items have no stock for the day wanted.

A record says how the order is now, not what changed. So each gives one Fact ``status``; for each kind of hold either
an ExceptionEvent or, with the others that are off, the Fact ``released`` that ends it; and for each item either that
stock could not be reserved or, with the others, that none is wanting. Saying it again folds into the open case.

Where a hold hides: the header's delivery block; TotalCreditCheckStatus (B, C: not approved), which blocks with no
block reason at all; blocks of single schedule lines, which show in TotalBlockStatus alone; data that is missing
(incompletion); a billing block, which lets the goods go and keeps the invoice back.
"""

from collections.abc import Iterator
from typing import Any, Final

from canonical.events import ExceptionEvent, Fact, Ref, Statement, Variance
from crossdock.partners import MappingContext
from mappings import holds, sap
from mappings.holds import Document, Reason
from mappings.inbound.sap_sales_order.record import Item, Order, read_order
from mappings.records import money
from mappings.variances import date_variance
from mappings.x12 import plain

DOCUMENT: Final = "sap_sales_order"
VERSION: Final = "1"


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    order = read_order(document)
    about = _about(order, context)
    yield _status(order, about)
    over = sap.DONE in (order.process_status, order.rejection_status)
    yield from holds.holds(about, [] if over else list(_reasons(order)))
    settled: list[Item] = []
    for item in order.items:
        if item.requested is None or item.confirmed is None or not item.same_unit or not item.delivery_status:
            continue  # nothing of it is ever delivered (a text, a service), or the two cannot be compared
        if over or item.rejected:
            settled.append(item)
        elif item.confirmed < item.requested:
            yield _short(order, item, about)
        elif item.confirmed_on and item.requested_on and item.confirmed_on > item.requested_on:
            yield _late(order, item, about)
        else:
            settled.append(item)
    if settled:
        yield _settled(settled, about)


def _reasons(order: Order) -> Iterator[Reason]:
    yield from sap.block("delivery", order.delivery_block, "DeliveryBlockReason")
    if not order.delivery_block:
        yield from sap.blocked_in_part("delivery", order.delivery_block_status, "OverallDeliveryBlockStatus")
        if not order.delivery_block_status and not order.billing_block:
            yield from sap.blocked_in_part("delivery", order.block_status, "TotalBlockStatus")
    yield from sap.credit(order.credit_status)
    yield from sap.block("billing", order.billing_block, "HeaderBillingBlockReason")
    if not order.billing_block:
        yield from sap.blocked_in_part("billing", order.billing_block_status, "OverallBillingBlockStatus")
    header = list(sap.incompletion(order.incompletion, "HdrGeneralIncompletionStatus", "it"))
    yield from header or sap.incompletion(
        order.item_incompletion, "OvrlItmGeneralIncompletionSts", "its items"
    )


def _about(order: Order, context: MappingContext) -> Document:
    refs: list[Ref] = [{"kind": "sales_order", "value": order.number, "issuer": context.tenant}]
    if order.customer_po:
        refs.append({"kind": "customer_po", "value": order.customer_po})
        if order.customer:
            refs[-1]["issuer"] = order.customer
    return Document(
        title=f"Order {order.number}" + (f" of {order.customer}" if order.customer else ""),
        numbered=order.number,
        refs=refs,
        parties=holds.customer(order.customer),
        changed_at=order.changed_at,
        place="/SalesOrder",
        at_risk=money(order.amount, order.currency),
        ext={"order_type": order.kind} if order.kind else None,
    )


def _status(order: Order, about: Document) -> Fact:
    said = {
        "process": order.process_status,
        "delivery": order.delivery_status,
        "rejection": order.rejection_status,
        "credit": order.credit_status,
        "blocks": order.block_status,
        "requested_on": order.requested_on.isoformat() if order.requested_on else "",
    }
    return Fact(
        kind="status",
        refs=about.refs,
        place={"json_pointer": about.place},
        occurred_at=holds.occurred(about),
        parties=about.parties,
        attributes={name: value for name, value in said.items() if value},
    )


def _short(order: Order, item: Item, about: Document) -> ExceptionEvent:
    assert item.requested is not None and item.confirmed is not None
    missing = item.requested - item.confirmed
    variance: Variance = {
        "attribute": "quantity",
        "expected": holds.quantity(item.requested, item.unit, item.iso_unit),
        "actual": holds.quantity(item.confirmed, item.unit, item.iso_unit),
        "delta": plain(item.confirmed - item.requested),
    }
    return ExceptionEvent(
        code="INV.ALLOCATION_FAILED",
        title=f"Order {order.number} item {item.number}: {plain(missing)} of {plain(item.requested)} {item.unit} "
        "are not confirmed",
        cause="not_confirmed",
        refs=about.refs,
        place={"json_pointer": f"{item.pointer}/ConfdDelivQtyInOrderQtyUnit"},
        occurred_at=holds.occurred(about),
        parties=about.parties,
        lines=[{**_line(item, about), "affected": holds.quantity(missing, item.unit, item.iso_unit)}],
        variances=[variance],
        value_at_risk=money(item.amount, order.currency),
    )


def _late(order: Order, item: Item, about: Document) -> ExceptionEvent:
    assert item.requested is not None and item.requested_on is not None and item.confirmed_on is not None
    asked, promised = item.requested_on.isoformat(), item.confirmed_on.isoformat()
    return ExceptionEvent(
        code="INV.ALLOCATION_FAILED",
        title=f"Order {order.number} item {item.number}: confirmed for {promised}, wanted for {asked}",
        cause="confirmed_late",
        refs=about.refs,
        place={"json_pointer": f"{item.pointer}/ConfirmedDeliveryDate"},
        occurred_at=holds.occurred(about),
        parties=about.parties,
        lines=[{**_line(item, about), "affected": holds.quantity(item.requested, item.unit, item.iso_unit)}],
        variances=[date_variance(asked, promised)],
        value_at_risk=money(item.amount, order.currency),
    )


def _settled(items: list[Item], about: Document) -> Fact:
    """No stock is wanting for these items: it is reserved, or nobody wants it any more."""
    lines = []
    for item in items:
        assert item.requested is not None
        affected = holds.quantity(item.requested, item.unit, item.iso_unit)
        lines.append({**_line(item, about), "affected": affected})
    return Fact(
        kind="released",
        refs=about.ours,
        place={"json_pointer": about.place},
        occurred_at=holds.occurred(about),
        parties=about.parties,
        lines=lines,
        attributes={"of": "stock"},
    )


def _line(item: Item, about: Document) -> Any:
    ordered = None if item.requested is None else holds.quantity(item.requested, item.unit, item.iso_unit)
    return holds.line(item.number, item.material, ordered, about.refs[0]["issuer"])
