"""The reader on files of one trouble each: what it reads, what it says, and where."""

import io
from pathlib import Path

import pytest

from crossdock.formats.x12 import (
    MEANINGS,
    Acknowledgement,
    Code,
    Coverage,
    Finding,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Item,
    Limits,
    TransactionSet,
    findings_of,
    read,
)
from crossdock.formats.x12.items import Segments

SAMPLES = Path(__file__).parent / "samples"

WHOLE = {  # file: sets, segments
    "whole": (3, 24),
    "whole_without_line_breaks": (3, 24),
    "whole_crlf": (3, 24),
    "line_feed_ends_segments": (1, 10),
    "carriage_return_ends_segments": (1, 10),
    "two_interchanges_other_delimiters": (2, 20),
    "release_00602": (1, 10),
    "ta1_before_group": (1, 11),
    "utf_8": (1, 10),
    "wide_terminator": (1, 10),
    "binary": (1, 9),
}

BROKEN: dict[str, tuple[int, int, list[tuple[str, bytes, int | None]]]] = {
    # file: sets, segments, findings as (code, bytes that stand at its offset, segment)
    "bad_names_and_numbers": (
        1,
        7,
        [
            ("ISA_RECEIVER_QUALIFIER", b"z *CROSSDOCK", 1),
            ("ISA_DATE", b"261399*", 1),
            ("ISA_USAGE", b"Q*>~", 1),
            ("GS_FUNCTIONAL_ID", b"GS*purchase*", 2),
            ("GS_CONTROL_NUMBER", b"GS*purchase*", 2),
            ("GS_VERSION", b"GS*purchase*", 2),
            ("ST_IDENTIFIER", b"ST*85X*1~", 3),
            ("ST_CONTROL_NUMBER", b"ST*85X*1~", 3),
        ],
    ),
    "binary_length_wrong": (1, 8, [("BINARY_LENGTH", b"BIN*99*abc~", 5)]),
    "blank": (0, 0, [("EMPTY_INPUT", b" \r\n\t\n", None)]),
    "bom_and_blank_lines": (3, 24, [("BOM", b"\xef\xbb\xbf", None), ("BLANK", b"\r\n\nISA", None)]),
    "cut_within_a_set": (
        2,
        11,
        [
            ("UNTERMINATED_SEGMENT", b"PO1", 11),
            ("SE_MISSING", b"", 11),
            ("GE_MISSING", b"", None),
            ("GROUP_UNCLOSED", b"", None),
            ("IEA_MISSING", b"", None),
        ],
    ),
    "edifact": (0, 0, [("NOT_X12", b"UNA:+.? '", None)]),
    "empty_segments": (1, 10, [("EMPTY_SEGMENT", b"~~PO1*1*100*", 4), ("EMPTY_SEGMENT", b"~GE*1*1~", 8)]),
    "fragment_without_isa": (0, 0, [("NO_INTERCHANGE", b"ST*855*0001~", None)]),
    "isa_cut_short": (0, 0, [("ISA_UNREADABLE", b"ISA*00*", None)]),
    "isa_padding_lost": (1, 10, [("ISA_LENGTH", b"ISA*00*", 1)]),
    "junk_after_iea": (1, 10, [("JUNK_AFTER_IEA", b"-- end of tr", None)]),
    "last_segment_unterminated": (1, 10, [("UNTERMINATED_SEGMENT", b"IEA*1*000000", 10)]),
    "latin_1": (1, 10, [("NOT_UTF8", b"PO1*1*100*EA", 5)]),
    "nothing": (0, 0, [("EMPTY_INPUT", b"", None)]),
    "nul": (3, 24, [("NUL_CHARACTER", b"\x00MP-40~", 5)]),
    "numbers_used_twice": (
        4,
        34,
        [
            ("ST_DUPLICATE", b"ST*855*0001~", 9),
            ("GS_DUPLICATE", b"GS*PR*NORTHE", 16),
            ("ISA_DUPLICATE", b"ISA*00*", 25),
        ],
    ),
    "set_outside_group": (1, 8, [("ST_OUTSIDE_GROUP", b"ST*855*0001~", 2)]),
    "spaces_between_segments": (1, 10, [("SPACE_BETWEEN_SEGMENTS", b"\n   PO1*1*10", 4)]),
    "stray_segments": (
        1,
        16,
        [
            ("STRAY_SEGMENT", b"PO1*1*1~\nREF", 2),
            ("SE_WITHOUT_ST", b"SE*2*0009~\nN", 5),
            ("STRAY_SEGMENT", b"N1*ST*HERE~\n", 6),
            ("GE_WITHOUT_GS", b"GE*1*7~\nISB*", 14),
            ("INTERCHANGE_SERVICE", b"ISB*1~\nIEA*1", 15),
        ],
    ),
    "text_before_isa": (1, 10, [("TEXT_BEFORE_ISA", b"From: edi@no", None)]),
    "trailers_missing": (
        3,
        23,
        [
            ("SE_MISSING", b"ST*855*0002~", 7),
            ("GE_MISSING", b"ISA|00|", None),
            ("GROUP_UNCLOSED", b"ISA|00|", None),
            ("IEA_MISSING", b"ISA|00|", None),
        ],
    ),
    "wrapped_lines": (
        1,
        10,
        [
            ("ISA_LENGTH", b"ISA*00*", 1),
            ("ISA_TIME", b"140\n2*U*0040", 1),
            ("LINE_BREAK_IN_SEGMENT", b"\n55*0001~BAK", 3),
            ("LINE_BREAK_IN_SEGMENT", b"\n*EA*067*202", 6),
            ("ST_IDENTIFIER", b"ST*8\n55*0001", 3),
        ],
    ),
    "wrong_counts_and_numbers": (
        2,
        16,
        [
            ("SE_COUNT", b"SE*99*0001~\n", 8),
            ("SE_CONTROL_NUMBER", b"SE*6*0009~\n", 14),
            ("GE_COUNT", b"GE*5*4~\n", 15),
            ("GE_CONTROL_NUMBER", b"GE*5*4~\n", 15),
            ("IEA_COUNT", b"IEA*3*", 16),
            ("IEA_CONTROL_NUMBER", b"IEA*3*", 16),
        ],
    ),
}

