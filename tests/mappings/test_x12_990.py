"""The 990: the carrier's yes, no, and otherwise. The whole documents are in mappings/inbound/x12_990/samples."""

from typing import Any

import pytest

from canonical import taxonomy
from crossdock.errors import Unreadable
from mappings.inbound import x12_990
from tests.mappings.documents import LAKESIDE, LENIENT, ROADRUNNER, codes, events, facts, said_by, set_aside


def say(*body: str, action: str = "A", **more: Any) -> list[Any]:
    return said_by(x12_990, f"B1*RRFL*LD-1*20261120*{action}", *body, **{"partner": ROADRUNNER, **more})


@pytest.mark.parametrize(
    ("action", "answer", "code", "cause"),
    [
        ("A", "accepted", None, None),
        ("B", "conditional", "SHP.TENDER_COUNTER", "conditional"),
        ("C", "countered", "SHP.TENDER_COUNTER", "counter_proposal"),
        ("D", "declined", "SHP.TENDER_DECLINED", None),
        ("R", "declined", "SHP.TENDER_DECLINED", "deleted"),
    ],
)
def test_each_answer_is_a_fact_and_each_no_an_event(
    action: str, answer: str, code: str | None, cause: str | None
) -> None:
    said = say(action=action)
    (fact,) = facts(said)
    assert (fact.kind, fact.attributes["answer"]) == ("tender_answered", answer)
    assert fact.refs == [{"kind": "shipment", "value": "LD-1"}]
    assert [(event.code, event.cause) for event in events(said)] == ([(code, cause)] if code else [])


def test_a_later_yes_ends_an_earlier_no_and_a_second_no_does_not() -> None:
    (event,) = events(say(action="D"))
    opened = {"refs": event.refs, "lines": []}
    for action, ends in (("A", True), ("D", False), ("C", False)):
        (fact,) = facts(say(action=action))
        answer = {"kind": fact.kind, "refs": fact.refs, "lines": [], "attributes": fact.attributes}
        assert taxonomy.clears(taxonomy.codes()["SHP.TENDER_DECLINED"], opened, answer) is ends


def test_the_reason_and_the_words_of_the_carrier_are_kept() -> None:
    (event,) = events(say("V9*DCL*No trailer*20261120*1015****W08", "K1*Try*Thursday", action="D"))
    assert event.detail == "No trailer Try Thursday"
    assert [each["scheme"] for each in event.source_codes] == ["x12-558", "x12-641"]
    assert event.source_codes[1]["mapped"] is True


def test_a_counter_proposal_names_the_date_that_the_carrier_offers() -> None:
    (event,) = events(say("G62*69*20261125*U*0900*CT", action="C"))
    assert event.variances[0]["actual"]["value"] == "2026-11-25T09:00-06:00"


def test_our_own_no_to_others_is_a_fact_and_no_exception() -> None:
    said = say(action="D", partner=LAKESIDE, direction="out")
    assert codes(said) == []
    assert facts(said)[0].attributes["answer"] == "declined"


def test_the_letters_of_an_answer_are_read_in_their_own_list() -> None:
    """Trap 17: 558 D is a decline; 33 D is damage."""
    (event,) = events(say(action="D"))
    assert event.source_codes[0]["scheme"] == "x12-558"
    assert event.code == "SHP.TENDER_DECLINED"


@pytest.mark.parametrize("action", ["Q", "N"])
def test_an_answer_that_says_nothing_sets_aside_or_is_told_by_the_partners_profile(action: str) -> None:
    with pytest.raises(Unreadable) as refused:
        say(action=action)
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    said = say(action=action, partner=LENIENT)
    assert codes(said) == ["EDI.UNMAPPED_CODE"]
    assert facts(said)[0].attributes["answer"] == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        ("N9*CN*771",),
        ("B1*RRFL**20261120*A",),
        ("B1*RRFL*LD-1*20261120",),
        ("B1*RRFL*LD-1*20261399*A",),
        ("B1*RRFL*LD-1*20261120*C", "G62*69*20261125*U*2570"),
        ("B1*RRFL*LD-1*20261120*C", "G62*69*20261125*U*0900*QQ"),
    ],
)
def test_silence_and_nonsense_are_never_taken_for_a_yes(body: tuple[str, ...]) -> None:
    set_aside(said_by, x12_990, *body, partner=ROADRUNNER)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say(action="D", release=release)) == ["SHP.TENDER_DECLINED"]
