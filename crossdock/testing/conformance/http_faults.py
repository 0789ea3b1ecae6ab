"""The ways in which a system over HTTP goes wrong, by what a connector must make of them.

down        it cannot be reached, or breaks off: nothing is known of it
silence     it never answers, or drips
login       it does not let us in
busy        it asks us to wait
no          it says no
elsewhere   it points to another host
garbage     it says what is no answer
too_much    it says more than anybody wants to hear
"""

import gzip
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.play import EffectFault, Fault
from crossdock.testing.lying_http import Behaviour, LyingServer, Request
from crossdock.testing.lying_modes import (
    MODES,
    TRUE,
    commit_then_half_body,
    latency,
    limit_data,
    reset_peer,
    slicer,
)

if TYPE_CHECKING:
    from crossdock.testing.conformance.http_play import HttpPlay

HTML: Final = b"<html><body>We are back soon</body></html>"
JSON: Final = "application/json"

PAGES_OF_NONE: Final = ("null", "UTF-16", "a head that is cut short")
"""What may well say that nothing was found."""

WAITS: Final[Mapping[str, str | None]] = {
    "seconds": "120",
    "past": "Wed, 21 Oct 2015 07:28:00 GMT",
    "negative": "-5",
    "huge": "999999999999",
    "garbage": "soon, we hope",
    "none": None,
}
"""Retry-After, in every form in which it comes; a date is added by the clock."""


def faults_of(play: "HttpPlay", side: str) -> Sequence[Fault]:
    """Every fault of a played system, for reading it or for writing to it."""
    writes = side == "sink"
    found = (
        _told(play)
        if side != "find"
        else (one for one in _told(play) if one[0] not in ("404", "410", *PAGES_OF_NONE))
    )

    def told(name: str, kind: str, behaviour: Behaviour, times: int = 3) -> Fault:
        # Three times: a wire may read three times what it may read again.
        return Fault(name=name, kind=kind, tell=lambda: play.lie(behaviour, times=times, writes=writes))

    return [told(*one) for one in found]


def _told(play: "HttpPlay") -> Iterator[tuple[str, str, Behaviour]]:
    media_type = play.media_type
    yield "reset before it is read", "down", _reset_undone()
    yield "reset after the head", "down", reset_peer()
    yield "closed without a word", "down", _closed_undone()
    yield "half an answer", "down", commit_then_half_body()
    yield (
        "two lengths",
        "down",
        lie.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n{}{}"),
    )
    yield "no HTTP at all", "down", lie.raw(b"220 mail.example ESMTP ready\r\n")
    yield (
        "a broken chunk",
        "down",
        lie.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"
        ),
    )
    yield (
        "broken gzip",
        "down",
        lie.answer(
            200,
            b"\x1f\x8b no gzip",
            headers={"Content-Encoding": "gzip"},
            media_type=media_type,
            commit=False,
        ),
    )
    yield "never answers", "silence", _silent()
    yield "drips", "silence", _drips()
    for status in (401, 403):
        yield str(status), "login", lie.answer(status, b"{}", commit=False)
    for status in (301, 302, 307, 308):
        yield str(status), "elsewhere", lie.redirect(play.elsewhere.url + "/stolen", status)
    until = format_datetime(play.clock.now() + timedelta(seconds=120), usegmt=True)
    for status in (429, 503):
        for name, text in {**WAITS, "date": until}.items():
            headers = {} if text is None else {"Retry-After": text}
            yield (
                f"{status}, Retry-After {name}",
                "busy",
                lie.answer(status, b"{}", headers=headers, commit=False),
            )
    for status in (400, 404, 405, 409, 410, 422, 500, 502, 504):
        yield str(status), "no", lie.answer(status, b'{"error":"no"}', commit=False)
    yield "a head that is cut short", "garbage", limit_data(60)
    yield (
        "HTML that calls itself a success",
        "garbage",
        lie.answer(200, HTML, media_type="text/html", commit=False),
    )
    yield "HTML with our media type", "garbage", lie.answer(200, HTML, media_type=media_type, commit=False)
    yield "nothing at all", "garbage", lie.answer(200, b"", media_type=media_type, commit=False)
    yield (
        "a cut document",
        "garbage",
        lie.answer(200, b'{"records": [{"a": 1}, {"b"', media_type=media_type, commit=False),
    )
    yield (
        "another document",
        "garbage",
        lie.answer(200, b'"maintenance"', media_type=media_type, commit=False),
    )
    yield "null", "garbage", lie.answer(200, b"null", media_type=media_type, commit=False)
    yield (
        "UTF-16",
        "garbage",
        lie.answer(200, '{"records": []}'.encode("utf-16"), media_type=media_type, commit=False),
    )
    yield (
        "bytes of no encoding",
        "garbage",
        lie.answer(200, b'{"a": "\xff\xfe\xe9"}', media_type=media_type, commit=False),
    )
    yield (
        "a nest of 3000",
        "garbage",
        lie.answer(200, b"[" * 3000 + b"]" * 3000, media_type=media_type, commit=False),
    )
    yield (
        "a bomb of 40 MB in 40 KB",
        "too_much",
        lie.answer(200, _bomb(), headers={"Content-Encoding": "gzip"}, media_type=media_type, commit=False),
    )


