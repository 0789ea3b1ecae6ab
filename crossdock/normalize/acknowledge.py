"""What a partner is told about its interchange: which sets we take, which we refuse, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from crossdock.errors import CrossdockError, Place
from crossdock.formats import x12
from crossdock.formats.x12 import acknowledge as ack
from crossdock.formats.x12 import guides
from crossdock.formats.x12.problems import SegmentProblem
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, write_interchange
from crossdock.messages import Problem, Stage
from crossdock.normalize.values import AcknowledgementWanted, unsupported
from crossdock.partners import Partner
from crossdock.registry import Body

OPERATION = "997"
MEDIA_TYPE = "application/edi-x12"
TOLD = "The sender was told; it sends a correct one. Replay this one only if the sender was right."


class Disagreement(CrossdockError):
    """Our own acknowledgement reads differently in the second reader: it does not leave."""


@dataclass(slots=True)
class Answer:
    """The verdicts on the sets of one interchange, while they are made."""

    verdicts: dict[int, ack.SetVerdict] = field(default_factory=dict)

    def refuse(self, entry: x12.TransactionSet) -> None:
        """Refused for its group's or its interchange's sake: the set itself is told nothing more."""
        self.verdicts[id(entry)] = ack.SetVerdict(of=entry, accepted=False)

    def judge(self, entry: x12.TransactionSet, *, mapped: bool) -> Problem | None:
        """Accept or refuse one set by its form and its guide. The problem, when it is refused."""
        codes = ack.error_codes(entry.findings, x12.Level.AK5)
        errors = [finding for finding in entry.findings if finding.severity is x12.Severity.ERROR]
        if errors:
            self.verdicts[id(entry)] = ack.SetVerdict(
                of=entry, accepted=False, codes=codes or [ack.ONE_OR_MORE_SEGMENTS]
            )
            return of_finding(errors[0], "EDI.TRANSACTION_REJECTED")
        if not mapped:
            self.verdicts[id(entry)] = ack.SetVerdict(of=entry, accepted=False, codes=[ack.NOT_SUPPORTED])
            error = unsupported(f"x12/{entry.set_id}")
            return _problem(
                error.code, str(error), error.remedy, Place(byte=entry.offset, segment=entry.first_ordinal)
            )
        problems = guides.check(entry)
        self.verdicts[id(entry)] = ack.SetVerdict(of=entry, accepted=not problems, problems=problems)
        return _of_guide(entry, problems) if problems else None


def of_finding(finding: x12.Finding, code: str) -> Problem:
    """A finding of the reader as the reason why something was refused."""
    return _problem(
        code,
        f"byte {finding.offset}: {finding.message}",
        TOLD,
        Place(byte=finding.offset, segment=finding.segment, segment_id=finding.segment_id or None),
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
    return _problem("EDI.TRANSACTION_REJECTED", sentence, TOLD, place)


def _problem(code: str, sentence: str, remedy: str, place: Place) -> Problem:
    return Problem(
        stage=Stage.NORMALIZE,
        code=code,
        error_class="Unreadable",
        sentence=sentence,
        remedy=remedy,
        place=place,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acknowledgement:
    """An answer with everything but its control numbers."""

    opened: x12.Interchange
    errors: Sequence[x12.Finding]
    groups: Sequence[ack.GroupVerdict]
    partner: Partner
    tell_interchange: bool

    def __call__(
        self, *, interchange_number: int, group_number: int, first_set_number: int, now: datetime
    ) -> Body:
        partner = self.partner
        delimiters = x12.Delimiters(
            element=partner.element,
            component=partner.component,
            segment=partner.segment,
            repetition="" if partner.repetition == "U" else partner.repetition,
        )
        sets = [
            OutgoingSet(
                set_id="997",
                control_number=f"{first_set_number + index:04}",
                segments=ack.functional_acknowledgement(
                    verdict, tell_accepted=partner.acknowledge_accepted, delimiters=delimiters
                ),
            )
            for index, verdict in enumerate(self.groups)
        ]
        group = OutgoingGroup(
            functional_id=ack.FUNCTIONAL_ACKNOWLEDGEMENTS,
            sender=self.groups[0].group.receiver if self.groups else partner.ours[1],
            receiver=self.groups[0].group.sender if self.groups else self.opened.sender,
            control_number=str(group_number),
            version=partner.release,
            sets=sets,
        )
        body = write_interchange(
            sender=Party(qualifier=self.opened.receiver_qualifier, id=self.opened.receiver),
            receiver=Party(qualifier=self.opened.sender_qualifier, id=self.opened.sender),
            control_number=interchange_number,
            at=now.astimezone(ZoneInfo(partner.timezone)),
            usage=partner.usage,
            release=f"{partner.release[:5]}",
            groups=[group] if sets else [],
            service_segments=(
                [ack.interchange_acknowledgement(self.opened, self.errors)] if self.tell_interchange else []
            ),
            delimiters=delimiters,
        )
        found = differences(body)
        if found:
            raise Disagreement(f"the acknowledgement of interchange {self.opened.control_number}: {found[0]}")
        return Body(
            body=body,
            media_type=MEDIA_TYPE,
            subject=f"interchange/{self.opened.control_number}",
            headers={"filename": f"997_{partner.name}_{interchange_number:09}.edi"},
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
) -> AcknowledgementWanted | None:
    """The answer that a partner is owed for an interchange, if it is owed one.

    ``sets`` are the sets of each group, by the group's identity. A TA1 goes along when the sender asked for one
    (ISA14) or the interchange itself is wrong.
    """
    if partner.acknowledge == "none":
        return None
    groups = [
        ack.GroupVerdict(
            group=end.group,
            end=end,
            sets=[answer.verdicts[id(entry)] for entry in sets.get(id(end.group), ())],
            codes=ack.error_codes([*end.group.findings, *end.findings], x12.Level.AK9),
        )
        for end in ends
        if end.group.functional_id != ack.FUNCTIONAL_ACKNOWLEDGEMENTS
    ]
    if not partner.acknowledge_accepted:
        groups = [verdict for verdict in groups if verdict.word != "A"]
    only_acknowledgements = bool(ends) and all(
        end.group.functional_id == ack.FUNCTIONAL_ACKNOWLEDGEMENTS for end in ends
    )
    tell_interchange = bool(errors) or (opened.ack_requested and not only_acknowledgements)
    if not groups and not tell_interchange:
        return None
    return AcknowledgementWanted(
        interchange=number,
        partner=partner.name,
        target=partner.acknowledge_target,
        operation=OPERATION,
        sets=len(groups),
        text=_text(groups, errors if tell_interchange else (), tell_interchange),
        write=_Acknowledgement(
            opened=opened,
            errors=errors,
            groups=groups,
            partner=partner,
            tell_interchange=tell_interchange,
        ),
    )


def _text(groups: Sequence[ack.GroupVerdict], errors: Sequence[x12.Finding], ta1: bool) -> str:
    words = [f"TA1 {'R' if errors else 'A'}"] if ta1 else []
    for verdict in groups:
        sets = ", ".join(f"{one.of.set_id} {one.of.control_number} {one.word}" for one in verdict.sets[:10])
        more = f", and {len(verdict.sets) - 10} more" if len(verdict.sets) > 10 else ""
        words.append(f"group {verdict.group.control_number} {verdict.word} ({sets}{more})")
    return "; ".join(words)
