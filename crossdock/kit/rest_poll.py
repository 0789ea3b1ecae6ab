"""A REST system that is polled for records, from what its connector.toml declares.

Each record is one message, as the exact bytes it was sent in. What orders the records, ties and lateness is told in
``crossdock/overlap.py``; how pages follow one another in ``Paging``. A page that cannot be cut is kept whole: bytes
first. A link that leaves the host, and pages that go in a circle, are refused.

A ``conditional`` read shows the validator (ETag, Last-Modified) of the last answer, and ends with 304 when nothing
changed. It is kept with the position, once the whole answer is stored, and only for an answer that was one page: of
several, the first may be the same while the second is not.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.kit.declarations import Cursor
from crossdock.kit.heard import Heard, digest
from crossdock.kit.moments import WRITTEN, read_moment
from crossdock.kit.records import Page, at, cut
from crossdock.kit.sampling import read_well, with_sample
from crossdock.messages import RawMessage, Verdict
from crossdock.overlap import Position
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, Skipped, system_dice
from crossdock.wires.conditional import NOT_MODIFIED, Validator
from crossdock.wires.http_login import Signer
from crossdock.wires.patience import pause
from crossdock.wires.rest import Answer, Rest, next_link, refused, retry_reads, same_host

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
JSON: Final = ("application/json", "application/problem+json", "text/json")

Cut = Callable[[bytes], Page]
"""How a page is cut where the declared way to its records is not enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a run stands: what the next page is asked with. ``link``: the address that the last page gave."""

    since: str = ""
    page: int = 1
    offset: int = 0
    token: str = ""
    after_key: str = ""
    link: str = ""


class RestPoll:
    """The records of a REST system. ``cut_page``: see ``Cut``; ``headers``: of each call, beside those declared;
    ``signer``: see ``Rest``."""

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        cut_page: Cut | None = None,
        headers: Callable[[], Mapping[str, str]] = dict,
        signer: Signer | None = None,
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        source = manifest.source
        if source is None or source.request is None:
            raise Misconfigured(f"connector {manifest.name!r} declares no [source.request]; add it")
        if source.paging.kind == "delta_link":
            raise Misconfigured(
                f"connector {manifest.name!r} pages by delta_link; make its source of DeltaPoll, or remove source.py"
            )
        self._request, self._paging, self._cursor = source.request, source.paging, source.cursor
        self._heard, self._clock = Heard.by(manifest, clock), clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._headers = headers
        self._cut = cut_page or self._declared_cut
        self._validator: Validator | None = None
        self._stands_at: str | None = None
        self._wire = Rest(
            login,
            deadline_s=self._request.deadline_s,
            connect_s=self._request.connect_s,
            clock=clock,
            signer=signer,
        )

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """New and changed records, oldest change first where the system orders them.

        Raises what the wire raises; ``Refused`` with ``retry_after`` when the system asks us to wait.
        """
        position = self._position(after)
        self._validator, self._stands_at = _validator_in(after), None
        turn = Turn(since=self._since(position), page=self._paging.first)
        walked: set[Turn] = {turn}
        new = 0
        first: Turn = turn
        for _page in range(self._paging.most_pages):
            answer = self._page(turn, conditional=turn is first)
            if answer.status == NOT_MODIFIED:
                return
            try:
                page = self._cut(answer.body)
            except Unreadable:
                yield self._heard.whole(answer.body, name=self._request.path)
                return
            for body in page.records:
                message = self._new(body, position)
                if message is not None:
                    new += 1
                    yield message
            following = self._following(turn, page, answer)
            if following is None:
                self._note_validator(answer, position, turn if turn is first else None)
                return
            if following in walked:
                raise Refused(
                    f"{self._wire.base}: the pages go in a circle at {self._request.path}", status="loop"
                )
            walked.add(following)
            turn = following
        if self._cursor is None:
            raise Refused(
                f"{self._wire.base}: {self._paging.most_pages} pages were read and there are more, which are never "
                "read where no [source.cursor] says how far the last run came; raise size or most_pages",
                status="pages",
            )
        if not new:
            raise Refused(
                f"{self._wire.base}: {self._paging.most_pages} pages from {turn.since or 'the beginning'} on hold "
                "nothing new and there are more; raise size or most_pages, or lower overlap_s",
                status="pages",
            )

    def position(self) -> str | None:
        """Where the source stands after a ``conditional`` read, its validator included; else the messages say it."""
        return self._stands_at

    def skipped(self) -> tuple[Skipped, ...]:
        """Nothing: what is read is taken."""
        return ()

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the system is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read one page."""
        turn = Turn(since=self._since(self._position(None)), page=self._paging.first)

        def read() -> CheckStep:
            page = self._cut(self._page(turn).body)
            return self._cut_short(turn, page) or read_well(
                f"a page with {len(page.records)} record(s) was read"
            )

        yield from with_sample(
            self._wire.check(self._request.path, query=self._query(turn)),
            read,
            remedy="Compare what the system answers with the samples of this connector.",
            field="source.request",
        )

    def close(self) -> None:
        self._wire.close()

    # -- asking -------------------------------------------------------------------------------------------

    def _page(self, turn: Turn, *, conditional: bool = False) -> Answer:
        path, query = (turn.link, {}) if turn.link else (self._request.path, self._query(turn))
        headers = {"Accept": self._request.accept, **self._request.headers, **self._headers()}
        unless = self._validator.headers(self._target(turn)) if conditional and self._validator else {}
        headers |= unless
        answer = retry_reads(
            lambda: self._wire.call("GET", path, effect=False, query=query, headers=headers),
            dice=self._dice,
            sleep=self._sleep,
        )
        what = f"GET {self._wire.base}{self._request.path}"
        if answer.status == NOT_MODIFIED and unless:
            return answer
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type not in (*JSON, self._request.accept):
            raise Refused(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not {self._request.accept}",
                status=str(answer.status),
                body=answer.body,
            )
        return answer

    def _target(self, turn: Turn) -> str:
        """What a validator belongs to: the address with everything that is asked."""
        return json.dumps([self._wire.base, self._request.path, self._query(turn)])

    def _note_validator(self, answer: Answer, position: Position, first: Turn | None) -> None:
        """``first``: the turn of an answer that was the only page, ``None`` for one of several."""
        if not self._request.conditional:
            return
        asked_next = None if first is None else replace(first, since=self._since(position))
        found = Validator.in_answer(answer, self._target(first)) if first is not None else None
        # where the next poll asks for something else, this answer says nothing about it
        found = found if asked_next == first else None
        if found == self._validator:
            return
        kept = json.loads(position.text(WRITTEN["rfc3339"])) if self._cursor else {}
        self._stands_at = json.dumps({**kept, "unless": found.as_dict() if found else None})

    def _query(self, turn: Turn) -> dict[str, str]:
        values = {
            "since": turn.since,
            "now": WRITTEN[self._cursor.written if self._cursor else "rfc3339"](
                self._clock.now() - timedelta(seconds=self._request.behind_s)
            ),
            "size": self._paging.size,
            "page": turn.page,
            "offset": turn.offset,
            "token": turn.token,
            "after_key": turn.after_key,
        }
        written = {name: text.format(**values) for name, text in self._request.query.items()}
        return {name: text for name, text in written.items() if text}

    def _following(self, turn: Turn, page: Page, answer: Answer) -> Turn | None:
        """What the next page is asked with, ``None`` after the last one."""
        match self._paging.kind:
            case "page" | "offset" if not self._full(page):
                return None
            case "page":
                return self._anew(turn, page) or replace(turn, page=turn.page + 1)
            case "offset":
                return self._anew(turn, page) or replace(turn, offset=turn.offset + len(page.records))
            case "cursor":
                return replace(turn, token=str(page.following)) if page.following else None
            case "link":
                return self._at(turn, next_link(answer.headers.get("link", "")))
            case "next_link":
                return self._at(turn, page.following)
            case "keyset":
                if page.following:  # the system cut the page itself, before it was as long as we asked for
                    return self._at(turn, page.following)
                return self._after_the_last(turn, page) if self._full(page) else None
            case _:
                return None

    def _full(self, page: Page) -> bool:
        """Whether there may be more: a system that gives less than it was asked for has no more."""
        return len(page.records) >= self._paging.size

    def _cut_short(self, turn: Turn, page: Page) -> CheckStep | None:
        """The step that fails where a page is shorter than was asked for and not the last: the system has a limit of
        its own, and what lies behind it would never be asked for."""
        so_many = len(page.records)
        if self._paging.kind not in ("page", "offset") or not so_many or self._full(page):
            return None
        behind = self._cut(self._page(replace(turn, page=turn.page + 1, offset=turn.offset + so_many)).body)
        if not set(behind.records) - set(page.records):
            return None
        return CheckStep(
            step="sample",
            ok=False,
            sentence=f"{self._wire.base}{self._request.path}: a page holds {so_many} record(s) and the one behind it "
            f"holds more, but a page of less than {self._paging.size} is taken for the last one",
            remedy=f"Set size = {so_many} in [source.paging], and show it to the system in [source.request] query.",
            field="source.paging.size",
        )

    def _at(self, turn: Turn, address: Any) -> Turn | None:
        if not address:
            return None
        link = same_host(self._wire.base, address) if isinstance(address, str) else None
        if link is None:
            raise Refused(f"{self._wire.base}: the link to the next page leaves the system", status="next")
        return replace(turn, link=link)

    def _anew(self, turn: Turn, page: Page) -> Turn | None:
        """Counted anew from the last record's moment on, where the system orders by it: a record that is changed
        between two pages leaves its place, and what is counted from the old beginning passes over another one."""
        if self._cursor is None or not self._cursor.ordered:
            return None
        if not any("{since}" in text for text in self._request.query.values()):
            return None
        moments = [moment for body in page.records if (moment := self._known_by(body)[1]) is not None]
        ordered = len(moments) == len(page.records) and moments == sorted(moments)
        if not ordered or moments[0] == moments[-1] or moments[-1] > self._clock.now():
            return None
        # what shares the last moment may stand on both sides of the page's end
        begin = moments[-1] - timedelta(seconds=min(self._cursor.overlap_s, 1))
        since = WRITTEN[self._cursor.written](begin)
        if read_moment(since) <= read_moment(turn.since):
            return None
        return replace(turn, since=since, page=self._paging.first, offset=0)

    def _after_the_last(self, turn: Turn, page: Page) -> Turn:
        for body in reversed(page.records):
            key, moment = self._known_by(body)
            if key != "?" and moment is not None:
                since = WRITTEN[_cursor(self._cursor).written](moment)
                return replace(turn, since=since, after_key=key, link="")
        raise Refused(
            f"{self._wire.base}: a full page, and none of its records says where it stands", status="loop"
        )

    # -- records ------------------------------------------------------------------------------------------

    def _declared_cut(self, body: bytes) -> Page:
        asked = self._paging.next if self._paging.kind in ("cursor", "next_link", "keyset") else ""
        page = cut(body, records=self._request.records, following=asked)
        if page.following is not None and not isinstance(page.following, str | int):
            raise Unreadable("what leads to the next page is no text")
        return page

    def _position(self, after: str | None) -> Position:
        cursor = self._cursor
        if cursor is None:
            return Position(mark=EARLIEST, overlap=timedelta())
        overlap = timedelta(seconds=cursor.overlap_s)
        return Position.of(after, overlap=overlap, begin_at=read_moment(cursor.begin_at))

    def _since(self, position: Position) -> str:
        return "" if self._cursor is None else WRITTEN[self._cursor.written](position.since(EARLIEST))

    def _new(self, body: bytes, position: Position) -> RawMessage | None:
        """The record as a message, or ``None`` when it was seen. The position moves on with it."""
        said = digest(body)
        if self._cursor is None:
            return self._heard.message(body, said, name=said[:12])
        if position.has_seen(said):
            return None
        key, moment = self._known_by(body)
        position.add(said, moment, now=self._clock.now())
        stands = position.text(WRITTEN["rfc3339"])
        return self._heard.message(body, f"{key}:{said}", name=key, position=stands)

    def _known_by(self, body: bytes) -> tuple[str, datetime | None]:
        """A record's key and moment; what it does not say well is the mapping's to complain about."""
        cursor = _cursor(self._cursor)
        try:
            record = json_strict.loads(body)
        except Unreadable:
            return "?", None
        key = at(record, cursor.key)
        known = str(key)[:100] if isinstance(key, str | int) and str(key) else "?"
        try:
            return known, read_moment(at(record, cursor.field))
        except Unreadable:
            return known, None


def _validator_in(after: str | None) -> Validator | None:
    """The validator that was kept with a position."""
    try:
        kept = json.loads(after or "{}")
    except (ValueError, RecursionError):
        return None
    return Validator.kept(kept.get("unless")) if isinstance(kept, dict) else None


def _cursor(cursor: Cursor | None) -> Cursor:
    assert cursor is not None, "paging by keyset is refused without a cursor when the manifest is read"
    return cursor
