"""What an answer of a receiver leads to: the whole policy of webhooks, as pure functions.

2xx alone is success. 410 switches the subscription off. 429, 502, 503 and 504 hold the whole subscription back.
Everything else, a redirect too, is tried again by the schedule, and ``Retry-After`` makes that later, never sooner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from crossdock.emit.settings import WebhookSettings
from crossdock.ports import Dice
from crossdock.wires.webhook_call import Answered

THROTTLE: Final = frozenset({429, 502, 503, 504})
GONE: Final = 410
MEDIA_TYPE: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep:
    """The next state of a message after one attempt, and what it means for its subscription."""

    state: str
    outcome: str
    reason: str | None = None
    next_attempt_at: datetime | None = None
    hold_until: datetime | None = None
    switch_off: str | None = None
    stop: bool = False  # nothing more is sent to this receiver in this run


def next_call(
    answered: Answered, *, settings: WebhookSettings, spent: int, now: datetime, dice: Dice
) -> CallStep:
    """What one answer leads to."""
    status = answered.status
    if status is not None and 200 <= status < 300:
        return CallStep(state="delivered", outcome="delivered")
    if status == GONE:
        return CallStep(
            state="failed",
            outcome="gone",
            reason=answered.sentence,
            switch_off="it answered 410: the receiver wants no more",
            stop=True,
        )
    throttled = status in THROTTLE
    wait = wait_before(spent + 1, settings, dice)
    asked = answered.retry_after
    hold = now + (asked or wait or settings.connect) if throttled else None
    if wait is None:
        return CallStep(
            state="failed",
            outcome="failed",
            reason=f"after {spent} attempts: {answered.sentence}",
            hold_until=hold,
            stop=throttled or status is None,
        )
    return CallStep(
        state="waiting",
        outcome="retry",
        reason=answered.sentence,
        next_attempt_at=now + max(wait, asked or timedelta(0)),
        hold_until=hold,
        stop=throttled or status is None,
    )


def wait_before(attempt: int, settings: WebhookSettings, dice: Dice) -> timedelta | None:
    """How long to wait before this attempt (counted from 1), or ``None`` when there is no such."""
    if attempt > len(settings.schedule_s):
        return None
    share = 1 + settings.jitter_percent / 100 * (2 * dice.random() - 1)
    return timedelta(seconds=settings.schedule_s[attempt - 1] * share)


# -- switching off ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How long a subscription fails: the first failure that still counts, and since when its clock runs."""

    first_at: datetime
    since: datetime | None
    percent: int
    off: bool


def failing(
    *, first_at: datetime | None, since: datetime | None, now: datetime, settings: WebhookSettings
) -> Failing:
    """After one more failure, with no success since ``first_at``.

    The clock starts with a failure that comes ``failures_apart`` after another one, both within ``failures_within``:
    a receiver that is away for an evening does not start it. When it has run for ``disable_after``, it is enough.
    """
    if since is None:
        if first_at is None or now - first_at > settings.failures_within:
            return Failing(first_at=now, since=None, percent=0, off=False)
        if now - first_at < settings.failures_apart:
            return Failing(first_at=first_at, since=None, percent=0, off=False)
        since = now
    assert first_at is not None
    percent = min(100, int(100 * ((now - since) / settings.disable_after)))
    return Failing(first_at=first_at, since=since, percent=percent, off=percent >= 100)


def alert_of(percent: int, alerted: int, settings: WebhookSettings) -> int | None:
    """The highest grade that was reached and nobody was told of yet."""
    reached = [grade for grade in settings.alerts_percent if alerted < grade <= percent]
    return max(reached, default=None)


# -- what is sent ---------------------------------------------------------------------------------------------------


def body_of(event: Mapping[str, Any], *, public_url: str, most_bytes: int) -> bytes:
    """The event as a structured CloudEvent; one that is too large without its data, which ``dataref`` leads to.

    The same event gives the same bytes, however often it is sent.
    """
    body = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    if len(body) <= most_bytes:
        return body
    short = {name: value for name, value in event.items() if name != "data"}
    short["dataref"] = f"{public_url}/api/feed/events/{event['id']}"
    return orjson.dumps(short, option=orjson.OPT_SORT_KEYS)
