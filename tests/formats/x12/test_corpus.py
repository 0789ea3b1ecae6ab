"""Every real file of the corpus: nothing raises, and every byte is accounted for. Beside pyx12: corpus_answers."""

import pytest

from crossdock.formats.x12 import Finding, InterchangeEnd
from tests.formats.x12 import corpus_table
from tests.formats.x12.corpus_table import CORPUS, FOLDERS, Judged, files, judge


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


def test_the_table_counts_every_file() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real files is not beside this checkout")
    lines = list(corpus_table.table())
    for folder in FOLDERS:
        (head,) = (line for line in lines if line.startswith(f"{folder}:"))
        assert head.startswith(f"{folder}: {len(files(folder))} files")
