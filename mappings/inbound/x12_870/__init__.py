"""870 order status report: how far a supplier is with our orders, and what keeps it.

Source: X12 004010 and 005010 set 870, segments BSR, HL, PRF, REF, N1, PO1, LIN, ISR, QTY, DTM. Elements 850 (BSR01),
847 (BSR02), 368 (ISR01) and 641 (ISR03) are read by the crosswalks.

One Fact ``status`` for each order that the report names, with the lines that it speaks of; then one ExceptionEvent
for each status that is a trouble. What the status says is what happened, the reason beside it is the cause; where the
status is none, the reason speaks for itself. A level whose number or parent is wrong is an event of its own; what it
says is still mapped, under the order that stands above it or before it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import Fact, Line, SourceCode, Statement
from crossdock.partners import MappingContext
from mappings.inbound.x12_870.report import Placed, Report
from mappings.inbound.x12_870.status import Status
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/870"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One report as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    report = Report(reader, "BSR", sent_by="seller", number=3, date=4)
    position, segment = report.begin
    attributes: dict[str, str] = {}
    if number := at(segment, 3):
        attributes["report_number"] = number[:1024]
    if code := at(segment, 1):
        row = reader.meaning("x12-850", code, position, 1)
        attributes["report"] = code
        if row is not None and row.ours:
            attributes["reported_as"] = row.ours
    if code := at(segment, 2):
        reader.meaning("x12-847", code, position, 2)
        attributes["scope"] = code
    if code := at(segment, 11):
        attributes["purpose"] = code
    if number := at(segment, 8):
        report.answers(number)

    for order in report.orders():
        statuses = [status for level in order.levels for status in _statuses(report, level)]
        yield Fact(
            kind="status",
            refs=order.refs,
            place=order.place,
            occurred_at=report.occurred_at,
            parties=order.parties,
            lines=_lines(statuses),
            source_codes=_codes(statuses),
            attributes=attributes | _words(statuses) | order.dates,
        )
        if context.direction == "in":
            for status in statuses:
                if (event := status.event(order)) is not None:
                    yield event
    yield from report.broken()


def _statuses(report: Report, level: Placed) -> Iterator[Status]:
    """The ISR of a level and of its lines. A level that is an item has its line in LIN or PO1."""
    loop = level.loop
    item = loop.first("LIN")
    path = f"HL[{level.ordinal}]"
    for ordinal, found in enumerate(loop.inside("ISR"), 1):
        yield Status(report, found, f"{path}/ISR[{ordinal}]", item=item, line=None)
    for number, line in enumerate(loop.inside("PO1"), 1):
        inner = line.inside("ISR")
        for ordinal, found in enumerate(inner, 1):
            yield Status(report, found, f"{path}/PO1[{number}]/ISR[{ordinal}]", item=None, line=line)


def _lines(statuses: list[Status]) -> list[Line]:
    """Each line once, as it was told first."""
    found: dict[str, Line] = {}
    for status in statuses:
        if status.words is not None:
            found.setdefault(status.words["line_ref"], status.words)
    return list(found.values())


def _codes(statuses: list[Status]) -> list[SourceCode]:
    """The supplier's own words, each once."""
    found: list[SourceCode] = []
    for status in statuses:
        found += [code for code in status.source_codes if code not in found]
    return found


def _words(statuses: list[Status]) -> dict[str, str]:
    """The status of the order in our word, where all of it has the same; its latest dates."""
    found: dict[str, str] = {}
    words = {status.word for status in statuses}
    if len(words) == 1 and (word := words.pop()):
        found["status"] = word
    elif len(words) > 1:
        found["status"] = "mixed"
    for status in statuses:
        for name, date in status.dates.items():
            found[name] = max(found.get(name, date), date)
    return found
