"""What the servers that we ship for tests share: a free loopback port, a thread for each caller, and an end."""

import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class LoopbackServer:
    """Listens from ``start`` to ``stop``; also a context manager. What it says to a caller is its ``_talk``."""

    gone: tuple[type[Exception], ...] = (OSError, ValueError)
    """What ``_talk`` raises when the caller went away, or the server is being stopped."""

    def __init__(self, *, port: int = 0) -> None:
        self.connections = 0
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> Self:
        self._begin(self._listen)
        return self

    def stop(self) -> None:
        """Closes every connection and ends every thread."""
        self.stopping.set()
        with self._lock:
            waiting = [self._listener, *self._open]
        for sock in waiting:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _talk(self, sock: socket.socket) -> None:
        """One conversation, from the first byte to the last."""
        raise NotImplementedError

    def _encrypted(self, sock: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        """The same connection behind its handshake. Raises ``OSError`` when the caller does not take who we are."""
        encrypted = tls.wrap_socket(sock, server_side=True)
        with self._lock:
            self._open.discard(sock)
            self._open.add(encrypted)
        return encrypted

    def _begin(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
                self.connections += 1
            self._begin(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                self._talk(sock)
        except self.gone:
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
