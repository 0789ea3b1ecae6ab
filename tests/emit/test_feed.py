"""The feed: everything that was committed, once it is known to be valid, in order, and nothing is ever skipped."""

import threading
import time
import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa

from canonical.validate import validator
from crossdock import deadletters
from crossdock.emit import feed
from crossdock.emit.filters import Filter
from crossdock.emit.settings import FeedSettings
from crossdock.errors import Misconfigured
from crossdock.faultpoints import InjectedFault
from crossdock.store import emissions
from crossdock.store.tables import dead_letters, feed_heads
from crossdock.store.tables import emissions as table
from crossdock.testing.events import example_event as event

TENANT = "main"


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["events"]]


def test_an_event_is_in_the_feed_as_it_was_committed_and_keeps_to_the_schema_that_it_names(commit, read):
    said = event(1)
    commit(said)
    answer = read()
    assert answer.json()["events"] == [said]
    (got,) = answer.json()["events"]
    assert got["dataschema"] == "urn:crossdock:schema:exception-event:1.0"
    assert validator("exception-event", "1.0", "lenient").is_valid(got)


def test_a_reader_who_goes_on_from_the_cursor_gets_everything_once_and_in_order(commit, read):
    said = [event(number) for number in range(7)]
    commit(*said[:5])
    seen, cursor = [], None
    for _ in range(3):
        answer = read(cursor, limit=2)
        seen += ids(answer)
        cursor = answer.json()["cursor"]
    assert seen == [one["id"] for one in said[:5]]
    assert answer.json()["more"] is False
    commit(*said[5:])
    assert ids(read(cursor)) == [one["id"] for one in said[5:]]


def test_the_same_cursor_gives_the_same_again(commit, read):
    commit(event(1), event(2))
    cursor = read(limit=1).json()["cursor"]
    assert ids(read(cursor)) == ids(read(cursor)) == [event(2)["id"]]


def test_an_event_that_commits_late_behind_a_higher_number_is_not_skipped(store, publisher, read, write):
    """Two writers at once. The first one draws the lower number and commits last."""
    with store.transaction(TENANT) as slow:
        write(slow, event(1))
        with store.transaction(TENANT) as quick:
            write(quick, event(2))
        publisher.publish_batch()
        first = read()
        assert ids(first) == [event(2)["id"]]
        numbers = slow.execute(sa.select(table.c.number, table.c.event_id).order_by(table.c.number)).all()
        assert [str(one.event_id) for one in numbers] == [event(1)["id"], event(2)["id"]]
    assert ids(read(first.json()["cursor"])) == [event(1)["id"]]
    assert ids(read()) == [event(2)["id"], event(1)["id"]]


