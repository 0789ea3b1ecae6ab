"""Process: one claimed batch from raw bytes to write-backs, with everything it came to in one transaction.

Claim (committed: the attempt counts before the work) ─▶ normalize and decide, which touch nothing ─▶ one transaction
that writes parts, facts, events, cases, decisions, write-backs and dead letters. Dying anywhere leaves the claim to
lapse, and doing it again gives the same ids.

A long message goes the same way by itself, slice by slice within that one transaction: it is still all or nothing,
and never all in memory.
"""

import gc
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crossdock.deadletters import problem_of
from crossdock.decide import Router
from crossdock.degraded import source_degraded
from crossdock.edi import exchanges
from crossdock.errors import CrossdockError, WireDown
from crossdock.faultpoints import faultpoint
from crossdock.mending import mended
from crossdock.messages import (
    PARTNER,
    PartState,
    Problem,
    RawMessage,
    Stage,
)
from crossdock.normalize import Normalized, Normalizer, PartResult, Reading
from crossdock.normalize.values import LONG_BYTES
from crossdock.partners import Partners
from crossdock.ports import Clock
from crossdock.reconcile import SWEEP, Reconciler
from crossdock.record import Recorder, Worked, part_count
from crossdock.registry import Registry
from crossdock.store import casebook, inbox, letters, payloads
from crossdock.store.engine import Clash, StoreUnready, TookTooLong
from crossdock.store.register import Lookup, hold_sequence
from crossdock.termination import Termination, ToldToEnd
from crossdock.versions import Versions, differences

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

POISON_CLAIMS = 2
"""A message that was claimed so often and never finished kills its worker: it is set aside before the third try. The
second time it is claimed alone, so that no other is counted with it."""

OUR_FAULT = (WireDown, StoreUnready)
"""Our own database is away, or others were in the way: no message is to blame."""

MOST_CLASHES = 5
"""So often a batch is written again when another worker's rows were in its way. Then the claim lapses."""

MOST_SESSIONS = 5
"""In so many sessions, one after another, claims are given back: an administrator or the network may end any."""

SLICE_PARTS = 500
SLICE_BYTES = 1024 * 1024
ROW_BYTES = 256  # as much as a row of a workbook counts, which has no bytes of its own
"""So much of a long message is held as statements at a time, whichever comes first."""

BATCH_MESSAGES = 200
BATCH_BYTES = 16 * 1024 * 1024


