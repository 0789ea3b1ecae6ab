"""860 purchase order change: what we ask of a supplier when an order of ours cannot stay as it is.

X12 004010 and 005010 set 860, segments BCH, N9, MSG, POC, DTM, CTT. Elements 353 (BCH01) and 670 (POC02).

Arguments of the action, all texts:

    change    "cancel_line": the line is taken off (DI); "quantity": another quantity (QD, QI); "date": another date
              (CT); "price": the price that the supplier says is taken (PC); "cancel_order": all of it (BCH01 01). It
              must be said.
    quantity  how many there shall be; without it what is left of the line without what the event is about.
    date      when it shall come, without it the date that is promised; date_of = "ship" when it is the shipping's.
    reason    a sentence for the supplier (N9, MSG).

A change asks for something new, so only what is decided now is in it. Changes of one order are counted (BCH05).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from crossdock.mapping import Aside, Draft, Known, Later, Told
from crossdock.messages import Decision
from mappings.outbound import orders

OPERATION: Final = "x12_860"
VERSION: Final = "1"
DOCUMENT: Final = "x12/860"
ACTION: Final = "change_order"
ANSWERS: Final = ("ordered", "acknowledged", "change_answered", "status")
KNOWS: Final = ("ordered", "acknowledged", "change_requested")
FIELDS: Final = {
    "BCH01": "arguments/change",
    "BCH02": "attributes/order_type",
    "BCH03": "refs/0/value",
    "BCH05": "attributes/change_sequence",
    "BCH06": "attributes/order_date",
    "N903": "arguments/reason",
    "N9/MSG01": "arguments/reason",
    "POC": "lines/*",
    "POC01": "lines/*/line_ref",
    "POC02": "arguments/change",
    "POC03": "lines/*/ordered/value",
    "POC05": "lines/*/ordered/uom",
    "POC06": "lines/*/unit_price/amount",
    "POC08": "lines/*/item_ids/0/scheme",
    "POC09": "lines/*/item_ids/0/value",
    "POC/DTM02": "arguments/date",
}
"""From what each element is, for an AK4 that complains of it."""

_CHANGES: Final = {word: word for word in ("cancel_line", "quantity", "date", "price", "cancel_order")}
_DATES: Final = {"delivery": "002", "ship": "010"}
"""DTM01 [374]: delivery and shipping as asked for."""
_STAND_ALONE: Final = "SA"
"""BCH02 [92] where the order told no type."""


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The change that the event asks for. Raises ``Unreadable`` when it lacks what is needed."""
    order = _order(event, known)
    told = [one for one in orders.told(event, arguments, known) if one.now]
    changes = [(one, orders.choice(one.arguments or {}, "change", _CHANGES)) for one in told]
    cancels = any(change == "cancel_order" for _, change in changes)
    lines = [] if cancels else _lines(order, changes, known)
    before = orders.stated(known, "change_requested", order.ref, "out")
    segments: list[Any] = [
        (
            "BCH",
            {
                1: "01" if cancels else "04",
                2: order.attributes.get("order_type") or _STAND_ALONE,
                3: order.number,
                4: order.attributes.get("release"),
                5: Aside(str(_sequence(before))),
                6: order.date,
                11: Later.TODAY,
            },
        )
    ]
    segments += orders.note(arguments)
    segments += lines
    if lines:
        segments.append(("CTT", [len(lines)]))
    return Draft(set_id="860", subject=order.subject, segments=segments)


def _order(event: Mapping[str, Any], known: Known) -> orders.Order:
    """Our order: a copy of our 850 where there is one, else as the supplier acknowledged it."""
    what = "we placed"
    try:
        return orders.order_of(event, known, "supplier_po", facts=("ordered",), direction="out", what=what)
    except orders.Unreadable:
        return orders.order_of(
            event, known, "supplier_po", facts=("acknowledged",), direction="in", what=what
        )


def _sequence(before: Sequence[Mapping[str, Any]]) -> int:
    """The number of the next change: one more than the highest that we used for this order."""
    used = [fact["data"].get("attributes", {}).get("change_sequence", "") for fact in before]
    return max((int(one) for one in used if one.isascii() and one.isdigit()), default=0) + 1


def _lines(order: orders.Order, changes: Sequence[tuple[Told, str]], known: Known) -> list[Any]:
    found: list[Any] = []
    seen: set[tuple[str, str]] = set()
    for one, change in changes:
        about = one.event["data"].get("lines", ())
        if not about:
            raise orders.refused(
                f"{one.event['data']['code']} names no line of PO {order.number}, and {change!r} is about one; "
                "change = 'cancel_order' is about the whole order"
            )
        for line in about:
            ordered = order.line(line) or line
            if (ordered["line_ref"], change) not in seen:
                seen.add((ordered["line_ref"], change))
                found.append(_line(one, change, ordered, line, known))
    return found


def _line(one: Told, change: str, ordered: Mapping[str, Any], line: Mapping[str, Any], known: Known) -> Any:
    partner, arguments = known.partner, one.arguments or {}
    before = orders.amount(ordered, "ordered")
    quantity, price, code = before, orders.price(ordered), "DI"
    inside: list[Any] = []
    if change == "quantity":
        quantity = _quantity(arguments, before, line)
        code = "QI" if before is not None and quantity > before else "QD"
    elif change == "date":
        date = orders.promised(one.event, arguments)
        if date is None:
            raise orders.refused(
                f"nothing says when line {line['line_ref']!r} shall come: no date is promised; give the action a date"
            )
        kind = orders.choice(arguments, "date_of", {word: word for word in _DATES}, default="delivery")
        code, inside = "CT", [("DTM", [_DATES[kind], date])]
    elif change == "price":
        code, price = "PC", _price(one.event)
    poc = {
        1: orders.line_number(ordered),
        2: code,
        3: quantity,
        5: orders.unit(ordered, partner) if quantity is not None else "",
        6: price,
        **orders.pairs(8, orders.items(ordered, partner)),
    }
    return ("POC", poc, inside)


def _quantity(arguments: Mapping[str, Any], before: Decimal | None, line: Mapping[str, Any]) -> Decimal:
    if said := arguments.get("quantity"):
        return orders.decimal(said)
    affected = orders.amount(line, "affected")
    if before is None or affected is None:
        raise orders.refused(
            f"nothing says how many of line {line['line_ref']!r} there shall be; give the action a quantity"
        )
    if affected >= before:
        raise orders.refused(
            f"nothing would be left of line {line['line_ref']!r}; say change = 'cancel_line' to take it off"
        )
    return before - affected


def _price(event: Mapping[str, Any]) -> Decimal:
    for one in orders.variances(event, "unit_price"):
        if isinstance(one["actual"], Mapping):
            return orders.decimal(one["actual"]["amount"])
    raise orders.refused(f"event {event['id']} does not say the supplier's price")