ACKNOWLEDGED_AS = {
    "SE_MISSING": ("AK5", "2"),
    "SE_CONTROL_NUMBER": ("AK5", "3"),
    "SE_COUNT": ("AK5", "4"),
    "ST_IDENTIFIER": ("AK5", "6"),
    "ST_CONTROL_NUMBER": ("AK5", "7"),
    "ST_DUPLICATE": ("AK5", "23"),
    "ST_NOT_IN_GROUP": ("AK5", "18"),
    "GE_MISSING": ("AK9", "3"),
    "GE_CONTROL_NUMBER": ("AK9", "4"),
    "GE_COUNT": ("AK9", "5"),
    "GS_CONTROL_NUMBER": ("AK9", "6"),
    "IEA_CONTROL_NUMBER": ("TA1", "001"),
    "IEA_COUNT": ("TA1", "021"),
    "IEA_MISSING": ("TA1", "023"),
    "ISA_DUPLICATE": ("TA1", "025"),
}


def _bytes_of(name: str) -> bytes:
    return (SAMPLES / f"{name}.edi").read_bytes()


def _sets(items: list[Item]) -> list[TransactionSet]:
    return [item for item in items if isinstance(item, TransactionSet)]


def test_every_sample_is_expected_here() -> None:
    assert {path.stem for path in SAMPLES.glob("*.edi")} == WHOLE.keys() | BROKEN.keys()


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_read_whole_and_nothing_is_said(name: str) -> None:
    coverage = Coverage()
    items = list(read(_bytes_of(name), coverage=coverage))
    assert list(findings_of(items)) == []
    assert (len(_sets(items)), coverage.segments) == WHOLE[name]
    assert coverage.bytes == coverage.bytes_accounted == len(_bytes_of(name))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_by_kind_byte_and_segment(name: str) -> None:
    body = _bytes_of(name)
    coverage = Coverage()
    items = list(read(body, coverage=coverage))
    sets, segments, findings = BROKEN[name]
    found = [
        (found.code.removeprefix("X12."), body[found.offset :], found.segment) for found in findings_of(items)
    ]
    assert [(code, segment) for code, _, segment in found] == [
        (code, segment) for code, _, segment in findings
    ]
    for (code, there, _), (_, expected, _) in zip(found, findings, strict=True):
        assert there.startswith(expected), code
    assert (len(_sets(items)), coverage.segments) == (sets, segments)
    assert coverage.bytes == coverage.bytes_accounted == len(body)


