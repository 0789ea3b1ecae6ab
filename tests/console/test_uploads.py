"""A list that a person brings on the page: what became of each row is shown, and nobody else can bring one."""

import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from crossdock.hub import Hub
from crossdock.registry import Registry
from crossdock.store import tables
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from tests.console.conftest import HOSTILE

SAMPLES = Path(__file__).parents[2] / "mappings/inbound/supplier_backorders/samples"
LIST = (
    b"PO number,Item,Backordered,<script>\r\n"
    b"4500000001,PUMP-1,5,x\r\n"
    b"4500000002,<img src=x onerror=alert(1)>,many,x\r\n"
)


def processed(store: Store, clock: MovableClock) -> None:
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant="main") as hub:
        assert hub.process().error is None


def form_of(console: TestClient) -> str:
    page = console.get("/uploads").text
    return page.partition('name="page_token" value="')[2].partition('"')[0]


def bring(console: TestClient, body: bytes, **more: Any) -> Any:
    data = {
        "document": "supplier_backorders",
        "partner": "acme_supply",
        "page_token": form_of(console),
        **more,
    }
    return console.post(
        "/uploads", data=data, files={"file": ("backorders.csv", io.BytesIO(body))}, follow_redirects=False
    )


def messages(store: Store) -> list[Any]:
    with store.transaction("main") as connection:
        return list(connection.execute(sa.select(tables.raw_messages)).all())


def test_a_list_is_brought_by_the_form_and_shown_row_by_row(
    console: TestClient, store: Store, clock: MovableClock, woken: list[str]
) -> None:
    answer = bring(console, LIST)
    assert answer.status_code == 303
    (message,) = messages(store)
    assert (message.body, message.name, message.headers["sent_by"]) == (LIST, "backorders.csv", "anna")
    assert woken == ["upload"], "whoever waits for the rows waits for the next run no longer than needed"
    page = console.get(answer.headers["location"]).text
    assert "It is received." in page and "waits for the next run" in page

    processed(store, clock)
    page = console.get(f"/uploads/{message.id}").text
    assert "&#39;Backordered&#39; is &#39;many&#39;, and no number" in page
    assert "Backordered (column C)" in page
    assert "<script>" not in page.partition("<main")[2] and HOSTILE not in page
    said = console.get(f"/api/uploads/{message.id}").json()
    assert said["list"]["rows"] == {"taken": 1, "rejected": 1}
    assert [row["number"] for row in said["page"]["rows"]] == [2, 3]
    report = console.get(f"/uploads/{message.id}/report")
    assert report.headers["content-disposition"] == "attachment; filename*=UTF-8''backorders.csv.report.csv"
    assert report.text.startswith("\ufeffRow,State,")


def test_a_bad_row_of_an_upload_is_rejected_for_its_sender_sees_it(
    console: TestClient, store: Store, clock: MovableClock
) -> None:
    bring(console, LIST)
    processed(store, clock)
    with store.transaction("main") as connection:
        (letter,) = connection.execute(sa.select(tables.dead_letters)).all()
        states = connection.execute(
            sa.select(tables.parts.c.state).order_by(tables.parts.c.ordinal)
        ).scalars()
        assert list(states) == ["processed", "rejected"]
        audited = connection.execute(sa.select(tables.audit.c.actor, tables.audit.c.action)).all()
    assert letter.remedy.startswith("The sender was told")
    assert ("anna", "upload") in [tuple(one) for one in audited]


def test_the_same_file_again_leads_to_what_became_of_it(console: TestClient, store: Store) -> None:
    first = bring(console, LIST)
    again = bring(console, LIST)
    assert first.headers["location"].partition("?")[0] == again.headers["location"].partition("?")[0]
    assert "brought before" in console.get(again.headers["location"]).text
    assert len(messages(store)) == 1


