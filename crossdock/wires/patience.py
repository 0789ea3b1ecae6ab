"""How long the wires wait: the pauses between reads that are repeated, and the deadlines of calls.

Both are what the connector asked for, except while somebody judges it: then they are cut short, and each is noted, so
that a system that never answers is told from one that is slow within half a second.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True, kw_only=True)
class Hurry:
    """What was asked of the wires meanwhile: ``pauses`` and ``deadlines``, in seconds."""

    most_s: float
    pauses: list[float] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)


_HURRY: Final[ContextVar[Hurry | None]] = ContextVar("crossdock_hurry", default=None)


def pause(seconds: float) -> None:
    """Wait before a read is tried again."""
    hurry = _HURRY.get()
    if hurry is None:
        time.sleep(seconds)
    else:
        hurry.pauses.append(seconds)


def bounded(seconds: float) -> float:
    """The deadline that holds for what should take at most so long. Asked by whoever makes the call, never by a
    thread that only waits for it."""
    hurry = _HURRY.get()
    if hurry is None:
        return seconds
    hurry.deadlines.append(seconds)
    return min(seconds, hurry.most_s)


@contextmanager
def in_a_hurry(most_s: float) -> Iterator[Hurry]:
    """Nothing pauses, and no call takes longer than this. For whoever asks for it, and not for the threads beside:
    a hub that works in the same process keeps its patience."""
    before, mine = _HURRY.get(), Hurry(most_s=most_s)
    _HURRY.set(mine)
    try:
        yield mine
    finally:
        _HURRY.set(before)
