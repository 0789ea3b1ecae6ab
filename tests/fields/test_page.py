"""docs/fields.md: its example loads, says what it says, and its mistake is told as the page shows."""

import json
import re
from pathlib import Path

import pytest

from crossdock.cli import main
from crossdock.fields.reading import OF_A_FACT, OF_AN_EXCEPTION, OF_BOTH
from crossdock.registry import Registry

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fields.md"
EXAMPLE = re.search(r"```toml site/(\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
DOCUMENT = {
    "load": {"number": "L-7", "order": "SO-7001"},
    "told_at": "2026-11-20T16:00:00",
    "missing": [
        {"pos": 1, "article": "PUMP-40", "planned": 40, "loaded": 24, "unit": "pcs", "why": "NOSTOCK"}
    ],
    "trailer": "T-9",
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert EXAMPLE is not None
    file = tmp_path / EXAMPLE[1]
    file.parent.mkdir(parents=True)
    file.write_text(EXAMPLE[2], encoding="utf-8")
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path))
    (tmp_path / "report.json").write_text(json.dumps(DOCUMENT))
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(str(ended.value.code or 0)), capsys.readouterr().out


def test_the_example_of_the_page_says_what_is_missing(
    site: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = run(capsys, "fields", "say", "dock_report", str(tmp_path / "report.json"), "--json")
    fact, event = json.loads(out)["statements"]
    assert code == 0
    assert (fact["kind"], event["code"]) == ("status", "FUL.SHORT_PICK")
    assert event["title"] == "16 of 40 pcs of PUMP-40 stayed behind: nothing was there"
    assert event["occurred_at"]["value"] == "2026-11-20T16:00:00-06:00"


def test_what_the_example_does_not_read_is_told(
    site: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = run(capsys, "fields", "unread", "dock_report", str(tmp_path / "report.json"))
    assert (code, out) == (1, "/trailer  in 1 of 1\n")


@pytest.mark.parametrize("document", ["dock_reprt", "carrier_status"])
def test_what_is_no_mapping_without_code_is_told_with_what_was_meant(
    site: Path, document: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fields", "say", document, str(tmp_path / "report.json")])
    assert ended.value.code == 2


def test_the_mistake_of_the_page_is_told_as_it_shows(site: Path, tmp_path: Path) -> None:
    site.write_text(site.read_text().replace('when = "is_missing"', 'when = "is_mising"'))
    registry = Registry()
    registry.inbound_mappings()
    said = str(registry.broken()["inbound/dock_report"])
    (shown,) = re.findall(r"```text dock_report\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    assert said.removeprefix(f"{tmp_path}/") == shown


@pytest.mark.parametrize("key", [*OF_BOTH, *OF_A_FACT, *OF_AN_EXCEPTION])
def test_every_key_of_a_statement_is_on_the_page(key: str) -> None:
    table = PAGE.read_text("utf-8").split("| of a statement |")[1].split("\n\n")[0]
    assert f"`{key}`" in table
