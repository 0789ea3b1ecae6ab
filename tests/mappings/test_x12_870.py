"""The 870: how far a supplier is with our orders, and what keeps it. Whole documents are in x12_870/samples."""

import dataclasses
from functools import partial
from typing import Any

import pytest

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.partners import Partner
from mappings.inbound import x12_870
from tests.mappings.documents import ACME, LAKESIDE, codes, good_sets, problems, said_by, set_aside

say = partial(said_by, x12_870, partner=ACME)


def report(*levels: str, partner: Partner | None = ACME, direction: str = "in") -> list[Any]:
    return say("BSR*3*PA*RPT-1*20261120", *levels, partner=partner, direction=direction)


def one_line(*status: str, quantity: str = "100", partner: Partner | None = ACME) -> list[ExceptionEvent]:
    fact, *events = report(
        "HL*1**O",
        "PRF*4500123456",
        "HL*2*1*I",
        f"PO1*1*{quantity}*EA*2.5*PE*BP*VALVE-25",
        *status,
        partner=partner,
    )
    assert isinstance(fact, Fact)
    assert fact.kind == "status"
    return events


# ── what a status means ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "means", "cause"),
    [
        ("BO", "INV.BACKORDER", "out_of_stock"),
        ("BP", "INV.BACKORDER", "out_of_stock"),
        ("CB", "INV.SHORTAGE", "components_missing"),
        ("HQ", "ORD.HOLD", "awaiting_qualification"),
        ("IC", "ORD.LINE_CANCELLED", None),
        ("ID", "ORD.HOLD", "insufficient_information"),
        ("IS", "INV.SUBSTITUTION", "substitution"),
        ("OR", "INV.SHORTAGE", "reorder"),
        ("PR", "FUL.SHORT_SHIP", "partial_shipment"),
        ("RD", "INV.SUPPLIER_DELAY", "rescheduled"),
        ("SI", "INV.SUPPLIER_DELAY", "shipment_late"),
        ("SS", "FUL.SHORT_SHIP", "split_shipment"),
        ("DI", "INV.DISCONTINUED", "discontinued"),
        ("NY", "ORD.SCHEDULE_PENDING", None),
    ],
)
def test_each_status_means_what_the_standard_says(status: str, means: str, cause: str | None) -> None:
    (event,) = one_line(f"ISR*{status}*20261204")
    assert event.code == means
    assert event.cause == cause
    assert event.lines[0]["line_ref"] == "1"
    assert event.source_codes[0]["scheme"] == "x12-368"


@pytest.mark.parametrize("status", ["SH", "CC", "CL", "DD", "IN", "PD", "RC", "PS", "AP"])
def test_a_line_that_goes_its_way_is_no_trouble(status: str) -> None:
    assert one_line(f"ISR*{status}*20261204") == []


@pytest.mark.parametrize(
    ("reason", "means", "cause"),
    [
        ("C02", "CRD.HOLD", "credit_hold"),
        ("S01", "FUL.SHORT_SHIP", "delivery_shortage"),
        ("W01", "INV.SHORTAGE", "out_of_stock"),
        ("W04", "ORD.HOLD", "on_hold"),
        ("W08", "INV.SHORTAGE", "material_shortage"),
        ("W12", "SHP.CARRIER_FAILURE", "inbound_carrier"),
        ("W13", "INV.ALLOCATION_FAILED", "allocation_exceeded"),
    ],
)
def test_a_reason_speaks_where_the_status_says_nothing(reason: str, means: str, cause: str) -> None:
    (event,) = one_line(f"ISR*IN**{reason}")
    assert (event.code, event.cause) == (means, cause)
    assert [code["scheme"] for code in event.source_codes] == ["x12-368", "x12-641"]


def test_beside_a_status_that_speaks_the_reason_is_the_cause() -> None:
    (event,) = one_line("ISR*BO*20261204*W13")
    assert (event.code, event.cause) == ("INV.BACKORDER", "allocation_exceeded")


def test_a_hold_for_credit_is_a_credit_hold() -> None:
    (event,) = one_line("ISR*HQ**C02")
    assert event.code == "CRD.HOLD"


