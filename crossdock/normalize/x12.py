"""X12: parts are transaction sets, acknowledgements of interchanges (TA1), and bytes that belong to neither.

Parts are numbered by the bytes alone, in the order of the file. What is wrong with an interchange or a group
concerns every set in it, as a TA1 or an AK9 would say to the sender; what is wrong with a set concerns that set.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeGuard

from crossdock import blocked
from crossdock.errors import Place
from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12.security import hide_quoted_security
from crossdock.messages import PartState, Problem, RawMessage, Stage
from crossdock.normalize import bounds
from crossdock.normalize.acknowledge import Answer, of_finding, untold, wanted, with_word_of
from crossdock.normalize.no_date import without_no_dates
from crossdock.normalize.part import map_part
from crossdock.normalize.values import (
    LONG_BYTES,
    Arrived,
    CameTwice,
    Earlier,
    Exchanged,
    Found,
    Opened,
    PartResult,
    Register,
    Seen,
    SetNumbers,
    set_aside,
    unsupported,
)
from crossdock.partners import Partner
from crossdock.registry import Registry

WORDS_OF_SOMEBODY = (x12.Code.TEXT_BEFORE_ISA, x12.Code.JUNK_AFTER_IEA)
"""Findings that are no error of an interchange and still hold somebody's words: they are set aside, not skipped."""


MOST_INTERCHANGES = 10_000
"""A file with more interchanges than this is no business document: what follows is one part, set aside."""

MOST_HOLLOW = 20
"""So many groups of an interchange that lack their sets are parts of their own; the last one stands for the rest."""

OURS = "It is a copy of what we sent. Look at the system that wrote it; then discard this, or replay it."


MISSING = "Ask the sender whether it sent something that is not here; then discard this."

Entry = x12.TransactionSet | x12.Acknowledgement


class Again:
    """A second reading of a long message, one interchange behind the first: it gives the sets that were let go."""

    def __init__(self, body: bytes) -> None:
        self._entries = (item for item in x12.read(body) if isinstance(item, Entry))
        self._read = 0

    def entry(self, number: int) -> Entry:
        """The set or TA1 with this number in the message, from 0. They are asked for in their order."""
        found = next(islice(self._entries, number - self._read, None))
        self._read = number + 1
        return found


@dataclass(slots=True)
class Envelope:
    """One interchange with all that was read in it, before anything is judged.

    Of a long message the sets in ``entries`` have their ST alone; ``first`` is the number of the first of them in the
    message, and ``again`` reads them once more.
    """

    opened: x12.Interchange
    number: int
    first: int = 0
    again: Again | None = None
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    ends: list[x12.GroupEnd] = field(default_factory=list)
    errors: list[x12.Finding] = field(default_factory=list)
    sha256: str = ""

    def add(self, ordinal: int, entry: Entry) -> None:
        """Something stands in it."""
        if self.again is not None and isinstance(entry, x12.TransactionSet):
            entry = entry._replace(segments=entry.segments[:1], layout=())
        self.entries.append((ordinal, entry))

    def whole(self) -> Iterator[tuple[int, Entry, Entry]]:
        """The ordinal of each entry, the entry as it is kept, and whole."""
        for number, (ordinal, kept) in enumerate(self.entries, self.first):
            entry = kept
            if self.again is not None and isinstance(kept, x12.TransactionSet):
                read = self.again.entry(number)
                assert isinstance(read, x12.TransactionSet) and read.offset == kept.offset
                entry = read._replace(interchange=kept.interchange, group=kept.group)
            yield ordinal, kept, entry


