"""The 214: the traps of the trade, one by one. The whole documents are in mappings/inbound/x12_214/samples."""

from typing import Any

import pytest

from crossdock.errors import Unreadable
from crossdock.formats.x12 import guides
from crossdock.formats.x12.guides import guide
from mappings.inbound import x12_214
from tests.mappings.documents import (
    LENIENT,
    ROADRUNNER,
    a_set,
    codes,
    context,
    events,
    facts,
    said_by,
    set_aside,
)


def say(*body: str, head: str = "B10*771*SHP-1*RRFL", **how: Any) -> list[Any]:
    return said_by(x12_214, head, *body, **{"partner": ROADRUNNER, **how})


def at7(status: str = "SD", reason: str = "AO", when: str = "20261120*0715*CT") -> str:
    return f"AT7*{status}*{reason}***{when}"


# ── trap 2 and trap 4 ────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_and_an_appointment_in_one_segment_are_an_error_and_not_two_events() -> None:
    with pytest.raises(Unreadable, match=r"AT701 and AT703 are both filled.*E0103") as refused:
        say("LX*1", "AT7*SD*AO*AB*B1*20261120*0715*CT")
    assert refused.value.place.segment_id == "AT7"
    assert refused.value.place.element == 3


@pytest.mark.parametrize("status", ["SD", "A9", "X1", "AH"])
def test_a_normal_reason_is_no_exception_whatever_the_status_is(status: str) -> None:
    assert events(say(at7(status, "NS"))) == []
    (fact,) = facts(say(at7(status, "NS")))
    assert fact.attributes["status"] == status


# ── codes, by element ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("SD", "SHP.DELAY"), ("A3", "SHP.RETURNED"), ("A7", "SHP.REFUSED"), ("A9", "SHP.DAMAGED"),
        ("AH", "SHP.ATTEMPTED"), ("AI", "SHP.RECONSIGNED"), ("CA", "SHP.CARRIER_FAILURE"),
        ("PR", "SHP.CUSTOMS"), ("BC", "SHP.HELD"),
    ],
)  # fmt: skip
def test_each_exceptional_status_has_its_code(status: str, code: str) -> None:
    (event,) = events(say(at7(status, "")))
    assert event.code == code


def test_the_reason_is_the_cause_of_an_exceptional_status() -> None:
    (event,) = events(say(at7("SD", "A2")))
    assert (event.code, event.cause) == ("SHP.DELAY", "incorrect_address")
    assert [each["scheme"] for each in event.source_codes] == ["x12-1650", "x12-1651"]


def test_a_plain_status_is_what_its_reason_makes_of_it() -> None:
    assert [event.code for event in events(say(at7("X6", "A2")))] == ["SHP.ADDRESS_INVALID"]
    assert events(say(at7("X6", "AO"))) == [], (
        "bad weather on the way is no delay while the carrier says none"
    )


@pytest.mark.parametrize(
    ("status", "reason", "code", "cause"),
    [
        ("BC", "BC", "SHP.HELD", "missing_documents"),
        ("CA", "CA", "SHP.CARRIER_FAILURE", "customs"),
        ("AF", "AF", "SHP.CARRIER_FAILURE", "accident"),
    ],
)
def test_the_same_letters_mean_another_thing_as_status_and_as_reason(
    status: str, reason: str, code: str, cause: str
) -> None:
    (event,) = events(say(at7(status, reason)))
    assert (event.code, event.cause) == (code, cause)


def test_an_appointment_is_a_trouble_only_with_a_reason_that_is_none() -> None:
    assert events(say("AT7***AB*NA*20261123*0900*CT")) == []
    (fact,) = facts(say("AT7***AB*NA*20261123*0900*CT"))
    assert fact.attributes["delivery_appointment"] == "2026-11-23T09:00-06:00"
    assert fact.occurred_at is None
    assert [event.code for event in events(say("AT7***AB*AG*20261123*0900*CT"))] == ["SHP.APPOINTMENT"]


