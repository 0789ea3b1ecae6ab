"""Judging: every rule of the schemas in both engines, with one verdict, and sentences that a person can act on."""

import collections
import copy
import datetime
import enum
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical import schemas
from canonical.validate import FORMATS, Validator, Violation, validator

FOLDER = Path(schemas.__file__).parent / "schemas"
VALID = sorted(FOLDER.glob("*/1.0/examples/valid/*.json"))
HOSTILE = sorted(FOLDER.glob("*/1.0/examples/hostile/*.json"))


def named(file: Path) -> str:
    return f"{file.parents[3].name}/{file.stem}"


def both(name: str, mode: str = "strict") -> tuple[Validator, Validator]:
    fast = validator(name, "1.0", mode, engine="jsonschema-rs")  # type: ignore[arg-type]
    return fast, validator(name, "1.0", mode, engine="jsonschema")  # type: ignore[arg-type]


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def put(document: Any, pointer: str, value: Any) -> Any:
    spoiled = copy.deepcopy(document)
    place = spoiled
    *way, last = pointer.split("/")[1:]
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return spoiled


EVENT = read(FOLDER / "exception-event/1.0/examples/valid/855-backorder.json")


@pytest.mark.parametrize("file", VALID, ids=named)
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_a_good_example_passes_in_both_engines(file, mode):
    for engine in both(file.parents[3].name, mode):
        assert engine.violations(read(file)) == []
        assert engine.is_valid(read(file))


def texts(document: Any, pointer: str = "") -> list[tuple[str, str]]:
    """Every text in a document with its JSON pointer."""
    if isinstance(document, str):
        return [(pointer, document)]
    parts = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document if isinstance(document, list) else [])
    )
    return [found for step, part in parts for found in texts(part, f"{pointer}/{step}")]


@pytest.mark.parametrize("file", VALID, ids=named)
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_no_text_whatever_holds_a_nul_character(file, mode):
    """jsonschema-rs is given the same rule in other words (``validate._quick``)."""
    fast, oracle = both(file.parents[3].name, mode)
    document = read(file)
    for pointer, text in texts(document):
        for spoiled in ("\x00", f"{text}\x00", f"\x00{text}", f"{text[:1]}\x00{text[1:]}"):
            refused = [not engine.is_valid(put(document, pointer, spoiled)) for engine in (fast, oracle)]
            # a subject repeats the value of a reference, which is the one to be refused
            assert refused == [True, True] or (pointer == "/subject" and refused == [False, False]), pointer
        for other in ("", f"{text}\x01", f"{text}\n", f"{text}ä", text * 50, 0, None):
            changed = put(document, pointer, other)
            assert fast.is_valid(changed) is oracle.is_valid(changed), (pointer, other)


@pytest.mark.parametrize("file", HOSTILE, ids=named)
def test_a_hostile_example_is_refused_by_both_engines_with_the_same_words(file):
    fast, oracle = both(file.parents[3].name)
    assert not fast.is_valid(read(file))
    assert not oracle.is_valid(read(file))
    found = oracle.violations(read(file))
    assert len(found) == 1, "a hostile example is wrong in one way"
    assert fast.violations(read(file)) == found
    assert "report this" not in found[0].sentence


@pytest.mark.parametrize(
    ("pointer", "value", "sentence"),
    [
        (
            "/data/lines/0/unit_price/amount",
            19.99,
            "`data.lines[0].unit_price.amount` is the number 19.99; amounts and quantities are written as text,"
            ' such as "19.99"',
        ),
        (
            "/data/occurred_at/value",
            "2026-02-30",
            "`data.occurred_at.value` is '2026-02-30'; it must be a date of the calendar, such as 2026-11-20",
        ),
        (
            "/data/value_at_risk/currency",
            "XXZ",
            "`data.value_at_risk.currency` is 'XXZ'; it must be a currency of ISO 4217, such as USD",
        ),
        ("/data/colour", "red", "`data.colour` is not a field of exception-event 1.0"),
        ("/data/refs", [], "`data.refs` is empty; fill it, or leave it out where it may be absent"),
        ("/data/title", "t" * 201, "`data.title` has 201 characters; at most 200 are allowed"),
        ("/severitynumber", 25, "`severitynumber` is 25; it must be at most 24"),
        ("/data/lines/0", "2", "`data.lines[0]` is text; it must be an object"),
        ("/specversion", "0.3", "`specversion` is '0.3'; it must be '1.0'"),
    ],
)
def test_a_violation_says_where_what_and_what_is_wanted(pointer, value, sentence):
    assert both("exception-event")[0].violations(put(EVENT, pointer, value)) == [Violation(pointer, sentence)]


