import json
import re
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from crossdock.console.serve import PEOPLE, guard, people_of, visitor
from crossdock.errors import Misconfigured
from crossdock.store import tables

FOREIGN = [
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
    {"origin": "http://testserver.elsewhere.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
]


def token_on(page: str) -> str:
    found = re.search(r'name="page_token" value="([0-9a-f]{64})"', page)
    assert found is not None, "the page has no form"
    return found.group(1)


@pytest.fixture
def discarding(console: TestClient, seeded: dict[str, Any]) -> str:
    """The address to which the form of the dead letter's page is sent."""
    return f"/dead-letters/{seeded['letter']}/discard"


@pytest.fixture
def token(console: TestClient, seeded: dict[str, Any]) -> str:
    return token_on(console.get(f"/dead-letters/{seeded['letter']}").text)


def state_of(store: Any, letter: Any) -> tuple[str, str | None]:
    with store.transaction("main") as connection:
        row = connection.execute(tables.dead_letters.select().where(tables.dead_letters.c.id == letter)).one()
    return row.state, row.closed_by


def test_a_form_works_without_javascript_and_a_reload_repeats_nothing(
    console: TestClient, seeded: dict[str, Any], store: Any, discarding: str, token: str
) -> None:
    sent = console.post(
        discarding,
        data={"reason": "sent twice", "page_token": token},
        headers={"origin": "http://testserver"},
        follow_redirects=False,
    )
    assert sent.status_code == 303
    assert state_of(store, seeded["letter"]) == ("discarded", "anna")
    shown = console.get(sent.headers["location"])
    assert "It is discarded. Its bytes and its history stay." in shown.text
    assert "sent twice" in shown.text


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("twin", ["", "/api"])
def test_a_page_elsewhere_cannot_act_even_with_the_token(
    console: TestClient,
    seeded: dict[str, Any],
    store: Any,
    discarding: str,
    token: str,
    headers: Any,
    twin: str,
) -> None:
    body: dict[str, Any] = {"json" if twin else "data": {"reason": "because", "page_token": token}}
    answer = console.post(twin + discarding, headers={**headers, "x-crossdock-token": token}, **body)
    assert answer.status_code == 403
    assert "from a page elsewhere, and nothing was done" in answer.text
    assert state_of(store, seeded["letter"]) == ("open", None)


@pytest.mark.parametrize("given", ["", "0" * 64, "\u00e4", "of another person", "of two days ago"])
def test_a_token_that_no_page_of_ours_gave_to_this_person_is_refused(
    console: TestClient,
    seeded: dict[str, Any],
    store: Any,
    clock: Any,
    discarding: str,
    token: str,
    given: str,
) -> None:
    if given == "of another person":
        page = console.get(f"/dead-letters/{seeded['letter']}", headers={"x-name": "ben"})
        given = token_on(page.text)
        assert given != token
    if given == "of two days ago":
        given = token
        clock.advance(timedelta(days=2))
    answer = console.post(discarding, data={"reason": "because", "page_token": given})
    assert answer.status_code == 403
    assert state_of(store, seeded["letter"]) == ("open", None)


def test_a_program_with_a_bearer_token_needs_no_page(
    console: TestClient, seeded: dict[str, Any], store: Any, discarding: str
) -> None:
    answer = console.post(
        f"/api{discarding}", json={"reason": "because"}, headers={"authorization": "Bearer of-its-own"}
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "done": "It is discarded. Its bytes and its history stay.",
        "id": str(seeded["letter"]),
    }
    assert state_of(store, seeded["letter"]) == ("discarded", "anna")


def test_who_may_only_look_sees_no_form_and_cannot_act(
    console: TestClient, seeded: dict[str, Any], store: Any, discarding: str, token: str
) -> None:
    page = console.get(f"/dead-letters/{seeded['letter']}", headers={"x-may": "look"}).text
    assert "<form" not in page and "Your account may look and not act." in page
    for twin, how in (("", "data"), ("/api", "json")):
        answer = console.post(
            twin + discarding, headers={"x-may": "look"}, **{how: {"reason": "r", "page_token": token}}
        )
        assert answer.status_code == 403
    assert state_of(store, seeded["letter"]) == ("open", None)


def test_nobody_acts_without_a_pass(
    console: TestClient, store: Any, seeded: dict[str, Any], discarding: str
) -> None:
    assert console.post(f"/api{discarding}", json={}, headers={"x-pass": "wrong"}).status_code == 403
    del console.headers["x-pass"]
    assert console.post(f"/api{discarding}", json={}).status_code == 401
    assert state_of(store, seeded["letter"]) == ("open", None)


@pytest.mark.parametrize(
    ("path", "fields", "status", "sentence"),
    [
        ("/dead-letters/{letter}/discard", {}, 409, "a dead letter is discarded with a reason"),
        ("/dead-letters/ffff/discard", {"reason": "r"}, 404, "ffff"),
        ("/dead-letters/<b>/discard", {"reason": "r"}, 404, ""),
        ("/dead-letters/{letter}/discard", {"reason": ["r", "s"]}, 400, "more than once"),
        ("/dead-letters/{letter}/discard", {"reason": "a\x00b"}, 400, "NUL"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    console: TestClient, seeded: dict[str, Any], store: Any, token: str,
    path: str, fields: dict[str, Any], status: int, sentence: str,
) -> None:  # fmt: skip
    path = path.replace("{letter}", str(seeded["letter"]))
    as_form = console.post(path, data={**fields, "page_token": token})
    as_json = console.post(f"/api{path}", json=fields, headers={"x-crossdock-token": token})
    assert (as_form.status_code, as_json.status_code) == (status, status)
    assert sentence in as_form.text and sentence in as_json.json()["error"]
    assert "<b>" not in as_form.text.replace("tenant <b>", "").replace("<b>main", "")
    assert state_of(store, seeded["letter"]) == ("open", None)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"reason": {"a": 1}}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"reason": "' + b"a" * 4 * 1024 * 1024 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_json_or_too_large_is_refused(
    console: TestClient, seeded: dict[str, Any], store: Any, discarding: str, token: str,
    body: bytes, kind: str, status: int,
) -> None:  # fmt: skip
    headers = {"content-type": kind, "x-crossdock-token": token}
    assert console.post(f"/api{discarding}", content=body, headers=headers).status_code == status
    assert state_of(store, seeded["letter"]) == ("open", None)


def test_a_sentence_in_a_link_that_is_not_ours_is_not_shown(
    console: TestClient, seeded: dict[str, Any]
) -> None:
    page = console.get(
        "/dead-letters", params={"said": "Call 0900 to get your letters back", "seal": "0" * 32}
    )
    assert 'class="said"' not in page.text


def test_no_page_does_anything_when_it_is_only_read(
    console: TestClient, seeded: dict[str, Any], store: Any, discarding: str, token: str
) -> None:
    routes = console.get("/api/openapi.json").json()["paths"]
    acting = [path for path, methods in routes.items() if "post" in methods and "webhooks" not in path]
    assert "/api/dead-letters/{identity}/discard" in acting
    for path in acting:
        for each in (path, path.removeprefix("/api")):
            address = each.replace("{identity}", str(seeded["letter"]))
            answer = console.get(address, params={"reason": "r", "page_token": token})
            shown_too = "get" in routes.get(f"/api{each.removeprefix('/api')}", {})
            assert answer.status_code in ((200,) if shown_too else (404, 405)), address
    with store.transaction("main") as connection:
        assert connection.execute(tables.redrives.select()).all() == []
    assert state_of(store, seeded["letter"]) == ("open", None)


# ── alone, without Airflow ───────────────────────────────────────────────────────────────────────────────────────


def test_each_of_the_people_acts_under_a_name_of_their_own() -> None:
    people = people_of("anna:a-token-of-sixteen ben:another-of-sixteen")
    who = visitor(people)
    look = "the-token-for-looking"

    def asks(bearer: str) -> Any:
        from starlette.requests import Request

        request = Request(
            {
                "type": "http",
                "method": "GET",
                "path": "/",
                "query_string": b"",
                "server": ("hub.example", 80),
                "headers": [(b"authorization", f"Bearer {bearer}".encode()), (b"host", b"hub.example")],
            }
        )
        guard("0.0.0.0", look, people)(request)
        return who(request)

    assert (asks("a-token-of-sixteen").name, asks("another-of-sixteen").name) == ("anna", "ben")
    looking = asks(look)
    assert (looking.may_act, looking.name) == (False, "")
    assert PEOPLE in looking.instead


@pytest.mark.parametrize(
    "text",
    ["anna", "anna:short", ":a-token-of-sixteen", "a:same-same-same-same b:same-same-same-same",
     "anna:a-token-of-sixteen anna:another-of-sixteen"],
)  # fmt: skip
def test_a_list_of_people_that_cannot_tell_them_apart_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match=PEOPLE) as refused:
        people_of(text)
    assert "a-token-of-sixteen" not in str(refused.value)


def test_a_json_answer_holds_no_page_token(console: TestClient, seeded: dict[str, Any], token: str) -> None:
    assert token not in json.dumps(console.get("/api/overview").json())
