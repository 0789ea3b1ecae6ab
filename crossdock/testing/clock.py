"""A clock that stands until somebody moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


class MovableClock:
    """A ``Clock`` for tests: no test waits, it moves the time."""

    def __init__(self, now: datetime = START) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock tells an aware time; give the start a time zone")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The time, aware, in UTC; the same until it is moved."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the time and return it. A negative step is a clock that was set back."""
        self._now += by
        return self._now
