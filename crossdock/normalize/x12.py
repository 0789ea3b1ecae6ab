"""X12: parts are transaction sets, acknowledgements of interchanges (TA1), and bytes that belong to neither.

Parts are numbered by the bytes alone, in the order of the file. What is wrong with an interchange or a group
concerns every set in it, as a TA1 or an AK9 would say to the sender; what is wrong with a set concerns that set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crossdock.errors import Place
from crossdock.formats import x12
from crossdock.messages import PartState, Problem, RawMessage, Stage
from crossdock.normalize.acknowledge import Answer, of_finding, wanted
from crossdock.normalize.part import map_part
from crossdock.normalize.values import AcknowledgementWanted, Opened, PartResult, set_aside, unsupported
from crossdock.partners import Partner
from crossdock.registry import Registry

WORDS_OF_SOMEBODY = (x12.Code.TEXT_BEFORE_ISA, x12.Code.JUNK_AFTER_IEA)
"""Findings that are no error of an interchange and still hold somebody's words: they are set aside, not skipped."""


MOST_INTERCHANGES = 10_000
"""A file with more interchanges than this is no business document: what follows is one part, set aside."""


@dataclass(slots=True)
class Envelope:
    """One interchange with all that was read in it, before anything is judged."""

    opened: x12.Interchange
    number: int
    entries: list[tuple[int, x12.TransactionSet | x12.Acknowledgement]] = field(default_factory=list)
    ends: list[x12.GroupEnd] = field(default_factory=list)
    errors: list[x12.Finding] = field(default_factory=list)


def read_x12(
    raw: Opened,
    registry: Registry,
    partner_of: Callable[[str, str], Partner | None],
    acknowledgements: list[AcknowledgementWanted],
) -> Iterator[PartResult]:
    """The parts of an X12 message. Fills ``acknowledgements`` with what its senders are owed.

    ``partner_of``: who sends as this qualifier and id.
    """
    message = raw.message
    ordinal = 0
    envelope: Envelope | None = None
    count = 0
    for item in x12.read(message.body):
        match item:
            case x12.Interchange() if count == MOST_INTERCHANGES:
                yield _too_many(message, item, ordinal)
                return
            case x12.Interchange():
                envelope = Envelope(opened=item, number=count)
                count += 1
                envelope.errors += _errors(item.findings)
            case x12.TransactionSet() | x12.Acknowledgement():
                assert envelope is not None, "the reader opens an interchange before what is in it"
                envelope.entries.append((ordinal, item))
                ordinal += 1
            case x12.GroupEnd():
                assert envelope is not None
                envelope.ends.append(item)
            case x12.InterchangeEnd():
                assert envelope is not None
                envelope.errors += _errors(item.findings)
                if not envelope.entries:
                    yield _empty(message, envelope, ordinal)
                    ordinal += 1
                opened = envelope.opened
                partner = partner_of(opened.sender_qualifier, opened.sender)
                yield from _parts(raw, registry, envelope, partner, acknowledgements)
                envelope = None
            case x12.Finding():
                if envelope is not None and item.level is x12.Level.TA1:
                    envelope.errors += _errors((item,))
                elif item.severity is x12.Severity.ERROR or item.code in WORDS_OF_SOMEBODY:
                    yield _stray(message, item, ordinal)
                    ordinal += 1
            case x12.Group():
                pass
    if ordinal == 0:
        nothing = x12.Finding(code=x12.Code.EMPTY_INPUT, message="There is nothing to read in it.", offset=0)
        yield _stray(message, nothing, 0)


def _errors(findings: tuple[x12.Finding, ...]) -> list[x12.Finding]:
    return [finding for finding in findings if finding.severity is x12.Severity.ERROR]


