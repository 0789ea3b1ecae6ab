"""A host that the connector does not declare is refused before a name is looked up, on every wire."""

from dataclasses import replace
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured
from crossdock.logins import from_fields
from crossdock.ports import Login, SystemClock
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.wires.declared_hosts import UndeclaredHost, refuse_undeclared
from crossdock.wires.rest import Rest
from crossdock.wires.sftp_session import Session
from crossdock.wires.soap import Soap

CARRIER = Path(__file__).resolve().parents[2] / "connectors" / "carrier"


def login(host: str, *hosts: str, **extra: object) -> Login:
    found = from_fields(
        "acme", {"host": host, "schema": "http", "login": "us", "password": "pw", "extra": extra}
    )
    return replace(found, hosts=hosts or found.hosts)


@pytest.mark.parametrize(
    ("declared", "host", "may"),
    [
        ("connection", "api.acme.example", True),
        ("connection", "api.other.example", False),
        ("*.ups.com", "onlinetools.ups.com", True),
        ("*.ups.com", "a.b.UPS.com.", True),
        ("*.ups.com", "ups.com", False),
        ("*.ups.com", "evilups.com", False),
        ("*.ups.com", ".ups.com", False),
        ("*.ups.com", "onlinetools.ups.com.evil.example", False),
        ("apis.fedex.com", "APIS.fedex.com", True),
        ("apis.fedex.com", "x.apis.fedex.com", False),
        ("connection", "127.0.0.1", False),
    ],
)
def test_a_host_is_declared_by_name_or_by_what_it_lies_below(declared, host, may):
    whose = login("api.acme.example", declared)
    if may:
        refuse_undeclared(whose, host)
        return
    with pytest.raises(UndeclaredHost, match="add it to hosts in its"):
        refuse_undeclared(whose, host)


def test_no_wire_opens_a_host_that_is_not_declared():
    whose = login("api.acme.example", "*.ups.com", host_key="SHA256:abc")
    for open_it in (
        lambda: Rest(whose, deadline_s=1),
        lambda: Session(whose),
        lambda: Soap(
            whose, folder=CARRIER, wsdl="contract/carrier.wsdl", wsdl_sha256="0" * 64, path="/", deadline_s=1,
            clock=SystemClock(),
        ),
    ):  # fmt: skip
        with pytest.raises(
            UndeclaredHost, match=r"'api\.acme\.example' is not among .* \(\*\.ups\.com\)"
        ) as caught:
            open_it()
        assert caught.value.field == "host"


def test_the_host_that_gives_tokens_is_declared_too():
    fields = {
        "auth": "oauth2",
        "token_url": "http://login.acme.example/token",
        "client_id": "c",
        "client_secret": "secret-canary",
    }
    with pytest.raises(UndeclaredHost, match=r"login\.acme\.example") as caught:
        Rest(login("api.acme.example", **fields), deadline_s=1)
    assert caught.value.field == "token_url" and "canary" not in str(caught.value)
    Rest(login("api.acme.example", "connection", "login.acme.example", **fields), deadline_s=1)


WANDERS = '''
"""A connector that goes where its connection does not lead."""
from dataclasses import replace
from crossdock.wires.rest import Rest

def connect(manifest, login, clock):
    Rest(replace(login, host="127.0.0.1", port={port}), deadline_s=1).call("GET", "/", effect=False)
'''


def test_a_connector_that_changes_its_login_opens_no_other_host(tmp_path):
    with lie.LyingServer() as elsewhere:
        folder = tmp_path / "wanders"
        folder.mkdir()
        erp = Path(Registry().manifest("erp").folder)
        (folder / "connector.toml").write_text((erp / "connector.toml").read_text())
        for side in ("source", "sink"):
            (folder / f"{side}.py").write_text(WANDERS.format(port=elsewhere.port))
        registry = Registry(tmp_path)
        with pytest.raises(Misconfigured, match=r"'127\.0\.0\.1' is not among the hosts"):
            registry.source(registry.manifest("wanders"), login("erp.acme.example"), SystemClock())
        assert elsewhere.connections == 0
