"""A row of a database as one JSON object: exact, and always the same bytes for the same values.

Decimals keep every digit and are never floats. A moment is RFC 3339 in UTC; one without a zone is of the zone that
is given. A day is ``2026-11-20``, a time ``14:02:11``, a length of time is seconds, bytes are Base64 (RFC 4648). A
number that JSON lacks (NaN, infinity) and anything else is its text.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo


def written(row: Mapping[str, Any], *, timezone: str = "UTC") -> bytes:
    """The row, its columns in their order. Half a character, which UTF-8 cannot hold, becomes U+FFFD."""
    text = _text(row, ZoneInfo(timezone))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _text(value: Any, zone: ZoneInfo) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case float() if math.isfinite(value):
            return repr(float(value))
        case str():
            return json.dumps(str(value), ensure_ascii=False)
        case datetime():
            aware = value if value.tzinfo is not None else value.replace(tzinfo=zone)
            return json.dumps(_utc(aware))
        case date() | time():
            return json.dumps(value.isoformat())
        case timedelta():
            return json.dumps(f"{Decimal(value // timedelta(microseconds=1)).scaleb(-6).normalize():f}")
        case bytes() | bytearray() | memoryview():
            return json.dumps(base64.b64encode(bytes(value)).decode())
        case Mapping():
            members = (
                f"{json.dumps(str(name), ensure_ascii=False)}: {_text(one, zone)}"
                for name, one in value.items()
            )
            return "{" + ", ".join(members) + "}"
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(_text(one, zone) for one in _in_order(value)) + "]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _utc(moment: datetime) -> str:
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:  # the first and the last day of the calendar
        return moment.isoformat()


def _in_order(values: Iterable[Any]) -> Iterable[Any]:
    return sorted(values, key=str) if isinstance(values, set | frozenset) else values
