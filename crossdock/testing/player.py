"""Plays recorded exchanges to a connector, for ever: the system is not there, and the connector does not notice.

    player = Player([Recording.read(file)])
    with player.serving() as login:
        messages = list(registry.source(manifest, login, MovableClock(recording.recorded_at)).read(None))
    player.judge()

A request that was not recorded is answered with 501 and fails ``judge`` with what is different. A request that was
recorded several times gets its answers in order, and the last one from then on. Secrets and headers that mean nothing
are not compared; JSON is compared as values, XML without its formatting and without the header of a SOAP envelope,
where the login and the time stand.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.kit.declarations import CONNECTION
from crossdock.ports import Login, Secret
from crossdock.testing.lying_http import LyingServer, Request, Said
from crossdock.testing.recordings import BASE, BASE_IN_JSON, Exchange, Recording

_MISSING: Final = 501
_NOT_PLAYED: Final = ("ca_bundle", "token_url", "client_certificate", "addresses")


class NotAsRecorded(AssertionError):
    """The connector asked for something else than when it was recorded."""


class Player:
    """Answers as it was recorded. Also an ``Honest`` of a ``LyingServer``, which may then lie about it."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._exchanges = [one for recording in recordings for one in recording.exchanges]
        self._played = [0] * len(self._exchanges)
        self.unexpected: list[str] = []

    @contextmanager
    def serving(self, login: Login | None = None) -> Iterator[Login]:
        """A server that plays, and a login that leads to it.

        ``login``: one whose fields the connector needs; its address and its secrets are not used.
        """
        with LyingServer(honest=self) as server:
            yield leading_to(server, login)

    def __call__(self, request: Request) -> Said:
        base = f"http://{request.headers.get('host', '')}".encode()
        fitting = [at for at, one in enumerate(self._exchanges) if not different(one, request, base)]
        if not fitting:
            self.unexpected.append(self._complaint(request, base))
            return Said(status=_MISSING, body=self.unexpected[-1].encode(), media_type="text/plain")
        at = next((one for one in fitting if not self._played[one]), fitting[-1])
        self._played[at] += 1
        answer = self._exchanges[at].answer
        headers = {name: _put_in(value.encode(), base).decode() for name, value in answer.headers.items()}
        return Said(
            status=answer.status,
            body=_put_in(answer.body, base),
            media_type=headers.pop("content-type", "application/octet-stream"),
            headers=headers,
        )

    def judge(self, *, every: bool = True) -> None:
        """Raises ``NotAsRecorded`` when something else was asked, or (``every``) something was not asked any more."""
        if self.unexpected:
            raise NotAsRecorded("; ".join(self.unexpected))
        left = [
            f"{one.request.method} {one.request.path}"
            for one, played in zip(self._exchanges, self._played, strict=True)
            if not played
        ]
        if every and left:
            raise NotAsRecorded(f"not asked any more: {', '.join(left)}; record it again if that is meant")

    def rewind(self) -> None:
        """Begin again, with nothing played."""
        self._played = [0] * len(self._exchanges)
        self.unexpected = []

    def _complaint(self, request: Request, base: bytes) -> str:
        """What is different from the recorded request that comes nearest."""
        asked = f"{request.method} {request.path} was not recorded"
        if not self._exchanges:
            return f"{asked}: nothing was"
        nearest = min((different(one, request, base) for one in self._exchanges), key=len)
        return f"{asked}; the nearest differs in {', '.join(nearest)}; record it again if that is meant"


def leading_to(server: LyingServer, login: Login | None = None) -> Login:
    """A login for a server that plays, which needs none: the secrets have their names alone."""
    given = login or Login(connection_id="recorded")
    return replace(
        given,
        scheme="http",
        host="127.0.0.1",
        port=server.port,
        hosts=(CONNECTION,),
        password=Secret(""),
        extra={name: value for name, value in given.extra.items() if name not in _NOT_PLAYED}
        | {"auth": "none"},
        secrets={name: Secret("recorded") for name in given.secrets},
    )


def different(exchange: Exchange, request: Request, base: bytes) -> list[str]:
    """In what a request differs from a recorded one: nothing when it is the same."""
    recorded = exchange.request
    split = urlsplit(request.path)
    query = parse_qsl(split.query, keep_blank_values=True)
    found = []
    if request.method != recorded.method:
        found.append(f"method {recorded.method}")
    if split.path != _put_in(recorded.path.encode(), base).decode():
        found.append(f"path {recorded.path}")
    if sorted(query) != sorted(
        (name, _put_in(value.encode(), base).decode()) for name, value in recorded.query
    ):
        found.append(f"query {dict(recorded.query)}")
    found += [
        f"header {name}: {value}"
        for name, value in recorded.headers.items()
        if request.headers.get(name) != _put_in(value.encode(), base).decode()
    ]
    if _comparable(request.body) != _comparable(_put_in(recorded.body, base)):
        found.append("body")
    return found


def _put_in(data: bytes, base: bytes) -> bytes:
    return data.replace(BASE, base).replace(BASE_IN_JSON, base.replace(b"/", rb"\/"))


def _comparable(body: bytes) -> Any:
    """A body as what it means: JSON, XML, or its bytes."""
    start = body.lstrip()[:1]
    try:
        if start in (b"{", b"["):
            return json.loads(body)
        if start == b"<":
            root = safe_xml.parse(body)
            for header in root.findall("{*}Header"):
                root.remove(header)
            return safe_xml.canonical(root)
    except (ValueError, Unreadable):
        pass
    return body
