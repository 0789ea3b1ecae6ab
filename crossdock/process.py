"""Process: one claimed batch from raw bytes to write-backs, with everything it came to in one transaction.

Claim (committed: the attempt counts before the work) ─▶ normalize and decide, which touch nothing ─▶ one transaction
that writes parts, facts, events, cases, decisions, write-backs and dead letters. Dying anywhere leaves the claim to
lapse, and doing it again gives the same ids.
"""

import gc
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from canonical.events import ExceptionEvent
from crossdock import exchanges
from crossdock.deadletters import problem_of
from crossdock.decide import Router
from crossdock.errors import Misconfigured, WireDown
from crossdock.faultpoints import faultpoint
from crossdock.messages import (
    PartState,
    Problem,
    RawMessage,
    Stage,
)
from crossdock.normalize import Normalizer, Opened, PartResult
from crossdock.normalize.part import origin_of, sealed
from crossdock.partners import Partners
from crossdock.ports import Clock
from crossdock.reconcile import SWEEP, Reconciler
from crossdock.record import Recorder, Worked
from crossdock.registry import Registry
from crossdock.store import casebook, inbox
from crossdock.store.engine import Clash
from crossdock.store.register import Lookup

if TYPE_CHECKING:
    from crossdock.store.engine import Store

POISON_CLAIMS = 3
"""A message that was claimed so often and never finished kills its worker: it is set aside without another try."""

MOST_CLASHES = 5
"""So often a batch is written again when another worker's rows were in its way. Then the claim lapses."""

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
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock
        self._normalizer = normalizer
        self._router = router
        self._partners = partners
        self._reconciler = Reconciler(tenant=tenant, partners=partners)
        self._recorder = Recorder(
            tenant=tenant, registry=registry, router=router, reconciler=self._reconciler
        )
        self._lease = lease

    def process_batch(self) -> dict[str, int]:
        """Claim and finish one batch. ``messages`` 0: nothing waits."""
        with _no_collection():
            return self._process_batch()

    def _process_batch(self) -> dict[str, int]:
        with self._store.transaction(self._tenant) as connection:
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
        counts = dict.fromkeys(
            ("messages", "parts", "facts", "events", "cases", "write_backs", "dead_letters", "cleared"), 0
        )
        if not claims:
            return counts
        faultpoint("process.after_claim")
        worked = self.decide(self._normalize(claims, replayed))
        for batch, written in self._write_isolated(worked):
            counts["messages"] += len(batch)
            for name, number in written.items():
                counts[name] += number
        faultpoint("process.after_commit")
        return counts

    def _normalize(
        self, claims: Sequence[inbox.Claim], replayed: Mapping[uuid.UUID, frozenset[int]]
    ) -> list[Worked]:
        """Normalize a batch with the register of exchanges at hand, and look up what its acknowledgements name."""
        with self._store.transaction(self._tenant) as connection:
            lookup = Lookup(connection, self._tenant, self._partners)
            worked = [self._work(claim, replayed.get(claim.id, frozenset()), lookup) for claim in claims]
            said = [document for one in worked for document in (*one.events, *one.facts)]
            enriched = exchanges.enrich(connection, self._tenant, said)
        return worked if enriched is said else list(_exchanged(worked, said, enriched))

    def _work(self, claim: inbox.Claim, replayed: frozenset[int], lookup: Lookup) -> Worked:
        """Normalize one message, or of one with several parts those that a replay asked for. Whatever goes wrong in
        it stays in it."""
        if claim.attempts > POISON_CLAIMS:
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
        try:
            # what was set aside whole, as one part, may have many; when our answer alone is replayed, no part is
            whole = claim.part_count is None or (claim.part_count == 1 and bool(replayed))
            normalized = self._normalizer.normalize(
                claim.message, only=None if whole else set(replayed), register=lookup
            )
        except Exception as error:
            if lookup.failed:
                raise  # our own database is in trouble: no message is to blame
            # a fault in a mapping must not stop the messages beside it
            return _failed(claim, replayed, problem_of(error, Stage.NORMALIZE))
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

    def decide(self, worked: Sequence[Worked]) -> list[Worked]:
        """Decide all events of the batch in one go, and give each message its decisions."""
        decisions = iter(self._router.decide([event for one in worked for event in one.events]))
        return [replace(one, decisions=[next(decisions) for _ in one.events]) for one in worked]

    def _write_isolated(self, worked: Sequence[Worked]) -> list[tuple[Sequence[Worked], Mapping[str, int]]]:
        """Write the batch at once; when that fails for what one message holds, one by one."""
        try:
            return [(worked, self._write(worked))]
        except (WireDown, Misconfigured):
            raise  # our own database is away: no message is to blame
        except Exception as error:
            if len(worked) > 1:
                return self._write_each(worked)
            failed = _failed(worked[0].claim, worked[0].replayed, problem_of(error, Stage.DETECT))
            return [([failed], self._write([failed]))]

    def _write_each(self, worked: Sequence[Worked]) -> list[tuple[Sequence[Worked], Mapping[str, int]]]:
        """One by one. What cannot even be set aside fails the step, once all beside it are written: it keeps its
        claim until that lapses, and stops nobody."""
        written: list[tuple[Sequence[Worked], Mapping[str, int]]] = []
        fault: Exception | None = None
        for one in worked:
            try:
                written += self._write_isolated([one])
            except (WireDown, Misconfigured):
                raise
            except Exception as error:
                fault = error
        if fault is not None:
            raise fault
        return written

    def _write(self, worked: Sequence[Worked]) -> dict[str, int]:
        clashes = 0
        while True:
            try:
                with self._store.transaction(self._tenant) as connection:
                    return self._recorder.write(connection, worked, self._clock.now())
            except Clash:
                clashes += 1
                if clashes > MOST_CLASHES:
                    raise

    def sweep(self) -> dict[str, int]:
        """Open an exception for each answer of a batch that did not come in time. ``overdue`` 0: none is missing."""
        with self._store.transaction(self._tenant) as connection:
            now = self._clock.now()
            late = [
                *self._reconciler.sweep(connection, now),
                *exchanges.overdue(connection, self._tenant, self._partners, now, SWEEP),
            ]
            written = self._recorder.write_events(connection, late, now)
        counts = {name: written[name] for name in ("events", "cases", "write_backs")}
        return {"overdue": len(late), **counts}

    def note_untold(self, untold: Sequence[tuple[RawMessage, str]], *, connector_version: str) -> None:
        """An event for each message that is stored and whose source could not be told: silence would leave its file
        lying there for ever."""
        for message, why in untold:
            now = self._clock.now()
            opened = Opened(
                message=message,
                raw_id=str(message.id),
                sha256=message.sha256,
                connector_version=connector_version,
                now=now,
            )
            origin = origin_of(opened, mapping="crossdock.receive", mapping_version="1")
            trouble = ExceptionEvent(
                code="INT.SOURCE_DEGRADED",
                title=f"'{message.name}' was received, and '{message.source}' could not be told",
                detail=why,
                refs=[{"kind": "file", "value": message.name or message.key, "issuer": message.source}],
                place={},
                method="rule",
            )
            documents = list(sealed([trouble], origin, part="settle"))
            claim = inbox.Claim(
                id=message.id, message=message, fence=0, attempts=0, part_count=None, again=False
            )
            one = Worked(claim=claim, parts=(), normalized=None, events=documents, facts=(), decisions=())
            with self._store.transaction(self._tenant) as connection:
                self._recorder.write_statements(connection, self.decide([one]), now)


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
    """No search for garbage cycles meanwhile. A batch is bounded and its values hold no cycles: looking for some
    again and again while they are made costs a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
