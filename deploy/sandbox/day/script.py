"""The script of a day: every file with its time, and what a person who knows the stories expects of the hub.

Stories write into it; when it is closed, routine mail of the same moment is put into one interchange, the receivers'
acknowledgements are written, and control numbers are given in the order in which files leave.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from deploy.sandbox.day import papers
from deploy.sandbox.day.envelopes import Item, Paper, Parcel
from deploy.sandbox.day.hours import QUARTER, Limit, quarter_from
from deploy.sandbox.day.papers import Target, Verdict
from deploy.sandbox.day.traders import NOBODY, Trader

LOOK: Final = timedelta(seconds=6)
"""A file that is put at a quarter of an hour is taken so much later: it must lie still for two looks."""

OUR_INTERCHANGES: Final = 700_000_000
OUR_GROUPS: Final = 500_000
"""Copies of what our order system sent are numbered from here on; the hub numbers what it writes from 1."""

TEST_INTERCHANGES: Final = 800_000_000

Words = str | Callable[[], str]
Content = Paper | tuple[str, Callable[[], Paper]]
"""A set, or its kind with what writes it once all numbers are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An exception that must be opened: its code, what it is about (``supplier_po/4500…/line/2``), when at the
    earliest, and whether it is over at the end."""

    code: str
    about: Words
    story: str
    at: datetime | None = None
    cleared: bool = False

    @property
    def subject(self) -> str:
        return self.about if isinstance(self.about, str) else self.about()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A document that must be set aside, for this reason."""

    code: str
    story: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the register of exchanges must say of a set that we sent."""

    item: Item
    trader: Trader
    state: str
    story: str


@dataclass(slots=True)
class Script:
    """Files and expectations of one day."""

    seed: int
    base: date
    traders: Sequence[Trader]
    parcels: list[Parcel] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    moments: set[datetime] = field(default_factory=set)
    """Moments at which a limit is over: the hub is asked then, whether something came or not."""
    _routine: dict[tuple[str, bool, datetime], Parcel] = field(default_factory=dict)
    _serials: Counter[str] = field(default_factory=Counter)

    def at(self, days: int, hour: int, quarter: int = 0) -> datetime:
        """A quarter of an hour of the day, or of one after it, in UTC."""
        midnight = datetime.combine(self.base, time(), UTC)
        return midnight + timedelta(days=days, hours=hour) + quarter * QUARTER

    def serial(self, kind: str) -> int:
        """Numbers of a kind that nobody used before."""
        self._serials[kind] += 1
        return self._serials[kind]

    # -- what is sent -------------------------------------------------------------------------------------------

    def routine(self, trader: Trader, at: datetime, item: Item, story: str, *, ours: bool) -> Parcel:
        """Put a set to the mail of this moment. What goes the same way at the same time shares an interchange; a file
        of acknowledgements holds nothing else."""
        kind = "FA" if item.function == "FA" else ""
        key = (f"{trader.name}{kind}", ours, at)
        parcel = self._routine.get(key)
        if parcel is None:
            parcel = self._routine[key] = Parcel(at=at, trader=trader, story=story, ours=ours)
            self.parcels.append(parcel)
        parcel.items.append(item)
        item.parcel = parcel
        return parcel

    def alone(self, parcel: Parcel) -> Parcel:
        """Put a file that holds nothing but this."""
        self.parcels.append(parcel)
        for item in parcel.items:
            item.parcel = parcel
        return parcel

    # -- the end ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write the routine acknowledgements, and give everything its numbers."""
        for parcel in self._waiting_for_answers():
            trader = parcel.trader
            when = _mail_after(parcel.at)
            for items in parcel.groups:
                item = Item(set_id=trader.acknowledges, content=acknowledging(trader, items, "A"))
                self.routine(trader, when, item, parcel.story, ours=False)
        self.parcels.sort(key=lambda parcel: parcel.at)
        self._number()
        for trader in self.traders:
            self._wait_for_reports(trader)

    def _wait_for_reports(self, trader: Trader) -> None:
        """Where stock reports come again and again by agreement: each that is late, and the one after the last."""
        limit = trader.limit("report_continues")
        came = sorted(
            parcel.at
            for parcel in self.parcels
            if parcel.trader is trader
            and not parcel.ours
            and any(item.set_id == "846" for item in parcel.items)
        )
        if limit is None:
            return
        for place, at in enumerate(came, 1):
            following = came[place] if place < len(came) else None
            due = limit.after(at + LOOK, trader.office)
            if following is not None and following + LOOK <= due:
                continue
            self.moments.add(due)
            self.opened.append(
                Opened(
                    code="INV.FEED_STALE",
                    about="feed/x12%2F846",
                    story=f"stock reports of {trader.name}",
                    at=due,
                    cleared=following is not None,
                )
            )

    def _waiting_for_answers(self) -> list[Parcel]:
        routine = set(map(id, self._routine.values()))
        return [
            parcel
            for parcel in self.parcels
            if parcel.ours and id(parcel) in routine and parcel.trader.acknowledges != NOBODY
        ]

    def _number(self) -> None:
        interchanges: Counter[tuple[str, bool]] = Counter()
        groups: Counter[tuple[str, bool]] = Counter()
        skipped: dict[str, list[int]] = {}
        for order, parcel in enumerate(self.parcels, 1):
            parcel.order = order
            if parcel.same_as is not None or parcel.bare is not None:
                continue
            trader, wrong = parcel.trader, parcel.wrong
            key = (trader.name, parcel.ours)
            base = (OUR_INTERCHANGES if parcel.ours else 0) + trader.index * 1_000
            if wrong.interchange_of is not None:
                parcel.number = wrong.interchange_of.number
            elif wrong.late_number:
                parcel.number = skipped[trader.name].pop(0)
            elif wrong.usage:
                parcel.number = TEST_INTERCHANGES + order  # a test system counts by itself
            else:
                interchanges[key] += 1 + wrong.skips
                parcel.number = base + interchanges[key]
                if wrong.skips:
                    skipped.setdefault(trader.name, []).append(parcel.number - 1)
            for items in parcel.groups:
                groups[key] += 1
                number = (OUR_GROUPS if parcel.ours else 0) + trader.index * 1_000 + groups[key]
                if wrong.group_of is not None:
                    number = wrong.group_of.items[0].group
                for place, item in enumerate(items, 1):
                    item.group = number
                    # of what we send no two sets have the same number
                    item.set_number = f"{number:06}{place:02}" if parcel.ours else f"{place:04}"

    def ticks(self) -> list[datetime]:
        """Every quarter of an hour of the first day, and every later one at which something comes or is over."""
        first = self.at(0, 0)
        found = {first + number * QUARTER for number in range(96)}
        return sorted(found | self.busy())

    def busy(self) -> set[datetime]:
        """The quarters at which something comes or a limit is over."""
        came = {parcel.at for parcel in self.parcels}
        return came | {quarter_from(moment) for moment in self.moments}


