"""Sent again: the same interchange once more, or the same content under new control numbers.

Two different things, and a person chooses. **Resend**: the partner lost the file. The same bytes go out, with the
same numbers; the partner that did read it sees a duplicate. **Reissue**: the partner refuses the numbers or cannot
take the file under them. The content goes out as a new interchange, and the answer to the old one is no longer waited
for. Each is a write-back of its own with its own key, names the one that it repeats, and is in the audit with its
reason.

All write-backs that say the same are a family: of one that was sent again, and of what sends it again. While one of
them is on its way, or nobody knows whether it arrived, no other leaves. The dead letter of one that the target
refused is settled when the same leaves again.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crossdock import approvals, deadletters
from crossdock.deadletters import NotPossible
from crossdock.edi import exchanges, outgoing
from crossdock.errors import Misconfigured
from crossdock.mapping import Body
from crossdock.messages import REISSUED, RESENT, WriteBackState, derived_id
from crossdock.partners import Partner, Partners
from crossdock.store import desk, outbox, sendings, told
from crossdock.writebacks import write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

_INSTEAD: Final[Mapping[str, str]] = {
    WriteBackState.AWAITING_APPROVAL: "it waits until another person agrees to it: `crossdock approvals list`",
    WriteBackState.READY: "it has not left yet, and leaves at its next attempt: `crossdock deliver {target}`",
    WriteBackState.SENDING: "it is being sent at this moment: look again when its attempt is over",
    WriteBackState.UNSURE: "whether it arrived is unknown: look at the target, then say `crossdock unknown happened` "
    "or `crossdock unknown did-not-happen`",
    WriteBackState.EXHAUSTED: "it never arrived, so nothing is sent again: `crossdock dead-letters replay` sends it",
    WriteBackState.SUPERSEDED: "a later one says what it would have said: see that one",
    WriteBackState.SHADOWED: "its target ran in shadow, so it was kept and never sent: decide the case again",
    WriteBackState.DISCARDED: "a person discarded it: decide the case again if it is to be sent after all",
}
"""What to do with a write-back in this state; one that was delivered or rejected may be sent again."""

_FIRST: Final[Mapping[str, str]] = {
    WriteBackState.AWAITING_APPROVAL: "is to be sent again already, as {other}, when another person agrees to it",
    WriteBackState.READY: "is on its way again already, as {other}: wait until that arrived",
    WriteBackState.SENDING: "is on its way again already, as {other}: wait until that arrived",
    WriteBackState.UNSURE: "was sent again as {other}, and whether that arrived is unknown: look at the target, then "
    "say `crossdock unknown happened` or `crossdock unknown did-not-happen`",
    WriteBackState.EXHAUSTED: "was to be sent again as {other}, which never arrived: `crossdock dead-letters replay` "
    "sends that, or discard it",
}
"""What must be settled first: another one of the family is in this state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A write-back that repeats another: its id, its target, and the interchange number under which it leaves."""

    id: uuid.UUID
    of: uuid.UUID
    target: str
    interchange: str


def resend(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> Again:
    """The same bytes once more, under the same numbers. Raises ``NotPossible`` with what to do instead."""
    row, family = _repeatable(connection, tenant, write_back_id, reason, "resent")
    first = told.first_of(connection, tenant, write_back_id, RESENT)
    if any(one.state == "cancelled" for one in sendings.sent_in(connection, tenant, first)):
        raise NotPossible(
            f"write-back {write_back_id} is not resent: nobody waits for an answer to its control numbers any more, "
            "since it was reissued or discarded; resend what it was reissued as, or reissue it"
        )
    headers = _linked(row.headers, RESENT, write_back_id)
    body = Body(body=bytes(row.body), media_type=row.media_type, subject=row.subject, headers=headers)
    number = outgoing.interchange_number(body.body)
    again = _queue(connection, tenant, row, body, "resend", number, actor, reason, now)
    _settle(connection, tenant, family, again, "resent", actor, reason, now)
    return again


def reissue(
    connection: "Transaction",
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    partners: Partners,
    actor: str,
    reason: str,
    now: datetime,
) -> Again:
    """The same content under new control numbers of ours, registered like anything that is written; an answer to what
    went out before is waited for no longer. Raises ``NotPossible`` with what to do instead."""
    row, family = _repeatable(connection, tenant, write_back_id, reason, "reissued")
    before = bytes(row.body)
    partner = _partner(before, partners)
    counted = outgoing.counted(before)
    numbers = outbox.ControlNumbers(connection, tenant)
    with numbers.attempt():
        interchange = numbers.take(partner.name, "interchange")
        group = numbers.take(partner.name, "group", counted.groups) if counted.groups else 0
        first_set = numbers.take(partner.name, "set", counted.sets) if counted.sets else 0
        content = outgoing.renumbered(before, interchange=interchange, group=group, first_set=first_set)
    numbers.save()
    number = f"{interchange:09}"
    headers = _linked(row.headers, REISSUED, write_back_id)
    if "filename" in headers:
        headers["filename"] = headers["filename"].replace(outgoing.interchange_number(before), number)
    body = Body(body=content, media_type=row.media_type, subject=row.subject, headers=headers)
    again = _queue(connection, tenant, row, body, "reissue", number, actor, reason, now)
    # one that waits for a yes may hear a no, and then the answer to the old one counts
    if not approvals.gated_again(connection, tenant, [one.id for one in family]):
        for one in family:
            exchanges.note_given_up(connection, tenant, one.id)
    exchanges.note_written(connection, tenant, again.id, content, partner, now)
    _settle(connection, tenant, family, again, "reissued", actor, reason, now)
    return again


def _repeatable(
    connection: "Transaction", tenant: str, write_back_id: uuid.UUID, reason: str, what: str
) -> tuple[Any, Sequence[Any]]:
    """The row of a write-back that may be sent again, and its family; locked."""
    if not reason.strip():
        raise NotPossible(f'a write-back is {what} with a reason: add --reason "..."')
    told.hold_family(connection, tenant, write_back_id)
    row = told.write_back(connection, tenant, write_back_id)
    if row is None:
        raise Misconfigured(f"there is no write-back {write_back_id}; see `crossdock write-backs list`")
    if row.media_type != outgoing.MEDIA_TYPE:
        raise NotPossible(
            f"write-back {write_back_id} is {row.media_type} for {row.target!r}, and only an interchange is {what}: "
            "what failed is run again by `crossdock dead-letters replay`; what was delivered is decided again"
        )
    if (instead := _INSTEAD.get(row.state)) is not None:
        raise NotPossible(f"write-back {write_back_id} is not {what}: {instead.format(target=row.target)}")
    family = told.family(connection, tenant, write_back_id)
    for other in family:
        if other.id != write_back_id and (wait := _FIRST.get(other.state)) is not None:
            raise NotPossible(f"write-back {write_back_id} {wait.format(other=other.id)}")
    return row, family


def _linked(headers: Mapping[str, str], link: str, write_back_id: uuid.UUID) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name not in (RESENT, REISSUED)}
    return {**kept, link: str(write_back_id)}


def _queue(
    connection: "Transaction",
    tenant: str,
    row: Any,
    body: Body,
    what: str,
    number: str,
    actor: str,
    reason: str,
    now: datetime,
) -> Again:
    earlier = len(told.repeats_of(connection, tenant, row.id))
    key = derived_id(what, str(row.id), str(earlier + 1))
    family = [one.id for one in told.family(connection, tenant, row.id)]
    # what needed a person's yes the first time needs one again, of another person than the one who sends it again
    gated = approvals.gated_again(connection, tenant, family)
    if gated:
        approvals.require_person(actor)
    outbox.add_write_backs(
        connection,
        [
            write_back_row(
                tenant=tenant,
                key=key,
                target=row.target,
                operation=row.operation,
                body=body,
                now=now,
                case_id=row.case_id,
                decision_id=row.decision_id,
                raw_id=row.raw_id,
                gated=gated,
            )
        ],
    )
    if gated:
        approvals.ask_for_new(connection, tenant, {key: (actor, reason)}, now)
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action=f"write_back.{what}",
        object_kind="write_back",
        object_id=str(row.id),
        reason=reason,
        detail={
            "new": str(key),
            "interchange": number,
            "was": outgoing.interchange_number(bytes(row.body)),
        },
    )
    return Again(id=key, of=row.id, target=row.target, interchange=number)


def _settle(
    connection: "Transaction",
    tenant: str,
    family: Sequence[Any],
    again: Again,
    what: str,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """What the target refused leaves again, so its dead letter is done."""
    deadletters.settle_sent_again(
        connection,
        tenant=tenant,
        write_back_ids=[one.id for one in family],
        what=what,
        again=again.id,
        actor=actor,
        reason=reason,
        now=now,
    )


def _partner(body: bytes, partners: Partners) -> Partner:
    qualifier, receiver = outgoing.receiver_of(body)
    partner = partners.find(qualifier, receiver)
    if partner is None:
        raise NotPossible(
            f"it is addressed to {qualifier}/{receiver}, and no profile has this id any more: whose numbers it would "
            "take is unknown; mend the profile, then reissue it"
        )
    return partner
