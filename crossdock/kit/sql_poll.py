"""A table or view that is polled for rows, from what its connector.toml declares.

Each row is one message, a JSON object (``crossdock.formats.json_rows``): there are no bytes of the system's own to
keep. What orders the rows, ties and lateness is told in ``crossdock/overlap.py``: each poll begins a window before
the latest change it saw, and passes over what it knows by its content. Within a run pages follow by (field, key),
each from the place on at which the last one ended, so that rows of the same moment are neither lost nor read twice,
also where the key does not tell them apart.

A moment without a zone is that of the wall clock of ``timezone``, and when that clock is set back one hour is written
twice: while it lasts, a poll begins so much earlier.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import json_rows
from crossdock.kit.heard import Heard, digest
from crossdock.kit.moments import WRITTEN, read_moment
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, system_dice
from crossdock.wires.rest import retry_reads
from crossdock.wires.sql import Row, SqlView

EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""A day after the beginning: in no zone is it before what databases can hold."""


class SqlPoll:
    """The rows of a view."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock, *, dice: Dice | None = None) -> None:
        source = manifest.source
        if source is None or source.view is None or source.cursor is None:
            raise Misconfigured(
                f"connector {manifest.name!r} declares no [source.view] and [source.cursor]; add them"
            )
        self._view, self._cursor = source.view, source.cursor
        self._heard, self._clock = Heard.by(manifest, clock), clock
        self._dice = dice or system_dice()
        self._wire = SqlView(
            login,
            source.view,
            field=source.cursor.field,
            key=source.cursor.key,
            written=source.cursor.written,
        )

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New and changed rows, oldest change first. Raises what the wire raises."""
        overlap = timedelta(seconds=self._cursor.overlap_s)
        position = Position.of(after, overlap=overlap, begin_at=read_moment(self._cursor.begin_at))
        position.overlap += _written_twice(position.mark, ZoneInfo(self._view.timezone))
        since = position.since(EARLIEST)
        place: tuple[Any, Any] | None = None
        new = 0
        for _page in range(self._view.most_pages):
            size = self._view.size if place is None else self._view.size + 1  # the last row comes again
            rows = self._page(since, place, size)
            for row in rows:
                message = self._new(row, position)
                if message is not None:
                    new += 1
                    yield message
            if len(rows) < size:
                return
            if rows[-1].place == place:
                raise Refused(
                    f"{self._view.name}: more than {size} rows share {self._cursor.field} and "
                    f"{self._cursor.key}, and what is behind them is not reached; name a key that tells them apart",
                    status="key",
                )
            place = rows[-1].place
        if not new:
            raise Refused(
                f"{self._view.name}: {self._view.most_pages} pages from {since.isoformat()} on hold nothing new and "
                "there are more; raise size or most_pages, or lower overlap_s",
                status="pages",
            )

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: nothing is ever written to the database of a system."""

    def check(self) -> Iterator[CheckStep]:
        return self._wire.check()

    def close(self) -> None:
        self._wire.close()

    def _page(self, since: datetime, place: tuple[Any, Any] | None, size: int) -> list[Row]:
        return retry_reads(lambda: self._wire.rows(since=since, after=place, size=size), dice=self._dice)

    def _new(self, row: Row, position: Position) -> RawMessage | None:
        """The row as a message, or ``None`` when it was seen. The position moves on with it."""
        values = {**row.values, "unreadable": row.odd} if row.odd else row.values
        body = json_rows.written(values, timezone=self._view.timezone)
        said = digest(body)
        if position.has_seen(said):
            return None
        position.add(said, self._moment(row.place[0]), now=self._clock.now())
        key = str(row.place[1])[:100]
        stands = position.text(WRITTEN["rfc3339"])
        return self._heard.message(body, f"{key}:{said}", name=key, position=stands)

    def _moment(self, value: Any) -> datetime | None:
        """When a row changed; ``None`` where its value is no moment."""
        zone = ZoneInfo(self._view.timezone)
        match value:
            case datetime():
                return (
                    value.astimezone(UTC)
                    if value.tzinfo is not None
                    else value.replace(tzinfo=zone).astimezone(UTC)
                )
            case date():
                return datetime.combine(value, time(), zone).astimezone(UTC)
            case str():
                try:
                    naive = datetime.fromisoformat(value)
                except ValueError:
                    naive = None
                if naive is not None and naive.tzinfo is None:
                    return naive.replace(tzinfo=zone).astimezone(UTC)
        try:
            return read_moment(value)
        except Unreadable:
            return None


def _written_twice(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far the wall clock was set back, or is, for a moment in the hour that it showed twice; else nothing."""
    wall = moment.astimezone(zone)
    first, second = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
    return max((first or timedelta()) - (second or timedelta()), timedelta())
