"""Sagas: actions of one decision that belong together. All of them, or in the end none, or a person sees the rest.

    running ─▶ done                                   every step was delivered
    running ─▶ undoing ─▶ undone                      one ended without effect; nothing of the others is left
                       └▶ partial ─▶ undone           something is left: a person, or a replay of what takes it back

What a saga must do next is a pure function of how its write-backs stand (``judge``), and a sweep does it, each saga
in a transaction of its own: what died half-way is done by the next one, and done twice it is done once, since what
takes a step back is a write-back whose key follows from the step. It was written with the decision, so that taking
back needs nothing that may be gone by then. As long as the outcome of a step is unknown, nothing is taken back.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crossdock import approvals, deadletters
from crossdock.errors import CrossdockError
from crossdock.faultpoints import faultpoint
from crossdock.mapping import Body
from crossdock.messages import (
    Action,
    Decision,
    SagaState,
    Trace,
    WriteBackState,
    derived_id,
)
from crossdock.ports import Clock
from crossdock.principals import OURSELVES
from crossdock.registry import Registry
from crossdock.store import desk, outbox, sagas, sendings, turns
from crossdock.store.engine import Clash
from crossdock.writebacks import write_back_row, write_body

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

UNDOES: Final = "undoes"
"""The argument by which an operation that takes another back is told the key of that one."""

_WITHDRAWN: Final = "withdrawn with saga "
_WITHOUT_EFFECT: Final = frozenset(
    {WriteBackState.REJECTED, WriteBackState.EXHAUSTED, WriteBackState.DISCARDED}
)
_SETTLED: Final = frozenset({WriteBackState.DELIVERED, WriteBackState.SHADOWED})
_ON_ITS_WAY: Final = frozenset(
    {
        WriteBackState.READY,
        WriteBackState.SENDING,
        WriteBackState.UNSURE,
        WriteBackState.AWAITING_APPROVAL,
    }
)

# ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A write-back that belongs to others, and what takes it back: its body is written now. ``None``, with a
    ``trace``: nothing can, or nothing must."""

    write_back_id: uuid.UUID
    trace: Trace | None = None
    undo: Action | None = None
    body: Body | None = None

    def row(self, tenant: str, saga_id: uuid.UUID, ordinal: int) -> dict[str, Any]:
        """The step as it is stored."""
        undo, body = self.undo, self.body
        return {
            "tenant": tenant,
            "saga_id": saga_id,
            "ordinal": ordinal,
            "write_back_id": self.write_back_id,
            "undo": "operation" if undo else str(self.trace or Trace.PERSON),
            "undo_target": undo.target if undo else None,
            "undo_operation": undo.operation if undo else None,
            "undo_subject": body.subject if body else None,
            "undo_body": body.body if body else None,
            "undo_media_type": body.media_type if body else None,
            "undo_headers": dict(body.headers) if body else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A saga that one decision wants."""

    case_id: uuid.UUID
    decision_id: uuid.UUID
    rule: str
    steps: Sequence[PlannedStep] = field(default_factory=tuple)


def plan_step(
    registry: Registry,
    event: Mapping[str, Any],
    decision: Decision,
    action: Action,
    *,
    write_back_id: uuid.UUID,
    case_id: uuid.UUID,
    decision_id: uuid.UUID,
) -> PlannedStep:
    """One step, with the body of what takes it back. Raises what the outbound mapping raises."""
    if not isinstance(action.undo, Action):
        return PlannedStep(write_back_id=write_back_id, trace=action.undo)
    undo = Action(
        target=action.undo.target,
        operation=action.undo.operation,
        arguments={**action.undo.arguments, UNDOES: str(write_back_id)},
    )
    body = write_body(registry, event, decision, undo, case_id=str(case_id), decision_id=str(decision_id))
    return PlannedStep(write_back_id=write_back_id, undo=undo, body=body)


def begin(connection: "Transaction", tenant: str, planned: Sequence[Planned], now: datetime) -> int:
    """Write sagas down, with the decisions that want them. What an earlier decision of the case wanted already is no
    step of a later one: it belongs to the first, or to none."""
    saga_rows: list[dict[str, Any]] = []
    step_rows: list[dict[str, Any]] = []
    for one in planned:
        ids = [step.write_back_id for step in one.steps]
        new = sagas.newly_written(connection, tenant, one.decision_id, ids)
        steps = [step for step in one.steps if step.write_back_id in new]
        if len(steps) < 2:
            continue
        saga_id = derived_id("saga", tenant, str(one.decision_id))
        saga_rows.append(
            {
                "tenant": tenant,
                "id": saga_id,
                "case_id": one.case_id,
                "decision_id": one.decision_id,
                "rule": one.rule,
                "state": str(SagaState.RUNNING),
                "opened_at": now,
                "updated_at": now,
            }
        )
        step_rows += [step.row(tenant, saga_id, ordinal) for ordinal, step in enumerate(steps)]
    return sagas.add(connection, saga_rows, step_rows)


# ── what it must do next ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """How one step stands: its write-back, and the one that takes it back. ``anew``: how the one stands that
    superseded it and says what it would have said; ``None``: none did, or which one is not known."""

    write_back_id: uuid.UUID
    name: str
    state: WriteBackState
    attempt: int = 0
    ask_first: bool = False
    undo: str = "operation"
    undo_state: WriteBackState | None = None
    withdrawn: bool = False
    anew: WriteBackState | None = None

    @property
    def failed(self) -> bool:
        """It ended without effect, and what says it anew did too."""
        if self.state is WriteBackState.SUPERSEDED:
            return self.anew is None or self.anew in _WITHOUT_EFFECT
        return self.state in _WITHOUT_EFFECT

    @property
    def settled(self) -> bool:
        """What it was to do is done, by itself or by what says it anew."""
        return (self.anew if self.state is WriteBackState.SUPERSEDED else self.state) in _SETTLED

    @property
    def how(self) -> str:
        """How it stands, for a person."""
        if self.state is not WriteBackState.SUPERSEDED:
            return f"{self.name} was {self.state}"
        return f"{self.name} was superseded by one that {'is' if self.anew in _ON_ITS_WAY else 'was'} {self.anew}"

    @property
    def withdrawable(self) -> bool:
        """It has provably had no effect, and waits: nobody needs to send it."""
        if self.ask_first:
            return False
        return self.state is WriteBackState.READY or (
            self.state is WriteBackState.AWAITING_APPROVAL and self.attempt == 0
        )

    @property
    def may_have_happened(self) -> bool:
        """Its truth is still to come."""
        return self.state in _ON_ITS_WAY and not self.withdrawable


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The next state of a saga, and what brings it there."""

    state: SagaState
    reason: str | None = None
    withdraw: tuple[uuid.UUID, ...] = ()
    take_back: tuple[uuid.UUID, ...] = ()


def judge(state: SagaState, steps: Sequence[Stands]) -> Judgement:
    """What a saga must do next. Pure, and at rest when it was done."""
    failed = [step for step in steps if step.failed]
    if state in (SagaState.DONE, SagaState.UNDONE):
        return Judgement(state=state)
    if state is SagaState.RUNNING and not failed:
        done = all(step.settled for step in steps)
        anew = ", ".join(step.how for step in steps if step.state is WriteBackState.SUPERSEDED) or None
        return Judgement(state=SagaState.DONE if done else SagaState.RUNNING, reason=anew)
    why = ", ".join(step.how for step in failed if not step.withdrawn)
    withdraw = tuple(step.write_back_id for step in steps if step.withdrawable)
    unknown = [step for step in steps if step.may_have_happened]
    if unknown:
        names = ", ".join(f"{step.name} ({step.state})" for step in unknown)
        return Judgement(
            state=SagaState.UNDOING,
            reason=f"{why}; nothing is taken back until {names} is known",
            withdraw=withdraw,
        )
    happened = [step for step in steps if step.state is WriteBackState.DELIVERED]
    take_back = tuple(
        step.write_back_id for step in happened if step.undo == "operation" and step.undo_state is None
    )
    if take_back or any(step.undo_state in _ON_ITS_WAY for step in happened):
        return Judgement(state=SagaState.UNDOING, reason=why, withdraw=withdraw, take_back=take_back)
    left = [
        f"{step.name} is for a person to take back"
        if step.undo == Trace.PERSON
        else f"what takes {step.name} back was {step.undo_state}"
        for step in happened
        if step.undo == Trace.PERSON
        or (
            step.undo == "operation"
            and step.undo_state not in (WriteBackState.DELIVERED, WriteBackState.SHADOWED)
        )
    ]
    if state is SagaState.RUNNING:  # no state is skipped: the next look says what is left
        return Judgement(state=SagaState.UNDOING, reason=why, withdraw=withdraw)
    if left:
        return Judgement(state=SagaState.PARTIAL, reason=f"{why}; {'; '.join(left)}", withdraw=withdraw)
    return Judgement(state=SagaState.UNDONE, reason=why, withdraw=withdraw)


# ── doing it ─────────────────────────────────────────────────────────────────────────────────────────────────


class NoSuchSaga(CrossdockError):
    """There is no saga of this id."""


class Sagas:
    """Brings sagas to rest."""

    def __init__(self, *, store: "Store", tenant: str, clock: Clock) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock

    def follow(self) -> int:
        """Look at every saga that has not ended, and do what it must do next. How many went on."""
        with self._store.reading(self._tenant) as connection:
            found = sagas.open_ids(connection, self._tenant)
            due = [saga_id for saga_id in found if self._would_move(connection, saga_id)]
        return sum(self._until_at_rest(saga_id) for saga_id in due)

    def settle(self, saga_id: uuid.UUID, actor: str, reason: str) -> None:
        """A person took back what was left of a partial saga, or says that it may stay."""
        approvals.require_person(actor)
        if not reason.strip():
            raise deadletters.NotPossible('say what you did: add --reason "..."')
        with self._store.transaction(self._tenant) as connection:
            saga = sagas.hold(connection, self._tenant, saga_id)
            if saga is None:
                raise NoSuchSaga(f"there is no saga {saga_id}; see `crossdock sagas list`")
            if saga.state != SagaState.PARTIAL:
                raise deadletters.NotPossible(
                    f"saga {saga_id} is {saga.state}: only what is left of a partial one is settled by a person"
                )
            self._move(connection, saga, SagaState.UNDONE, f"{actor}: {reason}", actor)
            faultpoint("sagas.before_settle")
        faultpoint("sagas.after_settle")

    def _would_move(self, connection: "Transaction", saga_id: uuid.UUID) -> bool:
        saga = sagas.look(connection, self._tenant, saga_id)
        assert saga is not None, "a saga is never deleted"
        judged = judge(
            SagaState(saga.state), _stands(connection, sagas.steps(connection, self._tenant, saga_id))
        )
        return _is_news(saga, judged)

    def _until_at_rest(self, saga_id: uuid.UUID) -> bool:
        moved = False
        try:
            while self._step(saga_id):
                moved = True
        except Clash:  # its write-backs are being worked on: the next sweep looks again
            return moved
        return moved

    def _step(self, saga_id: uuid.UUID) -> bool:
        """One move, whole or not at all. False: it is at rest."""
        with self._store.transaction(self._tenant) as connection:
            saga = sagas.hold(connection, self._tenant, saga_id)
            assert saga is not None, "a saga is never deleted"
            rows = sagas.steps(connection, self._tenant, saga_id, locked=True)
            judged = judge(SagaState(saga.state), _stands(connection, rows))
            moved = _is_news(saga, judged)
            if moved:
                self._withdraw(connection, saga, rows, judged)
                self._take_back(connection, rows, judged)
                self._move(connection, saga, judged.state, judged.reason, OURSELVES)
            faultpoint("sagas.before_step")
        faultpoint("sagas.after_step")
        return moved

    def _withdraw(self, connection: "Transaction", saga: Any, rows: Sequence[Any], judged: Judgement) -> None:
        """What has not left never does."""
        now = self._clock.now()
        reason = f"{_WITHDRAWN}{saga.id}: {judged.reason}"
        for row in rows:
            if row.write_back_id not in judged.withdraw:
                continue
            deadletters.void_request(connection, self._tenant, row.write_back_id, reason, now)
            sagas.withdraw(connection, self._tenant, [row.write_back_id], reason, now)
            sendings.give_up(connection, self._tenant, row.write_back_id)

    def _take_back(self, connection: "Transaction", rows: Sequence[Any], judged: Judgement) -> None:
        """Queue what takes the delivered steps back: each once, by a key that follows from the step."""
        now = self._clock.now()
        for row in rows:
            if row.write_back_id not in judged.take_back:
                continue
            key = derived_id("undo", self._tenant, str(row.write_back_id))
            undo = write_back_row(
                tenant=self._tenant,
                key=key,
                target=row.undo_target,
                operation=row.undo_operation,
                body=Body(
                    body=bytes(row.undo_body),
                    media_type=row.undo_media_type,
                    subject=row.undo_subject,
                    headers=row.undo_headers or {},
                ),
                now=now,
                case_id=row.case_id,
                decision_id=row.decision_id,
            )
            # what failed about the same order must not keep back what takes the rest of it back
            outbox.add_write_backs(connection, [{**undo, "let_pass": True}])
            sagas.note_undo(connection, self._tenant, row.write_back_id, key)

    def _move(
        self, connection: "Transaction", saga: Any, state: SagaState, reason: str | None, actor: str
    ) -> None:
        now = self._clock.now()
        sagas.move(connection, tenant=self._tenant, saga_id=saga.id, state=state, reason=reason, now=now)
        if state != saga.state:
            desk.add_audit(
                connection,
                tenant=self._tenant,
                now=now,
                actor=actor,
                action=f"saga.{state}",
                object_kind="saga",
                object_id=str(saga.id),
                reason=reason,
                detail={"was": saga.state, "case": str(saga.case_id)},
            )


def _stands(connection: "Transaction", rows: Sequence[Any]) -> list[Stands]:
    def end_of(write_back_id: uuid.UUID | None, state: str | None) -> WriteBackState | None:
        if write_back_id is None or state is None:
            return None
        superseded = state == WriteBackState.SUPERSEDED
        end = turns.end_of(connection, rows[0].tenant, write_back_id) if superseded else state
        return WriteBackState(end) if end else None

    return [
        Stands(
            write_back_id=row.write_back_id,
            name=f"{row.target}:{row.operation}",
            state=WriteBackState(row.state),
            attempt=row.attempt,
            ask_first=row.ask_first,
            undo=row.undo,
            undo_state=end_of(row.undo_write_back_id, row.undo_state),
            withdrawn=row.state == WriteBackState.DISCARDED and (row.reason or "").startswith(_WITHDRAWN),
            anew=end_of(row.write_back_id, row.state) if row.state == WriteBackState.SUPERSEDED else None,
        )
        for row in rows
    ]


def _is_news(saga: Any, judged: Judgement) -> bool:
    """Whether something is to be done or said."""
    return bool(
        judged.state != saga.state
        or judged.withdraw
        or judged.take_back
        or (judged.reason is not None and judged.reason != saga.reason)
    )
