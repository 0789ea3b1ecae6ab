"""The 204: a load is offered. The whole documents are in mappings/inbound/x12_204/samples."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import taxonomy
from mappings.inbound import x12_204
from tests.mappings.documents import LAKESIDE, LENIENT, ROADRUNNER, codes, events, facts, said_by, set_aside

B2 = "B2**RRFL**LD-1**PP"


def say(*body: str, purpose: str = "00", **more: Any) -> list[Any]:
    return said_by(x12_204, B2, f"B2A*{purpose}", *body, **{"partner": LAKESIDE, **more})


def test_an_offer_to_us_is_a_fact_and_an_event_that_waits_for_our_answer() -> None:
    said = say("L11*B-1*BM", "L11*771*CN", "G62*64*20261120*1*1600*CT", "NTE*SPH*Call first")
    fact, event = said
    assert fact.kind == "tendered"
    assert fact.refs == [
        {"kind": "shipment", "value": "LD-1"},
        {"kind": "bol", "value": "B-1"},
        {"kind": "pro", "value": "771", "issuer": "RRFL"},
    ]
    assert event.code == "SHP.TENDER_REQUESTED"
    assert event.detail == "Call first"
    assert event.variances[0]["actual"]["value"] == "2026-11-20T16:00-06:00"


def test_a_copy_of_ours_is_a_fact_alone() -> None:
    said = say(partner=ROADRUNNER, direction="out")
    assert codes(said) == []
    assert facts(said)[0].parties == [
        {
            "role": "carrier",
            "ids": [{"scheme": "scac", "value": "RRFL"}, {"scheme": "internal", "value": "roadrunner"}],
        }
    ]


@pytest.mark.parametrize("purpose", ["01", "03", "06", "07"])
def test_what_is_taken_back_or_only_a_copy_asks_for_nothing(purpose: str) -> None:
    said = say(purpose=purpose)
    assert codes(said) == []
    assert facts(said)[0].attributes["purpose"] == purpose


def test_a_cancellation_ends_the_question_that_the_offer_opened() -> None:
    (event,) = events(say())
    (fact,) = facts(say(purpose="01"))
    opened = {"refs": event.refs, "lines": []}
    ended = {"kind": fact.kind, "refs": fact.refs, "lines": [], "attributes": fact.attributes}
    assert taxonomy.clears(taxonomy.codes()["SHP.TENDER_REQUESTED"], opened, ended)


@pytest.mark.parametrize("purpose", ["04", "05"])
def test_a_change_asks_again_and_says_that_it_is_one(purpose: str) -> None:
    (event,) = events(say(purpose=purpose))
    assert event.title == "Lakeside Retail changed the tender of shipment LD-1"


# ── stops ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_is_local_to_its_stop_and_says_how_that_is_known() -> None:
    kept = facts(
        say(
            "S5*1*LD", "G62*37*20260704*I*0700", "N1*SF*Columbus", "N4*Columbus*OH*43004*US",
            "S5*2*UL", "G62*53*20260706*G*0001*PT", "G62*54*20260707", "N1*ST*Reno", "N4*Reno*NV",
            "S5*3*UL", "G62*70*20260708*U*0900", "N1*ST*Austin", "N4*Austin*TX",
        )
    )[0].attributes  # fmt: skip
    assert (kept["stops"], kept["stop.1.purpose"], kept["stop.2.purpose"]) == ("3", "load", "unload")
    assert (kept["stop.1.not_before"], kept["stop.1.tz_source"]) == ("2026-07-04T07:00-04:00", "location")
    assert (kept["stop.2.not_before"], kept["stop.2.tz_source"]) == ("2026-07-06T00:01-07:00", "explicit")
    assert kept["stop.2.not_after"] == "2026-07-07"
    assert (kept["stop.3.scheduled"], kept["stop.3.tz_source"]) == (
        "2026-07-08T09:00-04:00",
        "partner-default",
    )


def test_the_goods_of_an_order_are_kept_once_though_loading_and_unloading_name_them() -> None:
    fact = facts(
        say("S5*1*CL", "OID*SO-1*PO-1**CA*40", "S5*2*CU", "OID*SO-1*PO-1**CA*40", "OID*SO-2*PO-2**CA*3")
    )[0]
    assert [line["line_ref"] for line in fact.lines] == ["SO-1", "SO-2"]
    assert fact.lines[0]["affected"]["value"] == "40"
    assert [ref["value"] for ref in fact.refs] == ["LD-1", "PO-1", "PO-2"]


# ── the rate ─────────────────────────────────────────────────────────────────────────────────────────────────


@given(cents=st.integers(0, 10**11), rate=st.decimals("0", "99999", places=4))
def test_the_charge_is_scaled_exactly_and_the_rate_never(cents: int, rate: Decimal) -> None:
    kept = facts(say(f"L3*100*G*{rate}*FR*{cents}*{cents}*{cents}"))[0].attributes
    for name in ("total", "advances", "prepaid"):
        assert Decimal(kept[name]) == Decimal(cents) / 100
    assert Decimal(kept["rate"]) == rate


@pytest.mark.parametrize(
    "body",
    [
        ("B2A*00",),
        ("B2**RRFL", "B2A*00"),
        (B2,),
        (B2, "B2A"),
        (B2, "B2A*00", "S5*1"),
        (B2, "B2A*00", "S5*1*LD*heavy*L"),
        (B2, "B2A*00", "L3*1*G*1*FR*5.5"),
        (B2, "B2A*00", "G62*64*20261399"),
        (B2, "B2A*00", "S5*1*LD", "G62*69*20261120*U*0900*QQ"),
        (B2, "B2A*00", "S5*1*LD", "OID*SO-1***CA*-1"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(said_by, x12_204, *body, partner=LAKESIDE)


def test_a_lenient_partners_own_time_code_is_read_as_local() -> None:
    kept = facts(say("S5*1*LD", "G62*69*20261120*U*0900*QQ", partner=LENIENT))[0].attributes
    assert kept["stop.1.scheduled"] == "2026-11-20T09:00+00:00"


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say("S5*1*LD", release=release)) == ["SHP.TENDER_REQUESTED"]
