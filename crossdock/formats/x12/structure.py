"""What stands where in a transaction set: its segments and loops in their order, and the walk that checks them.

The places of a guide are numbered in their order; a loop is the place of its first segment. Which segment may follow
a place is worked out once for each place and identifier and remembered, so that the walk over a set is one look-up
for each segment, with no recursion. Source: X12.6 (loops, repetition) and the set's table in its guide.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from crossdock.formats.x12.describe import ElementUse, Listing, LoopUse, SegmentUse
from crossdock.formats.x12.elements import (
    BETWEEN_ELEMENTS,
    BETWEEN_SEGMENTS,
    DATE,
    DOUBTFUL,
    TIME,
    UNLIMITED,
    Element,
    Plan,
    Release,
    SegmentGuide,
    right_dates,
    right_times,
    shapes,
)
from crossdock.formats.x12.items import Delimiters, Segment, Segments, TransactionSet
from crossdock.formats.x12.loops import Loop
from crossdock.formats.x12.problems import SegmentProblem

PROBLEMS_AT_MOST: Final = 100
"""So many problems of one set are told; a set that has more is no such set at all."""

_BORROWED_SEGMENT_CODES: Final = frozenset("38")
_BORROWED_ELEMENT_CODES: Final = frozenset({"1", "2", "6", "8", "9", "10"})
_OLDER_SEGMENT_CODES: Final = frozenset("8")
_OLDER_ELEMENT_CODES: Final = frozenset("689")
"""What is wrong by the guide of a later release too: being mandatory, or so beside something else, may be new."""


class _Move(NamedTuple):
    """A step from one place of the guide to another that a segment id allows."""

    to: int
    limit: int
    is_loop: bool
    missing: tuple[int, ...]
    """Mandatory places that were passed by."""


_Step = tuple[int, int, int, int, Mapping[str, Plan | None], dict[str, Any]]
"""The nearest move, when nothing is missing on the way, as the quick way takes it: where to, how often, the place
of the loop around and the loop's own (-1: it begins none), the plans of its segment, the steps from there."""


