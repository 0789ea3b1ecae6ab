"""The lines of an 855 of ours: what each exception makes of its line, and that every quantity is accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from crossdock.mapping import Told
from crossdock.partners import Partner
from mappings.outbound import orders

STATUS: Final = {
    "CRD.HOLD": "IH",
    "FUL.SHORT_PICK": "IQ",
    "INV.ALLOCATION_FAILED": "IB",
    "INV.BACKORDER": "IB",
    "INV.DISCONTINUED": "IR",
    "INV.SHORTAGE": "IB",
    "INV.SUBSTITUTION": "IS",
    "INV.SUPPLIER_DELAY": "DR",
    "MDM.ITEM_UNKNOWN": "R2",
    "MDM.UOM_INCONSISTENT": "R3",
    "ORD.HOLD": "IH",
    "PRC.MISMATCH": "IP",
}
"""ACK01 [668] for the troubles of a line that we tell; others need a ``status`` in the action."""

_TAKES: Final = frozenset({"IB", "ID", "IR", *(f"R{reason}" for reason in range(1, 9))})
"""Statuses that take their quantity off what is accepted; the rest of the line stays."""
_REJECTIONS: Final = frozenset({"IR", "ID", *(f"R{reason}" for reason in range(1, 9))})
_DATED: Final = frozenset({"DR", "IB", "BP", "IA", "IC", "IS", "IQ", "IP"})
_DATE_QUALIFIERS: Final = {"delivery": "067", "ship": "068"}
"""ACK04 [374]: planned delivery and planned shipping, as of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One line with its answers. ``ordered`` is for the hash total."""

    ordered: Decimal
    segments: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What one exception makes of its line."""

    status: str
    quantity: Decimal | None
    elements: dict[int, Any]
    price: Decimal | None


def answered(
    order: orders.Order, told: Sequence[Told], partner: Partner, *, rejects: bool, all_lines: bool
) -> list[Answered]:
    """The lines of the order with what is told of them. Raises ``Unreadable`` for a trouble of a line that the order
    does not have, and for one that has no status."""
    by_number = {line["line_ref"]: line for line in order.lines}
    troubles: dict[str, list[tuple[Told, Mapping[str, Any]]]] = {}
    for one in told:
        for line in one.event["data"].get("lines", ()):
            found = by_number.get(line["line_ref"]) or order.line(line)
            if found is None and order.has_off(line):
                continue  # an accepted change took the line off: nothing is left to be told of it
            if found is None:
                raise orders.refused(
                    f"PO {order.number} has no line {line['line_ref']!r}, which {one.event['data']['code']} is about",
                    "look whether it is another order's trouble; then take the action out of its row",
                )
            troubles.setdefault(found["line_ref"], []).append((one, line))
    return [
        _line(line, troubles.get(line["line_ref"], ()), partner, rejects=rejects)
        for line in order.lines
        if all_lines or line["line_ref"] in troubles
    ]


def _line(
    line: Mapping[str, Any],
    troubles: Sequence[tuple[Told, Mapping[str, Any]]],
    partner: Partner,
    *,
    rejects: bool,
) -> Answered:
    ordered = orders.amount(line, "ordered")
    unit = orders.unit(line, partner)
    said = [_said(one, about, ordered, partner) for one, about in troubles]
    if rejects:
        said = [one for one in said if one.status in _REJECTIONS][:1]
        said = [_Said(status=said[0].status if said else "IR", quantity=None, elements={}, price=None)]
    acks = list(_accounted(said, ordered))
    inside: list[Any] = [("CTP", {3: one.price}) for one in said if one.price is not None][:1]
    for status, quantity, elements in acks:
        counted = {2: quantity, 3: unit} if quantity is not None and unit else {}
        inside.append(("ACK", {1: status, **counted, **elements}))
    po1 = {
        1: orders.line_number(line),
        2: ordered,
        3: unit if ordered is not None else "",
        4: orders.price(line),
        **orders.pairs(6, orders.items(line, partner)),
    }
    return Answered(ordered=ordered or Decimal(0), segments=[("PO1", po1, inside)])


def _said(one: Told, line: Mapping[str, Any], ordered: Decimal | None, partner: Partner) -> _Said:
    event, arguments = one.event, one.arguments or {}
    code = event["data"]["code"]
    status = orders.coded(arguments, "status", "x12-668", partner) or STATUS.get(code, "")
    if not status:
        raise orders.refused(
            f"{code} on line {line['line_ref']!r} has no usual answer: give the action a status of element 668, "
            "as IR (rejected) or IA (accepted)"
        )
    promised = orders.promised(event, arguments)
    if status == "DR" and promised is None:
        status = "SP"  # another date, and none is known
    quantity = orders.amount(line, "affected")
    if status == "IQ":
        quantity = _new_quantity(event, quantity, ordered)
    elif status == "BP" and quantity is not None and ordered is not None:
        quantity = ordered - quantity  # ACK02 of BP is what ships now
    elements: dict[int, Any] = {}
    if promised is not None and status in _DATED:
        elements[4] = _DATE_QUALIFIERS[
            orders.choice(arguments, "date_of", {word: word for word in _DATE_QUALIFIERS}, default="delivery")
        ]
        elements[5] = promised
    if status == "IS":
        elements |= orders.pairs(7, orders.items(line, partner, "substitutes"))
    return _Said(status=status, quantity=quantity, elements=elements, price=_price(event, status))


def _new_quantity(
    event: Mapping[str, Any], affected: Decimal | None, ordered: Decimal | None
) -> Decimal | None:
    for one in orders.variances(event, "quantity"):
        actual = one["actual"]
        if isinstance(actual, Mapping):
            return orders.decimal(actual["value"])
    if affected is None or ordered is None:
        raise orders.refused(f"event {event['id']} does not say how many there will be")
    return ordered - affected


def _price(event: Mapping[str, Any], status: str) -> Decimal | None:
    """Our price, where it is not the ordered one: what a mismatch expects."""
    if status != "IP":
        return None
    for one in orders.variances(event, "unit_price"):
        money = one["expected"] if event["data"]["code"] == "PRC.MISMATCH" else one["actual"]
        if isinstance(money, Mapping):
            return orders.decimal(money["amount"])
    raise orders.refused(f"event {event['id']} does not say our price")


def _accounted(
    said: Sequence[_Said], ordered: Decimal | None
) -> list[tuple[str, Decimal | None, dict[int, Any]]]:
    """The ACKs of a line: they add up to what was ordered. What is taken off comes first, then what the rest is; a
    rest that nothing is said of is accepted."""
    acks: list[tuple[str, Decimal | None, dict[int, Any]]] = []
    rest = ordered
    for one in said:
        if one.status in _TAKES:
            part = one.quantity if one.quantity is not None else rest
            if rest is not None and part is not None:
                part = min(part, rest)
                rest -= part
                if not part and acks:
                    continue  # others took all of it
            acks.append((one.status, part or None, one.elements))
    for one in said:
        if one.status in _TAKES:
            continue
        if one.status in ("IQ", "BP"):
            acks.append((one.status, one.quantity, one.elements))
            rest = Decimal(0) if rest is not None else None
        elif rest is None or rest:
            part = rest if one.quantity is None or rest is None else min(one.quantity, rest)
            acks.append((one.status, part, one.elements))
            rest = rest - part if rest is not None and part is not None else rest
        else:
            acks.append((one.status, None, one.elements))  # it is said of what another answer counts
    if not acks or (rest is not None and rest):
        acks.insert(0, ("IA", rest, {}))
    return acks
