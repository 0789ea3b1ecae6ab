"""A file as a report: its envelopes, its sets segment by segment, everything that is wrong, and what we would answer.

    inspector = Inspector(View(sets=3), terms)
    for item in read(stream, coverage=coverage):
        inspector.take(item)
    inspector.report

Pure: bytes come in as the reader's items, and values come out. What is kept is bounded by the view, so a file of any
size may pass by. What is agreed with a partner, and which codes may be shown with words, comes in as ``Terms``.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from canonical import crosswalks
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12 import guides
from crossdock.formats.x12.annotate import Annotator, Line, Text, Trouble, broken_levels, of_finding, troubles
from crossdock.formats.x12.findings import Finding, Level, Severity
from crossdock.formats.x12.items import (
    Acknowledgement,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    TransactionSet,
)
from crossdock.formats.x12.overlay import Overlay
from crossdock.formats.x12.problems import SEGMENTS_IN_ERROR, SegmentProblem, refused
from crossdock.formats.x12.security import hide_quoted_security, without_security
from crossdock.formats.x12.write import Element

CONTEXT: Final = 2
"""So many segments before and behind one that is wrong are shown with it, where not all of a set is shown."""


def text_of(reference: str, code: str) -> str:
    """What a code of an X12 element means, in our words. Empty where our lists lack it."""
    listed = crosswalks.lists().get(f"x12-{reference}")
    row = listed.rows.get(code) if listed is not None else None
    return row.text if row is not None else ""


def _no_overlay(set_id: str) -> Overlay | None:
    return None


def _takes_all(set_id: str) -> str:
    return ""


def _answers_997(set_id: str) -> str:
    return "997"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what a file is read. ``refuses``: why a set of this kind is not taken at all (empty: it is taken); ``kind``:
    what it is answered with, 997, 999 or none; ``other_group``: what becomes of one in a group of another kind, flag,
    reject or ignore. ``agreed_with``: the partner whose terms these are; empty: nobody's. ``element`` and
    ``component``: the delimiters that we answer with."""

    text: Text = text_of
    overlay: Callable[[str], Overlay | None] = _no_overlay
    refuses: Callable[[str], str] = _takes_all
    kind: Callable[[str], str] = _answers_997
    other_group: str = "flag"
    agreed_with: str = ""
    element: str = "*"
    component: str = ">"


TermsOf = Callable[[Interchange], Terms]
"""By what an interchange is read, by whom it is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a file is kept. ``None``: without limit.

    ``sets``: of how many sets the segments are shown; ``only``: of these alone, by their number in the file from 1;
    ``errors``: of those alone in which something is wrong. ``lines``: how many segments of a set are shown from its
    beginning; those with trouble are shown besides. ``listed``: how many interchanges, groups, sets without their
    segments, and findings are kept.
    """

    sets: int | None = 3
    only: frozenset[int] = frozenset()
    errors: bool = False
    lines: int | None = 60
    listed: int | None = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an acknowledgement says of a set, a group or an interchange: its word (A, E, P, R) and codes with their
    meanings, and its segments. ``kind`` is 997, 999, TA1 or none."""

    kind: str
    word: str = ""
    meaning: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    segments: tuple[tuple[str, ...], ...] = ()
    element: str = "*"

    def written(self, segment: Sequence[str]) -> str:
        """One of its segments as it goes out, without what ends it."""
        return self.element.join(segment).rstrip(self.element)

    @property
    def sentence(self) -> str:
        """``R, rejected: segments are in error``."""
        if self.kind == "none":
            return "is not acknowledged"
        told = "; ".join(text or code for code, text in self.codes)
        said = f"{self.word}, {self.meaning}" if self.meaning else self.word
        return f"{said}: {told}" if told else said


@dataclass(slots=True, kw_only=True)
class SetReport:
    """One transaction set. ``guide`` is the release by whose guide it was read (empty: there is none for it);
    ``lines`` are the segments that are shown, ``left_out`` how many are not. ``refusal``: why it is refused beside
    what is wrong in it."""

    number: int
    set_id: str
    name: str
    control_number: str
    version: str
    segments: int
    first_ordinal: int
    offset: int
    length: int
    encoding: str
    complete: bool
    valid: bool
    guide: str
    problems: Sequence[SegmentProblem]
    troubles: Sequence[Trouble]
    loops: dict[str, int]
    refusal: str
    answer: Answer
    shown: bool = False
    lines: Sequence[Line] = ()
    left_out: int = 0

    @property
    def is_right(self) -> bool:
        """Whether there is nothing to tell of it but what is merely worth knowing."""
        return all(trouble.severity == "info" for trouble in self.troubles)


@dataclass(slots=True, kw_only=True)
class GroupReport:
    """One functional group; ``opened`` is ``None`` for sets that stand outside of any."""

    opened: Group | None
    offset: int
    sets: list[SetReport] = field(default_factory=list)
    count: int = 0
    by_set: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    numbers_wrong: list[int] = field(default_factory=list)
    declared: str = ""
    closed: bool = False
    findings: list[Finding] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: Answer(kind="none"))


@dataclass(slots=True, kw_only=True)
class InterchangeReport:
    """One interchange, with the groups and TA1 that are kept, and how many there are. ``agreed_with``: the partner by
    whose terms it was read; empty: by the plain guides."""

    opened: Interchange
    agreed_with: str = ""
    groups: list[GroupReport] = field(default_factory=list)
    group_count: int = 0
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    acknowledgement_count: int = 0
    declared: str = ""
    closed: bool = False
    answer: Answer = field(default_factory=lambda: Answer(kind="TA1"))


@dataclass(slots=True, kw_only=True)
class Report:
    """A whole file. ``findings`` are those of the reader that are kept; ``by_code`` counts them all."""

    interchanges: list[InterchangeReport] = field(default_factory=list)
    interchange_count: int = 0
    group_count: int = 0
    set_count: int = 0
    by_set: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    shown: int = 0
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0
    by_code: Counter[str] = field(default_factory=Counter)
    problem_count: int = 0
    refused: int = 0
    """So many sets are not taken at all, whatever is in them."""
    is_right: bool = True
    """Whether nothing is wrong but what is merely worth knowing."""


@dataclass(slots=True)
class _Verdicts:
    """The verdicts on a group's sets, counted, for a group may have a hundred thousand of them."""

    words: Counter[str] = field(default_factory=Counter)
    of: TransactionSet | None = None

    def as_sets(self, above: bool) -> list[ack.SetVerdict]:
        """As many verdicts of each word, without what they are about; all refused where what is around them is
        (``above``)."""
        if self.of is None:
            return []
        nobody = self.of._replace(control_number="", segments=[])
        made = {
            "A": ack.SetVerdict(of=nobody, accepted=True),
            "E": ack.SetVerdict(of=nobody, accepted=True, codes=[SEGMENTS_IN_ERROR]),
            "R": ack.SetVerdict(of=nobody, accepted=False),
        }
        return [made["R" if above else word] for word, count in self.words.items() for _ in range(count)]


