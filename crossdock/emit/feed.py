"""The feed: events in the order of their places, from a cursor on.

A cursor names a place, and everything before it was read or was not wanted. It is opaque to readers. What a reader
has seen it may see again (at least once); what was committed late got a later place, so no cursor has passed it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crossdock.emit.filters import EVERYTHING, Filter
from crossdock.emit.settings import FeedSettings
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.store import emissions

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

OLDEST: Final = "oldest"
NOW: Final = "now"
"""Words that a reader without a cursor may say: from the oldest that is kept, or from now on."""

_CURSOR: Final = re.compile(r"1\.([a-z0-9]{1,20})\.(\d{1,18})")


class CursorTooOld(CrossdockError):
    """What came after this cursor is no longer kept. ``oldest`` is the cursor from which everything still is."""

    def __init__(self, sentence: str, *, oldest: str) -> None:
        super().__init__(sentence)
        self.oldest = oldest


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """Events and the cursor after them. ``more``: reading on at once gives more."""

    events: tuple[Mapping[str, Any], ...]
    cursor: str
    more: bool

    def as_dict(self) -> dict[str, Any]:
        """The page as JSON shows it."""
        return {"events": list(self.events), "cursor": self.cursor, "more": self.more}


def read(
    connection: "Transaction",
    tenant: str,
    *,
    cursor: str | None,
    wanted: Filter = EVERYTHING,
    limit: int = 100,
    now: datetime,
    settings: FeedSettings,
) -> FeedPage:
    """One page after a cursor; without one, from the oldest event that is kept.

    Raises ``CursorTooOld``, and ``Misconfigured`` for what is no cursor of this tenant's feed.
    """
    place = place_of(connection, tenant, cursor, now=now, settings=settings)
    return page(connection, tenant, place, wanted=wanted, limit=limit, settings=settings)[0]


def page(
    connection: "Transaction", tenant: str, place: int, *, wanted: Filter, limit: int, settings: FeedSettings
) -> tuple[FeedPage, int]:
    """One page after a place, and the place after it."""
    found = emissions.read(
        connection, tenant, after=place, wanted=wanted, limit=max(1, min(limit, settings.most))
    )
    shown = FeedPage(
        events=tuple(one.document for one in found.events),
        cursor=cursor_of(tenant, found.upto),
        more=found.upto < found.head,
    )
    return shown, found.upto


def place_of(
    connection: "Transaction", tenant: str, cursor: str | None, *, now: datetime, settings: FeedSettings
) -> int:
    """The place that a cursor names."""
    if cursor == NOW:
        return emissions.head(connection, tenant)
    oldest = emissions.before_oldest(connection, tenant, now - settings.kept)
    if cursor is None or cursor == OLDEST:
        return oldest
    place = _parsed(cursor, tenant)
    if place > emissions.head(connection, tenant):
        raise Misconfigured(
            "this cursor lies behind the end of the feed: it is of another database; begin again with "
            f"cursor={OLDEST}"
        )
    if place < oldest:
        raise CursorTooOld(
            f"what came after this cursor is older than {settings.kept.days} days and no longer in the feed; "
            "events were missed: fetch the present state by other means, then go on from the cursor `oldest`",
            oldest=cursor_of(tenant, oldest),
        )
    return place


def cursor_of(tenant: str, place: int) -> str:
    """The cursor that names this place."""
    return base64.urlsafe_b64encode(f"1.{tenant}.{place}".encode()).decode().rstrip("=")


def _parsed(cursor: str, tenant: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    found = _CURSOR.fullmatch(text)
    if found is None or found[1] != tenant:
        raise Misconfigured(
            f"{cursor[:80]!r} is no cursor of this feed: take `cursor` of the page before, '{OLDEST}' or '{NOW}'"
        )
    return int(found[2])
