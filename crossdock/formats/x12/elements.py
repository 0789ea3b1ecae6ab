"""What may stand in a segment: its elements, how they are related, and what is wrong with those that came.

A release's file under ``guides/`` says it; ``Release`` reads it. Source: X12.6 (types, syntax notes) and the element
dictionary of the release.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from crossdock.formats.x12.items import Segment
from crossdock.formats.x12.problems import ElementProblem

UNLIMITED: Final = 1 << 62
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A relation between the elements of a segment (a syntax note): ``P0304`` is kind P of places 3 and 4.

    P all or none, R at least one, E at most one, C if the first then all, L if the first then one of the others.
    """

    kind: str
    places: tuple[int, ...]

    def broken(self, present: Sequence[bool]) -> tuple[tuple[int, str], ...]:
        """The places that are wrong and their codes of element 723; ``present[n]`` is element n."""
        there = [place for place in self.places if place < len(present) and present[place]]
        first, *others = self.places
        match self.kind:
            case "P" if there:
                return tuple((place, "2") for place in self.places if place not in there)
            case "R" if not there:
                return ((first, "2"),)
            case "E":
                return tuple((place, "10") for place in there[1:])
            case "C" if first in there:
                return tuple((place, "2") for place in others if place not in there)
            case "L" if there == [first]:
                return ((others[0], "2"),)
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What may stand at one place of a segment. ``use`` is M mandatory, X as the notes say, O optional.

    ``type`` is AN, ID, N0 to N9, R, DT, TM, B or, for a composite with its ``components``, C; lengths are in
    characters, without sign and decimal point.
    """

    reference: str
    name: str
    type: str
    shortest: int = 0
    longest: int = UNLIMITED
    use: str = "O"
    codes: frozenset[str] = frozenset()
    components: "tuple[Element, ...]" = ()
    notes: tuple[Note, ...] = ()

    @property
    def number(self) -> str:
        """The data element number as AK402 can say it; a composite has none."""
        return "" if self.components else self.reference

    @property
    def expected(self) -> str:
        """What would have been right, for a person."""
        if self.type == "C":
            return f"a composite of {len(self.components)} components"
        if self.codes:
            return "one of " + ", ".join(sorted(self.codes))
        kind = {"DT": "a date CCYYMMDD", "TM": "a time HHMM or HHMMSS", "ID": "a code", "AN": "text"}.get(
            self.type
        )
        if kind is None:
            kind = "a number"
        if self.type in ("DT", "TM") or self.longest == UNLIMITED:
            return kind
        unit = "digits" if kind == "a number" else "characters"
        size = str(self.longest) if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
        return f"{kind} of {size} {unit}"

    def fault(self, value: str) -> str | None:
        """The code of element 723 that a value has earned, which is not empty; ``None`` when it is right."""
        length = len(value)
        if self.type[0] == "N" or self.type == "R":
            digits = _digits(value, point=self.type == "R")
            if digits is None:
                return "6"
            length = digits
        elif self.type == "B":
            return None
        elif self.type not in ("DT", "TM") and not _readable(value):
            return "6"
        if length < self.shortest:
            return "4"
        if length > self.longest:
            return "5"
        if self.type == "DT" and not _is_date(value):
            return "8"
        if self.type == "TM" and not _is_time(value):
            return "9"
        return "7" if self.codes and value not in self.codes else None


def _digits(value: str, *, point: bool) -> int | None:
    """How many digits a number has; ``None`` when it is none. R may have a decimal point and an exponent."""
    text = value[1:] if value[0] == "-" else value
    if not text.isascii():
        return None
    if point:
        text, exponent, power = text.partition("E")
        if exponent and not power.removeprefix("-").isdecimal():
            return None
        text = text.replace(".", "", 1)
    return len(text) if text.isdecimal() else None


def _readable(value: str) -> bool:
    """Whether there is no control character in it."""
    return value.isprintable() or not any(c < " " or c == "\x7f" for c in value)


def _is_date(value: str) -> bool:
    """CCYYMMDD, or YYMMDD where the lengths let it pass."""
    if not (value.isascii() and value.isdecimal() and len(value) in (6, 8)):
        return False
    year, month, day = int(value[:-4]), int(value[-4:-2]), int(value[-2:])
    if not (1 <= month <= 12 and day >= 1) or value[:-4] == "0000":
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0 or len(value) == 6)
    return day <= (29 if leap else 28) if month == 2 else day <= (30 if month in (4, 6, 9, 11) else 31)


def _is_time(value: str) -> bool:
    """HHMM, HHMMSS or HHMMSS with one or two decimals."""
    if not (value.isascii() and value.isdecimal() and len(value) in (4, 6, 7, 8)):
        return False
    return value[:2] <= "23" and value[2:4] <= "59" and value[4:6] <= "59"


class _Right(dict[str, bool]):
    """Whether a date or time is right. The right ones are remembered: the same few come again and again."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        self._test = test

    def __missing__(self, value: str) -> bool:
        if not self._test(value):
            return False
        if len(self) >= _REMEMBERED:
            self.clear()
        self[value] = True
        return True


