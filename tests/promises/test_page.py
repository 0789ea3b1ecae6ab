"""``docs/promises.md`` names every promise, every checker and a test that is there."""

import ast
import re
from pathlib import Path

import pytest

from crossdock.promises import PROMISES
from crossdock.promises.verify import checkers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/promises.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (P\d+): [^\n]+\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_promise_is_on_the_page_and_no_other():
    assert list(SECTIONS) == list(PROMISES) == [f"P{number}" for number in range(1, 26)]


@pytest.mark.parametrize("number", PROMISES)
def test_a_promise_names_its_checkers(number):
    (line,) = re.findall(r"^\* Asked of a store: (.+)$", SECTIONS[number], re.MULTILINE)
    assert re.findall(r"`(\w+)`", line) == [name for name, _ in checkers(number)]
    assert checkers(number), "a promise that nobody asks about is a wish"


@pytest.mark.parametrize("number", PROMISES)
def test_the_main_test_of_a_promise_is_there(number):
    ((file, test),) = re.findall(r"^\* Main test: `([\w/.]+)::(\w+)`$", SECTIONS[number], re.MULTILINE)
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert test in functions


def test_what_is_not_promised_is_said():
    said = PAGE.partition("## What is not promised")[2].partition("## The promises")[0]
    for words in (
        "neither key nor read-back",
        "global order",
        "No duplicate among emitted events",
        "disk that lies",
    ):
        assert words in said
