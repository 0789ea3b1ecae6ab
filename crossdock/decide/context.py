"""What a rule may look at: a closed list of fields, each read from a sealed ExceptionEvent.

Texts are never null (empty: not said); numbers are exact and may be missing; flags are true or false. A condition
on a number that is missing never matches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, Literal

from canonical import taxonomy

Kind = Literal["text", "number", "flag"]
Value = str | bool | Decimal | None

DIGITS: Final = 15
"""Significant digits of a number in a rule and in what it is compared with: so many survive the engine exactly."""

UNKNOWN: Final = "?"
"""What a sentence says of a value that is missing."""

OUR_NUMBERS: Final = ("supplier_po", "sales_order", "shipment", "pro")
"""The references that our own systems know orders and shipments by: what a write-back to them is addressed to. A
customer's order is not among them, for its number is the customer's."""

_ROUND: Final = Context(prec=DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: ``read`` gives its value from the event's ``data``; ``say`` the same in words, empty where it is
    not known."""

    name: str
    kind: Kind
    meaning: str
    read: Callable[[Mapping[str, Any]], Value]
    say: Callable[[Mapping[str, Any]], str]


def number(text: Any) -> Decimal | None:
    """A decimal string as a number of at most 15 significant digits, ``None`` where there is none."""
    return _number(text) if isinstance(text, str) else None


@lru_cache(maxsize=8192)
def _number(text: str) -> Decimal | None:
    """The quantities and amounts of a batch come again and again."""
    try:
        return _ROUND.create_decimal(text)
    except InvalidOperation:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _line(data: Mapping[str, Any]) -> Mapping[str, Any]:
    lines = data.get("lines")
    return lines[0] if lines else _NOTHING


_NOTHING: Final[Mapping[str, Any]] = {}


def _quantity(name: str) -> Callable[[Mapping[str, Any]], Decimal | None]:
    def read(data: Mapping[str, Any]) -> Decimal | None:
        quantity = _line(data).get(name)
        return number(quantity["value"]) if quantity else None

    return read


def _share(data: Mapping[str, Any]) -> Decimal | None:
    line = _line(data)
    ordered, affected = line.get("ordered"), line.get("affected")
    if not ordered or not affected or ordered["uom"] != affected["uom"]:
        return None
    whole, part = number(ordered["value"]), number(affected["value"])
    if not whole or part is None:
        return None
    return _ROUND.divide(part, whole)


