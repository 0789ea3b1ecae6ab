"""A partner's guide on top of a set's: what it asks for, how that is told, and what is wrong with it itself."""

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.formats.x12 import Delimiters, guides
from crossdock.formats.x12.describe import LoopUse, SegmentUse
from crossdock.formats.x12.overlay import Mistakes, Overlay, Path
from crossdock.formats.x12.problems import SegmentProblem, ik5, refused
from crossdock.formats.x12.structure import Guide
from tests.formats.x12.test_guides import SEGMENT
from tests.formats.x12.test_loops import a_set

BAK = "BAK*00*AC*4500017*20261120"
LINE = "PO1*1*12*EA*4.5**VP*U-100"
RIGHT = (BAK, "N1*ST*HERE", "N4*RENO*NV", LINE, "ACK*IB*8*EA*068*20261201", "ACK*IA*4*EA", "CTT*1")


def overlay(text: str) -> Overlay:
    return Overlay.of(tomllib.loads(text))


def told(problems: Sequence[SegmentProblem]) -> list[tuple[Any, ...]]:
    """Each problem as (segment, position, AK3 code, IK3 code) or, of an element, (segment, position, element, AK4
    code, IK4 code, bad value)."""
    rows: list[tuple[Any, ...]] = []
    for one in problems:
        if not one.elements:
            rows.append((one.segment_id, one.position, one.code, one.ik3))
        rows += [
            (one.segment_id, one.position, bad.element, bad.code, bad.ik4, bad.bad_value)
            for bad in one.elements
        ]
    return rows


def check(text: str, *lines: str, version: str = "004010") -> Sequence[SegmentProblem]:
    return guides.check(a_set("855", *(lines or RIGHT), version=version), overlay(text))


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ('require = ["PO1/ACK"]', []),
        ('require = ["DTM"]', [("DTM", 3, "3", "I8")]),  # before the N1
        ('require = ["PO1"]', []),
        ('require = ["SAC"]', [("SAC", 3, "3", "I7")]),  # a loop
        ('require = ["PO1/PID"]', [("PID", 6, "3", "I7")]),  # before the ACK
        ('require = ["PO1/N1"]', [("N1", 8, "3", "I7")]),  # at the end of the line
        ('require = ["N1[01=ST]"]', []),
        ('require = ["N1[01=BT]"]', [("N1", 5, "3", "I7")]),
        ('require = ["N1[01=BT|ST]"]', []),
        ('require = ["N1[01=ST]/N4"]', []),
        ('require = ["N1[01=ST]/N3"]', [("N3", 4, "3", "I6")]),  # beside what is there
        ('require = ["N1[01=BT]/N3"]', []),
        ('require = ["BAK08"]', [("BAK", 2, 8, "1", "I9", "")]),
        ('require = ["PO1/ACK04"]', [("ACK", 7, 4, "1", "I9", "")]),
        ('require = ["PO1/ACK[01=IB]04"]', []),
        ('require = ["PO1/ACK[01=IA]04"]', [("ACK", 7, 4, "2", "I9", "")]),
        ('forbid = ["CUR"]', []),
        ('forbid = ["CTT"]', [("CTT", 8, "2", "I4")]),
        ('forbid = ["PO1/ACK[01=IB]"]', [("ACK", 6, "2", "I9")]),
        ('forbid = ["PO1/ACK05"]', [("ACK", 6, 5, "10", "I10", "20261201")]),
        ('forbid = ["PO1/ACK[01=IB]05"]', [("ACK", 6, 5, "10", "I13", "20261201")]),
        ('codes = {"PO1/ACK01" = ["IA", "IB"]}', []),
        ('codes = {"PO1/ACK01" = ["IA"]}', [("ACK", 6, 1, "7", "I6", "IB")]),
        ('max = {"BAK03" = 6}', [("BAK", 2, 3, "5", "5", "4500017")]),
        ('max = {"BAK03" = 7}', []),
        ('min = {"BAK03" = 8}', [("BAK", 2, 3, "4", "4", "4500017")]),
        ('max = {"PO104" = 1}', [("PO1", 5, 4, "5", "5", "4.5")]),  # two digits
        ('max = {"PO1/ACK" = 1}', [("ACK", 7, "4", "4")]),
        ('max = {"PO1/ACK" = 2}', []),
        ('min = {"PO1/ACK" = 3}', [("ACK", 8, "3", "I7")]),
    ],
)  # fmt: skip
def test_what_a_partner_asks_for_is_told_with_the_codes_of_a_997_and_a_999(
    asked: str, rows: list[tuple[Any, ...]]
) -> None:
    problems = check(asked)
    assert told(problems) == rows
    assert all(one.partner for one in problems)
    assert ik5(problems) == ("I5" if rows else "")