class Processor:
    """Turns waiting messages into what they mean, batch by batch."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        clock: Clock,
        normalizer: Normalizer,
        router: Router,
        registry: Registry,
        partners: Partners,
        lease: timedelta,
        termination: Termination | None = None,
    ) -> None:
        self._termination = termination or Termination()
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._normalizer = normalizer
        self._router = router
        self._partners = partners
        self._reconciler = Reconciler(tenant=tenant, partners=partners)
        self._versions = Versions(registry=registry, partners=partners, routes=lambda: router.version)
        self._recorder = Recorder(
            tenant=tenant,
            registry=registry,
            router=router,
            reconciler=self._reconciler,
            versions=self._versions,
        )
        self._as_then: Mapping[uuid.UUID, Mapping[int, Mapping[str, str]]] = {}
        self._lease = lease
        self._owed: dict[uuid.UUID, int] = {}

    @property
    def recorder(self) -> Recorder:
        """What writes events that no document said."""
        return self._recorder

    def process_batch(self) -> dict[str, int]:
        """Claim and finish one batch. ``messages`` 0: nothing waits."""
        with _no_collection():
            return self._process_batch()

    def _process_batch(self) -> dict[str, int]:
        claims: list[inbox.Claim] = []
        try:
            with self._store.transaction(self._tenant) as connection:
                inbox.give_back(connection, self._tenant, self._owed)
                claims = inbox.claim_messages(
                    connection,
                    tenant=self._tenant,
                    now=self._clock.now(),
                    lease=self._lease,
                    limit=BATCH_MESSAGES,
                    max_bytes=BATCH_BYTES,
                )
                replayed = {
                    claim.id: frozenset(casebook.parts_in_flight(connection, self._tenant, claim.id))
                    for claim in claims
                    if claim.again
                }
                self._as_then = letters.asked_as_then(connection, self._tenant, list(replayed))
                pieces = payloads.latest(connection, self._tenant, list(replayed))
                faultpoint("process.before_claim")
        except OUR_FAULT:
            self._give_back(claims)  # a session that ends in its own commit may have made them ours
            raise
        claims = [_with(claim, pieces[claim.id]) if claim.id in pieces else claim for claim in claims]
        self._owed = {}
        counts = dict.fromkeys(
            ("messages", "parts", "facts", "events", "cases", "write_backs", "dead_letters", "cleared"), 0
        )
        if not claims:
            return counts
        faultpoint("process.after_claim")
        try:
            for run in self._runs(claims):
                self._termination.check()
                if self._is_long(run[0]):
                    done = [(1, self._process_long(run[0], replayed.get(run[0].id, frozenset())))]
                else:
                    done = self._process_run(run, replayed)
                for messages, written in done:
                    counts["messages"] += messages
                    for name, number in written.items():
                        counts[name] = counts.get(name, 0) + number
        except OUR_FAULT as fault:
            if not isinstance(fault, TookTooLong):
                self._give_back(claims)
            raise
        except ToldToEnd:
            self._give_back(claims)
        faultpoint("process.after_commit")
        return counts

    def _give_back(self, claims: Sequence[inbox.Claim]) -> None:
        """These claims do not count as tries. A session that is ended under it is followed by another one. While the
        database is still away they are owed to it, and given back with the next batch; when this process ends before
        that, they lapse and count."""
        self._owed = {**self._owed, **{claim.id: claim.fence for claim in claims}}
        for _ in range(MOST_SESSIONS if self._owed else 0):
            try:
                with self._store.transaction(self._tenant) as connection:
                    inbox.give_back(connection, self._tenant, self._owed)
                    faultpoint("process.before_give_back")
            except WireDown:
                continue
            except CrossdockError:
                return
            self._owed = {}
            return

    def _process_run(
        self, run: Sequence[inbox.Claim], replayed: Mapping[uuid.UUID, frozenset[int]]
    ) -> list[tuple[int, Mapping[str, int]]]:
        """Normalize, decide and write these messages together; when that fails for what one of them holds, one by
        one. How many messages came to what."""
        try:
            worked = self.decide(self._normalize(run, replayed))
        except OUR_FAULT:
            raise
        except Exception as error:
            if len(run) > 1:
                return [done for claim in run for done in self._process_run([claim], replayed)]
            problem = problem_of(error, Stage.NORMALIZE)
            worked = [_failed(run[0], replayed.get(run[0].id, frozenset()), problem)]
        return self._write_isolated(worked)

    def _normalize(
        self, claims: Sequence[inbox.Claim], replayed: Mapping[uuid.UUID, frozenset[int]]
    ) -> list[Worked]:
        """Normalize a batch with the register of exchanges at hand, and look up what its acknowledgements name."""
        with self._store.reading(self._tenant) as connection:
            return self._normalize_on(connection, claims, replayed)

    def _normalize_on(
        self,
        connection: "Transaction",
        claims: Sequence[inbox.Claim],
        replayed: Mapping[uuid.UUID, frozenset[int]],
    ) -> list[Worked]:
        lookup = Lookup(connection, self._tenant, self._partners)
        worked = [self._work(claim, replayed.get(claim.id, frozenset()), lookup) for claim in claims]
        return self._looked_up(connection, worked)

    def _looked_up(self, connection: "Transaction", worked: list[Worked]) -> list[Worked]:
        """With what its acknowledgements name, looked up in what we sent."""
        said = [document for one in worked for document in (*one.events, *one.facts)]
        enriched = exchanges.enrich(connection, self._tenant, said)
        return worked if enriched is said else list(_exchanged(worked, said, enriched))

    def _work(self, claim: inbox.Claim, replayed: frozenset[int], lookup: Lookup) -> Worked:
        """Normalize one message, or of one with several parts those that a replay asked for. Whatever goes wrong in
        it stays in it."""
        self._termination.check()
        if claim.attempts > POISON_CLAIMS:
            return _poisonous(claim, replayed)
        try:
            normalized = self._normalizer.normalize(
                claim.message, only=_asked_for(claim, replayed), register=lookup
            )
        except Exception as error:
            if lookup.failed:
                raise  # the transaction says whether our own database is in trouble, or this message is
            # a fault in a mapping must not stop the messages beside it
            return _failed(claim, replayed, problem_of(error, Stage.NORMALIZE))
        normalized = replace(normalized, parts=[self._if_as_then(claim, part) for part in normalized.parts])
        return _said_in(claim, replayed, normalized)

    def _wanted(self, claim: inbox.Claim, part: PartResult) -> PartResult:
        """A part of a long message, whose transaction is given up when we are told to end."""
        self._termination.check()
        return self._if_as_then(claim, part)

    def _if_as_then(self, claim: inbox.Claim, part: PartResult) -> PartResult:
        """A part as it came out, unless it was to be run as then and is not: between the asking and now, another
        version was installed."""
        then = self._as_then.get(claim.id, {}).get(part.ordinal)
        if then is None:
            return part
        now = self._versions.of(claim.message.source, part.partner, part.versions)
        if not (others := differences(then, now)):
            return part
        problem = Problem(
            stage=Stage.NORMALIZE,
            code="EDI.MAP_FAILURE",
            error_class="NotPossible",
            sentence=f"it was to be run as then, and {'; '.join(others)}",
            remedy="Replay it as now, or install those versions and replay it as then.",
        )
        return replace(part, state=PartState.DEAD_LETTERED, documents=(), problem=problem)

    def _process_long(self, claim: inbox.Claim, replayed: frozenset[int]) -> Mapping[str, int]:
        """Normalize, decide and write one long message, slice by slice, in the one transaction of what it came to.
        When that fails for what it holds, it is set aside whole, like any other."""
        if claim.attempts > POISON_CLAIMS:
            return self._write([_poisonous(claim, replayed)])
        slices: _Slices | None = None

        def write(connection: "Transaction") -> dict[str, int]:
            nonlocal slices
            slices = None
            held = {f"lists of {claim.message.headers.get(PARTNER, '')}"}
            hold_sequence(connection, self._tenant, self._named_in(claim.message.body) | held)
            lookup = Lookup(connection, self._tenant, self._partners)
            reading = self._normalizer.read(claim.message, only=_asked_for(claim, replayed), register=lookup)
            slices = _Slices(
                claim,
                replayed,
                reading,
                lambda one: self.decide(self._looked_up(connection, [one]))[0],
                lambda part: self._wanted(claim, part),
            )
            return self._recorder.write_long(connection, claim, slices, self._clock.now())

        try:
            return self._in_transaction(write)
        except OUR_FAULT:
            raise
        except Exception as error:
            stage = Stage.NORMALIZE if slices is None or slices.is_normalizing else Stage.DETECT
            return self._write([_failed(claim, replayed, problem_of(error, stage))])

    def decide(self, worked: Sequence[Worked]) -> list[Worked]:
        """Decide all events of the batch in one go, and give each message its decisions."""
        decisions = iter(self._router.decide([event for one in worked for event in one.events]))
        return [replace(one, decisions=[next(decisions) for _ in one.events]) for one in worked]

    def _write_isolated(self, worked: Sequence[Worked]) -> list[tuple[int, Mapping[str, int]]]:
        """Write the batch at once; when that fails for what one message holds, one by one. How many messages came
        to what."""
        try:
            return [(len(worked), self._write(worked))]
        except OUR_FAULT:
            raise
        except Exception as error:
            if len(worked) > 1:
                return self._write_each(worked)
            failed = _failed(worked[0].claim, worked[0].replayed, problem_of(error, Stage.DETECT))
            return [(1, self._write([failed]))]

    def _write_each(self, worked: Sequence[Worked]) -> list[tuple[int, Mapping[str, int]]]:
        """One by one. What cannot even be set aside fails the step, once all beside it are written: it keeps its
        claim until that lapses, and stops nobody."""
        written: list[tuple[int, Mapping[str, int]]] = []
        fault: Exception | None = None
        for one in worked:
            try:
                written += self._write_isolated([one])
            except OUR_FAULT:
                raise
            except Exception as error:
                fault = error
        if fault is not None:
            raise fault
        return written

    def _named_in(self, body: bytes) -> set[str]:
        """Every partner with whom something in a message may have been exchanged: its id stands somewhere."""
        return {
            partner.name for partner in self._partners if any(id.encode() in body for _, id in partner.ids)
        }

    def _is_long(self, claim: inbox.Claim) -> bool:
        """Whether a message is worked on by itself, in the one transaction of what it came to. So is every list: what
        its rows are compared with must not change meanwhile."""
        return len(claim.message.body) > LONG_BYTES or self._normalizer.is_list(claim.message)

    def _runs(self, claims: Sequence[inbox.Claim]) -> Iterator[list[inbox.Claim]]:
        """The messages of a batch in their order: as many together as can be, each long one by itself."""
        run: list[inbox.Claim] = []
        for claim in claims:
            long = self._is_long(claim)
            if run and (long or self._is_long(run[-1])):
                yield run
                run = []
            run.append(claim)
        if run:
            yield run

    def _write(self, worked: Sequence[Worked]) -> dict[str, int]:
        return self._in_transaction(
            lambda connection: self._recorder.write(
                connection, self._not_overtaken(connection, worked), self._clock.now()
            )
        )

    def _not_overtaken(self, connection: "Transaction", worked: Sequence[Worked]) -> Sequence[Worked]:
        """The work as the register has it now. When another worker registered the same numbers since it was asked,
        the batch is normalized again: its partners' numbers are held, so this time nobody is faster."""
        received = [(one.claim, one.normalized) for one in worked if one.normalized is not None]
        partners = {one.partner for _, normalized in received for one in normalized.exchanged}
        hold_sequence(connection, self._tenant, partners)
        if not exchanges.overtaken(connection, self._tenant, received, self._partners):
            return worked
        claims = [one.claim for one in worked]
        replayed = {one.claim.id: one.replayed for one in worked}
        return self.decide(self._normalize_on(connection, claims, replayed))

    def _in_transaction(self, write: "Callable[[Transaction], dict[str, int]]") -> dict[str, int]:
        """Write all of it, from its beginning again when another worker was in the way."""
        clashes = 0
        while True:
            try:
                with self._store.transaction(self._tenant) as connection:
                    return write(connection)
            except Clash:
                clashes += 1
                if clashes > MOST_CLASHES:
                    raise

    def sweep(self) -> dict[str, int]:
        """Open an exception for each answer of a batch that did not come in time. ``overdue`` 0: none is missing."""
        return self._in_transaction(self._sweep)

    def _sweep(self, connection: "Transaction") -> dict[str, int]:
        now = self._clock.now()
        late = [
            *self._reconciler.sweep(connection, now),
            *exchanges.overdue(connection, self._tenant, self._partners, now, SWEEP),
        ]
        written = self._recorder.write_events(connection, late, now)
        faultpoint("process.before_overdue")
        return {"overdue": len(late), **{name: written[name] for name in ("events", "cases", "write_backs")}}

    def note_untold(self, untold: Sequence[tuple[RawMessage, str]], *, connector_version: str) -> None:
        """An event for each message that is stored and whose source could not be told: silence would leave its file
        lying there for ever."""
        for message, why in untold:
            now = self._clock.now()
            document = source_degraded(
                message,
                title=f"'{message.name}' was received, and '{message.source}' could not be told",
                detail=why,
                mapping="crossdock.receive",
                part="settle",
                connector_version=connector_version,
                now=now,
            )
            claim = inbox.Claim(
                id=message.id, message=message, fence=0, attempts=0, part_count=None, again=False
            )
            one = Worked(claim=claim, parts=(), normalized=None, events=[document], facts=(), decisions=())
            with self._store.transaction(self._tenant) as connection:
                self._recorder.write_statements(connection, self.decide([one]), now)
                faultpoint("process.before_untold")
            faultpoint("process.after_untold")


