"""Every table of a set, in every release: it loads, and a set with each of its segments once obeys it."""

from collections.abc import Iterator

import pytest

from crossdock.formats.x12 import guides
from crossdock.formats.x12.describe import LoopUse
from crossdock.formats.x12.elements import UNLIMITED, Element, SegmentGuide
from crossdock.formats.x12.items import Delimiters, Segment
from crossdock.formats.x12.structure import Guide

TABLES = [(set_id, release) for set_id in guides.set_ids() for release in guides.releases(set_id)]
PLAIN = Delimiters(element="*", component=">", segment="~")


def a_value(element: Element) -> str:
    """The shortest right value."""
    if element.components:
        return ">".join(a_value(part) for part in element.components)
    if element.codes:
        return min(code for code in element.codes if element.shortest <= len(code) <= element.longest)
    match element.type:
        case "DT":
            return "20261120"[-element.longest :] if element.longest == 6 else "20261120"
        case "TM":
            return "1402"
        case "B":
            return "x"
        case "AN" | "ID":
            return "A" * max(1, element.shortest)
    return "1" * max(1, element.shortest)


def a_segment(guide: SegmentGuide) -> Segment:
    """A segment with as many of its elements as their relations let stand together."""
    places = {place for place in range(1, len(guide.elements) + 1) if guide.elements[place - 1].longest}
    while True:
        present = [place in places for place in range(len(guide.elements) + 1)]
        broken = [(note, note.broken(present)) for note in guide.notes if note.broken(present)]
        if not broken:
            break
        note, faults = broken[0]
        if note.kind == "E":
            places -= {place for place, _ in faults}
        elif note.kind in "CL":
            places.discard(note.places[0])
        elif note.kind == "P":
            places -= set(note.places)
        else:
            raise AssertionError(f"{guide.id}: {note.text} and what excludes its elements leave nothing")
    last = max(places, default=0)
    return [
        guide.id,
        *(a_value(guide.elements[place - 1]) if place in places else "" for place in range(1, last + 1)),
    ]


def every_place(guide: Guide, at: int = 0) -> Iterator[int]:
    for member in guide.place(at).members:
        yield member
        yield from every_place(guide, member)


def the_guide(set_id: str, release: str) -> Guide:
    found = guides.guide(set_id, release)
    assert found is not None and found.release == release
    return found


@pytest.mark.parametrize(("set_id", "release"), TABLES)
def test_a_set_with_each_segment_of_its_table_once_obeys_it(set_id: str, release: str) -> None:
    guide = the_guide(set_id, release)
    places = list(every_place(guide))
    segments = [a_segment(guide.place(at).segment) for at in places]
    whole = [["ST", set_id, "0001"], *segments, ["SE", str(len(segments) + 2), "0001"]]
    found = guide.check_segments(whole, PLAIN)
    assert [guides.say(problem, release) for problem in found] == []


@pytest.mark.parametrize(("set_id", "release"), TABLES)
def test_an_empty_set_misses_just_what_its_table_makes_mandatory(set_id: str, release: str) -> None:
    guide = the_guide(set_id, release)
    found = guide.check_segments([["ST", set_id, "0001"], ["SE", "2", "0001"]], PLAIN)
    wanted = [guide.place(at) for at in guide.place(0).members if guide.place(at).mandatory]
    assert [(one.segment_id, one.code, one.position) for one in found] == [
        (place.segment.id, "3", 2) for place in wanted
    ]
    assert wanted, "every set begins with a segment that is mandatory"


@pytest.mark.parametrize(("set_id", "release"), TABLES)
def test_a_table_is_listed_whole(set_id: str, release: str) -> None:
    guide = the_guide(set_id, release)
    listed = [item for _, item in guide.describe().walk()]
    loops = [item for item in listed if isinstance(item, LoopUse)]
    assert len(listed) - len(loops) == guide.size - 1  # a loop is listed, and its first segment in it
    assert guide.functional_group and guide.name


@pytest.mark.parametrize(("set_id", "release"), TABLES)
def test_the_segments_of_a_table_are_segments_of_the_release(set_id: str, release: str) -> None:
    guide = the_guide(set_id, release)
    for at in range(1, guide.size):
        segment = guide.place(at).segment
        assert segment.id in guide.words.known
        for number, element in enumerate(segment.elements, 1):
            where = f"{segment.id}{number:02}"
            assert element.shortest <= element.longest <= UNLIMITED, where
            assert element.use in ("M", "O", "X"), where
        for note in segment.notes:
            assert note.kind in "PRECL" and max(note.places) <= len(segment.elements), note.text


def test_a_table_with_a_segment_that_its_words_do_not_describe_is_named() -> None:
    with pytest.raises(
        ValueError, match="the table of 855 in 004010 names the segment QQ9, which the words of"
    ):
        Guide(
            {"set": "855", "functional_group": "PR", "name": "Test", "segments": ["QQ9 M 1"]},
            "004010",
            guides.words("004010"),
        )
