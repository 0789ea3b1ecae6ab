"""A transaction set as nested loops, by the names of its guide, and the hierarchy that HL segments draw.

Source: X12.6 (loops), X12 004010 segment HL: HL01 is the level's number, HL02 its parent's, HL03 [735] what it is
(S shipment, O order, T tare, P pack, I item).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from weakref import ReferenceType, ref

from crossdock.formats.x12.items import Segment

Placed = tuple[int, Segment]
"""A segment with its position in the set, from 1 at the ST."""


class Loop:
    """One turn of a loop: its own segments, and the loops in it. The set itself is the loop without a name.

    ``position`` is that of the segment that begins it. A long set has tens of thousands of loops, nearly all of one
    segment, so a loop keeps positions and makes no list before it needs one. It knows the loop around it without
    keeping it: no circle, so a set that is let go is gone at once.
    """

    __slots__ = ("__weakref__", "_more", "_of", "_outer", "loops", "name", "position")

    def __init__(
        self, name: str, position: int, outer: "Loop | None" = None, of: Sequence[Segment] = ()
    ) -> None:
        """``of``: all segments of the set; a loop without them is empty."""
        self.name = name
        self.position = position
        self._outer = None if outer is None else ref(outer)
        self.loops: Sequence[Loop] = ()
        self._of = of
        self._more: Sequence[int] = ()

    def __repr__(self) -> str:
        return f"Loop({self.path or 'the set'!r}, position={self.position})"

    def begin(self, name: str, position: int) -> "Loop":
        """A new loop in this one."""
        inner = Loop(name, position, self, self._of)
        if isinstance(self.loops, list):
            self.loops.append(inner)
        else:
            self.loops = [inner]
        return inner

    def add(self, position: int) -> None:
        """A segment of its own, behind those that it has."""
        if isinstance(self._more, list):
            self._more.append(position)
        else:
            self._more = [position]

    def drop_last(self, *, loop: bool) -> None:
        """Take back the last of its own segments, or the last loop in it."""
        last = self.loops if loop else self._more
        assert isinstance(last, list)
        last.pop()

    @property
    def outer(self) -> "Loop | None":
        """The loop around it; ``None`` for the set itself."""
        return None if self._outer is None else self._outer()

    @property
    def head(self) -> Segment:
        """The segment that begins it; of the set itself, the ST."""
        return self._of[self.position - 1]

    @property
    def segments(self) -> list[Placed]:
        """Its own segments, in their order."""
        of = self._of
        found = [(self.position, of[self.position - 1])] if self.name else []
        found += [(position, of[position - 1]) for position in self._more]
        return found

    @property
    def path(self) -> str:
        """The names from the outermost loop to this one: ``PO1/ACK``."""
        names: list[str] = []
        loop: Loop | None = self
        while loop is not None and loop.name:
            names.append(loop.name)
            loop = loop.outer
        return "/".join(reversed(names))

    def first(self, segment_id: str) -> Placed | None:
        """The first of the loop's own segments with this identifier."""
        return next(self._with(segment_id), None)

    def all(self, segment_id: str) -> list[Placed]:
        """All of the loop's own segments with this identifier."""
        return list(self._with(segment_id))

    def inside(self, name: str) -> list["Loop"]:
        """The loops of this name directly in this one."""
        return [loop for loop in self.loops if loop.name == name]

    def _with(self, segment_id: str) -> Iterator[Placed]:
        of = self._of
        if self.name and of[self.position - 1][0] == segment_id:
            yield self.position, of[self.position - 1]
        for position in self._more:
            segment = of[position - 1]
            if segment and segment[0] == segment_id:
                yield position, segment


@dataclass(slots=True, kw_only=True, weakref_slot=True)
class Level:
    """One HL loop in its hierarchy; the hierarchy keeps them all."""

    id: str
    code: str
    loop: Loop
    children: list["Level"] = field(default_factory=list, repr=False)
    _parent: "ReferenceType[Level] | None" = field(default=None, repr=False)

    @property
    def parent(self) -> "Level | None":
        """The level above; ``None`` at the top."""
        return None if self._parent is None else self._parent()

    def add(self, child: "Level") -> None:
        """Put a level under this one."""
        child._parent = ref(self)
        self.children.append(child)

    def above(self, code: str) -> "Level | None":
        """The nearest level of this kind around this one."""
        level = self.parent
        while level is not None and level.code != code:
            level = level.parent
        return level


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLevel:
    """An HL that does not fit: where, which, and why."""

    position: int
    id: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """All levels in the order of the document, those at the top, and what is wrong with their numbers."""

    levels: Sequence[Level]
    roots: Sequence[Level]
    problems: Sequence[BrokenLevel]


def hierarchy(loops: Sequence[Loop]) -> Hierarchy:
    """The levels that these HL loops draw. A level whose parent is not there yet stands at the top, with a problem:
    a parent comes before its children, so nothing can go round in a circle."""
    levels: list[Level] = []
    roots: list[Level] = []
    problems: list[BrokenLevel] = []
    known: dict[str, Level] = {}
    for loop in loops:
        segment = loop.head
        number, above, code = (segment[place].strip() if place < len(segment) else "" for place in (1, 2, 3))
        level = Level(id=number, code=code, loop=loop)
        levels.append(level)

        def tell(sentence: str, loop: Loop = loop, number: str = number) -> None:
            problems.append(BrokenLevel(position=loop.position, id=number, sentence=sentence))

        if not number:
            tell("HL01 is empty: the level has no number")
        elif number in known:
            tell(f"the level number {number[:12]} comes twice")
        if above and above == number:
            tell(f"level {number[:12]} is its own parent")
        elif above and above not in known:
            tell(f"level {number[:12]} names the parent {above[:12]}, and no level before it has that number")
        parent = known.get(above) if above and above != number else None
        if parent is None:
            roots.append(level)
        else:
            parent.add(level)
        if number:
            known.setdefault(number, level)
    return Hierarchy(levels=levels, roots=roots, problems=problems)
