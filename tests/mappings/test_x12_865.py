"""The 865: what is said to our change, and what a supplier changes by itself. Documents are in x12_865/samples."""

import dataclasses
from functools import partial

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.partners import Partner
from mappings.inbound import x12_865
from tests.mappings.documents import ACME, LAKESIDE, codes, good_sets, problems, said_by, set_aside

say = partial(said_by, x12_865, partner=ACME)


def answer(
    *body: str,
    kind: str = "AC",
    purpose: str = "00",
    partner: Partner | None = ACME,
    direction: str = "in",
) -> tuple[Fact, list[ExceptionEvent]]:
    head = f"BCA*{purpose}*{kind}*4500123456**3*20261118***SO-88121*20261122"
    fact, *events = say(head, *body, partner=partner, direction=direction)
    assert isinstance(fact, Fact)
    assert fact.kind == "change_answered", "an answer is always stated as a fact, first"
    return fact, events


def poc(code: str, quantity: str = "100") -> str:
    return f"POC*1*{code}*{quantity}*{quantity}*EA*2.5*PE*BP*VALVE-25"


def test_an_answer_names_the_order_the_change_and_the_sellers_number() -> None:
    fact, events = answer(poc("QD"), "ACK*IA*100*EA", "CTT*1")
    assert events == []
    assert fact.refs[0] == {"kind": "supplier_po", "value": "4500123456", "issuer": "main"}
    assert fact.refs[1]["value"] == "SO-88121"
    assert fact.attributes["answer"] == "accepted"
    assert fact.attributes["change_sequence"] == "3"
    assert fact.occurred_at == {"value": "2026-11-22", "precision": "date"}


# ── trap 1: what an ACK under a POC says, by the standard's list ─────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ack", "code"),
    [
        ("ACK*IE*100*EA", "PRC.PENDING"),
        ("ACK*IF*100*EA", "ORD.HOLD"),
        ("ACK*IP*100*EA", "PRC.CHANGED"),
        ("ACK*IQ*60*EA", "ORD.QTY_CHANGED"),
        ("ACK*IB*100*EA", "INV.BACKORDER"),
        ("ACK*IR*100*EA", "ORD.LINE_REJECTED"),
        ("ACK*R4*100*EA", "ORD.LINE_REJECTED"),
        ("ACK*ID*100*EA", "ORD.LINE_CANCELLED"),
        ("ACK*DR*100*EA*067*20261230", "INV.SUPPLIER_DELAY"),
        ("ACK*IS*100*EA****VP*V-26", "INV.SUBSTITUTION"),
        ("ACK*IC*100*EA", "ORD.COUNTER_OFFER"),
    ],
)
def test_an_ack_says_what_it_says_in_an_855(ack: str, code: str) -> None:
    fact, (event,) = answer(poc("RA"), ack)
    assert event.code == code
    assert event.place["x12"]["path"] == "POC[1]/ACK[1]"
    assert fact.attributes["answer"] in ("changed", "rejected")


# ── trap 6: one ACK for each schedule ────────────────────────────────────────────────────────────────────────


def test_several_acks_of_a_line_are_summed_by_what_they_mean() -> None:
    _, (event,) = answer(poc("QI"), "ACK*IA*60*EA", "ACK*IB*15*EA*067*20261204", "ACK*IB*25*EA*067*20261211")
    assert event.code == "INV.BACKORDER"
    assert event.lines[0]["affected"]["value"] == "40"


def test_what_is_not_answered_of_a_line_is_told() -> None:
    _, (event,) = answer(poc("QI"), "ACK*IA*60*EA")
    assert event.code == "ORD.QTY_UNACCOUNTED"
    assert event.variances[0].get("delta") == "-40"


