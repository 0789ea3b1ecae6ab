"""The 846: how much there is. The whole documents are in mappings/inbound/x12_846/samples."""

from functools import partial
from typing import Any

import pytest

from mappings.inbound import x12_846
from tests.mappings.documents import (
    LENIENT,
    NORTHSTAR,
    codes,
    facts,
    good_sets,
    group_of,
    problems,
    said_by,
    set_aside,
)

say = partial(said_by, x12_846, partner=NORTHSTAR)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_846), release) == []
    assert group_of("846", release) == "IB"


HEAD = "BIA*00*DD*INV-1*20261120*0600"


def stock(*quantities: str) -> list[Any]:
    return say(HEAD, "LIN*1*VN*PUMP-40", *quantities, "CTT*1")


def test_each_kind_of_quantity_is_a_fact_with_all_of_its_items() -> None:
    found = facts(
        say(
            HEAD,
            "LIN*1*VN*A",
            "QTY*33*120*EA",
            "QTY*17*140*EA",
            "LIN*2*VN*B",
            "QTY*33*7*BX",
            "QTY*17*9*BX",
            "CTT*2",
        )
    )
    assert [fact.kind for fact in found] == ["inventory", "inventory"]
    assert [fact.attributes["quantity_kind"] for fact in found] == ["available", "on_hand"]
    assert [[line["affected"]["value"] for line in fact.lines] for fact in found] == [
        ["120", "7"],
        ["140", "9"],
    ]
    assert found[0].refs == [
        {"kind": "feed", "value": "x12/846", "issuer": "northstar_3pl"},
        {"kind": "message", "value": "INV-1", "issuer": "northstar_3pl"},
    ]
    assert found[0].occurred_at == {
        "value": "2026-11-20T06:00-06:00", "precision": "minute", "tz_source": "partner-default",
        "source_text": "2026-11-20T06:00",
    }  # fmt: skip


def test_an_item_is_known_by_its_number_and_not_by_its_place_in_the_report() -> None:
    (fact,) = facts(say(HEAD, "LIN*17*VN*PUMP-40", "QTY*33*1*EA", "CTT*1"))
    assert fact.lines[0]["line_ref"] == "PUMP-40"


@pytest.mark.parametrize("qualifier", ["33", "17"])
def test_nothing_left_is_no_exception_by_itself_and_is_said_in_the_fact(qualifier: str) -> None:
    (fact,) = stock(f"QTY*{qualifier}*0*EA")
    assert fact.lines[0]["affected"]["value"] == "0"
    assert fact.attributes["zero_lines"] == "1"


@pytest.mark.parametrize(
    ("qualifier", "code", "cause"),
    [
        ("BQ", "INV.SHORTAGE", "backordered"),
        ("SH", "INV.SHORTAGE", "shortage"),
        ("QH", "INV.HOLD", "hold"),
        ("74", "INV.HOLD", "damaged"),
    ],
)
def test_a_quantity_that_is_a_trouble_is_told_of_the_item(qualifier: str, code: str, cause: str) -> None:
    _, event = stock(f"QTY*{qualifier}*15*EA")
    assert (event.code, event.cause) == (code, cause)
    assert event.refs[0] == {"kind": "item", "value": "PUMP-40", "scheme": "vendor-item"}
    assert event.lines[0]["affected"]["value"] == "15"
    assert len(stock(f"QTY*{qualifier}*0*EA")) == 1, "none of it is no trouble"


def test_a_lead_time_is_a_quantity_of_time() -> None:
    (lead, _) = facts(say(HEAD, "LIN*1*VN*A", "LDT*AF*14*DA", "QTY*33*1*EA", "CTT*1"))
    assert lead.attributes["quantity_kind"] == "lead_time"
    assert lead.lines[0]["affected"] == {"value": "14", "uom": "DAY", "uom_source": "DA"}


def test_each_place_has_its_own_figures() -> None:
    found = facts(say(
        HEAD, "LIN**VN*A", "N1*WH*North*92*NS01", "QTY*33*12*CA", "N1*WH*South*92*NS02", "QTY*33*0*CA",
        "LIN**VN*B", "N1*WH*North*92*NS01", "QTY*33*7*CA", "CTT*2",
    ))  # fmt: skip
    assert [fact.attributes["location"] for fact in found] == ["NS01", "NS02"]
    assert [[line["line_ref"] for line in fact.lines] for fact in found] == [["A", "B"], ["A"]]
    assert {
        "role": "warehouse",
        "ids": [{"scheme": "assigned-by-buyer", "value": "NS02"}],
        "name": "South",
    } in found[1].parties


def test_what_is_expected_on_a_day_is_apart_from_what_is_there() -> None:
    found = facts(say(HEAD, "LIN**VN*A", "QTY*33*1*EA", "QTY*29*50*EA", "DTM*018*20261201", "CTT*1"))
    assert [fact.attributes.get("available_date") for fact in found] == [None, "2026-12-01"]


def test_words_in_place_of_a_quantity_are_no_figure() -> None:
    found = facts(say(HEAD, "LIN**VN*A", "QTY*33*1*EA", "QTY*17**EA*PLENTY", "CTT*1"))
    assert len(found) == 1


def test_the_title_of_a_report_that_nobody_knows_blocks_nothing() -> None:
    (fact,) = facts(say("BIA*00*ZQ*INV-1*20261120", "LIN**VN*A", "QTY*33*1*EA", "CTT*1"))
    assert fact.attributes["report"] == "ZQ"


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = facts(
        say(HEAD, "N1*WH*A*9*1234567890002", "N1*WH*A*1*123456789", "LIN**VN*A", "QTY*33*1*EA", "CTT*1")
    )
    assert sum(party["role"] == "warehouse" for party in fact.parties) == 1


def test_a_lenient_partners_unknown_quantity_is_kept_and_told() -> None:
    (fact,) = facts(say(HEAD, "LIN**VN*A", "QTY*Q7*5*EA", "CTT*1", partner=LENIENT))
    assert fact.attributes["quantity_kind"] == "x12-673.Q7"
    assert codes(say(HEAD, "LIN**VN*A", "QTY*Q7*5*EA", "CTT*1", partner=LENIENT)) == ["EDI.UNMAPPED_CODE"]


@pytest.mark.parametrize(
    "body",
    [
        (HEAD,),
        (HEAD, "LIN**VN*A"),
        ("LIN**VN*A", "QTY*33*1*EA"),
        ("BIA*00*DD*I*20269920", "LIN**VN*A", "QTY*33*1*EA"),
        (HEAD, "LIN**VN*A", "QTY*33*lots*EA"),
        (HEAD, "LIN**VN*A", "QTY**1*EA"),
        (HEAD, "LIN**VN*A", "QTY*Q7*1*EA"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


def test_what_we_hold_back_ourselves_is_a_fact_and_no_trouble() -> None:
    body = (HEAD, "LIN**VN*A", "QTY*20*4*EA")
    assert codes(say(*body)), "said by the partner it is one"
    ours = say(*body, direction="out")
    assert facts(ours) and codes(ours) == []