def test_writers_and_publishers_at_once_leave_no_gap_and_a_reader_beside_them_misses_nothing(
    store, publisher, clock, write
):
    stop, failures, seen = threading.Event(), [], []

    def guarded(work):
        def run():
            try:
                work()
            except Exception as error:
                failures.append(error)

        return threading.Thread(target=run)

    def writes(first):
        for number in range(first, first + 30):
            with store.transaction(TENANT) as connection:
                write(connection, event(number))

    def publishes():
        while not stop.wait(0.002):
            publisher.publish_batch()

    def reads(cursor=None):
        while not stop.wait(0.002):
            cursor = page_after(cursor)
        publisher.publish_batch()
        while (cursor := page_after(cursor)) != page_after.before:
            pass

    def page_after(cursor):
        with store.reading(TENANT) as connection:
            page = feed.read(
                connection, TENANT, cursor=cursor, limit=7, now=clock.now(), settings=FeedSettings()
            )
        seen.extend(one["id"] for one in page.events)
        page_after.before = cursor
        return page.cursor

    writers = [guarded(lambda first=first: writes(first)) for first in (0, 100, 200)]
    others = [guarded(publishes), guarded(publishes), guarded(reads)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert failures == []
    assert sorted(seen) == sorted(event(n)["id"] for first in (0, 100, 200) for n in range(first, first + 30))
    with store.transaction(TENANT) as connection:
        places = connection.scalars(sa.select(table.c.position).order_by(table.c.position)).all()
        assert connection.scalar(sa.select(feed_heads.c.last)) == 90
    assert places == list(range(1, 91))


@pytest.mark.parametrize("after", [0, 1, 2])
def test_what_is_published_while_a_reader_looks_for_the_oldest_is_passed_over_by_nobody(
    store, publisher, clock, commit, after
):
    """After so many of the reader's statements the first event for 31 days gets its place."""
    commit(event(1))
    publisher.publish_batch()
    clock.advance(timedelta(days=31))
    commit(event(2))
    statements = 0

    def count(connection, *_):
        nonlocal statements
        if connection is not looking:
            return
        if statements == after:
            publisher.publish_batch()
        statements += 1

    with store.reading(TENANT) as looking:
        sa.event.listen(looking, "before_cursor_execute", count)
        begin = emissions.before_oldest(looking, TENANT, clock.now() - FeedSettings().kept)
        sa.event.remove(looking, "before_cursor_execute", count)
    assert begin == 1
    publisher.publish_batch()
    with store.reading(TENANT) as connection:
        found = emissions.read(connection, TENANT, after=begin, wanted=Filter(), limit=10)
    assert [str(one.event_id) for one in found.events] == [event(2)["id"]]


def test_a_publisher_that_dies_before_its_commit_has_published_nothing(store, publisher, commit, read):
    commit(event(1))
    with pytest.raises(RuntimeError), store.transaction(TENANT) as connection:
        publisher._publish(connection)
        raise RuntimeError("killed")
    with store.transaction(TENANT) as connection:
        assert emissions.head(connection, TENANT) == 0
    assert ids(read()) == [event(1)["id"]]


@pytest.mark.parametrize(("point", "published"), [("publish.before_commit", 0), ("publish.after_commit", 1)])
def test_a_publisher_that_dies_beside_its_commit_leaves_an_event_that_is_told_once(
    store, publisher, commit, read, monkeypatch, point, published
):
    commit(event(1))
    with monkeypatch.context() as fault:
        fault.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
        fault.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            publisher.publish_batch()
    with store.transaction(TENANT) as connection:
        assert emissions.head(connection, TENANT) == published
    publisher.publish_batch()
    assert ids(read()) == [event(1)["id"]]


# ── what may not leave ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_breaks_its_schema_does_not_leave_and_lies_on_the_desk(store, commit, publisher, read):
    commit(event(1), event(2, severity="urgent"), event(3))
    assert publisher.publish_batch() == {"events": 3, "published": 2, "dead_lettered": 1}
    assert ids(read()) == [event(1)["id"], event(3)["id"]]
    with store.transaction(TENANT) as connection:
        (letter,) = connection.execute(sa.select(dead_letters)).all()
    assert (letter.stage, letter.code, letter.state) == ("emit", "INT.SCHEMA_VIOLATION", "open")
    assert str(letter.event_id) == event(2)["id"]
    assert "/data/severity" in letter.sentence
    assert letter.source == "supplier_edi"


def test_an_event_of_a_schema_that_nobody_can_find_does_not_leave(commit, publisher, read):
    document = event(1)
    document["dataschema"] = "urn:crossdock:schema:exception-event:9.9"
    commit(document)
    assert publisher.publish_batch()["dead_lettered"] == 1
    assert ids(read()) == []


def test_a_refused_event_that_is_replayed_is_judged_again_and_refused_again(store, commit, publisher, clock):
    commit(event(1, severity="urgent"))
    publisher.publish_batch()
    for again in (1, 2):
        clock.advance(timedelta(minutes=1))
        with store.transaction(TENANT) as connection:
            letter = connection.execute(sa.select(dead_letters).where(dead_letters.c.state == "open")).one()
            replayed = deadletters.replay(
                connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now()
            )
        assert replayed.next_step == "publish"
        assert publisher.publish_batch()["dead_lettered"] == 1
        with store.transaction(TENANT) as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(dead_letters)) == again + 1


