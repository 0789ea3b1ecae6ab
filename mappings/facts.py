"""What a fact says beside its numbers, parties and lines: attributes, none of them longer than a fact may hold."""

from collections.abc import Mapping
from typing import Final

_LONGEST: Final = 1024
_NAME_LONGEST: Final = 16


def note(attributes: dict[str, str], name: str, value: str) -> None:
    """Keep an attribute, when it says something."""
    if value:
        attributes.setdefault(name, value[:_LONGEST])


def as_name(code: str) -> str:
    """A code as part of an attribute's name; empty for what cannot be one."""
    return code.lower() if code.isascii() and code.isalnum() and len(code) <= _NAME_LONGEST else ""


def trimmed(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a fact, none longer than a fact may hold, none empty."""
    return {name: value[:_LONGEST] for name, value in attributes.items() if value}
