"""Tryton's orders and shipments: what each record says of trouble, and what ends it again."""

import uuid
from types import ModuleType
from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact, Origin, Statement, seal
from canonical.taxonomy import clears, codes
from crossdock.formats import json_strict
from crossdock.partners import MappingContext
from mappings import golden
from mappings.inbound import tryton_sale, tryton_shipment

CONTEXT = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
ORIGIN = Origin(
    tenant="main",
    source="tryton",
    connector_version="1",
    mapping="tryton",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)


def record(mapping: ModuleType, name: str) -> Any:
    [sample] = [one for one in golden.samples(mapping) if one.name == f"{name}.json"]
    return json_strict.loads(sample.read_bytes())


def said(mapping: ModuleType, document: Any) -> list[Statement]:
    return list(mapping.map(document, CONTEXT))


def troubles(mapping: ModuleType, name: str) -> list[tuple[str, str | None]]:
    return [
        (one.code, one.cause)
        for one in said(mapping, record(mapping, name))
        if isinstance(one, ExceptionEvent)
    ]


def data(statement: Statement) -> dict[str, Any]:
    sealed = seal(statement, ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=0)
    found: dict[str, Any] = sealed["data"]
    return found


def ends(trouble: ExceptionEvent, statements: list[Statement]) -> bool:
    rule = codes()[trouble.code]
    return any(clears(rule, data(trouble), data(one)) for one in statements if isinstance(one, Fact))


def the(code: str, statements: list[Statement]) -> ExceptionEvent:
    [found] = [one for one in statements if isinstance(one, ExceptionEvent) and one.code == code]
    return found


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("over_its_credit_limit", [("CRD.HOLD", "credit_limit")]),
        ("over_its_limit_by_a_cent", [("CRD.HOLD", "credit_limit")]),
        ("up_to_its_credit_limit", []),
        ("without_a_credit_limit", []),
        ("owes_in_another_currency", []),
        ("in_process", []),
        ("a_shipment_was_cancelled", [("ORD.HOLD", "shipment_cancelled")]),
        ("two_holds_at_once", [("ORD.HOLD", "shipment_cancelled"), ("ORD.HOLD", "invoice_cancelled")]),
    ],
)
def test_what_an_order_waits_for(sample: str, expected: list[tuple[str, str]]) -> None:
    assert troubles(tryton_sale, sample) == expected


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("short_of_one_line", [("INV.ALLOCATION_FAILED", "partly_reserved")]),
        ("reserved", []),
        ("nothing_reserved_and_not_overdue", []),
        ("nobody_has_looked_and_its_day_has_passed", [("FUL.NO_SHIP_CONFIRM", "not_reserved")]),
        ("overdue_and_only_the_door_is_missing", [("FUL.NO_SHIP_CONFIRM", "not_shipped")]),
        (
            "short_and_overdue",
            [("INV.ALLOCATION_FAILED", "partly_reserved"), ("FUL.NO_SHIP_CONFIRM", "not_reserved")],
        ),
        ("planned_for_today_is_not_late", []),
        ("left_two_days_late", [("FUL.SHIP_DATE_CHANGED", "late")]),
        ("shipped", []),
        ("cancelled", []),
    ],
)
def test_what_is_wrong_with_a_shipment(sample: str, expected: list[tuple[str, str]]) -> None:
    assert troubles(tryton_shipment, sample) == expected


def test_a_confirmed_order_is_not_held_for_credit_any_more_and_another_one_still_is() -> None:
    held = record(tryton_sale, "over_its_credit_limit")
    trouble = the("CRD.HOLD", said(tryton_sale, held))
    assert not ends(trouble, said(tryton_sale, held)), "the record that tells of it does not end it"
    assert ends(trouble, said(tryton_sale, {**held, "state": "confirmed"}))
    assert ends(trouble, said(tryton_sale, {**held, "state": "cancelled"}))
    other = said(tryton_sale, {**held, "number": "SO0099", "state": "confirmed"})
    assert not ends(trouble, other), "the customer's number alone is not the order"


def test_what_cannot_be_added_up_releases_nothing() -> None:
    trouble = the("CRD.HOLD", said(tryton_sale, record(tryton_sale, "over_its_credit_limit")))
    assert not ends(trouble, said(tryton_sale, record(tryton_sale, "owes_in_another_currency")))


def test_a_hold_for_one_thing_is_not_ended_by_the_end_of_another() -> None:
    both = record(tryton_sale, "two_holds_at_once")
    shipment = said(tryton_sale, both)[1]
    assert isinstance(shipment, ExceptionEvent) and shipment.cause == "shipment_cancelled"
    assert not ends(shipment, said(tryton_sale, {**both, "invoice_state": "none"}))
    assert ends(shipment, said(tryton_sale, {**both, "shipment_state": "waiting"}))


def test_a_shortage_ends_when_its_line_has_left_whole_and_not_by_a_part() -> None:
    short = record(tryton_shipment, "short_of_one_line")
    trouble = the("INV.ALLOCATION_FAILED", said(tryton_shipment, short))
    assert trouble.lines[0]["affected"]["value"] == "5"
    left = {**short, "state": "done", "effective_date": short["planned_date"]}
    assert ends(trouble, said(tryton_shipment, left))
    first, *others = short["outgoing_moves"]
    assert first["product"]["code"] == "WID-1"
    part = {**left, "outgoing_moves": [{**first, "quantity": 5}, *others]}
    assert not ends(trouble, said(tryton_shipment, part))
    sale = record(tryton_sale, "in_process")
    assert ends(trouble, said(tryton_sale, {**sale, "shipment_state": "sent"})), "in however many shipments"


def test_an_overdue_shipment_ends_when_it_has_left() -> None:
    late = record(tryton_shipment, "overdue_and_only_the_door_is_missing")
    trouble = the("FUL.NO_SHIP_CONFIRM", said(tryton_shipment, late))
    assert not ends(trouble, said(tryton_shipment, late))
    assert ends(trouble, said(tryton_shipment, {**late, "state": "done"}))


def test_what_is_written_back_about_a_shipment_is_about_its_order() -> None:
    from mappings.outbound.subjects import subject_of

    short = said(tryton_shipment, record(tryton_shipment, "short_and_overdue"))
    for code in ("INV.ALLOCATION_FAILED", "FUL.NO_SHIP_CONFIRM"):
        assert subject_of({"id": "1", "data": data(the(code, short))}) == "sales_order/SO0004"


def test_a_unit_that_tryton_does_not_bring_keeps_the_company_s_own_word() -> None:
    short = record(tryton_shipment, "short_of_one_line")
    for move in [*short["outgoing_moves"], *short["inventory_moves"]]:
        move["unit"]["symbol"] = "crate"
    [line] = the("INV.ALLOCATION_FAILED", said(tryton_shipment, short)).lines
    assert line["affected"] == {
        "value": "5", "uom": "ZZ", "uom_source": "crate", "uom_scheme_source": "erp",
    }  # fmt: skip
