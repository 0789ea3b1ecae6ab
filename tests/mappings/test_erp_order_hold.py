"""The ERP's order hold: what each reason means, what a release ends, and what is refused with its pointer."""

import json
import uuid
from typing import Any

import pytest

from canonical import taxonomy
from canonical.events import ExceptionEvent, Fact, Origin, seal
from canonical.taxonomy import clears, codes
from canonical.validate import validator
from crossdock.errors import Unreadable
from crossdock.formats import json_strict
from crossdock.partners import MappingContext
from mappings import golden
from mappings.inbound import erp_order_hold

CONTEXT = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
ORIGIN = Origin(
    tenant="main",
    source="erp",
    connector_version="1",
    mapping="erp_order_hold",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)
LINE = {"line": 1, "sku": "PUMP-40", "quantity": "40", "uom": "EA"}
ABSENT = object()


def record(**changes: Any) -> dict[str, Any]:
    whole = {
        "hold_id": "H-1001",
        "sales_order": "SO-7001",
        "customer": {"id": "C-17", "name": "Harbor Tools", "tier": "A"},
        "reason_code": "CREDIT_LIMIT",
        "reason": "Over the limit",
        "amount": "18250.00",
        "currency": "USD",
        "placed_at": "2026-11-20T14:02:11Z",
        "updated_at": "2026-11-21T07:30:00Z",
        "state": "held",
        "lines": [LINE],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ABSENT}


def say(**changes: Any) -> Any:
    (statement,) = erp_order_hold.map(json_strict.loads(json.dumps(record(**changes)).encode()), CONTEXT)
    sealed(statement)
    return statement


def sealed(statement: Any) -> dict[str, Any]:
    document = seal(statement, ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=0)
    name = "fact" if isinstance(statement, Fact) else "exception-event"
    assert validator(name, "1.0").violations(document) == []
    return document


def refused(**changes: Any) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        list(erp_order_hold.map(record(**changes), CONTEXT))
    assert caught.value.remedy
    return caught.value


# ── what a hold means ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "code", "cause"),
    [
        ("CREDIT_LIMIT", "CRD.HOLD", "credit_limit"),
        ("TERMS", "CRD.HOLD", "terms"),
        ("EXPORT", "CMP.EXPORT_BLOCK", "export_control"),
        ("ADDRESS", "SHP.ADDRESS_INVALID", "address_rejected"),
        ("MANUAL", "ORD.HOLD", "manual"),
    ],
)
def test_each_reason_is_an_exception_with_its_cause(reason: str, code: str, cause: str) -> None:
    event = say(reason_code=reason)
    assert isinstance(event, ExceptionEvent)
    assert (event.code, event.cause) == (code, cause)
    assert event.source_codes[0]["scheme"] == "erp-hold-reason"
    assert event.source_codes[0]["code"] == reason


def test_every_known_reason_is_described_in_the_taxonomy() -> None:
    assert erp_order_hold.reasons()
    for reason in erp_order_hold.reasons().values():
        assert reason.exception in taxonomy.codes()
        assert reason.because


def test_a_hold_names_the_order_the_customer_and_what_is_at_stake() -> None:
    event = say()
    assert event.title == "Order SO-7001 of Harbor Tools waits: over the credit limit"
    assert event.refs == [
        {"kind": "sales_order", "value": "SO-7001", "issuer": "main"},
        {"kind": "hold", "value": "H-1001", "issuer": "main"},
    ]
    assert event.parties == [
        {"role": "customer", "ids": [{"scheme": "internal", "value": "C-17"}], "name": "Harbor Tools"}
    ]
    assert event.value_at_risk == {"amount": "18250.00", "currency": "USD"}
    assert event.detail == "Over the limit"
    assert event.occurred_at == {
        "value": "2026-11-20T14:02:11Z", "precision": "second", "tz_source": "explicit",
    }  # fmt: skip
    assert event.place == {"json_pointer": "/reason_code"}
    assert event.ext["customer_tier"] == "A"
    assert event.ext["hold_id"] == "H-1001"


def test_a_hold_is_one_trouble_of_its_order_whatever_the_order_of_its_lines() -> None:
    other = {**LINE, "line": 2, "sku": "HOSE-12"}
    keys = {
        sealed(say(reason_code="MANUAL", lines=lines))["data"]["fold_key"]
        for lines in ([LINE, other], [other, LINE], [other], [])
    }
    assert len(keys) == 1
    event = say(lines=[LINE, other])
    assert event.ext["lines"] == {"1": ["PUMP-40", "40", "EA"], "2": ["HOSE-12", "40", "EA"]}
    assert sealed(event)["subject"] == "sales_order/SO-7001"


def test_fields_that_the_erp_adds_tomorrow_change_nothing() -> None:
    assert say(salesperson="Kim") == say()


# ── what a release means ─────────────────────────────────────────────────────────────────────────────────────


def test_a_release_ends_the_hold_of_its_order_and_of_no_other() -> None:
    held, other = sealed(say())["data"], sealed(say(sales_order="SO-7002"))["data"]
    released = say(state="released")
    assert isinstance(released, Fact)
    assert released.kind == "released"
    assert released.occurred_at is not None
    assert released.occurred_at["value"] == "2026-11-21T07:30:00Z"
    rule = taxonomy.codes()["CRD.HOLD"]
    assert taxonomy.clears(rule, held, sealed(released)["data"])
    assert not taxonomy.clears(rule, other, sealed(released)["data"])