def test_a_requirement_holds_in_every_turn_of_the_loop_around_it() -> None:
    lines = (BAK, LINE, "ACK*IA*12*EA", LINE, LINE, "ACK*IA*12*EA", "CTT*3")
    assert told(check('require = ["PO1/ACK"]', *lines)) == [("ACK", 6, "3", "I7")]


def test_the_segment_that_begins_a_loop_may_be_named_again() -> None:
    assert told(check('max = {"PO1/PO104" = 1}')) == [("PO1", 5, 4, "5", "5", "4.5")]
    assert told(check('require = ["PO1/PO109"]')) == [("PO1", 5, 9, "1", "I9", "")]
    assert told(check('forbid = ["N1[01=ST]/N1[02=HERE]"]')) == [("N1", 3, "2", "I9")]
    assert told(check('forbid = ["N1[01=BT]/N1[02=HERE]"]')) == []


def test_loops_with_numbers_for_names_may_be_called_by_their_first_segments() -> None:
    entry = a_set("214", "B10*1*2*RRFL", "LX*1", "AT7*X3*NS***20261120*1200*LT")
    for path in ("0200/0205/MS1", "LX/AT7/MS1"):
        assert told(guides.check(entry, overlay(f'require = ["{path}"]'))) == [("MS1", 5, "3", "I8")]


def test_a_component_has_a_number_behind_the_elements() -> None:
    lines = (BAK, "PO1*1*12*EA", "CTP**CON*4.5*1*EA")
    assert told(check('codes = {"PO1/CTP05-01" = ["CA"]}', *lines)) == [("CTP", 4, 5, "7", "I6", "EA")]
    assert told(check('require = ["PO1/CTP05-02"]', *lines)) == [("CTP", 4, 5, "1", "I9", "")]


def test_what_breaks_the_standard_and_the_partners_guide_in_one_segment_is_one_problem() -> None:
    (problem,) = check('codes = {"PO1/ACK01" = ["IA"]}', BAK, LINE, "ACK*IB*x*EA")
    assert [(bad.element, bad.ik4, bad.partner) for bad in problem.elements] == [
        (1, "I6", True),
        (2, "6", False),
    ]
    assert not problem.partner
    assert ik5([problem]) == "5"


def test_a_note_is_told_and_does_not_refuse_the_set() -> None:
    problems = check('severity = "note"\nrequire = ["DTM"]\ncodes = {"PO1/ACK01" = ["IA"]}')
    assert len(problems) == 2
    assert not refused(problems)
    worse = check('severity = "note"\nrequire = ["DTM"]', BAK, "PO1*1*x*EA")
    assert refused(worse)
    assert [one.note for one in worse] == [True, False]


def test_a_complaint_of_the_standard_can_be_tolerated() -> None:
    lines = (BAK, "PO1*1*12*DZN*4.5", "ACK*IA*12*EA")
    assert refused(check("", *lines))
    problems = check('tolerate = ["PO103"]', *lines)
    assert told(problems) == [("PO1", 3, 3, "5", "5", "DZN")]
    assert not refused(problems)
    elsewhere = check('tolerate = ["PO102"]', *lines)
    assert refused(elsewhere)
    mixed = check('tolerate = ["PO103"]', BAK, "PO1*1*x*DZN*4.5")
    assert refused(mixed)


def test_a_missing_segment_can_be_tolerated() -> None:
    lines = ("PO1*1*12*EA",)
    assert told(check("", *lines)) == [("BAK", 2, "3", "3")]
    assert not refused(check('tolerate = ["BAK"]', *lines))


