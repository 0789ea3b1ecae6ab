"""Consumers: a token of their own, which nobody can read out of the store, for one tenant and until it is removed."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.emit import consuming
from crossdock.errors import Misconfigured
from crossdock.faultpoints import InjectedFault
from crossdock.hub import Hub
from crossdock.store import consumers
from crossdock.store.tables import audit
from crossdock.store.tables import consumers as table
from crossdock.testing.events import example_event as event

TENANT = "main"
OVERLAP = timedelta(hours=24)


def asked(console, token, **query):
    return console.get("/api/feed", params=query, headers={"Authorization": f"Bearer {token}"}).status_code


def rotated(store, clock, overlap=OVERLAP):
    with store.transaction(TENANT) as connection:
        return consuming.rotate(
            connection, tenant=TENANT, name="planning", overlap=overlap, actor="ann", now=clock.now()
        ).token.reveal()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer cdft_wrong",
        "Bearer " + "x" * 5000,
        "Basic cGxhbm5pbmc6eA==",
        "Bearer cdft_\xff",
    ],
)
def test_nobody_reads_without_a_token_that_opens(console, token, header):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = console.get("/api/feed", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": "This needs the token of a consumer."}
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_token_opens_the_feed_and_no_page(console, token):
    assert asked(console, token) == 200
    for page in ("/", "/cases", "/api/overview", "/api/dead-letters"):
        assert console.get(page, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_no_row_holds_the_token(store, clock, token):
    rotated(store, clock)
    with store.transaction(TENANT) as connection:
        texts = [str(row) for one in (table, audit) for row in connection.execute(sa.select(one))]
    assert len(texts) == 3
    assert not any(token in text or token.removeprefix("cdft_") in text for text in texts)


def test_both_tokens_open_while_one_is_rotated_and_only_the_new_one_after(console, store, clock, token):
    new = rotated(store, clock)
    assert [asked(console, one) for one in (token, new)] == [200, 200]
    clock.advance(OVERLAP - timedelta(seconds=1))
    assert asked(console, token) == 200
    clock.advance(timedelta(seconds=2))
    assert [asked(console, one) for one in (token, new)] == [401, 200]


def test_a_second_rotation_ends_the_token_before_the_last_at_once(console, store, clock, token):
    second = rotated(store, clock)
    third = rotated(store, clock)
    assert [asked(console, one) for one in (token, second, third)] == [401, 200, 200]


def test_a_stolen_token_can_be_ended_now(console, store, clock, token):
    new = rotated(store, clock, timedelta(0))
    assert [asked(console, one) for one in (token, new)] == [401, 200]


def test_tokens_are_rotated_under_load_without_one_refusal(console, store, clock, token):
    """The token before the last ends with a rotation, so nobody rotates while a reader still holds that one."""
    held, stop, answers = [token], threading.Event(), [[] for _ in range(4)]

    def reads(mine):
        while not stop.is_set():
            mine.append(asked(console, held[0]))

    threads = [threading.Thread(target=reads, args=(mine,), daemon=True) for mine in answers]
    for thread in threads:
        thread.start()
    for _ in range(5):
        held[0] = rotated(store, clock)
        before = [len(mine) for mine in answers]
        while any(len(mine) < so_many + 2 for mine, so_many in zip(answers, before, strict=True)):
            assert all(thread.is_alive() for thread in threads)
            stop.wait(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert {answer for mine in answers for answer in mine} == {200}


@pytest.mark.parametrize(("point", "there"), [("hub.before_change", 0), ("hub.after_change", 1)])
def test_a_command_that_dies_has_done_all_of_it_or_nothing(store, clock, monkeypatch, point, there):
    hub = Hub.open(store=store, clock=clock, tenant=TENANT)
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault), hub.changing() as connection:
        consuming.add(connection, tenant=TENANT, name="planning", actor="ann", now=clock.now())
    with store.reading(TENANT) as connection:
        assert len(consumers.listed(connection, TENANT)) == there


def test_a_removed_consumer_reads_nothing_and_its_name_is_free(console, store, clock, token):
    with store.transaction(TENANT) as connection:
        consuming.remove(connection, tenant=TENANT, name="planning", actor="ann", now=clock.now())
    assert asked(console, token) == 401
    with store.transaction(TENANT) as connection:
        again = consuming.add(connection, tenant=TENANT, name="planning", actor="ann", now=clock.now())
        with pytest.raises(Misconfigured, match="already"):
            consuming.add(connection, tenant=TENANT, name="planning", actor="ann", now=clock.now())
        actions = connection.scalars(sa.select(audit.c.action).order_by(audit.c.action)).all()
    assert asked(console, token) == 401
    assert asked(console, again.token.reveal()) == 200
    assert actions == ["consumer.add", "consumer.add", "consumer.remove"]


def test_a_token_of_another_tenant_opens_nothing_here(console, store, clock, commit):
    commit(event(1, tenant="other"), tenant="other")
    with store.transaction("other") as connection:
        other = consuming.add(connection, tenant="other", name="planning", actor="eve", now=clock.now())
    assert asked(console, other.token.reveal()) == 401


def test_the_events_of_another_tenant_are_in_its_own_feed(read, commit):
    commit(event(1, tenant="other"), tenant="other")
    commit(event(1))
    assert [one["tenantid"] for one in read().json()["events"]] == [TENANT]


def test_the_list_says_who_asked_when_and_how_far_behind_and_nothing_of_the_tokens(
    store, clock, commit, read
):
    commit(event(1), event(2))
    cursor = read(limit=1).json()["cursor"]
    read(cursor)
    with store.transaction(TENANT) as connection:
        (row,) = consumers.listed(connection, TENANT)
    assert row["position"] == 0  # to the minute
    clock.advance(timedelta(minutes=2))
    read(cursor)
    with store.transaction(TENANT) as connection:
        (row,) = consumers.listed(connection, TENANT)
    assert (row["name"], row["position"], row["seen_at"]) == ("planning", 1, "2026-11-20T14:02:00Z")
    assert not any("sha256" in name for name in row)
