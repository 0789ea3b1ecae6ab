"""The lies of a server by name, alone or as a seeded mixture.

The first seven are a network's (the names are those of Toxiproxy's toxics): they spoil an honest server's answer.
The others know the trade: they do what was asked, or do not, and say something else.

    mixture(random.Random(7), {"commit_then_rst": 0.03, "429_date": 0.02})
"""

import email.utils
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from crossdock.ports import Dice
from crossdock.testing.lying_http import (
    Behaviour,
    LyingServer,
    Request,
    answer,
    close_after_commit,
    head,
    honestly,
    html_200,
    reset,
    reset_after_commit,
    reset_before_read,
)


class _Downstream:
    """A socket whose bytes pass through somebody else's hands."""

    def __init__(self, sock: socket.socket, send: Callable[[bytes], None]) -> None:
        self._sock = sock
        self.sendall = send

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


def _through(
    make: Callable[[LyingServer, socket.socket], Callable[[bytes], None]], inner: Behaviour
) -> Behaviour:
    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        spoilt = _Downstream(sock, make(server, sock))
        return inner(server, spoilt, request)  # type: ignore[arg-type]

    return behave


def latency(seconds: float = 0.2, inner: Behaviour | None = None) -> Behaviour:
    """The answer comes so much later."""

    def late(server: LyingServer, sock: socket.socket) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            server.stopping.wait(seconds)
            sock.sendall(data)

        return send

    return _through(late, inner or honestly())


def bandwidth(bytes_per_s: int = 2000, inner: Behaviour | None = None) -> Behaviour:
    """The answer comes at this rate."""
    return slicer(max(1, bytes_per_s // 20), every_s=0.05, inner=inner)


def slicer(size: int = 3, *, every_s: float = 0.005, inner: Behaviour | None = None) -> Behaviour:
    """The answer comes in slices, each in a packet of its own."""

    def sliced(server: LyingServer, sock: socket.socket) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            for start in range(0, len(data), size):
                sock.sendall(data[start : start + size])
                if server.stopping.wait(every_s):
                    return

        return send

    return _through(sliced, inner or honestly())


def limit_data(size: int = 40, inner: Behaviour | None = None) -> Behaviour:
    """After so many bytes of the answer the connection ends."""

    def limited(server: LyingServer, sock: socket.socket) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            sock.sendall(data[:size])
            raise OSError("enough was said")

        return send

    return _through(limited, inner or honestly())


def reset_peer(after_s: float = 0.0, inner: Behaviour | None = None) -> Behaviour:
    """It is done, and the connection is reset under the answer."""

    def torn(server: LyingServer, sock: socket.socket) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            sock.sendall(data[: len(data) // 2])
            server.stopping.wait(after_s)
            reset(sock)
            raise OSError("reset")

        return send

    return _through(torn, inner or honestly())


def timeout(seconds: float = 60.0) -> Behaviour:
    """Nothing is done and nothing is said; after so long the connection ends."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        server.stopping.wait(seconds)
        return False

    return behave


def slow_close(seconds: float = 0.5, inner: Behaviour | None = None) -> Behaviour:
    """An honest answer that says that the connection ends, which then takes its time."""
    said = inner or honestly()

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        said(server, sock, request)
        server.stopping.wait(seconds)
        return False

    return behave


def commit_then_hang(seconds: float = 60.0) -> Behaviour:
    """It is done, and nobody says so."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        server.stopping.wait(seconds)
        return False

    return behave


def commit_then_half_body() -> Behaviour:
    """It is done; half of the true answer comes, then FIN."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        said = server.commit(request)
        fields = {"Content-Type": said.media_type, "Content-Length": str(len(said.body))}
        sock.sendall(head(said.status, fields) + said.body[: len(said.body) // 2])
        return False

    return behave


def commit_then_500() -> Behaviour:
    """It is done, and the server says that it failed."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        server.commit(request)
        return answer(500, b'{"error":"the application server failed"}', commit=False)(server, sock, request)

    return behave


def too_many_requests(wait_s: float = 1.0) -> Behaviour:
    """429 with a date for Retry-After."""

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        until = email.utils.formatdate(time.time() + wait_s, usegmt=True)
        return answer(429, b"{}", headers={"Retry-After": until}, commit=False)(server, sock, request)

    return behave


def brown_out() -> Behaviour:
    """503 and nothing done: what an overloaded system says to some of its callers."""
    return answer(503, b'{"error":"busy"}', commit=False)


MODES: Final[Mapping[str, Callable[[], Behaviour]]] = {
    "latency": latency,
    "bandwidth": bandwidth,
    "slow_close": slow_close,
    "timeout": timeout,
    "slicer": slicer,
    "limit_data": limit_data,
    "reset_peer": reset_peer,
    "commit_then_rst": reset_after_commit,
    "commit_then_fin": close_after_commit,
    "commit_then_hang": commit_then_hang,
    "commit_then_half_body": commit_then_half_body,
    "commit_then_500": commit_then_500,
    "rst_before_read": reset_before_read,
    "200_html": html_200,
    "429_date": too_many_requests,
    "brown_out": brown_out,
}
"""Every lie by its name, as it is told when nothing else is asked for."""

DONE: Final = frozenset(
    {
        "latency",
        "bandwidth",
        "slow_close",
        "slicer",
        "limit_data",
        "reset_peer",
        "commit_then_rst",
        "commit_then_fin",
        "commit_then_hang",
        "commit_then_half_body",
        "commit_then_500",
    }
)
"""The lies under which the effect happens."""

TRUE: Final = frozenset({"latency", "bandwidth", "slow_close", "slicer"})
"""No lies at all: slow, and the whole answer comes."""


def mixture(
    dice: Dice, rates: Mapping[str, float | tuple[float, Behaviour]], otherwise: Behaviour | None = None
) -> Behaviour:
    """Each request meets a lie by these rates (0.05: one in twenty), else an honest answer. The same dice tell the
    same lies in the same order. A rate may bring its own behaviour: ``{"timeout": (0.01, timeout(2.0))}``."""
    told: list[tuple[float, Behaviour]] = []
    for name, rate in rates.items():
        told.append((rate, MODES[name]()) if isinstance(rate, int | float) else rate)
    if not 0 <= sum(rate for rate, _ in told) <= 1 or any(rate < 0 for rate, _ in told):
        raise ValueError("the rates of a mixture are shares of 1")
    honest, lock = otherwise or honestly(), threading.Lock()

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        with lock:
            left = dice.random()
        for rate, lie in told:
            if left < rate:
                return lie(server, sock, request)
            left -= rate
        return honest(server, sock, request)

    return behave
