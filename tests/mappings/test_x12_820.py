"""The 820: what was paid and what was kept back. The whole documents are in mappings/inbound/x12_820/samples."""

from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from mappings.inbound import x12_820
from tests.mappings.documents import ACME, LAKESIDE, LENIENT, codes, events, facts, said_by, set_aside

HEAD = ("BPR*C*900*C*ACH************20261125", "TRN*1*RA-1", "ENT*1")

say = partial(said_by, x12_820, *HEAD, partner=LAKESIDE)


def rmr(paid: str, billed: str = "", discount: str = "", reason: str = "") -> str:
    return f"RMR*IV*INV-1*PO*{paid}*{billed}*{discount}*{reason}".rstrip("*")


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_remittance_is_a_fact_and_so_is_each_item_that_it_pays() -> None:
    whole, item = facts(say(rmr("900", "950", "50"), "REF*PO*PO-1", "DTM*003*20261101"))
    assert whole.refs == [{"kind": "remittance", "value": "RA-1", "issuer": "lakeside_retail"}]
    assert (whole.kind, whole.attributes["total"], whole.attributes["total_check"]) == (
        "paid",
        "900.00",
        "agrees",
    )
    assert item.refs == [
        {"kind": "remittance", "value": "RA-1", "issuer": "lakeside_retail"},
        {"kind": "invoice", "value": "INV-1", "issuer": "main"},
        {"kind": "customer_po", "value": "PO-1", "issuer": "lakeside_retail"},
    ]
    assert item.attributes == {
        "method": "ACH",
        "payment_date": "2026-11-25",
        "currency": "USD",
        "item": "1",
        "paid": "900.00",
        "billed": "950.00",
        "discount": "50.00",
        "action": "PO",
        "invoice_date": "2026-11-01",
    }


def test_our_own_remittance_pays_the_suppliers_invoice_and_keeps_back_nothing_of_ours() -> None:
    said = say(rmr("900", "1000"), "ADX*-50*01", partner=ACME, direction="out")
    assert codes(said) == []
    assert facts(said)[1].refs[:2] == [
        {"kind": "remittance", "value": "RA-1", "issuer": "main"},
        {"kind": "invoice", "value": "INV-1", "issuer": "acme_supply"},
    ]


def test_a_remittance_of_more_invoices_than_a_fact_can_name_loses_none() -> None:
    items = [f"RMR*IV*INV-{n}*PO*1" for n in range(200)]
    said = facts(say(*items))
    assert len(said) == 201
    assert {ref["value"] for fact in said for ref in fact.refs if ref["kind"] == "invoice"} == {
        f"INV-{n}" for n in range(200)
    }


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────


@given(paid=st.decimals("-99999999", "99999999", places=2))
def test_782_is_never_scaled(paid: Decimal) -> None:
    item = facts(say(rmr(str(paid))))[1]
    assert Decimal(item.attributes["paid"]) == paid


@given(cents=st.integers(0, 10**12))
def test_610_under_an_item_is_scaled_exactly(cents: int) -> None:
    item = facts(say(rmr("900"), "IT1*1*1*EA*1", f"SAC*A*C310***{cents}"))[1]
    assert Decimal(item.attributes.get("allowances", "0")) == Decimal(cents) / 100


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_without_a_reason_is_a_short_payment() -> None:
    (event,) = events(say(rmr("900", "1000", "20")))
    assert event.code == "BIL.SHORT_PAY"
    assert event.refs[0] == {"kind": "invoice", "value": "INV-1", "issuer": "main"}
    assert event.title == "Lakeside Retail paid 80.00 too little of invoice INV-1"
    assert event.variances[0]["delta"] == "-80"
    assert event.value_at_risk == {"amount": "80", "currency": "USD", "currency_assumed": True}