def read_x12(
    raw: Opened,
    registry: Registry,
    partner_of: Callable[[str, str], Partner | None],
    found: Found,
    register: Register | None = None,
) -> Iterator[PartResult]:
    """The parts of an X12 message. Fills ``found``.

    ``partner_of``: who sends as this qualifier and id. ``register``: what is known of control numbers; without it
    nothing ever came before.
    """
    message = raw.message
    ordinal = entries = 0
    envelope: Envelope | None = None
    count = groups = answers = 0
    coverage = x12.Coverage()
    again = Again(message.body) if len(message.body) > LONG_BYTES else None
    for item in x12.read(message.body, coverage=coverage):
        bounds.over_count(message, "x12_segments", coverage.segments, coverage.bytes_accounted)
        match item:
            case x12.Interchange() if count == MOST_INTERCHANGES:
                yield _too_many(message, item, ordinal)
                return
            case x12.Interchange():
                envelope = Envelope(opened=item, number=count, first=entries, again=again)
                count += 1
                groups = answers = 0
                envelope.errors += _errors(item.findings)
            case x12.TransactionSet() | x12.Acknowledgement():
                answers += isinstance(item, x12.Acknowledgement)
                bounds.over_count(message, "x12_answers", answers, item.offset)
                assert envelope is not None, "the reader opens an interchange before what is in it"
                envelope.add(ordinal, item)
                ordinal += 1
                entries += 1
            case x12.GroupEnd():
                assert envelope is not None
                envelope.ends.append(item)
            case x12.InterchangeEnd():
                assert envelope is not None
                envelope.errors += _errors(item.findings)
                envelope.sha256 = _digest(message.body, envelope.opened.offset, item.offset + item.length)
                if not envelope.entries:
                    yield _empty(message, envelope, ordinal)
                yield from _interchange(raw, registry, envelope, partner_of, found, register, ordinal)
                ordinal += not envelope.entries
                hollow = _hollow(envelope)
                for place, end in enumerate(hollow[:MOST_HOLLOW], 1):
                    yield _without_its_sets(
                        message, end, ordinal, len(hollow) - place if place == MOST_HOLLOW else 0
                    )
                    ordinal += 1
                envelope = None
            case x12.Finding():
                if envelope is not None and item.level is x12.Level.TA1:
                    envelope.errors += _errors((item,))
                elif item.severity is x12.Severity.ERROR or item.code in WORDS_OF_SOMEBODY:
                    yield _stray(message, item, ordinal)
                    ordinal += 1
            case x12.Group():
                groups += 1
                bounds.over_count(message, "x12_groups", groups, item.offset)
    if ordinal == 0:
        nothing = x12.Finding(code=x12.Code.EMPTY_INPUT, message="There is nothing to read in it.", offset=0)
        yield _stray(message, nothing, 0)


def _digest(body: bytes, begin: int, end: int) -> str:
    """The SHA-256 of an interchange. The blanks behind its IEA say nothing: with or without them it is the same."""
    while end > begin and body[end - 1 : end].isspace():
        end -= 1
    return hashlib.sha256(memoryview(body)[begin:end]).hexdigest()


def _errors(findings: tuple[x12.Finding, ...]) -> list[x12.Finding]:
    return [finding for finding in findings if finding.severity is x12.Severity.ERROR]


def _interchange(
    raw: Opened,
    registry: Registry,
    envelope: Envelope,
    partner_of: Callable[[str, str], Partner | None],
    found: Found,
    register: Register | None,
    ordinal: int,
) -> Iterator[PartResult]:
    """Whose an interchange is, and then all that is in it. ``ordinal``: of the part that stands for it when it holds
    nothing."""
    opened = envelope.opened
    partner = partner_of(opened.sender_qualifier, opened.sender)
    owner = partner_of(opened.receiver_qualifier, opened.receiver)
    if owner is not None and (opened.sender_qualifier, opened.sender) == owner.ours:
        yield from _copy(raw, registry, envelope, owner, found, ordinal)
        return
    misdirected = _misdirected(opened, partner)
    if partner is None or misdirected is not None:
        assert misdirected is not None
        for place, entry in envelope.entries:
            yield _aside(raw.message, entry, place, partner, misdirected)
        return
    yield from _Incoming(raw, registry, envelope, partner, found, ordinal).parts(register)


