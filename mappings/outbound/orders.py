"""What documents about an order share: which order, its lines, and how its words are said in X12 again.

An order was read by an inbound mapping, so what is written here is the way back: a unit of Recommendation 20 becomes
the code [355] that it came as, a product number gets a qualifier [235]. Where several qualifiers mean the same (IN
and BP are both the buyer's number) the partner's profile decides, by its own ``codes``; else the list below.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from canonical import crosswalks
from canonical.events import Ref, reference_key
from crossdock.errors import Unreadable
from crossdock.mapping import Known, Told
from crossdock.partners import Partner
from mappings.outbound import standing
from mappings.outbound.standing import same_line

Document = Mapping[str, Any]
Line = Mapping[str, Any]

ROW: Final = "correct the action in the row of the decision table that matched, then decide the case again"
COPIES: Final = frozenset({"01", "06", "07", "22"})
"""BEG01 of what is no order to be answered: a cancellation, a confirmation, a duplicate, a copy for information."""

_CANCELLATION: Final = "01"
"""BEG01 of an 850 that takes an order back."""

_PREFERRED: Final = {
    "buyer-item": "BP", "vendor-item": "VP", "ndc": "ND", "upc-case": "UA", "mutually-defined": "ZZ",
}  # fmt: skip
_MOST_PAIRS: Final = 10
"""PO106 to PO125 are ten pairs of a qualifier and a number."""
_LONGEST_NOTE, _LONGEST_MESSAGE = 45, 264
"""N903 and MSG01."""
_BARE: Final = "position:"
"""The reference of a line that had neither a number nor a product: it is nobody's number."""


def refused(sentence: str, remedy: str = ROW) -> Unreadable:
    """Why nothing can be written."""
    return Unreadable(sentence, code="EDI.MAP_FAILURE", remedy=remedy)


# -- which order ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as it was said: its reference, and the fact that states it.

    ``as_it_stands`` brings it up to date: ``off`` are lines that an accepted change took off, and ``cancelled`` is an
    order that nobody wants any more, as we agreed.
    """

    ref: Ref
    fact: Document
    lines: Sequence[Line]
    off: Sequence[Line] = ()
    cancelled: bool = False

    @property
    def number(self) -> str:
        return self.ref["value"]

    @property
    def subject(self) -> str:
        """``customer_po/PO-77``."""
        return f"{self.ref['kind']}/{self.number}"

    @property
    def attributes(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.fact["data"].get("attributes", {})
        return found

    @property
    def date(self) -> date:
        """The day of the order; of one that told none, the day on which it was received."""
        said = self.attributes.get("order_date") or self.fact["data"]["provenance"]["received_at"]
        return date.fromisoformat(said[:10])

    @property
    def sales_order(self) -> str:
        """The seller's own number, where the order is known by it."""
        return next((ref["value"] for ref in self.fact["data"]["refs"] if ref["kind"] == "sales_order"), "")

    def line(self, wanted: Line) -> Line | None:
        """The line of the order that another line speaks of: by its number, else by a product that only one has."""
        return same_line(wanted, self.lines)

    def has_off(self, wanted: Line) -> bool:
        """Whether another line speaks of one that was taken off: then nothing is left to be said of it."""
        return self.cancelled or (self.line(wanted) is None and same_line(wanted, self.off) is not None)


def order_of(
    event: Document, known: Known, kind: str, *, facts: Sequence[str], direction: str, what: str
) -> Order:
    """The order that an event is about, as the newest of these facts states it. Raises ``Unreadable``: no such order.

    ``kind`` is customer_po or supplier_po; ``facts`` come in order of preference.
    """
    wanted = {reference_key(ref) for ref in event["data"]["refs"]}
    for name in facts:
        stated = [
            fact
            for fact in known.facts
            if fact["data"]["kind"] == name
            and _direction(fact) == direction
            and not wanted.isdisjoint(map(reference_key, fact["data"]["refs"]))
            and any(ref["kind"] == kind for ref in fact["data"]["refs"])
        ]
        real = [fact for fact in stated if fact["data"].get("attributes", {}).get("purpose") not in COPIES]
        for fact in reversed(real or stated):
            ref = next(ref for ref in fact["data"]["refs"] if ref["kind"] == kind)
            return Order(ref=ref, fact=fact, lines=fact["data"].get("lines", ()))
    raise refused(
        f"event {event['id']} is about no order that {what}: no document of {known.partner.name!r} here states one "
        f"with its numbers ({', '.join(sorted(wanted))})",
        "wait for the order, or take the action out of the row of the decision table that matched",
    )


