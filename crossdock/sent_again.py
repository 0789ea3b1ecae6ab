"""Sent again: the same interchange once more, or the same content under new control numbers.

Two different things, and a person chooses. **Resend**: the partner lost the file. The same bytes go out, with the
same numbers; the partner that did read it sees a duplicate. **Reissue**: the partner refuses the numbers or cannot
take the file under them. The content goes out as a new interchange, and the answer to the old one is no longer waited
for. Each is a write-back of its own with its own key, names the one that it repeats, and is in the audit with its
reason.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crossdock import edi_out, exchanges
from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured
from crossdock.messages import WriteBackState, derived_id
from crossdock.partners import Partner, Partners
from crossdock.registry import Body
from crossdock.store import desk, outbox, told
from crossdock.writebacks import write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

_INSTEAD: Final[Mapping[str, str]] = {
    WriteBackState.READY: "it has not left yet, and leaves at its next attempt: `crossdock deliver {target}`",
    WriteBackState.SENDING: "it is being sent at this moment: look again when its attempt is over",
    WriteBackState.UNSURE: "whether it arrived is unknown: look at the target, then `crossdock dead-letters replay` "
    "with --it-did-not-happen, or discard it",
    WriteBackState.EXHAUSTED: "it never arrived, so nothing is sent again: `crossdock dead-letters replay` sends it",
    WriteBackState.DISCARDED: "a person discarded it: decide the case again if it is to be sent after all",
}
"""What to do with a write-back in this state; one that was delivered or rejected may be sent again."""


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
    row = _repeatable(connection, tenant, write_back_id, reason, "resent")
    headers = _linked(row.headers, edi_out.RESENT, write_back_id)
    body = Body(body=bytes(row.body), media_type=row.media_type, subject=row.subject, headers=headers)
    number = edi_out.interchange_number(body.body)
    return _queue(connection, tenant, row, body, "resend", number, actor, reason, now)


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
    """The same content under new control numbers of ours, registered like anything that is written. Raises
    ``NotPossible`` with what to do instead."""
    row = _repeatable(connection, tenant, write_back_id, reason, "reissued")
    before = bytes(row.body)
    partner = _partner(before, partners)
    counted = edi_out.counted(before)
    numbers = outbox.ControlNumbers(connection, tenant)
    with numbers.attempt():
        interchange = numbers.take(partner.name, "interchange")
        group = numbers.take(partner.name, "group", counted.groups) if counted.groups else 0
        first_set = numbers.take(partner.name, "set", counted.sets) if counted.sets else 0
        content = edi_out.renumbered(before, interchange=interchange, group=group, first_set=first_set)
    numbers.save()
    number = f"{interchange:09}"
    headers = _linked(row.headers, edi_out.REISSUED, write_back_id)
    if "filename" in headers:
        headers["filename"] = headers["filename"].replace(edi_out.interchange_number(before), number)
    body = Body(body=content, media_type=row.media_type, subject=row.subject, headers=headers)
    again = _queue(connection, tenant, row, body, "reissue", number, actor, reason, now)
    exchanges.note_given_up(connection, tenant, _first(connection, tenant, row))
    exchanges.note_written(connection, tenant, again.id, content, partner, now)
    return again


def _repeatable(
    connection: "Transaction", tenant: str, write_back_id: uuid.UUID, reason: str, what: str
) -> Any:
    """The row of a write-back that may be sent again, locked."""
    if not reason.strip():
        raise NotPossible(f'a write-back is {what} with a reason: add --reason "..."')
    row = told.write_back(connection, tenant, write_back_id)
    if row is None:
        raise Misconfigured(f"there is no write-back {write_back_id}; see `crossdock write-backs list`")
    if row.media_type != edi_out.MEDIA_TYPE:
        raise NotPossible(
            f"write-back {write_back_id} is {row.media_type} for {row.target!r}, and only an interchange is {what}: "
            "what failed is run again by `crossdock dead-letters replay`; what was delivered is decided again"
        )
    if (instead := _INSTEAD.get(row.state)) is not None:
        raise NotPossible(f"write-back {write_back_id} is not {what}: {instead.format(target=row.target)}")
    for other in told.repeats_of(connection, tenant, write_back_id):
        if other.state in (WriteBackState.READY, WriteBackState.SENDING):
            raise NotPossible(
                f"write-back {write_back_id} is on its way again already, as {other.id}: wait until that arrived"
            )
    return row


def _linked(headers: Mapping[str, str], link: str, write_back_id: uuid.UUID) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name not in (edi_out.RESENT, edi_out.REISSUED)}
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
            )
        ],
    )
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
            "was": edi_out.interchange_number(bytes(row.body)),
        },
    )
    return Again(id=key, of=row.id, target=row.target, interchange=number)


def _first(connection: "Transaction", tenant: str, row: Any) -> uuid.UUID:
    """The write-back under which the numbers of this one were registered: of one that was resent, the first."""
    while before := row.headers.get(edi_out.RESENT):
        found = told.write_back(connection, tenant, uuid.UUID(before))
        if found is None:
            break
        row = found
    first: uuid.UUID = row.id
    return first


def _partner(body: bytes, partners: Partners) -> Partner:
    qualifier, receiver = edi_out.receiver_of(body)
    partner = partners.find(qualifier, receiver)
    if partner is None:
        raise NotPossible(
            f"it is addressed to {qualifier}/{receiver}, and no profile has this id any more: whose numbers it would "
            "take is unknown; mend the profile, then reissue it"
        )
    return partner
