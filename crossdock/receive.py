"""Receive: store what a source says, byte for byte, before anything looks at it; then tell the source.

One transaction holds the new messages, the duplicates, the count and the position. The source is told after it
(``settle``). A worker that dies between the two reads the same thing again, finds it stored and unsettled, and
tells the source then: one receipt, not two.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from crossdock import deadletters
from crossdock.errors import CrossdockError, Refused
from crossdock.faultpoints import faultpoint
from crossdock.messages import Problem, RawMessage, Stage, Verdict
from crossdock.ports import Clock, Inquiring, Patient, Source, Watchful
from crossdock.stopping import require_running
from crossdock.store import inbox
from crossdock.store.watched import SKIPPED
from crossdock.termination import Termination

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

BATCH_MESSAGES = 100
BATCH_BYTES = 16 * 1024 * 1024


class ReadByAnother(CrossdockError):
    """Another worker began to read this source after us; what we had not committed is its to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one run of a source came to.

    ``counts``: received, stored, duplicate, set_aside; skipped: what a source saw for the first time and did not
    take; not_yet_quiet: what it saw and leaves until it lies still. ``untold``: messages that are stored and whose
    source could not be told, each with the sentence that says why. ``error``: what ended the reading early; what was
    committed before it stays.
    """

    counts: dict[str, int]
    untold: list[tuple[RawMessage, str]]
    error: CrossdockError | None


def receive(
    store: "Store",
    source: Source,
    *,
    tenant: str,
    name: str,
    clock: Clock,
    limit: int,
    run_id: uuid.UUID | None = None,
    termination: Termination | None = None,
) -> Received:
    """Read a source and store at most ``limit`` messages that are new; none more once this process was told to end.

    What is known already does not count: a source that says the same from its beginning on each time would else never
    come to what lies behind it.

    One that was stopped, because too much of it failed, is not read: raises ``SourceStopped``.
    A system that asked us to wait (Retry-After) is left alone until then: ``waiting`` is counted, nothing is read.
    """
    counts = dict.fromkeys(("received", "stored", "duplicate", "set_aside"), 0)
    untold: list[tuple[RawMessage, str]] = []
    error: CrossdockError | None = None
    termination = termination or Termination()
    with store.transaction(tenant) as connection:
        require_running(connection, tenant, name)
        until = inbox.asked_to_wait(connection, tenant=tenant, source=name)
        if until is not None and clock.now() < until:
            return Received(counts={**counts, "waiting": 1}, untold=[], error=None)
        turn = inbox.take_turn(connection, tenant=tenant, source=name, now=clock.now())
    faultpoint("receive.after_turn")
    try:

        def room() -> int:
            return limit - counts["stored"] - counts["set_aside"]

        for batch in _batches(termination.until_told(iter(source.read(turn.position))), room):
            receipts = _commit(
                store, batch, tenant=tenant, name=name, clock=clock, fence=turn.fence, run_id=run_id
            )
            for receipt in receipts:
                if receipt.counted:
                    counts["received"] += 1
                    counts[receipt.verdict] += 1
            faultpoint("receive.before_settle")
            untold += _settle(store, source, batch, receipts, tenant=tenant, clock=clock)
            faultpoint("receive.after_settle")
        if isinstance(source, Watchful):
            counts["skipped"] = _note_what_was_seen(
                store, source, tenant=tenant, name=name, clock=clock, fence=turn.fence, run_id=run_id
            )
        if isinstance(source, Patient):
            counts["not_yet_quiet"] = source.not_yet_quiet()
    except CrossdockError as caught:
        error = caught
        if isinstance(source, Inquiring) and isinstance(source, Watchful):
            counts["skipped"] = _keep_round(
                store, source, tenant=tenant, name=name, clock=clock, fence=turn.fence, run_id=run_id
            )
    complaint = str(error) if error else "; ".join(sentence for _, sentence in untold[:3]) or None
    wait = error.retry_after if isinstance(error, Refused) else None
    with store.transaction(tenant) as connection:
        inbox.note_source_error(
            connection,
            tenant=tenant,
            source=name,
            error=complaint,
            not_before=clock.now() + wait if wait else None,
        )
        faultpoint("receive.before_end")
    faultpoint("receive.after_end")
    return Received(counts=counts, untold=untold, error=error)


def accept(store: "Store", message: RawMessage, *, clock: Clock) -> Verdict:
    """Store one message that was pushed to us (a webhook). The sender is answered after this, never before."""
    receipts = _commit(
        store, [message], tenant=message.tenant, name=message.source, clock=clock, fence=None, run_id=None
    )
    with store.transaction(message.tenant) as connection:
        inbox.mark_settled(connection, message.tenant, [message.id], clock.now())
        faultpoint("receive.before_settled")
    faultpoint("receive.after_settle")
    return receipts[0].verdict


def _batches(messages: Iterator[RawMessage], room: Callable[[], int]) -> Iterator[list[RawMessage]]:
    """Batches by count and by bytes, none larger than there is ``room`` for when it is begun; a source that fails in
    the middle has its earlier messages committed first."""
    batch: list[RawMessage] = []
    size = 0
    most = min(BATCH_MESSAGES, room())
    if most <= 0:
        return
    try:
        for message in messages:
            batch.append(message)
            size += len(message.body)
            if len(batch) >= most or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
                most = min(BATCH_MESSAGES, room())
                if most <= 0:
                    return
    except CrossdockError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


_PLAIN = "Ask the sender to put it there as a plain file with a plain name; then discard this."
_REMEDIES = {
    "imap.refused": "Open this mail in the mailbox and take what it says by hand; then discard this.",
    "imap.too_large": "Take what it says by hand, or raise most_mib of the connector; then discard this.",
    "inquiry.refused": "Correct the number where it came from; then discard this. It is asked while it is open.",
    "sftp.too_large": "Ask the sender for smaller files, or raise max_file_mib of the connector; then discard this.",
    "sftp.too_many": "Ask the sender to clear the directory, or raise max_names of the connector; then discard this.",
    "file.too_large": "Ask the sender for smaller files, or raise max_file_mib of the connector; then discard this.",
    "file.too_many": "Clear the directory, or raise max_names of the connector; then discard this.",
}
"""What a person does about a thing that a source did not take, by its code."""


def _note_what_was_seen(
    store: "Store",
    source: Watchful,
    *,
    tenant: str,
    name: str,
    clock: Clock,
    fence: int,
    run_id: uuid.UUID | None,
) -> int:
    """Keep where the source stands although nothing may have come, and set aside what it saw and did not take:
    each thing once, for as long as it lies there. Returns how many of these are new."""
    now = clock.now()
    seen = [
        RawMessage(
            tenant=tenant,
            source=name,
            key=f"{SKIPPED}{one.code}:{one.name}",
            body=orjson.dumps({"name": one.name, "code": one.code, "sentence": one.sentence}),
            media_type="application/json",
            received_at=now,
            name=one.name,
        )
        for one in source.skipped()
    ]
    position = source.position()
    if position is None and not seen:
        return 0
    with store.transaction(tenant) as connection:
        if not inbox.lock_source(connection, tenant=tenant, source=name, fence=fence):
            raise ReadByAnother(f"connector '{name}': another worker reads it now; this run ends here")
        known = inbox.known(connection, tenant, [message.id for message in seen])
        new = [message for message in seen if message.id not in known]
        inbox.add_messages(connection, new, run_id=run_id)
        for message, one in zip(seen, source.skipped(), strict=True):
            if message.id in known:
                continue
            problem = Problem(
                stage=Stage.RECEIVE,
                code="INT.SOURCE_DEGRADED",
                error_class="Refused",
                sentence=f"connector '{name}': {one.sentence}",
                remedy=_REMEDIES.get(one.code, _PLAIN),
            )
            deadletters.set_aside_message(connection, message, problem, now=now)
        inbox.move_source(
            connection, tenant=tenant, source=name, position=position, received=len(new), now=now
        )
        inbox.mark_settled(connection, tenant, [message.id for message in new], now)
        faultpoint("receive.before_seen")
    faultpoint("receive.after_seen")
    return len(new)


def _keep_round(
    store: "Store",
    source: Watchful,
    *,
    tenant: str,
    name: str,
    clock: Clock,
    fence: int,
    run_id: uuid.UUID | None,
) -> int:
    """Keep how far a round of questions came before it failed: else those at its beginning would be asked again and
    again, and those behind never. Another reader goes on from where it is itself."""
    try:
        return _note_what_was_seen(
            store, source, tenant=tenant, name=name, clock=clock, fence=fence, run_id=run_id
        )
    except ReadByAnother:
        return 0


@dataclass(frozen=True, slots=True)
class _Receipt:
    """The verdict on a message; ``counted`` False: this very receipt was counted before we died."""

    verdict: Verdict
    counted: bool = True


def _commit(
    store: "Store",
    batch: Sequence[RawMessage],
    *,
    tenant: str,
    name: str,
    clock: Clock,
    fence: int | None,
    run_id: uuid.UUID | None,
) -> list[_Receipt]:
    """Transaction 1."""
    with store.transaction(tenant) as connection:
        if fence is None:
            require_running(connection, tenant, name)
            inbox.take_turn(connection, tenant=tenant, source=name, now=clock.now())
        elif not inbox.lock_source(connection, tenant=tenant, source=name, fence=fence):
            raise ReadByAnother(f"connector '{name}': another worker reads it now; this run ends here")
        earlier = dict(inbox.known(connection, tenant, [message.id for message in batch]))
        new: list[RawMessage] = []
        receipts: list[_Receipt] = []
        for message in batch:
            known = earlier.get(message.id)
            if known is None:
                new.append(message)
                earlier[message.id] = inbox.Known(sha256=message.sha256, name=message.name, settled=True)
                receipts.append(_Receipt(Verdict.STORED))
            elif known.sha256 != message.sha256:
                counted = _set_aside(connection, message, clock=clock, run_id=run_id)
                receipts.append(_Receipt(Verdict.SET_ASIDE, counted))
            elif known.name == message.name and not known.settled:
                receipts.append(_Receipt(Verdict.STORED, counted=False))
            else:
                counted = inbox.add_duplicate(connection, message, message.id)
                receipts.append(_Receipt(Verdict.DUPLICATE, counted))
        inbox.add_messages(connection, new, run_id=run_id)
        positions = [message.position for message in batch if message.position is not None]
        inbox.move_source(
            connection,
            tenant=tenant,
            source=name,
            position=positions[-1] if positions else None,
            received=sum(receipt.counted for receipt in receipts),
            now=clock.now(),
        )
        faultpoint("receive.before_commit")
    faultpoint("receive.after_commit")
    return receipts


def _set_aside(
    connection: "Transaction", message: RawMessage, *, clock: Clock, run_id: uuid.UUID | None
) -> bool:
    """The sender's id is taken by other bytes: both are kept, the second one as a dead letter. Whether it counts."""
    kept = replace(message, key=f"{message.key}#{message.sha256}")
    if inbox.known(connection, message.tenant, [kept.id]):
        return inbox.add_duplicate(connection, kept, kept.id)
    problem = Problem(
        stage=Stage.RECEIVE,
        code="EDI.DUPLICATE_CONTROL",
        error_class="Refused",
        sentence=f"'{message.name or message.key}' came before under the same id, with other content",
        remedy="Ask the sender which of the two is right; then discard this one, or replay it to take it as new.",
    )
    inbox.add_messages(connection, [kept], run_id=run_id)
    deadletters.set_aside_message(connection, kept, problem, now=clock.now())
    return True


def _settle(
    store: "Store",
    source: Source,
    batch: Sequence[RawMessage],
    receipts: Sequence[_Receipt],
    *,
    tenant: str,
    clock: Clock,
) -> list[tuple[RawMessage, str]]:
    """Tell the source what became of its messages, and note which were told."""
    told: list[uuid.UUID] = []
    untold: list[tuple[RawMessage, str]] = []
    for message, receipt in zip(batch, receipts, strict=True):
        try:
            source.settle(message, receipt.verdict)
            told.append(message.id)
        except CrossdockError as error:
            untold.append((message, str(error)))
    if told:
        with store.transaction(tenant) as connection:
            inbox.mark_settled(connection, tenant, told, clock.now())
            faultpoint("receive.before_settled")
    return untold