_WHOLE, _DECIMAL, _DATE, _TIME, _OTHER = range(5)
_dates = _Right(_is_date)
_times = _Right(_is_time)

Plan = tuple[tuple[int, int], ...]
"""The places whose values are still to be looked at when all lengths are right, and how."""


class Plans(dict[tuple[int, ...], Plan | None]):
    """What the lengths of a segment and its elements say: a plan, or ``None`` where something is or may be wrong.

    Presence, lengths and relations are worked out once for each combination of lengths and remembered, for a
    partner's segments look alike. What is left for each segment are its numbers, dates and times.
    """

    __slots__ = ("_elements", "_notes")

    def __init__(self, elements: tuple[Element, ...], notes: tuple[Note, ...]) -> None:
        self._elements = elements
        self._notes = notes

    def __missing__(self, lengths: tuple[int, ...]) -> Plan | None:
        plan = self._work_out(lengths)
        if len(lengths) <= len(self._elements) + 1:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[lengths] = plan
        return plan

    def _work_out(self, lengths: tuple[int, ...]) -> Plan | None:
        if any(lengths[len(self._elements) + 1 :]):
            return None
        plan = []
        for place, element in enumerate(self._elements, 1):
            length = lengths[place] if place < len(lengths) else 0
            if not length:
                if element.use == "M":
                    return None
            elif not element.shortest <= length <= element.longest:
                return None
            else:
                kind = _kind(element)
                if kind is not None:
                    plan.append((place, kind))
        present = [length > 0 for length in lengths[: len(self._elements) + 1]]
        return None if any(note.broken(present) for note in self._notes) else tuple(plan)


class _Anything(dict[tuple[int, ...], Plan | None]):
    """The plans of a segment whose elements are not described."""

    def __missing__(self, lengths: tuple[int, ...]) -> Plan | None:
        return ()


class SegmentGuide:
    """One segment of a release: its name, its elements and their relations. ``described`` is false where only the
    name is known; then its elements are not looked at."""

    __slots__ = ("described", "elements", "id", "name", "notes", "plans")

    def __init__(
        self,
        segment_id: str,
        name: str,
        elements: tuple[Element, ...],
        notes: tuple[Note, ...],
        described: bool,
    ) -> None:
        self.id = segment_id
        self.name = name
        self.elements = elements
        self.notes = notes
        self.described = described
        self.plans: dict[tuple[int, ...], Plan | None] = Plans(elements, notes) if described else _Anything()

    def follows(self, plan: Plan, segment: Segment) -> bool:
        """Whether the values are surely right where the lengths are: quick, and false in doubt.

        Only for ASCII without control characters.
        """
        for place, kind in plan:
            value = segment[place]
            if kind == _WHOLE:
                if not value.isdecimal():
                    return False
            elif kind == _DECIMAL:
                if not value.isdecimal() and not value.replace(".", "", 1).isdecimal():
                    return False
            elif kind == _DATE:
                if not _dates[value]:
                    return False
            elif kind == _TIME:
                if not _times[value]:
                    return False
            elif self.elements[place - 1].components or self.elements[place - 1].fault(value) is not None:
                return False
        return True

    def faults(self, segment: Segment, component: str) -> list[ElementProblem]:
        """Everything that is wrong with the elements, in their order. ``component`` is the component separator."""
        if not self.described:
            return []
        found: list[ElementProblem] = []
        for place, element in enumerate(self.elements, 1):
            value = segment[place] if place < len(segment) else ""
            if not value:
                if element.use == "M":
                    found.append(ElementProblem(element=place, code="1", reference=element.number))
            elif element.components:
                found += _faults_of_composite(
                    place, element, value.split(component) if component else [value]
                )
            elif code := element.fault(value):
                found.append(
                    ElementProblem(element=place, code=code, reference=element.reference, bad_value=value)
                )
        for place in range(len(self.elements) + 1, len(segment)):
            if segment[place]:
                found.append(ElementProblem(element=place, code="3", bad_value=segment[place]))
                break
        missing = {problem.element for problem in found if problem.code == "1"}
        present = list(map(bool, segment[: len(self.elements) + 1]))
        for note in self.notes:
            for place, code in note.broken(present):
                if place not in missing:
                    missing.add(place)
                    bad = segment[place] if code == "10" else ""
                    number = self.elements[place - 1].number
                    found.append(ElementProblem(element=place, code=code, reference=number, bad_value=bad))
        found.sort(key=lambda problem: problem.element)
        return found


