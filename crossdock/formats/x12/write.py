"""Writes interchanges: counts and envelopes are computed, and data never becomes structure.

X12 has no escape character: an element that holds a delimiter would be read as something else, so it is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from crossdock.errors import Place, Unacceptable
from crossdock.formats.x12.items import Delimiters

Element = str | Sequence[str]
"""One element; a sequence is a composite of components."""

PLAIN: Final = Delimiters(element="*", component=">", segment="~")
"""The delimiters that nearly every partner takes."""

HIGHEST_NUMBER: Final = 999_999_999
"""The last control number that ISA13, GS06 and ST02 have room for: nine digits."""


def number_after(number: int, places: int = 1) -> int:
    """The control number so many places after this one. After the last one there is comes 1, never 0."""
    return (number - 1 + places) % HIGHEST_NUMBER + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who an interchange is from or for: ISA qualifier and id."""

    qualifier: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSet:
    """A transaction set to be written: ``segments`` are those between ST and SE; ``convention`` is ST03."""

    set_id: str
    control_number: str
    segments: Sequence[Sequence[Element]]
    convention: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingGroup:
    """A functional group to be written. ``version`` is GS08 (``004010``)."""

    functional_id: str
    sender: str
    receiver: str
    control_number: str
    version: str
    sets: Sequence[OutgoingSet]


def write_interchange(
    *,
    sender: Party,
    receiver: Party,
    control_number: int,
    at: datetime,
    usage: str,
    groups: Sequence[OutgoingGroup],
    service_segments: Sequence[Sequence[str]] = (),
    release: str = "00401",
    delimiters: Delimiters = PLAIN,
) -> bytes:
    """One interchange, ready to be sent: ISA of 106 characters, ``service_segments`` (TA1), groups, IEA.

    ``at`` is written as the date and time of ISA and GS, in its own zone. Raises ``Unacceptable`` where an element
    holds a delimiter or a control character, or does not fit its place in the ISA.
    """
    writer = _Writer(delimiters)
    writer.isa(
        [
            "ISA",
            "00",
            " " * 10,
            "00",
            " " * 10,
            sender.qualifier,
            sender.id.ljust(15),
            receiver.qualifier,
            receiver.id.ljust(15),
            f"{at:%y%m%d}",
            f"{at:%H%M}",
            delimiters.repetition or "U",
            release,
            f"{control_number:09}",
            "0",
            usage,
            delimiters.component,
        ]
    )
    for service_segment in service_segments:
        writer.add(service_segment)
    for group in groups:
        writer.add(
            [
                "GS",
                group.functional_id,
                group.sender,
                group.receiver,
                f"{at:%Y%m%d}",
                f"{at:%H%M}",
                group.control_number,
                "X",
                group.version,
            ]
        )
        for one in group.sets:
            writer.add(["ST", one.set_id, one.control_number, one.convention])
            for segment in one.segments:
                writer.add(segment)
            writer.add(["SE", str(len(one.segments) + 2), one.control_number])
        writer.add(["GE", str(len(group.sets)), group.control_number])
    writer.add(["IEA", str(len(groups)), f"{control_number:09}"])
    return writer.bytes()


_ISA_WIDTHS: Final = (3, 2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)


class _Writer:
    """Collects segments; refuses data that would be read as structure."""

    def __init__(self, delimiters: Delimiters) -> None:
        self._delimiters = delimiters
        self._segments: list[str] = []
        forbidden = delimiters.element + delimiters.component + delimiters.segment + delimiters.repetition
        self._forbidden = frozenset(forbidden)

    def isa(self, elements: list[str]) -> None:
        for number, (element, width) in enumerate(zip(elements, _ISA_WIDTHS, strict=True)):
            # ISA11 and ISA16 announce delimiters: they are what the others may not hold
            if len(element) != width or (number not in (11, 16) and not self._is_data(element)):
                raise self._refusal(
                    "ISA", number, element, f"ISA{number:02} takes exactly {width} plain characters"
                )
        self._segments.append(self._delimiters.element.join(elements))

    def add(self, segment: Sequence[Element]) -> None:
        """One segment; empty elements at its end are left out, as the standard wants."""
        texts: list[str] = []
        for number, element in enumerate(segment):
            components = [element] if isinstance(element, str) else list(element)
            for component in components:
                if not self._is_data(component):
                    raise self._refusal(
                        str(segment[0]), number, component, "it holds a delimiter or a control character"
                    )
            while components and not components[-1]:
                components.pop()
            texts.append(self._delimiters.component.join(components))
        while texts and not texts[-1]:
            texts.pop()
        self._segments.append(self._delimiters.element.join(texts))

    def bytes(self) -> bytes:
        end = self._delimiters.segment + self._delimiters.suffix
        return "".join(segment + end for segment in self._segments).encode("utf-8")

    def _is_data(self, text: str) -> bool:
        return self._forbidden.isdisjoint(text) and (text.isprintable() or text == "")

    def _refusal(self, segment_id: str, number: int, text: str, why: str) -> Unacceptable:
        place = Place(segment=len(self._segments) + 1, segment_id=segment_id, element=number)
        pointer = f"{place.segment}/{segment_id}{number:02}"
        sentence = f"{segment_id}{number:02} cannot be written as {text[:40]!r}: {why}"
        return Unacceptable(sentence, violations=[(pointer, sentence)])
