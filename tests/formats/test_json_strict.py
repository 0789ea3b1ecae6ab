"""JSON that two readers could understand in two ways is refused, with the byte where it stands."""

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.errors import Unreadable
from crossdock.formats import json_slices, json_strict


def test_numbers_keep_their_digits():
    value = json_strict.loads(b'{"amount":1.10,"big":1e3,"count":7,"text":"\\u00e9\\ud83d\\ude00"}')
    assert value == {"amount": Decimal("1.10"), "big": Decimal("1E+3"), "count": 7, "text": "é😀"}
    assert isinstance(value["amount"], Decimal) and isinstance(value["count"], int)


@pytest.mark.parametrize(
    ("body", "byte", "code"),
    [
        (b'{"a":1,"a":2}', 7, "JSON.MALFORMED"),
        (b'{"x":{"a":{"a":1},"b":"a","a":2}}', 26, "JSON.MALFORMED"),
        (b"[1,NaN]", 3, "JSON.MALFORMED"),
        (b'["NaN",-Infinity]', 7, "JSON.MALFORMED"),
        (b'["a","\\ud800"]', 6, "JSON.MALFORMED"),
        (b'{"\\udc00":1}', 2, "JSON.MALFORMED"),
        (b'"\xed\xa0\x80"', 1, "JSON.MALFORMED"),
        (b"\xef\xbb\xbf{}", 0, "JSON.MALFORMED"),
        (b'{"a":\xff}', 5, "JSON.MALFORMED"),
        (b'{"a":', 5, "JSON.MALFORMED"),
        ('{"é":x}'.encode(), 6, "JSON.MALFORMED"),
        (b"{} {}", 3, "JSON.MALFORMED"),
        (b"", 0, "JSON.MALFORMED"),
        (b"[" * 65 + b"]" * 65, 64, "JSON.LIMIT"),
        (b"[" * 1_000_000, 64, "JSON.LIMIT"),
        (b"[0" + b",0" * 1_000_000 + b"]", None, "JSON.LIMIT"),
        (b"[" + b"9" * 4301 + b"]", 1, "JSON.LIMIT"),
        (b"[1e99999]", 1, "JSON.LIMIT"),
        (b"[1e-99999999999999999999999]", 1, "JSON.LIMIT"),
        (b'"' + b"x" * (20 * 1024 * 1024) + b'"', None, "JSON.LIMIT"),
    ],
    ids=range(20),
)
def test_what_is_refused_and_where(body, byte, code):
    with pytest.raises(Unreadable) as caught:
        json_strict.loads(body)
    assert caught.value.code == code
    assert caught.value.remedy
    if byte is not None:
        assert caught.value.place.byte == byte


def test_64_levels_are_read():
    assert json_strict.loads(b"[" * 64 + b"]" * 64)


def test_texts_without_an_end_are_not_slow():
    began = time.process_time()
    with pytest.raises(Unreadable):
        json_strict.loads(b'"' + b'\\"' * 3_000_000)
    assert time.process_time() - began < 3


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_everything_that_is_json_is_read(value):
    assert json_strict.loads(json.dumps(value).encode()) == value
    assert json_strict.loads(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body):
    try:
        json_strict.loads(body)
    except Unreadable:
        pass


@given(st.lists(values, max_size=5), st.sampled_from([None, 1]))
def test_slices_are_the_elements(items, indent):
    page = json.dumps({"a": "records", "records": items, "next": None}, indent=indent).encode()
    parts = json_slices.members(page)
    pieces = json_slices.elements(page, parts["records"])
    assert [json.loads(piece.body) for piece in pieces] == items
    assert all(page[piece.start : piece.end] == piece.body for piece in pieces)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"[]",
        b"{",
        b'{"a":[}',
        b'{"a":[1]}]',
        b'{"a":[1]} x',
        b'{"a":[1],"a":2}',
        b'{"a"}',
        b"{a:1}",
        b"{:1}",
        b'{"a":}',
        b'{"a":[1],}',
        b'{"a":"x}',
        b'{1:"x"}',
    ],
)
def test_what_has_no_clear_pieces_is_refused(page):
    with pytest.raises(Unreadable):
        json_slices.members(page)


@given(st.binary(max_size=60))
def test_any_bytes_are_cut_or_refused(body):
    try:
        parts = json_slices.members(b"{" + body + b"}")
        for part in parts.values():
            json_slices.elements(b"{" + body + b"}", part)
    except Unreadable:
        pass
