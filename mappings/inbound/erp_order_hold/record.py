"""One order-hold record, checked: every field is there, of its type, and says something that can be.

All that is wrong is told at once, each with its JSON pointer; the first one is the error's place.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from canonical.crosswalks import currencies
from canonical.events import When
from crossdock.errors import Place, Unreadable
from mappings.records import kind_of

HELD: Final = "held"
RELEASED: Final = "released"

_MOST_LINES: Final = 10_000
_MOST_PROBLEMS: Final = 10
_MISSING: Final = object()

_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")
_MOMENT: Final = re.compile(
    r"((?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?"
    r"(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedLine:
    """One line of the held order; ``quantity`` is a decimal string."""

    line: str
    sku: str
    quantity: str
    uom: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as the ERP wrote it. ``amount`` is a decimal string of ``currency``; times have their offset."""

    hold_id: str
    sales_order: str
    customer: str
    customer_name: str
    tier: str
    reason_code: str
    reason: str
    amount: str
    currency: str
    placed_at: When
    updated_at: When
    state: str
    lines: tuple[OrderedLine, ...]


def read_record(document: Any) -> Record:
    """The record of a parsed JSON value. Raises ``Unreadable`` with everything that is wrong."""
    checks = _Checks()
    top = checks.object("", document)
    if checks.problems:
        checks.refuse()
    customer = checks.object("/customer", top.get("customer", _MISSING))
    record = Record(
        hold_id=checks.text("/hold_id", top),
        sales_order=checks.text("/sales_order", top),
        customer=checks.text("/customer/id", customer, 128),
        customer_name=checks.text("/customer/name", customer),
        tier=checks.text("/customer/tier", customer, 64),
        reason_code=checks.text("/reason_code", top, 128),
        reason=checks.text("/reason", top, 1_000_000, empty=True),
        amount=checks.decimal("/amount", top),
        currency=checks.currency("/currency", top),
        placed_at=checks.moment("/placed_at", top),
        updated_at=checks.moment("/updated_at", top),
        state=checks.state("/state", top),
        lines=checks.lines("/lines", top),
    )
    if checks.problems:
        checks.refuse()
    return record


class _Checks:
    """Reads one field after another, and keeps what is wrong with each as (pointer, sentence)."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def refuse(self) -> NoReturn:
        """Raise what was found."""
        told = [f"{pointer or 'the document'} {what}" for pointer, what in self.problems[:_MOST_PROBLEMS]]
        if len(self.problems) > _MOST_PROBLEMS:
            told.append(f"and {len(self.problems) - _MOST_PROBLEMS} more")
        raise Unreadable(
            f"the order hold cannot be read: {'; '.join(told)}",
            place=Place(json_pointer=self.problems[0][0]),
            remedy="correct the record in the ERP, which sends it again; then discard this one",
        )

    def object(self, pointer: str, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value is _MISSING:
            self._tell(pointer, "is missing")
        else:
            self._tell(pointer, f"must be an object, not {kind_of(value)}")
        return {}

    def text(self, pointer: str, of: dict[str, Any], longest: int = 256, *, empty: bool = False) -> str:
        value = of.get(_name(pointer), _MISSING)
        if value is _MISSING:
            if self._is_told_above(pointer):
                return ""
            self._tell(pointer, "is missing")
        elif not isinstance(value, str):
            self._tell(pointer, f"must be a text, not {kind_of(value)}")
        elif "\x00" in value:
            self._tell(pointer, "holds a NUL character")
        elif not empty and not value.strip():
            self._tell(pointer, "is empty")
        elif len(value) > longest:
            self._tell(pointer, f"is longer than {longest} characters")
        else:
            return value.strip()
        return ""

    def decimal(self, pointer: str, of: dict[str, Any]) -> str:
        text = self.text(pointer, of, 64)
        if text and not _DECIMAL.fullmatch(text):
            self._tell(pointer, f"{text!r} is no decimal number such as '18250.00'")
        return text

    def currency(self, pointer: str, of: dict[str, Any]) -> str:
        text = self.text(pointer, of, 64)
        if text and text not in currencies():
            self._tell(pointer, f"{text!r} is no currency of ISO 4217")
        return text

    def state(self, pointer: str, of: dict[str, Any]) -> str:
        text = self.text(pointer, of, 64)
        if text and text not in (HELD, RELEASED):
            self._tell(pointer, f"{text!r} must be {HELD} or {RELEASED}")
        return text

    def moment(self, pointer: str, of: dict[str, Any]) -> When:
        text = self.text(pointer, of, 64)
        if text:
            found = _MOMENT.fullmatch(text)
            try:
                if found is None:
                    raise ValueError(text)
                datetime.fromisoformat(found[1])
            except ValueError:
                self._tell(pointer, f"{text!r} is no time with its offset, such as '2026-11-20T14:02:11Z'")
        return {"value": text, "precision": "second", "tz_source": "explicit"}

    def lines(self, pointer: str, of: dict[str, Any]) -> tuple[OrderedLine, ...]:
        values = of.get(_name(pointer), _MISSING)
        if not isinstance(values, list):
            if values is not _MISSING:
                self._tell(pointer, f"must be a list, not {kind_of(values)}")
            elif not self._is_told_above(pointer):
                self._tell(pointer, "is missing")
            return ()
        if len(values) > _MOST_LINES:
            self._tell(pointer, f"has more than {_MOST_LINES} lines")
            return ()
        lines = tuple(self._line(f"{pointer}/{index}", value) for index, value in enumerate(values))
        seen: set[str] = set()
        for index, line in enumerate(lines):
            if line.line and line.line in seen:
                self._tell(f"{pointer}/{index}/line", f"{line.line!r} stands twice")
            seen.add(line.line)
        return lines

    def _line(self, pointer: str, value: Any) -> OrderedLine:
        line = self.object(pointer, value)
        return OrderedLine(
            line=self._line_number(f"{pointer}/line", line),
            sku=self.text(f"{pointer}/sku", line),
            quantity=self.decimal(f"{pointer}/quantity", line),
            uom=self.text(f"{pointer}/uom", line, 64),
        )

    def _line_number(self, pointer: str, line: dict[str, Any]) -> str:
        number = line.get("line")
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 10**9:
            return str(number)
        if isinstance(number, int):
            self._tell(pointer, "must be a line number")
            return ""
        return self.text(pointer, line, 64)

    def _tell(self, pointer: str, what: str) -> None:
        self.problems.append((pointer, what))

    def _is_told_above(self, pointer: str) -> bool:
        """Whether the object round a missing field was itself found wanting: then that says it all."""
        return any(told == pointer.rpartition("/")[0] for told, _ in self.problems)


def _name(pointer: str) -> str:
    return pointer.rpartition("/")[2]
