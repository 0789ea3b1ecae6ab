"""865 purchase order change acknowledgment: what we answer when a customer changes or cancels an order.

X12 004010 and 005010 set 865, segments BCA, N9, MSG, POC, ACK, CTT. Elements 587 (BCA02), 670 (POC02), 668 (ACK01).

Arguments of the action, all texts:

    answer    "accept" or "reject": what becomes of the line that the event is about, and of the lines of the same
              change that no other exception is told of. It must be said.
    type      BCA02, instead of the one that follows: AT or RJ without lines (a cancellation, a change of the whole),
              AD where every line is accepted, RD where none is, AC otherwise.
    reason    a sentence for the customer (N9, MSG).

One change (860) has one answer: lines whose exceptions are decided together may be answered differently. A line that
is rejected stands as it was, with the changes that we accepted before (POC02 RC); an accepted one repeats what was
asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crossdock.edi.plan import document_key
from crossdock.mapping import Draft, Known, Later, Told
from crossdock.messages import Decision
from mappings import changes
from mappings.outbound import orders

OPERATION: Final = "x12_865"
VERSION: Final = "1"
DOCUMENT: Final = "x12/865"
ACTION: Final = "answer_change"
ANSWERS: Final = ("change_requested", "ordered")
KNOWS: Final = ("change_requested", "change_answered", "ordered")
PER_DOCUMENT: Final = True
FIELDS: Final = {
    "BCA02": "arguments/type",
    "BCA03": "refs/0/value",
    "BCA05": "attributes/change_sequence",
    "BCA06": "attributes/order_date",
    "BCA09": "refs/sales_order",
    "N903": "arguments/reason",
    "N9/MSG01": "arguments/reason",
    "POC": "lines/*",
    "POC01": "lines/*/line_ref",
    "POC02": "lines/*/change",
    "POC03": "lines/*/ordered/value",
    "POC05": "lines/*/ordered/uom",
    "POC06": "lines/*/unit_price/amount",
    "POC08": "lines/*/item_ids/0/scheme",
    "POC09": "lines/*/item_ids/0/value",
    "POC/ACK": "lines/*/status",
    "POC/ACK02": "lines/*/ordered/value",
}
"""From what each element is, for an AK4 that complains of it."""

TYPES: Final = ("AC", "AD", "AE", "AK", "AT", "RD", "RF", "RJ", "RN", "RV")
_WITHOUT_LINES: Final = frozenset({"AK", "AT", "RJ", "RN", "RV"})
_ANSWERS: Final = {"accept": "accept", "reject": "reject"}
_CANCELS: Final = "ORD.CANCEL_REQUESTED"
_UNCHANGED: Final = "NC"
_CHANGED: Final = "CA"
_REJECTED: Final = "RC"
_TAKEN_OFF: Final = "DI"


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The answer to the change that the event comes from. Raises ``Unreadable`` when it lacks what is needed."""
    change = _change(event, known)
    answer = orders.choice(arguments, "answer", _ANSWERS)
    told = [one for one in orders.told(event, arguments, known) if _is_of(one.event, change.fact)]
    said = {line["line_ref"]: one for one in told for line in one.event["data"].get("lines", ())}
    whole = any(one.event["data"]["code"] == _CANCELS for one in told) or not change.lines
    answers = {line["line_ref"]: _answer(said.get(line["line_ref"]), answer) for line in change.lines}
    kind = _kind(arguments, answer, list(answers.values()), whole=whole)
    lines = [] if kind in _WITHOUT_LINES else list(change.lines)
    asked, otherwise = _codes_asked(known, change.fact), _otherwise(change.fact)
    order = _standing(known, change)
    codes = [
        asked.get(line["line_ref"], otherwise) if answers[line["line_ref"]] == "accept" else _REJECTED
        for line in change.lines
    ]
    segments: list[Any] = [
        (
            "BCA",
            {
                1: "00",
                2: kind,
                3: change.number,
                4: change.attributes.get("release") or (order.attributes.get("release") if order else None),
                5: change.attributes.get("change_sequence"),
                6: order.date
                if order is not None and not change.attributes.get("order_date")
                else change.date,
                7: change.attributes.get("request"),
                9: change.sales_order,
                10: Later.TODAY,
            },
        )
    ]
    segments += orders.note(arguments)
    for line, code in zip(lines, codes, strict=False):
        stands = order.line(line) if order is not None and code == _REJECTED else None
        segments.append(_line(stands or line, code, answers[line["line_ref"]], known))
    if lines:
        segments.append(("CTT", [len(lines)]))
    return Draft(set_id="865", subject=change.subject, segments=segments, kept=changes.attributes(codes))


