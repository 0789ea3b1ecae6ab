"""What one outcome leads to: pure functions, and the whole policy of delivery.

Trying is bounded by number (``schedule_s``) and by age (``max_age_s``). An effect that may have happened is asked
about before anything is sent again; it is sent again only while the target is known to recognise it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from crossdock.errors import CrossdockError, Refused, WireDown, WireQuiet
from crossdock.messages import (
    Conflict,
    Delivered,
    Outcome,
    Problem,
    Reject,
    Retry,
    Stage,
    Unsure,
    WriteBackState,
)
from crossdock.ports import Dice, SinkManifest
from crossdock.retry import next_attempt_at
from crossdock.store import outbox

LONGEST_WAIT: Final = timedelta(hours=24)
"""A target that asks us to come back later than this is asked again before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state of a write-back after one attempt, and why. ``spends``: the attempt counts."""

    state: WriteBackState
    word: str
    reason: str | None = None
    receipt: Mapping[str, Any] | None = None
    next_attempt_at: datetime | None = None
    ask_first: bool = False
    problem: Problem | None = None
    spends: bool = True


def next_step(
    outcome: Outcome,
    *,
    rules: SinkManifest,
    intent: outbox.Intent,
    now: datetime,
    dice: Dice,
    target: str,
    can_be_asked: bool = True,
) -> Step:
    """The next state. ``can_be_asked``: the sink can look whether the effect is there (``Searchable``)."""
    match outcome:
        case Delivered():
            receipt = {"reference": outcome.receipt.reference, **outcome.receipt.evidence}
            if outcome.duplicate:
                receipt["duplicate"] = True
            return Step(state=WriteBackState.DELIVERED, word="delivered", receipt=receipt)
        case Reject():
            problem = _problem(
                target,
                "INT.DELIVERY_FAILED",
                Refused,
                outcome.reason,
                "Correct what it objects to, then replay:",
            )
            return Step(
                state=WriteBackState.REJECTED, word="rejected", reason=outcome.reason, problem=problem
            )
        case Conflict():
            if intent.ask_first:
                # what it objects to may be our own earlier attempt
                return left_unknown(target, intent, outcome.reason)
            problem = _problem(
                target,
                "INT.CONFLICT",
                Refused,
                outcome.reason,
                "Look at the target what changed. If it is still wanted, replay:",
            )
            return Step(
                state=WriteBackState.REJECTED, word="conflict", reason=outcome.reason, problem=problem
            )
        case Retry() | Unsure():
            return _again(outcome, rules, intent, now, dice, target, can_be_asked)
        case _:
            assert_never(outcome)


def _again(
    outcome: Retry | Unsure,
    rules: SinkManifest,
    intent: outbox.Intent,
    now: datetime,
    dice: Dice,
    target: str,
    can_be_asked: bool,
) -> Step:
    unsure = isinstance(outcome, Unsure)
    maybe_done = unsure or intent.ask_first
    not_before = outcome.not_before if isinstance(outcome, Retry) else None
    due = next_attempt_at(
        schedule_s=rules.schedule_s,
        spent=intent.spent,
        now=now,
        dice=dice,
        not_before=None if not_before is None else min(not_before, now + LONGEST_WAIT),
    )
    tired = ""
    since = intent.trying_since or now
    if due is not None and due > since + timedelta(seconds=rules.max_age_s):
        due, tired = None, f"it was tried for {_length(now - since)}; "
    if maybe_done:
        if not may_be_repeated(rules, can_be_asked):
            return left_unknown(target, intent, outcome.reason)
        if due is not None and forgotten_at(rules, intent, now) <= due:
            since = intent.maybe_since or now
            return left_unknown(
                target,
                intent,
                f"{outcome.reason}; it may have happened since {since:%Y-%m-%d %H:%M}Z, and the target knows our key "
                f"for {_length(timedelta(seconds=rules.remembers_s or 0))} only",
            )
    if due is not None:
        return Step(
            state=WriteBackState.READY,
            word="unsure" if unsure else "retry",
            reason=outcome.reason,
            next_attempt_at=due,
            ask_first=maybe_done,
        )
    if maybe_done:
        return left_unknown(target, intent, tired + outcome.reason)
    reason = f"after {intent.spent} attempt(s): {tired}{outcome.reason}"
    problem = _problem(
        target, "INT.DELIVERY_FAILED", WireDown, reason, "When the target works again, replay:"
    )
    return Step(state=WriteBackState.EXHAUSTED, word="exhausted", reason=reason, problem=problem)


def may_be_repeated(rules: SinkManifest, can_be_asked: bool) -> bool:
    """Whether what may have happened may be sent again at all: the target recognises it or is asked first, or a
    second one changes nothing."""
    match rules.idempotency:
        case "key" | "natural_key" | "conditional":
            return True
        case "harmless":  # nobody recognises it; a person reads a notice twice, and nothing else is so
            return True
        case "readback":
            return can_be_asked
        case _:
            return False


def forgotten_at(rules: SinkManifest, intent: outbox.Intent, now: datetime) -> datetime:
    """From when on a repeat of what may have happened would be a second effect."""
    if rules.idempotency != "key" or rules.remembers_s is None:
        return datetime.max.replace(tzinfo=now.tzinfo)
    return (intent.maybe_since or now) + timedelta(seconds=rules.remembers_s)


def not_to_be_repeated(
    rules: SinkManifest, intent: outbox.Intent, now: datetime, target: str, *, can_be_asked: bool
) -> Step | None:
    """The step of a write-back that may have happened and must not be sent: its target would not recognise it, or has
    forgotten its key before its turn came. ``None``: it may be sent."""
    if not intent.ask_first:
        return None
    if not may_be_repeated(rules, can_be_asked) or (_lost_its_condition(rules, intent) and not can_be_asked):
        return left_unknown(
            target, intent, "it may have happened, and the target can neither be asked nor recognise a repeat"
        )
    if now < forgotten_at(rules, intent, now):
        return None
    return left_unknown(target, intent, "its turn came when the target knew our key no longer")


def _lost_its_condition(rules: SinkManifest, intent: outbox.Intent) -> bool:
    """Whether it may have happened before the first attempt that is written down, so in a life that a restored
    database does not know. The version that was read before that is lost with it, and one that is read now holds
    nothing off."""
    return (
        rules.idempotency == "conditional"
        and not intent.write_back.version
        and intent.maybe_since is not None
        and intent.trying_since is not None
        and intent.maybe_since < intent.trying_since
    )


def left_unknown(target: str, intent: outbox.Intent, reason: str) -> Step:
    """It may have happened, and only people or the target can say whether it did."""
    reason = f"after {intent.spent} attempt(s): {reason}"
    problem = _problem(
        target,
        "INT.OUTCOME_UNKNOWN",
        WireQuiet,
        reason,
        "Look at the target whether it happened, and say so: `crossdock unknown happened` or, if it did "
        "not, `crossdock unknown did-not-happen`; when another person agrees,",
    )
    return Step(state=WriteBackState.UNSURE, word="unsure", reason=reason, problem=problem)


def until_rules_can_be_read(conflict: str, why: str, at: datetime) -> Step:
    """What conflicts, and can neither be decided again nor told to a person before somebody mends the rules."""
    reason = f"{conflict}; it is decided again when the rules can be read: {why}"
    return Step(state=WriteBackState.READY, word="conflict", reason=reason, next_attempt_at=at, spends=False)


def _length(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:.0f} h" if hours >= 2 else f"{span / timedelta(minutes=1):.0f} min"


def _problem(
    target: str, code: str, error_class: type[CrossdockError], sentence: str, remedy: str
) -> Problem:
    return Problem(
        stage=Stage.DELIVER,
        code=code,
        error_class=error_class.__name__,
        sentence=f"target '{target}': {sentence}",
        remedy=f"{remedy} it goes out with the key it always had. Or discard it with a reason.",
    )