@pytest.mark.parametrize(("code", "acknowledged"), ACKNOWLEDGED_AS.items())
def test_an_envelope_error_has_its_acknowledgement_code(code: str, acknowledged: tuple[str, str]) -> None:
    meaning = MEANINGS[Code[code]]
    assert (str(meaning.level), meaning.ack_code) == acknowledged


def test_every_code_has_a_meaning() -> None:
    assert MEANINGS.keys() == set(Code)
    assert all(str(code).startswith("X12.") for code in Code)
    assert all((meaning.level != "") == (meaning.ack_code != "") for meaning in MEANINGS.values())


def test_envelopes_come_in_the_order_of_the_file() -> None:
    kinds = [type(item) for item in read(_bytes_of("ta1_before_group"))]
    assert kinds == [Interchange, Acknowledgement, Group, TransactionSet, GroupEnd, InterchangeEnd]


def test_each_isa_brings_its_own_delimiters() -> None:
    first, second = (
        item for item in read(_bytes_of("two_interchanges_other_delimiters")) if isinstance(item, Interchange)
    )
    assert (first.delimiters.element, first.delimiters.segment, first.delimiters.repetition) == ("*", "~", "")
    assert (second.delimiters.element, second.delimiters.segment, second.delimiters.repetition) == (
        "|",
        "'",
        "^",
    )
    assert (second.control_number, second.release, second.sender) == ("000000004", "00501", "NORTHERN")


def test_a_ta1_is_read_with_its_verdict() -> None:
    (answer,) = (item for item in read(_bytes_of("ta1_before_group")) if isinstance(item, Acknowledgement))
    assert (answer.control_number, answer.status, answer.note) == ("000000905", "A", "000")


def test_binary_data_is_taken_by_its_length() -> None:
    (entry,) = _sets(list(read(_bytes_of("binary"))))
    assert [segment[0] for segment in entry.segments] == ["ST", "SPI", "BIN", "BDS", "SE"]
    assert entry.segments[2] == ["BIN", "12", "ab~c*d~\nSE*9"]
    assert entry.segments[3] == ["BDS", "ASC", "5", "~~~~~"]


def test_the_end_says_what_was_declared_and_what_came() -> None:
    items = list(read(_bytes_of("wrong_counts_and_numbers")))
    (group,) = (item for item in items if isinstance(item, GroupEnd))
    (interchange,) = (item for item in items if isinstance(item, InterchangeEnd))
    assert (group.declared, group.received, group.control_number) == ("5", 2, "4")
    assert (interchange.declared, interchange.received) == ("3", 1)


def test_a_set_without_its_end_is_not_complete_and_its_sibling_is() -> None:
    first, second, _ = _sets(list(read(_bytes_of("trailers_missing"))))
    assert not first.complete and not first.valid
    assert second.complete and second.valid


@pytest.mark.parametrize(
    ("name", "encoding"), [("utf_8", "utf-8"), ("latin_1", "latin-1"), ("whole", "ascii")]
)
def test_text_is_decoded_so_that_it_can_be_written_back(name: str, encoding: str) -> None:
    body = _bytes_of(name)
    entry = _sets(list(read(body)))[0]
    assert entry.encoding == encoding
    assert entry.segments[2][7] == ("PUMP-40" if name == "whole" else "POMPE-É-40")
    for position, segment in enumerate(entry.segments, 1):
        offset, length = entry.span_of(position)
        assert body[offset : offset + length] == "*".join(segment).encode(encoding)
        for element, text in enumerate(segment):
            at, size = entry.element_span(position, element)
            assert body[at : at + size] == text.encode(encoding)