def _kind(element: Element) -> int | None:
    """How the value is looked at when its length is right; ``None``: not at all."""
    if element.type == "C" or element.codes:
        return _OTHER
    if element.type == "R":
        return _DECIMAL if element.shortest == 1 else _OTHER
    if element.type[0] == "N":
        return _WHOLE
    return {"DT": _DATE, "TM": _TIME}.get(element.type)


def _faults_of_composite(place: int, composite: Element, values: Sequence[str]) -> list[ElementProblem]:
    found: list[ElementProblem] = []
    for number, part in enumerate(composite.components, 1):
        value = values[number - 1] if number <= len(values) else ""
        code = ("1" if part.use == "M" else None) if not value else part.fault(value)
        if code:
            found.append(
                ElementProblem(
                    element=place, component=number, code=code, reference=part.reference, bad_value=value
                )
            )
    for number, value in enumerate(values[len(composite.components) :], len(composite.components) + 1):
        if value:
            found.append(ElementProblem(element=place, component=number, code="3", bad_value=value))
            break
    present = [False, *map(bool, values[: len(composite.components)])]
    for note in composite.notes:
        for number, code in note.broken(present):
            part = composite.components[number - 1]
            found.append(ElementProblem(element=place, component=number, code=code, reference=part.reference))
    return found


class Release:
    """The words of one release: its segments by id, its elements by number, the ids of all of its segments."""

    __slots__ = ("elements", "known", "name", "segments")

    def __init__(self, data: Mapping[str, Any], base: "Release | None" = None) -> None:
        """``base``: the release whose words hold here too, but for those that ``data`` says anew."""
        self.name: str = data["release"]
        codes = {number: frozenset(listed.split()) for number, listed in data.get("codes", {}).items()}
        self.elements: dict[str, Element] = dict(base.elements) if base else {}
        for number, text in data.get("elements", {}).items():
            type_, lengths, name = text.split(" ", 2)
            shortest, longest = map(int, lengths.split("/"))
            self.elements[number] = Element(
                reference=number,
                name=name,
                type=type_,
                shortest=shortest,
                longest=longest,
                codes=codes.get(number, frozenset()),
            )
        for number, entry in data.get("composites", {}).items():
            self.elements[number] = Element(
                reference=number,
                name=entry["name"],
                type="C",
                components=self._elements(entry["elements"]),
                notes=_notes(entry.get("notes", "")),
            )
        self.segments: dict[str, SegmentGuide] = {
            segment_id: SegmentGuide(
                segment_id,
                segment.name,
                tuple(replace(self.elements[one.reference], use=one.use) for one in segment.elements),
                segment.notes,
                segment.described,
            )
            for segment_id, segment in (base.segments if base else {}).items()
        } | {
            segment_id: SegmentGuide(
                segment_id,
                entry["name"],
                self._elements(entry.get("elements", "")),
                _notes(entry.get("notes", "")),
                "elements" in entry,
            )
            for segment_id, entry in data.get("segments", {}).items()
        }
        self.known: frozenset[str] = frozenset(data.get("known", {}).get("segments", "").split())
        if base:
            self.known |= base.known

    def _elements(self, listed: str) -> tuple[Element, ...]:
        return tuple(self._use(*text.split()) for text in listed.split(",") if text.strip())

    def _use(self, number: str, use: str = "O") -> Element:
        return replace(self.elements[number], use=use)


def _notes(listed: str) -> tuple[Note, ...]:
    return tuple(
        Note(kind=note[0], places=tuple(int(note[at : at + 2]) for at in range(1, len(note), 2)))
        for note in listed.split()
    )
