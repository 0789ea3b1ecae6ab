"""865 purchase order change acknowledgment: what a supplier says to our change, or changes by itself.

Source: X12 004010 and 005010 set 865, segments BCA, CUR, DTM, N1, POC, CTP, SCH, ACK, CTT. Elements 587 (BCA02), 670
(POC02) and 668 (ACK01) are read by the crosswalks.

Always one Fact ``change_answered``; then one ExceptionEvent for each trouble of each line. An ACK under a POC says
what it says in an 855, but for one thing: where we asked for that very change, it confirms it and is no trouble. A
POC without an ACK is told by its own code, unless the head accepts everything. ``silence`` is that of the 855. Of
an answer of ours what it says of each line (POC02) is kept with the fact (``mappings.changes``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, SourceCode, Statement
from crossdock.partners import MappingContext
from mappings import changes, codes
from mappings.inbound.x12_855.header import Begin, Header
from mappings.inbound.x12_855.whole import SILENCE, header_event, left_out, unanswered
from mappings.inbound.x12_865.line import ChangedLine
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/865"
VERSION: Final = "1"

BCA: Final = Begin(segment="BCA", date=6, theirs=9, said=10, kind_needed=False)
"""X12 004010 BCA: what begins an 865. Without BCA02 the seller asks for a change of its own."""

_ACCEPTS: Final = frozenset({"AD", "AK", "AP", "AT", "NA"})
"""BCA02 that accepts all that is listed: a POC without an ACK is then accepted too."""
_SELLERS_OWN: Final = frozenset({"19"})
"""BCA01 of a change that the seller began."""

_VERBS: Final = {
    "ORD.CHANGE_REJECTED": "rejected",
    "ORD.HOLD": "put on hold",
    "ORD.COUNTER_OFFER": "made a counter offer to",
}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One answer as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    header = Header(reader, BCA)
    lines: list[ChangedLine] = []
    line: ChangedLine | None = None
    begin: list[str] = []
    for position, segment in enumerate(reader.segments, 1):
        name = segment[0]
        if name == "POC":
            line = ChangedLine(header, position, len(lines) + 1)
            lines.append(line)
        elif name == "CTT":
            header.take(name, segment, position)
            line = None
        elif line is not None:
            line.take(name, segment, position)
        else:
            if name == "BCA":
                begin = segment
            header.take(name, segment, position)
    header.close()
    answers = bool(header.kind) and header.purpose not in _SELLERS_OWN and not at(begin, 11)
    for line in lines:
        line.settle(answers=answers, accepted=header.kind in _ACCEPTS)
    exception = _header_exception(header)

    unlisted = left_out(header, len(lines))
    about = f"the change of PO {header.order}"
    yield _answered(header, lines, begin, _answer(header, lines, exception, complete=not unlisted))
    if context.direction == "out":
        return  # what we answered ourselves is no trouble to us
    if exception == "ORD.CHANGE_REJECTED":
        # the lines explain the rejection: they are no troubles of their own
        yield header_event(header, exception, lines, about=about, verbs=_VERBS)
        return
    if exception != codes.NONE:
        yield header_event(header, exception, (), about=about, verbs=_VERBS)
    if unlisted:
        yield unanswered(header, unlisted, about=about)
    for line in lines:
        yield from line.events()


def _header_exception(header: Header) -> str:
    """What BCA02 says by itself. A rejection of the answer to a change leaves the order as it was."""
    if not header.kind:
        return codes.NONE
    if header.meaning is None:
        return codes.UNKNOWN
    exception = header.meaning.exception
    return "ORD.CHANGE_REJECTED" if exception == "ORD.REJECTED" else exception


def _answer(header: Header, lines: list[ChangedLine], exception: str, *, complete: bool) -> str:
    """The answer in one word, for clocks and cases: accepted, rejected, partial, changed, held, counter_offer, or
    unknown, where it is not all there or in a word that we do not know."""
    if exception == "ORD.CHANGE_REJECTED":
        return "rejected"
    if exception == "ORD.HOLD":
        return "held"
    if exception == "ORD.COUNTER_OFFER":
        return "counter_offer"
    if exception != codes.NONE or not complete:
        return "unknown"
    rejected = [line for line in lines if line.is_rejected]
    if rejected:
        return "rejected" if len(rejected) == len(lines) else "partial"
    return "changed" if any(line.is_trouble for line in lines) else "accepted"


def _answered(header: Header, lines: list[ChangedLine], begin: list[str], answer: str) -> Fact:
    attributes = {"answer": answer}
    if header.kind:
        attributes["acknowledgement"] = header.kind
    if silence := SILENCE.get(header.kind, ""):
        attributes["silence"] = silence
    if header.purpose:
        attributes["purpose"] = header.purpose
    if header.order_date:
        attributes["order_date"] = header.order_date
    for name, element in (("release", 4), ("change_sequence", 5), ("request", 7)):
        if value := at(begin, element):
            attributes[name] = value[:1024]
    if (
        header.reader.context.direction == "out"
    ):  # an answer of ours: what we say of the order later follows it
        attributes |= changes.attributes(line.code for line in lines)
    told: list[SourceCode] = [header.source_code] if header.kind else []
    for line in lines:
        told += [code for code in line.source_codes() if code not in told]
    return Fact(
        kind="change_answered",
        refs=header.refs,
        place=header.place,
        occurred_at=header.occurred_at,
        parties=header.parties,
        # a line whose change is rejected stands as it was, and the 865 need not say how
        lines=[line.words for line in lines],
        source_codes=told,
        attributes=attributes,
    )
