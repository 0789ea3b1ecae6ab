"""What is never shown: ISA02 and ISA04. They may hold passwords, wherever an ISA stands, whole or broken.

Each is covered up with as many characters, so that places and lengths stay as they are. Source: X12.5, segment ISA.
"""

import re
from collections.abc import Sequence
from typing import Final

from crossdock.formats.x12.isa import character_at
from crossdock.formats.x12.items import TransactionSet

_SECURITY: Final = re.compile(r"ISA(?=[^A-Za-z0-9\s])")


def hide_security(text: str, mark: str = ".") -> str:
    """The text with ISA02 and ISA04 of every ISA in it covered up. They may hold passwords."""
    for found in list(_SECURITY.finditer(text)):
        mark_at = found.end()
        sign = character_at(text, mark_at)
        at = mark_at + len(sign)
        for number in range(1, 5):
            end = text.find(sign, at)
            stop = end if end >= 0 else len(text)
            if number in (2, 4):
                text = text[:at] + mark * (stop - at) + text[stop:]
            if end < 0:
                break
            at = end + len(sign)
    return text


def hide_quoted_security(sentence: str) -> str:
    """The same for a sentence that quotes what it found."""
    said, quote, quoted = sentence.partition("'")
    return said + quote + hide_security(quoted)


def security_places(segment: Sequence[str]) -> set[int]:
    """Which elements of a segment of a set are the ISA02 and ISA04 of an ISA that broke into it: where a file ends in
    the middle of a segment, the next begins there."""
    places: set[int] = set()
    for place, value in enumerate(segment):
        follows = segment[place + 1] if place + 1 < len(segment) else ""
        if value == "ISA" or (value.endswith("ISA") and len(follows) <= 2):
            places |= {place + 2, place + 4}
    return {place for place in places if place < len(segment)}


def without_security(entry: TransactionSet, mark: str = ".") -> TransactionSet:
    """The set with what an ISA in it may hold of passwords covered up, as long as it was."""
    if "ISA" not in "".join(map("".join, entry.segments)):
        return entry
    segments = []
    for segment in entry.segments:
        hidden = security_places(segment)
        segments.append(
            [mark * len(value) if place in hidden else value for place, value in enumerate(segment)]
        )
    return entry._replace(segments=segments)
