"""One transaction set as a person reads it: what each segment is called, in which loop it stands, what its codes,
dates and amounts say, and what is wrong with it, at its byte.

Names are those of the guide's words. What a code means is said by the caller (``Text``): it knows which lists may be
shown. Source: X12.6 (types), X12 004010 segment HL for the levels of a hierarchy.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from crossdock.formats.x12.elements import Element, Release, with_point
from crossdock.formats.x12.findings import Finding
from crossdock.formats.x12.guides import Guide, say, words
from crossdock.formats.x12.isa import is_date, is_time
from crossdock.formats.x12.items import Segment, TransactionSet
from crossdock.formats.x12.loops import hierarchy
from crossdock.formats.x12.overlay import PartnerGuide
from crossdock.formats.x12.problems import ElementProblem, SegmentProblem
from crossdock.formats.x12.security import hide_quoted_security
from crossdock.formats.x12.structure import separator

Text = Callable[[str, str], str]
"""What a code of a data element means: ``text("668", "IB")``. Empty where nothing may be said."""

NESTED_AT_MOST: Final = 12
"""No line is moved in further than so many steps: a hostile file may nest its levels by the thousand."""

_DATE_FORMAT, _DATE_PERIOD = "1250", "1251"
"""The element that says how the next one is to be read, and that one: a date, a time, or a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One element, or one component or repetition of it, and what it says.

    ``says`` is what the value alone does not show: what a code means, the amount of an N2, the day of a DT. It is
    empty where the value speaks for itself.
    """

    element: int
    component: int | None
    repetition: int | None
    reference: str
    name: str
    value: str
    says: str

    @property
    def sentence(self) -> str:
        """What it is and what it says. A date or an amount is not said twice."""
        is_value = self.says.lstrip("-")[:1].isdigit()
        return f"{self.name}: {self.says}" if is_value else f"{self.name} {self.value}: {self.says}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong, and exactly where: ``offset`` and ``length`` in bytes of the file (length 0: it is
    missing there), ``segment`` the number among all segments of the file.

    ``code`` is a finding's (``X12.SE_COUNT``), or that of the AK3, AK4, IK3 or IK4 which tells it (``AK304 3``), or
    ``HL`` for levels that do not fit. ``told`` is what the acknowledgement says of it, for a person.
    """

    code: str
    severity: str
    sentence: str
    segment: int | None
    segment_id: str
    offset: int
    length: int
    element: int | None = None
    component: int | None = None
    repetition: int | None = None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One segment of a set. ``position`` counts from 1 at the ST; ``loops`` are those around it, outermost first, and
    ``turn`` says which of its loop begins with it (``None``: none does). ``depth`` is how far it is moved in: by its
    loops, and in a hierarchy by its level."""

    segment: int
    position: int
    offset: int
    length: int
    id: str
    name: str
    content: Segment
    loops: tuple[str, ...]
    turn: int | None
    depth: int
    readings: tuple[Reading, ...]
    troubles: tuple[Trouble, ...]


# -- what is wrong ----------------------------------------------------------------------------------


def of_finding(finding: Finding) -> Trouble:
    """What the reader found, as trouble at its place."""
    told = f"{finding.level} {finding.ack_code}" if finding.ack_code else ""
    return Trouble(
        code=str(finding.code),
        severity=str(finding.severity),
        sentence=hide_quoted_security(finding.message),
        segment=finding.segment,
        segment_id=finding.segment_id,
        offset=finding.offset,
        length=finding.length,
        told=told,
    )


def troubles(
    entry: TransactionSet, problems: Sequence[SegmentProblem], *, kind: str = "997"
) -> Iterator[Trouble]:
    """What breaks the guide, each at its element. ``kind``: the acknowledgement that tells it, 997 or 999."""
    for problem in problems:
        known = problem.position <= len(entry.segments)
        offset, length = entry.span_of(problem.position) if known else (entry.offset + entry.length, 0)
        number = entry.first_ordinal + problem.position - 1
        of_segment = f"IK304 {problem.ik3}" if kind == "999" else f"AK304 {problem.code}"
        if not problem.elements:
            missing = not known or entry.segments[problem.position - 1][0] != problem.segment_id
            yield Trouble(
                code=of_segment,
                severity="warning" if problem.note else "error",
                sentence=_without_place(problem, entry.version),
                segment=number,
                segment_id=problem.segment_id,
                offset=offset,
                length=0 if missing else len(problem.segment_id),
                told=of_segment,
            )
        for bad in problem.elements:
            code = f"IK403 {bad.ik4}" if kind == "999" else f"AK403 {bad.code}"
            place, size = _span(entry, problem.position, bad) if known else (offset, length)
            yield Trouble(
                code=code,
                severity="warning" if bad.note or problem.note else "error",
                sentence=_without_place(replace(problem, elements=(bad,)), entry.version),
                segment=number,
                segment_id=problem.segment_id,
                offset=place,
                length=size,
                element=bad.element,
                component=bad.component,
                repetition=bad.repetition,
                told=f"{of_segment}, {code}",
            )


def broken_levels(entry: TransactionSet, guide: Guide) -> Iterator[Trouble]:
    """HL segments whose numbers do not fit. No acknowledgement tells it; whoever maps the set stumbles over it."""
    if not any(segment and segment[0] == "HL" for segment in entry.segments):
        return
    for level in hierarchy(guide.tree(entry).inside("HL")).problems:
        offset, length = entry.span_of(level.position)
        yield Trouble(
            code="HL",
            severity="error",
            sentence=level.sentence,
            segment=entry.first_ordinal + level.position - 1,
            segment_id="HL",
            offset=offset,
            length=length,
        )


def _without_place(problem: SegmentProblem, version: str) -> str:
    """What is wrong, without where: the trouble has its place beside it."""
    said = say(problem, version).removeprefix(f"segment {problem.position}, ")
    if not problem.elements:
        return said
    at = said.find(f": {problem.segment_id}{problem.elements[0].element:02}")
    return said[at + 2 :] if at >= 0 else said


def _span(entry: TransactionSet, position: int, bad: ElementProblem) -> tuple[int, int]:
    """Where a bad element stands, or the component or repetition of it that is bad."""
    offset, length = entry.element_span(position, bad.element)
    segment = entry.segments[position - 1]
    if bad.element >= len(segment):
        at, size = entry.span_of(position)
        return at + size, 0
    delimiters = entry.interchange.delimiters
    value = segment[bad.element]
    encoding = "utf-8" if entry.encoding == "utf-8" else "latin-1"
    for number, mark in (
        (bad.repetition, separator(delimiters.repetition)),
        (bad.component, delimiters.component),
    ):
        if number is None or not mark:
            continue
        parts = value.split(mark)
        if number > len(parts):
            return offset + length, 0
        before = mark.join(parts[: number - 1]) + (mark if number > 1 else "")
        offset += len(before.encode(encoding, "replace"))
        value = parts[number - 1]
        length = len(value.encode(encoding, "replace"))
    return offset, length


# -- what it says -----------------------------------------------------------------------------------


class Annotator:
    """Reads the segments of one set by its guide, or by the words of its release where it has none."""

    def __init__(self, entry: TransactionSet, guide: Guide | None, *, text: Text) -> None:
        self._entry = entry
        self._text = text
        self._words: Release = guide.words if guide is not None else nearest_words(entry.version)
        delimiters = entry.interchange.delimiters
        self._component = delimiters.component
        self._repetition = separator(delimiters.repetition)
        self._places = guide.places(entry.segments) if guide is not None else None
        self._guide = guide
        self._own = _own_codes(guide)
        self._around: dict[int, tuple[str, ...]] = {}
        self._levels = self._depths() if guide is not None else {}

    def lines(self, wanted: Sequence[int], found: Sequence[Trouble]) -> list[Line]:
        """The segments at these positions, in order, with the trouble that stands at each."""
        entry = self._entry
        at: dict[int, list[Trouble]] = {}
        for one in found:
            if one.segment is not None:
                at.setdefault(one.segment - entry.first_ordinal + 1, []).append(one)
        turns = self._turns()
        spans = entry.spans()
        return [self._line(position, spans[position - 1], turns, at.get(position, ())) for position in wanted]

    def loops(self) -> dict[str, int]:
        """How often each loop comes, by its path, in the order of the set."""
        counts: dict[str, int] = {}
        for place in self._places or ():
            if place > 0 and self._guide is not None and self._guide.place(place).begins:
                path = self._guide.paths(place)[0]
                counts[path] = counts.get(path, 0) + 1
        return counts

    def _line(
        self,
        position: int,
        span: tuple[int, int],
        turns: Mapping[int, int],
        found: Sequence[Trouble],
    ) -> Line:
        content = self._entry.segments[position - 1]
        segment_id = content[0] if content else ""
        known = self._words.segments.get(segment_id)
        loops = self._loops(position)
        return Line(
            segment=self._entry.first_ordinal + position - 1,
            position=position,
            offset=span[0],
            length=span[1],
            id=segment_id,
            name=known.name if known else "",
            content=content,
            loops=loops,
            turn=turns.get(position),
            depth=min(len(loops) + self._levels.get(position, 0), NESTED_AT_MOST),
            readings=tuple(self._readings(content, position)),
            troubles=tuple(found),
        )

    def _loops(self, position: int) -> tuple[str, ...]:
        if self._places is None or self._guide is None:
            return ()
        at = self._places[position - 1]
        inside = at if at >= 0 else ~at
        if inside <= 0:
            return ()
        known = self._around.get(inside)
        if known is None:
            path = self._guide.paths(inside)[0].split("/")
            known = tuple(path if self._guide.place(inside).begins else path[:-1])
            self._around[inside] = known
        return known

    def _turns(self) -> dict[int, int]:
        """Of the segments that begin a loop: which turn of it, in the loop around."""
        turns: dict[int, int] = {}
        counts: dict[int, dict[int, int]] = {}
        current: dict[int, int] = {0: 0}
        for position, place in enumerate(self._places or (), start=1):
            if place <= 0 or self._guide is None or not self._guide.place(place).begins:
                continue
            around = self._guide.place(place).parent
            of = counts.setdefault(place, {})
            begun = current.get(around, 0)
            of[begun] = of.get(begun, 0) + 1
            turns[position] = of[begun]
            current[place] = position
        return turns

    def _depths(self) -> dict[int, int]:
        """How much deeper each segment stands by the hierarchy of its HL: 0 at the top."""
        assert self._guide is not None
        if not any(segment and segment[0] == "HL" for segment in self._entry.segments):
            return {}
        depths: dict[int, int] = {}
        found: list[tuple[int, int]] = []
        of_level: dict[int, int] = {}
        for level in hierarchy(self._guide.tree(self._entry).inside("HL")).levels:
            depth = 0 if level.parent is None else of_level[id(level.parent)] + 1
            of_level[id(level)] = depth
            found.append((level.loop.position, depth))
        for number, (position, depth) in enumerate(found):
            end = found[number + 1][0] if number + 1 < len(found) else len(self._entry.segments) + 1
            if depth:
                for inside in range(position, end):
                    if self._loops(inside)[:1] == ("HL",):
                        depths[inside] = depth
        return depths

    def _readings(self, content: Segment, position: int) -> Iterator[Reading]:
        known = self._words.segments.get(content[0]) if content else None
        elements: Sequence[Element] = known.elements if known is not None else ()
        date_format = ""
        for place, value in enumerate(content[1:], start=1):
            element = elements[place - 1] if place <= len(elements) else None
            if not value:
                continue
            if element is None:
                yield _unknown(place, value)
                continue
            if element.reference == _DATE_FORMAT:
                date_format = value
            several = bool(self._repetition) and self._repetition in value
            for number, one in enumerate(value.split(self._repetition) if several else [value], start=1):
                for component, part, text in self._parts(element, one):
                    if text:
                        yield Reading(
                            element=place,
                            component=component,
                            repetition=number if several else None,
                            reference=part.reference,
                            name=part.name,
                            value=text,
                            says=self._says(part, text, position, place, component, date_format),
                        )

    def _parts(self, element: Element, value: str) -> Iterator[tuple[int | None, Element, str]]:
        if not element.components:
            yield None, element, value
            return
        values = value.split(self._component) if self._component else [value]
        for number, text in enumerate(values, start=1):
            part = element.components[number - 1] if number <= len(element.components) else element
            yield number, part, text

    def _says(
        self, part: Element, value: str, position: int, place: int, component: int | None, date_format: str
    ) -> str:
        if self._own and self._places is not None:
            at = self._places[position - 1]
            text = self._own.get((at, place, component), {}).get(value.strip(), "")
            if text:
                return text
        if part.reference == _DATE_PERIOD:
            return _period(value, date_format)
        if part.type == "DT":
            return day(value)
        if part.type == "TM":
            return time_of_day(value)
        if part.decimals:
            return amount(value, part.decimals)
        return self._text(part.reference, value.strip())


def _unknown(place: int, value: str) -> Reading:
    return Reading(
        element=place, component=None, repetition=None, reference="", name="", value=value, says=""
    )


def nearest_words(version: str) -> Release:
    """The words of a release, or of the nearest that is described."""
    return words("005010" if version[:6] >= "005010" else "004010")


def _own_codes(guide: Guide | None) -> dict[tuple[int, int, int | None], dict[str, str]]:
    """The partner's own codes: by place in the guide, element and component, what each code means."""
    found: dict[tuple[int, int, int | None], dict[str, str]] = {}
    if isinstance(guide, PartnerGuide):
        for target in guide.targets:
            rule = target.rule
            if rule.kind == "own" and rule.path.element is not None:
                for at in target.places:
                    of = found.setdefault((at, rule.path.element, rule.path.component), {})
                    of.update(zip(rule.codes, rule.texts, strict=True))
    return found


