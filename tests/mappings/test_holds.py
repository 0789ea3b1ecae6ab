"""What an ERP says of its documents, over time: what is off ends the case that was on, and nothing else."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canonical import taxonomy
from canonical.events import ExceptionEvent, Fact
from crossdock.formats import json_strict
from crossdock.partners import MappingContext
from mappings.inbound import bc_sales_order, sap_delivery, sap_sales_order

CONTEXT = MappingContext(partner=None, received_at=datetime(2026, 11, 20, 14, tzinfo=UTC), tenant="main")


def said(mapping, name: str, **changed) -> list:
    path = Path(mapping.__file__).parent / "samples" / f"{name}.json"
    document = {**json.loads(path.read_bytes()), **changed}
    return list(mapping.map(json_strict.loads(json.dumps(document).encode()), CONTEXT))


def events(statements) -> dict[str, ExceptionEvent]:
    return {one.code: one for one in statements if isinstance(one, ExceptionEvent)}


def ended(event: ExceptionEvent, statements) -> list[str]:
    """The facts among these that end the trouble of this event, by the taxonomy."""
    code = taxonomy.codes()[event.code]
    return [
        one.kind
        for one in statements
        if isinstance(one, Fact) and taxonomy.clears(code, asdict(event), asdict(one))
    ]


@pytest.mark.parametrize(
    ("mapping", "held", "code", "free"),
    [
        (sap_sales_order, "delivery_block", "ORD.HOLD", "nothing_wrong"),
        (sap_sales_order, "credit_not_approved_and_no_block_reason", "CRD.HOLD", "credit_released"),
        (sap_sales_order, "export_papers_missing", "CMP.EXPORT_BLOCK", "nothing_wrong"),
        (sap_sales_order, "billing_block_lets_the_goods_go", "ORD.HOLD", "nothing_wrong"),
        (sap_sales_order, "credit_not_approved_and_no_block_reason", "CRD.HOLD", "all_rejected"),
        (sap_sales_order, "v4_incomplete", "ORD.HOLD", "v4_nothing_wrong"),
        (sap_delivery, "credit_hits_again_at_the_delivery", "CRD.HOLD", "on_its_way_through_the_warehouse"),
        (sap_delivery, "goods_issue_is_late", "FUL.NO_SHIP_CONFIRM", "picked_short_and_shipped"),
        (bc_sales_order, "in_approval", "ORD.HOLD", "released_and_in_time"),
        (bc_sales_order, "customer_blocked_for_shipments", "CRD.HOLD", "released_and_in_time"),
        (bc_sales_order, "late_and_nothing_shipped", "FUL.NO_SHIP_CONFIRM", "shipped_wholly"),
    ],
)
def test_what_is_off_ends_what_was_on_and_what_is_on_ends_nothing(mapping, held, code, free):
    trouble = said(mapping, held)
    event = events(trouble)[code]
    assert ended(event, trouble) == []
    assert ended(event, said(mapping, free)) != []


def test_one_hold_that_goes_ends_no_other_of_the_order():
    both = said(sap_sales_order, "two_holds_of_two_kinds")
    credit = events(both)["CRD.HOLD"]
    blocked = events(both)["ORD.HOLD"]
    released = said(sap_sales_order, "two_holds_of_two_kinds", TotalCreditCheckStatus="D")
    assert ended(credit, released) == ["released"]
    assert ended(blocked, released) == []


def test_a_hold_of_the_delivery_is_not_ended_by_the_order_that_is_free():
    event = events(said(sap_delivery, "credit_hits_again_at_the_delivery"))["CRD.HOLD"]
    assert ended(event, said(sap_sales_order, "nothing_wrong")) == []


def test_stock_that_is_found_ends_the_trouble_of_its_item_alone():
    short = events(said(sap_sales_order, "an_item_is_not_confirmed"))["INV.ALLOCATION_FAILED"]
    assert short.lines[0]["line_ref"] == "10"
    assert ended(short, said(sap_sales_order, "an_item_is_not_confirmed")) == [], "item 20 has all it needs"
    assert ended(short, said(sap_sales_order, "nothing_wrong")) == ["released"]


def test_a_customer_that_was_not_asked_for_releases_nobody():
    event = events(said(bc_sales_order, "customer_blocked_for_shipments"))["CRD.HOLD"]
    assert ended(event, said(bc_sales_order, "the_customer_was_not_asked_for")) == []


def test_the_same_hold_said_again_folds_into_one_case():
    first = events(said(sap_sales_order, "delivery_block"))["ORD.HOLD"]
    again = events(said(sap_sales_order, "delivery_block", LastChangeDateTime="/Date(1795186931000)/"))[
        "ORD.HOLD"
    ]
    assert (first.code, first.refs[0]) == (again.code, again.refs[0])


@pytest.mark.parametrize("kind", ["delivery", "billing"])
def test_every_block_that_is_known_names_a_code_of_the_taxonomy(kind):
    from mappings.sap import blocks

    assert blocks()[kind]
    for row in blocks()[kind].values():
        assert row["exception"] in taxonomy.codes() and row["because"] and row["cause"]
