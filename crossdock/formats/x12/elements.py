"""What may stand in a segment: its elements, how they are related, and what is wrong with those that came.

A release's file under ``guides/words`` says it; ``Release`` reads it:

    release = "005010"                          base = "004010": what that one says holds here too
    [elements]    610 = "N2 1/15 Amount"        type, shortest/longest, name
    [codes]       715 = "A E M P R W X"         the few code lists that are shipped
    [composites]  C001 = { name, elements, notes }
    [segments]    ACK = { name, elements = "668 M, 380 X, ...", notes = "P0203" }; no elements: they are not looked at
    [known]       segments = "..."              all ids of the release, described or not

An element in a list is its number, its use (M mandatory, X as the notes say, O) and how often it may repeat (1).
Source: X12.6 (types, syntax notes, repetition) and the element dictionary of the release.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from crossdock.formats.x12.items import Segment
from crossdock.formats.x12.problems import ElementProblem

UNLIMITED: Final = 1 << 62
_REMEMBERED: Final = 1024
_FAR: Final = 1000
"""No number that an element holds has more places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A relation between the elements of a segment (a syntax note): ``P0304`` is kind P of places 3 and 4.

    P all or none, R at least one, E at most one, C if the first then all, L if the first then one of the others.
    """

    kind: str
    places: tuple[int, ...]

    @property
    def text(self) -> str:
        """``P0304``."""
        return self.kind + "".join(f"{place:02}" for place in self.places)

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
    characters, without sign and decimal point. ``repeats``: so often it may come, parted by ISA11 (from 00402 on).
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
    repeats: int = 1

    @property
    def number(self) -> str:
        """The data element number as AK402 can say it; a composite has none."""
        return "" if self.components else self.reference

    @property
    def decimals(self) -> int | None:
        """How many decimals are implied: 2 for N2, 0 for N0; ``None`` for what is no N."""
        return int(self.type[1:] or 0) if self.type[0] == "N" else None

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


def with_point(text: str, decimals: int) -> Decimal:
    """The number that an element of type N says: ``with_point("12345", 2)`` is 123.45, ``"-5"`` is -0.05.

    Raises ``ValueError`` for what is no whole number.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"{text[:40]!r} is no whole number with {decimals} implied decimals")
    return Decimal((int(text.startswith("-")), tuple(map(int, digits)), -decimals))


def without_point(number: Decimal, decimals: int) -> str:
    """How an element of type N says a number: 123.45 is ``12345`` with two decimals. Exact: never rounded.

    Raises ``ValueError`` for a number that has more decimals, or is none.
    """
    if not number.is_finite():
        raise ValueError(f"{number} is no number")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    places = exponent + decimals
    if places < -_FAR or places > _FAR:
        if not number:
            return "0"
        raise ValueError(f"{number} is far from what an element can hold")
    whole = "".join(map(str, digits))
    if places >= 0:
        whole += "0" * places
    else:
        whole, rest = whole[:places], whole[places:]
        if rest.strip("0"):
            raise ValueError(f"{number} has more than {decimals} decimals")
    whole = whole.lstrip("0")
    return ("-" if sign else "") + whole if whole else "0"


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


_WHOLE, _DECIMAL, DATE, TIME, OTHER = range(5)
"""How a value is looked at when its length is right."""

right_dates: Final = _Right(_is_date)
right_times: Final = _Right(_is_time)

BETWEEN_ELEMENTS: Final = "\x1f"
BETWEEN_SEGMENTS: Final = "\x1e"
DOUBTFUL: Final = "?"
_SHAPES: Final = (
    {chr(code): DOUBTFUL for code in range(128)}
    | {chr(code): "A" for code in range(32, 127)}
    | dict.fromkeys("0123456789", "0")
    | {".": "."}
)


@lru_cache(maxsize=64)
def shapes(element: str, terminator: str, line_break: str = "") -> dict[int, str]:
    """Turns the text of segments into their shapes (``str.translate``): 0 for each digit, A for all else that is
    printed in ASCII, but for the decimal point; what is not printed is doubtful.

    A partner's segments have few shapes: that of ``ACK*IA*12*EA*068*20261120`` is ``AAA*AA*00*AA*000*00000000``, with
    ``BETWEEN_ELEMENTS`` for each asterisk and ``BETWEEN_SEGMENTS`` for the terminator.
    """
    here = {one: one for one in line_break} | {element: BETWEEN_ELEMENTS, terminator: BETWEEN_SEGMENTS}
    return str.maketrans(_SHAPES | here)


Plan = tuple[tuple[int, int], ...]
"""The places whose values are still to be looked at when the shape is right, and how."""


