"""What stands where in a transaction set: its segments and loops in their order, and the walk that checks them.

The places of a guide are numbered in their order; a loop is the place of its first segment. Which segment may follow
a place is worked out once for each place and identifier and remembered, so that the walk over a set is one look-up
for each segment, with no recursion. Source: X12.6 (loops, repetition) and the set's table in its guide.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final, NamedTuple

from crossdock.formats.x12.elements import UNLIMITED, Element, Release, SegmentGuide
from crossdock.formats.x12.items import Segment, TransactionSet
from crossdock.formats.x12.loops import Loop
from crossdock.formats.x12.problems import SegmentProblem

PROBLEMS_AT_MOST: Final = 100
"""So many problems of one set are told; a set that has more is no such set at all."""

_BORROWED_SEGMENT_CODES: Final = frozenset("38")
_BORROWED_ELEMENT_CODES: Final = frozenset({"1", "2", "6", "8", "9", "10"})


class _Move(NamedTuple):
    """A step from one place of the guide to another that a segment id allows."""

    to: int
    limit: int
    is_loop: bool
    missing: tuple[int, ...]
    """Mandatory places that were passed by."""
    counted_anew: tuple[int, ...]
    """Loops directly inside of the loop that begins here."""


@dataclass(slots=True, kw_only=True)
class _Place:
    """A use of a segment in the set. A loop is the place of its first segment, and its members' parent."""

    segment: SegmentGuide
    mandatory: bool
    limit: int
    parent: int
    loop: str
    """The innermost loop in which the segment stands."""
    begins: bool
    """Whether that loop begins with it."""
    members: list[int]
    last: int = 0
    """The last place inside of the loop that begins here."""


