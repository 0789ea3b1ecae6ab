"""Acknowledgements as segments: of a group (997, 999) and of an interchange (TA1).

Source: X12 004010 set 997, segments AK1 to AK9; X12 005010 set 999 (X231), segments IK3, CTX, IK4, IK5; TA1. Sets are
accepted or refused one by one; a group's word follows from its sets and its envelope. Acknowledgements are never
acknowledged.

An acknowledgement quotes what somebody sent, and whatever that was, it must itself be right: what its own grammar
cannot hold is left out, or told one level higher.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from crossdock.formats.x12.findings import Finding, Level, Severity
from crossdock.formats.x12.items import Delimiters, Group, GroupEnd, Interchange, TransactionSet
from crossdock.formats.x12.problems import SEGMENTS_IN_ERROR, ElementProblem, SegmentProblem, ik5
from crossdock.formats.x12.write import PLAIN, Element

FUNCTIONAL_ACKNOWLEDGEMENTS: Final = "FA"
"""GS01 of the groups that hold acknowledgements."""

ACKNOWLEDGEMENTS: Final = ("997", "999", "TA1")
"""What acknowledges others, and is never acknowledged itself."""

CODES_AT_MOST: Final = 5
"""AK5, IK5 and AK9 have five places for error codes."""

NOT_SUPPORTED: Final = "1"
SET_IDENTIFIER_WRONG: Final = "6"
SET_NOT_IN_GROUP: Final = "18"
SET_NUMBER_TWICE: Final = "23"
"""AK502 and IK502 [718, 618]; 18 is of the 999 alone, so that a 997 says 6."""

GROUP_NUMBER_WRONG: Final = "6"
GROUP_NUMBER_TWICE: Final = "19"
"""AK905 [716]; 19 is of 005010, so that a 997 of an earlier release says 6."""

DUPLICATE_INTERCHANGE: Final = "025"
INVALID_CONTENT: Final = "024"
"""TA105 [I18]."""

IMPLEMENTATION_999: Final = "005010X231A1"
"""ST03 of a 999, and its GS08 where a partner's release says no more."""

_SEGMENT_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}")
_SET_ID: Final = re.compile(r"[A-Z0-9]{3}")
_CONTROL_NUMBER: Final = re.compile(r"[A-Za-z0-9]{4,9}")
_FUNCTIONAL_ID: Final = re.compile(r"[A-Z0-9]{2}")
_GROUP_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_VERSION: Final = re.compile(r"[A-Z0-9]{1,12}")
_COUNT: Final = re.compile(r"[0-9]{1,6}")
"""AK301, AK201, AK202, AK101, AK102, AK103 and AK902 as an acknowledgement may hold them. They are names: what does
not fit is not bent."""

_LINES: Final = {
    "PO1": 1, "POC": 1, "IT1": 1, "HL": 1, "LX": 1, "LIN": 1, "RMR": 2, "RCD": 1, "S5": 1, "OTI": 3, "W01": 5,
    "W04": 5, "W07": 5, "W12": 8, "W19": 6,
}  # fmt: skip
"""Which element names a line, for people: the business unit that an error is in (CTX)."""

_HEADERS: Final = {
    "BEG": 3, "BAK": 3, "BCH": 3, "BCA": 3, "BSN": 2, "BIG": 2, "BIA": 3, "BSR": 3, "BSI": 1, "BRA": 1, "BCD": 2,
    "BGN": 2, "BMG": 2, "BPT": 2, "B1": 2, "B2": 4, "B3": 2, "B10": 2, "W05": 2, "W06": 2, "W15": 2, "W17": 3,
}  # fmt: skip
"""Which element of a set's first segment names the document."""


# -- who is meant -------------------------------------------------------------------------------------------------


def plain_number(text: str) -> str:
    """A control number as one counts: the zeros before it say nothing. What is no number stays as it came."""
    return (text.lstrip("0") or "0") if text.isascii() and text.isdigit() else text


