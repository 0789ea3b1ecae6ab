"""The keywords of JSON Schema that mean something else between two sides, and the formats that are held."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from jsonschema import FormatChecker, ValidationError

Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Iterator[ValidationError]]


def _required_but(word: str) -> Keyword:
    """``required``, except of properties that the other side alone fills (``readOnly`` when asking)."""

    def required(
        _validator: Any, names: Any, value: Any, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if not isinstance(value, dict):
            return
        properties = schema.get("properties") or {}
        for name in names:
            held = properties.get(name)
            if name not in value and not (isinstance(held, dict) and held.get(word) is True):
                yield ValidationError(f"{name!r} is required")

    return required


def _multiple_of(_validator: Any, step: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """``multipleOf`` in decimal: to binary floats 19.99 is no multiple of 0.01."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    try:
        whole = Decimal(repr(value)) % Decimal(repr(step)) == 0
    except InvalidOperation:
        whole = False
    if not whole:
        yield ValidationError(f"{value!r} is not a multiple of {step!r}")


KEYWORDS: Final[Mapping[str, Mapping[str, Keyword]]] = {
    "asking": {"required": _required_but("readOnly"), "multipleOf": _multiple_of},
    "answering": {"required": _required_but("writeOnly"), "multipleOf": _multiple_of},
}


def _date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return value[10:11] in ("T", "t", " ") and datetime.fromisoformat(value).tzinfo is not None


def _date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(date.fromisoformat(value)))


def _uuid(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 36 and bool(UUID(value)))


def _int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


def _int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


FORMATS: Final = FormatChecker(formats=())
"""The formats that are checked; others, of which vendors have many, say nothing."""
for _name, _holds in (
    ("date-time", _date_time),
    ("date", _date),
    ("uuid", _uuid),
    ("int32", _int32),
    ("int64", _int64),
):
    FORMATS.checks(_name, raises=ValueError)(_holds)
