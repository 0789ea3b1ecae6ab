"""The sandbox's ERP by its real protocol: what it keeps, and how it fails when it is told to."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.sandbox.erp import Erp

NOTE = {"text": "Acme backordered 40 of 60", "exception_id": "e-1", "decision_id": "d-1"}


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    with Erp(tmp_path / "erp") as running:
        yield running


def write(
    erp: Erp, key: str, body: Any = NOTE, *, path: str = "purchase-orders/4500123456/notes", **more: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {erp.token}", "Idempotency-Key": key}
    return requests.post(
        f"{erp.url}/api/{path}", json=body, headers=headers, timeout=more.pop("timeout", 10), **more
    )


def read(erp: Erp, path: str) -> requests.Response:
    return requests.get(f"{erp.url}{path}", headers={"Authorization": f"Bearer {erp.token}"}, timeout=10)


def control(erp: Erp, what: str, order: Any) -> None:
    answer = requests.post(f"{erp.url}/_control/{what}", json=order, timeout=10)
    assert answer.ok, answer.text


def test_a_note_is_one_effect_on_one_order(erp: Erp) -> None:
    answer = write(erp, "k1")
    assert (answer.status_code, answer.json()) == (201, {"id": "N-1", "key": "k1", "order": "4500123456"})
    effects = requests.get(f"{erp.url}/_control/effects", timeout=10).json()["effects"]
    assert [(e["operation"], e["order"], e["key"], e["body"]) for e in effects] == [
        ("notes", "4500123456", "k1", NOTE)
    ]
    assert read(erp, "/api/effects?key=k1").json()["effects"] == effects
    assert read(erp, "/api/effects?key=k2").json() == {"effects": []}


def test_a_key_that_is_honoured_has_one_effect_however_often_it_comes(erp: Erp) -> None:
    first, again = write(erp, "k1"), write(erp, "k1")
    assert (again.status_code, again.json()) == (200, first.json())
    assert write(erp, "k1", {**NOTE, "text": "something else"}).status_code == 422
    assert write(erp, "k1", path="purchase-orders/4500999999/notes").status_code == 422
    assert len(erp.effects()) == 1


def test_a_key_that_is_ignored_has_an_effect_each_time(erp: Erp) -> None:
    control(erp, "idempotency", {"honour": False})
    assert [write(erp, "k1").status_code for _ in range(2)] == [201, 201]
    assert [effect["id"] for effect in read(erp, "/api/effects?key=k1").json()["effects"]] == ["N-1", "N-2"]


def test_a_date_change_and_a_hold_show_on_the_order(erp: Erp) -> None:
    write(erp, "k1", {"line": "2", "date": "2026-12-04"}, path="purchase-orders/45/date-changes")
    write(erp, "k2", {"reason": "ask the buyer"}, path="purchase-orders/45/holds")
    order = read(erp, "/api/purchase-orders/45").json()
    assert order["promised"] == {"2": "2026-12-04"}
    assert [effect["id"] for effect in order["effects"]] == ["D-1", "H-1"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("purchase-orders/45/notes", {"text": "  "}, 422),
        ("purchase-orders/45/holds", {}, 422),
        ("purchase-orders/45/date-changes", {"line": "2", "date": "2026-13-45"}, 422),
        ("purchase-orders/45/date-changes", {"date": "2026-12-04"}, 422),
        ("purchase-orders/45/notes", ["text"], 400),
        ("purchase-orders/45/prices", {"text": "x"}, 404),
        ("quotes/45/notes", {"text": "x"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_has_no_effect(
    erp: Erp, path: str, body: Any, status: int
) -> None:
    assert write(erp, "k1", body, path=path).status_code == status
    assert erp.effects() == []


def test_without_the_token_without_a_key_and_without_json_nothing_happens(erp: Erp) -> None:
    url = f"{erp.url}/api/purchase-orders/45/notes"
    login = {"Authorization": f"Bearer {erp.token}"}
    key = {"Idempotency-Key": "k1"}
    assert requests.post(url, json=NOTE, headers=key, timeout=10).status_code == 401
    assert (
        requests.post(url, json=NOTE, headers={**key, "Authorization": "Bearer x"}, timeout=10).status_code
        == 401
    )
    assert requests.post(url, json=NOTE, headers=login, timeout=10).status_code == 400
    assert requests.post(url, data="text=x", headers={**login, **key}, timeout=10).status_code == 415
    assert requests.put(url, json=NOTE, headers={**login, **key}, timeout=10).status_code == 405
    assert erp.effects() == []


def test_an_erp_that_wants_known_orders_refuses_a_strange_one(erp: Erp) -> None:
    control(erp, "orders", {"only_known": True, "kind": "purchase-orders", "number": "45"})
    assert write(erp, "k1", path="purchase-orders/45/notes").status_code == 201
    assert write(erp, "k2", path="purchase-orders/46/notes").status_code == 404


@pytest.mark.parametrize(("mode", "effects"), [("reset_before_commit", 0), ("reset_after_commit", 1)])
def test_both_resets_look_the_same_to_the_caller_and_differ_in_the_book(
    erp: Erp, mode: str, effects: int
) -> None:
    control(erp, "mode", {"operation": "notes", "mode": mode, "times": 1})
    with pytest.raises(requests.ConnectionError, match="Connection reset by peer"):
        write(erp, "k1")
    assert len(erp.effects()) == effects
    assert write(erp, "k1").status_code == (200 if effects else 201)
    assert len(erp.effects()) == 1


@pytest.mark.parametrize("commits", [False, True])
def test_a_hanging_call_is_never_answered_and_may_have_had_its_effect(erp: Erp, commits: bool) -> None:
    control(erp, "mode", {"operation": "notes", "mode": "hang", "times": 1, "commit": commits})
    with pytest.raises(requests.ReadTimeout):
        write(erp, "k1", timeout=0.3)
    assert len(erp.effects()) == commits


def test_a_busy_erp_names_the_time_and_a_broken_one_says_500_or_html(erp: Erp) -> None:
    control(erp, "mode", {"operation": "notes", "mode": "429", "times": 1, "retry_after": "7"})
    busy = write(erp, "k1")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    control(erp, "mode", {"operation": "*", "mode": "500", "times": 1})
    assert write(erp, "k1").status_code == 500
    control(erp, "mode", {"operation": "notes", "mode": "html", "times": 1})
    html = write(erp, "k1")
    assert (html.status_code, html.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert erp.effects() == []
    assert write(erp, "k1").status_code == 201


def test_a_fault_hits_its_operation_only_until_it_is_switched_off(erp: Erp) -> None:
    control(erp, "mode", {"operation": "holds", "mode": "500", "times": None})
    assert write(erp, "k1").status_code == 201
    for _ in range(3):
        assert write(erp, "k2", {"reason": "x"}, path="sales-orders/SO-1/holds").status_code == 500
    control(erp, "mode", {"operation": "holds", "mode": "ok"})
    assert write(erp, "k2", {"reason": "x"}, path="sales-orders/SO-1/holds").status_code == 201


def test_an_order_to_fail_that_nobody_understands_is_refused(erp: Erp) -> None:
    for order in ({"mode": "sulk"}, {"operation": "prices", "mode": "500"}, {"mode": "500", "times": 0}, [1]):
        assert requests.post(f"{erp.url}/_control/mode", json=order, timeout=10).status_code == 400
    assert write(erp, "k1").status_code == 201


def test_holds_are_read_page_by_page_without_loss_at_equal_times(erp: Erp) -> None:
    for number in range(7):
        moment = "2026-11-20T10:00:00Z" if number < 5 else "2026-11-20T11:00:00Z"
        control(erp, "holds", {"hold_id": f"H-{number}", "sales_order": f"SO-{number}", "updated_at": moment})
    seen, path = [], "/api/order-holds?since=2026-11-20T10:00:00Z&limit=2"
    while path:
        page = read(erp, path).json()
        seen += [record["hold_id"] for record in page["records"]]
        path = page["next"]
    assert seen == [f"H-{number}" for number in range(7)]
    later = read(erp, "/api/order-holds?since=2026-11-20T11:00:00%2B00:00").json()
    assert [record["hold_id"] for record in later["records"]] == ["H-5", "H-6"]
    assert read(erp, "/api/order-holds?since=yesterday").status_code == 400
    assert read(erp, "/api/order-holds?cursor=%00").status_code == 400


def test_a_hold_that_changes_comes_again_with_its_new_time(erp: Erp) -> None:
    erp.add_hold({"hold_id": "H-1", "sales_order": "SO-1", "updated_at": "2026-11-20T10:00:00Z"})
    erp.add_hold(
        {"hold_id": "H-1", "sales_order": "SO-1", "updated_at": "2026-11-20T12:00:00Z", "state": "released"}
    )
    records = read(erp, "/api/order-holds?since=2026-11-20T11:00:00Z").json()["records"]
    assert [(record["hold_id"], record["state"]) for record in records] == [("H-1", "released")]


def test_everything_it_knew_is_known_after_a_restart(tmp_path: Path) -> None:
    with Erp(tmp_path, token="t") as before:
        write(before, "k1")
        before.add_hold({"hold_id": "H-1", "sales_order": "SO-1"})
        before.add_order({"kind": "shipments", "number": "SHP-1"})
    with Erp(tmp_path, token="t") as after:
        assert write(after, "k1").status_code == 200
        assert write(after, "k2").json()["id"] == "N-2"
        assert len(read(after, "/api/order-holds").json()["records"]) == 1
        assert read(after, "/api/shipments/SHP-1").json()["number"] == "SHP-1"
        assert [call["path"] for call in after.requests()][:1] == ["/api/purchase-orders/4500123456/notes"]


def test_a_line_that_a_kill_tore_is_cut_off_and_the_rest_is_true(tmp_path: Path) -> None:
    with Erp(tmp_path, token="t") as before:
        write(before, "k1")
    book = tmp_path / "effects.jsonl"
    book.write_bytes(book.read_bytes() + b'{"id":"N-2","operation":"no')
    with Erp(tmp_path, token="t") as after:
        assert [effect["id"] for effect in after.effects()] == ["N-1"]
        assert write(after, "k2").json()["id"] == "N-2"
    with Erp(tmp_path, token="t") as again:
        assert [effect["id"] for effect in again.effects()] == ["N-1", "N-2"]


def test_stopping_lets_go_of_a_caller_that_hangs(tmp_path: Path) -> None:
    erp = Erp(tmp_path)
    erp.start()
    control(erp, "mode", {"mode": "hang", "seconds": 600})
    with socket.create_connection(("127.0.0.1", erp.port), timeout=10) as caller:
        head = f"GET /api/order-holds HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {erp.token}\r\n\r\n"
        caller.sendall(head.encode())
        deadline = time.monotonic() + 10
        while not erp.requests() and time.monotonic() < deadline:
            pass
        erp.stop()
        try:
            told = caller.recv(100)
        except ConnectionResetError:
            told = b""
    assert told == b""