def test_a_refused_event_leaves_once_its_schema_is_known(store, commit, publisher, clock, read, monkeypatch):
    commit(event(1))
    from crossdock.emit import publish

    with monkeypatch.context() as older:
        older.setattr(
            publish, "validator", lambda name, version: (_ for _ in ()).throw(FileNotFoundError("1.0"))
        )
        assert publisher.publish_batch()["dead_lettered"] == 1
    with store.transaction(TENANT) as connection:
        letter = connection.execute(sa.select(dead_letters)).one()
        deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())
    assert ids(read()) == [event(1)["id"]]


# ── filters ────────────────────────────────────────────────────────────────────────────────────────────────────

VARIED = [
    event(1),
    event(2, code="INV.SHORTAGE", severity="S1"),
    event(3, code="SHP.DELAY", kind="absence"),
    event(4, order="77", severity="S1"),
    event(5, order="777"),
]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"code": "INV"}, [1, 2, 4, 5]),
        ({"code": "INV.BACKORDER"}, [1, 4, 5]),
        ({"code": ["SHP", "INV.SHORTAGE"]}, [2, 3]),
        ({"severity": "S1"}, [2, 4]),
        ({"severity": ["S1", "S2"], "code": "INV.BACKORDER"}, [1, 4, 5]),
        ({"kind": "absence"}, [3]),
        ({"subject": "supplier_po/77"}, [4]),
        ({"subject": "supplier_po/77/line/2"}, [4]),
        ({"subject": "supplier_po/7"}, []),
    ],
)
def test_a_filter_gives_what_it_says_and_moves_the_cursor_past_the_rest(commit, read, query, wanted):
    from canonical import taxonomy

    assert {one["data"]["code"] for one in VARIED} <= set(taxonomy.codes())
    commit(*VARIED)
    answer = read(**query)
    assert ids(answer) == [event(number)["id"] for number in wanted]
    assert ids(read(answer.json()["cursor"], **query)) == []
    commit(event(9))
    assert ids(read(answer.json()["cursor"])) == [event(9)["id"]]
    chosen = Filter.from_dict(
        {
            {"code": "codes", "severity": "severities", "kind": "kinds", "subject": "subjects"}[name]: (
                words if isinstance(words, list) else [words]
            )
            for name, words in query.items()
        }
    )
    assert [one["id"] for one in VARIED if chosen.wants(one)] == ids(answer)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"code": "INV.BACKORDR"}, "did you mean 'INV.BACKORDER'"),
        ({"severity": "high"}, "severity 'high'"),
        ({"codes": "INV"}, "there is no parameter codes"),
        ({"cursor": "nonsense"}, "is no cursor of this feed"),
        ({"cursor": feed.cursor_of("other", 3)}, "is no cursor of this feed"),
        ({"cursor": feed.cursor_of(TENANT, 3)}, "behind the end of the feed"),
    ],
)
def test_what_is_no_filter_and_no_cursor_is_refused_with_a_sentence(read, query, said):
    answer = read(**query)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_rare_event_far_down_the_feed_is_found_although_a_read_looks_at_few(commit, read, monkeypatch):
    monkeypatch.setattr(emissions, "LOOKED_AT", 2)
    commit(*[event(number) for number in range(9)], event(9, code="SHP.DELAY"))
    assert ids(read(code="SHP")) == [event(9)["id"]]


# ── how long it is kept ────────────────────────────────────────────────────────────────────────────────────────


