"""Which change each line of an answer of ours speaks of: POC02 of our 865, kept with its fact, line by line.

A fact's lines say how they shall be, and have no field for what changes. The codes [670] stand in its attribute
``line_changes``, in the order of the lines of the change that it answers: ``QD PC NC*40 DI``, where ``*40`` is forty
in a row. What does not fit one attribute goes on in ``line_changes.2`` and so on.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

NAME: Final = "line_changes"
NOT_SAID: Final = "?"
"""A code that is no word of letters and digits, as only a lenient partner's document may have."""

_LONGEST: Final = 1024
_LONGEST_CODE: Final = 8


def attributes(codes: Iterable[str]) -> dict[str, str]:
    """The attributes that keep these codes, one for each line; none where there is no line."""
    found: list[str] = []
    for code, run in groupby(codes):
        count = sum(1 for _ in run)
        word = code if code.isalnum() and len(code) <= _LONGEST_CODE else NOT_SAID
        word = word if count == 1 else f"{word}*{count}"
        if found and len(found[-1]) + 1 + len(word) <= _LONGEST:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return {NAME if place == 1 else f"{NAME}.{place}": text for place, text in enumerate(found, 1)}


def codes(said: Mapping[str, str], lines: int) -> list[str]:
    """The code of each of so many lines; ``NOT_SAID`` where the fact does not keep one."""
    found: list[str] = []
    place, text = 1, said.get(NAME)
    while text is not None:
        for word in text.split():
            code, _, count = word.partition("*")
            found += [code] * (int(count) if count else 1)
        place += 1
        text = said.get(f"{NAME}.{place}")
    return (found + [NOT_SAID] * lines)[:lines]
