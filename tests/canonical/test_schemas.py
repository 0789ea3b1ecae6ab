"""The schemas themselves: their data is in step with the lists, and their patterns cannot be made to crawl."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from canonical import events, schemas
from canonical.crosswalks import currencies, units
from canonical.taxonomy import FACT_KINDS, KINDS, REF_KINDS, SEVERITIES, codes, reserved

NAMES = ["exception-event", "fact"]
FOLDER = Path(schemas.__file__).parent / "schemas"


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for part in node.values():
            yield from nodes(part)
    elif isinstance(node, list):
        for part in node:
            yield from nodes(part)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_json_schema_of_2020_12_under_our_own_name(name):
    schema = schemas.load(name, "1.0")
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:crossdock:schema:{name}:1.0"


def test_every_schema_there_is_can_be_listed_and_loaded():
    assert schemas.names() == {"exception-event": ["1.0"], "fact": ["1.0"]}
    with pytest.raises(
        FileNotFoundError, match=r"no schema fact 9\.9; there are: exception-event 1\.0, fact 1\.0"
    ):
        schemas.load("fact", "9.9")


@pytest.mark.parametrize("name", NAMES)
def test_the_lists_in_a_schema_are_the_lists_of_the_house(name):
    defs = schemas.load(name, "1.0")["$defs"]
    assert set(defs["currency"]["enum"]) == currencies()
    assert set(defs["uom"]["enum"]) == set(units())
    assert tuple(defs["ref"]["properties"]["kind"]["enum"]) == REF_KINDS


def test_codes_kinds_and_severities_are_those_of_the_taxonomy():
    event = schemas.load("exception-event", "1.0")["$defs"]["data"]["properties"]
    assert set(event["code"]["enum"]) == set(codes()) | reserved()
    assert tuple(event["kind"]["enum"]) == KINDS
    assert tuple(event["severity"]["enum"]) == SEVERITIES
    fact = schemas.load("fact", "1.0")["$defs"]["data"]["properties"]
    assert tuple(fact["kind"]["enum"]) == FACT_KINDS


@pytest.mark.parametrize(
    ("definition", "typed"),
    [
        ("ref", events.Ref),
        ("party", events.Party),
        ("party_id", events.PartyId),
        ("quantity", events.Quantity),
        ("money", events.Money),
        ("when", events.When),
        ("line", events.Line),
        ("variance", events.Variance),
        ("source_code", events.SourceCode),
        ("x12_place", events.X12Place),
        ("place", events.DocumentPlace),
    ],
)
def test_a_typed_dictionary_and_its_definition_name_the_same_fields(definition, typed):
    rule = schemas.load("exception-event", "1.0")["$defs"][definition]
    assert set(rule["properties"]) == set(get_type_hints(typed))
    assert set(rule.get("required", ())) == set(typed.__required_keys__)


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_has_fields_is_closed_when_we_write_and_open_when_others_read(name):
    for node in nodes(schemas.load(name, "1.0")):
        if isinstance(node.get("properties"), dict) and node.get("type") == "object":
            assert node["additionalProperties"] is False
    for node in nodes(schemas.load(name, "1.0", "lenient")):
        assert node.get("additionalProperties") is not False
        assert node.get("unevaluatedProperties") is not False
        assert "x-lenient" not in node


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_personal_is_marked(name):
    defs = schemas.load(name, "1.0")["$defs"]
    assert defs["party"]["properties"]["name"]["x-pii"] == "contact"
    assert defs["party_id"]["properties"]["value"]["x-pii"] == "contact"
    marks = {node["x-pii"] for node in nodes(defs) if "x-pii" in node}
    assert marks <= {"contact", "personal", "financial"}


@pytest.mark.parametrize("name", NAMES)
def test_patterns_are_anchored_and_never_repeat_a_repetition(name):
    patterns = {
        node["pattern"] for node in nodes(schemas.load(name, "1.0")) if isinstance(node.get("pattern"), str)
    }
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^") and pattern.endswith("$"), pattern
        assert not re.search(r"\)[*+{]", pattern), f"a repeated group: {pattern}"
        assert "\\d" not in pattern and "\\w" not in pattern, "these mean other digits in other engines"


@pytest.mark.parametrize("name", NAMES)
def test_there_are_examples_good_and_bad(name):
    examples = FOLDER / name / "1.0" / "examples"
    assert len(list((examples / "valid").glob("*.json"))) >= 1
    assert len(list((examples / "hostile").glob("*.json"))) >= 8
    sizes = [
        len(json.dumps(json.loads(file.read_text("utf-8")))) for file in (examples / "valid").glob("*.json")
    ]
    assert max(sizes) > 900
