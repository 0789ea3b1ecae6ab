"""Whether a transaction set obeys its guide, and what is wrong with it, as AK3 and AK4 (IK3 and IK4) say it.

Guides are data: in ``guides/words`` one file for the words of a release (elements, composites, segments; see
``elements``), which may build on those of an older one; in ``guides/sets`` one for what stands where in a set, in the
releases that it names. More sets are only more files. Each is read when it is first asked for.

    set = "855"                                  guides/sets/855.toml
    releases = ["004010", "005010"]              in which this table holds; another release has a file of its own
    functional_group = "PR"                      GS01
    name = "Purchase Order Acknowledgment"
    segments = [
      "BAK M 1",                                 id, M mandatory or O, how often (* without limit); ST and SE left out
      { loop = "PO1", max = 100000, segments = [ a loop: its name, how often it comes; it begins with its first
        "PO1 O 1",                               segment, whose M or O is the loop's
        { loop = "ACK", max = 104, segments = ["ACK O 1", "DTM O *"] },
      ] },
    ]

What a partner asks for beyond it is laid on top: see ``overlay``.

A guide of another release than the set's is *borrowed*, for want of a nearer one: the newest that is not newer than
the set, else the oldest. Releases grow (segments, elements and lengths are added, hardly ever taken away), so by a
borrowed guide only that is called wrong which no release would allow: a mandatory segment or element that is
missing, letters in a number, no date, no time, a broken relation between elements. Order, counts and lengths are
not judged, and six digits are a date too. What is mandatory, and what depends on something else, grew as well: where
the guide is newer than the set, neither is judged, and the mapping says what it cannot do without.

Code lists are the mappings' affair, but for the few that a release file ships.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from crossdock.formats.x12.elements import Element, Release
from crossdock.formats.x12.findings import Code, Finding, finding
from crossdock.formats.x12.items import Segment, TransactionSet
from crossdock.formats.x12.overlay import Overlay, PartnerGuide
from crossdock.formats.x12.problems import ElementProblem, SegmentProblem
from crossdock.formats.x12.structure import PROBLEMS_AT_MOST, Guide

__all__ = [
    "PROBLEMS_AT_MOST",
    "Element",
    "Guide",
    "check",
    "check_service",
    "guide",
    "misplaced",
    "releases",
    "say",
    "set_ids",
    "words",
]

_FOLDER: Final = Path(__file__).with_name("guides")


# -- the guides that are there ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, Path]]:
    """The file of each set's table, by set and release."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted((_FOLDER / "sets").glob("*.toml")):
        data = _read(path)
        for release in data["releases"]:
            other = found.setdefault(data["set"], {}).setdefault(release, path)
            if other != path:
                raise ValueError(f"{path.name} and {other.name} both describe {data['set']} in {release}")
    return found


