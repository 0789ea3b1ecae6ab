"""990 response to a load tender: what we, as the carrier, answer to a shipper's tender.

X12 004010 and 005010 set 990, segments B1, N9, K1. Element 558 (B104).

Arguments of the action, all texts:

    answer    "accept" (A), "decline" (D), "condition" (B) or "counter" (C). It must be said: silence is never a yes.
    reason    a sentence for the shipper (K1); needed where the answer is not a plain yes.
"""

from collections.abc import Mapping
from typing import Any, Final

from crossdock.mapping import Draft, Known, Later
from crossdock.messages import Decision
from mappings.outbound import orders

OPERATION: Final = "x12_990"
VERSION: Final = "1"
DOCUMENT: Final = "x12/990"
ACTION: Final = "answer_tender"
ANSWERS: Final = ("tendered",)
KNOWS: Final = ("tendered", "tender_answered")
FIELDS: Final = {
    "B101": "attributes/carrier",
    "B102": "refs/0/value",
    "B104": "arguments/answer",
    "N902": "refs/pro",
    "K101": "arguments/reason",
    "K102": "arguments/reason",
}
"""From what each element is, for an AK4 that complains of it."""

_ANSWERS: Final = {"accept": "A", "decline": "D", "condition": "B", "counter": "C"}
_CANCELLED: Final = "01"
_LONGEST_SCAC: Final = 4
_LONGEST_TEXT: Final = 30
"""K101 and K102."""


def write(
    event: Mapping[str, Any],
    decision: Decision,
    arguments: Mapping[str, Any],
    *,
    exception_id: str,
    decision_id: str,
    known: Known,
) -> Draft:
    """The answer to the tender that the event is about. Raises ``Unreadable`` when it lacks what is needed."""
    tender = orders.order_of(
        event, known, "shipment", facts=("tendered",), direction="in", what="a shipper tendered"
    )
    last = orders.stated(known, "tendered", tender.ref, "in")[-1]
    if last["data"].get("attributes", {}).get("purpose") == _CANCELLED:
        raise orders.refused(
            f"the tender of shipment {tender.number} was taken back; nothing is to be answered"
        )
    answer = orders.choice(arguments, "answer", _ANSWERS)
    reason = str(arguments.get("reason") or "").strip()
    if answer != "A" and not reason:
        raise orders.refused(
            f"the answer {answer} to the tender of shipment {tender.number} needs a reason: give the action one"
        )
    carrier = tender.attributes.get("carrier", "")
    segments: list[Any] = [
        (
            "B1",
            {
                1: carrier if 2 <= len(carrier) <= _LONGEST_SCAC else "",
                2: tender.number,
                3: Later.TODAY,
                4: answer,
            },
        )
    ]
    pro = next((ref["value"] for ref in tender.fact["data"]["refs"] if ref["kind"] == "pro"), "")
    if pro:
        segments.append(("N9", ["CN", pro]))
    texts = pieces(reason, _LONGEST_TEXT)
    segments += [("K1", texts[at : at + 2]) for at in range(0, len(texts), 2)]
    return Draft(set_id="990", subject=tender.subject, segments=segments)


def pieces(text: str, longest: int) -> list[str]:
    """A text in pieces that fit, cut between words where there are any."""
    found: list[str] = []
    for word in text.split():
        while len(word) > longest:
            found.append(word[:longest])
            word = word[longest:]
        if found and len(found[-1]) + 1 + len(word) <= longest:
            found[-1] = f"{found[-1]} {word}"
        elif word:
            found.append(word)
    return found
