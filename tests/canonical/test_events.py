"""Sealing: what the envelope says, and what it never does to what it holds."""

import dataclasses
import uuid
from time import process_time

import pytest

from canonical.events import EVENT_SCHEMA, FACT_SCHEMA, Origin, event_ids, seal
from canonical.taxonomy import UnknownCode, codes
from canonical.validate import validator

NAMESPACE = uuid.UUID("6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11")


def test_a_sealed_backorder_is_the_golden_one(sealed, backorder, golden):
    assert sealed(backorder) == golden("backorder-exception-event-1.0")


def test_a_sealed_delivery_is_the_golden_one(sealed, delivered, golden):
    assert sealed(delivered) == golden("delivered-fact-1.0")


def test_what_is_sealed_is_valid_when_written_and_when_read(sealed, backorder, delivered):
    for statement, name in ((backorder, "exception-event"), (delivered, "fact")):
        for mode in ("strict", "lenient"):
            assert validator(name, "1.0", mode).violations(sealed(statement)) == []


def test_what_is_sealed_is_valid_before_any_json_is_made_of_it(backorder, origin):
    event = seal(backorder, origin, namespace=NAMESPACE, part="1", index=0)
    assert validator("exception-event", "1.0").violations(event) == []
    tuples = dataclasses.replace(backorder, refs=tuple(backorder.refs), lines=tuple(backorder.lines))
    event = seal(tuples, origin, namespace=NAMESPACE, part="1", index=0)
    assert validator("exception-event", "1.0").violations(event) == []
    assert validator("exception-event", "1.0", engine="jsonschema").is_valid(event)


def test_sealing_copies_none_of_what_the_mapping_made(backorder, origin):
    event = seal(backorder, origin, namespace=NAMESPACE, part="1", index=0)
    assert event["data"]["refs"] is backorder.refs
    assert event["data"]["lines"] is backorder.lines
    assert event["data"]["provenance"]["place"] is backorder.place


def test_mapping_the_same_message_again_gives_the_same_id(sealed, backorder, origin):
    later = dataclasses.replace(origin, recorded_at="2027-01-01T00:00:00Z")
    assert sealed(backorder)["id"] == sealed(backorder, later)["id"]
    other = dataclasses.replace(origin, raw_id="another")
    assert sealed(backorder)["id"] != sealed(backorder, other)["id"]
    ids = event_ids(NAMESPACE, origin, "a")
    assert ids.of("1") != ids.of("2")


def test_every_described_code_can_be_sealed_and_is_valid(sealed, backorder):
    strict = validator("exception-event", "1.0")
    for code, entry in codes().items():
        event = sealed(dataclasses.replace(backorder, code=code))
        assert strict.violations(event) == [], code
        assert event["data"]["severity"] == entry.severity
        assert event["data"]["kind"] == entry.kind


def test_a_code_that_is_not_described_is_refused_with_a_way_out(sealed, backorder):
    with pytest.raises(
        UnknownCode, match=r"'CRD\.LIMIT' is not described in canonical/taxonomy: add an entry"
    ):
        sealed(dataclasses.replace(backorder, code="CRD.LIMIT"))


def test_a_statement_without_a_business_number_is_refused(sealed, backorder):
    with pytest.raises(ValueError, match="needs a reference"):
        sealed(dataclasses.replace(backorder, refs=[]))


def test_the_fold_key_joins_tenant_code_order_issuer_and_line(sealed, backorder):
    assert sealed(backorder)["data"]["fold_key"] == "acme|INV.BACKORDER|supplier_po:4500123456@acme|line:2"


def test_troubles_of_a_whole_shipment_fold_without_a_line(sealed, backorder):
    assert sealed(dataclasses.replace(backorder, code="SHP.DELAY"))["data"]["fold_key"].count("line:") == 0


def test_a_partner_cannot_forge_another_orders_fold_key(sealed, backorder):
    forged = dataclasses.replace(
        backorder, refs=[{"kind": "supplier_po", "value": "1@acme|line:2"}], lines=[]
    )
    honest = dataclasses.replace(
        backorder,
        refs=[{"kind": "supplier_po", "value": "1", "issuer": "acme"}],
        lines=[{"line_ref": "2"}],
    )
    assert sealed(forged)["data"]["fold_key"] != sealed(honest)["data"]["fold_key"]
    slashed = sealed(
        dataclasses.replace(backorder, refs=[{"kind": "supplier_po", "value": "a/line/9"}], lines=[])
    )
    assert slashed["subject"] == "supplier_po/a%2Fline%2F9"


def test_the_same_order_number_of_another_issuer_is_another_case(sealed, backorder):
    other = dataclasses.replace(backorder, refs=[{**backorder.refs[0], "issuer": "globex"}])
    assert sealed(other)["data"]["fold_key"] != sealed(backorder)["data"]["fold_key"]


def test_a_fact_about_many_lines_has_the_order_as_its_subject(sealed, delivered):
    many = dataclasses.replace(delivered, lines=[{"line_ref": "1"}, {"line_ref": "2"}])
    one = dataclasses.replace(delivered, lines=[{"line_ref": "1"}])
    assert sealed(many)["subject"] == "pro/774001"
    assert sealed(one)["subject"] == "pro/774001/line/1"


def test_absent_things_are_left_out_and_never_null(sealed, backorder):
    bare = dataclasses.replace(
        backorder, cause=None, detail=None, occurred_at=None, parties=(), lines=(), variances=(),
        source_codes=(), value_at_risk=None,
    )  # fmt: skip
    event = sealed(bare)
    assert "null" not in str(event) and None not in event["data"].values()
    assert set(event["data"]) == {
        "code", "kind", "title", "severity", "detected_at", "refs", "classification", "fold_key", "provenance",
    }  # fmt: skip
    assert validator("exception-event", "1.0").violations(event) == []


def test_a_title_longer_than_a_line_is_cut_and_shows_it(sealed, backorder):
    event = sealed(dataclasses.replace(backorder, title="x" * 500, detail="y" * 9000))
    assert len(event["data"]["title"]) == 200 and event["data"]["title"].endswith("…")
    assert len(event["data"]["detail"]) == 4000
    assert validator("exception-event", "1.0").violations(event) == []


def test_events_and_facts_name_their_schema_and_type(sealed, backorder, delivered):
    event, fact = sealed(backorder, causation_id="e-1"), sealed(delivered)
    assert (event["dataschema"], event["type"]) == (EVENT_SCHEMA, "io.crossdock.exception.detected.v1")
    assert (fact["dataschema"], fact["type"]) == (FACT_SCHEMA, "io.crossdock.fact.stated.v1")
    assert event["causationid"] == "e-1" and "causationid" not in fact
    assert "severitytext" not in fact and event["severitynumber"] == 13


def test_sealing_stays_a_small_part_of_an_events_cost(backorder, origin: Origin):
    """Counted against one jsonschema validation in the same run, as machines differ: sealing is far below it."""
    event = seal(backorder, origin, namespace=NAMESPACE, part="1", index=0)
    slow = validator("exception-event", "1.0", engine="jsonschema")
    began = process_time()
    for _ in range(20):
        slow.is_valid(event)
    one_validation = (process_time() - began) / 20
    began = process_time()
    for index in range(2000):
        seal(backorder, origin, namespace=NAMESPACE, part="1", index=index)
    assert (process_time() - began) / 2000 < one_validation / 20
