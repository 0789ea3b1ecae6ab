"""A partner's guide on top of a set's: what it asks for beyond the standard, as data in the partner's profile.

    [overlay.855]
    severity = "refuse"                              "note": what breaks it is accepted, and told as an error
    require  = ["DTM", "PO1/ACK", "BAK08", "N1[01=ST]/N4"]
    forbid   = ["CUR", "PO1/ACK[01=IF]"]
    tolerate = ["PO103"]                             the standard's own complaints here are notes
    [overlay.855.codes]
    "PO1/ACK01" = ["IA", "IB", "IR"]                 no other code
    [overlay.855.min]
    [overlay.855.max]
    "PO1" = 500                                      a loop or segment: how often, in the loop around it
    "BAK03" = 10                                     an element: how many characters (digits of a number)
    [overlay.855.own."PO1/ACK29"]
    OOS = "out of stock"                             a code of the partner's own, and what it means

A path goes from the set through its loops to a segment, and on to an element and a component: ``PO1/ACK``,
``PO1/ACK01``, ``PO1/CTP05-01``. A loop is named by its name or by its first segment, whose elements are the loop's
own: ``PO104``. ``[01=ST]`` takes only those with this value there, ``[01=ST|BT]`` with one of these. What is required
is required in each turn of the loop around it; an element, in each segment of its path.

Own codes are beside those of ``codes`` at the same place, and beside the few that a release's file lists.

What breaks an overlay has the implementation codes of a 999 (I4 to I13) and the plain ones of a 997 that come
nearest to them: see ``problems``. Source of the codes: X12 005010 set 999 (X231), elements 620 and 621.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from crossdock.formats.x12.describe import ElementUse, Listing, LoopUse, SegmentUse
from crossdock.formats.x12.elements import UNLIMITED
from crossdock.formats.x12.items import Delimiters, Segment
from crossdock.formats.x12.loops import Loop, Placed
from crossdock.formats.x12.problems import ElementProblem, SegmentProblem
from crossdock.formats.x12.structure import PROBLEMS_AT_MOST, Guide, separator

_KEYS: Final = ("severity", "require", "forbid", "tolerate", "codes", "min", "max", "own")
_LISTS: Final = ("require", "forbid", "tolerate")
_PARTS: Final = re.compile(r"/(?![^\[]*\])")
_SEGMENT: Final = re.compile(r"([A-Z][A-Z0-9]{1,2})((?:\[[^\]]*\])*)(?:(\d\d)(?:-(\d{1,2}))?)?")
_LOOP: Final = re.compile(r"([A-Z0-9]{1,8})((?:\[[^\]]*\])*)")
_WHERE: Final = re.compile(r"\[(\d\d)(?:-(\d{1,2}))?=([^\]]+)\]")

Way = tuple[str, ...]
"""The keys that lead to a value of an overlay: ``("codes", "PO1/ACK01")``."""


class Mistakes(ValueError):
    """What is wrong with an overlay: all of it, each with the way to its key."""

    def __init__(self, mistakes: Sequence[tuple[Way, str]]) -> None:
        super().__init__("\n".join(f"{'.'.join(way) or 'overlay'}: {sentence}" for way, sentence in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Only where an element (from 1) or a component of it has one of these values."""

    element: int
    component: int | None
    values: tuple[str, ...]

    def holds(self, segment: Segment, component: str) -> bool:
        return _value(segment, self.element, self.component, component) in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One loop or segment of a path."""

    name: str
    where: tuple[Where, ...] = ()

    def takes(self, segment: Segment, component: str) -> bool:
        return all(one.holds(segment, component) for one in self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way through the loops of a set to a segment, and to an element of it when ``element`` is there."""

    text: str
    steps: tuple[Step, ...]
    element: int | None = None
    component: int | None = None

    @property
    def depends(self) -> bool:
        """Whether it is for some segments only, by what stands in them."""
        return any(step.where for step in self.steps)

    @classmethod
    def of(cls, text: str) -> "Path":
        """``PO1/ACK[01=IB]04``. Raises ``ValueError`` with what is wrong."""
        *outer, last = _PARTS.split(text)
        steps = []
        for part in outer:
            found = _LOOP.fullmatch(part)
            if found is None:
                raise ValueError(f"{part!r} in {text!r} is no name of a loop, as 'PO1' or 'N1[01=ST]'")
            steps.append(Step(name=found[1], where=_where(found[2], text)))
        found = _SEGMENT.fullmatch(last)
        if found is not None:
            element, component = (int(number) if number else None for number in found.group(3, 4))
            if element == 0 or component == 0:
                raise ValueError(f"{text!r} names an element 0; they count from 01")
            steps.append(Step(name=found[1], where=_where(found[2], text)))
            return cls(text=text, steps=tuple(steps), element=element, component=component)
        found = _LOOP.fullmatch(last)
        if found is None:
            raise ValueError(
                f"{text!r} is no path; write it as 'DTM', 'PO1/ACK', 'BAK08', 'REF[01=DP]' or 'PO1/CTP05-01'"
            )
        steps.append(Step(name=found[1], where=_where(found[2], text)))
        return cls(text=text, steps=tuple(steps))


