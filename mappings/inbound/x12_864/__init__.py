"""864 text message: what a partner writes in words, for a person to read.

Source: X12 004010 and 005010 set 864, segments BMG, DTM, N1, REF, MIT, MSG. MSG02 [934] says how a line is printed.

One ExceptionEvent ``EDI.FREE_TEXT`` for each message (MIT loop), with its whole text. Nothing is guessed from the
words: a message that says "PO 4500123456 is late" is about no order until a person has read it. References that the
sender wrote as references (REF) are taken as such.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Party, Ref, Statement, When
from crossdock.formats.x12.loops import Loop
from crossdock.partners import MappingContext
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/864"
VERSION: Final = "1"

_ROLES: Final = frozenset({"supplier", "customer", "carrier", "warehouse"})
"""Roles of a partner that are roles of a party, too."""

_CONTINUED: Final = "LC"
"""MSG02 of a line that goes on where the one before it ended."""

_WITHOUT_SIDE: Final = {"BM": "bol", "SI": "shipment"}
_OF_THE_SELLER: Final = {"IV": "invoice", "CM": "credit_memo"}
"""REF01 [128] of references that a message may name: those of no side, and those that the seller of goods gives."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """The messages of one set. Raises ``Unreadable`` for a set without a message."""
    reader = Reader(document, context)
    tree = reader.tree
    position, segment = reader.begin("BMG", "nothing begins the message")
    who = reader.who("A sender without a profile")
    verb = "write" if context.direction == "out" else "writes"
    subject = at(segment, 2)
    purpose = at(segment, 1)
    parties: list[Party] = []
    refs: list[Ref] = []
    _names(reader, tree, parties, refs)
    if reader.partner is not None and reader.partner.role in _ROLES:
        reader.add_sender(parties, reader.partner.role)
    occurred_at = _said_at(reader, tree)
    messages = tree.inside("MIT")
    if not messages:
        if not subject:
            raise reader.stop("BMG02 is empty and no MIT follows: the message says nothing", position, 2)
        messages = [Loop(name="", position=position)]
    for number, loop in enumerate(messages, 1):
        begin = loop.first("MIT") or (position, [])
        own_parties, own_refs = list(parties), list(refs)
        _names(reader, loop, own_parties, own_refs)
        theme = at(begin[1], 2) or subject
        text = _text(loop)
        if not theme and not text:
            raise reader.stop("the message has neither a subject nor a MSG: it says nothing", begin[0])
        own = at(begin[1], 1) or _number(document, number)
        more = {"subject": theme[:256]} if theme else {}
        if purpose:
            more["purpose"] = purpose[:2]
        yield ExceptionEvent(
            code="EDI.FREE_TEXT",
            title=f"{who} {verb}: {theme or text.partition(chr(10))[0]}",
            detail=text or theme,
            refs=[reader.issued("message", own, by="sender"), *own_refs],
            place=reader.place(begin[0], f"MIT[{number}]" if begin[1] else "BMG"),
            occurred_at=occurred_at,
            parties=own_parties,
            method="rule",
            ext=reader.ext(**more),
        )


def _number(document: "TransactionSet", number: int) -> str:
    """A number for a message without one: interchange, set and place, so that no two messages are one case."""
    return f"{document.interchange.control_number}-{document.control_number}-{number}"


def _text(loop: Loop) -> str:
    """The MSGs of a message as lines: one each, but for a line that continues the one before it."""
    lines: list[str] = []
    for _, segment in loop.all("MSG"):
        words = segment[1].rstrip() if len(segment) > 1 else ""
        if lines and at(segment, 2) == _CONTINUED:
            lines[-1] += words
        else:
            lines.append(words)
    return "\n".join(lines).strip()


def _names(reader: Reader, loop: Loop, parties: list[Party], refs: list[Ref]) -> None:
    """The parties (N1) of a loop, and the references (REF) that stand with them."""
    for name in loop.inside("N1"):
        begin = name.first("N1")
        if begin is not None and (party := reader.party(begin[1])) is not None and len(parties) < 30:
            parties.append(party)
        for _, segment in name.all("REF"):
            ref = _reference(reader, at(segment, 1), at(segment, 2))
            if ref is not None and ref not in refs and len(refs) < 30:
                refs.append(ref)


def _reference(reader: Reader, qualifier: str, value: str) -> Ref | None:
    if not value:
        return None
    # the buyer writes as a buyer and the seller as a seller; both call the buyer's order by the buyer's number
    partner_sells = reader.partner is not None and reader.partner.role == "supplier"
    partner_sends = reader.context.direction == "in"
    if qualifier == "PO":
        return reader.purchase_order(value, sent_by="seller" if partner_sells == partner_sends else "buyer")
    if (kind := _OF_THE_SELLER.get(qualifier)) is not None:
        return reader.issued(kind, value, by="sender" if partner_sells == partner_sends else "receiver")
    if (kind := _WITHOUT_SIDE.get(qualifier)) is not None:
        return {"kind": kind, "value": value[:256]}
    return None


def _said_at(reader: Reader, tree: Loop) -> When | None:
    """The first date of the header, as precise as it is said."""
    for position, segment in tree.all("DTM"):
        if day := at(segment, 2):
            return reader.day(day, position, 2)
    return None
