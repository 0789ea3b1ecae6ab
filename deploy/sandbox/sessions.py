"""Sessions of processes, and the guard that ends them when whoever started them is gone.

Run as a script (``python -I -S sessions.py``) it is the guard: it reads ``+ID`` and ``-ID`` lines, and when its
input ends, which it does however its parent ends, it ends every session that it was told of. Standard library
only, to be up at once and small.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.05


def members(session: int) -> list[int]:
    """The living processes of a session. Children that moved to a process group of their own are still in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # the name in parentheses may hold anything, so count from behind it: state ppid pgrp session
                state, _, _, sid = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
                if int(sid) == session and state != b"Z":
                    found.append(int(entry.name))
    return found


def send(session: int, number: signal.Signals) -> None:
    for process in members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def end(sessions: set[int], patience_s: float = PATIENCE_S) -> None:
    """Ask everything in these sessions to end; after a while, or when it was asked with no patience, kill it."""
    if patience_s > 0:
        for session in sessions:
            send(session, signal.SIGTERM)
    until = time.monotonic() + patience_s
    while left := {session for session in sessions if members(session)}:
        if time.monotonic() >= until:
            for session in left:
                send(session, signal.SIGKILL)
        time.sleep(_LOOK_AGAIN_S)


def guard() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told: set[int] = set()
    for line in sys.stdin:
        session = int(line[1:])
        if line.startswith("+"):
            told.add(session)
        else:
            told.discard(session)
    end(told)


if __name__ == "__main__":
    guard()
