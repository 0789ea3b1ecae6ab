"""947 inventory adjustment advice: a warehouse corrects stock figures, or holds and releases stock.

Source: X12 004010 set 947, segments W15, N1, N9, G62, W19. Element 181 (W1901) is read by its crosswalk; its ``ours``
says which way a correction goes.

One Fact ``adjusted`` with signed quantities; a Fact ``released`` for stock that is off hold; one ExceptionEvent for
each line that is an exception.

Sign. W1902 is signed and W1901 may have a direction of its own, and warehouses combine them differently. A code with
a direction (06 down, 56 up) decides alone; a quantity that bears the same sign says it once more, and is not applied
twice: ``06*-5`` and ``06*5`` both take five away. ``56*-5`` contradicts itself and is set aside, until the partner's
profile says that the sign counts (``ours = "signed"``). A code without a direction (AA) takes the sign.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Ref, SourceCode, Statement, When
from canonical.events import Line as LineWords
from crossdock.partners import MappingContext
from mappings import codes, facts, parties, references, warehouse
from mappings.codes import Row
from mappings.lines import line_words
from mappings.warehouse import Head
from mappings.x12 import CANCELLATION, ZERO, Reader, at, plain

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet
    from crossdock.formats.x12.loops import Loop

DOCUMENT: Final = "x12/947"
VERSION: Final = "1"

_STATUSES: Final = frozenset({"hold", "off_hold"})

_TITLES: Final = {
    "INV.HOLD": "put on hold", "INV.RECALL": "takes back", "INV.SHELF_LIFE": "wrote off as too old",
}  # fmt: skip


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One advice as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    head = Head(reader)
    position, w15 = head.begin("W15")
    number = at(w15, 2)
    head.issued("message", number, by="sender")
    head.issued("message", at(w15, 3), by="receiver")
    if purpose := at(w15, 4):
        head.attributes["purpose"] = purpose
    occurred_at = reader.day(at(w15, 1), position, 1)
    head.read()
    found = [_Line(head, *each) for each in warehouse.item_loops(reader, "W19")]
    if not found:
        raise reader.stop("there is no W19: the advice adjusts nothing", position)
    if not head.refs:
        for line in found:
            for item in line.items:
                head.put(item)
    head.close("warehouse")

    yield Fact(
        kind="adjusted",
        refs=head.refs,
        place=reader.place(position, "W15"),
        occurred_at=occurred_at,
        parties=head.parties,
        # what is only held or released is still there: it corrects no figure
        lines=[line.words for line in found if line.effect not in _STATUSES],
        source_codes=_distinct(line.code for line in found),
        attributes=facts.trimmed(head.attributes),
    )
    if purpose == CANCELLATION:
        return
    for line in found:
        if line.effect == "off_hold":
            yield line.released(occurred_at)
        elif line.exception != codes.NONE:
            yield line.event(occurred_at)


class _Line:
    """One W19: an item, how much of it, which way, and why."""

    __slots__ = (
        "_amount", "_head", "_path", "_position", "_row", "_transaction", "_unit", "code", "effect", "items", "words",
    )  # fmt: skip

    def __init__(self, head: Head, _: "Loop | None", loop: "Loop", path: str, ordinal: int) -> None:
        reader = head.reader
        position, w19 = loop.segments[0]
        self._head, self._path, self._position = head, path, position
        reason, text = at(w19, 1), at(w19, 2)
        if not reason:
            raise reader.stop("W1901 is empty: nothing says why the figure was corrected", position, 1)
        if not text:
            raise reader.stop("W1902 is empty: nothing says by how much", position, 2)
        self._row, self.code = reader.told("x12-181", reason, position, 1)
        self.effect = codes.ours(self._row) or "signed"
        self._unit = at(w19, 3)
        self._transaction = at(w19, 16)
        change = _change(reader, self._row, self.effect, reader.number(text, position, 2), position)
        self._amount = abs(change)
        parties.add(head.parties, *parties.named(reader, loop))
        self.items = warehouse.item_ids(reader, w19, case=4, pairs=(5, 7, 17), lot=9)
        self.words: LineWords = line_words("", self.items, fallback=path)
        self.words["affected"] = reader.quantity(change, self._unit)

    @property
    def exception(self) -> str:
        return codes.exception_of(self._row)

    def _refs(self) -> list[Ref]:
        """The item first: what happens to stock is a matter of the item, not of the message."""
        items = [item for item in self.items if item["kind"] == "item"][:1]
        lots = [item for item in self.items if item["kind"] == "lot"]
        return [*items, *lots, *(ref for ref in self._head.refs if ref not in self.items)][
            : references.AT_MOST
        ]

    def event(self, occurred_at: When | None) -> ExceptionEvent:
        """The correction or the hold as an exception."""
        head, words = self._head, self.words
        unit = f" {self._unit}" if self._unit else ""
        verb = _TITLES.get(self.exception)
        if verb is None:
            change = Decimal(words["affected"]["value"])
            verb = f"corrected the stock by {'+' if change > ZERO else ''}{plain(change)}{unit} of"
        else:
            verb = f"{verb} {plain(self._amount)}{unit} of"
        return head.event(
            self.exception,
            f"{head.who} {verb} {words['line_ref']}",
            self._position,
            self._path,
            refs=self._refs(),
            line=words,
            cause=codes.cause_of(self._row),
            said=[self.code],
            occurred_at=occurred_at,
            ext={"transaction_type": self._transaction} if self._transaction else None,
        )

    def released(self, occurred_at: When | None) -> Fact:
        """Stock that is off hold. A lot that is named is released alone: the other lots of the item stay on hold."""
        head = self._head
        lots = [item for item in self.items if item["kind"] == "lot"]
        attributes = {"quantity": plain(self._amount)}
        if lots:
            attributes["item"] = self.words["line_ref"]
        numbers = [ref for ref in head.refs if ref not in self.items]
        return Fact(
            kind="released",
            refs=[*(lots or self._refs()[:1]), *numbers][: references.AT_MOST],
            place=head.reader.place(self._position, self._path),
            occurred_at=occurred_at,
            parties=head.parties,
            lines=[] if lots else [self.words],
            source_codes=[self.code],
            attributes=attributes,
        )


def _change(reader: Reader, row: Row | None, effect: str, quantity: Decimal, position: int) -> Decimal:
    """By how much the stock on hand changes, signed; of a hold and its release, how much is moved, unsigned."""
    match effect:
        case "decrease":
            return -abs(quantity)
        case "increase" if quantity < ZERO:
            raise reader.stop(
                f"W1902 is {plain(quantity)}, and W1901 {row.code if row else ''} says that the stock grew: "
                "which of the two holds?",
                position,
                2,
                remedy="ask the warehouse; where its sign counts, add the code with ours = 'signed' under "
                "[codes.x12-181] to its profile, then replay this dead letter",
            )
        case "hold" | "off_hold":
            return abs(quantity)
    return quantity


def _distinct(said: Iterator[SourceCode]) -> list[SourceCode]:
    found: list[SourceCode] = []
    for code in said:
        if code not in found:
            found.append(code)
    return found[:1000]
