"""How many calls are at one host at once, for all threads and connectors of the process together.

A system that is asked for its pages by three connectors and written to by a fourth sees one client: its owner granted
one number. Who comes when it is full waits for as long as the call has time.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from crossdock.errors import WireDown

AT_ONCE: Final = 8
"""So many calls, where the connection does not say."""


class PerHost:
    """Counts who is at which host."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._inside: dict[str, int] = {}

    @contextmanager
    def at(self, host: str, most: int, *, within_s: float) -> Iterator[None]:
        """Be one of at most ``most`` at this host. Raises ``WireDown`` when there was no place in this time."""
        ends_at = self._monotonic() + within_s
        with self._changed:
            while self._inside.get(host, 0) >= most:
                left = ends_at - self._monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise WireDown(
                        f"{host}: {most} calls were there at once until the time of this one was over; "
                        "nothing was sent"
                    )
            self._inside[host] = self._inside.get(host, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                left_there = self._inside.pop(host, 0) - 1
                if left_there > 0:
                    self._inside[host] = left_there
                self._changed.notify_all()

    def forget(self) -> None:
        """In a child process: nobody of it is anywhere, and no lock of the parent's threads is held."""
        self._changed = threading.Condition()
        self._inside = {}


EVERYWHERE: Final = PerHost()
"""The one of this process."""

os.register_at_fork(after_in_child=EVERYWHERE.forget)
