"""The 855: the traps of the trade, one by one. The whole documents are in mappings/inbound/x12_855/samples."""

from functools import partial
from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.partners import Partner, Partners
from mappings.inbound import x12_855
from tests.mappings.documents import ACME, LAKESIDE, LENIENT, codes, said_by, set_aside

say = partial(said_by, x12_855, partner=ACME)


def told(*body: str, partner: Partner | None = ACME) -> list[ExceptionEvent]:
    fact, *rest = say(*body, partner=partner)
    assert isinstance(fact, Fact)
    assert fact.kind == "acknowledged", "an acknowledgment is always stated as a fact, first"
    return rest


def one_line(*acks: str, ordered: str = "100", header: str = "AC") -> list[ExceptionEvent]:
    return told(
        f"BAK*00*{header}*4500123456*20261118", f"PO1*1*{ordered}*EA*2.5*PE*BP*VALVE-25", *acks, "CTT*1"
    )


# ── trap 1: the list that is copied on the web has IE, IF, IP and IQ wrong ───────────────────────────────────


@pytest.mark.parametrize(
    ("ack", "code"),
    [
        ("IE", "PRC.PENDING"),
        ("IF", "ORD.HOLD"),
        ("IP", "PRC.CHANGED"),
        ("IQ", "ORD.QTY_CHANGED"),
        ("IB", "INV.BACKORDER"),
        ("BP", "INV.BACKORDER"),
        ("IR", "ORD.LINE_REJECTED"),
        *((f"R{reason}", "ORD.LINE_REJECTED") for reason in range(1, 9)),
        ("ID", "ORD.LINE_CANCELLED"),
        ("IH", "ORD.HOLD"),
        ("IW", "ORD.HOLD"),
        ("DR", "INV.SUPPLIER_DELAY"),
        ("IS", "INV.SUBSTITUTION"),
        ("SP", "ORD.SCHEDULE_PENDING"),
    ],
)
def test_each_line_status_means_what_the_standard_says(ack: str, code: str) -> None:
    found = one_line(f"ACK*{ack}*{'60' if ack in ('BP', 'IQ') else '100'}*EA")
    assert codes(found) == [code]
    assert found[0].source_codes[0]["code"] == ack
    assert found[0].source_codes[0]["scheme"] == "x12-668"


@pytest.mark.parametrize("ack", ["IA", "AA", "AC", "AR"])
def test_an_accepted_line_is_no_exception(ack: str) -> None:
    assert one_line(f"ACK*{ack}*100*EA") == []


# ── trap 6: one ACK for each schedule ────────────────────────────────────────────────────────────────────────


def test_several_backorder_acks_of_a_line_are_one_backorder_of_their_sum() -> None:
    (event,) = one_line("ACK*IA*60*EA", "ACK*IB*15*EA*067*20261204", "ACK*IB*25*EA*067*20261211")
    assert event.code == "INV.BACKORDER"
    assert event.lines[0]["affected"]["value"] == "40"
    assert event.title == "Acme Supply Co. backordered 40 of 100 EA on PO 4500123456 line 1"
    dates = [each for each in event.variances if each["attribute"] == "date"]
    assert dates[0]["actual"] == {"value": "2026-12-11", "precision": "date"}
    assert event.value_at_risk == {"amount": "100.0", "currency": "USD", "currency_assumed": True}


def test_accepted_in_two_schedules_is_accepted_in_full() -> None:
    assert one_line("ACK*IA*40*EA", "ACK*IA*60*EA") == []


@pytest.mark.parametrize(("answered", "delta"), [("60", "-40"), ("140", "40")])
def test_a_quantity_that_is_not_answered_or_answered_twice_is_an_exception(answered: str, delta: str) -> None:
    (event,) = one_line(f"ACK*IA*{answered}*EA")
    assert event.code == "ORD.QTY_UNACCOUNTED"
    assert event.lines[0]["affected"]["value"] == "40"
    assert event.variances[0].get("delta") == delta


def test_a_price_note_beside_the_acceptance_does_not_count_the_goods_twice() -> None:
    assert codes(one_line("ACK*IA*100*EA", "ACK*IP*100*EA")) == ["PRC.CHANGED"]
    assert codes(one_line("ACK*IA*60*EA", "ACK*IP*40*EA")) == ["PRC.CHANGED"]


def test_the_balance_of_a_partial_shipment_is_what_is_backordered() -> None:
    (event,) = one_line("ACK*BP*70*EA")
    assert event.lines[0]["affected"]["value"] == "30"
    (event,) = one_line("ACK*BP*60*EA", "ACK*IB*40*EA*067*20261204")
    assert event.lines[0]["affected"]["value"] == "40", "the IB says what the balance of the BP is"


