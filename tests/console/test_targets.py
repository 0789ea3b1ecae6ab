"""The page of the targets: how each one stands, the same as JSON, and the switches."""

import re

import pytest
import sqlalchemy as sa

from crossdock.store import target_book
from crossdock.store.tables import audit


@pytest.fixture
def act(console):
    token = re.search(r'name="page_token" value="([0-9a-f]{64})"', console.get("/targets").text).group(1)

    def post(path, **fields):
        return console.post(
            path,
            data={**fields, "page_token": token},
            headers={"origin": "http://testserver"},
            follow_redirects=False,
        )

    return post


def test_the_page_and_its_twin_show_each_target(console):
    shown = console.get("/targets")
    assert shown.status_code == 200
    assert "crossdock targets list" in shown.text
    found = {one["target"]: one for one in console.get("/api/targets").json()["targets"]}
    assert {"erp", "supplier_edi", "sap_sales_order", "slack"} <= set(found)
    assert (found["erp"]["state"], found["erp"]["mode"], found["erp"]["may_be_called"]) == (
        "closed",
        "live",
        True,
    )
    assert found["erp"]["rules"]["idempotency"] == "key"


def test_a_pause_is_made_by_its_name_and_with_a_reason(console, act, store):
    assert act("/targets/erp/pause", reason="upgrade tonight").status_code == 303
    assert "paused by anna: upgrade tonight" in console.get("/targets").text
    assert "nothing leaves for erp: paused by anna: upgrade tonight" in console.get("/").text
    assert act("/targets/erp/pause", reason="").status_code == 409
    assert act("/targets/erp/resume", reason="done").status_code == 303
    with store.reading("main") as connection:
        assert target_book.read(connection, "main", "erp").state == "closed"
        said = connection.execute(sa.select(audit.c.actor, audit.c.action).order_by(audit.c.seq)).all()
    assert said == [("anna", "target.pause"), ("anna", "target.resume")]


def test_a_switch_is_thrown_and_taken_back(console, act):
    assert act("/targets/erp/stop", operation="hold", reason="wrong orders").status_code == 303
    page = console.get("/targets").text
    assert "Allow hold" in page
    assert act("/targets/erp/allow", operation="hold", reason="corrected").status_code == 303
    assert "Allow hold" not in console.get("/targets").text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/targets/moon/pause", {"reason": "x"}),
        ("/targets/erp/stop", {"operation": "fly", "reason": "x"}),
        ("/targets/erp/mode", {"mode": "dead", "reason": "x"}),
    ],
)
def test_what_is_not_there_is_refused(act, path, fields):
    assert act(path, **fields).status_code == 400


def test_a_target_in_shadow_says_so(console, act):
    assert act("/targets/erp/mode", mode="shadow", reason="the old program writes").status_code == 303
    (erp,) = [one for one in console.get("/api/targets").json()["targets"] if one["target"] == "erp"]
    assert erp["mode"] == "shadow"
