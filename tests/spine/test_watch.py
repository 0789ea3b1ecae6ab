"""Silence is said aloud: a feed that does not come, and a source that is read and brings nothing."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock import toml_lines
from crossdock.calendars import Duration
from crossdock.expected import NEVER, read_rows
from crossdock.faultpoints import InjectedFault
from crossdock.hub import Hub
from crossdock.messages import CaseState, RawMessage, Verdict
from crossdock.partners import Partners
from crossdock.ports import Skipped
from crossdock.promises.checks import Look
from crossdock.promises.verify import verify
from crossdock.registry import Registry
from crossdock.store import tables
from crossdock.toml_table import Table
from crossdock.watch import Watch
from tests.spine.trading import group, interchange

TENANT = "main"
NOTHING = {"feeds_missing": 0, "feeds_back": 0, "sources_quiet": 0}
DAILY = '[[expected]]\nset = "846"\nby = "06:00"\ntimezone = "America/Chicago"\n'
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def utc(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A time in November 2026. Chicago is six hours behind: 06:00 there is 12:00 here."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class Empty:
    """A source that is read without any error and has nothing to say."""

    def read(self, after):
        return iter(self.messages())

    def messages(self):
        return ()

    def settle(self, message, verdict):
        assert verdict in Verdict

    def close(self):
        pass


class World:
    """A hub, a clock, and what is declared."""

    def __init__(self, hub, clock, tmp_path):
        self.hub, self.clock, self._folder = hub, clock, tmp_path
        self.manifests = {
            name: manifest for name, manifest in Registry().manifests().items() if name == "supplier_edi"
        }
        self.partners = Partners.of([Partners.load().named("acme_supply")])
        self._numbers = iter(range(1, 1000))

    def _rows(self, text, **whose):
        path = self._folder / "rows.toml"
        path.write_text(text)
        problems: list[str] = []
        found = read_rows(Table(toml_lines.read(path), problems), **whose)
        assert problems == []
        return found

    def of_acme(self, text):
        """What the partner's profile says."""
        partner = Partners.load().named("acme_supply")
        feeds = self._rows(text, partner=(partner.name, partner.title, partner.sets))
        self.partners = Partners.of([replace(partner, expected=feeds)])

    def of_source(self, text="", *, quiet_after=None, name="supplier_edi"):
        """What the connector.toml says."""
        manifest = Registry().manifests()[name]
        feeds = self._rows(text, source=(name, manifest.title, manifest.source.document))
        source = replace(manifest.source, quiet_after=quiet_after)
        self.manifests[name] = replace(manifest, expected=feeds, source=source)

    def look(self):
        watch = Watch(
            store=self.hub.store,
            tenant=TENANT,
            clock=self.clock,
            manifests=self.manifests,
            partners=self.partners,
            recorder=lambda: self.hub.processor.recorder,
        )
        self.counts = watch.look()
        return {name: count for name, count in self.counts.items() if count and name in NOTHING}

    def at(self, moment):
        self.clock.advance(moment - self.clock.now())
        return self

    def read(self, source=None, name="supplier_edi"):
        """The source is read once, without an error."""
        with self.hub._run("receive", name, None) as ran:
            done = receiving.receive(
                self.hub.store,
                source or Empty(),
                tenant=TENANT,
                name=name,
                clock=self.clock,
                limit=10,
                run_id=ran.id,
            )
        assert done.error is None
        return done

    def comes(self, body=b"{}", *, name="x.edi", source="supplier_edi"):
        """Something new is there, and is read."""
        number = next(self._numbers)
        message = RawMessage(
            tenant=TENANT, source=source, key=str(number), body=body, media_type="application/edi-x12",
            received_at=self.clock.now(), name=name,
        )  # fmt: skip
        there = Empty()
        there.messages = lambda: [message]
        self.read(there, source)

    def report_comes(self, number):
        """The partner's 846 is read and looked at."""
        body = interchange(
            group(
                "IB",
                number,
                ["846 0001", "BIA*00*MM*STOCK*20261120", "LIN*1*VN*VALVE-8", "QTY*17*40*EA", "CTT*1"],
            ),
            number=number,
        )
        self.comes(body, name=f"846_{number}.edi")
        self.hub.processor.process_batch()

    def rows(self, table, *columns):
        chosen = [table.c[name] for name in columns]
        with self.hub.store.reading(TENANT) as connection:
            return [tuple(row) for row in connection.execute(sa.select(*chosen).order_by(*chosen))]

    def cases(self):
        with self.hub.store.reading(TENANT) as connection:
            return connection.execute(
                sa.select(tables.cases)
                .where(tables.cases.c.code == "INT.FEED_MISSING")
                .order_by(tables.cases.c.opened_at)
            ).all()

    def states(self):
        return self.rows(tables.awaited, "due_at", "state")


