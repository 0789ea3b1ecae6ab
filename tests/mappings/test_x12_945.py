"""The 945: the traps of the trade, one by one. The whole documents are in mappings/inbound/x12_945/samples."""

from functools import partial

import pytest

from crossdock.errors import Unreadable
from mappings.inbound import x12_945
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

say = partial(said_by, x12_945, partner=NORTHSTAR)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_945), release) == []
    assert group_of("945", release) == "SW"


HEAD = "W06*F*DO-1*20261121*SHIP-1**PO-9"


def line(w12: str, number: str = "1", lx: str = "1") -> list[str]:
    return [f"LX*{lx}", w12, *([f"N9*LI*{number}"] if number else [])]


def test_a_shipment_answers_the_depositors_order() -> None:
    fact, *rest = say(
        HEAD, "N1*ST*Store*92*14", "W27*M*RRFL", *line("W12*CC*100*100**EA**VN*A*LOT-1"), "W03*100"
    )
    assert rest == []
    assert fact.kind == "shipped"
    assert fact.refs == [
        {"kind": "warehouse_order", "value": "DO-1", "issuer": "main"},
        {"kind": "customer_po", "value": "PO-9"},
        {"kind": "shipment", "value": "SHIP-1"},
    ]
    assert fact.lines[0]["ordered"]["value"] == fact.lines[0]["affected"]["value"] == "100"
    assert fact.lines[0]["item_ids"][1] == {
        "kind": "lot", "value": "LOT-1", "issuer": "northstar_3pl", "scheme": "lot",
    }  # fmt: skip
    assert fact.attributes["units_declared"] == "100"


# ── trap 5: silence has meaning ──────────────────────────────────────────────────────────────────────────────


def test_no_exceptions_and_no_lines_is_a_full_shipment() -> None:
    (fact,) = say("W06*N*DO-1*20261121", "W03*920")
    assert fact.lines == []
    assert fact.attributes["silence"] == "complete"
    assert fact.attributes["complete"] == "true", "nothing of the order is still to come"


def test_exceptions_only_leaves_the_absent_lines_complete() -> None:
    fact, event = say("W06*X*DO-1*20261121", *line("W12*CP*40*25*15*BX**VN*B", "2"))
    assert fact.attributes["silence"] == "complete"
    assert "complete" not in fact.attributes
    assert [each["line_ref"] for each in fact.lines] == ["2"]
    assert event.code == "FUL.SHORT_PICK"


def test_a_full_report_must_list_every_line() -> None:
    (fact,) = say("W06*F*DO-1*20261121", "W03*0")
    assert fact.attributes["silence"] == "unaccounted"
    assert "complete" not in fact.attributes


def test_no_exceptions_beside_a_short_line_is_not_believed() -> None:
    fact, event = say("W06*N*DO-1*20261121", *line("W12*CC*40*25**BX**VN*B"))
    assert "complete" not in fact.attributes
    assert event.code == "FUL.SHORT_PICK"


def test_an_exercise_has_no_troubles() -> None:
    assert events(say("W06*K*DO-1*20261121", *line("W12*CP*40*25*15*BX**VN*B"))) == []


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("01", "out_of_stock"),
        ("04", "hold"),
        ("07", "inventory_discrepancy"),
        ("11", "loading_error"),
        ("13", "allocation_exceeded"),
        ("17", "discontinued"),
    ],
)
def test_a_short_line_says_why(reason: str, cause: str) -> None:
    (event,) = events(say(HEAD, *line(f"W12*CP*40*25*15*BX**VN*B***********{reason}")))
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", cause)
    assert event.refs[0]["kind"] == "warehouse_order"
    assert event.lines[0]["affected"]["value"] == "15"
    assert event.variances[0]["delta"] == "-15"
    assert [code["scheme"] for code in event.source_codes] == ["x12-368", "x12-892"]


def test_the_quantities_tell_a_short_line_that_its_status_calls_complete() -> None:
    (event,) = events(say(HEAD, *line("W12*CC*40*25**BX**VN*B")))
    assert event.code == "FUL.SHORT_PICK"
    assert event.method == "rule"


