"""Polls the ERP for order holds: each record once, as the exact bytes it was sent in.

The ERP orders by ``updated_at``. Several records may share a moment, and a long transaction commits records behind
the last one seen: how neither loses any is told in ``crossdock/overlap.py``.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.erp.settings import SourceSettings
from crossdock.errors import CrossdockError, Refused, Unreadable
from crossdock.formats import json_slices, json_strict
from crossdock.manifests import typed
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, system_dice
from crossdock.wires.patience import pause
from crossdock.wires.rest import Answer, Rest, refused, retry_reads, same_host

JSON = ("application/json", "application/problem+json", "text/json")


def connect(manifest: Manifest, login: Login, clock: Clock) -> "OrderHolds":
    """The source of this connector, not yet opened."""
    return OrderHolds(manifest, login, clock)


class OrderHolds:
    """The ERP's order holds."""

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        assert manifest.source is not None
        self._settings = typed(SourceSettings, manifest, "source")
        self._name = manifest.name
        self._tenant = manifest.tenant
        self._media_type = manifest.source.media_type
        self._clock = clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._wire = Rest(login, deadline_s=self._settings.deadline_s, connect_s=self._settings.connect_s)

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New and changed records, oldest change first.

        Raises what the wire raises; ``Refused`` with ``retry_after`` when the ERP asks us to wait.
        """
        overlap = timedelta(seconds=self._settings.overlap_s)
        position = Position.of(after, overlap=overlap, begin_at=_moment(self._settings.begin_at))
        since = _text(position.since(datetime(1970, 1, 1, tzinfo=UTC)))
        path, query = self._settings.path, {"since": since, "limit": str(self._settings.page_size)}
        walked: set[str] = set()
        new = 0
        for _page in range(self._settings.max_pages):
            answer = self._page(path, query)
            try:
                records, following = _split(answer.body)
            except Unreadable:
                # Bytes first: the page is kept whole, and the position stays where it is.
                yield self._message(answer.body, f"page:{_digest(answer.body)}", None, name=path)
                return
            for body in records:
                message = self._new(body, position)
                if message is not None:
                    new += 1
                    yield message
            if following is None:
                return
            link = same_host(self._wire.base, following)
            if link is None:
                raise Refused(
                    f"{self._wire.base}: the link to the next page leaves the system", status="next"
                )
            if link in walked:
                raise Refused(f"{self._wire.base}: the pages go in a circle at {path}", status="loop")
            walked.add(link)
            path, query = link, {}
        if not new:
            raise Refused(
                f"{self._wire.base}: {self._settings.max_pages} pages from {since} on hold nothing new and there "
                "are more; raise page_size or max_pages, or lower overlap_s",
                status="pages",
            )

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the ERP is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read one record."""
        query = {"since": self._settings.begin_at, "limit": "1"}
        for step in self._wire.check(self._settings.path, query=query):
            yield step
            if not step.ok:
                return
        try:
            records, _following = _split(self._page(self._settings.path, query).body)
        except CrossdockError as error:
            remedy = "Compare what the ERP answers with the samples of this connector."
            yield CheckStep(step="sample", ok=False, sentence=str(error), remedy=remedy)
            return
        yield CheckStep(step="sample", ok=True, sentence=f"a page with {len(records)} record(s) was read")

    def close(self) -> None:
        self._wire.close()

    def _page(self, path: str, query: dict[str, str]) -> Answer:
        what = f"GET {self._wire.base}{path}"
        answer = retry_reads(
            lambda: self._wire.call(
                "GET", path, effect=False, query=query, headers={"Accept": "application/json"}
            ),
            dice=self._dice,
            sleep=self._sleep,
        )
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type not in JSON:
            raise Refused(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not JSON",
                status=str(answer.status),
                body=answer.body,
            )
        return answer

    def _new(self, body: bytes, position: Position) -> RawMessage | None:
        """The record as a message, or ``None`` when it was seen. The position moves on with it."""
        digest = _digest(body)
        if position.has_seen(digest):
            return None
        hold_id, at = _of_record(body)
        position.add(digest, at, now=self._clock.now())
        return self._message(body, f"{hold_id}:{digest}", position.text(_text), name=hold_id)

    def _message(self, body: bytes, key: str, position: str | None, *, name: str) -> RawMessage:
        return RawMessage(
            tenant=self._tenant,
            source=self._name,
            key=key,
            body=body,
            media_type=self._media_type,
            received_at=self._clock.now(),
            name=name,
            position=position,
        )


def _split(page: bytes) -> tuple[list[bytes], str | None]:
    """The records of a page as their bytes, and the link to the next page."""
    json_strict.check_limits(page)
    parts = json_slices.members(page)
    if "records" not in parts:
        raise Unreadable("the page has no records")
    records = [piece.body for piece in json_slices.elements(page, parts["records"])]
    following: Any = json_strict.loads(parts["next"].body) if "next" in parts else None
    if following is not None and not isinstance(following, str):
        raise Unreadable("the link to the next page is no text")
    return records, following or None


def _of_record(body: bytes) -> tuple[str, datetime | None]:
    """A record's id and moment; what it does not say well is the mapping's to complain about."""
    try:
        record = json_strict.loads(body)
        hold_id = str(record["hold_id"])[:100]
    except (Unreadable, KeyError, TypeError):
        return "?", None
    try:
        return hold_id, _moment(record["updated_at"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return hold_id, None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} lacks its zone")
    return moment.astimezone(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