_MAIL_HOURS: Final = 2


def _mail_after(moment: datetime) -> datetime:
    """The next round in which partners send their acknowledgements: every two hours, at a quarter past."""
    round_ = moment.replace(minute=15, second=0, microsecond=0)
    round_ -= timedelta(hours=round_.hour % _MAIL_HOURS)
    while round_ <= moment:
        round_ += timedelta(hours=_MAIL_HOURS)
    return round_


def acknowledging(
    trader: Trader, items: Sequence[Item], word: str, *, faults: Sequence[list[str]] = ()
) -> Callable[[], Paper]:
    """The 997 or 999 for a group of ours, once its numbers are known. ``word`` is that of each set."""

    def write() -> Paper:
        verdict = Verdict(
            function=items[0].function,
            group=items[0].group,
            sets=[(item.set_id, item.set_number, word) for item in items],
            release=trader.release,
            faults=faults,
        )
        if trader.acknowledges == "999":
            return papers.implementation_acknowledgement(verdict)
        return papers.functional_acknowledgement(verdict)

    return write


Needs = Callable[[Trader], bool]
Telling = Callable[[Any], None]


def happens(*, needs: Needs | None = None) -> Callable[[Telling], Telling]:
    """Marks a method of a story as one of the things that may happen in it. ``needs``: with which partners it can."""

    def mark(telling: Telling) -> Telling:
        _NEEDS[telling] = needs or (lambda trader: True)
        return telling

    return mark


_NEEDS: Final[dict[Telling, Needs]] = {}


