"""Dead letters: the side door of every room, and the two ways out of it, replay and discard.

A dead letter holds the thing (by its raw message and part, or its write-back), the stage, the reason and the way
back. Replaying goes to the stage that failed: a part is normalized again from the bytes that were received, a
write-back is sent again with the key it always had. Both leave an audit row. What is replayed stays on record.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import CrossdockError, Place
from crossdock.messages import RESENT, Problem, RawMessage, Stage, WriteBack, WriteBackState, derived_id
from crossdock.principals import OURSELVES
from crossdock.store import approvals, casebook, desk, emissions, inbox, outbox, sagas, sendings, told, turns

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction


_ENDED: Final = (
    WriteBackState.DELIVERED,
    WriteBackState.SUPERSEDED,
    WriteBackState.SHADOWED,
    WriteBackState.DISCARDED,
)


class NotPossible(CrossdockError):
    """A policy forbids this, and the sentence says what is possible instead."""


class NoSuchDeadLetter(CrossdockError):
    """There is no dead letter of this id."""


def problem_of(error: Exception, stage: Stage) -> Problem:
    """An unexpected fault as a problem. The sentence of our own errors is for people; of others, their class."""
    ours = isinstance(error, CrossdockError)
    sentence = str(error) if ours else f"{type(error).__name__}: {str(error)[:300]}"
    return Problem(
        stage=stage,
        code=getattr(error, "code", "EDI.MAP_FAILURE") if ours else "EDI.MAP_FAILURE",
        error_class=type(error).__name__,
        sentence=sentence,
        remedy=getattr(error, "remedy", "")
        or "Mend the mapping or the document's partner profile, then replay.",
        place=getattr(error, "place", Place()),
        blocked_by=getattr(error, "blocked_by", ""),
    )


def part_row(
    message: RawMessage,
    problem: Problem,
    *,
    part: int | None,
    label: str,
    occasion: str,
    now: datetime,
    attempts: int = 1,
    versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The dead letter of one part of a raw message; ``part`` ``None``: of our answer to it.

    ``occasion`` tells one setting aside from the next: a part that fails again after a replay is another letter.
    """
    return _row(
        problem,
        letter_id=derived_id("dead-letter", str(message.id), str(part), occasion),
        tenant=message.tenant,
        source=message.source,
        label=label,
        attempts=attempts,
        versions=versions or {},
        now=now,
        raw_id=message.id,
        part=part,
        write_back_id=None,
    )


def write_back_row(write_back: WriteBack, problem: Problem, *, now: datetime) -> dict[str, Any]:
    """The dead letter of a write-back; of one that sends another again it says which."""
    if (of := told.repeated_by(write_back.headers)) is not None:
        problem = replace(problem, sentence=f"{problem.sentence}; it sends write-back {of} again")
    return _row(
        problem,
        letter_id=derived_id("dead-letter", str(write_back.id), str(write_back.attempt)),
        tenant=write_back.tenant,
        source=write_back.target,
        label=f"{write_back.operation} {write_back.subject}",
        attempts=write_back.attempt,
        versions={},
        now=now,
        raw_id=None,
        part=None,
        write_back_id=write_back.id,
    )


def event_row(
    *,
    tenant: str,
    event_id: uuid.UUID,
    raw_id: uuid.UUID,
    source: str,
    label: str,
    problem: Problem,
    now: datetime,
) -> dict[str, Any]:
    """The dead letter of an event that may not leave."""
    row = _row(
        problem,
        letter_id=derived_id("dead-letter", str(event_id), now.isoformat()),
        tenant=tenant,
        source=source,
        label=label,
        attempts=1,
        versions={},
        now=now,
        raw_id=raw_id,
        part=None,
        write_back_id=None,
    )
    return {**row, "event_id": event_id}


def _row(
    problem: Problem,
    *,
    letter_id: uuid.UUID,
    tenant: str,
    source: str,
    label: str,
    attempts: int,
    versions: Mapping[str, str],
    now: datetime,
    raw_id: uuid.UUID | None,
    part: int | None,
    write_back_id: uuid.UUID | None,
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "id": letter_id,
        "source": source,
        "stage": problem.stage,
        "code": problem.code,
        "error_class": problem.error_class,
        "sentence": problem.sentence,
        "remedy": problem.remedy,
        "place": dict(problem.place.as_dict()),
        "label": label,
        "raw_id": raw_id,
        "part": part,
        "write_back_id": write_back_id,
        "attempts": attempts,
        "versions": dict(versions),
        "state": "open",
        "created_at": now,
        "blocked_by": problem.blocked_by or None,
    }


