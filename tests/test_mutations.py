"""A few mutations of every golden X12 file in each run of the tests; ``make mutate`` makes many more."""

import pytest

from tests.mutate import SEED, Judge, mutants, samples

EACH = 6


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.mark.parametrize("name", sorted({sample.parent.parent.name for sample in samples()}))
def test_whatever_is_done_to_a_file_it_is_read_told_apart_and_accounted_for(judge, name):
    chosen = samples(name)
    assert chosen
    for sample in chosen:
        for mutant in mutants(sample, seed=SEED, each=EACH):
            assert judge.findings(mutant) == []


def test_the_same_seed_makes_the_same_files():
    sample = samples()[0]
    assert [one.body for one in mutants(sample, seed=1, each=5)] == [
        one.body for one in mutants(sample, seed=1, each=5)
    ]
    assert [one.body for one in mutants(sample, seed=1, each=5)] != [
        one.body for one in mutants(sample, seed=2, each=5)
    ]


def test_a_fault_of_a_mapping_is_found(judge, monkeypatch):
    """The judge can say no: a mapping that falls over is told, with the file and what was done to it."""
    mapping = judge._registry.inbound("x12/855")

    def falls(document, context):
        raise KeyError("AK1")
        yield

    monkeypatch.setitem(judge._registry._inbound, "x12/855", type(mapping)(
        name=mapping.name, document=mapping.document, version=mapping.version, map=falls
    ))  # fmt: skip
    (sample,) = [one for one in samples("x12_855") if one.name == "clean.edi"]
    mutant = next(mutants(sample, seed=SEED, each=1))
    assert any("KeyError" in finding for finding in judge.findings(mutant))
