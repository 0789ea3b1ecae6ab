"""Record: transaction 2 of the walk. What a batch of messages came to is written at once, or not at all."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from crossdock import approvals, clocks, deadletters, detect, sagas
from crossdock.decide import Router
from crossdock.edi import exchanges
from crossdock.edi.acknowledgements import write_acknowledgements
from crossdock.edi.outbox import Outgoing
from crossdock.faultpoints import faultpoint
from crossdock.messages import Action, CaseState, Decision, Problem, RawMessage, Stage
from crossdock.normalize import Normalized, PartResult
from crossdock.outdated import over_already
from crossdock.principals import OURSELVES, RULE
from crossdock.reconcile import Reconciler, Said, end_of
from crossdock.registry import Registry
from crossdock.reports import write_reports
from crossdock.stopping import stop_what_fails
from crossdock.store import casebook, corrections, desk, inbox, listed, outbox
from crossdock.versions import Versions
from crossdock.whose import are_strangers
from crossdock.writebacks import decision_id_of, intent_key, slot_of, write_back_row, write_body

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a claimed message came to before anything was written."""

    claim: inbox.Claim
    parts: Sequence[PartResult]
    normalized: Normalized | None
    events: Sequence[Mapping[str, Any]]
    facts: Sequence[Mapping[str, Any]]
    decisions: Sequence[Decision]
    replayed: frozenset[int] = frozenset()
    unanswered: Problem | None = None  # why our answer to it, replayed alone, could not even be begun

    def said_facts(self) -> list[Said]:
        """The facts with where they come from."""
        return self._said(self.facts)

    def said_events(self) -> list[Said]:
        """The events with where they come from."""
        return self._said(self.events)

    def _said(self, documents: Sequence[Mapping[str, Any]]) -> list[Said]:
        partners = {part.ordinal: part.partner for part in self.parts}
        part_of = self.normalized.part_of if self.normalized else {}
        parts = [part_of.get(document["id"], 0) for document in documents]
        return [
            Said(document=document, raw_id=self.claim.id, part=part, partner=partners.get(part))
            for document, part in zip(documents, parts, strict=True)
        ]

    @property
    def part_count(self) -> int:
        """How many parts the message has."""
        return part_count(self.claim, self.replayed, len(self.parts))


def part_count(claim: inbox.Claim, replayed: frozenset[int], found: int) -> int:
    """How many parts a message has. One that was set aside whole had one, and has as many now as were found."""
    if claim.part_count is None or (claim.part_count == 1 and replayed):
        return found
    return claim.part_count


class Slices(Protocol):
    """A long message that is worked on while it is written."""

    def __iter__(self) -> Iterator[Worked]:
        """So many parts at a time, with their decisions."""
        ...

    def ended(self) -> Normalized:
        """What the whole of it says; once all slices were given out."""
        ...

    @property
    def part_count(self) -> int:
        """How many parts it has; once all slices were given out."""
        ...


