"""Builds a transaction set by its guide: values of Python become elements, and what breaks the guide is refused.

    composer = Composer(guide("855", "004010"), delimiters=..., unwritable="replace")
    composer.add("BAK", ["00", "AC", "4500017", date(2026, 11, 20)])       by position, from 01
    composer.add("PO1", {1: 1, 2: Decimal(12), 3: "EA", 6: "VP", 7: "A-1"}) or by element number
    composer.add("PO1/ACK", ["IB", Decimal(12), "EA"], fields={1: "lines/0/status"})
    composer.totals("PO1", hash_of=2)                                      the CTT
    OutgoingSet(set_id="855", control_number="0001", segments=composer.finish())

or the whole set at once, as ``(name, elements)`` or ``(name, elements, [what stands in its loop])``: ``build``.

A name is a segment's id, or its way through the loops (``PO1/ACK``): then it must stand there. Without a way it
stands where the guide lets it next. ST and SE are the writer's, with their counts.

How values are written, by the element's type:

    Nn      a Decimal or int, its point implied: 123.45 is 12345 as N2; never rounded
    R       a Decimal or int, without exponent and without zeros that say nothing
    DT      a date or datetime (in its own zone): CCYYMMDD, or YYMMDD where only six fit
    TM      a time or datetime (in its own zone): HHMM, or HHMMSS when there are seconds
    AN, ID  text; a number is written plainly
    C       a list or tuple of components
    any     text is written as it is, and checked; None and "" are nothing

A float is refused: it is not the number that was meant. Source: X12.6 (types), the release's element dictionary.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, Literal

from crossdock.errors import Unacceptable
from crossdock.formats.x12 import guides
from crossdock.formats.x12.elements import Element, SegmentGuide, without_point
from crossdock.formats.x12.items import Delimiters, Segment
from crossdock.formats.x12.problems import ElementProblem, SegmentProblem
from crossdock.formats.x12.structure import Guide, Walk
from crossdock.formats.x12.write import PLAIN
from crossdock.formats.x12.write import Element as Written

Elements = Sequence[Any] | Mapping[int, Any]
"""The elements of a segment: in their order from 01, or by their numbers."""

Described = tuple[str, Elements] | tuple[str, Elements, Iterable[Any]]

HASH_DIGITS: Final = 10
"""CTT02 has so many digits; a longer sum keeps its last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A value in which characters that cannot be written were replaced, for the log. ``position`` counts from 1 at
    the ST."""

    position: int
    segment_id: str
    element: int
    before: str
    after: str


class _Writing:
    """The walk over a set that is being written: each segment is tried before it is taken."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        self._walk = guide.begin()
        self._tried: Walk | None = None
        self._paths: tuple[str, ...] = ()
        self._positions: dict[str, list[int]] = {}

    def try_step(self, segment_id: str, position: int) -> tuple[Sequence[SegmentProblem], tuple[str, ...]]:
        """What is wrong with such a segment next, and the paths by which its place is called: by the names of the
        loops, by their first segments."""
        walk = self._walk
        self._tried = replace(
            walk, counts=walk.counts.copy(), within=walk.within.copy(), turns=walk.turns.copy(), found=[]
        )
        _, at = self._guide.stand(self._tried, segment_id, position)
        self._paths = self._guide.paths(at) if at >= 0 else (segment_id,)
        return self._tried.found, self._paths

    def take(self, position: int) -> None:
        """Take the segment that was tried."""
        assert self._tried is not None
        if self._tried.moved >= 0:
            # the segment before this one stands elsewhere, now that this one follows it
            for positions in self._positions.values():
                if positions and positions[-1] == position - 1:
                    positions.pop()
            for path in set(self._guide.paths(self._tried.moved)):
                self._positions.setdefault(path, []).append(position - 1)
        self._walk, self._tried = self._tried, None
        for path in set(self._paths):
            self._positions.setdefault(path, []).append(position)

    def positions(self, path: str) -> Sequence[int]:
        """Where the segments of a path stand, so far."""
        return self._positions.get(path, ())


