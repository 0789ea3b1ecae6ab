"""944 stock transfer receipt advice: what a warehouse received of the goods that were sent to it.

Source: X12 004010 set 944, segments W17, N1, N9, G62, W08, W07, W13, W14. Elements 514 (W1701), 412 (W1303), 853
(W1305) and 893 (W0709) are read by the crosswalks.

One Fact ``received``; then one ExceptionEvent for each condition of each line that is not good, and, where no line
says it, for what the totals say is damaged or on hold (W1403). That the totals differ by what no line says is an
attribute of the fact, ``totals_unexplained``: the lines may say it beside what was announced, which is matching's to
find. What is not said has a meaning of its own (``silence``), as in the 945.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, SourceCode, Statement, When
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import codes, facts, warehouse
from mappings.lines import apart
from mappings.warehouse import Head
from mappings.x12 import ZERO, Reader, at, plain

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/944"
VERSION: Final = "2"

TITLES: Final = {**warehouse.RECEIPT_TITLES, "RCV.NO_ASN": "received without a ship notice"}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One receipt as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head = Head(reader)
    position, w17 = head.begin("W17")
    row, code = head.report(position, w17)
    order, receipt, shipment = at(w17, 4), at(w17, 3), at(w17, 5)
    head.issued("warehouse_receipt", order, by="receiver")
    head.issued("receipt", receipt, by="sender")
    if shipment:
        head.put({"kind": "shipment", "value": shipment[:256]})
    if silence := warehouse.SILENCE.get(codes.ours(row)):
        head.attributes["silence"] = silence
    occurred_at = reader.day(at(w17, 2), position, 2)
    head.read()
    for _, segment in reader.tree.all("W08"):
        head.carrier(at(segment, 2))
        head.equipment("", at(segment, 4), at(segment, 5))
    lines = [_Line(head, *each) for each in warehouse.item_loops(reader, "W07")]
    apart([line.words for line in lines])
    what = f"warehouse receipt {order}" if order else f"receipt {receipt}" if receipt else "a receipt"
    events = [event for line in lines for event in line.events(what, occurred_at)]
    totals = _Totals(head)
    told = {event.code for event in events}
    events += totals.events(what, occurred_at, told)
    unexplained = totals.unexplained(told)
    if codes.ours(row) == "no_exceptions" and not events and not unexplained:
        head.attributes["complete"] = "true"
    if unexplained and codes.ours(row) != "exercise":
        head.attributes["totals_unexplained"] = plain(unexplained)
    head.close("warehouse")

    yield Fact(
        kind="received",
        refs=head.refs,
        place=reader.place(position, "W17"),
        occurred_at=occurred_at,
        parties=head.parties,
        lines=[line.words for line in lines],
        source_codes=[code],
        attributes=facts.trimmed(head.attributes),
    )
    if row is None:
        yield head.unknown_report(what, code, position, "W17")
    if codes.ours(row) != "exercise":
        yield from events


class _Line:
    """One W07 with its W13 segments."""

    __slots__ = ("_head", "_loop", "_path", "_reversal", "_unit", "words")

    def __init__(self, head: Head, lx: "Loop | None", loop: "Loop", path: str, ordinal: int) -> None:
        reader = head.reader
        self._head, self._loop, self._path = head, loop, path
        position, w07 = loop.segments[0]
        for _, segment in loop.all("MAN"):
            head.mark(segment)
        self._unit = at(w07, 2)
        text = at(w07, 1)
        received = reader.number(text, position, 1) if text else None
        self._reversal = warehouse.reverses(reader, at(w07, 9), position, 9) or (
            received is not None and received < ZERO
        )
        items = warehouse.item_ids(reader, w07, case=3, pairs=(4, 6, 10), lot=8)
        self.words: LineWords = warehouse.numbered(items, lx, loop, path, ordinal)
        if received is not None:
            # a negative quantity and the code of a reversal are one reversal
            quantity = -abs(received) if self._reversal else received
            self.words["affected"] = reader.quantity(quantity, self._unit)

    def events(self, what: str, occurred_at: When | None) -> Iterator[ExceptionEvent]:
        """What W13 says of the line. A line that takes a receipt back takes its troubles back with it."""
        for ordinal, (position, w13) in enumerate(self._loop.all("W13"), 1):
            if not self._reversal:
                yield from self._condition(what, position, w13, f"{self._path}/W13[{ordinal}]", occurred_at)

    def _condition(
        self, what: str, position: int, w13: list[str], path: str, occurred_at: When | None
    ) -> Iterator[ExceptionEvent]:
        head, reader = self._head, self._head.reader
        condition, damage = at(w13, 3), at(w13, 5)
        if not condition:
            raise reader.stop("W1303 is empty: nothing says what is wrong with the goods", position, 3)
        row, code = reader.told("x12-412", condition, position, 3)
        exception = codes.exception_of(row)
        if exception == codes.NONE:
            return
        said: list[SourceCode] = [code]
        cause = codes.cause_of(row)
        if damage:
            why, code = reader.told("x12-853", damage, position, 5)
            said.append(code)
            cause = why.cause if why is not None and why.cause else cause
        words: LineWords = {**self.words}
        words.pop("affected", None)
        unit = at(w13, 2) or self._unit
        amount = ""
        if text := at(w13, 1):
            number = reader.count(text, position, 1)
            words["affected"] = reader.quantity(number, unit)
            amount = f"{plain(number)} {unit} of ".replace("  ", " ")
        verb = TITLES.get(exception, "says something unknown of")
        yield head.event(
            exception,
            f"{head.who} {verb} {amount}{what} line {words['line_ref']}",
            position,
            path,
            line=words,
            cause=cause,
            said=said,
            occurred_at=occurred_at,
        )


class _Totals:
    """W14: how much was received, shipped, and damaged or put on hold in all."""

    __slots__ = ("_head", "_held", "_position", "_received", "_shipped")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._received = self._shipped = self._held = None
        found = head.reader.tree.first("W14")
        self._position = found[0] if found else 0
        if found:
            self._received, self._shipped, self._held = (self._number(found[1], place) for place in (1, 2, 3))
            for name, number in (
                ("units_declared", self._received),
                ("units_shipped", self._shipped),
                ("units_held", self._held),
            ):
                if number is not None:
                    head.attributes[name] = plain(number)

    def _number(self, w14: list[str], place: int) -> Decimal | None:
        text = at(w14, place)
        return self._head.reader.count(text, self._position, place) if text else None

    def unexplained(self, told: set[str]) -> Decimal:
        """By how much more or less was received than shipped, where no line says so."""
        if self._received is None or self._shipped is None:
            return ZERO
        difference = self._received - self._shipped
        return ZERO if ("RCV.SHORT" if difference < ZERO else "RCV.OVER") in told else difference

    def events(self, what: str, occurred_at: When | None, told: set[str]) -> Iterator[ExceptionEvent]:
        """What the totals say is damaged or on hold, and no line has said."""
        if not self._held or told & {"RCV.DAMAGED", "RCV.QUALITY", "RCV.REJECTED"}:
            return
        head = self._head
        said = [
            f"{plain(figure)} {word}"
            for figure, word in (
                (self._received, "received"),
                (self._shipped, "shipped"),
                (self._held, "damaged or on hold"),
            )
            if figure is not None
        ]
        units = f"{plain(self._held)} {'unit' if self._held == 1 else 'units'}"
        yield head.event(
            "RCV.DAMAGED",
            f"{head.who} {TITLES['RCV.DAMAGED']} {units} of {what}",
            self._position,
            "W14",
            detail=f"the totals say: {', '.join(said)}",
            method="rule",
            occurred_at=occurred_at,
        )