def test_all_violations_are_told_not_only_the_first():
    spoiled = put(
        put(put(EVENT, "/time", "now"), "/data/severity", "S9"), "/data/lines/0/affected/uom", "QQQ"
    )
    del spoiled["data"]["provenance"]
    pointers = [violation.pointer for violation in validator("exception-event", "1.0").violations(spoiled)]
    assert sorted(pointers) == ["/data", "/data/lines/0/affected/uom", "/data/severity", "/time"]


def test_what_may_be_personal_is_not_repeated_in_a_message():
    found = validator("exception-event", "1.0").violations(put(EVENT, "/data/parties/0/name", "Jane\x00Doe"))
    assert found[0].pointer == "/data/parties/0/name"
    assert "Jane" not in found[0].sentence


GOOD_TIMES = [
    "2026-11-20T14:02:11Z",
    "2024-02-29T23:59:59.123456789-06:00",
    "2000-02-29T00:00:00+14:00",
    "1999-12-31T23:59:59.9Z",
]
BAD_TIMES = [
    "2026-13-45T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-11-20T25:00:00Z",
    "2026-11-20T24:00:00Z",
    "2026-11-20T23:60:00Z",
    "2026-11-20T23:59:60Z",
    "2026-11-20T14:02:11",
    "2026-11-20T14:02:11+15:00",
    "2026-11-20T14:02:11+05:60",
    "2026-11-20 14:02:11Z",
    "2026-11-20t14:02:11z",
    "20261120T140211Z",
    "2026-11-20T14:02:11Z\n",
    "٢٠٢٦-11-20T14:02:11Z",
    "0000-01-01T00:00:00Z",
    "",
]


@pytest.mark.parametrize("text", GOOD_TIMES)
def test_a_moment_that_is_passes(text):
    for engine in both("exception-event"):
        assert engine.is_valid(put(EVENT, "/time", text))


@pytest.mark.parametrize("text", BAD_TIMES)
def test_a_moment_that_never_was_fails(text):
    for engine in both("exception-event"):
        assert not engine.is_valid(put(EVENT, "/time", text))


@pytest.mark.parametrize(
    ("precision", "text", "good"),
    [
        ("date", "2026-11-20", True),
        ("date", "2024-02-29", True),
        ("date", "2026-02-29", False),
        ("date", "2026-11-20T14:02", False),
        ("date", "2026-13-45", False),
        ("minute", "2026-11-20T14:02", True),
        ("minute", "2026-11-20T14:02-06:00", True),
        ("minute", "2026-11-20T25:00", False),
        ("minute", "2026-11-20", False),
        ("second", "2026-11-20T14:02:11", True),
        ("second", "2026-11-20T14:02:11.5Z", True),
        ("second", "2026-11-20T14:02", False),
        ("hour", "2026-11-20T14", False),
    ],
)
def test_a_time_is_as_precise_as_it_says(precision, text, good):
    when = {"value": text, "precision": precision}
    for engine in both("exception-event"):
        assert engine.is_valid(put(EVENT, "/data/occurred_at", when)) is good


@pytest.mark.parametrize(
    "text", ["0", "40", "-40", "19.99", "4.35", "0.29", "0.000000001", "999999999999999999"]
)
def test_a_decimal_passes(text):
    for engine in both("exception-event"):
        assert engine.is_valid(put(EVENT, "/data/value_at_risk/amount", text))