def test_own_codes_are_beside_those_that_are_listed() -> None:
    own = '[codes]\n"PO1/ACK01" = ["IA"]\n[own."PO1/ACK01"]\nXB = "on its way, by the partner\'s own word"\n'
    lines = (BAK, LINE, "ACK*XB*12*EA", "ACK*IB*1*EA")
    assert told(check(own, *lines)) == [("ACK", 5, 1, "7", "I6", "IB")]


def test_own_codes_are_beside_those_of_the_release() -> None:
    answer = a_set("997", "AK1*PR*77", "AK9*Z*1*1*1")
    assert told(guides.check(answer)) == [("AK9", 3, 1, "7", "7", "Z")]
    assert list(guides.check(answer, overlay('[own."AK901"]\nZ = "accepted by hand"'))) == []


def test_no_more_than_a_hundred_problems_are_told() -> None:
    lines = [LINE] * 300
    problems = check('require = ["PO1/ACK", "PO109"]', BAK, *lines)
    assert len(problems) == 100
    assert [one.position for one in problems] == sorted(one.position for one in problems)


def test_the_sentences_say_what_was_agreed() -> None:
    problems = check(
        'require = ["DTM", "REF[01=DP]", "BAK08"]\nforbid = ["CTT"]\ncodes = {"PO1/ACK01" = ["IA"]}\n'
        'max = {"PO1/ACK" = 1}'
    )
    assert [guides.say(one, "004010") for one in problems] == [
        "segment 2, BAK (Beginning Segment for Purchase Order Acknowledgment): BAK08 (Reference Identification, "
        "element 127) is required between us and missing",
        "segment 3, DTM (Date/Time Reference), is required between us and missing; it should stand here",
        "segment 3, REF (Reference Identification), is required between us and missing; it should stand here "
        "(REF[01=DP])",
        "segment 6, ACK (Line Item Acknowledgment): ACK01 (Line Item Status Code, element 668) is 'IB' and is no "
        "code that is used between us; agreed: one of IA",
        "segment 7, ACK (Line Item Acknowledgment), begins the loop ACK more often than agreed (at most 1)",
        "segment 8, CTT (Transaction Totals), is not used between us",
    ]


EVERYTHING = overlay(
    'require = ["DTM", "PO1/ACK", "BAK08", "N1[01=ST]/N4", "PO1/ACK[01=IB]04", "PO1/CTP05-02"]\n'
    'forbid = ["CUR", "PO1/ACK[01=IF]", "BAK09", "REF[01=DP]02"]\ntolerate = ["PO103", "REF[01=DP]", "PO1/ACK"]\n'
    '[codes]\n"PO1/ACK01" = ["IA"]\n[min]\n"PO1" = 2\n"N102" = 3\n[max]\n"PO1" = 3\n"BAK03" = 5\n'
    '[own."PO1/ACK01"]\nXX = "own"\n'
)


@settings(max_examples=300, deadline=None)
@given(segments=st.lists(SEGMENT, max_size=25))
def test_no_segments_whatever_raise_under_a_partners_guide(segments: list[list[str]]) -> None:
    guide = guides.guide("855", "005010", EVERYTHING)
    base = guides.guide("855", "005010")
    assert guide is not None and base is not None
    delimiters = Delimiters(element="*", component=">", segment="~", repetition="é")
    problems = guide.check_segments(segments, delimiters)
    assert len(problems) <= guides.PROBLEMS_AT_MOST
    assert [one.position for one in problems] == sorted(one.position for one in problems)
    for one in problems:
        assert bool(one.elements) == (one.code == "8")
        assert "is wrong" not in guides.say(one, "005010")
        assert one.note == all(bad.note for bad in one.elements) or not one.elements
    # nothing of the standard is lost: what is not told any more is a code of the partner's own
    plain = {(one.segment_id, one.position, one.code) for one in base.check_segments(segments, delimiters)}
    kept = {(one.segment_id, one.position, one.code) for one in problems}
    assert len(problems) == guides.PROBLEMS_AT_MOST or plain <= kept


