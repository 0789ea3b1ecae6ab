"""The runbook says what the taxonomy says, and every anchor leads somewhere."""

from pathlib import Path

from canonical.runbook import runbook
from canonical.taxonomy import codes

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def test_the_runbook_is_what_the_taxonomy_gives():
    written = "".join(f"{line}\n" for line in runbook())
    assert RUNBOOK.read_text("utf-8") == written, "run: python -m canonical.runbook > docs/runbook.md"


def test_every_code_leads_to_its_place_in_the_runbook():
    text = RUNBOOK.read_text("utf-8")
    for code in codes().values():
        assert f'<a id="{code.runbook.partition("#")[2]}"></a>' in text, code.code