def issuer(tenant: str, partner: str, *inside: str) -> str:
    """Who gave a control number: we, and we count for each partner anew. ``main:acme_supply``.

    A group's number is known beside what kind of group it is (``main:acme_supply:PO``), a set's beside its group
    (``main:acme_supply:PO:101``). Whoever states that something went out names the same issuer as the mapping of the
    answer does, else the answer does not end its clock.
    """
    return ":".join((tenant, partner, *(one for one in inside if one)))[:100]


# -- verdicts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVerdict:
    """What we say of one set: accepted, or refused with problems or AK5 codes (element 718)."""

    of: TransactionSet
    accepted: bool
    problems: Sequence[SegmentProblem] = ()
    codes: Sequence[str] = ()

    @property
    def word(self) -> str:
        """AK501: A accepted, E accepted with errors, R refused."""
        if not self.accepted:
            return "R"
        return "E" if self.problems or self.codes else "A"


def quoted(of: TransactionSet, problems: Sequence[SegmentProblem]) -> TransactionSet:
    """A set with those segments alone that an answer with these problems names or quotes: its head, the wrong ones,
    and what names the lines. The places of the others are empty."""
    last = max((problem.position for problem in problems), default=0)
    wrong = {problem.position for problem in problems}
    segments = [
        segment if position <= 2 or position in wrong or segment[0] in _LINES else _LET_GO
        for position, segment in enumerate(of.segments[: max(last, 2)], 1)
    ]
    return of._replace(segments=segments, layout=())


_LET_GO: Final = [""]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupVerdict:
    """What we say of one functional group: its sets' verdicts, and AK9 codes (element 716) of its envelope."""

    group: Group
    end: GroupEnd | None
    sets: Sequence[SetVerdict]
    codes: Sequence[str] = field(default=())

    @property
    def accepted(self) -> int:
        """How many sets we take: none of a group whose envelope is wrong."""
        return 0 if self.codes else sum(verdict.accepted for verdict in self.sets)

    @property
    def word(self) -> str:
        """AK901: A all accepted, E accepted with errors, P some refused, R all refused."""
        if self.codes or (self.sets and not self.accepted):
            return "R"
        if self.accepted < len(self.sets):
            return "P"
        return "E" if any(verdict.word == "E" for verdict in self.sets) else "A"

    @property
    def can_be_named(self) -> bool:
        """Whether an AK1 can hold the group's own names. One that cannot be named has no answer of its own: the TA1
        says of its interchange that it holds something wrong."""
        group = self.group
        return bool(
            _FUNCTIONAL_ID.fullmatch(group.functional_id) and _GROUP_NUMBER.fullmatch(group.control_number)
        )


def error_codes(findings: Sequence[Finding], level: Level) -> list[str]:
    """The codes that these findings put into an AK5, AK9 or TA1, each once, in order."""
    codes: dict[str, None] = {}
    for finding in findings:
        if finding.level is level and finding.severity is Severity.ERROR:
            codes[finding.ack_code] = None
    return list(codes)


# -- 997 and 999 --------------------------------------------------------------------------------------------------


def _every(set_id: str) -> bool:
    return True


def functional_acknowledgement(
    verdict: GroupVerdict, *, lists: Callable[[str], bool] = _every, delimiters: Delimiters = PLAIN
) -> list[list[Element]]:
    """The segments of a 997 between ST and SE, for a group that can be named.

    ``lists``: whether the accepted sets of this kind are named too. ``delimiters`` are those it will be written with,
    which a quoted bad value may not hold.
    """
    return _of_group(verdict, lists, lambda one: _set_loop_997(one, delimiters), GROUP_NUMBER_WRONG)


def implementation_acknowledgement(
    verdict: GroupVerdict, *, lists: Callable[[str], bool] = _every, delimiters: Delimiters = PLAIN
) -> list[list[Element]]:
    """The segments of a 999 between ST and SE. It says more than a 997: which repetition, whether only the partner's
    own guide was broken, in which line of the document, and because of which other element."""
    version = verdict.group.version
    segments = _of_group(verdict, lists, lambda one: _set_loop_999(one, delimiters), GROUP_NUMBER_TWICE)
    if _VERSION.fullmatch(version):
        segments[0].append(version)
    return segments


