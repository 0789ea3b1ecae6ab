"""One value of a document as the canonical words want it: a text, a number, a quantity, an amount, a time.

Nothing is guessed. A value that is there and is not what it must be is a problem of the document, told with its JSON
pointer; a value that is absent, null or empty is not said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from canonical import crosswalks
from canonical.events import Money, Quantity, When

LONGEST_TEXT: Final = 4_000

_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")
_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<minute>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?(?:[.,](?P<part>[0-9]{1,9})[0-9]*)?"
    r"(?P<zone>Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_FARTHEST_ZONE: Final = timedelta(hours=14)
_NO_YEARS: Final = ("9999", "0001")
"""Years that systems write into a date that they do not know."""

EPOCHS: Final[Mapping[str, int]] = {"epoch_s": 1, "epoch_ms": 1000}
"""How a time may be written as a number: how many of the unit make a second."""


class NotThat(ValueError):
    """The value is there and is not what it must be. ``str`` goes on from the place: "is no date"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A value of the document, and the JSON pointer of where it stands. ``value`` is never empty."""

    value: Any
    pointer: str
    name: str = ""


def is_said(value: Any) -> bool:
    """Whether there is a value: null, an empty or a blank text, an empty list say nothing."""
    return value not in (None, "", [], {}) and not (isinstance(value, str) and not value.strip())


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A text; a whole number is one too, as numbers of orders often are. Raises ``NotThat``."""
    if isinstance(value, bool | Decimal | list | dict):
        raise NotThat(f"must be a text, not {kind(value)}")
    said = str(value).strip()
    if "\x00" in said:
        raise NotThat("holds a NUL character")
    if len(said) > longest:
        raise NotThat(f"is longer than {longest} characters")
    return said


def note(value: Any, longest: int = 1_024) -> str:
    """A value beside others, for people: true, false and numbers are written out, a text is cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    return text(value, 1_000_000)[:longest]


def number(value: Any) -> Decimal:
    """An exact number of at most 18 digits before and 9 behind the point. Raises ``NotThat``."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise NotThat(f"must be a number, not {kind(value)}")
    written = value.strip() if isinstance(value, str) else value
    try:
        found = Decimal(written) if not isinstance(written, str) or _DECIMAL.fullmatch(written) else None
    except InvalidOperation:
        found = None
    if found is None or not _DECIMAL.fullmatch(plain(found)):
        shown = f" {written[:40]!r}" if isinstance(written, str) else ""
        raise NotThat(f"is no decimal number such as 18250.5{shown and ':'}{shown}")
    return found


def plain(value: Decimal) -> str:
    """A number as decimal text, without an exponent: ``40``, ``12.50``."""
    written = format(value, "f")
    return written.removeprefix("-") if not value else written


def quantity(value: Decimal, unit: str, units: Mapping[str, str]) -> Quantity:
    """An amount of goods in its unit; theirs by the mapping's table, else by Rec 20, else (also when
    none is said) mutually defined."""
    known = units.get(unit) or (unit if unit in crosswalks.units() else "ZZ")
    said: Quantity = {"value": plain(value), "uom": known}
    if unit and unit != known:
        said["uom_source"] = unit[:64]
        said["uom_scheme_source"] = "free-text"
    return said


def money(amount: Decimal, currency: Any) -> Money:
    """An amount of money of an ISO 4217 currency. Raises ``NotThat``."""
    known = text(currency, 8).upper()
    if known not in crosswalks.currencies():
        raise NotThat(f"{known!r} is no currency of ISO 4217")
    return {"amount": plain(amount), "currency": known}


def when(value: Any, *, form: str, zone: str | None) -> When | None:
    """A time as precise as it was said; ``None`` for a date that means that there is none (9999-12-31).

    ``form``: empty (ISO 8601), ``epoch_s``, ``epoch_ms``, or the directives of strptime. ``zone`` (IANA): what a time
    without its offset means, ``None`` when nobody said. Raises ``NotThat``.
    """
    if form in EPOCHS:
        return _since_epoch(value, EPOCHS[form])
    said = text(value, 64)
    if said.startswith(_NO_YEARS):
        return None
    if form:
        said = _reformed(said, form)
    found = _TIME.fullmatch(said)
    if found is None:
        raise NotThat(f"{said[:40]!r} is no date and no time such as 2026-11-20T14:02:11Z")
    day, minute, second = found["date"], found["minute"], found["second"]
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ''}")
    except ValueError:
        raise NotThat(f"{said[:40]!r} is on no calendar and no clock") from None
    if not 1900 <= moment.year <= 2199:
        raise NotThat(f"{said[:40]!r} is in no year of this business")
    if minute is None:
        return {"value": day, "precision": "date"}
    offset, source = _offset(found["zone"], moment, zone)
    part = f".{found['part']}" if second and found["part"] and found["part"].strip("0") else ""
    return {
        "value": f"{day}T{minute}{second or ''}{part}{offset}",
        "precision": "second" if second else "minute",
        "tz_source": source,
    }


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | Decimal():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
    return "null"


def _offset(written: str | None, moment: datetime, zone: str | None) -> tuple[str, str]:
    if written is not None:
        if written in "Zz":
            return "Z", "explicit"
        offset = written if ":" in written else f"{written[:3]}:{written[3:]}"
        hours, minutes = int(offset[1:3]), int(offset[4:])
        if minutes > 59 or timedelta(hours=hours, minutes=minutes) > _FARTHEST_ZONE:
            raise NotThat(f"{written!r} is no offset of a zone")
        return offset, "explicit"
    if zone is None:
        return "+00:00", "assumed-utc"
    seconds = (moment.replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()) // timedelta(minutes=1)
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 60:02}:{abs(seconds) % 60:02}", "partner-default"


def _reformed(said: str, form: str) -> str:
    try:
        moment = datetime.strptime(said, form)  # noqa: DTZ007 - its zone, or none, is kept as it was said
    except ValueError:
        raise NotThat(f"{said[:40]!r} is not written as {form!r}") from None
    return moment.isoformat() if "%H" in form or "%I" in form else moment.date().isoformat()


def _since_epoch(value: Any, per_second: int) -> When:
    count = number(value)
    try:
        moment = datetime.fromtimestamp(float(count) / per_second, tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise NotThat("is no time since 1970") from None
    if not 1900 <= moment.year <= 2199:
        raise NotThat("is in no year of this business")
    said = moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return {"value": said, "precision": "second", "tz_source": "explicit"}
