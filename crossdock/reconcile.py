"""Reconcile: what new facts mean together with what is known. Clocks start and stop; documents are held together.

Called in transaction 2, behind the writing of the facts. Workers that write about the same business number take
turns, so that of two documents which arrive at the same moment the second always sees the first.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zlib import crc32

from canonical import taxonomy
from canonical.events import ExceptionEvent, Origin
from crossdock import clocks
from crossdock.matching import CODES, KINDS, Dossier, Finding, Paper, check, speaks_alone, together
from crossdock.messages import CaseState
from crossdock.normalize.part import rfc3339, sealed
from crossdock.partners import Partner, Partners
from crossdock.store import casebook, clockwork
from crossdock.whose import are_strangers

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MATCHING: Final = "crossdock.matching"
CLOCKS: Final = "crossdock.clocks"
_VERSION: Final = "1"

MOST_EACH: Final = 500
"""So many papers with the same number are looked at, the newest. Beyond it nothing about them is called mended."""

_NEAR: Final = 2
_FAR: Final = 4
"""Papers hang together by their numbers, step by step. What is new changes only what is said of papers up to two
steps away from it; to say it, those up to four are needed: a bill, its order, and all that came for that order."""

_AGREE: Final = "the documents agree now"

SWEEP: Final = 500
"""So many clocks are looked at in one transaction."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A sealed statement with the message and the part that it comes from."""

    document: Document
    raw_id: uuid.UUID
    part: int
    partner: str | None = None


Found = TypeVar("Found", Said, clockwork.KnownFact)


@dataclass(slots=True)
class Reconciled:
    """What followed: exceptions to be decided, and cases whose trouble is over."""

    events: list[Said] = field(default_factory=list)
    mended: list[casebook.OpenCase] = field(default_factory=list)