def test_a_rejection_without_a_quantity_takes_what_the_others_leave() -> None:
    (event,) = one_line("ACK*IA*60*EA", "ACK*IR")
    assert event.lines[0]["affected"]["value"] == "40"
    (event,) = one_line("ACK*IR")
    assert event.lines[0]["affected"]["value"] == "100"


def test_quantities_of_different_units_are_not_added() -> None:
    (event,) = one_line("ACK*IA*100*CA")
    assert event.code == "ORD.QTY_UNACCOUNTED"
    assert event.variances[0] == {"attribute": "uom", "expected": "EA", "actual": "CA"}


def test_quantities_and_prices_are_exact() -> None:
    (event,) = told(
        "BAK*00*AC*1*20261118", "PO1*1*.3*LB*19.99*PE*BP*A", "ACK*IA*.1*LB", "ACK*IB*.2*LB", "CTT*1"
    )
    assert event.lines[0]["affected"]["value"] == "0.2"
    assert event.value_at_risk is not None
    assert event.value_at_risk["amount"] == "3.998"


def test_a_price_per_hundred_gives_no_value_that_would_be_off_by_a_hundred() -> None:
    (event,) = told("BAK*00*AC*1*20261118", "PO1*1*100*EA*150*HP*BP*A", "ACK*IB*100*EA", "CTT*1")
    assert event.value_at_risk is None


# ── trap 16: silence has meaning ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("header", ["AK", "AT"])
def test_an_acceptance_without_lines_accepts_everything(header: str) -> None:
    (fact,) = say(f"BAK*00*{header}*4500123456*20261118")
    assert fact.attributes["silence"] == "accepted"


def test_a_rejection_without_lines_is_one_rejected_order() -> None:
    (event,) = told("BAK*00*RJ*4500123456*20261118")
    assert event.code == "ORD.REJECTED"
    assert event.refs[0] == {"kind": "supplier_po", "value": "4500123456", "issuer": "main"}


def test_exception_detail_only_leaves_the_absent_lines_accepted() -> None:
    fact, event = say("BAK*00*AE*4500123456*20261118", "PO1*3*10*EA*2*PE*BP*A", "ACK*IB*10*EA", "CTT*1")
    assert fact.attributes["silence"] == "accepted"
    assert event.code == "INV.BACKORDER"
    assert event.lines[0]["line_ref"] == "3"


@pytest.mark.parametrize("header", ["RF", "RD"])
def test_the_lines_of_a_rejected_order_explain_the_rejection(header: str) -> None:
    fact, event = say(
        f"BAK*00*{header}*4500123456*20261118",
        "PO1*2*10*EA*2*PE*BP*A", "ACK*R2*10*EA", "PO1*4*10*EA*2*PE*BP*B", "ACK*R4*10*EA", "CTT*2",
    )  # fmt: skip
    assert fact.attributes["silence"] == "rejected"
    assert event.code == "ORD.REJECTED"
    assert event.ext["lines"] == ["2", "4"]
    assert "line 4: R4" in event.detail
    assert [each["code"] for each in event.source_codes] == [header, "R2", "R4"]


@pytest.mark.parametrize("header", ["AC", "AD"])
def test_detail_that_is_announced_and_absent_is_unaccounted(header: str) -> None:
    (event,) = told(f"BAK*00*{header}*4500123456*20261118")
    assert event.code == "ORD.QTY_UNACCOUNTED"
    (event,) = told(f"BAK*00*{header}*4500123456*20261118", "PO1*1*10*EA", "ACK*IA*10*EA", "CTT*3")
    assert event.detail == "the acknowledgment counts 3 lines and lists 1"


def test_listed_lines_without_an_ack_are_accepted_as_listed() -> None:
    assert told("BAK*00*AD*1*20261118", "PO1*1*10*EA*2*PE*BP*A", "CTT*1") == []


def test_a_held_order_and_a_counter_offer_are_told_of_the_order() -> None:
    assert codes(told("BAK*00*AH*1*20261118")) == ["ORD.HOLD"]
    assert codes(told("BAK*00*RO*1*20261118", "PO1*1*10*EA", "ACK*IS*10*EA****VP*X")) == [
        "ORD.COUNTER_OFFER", "INV.SUBSTITUTION",
    ]  # fmt: skip


# ── trap 17: the same letters in another element ─────────────────────────────────────────────────────────────


