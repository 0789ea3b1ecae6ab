"""Watch: what was due and did not come, and sources that are read without any error and bring nothing.

Each declared feed (``expected``) has one due time that is waited for, a row in ``awaited``, made before it is due. So
what was declared today was never missing yesterday, and whatever dies here goes on where it was. When the time is
over and nothing came, one event says so; when it comes after all, its case ends by itself.

    waiting ──came in time──▶ met          waiting, missing ──declared otherwise──▶ excused
       │ └───came late, and nobody was told──▶ late
       └──over, and somebody looked──▶ missing ──came──▶ late

That nothing came is only said when somebody looked: the source was read since, or could not be for ``PATIENCE``.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from canonical.events import ExceptionEvent, Origin
from crossdock.expected import ExpectedFeed, span, usual_calendar
from crossdock.faultpoints import faultpoint
from crossdock.messages import CaseState, derived_id
from crossdock.normalize.part import rfc3339, sealed
from crossdock.partners import Partner, Partners
from crossdock.ports import Clock, Manifest
from crossdock.principals import OURSELVES
from crossdock.reconcile import Said
from crossdock.store import casebook, watched
from crossdock.store.watched import Awaiting

if TYPE_CHECKING:
    from crossdock.record import Recorder
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

CODE: Final = "INT.FEED_MISSING"
COUNTS: Final = ("feeds_missing", "feeds_back", "sources_quiet")
MAPPING: Final = "crossdock.watch"
_VERSION: Final = "1"

PATIENCE: Final = timedelta(minutes=15)
"""So long a source is waited for that was not read since something was due, beyond how often it is read."""

QUIET_AT_LEAST: Final = timedelta(days=1)
"""No silence shorter than this is called unusual, unless the connector says its own limit."""

TIMES_THE_LONGEST: Final = 2
"""A silence is unusual when it is so many times as long as the longest one before it."""

LEARN_FROM: Final = timedelta(days=400)
KNOWN_AFTER: Final = timedelta(days=14)
TIMES_KNOWN: Final = 10
"""What a source usually does is learnt from this much of its past: a year and a season. One that is known for less
than two weeks, or came fewer times, is new: its silence says nothing yet."""


class Watch:
    """Looks at the clock for everybody who should have said something."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        clock: Clock,
        manifests: Mapping[str, Manifest],
        partners: Partners,
        recorder: "Callable[[], Recorder]",
    ) -> None:
        """``recorder`` is asked for when something is missing: it needs the rules, and looking does not."""
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._manifests = {
            name: manifest
            for name, manifest in manifests.items()
            if manifest.tenant == tenant and manifest.source is not None
        }
        self._feeds = {feed.feed: feed for feed in declared(self._manifests.values(), partners)}
        self._recorder = recorder

    def look(self) -> dict[str, int]:
        """Look once. ``feeds_missing``: due times that passed in vain; ``sources_quiet``: those that became so;
        ``feeds_back``: what came after all; with them the ``events``, ``cases`` and ``write_backs`` of it."""
        now = self._clock.now()
        with self._store.reading(self._tenant) as connection:
            wants = any(self._wants(connection, now))
        counts = dict.fromkeys(COUNTS, 0)
        if not wants:
            return counts
        with self._store.transaction(self._tenant) as connection:
            if watched.take_turn(connection, self._tenant):
                counts = _Look(self, connection, now).through()
            faultpoint("watch.before_commit")
        faultpoint("watch.after_commit")
        return counts

    def _wants(self, connection: "Transaction", now: datetime) -> Iterable[bool]:
        """Whether there is anything to do: nothing is locked and nothing is written for a look that finds nothing."""
        rows = watched.open_rows(connection, self._tenant)
        waiting = {row.feed: row for row in rows if row.state == "waiting" and row.kind == "feed"}
        yield any(row.state == "missing" or row.due_at <= now for row in rows)
        for name, feed in self._feeds.items():
            yield name not in waiting or not fits(waiting[name], feed)
        for row in rows:
            yield row.feed not in (self._feeds if row.kind == "feed" else self._manifests)
            yield row.kind == "source" and self.noticed_after(row.feed, row.opens_at) == timedelta.max
        silent = [
            silence_id(self._tenant, name, one.last_at)
            for name, one in watched.news(connection, self._tenant).items()
            if name in self._manifests
            and one.last_at is not None
            and now - one.last_at >= self.noticed_after(name, one.last_at)
        ]
        yield bool(set(silent) - watched.known(connection, self._tenant, silent))

    def noticed_after(self, source: str, last: datetime) -> timedelta:
        """How long a source must be silent before anybody thinks about it; ``timedelta.max``: for ever."""
        manifest = self._manifests[source]
        assert manifest.source is not None
        limit = manifest.source.quiet_after
        if limit is None:
            return QUIET_AT_LEAST
        return (usual_calendar().add(last, limit) - last) / 2 if limit else timedelta.max