def _where(text: str, whole: str) -> tuple[Where, ...]:
    found = []
    while text:
        one = _WHERE.match(text)
        if one is None:
            raise ValueError(f"{text!r} in {whole!r} is no condition, as '[01=ST]' or '[01=ST|BT]'")
        found.append(
            Where(
                element=int(one[1]),
                component=int(one[2]) if one[2] else None,
                values=tuple(one[3].split("|")),
            )
        )
        text = text[one.end() :]
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that a partner's guide asks for. ``kind`` is the key under which it stands; ``codes`` are the codes
    that may stand there, or the partner's own; ``texts`` what its own mean; ``number`` is the limit."""

    kind: str
    path: Path
    way: Way
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A partner's guide for one set, not yet laid on any release of it."""

    rules: tuple[Rule, ...]
    note: bool = False
    """Whether what breaks it is only told, and not refused."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Overlay":
        """The overlay that a table of a profile (``[overlay.855]``) says. Raises ``Mistakes`` with all of them."""
        mistakes: list[tuple[Way, str]] = []
        rules: list[Rule] = []

        def path_of(text: Any, way: Way) -> Path | None:
            if not isinstance(text, str):
                mistakes.append((way, f"{text!r} must be a path, as 'PO1/ACK' or 'BAK08'"))
                return None
            try:
                return Path.of(text)
            except ValueError as error:
                mistakes.append((way, str(error)))
                return None

        mistakes += [
            ((key,), f"unknown field {key!r} (known: {', '.join(_KEYS)})") for key in data if key not in _KEYS
        ]
        severity = data.get("severity", "refuse")
        if severity not in ("refuse", "note"):
            mistakes.append((("severity",), f"severity = {severity!r} must be 'refuse' or 'note'"))
        for kind in _LISTS:
            listed = data.get(kind, [])
            if not isinstance(listed, list):
                mistakes.append(((kind,), f"{kind} must be a list of paths, as ['PO1/ACK', 'BAK08']"))
                continue
            for text in listed:
                if path := path_of(text, (kind,)):
                    rules.append(Rule(kind=kind, path=path, way=(kind,)))
        for kind, check in (("codes", _codes), ("min", _limit), ("max", _limit), ("own", _own)):
            table = data.get(kind, {})
            if not isinstance(table, Mapping):
                mistakes.append(((kind,), f"{kind} must be a table with paths for keys"))
                continue
            for text, value in table.items():
                path = path_of(text, (kind, text))
                if path is None:
                    continue
                try:
                    rules.append(replace(check(path, value), kind=kind, way=(kind, text)))
                except ValueError as error:
                    mistakes.append(((kind, text), str(error)))
        if mistakes:
            raise Mistakes(mistakes)
        return cls(rules=tuple(rules), note=severity == "note")

    def differences(self, base: Guide) -> list[str]:
        """What it asks for beyond the guide under it, as sentences. Raises ``Mistakes`` where it does not fit."""
        return [target.difference(base) for target in PartnerGuide(base, self).targets]


def _element_only(path: Path, what: str) -> None:
    if path.element is None:
        raise ValueError(
            f"{what} are for an element: write its number behind the segment, as '{path.text}01'"
        )


def _codes(path: Path, value: Any) -> Rule:
    _element_only(path, "codes")
    if not isinstance(value, list) or not value or not all(isinstance(code, str) and code for code in value):
        raise ValueError("must be a list of codes, as ['IA', 'IB']")
    return Rule(kind="codes", path=path, way=(), codes=tuple(value))


def _limit(path: Path, value: Any) -> Rule:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} must be a whole number from 1 on")
    return Rule(kind="max", path=path, way=(), number=value)


def _own(path: Path, value: Any) -> Rule:
    _element_only(path, "own codes")
    if not isinstance(value, Mapping) or not value:
        raise ValueError("must be a table of codes and what they mean, as { OOS = 'out of stock' }")
    if not all(isinstance(text, str) and text for text in value.values()):
        raise ValueError("must say what each code means, in words")
    return Rule(kind="own", path=path, way=(), codes=tuple(value), texts=tuple(value.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A rule on the places of a guide that it is for: ``loops`` those of the loops around, ``places`` its own."""

    rule: Rule
    loops: tuple[tuple[Step, frozenset[int]], ...]
    places: frozenset[int]

    @property
    def last(self) -> Step:
        return self.rule.path.steps[-1]

    def difference(self, base: Guide) -> str:
        """What it changes, as a sentence for a person."""
        rule, path = self.rule, self.rule.path
        where = f"{path.text} ({self.name_in(base)})"
        places = [base.place(at) for at in sorted(self.places)]
        element = self.element_in(base)
        mandatory = (
            all(place.mandatory for place in places) if element is None else element.use == "M"
        ) and not path.depends
        match rule.kind:
            case "require":
                return (
                    f"{where} is required; {'it is anyway' if mandatory else 'the standard leaves it open'}"
                )
            case "forbid":
                return f"{where} is not used" + (
                    "; the standard requires it, so no set can obey both" if mandatory else ""
                )
            case "tolerate":
                return f"{where}: what breaks the standard here is told and accepted"
            case "own":
                told = ", ".join(
                    f"{code} ({text})" for code, text in zip(rule.codes, rule.texts, strict=True)
                )
                return f"{where} has codes of the partner's own: {told}"
            case "codes":
                known = sorted(element.codes) if element is not None else []
                before = f"one of {', '.join(known)}" if known else "any code of its list"
                return f"{where} is one of {', '.join(rule.codes)}; by the standard {before}"
        end = "least" if rule.kind == "min" else "most"
        if element is not None:
            unit = "digits" if element.type[0] in "NR" else "characters"
            bound = element.shortest if rule.kind == "min" else element.longest
            standard = "without limit" if bound >= UNLIMITED else str(bound)
            return f"{where} has at {end} {rule.number} {unit}; by the standard {standard}"
        limits = {place.limit for place in places}
        standard = "without limit" if UNLIMITED in limits else str(max(limits))
        if rule.kind == "min":
            standard = "1" if mandatory else "0"
        return f"{where} comes at {end} {rule.number} times; by the standard {standard}"

    def element_in(self, base: Guide) -> Any:
        """The element or component that it is for, as the guide describes it; ``None`` for a segment's rule."""
        path = self.rule.path
        if path.element is None:
            return None
        return base.element(base.place(min(self.places)).segment.id, path.element, path.component)

    def name_in(self, base: Guide) -> str:
        element = self.element_in(base)
        return base.place(min(self.places)).segment.name if element is None else element.name


