"""The kit finds what is wrong: each deliberately wrong connector is failed, with one sentence that names the remedy.

``right/`` holds connectors that keep every promise; ``wrong/NAME/wrong.toml`` is what is different in one of them,
the check that must find it, and a part of the sentence that must be said.
"""

import shutil
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from crossdock.testing.conformance.case import Case, Fleet
from crossdock.testing.conformance.check import Check, Failed, checks
from crossdock.testing.conformance.run import conform, look

HERE = Path(__file__).parent
WRONG = sorted(path.parent.name for path in HERE.glob("wrong/*/wrong.toml"))
TODAY = date(2026, 11, 22)


@pytest.fixture
def opened() -> Iterator[list[Case]]:
    cases: list[Case] = []
    yield cases
    for case in cases:
        case.close()


def said_of(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"wrong/{name}/wrong.toml").read_text("utf-8"))


def made_wrong(name: str, folder: Path) -> Path:
    """The right connector with what is different in the wrong one, under its name."""
    said = said_of(name)
    shutil.copytree(HERE / "right" / said["of"], folder / name)
    for change in said["change"]:
        file = folder / name / change["file"]
        if not change["this"]:  # a file that the right one does not have
            file.write_text(change["becomes"], "utf-8")
            continue
        text = file.read_text("utf-8")
        this, becomes = change["this"], change["becomes"]
        assert text.count(this) == 1, (
            f"{change['file']} of {said['of']} holds {text.count(this)} times: {this}"
        )
        file.write_text(text.replace(this, becomes), "utf-8")
    return folder


def the_check(id: str) -> Check:
    return next(one for one in checks() if one.id == id)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_connector_is_failed_with_a_sentence_that_names_the_remedy(
    name: str, tmp_path: Path, opened: list[Case]
) -> None:
    said = said_of(name)
    case = Fleet(root=made_wrong(name, tmp_path)).case(name, today=TODAY)
    opened.append(case)
    result = look(case, the_check(said["fails"]))
    assert isinstance(result, Failed), f"{said['fails']} found nothing: {result}"
    assert said["remedy"] in result.sentence
    assert "\n" not in result.sentence
    assert len(result.sentence) < 600


@pytest.mark.parametrize("name", sorted(path.name for path in (HERE / "right").iterdir()))
def test_its_right_twin_keeps_every_promise(name: str, opened: list[Case]) -> None:
    case = Fleet(root=HERE / "right").case(name, today=TODAY)
    opened.append(case)
    report = conform(case)
    assert not report.failed, "\n".join(f"{one.check.id}: {one.result}" for one in report.failed)
    assert report.counts["ok"] > 20
    assert report.counts["waived"] == 0


def test_nearly_every_check_is_shown_to_find_something() -> None:
    """A check that no wrong connector fails is a check that may be unable to. These have a test of their own."""
    elsewhere = {one for one in UNSHOWN if one in {check.id for check in checks()}}
    assert elsewhere == set(UNSHOWN), "a check of this list is gone: take it out"
    shown = {said_of(name)["fails"] for name in WRONG}
    assert {check.id for check in checks()} - shown == set(UNSHOWN)


UNSHOWN = (
    # by test_kit.py
    "recorded.is_scrubbed",
    "recorded.is_played",
    # by test_new.py
    "folder.has_a_page",
    "mapping.is_total",
    "mapping.says_what_is_valid",
    "mapping.says_the_same_again",
    "mapping.points_at_the_bytes",
    # it is a hint
    "code.is_small",
    # they judge the wire with the connector's settings: by tests/wires/test_webhook.py and test_sftp.py
    "source.files_that_lie_are_left",
    "webhook.signed_is_taken",
    "webhook.unsigned_is_refused",
    "webhook.a_changed_body_is_refused",
    "webhook.an_old_post_is_refused",
    "webhook.a_repeat_is_known",
    "webhook.junk_is_refused",
)
