"""What we write is read back as what we meant, by our reader and by pyx12; data never becomes structure."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.errors import Unacceptable
from crossdock.formats.x12 import Delimiters, Interchange, TransactionSet, findings_of, read
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import OutgoingGroup, OutgoingSet, Party, write_interchange

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
PLAIN = Delimiters(element="*", component=">", segment="~")
OTHER = Delimiters(element="|", component=":", segment="'", repetition="^", suffix="\n")


def _written(
    segments: list[list[str]], *, delimiters: Delimiters = PLAIN, release: str = "00401", sets: int = 1
) -> bytes:
    return write_interchange(
        sender=Party(qualifier="ZZ", id="CROSSDOCK"),
        receiver=Party(qualifier="01", id="123456789"),
        control_number=77,
        at=AT,
        usage="P",
        release=release,
        groups=[
            OutgoingGroup(
                functional_id="FA",
                sender="CROSSDOCK",
                receiver="NORTHERN",
                control_number="12",
                version="004010",
                sets=[
                    OutgoingSet(set_id="997", control_number=f"{number:04}", segments=segments)
                    for number in range(1, sets + 1)
                ],
            )
        ],
        delimiters=delimiters,
    )


def _sets(body: bytes) -> list[TransactionSet]:
    return [item for item in read(body) if isinstance(item, TransactionSet)]


@pytest.mark.parametrize(("delimiters", "release"), [(PLAIN, "00401"), (OTHER, "00501")])
def test_an_interchange_is_read_back_whole(delimiters: Delimiters, release: str) -> None:
    body = _written(
        [["AK1", "PR", "101"], ["AK9", "A", "1", "1", "1"]], delimiters=delimiters, release=release, sets=3
    )
    items = list(read(body))
    assert list(findings_of(items)) == []
    assert [entry.segments[1:-1] for entry in _sets(body)] == [
        [["AK1", "PR", "101"], ["AK9", "A", "1", "1", "1"]]
    ] * 3
    assert differences(body) == []


def test_the_isa_is_106_characters_long_and_says_who_and_when() -> None:
    body = _written([["AK1", "PR", "101"]])
    assert body[:106] == (
        b"ISA*00*          *00*          *ZZ*CROSSDOCK      *01*123456789      *261120*1402*U*00401*000000077*0*P*>~"
    )
    (opened,) = (item for item in read(body) if isinstance(item, Interchange))
    assert (opened.sender, opened.receiver, opened.control_number) == ("CROSSDOCK", "123456789", "000000077")


@pytest.mark.parametrize(
    "text", ["evil~ST*850*9999", "a*b", "a>b", "line\nbreak", "nul\0", "\x1b[31m", "\x7f"]
)
def test_data_that_would_be_structure_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Unacceptable, match="AK902 cannot be written") as refusal:
        _written([["AK1", "PR", "101"], ["AK9", "A", text]])
    assert [path for path, _ in refusal.value.violations] == ["5/AK902"]


@pytest.mark.parametrize(
    ("sender", "why"),
    [("A NAME OF SIXTEEN", "ISA06 takes exactly 15"), ("CROSS*DOCK", "ISA06"), ("CROSS\nDOCK", "ISA06")],
)
def test_what_does_not_fit_the_isa_is_refused(sender: str, why: str) -> None:
    with pytest.raises(Unacceptable, match=why):
        write_interchange(
            sender=Party(qualifier="ZZ", id=sender),
            receiver=Party(qualifier="ZZ", id="NORTHERN"),
            control_number=1,
            at=AT,
            usage="P",
            groups=[],
        )


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=6), min_size=1, max_size=5))
def test_no_text_ever_changes_how_many_segments_there_are(rows: list[list[str]]) -> None:
    segments = [["MSG", *row] for row in rows]
    try:
        body = _written(segments)
    except Unacceptable:
        return
    (entry,) = _sets(body)
    assert entry.valid
    assert len(entry.segments) == len(segments) + 2
    for wanted, got in zip(segments, entry.segments[1:-1], strict=True):
        assert got == wanted[: len(got)]
        assert not any(wanted[len(got) :])


@settings(deadline=None, max_examples=60)
@given(
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="*>~"), min_size=1)
)
def test_both_readers_read_any_plain_text_alike(text: str) -> None:
    assert differences(_written([["K1", f"x{text}x"]])) == []
