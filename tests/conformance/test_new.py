"""What ``crossdock connector new`` writes passes the kit as it is; and a mapping that is wrong is found behind it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from crossdock.kit import scaffold
from crossdock.registry import SITE
from crossdock.testing.conformance.case import Case, Fleet
from crossdock.testing.conformance.check import Failed, NotApplicable, Ok, checks
from crossdock.testing.conformance.run import conform, look

TODAY = date(2026, 11, 22)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site's own folder."""
    monkeypatch.setenv(SITE, str(tmp_path))
    return tmp_path


@pytest.fixture
def case_of() -> Iterator[Callable[[str], Case]]:
    opened: list[Case] = []

    def make(name: str) -> Case:
        opened.append(Fleet().case(name, today=TODAY))
        return opened[-1]

    yield make
    for case in opened:
        case.close()


@pytest.mark.parametrize("wire", scaffold.wires())
def test_a_new_connector_passes_the_kit_at_once(wire: str, site: Path, case_of) -> None:
    scaffold.write(f"fresh_{wire}", wire, into=site)
    report = conform(case_of(f"fresh_{wire}"))
    assert not report.failed, "\n".join(f"{one.check.id}: {one.result}" for one in report.failed)
    assert report.counts["waived"] == 0
    kept = {one.check.id for one in report.findings if isinstance(one.result, Ok)}
    assert "played.its_source_is" in kept
    assert {"source.reads_everything", "webhook.signed_is_taken"} & kept


@pytest.fixture
def mapped(site: Path, case_of) -> Callable[[str], Case]:
    """A new connector whose mapping has this behind its own ``map``."""
    scaffold.write("spoilt", "rest", into=site)

    def make(code: str) -> Case:
        mapping = site / "mappings/inbound/spoilt/__init__.py"
        mapping.write_text(f"{mapping.read_text('utf-8')}\n\nwell = map\n\n\n{code}\n", "utf-8")
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(str(site)):
                del sys.modules[name]  # it was read when it was new
        return case_of("spoilt")

    return make


@pytest.mark.parametrize(
    ("id", "code", "says"),
    [
        (
            "mapping.is_total",
            "def map(document, context):\n    document['order'].upper()\n    yield from well(document, context)",
            "raise Unreadable with the place",
        ),
        (
            "mapping.says_what_is_valid",
            "from dataclasses import replace\n\n\ndef map(document, context):\n"
            "    for one in well(document, context):\n"
            "        yield replace(one, kind='no such kind') if type(one).__name__ == 'Fact' else one",
            "look at the value before it is stated",
        ),
        (
            "mapping.says_the_same_again",
            "import itertools\nfrom dataclasses import replace\n\ncount = itertools.count()\n\n\n"
            "def map(document, context):\n    for one in well(document, context):\n"
            "        yield replace(one, attributes={'number': str(next(count))}) if hasattr(one, 'attributes') "
            "else one",
            "no clock, no chance",
        ),
        (
            "mapping.points_at_the_bytes",
            "from dataclasses import replace\n\n\ndef map(document, context):\n"
            "    for one in well(document, context):\n        yield replace(one, place={'json_pointer': '/nowhere'})",
            "give the way in the document",
        ),
    ],
)
def test_a_mapping_that_is_wrong_is_found(id: str, code: str, says: str, mapped) -> None:
    result = look(mapped(code), next(one for one in checks() if one.id == id))
    assert isinstance(result, Failed), result
    assert says in result.sentence


def test_a_connector_without_a_page_or_a_readme_is_told_where_pages_are_kept(tmp_path: Path, case_of) -> None:
    shutil.copytree(Path(__file__).parent / "right" / "poll", tmp_path / "connectors" / "poll")
    the_check = next(one for one in checks() if one.id == "folder.has_a_page")

    def result() -> object:
        case = Fleet(root=tmp_path / "connectors").case("poll", today=TODAY)
        try:
            return look(case, the_check)
        finally:
            case.close()

    assert isinstance(result(), NotApplicable)
    (tmp_path / "docs/connectors").mkdir(parents=True)
    said = result()
    assert isinstance(said, Failed)
    assert "docs/connectors/poll.md is not there" in said.sentence
    (tmp_path / "connectors/poll/README.md").write_text("# Holds\n", "utf-8")
    assert isinstance(result(), Ok)