NOT_NOW: Final = (425, 429, 503)
NO: Final = (400, 404, 405, 410, 413, 415)
CHANGED: Final = (409, 412, 422)
"""What was decided on has changed, or is no longer wanted; or it was done before, and then the target can tell."""
FAILED: Final = (500, 502, 504)


def effect_faults_of(play: "HttpPlay") -> Sequence[EffectFault]:
    """Every fault of a write, with the outcomes that are true then."""
    return [
        EffectFault(name=name, tell=_teller(play, behaviour), allowed=frozenset(allowed), hangs=hangs)
        for name, behaviour, allowed, hangs in _effects_told(play)
    ]


def _teller(play: "HttpPlay", behaviour: Behaviour) -> Callable[[], None]:
    return lambda: play.lie(behaviour, writes=True)


def _effects_told(play: "HttpPlay") -> Iterator[tuple[str, Behaviour, set[str], bool]]:
    unsure = {"Unsure"}
    short: Mapping[str, Behaviour] = {"latency": latency(0.02), "slicer": slicer(40, every_s=0.0)}
    for name, make in MODES.items():
        if name in ("bandwidth", "slow_close", "rst_before_read", "429_date"):
            continue  # slow for its own sake, or told below
        hangs = name in ("timeout", "commit_then_hang")
        match name:
            case _ if name in TRUE:
                allowed = {"Delivered"}
            case "limit_data":
                allowed = {"Delivered", "Unsure"}  # it was done, and a status alone may prove it
            case "brown_out":
                allowed = {"Retry"}
            case _:
                allowed = unsure
        yield (
            name,
            _silent_after(name == "commit_then_hang") if hangs else short.get(name, make()),
            allowed,
            hangs,
        )
    yield "reset before it is done", _reset_undone(), unsure, False
    yield "no HTTP at all", lie.raw(b"220 mail.example ESMTP ready\r\n"), unsure, False
    yield "a cut document, 200", lie.answer(200, b'{"id": "1", "k', commit=False), unsure, False
    yield (
        "an error inside a 200",
        lie.answer(200, b'{"error": {"message": "no"}}', commit=False),
        unsure,
        False,
    )
    yield "202", lie.answer(202, b"", commit=False), unsure, False
    for status in (301, 302, 303, 307, 308):
        there = lie.redirect(play.elsewhere.url + "/stolen", status)
        yield str(status), there, {"Unsure", "Reject", "Misconfigured"}, False
    for status in (401, 403, 407):
        yield str(status), play.no(status), {"Misconfigured"}, False
    for status in NO:
        yield str(status), play.no(status), {"Reject"}, False
    for status in CHANGED:
        yield str(status), play.no(status), {"Reject", "Conflict"}, False
    yield "408", play.no(408), {"Retry", "Unsure"}, False
    for status in FAILED:
        yield (
            str(status),
            lie.answer(status, b"<h1>failed</h1>", media_type="text/html", commit=False),
            unsure,
            False,
        )


def waits_of(play: "HttpPlay") -> Iterator[tuple[str, Behaviour]]:
    """Every form of being asked to come later."""
    until = format_datetime(play.clock.now() + timedelta(seconds=120), usegmt=True)
    for status in NOT_NOW:
        for name, text in {**WAITS, "date": until}.items():
            headers = {} if text is None else {"Retry-After": text}
            yield f"{status}, Retry-After {name}", lie.answer(status, b"{}", headers=headers, commit=False)


def _silent_after(commit: bool) -> Behaviour:
    silent = _silent()

    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        assert request is not None
        if commit:
            server.commit(request)
        return silent(server, sock, request)

    return behave


def _bomb() -> bytes:
    global _packed
    if not _packed:
        _packed = gzip.compress(bytes(40_000_000), compresslevel=9)
    return _packed


_packed = b""


def _reset_undone() -> Behaviour:
    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        lie.reset(sock)
        return False

    return behave


def _closed_undone() -> Behaviour:
    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        return False

    return behave


def _silent() -> Behaviour:
    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        # Until the caller goes away, or the server is stopped.
        sock.settimeout(30.0)
        sock.recv(1)
        return False

    return behave


def _drips() -> Behaviour:
    def behave(server: LyingServer, sock: socket.socket, request: Request | None) -> bool:
        for sign in lie.head(200, {"Content-Type": JSON, "Content-Length": "1000"}):
            sock.sendall(bytes([sign]))
            if server.stopping.wait(0.05):
                break
        return False

    return behave
