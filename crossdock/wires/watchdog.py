"""Ends a piece of Python after a time, whatever it is busy with.

A timer raises an exception inside the thread that runs it, so that a loop in somebody else's parser ends: the
interpreter delivers it between two bytecodes. It does not end a single call into C; those that happen here are
bounded by other means (sockets by their own deadline, libxml2 by the size and depth of what it is given).
"""

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

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
