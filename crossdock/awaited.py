"""How expected feeds and silent sources stand, for the command line and the console."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from crossdock.errors import Misconfigured
from crossdock.partners import Partner
from crossdock.ports import Manifest
from crossdock.store import watched
from crossdock.store.pages import plain
from crossdock.toml_lines import did_you_mean
from crossdock.watch import declared

if TYPE_CHECKING:
    from crossdock.store.queries import Connection

Row = dict[str, Any]

NEXT: Final = 5
"""So many due times ahead are shown."""

_SHOWN: Final = ("state", "due_at", "opens_at", "last_came_at", "missing")


def listed(
    connection: "Connection",
    tenant: str,
    manifests: Mapping[str, Manifest],
    partners: Iterable[Partner],
    now: datetime,
) -> list[Row]:
    """Every declared feed, then every source whose silence is watched now. ``state``: ``waiting``, or ``missing`` as
    long as a due time passed in vain; ``due_at`` is the next one; ``last_came_at``, when it last came to one."""
    kept = {(row["kind"], row["feed"]): row for row in watched.newest_of_each(connection, tenant)}
    found: list[Row] = []
    for feed in declared(_mine(manifests, tenant), partners):
        row = kept.get(("feed", feed.feed)) or {
            "state": "waiting",
            "missing": 0,
            "last_came_at": None,
            **plain({"due_at": feed.schedule.due_after(now), "opens_at": None}),
        }
        found.append(_row("feed", feed.feed, str(feed), row))
    for (kind, name), row in sorted(kept.items()):
        if kind == "source" and row["state"] in ("waiting", "missing"):
            found.append(_row(kind, name, row["declared"], row))
    return found


def one(
    connection: "Connection",
    tenant: str,
    manifests: Mapping[str, Manifest],
    partners: Iterable[Partner],
    now: datetime,
    name: str,
    *,
    limit: int = 20,
) -> Row:
    """One of them, with its next due times and what became of the last ones. Raises ``Misconfigured``."""
    there = list(partners)
    rows = {row["feed"]: row for row in listed(connection, tenant, manifests, there, now)}
    if name not in rows:
        raise Misconfigured(f"nothing is expected that is called {name!r}{did_you_mean(name, list(rows))}")
    feeds = {feed.feed: feed for feed in declared(_mine(manifests, tenant), there)}
    ahead: list[str] = []
    if (feed := feeds.get(name)) is not None:
        zone, at = ZoneInfo(feed.schedule.calendar.timezone), now
        for _ in range(NEXT):
            at = feed.schedule.due_after(at)
            ahead.append(at.astimezone(zone).isoformat())
    return {
        **rows[name],
        "next": ahead,
        "due_times": watched.due_times(connection, tenant, name, limit=limit),
    }


def _mine(manifests: Mapping[str, Manifest], tenant: str) -> list[Manifest]:
    return [manifest for manifest in manifests.values() if manifest.tenant == tenant]


def _row(kind: str, feed: str, said: str, row: Mapping[str, Any]) -> Row:
    shown = {name: row[name] for name in _SHOWN}
    if shown["missing"]:
        shown["state"] = "missing"
    return {"feed": feed, "kind": kind, "declared": said, **shown}
