"""824 application advice: what our application did with a document of a partner, behind the door of the 997.

X12 004010 and 005010 set 824, segments BGN, OTI, TED, NTE. Elements 110 (OTI01) and 647 (TED01).

Arguments of the action, all texts:

    answer    "accept" (TA), "accept_changed" (TC), "accept_errors" (TE), "partial" (TP) or "reject" (TR). It must
              be said.
    error     TED01 of what the event is about, instead of the usual one for its code.
    reason    a sentence for the partner, instead of the event's title (TED02, NTE).

The document is named by its control numbers (OTI08, OTI09) and its set (OTI10), and by its own number (OTI02, OTI03).
All that is decided of one document at once is told in one advice: an error (TED) for each thing that is wrong, with
the segment, the element, the bad value and the right one as far as the event knows them.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from crossdock.formats.x12.compose import text_of
from crossdock.formats.x12.elements import Element
from crossdock.formats.x12.guides import guide
from crossdock.mapping import Draft, Known, Later, Told
from crossdock.messages import Decision
from mappings.outbound import orders
from mappings.outbound.x12_990 import pieces

OPERATION: Final = "x12_824"
VERSION: Final = "1"
DOCUMENT: Final = "x12/824"
ACTION: Final = "advise"
ANSWERS: Final = ()
KNOWS: Final = ("application_advice",)
PER_DOCUMENT: Final = True
FIELDS: Final = {
    "OTI01": "arguments/answer",
    "OTI03": "refs/0/value",
    "OTI08": "provenance/place/x12/gs06",
    "OTI09": "provenance/place/x12/st02",
    "OTI10": "provenance/place/x12/st01",
    "OTI/TED01": "arguments/error",
    "OTI/TED02": "title",
    "OTI/TED03": "provenance/place/x12/segment_id",
    "OTI/TED04": "provenance/place/x12/segment_ordinal",
    "OTI/TED07": "variances/0/actual",
    "OTI/TED08": "variances/0/expected",
    "OTI/TED/NTE02": "detail",
}
"""From what each element is, for an AK4 that complains of it."""

ERRORS: Final = {
    "BIL.BEFORE_SHIP": "011",
    "BIL.DUPLICATE": "DUP",
    "BIL.NO_ORDER": "POI",
    "BIL.PRICE": "UNP",
    "BIL.QTY": "IQT",
    "BIL.TOTAL": "010",
    "FUL.LABEL": "HUL",
    "ORD.DUPLICATE": "DUP",
    "ORD.NO_ORDER": "POI",
    "PRC.MISMATCH": "UNP",
    "SHP.ASN_DUPLICATE": "DUP",
    "SHP.ASN_MISMATCH": "011",
    "SHP.ASN_NO_ORDER": "POI",
}
"""TED01 [647] where the code says it; else what is held against each other says it, or that the data are wrong."""

_BY_ATTRIBUTE: Final = {"quantity": "IQT", "unit_price": "UNP", "date": "009", "amount": "010"}
_WRONG: Final = "848"
_ANSWERS: Final = {
    "accept": "TA", "accept_changed": "TC", "accept_errors": "TE", "partial": "TP", "reject": "TR",
}  # fmt: skip
_ACCEPTED: Final = frozenset({"TA", "TC"})
_QUALIFIERS: Final = {
    "invoice": "IV", "customer_po": "PO", "supplier_po": "PO", "asn": "SI", "shipment": "SI", "bol": "BM",
    "pro": "CN", "sales_order": "VN", "credit_memo": "CM", "rma": "RZ", "contract": "CT",
}  # fmt: skip
"""OTI02 [128] for the number of a document."""
_NO_NUMBER: Final = ("TN", "NA")
"""OTI02 and OTI03 must stand; a document without a number of its own is named by its control numbers."""

_ELEMENTS: Final = {
    ("PO1", "quantity"): 2, ("PO1", "uom"): 3, ("PO1", "unit_price"): 4, ("PO1", "item"): 7,
    ("IT1", "quantity"): 2, ("IT1", "uom"): 3, ("IT1", "unit_price"): 4, ("IT1", "item"): 7,
    ("POC", "quantity"): 3, ("POC", "unit_price"): 6, ("SN1", "quantity"): 2, ("SN1", "uom"): 3,
    ("TDS", "amount"): 1, ("DTM", "date"): 2, ("BEG", "date"): 5, ("BIG", "date"): 1, ("N1", "party"): 4,
    ("W12", "quantity"): 3, ("RCD", "quantity"): 2,
}  # fmt: skip
"""Which element of a segment is meant, by what is wrong with it."""

_LONGEST_TITLE: Final = 60
_LONGEST_NOTE: Final = 80
_LONGEST_VALUE: Final = 99
_NOTES_AT_MOST: Final = 5


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The advice about the document that the event comes from. Raises ``Unreadable`` when it lacks what is needed."""
    place = _place(event)
    answer = orders.choice(arguments, "answer", _ANSWERS)
    told = [
        one
        for one in orders.told(event, arguments, known)
        if one.now and _place(one.event) == place and _raw(one.event) == _raw(event)
    ]
    qualifier, number = _reference(event)
    oti = {
        1: answer,
        2: qualifier,
        3: number,
        8: _whole(place.get("gs06", "")),
        9: place["st02"].zfill(4),
        10: place["st01"],
    }
    errors = [] if answer in _ACCEPTED else [error for one in told for error in _errors(one, known)]
    return Draft(
        set_id="824",
        subject=_subject(event),
        segments=[("BGN", ["11", Later.NUMBER, Later.TODAY]), ("OTI", oti, errors)],
    )


