"""Secrets that stand in every connection and in the database's address are found nowhere afterwards."""

import base64
import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from typer.testing import CliRunner

from crossdock.cli.application import app
from crossdock.console.app import create_app
from crossdock.registry import Registry
from crossdock.store.tables import metadata, raw_messages
from crossdock.wires.webhook import sign
from deploy.sandbox import documents
from deploy.sandbox.world import World

DATABASE_PASSWORD = "canary/db&p w+1"


def forms(secret: str) -> Iterator[str]:
    """The secret as it may show: plain, url-encoded, base64 (also behind a user, as Basic does), in JSON, in repr."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    for text in (secret, f"crossdock:{secret}", f":{secret}"):
        yield base64.b64encode(text.encode()).decode().rstrip("=")


class Listener:
    """Everything that comes out: what commands print, what is logged, what is stored."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def hear(self, where: str, text: str) -> None:
        self.heard.append((where, text))

    def leaks(self, secrets: dict[str, str]) -> list[str]:
        return [
            f"{name} in {where}: ...{text[max(text.find(form) - 60, 0) : text.find(form)]}"
            for where, text in self.heard
            for name, secret in secrets.items()
            for form in forms(secret)
            if form in text
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "world"
    home.mkdir()
    logins = {name: f"canary-{name}/p&w+{name}" for name in ("carrier", "supplier")}
    logins["erp"] = "canary-erp/t&k+erp"
    logins["webhook"] = "whsec_" + base64.b64encode(b"canary webhook secret 0123456789").decode()
    (home / "logins.json").write_text(json.dumps(logins))
    with World(home) as world:
        yield world


@pytest.fixture
def secrets(world: World) -> dict[str, str]:
    known = dict(json.loads((world.home / "logins.json").read_bytes()))
    return {
        **known,
        "webhook, decoded": "canary webhook secret 0123456789",
        "database": DATABASE_PASSWORD,
    }


@pytest.fixture
def crossdock(
    store: Any,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> Iterator[Callable[..., None]]:
    """``crossdock("deliver", "erp", "--once")``; everything that it says is kept."""
    caplog.set_level(logging.DEBUG)
    url = store.url.set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", url)
    monkeypatch.setenv("CROSSDOCK_HOME", str(tmp_path / "home"))
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    listener = Listener()

    def run(*arguments: str) -> None:
        result = CliRunner().invoke(app, list(arguments))
        listener.hear(" ".join(arguments), result.stdout + result.stderr + repr(result.exception))

    run.listener = listener  # type: ignore[attr-defined]
    yield run


STEPS = (
    ("doctor",),
    ("doctor", "--json"),
    ("receive", "supplier_edi", "--once"),
    ("receive", "erp", "--once"),
    ("receive", "carrier", "--once"),
    ("process", "--once"),
    ("deliver", "erp", "--once"),
    ("deliver", "supplier_edi", "--once"),
    ("ledger",),
    ("dead-letters", "list", "--json"),
    ("write-backs", "list", "--json"),
)


def debug(step: tuple[str, ...]) -> tuple[str, ...]:
    return ("--debug", *step)


def change(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    variable = f"AIRFLOW_CONN_CROSSDOCK_{name}"
    monkeypatch.setenv(variable, json.dumps({**json.loads(os.environ[variable]), **fields}))


def test_secrets_are_found_nowhere(
    crossdock: Any,
    world: World,
    store: Any,
    secrets: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = datetime.now(UTC)
    for paper in documents.morning(at):
        world.supplier.put(paper.name, paper.body)
    for hold in documents.order_holds(at):
        world.erp.add_hold(hold)

    def everything() -> None:
        for step in STEPS:
            crossdock(*step)
            crossdock(*debug(step))

    everything()
    world.erp.faults.tell({"mode": "html"})
    everything()
    for mode in ("500", "reset_before_commit"):
        world.erp.faults.tell({"mode": mode})
        crossdock("--debug", "receive", "erp", "--once")
    world.erp.faults.tell({"mode": "ok"})
    with monkeypatch.context() as wrong:  # the systems know other logins: everything is refused
        world.erp.token = "another"
        world.supplier.password = "another"
        everything()
        change(wrong, "SUPPLIER_EDI", extra={"host_key": "ssh-ed25519 AAAA"})
        change(wrong, "ERP", schema="https")
        change(wrong, "CARRIER", port=1)
        everything()
        for name in ("SUPPLIER_EDI", "ERP", "CARRIER", "ERP_PUSH"):
            variable = f"AIRFLOW_CONN_CROSSDOCK_{name}"
            wrong.setenv(variable, os.environ[variable] + "}")  # no JSON any more
        everything()
        wrong.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", f"crossdock-rest://:{quote(secrets['erp'], safe='')}@h:x/")
        crossdock("--debug", "receive", "erp", "--once")
    away = store.url.set(password=DATABASE_PASSWORD, host="127.0.0.1", port=1, query={})
    with monkeypatch.context() as gone:
        for text in (
            away.render_as_string(hide_password=False),
            f"postgresql://u:{DATABASE_PASSWORD}@[x/db",
            f"mysql://u:{quote(DATABASE_PASSWORD)}@h/db",
            f"postgresql://h:1/db?password={quote(DATABASE_PASSWORD)}",
        ):
            gone.setenv("CROSSDOCK_DATABASE_URL", text)
            for step in (("doctor",), ("process", "--once"), ("db", "upgrade"), ("ledger",)):
                crossdock(*step)
                crossdock(*debug(step))
    webhooks(world, store, crossdock.listener)
    with store.transaction("main") as connection:
        for name, table in metadata.tables.items():
            for row in connection.execute(sa.select(table)):
                crossdock.listener.hear(f"table {name}", repr(tuple(row)))
        for (body,) in connection.execute(sa.select(raw_messages.c.body)):
            crossdock.listener.hear("a message's body", body.decode("latin-1"))
    for record in caplog.records:
        crossdock.listener.hear(f"log {record.name}", record.getMessage() + str(record.exc_text or ""))
    crossdock.listener.hear("log", caplog.text)

    heard = crossdock.listener.heard
    assert any(where == "table crossdock.raw_messages" for where, _ in heard), "the store was read"
    assert any("401" in text for _, text in heard), "refused logins were seen"
    assert any("host key" in text for _, text in heard)
    assert crossdock.listener.leaks(secrets) == []


def webhooks(world: World, store: Any, listener: Listener) -> None:
    """Good, forged and malformed messages at the door, and what it answers."""
    secret = json.loads((world.home / "logins.json").read_bytes())["webhook"]
    body = json.dumps(documents.order_holds(datetime.now(UTC))[0]).encode()
    now = datetime.now(UTC)
    door = create_app(open_store=lambda: store, registry=Registry(), authorize=lambda: None, tenant="main")
    with TestClient(door, base_url="http://127.0.0.1") as client:
        for number, signature in enumerate(
            (sign(secret, "m0", now, body), sign(secret, "other", now, body), secret, f"v1,{secret}")
        ):
            headers = {
                "webhook-id": f"m{number}",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signature,
            }
            answer = client.post("/webhooks/erp_push", content=body, headers=headers)
            listener.hear("webhook", f"{answer.status_code} {answer.text} {answer.headers}")
        assert "202" in listener.heard[-4][1]


def test_a_password_in_an_isa_is_quoted_in_no_answer_and_on_no_page(store, clock, capsys):
    """A file that ends in the middle of a segment, and another behind it: the second ISA becomes elements of the
    first one's segment, and its ISA02 a bad value that an answer would quote."""
    from crossdock import receive
    from crossdock.cli.raw import show_body
    from crossdock.cli.talk import Talk
    from crossdock.console.pages import _readable
    from crossdock.hub import Hub
    from crossdock.messages import RawMessage
    from crossdock.store.tables import dead_letters, write_backs

    secret = "OPENSESAME"
    second = (
        f"ISA*00*          *01*{secret}*ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0600*U*00401*2*0*P*>"
    )
    body = (
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0600*U*00401*000000001*0*P*>~"
        "GS*PR*ACMESUPPLY*CROSSDOCK*20261120*0600*1*X*004010~ST*855*0001~BAK*00*AK*4500*20261120~"
        f"N1*SE*{second}~SE*4*0001~GE*1*1~IEA*1*000000001~"
    ).encode()
    message = RawMessage(
        tenant="main", source="supplier_edi", key="cut", body=body, media_type="application/edi-x12",
        received_at=clock.now(), name="cut.edi",
    )  # fmt: skip
    receive.accept(store, message, clock=clock)
    with Hub.open(store=store, clock=clock, tenant="main") as hub:
        hub.process()
    with store.transaction("main") as connection:
        letters = connection.execute(sa.select(dead_letters)).all()
        answers = connection.execute(sa.select(write_backs.c.body)).scalars().all()
    assert letters and answers
    assert not any(secret in str(letter) for letter in letters)
    assert not any(secret.encode() in bytes(answer) for answer in answers)
    show_body(Talk(as_json=False, debug=False), body)
    assert secret not in capsys.readouterr().out
    assert secret not in _readable(body)
