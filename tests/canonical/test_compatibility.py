"""Two versions of a schema beside each other: what breaks, for whom, in words."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from canonical.compatibility import Change, breaking, compare
from canonical.schemas import load

BEFORE = load("exception-event", "1.0")


def after(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    schema = copy.deepcopy(BEFORE)
    schema["$id"] = "urn:crossdock:schema:exception-event:1.1"
    schema["properties"]["dataschema"]["const"] = schema["$id"]
    change(schema["$defs"])
    return schema


def test_a_new_optional_field_breaks_nothing(next_version):
    found = compare(BEFORE, load("exception-event", "1.1", folder=next_version))
    assert found == [Change("data.commit_at_risk", "`data.commit_at_risk` is new and optional")]
    assert breaking(BEFORE, load("exception-event", "1.1", folder=next_version)) == []


def test_the_same_schema_has_no_changes():
    assert compare(BEFORE, copy.deepcopy(BEFORE)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda d: d["data"]["required"].append("cause"),
            Change("data.cause", "`data.cause` became required: events of 1.0 fail", "backward"),
        ),
        (
            lambda d: d["data"]["required"].remove("title"),
            Change(
                "data.title",
                "`data.title` is no longer required: readers of 1.0 refuse events of 1.1 that lack it",
                "forward",
            ),
        ),
        (
            lambda d: d["data"]["properties"].pop("ext"),
            Change("data.ext", "`data.ext` is gone: events of 1.0 fail when they have it", "backward"),
        ),
        (
            lambda d: d["data"]["properties"].update(
                title={**d["data"]["properties"]["title"], "maxLength": 80}
            ),
            Change(
                "data.title",
                "`data.title`: maxLength was 200 and is 80: events of 1.0 fail beyond it",
                "backward",
            ),
        ),
        (
            lambda d: d["data"]["properties"].update(
                title={**d["data"]["properties"]["title"], "maxLength": 400}
            ),
            Change(
                "data.title",
                "`data.title`: maxLength was 200 and is 400: readers of 1.0 refuse events of 1.1 beyond it",
                "forward",
            ),
        ),
        (
            lambda d: d["data"]["properties"]["severity"]["enum"].remove("S4"),
            Change(
                "data.severity",
                "`data.severity` may no longer be S4: events of 1.0 fail that say otherwise",
                "backward",
            ),
        ),
        (
            lambda d: d["data"]["properties"]["severity"]["enum"].append("S5"),
            Change(
                "data.severity",
                "`data.severity` may also be S5: readers of 1.0 refuse events of 1.1",
                "forward",
            ),
        ),
        (
            lambda d: d["data"]["properties"]["code"]["enum"].append("INV.NEW"),
            Change("data.code", "`data.code` may also be INV.NEW", None),
        ),
        (
            lambda d: d["x12_place"]["properties"].update(segment_ordinal={"type": "string"}),
            Change(
                "data.provenance.place.x12.segment_ordinal",
                "`data.provenance.place.x12.segment_ordinal` was integer and is string: events of 1.0 fail",
                "backward",
            ),
        ),
        (
            lambda d: d["quantity"]["required"].append("uom_source"),
            Change(
                "data.lines[].ordered.uom_source",
                "`data.lines[].ordered.uom_source` became required: events of 1.0 fail",
                "backward",
            ),
        ),
        (
            lambda d: d["compared"]["anyOf"].pop(),
            Change(
                "data.variances[].expected",
                "`data.variances[].expected`: anyOf changed, and what it now accepts cannot be compared: "
                "count on it that events of 1.0 fail",
                "backward",
            ),
        ),
        (
            lambda d: d["decimal"].update(pattern="^[0-9]{1,9}$"),
            Change(
                "data.value_at_risk.amount",
                "`data.value_at_risk.amount`: pattern changed, and what it now accepts cannot be compared: "
                "count on it that events of 1.0 fail",
                "backward",
            ),
        ),
        (
            lambda d: d["date"].update(pattern="^2[0-9]{3}-01-01$"),
            Change(
                "data.occurred_at.value",
                "`data.occurred_at.value`: pattern changed, and what it now accepts cannot be compared: "
                "count on it that events of 1.0 fail",
                "backward",
            ),
        ),
    ],
)
def test_a_change_is_said_in_words_with_whom_it_breaks(change, expected):
    found = compare(BEFORE, after(change))
    assert expected in found
    assert bool(breaking(BEFORE, after(change))) is (expected.breaks is not None)


def test_closing_what_was_open_breaks_events_that_have_more():
    def schema(closed: bool) -> dict[str, Any]:
        node: dict[str, Any] = {"$id": "urn:x:1.0", "type": "object", "properties": {"a": {"type": "string"}}}
        return node | ({"additionalProperties": False} if closed else {})

    assert breaking(schema(False), schema(True)) == [
        "the document was open and is closed: events of 1.0 fail when they have more"
    ]
