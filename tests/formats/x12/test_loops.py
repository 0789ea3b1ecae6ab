"""A set as nested loops by name, strays included, and the hierarchy that HL segments draw."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.formats.x12.items import Segment
from crossdock.formats.x12.loops import Hierarchy, Loop, hierarchy
from crossdock.formats.x12.structure import Guide
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, write_interchange


def a_set(set_id: str, *lines: str, version: str = "004010") -> x12.TransactionSet:
    """A set that was read, of segments as they are written."""
    body = write_interchange(
        sender=Party(qualifier="ZZ", id="NORTHVALVES"),
        receiver=Party(qualifier="ZZ", id="CROSSDOCK"),
        control_number=1,
        at=datetime(2026, 11, 21, 9, 15, tzinfo=UTC),
        usage="P",
        groups=[
            OutgoingGroup(
                functional_id="SH",
                sender="A",
                receiver="B",
                control_number="1",
                version=version,
                sets=[
                    OutgoingSet(
                        set_id=set_id, control_number="0001", segments=[line.split("*") for line in lines]
                    )
                ],
            )
        ],
    )
    (entry,) = (item for item in x12.read(body) if isinstance(item, x12.TransactionSet))
    return entry


def the_guide(set_id: str) -> Guide:
    found = guides.guide(set_id, "004010")
    assert found is not None
    return found


def drawn(loop: Loop) -> Any:
    """A loop as nested lists: its name, its own segments, the loops in it."""
    return [
        loop.name,
        [f"{position} {segment[0]}" for position, segment in loop.segments],
        *(drawn(inner) for inner in loop.loops),
    ]


ACKNOWLEDGED = (
    "BAK*00*AC*4500017*20261120",
    "N1*SU*NORTH VALVES",
    "N4*RENO*NV",
    "PO1*1*12*EA*4.5**VP*U-100",
    "PID*F****VALVE",
    "ACK*IB*8*EA",
    "DTM*067*20261201",
    "ACK*IA*4*EA",
    "PO1*2*1*EA",
    "CTT*2",
)


def test_the_loops_of_an_acknowledgement_are_nested_by_their_names() -> None:
    tree = the_guide("855").tree(a_set("855", *ACKNOWLEDGED))
    assert drawn(tree) == [
        "",
        ["2 BAK"],
        ["N1", ["3 N1", "4 N4"]],
        [
            "PO1",
            ["5 PO1"],
            ["PID", ["6 PID"]],
            ["ACK", ["7 ACK", "8 DTM"]],
            ["ACK", ["9 ACK"]],
        ],
        ["PO1", ["10 PO1"]],
        ["CTT", ["11 CTT"]],
    ]


def test_a_loop_answers_by_name() -> None:
    tree = the_guide("855").tree(a_set("855", *ACKNOWLEDGED))
    line = tree.inside("PO1")[0]
    first, second = line.inside("ACK")
    assert (first.path, first.position, first.outer) == ("PO1/ACK", 7, line)
    assert first.head == ["ACK", "IB", "8", "EA"]
    assert first.first("DTM") == (8, ["DTM", "067", "20261201"])
    assert second.first("DTM") is None
    assert tree.first("BAK") == (2, ["BAK", "00", "AC", "4500017", "20261120"])
    assert tree.inside("N1")[0].all("N4") == [(4, ["N4", "RENO", "NV"])]
    assert tree.all("N4") == []
    assert (tree.path, tree.position, tree.outer) == ("", 1, None)


def test_a_loop_that_comes_too_late_is_still_that_loop_and_takes_its_members_along() -> None:
    late = ("BAK*00*AC*1*20261120", "PO1*1*12*EA", "N9*ZZ*X", "DIS*001*DD*1*QQ*1", "N1*ST*HERE", "PID*F****X")
    entry = a_set("855", *late)
    assert drawn(the_guide("855").tree(entry)) == [
        "",
        ["2 BAK"],
        [
            "PO1",
            ["3 PO1", "5 DIS"],  # DIS belongs to the line and is too late
            ["N9", ["4 N9"]],
            ["N1", ["6 N1"]],
            ["PID", ["7 PID"]],
        ],
    ]
    assert [(p.segment_id, p.code) for p in guides.check(entry)] == [("DIS", "7"), ("PID", "7")]


def test_behind_a_loop_that_came_too_late_the_set_goes_on_where_it_was() -> None:
    entry = a_set("214", "B10*1*2*RRFL", "LX*1", "N1*ST*HERE", "N3*STREET", "AT7*X3*NS***20261120*1200*LT")
    assert drawn(the_guide("214").tree(entry)) == [
        "",
        ["2 B10"],
        ["0200", ["3 LX"], ["0205", ["6 AT7"]]],
        ["0100", ["4 N1", "5 N3"]],
    ]


def test_a_segment_that_belongs_nowhere_stands_in_the_loop_of_the_one_before_it() -> None:
    entry = a_set(
        "855", "BAK*00*AC*1*20261120", "PO1*1*12*EA", "ACK*IA*12*EA", "QQ9*1", "SN1*1*1*EA", "PO1*2"
    )
    assert drawn(the_guide("855").tree(entry)) == [
        "",
        ["2 BAK"],
        ["PO1", ["3 PO1"], ["ACK", ["4 ACK", "5 QQ9", "6 SN1"]]],
        ["PO1", ["7 PO1"]],
    ]


def test_the_tree_takes_the_next_place_when_the_nearest_is_full_as_the_check_does() -> None:
    guide = Guide(
        {
            "set": "855",
            "functional_group": "PR",
            "name": "Test",
            "segments": [
                {"loop": "A", "max": 1, "segments": ["BAK M 1", "REF O 2"]},
                {"loop": "B", "max": 1, "segments": ["REF O 1", "DTM O 1"]},
            ],
        },
        "004010",
        guides.words("004010"),
    )
    entry = a_set(
        "855",
        "BAK*00*AC*1*20261120",
        "REF*DP*1",
        "REF*DP*2",
        "REF*DP*3",
        "DTM*011*20261120",
        "DTM*002*20261120",
    )
    assert drawn(guide.tree(entry)) == [
        "",
        [],
        ["A", ["2 BAK", "3 REF", "4 REF"]],
        ["B", ["5 REF", "6 DTM", "7 DTM"]],
    ]
    assert [(p.segment_id, p.position, p.code) for p in guide.check(entry)] == [("DTM", 7, "5")]


TWO_WAYS = Guide(
    {
        "set": "855",
        "functional_group": "PR",
        "name": "Test",
        "segments": [
            "BAK M 1",
            {"loop": "CTT", "max": 1, "segments": ["CTT O 1", "AMT O 1"]},
            {"loop": "AMT", "max": 2, "segments": ["AMT O 1", "REF O *"]},
        ],
    },
    "004010",
    guides.words("004010"),
)
"""A table in which an AMT behind a CTT may be the CTT's or a loop of its own."""


