"""What is wrong with the content of a transaction set, as AK3 and AK4 (997) and IK3 and IK4 (999) say it.

A 997 and a 999 draw on different lists: the 999 can say that a partner's guide, and not the standard, was broken,
and can tell a repetition from an element. So each problem has the plain code that a 997 takes (elements 720 and
723, as 004010 has them) and, where the 999 says more, the code of elements 620 and 621 in ``implementation``.

    AK304 [720]  1 to 8                        IK304 [620]  those, and I4 I6 I7 I8 I9
    AK403 [723]  1 to 10                       IK403 [621]  those, and 12 13, I6 I9 I10 I11 I12 I13
    AK502 [718]  5 segments in error           IK502 [618]  those, and I5 segments in error by the partner's guide

Source: X12 004010 set 997; X12 005010 set 999 (X231).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SEGMENTS_IN_ERROR: Final = "5"
"""AK502 and IK502: one or more segments are wrong."""

SEGMENTS_IN_ERROR_BY_PARTNER: Final = "I5"
"""IK502: they are wrong by the partner's guide alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementProblem:
    """One bad element. ``element``, ``component`` and ``repetition`` count from 1; ``reference`` is the data element
    number.

    ``code`` is of element 723: 1 mandatory missing, 2 conditional missing, 3 too many, 4 too short, 5 too long,
    6 invalid character, 7 invalid code, 8 invalid date, 9 invalid time, 10 exclusion violated.
    ``implementation`` is of element 621, where it says more: 12 too many repetitions, 13 too many components; by the
    partner's guide I6 code not used, I9 missing, I10 not used, I13 not used beside what is there.
    ``partner``: it breaks the partner's guide and not the standard; ``asked`` is what that one asks for, as a person
    reads it. A ``note`` does not refuse the set.
    """

    element: int
    code: str
    component: int | None = None
    reference: str = ""
    bad_value: str = ""
    repetition: int | None = None
    implementation: str = ""
    asked: str = ""
    partner: bool = False
    note: bool = False

    @property
    def ik4(self) -> str:
        """The code of IK403."""
        return self.implementation or self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentProblem:
    """One bad segment. ``position`` counts from 1 at the ST.

    ``code`` is of element 720: 1 unrecognized, 2 unexpected, 3 mandatory missing, 4 loop too often, 5 segment too
    often, 6 not in this set, 7 out of sequence, 8 has bad elements.
    ``implementation`` is of element 620, by the partner's guide: I4 not used, I6 missing beside what is there,
    I7 loop too seldom, I8 segment too seldom, I9 not used beside what is there.
    ``partner``: it breaks the partner's guide and not the standard; ``asked`` is what that one asks for, as a person
    reads it. A ``note`` does not refuse the set.
    """

    segment_id: str
    position: int
    code: str
    loop: str = ""
    elements: tuple[ElementProblem, ...] = ()
    implementation: str = ""
    asked: str = ""
    partner: bool = False
    note: bool = False

    @property
    def ik3(self) -> str:
        """The code of IK304."""
        return self.implementation or self.code


def refused(problems: Sequence[SegmentProblem]) -> bool:
    """Whether a set with these problems is refused: one of them is no mere note."""
    return any(not problem.note for problem in problems)


def ik5(problems: Sequence[SegmentProblem]) -> str:
    """The code of IK502 for a set with these problems; empty when it has none."""
    if not problems:
        return ""
    by_partner = all(problem.partner for problem in problems)
    return SEGMENTS_IN_ERROR_BY_PARTNER if by_partner else SEGMENTS_IN_ERROR
