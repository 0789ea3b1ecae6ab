"""What we write, of every set and release that we write, is read alike by pyx12, without an error."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from crossdock.formats import x12
from crossdock.formats.x12 import Delimiters, guides
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import Element, OutgoingGroup, OutgoingSet, Party, write_interchange

OLD = Delimiters(element="*", component=">", segment="~")
NEW = Delimiters(element="*", component=":", segment="~", repetition="^")
ODD = Delimiters(element="|", component="\\", segment="'", repetition="^", suffix="\r\n")

SETS: dict[str, tuple[str, Sequence[Sequence[Element]]]] = {
    "997": ("FA", [
        ["AK1", "PO", "1"], ["AK2", "850", "0001"], ["AK3", "PO1", "3", "PO1", "8"],
        ["AK4", ["2", "1"], "330", "6", "x"], ["AK5", "R", "5"], ["AK9", "R", "1", "1", "0"],
    ]),
    "999": ("FA", [
        ["AK1", "PO", "1", "005010"], ["AK2", "850", "0001"], ["IK3", "PO1", "3", "PO1", "8"],
        ["CTX", ["PO101", "1"]], ["IK4", ["2", "", "1"], "330", "6", "x"],
        ["CTX", "SITUATIONAL TRIGGER", "PO1", "3", "", "2", ["355"]], ["IK5", "R", "5", "I5"],
        ["AK9", "R", "1", "1", "0"],
    ]),
    "855": ("PR", [
        ["BAK", "00", "AC", "4500017", "20261120"], ["PO1", "1", "12", "EA"],
        ["CTP", "", "CON", "4.5", "1", ["EA"]], ["ACK", "IB", "12", "EA", "068", "20261201"], ["CTT", "1"],
    ]),
    "865": ("CA", [
        ["BCA", "00", "AC", "4500017", "", "1", "20261120", "", "", "", "", "20261120"],
        ["POC", "1", "DI", "12", "0", "EA"], ["ACK", "ID", "12", "EA"], ["CTT", "1"],
    ]),
    "870": ("RS", [
        ["BSR", "3", "PP", "S-1", "20261120"], ["HL", "1", "", "O", "1"], ["PRF", "4500017"],
        ["HL", "2", "1", "I", "0"], ["PO1", "1", "12", "EA"], ["ISR", "BO", "20261201"], ["CTT", "1"],
    ]),
    "824": ("AG", [
        ["BGN", "00", "A-1", "20261120"], ["OTI", "TR", "TN", "0001", "", "", "", "", "77", "0001", "810"],
        ["TED", "006", "twice"],
    ]),
    "860": ("PC", [
        ["BCH", "04", "SA", "4500017", "", "1", "20261120"], ["POC", "1", "QD", "12", "2", "EA"], ["CTT", "1"],
    ]),
    "990": ("GF", [["B1", "RRFL", "S-1", "20261120", "A"], ["N9", "CN", "PRO1"]]),
}  # fmt: skip

RELEASES = [
    pytest.param("004010", "00401", OLD, id="004010"),
    pytest.param("005010", "00501", NEW, id="005010"),
    pytest.param("005010", "00501", ODD, id="005010 with other delimiters"),
]

SERVICE = [["TA1", "000000077", "261120", "1402", "A", "000"]]


def written(
    sets: Sequence[str], version: str, release: str, delimiters: Delimiters, *, service: bool = False
) -> bytes:
    return write_interchange(
        sender=Party(qualifier="ZZ", id="CROSSDOCK"),
        receiver=Party(qualifier="01", id="123456789"),
        control_number=77,
        at=datetime(2026, 11, 20, 14, 2, tzinfo=UTC),
        usage="P",
        release=release,
        groups=[
            OutgoingGroup(
                functional_id=SETS[set_id][0],
                sender="CROSSDOCK",
                receiver="LAKESIDE",
                control_number=str(number),
                version=version,
                sets=[
                    OutgoingSet(set_id=set_id, control_number=f"{one:04}", segments=SETS[set_id][1])
                    for one in (1, 2)
                ],
            )
            for number, set_id in enumerate(sets, 1)
        ],
        service_segments=SERVICE if service else (),
        delimiters=delimiters,
    )


@pytest.mark.parametrize("set_id", sorted(SETS))
@pytest.mark.parametrize(("version", "release", "delimiters"), RELEASES)
def test_both_readers_read_each_set_that_we_write_alike(
    set_id: str, version: str, release: str, delimiters: Delimiters
) -> None:
    body = written([set_id], version, release, delimiters)
    assert differences(body) == []
    sets = [item for item in x12.read(body) if isinstance(item, x12.TransactionSet)]
    assert len(sets) == 2
    known = guides.guide(set_id, version)
    assert known is not None and known.functional_group == SETS[set_id][0]
    if version in guides.releases(set_id):
        assert [guides.say(problem, version) for entry in sets for problem in guides.check(entry)] == []


@pytest.mark.parametrize(("version", "release", "delimiters"), RELEASES)
def test_both_readers_read_a_ta1_alike_alone_and_before_groups(
    version: str, release: str, delimiters: Delimiters
) -> None:
    assert differences(written([], version, release, delimiters, service=True)) == []
    assert differences(written(sorted(SETS), version, release, delimiters, service=True)) == []
    assert list(guides.check_service(SERVICE[0], version)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (b"SE*7*0001", b"SE*9*0001", "we find: "),
        (b"SE*7*0002", b"SE*7*0003", "we find: "),
        (b"GE*2*1", b"GE*3*1", "we find: "),
        (b"IEA*1*000000077", b"IEA*1*000000078", "we find: "),
    ],
)
def test_a_wrong_count_or_number_is_found_by_both(right: bytes, wrong: bytes, told: str) -> None:
    body = written(["855"], "004010", "00401", OLD)
    assert body.count(right) == 1
    found = differences(body.replace(right, wrong))
    assert any(line.startswith(told) for line in found)
    assert any(line.startswith("the second reader says: ") for line in found)


def test_a_broken_hierarchy_of_ours_is_found_by_the_second_reader() -> None:
    body = written(["870"], "004010", "00401", OLD).replace(b"HL*2*1*I", b"HL*2*7*I")
    assert any("the second reader says: " in line for line in differences(body))
