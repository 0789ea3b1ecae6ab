"""The webhooks page: what stands there is shown as text, and people act from it."""

import uuid

import sqlalchemy as sa

from crossdock.store import tables
from tests.console.conftest import HOSTILE, insert


def subscribed(store, clock, **given):
    insert(
        store, tables.webhooks, id=uuid.uuid4(), name="planning", url="https://planning.example/in",
        filter={"codes": ["INV"]}, connection="hook", ordered=False, internal=False, state="active", position=0,
        created_at=clock.now(), created_by="ann", updated_at=clock.now(), **given,
    )  # fmt: skip


def test_the_page_shows_every_webhook_as_text(console, store, clock):
    subscribed(store, clock, reason=HOSTILE)
    insert(store, tables.brokers, name="lake", position=0, error=HOSTILE, created_at=clock.now())
    page = console.get("/subscriptions").text
    assert "https://planning.example/in" in page
    assert "code=INV" in page
    assert HOSTILE not in page
    (row,) = console.get("/api/subscriptions").json()["webhooks"]
    assert (row["name"], row["state"], row["waiting"], row["failed"]) == ("planning", "active", 0, 0)
    assert not any("secret" in name for name in row)


def test_without_a_webhook_it_says_how_to_add_one(console):
    assert "crossdock webhooks add URL" in console.get("/subscriptions").text


def test_one_who_only_looks_changes_nothing(console, store, clock):
    subscribed(store, clock)
    answer = console.post("/api/subscriptions/planning/disable", json={"reason": "no"})
    assert answer.status_code == 403
    with store.reading("main") as connection:
        assert connection.scalar(sa.select(tables.webhooks.c.state)) == "active"