def _money(part: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(data: Mapping[str, Any]) -> Any:
        money = data.get("value_at_risk")
        return money[part] if money else None

    return read


_amount, _currency = _money("amount"), _money("currency")


def _date(side: str) -> Callable[[Mapping[str, Any]], str]:
    def read(data: Mapping[str, Any]) -> str:
        for variance in data.get("variances", ()):
            if variance["attribute"] == "date":
                said = variance[side]
                return _text(said.get("value") if isinstance(said, Mapping) else said)[:10]
        return ""

    return read


_promised, _requested = _date("actual"), _date("expected")


def _days_late(data: Mapping[str, Any]) -> Decimal | None:
    asked, promised = _requested(data), _promised(data)
    if not asked or not promised:
        return None
    return Decimal((date.fromisoformat(promised) - date.fromisoformat(asked)).days)


def _ref(data: Mapping[str, Any], part: str) -> str:
    refs = data.get("refs")
    return _text(refs[0].get(part)) if refs else ""


def _has_our_number(data: Mapping[str, Any]) -> bool:
    """A number with a role is the partner's own: the supplier's sales order is none of ours."""
    return any(ref["kind"] in OUR_NUMBERS and not ref.get("role") for ref in data.get("refs", ()))


def _ext(name: str) -> Callable[[Mapping[str, Any]], str]:
    def read(data: Mapping[str, Any]) -> str:
        ext = data.get("ext")
        return _text(ext.get(name)) if ext else ""

    return read


def _source_code(data: Mapping[str, Any]) -> str:
    told = data.get("source_codes")
    return f"{told[0]['scheme']}/{told[0]['code']}" if told else ""


def _meaning(data: Mapping[str, Any]) -> str:
    code = _text(data.get("code"))
    known = taxonomy.codes()
    return known[code].meaning if code in known else ""


def _unit(data: Mapping[str, Any]) -> str:
    line = _line(data)
    quantity = line.get("affected") or line.get("ordered")
    return _text(quantity["uom"]) if quantity else ""


def _field(name: str, kind: Kind, meaning: str, read: Callable[[Mapping[str, Any]], Value]) -> Field:
    def say(data: Mapping[str, Any]) -> str:
        value = read(data)
        return value if isinstance(value, str) else "" if value is None else as_words(value)

    return Field(name=name, kind=kind, meaning=meaning, read=read, say=say)


def _counted(name: str, meaning: str) -> Field:
    """A quantity of the line. Said most often of all, so by its text."""

    def say(data: Mapping[str, Any]) -> str:
        quantity = _line(data).get(name)
        return _said(quantity["value"]) if quantity else ""

    return Field(name=name, kind="number", meaning=meaning, read=_quantity(name), say=say)


@lru_cache(maxsize=8192)
def _said(text: Any) -> str:
    """A decimal string in words; empty for what is none."""
    value = number(text)
    return "" if value is None else as_words(value)


_ALL: Final = (
    _field("code", "text", "the exception's code, INV.BACKORDER", lambda data: _text(data.get("code"))),
    _field("family", "text", "what stands before the point of the code, INV",
           lambda data: _text(data.get("code")).partition(".")[0]),
    _field("severity", "text", "S1 (worst) to S4", lambda data: _text(data.get("severity"))),
    _field("kind", "text", "fact, absence, risk or composite", lambda data: _text(data.get("kind"))),
    _field("cause", "text", "why, where it was said: out_of_stock", lambda data: _text(data.get("cause"))),
    _field("method", "text", "how it was found: code-map, rule, timer, model, manual",
           lambda data: _text(data["classification"].get("method")) if "classification" in data else ""),
    _field("partner", "text", "the trading partner's name, acme_supply", _ext("partner")),
    _field("source", "text", "the connector that brought it, supplier_edi",
           lambda data: _text(data["provenance"].get("connector")) if "provenance" in data else ""),
    _field("mapping", "text", "the mapping that read it, x12_855",
           lambda data: _text(data["provenance"].get("mapping")) if "provenance" in data else ""),
    _field("source_code", "text", "the sender's own word, x12-668/IB", _source_code),
    _field("subject", "text", "the number that it is about, 4500123456", lambda data: _ref(data, "value")),
    _field("subject_kind", "text", "what that is the number of, supplier_po", lambda data: _ref(data, "kind")),
    _field("has_our_number", "flag", "it names an order or shipment by a number that our own systems keep",
           _has_our_number),
    _field("line", "text", "the first line's number", lambda data: _text(_line(data).get("line_ref"))),
    _field("unit", "text", "the unit of the quantities, EA", _unit),
    _field("currency", "text", "the currency of value_at_risk, USD", lambda data: _text(_currency(data))),
    _field("customer", "text", "our customer's number, C-17", _ext("customer")),
    _field("customer_tier", "text", "our customer's tier, A", _ext("customer_tier")),
    _field("requested_date", "text", "the date that was asked for, 2026-11-27", _requested),
    _field("promised_date", "text", "the date that is promised now, 2026-12-04", _promised),
    _field("has_promised_date", "flag", "a date is promised", lambda data: bool(_promised(data))),
    _counted("ordered", "the ordered quantity of the line"),
    _counted("affected", "how much of it is affected"),
    _field("affected_share", "number", "affected by ordered, 0 to 1", _share),
    _field("value_at_risk", "number", "an amount of money, see currency", lambda data: number(_amount(data))),
    _field("days_late", "number", "days from the date asked for to the date promised", _days_late),
    _field("line_count", "number", "how many lines the event names",
           lambda data: Decimal(len(data.get("lines", ())))),
    _field("meaning", "text", "what the code means, in the taxonomy's words", _meaning),
    _field("title", "text", "the event's own title", lambda data: _text(data.get("title"))),
)  # fmt: skip

FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
"""Every field that a condition or a sentence may name."""


def for_engine(value: Value) -> Any:
    """A value as the rule engine takes it: a number of 15 digits is exact as a float, and stays it inside."""
    if isinstance(value, Decimal):
        whole = int(value)
        return whole if whole == value else float(value)
    return value


def as_words(value: Value) -> str:
    """A value in a sentence for people; what is missing is ``?``."""
    if isinstance(value, str):
        return value or UNKNOWN
    if isinstance(value, Decimal):
        return _plain(value)
    if value is None:
        return UNKNOWN
    return "yes" if value else "no"


@lru_cache(maxsize=8192)
def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f") if value else "0"


def as_json(value: Value) -> str | bool | None:
    """A value as it is stored with the decision: numbers as decimal strings."""
    return as_words(value) if isinstance(value, Decimal) else value
