"""The 940: what a warehouse is told. The whole documents are in mappings/inbound/x12_940/samples."""

from functools import partial

import pytest

from canonical.events import Fact
from mappings.inbound import x12_940
from tests.mappings.documents import (
    LAKESIDE,
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

say = partial(said_by, x12_940, partner=LAKESIDE)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_940), release) == []
    assert group_of("940", release) == "OW"


def test_an_order_says_what_to_ship_and_until_when() -> None:
    (fact,) = say(
        "W05*N*DO-1*PO-9", "N1*ST*Store*92*14", "G62*10*20261202", "G62*38*20261204", "LX*1",
        "W01*750*CA**VN*A*UK*10725342387462", "N9*LI*10", "W76*750",
    )  # fmt: skip
    assert isinstance(fact, Fact)
    assert fact.kind == "instructed"
    assert fact.refs == [
        {"kind": "warehouse_order", "value": "DO-1", "issuer": "lakeside_retail"},
        {"kind": "customer_po", "value": "PO-9"},
    ]
    (line,) = fact.lines
    assert line["line_ref"] == "10"
    assert line["ordered"]["value"] == "750"
    assert [item.get("scheme") for item in line["item_ids"]] == ["vendor-item", "gtin-14"]
    assert fact.attributes["ship_date"] == "2026-12-02", "from this day on its shipment is awaited"
    assert fact.attributes["units_declared"] == "750"


def test_our_own_order_to_a_warehouse_is_issued_by_us() -> None:
    (fact,) = say("W05*N*DO-1*PO-9", partner=NORTHSTAR, direction="out")
    assert fact.refs[0] == {"kind": "warehouse_order", "value": "DO-1", "issuer": "main"}


@pytest.mark.parametrize(
    ("status", "purpose"), [("N", "00"), ("F", "01"), ("D", "01"), ("R", "04"), ("C", "06"), ("T", "15")]
)
def test_what_an_order_does_is_said_in_the_words_of_all_sets(status: str, purpose: str) -> None:
    (fact,) = say(f"W05*{status}*DO-1")
    assert fact.attributes["purpose"] == purpose
    assert fact.attributes["status"] == status


def test_a_status_of_nobody_leaves_the_purpose_open() -> None:
    (fact,) = say("W05*9*DO-1")
    assert "purpose" not in fact.attributes


def test_lines_of_one_item_without_numbers_stay_apart() -> None:
    (fact,) = say("W05*N*DO-1", "LX", "W01*1*EA**VN*A", "W01*2*EA**VN*A", "W76*3")
    refs = [line["line_ref"] for line in fact.lines]
    assert len(set(refs)) == 2
    assert [line["ordered"]["value"] for line in fact.lines] == ["1", "2"]


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = say("W05*N*DO-1", "N1*ST*Store 14*9*0060034960014", "N1*ST*Lakeside*1*006003496")
    assert sum(party["role"] == "ship_to" for party in fact.parties) == 1


@pytest.mark.parametrize(
    "body",
    [
        ("W05*N**PO-1",),
        ("W05**DO-1",),
        ("W76*0",),
        ("W05*N*DO-1", "W05*N*DO-2"),
        ("W05*N*DO-1", "G62*10*20261332"),
        ("W05*N*DO-1", "LX*1", "W01*-1*EA**VN*A"),
        ("W05*N*DO-1", "W76*many"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


def test_an_order_by_itself_is_no_exception() -> None:
    assert events(say("W05*N*DO-1", "LX*1", "W01*1*EA**VN*A")) == []
    assert codes([]) == []
    assert len(facts(say("W05*N*DO-1"))) == 1
