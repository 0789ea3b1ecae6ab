"""What leaves for the ERP: addressed by the business key, and the same bytes for the same decision."""

import json
import uuid
from typing import Any

import pytest

from crossdock.errors import Unreadable
from crossdock.messages import Decision
from crossdock.registry import Registry
from mappings.outbound import (
    erp_change_date,
    erp_hold,
    erp_note,
    erp_release,
    erp_split,
    freight_pickup,
    freight_tender,
)

DECISION = Decision(
    event_id=uuid.UUID(int=1),
    table="main",
    rule="a",
    version="0",
    queue="supply",
    owner="planning",
    priority=30,
    actions=(),
    because="Acme backordered 40 of 100",
    saw={},
)
WHO = {"exception_id": "case-1", "decision_id": "decision-1"}


def about(*refs: dict[str, str]) -> dict[str, Any]:
    return {"id": "event-1", "data": {"refs": list(refs)}}


PO = about({"kind": "supplier_po", "value": "4500123456", "issuer": "main"})


def test_a_note_says_why_and_which_exception_and_decision_it_is_of() -> None:
    body = erp_note.write(PO, DECISION, {"text": "look at line 2 – soon"}, **WHO)
    assert body.subject == "supplier_po/4500123456"
    assert body.media_type == "application/json"
    assert body.body == (
        '{"decision_id":"decision-1","exception_id":"case-1","text":"look at line 2 – soon"}'.encode()
    )
    assert json.loads(erp_note.write(PO, DECISION, {}, **WHO).body)["text"] == DECISION.because


def test_a_hold_and_a_date_change_carry_what_the_erp_needs() -> None:
    body = erp_hold.write(PO, DECISION, {"reason": "export"}, **WHO)
    assert json.loads(body.body) == {"reason": "export", **WHO}
    body = erp_change_date.write(PO, DECISION, {"line": "2", "date": "2026-12-04"}, **WHO)
    assert json.loads(body.body) == {"line": "2", "date": "2026-12-04", **WHO}


def short(line: str, ordered: str) -> dict[str, Any]:
    event = about({"kind": "sales_order", "value": "SO-7001", "issuer": "main"})
    event["data"]["lines"] = [{"line_ref": line, "ordered": {"value": ordered, "uom": "EA"}}]
    return event


def test_a_split_says_what_goes_later_and_what_the_line_was_of_when_that_was_decided() -> None:
    body = erp_split.write(short("7", "100"), DECISION, {"line": "7", "quantity": "40"}, **WHO)
    assert body.subject == "sales_order/SO-7001"
    assert json.loads(body.body) == {"line": "7", "quantity": "40", "ordered": "100", **WHO}
    more = {"line": "8", "quantity": "2.5", "date": "2026-12-04"}
    body = erp_split.write(short("7", "100"), DECISION, more, **WHO)
    assert json.loads(body.body) == {**more, **WHO}, "nothing is known of another line"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"quantity": "0.00"}, "the quantity '0.00' that goes later is none"),
        ({"quantity": "-4"}, "the quantity '-4' that goes later is none"),
        ({"quantity": "many"}, "the quantity 'many' that goes later is none"),
        ({"date": "04/12/2026"}, "the date '04/12/2026' of what goes later is no date"),
        ({"date": "2026-02-30"}, "the date '2026-02-30' of what goes later is no date"),
        ({"line": ""}, "the action has no 'line' to write"),
    ],
)
def test_a_split_that_cannot_be_meant_is_refused(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence) as told:
        erp_split.write(short("7", "100"), DECISION, {"line": "7", "quantity": "40", **wrong}, **WHO)
    assert "row of the decision table" in told.value.remedy


def test_a_release_names_the_hold_that_it_takes_off() -> None:
    body = erp_release.write(PO, DECISION, {"reason": "taken back: export", "undoes": "key-1"}, **WHO)
    assert json.loads(body.body) == {"reason": "taken back: export", "releases": "key-1", **WHO}
    with pytest.raises(Unreadable, match="no 'undoes'"):
        erp_release.write(PO, DECISION, {"reason": "taken back"}, **WHO)


