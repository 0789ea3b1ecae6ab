"""What can be agreed with a trading partner, as small values: windows, clocks, tolerances, items, a contact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from crossdock.calendars import ALWAYS, Calendar, Duration

# -- the same thing twice -------------------------------------------------------------------------------------

THEN: Final = ("reject", "flag", "ignore")
"""What becomes of a control number that was here before."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long a control number is remembered, and what becomes of one that comes again within that time.

    ``reject``: it is refused and told so; ``flag``: it is processed, and an event says that it came twice;
    ``ignore``: nobody looks. The same number over other bytes is a number that was used twice, and no copy.
    """

    within: timedelta
    then: str

    def covers(self, before: datetime, now: datetime) -> bool:
        """Whether a number that was here at ``before`` counts as a duplicate at ``now``."""
        return self.then != "ignore" and now - before <= self.within


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """The windows of the three control numbers: ISA13, GS06 and ST02."""

    interchange: Window = Window(timedelta(days=30), "reject")
    group: Window = Window(timedelta(days=30), "flag")
    set: Window = Window(timedelta(days=30), "flag")


# -- time -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTerms:
    """What a partner has of its own for one clock: another limit, or none at all."""

    within: Duration | None = None
    off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """By whose working time the clocks of a partner run, and which of them run otherwise than usual."""

    calendar: Calendar = ALWAYS
    terms: Mapping[str, ClockTerms] = field(default_factory=dict)

    def limit(self, clock: str, usual: Duration) -> Duration | None:
        """The limit of a clock, ``usual`` where nothing else is agreed; ``None``: the clock does not run."""
        own = self.terms.get(clock)
        if own is None:
            return usual
        return None if own.off else own.within or usual

    def due(self, clock: str, start: datetime, usual: Duration) -> datetime | None:
        """When a clock that begins at ``start`` is over, in UTC; ``None``: it does not run."""
        limit = self.limit(clock, usual)
        return None if limit is None else self.calendar.add(start, limit)


# -- how far two documents may differ -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a value may be from the expected one: by so much, or by so many percent of the expected one."""

    absolute: Decimal = Decimal(0)
    percent: Decimal | None = None

    def limit(self, expected: Decimal) -> Decimal:
        """The largest difference that is allowed."""
        return self.absolute if self.percent is None else abs(expected) * self.percent / 100

    def allows(self, expected: Decimal, actual: Decimal) -> bool:
        """Whether nobody needs to hear of this difference; the limit itself is allowed."""
        return abs(actual - expected) <= self.limit(expected)

    def __str__(self) -> str:
        return str(self.absolute) if self.percent is None else f"{self.percent}%"


EXACT: Final = Tolerance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """How far the documents about one order may differ before it is an exception.

    ``price``: a unit price; ``quantity``: a line's quantity; ``amount``: a line's or a document's total; ``freight``:
    a carrier's charge.
    """

    price: Tolerance = EXACT
    quantity: Tolerance = EXACT
    amount: Tolerance = EXACT
    freight: Tolerance = EXACT


# -- items ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One of the partner's products: its number, ours, and what its packs hold.

    ``scheme`` is what kind of number theirs is, as a line's ``item_ids`` say it (``vendor-item``). ``packs``: how
    many of the unit ``each`` are in one of a unit, by our units (Recommendation 20).
    """

    scheme: str
    theirs: str
    ours: str = ""
    each: str = "EA"
    packs: Mapping[str, Decimal] = field(default_factory=dict)

    def in_each(self, quantity: Decimal, unit: str) -> Decimal | None:
        """So many of a unit, counted in ``each``; ``None`` when the item's own packs do not say it. Nothing else is
        ever converted: a case of something else says nothing about a case of this."""
        if unit == self.each:
            return quantity
        pack = self.packs.get(unit)
        return None if pack is None else quantity * pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The partner's products as far as they are listed. ``known_only``: one that is not listed is an exception."""

    known_only: bool = False
    by_number: Mapping[tuple[str, str], Item] = field(default_factory=dict)

    def find(self, scheme: str, number: str) -> Item | None:
        """The item of this number, as a line's ``item_ids`` name it, or ``None``."""
        return self.by_number.get((scheme, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom people write to or call when documents do not help."""

    name: str = ""
    email: str = ""
    phone: str = ""
