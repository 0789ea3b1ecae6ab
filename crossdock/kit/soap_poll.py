"""A SOAP service that is polled for records, ordered by a moment and a key: each once, as its own canonical XML.

A connector says with which operation and how it asks, and how an answer is cut; everything between is here. What is
late, and how ties are told apart, is in ``crossdock/overlap.py``. A time without a zone is compared as UTC and sent
back as it was written.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crossdock.errors import Refused, Unreadable
from crossdock.kit.heard import Heard, digest
from crossdock.kit.soap_settings import SoapSettings
from crossdock.manifests import typed
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, system_dice
from crossdock.wires.patience import pause
from crossdock.wires.rest import retry_reads
from crossdock.wires.soap import Soap, SoapAnswer
from crossdock.wires.ws_security import SoapHeaders


@dataclass(frozen=True, slots=True, kw_only=True)
class SoapRecord:
    """One record as it stands in an answer. ``moment`` may lack its zone; ``None``: it says none."""

    key: str
    moment: datetime | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """After what is asked: records of this moment with a greater key, and of later moments."""

    since: datetime
    after_key: str | None
    most: int


Asked = Callable[[Place], Mapping[str, Any]]
"""The arguments of the operation for what comes after this place."""

Split = Callable[[SoapAnswer], tuple[list[SoapRecord], bool]]
"""The records of an answer, and whether there are more. Raises ``Unreadable`` for an answer that is none."""


class SoapPoll:
    """The records of a SOAP service."""

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        operation: str,
        asked: Asked,
        split: Split,
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
        headers: SoapHeaders | None = None,
    ) -> None:
        """``headers``: see ``Soap``."""
        self._settings = settings = typed(SoapSettings, manifest, "source")
        self._operation, self._asked, self._split = operation, asked, split
        self._heard, self._clock = Heard.by(manifest, clock), clock
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
            dice=self._dice,
            headers=headers,
        )

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New records, oldest first. Raises what the wire raises."""
        begin_at = compared(datetime.fromisoformat(self._settings.begin_at))
        overlap = timedelta(seconds=self._settings.overlap_s)
        position = Position.of(after, overlap=overlap, begin_at=begin_at)
        place = Place(since=position.since(begin_at), after_key=None, most=self._settings.page_size)
        new = 0
        for _page in range(self._settings.max_pages):
            answer = self._page(place)
            try:
                records, more = self._split(answer)
            except Unreadable:
                yield self._heard.whole(answer.body, name=self._operation, kind="answer")
                return
            for record in records:
                message = self._new(record, position)
                if message is not None:
                    new += 1
                    yield message
            if not more:
                return
            place = self._after_the_last(records, place)
        if not new:
            raise Refused(
                f"{self._wire.address}: {self._settings.max_pages} pages hold nothing new and there are more; "
                "raise page_size or max_pages, or lower overlap_s",
                status="pages",
            )

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the service is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """The pinned contract, connect, log in, ask for one record."""
        begin_at = datetime.fromisoformat(self._settings.begin_at)
        yield from self._wire.check(
            self._operation, **self._asked(Place(since=begin_at, after_key=None, most=1))
        )

    def close(self) -> None:
        self._wire.close()

    def _page(self, place: Place) -> SoapAnswer:
        def ask() -> SoapAnswer:
            return self._wire.call(self._operation, effect=False, **self._asked(place))

        return retry_reads(ask, dice=self._dice, sleep=self._sleep)

    def _after_the_last(self, records: list[SoapRecord], place: Place) -> Place:
        last = next((one for one in reversed(records) if one.moment and one.key), None)
        if last is None or last.moment is None:
            raise Refused(f"{self._wire.address}: says that there is more, and not where", status="loop")
        if (compared(last.moment), last.key) <= (compared(place.since), place.after_key or ""):
            raise Refused(f"{self._wire.address}: the pages go in a circle", status="loop")
        return Place(since=last.moment, after_key=last.key, most=place.most)

    def _new(self, record: SoapRecord, position: Position) -> RawMessage | None:
        """The record as a message, or ``None`` when it was seen. The position moves on with it."""
        said = digest(record.body)
        if position.has_seen(said):
            return None
        at = None if record.moment is None else compared(record.moment)
        position.add(said, at, now=self._clock.now())
        key = record.key or "?"
        return self._heard.message(record.body, f"{key}:{said}", name=key, position=position.text())


def compared(moment: datetime) -> datetime:
    """A moment as moments are compared: in UTC, where it does not say its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
