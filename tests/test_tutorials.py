"""Each tutorial is walked as a newcomer walks it: its commands, in order, in one terminal and a second one."""

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
EXECUTABLE: Final = Path(sys.executable).parent / "crossdock"
PAGES: Final = sorted((ROOT / "docs/tutorials").glob("*.md"))

_BLOCK: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT: Final = re.compile(r"\b(8975)\b")
_PATIENCE_S: Final = 120.0
_CODE: Final = "@@exited "


class Terminal:
    """A shell that is typed into, one command after another."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line)

    def run(self, command: str) -> str:
        """What this command shows; fails when it does not end well."""
        said = self._type(f"{command}\necho '{_CODE}'$?\n", until=_CODE)
        shown, _, code = said.rpartition(_CODE)
        assert code.strip() == "0", f"$ {command}\n{shown}\nexits {code}"
        return shown

    def start(self, command: str, *, until: str) -> str:
        """Type a command that does not end; what it shows up to the line with this."""
        return self._type(f"{command}\n", until=until)

    def _type(self, text: str, *, until: str) -> str:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text)
        self._shell.stdin.flush()
        shown, give_up_at = "", time.monotonic() + _PATIENCE_S
        while until not in shown:
            try:
                shown += self._lines.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"$ {text}shows no {until!r} in {_PATIENCE_S} s, but:\n{shown}"
                ) from None
        return shown

    def close(self) -> None:
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.wait(timeout=30)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def wait_until_it_listens(port: int) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < give_up_at, f"nobody listens at {port}"
        time.sleep(0.1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_newcomer_walks_it_to_its_end(page: Path, tmp_path: Path) -> None:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CROSSDOCK_", "AIRFLOW"))
    }
    environment = {**inherited, "AIRFLOW_HOME": str(tmp_path / "airflow"), "CROSSDOCK_ACTOR": "newcomer"}
    (tmp_path / ".venv").symlink_to(EXECUTABLE.parent.parent)
    port, shown, exports = free_port(), "", []
    with ExitStack() as stack:
        first = Terminal(tmp_path, environment)
        stack.callback(first.close)
        for tag, text in _BLOCK.findall(page.read_text("utf-8")):
            text = _PORT.sub(port, text)
            match tag.split():
                case ["sh"]:
                    shown = ""
                    for command in text.strip().splitlines():
                        shown += first.run(command)
                        exports += [command] if command.startswith("export ") else []
                case ["sh", "second", "terminal"]:
                    second = Terminal(tmp_path, environment)
                    stack.callback(second.close)
                    for export in exports:
                        second.run(export)
                    told = second.start(text.strip(), until="export AIRFLOW" if "play" in text else port)
                    if "serve" in text:
                        wait_until_it_listens(int(port))
                    for line in told.splitlines():
                        if line.startswith("export AIRFLOW"):
                            first.run(line)
                case ["text", "shows"]:
                    missing = [line for line in text.strip().splitlines() if line not in shown]
                    assert not missing, f"{page.name}: {missing} is not in\n{shown}"
                case ["toml" | "csv" | "json" | "python", name]:
                    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                    (tmp_path / name).write_text(text, "utf-8")
                case _:
                    raise AssertionError(f"{page.name}: nobody runs a block {tag!r}")
        shutil.rmtree(tmp_path / "site")
