"""docs/events.md tells consumers what is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from canonical.events import Fact
from canonical.taxonomy import FACT_KINDS, codes, families

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "events.md"


def test_every_code_is_in_the_reference_as_the_taxonomy_has_it():
    rows = {
        cells[1].strip("` "): [cell.strip() for cell in cells[2:6]]
        for cells in (line.split("|") for line in REFERENCE.read_text("utf-8").splitlines())
        if len(cells) == 8 and cells[1].startswith(" `") and "." in cells[1]
    }
    assert rows == {
        code.code: [code.meaning, code.severity, code.queue, code.autonomy] for code in codes().values()
    }


def test_every_family_is_in_the_reference():
    text = REFERENCE.read_text("utf-8")
    for family, name in families().items():
        assert f"{family} {name.lower()}" in text


def test_every_kind_of_fact_is_in_the_reference_and_in_the_docstring_of_a_fact():
    kinds = re.findall(r"^\| `([a-z_]+)` \|", REFERENCE.read_text("utf-8").split("## Facts")[1], re.M)
    assert tuple(kinds) == FACT_KINDS
    assert tuple(re.findall(r"^ *\* ``([a-z_]+)``:", Fact.__doc__ or "", re.M)) == FACT_KINDS


def test_the_program_in_the_reference_runs():
    (program,) = re.findall(r"```python\n(.*?)```", REFERENCE.read_text("utf-8"), re.S)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "INV.BACKORDER supplier_po/4500123456/line/2\n"


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`(canonical/[^`<>]+)`", REFERENCE.read_text("utf-8"))))
)
def test_what_the_reference_points_to_is_there(path):
    assert (ROOT / path).exists()
