"""Storable: text as PostgreSQL can keep it, for all that is written and for all that is asked.

PostgreSQL's text and jsonb hold neither NUL nor half of a surrogate pair. A hostile document may have both; the raw
message keeps its bytes, and everywhere else a picture stands for what cannot be kept. Questions are translated like
what is written, so what was stored is found again.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

NUL: Final = "\u2400"
"""Stands for NUL: the picture of one."""

HALF: Final = "\ufffd"
"""Stands for half of a surrogate pair: the character for what is none."""

_HALVES: Final = re.compile("[\ud800-\udfff]")


def pictured(value: str) -> str:
    """The text with a picture for each character that cannot be kept."""
    if "\x00" in value:
        value = value.replace("\x00", NUL)
    return value if value.isascii() else _HALVES.sub(HALF, value)


def every(value: Any) -> Any:
    """A value of any shape with all texts in it made storable, keys too; as it is where nothing had to change."""
    return value if _is_storable(value) else _made(value)


def _is_storable(value: Any) -> bool:
    """Nearly everything is, and every statement is asked: so nothing is copied to find out."""
    kind = type(value)
    if kind is str:
        return "\x00" not in value and (value.isascii() or not _HALVES.search(value))
    if kind is dict:
        return all(map(_is_storable, value)) and all(map(_is_storable, value.values()))
    if kind is list or kind is tuple:
        return all(map(_is_storable, value))
    return not isinstance(value, (str, Mapping, list, tuple))


def _made(value: Any) -> Any:
    match value:
        case str():
            return pictured(value)
        case Mapping():
            return {_made(name): _made(item) for name, item in value.items()}
        case list():
            return [_made(item) for item in value]
        case tuple():
            return tuple(map(_made, value))
        case _:
            return value


def as_json(value: Any, default: "Callable[[Any], Any] | None" = None) -> bytes:
    """The value as JSON that jsonb takes. ``default`` as for ``orjson``."""
    try:
        written = orjson.dumps(value, default=default, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # half of a surrogate pair, or what no JSON holds: then it is raised below
        return _written_again(value, default)
    return _written_again(value, default) if b"\\u0000" in written else written


def _written_again(value: Any, default: "Callable[[Any], Any] | None") -> bytes:
    return orjson.dumps(every(value), default=default, option=orjson.OPT_NON_STR_KEYS)
