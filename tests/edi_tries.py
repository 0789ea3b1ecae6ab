"""What comes of real X12 files on the way of ``crossdock try``, set by set.

Each file is tried with a profile that agrees on every set, once strict and once lenient about unknown codes.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from canonical import taxonomy
from crossdock.decide import Router
from crossdock.errors import Unreadable
from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.messages import PartState, Problem
from crossdock.normalize import PartResult
from crossdock.partners import MappingContext, Partner, Partners
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from crossdock.trial import Trial, try_file
from tests.formats.x12 import corpus_table
from tests.formats.x12.corpus_table import Judged

SUPPLY_CHAIN: Final = (
    "850", "855", "856", "860", "865", "810", "846", "870", "869", "204", "990", "214", "210", "940", "945", "943",
    "944", "947", "861", "812", "820", "824", "864", "852", "867", "180", "997", "999", "TA1",
)  # fmt: skip
"""The sets of the supply chain, each of which has a guide (a TA1 needs none) and a mapping."""

RELEASES: Final = ("004010", "005010")
"""The releases that each of them has a guide of its own in. A 999 is of 005010 and a TA1 of none."""

_NOW: Final = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)


# -- what comes of one set, of one file ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a trial made of one set: how many facts and events, or by whom and why it was set aside."""

    facts: int
    events: int
    code: str = ""
    by: str = ""
    why: str = ""

    @property
    def said(self) -> bool:
        """Whether it was processed."""
        return not self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One set of the corpus. ``places``: what its guide says against it, as in the judgements; ``maps``: its mapping
    makes statements of it, whatever envelope and guide say. ``release`` is GS08's six characters."""

    path: str
    set_id: str
    release: str
    places: tuple[str, ...]
    maps: bool
    strict: Came
    lenient: Came


@dataclass(slots=True)
class Coverage:
    """All that was read: every set, how many files, those ``without`` the set of their folder, what was set aside
    ``beside`` the sets, and faults of ours."""

    sets: list[Seen] = field(default_factory=list)
    files: int = 0
    without: dict[str, list[str]] = field(default_factory=dict)
    beside: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def of_the_chain(self) -> list[Seen]:
        """The sets of the supply chain."""
        return [one for one in self.sets if one.set_id in SUPPLY_CHAIN]


def cover(corpus: Path) -> Coverage:
    """Try every file of the corpus."""
    found = Coverage()
    tries = _Tries()
    for path in sorted(corpus.rglob("*.edi")):
        found.files += 1
        name = path.relative_to(corpus).as_posix()
        judged = corpus_table.judge(path)
        seen = list(tries.sets(name, judged, found))
        found.sets += seen
        folder = path.parent.name
        if folder in SUPPLY_CHAIN and not any(one.set_id == folder for one in seen):
            found.without.setdefault(folder, []).append(name)
    return found