class _Incoming:
    """What a partner sent us in one interchange, while it is judged."""

    def __init__(
        self,
        raw: Opened,
        registry: Registry,
        envelope: Envelope,
        partner: Partner,
        found: Found,
        ordinal: int,
    ) -> None:
        self._raw = raw
        self._registry = registry
        self._envelope = envelope
        self._partner = partner
        self._found = found
        self._ordinal = ordinal
        self._twice: list[CameTwice] = []
        self._outside = [
            error
            for _, entry in envelope.entries
            if isinstance(entry, x12.TransactionSet) and entry.group is None
            for error in _errors(entry.findings)
            if error.level is x12.Level.TA1
        ]
        if not envelope.ends:  # nothing of it can be taken, and no 997 can say so
            envelope.errors += self._outside
        self._acknowledges = any(isinstance(entry, x12.Acknowledgement) for _, entry in envelope.entries)
        self._whys: dict[int, str] = {}
        # the reader knows this file alone; what a number that comes twice means is the partner's profile to say
        envelope.errors = [one for one in envelope.errors if one.code is not x12.Code.ISA_DUPLICATE]

    def parts(self, register: Register | None) -> Iterator[PartResult]:
        """Judge what it holds, map what is good, and note the answer that is owed."""
        envelope, partner = self._envelope, self._partner
        numbers = _numbers(envelope, self._ordinal)
        again = self._ask(register, numbers)
        whole = self._interchange_twice(again)
        refused_as_twice = whole is not None and whole.rejected
        answer = Answer()
        sets: dict[int, list[x12.TransactionSet]] = {}
        group_errors = {id(end.group): _group_errors(end) for end in envelope.ends}
        groups_twice: dict[int, CameTwice] = {}
        told: dict[int, str] = {}
        for place, kept, entry in envelope.whole():
            refused: Problem | None = None
            if isinstance(kept, x12.TransactionSet):
                sets.setdefault(id(kept.group), []).append(kept)
            if whole is not None and whole.rejected:
                refused = _came_twice(whole, entry, partner)
            elif isinstance(entry, x12.Acknowledgement) and envelope.errors:
                refused = of_finding(envelope.errors[0], "EDI.INTERCHANGE_REJECTED")
            if refused is not None:
                if isinstance(entry, x12.TransactionSet):
                    answer.refuse(entry)
            elif isinstance(entry, x12.TransactionSet):
                refused = self._judge(entry, answer, group_errors, again, whole, groups_twice, place)
            verdict = None
            if isinstance(entry, x12.TransactionSet) and isinstance(kept, x12.TransactionSet):
                verdict = answer.keep(entry, kept)
            if refused is not None:
                told[place] = "R"
                why = self._untold(entry, twice=refused_as_twice)
                refused = with_word_of(refused, partner, why)
                state = PartState.DEAD_LETTERED if why else PartState.REJECTED
                yield _aside(self._raw.message, entry, place, partner, refused, state)
                continue
            if verdict is not None and verdict.word == "E":
                told[place] = "E"
            set_id = entry.set_id if isinstance(entry, x12.TransactionSet) else "TA1"
            yield _mapped(self._raw, self._registry, entry, set_id, place, partner)
        exchanged = Exchanged(
            partner=partner.name,
            identity=_sender(envelope),
            direction="in",
            number=envelope.opened.control_number,
            sha256=envelope.sha256,
            sets=[one._replace(told=told.get(one.part, "")) for one in numbers] if told else numbers,
            told="R" if refused_as_twice or envelope.errors else "",
            twice=self._twice,
            before=again.stored if self._asks(register) else None,
        )
        self._found.exchanged.append(exchanged)
        if register is not None:
            register.took(self._arrived(numbers), exchanged)
        if not exchanged.is_refused:
            self._found.taken.setdefault((exchanged.identity, exchanged.number), exchanged)
        acknowledgement = wanted(
            envelope.opened,
            envelope.ends,
            envelope.errors,
            answer,
            sets,
            partner=partner,
            number=envelope.number,
            acknowledges=self._acknowledges,
            twice={group: one for group, one in groups_twice.items() if one.rejected},
            refused_as_twice=refused_as_twice,
            outside=self._outside,
        )
        if acknowledgement is not None:
            self._found.acknowledgements.append(acknowledgement)

    def _judge(
        self,
        entry: x12.TransactionSet,
        answer: Answer,
        group_errors: dict[int, list[x12.Finding]],
        again: Seen,
        whole: CameTwice | None,
        groups_twice: dict[int, CameTwice],
        place: int,
    ) -> Problem | None:
        """Why one set is refused, if it is."""
        above = [(error, "EDI.INTERCHANGE_REJECTED") for error in self._envelope.errors]
        above += [(error, "EDI.GROUP_REJECTED") for error in group_errors.get(id(entry.group), ())]
        if above:
            answer.refuse(entry)
            error, code = above[0]
            return of_finding(error, code)
        twice = None if whole is not None else self._set_twice(entry, again, groups_twice, place)
        if twice is not None and twice.rejected:
            answer.refuse(entry, [ack.SET_NUMBER_TWICE] if twice.level == "set" else ())
            return _came_twice(twice, entry, self._partner)
        mapped = self._registry.inbound(f"x12/{entry.set_id}") is not None
        return answer.judge(entry, partner=self._partner, mapped=mapped)

    def _untold(self, entry: Entry, *, twice: bool) -> str:
        """Why the partner does not hear that something was refused; empty where it does."""
        envelope, partner = self._envelope, self._partner
        group = entry.group if isinstance(entry, x12.TransactionSet) else None
        by_ta1 = twice or bool(envelope.errors or (self._outside and group is None))
        if by_ta1 and partner.acknowledge_target and partner.ta1 != "never":
            return "" if envelope.ends or not self._acknowledges else "a TA1 is never acknowledged"
        if twice:
            return f"{partner.title} wants no TA1"
        why = self._whys.get(id(group))
        if why is None:
            beside = [
                one.set_id
                for _, one in envelope.entries
                if isinstance(one, x12.TransactionSet) and one.group is group
            ]
            why = untold(group, beside, partner)
            self._whys[id(group)] = why
        return why

    # -- what came before ---------------------------------------------------------------------------------------

    def _asks(self, register: Register | None) -> TypeGuard[Register]:
        windows = self._partner.duplicates
        ignored = all(one.then == "ignore" for one in (windows.interchange, windows.group, windows.set))
        return register is not None and not ignored

    def _ask(self, register: Register | None, numbers: Sequence[SetNumbers]) -> Seen:
        return register.seen(self._arrived(numbers)) if self._asks(register) else Seen()

    def _arrived(self, numbers: Sequence[SetNumbers]) -> Arrived:
        return Arrived(
            partner=self._partner.name,
            identity=_sender(self._envelope),
            raw_id=self._raw.raw_id,
            received_at=self._now,
            number=self._envelope.opened.control_number,
            sha256=self._envelope.sha256,
            sets=numbers,
        )

    def _interchange_twice(self, again: Seen) -> CameTwice | None:
        window = self._partner.duplicates.interchange
        number = self._envelope.opened.control_number
        before = again.interchange
        here = self._found.taken.get((_sender(self._envelope), number))
        if here is not None:
            before = Earlier(
                raw_id=self._raw.raw_id,
                at=self._now,
                interchange_number=number,
                interchange_sha256=here.sha256,
            )
        if before is None or not window.covers(before.at, self._now):
            return None
        first = self._envelope.entries[0][0] if self._envelope.entries else self._ordinal
        return self._note("interchange", first, "", number, "", before, window.then)

    def _set_twice(
        self,
        entry: x12.TransactionSet,
        again: Seen,
        groups_twice: dict[int, CameTwice],
        place: int,
    ) -> CameTwice | None:
        """Whether the set's group, or the set in a group of this number, came before. A group is noted once."""
        group = entry.group
        if group is None:
            return None
        windows = self._partner.duplicates
        number = ack.plain_number(group.control_number)
        before = again.groups.get((group.sender, group.functional_id, number))
        if before is not None and windows.group.covers(before.at, self._now):
            known = groups_twice.get(id(group))
            if known is None:
                known = self._note(
                    "group", place, group.functional_id, number, entry.set_id, before, windows.group.then
                )
                groups_twice[id(group)] = known
            if known.rejected:
                return known
            return None
        key = (group.sender, group.functional_id, number, entry.set_id, entry.control_number)
        before = again.sets.get(key)
        if before is None or not windows.set.covers(before.at, self._now):
            return None
        return self._note(
            "set", place, group.functional_id, entry.control_number, entry.set_id, before, windows.set.then
        )

    def _note(
        self,
        level: str,
        part: int,
        functional_id: str,
        number: str,
        set_id: str,
        before: Earlier,
        then: str,
    ) -> CameTwice:
        twice = CameTwice(
            level=level,
            part=part,
            functional_id=functional_id,
            number=number,
            set_id=set_id,
            before=before,
            same_bytes=before.interchange_sha256 == self._envelope.sha256,
            rejected=then == "reject",
        )
        self._twice.append(twice)
        return twice

    @property
    def _now(self) -> datetime:
        return self._raw.message.received_at


