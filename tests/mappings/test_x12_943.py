"""The 943: what is on its way to a warehouse. The whole documents are in mappings/inbound/x12_943/samples."""

from functools import partial

import pytest

from mappings.inbound import x12_943
from tests.mappings.documents import (
    ACME,
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

say = partial(said_by, x12_943, partner=ACME)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_943), release) == []
    assert group_of("943", release) == "AR"


def test_a_transfer_is_a_shipment_to_the_warehouse() -> None:
    fact, *rest = say(
        "W06*F*TR-1*20261118*SHIP-1**4711", "N1*WH*North*91*NS01", "G62*11*20261119", "G62*17*20261121",
        "W27*M*RRFL*RTE*PP*TL*EQIN*7781", "W04*100*EA**VN*PUMP-40", "N9*LI*1", "W03*100",
    )  # fmt: skip
    assert rest == []
    assert fact.kind == "shipped"
    assert fact.refs == [
        {"kind": "warehouse_receipt", "value": "TR-1", "issuer": "acme_supply"},
        {"kind": "supplier_po", "value": "4711", "issuer": "acme_supply"},
        {"kind": "shipment", "value": "SHIP-1"},
    ]
    assert fact.lines[0]["affected"]["value"] == "100"
    assert fact.occurred_at == {"value": "2026-11-19", "precision": "date"}, (
        "when it left, not when it was written"
    )
    told = {name: fact.attributes[name] for name in ("movement", "carrier", "equipment", "delivery_date")}
    assert told == {
        "movement": "to_warehouse", "carrier": "RRFL", "equipment": "EQIN7781", "delivery_date": "2026-11-21",
    }  # fmt: skip


def test_our_own_transfer_is_issued_by_us() -> None:
    (fact,) = say("W06*F*TR-1*20261118", partner=NORTHSTAR, direction="out")
    assert fact.refs[0] == {"kind": "warehouse_receipt", "value": "TR-1", "issuer": "main"}


def test_a_line_that_is_sent_on_hold_is_told_of_the_item() -> None:
    (event,) = events(say("W06*F*TR-1", "LX*1", "W04*40*BX**VN*SEAL-10********QH"))
    assert (event.code, event.cause) == ("INV.HOLD", "inbound_hold")
    assert event.refs[0]["value"] == "SEAL-10"
    assert event.source_codes == [{"scheme": "x12-844", "code": "QH", "mapped": False}]


def test_it_is_sent_in_the_group_ar() -> None:
    # trap 13: 943 is AR, and not, as 940 and 945 would suggest, of their family
    assert group_of("943", "004010") == "AR"


@pytest.mark.parametrize(
    "body",
    [
        ("W06*F",),
        ("W06**TR-1",),
        ("W03*0",),
        ("W06*F*TR-1*20261332",),
        ("W06*F*TR-1", "W04*-1*EA**VN*A"),
        ("W06*9*TR-1",),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


def test_a_transfer_without_lines_is_still_a_fact() -> None:
    assert len(facts(say("W06*F*TR-1"))) == 1
    assert codes(say("W06*F*TR-1")) == []


def test_what_we_send_on_hold_ourselves_is_a_fact_and_no_trouble() -> None:
    body = ("W06*F*TR-1", "LX*1", "W04*40*BX**VN*SEAL-10********QH")
    (fact,) = say(*body, partner=NORTHSTAR, direction="out")
    assert fact.kind == "shipped"


def test_a_lenient_partners_unknown_report_is_told() -> None:
    fact, event = say("W06*Q*TR-1", partner=LENIENT)
    assert (fact.kind, event.code) == ("shipped", "EDI.UNMAPPED_CODE")