@pytest.fixture
def world(store, clock, tmp_path):
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=MINUTE) as hub:
        yield World(hub, clock, tmp_path)


# -- expected feeds -------------------------------------------------------------------------------------------------


def test_what_was_declared_today_was_not_missing_yesterday(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).read()
    assert world.look() == {}
    assert world.states() == [(utc(23, 12), "waiting")], "the next due time, and none before it"
    assert world.look() == {}
    assert world.cases() == []


def test_a_feed_that_does_not_come_opens_one_case_and_is_not_told_again_each_minute(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}
    assert (world.counts["events"], world.counts["cases"]) == (1, 1), "whoever publishes is woken"
    for minute in range(2, 6):
        world.at(utc(23, 12, minute)).read()
        assert world.look() == {}
    (case,) = world.cases()
    assert (case.state, case.queue, case.severity) == ("open", "integration", "S2")
    assert world.counts.get("events", 0) == 0, "the bell is not rung again"
    assert (
        case.title == "846 from Acme Supply Co. has not come: it was due by 2026-11-23 06:00 America/Chicago"
    )
    assert case.refs == ["feed:acme_supply/846"]


def test_a_feed_that_comes_late_ends_its_case_by_itself_and_says_how_late(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    world.look()
    world.at(utc(23, 14, 5)).report_comes(1)
    assert world.look() == {"feeds_back": 1}
    (case,) = world.cases()
    assert (case.state, case.resolution) == (
        "resolved",
        "it came at 2026-11-23 14:05Z, 2 h 5 min after it was due",
    )
    assert (utc(23, 12), "late") in world.states()


def test_what_came_in_time_is_no_news(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 11, 59)).report_comes(1)
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {}
    assert world.states() == [(utc(23, 12), "met"), (utc(24, 12), "waiting")]
    assert world.cases() == []


def test_what_is_late_for_one_day_is_not_early_for_the_next(world):
    world.of_acme(DAILY)
    world.at(utc(19, 14)).look()
    world.at(utc(20, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}
    world.at(utc(20, 13)).report_comes(1)  # Friday's, an hour late
    assert world.look() == {"feeds_back": 1}
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}, "Monday's did not come"
    assert [case.state for case in world.cases()] == ["resolved", "open"]


def test_each_due_time_is_told_once_and_folded_into_the_trouble_that_is_open(world):
    world.of_acme(DAILY)
    world.at(utc(22, 14)).look()
    for day in (23, 24, 25):
        world.at(utc(day, 12, 1)).read()
        assert world.look() == {"feeds_missing": 1}
    (case,) = world.cases()
    assert case.occurrences == 3
    world.at(utc(27, 12, 1)).read()
    assert world.look() == {}, "nobody sends on the day after Thanksgiving"
    world.at(utc(30, 11)).report_comes(1)
    assert world.look() == {"feeds_back": 3}
    assert world.cases()[0].state == "resolved"
    world.at(utc(30, 12, 1)).read()
    assert world.look() == {}, "Monday's own is there, too"


def test_another_partner_s_report_is_not_this_one(world):
    northstar = Partners.load().named("northstar_3pl")
    world.of_acme(DAILY)
    world.partners = Partners.of([*world.partners, northstar])
    world.at(utc(20, 14)).look()
    world.at(utc(23, 11)).comes(
        interchange(
            group("IB", 1, ["846 0001", "BIA*00*MM*S*20261120", "LIN*1*VN*V-8", "QTY*17*4*EA", "CTT*1"],
                  sender="NORTHSTAR3PL"),
            number=1, sender="NORTHSTAR3PL",
        )
    )  # fmt: skip
    world.hub.processor.process_batch()
    assert ("northstar_3pl", "846") in world.rows(tables.exchanges, "partner", "set_id")
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}