class PartnerGuide(Guide):
    """A guide with a partner's on top of it: it checks both, and describes what holds between us and the partner."""

    __slots__ = ("_limits", "_own", "_tolerated", "base", "overlay", "targets")

    def __init__(self, base: Guide, overlay: Overlay) -> None:
        for name in Guide.__slots__:
            setattr(self, name, getattr(base, name))
        self.base = base
        self.overlay = overlay
        mistakes: list[tuple[Way, str]] = []
        targets: list[Target] = []
        for rule in overlay.rules:
            try:
                targets.append(self._target(rule))
            except ValueError as error:
                mistakes.append((rule.way, str(error)))
        if mistakes:
            raise Mistakes(mistakes)
        self.targets = tuple(targets)
        self._tolerated = [target for target in targets if target.rule.kind == "tolerate"]
        own: dict[tuple[frozenset[int], int | None, int | None], frozenset[str]] = {}
        for target in targets:
            if target.rule.kind == "own":
                key = (target.places, target.rule.path.element, target.rule.path.component)
                own[key] = own.get(key, frozenset()) | frozenset(target.rule.codes)
        self._own = own

    def _target(self, rule: Rule) -> Target:
        """The places for which a rule is. Raises ``ValueError`` where the guide has none, or no such element."""
        rule = self._by_loop(rule)
        inside = frozenset({0})
        loops: list[tuple[Step, frozenset[int]]] = []
        what = f"the {self.set_id} of {self.release}"
        for number, step in enumerate(rule.path.steps):
            last = number + 1 == len(rule.path.steps)
            members = [member for at in sorted(inside) for member in self.place(at).members]
            found = frozenset(at for at in members if self._is(at, step))
            if not last:
                found = frozenset(at for at in found if self.place(at).begins)
            if not found:
                around = "/".join(one.name for one in rule.path.steps[:number])
                there = [
                    self.place(at).loop if self.place(at).begins and not last else self.place(at).segment.id
                    for at in members
                    if last or self.place(at).begins
                ]
                listed = ", ".join(dict.fromkeys(there)) or "nothing"
                thing = "" if last else "loop "
                raise ValueError(
                    f"{what} has no {thing}{step.name!r}"
                    + (f" in {around}" if around else "")
                    + f"; there are: {listed}"
                )
            for one in step.where:
                self._element_exists(found, one.element, one.component, what)
            if not last:
                loops.append((step, found))
            inside = found
        if rule.path.element is not None:
            self._element_exists(inside, rule.path.element, rule.path.component, what)
        return Target(rule=rule, loops=tuple(loops), places=inside)

    def _by_loop(self, rule: Rule) -> Rule:
        """``PO1/PO104`` as ``PO104``: the segment that begins a loop is named by the loop, and may be named again."""
        steps = rule.path.steps
        inside = {0}
        for step in steps[:-1]:
            inside = {member for at in inside for member in self.place(at).members if self._is(member, step)}
        last = steps[-1]
        again = [at for at in inside if at and self.place(at).segment.id == last.name]
        if not again or any(self._is(member, last) for at in inside for member in self.place(at).members):
            return rule
        loop = replace(steps[-2], where=(*steps[-2].where, *last.where))
        return replace(rule, path=replace(rule.path, steps=(*steps[:-2], loop)))

    def _is(self, at: int, step: Step) -> bool:
        place = self.place(at)
        return place.segment.id == step.name or (place.begins and place.loop == step.name)

    def _element_exists(self, places: frozenset[int], element: int, component: int | None, what: str) -> None:
        for at in places:
            segment = self.place(at).segment
            if not segment.described:
                raise ValueError(f"the elements of {segment.id} are not described in {what}")
            if element > len(segment.elements):
                raise ValueError(
                    f"{segment.id} of {what} has {len(segment.elements)} elements, not {element:02}"
                )
            parts = segment.elements[element - 1].components
            if component is not None and component > max(1, len(parts)):
                raise ValueError(
                    f"{segment.id}{element:02} of {what} has {len(parts) or 1} components, not {component}"
                )

    # -- the check --------------------------------------------------------------------------------------------

    def check_segments(
        self, segments: Sequence[Segment], delimiters: Delimiters, version: str = ""
    ) -> Sequence[SegmentProblem]:
        """What breaks the guide, and what breaks the partner's on top of it, in the order of the set."""
        found = list(super().check_segments(segments, delimiters, version))
        asked = [target for target in self.targets if target.rule.kind not in ("own", "tolerate")]
        if not found and not asked:
            return found
        looked = _Look(self, segments, delimiters)
        if self._own or self._tolerated:
            found = list(self._softened(found, looked))
        if len(found) < PROBLEMS_AT_MOST:
            for target in asked:
                looked.judge(target)
        return _together(found, looked.found)[:PROBLEMS_AT_MOST]

    def _softened(self, found: Sequence[SegmentProblem], looked: "_Look") -> Iterator[SegmentProblem]:
        """The standard's problems without those that the partner's own codes answer; what is tolerated is a note."""
        for problem in found:
            at = looked.place_at(problem)
            elements = []
            for bad in problem.elements:
                own = [codes for (places, *key), codes in self._own.items()
                       if at in places and key == [bad.element, bad.component]]  # fmt: skip
                if bad.code == "7" and any(bad.bad_value in codes for codes in own):
                    continue
                tolerated = looked.tolerated(self._tolerated, problem.position, at, bad)
                elements.append(replace(bad, note=True) if tolerated else bad)
            if problem.elements:
                if elements:
                    note = all(bad.note for bad in elements)
                    yield replace(problem, elements=tuple(elements), note=note)
            elif looked.tolerated(self._tolerated, problem.position, at, None):
                yield replace(problem, note=True)
            else:
                yield problem

    # -- the listing ------------------------------------------------------------------------------------------

    def describe(self) -> Listing:
        """The guide as it holds between us and the partner: each thing as it is limited, and how it differs."""
        plain = self.base.describe()
        items = tuple(
            self._changed(item, at) for item, at in zip(plain.items, self.place(0).members, strict=True)
        )
        return replace(plain, items=items)

    def _changed(self, item: SegmentUse | LoopUse, at: int, first: bool = False) -> SegmentUse | LoopUse:
        targets = [target for target in self.targets if at in target.places]
        of_segment = [target for target in targets if target.rule.path.element is None]
        partner = tuple(target.difference(self.base) for target in of_segment)
        use, most = item.use, item.most
        for target in of_segment:
            if not target.rule.path.depends:
                match target.rule.kind:
                    case "require" | "min":
                        use = "M"
                    case "forbid":
                        use = "-"
                    case "max":
                        most = target.rule.number
        if isinstance(item, LoopUse):
            members = self.place(at).members
            inner = (
                self._changed(item.items[0], at, first=True),
                *(self._changed(one, member) for one, member in zip(item.items[1:], members, strict=True)),
            )
            return replace(item, use=use, most=most, items=inner, partner=partner)
        elements = tuple(
            self._changed_element(
                element, [target for target in targets if target.rule.path.element == element.place]
            )
            for element in item.elements
        )
        if first:
            return replace(item, elements=elements)
        return replace(item, use=use, most=most, elements=elements, partner=partner)

    def _changed_element(self, element: ElementUse, targets: Sequence[Target]) -> ElementUse:
        own = [target for target in targets if target.rule.path.component is None]
        for target in own:
            rule = target.rule
            element = replace(element, partner=(*element.partner, target.difference(self.base)))
            if rule.kind == "own":
                element = replace(element, own=tuple(zip(rule.codes, rule.texts, strict=True)))
            if rule.path.depends:
                continue
            match rule.kind:
                case "require":
                    element = replace(element, use="M")
                case "forbid":
                    element = replace(element, use="-")
                case "codes":
                    element = replace(element, codes=rule.codes)
                case "min":
                    element = replace(element, shortest=rule.number)
                case "max":
                    element = replace(element, longest=rule.number)
        parts = tuple(
            self._changed_element(
                part,
                [
                    replace(target, rule=replace(target.rule, path=replace(target.rule.path, component=None)))
                    for target in targets
                    if target.rule.path.component == part.place
                ],
            )
            for part in element.components
        )
        return replace(element, components=parts)


