"""The carrier's SOAP status: judged as a 214, timed where it happened, folded with the 214 of the same trouble."""

import uuid
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from canonical import taxonomy
from canonical.events import ExceptionEvent, Fact, Origin, seal
from canonical.validate import validator
from crossdock.errors import Unreadable
from crossdock.formats import safe_xml
from crossdock.formats.x12 import TransactionSet, read
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden
from mappings.inbound import carrier_status, x12_214
from mappings.inbound.carrier_status.update import NAMESPACE, ROOT

ROADRUNNER = Partners.load().named("roadrunner")
CONTRACT = Path(__file__).parents[2] / "connectors" / "carrier" / "contract" / "carrier.wsdl"
ORIGIN = Origin(
    tenant="main",
    source="carrier",
    connector_version="1",
    mapping="carrier_status",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)


def update(**changes: str | None) -> bytes:
    fields: dict[str, str | None] = {
        "EventId": "E-5001",
        "ProNumber": "774001",
        "ShipmentId": "SH-9001",
        "Scac": "RRFL",
        "StatusCode": "SD",
        "OccurredAt": "2026-11-20T07:45:00",
        "City": "Joliet",
        "State": "IL",
        **changes,
    }
    body = "".join(
        f"<c:{name}>{escape(text)}</c:{name}>" for name, text in fields.items() if text is not None
    )
    return f'<c:{ROOT} xmlns:c="{NAMESPACE}">{body}</c:{ROOT}>'.encode()


def say(partner: Partner | None = None, **changes: str | None) -> list[Any]:
    context = MappingContext(partner=partner, received_at=golden.RECEIVED_AT, tenant="main")
    said = list(carrier_status.map(safe_xml.parse(update(**changes)), context))
    for statement in said:
        sealed(statement)
    assert isinstance(said[0], Fact), "a status is always stated as a fact, first"
    return said


def event(partner: Partner | None = None, **changes: str | None) -> ExceptionEvent:
    _, found = say(partner, **changes)
    assert isinstance(found, ExceptionEvent)
    return found


def sealed(statement: Any) -> dict[str, Any]:
    document = seal(statement, ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=0)
    name = "fact" if isinstance(statement, Fact) else "exception-event"
    assert validator(name, "1.0").violations(document) == []
    return document


def refused(partner: Partner | None = None, **changes: str | None) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        say(partner, **changes)
    assert caught.value.remedy
    assert caught.value.place.xpath
    return caught.value


# ── what a status means ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "reason", "code", "cause"),
    [
        ("SD", None, "SHP.DELAY", None),
        ("SD", "AO", "SHP.DELAY", "weather"),
        ("SD", "AI", "SHP.DELAY", "mechanical_breakdown"),
        ("A7", None, "SHP.REFUSED", "refused"),
        ("A9", "AF", "SHP.DAMAGED", "accident"),
        ("CA", None, "SHP.CARRIER_FAILURE", "shipment_cancelled"),
        ("BC", None, "SHP.HELD", None),
        ("X6", "CA", "SHP.CUSTOMS", "customs"),
        ("X6", "BC", "DOC.MISSING", "missing_documents"),
        ("X6", "AF", "SHP.CARRIER_FAILURE", "accident"),
        ("D1", "S1", "SHP.SHORT", "delivery_shortage"),
    ],
)
def test_the_status_says_what_and_the_reason_why_or_the_reason_says_both(
    status: str, reason: str | None, code: str, cause: str | None
) -> None:
    found = event(StatusCode=status, ReasonCode=reason)
    assert (found.code, found.cause) == (code, cause)
    assert [each["scheme"] for each in found.source_codes] == ["x12-1650", "x12-1651"][: 2 if reason else 1]


@pytest.mark.parametrize("status", ["SD", "A9", "X6", "D1"])
def test_a_normal_reason_says_that_there_is_no_exception_even_beside_a_delay(status: str) -> None:
    (fact,) = say(StatusCode=status, ReasonCode="NS")
    assert fact.attributes["reason"] == "NS"


def test_a_plain_status_is_a_fact_and_nothing_else() -> None:
    (fact,) = say(StatusCode="X6", ReasonCode="AO")
    assert fact.kind == "status"
    (fact,) = say(StatusCode="AF")
    assert fact.kind == "shipped", "1650 AF is the departure; 1651 AF would be an accident"


def test_a_delivery_is_stated_and_ends_the_delay_of_its_shipment() -> None:
    (delivered,) = say(StatusCode="D1", EventId="E-5002")
    assert delivered.kind == "delivered"
    delay = sealed(event())["data"]
    rule = taxonomy.codes()["SHP.DELAY"]
    assert taxonomy.clears(rule, delay, sealed(delivered)["data"])
    (elsewhere,) = say(StatusCode="D1", ShipmentId="SH-9002")
    assert not taxonomy.clears(rule, delay, sealed(elsewhere)["data"])


