import asyncio
import base64
import json
import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from crossdock.console.app import create_app
from crossdock.errors import Misconfigured
from crossdock.store import queries


def stored(store: Any) -> list[dict[str, Any]]:
    with store.transaction("main") as connection:
        return list(queries.list_raw(connection, "main").items)


def test_a_signed_message_is_stored_byte_for_byte_and_then_accepted(
    send: Any, store: Any, woken: list[str]
) -> None:
    body = b'{"hold_id" : "H-1" }\n\xff'
    assert send(body).status_code == 202
    (raw,) = stored(store)
    assert (raw["source"], raw["key"], raw["size"]) == ("erp_push", "msg_1", len(body))
    with store.transaction("main") as connection:
        assert queries.body_of_raw(connection, "main", uuid.UUID(raw["id"])) == body
    assert woken == ["erp_push"]


def test_the_same_message_again_is_known_and_makes_no_second_record(
    send: Any, store: Any, clock: Any, woken: list[str]
) -> None:
    assert send().status_code == 202
    clock.advance(timedelta(minutes=2))
    assert send().status_code == 200
    assert len(stored(store)) == 1
    with store.transaction("main") as connection:
        (row,) = queries.ledger(connection, "main")
    assert (row["received"], row["duplicate"], row["balance"]) == (2, 1, 0)
    assert woken == ["erp_push"]


def test_the_same_id_with_another_body_is_a_conflict_and_both_are_kept(send: Any, store: Any) -> None:
    assert send(b'{"a":1}').status_code == 202
    assert send(b'{"a":2}').status_code == 409
    assert len(stored(store)) == 2
    with store.transaction("main") as connection:
        letters = queries.list_dead_letters(connection, "main").items
        (row,) = queries.ledger(connection, "main")
    assert [letter["stage"] for letter in letters] == ["receive"]
    assert row["balance"] == 0


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"webhook_signature": "v1,AAAA"}, 401),
        ({"webhook_signature": "v1,"}, 401),
        ({"webhook_signature": "v1,not base64!"}, 400),
        ({"webhook_signature": "nonsense"}, 400),
        ({"webhook_signature": "absent"}, 400),
        ({"webhook_id": "absent"}, 400),
        ({"webhook_id": "other"}, 401),
        ({"webhook_id": "a.b"}, 400),
        ({"webhook_timestamp": "1"}, 401),
        ({"webhook_timestamp": "soon"}, 400),
        ({"webhook_timestamp": "absent"}, 400),
        ({"secret": "d3JvbmcgYnV0IGxvbmcgZW5vdWdoIHRvIGJlIG9uZQ=="}, 401),
        ({"to": "nobody"}, 404),
        ({"to": "erp"}, 404),
        ({"to": "supplier_edi"}, 404),
    ],
)
def test_what_is_not_signed_by_the_sender_is_refused_and_leaves_nothing(
    send: Any, store: Any, changed: dict[str, str], status: int
) -> None:
    answer = send(**changed)
    assert answer.status_code == status
    assert set(answer.json()) == {"result"}
    assert stored(store) == []


def test_a_message_from_five_minutes_ago_is_too_old(send: Any, clock: Any) -> None:
    assert send(at=clock.now() - timedelta(seconds=301)).status_code == 401
    assert send(at=clock.now() + timedelta(seconds=301)).status_code == 401
    assert send(at=clock.now() - timedelta(seconds=299)).status_code == 202


def test_a_body_over_one_mebibyte_is_refused(send: Any, store: Any) -> None:
    assert send(b"x" * (1024 * 1024)).status_code == 202
    assert send(b"x" * (1024 * 1024 + 1), message_id="big").status_code == 413
    assert len(stored(store)) == 1


@pytest.mark.parametrize("name", ["erp_push", "nobody"])
@pytest.mark.parametrize("declared", [[], [(b"content-length", b"99999999999")]])
def test_an_endless_body_is_let_go_at_the_limit(
    console: TestClient, name: str, declared: list[tuple[bytes, bytes]]
) -> None:
    taken, said = [], []

    async def receive() -> dict[str, Any]:
        taken.append(65536)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    async def answer(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": f"/webhooks/{name}",
        "raw_path": f"/webhooks/{name}".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": declared,
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }
    asyncio.run(console.app(scope, receive, answer))  # type: ignore[arg-type]
    assert said[0]["status"] == 413
    assert sum(taken) == (0 if declared else 1024 * 1024 + 65536)


def test_a_message_that_cannot_be_stored_is_left_with_the_sender(
    registry: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from crossdock.wires.webhook import sign

    secret = "YSBzZWNyZXQgb2YgdHdlbnR5LWZvdXIu"
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP_PUSH",
        json.dumps({"extra": {"webhook_secrets": f"whsec_{secret}"}}),
    )

    def away() -> Any:
        raise Misconfigured("the database cannot be reached")

    app = create_app(open_store=away, registry=registry, authorize=lambda: None, clock=clock, tenant="main")
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(clock.now().timestamp())),
        "webhook-signature": sign(secret, "m", clock.now(), b"{}"),
    }
    with caplog.at_level(logging.ERROR), TestClient(app) as client:
        answer = client.post("/webhooks/erp_push", content=b"{}", headers=headers)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "could not be stored" in caplog.text
    assert secret not in caplog.text


def test_a_missing_secret_is_our_trouble_and_not_the_senders(
    send: Any, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP_PUSH", '{"conn_type": "crossdock_webhook"}')
    assert send().status_code == 503
    assert stored(store) == []


def test_a_new_secret_is_seen_while_the_old_one_still_works(
    send: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (base64.b64encode(name * 24).decode() for name in (b"o", b"n"))
    assert send(message_id="a").status_code == 202
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP_PUSH",
        json.dumps({"extra": {"webhook_secrets": f"whsec_{old} whsec_{new}"}}),
    )
    clock.advance(timedelta(seconds=31))
    assert send(message_id="b", secret=old).status_code == 202
    assert send(message_id="c", secret=new).status_code == 202
    assert send(message_id="d").status_code == 401


def test_a_bell_that_fails_does_not_change_the_answer(
    store: Any, registry: Any, clock: Any, send: Any, console: TestClient, woken: list[str]
) -> None:
    def broken(connector: str) -> None:
        raise RuntimeError("Airflow's database is away")

    from crossdock.console import webhooks

    webhooks._ring(broken, "erp_push")
    assert send().status_code == 202


def test_a_webhook_needs_no_pass_and_gives_none(send: Any, console: TestClient) -> None:
    assert send().status_code == 202
    assert console.get("/webhooks/erp_push").status_code == 405
    assert console.get("/api/cases", headers={"x-pass": "none"}).status_code == 403
