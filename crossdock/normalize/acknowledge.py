"""What a partner is told about its interchange: which sets we take, which we refuse, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from crossdock.errors import CrossdockError, Place
from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12 import guides
from crossdock.formats.x12.overlay import Overlay
from crossdock.formats.x12.problems import SEGMENTS_IN_ERROR, SegmentProblem, refused
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.security import hide_quoted_security, without_security
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, number_after, write_interchange
from crossdock.mapping import Body
from crossdock.messages import Problem, Stage
from crossdock.normalize.values import AcknowledgementWanted, CameTwice, SetNumbers, unsupported
from crossdock.partners import Partner

MEDIA_TYPE: Final = "application/edi-x12"
_TOLD: Final = "The sender was told and sends a correct one; then discard this."
_UNTOLD: Final = "Nobody was told: {why}. Ask {title} for a correct one, then discard this."
_IF_RIGHT: Final = "Replay it only if the sender was right."
ANSWERS: Final = "answers"
"""The header of a write-back that says which interchanges of the message it answers: ``0-2,5``."""

_SEPARATORS: Final = "^!|`"
"""What repetitions are separated by where a partner's profile says nothing and its release needs something."""


class Disagreement(CrossdockError):
    """Our own acknowledgement reads differently in the second reader: it does not leave."""


@dataclass(slots=True)
class Answer:
    """The verdicts on the sets of one interchange, while they are made."""

    verdicts: dict[int, ack.SetVerdict] = field(default_factory=dict)

    def refuse(self, entry: x12.TransactionSet, codes: Sequence[str] = ()) -> None:
        """Refused for its group's or its interchange's sake, or with these AK5 codes."""
        self.verdicts[id(entry)] = ack.SetVerdict(of=entry, accepted=False, codes=codes)

    def keep(self, entry: x12.TransactionSet, kept: x12.TransactionSet) -> ack.SetVerdict:
        """The verdict on a set. Where the set itself is not kept, the verdict moves to ``kept`` (the same without its
        segments), with those segments that telling it needs."""
        if kept is entry:
            return self.verdicts[id(entry)]
        verdict = self.verdicts.pop(id(entry))
        verdict = replace(verdict, of=ack.quoted(entry, verdict.problems) if verdict.problems else kept)
        self.verdicts[id(kept)] = verdict
        return verdict

    def judge(self, entry: x12.TransactionSet, *, partner: Partner | None, mapped: bool) -> Problem | None:
        """Accept or refuse one set by its form, by what is agreed, by its guide. The problem, if it is refused."""
        codes = ack.error_codes(entry.findings, x12.Level.AK5)
        errors = [finding for finding in entry.findings if finding.severity is x12.Severity.ERROR]
        place = Place(byte=entry.offset, segment=entry.first_ordinal)
        if errors:
            self.refuse(entry, codes or [SEGMENTS_IN_ERROR])
            return of_finding(errors[0], "EDI.TRANSACTION_REJECTED")
        if partner is not None and not partner.may_send(entry.set_id):
            self.refuse(entry, [ack.NOT_SUPPORTED])
            return _not_agreed(entry.set_id, partner, place)
        if not mapped:
            self.refuse(entry, [ack.NOT_SUPPORTED])
            error = unsupported(f"x12/{entry.set_id}")
            return _problem(error.code, str(error), error.remedy, place, error.blocked_by)
        misplaced = _misplaced(entry, partner)
        if misplaced is not None and partner is not None and partner.other_group == "reject":
            self.refuse(entry, [misplaced.ack_code])
            return _not_in_group(misplaced, partner)
        overlay = _overlay(partner, entry.set_id)
        problems = guides.check(entry, overlay)
        if problems and (shown := without_security(entry)) is not entry:
            # the answer quotes bad values: a password that an ISA in the set may hold is none of them
            problems = guides.check(shown, overlay)
        accepted = not refused(problems)
        codes = [misplaced.ack_code] if misplaced is not None else []
        self.verdicts[id(entry)] = ack.SetVerdict(of=entry, accepted=accepted, problems=problems, codes=codes)
        return None if accepted else _of_guide(entry, problems)


def _misplaced(entry: x12.TransactionSet, partner: Partner | None) -> x12.Finding | None:
    """That a set stands in a group of another kind, where the profile lets anybody look. Of acknowledgements nothing
    is told: they are never acknowledged."""
    if entry.set_id in ack.ACKNOWLEDGEMENTS or (partner is not None and partner.other_group == "ignore"):
        return None
    return guides.misplaced(entry)


