"""Acknowledgements: what we answer to an interchange, written in the transaction of all that came of it."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crossdock import deadletters
from crossdock.errors import CrossdockError
from crossdock.messages import Stage, derived_id
from crossdock.normalize import Normalized
from crossdock.store import desk, inbox, outbox
from crossdock.writebacks import write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction


def write_acknowledgements(
    connection: "Transaction",
    claim: inbox.Claim,
    normalized: Normalized,
    numbers: outbox.ControlNumbers,
    now: datetime,
) -> int:
    """Our answers to the sender's interchanges, with control numbers taken in this transaction."""
    tenant = claim.message.tenant
    rows: list[dict[str, Any]] = []
    for wanted in normalized.acknowledgements:
        key = derived_id("acknowledgement", str(claim.id), str(wanted.interchange))
        if claim.again and outbox.has_key(connection, tenant, str(key)):
            continue  # a replay: the sender has its answer
        try:
            with numbers.attempt():  # what cannot be written takes no number
                body = wanted.write(
                    interchange_number=numbers.take(wanted.partner, "interchange"),
                    group_number=numbers.take(wanted.partner, "group") if wanted.sets else 0,
                    first_set_number=numbers.take(wanted.partner, "set", wanted.sets) if wanted.sets else 0,
                    now=now,
                )
        except CrossdockError as error:
            label = f"answer to interchange {wanted.interchange} of {claim.message.name}"
            problem = replace(
                deadletters.problem_of(error, Stage.NORMALIZE),
                remedy="Mend what the sentence names, then replay: the answer is written again.",
            )
            letter = deadletters.part_row(
                claim.message,
                problem,
                part=None,
                label=label,
                occasion=f"answer {wanted.interchange} {claim.fence}",
                now=now,
            )
            desk.add_dead_letters(connection, [letter])
            continue
        rows.append(
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
    return outbox.add_write_backs(connection, rows)
