"""The page of expected feeds, its twins as JSON and on the command line, and the first page."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from crossdock import awaited
from crossdock.cli.application import app
from crossdock.errors import Misconfigured
from crossdock.expected import ExpectedFeed, Schedule, usual_calendar
from crossdock.messages import derived_id
from crossdock.partners import Partners
from crossdock.store import tables

FEED = ExpectedFeed(
    feed="acme_supply/846",
    what="846 from Acme Supply Co.",
    schedule=Schedule(calendar=usual_calendar().in_zone("America/Chicago"), by=(timedelta(hours=6),)),
    partner="acme_supply",
    set_id="846",
)
NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
FRIDAY, MONDAY = NOW.replace(hour=12), datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def partners(monkeypatch):
    """One partner, who sends a report each weekday."""
    found = Partners.of([replace(Partners.load().named("acme_supply"), expected=(FEED,))])
    monkeypatch.setattr(Partners, "load", classmethod(lambda cls, *folders: found))
    return found


@pytest.fixture
def put(store):
    def put(kind, feed, due, state, **more):
        row = {
            "tenant": "main", "id": derived_id("row", feed, str(due)), "kind": kind, "feed": feed,
            "declared": "<b>said</b>", "opens_at": due - timedelta(hours=12), "due_at": due, "wanted": 1,
            "state": "waiting", "noted_at": due - timedelta(days=1), **more,
        }  # fmt: skip
        with store.transaction("main") as connection:
            connection.execute(tables.awaited.insert(), row)
            if state != "waiting":
                connection.execute(
                    tables.awaited.update().where(tables.awaited.c.id == row["id"]).values(state=state)
                )

    return put


def test_what_is_missing_stands_on_its_page_and_on_the_first_one(console, partners, put):
    put("feed", FEED.feed, FRIDAY, "missing")
    put("feed", FEED.feed, MONDAY, "waiting")
    put("source", "erp", NOW, "missing")
    (feed, source) = console.get("/api/expected").json()["items"]
    assert feed == {
        "feed": "acme_supply/846",
        "kind": "feed",
        "declared": str(FEED),
        "state": "missing",
        "due_at": "2026-11-23T12:00:00Z",
        "opens_at": "2026-11-23T00:00:00Z",
        "last_came_at": None,
        "missing": 1,
    }
    assert (source["feed"], source["kind"], source["state"]) == ("erp", "source", "missing")
    page = console.get("/expected").text
    assert "/cases?code=INT.FEED_MISSING&amp;subject=acme_supply%252F846" in page
    assert "<b>said</b>" not in page
    assert "crossdock expected list" in page
    first = console.get("/").text
    assert "acme_supply/846 did not come: it was due at 2026-11-20T12:00:00Z" in first
    assert "erp is read and brings nothing since 2026-11-20T02:00:00Z" in first
    assert "2 things wait" in first


def test_a_feed_that_nobody_looked_at_yet_is_shown_with_when_it_is_due(store, partners):
    with store.reading("main") as connection:
        (feed,) = awaited.listed(connection, "main", {}, partners, NOW)
        assert (feed["state"], feed["due_at"]) == ("waiting", "2026-11-23T12:00:00Z")
        found = awaited.one(connection, "main", {}, partners, NOW, FEED.feed)
        assert found["next"] == [
            "2026-11-23T06:00:00-06:00",
            "2026-11-24T06:00:00-06:00",
            "2026-11-25T06:00:00-06:00",
            "2026-11-30T06:00:00-06:00",
            "2026-12-01T06:00:00-06:00",
        ]
        with pytest.raises(Misconfigured, match="did you mean 'acme_supply/846'"):
            awaited.one(connection, "main", {}, partners, NOW, "acme_supply/864")


def test_the_page_says_what_to_do_where_nothing_is_expected(console):
    assert "Nothing is expected" in console.get("/expected").text


def test_the_command_line_shows_the_same(store, partners, put, monkeypatch):
    put("feed", FEED.feed, FRIDAY, "missing")
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", store.url.render_as_string(hide_password=False))
    run = CliRunner()
    listed = json.loads(run.invoke(app, ["expected", "list", "--json"]).stdout)
    assert [(row["feed"], row["missing"]) for row in listed["items"]] == [(FEED.feed, 1)]
    shown = run.invoke(app, ["expected", "show", FEED.feed])
    assert shown.exit_code == 0
    assert "every weekday by 06:00 America/Chicago" in shown.stdout
    assert "2026-11-20 12:00:00Z  missing" in shown.stdout
    assert run.invoke(app, ["expected", "show", "nobody/846"]).exit_code == 2
