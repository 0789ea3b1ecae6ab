"""852 product activity: what a customer has, sold and lost of our items, by place.

Source: X12 004010 and 005010 set 852, segments XQ, N9, N1, LIN, CTP, ZA, SDQ, CTT. Element 859 (ZA01) is read by the
crosswalk; a SDQ names up to ten places with their quantities, and goes on in the next SDQ.

One Fact ``inventory`` for each kind of activity, with every item it is said of; then one ExceptionEvent for each
trouble that an activity says by itself (out of stock, on hold, sales lost, stock adjusted, returned damaged), with
the places. The case of such a trouble is the item at that customer: the next report's line numbers are others.
A jump of demand against the reports before is found by those who keep them. A copy of our own report is facts alone.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import (
    DocumentPlace,
    ExceptionEvent,
    Fact,
    Line,
    Ref,
    SourceCode,
    Statement,
    When,
)
from crossdock.formats.x12.loops import Loop
from crossdock.partners import MappingContext
from mappings import codes, parties, times
from mappings.destinations import destinations
from mappings.variances import quantity_variance
from mappings.x12 import ZERO, Reader, at, plain, product_ids

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/852"
VERSION: Final = "1"

_ACTIVITY: Final = "x12-859"
_PLACES_TOLD: Final = 200
"""So many places of an item are named in an event; of more only how many there are."""


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One report as statements. Raises ``Unreadable`` for what it cannot map."""
    reader = Reader(document, context)
    report = _Report(reader)
    items = [_Item(report, loop, number) for number, loop in enumerate(reader.tree.inside("LIN"), 1)]
    kinds: dict[str, list[_Activity]] = {}
    for item in items:
        for activity in item.activities:
            kinds.setdefault(activity.code, []).append(activity)
    if not kinds:
        yield report.fact("", [])
    for code, activities in kinds.items():
        yield report.fact(code, activities)
    if context.direction == "out":
        return  # what we report ourselves is no trouble to us
    for item in items:
        for activity in item.activities:
            yield from activity.events()


