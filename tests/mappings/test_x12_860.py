"""The 860: what is asked to change, in both directions. Whole documents are in x12_860/samples."""

import dataclasses
from functools import partial

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.partners import Partner
from mappings.inbound import x12_860
from tests.mappings.documents import ACME, LAKESIDE, codes, good_sets, problems, said_by, set_aside

say = partial(said_by, x12_860, partner=LAKESIDE)


def change(
    *body: str, purpose: str = "04", direction: str = "in", partner: Partner | None = LAKESIDE
) -> tuple[Fact, list[ExceptionEvent]]:
    head = f"BCH*{purpose}*SA*LK-77001**3*20261118*****20261121"
    fact, *events = say(head, *body, direction=direction, partner=partner)
    assert isinstance(fact, Fact)
    assert fact.kind == "change_requested", "a change is always stated as a fact, first"
    return fact, events


LINE = "POC*1*QD*80*80*EA*2.5*PE*BP*VALVE-25"


def test_a_change_states_the_lines_as_they_shall_be() -> None:
    fact, (event,) = change("DTM*002*20261204", LINE, "CTT*1")
    assert fact.refs == [{"kind": "customer_po", "value": "LK-77001", "issuer": "lakeside_retail"}]
    assert fact.attributes == {
        "purpose": "04",
        "order_type": "SA",
        "order_date": "2026-11-18",
        "change_sequence": "3",
        "change_date": "2026-11-21",
        "delivery_requested": "2026-12-04",
        "lines_declared": "1",
    }
    assert fact.lines[0]["ordered"]["value"] == "80"
    assert fact.occurred_at == {"value": "2026-11-21", "precision": "date"}, "not the day of the order"
    assert event.code == "ORD.CHANGE_REQUESTED"
    assert event.title == "Lakeside Retail asks to lower the quantity of PO LK-77001 line 1"
    assert event.detail == "quantity lowered; change 3"
    assert event.variances == [
        {"attribute": "quantity", "expected": None, "actual": fact.lines[0]["ordered"]}
    ], "what was ordered the 860 does not say"


@pytest.mark.parametrize(
    ("code", "attributes"),
    [
        ("QD", ["quantity"]),
        ("QI", ["quantity"]),
        ("PC", ["unit_price"]),
        ("CT", ["date"]),
        ("RS", ["date"]),
        ("PQ", ["quantity", "unit_price"]),
        ("PR", ["unit_price", "date"]),
        ("RQ", ["quantity", "date"]),
        ("MU", ["quantity", "unit_price", "date"]),
        ("AI", ["quantity", "unit_price", "date"]),
        ("RZ", ["quantity", "unit_price", "date"]),
    ],
)
def test_each_code_names_what_changes_and_no_more(code: str, attributes: list[str]) -> None:
    _, (event,) = change(f"POC*1*{code}*80*80*EA*2.5*PE*BP*VALVE-25", "DTM*002*20261211")
    assert event.code == "ORD.CHANGE_REQUESTED"
    assert [each["attribute"] for each in event.variances] == attributes
    assert [code["code"] for code in event.source_codes] == [code]


def test_a_line_that_is_taken_off_says_both_what_was_and_what_shall_be() -> None:
    _, (event,) = change("POC*1*DI*40*0*EA*1.5*PE*BP*A")
    (variance,) = event.variances
    assert (variance["expected"]["value"], variance["actual"]["value"]) == ("40", "0")
    assert variance.get("delta") == "-40"
    assert event.lines[0]["affected"]["value"] == "40"
    assert event.value_at_risk == {"amount": "60.0", "currency": "USD", "currency_assumed": True}


def test_a_line_that_is_taken_off_without_a_quantity_is_taken_off_all_the_same() -> None:
    _, (event,) = change("POC*1*DI******BP*A")
    assert event.code == "ORD.CHANGE_REQUESTED"
    assert event.variances == []


@pytest.mark.parametrize("code", ["NC", "OA", "OC"])
def test_a_line_that_is_not_changed_is_no_trouble_and_still_a_line(code: str) -> None:
    fact, events = change(f"POC*1*{code}*5*5*EA*7*PE*BP*A")
    assert events == []
    assert fact.lines[0]["ordered"]["value"] == "5"


