"""861 receiving advice: what a customer received of what was shipped to it, and in which condition.

Source: X12 004010 set 861, segments BRA, REF, DTM, PRF, TD5, N1, RCD, LIN, CTT. Element 412 (BRA06, RCD08, RCD11,
RCD14, RCD17, RCD20) is read by its crosswalk.

One Fact ``received`` for each purchase order; then one ExceptionEvent for each condition of each line that is not
good. 07 is good: no exception, whatever quantity stands beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Party, Ref, SourceCode, Statement, When
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import codes, facts, parties, references, warehouse
from mappings.lines import apart, line_words, order_line
from mappings.x12 import CANCELLATION, ZERO, Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/861"
VERSION: Final = "1"

_CONDITIONS: Final = (6, 9, 12, 15, 18)
"""Where the five (quantity, unit, condition) of an RCD begin."""

TITLES: Final = {**warehouse.RECEIPT_TITLES, "RCV.NO_ASN": "found no ship notice for"}


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One advice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    advice = _Advice(reader)
    for order in advice.orders:
        yield order.fact()
    if advice.purpose == CANCELLATION:
        return
    for order in advice.orders:
        yield from order.events()


@dataclass(slots=True)
class _Order:
    """What was received of one purchase order. ``number`` is empty where the advice names none."""

    advice: "_Advice"
    number: str
    refs: list[Ref] = field(default_factory=list)
    lines: "list[_Line]" = field(default_factory=list)

    def fact(self) -> Fact:
        advice = self.advice
        return Fact(
            kind="received",
            refs=self.refs,
            place=advice.reader.place(advice.position, "BRA"),
            occurred_at=advice.occurred_at,
            parties=advice.parties,
            lines=[line.words for line in self.lines],
            source_codes=[advice.condition[1]] if advice.condition is not None else [],
            attributes=facts.trimmed(advice.attributes),
        )

    def events(self) -> Iterator[ExceptionEvent]:
        """The lines' troubles; the header's own where no line has one."""
        told = False
        for line in self.lines:
            for event in line.events(self):
                told = True
                yield event
        advice = self.advice
        if advice.condition is None or told:
            return
        row, code = advice.condition
        exception = codes.exception_of(row)
        if exception != codes.NONE:
            yield advice.event(
                exception, f"{self.what}", self, advice.position, "BRA", [code], codes.cause_of(row)
            )

    @property
    def what(self) -> str:
        """``PO 4711``, or the receipt where no order is named."""
        return f"PO {self.number}" if self.number else f"receipt {self.advice.number}"


class _Advice:
    """What holds for the whole document, and its orders."""

    __slots__ = (
        "attributes", "condition", "number", "occurred_at", "orders", "parties", "position", "purpose", "reader",
        "refs", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        self.position, bra = reader.begin("BRA", "nothing says which receipt it is about")
        self.number, self.purpose = at(bra, 1), at(bra, 3)
        if not self.number:
            raise reader.stop("BRA01 is empty: the receipt has no number", self.position, 1)
        self.who = reader.who("The receiver")
        self.refs: list[Ref] = [reader.issued("receipt", self.number, by="sender")]
        self.parties: list[Party] = []
        self.attributes: dict[str, str] = {}
        if self.purpose:
            self.attributes["purpose"] = self.purpose
        if kind := at(bra, 4):
            self.attributes["advice_type"] = kind
        self.condition = reader.told("x12-412", at(bra, 6), self.position, 6) if at(bra, 6) else None
        self.occurred_at: When | None = reader.day(at(bra, 2), self.position, 2)
        order = self._header(tree)
        parties.add(self.parties, *parties.named(reader, tree))
        reader.add_sender(self.parties, "customer", "buyer")
        self.orders = self._orders(tree, order)

    def _header(self, tree: "Loop") -> str:
        """The numbers and dates before the first line; the one purchase order that the header names, if it does."""
        order = ""
        reader = self.reader
        for position, segment in tree.segments:
            match segment[0]:
                case "PRF":
                    order = order or at(segment, 1)
                case "REF":
                    if at(segment, 1) == "PO":
                        order = order or at(segment, 2)
                    else:
                        put_reference(reader, self.refs, self.attributes, at(segment, 1), at(segment, 2))
                case "DTM" if day := at(segment, 2):
                    word = reader.word_of_date(at(segment, 1))
                    if word == "received":
                        self.occurred_at = reader.day(day, position, 2)
                    elif word:
                        self.attributes[f"{word}_date"] = reader.date(day, position, 2)
                case "TD5" if at(segment, 2) == "2" and (scac := at(segment, 3)):
                    self.attributes["carrier"] = scac
                    parties.add(self.parties, parties.carrier(scac))
                case "CTT" if declared := at(segment, 1):
                    self.attributes["lines_declared"] = declared[:32]
        return order

    def _orders(self, tree: "Loop", order: str) -> list[_Order]:
        orders: dict[str, _Order] = {}
        for ordinal, loop in enumerate(tree.inside("RCD"), 1):
            line = _Line(self.reader, loop, ordinal, order)
            if line.order not in orders:
                orders[line.order] = self._order(line.order)
            found = orders[line.order]
            for ref in line.refs:
                if ref not in found.refs and len(found.refs) < references.AT_MOST:
                    found.refs.append(ref)
            found.lines.append(line)
        if not orders:
            orders[order] = self._order(order)
        for each in orders.values():
            apart([line.words for line in each.lines])
        return list(orders.values())

    def _order(self, number: str) -> _Order:
        refs = [self.reader.purchase_order(number, sent_by="buyer")] if number else []
        return _Order(advice=self, number=number, refs=[*refs, *self.refs])

    def event(
        self,
        exception: str,
        what: str,
        order: _Order,
        position: int,
        path: str,
        said: list[SourceCode],
        cause: str | None,
        words: LineWords | None = None,
    ) -> ExceptionEvent:
        """One trouble of this receipt."""
        return ExceptionEvent(
            code=exception,
            title=f"{self.who} {TITLES.get(exception, 'says something unknown of')} {what}",
            detail="; ".join(each["text"] for each in said if each.get("text")) or None,
            cause=cause,
            refs=order.refs,
            place=self.reader.place(position, path),
            occurred_at=self.occurred_at,
            parties=self.parties,
            lines=[words] if words is not None else [],
            source_codes=said,
            ext=self.reader.ext(),
        )


class _Line:
    """One RCD loop."""

    __slots__ = ("_ordinal", "_position", "_reader", "order", "refs", "words")

    def __init__(self, reader: Reader, loop: "Loop", ordinal: int, order: str) -> None:
        self._reader = reader
        self._ordinal = ordinal
        self.order = order
        self.refs: list[Ref] = []
        position, rcd = loop.segments[0]
        self._position = position
        items: list[Ref] = []
        number = at(rcd, 1)
        ordered = None
        own_order = ""
        for place, segment in loop.segments[1:]:
            match segment[0]:
                case "LIN":
                    items += product_ids(segment, 2, reader.partner)
                    number = order_line(segment, items) or number
                case "SN1" if text := at(segment, 5):
                    ordered = reader.quantity(reader.count(text, place, 5), at(segment, 6) or at(segment, 3))
                case "PRF":
                    own_order = own_order or at(segment, 1)
                case "REF" if at(segment, 1) == "PO":
                    own_order = own_order or at(segment, 2)
                case "REF":
                    put_reference(reader, self.refs, None, at(segment, 1), at(segment, 2))
                case "MAN" if at(segment, 1) in ("GM", "AA") and len(self.refs) < warehouse.LABELS_AT_MOST:
                    self.refs.append({"kind": "sscc", "value": warehouse.sscc(at(segment, 2))[:256]})
        self.order = own_order or order
        self.words = line_words(number, items, fallback=f"position:{ordinal}")
        if ordered is not None:
            self.words["ordered"] = ordered
        if text := at(rcd, 2):
            self.words["affected"] = reader.quantity(
                reader.count(text, position, 2), reader.unit_of(at(rcd, 3))
            )

    def events(self, order: _Order) -> Iterator[ExceptionEvent]:
        """Each condition of the line that is not good, and what was sent back without one."""
        reader = self._reader
        rcd = reader.segments[self._position - 1]
        explained = False
        for place in _CONDITIONS:
            condition = at(rcd, place + 2)
            if not condition:
                continue
            row, code = reader.told("x12-412", condition, self._position, place + 2)
            exception = codes.exception_of(row)
            if exception == codes.NONE:
                continue
            explained = True
            yield self._event(order, exception, place, [code], codes.cause_of(row))
        text = at(rcd, 4)
        if text and not explained and reader.count(text, self._position, 4) > ZERO:
            yield self._event(order, "RCV.REJECTED", 4, [], "returned")

    def _event(
        self, order: _Order, exception: str, place: int, said: list[SourceCode], cause: str | None
    ) -> ExceptionEvent:
        reader = self._reader
        rcd = reader.segments[self._position - 1]
        words: LineWords = {**self.words}
        words.pop("affected", None)
        amount = ""
        if text := at(rcd, place):
            unit = reader.unit_of(at(rcd, place + 1))
            number = reader.count(text, self._position, place)
            words["affected"] = reader.quantity(number, unit)
            amount = f"{plain(number)} {unit} of ".replace("  ", " ")
        return order.advice.event(
            exception,
            f"{amount}{order.what} line {words['line_ref']}",
            order,
            self._position,
            f"RCD[{self._ordinal}]",
            said,
            cause,
            words,
        )


# 128 → the kind of number
_REFERENCES: Final = {"BM": "bol", "MB": "bol", "2I": "tracking", "VN": "sales_order", "OQ": "sales_order"}


def put_reference(
    reader: Reader, refs: list[Ref], named: dict[str, str] | None, qualifier: str, value: str
) -> None:
    """A REF: the ship notice (SI, which is BSN02 of the 856), the invoice, the waybill; else an attribute."""
    if not value:
        return
    ref: Ref
    if qualifier == "SI":
        ref = reader.issued("asn", value, by="receiver")
    elif qualifier == "IV":
        ref = reader.issued("invoice", value, by="receiver")
    elif qualifier == "CN":
        ref = {"kind": "pro", "value": value[:256]}
    elif kind := _REFERENCES.get(qualifier):
        ref = {"kind": kind, "value": value[:256]}
    else:
        if named is not None and (word := facts.as_name(qualifier)):
            facts.note(named, f"ref.{word}", value)
        return
    if ref not in refs and len(refs) < references.AT_MOST:
        refs.append(ref)