def test_a_workbook_is_brought_by_a_program(console: TestClient, store: Store, clock: MovableClock) -> None:
    body = (SAMPLES / "backorders.xlsx").read_bytes()
    answer = console.post(
        "/api/uploads",
        params={"document": "supplier_backorders", "partner": "acme_supply", "name": "../../backorders.xlsx"},
        content=body,
        headers={"x-crossdock-token": form_of(console)},
    )
    assert (answer.status_code, answer.json()["verdict"]) == (202, "stored")
    processed(store, clock)
    said = console.get(f"/api/uploads/{answer.json()['raw_message']}").json()["list"]
    assert (said["name"], said["rows"]) == ("backorders.xlsx", {"taken": 2})


def test_a_list_that_came_by_a_connector_is_among_them(
    console: TestClient, store: Store, clock: MovableClock
) -> None:
    assert console.get("/api/uploads").json() == {"lists": []}
    bring(console, LIST)
    (one,) = console.get("/api/uploads").json()["lists"]
    assert (one["waits"], one["sent_by"], one["partner"]) == (True, "anna", "acme_supply")
    assert "backorders.csv" in console.get("/uploads").text


def test_a_list_is_taken_as_another_partners_on_its_page_and_what_is_left_of_it_ended(
    console: TestClient, store: Store, clock: MovableClock
) -> None:
    bring(console, LIST, partner="roadrunner")
    processed(store, clock)
    (first,) = messages(store)
    page = console.get(f"/uploads/{first.id}").text
    assert "Take it as another partner" in page and '<option value="roadrunner">' not in page
    asked = {"partner": "acme_supply", "reason": "chosen by mistake"}
    token = {"authorization": "Bearer x"}
    answer = console.post(f"/api/uploads/{first.id}/again", json=asked, headers=token)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["ended"], answer.json()["stays"]) == (1, 1)
    processed(store, clock)
    again = answer.json()["raw_message"]
    assert console.get(f"/api/uploads/{again}").json()["list"]["partner"] == "acme_supply"
    assert console.get(f"/api/uploads/{first.id}").json()["list"]["rows"] == {"taken": 1, "discarded": 1}
    nobody = console.post(f"/api/uploads/{again}/discard", json={"reason": ""}, headers=token)
    assert nobody.status_code == 409, nobody.text
    ended = console.post(f"/api/uploads/{again}/discard", json={"reason": "by phone"}, headers=token)
    assert ended.json()["ended"] == 1


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"document": "erp_order_hold"}, 400, "no list is called"),
        ({"partner": "acme_suply"}, 400, "acme_supply"),
        ({"page_token": "made up"}, 403, "too old"),
    ],
)
def test_what_cannot_be_taken_is_said_and_stores_nothing(
    console: TestClient, store: Store, more: dict[str, str], status: int, said: str
) -> None:
    answer = bring(console, LIST, **more)
    assert answer.status_code == status
    assert said in answer.text
    assert messages(store) == []


def test_one_who_only_looks_brings_nothing(console: TestClient, store: Store) -> None:
    assert "<form" not in console.get("/uploads", headers={"x-may": "look"}).text
    for address in ("/uploads", "/api/uploads?document=supplier_backorders"):
        assert console.post(address, content=LIST, headers={"x-may": "look"}).status_code == 403
    assert messages(store) == []


def test_a_page_elsewhere_brings_nothing(console: TestClient, store: Store) -> None:
    answer = console.post(
        "/uploads",
        data={"document": "supplier_backorders", "page_token": form_of(console)},
        files={"file": ("a.csv", LIST)},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert answer.status_code == 403
    assert messages(store) == []


def test_a_file_over_the_limit_is_refused_while_it_comes(
    console: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = form_of(console)
    monkeypatch.setenv("CROSSDOCK_LIMITS", "upload_bytes=1048576")
    answer = console.post(
        "/api/uploads?document=supplier_backorders",
        content=b"x" * 1_100_000,
        headers={"x-crossdock-token": token},
    )
    assert answer.status_code == 413
    assert bring(console, b"x" * 1_200_000).status_code == 413
    assert messages(store) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"document=x", 415),
        ("multipart/form-data", b"no boundary", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nrubbish", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
            400,
        ),
    ],
)
def test_what_is_no_form_with_a_file_is_said(
    console: TestClient, content_type: str, body: bytes, status: int
) -> None:
    assert (
        console.post("/uploads", content=body, headers={"content-type": content_type}).status_code == status
    )
