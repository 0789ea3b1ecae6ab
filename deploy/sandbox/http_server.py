"""A threaded HTTP/1.1 server on loopback that can also hang and tear the connection down, as real ones do."""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LARGEST_BODY_BYTES = 4 * 1024 * 1024
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST, not FIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, read whole. ``query`` holds the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reset:
    """No answer: the connection ends with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer: the connection stays open for so long (or until the server stops) and then ends."""

    seconds: float


Reply = Answer | Reset | Hang
Application = Callable[[Request], Reply]


class HttpServer:
    """Serves one application on 127.0.0.1. ``port=0`` takes a free one; ``port`` then says which."""

    def __init__(self, application: Application, *, port: int = 0) -> None:
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler, application, self._stopping)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, let go of hanging calls, and close every connection that is still open."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        application: Application,
        stopping: threading.Event,
    ) -> None:
        super().__init__(address, handler)
        self.application = application
        self.stopping = stopping
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for its own name here, which can take seconds
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().close_request(request)

    def close_connections(self) -> None:
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away in the middle is its own affair; anything else is a bug of ours and is told."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    wbufsize = -1  # head and body leave in one write
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            self._send(Answer(status=411, body=b'{"error":"send a Content-Length"}'), keep=False)
            return
        if int(length) > LARGEST_BODY_BYTES:
            self._send(Answer(status=413, body=b'{"error":"too large"}'), keep=False)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        reply = self.server.application(
            Request(
                method=self.command,
                path=parts.path,
                query={
                    name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()
                },
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
                at=datetime.now(UTC),
            )
        )
        match reply:
            case Answer():
                self._send(reply, keep=True)
            case Reset():
                self._reset()
            case Hang(seconds):
                self.server.stopping.wait(seconds)
                self._reset()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 (named by http.server)

    def _send(self, answer: Answer, *, keep: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not keep:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        # socketserver would say shutdown() first, which sends a polite FIN: close the descriptor under it
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """The systems keep journals of their own."""
