"""What is never shown: ISA02 and ISA04. They may hold passwords, wherever an ISA stands, whole or broken.

Each is covered up with as many characters, so that places and lengths stay as they are. Source: X12.5, segment ISA.
"""

import re
from collections.abc import Sequence
from typing import Final

from crossdock.formats.x12.isa import character_at
from crossdock.formats.x12.items import TransactionSet

_ISA: Final = re.compile(r"\A[\ufeff\s]*(?i:ISA)|ISA(?=[^A-Za-z0-9\s\"'])")
"""Where an ISA may begin: a text that begins with one is meant as one, whatever its separator is."""

_WIDTH: Final = 106
_WORD: Final = re.compile(r"[^\W_]")


def hide_security(text: str, mark: str = ".") -> str:
    """The text with ISA02 and ISA04 of every ISA in it covered up; where its elements cannot be told apart, all that
    one of them may be."""
    for found in list(_ISA.finditer(text)):
        sign = character_at(text, found.end())
        if not sign:
            break
        at = found.end() + len(sign)
        hidden = _apart(text, at, sign) or [(at, min(len(text), at + _WIDTH))]
        for first, last in hidden:
            cover = mark * (last - first) if len(hidden) > 1 else _WORD.sub(mark, text[first:last])
            text = text[:first] + cover + text[last:]
    return text


def _apart(text: str, at: int, sign: str) -> list[tuple[int, int]]:
    """Where ISA02 and ISA04 stand, as far as the text goes; none where ISA01, 03 and 05 are not what they must be."""
    places = []
    for number in range(1, 6):
        end = text.find(sign, at)
        stop = end if end >= 0 else len(text)
        if number in (2, 4):
            places.append((at, stop))
        elif stop - at > 2 or (end >= 0 and stop - at < 2):
            return []
        if end < 0:
            break
        at = end + len(sign)
    return places


_QUOTE: Final = re.compile(r"[\"']")


def hide_quoted_security(sentence: str) -> str:
    """The same for a sentence that quotes what it found."""
    quote = _QUOTE.search(sentence)
    if quote is None:
        return sentence
    return sentence[: quote.end()] + hide_security(sentence[quote.end() :])


def security_places(segment: Sequence[str]) -> set[int]:
    """Which elements of a segment of a set are the ISA02 and ISA04 of an ISA that broke into it: where a file ends in
    the middle of a segment, the next begins there."""
    places: set[int] = set()
    for place, value in enumerate(segment):
        follows = segment[place + 1] if place + 1 < len(segment) else ""
        if value == "ISA" or (value.endswith("ISA") and len(follows) <= 2):
            places |= {place + 2, place + 4}
    return {place for place in places if place < len(segment)}


def covered(segment: list[str], mark: str = ".") -> list[str]:
    """The segment with what an ISA in it may hold of passwords covered up, as long as it was."""
    if not any("ISA" in value for value in segment):
        return segment
    hidden = security_places(segment)
    return [
        mark * len(value) if place in hidden else hide_security(value, mark)
        for place, value in enumerate(segment)
    ]


def without_security(entry: TransactionSet, mark: str = ".") -> TransactionSet:
    """The same for each segment of a set."""
    if "ISA" not in "".join(map("".join, entry.segments)):
        return entry
    return entry._replace(segments=[covered(segment, mark) for segment in entry.segments])
