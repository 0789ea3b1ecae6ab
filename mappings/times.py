"""Dates and times as trading partners write them, turned into times as precise as they were said.

A date stays a date. A time without a zone is local to where it happened: by the state when the whole state
keeps one zone, else by the partner's own zone; ``tz_source`` tells which was done.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from canonical.events import When

_SHORT_YEARS_FROM: Final = 70
"""A two-digit year from here on is of the last century."""

# X12 element 623 (time code). A zone that keeps summer time is a zone here; D and S are fixed offsets.
_ZONES: Final = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "AT": "America/Anchorage",
    "HT": "Pacific/Honolulu",
    "NT": "America/St_Johns",
    "TT": "America/Halifax",
    "UT": "UTC",
    "GM": "UTC",
}
_OFFSETS: Final = {
    "ES": "-05:00", "ED": "-04:00", "CS": "-06:00", "CD": "-05:00", "MS": "-07:00", "MD": "-06:00",
    "PS": "-08:00", "PD": "-07:00", "AS": "-09:00", "AD": "-08:00", "HS": "-10:00", "HD": "-09:00",
    "NS": "-03:30", "ND": "-02:30", "TS": "-04:00", "TD": "-03:00",
    **{f"{hours:02}": f"+{hours:02}:00" for hours in range(1, 13)},
    **{f"{25 - hours:02}": f"-{hours:02}:00" for hours in range(1, 13)},
}  # fmt: skip

LOCAL: Final = frozenset({"", "LT"})
"""Time codes that say: local to where it happened."""

# States and provinces that keep one zone throughout. Those with two are left to the partner's own zone.
_STATES: Final = {
    "America/New_York": "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL LA MN MO MS OK WI",
    "America/Denver": "CO MT NM UT WY",
    "America/Los_Angeles": "CA WA",
    "Pacific/Honolulu": "HI",
    "America/Halifax": "NB NS PE",
    "America/Winnipeg": "MB",
    "America/Edmonton": "AB",
}
_ZONE_OF_STATE: Final = {state: zone for zone, states in _STATES.items() for state in states.split()}

NO_YEARS: Final = ("9999", "0001")
"""Dates in these years are what systems write that know no date: the last and the first that they can write."""

_zone = lru_cache(maxsize=256)(ZoneInfo)


class NotATime(ValueError):
    """The text is no date or time of the calendar and clock."""


@lru_cache(maxsize=4096)
def date_of(text: str) -> str:
    """``20261204`` or ``261204`` as ``2026-12-04``. Raises ``NotATime`` for what no calendar has."""
    if not (text.isascii() and text.isdigit()):
        raise NotATime(text)
    if len(text) == 6:
        text = f"{'19' if int(text[:2]) >= _SHORT_YEARS_FROM else '20'}{text}"
    if len(text) != 8 or text[:2] not in ("19", "20", "21"):
        raise NotATime(text)
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise NotATime(text) from error
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def is_no_date(day: str) -> bool:
    """Whether a date (``9999-12-31``), or the date of a time, is what systems write that know none."""
    return day.startswith(NO_YEARS)


def time_of(text: str) -> str:
    """``1402`` as ``14:02``, ``140211`` (and with decimals of a second) as ``14:02:11``."""
    if not (text.isascii() and text.isdigit() and 4 <= len(text) <= 8 and len(text) != 5):
        raise NotATime(text)
    hour, minute, second = text[:2], text[2:4], text[4:6]
    if hour > "23" or minute > "59" or second > "59":
        raise NotATime(text)
    return f"{hour}:{minute}:{second}" if second else f"{hour}:{minute}"


@lru_cache(maxsize=4096)
def days_between(earlier: str, later: str) -> int:
    """Whole days from one date (or the date of a time) to another; negative when it is before."""
    return (date.fromisoformat(later[:10]) - date.fromisoformat(earlier[:10])).days


def known_time_code(code: str) -> bool:
    """Whether a time code (X12 element 623) is one that we can turn into a zone."""
    return code in LOCAL or code in _ZONES or code in _OFFSETS


def on(day: str) -> When:
    """A day (``2026-12-04``) as a statement of time."""
    return {"value": day, "precision": "date"}


def when(
    day: str, time: str, zone_code: str, *, state: str = "", country: str = "", partner_zone: str | None
) -> When:
    """A date (``2026-12-04``), a time (``14:02`` or empty) and a time code as one statement of time.

    ``partner_zone`` is the partner's own zone, ``None`` when there is no partner. Raises ``NotATime`` for a time
    code that ``known_time_code`` does not know.
    """
    if not time:
        return on(day)
    value = f"{day}T{time}"
    source_text = f"{value} {zone_code}".rstrip()
    precision = "second" if len(time) == 8 else "minute"
    if zone_code in _OFFSETS:
        offset, source = _OFFSETS[zone_code], "explicit"
    elif zone_code in _ZONES:
        offset, source = offset_at(value, _ZONES[zone_code]), "explicit"
    elif zone_code not in LOCAL:
        raise NotATime(zone_code)
    else:
        zone, source = _local_zone(state, country, partner_zone)
        offset = offset_at(value, zone)
    return {
        "value": value + offset,
        "precision": precision,
        "tz_source": source,
        "source_text": source_text,
    }


def local(value: str, *, state: str = "", partner_zone: str | None) -> tuple[str, str]:
    """The offset and the ``tz_source`` of a zone-less time (``2026-12-04T14:02``) of that place."""
    zone, source = _local_zone(state, "", partner_zone)
    return offset_at(value, zone), source


def offset_at(value: str, zone: str) -> str:
    """The offset (``-06:00``) that a zone keeps at a local time. In the hour that comes twice, the first."""
    offset = datetime.fromisoformat(value).replace(tzinfo=_zone(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _local_zone(state: str, country: str, partner_zone: str | None) -> tuple[str, str]:
    if country in ("", "US", "USA", "CA", "CAN") and (zone := _ZONE_OF_STATE.get(state)):
        return zone, "location"
    if partner_zone is not None:
        return partner_zone, "partner-default"
    return "UTC", "assumed-utc"
