"""What happened in another system, counted by its business key: the judge of "once"."""

import threading
from collections import Counter


class Effects:
    """Effects by key, in the order in which they happened. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()

    def add(self, key: str) -> int:
        """It happened (again). How often it has by now."""
        with self._lock:
            self._counted[key] += 1
            return self._counted[key]

    def count(self, key: str) -> int:
        with self._lock:
            return self._counted[key]

    def counted(self) -> dict[str, int]:
        """Every key that ever had an effect, and how many."""
        with self._lock:
            return dict(self._counted)

    def more_than_once(self) -> dict[str, int]:
        """The keys that had more than one effect: none, if the caller keeps its word."""
        return {key: count for key, count in self.counted().items() if count > 1}
