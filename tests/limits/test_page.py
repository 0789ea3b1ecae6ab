"""``docs/limits.md`` shows every limit with its default, and a limit can be changed by its name."""

import re
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured
from crossdock.limits import LIMITS, VARIABLE, limit

PAGE = (Path(__file__).parents[2] / "docs/limits.md").read_text("utf-8")


def test_the_page_shows_every_limit_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([^|]+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(one.name, str(one.default), one.unit, one.over) for one in LIMITS.values()]


def test_every_limit_is_asked_for_by_somebody():
    text = "".join(
        path.read_text("utf-8") for path in (Path(__file__).parents[2] / "crossdock").rglob("*.py")
    )
    unused = [
        name for name in LIMITS if not re.search(rf'"{name}"[^=]*', text.replace(f'Limit(name="{name}"', ""))
    ]
    assert unused == []


def test_a_limit_is_changed_by_its_name(monkeypatch):
    monkeypatch.setenv(VARIABLE, "json_depth=80, x12_segments=400000")
    assert (limit("json_depth"), limit("x12_segments"), limit("xml_depth")) == (80, 400_000, 64)


@pytest.mark.parametrize(
    "text", ["json_deep=80", "json_depth", "json_depth=0", "json_depth=many", "json_depth=-1"]
)
def test_a_limit_that_is_none_is_said(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(Misconfigured, match=r"docs/limits\.md"):
        limit("json_depth")
