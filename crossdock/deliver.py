"""Deliver: one effect for each write-back, or a plain word that it could not be had.

The intent, with its attempt number, is committed before the call; no transaction is open during it; the outcome and
the next state are appended after it, only by whoever still holds the lease. A call whose effect is unknown is
repeated only where the target honours the key, asked about where the target can be asked, and otherwise left to a
person. Waiting is a time in a row (``next_attempt_at``), never a sleep.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, assert_never

from crossdock import deadletters
from crossdock.edi import exchanges
from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.faultpoints import faultpoint
from crossdock.messages import (
    Delivered,
    Outcome,
    Problem,
    Receipt,
    Reject,
    Retry,
    Stage,
    Unsure,
    WriteBack,
    WriteBackState,
)
from crossdock.partners import Partner
from crossdock.ports import Clock, Dice, Manifest, Searchable, Sink, SinkManifest
from crossdock.retry import next_attempt_at
from crossdock.store import desk, outbox

if TYPE_CHECKING:
    from crossdock.store.engine import Store

CALL_MARGIN = timedelta(seconds=90)
"""Longer than any call may take: a lease that is shorter than this is renewed before the call."""

PAUSE = timedelta(seconds=60)
"""How long a write-back waits when its target's configuration must be mended first."""


class TargetPaused(CrossdockError):
    """The target cannot be used until a person mends its configuration; nothing was spent on it."""


