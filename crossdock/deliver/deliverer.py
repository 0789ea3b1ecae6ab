"""Brings the due write-backs of one target to their next state.

The intent, with its attempt number, is committed before the call; no transaction is open during it; the outcome and
the next state are appended after it, only by whoever still holds the lease. Waiting is a time in a row
(``next_attempt_at``), never a sleep.

Whether the target may be called is decided under the lock of its row when write-backs are claimed, and looked at
again before each call: a kill switch, a pause or an open circuit holds in the middle of a batch too.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from crossdock import deadletters
from crossdock.deliver.calls import Calls
from crossdock.deliver.policy import (
    Step,
    left_unknown,
    next_step,
    not_to_be_repeated,
    until_rules_can_be_read,
)
from crossdock.edi import exchanges
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.messages import (
    Conflict,
    Delivered,
    Outcome,
    Retry,
    Unsure,
    WriteBack,
    WriteBackState,
)
from crossdock.partners import Partner
from crossdock.ports import Clock, Dice, Manifest, Sink, SinkManifest
from crossdock.principals import OURSELVES
from crossdock.standing import Mode, Permit, Standing, Stop
from crossdock.store import desk, outbox, target_book, turns
from crossdock.termination import Termination

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

CALL_MARGIN: Final = timedelta(seconds=90)
"""Longer than any call may take: a lease that is shorter than this is renewed before the call."""

LOOK_EVERY: Final = timedelta(seconds=2)
"""A look at the target's row that is older than this is made again before a call."""

TOLD_TO_END: Final = Permit(limit=0, why="the worker was told to end before it began")


RULES_REST: Final = timedelta(minutes=5)
"""What needs rules that cannot be read is tried again so much later: somebody mends them."""


class TargetPaused(CrossdockError):
    """The target cannot be used until a person mends its configuration; nothing was spent on it."""


class Alarm(Protocol):
    """Who is told what befell a target as such, and not one write-back."""

    def login_refused(
        self, connection: "Transaction", write_back: WriteBack, reason: str, since: datetime
    ) -> None:
        """Said at each call that is refused; told once for each pause, which began ``since``."""
        ...

    def login_taken(self, connection: "Transaction", target: str) -> None: ...

    def conflict(self, connection: "Transaction", write_back: WriteBack, conflict: Conflict) -> None: ...


