"""One time for all workers: the database's.

A lease that one worker writes is judged by another. If each took its own machine's time, a clock ten minutes fast
would take work away from those who do it, and one ten minutes slow would leave the work of the dead alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crossdock.store.engine import Store


def elapsed() -> float:
    """Seconds on a clock that nobody sets; where there is one, on the one that counts a suspended machine's too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What time the database said, and when we asked (``elapsed``).

    The time of asking and not of the answer: by so much as the answer took, we think that it is later than it is,
    and give up our own lease a moment early.
    """

    at: datetime
    when: float

    def now(self, elapsed: Callable[[], float] = elapsed) -> datetime:
        return self.at.astimezone(UTC) + timedelta(seconds=elapsed() - self.when)


class StoreClock:
    """A ``Clock`` that tells the database's time. Steps and skew of this machine's clock do not touch it."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def now(self) -> datetime:
        """The database's time. Raises ``StoreUnready`` when it was never told and cannot be asked."""
        return self._store.now()