def test_a_reason_that_is_none_makes_no_trouble() -> None:
    assert one_line("ISR*SH*20261119*NOR") == []


# ── trap 17: the same letters in another element ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", ["ID", "IC", "IS", "BP"])
def test_the_letters_of_368_are_not_those_of_668(code: str) -> None:
    status, acknowledged = crosswalks.lookup("x12-368", code), crosswalks.lookup("x12-668", code)
    assert status is not None
    assert acknowledged is not None
    assert status.text != acknowledged.text
    (event,) = one_line(f"ISR*{code}")
    assert event.code == status.exception
    assert event.source_codes[0].get("text") == status.text


def test_id_is_missing_information_here_and_a_line_taken_off_in_an_855() -> None:
    found = [crosswalks.lookup(element, "ID") for element in ("x12-368", "x12-668")]
    assert [row.exception for row in found if row] == ["ORD.HOLD", "ORD.LINE_CANCELLED"]


def test_ic_is_a_cancelled_line_here_and_an_acceptance_with_changes_in_an_855() -> None:
    found = [crosswalks.lookup(element, "IC") for element in ("x12-368", "x12-668")]
    assert [row.exception for row in found if row] == ["ORD.LINE_CANCELLED", "ORD.COUNTER_OFFER"]


# ── how much, and when ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_backordered_is_what_is_counted_so() -> None:
    (event,) = one_line("ISR*BP*20261204", "QTY*39*60*EA", "QTY*BQ*40*EA")
    assert event.lines[0]["affected"]["value"] == "40"


def test_of_a_line_that_is_shipped_in_part_the_rest_is_what_is_missing() -> None:
    (event,) = one_line("ISR*PR*20261119", "QTY*39*60*EA")
    assert event.lines[0]["affected"]["value"] == "40"
    assert event.variances[0]["actual"]["value"] == "60"


def test_a_part_that_is_not_counted_is_not_guessed() -> None:
    (event,) = one_line("ISR*PR*20261119")
    assert "affected" not in event.lines[0]
    (event,) = one_line("ISR*PR*20261119", "QTY*39*5*CA")
    assert "affected" not in event.lines[0], "cases are not taken from singles"


def test_without_a_count_the_whole_line_is_meant() -> None:
    (event,) = one_line("ISR*BO*20261204")
    assert event.lines[0]["affected"]["value"] == "100"


def test_the_new_date_stands_beside_the_one_that_was_asked_for() -> None:
    (event,) = one_line("ISR*RD*20261211", "DTM*010*20261127")
    (variance,) = event.variances
    assert variance["expected"] == {"value": "2026-11-27", "precision": "date"}
    assert variance["actual"] == {"value": "2026-12-11", "precision": "date"}
    assert variance.get("delta") == "14"


# ── orders and levels ────────────────────────────────────────────────────────────────────────────────────────


def test_each_order_of_a_report_is_a_fact_of_its_own() -> None:
    said = report(
        "HL*1**O", "PRF*4500000001", "REF*VN*SO-1", "HL*2*1*I", "PO1*1*10*EA*1*PE*BP*A", "ISR*SH*20261119",
        "HL*3**O", "PRF*4500000002", "ISR*DE",
    )  # fmt: skip
    first, second, event = said
    assert [fact.refs[0]["value"] for fact in (first, second)] == ["4500000001", "4500000002"]
    assert first.refs[1]["value"] == "SO-1"
    assert first.attributes["status"] == "shipped"
    assert first.attributes["ship_date"] == "2026-11-19"
    assert event.code == "ORD.CANCELLED_BY_SUPPLIER"
    assert event.refs == second.refs
    assert event.lines == [], "the whole order is meant"


def test_a_deleted_order_on_one_line_is_that_line() -> None:
    assert codes(one_line("ISR*DE")) == ["ORD.LINE_CANCELLED"]


def test_an_answer_names_the_inquiry_that_it_answers() -> None:
    (fact,) = say("BSR*1*PP*RPT-1*20261120***1402*INQ-9", "HL*1**O", "PRF*4500123456", "ISR*IN")
    assert fact.refs[1] == {"kind": "message", "value": "INQ-9", "issuer": "main"}
    assert fact.attributes["reported_as"] == "answer"


