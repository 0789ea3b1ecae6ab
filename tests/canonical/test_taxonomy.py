"""The codes: every one fully described, the first forty among them, and what ends a trouble is read by a machine."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from canonical import taxonomy
from canonical.taxonomy import ClearedBy, clears, codes, families, lint, reserved, runbook_anchor

FOLDER = Path(taxonomy.__file__).parent / "taxonomy"

DETECT_FIRST = [
    "ORD.DUPLICATE",
    "ORD.LINE_REJECTED",
    "ORD.QTY_CHANGED",
    "ORD.QTY_UNACCOUNTED",
    "ORD.CHANGE_LATE",
    "ORD.HOLD",
    "ORD.ACK_OVERDUE",
    "INV.SHORTAGE",
    "INV.BACKORDER",
    "INV.ALLOCATION_FAILED",
    "INV.SUBSTITUTION",
    "INV.SUPPLIER_DELAY",
    "INV.ADJUSTMENT",
    "PRC.MISMATCH",
    "PRC.CHANGED",
    "CRD.HOLD",
    "FUL.SHORT_PICK",
    "FUL.SHORT_SHIP",
    "FUL.NO_SHIP_CONFIRM",
    "SHP.TENDER_DECLINED",
    "SHP.DELAY",
    "SHP.DAMAGED",
    "SHP.REFUSED",
    "SHP.ASN_MISSING",
    "SHP.POD_MISSING",
    "SHP.ADDRESS_INVALID",
    "RCV.SHORT",
    "RCV.DAMAGED",
    "BIL.INVOICE_MISMATCH",
    "BIL.DUPLICATE",
    "BIL.DEDUCTION",
    "EDI.TRANSACTION_REJECTED",
    "EDI.ACK_OVERDUE",
    "EDI.APP_REJECTED",
    "EDI.UNKNOWN_PARTNER",
    "EDI.MAP_FAILURE",
    "MDM.ITEM_UNKNOWN",
    "CMP.EXPORT_BLOCK",
    "INT.OUTCOME_UNKNOWN",
    "RSK.LATE_ORDER",
]

FOR_THE_FIRST_MAPPINGS = [
    "PRC.PENDING",
    "ORD.SCHEDULE_PENDING",
    "ORD.LINE_CANCELLED",
    "ORD.REJECTED",
    "ORD.COUNTER_OFFER",
    "SHP.RETURNED",
    "SHP.ATTEMPTED",
    "SHP.RECONSIGNED",
    "SHP.CUSTOMS",
    "SHP.PICKUP_MISSED",
    "SHP.CARRIER_FAILURE",
    "SHP.SHORT",
    "SHP.OVER",
    "SHP.WRONG_ITEM",
    "SHP.LOST",
    "SHP.HELD",
    "SHP.NO_STATUS",
    "SHP.ETA_SLIP",
    "SHP.APPOINTMENT",
    "DOC.MISSING",
    "EDI.ACCEPTED_WITH_ERRORS",
    "EDI.GROUP_REJECTED",
    "EDI.INTERCHANGE_REJECTED",
    "EDI.DUPLICATE_CONTROL",
    "EDI.ACK_UNMATCHED",
    "EDI.UNSUPPORTED_SET",
    "EDI.UNMAPPED_CODE",
]


FOR_THE_SETS = [
    "ORD.VALIDATION", "ORD.NO_ORDER", "ORD.CHANGE_REQUESTED", "ORD.CHANGE_LATE", "ORD.CHANGE_REJECTED",
    "ORD.CHANGE_OVERDUE", "ORD.CANCEL_REQUESTED", "ORD.CANCELLED_BY_SUPPLIER", "ORD.INQUIRY_OVERDUE",
    "ORD.ACK_OVERDUE", "ORD.DUPLICATE", "INV.MISMATCH", "INV.HOLD", "INV.RECALL", "INV.SHELF_LIFE",
    "INV.DISCONTINUED", "INV.FEED_STALE", "INV.DEMAND_SPIKE", "PRC.UOM", "FUL.OVER_SHIP",
    "FUL.WRONG_ITEM", "FUL.SHIP_DATE_CHANGED", "FUL.CARRIER_CHANGED", "FUL.LABEL", "FUL.NO_SHIP_CONFIRM",
    "SHP.TENDER_REQUESTED", "SHP.TENDER_COUNTER", "SHP.TENDER_NO_RESPONSE", "SHP.ASN_LATE",
    "SHP.ASN_MISMATCH", "SHP.ASN_NO_ORDER", "SHP.ASN_DUPLICATE", "SHP.ASN_MISSING", "SHP.NO_STATUS",
    "SHP.POD_MISSING", "SHP.OVER", "SHP.WRONG_ITEM", "RCV.OVER", "RCV.WRONG_ITEM", "RCV.QUALITY",
    "RCV.REJECTED", "RCV.NO_ASN", "RCV.NOT_CONFIRMED", "BIL.QTY", "BIL.PRICE", "BIL.TOTAL", "BIL.TAX",
    "BIL.CHARGE", "BIL.NO_ORDER", "BIL.BEFORE_SHIP", "BIL.INVOICE_OVERDUE", "BIL.INVOICE_UNKNOWN",
    "BIL.FREIGHT_VARIANCE", "BIL.SHORT_PAY", "BIL.DISPUTE", "BIL.DEDUCTION", "RTN.REQUESTED",
    "RTN.DENIED", "RTN.PARTIAL", "RTN.NO_RECORD", "RTN.LIMIT_EXCEEDED", "RTN.DISPOSITION",
    "EDI.SEQUENCE_GAP", "EDI.SYNTAX", "EDI.TRUNCATED", "EDI.TEST_IN_PROD", "EDI.FREE_TEXT",
    "EDI.ACK_UNMATCHED", "EDI.ACK_OVERDUE", "EDI.GROUP_REJECTED", "EDI.INTERCHANGE_REJECTED",
    "EDI.DUPLICATE_CONTROL", "EDI.UNSUPPORTED_SET", "MDM.UOM_INCONSISTENT", "MDM.PARTY_UNKNOWN",
    "MDM.ITEM_UNKNOWN", "CMP.ROUTING_GUIDE", "INT.FEED_MISSING",
]  # fmt: skip

# what a clock waits for, and a document that brings it
AWAITED = [
    ("ORD.ACK_OVERDUE", "acknowledged", "supplier_po"),
    ("ORD.ACK_OVERDUE", "acknowledged", "customer_po"),
    ("ORD.CHANGE_OVERDUE", "change_answered", "supplier_po"),
    ("ORD.CHANGE_OVERDUE", "change_answered", "customer_po"),
    ("ORD.INQUIRY_OVERDUE", "status", "customer_po"),
    ("SHP.ASN_MISSING", "shipped", "supplier_po"),
    ("FUL.NO_SHIP_CONFIRM", "shipped", "warehouse_order"),
    ("RCV.NOT_CONFIRMED", "received", "warehouse_receipt"),
    ("RCV.NOT_CONFIRMED", "received", "asn"),
    ("SHP.TENDER_NO_RESPONSE", "tender_answered", "shipment"),
    ("BIL.INVOICE_OVERDUE", "invoiced", "supplier_po"),
    ("BIL.INVOICE_OVERDUE", "invoiced", "shipment"),
    ("SHP.NO_STATUS", "status", "shipment"),
    ("SHP.NO_STATUS", "status", "pro"),
    ("SHP.POD_MISSING", "received", "shipment"),
    ("EDI.ACK_OVERDUE", "acknowledgement", "group"),
    ("INV.FEED_STALE", "inventory", "feed"),
    ("INT.FEED_MISSING", "inventory", "feed"),
    # not clocks, but ended by what was missing
    ("SHP.ASN_NO_ORDER", "ordered", "customer_po"),
    ("BIL.NO_ORDER", "ordered", "supplier_po"),
    ("BIL.BEFORE_SHIP", "shipped", "supplier_po"),
    ("BIL.BEFORE_SHIP", "received", "supplier_po"),
    ("BIL.INVOICE_UNKNOWN", "invoiced", "invoice"),
    ("ORD.NO_ORDER", "ordered", "supplier_po"),
    ("ORD.CHANGE_REQUESTED", "change_answered", "customer_po"),
    ("SHP.TENDER_REQUESTED", "tender_answered", "shipment"),
    ("RCV.NO_ASN", "shipped", "asn"),
]


def test_nothing_is_wrong_with_the_taxonomy():
    assert lint() == []


def test_the_forty_codes_to_detect_first_are_described():
    assert len(DETECT_FIRST) == 40
    assert set(DETECT_FIRST) <= set(codes())


def test_the_codes_of_the_first_mappings_are_described():
    assert set(FOR_THE_FIRST_MAPPINGS) <= set(codes())


def test_the_codes_of_the_transaction_sets_and_clocks_are_described():
    assert set(FOR_THE_SETS) <= set(codes())


def test_described_and_reserved_names_are_the_whole_list_of_fifteen_families():
    assert len(families()) == 15
    assert len(set(codes()) | reserved()) == len(codes()) + len(reserved()) == 162
    assert {code.split(".")[0] for code in (*codes(), *reserved())} == set(families())


@pytest.mark.parametrize(
    "field", ["meaning", "kind", "severity", "queue", "clears_when", "fold", "actions", "autonomy", "runbook"]
)
def test_the_lint_fails_where_a_field_is_missing(tmp_path, field):
    folder = spoiled(tmp_path, rf"(\[BACKORDER\]\n(?:(?!\n\n)[\s\S])*?){field} = .*\n", r"\1")
    assert lint(folder) == [f"INV.BACKORDER: {field} is missing"]


@pytest.mark.parametrize(
    ("pattern", "replacement", "sentence"),
    [
        ('severity = "S2"', 'severity = "high"', "severity is 'high'; it must be one of S1, S2, S3, S4"),
        ('autonomy = "approve"', 'autonomy = "always"', "autonomy is 'always'; it must be one of"),
        ('"cancel_line"', '"scold"', "action 'scold' is not in the closed list"),
        ('fact = "shipped"', 'fact = "promised"', "names the fact 'promised', which no document states"),
        (
            '"supplier_po", "order_line"',
            '"supplier_po", "row"',
            "matches 'row', which is no kind of reference",
        ),
        (r"\|\{line\}", "|{warehouse}", "names what it may not ('warehouse')"),
        (r"\{ref0\}", "x", "must name {code} and {ref0}, else strangers fold together"),
        ("inv-backorder", "inv-elsewhere", "it must be 'docs/runbook.md#inv-backorder'"),
        ('queue = "supply"', 'queue = "supply"\nowner = "Joe"', "owner is not a field of a code"),
        (r'"person"\]', '"someone"]', "clears_when wants"),
        (
            r'"order_line"\] \}',
            '"order_line"], having = { answer = 1 } }',
            "having wants attributes of the fact",
        ),
    ],
)
def test_the_lint_names_what_is_there_and_wrong(tmp_path, pattern, replacement, sentence):
    folder = spoiled(
        tmp_path, rf"(\[BACKORDER\]\n(?:(?!\n\n)[\s\S])*?){pattern}", lambda m: m[1] + replacement
    )
    found = lint(folder)
    assert found and all(fault.startswith("INV.BACKORDER: ") for fault in found)
    assert any(sentence in fault for fault in found)


def test_the_lint_finds_a_name_that_is_reserved_and_described(tmp_path):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "taxonomy"))
    (folder / "reserved.toml").write_text('reserved = ["INV.BACKORDER", "CRD.LIMIT", "CRD.LIMIT"]\n')
    assert lint(folder) == [
        "INV.BACKORDER: is reserved and described; take it off reserved.toml",
        "CRD.LIMIT: is reserved twice",
    ]


def spoiled(tmp_path: Path, pattern: str, replacement: object) -> Path:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "taxonomy"))
    file = folder / "inv.toml"
    text, times = re.subn(pattern, replacement, file.read_text("utf-8"), count=1)  # type: ignore[call-overload]
    assert times == 1, "the test must spoil something"
    file.write_text(text, "utf-8")
    return folder


def test_codes_are_read_once():
    assert codes() is codes()


def test_a_runbook_anchor_is_the_code_in_lower_case():
    assert runbook_anchor("FUL.NO_SHIP_CONFIRM") == "docs/runbook.md#ful-no-ship-confirm"


def test_an_absence_ends_by_the_fact_that_was_absent():
    for code in codes().values():
        if code.kind == "absence":
            assert any(isinstance(way, ClearedBy) for way in code.clears_when), code.code


# -- what ends a trouble ---------------------------------------------------------------------------------------------

OVERDUE = {"refs": [{"kind": "supplier_po", "value": "4500123456", "issuer": "acme"}]}


def answered(value: str = "4500123456", issuer: str | None = "acme", kind: str = "acknowledged") -> dict:
    ref = {"kind": "supplier_po", "value": value} | ({"issuer": issuer} if issuer else {})
    return {"kind": kind, "refs": [ref]}


def test_a_late_acknowledgement_ends_an_overdue_one():
    assert clears(codes()["ORD.ACK_OVERDUE"], OVERDUE, answered())
    assert clears(codes()["ORD.ACK_OVERDUE"], OVERDUE, answered(issuer=None))


def test_the_acknowledgement_of_another_order_ends_nothing():
    assert not clears(codes()["ORD.ACK_OVERDUE"], OVERDUE, answered(value="4500123457"))
    assert not clears(codes()["ORD.ACK_OVERDUE"], OVERDUE, answered(issuer="globex"))
    assert not clears(codes()["ORD.ACK_OVERDUE"], OVERDUE, answered(kind="invoiced"))


@pytest.mark.parametrize(("code", "fact", "kind"), AWAITED)
def test_what_was_awaited_ends_the_waiting_and_the_same_of_another_number_does_not(code, fact, kind):
    waiting = {"refs": [{"kind": kind, "value": "A-1", "issuer": "acme"}]}
    came = {"kind": fact, "refs": [{"kind": kind, "value": "A-1", "issuer": "acme"}]}
    assert clears(codes()[code], waiting, came)
    assert not clears(codes()[code], waiting, {**came, "refs": [{"kind": kind, "value": "A-2"}]})
    assert not clears(codes()[code], waiting, {**came, "kind": "paid"})


def test_every_absence_is_among_what_is_awaited():
    assert {code.code for code in codes().values() if code.kind == "absence"} == {
        code for code, _, _ in AWAITED if codes()[code].kind == "absence"
    }


REFUSED = {"refs": [{"kind": "invoice", "value": "INV-7", "issuer": "main"}]}


def advice(answer: str) -> dict:
    return {"kind": "application_advice", "refs": REFUSED["refs"], "attributes": {"answer": answer}}


def test_an_advice_that_accepts_ends_a_refusal_and_one_that_refuses_again_does_not():
    refused = codes()["EDI.APP_REJECTED"]
    assert clears(refused, REFUSED, advice("accepted"))
    assert not clears(refused, REFUSED, advice("rejected"))
    assert not clears(refused, REFUSED, {"kind": "application_advice", "refs": REFUSED["refs"]})


def test_a_carrier_that_declines_again_does_not_end_a_declined_tender():
    load = {"refs": [{"kind": "shipment", "value": "S-1"}]}
    answer = {"kind": "tender_answered", "refs": load["refs"], "attributes": {"answer": "declined"}}
    assert not clears(codes()["SHP.TENDER_DECLINED"], load, answer)
    assert clears(codes()["SHP.TENDER_NO_RESPONSE"], load, answer)
    answer["attributes"] = {"answer": "accepted"}
    assert clears(codes()["SHP.TENDER_DECLINED"], load, answer)


def test_a_delivery_that_names_the_carriers_number_alone_ends_a_delay_and_one_of_another_shipment_does_not():
    pro, shipment = {"kind": "pro", "value": "774001"}, {"kind": "shipment", "value": "S-1"}
    delay = codes()["SHP.DELAY"]
    arrived = {"kind": "delivered", "refs": [pro]}
    assert clears(delay, {"refs": [pro, shipment]}, arrived)
    assert clears(delay, {"refs": [pro]}, {**arrived, "refs": [pro, shipment]})
    assert not clears(
        delay, {"refs": [pro, shipment]}, {**arrived, "refs": [pro, {**shipment, "value": "S-2"}]}
    )


@pytest.mark.parametrize("code", sorted(codes()))
def test_what_ends_a_trouble_with_our_order_ends_it_with_the_customers_too(code):
    """We are the buyer in one document and the seller in the next."""
    ways = [way for way in codes()[code].clears_when if isinstance(way, ClearedBy)]
    for way in ways:
        if "supplier_po" in way.match:
            other = tuple("customer_po" if kind == "supplier_po" else kind for kind in way.match)
            assert any(
                (each.fact, each.match, each.having) == (way.fact, other, way.having) for each in ways
            ), f"{code}: {way.fact} ends it by {way.match} and not by {other}"


def test_a_cancellation_ends_only_what_asks_for_one():
    """A ship notice that is taken back (purpose 01) is no ship notice."""
    waiting = {"refs": [{"kind": "supplier_po", "value": "1"}]}
    notice = {"kind": "shipped", "refs": waiting["refs"], "attributes": {"purpose": "00"}}
    assert clears(codes()["SHP.ASN_MISSING"], waiting, notice)
    assert not clears(codes()["SHP.ASN_MISSING"], waiting, {**notice, "attributes": {"purpose": "01"}})
    cancelled = {"kind": "change_requested", "refs": waiting["refs"], "attributes": {"purpose": "01"}}
    assert clears(codes()["ORD.ACK_OVERDUE"], waiting, cancelled)
    assert not clears(codes()["ORD.ACK_OVERDUE"], waiting, {**cancelled, "attributes": {"purpose": "04"}})


BACKORDER = {
    "refs": [{"kind": "supplier_po", "value": "1"}],
    "lines": [{"line_ref": "2", "ordered": {"value": "100", "uom": "EA"}}],
}


def shipped(line: str, value: str | None, uom: str = "EA", **attributes: str) -> dict:
    moved = {"line_ref": line} | ({"affected": {"value": value, "uom": uom}} if value else {})
    return {"kind": "shipped", "refs": BACKORDER["refs"], "lines": [moved], "attributes": attributes}


def test_a_line_that_shipped_whole_ends_its_backorder():
    assert clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", "100"))
    assert clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", "100.0"))
    assert clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", "40", complete="true"))


def test_a_part_another_line_or_another_unit_does_not_end_a_backorder():
    assert not clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", "60"))
    assert not clears(codes()["INV.BACKORDER"], BACKORDER, shipped("3", "100"))
    assert not clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", "100", uom="DZN"))
    assert not clears(codes()["INV.BACKORDER"], BACKORDER, shipped("2", None))


def test_what_only_a_person_ends_no_fact_ends():
    damaged = codes()["SHP.DAMAGED"]
    assert damaged.clears_when == ("person",)
    for kind in taxonomy.FACT_KINDS:
        assert not clears(damaged, OVERDUE, answered(kind=kind))


def test_a_code_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        codes()["INV.BACKORDER"].severity = "S4"  # type: ignore[misc]