class _Look:
    """One set while a partner's rules are laid on it."""

    def __init__(self, guide: PartnerGuide, segments: Sequence[Segment], delimiters: Delimiters) -> None:
        self._guide = guide
        self._segments = segments
        self._component = delimiters.component
        self._repetition = separator(delimiters.repetition)
        self._note = guide.overlay.note
        self._places: list[int] = []
        self._root = guide.tree_of(segments, self._places)
        self._placed: dict[int, list[Placed]] = {}
        wanted = frozenset[int]().union(*(target.places for target in guide.targets))
        for position, (at, segment) in enumerate(zip(self._places, segments, strict=True), 1):
            if at in wanted:
                self._placed.setdefault(at, []).append((position, segment))
        self.found: list[SegmentProblem] = []

    def _at(self, position: int) -> int:
        """The place of a segment; ``~loop`` for one that has none."""
        return self._places[position - 1] if 1 <= position <= len(self._places) else ~0

    def place_at(self, problem: SegmentProblem) -> int:
        """The place of the guide that a problem is about; for a missing segment that of the one that is missing."""
        if problem.code != "3":
            return self._at(problem.position)
        guide = self._guide
        return next(
            (
                at
                for at in range(1, guide.size)
                if guide.place(at).segment.id == problem.segment_id and guide.place(at).loop == problem.loop
            ),
            -1,
        )

    def tolerated(
        self, targets: Sequence[Target], position: int, at: int, bad: ElementProblem | None
    ) -> bool:
        """Whether a problem of the standard at this place is one of those that are only told."""
        for target in targets:
            path = target.rule.path
            if at not in target.places:
                continue
            if path.element is not None and (bad is None or bad.element != path.element):
                continue
            if path.component is not None and bad is not None and bad.component != path.component:
                continue
            if path.depends and position not in (place for place, _ in self._all(target)):
                continue
            return True
        return False

    def judge(self, target: Target) -> None:
        """Tell of everything in the set that breaks one rule, until it is enough."""
        enough = len(self.found) + PROBLEMS_AT_MOST
        if target.rule.path.element is not None:
            for position, segment in self._all(target):
                self._judge_element(target, position, segment)
                if len(self.found) >= enough:
                    return
        elif target.rule.kind == "forbid":
            self._judge_forbidden(target)
        else:
            for loop in self._loops(target):
                self._judge_count(target, loop)
                if len(self.found) >= enough:
                    return

    def _all(self, target: Target) -> Sequence[Placed]:
        """Every segment in the set that a rule is for, in order."""
        if any(step.where for step, _ in target.loops):
            return [placed for loop in self._loops(target) for placed in self._matches(loop, target)]
        found = [placed for at in target.places for placed in self._placed.get(at, ())]
        if len(target.places) > 1:
            found.sort(key=_position)
        return self._taken(found, target.last)

    def _taken(self, found: list[Placed], step: Step) -> list[Placed]:
        return [one for one in found if step.takes(one[1], self._component)] if step.where else found

    def _loops(self, target: Target) -> Sequence[Loop]:
        """The loops around what a rule is for."""
        loops = [self._root]
        for step, _ in target.loops:
            loops = [
                inner
                for loop in loops
                for inner in loop.loops
                if (inner.name == step.name or inner.head[0] == step.name)
                and (not step.where or step.takes(inner.head, self._component))
            ]
        return loops

    def _matches(self, loop: Loop, target: Target) -> list[Placed]:
        """The segments of a path's last step that stand in this loop, or begin a loop in it."""
        name = target.last.name
        found = loop.all(name)
        if found and loop.name and found[0][0] == loop.position:
            del found[0]
        found += [
            (inner.position, inner.head)
            for inner in loop.loops
            if inner.name == name or inner.head[0] == name
        ]
        return self._taken(found, target.last) if found else found

    def _judge_forbidden(self, target: Target) -> None:
        path = target.rule.path
        place = self._guide.place(min(target.places))
        for position, _ in self._all(target)[:PROBLEMS_AT_MOST]:
            code, asked = ("I9", path.text) if path.depends else ("I4", "")
            self._tell(position, "2", code, place, asked=asked)

    def _judge_count(self, target: Target, loop: Loop) -> None:
        rule = target.rule
        matches = self._matches(loop, target)
        most = rule.number if rule.kind == "max" else 0
        if (most and len(matches) <= most) or (not most and len(matches) >= max(1, rule.number)):
            return
        place = self._guide.place(min(target.places))
        if most:
            for position, _ in sorted(matches, key=_position)[most:]:
                self._tell(position, "4" if place.begins else "5", "", place, asked=f"at most {most}")
            return
        within = any(step.where for step, _ in target.loops)
        code = "I6" if within else "I7" if place.begins else "I8"
        asked = rule.path.text if rule.path.depends else ""
        if rule.number > 1:
            asked = f"{rule.path.text} at least {rule.number} times"
        self._tell(self._missing_at(loop, target), "3", code, place, asked=asked)

    def _judge_element(self, target: Target, position: int, segment: Segment) -> None:
        rule, path = target.rule, target.rule.path
        assert path.element is not None
        value = _value(segment, path.element, path.component, self._component)
        if rule.kind == "require":
            if not value:
                # by what stands in the segment itself, or always
                self._tell_element(target, position, "2" if path.depends else "1", "I9")
            return
        if not value:
            return
        occurrences = value.split(self._repetition) if self._repetition else [value]
        for number, one in enumerate(occurrences, 1):
            repetition = number if len(occurrences) > 1 else None
            match rule.kind:
                case "forbid":
                    code = "I13" if path.depends else "I10"
                    self._tell_element(target, position, "10", code, value=one, repetition=repetition)
                case "codes" if one not in rule.codes and not self._is_own(target, one):
                    asked = f"one of {', '.join(rule.codes)}"
                    self._tell_element(
                        target, position, "7", "I6", value=one, repetition=repetition, asked=asked
                    )
                case "max" if self._length(target, one) > rule.number:
                    asked = f"at most {rule.number}"
                    self._tell_element(
                        target, position, "5", "", value=one, repetition=repetition, asked=asked
                    )
                case "min" if self._length(target, one) < rule.number:
                    asked = f"at least {rule.number}"
                    self._tell_element(
                        target, position, "4", "", value=one, repetition=repetition, asked=asked
                    )

    def _is_own(self, target: Target, value: str) -> bool:
        path = target.rule.path
        return any(
            value in other.rule.codes
            for other in self._guide.targets
            if other.rule.kind == "own"
            and other.places & target.places
            and (other.rule.path.element, other.rule.path.component) == (path.element, path.component)
        )

    def _length(self, target: Target, value: str) -> int:
        element = target.element_in(self._guide)
        if element is not None and element.type[0] in "NR":
            return sum(character.isdecimal() for character in value)
        return len(value)

    def _tell(self, position: int, code: str, implementation: str, place: Any, *, asked: str = "") -> None:
        self.found.append(
            SegmentProblem(
                segment_id=place.segment.id,
                position=position,
                code=code,
                loop=place.loop,
                implementation=implementation,
                asked=asked,
                partner=True,
                note=self._note,
            )
        )

    def _tell_element(
        self,
        target: Target,
        position: int,
        code: str,
        implementation: str,
        *,
        value: str = "",
        repetition: int | None = None,
        asked: str = "",
    ) -> None:
        path = target.rule.path
        assert path.element is not None
        element = target.element_in(self._guide)
        place = self._guide.place(min(target.places))
        bad = ElementProblem(
            element=path.element,
            component=path.component,
            code=code,
            reference=element.number if element is not None else "",
            bad_value=value,
            repetition=repetition,
            implementation=implementation,
            asked=asked or (path.text if path.depends else ""),
            partner=True,
            note=self._note,
        )
        self.found.append(
            SegmentProblem(
                segment_id=place.segment.id,
                position=position,
                code="8",
                loop=place.loop,
                elements=(bad,),
                partner=True,
                note=self._note,
            )
        )

    def _missing_at(self, loop: Loop, target: Target) -> int:
        """Where in a loop a segment should have stood: before the first that comes behind its place."""
        own = self._at(loop.position) if loop.name else 0
        last = self._guide.place(own).last
        wanted = self._guide.place(max(target.places)).last
        position = loop.position + 1
        while position <= len(self._segments):
            at = self._at(position)
            if self._segments[position - 1][:1] == ["SE"] or at == own or at > wanted:
                break
            if not own <= (at if at >= 0 else ~at) <= last:
                break
            position += 1
        return position


