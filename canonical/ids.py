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
    name = SEPARATOR.join(words).encode()
    digest = hashlib.sha1(_bytes_of(namespace) + name, usedforsecurity=False).digest()
    return uuid.UUID(int=int.from_bytes(digest[:16]) & _NO_VERSION | _VERSION_5)


@cache
def _bytes_of(namespace: uuid.UUID) -> bytes:
    return namespace.bytes