def _change(event: Mapping[str, Any], known: Known) -> orders.Order:
    """The change that is answered: the one that the event comes from, else the newest; or the 850 that cancels."""
    if event["data"]["provenance"]["mapping"] == "x12_850":
        return orders.order_of(
            event, known, "customer_po", facts=("ordered",), direction="in", what="a customer cancelled"
        )
    change = orders.order_of(
        event, known, "customer_po", facts=("change_requested",), direction="in", what="a customer changed"
    )
    for fact in orders.stated(known, "change_requested", change.ref, "in"):
        if _is_of(event, fact):
            return orders.Order(ref=change.ref, fact=fact, lines=fact["data"].get("lines", ()))
    return change


def _is_of(event: Mapping[str, Any], fact: Mapping[str, Any]) -> bool:
    """Whether an event was said by the same document as a fact, or comes of that fact."""
    return document_key(event) == document_key(fact)


def _answer(one: Told | None, otherwise: str) -> str:
    if one is None or not (one.arguments or {}).get("answer"):
        return otherwise
    return orders.choice(one.arguments or {}, "answer", _ANSWERS)


def _kind(arguments: Mapping[str, Any], answer: str, answers: Sequence[str], *, whole: bool) -> str:
    kind = str(arguments.get("type") or "")
    if kind and kind not in TYPES:
        raise orders.refused(f"the action says type = {kind!r}; an 865 of ours is one of {', '.join(TYPES)}")
    if kind:
        return kind
    if whole:
        return "AT" if answer == "accept" else "RJ"
    if "reject" not in answers:
        return "AD"
    return "RD" if "accept" not in answers else "AC"


def _standing(known: Known, change: orders.Order) -> orders.Order | None:
    """The order that was to change, as it stands without this change; ``None`` where it is not known."""
    before = orders.newest(known, change.ref, "ordered", "in")
    if before is None or before["id"] == change.fact["id"]:
        return None
    order = orders.Order(ref=change.ref, fact=before, lines=before["data"].get("lines", ()))
    return orders.as_it_stands(order, known, but=change.fact)


def _codes_asked(known: Known, change: Mapping[str, Any]) -> dict[str, str]:
    """What was asked for of each line (POC02 of the 860), as the exceptions of that document kept it."""
    found: dict[str, str] = {}
    for one in known.told:
        if not _is_of(one.event, change):
            continue
        for code in one.event["data"].get("source_codes", ()):
            if code["scheme"] == "x12-670":
                for line in one.event["data"].get("lines", ()):
                    found.setdefault(line["line_ref"], code["code"])
                break
    return found


def _otherwise(change: Mapping[str, Any]) -> str:
    """POC02 of a line that no exception is open about: it did not change where the document says so of any line, else
    the one word that the document uses, else that it changed."""
    said = [code["code"] for code in change["data"].get("source_codes", ()) if code["scheme"] == "x12-670"]
    return _UNCHANGED if _UNCHANGED in said else said[0] if len(said) == 1 else _CHANGED


def _line(line: Mapping[str, Any], code: str, answer: str, known: Known) -> Any:
    partner = known.partner
    unit = orders.unit(line, partner)
    quantity = orders.amount(line, "ordered")
    poc: dict[int, Any] = {
        1: orders.line_number(line),
        2: code,
        3: quantity,
        5: unit if quantity is not None else "",
        6: orders.price(line),
        **orders.pairs(8, orders.items(line, partner)),
    }
    if answer == "reject":  # a line that was not to change stands as it was too
        return ("POC", poc)
    status = "ID" if code == _TAKEN_OFF else "IA"
    counted = {2: quantity, 3: unit} if quantity is not None and unit else {}
    return ("POC", poc, [("ACK", {1: status, **counted})])
