"""Conflicts: what a target found outdated is decided again on what it holds now, and leaves as a new write-back."""

import uuid
from typing import TYPE_CHECKING, Final

from crossdock.decide import Router
from crossdock.errors import CrossdockError
from crossdock.messages import Conflict, WriteBack, derived_id
from crossdock.ports import Clock
from crossdock.registry import Registry
from crossdock.store import casebook, outbox, turns
from crossdock.writebacks import decision_id_of, slot_of, write_back_row, write_body

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_ROUNDS: Final = 3
"""So often one thing is decided again; a target that changes faster than we write wants a person."""


class Redecider:
    """Decides again by the rules of now, for as long as the case is open."""

    def __init__(self, *, registry: Registry, router: Router, tenant: str, clock: Clock) -> None:
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
        round_ = turns.rounds_of(connection, self._tenant, write_back.id, write_back.case_id, MOST_ROUNDS) + 1
        event = casebook.latest_event(connection, self._tenant, write_back.case_id)
        if round_ > MOST_ROUNDS or event is None:
            return None
        (decision,) = self._router.decide([event])
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
            )
            outbox.add_write_backs(connection, [{**row, "version": conflict.version}])
            return key
        return None