def test_a_backordered_line_is_one_trouble_with_that_cause() -> None:
    (event,) = events(say(HEAD, *line("W12*BO*40*0**BX**VN*B")))
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", "out_of_stock")


def test_more_than_ordered_is_told() -> None:
    (event,) = events(say(HEAD, *line("W12*CC*40*45**BX**VN*B")))
    assert event.code == "FUL.OVER_SHIP"
    assert event.title == "Northstar Logistics shipped 5 BX too many on warehouse order DO-1 line 1"


def test_a_difference_stands_in_for_the_quantity_that_is_not_said() -> None:
    fact, event = say(HEAD, *line("W12*CP*40**15*BX**VN*B"))
    assert fact.lines[0]["affected"]["value"] == "25"
    assert event.lines[0]["affected"]["value"] == "15"
    (event,) = events(say(HEAD, *line("W12*CP***-15*BX**VN*B")))
    assert event.lines[0]["affected"]["value"] == "15", "some warehouses sign the difference, some do not"


def test_a_reason_counts_even_where_the_quantities_deny_it() -> None:
    (event,) = events(say(HEAD, *line("W12*CC*40*40**BX**VN*B***********01")))
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", "out_of_stock")
    assert "affected" not in event.lines[0]


def test_a_substitute_names_the_original_item() -> None:
    (event,) = events(say(HEAD, *line("W12*IS*30*30**EA**VN*VALVE-26*********VN*VALVE-25")))
    assert event.code == "INV.SUBSTITUTION"
    assert [item["value"] for item in event.lines[0]["item_ids"]] == ["VALVE-25"]
    assert [item["value"] for item in event.lines[0]["substitutes"]] == ["VALVE-26"]
    assert event.variances[0]["expected"]["value"] == "VALVE-25"


def test_a_substitute_on_a_line_of_its_own_is_not_too_many() -> None:
    found = events(
        say(
            HEAD,
            *line("W12*CP*30*0**EA**VN*VALVE-25"),
            *line("W12*IS*0*30**EA**VN*VALVE-26*********VN*VALVE-25", "2", "2"),
        )
    )
    assert codes(found) == ["FUL.SHORT_PICK", "INV.SUBSTITUTION"]


def test_a_line_in_several_cartons_is_one_line() -> None:
    fact, *rest = say(HEAD, *line("W12*CC*100*60**EA**VN*A"), *line("W12*CC*100*40**EA**VN*A", lx="2"))
    assert rest == []
    assert [each["affected"]["value"] for each in fact.lines] == ["100"]
    fact, event = say(
        HEAD, *line("W12*CC*100*60**EA**VN*A"), *line("W12*CP*100*30**EA**VN*A***********01", lx="2")
    )
    assert event.lines[0]["affected"]["value"] == "10"
    assert event.cause == "out_of_stock"


def test_cartons_of_one_item_without_a_line_number_are_one_line_where_they_read_as_one() -> None:
    fact, *rest = say(HEAD, *line("W12*SH*20*12**BX**VN*B", ""), *line("W12*SH*20*8**BX**VN*B", "", "2"))
    assert rest == []
    assert [each["affected"]["value"] for each in fact.lines] == ["20"]


def test_two_lines_of_one_item_that_each_name_what_is_missing_stay_two() -> None:
    found = events(say(HEAD, *line("W12*CP*20*12*8*BX**VN*B", ""), *line("W12*CP*20*8*12*BX**VN*B", "", "2")))
    assert [event.lines[0]["affected"]["value"] for event in found] == ["8", "12"]


# ── trap 14: a reversal ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("shipped", "code"), [("40", "2"), ("-40", "2"), ("-40", "")])
def test_a_reversal_is_applied_once_however_it_is_said(shipped: str, code: str) -> None:
    fact, *rest = say(HEAD, *line(f"W12*SH*40*{shipped}**EA**VN*A************{code}"))
    assert fact.lines[0]["affected"]["value"] == "-40"
    assert rest == []


