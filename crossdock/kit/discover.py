"""What the records of a source look like: their fields, and which of these probably tell of persons.

Values of the latter are never shown. A guess from names and forms is a guess: the connector's ``personal_data`` says.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.formats import json_strict, safe_xml
from crossdock.messages import RawMessage

_NAMES: Final = re.compile(
    r"(?i)(^|[._-])(first|last|sur|given|family|full|contact|attention|person|driver|signed_?by|signee)_?(name)?$"
    r"|e-?mail|phone|mobile|fax|birth|street|address_?line|address1|address2|passport|tax_?id|ssn|iban|signature"
)
_FORMS: Final = (
    ("an e-mail address", re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[A-Za-z]{2,24}")),
    ("a telephone number", re.compile(r"\+[0-9][0-9 ()/-]{6,20}[0-9]")),
    ("an IBAN", re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")),
)
_LONGEST: Final = 60
_MOST_FIELDS: Final = 2000


@dataclass(slots=True, kw_only=True)
class FieldSeen:
    """One field over all records. ``person``: why it probably tells of persons; then ``example`` is left out."""

    way: str
    kinds: set[str] = field(default_factory=set)
    seen: int = 0
    example: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Fields by their way, over ``records`` records; ``unread``: why others could not be looked into."""

    records: int
    fields: Sequence[FieldSeen]
    unread: Sequence[str]


def discover(messages: Sequence[RawMessage], personal_data: Sequence[str] = ()) -> Discovery:
    """The fields of these messages, JSON or XML. Lists are one field, whatever their length: ``lines[].sku``."""
    fields: dict[str, FieldSeen] = {}
    unread: list[str] = []
    records = 0
    for message in messages:
        try:
            found = list(_values(message))
        except Unreadable as error:
            unread.append(f"{message.name}: {error}")
            continue
        records += 1
        for way in dict.fromkeys(way for way, _ in found):
            if way in fields or len(fields) < _MOST_FIELDS:
                fields.setdefault(way, FieldSeen(way=way)).seen += 1
        for way, value in found:
            if way in fields:
                _note(fields[way], value, personal_data)
    return Discovery(records=records, fields=list(fields.values()), unread=unread)


def _note(seen: FieldSeen, value: Any, personal_data: Sequence[str]) -> None:
    seen.kinds.add(_kind(value))
    seen.person = seen.person or _person(seen.way, value, personal_data)
    if seen.person:
        seen.example = ""
    elif not seen.example and value is not None:
        text = str(value)
        seen.example = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _person(way: str, value: Any, personal_data: Sequence[str]) -> str:
    if way in personal_data:
        return "declared"
    if _NAMES.search(way.rpartition(".")[2].removesuffix("[]")):
        return "by its name"
    if isinstance(value, str):
        return next((f"it looks like {what}" for what, form in _FORMS if form.fullmatch(value.strip())), "")
    return ""


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case None:
            return "nothing"
        case str():
            return "text"
        case int():
            return "whole number"
        case _:
            return "number"


def _values(message: RawMessage) -> Iterator[tuple[str, Any]]:
    if "xml" in message.media_type:
        yield from _of_element(safe_xml.parse(message.body), "")
    elif "json" in message.media_type:
        yield from _of(json_strict.loads(message.body), "")
    else:
        raise Unreadable(f"{message.media_type} has no fields that can be told apart here")


def _of(value: Any, way: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _of(inner, f"{way}.{name}" if way else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _of(inner, f"{way}[]")
    else:
        yield way, value


def _of_element(element: Any, way: str) -> Iterator[tuple[str, Any]]:
    name = str(element.tag).rpartition("}")[2]
    here = f"{way}/{name}"
    for attribute, value in element.attrib.items():
        yield f"{here}/@{attribute}", value
    inner = list(element)
    if not inner:
        yield here, (element.text or "").strip() or None
    for one in inner:
        yield from _of_element(one, here)