def as_it_stands(order: Order, known: Known, *, but: Document | None = None) -> Order:
    """The order with every change of it that we accepted; ``but``: this one excepted. One that nobody placed here (an
    inquiry alone is known) is left as it was said."""
    if order.fact["data"]["kind"] != "ordered":
        return order
    asked = stated(known, "change_requested", order.ref, "in")
    asked += [one for one in stated(known, "ordered", order.ref, "in") if _purpose(one) == _CANCELLATION]
    asked = [one for one in asked if but is None or one["id"] != but["id"]]
    answers = stated(known, "change_answered", order.ref, "out")
    return standing.changed(order, standing.accepted(order, asked, answers, known.partner))


def _purpose(fact: Document) -> str:
    said: str = fact["data"].get("attributes", {}).get("purpose", "")
    return said


def newest(known: Known, ref: Ref, kind: str, direction: str) -> Document | None:
    """The newest fact of a kind about this number that is no copy and no cancellation; ``None``: there is none."""
    real = [
        fact
        for fact in stated(known, kind, ref, direction)
        if fact["data"].get("attributes", {}).get("purpose") not in COPIES
    ]
    return real[-1] if real else None


def _direction(fact: Document) -> str:
    said: str = fact["data"].get("attributes", {}).get("direction", "in")
    return said


def stated(known: Known, kind: str, ref: Ref, direction: str) -> list[Document]:
    """The facts of a kind about this number, oldest first."""
    key = reference_key(ref)
    return [
        fact
        for fact in known.facts
        if fact["data"]["kind"] == kind
        and _direction(fact) == direction
        and key in map(reference_key, fact["data"]["refs"])
    ]


def told(event: Document, arguments: Mapping[str, Any], known: Known) -> list[Told]:
    """The exceptions that are told by this document: those whose decision wants it, this one first where nobody else
    knows it."""
    found = [one for one in known.told if one.arguments is not None]
    if not any(one.event["id"] == event["id"] for one in found):
        found.insert(0, Told(event=event, arguments=arguments, now=True))
    return found


# -- words ------------------------------------------------------------------------------------------------------


def decimal(text: Any) -> Decimal:
    """A number of a quantity or an amount. Raises ``Unreadable`` for what is none."""
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        raise refused(f"{str(text)[:40]!r} is no number") from None
    if not number.is_finite():
        raise refused(f"{str(text)[:40]!r} is no number")
    return number


def amount(line: Line, name: str) -> Decimal | None:
    """The quantity of a line under this name, or ``None``."""
    found = line.get(name)
    return decimal(found["value"]) if found else None


def unit(line: Line, partner: Partner, name: str = "ordered") -> str:
    """The unit [355] of a line's quantity: as it came, else the code of its unit."""
    quantity = line.get(name)
    if not quantity:
        return ""
    if quantity.get("uom_scheme_source") == "x12-355" and quantity.get("uom_source"):
        return str(quantity["uom_source"])
    ours = quantity["uom"]
    if ours == "C62":
        return ""
    code = _code("x12-355", ours, partner)
    if code is None:
        raise refused(
            f"the unit {ours!r} has no code of element 355; add one under [codes.x12-355] to the profile of "
            f"{partner.name!r}",
            "add the code to the partner's profile, then decide the case again",
        )
    return code


def items(line: Line, partner: Partner, name: str = "item_ids") -> list[str]:
    """The product numbers of a line as pairs of qualifier [235] and number. One without a known qualifier is left
    out."""
    found: list[str] = []
    for item in line.get(name, ())[:_MOST_PAIRS]:
        qualifier = _qualifier(str(item.get("scheme", "")), partner)
        if qualifier:
            found += [qualifier, item["value"]]
    return found


