"""Functional acknowledgements (997) and interchange acknowledgements (TA1).

Source: X12 004010 set 997, segments AK1 to AK9; TA1. Sets are accepted or refused one by one; a group's word
follows from its sets and its envelope. Acknowledgements are never acknowledged.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from crossdock.formats.x12.findings import Finding, Level, Severity
from crossdock.formats.x12.items import Delimiters, Group, GroupEnd, Interchange, TransactionSet
from crossdock.formats.x12.problems import SegmentProblem
from crossdock.formats.x12.write import PLAIN, Element

FUNCTIONAL_ACKNOWLEDGEMENTS: Final = "FA"
"""GS01 of the groups that hold acknowledgements."""

CODES_AT_MOST: Final = 5
"""AK5 and AK9 have five places for error codes."""

NOT_SUPPORTED: Final = "1"
ONE_OR_MORE_SEGMENTS: Final = "5"

_SEGMENT_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}")
_SET_ID: Final = re.compile(r"[A-Z0-9]{3}")
_CONTROL_NUMBER: Final = re.compile(r"[A-Za-z0-9]{4,9}")
_COUNT: Final = re.compile(r"[0-9]{1,6}")
"""AK301, AK201, AK202 and AK902 as the 997 itself may hold them. They are names: what does not fit is not bent."""


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


def error_codes(findings: Sequence[Finding], level: Level) -> list[str]:
    """The codes that these findings put into an AK5, AK9 or TA1, each once, in order."""
    codes: dict[str, None] = {}
    for finding in findings:
        if finding.level is level and finding.severity is Severity.ERROR:
            codes[finding.ack_code] = None
    return list(codes)


def functional_acknowledgement(
    verdict: GroupVerdict, *, tell_accepted: bool = True, delimiters: Delimiters = PLAIN
) -> list[list[Element]]:
    """The segments of a 997 between ST and SE. ``tell_accepted`` False leaves the AK2 loops of accepted sets out;
    ``delimiters`` are those it will be written with, which a quoted bad value may not hold."""
    group = verdict.group
    segments: list[list[Element]] = [
        ["AK1", sayable(group.functional_id, delimiters), sayable(group.control_number, delimiters)]
    ]
    for one in verdict.sets:
        if (tell_accepted or one.word != "A") and _can_be_named(one):
            segments += _set_loop(one, delimiters)
    # without a GE, or with one that holds no number, nobody said how many there are
    said = verdict.end.declared if verdict.end else ""
    declared = said if _COUNT.fullmatch(said) else str(len(verdict.sets))
    segments.append(
        [
            "AK9",
            verdict.word,
            str(int(declared)),
            str(len(verdict.sets)),
            str(verdict.accepted),
            *verdict.codes[:CODES_AT_MOST],
        ]
    )
    return segments


def _can_be_named(verdict: SetVerdict) -> bool:
    """Whether an AK2 can hold the set's own names. One that cannot be named is told by the counts of the AK9 alone:
    a 997 with an AK2 that the standard forbids would be refused whole."""
    of = verdict.of
    return bool(_SET_ID.fullmatch(of.set_id) and _CONTROL_NUMBER.fullmatch(of.control_number))


def _set_loop(verdict: SetVerdict, delimiters: Delimiters) -> Iterator[list[Element]]:
    yield ["AK2", verdict.of.set_id, verdict.of.control_number]
    for problem in verdict.problems:
        if not _SEGMENT_ID.fullmatch(problem.segment_id):
            continue  # no AK301 can hold it; the AK5 still says that segments are wrong
        yield ["AK3", problem.segment_id, str(problem.position), problem.loop, problem.code]
        for bad in problem.elements:
            position: Element = (
                str(bad.element) if bad.component is None else [str(bad.element), str(bad.component)]
            )
            yield ["AK4", position, bad.reference, bad.code, sayable(bad.bad_value, delimiters)]
    codes = list(verdict.codes)
    if verdict.problems and ONE_OR_MORE_SEGMENTS not in codes:
        codes.append(ONE_OR_MORE_SEGMENTS)
    yield ["AK5", verdict.word, *codes[:CODES_AT_MOST]]


def sayable(text: str, delimiters: Delimiters) -> str:
    """What somebody sent, as an acknowledgement may quote it: at most 99 characters. Where it holds what no element
    may, nothing: a copy that is not the copy would mislead, and the answer must be writable."""
    quoted = text[:99]
    forbidden = delimiters.element + delimiters.component + delimiters.segment + delimiters.repetition
    return quoted if quoted.isprintable() and frozenset(forbidden).isdisjoint(quoted) else ""


def interchange_acknowledgement(
    opened: Interchange, errors: Sequence[Finding], *, delimiters: Delimiters = PLAIN
) -> list[str]:
    """The TA1 that answers an interchange: A with 000, or R with the first error's note."""
    codes = error_codes(errors, Level.TA1)
    word, note = ("R", codes[0]) if codes else ("A", "000")
    quoted = [sayable(text, delimiters) for text in (opened.control_number, opened.date, opened.time)]
    return ["TA1", *quoted, word, note]
