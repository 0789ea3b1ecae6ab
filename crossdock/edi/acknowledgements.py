"""Acknowledgements: what we answer to an interchange, written in the transaction of all that came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crossdock import deadletters
from crossdock.errors import CrossdockError
from crossdock.messages import Stage, derived_id
from crossdock.normalize import AcknowledgementWanted, Normalized
from crossdock.normalize.acknowledge import ANSWERS, of_runs, put_together, runs
from crossdock.store import desk, inbox, outbox, register, sendings
from crossdock.writebacks import write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction


@dataclass(slots=True)
class _Written:
    """The rows of a batch's answers, until they are stored."""

    write_backs: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)


def write_acknowledgements(
    connection: "Transaction",
    worked: Sequence[tuple[inbox.Claim, Normalized]],
    numbers: outbox.ControlNumbers,
    now: datetime,
) -> int:
    """Our answers to the senders of a batch, with control numbers taken in this transaction. How many went out."""
    written = _Written()
    for claim, normalized in worked:
        for wanted in _unanswered(connection, claim, normalized.acknowledgements):
            _write(written, claim, wanted, numbers, now)
    register.add(connection, written.exchanges)
    desk.add_dead_letters(connection, written.letters)
    return outbox.add_write_backs(connection, written.write_backs)


def _unanswered(
    connection: "Transaction", claim: inbox.Claim, answers: Sequence[AcknowledgementWanted]
) -> Iterator[AcknowledgementWanted]:
    """What the senders are still owed: after a replay, answers to those interchanges that had none before."""
    if not claim.again or not answers:
        yield from answers
        return
    sent = sendings.answers_to(connection, claim.message.tenant, claim.id)
    told = {number for headers in sent for number in of_runs(headers.get(ANSWERS, ""))}
    single = [one for wanted in answers for one in (wanted.of or (wanted,))]
    yield from put_together([one for one in single if told.isdisjoint(one.interchanges)])


def _write(
    written: _Written,
    claim: inbox.Claim,
    wanted: AcknowledgementWanted,
    numbers: outbox.ControlNumbers,
    now: datetime,
) -> None:
    """One answer, with its place in the register. One that cannot be written whole is written interchange by
    interchange, and what cannot be written even so is set aside."""
    tenant = claim.message.tenant
    answered = runs(wanted.interchanges)
    key = derived_id("acknowledgement", str(claim.id), answered)
    try:
        with numbers.attempt():  # what cannot be written takes no number
            interchange_number = numbers.take(wanted.partner, "interchange")
            group_number = numbers.take(wanted.partner, "group", wanted.groups) if wanted.groups else 0
            set_number = numbers.take(wanted.partner, "set", wanted.sets) if wanted.sets else 0
            body = wanted.write(
                interchange_number=interchange_number,
                group_number=group_number,
                first_set_number=set_number,
                now=now,
            )
    except CrossdockError as error:
        if wanted.of:
            for one in wanted.of:
                _write(written, claim, one, numbers, now)
            return
        problem = replace(
            deadletters.problem_of(error, Stage.NORMALIZE),
            remedy="Mend what the sentence names, then replay: the answer is written again.",
        )
        written.letters.append(
            deadletters.part_row(
                claim.message,
                problem,
                part=None,
                label=f"answer to interchange {answered} of {claim.message.name}",
                occasion=f"answer {answered} {claim.fence}",
                now=now,
            )
        )
        return
    written.write_backs.append(
        write_back_row(
            tenant=tenant,
            key=key,
            target=wanted.target,
            operation=wanted.operation,
            body=body,
            now=now,
            raw_id=claim.id,
        )
    )
    digest = sha256(body.body.rstrip()).hexdigest()
    written.exchanges += [
        register.row(
            tenant=tenant,
            direction="out",
            partner=wanted.partner,
            interchange_number=f"{interchange_number:09}",
            interchange_sha256=digest,
            numbers=one,
            write_back_id=key,
            at=now,
            state="sent",
        )
        for one in wanted.write.numbers(group_number=group_number, first_set_number=set_number)
    ]
