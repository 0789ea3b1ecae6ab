"""Real X12 files: each set of the supply chain is understood or set aside by name, and each judgement still holds."""

from pathlib import Path

import pytest

from canonical import taxonomy
from crossdock.formats.x12 import guides
from tests import edi_coverage, edi_tries
from tests.edi_coverage import NO_SET, PAGE, Judgement, invalid, judgements, unjudged
from tests.edi_tries import SUPPLY_CHAIN, Coverage, cover
from tests.formats.x12.corpus_table import CORPUS

CLEAN = Path(__file__).parents[1] / "mappings/inbound/x12_855/samples/clean.edi"


@pytest.fixture(scope="module")
def found() -> Coverage:
    if not (CORPUS / "x12").is_dir():
        pytest.skip(f"the corpus of real files is not at {CORPUS}")
    return cover(CORPUS / "x12")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A corpus of two files: an 855 that is right, and one whose guide asks for more."""
    folder = tmp_path / "x12" / "855"
    folder.mkdir(parents=True)
    clean = CLEAN.read_bytes()
    (folder / "right.edi").write_bytes(clean)
    assert b"\nACK*IA*" in clean
    (folder / "wrong.edi").write_bytes(clean.replace(b"\nACK*IA*", b"\nACK*QQQ*", 1))
    return tmp_path


# -- the corpus -----------------------------------------------------------------------------------------------------


def test_every_set_of_the_supply_chain_gives_facts_or_events_or_a_named_reason(found: Coverage) -> None:
    assert len(found.of_the_chain) > 200
    for one in found.of_the_chain:
        for came in (one.strict, one.lenient):
            if came.said:
                assert came.facts + came.events > 0, one.path
            else:
                assert came.code in taxonomy.codes(), one.path
                assert came.by, one.path


def test_nothing_in_the_corpus_is_our_own_fault(found: Coverage) -> None:
    assert found.faults == []


def test_a_set_that_is_good_by_envelope_and_guide_is_mapped_or_its_code_is_unknown(found: Coverage) -> None:
    for one in found.of_the_chain:
        if not one.places and not one.strict.said and one.strict.by == "mapping":
            if one.release < guides.releases(one.set_id)[0]:
                assert one.strict.code in taxonomy.codes(), (
                    "what a release before all guides must hold nobody knows"
                )
                continue
            assert one.strict.code == "EDI.UNMAPPED_CODE", f"{one.path}: {one.strict}"
            assert one.lenient.said, one.path


def test_a_guide_is_never_right_in_the_trial_alone(found: Coverage) -> None:
    """What the trial refuses for its content is what the guide says by itself, and the other way round."""
    for one in found.of_the_chain:
        if one.strict.by == "guide":
            assert one.places, one.path
        if one.strict.said and one.set_id != "TA1":
            assert not one.places or one.strict.facts, one.path


def test_every_kind_that_the_corpus_has_is_mapped_at_least_once(found: Coverage) -> None:
    there = {one.set_id for one in found.of_the_chain}
    assert len(there) >= 20
    assert {one.set_id for one in found.of_the_chain if one.maps} == there


def test_every_file_that_a_guide_calls_invalid_is_judged_and_no_judgement_is_idle(found: Coverage) -> None:
    assert unjudged(found, judgements()) == []


def test_the_page_says_what_the_command_finds(found: Coverage) -> None:
    made = edi_coverage.page(found, judgements(), edi_coverage.second_reading(CORPUS))
    assert PAGE.read_text("utf-8") == made, "write it anew: python -m tests.edi_coverage --write"


# -- without the corpus ---------------------------------------------------------------------------------------------


def test_the_page_names_every_set_of_the_supply_chain() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"\n| {set_id} |" in page for set_id in SUPPLY_CHAIN)


def test_every_judgement_has_one_reason_and_no_file_is_judged_twice() -> None:
    seen: set[tuple[str, str, str]] = set()
    for one in judgements():
        assert one.set_id in SUPPLY_CHAIN
        assert (one.who == "reader") == (list(one.places) == [NO_SET])
        for path in one.paths:
            for place in one.places:
                assert (path, one.set_id, place) not in seen, path
                seen.add((path, one.set_id, place))
    assert len(seen) > 80


def test_a_file_that_is_right_is_mapped_and_one_that_is_wrong_is_told_by_its_place(small: Path) -> None:
    tried = cover(small / "x12")
    right, wrong = tried.sets
    assert right.strict.said
    assert right.maps
    assert right.places == ()
    assert (wrong.strict.by, wrong.strict.code) == ("guide", "EDI.TRANSACTION_REJECTED")
    assert wrong.places == ("ACK01 5",)
    assert invalid(tried) == {("855/wrong.edi", "855", "ACK01 5"): 1}


def test_a_new_invalid_file_needs_a_judgement(small: Path) -> None:
    (told,) = unjudged(cover(small / "x12"), [])
    assert "855/wrong.edi: 855 ACK01 5 has no judgement" in told


def test_a_judgement_that_nothing_is_there_for_any_more_is_told(small: Path) -> None:
    said = Judgement(
        paths=["855/wrong.edi"], set_id="855", places=["ACK01 5", "ACK02 1"], who="guide", why="x"
    )
    (told,) = unjudged(cover(small / "x12"), [said])
    assert "855 ACK02 1 is judged" in told


def test_a_folder_of_a_set_that_holds_none_of_it_is_told(small: Path) -> None:
    (small / "x12" / "855" / "wrong.edi").write_bytes(b"nothing of the kind")
    assert invalid(cover(small / "x12")) == {("855/wrong.edi", "855", NO_SET): 1}


@pytest.mark.parametrize(
    "entry",
    [
        'paths = []\nset = "855"\nplaces = ["ACK01 5"]\nwho = "guide"\nwhy = "x"',
        'paths = ["a"]\nset = "855"\nplaces = ["ACK01 5"]\nwho = "we"\nwhy = "x"',
        'paths = ["a"]\nset = "855"\nplaces = ["ACK01 5"]\nwho = "guide"\nwhy = ""',
        'paths = ["a"]\nset = "855"\nplaces = ["ACK01 5"]\nwho = "guide"\nwhy = "x"\nwhen = "y"',
        'path = "a"\nset = "855"\nplaces = ["ACK01 5"]\nwho = "guide"\nwhy = "x"',
    ],
)
def test_a_judgement_that_is_written_wrongly_is_named(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "judged.toml"
    file.write_text(f"[[judged]]\n{entry}\n")
    with pytest.raises(ValueError, match="entry number 1"):
        judgements(file)


def test_without_a_corpus_the_command_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edi_coverage.main([str(tmp_path)]) == 2
    assert f"the corpus of real files is not at {tmp_path / 'x12'}" in capsys.readouterr().err


def test_the_command_fails_on_what_is_not_judged_and_on_another_page(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edi_coverage.main([str(small)]) == 1
    said = capsys.readouterr()
    assert "855/wrong.edi: 855 ACK01 5 has no judgement" in said.err
    assert "says something else" in said.err
    assert "| 855 | 2 | 2 | 1 | 1 | 1 |" in said.out


def test_a_mapping_that_falls_over_is_a_fault_of_ours(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = edi_tries._Tries()
    mapping = tries._registry.inbound("x12/855")
    assert mapping is not None

    def falls(document: object, context: object) -> None:
        raise KeyError("ACK")

    monkeypatch.setitem(tries._registry._inbound, "x12/855", type(mapping)(
        name=mapping.name, document=mapping.document, version=mapping.version, map=falls
    ))  # fmt: skip
    trial = tries._try("right.edi", CLEAN.read_bytes(), edi_tries._agreed(None, lenient=False))
    assert trial.parts[0].problem is not None
    monkeypatch.setattr(edi_tries, "_Tries", lambda: tries)
    monkeypatch.setattr(tries, "_maps", lambda entry, partner: False)
    assert any("KeyError" in fault for fault in cover(small / "x12").faults)
