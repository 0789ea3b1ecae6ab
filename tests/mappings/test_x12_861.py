"""The 861: what a customer received. The whole documents are in mappings/inbound/x12_861/samples."""

from functools import partial
from typing import Any

import pytest

from mappings.inbound import x12_861
from tests.mappings.documents import (
    LAKESIDE,
    codes,
    events,
    facts,
    good_sets,
    group_of,
    problems,
    said_by,
    set_aside,
)

say = partial(said_by, x12_861, partner=LAKESIDE)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_861), release) == []
    assert group_of("861", release) == "RC"


HEAD = ("BRA*RCV-1*20261122*00*1", "REF*PO*PO-9")


def received(rcd: str) -> list[Any]:
    return say(*HEAD, rcd, "LIN*1*BP*PUMP-40", "CTT*1")


def test_a_receipt_names_the_customers_order_and_our_ship_notice() -> None:
    (fact,) = say(
        "BRA*RCV-1*20261122*00*1", "REF*PO*PO-9", "REF*SI*SHIP-1", "RCD*1*12*EA", "LIN*1*BP*A", "CTT*1"
    )
    assert fact.kind == "received"
    assert fact.refs == [
        {"kind": "customer_po", "value": "PO-9", "issuer": "lakeside_retail"},
        {"kind": "receipt", "value": "RCV-1", "issuer": "lakeside_retail"},
        {"kind": "asn", "value": "SHIP-1", "issuer": "main"},
    ]
    assert fact.lines[0]["affected"]["value"] == "12"


def test_each_order_in_a_receipt_is_a_fact_of_its_own() -> None:
    found = facts(say(
        "BRA*RCV-1*20261122*00*1", "RCD*1*1*EA", "LIN*1*BP*A", "PRF*PO-9", "RCD*2*2*EA", "LIN*1*BP*B",
        "PRF*PO-8", "CTT*2",
    ))  # fmt: skip
    assert [fact.refs[0]["value"] for fact in found] == ["PO-9", "PO-8"]
    assert [fact.lines[0]["line_ref"] for fact in found] == ["1", "1"]


@pytest.mark.parametrize(
    ("condition", "code", "cause"),
    [
        ("01", "RCV.DAMAGED", "damaged"),
        ("02", "RCV.SHORT", "quantity_short"),
        ("03", "RCV.OVER", "quantity_over"),
        ("04", "RCV.QUALITY", "quality"),
        ("05", "RCV.WRONG_ITEM", "incorrect_product"),
        ("08", "RCV.REJECTED", "rejected"),
        ("09", "RCV.QUALITY", "hold"),
        ("10", "RCV.REJECTED", "scrapped"),
        ("12", "RCV.OVER", "over_returned"),
        ("13", "RCV.NO_ASN", "not_processed"),
        ("14", "RCV.NO_ASN", "processed"),
        ("16", "RCV.NO_ASN", "asn_required"),
    ],
)
def test_each_condition_means_what_the_standard_says(condition: str, code: str, cause: str) -> None:
    _, event = received(f"RCD*1*90*EA***10*EA*{condition}")
    assert (event.code, event.cause) == (code, cause)
    assert event.lines[0]["affected"]["value"] == "10"
    assert event.refs[0] == {"kind": "customer_po", "value": "PO-9", "issuer": "lakeside_retail"}


# ── trap 11 ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_good_goods_are_no_exception() -> None:
    assert len(received("RCD*1*90*EA***90*EA*07")) == 1
    assert len(say("BRA*RCV-1*20261122*00*1**07", "REF*PO*PO-9", "RCD*1*90*EA", "LIN*1*BP*A", "CTT*1")) == 1


def test_five_conditions_of_one_line_are_five_places_to_look() -> None:
    _, *found = received("RCD*1*60*EA***1*EA*01*2*EA*02*3*EA*07*4*EA*05*5*EA*03")
    assert codes(found) == ["RCV.DAMAGED", "RCV.SHORT", "RCV.WRONG_ITEM", "RCV.OVER"]
    assert [event.lines[0]["affected"]["value"] for event in found] == ["1", "2", "4", "5"]


def test_what_is_sent_back_without_a_condition_is_rejected() -> None:
    _, event = received("RCD*1*5*EA*5*EA")
    assert (event.code, event.cause) == ("RCV.REJECTED", "returned")
    _, event = received("RCD*1*5*EA*5*EA*5*EA*12")
    assert event.code == "RCV.OVER", "the condition says why it was sent back"


def test_a_condition_of_the_whole_receipt_is_told_where_no_line_has_one() -> None:
    found = events(say("BRA*RCV-1*20261122*00*1**08", "REF*PO*PO-9", "CTT*0"))
    assert codes(found) == ["RCV.REJECTED"]
    found = events(
        say("BRA*RCV-1*20261122*00*1**08", "REF*PO*PO-9", "RCD*1*1*EA***1*EA*01", "LIN*1*BP*A", "CTT*1")
    )
    assert codes(found) == ["RCV.DAMAGED"]


def test_a_cancelled_receipt_has_no_troubles() -> None:
    (fact,) = say("BRA*RCV-1*20261122*01*1", "REF*PO*PO-9", "RCD*1*1*EA***1*EA*01", "LIN*1*BP*A", "CTT*1")
    assert fact.attributes["purpose"] == "01"


def test_the_buyers_line_number_and_the_unit_of_a_composite_are_read() -> None:
    (fact,) = facts(say(*HEAD, "RCD*1*12*CA>1", "LIN**UP*036000291452*PL*7", "SN1**12*CA**20*CA", "CTT*1"))
    assert fact.lines[0]["affected"] == {
        "value": "12", "uom": "XCS", "uom_source": "CA", "uom_scheme_source": "x12-355",
    }  # fmt: skip
    assert fact.lines[0]["line_ref"] == "7"


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = facts(say(*HEAD, "N1*BY*Lakeside 14*9*0060034960014", "N1*BY*Lakeside*1*006003496"))
    assert sum(party["role"] == "buyer" for party in fact.parties) == 1


@pytest.mark.parametrize(
    "body",
    [
        ("BRA**20261122*00*1",),
        ("CTT*0",),
        ("BRA*R1*20261122*00*1", "BRA*R2*20261122*00*1"),
        ("BRA*R1*20269922*00*1",),
        ("BRA*R1*20261122*00*1", "RCD*1*-1*EA"),
        ("BRA*R1*20261122*00*1", "RCD*1*1*EA***x*EA*01"),
        ("BRA*R1*20261122*00*1", "RCD*1*1*EA***1*EA*99"),
        ("BRA*R1*20261122*00*1**QQ",),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
