"""Polls Tryton for records of one model: each once, as the exact bytes it was sent in.

``walk = "changes"``: what was written since, ordered by ``(write_date, id)``. All rows of a transaction share one
``write_date``, and a long transaction commits behind the last one seen: ``crossdock/overlap.py`` tells how neither
loses a record. A record that was created and never written to is a draft that nobody has touched, and is not read.

``walk = "condition"``: all that is so now, ordered by ``id``; a record is told again when it says something else.

The keys of Tryton's JSON come in another order after each restart of it: a record is known by what it says.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import orjson

from connectors.tryton.rest import by_key, database_of, headers_of, search_path, told
from connectors.tryton.settings import TODAY, SourceSettings
from connectors.tryton.values import moment_of, of_day, of_moment
from crossdock.errors import Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.kit.heard import Heard, digest
from crossdock.kit.records import cut
from crossdock.kit.sampling import read_well, with_sample
from crossdock.manifests import typed
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import DIGITS, Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, Skipped, system_dice
from crossdock.wires.patience import pause
from crossdock.wires.rest import Rest, refused, retry_reads

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

LAST_ZONE: Final = timedelta(hours=12)
"""A day has begun everywhere so long after its midnight in UTC."""


def connect(manifest: Manifest, login: Login, clock: Clock) -> "Records":
    """The source of this connector, not yet opened."""
    return Records(manifest, login, clock)


class _Walk(Protocol):
    """How one poll goes through the records: what it asks for, and what it has seen."""

    @property
    def order(self) -> Sequence[tuple[str, str]]:
        """What the records are ordered by."""
        ...

    def since(self) -> list[Any]:
        """The clauses that the first page is asked with."""
        ...

    def after(self, record: dict[str, Any]) -> list[Any]:
        """The clauses of the page after the one that ends with this record."""
        ...

    def is_new(self, record: dict[str, Any] | None, digest: str) -> bool:
        """Whether this record is to be told; it is remembered. ``None``: it cannot be read."""
        ...

    def text(self) -> str:
        """The position, with all that was seen until now."""
        ...

    def ended(self) -> str | None:
        """The position after the last record, when it is another one than the last one told."""
        ...


class Records:
    """The records of one model that this connector reads."""

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        self._settings = typed(SourceSettings, manifest, "source")
        self._heard, self._clock = Heard.by(manifest, clock), clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._database = database_of(login)
        self._headers = headers_of(login)
        self._wire = Rest(
            by_key(login),
            deadline_s=self._settings.deadline_s,
            connect_s=self._settings.connect_s,
            clock=clock,
        )
        self._stands: str | None = None

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New and changed records. Raises what the wire raises."""
        self._stands = None
        walk = self._walk(after)
        clauses = walk.since()
        for _page in range(self._settings.most_pages):
            body = self._page(clauses, walk.order)
            try:
                records = cut(body, records="").records
            except Unreadable:
                yield self._heard.whole(body, name="page")
                return
            last: dict[str, Any] | None = None
            for piece in records:
                record = _read(piece)
                last = record or last
                said = _said(record, piece)
                if walk.is_new(record, said):
                    name = f"{self._settings.model},{'?' if record is None else record['id']}"
                    yield self._heard.message(piece, f"{name}:{said}", name=name, position=walk.text())
            if len(records) < self._settings.page_size:
                self._stands = walk.ended()
                return
            if last is None:
                raise Refused(
                    f"{self._wire.base}: a full page of {self._settings.model}, and none of its records can be read",
                    status="page",
                )
            following = walk.after(last)
            if following == clauses:
                raise Refused(
                    f"{self._wire.base}: the pages of {self._settings.model} go in a circle", status="loop"
                )
            clauses = following

    def position(self) -> str | None:
        """Where the walk ended, when that is more than the last message says."""
        return self._stands

    def skipped(self) -> tuple[Skipped, ...]:
        """Nothing is left out."""
        return ()

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the ERP is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in with the key, read one record."""
        walk = self._walk(None)
        path = self._path([], walk.order, 1)

        def read() -> CheckStep:
            records = cut(self._page([], walk.order, 1), records="").records
            return read_well(f"{len(records)} record(s) of {self._settings.model} were read")

        yield from with_sample(
            map(told, self._wire.check(path)),
            read,
            remedy="Compare what Tryton answers with the samples of this connector.",
        )

    def close(self) -> None:
        self._wire.close()

    def _walk(self, after: str | None) -> _Walk:
        if self._settings.walk == "condition":
            return _Condition(after)
        begin_at = datetime.fromisoformat(self._settings.begin_at).astimezone(UTC)
        overlap = timedelta(seconds=self._settings.overlap_s)
        return _Changes(Position.of(after, overlap=overlap, begin_at=begin_at), self._clock)

    def _page(
        self, clauses: Sequence[Any], order: Sequence[tuple[str, str]], limit: int | None = None
    ) -> bytes:
        path = self._path(clauses, order, limit or self._settings.page_size)
        what = f"GET {self._wire.base}{path.partition('?')[0]}"
        answer = retry_reads(
            lambda: self._wire.call("GET", path, effect=False, headers=self._headers),
            dice=self._dice,
            sleep=self._sleep,
        )
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type != "application/json":
            raise Refused(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not JSON",
                status=str(answer.status),
                body=answer.body,
            )
        return answer.body

    def _path(self, clauses: Sequence[Any], order: Sequence[tuple[str, str]], limit: int) -> str:
        today = of_day((self._clock.now().astimezone(UTC) - LAST_ZONE).date())
        return search_path(
            self._database,
            self._settings.model,
            domain=[_with_today(self._settings.clauses(), today), *clauses],
            fields=self._settings.fields,
            order=order,
            limit=limit,
        )


class _Changes:
    """What was written since."""

    order: Sequence[tuple[str, str]] = (("write_date", "ASC"), ("id", "ASC"))

    def __init__(self, position: Position, clock: Clock) -> None:
        self._position = position
        self._clock = clock

    def since(self) -> list[Any]:
        return [["write_date", ">=", of_moment(self._position.since(EARLIEST))]]

    def after(self, record: dict[str, Any]) -> list[Any]:
        at = of_moment(moment_of(record.get("write_date")))
        return [["OR", ["write_date", ">", at], [["write_date", "=", at], ["id", ">", record["id"]]]]]

    def is_new(self, record: dict[str, Any] | None, digest: str) -> bool:
        if self._position.has_seen(digest):
            return False
        at = None if record is None else moment_of(record["write_date"])
        self._position.add(digest, at, now=self._clock.now())
        return True

    def text(self) -> str:
        return self._position.text()

    def ended(self) -> str | None:
        return None


class _Condition:
    """All that is so now. Its position is what it said when it was walked last: a digest of each record."""

    order: Sequence[tuple[str, str]] = (("id", "ASC"),)

    def __init__(self, after: str | None) -> None:
        self._before = _digests(after)
        self._now: dict[str, None] = {}

    def since(self) -> list[Any]:
        return []

    def after(self, record: dict[str, Any]) -> list[Any]:
        return [["id", ">", record["id"]]]

    def is_new(self, record: dict[str, Any] | None, digest: str) -> bool:
        short = digest[:DIGITS]
        self._now[short] = None
        return short not in self._before

    def text(self) -> str:
        # until the walk is over, what it has not come to yet is not forgotten
        return _listed({**self._before, **self._now})

    def ended(self) -> str | None:
        return None if self._now.keys() == self._before.keys() else _listed(self._now)


def _listed(digests: dict[str, None]) -> str:
    return json.dumps({"said": list(digests)}, separators=(",", ":"))


def _digests(text: str | None) -> dict[str, None]:
    """What was kept; what cannot be read is the beginning, and duplicates are known by content."""
    try:
        return dict.fromkeys(str(one) for one in json.loads(text or "")["said"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _read(piece: bytes) -> dict[str, Any] | None:
    """A record that can be placed; what it does not say well is the mapping's to complain about."""
    try:
        record = json_strict.loads(piece)
        moment_of(record["write_date"])
    except (Unreadable, KeyError, TypeError):
        return None
    return record if type(record.get("id")) is int else None


def _said(record: dict[str, Any] | None, piece: bytes) -> str:
    said = piece if record is None else orjson.dumps(record, default=str, option=orjson.OPT_SORT_KEYS)
    return digest(said)


def _with_today(clause: Any, today: dict[str, Any]) -> Any:
    if isinstance(clause, list):
        return [_with_today(one, today) for one in clause]
    return today if clause == TODAY else clause
