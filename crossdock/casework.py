"""Casework: what people do with cases: take one, move it on, close it with a reason, open it again, hand it over.

Every change leaves a row in the case's history and one in the audit, in the transaction that makes it.
"""

import uuid
from typing import TYPE_CHECKING, Any, Final

from crossdock.deadletters import NotPossible
from crossdock.errors import CrossdockError
from crossdock.messages import CASE_TRANSITIONS, CaseState
from crossdock.store import casebook, desk

if TYPE_CHECKING:
    from datetime import datetime

    from crossdock.store.transaction import Transaction

OWNER_SIGNS: Final = 100

_WHY_WANTED: Final = {
    CaseState.BLOCKED: "what it waits for",
    CaseState.RESOLVED: "what was done",
    CaseState.CANCELLED: "why it is no trouble after all",
    CaseState.EXPIRED: "why nobody needs it now",
}
"""States that a person reaches with a reason only, and what the reason says."""


class NoSuchCase(CrossdockError):
    """There is no case of this id."""


def possible(state: CaseState) -> tuple[CaseState, ...]:
    """The states to which a person may move a case, in the order in which one works."""
    return tuple(other for other in CaseState if other in CASE_TRANSITIONS[state])


def move(
    connection: "Transaction",
    *,
    tenant: str,
    case_id: uuid.UUID,
    to: CaseState,
    actor: str,
    reason: str,
    now: "datetime",
) -> None:
    """Move a case to another state.

    To close, block or reopen one wants a reason. Raises ``NoSuchCase``, and ``NotPossible`` with what is possible.
    """
    case = _held(connection, tenant, case_id)
    state, reason = CaseState(case.state), reason.strip()
    if to not in CASE_TRANSITIONS[state]:
        others = ", ".join(possible(state)) or "nothing: that is final"
        raise NotPossible(f"case {case_id} is {state} and cannot become {to}; possible: {others}")
    reopened = state is CaseState.RESOLVED and to is CaseState.OPEN
    wanted = "why it is open again" if reopened else _WHY_WANTED.get(to)
    if wanted and not reason:
        raise NotPossible(f"a case becomes {to} with a reason: say {wanted}")
    if reopened:
        newer = casebook.open_case_of(connection, tenant, case.fold_key)
        if newer is not None:
            raise NotPossible(
                f"the same trouble has a newer case already, {newer}; work on that one, this one stays {state}"
            )
    casebook.move_case(
        connection,
        tenant=tenant,
        case_id=case_id,
        from_state=state,
        to_state=to,
        actor=actor,
        reason=reason or str(to),
        now=now,
    )
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action=f"case.{to}",
        object_kind="case",
        object_id=str(case_id),
        reason=reason or None,
        detail={"from": str(state), "to": str(to)},
    )


def assign(
    connection: "Transaction",
    *,
    tenant: str,
    case_id: uuid.UUID,
    owner: str,
    actor: str,
    reason: str,
    now: "datetime",
) -> None:
    """Hand a case to somebody: a person or a team. Raises ``NoSuchCase``, ``NotPossible``."""
    owner = owner.strip()
    if not owner or len(owner) > OWNER_SIGNS or not owner.isprintable():
        raise NotPossible(f"an owner is a name of 1 to {OWNER_SIGNS} printable signs")
    case = _held(connection, tenant, case_id)
    if not CASE_TRANSITIONS[CaseState(case.state)]:
        raise NotPossible(f"case {case_id} is {case.state}, and that is final: nobody works on it any more")
    casebook.set_owner(connection, tenant, case_id, owner)
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action="case.assign",
        object_kind="case",
        object_id=str(case_id),
        reason=reason.strip() or None,
        detail={"from": case.owner, "to": owner},
    )


def _held(connection: "Transaction", tenant: str, case_id: uuid.UUID) -> Any:
    case = casebook.hold_case(connection, tenant, case_id)
    if case is None:
        raise NoSuchCase(f"there is no case {case_id}; `crossdock cases list` shows them")
    return case