def _not_in_group(misplaced: x12.Finding, partner: Partner) -> Problem:
    problem = of_finding(misplaced, "EDI.TRANSACTION_REJECTED")
    remedy = (
        f'If {partner.title} always sends it so, write other_group = "flag" into its profile, then replay.'
    )
    return replace(problem, remedy=remedy)


def with_word_of(problem: Problem, partner: Partner, untold: str) -> Problem:
    """The problem with a remedy that says whether its sender knows. ``untold``: why not; empty: it was told."""
    if not problem.theirs:
        return problem
    if untold:
        said = [_UNTOLD.format(why=untold, title=partner.title), problem.remedy]
    else:
        said = [_TOLD, problem.remedy or _IF_RIGHT]
    return replace(problem, remedy=" ".join(filter(None, said)))


def _not_agreed(set_id: str, partner: Partner, place: Place) -> Problem:
    return _problem(
        "EDI.UNSUPPORTED_SET",
        f"it is not agreed that {partner.name} sends us a {set_id}",
        f'Add "{set_id}" to `sets` in the profile of {partner.name}, then replay; or ask {partner.title} why it '
        "comes.",
        place,
    )


_OVERLAYS: dict[int, tuple[Mapping[str, Any], Overlay]] = {}
"""What partners ask beyond the guides, read once: by the identity of the profile's table, which is kept beside it."""


def _overlay(partner: Partner | None, set_id: str) -> Overlay | None:
    said = partner.overlay.get(set_id) if partner is not None else None
    if not said:
        return None
    known = _OVERLAYS.get(id(said))
    if known is None or known[0] is not said:
        known = _OVERLAYS[id(said)] = (said, Overlay.of(said))
    return known[1]


def of_finding(finding: x12.Finding, code: str) -> Problem:
    """A finding of the reader as the reason why something was refused."""
    return _problem(
        code,
        f"byte {finding.offset}: {hide_quoted_security(finding.message)}",
        "",
        Place(byte=finding.offset, segment=finding.segment, segment_id=finding.segment_id or None),
        theirs=True,
    )


def _of_guide(entry: x12.TransactionSet, problems: Sequence[SegmentProblem]) -> Problem:
    """The first problem of a set's content, and how many more there are."""
    first = problems[0]
    bad = first.elements[0] if first.elements else None
    known = first.position <= len(entry.segments)
    place = Place(
        byte=entry.offset_of(first.position) if known else entry.offset + entry.length,
        segment=entry.first_ordinal + first.position - 1,
        segment_id=first.segment_id,
        element=bad.element if bad else None,
        component=bad.component if bad else None,
    )
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    sentence = f"{entry.set_id} {entry.control_number}: {guides.say(first)}{more}"
    return _problem("EDI.TRANSACTION_REJECTED", sentence, "", place, theirs=True)


def _problem(
    code: str, sentence: str, remedy: str, place: Place, blocked_by: str = "", *, theirs: bool = False
) -> Problem:
    return Problem(
        stage=Stage.NORMALIZE,
        code=code,
        error_class="Unreadable",
        sentence=sentence,
        remedy=remedy,
        place=place,
        blocked_by=blocked_by,
        theirs=theirs,
    )