@pytest.mark.parametrize("purpose", ["01", "03", "17"])
def test_the_purpose_may_cancel_the_whole_order(purpose: str) -> None:
    fact, (event,) = change(LINE, "CTT*9", purpose=purpose)
    assert event.code == "ORD.CANCEL_REQUESTED"
    assert event.lines == ()
    assert fact.attributes["purpose"] == purpose


def test_a_line_may_cancel_the_whole_order() -> None:
    _, (event,) = change(LINE, "POC*2*CF******BP*A")
    assert event.code == "ORD.CANCEL_REQUESTED"
    assert event.place["x12"]["path"] == "POC[2]"


def test_a_change_without_lines_is_one_of_the_whole_order() -> None:
    _, (event,) = change("DTM*002*20270104", "N1*ST*Store*92*S13")
    assert event.code == "ORD.CHANGE_REQUESTED"
    assert event.lines == ()
    assert event.variances[0]["actual"] == {"value": "2027-01-04", "precision": "date"}


@pytest.mark.parametrize("purpose", ["07", "22"])
def test_a_copy_asks_for_nothing_new(purpose: str) -> None:
    assert change(LINE, purpose=purpose)[1] == []


def test_what_we_ask_of_a_supplier_is_a_fact_and_no_trouble() -> None:
    fact, events = change(LINE, "POC*2*CF", direction="out", partner=ACME)
    assert fact.refs == [{"kind": "supplier_po", "value": "LK-77001", "issuer": "main"}]
    assert events == []
    parties = [
        party for party in fact.parties if {"scheme": "internal", "value": "acme_supply"} in party["ids"]
    ]
    assert [party["role"] for party in parties] == ["seller"]


def test_the_declared_number_of_lines_is_counted() -> None:
    assert codes(change(LINE, "CTT*2")[1]) == ["ORD.VALIDATION", "ORD.CHANGE_REQUESTED"]


def test_a_schedule_tells_the_new_date_too() -> None:
    _, (event,) = change("POC*1*RS*80*80*EA*2.5*PE*BP*A", "SCH*80*EA***002*20261218")
    assert event.variances[0]["actual"] == {"value": "2026-12-18", "precision": "date"}


def test_the_unit_is_the_first_component_of_a_composite() -> None:
    fact, _ = change("POC*1*QD*80*80*CA>12>EA*2.5*PE*BP*A")
    assert fact.lines[0]["ordered"]["uom_source"] == "CA"


def test_a_code_that_nobody_knows_sets_the_change_aside_or_is_kept_as_the_partners_word() -> None:
    with pytest.raises(Unreadable, match="'Q9' of element 670") as error:
        change("POC*1*Q9*5*5*EA")
    assert error.value.code == "EDI.UNMAPPED_CODE"
    lenient = dataclasses.replace(LAKESIDE, lenient=True)
    _, (event,) = change("POC*1*Q9*5*5*EA", partner=lenient)
    assert event.code == "EDI.UNMAPPED_CODE"
    assert event.source_codes == [{"scheme": "x12-670", "code": "Q9", "mapped": False}]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_every_good_sample_obeys_the_guide_of_both_releases(release: str) -> None:
    found = [each for each in good_sets(x12_860) if each.version == release]
    assert found
    assert problems(found, release) == []


@pytest.mark.parametrize(
    "body",
    [
        ("BCH*04*SA***3*20261118", LINE),
        ("BCH**SA*LK-1**3*20261118", LINE),
        (LINE,),
        ("BCH*04*SA*LK-1**3*20261118", "POC*1"),
        ("BCH*04*SA*LK-1**3*20261118", "POC*1*QD*-5*5*EA"),
        ("BCH*04*SA*LK-1**3*20261118", "POC*1*QD*5*5*EA*x"),
        ("BCH*04*SA*LK-1**3*20261118*****20261199", LINE),
        ("BCH*04*SA*LK-1**3*20261118", "POC*1*RS*5*5*EA", "SCH*5*EA***002*x"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_place_and_remedy(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