@pytest.mark.parametrize(
    ("segment", "element"),
    [("AT7*ZZ*AO***20261120*0715*CT", 1), ("AT7*SD*ZZ***20261120*0715*CT", 2), ("Q7*Z*CTN*1", 1)],
)
def test_an_unknown_code_sets_the_set_aside_with_a_way_to_fix_it(segment: str, element: int) -> None:
    with pytest.raises(Unreadable) as refused:
        say(at7("X6", "NS"), segment)
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert "profile of partner 'roadrunner'" in refused.value.remedy
    assert refused.value.place.element == element


def test_a_lenient_carriers_unknown_code_is_an_exception_of_its_own() -> None:
    (event,) = events(say("AT7*ZZ*AO***20261120*0715*QQ", partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"
    assert event.source_codes[0] == {"scheme": "x12-1650", "code": "ZZ", "mapped": False}


# ── trap 3: whose clock ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("when", "state", "value", "source"),
    [
        ("20261120*0715*CT", "IL", "2026-11-20T07:15-06:00", "explicit"),
        ("20260704*0715*CT", "IL", "2026-07-04T07:15-05:00", "explicit"),
        ("20260704*0715*CS", "IL", "2026-07-04T07:15-06:00", "explicit"),
        ("20260704*0715*UT", "IL", "2026-07-04T07:15+00:00", "explicit"),
        ("20260704*0715*08", "IL", "2026-07-04T07:15+08:00", "explicit"),
        ("20260704*0715*18", "IL", "2026-07-04T07:15-07:00", "explicit"),
        ("20260704*0715*LT", "OH", "2026-07-04T07:15-04:00", "location"),
        ("20260704*0715", "OH", "2026-07-04T07:15-04:00", "location"),
        ("20260704*0715", "TX", "2026-07-04T07:15-06:00", "partner-default"),
        ("20260704*071530", "", "2026-07-04T07:15:30-06:00", "partner-default"),
    ],
)
def test_a_time_is_local_to_where_it_happened_and_says_how_that_is_known(
    when: str, state: str, value: str, source: str
) -> None:
    (fact,) = facts(say(at7("X4", "NS", when), f"MS1*Somewhere*{state}*US"))
    assert fact.occurred_at is not None
    assert fact.occurred_at["value"] == value
    assert fact.occurred_at.get("tz_source") == source


def test_a_zone_less_time_without_a_partner_is_flagged_as_assumed() -> None:
    (fact,) = facts(say(at7("X4", "NS", "20260704*0715"), partner=None))
    assert fact.occurred_at == {
        "value": "2026-07-04T07:15+00:00",
        "precision": "minute",
        "tz_source": "assumed-utc",
        "source_text": "2026-07-04T07:15",
    }


def test_a_date_stays_a_date() -> None:
    (fact,) = facts(say(at7("X4", "NS", "20261101")))
    assert fact.occurred_at == {"value": "2026-11-01", "precision": "date"}


def test_an_expected_arrival_is_no_event_of_the_past_and_dates_the_delay_beside_it() -> None:
    first, second, event = say("LX*1", at7(), at7("AG", "NS", "20261122*1400*CT"))
    assert first.occurred_at is not None
    assert second.occurred_at is None
    assert second.attributes["eta"] == "2026-11-22T14:00-06:00"
    assert event.variances[0]["actual"]["value"] == "2026-11-22T14:00-06:00"


# ── shipments, places, goods ─────────────────────────────────────────────────────────────────────────────────


def test_the_shipment_leads_the_references_and_the_pro_names_its_carrier() -> None:
    (event,) = events(say("L11*B-9*BM", at7()))
    assert event.refs == [
        {"kind": "shipment", "value": "SHP-1"},
        {"kind": "pro", "value": "771", "issuer": "RRFL"},
        {"kind": "bol", "value": "B-9"},
    ]
    assert event.title == "Shipment SHP-1: delayed, weather or natural disaster"


def test_a_delivery_is_a_fact_that_can_end_a_delay() -> None:
    (fact,) = facts(say("LX*1", at7("D1", "NS")))
    assert fact.kind == "delivered"
    assert fact.refs[0]["kind"] == "shipment"


def test_each_stop_keeps_its_own_statuses_places_and_numbers() -> None:
    one, other = facts(
        say(
            "LX*1",
            at7("X4", "NS"),
            "MS1*Joliet*IL*US",
            "L11*C-1*EQ",
            "LX*2",
            at7("X6", "NS"),
            "MS1*Gary*IN*US",
        )
    )
    assert (one.attributes["city"], other.attributes["city"]) == ("Joliet", "Gary")
    assert {"kind": "container", "value": "C-1"} in one.refs
    assert {"kind": "container", "value": "C-1"} not in other.refs
    assert one.place["x12"].get("path") == "LX[1]/AT7[1]"
    assert other.place["x12"].get("path") == "LX[2]/AT7[1]"
    assert other.place["x12"].get("segment_ordinal") == 8


@pytest.mark.parametrize(
    ("goods", "code"),
    [
        ("D", "SHP.DAMAGED"), ("A", "SHP.SHORT"), ("P", "SHP.SHORT"), ("O", "SHP.OVER"), ("E", "SHP.REFUSED"),
        ("W", "SHP.WRONG_ITEM"),
    ],
)  # fmt: skip
def test_goods_that_did_not_come_well_are_an_exception_with_their_quantity(goods: str, code: str) -> None:
    (event,) = events(say("LX*1", at7("D1", "NS"), f"Q7*{goods}*CTN*3"))
    assert event.code == code
    assert event.lines[0]["affected"] == {
        "value": "3",
        "uom": "C62",
        "uom_source": "CTN",
        "uom_scheme_source": "free-text",
    }


def test_a_damage_that_status_and_goods_both_tell_is_one_event_with_its_quantity() -> None:
    (event,) = events(say("LX*1", at7("A9", "AI"), "Q7*D*CTN*3"))
    assert (event.code, event.cause) == ("SHP.DAMAGED", "mechanical_breakdown")
    assert event.lines[0]["affected"]["value"] == "3"
    assert [each["scheme"] for each in event.source_codes] == ["x12-1650", "x12-1651", "x12-33"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("B10***RRFL", (at7(),)),
        ("BAD*1", (at7(),)),
        ("B10*771*SHP-1*RRFL", ("LX*1",)),
        ("B10*771*SHP-1*RRFL", ("AT7*****20261120*0715",)),
        ("B10*771*SHP-1*RRFL", ("AT7*SD*AO****0715",)),
        ("B10*771*SHP-1*RRFL", (at7(when="20261320*0715"),)),
        ("B10*771*SHP-1*RRFL", (at7(when="20261120*2460"),)),
        ("B10*771*SHP-1*RRFL", (at7(when="20261120*0715*QQ"),)),
        ("B10*771*SHP-1*RRFL", (at7(), "Q7*D*CTN*many")),
        ("B10*771*SHP-1*RRFL", (at7(), "Q7**CTN*1")),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(head: str, body: tuple[str, ...]) -> None:
    set_aside(say, *body, head=head)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_have_a_guide_of_their_own_and_say_the_same(release: str) -> None:
    body = ("B10*771*SHP-1*RRFL", "LX*1", at7(), "MS1*Joliet*IL*US", at7("D1", "NS"), "Q7*D*CTN*3")
    document = a_set("214", *body, release=release)
    found = guide("214", document.version)
    assert found is not None
    assert found.release == release
    assert not guides.check(document)
    assert codes(list(x12_214.map(document, context(ROADRUNNER)))) == ["SHP.DELAY", "SHP.DAMAGED"]
