"""An HTTP server on loopback that misbehaves in the ways that real ones do, on raw sockets.

Each request meets the next behaviour that was queued, or the standing one::

    with LyingServer() as server:
        server.then(reset_after_commit(), answer(200, b"{}"))
        ...
        assert len(server.committed) == 1

``committed`` holds the requests whose effect "happened", whatever the caller was told. A server that has a trade of
its own (``honest``) counts its effects by business key, and lies about them (``lying_modes``)::

    with LyingServer(mixture(dice, {"commit_then_rst": 0.05}), honest=erp) as server:
        ...
        assert server.effects.more_than_once() == {}
"""

import gzip
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crossdock.testing.effects import Effects
from crossdock.testing.loopback import LoopbackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer of a server that means it. ``effect``: the business key of what it did now; ``None``: nothing new, as
    for a read, a refusal, or a key that it knows."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: str | None = None


Honest = Callable[[Request], Said]
"""The trade behind the lies: does what the request asks, and says what came of it."""

Behaviour = Callable[["LyingServer", socket.socket, Request | None], bool]
"""Called with the request (``None``: before it is read). Returns whether the connection stays open."""


class LyingServer(LoopbackServer):
    """Says to each request what its next behaviour says."""

    def __init__(
        self,
        standing: Behaviour | None = None,
        *,
        honest: Honest | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls``: with the certificate that it shows; whoever does not take it sends no request."""
        super().__init__(port=port)
        self._tls = tls
        self.standing: Behaviour = standing or honestly()
        self.honest: Honest = honest or (lambda request: Said(status=200, body=b"{}"))
        self.effects = Effects()
        self.requests: list[Request] = []
        self.committed: list[Request] = []
        self._queue: deque[Behaviour] = deque()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def then(self, *behaviours: Behaviour) -> None:
        """The next requests meet these, in this order."""
        self._queue.extend(behaviours)

    def commit(self, request: Request) -> Said:
        """The effect of this request happens, and is counted. What an honest server would say."""
        self.committed.append(request)
        said = self.honest(request)
        if said.effect is not None:
            self.effects.add(said.effect)
        return said

    def _talk(self, sock: socket.socket) -> None:
        stays = True
        if self._tls is not None:
            sock = self._encrypted(sock, self._tls)
        with sock, sock.makefile("rb") as reader:
            # The next behaviour is chosen when the next request begins to arrive, not before.
            while stays and reader.peek(1):
                upcoming = self._queue[0] if self._queue else None
                if upcoming is not None and getattr(upcoming, "before_reading", False):
                    self._queue.popleft()
                    upcoming(self, sock, None)
                    return
                request = _read_request(reader)
                if request is None:
                    return
                self.requests.append(request)
                behaviour = self._queue.popleft() if self._queue else self.standing
                stays = behaviour(self, sock, request)


def _read_request(reader: socket.SocketIO | object) -> Request | None:
    line = reader.readline(65537)  # type: ignore[union-attr]
    if not line.strip():
        return None
    method, path, _version = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline(65537)) not in (b"\r\n", b"\n", b""):  # type: ignore[union-attr]
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))  # type: ignore[union-attr]
    return Request(method=method, path=path, headers=headers, body=body)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers as they stand on the wire."""
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def honestly() -> Behaviour:
    """Do what is asked, and say what came of it."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        said = server.commit(request)
        fields = {"Content-Type": said.media_type, "Content-Length": str(len(said.body)), **said.headers}
        sock.sendall(head(said.status, fields) + said.body)
        return True

    return behave


def reset(sock: socket.socket) -> None:
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The reader made by makefile keeps the descriptor open: shutdown would send a FIN, detach ends it at once.
    socket.close(sock.detach())


def answer(
    status: int,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
    commit: bool = True,
) -> Behaviour:
    """An honest answer."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        if commit and request is not None:
            server.commit(request)
        fields = {"Content-Type": media_type, "Content-Length": str(len(body)), **(headers or {})}
        sock.sendall(head(status, fields) + body)
        return True

    return behave


def reply(function: Callable[[Request], tuple[int, Mapping[str, str], bytes]]) -> Behaviour:
    """An honest answer that depends on the request."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        status, headers, body = function(request)
        return answer(status, body, headers=headers)(server, sock, request)

    return behave


def raw(data: bytes, *, stays: bool = False) -> Behaviour:
    """These bytes, whatever they are."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        sock.sendall(data)
        return stays

    return behave


def reset_before_read() -> Behaviour:
    """RST as soon as the first byte arrives: nothing happened there."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        reset(sock)
        return False

    behave.before_reading = True  # type: ignore[attr-defined]
    return behave


def reset_after_commit() -> Behaviour:
    """The effect happens, then RST instead of an answer."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        reset(sock)
        return False

    return behave


def close_after_commit() -> Behaviour:
    """The effect happens, then FIN instead of an answer."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        return False

    return behave


def half_body(body: bytes) -> Behaviour:
    """The effect happens; half of the answer comes, then FIN."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        sock.sendall(head(200, fields) + body[: len(body) // 2])
        return False

    return behave


def drip(data: bytes, *, every_s: float) -> Behaviour:
    """One byte after another, for as long as there are any, head or body."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        for index in range(len(data)):
            sock.sendall(data[index : index + 1])
            if server.stopping.wait(every_s):
                break
        return False

    return behave


def hang() -> Behaviour:
    """The effect happens and nothing is ever said."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        server.stopping.wait()
        return False

    return behave


def html_200() -> Behaviour:
    """A maintenance page that calls itself a success."""
    return answer(200, b"<html><body>We are back soon</body></html>", media_type="text/html", commit=False)


def redirect(location: str, status: int = 302) -> Behaviour:
    """A redirect to anywhere."""
    return answer(status, b"", headers={"Location": location}, commit=False)


def gzip_bomb(size: int) -> Behaviour:
    """A small body that becomes ``size`` zero bytes."""
    body = gzip.compress(bytes(size))
    return answer(200, body, headers={"Content-Encoding": "gzip"})
