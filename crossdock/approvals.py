"""Approvals: what leaves only when a person agreed to exactly its bytes, and what is sent again only when two did.

A request is bound to a write-back, its target, operation, subject, and the SHA-256 of its body. Somebody else than
who asked agrees, in words and in time; the database holds as much of that by itself (``approvals`` and the trigger
``unapproved``). Silence is no approval: what expires goes back to where it came from, and says so.
"""

import os
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from crossdock import deadletters
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.messages import REISSUED, ApprovalState, WriteBackState, derived_id
from crossdock.ports import Clock
from crossdock.principals import OURSELVES, is_person, looks_like_another, principal
from crossdock.store import approvals, desk, outbox, sagas, sendings, told, turns

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

HOURS: Final = "CROSSDOCK_APPROVAL_HOURS"
_A_DAY: Final = "24"

Kind = Literal["leave", "send_again"]
Asking = Callable[[str], bool]
"""Whether a target, by its name, can be asked for an effect before it is sent again."""


class NoSuchApproval(CrossdockError):
    """Nobody asked for an approval of this id."""


def time_to_agree() -> timedelta:
    """How long a request stands: ``CROSSDOCK_APPROVAL_HOURS``, else a day."""
    text = os.environ.get(HOURS, _A_DAY)
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 24 * 365:
        raise Misconfigured(
            f"{HOURS} is {text!r}; write for how many hours a request for approval stands, as 24"
        )
    return timedelta(hours=hours)


def require_person(actor: str) -> str:
    """The principal behind a name that decides. Raises ``NotPossible`` for what cannot be a person's name."""
    if not is_person(actor):
        raise deadletters.NotPossible(
            f"{actor!r} is nobody who can answer for a decision; set CROSSDOCK_ACTOR to your own name"
        )
    if alike := looks_like_another(actor):
        raise deadletters.NotPossible(
            f"the name {actor!r} {alike}, so it may look like another's; use your own"
        )
    return principal(actor)


def request_row(
    write_back: Any, *, kind: Kind, asked_by: str, reason: str, now: datetime, earlier: int
) -> dict[str, Any]:
    """A request about a write-back as it is stored: bound to exactly its bytes, and good for its next attempt."""
    return {
        "tenant": write_back.tenant,
        "id": derived_id("approval", str(write_back.id), str(earlier + 1)),
        "write_back_id": write_back.id,
        "kind": kind,
        "target": write_back.target,
        "operation": write_back.operation,
        "subject": write_back.subject,
        "body_sha256": sha256(bytes(write_back.body)).hexdigest(),
        "attempt": write_back.attempt,
        "asked_by": asked_by,
        "asked_principal": principal(asked_by),
        "reason": reason,
        "asked_at": now,
        "expires_at": now + time_to_agree(),
        "state": str(ApprovalState.ASKED),
    }


def ask_for_new(
    connection: "Transaction", tenant: str, wanted: dict[uuid.UUID, tuple[str, str]], now: datetime
) -> int:
    """Ask for the write-backs that were just written as waiting for approval. ``wanted``: by id who asks, and why.
    What was asked for before (the same intent, decided again) is not asked for again."""
    if not wanted:
        return 0
    rows = [
        request_row(
            row, kind="leave", asked_by=wanted[row.id][0], reason=wanted[row.id][1], now=now, earlier=0
        )
        for row in approvals.waiting(connection, tenant, wanted)
    ]
    return len(approvals.add(connection, rows))


