"""How systems write the moments that they order their records by: one table, for reading and for asking.

A moment without a zone is UTC here, and is sent back without one: it is compared, never shown.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from crossdock.errors import Unreadable

_ODATA_V2: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_DIGITS: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_MILLISECONDS_FROM: Final = 10**11
"""A number from here on counts milliseconds: as seconds it would be a moment after the year 5000."""


def read_moment(value: Any) -> datetime:
    """The moment that a record says, aware and in UTC. Raises ``Unreadable`` when it says none."""
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str) and (found := _ODATA_V2.fullmatch(value)):
            return datetime.fromtimestamp(int(found[1]) / 1000, UTC)
        if isinstance(value, int | float | Decimal) or (isinstance(value, str) and _DIGITS.fullmatch(value)):
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise Unreadable(f"{str(value)[:40]!r} is no moment") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


WRITTEN: Final[Mapping[str, Callable[[datetime], str]]] = {
    "rfc3339": _rfc3339,  # 2026-11-21T10:55:04Z
    "rfc3339_ms": _milliseconds,  # 2026-11-21T10:55:04.000Z
    "local": lambda moment: moment.replace(tzinfo=None).isoformat(
        timespec="seconds"
    ),  # 2026-11-21T10:55:04, UTC
    "date": lambda moment: moment.date().isoformat(),  # 2026-11-21
    "epoch_s": lambda moment: str(int(moment.timestamp())),
    "epoch_ms": lambda moment: str(int(moment.timestamp() * 1000)),
}
"""What ``written`` may be, and how it writes a moment in UTC."""