# -- the answer, before its control numbers are known -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is told about one interchange: its groups, each in a 997 or a 999, and the interchange itself by a TA1."""

    opened: x12.Interchange
    groups: Sequence[tuple[str, ack.GroupVerdict]]
    errors: Sequence[x12.Finding]
    codes: Sequence[str]
    noted: str
    tell_interchange: bool

    @property
    def address(self) -> tuple[str, str, str, str]:
        """From whom to whom the answer goes."""
        opened = self.opened
        return opened.receiver_qualifier, opened.receiver, opened.sender_qualifier, opened.sender

    def text(self) -> str:
        """What it tells, for a person."""
        words = []
        if self.tell_interchange:
            wrong = self.errors or self.codes
            words.append(f"TA1 {'R' if wrong else 'E' if self.noted else 'A'}")
        for _, verdict in self.groups:
            sets = ", ".join(
                f"{one.of.set_id} {one.of.control_number} {one.word}" for one in verdict.sets[:10]
            )
            more = f", and {len(verdict.sets) - 10} more" if len(verdict.sets) > 10 else ""
            words.append(f"group {verdict.group.control_number} {verdict.word} ({sets}{more})")
        return "; ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutGroup:
    """One group of the answer: acknowledgements that go under the same ids and in the same release."""

    sender: str
    receiver: str
    kind: str
    version: str
    verdicts: Sequence[ack.GroupVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acknowledgement:
    """An answer with everything but its control numbers."""

    partner: Partner
    told: Sequence[_Told]
    interchanges: tuple[int, ...]

    @property
    def operation(self) -> str:
        """997, 999 where all of it is of that kind, or TA1 where it answers interchanges alone."""
        kinds = {kind for one in self.told for kind, _ in one.groups}
        return "TA1" if not kinds else "999" if kinds == {"999"} else "997"

    @property
    def groups(self) -> Sequence[_OutGroup]:
        """The groups that it has, in the order of what they answer."""
        found: dict[tuple[str, str, str, str], list[ack.GroupVerdict]] = {}
        for one in self.told:
            for kind, verdict in one.groups:
                found.setdefault((*self._group_ids(verdict.group), kind, self._version(kind)), []).append(
                    verdict
                )
        return [
            _OutGroup(sender=sender, receiver=receiver, kind=kind, version=version, verdicts=verdicts)
            for (sender, receiver, kind, version), verdicts in found.items()
        ]

    def numbers(self, *, group_number: int, first_set_number: int) -> Sequence[SetNumbers]:
        """What is in it, by its numbers."""
        found: list[SetNumbers] = []
        for place, group in enumerate(self.groups):
            for _ in group.verdicts:
                number = f"{number_after(first_set_number, len(found)):04}"
                found.append(
                    SetNumbers(
                        part=len(found),
                        functional_id=ack.FUNCTIONAL_ACKNOWLEDGEMENTS,
                        group_number=str(number_after(group_number, place)),
                        set_id=group.kind,
                        set_number=number,
                        release=group.version,
                    )
                )
        if not found:
            found.append(SetNumbers(0, "", "", "TA1", "", ""))
        return found

    def __call__(
        self, *, interchange_number: int, group_number: int, first_set_number: int, now: datetime
    ) -> Body:
        partner = self.partner
        groups = self.groups
        release = max((group.version for group in groups), default=partner.release)[:5]
        delimiters = delimiters_for(partner, release)
        at = now.astimezone(ZoneInfo(partner.timezone))
        sender, receiver = self._parties(delimiters)
        body = write_interchange(
            sender=sender,
            receiver=receiver,
            control_number=interchange_number,
            at=at,
            usage=partner.usage,
            release=release,
            groups=list(self._written(groups, group_number, first_set_number, delimiters)),
            service_segments=[
                ack.interchange_acknowledgement(
                    one.opened, one.errors, at=at, codes=one.codes, noted=one.noted
                )
                for one in self.told
                if one.tell_interchange
            ],
            delimiters=delimiters,
        )
        first = self.told[0].opened.control_number
        found = differences(body)
        if found:
            raise Disagreement(f"the acknowledgement of interchange {first}: {found[0]}")
        more = f"+{len(self.told) - 1}" if len(self.told) > 1 else ""
        return Body(
            body=body,
            media_type=MEDIA_TYPE,
            subject=f"interchange/{first}{more}",
            headers={
                "filename": f"{self.operation}_{partner.name}_{interchange_number:09}.edi",
                ANSWERS: runs(self.interchanges),
            },
        )

    def _written(
        self, groups: Sequence[_OutGroup], group_number: int, set_number: int, delimiters: x12.Delimiters
    ) -> Iterator[OutgoingGroup]:
        for place, group in enumerate(groups):
            sets = []
            for verdict in group.verdicts:
                say = (
                    ack.implementation_acknowledgement
                    if group.kind == "999"
                    else ack.functional_acknowledgement
                )
                sets.append(
                    OutgoingSet(
                        set_id=group.kind,
                        control_number=f"{set_number:04}",
                        convention=group.version if "X" in group.version else "",
                        segments=say(verdict, lists=self.partner.lists_accepted, delimiters=delimiters),
                    )
                )
                set_number = number_after(set_number)
            yield OutgoingGroup(
                functional_id=ack.FUNCTIONAL_ACKNOWLEDGEMENTS,
                sender=group.sender,
                receiver=group.receiver,
                control_number=str(number_after(group_number, place)),
                version=group.version,
                sets=sets,
            )

    def _version(self, kind: str) -> str:
        """GS08: the partner's release; of a 999 of 005010 the convention that everybody knows it by."""
        release = self.partner.release_for(kind)
        return ack.IMPLEMENTATION_999 if kind == "999" and release == "005010" else release

    def _group_ids(self, group: x12.Group) -> tuple[str, str]:
        """GS02 and GS03: those of the group that is answered, turned round. What no GS can hold is the profile's."""
        delimiters = delimiters_for(self.partner, "00501")
        ours = group.receiver if _fits(group.receiver, 2, delimiters) else self.partner.group_id_of_ours
        theirs = group.sender if _fits(group.sender, 2, delimiters) else self.partner.group_id
        return ours, theirs

    def _parties(self, delimiters: x12.Delimiters) -> tuple[Party, Party]:
        """ISA05 to ISA08: those of the interchange that is answered, turned round; else the profile's."""
        our_qualifier, ours, their_qualifier, theirs = self.told[0].address
        sender, receiver = self.partner.ours, self.partner.ids[0]
        if len(our_qualifier) == 2 and _fits(our_qualifier, 2, delimiters) and _fits(ours, 1, delimiters):
            sender = our_qualifier, ours
        if (
            len(their_qualifier) == 2
            and _fits(their_qualifier, 2, delimiters)
            and _fits(theirs, 1, delimiters)
        ):
            receiver = their_qualifier, theirs
        return Party(qualifier=sender[0], id=sender[1]), Party(qualifier=receiver[0], id=receiver[1])


def _fits(text: str, shortest: int, delimiters: x12.Delimiters) -> bool:
    """Whether it may be written as an id of an ISA or a GS."""
    return shortest <= len(text.strip()) and len(text) <= 15 and ack.sayable(text, delimiters) == text != ""


def delimiters_for(partner: Partner, release: str) -> x12.Delimiters:
    """The partner's delimiters in this release. Repetitions have a separator from 00402 on, and had none before."""
    repetition = ""
    if release >= "00402":
        repetition = partner.repetition
        if repetition == "U":
            taken = {partner.element, partner.component, partner.segment}
            repetition = next(one for one in _SEPARATORS if one not in taken)
    return x12.Delimiters(
        element=partner.element, component=partner.component, segment=partner.segment, repetition=repetition
    )


def wanted(
    opened: x12.Interchange,
    ends: Sequence[x12.GroupEnd],
    errors: Sequence[x12.Finding],
    answer: Answer,
    sets: Mapping[int, Sequence[x12.TransactionSet]],
    *,
    partner: Partner,
    number: int,
    acknowledges: bool = False,
    twice: Mapping[int, CameTwice] | None = None,
    refused_as_twice: bool = False,
    outside: Sequence[x12.Finding] = (),
) -> AcknowledgementWanted | None:
    """The answer that a partner is owed for an interchange, if it is owed one.

    ``sets`` are the sets of each group, by the group's identity; ``twice`` the groups whose number is refused because
    it came before. ``refused_as_twice``: the whole interchange came before and is refused by a TA1 alone, for a 997
    would be taken as the answer to the first. ``acknowledges``: it holds a TA1 between ISA and GS. ``outside``: what
    is wrong with sets that stand in no group, of which no 997 can speak.
    """
    if not partner.acknowledge_target:
        return None
    again = twice or {}
    groups: list[tuple[str, ack.GroupVerdict]] = []
    unnamed = False
    for end in () if refused_as_twice else ends:
        entries = sets.get(id(end.group), ())
        if _acknowledges(end.group, [entry.set_id for entry in entries]):
            continue
        codes = ack.error_codes([*end.group.findings, *end.findings], x12.Level.AK9)
        if id(end.group) in again:
            codes.append(ack.GROUP_NUMBER_TWICE)
        verdict = ack.GroupVerdict(
            group=end.group,
            end=end,
            sets=[answer.verdicts[id(entry)] for entry in entries],
            codes=codes,
        )
        kind = _kind(verdict, partner)
        if kind == "none":
            continue
        if not verdict.can_be_named:
            unnamed = True
        elif verdict.word != "A" or _tells_acceptance(verdict, partner):
            groups.append((kind, verdict))
    codes = [ack.DUPLICATE_INTERCHANGE] if refused_as_twice else []
    tell_interchange = _tells_interchange(
        opened, ends, partner, wrong=bool(errors or codes or unnamed or outside), acknowledges=acknowledges
    )
    noted = ack.INVALID_CONTENT if unnamed else outside[0].ack_code if outside else _borne(opened)
    if not groups and not tell_interchange:
        return None
    told = _Told(
        opened=opened,
        groups=groups,
        errors=errors if tell_interchange else (),
        codes=codes,
        noted=noted,
        tell_interchange=tell_interchange,
    )
    return _answer([told], partner, (number,))


def _borne(opened: x12.Interchange) -> str:
    """The note of what is wrong in its ISA and was borne: told where a TA1 goes along, and no reason for one."""
    borne = (one for one in opened.findings if one.level is x12.Level.TA1)
    return next((one.ack_code for one in borne if one.severity is x12.Severity.WARNING), "")


def _acknowledges(group: x12.Group, set_ids: Sequence[str]) -> bool:
    """Whether a group holds acknowledgements alone, which nobody acknowledges."""
    return group.functional_id == ack.FUNCTIONAL_ACKNOWLEDGEMENTS and all(
        set_id in ack.ACKNOWLEDGEMENTS for set_id in set_ids
    )


def _kind(verdict: ack.GroupVerdict, partner: Partner) -> str:
    """997, 999 or none: as the profile says of the sets in the group, the first that is answered at all."""
    return _kind_of([one.of.set_id for one in verdict.sets], partner)


def _kind_of(set_ids: Sequence[str], partner: Partner) -> str:
    kinds = [partner.acknowledgement_of(set_id) for set_id in set_ids]
    return next((kind for kind in kinds if kind != "none"), "none") if kinds else partner.acknowledge


def untold(group: x12.Group | None, set_ids: Sequence[str], partner: Partner) -> str:
    """Why no 997 or 999 says that something of a group was refused; empty where one does. ``set_ids``: all in
    the group; no group: it stands outside of any."""
    if not partner.acknowledge_target:
        return f"nothing is acknowledged to {partner.title}"
    if group is None:
        return "it stands in no group that could be answered"
    if _acknowledges(group, set_ids):
        return "an acknowledgement is never acknowledged"
    if _kind_of(set_ids, partner) == "none":
        return f"{partner.title} wants no acknowledgement of it"
    return ""


def _tells_acceptance(verdict: ack.GroupVerdict, partner: Partner) -> bool:
    if not verdict.sets:
        return partner.acknowledge_accepted
    return any(partner.lists_accepted(one.of.set_id) for one in verdict.sets)


def _tells_interchange(
    opened: x12.Interchange,
    ends: Sequence[x12.GroupEnd],
    partner: Partner,
    *,
    wrong: bool,
    acknowledges: bool,
) -> bool:
    """Whether a TA1 goes along. What holds acknowledgements alone is never acknowledged; that it is broken is told,
    unless it is itself a TA1: two systems would answer each other for ever."""
    if partner.ta1 == "never" or (acknowledges and not ends):
        return False
    if wrong:
        return True
    if ends and all(end.group.functional_id == ack.FUNCTIONAL_ACKNOWLEDGEMENTS for end in ends):
        return False
    return partner.ta1 == "always" or (partner.ta1 == "requested" and opened.ack_requested)


def _answer(told: Sequence[_Told], partner: Partner, interchanges: tuple[int, ...]) -> AcknowledgementWanted:
    write = _Acknowledgement(partner=partner, told=told, interchanges=interchanges)
    groups = write.groups
    return AcknowledgementWanted(
        interchanges=interchanges,
        partner=partner.name,
        target=partner.acknowledge_target,
        operation=write.operation,
        groups=len(groups),
        sets=sum(len(group.verdicts) for group in groups),
        text="; ".join(one.text() for one in told[:20])
        + (f"; and {len(told) - 20} more" if len(told) > 20 else ""),
        write=write,
    )


def put_together(answers: Sequence[AcknowledgementWanted]) -> list[AcknowledgementWanted]:
    """The same answers in as few interchanges as possible: one for each partner and pair of addresses. A thousand bad
    interchanges in one file are answered by one interchange with a thousand TA1."""
    found: dict[Any, list[AcknowledgementWanted]] = {}
    for one in answers:
        assert isinstance(one.write, _Acknowledgement)
        found.setdefault((one.partner, one.target, one.write.told[0].address), []).append(one)
    return [alike[0] if len(alike) == 1 else _together(alike) for alike in found.values()]


def _together(alike: Sequence[AcknowledgementWanted]) -> AcknowledgementWanted:
    writers = [one.write for one in alike if isinstance(one.write, _Acknowledgement)]
    whole = _answer(
        [told for writer in writers for told in writer.told],
        writers[0].partner,
        tuple(number for one in alike for number in one.interchanges),
    )
    return replace(whole, of=tuple(alike))


# -- which interchanges an answer answers ---------------------------------------------------------------------------


def runs(numbers: Sequence[int]) -> str:
    """Numbers in order, as ``0-2,5``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)


def of_runs(text: str) -> Iterator[int]:
    """The numbers of ``0-2,5``."""
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)