class Composer:
    """One transaction set while it is built. Every refusal is an ``Unacceptable`` that names segment, element and
    value; ``violations`` are (``ACK04``, sentence) pairs."""

    def __init__(
        self,
        guide: Guide,
        *,
        delimiters: Delimiters = PLAIN,
        unwritable: Literal["refuse", "replace"] = "refuse",
        replacement: str = " ",
    ) -> None:
        """``unwritable``: what becomes of text that holds a delimiter or a control character. ``replacement`` stands
        for each such character; it may be empty."""
        self.guide = guide
        self.replaced: list[Replaced] = []
        self.notes: Sequence[SegmentProblem] = ()
        self._delimiters = delimiters
        self._forbidden = frozenset(
            delimiters.element + delimiters.component + delimiters.segment + delimiters.repetition
        )
        if len(replacement) > 1 or (replacement and self._is_unwritable(replacement)):
            raise ValueError(f"the replacement {replacement!r} cannot be written itself")
        self._replacement = replacement if unwritable == "replace" else None
        self._segments: list[Segment] = [["ST", guide.set_id, "0001"]]
        self._written: list[list[Written]] = []
        self._fields: dict[tuple[int, int], str] = {}
        self._walk = _Writing(guide)

    # -- what is built ----------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many segments the set has so far, with ST and SE: what SE01 will say."""
        return len(self._segments) + 1

    @property
    def fields(self) -> Mapping[tuple[int, int], str]:
        """Which field produced which element, by position from 1 at the ST and element number; element 0 is the whole
        segment. So an AK4 that comes back is led to the field."""
        return self._fields

    def field(self, position: int, element: int) -> str:
        """The field that produced an element, or else its segment; empty when nobody said."""
        return self._fields.get((position, element)) or self._fields.get((position, 0), "")

    def occurrences(self, path: str) -> list[Segment]:
        """The segments written so far that stand at this path (``PO1`` or ``PO1/ACK``)."""
        return [self._segments[position - 1] for position in self._walk.positions(path)]

    # -- building ---------------------------------------------------------------------------------------------

    def add(self, name: str, elements: Elements, *, fields: Mapping[int, str] | str = "") -> int:
        """Write one segment; its position from 1 at the ST. ``fields``: which field of ours each element is from, or
        the one that the whole segment is from."""
        *_, segment_id = name.split("/")
        position = len(self._segments) + 1
        known = self.guide.segment(segment_id)
        if known is None:
            raise self._refusal(
                position, segment_id, None, f"{segment_id} is no segment that the guide describes"
            )
        self._may_stand(name, segment_id, position)
        written: list[Written] = [segment_id]
        flat: Segment = [segment_id]
        for number, value in self._numbered(elements, known, position):
            element = known.elements[number - 1] if number <= len(known.elements) else None
            if element is None and known.described and not _is_nothing(value):
                raise self._refusal(
                    position,
                    segment_id,
                    number,
                    f"{segment_id}{number:02} does not exist: the segment has {len(known.elements)} elements; "
                    f"the value is {_shown(value)}",
                )
            one = self._element(value, element, position, segment_id, number)
            written.append(one)
            flat.append(one if isinstance(one, str) else self._delimiters.component.join(one))
        while len(flat) > 1 and not flat[-1]:
            flat.pop()
            written.pop()
        faults = known.faults(flat, self._delimiters.component, self._delimiters.repetition)
        if not faults and len(flat) == 1:
            raise self._refusal(position, segment_id, None, f"{segment_id} has no element")
        if faults:
            raise self._faulty(position, segment_id, faults)
        self._walk.take(position)
        self._segments.append(flat)
        self._written.append(written)
        if isinstance(fields, str):
            fields = {0: fields} if fields else {}
        for number, field in fields.items():
            self._fields[position, number] = field
        return position

    def build(self, described: Iterable[Described]) -> "Composer":
        """Write what is described: each a name and its elements, and what stands in its loop when that is a third."""
        self._build(described, "")
        return self

    def _build(self, described: Iterable[Described], around: str) -> None:
        for one in described:
            name = f"{around}{one[0]}"
            self.add(name, one[1])
            if len(one) == 3:
                self._build(one[2], f"{name}/")

    def totals(
        self,
        counted: str,
        *,
        hash_of: int | None = None,
        name: str = "CTT",
        more: Mapping[int, Any] | None = None,
    ) -> int:
        """Write the CTT: 01 how many segments stand at the path ``counted``, 02 the sum of their element
        ``hash_of`` (its last ten digits), and ``more`` elements by number."""
        lines = self.occurrences(counted)
        elements: dict[int, Any] = {1: len(lines), **(more or {})}
        if hash_of is not None:
            total = sum(
                (Decimal(line[hash_of]) for line in lines if hash_of < len(line) and line[hash_of]),
                Decimal(0),
            )
            elements[2] = _last_digits(total)
        return self.add(name, elements)

    def finish(self) -> list[list[Written]]:
        """The segments between ST and SE. Raises ``Unacceptable`` with everything that breaks the guide, the
        partner's included: a segment that is missing is only now known to be. What the partner only notes is in
        ``notes``."""
        set_id = self.guide.set_id
        whole = [*self._segments, ["SE", str(self.count), "0001"]]
        found = self.guide.check_segments(whole, self._delimiters)
        problems = [one for one in found if not one.note]
        self.notes = [one for one in found if one.note]
        if problems:
            raise Unacceptable(
                f"{set_id} cannot be written: {self._say(problems[0])}"
                + (f", and {len(problems) - 1} more" if len(problems) > 1 else ""),
                violations=[(_pointer(one), self._say(one)) for one in problems],
            )
        return self._written

    # -- one segment ------------------------------------------------------------------------------------------

    def _may_stand(self, name: str, segment_id: str, position: int) -> None:
        problems, paths = self._walk.try_step(segment_id, position)
        if problems:
            raise Unacceptable(
                f"{self.guide.set_id} cannot be written: {self._say(problems[0])}",
                violations=[(_pointer(one), self._say(one)) for one in problems],
            )
        if "/" in name and name not in paths:
            raise self._refusal(
                position, segment_id, None, f"{segment_id} would stand at {paths[0]!r} here, not at {name!r}"
            )

    def _numbered(self, elements: Elements, known: SegmentGuide, position: int) -> Iterable[tuple[int, Any]]:
        """Every element in its order, with nothing where none was given."""
        if isinstance(elements, str):
            raise TypeError(
                f"the elements of {known.id} must be a list or a table, not the text {elements!r}"
            )
        if not isinstance(elements, Mapping):
            return enumerate(elements, 1)
        if wrong := [number for number in elements if not isinstance(number, int) or number < 1]:
            raise self._refusal(
                position, known.id, None, f"{known.id} has no element {wrong[0]!r}; they count from 1"
            )
        return [(number, elements.get(number)) for number in range(1, max(elements, default=0) + 1)]

    def _element(
        self, value: Any, element: Element | None, position: int, segment_id: str, number: int
    ) -> Written:
        """One element as the writer takes it: text, or a list of components."""
        if isinstance(value, list | tuple):
            parts = element.components if element is not None else ()
            return [
                self._text(part, parts[at] if at < len(parts) else None, position, segment_id, number)
                for at, part in enumerate(value)
            ]
        if element is not None and element.components:
            # a composite of which only the first component is given
            return [self._text(value, element.components[0], position, segment_id, number)]
        return self._text(value, element, position, segment_id, number)

    def _text(self, value: Any, element: Element | None, position: int, segment_id: str, number: int) -> str:
        try:
            text = text_of(value, element)
        except ValueError as error:
            raise self._refusal(
                position,
                segment_id,
                number,
                f"{segment_id}{number:02}{_named(element)} cannot be written: {error}",
            ) from error
        if not self._is_unwritable(text):
            return text
        if self._replacement is None:
            raise self._refusal(
                position,
                segment_id,
                number,
                f"{segment_id}{number:02}{_named(element)} cannot be written as {text[:40]!r}: it holds a delimiter "
                "or a control character",
            )
        forbidden = self._forbidden
        after = "".join(
            self._replacement if character in forbidden or not character.isprintable() else character
            for character in text
        ).strip()
        self.replaced.append(
            Replaced(position=position, segment_id=segment_id, element=number, before=text, after=after)
        )
        return after

    def _is_unwritable(self, text: str) -> bool:
        return not (self._forbidden.isdisjoint(text) and (text.isprintable() or not text))

    # -- refusals ---------------------------------------------------------------------------------------------

    def _faulty(self, position: int, segment_id: str, faults: Sequence[ElementProblem]) -> Unacceptable:
        problem = SegmentProblem(segment_id=segment_id, position=position, code="8", elements=tuple(faults))
        return Unacceptable(
            f"{self.guide.set_id} cannot be written: {self._say(problem)}",
            violations=[
                (
                    _pointer(problem, bad),
                    self._say(
                        SegmentProblem(segment_id=segment_id, position=position, code="8", elements=(bad,))
                    ),
                )
                for bad in faults
            ],
        )

    def _say(self, problem: SegmentProblem) -> str:
        return guides.say(problem, self.guide.release)

    def _refusal(self, position: int, segment_id: str, element: int | None, why: str) -> Unacceptable:
        pointer = segment_id + (f"{element:02}" if element else "")
        sentence = f"{self.guide.set_id} cannot be written: segment {position}, {why}"
        return Unacceptable(sentence, violations=[(pointer, sentence)])