def _position(placed: Placed) -> int:
    return placed[0]


def _value(segment: Segment, element: int, component: int | None, separator: str) -> str:
    """The value of an element or component; empty when it is absent."""
    value = segment[element] if element < len(segment) else ""
    if component is None:
        return value
    parts = value.split(separator) if separator else [value]
    return parts[component - 1] if component <= len(parts) else ""


def _together(standard: Sequence[SegmentProblem], partner: Sequence[SegmentProblem]) -> list[SegmentProblem]:
    """The problems of both in the order of the set; those of one segment's elements are one problem."""
    of_elements: dict[int, SegmentProblem] = {one.position: one for one in standard if one.elements}
    whole = [one for one in standard if not one.elements]
    for one in partner:
        if not one.elements:
            whole.append(one)
            continue
        there = of_elements.get(one.position)
        if there is None:
            of_elements[one.position] = one
            continue
        taken = {(bad.element, bad.component, bad.code) for bad in there.elements}
        new = [bad for bad in one.elements if (bad.element, bad.component, bad.code) not in taken]
        elements = sorted((*there.elements, *new), key=lambda bad: (bad.element, bad.component or 0))
        of_elements[one.position] = replace(
            there,
            elements=tuple(elements),
            partner=all(bad.partner for bad in elements),
            note=all(bad.note for bad in elements),
        )
    return sorted((*whole, *of_elements.values()), key=lambda one: one.position)
