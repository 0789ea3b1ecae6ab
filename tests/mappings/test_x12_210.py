"""The 210: a freight invoice, added up. The whole documents are in mappings/inbound/x12_210/samples."""

from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.inbound import x12_210
from tests.mappings.documents import ROADRUNNER, codes, events, facts, said_by, set_aside

say = partial(said_by, x12_210, partner=ROADRUNNER)


def b3(net: str = "10000") -> str:
    return f"B3**FB-1*LD-1*PP**20261126*{net}**20261126*035*RRFL"


def l1(amount: str, code: str = "") -> str:
    return f"L1*1***{amount}****{code}".rstrip("*")


def test_a_freight_invoice_is_the_carriers_and_names_shipment_and_pro() -> None:
    (fact,) = facts(
        say(
            b3(),
            "C3*CAD",
            "N9*CN*771",
            "N9*BM*B-1",
            "LX*1",
            "L0*1*******3*PLT",
            l1("9000"),
            l1("1000", "FUE"),
        )
    )
    assert fact.kind == "invoiced"
    assert fact.refs == [
        {"kind": "invoice", "value": "FB-1", "issuer": "roadrunner"},
        {"kind": "shipment", "value": "LD-1"},
        {"kind": "pro", "value": "771", "issuer": "RRFL"},
        {"kind": "bol", "value": "B-1"},
    ]
    assert fact.lines == [
        {
            "line_ref": "1",
            "affected": {"value": "3", "uom": "C62", "uom_source": "PLT", "uom_scheme_source": "free-text"},
        }
    ]
    kept = fact.attributes
    assert (kept["total"], kept["currency"], kept["charges"]) == ("100.00", "CAD", "100.00")
    assert (kept["linehaul"], kept["charge.fue"]) == ("90.00", "10.00")
    assert (kept["invoice_date"], kept["delivery_date"]) == ("2026-11-26", "2026-11-26")


def test_charges_that_do_not_add_up_to_what_is_to_be_paid_are_told_with_all_sums() -> None:
    (event,) = events(say(b3(), "LX*1", l1("9000"), "L3*****9500"))
    assert event.code == "BIL.TOTAL"
    assert event.detail == "net 100.00 (B307), charges 90.00 (L1), total 95.00 (L305)"
    assert event.variances[0]["delta"] == "10.00"
    assert event.value_at_risk == {"amount": "10.00", "currency": "USD", "currency_assumed": True}


@pytest.mark.parametrize(
    "body",
    [
        (b3(), "LX*1", l1("9000"), "LX*2", l1("1000"), "L3*****10000"),
        (b3(), "LX*1", l1("12000"), l1("-2000", "DSC")),
        (b3("-5"), "LX*1", l1("-5", "DSC")),
        (b3(), "L3*****10000"),
        (b3("11000"), "LX*1", "L1*1***10000*1000", "L3*****10000"),
        (b3("9000"), "LX*1", "L1*1***10000**1000", "L3*****10000"),
        (b3("10500"), "LX*1", l1("10000"), "L3*****10000*1000*500"),
        (b3(),),
    ],
)
def test_charges_discounts_advances_and_what_is_prepaid_add_up(body: tuple[str, ...]) -> None:
    assert codes(say(*body)) == []


@pytest.mark.parametrize(
    "body",
    [
        (b3(), "LX*1", l1("9999")),
        (b3(), "LX*1", l1("10000"), "L3*****10001"),
        (b3(), "L3*****9000"),
        (b3("5"), "LX*1", l1("50")),
    ],
)
def test_a_cent_is_a_difference_for_nothing_is_rounded_here(body: tuple[str, ...]) -> None:
    assert codes(say(*body)) == ["BIL.TOTAL"]


@given(
    charges=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12),
    rate=st.decimals("0", "999", places=4),
)
def test_every_charge_is_scaled_exactly_and_no_rate_is(charges: list[int], rate: Decimal) -> None:
    body = [f"L1*1*{rate}*PH*{cents}" for cents in charges]
    said = say(b3(str(sum(charges))), "LX*1", *body)
    assert codes(said) == []
    assert Decimal(facts(said)[0].attributes["charges"]) == Decimal(sum(charges)) / 100


def test_a_bill_without_charges_says_that_it_could_not_be_checked() -> None:
    assert facts(say(b3()))[0].attributes["total_check"] == "not possible: there are no charges"


@pytest.mark.parametrize(
    "body",
    [
        ("C3*USD",),
        ("B3***LD-1*PP**20261126*100****RRFL",),
        ("B3**FB-1*LD-1*PP**20261126*****RRFL",),
        (b3("100.00"),),
        (b3(), "C3*EURO"),
        (b3(), "LX*1", "L1*1***5E3"),
        (b3(), "LX*1", "L0*1*******-3*PLT"),
        (b3(), "L3*heavy"),
        ("B3**FB-1*LD-1*PP**20261399*100****RRFL",),
        (b3(), "G62*86*20261126*8*0900*QQ"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say(b3(), "LX*1", l1("9999"), release=release)) == ["BIL.TOTAL"]
