"""The 810: what an invoice says against itself. The whole documents are in mappings/inbound/x12_810/samples."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from mappings.inbound import x12_810
from tests.mappings.documents import ACME, LAKESIDE, LENIENT, codes, events, facts, said_by, set_aside

BIG = "BIG*20261120*INV-1*20261101*4500123456"

say = partial(said_by, x12_810, partner=ACME)


def attributes(*body: str) -> Any:
    return facts(say(*body))[0].attributes


# ── trap 8: implied decimals ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tds", "total"),
    [("12345", "123.45"), ("5", "0.05"), ("-12345", "-123.45"), ("0", "0.00"), ("000100", "1.00")],
)
def test_the_total_has_two_implied_decimals(tds: str, total: str) -> None:
    assert attributes(BIG, f"TDS*{tds}")["total"] == total


@pytest.mark.parametrize("tds", ["123.45", "1E3", "+5", "1 000", "--5", "5-", "٥"])
def test_a_total_that_is_no_whole_number_is_never_guessed_at(tds: str) -> None:
    with pytest.raises(Unreadable, match="implied decimals") as refused:
        say(BIG, f"TDS*{tds}")
    assert (refused.value.place.segment_id, refused.value.place.element) == ("TDS", 1)


@given(cents=st.integers(-(10**14), 10**14), price=st.decimals("-99999", "99999", places=4))
def test_amounts_are_scaled_exactly_and_prices_never(cents: int, price: Decimal) -> None:
    fact = facts(say(BIG, f"IT1*1*1*EA*{price}**BP*A", f"TDS*{cents}"))[0]
    assert Decimal(fact.attributes["total"]) == Decimal(cents) / 100
    assert Decimal(fact.lines[0]["unit_price"]["amount"]) == price


@given(
    lines=st.lists(
        st.tuples(st.integers(1, 9999), st.decimals("0.0001", "9999", places=4)), min_size=1, max_size=8
    ),
    charge=st.integers(0, 10**6),
)
def test_the_exact_sum_of_the_parts_is_the_total_and_a_coin_more_than_rounding_is_not(
    lines: list[tuple[int, Decimal]], charge: int
) -> None:
    exact = sum((quantity * price for quantity, price in lines), Decimal(0)) + Decimal(charge) / 100
    cents = int((exact * 100).to_integral_value())
    body = [f"IT1*{n}*{quantity}*EA*{price}" for n, (quantity, price) in enumerate(lines, 1)]

    def told(total: int) -> list[str]:
        return codes(say(BIG, *body, f"TDS*{total}", f"SAC*C*D240***{charge}"))

    assert "BIL.TOTAL" not in told(cents)
    assert "BIL.TOTAL" in told(cents + len(lines) + 1)


# ── the total ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_total_that_is_not_the_sum_of_its_parts_is_told_with_both_and_their_difference() -> None:
    (event,) = events(say(BIG, "CUR*SE*CAD", "IT1*1*10*EA*10", "TDS*12000"))
    assert event.code == "BIL.TOTAL"
    assert event.variances == [
        {
            "attribute": "amount",
            "expected": {"amount": "100", "currency": "CAD"},
            "actual": {"amount": "120.00", "currency": "CAD"},
            "delta": "20.00",
        }
    ]
    assert event.value_at_risk == {"amount": "20.00", "currency": "CAD"}
    assert event.title == "Acme Supply Co. charged 120.00 with invoice INV-1, and its parts add up to 100.00"


@pytest.mark.parametrize(
    ("line", "tds"),
    [
        ("IT1*1*250*EA*18.40*HP", "4600"),
        ("IT1*1*2000*EA*7.5*TP", "1500"),
        ("IT1*1*24*EA*6*PD", "1200"),
        ("IT1*1*5*EA*0*NC", "0"),
        ("IT1*1*12*LB*1.25*PP", "1500"),
        ("IT1*1*3*EA*2.5*CT", "750"),
        ("IT1*1*3*EA*2.5", "750"),
    ],
)
def test_a_price_for_a_hundred_or_a_dozen_is_divided_before_it_is_added(line: str, tds: str) -> None:
    assert attributes(BIG, line, f"TDS*{tds}")["total_check"] == "agrees"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (("IT1*1*12*EA*1.25*PP", "TDS*1500"), "a price of basis PP, and counts in EA"),
        (("IT1*1**EA*1.25", "TDS*1500"), "no quantity"),
        (("IT1*1*12*EA", "TDS*1500"), "no price"),
        (("IT1*1*1*EA*1", "TDS*1500", "SAC*C*D240"), "nothing says how much freight is"),
        (("TDS*1500",), "there are no lines"),
    ],
)
def test_what_cannot_be_added_up_is_not_called_wrong_and_says_why(body: tuple[str, ...], why: str) -> None:
    said = say(BIG, *body)
    assert "BIL.TOTAL" not in codes(said)
    assert why in facts(said)[0].attributes["total_check"]


def test_allowances_charges_and_taxes_of_lines_and_summary_are_all_counted() -> None:
    body = (
        "IT1*1*10*EA*10", "TXI*ST*8*8", "SAC*A*C310***500", "SAC*C*F155***250", "IT1*2*1*EA*1",
        "TDS*13450", "TXI*ST*2", "SAC*C*D240***2500", "SAC*C*H750***100",
    )  # fmt: skip
    fact = facts(say(BIG, *body))[0]
    assert fact.attributes["total_check"] == "agrees"
    assert [fact.attributes[name] for name in ("goods", "charges", "allowances", "tax")] == [
        "101.00", "27.50", "5.00", "11.00",
    ]  # fmt: skip


def test_charges_that_the_summary_repeats_are_counted_once() -> None:
    lines = ("IT1*1*1*EA*10", "SAC*C*G830***300", "IT1*2*1*EA*10", "SAC*C*G830***300")
    said = say(BIG, *lines, "TDS*2600", "SAC*C*G830***600")
    assert codes(said) == ["BIL.CHARGE"]
    assert events(said)[0].value_at_risk == {"amount": "6.00", "currency": "USD", "currency_assumed": True}
    assert "BIL.TOTAL" in codes(say(BIG, *lines, "TDS*3200", "SAC*C*G830***600"))


def test_a_tax_that_tells_what_a_charge_is_made_of_is_counted_once() -> None:
    once = ("IT1*1*1*EA*100", "TDS*10800", "SAC*C*H750***800", "TXI*ST*5", "TXI*CT*3")
    beside = ("IT1*1*1*EA*100", "TDS*11100", "SAC*C*D240***1000", "TXI*ST*1")
    assert attributes(BIG, *once)["total_check"] == "agrees"
    assert attributes(BIG, *beside)["total_check"] == "agrees"


def test_what_is_settled_elsewhere_and_a_tax_within_the_price_are_not_added() -> None:
    body = (
        "IT1*1*1*EA*100",
        "TXI*VA*19*****I",
        "TDS*10000",
        "SAC*A*I170***900*******01",
        "SAC*N*B840***99999",
    )
    assert attributes(BIG, *body)["total_check"] == "agrees"


def test_an_allowance_is_one_with_its_minus_and_without() -> None:
    for amount in ("500", "-500"):
        body = ("IT1*1*1*EA*100", "TDS*9500", f"SAC*A*C310***{amount}")
        assert attributes(BIG, *body)["total_check"] == "agrees"


@pytest.mark.parametrize("tds", ["-5000", "5000"])
def test_a_credit_is_a_credit_with_its_minus_and_without(tds: str) -> None:
    fact = facts(say(f"{BIG}***CR*00**INV-0", "IT1*1*-4*EA*12.5", f"TDS*{tds}"))[0]
    assert fact.attributes["total_check"] == "agrees"
    assert (fact.attributes["credit"], fact.attributes["type"]) == ("true", "CR")
    assert [ref["kind"] for ref in fact.refs] == ["invoice", "credit_memo", "supplier_po", "invoice"]
    assert fact.refs[3]["value"] == "INV-0"
    assert fact.lines[0]["affected"]["value"] == "-4"


def test_a_negative_total_of_no_credit_is_not_taken_for_one() -> None:
    assert codes(say(BIG, "IT1*1*4*EA*12.5", "TDS*-5000")) == ["BIL.TOTAL"]


# ── charges, and what the seller explains ────────────────────────────────────────────────────────────────────


def test_a_charge_beside_the_goods_is_an_event_of_low_severity_and_a_tax_is_none() -> None:
    said = say(BIG, "IT1*1*1*EA*1", "TDS*2200", "SAC*C*D240***2000", "SAC*C*H750***100", "SAC*A*C310***0")
    (event,) = events(said)
    assert (event.code, event.severity, event.cause) == ("BIL.CHARGE", "S4", "freight")
    assert event.source_codes[0]["code"] == "D240"


def test_a_charge_of_no_list_is_a_charge_as_well() -> None:
    (event,) = events(say(BIG, "IT1*1*1*EA*1", "TDS*600", "SAC*C*Q999***500**********Own words"))
    assert event.title == "Acme Supply Co. charged 5.00 for Own words with invoice INV-1"
    assert event.source_codes == [{"scheme": "x12-1300", "code": "Q999", "mapped": False}]


@pytest.mark.parametrize(
    ("it3", "code", "cause"),
    [
        ("IT3*90*EA**10*QH", "BIL.QTY", "out_of_stock"),
        ("IT3*100*EA***UP", "BIL.PRICE", "pricing_error"),
        ("IT3*100*EA*BO", "INV.BACKORDER", "out_of_stock"),
        ("IT3*90*EA", "BIL.QTY", None),
    ],
)
def test_what_the_seller_explains_of_a_line_is_an_event_of_that_line(
    it3: str, code: str, cause: str | None
) -> None:
    (event,) = events(say(BIG, "IT1*7*100*EA*1", it3, "TDS*10000"))
    assert (event.code, event.cause, event.lines[0]["line_ref"]) == (code, cause, "7")


@pytest.mark.parametrize("it3", ["IT3*100*EA", "IT3*5*CA", "IT3**EA*CC"])
def test_a_line_that_was_shipped_as_billed_is_no_exception(it3: str) -> None:
    assert codes(say(BIG, "IT1*7*100*EA*1", it3, "TDS*10000")) == []


def test_the_same_letters_mean_another_thing_as_status_and_as_reason() -> None:
    """Trap 17: 368 QP is a quantity past due, 371 QP the quantity that a price is for."""
    (status,) = events(say(BIG, "IT1*1*9*EA*1", "IT3*9*EA*QP", "TDS*900"))
    (reason,) = events(say(BIG, "IT1*1*9*EA*1", "IT3*9*EA***QP", "TDS*900"))
    assert (status.code, status.source_codes[0]["scheme"]) == ("INV.SUPPLIER_DELAY", "x12-368")
    assert (reason.code, reason.source_codes[0]["scheme"]) == ("BIL.PRICE", "x12-371")


def test_an_unknown_word_of_a_lenient_partner_is_told_beside_the_rest() -> None:
    body = (BIG, "IT1*1*9*EA*1", "IT3*9*EA*Q9", "TDS*900")
    assert codes(say(*body, partner=LENIENT)) == ["EDI.UNMAPPED_CODE"]
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.code == "EDI.UNMAPPED_CODE"


# ── whose numbers ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_suppliers_invoice_is_the_suppliers_and_names_our_order() -> None:
    fact = facts(say(BIG, "REF*BM*B-1", "TDS*1", "CAD*M***RRFL***CN*771"))[0]
    assert fact.kind == "invoiced"
    assert fact.refs == [
        {"kind": "invoice", "value": "INV-1", "issuer": "acme_supply"},
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
        {"kind": "bol", "value": "B-1"},
        {"kind": "pro", "value": "771", "issuer": "RRFL"},
    ]


def test_our_own_invoice_is_ours_and_names_the_customers_order() -> None:
    said = say(
        BIG, "IT1*1*1*EA*5", "IT3*0*EA", "TDS*900", "SAC*C*D240***100", partner=LAKESIDE, direction="out"
    )
    assert facts(said)[0].refs == [
        {"kind": "invoice", "value": "INV-1", "issuer": "main"},
        {"kind": "customer_po", "value": "4500123456", "issuer": "lakeside_retail"},
    ]
    assert codes(said) == ["BIL.TOTAL"], "our own wrong sum is told, our own charges are no question of ours"


def test_an_invoice_for_several_orders_says_which_line_is_for_which() -> None:
    fact = facts(
        say("BIG*20261120*INV-1", "IT1*1*1*EA*1**PO*A-1", "IT1*2*1*EA*1**BP*X", "REF*PO*A-2", "TDS*200")
    )[0]
    assert [ref["value"] for ref in fact.refs] == ["INV-1", "A-1", "A-2"]
    assert (fact.attributes["order.1"], fact.attributes["order.2"]) == ("A-1", "A-2")


def test_the_dates_and_terms_are_kept_for_those_who_compare() -> None:
    kept = attributes(
        f"{BIG}***DI*00", "ITD*01*3*2*20261130*10*20261220*30", "DTM*011*20261118", "TDS*1", "CTT*3"
    )
    assert kept["invoice_date"] == "2026-11-20"
    assert kept["order_date"] == "2026-11-01"
    assert kept["ship_date"] == "2026-11-18"
    assert kept["due_date"] == "2026-12-20"
    assert (kept["type"], kept["purpose"], kept["lines_declared"]) == ("DI", "00", "3")


@pytest.mark.parametrize(
    "body",
    [
        ("TDS*1",),
        ("BIG*20261120", "TDS*1"),
        (BIG,),
        (BIG, "TDS"),
        (BIG, "IT1*1*x*EA*1", "TDS*1"),
        (BIG, "IT1*1*1*EA*x", "TDS*1"),
        (BIG, "CUR*SE*EURO", "TDS*1"),
        ("BIG*20261340*INV-1", "TDS*1"),
        (BIG, "TDS*1", "SAC*C*D240***1.5"),
        (BIG, "TDS*1", "TXI*ST*much"),
        (BIG, "IT1*1*999999999999999*EA*99999999999999", "TDS*1"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    said = say(BIG, "IT1*1*2*EA*5", "TDS*1000", release=release)
    assert facts(said)[0].attributes["total_check"] == "agrees"
