"""Samples of the supply chain: good ones of each set in both releases, and hostile ones that reach its mapping."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from canonical import taxonomy
from crossdock.formats import x12
from crossdock.formats.x12.guides import set_ids
from crossdock.messages import PartState, RawMessage
from crossdock.normalize import Normalizer, PartResult
from crossdock.partners import Partners
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from mappings import golden
from tests.edi_tries import RELEASES, SUPPLY_CHAIN

PARTNERS: Final = Partners.of(replace(partner, sets=set_ids()) for partner in Partners.load())
"""The packaged partners, who may send whatever there is: what is agreed is another matter than what can be read."""

_NORMALIZER: Final = Normalizer(
    registry=Registry(), partners=PARTNERS, clock=MovableClock(golden.RECEIVED_AT)
)

BY_SET: Final = {
    mapping.DOCUMENT.removeprefix("x12/"): mapping
    for mapping in golden.mappings()
    if mapping.DOCUMENT.startswith("x12/")
}
GOOD: Final = [
    sample
    for mapping in BY_SET.values()
    for sample in golden.samples(mapping)
    if "hostile_" not in sample.name
]


@cache
def parts(sample: Path) -> Sequence[PartResult]:
    """What comes of a sample on the whole way."""
    message = RawMessage(
        tenant="main",
        source="supplier_edi",
        key=sample.name,
        body=sample.read_bytes(),
        media_type="application/edi-x12",
        received_at=golden.RECEIVED_AT,
        name=sample.name,
    )
    return _NORMALIZER.normalize(message).parts


def hostile(mapping: ModuleType) -> list[Path]:
    return [sample for sample in golden.samples(mapping) if sample.name.startswith("hostile_")]


def releases(set_id: str) -> Counter[str]:
    """How many sets of this kind the good samples hold, by release; a TA1 has that of its interchange."""
    found: Counter[str] = Counter()
    for sample in golden.samples(BY_SET[set_id]):
        if sample in hostile(BY_SET[set_id]):
            continue
        for item in x12.read(sample.read_bytes()):
            if isinstance(item, x12.TransactionSet) and item.set_id == set_id:
                found[item.version] += 1
            elif isinstance(item, x12.Acknowledgement) and set_id == "TA1":
                found[f"{item.interchange.release}0"] += 1
    return found


def test_every_set_of_the_supply_chain_has_a_mapping_with_samples() -> None:
    assert set(SUPPLY_CHAIN) <= BY_SET.keys()


@pytest.mark.parametrize("set_id", SUPPLY_CHAIN)
def test_every_set_has_a_good_sample_in_each_release(set_id: str) -> None:
    wanted = {"005010"} if set_id == "999" else set(RELEASES)
    assert wanted <= releases(set_id).keys()


@pytest.mark.parametrize("sample", GOOD, ids=lambda sample: f"{sample.parts[-3]}/{sample.name}")
def test_a_good_sample_goes_the_whole_way(sample: Path) -> None:
    """By envelope and guide too: what the guide refuses is no example of what a partner sends."""
    assert parts(sample)
    for part in parts(sample):
        assert part.state is PartState.PROCESSED, part.problem
        assert part.documents


@pytest.mark.parametrize("set_id", SUPPLY_CHAIN)
def test_every_set_has_three_hostile_samples_of_which_nothing_is_lost(set_id: str) -> None:
    """What is odd and right is told, what is wrong is set aside by a name that has a remedy."""
    samples = hostile(BY_SET[set_id])
    assert len(samples) >= 3
    for sample in samples:
        for part in parts(sample):
            if part.problem is None:
                assert part.documents, sample.name
            else:
                assert part.problem.code in taxonomy.codes(), sample.name
                assert part.problem.remedy, sample.name
                assert "the mapping failed" not in part.problem.sentence, sample.name


@pytest.mark.parametrize("set_id", SUPPLY_CHAIN)
def test_at_least_one_hostile_sample_gets_past_the_guide_and_is_set_aside_by_the_mapping_in_words(
    set_id: str,
) -> None:
    mapping = BY_SET[set_id]
    refused = [
        part
        for sample in hostile(mapping)
        for part in parts(sample)
        if part.problem is not None and part.versions
    ]
    assert refused
    for part in refused:
        assert part.problem is not None
        assert part.problem.error_class == "Unreadable", part.problem
        assert set_id in part.problem.sentence
        assert part.problem.place.as_dict()