def _sender(envelope: Envelope) -> str:
    """The qualifier and id that an interchange was sent under."""
    return f"{envelope.opened.sender_qualifier.strip()}/{envelope.opened.sender.strip()}"


def _receiver(envelope: Envelope) -> str:
    """The qualifier and id that an interchange was sent to."""
    return f"{envelope.opened.receiver_qualifier.strip()}/{envelope.opened.receiver.strip()}"


def _numbers(envelope: Envelope, ordinal: int, *, direction: str = "in") -> list[SetNumbers]:
    """What an interchange holds, by its numbers."""
    found: list[SetNumbers] = []
    for place, entry in envelope.entries:
        if isinstance(entry, x12.TransactionSet):
            group = entry.group
            found.append(
                SetNumbers(
                    place,
                    group.functional_id if group else "",
                    ack.plain_number(group.control_number) if group else "",
                    entry.set_id,
                    entry.control_number,
                    group.version if group else "",
                    application=_application(group, direction),
                )
            )
        else:
            found.append(SetNumbers(place, "", "", "TA1", "", ""))
    return found or [SetNumbers(ordinal, "", "", "TA1", "", "")]


def _application(group: x12.Group | None, direction: str) -> str:
    """The partner's code in a group."""
    if group is None:
        return ""
    return group.sender if direction == "in" else group.receiver