@dataclass(slots=True, kw_only=True)
class Place:
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
        "_ids",
        "_moves",
        "_places",
        "_steps",
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
            Place(segment=root, mandatory=True, limit=1, parent=-1, loop="", begins=True, members=[])
        ]
        self._add(data["segments"], 0, "")
        self._places[0].last = len(self._places) - 1
        self._ids = {place.segment.id for place in self._places[1:]}
        self._moves: list[dict[str, tuple[_Move, ...]]] = [{} for _ in self._places]
        self._steps: list[dict[str, _Step]] = [{} for _ in self._places]

    def _add(self, listed: Sequence[Any], parent: int, loop: str) -> None:
        for entry in listed:
            here = len(self._places)
            if isinstance(entry, str):
                segment_id, use, most = entry.split()
                place = self._made(segment_id, use, most, parent, loop, begins=False)
                self._places.append(place)
            else:
                segment_id, use, _ = entry["segments"][0].split()
                place = self._made(segment_id, use, str(entry["max"]), parent, entry["loop"], begins=True)
                self._places.append(place)
                self._add(entry["segments"][1:], here, entry["loop"])
            place.last = len(self._places) - 1
            self._places[parent].members.append(here)

    def _made(self, segment_id: str, use: str, most: str, parent: int, loop: str, *, begins: bool) -> Place:
        known = self.words.segments.get(segment_id)
        if known is None:
            raise ValueError(
                f"the table of {self.set_id} in {self.release} names the segment {segment_id}, which the words of "
                f"{self.words.name} do not describe"
            )
        return Place(
            segment=known,
            mandatory=use == "M",
            limit=UNLIMITED if most == "*" else int(most),
            parent=parent,
            loop=loop,
            begins=begins,
            members=[],
        )

    @property
    def size(self) -> int:
        """How many places it has; the first is the set itself."""
        return len(self._places)

    def place(self, at: int) -> Place:
        """One place, for what is laid on top of a guide."""
        return self._places[at]

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

    def describe(self) -> Listing:
        """Everything that may stand in the set, for people."""
        return Listing(
            set_id=self.set_id,
            release=self.release,
            functional_group=self.functional_group,
            name=self.name,
            items=tuple(self._listed(member) for member in self._places[0].members),
        )

    def _listed(self, at: int, first: bool = False) -> SegmentUse | LoopUse:
        """A place as a listing shows it; ``first``: the segment that begins a loop, inside of the loop."""
        place = self._places[at]
        use = "M" if place.mandatory else "O"
        path = "/".join(self._loops(at))
        most = None if place.limit >= UNLIMITED else place.limit
        if place.begins and not first:
            items = (self._listed(at, first=True), *map(self._listed, place.members))
            return LoopUse(name=place.loop, path=path, use=use, most=most, items=items)
        segment = place.segment
        return SegmentUse(
            id=segment.id,
            name=segment.name,
            path=path if first else "/".join(filter(None, (path, segment.id))),
            use="M" if first else use,
            most=1 if first else most,
            described=segment.described,
            elements=tuple(_element_use(number, one) for number, one in enumerate(segment.elements, 1)),
            notes=tuple(note.text for note in segment.notes),
        )

    def outline(self, segments: Sequence[Segment]) -> list[tuple[str, ...]]:
        """For each segment the loops in which it stands, outermost first: ``("PO1", "ACK")``. A segment that is in
        a wrong place stands as ``tree`` says."""
        names: dict[int, tuple[str, ...]] = {}
        outline: list[tuple[str, ...]] = []
        for at in self.places(segments):
            if at not in names:
                names[at] = self._loops(at if at >= 0 else ~at)
            outline.append(names[at])
        return outline

    def places(self, segments: Sequence[Segment]) -> list[int]:
        """For each segment its place in the guide; ``~loop`` for one that has none, with the loop in which it
        stands."""
        found: list[int] = []
        self.tree_of(segments, found)
        return found

    def tree(self, entry: TransactionSet) -> Loop:
        """The set as nested loops, by name. ST and SE are left out, and so is nothing else: see ``tree_of``."""
        return self.tree_of(entry.segments)

    def tree_of(self, segments: Sequence[Segment], places: list[int] | None = None) -> Loop:
        """These segments as nested loops; the first is at position 1. ``places`` is filled as ``places`` says.

        A segment that comes too late stands in the open loop to which it belongs (and begins one there, when it is
        a loop's first); one that belongs nowhere stands in the loop of the one before it.
        """
        root = Loop("", 1, None, segments)
        open_loops: list[Loop] = [root] * len(self._places)
        walk = self.begin(quiet=True)
        counts, within, turns = walk.counts, walk.within, walk.turns
        names = [place.loop for place in self._places]
        at = run = position = 0
        before = -1
        here = self._steps[0]
        for segment in segments:
            position += 1
            # the way of a right segment, as short as it can be: see check
            step = here.get(segment[0]) if segment else None
            if step is not None:
                to, limit, around, own, _, there = step
                if own >= 0:
                    count = counts[own] + 1 if within[own] == turns[around] else 1
                else:
                    count = run + 1 if to == at else 1
                if count <= limit:
                    if own >= 0:
                        open_loops[own] = open_loops[around].begin(names[own], position)
                        counts[own] = count
                        within[own] = turns[around]
                        turns[own] = position
                        run = 1
                    else:
                        open_loops[around].add(position)
                        run = count
                    before, at, here = at, to, there
                    if places is not None:
                        places.append(to)
                    continue
            segment_id = segment[0] if segment else ""
            if segment_id in ("ST", "SE"):
                if places is not None:
                    places.append(~0)
                continue
            walk.before, walk.at, walk.run = before, at, run
            around, own = self.stand(walk, segment_id, position)
            if walk.moved >= 0:
                outer = open_loops[self._places[at].parent]
                outer.drop_last(loop=self._places[at].begins)
                outer = open_loops[self._places[walk.moved].parent]
                if self._places[walk.moved].begins:
                    open_loops[walk.moved] = outer.begin(names[walk.moved], position - 1)
                else:
                    outer.add(position - 1)
                if places is not None:
                    places[-1] = walk.moved
            before, at, run, here = walk.before, walk.at, walk.run, self._here(walk)
            if places is not None:
                places.append(own if own >= 0 else ~around)
            if own >= 0 and self._places[own].begins:
                open_loops[own] = open_loops[around].begin(names[own], position)
            else:
                open_loops[around].add(position)
        return root

    def paths(self, at: int) -> tuple[str, str]:
        """How a place is called: by the names of the loops around it, and by their first segments."""
        place = self._places[at]
        ids: list[str] = [place.segment.id]
        around = place.parent
        while around > 0:
            ids.append(self._places[around].segment.id)
            around = self._places[around].parent
        own = () if place.begins else (place.segment.id,)
        return "/".join((*self._loops(at), *own)), "/".join(reversed(ids))

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
        return self.check_segments(entry.segments, entry.interchange.delimiters, entry.version)

    def check_segments(
        self, segments: Sequence[Segment], delimiters: Delimiters, version: str = ""
    ) -> Sequence[SegmentProblem]:
        """The same for segments that are not read but about to be written; ``version`` is GS08, empty for ours."""
        end = len(segments)
        if end and segments[-1][:1] == ["SE"]:
            end -= 1
        walk = self.begin(
            component=delimiters.component,
            repetition=separator(delimiters.repetition),
            borrowed=version[:6] not in ("", self.release),
            older="" < version[:6] < self.release,
        )
        counts, within, turns = walk.counts, walk.within, walk.turns
        dates, times = right_dates, right_times
        at = run = 0
        before = -1
        here = self._steps[0]
        begin = position = 1 if end and segments[0][:1] == ["ST"] else 0
        found = _shapes(segments, delimiters.element, walk.repetition)
        for segment, shape in zip(segments[begin:end], found[begin:end], strict=True):
            position += 1
            # the way of a right segment, as short as it can be
            step = here.get(segment[0]) if shape else None
            if step is not None:
                to, limit, around, own, plans, there = step
                if own >= 0:
                    count = counts[own] + 1 if within[own] == turns[around] else 1
                else:
                    count = run + 1 if to == at else 1
                plan = plans[shape] if count <= limit else None
                if plan is not None:
                    for place, kind in plan:
                        value = segment[place]
                        if kind == DATE:
                            if dates[value]:
                                continue
                        elif kind == TIME:
                            if times[value]:
                                continue
                        elif self._places[to].segment.is_right(place, value):
                            continue
                        break
                    else:
                        if own >= 0:
                            counts[own] = count
                            within[own] = turns[around]
                            turns[own] = position
                            run = 1
                        else:
                            run = count
                        before, at, here = at, to, there
                        continue
            walk.before, walk.at, walk.run = before, at, run
            self._step(walk, segment, position)
            before, at, run, here = walk.before, walk.at, walk.run, self._here(walk)
            if len(walk.found) >= PROBLEMS_AT_MOST:
                return walk.found[:PROBLEMS_AT_MOST]
        for place in self._missing_behind(at if walk.aside < 0 else walk.aside):
            walk.tell(self._problem(place, end + 1, "3"))
        return walk.found[:PROBLEMS_AT_MOST]

    def begin(
        self,
        *,
        component: str = "",
        repetition: str = "",
        borrowed: bool = False,
        older: bool = False,
        quiet: bool = False,
    ) -> "Walk":
        """A walk that stands before the first segment."""
        nowhere = [0] * len(self._places)
        return Walk(
            counts=nowhere,
            within=nowhere.copy(),
            turns=nowhere.copy(),
            component=component,
            repetition=repetition,
            borrowed=borrowed,
            older=older,
            quiet=quiet,
        )

    def _here(self, walk: "Walk") -> dict[str, _Step]:
        """The quick steps from where the walk is: none inside of a loop that came too late."""
        return self._steps[walk.at] if walk.aside < 0 else {}

    def _step(self, walk: "Walk", segment: Segment, position: int) -> None:
        """Take one segment, and tell what is wrong with it."""
        segment_id = segment[0] if segment else ""
        _, at = self.stand(walk, segment_id, position)
        if segment_id not in self._ids:
            return
        guide = self.words.segments[segment_id]
        if elements := guide.faults(segment, walk.component, walk.repetition):
            loop = "" if at < 0 else self._places[at].loop
            walk.tell(
                SegmentProblem(
                    segment_id=segment_id, position=position, code="8", loop=loop, elements=tuple(elements)
                )
            )

    def stand(self, walk: "Walk", segment_id: str, position: int) -> tuple[int, int]:
        """Take one segment's place, and tell of it when it is wrong: the place of the loop in which it stands, and
        its own, or -1 when it has none.

        Where it may not stand, but might if the segment before it had taken another place that was open to it, that
        one is put there (``walk.moved``): an AMT behind a CTT is the CTT's own, until a REF shows it to be a loop.
        """
        walk.moved = -1
        moves = self._moves_from(walk.at, segment_id)
        if walk.aside >= 0 and not any(self._together(walk.at, move.to) for move in moves):
            # the loop that came too late is over: go on where it broke in
            walk.at, walk.aside, walk.run = walk.aside, -1, 0
            moves = self._moves_from(walk.at, segment_id)
        if not moves and walk.before >= 0 and walk.aside < 0 and segment_id in self._ids:
            moves = self._elsewhere(walk, segment_id, position)
        if moves:
            at = self._follow(walk, moves, position)
        elif segment_id in self._ids:
            at = self._stray(walk, segment_id, position)
        else:
            walk.before = -1
            code = "6" if segment_id in self.words.known else "1"
            walk.tell(SegmentProblem(segment_id=segment_id, position=position, code=code))
            at = -1
        if at >= 0:
            return self._places[at].parent, at
        return (walk.at if self._places[walk.at].begins else self._places[walk.at].parent), -1

    def _elsewhere(self, walk: "Walk", segment_id: str, position: int) -> tuple[_Move, ...]:
        """Put the segment before this one where this one may follow it. The moves from there; none: there is no such
        place."""
        for move in self._moves_from(walk.before, self._places[walk.at].segment.id):
            if move.to == walk.at or move.missing or self._count(walk, move) > move.limit:
                continue
            moves = self._moves_from(move.to, segment_id)
            if moves and not moves[0].missing:
                if self._places[walk.at].begins:
                    walk.counts[walk.at] -= 1
                self._take(walk, move, position - 1, self._count(walk, move))
                walk.moved = move.to
                return moves
        return ()

    def _follow(self, walk: "Walk", moves: Sequence[_Move], position: int) -> int:
        """Go to the nearest place that has room for the segment; where none has, to the nearest. The place."""
        for move in moves:
            count = self._count(walk, move)
            if count <= move.limit:
                for place in move.missing:
                    walk.tell(self._problem(place, position, "3"))
                walk.before = -1 if move.missing else walk.at
                break
        else:
            move = moves[0]
            count = move.limit
            walk.tell(self._problem(move.to, position, "4" if move.is_loop else "5"))
            walk.before = -1
        self._take(walk, move, position, count)
        return move.to

    def _take(self, walk: "Walk", move: _Move, position: int, count: int) -> None:
        walk.at = move.to
        walk.run = 1 if move.is_loop else count
        if move.is_loop:
            walk.counts[move.to] = count
            walk.within[move.to] = walk.turns[self._places[move.to].parent]
            walk.turns[move.to] = position

    def _count(self, walk: "Walk", move: _Move) -> int:
        """How often a place will have been used, when this move is taken: a loop in this turn of the one around."""
        if not move.is_loop:
            return walk.run + 1 if move.to == walk.at else 1
        again = walk.within[move.to] == walk.turns[self._places[move.to].parent]
        return walk.counts[move.to] + 1 if again else 1

    def _stray(self, walk: "Walk", segment_id: str, position: int) -> int:
        """Tell of a segment that may not stand here: too late (7), or without what it belongs to (2). Its place, or
        -1."""
        walk.before = -1
        late = self._late(walk.at, segment_id)
        if late is None:
            walk.tell(SegmentProblem(segment_id=segment_id, position=position, code="2"))
            return -1
        walk.tell(self._problem(late, position, "7"))
        if self._places[late].begins:
            # what follows belongs to the loop that came too late
            if walk.aside < 0:
                walk.aside = walk.at
            walk.at, walk.run = late, 1
            walk.turns[late] = position
        return late

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
            if known and not known[0].missing:
                to, limit, is_loop, _ = known[0]
                self._steps[at][segment_id] = (
                    to,
                    limit,
                    self._places[to].parent,
                    to if is_loop else -1,
                    self._places[to].segment.plans,
                    self._steps[to],
                )
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
class Walk:
    """How far the walk over a set has come.

    ``turns[loop]`` is the position at which the loop at this place last began. ``counts[loop]`` is how often it came
    in the turn ``within[loop]`` of the loop around it: a new turn makes the count old without touching it.
    ``aside`` is the place to return to when a loop came too late. ``before`` is the place from which the last segment
    came, -1 where that one is not as it should be; ``moved`` its new place, when it was given another one.
    """

    counts: list[int]
    within: list[int]
    turns: list[int]
    component: str
    repetition: str
    borrowed: bool
    older: bool
    quiet: bool
    at: int = 0
    run: int = 0
    aside: int = -1
    before: int = -1
    moved: int = -1
    found: list[SegmentProblem] = field(default_factory=list)

    def tell(self, problem: SegmentProblem) -> None:
        """Keep a problem; by a borrowed guide only what is wrong in every release."""
        if self.quiet:
            return
        if self.borrowed:
            if problem.code not in (_OLDER_SEGMENT_CODES if self.older else _BORROWED_SEGMENT_CODES):
                return
            wrong = _OLDER_ELEMENT_CODES if self.older else _BORROWED_ELEMENT_CODES
            elements = tuple(one for one in problem.elements if one.code in wrong)
            if problem.code == "8":
                if not elements:
                    return
                problem = replace(problem, elements=elements)
        self.found.append(problem)


