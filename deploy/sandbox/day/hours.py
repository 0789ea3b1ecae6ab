"""Working time as people count it: when somebody is open, and when a limit such as "1 business day" is over.

The oracle's own arithmetic, by windows of opening: nothing of it is the hub's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_LIMIT: Final = re.compile(r"(\d+) ?(h|business hour|business day)s?")
_UNITS: Final = {"h": "hour"}
_DAY: Final = timedelta(days=1)
QUARTER: Final = timedelta(minutes=15)

OFFICES_CLOSED: Final = frozenset(
    {
        date(2026, 1, 1), date(2026, 5, 25), date(2026, 7, 3), date(2026, 9, 7), date(2026, 11, 26),
        date(2026, 11, 27), date(2026, 12, 25), date(2027, 1, 1), date(2027, 5, 31), date(2027, 7, 5),
    }
)  # fmt: skip
"""The days off of offices in the United States in 2026 and the first half of 2027, from a wall calendar."""

BANKS_CLOSED: Final = frozenset(
    {
        date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
        date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26), date(2026, 12, 25),
        date(2027, 1, 1), date(2027, 1, 18), date(2027, 2, 15), date(2027, 5, 31), date(2027, 7, 5),
    }
)  # fmt: skip
"""The days off of the Federal Reserve Banks of the same time; a holiday on a Saturday is not moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Who works when: on these days of the week (0 is Monday) from opening to closing, on the wall of its zone."""

    calendar: str
    zone: str
    days: frozenset[int]
    opens: int
    closes: int
    closed: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.closed

    def windows(self, moment: datetime) -> Iterator[tuple[date, datetime, datetime]]:
        """Its openings that are not over at this moment, each with its day, first and last minute in UTC."""
        day = moment.astimezone(ZoneInfo(self.zone)).date() - _DAY
        while True:
            if self.works_on(day):
                opens, closes = self.at(day, self.opens), self.at(day, self.closes)
                if closes >= moment:
                    yield day, opens, closes
            day += _DAY

    def at(self, day: date, minute: int) -> datetime:
        """A minute of a day on the wall there, in UTC."""
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """Midnight behind a day."""
        return self.at(day + _DAY, 0)


def office(calendar: str, zone: str) -> Office:
    """The office of a calendar's name, in the zone of who keeps it."""
    weekdays, six, every = frozenset(range(5)), frozenset(range(6)), frozenset(range(7))
    match calendar:
        case "us_business":
            return Office(
                calendar=calendar,
                zone=zone,
                days=weekdays,
                opens=8 * 60,
                closes=17 * 60,
                closed=OFFICES_CLOSED,
            )
        case "us_banking":
            return Office(
                calendar=calendar, zone=zone, days=weekdays, opens=9 * 60, closes=17 * 60, closed=BANKS_CLOSED
            )
        case "day_yard":
            return Office(calendar=calendar, zone=zone, days=six, opens=6 * 60, closes=20 * 60)
        case "always":
            return Office(calendar=calendar, zone=zone, days=every, opens=0, closes=24 * 60)
    raise ValueError(f"nobody keeps the hours of {calendar!r}")


YARD: Final = """\
name = "day_yard"
title = "A yard that works six days"
timezone = "America/Chicago"
days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
hours = ["06:00", "20:00"]
"""
"""The one calendar that is not packaged, as a file."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So long an answer may take: hours by the clock, business hours, or business days."""

    amount: int
    unit: str

    @classmethod
    def of(cls, text: str) -> "Limit":
        """``4h``, ``6 business hours``, ``1 business day``."""
        found = _LIMIT.fullmatch(text)
        if found is None:
            raise ValueError(f"nobody agrees on a limit of {text!r}")
        amount, unit = found.groups()
        return cls(int(amount), _UNITS.get(unit, unit))

    def after(self, start: datetime, office: Office) -> datetime:
        """When it is over that began at ``start``, in UTC."""
        match self.unit:
            case "hour":
                return start + timedelta(hours=self.amount)
            case "business hour":
                return _hours_after(start, timedelta(hours=self.amount), office)
            case "business day":
                return _days_after(start, self.amount, office)
        raise ValueError(f"nobody measures time in {self.unit!r}")

    def __str__(self) -> str:
        if self.unit == "hour":
            return f"{self.amount}h"
        return f"{self.amount} {self.unit}{'s' if self.amount > 1 else ''}"


def _hours_after(start: datetime, left: timedelta, office: Office) -> datetime:
    for _, opens, closes in office.windows(start):
        begins = max(opens, start)
        if closes - begins >= left:
            return begins + left
        left -= closes - begins
    raise AssertionError("an office opens again")


def _days_after(start: datetime, days: int, office: Office) -> datetime:
    """The same time of the day so many working days later; who asks while they are closed is heard at opening."""
    openings = office.windows(start)
    day, opens, _ = next(openings)
    wall = max(opens, start).astimezone(ZoneInfo(office.zone))
    minute = wall - datetime.combine(day, time(), ZoneInfo(office.zone))  # on the wall: both in one zone
    for _ in range(days):
        day, _, _ = next(openings)
    there = datetime.combine(day, time()) + minute
    return there.replace(tzinfo=ZoneInfo(office.zone)).astimezone(UTC)


def quarter_from(moment: datetime) -> datetime:
    """The first full quarter of an hour that is not before."""
    over = timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)
    return moment if not over else moment - over + QUARTER