class _Slices:
    """A long message while it is worked on: so many of its parts at a time, each slice when it is asked for."""

    def __init__(
        self,
        claim: inbox.Claim,
        replayed: frozenset[int],
        reading: Reading,
        decided: Callable[[Worked], Worked],
        checked: Callable[[PartResult], PartResult],
    ) -> None:
        """``decided``: looks up what a slice's acknowledgements name, and decides its events. ``checked``: whether a
        part may be what it came out as."""
        self._checked = checked
        self.is_normalizing = True
        self._claim = claim
        self._replayed = replayed
        self._reading = reading
        self._decided = decided
        self._found = 0
        self._answers: list[PartResult] = []

    def __iter__(self) -> Iterator[Worked]:
        """One slice after another; the one before is let go, with the circles that a mapping may have made."""
        parts: list[PartResult] = []
        size = 0
        for part in map(self._checked, self._reading):
            parts.append(part)
            size += part.length or ROW_BYTES
            if len(parts) >= SLICE_PARTS or size >= SLICE_BYTES:
                yield self._slice(parts)
                parts, size, self.is_normalizing = [], 0, True
                gc.collect(0)
        if parts:
            yield self._slice(parts)

    def _slice(self, parts: Sequence[PartResult]) -> Worked:
        self._found += len(parts)
        # what acknowledges is matched with what we sent when the whole message is there
        self._answers += [part for part in parts if any(map(_acknowledges, part.documents))]
        said = _said_in(self._claim, self._replayed, self._reading.some(parts))
        self.is_normalizing = False
        return self._decided(said)

    def ended(self) -> Normalized:
        """What the whole of it says, with those of its parts that acknowledge something."""
        return self._reading.ended(self._answers)

    @property
    def part_count(self) -> int:
        """How many parts it has."""
        return part_count(self._claim, self._replayed, self._found)