def set_aside_message(
    connection: "Transaction", message: RawMessage, problem: Problem, *, now: datetime, attempts: int = 1
) -> None:
    """Set a whole message aside: one part, with its dead letter."""
    state = "rejected" if problem.stage is Stage.RECEIVE else "dead_lettered"
    label = message.name or message.key
    casebook.add_parts(
        connection,
        [
            {
                "tenant": message.tenant,
                "raw_id": message.id,
                "ordinal": 0,
                "source": message.source,
                "label": label,
                "partner": None,
                "state": state,
                "byte_offset": 0,
                "byte_length": len(message.body),
            }
        ],
    )
    desk.add_dead_letters(
        connection,
        [part_row(message, problem, part=0, label=label, occasion=problem.stage, now=now, attempts=attempts)],
    )
    inbox.finish_messages(connection, message.tenant, {message.id: 1}, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay put back to work, and which step goes on with it."""

    letter_id: uuid.UUID
    stage: Stage
    next_step: str  # "process", "publish", or "deliver TARGET"


def replay(
    connection: "Transaction",
    *,
    tenant: str,
    letter_id: uuid.UUID,
    actor: str,
    now: datetime,
    due: datetime | None = None,
    replay_as: str = "now",
    said: str | None = None,
) -> Replayed:
    """Put the thing back to the stage that failed. Doing so twice is refused: the letter is closed by the first.

    ``due``: when a write-back leaves, where not at once. ``replay_as`` ``then``: a part runs only while the versions
    that its letter notes are those that are installed (``crossdock.versions``). ``said``: why, for the audit.

    A write-back whose effect is unknown does not go back from here, whoever asks: ``crossdock.unknown`` is the only
    way. Raises ``NotPossible``, ``NoSuchDeadLetter``.
    """
    hold(connection, tenant, letter_id)
    letter = open_letter(connection, tenant, letter_id)
    if letter.stage == Stage.RECEIVE and letter.code == "INT.SOURCE_DEGRADED":
        raise NotPossible(
            f"dead letter {letter_id}: '{letter.label}' was never taken, so there is nothing to run again; what the "
            "sender puts there in its place comes by itself; discard this"
        )
    if letter.write_back_id is not None:
        _require_wanted(connection, letter)
        require_last(connection, letter)
        outbox.put_back(
            connection,
            tenant=tenant,
            write_back_id=letter.write_back_id,
            now=now,
            actor=actor,
            reason=said or "replay",
            due=due,
        )
        next_step = f"deliver {letter.source}"
    elif letter.event_id is not None and letter.code != "INT.SCHEMA_VIOLATION":
        raise NotPossible(
            f"dead letter {letter_id}: the feed has this event, and the broker '{letter.source}' will not take it; "
            "discard this"
        )
    elif letter.event_id is not None:
        emissions.move(connection, tenant, letter.event_id, "waiting")
        next_step = "publish"
    else:
        if letter.part is not None:
            casebook.move_part(connection, tenant, letter.raw_id, letter.part, "in_flight")
        inbox.ask_again(connection, tenant, letter.raw_id)
        next_step = "process"
    desk.close_dead_letter(
        connection,
        letter,
        state="replayed",
        action="dead_letter.replay",
        actor=actor,
        reason="replay",
        said=said,
        now=now,
        replay_as=replay_as,
    )
    return Replayed(letter_id=letter_id, stage=Stage(letter.stage), next_step=next_step)


def void_request(
    connection: "Transaction", tenant: str, write_back_id: uuid.UUID, words: str, now: datetime
) -> None:
    """End what is asked about a write-back that comes to its end by another way."""
    approvals.void(
        connection,
        tenant=tenant,
        write_back_id=write_back_id,
        words=words,
        principal=OURSELVES,
        now=now,
    )


def _require_wanted(connection: "Transaction", letter: Any) -> None:
    """Refuse to run again what may have happened (the database would refuse it too), and what nobody wants alone."""
    saga = sagas.failed_saga_of(connection, letter.tenant, letter.write_back_id)
    if saga is not None:
        raise NotPossible(
            f"dead letter {letter.id}: '{letter.label}' belongs to saga {saga.id}, which is {saga.state}: without "
            "what belongs to it it is not wanted; decide the case again, or discard this"
        )
    row = told.write_back(connection, letter.tenant, letter.write_back_id)
    if row is not None and row.state == WriteBackState.AWAITING_APPROVAL:
        raise NotPossible(
            f"dead letter {letter.id}: '{letter.label}' waits until another person agrees that it is sent again; see "
            "`crossdock approvals list`"
        )
    if row is not None and row.state == WriteBackState.UNSURE:
        short = str(letter.write_back_id)[:8]
        raise NotPossible(
            f"dead letter {letter.id}: whether '{letter.label}' happened at '{letter.source}' is unknown, and what "
            f"may have happened is not sent again; look there, then say: crossdock unknown happened {short}, or "
            f"did-not-happen {short} (replay with --it-did-not-happen is the same), or discard it"
        )
    if row is not None and row.state in _ENDED:
        raise NotPossible(
            f"dead letter {letter.id}: '{letter.label}' is {row.state} already, so there is nothing to send again; "
            "discard this"
        )


def require_last(connection: "Transaction", letter: Any) -> None:
    """Refuse to bring an old change over a newer one: what a later write-back says anew is not sent any more."""
    later = turns.later_of(connection, letter.tenant, letter.write_back_id)
    if later is not None:
        raise NotPossible(
            f"dead letter {letter.id}: a later write-back ({later}) says anew what '{letter.label}' says, and an old "
            "change is not sent over a newer one; discard this"
        )


def discard(
    connection: "Transaction", *, tenant: str, letter_id: uuid.UUID, actor: str, reason: str, now: datetime
) -> None:
    """End it: nothing will come of this thing, and the reason says why. Its bytes and its history stay."""
    if not reason.strip():
        raise NotPossible("a dead letter is discarded with a reason")
    hold(connection, tenant, letter_id)
    letter = open_letter(connection, tenant, letter_id)
    if letter.write_back_id is not None:
        row = told.write_back(connection, tenant, letter.write_back_id)
        # of what came to its end by another way only the letter is left
        if row is None or row.state not in _ENDED:
            void_request(connection, tenant, letter.write_back_id, f"{actor} discarded it: {reason}", now)
            outbox.close_by_person(
                connection,
                tenant=tenant,
                write_back_id=letter.write_back_id,
                state=WriteBackState.DISCARDED,
                now=now,
                actor=actor,
                reason=reason,
            )
            give_up(connection, tenant, letter.write_back_id)
    elif letter.part is not None:
        casebook.move_part(connection, tenant, letter.raw_id, letter.part, "discarded")
    desk.close_dead_letter(
        connection,
        letter,
        state="discarded",
        action="dead_letter.discard",
        actor=actor,
        reason=reason,
        said=reason,
        now=now,
    )


def hold(connection: "Transaction", tenant: str, letter_id: uuid.UUID) -> None:
    """Hold what says the same as the write-back of a letter, before the letter itself is held: whoever sends it again
    does so in this order."""
    write_back_id = desk.write_back_of(connection, tenant, letter_id)
    if write_back_id is not None:
        told.hold_family(connection, tenant, write_back_id)


def give_up(connection: "Transaction", tenant: str, write_back_id: uuid.UUID) -> None:
    """It will never leave: no answer to its numbers is waited for, unless the same left under them. Called once
    it has ended."""
    first = told.first_of(connection, tenant, write_back_id, RESENT)
    same = {first}
    for one in told.family(connection, tenant, write_back_id) if first != write_back_id else ():
        if RESENT in one.headers and told.repeated_by(one.headers) in same:
            same.add(one.id)
        if one.id in same and one.state == WriteBackState.DELIVERED:
            return
    sendings.give_up(connection, tenant, first)


def settle_sent_again(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_ids: Sequence[uuid.UUID],
    what: str,
    again: uuid.UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """The letters of write-backs that were refused, once a person sends the same again (``what``: resent, reissued):
    they are done, and say by whom, why and as which write-back. One that is refused again is a letter of its own."""
    for letter in desk.open_letters_of(connection, tenant, write_back_ids):
        desk.close_dead_letter(
            connection,
            letter,
            state="replayed",
            action=f"dead_letter.{what}",
            actor=actor,
            reason=f"{what} as write-back {again}: {reason}",
            said=reason,
            now=now,
            more={"write_back": str(letter.write_back_id), "new": str(again)},
        )


def settle(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    state: str,
    action: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Close what is open about a write-back whose end is known now, and say how it is known."""
    for letter in desk.open_letters_of(connection, tenant, [write_back_id]):
        desk.close_dead_letter(
            connection, letter, state=state, action=action, actor=actor, reason=reason, said=reason, now=now
        )


def open_letter(connection: "Transaction", tenant: str, letter_id: uuid.UUID) -> Any:
    """A letter that is open, locked. Raises ``NoSuchDeadLetter``, and ``NotPossible`` for one that is not."""
    letter = desk.read_dead_letter(connection, tenant, letter_id)
    if letter is None:
        raise NoSuchDeadLetter(
            f"there is no dead letter {letter_id}; `crossdock dead-letters list` shows them"
        )
    if letter.state == "parked":
        raise NotPossible(
            f"dead letter {letter_id} is parked: it was run again {letter.replays} times and came back each time; "
            "say why it shall be run once more: crossdock dead-letters unpark, with --reason"
        )
    if letter.state != "open":
        how = f": {letter.reason}" if letter.reason and letter.reason != "replay" else ""
        raise NotPossible(f"dead letter {letter_id} was {letter.state} by {letter.closed_by} already{how}")
    return letter