class Inspector:
    """Takes what the reader yields, in order; ``report`` is whole when all of it was taken."""

    def __init__(self, view: View | None = None, terms: Terms | TermsOf | None = None) -> None:
        self.report = Report()
        self._view = view if view is not None else View()
        self._terms_of: TermsOf | None = None if isinstance(terms, Terms) else terms
        self._terms = terms if isinstance(terms, Terms) else Terms()
        self._interchange: InterchangeReport | None = None
        self._group: GroupReport | None = None
        self._verdicts = _Verdicts()
        self._closing: list[tuple[GroupReport, GroupEnd, _Verdicts]] = []
        self._errors: list[Finding] = []
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """A fingerprint of everything that is wrong and where: the same for a file that is wrong in the same way."""
        return self._digest.hexdigest()

    def take(self, item: Item) -> None:
        """Take the next item of the reader."""
        match item:
            case Interchange():
                self._opened(item)
            case Acknowledgement():
                self._acknowledged(item)
            case Group():
                self._grouped(item)
            case TransactionSet():
                self._set(item)
            case GroupEnd():
                self._group_ended(item)
            case InterchangeEnd():
                self._ended(item)
            case Finding():
                self._found((item,))
                if item.level is Level.TA1 and self._interchange is not None:
                    self._errors += _errors((item,))

    # -- envelopes --------------------------------------------------------------------------------------

    def _opened(self, item: Interchange) -> None:
        if self._terms_of is not None:
            self._terms = self._terms_of(item)
        self._interchange = InterchangeReport(opened=item, agreed_with=self._terms.agreed_with)
        self._group = None
        self._errors = _errors(item.findings)
        self._found(item.findings)
        self.report.interchange_count += 1
        if self._has_room(self.report.interchanges):
            self.report.interchanges.append(self._interchange)

    def _acknowledged(self, item: Acknowledgement) -> None:
        assert self._interchange is not None
        self._found(item.findings)
        self._interchange.acknowledgement_count += 1
        if self._has_room(self._interchange.acknowledgements):
            self._interchange.acknowledgements.append(item)

    def _grouped(self, item: Group) -> None:
        self._begin(item, item.offset)
        self._found(item.findings)
        self.report.group_count += 1

    def _begin(self, opened: Group | None, offset: int) -> GroupReport:
        assert self._interchange is not None
        self._group = GroupReport(opened=opened, offset=offset)
        self._verdicts = _Verdicts()
        self._interchange.group_count += opened is not None
        if self._has_room(self._interchange.groups):
            self._interchange.groups.append(self._group)
        return self._group

    def _group_ended(self, item: GroupEnd) -> None:
        group = self._group
        assert group is not None
        self._found(item.findings)
        group.declared, group.closed = item.declared, item.ordinal is not None
        group.findings = [*item.group.findings, *item.findings]
        self._closing.append((group, item, self._verdicts))
        self._group = None

    def _ended(self, item: InterchangeEnd) -> None:
        interchange = self._interchange
        assert interchange is not None
        self._found(item.findings)
        self._errors += _errors(item.findings)
        interchange.declared, interchange.closed = item.declared, item.ordinal is not None
        interchange.answer = self._of_interchange()
        for group, end, verdicts in self._closing:
            group.answer = self._of_group(group, end, verdicts)
            if self._errors or ack.error_codes(group.findings, Level.AK9):
                # what is refused as a whole takes its sets with it, whatever they say themselves
                for kept in group.sets:
                    kept.answer = self._with_what_is_around(kept)
        self._closing.clear()
        self._interchange = self._group = None

    def _has_room(self, kept: Sequence[object]) -> bool:
        return self._view.listed is None or len(kept) < self._view.listed

    # -- what we would answer ---------------------------------------------------------------------------

    def _answer(
        self, kind: str, word: str, codes: Iterable[str], segments: Sequence[Sequence[Element]]
    ) -> Answer:
        listed = {
            "TA1": ("I17", "I18"),
            "group": ("715", "716"),
            "999": ("717", "618"),
            "997": ("717", "718"),
        }
        of_word, of_code = listed[kind]
        text = self._terms.text
        return Answer(
            kind=kind,
            word=word,
            meaning=text(of_word, word),
            codes=tuple((code, text(of_code, code)) for code in codes),
            segments=tuple(
                tuple(_flat(element, self._terms.component) for element in segment) for segment in segments
            ),
            element=self._terms.element,
        )

    def _of_interchange(self) -> Answer:
        codes = ack.error_codes(self._errors, Level.TA1)
        return self._answer("TA1", "R" if codes else "A", codes, ())

    def _of_group(self, group: GroupReport, end: GroupEnd, verdicts: _Verdicts) -> Answer:
        opened = end.group
        kind = self._kind_of(opened, verdicts.of)
        if kind == "none":
            return Answer(kind="none")
        codes = ack.error_codes(group.findings, Level.AK9)
        verdict = ack.GroupVerdict(
            group=opened, end=end, sets=verdicts.as_sets(above=bool(self._errors)), codes=codes
        )
        say = ack.implementation_acknowledgement if kind == "999" else ack.functional_acknowledgement
        segments = say(verdict, lists=lambda _: False)
        return replace(self._answer("group", verdict.word, codes, [segments[0], segments[-1]]), kind=kind)

    def _kind_of(self, opened: Group | None, of: TransactionSet | None) -> str:
        if of is None and opened is not None and opened.functional_id == ack.FUNCTIONAL_ACKNOWLEDGEMENTS:
            return "none"
        set_id = of.set_id if of is not None else ""
        return "none" if set_id in ack.ACKNOWLEDGEMENTS else self._terms.kind(set_id)

    def _verdict(
        self,
        entry: TransactionSet,
        problems: Sequence[SegmentProblem],
        refusal: str,
        misplaced: Finding | None,
    ) -> ack.SetVerdict:
        codes = ack.error_codes(entry.findings, Level.AK5)
        if not entry.valid:
            return ack.SetVerdict(
                of=entry, accepted=False, problems=problems, codes=codes or [SEGMENTS_IN_ERROR]
            )
        if refusal:
            return ack.SetVerdict(of=entry, accepted=False, codes=[ack.NOT_SUPPORTED])
        if misplaced is not None and self._terms.other_group == "reject":
            return ack.SetVerdict(of=entry, accepted=False, codes=[misplaced.ack_code])
        codes = [misplaced.ack_code] if misplaced is not None else []
        return ack.SetVerdict(of=entry, accepted=not refused(problems), problems=problems, codes=codes)

    def _of_set(self, verdict: ack.SetVerdict, kind: str) -> Answer:
        if kind == "none" or verdict.of.group is None:
            return Answer(kind="none")
        say = ack.implementation_acknowledgement if kind == "999" else ack.functional_acknowledgement
        of_group = ack.GroupVerdict(group=verdict.of.group, end=None, sets=[verdict])
        segments = say(of_group)[1:-1]
        codes = [str(code) for code in segments[-1][2:]] if segments else verdict.codes
        return self._answer(kind, verdict.word, codes, segments)

    def _with_what_is_around(self, kept: SetReport) -> Answer:
        if kept.answer.kind == "none":
            return kept.answer
        name = "IK5" if kept.answer.kind == "999" else "AK5"
        segments = (("AK2", kept.set_id, kept.control_number), (name, "R"))
        return self._answer(kept.answer.kind, "R", (), segments)

    # -- sets -------------------------------------------------------------------------------------------

    def _set(self, entry: TransactionSet) -> None:
        group = self._group
        if group is None or (entry.group is None and group.opened is not None):
            group = self._begin(None, entry.offset)
        report = self.report
        report.set_count += 1
        misplaced = guides.misplaced(entry) if self._terms.other_group != "ignore" else None
        findings = entry.findings if misplaced is None else (*entry.findings, misplaced)
        self._found(findings)
        entry = without_security(entry)
        guide = guides.guide(entry.set_id, entry.version, self._terms.overlay(entry.set_id))
        problems = guide.check(entry) if guide is not None else ()
        refusal = self._terms.refuses(entry.set_id)
        verdict = self._verdict(entry, problems, refusal, misplaced)
        self._verdicts.words[verdict.word] += 1
        if self._verdicts.of is None or self._verdicts.of.set_id in ack.ACKNOWLEDGEMENTS:
            self._verdicts.of = entry
        levels = list(broken_levels(entry, guide)) if guide is not None else []
        wrong = bool(problems or levels or refusal or not all(f.severity is Severity.INFO for f in findings))
        report.refused += bool(refusal)
        self._count(entry, group, problems, wrong)
        wanted = self._is_wanted(wrong)
        if not wanted and not self._has_room(group.sets):
            return
        kind = self._kind_of(entry.group, entry)
        found = sorted(
            [
                *map(of_finding, findings),
                *troubles(entry, problems, kind=kind),
                *levels,
            ],
            key=lambda trouble: trouble.offset,
        )
        kept = SetReport(
            number=report.set_count,
            set_id=entry.set_id,
            name=guide.name if guide is not None else "",
            control_number=entry.control_number,
            version=entry.group.version if entry.group is not None else "",
            segments=len(entry.segments),
            first_ordinal=entry.first_ordinal,
            offset=entry.offset,
            length=entry.length,
            encoding=entry.encoding,
            complete=entry.complete,
            valid=entry.valid and not problems,
            guide=guide.release if guide is not None else "",
            problems=problems,
            troubles=found,
            loops={},
            refusal=refusal,
            answer=self._of_set(verdict, kind),
            shown=wanted,
        )
        group.sets.append(kept)
        annotator = Annotator(entry, guide, text=self._terms.text)
        kept.loops = annotator.loops()
        if wanted:
            report.shown += 1
            positions = self._positions(entry, found)
            kept.lines = annotator.lines(positions, found)
            kept.left_out = len(entry.segments) - len(positions)

    def _count(
        self, entry: TransactionSet, group: GroupReport, problems: Sequence[SegmentProblem], wrong: bool
    ) -> None:
        report = self.report
        group.count += 1
        group.by_set[entry.set_id] += 1
        report.by_set[entry.set_id] += 1
        report.problem_count += len(problems)
        for problem in problems:
            bad = [(one.element, one.component, one.repetition, one.code) for one in problem.elements]
            said = (report.set_count, problem.segment_id, problem.position, problem.code, bad)
            self._digest.update(repr(said).encode())
        if wrong:
            report.is_right = False
            group.wrong[entry.set_id] += 1
            report.wrong[entry.set_id] += 1
            if self._has_room(group.numbers_wrong):
                group.numbers_wrong.append(report.set_count)

    def _is_wanted(self, wrong: bool) -> bool:
        view = self._view
        if view.only:
            return self.report.set_count in view.only
        if view.errors and not wrong:
            return False
        return view.sets is None or self.report.shown < view.sets

    def _positions(self, entry: TransactionSet, found: Sequence[Trouble]) -> list[int]:
        """Which segments of a set are shown: those at its beginning, and those where something is wrong."""
        count = len(entry.segments)
        most = self._view.lines
        if most is None or count <= most:
            return list(range(1, count + 1))
        wanted = set(range(1, most + 1)) | {count}
        for trouble in found:
            if trouble.segment is not None:
                at = trouble.segment - entry.first_ordinal + 1
                wanted |= set(range(max(1, at - CONTEXT), min(count, at + CONTEXT) + 1))
        return sorted(wanted)

    # -- findings ---------------------------------------------------------------------------------------

    def _found(self, findings: Sequence[Finding]) -> None:
        report = self.report
        for finding in findings:
            if self._has_room(report.findings):
                report.findings.append(replace(finding, message=hide_quoted_security(finding.message)))
            report.finding_count += 1
            report.by_code[str(finding.code)] += 1
            said = (str(finding.code), finding.offset, finding.length, finding.segment)
            self._digest.update(repr(said).encode())
            if finding.severity is not Severity.INFO:
                report.is_right = False


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _flat(element: Element, component: str) -> str:
    return element if isinstance(element, str) else component.join(element)