def test_the_same_letters_mean_another_thing_in_another_element() -> None:
    # 668 ID is a deleted line, 668 IC an accepted one with changes; 587 AC and 668 AC, 374 and 235 have their own
    assert codes(one_line("ACK*ID*100*EA")) == ["ORD.LINE_CANCELLED"]
    assert codes(one_line("ACK*IC*100*EA")) == ["ORD.COUNTER_OFFER"]
    assert one_line("ACK*AC*100*EA", header="AC") == []


# ── dates, prices, substitutes ───────────────────────────────────────────────────────────────────────────────


def test_a_line_promised_later_than_asked_is_a_delay_although_it_is_accepted() -> None:
    body = ["BAK*00*AD*1*20261118", "DTM*002*20261201", "PO1*1*10*EA*2*PE*BP*A", "ACK*IA*10*EA*067*20261215"]
    (event,) = told(*body)
    assert event.code == "INV.SUPPLIER_DELAY"
    assert event.variances[0].get("delta") == "14"
    assert event.method == "rule"
    body[1] = "DTM*002*20261220"
    assert told(*body) == []


def test_a_shipping_date_is_not_compared_with_a_delivery_date() -> None:
    assert told("BAK*00*AD*1*20261118", "DTM*002*20261201", "PO1*1*10*EA", "ACK*IA*10*EA*068*20261215") == []


def test_the_dates_of_the_line_go_before_those_of_the_header() -> None:
    (event,) = told(
        "BAK*00*AD*1*20261118", "DTM*002*20261230", "PO1*1*10*EA", "DTM*002*20261201", "ACK*IA*10*EA*067*20261215",
    )  # fmt: skip
    assert event.variances[0]["expected"] == {"value": "2026-12-01", "precision": "date"}


def test_a_changed_price_is_compared_only_where_both_are_said() -> None:
    (event,) = told("BAK*00*AC*1*20261118", "PO1*1*1*EA*10", "CTP**CAT*10.4", "ACK*IP*1*EA")
    assert event.variances[0] == {
        "attribute": "unit_price",
        "expected": {"amount": "10", "currency": "USD", "currency_assumed": True},
        "actual": {"amount": "10.4", "currency": "USD", "currency_assumed": True},
        "delta": "0.4",
    }
    (event,) = told("BAK*00*AC*1*20261118", "CUR*SE*CAD", "PO1*1*1*EA*10", "ACK*IP*1*EA")
    assert event.variances[0] == {
        "attribute": "unit_price",
        "expected": None,
        "actual": {"amount": "10", "currency": "CAD"},
    }


def test_a_substitute_is_named_with_all_its_numbers() -> None:
    (event,) = one_line("ACK*IS*100*EA****VP*AC-771*BP*VALVE-26")
    assert [each["value"] for each in event.lines[0]["substitutes"]] == ["AC-771", "VALVE-26"]
    assert [each.get("scheme") for each in event.lines[0]["substitutes"]] == ["vendor-item", "buyer-item"]
    assert event.variances[0]["expected"]["value"] == "VALVE-25"


def test_a_line_without_its_number_is_known_by_its_product() -> None:
    (event,) = told("BAK*00*AC*1*20261118", "PO1**5*EA*1*PE*VP*AC-9", "ACK*IB*5*EA")
    assert event.lines[0]["line_ref"] == "AC-9"


def test_provenance_leads_to_the_segment() -> None:
    (event,) = told(
        "BAK*00*AC*1*20261118",
        "PO1*1*5*EA", "ACK*IA*5*EA", "PO1*2*5*EA", "ACK*IA*2*EA", "ACK*IB*3*EA", "CTT*2",
    )  # fmt: skip
    assert event.place == {
        "x12": {
            "st01": "855", "isa13": "000000301", "gs06": "301", "st02": "0001",
            "segment_ordinal": 7, "segment_id": "ACK", "path": "PO1[2]/ACK[2]",
        }
    }  # fmt: skip


def test_a_partners_own_industry_code_is_kept() -> None:
    (event,) = one_line("ACK*IR*100*EA" + "*" * 24 + "AX*X1*K77")
    assert event.source_codes[1] == {"scheme": "x12-559:AX", "code": "K77", "mapped": False}


# ── codes that nobody knows ──────────────────────────────────────────────────────────────────────────────────

UNKNOWN = ("BAK*00*AC*1*20261118", "PO1*1*10*EA", "ACK*QX*4*EA", "ACK*IB*6*EA")


def test_an_unknown_code_sets_the_set_aside_with_a_way_to_fix_it() -> None:
    with pytest.raises(Unreadable) as refused:
        say(*UNKNOWN)
    error = refused.value
    assert error.code == "EDI.UNMAPPED_CODE"
    assert "'QX' of element 668" in str(error)
    assert "[codes.x12-668]" in error.remedy
    assert error.place.segment_id == "ACK"
    assert error.place.element == 1
    assert error.place.byte is not None


