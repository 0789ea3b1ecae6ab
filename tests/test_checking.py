"""The check of a connector: each step in its order, and at the first that fails the field that is to blame."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossdock.checking import CALLED_ONLY, Checked, check
from crossdock.errors import Misconfigured
from crossdock.logins import from_fields
from crossdock.ports import Login, SystemClock
from crossdock.registry import Registry
from crossdock.testing.lying_http import LyingServer, Request, reply

WRITES = """
[[write_back]]
operation = "note"
subject = "supplier_po/4500123456"
body = '{"text": "late"}'
"""
SECOND = """
[[write_back]]
operation = "hold"
subject = "supplier_po/4500123456"
"""


@pytest.fixture
def server() -> Iterator[LyingServer]:
    def says(request: Request) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"records": [], "effects": [], "next": None}).encode()

    with LyingServer(reply(says)) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of connectors with the ERP alone, its code by name."""
    erp = Path(Registry().manifest("erp").folder)
    folder = tmp_path / "erp"
    folder.mkdir()
    for name in ("connector.toml", "settings.py", "sink.py"):
        (folder / name).write_text((erp / name).read_text())
    return tmp_path


def login(server: LyingServer, **extra: object) -> Login:
    return from_fields(
        "crossdock_erp",
        {"host": "127.0.0.1", "port": server.port, "schema": "http", "password": "tok", "extra": extra},
    )


def checked(registry: Registry, found: Login | Misconfigured, name: str = "erp") -> list[Checked]:
    def give(_connection: str) -> Login:
        if isinstance(found, Misconfigured):
            raise found
        return found

    return list(check(registry, name, login=give, clock=SystemClock()))


def names(steps: list[Checked]) -> list[str]:
    return [f"{one.side} {one.step.step}" for one in steps]


def test_a_connector_that_works_passes_every_step_and_nothing_is_written(root, server):
    (root / "erp" / "conformance.toml").write_text(WRITES + SECOND)
    steps = checked(Registry(root), login(server))
    assert [one for one in steps if not one.step.ok] == []
    assert names(steps) == [
        "both connection",
        *(f"source {step}" for step in ("resolve", "connect", "login", "permission", "sample")),
        *(f"sink {step}" for step in ("resolve", "connect", "login", "permission", "dry write")),
    ]
    base = f"{server.url}/api/purchase-orders/4500123456"
    assert steps[-1].step.sentence == (
        f"would send, and did not: note: POST {base}/notes; hold: POST {base}/holds"
    )
    assert {request.method for request in server.requests} == {"GET"}


def test_a_write_back_that_cannot_be_sent_is_found_without_sending_it(root, server):
    (root / "erp" / "conformance.toml").write_text(WRITES.replace("supplier_po/", "invoice/"))
    last = checked(Registry(root), login(server))[-1]
    assert (last.side, last.step.step, last.step.ok, last.step.field) == (
        "sink",
        "dry write",
        False,
        "write_back",
    )
    assert "invoice/4500123456" in last.step.sentence and last.step.remedy


def test_it_stops_at_the_first_step_that_fails(root, server):
    there = login(server)
    server.stop()
    steps = checked(Registry(root), there)
    assert names(steps) == ["both connection", "source resolve", "source connect"]
    assert steps[-1].step.field == "host"


def test_a_connection_that_is_not_there_is_the_first_step(root):
    (one,) = checked(Registry(root), Misconfigured("connection 'crossdock_erp' is not defined"))
    assert (one.side, one.step.step, one.step.ok) == ("both", "connection", False)


def test_a_login_that_lacks_something_is_blamed_before_anything_is_opened(root, server):
    last = checked(Registry(root), login(server, auth="oauth2", client_id="c"))[-1]
    assert (last.step.step, last.step.ok, last.step.field) == ("connection", False, "client_secret")
    assert not server.connections


def test_a_field_that_the_connector_requires_is_asked_for(root, server):
    toml = root / "erp" / "connector.toml"
    own = toml.read_text().replace('"crossdock_rest"', '"crossdock_acme_erp"')
    toml.write_text(own + '\n[fields.account]\nlabel = "Account number"\nrequired = true\n')
    last = checked(Registry(root), login(server))[-1]
    assert (last.step.step, last.step.ok, last.step.field) == ("connection", False, "account")
    assert "Account number" in last.step.sentence
    assert all(one.step.ok for one in checked(Registry(root), login(server, account="4711")))


def test_a_host_that_is_not_declared_is_blamed(root, server):
    toml = root / "erp" / "connector.toml"
    toml.write_text(toml.read_text().replace("[source]", 'hosts = ["*.acme.example"]\n\n[source]', 1))
    last = checked(Registry(root), login(server))[-1]
    assert (last.step.ok, last.step.field) == (False, "host")
    assert "127.0.0.1" in last.step.sentence and not server.connections


def test_what_only_calls_us_has_nothing_to_try():
    (first, second) = checked(Registry(), from_fields("crossdock_erp_push", {}), "erp_push")
    assert first.step.ok and second.step.sentence == CALLED_ONLY
