"""Polls the carrier's service for status updates: each once, as the canonical XML of its own element.

The service orders by (OccurredAt, EventId). A carrier may tell late, by hours: how updates behind the last moment are
found is told in ``crossdock/overlap.py``. A time without a zone is compared as UTC and sent back without one.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import etree

from connectors.carrier.settings import SourceSettings
from crossdock.errors import Refused, Unreadable
from crossdock.formats import safe_xml
from crossdock.manifests import typed
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, system_dice
from crossdock.wires.patience import pause
from crossdock.wires.rest import retry_reads
from crossdock.wires.soap import Soap, SoapAnswer

NAMESPACE = "urn:crossdock:sandbox:carrier:1"
OPERATION = "GetStatusUpdates"


def connect(manifest: Manifest, login: Login, clock: Clock) -> "StatusUpdates":
    """The source of this connector, not yet opened."""
    return StatusUpdates(manifest, login, clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One update as it stands in an answer. ``occurred_at`` may lack its zone; ``None``: it says none."""

    event_id: str
    occurred_at: datetime | None
    body: bytes


class StatusUpdates:
    """The carrier's status updates."""

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
        self._settings = settings = typed(SourceSettings, manifest, "source")
        self._name = manifest.name
        self._tenant = manifest.tenant
        self._media_type = manifest.source.media_type
        self._clock = clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._wire = Soap(
            login,
            folder=Path(manifest.code_folder),
            wsdl=settings.wsdl,
            wsdl_sha256=settings.wsdl_sha256,
            path=settings.path,
            deadline_s=settings.deadline_s,
            connect_s=settings.connect_s,
            clock=clock,
        )

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New updates, oldest first. Raises what the wire raises."""
        begin_at = _compared(_moment(self._settings.begin_at))
        overlap = timedelta(seconds=self._settings.overlap_s)
        position = Position.of(after, overlap=overlap, begin_at=begin_at)
        since = position.since(begin_at)
        event_id: str | None = None
        new = 0
        for _page in range(self._settings.max_pages):
            answer = self._page(since, event_id, self._settings.page_size)
            try:
                updates, more = split(answer)
            except Unreadable:
                # Bytes first: the answer is kept whole, and the position stays where it is.
                digest = hashlib.sha256(answer.body).hexdigest()
                yield self._message(answer.body, f"answer:{digest}", None, name=OPERATION)
                return
            for update in updates:
                message = self._new(update, position)
                if message is not None:
                    new += 1
                    yield message
            if not more:
                return
            last = next((one for one in reversed(updates) if one.occurred_at and one.event_id), None)
            if last is None or last.occurred_at is None:
                raise Refused(f"{self._wire.address}: says that there is more, and not where", status="loop")
            came_to = (_compared(last.occurred_at), last.event_id)
            if came_to <= (_compared(since), event_id or ""):
                raise Refused(f"{self._wire.address}: the pages go in a circle", status="loop")
            since, event_id = last.occurred_at, last.event_id
        if not new:
            raise Refused(
                f"{self._wire.address}: {self._settings.max_pages} pages hold nothing new and there are more; "
                "raise page_size or max_pages, or lower overlap_s",
                status="pages",
            )

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the carrier is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """The pinned contract, connect, log in, ask for one update."""
        since = _moment(self._settings.begin_at)
        yield from self._wire.check(OPERATION, Since=since, Max=1)

    def close(self) -> None:
        self._wire.close()

    def _page(self, since: datetime, event_id: str | None, most: int) -> SoapAnswer:
        def ask() -> SoapAnswer:
            return self._wire.call(OPERATION, effect=False, Since=since, AfterEventId=event_id, Max=most)

        return retry_reads(ask, dice=self._dice, sleep=self._sleep)

    def _new(self, update: Update, position: Position) -> RawMessage | None:
        """The update as a message, or ``None`` when it was seen. The position moves on with it."""
        digest = hashlib.sha256(update.body).hexdigest()
        if position.has_seen(digest):
            return None
        at = None if update.occurred_at is None else _compared(update.occurred_at)
        position.add(digest, at, now=self._clock.now())
        key = f"{update.event_id or '?'}:{digest}"
        return self._message(update.body, key, position.text(), name=update.event_id or "?")

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


def split(answer: SoapAnswer) -> tuple[list[Update], bool]:
    """The updates of an answer, and whether there are more.

    An update that breaks the contract is the mapping's to complain about; an answer that is none is ``Unreadable``.
    """
    content = answer.content
    if content is None or content.tag != f"{{{NAMESPACE}}}{OPERATION}Response":
        raise answer.problem or Unreadable(f"the answer holds no {OPERATION}Response")
    more = (content.findtext(f"{{{NAMESPACE}}}MoreAvailable") or "").strip()
    if more not in ("true", "false", "1", "0"):
        raise answer.problem or Unreadable("the answer does not say whether there is more")
    updates = [_update(element) for element in content.findall(f"{{{NAMESPACE}}}StatusUpdate")]
    return updates, more in ("true", "1")


def _update(element: etree._Element) -> Update:
    event_id = (element.findtext(f"{{{NAMESPACE}}}EventId") or "").strip()[:100]
    try:
        occurred_at = _moment((element.findtext(f"{{{NAMESPACE}}}OccurredAt") or "").strip())
    except ValueError:
        occurred_at = None
    element.tail = None
    return Update(event_id=event_id, occurred_at=occurred_at, body=safe_xml.canonical(element))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _compared(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
