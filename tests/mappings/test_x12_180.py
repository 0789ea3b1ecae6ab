"""The 180: somebody wants to return goods, and somebody answers. Whole documents are in samples."""

from pathlib import Path
from typing import Any

import pytest

from canonical import taxonomy
from canonical.events import Fact
from crossdock.errors import Unreadable
from crossdock.formats.x12.guides import check
from mappings import golden
from mappings.inbound import x12_180
from tests.mappings.documents import (
    ACME,
    LAKESIDE,
    LENIENT,
    a_set,
    events,
    facts,
    group_of,
    problems,
    said_by,
    sets_in,
)


def say(*body: str, head: str = "BGN*00*RTV-1*20261119", **how: Any) -> list[Any]:
    return said_by(x12_180, head, *body, **{"partner": LAKESIDE, **how})


def fact(*body: str, **options: Any) -> Fact:
    (found,) = facts(say(*body, **options))
    return found


ITEM = "BLI*UP*036000291452*6*EA"


# ── RDR01, RDR02, RDR03, by element ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("disposition", "code"),
    [
        ("RD", "RTN.DENIED"), ("RP", "RTN.REQUESTED"), ("PA", "RTN.PARTIAL"), ("RA", None), ("RN", None),
        ("DI", "RTN.DISPOSITION"), ("KA", "RTN.DISPOSITION"), ("CR", "RTN.REQUESTED"), ("SD", "RTN.DISPOSITION"),
    ],
)  # fmt: skip
def test_what_becomes_of_the_goods(disposition: str, code: str | None) -> None:
    said = events(say(ITEM, f"RDR*{disposition}", partner=ACME))
    assert [event.code for event in said] == ([code] if code else [])


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("DM", "defective"), ("DT", "damaged_in_transit"), ("WG", "wrong_item"), ("PE", "price_error"),
        ("PR", "recall"), ("PS", "spoiled"), ("SP", "shipped_past_cancel"), ("BC", "past_code_date"),
    ],
)  # fmt: skip
def test_why_the_customer_wants_to_return(reason: str, cause: str) -> None:
    (event,) = events(say(ITEM, f"RDR**{reason}"))
    assert (event.code, event.cause) == ("RTN.REQUESTED", cause)


@pytest.mark.parametrize(
    ("response", "code", "cause"),
    [
        ("NR", "RTN.NO_RECORD", "no_record"), ("QD", "RTN.PARTIAL", "quantity_difference"),
        ("PC", "RTN.PARTIAL", "price_difference"), ("RT", "RTN.LIMIT_EXCEEDED", "limit_exceeded"),
        ("MI", "RTN.DISPOSITION", "more_information_wanted"), ("IN", "RTN.DENIED", "not_defective"),
    ],
)  # fmt: skip
def test_why_the_answer_is_what_it_is(response: str, code: str, cause: str) -> None:
    (event,) = events(say(ITEM, f"RDR***{response}", partner=ACME))
    assert (event.code, event.cause) == (code, cause)


def test_the_same_letters_mean_other_things_in_other_elements() -> None:
    """SD is a third party that disposes of it in 1292 and short-dated goods in 1293; PR a recall, or a picture."""
    (disposed,), (dated,) = events(say(ITEM, "RDR*SD")), events(say(ITEM, "RDR**SD"))
    assert (disposed.cause, dated.cause) == ("third_party_disposal", "short_dated")
    (recalled,), (pictured,) = events(say(ITEM, "RDR**PR")), events(say(ITEM, "RDR***PR"))
    assert (recalled.cause, pictured.cause) == ("recall", "picture_wanted")


def test_what_becomes_of_the_goods_is_the_code_and_the_reason_its_cause() -> None:
    (event,) = events(say(ITEM, "RDR*RD**NR*We never sold you this", partner=ACME))
    assert (event.code, event.cause, event.detail) == ("RTN.DENIED", "no_record", "We never sold you this")


# ── who asks, who answers ────────────────────────────────────────────────────────────────────────────────────


def test_a_reason_asks_something_of_us_only_when_the_customer_says_it() -> None:
    assert [event.code for event in events(say(ITEM, "RDR*RA*DM"))] == ["RTN.REQUESTED"]
    assert events(say(ITEM, "RDR*RA*DM", partner=ACME)) == [], "our reason, repeated in a yes"


def test_a_request_is_numbered_by_the_customer_and_its_order_is_the_customers() -> None:
    asked = fact("PRF*LR-1", "N9*RZ*900-A", ITEM, "RDR**DM")
    assert asked.refs == [
        {"kind": "rma", "value": "RTV-1", "issuer": "lakeside_retail"},
        {"kind": "customer_po", "value": "LR-1", "issuer": "lakeside_retail"},
        {"kind": "rma", "value": "900-A", "issuer": "main"},
    ]
    assert "answer" not in asked.attributes


def test_a_suppliers_answer_names_our_order_our_request_and_its_own_number() -> None:
    answer = fact("RDR*RA", "PRF*4500123456", ITEM, partner=ACME, head="BGN*11*RMA-9*20261120***DM-1")
    assert answer.refs == [
        {"kind": "rma", "value": "RMA-9", "issuer": "acme_supply"},
        {"kind": "rma", "value": "DM-1", "issuer": "main"},
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
    ]
    assert answer.attributes["answer"] == "accepted"


