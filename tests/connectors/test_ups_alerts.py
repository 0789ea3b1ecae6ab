"""UPS pushes: the credential opens, the bytes are the id, and the subscription in the page keeps the contract."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.logins import from_fields
from crossdock.messages import RawMessage, Verdict
from crossdock.registry import Registry
from crossdock.store.tables import cases
from crossdock.testing.clock import MovableClock
from crossdock.wires.webhook import NotVerified, Verified, verify
from tests.connectors.tracking import TENANT, contract

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLES: Final = ROOT / "mappings/inbound/ups_track_alert/samples"
CREDENTIAL: Final = "what we told UPS to show with each push"
LOGIN: Final = from_fields("crossdock_ups_alerts", {"extra": {"webhook_credentials": [CREDENTIAL]}})


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def hub(store, clock: MovableClock) -> Iterator[Hub]:
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


def push(hub: Hub, name: str, credential: str = CREDENTIAL) -> Verdict | NotVerified:
    """What the door of the webhooks does with a push."""
    manifest = hub.registry.manifest("ups_alerts")
    assert manifest.source is not None
    body = (SAMPLES / f"{name}.json").read_bytes()
    headers = [("credential", credential), ("User-Agent", "UPSPubSubTrackingService")]
    said = verify(manifest.source.settings, headers, body, LOGIN, hub.clock)
    if not isinstance(said, Verified):
        return said
    message = RawMessage(
        tenant=TENANT,
        source=manifest.name,
        key=said.message_id,
        body=body,
        media_type=manifest.source.media_type,
        received_at=hub.clock.now(),
        name=said.message_id,
    )
    return hub.accept(manifest, message)


def open_cases(hub: Hub) -> list[Any]:
    with hub.store.transaction(TENANT) as transaction:
        return list(transaction.execute(sa.select(cases.c.code, cases.c.occurrences)).all())


def test_a_push_opens_a_case_and_the_same_push_again_does_not(hub: Hub) -> None:
    assert push(hub, "damaged") is Verdict.STORED
    assert push(hub, "damaged") is Verdict.DUPLICATE
    hub.process()
    assert open_cases(hub) == [("SHP.DAMAGED", 1)]


def test_who_does_not_hold_the_credential_pushes_nothing(hub: Hub) -> None:
    said = push(hub, "damaged", credential="what somebody guessed that we told")
    assert isinstance(said, NotVerified) and said.status == 401
    hub.process()
    assert open_cases(hub) == []


def test_the_subscription_that_the_page_shows_keeps_the_contract() -> None:
    known = contract("ups_rest_upstrackalert/UPSTrackAlert.yaml")
    page = (ROOT / "connectors/ups_alerts/README.md").read_text("utf-8")
    command = re.search(r"curl (?P<url>\S+) .*?<<'JSON'\n(?P<body>.*?)\nJSON", page, re.DOTALL)
    assert command is not None
    headers = dict(re.findall(r'-H "([^:]+): ([^"]*)"', command[0]))
    met = known.met(
        method="POST",
        target=command["url"].removeprefix("https://onlinetools.ups.com"),
        headers=headers,
        body=command["body"].encode(),
    )
    assert met.breaches == ()
    assert met.operation is not None and met.operation.template == "/subscription/{type}/account"
    assert json.loads(command["body"])["subAccountType"] == ["Outbound"]