class Recorder:
    """Writes what messages came to, and what follows from it together with what is known."""

    def __init__(
        self,
        *,
        tenant: str,
        registry: Registry,
        router: Router,
        reconciler: Reconciler,
        versions: Versions,
    ) -> None:
        self._tenant = tenant
        self._versions = versions
        self._registry = registry
        self._router = router
        self._reconciler = reconciler

    def write(self, connection: "Transaction", worked: Sequence[Worked], now: datetime) -> dict[str, int]:
        """Write everything of these messages, those whose claim was lost excepted. Called with the numbers of their
        partners held (``register.hold_sequence``), so that all workers take what they share in the same order."""
        mine = self._held(connection, worked)
        self._reconciler.take_turns(connection, [fact for one in mine for fact in one.facts])
        mine = self._said_first(connection, mine)
        counts = self._write_said(connection, mine, now)
        self._end(
            connection,
            [(one.claim, one.normalized) for one in mine if one.normalized is not None],
            {one.claim.id: one.part_count for one in mine},
            counts,
            now,
        )
        self._stop(connection, mine, counts, now)
        return counts

    def write_long(
        self, connection: "Transaction", claim: inbox.Claim, slices: "Slices", now: datetime
    ) -> dict[str, int]:
        """Write a long message slice by slice, in one transaction like any other. Each slice is let go when it is
        written; what the next one says then meets it as it would meet an earlier message."""
        counts = dict.fromkeys(
            ("parts", "facts", "events", "cases", "write_backs", "dead_letters", "cleared"), 0
        )
        if claim.id not in inbox.hold_claims(connection, self._tenant, [claim]):
            return counts
        self._reconciler.take_every_turn(connection)
        heard = corrections.Heard(message=claim.message)
        for worked in slices:
            for part in worked.parts:
                if part.row is not None:
                    heard.add(part.ordinal, part.row)
            said_first = self._said_first(connection, [worked])
            for name, number in self._write_said(connection, said_first, now).items():
                counts[name] += number
        if ended := corrections.end_corrected(connection, self._tenant, heard, now):
            counts["corrected"] = ended
        self._end(connection, [(claim, slices.ended())], {claim.id: slices.part_count}, counts, now)
        if counts["dead_letters"]:
            self._stop_sources(connection, {claim.message.source: claim.message}, counts, now)
        return counts

    def _stop(
        self, connection: "Transaction", worked: Sequence[Worked], counts: dict[str, int], now: datetime
    ) -> None:
        failed = {
            one.claim.message.source: one.claim.message
            for one in worked
            if any(part.problem is not None for part in one.parts)
        }
        if failed and counts["dead_letters"]:
            self._stop_sources(connection, failed, counts, now)

    def _stop_sources(
        self,
        connection: "Transaction",
        failed: Mapping[str, RawMessage],
        counts: dict[str, int],
        now: datetime,
    ) -> None:
        """Stop the sources of which too much fails, once, with an event of its own for each."""
        said = stop_what_fails(connection, self._tenant, self._registry, failed, now)
        for name, number in self.write_events(connection, said, now).items():
            counts[name] += number

    def _held(self, connection: "Transaction", worked: Sequence[Worked]) -> list[Worked]:
        held = inbox.hold_claims(connection, self._tenant, [one.claim for one in worked])
        return [one for one in worked if one.claim.id in held]

    def _said_first(self, connection: "Transaction", worked: Sequence[Worked]) -> list[Worked]:
        """Without what its sender repeats and another message said before: such a statement is recorded once. Called
        with the turns of its numbers taken, so that of two workers the second sees what the first wrote."""
        repeated = [id for one in worked if one.normalized for id in one.normalized.repeated]
        if not repeated:
            return list(worked)
        by = casebook.said_by(connection, self._tenant, [uuid.UUID(id) for id in repeated])
        first = {str(id): raw_id for id, raw_id in by.items()}
        return [_without_repeats(one, frozenset(repeated), first) for one in worked]

    def _write_said(
        self, connection: "Transaction", worked: Sequence[Worked], now: datetime
    ) -> dict[str, int]:
        """What was said, what follows from it, and what could not be read."""
        counts = self.write_statements(connection, worked, now)
        counts["parts"] = self._write_parts(connection, worked)
        facts = [said for one in worked for said in one.said_facts()]
        for name, number in self._follow(connection, facts, now).items():
            counts[name] += number
        counts["dead_letters"] = self._write_dead_letters(connection, worked, now)
        return counts

    def _end(
        self,
        connection: "Transaction",
        received: Sequence[tuple[inbox.Claim, Normalized]],
        part_counts: Mapping[uuid.UUID, int],
        counts: dict[str, int],
        now: datetime,
    ) -> None:
        """What only whole messages say: what was exchanged, and the answers to it. They are then done."""
        odd = exchanges.note_received(
            connection, self._tenant, received, self._reconciler.partners.values(), now
        )
        for name, number in self.write_events(connection, odd, now).items():
            counts[name] += number
        numbers = outbox.ControlNumbers(connection, self._tenant)
        counts["write_backs"] += write_acknowledgements(connection, received, numbers, now)
        numbers.save()
        counts["write_backs"] += write_reports(connection, received, now)
        inbox.finish_messages(connection, self._tenant, part_counts, now)
        faultpoint("process.before_commit")

    def _write_parts(self, connection: "Transaction", worked: Sequence[Worked]) -> int:
        rows: list[dict[str, Any]] = []
        for one in worked:
            for part in one.parts:
                if part.ordinal in one.replayed:
                    casebook.move_part(
                        connection,
                        self._tenant,
                        one.claim.id,
                        part.ordinal,
                        part.state,
                        label=part.label,
                        partner=part.partner,
                        span=_span(part, one.claim),
                    )
                else:
                    rows.append(
                        {
                            "tenant": self._tenant,
                            "raw_id": one.claim.id,
                            "ordinal": part.ordinal,
                            "source": one.claim.message.source,
                            "label": part.label,
                            "partner": part.partner,
                            "state": part.state,
                            "byte_offset": span[0] if (span := _span(part, one.claim)) else None,
                            "byte_length": span[1] if span else None,
                        }
                    )
        casebook.add_parts(connection, rows)
        listed.note(
            connection,
            [
                listed.row(self._tenant, one.claim.id, part.ordinal, part.row, one.claim.message.received_at)
                for one in worked
                for part in one.parts
                if part.row is not None
            ],
        )
        return sum(len(one.parts) for one in worked)

    def _write_dead_letters(self, connection: "Transaction", worked: Sequence[Worked], now: datetime) -> int:
        return desk.add_dead_letters(
            connection,
            [
                deadletters.part_row(
                    one.claim.message,
                    part.problem,
                    part=part.ordinal,
                    label=part.label,
                    occasion=str(one.claim.fence),
                    now=now,
                    attempts=one.claim.attempts,
                    versions=self._versions.of(one.claim.message.source, part.partner, part.versions),
                )
                for one in worked
                for part in one.parts
                if part.problem is not None
            ]
            + [
                deadletters.part_row(
                    one.claim.message,
                    one.unanswered,
                    part=None,
                    label=f"answer to {one.claim.message.name}",
                    occasion=f"answer {one.claim.fence}",
                    now=now,
                    attempts=one.claim.attempts,
                )
                for one in worked
                if one.unanswered is not None
            ],
        )

    def _follow(self, connection: "Transaction", facts: Sequence[Said], now: datetime) -> dict[str, int]:
        """What the new facts mean together with those that were there before: decided and written like the rest."""
        done = self._reconciler.follow(connection, facts, now)
        for case in done.mended:
            casebook.move_case(connection, tenant=self._tenant, actor=OURSELVES, now=now, **end_of(case))
        counts = self.write_events(connection, done.events, now)
        counts["cleared"] = len(done.mended)
        return counts

    def write_events(self, connection: "Transaction", said: Sequence[Said], now: datetime) -> dict[str, int]:
        """Decide and write events that no document said by itself."""
        decisions = self._router.decide([one.document for one in said]) if said else []
        return self._write_statements(connection, (), list(zip(said, decisions, strict=True)), now)

    def write_statements(
        self, connection: "Transaction", worked: Sequence[Worked], now: datetime
    ) -> dict[str, int]:
        """Facts, events, cases, decisions and the write-backs they want."""
        facts = [said for one in worked for said in one.said_facts()]
        pairs = [pair for one in worked for pair in zip(one.said_events(), one.decisions, strict=True)]
        return self._write_statements(connection, facts, pairs, now, list(_in_order(worked)))

    def _write_statements(
        self,
        connection: "Transaction",
        facts: Sequence[Said],
        pairs: Sequence[tuple[Said, Decision]],
        now: datetime,
        order: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, int]:
        """``order``: all of these statements as they were said; without it nobody said them, and they are alone."""
        counts = dict.fromkeys(("facts", "events", "cases", "write_backs", "cleared"), 0)
        ids = [uuid.UUID(one.document["id"]) for one, _ in pairs]
        stored = casebook.known_events(connection, self._tenant, ids) if ids else set()
        fresh = [pair for pair, event_id in zip(pairs, ids, strict=True) if event_id not in stored]
        events = [one.document for one, _ in fresh]

        said: dict[str, int] = {}
        for place, document in enumerate(order):
            said.setdefault(document["id"], place)
        early, late = detect.before_and_after([one.document for one in facts], events, said)
        speakers = {one.document["id"]: one.partner for one in (*facts, *(one for one, _ in fresh))}
        counts["cleared"] = self._clear(connection, early, speakers, now)
        casebook.add_facts(connection, [self._fact_row(one) for one in facts])
        counts["facts"] = len(facts)
        if not fresh:
            return counts

        case_rows = detect.case_rows(self._tenant, events, [decision for _, decision in fresh], now)
        folded = casebook.fold(connection, self._tenant, case_rows)
        openers = {row["id"]: row for row in case_rows}
        opened = [one.case_id for one in folded.values() if one.opened]
        by_case = {folded[event["data"]["fold_key"]].case_id: event["id"] for event in reversed(events)}
        casebook.add_transitions(
            connection,
            [
                {
                    "tenant": self._tenant,
                    "case_id": case_id,
                    "sequence": 1,
                    "from_state": None,
                    "to_state": CaseState.OPEN,
                    "actor": OURSELVES,
                    "reason": openers[case_id]["title"],
                    "event_id": by_case[case_id],
                    "at": now,
                }
                for case_id in opened
            ],
        )
        counts["cases"] = len(opened)
        cases = [folded[event["data"]["fold_key"]].case_id for event in events]
        casebook.add_events(
            connection,
            [
                {**self._statement_row(one, kind="code"), "case_id": case_id}
                for (one, _), case_id in zip(fresh, cases, strict=True)
            ],
        )
        counts["events"] = len(fresh)
        counts["cleared"] += self._close_outdated(connection, fresh, cases, set(opened), now)
        for (
            fact
        ) in late:  # each ends what was said before it, and what was said after it only if it is older news
            later: dict[uuid.UUID, list[Said]] = {}
            for (one, _), case_id in zip(fresh, cases, strict=True):
                if said[one.document["id"]] > said[fact["id"]]:
                    later.setdefault(case_id, []).append(one)
            spare = later.keys() - over_already(connection, self._tenant, later)
            counts["cleared"] += self._clear(connection, [fact], speakers, now, spare=spare)
        decision_rows: list[dict[str, Any]] = []
        write_back_rows: list[dict[str, Any]] = []
        asked: dict[uuid.UUID, tuple[str, str]] = {}
        together: list[sagas.Planned] = []
        outgoing = Outgoing(
            connection,
            tenant=self._tenant,
            registry=self._registry,
            partners=self._reconciler.partners,
            now=now,
        )
        outgoing.learn(fresh)
        for (one, decision), case_id in zip(fresh, cases, strict=True):
            row, wanted, saga = self._decided(one, decision, case_id, outgoing, now)
            decision_rows.append(row)
            write_back_rows += wanted
            together += saga
            asker = f"{RULE}{decision.table}/{decision.rule}"
            asked.update(
                {each["id"]: (asker, decision.because) for each in wanted if each["next_attempt_at"] is None}
            )
        casebook.add_decisions(connection, decision_rows)
        undecided = {row["case_id"] for row in decision_rows if row["error"]}
        if undecided:
            casebook.send_to_triage(connection, self._tenant, undecided)
        counts["write_backs"] = outbox.add_write_backs(connection, write_back_rows)
        approvals.ask_for_new(connection, self._tenant, asked, now)
        sagas.begin(connection, self._tenant, together, now)
        outgoing.finish()
        for name, number in self._say(connection, outgoing.facts, now).items():
            counts[name] += number
        return counts

    def _close_outdated(
        self,
        connection: "Transaction",
        fresh: Sequence[tuple[Said, Decision]],
        cases: Sequence[uuid.UUID],
        opened: Collection[uuid.UUID],
        now: datetime,
    ) -> int:
        """Close what was over before we heard of it, as it is opened."""
        events: dict[uuid.UUID, list[Said]] = {}
        for (one, _), case_id in zip(fresh, cases, strict=True):
            if case_id in opened:
                events.setdefault(case_id, []).append(one)
        over = over_already(connection, self._tenant, events)
        for case_id, fact in over.items():
            casebook.move_case(
                connection,
                tenant=self._tenant,
                case_id=case_id,
                from_state=CaseState.OPEN,
                to_state=CaseState.RESOLVED,
                actor=OURSELVES,
                reason=f"over before it was told: {fact['data']['kind']} {fact['subject']}",
                now=now,
            )
        return len(over)

    def _say(self, connection: "Transaction", facts: Sequence[Said], now: datetime) -> dict[str, int]:
        """What we told trading partners is known too: it ends what waited for it, and is compared like the rest."""
        if not facts:
            return {}
        documents = [one.document for one in facts]
        self._reconciler.take_turns(connection, documents)
        casebook.add_facts(connection, [self._fact_row(one) for one in facts])
        # that we take a document of the partner ends no refusal of one of ours
        answers = [one for one in documents if one["data"]["kind"] != "application_advice"]
        speakers = {one.document["id"]: one.partner for one in facts}
        cleared = self._clear(connection, answers, speakers, now)
        counts = self._follow(connection, facts, now)
        counts["facts"] += len(facts)
        counts["cleared"] += cleared
        return counts

    def _decided(
        self, said: Said, decision: Decision, case_id: uuid.UUID, outgoing: Outgoing, now: datetime
    ) -> tuple[dict[str, Any], list[dict[str, Any]], list[sagas.Planned]]:
        """The decision's row, a write-back for each of its actions, and the saga that they are, if they are one. An
        action that cannot be written sends the event to triage with the reason; what else was decided still goes out,
        unless it belongs together: then nothing does."""
        event = said.document
        decision_id = decision_id_of(event)
        rows: list[dict[str, Any]] = []
        steps: list[sagas.PlannedStep] = []
        error = decision.error
        actions = list(decision.actions)
        if (
            decision.together
        ):  # documents last: they take control numbers, and are said only with all of the others
            actions.sort(key=lambda one: outgoing.mapping_of(one) is not None)
        for action in actions:
            if decision.together and error:
                break
            written: list[dict[str, Any]] = []
            why: str | None = None
            try:
                if (mapping := outgoing.mapping_of(action)) is not None:
                    written, why = outgoing.write(said, decision, action, mapping, case_id)
                else:
                    written = [self._write_back(event, decision, action, case_id, decision_id, now)]
                if decision.together:
                    steps += [
                        sagas.plan_step(
                            self._registry,
                            event,
                            decision,
                            action,
                            write_back_id=each["id"],
                            case_id=case_id,
                            decision_id=decision_id,
                        )
                        for each in written
                    ]
            except Exception as fault:
                # a mapping is code of its own
                written, why = [], deadletters.problem_of(fault, Stage.DECIDE).sentence
            rows += written
            error = f"{action.target}:{action.operation}: {why}" if why else error
        if decision.together and error:
            rows, steps = [], []
        saga = sagas.Planned(
            case_id=case_id,
            decision_id=decision_id,
            rule=f"{decision.table}/{decision.rule}",
            steps=tuple(steps),
        )
        queue = "triage" if error else decision.queue
        return (
            {
                "tenant": self._tenant,
                "id": decision_id,
                "event_id": event["id"],
                "case_id": case_id,
                "table_name": decision.table,
                "rule": decision.rule,
                "version": decision.version,
                "queue": queue,
                "owner": decision.owner,
                "priority": decision.priority,
                "actions": [action.as_stored() for action in decision.actions],
                "because": decision.because,
                "saw": dict(decision.saw),
                "trace": decision.trace,
                "error": error,
                "decided_at": now,
            },
            rows,
            [saga] if steps else [],
        )

    def _write_back(
        self,
        event: Mapping[str, Any],
        decision: Decision,
        action: Action,
        case_id: uuid.UUID,
        decision_id: uuid.UUID,
        now: datetime,
    ) -> dict[str, Any]:
        body = write_body(
            self._registry, event, decision, action, case_id=str(case_id), decision_id=str(decision_id)
        )
        key = intent_key(self._tenant, case_id, action, body.subject)
        return write_back_row(
            tenant=self._tenant,
            key=key,
            target=action.target,
            operation=action.operation,
            body=body,
            now=now,
            case_id=case_id,
            decision_id=decision_id,
            slot=slot_of(self._registry, action, body.subject),
            gated=action.gated,
        )

    def _fact_row(self, said: Said) -> dict[str, Any]:
        return {**self._statement_row(said, kind="kind"), "refs": clocks.words(said.document)}

    def _statement_row(self, said: Said, *, kind: str) -> dict[str, Any]:
        document = said.document
        return {
            "tenant": self._tenant,
            "id": document["id"],
            "raw_id": said.raw_id,
            "part": said.part,
            kind: document["data"][kind],
            "subject": document["subject"],
            "document": document,
            "recorded_at": document["recordedtime"],
        }

    def _clear(
        self,
        connection: "Transaction",
        facts: Sequence[Mapping[str, Any]],
        speakers: Mapping[str, str | None],
        now: datetime,
        *,
        spare: Collection[uuid.UUID] = (),
    ) -> int:
        """End the open cases that these facts end, those in ``spare`` excepted. ``speakers``: with which partner each
        was exchanged, by its id, and each event of this batch; what a stranger says of our order ends nothing."""
        codes, words = detect.could_end(facts)
        if not codes or not words:
            return 0
        cleared = 0
        for case in casebook.open_cases_about(connection, self._tenant, codes, words):
            if case.id in spare:
                continue
            partner = case.partner or speakers.get(case.event["id"])
            heard = [
                fact for fact in facts if not are_strangers(fact, speakers[fact["id"]], case.event, partner)
            ]
            fact = detect.ended_by(case.code, case.event, heard) or self._reconciler.ended_in_parts(
                connection, case, heard
            )
            if fact is None:
                continue
            casebook.move_case(
                connection,
                tenant=self._tenant,
                case_id=case.id,
                from_state=case.state,
                to_state=CaseState.RESOLVED,
                actor=OURSELVES,
                reason=f"cleared by a fact: {fact['data']['kind']} {fact['subject']}",
                now=now,
            )
            cleared += 1
        return cleared