# ── a change that we asked for ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "ack"),
    [
        (poc("QD"), "ACK*IQ*100*EA"),
        (poc("PC"), "ACK*IP*100*EA"),
        (poc("RS"), "ACK*DR*100*EA*067*20261204"),
        (poc("DI"), "ACK*ID*100*EA"),
        (poc("RZ"), "ACK*IC*100*EA"),
        (poc("MU"), "ACK*IQ*100*EA"),
    ],
)
def test_the_very_change_that_we_asked_for_is_confirmed_and_no_trouble(line: str, ack: str) -> None:
    fact, events = answer(line, "DTM*002*20261204", ack)
    assert events == []
    assert fact.attributes["answer"] == "accepted"


@pytest.mark.parametrize(
    ("line", "ack", "code"),
    [
        (poc("QD"), "ACK*IQ*60*EA", "ORD.QTY_CHANGED"),  # another quantity than we asked for
        (poc("RS"), "ACK*DR*100*EA*067*20261205", "INV.SUPPLIER_DELAY"),  # a later day
        (poc("PC"), "ACK*IQ*60*EA", "ORD.QTY_CHANGED"),  # another thing
        (poc("QD"), "ACK*ID*100*EA", "ORD.LINE_CANCELLED"),
    ],
)
def test_another_change_than_we_asked_for_is_one(line: str, ack: str, code: str) -> None:
    fact, events = answer(line, "DTM*002*20261204", ack)
    assert codes(events) == [code]
    assert fact.attributes["answer"] == "changed"


def test_a_rejected_change_leaves_the_line_as_it_was() -> None:
    fact, (event,) = answer(poc("RC"), "ACK*IR*100*EA")
    assert event.code == "ORD.CHANGE_REJECTED", "the ACK explains it and is no trouble of its own"
    assert [code["code"] for code in event.source_codes] == ["RC", "IR"]
    assert fact.attributes["answer"] == "rejected"


def test_one_rejected_change_of_several_is_a_part() -> None:
    fact, events = answer(poc("RC"), "POC*2*QD*5*5*EA*1*PE*BP*B", "ACK*IA*5*EA")
    assert codes(events) == ["ORD.CHANGE_REJECTED"]
    assert fact.attributes["answer"] == "partial"


@pytest.mark.parametrize("code", ["RE", "RM"])
def test_another_item_is_a_substitution(code: str) -> None:
    _, (event,) = answer(poc(code), "LIN**VP*V-26", "ACK*IA*100*EA")
    assert event.code == "INV.SUBSTITUTION"
    assert event.lines[0]["substitutes"][0]["value"] == "V-26"
    assert event.variances[0]["expected"]["value"] == "VALVE-25"


# ── heads, and trap 16: silence has meaning ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["RJ", "RF", "RD", "RN", "RV"])
def test_a_rejected_change_is_one_trouble_of_the_order_and_its_lines_explain_it(kind: str) -> None:
    fact, (event,) = answer(poc("QD"), "ACK*IR*100*EA", kind=kind)
    assert event.code == "ORD.CHANGE_REJECTED"
    assert event.lines == ()
    assert event.ext["lines"] == ["1"]
    assert fact.attributes["answer"] == "rejected"


@pytest.mark.parametrize("kind", ["AT", "AK", "AD", "AP"])
def test_a_line_without_an_ack_is_accepted_with_the_whole(kind: str) -> None:
    fact, events = answer(poc("QD"), "CTT*1", kind=kind)
    assert events == []
    assert fact.attributes["answer"] == "accepted"


@pytest.mark.parametrize(("kind", "silence"), [("AT", "accepted"), ("AK", "accepted"), ("AE", "accepted")])
def test_without_lines_everything_is_accepted(kind: str, silence: str) -> None:
    fact, events = answer(kind=kind)
    assert events == []
    assert fact.attributes["silence"] == silence


@pytest.mark.parametrize("kind", ["AC", "AD"])
def test_an_answer_that_lists_every_line_and_lists_none_leaves_a_gap(kind: str) -> None:
    fact, events = answer(kind=kind)
    assert codes(events) == ["ORD.QTY_UNACCOUNTED"]
    assert fact.attributes["answer"] == "unknown", "it must not close what waits for a yes"


