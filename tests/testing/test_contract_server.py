"""The contract server: what a vendor's description allows passes, and everything else is told."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from crossdock.testing.contract_server import Answer, Asked, ContractDesk
from crossdock.testing.lying_http import LyingServer, reset_after_commit
from crossdock.testing.openapi.contract import Contract
from crossdock.testing.openapi.examples import NoExample, example

HERE: Final = Path(__file__).parent / "contracts"
ORDER: Final = {"number": "AB-1234", "lines": [{"sku": "X", "quantity": 19.99}]}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract.load(HERE / "orders.yaml")


@pytest.fixture
def desk(contract: Contract) -> ContractDesk:
    return ContractDesk(contract)


@pytest.fixture
def server(desk: ContractDesk) -> Iterator[LyingServer]:
    with LyingServer(honest=desk) as server:
        yield server


def token(server: LyingServer) -> str:
    form = {"grant_type": "client_credentials"}
    said = httpx.post(f"{server.url}/oauth/token", data=form, auth=("hub", "s3cret"))
    return str(said.json()["access_token"])


def headers(server: LyingServer, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(server)}", "X-Trace": "t-1", **more}


def broken(desk: ContractDesk) -> list[str]:
    return [str(breach) for breach in desk.breaches]


def test_a_request_that_keeps_the_contract_is_answered_by_an_example_that_keeps_it_too(
    desk: ContractDesk, server: LyingServer
) -> None:
    said = httpx.get(
        f"{server.url}/shop/v1/orders",
        params={"status": "open,done", "$top": "5", "since": "2026-03-02T08:00:00Z"},
        headers=headers(server),
    )
    assert said.status_code == 200
    order = said.json()["orders"][0]
    assert order["number"] == "AA-1111" or order["number"][2] == "-"
    assert desk.asked[0].query == {"status": ["open", "done"], "$top": 5, "since": "2026-03-02T08:00:00Z"}
    assert desk.breaches == []
    assert desk.contract.answered(desk.asked[0].operation, 200, dict(said.headers), said.content) == ()


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"status": "gone"}, "query status of GET /orders: /0: 'gone' is not one of ['open', 'done']"),
        ({"$top": "many"}, "query $top of GET /orders: 'many' is not of type 'integer'"),
        ({"$top": "0"}, "query $top of GET /orders: 0 is less than the minimum of 1"),
        ({"since": "yesterday"}, "query since of GET /orders: 'yesterday' is not a 'date-time'"),
        (
            {"since": "2026-03-02T08:00:00"},
            "query since of GET /orders: '2026-03-02T08:00:00' is not a 'date-time'",
        ),
        ({"stauts": "open"}, "query stauts of GET /orders: is not declared"),
    ],
)
def test_a_query_that_breaks_the_contract_is_told_with_its_parameter(
    desk: ContractDesk, server: LyingServer, query: Mapping[str, str], wrong: str
) -> None:
    said = httpx.get(f"{server.url}/shop/v1/orders", params=query, headers=headers(server))
    assert said.status_code == 400
    assert broken(desk) == [wrong]
    assert said.json()["errors"] == [wrong]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"number": "4711"}, "/number: '4711' does not match '^[A-Z]{2}-\\\\d{4}$'"),
        ({"lines": []}, "/lines: [] should be non-empty"),
        ({"lines": [{"sku": "X"}]}, "/lines/0: 'quantity' is required"),
        (
            {"lines": [{"sku": "X", "quantity": 0}]},
            "/lines/0/quantity: 0 is less than or equal to the minimum of 0",
        ),
        ({"lines": [{"sku": "X", "quantity": 1.005}]}, "/lines/0/quantity: 1.005 is not a multiple of 0.01"),
        ({"note": "x" * 21}, f"/note: {'x' * 21!r} is too long"),
        ({"country": "XX"}, "/country: 'XX' is not one of ['NO', 'SE']"),
        ({"parent": {**ORDER, "wrong": 1}}, "/parent/wrong is not declared"),
        (
            {"lines": [{"sku": "X", "quantity": 1, "unit": {"code": "EA", "kode": 1}}]},
            "/lines/0/unit/kode is not declared",
        ),
    ],
)
def test_a_body_that_breaks_the_contract_is_told_with_its_place(
    desk: ContractDesk, server: LyingServer, change: Mapping[str, Any], wrong: str
) -> None:
    said = httpx.post(f"{server.url}/shop/v1/orders", json={**ORDER, **change}, headers=headers(server))
    assert said.status_code == 400
    assert broken(desk) == [f"body POST /orders: {wrong}"]


def test_what_the_vendor_alone_fills_is_not_asked_of_a_request_and_is_asked_of_an_answer(
    desk: ContractDesk, server: LyingServer
) -> None:
    desk.on("POST /orders", lambda asked: Answer(201, asked.body, effect=asked.body["number"]))
    said = httpx.post(f"{server.url}/shop/v1/orders", json={**ORDER, "note": None}, headers=headers(server))
    assert said.status_code == 201
    assert server.effects.more_than_once() == {}
    assert desk.breaches == []
    assert [str(slip) for slip in desk.slips] == ["body 201 to POST /orders: 'id' is required"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "wrong"),
    [
        ("GET", "/shop/v1/oders", {}, 404, "path /shop/v1/oders: orders.yaml has no such path"),
        ("GET", "/orders", {}, 404, "path /orders: orders.yaml has no such path"),
        ("DELETE", "/shop/v1/orders", {}, 405, "method DELETE: /shop/v1/orders knows GET, POST"),
        ("GET", "/shop/v1/orders", {"X-Trace": "t"}, 400, "header X-Trace of GET /orders: 't' is too short"),
        ("GET", "/shop/v1/Orders('x')", {"X-Api-Key": "k"}, 404, "path id of GET /Orders('{id}')"),
        ("POST", "/shop/v1/orders", {"Content-Type": "text/xml"}, 415, "media POST /orders: is 'text/xml'"),
        (
            "POST",
            "/shop/v1/orders",
            {"Content-Type": "application/json"},
            400,
            "body POST /orders: is no JSON",
        ),
    ],
)
def test_what_is_not_in_the_contract_is_refused(
    desk: ContractDesk,
    server: LyingServer,
    method: str,
    path: str,
    more: Mapping[str, str],
    status: int,
    wrong: str,
) -> None:
    body = b"<a/>" if method == "POST" else None
    said = httpx.request(method, server.url + path, content=body, headers={**headers(server), **more})
    assert said.status_code == status
    assert [text[: len(wrong)] for text in broken(desk)] == [wrong]


def test_a_header_or_a_body_that_is_required_and_not_sent_is_told(
    desk: ContractDesk, server: LyingServer
) -> None:
    httpx.post(f"{server.url}/shop/v1/orders", headers={"Authorization": f"Bearer {token(server)}"})
    assert broken(desk) == [
        "header X-Trace of POST /orders: is required and is not sent",
        "body POST /orders: is required and is not sent",
    ]


def test_a_quoted_key_may_be_encoded_and_a_fixed_path_is_no_key(
    desk: ContractDesk, server: LyingServer
) -> None:
    for path in ("/shop/v1/Orders('47')", "/sandbox/v1/Orders%28%2747%27%29"):
        said = httpx.get(server.url + path, headers={"X-Api-Key": "k"})
        assert said.status_code == 200, said.text
        assert said.json()["number"] != "N/A", "the vendor's own example breaks the vendor's own schema"
    assert [asked.path for asked in desk.asked] == [{"id": "47"}, {"id": "47"}]
    assert httpx.get(f"{server.url}/shop/v1/orders/search", headers=headers(server)).status_code == 200
    assert desk.asked[-1].operation.name == "GET /orders/search"


def test_nobody_enters_without_what_the_contract_asks_for(desk: ContractDesk, server: LyingServer) -> None:
    said = httpx.get(f"{server.url}/shop/v1/orders", headers={"X-Trace": "t-1"})
    assert said.status_code == 401
    assert broken(desk) == ["security GET /orders: carries no credentials for oauth"]
    desk.breaches.clear()
    said = httpx.get(f"{server.url}/shop/v1/Orders('1')", headers={"X-Trace": "t-1"})
    assert said.status_code == 401
    assert broken(desk) == ["security GET /Orders('{id}'): carries no credentials for basic or key"]


def test_a_token_opens_until_it_is_revoked(desk: ContractDesk, server: LyingServer) -> None:
    first = headers(server)
    assert httpx.get(f"{server.url}/shop/v1/orders", headers=first).status_code == 200
    desk.tokens.revoke()
    assert httpx.get(f"{server.url}/shop/v1/orders", headers=first).status_code == 401
    assert httpx.get(f"{server.url}/shop/v1/orders", headers=headers(server)).status_code == 200
    assert desk.tokens.clients == ["hub", "hub"]
    assert desk.breaches == [], "a stale token is the way of the world and breaks no contract"


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (
            {"grant_type": "password", "client_id": "hub", "client_secret": "s"},
            "grant_type is not client_credentials",
        ),
        ({"grant_type": "client_credentials", "client_id": "hub"}, "no client id and secret"),
    ],
)
def test_no_token_for_who_asks_wrongly(
    desk: ContractDesk, server: LyingServer, form: Mapping[str, str], wrong: str
) -> None:
    assert httpx.post(f"{server.url}/oauth/token", data=form).status_code == 400
    assert desk.tokens.refusals[0].startswith(wrong)
    assert desk.tokens.issued == []


def test_a_request_may_prefer_the_answer_of_a_bad_day(desk: ContractDesk, server: LyingServer) -> None:
    said = httpx.post(
        f"{server.url}/shop/v1/orders", json=ORDER, headers=headers(server, Prefer="code=503, example=x")
    )
    assert said.status_code == 503
    assert set(said.json()) == {"message"}


def test_an_answer_that_the_vendor_would_never_give_is_a_slip_of_the_test(
    desk: ContractDesk, server: LyingServer
) -> None:
    says = iter((Answer(200, {"orders": "none"}), Answer(302), Answer(200, b"<html>", unchecked=True)))
    desk.on("listOrders", lambda asked: next(says))
    for _ in range(3):
        httpx.get(f"{server.url}/shop/v1/orders", headers=headers(server))
    assert [str(slip) for slip in desk.slips] == [
        "body 200 to GET /orders: /orders: 'none' is not of type 'array'",
        "status 302 to GET /orders: is not declared; 200, 4XX are",
    ]


def test_the_trade_sees_what_was_asked_in_its_types(desk: ContractDesk, server: LyingServer) -> None:
    seen: list[Asked] = []

    def trade(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer(204)

    desk.on("POST /notes", trade)
    assert httpx.post(f"{server.url}/shop/v1/notes", data={"text": "hello", "count": "3"}).status_code == 204
    assert seen[0].body == {"text": "hello", "count": 3}
    httpx.post(f"{server.url}/shop/v1/notes", data={"text": "hello", "count": "three"})
    assert broken(desk) == ["body POST /notes: /count: 'three' is not of type 'integer'"]


def test_the_server_lies_as_ever_behind_the_contract(desk: ContractDesk, server: LyingServer) -> None:
    desk.on("POST /orders", lambda asked: Answer(201, {**asked.body, "id": "1"}, effect=asked.body["number"]))
    ready = headers(server)
    server.then(reset_after_commit())
    with pytest.raises(httpx.TransportError):
        httpx.post(f"{server.url}/shop/v1/orders", json=ORDER, headers=ready)
    httpx.post(f"{server.url}/shop/v1/orders", json=ORDER, headers=ready)
    assert server.effects.more_than_once() == {"AB-1234": 2}
    assert desk.slips == []


def test_the_slips_of_the_vendor_are_told_and_what_is_around_them_is_checked(contract: Contract) -> None:
    places = sorted(defect.split(": ", 1)[0].rpartition("/")[2] for defect in contract.defects)
    assert places == ["minLength", "pattern", "required", "type"]
    assert contract.document["components"]["schemas"]["Order"]["properties"]["slip"] == {}


def test_a_norwegian_order_is_no_falsehood(contract: Contract) -> None:
    assert contract.document["components"]["schemas"]["Order"]["properties"]["country"]["enum"] == [
        "NO",
        "SE",
    ]


def test_swagger_2_is_held_like_the_newer_ones() -> None:
    desk = ContractDesk(Contract.load(HERE / "old.json"))
    with LyingServer(honest=desk) as server:
        said = httpx.get(f"{server.url}/vendor/orders", params={"limit": "5", "status": "NEW,DONE"})
        assert said.json() == {"orders": [{"number": "A1"}]}
        assert desk.asked[0].query == {"limit": 5, "status": ["NEW", "DONE"]}
        good = {"orders": [{"number": "A1", "note": None}]}
        assert httpx.post(f"{server.url}/vendor/orders", json=good).status_code == 202
        assert desk.breaches == []
        httpx.get(f"{server.url}/vendor/orders", params={"limit": "500"})
        httpx.post(f"{server.url}/vendor/orders", json={"orders": [{"note": "x", "nr": 1}]})
    assert broken(desk) == [
        "query limit of GET /orders: 500 is greater than the maximum of 100",
        "body POST /orders: /orders/0: 'number' is required",
        "body POST /orders: /orders/0/nr is not declared",
    ]


def test_a_parameter_that_the_vendor_takes_everywhere_is_tolerated() -> None:
    contract = Contract.load(HERE / "old.json", tolerated=("sap-client",))
    met = contract.met(method="GET", target="/vendor/orders?sap-client=100", headers={}, body=b"")
    assert met.breaches == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": r"^\d{3}-[A-F]+(x|y)?[^ab]\s$", "minLength": 7},
        {"type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 3},
        {"type": "integer", "minimum": 7, "multipleOf": 5},
        {"type": "array", "minItems": 2, "items": {"type": "string", "format": "date"}},
        {"anyOf": [{"not": {}}, {"type": "boolean"}]},
        {"type": ["null", "integer"]},
    ],
)
def test_an_example_keeps_its_schema(contract: Contract, schema: dict[str, Any]) -> None:
    assert contract.wrong(schema, example(contract, schema)) == []


@pytest.mark.parametrize(
    "schema", [{"not": {}}, {"type": "string", "pattern": "^(?!1).{5}$", "enum": ["1"]}, {"$ref": "#/x"}]
)
def test_no_example_is_better_than_a_wrong_one(contract: Contract, schema: dict[str, Any]) -> None:
    with pytest.raises((NoExample, LookupError)):
        example(contract, schema)


def test_a_schema_that_speaks_of_itself_has_an_end(contract: Contract) -> None:
    made = example(contract, {"$ref": "urn:contract#/components/schemas/Order"})
    assert json.dumps(made).count('"parent"') <= 10
