"""Logins are read as Airflow writes them, and never show what they hold."""

import json
import sys

import pytest

from crossdock import connections, logins
from crossdock.errors import Misconfigured
from crossdock.ports import Secret


def test_json_as_airflow_writes_it(monkeypatch):
    fields = {
        "conn_type": "crossdock_sftp",
        "host": "sftp.acme.example",
        "port": 2222,
        "login": "crossdock",
        "password": "p@ss",
        "extra": {"host_key": "ssh-ed25519 AAAA", "private_key": "KEY", "private_key_passphrase": ""},
    }
    for extra in (fields["extra"], json.dumps(fields["extra"])):
        monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI", json.dumps({**fields, "extra": extra}))
        login = connections.login("crossdock_supplier_edi")
        assert (login.host, login.port, login.user) == ("sftp.acme.example", 2222, "crossdock")
        assert login.password.reveal() == "p@ss"
        assert login.extra == {"host_key": "ssh-ed25519 AAAA"}
        assert login.secrets == {"private_key": Secret("KEY")}


@pytest.mark.parametrize(
    ("uri", "scheme", "host", "port", "user", "password", "extra"),
    [
        ("crossdock-rest://:tok%2Fen@erp.example:8443/https", "https", "erp.example", 8443, "", "tok/en", {}),
        ("http://ann:pw@erp.example", "", "erp.example", None, "ann", "pw", {}),
        ("http://https%3A%2F%2Ferp.example%3A8443/?a=b", "https", "erp.example", 8443, "", "", {"a": "b"}),
        ("x://h/?__extra__=%7B%22a%22%3A+1%7D", "", "h", None, "", "", {"a": 1}),
        ("x://u:p%40%3A@127.0.0.1:22/", "", "127.0.0.1", 22, "u", "p@:", {}),
    ],
)
def test_a_uri_as_airflow_writes_it(uri, scheme, host, port, user, password, extra):
    login = logins.parse("c", uri)
    assert (login.scheme, login.host, login.port, login.user) == (scheme, host, port, user)
    assert login.password.reveal() == password
    assert login.extra == extra


@pytest.mark.parametrize("secrets", [["whsec_a", "whsec_b"], "whsec_a whsec_b", "whsec_a,whsec_b"])
def test_several_secrets_are_kept_one_by_one(secrets):
    login = logins.from_fields("c", {"extra": {"webhook_secrets": secrets}})
    assert login.secrets == {"webhook_secrets.0": Secret("whsec_a"), "webhook_secrets.1": Secret("whsec_b")}
    assert login.extra == {}


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "canary"',
        '{"host": "h", "extra": "{canary"}',
        '{"host": "h", "extra": "[\\"canary\\"]"}',
        '{"host": "h", "port": "canary"}',
        '{"host": "ann:canary@h"}',
        '{"host": "https://h:canary"}',
        '{"host": "https://[canary"}',
        "canary",
        "canary://[bad",
        "x://u:canary@h:99999/",
    ],
)
def test_what_cannot_be_read_is_misconfigured_and_shows_nothing(monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_CONN_C", text)
    with pytest.raises(Misconfigured) as caught:
        connections.login("c")
    assert "canary" not in str(caught.value)
    assert "AIRFLOW_CONN_C" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_login_never_shows_its_secrets():
    login = logins.from_fields("c", {"password": "canary", "extra": {"api_key": "canary"}})
    assert "canary" not in repr(login)


@pytest.mark.parametrize(
    "name", ["private_key", "API_KEY", "client_secret", "token", "my_password", "credentials"]
)
def test_fields_that_are_secrets_by_name(name):
    assert logins.is_secret_name(name)
    assert not logins.is_secret_name("host_key")


def test_elsewhere_airflow_is_asked(monkeypatch):
    class Fake:
        @staticmethod
        def fetch(connection_id):
            return logins.from_fields(connection_id, {"host": "h", "login": connection_id})

    monkeypatch.setitem(sys.modules, "crossdock.airflow.connections", Fake)
    monkeypatch.delenv("AIRFLOW_CONN_NOWHERE", raising=False)
    assert connections.login("nowhere").user == "nowhere"
    monkeypatch.setitem(sys.modules, "crossdock.airflow.connections", None)
    with pytest.raises(Misconfigured, match="AIRFLOW_CONN_NOWHERE or install Airflow"):
        connections.login("nowhere")
    monkeypatch.delitem(sys.modules, "crossdock.airflow.connections")
    monkeypatch.setitem(sys.modules, "airflow", None)
    for name in [name for name in sys.modules if name.startswith("airflow.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Misconfigured, match="AIRFLOW_CONN_NOWHERE or install Airflow"):
        connections.login("nowhere")