def test_fewer_lines_than_counted_leave_a_gap() -> None:
    fact, events = answer(poc("QD"), "ACK*IA*100*EA", "CTT*2")
    assert codes(events) == ["ORD.QTY_UNACCOUNTED"]
    assert fact.attributes["answer"] == "unknown"


@pytest.mark.parametrize(
    ("kind", "code", "word"), [("AH", "ORD.HOLD", "held"), ("RO", "ORD.COUNTER_OFFER", "counter_offer")]
)
def test_a_hold_and_a_counter_offer_are_troubles_of_the_whole(kind: str, code: str, word: str) -> None:
    fact, events = answer(kind=kind)
    assert codes(events) == [code]
    assert fact.attributes["answer"] == word


# ── what the seller changes by itself ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("QD", "ORD.QTY_CHANGED"),
        ("QI", "ORD.QTY_CHANGED"),
        ("PC", "PRC.CHANGED"),
        ("RS", "INV.SUPPLIER_DELAY"),
        ("CT", "INV.SUPPLIER_DELAY"),
        ("RB", "INV.SUPPLIER_DELAY"),
        ("DI", "ORD.LINE_CANCELLED"),
        ("CF", "ORD.CANCELLED_BY_SUPPLIER"),
        ("RA", "ORD.COUNTER_OFFER"),
        ("AI", "ORD.COUNTER_OFFER"),
    ],
)
def test_a_change_of_the_sellers_own_is_told_by_its_code(code: str, means: str) -> None:
    _, events = answer(poc(code), "DTM*002*20270104", purpose="19")
    assert codes(events) == [means]


def test_what_the_seller_does_not_change_is_no_trouble() -> None:
    assert answer(poc("NC"), purpose="19")[1] == []


def test_in_a_change_of_the_sellers_own_an_ack_confirms_nothing_that_we_asked_for() -> None:
    assert codes(answer(poc("DI"), "ACK*ID*100*EA", purpose="19")[1]) == ["ORD.LINE_CANCELLED"]


def test_without_a_kind_the_seller_asks_for_a_change_of_its_own() -> None:
    fact, events = answer(poc("CF"), kind="")
    assert codes(events) == ["ORD.CANCELLED_BY_SUPPLIER"]
    assert "acknowledgement" not in fact.attributes


# ── whose words ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_we_answered_ourselves_is_a_fact_and_no_trouble() -> None:
    fact, events = answer(poc("RC"), partner=LAKESIDE, direction="out")
    assert fact.refs[0] == {"kind": "customer_po", "value": "4500123456", "issuer": "lakeside_retail"}
    assert fact.refs[1]["issuer"] == "main"
    assert fact.attributes["answer"] == "rejected"
    assert events == []


@pytest.mark.parametrize(("body", "element"), [((poc("Q9"),), "670"), ((poc("QD"), "ACK*Q9*1*EA"), "668")])
def test_a_code_that_nobody_knows_sets_the_answer_aside_or_is_kept(
    body: tuple[str, ...], element: str
) -> None:
    with pytest.raises(Unreadable, match=f"'Q9' of element {element}") as error:
        answer(*body)
    assert error.value.code == "EDI.UNMAPPED_CODE"
    _, events = answer(*body, partner=dataclasses.replace(ACME, lenient=True))
    assert "EDI.UNMAPPED_CODE" in codes(events)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_every_good_sample_obeys_the_guide_of_both_releases(release: str) -> None:
    found = [each for each in good_sets(x12_865) if each.version == release]
    assert found
    assert problems(found, release) == []


@pytest.mark.parametrize(
    "body",
    [
        ("BCA*00*AC***3*20261118", poc("QD")),
        (poc("QD"),),
        ("BCA*00*AC*1**3*20261118", "POC*1"),
        ("BCA*00*AC*1**3*20261118", "BCA*00*AC*1**3*20261118"),
        ("BCA*00*AC*1**3*20261199", poc("QD")),
        ("BCA*00*AC*1**3*20261118", poc("QD", "-5")),
        ("BCA*00*AC*1**3*20261118", poc("QD"), "ACK*IA*x*EA"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_place_and_remedy(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
