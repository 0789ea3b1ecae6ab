"""How Tryton writes dates, times and decimals in its JSON: ``{"__class__": "date", "year": 2026, ...}``.

Its times have no zone and are UTC.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from crossdock.errors import Unreadable


def of_day(day: date) -> dict[str, Any]:
    """A day as Tryton takes it."""
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def of_moment(moment: datetime) -> dict[str, Any]:
    """A moment as Tryton takes it."""
    utc = moment.astimezone(UTC)
    clock = {"hour": utc.hour, "minute": utc.minute, "second": utc.second, "microsecond": utc.microsecond}
    return {**of_day(utc.date()), "__class__": "datetime", **clock}


def day_of(value: Any) -> date | None:
    """The day that Tryton says, ``None`` when it says none."""
    if not isinstance(value, Mapping):
        return None
    try:
        return date(value["year"], value["month"], value["day"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def moment_of(value: Any) -> datetime:
    """The moment that Tryton says. Raises ``Unreadable`` when it says none."""
    day = day_of(value)
    if day is not None and value.get("__class__") == "datetime":
        try:
            clock = time(value["hour"], value["minute"], value["second"], value["microsecond"], tzinfo=UTC)
            return datetime.combine(day, clock)
        except (KeyError, TypeError, ValueError):
            pass
    raise Unreadable(f"{str(value)[:80]!r} is no moment of Tryton")