@lru_cache(maxsize=256)
def _read(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


@lru_cache(maxsize=16)
def words(release: str) -> Release:
    """The words of a release: its elements, composites and segments, those of its base included."""
    data = _read(_FOLDER / "words" / f"{release}.toml")
    return Release(data, words(data["base"]) if "base" in data else None)


@lru_cache(maxsize=256)
def _guide(set_id: str, release: str) -> Guide:
    return Guide(_read(_tables()[set_id][release]), release, words(release))


def set_ids() -> tuple[str, ...]:
    """The sets that have a guide."""
    return tuple(sorted(_tables()))


def releases(set_id: str) -> tuple[str, ...]:
    """The releases in which a set has a guide of its own, oldest first."""
    return tuple(sorted(_tables().get(set_id, ())))


@lru_cache(maxsize=256)
def _partner_guide(set_id: str, release: str, overlay: Overlay) -> Guide:
    return PartnerGuide(_guide(set_id, release), overlay)


def guide(set_id: str, version: str, overlay: Overlay | None = None) -> Guide | None:
    """The guide of a set in a release (``004010``), or the nearest of another release; ``None``: there is none.

    With a partner's ``overlay`` it is that partner's. Raises ``overlay.Mistakes`` where the two do not fit.
    """
    known = releases(set_id)
    if not known:
        return None
    release = version[:6]
    if release not in known:
        older = [one for one in known if one <= version]
        release = max(older) if older else min(known)
    return _guide(set_id, release) if overlay is None else _partner_guide(set_id, release, overlay)


def check(entry: TransactionSet, overlay: Overlay | None = None) -> Sequence[SegmentProblem]:
    """What is wrong with the content of a set; empty when it obeys its guide or when there is none for it.

    Not everything refuses it: see ``problems.refused``.
    """
    found = guide(entry.set_id, entry.version, overlay)
    return found.check(entry) if found else ()


def misplaced(entry: TransactionSet) -> Finding | None:
    """That a set stands in a group of another kind (GS01) than its guide names, if it does. Nothing is said of a
    release older than all guides: kinds had other codes once."""
    found = guide(entry.set_id, entry.version)
    if found is None or entry.group is None or entry.group.functional_id == found.functional_group:
        return None
    if entry.version[:6] < releases(entry.set_id)[0]:
        return None
    kind = entry.group.functional_id
    return finding(
        Code.ST_NOT_IN_GROUP,
        f"GS01 is {kind!r}, and that of {entry.set_id} is {found.functional_group!r}.",
        offset=entry.offset,
        length=entry.span_of(1)[1] if entry.layout else 0,
        segment=entry.first_ordinal,
        segment_id="ST",
    )


def check_service(segment: Segment, version: str = "") -> Sequence[ElementProblem]:
    """What is wrong with the elements of a segment that stands in no set: a TA1. Empty when none is described."""
    found = _words(version[:6]).segments.get(segment[0]) if segment else None
    return found.faults(segment, "") if found else ()


# -- sentences --------------------------------------------------------------------------------------------------

_SEGMENT_SENTENCES: Final = {
    "1": "is no segment of the standard",
    "2": "is not expected here: what it belongs to is not there",
    "3": "is mandatory and missing; it should stand here",
    "4": "begins the loop {loop} more often than the guide allows",
    "5": "comes more often than the guide allows",
    "6": "does not belong to this transaction set",
    "7": "is too late: it should stand before what came already",
}

_PARTNER_SEGMENT_SENTENCES: Final = {
    "I4": "is not used between us",
    "I6": "is missing here, and what stands in the set asks for it",
    "I7": "begins a loop that is required between us and missing; it should stand here",
    "I8": "is required between us and missing; it should stand here",
    "I9": "is not used between us in this form",
    "4": "begins the loop {loop} more often than agreed",
    "5": "comes more often than agreed",
}
"""By the code of element 620, for what breaks a partner's guide alone."""

_ELEMENT_SENTENCES: Final = {
    "1": "is mandatory and missing",
    "2": "is missing, and what stands beside it asks for it",
    "3": "is one element too many",
    "4": "is too short",
    "5": "is too long",
    "6": "has a character that it may not have",
    "7": "is no code of the list",
    "8": "is no date",
    "9": "is no time",
    "10": "may not stand beside another element that is there",
    "12": "repeats more often than it may",
    "13": "is one component too many",
    "I6": "is no code that is used between us",
    "I9": "is required between us and missing",
    "I10": "is not used between us",
    "I13": "is not used between us beside what is there",
}
"""By the code of element 621, for the plain ones are among them."""


def say(problem: SegmentProblem, version: str = "") -> str:
    """One problem as a sentence for a person: what, where, which element by its name, what was expected.

    ``version``: the release by whose guide it was found (GS08); without one the newest gives names and lengths.
    """
    of = _words(version[:6])
    known = of.segments.get(problem.segment_id)
    name = f" ({known.name})" if known else ""
    where = f"segment {problem.position}, {problem.segment_id or 'one without an id'}{name}"
    if not problem.elements:
        sentences = _PARTNER_SEGMENT_SENTENCES if problem.partner else _SEGMENT_SENTENCES
        sentence = sentences.get(problem.ik3, "is wrong").format(loop=problem.loop)
        asked = f" ({problem.asked})" if problem.asked else ""
        return f"{where}, {sentence}{asked}"
    told = "; ".join(_say_element(problem.segment_id, bad, of) for bad in problem.elements[:3])
    more = len(problem.elements) - 3
    return f"{where}: {told}" + (f"; and {more} more" if more > 0 else "")


def _say_element(segment_id: str, bad: ElementProblem, words: Release) -> str:
    place = f"{segment_id}{bad.element:02}" + (f"-{bad.component}" if bad.component else "")
    known = words.elements.get(bad.reference)
    if known is None and segment_id in words.segments and bad.code != "3":
        # a composite has no number: its name is that of its place
        elements = words.segments[segment_id].elements
        known = elements[bad.element - 1] if bad.element <= len(elements) else None
    name = f" ({known.name}, element {known.reference})" if known else ""
    value = f" is {bad.bad_value[:40]!r} and" if bad.bad_value else ""
    expected = ""
    if bad.asked:
        expected = f"; agreed: {bad.asked}"
    elif known and bad.code in "456789":
        expected = f"; expected {known.expected}"
    times = f" (occurrence {bad.repetition})" if bad.repetition else ""
    return f"{place}{name}{times}{value} {_ELEMENT_SENTENCES.get(bad.ik4, 'is wrong')}{expected}"


@lru_cache(maxsize=16)
def _words(version: str) -> Release:
    """The words of a release, else of the newest that is not newer, else of the oldest; without a version the
    newest."""
    known = sorted(path.stem for path in (_FOLDER / "words").glob("*.toml"))
    older = [release for release in known if release <= version] if version else known
    return words(older[-1] if older else known[0])
