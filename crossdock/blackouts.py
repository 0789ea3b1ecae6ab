"""Blackout windows: when a target must be left alone, by its own wall clock.

``"Mon-Fri 22:00-02:00 America/Chicago"``: from 22:00 of each of these days until 02:00 of the next one. ``Sun`` is
one day, ``Sat,Sun`` are two, ``Sat-Mon`` three; without days it is every day; ``00:00-24:00`` is a whole day. A time
that does not exist on the day on which the clocks change, or exists twice, is read so that the window is the longer
one: a target is rather left alone for an hour too long.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(
    r"(?:(?P<days>[A-Za-z][A-Za-z,\-]*) )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d) (?P<zone>[A-Za-z0-9_+\-/]+)"
)
_WANTED: Final = "write days, hours and zone, as 'Mon-Fri 22:00-02:00 America/Chicago'"
_LONGEST: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """One window that comes again. ``days``: those on which it begins, 0 is Monday."""

    text: str
    days: frozenset[int]
    begin: timedelta
    end: timedelta
    zone: str

    @classmethod
    def parse(cls, text: str) -> "Blackout":
        """A window as people write it. Raises ``ValueError`` with a sentence."""
        found = _WINDOW.fullmatch(" ".join(text.split()))
        if found is None:
            raise ValueError(f"{text!r} is no blackout window: {_WANTED}")
        begin, end = _offset(text, found["begin"]), _offset(text, found["end"])
        if begin in (end, _LONGEST):
            raise ValueError(f"{text!r} has no length: {_WANTED}; a whole day is 00:00-24:00")
        try:
            ZoneInfo(found["zone"])
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{text!r}: there is no time zone {found['zone']!r}: {_WANTED}") from error
        return cls(text=text, days=_days(text, found["days"]), begin=begin, end=end, zone=found["zone"])

    def until(self, now: datetime) -> datetime | None:
        """When the window that is open now ends, or ``None`` when none is."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        ends = []
        for day in (today - timedelta(days=1), today):
            last = day if self.end > self.begin else day + timedelta(days=1)
            end = max(_moments(last, self.end, zone))
            if day.weekday() in self.days and min(_moments(day, self.begin, zone)) <= now < end:
                ends.append(end)
        return max(ends, default=None)

    def __str__(self) -> str:
        return self.text


def until(blackouts: Iterable[Blackout], now: datetime) -> tuple[datetime, Blackout] | None:
    """When the target may be called again, and the window that keeps it closed; ``None``: it may be called now.

    Windows that touch are one: the end of the first is looked at like now.
    """
    windows = tuple(blackouts)
    closing: tuple[datetime, Blackout] | None = None
    moment = now
    for _ in range(len(windows) * 8 + 1):  # a week of windows that touch is closed for good
        open_now = [(end, window) for window in windows if (end := window.until(moment)) is not None]
        if not open_now:
            return closing
        moment, window = max(open_now, key=lambda one: one[0])
        closing = (moment, closing[1] if closing else window)
    return closing


def _moments(day: date, offset: timedelta, zone: ZoneInfo) -> Iterator[datetime]:
    """The one or two moments at which the clock on the wall shows this."""
    whole, rest = divmod(offset, _LONGEST)
    wall = datetime.combine(day + whole * _LONGEST, time(), zone) + rest
    for fold in (0, 1):
        yield wall.replace(fold=fold).astimezone(UTC)


def _offset(text: str, clock: str) -> timedelta:
    hours, minutes = map(int, clock.split(":"))
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > _LONGEST:
        raise ValueError(f"{text!r}: {clock} is no time of the day: {_WANTED}")
    return offset


def _days(text: str, days: str | None) -> frozenset[int]:
    if days is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in days.lower().split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{text!r}: {part!r} is no day or span of days (Mon, Sat-Sun): {_WANTED}")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)
