"""Business calendars: when somebody works, and when a limit such as "1 business day" is over.

A calendar is one TOML file in ``mappings/calendars/`` or in the folder that ``CROSSDOCK_CALENDARS_DIR`` names; one
there replaces the packaged one of the same name. It says the working days, the hours, the zone and the holidays.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from crossdock import toml_lines
from crossdock.errors import Misconfigured
from crossdock.packages import package_folder
from crossdock.toml_lines import did_you_mean
from crossdock.toml_table import Table

CALENDARS_DIR: Final = "CROSSDOCK_CALENDARS_DIR"

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_DURATION: Final = re.compile(r"(\d{1,6}) ?(business )?(min|minutes?|h|hours?|d|days?|weeks?)")
_UNITS: Final = {"min": "minute", "h": "hour", "d": "day"}
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}
_LONGEST: Final = timedelta(days=3660)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_MONTH_DAY: Final = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_WHOLE_DAY: Final = timedelta(days=1)

_REMEMBERED: Final = 1024
"""So many limits are remembered with their ends."""


class NotADuration(ValueError):
    """A text that says no length of time. Its sentence says what would."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as people agree on it: ``24h``, ``2 days``, ``1 business day``, ``8 business hours``.

    Minutes and hours pass by the clock. ``2 days`` is the same time of the day two days later. Business hours pass
    only while the calendar works; ``1 business day`` is the same time on the next working day.
    """

    amount: int
    unit: str
    """``minute``, ``hour``, ``day`` or ``week``."""
    business: bool = False

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """``"24h"``, ``"30 min"``, ``"2 days"``, ``"1 business day"``. Raises ``NotADuration``."""
        found = _DURATION.fullmatch(" ".join(text.split()))
        if found is None:
            raise NotADuration(
                f"{text!r} is no length of time, as '24h', '30 min', '2 days', '1 business day' or '8 business hours'"
            )
        unit = _UNITS.get(found[3], found[3].removesuffix("s") if found[3] != "h" else "hour")
        if found[2] and unit == "week":
            raise NotADuration(f"{text!r}: there are no business weeks; say business days")
        duration = cls(int(found[1]), unit, found[2] is not None)
        if timedelta(minutes=duration.amount * _MINUTES[unit]) > _LONGEST:
            raise NotADuration(f"{text!r} is longer than ten years")
        return duration

    @property
    def flat(self) -> timedelta:
        """The length without any calendar. Raises ``ValueError`` for business time, which has none."""
        if self.business:
            raise ValueError(f"{self} depends on a calendar")
        return timedelta(minutes=self.amount * _MINUTES[self.unit])

    def __bool__(self) -> bool:
        return self.amount > 0

    def __str__(self) -> str:
        many = "" if self.amount == 1 else "s"
        return f"{self.amount} {'business ' if self.business else ''}{self.unit}{many}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A day off and the rule that finds it, one of four; ``shift`` days are added to what the rule says.

    ``month`` and ``day``: the same date each year. ``month``, ``weekday`` (0 is Monday) and ``nth`` (-1 is the last):
    the fourth Thursday of November. ``easter``: Easter Sunday. ``on``: these dates and no other.
    ``observed``: what becomes of one on a weekend: ``nearest`` (Saturday off on Friday, Sunday on Monday), ``monday``
    (both on Monday), ``sunday`` (Sunday on Monday, Saturday is lost), ``no``. ``since``: the first year.
    """

    name: str
    month: int = 0
    day: int = 0
    weekday: int = 0
    nth: int = 0
    easter: bool = False
    on: tuple[date, ...] = ()
    shift: int = 0
    observed: str = "no"
    since: int = 1

    def of(self, year: int) -> Iterator[date]:
        """The days off that its rule gives in a year; the last days of December may be those of the next year."""
        if year < self.since:
            return
        if self.on:
            yield from (day for day in self.on if day.year == year)
            return
        if self.easter:
            found = _easter(year)
        elif self.nth:
            found = _nth_weekday(year, self.month, self.weekday, self.nth)
        elif self.month == 2 and self.day == 29 and not _is_leap(year):
            return
        else:
            found = date(year, self.month, self.day)
        yield self._observed(found + timedelta(days=self.shift))

    def _observed(self, day: date) -> date:
        moves = {"nearest": {5: -1, 6: 1}, "monday": {5: 2, 6: 1}, "sunday": {6: 1}}.get(self.observed, {})
        return day + timedelta(days=moves.get(day.weekday(), 0))


