"""``crossdock x12 inspect``: every byte is accounted for, and what is wrong is told by kind and place."""

from pathlib import Path
from typing import Any

import pytest

from crossdock.formats.x12 import Code

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
CLEAN = ROOT / "mappings/inbound/x12_855/samples/clean.edi"


def test_a_clean_file_is_shown_with_its_envelopes(crossdock: Any) -> None:
    ran = crossdock("x12", "inspect", str(CLEAN), "--json")
    assert ran.exit_code == 0
    found = ran.json
    assert found["bytes"] == found["bytes_accounted"] == CLEAN.stat().st_size
    assert found["findings"] == []
    interchange = found["interchanges"][0]
    assert interchange["sender"] == {"qualifier": "ZZ", "id": "ACMESUPPLY"}
    assert interchange["closed"]
    transaction_set = interchange["groups"][0]["transaction_sets"][0]
    assert transaction_set["set"] == "855"
    body = CLEAN.read_bytes()[transaction_set["offset"] :][: transaction_set["length"]]
    assert body.startswith(b"ST")
    assert body.count(b"~") == transaction_set["segments"]
    shown = crossdock("x12", "inspect", str(CLEAN), "--segments")
    assert "ZZ/ACMESUPPLY to ZZ/CROSSDOCK" in shown.stdout
    assert "BAK*" in shown.stdout


def test_a_finding_points_at_its_byte(crossdock: Any, tmp_path: Path) -> None:
    broken = CLEAN.read_bytes().replace(b"\nSE*", b"\nSE*9", 1)
    file = tmp_path / "broken.edi"
    file.write_bytes(broken + b"junk")
    ran = crossdock("x12", "inspect", str(file), "--json")
    assert ran.exit_code == 1
    found = {finding["code"]: finding for finding in ran.json["findings"]}
    assert found["X12.SE_COUNT"]["segment"] is not None
    junk = found["X12.JUNK_AFTER_IEA"]
    assert (broken + b"junk")[junk["offset"] :] == b"junk"
    lines = crossdock("x12", "inspect", str(file)).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "X12.SE_COUNT" in line)
    column = lines[at + 2].index("^")
    assert lines[at + 1][column : column + 2] == "SE"


def test_a_file_comes_by_standard_input(crossdock: Any) -> None:
    assert crossdock("x12", "inspect", "-", "--json", stdin=CLEAN.read_bytes()).json["segments"] > 0


@pytest.mark.parametrize("folder", ["x12", "x12-hipaa"])
def test_every_file_of_the_corpus_is_accounted_for(crossdock: Any, folder: str) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    files = [
        path
        for path in sorted((CORPUS / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".md",)
    ]
    assert files
    known = set(map(str, Code))
    for path in files:
        ran = crossdock("x12", "inspect", str(path), "--json")
        assert ran.exit_code in (0, 1), path.name
        found = ran.json
        assert found["bytes"] == found["bytes_accounted"] == path.stat().st_size, path.name
        assert {finding["code"] for finding in found["findings"]} <= known, path.name
        assert all(0 <= finding["offset"] <= found["bytes"] for finding in found["findings"]), path.name
        if ran.exit_code == 0:
            assert all(interchange["closed"] for interchange in found["interchanges"]), path.name
        else:
            assert found["findings"] or "problems" in ran.stdout, path.name
