"""Told to end (SIGTERM): what is in hand is finished, what is not begun is given back, and the process ends in time.

A step asks ``was_told`` between one unit and the next: between messages, write-backs, calls and batches. A call in
flight is waited for, since its answer is worth more than the wait; one that takes longer than ``PATIENCE_S``, or a
second SIGTERM, ends it as its own deadline would, and what is known of it then is recorded like any other silence.
"""

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

PATIENCE_S: Final = 20.0
"""So long a call in flight may go on: with what is written behind it, a process ends within 30 s."""

COUNT: Final = "told_to_end"
"""The count of a run that was told to end before it had done everything."""

Thing = TypeVar("Thing")


class ToldToEnd(BaseException):
    """This work is given back, and nothing of it is kept. Not an ``Exception``: no message is to blame for it."""


class Termination:
    """Whether this process was told to end."""

    def __init__(self) -> None:
        self._told = False
        self._waits = False

    def tell(self) -> None:
        """End soon. Told a second time while a call is waited for: raises ``TimeoutError`` out of that call."""
        if self._told and self._waits:
            self._waits = False
            raise TimeoutError("this process was told to end, and the call took too long")
        self._told = True

    def was_told(self) -> bool:
        """Whether to begin nothing more."""
        return self._told

    def check(self) -> None:
        """Raise ``ToldToEnd`` when it was told: for work that is undone by leaving it."""
        if self._told:
            raise ToldToEnd

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A call in flight, which its own deadline bounds and our patience does when we were told to end."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    def until_told(self, things: Iterator[Thing]) -> Iterator[Thing]:
        """These things, each of them read by a call; none is begun once we were told to end."""
        nothing = object()
        while not self.was_told():
            try:
                with self.waiting():
                    one: Any = next(things, nothing)
            except TimeoutError:
                if self.was_told():  # a read that is given up is read again
                    return
                raise
            if one is nothing:
                return
            yield one


@contextmanager
def on_sigterm() -> Iterator[Termination]:
    """SIGTERM tells this process to end, as long as this lasts. Only the main thread hears signals; in another one
    nobody is told anything."""
    termination = Termination()
    if threading.current_thread() is not threading.main_thread():
        yield termination
        return
    # a signal may come while one is heard: of all that wakes a thread, only this queue's put may stand in itself
    told: queue.SimpleQueue[None] = queue.SimpleQueue()
    over, ending = threading.Event(), threading.Lock()
    main = threading.get_ident()

    def lose_patience() -> None:
        told.get()
        if over.wait(PATIENCE_S):
            return
        with ending:  # what ended meanwhile does not hear us any more
            if not over.is_set():
                signal.pthread_kill(main, signal.SIGTERM)

    def hear(_number: int, _frame: object) -> None:
        told.put(None)
        termination.tell()

    threading.Thread(target=lose_patience, name="patience", daemon=True).start()
    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield termination
    finally:
        with ending:
            over.set()
        told.put(None)
        signal.signal(signal.SIGTERM, before)