OBSERVED: Final = ("nearest", "monday", "sunday", "no")


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - _WHOLE_DAY
    return last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-nth - 1))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous computus of 1876)."""
    golden, century, rest = year % 19, year // 100, year % 100
    correction = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When somebody works: from ``opens`` to ``closes`` after midnight, in its zone, on its days, holidays excepted.

    The minute of closing is within hours: who had until 17:00 may come at 17:00.
    """

    name: str
    title: str
    timezone: str = "UTC"
    days: frozenset[int] = frozenset(range(7))
    opens: timedelta = timedelta(0)
    closes: timedelta = _WHOLE_DAY
    holidays: tuple[Holiday, ...] = ()
    _by_year: dict[int, Mapping[date, str]] = field(default_factory=dict, repr=False, compare=False)
    _over: "dict[tuple[datetime, Duration], datetime]" = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def in_zone(self, timezone: str) -> "Calendar":
        """The same calendar for somebody who lives elsewhere."""
        return replace(self, timezone=timezone)

    def days_off(self, year: int) -> Mapping[date, str]:
        """The holidays of a year, by date, those observed in it and named in the next among them."""
        found = self._by_year.get(year)
        if found is None:
            named = {
                day: holiday.name
                for around in (year - 1, year, year + 1)
                if 1 <= around <= 9998
                for holiday in self.holidays
                for day in holiday.of(around)
                if day.year == year
            }
            found = self._by_year[year] = dict(sorted(named.items()))
        return found

    def works_on(self, day: date) -> bool:
        """Whether that is a working day."""
        return day.weekday() in self.days and day not in self.days_off(day.year)

    def is_open(self, moment: datetime) -> bool:
        """Whether a moment is within working hours."""
        day, offset = self._local(moment)
        return self._within(day, offset) is not None

    def add(self, start: datetime, duration: Duration) -> datetime:
        """When a limit that begins at ``start`` is over, in UTC.

        Business time begins to pass when the calendar opens: what starts at night, on a weekend or on a holiday
        starts with the next opening. It never ends outside of hours.
        """
        if start.tzinfo is None:
            raise ValueError("a limit begins at an aware time; give the start a time zone")
        # the documents of a file come at the same moment; an hour that comes twice is told apart in UTC
        known = start.astimezone(UTC), duration
        over = self._over.get(known)
        if over is None:
            over = self._add(start, duration)
            if len(self._over) >= _REMEMBERED:
                self._over.clear()
            self._over[known] = over
        return over

    def _add(self, start: datetime, duration: Duration) -> datetime:
        match duration.unit, duration.business:
            case "day", True:
                day, offset = self._working(start)
                for _ in range(duration.amount):
                    day = self._next_working_day(day)
                # where the clocks jump over that time of the day, closing is the latest
                return min(self.instant(day, offset), self.instant(day, self.closes))
            case _, True:
                return self._after(start, timedelta(minutes=duration.amount * _MINUTES[duration.unit]))
            case "day" | "week", _:
                day, offset = self._local(start)
                return self.instant(day + duration.flat, offset)
            case _:
                return start.astimezone(UTC) + duration.flat

    def _after(self, start: datetime, left: timedelta) -> datetime:
        day, offset = self._working(start)
        # the moment itself when it is within hours: an hour that comes twice is not to be counted from its first
        at = start.astimezone(UTC) if self.is_open(start) else self.instant(day, offset)
        while (room := self.instant(day, self.closes) - at) < left:
            left -= room
            day = self._next_working_day(day)
            at = self.instant(day, self.opens)
        return at + left

    def _working(self, moment: datetime) -> tuple[date, timedelta]:
        """The working day and the time of the day at which a limit begins to run."""
        day, offset = self._local(moment)
        if (within := self._within(day, offset)) is not None:
            return within
        if self.works_on(day) and offset < self.opens:
            return day, self.opens
        return self._next_working_day(day), self.opens

    def _within(self, day: date, offset: timedelta) -> tuple[date, timedelta] | None:
        if self.works_on(day) and self.opens <= offset <= self.closes:
            return day, offset
        if not offset and self.closes == _WHOLE_DAY and self.works_on(day - _WHOLE_DAY):
            return day - _WHOLE_DAY, _WHOLE_DAY  # midnight ends the day before
        return None

    def _next_working_day(self, day: date) -> date:
        for _ in range(_LONGEST.days):
            day += _WHOLE_DAY
            if self.works_on(day):
                return day
        raise Misconfigured(f"calendar {self.name!r} has no working day in the ten years before {day}")

    def _local(self, moment: datetime) -> tuple[date, timedelta]:
        local = moment.astimezone(ZoneInfo(self.timezone))
        clock = local.time()
        return local.date(), timedelta(
            hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond
        )

    def instant(self, day: date, offset: timedelta) -> datetime:
        """A time of the day on the wall, in UTC; one that the clocks jump over is as much later, of one that comes
        twice it is the first."""
        wall = datetime.combine(day, time(0)) + offset
        return wall.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)

    def last_instant(self, day: date, offset: timedelta) -> datetime:
        """The same; of one that comes twice it is the second: who may come until then is late only after it."""
        wall = datetime.combine(day, time(0)) + offset
        again = wall.replace(tzinfo=ZoneInfo(self.timezone), fold=1).astimezone(UTC)
        return max(self.instant(day, offset), again)


ALWAYS: Final = Calendar(name="always", title="Day and night, every day")
"""Who never closes. A profile that is not from a file has it."""