@pytest.mark.parametrize(("said", "answer"), [("RA", "accepted"), ("RD", "rejected"), ("PA", "partial")])
def test_our_answer_ends_the_customers_request(said: str, answer: str) -> None:
    (asked,) = events(say(ITEM, "RDR**DM"))
    answered = fact(f"RDR*{said}", ITEM, direction="out", head="BGN*11*RMA-1*20261120***RTV-1")
    assert answered.attributes["answer"] == answer
    data = {"kind": answered.kind, "refs": answered.refs, "attributes": answered.attributes}
    rule = taxonomy.codes()["RTN.REQUESTED"]
    assert taxonomy.clears(rule, {"refs": asked.refs}, data)
    another = fact(f"RDR*{said}", ITEM, direction="out", head="BGN*11*RMA-2*20261120***RTV-2")
    assert not taxonomy.clears(rule, {"refs": asked.refs}, {**data, "refs": another.refs})


def test_a_request_does_not_answer_itself() -> None:
    asked = fact(ITEM, "RDR*RA*DM")
    (event,) = events(say(ITEM, "RDR*RA*DM"))
    data = {"kind": asked.kind, "refs": asked.refs, "attributes": asked.attributes}
    assert not taxonomy.clears(taxonomy.codes()["RTN.REQUESTED"], {"refs": event.refs}, data)


def test_a_yes_to_one_line_and_a_no_to_another_is_a_partial_answer() -> None:
    said = fact(ITEM, "RDR*RA", "BLI*UP*036000291469*1*EA", "RDR*RD", partner=ACME)
    assert said.attributes["answer"] == "partial"


def test_a_request_that_is_taken_back_is_no_trouble_and_ends_the_one_before() -> None:
    head = "BGN*01*RTV-1*20261120"
    assert events(say(ITEM, "RDR**DM", head=head)) == []
    withdrawn = fact(ITEM, "RDR**DM", head=head)
    (event,) = events(say(ITEM, "RDR**DM"))
    data = {"kind": withdrawn.kind, "refs": withdrawn.refs, "attributes": withdrawn.attributes}
    assert taxonomy.clears(taxonomy.codes()["RTN.REQUESTED"], {"refs": event.refs}, data)


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reason_before_the_items_holds_for_those_that_have_none() -> None:
    first, second = events(say("RDR**RE", ITEM, "BLI*UP*036000291469*1*EA", "RDR**DM"))
    assert (first.cause, second.cause) == ("recall", "defective")
    assert first.place["x12"]["path"] == "RDR"
    assert second.place["x12"]["path"] == "BLI[2]/RDR"


def test_a_notice_without_items_is_one_trouble() -> None:
    (event,) = events(say("RDR*RD**IO", partner=ACME))
    assert event.code == "RTN.DENIED"
    assert not event.lines


def test_an_authorized_quantity_is_compared_with_the_one_that_was_asked_for() -> None:
    (event,) = events(say("BLI*VN*PMP-102*10*EA", "RDR*PA**QD", "QTY*60*4*EA", partner=ACME))
    assert event.lines[0]["affected"]["value"] == "10"
    assert (event.variances[0]["actual"]["value"], event.variances[0]["delta"]) == ("4", "-6")


def test_a_quantity_by_store_is_their_sum() -> None:
    (event,) = events(say("BLI*UP*036000291452", "RDR**DM", "SDQ*EA*92*0042*3*0043*4"))
    assert event.lines[0]["affected"]["value"] == "7"
    assert event.ext["places"] == {"0042": "3", "0043": "4"}


def test_a_price_per_another_unit_is_not_a_price_of_this_one() -> None:
    assert fact("BLI*UP*036000291452*6*EA*UCP*19.99", "RDR**DM").lines[0]["unit_price"]["amount"] == "19.99"
    assert "unit_price" not in fact("BLI*UP*036000291452*6*EA*UCP*239.88*DZ", "RDR**DM").lines[0]


def test_an_unknown_code_is_set_aside_or_told_to_a_person() -> None:
    with pytest.raises(Unreadable, match="'QQ' of element 1292"):
        say(ITEM, "RDR*QQ")
    (event,) = events(say(ITEM, "RDR*QQ", partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"


# ── the guide ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_guide_takes_a_notice_and_misses_its_beginning(release: str) -> None:
    body = ("PRF*1", "N9*IV*1", "N1*BY*Lakeside*92*01", ITEM, "N9*LI*1", "RDR*RD**NR", "QTY*60*4*EA", "CTT*1")
    assert not check(a_set("180", "BGN*00*RTV-1*20261119", *body, release=release))
    (problem,) = check(a_set("180", *body, release=release))
    assert (problem.segment_id, problem.code) == ("BGN", "3")


def test_its_group_is_AN() -> None:  # noqa: N802
    assert group_of("180", "004010") == "AN"


@pytest.mark.parametrize(
    "sample",
    [path for path in golden.samples(x12_180) if not path.name.startswith("hostile_")],
    ids=lambda path: path.stem,
)
def test_what_we_show_as_good_is_good_by_the_guide(sample: Path) -> None:
    sets = sets_in(sample.read_bytes())
    assert sets
    assert not problems(sets)


def test_what_we_ask_or_answer_ourselves_is_no_trouble_to_us() -> None:
    for words in ("RDR**DT", "RDR*RD**NR"):
        assert events(say(ITEM, words)), "said by the partner it is one"
        assert events(say(ITEM, words, direction="out", partner=ACME)) == []
