"""What records of Tryton have in common: how it writes days, times and decimals, and how it measures.

Source: Tryton 8.2, ``trytond/protocols/jsonrpc.py``: a value that JSON has no word for is an object with its class.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from canonical import crosswalks
from canonical.events import Line, Quantity
from mappings.records import Fields
from mappings.x12 import plain

REMEDY: Final = "compare the record with what Tryton shows of it, correct the mapping, then replay this one"
DAY: Final = "day of Tryton, as {'__class__': 'date', 'year': 2026, ...}"
MOMENT: Final = "time of Tryton, as {'__class__': 'datetime', 'year': 2026, ...}"
AMOUNT: Final = "decimal of Tryton, as {'__class__': 'Decimal', 'decimal': '18250.00'}"
REFERENCE: Final = "reference of Tryton, as 'sale.line,7'"

_DAY: Final = ("year", "month", "day")
_TIME: Final = ("hour", "minute", "second")

_UNITS: Final[Mapping[str, str]] = {
    "u": "C62", "kg": "KGM", "g": "GRM", "t": "TNE", "lb": "LBR", "oz": "ONZ", "m": "MTR", "cm": "CMT", "mm": "MMT",
    "ft": "FOT", "in": "INH", "yd": "YRD", "L": "LTR", "mL": "MLT", "m³": "MTQ", "m²": "MTK", "h": "HUR", "d": "DAY",
}  # fmt: skip
"""The symbols of the units that Tryton brings, and their codes in Recommendation 20."""


def day(value: Any) -> date:
    """A day. Raises ``ValueError`` or ``TypeError``."""
    said = _of_class(value, "date")
    return date(*(said.get(name) for name in _DAY))


def moment(value: Any) -> datetime:
    """A time; Tryton's are bare UTC. Raises ``ValueError`` or ``TypeError``."""
    said = _of_class(value, "datetime")
    return datetime(*(said.get(name) for name in (*_DAY, *_TIME)), tzinfo=UTC)


def amount(value: Any) -> Decimal:
    """An amount of money. Raises ``ValueError`` or ``TypeError``."""
    try:
        number = Decimal(_of_class(value, "Decimal").get("decimal"))
    except InvalidOperation as error:
        raise ValueError(value) from error
    if not number.is_finite() or abs(number.adjusted()) > 17:
        raise ValueError(value)
    return number


def reference(value: Any) -> tuple[str, int]:
    """The model and the number that a reference names. Raises ``ValueError`` or ``TypeError``."""
    if not isinstance(value, str):
        raise TypeError(value)
    model, comma, number = value.partition(",")
    if not comma or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise ValueError(value)
    return model, int(number)


def number(fields: Fields, name: str = "id") -> int:
    """The number of a record, 0 (and a complaint) when it has none."""
    found = fields.decimal(name)
    if found is None or found != found.to_integral_value() or found < 1:
        fields.tell(name, "must be the number of a record")
        return 0
    return int(found)


def within(fields: Fields, way: str, longest: int = 256) -> str:
    """A text at a way with dots: ``party.code``; empty when anything on the way is not said."""
    *above, last = way.split(".")
    at: Fields | None = fields
    for name in above:
        at = None if at is None else at.within(name)
    return "" if at is None else at.text(last, longest)


def quantity(value: Decimal, symbol: str) -> Quantity:
    """A quantity in Recommendation 20 where the unit is one that Tryton brings; else mutually defined, with the
    company's own symbol beside it."""
    code = _UNITS.get(symbol, "ZZ")
    said: Quantity = {"value": plain(value), "uom": code if code in crosswalks.units() else "ZZ"}
    if symbol:
        said["uom_source"], said["uom_scheme_source"] = symbol, "erp"
    return said


def line(ref: str, product: str, issuer: str) -> Line:
    """A line of an order, known by its number in Tryton."""
    said: Line = {"line_ref": ref}
    if product:
        said["item_ids"] = [{"kind": "item", "value": product, "scheme": "sku", "issuer": issuer}]
    return said


def _of_class(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or value.get("__class__") != name:
        raise ValueError(value)
    return value
