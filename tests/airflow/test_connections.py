import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from crossdock.airflow import connections, hooks, provider
from crossdock.errors import Misconfigured
from crossdock.logins import is_secret_name
from crossdock.registry import Registry
from crossdock.wires import http_login
from tests.airflow.conftest import HOME

HTTP_SECRETS = {
    "api_key", "client_secret", "refresh_token", "client_private_key", "client_private_key_passphrase",
    "session_token",
}  # fmt: skip
HTTP_FIELDS = {
    *HTTP_SECRETS, "auth", "api_key_header", "api_key_query", "token_url", "client_id", "scope", "audience",
    "client_auth", "token_header", "client_certificate", "region", "service", "ca_bundle", "addresses", "at_once",
}  # fmt: skip
PASSWORD = "pass & <word>/with+all"


def test_airflow_draws_a_form_for_every_connection_type_of_ours(fresh: Any) -> None:
    told = json.loads(
        fresh(
            """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
manager.initialize_providers_hooks()
print(json.dumps({
    "behaviours": {k: v for k, v in manager.field_behaviours.items() if k.startswith("crossdock")},
    "fields": {k: v.is_sensitive for k, v in manager._connection_form_widgets.items() if "crossdock" in k},
    "names": {k: manager._hook_name_dict.get(k) for k in manager.field_behaviours if k.startswith("crossdock")},
}))
"""
        ).splitlines()[-1]
    )
    wires = {f"crossdock_{wire}" for wire in ("sftp", "rest", "soap", "sql", "webhook", "smtp", "imap")}
    own = {kind["connection-type"] for kind in provider.types_of_connectors()}
    assert set(told["behaviours"]) == wires | own
    assert told["fields"]["extra__crossdock_slack__url_secret"] is True
    assert told["fields"]["extra__crossdock_slack__console_url"] is False
    http = {
        f"extra__crossdock_{wire}__{name}": name in HTTP_SECRETS
        for wire, names in (("rest", HTTP_FIELDS), ("soap", (*HTTP_FIELDS, "ws_security_type")))
        for name in names
    }
    of_wires = {name: secret for name, secret in told["fields"].items() if name.split("__")[1] in wires}
    assert of_wires == {
        **http,
        "extra__crossdock_sftp__host_key": False,
        "extra__crossdock_sftp__private_key": True,
        "extra__crossdock_sftp__private_key_passphrase": True,
        **{
            f"extra__crossdock_imap__{name}": name in HTTP_SECRETS
            for name in (
                *("security", "auth", "token_url", "client_id", "client_secret", "scope"),
                *("refresh_token", "ca_bundle"),
            )
        },
        "extra__crossdock_sql__driver": False,
        "extra__crossdock_sql__database": False,
        "extra__crossdock_sql__options": False,
        "extra__crossdock_webhook__webhook_secrets": True,
        "extra__crossdock_webhook__hmac_secret": True,
        "extra__crossdock_webhook__webhook_credentials": True,
        "extra__crossdock_smtp__tls": False,
        "extra__crossdock_smtp__ca_bundle": False,
        "extra__crossdock_smtp__addresses": False,
    }
    assert all(name.startswith(("Crossdock ", "Crossdock: ")) for name in told["names"].values())


def test_what_the_form_offers_as_a_login_is_what_the_wires_know() -> None:
    offered = {
        kind["connection-type"]: {
            word for word in kind["conn-fields"]["auth"]["schema"]["enum"] if word is not None
        }
        for kind in provider.CONNECTION_TYPES
        if "auth" in kind.get("conn-fields", {})
    }
    assert offered == {
        "crossdock_rest": set(http_login.KINDS) - {"ws_security"},
        "crossdock_soap": set(http_login.KINDS),
        "crossdock_imap": {"oauth2"},  # else the password
    }


def test_every_connector_names_a_connection_type_that_exists() -> None:
    kinds = (*provider.CONNECTION_TYPES, *provider.types_of_connectors())
    known = {kind["connection-type"] for kind in kinds} | {"fs"}  # Airflow's own "File (path)"
    for manifest in Registry().manifests().values():
        assert manifest.connection_type in known


def test_what_the_form_calls_a_secret_is_one_to_us() -> None:
    assert provider.secret_fields()
    assert all(is_secret_name(name) for name in provider.secret_fields())
    shown = {
        name
        for kind in provider.CONNECTION_TYPES
        for name in kind.get("conn-fields", {})
        if name not in provider.secret_fields()
    }
    assert not [name for name in shown if is_secret_name(name)], "what the form shows is no secret to us"


def test_every_connection_type_has_its_hook() -> None:
    for kind in provider.CONNECTION_TYPES:
        hook = getattr(hooks, kind["hook-class-name"].rpartition(".")[2])
        assert hook.conn_type == kind["connection-type"]
        assert hook.hook_name == kind["hook-name"]


