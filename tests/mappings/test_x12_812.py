"""The 812: what is taken back of an invoice. The whole documents are in mappings/inbound/x12_812/samples."""

from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from mappings.inbound import x12_812
from tests.mappings.documents import ACME, LAKESIDE, LENIENT, codes, events, facts, said_by, set_aside

say = partial(said_by, x12_812, partner=LAKESIDE)


def bcd(amount: str = "1000", flag: str = "D") -> str:
    return f"BCD*20261120*CB-1*I*{amount}*{flag}*20261101*INV-1**20261020*PO-1"


def test_a_customers_debit_is_a_deduction_with_its_cause_and_its_amount() -> None:
    fact, event = say(bcd(), "CDD*99*D*3*1000", "LIN*3*UP*012345678905")
    assert fact.kind == "adjusted"
    assert fact.refs == [
        {"kind": "credit_memo", "value": "CB-1", "issuer": "lakeside_retail"},
        {"kind": "invoice", "value": "INV-1", "issuer": "main"},
        {"kind": "customer_po", "value": "PO-1", "issuer": "lakeside_retail"},
    ]
    assert (event.code, event.cause) == ("BIL.DEDUCTION", "late_shipment")
    assert event.title == "Lakeside Retail debited 10.00 of invoice INV-1: shipped late"
    assert event.value_at_risk == {"amount": "10.00", "currency": "USD", "currency_assumed": True}
    assert event.lines[0]["line_ref"] == "3"
    assert event.lines[0]["item_ids"][0]["value"] == "012345678905"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("01", "pricing_error"), ("11", "return_damaged"), ("54", "freight"), ("59", "not_received"),
        ("70", "asn_not_received"), ("87", "duplicate_shipment"), ("99", "late_shipment"), ("A5", "overage"),
        ("A6", "packing_violation"), ("A9", "pod_not_received"),
    ],
)  # fmt: skip
def test_each_reason_of_a_claim_has_its_cause(reason: str, cause: str) -> None:
    assert [event.cause for event in events(say(bcd(), f"CDD*{reason}*D*1*1000"))] == [cause]


@pytest.mark.parametrize("reason", ["81", "76", "C1", "52"])
def test_what_settles_an_account_is_no_deduction(reason: str) -> None:
    assert codes(say(bcd(), f"CDD*{reason}*D*1*1000")) == []


def test_amounts_are_implied_and_prices_and_quantities_are_not() -> None:
    (event,) = events(say(bcd("12345"), "CDD*01*D*1*12345***40*EA*1.25*CON*11.25"))
    assert [variance["attribute"] for variance in event.variances] == ["amount", "unit_price", "quantity"]
    assert event.variances[0]["actual"]["amount"] == "123.45"
    assert event.variances[1]["delta"] == "1.25"
    assert event.lines[0]["unit_price"]["amount"] == "11.25"
    assert event.lines[0]["affected"]["value"] == "40"


@given(cents=st.integers(-(10**13), 10**13), price=st.decimals("-9999", "9999", places=3))
def test_610_is_scaled_exactly_and_212_and_427_never(cents: int, price: Decimal) -> None:
    said = say(bcd(str(cents)), f"CDD*01*D*1*{cents}*****{price}*CON*{price}")
    assert Decimal(facts(said)[0].attributes["total"]) == Decimal(cents) / 100
    assert Decimal(events(said)[0].variances[0]["actual"]["amount"]) == Decimal(cents) / 100
    assert Decimal(events(said)[0].variances[1]["delta"]) == price
    assert Decimal(events(said)[0].lines[0]["unit_price"]["amount"]) == price


def test_a_debit_without_a_reason_is_a_deduction_of_the_whole() -> None:
    (event,) = events(say(bcd("5")))
    assert event.code == "BIL.DEDUCTION"
    assert event.title == "Lakeside Retail debited 0.05 of invoice INV-1, without a reason"


@pytest.mark.parametrize(
    ("details", "says"),
    [
        (("CDD*01*D*1*600", "CDD*99*D*2*400"), "agrees"),
        (("CDD*01*D*1*1400", "CDD*52*C*2*400"), "agrees"),
        (("CDD*01*D*1*600",), "differs"),
        (("CDD*01*D*1",), "not possible: not every reason has an amount"),
    ],
)
def test_the_head_is_compared_with_its_reasons(details: tuple[str, ...], says: str) -> None:
    assert facts(say(bcd(), *details))[0].attributes["total_check"] == says


def test_a_suppliers_credit_names_its_own_invoice_and_is_no_exception() -> None:
    said = say(bcd(flag="C"), "CDD*01*C*1*1000", partner=ACME)
    assert codes(said) == []
    assert facts(said)[0].refs[1:] == [
        {"kind": "invoice", "value": "INV-1", "issuer": "acme_supply"},
        {"kind": "supplier_po", "value": "PO-1", "issuer": "main"},
    ]
    assert codes(say(bcd(flag="D"), "CDD*01*D*1*1000", partner=ACME)) == ["BIL.DEDUCTION"]


def test_what_we_claim_ourselves_is_a_fact_and_no_exception() -> None:
    said = say(bcd(), "CDD*01*D*1*1000", partner=ACME, direction="out")
    assert codes(said) == []
    assert facts(said)[0].refs == [
        {"kind": "credit_memo", "value": "CB-1", "issuer": "main"},
        {"kind": "invoice", "value": "INV-1", "issuer": "acme_supply"},
        {"kind": "supplier_po", "value": "PO-1", "issuer": "main"},
    ]


def test_the_letters_of_a_reason_are_read_in_their_own_list() -> None:
    """Trap 17: 426 A1 is a design charge; 1651 A1 a missed delivery."""
    (event,) = events(say(bcd(), "CDD*A1*D*1*1000"))
    assert (event.cause, event.source_codes[0]["scheme"]) == ("design_charge", "x12-426")


def test_an_unknown_reason_sets_aside_or_is_told_by_the_partners_profile() -> None:
    with pytest.raises(Unreadable) as refused:
        say(bcd(), "CDD*Q7*D*1*1000")
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert "lakeside_retail" in refused.value.remedy
    assert codes(say(bcd(), "CDD*Q7*D*1*1000", partner=LENIENT)) == ["EDI.UNMAPPED_CODE"]


@pytest.mark.parametrize(
    "body",
    [
        ("CDD*01*D*1*1000",),
        ("BCD*20261120**I*1000*D",),
        ("BCD*20261120*CB-1*I**D",),
        (bcd("10.00"),),
        (bcd(), "CDD**D*1*1000"),
        (bcd(), "CDD*01*D*1*ten"),
        (bcd(), "CDD*01*D*1*1***x"),
        ("BCD*20261320*CB-1*I*1000*D",),
        (bcd(), "CUR*BY*EURO"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say(bcd(), "CDD*01*D*1*1000", release=release)) == ["BIL.DEDUCTION"]
