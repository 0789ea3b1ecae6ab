"""The 852: what a customer's shelves say, by item and by place. Whole documents are in samples."""

from functools import partial
from pathlib import Path

import pytest

from canonical import taxonomy
from crossdock.errors import Unreadable
from crossdock.formats.x12.guides import check
from mappings import golden
from mappings.inbound import x12_852
from tests.mappings.documents import LAKESIDE, LENIENT, a_set, events, facts, problems, said_by, sets_in

say = partial(said_by, x12_852, "XQ*H*20261113*20261119", partner=LAKESIDE)

ITEM = "LIN*1*UP*036000291452"


@pytest.mark.parametrize(
    ("activity", "code", "cause"),
    [
        ("QO", "INV.SHORTAGE", "out_of_stock"),
        ("LS", "INV.SHORTAGE", "lost_sales"),
        ("QH", "INV.HOLD", "damaged_or_on_hold"),
        ("HL", "INV.HOLD", "on_hold"),
        ("DG", "INV.HOLD", "damaged"),
        ("QT", "INV.ADJUSTMENT", None),
        ("Q3", "RTN.DISPOSITION", "defective"),
        ("QD", "INV.DEMAND_SPIKE", "additional_demand"),
    ],
)
def test_an_activity_that_is_a_trouble_says_which(activity: str, code: str, cause: str | None) -> None:
    (event,) = events(say(ITEM, f"ZA*{activity}*3*EA"))
    assert (event.code, event.cause) == (code, cause)
    assert event.lines[0]["affected"]["value"] == "3"


@pytest.mark.parametrize("activity", ["QS", "QA", "QI", "QP", "QR", "QE", "OH", "Q2"])
def test_selling_and_having_are_facts_and_no_troubles(activity: str) -> None:
    assert events(say(ITEM, f"ZA*{activity}*3*EA")) == []
    (fact,) = facts(say(ITEM, f"ZA*{activity}*3*EA"))
    assert fact.kind == "inventory"


def test_nothing_out_of_stock_is_good_news() -> None:
    assert events(say(ITEM, "ZA*QO*0*EA")) == []
    assert events(say(ITEM, "ZA*QO*-2*EA")) == []
    assert len(events(say(ITEM, "ZA*QO**EA"))) == 1, "out of stock, without a quantity, is out of stock"


def test_an_adjustment_goes_either_way() -> None:
    (event,) = events(say(ITEM, "ZA*QT*-12*EA"))
    assert event.lines[0]["affected"]["value"] == "-12"


def test_the_places_of_an_item_are_summed_and_named() -> None:
    (event,) = events(say(ITEM, "ZA*QO**EA", "SDQ*EA*92*0042*2*0051*1", "SDQ*EA*92*0042*4"))
    assert event.lines[0]["affected"]["value"] == "7"
    assert event.ext["places"] == {"0042": "6", "0051": "1"}


def test_a_total_that_its_places_do_not_have_is_a_contradiction() -> None:
    (event,) = events(say(ITEM, "ZA*QA*10*EA", "SDQ*EA*92*0001*3*0002*4"))
    assert event.code == "INV.MISMATCH"
    assert event.variances[0]["delta"] == "-3"
    assert events(say(ITEM, "ZA*QA*7*EA", "SDQ*EA*92*0001*3*0002*4")) == []


def test_a_place_without_a_quantity_is_set_aside_and_not_taken_for_nothing() -> None:
    with pytest.raises(Unreadable, match="SDQ05 and SDQ06 are a place and its quantity") as refused:
        say(ITEM, "ZA*QO**EA", "SDQ*EA*92*0042*1*0043")
    assert refused.value.place.element == 6


def test_the_case_is_the_item_at_that_customer_whatever_its_line_number() -> None:
    (monday,) = events(say("LIN*1*UP*036000291452", "ZA*QO*1*EA"))
    (tuesday,) = events(say("LIN*7*UP*036000291452", "ZA*QO*9*EA"))
    assert monday.refs[0] == tuesday.refs[0]
    assert monday.refs[0]["issuer"] == "lakeside_retail"
    assert monday.lines[0]["line_ref"] == tuesday.lines[0]["line_ref"] == "036000291452"


def test_one_fact_for_each_kind_of_activity_with_every_item_of_it() -> None:
    said = facts(say(ITEM, "ZA*QS*4*EA", "ZA*QA*5*EA", "LIN*2*UP*036000291469", "ZA*QS*6*EA"))
    assert [(fact.attributes["activity"], len(fact.lines)) for fact in said] == [
        ("sold", 2),
        ("available", 1),
    ]
    assert said[0].attributes["from_date"] == "2026-11-13"
    assert said[0].occurred_at == {"value": "2026-11-19", "precision": "date"}


def test_a_report_that_comes_ends_the_waiting_for_it() -> None:
    stale = taxonomy.codes()["INV.FEED_STALE"]
    waiting = {"refs": [{"kind": "feed", "value": "x12/852", "issuer": "lakeside_retail"}]}
    (fact,) = facts(say("CTT*0"))
    assert taxonomy.clears(stale, waiting, {"kind": fact.kind, "refs": fact.refs})
    other = {"refs": [{"kind": "feed", "value": "x12/852", "issuer": "somebody_else"}]}
    assert not taxonomy.clears(stale, other, {"kind": fact.kind, "refs": fact.refs})


def test_an_unknown_activity_of_a_lenient_partner_goes_to_a_person() -> None:
    (event,) = events(say(ITEM, "ZA*X9*1*EA", partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"
    assert event.source_codes == [{"scheme": "x12-859", "code": "X9", "mapped": False}]


def test_an_unknown_activity_of_a_strict_partner_is_set_aside() -> None:
    with pytest.raises(Unreadable, match="'X9' of element 859") as refused:
        say(ITEM, "ZA*X9*1*EA")
    assert refused.value.code == "EDI.UNMAPPED_CODE"


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_guide_takes_a_report_and_misses_its_beginning(release: str) -> None:
    body = (
        "N9*DP*71", "N1*BY*Lakeside*92*01", ITEM, "CTP**RES*1.99", "QTY*17*9*EA", "ZA*QS*4*EA", "SDQ*EA*92*01*4",
        "CTT*1",
    )  # fmt: skip
    assert not check(a_set("852", "XQ*H*20261119", *body, release=release))
    (problem,) = check(a_set("852", *body, release=release))
    assert (problem.segment_id, problem.code) == ("XQ", "3")


@pytest.mark.parametrize(
    "sample",
    [path for path in golden.samples(x12_852) if not path.name.startswith("hostile_")],
    ids=lambda path: path.stem,
)
def test_what_we_show_as_good_is_good_by_the_guide(sample: Path) -> None:
    sets = sets_in(sample.read_bytes())
    assert sets
    assert not problems(sets)


def test_what_we_report_ourselves_is_a_fact_and_no_trouble() -> None:
    body = (ITEM, "ZA*QO*4*EA")
    assert events(say(*body)), "said by the partner it is one"
    ours = say(*body, direction="out")
    assert facts(ours) and events(ours) == []
