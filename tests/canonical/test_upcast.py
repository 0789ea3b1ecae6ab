"""Versions: what was sealed under 1.0 lives on under 1.1, and a missing step is never taken for a done one."""

import copy

import pytest

from canonical.schemas import load
from canonical.upcast import UPCASTERS, NoWay, Upcaster, schema_of, upcast
from canonical.validate import Validator, validator

TO_1_1 = Upcaster(schema="exception-event", before="1.0", after="1.1", change=dict)


def test_a_v1_0_event_survives_a_v1_1_that_adds_an_optional_field(golden, next_version):
    old = golden("backorder-exception-event-1.0")
    brought = upcast(old, "1.1", upcasters=[TO_1_1])
    assert brought == golden("backorder-exception-event-1.1")
    for engine in ("jsonschema-rs", "jsonschema"):
        assert (
            Validator("exception-event", "1.1", folder=next_version, engine=engine).violations(brought) == []
        )
    assert brought["id"] == old["id"] and brought["data"] == old["data"]


def test_a_v1_1_event_is_read_by_a_reader_of_1_0(golden, next_version):
    new = golden("backorder-exception-event-1.1")
    new["data"]["commit_at_risk"] = {"value": "2026-12-01", "precision": "date"}
    assert Validator("exception-event", "1.1", folder=next_version).violations(new) == []
    assert validator("exception-event", "1.0", "lenient").violations(new) == []
    assert not validator("exception-event", "1.0").is_valid(new)
    assert upcast(new, "1.0") == new


def test_what_the_next_version_adds_is_really_checked(golden, next_version):
    new = golden("backorder-exception-event-1.1")
    new["data"]["commit_at_risk"] = {"value": "2026-02-30", "precision": "date"}
    found = Validator("exception-event", "1.1", folder=next_version).violations(new)
    assert [violation.pointer for violation in found] == ["/data/commit_at_risk/value"]


def test_a_change_of_shape_is_made_on_the_way_and_never_in_the_stored_event(golden):
    old = golden("backorder-exception-event-1.0")
    kept = copy.deepcopy(old)
    to_2 = Upcaster(
        schema="exception-event",
        before="1.1",
        after="2.0",
        change=lambda data: {**{k: v for k, v in data.items() if k != "title"}, "headline": data["title"]},
    )
    brought = upcast(old, "2.0", upcasters=[to_2, TO_1_1])
    assert brought["dataschema"] == "urn:crossdock:schema:exception-event:2.0"
    assert brought["data"]["headline"] == old["data"]["title"] and "title" not in brought["data"]
    assert old == kept


def test_a_missing_step_is_an_error_that_says_which(golden):
    old = golden("delivered-fact-1.0")
    with pytest.raises(NoWay, match=r"no upcaster leads from fact 1\.0 towards 1\.1"):
        upcast(old, "1.1", upcasters=[TO_1_1])


def test_an_event_of_the_wanted_version_stays_as_it_is(golden):
    old = golden("delivered-fact-1.0")
    assert upcast(old, "1.0") == old


@pytest.mark.parametrize(
    "named", [None, 7, "", "urn:crossdock:schema:", "urn:crossdock:schema:fact:one", "https://x/1.0"]
)
def test_a_document_that_names_no_schema_of_ours_is_refused(named):
    with pytest.raises(NoWay, match="it must be urn:crossdock:schema:<name>:<version>"):
        schema_of({"dataschema": named})


def test_the_chain_reaches_the_newest_version_of_every_schema(golden):
    from canonical.schemas import names

    for name, versions in names().items():
        first = {"dataschema": f"urn:crossdock:schema:{name}:{versions[0]}", "data": {}}
        assert schema_of(upcast(first, versions[-1], upcasters=UPCASTERS))[1] == versions[-1]


def test_golden_events_are_valid_in_the_version_they_were_sealed_in(golden):
    for name in ("backorder-exception-event-1.0", "delivered-fact-1.0"):
        event = golden(name)
        assert validator(*schema_of(event)).violations(event) == []


def test_the_next_version_is_loaded_as_ours_are(next_version):
    assert (
        load("exception-event", "1.1", folder=next_version)["$id"]
        == "urn:crossdock:schema:exception-event:1.1"
    )