@pytest.mark.parametrize(
    "value",
    [
        19.99,
        40,
        "1,000",
        "1e3",
        "+5",
        "007",
        ".5",
        "5.",
        "",
        " 5",
        "5\n",
        "NaN",
        "Infinity",
        "٤٠",
        True,
        None,
    ],
)
def test_what_is_no_decimal_text_fails(value):
    for engine in both("exception-event"):
        assert not engine.is_valid(put(EVENT, "/data/value_at_risk/amount", value))


@pytest.mark.parametrize(
    ("code", "good"), [("USD", True), ("EUR", True), ("XCG", True), ("XXZ", False), ("usd", False)]
)
def test_currencies_are_those_of_iso_4217(code, good):
    for engine in both("exception-event"):
        assert engine.is_valid(put(EVENT, "/data/value_at_risk/currency", code)) is good


@pytest.mark.parametrize(
    ("code", "good"), [("EA", True), ("KGM", True), ("XCS", True), ("ZZ", True), ("QQQ", False)]
)
def test_units_are_those_of_recommendation_20(code, good):
    for engine in both("exception-event"):
        assert engine.is_valid(put(EVENT, "/data/lines/0/affected/uom", code)) is good


@pytest.mark.parametrize(
    "foreign",
    [
        Decimal("19.99"),
        datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC),
        b"bytes",
        {1: "a key that is no text"},
        {"half \ud800": "a key"},
        "half \udfff a character",
        float("nan"),
        float("inf"),
        {"a set"},
        pytest.param(object(), id="an object"),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "pointer", ["/data/ext", "/data/title", "/data/lines/0/line_ref", "/data/variances/0/actual"]
)
def test_what_json_cannot_hold_is_refused_and_never_raises(pointer, foreign):
    for mode in ("strict", "lenient"):
        fast, oracle = both("exception-event", mode)
        spoiled = put(EVENT, pointer, foreign)
        assert not fast.is_valid(spoiled)
        assert not oracle.is_valid(spoiled)
        assert fast.violations(spoiled)


class Town(str):
    """A text with more behind it, as an XML library returns."""


class Grade(enum.StrEnum):
    WORST = "S1"


@pytest.mark.parametrize(
    ("value", "good"),
    [("S1", True), (Grade.WORST, True), (Town("S1"), False), (collections.UserString("S1"), False)],
)
def test_only_plain_text_and_enums_are_text(value, good):
    for mode in ("strict", "lenient"):
        fast, oracle = both("exception-event", mode)
        assert fast.is_valid(put(EVENT, "/data/severity", value)) is good
        assert oracle.is_valid(put(EVENT, "/data/severity", value)) is good


def test_a_text_of_a_library_is_named_as_what_it_is():
    found = validator("exception-event", "1.0").violations(put(EVENT, "/data/title", Town("Denver")))
    assert found == [Violation("/data/title", "`data.title` is a Town, which is no JSON; write it as text")]


@pytest.mark.parametrize("document", [None, 1, "text", [], [EVENT], True])
def test_what_is_no_object_at_all_is_refused(document):
    for engine in both("exception-event"):
        assert not engine.is_valid(document)
        assert engine.violations(document)


def test_a_document_nested_without_end_is_refused_quickly():
    nest: dict[str, Any] = {}
    inner = nest
    for _ in range(100_000):
        inner["a"] = {}
        inner = inner["a"]
    for mode in ("strict", "lenient"):
        fast, oracle = both("exception-event", mode)
        for place in ("ext", "unknown"):
            spoiled = {**EVENT, "data": {**EVENT["data"], place: nest}}
            assert not fast.is_valid(spoiled)
            assert not oracle.is_valid(spoiled)
    while nest:  # taken apart step by step: freeing it in one go would be as deep
        nest = nest.pop("a")


