"""The 944: what a warehouse received. The whole documents are in mappings/inbound/x12_944/samples."""

from functools import partial

import pytest

from mappings.inbound import x12_944
from tests.mappings.documents import (
    LENIENT,
    NORTHSTAR,
    codes,
    events,
    facts,
    good_sets,
    group_of,
    problems,
    said_by,
    set_aside,
)

say = partial(said_by, x12_944, partner=NORTHSTAR)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_944), release) == []
    assert group_of("944", release) == "RE"


HEAD = "W17*F*20261122*WR-1*TR-1*SHIP-1"


def test_a_receipt_answers_the_depositors_transfer() -> None:
    fact, *rest = say(HEAD, "W07*100*EA**VN*PUMP-40***LOT-1", "N9*LI*1", "W14*100*100")
    assert rest == []
    assert fact.kind == "received"
    assert fact.refs == [
        {"kind": "warehouse_receipt", "value": "TR-1", "issuer": "main"},
        {"kind": "receipt", "value": "WR-1", "issuer": "northstar_3pl"},
        {"kind": "shipment", "value": "SHIP-1"},
    ]
    assert fact.lines[0]["affected"]["value"] == "100"
    assert fact.lines[0]["item_ids"][1]["kind"] == "lot"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("01", "RCV.DAMAGED"),
        ("02", "RCV.SHORT"),
        ("03", "RCV.OVER"),
        ("04", "RCV.QUALITY"),
        ("05", "RCV.WRONG_ITEM"),
        ("08", "RCV.REJECTED"),
        ("09", "RCV.QUALITY"),
        ("10", "RCV.REJECTED"),
        ("13", "RCV.NO_ASN"),
    ],
)
def test_each_condition_is_a_trouble_of_its_line(condition: str, code: str) -> None:
    (event,) = events(say(HEAD, "W07*90*EA**VN*A", "N9*LI*7", f"W13*10*EA*{condition}"))
    assert event.code == code
    assert event.lines[0]["line_ref"] == "7"
    assert event.lines[0]["affected"]["value"] == "10"
    assert event.refs[0]["kind"] == "warehouse_receipt"


def test_good_goods_are_no_exception_whatever_stands_beside_them() -> None:
    assert events(say(HEAD, "W07*90*EA**VN*A", "W13*90*EA*07**WC")) == []


def test_damage_says_why() -> None:
    (event,) = events(say(HEAD, "W07*90*EA**VN*A", "W13*4*EA*01**WC"))
    assert (event.code, event.cause) == ("RCV.DAMAGED", "wet")
    assert [code["scheme"] for code in event.source_codes] == ["x12-412", "x12-853"]


def test_totals_that_no_line_explains_are_left_to_those_who_know_what_was_announced() -> None:
    def unexplained(*segments: str) -> str | None:
        fact, *_ = say(*segments)
        return fact.attributes.get("totals_unexplained")

    assert unexplained("W17*X*20261122*WR-1*TR-1", "W14*90*100") == "-10"
    assert unexplained(HEAD, "W07*90*EA**VN*A", "W13*10*EA*02", "W14*90*100") is None
    assert unexplained(HEAD, "W14*110*100*4") == "10"
    assert unexplained(HEAD, "W14*100*100") is None
    assert unexplained(HEAD, "W14*90") is None


def test_the_totals_speak_of_damage_only_where_no_line_has() -> None:
    assert codes(say("W17*X*20261122*WR-1*TR-1", "W14*90*100")) == []
    assert codes(say(HEAD, "W07*90*EA**VN*A", "W13*10*EA*02", "W14*90*100")) == ["RCV.SHORT"]
    assert codes(say(HEAD, "W14*110*100*4")) == ["RCV.DAMAGED"]
    assert codes(say(HEAD, "W07*96*EA**VN*A", "W13*4*EA*09", "W14*100*100*4")) == ["RCV.QUALITY"]


# ── trap 14 ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("received", "code"), [("5", "2"), ("-5", "2"), ("-5", "")])
def test_a_reversal_is_applied_once_however_it_is_said(received: str, code: str) -> None:
    fact, *rest = say(HEAD, f"W07*{received}*EA**VN*A****{code}", "W13*5*EA*01**LS")
    assert fact.lines[0]["affected"]["value"] == "-5"
    assert rest == [], "what is taken back has no troubles"


# ── trap 5, as in the 945 ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("report", "silence"), [("N", "complete"), ("X", "complete"), ("F", "unaccounted")])
def test_what_is_not_listed_has_a_meaning(report: str, silence: str) -> None:
    (fact,) = say(f"W17*{report}*20261122*WR-1*TR-1")
    assert fact.attributes["silence"] == silence
    assert fact.attributes.get("complete") == ("true" if report == "N" else None)


def test_it_is_sent_in_the_group_re() -> None:
    assert group_of("944", "005010") == "RE"


def test_a_lenient_partners_unknown_condition_is_told() -> None:
    (event,) = events(say(HEAD, "W07*90*EA**VN*A", "W13*4*EA*77", partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"
    assert len(facts(say(HEAD, partner=LENIENT))) == 1


@pytest.mark.parametrize(
    "body",
    [
        ("W17*F*20261122",),
        ("W17**20261122*WR-1",),
        ("W14*0",),
        ("W17*F*20261322*WR-1",),
        (HEAD, "W07*x*EA**VN*A"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA*77"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA*01**77"),
        (HEAD, "W14*-1"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
