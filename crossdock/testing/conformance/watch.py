"""What a connector does behind its ports: sockets that it opens, threads that it starts, sleeps, and log lines.

The interpreter tells of sockets (audit events), so none can be opened past it by Python code. Connections to anywhere
but the played system are noted and refused: nothing leaves the machine while a connector is checked.
"""

import contextlib
import logging
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

GRACE_S: Final = 1.0
"""So long may a thread, or a connection, take to end after ``close``."""


@dataclass(slots=True, kw_only=True, eq=False)
class Watch:
    """What was seen. ``ports``: those of loopback that may be opened."""

    ports: Collection[int]
    opened_elsewhere: list[str] = field(default_factory=list)
    opened: int = 0
    left: int = 0
    slept: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    started: list[threading.Thread] = field(default_factory=list)
    _sockets: "list[weakref.ref[Any]]" = field(default_factory=list)
    _first: threading.Thread = field(default_factory=threading.current_thread)

    def is_ours(self) -> bool:
        """Whether the running thread is the one that checks, or one that the connector started in it."""
        running = threading.current_thread()
        return running is self._first or running in self.started

    def closed(self) -> None:
        """A side was closed just now: what it left open counts, although it may go with the rest of it later."""
        until = time.monotonic() + GRACE_S
        while (left := self.left_open()) and time.monotonic() < until:
            threading.Event().wait(0.01)
        self.left += left

    def left_open(self) -> int:
        """Connections that were opened and are open now."""
        count = 0
        for reference in self._sockets:
            sock = reference()
            if sock is not None and sock.fileno() != -1:
                count += 1
        return count

    def left_running(self) -> list[str]:
        """Names of threads that were started and still run after some grace."""
        until = time.monotonic() + GRACE_S
        for thread in self.started:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        return [thread.name for thread in self.started if thread.is_alive()]

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            sock, address = given
            if not self.is_ours():
                return
            self.opened += 1
            if not isinstance(address, tuple):
                return  # a local socket: the database's, or the system's own
            host, port = str(address[0]), int(address[1])
            if host in ("127.0.0.1", "::1") and port in self.ports:
                self._sockets.append(weakref.ref(sock))
                return
            self.opened_elsewhere.append(f"{host}:{port}")
            raise ConnectionRefusedError(f"{host}:{port} is not the system of this connector")
        elif event == "socket.getaddrinfo":
            host = given[0].decode() if isinstance(given[0], bytes) else str(given[0])
            if self.is_ours() and host not in ("127.0.0.1", "::1", "localhost", "None"):
                self.opened_elsewhere.append(host)
                raise ConnectionRefusedError(f"{host} is not the system of this connector")


_watching: list[Watch] = []
_hooked = False


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if _watching and event in ("socket.connect", "socket.getaddrinfo"):
        _watching[-1]._heard(event, given)


class _Lines(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        self._watch.lines.append(text)


@contextlib.contextmanager
def watching(ports: Collection[int]) -> Iterator[Watch]:
    """Watch what the running thread, and those that it starts, do meanwhile. A sleep is noted and not slept."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # it cannot be taken away again; it hears nothing while nobody watches
        _hooked = True
    watch = Watch(ports=ports)
    handler, root = _Lines(watch), logging.getLogger()
    level, really, really_begin = root.level, time.sleep, threading.Thread.start

    def sleep(seconds: float) -> None:
        if watch.is_ours():
            watch.slept.append(seconds)
        else:
            really(seconds)

    def begin(thread: threading.Thread) -> None:
        if watch.is_ours():
            watch.started.append(thread)
        really_begin(thread)

    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    time.sleep = sleep  # type: ignore[assignment]
    threading.Thread.start = begin  # type: ignore[method-assign, assignment]
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)
        time.sleep = really
        threading.Thread.start = really_begin  # type: ignore[method-assign]
        root.setLevel(level)
        root.removeHandler(handler)