@pytest.mark.parametrize(
    ("item", "more"),
    [
        (rmr("900", "900"), ()),
        (rmr("900", "920", "20"), ()),
        (rmr("900", "920", "-20"), ()),
        (rmr("920", "900"), ()),
        (rmr("900"), ()),
        (rmr("-150", "-150"), ()),
        (rmr("900", "1000"), ("ADX*-100*81",)),
        (rmr("1000", "1000"), ("ADX*-100*81",)),
    ],
)
def test_what_is_paid_as_due_discounted_or_settled_is_no_short_payment(
    item: str, more: tuple[str, ...]
) -> None:
    assert codes(say(item, *more)) == []


def test_a_reason_explains_what_is_missing_and_what_it_does_not_explain_is_short() -> None:
    deduction, short = events(say(rmr("750", "1000"), "ADX*-200*A6*CM*CB-1"))
    assert (deduction.code, deduction.cause) == ("BIL.DEDUCTION", "packing_violation")
    assert (short.code, short.value_at_risk) == (
        "BIL.SHORT_PAY",
        {"amount": "50", "currency": "USD", "currency_assumed": True},
    )
    assert {"kind": "credit_memo", "value": "CB-1", "issuer": "lakeside_retail"} in deduction.refs


@pytest.mark.parametrize("amount", ["200", "-200"])
def test_a_reason_within_the_item_is_one_with_its_minus_and_without(amount: str) -> None:
    (event,) = events(say(rmr("800", "1000", "", f"A6*{amount}")))
    assert (event.code, event.value_at_risk["amount"]) == ("BIL.DEDUCTION", "200")


def test_a_deduction_of_no_invoice_belongs_to_the_remittance() -> None:
    (event,) = events(say("ADX*-143.76*59", "NTE*GEN*Two cartons", rmr("900", "900")))
    assert event.refs == [{"kind": "remittance", "value": "RA-1", "issuer": "lakeside_retail"}]
    assert (event.cause, event.detail) == ("not_received", "Two cartons")


def test_what_adds_to_a_payment_is_no_deduction() -> None:
    assert codes(say("ADX*100*01", rmr("800", "800"))) == []


@given(
    billed=st.decimals("0.01", "99999", places=2),
    discount=st.decimals("0", "999", places=2),
    deduction=st.decimals("0.01", "9999", places=2),
    missing=st.decimals("0", "9999", places=2),
)
def test_deductions_and_short_payment_are_all_that_was_not_paid(
    billed: Decimal, discount: Decimal, deduction: Decimal, missing: Decimal
) -> None:
    paid = billed - discount - deduction - missing
    told = events(say(rmr(str(paid), str(billed), str(discount)), f"ADX*-{deduction}*01"))
    kept = {event.code: Decimal(event.value_at_risk["amount"]) for event in told}
    assert kept.get("BIL.DEDUCTION") == deduction
    assert kept.get("BIL.SHORT_PAY", Decimal(0)) == missing


def test_an_unknown_reason_sets_aside_or_is_told_by_the_partners_profile() -> None:
    with pytest.raises(Unreadable) as refused:
        say(rmr("900", "1000"), "ADX*-100*Q8")
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert codes(say(rmr("900", "1000"), "ADX*-100*Q8", partner=LENIENT)) == ["EDI.UNMAPPED_CODE"]


def test_an_item_outside_of_its_loop_is_never_dropped() -> None:
    with pytest.raises(Unreadable, match="stands in no ENT loop"):
        said_by(x12_820, *HEAD[:2], rmr("900"), partner=LAKESIDE)


@pytest.mark.parametrize(
    "body",
    [
        ("TRN*1*RA-1",),
        ("BPR*C**C*ACH", "TRN*1*RA-1"),
        ("BPR*C*9,5*C*ACH", "TRN*1*RA-1"),
        ("BPR*C*95*C*ACH",),
        ("BPR*C*95*C*ACH************20261399", "TRN*1*RA-1"),
        (*HEAD, "ADX**01"),
        (*HEAD, "ADX*-1"),
        (*HEAD, "RMR*IV*INV-1*PO*much"),
        (*HEAD, "RMR*IV*INV-1*PO*1", "IT1*1", "SAC*A*C310***1.50"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(said_by, x12_820, *body, partner=LAKESIDE)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say(rmr("900", "1000"), release=release)) == ["BIL.SHORT_PAY"]