def pairs(first: int, values: Sequence[str]) -> dict[int, str]:
    """Pairs as elements from this number on."""
    return dict(enumerate(values, first))


def line_number(line: Line) -> str:
    """PO101 and the like: the line's own number, empty where it had none and is known by its product or place."""
    ref: str = line["line_ref"]
    products = line.get("item_ids", ())
    return "" if ref.startswith(_BARE) or (products and ref == products[0]["value"]) else ref


def price(line: Line) -> Decimal | None:
    """The unit price of a line, or ``None``."""
    money = line.get("unit_price")
    return decimal(money["amount"]) if money else None


def note(arguments: Mapping[str, Any]) -> list[Any]:
    """The ``reason`` of the action as a note (N9, and MSG where it is long); nothing where it says none."""
    reason = str(arguments.get("reason") or "").strip()
    if not reason:
        return []
    inside = [("MSG", [reason[:_LONGEST_MESSAGE]])] if len(reason) > _LONGEST_NOTE else []
    return [("N9", {1: "L1", 3: reason[:_LONGEST_NOTE].strip()}, inside)]


def _qualifier(scheme: str, partner: Partner) -> str | None:
    prefix, _, code = scheme.partition(":")
    if prefix == "x12-235":
        return code
    return _code("x12-235", scheme, partner)


def _code(element: str, ours: str, partner: Partner) -> str | None:
    """The code that means this: of the partner's own, else the preferred one, else the first of the list."""
    for (its_element, code), row in partner.codes.items():
        if its_element == element and row.ours == ours:
            return code
    preferred = _PREFERRED.get(ours) if element == "x12-235" else None
    return preferred or _codes(element).get(ours)


@cache
def _codes(element: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code, row in crosswalks.lists()[element].rows.items():
        # of several codes of a unit the one that is spelt like it: KG and not 50 for kilograms
        if row.ours is not None and (row.ours not in found or code in ("EA", "KG", "LB", "GR")):
            found[row.ours] = code
    return found


# -- what an exception says of a line -----------------------------------------------------------------------------


def variances(event: Document, attribute: str) -> Iterator[Mapping[str, Any]]:
    """What an event holds against each other, of one kind: quantity, unit_price, date, ..."""
    return (one for one in event["data"].get("variances", ()) if one["attribute"] == attribute)


def promised(event: Document, arguments: Mapping[str, Any]) -> date | None:
    """The date that is promised now: the action's own, else the event's."""
    said = arguments.get("date")
    if not said:
        said = next(
            (
                value.get("value") if isinstance(value := one["actual"], Mapping) else value
                for one in variances(event, "date")
            ),
            None,
        )
    return None if not said else day(str(said))


def day(text: str) -> date:
    """A date of the calendar. Raises ``Unreadable`` for what is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise refused(f"{text[:40]!r} is no date as 2026-12-04") from None


def choice(arguments: Mapping[str, Any], name: str, known: Mapping[str, str], *, default: str = "") -> str:
    """An argument that is one of some words, or the code of one. Raises ``Unreadable`` with all of them."""
    said = str(arguments.get(name) or default)
    if said in known:
        return known[said]
    if said in known.values():
        return said
    listed = ", ".join(f"{word} ({code})" for word, code in known.items())
    raise refused(
        f"the action says {name} = {said!r}, which is none of: {listed}"
        if said
        else f"the action does not say {name!r}; it is one of: {listed}"
    )


def coded(arguments: Mapping[str, Any], name: str, element: str, partner: Partner) -> str:
    """An argument that is a code of an element, empty when it was not given. Raises ``Unreadable`` for another."""
    code = str(arguments.get(name) or "")
    known = (element, code) in partner.codes or crosswalks.lookup(element, code) is not None
    if code and not known:
        raise refused(
            f"the action says {name} = {code!r}, which element {element.removeprefix('x12-')} does not have"
        )
    return code
