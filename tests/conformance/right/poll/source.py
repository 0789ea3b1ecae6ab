"""Polls holds: each once, as the bytes it was sent in."""

import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from crossdock.errors import CrossdockError, Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.kit.moments import read_moment
from crossdock.kit.records import cut
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Login, Manifest, system_dice
from crossdock.wires.rest import Answer, Rest, refused, retry_reads, same_host

log = logging.getLogger(__name__)
BEGIN = datetime(2000, 1, 1, tzinfo=UTC)


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Holds":
    """The source, not yet opened."""
    return Holds(manifest, login, clock)


class Holds:
    """The holds of a system."""

    def __init__(self, manifest: Manifest, login: Login, clock: Clock) -> None:
        assert manifest.source is not None
        self._manifest = manifest
        self._login = login
        self._clock = clock
        self._set = manifest.source.settings
        self._wire = Rest(login, deadline_s=30.0)

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New and changed holds, oldest first."""
        overlap = timedelta(seconds=self._set["overlap_s"])
        position = Position.of(after, overlap=overlap, begin_at=BEGIN)
        since = position.since(BEGIN - overlap).isoformat().replace("+00:00", "Z")
        path, query = self._set["path"], {"since": since, "limit": str(self._set["page_size"])}
        walked: set[str] = set()
        for _page in range(self._set["max_pages"]):
            answer = self._page(path, query)
            try:
                page = cut(answer.body, records="records", following="next")
            except Unreadable:
                yield self._message(answer.body, f"page:{_digest(answer.body)}", None)
                return
            for body in page.records:
                digest = _digest(body)
                if position.has_seen(digest):
                    continue
                hold_id, at = _known_by(body)
                position.add(digest, at, now=self._clock.now())
                yield self._message(body, f"{hold_id}:{digest}", position.text())
            if not page.following:
                return
            link = same_host(self._wire.base, str(page.following))
            if link is None:
                raise Refused(f"{path}: the link to the next page leaves the system", status="next")
            if link in walked:
                raise Refused(f"{path}: the pages go in a circle", status="loop")
            walked.add(link)
            path, query = link, {}

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the system is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Connect, log in, read one hold."""
        yield from self._wire.check(self._set["path"], query={"limit": "1"})

    def close(self) -> None:
        self._wire.close()

    def _page(self, path: str, query: dict[str, str]) -> Answer:
        answer = retry_reads(
            lambda: self._wire.call("GET", path, effect=False, query=query), dice=system_dice()
        )
        if answer.status != 200:
            raise refused(answer, what=f"GET {path}", now=self._clock.now())
        if answer.media_type != "application/json":
            raise Refused(f"GET {path}: the answer is {answer.media_type}", status="200")
        return answer

    def _message(self, body: bytes, key: str, position: str | None) -> RawMessage:
        return RawMessage(
            tenant=self._manifest.tenant,
            source=self._manifest.name,
            key=key,
            body=body,
            media_type="application/json",
            received_at=self._clock.now(),
            position=position,
        )


def _known_by(body: bytes) -> tuple[str, datetime | None]:
    try:
        record = json_strict.loads(body)
        return str(record["hold_id"])[:100], read_moment(record["updated_at"])
    except (CrossdockError, KeyError, TypeError):
        return "?", None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