def _without_repeats(worked: Worked, repeated: frozenset[str], first: dict[str, uuid.UUID]) -> Worked:
    """One message without what an earlier one said; what it says first is noted in ``first``. A message that is
    replayed says again what it said itself, once."""
    taken: set[str] = set()

    def is_new(document: Mapping[str, Any]) -> bool:
        id = document["id"]
        if id not in repeated:
            return True
        if id in taken or first.setdefault(id, worked.claim.id) != worked.claim.id:
            return False
        taken.add(id)
        return True

    decided = [pair for pair in zip(worked.events, worked.decisions, strict=True) if is_new(pair[0])]
    return replace(
        worked,
        events=[event for event, _ in decided],
        decisions=[decision for _, decision in decided],
        facts=[fact for fact in worked.facts if is_new(fact)],
    )


def _span(part: PartResult, claim: inbox.Claim) -> tuple[int, int] | None:
    """The bytes of a part in its message; ``None`` where they are not those that came, or it has none of its own."""
    if claim.mended or part.offset is None or part.length is None:
        return None
    return part.offset, part.length


def _in_order(worked: Sequence[Worked]) -> Iterator[Mapping[str, Any]]:
    """All statements of a batch, as they were said: by message, and by place in it."""
    for one in worked:
        if one.parts:
            for part in one.parts:
                yield from part.documents
        else:
            yield from one.events
