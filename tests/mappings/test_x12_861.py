"""The 861: what a customer received. The whole documents are in mappings/inbound/x12_861/samples."""

from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.formats.x12 import TransactionSet, guides, read
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden
from mappings.inbound import x12_861

LAKESIDE = Partners.load().named("lakeside_retail")


def a_document(*body: str, release: str = "004010") -> TransactionSet:
    segments = ["ST*861*0001", *body, f"SE*{len(body) + 2}*0001"]
    text = "~".join(
        [
            "ISA*00*          *00*          *ZZ*LAKESIDE       *ZZ*CROSSDOCK      "
            "*261120*1402*U*00401*000000101*0*P*>",
            f"GS*RC*LAKESIDE*CROSSDOCK*20261120*1402*101*X*{release}",
            *segments,
            "GE*1*101",
            "IEA*1*000000101~",
        ]
    )
    (found,) = [item for item in read(text.encode()) if isinstance(item, TransactionSet)]
    return found


def say(*body: str, partner: Partner | None = LAKESIDE, direction: str = "in") -> list[Any]:
    context = MappingContext(
        partner=partner, received_at=golden.RECEIVED_AT, tenant="main", direction=direction
    )
    return list(x12_861.map(a_document(*body), context))


def facts(*body: str, **how: Any) -> list[Fact]:
    return [each for each in say(*body, **how) if isinstance(each, Fact)]


def events(*body: str, **how: Any) -> list[ExceptionEvent]:
    return [each for each in say(*body, **how) if isinstance(each, ExceptionEvent)]


def codes(found: list[ExceptionEvent]) -> list[str]:
    return [event.code for event in found]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    for sample in golden.samples(x12_861):
        if sample.name.startswith("hostile_"):
            continue
        for item in read(sample.read_bytes()):
            if isinstance(item, TransactionSet):
                found = guides.guide("861", release)
                assert found is not None
                assert found.functional_group == "RC"
                assert [guides.say(problem) for problem in found.check(item)] == [], sample.name


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
    found = facts(
        "BRA*RCV-1*20261122*00*1", "RCD*1*1*EA", "LIN*1*BP*A", "PRF*PO-9", "RCD*2*2*EA", "LIN*1*BP*B",
        "PRF*PO-8", "CTT*2",
    )  # fmt: skip
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
    found = events("BRA*RCV-1*20261122*00*1**08", "REF*PO*PO-9", "CTT*0")
    assert codes(found) == ["RCV.REJECTED"]
    found = events(
        "BRA*RCV-1*20261122*00*1**08", "REF*PO*PO-9", "RCD*1*1*EA***1*EA*01", "LIN*1*BP*A", "CTT*1"
    )
    assert codes(found) == ["RCV.DAMAGED"]


def test_a_cancelled_receipt_has_no_troubles() -> None:
    (fact,) = say("BRA*RCV-1*20261122*01*1", "REF*PO*PO-9", "RCD*1*1*EA***1*EA*01", "LIN*1*BP*A", "CTT*1")
    assert fact.attributes["purpose"] == "01"


def test_the_buyers_line_number_and_the_unit_of_a_composite_are_read() -> None:
    (fact,) = facts(*HEAD, "RCD*1*12*CA>1", "LIN**UP*036000291452*PL*7", "SN1**12*CA**20*CA", "CTT*1")
    assert fact.lines[0]["affected"] == {
        "value": "12", "uom": "XCS", "uom_source": "CA", "uom_scheme_source": "x12-355",
    }  # fmt: skip
    assert fact.lines[0]["line_ref"] == "7"


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = facts(*HEAD, "N1*BY*Lakeside 14*9*0060034960014", "N1*BY*Lakeside*1*006003496")
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
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.place.segment is not None
    assert refused.value.remedy