def test_a_release_names_its_lines_with_their_quantities() -> None:
    released = say(state="released", lines=[LINE, {**LINE, "line": "2", "quantity": "2.5", "uom": "pallet"}])
    assert released.lines[0]["ordered"] == {
        "value": "40", "uom": "EA", "uom_source": "EA", "uom_scheme_source": "erp",
    }  # fmt: skip
    assert released.lines[1]["ordered"]["uom"] == "ZZ"
    assert released.lines[1]["ordered"]["uom_source"] == "pallet"


def test_a_release_needs_no_known_reason() -> None:
    released = say(state="released", reason_code="FRAUD_CHECK")
    assert released.source_codes == [{"scheme": "erp-hold-reason", "code": "FRAUD_CHECK", "mapped": False}]


# ── what is set aside ────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_reason_is_set_aside_with_a_way_to_fix_it() -> None:
    error = refused(reason_code="MOON_PHASE")
    assert error.code == "EDI.UNMAPPED_CODE"
    assert error.place.json_pointer == "/reason_code"
    assert "reasons.toml" in error.remedy
    assert "replay" in error.remedy


@pytest.mark.parametrize(
    "name",
    [
        "hold_id", "sales_order", "customer", "reason_code", "reason", "amount", "currency", "placed_at",
        "updated_at", "state", "lines",
    ],
)  # fmt: skip
def test_a_field_that_is_missing_or_of_another_type_is_told_with_its_pointer(name: str) -> None:
    for value in (ABSENT, None, 17, True, ["x"]):
        if name == "lines" and isinstance(value, list):
            value = "x"
        error = refused(**{name: value})
        assert error.place.json_pointer == f"/{name}"
        assert error.code == "EDI.MAP_FAILURE"


@pytest.mark.parametrize("name", ["id", "name", "tier"])
def test_a_customer_without_one_of_its_fields_is_told_with_its_pointer(name: str) -> None:
    customer = {"id": "C-17", "name": "Harbor Tools", "tier": "A"}
    del customer[name]
    assert refused(customer=customer).place.json_pointer == f"/customer/{name}"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": amount}, "/amount")
        for amount in ("", "1e5", "18,250.00", "-1", "+1", "01", "NaN", "1.", "9" * 19, "1.0000000001", "١٢")
    ]
    + [({"currency": currency}, "/currency") for currency in ("usd", "XXQ", "US", "$")]
    + [
        ({"placed_at": text}, "/placed_at")
        for text in (
            "2026-11-20", "2026-11-20T14:02:11", "2026-11-20 14:02:11Z", "2026-02-30T14:02:11Z", "now",
            "2026-11-20T25:02:11Z", "2026-11-20T14:02:11+15:00", "0026-11-20T14:02:11Z",
        )
    ]
    + [({"state": state}, "/state") for state in ("HELD", "gone", " ")]
    + [({"sales_order": text}, "/sales_order") for text in ("", "  ", "9" * 257, "SO\x007001")]
    + [
        ({"lines": [{**LINE, "line": -1}]}, "/lines/0/line"),
        ({"lines": [{**LINE, "line": True}]}, "/lines/0/line"),
        ({"lines": [{**LINE, "line": ""}]}, "/lines/0/line"),
        ({"lines": [LINE, {**LINE, "line": "1"}]}, "/lines/1/line"),
        ({"lines": [LINE, "x"]}, "/lines/1"),
        ({"lines": [{**LINE, "quantity": 40}]}, "/lines/0/quantity"),
        ({"lines": [{**LINE, "quantity": "-4"}]}, "/lines/0/quantity"),
        ({"lines": [{**LINE, "uom": ""}]}, "/lines/0/uom"),
        ({"lines": [LINE] * 10_001}, "/lines"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_told_with_its_pointer(changes: dict[str, Any], pointer: str) -> None:
    assert refused(**changes).place.json_pointer == pointer


def test_everything_that_is_wrong_is_told_at_once() -> None:
    sentence = str(refused(amount="1e5", currency="usd", lines=[{}]))
    for pointer in ("/amount", "/currency", "/lines/0/line", "/lines/0/sku"):
        assert pointer in sentence


def test_a_sentence_stays_short_however_much_is_wrong() -> None:
    assert len(str(refused(lines=[{}] * 500, reason_code="x" * 100))) < 2_000


@pytest.mark.parametrize("document", [None, True, 17, "held", [], [{}]])
def test_what_is_no_record_is_set_aside(document: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        list(erp_order_hold.map(document, CONTEXT))
    assert caught.value.place.json_pointer == ""


def test_an_amount_is_never_a_float_on_its_way() -> None:
    assert say(amount="0.1").value_at_risk == {"amount": "0.1", "currency": "USD"}
    assert (
        say(amount="123456789012345678.123456789").value_at_risk["amount"] == "123456789012345678.123456789"
    )


def test_taking_one_hold_off_ends_no_other_hold_of_the_order():
    released = {"kind": "released", "refs": say().refs}
    other = [*say().refs[:1], {"kind": "hold", "value": "H-9", "issuer": "main"}]
    rule = codes()["CMP.EXPORT_BLOCK"]
    assert clears(rule, {"refs": say().refs}, released)
    assert not clears(rule, {"refs": other}, released)
