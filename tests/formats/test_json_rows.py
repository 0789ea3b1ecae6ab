"""A row of a database is one JSON object, exact, and the same bytes for the same values."""

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.formats import json_rows, json_strict

AWAY = datetime.fromisoformat("2026-11-20T08:00")
"""A moment that says no zone."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (10**30, "1" + "0" * 30),
        (Decimal("3.7500"), "3.7500"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), '"NaN"'),
        (0.1, "0.1"),
        (math.inf, '"inf"'),
        ('a "quoted" \n\x00 line', '"a \\"quoted\\" \\n\\u0000 line"'),
        (datetime(2026, 11, 20, 8, tzinfo=timezone(timedelta(hours=-6))), '"2026-11-20T14:00:00Z"'),
        (AWAY.replace(microsecond=5), '"2026-11-20T14:00:00.000005Z"'),
        (datetime.fromisoformat("9999-12-31T23:59:59.999999"), '"9999-12-31T23:59:59.999999-06:00"'),
        (date(2026, 11, 20), '"2026-11-20"'),
        (time(14, 2), '"14:02:00"'),
        (timedelta(hours=1, milliseconds=5), '"3600.005"'),
        (timedelta(days=-100), '"-8640000"'),
        (b"\x00\xff", '"AP8="'),
        (uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        ({"b": [1, None], "a": {}}, '{"b": [1, null], "a": {}}'),
        pytest.param(frozenset({"b", "a"}), '["a", "b"]', id="a set, whose order is chance"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_written_exactly(value, text):
    assert json_rows.written({"it": value}, timezone="America/Chicago") == f'{{"it": {text}}}'.encode()


def test_columns_keep_their_order():
    assert json_rows.written({"b": 1, "a": 2}) == b'{"b": 1, "a": 2}'


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**20), 10**20),
            st.text(st.characters(exclude_categories=["Cs"])),
            st.decimals(
                allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12
            ),
        ),
    )
)
def test_what_is_written_is_read_as_it_was(row):
    assert json_strict.loads(json_rows.written(row)) == row


def test_a_text_that_is_no_unicode_spoils_nothing():
    body = json_rows.written({"it": "a\udcffb", "moment": datetime(2026, 1, 1, tzinfo=UTC)})
    assert json_strict.loads(body)["moment"] == "2026-01-01T00:00:00Z"
