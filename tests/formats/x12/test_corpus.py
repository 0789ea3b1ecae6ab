"""Every real file of the corpus: nothing raises, every byte is accounted for, and pyx12 reads what we read."""

import pytest

from crossdock.formats.x12 import Code, Finding, InterchangeEnd, Segment
from crossdock.formats.x12.second_reader import first_reading, second_reading
from tests.formats.x12 import corpus_table
from tests.formats.x12.corpus_table import CORPUS, FOLDERS, Judged, files, judge

LOST_OR_LEFT_TO_US = {
    Code.UNTERMINATED_SEGMENT,  # pyx12 drops the last segment
    Code.EMPTY_SEGMENT,  # pyx12 stops reading
    Code.ISA_LENGTH,  # pyx12 takes delimiters by their place
    Code.ISA_DELIMITER,
    Code.STRAY_SEGMENT,  # pyx12 yields them as if they stood in a set; we tell them as findings
    Code.INTERCHANGE_SERVICE,
}
"""What a file may have for which the readers are known to differ."""


def _corpus(folder: str) -> list[Judged]:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    return [judge(path) for path in files(folder)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_byte_of_every_file_is_accounted_for(folder: str) -> None:
    judged = _corpus(folder)
    assert judged
    for one in judged:
        assert one.coverage.bytes == one.coverage.bytes_accounted == len(one.body), one.path.name
        at = 0
        for item in one.items:
            if isinstance(item, Finding) and not item.covers:
                continue
            assert item.offset == at, one.path.name
            at += item.length
        assert at == len(one.body), one.path.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_segment_of_a_set_stands_where_it_is_said_to(folder: str) -> None:
    for one in _corpus(folder):
        for entry in one.sets:
            separator = entry.interchange.delimiters.element.encode(entry.interchange.delimiters.encoding)
            for segment, (offset, length) in zip(entry.segments, entry.spans(), strict=True):
                text = separator.join(element.encode(entry.encoding) for element in segment)
                assert one.body[offset : offset + length] == text, one.path.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_whole_file_has_its_envelopes_closed_and_its_counts_right(folder: str) -> None:
    whole = [one for one in _corpus(folder) if one.whole]
    assert len(whole) > 50
    for one in whole:
        assert any(isinstance(item, InterchangeEnd) and item.length for item in one.items), one.path.name
        assert all(entry.complete and entry.valid for entry in one.sets), one.path.name


def test_both_readers_give_the_same_segments() -> None:
    compared = 0
    for folder in FOLDERS:
        for one in _corpus(folder):
            if {found.code for found in one.findings} & LOST_OR_LEFT_TO_US:
                continue
            try:
                theirs, _ = second_reading(one.body)
            except Exception:
                continue  # pyx12 refuses it: a BOM, a release, a byte that is not UTF-8
            component = theirs[0][16]
            ours = [_as_pyx12_says_it(segment, component) for segment in first_reading(one.body)]
            assert ours == [_as_pyx12_says_it(segment, component) for segment in theirs], one.path.name
            compared += 1
    assert compared > 300


def _as_pyx12_says_it(segment: Segment, component: str) -> Segment:
    """Without tabs before it and without empty components at the end of an element, which pyx12 drops."""
    name, *elements = segment
    if name == "ISA":
        return segment
    said = [name.lstrip(), *(element.rstrip(component) for element in elements)]
    while len(said) > 1 and not said[-1]:
        said.pop()
    return said


def test_the_table_counts_every_file() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    lines = list(corpus_table.table())
    for folder in FOLDERS:
        (head,) = (line for line in lines if line.startswith(f"{folder}:"))
        assert head.startswith(f"{folder}: {len(files(folder))} files")
