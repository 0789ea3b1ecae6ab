"""Workers as processes, cheaply: one process imports everything once and forks a worker whenever it is asked.

It is asked by lines of JSON and answers by lines of JSON: ``started``, ``stopped`` (by SIGSTOP), ``ended``.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a worker stands: it ended with a code or by a signal, it is stopped, or it still runs."""

    pid: int
    code: int | None = None
    signal: int | None = None
    stopped: bool = False

    @property
    def is_over(self) -> bool:
        return self.code is not None or self.signal is not None


class Workers:
    """Starts workers, and says what becomes of them. A context manager: at its end no worker is left."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.workers"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        )
        self._heard = b""
        self._ends: dict[int, End] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End them all."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.close()
        self._forker.wait(30)
        self._forker.stdout.close()

    def start(self, home: Path, environment: Mapping[str, str]) -> int:
        """Start a worker; its process id."""
        self._say({"home": str(home), "environment": dict(environment)})
        while not (told := self._hear(60)) or "started" not in told:
            pass
        pid = int(told["started"])
        self._ends.pop(pid, None)  # of another worker, long ago, whose number this one got
        return pid

    def know(self, modules: Sequence[str]) -> None:
        """Import these once, so that no worker has to."""
        self._say({"know": list(modules)})

    def run(self, home: Path, environment: Mapping[str, str], limit_s: float = 120.0) -> End:
        """Start a worker and wait until it ended or stands still."""
        return self.wait(self.start(home, environment), limit_s)

    def wait(self, pid: int, limit_s: float, *, stopped_too: bool = True) -> End:
        """Wait for a worker, at most so long."""
        until = time.monotonic() + limit_s
        while True:
            end = self._ends.get(pid)
            if end is not None and (end.is_over or (stopped_too and end.stopped)):
                return end
            left = until - time.monotonic()
            if left <= 0:
                return End(pid=pid)
            self._hear(left)

    def resume(self, pid: int) -> None:
        """SIGCONT."""
        self._ends.pop(pid, None)
        os.kill(pid, signal.SIGCONT)

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _say(self, what: Any) -> None:
        assert self._forker.stdin is not None
        self._forker.stdin.write(json.dumps(what).encode() + b"\n")
        self._forker.stdin.flush()

    def _hear(self, limit_s: float) -> dict[str, Any]:
        assert self._forker.stdout is not None
        descriptor = self._forker.stdout.fileno()
        if b"\n" not in self._heard:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, limit_s))
            if not readable:
                return {}
            piece = os.read(descriptor, 65536)
            if not piece:
                raise RuntimeError("the process that forks the workers died; see what it wrote")
            self._heard += piece
            if b"\n" not in self._heard:
                return {}
        line, _, self._heard = self._heard.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        if "pid" in told:
            self._ends[told["pid"]] = End(**told)
        return told


def _fork_workers() -> None:
    """What the forking process does until nobody talks to it any more."""
    from tests.chaos import worker

    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    living: set[int] = set()

    def tell(what: Any) -> None:
        os.write(1, json.dumps(what).encode() + b"\n")

    heard = b""
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
            while living:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
                if pid == 0:
                    break
                if os.WIFSTOPPED(status):
                    tell({"pid": pid, "stopped": True})
                    continue
                living.discard(pid)
                if os.WIFSIGNALED(status):
                    tell({"pid": pid, "signal": os.WTERMSIG(status)})
                else:
                    tell({"pid": pid, "code": os.WEXITSTATUS(status)})
        if 0 in readable:
            piece = os.read(0, 65536)
            if not piece:
                break
            heard += piece
            while b"\n" in heard:
                line, _, heard = heard.partition(b"\n")
                order = json.loads(line)
                if "know" in order:
                    for module in order["know"]:
                        with contextlib.suppress(
                            ImportError
                        ):  # a connector of that day, by a name of its own
                            importlib.import_module(module)
                    continue
                pid = os.fork()
                if pid == 0:
                    _be_a_worker(worker, order)
                living.add(pid)
                tell({"started": pid})
    for pid in living:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _be_a_worker(worker: Any, order: Mapping[str, Any]) -> None:
    """Never returns: a fork must not go on with what its parent was about to do."""
    code = 71
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 0)
        os.dup2(quiet, 1)
        os.environ.update(order["environment"])
        code = worker.main(Path(order["home"]))
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _fork_workers()
