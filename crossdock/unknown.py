"""Unknown outcomes: what left and was never answered. Ask the target, or let people say; never guess, never resend.

A sweep asks by itself where the target can be asked, some at a time behind the fresh work, with growing waits. What
it hears is appended as evidence; it confirms, or leaves the outcome unknown. A person who looked may say *it
happened* alone. That *it did not*, and that it is sent again, takes two.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from crossdock import approvals, deadletters
from crossdock.edi import exchanges
from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown, WireQuiet
from crossdock.faultpoints import faultpoint
from crossdock.messages import Receipt, WriteBack, WriteBackState
from crossdock.ports import Clock, Searchable, Sink
from crossdock.principals import OURSELVES
from crossdock.store import desk, outbox, told, unknown
from crossdock.termination import Termination

if TYPE_CHECKING:
    from crossdock.partners import Partners
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

FIRST_ASKED_AFTER: Final = timedelta(minutes=1)
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720, 1440, 1440, 1440))
"""How long the sweep waits before it asks for the same outcome again; after the last one it leaves it to people."""
AT_ONCE: Final = 20
"""For so many outcomes the sweep asks in one run of a target."""

SOMETHING_ELSE: Final = ("409", "422")
"""With these a target says that the key did something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a target said. ``answer``: found, nothing, something_else, no_answer; ``reachable``: whether it is worth
    asking this target more now."""

    write_back_id: uuid.UUID
    answer: str
    sentence: str
    reference: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reachable: bool = True


def ask_target(sink: Searchable, write_back: WriteBack) -> Checked:
    """Ask once. A target that does not say is an answer too: nothing is concluded from it."""

    def said(answer: str, sentence: str, *, reachable: bool = True) -> Checked:
        return Checked(write_back_id=write_back.id, answer=answer, sentence=sentence, reachable=reachable)

    try:
        receipt = sink.find(write_back)
    except Refused as error:
        if error.status in SOMETHING_ELSE:
            return said("something_else", str(error))
        return said("no_answer", str(error))
    except (WireDown, WireQuiet, Misconfigured) as error:
        return said("no_answer", str(error), reachable=False)
    except CrossdockError as error:
        return said("no_answer", str(error))
    except Exception as error:
        return said("no_answer", f"the sink failed: {type(error).__name__}")
    if receipt is None:
        return said("nothing", f"'{write_back.target}' says that it has nothing by this key")
    return _found(write_back, receipt)


def _found(write_back: WriteBack, receipt: Receipt) -> Checked:
    return Checked(
        write_back_id=write_back.id,
        answer="found",
        sentence=f"'{write_back.target}' has it: {receipt.reference}",
        reference=receipt.reference,
        evidence=receipt.evidence,
    )


class Unknowns:
    """The queue of unknown outcomes: check, it happened, it did not."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        clock: Clock,
        open_sink: Callable[[str], Sink],
        can_be_asked: approvals.Asking,
        requests: approvals.Approvals,
        partners: Callable[[], "Partners"],
        termination: Termination | None = None,
    ) -> None:
        """``open_sink``: the sink of a target, by its name; it is closed here."""
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._open_sink = open_sink
        self._can_be_asked = can_be_asked
        self._approvals = requests
        self._partners = partners
        self._termination = termination or Termination()

    # ── the sweep ────────────────────────────────────────────────────────────────────────────────────────────

    def sweep(self, sink: Sink, target: str) -> dict[str, int]:
        """Ask a target for the outcomes whose time has come. Stops at the first question that it does not answer: a
        target that is away costs one call."""
        counts = {"checked": 0, "confirmed": 0}
        if not isinstance(sink, Searchable) or not self._can_be_asked(target):
            return counts
        with self._store.reading(self._tenant) as connection:
            due = unknown.due(
                connection,
                tenant=self._tenant,
                target=target,
                now=self._clock.now(),
                after=FIRST_ASKED_AFTER,
                limit=AT_ONCE,
            )
        for one in due:
            if self._termination.was_told():
                break
            checked = self._check(sink, one, OURSELVES)
            if checked is None:
                continue
            counts["checked"] += 1
            counts["confirmed"] += checked.answer == "found"
            if not checked.reachable:
                break
        return counts

    # ── what a person does ───────────────────────────────────────────────────────────────────────────────────

    def check(self, write_back_id: uuid.UUID, actor: str) -> Checked:
        """*Check now*. Raises ``NotPossible`` when the outcome is known, or the target cannot be asked."""
        one = self._unknown(write_back_id)
        target = one.write_back.target
        if not self._can_be_asked(target):
            raise deadletters.NotPossible(
                f"'{target}' cannot be asked what happened (idempotency = none in its connector.toml): look there "
                f"yourself, then say: crossdock unknown happened {str(write_back_id)[:8]}, or did-not-happen"
            )
        with closing(self._open_sink(target)) as sink:
            if not isinstance(sink, Searchable):
                raise deadletters.NotPossible(
                    f"the connector '{target}' has no way to ask what happened: look there yourself, then say: "
                    f"crossdock unknown happened {str(write_back_id)[:8]}, or did-not-happen"
                )
            checked = self._check(sink, one, actor)
        if checked is None:
            raise deadletters.NotPossible(
                f"'{target}' is being asked for {write_back_id} this very moment; look again"
            )
        return checked

    def happened(self, write_back_id: uuid.UUID, actor: str, reference: str, reason: str) -> None:
        """*It happened*: a person saw it at the target, and says under which reference and how they know."""
        approvals.require_person(actor)
        if not reference.strip() or not reason.strip():
            raise deadletters.NotPossible(
                "say what you saw: --reference with the target's own number for it, and --reason"
            )
        receipt = {"reference": reference, "said_by": actor, "reason": reason}
        sentence = f"{actor} saw that it happened ({reference}): {reason}"
        with self._store.transaction(self._tenant) as connection:
            row = self._held(connection, write_back_id)
            now = self._clock.now()
            self._confirm(connection, row, receipt, sentence, actor, now)
            outbox.add_person(connection, self._tenant, row.id, row.attempt, "delivered", sentence, now)
            faultpoint("unknown.before_happened")
        faultpoint("unknown.after_happened")

    def did_not_happen(self, write_back_id: uuid.UUID, actor: str, reason: str) -> uuid.UUID:
        """*It did not: send again*: another person must agree. The id of the request for approval."""
        self._unknown(write_back_id)
        return self._approvals.ask(write_back_id, actor, reason)

    def is_unknown(self, write_back_id: uuid.UUID) -> bool:
        """Whether nobody knows what became of this write-back."""
        with self._store.reading(self._tenant) as connection:
            return unknown.one(connection, self._tenant, write_back_id) is not None

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────

    def _unknown(self, write_back_id: uuid.UUID) -> unknown.Due:
        with self._store.reading(self._tenant) as connection:
            found = unknown.one(connection, self._tenant, write_back_id)
            if found is not None:
                return found
            row = unknown.known_state(connection, self._tenant, write_back_id)
        if row is None:
            raise Misconfigured(f"there is no write-back {write_back_id}; see `crossdock unknown list`")
        raise _known(row)

    def _held(self, connection: "Transaction", write_back_id: uuid.UUID) -> Any:
        """The row of an unknown outcome, locked."""
        told.hold_family(connection, self._tenant, write_back_id)
        row = told.write_back(connection, self._tenant, write_back_id)
        if row is None:
            raise Misconfigured(f"there is no write-back {write_back_id}; see `crossdock unknown list`")
        if not _is_unknown(row):
            raise _known(row)
        return row

    def _check(self, sink: Searchable, one: unknown.Due, by: str) -> Checked | None:
        """Ask once and write down what was said. ``None``: somebody else asks now."""
        now = self._clock.now()
        # a person's question is no turn of the sweep's: its waits stay as they are
        wait = WAITS[one.since] if one.since < len(WAITS) else None
        with self._store.transaction(self._tenant) as connection:
            mine = unknown.note_asked(
                connection, one, by=by, now=now, next_at=None if wait is None else now + wait
            )
            faultpoint("unknown.before_asked")
        faultpoint("unknown.after_asked")
        if not mine:
            return None
        with self._termination.waiting():
            checked = ask_target(sink, one.write_back)
        faultpoint("unknown.after_call")
        with self._store.transaction(self._tenant) as connection:
            told.hold_family(connection, self._tenant, one.write_back.id)
            row = told.write_back(connection, self._tenant, one.write_back.id)
            now = self._clock.now()
            unknown.note_answered(
                connection,
                one,
                by=by,
                now=now,
                answer=checked.answer,
                reason=checked.sentence,
                evidence={"reference": checked.reference, **checked.evidence} if checked.reference else None,
            )
            if checked.answer == "found" and row is not None and _is_unknown(row):
                receipt = {"reference": checked.reference, **checked.evidence, "found_by": by}
                self._confirm(connection, row, receipt, checked.sentence, by, now)
            faultpoint("unknown.before_answered")
        faultpoint("unknown.after_answered")
        return checked

    def _confirm(
        self,
        connection: "Transaction",
        row: Any,
        receipt: Mapping[str, Any],
        sentence: str,
        by: str,
        now: datetime,
    ) -> None:
        """Delivered; what was asked about it, and its dead letter, are done."""
        approvals.withdraw(connection, row, sentence, now)
        unknown.confirm(
            connection, tenant=row.tenant, write_back_id=row.id, receipt=receipt, reason=sentence, now=now
        )
        if "x12" in row.media_type:
            exchanges.note_delivered(connection, row.tenant, row.id, self._partners(), now)
        deadletters.settle(
            connection,
            tenant=row.tenant,
            write_back_id=row.id,
            state="discarded",
            action="dead_letter.happened",
            actor=by,
            reason=sentence,
            now=now,
        )
        desk.add_audit(
            connection,
            tenant=row.tenant,
            now=now,
            actor=by,
            action="write_back.happened",
            object_kind="write_back",
            object_id=str(row.id),
            reason=sentence,
            detail={"reference": receipt["reference"]},
        )


def _is_unknown(row: Any) -> bool:
    return bool(
        row.state == WriteBackState.UNSURE
        or (row.state == WriteBackState.AWAITING_APPROVAL and row.attempt > 0)
    )


def _known(row: Any) -> deadletters.NotPossible:
    more = f" ({row.reason})" if row.reason else ""
    return deadletters.NotPossible(f"write-back {row.id} is {row.state}{more}: its outcome is not unknown")
