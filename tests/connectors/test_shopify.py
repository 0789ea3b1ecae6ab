"""A Shopify shop: its orders and shipments by webhook with its HMAC, and polled by its published contract."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from canonical.events import EVENT_TYPE
from connectors.shopify_fulfillments.source import fulfillments
from crossdock.errors import Unreadable
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalizer
from crossdock.partners import Partners
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.contract_server import Answer, Asked, ContractDesk
from crossdock.testing.openapi.contract import Contract
from crossdock.wires.webhook import NotVerified, Verified, kept, verify
from mappings import golden

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"
CONTRACT = Path(__file__).resolve().parents[3] / "shared/corpus/contracts/shopify_admin/openapi.yml"
SAMPLES = Path(golden.__file__).parent / "inbound"
LOGIN = Login(connection_id="c", secrets={"hmac_secret": Secret("shpss_secret")})
ORDER = (CONNECTORS / "shopify_orders_push/samples/order.json").read_bytes()


def headers(body: bytes, *, secret: str = "shpss_secret", **changed: str) -> list[tuple[str, str]]:
    """What Shopify sends with a webhook."""
    mac = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    said = {
        "X-Shopify-Hmac-Sha256": mac,
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Shop-Domain": "acme.myshopify.com",
        **changed,
    }
    return list(said.items())


def settings() -> Any:
    return Registry().manifest("shopify_orders_push").source.settings


# ── pushed ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_of_the_shop_is_known_by_its_hmac_over_the_bytes(clock):
    said = verify(settings(), headers(ORDER), ORDER, LOGIN, clock)
    assert isinstance(said, Verified)
    assert said.message_id == f"sha256-{hashlib.sha256(ORDER).hexdigest()}"


@pytest.mark.parametrize("body", [b"{}", b"\xff\x00", b'{"note": "\xc3\xbc \xe2\x80\xae"}', ORDER + b"\n"])
def test_the_hmac_is_over_the_bytes_whatever_they_are(clock, body):
    assert isinstance(verify(settings(), headers(body), body, LOGIN, clock), Verified)
    assert isinstance(verify(settings(), headers(body), body + b" ", LOGIN, clock), NotVerified)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"X-Shopify-Hmac-Sha256": ""}, 401),
        ({"X-Shopify-Hmac-Sha256": "not base64"}, 400),
        ({"X-Shopify-Hmac-Sha256": "00" * 32}, 401),
        ({"X-Shopify-Hmac-Sha256": base64.b64encode(b"x" * 32).decode()}, 401),
    ],
)
def test_what_the_shop_did_not_sign_is_refused(clock, changed, status):
    said = verify(settings(), headers(ORDER, **changed), ORDER, LOGIN, clock)
    assert isinstance(said, NotVerified) and said.status == status


def test_a_second_signature_beside_a_true_one_is_refused(clock):
    twice = [*headers(ORDER), ("X-Shopify-Hmac-Sha256", "x")]
    assert isinstance(verify(settings(), twice, ORDER, LOGIN, clock), NotVerified)


def test_a_redelivery_and_another_topic_with_the_same_order_are_one_message(clock):
    """A signature covers the body alone: an id in a header could be put on any body by anybody."""
    again = headers(ORDER, **{"X-Shopify-Webhook-Id": "another", "X-Shopify-Topic": "orders/paid"})
    first, second = (verify(settings(), each, ORDER, LOGIN, clock) for each in (headers(ORDER), again))
    assert first == second


def test_what_the_shop_says_of_a_delivery_is_kept_beside_it():
    said = kept(settings(), headers(ORDER))
    assert said["x-shopify-topic"] == "orders/updated"
    assert said["x-shopify-event-id"].startswith("98880550")
    assert "x-shopify-hmac-sha256" not in said
    odd = [*headers(ORDER, **{"X-Shopify-Shop-Domain": "a\x00b"}), ("X-Shopify-Topic", "orders/create")]
    assert not {"x-shopify-topic", "x-shopify-shop-domain"} & set(kept(settings(), odd))


@pytest.mark.parametrize("name", ["shopify_orders_push", "shopify_fulfillments_push"])
def test_what_is_pushed_is_mapped_and_what_is_of_another_topic_is_set_aside(clock, name):
    registry = Registry()
    normalizer = Normalizer(registry=registry, partners=Partners.load(), clock=clock)
    states = {}
    for sample in (ORDER, (CONNECTORS / "shopify_fulfillments_push/samples/fulfillment.json").read_bytes()):
        message = RawMessage(
            tenant="main", source=name, key="k", body=sample, media_type="application/json", received_at=clock.now()
        )  # fmt: skip
        (part,) = normalizer.normalize(message).parts
        states[b"line_items" in sample and b"shipment_status" in sample[:900]] = part.state
    assert set(states.values()) == {PartState.PROCESSED, PartState.DEAD_LETTERED}


# ── polled ───────────────────────────────────────────────────────────────────────────────────────────────────


class Shop:
    """Orders by the contract, two to a page, followed by the header Link with a page_info."""

    def __init__(self, url: Any) -> None:
        self._url = url
        order = json.loads((CONNECTORS / "shopify/samples/orders.json").read_bytes())["orders"][0]
        self.orders = [
            {
                **order,
                "id": order["id"] + n,
                "name": f"#{1001 + n}",
                "updated_at": f"2026-11-20T16:4{n}:00-06:00",
            }
            for n in range(5)
        ]
        self.asked: list[dict[str, str]] = []

    def __call__(self, request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        split = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.asked.append(query)
        if request.headers.get("x-shopify-access-token") != "shpat_token":
            return 401, {}, b'{"errors":"[API] Invalid API key or access token"}'
        begin = int(query.get("page_info", "0"))
        assert ("page_info" in query) == ("updated_at_min" not in query), "page_info stands alone"
        following = f'<{self._url()}{split.path}?limit=2&page_info={begin + 2}>; rel="next"'
        links = {"Link": following} if begin + 2 < len(self.orders) else {}
        return 200, links, json.dumps({"orders": self.orders[begin : begin + 2]}).encode()


@pytest.fixture
def polled(clock):
    """The source of a connector, at a shop."""
    opened = []

    def open_it(name: str, server: Any) -> Any:
        registry = Registry()
        manifest = registry.manifest(name)
        login = Login(
            connection_id="c", scheme="http", host="127.0.0.1", port=server.port,
            extra={"auth": "api_key", "api_key_header": "X-Shopify-Access-Token"},
            secrets={"api_key": Secret("shpat_token")},
        )  # fmt: skip
        source = registry.source(manifest, login, clock)
        opened.append(source)
        return source

    yield open_it
    for source in opened:
        source.close()


def test_orders_are_polled_page_by_page_and_become_what_they_mean(polled, clock):
    shop = Shop(lambda: server.url)
    with lie.LyingServer(lie.reply(shop)) as server:
        messages = list(polled("shopify", server).read(None))
        assert [message.name for message in messages] == [str(order["id"]) for order in shop.orders]
        assert len(shop.asked) == 3
        assert list(polled("shopify", server).read(messages[-1].position)) == []
    assert shop.asked[-3]["updated_at_min"] == "2026-11-20T22:34:00Z"
    normalizer = Normalizer(registry=Registry(), partners=Partners.load(), clock=clock)
    (part,) = normalizer.normalize(messages[0]).parts
    assert part.state is PartState.PROCESSED
    assert not [doc for doc in part.documents if doc["type"] == EVENT_TYPE]


def test_fulfillments_are_cut_out_of_orders_as_they_were_sent(polled):
    shop = Shop(lambda: server.url)
    with lie.LyingServer(lie.reply(shop)) as server:
        messages = list(polled("shopify_fulfillments", server).read(None))
    sent = json.dumps(shop.orders[0]["fulfillments"][0]).encode()
    assert messages[0].body == sent
    assert len(messages) == 1, "the same fulfillment in five orders is one"


def test_a_page_of_orders_without_fulfillments_gives_none_and_a_broken_order_is_kept():
    page = b'{"orders": [{"id": 1}, {"fulfillments": []}, {"fulfillments": null}, "x", {"fulfillments": {}}]}'
    assert fulfillments(page).records == [b'"x"', b'{"fulfillments": {}}']
    with pytest.raises(Unreadable):
        fulfillments(b'{"errors": "no"}')


@pytest.mark.skipif(not CONTRACT.is_file(), reason=f"the published contract is not at {CONTRACT}")
def test_what_is_asked_and_what_the_samples_say_keep_the_published_contract(polled):
    contract = Contract.load(CONTRACT, tolerated=("order",))
    desk = ContractDesk(contract)
    page = json.loads((CONNECTORS / "shopify/samples/orders.json").read_bytes())

    def orders(asked: Asked) -> Answer:
        assert asked.query["limit"] == 250 and asked.query["status"] == "any"
        return Answer(200, page)

    desk.on("GET /admin/api/2021-10/orders.json", orders)

    def by_our_version(request: lie.Request) -> lie.Said:
        """The contract is of an older version of the API; the version is a part of the path."""
        assert "/admin/api/2025-01/" in request.path
        return desk(replace(request, path=request.path.replace("/2025-01/", "/2021-10/")))

    with lie.LyingServer(honest=by_our_version) as server:
        (message,) = polled("shopify", server).read(None)
    assert json.loads(message.body) == page["orders"][0]
    assert not desk.breaches
    # the contract says nowhere that a value may be null, and Shopify sends many
    slips = [slip for slip in desk.slips if "None is not of type" not in slip.sentence]
    assert slips == []