class Redeciding(Protocol):
    """Decides again what a target found outdated, in the transaction that ends the old write-back."""

    def decide_again(
        self, connection: "Transaction", write_back: WriteBack, conflict: Conflict
    ) -> uuid.UUID | None:
        """The write-back that says it anew, or ``None``: a case is opened, since nothing new can be said."""
        ...


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
        alarm: Alarm | None = None,
        redeciding: Redeciding | None = None,
        termination: Termination | None = None,
    ) -> None:
        """``partners``: who may owe us an acknowledgement for what is delivered."""
        if manifest.sink is None:
            raise Misconfigured(f"connector '{manifest.name}' has no sink, so nothing is delivered to it")
        self._store = store
        self._tenant = tenant
        self._target = manifest.name
        self._rules: SinkManifest = manifest.sink
        self._clock = clock
        self._dice = dice
        self._lease = lease
        self._run_id = run_id
        self._partners = tuple(partners)
        self._alarm = alarm
        self._redeciding = redeciding
        self._termination = termination or Termination()
        self._calls = Calls(manifest.name, manifest.sink, sink, self._termination)
        self._standing = Standing()
        self._stops: Collection[Stop] = ()
        self._looked_at = clock.now()
        self.waits: Permit | None = None
        """Why nothing was claimed, when the target may not be called."""
        self.unruled: str | None = None
        """Why somebody could not be told, or nothing decided again: the rules cannot be read."""

    def deliver_batch(self) -> dict[str, int]:
        """Claim what is due and make each attempt. ``attempts`` 0: nothing is due, or nothing may be called.

        Raises ``TargetPaused`` when the target's configuration is wrong; what was claimed and not tried is ready
        again.
        """
        words = (
            "attempts", "delivered", "retry", "rejected", "conflict", "unsure", "exhausted", "superseded", "found",
            "shadowed", "rehearsed", "held", "lost_lease",
        )  # fmt: skip
        counts = dict.fromkeys(words, 0)
        self._take_over_abandoned(counts)
        intents = self._claim()
        faultpoint("deliver.after_intent")
        for number, intent in enumerate(intents):
            if self._termination.was_told():
                counts["held"] += len(intents) - number
                self._release(intents[number:], TOLD_TO_END)
                break
            if (forbidden := self._forbidden(intent)) is not None:
                counts["held"] += 1
                self._release([intent], forbidden)
                continue
            try:
                self._attempt(intent, counts)
            except TargetPaused:
                self._release(intents[number + 1 :], Permit(limit=0, why="the target is paused"))
                raise
        return counts

    # ── what may be called ───────────────────────────────────────────────────────────────────────────────────

    def _claim(self) -> list[outbox.Intent]:
        """Write down the attempts that may be made now. What is due and may not waits where it is."""
        with self._store.transaction(self._tenant) as connection:
            now = self._clock.now()
            standing = target_book.hold(connection, self._tenant, self._target)
            stops = target_book.stops_of(connection, self._tenant, self._target)
            # a target that can neither be asked nor sent a thing twice gets one intent at a time: dying here must not
            # make a whole batch unsure
            most = 1 if self._rules.idempotency == "none" else self._rules.batch
            permit = standing.permit(self._rules, now, stops, most)
            self.waits = None if permit.limit else permit
            if not permit.limit:
                return []
            stopped = [stop.operation for stop in stops]
            again = self._due(
                connection, min(permit.limit, permit.retries), stopped, again=True, standing=standing
            )
            left = permit.limit - len(again)
            first = self._due(connection, left, stopped, again=False, standing=standing)
            if len(again) + len(first) < permit.limit and self._rules.ordering == "subject":
                turns.note_waiting(connection, tenant=self._tenant, target=self._target, now=now)
            intents = [*again, *first]
            probe = intents[0].write_back.id if permit.probe and intents else None
            after = standing.claimed(
                self._rules, now, first=len(first), again=len(again), probe=probe, lease=self._lease
            )
            target_book.save(connection, self._tenant, self._target, standing, after)
            self._saw(after, stops)
            faultpoint("deliver.before_intent")
        return intents

    def _due(
        self,
        connection: "Transaction",
        limit: int,
        stopped: Sequence[str],
        *,
        again: bool,
        standing: Standing,
    ) -> list[outbox.Intent]:
        if limit < 1:
            return []
        return outbox.claim_due(
            connection,
            tenant=self._tenant,
            target=self._target,
            now=self._clock.now(),
            lease=self._lease,
            limit=limit,
            run_id=self._run_id,
            again=again,
            in_turn=self._rules.ordering == "subject",
            but_operations=stopped,
            but_rehearsed=standing.mode is Mode.DRY_RUN,
        )

    def _forbidden(self, intent: outbox.Intent) -> Permit | None:
        """Why this call must not be made after all."""
        if self._clock.now() - self._looked_at > LOOK_EVERY:
            with self._store.reading(self._tenant) as connection:
                self._look(connection)
        for stop in self._stops:
            if stop.covers(intent.write_back.operation):
                return Permit(limit=0, why=str(stop))
        if self._standing.mode is not Mode.LIVE:
            return None
        return self._standing.forbids(self._rules, self._clock.now(), self._stops, intent.write_back.id)

    def _look(self, connection: "Transaction") -> None:
        self._saw(
            target_book.read(connection, self._tenant, self._target),
            target_book.stops_of(connection, self._tenant, self._target),
        )

    def _saw(self, standing: Standing, stops: Collection[Stop]) -> None:
        self._standing, self._stops, self._looked_at = standing, stops, self._clock.now()

    # ── one attempt ──────────────────────────────────────────────────────────────────────────────────────────

    def _attempt(self, intent: outbox.Intent, counts: dict[str, int]) -> None:
        held = self._held(intent)
        if held is None:
            counts["lost_lease"] += 1
            return
        intent = held
        counts["attempts"] += 1
        mode = self._standing.mode
        if mode is Mode.DRY_RUN or (mode is Mode.SHADOW and not intent.ask_first):
            self._rehearse(intent, mode, counts)
            return
        try:
            if intent.ask_first and self._calls.can_be_asked:
                found, quiet = self._calls.find(intent.write_back)
                if quiet is not None:
                    self._record(intent, quiet, counts)
                    return
                if found is not None:
                    self._record(intent, Delivered(receipt=found), counts, phase="found")
                    return
            if mode is Mode.SHADOW:
                self._shadow_what_left(intent, counts)
                return
            if intent.ask_first and (newer := self._overtaken_by(intent)) is not None:
                self._give_way(intent, newer, counts)
                return
            if (
                step := not_to_be_repeated(
                    self._rules,
                    intent,
                    self._clock.now(),
                    self._target,
                    can_be_asked=self._calls.is_searchable,
                )
            ) is not None:
                self._write(intent, step, counts)
                return
            intent, too_soon = self._versioned(intent)
            if too_soon is not None:
                self._record(intent, too_soon, counts)
                return
            if self._termination.was_told():  # while it was asked: the call itself is not begun any more
                counts["held"] += 1
                self._release([intent], TOLD_TO_END)
                return
            if (held := self._held(intent)) is None:
                counts["lost_lease"] += 1
                return
            outcome = self._calls.deliver(intent.write_back)
        except Misconfigured as error:
            self._pause(intent, str(error))
            raise TargetPaused(f"target '{self._target}': {error}") from error
        faultpoint("deliver.after_call")
        self._record(intent, outcome, counts)
        faultpoint("deliver.after_record")

    def _held(self, intent: outbox.Intent) -> outbox.Intent | None:
        """The intent with a lease that outlasts a call; ``None``: another worker has it.

        Asked last of all before a call too, and again after a renewal: who stood still meanwhile makes no call.
        """
        while intent.lease_until - (now := self._clock.now()) <= CALL_MARGIN:
            until = now + self._lease + CALL_MARGIN
            with self._store.transaction(self._tenant) as connection:
                held = outbox.renew(connection, intent, until)
                faultpoint("deliver.before_renew")
            faultpoint("deliver.after_renew")
            if not held:
                return None
            intent = replace(intent, lease_until=until)
        return intent

    def _versioned(self, intent: outbox.Intent) -> tuple[outbox.Intent, Outcome | None]:
        """The intent with the version that the target held before anything was sent; read once, for all attempts."""
        if self._rules.idempotency != "conditional" or intent.write_back.version:
            return intent, None
        version = self._calls.version(intent.write_back)
        if isinstance(version, Retry):
            return intent, version
        with self._store.transaction(self._tenant) as connection:
            outbox.keep_version(connection, intent, version)
            faultpoint("deliver.before_version")
        faultpoint("deliver.after_version")
        return replace(intent, write_back=replace(intent.write_back, version=version)), None

    def _overtaken_by(self, intent: outbox.Intent) -> uuid.UUID | None:
        """A later write-back that was let pass, and says anew what this one says."""
        with self._store.reading(self._tenant) as connection:
            return turns.later_of(connection, self._tenant, intent.write_back.id, let_pass=True)

    def _give_way(self, intent: outbox.Intent, newer: uuid.UUID, counts: dict[str, int]) -> None:
        """Sent now, it would put the older in the place of the newer. What was asked for and is not there ends; what
        nobody can ask about stays unknown."""
        if not self._calls.can_be_asked:
            reason = (
                f"it may have happened, and write-back {newer} says it anew: it is not sent again over that"
            )
            self._write(intent, left_unknown(self._target, intent, reason), counts)
            return
        reason = f"it is not there, and write-back {newer} says it anew"
        step = Step(state=WriteBackState.SUPERSEDED, word="superseded", reason=reason)
        self._write(intent, step, counts, more={"superseded_by": newer})

    def _shadow_what_left(self, intent: outbox.Intent, counts: dict[str, int]) -> None:
        """It was tried while the target was live. What was asked for and is not there is kept; what nobody can ask
        about stays unknown, and is never said to be not sent."""
        if self._calls.can_be_asked:
            self._rehearse(replace(intent, ask_first=False), Mode.SHADOW, counts)
            return
        reason = "an attempt may have happened before the target was set to shadow"
        self._write(intent, left_unknown(self._target, intent, reason), counts)

    def _rehearse(self, intent: outbox.Intent, mode: Mode, counts: dict[str, int]) -> None:
        """Make the request and keep it, instead of sending it."""
        now = self._clock.now()
        request = self._calls.preview(intent.write_back)
        evidence = {"request": {**request, "body_sha256": intent.write_back.body_sha256}}
        shadow = mode is Mode.SHADOW
        word = "shadowed" if shadow else "rehearsed"
        with self._store.transaction(self._tenant) as connection:
            held = outbox.record(
                connection,
                intent,
                state=WriteBackState.SHADOWED if shadow else WriteBackState.READY,
                outcome=word,
                reason=f"made and not sent: the target is in {mode}",
                now=now,
                evidence=evidence,
                next_attempt_at=None if shadow else now,
                ask_first=intent.ask_first and not shadow,
                counts=False,
                phase="rehearsed",
                run_id=self._run_id,
                more={"rehearsed": True},
            )
            self._look(connection)
            if held and shadow and "x12" in intent.write_back.media_type:  # nobody can answer what never left
                deadletters.give_up(connection, self._tenant, intent.write_back.id)
            faultpoint("deliver.before_record")
        faultpoint("deliver.after_record")
        counts[word if held else "lost_lease"] += 1

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
            if abandoned:
                self._change(
                    connection, lambda one: one.forgiven(self._rules, self._clock.now(), len(abandoned))
                )
            faultpoint("deliver.before_take_over")
        faultpoint("deliver.after_take_over")
        for intent in abandoned:
            reason = "the worker that made this attempt is gone; whether the call happened is unknown"
            self._record(intent, Unsure(reason=reason), counts, abandoned=True)

    # ── what came of it ──────────────────────────────────────────────────────────────────────────────────────

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
            outcome,
            rules=self._rules,
            intent=intent,
            now=now,
            dice=self._dice,
            target=self._target,
            can_be_asked=self._calls.is_searchable,
        )
        if abandoned and step.next_attempt_at is not None:
            step = replace(step, next_attempt_at=now)  # an abandoned attempt waited out its lease already
        self._write(intent, step, counts, outcome=outcome, phase=phase, abandoned=abandoned)

    def _write(
        self,
        intent: outbox.Intent,
        step: Step,
        counts: dict[str, int],
        *,
        outcome: Outcome | None = None,
        phase: str = "outcome",
        abandoned: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """``more``: what else is kept with the write-back."""
        now = self._clock.now()
        word = "found" if phase == "found" else step.word
        with self._store.transaction(self._tenant) as connection:
            if isinstance(outcome, Conflict) and step.word == "conflict":
                step, more = self._conflict(connection, intent, outcome, step)
                word = step.word
            held = outbox.record(
                connection,
                intent,
                state=step.state,
                outcome=word,
                reason=step.reason,
                now=now,
                receipt=step.receipt,
                evidence={"request_sha256": intent.write_back.body_sha256},
                next_attempt_at=step.next_attempt_at,
                ask_first=step.ask_first,
                counts=step.spends,
                phase=phase,
                run_id=self._run_id,
                more=more,
            )
            if not held:
                connection.rollback()
                counts["lost_lease"] += 1
                return
            if step.state is WriteBackState.DELIVERED and "x12" in intent.write_back.media_type:
                exchanges.note_delivered(connection, self._tenant, intent.write_back.id, self._partners, now)
            if step.problem is not None:
                desk.add_dead_letters(
                    connection, [deadletters.write_back_row(intent.write_back, step.problem, now=now)]
                )
            self._look(connection)
            if outcome is not None and not abandoned:
                self._note(connection, intent.write_back, outcome)
            faultpoint("deliver.before_record")
        # an attempt that may have happened and is made again is a retry: nobody needs to look
        counts["retry" if word == "unsure" and step.state is WriteBackState.READY else word] += 1

    def _conflict(
        self, connection: "Transaction", intent: outbox.Intent, outcome: Conflict, step: Step
    ) -> tuple[Step, dict[str, Any]]:
        """Decide again; where nothing new can be said, a person is told. While the rules cannot be read neither can
        be done: it provably did not happen, and stays as it is until they can."""
        anew = None
        with self._by_the_rules(connection) as ruled:
            if self._redeciding is not None:
                anew = self._redeciding.decide_again(connection, intent.write_back, outcome)
            if anew is None and self._alarm is not None:
                self._alarm.conflict(connection, intent.write_back, outcome)
        if ruled:
            return until_rules_can_be_read(outcome.reason, ruled[0], self._clock.now() + RULES_REST), {}
        if anew is None:
            return step, {}
        reason = f"{outcome.reason}; decided again as write-back {anew}"
        return Step(state=WriteBackState.SUPERSEDED, word="superseded", reason=reason), {
            "superseded_by": anew
        }

    @contextmanager
    def _by_the_rules(self, connection: "Transaction") -> Iterator[list[str]]:
        """What is done inside needs the rules: whole, or where they cannot be read not at all. Then the list says
        why, and so does the run; the rest of the transaction stands."""
        unread: list[str] = []
        try:
            with connection.begin_nested():
                yield unread
        except Misconfigured as error:
            unread.append(str(error))
            self.unruled = str(error)

    def _note(self, connection: "Transaction", write_back: WriteBack, outcome: Outcome) -> None:
        """What this outcome says of the target as such. Nothing is written while it works and has worked."""
        now = self._clock.now()
        if isinstance(outcome, Retry | Unsure) and outcome.wire:
            reason = outcome.reason
            self._change(connection, lambda one: one.failed(write_back.id, now, reason))
        elif self._standing.answered() is not self._standing:
            before, after = self._change(connection, Standing.answered)
            if before.by == OURSELVES and after.by != OURSELVES and self._alarm is not None:
                self._alarm.login_taken(connection, self._target)

    def _change(
        self, connection: "Transaction", change: Callable[[Standing], Standing]
    ) -> tuple[Standing, Standing]:
        """How the target stood, and how it stands now."""
        before = target_book.hold(connection, self._tenant, self._target)
        after = change(before)
        target_book.save(connection, self._tenant, self._target, before, after)
        self._saw(after, self._stops)
        return before, after

    def _pause(self, intent: outbox.Intent, reason: str) -> None:
        """The target does not take us: back to ready, without spending an attempt, and one alarm for all."""
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            self._back(connection, intent, f"the target is paused: {reason}")
            _, after = self._change(connection, lambda one: one.login_refused(now, reason))
            if after.by == OURSELVES and self._alarm is not None:
                with self._by_the_rules(connection):
                    self._alarm.login_refused(connection, intent.write_back, reason, after.since or now)
            faultpoint("deliver.before_pause")
        faultpoint("deliver.after_pause")

    def _release(self, intents: Sequence[outbox.Intent], permit: Permit) -> None:
        """Intents that were written down and provably not called."""
        if not intents:
            return
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            for intent in intents:
                self._back(connection, intent, f"not tried: {permit.why}")
            probed = {intent.write_back.id for intent in intents}
            self._change(
                connection,
                lambda one: (one.unprobed(now) if one.probe in probed else one).released(
                    self._rules, now, len(intents)
                ),
            )
            faultpoint("deliver.before_release")
        faultpoint("deliver.after_release")

    def _back(self, connection: "Transaction", intent: outbox.Intent, reason: str) -> None:
        now = self._clock.now()
        outbox.record(
            connection,
            intent,
            state=WriteBackState.READY,
            outcome="paused",
            reason=reason,
            now=now,
            next_attempt_at=now,
            ask_first=intent.ask_first,
            counts=False,
            run_id=self._run_id,
        )
