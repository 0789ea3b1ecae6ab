"""The guides: what is right passes, and what is wrong is told with its place and the standard's own code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crossdock.formats import x12
from crossdock.formats.x12 import guides
from crossdock.formats.x12.elements import Element, Note, Release
from crossdock.formats.x12.items import Segments
from crossdock.formats.x12.problems import SegmentProblem, ik5, refused
from crossdock.formats.x12.structure import Guide, separator

SAMPLES = Path(__file__).with_name("samples") / "guides"
CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "x12"

# file under samples/guides/bad: (segment, position, code, loop, [(element, component, code, number, bad value)])
EXPECTED: dict[str, list[tuple[str, int, str, str, list[tuple[Any, ...]]]]] = {
    "borrowed_855_003050": [
        ("DTM", 4, "8", "", [(2, None, "8", "373", "20261399")]),
        ("PO1", 6, "8", "PO1", [(2, None, "6", "330", "x")]),
    ],
    "borrowed_855_006020": [
        ("DTM", 5, "8", "", [(2, None, "8", "373", "20261399")]),
        ("N1", 6, "8", "N1", [(2, None, "2", "93", "")]),
        ("PO1", 7, "8", "PO1", [(2, None, "6", "330", "x")]),
        ("ACK", 8, "8", "ACK", [(2, None, "2", "380", "")]),
    ],
    "component": [
        ("AK4", 5, "8", "AK3", [(1, 1, "1", "722", ""), (1, 2, "6", "1528", "x"), (1, 3, "3", "", "1")]),
    ],
    "control_character": [
        ("N1", 3, "8", "N1", [(2, None, "6", "93", "He\x07re")]),
    ],
    "element_missing": [
        ("BAK", 2, "8", "", [(2, None, "1", "587", "")]),
    ],
    "elements_missing_at_end": [
        ("BAK", 2, "8", "", [(4, None, "1", "373", "")]),
    ],
    "letters_in_numbers": [
        ("PO1", 3, "8", "PO1", [(2, None, "6", "330", "five"), (4, None, "6", "212", "1.2.3")]),
        ("CTT", 4, "8", "CTT", [(1, None, "6", "354", "one")]),
    ],
    "loop_out_of_sequence": [
        ("N1", 4, "7", "0100", []),
    ],
    "loop_too_often": [
        ("SAC", 28, "4", "SAC", []),
    ],
    "mandatory_at_end_missing": [
        ("AK9", 5, "3", "", []),
    ],
    "mandatory_in_loop_missing": [
        ("AK5", 4, "3", "AK2", []),
    ],
    "mandatory_segment_missing": [
        ("BAK", 2, "3", "", []),
    ],
    "no_code_of_the_list": [
        ("AK9", 3, "8", "", [(1, None, "7", "715", "Q")]),
    ],
    "no_date": [
        ("BAK", 2, "8", "", [(4, None, "8", "373", "20261305")]),
        ("DTM", 3, "8", "", [(2, None, "8", "373", "20260229")]),
        ("DTM", 4, "8", "", [(2, None, "8", "373", "2026100A")]),
    ],
    "no_time": [
        ("AT7", 4, "8", "0205", [(6, None, "9", "337", "2560")]),
    ],
    "one_of_them_needed": [
        ("REF", 3, "8", "", [(2, None, "2", "127", "")]),
    ],
    "out_of_sequence": [
        ("CUR", 4, "7", "", []),
    ],
    "pair_incomplete": [
        ("PO1", 3, "8", "PO1", [(7, None, "2", "234", "")]),
        ("ACK", 4, "8", "ACK", [(3, None, "2", "355", "")]),
    ],
    "price_basis_without_price": [
        ("PO1", 3, "8", "PO1", [(4, None, "2", "212", "")]),
    ],
    "repetitions": [
        ("AK1", 2, "8", "", [(1, None, "3", "479", "PR^PO")]),
        ("CTX", 5, "8", "IK3", [(1, 1, "1", "9999", ""), (1, 3, "3", "", "4"), (1, None, "3", "", "K")]),
    ],
    "segment_of_another_set": [
        ("HL", 3, "6", "", []),
    ],
    "segment_too_often": [
        ("N3", 6, "5", "N1", []),
    ],
    "status_and_appointment": [
        ("AT7", 4, "8", "0205", [(3, None, "10", "1652", "AA")]),
    ],
    "too_long": [
        ("BAK", 2, "8", "", [(3, None, "5", "324", "99999999999999999999999")]),
    ],
    "too_many_elements": [
        ("N1", 3, "8", "N1", [(7, None, "3", "", "MORE")]),
    ],
    "too_short": [
        ("N1", 3, "8", "N1", [(4, None, "4", "67", "1")]),
    ],
    "unexpected_segment": [
        ("AK4", 4, "2", "", []),
    ],
    "unrecognized_segment": [
        ("QQ9", 3, "1", "", []),
    ],
}

# what the standard says against real files; all others obey it
WRONG_IN_TRUTH = {
    "kputnam-stupidedi__fail_2": {
        ("855", "PO1", "8"): "DZN is no unit of two letters",
        ("855", "SCH", "8"): "DZN too",
    },
    "kputnam-stupidedi__pass_po-ack-minor-changes": {("855", "ACK", "8"): "ACK02 without ACK03 (P0203)"},
    "aws-samples-aws-b2b-data-interchange-toolkit__samples_214": {
        ("214", "N3", "7"): "a second address without its N1",
        ("214", "N4", "5"): "a second address without its N1",
    },
    "jf-tech-omniparser__edi_1_canadapost": {
        ("214", "N1", "8"): "N1*ST has neither name nor identification (R0203)",
        ("214", "L11", "8"): "a qualifier without its reference (P0102)",
    },
    "azoner-pyx12__test_x12testdata.py_emb38": {
        ("997", "AK5", "3"): "AK2 without AK5",
        ("997", "IK5", "6"): "IK5 is of the 999",
    },
    "xlate-staedi__x12_invalid997_min": {("997", "AK1", "8"): "AK101 is <NOT_IN_CODESET>"},
    "xlate-staedi__x12_invalid999": {
        ("999", "IK5", "2"): "IK5 before AK1",
        ("999", "AK1", "8"): "AK101 with blanks",
        ("999", "AK2", "8"): "AK204 does not exist",
        ("999", "IK5", "8"): "Q is no acknowledgment code",
        ("999", "IK5", "5"): "two IK5 for one AK2",
    },
    "xlate-staedi__stream_EventSequenceTest": {
        ("999", "SG1", "1"): "segments of a test, which no standard has",
        ("999", "AK1", "3"): "nothing else in it",
        ("999", "AK9", "3"): "nothing else in it",
    },
    "xlate-staedi__x12_empty997": {
        ("997", "AK1", "3"): "an empty 997",
        ("997", "AK9", "3"): "an empty 997",
    },
}


def the_set(path: Path) -> x12.TransactionSet:
    return sets_of(path.read_bytes())[0]


def sets_of(body: bytes) -> list[x12.TransactionSet]:
    return [item for item in x12.read(body) if isinstance(item, x12.TransactionSet)]


def told(problems: Sequence[SegmentProblem]) -> list[tuple[str, int, str, str, list[tuple[Any, ...]]]]:
    return [
        (
            one.segment_id,
            one.position,
            one.code,
            one.loop,
            [(e.element, e.component, e.code, e.reference, e.bad_value) for e in one.elements],
        )
        for one in problems
    ]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.edi")), ids=lambda path: path.stem)
def test_a_clean_set_has_no_problem(path: Path) -> None:
    entry = the_set(path)
    assert guides.guide(entry.set_id, entry.version) is not None
    assert list(guides.check(entry)) == []


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_kind_of_error_is_told_with_its_place_and_code(name: str) -> None:
    assert told(guides.check(the_set(SAMPLES / "bad" / f"{name}.edi"))) == EXPECTED[name]


def test_no_bad_sample_is_forgotten() -> None:
    assert {path.stem for path in (SAMPLES / "bad").glob("*.edi")} == set(EXPECTED) | {"hundreds"}


def test_every_code_of_ak3_and_ak4_that_a_guide_can_give_has_a_sample() -> None:
    segments = {code for rows in EXPECTED.values() for _, _, code, _, _ in rows}
    elements = {bad[2] for rows in EXPECTED.values() for row in rows for bad in row[4]}
    assert segments == set("12345678")
    assert elements == {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}


def test_what_a_999_says_more_exactly_than_a_997_has_its_own_code() -> None:
    header, context = guides.check(the_set(SAMPLES / "bad" / "repetitions.edi"))
    assert [(bad.code, bad.ik4, bad.repetition) for bad in header.elements] == [("3", "12", None)]
    assert [(bad.code, bad.ik4, bad.repetition) for bad in context.elements] == [
        ("1", "1", 2),
        ("3", "13", 3),
        ("3", "12", 11),
    ]
    assert (header.code, header.ik3) == ("8", "8")
    assert ik5([header, context]) == "5"
    assert refused([header, context])


def test_a_repetition_is_named_in_its_sentence() -> None:
    _, context = guides.check(the_set(SAMPLES / "bad" / "repetitions.edi"))
    sentence = guides.say(context, "005010")
    assert "CTX01-1 (Context Name, element 9999) (occurrence 2) is mandatory and missing" in sentence
    assert "CTX01 (occurrence 11) is 'K' and repeats more often than it may" in sentence


def test_a_release_without_repetitions_takes_the_character_as_data() -> None:
    entry = the_set(SAMPLES / "clean_855.edi")
    bak = next(index for index, segment in enumerate(entry.segments) if segment[0] == "BAK")
    segments = [list(segment) for segment in entry.segments]
    segments[bak][3] = "45^17"
    assert list(guides.check(entry._replace(segments=segments))) == []


def test_a_ta1_stands_in_no_set_and_is_checked_all_the_same() -> None:
    assert list(guides.check_service(["TA1", "000000001", "261121", "0915", "A", "000"], "004010")) == []
    found = guides.check_service(["TA1", "000000001", "261121", "2515", "", "000"], "005010")
    assert [(bad.element, bad.code) for bad in found] == [(3, "9"), (4, "1")]


def test_the_sentence_says_what_the_release_of_the_set_expects() -> None:
    entry = the_set(SAMPLES / "clean_855.edi")
    segments = [list(segment) for segment in entry.segments]
    reference = next(index for index, segment in enumerate(segments) if segment[0] == "REF")
    segments[reference][2] = "x" * 40
    (problem,) = guides.check(entry._replace(segments=segments))
    assert guides.say(problem, "004010").endswith("expected text of 1 to 30 characters")
    assert guides.say(problem, "005010").endswith("expected text of 1 to 50 characters")


def test_no_more_than_a_hundred_problems_are_told_of_one_set() -> None:
    problems = guides.check(the_set(SAMPLES / "bad" / "hundreds.edi"))
    assert len(problems) == guides.PROBLEMS_AT_MOST == 100
    assert problems[-1].position == 102


def test_what_was_right_once_is_still_looked_at_the_next_time() -> None:
    entry = the_set(SAMPLES / "clean_855.edi")
    assert list(guides.check(entry)) == []
    wrong = [list(segment) for segment in entry.segments]
    line = next(index for index, segment in enumerate(wrong) if segment[0] == "PO1")
    wrong[line][2] = "1OO"  # as long as the 100 that was right
    problems = guides.check(entry._replace(segments=wrong))
    assert told(problems) == [("PO1", line + 1, "8", "PO1", [(2, None, "6", "330", "1OO")])]


def test_a_loop_that_comes_too_late_does_not_drag_its_members_and_what_follows_into_error() -> None:
    entry = the_set(SAMPLES / "bad" / "loop_out_of_sequence.edi")
    assert [one.segment_id for one in guides.check(entry)] == ["N1"]


def test_a_set_without_its_se_still_misses_its_mandatory_segments_behind_its_end() -> None:
    entry = the_set(SAMPLES / "bad" / "mandatory_at_end_missing.edi")
    cut = entry._replace(segments=entry.segments[:-1], complete=False)
    assert told(guides.check(cut)) == [("AK9", 5, "3", "", [])]


def test_a_set_without_a_guide_has_no_problem() -> None:
    entry = the_set(SAMPLES / "clean_855.edi")._replace(set_id="000")
    assert guides.guide("000", "005010") is None
    assert list(guides.check(entry)) == []


@pytest.mark.parametrize(
    ("version", "of"),
    [
        ("004010", "004010"),
        ("004010VICS", "004010"),
        ("005010", "005010"),
        ("006020", "005010"),
        ("003040", "004010"),
        ("", "004010"),
    ],
)
def test_the_guide_of_a_release_is_its_own_or_the_nearest(version: str, of: str) -> None:
    found = guides.guide("855", version)
    assert found is not None and found.release == of


def test_trap_2_a_status_and_an_appointment_in_one_at7_exclude_each_other() -> None:
    problems = guides.check(the_set(SAMPLES / "bad" / "status_and_appointment.edi"))
    assert [(bad.element, bad.code) for one in problems for bad in one.elements] == [(3, "10")]


def test_the_sentence_names_the_place_the_element_and_what_was_expected() -> None:
    problems = guides.check(the_set(SAMPLES / "bad" / "too_long.edi"))
    assert guides.say(problems[0]) == (
        "segment 2, BAK (Beginning Segment for Purchase Order Acknowledgment): BAK03 (Purchase Order Number, "
        "element 324) is '99999999999999999999999' and is too long; expected text of 1 to 22 characters"
    )
    missing = guides.check(the_set(SAMPLES / "bad" / "mandatory_in_loop_missing.edi"))
    assert guides.say(missing[0]) == (
        "segment 4, AK5 (Transaction Set Response Trailer), is mandatory and missing; it should stand here"
    )
    composite = guides.check(the_set(SAMPLES / "bad" / "component.edi"))
    assert "AK401-2 (Component Data Element Position in Composite, element 1528) is 'x'" in guides.say(
        composite[0]
    )


def test_every_problem_of_the_samples_has_a_sentence() -> None:
    for name in EXPECTED:
        for problem in guides.check(the_set(SAMPLES / "bad" / f"{name}.edi")):
            sentence = guides.say(problem)
            assert f"segment {problem.position}, {problem.segment_id}" in sentence
            assert "is wrong" not in sentence


def test_a_guide_knows_the_names_that_a_person_reads() -> None:
    found = guides.guide("855", "004010")
    assert found is not None
    assert found.segment_name("ACK") == "Line Item Acknowledgment"
    assert found.segment_name("QQ9") == ""
    element = found.element("ACK", 1)
    assert element is not None and (element.reference, element.name) == ("668", "Line Item Status Code")
    component = found.element("CTP", 5, 1)
    assert component is not None and component.reference == "355"
    assert found.element("ACK", 30) is None and found.element("CTP", 5, 99) is None


def test_the_outline_shows_the_loops_of_each_segment() -> None:
    entry = the_set(SAMPLES / "clean_997.edi")
    found = guides.guide("997", "004010")
    assert found is not None
    shown = [
        (segment[0], loops)
        for segment, loops in zip(entry.segments, found.outline(entry.segments), strict=True)
    ]
    assert shown == [
        ("ST", ()),
        ("AK1", ()),
        ("AK2", ("AK2",)),
        ("AK3", ("AK2", "AK3")),
        ("AK4", ("AK2", "AK3")),
        ("AK4", ("AK2", "AK3")),
        ("AK3", ("AK2", "AK3")),
        ("AK5", ("AK2",)),
        ("AK2", ("AK2",)),
        ("AK5", ("AK2",)),
        ("AK9", ()),
        ("SE", ()),
    ]


@pytest.mark.parametrize(
    ("type_", "value", "code"),
    [
        ("N0 1/3", "-12", None),
        ("N0 1/3", "-1234", "5"),
        ("N2 1/3", "1.2", "6"),
        ("N0 1/3", "-", "6"),
        ("N0 1/3", "٣", "6"),
        ("R 1/3", "-1.23", None),
        ("R 1/3", ".5", None),
        ("R 1/3", "1.234", "5"),
        ("R 1/3", "1E-2", None),
        ("R 1/3", "1,5", "6"),
        ("R 4/9", "1.25", "4"),
        ("DT 8/8", "20240229", None),
        ("DT 8/8", "20250229", "8"),
        ("DT 8/8", "261005", "4"),
        ("TM 4/8", "2359", None),
        ("TM 4/8", "235959", None),
        ("TM 4/8", "23595999", None),
        ("TM 4/8", "2400", "9"),
        ("TM 4/8", "23599", "9"),
        ("AN 1/5", "Größe", None),
        ("AN 1/5", "a\tb", "6"),
        ("ID 2/2", "X", "4"),
    ],
)
def test_a_value_is_judged_by_its_type(type_: str, value: str, code: str | None) -> None:
    kind, lengths = type_.split()
    shortest, longest = map(int, lengths.split("/"))
    assert Element(reference="1", name="", type=kind, shortest=shortest, longest=longest).fault(value) == code


@pytest.mark.parametrize(
    ("note", "there", "broken"),
    [
        ("P0102", {1}, [(2, "2")]),
        ("P0102", {1, 2}, []),
        ("P0102", set(), []),
        ("R0102", set(), [(1, "2")]),
        ("R0102", {2}, []),
        ("E0103", {1, 3}, [(3, "10")]),
        ("E0103", {3}, []),
        ("C0201", {2}, [(1, "2")]),
        ("C0201", {1}, []),
        ("L010203", {1}, [(2, "2")]),
        ("L010203", {1, 3}, []),
        ("L010203", {2}, []),
    ],
)
def test_the_five_relations_between_elements(
    note: str, there: set[int], broken: list[tuple[int, str]]
) -> None:
    relation = Note(kind=note[0], places=tuple(int(note[at : at + 2]) for at in range(1, len(note), 2)))
    assert list(relation.broken([place in there for place in range(4)])) == broken


def test_a_new_set_is_only_a_new_file() -> None:
    words = Release(
        {
            "release": "009999",
            "elements": {"1": "ID 1/1 First"},
            "segments": {"ZA": {"name": "Start", "elements": "1 M"}, "ZB": {"name": "Line"}},
            "known": {"segments": "ZA ZB"},
        }
    )
    found = Guide(
        {
            "set": "855",
            "functional_group": "PR",
            "name": "Test",
            "segments": ["ZA M 1", {"loop": "ZB", "max": 2, "segments": ["ZB M 1"]}],
        },
        "004010",
        words,
    )
    entry = the_set(SAMPLES / "clean_855.edi")
    right = [["ST", "855", "1"], ["ZA", "x"], ["ZB"], ["ZB", "anything"], ["SE", "5", "1"]]
    assert list(found.check(entry._replace(segments=right))) == []
    wrong = [["ST", "855", "1"], ["ZA", "x"], ["ZB"], ["ZB"], ["ZB"], ["SE", "5", "1"]]
    assert told(found.check(entry._replace(segments=wrong))) == [("ZB", 5, "4", "ZB", [])]
    assert told(found.check(entry._replace(segments=right[:2]))) == [("ZB", 3, "3", "ZB", [])]


WORD = st.one_of(
    st.sampled_from(["", "1", "EA", "20261005", "-1.5", "A>B", "2460", "\x00", "é", "٣"]),
    st.text(max_size=12),
)
KNOWN = [
    "BAK",
    "REF",
    "DTM",
    "N1",
    "N3",
    "N4",
    "PO1",
    "ACK",
    "SCH",
    "CTT",
    "AMT",
    "SE",
    "ST",
    "B10",
    "LX",
    "AT7",
]
KNOWN += ["MS1", "L11", "CD3", "PRF", "AK1", "AK2", "AK3", "AK4", "AK5", "AK9", "HL"]
IDENTIFIER = st.one_of(st.sampled_from(KNOWN), st.text(max_size=4))
SEGMENT = st.one_of(
    st.just([]), st.builds(lambda first, rest: [first, *rest], IDENTIFIER, st.lists(WORD, max_size=8))
)


@settings(max_examples=300, deadline=None)
@given(
    set_id=st.sampled_from(["855", "214", "997", "856", "945"]),
    segments=st.lists(SEGMENT, max_size=25),
    own=st.booleans(),
)
def test_no_segments_whatever_raise_and_every_problem_has_a_place_and_a_sentence(
    set_id: str, segments: list[list[str]], own: bool
) -> None:
    entry = the_set(SAMPLES / ("clean_855.edi" if own else "old_855_003040.edi"))
    entry = entry._replace(set_id=set_id, segments=segments)
    found = guides.guide(set_id, "004010")
    assert found is not None
    problems = guides.check(entry)
    assert len(problems) <= guides.PROBLEMS_AT_MOST
    for problem in problems:
        assert 1 <= problem.position <= len(segments) + 1
        assert bool(problem.elements) == (problem.code == "8")
        assert guides.say(problem)
    assert [p.position for p in problems] == sorted(p.position for p in problems)
    assert len(found.outline(segments)) == len(segments)


VALUE = st.one_of(
    st.sampled_from(["", "1", "12.5", ".", "1.2.3", "-3", "EA", "20261120", "20261399", "A5-9", "?", "1E2"]),
    st.sampled_from(["\x1e", "\x1f", "1\x1f2", "1\x1e2", "5\x1f", "é", "٣", "1^2", "A>B"]),
    st.text("0129A.?^\x1e\x1f", max_size=9),
)


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(
        st.lists(
            st.builds(
                lambda id, rest: [id, *rest],
                st.sampled_from(["ACK", "CTP", "IT8"]),
                st.lists(VALUE, max_size=7),
            ),
            max_size=3,
        ),
        max_size=6,
    ),
    repetition=st.sampled_from(["", "^", "\x1f", "1"]),
)
@example(lines=[[["ACK", "IA"]], [["ACK", "IA", "5\x1fEA"]]], repetition="")
@example(lines=[[["ACK", "IA"]], [["ACK", "IA", "5\x1eACK"], ["CTP"]]], repetition="")
def test_what_is_looked_at_all_at_once_is_judged_as_each_segment_by_itself(
    lines: list[list[list[str]]], repetition: str
) -> None:
    guide = guides.guide("855", "004010")
    assert guide is not None
    segments = [["ST", "855", "1"], ["BAK", "00", "AC", "1", "20261120"]]
    for line in lines:
        segments += [["PO1", "1", "5", "EA"], *line]
    segments += [["CTT", "1"], ["SE", "9", "1"]]
    delimiters = x12.Delimiters(element="*", component=">", segment="~", repetition=repetition)
    separately = guide.check_segments(segments, delimiters)
    found = {one.position: one.elements for one in separately if one.code == "8"}
    for position, segment in enumerate(segments[1:-1], 2):
        known = guide.segment(segment[0])
        assert known is not None
        assert found.get(position, ()) == tuple(known.faults(segment, ">", separator(repetition))), segment
    for joint in ("~", "~\n", "~\r\n"):
        text = joint.join(map("*".join, segments))
        if text.isascii():
            assert guide.check_segments(Segments(segments, text, joint), delimiters) == separately


def test_the_real_files_obey_or_are_wrong_in_truth() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real X12 files is not beside this checkout")
    seen = 0
    surprises = []
    for set_id in ("855", "214", "997", "999"):
        for path in sorted((CORPUS / set_id).iterdir()):
            known = [reasons for name, reasons in WRONG_IN_TRUTH.items() if path.name.startswith(name)]
            for entry in sets_of(path.read_bytes()):
                if entry.set_id != set_id:
                    continue
                seen += 1
                for problem in guides.check(entry):
                    if not known or (set_id, problem.segment_id, problem.code) not in known[0]:
                        surprises.append(f"{path.name}: {guides.say(problem)}")
    assert seen > 50
    assert surprises == []
