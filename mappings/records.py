"""A JSON record of another system, read field by field: what is wrong is told at once, each with its JSON pointer.

For records that a system says far more in than we need: a field that is absent or null says nothing, and what is
there must be of its kind. The first complaint is the error's place.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar

from canonical.crosswalks import currencies
from canonical.events import Money, When
from crossdock.errors import Place, Unreadable
from mappings.x12 import plain

_MOST_TOLD: Final = 10
_MOST_MEMBERS: Final = 10_000
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?")

Value = TypeVar("Value")


class Complaints:
    """What is wrong with a record. ``what`` names it in the sentence, ``remedy`` says what a person does."""

    def __init__(self, what: str, *, remedy: str) -> None:
        self._what = what
        self._remedy = remedy
        self._told: list[tuple[str, str]] = []

    def tell(self, pointer: str, sentence: str) -> None:
        self._told.append((pointer, sentence))

    def refuse(self) -> None:
        """Raise ``Unreadable`` when something was told."""
        if self._told:
            self._refuse()

    def _refuse(self) -> NoReturn:
        shown = [f"{pointer or 'the document'} {sentence}" for pointer, sentence in self._told[:_MOST_TOLD]]
        if len(self._told) > _MOST_TOLD:
            shown.append(f"and {len(self._told) - _MOST_TOLD} more")
        raise Unreadable(
            f"{self._what} cannot be read: {'; '.join(shown)}",
            place=Place(json_pointer=self._told[0][0]),
            remedy=self._remedy,
        )


class Fields:
    """The fields of one object. What cannot be read is told to ``complaints`` and counts as absent."""

    def __init__(self, values: Any, complaints: Complaints, pointer: str = "") -> None:
        self.pointer = pointer
        self._complaints = complaints
        self._values: Mapping[str, Any] = {}
        if isinstance(values, Mapping):
            self._values = values
        else:
            complaints.tell(pointer, f"must be an object, not {kind_of(values)}")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def at(self, name: str) -> str:
        """The pointer of a field."""
        return f"{self.pointer}/{name}"

    def tell(self, name: str, sentence: str) -> None:
        self._complaints.tell(self.at(name), sentence)

    def text(self, name: str, longest: int = 256) -> str:
        """A text without blanks round it; empty when nothing is said."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.tell(name, f"must be a text, not {kind_of(value)}")
        elif "\x00" in value:
            self.tell(name, "holds a NUL character")
        elif len(value.strip()) > longest:
            self.tell(name, f"is longer than {longest} characters")
        else:
            return value.strip()
        return ""

    def needed(self, name: str, longest: int = 256) -> str:
        """A text that must be there."""
        value = self._values.get(name)
        if value is None or value == "" or (isinstance(value, str) and not value.strip()):
            self.tell(name, "is missing" if name not in self._values else "is empty")
            return ""
        return self.text(name, longest)

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            self.tell(name, f"must be true or false, not {kind_of(value)}")
            return None
        return value

    def decimal(self, name: str) -> Decimal | None:
        """A number, written as one or as a text (OData writes decimals as texts), without zeros at its end."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = f"{value:f}" if isinstance(value, Decimal) else str(value)
        if not isinstance(value, str) or _DECIMAL.fullmatch(value.strip()) is None:
            self.tell(name, f"{str(value)[:40]!r} is no decimal number such as '18250.00'")
            return None
        return Decimal(value.strip()).normalize()

    def read(self, name: str, reader: Callable[[Any], Value], wanted: str) -> Value | None:
        """A field by a reader of its own, which raises ``ValueError``."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        try:
            return reader(value)
        except (ValueError, TypeError, OverflowError):
            self.tell(name, f"{str(value)[:40]!r} is no {wanted}")
            return None

    def members(self, name: str, reader: Callable[[Any], list[Any]]) -> list["Fields"]:
        """The objects in a list, each with its pointer."""
        value = self._values.get(name)
        if value is None:
            return []
        try:
            found = reader(value)
        except ValueError:
            self.tell(name, f"must be a list, not {kind_of(value)}")
            return []
        if len(found) > _MOST_MEMBERS:
            self.tell(name, f"has more than {_MOST_MEMBERS} members")
            return []
        below = f"{self.at(name)}/results" if isinstance(value, Mapping) else self.at(name)
        return [Fields(one, self._complaints, f"{below}/{number}") for number, one in enumerate(found)]

    def within(self, name: str) -> "Fields | None":
        """The object in a field, ``None`` when there is none."""
        value = self._values.get(name)
        return None if value is None else Fields(value, self._complaints, self.at(name))


def a_list(value: Any) -> list[Any]:
    """A list as it is. Raises ``ValueError`` for anything else."""
    if not isinstance(value, list):
        raise ValueError(value)
    return value


def at(moment: datetime) -> When:
    """A moment that said its zone."""
    value = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"value": value, "precision": "second", "tz_source": "explicit"}


def money(amount: Decimal | None, currency: str) -> Money | None:
    """An amount where both are said and the currency is one of ISO 4217."""
    if amount is None or currency not in currencies():
        return None
    return {"amount": plain(amount), "currency": currency}


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return "a number"