# -- what is wrong with an overlay itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ('severity = "warn"', [(("severity",), "must be 'refuse' or 'note'")]),
        ('requires = ["DTM"]', [(("requires",), "unknown field 'requires'")]),
        ('require = "DTM"', [(("require",), "must be a list of paths")]),
        ("require = [7]", [(("require",), "7 must be a path")]),
        ('require = ["dtm", "BAK00"]', [(("require",), "'dtm' is no path"), (("require",), "count from 01")]),
        ('require = ["po1/ACK"]', [(("require",), "'po1' in 'po1/ACK' is no name of a loop")]),
        ('require = ["REF[DP]"]', [(("require",), "'[DP]' in 'REF[DP]' is no condition")]),
        ('codes = {"PO1/ACK" = ["IA"]}', [(("codes", "PO1/ACK"), "write its number behind the segment")]),
        ('codes = {"PO1/ACK01" = "IA"}', [(("codes", "PO1/ACK01"), "must be a list of codes")]),
        ("codes = 7", [(("codes",), "must be a table")]),
        ('max = {"PO1" = 0}', [(("max", "PO1"), "must be a whole number from 1 on")]),
        ('max = {"PO1" = true}', [(("max", "PO1"), "must be a whole number")]),
        ('own = {"PO1/ACK29" = ["OOS"]}', [(("own", "PO1/ACK29"), "must be a table of codes")]),
        ('own = {"PO1/ACK29" = {OOS = 1}}', [(("own", "PO1/ACK29"), "what each code means, in words")]),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_the_way_to_its_key(
    text: str, mistakes: list[tuple[tuple[str, ...], str]]
) -> None:
    with pytest.raises(ValueError) as refusal:
        overlay(text)
    assert isinstance(refusal.value, Mistakes)
    assert [way for way, _ in refusal.value.mistakes] == [way for way, _ in mistakes]
    for (_, sentence), (_, part) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert part in sentence


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('require = ["HL"]', "the 855 of 004010 has no 'HL'; there are: BAK, CUR"),
        ('require = ["PO1/HL"]', "the 855 of 004010 has no 'HL' in PO1; there are: LIN"),
        ('require = ["POX/ACK"]', "has no loop 'POX'; there are: "),
        ('require = ["BAK11"]', "BAK of the 855 of 004010 has 10 elements, not 11"),
        ('require = ["REF[09=DP]"]', "REF of the 855 of 004010 has 4 elements, not 09"),
        ('require = ["PO1/CTP05-16"]', "CTP05 of the 855 of 004010 has 15 components, not 16"),
        ('require = ["BAK03-02"]', "BAK03 of the 855 of 004010 has 1 components, not 2"),
    ],
)
def test_a_path_that_the_guide_does_not_have_is_a_mistake(text: str, part: str) -> None:
    with pytest.raises(Mistakes, match="require: ") as refusal:
        guides.guide("855", "004010", overlay(text))
    assert part in str(refusal.value)


def test_a_slash_in_a_condition_is_no_step() -> None:
    path = Path.of("REF[02=A/B]03")
    assert (len(path.steps), path.element) == (1, 3)


# -- for people -------------------------------------------------------------------------------------------------


def the_guide(text: str) -> Guide:
    found = guides.guide("855", "004010", overlay(text))
    assert found is not None
    return found


def test_the_differences_from_the_standard_are_sentences() -> None:
    base = guides.guide("855", "004010")
    assert base is not None
    asked = overlay(
        'require = ["DTM", "BAK"]\nforbid = ["CUR"]\ntolerate = ["PO103"]\n'
        '[codes]\n"PO1/ACK01" = ["IA", "IB"]\n[max]\n"PO1" = 500\n"BAK03" = 10\n[min]\n"PO1" = 1\n'
        '[own."PO1/ACK29"]\nOOS = "out of stock"\n'
    )
    assert asked.differences(base) == [
        "DTM (Date/Time Reference) is required; the standard leaves it open",
        "BAK (Beginning Segment for Purchase Order Acknowledgment) is required; it is anyway",
        "CUR (Currency) is not used",
        "PO103 (Unit or Basis for Measurement Code): what breaks the standard here is told and accepted",
        "PO1/ACK01 (Line Item Status Code) is one of IA, IB; by the standard any code of its list",
        "PO1 (Baseline Item Data) comes at least 1 times; by the standard 0",
        "PO1 (Baseline Item Data) comes at most 500 times; by the standard 100000",
        "BAK03 (Purchase Order Number) has at most 10 characters; by the standard 22",
        "PO1/ACK29 (Industry Code) has codes of the partner's own: OOS (out of stock)",
    ]


