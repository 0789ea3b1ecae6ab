"""Amazon as a buyer: orders and shipments polled by the published contracts, with a token of Login with Amazon."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from canonical.events import EVENT_TYPE, FACT_TYPE
from crossdock.errors import CrossdockError
from crossdock.messages import PartState
from crossdock.normalize import Normalizer
from crossdock.partners import Partners
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.contract_server import Answer, Asked, ContractDesk
from crossdock.testing.openapi.contract import Contract

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"
CORPUS = Path(__file__).resolve().parents[3] / "shared/corpus/contracts"
CONTRACTS = {
    "amazon_vendor": CORPUS / "amazon_vendor_df_orders/vendorDirectFulfillmentOrders_2021-12-28.json",
    "amazon_vendor_shipments": CORPUS / "amazon_vendor_shipments/vendorShipments.json",
}
SAMPLES = {"amazon_vendor": "orders.json", "amazon_vendor_shipments": "shipments.json"}
OPERATIONS = {
    "amazon_vendor": "GET /vendor/directFulfillment/orders/2021-12-28/purchaseOrders",
    "amazon_vendor_shipments": "GET /vendor/shipping/v1/shipments",
}
NUMBERS = {"amazon_vendor": "purchaseOrderNumber", "amazon_vendor_shipments": "vendorShipmentIdentifier"}
NAMES = sorted(CONTRACTS)
THERE = pytest.mark.skipif(
    not all(path.is_file() for path in CONTRACTS.values()),
    reason=f"the published contracts are not at {CORPUS}",
)


def page(name: str) -> Any:
    return json.loads((CONNECTORS / name / "samples" / SAMPLES[name]).read_bytes())


class Amazon:
    """Login with Amazon, and behind it whatever the test puts there."""

    def __init__(self, trade: Any) -> None:
        self._trade = trade
        self.forms: list[dict[str, str]] = []
        self.stale: set[str] = set()

    def __call__(self, request: lie.Request) -> lie.Said:
        if request.path == "/auth/o2/token":
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            self.forms.append(form)
            if form.get("refresh_token") != "Atzr|refresh":
                return lie.Said(status=400, body=b'{"error":"invalid_grant"}')
            token = {"access_token": f"Atza|{len(self.forms)}", "token_type": "bearer", "expires_in": 3600}
            return lie.Said(status=200, body=json.dumps(token).encode())
        shown = request.headers.get("x-amz-access-token", "")
        if not shown.startswith("Atza|") or shown in self.stale or "authorization" in request.headers:
            said = b'{"errors":[{"code":"Unauthorized","message":"Access to requested resource is denied."}]}'
            return lie.Said(status=401, body=said)
        said = self._trade(request)
        return said


def opened(name: str, server: Any, clock: Any, refresh: str = "Atzr|refresh") -> Any:
    registry = Registry()
    extra = {
        "auth": "oauth2", "token_url": f"{server.url}/auth/o2/token", "client_id": "amzn1.application",
        "client_auth": "post", "token_header": "x-amz-access-token",
    }  # fmt: skip
    login = Login(
        connection_id=f"amazon-{server.port}", scheme="http", host="127.0.0.1", port=server.port, extra=extra,
        secrets={"client_secret": Secret("amzn1.secret"), "refresh_token": Secret(refresh)},
    )  # fmt: skip
    return registry.source(registry.manifest(name), login, clock)


@THERE
@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_and_what_the_samples_say_keep_amazons_contract(name, clock):
    desk = ContractDesk(Contract.load(CONTRACTS[name]))
    pages = [page(name), page(name)]
    first, last = pages
    _pagination(first)["nextToken"] = "token-of-page-2"
    _pagination(last).pop("nextToken", None)
    _records(last)[0][NUMBERS[name]] = "OTHER"

    def trade(asked: Asked) -> Answer:
        assert asked.query["createdAfter"] < asked.query["createdBefore"]
        return Answer(200, pages[1] if asked.query.get("nextToken") == "token-of-page-2" else pages[0])

    desk.on(OPERATIONS[name], trade)
    amazon = Amazon(desk)
    with lie.LyingServer(honest=amazon) as server:
        source = opened(name, server, clock)
        messages = list(source.read(None))
        source.close()
    assert len(messages) == 2
    assert desk.breaches == [] and desk.slips == []
    assert amazon.forms[0]["grant_type"] == "refresh_token"
    assert len(amazon.forms) == 1, "one token serves all pages"
    normalizer = Normalizer(registry=Registry(), partners=Partners.load(), clock=clock)
    (part,) = normalizer.normalize(messages[0]).parts
    assert part.state is PartState.PROCESSED, part.problem
    kinds = {doc["data"]["kind"] for doc in part.documents if doc["type"] == FACT_TYPE}
    assert kinds == ({"ordered"} if name == "amazon_vendor" else {"status", "shipped"})


def _pagination(body: dict[str, Any]) -> dict[str, Any]:
    return body.get("payload", body)["pagination"]


def _records(body: dict[str, Any]) -> list[dict[str, Any]]:
    return body["payload"]["shipments"] if "payload" in body else body["orders"]


@pytest.mark.parametrize("name", NAMES)
def test_a_token_that_amazon_does_not_take_any_more_is_asked_for_anew_once(name, clock, monkeypatch):
    monkeypatch.setattr("crossdock.wires.oauth2.YOUNGEST_S", 0.0)  # it is as if the first one had grown old
    body = page(name)
    _pagination(body).pop("nextToken", None)
    amazon = Amazon(lambda request: lie.Said(status=200, body=json.dumps(body).encode()))
    with lie.LyingServer(honest=amazon) as server:
        source = opened(name, server, clock)
        assert len(list(source.read(None))) == 1
        amazon.stale.add("Atza|1")
        assert len(list(source.read(None))) == 1
        source.close()
    assert len(amazon.forms) == 2


def test_a_refresh_token_that_was_revoked_is_told_and_shown_nowhere(clock):
    amazon = Amazon(lambda request: lie.Said(status=200, body=b"{}"))
    with lie.LyingServer(honest=amazon) as server:
        source = opened("amazon_vendor", server, clock, refresh="Atzr|revoked-secret")
        with pytest.raises(CrossdockError) as caught:
            list(source.read(None))
        source.close()
    assert "invalid_grant" in str(caught.value)
    assert "revoked-secret" not in str(caught.value)


def test_the_end_of_what_is_asked_lies_two_minutes_behind(clock):
    asked: list[dict[str, list[str]]] = []

    def trade(request: lie.Request) -> lie.Said:
        asked.append(parse_qs(request.path.partition("?")[2]))
        return lie.Said(status=200, body=b'{"orders": [], "pagination": {}}')

    with lie.LyingServer(honest=Amazon(trade)) as server:
        source = opened("amazon_vendor", server, clock)
        assert list(source.read(None)) == []
        source.close()
    assert asked[0]["createdBefore"] == ["2026-11-21T11:58:00Z"]
    assert "nextToken" not in asked[0]


def test_an_order_that_amazon_takes_back_asks_for_our_yes(clock):
    body = (CONNECTORS.parent / "mappings/inbound/amazon_vendor_order/samples/cancelled.json").read_bytes()
    amazon = Amazon(lambda request: lie.Said(status=200, body=b'{"orders": [' + body + b"]}"))
    with lie.LyingServer(honest=amazon) as server:
        source = opened("amazon_vendor", server, clock)
        (message,) = source.read(None)
        source.close()
    (part,) = Normalizer(registry=Registry(), partners=Partners.load(), clock=clock).normalize(message).parts
    codes = [doc["data"]["code"] for doc in part.documents if doc["type"] == EVENT_TYPE]
    assert codes == ["ORD.CANCEL_REQUESTED"]
