"""The 999: what a 997 says, by the partner's own guide too, and with its context. Whole documents are samples."""

from functools import partial
from pathlib import Path

import pytest

from crossdock.errors import Unreadable
from mappings.inbound import x12_997, x12_999
from tests.mappings.documents import ACME, context, events, said_by, sealed, sets_in

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "x12" / "999"

say = partial(said_by, x12_999, partner=ACME, release="005010X231A1")


def test_the_same_verdicts_are_the_same_facts_in_both_acknowledgements() -> None:
    nine = say("AK1*PO*101*005010", "AK2*850*0001*005010", "IK5*A", "AK9*A*1*1*1")
    seven = said_by(x12_997, "AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1", partner=ACME)
    assert [each.refs for each in nine] == [each.refs for each in seven]
    assert [each.attributes for each in nine] == [each.attributes for each in seven]


def test_an_error_is_told_by_repetition_and_with_its_context() -> None:
    (event,) = events(say(
        "AK1*PO*101", "AK2*850*0001", "IK3*PO1*5*PO1*8", "CTX*PO101>2", "IK4*3*355*2",
        "CTX*SITUATIONAL TRIGGER*PO1*5*PO1*2*330", "IK4*7>1>2*234*6*PUMP", "IK5*R*5", "AK9*P*1*1*0",
    ))  # fmt: skip
    errors = event.ext["errors"]
    assert errors["path"][1:] == ["AK2[1]/IK3[1]/IK4[1]", "AK2[1]/IK3[1]/IK4[2]"]
    assert (errors["component"][2], errors["repetition"][2]) == ("1", "2")
    assert errors["context"] == ["PO101 2", "SITUATIONAL TRIGGER: PO1 at segment 5, element 2", None]
    assert event.detail is not None
    assert "element 7 component 1 repetition 2 (234): holds a character" in event.detail
    assert "(SITUATIONAL TRIGGER: PO1 at segment 5, element 2)" in event.detail
    assert event.place["x12"]["path"] == "AK2[1]/IK5"


def test_what_only_the_partners_guide_forbids_is_told_as_that() -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0001", "IK3*DTM*4**I8", "IK5*R*I5", "AK9*P*1*1*0"))
    assert event.code == "EDI.TRANSACTION_REJECTED"
    assert event.source_codes[1:] == [
        {"scheme": "x12-618", "code": "I5", "text": "segments break the partner's guide", "mapped": True},
        {
            "scheme": "x12-620",
            "code": "I8",
            "text": "comes less often than the partner's guide wants",
            "mapped": True,
        },
    ]


def test_a_code_that_means_one_thing_in_a_997_is_not_taken_from_the_list_of_the_999() -> None:
    """618 and 718, 620 and 720, 621 and 723 are six lists: the key is the element and the code."""
    (event,) = events(
        say("AK1*PO*101", "AK2*850*0001", "IK3*N1*4**8", "IK4*2*93*12", "IK5*R*19", "AK9*P*1*1*0")
    )
    assert [each["scheme"] for each in event.source_codes] == ["x12-717", "x12-618", "x12-620", "x12-621"]


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("CTX*CLM01>123456789", "CLM01 123456789"),
        (
            "CTX*SITUATIONAL TRIGGER*CLM*43**5>3",
            "SITUATIONAL TRIGGER: CLM at segment 43, element 5, component 3",
        ),
        ("CTX*SITUATIONAL TRIGGER^SITUATIONAL TRIGGER>2*CLM*43", "SITUATIONAL TRIGGER: CLM at segment 43"),
        ("CTX**REF", ": REF at segment ?"),
        ("CTX", None),
    ],
)
def test_a_context_is_told_as_far_as_it_says_something(context: str, said: str | None) -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0001", "IK3*REF*57**3", context, "IK5*R*5", "AK9*P*1*1*0"))
    assert event.ext["errors"].get("context") == ([said] if said else None)


@pytest.mark.parametrize(
    "body",
    [
        ("AK9*A*1*1*1",),
        ("AK1*PO*101", "AK2*850*0001", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "IK4*1*1*1", "IK5*R", "AK9*A*1*1*1"),
        ("AK1*PO*101", "CTX*PO101>1", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "IK5", "AK9*A*1*1*1"),
    ],
)
def test_an_answer_whose_verdicts_cannot_be_told_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.code == "EDI.MAP_FAILURE"
    assert refused.value.place.segment is not None


def test_every_999_of_the_corpus_is_mapped_or_set_aside_and_never_a_crash() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    mapped = contexts = 0
    for path in sorted(CORPUS.iterdir()):
        for item in sets_in(path.read_bytes()):
            if item.set_id != "999":
                continue
            try:
                said = list(x12_999.map(item, context(None)))
            except Unreadable as error:
                assert error.remedy, path.name
                continue
            mapped += 1
            for statement in said:
                sealed(statement)
            contexts += sum("context" in event.ext.get("errors", {}) for event in events(said))
    assert mapped >= 8
    assert contexts >= 2
