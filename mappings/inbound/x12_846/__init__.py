"""846 inventory advice: how much of which item there is, somewhere.

Source: X12 004010 set 846, segments BIA, DTM, N1, LIN, LDT, QTY, CTT. Elements 755 (BIA02) and 673 (QTY01) are read
by their crosswalks; 344 (LDT03) is the unit of a lead time.

One Fact ``inventory`` for each kind of quantity, place and date, with a line for each item: ``quantity_kind`` is our
word for the kind (``available``, ``on_hand``, ``lead_time`` in days). Then one ExceptionEvent for each quantity above
zero that is a trouble by itself (backordered, on hold, damaged, missing). Nothing on hand is none by itself, for only
open demand makes a shortage of it: the fact counts such lines (``zero_lines``). A copy of our
own report is facts alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Party, Quantity, Ref, SourceCode, Statement
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import codes, facts, parties
from mappings.lines import line_words
from mappings.x12 import ZERO, Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/846"
VERSION: Final = "1"

# 344 → Rec 20
_PERIODS: Final = {"DA": "DAY", "DY": "DAY", "CA": "DAY", "WK": "WEE", "WW": "WEE", "MO": "MON", "HR": "HUR"}

_VERBS: Final = {"INV.SHORTAGE": "misses", "INV.HOLD": "holds back"}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One stock report as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    report = _Report(reader)
    for stock in report.stocks.values():
        yield stock.fact(report)
    if context.direction == "in":  # what we hold back ourselves is no trouble to us
        yield from report.events


@dataclass(slots=True)
class _Stock:
    """The quantities of one kind, at one place, of one date."""

    position: int
    path: str
    attributes: dict[str, str]
    parties: list[Party]
    code: SourceCode | None
    lines: list[LineWords] = field(default_factory=list)
    zeros: int = 0

    def fact(self, report: "_Report") -> Fact:
        attributes = {**report.attributes, **self.attributes}
        if self.zeros:
            attributes["zero_lines"] = str(self.zeros)
        return Fact(
            kind="inventory",
            refs=report.refs,
            place=report.reader.place(self.position, self.path),
            occurred_at=report.occurred_at,
            parties=self.parties,
            lines=self.lines,
            source_codes=[self.code] if self.code is not None else [],
            attributes=facts.trimmed(attributes),
        )


class _Report:
    """The document: its numbers, and its quantities by kind, place and date."""

    __slots__ = ("attributes", "events", "occurred_at", "parties", "reader", "refs", "stocks", "who")

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        position, bia = reader.begin("BIA", "nothing says which report it is")
        self.who = reader.who()
        self.refs: list[Ref] = [reader.issued("feed", DOCUMENT, by="sender")]
        if number := at(bia, 3):
            self.refs.append(reader.issued("message", number, by="sender"))
        self.attributes: dict[str, str] = {}
        if purpose := at(bia, 1):
            self.attributes["purpose"] = purpose
        if kind := at(bia, 2):
            # a title alone: what nobody knows changes nothing
            row = codes.meaning("x12-755", kind, reader.partner)
            self.attributes["report"] = codes.ours(row) or kind
        self.occurred_at = reader.when(bia, position, 4)
        self.parties: list[Party] = []
        parties.add(self.parties, *parties.named(reader, tree))
        reader.add_sender(self.parties, "warehouse", "supplier", "seller")
        if total := tree.first("CTT"):
            self.attributes["lines_declared"] = at(total[1], 1)[:32]
        self.stocks: dict[tuple[str, ...], _Stock] = {}
        self.events: list[ExceptionEvent] = []
        loops = tree.inside("LIN")
        if not loops:
            raise reader.stop("there is no LIN: the report names no item", position)
        for ordinal, loop in enumerate(loops, 1):
            self._item(loop, ordinal)
        if not self.stocks:
            raise reader.stop("there is no QTY: the report names no quantity", position)

    def _item(self, loop: "Loop", ordinal: int) -> None:
        reader = self.reader
        lin = loop.segments[0][1]
        items = product_ids(lin, 2, reader.partner)[:32]
        # the next report numbers its lines anew: the item is what the reports share
        words = line_words("", items, fallback=f"position:{ordinal}")
        path = f"LIN[{ordinal}]"
        for position, segment in loop.all("LDT"):
            self._lead_time(words, position, segment, path)
        for number, quantity in enumerate(loop.inside("QTY"), 1):
            self._quantity(words, quantity, f"{path}/QTY[{number}]", None)
        for place, party in enumerate(loop.inside("N1"), 1):
            name = f"{path}/N1[{place}]"
            segment = party.segments[0][1]
            for position, lead in party.all("LDT"):
                self._lead_time(words, position, lead, name)
            for number, quantity in enumerate(party.inside("QTY"), 1):
                self._quantity(words, quantity, f"{name}/QTY[{number}]", segment)

    def _stock(
        self, position: int, path: str, kind: str, date: tuple[str, str], n1: list[str] | None
    ) -> _Stock:
        where = (at(n1, 1), at(n1, 3), at(n1, 4), at(n1, 2)) if n1 is not None else ()
        key = (kind, *date, *where)
        stock = self.stocks.get(key)
        if stock is None:
            attributes = {"quantity_kind": kind}
            if date[0]:
                attributes[date[0]] = date[1]
            own = self.parties
            if n1 is not None:
                if location := at(n1, 4) or at(n1, 2):
                    attributes["location"] = location[:128]
                own = [{**party, "ids": list(party["ids"])} for party in self.parties]
                parties.add(own, self.reader.party(n1))
            stock = self.stocks[key] = _Stock(
                position=position, path=path, attributes=attributes, parties=own, code=None
            )
        return stock

    def _quantity(self, words: LineWords, loop: "Loop", path: str, n1: list[str] | None) -> None:
        reader = self.reader
        position, qty = loop.segments[0]
        code, text = at(qty, 1), at(qty, 2)
        if not code:
            raise reader.stop("QTY01 is empty: nothing says what the quantity is", position, 1)
        if not text:
            return  # QTY04: words in place of a number
        row, told = reader.told("x12-673", code, position, 1)
        number = reader.number(text, position, 2)
        unit = reader.unit_of(at(qty, 3))
        kind = codes.ours(row) or f"x12-673.{code[:8]}"
        date = ("", "")
        for place, segment in loop.all("DTM"):
            if day := at(segment, 2):
                date = (
                    f"{reader.word_of_date(at(segment, 1)) or 'quantity'}_date",
                    reader.date(day, place, 2),
                )
        stock = self._stock(position, path, kind, date, n1)
        stock.code = stock.code or told
        line: LineWords = {**words, "affected": reader.quantity(number, unit)}
        stock.lines.append(line)
        stock.zeros += number == ZERO
        exception = codes.exception_of(row)
        if exception != codes.NONE and (number > ZERO or row is None):
            verb = _VERBS.get(exception, "says something unknown of")
            item = [ref for ref in words.get("item_ids", []) if ref["kind"] == "item"][:1]
            self.events.append(
                ExceptionEvent(
                    code=exception,
                    title=f"{self.who} {verb} {plain(number)}{f' {unit}' if unit else ''} of {words['line_ref']}",
                    detail=told.get("text"),
                    cause=codes.cause_of(row),
                    refs=[*item, *self.refs],
                    place=reader.place(position, path),
                    occurred_at=self.occurred_at,
                    parties=stock.parties,
                    lines=[line],
                    source_codes=[told],
                    ext=reader.ext(),
                )
            )
        for place, segment in loop.all("LDT"):
            self._lead_time(words, place, segment, path)

    def _lead_time(self, words: LineWords, position: int, ldt: list[str], path: str) -> None:
        """A lead time is a quantity of time: a slip is found by comparing it with the last report's."""
        period = _PERIODS.get(at(ldt, 3))
        text = at(ldt, 2)
        if period is None or not text:
            return
        number = self.reader.count(text, position, 2)
        affected: Quantity = {"value": plain(number), "uom": period, "uom_source": at(ldt, 3)}
        stock = self._stock(position, path, "lead_time", ("", ""), None)
        stock.lines.append({**words, "affected": affected})
