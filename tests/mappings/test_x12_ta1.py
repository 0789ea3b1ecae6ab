"""The TA1: whether a partner could open the envelope of what we sent. Whole documents are in the samples."""

from pathlib import Path
from typing import Any

import pytest

from canonical import crosswalks
from canonical.events import ExceptionEvent
from crossdock.errors import Unreadable
from crossdock.formats.x12 import Acknowledgement, read
from crossdock.partners import Partner
from mappings.inbound import x12_ta1
from tests.mappings.documents import ACME, LENIENT, context, sealed

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "x12" / "TA1"


def say(ta1: str, partner: Partner | None = ACME) -> list[Any]:
    text = (
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*1402*U*00401*000000901*0*P*>~"
        f"TA1*{ta1}~IEA*0*000000901~"
    )
    (found,) = [item for item in read(text.encode()) if isinstance(item, Acknowledgement)]
    said = list(x12_ta1.map(found, context(partner)))
    for statement in said:
        sealed(statement)
    return said


def event(ta1: str) -> ExceptionEvent:
    _, found = say(ta1)
    assert isinstance(found, ExceptionEvent)
    return found


def test_an_accepted_interchange_is_a_fact_and_troubles_nobody() -> None:
    (fact,) = say("000000501*261120*1355*A*000")
    assert fact.refs == [{"kind": "interchange", "value": "000000501", "issuer": "main:acme_supply"}]
    assert (fact.attributes["accepted"], fact.attributes["acknowledgement"]) == ("true", "A")
    assert fact.occurred_at["value"] == "2026-11-20T14:02-06:00"


def test_each_note_of_a_rejection_is_a_rejected_interchange_but_that_of_a_duplicate() -> None:
    for code in crosswalks.lists()["x12-I18"].rows:
        found = event(f"000000501*261120*1355*R*{code}")
        wanted = "EDI.DUPLICATE_CONTROL" if code == "025" else "EDI.INTERCHANGE_REJECTED"
        assert found.code == wanted, code
        assert found.detail is not None
        assert crosswalks.lists()["x12-I18"].rows[code].text in found.detail


def test_a_note_beside_an_acceptance_explains_and_decides_nothing() -> None:
    assert len(say("000000501*261120*1355*A*025")) == 1
    assert event("000000501*261120*1355*E*025").code == "EDI.ACCEPTED_WITH_ERRORS"


def test_a_number_without_its_zeros_is_the_same_interchange() -> None:
    assert say("501*261120*1355*A*000")[0].refs == say("000000501*261120*1355*A*000")[0].refs


@pytest.mark.parametrize("ta1", ["000000501*261120*1355*R*999", "000000501*261120*1355*R*", "000000501***R"])
def test_a_rejection_is_never_lost_because_its_note_is_unknown_or_missing(ta1: str) -> None:
    assert event(ta1).code == "EDI.INTERCHANGE_REJECTED"


@pytest.mark.parametrize(
    ("ta1", "element"),
    [
        ("*261120*1355*R*018", 1),
        ("ABC\x07*261120*1355*R*018", 1),
        ("9" * 40 + "*261120*1355*R*018", 1),
        ("000000501*261120*1355**000", 4),
    ],
)
def test_an_answer_that_says_nothing_is_set_aside_with_its_place(ta1: str, element: int) -> None:
    with pytest.raises(Unreadable) as refused:
        say(ta1)
    assert (refused.value.place.segment_id, refused.value.place.element) == ("TA1", element)
    assert refused.value.place.byte == 106
    assert refused.value.remedy


def test_a_verdict_that_nobody_knows_is_set_aside_and_a_lenient_partners_is_no_yes() -> None:
    with pytest.raises(Unreadable) as refused:
        say("000000501*261120*1355*Q*000")
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    fact, found = say("000000501*261120*1355*Q*000", LENIENT)
    assert (fact.attributes["accepted"], found.code) == ("false", "EDI.UNMAPPED_CODE")


def test_every_ta1_of_the_corpus_is_mapped_or_set_aside_and_never_a_crash() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    mapped = 0
    for path in sorted(CORPUS.parent.glob("*/*.edi")):
        for item in read(path.read_bytes()):
            if not isinstance(item, Acknowledgement):
                continue
            try:
                for statement in x12_ta1.map(item, context(None)):
                    sealed(statement)
            except Unreadable as error:
                assert error.remedy, path.name
                continue
            mapped += 1
    assert mapped >= 4
