"""The 997 and the TA1 say of each set, group and interchange what the reader and the guide found."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crossdock.formats.x12 import (
    Finding,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    Level,
    TransactionSet,
    findings_of,
    guides,
    read,
)
from crossdock.formats.x12.acknowledge import (
    GroupVerdict,
    SetVerdict,
    error_codes,
    functional_acknowledgement,
    interchange_acknowledgement,
)
from crossdock.formats.x12.problems import ElementProblem, SegmentProblem
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, write_interchange

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"


def _items(name: str) -> list[Item]:
    return list(read((SAMPLES / f"{name}.edi").read_bytes()))


def _verdicts(items: list[Item]) -> list[GroupVerdict]:
    """Each group judged by the form of its sets and by their guides."""
    verdicts = []
    sets: list[SetVerdict] = []
    for item in items:
        if isinstance(item, TransactionSet):
            codes = error_codes(item.findings, Level.AK5)
            problems = guides.check(item) if not codes else ()
            sets.append(
                SetVerdict(of=item, accepted=not codes and not problems, problems=problems, codes=codes)
            )
        elif isinstance(item, GroupEnd):
            codes = error_codes([*item.group.findings, *item.findings], Level.AK9)
            verdicts.append(GroupVerdict(group=item.group, end=item, sets=sets, codes=codes))
            sets = []
    return verdicts


def _ta1(items: list[Item]) -> list[list[str]]:
    answers = []
    errors: list[Finding] = []
    for item in items:
        if isinstance(item, Interchange):
            errors = []
        if not isinstance(item, TransactionSet):
            errors += [found for found in findings_of([item]) if found.level is Level.TA1]
        if isinstance(item, InterchangeEnd):
            answers.append(interchange_acknowledgement(item.interchange, errors, at=AT))
    return answers


def test_good_sets_are_accepted_one_by_one() -> None:
    first, second = _verdicts(_items("whole"))
    assert functional_acknowledgement(first) == [
        ["AK1", "PR", "1"],
        ["AK2", "855", "0001"],
        ["AK5", "A"],
        ["AK2", "855", "0002"],
        ["AK5", "A"],
        ["AK9", "A", "2", "2", "2"],
    ]
    assert functional_acknowledgement(second, lists=lambda _: False) == [
        ["AK1", "PR", "2"],
        ["AK9", "A", "1", "1", "1"],
    ]


def test_a_bad_set_is_refused_and_its_sibling_is_not() -> None:
    (verdict,) = _verdicts(_items("cut_within_a_set"))
    said = functional_acknowledgement(verdict)
    assert ["AK5", "A"] in said and ["AK5", "R", "2"] in said
    assert said[-1] == ["AK9", "R", "2", "2", "0", "3"]


def test_wrong_counts_and_numbers_have_their_codes() -> None:
    items = _items("wrong_counts_and_numbers")
    (verdict,) = _verdicts(items)
    said = functional_acknowledgement(verdict)
    assert [segment for segment in said if segment[0] == "AK5"] == [["AK5", "R", "4"], ["AK5", "R", "3"]]
    assert said[-1] == ["AK9", "R", "5", "2", "0", "5", "4"]
    assert _ta1(items) == [["TA1", "000000016", "261120", "1402", "R", "021"]]


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("whole", ["000"]),
        ("numbers_used_twice", ["000", "025"]),
        ("trailers_missing", ["022", "000"]),
        ("cut_within_a_set", ["022"]),
        ("stray_segments", ["022"]),
        ("isa_padding_lost", ["000"]),
    ],
)
def test_a_ta1_answers_each_interchange(name: str, notes: list[str]) -> None:
    assert [answer[5] for answer in _ta1(_items(name))] == notes


def test_a_problem_is_told_by_segment_element_and_copy() -> None:
    entry = next(item for item in _items("whole") if isinstance(item, TransactionSet))
    assert entry.group is not None
    problem = SegmentProblem(
        segment_id="PO1",
        position=3,
        code="8",
        loop="PO1",
        elements=(ElementProblem(element=2, code="6", reference="330", bad_value="many"),),
    )
    verdict = GroupVerdict(
        group=entry.group, end=None, sets=[SetVerdict(of=entry, accepted=False, problems=[problem])]
    )
    assert functional_acknowledgement(verdict) == [
        ["AK1", "PR", "1"],
        ["AK2", "855", "0001"],
        ["AK3", "PO1", "3", "PO1", "8"],
        ["AK4", "2", "330", "6", "many"],
        ["AK5", "R", "5"],
        ["AK9", "R", "1", "1", "0"],
    ]


def test_what_a_sender_wrote_cannot_break_the_answer() -> None:
    """A GS06, an ISA09 and a segment identifier that hold our delimiters, and a GE01 that is no number."""
    body = (SAMPLES / "whole.edi").read_bytes().replace(b"PO1*1*100", b"P>1X\x07*1*100", 1)
    body = body.replace(b"GE*2*1", b"GE*\xc2\xb2*1").replace(b"*261120*", b"*26>120*")
    items = list(read(body))
    (first, _) = _verdicts(items)
    said = functional_acknowledgement(first)
    assert said[-1][:3] == ["AK9", "R", "2"]
    (answer,) = _ta1(items)
    assert answer[2] == "261120", "the date is none, so it says when we read it"
    written = write_interchange(
        sender=Party(qualifier="ZZ", id="CROSSDOCK"),
        receiver=Party(qualifier="ZZ", id="NORTHERN"),
        control_number=1,
        at=datetime(2026, 11, 20, tzinfo=UTC),
        usage="P",
        service_segments=[answer],
        groups=[
            OutgoingGroup(
                functional_id="FA",
                sender="CROSSDOCK",
                receiver="NORTHERN",
                control_number="1",
                version="004010",
                sets=[OutgoingSet(set_id="997", control_number="0001", segments=said)],
            )
        ],
    )
    assert differences(written) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"1402*1*X", b"1402*1>1*X"), (b"1402*1*X", b"1402*1234567890*X"), (b"GS*PR*", b"GS*PRO*")],
)
def test_a_group_whose_names_no_ak1_can_hold_is_known_before_it_is_answered(old: bytes, new: bytes) -> None:
    items = list(read((SAMPLES / "whole.edi").read_bytes().replace(old, new, 1)))
    named = [verdict.can_be_named for verdict in _verdicts(items)]
    assert named == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        (b"*261120*", b"*261340*", ["000000001", "261120", "1402"]),
        (b"*1402*U", b"*2599*U", ["000000001", "261120", "1402"]),
        (b"*000000001*0", b"*00000>001*0", ["000000000", "261120", "1402"]),
    ],
)
def test_a_ta1_says_what_its_own_grammar_can_hold(old: bytes, new: bytes, answer: list[str]) -> None:
    body = (SAMPLES / "whole.edi").read_bytes()
    assert old in body
    (said,) = _ta1(list(read(body.replace(old, new))))
    assert said[1:4] == answer


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda body: body.replace(b"SE*4", b"SE*5"), "SE01"),
        (lambda body: body.replace(b"IEA*1", b"IEA*2"), "IEA01"),
        (lambda body: body[:-1], "we read 8 segments, the second reader 7"),
        (lambda body: b"\xef\xbb\xbf" + body, "cannot read it"),
        (lambda body: body.replace(b"AK9", b"~AK9"), "segments"),
    ],
)
def test_the_second_reader_tells_what_is_not_as_it_should_be(break_it: object, complaint: str) -> None:
    body = (
        b"ISA*00*          *00*          *ZZ*CROSSDOCK      *ZZ*NORTHERN       *261120*1402*U*00401*000000001*0*P*>~"
        b"GS*FA*CROSSDOCK*NORTHERN*20261120*1402*1*X*004010~ST*997*0001~AK1*PR*1~AK9*A*1*1*1~SE*4*0001~"
        b"GE*1*1~IEA*1*000000001~"
    )
    assert differences(body) == []
    assert callable(break_it)
    assert any(complaint in told for told in differences(break_it(body)))