def text_of(value: Any, element: Element | None) -> str:
    """A value as an element of this type says it. Raises ``ValueError`` with what is wrong with the value."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return _yes_or_no(value, element)
        case float():
            raise ValueError(f"{value!r} is a float, which is not exact; give a Decimal")
        case int() | Decimal():
            return _number(Decimal(value), element)
        case datetime() if element is not None and element.type == "TM":
            return _time(value.timetz(), element)
        case date():
            return _date(value, element)
        case time():
            return _time(value, element)
    raise ValueError(f"{value!r} is a {type(value).__name__}, which no element can hold")


def _number(number: Decimal, element: Element | None) -> str:
    if element is not None and element.decimals is not None:
        return without_point(number, element.decimals)
    if not number.is_finite():
        raise ValueError(f"{number} is no number")
    if element is not None and element.type in ("DT", "TM", "B", "C"):
        raise ValueError(f"{number} is a number, and the element is {element.expected}")
    if number and abs(number.adjusted()) > 64:
        raise ValueError(f"{number} is far from what an element can hold")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if not number:
        return "0"
    return text


def _date(value: date, element: Element | None) -> str:
    if element is not None and element.type not in ("DT", "AN"):
        raise ValueError(f"{value} is a date, and the element is {element.expected}")
    whole = f"{value.year:04}{value:%m%d}"
    return whole[2:] if element is not None and element.type == "DT" and element.longest == 6 else whole


def _time(value: time, element: Element | None) -> str:
    if element is not None and element.type not in ("TM", "AN"):
        raise ValueError(f"{value} is a time, and the element is {element.expected}")
    seconds = value.second and (element is None or element.longest >= 6)
    return f"{value:%H%M%S}" if seconds else f"{value:%H%M}"


def _yes_or_no(value: bool, element: Element | None) -> str:
    if element is not None and element.type == "ID" and element.shortest == 1:
        return "Y" if value else "N"
    raise ValueError(f"{value} is yes or no, and the element is no Y or N")


def _last_digits(total: Decimal) -> Decimal:
    """A hash total as CTT02 holds it: of a sum that is too long its last digits."""
    _, digits, exponent = total.as_tuple()
    assert isinstance(exponent, int)
    return Decimal((0, digits[-HASH_DIGITS:], exponent))


def _is_nothing(value: Any) -> bool:
    return value is None or value == ""


def _shown(value: Any) -> str:
    return repr(value)[:40]


def _named(element: Element | None) -> str:
    return f" ({element.name}, element {element.reference})" if element is not None else ""


def _pointer(problem: SegmentProblem, bad: ElementProblem | None = None) -> str:
    bad = bad or (problem.elements[0] if problem.elements else None)
    if bad is None:
        return problem.segment_id
    component = f"-{bad.component}" if bad.component else ""
    return f"{problem.segment_id}{bad.element:02}{component}"
