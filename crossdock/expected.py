"""Expected feeds: what somebody sends on a calendar, and when it is due. Silence is an exception, too.

A feed is declared where people look for it: what a system brings in its connector.toml, what a trading partner sends
in its profile, each as a row ``[[expected]]``. Pure: which due times there are. The store keeps what came of each
(``store.watched``), and the watch (``watch``) opens what is missing.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from crossdock.calendars import CALENDARS_DIR, DAYS, Calendar, Calendars, Duration, NotADuration
from crossdock.errors import Misconfigured
from crossdock.toml_table import Table

__all__ = ["NEVER", "ExpectedFeed", "Schedule", "quiet_after", "read_rows", "usual_calendar"]

USUAL_CALENDAR: Final = "us_business"
"""Whose working days count where nothing else is said."""

NEVER: Final = Duration(0, "minute")
"""A limit for a source whose silence means nothing."""

_KEYS: Final = ("name", "what", "by", "every", "calendar", "days", "timezone", "window", "at_least")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FILES: Final = re.compile(r"[^\x00-\x1f/]{1,200}")
_WHAT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_BY: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_SET: Final = re.compile(r"[0-9]{3}")
_DAY: Final = re.compile("|".join(DAYS))

_SHORTEST: Final = timedelta(minutes=5)
"""A feed that comes more often than this is a stream; how long it may be silent is said by ``quiet_after``."""

_FAR: Final = 400
"""So many days are looked through for a due time: more than a year of holidays is a mistake in the calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When something is due: by these times of each working day, or again and again while the calendar works.

    ``by`` are offsets from midnight on the wall; ``days`` narrows the calendar's working days (0 is Monday), empty:
    all of them; ``window``: what came at most so long before a due time counts for it. Without one a thing counts for
    the due time that it is nearest to, so that what is late for Friday is never early for Monday.
    """

    calendar: Calendar
    by: tuple[timedelta, ...] = ()
    every: timedelta | None = None
    days: frozenset[int] = frozenset()
    window: timedelta | None = None

    def due_after(self, moment: datetime) -> datetime:
        """The first due time after this moment, in UTC. Raises ``Misconfigured`` when there is none in a year."""
        for day in self._days_from(self._local_date(moment), 1):
            for due in self._dues_of(day):
                if due > moment:
                    return due
        raise Misconfigured(
            f"calendar {self.calendar.name!r} has no due time in the {_FAR} days after {moment:%Y-%m-%d}: "
            "correct its days, or the row [[expected]] that names it"
        )

    def last_due(self, moment: datetime) -> datetime | None:
        """The last due time up to this moment, in UTC; ``None`` when there is none in a year."""
        for day in self._days_from(self._local_date(moment), -1):
            for due in reversed(self._dues_of(day)):
                if due <= moment:
                    return due
        return None

    def opens(self, due: datetime) -> datetime:
        """What came after this moment, and no other, counts for what is due then."""
        if self.window is not None:
            return due - self.window
        before = self.last_due(due - timedelta(microseconds=1))
        if before is None:
            return due - timedelta(days=1)
        if self.every is not None:
            return max(before, due - self.every)
        return before + (due - before) / 2

    def _local_date(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.calendar.timezone)).date()

    def _days_from(self, day: date, step: int) -> Iterator[date]:
        """Working days from the one beside ``day`` on: a due time at 24:00 is in the next one."""
        start = day - timedelta(days=step)
        for number in range(_FAR):
            one = start + timedelta(days=step * number)
            if self.calendar.works_on(one) and (not self.days or one.weekday() in self.days):
                yield one

    def _dues_of(self, day: date) -> list[datetime]:
        if self.every is None:
            return [self.calendar.last_instant(day, offset) for offset in self.by]
        opens = self.calendar.instant(day, self.calendar.opens)
        closes = self.calendar.instant(day, self.calendar.closes)
        many = int((closes - opens) / self.every)
        return [opens + number * self.every for number in range(1, many + 1)]

    def __str__(self) -> str:
        calendar = self.calendar
        zone = calendar.timezone
        if self.days:
            days = "every " + _listed([DAYS[day].capitalize() for day in sorted(self.days)])
        elif calendar.days == frozenset(range(7)):
            days = "every day"
        elif calendar.days == frozenset(range(5)):
            days = "every weekday"
        else:
            days = "every " + _listed([DAYS[day].capitalize() for day in sorted(calendar.days)])
        off = f", days off of {calendar.name} excepted" if calendar.holidays else ""
        if self.every is not None:
            hours = f"from {_on_the_wall(calendar.opens)} to {_on_the_wall(calendar.closes)} {zone}"
            return f"every {span(self.every)}, {days} {hours}{off}"
        times = _listed([_on_the_wall(offset) for offset in self.by])
        return f"{days} by {times} {zone}{off}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFeed:
    """One declared feed.

    ``feed`` is its name in the store, for ever: ``acme_supply/846``, ``supplier_edi/x12``. Either ``partner`` and
    ``set_id`` say what is awaited, whichever source brings it; or ``source`` does, with ``files``, a pattern of names
    (``*`` stands for anything), where others send there, too. ``at_least``: fewer in one window are too few.
    """

    feed: str
    what: str
    schedule: Schedule
    source: str = ""
    partner: str = ""
    set_id: str = ""
    files: str = ""
    at_least: int = 1

    def __str__(self) -> str:
        many = f", at least {self.at_least}" if self.at_least > 1 else ""
        return f"{self.what} {self.schedule}{many}"


def span(length: timedelta) -> str:
    """A length of time for a person, in its two largest units: ``2 h 5 min``, ``3 days 4 h``."""
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [
        f"{days} day{'' if days == 1 else 's'}" if days else "",
        f"{hours} h" if hours else "",
        f"{minutes} min" if minutes and not days else "",
    ]
    return " ".join(part for part in parts if part) or "less than a minute"


def _on_the_wall(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


# -- reading the rows -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _calendars(_folder: str | None) -> Calendars:
    return Calendars.load()


def usual_calendar() -> Calendar:
    """The calendar that counts where nothing else is said."""
    return _calendars(os.environ.get(CALENDARS_DIR)).named(USUAL_CALENDAR)


def quiet_after(text: str) -> Duration:
    """What ``quiet_after`` says: a length of time, or ``never``. Raises ``NotADuration``."""
    return NEVER if text == "never" else Duration.parse(text)


def read_rows(
    table: Table,
    *,
    source: tuple[str, str, str] | None = None,
    partner: tuple[str, str, tuple[str, ...]] | None = None,
    calendars: Calendars | None = None,
    calendar: Calendar | None = None,
) -> tuple[ExpectedFeed, ...]:
    """The rows ``[[expected]]`` of a connector (``source``: its name, title and document) or of a partner
    (``partner``: its name, title and the sets that it may send). What is wrong is told with its line.

    ``calendar``: whose working days count where a row does not say so.
    """
    found: dict[str, ExpectedFeed] = {}
    calendars = calendars or _calendars(os.environ.get(CALENDARS_DIR))
    for row in table.rows("expected"):
        row.only([*_KEYS, "set" if partner is not None else "files"])
        own = row.text("name", "", _NAME, "small letters, digits and _, as 'morning'")
        schedule = _schedule(row, calendars, calendar)
        at_least = row.number("at_least", smallest=1, largest=100_000) or 1
        what: dict[str, Any]
        if partner is not None:
            name, title, sets = partner
            set_id = row.text("set", None, _SET, "a transaction set, as '846'")
            if set_id and _SET.fullmatch(set_id) and set_id not in sets:
                row.tell("set", f"{set_id} is not among the sets that {name} may send us")
            feed, usual = f"{name}/{set_id}", f"{set_id} from {title}"
            what = {"partner": name, "set_id": set_id}
        else:
            assert source is not None
            name, title, document = source
            files = row.text("files", "", _FILES, "a file name without its folder, as 'stock_*.csv'")
            feed, usual = f"{name}/{document}", f"{files or document} from {title}"
            what = {"source": name, "files": files}
        feed += f"/{own}" if own else ""
        if feed in found:
            row.tell(None, f"two rows [[expected]] are called {feed!r}; give each a 'name' of its own")
        if schedule is not None:
            said = row.text("what", usual, _WHAT, "one line of text")
            found[feed] = ExpectedFeed(feed=feed, what=said, schedule=schedule, at_least=at_least, **what)
    return tuple(found.values())


def _schedule(row: Table, calendars: Calendars, usual: Calendar | None) -> Schedule | None:
    calendar = usual or calendars.named(USUAL_CALENDAR)
    if "calendar" in row.values:
        name = row.one_of("calendar", USUAL_CALENDAR, list(calendars.all))
        zone = calendar.timezone if usual is not None else calendars.all[name].timezone
        calendar = calendars.all[name].in_zone(zone)
    if "timezone" in row.values:
        calendar = calendar.in_zone(row.zone("timezone", calendar.timezone))
    days = row.texts(
        "days", _DAY, "days of the week, as ['monday', 'thursday']", empty="days" not in row.values
    )
    by, every = _times(row), _length(row, "every")
    if ("by" in row.values) == ("every" in row.values):
        row.tell(
            None,
            "[[expected]] says either by when it is due, as by = '06:00', or how often, as every = '1h'",
        )
        return None
    if every is not None and not _SHORTEST <= every <= calendar.closes - calendar.opens:
        row.tell(
            "every",
            f"every must be from {span(_SHORTEST)} to the working day of the calendar, "
            f"{span(calendar.closes - calendar.opens)}; for a limit beyond it write by, or quiet_after",
        )
        return None
    if not by and every is None:
        return None
    schedule = Schedule(
        calendar=calendar,
        by=by,
        every=every,
        days=frozenset(DAYS.index(day) for day in days),
        window=_length(row, "window"),
    )
    if not any(day in calendar.days for day in (schedule.days or calendar.days)):
        row.tell("days", f"the calendar {calendar.name!r} works on none of these days")
        return None
    return schedule


def _times(row: Table) -> tuple[timedelta, ...]:
    value = row.values.get("by", ())
    texts = [value] if isinstance(value, str) else value
    if (
        not isinstance(texts, list | tuple)
        or not all(isinstance(text, str) and _BY.fullmatch(text) for text in texts)
        or ("by" in row.values and not texts)
    ):
        row.tell("by", "by must be a time of the day, or a list of such, as '06:00'")
        return ()
    return tuple(sorted({timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in texts}))


def _length(row: Table, key: str) -> timedelta | None:
    value: object = row.values.get(key)
    if value is None:
        return None
    try:
        length = Duration.parse(value if isinstance(value, str) else repr(value))
    except NotADuration as error:
        row.tell(key, f"{key}: {error}")
        return None
    if length.business or not length:
        row.tell(
            key, f"{key} = {value!r} must be plain time, as '12h'; the calendar says when somebody works"
        )
        return None
    return length.flat