class Plans(dict[str, Plan | None]):
    """What the shape of a segment says: a plan, or ``None`` where something is or may be wrong.

    Presence, lengths and relations are worked out once for each combination of lengths, the numbers among them once
    for each shape, and both are remembered, for a partner's segments look alike. What is left for each segment are
    its dates and times, its codes and its composites.
    """

    __slots__ = ("_elements", "_notes", "_of_lengths")

    def __init__(self, elements: tuple[Element, ...], notes: tuple[Note, ...]) -> None:
        self._elements = elements
        self._notes = notes
        self._of_lengths: dict[tuple[int, ...], Plan | None] = {}

    def __missing__(self, shape: str) -> Plan | None:
        parts = shape.split(BETWEEN_ELEMENTS)
        lengths = tuple(map(len, parts))
        known = self._of_lengths
        plan = known[lengths] if lengths in known else self._work_out(lengths)
        if plan:
            plan = _without_numbers(plan, parts)
        if len(parts) <= len(self._elements) + 1:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[shape] = plan
        return plan

    def _work_out(self, lengths: tuple[int, ...]) -> Plan | None:
        size = len(self._elements) + 1
        plan = None if any(lengths[size:]) else self._planned(lengths)
        if len(lengths) <= size:
            if len(self._of_lengths) >= _REMEMBERED:
                self._of_lengths.clear()
            self._of_lengths[lengths] = plan
        return plan

    def _planned(self, lengths: tuple[int, ...]) -> Plan | None:
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


def _without_numbers(plan: Plan, parts: Sequence[str]) -> Plan | None:
    """What is left of a plan when the numbers in a shape are digits, with one decimal point where that may be."""
    left: list[tuple[int, int]] = []
    for place, kind in plan:
        if kind not in (_WHOLE, _DECIMAL):
            left.append((place, kind))
            continue
        digits = parts[place] if kind == _WHOLE else parts[place].replace(".", "", 1)
        if not digits or digits.strip("0"):
            return None
    return tuple(left)


class _Anything(dict[str, Plan | None]):
    """The plans of a segment whose elements are not described."""

    def __missing__(self, shape: str) -> Plan | None:
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
        self.plans: dict[str, Plan | None] = Plans(elements, notes) if described else _Anything()

    def is_right(self, place: int, value: str) -> bool:
        """Whether a value of kind ``OTHER`` is surely right: quick, and false in doubt."""
        element = self.elements[place - 1]
        return not element.components and element.fault(value) is None

    def faults(self, segment: Segment, component: str, repetition: str = "") -> list[ElementProblem]:
        """Everything that is wrong with the elements, in their order. ``component`` and ``repetition`` are the
        separators; empty where there is none."""
        if not self.described:
            return []
        found: list[ElementProblem] = []
        for place, element in enumerate(self.elements, 1):
            value = segment[place] if place < len(segment) else ""
            if not value:
                if element.use == "M":
                    found.append(ElementProblem(element=place, code="1", reference=element.number))
            elif repetition and repetition in value:
                found += _faults_of_repeated(place, element, value, component, repetition)
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
        return OTHER
    if element.type == "R":
        return _DECIMAL if element.shortest == 1 else OTHER
    if element.type[0] == "N":
        return _WHOLE
    return {"DT": DATE, "TM": TIME}.get(element.type)


def _faults_of_repeated(
    place: int, element: Element, value: str, component: str, repetition: str
) -> Iterator[ElementProblem]:
    """Each occurrence that is wrong, and the first that is one too many. An empty one says nothing."""
    occurrences = value.split(repetition)
    if element.repeats == 1:
        # where nothing may repeat, the value as a whole is what the sender has to look at
        yield ElementProblem(
            element=place, code="3", implementation="12", reference=element.number, bad_value=value
        )
        return
    if element.use == "M" and not any(occurrences):
        yield ElementProblem(element=place, code="1", reference=element.number)
        return
    for number, one in enumerate(occurrences[: element.repeats], 1):
        if not one:
            continue
        if element.components:
            parts = one.split(component) if component else [one]
            for problem in _faults_of_composite(place, element, parts):
                yield replace(problem, repetition=number)
        elif code := element.fault(one):
            yield ElementProblem(
                element=place, code=code, reference=element.reference, bad_value=one, repetition=number
            )
    if len(occurrences) > element.repeats:
        yield ElementProblem(
            element=place,
            code="3",
            implementation="12",
            reference=element.number,
            bad_value=occurrences[element.repeats],
            repetition=element.repeats + 1,
        )


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
            found.append(
                ElementProblem(
                    element=place, component=number, code="3", implementation="13", bad_value=value
                )
            )
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
        for number, known in self.elements.items():
            if known.components:
                # a composite of the base is made of this release's elements
                self.elements[number] = replace(known, components=tuple(map(self._renewed, known.components)))
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
                tuple(map(self._renewed, segment.elements)),
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

    def _use(self, number: str, use: str = "O", repeats: str = "1") -> Element:
        return replace(self.elements[number], use=use, repeats=int(repeats))

    def _renewed(self, used: Element) -> Element:
        """The same use of the same element, as this release describes the element."""
        return replace(self.elements[used.reference], use=used.use, repeats=used.repeats)


def _notes(listed: str) -> tuple[Note, ...]:
    return tuple(
        Note(kind=note[0], places=tuple(int(note[at : at + 2]) for at in range(1, len(note), 2)))
        for note in listed.split()
    )
