"""855 purchase order acknowledgment: what a supplier accepts, changes, delays or rejects of our order.

Source: X12 004010 and 005010 set 855, segments BAK, CUR, DTM, N1, PO1, CTP, SCH, ACK, CTT. Elements 587 (BAK02) and
668 (ACK01) are read by the crosswalks.

Always one Fact ``acknowledged``; then one ExceptionEvent for each trouble of each line, in the order of the
document. What is not said has a meaning of its own (``silence``): see ``whole.SILENCE``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, Statement
from crossdock.partners import MappingContext
from mappings import codes
from mappings.inbound.x12_855.header import Header
from mappings.inbound.x12_855.lines import Lines
from mappings.inbound.x12_855.whole import SILENCE, header_event, left_out, unanswered
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/855"
VERSION: Final = "2"

_VERBS: Final = {
    "ORD.REJECTED": "rejected",
    "ORD.HOLD": "put on hold",
    "ORD.COUNTER_OFFER": "made a counter offer to",
}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One acknowledgment as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    header = Header(reader)
    lines = Lines(header)
    segments = reader.segments
    place = 0
    while place < len(segments):
        segment = segments[place]
        name = segment[0]
        if name == "PO1":
            place = lines.take(place)
            continue
        place += 1
        header.take(name, segment, place)
    header.close()
    exception = codes.exception_of(header.meaning)
    silence = SILENCE.get(header.kind, "")

    yield _acknowledged(header, lines, silence)
    if context.direction == "out":
        return  # what we answered ourselves is no trouble to us
    if exception == "ORD.REJECTED":
        # the lines explain the rejection: they are no troubles of their own
        yield header_event(header, exception, lines, about=f"PO {header.order}", verbs=_VERBS)
        return
    if exception != codes.NONE:
        yield header_event(header, exception, (), about=f"PO {header.order}", verbs=_VERBS)
    if why := left_out(header, len(lines)):
        yield unanswered(header, why, about=f"PO {header.order}")
    for line in lines.troubled():
        yield from line.events()


def _acknowledged(header: Header, lines: Lines, silence: str) -> Fact:
    attributes = {"acknowledgement": header.kind}
    if silence:
        attributes["silence"] = silence
    if header.purpose:
        attributes["purpose"] = header.purpose
    if header.order_date:
        attributes["order_date"] = header.order_date
    attributes |= _first_dates(header, lines, silence)
    return Fact(
        kind="acknowledged",
        refs=header.refs,
        place=header.place,
        occurred_at=header.occurred_at,
        parties=header.parties,
        lines=lines.words,
        source_codes=[header.source_code],
        attributes=attributes,
    )


def _first_dates(header: Header, lines: Lines, silence: str) -> dict[str, str]:
    """``ship_date`` and ``delivery_date``: when the first of the order is to come. A ship notice is then due."""
    if silence == "rejected":
        return {}
    found: dict[str, str] = {}
    for promised in lines.promised() if lines else (header.wishes,):
        for kind, date in promised.items():
            if kind not in found or date < found[kind]:
                found[kind] = date
    return {f"{kind}_date": date for kind, date in found.items()}
