"""A REST system, made from the tables of its connector.toml ([source.request], [source.paging], [source.cursor])
and its samples: it holds records in order, pages through them, and knows the moment that it is asked from.

A source with code of its own says the same tables in ``conformance.toml``, under [played].
"""

import copy
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from crossdock.errors import Misconfigured, Unreadable
from crossdock.kit.declarations import Cursor, Paging, Request
from crossdock.kit.moments import read_moment
from crossdock.kit.records import at as found_at
from crossdock.kit.records import way
from crossdock.ports import Clock
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.delta_links import PLACE, DeltaLinks, Place
from crossdock.testing.conformance.http_play import HttpPlay, query_of
from crossdock.testing.conformance.inquiry_play import InquiryPlay
from crossdock.testing.conformance.play import Thing
from crossdock.testing.lying_http import Said

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("rest",)

HERE: Final = "conformance_at"
"""The parameter of our own links to a next page: how many records came before it."""

ID: Final = "id"
"""What the records of a delta walk are known by."""

_TRACKED: Final = "track-changes"
"""Whoever prefers anything must prefer this, or is given no delta link (OData 4.0, 8.2.8.6)."""

_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\b\d{10,13}\b"
)
_PLACE: Final = re.compile(r"\{(\w+)\}")


def play(case: "Case") -> HttpPlay:
    """The played system. Raises ``Misconfigured`` when its tables are nowhere, or its samples do not fit them."""
    source, played = case.manifest.source, case.told.played
    if "inquiry" in played:
        return InquiryPlay(case, played["inquiry"])
    request = paging = cursor = None
    if source is not None:
        request = Request(**played["request"]) if "request" in played else source.request
        paging = Paging(**played["paging"]) if "paging" in played else case.played_manifest.source.paging  # type: ignore[union-attr]
        cursor = Cursor(**played["cursor"]) if "cursor" in played else source.cursor
    return RestPlay(case, request, paging or Paging(), cursor)


