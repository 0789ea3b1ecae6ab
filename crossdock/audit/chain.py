"""The chain: each row of the audit is sealed over the seal before it, its number and its content.

``seal = HMAC-SHA256(key, version | previous seal | number | canonical JSON of the row)``. Numbers are gapless in a
tenant, from 1. Whoever edits, removes, inserts or reorders a row breaks every seal behind it, and who has no key
cannot mend them.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from crossdock.audit.keys import Key

FIRST: Final = "0" * 64
"""What stands before the first seal."""

COLUMNS: Final = (
    "tenant",
    "id",
    "seq",
    "key_id",
    "at",
    "actor",
    "action",
    "object_kind",
    "object_id",
    "reason",
    "detail",
)
"""What a seal covers: every column but the seal."""

SEALED_OLD: Final = "audit.old_rows_sealed"
KEY_CHANGED: Final = "audit.key_changed"
RESTORED: Final = "audit.restored"
"""What the hub itself writes into the audit: rows from before the chain, the key from here on, and that the database
was restored and lacks what anchors still know."""


def seal(key: Key, previous: str, row: Mapping[str, Any]) -> str:
    """The seal of a row behind ``previous``."""
    said = b"crossdock-audit-1|%s|%d|%s" % (previous.encode(), row["seq"], canonical(row, COLUMNS))
    return hmac.new(key.secret, said, hashlib.sha256).hexdigest()


def is_seal(key: Key, previous: str, row: Mapping[str, Any], said: str) -> bool:
    return hmac.compare_digest(seal(key, previous, row), said)


def canonical(row: Mapping[str, Any], columns: Iterable[str]) -> bytes:
    """A row as the same bytes before it is stored and after it is read."""
    return orjson.dumps({name: _plain(row[name]) for name in columns}, option=orjson.OPT_SORT_KEYS)


def digest(rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """How many rows these are, and a hash over them in their order: rows from before the chain."""
    count, found = 0, hashlib.sha256()
    for row in rows:
        found.update(canonical(row, [name for name in COLUMNS if name not in ("seq", "key_id")]) + b"\n")
        count += 1
    return count, found.hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case float() if value.is_integer():
            # jsonb keeps 1e16 as 10000000000000000, which is read as a whole number
            return int(value) if abs(value) < 2**63 else repr(value)
        case int() if not -(2**63) <= value < 2**64:
            return repr(float(value))
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