def ask(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> uuid.UUID:
    """Ask that another person agrees: of one whose effect is unknown, that it did not happen and is sent again; of
    one that waits and of which nothing is asked any more, that it leaves. Locks the write-back.

    Raises ``NotPossible``: nothing is to be asked about it, or it is asked already.
    """
    require_person(actor)
    if not reason.strip():
        raise deadletters.NotPossible('say how you know: add --reason "..."')
    told.hold_family(connection, tenant, write_back_id)
    row = told.write_back(connection, tenant, write_back_id)
    if row is None:
        raise Misconfigured(f"there is no write-back {write_back_id}; see `crossdock write-backs list`")
    if (request := approvals.open_request(connection, tenant, write_back_id)) is not None:
        raise deadletters.NotPossible(
            f"write-back {write_back_id}: {request.asked_by} asked already ({request.reason}), until "
            f"{_shown(request.expires_at)}; somebody else may agree: crossdock approvals agree {str(request.id)[:8]}"
        )
    kind: Kind
    if row.state == WriteBackState.UNSURE:
        kind = "send_again"
        approvals.move_write_back(
            connection,
            tenant=tenant,
            write_back_id=write_back_id,
            state=WriteBackState.AWAITING_APPROVAL,
            now=now,
            reason=f"{actor} says that it did not happen: {reason}",
            ask_first=True,  # until two people say so it may have happened, and keeps its place
        )
    elif row.state == WriteBackState.AWAITING_APPROVAL:
        kind = "leave"
    else:
        raise deadletters.NotPossible(
            f"write-back {write_back_id} is {row.state}: nothing is asked about it; its outcome is not unknown, and "
            "it does not wait for approval"
        )
    request_row_ = request_row(
        row,
        kind=kind,
        asked_by=actor,
        reason=reason,
        now=now,
        earlier=approvals.earlier(connection, tenant, write_back_id),
    )
    approvals.add(connection, [request_row_])
    _audit(connection, request_row_, action="approval.ask", actor=actor, reason=reason, now=now)
    identity: uuid.UUID = request_row_["id"]
    return identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How a request ended. ``refusal``: why nothing was approved although somebody agreed, as a sentence."""

    id: uuid.UUID
    write_back_id: uuid.UUID
    target: str
    state: ApprovalState
    refusal: str = ""


def decide(
    connection: "Transaction",
    *,
    tenant: str,
    approval_id: uuid.UUID,
    actor: str,
    agree: bool,
    words: str,
    now: datetime,
    can_be_asked: Asking,
) -> Decided:
    """Agree or decline. The same person saying the same twice is one decision.

    What expired, or is not any more what was asked about, ends here too, and the answer says why in ``refusal``: the
    caller commits that before it refuses. Raises ``NotPossible`` where nothing changes: the person who asked, no
    words, decided already by another.
    """
    write_back_id = approvals.write_back_of(connection, tenant, approval_id)
    if write_back_id is None:
        raise NoSuchApproval(
            f"nobody asked for an approval {approval_id}; `crossdock approvals list` shows them"
        )
    told.hold_family(connection, tenant, write_back_id)
    row = told.write_back(connection, tenant, write_back_id)
    request = approvals.hold(connection, tenant, approval_id)
    assert row is not None, "a write-back is never deleted"
    wanted = ApprovalState.AGREED if agree else ApprovalState.DECLINED
    who = require_person(actor)
    if request.state != ApprovalState.ASKED:
        if request.state == wanted and request.decided_principal == who:
            return _decided(request, wanted)
        by = f" by {request.decided_by}" if request.decided_by else ""
        raise deadletters.NotPossible(
            f"approval {approval_id} was {request.state} already{by}: {request.words}"
        )
    if agree and who == request.asked_principal:
        raise deadletters.NotPossible(
            f"approval {approval_id}: {request.asked_by} asked, and somebody else must agree; {actor!r} is the same "
            "person"
        )
    if not words.strip():
        raise deadletters.NotPossible('a decision is made with words: add --reason "..."')
    if now >= request.expires_at:
        return expire(connection, tenant=tenant, approval_id=approval_id, now=now)
    if (changed := _changed(request, row)) is not None:
        return _void(connection, request, row, changed, now)
    approvals.end(
        connection,
        tenant=tenant,
        approval_id=approval_id,
        state=wanted,
        by=actor,
        principal=who,
        words=words,
        now=now,
    )
    if agree:
        _let_go(connection, request, row, actor, words, now, can_be_asked)
    else:
        _back(connection, request, row, f"declined by {actor}: {words}", now, declined=True)
    _audit(
        connection,
        dict(request._mapping),
        action="approval.agree" if agree else "approval.decline",
        actor=actor,
        reason=words,
        now=now,
    )
    return _decided(request, wanted)


def expire(connection: "Transaction", *, tenant: str, approval_id: uuid.UUID, now: datetime) -> Decided:
    """End a request whose time is over: no approval. What it was about goes back to where it came from."""
    write_back_id = approvals.write_back_of(connection, tenant, approval_id)
    assert write_back_id is not None
    told.hold_family(connection, tenant, write_back_id)
    row = told.write_back(connection, tenant, write_back_id)
    request = approvals.hold(connection, tenant, approval_id)
    if request.state != ApprovalState.ASKED or now < request.expires_at:
        return _decided(request, ApprovalState(request.state))  # somebody was faster
    words = f"nobody agreed until {_shown(request.expires_at)}"
    _end_by_ourselves(connection, request, row, ApprovalState.EXPIRED, words, now)
    return _decided(
        request,
        ApprovalState.EXPIRED,
        f"approval {approval_id} expired: {words}, and silence is no approval; ask again",
    )


def withdraw(connection: "Transaction", row: Any, words: str, now: datetime) -> None:
    """End what is asked about a write-back that is held: it became known by other means, or nobody wants it now."""
    request = approvals.open_request(connection, row.tenant, row.id)
    if request is not None:
        _end_by_ourselves(connection, request, row, ApprovalState.VOID, words, now)


def _void(connection: "Transaction", request: Any, row: Any, changed: str, now: datetime) -> Decided:
    _end_by_ourselves(connection, request, row, ApprovalState.VOID, changed, now)
    return _decided(
        request, ApprovalState.VOID, f"approval {request.id} is void: {changed}; look at it and ask again"
    )


def _end_by_ourselves(
    connection: "Transaction", request: Any, row: Any, state: ApprovalState, words: str, now: datetime
) -> None:
    approvals.end(
        connection,
        tenant=request.tenant,
        approval_id=request.id,
        state=state,
        by=OURSELVES,
        principal=principal(OURSELVES),
        words=words,
        now=now,
    )
    _back(connection, request, row, words, now)
    word = "expire" if state is ApprovalState.EXPIRED else "void"
    _audit(
        connection, dict(request._mapping), action=f"approval.{word}", actor=OURSELVES, reason=words, now=now
    )


def _changed(request: Any, row: Any) -> str | None:
    """What is not any more as it was when it was asked; ``None``: it is exactly that."""
    if row.state != WriteBackState.AWAITING_APPROVAL:
        return f"the write-back is {row.state} meanwhile"
    if row.attempt != request.attempt:
        return "it was tried meanwhile"
    if sha256(bytes(row.body)).hexdigest() != request.body_sha256:
        return "its body is not the one that was asked about"
    bound = ("target", "operation", "subject")
    other = [name for name in bound if getattr(row, name) != getattr(request, name)]
    return f"its {' and '.join(other)} changed" if other else None


def _let_go(
    connection: "Transaction",
    request: Any,
    row: Any,
    actor: str,
    words: str,
    now: datetime,
    can_be_asked: Asking,
) -> None:
    """It goes out at the next run, with the key it always had; unless what belongs to it failed meanwhile."""
    again = request.kind == "send_again"
    said = f"{actor} agreed with {request.asked_by}: {words}"
    why = None
    if (saga := sagas.failed_saga_of(connection, row.tenant, row.id)) is not None:
        why = f"saga {saga.id} is {saga.state}"
    elif (later := turns.later_of(connection, row.tenant, row.id)) is not None:
        why = f"a later write-back ({later}) says it anew"
    if why is not None:
        approvals.move_write_back(
            connection,
            tenant=row.tenant,
            write_back_id=row.id,
            state=WriteBackState.DISCARDED,
            now=now,
            reason=f"{said}; and it is not sent, since {why}",
        )
        deadletters.give_up(connection, row.tenant, row.id)
        _done(connection, row, actor, f"it did not happen: {said}", "discarded", now)
        return
    approvals.move_write_back(
        connection,
        tenant=row.tenant,
        write_back_id=row.id,
        state=WriteBackState.READY,
        now=now,
        reason=None,
        # two people say that it did not happen; a target that can be asked is asked all the same. What is doubted
        # since the database was restored, and nobody said that of, is doubted still
        ask_first=can_be_asked(row.target) if again else row.ask_first,
        restart=True,
        doubted=row.ask_first and not again,
    )
    outbox.add_person(connection, row.tenant, row.id, row.attempt, "agreed", said, now)
    outbox.supersede(connection, row.tenant, [row.id], now)
    if REISSUED in row.headers:  # now it leaves, and the answer to the numbers before is waited for no longer
        for one in told.family(connection, row.tenant, row.id):
            if one.id != row.id:
                sendings.give_up(connection, row.tenant, one.id)
    if again:
        reason = f"it did not happen, says {request.asked_by}: {request.reason}; {said}"
        _done(connection, row, actor, reason, "replayed", now)


def _done(connection: "Transaction", row: Any, actor: str, reason: str, state: str, now: datetime) -> None:
    """The dead letter of an outcome that is known now is done."""
    deadletters.settle(
        connection,
        tenant=row.tenant,
        write_back_id=row.id,
        state=state,
        action="dead_letter.replay" if state == "replayed" else "dead_letter.discard",
        actor=actor,
        reason=reason,
        now=now,
    )


def _back(
    connection: "Transaction", request: Any, row: Any, words: str, now: datetime, *, declined: bool = False
) -> None:
    """Where it came from: an unknown outcome is unknown again; what was never to leave without a yes waits on, and
    with a no it never leaves."""
    if row.state != WriteBackState.AWAITING_APPROVAL:
        return
    if request.kind == "send_again":
        state = WriteBackState.UNSURE
    else:
        state = WriteBackState.DISCARDED if declined else WriteBackState.AWAITING_APPROVAL
    approvals.move_write_back(
        connection,
        tenant=row.tenant,
        write_back_id=row.id,
        state=state,
        now=now,
        reason=words,
        ask_first=row.ask_first and state is WriteBackState.AWAITING_APPROVAL,
    )
    if state is WriteBackState.DISCARDED:
        deadletters.give_up(connection, row.tenant, row.id)


def _decided(request: Any, state: ApprovalState, refusal: str = "") -> Decided:
    return Decided(
        id=request.id,
        write_back_id=request.write_back_id,
        target=request.target,
        state=state,
        refusal=refusal,
    )


def _audit(
    connection: "Transaction", request: Any, *, action: str, actor: str, reason: str, now: datetime
) -> None:
    desk.add_audit(
        connection,
        tenant=request["tenant"],
        now=now,
        actor=actor,
        action=action,
        object_kind="write_back",
        object_id=str(request["write_back_id"]),
        reason=reason,
        detail={
            "approval": str(request["id"]),
            "kind": request["kind"],
            "asked_by": request["asked_by"],
            "body_sha256": request["body_sha256"],
        },
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


class Approvals:
    """Ask, agree, decline, expire: each a transaction of its own."""

    EXPIRED_AT_ONCE: Final = 100

    def __init__(self, *, store: "Store", tenant: str, clock: Clock, can_be_asked: Asking) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._can_be_asked = can_be_asked

    def ask(self, write_back_id: uuid.UUID, actor: str, reason: str) -> uuid.UUID:
        """Ask that another person agrees; see ``approvals.ask``. The id of the request."""
        with self._store.transaction(self._tenant) as connection:
            asked = ask(
                connection,
                tenant=self._tenant,
                write_back_id=write_back_id,
                actor=actor,
                reason=reason,
                now=self._clock.now(),
            )
            faultpoint("approvals.before_ask")
        faultpoint("approvals.after_ask")
        return asked

    def agree(self, approval_id: uuid.UUID, actor: str, words: str) -> Decided:
        """Let it leave. Raises ``NotPossible`` when it may not."""
        return self._decide(approval_id, actor, words, agree=True)

    def decline(self, approval_id: uuid.UUID, actor: str, words: str) -> Decided:
        """Say no: an unknown outcome is unknown again, anything else never leaves."""
        return self._decide(approval_id, actor, words, agree=False)

    def expire_due(self) -> int:
        """End what nobody answered in time. Doing so again finds nothing."""
        with self._store.reading(self._tenant) as connection:
            due = approvals.expired(connection, self._tenant, self._clock.now(), self.EXPIRED_AT_ONCE)
        return sum(self._expire(approval_id) for approval_id in due)

    def _expire(self, approval_id: uuid.UUID) -> bool:
        with self._store.transaction(self._tenant) as connection:
            ended = expire(connection, tenant=self._tenant, approval_id=approval_id, now=self._clock.now())
            faultpoint("approvals.before_expire")
        faultpoint("approvals.after_expire")
        return bool(ended.refusal)

    def _decide(self, approval_id: uuid.UUID, actor: str, words: str, *, agree: bool) -> Decided:
        with self._store.transaction(self._tenant) as connection:
            decided = decide(
                connection,
                tenant=self._tenant,
                approval_id=approval_id,
                actor=actor,
                agree=agree,
                words=words,
                now=self._clock.now(),
                can_be_asked=self._can_be_asked,
            )
            faultpoint("approvals.before_decide")
        faultpoint("approvals.after_decide")
        if decided.refusal:
            raise deadletters.NotPossible(decided.refusal)
        return decided


def gated_again(connection: "Transaction", tenant: str, family: Collection[uuid.UUID]) -> bool:
    """Whether what says the same as these write-backs must be agreed to as well: one of them had to be."""
    return approvals.is_gated(connection, tenant, family)