def test_writing_again_writes_the_same_bytes() -> None:
    arguments = {"date": "2026-12-04", "line": "2"}
    again = dict(reversed(arguments.items()))
    assert erp_change_date.write(PO, DECISION, arguments, **WHO) == erp_change_date.write(
        PO, DECISION, again, **WHO
    )


@pytest.mark.parametrize(
    ("refs", "subject"),
    [
        (({"kind": "pro", "value": "771"}, {"kind": "shipment", "value": "SHP-1"}), "shipment/SHP-1"),
        (({"kind": "pro", "value": "771", "issuer": "RRFL"},), "pro/771"),
        (({"kind": "sales_order", "value": "SO-1"},), "sales_order/SO-1"),
        (
            (
                {"kind": "sales_order", "value": "THEIRS", "role": "seller"},
                {"kind": "supplier_po", "value": "45"},
            ),
            "supplier_po/45",
        ),
    ],
)
def test_the_subject_is_the_number_that_the_erp_knows(refs: tuple[dict[str, str], ...], subject: str) -> None:
    assert erp_note.write(about(*refs), DECISION, {}, **WHO).subject == subject


@pytest.mark.parametrize(
    "refs",
    [
        ({"kind": "group", "value": "57"},),
        ({"kind": "sales_order", "value": "THEIRS", "role": "seller"},),
    ],
)
def test_an_event_about_nothing_that_the_erp_keeps_writes_nothing(refs: tuple[dict[str, str], ...]) -> None:
    with pytest.raises(Unreadable, match="names nothing that the ERP keeps") as refused:
        erp_note.write(about(*refs), DECISION, {}, **WHO)
    assert "decision table" in refused.value.remedy


@pytest.mark.parametrize("date", ["", "soon", "2026-02-30", "20261204", "2026-W49-5"])
def test_a_date_change_without_a_date_of_the_calendar_is_not_written(date: str) -> None:
    with pytest.raises(Unreadable):
        erp_change_date.write(PO, DECISION, {"line": "2", "date": date}, **WHO)


def test_a_hold_without_a_reason_is_not_written() -> None:
    with pytest.raises(Unreadable, match="no 'reason'"):
        erp_hold.write(PO, DECISION, {}, **WHO)


def test_a_note_that_is_longer_than_the_erp_takes_is_cut_and_says_so() -> None:
    text = json.loads(erp_note.write(PO, DECISION, {"text": "x" * 5000}, **WHO).body)["text"]
    assert len(text) == erp_note.TEXT_LONGEST
    assert text.endswith("…")


def test_the_registry_finds_each_operation() -> None:
    registry = Registry()
    for operation in ("note", "hold", "release", "change_date", "split"):
        found = registry.outbound(operation)
        assert found is not None
        assert found.operation == operation


LATE_PICKUP = about(
    {"kind": "supplier_po", "value": "45"},
    {"kind": "shipment", "value": "SHP-1"},
    {"kind": "pro", "value": "771"},
)


def test_a_pickup_and_a_tender_are_of_the_shipment_and_not_of_its_order() -> None:
    body = freight_pickup.write(LATE_PICKUP, DECISION, {"date": "2026-12-04", "close": "16:30"}, **WHO)
    assert body.subject == "shipment/SHP-1"
    said = {"date": "2026-12-04", "ready": "09:00", "close": "16:30", "instructions": DECISION.because}
    assert json.loads(body.body) == {**said, **WHO}
    tender = freight_tender.write(
        about({"kind": "pro", "value": "771"}), DECISION, {"text": "x" * 300}, **WHO
    )
    assert tender.subject == "pro/771" and len(json.loads(tender.body)["remarks"]) == 250


@pytest.mark.parametrize(
    "arguments",
    [{}, {"date": "soon"}, {"date": "2026-12-04", "ready": "9"}, {"date": "2026-12-04", "ready": "18:00"}],
)
def test_a_pickup_without_a_day_and_hours_is_not_written(arguments: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        freight_pickup.write(LATE_PICKUP, DECISION, arguments, **WHO)


def test_nothing_is_asked_of_a_carrier_about_no_shipment() -> None:
    with pytest.raises(Unreadable, match="names no shipment"):
        freight_tender.write(PO, DECISION, {}, **WHO)
