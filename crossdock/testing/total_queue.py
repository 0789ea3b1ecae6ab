"""The oracle of a soak: what was given to a hub, against what came out of it.

The words are those of Jepsen's checker ``total-queue``. Every element is *attempted* when it is offered, and
*acknowledged* when the hub said that it has it. What is *seen* at the other end is then

* **lost**: acknowledged, and never seen
* **duplicated**: seen more than once
* **unexpected**: seen, and never attempted
* **recovered**: never acknowledged (the answer was lost on the way), and seen all the same. That is no fault.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What came of everything that was attempted."""

    attempted: int
    acknowledged: int
    seen: int
    lost: tuple[str, ...]
    duplicated: Mapping[str, int]
    unexpected: tuple[str, ...]
    recovered: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing twice, nothing out of nowhere."""
        return not (self.lost or self.duplicated or self.unexpected)

    def __str__(self) -> str:
        return (
            f"attempted {self.attempted}, acknowledged {self.acknowledged}, seen {self.seen}: "
            f"lost {len(self.lost)}, duplicated {len(self.duplicated)}, unexpected {len(self.unexpected)}, "
            f"recovered {len(self.recovered)}"
        )


class TotalQueue:
    """Keeps the books of a run. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempted: set[str] = set()
        self._acknowledged: set[str] = set()

    def attempt(self, element: str) -> None:
        """It is about to be offered."""
        with self._lock:
            self._attempted.add(element)

    def acknowledge(self, element: str) -> None:
        """The hub said that it has it."""
        with self._lock:
            if element not in self._attempted:
                raise ValueError(
                    f"{element!r} was acknowledged and never attempted: the test's own books are wrong"
                )
            self._acknowledged.add(element)

    @property
    def waiting(self) -> int:
        """How many were attempted and not acknowledged so far."""
        with self._lock:
            return len(self._attempted) - len(self._acknowledged)

    def account(self, seen: Mapping[str, int] | Iterable[str]) -> Account:
        """Judge: ``seen`` is every element at the other end, with how often, or as often as it was seen."""
        counted = Counter(seen)
        there = {element for element, count in counted.items() if count > 0}
        with self._lock:
            attempted, acknowledged = set(self._attempted), set(self._acknowledged)
        return Account(
            attempted=len(attempted),
            acknowledged=len(acknowledged),
            seen=len(there),
            lost=tuple(sorted(acknowledged - there)),
            duplicated={element: count for element, count in sorted(counted.items()) if count > 1},
            unexpected=tuple(sorted(there - attempted)),
            recovered=tuple(sorted((attempted & there) - acknowledged)),
        )