def test_the_new_date_of_delivery_is_told_as_a_date() -> None:
    found = event(EstimatedDelivery="2026-11-24")
    assert found.variances == [
        {"attribute": "date", "expected": None, "actual": {"value": "2026-11-24", "precision": "date"}}
    ]
    (fact,) = say(StatusCode="X6", EstimatedDelivery="2026-11-24-06:00")
    assert fact.attributes["eta"] == "2026-11-24"
    assert event().variances == []


def test_words_are_for_people_and_remarks_are_kept() -> None:
    found = event(ReasonCode="AO", Remarks="I-80 closed <until> noon & later")
    assert found.title == "Shipment SH-9001: delayed, weather or natural disaster (Joliet, IL)"
    assert found.detail == "I-80 closed <until> noon & later"
    assert found.place == {"xpath": "/StatusUpdate/StatusCode"}
    assert type(found.detail) is str
    assert all(type(ref["value"]) is str for ref in found.refs), "no text may keep the tree alive"


# ── one trouble, whichever way it came ───────────────────────────────────────────────────────────────────────


def test_a_delay_folds_with_the_214_that_tells_the_same() -> None:
    text = (
        "ISA*00*          *00*          *02*RRFL           *ZZ*CROSSDOCK      *261120*1402*U*00401*000000501*0*P*>~"
        "GS*QM*RRFL*CROSSDOCK*20261120*1402*501*X*004010~ST*214*0001~{b10}~LX*1~AT7*SD*AO***20261120*0745*LT~"
        "MS1*Joliet*IL~SE*6*0001~GE*1*501~IEA*1*000000501~"
    )
    for b10, changes in (
        ("B10*774001*SH-9001*RRFL", {}),
        ("B10*774001**RRFL", {"ShipmentId": ""}),
    ):
        (document,) = [
            item for item in read(text.format(b10=b10).encode()) if isinstance(item, TransactionSet)
        ]
        context = MappingContext(partner=ROADRUNNER, received_at=golden.RECEIVED_AT, tenant="main")
        (told,) = [each for each in x12_214.map(document, context) if isinstance(each, ExceptionEvent)]
        soap = event(ReasonCode="AO", **changes)
        assert sealed(told)["data"]["fold_key"] == sealed(soap)["data"]["fold_key"]


def test_the_shipment_is_the_key_and_the_pro_where_there_is_none() -> None:
    assert [ref["kind"] for ref in event().refs] == ["shipment", "pro", "message"]
    assert [ref["kind"] for ref in event(ShipmentId="").refs] == ["pro", "message"]
    assert [ref["kind"] for ref in event(ProNumber="").refs] == ["shipment", "message"]
    assert event(ShipmentId="").refs[0] == {"kind": "pro", "value": "774001", "issuer": "RRFL"}


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "state", "value", "source"),
    [
        ("2026-11-20T07:45:00Z", "IL", "2026-11-20T07:45:00Z", "explicit"),
        ("2026-11-20T07:45:00.125-05:00", "IL", "2026-11-20T07:45:00.125-05:00", "explicit"),
        ("2026-11-20T07:45:00", "IL", "2026-11-20T07:45:00-06:00", "location"),
        ("2026-07-20T07:45:00", "il", "2026-07-20T07:45:00-05:00", "location"),
        ("2026-07-20T07:45:00.5", "CA", "2026-07-20T07:45:00.5-07:00", "location"),
        ("2026-11-20T07:45:00", "TX", "2026-11-20T07:45:00+00:00", "assumed-utc"),
        ("2026-11-20T07:45:00", None, "2026-11-20T07:45:00+00:00", "assumed-utc"),
    ],
)
def test_a_time_without_a_zone_is_that_of_the_place_and_flagged(
    said: str, state: str | None, value: str, source: str
) -> None:
    occurred_at = event(OccurredAt=said, State=state).occurred_at
    assert occurred_at is not None
    assert occurred_at["value"] == value
    assert occurred_at["tz_source"] == source
    assert occurred_at.get("source_text") == (None if source == "explicit" else said)


def test_where_the_state_has_two_zones_the_partners_own_is_taken() -> None:
    found = event(ROADRUNNER, State="TX")
    assert found.occurred_at is not None
    assert found.occurred_at["value"] == "2026-11-20T07:45:00-07:00"
    assert found.occurred_at["tz_source"] == "partner-default"
    assert found.ext["partner"] == "roadrunner"
    assert found.parties[0].get("name") == "Roadrunner Freight Lines"