def listed(guide: Guide) -> dict[str, SegmentUse | LoopUse]:
    """What a guide lists, by path; a loop, not its first segment."""
    found: dict[str, SegmentUse | LoopUse] = {}
    for _, item in guide.describe().walk():
        found.setdefault(item.path, item)
    return found


def test_a_guide_is_listed_with_its_loops_segments_and_elements() -> None:
    base = guides.guide("855", "004010")
    assert base is not None
    listing = base.describe()
    assert (listing.set_id, listing.functional_group, listing.release) == ("855", "PR", "004010")
    found = listed(base)
    bak, line, ack = found["BAK"], found["PO1"], found["PO1/ACK"]
    assert isinstance(bak, SegmentUse) and isinstance(line, LoopUse) and isinstance(ack, LoopUse)
    assert (bak.use, bak.most, line.use, line.most, ack.most) == ("M", 1, "O", 100_000, 104)
    first = ack.items[0]
    assert isinstance(first, SegmentUse)
    assert (first.id, first.use, first.most, first.path) == ("ACK", "M", 1, "PO1/ACK")
    status = first.elements[0]
    assert (status.place, status.reference, status.use, status.type) == (1, "668", "M", "ID")
    assert (status.shortest, status.longest, status.repeats, status.codes) == (2, 2, 1, ())
    assert "P0203" in first.notes
    depths = {item.path: depth for depth, item in listing.walk() if isinstance(item, LoopUse)}
    assert (depths["PO1"], depths["PO1/ACK"]) == (0, 1)
    plain = listing.as_dict()
    assert plain["items"][0]["elements"][0]["reference"] == "353"
    assert isinstance(plain["items"], list)


def test_a_partners_guide_is_listed_as_it_holds_between_us() -> None:
    found = listed(
        the_guide(
            'require = ["DTM", "PO1/ACK", "BAK08"]\nforbid = ["CUR", "BAK09", "PO1/ACK[01=IF]"]\n'
            '[codes]\n"PO1/ACK01" = ["IB", "IA"]\n"PO1/CTP05-01" = ["EA"]\n[max]\n"PO1" = 500\n"BAK03" = 10\n'
            '[own."PO1/ACK29"]\nOOS = "out of stock"\n'
        )
    )
    bak, ack, line = found["BAK"], found["PO1/ACK"], found["PO1"]
    assert isinstance(bak, SegmentUse) and isinstance(ack, LoopUse) and isinstance(line, LoopUse)
    assert (found["DTM"].use, found["CUR"].use, ack.use) == ("M", "-", "M")
    assert (line.most, bak.elements[7].use, bak.elements[8].use, bak.elements[2].longest) == (
        500,
        "M",
        "-",
        10,
    )
    assert "PO1/ACK[01=IF] (Line Item Acknowledgment) is not used" in ack.partner
    first = ack.items[0]
    assert isinstance(first, SegmentUse)
    assert first.elements[0].codes == ("IB", "IA")
    assert first.elements[28].own == (("OOS", "out of stock"),)
    assert first.elements[28].partner != ()
    price = found["PO1/CTP"]
    assert isinstance(price, LoopUse) and isinstance(price.items[0], SegmentUse)
    assert price.items[0].elements[4].components[0].codes == ("EA",)


def test_a_partners_guide_is_a_guide_like_any_other() -> None:
    guide = the_guide('require = ["DTM"]')
    entry = a_set("855", *RIGHT)
    assert guide.tree(entry).inside("PO1")[0].path == "PO1"
    assert guide.segment_name("ACK") == "Line Item Acknowledgment"
    assert guides.guide("855", "004010", overlay('require = ["DTM"]')) is guide
    assert guides.guide("000", "004010", overlay('require = ["DTM"]')) is None
