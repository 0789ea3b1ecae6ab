"""Every sample of every inbound mapping gives exactly what a person has read and approved, and valid statements."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from canonical.events import Fact, Origin, seal
from canonical.validate import validator
from crossdock.errors import Unreadable
from crossdock.formats.tabular import BadRow
from crossdock.partners import MappingContext, Partners
from mappings import golden

ORIGIN = Origin(
    tenant="main",
    source="supplier_edi",
    connector_version="1",
    mapping="sample",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)


def cases() -> Iterator[tuple[ModuleType, Path]]:
    for mapping in golden.mappings():
        for sample in golden.samples(mapping):
            yield mapping, sample


CASES = list(cases())
IDS = [f"{mapping.__name__.rpartition('.')[2]}/{sample.name}" for mapping, sample in CASES]


def test_every_mapping_has_good_and_hostile_samples() -> None:
    for mapping in golden.mappings():
        names = [sample.name for sample in golden.samples(mapping)]
        assert any(name.startswith("hostile_") for name in names), mapping.__name__
        assert any(not name.startswith("hostile_") for name in names), mapping.__name__
        assert mapping.VERSION


@pytest.mark.parametrize(("mapping", "sample"), CASES, ids=IDS)
def test_a_sample_says_what_was_approved(mapping: ModuleType, sample: Path) -> None:
    expected = json.loads(golden.expected_path(sample).read_text(encoding="utf-8"))
    assert json.loads(json.dumps(golden.run(mapping, sample, Partners.load()))) == expected


@pytest.mark.parametrize(("mapping", "sample"), CASES, ids=IDS)
def test_what_a_sample_says_is_valid_against_its_schema(mapping: ModuleType, sample: Path) -> None:
    layout = getattr(mapping, "LAYOUT", None)
    for document, partner in golden.documents(mapping.DOCUMENT, sample, Partners.load(), layout):
        if isinstance(document, BadRow):
            assert sample.name.startswith("hostile_"), document.troubles
            continue
        context = MappingContext(partner=partner, received_at=golden.RECEIVED_AT, tenant="main")
        index = 0
        try:
            for index, statement in enumerate(mapping.map(document, context), 1):
                sealed = seal(statement, ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=index)
                schema = "fact" if isinstance(statement, Fact) else "exception-event"
                assert validator(schema, "1.0").violations(sealed) == []
        except Unreadable as error:
            assert sample.name.startswith("hostile_"), error
            assert error.remedy
            assert error.place.as_dict()
        else:
            assert index > 0, "a mapping that says nothing of a document has lost it in silence"


def test_mapping_twice_says_the_same() -> None:
    partners = Partners.load()
    for mapping, sample in CASES:
        assert golden.run(mapping, sample, partners) == golden.run(mapping, sample, partners)