def _copy(
    raw: Opened,
    registry: Registry,
    envelope: Envelope,
    partner: Partner,
    found: Found,
    ordinal: int,
) -> Iterator[PartResult]:
    """A copy of what we sent to a partner by another way: its facts are stated, and it is never answered."""
    opened = envelope.opened
    stopped = _not_real(opened, partner, "we sent this to")
    for place, _, entry in envelope.whole():
        set_id = entry.set_id if isinstance(entry, x12.TransactionSet) else "TA1"
        if stopped is not None:
            yield _aside(raw.message, entry, place, partner, stopped)
        elif set_id in ack.ACKNOWLEDGEMENTS:
            # what we acknowledged to them is theirs to read, and states nothing to us
            yield PartResult(
                ordinal=place,
                label=f"{set_id} {entry.control_number}",
                offset=entry.offset,
                length=entry.length,
                state=PartState.PROCESSED,
                partner=partner.name,
            )
        elif errors := _errors(entry.findings):
            problem = replace(of_finding(errors[0], "EDI.SYNTAX"), remedy=OURS)
            yield _aside(raw.message, entry, place, partner, problem)
        else:
            yield _mapped(raw, registry, entry, set_id, place, partner, direction="out")
    if stopped is None:
        found.exchanged.append(
            Exchanged(
                partner=partner.name,
                identity=_receiver(envelope),
                direction="out",
                number=opened.control_number,
                sha256=envelope.sha256,
                sets=_numbers(envelope, ordinal, direction="out"),
            )
        )


