"""855 purchase order acknowledgment: what a supplier accepts, changes, delays or rejects of our order.

Source: X12 004010 and 005010 set 855, segments BAK, CUR, DTM, N1, PO1, CTP, SCH, ACK, CTT. Elements 587 (BAK02) and
668 (ACK01) are read by the crosswalks.

Always one Fact ``acknowledged``; then one ExceptionEvent for each trouble of each line, in the order of the
document. What is not said has a meaning of its own (``silence``): see ``SILENCE``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Ref, SourceCode, Statement
from crossdock.partners import MappingContext
from mappings import codes
from mappings.inbound.x12_855.header import Header
from mappings.inbound.x12_855.line import Line
from mappings.inbound.x12_855.lines import Lines
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/855"
VERSION: Final = "2"

SILENCE: Final = {
    "AK": "accepted",
    "AT": "accepted",
    "AE": "accepted",
    "RJ": "rejected",
    "RF": "rejected",
    "RD": "rejected",
    "RN": "rejected",
    "RV": "rejected",
    "AC": "unaccounted",
    "AD": "unaccounted",
}
"""What a line that is not listed means, by BAK02. AE and RF list exceptions only; AC and AD must list all."""

_WORDS: Final = {
    "ORD.REJECTED": "rejected",
    "ORD.HOLD": "put on hold",
    "ORD.COUNTER_OFFER": "made a counter offer to",
}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One acknowledgment as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    header = Header(reader)
    lines = Lines(header)
    declared_lines = 0
    segments = reader.segments
    place = 0
    while place < len(segments):
        segment = segments[place]
        name = segment[0]
        if name == "PO1":
            place = lines.take(place)
            continue
        place += 1
        if name == "CTT":
            declared = at(segment, 1)
            declared_lines = (
                int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 10 else 0
            )
        else:
            header.take(name, segment, place)
    header.close()
    header_row = header.meaning
    exception = codes.exception_of(header_row)
    silence = SILENCE.get(header.kind, "")

    yield _acknowledged(header, lines, silence)
    if context.direction == "out":
        return  # what we answered ourselves is no trouble to us
    if exception == "ORD.REJECTED":
        # the lines explain the rejection: they are no troubles of their own
        yield _header_event(header, exception, list(lines))
        return
    if exception != codes.NONE:
        yield _header_event(header, exception, [])
    if silence == "unaccounted" and not lines:
        yield _unlisted(header, f"says {header.kind}, which lists every line, and lists none")
    elif lines and declared_lines > len(lines):
        yield _unlisted(header, f"counts {declared_lines} lines and lists {len(lines)}")
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
        place=header.reader.place(header.position, "BAK"),
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
            name = f"{kind}_date"
            found[name] = min(found.get(name, date), date)
    return found


def _header_event(header: Header, exception: str, lines: list[Line]) -> ExceptionEvent:
    told: list[SourceCode] = [header.source_code]
    detail = [header.source_code.get("text") or f"type {header.kind}"]
    for line in lines:
        said = line.source_codes()
        told += said
        words = ", ".join(f"{each['code']} ({each.get('text', 'unknown')})" for each in said)
        detail.append(f"line {line.ref}: {words or 'listed without a reason'}")
    more = {"lines": [line.ref for line in lines]} if lines else {}
    if exception == codes.UNKNOWN:
        title = f"{header.who} answered PO {header.order} with {header.kind!r}, a word that we do not know"
    else:
        title = f"{header.who} {_WORDS.get(exception, 'did not simply accept')} PO {header.order}"
    return ExceptionEvent(
        code=exception,
        title=title,
        detail="; ".join(detail),
        cause=codes.cause_of(header.meaning),
        refs=header.refs,
        place=header.reader.place(header.position, "BAK"),
        occurred_at=header.occurred_at,
        parties=header.parties,
        source_codes=told,
        ext=header.reader.ext(**more),
    )


def _unlisted(header: Header, why: str) -> ExceptionEvent:
    refs: list[Ref] = header.refs
    return ExceptionEvent(
        code="ORD.QTY_UNACCOUNTED",
        title=f"{header.who} left lines of PO {header.order} unanswered",
        detail=f"the acknowledgment {why}",
        refs=refs,
        place=header.reader.place(header.position, "BAK"),
        occurred_at=header.occurred_at,
        parties=header.parties,
        source_codes=[header.source_code],
        method="rule",
        ext=header.reader.ext(),
    )