def _place(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document that an event comes from, by its numbers. Raises ``Unreadable`` for one that is no set of X12."""
    place = event["data"]["provenance"]["place"].get("x12", {})
    if not place.get("st01") or not place.get("st02") or not place.get("gs06"):
        raise orders.refused(
            f"event {event['id']} comes from no transaction set, so there is nothing that an 824 could be about"
        )
    return {name: place[name] for name in ("isa13", "gs06", "st01", "st02") if name in place}


def _raw(event: Mapping[str, Any]) -> str:
    raw_id: str = event["data"]["provenance"]["raw_id"]
    return raw_id


def _reference(event: Mapping[str, Any]) -> tuple[str, str]:
    for ref in event["data"]["refs"]:
        if (qualifier := _QUALIFIERS.get(ref["kind"])) is not None:
            return qualifier, ref["value"]
    return _NO_NUMBER


def _subject(event: Mapping[str, Any]) -> str:
    ref = event["data"]["refs"][0]
    return f"{ref['kind']}/{ref['value']}"


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


# -- what is wrong --------------------------------------------------------------------------------------------------


def _errors(one: Told, known: Known) -> Iterator[Any]:
    """A TED for each thing that an event holds against another, or one for the event."""
    data, arguments = one.event["data"], one.arguments or {}
    place = data["provenance"]["place"]["x12"]
    given = orders.coded(arguments, "error", "x12-647", known.partner)
    said = str(arguments.get("reason") or "").strip()
    title, *more = pieces(said or data["title"], _LONGEST_TITLE) or [data["code"]]
    notes = [
        ("NTE", ["ADD", text])
        for text in pieces(" ".join(more) if said else str(data.get("detail") or ""), _LONGEST_NOTE)[
            :_NOTES_AT_MOST
        ]
    ]
    found = [variance for variance in data.get("variances", ()) if _is_told(variance)] or [None]
    for number, variance in enumerate(found):
        attribute = variance["attribute"] if variance is not None else ""
        code = given or ERRORS.get(data["code"]) or _BY_ATTRIBUTE.get(attribute, _WRONG)
        ted: dict[int, Any] = {1: code, 2: title}
        if segment := place.get("segment_id"):
            ted |= {3: segment, 4: place.get("segment_ordinal")}
            position = _ELEMENTS.get((segment, attribute))
            element = _element(place["st01"], segment, position, known)
            ted[5] = position
            if element is not None and element.reference.isdigit():
                ted[6] = int(element.reference)
            if variance is not None and segment != "SE":
                ted[7] = _value(variance.get("actual"), element)
                ted[8] = _value(variance.get("expected"), element)
        yield ("TED", ted, notes if number == 0 else [])


def _is_told(variance: Mapping[str, Any]) -> bool:
    return variance.get("actual") is not None or variance.get("expected") is not None


def _element(set_id: str, segment: str, position: int | None, known: Known) -> Element | None:
    found = guide(set_id, known.partner.release_for(set_id)) if position is not None else None
    words = found.segment(segment) if found is not None else None
    if words is None or position is None or position > len(words.elements):
        return None
    return words.elements[position - 1]


def _value(value: Any, element: Element | None) -> str | None:
    """A value as the document has it: an amount of type N2 without its point, a date without its dashes."""
    if isinstance(value, Mapping):
        value = value.get("value", value.get("amount"))
    if value is None:
        return None
    text = str(value)
    try:
        if element is not None and element.type[:1] in ("R", "N"):
            text = text_of(Decimal(text), element)
        elif element is not None and element.type == "DT":
            text = text_of(orders.day(text), element)
    except (ValueError, ArithmeticError):
        pass  # it is no such value, which is what is wrong with it: it is copied as it is
    return text[:_LONGEST_VALUE]
