"""What holds for a whole order or change of an order: its number, dates, parties, money. Shared by 850, 860 and 869.

These are the documents that the buyer sends: the number is the partner's when it came in, ours in a copy of ours.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from canonical.events import (
    DocumentPlace,
    ExceptionEvent,
    Line,
    Party,
    Ref,
    SourceCode,
    Variance,
    When,
)
from mappings import codes, money, parties, times
from mappings.inbound.x12_850.doubts import Doubt
from mappings.x12 import Reader, at, plain

if TYPE_CHECKING:
    from crossdock.formats.x12.loops import Loop

DATES: Final = frozenset(
    {
        "delivery_requested", "ship_requested", "ship_not_before", "ship_not_after", "deliver_not_before",
        "deliver_not_after", "required_by", "cancel_after", "cancel_if_not_delivered_by", "cancel_if_not_shipped_by",
        "pickup_requested",
    }
)  # fmt: skip
"""The dates [374] of an order that clocks and matching ask for, by our words of the crosswalk."""

_CANCELS: Final = frozenset({"cancellation", "deletion"})
_ORIGINALS: Final = frozenset({"original"})
_COUNTED: Final = 10
"""CTT01 has at most so many digits that a count of lines can be."""


class Order:
    """The head of an order: the segment that begins it (BEG, BCH), and what stands before the first line."""

    __slots__ = (
        "attributes", "begin", "currency", "date", "dates", "lines_declared", "number", "occurred_at", "parties",
        "place", "purpose", "purpose_code", "reader", "refs", "total_place", "who",
    )  # fmt: skip

    def __init__(self, reader: Reader, segment_id: str, *, number: int, date: int) -> None:
        root = reader.tree
        self.reader = reader
        self.begin = reader.begin(segment_id, "nothing says what this document is about")
        position, segment = self.begin
        self.who = reader.who("The buyer")
        self.number = at(segment, number)
        if not self.number:
            raise reader.stop(
                f"{segment_id}{number:02} is empty: the document names no purchase order", position, number
            )
        code = at(segment, 1)
        if not code:
            raise reader.stop(
                f"{segment_id}01 is empty: nothing says whether this is new, a change or a copy", position, 1
            )
        row = reader.meaning("x12-353", code, position, 1)
        self.purpose = codes.ours(row)
        self.purpose_code: SourceCode = codes.source_code("x12-353", code, row)
        self.refs: list[Ref] = [reader.purchase_order(self.number, sent_by="buyer")]
        self.place: DocumentPlace = reader.place(position, segment_id)
        day = at(segment, date)
        self.date = reader.date(day, position, date) if day else ""
        self.occurred_at: When | None = times.on(self.date) if day else None
        self.attributes: dict[str, str] = {"purpose": code}
        if self.date:
            self.attributes["order_date"] = self.date

        self.dates = dates_of(reader, root)
        self.attributes |= self.dates
        self.currency = ""
        if (found := root.first("CUR")) is not None:
            self.currency = money.currency(reader, at(found[1], 2), found[0], 2)
        if self.currency:
            self.attributes["currency"] = self.currency
        for _, route in root.all("TD5"):
            if at(route, 2) == "2" and at(route, 3):
                self.attributes["carrier"] = at(route, 3)[:64]
        self.parties: list[Party] = []
        parties.add(self.parties, *parties.named(reader, root))
        if reader.context.direction == "in":
            reader.add_sender(self.parties, "buyer")
        else:
            reader.add_sender(self.parties, "seller", "supplier")
        self._totals(root)

    def _totals(self, root: "Loop") -> None:
        reader = self.reader
        self.lines_declared: int | None = None
        self.total_place: DocumentPlace = self.place
        amounts = [loop.segments[0] for loop in root.inside("AMT")]
        for loop in root.inside("CTT"):
            position, segment = loop.segments[0]
            declared = at(segment, 1)
            if declared.isascii() and declared.isdigit() and len(declared) < _COUNTED:
                self.lines_declared = int(declared)
                self.attributes["lines_declared"] = str(self.lines_declared)
                self.total_place = reader.place(position, "CTT")
            if text := at(segment, 2):
                self.attributes["hash_total"] = plain(reader.number(text, position, 2))
            amounts += loop.all("AMT")
        for position, segment in amounts:
            if at(segment, 1) == "TT" and (text := at(segment, 2)):
                self.attributes["total"] = plain(reader.number(text, position, 2))

    @property
    def cancels(self) -> bool:
        """Whether the purpose takes the whole order back (01 cancellation, 17 cancelled and issued again, …)."""
        return self.purpose in _CANCELS

    @property
    def is_original(self) -> bool:
        """Whether it is new: a confirmation or a copy of what was said before may well speak of days gone by."""
        return self.purpose in _ORIGINALS

    def attribute(self, name: str, segment: Sequence[str], element: int) -> None:
        """Keep an element of the first segment as it is, when it is there."""
        if element < len(segment) and (value := segment[element].strip()):
            self.attributes[name] = value[:1024]

    def date_attribute(self, name: str, element: int) -> None:
        """Keep a date of the first segment, when it is there."""
        position, segment = self.begin
        if day := at(segment, element):
            self.attributes[name] = self.reader.date(day, position, element)

    def borrow_dates(self, lines: Iterable[dict[str, str]]) -> None:
        """Dates that only the lines tell: for the whole order the first of them, for then something is due."""
        told: dict[str, str] = {}
        for dates in lines:
            for word, date in dates.items():
                if word not in self.dates:
                    told[word] = min(told.get(word, date), date)
        self.attributes = {**told, **self.attributes}

    def event(
        self,
        code: str,
        title: str,
        *,
        detail: str | None = None,
        place: DocumentPlace | None = None,
        lines: Sequence[Line] = (),
        variances: Sequence[Variance] = (),
        source_codes: Sequence[SourceCode] = (),
        cause: str | None = None,
        method: str = "code-map",
    ) -> ExceptionEvent:
        """A trouble of this order."""
        return ExceptionEvent(
            code=code,
            title=title,
            detail=detail,
            cause=cause,
            refs=self.refs,
            place=place or self.place,
            occurred_at=self.occurred_at,
            parties=self.parties,
            lines=lines,
            variances=variances,
            source_codes=source_codes or [self.purpose_code],
            method=method,
            ext=self.reader.ext(),
        )

    def doubted(
        self,
        title: str,
        doubts: Sequence[Doubt],
        *,
        place: DocumentPlace | None = None,
        lines: Sequence[Line] = (),
        code: str = "ORD.VALIDATION",
    ) -> ExceptionEvent:
        """What the document says against itself, as one trouble."""
        return self.event(
            code,
            title[0].upper() + title[1:],
            detail="; ".join(doubt.sentence for doubt in doubts),
            place=place,
            lines=lines,
            variances=[doubt.variance for doubt in doubts if doubt.variance is not None],
            method="rule",
        )

    def miscounted(self, about: str, segment_id: str, found: int) -> ExceptionEvent | None:
        """Another number of lines than CTT01 declares; ``None`` where it declares none, or as many."""
        declared = self.lines_declared
        if declared is None or declared == found:
            return None
        return self.doubted(
            f"{about} counts {_counted(declared)} and has {found}",
            [
                Doubt(
                    sentence=f"CTT01 says {_counted(declared)}, and {segment_id} stands there {found} times",
                    variance={"attribute": "text", "expected": str(declared), "actual": str(found)},
                )
            ],
            place=self.total_place,
        )


def _counted(lines: int) -> str:
    """``1 line``, ``2 lines``."""
    return "1 line" if lines == 1 else f"{lines} lines"


def dates_of(reader: Reader, loop: "Loop") -> dict[str, str]:
    """The dates that a loop's own DTM segments tell, by our words for their qualifiers. Others are left out."""
    found: dict[str, str] = {}
    for position, segment in loop.all("DTM"):
        word, day = reader.word_of_date(at(segment, 1)), at(segment, 2)
        if day and word in DATES:
            found[word] = reader.date(day, position, 2)
    return found