def _mapped(
    raw: Opened,
    registry: Registry,
    entry: x12.TransactionSet | x12.Acknowledgement,
    set_id: str,
    ordinal: int,
    partner: Partner,
    *,
    direction: str = "in",
) -> PartResult:
    """Map one set or TA1 that nothing is wrong with."""
    mapping = registry.inbound(f"x12/{set_id}")
    if mapping is None:
        error = unsupported(f"x12/{set_id}")
        place = Place(byte=entry.offset)
        problem = _problem(error.code, "Unreadable", str(error), error.remedy, place, error.blocked_by)
        return _aside(raw.message, entry, ordinal, partner, problem)
    said = without_no_dates(entry, raw.message.body) if isinstance(entry, x12.TransactionSet) else entry
    return map_part(
        raw,
        mapping,
        said,
        ordinal=ordinal,
        label=f"{set_id} {entry.control_number}",
        partner=partner,
        offset=entry.offset,
        length=entry.length,
        direction=direction,
    )


def _aside(
    message: RawMessage,
    entry: x12.TransactionSet | x12.Acknowledgement,
    ordinal: int,
    partner: Partner | None,
    problem: Problem,
    state: PartState = PartState.DEAD_LETTERED,
) -> PartResult:
    set_id = entry.set_id if isinstance(entry, x12.TransactionSet) else "TA1"
    return set_aside(
        message,
        ordinal=ordinal,
        label=f"{set_id} {entry.control_number}",
        problem=problem,
        state=state,
        partner=partner.name if partner else None,
        offset=entry.offset,
        length=entry.length,
    )


_BEFORE = {
    "interchange": "interchange {number}",
    "group": "group {functional_id} {number}",
    "set": "{set_id} {number} of a group {functional_id} of this number",
}


def _came_twice(
    twice: CameTwice, entry: x12.TransactionSet | x12.Acknowledgement, partner: Partner
) -> Problem:
    """Why a set is refused whose control number came before."""
    what = _BEFORE[twice.level].format(
        number=twice.number, functional_id=twice.functional_id, set_id=twice.set_id
    )
    bytes_ = "the same bytes" if twice.same_bytes else "other bytes"
    before = twice.before
    remedy = (
        "Nothing is lost: discard this."
        if twice.same_bytes
        else f"Ask {partner.title} whether it is new. If so it sends it with a new number; or write "
        f'duplicates.{twice.level}.then = "flag" into the profile, then replay.'
    )
    return _problem(
        "EDI.DUPLICATE_CONTROL",
        "Unreadable",
        f"{what} of {partner.name} came before, in interchange {before.interchange_number} at "
        f"{before.at:%Y-%m-%d %H:%M} (raw message {before.raw_id}), with {bytes_}",
        remedy,
        Place(byte=entry.offset),
    )


def _empty(message: RawMessage, envelope: Envelope, ordinal: int) -> PartResult:
    """An interchange without a set: good when it is whole, for then it says nothing; otherwise set aside."""
    label = f"interchange {envelope.opened.control_number}"
    errors = envelope.errors + [error for end in envelope.ends for error in _errors(end.findings)]
    if errors:
        problem = replace(of_finding(errors[0], "EDI.INTERCHANGE_REJECTED"), remedy=MISSING)
        return set_aside(
            message,
            ordinal=ordinal,
            label=label,
            problem=problem,
            offset=envelope.opened.offset,
            length=envelope.opened.length,
        )
    return PartResult(
        ordinal=ordinal,
        label=label,
        offset=envelope.opened.offset,
        length=envelope.opened.length,
        state=PartState.PROCESSED,
    )


def _hollow(envelope: Envelope) -> list[x12.GroupEnd]:
    """Groups that hold nothing and say otherwise, beside others that hold something."""
    if not envelope.entries:
        return []
    filled = {id(entry.group) for _, entry in envelope.entries if isinstance(entry, x12.TransactionSet)}
    return [end for end in envelope.ends if id(end.group) not in filled and _group_errors(end)]


def _group_errors(end: x12.GroupEnd) -> list[x12.Finding]:
    return _errors(end.findings) + _errors(end.group.findings)