class Story:
    """One piece of business between us and a partner of this ``role``, with one thing that happens in it.

    A story is a subclass; what may happen in it are its methods marked with ``happens``. ``also`` are the roles of
    those who take part beside the partner.
    """

    role: str = ""
    also: Sequence[str] = ()
    happenings: Sequence[str] = ()

    def __init_subclass__(cls) -> None:
        cls.happenings = [name for name, one in vars(cls).items() if callable(one) and one in _NEEDS]

    def __init__(
        self, script: Script, trader: Trader, others: Sequence[Trader], happening: str, dice: random.Random
    ) -> None:
        self.script = script
        self.trader = trader
        self.others = others
        self.dice = dice
        self._happening = happening
        words = happening.replace("_", " ")
        self.name = f"{type(self).__name__.lower()} with {trader.name}: {words}"

    @classmethod
    def fits(cls, trader: Trader, happening: str) -> bool:
        """Whether this can happen with this partner."""
        return _NEEDS[getattr(cls, happening)](trader)

    def tell(self) -> None:
        """Write it into the script."""
        getattr(self, self._happening)()

    # -- what happens -------------------------------------------------------------------------------------------

    def sends(self, at: datetime, *contents: Content, by: Trader | None = None) -> Item:
        """The partner sends us these sets, with whatever else it has for us at that moment. The first comes back."""
        items = [_item(content) for content in contents]
        for item in items:
            self.script.routine(by or self.trader, at, item, self.name, ours=False)
        return items[0]

    def sends_alone(
        self, at: datetime, *contents: Content, by: Trader | None = None, **more: object
    ) -> Parcel:
        """The partner sends us these sets in a file of their own; ``more`` are fields of the parcel."""
        items = [_item(content) for content in contents]
        parcel = Parcel(at=at, trader=by or self.trader, story=self.name, items=items, **more)  # type: ignore[arg-type]
        return self.script.alone(parcel)

    def copy(self, at: datetime, content: Paper, *, to: Trader | None = None) -> Item:
        """A copy of what our order system sent comes to the hub; the partner acknowledges it with its next mail."""
        trader, item = to or self.trader, _item(content)
        self.script.routine(trader, at, item, self.name, ours=True)
        state = "sent" if trader.acknowledges == NOBODY else "accepted"
        self.script.kept.append(Kept(item=item, trader=trader, state=state, story=self.name))
        return item

    def copy_alone(self, at: datetime, content: Paper, *, state: str, to: Trader | None = None) -> Item:
        """The same in a file of its own, which nobody acknowledges unless the story does. ``state``: what must have
        become of it at the end."""
        trader, item = to or self.trader, _item(content)
        self.script.alone(Parcel(at=at, trader=trader, story=self.name, ours=True, items=[item]))
        self.script.kept.append(Kept(item=item, trader=trader, state=state, story=self.name))
        return item

    # -- what must come of it -----------------------------------------------------------------------------------

    def opens(self, code: str, about: Words, *, at: datetime | None = None, cleared: bool = False) -> None:
        """This must be opened: ``at`` this moment where a limit is over, and be over at the end or not."""
        if at is not None:
            self.script.moments.add(at)
        self.script.opened.append(Opened(code=code, about=about, story=self.name, at=at, cleared=cleared))

    def sets_aside(self, code: str, times: int = 1) -> None:
        """So many documents must be set aside for this reason."""
        self.script.letters += [Letter(code=code, story=self.name)] * times

    # -- time ---------------------------------------------------------------------------------------------------

    def at(self, days: int, hour: int, quarter: int = 0) -> datetime:
        return self.script.at(days, hour, quarter)

    def day(self, days: int) -> date:
        return self.script.base + timedelta(days=days)

    def due(
        self, clock: str, start: datetime, *, behind: date | None = None, trader: Trader | None = None
    ) -> datetime | None:
        """When the answer to what came at ``start`` is overdue: the limit after that, or after the end of the day
        that the document names (``behind``). ``None``: nobody looks."""
        other = trader or self.trader
        limit = other.limit(clock)
        if limit is None:
            return None
        begins = start + LOOK
        if behind is not None:
            begins = max(begins, other.office.end_of(behind))
        return limit.after(begins, other.office)

    def overdue(
        self, clock: str, start: datetime, *, behind: date | None = None, trader: Trader | None = None
    ) -> datetime:
        """The same where the story is about it: somebody looks."""
        due = self.due(clock, start, behind=behind, trader=trader)
        assert due is not None, f"{self.name}: nobody looks at {clock}"
        return due

    def unacknowledged(self, sent: datetime, trader: Trader | None = None) -> datetime:
        """When the acknowledgement of what left at ``sent`` is overdue."""
        other = trader or self.trader
        return Limit.of(other.within).after(sent + LOOK, other.office)

    @staticmethod
    def late(due: datetime) -> datetime:
        """A little after: the hub has noticed by then."""
        return quarter_from(due) + QUARTER

    @staticmethod
    def just_in_time(due: datetime) -> datetime:
        """A little before."""
        return quarter_from(due) - 2 * QUARTER

    # -- numbers ------------------------------------------------------------------------------------------------

    def number(self, kind: str) -> str:
        """A business number that nobody used: ``4500000017``, ``INV-00003``."""
        serial = self.script.serial(kind)
        match kind:
            case "po":
                return f"45{self.script.seed % 100:02}{serial:06}"
            case _:
                return f"{kind.upper()}-{self.trader.index:02}{serial:04}"

    def order(
        self, *, lines: int = 2, on: date | None = None, ships: date | None = None, prefix: str = ""
    ) -> papers.Order:
        """A fresh order of some of the partner's goods. It ships three days after the day unless said."""
        goods = self.dice.sample(list(self.trader.goods), lines)
        number = self.number("po")
        return papers.Order(
            number=f"{prefix}{number}",
            on=on or self.day(0),
            ships=ships or self.day(3),
            lines=[
                papers.Line(number=place, good=good, quantity=12 * self.dice.randrange(2, 20))
                for place, good in enumerate(goods, 1)
            ],
        )

    def target(self, item: Item) -> Target:
        """What an advice names when it is about a set of ours."""
        return Target(
            function=item.function,
            group=item.group,
            set_id=item.set_id,
            set_number=item.set_number,
            release=self.trader.release,
        )


def _item(content: Content) -> Item:
    if isinstance(content, Paper):
        return Item(set_id=content.set_id, content=content)
    return Item(set_id=content[0], content=content[1])


def about(kind: str, number: str, line: str | int | None = None) -> str:
    """What an exception is about, as people list it: ``supplier_po/4500…/line/2``."""
    subject = f"{kind}/{number}"
    return subject if line is None else f"{subject}/line/{line}"
