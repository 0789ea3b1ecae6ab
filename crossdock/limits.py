"""Every limit on what comes in, with its default: one table, which ``docs/limits.md`` shows.

A default is changed for a whole process in ``CROSSDOCK_LIMITS``: ``x12_segments=400000,json_depth=80``. Limits of one
connector (the longest file, the longest body) stand in its connector.toml. All are enforced before memory is taken
for what is over them, or, where only the work shows it, while it is done.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from crossdock.errors import Misconfigured

VARIABLE: Final = "CROSSDOCK_LIMITS"

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit: its default in its unit, and what becomes of what is over it."""

    name: str
    default: int
    unit: str
    over: str


LIMITS: Final[Mapping[str, Limit]] = {
    limit.name: limit
    for limit in (
        Limit(name="http_answer", default=20 * MIB, unit="bytes", over="the call is refused, unread"),
        Limit(name="http_ratio", default=100, unit="times", over="the call is refused, unread"),
        Limit(name="xml_bytes", default=20 * MIB, unit="bytes", over="a dead letter, `XML.LIMIT`"),
        Limit(name="xml_depth", default=64, unit="levels", over="a dead letter, `XML.LIMIT`"),
        Limit(name="xml_nodes", default=1_000_000, unit="elements", over="a dead letter, `XML.LIMIT`"),
        Limit(name="json_bytes", default=20 * MIB, unit="bytes", over="a dead letter, `JSON.LIMIT`"),
        Limit(name="json_depth", default=64, unit="levels", over="a dead letter, `JSON.LIMIT`"),
        Limit(name="json_nodes", default=1_000_000, unit="values", over="a dead letter, `JSON.LIMIT`"),
        Limit(name="json_digits", default=308, unit="digits", over="a dead letter, `JSON.LIMIT`"),
        Limit(name="x12_bytes", default=50 * MIB, unit="bytes", over="a dead letter, `LIMIT.X12`"),
        Limit(name="x12_segments", default=200_000, unit="segments", over="a dead letter, `LIMIT.X12`"),
        Limit(name="x12_element", default=65_536, unit="bytes", over="a dead letter, `LIMIT.X12`"),
        Limit(name="x12_groups", default=10_000, unit="groups", over="a dead letter, `LIMIT.X12`"),
        Limit(name="x12_answers", default=5_000, unit="TA1 segments", over="a dead letter, `LIMIT.X12`"),
        Limit(name="table_rows", default=50_000, unit="rows", over="a dead letter, `LIMIT.TABLE`"),
        Limit(name="table_columns", default=500, unit="columns", over="a dead letter, `LIMIT.TABLE`"),
        Limit(name="archive_entries", default=100, unit="files", over="a dead letter, `ARCHIVE.LIMIT`"),
        Limit(name="archive_bytes", default=100 * MIB, unit="bytes", over="a dead letter, `ARCHIVE.LIMIT`"),
        Limit(name="archive_ratio", default=100, unit="times", over="a dead letter, `ARCHIVE.LIMIT`"),
        Limit(
            name="upload_bytes", default=20 * MIB, unit="bytes", over="refused with the limit, unread (413)"
        ),
        Limit(name="file_name", default=200, unit="bytes", over="not taken, a dead letter"),
        Limit(name="mapping_ms", default=2_000, unit="ms of CPU", over="a dead letter, `LIMIT.MAPPING`"),
        Limit(name="parse_ms", default=60_000, unit="ms of CPU", over="a dead letter, `LIMIT.PARSE`"),
        Limit(name="rule_ms", default=50, unit="ms of CPU an event", over="the event goes to `triage`"),
    )
}


def limit(name: str) -> int:
    """The limit of this name, as it holds in this process."""
    return _changed(os.environ.get(VARIABLE, "")).get(name, LIMITS[name].default)


@cache
def _changed(text: str) -> Mapping[str, int]:
    changed = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        if not equals or name.strip() not in LIMITS or not value.strip().isdecimal() or not int(value):
            raise Misconfigured(
                f"{VARIABLE} holds {item!r}; write a limit of docs/limits.md and a number above 0: json_depth=80"
            )
        changed[name.strip()] = int(value)
    return changed