# ── what is set aside ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "element", "where"),
    [
        ({"StatusCode": "Z9"}, "x12-1650", "/StatusUpdate/StatusCode"),
        ({"StatusCode": "sd"}, "x12-1650", "/StatusUpdate/StatusCode"),
        ({"ReasonCode": "Q9"}, "x12-1651", "/StatusUpdate/ReasonCode"),
        ({"StatusCode": "NS"}, "x12-1650", "/StatusUpdate/StatusCode"),
    ],
)
def test_an_unknown_code_is_set_aside_with_a_way_to_fix_it(
    changes: dict[str, str], element: str, where: str
) -> None:
    error = refused(**changes)
    assert error.code == "EDI.UNMAPPED_CODE"
    assert error.place.xpath == where
    assert element in error.remedy
    assert "replay" in error.remedy
    assert f"[codes.{element}]" in refused(ROADRUNNER, **changes).remedy


def test_a_lenient_partners_unknown_codes_are_exceptions_or_stay_beside_what_is_known() -> None:
    lenient = Partner(
        name="odd", title="Odd Freight", ids=(("02", "ODDF"),), ours=("ZZ", "CROSSDOCK"), lenient=True
    )
    found = event(lenient, StatusCode="Z9")
    assert found.code == "EDI.UNMAPPED_CODE"
    assert found.source_codes[0]["code"] == "Z9"
    found = event(lenient, StatusCode="X6", ReasonCode="Q9")
    assert found.code == "EDI.UNMAPPED_CODE"
    assert found.source_codes[0] == {"scheme": "x12-1651", "code": "Q9", "mapped": False}
    assert found.place == {"xpath": "/StatusUpdate/ReasonCode"}
    assert event(lenient, StatusCode="SD", ReasonCode="Q9").code == "SHP.DELAY"


@pytest.mark.parametrize("name", ["EventId", "Scac", "StatusCode", "OccurredAt"])
@pytest.mark.parametrize("text", [None, "", "   ", "x" * 300])
def test_a_field_that_is_missing_empty_or_endless_is_told_with_its_path(name: str, text: str | None) -> None:
    error = refused(**{name: text})
    assert error.place.xpath == f"/StatusUpdate/{name}"


@pytest.mark.parametrize(
    "said",
    ["2026-11-20", "2026-11-20T07:45", "2026-02-30T07:45:00", "2026-11-20T24:30:00", "yesterday",
     "2026-11-20T07:45:00+15:00", "0026-11-20T07:45:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(said: str) -> None:
    assert refused(OccurredAt=said).place.xpath == "/StatusUpdate/OccurredAt"


@pytest.mark.parametrize("said", ["24/11/2026", "2026-11-31", "soon", "2026-11-24T10:00:00"])
def test_what_is_no_date_is_refused(said: str) -> None:
    assert refused(EstimatedDelivery=said).place.xpath == "/StatusUpdate/EstimatedDelivery"


def test_an_update_of_no_shipment_is_refused() -> None:
    assert refused(ShipmentId="", ProNumber=None).place.xpath == "/StatusUpdate/ShipmentId"


@pytest.mark.parametrize(
    "body",
    [
        b"<html/>",
        f'<StatusUpdate xmlns="{NAMESPACE}"/>'.encode(),
        update().replace(b":carrier:1", b":carrier:2"),
        update().replace(b"<c:City>Joliet</c:City>", b"<c:City><c:Name>Joliet</c:Name></c:City>"),
        update().replace(b"</c:StatusUpdate>", b"<c:StatusCode>D1</c:StatusCode></c:StatusUpdate>"),
        update().replace(b"StatusUpdate", b"StatusUpdates"),
    ],
)
def test_what_is_no_update_is_set_aside_and_never_half_read(body: bytes) -> None:
    context = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
    with pytest.raises(Unreadable) as caught:
        list(carrier_status.map(safe_xml.parse(body), context))
    assert caught.value.place.xpath
    assert caught.value.remedy


def test_what_the_contract_does_not_name_is_left_alone() -> None:
    context = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
    more = b'<c:Driver>Kim</c:Driver><x:StatusCode xmlns:x="urn:x">D1</x:StatusCode></c:StatusUpdate>'
    body = update().replace(b"</c:StatusUpdate>", more)
    assert list(carrier_status.map(safe_xml.parse(body), context)) == say()


def test_every_field_of_the_contract_is_read() -> None:
    contract = etree.fromstring(CONTRACT.read_bytes())
    names = contract.xpath(
        "//x:complexType[@name='StatusUpdate']//x:element/@name",
        namespaces={"x": "http://www.w3.org/2001/XMLSchema"},
    )
    given = {
        "EventId": "EV-A", "ProNumber": "PRO-B", "ShipmentId": "SHP-C", "Scac": "SCAC", "StatusCode": "SD",
        "ReasonCode": "AO", "OccurredAt": "2026-11-20T07:45:00", "City": "Ville-D", "State": "IL",
        "EstimatedDelivery": "2026-11-24", "Remarks": "Remark-E",
    }  # fmt: skip
    assert set(names) == set(given)
    told = str([sealed(each) for each in say(**given)])
    for name, text in given.items():
        assert text in told, f"{name} is lost"
