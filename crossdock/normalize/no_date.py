"""No date: what partners write into a date that they do not know. 9999-12-31, or 0001-01-01.

It is a date of the calendar, so its set is right by its guide. But nothing happened or was promised in these years:
it is read as left out. The raw message keeps what was written.
"""

import re
from collections.abc import Sequence
from typing import Final

from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.formats.x12.elements import Element

_NO_DATE: Final = re.compile(r"(?:9999|0001)(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")

_YEARS: Final = (b"9999", b"0001")
_IN_BYTES: Final = re.compile(rb"(?<![0-9A-Za-z])" + _NO_DATE.pattern.encode() + rb"(?![0-9A-Za-z])")


def without_no_dates(entry: x12.TransactionSet, body: bytes) -> x12.TransactionSet:
    """The set with those dates left out that are none. ``body``: the message, in which it is looked first whether
    there can be one at all."""
    if not any(_is_in(body, year, entry.offset, entry.offset + entry.length) for year in _YEARS):
        return entry
    guide = guides.guide(entry.set_id, entry.version)
    if guide is None:
        return entry
    known = guide.words.segments
    segments = list(entry.segments)
    for index, segment in enumerate(segments):
        if any(map(_NO_DATE.fullmatch, segment)) and (words := known.get(segment[0])) is not None:
            segments[index] = _left_out(segment, words.elements)
    return entry._replace(segments=segments)


def _is_in(body: bytes, year: bytes, begin: int, end: int) -> bool:
    """Whether a date of this year may stand there. Most sets hold the digits somewhere, as in 0001 of ST02."""
    while (begin := body.find(year, begin, end)) >= 0:
        if _IN_BYTES.match(body, begin, end):
            return True
        begin += 1
    return False


def _left_out(segment: list[str], elements: Sequence[Element]) -> list[str]:
    """A segment without its dates that are none, and without the times that stand behind them."""
    said = list(segment)
    is_none = False
    for place, element in enumerate(elements[: len(said) - 1], 1):
        if element.type == "DT":
            is_none = _NO_DATE.fullmatch(said[place]) is not None
        if is_none and element.type in ("DT", "TM"):
            said[place] = ""
    return said