def test_a_cursor_older_than_what_is_kept_is_told_so_and_how_to_go_on(commit, publisher, read, clock):
    commit(event(1))
    publisher.publish_batch()
    old = read(cursor="now").json()["cursor"]
    commit(event(2))
    publisher.publish_batch()
    clock.advance(timedelta(days=29))
    commit(event(3))
    assert ids(read(old)) == [event(2)["id"], event(3)["id"]]
    clock.advance(timedelta(days=2))
    answer = read(old)
    assert answer.status_code == 410
    assert "older than 30 days" in answer.json()["error"]
    assert ids(read(answer.json()["oldest"])) == [event(3)["id"]]
    assert ids(read()) == [event(3)["id"]]


def test_a_reader_who_is_up_to_date_stays_so_however_long_nothing_happens(commit, read, clock):
    commit(event(1))
    cursor = read().json()["cursor"]
    clock.advance(timedelta(days=400))
    assert ids(read(cursor)) == []
    commit(event(2))
    assert ids(read(cursor)) == [event(2)["id"]]


# ── waiting ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_waits_is_woken_within_about_a_second(commit, read):
    cursor = read(cursor="now").json()["cursor"]
    timer = threading.Timer(0.3, lambda: commit(event(1)))
    began = time.monotonic()
    timer.start()
    answer = read(cursor, wait=10)
    took = time.monotonic() - began
    timer.join()
    assert ids(answer) == [event(1)["id"]]
    assert took < 2.5


def test_a_wait_ends_without_anything_and_with_a_cursor_to_go_on_from(read, commit):
    began = time.monotonic()
    answer = read(wait=0.2)
    assert time.monotonic() - began >= 0.2
    assert ids(answer) == []
    commit(event(1))
    assert ids(read(answer.json()["cursor"])) == [event(1)["id"]]


def test_ten_who_wait_look_no_more_often_than_one(console, token, store, commit, monkeypatch):
    looks = []
    kept = emissions.head
    monkeypatch.setattr(
        emissions, "head", lambda connection, tenant: looks.append(1) or kept(connection, tenant)
    )
    answers = []

    def waits():
        answers.append(
            console.get("/api/feed", params={"wait": 0.9}, headers={"Authorization": f"Bearer {token}"})
        )

    threads = [threading.Thread(target=waits) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ids(answer) for answer in answers] == [[]] * 10
    # each of them looks when it comes and when its time is up (twice: the place and the page); between, one for all
    assert len(looks) <= 10 * 6 + 4


# ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_feed_is_also_a_batch_of_cloud_events(commit, console, token):
    commit(event(1))
    answer = console.get(
        "/api/feed",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/cloudevents-batch+json"},
    )
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    assert answer.json() == [event(1)]
    assert answer.headers["crossdock-cursor"]


def test_one_event_can_be_fetched_by_its_id(commit, read, console, token):
    commit(event(1))
    read()
    pass_ = {"Authorization": f"Bearer {token}"}
    answer = console.get(f"/api/feed/events/{event(1)['id']}", headers=pass_)
    assert answer.json() == event(1)
    for nothing in (uuid.uuid4(), "x"):
        assert console.get(f"/api/feed/events/{nothing}", headers=pass_).status_code == 404


def test_the_command_line_reads_the_same_feed(store, commit, publisher, clock):
    commit(event(1), event(2))
    publisher.publish_batch()
    with store.transaction(TENANT) as connection:
        page = feed.read(connection, TENANT, cursor=None, limit=1, now=clock.now(), settings=FeedSettings())
    assert [one["id"] for one in page.events] == [event(1)["id"]]
    assert page.more


def test_a_filter_is_written_as_it_is_read():
    chosen = Filter.parse(["code=INV", "severity=S1", "code=SHP"])
    assert chosen == Filter.from_dict(chosen.as_dict())
    assert str(chosen) == "code=INV code=SHP severity=S1"
    assert str(Filter()) == "everything"
    for wrong in ("INV", "colour=red", "code=", "severity=S9", "kind=none"):
        with pytest.raises(Misconfigured):
            Filter.parse([wrong])
