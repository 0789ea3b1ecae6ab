"""Programs that the demonstration starts: each in a session of its own, with a log, and never left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.sandbox import sessions

_LOOK_AGAIN_S: Final = 0.05
_ORPHANS_S: Final = 2.0
_LAST_LINES_BYTES: Final = 16_384


class Failed(Exception):
    """A program did not do what it was started for. The sentence ends with the end of its log."""


class Guard:
    """Ends every program that was started, also when this process is killed and cannot."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", str(Path(sessions.__file__))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def watch(self, session: int) -> None:
        self._tell(f"+{session}\n")

    def forget(self, session: int) -> None:
        self._tell(f"-{session}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guard; we are still here ourselves
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """End what is still there, and wait until it is gone."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


class Program:
    """One program: started, asked to stop, or killed the hard way. It may be started again after either.

    Everything that it starts lives in its session and goes with it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        guard: Guard,
        folder: Path,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._guard = guard
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.watch(self._process.pid)
        return self

    @property
    def pid(self) -> int | None:
        """Of the first process, also its session; ``None`` before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[int]:
        """Every living process of this program."""
        return [] if self._process is None else sessions.members(self._process.pid)

    def require_alive(self) -> None:
        """Raise ``Failed`` with the end of the log when it ended by itself."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise Failed(f"{self.name} ended with status {status}; the end of {self.log}:\n{self.log_end()}")

    def finish(self, patience_s: float) -> None:
        """Wait for a program that ends by itself. Raises ``Failed`` when it ends badly or not in time."""
        assert self._process is not None
        try:
            status = self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} took more than {patience_s:.0f} s; see {self.log}") from None
        if status != 0:
            raise Failed(f"{self.name} ended with status {status}; the end of {self.log}:\n{self.log_end()}")
        self._guard.forget(self._process.pid)

    def ask(self) -> None:
        """Send SIGTERM to the first process, and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, patience_s: float = sessions.PATIENCE_S) -> None:
        """Ask it to end, wait, and end whatever is left of it."""
        if self._process is None:
            return
        self.ask()
        until = time.monotonic() + patience_s
        while self._process.poll() is None and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN_S)
        sessions.send(self._process.pid, signal.SIGTERM)  # what it left behind was not asked yet
        until = min(until, time.monotonic() + _ORPHANS_S)
        while sessions.members(self._process.pid) and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN_S)
        self.kill()

    def kill(self) -> None:
        """``kill -9`` for every process of it, at once."""
        if self._process is None:
            return
        sessions.end({self._process.pid}, patience_s=0)
        self._process.wait()
        self._guard.forget(self._process.pid)

    def log_end(self, lines: int = 25) -> str:
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_LINES_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        return "(it left no log)"
