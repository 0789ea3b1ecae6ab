"""The records of a page as the exact bytes they were sent in, and what stands at a way in one of them.

A way is names with dots: ``data.items``. A name that itself has a dot (``@odata.nextLink``) stands in quotes:
``"@odata.nextLink"``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from crossdock.errors import Unreadable
from crossdock.formats import json_slices, json_strict

_PART: Final = re.compile(r'"([^"]+)"|([^."]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer, cut. ``following`` is what stood at the way to the next page: a token, an address, or nothing."""

    records: list[bytes]
    following: Any = None


@lru_cache(maxsize=256)
def way(text: str) -> tuple[str, ...]:
    """The names of a way. Raises ``ValueError`` when it is none."""
    names: list[str] = []
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != "."):
            raise ValueError(f"{text!r} is no way to a value: names with dots between them")
        names.append(found[1] or found[2])
        at = found.end() + 1
    if text.endswith("."):
        raise ValueError(f"{text!r} ends with a dot")
    return tuple(names)


def cut(page: bytes, *, records: str, following: str = "") -> Page:
    """The records at this way in a page, each as it was sent; one that is no JSON does not spoil those beside it.

    Raises ``Unreadable`` when the page is no JSON or has no such list.
    """
    json_strict.check_limits(page)
    found = _piece(page, way(records))
    if found is None:
        raise Unreadable(f"the page has no {records or 'list of records'}")
    bodies = [one.body for one in json_slices.elements(page, found)]
    return Page(records=bodies, following=link_at(page, following) if following else None)


def link_at(page: bytes, text: str) -> Any:
    """What stands at this way in a page, ``None`` when nothing does."""
    found = _piece(page, way(text))
    return None if found is None else json_strict.loads(found.body)


def _piece(page: bytes, names: tuple[str, ...]) -> json_slices.Slice | None:
    piece = json_slices.whole(page)
    for name in names:
        found = json_slices.members(page, piece).get(name)
        if found is None:
            return None
        piece = found
    return piece


def at(record: Any, text: str) -> Any:
    """What stands at this way in a record, ``None`` when nothing does."""
    for name in way(text):
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record
