"""Derived ids: the same words under the same namespace always give the same UUID, so doing it again is harmless."""

import hashlib
import uuid
from functools import cache
from typing import Final

SEPARATOR: Final = "\x1f"
"""Stands between the words; none of them may hold it."""

_NO_VERSION: Final = ~(0xC000 << 48 | 0xF000 << 64)
_VERSION_5: Final = 0x8000 << 48 | 5 << 76


def derived_id(namespace: uuid.UUID, *words: str) -> uuid.UUID:
    """The UUID version 5 of these words. What ``uuid.uuid5`` gives, at half its cost: every event has several."""
    return uuid.UUID(int=_number(namespace, words))


def derived_text(namespace: uuid.UUID, *words: str) -> str:
    """The same as text, at half the cost again."""
    text = f"{_number(namespace, words):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _number(namespace: uuid.UUID, words: tuple[str, ...]) -> int:
    name = SEPARATOR.join(words).encode()
    digest = hashlib.sha1(_bytes_of(namespace) + name, usedforsecurity=False).digest()
    return int.from_bytes(digest[:16]) & _NO_VERSION | _VERSION_5


@cache
def _bytes_of(namespace: uuid.UUID) -> bytes:
    return namespace.bytes