class RestPlay(HttpPlay):
    """A played REST system."""

    def __init__(self, case: "Case", request: Request | None, paging: Paging, cursor: Cursor | None) -> None:
        can: set[str] = set()
        self._request, self._paging, self._cursor = request, paging, cursor
        self._sample: Any = None
        self._frame: Any = None
        if request is not None and case.told.played.get("source") is not False:
            can.add("played_source")
            self._frame, self._sample = _samples(case, request, cursor)
            if paging.kind != "none":
                can.add("paged")
            if paging.kind in ("link", "next_link", "delta_link"):
                can.add("linked")
            if paging.kind == "delta_link":
                can.add("delta")
        media_type = request.accept if request is not None else "application/json"
        super().__init__(case, can=frozenset(can), media_type=media_type)
        # played.py that makes the records knows by itself how it is asked for those since a moment.
        asked_since = request is not None and any("{since}" in text for text in request.query.values())
        if "played_source" in can and cursor is not None and (asked_since or hasattr(self.own, "record")):
            self.can |= {"moments"} | ({"overlap"} if cursor.overlap_s > 0 else set())
        self.can_circle = paging.kind in ("cursor", "link", "next_link", "delta_link", "keyset")
        self.delta = DeltaLinks()
        self._pages = 0

    @property
    def overlap_s(self) -> int:
        return 0 if self._cursor is None else self._cursor.overlap_s

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample with another key and moment, in spaces that nobody else would write."""
        if self.own is not None and hasattr(self.own, "record"):
            return super().thing(number, at, changed=changed)
        record, mark = copy.deepcopy(self._sample), f"conformance-{number:04d}x"
        if self._cursor is not None and self._cursor.written == "date":
            at = at.replace(hour=0, minute=0, second=0)  # a system that knows days knows nothing finer
        if self._cursor is not None:
            key = found_at(self._sample, self._cursor.key)
            if isinstance(key, int):
                _put(record, self._cursor.key, int(mark := f"9100{number:04d}"))
            else:
                _put(record, self._cursor.key, mark)
            _put(record, self._cursor.field, _written(found_at(self._sample, self._cursor.field), at))
        elif "delta" in self.can and ID in record:
            record[ID] = mark
        else:
            record["conformance"] = mark
        body = (
            json.dumps(record, ensure_ascii=False, separators=("  ,", " : "))
            if isinstance(record, dict)
            else mark
        )
        spaces = " " * changed
        return Thing(number=number, at=at, body=f"{{{spaces}{body[1:]}".encode(), mark=mark.encode())

    def reset(self, clock: Clock) -> None:
        self.delta = DeltaLinks()
        super().reset(clock)

    def heal(self) -> None:
        super().heal()
        self.delta.heal()

    def gone(self, thing: Thing) -> Thing:
        """That this thing is no more, as a record of a delta walk."""
        return self.delta.gone(thing, key=ID)

    def page(self, request: lie.Request) -> Said:
        """The page that this call asks for."""
        table = self._request
        if table is None or unquote(urlsplit(request.path).path) != unquote(urlsplit(table.path).path):
            return Said(status=404, body=b'{"error":"there is nothing here"}')
        query = query_of(request)
        delta: Place | None = None
        if "delta" in self.can:
            # A link to the next page holds for what was there when its walk began.
            delta = self.delta.place(query.get(PLACE), self.held)
            if delta is None:
                return Said(status=410, body=b'{"error":{"message":"the link is forgotten"}}')
            held = self.delta.changes(delta, self.held)
        else:
            held = sorted(self.held, key=lambda one: (one.at, one.mark))
            held = [one for one in held if self._is_asked_for(one, query)]
        size = int(self._given(query, "size") or self._paging.size)
        begin = self._begin(query, size)
        self._pages = 1 if begin == 0 else self._pages + 1
        if self.repeat_page and self._pages == self.repeat_page and begin:
            # The page before comes again under this address; the next one goes on from here.
            found, more = held[begin - size : begin], begin < len(held)
            begin -= size
        elif self.circle:
            begin = 0 if begin + size >= len(held) else begin
            found, more = held[begin : begin + size], True
        else:
            found, more = held[begin : begin + size], begin + size < len(held)
        if self._paging.kind == "none":
            found, more = held, False
        next_url = self._link(request, {HERE: str(begin + size)}, delta) if more else None
        delta_url = None
        if delta is not None and not more and _TRACKED in request.headers.get("prefer", _TRACKED):
            delta_url = self._link(request, {}, self.delta.following(delta))
        return self._page(found, begin + size if more else None, next_url, delta_url)

    def _page(
        self, found: list[Thing], upto: int | None, next_url: str | None, delta_url: str | None
    ) -> Said:
        assert self._request is not None
        frame, paging = copy.deepcopy(self._frame), self._paging
        filler = "@@conformance-records@@"
        headers = {}
        if self._request.records:
            _put(frame, self._request.records, filler)
        else:
            frame = filler
        if paging.kind == "link" and next_url:
            headers["Link"] = f'<{next_url}>; rel="next"'
        if paging.next and isinstance(frame, dict):
            token = f"t{upto}" if upto is not None else None
            following = token if paging.kind == "cursor" else next_url if "linked" in self.can else None
            self._lead(frame, paging.next, following)
            if paging.delta:
                self._lead(frame, paging.delta, delta_url)
        text = json.dumps(frame, ensure_ascii=False)
        wrap = self.own.wrapped if self.own is not None and hasattr(self.own, "wrapped") else bytes
        records = b"[ " + b" ,\n".join(wrap(one.body) for one in found) + b"\n]"
        body = text.encode().replace(json.dumps(filler).encode(), records)
        return Said(status=200, body=body, media_type=self.media_type, headers=headers)

    def _lead(self, frame: dict[str, Any], text: str, following: str | None) -> None:
        """Put what leads on into the answer; where it leads nowhere, as the sample says that."""
        if following is None and not _is_at(self._frame, text):
            _remove(frame, text)
        else:
            _put(frame, text, following)

    def _is_asked_for(self, thing: Thing, query: Mapping[str, str]) -> bool:
        since = self._since(query)
        if since is None:
            return True
        moment, strictly = since
        assert self._request is not None
        if any("{after_key}" in template for template in self._request.query.values()):
            return (thing.at, thing.mark.decode()) > (moment, self._given(query, "after_key") or "")
        return thing.at > moment if strictly else thing.at >= moment

    def _since(self, query: Mapping[str, str]) -> tuple[datetime, bool] | None:
        """The moment that is asked from, and whether what is of that moment is left out."""
        assert self._request is not None
        said = self._given(query, "since")
        found = _MOMENT.search(said) if said else None
        if found is None:
            return None
        strictly = any(re.search(r"\bgt\b[^{]*\{since\}", text) for text in self._request.query.values())
        try:
            return read_moment(found[0]), strictly
        except Unreadable:
            return None

    def _begin(self, query: Mapping[str, str], size: int) -> int:
        if HERE in query:
            return int(query[HERE])
        match self._paging.kind:
            case "page":
                return (int(self._given(query, "page") or self._paging.first) - self._paging.first) * size
            case "offset":
                return int(self._given(query, "offset") or 0)
            case "cursor":
                return int((self._given(query, "token") or "t0")[1:])
        return 0

    def _given(self, query: Mapping[str, str], place: str) -> str | None:
        """The value that the caller put where ``{place}`` stands in its templates."""
        assert self._request is not None
        for name, template in self._request.query.items():
            if f"{{{place}}}" in template and name in query:
                pattern = re.escape(template)
                for other in _PLACE.findall(template):
                    pattern = pattern.replace(
                        re.escape(f"{{{other}}}"), "(.+)" if other == place else ".*", 1
                    )
                found = re.fullmatch(pattern, query[name], re.DOTALL)
                return found[1] if found else None
        return None

    def _link(self, request: lie.Request, more: Mapping[str, str], delta: Place | None) -> str:
        """The address of the same call with these parameters of ours."""
        kept = {name: value for name, value in query_of(request).items() if name not in (HERE, PLACE)}
        query = {**kept, **more, **({PLACE: delta.text()} if delta is not None else {})}
        return (
            f"{self.link_base or self.url}{urlsplit(request.path).path}?{urlencode(query, quote_via=quote)}"
        )


def _samples(case: "Case", request: Request, cursor: Cursor | None) -> tuple[Any, Any]:
    """The frame of an answer, and one record of it, from the connector's samples or those of the one it is like."""
    folder = case.folder
    paths = [path for one in (folder, case.code_folder) for path in sorted((one / "samples").glob("*.json"))]
    for path in paths:
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            continue
        records = found_at(document, request.records) if request.records else document
        if isinstance(records, list) and records and isinstance(records[0], dict):
            record = records[0]
            if cursor is not None and (
                found_at(record, cursor.key) is None or found_at(record, cursor.field) is None
            ):
                raise Misconfigured(
                    f"the records of {path.name} have no {cursor.key} or no {cursor.field}, which "
                    "[source.cursor] names",
                    where=str(path),
                )
            return (document if isinstance(document, dict) else []), record
    raise Misconfigured(
        f"no sample is an answer with records at {request.records or 'its top'!r}; put one that the system "
        "gave, without personal data, into samples/",
        where=str(folder),
    )


def _written(sample: Any, at: datetime) -> Any:
    """A moment as the sample writes its own."""
    if isinstance(sample, int | float):
        return int(at.timestamp() * 1000) if sample >= 10**11 else int(at.timestamp())
    text = str(sample)
    if text.startswith("/Date("):
        return f"/Date({int(at.timestamp() * 1000)})/"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return at.date().isoformat()
    if text.isdigit():
        return str(int(at.timestamp()))
    spec = "milliseconds" if re.search(r"\.\d{3}", text) else "seconds"
    written = at.astimezone(UTC).isoformat(timespec=spec)
    if text.endswith("Z"):
        return written.replace("+00:00", "Z")
    return written if re.search(r"[+-]\d\d:?\d\d$", text) else written.removesuffix("+00:00")


def _put(document: Any, text: str, value: Any) -> None:
    *names, last = way(text)
    for name in names:
        document = document.setdefault(name, {})
    document[last] = value


def _remove(document: Any, text: str) -> None:
    *names, last = way(text)
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    if isinstance(document, dict):
        document.pop(last, None)


def _is_at(document: Any, text: str) -> bool:
    for name in way(text):
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True