def test_there_is_no_segment_beyond_the_last() -> None:
    entry = _sets(list(read(_bytes_of("whole"))))[0]
    with pytest.raises(IndexError, match="segments 1 to 6"):
        entry.offset_of(7)


@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
@pytest.mark.parametrize("block", [1, 13, 200])
def test_the_size_of_the_blocks_changes_nothing(name: str, block: int) -> None:
    body = _bytes_of(name)
    whole = [_plain(item) for item in read(body)]
    assert [_plain(item) for item in read(io.BytesIO(body), limits=Limits(block_bytes=block))] == whole
    chunks = (body[at : at + 7] for at in range(0, len(body), 7))
    assert [_plain(item) for item in read(chunks, limits=Limits(block_bytes=block))] == whole


@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
@pytest.mark.parametrize("block", [1, 13, 200, 131_072])
def test_the_text_of_a_set_is_what_its_segments_were_cut_from(name: str, block: int) -> None:
    for entry in _sets(list(read(io.BytesIO(_bytes_of(name)), limits=Limits(block_bytes=block)))):
        if isinstance(entry.segments, Segments):
            text, joint = entry.segments.text, entry.segments.joint
            element = entry.interchange.delimiters.element
            assert entry.encoding == "ascii" and text.isascii()
            assert [raw.split(element) for raw in text.split(joint)] == entry.segments


def test_a_set_that_is_plain_keeps_its_text_however_it_is_read() -> None:
    for block in (1, 200, 131_072):
        for entry in _sets(list(read(io.BytesIO(_bytes_of("whole")), limits=Limits(block_bytes=block)))):
            assert isinstance(entry.segments, Segments)


def _plain(item: Item) -> Item:
    return item._replace(layout=()) if isinstance(item, TransactionSet) else item


def test_a_set_over_the_limit_is_let_go_and_accounted_for() -> None:
    body = _bytes_of("whole")
    coverage = Coverage()
    limits = Limits(block_bytes=50, set_bytes=60)
    items = list(read(body, limits=limits, coverage=coverage))
    assert [entry.findings[0].code for entry in _sets(items)] == [Code.SET_TOO_LARGE] * 3
    assert _sets(items)[0].segments == [["ST", "855", "0001"]]
    assert {found.code for found in findings_of(items)} == {Code.SET_TOO_LARGE}
    assert coverage.bytes == coverage.bytes_accounted == len(body)
    assert coverage.segments == 24


def test_a_segment_over_the_limit_is_passed_over_and_the_next_set_is_read() -> None:
    body = _bytes_of("whole").replace(b"PUMP-40", b"X" * 5000, 1)
    coverage = Coverage()
    items = list(read(body, limits=Limits(block_bytes=64, segment_bytes=500), coverage=coverage))
    assert [entry.valid for entry in _sets(items)] == [False, True, True]
    assert coverage.bytes == coverage.bytes_accounted == len(body)
    assert coverage.segments == 24


def test_reading_stops_where_the_caller_stops() -> None:
    def chunks() -> object:
        yield _bytes_of("whole")
        raise OSError("the disk is gone")

    reading = read(chunks(), limits=Limits(block_bytes=100))  # type: ignore[arg-type]
    assert isinstance(next(reading), Interchange)
    with pytest.raises(OSError, match="the disk is gone"):
        list(reading)


def test_junk_without_end_is_one_finding() -> None:
    items = list(read((b"no x12 here " * 100 for _ in range(50)), limits=Limits(block_bytes=1000)))
    assert len(items) == 1
    (only,) = items
    assert isinstance(only, Finding)
    assert (only.code, only.offset, only.length, only.covers) == (Code.NO_INTERCHANGE, 0, 60_000, True)
