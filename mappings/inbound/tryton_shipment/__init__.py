"""A shipment of Tryton to a customer as it stands: on its way through the warehouse, short, overdue, or gone.

A record says how the shipment is now. One that left is one Fact ``shipped`` for each order that it delivers, and an
ExceptionEvent when that was later than first planned. One that is still here is a Fact ``status``, an ExceptionEvent
a line for what the warehouse could not reserve, and one when its day has passed.

Where trouble hides: a shipment that could not be reserved in full says ``waiting``, as one that nobody has looked at
yet. Which lines are short shows in the moves inside the warehouse alone: those that are still ``draft`` beside others
that are ``assigned``. One of which nothing could be reserved shows no difference at all from one that nobody has
tried, and is told when its day has passed.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from canonical.events import ExceptionEvent, Fact, Line, Party, Ref, Statement
from crossdock.partners import MappingContext
from mappings import tryton
from mappings.inbound.tryton_shipment.record import Outgoing, Shipment, read_shipment
from mappings.records import at
from mappings.variances import date_variance
from mappings.x12 import plain

DOCUMENT: Final = "tryton_shipment"
VERSION: Final = "1"

GONE: Final = ("shipped", "done")
WAITING: Final = "waiting"
HERE: Final = (WAITING, "assigned", "picked", "packed")

_LAST_ZONE: Final = timedelta(hours=12)
"""A day is over everywhere so long after its midnight in UTC."""


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    shipment = read_shipment(document)
    if shipment.state in GONE:
        yield from _shipped(shipment, context)
        if shipment.first_planned_on and shipment.left_on and shipment.left_on > shipment.first_planned_on:
            yield _late(shipment, shipment.first_planned_on, shipment.left_on, context)
        return
    yield _status(shipment, context)
    if shipment.state not in HERE:
        return
    if shipment.state == WAITING and shipment.partially_assigned:
        for move in shipment.moves:
            if (missing := shipment.missing(move)) > 0:
                yield _short(shipment, move, missing, context)
    over = (context.received_at - _LAST_ZONE).date()
    if shipment.planned_on is not None and shipment.planned_on < over:
        yield _overdue(shipment, shipment.planned_on, over, context)


def _shipped(shipment: Shipment, context: MappingContext) -> Iterator[Fact]:
    """One Fact for each order, since lines are numbered by the order that they are of."""
    for order in shipment.orders or ("",):
        moves = [one for one in shipment.moves if one.order == order or not shipment.orders]
        yield Fact(
            kind="shipped",
            refs=_refs(shipment, context, order),
            place={"json_pointer": "/state"},
            occurred_at={"value": shipment.left_on.isoformat(), "precision": "date"}
            if shipment.left_on
            else at(shipment.changed_at),
            parties=_customer(shipment),
            lines=[
                {
                    **tryton.line(one.line, one.product, context.tenant),
                    "affected": tryton.quantity(one.quantity, one.unit),
                }
                for one in moves
            ],
        )


def _status(shipment: Shipment, context: MappingContext) -> Fact:
    said = {
        "state": shipment.state,
        "planned_on": shipment.planned_on.isoformat() if shipment.planned_on else "",
        "first_planned_on": shipment.first_planned_on.isoformat() if shipment.first_planned_on else "",
        "warehouse": shipment.warehouse,
    }
    return Fact(
        kind="status",
        refs=_refs(shipment, context),
        place={"json_pointer": "/state"},
        occurred_at=at(shipment.changed_at),
        parties=_customer(shipment),
        attributes={name: value for name, value in said.items() if value},
    )


def _short(shipment: Shipment, move: Outgoing, missing: Decimal, context: MappingContext) -> ExceptionEvent:
    line: Line = {
        **tryton.line(move.line, move.product, context.tenant),
        "ordered": tryton.quantity(move.quantity, move.unit),
        "affected": tryton.quantity(missing, move.unit),
    }
    return ExceptionEvent(
        code="INV.ALLOCATION_FAILED",
        title=f"{plain(missing)} of {plain(move.quantity)} {move.product or 'a line'} could not be reserved for "
        f"shipment {shipment.number}",
        cause="partly_reserved" if missing < move.quantity else "nothing_reserved",
        refs=_refs(shipment, context, move.order),
        place={"json_pointer": move.pointer},
        occurred_at=at(shipment.changed_at),
        parties=_customer(shipment),
        lines=[line],
        variances=[
            {
                "attribute": "quantity",
                "expected": tryton.quantity(move.quantity, move.unit),
                "actual": tryton.quantity(move.quantity - missing, move.unit),
                "delta": plain(-missing),
            }
        ],
        source_codes=[{"scheme": "tryton-shipment-state", "code": shipment.state, "mapped": True}],
        ext=_ext(shipment),
    )


def _overdue(shipment: Shipment, planned: date, over: date, context: MappingContext) -> ExceptionEvent:
    return ExceptionEvent(
        code="FUL.NO_SHIP_CONFIRM",
        title=f"Shipment {shipment.number} was planned for {planned.isoformat()} and has not left: "
        f"it is {shipment.state}",
        cause="not_reserved" if shipment.state == WAITING else "not_shipped",
        refs=_refs(shipment, context),
        place={"json_pointer": "/planned_date"},
        occurred_at=at(shipment.changed_at),
        parties=_customer(shipment),
        variances=[date_variance(planned.isoformat(), over.isoformat())],
        source_codes=[{"scheme": "tryton-shipment-state", "code": shipment.state, "mapped": True}],
        method="timer",
        ext=_ext(shipment),
    )


def _late(shipment: Shipment, planned: date, left: date, context: MappingContext) -> ExceptionEvent:
    return ExceptionEvent(
        code="FUL.SHIP_DATE_CHANGED",
        title=f"Shipment {shipment.number} left on {left.isoformat()}, and was first planned for "
        f"{planned.isoformat()}",
        cause="late",
        refs=_refs(shipment, context),
        place={"json_pointer": "/effective_date"},
        occurred_at={"value": left.isoformat(), "precision": "date"},
        parties=_customer(shipment),
        variances=[date_variance(planned.isoformat(), left.isoformat())],
        source_codes=[{"scheme": "tryton-shipment-state", "code": shipment.state, "mapped": True}],
        ext=_ext(shipment),
    )


def _ext(shipment: Shipment) -> dict[str, Any]:
    ext = {"shipment": shipment.number, "state": shipment.state, "warehouse": shipment.warehouse}
    if shipment.planned_on:
        ext["planned_on"] = shipment.planned_on.isoformat()
    return {name: value for name, value in ext.items() if value}


def _refs(shipment: Shipment, context: MappingContext, order: str | None = None) -> list[Ref]:
    """The shipment's own numbers, then those of its orders. ``order``: that one first, and no other."""
    orders = shipment.orders if order is None else tuple(filter(None, [order]))
    refs: list[Ref] = [{"kind": "sales_order", "value": one, "issuer": context.tenant} for one in orders]
    own: list[Ref] = [
        {"kind": "shipment", "value": shipment.number, "issuer": context.tenant},
        {"kind": "warehouse_order", "value": shipment.number, "issuer": context.tenant},
    ]
    return [*refs, *own] if order is not None else [*own, *refs]


def _customer(shipment: Shipment) -> list[Party]:
    if not shipment.customer:
        return []
    party: Party = {"role": "customer", "ids": [{"scheme": "internal", "value": shipment.customer}]}
    if shipment.customer_name:
        party["name"] = shipment.customer_name
    return [party]
