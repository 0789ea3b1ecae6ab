"""The values that walk through the house, in the order of the walk.

    RawMessage ─▶ Part ─▶ Fact / ExceptionEvent (canonical) ─▶ Case ─▶ Decision ─▶ WriteBack ─▶ Outcome
                              DeadLetter is the side door of every room

All are frozen. Times are aware UTC. Nothing here does I/O.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from canonical import ids
from crossdock.errors import Place

NAMESPACE = uuid.UUID("6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11")
"""Every derived id of Crossdock is a UUID version 5 under this namespace, so that doing a thing again
gives the id it had."""


def derived_id(*parts: str) -> uuid.UUID:
    """The id that these words always give. Parts are joined with a unit separator, which none may contain."""
    return ids.derived_id(NAMESPACE, *parts)


class Stage(StrEnum):
    """The rooms of the walk, as a dead letter names them."""

    RECEIVE = "receive"
    NORMALIZE = "normalize"
    DETECT = "detect"
    DECIDE = "decide"
    DELIVER = "deliver"
    EMIT = "emit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage:
    """What a system said, byte for byte, before anything looks at it.

    ``key``: the same thing said twice has the same key (a content hash, or the sender's own message id).
    ``name``: what the sender calls it (a file name, a record id). Data only: never a path, never trusted.
    ``position``: where the source stands once this message is stored; ``None`` when it keeps none.
    ``headers``: what the wire said about it (mtime, etag, webhook id), never a secret.
    """

    tenant: str
    source: str
    key: str
    body: bytes
    media_type: str
    received_at: datetime
    name: str = ""
    position: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> uuid.UUID:
        """Derived from tenant, source and key: receiving again gives the same id."""
        return derived_id("raw", self.tenant, self.source, self.key)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


DOCUMENT: Final = "document"
PARTNER: Final = "partner"
SENT_BY: Final = "sent_by"
"""Headers of a message whose bytes do not say it themselves: what it is, where that is not what its source always
says; which trading partner's it is; and the person who brought it, who is shown what became of it."""

MAIL: Final = "mail"
MAIL_PART: Final = "mail_part"
MAIL_UNREAD: Final = "mail_unread"
"""Documents of a mailbox that no mapping reads: a mail whose attachments were handed on, and is kept; an attachment,
and a mail, that nobody knows what to do with."""

ODD: Final = "odd"
"""The header of those with the reason."""


class Verdict(StrEnum):
    """What became of a message that a source handed over: what ``Source.settle`` is told."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    SET_ASIDE = "set_aside"


class PartState(StrEnum):
    """What became of one part (transaction set, record) of a raw message. The conservation law counts these."""

    PROCESSED = "processed"  # facts, events or a matched acknowledgement came of it
    REJECTED = "rejected"  # the sender was told no (997 R, TA1 R, HTTP 409); kept as a dead letter
    DEAD_LETTERED = "dead_lettered"  # we could not handle it; kept, with its way back
    DISCARDED = "discarded"  # a person said so, with a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a thing was set aside: everything a dead letter shows a person.

    ``code`` is stable and short (``EDI.UNKNOWN_PARTNER``, ``X12.SE_COUNT``, ``deliver.exhausted``);
    ``sentence`` is for people; ``remedy`` says what to do, as a sentence, with the command when there is one.
    ``blocked_by`` names what is not known yet and would let the thing through: see ``crossdock.blocked``.
    ``theirs``: the sender must correct the thing; whoever sets it aside says in the remedy whether it was told.
    """

    stage: Stage
    code: str
    error_class: str
    sentence: str
    remedy: str
    place: Place = field(default_factory=Place)
    blocked_by: str = ""
    theirs: bool = False


class Trace(StrEnum):
    """What an action that was done leaves behind, when what belongs to it failed and nothing can take it back."""

    NOTHING = "nothing"  # nothing that needs taking back: a note
    PERSON = "person"  # only a person can: a document that a partner has read


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a decision wants done: an operation at a target, with its arguments (JSON values).

    ``gated``: it leaves only when a person agreed to exactly its body. ``undo``: what takes it back when what belongs
    to it (the decision is ``together``) fails; ``None`` for an action that stands alone.
    """

    target: str
    operation: str
    arguments: Mapping[str, Any]
    gated: bool = False
    undo: "Action | Trace | None" = None

    def as_stored(self) -> dict[str, Any]:
        """As a decision keeps it: what is the rule for every action is left out."""
        stored: dict[str, Any] = {
            "target": self.target,
            "operation": self.operation,
            "arguments": dict(self.arguments),
        }
        if self.gated:
            stored["approve"] = True
        if self.undo is not None:
            stored["undo"] = self.undo.as_stored() if isinstance(self.undo, Action) else str(self.undo)
        return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The rule that matched an event, and what follows.

    ``table`` and ``rule`` name the row; ``version`` is the hash of the table's content;
    ``saw`` are the values that the row was matched against; ``because`` is a sentence for a person;
    ``error`` is set when the rule failed at run time: the queue is then ``triage``.
    ``together``: all of its actions or, in the end, none of them: a saga.
    """

    event_id: uuid.UUID
    table: str
    rule: str
    version: str
    queue: str
    owner: str
    priority: int
    actions: tuple[Action, ...]
    because: str
    saw: Mapping[str, Any]
    trace: Any = None
    error: str | None = None
    together: bool = False


class CaseState(StrEnum):
    """The states of a case. The database refuses every transition that is not in ``CASE_TRANSITIONS``."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


CASE_TRANSITIONS: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.OPEN: frozenset(CaseState) - {CaseState.OPEN},
    CaseState.ACKNOWLEDGED: frozenset(CaseState) - {CaseState.ACKNOWLEDGED, CaseState.OPEN},
    CaseState.IN_PROGRESS: frozenset(CaseState) - {CaseState.IN_PROGRESS, CaseState.OPEN},
    CaseState.BLOCKED: frozenset(CaseState) - {CaseState.BLOCKED},
    CaseState.RESOLVED: frozenset({CaseState.OPEN, CaseState.CANCELLED}),
    CaseState.CANCELLED: frozenset(),
    CaseState.EXPIRED: frozenset(),
}
"""resolved → open is a reopening; cancelled (it did not happen) and expired (nobody needs it now) are final."""


class WriteBackState(StrEnum):
    """The states of a write-back. The database refuses every transition not in ``WRITE_BACK_TRANSITIONS``."""

    AWAITING_APPROVAL = "awaiting_approval"  # leaves only when another person agrees to exactly this body
    READY = "ready"  # to be sent at next_attempt_at
    SENDING = "sending"  # the intent is committed, with its attempt number; the call may have happened
    DELIVERED = "delivered"  # the target's receipt is stored
    REJECTED = "rejected"  # the target said no: a dead letter
    UNSURE = "unsure"  # it left, no answer came, and the target can neither be asked nor sent it again safely
    EXHAUSTED = "exhausted"  # attempts or age used up: a dead letter
    SUPERSEDED = "superseded"  # a later one says what it would have said; it has no effect
    SHADOWED = "shadowed"  # made and kept, and not sent: its target runs in shadow
    DISCARDED = (
        "discarded"  # it will not leave, and the reason says why: a person, or what belongs to it failed
    )


WRITE_BACK_TRANSITIONS: Mapping[WriteBackState, frozenset[WriteBackState]] = {
    WriteBackState.AWAITING_APPROVAL: frozenset(
        {WriteBackState.READY, WriteBackState.UNSURE, WriteBackState.SUPERSEDED, WriteBackState.DISCARDED}
    ),
    WriteBackState.READY: frozenset(
        {WriteBackState.SENDING, WriteBackState.SUPERSEDED, WriteBackState.DISCARDED}
    ),
    WriteBackState.SENDING: frozenset(
        {
            WriteBackState.READY,
            WriteBackState.DELIVERED,
            WriteBackState.REJECTED,
            WriteBackState.UNSURE,
            WriteBackState.EXHAUSTED,
            WriteBackState.SUPERSEDED,
            WriteBackState.SHADOWED,
        }
    ),
    WriteBackState.DELIVERED: frozenset(),
    WriteBackState.REJECTED: frozenset(
        {WriteBackState.READY, WriteBackState.SUPERSEDED, WriteBackState.DISCARDED}
    ),
    WriteBackState.UNSURE: frozenset(
        {WriteBackState.AWAITING_APPROVAL, WriteBackState.DELIVERED, WriteBackState.DISCARDED}
    ),
    WriteBackState.EXHAUSTED: frozenset(
        {WriteBackState.READY, WriteBackState.SUPERSEDED, WriteBackState.DISCARDED}
    ),
    WriteBackState.SUPERSEDED: frozenset(),
    WriteBackState.SHADOWED: frozenset(),
    WriteBackState.DISCARDED: frozenset(),
}
"""unsure → ready is not among them: what may have happened is sent again only by way of awaiting_approval, which two
people leave. A trigger lets nothing out of there without an approval of exactly its bytes."""


class ApprovalState(StrEnum):
    """The states of a request for approval. The database refuses every transition not in
    ``APPROVAL_TRANSITIONS``."""

    ASKED = "asked"  # somebody else may agree, until it expires
    AGREED = "agreed"  # another person agreed in time to exactly these bytes
    DECLINED = "declined"  # a person said no
    EXPIRED = "expired"  # nobody said anything in time: no approval
    VOID = "void"  # what was asked about is no more: it was changed, or it turned out that it happened


APPROVAL_TRANSITIONS: Mapping[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.ASKED: frozenset(ApprovalState) - {ApprovalState.ASKED},
    ApprovalState.AGREED: frozenset(),
    ApprovalState.DECLINED: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.VOID: frozenset(),
}


class SagaState(StrEnum):
    """The states of a saga: actions of one decision that belong together."""

    RUNNING = "running"  # not all of them have ended
    DONE = "done"  # all of them were delivered
    UNDOING = "undoing"  # one ended without effect: the others are withdrawn or taken back
    UNDONE = "undone"  # nothing of it is left
    PARTIAL = "partial"  # something of it is left, and a person must see to it


SAGA_TRANSITIONS: Mapping[SagaState, frozenset[SagaState]] = {
    SagaState.RUNNING: frozenset({SagaState.DONE, SagaState.UNDOING}),
    SagaState.DONE: frozenset(),
    SagaState.UNDOING: frozenset({SagaState.UNDONE, SagaState.PARTIAL}),
    SagaState.UNDONE: frozenset(),
    SagaState.PARTIAL: frozenset({SagaState.UNDOING, SagaState.UNDONE}),
}


RESENT: Final = "resend_of"
REISSUED: Final = "reissue_of"
"""Headers of a write-back that says again what another one said: under its numbers, or under new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """One effect wanted at one target: the outbound twin of ``RawMessage``.

    ``idempotency_key`` never changes, over attempts, restarts and replays.
    ``body`` is exactly what will leave, or, where the target speaks a form of its own (OData, SOAP), what its sink
    puts into that form; ``headers`` are what the wire sends beside it (never credentials);
    ``attempt`` counts from 1 and was committed before the call.
    ``subject`` is the business key that the target knows ("supplier_po/4500123456").
    ``version`` is what a conditional target held before the first attempt, for ``If-Match``.
    """

    id: uuid.UUID
    tenant: str
    target: str
    operation: str
    idempotency_key: str
    body: bytes
    media_type: str
    subject: str
    headers: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 0
    case_id: uuid.UUID | None = None
    created_at: datetime | None = None
    version: str = ""

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The target's own evidence that the effect happened: its reference, and what it answered."""

    reference: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """It happened, and the target said so in a form that was checked. ``duplicate``: it had happened before, and the
    target said so by refusing the repeat."""

    receipt: Receipt
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """It provably did not happen, and may later. ``not_before`` is what the target asked for, if it asked;
    ``wire``: the target was not reached or cannot serve anybody, which its circuit breaker counts."""

    reason: str
    not_before: datetime | None = None
    wire: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The target said no and will say no again."""

    reason: str
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """The request left and no usable answer came. Nothing is sent again unless the target honours the key or
    can be asked. ``wire``: as in ``Retry``."""

    reason: str
    wire: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """What the write-back was decided on has changed at the target (409, 412): it provably did not happen, and would
    be wrong now. It is decided again, or a person looks. ``version``: what the target holds now, when it said."""

    reason: str
    status: str = ""
    version: str = ""


Outcome = Delivered | Retry | Reject | Unsure | Conflict