def test_what_was_refused_did_not_come_and_the_case_says_so(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(20, 15)).report_comes(7)
    world.at(utc(23, 11)).comes(
        interchange(  # the number of Friday's interchange over other bytes: refused
            group("IB", 8, ["846 0001", "BIA*00*MM*T*20261123", "LIN*1*VN*V-8", "QTY*17*1*EA", "CTT*1"]),
            number=7,
        )
    )
    world.hub.processor.process_batch()
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}
    (event,) = (
        row for (row,) in world.rows(tables.events, "document") if row["data"]["code"] == "INT.FEED_MISSING"
    )
    assert "1 came and was refused" in event["data"]["detail"]


def test_silence_is_not_told_while_a_message_waits_to_be_looked_at(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 11, 59)).comes(b"ISA")  # whatever it is
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {}
    world.at(utc(23, 12, 20)).read()
    assert world.look() == {"feeds_missing": 1}, "it waits for ever, and the feed is still not here"


def test_a_source_that_nobody_reads_is_waited_for_a_little_and_then_told(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 11)).read()
    world.at(utc(23, 12, 1))
    assert world.look() == {}, "it was not read since: the file may lie there"
    world.at(utc(23, 12, 10))
    assert world.look() == {}
    world.at(utc(23, 12, 17))
    assert world.look() == {"feeds_missing": 1}
    (event,) = (row for (row,) in world.rows(tables.events, "document"))
    assert "'supplier_edi' was last read at 2026-11-23T11:00:00Z: is its DAG" in event["data"]["detail"]


def test_a_hub_that_was_down_blames_nobody_for_it(world):
    """Files of four days lie there when it comes back; the process step is the first to run."""
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(26, 15))
    assert world.look() == {}
    for number in range(1, 4):
        world.report_comes(number)
    world.clock.advance(MINUTE)
    assert world.look() == {}
    assert world.cases() == []
    assert [state for _, state in world.states()] == ["late", "late", "waiting"]


def test_after_a_long_night_the_last_due_time_is_told_and_not_each(world):
    world.of_source('[[expected]]\nevery = "1h"\ncalendar = "always"\n')
    world.at(utc(20, 14)).look()
    world.at(utc(25, 14, 30)).read()
    assert world.look() == {"feeds_missing": 2}, "the one that was waited for, and the last"
    assert world.states() == [
        (utc(20, 15), "missing"), (utc(25, 14), "missing"), (utc(25, 15), "waiting")
    ]  # fmt: skip


def test_a_clock_that_was_set_back_tells_nothing_twice(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}
    world.at(utc(20, 10)).read()
    assert world.look() == {}
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {}
    assert len(world.cases()) == 1


def test_a_file_of_the_right_name_is_awaited_among_others(world):
    world.of_source(
        '[[expected]]\nfiles = "stock_*.csv"\nby = "06:00"\ntimezone = "America/Chicago"\nat_least = 2\n'
    )
    world.at(utc(20, 14)).look()
    world.at(utc(23, 10))
    for name in ("stock_1.csv", "stockX1.csv", "stock_1.csv.bak"):
        world.comes(name=name)
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}, "one of two came"
    assert "(2 were wanted)" in world.cases()[0].title
    world.at(utc(23, 13)).comes(name="stock_2.csv")
    assert world.look() == {"feeds_back": 1}


def test_what_a_source_saw_and_did_not_take_did_not_come(world):
    class Seen(Empty):
        def position(self):
            return None

        def skipped(self):
            return (Skipped(name="stock_1.csv", code="sftp.too_large", sentence="it is too large"),)

    world.of_source('[[expected]]\nby = "06:00"\ntimezone = "America/Chicago"\n')
    world.at(utc(20, 14)).look()
    world.at(utc(23, 11)).read(Seen())
    assert len(world.rows(tables.raw_messages, "id")) == 1
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {"feeds_missing": 1}


