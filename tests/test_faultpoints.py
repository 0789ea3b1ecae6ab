"""Fault points stand beside every boundary of a transaction, do nothing by themselves, and say each kind of death."""

import ast
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossdock import faultpoints
from crossdock.faultpoints import KINDS, POINTS, InjectedFault, faultpoint
from crossdock.store.engine import NoRoom

ROOT = Path(__file__).resolve().parents[1]

ELSEWHERE = {
    ("crossdock/process.py", "_in_transaction"): ("process.before_commit", "process.before_overdue"),
}
"""Boundaries whose points stand in what they call: the statements that they are given."""

THE_DOOR = {
    ("crossdock/store/engine.py", "_transaction"): "hands the connection on; whoever calls it has the point",
    ("crossdock/store/engine.py", "now"): "one question, nothing written",
    ("crossdock/store/engine.py", "require_current"): "one question, nothing written",
    ("crossdock/store/embedded.py", "ensure_database"): "CREATE DATABASE is whole or not; again is free",
    ("crossdock/store/guards.py", "ensure_role"): "a savepoint of the upgrade, which has its points",
}
"""What opens a connection and needs no point of its own, with the reason."""

OPENS = ("transaction", "begin", "connect", "_connect", "begin_nested")


class Boundary:
    """A ``with`` statement (or a bare call) that ends a transaction."""

    def __init__(self, file: str, function: str, line: int, points: set[str]) -> None:
        self.file, self.function, self.line, self.points = file, function, line, points

    @property
    def place(self) -> tuple[str, str]:
        return self.file, self.function


def _called(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name
    return ""


def _points(nodes: list[ast.stmt]) -> set[str]:
    return {
        call.args[0].value
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and _called(call) == "faultpoint"
        and isinstance(call.args[0], ast.Constant)
    }


def boundaries(source: str, file: str) -> Iterator[Boundary]:
    """Every place of a file where a transaction of the store ends, with the fault points beside it: in the body of
    the ``with``, or the statement right after it."""

    def walk(body: list[ast.stmt], function: str) -> Iterator[Boundary]:
        for place, node in enumerate(body):
            inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(node, ast.With) and any(_opens(item.context_expr, file) for item in node.items):
                yield Boundary(file, inner, node.lineno, _points([*node.body, *body[place + 1 : place + 2]]))
            for name in ("body", "orelse", "finalbody"):
                yield from walk(getattr(node, name, []), inner)
            for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                yield from walk(handler.body, inner)

    tree = ast.parse(source)
    yield from walk(tree.body, "<module>")
    for node in ast.walk(tree):
        if _called(node) == "commit":
            yield Boundary(file, "commit", node.lineno, set())  # type: ignore[attr-defined]


def _opens(expression: ast.expr, file: str) -> bool:
    name = _called(expression)
    return name == "transaction" or (file.startswith("crossdock/store/") and name in OPENS)


def all_boundaries() -> list[Boundary]:
    return [
        boundary
        for path in sorted((ROOT / "crossdock").rglob("*.py"))
        if "migrations" not in path.parts and "testing" not in path.parts
        for boundary in boundaries(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    ]


def test_every_boundary_of_a_transaction_has_a_fault_point_beside_it() -> None:
    naked = [
        f"{one.file}:{one.line} ({one.function}) ends a transaction and has no faultpoint() in it or right after it"
        for one in all_boundaries()
        if not one.points and one.place not in THE_DOOR and one.place not in ELSEWHERE
    ]
    assert not naked, "\n".join(naked)


def test_a_boundary_without_a_point_is_found() -> None:
    source = "def f(s):\n    if s:\n        with s.transaction('main') as c:\n            c.execute(1)\n"
    [naked] = boundaries(source, "crossdock/new.py")
    assert (naked.function, naked.line, naked.points) == ("f", 3, set())
    [inside] = boundaries(source + "            faultpoint('new.before_commit')\n", "crossdock/new.py")
    assert inside.points == {"new.before_commit"}
    [behind] = boundaries(source + "        faultpoint('new.after_commit')\n", "crossdock/new.py")
    assert behind.points == {"new.after_commit"}
    [by_hand] = boundaries("def f(c):\n    c.commit()\n", "crossdock/new.py")
    assert by_hand.points == set()


def test_what_is_excused_is_there_and_has_its_reason() -> None:
    found = {one.place for one in all_boundaries()}
    assert {*THE_DOOR, *ELSEWHERE} <= found, "an excuse for a boundary that is gone"
    assert all(THE_DOOR.values())
    assert {point for points in ELSEWHERE.values() for point in points} <= set(POINTS)


def test_every_point_that_is_named_stands_somewhere_and_every_one_that_stands_is_named() -> None:
    standing = [
        point
        for path in sorted((ROOT / "crossdock").rglob("*.py"))
        for point in _points(ast.parse(path.read_text("utf-8")).body)
    ]
    assert set(standing) == set(POINTS)
    assert len(POINTS) == len(set(POINTS))
    assert all(".before_" in point or ".after_" in point for point in POINTS)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faultpoints, "_seen", {})


def test_a_point_does_nothing_until_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSSDOCK_FAULT", raising=False)
    for point in POINTS:
        faultpoint(point)
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_call:raise:2")
    faultpoint("deliver.after_record")
    faultpoint("deliver.after_call")
    with pytest.raises(InjectedFault):
        faultpoint("deliver.after_call")
    faultpoint("deliver.after_call")


def test_a_full_disk_is_the_database_s_error_in_a_transaction_and_the_system_s_outside(
    monkeypatch: pytest.MonkeyPatch, store
) -> None:
    monkeypatch.setenv("CROSSDOCK_FAULT", "receive.before_commit:disk_full:1")
    with pytest.raises(NoRoom, match="No space left on device"), store.transaction("main"):
        faultpoint("receive.before_commit")
    monkeypatch.setenv("CROSSDOCK_FAULT", "receive.after_commit:disk_full:1")
    with pytest.raises(OSError) as caught:
        faultpoint("receive.after_commit")
    assert caught.value.errno == errno.ENOSPC


def test_kill_ends_the_process_and_hang_holds_it_until_it_is_continued() -> None:
    program = [
        sys.executable,
        "-c",
        "from crossdock.faultpoints import faultpoint as f; f('hub.after_start')",
    ]
    killed = subprocess.run(
        program, env={**os.environ, "CROSSDOCK_FAULT": "hub.after_start:kill:1"}, cwd=ROOT
    )
    assert killed.returncode == -signal.SIGKILL
    with subprocess.Popen(
        program, env={**os.environ, "CROSSDOCK_FAULT": "hub.after_start:hang:1"}, cwd=ROOT
    ) as hung:
        _, status = os.waitpid(hung.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        hung.send_signal(signal.SIGCONT)
    assert hung.returncode == 0


def test_a_kind_that_nobody_knows_is_no_silent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSDOCK_FAULT", "hub.after_start:explode:1")
    with pytest.raises(ValueError, match="explode"):
        faultpoint("hub.after_start")
    assert "explode" not in KINDS
