"""870 order status report: how far we are with a customer's order, and what keeps it.

X12 004010 and 005010 set 870, segments BSR, HL, PRF, PO1, ISR, QTY. Elements 850 (BSR01), 847 (BSR02), 368 (ISR01)
and 641 (ISR03).

Arguments of the action, all texts:

    status    ISR01 of what the event is about, instead of the usual one for its code.
    why       ISR03, instead of the one that says the event's cause.
    date      the promised date, instead of the event's.

Every exception that was told by an 870 and is still open is told again. The answer to an inquiry (869) tells every
open exception that has a status; where there is none, the action must say the status of the order. Lines are those of
the order as it stands, with the changes (860) that we accepted.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from canonical import crosswalks
from crossdock.mapping import Draft, Known, Later, Told
from crossdock.messages import Decision
from mappings.outbound import orders

OPERATION: Final = "x12_870"
VERSION: Final = "1"
DOCUMENT: Final = "x12/870"
ACTION: Final = "report_status"
ANSWERS: Final = ("inquired", "ordered")
KNOWS: Final = ("ordered", "inquired", "status", "change_requested", "change_answered")
FIELDS: Final = {
    "BSR08": "attributes/inquiry_number",
    "HL/PRF01": "refs/0/value",
    "HL/PRF04": "attributes/order_date",
    "HL/ISR01": "arguments/status",
    "HL/PO1": "lines/*",
    "HL/PO101": "lines/*/line_ref",
    "HL/PO102": "lines/*/ordered/value",
    "HL/PO1/ISR": "lines/*/status",
    "HL/PO1/ISR02": "lines/*/variances/date",
    "HL/PO1/ISR03": "lines/*/cause",
    "HL/PO1/ISR/QTY02": "lines/*/affected/value",
}
"""From what each element is, for an AK4 that complains of it."""

STATUS: Final = {
    "CRD.HOLD": "IN",
    "FUL.SHIP_DATE_CHANGED": "LM",
    "FUL.SHORT_PICK": "CP",
    "INV.BACKORDER": "BO",
    "INV.DISCONTINUED": "DI",
    "INV.SHORTAGE": "DS",
    "INV.SUBSTITUTION": "IS",
    "INV.SUPPLIER_DELAY": "LM",
    "ORD.HOLD": "IN",
    "RSK.LATE_ORDER": "LM",
    "SHP.DELAY": "LM",
}
"""ISR01 [368] for the troubles that we report; others need a ``status`` in the action."""

_WHY: Final = {"CRD.HOLD": "C02", "ORD.HOLD": "W04"}
"""ISR03 [641] where the code itself says why."""

_INQUIRY: Final = "ORD.INQUIRY_OVERDUE"
_ANSWER, _UNSOLICITED = "1", "3"
_SOME_ITEMS, _ALL_ITEMS = "PP", "PA"


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The report on the order that the event is about. Raises ``Unreadable`` when it lacks what is needed."""
    order = orders.order_of(
        event, known, "customer_po", facts=("ordered", "inquired"), direction="in", what="a customer placed"
    )
    order = orders.as_it_stands(order, known)
    inquiry = _inquiry(order, known)
    told = orders.told(event, arguments, known)
    if inquiry is not None or event["data"]["code"] == _INQUIRY:
        mine = {one.event["id"] for one in told}
        told += [one for one in known.told if one.event["id"] not in mine and _is_reported(one)]
    whole: list[Any] = []
    lines: dict[str, Any] = {}
    for one in told:
        about = one.event["data"].get("lines", ())
        if not about:
            if one.event["data"]["code"] != _INQUIRY or (one.arguments or {}).get("status"):
                whole.append(_status(one, None, known))
            continue
        for line in about:
            if order.has_off(line):
                continue  # an accepted change took the line off
            ordered = order.line(line) or line
            lines.setdefault(ordered["line_ref"], (ordered, []))[1].append(_status(one, line, known))
    if not whole and not lines:
        raise orders.refused(
            f"nothing that is open says how far PO {order.number} is: give the action a status of element 368, as IN "
            "(in process) or CC (shipped complete)"
        )
    segments: list[Any] = [
        (
            "BSR",
            {
                1: _ANSWER if inquiry is not None else _UNSOLICITED,
                2: _SOME_ITEMS if lines else _ALL_ITEMS,
                3: Later.NUMBER,
                4: Later.TODAY,
                8: inquiry,
            },
        ),
        (
            "HL",
            {1: "1", 3: "O", 4: "0"},
            [
                ("PRF", {1: order.number, 2: order.attributes.get("release"), 4: order.date}),
                *whole,
                *(_line(line, statuses, known) for line, statuses in lines.values()),
            ],
        ),
    ]
    return Draft(set_id="870", subject=order.subject, segments=segments)


def _inquiry(order: orders.Order, known: Known) -> str | None:
    """The number of the inquiry that is not answered yet; empty where it had none, ``None`` where nobody asked."""
    asked = orders.stated(known, "inquired", order.ref, "in")
    if not asked:
        return None
    answered = orders.stated(known, "status", order.ref, "out")
    last = asked[-1]["data"]
    if answered and answered[-1]["data"]["provenance"]["received_at"] > last["provenance"]["received_at"]:
        return None
    number: str = last.get("attributes", {}).get("inquiry_number", "")
    return number


def _is_reported(one: Told) -> bool:
    return one.event["data"]["code"] in STATUS


def _line(line: Mapping[str, Any], statuses: Sequence[Any], known: Known) -> Any:
    quantity = orders.amount(line, "ordered")
    po1 = {
        1: orders.line_number(line),
        2: quantity,
        3: orders.unit(line, known.partner) if quantity is not None else "",
        4: orders.price(line),
        **orders.pairs(6, orders.items(line, known.partner)),
    }
    return ("PO1", po1, list(statuses))


def _status(one: Told, line: Mapping[str, Any] | None, known: Known) -> Any:
    event, arguments = one.event, one.arguments or {}
    code = event["data"]["code"]
    status = orders.coded(arguments, "status", "x12-368", known.partner) or STATUS.get(code, "")
    if not status:
        raise orders.refused(
            f"{code} has no usual status: give the action a status of element 368, as IN (in process) or BO "
            "(backordered)"
        )
    why = (
        orders.coded(arguments, "why", "x12-641", known.partner)
        or _WHY.get(code)
        or _reasons().get(event["data"].get("cause", ""), "")
    )
    inside: list[Any] = []
    if line is not None and status == "BO" and (affected := orders.amount(line, "affected")) is not None:
        unit = orders.unit(line, known.partner, "affected")
        inside.append(("QTY", ["BQ", affected, *([unit] if unit else [])]))
    return ("ISR", {1: status, 2: orders.promised(event, arguments), 3: why}, inside)


@cache
def _reasons() -> Mapping[str, str]:
    """The reason [641] that says a cause: the first of the list that does."""
    found: dict[str, str] = {}
    for code, row in crosswalks.lists()["x12-641"].rows.items():
        if row.cause is not None:
            found.setdefault(row.cause, code)
    return found