def _without_its_sets(message: RawMessage, end: x12.GroupEnd, ordinal: int, more: int) -> PartResult:
    """A group whose sets are not there: it stands for them, so that a person sees that they are missing. ``more``:
    for so many groups behind it too."""
    label = f"group {end.group.functional_id} {end.group.control_number}"
    return set_aside(
        message,
        ordinal=ordinal,
        label=f"{label} and {more} more" if more else label,
        problem=replace(of_finding(_group_errors(end)[0], "EDI.GROUP_REJECTED"), remedy=MISSING),
        offset=end.group.offset,
        length=end.group.length,
    )


def _too_many(message: RawMessage, opened: x12.Interchange, ordinal: int) -> PartResult:
    sentence = (
        f"{message.name or message.key}, byte {opened.offset}: more than {MOST_INTERCHANGES} interchanges in one "
        "message; this one and what follows are not read"
    )
    place = Place(byte=opened.offset, segment=opened.ordinal, segment_id="ISA")
    return set_aside(
        message,
        ordinal=ordinal,
        label="the rest",
        problem=_problem("EDI.SYNTAX", "Unreadable", sentence, "Ask the sender for smaller files.", place),
        offset=opened.offset,
        length=len(message.body) - opened.offset,
    )


def _stray(message: RawMessage, finding: x12.Finding, ordinal: int) -> PartResult:
    """Bytes that belong to no interchange, or an input that holds none."""
    sentence = (
        f"{message.name or message.key}, byte {finding.offset}: {hide_quoted_security(finding.message)}"
    )
    problem = _problem(
        "EDI.SYNTAX",
        "Unreadable",
        sentence,
        "Ask the sender for a correct file; discard this, or replay it once the reader can read it.",
        _place(finding),
    )
    return set_aside(
        message,
        ordinal=ordinal,
        label=str(finding.code),
        problem=problem,
        offset=finding.offset,
        length=finding.length,
    )


def _misdirected(opened: x12.Interchange, partner: Partner | None) -> Problem | None:
    """Why we may not act on this interchange at all, if so."""
    sender = f"{opened.sender_qualifier}/{opened.sender}"
    place = Place(byte=opened.offset, segment=opened.ordinal, segment_id="ISA")
    if partner is None:
        return _problem(
            "EDI.UNKNOWN_PARTNER",
            "Unreadable",
            f"nobody is known who sends as {sender}",
            f'Add a profile with ids = [["{opened.sender_qualifier}", "{opened.sender}"]] to mappings/partners or to '
            "the folder of CROSSDOCK_PARTNERS_DIR; what waits for it runs again by itself.",
            place,
            blocked.partner(opened.sender_qualifier, opened.sender),
        )
    receiver = (opened.receiver_qualifier, opened.receiver)
    if receiver != partner.ours:
        return _problem(
            "EDI.UNKNOWN_PARTNER",
            "Unreadable",
            f"{sender} addressed this to {'/'.join(receiver)}, and to {partner.name} we are {'/'.join(partner.ours)}",
            "Ask the sender, or correct `ours` in the partner's profile, then replay.",
            place,
        )
    return _not_real(opened, partner, "this came from")


def _not_real(opened: x12.Interchange, partner: Partner, what: str) -> Problem | None:
    """Why an interchange is a test where real ones are expected, if it is."""
    if opened.usage == partner.usage:
        return None
    return _problem(
        "EDI.TEST_IN_PROD",
        "Unreadable",
        f"{what} {partner.name} with ISA15 {opened.usage}, and {partner.usage} is what is real here",
        "Discard it if it is a test; or correct `usage` in the partner's profile, then replay.",
        Place(byte=opened.offset, segment=opened.ordinal, segment_id="ISA"),
    )


def _place(finding: x12.Finding) -> Place:
    return Place(byte=finding.offset, segment=finding.segment, segment_id=finding.segment_id or None)


def _problem(
    code: str, error_class: str, sentence: str, remedy: str, place: Place, blocked_by: str = ""
) -> Problem:
    return Problem(
        stage=Stage.NORMALIZE,
        code=code,
        error_class=error_class,
        sentence=sentence,
        remedy=remedy,
        place=place,
        blocked_by=blocked_by,
    )