class Deliverer:
    """Brings the due write-backs of one target to their next state."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        manifest: Manifest,
        sink: Sink,
        clock: Clock,
        dice: Dice,
        lease: timedelta,
        run_id: uuid.UUID | None = None,
        partners: Iterable[Partner] = (),
    ) -> None:
        """``partners``: who may owe us an acknowledgement for what is delivered."""
        if manifest.sink is None:
            raise Misconfigured(f"connector '{manifest.name}' has no sink, so nothing is delivered to it")
        self._store = store
        self._tenant = tenant
        self._target = manifest.name
        self._rules: SinkManifest = manifest.sink
        self._sink = sink
        self._clock = clock
        self._dice = dice
        self._lease = lease
        self._run_id = run_id
        self._partners = tuple(partners)

    def deliver_batch(self) -> dict[str, int]:
        """Claim what is due and make each attempt. ``attempts`` 0: nothing is due.

        Raises ``TargetPaused`` when the target's configuration is wrong; what was claimed and not tried is ready
        again.
        """
        counts = dict.fromkeys(
            ("attempts", "delivered", "retry", "rejected", "unsure", "exhausted", "found", "lost_lease"), 0
        )
        self._take_over_abandoned(counts)
        # a target that can neither be asked nor sent a thing twice gets one intent at a time: dying here must not
        # make a whole batch unsure
        limit = 1 if self._rules.idempotency == "none" else self._rules.batch
        with self._store.transaction(self._tenant) as connection:
            intents = outbox.claim_due(
                connection,
                tenant=self._tenant,
                target=self._target,
                now=self._clock.now(),
                lease=self._lease,
                limit=limit,
                run_id=self._run_id,
            )
            faultpoint("deliver.before_intent")
        faultpoint("deliver.after_intent")
        for number, intent in enumerate(intents):
            try:
                self._attempt(intent, counts)
            except TargetPaused:
                self._release(intents[number + 1 :])
                raise
        return counts

    def _attempt(self, intent: outbox.Intent, counts: dict[str, int]) -> None:
        if not self._holds(intent):
            counts["lost_lease"] += 1
            return
        counts["attempts"] += 1
        found = None
        if intent.ask_first and self._can_be_asked():
            found, quiet = self._ask(intent.write_back)
            if quiet is not None:
                self._record(intent, quiet, counts)
                return
        if found is not None:
            self._record(intent, Delivered(receipt=found), counts, phase="found")
            return
        try:
            outcome = self._call(intent.write_back)
        except Misconfigured as error:
            self._pause(intent, str(error))
            raise TargetPaused(f"target '{self._target}': {error}") from error
        faultpoint("deliver.after_call")
        self._record(intent, outcome, counts)
        faultpoint("deliver.after_record")

    def _holds(self, intent: outbox.Intent) -> bool:
        """Whether the lease outlasts a call; one that may not is renewed, which fails when another has it."""
        now = self._clock.now()
        if intent.lease_until - now > CALL_MARGIN:
            return True
        with self._store.transaction(self._tenant) as connection:
            held = outbox.renew(connection, intent, now + self._lease + CALL_MARGIN)
            faultpoint("deliver.before_renew")
        faultpoint("deliver.after_renew")
        return held

    def _call(self, write_back: WriteBack) -> Outcome:
        """One call. What the sink raises has a meaning; what it should not raise may have happened after the
        request left, so it is unsure."""
        try:
            return self._sink.deliver(write_back)
        except Misconfigured:
            raise
        except WireDown as error:
            return Retry(reason=str(error))
        except WireQuiet as error:
            return Unsure(reason=str(error))
        except Refused as error:
            return Reject(reason=str(error), status=error.status)
        except Exception as error:
            return Unsure(reason=f"the sink failed: {type(error).__name__}")

    def _can_be_asked(self) -> bool:
        return self._rules.idempotency in ("key", "readback") and isinstance(self._sink, Searchable)

    def _ask(self, write_back: WriteBack) -> tuple[Receipt | None, Outcome | None]:
        """The target's receipt for an earlier attempt, or the reason why it did not say."""
        assert isinstance(self._sink, Searchable)
        try:
            return self._sink.find(write_back), None
        except CrossdockError as error:
            return None, Unsure(reason=f"asked whether it happened, and got no answer: {error}")

    def _take_over_abandoned(self, counts: dict[str, int]) -> None:
        """Attempts whose worker died between intent and outcome: what they did is unknown."""
        with self._store.transaction(self._tenant) as connection:
            abandoned = outbox.claim_abandoned(
                connection,
                tenant=self._tenant,
                target=self._target,
                now=self._clock.now(),
                lease=self._lease,
                limit=self._rules.batch,
            )
            faultpoint("deliver.before_take_over")
        faultpoint("deliver.after_take_over")
        for intent in abandoned:
            reason = "the worker that made this attempt is gone; whether the call happened is unknown"
            self._record(intent, Unsure(reason=reason), counts, abandoned=True)

    def _record(
        self,
        intent: outbox.Intent,
        outcome: Outcome,
        counts: dict[str, int],
        *,
        phase: str = "outcome",
        abandoned: bool = False,
    ) -> None:
        """Append the outcome and the next state, and a dead letter where it ends without the effect."""
        now = self._clock.now()
        step = next_step(
            outcome, rules=self._rules, intent=intent, now=now, dice=self._dice, target=self._target
        )
        with self._store.transaction(self._tenant) as connection:
            held = outbox.record(
                connection,
                intent,
                state=step.state,
                outcome="found" if phase == "found" else step.word,
                reason=step.reason,
                now=now,
                receipt=step.receipt,
                # an abandoned attempt waited out its lease already
                next_attempt_at=now if abandoned and step.next_attempt_at else step.next_attempt_at,
                ask_first=step.ask_first,
                phase=phase,
                run_id=self._run_id,
            )
            if held and step.state is WriteBackState.DELIVERED and "x12" in intent.write_back.media_type:
                exchanges.note_delivered(connection, self._tenant, intent.write_back.id, self._partners, now)
            if held and step.problem is not None:
                desk.add_dead_letters(
                    connection, [deadletters.write_back_row(intent.write_back, step.problem, now=now)]
                )
            faultpoint("deliver.before_record")
        counts[("found" if phase == "found" else step.word) if held else "lost_lease"] += 1

    def _pause(self, intent: outbox.Intent, reason: str) -> None:
        """Back to ready, without spending an attempt: the request was provably not taken."""
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            outbox.record(
                connection,
                intent,
                state=WriteBackState.READY,
                outcome="paused",
                reason=reason,
                now=now,
                next_attempt_at=now + PAUSE,
                ask_first=intent.ask_first,
                counts=False,
                run_id=self._run_id,
            )
            faultpoint("deliver.before_pause")
        faultpoint("deliver.after_pause")

    def _release(self, intents: list[outbox.Intent]) -> None:
        """Intents that were written down and provably not called."""
        for intent in intents:
            self._pause(intent, "not tried: the target is paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state of a write-back after one attempt, and why."""

    state: WriteBackState
    word: str
    reason: str | None = None
    receipt: Mapping[str, Any] | None = None
    next_attempt_at: datetime | None = None
    ask_first: bool = False
    problem: Problem | None = None


def next_step(
    outcome: Outcome, *, rules: SinkManifest, intent: outbox.Intent, now: datetime, dice: Dice, target: str
) -> Step:
    """What one outcome leads to: a pure function, and the whole policy of delivery.

    An effect that may have happened is asked about before anything is sent again (``ask_first``), and where the
    target neither honours the key nor can be asked, nothing is sent again at all.
    """
    match outcome:
        case Delivered():
            receipt = {"reference": outcome.receipt.reference, **outcome.receipt.evidence}
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
        case Retry() | Unsure():
            unsure = isinstance(outcome, Unsure)
            due = next_attempt_at(
                schedule_s=rules.schedule_s,
                spent=intent.spent,
                now=now,
                dice=dice,
                not_before=outcome.not_before if isinstance(outcome, Retry) else None,
            )
            if due is not None and not (unsure and rules.idempotency == "none"):
                return Step(
                    state=WriteBackState.READY,
                    word="unsure" if unsure else "retry",
                    reason=outcome.reason,
                    next_attempt_at=due,
                    ask_first=unsure or intent.ask_first,
                )
            reason = f"after {intent.spent} attempt(s): {outcome.reason}"
            if unsure or intent.ask_first:
                problem = _problem(
                    target,
                    "INT.OUTCOME_UNKNOWN",
                    WireQuiet,
                    reason,
                    "Look at the target whether it happened, and say so: `crossdock unknown happened` or, if it did "
                    "not, `crossdock unknown did-not-happen`; when another person agrees,",
                )
                return Step(state=WriteBackState.UNSURE, word="unsure", reason=reason, problem=problem)
            problem = _problem(
                target, "INT.DELIVERY_FAILED", WireDown, reason, "When the target works again, replay:"
            )
            return Step(state=WriteBackState.EXHAUSTED, word="exhausted", reason=reason, problem=problem)
        case _:
            assert_never(outcome)


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