def test_what_follows_a_segment_decides_between_two_places_that_were_open_to_it() -> None:
    own = a_set("855", "BAK*00*AC*1*20261120", "CTT*1", "AMT*1*5")
    assert drawn(TWO_WAYS.tree(own)) == ["", ["2 BAK"], ["CTT", ["3 CTT", "4 AMT"]]]
    loop = a_set("855", "BAK*00*AC*1*20261120", "CTT*1", "AMT*1*5", "REF*DP*1", "REF*DP*2", "AMT*1*6")
    assert list(TWO_WAYS.check(loop)) == []
    assert drawn(TWO_WAYS.tree(loop)) == [
        "",
        ["2 BAK"],
        ["CTT", ["3 CTT"]],
        ["AMT", ["4 AMT", "5 REF", "6 REF"]],
        ["AMT", ["7 AMT"]],
    ]
    assert TWO_WAYS.outline(loop.segments)[3] == ("AMT",)
    more = a_set("855", "BAK*00*AC*1*20261120", "CTT*1", "AMT*1*5", "REF*DP*1", "AMT*1*6", "AMT*1*7")
    assert [(one.position, one.code) for one in TWO_WAYS.check(more)] == [(7, "4")]


def test_a_segment_that_may_stand_nowhere_moves_no_other() -> None:
    entry = a_set("855", "BAK*00*AC*1*20261120", "CTT*1", "AMT*1*5", "QQ9*1", "REF*DP*1")
    assert drawn(TWO_WAYS.tree(entry)) == ["", ["2 BAK"], ["CTT", ["3 CTT", "4 AMT", "5 QQ9", "6 REF"]]]
    assert [(one.segment_id, one.code) for one in TWO_WAYS.check(entry)] == [("QQ9", "1"), ("REF", "2")]


