"""What docs/conformance.md says of the kit is what the kit does."""

import inspect
import re
import tomllib
from pathlib import Path

from crossdock.testing.conformance import http_play, waivers
from crossdock.testing.conformance.check import checks
from crossdock.testing.conformance.played import rest

PAGE = (Path(__file__).parents[2] / "docs/conformance.md").read_text("utf-8")


def rows_after(heading: str) -> list[list[str]]:
    rows = re.findall(r"^\|(.+)\|$", PAGE.partition(heading)[2].partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def test_the_checks_of_the_page_are_those_that_are_asked_with_their_promises() -> None:
    said = {
        cells[0].strip("`"): cells[1] for cells in rows_after("## The checks") if cells[0].startswith("`")
    }
    assert said == {check.id: check.promise for check in checks()}


def test_the_functions_of_played_py_are_those_that_are_called() -> None:
    said = {
        cells[0].strip("`").partition("(")[0]
        for cells in rows_after("## What the kit needs")
        if "(" in cells[0]
    }
    source = inspect.getsource(http_play) + inspect.getsource(rest)
    assert said == set(re.findall(r'hasattr\(self\.own, "(\w+)"\)', source))


def test_the_file_of_the_page_is_read_as_it_stands(tmp_path: Path) -> None:
    text = PAGE.partition("```toml conformance.toml\n")[2].partition("```")[0]
    (tmp_path / waivers.FILE).write_text(text, "utf-8")
    told = waivers.read(tmp_path, tuple(check.id for check in checks()))
    assert set(told.waivers) == {"source.late_record_is_found"}
    assert set(told.played) == {
        "wrongs", "draws", "settings", "sink_settings", "request", "inquiry", "soap",
    }  # fmt: skip
    assert [one["operation"] for one in told.write_backs] == ["note"]
    assert set(tomllib.loads(text)) == {"login", "played", "write_back", "waiver"}