@dataclass(frozen=True, slots=True)
class Calendars:
    """All calendars, by name."""

    all: Mapping[str, Calendar]

    @classmethod
    def load(cls, *folders: Path) -> "Calendars":
        """The packaged calendars, then those of ``CROSSDOCK_CALENDARS_DIR``; or those of the folders given.

        Raises ``Misconfigured`` with every problem of every file, one a line, each with file and line.
        """
        problems: list[str] = []
        found: dict[str, Calendar] = {}
        for folder in folders or _default_folders():
            if not folder.is_dir():
                problems.append(f"{folder}: is no folder; make it, or correct {CALENDARS_DIR}")
                continue
            for path in sorted(folder.glob("*.toml")):
                try:
                    table = Table(toml_lines.read(path), problems)
                except Misconfigured as error:
                    problems.append(str(error))
                    continue
                calendar = _calendar(table)
                if calendar.name and calendar.name != path.stem:
                    table.tell("name", f"calendar {calendar.name!r} must stand in {calendar.name}.toml")
                found[calendar.name] = calendar
        if problems:
            raise Misconfigured("\n".join(problems))
        return cls(found)

    def named(self, name: str) -> Calendar:
        """The calendar of this name. Raises ``Misconfigured`` with the nearest name."""
        if name not in self.all:
            raise Misconfigured(f"no calendar is named {name!r}{did_you_mean(name, list(self.all))}")
        return self.all[name]


def _default_folders() -> list[Path]:
    folders = [package_folder("mappings") / "calendars"]
    if extra := os.environ.get(CALENDARS_DIR):
        folders.append(Path(extra))
    return folders


# -- one file -------------------------------------------------------------------------------------------------


def _calendar(table: Table) -> Calendar:
    table.only(("name", "title", "timezone", "days", "hours", "holiday"))
    opens, closes = _hours(table)
    return Calendar(
        name=table.text("name", None, _NAME, "small letters, digits and _, as 'us_business'"),
        title=table.text("title", None),
        timezone=table.zone("timezone", "UTC"),
        days=frozenset(
            DAYS.index(day)
            for day in table.texts(
                "days", re.compile("|".join(DAYS)), "working days, as ['monday', 'tuesday']"
            )
        ),
        opens=opens,
        closes=closes,
        holidays=tuple(_holiday(row) for row in table.rows("holiday")),
    )


def _hours(table: Table) -> tuple[timedelta, timedelta]:
    match table.values.get("hours"):
        case [str(opens), str(closes)] if (
            _TIME.fullmatch(opens) and _TIME.fullmatch(closes) and opens < closes
        ):
            return _offset(opens), _offset(closes)
    table.tell("hours", "'hours' must be [opening, closing] of each working day, as ['08:00', '17:00']")
    return timedelta(0), _WHOLE_DAY


def _offset(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


_RULES: Final = ("date", "weekday", "easter", "on")


def _holiday(row: Table) -> Holiday:
    row.only(("name", *_RULES, "month", "nth", "shift", "observed", "since"))
    name = row.text("name", None)
    said = [rule for rule in _RULES if rule in row.values]
    if len(said) != 1:
        row.tell(
            None, f"a holiday has one of {', '.join(_RULES)}; {name!r} has {' and '.join(said) or 'none'}"
        )
        return Holiday(name=name, on=(date.min,))
    for key in ("month", "nth"):
        if (key in row.values) != (said == ["weekday"]):
            row.tell(
                None,
                "weekday, month and nth belong together, as in weekday = 'monday', nth = -1, month = 'may'",
            )
            return Holiday(name=name, on=(date.min,))
    rules = _rule(row, said[0])
    return Holiday(
        name=name,
        shift=row.number("shift", smallest=-30, largest=30) or 0,
        observed=row.one_of("observed", "no", OBSERVED),
        since=row.number("since", smallest=1, largest=9998) or 1,
        **rules,
    )


def _rule(row: Table, rule: str) -> dict[str, Any]:
    match rule:
        case "date":
            text = row.text("date", "01-01", _MONTH_DAY, "month and day, as '07-04'")
            month, day = int(text[:2]), int(text[3:])
            if day > (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31):
                row.tell("date", f"date = {text!r} is in no year")
            return {"month": month, "day": day}
        case "weekday":
            nth = row.number("nth", smallest=-4, largest=4)
            if nth == 0:
                row.tell("nth", "nth = 0 must be 1 to 4, or -1 for the last")
            return {
                "weekday": DAYS.index(row.one_of("weekday", "monday", DAYS)),
                "month": MONTHS.index(row.one_of("month", "january", MONTHS)) + 1,
                "nth": nth or 1,
            }
        case "easter":
            if not row.flag("easter", True):
                row.tell("easter", "easter = false is no rule; leave the holiday out")
            return {"easter": True}
        case _:
            return {"on": _dates(row, row.values["on"])}


def _dates(row: Table, value: Sequence[object]) -> tuple[date, ...]:
    if isinstance(value, list) and value and all(type(each) is date for each in value):
        return tuple(value)
    row.tell("on", "'on' must list days, as [2026-12-24, 2027-12-24]")
    return (date.min,)
