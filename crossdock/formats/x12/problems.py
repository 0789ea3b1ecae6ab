"""What is wrong with the content of a transaction set, as AK3 and AK4 (IK3 and IK4) say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementProblem:
    """One bad element. ``element`` and ``component`` count from 1; ``reference`` is the data element number.

    ``code`` is of element 723: 1 mandatory missing, 2 conditional missing, 3 too many, 4 too short, 5 too long,
    6 invalid character, 7 invalid code, 8 invalid date, 9 invalid time, 10 exclusion violated.
    """

    element: int
    code: str
    component: int | None = None
    reference: str = ""
    bad_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentProblem:
    """One bad segment. ``position`` counts from 1 at the ST.

    ``code`` is of element 720: 1 unrecognized, 2 unexpected, 3 mandatory missing, 4 loop too often, 5 segment too
    often, 6 not in this set, 7 out of sequence, 8 has bad elements.
    """

    segment_id: str
    position: int
    code: str
    loop: str = ""
    elements: tuple[ElementProblem, ...] = ()
