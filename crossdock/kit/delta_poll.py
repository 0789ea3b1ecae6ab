"""A REST service that is polled by its delta links: it says itself what changed since it was asked last.

The first run reads everything and gets a link; each later one follows the link and gets what was added, changed or
removed since, and the next link (OData 4.0 protocol, 11.3). No clock is compared, so nothing that commits late is
missed. A link that the service has forgotten (410) begins again, once in a run: what was read before is known by its
content.

Paging by ``next_link`` in the place of ``delta_link`` reads everything in every run, for what changes without the
record being touched.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from crossdock.errors import Misconfigured, Refused, Unreadable
from crossdock.formats import json_strict
from crossdock.kit.heard import Heard, digest
from crossdock.kit.moments import WRITTEN
from crossdock.kit.records import cut, link_at
from crossdock.kit.sampling import read_well, with_sample
from crossdock.messages import RawMessage, Verdict
from crossdock.ports import CheckStep, Clock, Dice, Login, Manifest, Skipped, system_dice
from crossdock.wires.patience import pause
from crossdock.wires.rest import Answer, Rest, refused, retry_reads, same_host

JSON: Final = "application/json"
_TRACK: Final = "odata.track-changes"


class DeltaPoll:
    """The records of one entity set. ``path`` says where it lies when it is first asked, in the place of the declared
    path: what it is made of may be the connection's.

    The position is the link that comes next: that of the page in which a message stands, and after the last page the
    delta link. A page is read again when a run ended in it.
    """

    def __init__(
        self,
        manifest: Manifest,
        login: Login,
        clock: Clock,
        *,
        path: Callable[[], str] | None = None,
        key: str = "id",
        dice: Dice | None = None,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        source = manifest.source
        if source is None or source.request is None:
            raise Misconfigured(f"connector {manifest.name!r} declares no [source.request]; add it")
        if source.paging.kind not in ("delta_link", "next_link"):
            raise Misconfigured(
                f"connector {manifest.name!r} is polled by links, and pages by {source.paging.kind!r}; set kind "
                'of [source.paging] to "delta_link"'
            )
        self._heard = Heard.by(manifest, clock)
        self._request, self._paging = source.request, source.paging
        self._path_of = path or (lambda: source.request.path if source.request else "")
        self._delta, self._key = source.paging.kind == "delta_link", key
        self._clock = clock
        self._dice = dice or system_dice()
        self._sleep = sleep
        self._wire = Rest(
            login, deadline_s=self._request.deadline_s, connect_s=self._request.connect_s, clock=clock
        )
        self._came_to: str | None = None

    def read(self, after: str | None) -> Iterator[RawMessage]:
        """What changed, in the order in which the service says it. Raises what the wire raises, and ``Refused``."""
        self._came_to = None
        link = self._kept(after)
        walked = {link}
        began_again = False
        for _page in range(self._paging.most_pages):
            answer = self._asked(link)
            if answer.status == 410 and link is not None and not began_again:
                # The service has forgotten the link: everything is read again.
                link, walked, began_again = None, {None}, True
                answer = self._asked(None)
            self._expect(answer)
            try:
                records, following, last = self._cut(answer.body)
            except Unreadable:
                yield self._heard.whole(answer.body, name=self._path)
                return
            for body in records:
                yield self._record(body, link)
            if following is None:
                self._came_to = self._within(last) if last is not None and self._delta else None
                return
            link = self._within(following)
            if link in walked:
                raise Refused(f"{self._wire.base}: the pages go in a circle at {self._path}", status="loop")
            walked.add(link)
        if not self._delta:
            raise Refused(
                f"{self._wire.base}: {self._paging.most_pages} pages were read and there are more, which are never "
                "read where no link says how far the last run came; raise size or most_pages",
                status="pages",
            )
        self._came_to = link  # pages may be empty, and no message says then how far they were read

    def position(self) -> str | None:
        """The delta link, once everything was read; the link to the next page where a run ends before."""
        return self._came_to

    def skipped(self) -> tuple[Skipped, ...]:
        return ()

    def settle(self, message: RawMessage, verdict: Verdict) -> None:
        """Nothing: the service is not told what was read."""

    def check(self) -> Iterator[CheckStep]:
        """Resolve, connect, log in, read one page, and whether it tracks changes."""
        yield from with_sample(
            self._wire.check(self._path, query={"$top": "1"}),
            self._sample,
            remedy="Compare what the service answers with the samples of this connector.",
        )

    def close(self) -> None:
        self._wire.close()

    @property
    def _path(self) -> str:
        return self._path_of()

    # -- asking -------------------------------------------------------------------------------------------

    def _sample(self) -> CheckStep:
        answer = self._asked(None)
        self._expect(answer)
        records, following, last = self._cut(answer.body)
        said = f"a page with {len(records)} record(s) was read"
        if self._delta and last is None and following is None:
            remedy = "Poll by the moment of the last change instead: [source.cursor], without source.py."
            sentence = f"{said}, and no delta link came with it"
            return CheckStep(step="sample", ok=False, sentence=sentence, remedy=remedy)
        return read_well(said)

    def _asked(self, link: str | None) -> Answer:
        wanted = [f"odata.maxpagesize={self._paging.size}", *([_TRACK] if self._delta else [])]
        headers = {"Accept": JSON, "Prefer": ", ".join(wanted), **self._request.headers}
        path, query = (link, None) if link is not None else (self._path, self._query())
        return retry_reads(
            lambda: self._wire.call("GET", path, effect=False, query=query, headers=headers),
            dice=self._dice,
            sleep=self._sleep,
        )

    def _query(self) -> Mapping[str, str]:
        behind = self._clock.now() - timedelta(seconds=self._request.behind_s)
        values = defaultdict(str, now=WRITTEN["date"](behind), size=str(self._paging.size))
        written = {name: text.format_map(values) for name, text in self._request.query.items()}
        return {name: text for name, text in written.items() if text}

    def _expect(self, answer: Answer) -> None:
        what = f"GET {self._wire.base}{self._path}"
        if answer.status != 200:
            raise refused(answer, what=what, now=self._clock.now())
        if answer.media_type != JSON:
            raise Refused(
                f"{what}: the answer is {answer.media_type or 'of no type'}, not {JSON}",
                status=str(answer.status),
                body=answer.body,
            )

    def _kept(self, after: str | None) -> str | None:
        """The link in a position. What is none begins again: what was read before is known by its content."""
        return (
            after
            if self._delta and after is not None and same_host(self._wire.base, after) == after
            else None
        )

    def _within(self, address: Any) -> str:
        link = same_host(self._wire.base, address) if isinstance(address, str) else None
        if link is None:
            raise Refused(f"{self._wire.base}: the link to what comes next leaves the system", status="next")
        return link

    # -- records ------------------------------------------------------------------------------------------

    def _cut(self, page: bytes) -> tuple[list[bytes], Any, Any]:
        """The records of a page, the link to the next one, and the delta link after the last one."""
        whole = cut(page, records=self._request.records, following=self._paging.next)
        last = link_at(page, self._paging.delta) if self._delta else None
        return whole.records, whole.following, last

    def _record(self, body: bytes, link: str | None) -> RawMessage:
        try:
            record = json_strict.loads(body)
            said = record.get(self._key) if isinstance(record, Mapping) else None
        except Unreadable:
            said = None
        name = said[:100] if isinstance(said, str) and said else "?"
        position = link if self._delta else None
        return self._heard.message(body, f"{name}:{digest(body)}", name=name, position=position)