def silence_id(tenant: str, source: str, last: datetime) -> uuid.UUID:
    """One row for each silence of a source: it begins with its last news."""
    return derived_id("awaited", tenant, "source", source, rfc3339(last))


def declared(manifests: Iterable[Manifest], partners: Iterable[Partner]) -> list[ExpectedFeed]:
    """Every declared feed: those of connectors, then those of partners."""
    return [
        *(feed for manifest in manifests for feed in manifest.expected),
        *(feed for partner in partners for feed in partner.expected),
    ]


def fits(row: Awaiting, feed: ExpectedFeed) -> bool:
    """Whether a row still waits for what is declared now."""
    schedule = feed.schedule
    due_again = schedule.last_due(row.due_at) == row.due_at
    return due_again and row.wanted == feed.at_least and row.opens_at == schedule.opens(row.due_at)


class _Look:
    """One look, in its transaction."""

    def __init__(self, watch: Watch, connection: "Transaction", now: datetime) -> None:
        self._watch = watch
        self._connection = connection
        self._tenant = watch._tenant
        self._manifests = watch._manifests
        self._now = now
        self._said: list[Said] = []
        self._counts = dict.fromkeys(COUNTS, 0)

    def through(self) -> dict[str, int]:
        self._news = watched.news(self._connection, self._tenant)
        rows = watched.open_rows(self._connection, self._tenant)
        feeds = self._watch._feeds
        for name, feed in feeds.items():
            self._feed(feed, [row for row in rows if row.kind == "feed" and row.feed == name])
        for name in self._manifests:
            self._source(name, [row for row in rows if row.kind == "source" and row.feed == name])
        for row in rows:
            if row.feed not in (feeds if row.kind == "feed" else self._manifests):
                self._excuse(row)
                self._close(row.feed, "it is not expected any more: its declaration was taken out")
        if self._said:
            written = self._watch._recorder().write_events(self._connection, self._said, self._now)
            self._counts |= {name: written[name] for name in ("events", "cases", "write_backs")}
        return self._counts

    # -- declared feeds ---------------------------------------------------------------------------------------------

    def _feed(self, feed: ExpectedFeed, rows: Sequence[Awaiting]) -> None:
        missing = [row for row in rows if row.state == "missing"]
        back = [row for row in missing if self._ended_late(row, self._came(feed, row, self._now))]
        if back and len(back) == len(missing):
            self._close(feed.feed, self._back_again(feed, back[-1]))
        waiting = next((row for row in rows if row.state == "waiting"), None)
        if waiting is None or not fits(waiting, feed):
            if waiting is not None:
                self._excuse(waiting)
            waiting = self._wait_for(feed, feed.schedule.due_after(self._now))
        while waiting.due_at <= self._now and self._is_over(feed, waiting):
            after = feed.schedule.due_after(waiting.due_at)
            if after <= self._now:  # nobody looked for so long: the due times between are passed over
                after = feed.schedule.last_due(self._now) or after
            waiting = self._wait_for(feed, after)

    def _wait_for(self, feed: ExpectedFeed, due: datetime) -> Awaiting:
        """The next due time. What came late for the one before it counts for that one alone."""
        row = Awaiting(
            id=derived_id("awaited", self._tenant, "feed", feed.feed, rfc3339(due), rfc3339(self._now)),
            kind="feed",
            feed=feed.feed,
            declared=str(feed),
            opens_at=feed.schedule.opens(due),
            due_at=due,
            wanted=feed.at_least,
            state="waiting",
            noted_at=self._now,
            asked_at=None,
        )
        watched.add(self._connection, self._tenant, row)
        return row

    def _is_over(self, feed: ExpectedFeed, row: Awaiting) -> bool:
        """Whether it is known now what became of a due time that is over; what follows from it is written."""
        came = self._came(feed, row, self._now)
        if came is not None:
            state = "met" if came <= row.due_at else "late"
            self._move(row, state, came_at=came)
            return True
        if not self._looked(feed, row):
            if row.asked_at is None:
                watched.move(self._connection, self._tenant, row.id, asked_at=self._now)
            return False
        self._missing(feed, row)
        return True

    def _came(self, feed: ExpectedFeed, row: Awaiting, until: datetime) -> datetime | None:
        """When what is awaited was complete, if it is."""
        times = {"after": row.opens_at, "until": until}
        if feed.partner:
            return watched.came_from_partner(
                self._connection, self._tenant, feed.partner, feed.set_id, **times, nth=row.wanted
            )
        return watched.came_from_source(
            self._connection, self._tenant, feed.source, feed.files, **times, nth=row.wanted
        )

    def _looked(self, feed: ExpectedFeed, row: Awaiting) -> bool:
        """Whether silence is known to be silence: every source that could bring it was read since it was due, and all
        that they brought was looked at; or that was waited for long enough."""
        brought_by = self._brought_by(feed)
        seldom = max((self._every(name) for name in brought_by), default=0)
        if row.asked_at is not None and self._now >= row.asked_at + PATIENCE + timedelta(seconds=seldom):
            return True
        if any(not self._was_read(name, row.due_at) for name in brought_by):
            return False
        return not feed.partner or not watched.in_flight(
            self._connection, self._tenant, brought_by, after=row.opens_at, until=row.due_at
        )

    def _brought_by(self, feed: ExpectedFeed) -> list[str]:
        """The sources that may bring a feed: of a partner's documents, each that holds X12."""
        if feed.source:
            return [feed.source]
        return [
            name
            for name, manifest in self._manifests.items()
            if manifest.source is not None and manifest.source.document == "x12"
        ]

    def _every(self, source: str) -> int:
        manifest = self._manifests[source]
        return (manifest.source and manifest.source.every_s) or 0

    def _was_read(self, source: str, since: datetime) -> bool:
        """Whether it was read since then, and without an error. One that is pushed to us needs no reading."""
        if not self._every(source):
            return True
        news = self._news.get(source)
        return news is not None and news.read_at is not None and news.read_at >= since and not news.error

    # -- saying so --------------------------------------------------------------------------------------------------

    def _missing(self, feed: ExpectedFeed, row: Awaiting) -> None:
        zone = ZoneInfo(feed.schedule.calendar.timezone)
        due = f"{row.due_at.astimezone(zone):%Y-%m-%d %H:%M} {feed.schedule.calendar.timezone}"
        short = f" ({row.wanted} were wanted)" if row.wanted > 1 else ""
        exception = ExceptionEvent(
            code=CODE,
            title=f"{feed.what} has not come{short}: it was due by {due}",
            detail=". ".join([str(feed), *self._why(feed, row)]),
            refs=[{"kind": "feed", "value": feed.feed, "scheme": "expected"}],
            place={},
            method="timer",
            ext={
                "expected": feed.feed,
                "due_at": rfc3339(row.due_at),
                **(
                    {"partner": feed.partner, "set": feed.set_id} if feed.partner else {"source": feed.source}
                ),
            },
        )
        brought_by = self._brought_by(feed)
        self._say(
            row, exception, brought_by[0] if len(brought_by) == 1 else "crossdock", feed.partner or None
        )
        self._counts["feeds_missing"] += 1

    def _why(self, feed: ExpectedFeed, row: Awaiting) -> Iterable[str]:
        """What a person should know before asking the sender: it may be us."""
        if feed.partner:
            refused = watched.refused_of_partner(
                self._connection,
                self._tenant,
                feed.partner,
                feed.set_id,
                after=row.opens_at,
                until=self._now,
            )
            if refused:
                yield f"{refused} came and {'was' if refused == 1 else 'were'} refused: see the dead letters"
        for name in self._brought_by(feed):
            news = self._news.get(name)
            if news is None or news.read_at is None:
                if self._every(name):
                    yield f"'{name}' was never read"
            elif news.stopped_at is not None:
                yield f"'{name}' is stopped: crossdock connector resume {name}"
            elif news.error:
                yield f"'{name}' cannot be read: {news.error[:300]}"
            elif not self._was_read(name, row.due_at):
                yield f"'{name}' was last read at {rfc3339(news.read_at)}: is its DAG receive__{name} paused?"

    def _say(self, row: Awaiting, exception: ExceptionEvent, source: str, partner: str | None) -> None:
        """An event that no document said: it stands on the row that says why something is due."""
        manifest = self._manifests.get(source)
        origin = Origin(
            tenant=self._tenant,
            source=source,
            connector_version=manifest.version if manifest is not None else "0",
            mapping=MAPPING,
            mapping_version=_VERSION,
            raw_id=str(row.id),
            raw_sha256=sha256(row.declared.encode()).hexdigest(),
            received_at=rfc3339(row.noted_at),
            recorded_at=rfc3339(self._now),
        )
        (document,) = sealed([exception], origin, part="missing")
        self._said.append(Said(document=document, raw_id=row.id, part=0, partner=partner))
        watched.move(self._connection, self._tenant, row.id, state="missing", event_id=document["id"])

    def _ended_late(self, row: Awaiting, came: datetime | None) -> bool:
        if came is None:
            return False
        self._move(row, "late", came_at=came)
        self._counts["feeds_back"] += 1
        return True

    def _back_again(self, feed: ExpectedFeed, row: Awaiting) -> str:
        came = self._came(feed, row, self._now)
        assert came is not None
        late = f"{span(came - row.due_at)} after it was due" if came > row.due_at else "in time after all"
        return f"it came at {_utc(came)}, {late}"

    def _excuse(self, row: Awaiting) -> None:
        self._move(row, "excused")

    def _move(self, row: Awaiting, state: str, **more: Any) -> None:
        watched.move(self._connection, self._tenant, row.id, state=state, ended_at=self._now, **more)

    def _close(self, feed: str, reason: str) -> None:
        for case in casebook.open_cases_about(self._connection, self._tenant, [CODE], [f"feed:{feed}"]):
            casebook.move_case(
                self._connection,
                tenant=self._tenant,
                case_id=case.id,
                from_state=case.state,
                to_state=CaseState.RESOLVED,
                actor=OURSELVES,
                reason=reason,
                now=self._now,
            )

    # -- sources that bring nothing ---------------------------------------------------------------------------------

    def _source(self, name: str, rows: Sequence[Awaiting]) -> None:
        news = self._news.get(name)
        last = news.last_at if news is not None else None
        current = next((row for row in rows if row.opens_at == last), None)
        for row in rows:
            if self._watch.noticed_after(name, row.opens_at) == timedelta.max:
                self._excuse(row)
                self._close(name, "its connector.toml says that its silence means nothing")
            elif row is not current:
                self._broken(name, row)
        if last is None or self._now - last < self._watch.noticed_after(name, last):
            return
        if current is None:
            current = self._judged(name, last)
        if (
            current is not None
            and current.state == "waiting"
            and current.due_at <= self._now
            and self._was_read(name, current.due_at)
            and not (news and news.stopped_at)
        ):
            self._quiet(name, current, last)

    def _broken(self, name: str, row: Awaiting) -> None:
        """A silence that is over."""
        came = watched.came_from_source(
            self._connection, self._tenant, name, "", after=row.opens_at, until=self._now, nth=1
        )
        if came is None:
            self._excuse(row)
        elif row.state == "missing":
            self._ended_late(row, came)
            silent = span(came - row.opens_at)
            self._close(name, f"news came at {_utc(came)}, after a silence of {silent}")
        else:
            self._move(row, "met" if came <= row.due_at else "late", came_at=came)

    def _judged(self, name: str, last: datetime) -> Awaiting | None:
        """The row of this silence: until when it is nothing unusual. Made once, for as long as it lasts."""
        row_id = silence_id(self._tenant, name, last)
        if watched.known(self._connection, self._tenant, [row_id]):
            return None  # it was judged before: nothing can be said about it
        manifest = self._manifests[name]
        assert manifest.source is not None
        declared = manifest.source.quiet_after
        row = Awaiting(
            id=row_id,
            kind="source",
            feed=name,
            declared="",
            opens_at=last,
            due_at=last + QUIET_AT_LEAST,
            wanted=1,
            state="waiting",
            noted_at=self._now,
            asked_at=None,
        )
        if declared is not None:
            limit = usual_calendar().add(last, declared)
            row = replace(row, due_at=limit, declared=f'its connector.toml says quiet_after = "{declared}"')
        else:
            habit = watched.habit(self._connection, self._tenant, name, since=last - LEARN_FROM)
            if habit is None or habit.times < TIMES_KNOWN or last - habit.since < KNOWN_AFTER:
                row = replace(
                    row, state="excused", declared="it is too new to know how long it is usually silent"
                )
                watched.add(self._connection, self._tenant, row, ended_at=self._now)
                return None
            limit = last + max(QUIET_AT_LEAST, TIMES_THE_LONGEST * habit.longest)
            row = replace(
                row,
                due_at=limit,
                declared=f"since {_utc(habit.since)} it was never silent for longer than {span(habit.longest)} (from "
                f"{_utc(habit.longest_from)}), and it is called quiet after {span(limit - last)}",
            )
        watched.add(self._connection, self._tenant, row)
        return row

    def _quiet(self, name: str, row: Awaiting, last: datetime) -> None:
        runs = watched.green_runs(self._connection, self._tenant, name, since=last)
        read = f"it was read {runs} times since without an error" if runs else "nothing failed"
        manifest = self._manifests[name]
        exception = ExceptionEvent(
            code=CODE,
            title=f"'{name}' ({manifest.title}) is read and brings nothing for {span(self._now - last)}"
            if self._every(name)
            else f"nothing was pushed to '{name}' ({manifest.title}) for {span(self._now - last)}",
            detail=f"its last news came at {_utc(last)}, and {read}; {row.declared}. If this is as it should be, say "
            f'quiet_after = "never" or a longer time under [source] of its connector.toml',
            severity="S3",
            refs=[{"kind": "feed", "value": name, "scheme": "source"}],
            place={},
            method="timer",
            ext={"source": name, "quiet_since": rfc3339(last)},
        )
        self._say(row, exception, name, None)
        self._counts["sources_quiet"] += 1


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"