def test_a_lenient_partners_unknown_code_is_an_exception_of_its_own_and_the_rest_is_mapped() -> None:
    found = told(*UNKNOWN, partner=LENIENT)
    assert codes(found) == ["EDI.UNMAPPED_CODE", "INV.BACKORDER"]
    assert found[0].source_codes[0] == {"scheme": "x12-668", "code": "QX", "mapped": False}


def test_a_partners_own_meaning_of_a_code_goes_before_the_crosswalk(tmp_path: Any) -> None:
    (tmp_path / "odd.toml").write_text(
        'name = "odd"\ntitle = "Odd Parts"\nids = [["ZZ", "ODD"]]\nours = ["ZZ", "CROSSDOCK"]\n'
        'sets = ["855"]\nacknowledge = "none"\n\n[codes.x12-668]\n'
        'QX = { text = "held for export papers", exception = "ORD.HOLD", cause = "export_papers" }\n',
        encoding="utf-8",
    )
    found = told(*UNKNOWN, partner=Partners.load(tmp_path).named("odd"))
    assert codes(found) == ["ORD.HOLD", "INV.BACKORDER"]
    assert found[0].cause == "export_papers"


def test_without_a_partner_the_currency_is_assumed_and_flagged() -> None:
    (event,) = told("BAK*00*AC*1*20261118", "PO1*1*10*EA*2", "ACK*IB*10*EA", partner=None)
    assert event.value_at_risk == {"amount": "20", "currency": "USD", "currency_assumed": True}
    assert "partner" not in event.ext


@pytest.mark.parametrize(
    "body",
    [
        ("BAK*00*AC**20261118",),
        ("PO1*1*5*EA", "ACK*IA*5*EA"),
        ("BAK*00**1*20261118",),
        ("BAK*00*AC*1*20261399",),
        ("BAK*00*AC*1*20261118", "PO1*1*NaN*EA"),
        ("BAK*00*AC*1*20261118", "PO1*1*1_0*EA"),
        ("BAK*00*AC*1*20261118", "PO1*1*1E999999999*EA"),
        ("BAK*00*AC*1*20261118", "PO1*1*-5*EA"),
        ("BAK*00*AC*1*20261118", "PO1*1*5*EA", "ACK*IB*-5*EA"),
        ("BAK*00*AC*1*20261118", "PO1*1*5*EA", "ACK"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


# ── when the first of the order is to come ───────────────────────────────────────────────────────────────────


def test_the_fact_says_when_the_first_of_the_order_is_to_come() -> None:
    fact, *_ = say(
        "BAK*00*AC*1*20261118", "PO1*1*9*EA*1*PE*BP*A", "ACK*IA*9*EA*067*20261204",
        "PO1*2*9*EA*1*PE*BP*B", "ACK*IB*9*EA*068*20261230", "CTT*2",
    )  # fmt: skip
    assert fact.attributes["delivery_date"] == "2026-12-04"
    assert fact.attributes["ship_date"] == "2026-12-30"


def test_a_line_that_is_not_to_come_gives_no_date() -> None:
    fact, *_ = say("BAK*00*AC*1*20261118", "DTM*002*20261204", "PO1*1*9*EA*1*PE*BP*A", "ACK*IR*9*EA", "CTT*1")
    assert "delivery_date" not in fact.attributes


def test_accepted_without_a_date_is_accepted_for_the_one_that_was_asked_for() -> None:
    (fact,) = say("BAK*00*AK*1*20261118", "DTM*002*20261204")
    assert fact.attributes["delivery_date"] == "2026-12-04"
    fact, *_ = say("BAK*00*RJ*1*20261118", "DTM*002*20261204")
    assert "delivery_date" not in fact.attributes


# ── in a copy of what we sent ────────────────────────────────────────────────────────────────────────────────


def test_what_we_acknowledged_ourselves_is_a_fact_and_no_trouble() -> None:
    body = ("BAK*00*AC*LK-1*20261118****SO-1", "PO1*1*9*EA*1*PE*BP*A", "ACK*IB*9*EA", "CTT*1")
    (fact,) = say(*body, partner=LAKESIDE, direction="out")
    assert isinstance(fact, Fact)
    assert fact.refs[0] == {"kind": "customer_po", "value": "LK-1", "issuer": "lakeside_retail"}
    assert fact.refs[1] == {"kind": "sales_order", "value": "SO-1", "issuer": "main", "role": "seller"}
