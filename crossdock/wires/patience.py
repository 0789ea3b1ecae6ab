"""How long the wires wait: the pauses between reads that are repeated, and the deadlines of calls.

Both are what the connector asked for, except while somebody judges it: then they are cut short, and each is noted, so
that a system that never answers is told from one that is slow within half a second.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Hurry:
    """What was asked of the wires meanwhile: ``pauses`` and ``deadlines``, in seconds."""

    most_s: float
    pauses: list[float] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)


_lock = threading.Lock()
_hurry: Hurry | None = None


def pause(seconds: float) -> None:
    """Wait before a read is tried again."""
    hurry = _hurry
    if hurry is None:
        time.sleep(seconds)
    else:
        hurry.pauses.append(seconds)


def bounded(seconds: float) -> float:
    """The deadline that holds for what should take at most so long."""
    hurry = _hurry
    if hurry is None:
        return seconds
    hurry.deadlines.append(seconds)
    return min(seconds, hurry.most_s)


@contextmanager
def in_a_hurry(most_s: float) -> Iterator[Hurry]:
    """Nothing pauses, and no call takes longer than this. For the whole process: instruments alone use it."""
    global _hurry
    with _lock:
        before, _hurry = _hurry, Hurry(most_s=most_s)
        mine = _hurry
    try:
        yield mine
    finally:
        with _lock:
            _hurry = before