def _of_group(
    verdict: GroupVerdict,
    lists: Callable[[str], bool],
    loop: Callable[[SetVerdict], Iterator[list[Element]]],
    number_twice: str,
) -> list[list[Element]]:
    group = verdict.group
    segments: list[list[Element]] = [["AK1", group.functional_id, group.control_number]]
    for one in verdict.sets:
        if (one.word != "A" or lists(one.of.set_id)) and _can_be_named(one):
            segments += loop(one)
    # without a GE, or with one that holds no number, nobody said how many there are
    said = verdict.end.declared if verdict.end else ""
    declared = said if _COUNT.fullmatch(said) else str(len(verdict.sets))
    codes = [number_twice if code == GROUP_NUMBER_TWICE else code for code in verdict.codes]
    segments.append(
        [
            "AK9",
            verdict.word,
            str(int(declared)),
            str(len(verdict.sets)),
            str(verdict.accepted),
            *codes[:CODES_AT_MOST],
        ]
    )
    return segments


def _can_be_named(verdict: SetVerdict) -> bool:
    """Whether an AK2 can hold the set's own names. One that cannot be named is told by the counts of the AK9 alone:
    a 997 with an AK2 that the standard forbids would be refused whole."""
    of = verdict.of
    return bool(_SET_ID.fullmatch(of.set_id) and _CONTROL_NUMBER.fullmatch(of.control_number))


def _set_loop_997(verdict: SetVerdict, delimiters: Delimiters) -> Iterator[list[Element]]:
    yield ["AK2", verdict.of.set_id, verdict.of.control_number]
    for problem in _sayable_problems(verdict):
        yield ["AK3", problem.segment_id, str(problem.position), _loop(problem), problem.code]
        for bad in problem.elements:
            position: Element = (
                str(bad.element) if bad.component is None else [str(bad.element), str(bad.component)]
            )
            yield ["AK4", position, bad.reference, bad.code, sayable(bad.bad_value, delimiters)]
    codes = _set_codes(verdict, SEGMENTS_IN_ERROR)
    yield ["AK5", verdict.word, *(SET_IDENTIFIER_WRONG if one == SET_NOT_IN_GROUP else one for one in codes)]


def _set_loop_999(verdict: SetVerdict, delimiters: Delimiters) -> Iterator[list[Element]]:
    head = verdict.of.segments[0]
    convention = head[3].strip() if len(head) > 3 else ""
    named: list[Element] = ["AK2", verdict.of.set_id, verdict.of.control_number]
    yield [*named, convention] if sayable(convention, delimiters) and len(convention) <= 35 else named
    for problem in _sayable_problems(verdict):
        yield ["IK3", problem.segment_id, str(problem.position), _loop(problem), problem.ik3]
        yield from _business_unit(verdict.of, problem, delimiters)
        for bad in problem.elements:
            copy = sayable(bad.bad_value, delimiters)
            yield ["IK4", _element_position(bad), bad.reference, bad.ik4, copy]
            yield from _trigger(verdict.of, problem, bad)
    yield ["IK5", verdict.word, *_set_codes(verdict, ik5(verdict.problems))]


def _sayable_problems(verdict: SetVerdict) -> Iterator[SegmentProblem]:
    """Those whose segment has a name; of the others the AK5 still says that segments are wrong."""
    return (problem for problem in verdict.problems if _SEGMENT_ID.fullmatch(problem.segment_id))


def _set_codes(verdict: SetVerdict, in_error: str) -> list[str]:
    codes = list(verdict.codes)
    if verdict.problems and in_error not in codes:
        codes.append(in_error)
    return codes[:CODES_AT_MOST]


def _loop(problem: SegmentProblem) -> str:
    """AK303 and IK303 [447] hold at most six characters (four in a 997 of 004010)."""
    return problem.loop if len(problem.loop) <= 4 and problem.loop.isalnum() else ""


