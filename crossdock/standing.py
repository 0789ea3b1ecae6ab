"""How a target stands: whether it may be called now, and if not, why and until when.

One row in the database for each target, shared by all workers. Everything here is pure: a look at the row, the
target's rules and the time give a ``Permit``; what a call came to gives the next row.

    closed ──5 calls in a row that the wire failed──▶ open ──its time──▶ half_open (one probe)
      ▲ ◀──────────────── the probe is answered ───────────────────────────┘   │ it fails: open, for longer
      └── resumed, or a probe is taken ── paused ◀── login refused (one alert), or a person ── any

While it is not closed nothing fails and nothing is spent: what is due waits.
"""

import math
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from crossdock import blackouts
from crossdock.ports import SinkManifest
from crossdock.principals import OURSELVES


class Mode(StrEnum):
    """What a delivery to a target does."""

    LIVE = "live"  # it is sent
    SHADOW = "shadow"  # the request is made and kept, and never sent
    DRY_RUN = "dry-run"  # the request is made and kept; it is sent when the target is live


class TargetState(StrEnum):
    """The states of a target's connection. The database refuses what is not in ``TARGET_TRANSITIONS``."""

    CLOSED = "closed"  # calls are made
    OPEN = "open"  # the wire failed too often: no call before probe_at
    HALF_OPEN = "half_open"  # one call is made to see whether it works again
    PAUSED = "paused"  # the login was refused, or a person said so


TARGET_TRANSITIONS: Final[Mapping[TargetState, frozenset[TargetState]]] = {
    TargetState.CLOSED: frozenset({TargetState.OPEN, TargetState.PAUSED}),
    TargetState.OPEN: frozenset({TargetState.HALF_OPEN, TargetState.CLOSED, TargetState.PAUSED}),
    TargetState.HALF_OPEN: frozenset({TargetState.CLOSED, TargetState.OPEN, TargetState.PAUSED}),
    TargetState.PAUSED: frozenset({TargetState.HALF_OPEN, TargetState.CLOSED}),
}

OPENS_AFTER: Final = 5
"""So many calls in a row that the wire failed open the circuit. An answer, also a no, ends the row."""

REST_S: Final = (30, 60, 120, 300, 600)
"""How long the circuit stays open: the first time, the second time without an answer between, ..., and ever after."""

LOGIN_PROBES_S: Final = (60, 300, 900)
"""How long a refused login rests before one call tries it again."""

RETRY_RESERVE: Final = 10
RETRY_FLOOR_PER_S: Final = 10 / 60
"""Beside its share of the first attempts a target may always be tried again so often: a quiet one, too. The reserve
fills up again by the floor; what the share gives may lie above it, up to ``MOST_RETRIES_SAVED``."""

MOST_RETRIES_SAVED: Final = 500

