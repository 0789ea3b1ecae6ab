"""Ends a piece of Python after a time, whatever it is busy with.

A timer raises an exception inside the thread that runs it, so that a loop in somebody else's parser ends: the
interpreter delivers it between two bytecodes. It does not end a single call into C; those that happen here are
bounded by other means (sockets by their own deadline, libxml2 by the size and depth of what it is given).
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")


class _TimeIsUp(BaseException):
    """Not an ``Exception``, so that no ``except Exception`` on the way swallows it."""


def _raise_in(thread_id: int, kind: type[BaseException] | None) -> None:
    """Sets the exception that a thread meets next, or takes it back."""
    wanted = ctypes.py_object(kind) if kind is not None else ctypes.c_void_p(None)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), wanted)


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """What the function gives, or ``TimeoutError`` when it has not ended after this many seconds."""
    thread_id = threading.get_ident()
    lock = threading.Lock()
    over = False

    def fire() -> None:
        with lock:
            if not over:
                _raise_in(thread_id, _TimeIsUp)

    timer = threading.Timer(max(seconds, 0.001), fire)
    timer.daemon = True
    try:
        try:
            # Inside, because the time may be up before this returns.
            timer.start()
            return function()
        finally:
            # From here on the timer does nothing; what it set already and was not delivered is taken back.
            with lock:
                over = True
            _raise_in(thread_id, None)
    except _TimeIsUp:
        raise TimeoutError(f"not over after {seconds:g} s") from None
    finally:
        timer.cancel()


# ── by the time that it worked ───────────────────────────────────────────────────────────────────────────────

_TICK_S: Final = 0.1


class _Watch:
    """One thread of a process that looks at what others compute, ten times a second while there is something.

    It counts the CPU time of the thread that is watched, so a busy machine, a debugger or a suspended container makes
    nothing too slow.
    """

    def __init__(self) -> None:
        self._process = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._watched: dict[int, tuple[int, float]] = {}

    def begin(self, thread_id: int, ends_at: float) -> float | None:
        """Watch a thread until then; until when it was watched before."""
        with self._lock:
            if self._process != os.getpid():  # a forked child has the watch and not its thread
                self._process, self._watched, self._thread = os.getpid(), {}, None
            if (
                self._thread is None or not self._thread.is_alive()
            ):  # nothing may go unwatched because it died
                self._busy = threading.Event()
                self._thread = threading.Thread(target=self._run, name="crossdock watchdog", daemon=True)
                self._thread.start()
            clock, before = self._watched.get(thread_id, (0, None))
            clock = clock or time.pthread_getcpuclockid(thread_id)
            self._watched[thread_id] = (clock, ends_at if before is None else min(before, ends_at))
        self._busy.set()
        return before

    def end(self, thread_id: int, before: float | None) -> None:
        """Watch it as before. What was set and not delivered yet is taken back: the outer watch sets its own."""
        with self._lock:
            self._watched.pop(thread_id, None)
            _raise_in(thread_id, None)
            if before is not None:
                self._watched[thread_id] = (time.pthread_getcpuclockid(thread_id), before)

    def _run(self) -> None:
        while True:
            self._busy.wait()
            time.sleep(_TICK_S)
            with self._lock:
                if not self._watched:
                    self._busy.clear()
                for thread_id, (clock, ends_at) in list(self._watched.items()):
                    if time.clock_gettime(clock) >= ends_at:
                        del self._watched[thread_id]
                        _raise_in(thread_id, _TimeIsUp)


_watch: Final = _Watch()


def within_cpu(seconds: float, function: Callable[[], Result]) -> Result:
    """What the function gives, or ``TimeoutError`` once it has computed for this long. One may stand in another."""
    thread_id = threading.get_ident()
    ends_at = time.thread_time() + seconds
    before: float | None = None
    try:
        try:
            before = _watch.begin(thread_id, ends_at)
            return function()
        finally:
            _watch.end(thread_id, before)
    except _TimeIsUp:
        if time.thread_time() < ends_at:
            raise  # it is the time of the one round this that is up
        raise TimeoutError(f"not over after {seconds:g} s of computing") from None