class Reconciler:
    """Starts and stops clocks, and compares documents."""

    def __init__(self, *, tenant: str, partners: Partners) -> None:
        self._tenant = tenant
        self._partners = {partner.name: partner for partner in partners}
        self._kinds = KINDS | clocks.kinds()

    @property
    def partners(self) -> Mapping[str, Partner]:
        """The trading partners, by name."""
        return self._partners

    def take_turns(self, connection: "Transaction", facts: Iterable[Document]) -> None:
        """Wait for whoever writes about the same numbers. Before the facts are written."""
        words = {word for fact in facts if fact["data"]["kind"] in self._kinds for word in clocks.words(fact)}
        clockwork.take_turns(connection, {crc32(word.encode()) % clockwork.BUCKETS for word in words})

    def take_every_turn(self, connection: "Transaction") -> None:
        """The same for a message that names too many numbers to know them before."""
        clockwork.take_turns(connection, range(clockwork.BUCKETS))

    def follow(self, connection: "Transaction", facts: Sequence[Said], now: datetime) -> Reconciled:
        """What these facts, which are written, mean together with those that were there before."""
        new = [said for said in facts if said.document["data"]["kind"] in self._kinds]
        words = {word for said in new for word in clocks.words(said.document)}
        done = Reconciled()
        if not words:
            return done
        known = self._known(connection, words, new)
        self._stop_clocks(connection, new, words, now)
        self._start_clocks(connection, new, _by_word(known), now)
        self._match(connection, known, now, done)
        return done

    def ended_in_parts(
        self, connection: "Transaction", case: casebook.OpenCase, facts: Iterable[Document]
    ) -> Document | None:
        """The first of these facts that ends a case about a line together with what came before: a backorder is over
        when the last part of the line ships."""
        rule = taxonomy.codes()[case.code]
        kinds = {
            one.fact for one in rule.clears_when if not isinstance(one, str) and "order_line" in one.match
        }
        words = clocks.words(case.event)
        mine = [
            fact
            for fact in facts
            if fact["data"]["kind"] in kinds and not frozenset(words).isdisjoint(clocks.words(fact))
        ]
        if not mine:
            return None
        known = [
            one.document
            for one in self._about(connection, words, kinds, ())
            if not are_strangers(one.document, one.partner, case.event, case.partner)
        ]
        for fact in mine:
            if taxonomy.clears(rule, case.event["data"], together(fact, [*known, *mine])["data"]):
                return fact
        return None

    def _known(
        self, connection: "Transaction", words: Collection[str], new: Sequence[Said]
    ) -> list[clockwork.KnownFact]:
        """All facts about these numbers: those that were there, and the new ones, which need not be read again."""
        mine = [
            clockwork.KnownFact(
                id=uuid.UUID(said.document["id"]),
                raw_id=said.raw_id,
                part=said.part,
                partner=said.partner,
                document=said.document,
            )
            for said in new
        ]
        return [*self._about(connection, words, self._kinds, mine), *mine]

    def _about(
        self,
        connection: "Transaction",
        words: Collection[str],
        kinds: Collection[str],
        but: Iterable[clockwork.KnownFact],
    ) -> list[clockwork.KnownFact]:
        there = {one.id for one in but}
        return clockwork.facts_about(connection, self._tenant, words, kinds, each=MOST_EACH, but=there)

    # -- clocks -----------------------------------------------------------------------------------------------

    def sweep(self, connection: "Transaction", now: datetime) -> list[Said]:
        """Open what ran out: the clock is overdue, and the exception says so. One whose pair was taken out of the
        data is left as it is: nobody knows what to say, and the pair may be put back."""
        found: list[Said] = []
        for clock in clockwork.due_clocks(connection, self._tenant, tuple(clocks.pairs()), now, SWEEP):
            partner = self._partners.get(clock.partner or "")
            exception = clocks.overdue(clock.pair, clock.fact, partner, clock.due_at, clock.limit)
            document = self._sealed(exception, clock.fact, CLOCKS, f"{clock.pair}:{clock.fact['id']}", now)
            clockwork.end_clock(
                connection, self._tenant, clock.id, "overdue", now=now, event_id=document["id"]
            )
            found.append(Said(document=document, raw_id=clock.raw_id, part=clock.part, partner=clock.partner))
        return found

    def _stop_clocks(
        self, connection: "Transaction", new: Sequence[Said], words: set[str], now: datetime
    ) -> None:
        mine: dict[str, list[Said]] = {}
        for said in new:
            for word in clocks.words(said.document):
                mine.setdefault(word, []).append(said)
        for clock in clockwork.clocks_about(connection, self._tenant, words):
            pair = clocks.pairs().get(clock.pair)
            if pair is None:
                continue  # the pair was taken out of the data; what it waits for still ends its case
            for said in _sharing(mine, clock.words):
                fact = said.document
                ended = _ends(pair, clock.fact, clock.partner, fact, said.partner)
                if ended is None:
                    continue
                late = clock.state == "overdue" or clocks.said_at(fact) > clock.due_at
                state = "late" if late and ended == "met" else ended
                clockwork.end_clock(connection, self._tenant, clock.id, state, now=now, ended_by=fact["id"])
                break

    def _start_clocks(
        self,
        connection: "Transaction",
        new: Sequence[Said],
        known: Mapping[str, Sequence[clockwork.KnownFact]],
        now: datetime,
    ) -> None:
        rows: list[dict[str, Any]] = []
        older = _Older(connection, self._tenant, known)
        for said in new:
            for running in clocks.started(said.document, self._partners.get(said.partner or "")):
                answer, state = self._answered(connection, running, said.partner, known)
                if answer is None and (more := older.about(running)):
                    answer, state = self._answered(connection, running, said.partner, more)
                rows.append(
                    {
                        "tenant": self._tenant,
                        "id": clocks.clock_id(self._tenant, running.pair, said.document),
                        "pair": running.pair.name,
                        "partner": said.partner,
                        "subject": said.document["subject"],
                        "refs": running.words,
                        "started_by": said.document["id"],
                        "raw_id": said.raw_id,
                        "part": said.part,
                        "started_at": clocks.said_at(said.document),
                        "due_at": running.due_at,
                        "limit_text": str(running.limit),
                        "state": state,
                        "ended_by": answer["id"] if answer is not None else None,
                        "ended_at": now if answer is not None else None,
                    }
                )
        clockwork.add_clocks(connection, rows)

    def _answered(
        self,
        connection: "Transaction",
        running: clocks.Running,
        awaited: str | None,
        known: Mapping[str, Sequence[clockwork.KnownFact]],
    ) -> tuple[Document | None, str]:
        """What came before what it answers or takes back, and the state in which the clock begins."""
        for one in _sharing(known, running.words):
            fact = one.document
            ended = _ends(running.pair, running.fact, awaited, fact, one.partner)
            if (
                ended == "met"
                and running.pair.once
                and clockwork.answered_another(
                    connection,
                    self._tenant,
                    running.pair.name,
                    running.words,
                    one.id,
                    running.fact["subject"],
                )
            ):
                continue
            if ended is not None:
                late = ended == "met" and clocks.said_at(fact) > running.due_at
                return fact, "late" if late else ended
        return None, "waiting"

    # -- documents against documents --------------------------------------------------------------------------

    def _match(
        self,
        connection: "Transaction",
        known: Sequence[clockwork.KnownFact],
        now: datetime,
        done: Reconciled,
    ) -> None:
        mine, near, whole = self._papers(connection, known)
        if not mine:
            return
        where = {str(one.id): one for one in mine}
        papers = [self._paper(one) for one in mine]
        findings = [finding for finding in check(Dossier(papers)) if finding.paper.id in near]
        told = self._told(connection, findings, now)
        folds = {document["data"]["fold_key"] for document in told}
        for document in told:
            one = where[document["data"]["ext"]["fact"]]
            done.events.append(Said(document=document, raw_id=one.raw_id, part=one.part, partner=one.partner))
        done.mended += self._mended(connection, [paper for paper in papers if paper.id in whole], folds)

    def _told(
        self, connection: "Transaction", findings: Sequence[Finding], now: datetime
    ) -> list[dict[str, Any]]:
        """The findings as events, each once. The same finding is the same event, so that looking twice finds nothing
        new; but when its case ended because the documents agreed, and now they do not any more, it is another."""
        told: dict[str, tuple[Finding, dict[str, Any]]] = {}
        times, again = 0, list(findings)
        while again:
            new = {document["id"]: (finding, document) for finding, document in self._said(again, times, now)}
            ended = casebook.ended_events(connection, self._tenant, [uuid.UUID(one) for one in new], _AGREE)
            told |= {name: one for name, one in new.items() if uuid.UUID(name) not in ended}
            again = [finding for name, (finding, _) in new.items() if uuid.UUID(name) in ended]
            times += 1
        return [document for _, document in told.values()]

    def _said(
        self, findings: Iterable[Finding], times: int, now: datetime
    ) -> Iterator[tuple[Finding, dict[str, Any]]]:
        """Each finding with its event; ``times``: so often it was over before."""
        for finding in findings:
            part = f"{finding.name}:{finding.paper.id}:{sha256(finding.evidence.encode()).hexdigest()}"
            part = f"{part}:{times}" if times else part
            yield finding, self._sealed(finding.exception, finding.paper.document, MATCHING, part, now)

    def _papers(
        self, connection: "Transaction", known: Sequence[clockwork.KnownFact]
    ) -> tuple[list[clockwork.KnownFact], set[str], set[str]]:
        """The papers that share a business number with another, and those that hang together with them; of which of
        them something may be said, and which of these have everything about them at hand. A paper that stands alone
        is compared with nothing, but for one that says something against itself."""
        first = self._by_number([one for one in known if one.document["data"]["kind"] in KINDS])
        every = {
            one.id: one
            for papers in first.values()
            for one in papers
            if len(papers) > 1 or speaks_alone(self._paper(one))
        }
        near = set(every)
        edge, asked = list(every.values()), set[str]()
        for step in range(_NEAR, _FAR + 1):
            words = {word for one in edge for word in self._paper(one).words} - asked
            edge = self._about(connection, words, KINDS, every.values()) if words else []
            if not edge:
                near = set(every)
                break
            asked |= words
            every |= {one.id: one for one in edge}
            if step == _NEAR:
                near = set(every)
        by_number = self._by_number(every.values())
        crowded = {one.id for papers in by_number.values() if len(papers) >= MOST_EACH for one in papers}
        partly = crowded | {
            one.id
            for id in crowded
            for word in self._paper(every[id]).words
            for one in (by_number[word] if len(by_number[word]) < MOST_EACH else ())
        }
        return list(every.values()), {str(id) for id in near}, {str(id) for id in near - partly}

    def _by_number(self, facts: Iterable[clockwork.KnownFact]) -> dict[str, list[clockwork.KnownFact]]:
        found: dict[str, list[clockwork.KnownFact]] = {}
        for one in facts:
            for word in self._paper(one).words:
                found.setdefault(word, []).append(one)
        return found

    def _paper(self, one: clockwork.KnownFact) -> Paper:
        return Paper(one.document, self._partners.get(one.partner or ""))

    def _mended(
        self, connection: "Transaction", papers: Sequence[Paper], folds: set[str]
    ) -> Iterator[casebook.OpenCase]:
        """Open cases of earlier comparisons of these papers whose trouble is not found any more."""
        words = {f"{ref['kind']}:{ref['value']}" for paper in papers for ref in paper.refs}
        ids = {paper.id for paper in papers}
        for case in casebook.open_cases_about(connection, self._tenant, CODES, words):
            data = case.event["data"]
            ours = data["provenance"]["mapping"] == MATCHING and data.get("ext", {}).get("fact") in ids
            if ours and data["fold_key"] not in folds:
                yield case

    def _sealed(
        self, exception: ExceptionEvent, fact: Document, mapping: str, part: str, now: datetime
    ) -> dict[str, Any]:
        """An exception that nobody said: it comes of a fact, and has that fact's message as its origin."""
        provenance = fact["data"]["provenance"]
        origin = Origin(
            tenant=self._tenant,
            source=provenance["connector"],
            connector_version=provenance["connector_version"],
            mapping=mapping,
            mapping_version=_VERSION,
            raw_id=provenance["raw_id"],
            raw_sha256=provenance["raw_sha256"],
            received_at=provenance["received_at"],
            recorded_at=rfc3339(now),
        )
        (document,) = sealed([exception], origin, part=part)
        return document


