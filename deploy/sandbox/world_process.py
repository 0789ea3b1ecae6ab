"""The trading world as a process of its own, so that a hub can die beside it and it keeps its books."""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from deploy.sandbox.hub_processes import ROOT
from deploy.sandbox.programs import Failed, Guard, Program
from deploy.sandbox.world import ADDRESSES

UP_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.02


class WorldProcess:
    """A world in ``home``: started, stopped, killed, and started again with the same addresses and books."""

    def __init__(self, home: Path, guard: Guard, *, log: Path | None = None) -> None:
        self.home = home.resolve()
        self._program = Program(
            "world",
            [sys.executable, "-m", "deploy.sandbox.world", "--home", str(self.home)],
            environment={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            log=log or self.home / "world.log",
            guard=guard,
            folder=ROOT,
        )

    def __enter__(self) -> Self:
        self.start()
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._program.start()

    def wait_until_ready(self) -> dict[str, Any]:
        """The content of ``world.json`` once this very process has written it."""
        until = time.monotonic() + UP_S
        while time.monotonic() < until:
            self._program.require_alive()
            with contextlib.suppress(FileNotFoundError):
                told: dict[str, Any] = json.loads((self.home / ADDRESSES).read_bytes())
                if told["pid"] == self._program.pid:
                    return told
            time.sleep(_LOOK_AGAIN_S)
        raise Failed(f"the sandbox is not up after {UP_S:.0f} s; see {self._program.log}")

    def stop(self) -> None:
        self._program.stop()

    def kill(self) -> None:
        self._program.kill()

    def keep_up(self) -> None:
        """Start it again if it died: its addresses and books are what they were."""
        if not self._program.alive:
            self.kill()
            self.start()
            self.wait_until_ready()
