"""What a system of the sandbox is told to do wrong: which operation, in which way, how many times."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERY_OPERATION = "*"
WELL = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail.

    ``times``: how often, ``None`` is for ever. ``commits``: whether the effect happens although the caller
    is not told; only the resets say that by their name. ``seconds``: how long a hanging call is held.
    ``retry_after``: the header's text on a 429.
    """

    operation: str
    mode: str
    times: int | None
    commits: bool
    seconds: float
    retry_after: str


class Faults:
    """The faults that are switched on now, one for each operation; the operation's own goes before ``*``."""

    def __init__(self, *, operations: frozenset[str], modes: frozenset[str]) -> None:
        self._operations = operations | {EVERY_OPERATION}
        self._modes = modes | {WELL}
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._left: dict[str, int] = {}

    def tell(self, order: Mapping[str, Any]) -> None:
        """Switch a fault on, or off with mode ``ok``. ValueError names what is not understood."""
        operation, mode = order.get("operation", EVERY_OPERATION), order.get("mode")
        if operation not in self._operations:
            raise ValueError(f"operation {operation!r} is none of {', '.join(sorted(self._operations))}")
        if mode not in self._modes:
            raise ValueError(f"mode {mode!r} is none of {', '.join(sorted(self._modes))}")
        times = order.get("times")
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise ValueError(f"times {times!r} is neither null nor a count from 1 on")
        fault = Fault(
            operation=operation,
            mode=mode,
            times=times,
            commits=bool(order.get("commit", mode == "reset_after_commit")),
            seconds=float(order.get("seconds", 30.0)),
            retry_after=str(order.get("retry_after", "2")),
        )
        with self._lock:
            self._left.pop(operation, None)
            if mode == WELL and operation == EVERY_OPERATION:
                self._faults.clear()
                self._left.clear()
            elif mode == WELL:
                self._faults.pop(operation, None)
            else:
                self._faults[operation] = fault
                if times is not None:
                    self._left[operation] = times

    def take(self, operation: str) -> Fault | None:
        """The fault that the next call of this operation meets. Counts it."""
        with self._lock:
            fault = self._faults.get(operation) or self._faults.get(EVERY_OPERATION)
            if fault is not None and fault.times is not None:
                self._left[fault.operation] -= 1
                if not self._left[fault.operation]:
                    del self._faults[fault.operation], self._left[fault.operation]
            return fault