class _Report:
    """What holds for all items: of which period, whose, which numbers."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        tree = reader.tree
        self.position, segment = reader.begin("XQ", "nothing says of which day the report is")
        self.attributes: dict[str, str] = {}
        self.occurred_at: When | None = None
        if action := at(segment, 1):
            self.attributes["handling"] = action
        for element, name in ((2, "from_date"), (3, "to_date")):
            if day := at(segment, element):
                self.attributes[name] = reader.date(day, self.position, element)
                # the last day of the period is when all of it was so
                self.occurred_at = times.on(self.attributes[name])
        self.refs: list[Ref] = [reader.issued("feed", DOCUMENT, by="sender")]
        for _, number in tree.all("N9"):
            if at(number, 1) and at(number, 2):
                self.attributes.setdefault(f"n9_{at(number, 1)}".lower(), at(number, 2)[:256])
        self.parties = parties.named(reader, tree)
        reader.add_sender(self.parties, "customer", "buyer")
        count = tree.first("CTT")
        if count is not None and at(count[1], 1):
            self.attributes["lines_declared"] = at(count[1], 1)[:64]

    def fact(self, code: str, activities: "list[_Activity]") -> Fact:
        """All that the report says of one kind of activity."""
        attributes = dict(self.attributes)
        source_codes: list[SourceCode] = []
        if code:
            attributes["activity"] = activities[0].word
            source_codes.append(activities[0].source_code)
        place = activities[0].place if activities else self.reader.place(self.position, "XQ")
        return Fact(
            kind="inventory",
            refs=self.refs,
            place=place,
            occurred_at=self.occurred_at,
            parties=self.parties,
            lines=[activity.line for activity in activities],
            source_codes=source_codes,
            attributes=attributes,
        )


class _Item:
    """One LIN loop: an item, and what is said of it. The same activity said twice is one, with both quantities."""

    def __init__(self, report: _Report, loop: Loop, number: int) -> None:
        reader = report.reader
        position, segment = loop.segments[0]
        # LIN01 is a line number; a LIN without one begins with its pairs all the same
        self.ids = product_ids(segment, 2, reader.partner)
        if not self.ids:
            raise reader.stop("the LIN names no item", position, 3)
        self.report = report
        self.number = number
        self.activities: list[_Activity] = []
        found: dict[str, _Activity] = {}
        for inner in loop.inside("ZA"):
            activity = _Activity(self, inner)
            same = found.get(activity.code)
            if same is None:
                found[activity.code] = activity
                self.activities.append(activity)
            else:
                same.add(activity)


class _Activity:
    """One ZA of an item: how much of what, where."""

    def __init__(self, item: _Item, loop: Loop) -> None:
        reader = item.report.reader
        self.item = item
        self.position, segment = loop.segments[0]
        self.code = at(segment, 1)
        if not self.code:
            raise reader.stop("ZA01 is empty: nothing says what the quantity is", self.position, 1)
        self.row = reader.meaning(_ACTIVITY, self.code, self.position, 1)
        self.source_code = codes.source_code(_ACTIVITY, self.code, self.row)
        self.word = codes.ours(self.row) or self.code.lower()[:64]
        self.unit = at(segment, 3)
        text = at(segment, 2)
        self.said = reader.number(text, self.position, 2) if text else None
        self.places, unit = destinations(reader, loop)
        self.unit = self.unit or unit
        self.day = ""
        if day := at(segment, 5):
            self.day = reader.date(day, self.position, 5)

    @property
    def sum(self) -> Decimal:
        """What the places have together."""
        return sum(self.places.values(), ZERO)

    @property
    def total(self) -> Decimal | None:
        """The quantity that is said of all places, or their sum; ``None`` when none is said."""
        if self.said is not None:
            return self.said
        return self.sum if self.places else None

    @property
    def place(self) -> DocumentPlace:
        """Where it is said."""
        return self.item.report.reader.place(self.position, f"LIN[{self.item.number}]/ZA")

    @property
    def line(self) -> Line:
        """The item with its quantity. The item is the line: numbers of lines change from report to report."""
        line: Line = {"line_ref": self.item.ids[0]["value"][:64], "item_ids": self.item.ids[:32]}
        if self.total is not None:
            line["affected"] = self.item.report.reader.quantity(self.total, self.unit)
        return line

    def add(self, other: "_Activity") -> None:
        """The same activity of the same item, said again: of other places, or of another day."""
        if self.said is not None or other.said is not None:
            self.said = (self.total or ZERO) + (other.total or ZERO)
        for place, number in other.places.items():
            self.places[place] = self.places.get(place, ZERO) + number

    def events(self) -> Iterator[ExceptionEvent]:
        """The trouble that the activity says, and the one that its numbers say."""
        exception = codes.exception_of(self.row)
        if exception == codes.UNKNOWN or (exception != codes.NONE and self._is_some()):
            yield self._event(exception)
        if self.said is not None and self.places and self.said != self.sum:
            yield self._contradiction()

    def _is_some(self) -> bool:
        """Whether there is anything of it: zero out of stock is good news; an adjustment goes either way."""
        return self.total is None or (self.total != ZERO if self.word == "adjusted" else self.total > ZERO)

    def _event(self, exception: str) -> ExceptionEvent:
        report, reader = self.item.report, self.item.report.reader
        if self.row is None:
            title = f"{self._who} reports {self._what} as {self.code!r}, a word that we do not know"
        else:
            title = f"{self._who} reports {self._what} {self.row.text}: {self._how_much}"
        told = [f"{place}: {plain(number)}" for place, number in list(self.places.items())[:_PLACES_TOLD]]
        more = {"places_count": len(self.places)} if self.places else {}
        return ExceptionEvent(
            code=exception,
            cause=codes.cause_of(self.row),
            title=title,
            detail="; ".join(told) or None,
            refs=[self._ref, *report.refs],
            place=self.place,
            occurred_at=times.on(self.day) if self.day else report.occurred_at,
            parties=report.parties,
            lines=[self.line],
            source_codes=[self.source_code],
            ext=reader.ext(**more, **self._by_place),
        )

    def _contradiction(self) -> ExceptionEvent:
        report, reader = self.item.report, self.item.report.reader
        said, counted = self.said or ZERO, self.sum
        return ExceptionEvent(
            code="INV.MISMATCH",
            cause="document_contradicts_itself",
            title=(
                f"{self._who} reports {plain(said)} of {self._what} ({self.code}), "
                f"and its places have {plain(counted)}"
            ),
            refs=[self._ref, *report.refs],
            place=self.place,
            occurred_at=report.occurred_at,
            parties=report.parties,
            lines=[self.line],
            variances=[quantity_variance(reader, said, counted, self.unit)],
            source_codes=[self.source_code],
            method="rule",
            ext=reader.ext(),
        )

    @property
    def _ref(self) -> Ref:
        """The item at this customer: the same item at another one is another case."""
        first = self.item.ids[0]
        issuer = self.item.report.refs[0].get("issuer", "")
        return {**first, "issuer": issuer} if issuer else first

    @property
    def _by_place(self) -> dict[str, dict[str, str]]:
        if not self.places:
            return {}
        told = list(self.places.items())[:_PLACES_TOLD]
        return {"places": {place[:80]: plain(number) for place, number in told}}

    @property
    def _who(self) -> str:
        return self.item.report.reader.who("The customer")

    @property
    def _what(self) -> str:
        return f"item {self.item.ids[0]['value'][:40]}"

    @property
    def _how_much(self) -> str:
        total = self.total
        much = f"{plain(total)} {self.unit}".strip() if total is not None else "no quantity is said"
        return f"{much} at {len(self.places)} places" if len(self.places) > 1 else much