EVERY: Final = "*"
"""In a stop: every operation, or every target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A kill switch that a person threw. ``target`` or ``operation`` may be ``*``."""

    target: str
    operation: str
    by: str
    reason: str
    at: datetime

    def covers(self, operation: str) -> bool:
        return self.operation in (EVERY, operation)

    def __str__(self) -> str:
        what = "everything" if self.target == EVERY else self.target
        what += "" if self.operation == EVERY else f":{self.operation}"
        return f"{what} is stopped by {self.by}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What may be called now. ``limit`` 0: nothing, for the reason ``why``, until ``until`` (``None``: until a person
    says so). ``retries``: how many of them may be attempts beyond the first."""

    limit: int
    retries: int = 0
    probe: bool = False
    why: str = ""
    until: datetime | None = None

    def sentence(self) -> str:
        """Why nothing is called, and when it is tried next."""
        return f"{self.why}; " + (
            f"next try {self.until:%Y-%m-%d %H:%M:%S}Z" if self.until else "until a person says so"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The row of a target. ``tokens`` and ``retries`` are what was left at their times; ``None``: full."""

    mode: Mode = Mode.LIVE
    state: TargetState = TargetState.CLOSED
    failures: int = 0
    rests: int = 0
    why: str = ""
    by: str = ""
    since: datetime | None = None
    probe_at: datetime | None = None
    probe: uuid.UUID | None = None
    tokens: float | None = None
    tokens_at: datetime | None = None
    retries: float | None = None
    retries_at: datetime | None = None

    # ── may it be called ─────────────────────────────────────────────────────────────────────────────────────

    def permit(
        self, rules: SinkManifest, now: datetime, stops: Collection[Stop], limit: int | None = None
    ) -> Permit:
        """What may be claimed now, at most ``limit`` (or the target's batch)."""
        most = rules.batch if limit is None else limit
        for stop in stops:
            if stop.operation == EVERY:
                return Permit(limit=0, why=str(stop))
        if self.mode is not Mode.LIVE:
            return Permit(limit=most, retries=most)
        if (closed := blackouts.until(rules.blackouts, now)) is not None:
            until, window = closed
            return Permit(limit=0, why=f"it is left alone {window}", until=until)
        if self.state is not TargetState.CLOSED:
            if self.probe_at is None or self.probe_at > now:
                return Permit(limit=0, why=self.why, until=self.probe_at)
            return Permit(limit=1, retries=1, probe=True)
        tokens = self._tokens(rules, now)
        if tokens < 1:
            assert rules.rate_per_s is not None
            until = now + timedelta(seconds=(1 - tokens) / rules.rate_per_s)
            return Permit(limit=0, why=f"its quota of {rules.rate_per_s:g} a second is used up", until=until)
        most = min(most, math.floor(min(tokens, most)))
        return Permit(limit=most, retries=min(most, math.floor(self._retries(rules, now))))

    def forbids(
        self, rules: SinkManifest, now: datetime, stops: Collection[Stop], write_back: uuid.UUID
    ) -> Permit | None:
        """Why the call of a claimed write-back must not be made after all, or ``None``: in the middle of a batch a
        person, another worker or the clock may have closed the target."""
        for stop in stops:
            if stop.operation == EVERY:
                return Permit(limit=0, why=str(stop))
        if self.mode is not Mode.LIVE:
            return Permit(limit=0, why=f"the target was set to {self.mode}")
        if (closed := blackouts.until(rules.blackouts, now)) is not None:
            return Permit(limit=0, why=f"it is left alone {closed[1]}", until=closed[0])
        if self.state is TargetState.CLOSED:
            return None
        if self.state is TargetState.HALF_OPEN and self.probe == write_back:
            return None
        return Permit(limit=0, why=self.why, until=self.probe_at)

    def next_retry_at(self, rules: SinkManifest, now: datetime) -> datetime | None:
        """When the budget has a retry again, or ``None`` when it has one."""
        left = self._retries(rules, now)
        return None if left >= 1 else now + timedelta(seconds=(1 - left) / RETRY_FLOOR_PER_S)

    # ── what calls come to ───────────────────────────────────────────────────────────────────────────────────

    def claimed(
        self,
        rules: SinkManifest,
        now: datetime,
        *,
        first: int,
        again: int,
        probe: uuid.UUID | None = None,
        lease: timedelta,
    ) -> "Standing":
        """After so many attempts were written down."""
        if self.mode is not Mode.LIVE or first + again == 0:
            return self
        tokens = None if rules.rate_per_s is None else self._tokens(rules, now) - first - again
        saved = self._retries(rules, now) - again
        retries = max(saved, min(saved + rules.retry_share * first, MOST_RETRIES_SAVED))
        spent = replace(self, tokens=tokens, tokens_at=now, retries=retries, retries_at=now)
        if probe is None:
            return spent
        # a probe whose worker dies is made again once its lease is over
        return replace(spent, state=TargetState.HALF_OPEN, probe=probe, probe_at=now + lease)

    def released(self, rules: SinkManifest, now: datetime, count: int) -> "Standing":
        """Claimed and provably not called: the quota was not used."""
        if rules.rate_per_s is None or self.tokens is None:
            return self
        return replace(self, tokens=min(self._tokens(rules, now) + count, rules.burst), tokens_at=now)

    def forgiven(self, rules: SinkManifest, now: datetime, count: int) -> "Standing":
        """Attempts that died with our own worker: trying them again is not on the target's account."""
        return replace(self, retries=self._retries(rules, now) + count, retries_at=now)

    def answered(self) -> "Standing":
        """The target answered, with whatever."""
        if self.state in (TargetState.CLOSED, TargetState.PAUSED) and not self.failures:
            return self
        if self.state is TargetState.PAUSED:
            return replace(self, failures=0)
        return replace(
            self, state=TargetState.CLOSED, failures=0, rests=0, why="", by="", since=None, probe_at=None,
            probe=None,
        )  # fmt: skip

    def failed(self, write_back: uuid.UUID, now: datetime, reason: str) -> "Standing":
        """The wire failed a call."""
        match self.state:
            case TargetState.PAUSED | TargetState.OPEN:
                return self
            case TargetState.HALF_OPEN:
                return self._rest(now, reason) if self.probe == write_back else self
            case TargetState.CLOSED:
                if self.failures + 1 < OPENS_AFTER:
                    return replace(self, failures=self.failures + 1)
                return replace(self, failures=self.failures + 1)._rest(now, reason)

    def login_refused(self, now: datetime, reason: str) -> "Standing":
        """The target does not take our login, or is not who we think. A person's pause stays a person's."""
        if self.state is TargetState.PAUSED and self.by != OURSELVES:
            return self
        tried = self.rests if self._login_was_refused else 0
        wait = timedelta(seconds=LOGIN_PROBES_S[min(tried, len(LOGIN_PROBES_S) - 1)])
        since = self.since if self._login_was_refused else now
        return replace(
            self, state=TargetState.PAUSED, why=reason, by=OURSELVES, since=since, rests=tried + 1,
            probe_at=now + wait, probe=None, failures=0,
        )  # fmt: skip

    def unprobed(self, now: datetime) -> "Standing":
        """The probe was not made after all: the next claim makes one."""
        if self.state is not TargetState.HALF_OPEN:
            return self
        return replace(self, probe=None, probe_at=now)

    @property
    def _login_was_refused(self) -> bool:
        """Also while a probe tries it."""
        return self.by == OURSELVES

    def _rest(self, now: datetime, reason: str) -> "Standing":
        wait = timedelta(seconds=REST_S[min(self.rests, len(REST_S) - 1)])
        return replace(
            self, state=TargetState.OPEN, rests=self.rests + 1, probe_at=now + wait, probe=None, by="",
            since=self.since if self.rests else now,
            why=f"{max(self.failures, OPENS_AFTER)} calls in a row failed, the last: {reason}",
        )  # fmt: skip

    # ── what people say ──────────────────────────────────────────────────────────────────────────────────────

    def paused(self, now: datetime, by: str, reason: str) -> "Standing":
        """A person wants no calls until it is resumed."""
        return replace(
            self, state=TargetState.PAUSED, why=f"paused by {by}: {reason}", by=by, since=now, probe_at=None,
            probe=None, rests=0,
        )  # fmt: skip

    def resumed(self) -> "Standing":
        """Calls are made again, whatever closed it."""
        return replace(
            self, state=TargetState.CLOSED, failures=0, rests=0, why="", by="", since=None, probe_at=None,
            probe=None,
        )  # fmt: skip

    def in_mode(self, mode: Mode) -> "Standing":
        """What a delivery does from now on."""
        return replace(self, mode=mode)

    # ── the quotas ───────────────────────────────────────────────────────────────────────────────────────────

    def _tokens(self, rules: SinkManifest, now: datetime) -> float:
        if rules.rate_per_s is None:
            return math.inf
        if self.tokens is None:
            return rules.burst
        return min(self.tokens + _passed_s(self.tokens_at, now) * rules.rate_per_s, rules.burst)

    def _retries(self, rules: SinkManifest, now: datetime) -> float:
        left = RETRY_RESERVE if self.retries is None else self.retries
        filled = min(left + _passed_s(self.retries_at, now) * RETRY_FLOOR_PER_S, RETRY_RESERVE)
        return max(left, filled)


def _passed_s(since: datetime | None, now: datetime) -> float:
    """Seconds since then; none where the clock was set back."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