# -- values that a person reads otherwise than X12 writes them --------------------------------------


def amount(value: str, decimals: int) -> str:
    """``12345`` with two decimals implied is 123.45. Empty for what is no such number."""
    try:
        return f"{with_point(value.strip(), decimals):,f}"
    except ValueError:
        return ""


def day(value: str) -> str:
    """``20261120`` is 2026-11-20. Two digits of a year below 70 are of this century. Empty for what is no date."""
    text = value.strip()
    if not is_date(text):
        return ""
    if len(text) == 6:
        text = ("20" if text < "70" else "19") + text
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def time_of_day(value: str) -> str:
    """``1405`` is 14:05, ``14053099`` is 14:05:30.99. Empty for what is no time."""
    text = value.strip()
    if not is_time(text):
        return ""
    seconds = f":{text[4:6]}" if len(text) > 4 else ""
    fraction = f".{text[6:]}" if len(text) > 6 else ""
    return f"{text[:2]}:{text[2:4]}{seconds}{fraction}"


def _period(value: str, date_format: str) -> str:
    """What a DTP03 says by its format [1250]: a day, a time, both, or from one day to another."""
    text = value.strip()
    match date_format.strip():
        case "D8" | "D6":
            return day(text)
        case "TM":
            return time_of_day(text)
        case "DT" if day(text[:8]) and time_of_day(text[8:]):
            return f"{day(text[:8])} {time_of_day(text[8:])}"
        case "RD8":
            first, _, last = text.partition("-")
            return f"{day(first)} to {day(last)}" if day(first) and day(last) else ""
    return ""
