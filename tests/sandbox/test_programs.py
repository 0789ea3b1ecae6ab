"""What the demonstration starts never outlives it, and its folder is its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crossdock.decide import Router
from deploy.sandbox import sessions
from deploy.sandbox.home import Home, InUse
from deploy.sandbox.hub_processes import own_routes
from deploy.sandbox.ports import free_ports
from deploy.sandbox.programs import Failed, Guard, Program

ROOT = Path(__file__).parents[2]

FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


def until(true: Callable[[], object]) -> None:
    """Wait for another process; it has no clock of ours."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.02)


def program(tmp_path: Path, guard: Guard, code: str) -> Program:
    return Program(
        "a program",
        [sys.executable, "-c", code],
        environment=dict(os.environ),
        log=tmp_path / "program.log",
        guard=guard,
        folder=tmp_path,
    )


def test_stopping_ends_the_children_too_also_those_in_a_group_of_their_own(tmp_path: Path) -> None:
    with Guard() as guard:
        family = program(tmp_path, guard, FAMILY).start()
        until(lambda: len(family.processes()) == 2)
        family.stop()
        assert family.processes() == []
        assert not family.alive


def test_a_program_that_does_not_listen_is_killed_when_patience_ends(tmp_path: Path) -> None:
    with Guard() as guard:
        stubborn = program(tmp_path, guard, STUBBORN).start()
        until(lambda: "up" in stubborn.log_end())
        stubborn.stop(patience_s=0.1)
        assert stubborn.processes() == []


def test_a_killed_program_starts_again(tmp_path: Path) -> None:
    with Guard() as guard:
        family = program(tmp_path, guard, FAMILY).start()
        until(lambda: len(family.processes()) == 2)
        first = family.pid
        family.kill()
        assert family.processes() == []
        family.start()
        until(lambda: len(family.processes()) == 2)
        assert family.pid != first


def test_a_program_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Guard() as guard:
        broken = program(tmp_path, guard, "raise SystemExit('the cause')").start()
        with pytest.raises(Failed, match=r"ended with status 1; (?s:.)*the cause"):
            broken.finish(30)
        with pytest.raises(Failed, match="the cause"):
            broken.require_alive()


def test_whoever_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    starter = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from deploy.sandbox.programs import Guard, Program
import os
guard = Guard()
program = Program("p", [sys.executable, "-c", {FAMILY!r}], environment=dict(os.environ),
                  log=Path({str(tmp_path)!r}) / "log", guard=guard, folder=Path({str(tmp_path)!r}))
print(program.start().pid, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE)
    assert process.stdout is not None
    session = int(process.stdout.readline())
    try:
        until(lambda: len(sessions.members(session)) == 2)
        process.send_signal(signal.SIGKILL)
        until(lambda: sessions.members(session) == [])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        sessions.end({session}, patience_s=0)


def test_two_demonstrations_never_share_a_folder(tmp_path: Path) -> None:
    first = Home.take_free(tmp_path / "demo")
    second = Home.take_free(tmp_path / "demo")
    assert (first.path.name, second.path.name) == ("demo", "demo-2")
    with pytest.raises(InUse, match="is running in"):
        Home.take(tmp_path / "demo")
    first.release()
    assert Home.take_free(tmp_path / "demo").path.name == "demo"


def test_a_folder_of_an_earlier_demonstration_is_cleared_and_any_other_is_left_alone(tmp_path: Path) -> None:
    home = Home.take(tmp_path / "demo")
    (home.path / "world").mkdir()
    (home.path / "world" / "effects.jsonl").write_text("{}")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("x")
    (home.path / "link").symlink_to(outside)
    home.release()
    again = Home.take(tmp_path / "demo")
    assert sorted(path.name for path in again.path.iterdir()) == [".crossdock-demo", ".gitignore"]
    assert (outside / "mine").exists()
    with pytest.raises(InUse, match="something else"):
        Home.take(outside)
    assert (outside / "mine").read_text() == "x"


def test_the_shell_file_names_the_hub_and_leaves_the_shell_its_home(tmp_path: Path) -> None:
    home = Home.take(tmp_path / "demo")
    path = home.write_shell(
        {"CROSSDOCK_HOME": "/a b", "AIRFLOW_CONN_X": '{"it\'s": 1}', "HOME": "/no", "TMPDIR": "/no"}
    )
    script = f'source "{path}"; printf "%s|%s|%s" "$CROSSDOCK_HOME" "$AIRFLOW_CONN_X" "$HOME"'
    told = subprocess.run(
        ["bash", "-c", script],
        env={"HOME": "/mine", "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode() == '/a b|{"it\'s": 1}|/mine'
    assert path.stat().st_mode & 0o077 == 0


def test_free_ports_differ_and_lie_where_the_system_gives_none(tmp_path: Path) -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(20_000 <= port < 32_000 for port in ports)


def test_a_hub_has_decision_tables_of_its_own_which_are_made_once(tmp_path: Path) -> None:
    packaged = {path.name: path.read_bytes() for path in (ROOT / "mappings" / "routes").glob("*.toml")}
    folder = own_routes(tmp_path / "routes")
    assert {path.name: path.read_bytes() for path in folder.glob("*.toml")} == packaged
    (folder / "main.toml").write_text("# changed by a person\n")
    assert own_routes(folder) == folder
    assert (folder / "main.toml").read_text() == "# changed by a person\n", "a start does not undo a change"
    assert (
        Router.load(own_routes(tmp_path / "another")).version == Router.load(ROOT / "mappings/routes").version
    )
