"""The fault matrix is true: every row names tests, every name is a test that is collected."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "fault-matrix.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")

SECTIONS = {
    "Processes, hosts, the store": 27,
    "The network, and the other side": 20,
    "Files and messages": 25,
    "Limits": 8,
}
"""How many rows each part of the matrix has at least: a row that is taken away is seen."""


def rows() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Section, fault, and the tests that are named."""
    found, section = [], ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith(("| fault", "| limit", "|---")):
            fault, _, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            found.append((section, fault.strip(), NAMED.findall(tests)))
    return found


@cache
def collected(file: str) -> frozenset[str]:
    """The tests that pytest takes from a file."""
    path = TESTS / file
    if not path.name.startswith("test_") or not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_no_row_is_without_a_test() -> None:
    bare = [fault for _, fault, tests in rows() if not tests]
    assert not bare, f"these rows name no test: {bare}"


def test_no_fault_stands_outside_of_the_tables() -> None:
    sections = [line[3:] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert sections == list(SECTIONS)


def test_every_test_that_is_named_is_there() -> None:
    stale = [
        f"{fault}: {file}::{name}"
        for _, fault, tests in rows()
        for file, name in tests
        if name not in collected(file)
    ]
    assert not stale, "\n".join(stale)


@pytest.mark.parametrize("section", SECTIONS)
def test_no_row_was_taken_away(section: str) -> None:
    count = sum(1 for of, _, _ in rows() if of == section)
    assert count >= SECTIONS[section], f"{section} has {count} rows"


def test_a_name_that_is_none_would_be_seen() -> None:
    assert "test_no_such_thing" not in collected("test_fault_matrix.py")
    assert collected("no_such_file.py") == frozenset()
    assert "test_no_row_is_without_a_test" in collected("test_fault_matrix.py")