def test_a_login_comes_from_airflow_with_its_secrets_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_PARTNER",
        json.dumps(
            {
                "conn_type": "crossdock_sftp",
                "host": "sftp.partner.example",
                "port": 2222,
                "login": "us",
                "password": PASSWORD,
                "extra": {"host_key": "ssh-ed25519 AAAA", "private_key": "-----BEGIN"},
            }
        ),
    )
    login = connections.fetch("partner")
    assert (login.host, login.port, login.user) == ("sftp.partner.example", 2222, "us")
    assert login.extra == {"host_key": "ssh-ed25519 AAAA"}
    assert login.secrets["private_key"].reveal() == "-----BEGIN"
    assert PASSWORD not in repr(login)


def test_a_connection_that_does_not_exist_says_where_to_make_it() -> None:
    with pytest.raises(Misconfigured, match="Admin, Connections, or set AIRFLOW_CONN_NO_SUCH"):
        connections.fetch("no_such")


def test_a_terminal_finds_the_connection_that_was_made_in_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT", raising=False)
    with pytest.raises(Misconfigured, match=r"there is no Airflow database at sqlite:.*airflow.db"):
        connections.fetch("made_in_airflow")

    from airflow import settings
    from airflow.models import Connection
    from airflow.models.base import metadata
    from airflow.utils.session import create_session

    tables = [metadata.tables[name] for name in ("team", "connection") if name in metadata.tables]
    metadata.create_all(settings.engine, tables)
    try:
        with create_session() as session:
            session.add(
                Connection(
                    conn_id="made_in_airflow",
                    conn_type="crossdock_rest",
                    host="erp.example",
                    password=PASSWORD,
                )
            )
        login = connections.fetch("made_in_airflow")
        assert (login.host, login.password.reveal()) == ("erp.example", PASSWORD)
        with pytest.raises(Misconfigured, match=r"nor the Airflow database sqlite:.*create it in Airflow"):
            connections.fetch("made_nowhere")
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")
        with pytest.raises(Misconfigured, match="is not defined; create it"):
            connections.fetch("made_in_airflow")
    finally:
        settings.engine.dispose()
        Path(HOME, "airflow.db").unlink()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "postgresql+psycopg2://airflow:pa/secret#word@db:5432/airflow",
            "postgresql+psycopg2://db:5432/airflow",
        ),
        ("postgresql://us:[secret@db/airflow?password=secret", "postgresql://db/airflow"),
        ("postgresql://us:secret?of@us@db/airflow", "that AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names"),
        ("us:secret@db/airflow", "that AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names"),
    ],
)
def test_what_is_told_of_airflows_database_holds_no_part_of_its_password(
    address: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.configuration import conf
    from airflow.secrets.metastore import MetastoreBackend

    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT", raising=False)
    monkeypatch.setattr(conf, "get", lambda *_: address)
    monkeypatch.setattr(MetastoreBackend, "get_connection", lambda *_: None)
    with pytest.raises(Misconfigured) as complaint:
        connections.fetch("made_nowhere")
    assert f"nor the Airflow database {shown};" in str(complaint.value)


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        "pass%20%26%20%3Cword%3E%2Fwith%2Ball",
        "pass+%26+%3Cword%3E%2Fwith%2Ball",
        "pass &amp; &lt;word&gt;/with+all",
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"us:{PASSWORD}".encode()).decode(),
    ],
)
def test_a_secret_is_masked_in_every_form_it_travels_in(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.log import redact

    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP",
        json.dumps({"conn_type": "crossdock_rest", "host": "erp", "login": "us", "password": PASSWORD}),
    )
    connections.mask_environment()
    said = redact(f"the call failed: {form} was refused")
    # Airflow tries the forms in no order: of a base64 the sign that ends it, which holds the last bits, may stay.
    assert re.fullmatch(r"the call failed: \*\*\*(|[A-Za-z0-9+/]={1,2}) was refused", said), said


def test_a_connection_that_is_no_connection_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.log import redact

    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ODD", "{this-is-no-json-but-secret")
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", "postgresql+psycopg://hub:database-secret@db/crossdock")
    connections.mask_environment()
    assert redact("{this-is-no-json-but-secret database-secret") == "*** ***"


def test_the_test_button_checks_every_connector_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP",
        json.dumps({"conn_type": "crossdock_rest", "schema": "http", "host": "127.0.0.1", "port": 1}),
    )
    well, sentence = hooks.RestHook("crossdock_erp").test_connection()
    assert not well
    assert sentence


def test_the_test_button_of_a_connection_that_nobody_uses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LONELY", json.dumps({"conn_type": "crossdock_rest", "host": "x"}))
    well, sentence = hooks.RestHook("lonely").test_connection()
    assert not well and "connector.toml" in sentence
