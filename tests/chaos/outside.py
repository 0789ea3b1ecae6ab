"""Faults from outside of the program: ``python -m tests.chaos.outside [--only NAME]``.

Exit code 0: every promise held; 1: one did not; 4: something that this needs is not here (strace, root, libfaketime),
and what it would have tried was not tried.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from crossdock.store.embedded import EmbeddedServer
from tests.chaos import promises
from tests.chaos.sweep import Day, own_databases
from tests.chaos.worker import LONG_S, move
from tests.chaos.workers import Workers
from tests.chaos.world import ROOT

NOT_HERE: Final = 4
RESTARTS: Final = 12


class NotHere(Exception):
    """Something that this fault needs is not on this machine."""


class Ground:
    """A database server of its own, on a disk of its own when asked, and days on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = EmbeddedServer.start(home / "hub")
        self._new, self._drop = own_databases(self.server)
        self._at = datetime.now(UTC).replace(microsecond=0)
        self.workers = Workers()
        self._quiet: promises.Outcome | None = None

    def close(self) -> None:
        self.workers.close()
        self.server.close()

    @contextmanager
    def day(self) -> Iterator[Day]:
        with Day(self._new(), self._drop, 1, True, self._at) as day:
            yield day

    def judged(self, day: Day, limit_s: float = 180.0) -> list[str]:
        """Run the day to its end, without faults, and say what does not hold."""
        for _ in range(RESTARTS):
            self.server.revive()
            move(day.home / "later", LONG_S)
            end = self.workers.run(day.home, day.environment, limit_s)
            if end.code == 0:
                found = promises.broken(day.store, day.world)
                return found + promises.outcome(day.store, day.world).differs_from(self.quiet())
            self.workers.kill(end.pid)
        return [f"P13: it does not come to rest: {day.errors()}"]

    def quiet(self) -> promises.Outcome:
        if self._quiet is None:
            with self.day() as day:
                end = self.workers.run(day.home, day.environment)
                assert end.code == 0, f"a quiet day does not end: {end}; {day.errors()}"
                self._quiet = promises.outcome(day.store, day.world)
        return self._quiet


