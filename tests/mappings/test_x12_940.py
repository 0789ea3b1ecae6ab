"""The 940: what a warehouse is told. The whole documents are in mappings/inbound/x12_940/samples."""

from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.formats.x12 import TransactionSet, guides, read
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden
from mappings.inbound import x12_940

LAKESIDE = Partners.load().named("lakeside_retail")


def a_document(*body: str, release: str = "004010") -> TransactionSet:
    segments = ["ST*940*0001", *body, f"SE*{len(body) + 2}*0001"]
    text = "~".join(
        [
            "ISA*00*          *00*          *ZZ*LAKESIDE       *ZZ*CROSSDOCK      "
            "*261120*1402*U*00401*000000101*0*P*>",
            f"GS*OW*LAKESIDE*CROSSDOCK*20261120*1402*101*X*{release}",
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
    return list(x12_940.map(a_document(*body), context))


def facts(*body: str, **how: Any) -> list[Fact]:
    return [each for each in say(*body, **how) if isinstance(each, Fact)]


def events(*body: str, **how: Any) -> list[ExceptionEvent]:
    return [each for each in say(*body, **how) if isinstance(each, ExceptionEvent)]


def codes(found: list[ExceptionEvent]) -> list[str]:
    return [event.code for event in found]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    for sample in golden.samples(x12_940):
        if sample.name.startswith("hostile_"):
            continue
        for item in read(sample.read_bytes()):
            if isinstance(item, TransactionSet):
                found = guides.guide("940", release)
                assert found is not None
                assert found.functional_group == "OW"
                assert [guides.say(problem) for problem in found.check(item)] == [], sample.name


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
    warehouse = Partners.load().named("northstar_3pl")
    (fact,) = say("W05*N*DO-1*PO-9", partner=warehouse, direction="out")
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
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.place.segment is not None
    assert refused.value.remedy


def test_an_order_by_itself_is_no_exception() -> None:
    assert events("W05*N*DO-1", "LX*1", "W01*1*EA**VN*A") == []
    assert codes([]) == []
    assert len(facts("W05*N*DO-1")) == 1