def _parts(
    raw: Opened,
    registry: Registry,
    envelope: Envelope,
    partner: Partner | None,
    acknowledgements: list[AcknowledgementWanted],
) -> Iterator[PartResult]:
    """Judge what an interchange holds, map what is good, and note the answer that is owed."""
    message = raw.message
    opened = envelope.opened
    misdirected = _misdirected(opened, partner)
    answer = Answer()
    sets: dict[int, list[x12.TransactionSet]] = {}
    group_errors = {
        id(end.group): _errors(end.findings) + _errors(end.group.findings) for end in envelope.ends
    }
    for ordinal, entry in envelope.entries:
        if isinstance(entry, x12.Acknowledgement):
            yield _mapped(raw, registry, entry, "TA1", entry.control_number, ordinal, partner, misdirected)
            continue
        if misdirected is not None:
            yield _aside(message, entry, ordinal, partner, misdirected)
            continue
        sets.setdefault(id(entry.group), []).append(entry)
        above = [(error, "EDI.INTERCHANGE_REJECTED") for error in envelope.errors]
        above += [(error, "EDI.GROUP_REJECTED") for error in group_errors.get(id(entry.group), ())]
        if above:
            answer.refuse(entry)
            error, code = above[0]
            yield _aside(message, entry, ordinal, partner, of_finding(error, code), PartState.REJECTED)
            continue
        mapped = registry.inbound(f"x12/{entry.set_id}") is not None
        refused = answer.judge(entry, mapped=mapped)
        if refused is not None:
            yield _aside(message, entry, ordinal, partner, refused, PartState.REJECTED)
            continue
        yield _mapped(raw, registry, entry, entry.set_id, entry.control_number, ordinal, partner, None)
    if partner is not None and misdirected is None:
        acknowledgement = wanted(
            opened,
            envelope.ends,
            envelope.errors,
            answer,
            sets,
            partner=partner,
            number=envelope.number,
        )
        if acknowledgement is not None:
            acknowledgements.append(acknowledgement)


def _mapped(
    raw: Opened,
    registry: Registry,
    entry: x12.TransactionSet | x12.Acknowledgement,
    set_id: str,
    control_number: str,
    ordinal: int,
    partner: Partner | None,
    problem: Problem | None,
) -> PartResult:
    """Map one set or TA1 that nothing is wrong with."""
    mapping = registry.inbound(f"x12/{set_id}")
    if problem is None and mapping is None:
        error = unsupported(f"x12/{set_id}")
        problem = _problem(error.code, "Unreadable", str(error), error.remedy, Place(byte=entry.offset))
    if problem is not None or mapping is None:
        assert problem is not None
        return _aside(raw.message, entry, ordinal, partner, problem)
    return map_part(
        raw,
        mapping,
        entry,
        ordinal=ordinal,
        label=f"{set_id} {control_number}",
        partner=partner,
        offset=entry.offset,
        length=entry.length,
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


def _empty(message: RawMessage, envelope: Envelope, ordinal: int) -> PartResult:
    """An interchange without a set: good when it is whole, for then it says nothing; otherwise set aside."""
    label = f"interchange {envelope.opened.control_number}"
    errors = envelope.errors + [error for end in envelope.ends for error in _errors(end.findings)]
    if errors:
        problem = of_finding(errors[0], "EDI.INTERCHANGE_REJECTED")
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
    sentence = f"{message.name or message.key}, byte {finding.offset}: {finding.message}"
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
            "the folder of CROSSDOCK_PARTNERS_DIR, then replay.",
            place,
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
    if opened.usage != partner.usage:
        return _problem(
            "EDI.TEST_IN_PROD",
            "Unreadable",
            f"{partner.name} sent this with ISA15 {opened.usage}, and {partner.usage} is what is real here",
            "Discard it if it is a test; or correct `usage` in the partner's profile, then replay.",
            place,
        )
    return None


def _place(finding: x12.Finding) -> Place:
    return Place(byte=finding.offset, segment=finding.segment, segment_id=finding.segment_id or None)


def _problem(code: str, error_class: str, sentence: str, remedy: str, place: Place) -> Problem:
    return Problem(
        stage=Stage.NORMALIZE,
        code=code,
        error_class=error_class,
        sentence=sentence,
        remedy=remedy,
        place=place,
    )
