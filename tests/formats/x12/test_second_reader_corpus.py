"""Beside pyx12 on the real files of the corpus: the same segments, and no answer of ours that it complains about."""

from pathlib import Path

import pytest

from crossdock.formats import x12
from crossdock.formats.x12.second_reader import second_reading
from tests.formats.x12.corpus_answers import (
    KINDS,
    LOST_OR_LEFT_TO_US,
    WAYS,
    Answers,
    answers,
    beside,
    of_folder,
)
from tests.formats.x12.corpus_table import CORPUS, FOLDERS, Judged, files, judge

SAMPLES = Path(__file__).parent / "samples"


def _corpus(folder: str) -> list[Judged]:
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus of real files is not at {CORPUS}")
    return [judge(path) for path in files(folder)]


@pytest.fixture(scope="module", params=FOLDERS)
def answered(request: pytest.FixtureRequest) -> Answers:
    assert _corpus(request.param)
    return of_folder(CORPUS / request.param)[1]


# -- both readers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "at_least"), [("x12", 120), ("x12-hipaa", 300)])
def test_whatever_pyx12_reads_whole_has_the_same_segments(folder: str, at_least: int) -> None:
    found = beside(_corpus(folder))
    assert found.differ == []
    assert found.alike >= at_least
    assert found.alike + found.lost.total() == found.files, (
        "each file is alike, or it is said what pyx12 loses"
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_pyx12_refuses_to_read_it_refuses_by_a_bad_isa_or_a_byte_of_no_text(folder: str) -> None:
    """It reads no further, so there is nothing to compare: that is no file of which we read less."""
    refused = 0
    for one in _corpus(folder):
        body = one.body.removeprefix(b"\xef\xbb\xbf")
        try:
            second_reading(body)
        except Exception as error:
            refused += 1
            unknown = (
                "ISA",  # "First line does not begin with 'ISA'", "The ISA segment must have 16 elements", a version
                "list index out of range",
                "codec can't decode",
            )
            assert any(words in str(error) for words in unknown), f"{one.path.name}: {error}"
    assert refused


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_that_we_call_whole_is_never_one_that_pyx12_loses_some_of(folder: str) -> None:
    whole = [one for one in _corpus(folder) if one.whole]
    found = beside(whole)
    assert found.differ == []
    assert not found.lost.keys() & (LOST_OR_LEFT_TO_US - {x12.Code.INTERCHANGE_SERVICE})
    assert found.alike > 60


def test_a_reader_that_loses_a_segment_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one = judge(SAMPLES / "whole.edi")
    assert beside([one]).alike == 1
    theirs, complaints = second_reading(one.body)
    monkeypatch.setattr(
        "tests.formats.x12.corpus_answers.second_reading", lambda body: (theirs[:3] + theirs[4:], complaints)
    )
    assert beside([one]).differ == ["whole.edi"]


# -- answers --------------------------------------------------------------------------------------------------------


def test_every_interchange_is_answered_in_every_way_without_an_error(answered: Answers) -> None:
    assert answered.wrong == []
    owed = answered.interchanges - answered.unanswered
    assert owed > 200
    assert answered.written == {(kind, way): owed for kind in KINDS for way in WAYS}


def test_the_answers_say_all_that_an_answer_can_say(answered: Answers) -> None:
    """Accepted, partly accepted and refused, by set, group and interchange: none of it was left out by chance."""
    wanted = {f"{kind} {word}" for kind in ("AK5", "IK5", "TA1") for word in "AR"}
    wanted |= {f"AK9 {word}" for word in "AERP"} - ({"AK9 E"} if "AK5 E" not in answered.verdicts else set())
    assert wanted <= answered.verdicts.keys()


def test_what_acknowledges_is_not_acknowledged_and_everything_else_is() -> None:
    """The interchanges without an answer hold acknowledgements alone, or nothing that could be named."""
    acknowledging = [one for one in _corpus("x12") if _kinds(one) <= {"FA", "TA1"}]
    assert len(acknowledging) > 30
    assert answers(acknowledging).unanswered == of_folder(CORPUS / "x12")[1].unanswered


def _kinds(one: Judged) -> set[str]:
    return {
        item.group.functional_id if isinstance(item, x12.GroupEnd) else "TA1"
        for item in one.items
        if isinstance(item, x12.GroupEnd | x12.Acknowledgement)
    }


@pytest.mark.parametrize(
    "name", ["whole.edi", "two_interchanges_other_delimiters.edi", "numbers_used_twice.edi"]
)
def test_our_own_samples_are_answered_without_an_error_too(name: str) -> None:
    found = answers([judge(SAMPLES / name)])
    assert found.wrong == []
    assert found.written.total() == (found.interchanges - found.unanswered) * 8 > 0


def test_an_answer_that_pyx12_complains_about_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.formats.x12.corpus_answers.differences", lambda body: ["segment 3 is another one"]
    )
    assert any("another one" in told for told in answers([judge(SAMPLES / "whole.edi")]).wrong)
