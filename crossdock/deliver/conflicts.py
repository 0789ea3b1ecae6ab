"""Conflicts: what a target found outdated is decided again on what it holds now, and leaves as a new write-back."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from crossdock import approvals
from crossdock.decide import Router
from crossdock.errors import CrossdockError
from crossdock.messages import Conflict, WriteBack, derived_id
from crossdock.ports import Clock
from crossdock.principals import RULE
from crossdock.registry import Registry
from crossdock.store import approvals as kept
from crossdock.store import casebook, outbox, sagas, turns
from crossdock.writebacks import decision_id_of, slot_of, write_back_row, write_body

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_ROUNDS: Final = 3
"""So often one thing is decided again; a target that changes faster than we write wants a person."""


class Redecider:
    """Decides again by the rules of now, for as long as the case is open."""

    def __init__(
        self, *, registry: Registry, router: Callable[[], Router], tenant: str, clock: Clock
    ) -> None:
        """``router`` is asked for when a conflict is met: without one, delivery needs no rules."""
        self._registry = registry
        self._router = router
        self._tenant = tenant
        self._clock = clock

    def decide_again(
        self, connection: "Transaction", write_back: WriteBack, conflict: Conflict
    ) -> uuid.UUID | None:
        """The new write-back, on the version that the target holds now. ``None``, and a person looks: the version is
        not known, the case is over, the rules want it no more, or it was decided again often enough."""
        if not conflict.version or write_back.case_id is None:
            return None
        if sagas.is_step(connection, self._tenant, write_back.id):
            return None  # what takes it back names its key: another in its place would never be taken back
        if (later := turns.later_of(connection, self._tenant, write_back.id)) is not None:
            return later  # it is newer than anything that is said now for this one
        round_ = turns.rounds_of(connection, self._tenant, write_back.id, write_back.case_id, MOST_ROUNDS) + 1
        event = casebook.latest_event(connection, self._tenant, write_back.case_id)
        if round_ > MOST_ROUNDS or event is None:
            return None
        (decision,) = self._router().decide([event])
        for action in decision.actions:
            if (action.target, action.operation) != (write_back.target, write_back.operation):
                continue
            decision_id = decision_id_of(event)
            try:
                body = write_body(
                    self._registry,
                    event,
                    decision,
                    action,
                    case_id=str(write_back.case_id),
                    decision_id=str(decision_id),
                )
            except CrossdockError:
                continue  # what cannot be written is no answer to the conflict
            if body.subject != write_back.subject:
                continue
            key = derived_id("decided-again", str(write_back.id), str(round_))
            gated = action.gated or kept.is_gated(connection, self._tenant, [write_back.id])
            row = write_back_row(
                tenant=self._tenant,
                key=key,
                target=action.target,
                operation=action.operation,
                body=body,
                now=self._clock.now(),
                case_id=write_back.case_id,
                decision_id=decision_id,
                slot=slot_of(self._registry, action, body.subject),
                gated=gated,
            )
            place = turns.place_of(connection, self._tenant, write_back.id)
            outbox.add_write_backs(connection, [{**row, **place, "version": conflict.version}])
            if gated:  # what was agreed to were other bytes, on another version
                asker = f"{RULE}{decision.table}/{decision.rule}"
                why = f"decided again: {conflict.reason}; {decision.because}"
                approvals.ask_for_new(connection, self._tenant, {key: (asker, why)}, self._clock.now())
            return key
        return None
