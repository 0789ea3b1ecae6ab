"""A document about several orders in HL levels: 870 and 869. Which level belongs to which order, and which is broken.

Source: X12 004010 segments HL, PRF, REF. HL03 [735]: O order, I item, S shipment. An order's number stands in PRF01,
else in a REF with qualifier PO.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from canonical.events import DocumentPlace, ExceptionEvent, Party, Ref, When
from crossdock.formats.x12 import loops
from mappings import parties
from mappings.inbound.x12_850.order import dates_of
from mappings.x12 import Reader, at

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Level, Loop

_ORDER: Final = frozenset({"PO"})
"""REF01 [128] of a buyer's order number."""
_SALES_ORDER: Final = frozenset({"VN", "SO"})
"""REF01 [128] of the seller's order number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A level with its ordinal among the HL of the document, from 1."""

    loop: "Loop"
    ordinal: int


@dataclass(slots=True, kw_only=True)
class Order:
    """One order of the report: its numbers, and the levels that speak of it."""

    number: str
    refs: list[Ref]
    place: DocumentPlace
    parties: list[Party]
    levels: list[Placed] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)


class Report:
    """What holds for the whole document, and its orders."""

    __slots__ = (
        "_broken", "_document", "_hierarchy", "_inquiry", "_loops", "_orders", "_sent_by", "begin", "occurred_at",
        "parties", "place", "reader", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader, segment_id: str, *, sent_by: str, number: int, date: int) -> None:
        root = reader.tree
        self.reader = reader
        self.begin = reader.begin(segment_id, "nothing says what this document is about")
        position, segment = self.begin
        self.who = reader.who("The supplier" if sent_by == "seller" else "The buyer")
        self._sent_by = sent_by
        self.place: DocumentPlace = reader.place(position, segment_id)
        self.occurred_at: When | None = reader.day(at(segment, date), position, date)
        told = at(segment, number)
        self._document: Ref | None = reader.issued("message", told, by="sender") if told else None
        self._inquiry: Ref | None = None
        self.parties: list[Party] = []
        parties.add(self.parties, *parties.named(reader, root))
        partner_sells = (sent_by == "seller") == (reader.context.direction == "in")
        reader.add_sender(self.parties, *(("supplier", "seller") if partner_sells else ("buyer",)))
        self._loops = root.inside("HL")
        if not self._loops:
            raise reader.stop("no HL is there: the document speaks of no order", position)
        self._hierarchy = loops.hierarchy(self._loops)
        self._broken = frozenset(problem.position for problem in self._hierarchy.problems)
        self._orders: list[Order] = []

    def answers(self, inquiry: str) -> None:
        """The document answers an inquiry (869) of this number, which the receiver gave."""
        self._inquiry = self.reader.issued("message", inquiry, by="receiver")

    def asks(self, inquiry: str) -> None:
        """The document is an inquiry of this number, which the sender gave."""
        self._inquiry = self.reader.issued("message", inquiry, by="sender")

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────

    def orders(self) -> list[Order]:
        """The orders in the order of the document, each with all of its levels. Levels under no order are about the
        document itself."""
        if self._orders:
            return self._orders
        by_level: dict[int, Order] = {}
        by_number: dict[str, Order] = {}
        nameless: Order | None = None
        head = self._number(self.reader.tree)
        last: Order | None = None
        for ordinal, level in enumerate(self._hierarchy.levels, 1):
            number = self._number(level.loop)
            if number:
                order = by_number.get(number)
                if order is None:
                    order = by_number[number] = self._order(number, level, ordinal)
            elif level.parent is not None and id(level.parent) in by_level:
                order = by_level[id(level.parent)]
            elif level.loop.position in self._broken and last is not None:
                order = last  # its parent is not there: the order before it is the best guess, and an event says so
            elif head:
                order = by_number.get(head) or self._order(head, level, ordinal)
                by_number[head] = order
            elif level.code == "S" or (level.children and not level.loop.inside("ISR")):
                continue  # it only groups orders
            else:
                order = nameless = nameless or self._order("", level, ordinal)
            by_level[id(level)] = last = order
            order.levels.append(Placed(loop=level.loop, ordinal=ordinal))
            self._also(order, level.loop)
        if not self._orders:
            raise self.reader.stop("no level names an order or says a status", self.begin[0])
        return self._orders

    def _order(self, number: str, level: "Level", ordinal: int) -> Order:
        refs: list[Ref] = [self.reader.purchase_order(number, sent_by=self._sent_by)] if number else []
        if self._inquiry is not None:
            refs.append(self._inquiry)
        if self._document is not None and not refs:
            refs.append(self._document)
        if not refs:
            raise self.reader.stop(
                f"HL {level.id[:12]} names no purchase order, and the document has no number",
                level.loop.position,
            )
        order = Order(
            number=number,
            refs=refs,
            place=self.reader.place(level.loop.position, f"HL[{ordinal}]"),
            parties=list(self.parties),
        )
        self._orders.append(order)
        return order

    def _number(self, loop: "Loop") -> str:
        """The order that a loop names of itself."""
        found = loop.first("PRF")
        if found is not None and at(found[1], 1):
            return at(found[1], 1)
        return next(self._referred(loop, _ORDER), "")

    def _also(self, order: Order, loop: "Loop") -> None:
        """The seller's own number of the order, its parties and its dates."""
        for number in self._referred(loop, _SALES_ORDER):
            by = "sender" if self._sent_by == "seller" else "receiver"
            ref: Ref = {**self.reader.issued("sales_order", number, by=by), "role": "seller"}
            if ref not in order.refs and len(order.refs) < 32:
                order.refs.append(ref)
        parties.add(order.parties, *parties.named(self.reader, loop))
        for word, date in dates_of(self.reader, loop).items():
            order.dates.setdefault(word, date)

    @staticmethod
    def _referred(loop: "Loop", qualifiers: frozenset[str]) -> Iterator[str]:
        """The numbers of a loop's REF segments with these qualifiers, in loops of their own or not."""
        own = [segment for _, segment in loop.all("REF")]
        inner = [found.segments[0][1] for found in loop.inside("REF")]
        return (at(segment, 2) for segment in own + inner if at(segment, 1) in qualifiers and at(segment, 2))

    # ── what is broken ───────────────────────────────────────────────────────────────────────────────────

    def broken(self) -> Iterator[ExceptionEvent]:
        """The levels whose numbers or parents are wrong, as one event: each is named."""
        problems = self._hierarchy.problems
        if not problems or self.reader.context.direction == "out":
            return
        first = problems[0]
        named = ", ".join(dict.fromkeys(problem.id or "without a number" for problem in problems[:20]))
        yield ExceptionEvent(
            code="EDI.SYNTAX",
            title=f"{self.who} sent an {self.reader.document.set_id} whose levels are broken: HL {named}",
            detail="; ".join(problem.sentence for problem in problems[:20]),
            refs=[self._document] if self._document is not None else self.orders()[0].refs,
            place=self.reader.place(first.position, f"HL[{self._ordinal(first.position)}]"),
            occurred_at=self.occurred_at,
            parties=self.parties,
            variances=[
                {"attribute": "text", "expected": "a level number that is there", "actual": problem.sentence}
                for problem in problems[:20]
            ],
            method="rule",
            ext=self.reader.ext(levels=list(dict.fromkeys(problem.id for problem in problems[:20]))),
        )

    def _ordinal(self, position: int) -> int:
        return next((ordinal for ordinal, loop in enumerate(self._loops, 1) if loop.position == position), 1)