def _element_position(bad: ElementProblem) -> Element:
    """C030: which element, which component of it, which repetition."""
    if bad.repetition is not None and bad.repetition > 1:
        return [str(bad.element), str(bad.component or ""), str(bad.repetition)]
    return str(bad.element) if bad.component is None else [str(bad.element), str(bad.component)]


def _business_unit(
    of: TransactionSet, problem: SegmentProblem, delimiters: Delimiters
) -> Iterator[list[Element]]:
    """CTX: which line of the document an error is in, by the number that people know it by; else which document."""
    for segment in reversed(of.segments[: problem.position]):
        element = _LINES.get(segment[0])
        if element is not None and (said := _named(segment, element, delimiters)):
            yield said
            return
    if len(of.segments) > 1 and (element := _HEADERS.get(of.segments[1][0])) is not None:
        said = _named(of.segments[1], element, delimiters)
        if said:
            yield said


def _named(segment: Sequence[str], element: int, delimiters: Delimiters) -> list[Element]:
    value = sayable(segment[element].strip(), delimiters) if element < len(segment) else ""
    return ["CTX", [f"{segment[0]}{element:02}", value]] if 0 < len(value) <= 35 else []


def _trigger(of: TransactionSet, problem: SegmentProblem, bad: ElementProblem) -> Iterator[list[Element]]:
    """CTX: the element beside which this one must stand, or may not (codes 2 and 10)."""
    if bad.code not in ("2", "10") or bad.component is not None or problem.position > len(of.segments):
        return
    from crossdock.formats.x12.guides import guide

    found = guide(of.set_id, of.version)
    known = found.words.segments.get(problem.segment_id) if found else None
    segment = of.segments[problem.position - 1]
    if known is None or segment[0] != problem.segment_id:
        return
    for note in known.notes:
        if bad.element not in note.places:
            continue
        for place in note.places:
            if place != bad.element and place < len(segment) and segment[place]:
                reference = known.elements[place - 1].reference
                yield [
                    "CTX",
                    "SITUATIONAL TRIGGER",
                    problem.segment_id,
                    str(problem.position),
                    _loop(problem),
                    str(place),
                    reference if reference.isdigit() else "",
                ]
                return


def sayable(text: str, delimiters: Delimiters) -> str:
    """What somebody sent, as an acknowledgement may quote it: at most 99 characters. Where it holds what no element
    may, nothing: a copy that is not the copy would mislead, and the answer must be writable."""
    quoted = text[:99]
    forbidden = delimiters.element + delimiters.component + delimiters.segment + delimiters.repetition
    return quoted if quoted.isprintable() and frozenset(forbidden).isdisjoint(quoted) else ""


# -- TA1 ----------------------------------------------------------------------------------------------------------

NO_NUMBER: Final = "000000000"
"""TA101 for an interchange whose number is none: note 018 then says so."""


def interchange_acknowledgement(
    opened: Interchange,
    errors: Sequence[Finding],
    *,
    at: datetime,
    codes: Sequence[str] = (),
    noted: str = "",
) -> list[str]:
    """The TA1 that answers an interchange: A with 000; R with the first of ``codes`` or of the errors' notes; or E
    with ``noted``, for what is wrong in an interchange that was taken.

    It quotes the interchange by number, date and time. A number that is none is 000000000; for a date or time that
    is none it says ``at``, when we read it: all three have to be there.
    """
    refused = [*codes, *error_codes(errors, Level.TA1)]
    number = opened.control_number
    quoted = number.zfill(9) if _GROUP_NUMBER.fullmatch(number) else NO_NUMBER
    date = opened.date if _is_moment(opened.date, "%y%m%d", 6) else f"{at:%y%m%d}"
    time = opened.time if _is_moment(opened.time, "%H%M", 4) else f"{at:%H%M}"
    word, note = ("R", refused[0]) if refused else ("E", noted) if noted else ("A", "000")
    return ["TA1", quoted, date, time, word, note]


def _is_moment(text: str, shape: str, length: int) -> bool:
    if len(text) != length or not (text.isascii() and text.isdigit()):
        return False
    try:
        datetime.strptime(f"{text}+0000", f"{shape}%z")
    except ValueError:
        return False
    return True