class Guide:
    """What stands where in a transaction set of one release."""

    __slots__ = (
        "_guides",
        "_ids",
        "_moves",
        "_places",
        "functional_group",
        "name",
        "release",
        "set_id",
        "words",
    )

    def __init__(self, data: Mapping[str, Any], release: str, words: Release) -> None:
        self.set_id: str = data["set"]
        self.release = release
        self.functional_group: str = data["functional_group"]
        self.name: str = data["name"]
        self.words = words
        root = SegmentGuide("ST", "Transaction Set Header", (), (), False)
        self._places = [
            _Place(segment=root, mandatory=True, limit=1, parent=-1, loop="", begins=True, members=[])
        ]
        self._add(data["segments"], 0, "")
        self._places[0].last = len(self._places) - 1
        self._guides = [place.segment for place in self._places]
        self._ids = {place.segment.id for place in self._places[1:]}
        self._moves: list[dict[str, tuple[_Move, ...]]] = [{} for _ in self._places]

    def _add(self, listed: Sequence[Any], parent: int, loop: str) -> None:
        for entry in listed:
            here = len(self._places)
            if isinstance(entry, str):
                segment_id, use, most = entry.split()
                place = self._place(segment_id, use, most, parent, loop, begins=False)
                self._places.append(place)
            else:
                segment_id, use, _ = entry["segments"][0].split()
                place = self._place(segment_id, use, str(entry["max"]), parent, entry["loop"], begins=True)
                self._places.append(place)
                self._add(entry["segments"][1:], here, entry["loop"])
            place.last = len(self._places) - 1
            self._places[parent].members.append(here)

    def _place(self, segment_id: str, use: str, most: str, parent: int, loop: str, *, begins: bool) -> _Place:
        return _Place(
            segment=self.words.segments[segment_id],
            mandatory=use == "M",
            limit=UNLIMITED if most == "*" else int(most),
            parent=parent,
            loop=loop,
            begins=begins,
            members=[],
        )

    # -- names, for the inspector and for sentences -----------------------------------------------------------

    def segment(self, segment_id: str) -> SegmentGuide | None:
        """A segment of the release by its id."""
        return self.words.segments.get(segment_id)

    def segment_name(self, segment_id: str) -> str:
        """``Line Item Acknowledgment`` for ACK; empty for a segment that the release's file does not describe."""
        found = self.words.segments.get(segment_id)
        return found.name if found else ""

    def element(self, segment_id: str, place: int, component: int | None = None) -> Element | None:
        """The element at a place from 1 of a segment, or the component of a composite there."""
        found = self.words.segments.get(segment_id)
        if found is None or not 1 <= place <= len(found.elements):
            return None
        element = found.elements[place - 1]
        if component is None or not element.components:
            return element
        return element.components[component - 1] if 1 <= component <= len(element.components) else None

    def outline(self, segments: Sequence[Segment]) -> list[tuple[str, ...]]:
        """For each segment the loops in which it stands, outermost first: ``("PO1", "ACK")``. A segment that is in
        a wrong place stands where the one before it does."""
        at = 0
        outline: list[tuple[str, ...]] = []
        for segment in segments:
            moves = self._moves_from(at, segment[0]) if segment else ()
            if segment and segment[0] == "SE":
                at = 0
            elif moves:
                at = moves[0].to
            outline.append(self._loops(at))
        return outline

    def tree(self, entry: TransactionSet) -> Loop:
        """The set as nested loops, by name. ST and SE are left out, and so is nothing else: a segment that is in a
        wrong place stands in the loop of the one before it."""
        root = Loop(name="", position=1)
        open_loops = {0: root}
        at, innermost = 0, root
        for position, segment in enumerate(entry.segments, 1):
            segment_id = segment[0] if segment else ""
            if segment_id in ("ST", "SE"):
                continue
            moves = self._moves_from(at, segment_id)
            if moves:
                at = moves[0].to
                place = self._places[at]
                if place.begins:
                    innermost = open_loops[place.parent].begin(place.loop, position)
                    open_loops[at] = innermost
                else:
                    innermost = open_loops[place.parent]
            innermost.segments.append((position, segment))
        return root

    def _loops(self, at: int) -> tuple[str, ...]:
        loops: list[str] = []
        if not self._places[at].begins:
            at = self._places[at].parent
        while at > 0:
            loops.append(self._places[at].loop)
            at = self._places[at].parent
        return tuple(reversed(loops))

    # -- the walk ---------------------------------------------------------------------------------------------

    def check(self, entry: TransactionSet) -> Sequence[SegmentProblem]:
        """Everything that is wrong with the content of a set, in its order, at most ``PROBLEMS_AT_MOST``.

        Positions count from 1 at the ST. A mandatory segment that is missing is told at the position where it
        should have stood. ST and SE are the reader's affair.
        """
        segments = entry.segments
        end = len(segments)
        if end and segments[-1][:1] == ["SE"]:
            end -= 1
        text = "".join(chain.from_iterable(segments))
        plain = text.isascii() and text.isprintable()
        all_moves, all_guides = self._moves, self._guides
        walk = _Walk(
            counts=[0] * len(self._places),
            component=entry.interchange.delimiters.component,
            borrowed=entry.version != self.release,
        )
        counts = walk.counts
        at = run = 0
        begin = 1 if end and segments[0][:1] == ["ST"] else 0
        for index, segment in enumerate(segments[begin:end], begin):
            # the way of a right segment, as short as it can be
            if segment and (plain or _plain(segment)) and (moves := all_moves[at].get(segment[0])):
                to, limit, is_loop, missing, counted_anew = moves[0]
                count = counts[to] + 1 if is_loop else run + 1 if to == at else 1
                if count <= limit and not missing and walk.aside < 0:
                    guide = all_guides[to]
                    plan = guide.plans[tuple(map(len, segment))]
                    if plan is not None and (not plan or guide.follows(plan, segment)):
                        at, run = to, count
                        if is_loop:
                            counts[to] = count
                            for loop in counted_anew:
                                counts[loop] = 0
                        continue
            walk.at, walk.run = at, run
            self._step(walk, segment, index + 1)
            at, run = walk.at, walk.run
            if len(walk.found) >= PROBLEMS_AT_MOST:
                return walk.found[:PROBLEMS_AT_MOST]
        for place in self._missing_behind(at if walk.aside < 0 else walk.aside):
            walk.tell(self._problem(place, end + 1, "3"))
        return walk.found[:PROBLEMS_AT_MOST]

    def _step(self, walk: "_Walk", segment: Segment, position: int) -> None:
        """Take one segment, and tell what is wrong with it."""
        segment_id = segment[0] if segment else ""
        moves = self._moves_from(walk.at, segment_id)
        if walk.aside >= 0 and not any(self._together(walk.at, move.to) for move in moves):
            # the loop that came too late is over: go on where it broke in
            walk.at, walk.aside, walk.run = walk.aside, -1, 0
            moves = self._moves_from(walk.at, segment_id)
        if moves:
            loop = self._follow(walk, moves, position)
        elif segment_id in self._ids:
            loop = self._stray(walk, segment_id, position)
        else:
            code = "6" if segment_id in self.words.known else "1"
            walk.tell(SegmentProblem(segment_id=segment_id, position=position, code=code))
            return
        guide = self.words.segments[segment_id]
        if elements := guide.faults(segment, walk.component):
            walk.tell(
                SegmentProblem(
                    segment_id=segment_id, position=position, code="8", loop=loop, elements=tuple(elements)
                )
            )

    def _follow(self, walk: "_Walk", moves: Sequence[_Move], position: int) -> str:
        """Go to the nearest place that has room for the segment; where none has, to the nearest. Its loop."""
        for move in moves:
            count = walk.count(move)
            if count <= move.limit:
                for place in move.missing:
                    walk.tell(self._problem(place, position, "3"))
                break
        else:
            move = moves[0]
            count = move.limit
            walk.tell(self._problem(move.to, position, "4" if move.is_loop else "5"))
        walk.at = move.to
        walk.run = 1 if move.is_loop else count
        if move.is_loop:
            walk.counts[move.to] = count
            for loop in move.counted_anew:
                walk.counts[loop] = 0
        return self._places[move.to].loop

    def _stray(self, walk: "_Walk", segment_id: str, position: int) -> str:
        """Tell of a segment that may not stand here: too late (7), or without what it belongs to (2). Its loop."""
        late = self._late(walk.at, segment_id)
        loop = "" if late is None else self._places[late].loop
        code = "2" if late is None else "7"
        walk.tell(SegmentProblem(segment_id=segment_id, position=position, code=code, loop=loop))
        if late is not None and self._places[late].begins:
            # what follows belongs to the loop that came too late
            if walk.aside < 0:
                walk.aside = walk.at
            walk.at, walk.run = late, 1
        return loop

    def _problem(self, place: int, position: int, code: str) -> SegmentProblem:
        one = self._places[place]
        return SegmentProblem(segment_id=one.segment.id, position=position, code=code, loop=one.loop)

    def _moves_from(self, at: int, segment_id: str) -> tuple[_Move, ...]:
        """Where a segment may stand behind a place, nearest first; worked out once for each place and id."""
        if segment_id not in self._ids:
            return ()
        known = self._moves[at].get(segment_id)
        if known is None:
            known = self._moves[at][segment_id] = tuple(self._ways(at, segment_id))
        return known

    def _ways(self, at: int, segment_id: str) -> Iterable[_Move]:
        places = self._places
        missing: list[int] = []
        for member in self._ahead(at):
            if places[member].segment.id == segment_id:
                yield _Move(
                    to=member,
                    limit=places[member].limit,
                    is_loop=places[member].begins,
                    missing=tuple(place for place in missing if place != member),
                    counted_anew=tuple(one for one in places[member].members if places[one].begins),
                )
            if self._wanted(member, at):
                missing.append(member)

    def _missing_behind(self, at: int) -> list[int]:
        """The mandatory places that are still to come when the set ends here."""
        return [member for member in self._ahead(at) if self._wanted(member, at)]

    def _wanted(self, member: int, at: int) -> bool:
        """Whether a place is mandatory and was not there: we neither stand on it nor come out of its loop."""
        return self._places[member].mandatory and not member <= at <= self._places[member].last

    def _ahead(self, at: int) -> Iterable[int]:
        """The places that may come behind a place: in its loop, this one again first, then in the loops around."""
        places = self._places
        inside, begin = at, 0
        if not places[at].begins:
            inside = places[at].parent
            begin = places[inside].members.index(at)
        while inside >= 0:
            yield from places[inside].members[begin:]
            begin = places[places[inside].parent].members.index(inside) if inside else 0
            inside = places[inside].parent

    def _late(self, at: int, segment_id: str) -> int | None:
        """The place that a segment should have had before this one, in a loop that is still open."""
        while at >= 0:
            for member in self._places[at].members:
                if self._places[member].segment.id == segment_id:
                    return member
            at = self._places[at].parent
        return None

    def _together(self, at: int, to: int) -> bool:
        """Whether a place is in the loop of another, or begins it again."""
        if not self._places[at].begins:
            at = self._places[at].parent
        return at <= to <= self._places[at].last


@dataclass(slots=True, kw_only=True)
class _Walk:
    """How far the walk over a set has come. ``aside`` is the place to return to when a loop came too late."""

    counts: list[int]
    component: str
    borrowed: bool
    at: int = 0
    run: int = 0
    aside: int = -1
    found: list[SegmentProblem] = field(default_factory=list)

    def count(self, move: _Move) -> int:
        """How often a place will have been used, when this move is taken."""
        if move.is_loop:
            return self.counts[move.to] + 1
        return self.run + 1 if move.to == self.at else 1

    def tell(self, problem: SegmentProblem) -> None:
        """Keep a problem; by a borrowed guide only what is wrong in every release."""
        if self.borrowed:
            if problem.code not in _BORROWED_SEGMENT_CODES:
                return
            elements = tuple(one for one in problem.elements if one.code in _BORROWED_ELEMENT_CODES)
            if problem.code == "8":
                if not elements:
                    return
                problem = replace(problem, elements=elements)
        self.found.append(problem)


def _plain(segment: Segment) -> bool:
    """Whether there is only ASCII in it, and no control character."""
    text = "".join(segment)
    return text.isascii() and text.isprintable()