def end_of(case: casebook.OpenCase) -> dict[str, Any]:
    """How a case ends whose documents agree now."""
    return {
        "case_id": case.id,
        "from_state": case.state,
        "to_state": CaseState.RESOLVED,
        "reason": _AGREE,
    }


def _by_word(known: Iterable[clockwork.KnownFact]) -> dict[str, list[clockwork.KnownFact]]:
    """Facts by each of their references."""
    found: dict[str, list[clockwork.KnownFact]] = {}
    for one in known:
        for word in clocks.words(one.document):
            found.setdefault(word, []).append(one)
    return found


def _sharing(by_word: Mapping[str, Sequence[Found]], words: Iterable[str]) -> list[Found]:
    """Those that share one of these references, each once, in the order of the references."""
    return list({id(one): one for word in words for one in by_word.get(word, ())}.values())


class _Older:
    """Facts about a number that has more papers than are looked at. Whether what a clock waits for was there at all
    must not depend on how much came after it."""

    def __init__(
        self, connection: "Transaction", tenant: str, known: Mapping[str, Sequence[clockwork.KnownFact]]
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._crowded = {word for word, facts in known.items() if len(facts) >= MOST_EACH}
        self._read: dict[tuple[str, str], list[clockwork.KnownFact]] = {}

    def about(self, running: clocks.Running) -> dict[str, list[clockwork.KnownFact]]:
        """What may end this clock, by the numbers of it that are crowded; nothing where none is."""
        return {word: self._answers(running.pair, word) for word in running.words if word in self._crowded}

    def _answers(self, pair: clocks.Pair, word: str) -> list[clockwork.KnownFact]:
        found = self._read.get((pair.name, word))
        if found is None:
            found = self._read[pair.name, word] = clockwork.facts_about(
                self._connection, self._tenant, [word], pair.stops, each=MOST_EACH
            )
        return found


_DONE: Final = frozenset({"shipped", "received", "invoiced"})
"""Facts that no cancelled order undoes: what left is still to be received and billed, what was billed is still to be
explained."""


def _is_agreed_to(answer: Document) -> bool:
    """Whether the seller's answer to a change lets it happen. A refusal to cancel leaves the order as it was."""
    word: str = answer["data"].get("attributes", {}).get("answer", "accepted")
    return word == "accepted"


def _ends(
    pair: clocks.Pair, started_by: Document, awaited: str | None, fact: Document, by: str | None
) -> str | None:
    """How a fact of a partner ends a clock that waits for a partner: ``met`` or ``cancelled``; or it does not."""
    if clocks.stops(pair, started_by, fact) and pair.hears(fact["data"]["kind"], by, awaited):
        return "met"
    if by == awaited and _takes_back(fact, started_by):
        return "cancelled"
    return None


def _takes_back(fact: Document, started_by: Document) -> bool:
    """Whether a fact cancels what started a clock: the same paper again; or the order of something that is not done
    yet, by the buyer (850, 860) or by the seller (865)."""
    if not clocks.is_cancellation(fact) or fact["id"] == started_by["id"]:
        return False
    kind, started = fact["data"]["kind"], started_by["data"]["kind"]
    of_order = kind in ("ordered", "change_requested") or (kind == "change_answered" and _is_agreed_to(fact))
    if of_order and started not in _DONE:
        return True
    mine, other = Paper(fact, None), Paper(started_by, None)
    return (mine.kind, mine.mapping, mine.direction, mine.key) == (
        other.kind,
        other.mapping,
        other.direction,
        other.key,
    )