def test_a_line_of_normal_effect_is_no_reversal() -> None:
    fact, *_ = say(HEAD, *line("W12*SH*40*40**EA**VN*A************1"))
    assert fact.lines[0]["affected"]["value"] == "40"


# ── date and carrier ─────────────────────────────────────────────────────────────────────────────────────────


def test_another_shipping_date_says_why() -> None:
    (event,) = events(say("W06*N*DO-1*20261123*******02", "G62*10*20261120"))
    assert (event.code, event.cause) == ("FUL.SHIP_DATE_CHANGED", "carrier_late")
    assert event.variances[0]["expected"] == {"value": "2026-11-20", "precision": "date"}
    assert event.variances[0]["actual"] == {"value": "2026-11-23", "precision": "date"}


def test_another_carrier_says_why() -> None:
    (event,) = events(say("W06*N*DO-1*20261123", "W27*M*OTHR*ROUTE*******03"))
    assert (event.code, event.cause) == ("FUL.CARRIER_CHANGED", "missed_appointment")
    assert event.variances[0] == {"attribute": "carrier", "expected": None, "actual": "OTHR"}


def test_the_same_number_is_another_reason_in_another_element() -> None:
    # 03 is the weather in 891, a missed appointment in 890, a booking location in 892
    found = events(
        say(
            "W06*F*DO-1*20261123*******03",
            "W27*M*OTHR*R*******03",
            *line("W12*CP*2*1**EA**VN*A***********03"),
        )
    )
    assert [event.cause for event in found] == ["weather", "missed_appointment", "booking_location"]


def test_the_same_letters_mean_another_thing_in_another_element() -> None:
    # 368 ID is missing information, 668 ID a line taken off the order: a 945 speaks 368
    (event,) = events(say(HEAD, *line("W12*ID*10*0**EA**VN*A")))
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", "insufficient_information")


# ── numbers, parties, codes ──────────────────────────────────────────────────────────────────────────────────


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = facts(say(HEAD, "N1*ST*Store 14*9*0060034960014", "N1*ST*Lakeside*1*006003496"))
    assert sum(party["role"] == "ship_to" for party in fact.parties) == 1


def test_without_an_order_number_the_shipment_is_the_key() -> None:
    (fact,) = facts(say("W06*N**20020916*2144"))
    assert fact.refs[0] == {"kind": "shipment", "value": "2144"}


@pytest.mark.parametrize(
    ("body", "element"),
    [
        (("W06*Q*DO-1",), "514"),
        (("W06*F*DO-1********XX",), "891"),
        ((HEAD, *line("W12*QQ*1*1**EA**VN*A")), "368"),
        ((HEAD, *line("W12*CC*2*1**EA**VN*A***********77")), "892"),
        ((HEAD, *line("W12*CC*1*1**EA**VN*A************7")), "893"),
        ((HEAD, "W27*M*OTHR*R*******77"), "890"),
    ],
)
def test_an_unknown_code_sets_the_set_aside(body: tuple[str, ...], element: str) -> None:
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert f"element {element}" in str(refused.value)


def test_a_lenient_partners_unknown_report_and_reason_are_told_and_the_rest_is_mapped() -> None:
    fact, *found = say("W06*Q*DO-1*20261121", *line("W12*CP*2*1**EA**VN*A***********77"), partner=LENIENT)
    assert fact.lines[0]["affected"]["value"] == "1"
    assert codes(found) == ["EDI.UNMAPPED_CODE", "FUL.SHORT_PICK", "EDI.UNMAPPED_CODE"]


@pytest.mark.parametrize(
    "body",
    [
        ("W06*F",),
        ("W06**DO-1",),
        ("W03*0",),
        ("W06*F*DO-1", "W06*F*DO-2"),
        ("W06*F*DO-1*20261332",),
        (HEAD, "LX*1", "W12**1*1"),
        (HEAD, "LX*1", "W12*CC*x*1**EA**VN*A"),
        (HEAD, "LX*1", "W12*CC*-1*1**EA**VN*A"),
        (HEAD, "W03*lots"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