def test_the_order_may_stand_in_the_head() -> None:
    fact, event = report("REF*PO*4500123460", "HL*1**I", "PO1*1*10*EA*1*PE*BP*A", "ISR*BO")
    assert fact.refs[0]["value"] == "4500123460"
    assert event.code == "INV.BACKORDER"


def test_an_item_may_be_told_without_a_line_of_the_order() -> None:
    fact, event = report("HL*1**O", "PRF*4500123456", "HL*2*1*I", "LIN*7*BP*VALVE-25", "ISR*BO")
    assert fact.lines[0]["line_ref"] == "7"
    assert event.lines[0]["item_ids"][0]["value"] == "VALVE-25"


@pytest.mark.parametrize(
    ("level", "number"),
    [("HL*2*9*I", "2"), ("HL*2*2*I", "2"), ("HL*1*1*I", "1")],
    ids=["no such parent", "its own parent", "twice the same number"],
)
def test_a_broken_level_is_named_and_the_rest_is_still_mapped(level: str, number: str) -> None:
    fact, *events = report("HL*1**O", "PRF*4500123456", level, "PO1*1*10*EA*1*PE*BP*A", "ISR*BO")
    assert fact.refs[0]["value"] == "4500123456"
    assert codes(events) == ["INV.BACKORDER", "EDI.SYNTAX"]
    syntax = events[-1]
    assert f"HL {number}" in syntax.title
    assert syntax.ext["levels"] == [number]
    assert syntax.refs == [{"kind": "message", "value": "RPT-1", "issuer": "acme_supply"}]


def test_a_status_of_no_order_is_the_reports_own() -> None:
    fact, event = report("HL*1**I", "PO1*1*10*EA*1*PE*BP*A", "ISR*BO")
    assert fact.refs == [{"kind": "message", "value": "RPT-1", "issuer": "acme_supply"}]
    assert event.refs == fact.refs


# ── whose words ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_we_report_ourselves_is_a_fact_and_no_trouble() -> None:
    said = report("HL*1**O", "PRF*LK-1", "ISR*DE", "HL*1**O", partner=LAKESIDE, direction="out")
    assert [type(each) for each in said] == [Fact]
    assert said[0].refs == [{"kind": "customer_po", "value": "LK-1", "issuer": "lakeside_retail"}]


def test_a_code_that_nobody_knows_sets_the_report_aside_or_is_kept() -> None:
    with pytest.raises(Unreadable, match="'Q9' of element 368") as error:
        one_line("ISR*Q9")
    assert error.value.code == "EDI.UNMAPPED_CODE"
    with pytest.raises(Unreadable, match="'XXX' of element 641"):
        one_line("ISR*SH**XXX")
    lenient = dataclasses.replace(ACME, lenient=True)
    assert codes(one_line("ISR*Q9", partner=lenient)) == ["EDI.UNMAPPED_CODE"]
    assert codes(one_line("ISR*SH**XXX", partner=lenient)) == ["EDI.UNMAPPED_CODE"]
    assert codes(one_line("ISR*BO**XXX", partner=lenient)) == ["INV.BACKORDER"]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_every_good_sample_obeys_the_guide_of_both_releases(release: str) -> None:
    found = [each for each in good_sets(x12_870) if each.version == release]
    assert found
    assert problems(found, release) == []


@pytest.mark.parametrize(
    "body",
    [
        ("HL*1**O", "PRF*1", "ISR*SH"),
        ("BSR*3*PA*RPT-1*20261120",),
        ("BSR*3*PA**20261120", "HL*1**I", "ISR*SH"),
        ("BSR*3*PA*RPT-1*20261120", "HL*1**O", "PRF*1", "ISR"),
        ("BSR*3*PA*RPT-1*20261120", "HL*1**O", "PRF*1", "ISR*SH*never"),
        ("BSR*3*PA*RPT-1*20261120", "HL*1**O", "PRF*1", "PO1*1*-5*EA", "ISR*SH"),
        ("BSR*99*PA*RPT-1*20261120", "HL*1**O", "PRF*1", "ISR*SH"),
        ("BSR*3*PA*RPT-1*20269920", "HL*1**O", "PRF*1", "ISR*SH"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_place_and_remedy(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