class _Tries:
    """Files as ``crossdock try`` has them, with what it needs loaded once."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._router = Router.load()
        self._clock = MovableClock(_NOW)

    def sets(self, name: str, judged: Judged, found: Coverage) -> Iterator[Seen]:
        """What came of each set and TA1 of a file; what is no set is counted in ``found``."""
        opened = next((item for item in judged.items if isinstance(item, x12.Interchange)), None)
        strict = self._try(name, judged.body, _agreed(opened, lenient=False))
        lenient = self._try(name, judged.body, _agreed(opened, lenient=True))
        entries = {
            item.offset: item
            for item in judged.items
            if isinstance(item, x12.TransactionSet | x12.Acknowledgement)
        }
        for trial in (strict, lenient):
            found.faults += _faults(name, trial)
        for part, other in zip(strict.parts, lenient.parts, strict=True):
            entry = entries.get(part.offset)
            if entry is None:
                found.beside[part.problem.code if part.problem else "nothing in it"] += 1
                continue
            whose = _agreed(entry.interchange, lenient=False)
            yield Seen(
                path=name,
                set_id=set_id_of(entry),
                release=entry.version if isinstance(entry, x12.TransactionSet) else "",
                places=tuple(_places(entry)),
                maps=self._maps(entry, whose),
                strict=_came(part, entry, judged),
                lenient=_came(other, entry, judged),
            )

    def _try(self, name: str, body: bytes, partner: Partner) -> Trial:
        return try_file(
            body,
            name=name,
            registry=self._registry,
            partners=Partners.of([partner]),
            router=self._router,
            clock=self._clock,
            tenant="main",
            document="x12",
            partner=partner.name,
        )

    def _maps(self, entry: x12.TransactionSet | x12.Acknowledgement, partner: Partner) -> bool:
        mapping = self._registry.inbound(f"x12/{set_id_of(entry)}")
        if mapping is None:
            return False
        context = MappingContext(partner=partner, received_at=_NOW, tenant="main")
        with suppress(Unreadable):
            return bool(list(mapping.map(entry, context)))
        return False


def set_id_of(entry: x12.TransactionSet | x12.Acknowledgement) -> str:
    return entry.set_id if isinstance(entry, x12.TransactionSet) else "TA1"


def _agreed(opened: x12.Interchange | None, *, lenient: bool) -> Partner:
    """A partner that sends under the ids of this interchange, and with whom every set is agreed."""
    return Partner(
        name="corpus",
        title="Corpus",
        ids=((opened.sender_qualifier, opened.sender) if opened else ("ZZ", "SENDER"),),
        ours=(opened.receiver_qualifier, opened.receiver) if opened else ("ZZ", "RECEIVER"),
        acknowledge_target="supplier_edi",
        sets=guides.set_ids(),
        usage=opened.usage if opened and opened.usage in ("P", "T") else "P",
        lenient=lenient,
    )


def _faults(name: str, trial: Trial) -> Iterator[str]:
    """What is our own fault: a crash, a code that nothing describes, a document of which nothing is said."""
    for part in trial.parts:
        if part.problem is not None and part.problem.code not in taxonomy.codes():
            yield f"{name}: {part.label} is set aside as {part.problem.code!r}, which the taxonomy does not describe"
        if part.problem is not None and "the mapping failed" in part.problem.sentence:
            yield f"{name}: {part.label}: {part.problem.sentence}"
        if (part.problem is None) is not (part.state is PartState.PROCESSED):
            yield f"{name}: {part.label} is {part.state} and its problem is {part.problem}"
    yield from (
        f"{name}: {one.target} {one.operation}: {one.error}" for one in trial.write_backs if one.error
    )
    yield from (f"{name}: no decision: {one.error}" for one in trial.decisions if one.error)


def _came(part: PartResult, entry: x12.TransactionSet | x12.Acknowledgement, judged: Judged) -> Came:
    events = sum("code" in document["data"] for document in part.documents)
    facts = len(part.documents) - events
    if part.problem is None:
        return Came(facts=facts, events=events)
    by, why = _reason(part, part.problem, entry, judged)
    return Came(facts=facts, events=events, code=part.problem.code, by=by, why=why)


def _reason(
    part: PartResult, problem: Problem, entry: x12.TransactionSet | x12.Acknowledgement, judged: Judged
) -> tuple[str, str]:
    """Who set a part aside (envelope, guide, mapping, agreement), and what for, without a word of the file."""
    place = problem.place
    if part.versions:
        segment = place.segment_id or ""
        return "mapping", f"{segment}{place.element:02}" if place.element else segment
    if problem.code in (
        "EDI.TEST_IN_PROD",
        "EDI.UNKNOWN_PARTNER",
        "EDI.DUPLICATE_CONTROL",
        "EDI.UNSUPPORTED_SET",
    ):
        return "agreement", ""
    for found in judged.findings:
        if found.severity is x12.Severity.ERROR and problem.sentence.startswith(f"byte {found.offset}: "):
            return "envelope", str(found.code)
    return "guide", ""


def _places(entry: x12.TransactionSet | x12.Acknowledgement) -> Iterator[str]:
    """What the guide says against a set, each kind of it once: ``PO103 5``, ``TDS 3``."""
    if isinstance(entry, x12.Acknowledgement):
        found = [f"TA1{bad.element:02} {bad.code}" for bad in guides.check_service(entry.segment)]
    else:
        found = []
        for problem in guides.check(entry):
            name = problem.segment_id.strip()
            found += [
                f"{name}{bad.element:02}{f'-{bad.component}' if bad.component else ''} {bad.code}"
                for bad in problem.elements
            ] or [f"{name} {problem.code}"]
    yield from dict.fromkeys(found)
