"""855 purchase order acknowledgment: what we answer to a customer's order.

X12 004010 and 005010 set 855, segments BAK, CUR, N9, MSG, PO1, CTP, ACK, CTT. Elements 587 (BAK02) and 668 (ACK01).

Arguments of the action, all texts:

    type      BAK02. AK or AT: accepted, no lines; AD: accepted, all lines as they were ordered; AC: all lines, with
              what changes; AE: only the lines that change; AH: on hold; RJ, RN, RV: rejected, no lines; RD: rejected,
              all lines; RF: rejected, the lines that are why. Without it AC where lines have troubles, AH for a hold.
    lines     "as_ordered": every line is accepted as it was ordered, whatever is wrong with it.
    status    ACK01 of the lines of this exception, instead of the usual one for its code.
    date      the promised date of those lines, instead of the event's; date_of = "ship" when it is the shipping's.
    reason    a sentence for the customer (N9, MSG).

What is said of the order is all that is known: every exception that was told by an 855 and is still open is told
again, for an acknowledgment speaks of the whole order. One that comes after another replaces it (BAK01 05). Its lines
are those of the order as it stands: with the changes (860) that we accepted, and without those that we did not.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Aside, Draft, Known, Later
from crossdock.messages import Decision
from mappings.outbound import orders
from mappings.outbound.x12_855.lines import Answered, answered

OPERATION: Final = "x12_855"
VERSION: Final = "1"
DOCUMENT: Final = "x12/855"
ACTION: Final = "acknowledge"
ANSWERS: Final = ("ordered",)
KNOWS: Final = ("ordered", "acknowledged", "change_requested", "change_answered")
FIELDS: Final = {
    "BAK02": "arguments/type",
    "BAK03": "refs/0/value",
    "BAK04": "attributes/order_date",
    "BAK08": "refs/sales_order",
    "CUR02": "attributes/currency",
    "N903": "arguments/reason",
    "N9/MSG01": "arguments/reason",
    "PO1": "lines/*",
    "PO101": "lines/*/line_ref",
    "PO102": "lines/*/ordered/value",
    "PO103": "lines/*/ordered/uom",
    "PO104": "lines/*/unit_price/amount",
    "PO106": "lines/*/item_ids/0/scheme",
    "PO107": "lines/*/item_ids/0/value",
    "PO108": "lines/*/item_ids/1/scheme",
    "PO109": "lines/*/item_ids/1/value",
    "PO1/CTP03": "lines/*/variances/unit_price",
    "PO1/ACK": "lines/*/status",
    "PO1/ACK02": "lines/*/affected/value",
    "PO1/ACK03": "lines/*/affected/uom",
    "PO1/ACK05": "lines/*/variances/date",
    "PO1/ACK08": "lines/*/substitutes/0/value",
}
"""From what each element is, for an AK4 that complains of it."""

TYPES: Final = ("AC", "AD", "AE", "AH", "AK", "AT", "RD", "RF", "RJ", "RN", "RV")
_ALL_LINES: Final = frozenset({"AC", "AD", "RD"})
_TROUBLED_LINES: Final = frozenset({"AE", "RF"})
_REJECTS: Final = frozenset({"RD", "RF"})
_HOLDS: Final = frozenset({"CRD.HOLD", "ORD.HOLD", "SHP.ADDRESS_INVALID"})
"""Troubles of a whole order that put it on hold."""


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The acknowledgment of the order that the event is about. Raises ``Unreadable`` when it lacks what is needed."""
    order = orders.order_of(
        event, known, "customer_po", facts=("ordered",), direction="in", what="a customer placed"
    )
    order = orders.as_it_stands(order, known)
    if order.cancelled:
        raise orders.refused(
            f"PO {order.number} was cancelled, and we agreed: there is nothing left to acknowledge",
            "take the action out of the row of the decision table that matched, or wait for another order",
        )
    plain = arguments.get("lines") == "as_ordered"
    if not plain and arguments.get("lines"):
        raise orders.refused(
            f"the action says lines = {arguments['lines']!r}; it is 'as_ordered' or not given"
        )
    told = orders.told(event, arguments, known)
    kind = _kind(event, arguments, told, plain=plain)
    lines: list[Answered] = []
    if kind in _ALL_LINES or kind in _TROUBLED_LINES:
        accepts = plain or kind == "AD"
        lines = answered(
            order,
            () if accepts else told,
            known.partner,
            rejects=kind in _REJECTS,
            all_lines=kind in _ALL_LINES,
        )
        if not lines:
            raise orders.refused(
                f"an 855 of type {kind} lists lines, and PO {order.number} has none that could be listed"
            )
    before = orders.stated(known, "acknowledged", order.ref, "out")
    segments: list[Any] = [
        (
            "BAK",
            {
                1: Aside("05" if before else "00"),
                2: kind,
                3: order.number,
                4: order.date,
                5: order.attributes.get("release"),
                7: order.attributes.get("contract"),
                8: order.sales_order,
                9: Later.TODAY,
            },
        )
    ]
    if currency := order.attributes.get("currency"):
        segments.append(("CUR", ["BY", currency]))
    segments += orders.note(arguments)
    for line in lines:
        segments += line.segments
    if lines:
        segments.append(("CTT", {1: len(lines), 2: sum((line.ordered for line in lines), orders.decimal(0))}))
    return Draft(set_id="855", subject=order.subject, segments=segments)


def _kind(event: Mapping[str, Any], arguments: Mapping[str, Any], told: list[Any], *, plain: bool) -> str:
    """BAK02: what the action says, else what the troubles that are told make of it."""
    kind = str(arguments.get("type") or "")
    if kind:
        if kind not in TYPES:
            raise orders.refused(
                f"the action says type = {kind!r}; an 855 of ours is one of {', '.join(TYPES)}"
            )
        return kind
    if plain:
        return "AD"
    if any(one.event["data"].get("lines") for one in told):
        return "AC"
    if any(one.event["data"]["code"] in _HOLDS for one in told):
        return "AH"
    raise orders.refused(
        f"{event['data']['code']} names no line, and the action does not say what to answer: give it a type "
        "(AD accepts the order as it is, AH puts it on hold, RJ rejects it)"
    )