def test_a_loop_is_counted_anew_in_each_turn_of_the_loop_around_it() -> None:
    line = ["PO1*1*12*EA", *["ACK*IA*1*EA"] * 104]
    assert list(guides.check(a_set("855", "BAK*00*AC*1*20261120", *line, *line))) == []
    entry = a_set("855", "BAK*00*AC*1*20261120", *line, "ACK*IA*1*EA", *line)
    assert [(p.segment_id, p.position, p.code) for p in guides.check(entry)] == [("ACK", 108, "4")]


IDENTIFIERS = st.sampled_from(
    [
        "BAK",
        "CUR",
        "REF",
        "DTM",
        "N9",
        "N1",
        "N3",
        "N4",
        "PO1",
        "PID",
        "ACK",
        "SCH",
        "SLN",
        "CTT",
        "AMT",
        "QQ9",
        "HL",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(IDENTIFIERS, max_size=40))
def test_no_order_whatever_loses_a_segment_or_shows_it_twice(names: list[str]) -> None:
    entry = a_set("855", *(f"{name}*1" for name in names))
    tree = the_guide("855").tree(entry)

    def all_of(loop: Loop) -> Iterable[tuple[int, Segment]]:
        yield from loop.segments
        for inner in loop.loops:
            yield from all_of(inner)

    assert sorted(all_of(tree)) == list(enumerate(entry.segments, 1))[1:-1]


@settings(max_examples=300, deadline=None)
@given(st.lists(IDENTIFIERS, max_size=40))
def test_the_outline_and_the_tree_say_the_same(names: list[str]) -> None:
    entry = a_set("855", *(f"{name}*1" for name in names))
    guide = the_guide("855")
    outline = guide.outline(entry.segments)

    def compare(loop: Loop) -> None:
        for position, _ in loop.segments:
            assert "/".join(outline[position - 1]) == loop.path
        for inner in loop.loops:
            compare(inner)

    compare(guide.tree(entry))


# -- hierarchies ------------------------------------------------------------------------------------------------


def of(*levels: str) -> Hierarchy:
    """The hierarchy of these HL segments."""
    entry = a_set("856", "BSN*00*S1*20261120*1200", *levels)
    return hierarchy(the_guide("856").tree(entry).inside("HL"))


def test_a_pick_and_pack_notice_is_a_tree_of_shipment_order_carton_and_item() -> None:
    found = of("HL*1**S", "HL*2*1*O", "HL*3*2*P", "HL*4*3*I", "HL*5*2*P", "HL*6*5*I")
    assert found.problems == []
    (shipment,) = found.roots
    (order,) = shipment.children
    assert [(carton.id, [item.id for item in carton.children]) for carton in order.children] == [
        ("3", ["4"]),
        ("5", ["6"]),
    ]
    item = order.children[1].children[0]
    above = item.above("O")
    assert above is order
    assert item.above("T") is None
    assert [level.code for level in found.levels] == list("SOPIPI")
    assert item.loop.position == 8


@pytest.mark.parametrize(
    ("levels", "sentence", "roots"),
    [
        (["HL*1**S", "HL*1**S"], "the level number 1 comes twice", ["1", "1"]),
        (
            ["HL*1**S", "HL*2*7*O"],
            "level 2 names the parent 7, and no level before it has that number",
            ["1", "2"],
        ),
        (
            ["HL*1*2*S", "HL*2*1*O"],
            "level 1 names the parent 2, and no level before it has that number",
            ["1"],
        ),
        (["HL*1*1*S"], "level 1 is its own parent", ["1"]),
        (["HL***S"], "HL01 is empty: the level has no number", [""]),
    ],
)
def test_a_level_that_does_not_fit_is_told_and_nothing_goes_round_in_a_circle(
    levels: list[str], sentence: str, roots: list[str]
) -> None:
    found = of(*levels)
    assert [problem.sentence for problem in found.problems] == [sentence]
    assert [level.id for level in found.roots] == roots
    assert len(found.levels) == len(levels)


def test_two_shipments_in_one_notice_are_two_roots() -> None:
    found = of("HL*1**S", "HL*2*1*O", "HL*3**S", "HL*4*3*O")
    assert [level.id for level in found.roots] == ["1", "3"]
    assert found.problems == []
