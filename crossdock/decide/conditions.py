"""The conditions of a rule: what a person writes, whether it matches, and whether one covers another.

text     "INV.BACKORDER"   ["INV.BACKORDER", "INV.SHORTAGE"]   "INV.*" (begins with)
number   10   "10"   ">= 1000"   "> 0"   "< 5"   "<= 5"   "10..20" (both included)
flag     true   false
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from crossdock.decide.context import DIGITS, Field, Value

_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_COMPARISON: Final = re.compile(rf"(>=|<=|>|<|=|==)?\s*({_NUMBER})")
_RANGE: Final = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})")


class Wrong(ValueError):
    """The condition cannot be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text is one of ``words`` or begins with one of ``prefixes``."""

    words: frozenset[str]
    prefixes: tuple[str, ...] = ()

    def matches(self, value: Value) -> bool:
        return isinstance(value, str) and (value in self.words or value.startswith(self.prefixes))

    def covers(self, other: "Condition") -> bool:
        return (
            isinstance(other, OneOf)
            and all(self.matches(word) for word in other.words)
            and all(prefix.startswith(self.prefixes) for prefix in other.prefixes)
        )

    def __str__(self) -> str:
        return " or ".join([*sorted(self.words), *(f"{prefix}*" for prefix in self.prefixes)])


@dataclass(frozen=True, slots=True)
class Between:
    """The number lies between two bounds; ``None`` is no bound. A missing number never matches."""

    low: Decimal | None
    low_included: bool
    high: Decimal | None
    high_included: bool

    def matches(self, value: Value) -> bool:
        if not isinstance(value, Decimal):
            return False
        if self.low is not None and (value < self.low or (value == self.low and not self.low_included)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.high_included)

    def covers(self, other: "Condition") -> bool:
        if not isinstance(other, Between):
            return False
        low = self.low is None or (
            other.low is not None
            and (
                other.low > self.low
                or (other.low == self.low and (self.low_included or not other.low_included))
            )
        )
        high = self.high is None or (
            other.high is not None
            and (
                other.high < self.high
                or (other.high == self.high and (self.high_included or not other.high_included))
            )
        )
        return low and high

    def __str__(self) -> str:
        if self.low is not None and self.low == self.high:
            return f"= {self.low}"
        if self.low is not None and self.high is not None:
            return f"{self.low}..{self.high}"
        if self.low is not None:
            return f"{'>=' if self.low_included else '>'} {self.low}"
        return f"{'<=' if self.high_included else '<'} {self.high}"


@dataclass(frozen=True, slots=True)
class Is:
    """The flag has this value."""

    value: bool

    def matches(self, value: Value) -> bool:
        return value is self.value

    def covers(self, other: "Condition") -> bool:
        return self == other

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell of a table that was drawn in the JDM editor and that is none of the forms above."""

    cell: str

    def matches(self, value: Value) -> bool:
        raise Wrong(f"only the engine can judge {self.cell!r}")

    def covers(self, other: "Condition") -> bool:
        return self == other

    def __str__(self) -> str:
        return self.cell


Condition = OneOf | Between | Is | Drawn


def read(field: Field, written: Any) -> Condition:
    """What a person wrote for a field, as a condition. Raises ``Wrong`` with a sentence."""
    match field.kind, written:
        case "text", str():
            return _one_of([written])
        case "text", list() if written:
            return _one_of(written)
        case "number", bool():
            pass
        case "number", int() | Decimal() | str():
            return _between(str(written))
        case "flag", bool():
            return Is(written)
    wanted = {
        "text": 'a text, a list of texts, or a beginning such as "INV.*"',
        "number": 'a number, a comparison such as ">= 1000", or a range such as "10..20"',
        "flag": "true or false",
    }[field.kind]
    raise Wrong(f"{field.name} is a {field.kind}: write {wanted}, not {written!r}")


def _one_of(words: Sequence[Any]) -> OneOf:
    plain: set[str] = set()
    prefixes: set[str] = set()
    for word in words:
        if not isinstance(word, str) or not word:
            raise Wrong(f"{word!r} is no text to compare with")
        if any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in word):
            raise Wrong(f"{word!r} holds a control character")
        if '"' in word and "'" in word:
            raise Wrong(f"{word!r} holds both kinds of quotation marks, which no table can say")
        text = word.removesuffix("*")
        if "*" in text:
            raise Wrong(f"{word!r}: a * stands only at the end, for every text that begins so")
        if not text:
            raise Wrong("'*' alone matches everything: leave the field out instead")
        (prefixes if text != word else plain).add(text)
    return OneOf(frozenset(plain), tuple(sorted(prefixes)))


def _between(text: str) -> Between:
    text = text.strip()
    if found := _RANGE.fullmatch(text):
        low, high = _number(found[1]), _number(found[2])
        if low > high:
            raise Wrong(f"the range {text} holds no number")
        return Between(low, True, high, True)
    if found := _COMPARISON.fullmatch(text):
        number = _number(found[2])
        match found[1]:
            case ">=" | ">":
                return Between(number, found[1] == ">=", None, False)
            case "<=" | "<":
                return Between(None, False, number, found[1] == "<=")
        return Between(number, True, number, True)
    raise Wrong(f"{text!r} is no number, comparison or range")


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if len(number.as_tuple().digits) > DIGITS:
        raise Wrong(f"{text} has more than {DIGITS} digits")
    return number
