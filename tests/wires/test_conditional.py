"""A read that costs nothing when nothing changed, and that loses nothing when something did."""

import json

import pytest

from crossdock.errors import Refused
from crossdock.wires.conditional import Validator
from crossdock.wires.rest import Answer, refused
from tests.kit.test_rest_poll import AT


def answer(status: int = 200, **headers: str) -> Answer:
    return Answer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=b""
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"etag": '"v1"'}, {"If-None-Match": '"v1"'}),
        ({"etag": 'W/"v1"'}, {"If-None-Match": 'W/"v1"'}),
        ({"etag": '"v1"', "last_modified": "Sat, 21 Nov 2026 12:00:00 GMT"}, {"If-None-Match": '"v1"'}),
        (
            {"last_modified": "Sat, 21 Nov 2026 12:00:00 GMT"},
            {"If-Modified-Since": "Sat, 21 Nov 2026 12:00:00 GMT"},
        ),
        ({"etag": '"v\r\nX-Evil: 1"'}, None),
        ({"etag": '"' + "v" * 600 + '"'}, None),
        ({}, None),
    ],
)
def test_an_answer_is_known_by_its_etag_or_else_by_its_time(given, shown):
    found = Validator.in_answer(answer(**given), "/orders?since=1")
    assert (None if found is None else found.headers("/orders?since=1")) == shown
    if found is not None:
        assert found.headers("/orders?since=2") == {}, "of another address it says nothing"
        assert Validator.kept(json.loads(json.dumps(found.as_dict()))) == found


def test_only_a_success_is_known():
    assert Validator.in_answer(answer(500, etag='"v1"'), "/") is None
    for said in (None, [], {"of": 1}, {"of": "x", "etag": "y"}):
        assert Validator.kept(said) is None


def test_a_304_that_was_not_asked_for_is_a_refusal_and_not_a_redirect():
    error = refused(answer(304), what="GET /", now=AT)
    assert type(error) is Refused and "304" in str(error)