def _element_use(place: int, element: Element) -> ElementUse:
    return ElementUse(
        place=place,
        reference=element.reference,
        name=element.name,
        use=element.use,
        type=element.type,
        shortest=element.shortest,
        longest=None if element.longest >= UNLIMITED else element.longest,
        repeats=element.repeats,
        codes=tuple(sorted(element.codes)),
        components=tuple(_element_use(number, one) for number, one in enumerate(element.components, 1)),
    )


def _shapes(segments: Sequence[Segment], element: str, repetition: str) -> Sequence[str]:
    """The shape of each segment; empty for one that has something else than printed ASCII in it, or a repetition.

    All are made at once where the set is a plain text.
    """
    if isinstance(segments, Segments):
        text, joint = segments.text, segments.joint
        if len(element) == 1 and not (repetition and repetition in text):
            text = text.translate(shapes(element, joint[0], joint[1:]))
            found = text.split(BETWEEN_SEGMENTS + joint[1:])
            if DOUBTFUL not in text and len(found) == len(segments):
                return found
    return [_shape(segment, repetition) for segment in segments]


def _shape(segment: Segment, repetition: str) -> str:
    text = "".join(segment)
    if not (text.isascii() and text.isprintable()) or (repetition and repetition in text):
        return ""
    return BETWEEN_ELEMENTS.join(segment).translate(shapes(BETWEEN_ELEMENTS, BETWEEN_SEGMENTS))


def separator(repetition: str) -> str:
    """ISA11, unless it can be none: a U or a blank there is what older releases wrote, and would cut words apart."""
    return "" if repetition.isalnum() or repetition.isspace() else repetition
