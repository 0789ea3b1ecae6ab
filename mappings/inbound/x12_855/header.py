"""The header of an 855 or 865: order, parties, currency, and the dates that were asked for."""

from dataclasses import dataclass
from typing import Final

from canonical.events import DocumentPlace, Party, Ref, SourceCode, When
from mappings import codes, money
from mappings.x12 import Reader, at

# 374, by our words of the crosswalk: a wish is compared only with a promise of the same kind
_WISHES: Final = {"delivery_requested": "delivery", "required_by": "delivery", "ship_requested": "ship"}
PROMISES: Final = {
    "delivery_estimated": "delivery", "delivery_scheduled": "delivery", "delivery_promised": "delivery",
    "shipped": "ship", "ship_scheduled": "ship", "ship_promised": "ship",
}  # fmt: skip
_LATEST_WISHES: Final = {"deliver_not_after": "delivery", "ship_not_after": "ship"}

_COUNTED: Final = 10
"""A number of lines has fewer digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Where the segment that begins the answer says what: its purpose, its kind and the order stand first."""

    segment: str
    date: int
    """When the order was made."""
    theirs: int
    """The seller's own number of it."""
    said: int
    """When it was answered."""
    kind_needed: bool


BAK: Final = Begin(segment="BAK", date=4, theirs=8, said=9, kind_needed=True)
"""X12 004010 BAK: what begins an 855."""


class Header:
    """What holds for all lines: order, parties, currency, and the dates that were asked for."""

    __slots__ = (
        "_begin", "currency", "ext", "kind", "lines_declared", "meaning", "occurred_at", "order", "order_date",
        "parties", "position", "purpose", "reader", "refs", "source_code", "who", "wishes",
    )  # fmt: skip

    def __init__(self, reader: Reader, begin: Begin = BAK) -> None:
        self._begin = begin
        self.reader = reader
        self.position = 0
        self.currency = ""
        self.lines_declared = 0
        self.parties: list[Party] = []
        self.wishes: dict[str, str] = {}
        self.who = reader.who("The supplier")
        self.ext = reader.ext()

    def take(self, name: str, segment: list[str], position: int) -> None:
        """One segment before the first line, or behind the last."""
        reader = self.reader
        begin = self._begin
        if name == begin.segment:
            if self.position:
                raise reader.stop(f"a second {name} stands in the set", position)
            self.position = position
            self.purpose, self.kind, self.order = at(segment, 1), at(segment, 2), at(segment, 3)
            if not self.kind and begin.kind_needed:
                raise reader.stop(f"{name}02 is empty: nothing says what is acknowledged", position, 2)
            if not self.order:
                raise reader.stop(
                    f"{name}03 is empty: the acknowledgment names no purchase order", position, 3
                )
            self.meaning = reader.meaning("x12-587", self.kind, position, 2) if self.kind else None
            self.source_code: SourceCode = codes.source_code("x12-587", self.kind, self.meaning)
            self.refs: list[Ref] = [reader.purchase_order(self.order, sent_by="seller")]
            if (theirs := at(segment, begin.theirs)) and reader.partner is not None:
                self.refs.append({**reader.issued("sales_order", theirs, by="sender"), "role": "seller"})
            day = at(segment, begin.date)
            self.order_date = reader.date(day, position, begin.date) if day else ""
            self.occurred_at: When | None = reader.day(at(segment, begin.said), position, begin.said)
        elif name == "CUR":
            self.currency = money.currency(reader, at(segment, 2), position, 2)
        elif name == "CTT":
            declared = at(segment, 1)
            if declared.isascii() and declared.isdigit() and len(declared) < _COUNTED:
                self.lines_declared = int(declared)
        elif name == "DTM":
            wish(reader, self.wishes, segment, position)
        elif name == "N1" and (party := reader.party(segment)) is not None:
            self.parties.append(party)

    @property
    def place(self) -> DocumentPlace:
        """Where the segment that begins the set stands."""
        return self.reader.place(self.position, self._begin.segment)

    def close(self) -> None:
        """All segments were seen: the one that begins the set must have been among them."""
        if not self.position:
            name = self._begin.segment
            raise self.reader.stop(f"the {name} is missing: nothing says which order is acknowledged", 1)
        if self.reader.context.direction == "in":
            self.reader.add_sender(self.parties, "supplier", "seller")
        else:
            self.reader.add_sender(self.parties, "buyer")


def kind_of_date(reader: Reader, qualifier: str) -> str:
    """``delivery`` or ``ship``; a date without a known qualifier is taken for the delivery's."""
    word = reader.word_of_date(qualifier)
    return PROMISES.get(word) or ("ship" if word.startswith("ship") else "delivery")


def wish(reader: Reader, wishes: dict[str, str], segment: list[str], position: int) -> None:
    """Keep the date of a DTM that says when the goods are wanted; a latest date only where no other is said."""
    word = reader.word_of_date(at(segment, 1))
    day = at(segment, 2)
    if day and (kind := _WISHES.get(word)):
        wishes[kind] = reader.date(day, position, 2)
    elif day and (kind := _LATEST_WISHES.get(word)):
        wishes.setdefault(kind, reader.date(day, position, 2))