def test_unknown_fields_are_refused_when_we_write_and_tolerated_when_others_read():
    newer = put(
        put(put(EVENT, "/traceparent", "00-1"), "/data/mood", {"a": [1.5]}), "/data/refs/0/since", "2026"
    )
    newer = put(put(newer, "/data/refs/1/kind", "kanban_card"), "/data/code", "INV.LEFT_IN_THE_RAIN")
    for engine in both("exception-event"):
        assert not engine.is_valid(newer)
    for engine in both("exception-event", "lenient"):
        assert engine.violations(newer) == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/time", "2026-02-30T00:00:00Z"),
        ("/data/value_at_risk/amount", 19.99),
        ("/data/value_at_risk/currency", "usd"),
        ("/dataschema", "urn:crossdock:schema:exception-event:2.0"),
        ("/dataschema", "urn:crossdock:schema:fact:1.0"),
        ("/data/refs", []),
        ("/data/severity", "S9"),
    ],
)
def test_a_reader_is_lenient_and_not_blind(pointer, value):
    for engine in both("exception-event", "lenient"):
        assert not engine.is_valid(put(EVENT, pointer, value))


def test_an_event_is_no_fact_and_a_fact_is_no_event():
    fact = read(FOLDER / "fact/1.0/examples/valid/855-acknowledged.json")
    for mode in ("strict", "lenient"):
        for engine in both("fact", mode):
            assert not engine.is_valid(EVENT)
        for engine in both("exception-event", mode):
            assert not engine.is_valid(fact)


def test_formats_are_asserted_and_agree_with_the_patterns():
    assert set(FORMATS.checkers) == {"date", "date-time"}
    for text in GOOD_TIMES:
        assert FORMATS.conforms(text, "date-time")
    for text in ("2026-02-30T00:00:00Z", "2026-11-20T14:02:11", "2026-11-20 14:02:11Z"):
        assert not FORMATS.conforms(text, "date-time")
    assert FORMATS.conforms("2024-02-29", "date") and not FORMATS.conforms("2026-02-29", "date")


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="there are jsonschema-rs and jsonschema"):
        Validator("fact", "1.0", engine="fastjsonschema")


# -- one verdict, whatever is done to an event -----------------------------------------------------------------------

WORDS = [
    "2026-11-20",
    "2026-02-30",
    "2026-11-20T14:02",
    "19.99",
    "1e3",
    "-0",
    "USD",
    "XXZ",
    "EA",
    "QQQ",
    "date",
    "minute",
    "second",
    "INV.BACKORDER",
    "S1",
    "1.0",
    "supplier_po",
]
TEXTS = st.one_of(
    st.sampled_from([*GOOD_TIMES, *BAD_TIMES, *WORDS, "a" * 257, "\x00", "\ud800", "é"]),
    st.text(max_size=12),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18, max_value=10**30),
    st.floats(),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = st.one_of(
    st.sampled_from(["value", "uom", "amount", "currency", "precision", "ext", "extra", "line_ref"]), TEXTS
)


def places(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, part in steps:
        found += places(part, (*way, step))
    return found


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_both_engines_say_the_same_of_whatever_becomes_of_an_event(data):
    file = data.draw(st.sampled_from(VALID))
    document = read(file)
    for _ in range(data.draw(st.integers(min_value=1, max_value=3))):
        way = data.draw(st.sampled_from(places(document)))
        *before, last = way
        place = document
        for step in before:
            place = place[step]
        match data.draw(st.sampled_from(["replace", "remove", "add", "copy"])):
            case "replace":
                place[last] = data.draw(VALUES)
            case "remove":
                del place[last]
            case "add" if isinstance(place, dict):
                place[data.draw(FIELDS)] = data.draw(VALUES)
            case "add":
                place.append(data.draw(VALUES))
            case "copy":
                *there, step = data.draw(st.sampled_from(places(document)))
                source = document
                for stair in there:
                    source = source[stair]
                place[last] = copy.deepcopy(source[step])
        if not places(document):
            break
    for mode in ("strict", "lenient"):
        fast, oracle = both(file.parents[3].name, mode)
        verdict = oracle.is_valid(document)
        assert fast.is_valid(document) == verdict, (mode, oracle.violations(document))
        assert (oracle.violations(document) == []) == verdict
