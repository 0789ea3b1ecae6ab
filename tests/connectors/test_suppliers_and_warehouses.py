"""Suppliers and warehouses over REST: polled and mapped by tables alone, from the wire to the exception."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from canonical.events import EVENT_TYPE
from crossdock.messages import PartState
from crossdock.normalize import Normalizer
from crossdock.partners import Partners
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"

PLACES = {
    "supplier_rest": ("/v1/orders", "orders.json", "orders"),
    "supplier_inventory": ("/v1/inventory", "inventory.json", "items"),
    "delta_supply": ("/api/purchasing/documents", "documents.json", "data.documents"),
    "wms_rest": ("/api/v1/picks", "picks.json", "data"),
    "wms_adjustments": ("/api/v1/adjustments", "adjustments.json", "data"),
    "wms_waves": ("/api/v1/waves", "waves.json", "data"),
}
SAID = {
    "supplier_rest": {"INV.BACKORDER", "ORD.CANCELLED_BY_SUPPLIER"},
    "supplier_inventory": {"INV.DISCONTINUED"},
    "delta_supply": {"INV.BACKORDER"},
    "wms_rest": {"FUL.SHORT_PICK"},
    "wms_adjustments": {"INV.ADJUSTMENT", "INV.HOLD"},
    "wms_waves": {"FUL.CAPACITY", "FUL.WAVE_CONFLICT"},
}


class System:
    """A supplier or a warehouse: its samples, one record to a page whatever is asked for."""

    def __init__(self, name: str) -> None:
        self.path, file, self._way = PLACES[name]
        self.page = json.loads((CONNECTORS / name / "samples" / file).read_text())
        self.asked: list[dict[str, str]] = []

    def records(self) -> list[Any]:
        found = self.page
        for part in self._way.split("."):
            found = found[part]
        return found

    def __call__(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        split = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        self.asked.append(query)
        if split.path != self.path or request.headers.get("authorization") != "Bearer t":
            return 404, {}, b"{}"
        begin = int(query.get("offset") or query.get("cursor") or int(query.get("page", "1")) - 1)
        all_of_them = self.records()
        page: Any = all_of_them[begin : begin + 1]
        for part in reversed(self._way.split(".")):
            page = {part: page}
        if "limit" in query and begin + 1 < len(all_of_them):
            page["next_cursor"] = str(begin + 1)
        return 200, {}, json.dumps(page).encode()


@pytest.fixture(params=PLACES)
def connected(request, clock):
    name = request.param
    system = System(name)
    registry = Registry()
    manifest = registry.manifest(name)
    small = replace(manifest.source, paging=replace(manifest.source.paging, size=1))
    manifest = replace(manifest, source=small)
    with lie.LyingServer(lie.reply(system)) as server:
        login = Login(
            connection_id="c", scheme="http", host="127.0.0.1", port=server.port, password=Secret("t")
        )
        source = registry.source(manifest, login, clock)
        yield name, system, source, registry
        source.close()


def test_what_a_system_says_becomes_the_exceptions_that_it_means(connected, clock):
    name, system, source, registry = connected
    messages = list(source.read(None))
    assert len(messages) == len(system.records())
    assert [json.loads(message.body) for message in messages] == system.records()
    assert len(system.asked) >= len(messages), "its pages were walked"
    normalizer = Normalizer(registry=registry, partners=Partners.load(), clock=clock)
    said = set()
    for message in messages:
        (part,) = normalizer.normalize(message).parts
        assert part.state is PartState.PROCESSED, part.problem
        said |= {doc["data"]["code"] for doc in part.documents if doc["type"] == EVENT_TYPE}
    assert said == SAID[name]


def test_a_second_poll_brings_nothing_that_was_seen(connected):
    _name, system, source, _registry = connected
    position = list(source.read(None))[-1].position
    assert list(source.read(position)) == []
    assert any(key in system.asked[-1] for key in ("updated_since", "since", "changedFrom"))


def test_a_record_that_does_not_fit_is_set_aside_and_the_others_go_on(connected, clock):
    _name, system, source, registry = connected
    system.records().insert(0, {"unheard": "of"})
    messages = list(source.read(None))
    normalizer = Normalizer(registry=registry, partners=Partners.load(), clock=clock)
    states = [normalizer.normalize(message).parts[0].state for message in messages]
    assert states == [PartState.DEAD_LETTERED] + [PartState.PROCESSED] * (len(messages) - 1)


@pytest.mark.parametrize("name", PLACES)
def test_nothing_but_tables_is_in_the_folder_of_such_a_connector(name):
    held = {path.suffix for path in (CONNECTORS / name).rglob("*") if path.is_file()}
    assert held <= {".toml", ".json", ".md"}
    assert len((CONNECTORS / name / "connector.toml").read_text().splitlines()) < 50