def _acknowledges(document: Mapping[str, Any]) -> bool:
    return bool(document["data"].get("kind") == "acknowledgement")


def _with(claim: inbox.Claim, pieces: Sequence[payloads.Piece]) -> inbox.Claim:
    """The claim as it is read: with what a person put in the place of its parts."""
    body = mended(claim.message.body, pieces)
    return replace(claim, message=replace(claim.message, body=body), mended=True)


def _asked_for(claim: inbox.Claim, replayed: frozenset[int]) -> set[int] | None:
    """The parts that are asked for; ``None``: all. What was set aside whole, as one part, may have many; when our
    answer alone is replayed, no part is asked for."""
    whole = claim.part_count is None or (claim.part_count == 1 and bool(replayed))
    return None if whole else set(replayed)


def _said_in(claim: inbox.Claim, replayed: frozenset[int], normalized: Normalized) -> Worked:
    """A normalized message, or some parts of it, before anything is decided."""
    documents = [document for part in normalized.parts for document in part.documents]
    return Worked(
        claim=claim,
        parts=normalized.parts,
        normalized=normalized,
        events=[document for document in documents if "code" in document["data"]],
        facts=[document for document in documents if "code" not in document["data"]],
        decisions=(),
        replayed=replayed,
    )


def _exchanged(
    worked: Sequence[Worked], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[Worked]:
    """The same work with these statements in place of those. Their ids and their order are the same."""
    now = {id(before): after for before, after in zip(old, new, strict=True)}
    for one in worked:
        yield replace(
            one,
            events=[now[id(document)] for document in one.events],
            facts=[now[id(document)] for document in one.facts],
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for garbage cycles meanwhile. A batch is bounded and its values hold hardly any: looking for some
    again and again while they are made costs a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _poisonous(claim: inbox.Claim, replayed: frozenset[int]) -> Worked:
    """A message that was claimed so often and never finished."""
    return _failed(
        claim,
        replayed,
        Problem(
            stage=Stage.NORMALIZE,
            code="EDI.MAP_FAILURE",
            error_class="PoisonMessage",
            sentence=f"'{claim.message.name}' was begun {claim.attempts - 1} times and never finished: "
            "it stops the worker that reads it",
            remedy="Look at the bytes (`crossdock dead-letters show`), mend the reader, then replay.",
        ),
    )


def _failed(claim: inbox.Claim, replayed: frozenset[int], problem: Problem) -> Worked:
    """The whole message as one part that was set aside; on a replay, the parts that were asked for, or our answer."""
    message: RawMessage = claim.message
    ordinals = sorted(replayed) if claim.part_count is not None else [0]
    parts = [
        PartResult(
            ordinal=ordinal,
            label=message.name or message.key,
            offset=0,
            length=len(message.body),
            state=PartState.DEAD_LETTERED,
            problem=problem,
        )
        for ordinal in ordinals
    ]
    return Worked(
        claim=claim,
        parts=parts,
        normalized=None,
        events=(),
        facts=(),
        decisions=(),
        replayed=replayed,
        unanswered=None if parts else problem,
    )