def test_a_declaration_that_is_changed_is_awaited_as_it_is_now(world):
    world.of_acme(DAILY)
    world.at(utc(23, 11)).look()
    world.of_acme(DAILY.replace("06:00", "08:00"))
    world.at(utc(23, 12, 1)).read()
    assert world.look() == {}
    assert world.states() == [(utc(23, 12), "excused"), (utc(23, 14), "waiting")]
    world.at(utc(23, 14, 1)).read()
    assert world.look() == {"feeds_missing": 1}


def test_a_declaration_that_is_taken_out_ends_its_case(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    world.look()
    world.partners = Partners.of([Partners.load().named("acme_supply")])
    assert world.look() == {}
    (case,) = world.cases()
    assert (case.state, case.resolution) == (
        "resolved",
        "it is not expected any more: its declaration was taken out",
    )
    assert {state for _, state in world.states()} == {"excused"}


def test_what_a_person_closed_stays_closed_when_the_feed_comes(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    world.look()
    world.hub.move_case(world.cases()[0].id, CaseState.RESOLVED, "anna", "they are closed today")
    world.at(utc(23, 14)).report_comes(1)
    assert world.look() == {"feeds_back": 1}
    assert world.cases()[0].resolution == "they are closed today"


def test_two_workers_that_look_at_once_tell_it_once(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    assert world.hub.processor is not None  # made once, before two threads ask for it
    told: list[dict[str, int]] = []
    workers = [threading.Thread(target=lambda: told.append(world.look())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts.get("feeds_missing", 0) for counts in told) == 1
    assert len(world.cases()) == 1


def test_a_worker_that_dies_on_the_way_leaves_nothing_half_said(world, monkeypatch):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    monkeypatch.setenv("CROSSDOCK_FAULT", "watch.before_commit:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        world.look()
    assert world.cases() == []
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert world.look() == {"feeds_missing": 1}


def test_the_event_rests_on_what_was_declared_and_every_promise_is_kept(world):
    world.of_acme(DAILY)
    world.at(utc(20, 14)).look()
    world.at(utc(23, 12, 1)).read()
    world.look()
    with world.hub.store.reading(TENANT) as connection:
        (event,) = connection.execute(sa.select(tables.events)).all()
        row = connection.execute(sa.select(tables.awaited).where(tables.awaited.c.id == event.raw_id)).one()
        assert row.declared == (
            "846 from Acme Supply Co. every weekday by 06:00 America/Chicago, days off of us_business excepted"
        )
        assert row.event_id == event.id
    assert event.document["data"]["ext"] == {
        "expected": "acme_supply/846",
        "due_at": "2026-11-23T12:00:00Z",
        "partner": "acme_supply",
        "set": "846",
    }
    look = Look(
        store=world.hub.store, tenant=TENANT, registry=Registry(), lease=MINUTE, router=world.hub.router
    )
    (verdict,) = verify(look, ["P3"])
    assert verdict.violation is None
    assert verdict.looked


def test_the_process_step_watches(world):
    """The way that Airflow goes, each minute."""
    world.at(utc(20, 14))
    report = world.hub.process()
    assert {name: report.counts[name] for name in NOTHING} == NOTHING


# -- sources that bring nothing -------------------------------------------------------------------------------------


def month(world, *, hours=(9, 13, 17), days=28):
    """Four weeks of work, from Monday, 26 October 2026 on: three messages on each weekday."""
    start = datetime(2026, 10, 26, tzinfo=UTC)
    for day in range(days):
        at = start + day * DAY
        if at.weekday() < 5:
            for hour in hours:
                world.at(at + hour * HOUR).comes()
    return start + days * DAY


def test_a_source_that_is_read_and_brings_nothing_for_longer_than_ever_is_noticed(world):
    end = month(world)  # the longest silence: from Friday 17:00 to Monday 09:00, 64 hours
    last = end - 2 * DAY - 7 * HOUR
    world.at(last + 5 * DAY).read()
    assert world.look() == {}
    world.at(last + 128 * HOUR).read()
    assert world.look() == {"sources_quiet": 1}
    world.at(last + 130 * HOUR).read()
    assert world.look() == {}
    (case,) = world.cases()
    assert (case.severity, case.refs) == ("S3", ["feed:supplier_edi"])
    assert case.title == "'supplier_edi' (Supplier EDI over SFTP) is read and brings nothing for 5 days 8 h"
    (event,) = (
        row for (row,) in world.rows(tables.events, "document") if row["data"]["code"] == "INT.FEED_MISSING"
    )
    assert event["data"]["detail"] == (
        "its last news came at 2026-11-20 17:00Z, and it was read 2 times since without an error; since 2026-10-26 "
        "09:00Z it was never silent for longer than 2 days 16 h (from 2026-10-30 17:00Z), and it is called quiet "
        'after 5 days 8 h. If this is as it should be, say quiet_after = "never" or a longer time under [source] '
        "of its connector.toml"
    )


def test_its_case_ends_when_news_come(world):
    end = month(world)
    world.at(end + 5 * DAY).read()
    assert world.look() == {"sources_quiet": 1}
    world.at(end + 6 * DAY).comes()
    assert world.look() == {"feeds_back": 1}
    assert world.cases()[0].resolution == ("news came at 2026-11-29 00:00Z, after a silence of 8 days 7 h")
    world.at(end + 13 * DAY).read()
    assert world.look() == {}, "the longest silence is longer now"


def test_a_new_source_is_never_called_quiet(world):
    world.at(utc(1)).read()
    world.look()
    month(world, days=10)
    for days in (1, 5, 50):
        world.at(utc(10) + days * DAY).read()
        assert world.look() == {}
    assert world.rows(tables.awaited, "declared", "state")[-1] == (
        "it is too new to know how long it is usually silent", "excused"
    )  # fmt: skip


def test_a_source_that_never_said_anything_is_not_called_quiet(world):
    world.read()
    world.clock.advance(90 * DAY)
    world.read()
    assert world.look() == {}


def test_a_seasonal_source_that_was_silent_for_as_long_before_is_as_it_always_is(world):
    world.at(datetime(2026, 3, 2, 9, tzinfo=UTC)).comes()  # spring, and nothing until autumn
    month(world)
    world.at(utc(25) + 60 * DAY).read()
    assert world.look() == {}


def test_a_source_that_only_says_what_it_said_before_brings_nothing(world):
    class Stuck(Empty):
        def messages(self):
            return [again]

    end = month(world)
    with world.hub.store.reading(TENANT) as connection:
        (key,) = connection.execute(
            sa.select(tables.raw_messages.c.key).order_by(tables.raw_messages.c.received_at.desc()).limit(1)
        ).one()
    again = RawMessage(
        tenant=TENANT, source="supplier_edi", key=key, body=b"{}", media_type="text/plain",
        received_at=end, name="again",
    )  # fmt: skip
    world.at(end + 4 * DAY)
    assert world.read(Stuck()).counts["duplicate"] == 1
    assert world.look() == {"sources_quiet": 1}


def test_a_source_that_cannot_be_read_is_not_called_quiet(world):
    end = month(world)
    world.at(end + 5 * DAY)
    assert world.look() == {}, "it was not read since: that is another trouble, with its own sentence"


def test_a_connector_says_its_own_limit(world):
    world.of_source(quiet_after=Duration.parse("4 business hours"))
    world.at(utc(20, 15)).comes()  # Friday 10:00 in New York
    world.at(utc(20, 18)).read()
    assert world.look() == {}
    world.at(utc(20, 19, 1)).read()
    assert world.look() == {"sources_quiet": 1}


def test_a_connector_whose_silence_means_nothing_is_left_alone_at_once(world):
    end = month(world)
    world.at(end + 5 * DAY).read()
    assert world.look() == {"sources_quiet": 1}
    world.of_source(quiet_after=NEVER)
    assert world.look() == {}
    (case,) = world.cases()
    assert (case.state, case.resolution) == (
        "resolved",
        "its connector.toml says that its silence means nothing",
    )
    world.clock.advance(DAY)
    world.read()
    assert world.look() == {}


def test_a_look_that_finds_nothing_takes_no_lock_and_writes_nothing(world, monkeypatch):
    world.of_acme(DAILY)
    month(world, days=10)
    world.at(utc(20, 14)).look()
    monkeypatch.setattr(world.hub.store, "transaction", None)
    for minutes in (1, 2):
        world.at(utc(20, 14, minutes))
        assert world.look() == {}
