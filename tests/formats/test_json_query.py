"""JMESPath over a document: exact numbers, the place of what is found, and an end to whatever is asked."""

import json
from decimal import Decimal
from typing import Any

import pytest

from crossdock.formats import json_strict
from crossdock.formats.json_query import LONGEST, MOST_ELEMENTS, Document, Query, QueryFailed, WrongQuery


def ask(text: str, value: Any) -> tuple[Any, str]:
    document = Document(json_strict.loads(json.dumps(value).encode()) if not isinstance(value, bytes) else
                        json_strict.loads(value))  # fmt: skip
    return document.ask(Query(text), document.root, "")


@pytest.mark.parametrize(
    ("text", "found", "pointer"),
    [
        ("order.number", "SO-1", "/order/number"),
        ("lines[1].sku", "HOSE", "/lines/1/sku"),
        ("lines[-1].sku", "HOSE", "/lines/1/sku"),
        ("lines[?sku == 'HOSE'].quantity | [0]", Decimal("12.50"), "/lines/1/quantity"),
        ("order.missing", None, "/order/missing"),
        ("missing.below", None, "/missing"),
        ('"a/b"."~"', 1, "/a~1b/~0"),
        ("order.missing || order.number", "SO-1", "/order/number"),
        ("sum(lines[].quantity)", Decimal("52.50"), "/lines/1/quantity"),
        ("to_number(order.text)", Decimal("1.10"), "/order/text"),
        ("to_string(lines[1].quantity)", "12.50", "/lines/1/quantity"),
        ("lines[0].quantity > `12.5`", True, "/lines/0/quantity"),
        ("lines[1].quantity > `12.5`", False, "/lines/1/quantity"),
        ("`0.1`", Decimal("0.1"), ""),
        ("sort_by(lines, &quantity)[0].sku", "HOSE", "/lines/1/sku"),
        ("max_by(lines, &quantity).sku", "PUMP", "/lines/0/sku"),
        ("type(lines[1].quantity)", "number", "/lines/1/quantity"),
    ],
)
def test_a_query_finds_its_value_exactly_and_says_where_it_stood(text: str, found: Any, pointer: str) -> None:
    body = (
        b'{"order": {"number": "SO-1", "text": "1.10"}, "a/b": {"~": 1},'
        b'"lines": [{"sku": "PUMP", "quantity": 40}, {"sku": "HOSE", "quantity": 12.50}]}'
    )
    value, where = ask(text, body)
    assert (value, where) == (found, pointer)
    assert not isinstance(value, float)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1 to"),
        ("a" * (LONGEST + 1), "1 to"),
        ("a.", "not complete"),
        ("a b", "cannot be read at letter"),
        ("a[?b = c]", "cannot be read at letter"),
        ("lenght(a)", "no function 'lenght'"),
        ("length(a, b)", "takes 1 arguments, not 2"),
        ("not_null()", "takes 1 or more arguments, not 0"),
        ("[" * 900, "JMESPath"),
    ],
)
def test_a_wrong_query_is_refused_when_it_is_read_with_one_line(text: str, complaint: str) -> None:
    with pytest.raises(WrongQuery) as caught:
        Query(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "length(a)",  # of a number
        "sum(mixed)",
        "join('', mixed)",
        "to_string(mixed)",
        "sort(mixed)",
        "keys(text)",
    ],
)
def test_what_a_document_cannot_answer_fails_with_a_sentence_and_shows_no_value(text: str) -> None:
    with pytest.raises(QueryFailed) as caught:
        ask(text, {"a": 1, "text": "secret-word", "mixed": ["secret-word", 1, None]})
    assert "secret-word" not in str(caught.value)


def test_no_query_fills_the_memory() -> None:
    doubled = "[a,a]" + "[]|[@,@][]" * 40
    with pytest.raises(QueryFailed, match=f"more than {MOST_ELEMENTS} elements"):
        ask(doubled, {"a": [1] * 10})


def test_no_query_runs_for_ever() -> None:
    inner = "length(map(&(@ == `1`), `[1,2,3,4,5,6,7,8,9,10,11,12]`)) == `0`"
    pairs = f"a[?contains(map(&({inner}), `[1,2,3,4,5,6,7,8]`), `3`)]"
    with pytest.raises(QueryFailed, match="steps"):
        ask(pairs, {"a": list(range(10_000))})


def test_no_join_writes_more_than_anybody_reads() -> None:
    text = "join('',a)" + "|join('',[@,@])" * 30
    with pytest.raises(QueryFailed, match="letters"):
        ask(text, {"a": ["x" * 1000]})


def test_what_no_query_read_is_known_by_its_place() -> None:
    document = Document(
        {"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 1, "g": 2}, {"f": 1, "h": 3}], "i": [1, 2]}
    )
    for text in ("a", "b.c", "e[*].f"):
        document.ask(Query(text), document.root, "")
    assert document.unread() == ["/b/d", "/e/*/g", "/e/*/h", "/i"]