def database_killed(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """PostgreSQL is killed with ``kill -9`` again and again while a day runs."""
    for round_ in range(3):
        dice = random.Random(round_)
        with ground.day() as day:
            kills = 0
            pid = ground.workers.start(day.home, day.environment)
            for _ in range(4):
                end = ground.workers.wait(pid, dice.uniform(0.3, 2.5))
                if end.code == 0:
                    break
                if (server := ground.server.pid) is not None:
                    os.kill(server, signal.SIGKILL)
                    kills += 1
                time.sleep(dice.uniform(0, 1.0))
                ground.server.revive()
                if end.is_over or ground.workers.wait(pid, 0.2).is_over:
                    pid = ground.workers.start(day.home, day.environment)
            ground.workers.wait(pid, 120)
            yield f"round {round_ + 1}, killed {kills} times", ground.judged(day)


def stopped_and_continued(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """A worker stands still at any moment, past its lease; another goes on; the first one comes back."""
    for round_ in range(4):
        dice = random.Random(round_)
        with ground.day() as day:
            first = ground.workers.start(day.home, day.environment)
            ground.workers.wait(first, dice.uniform(0.3, 3.0))
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGSTOP)
            move(day.home / "later", LONG_S)
            second = ground.workers.start(day.home, day.environment)
            ground.workers.wait(second, 4.0)
            with suppress(ProcessLookupError):
                ground.workers.resume(first)
            for worker in (first, second):
                ground.workers.wait(worker, 150, stopped_too=False)
            yield f"round {round_ + 1}", ground.judged(day)


def clocks_differ(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Two workers at once whose machines' clocks are ten minutes fast and slow, and one that steps back an hour."""
    library = _libfaketime()
    for fast, slow in (("+10m", "-10m"), ("+0", "-1h")):
        with ExitStack() as stack, ground.day() as day:
            pair = [
                stack.enter_context(
                    Workers({"LD_PRELOAD": library, "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
                )
                for skew in (fast, slow)
            ]
            pids = [workers.start(day.home, day.environment) for workers in pair]
            for workers, pid in zip(pair, pids, strict=True):
                workers.wait(pid, 180)
            yield f"{fast} beside {slow}", ground.judged(day)


def _strace() -> str:
    strace = shutil.which("strace")
    if strace is None:
        raise NotHere("strace is not here; install the package strace")
    return strace


def _libfaketime() -> str:
    for place in (
        "/usr/lib/x86_64-linux-gnu/faketime",
        "/usr/lib/aarch64-linux-gnu/faketime",
        "/usr/lib/faketime",
    ):
        library = Path(place) / "libfaketime.so.1"
        if library.exists():
            return str(library)
    raise NotHere("libfaketime is not here; install the package faketime")


def disk_full(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """The disk of the database fills while a day runs, stays full for a while, and is then emptied."""
    ballast = ground.home / "ballast"
    if not ground.home.is_mount():
        raise NotHere("a full disk needs a disk of its own: run this as root, so that a tmpfs can be mounted")
    for round_, free_kib in enumerate((0, 64, 512)):
        with ground.day() as day:
            _fill(ballast, ground.home, free_kib)
            end = ground.workers.run(day.home, day.environment, 60)
            met = end.code != 0
            ground.workers.kill(end.pid)
            ballast.unlink()
            ground.server.revive()
            found = ground.judged(day)
            yield f"round {round_ + 1}, {free_kib} KiB free, {'met' if met else 'not met'}", found


def _fill(ballast: Path, folder: Path, but_kib: int) -> None:
    with ballast.open("wb", buffering=0) as file:
        left = os.statvfs(folder)
        size = left.f_bavail * left.f_frsize - but_kib * 1024
        piece = bytes(1 << 20)
        with suppress(OSError):
            while size > 0:
                size -= file.write(piece[: min(size, len(piece))])


def pool_exhausted(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Others hold every connection that the server gives."""
    with ground.day() as day, ExitStack() as stack:
        url = day.url.replace("+psycopg", "")
        held = 0
        with suppress(psycopg.OperationalError):
            for _ in range(400):
                stack.enter_context(psycopg.connect(url))
                held += 1
        began = time.monotonic()
        end = ground.workers.run(day.home, day.environment, 120)
        took = time.monotonic() - began
        late = [] if took < 100 else [f"P16: it took {took:.0f} s to say that there is no connection"]
        quiet = [] if end.code != 0 else ["the pool was not exhausted"]
        stack.pop_all().close()
        yield f"{held} connections held, said within {took:.0f} s", late + quiet + ground.judged(day)


def system_calls(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """System calls of the database and of a worker die or fail: at the commit, at the fsync, at any message."""
    strace = _strace()
    for call, what, nth in (
        ("fdatasync", "error=EIO", 5),
        ("fdatasync", "signal=KILL", 12),
        ("fdatasync", "signal=KILL", 40),
        ("pwrite64", "signal=KILL", 30),
        ("pwrite64", "error=ENOSPC", 60),
    ):
        with ground.day() as day:
            assert ground.server.pid is not None
            tracer = subprocess.Popen(
                [
                    strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                    "-e", f"inject={call}:{what}:when={nth}", "-p", str(ground.server.pid),
                ],
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(0.5)
            end = ground.workers.run(day.home, day.environment, 90)
            tracer.terminate()
            tracer.wait()
            ground.workers.kill(end.pid)
            yield f"database, {call} {what} at the {nth}th", ground.judged(day)
    for call, what, nth in (
        ("sendto", "signal=KILL", 60),
        ("sendto", "signal=KILL", 300),
        ("sendto", "signal=KILL", 700),
        ("sendto", "error=EPIPE", 200),
        ("recvfrom", "error=ECONNRESET", 250),
        ("fsync", "error=EIO", 1),
        ("fsync", "signal=KILL", 2),
    ):
        with ground.day() as day:
            subprocess.run(
                [
                    strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                    "-e", f"inject={call}:{what}:when={nth}",
                    sys.executable, "-m", "tests.chaos.worker", str(day.home),
                ],
                cwd=ROOT, env={**os.environ, **day.environment, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180, check=False,
            )  # fmt: skip
            yield f"worker, {call} {what} at the {nth}th", ground.judged(day)


FAULTS: Final[Mapping[str, Callable[[Ground], Iterator[tuple[str, list[str]]]]]] = {
    "database": database_killed,
    "stop": stopped_and_continued,
    "clock": clocks_differ,
    "disk": disk_full,
    "pool": pool_exhausted,
    "strace": system_calls,
}


NEEDS: Final[Mapping[str, Callable[[], str]]] = {"clock": _libfaketime, "strace": _strace}


@contextmanager
def ground_for(name: str) -> Iterator[Ground]:
    """A home for the database: for a disk that is to be full a small one of its own."""
    home = Path(tempfile.mkdtemp(prefix="crossdock-outside-", dir="/tmp"))
    mounted = False
    try:
        if name == "disk" and os.geteuid() == 0:
            made = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(home)],
                capture_output=True,
                check=False,
            )
            mounted = made.returncode == 0
        ground = Ground(home)
        try:
            yield ground
        finally:
            ground.close()
    finally:
        if mounted:
            for _ in range(20):
                if subprocess.run(["umount", str(home)], capture_output=True, check=False).returncode == 0:
                    break
                threading.Event().wait(0.5)
        shutil.rmtree(home, ignore_errors=True)


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.outside", description=__doc__)
    options.add_argument("--only", action="append", choices=sorted(FAULTS), default=[])
    asked = options.parse_args(arguments)
    broken, missing = 0, 0
    for name in asked.only or FAULTS:
        try:
            if name in NEEDS:
                NEEDS[name]()
            with ground_for(name) as ground:
                for what, found in FAULTS[name](ground):
                    print(f"{name}: {what}: {'BROKEN' if found else 'held'}", flush=True)
                    for sentence in found:
                        print(f"    {sentence}", flush=True)
                    broken += bool(found)
        except NotHere as error:
            print(f"{name}: NOT TRIED: {error}", flush=True)
            missing += 1
    return 1 if broken else NOT_HERE if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
