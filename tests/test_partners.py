"""Trading-partner profiles: found by the ids of the ISA, and refused with the line that is wrong."""

from pathlib import Path

import pytest

from crossdock.errors import Misconfigured
from crossdock.partners import Partner, Partners

GOOD = """\
name = "north_mill"
title = "North Mill"
ids = [["01", "123456789"], ["ZZ", "NORTHMILL"]]
ours = ["ZZ", "CROSSDOCK"]
sets = ["855"]
acknowledge = "none"
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_demo_partners_are_found_by_padded_isa_ids() -> None:
    partners = Partners.load()
    acme = partners.find("ZZ", "ACMESUPPLY     ")
    assert acme is not None
    assert acme.name == "acme_supply"
    assert acme.acknowledge == "997"
    assert acme.ours == ("ZZ", "CROSSDOCK")
    carrier = partners.find("02", "RRFL")
    assert carrier is not None
    assert "214" in carrier.sets
    assert partners.find("ZZ", "RRFL") is None, "the qualifier is part of the id"
    assert partners.find("ZZ", "acmesupply") is None


def test_a_partner_in_the_folder_of_the_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Partners.load().find("ZZ", "NORTHMILL") is None
    write(tmp_path, "north.toml", GOOD)
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    found = Partners.load()
    assert found.find("01", "123456789") is found.find("ZZ", "NORTHMILL")
    assert found.named("acme_supply").title == "Acme Supply Co."


def test_a_profile_of_the_same_name_in_that_folder_replaces_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "acme.toml", GOOD.replace("north_mill", "acme_supply"))
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path))
    partners = Partners.load()
    assert partners.named("acme_supply").title == "North Mill"
    assert partners.find("ZZ", "ACMESUPPLY") is None


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (("title =", "titel ="), 2, "unknown field 'titel' (did you mean 'title'?)"),
        (('"none"', '"998"'), 6, "acknowledge = '998' is not known"),
        (('["855"]', '["85"]'), 5, "'sets' must list"),
        (('["ZZ", "CROSSDOCK"]', '["ZZ"]'), 4, "'ours' must be [qualifier, id]"),
        (('"north_mill"', '"North Mill"'), 1, "must be small letters"),
        (('["ZZ", "NORTHMILL"]', '["ZZ", ""]'), 3, "'ids' must be [qualifier, id]"),
        (('acknowledge = "none"', 'timezone = "America/Chikago"'), 6, "is no IANA zone"),
        (('acknowledge = "none"', 'timezone = "../../etc/passwd"'), 6, "is no IANA zone"),
        (('acknowledge = "none"', 'element = "A"'), 6, "would cut data apart"),
        (('acknowledge = "none"', 'segment = "*"'), 1, "the delimiters must differ"),
        (('acknowledge = "none"', 'lenient = "yes"'), 6, "must be true or false"),
        (('acknowledge = "none"', 'acknowledge = "997"'), 6, "needs acknowledge_target"),
        (('acknowledge = "none"', "acknowledge ="), 6, "is not TOML"),
    ],
)
def test_a_wrong_profile_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, sentence: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    path = write(tmp_path, "north.toml", text)
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    told = [each for each in str(refused.value).splitlines() if sentence in each]
    assert told, str(refused.value)
    assert told[0].startswith(f"{path}:{line}: ")


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD.replace("title =", "titel =").replace('"none"', '"nonne"'))
    write(tmp_path, "b.toml", "name = ")
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    told = str(refused.value).splitlines()
    assert sum("a.toml" in each for each in told) == 3, told
    assert sum("b.toml" in each for each in told) == 1


def test_one_id_belongs_to_one_partner(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD)
    write(tmp_path, "b.toml", GOOD.replace("north_mill", "south_mill"))
    with pytest.raises(Misconfigured, match="01/123456789 is already that of 'north_mill'"):
        Partners.load(tmp_path)


def test_the_same_name_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", GOOD)
    write(tmp_path, "b.toml", GOOD)
    with pytest.raises(Misconfigured, match=r"b\.toml:1: partner 'north_mill' is already in"):
        Partners.load(tmp_path)


def test_a_missing_folder_is_told_with_the_variable_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSDOCK_PARTNERS_DIR", str(tmp_path / "gone"))
    with pytest.raises(Misconfigured, match="correct CROSSDOCK_PARTNERS_DIR"):
        Partners.load()


def test_asking_for_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'acme_supply'"):
        Partners.load().named("acme_suply")


def test_a_partner_cannot_be_changed() -> None:
    partner = Partners.load().named("roadrunner")
    assert isinstance(partner, Partner)
    with pytest.raises(AttributeError):
        partner.lenient = True  # type: ignore[misc]


OWN = GOOD + "\n[codes.x12-668]\nQX = "


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            GOOD + '\n[codes.x12-669]\nQX = { text = "x" }\n',
            8,
            "no crosswalk is called 'x12-669' (did you mean",
        ),
        (OWN + '{ exception = "ORD.HOLD" }', 9, "must be a table with its meaning in 'text'"),
        (
            OWN + '{ text = "x", exception = "ORD.HOLT" }',
            9,
            "which the taxonomy lacks (did you mean 'ORD.HOLD'?)",
        ),
        (OWN + '{ text = "x", excetion = "ORD.HOLD" }', 9, "unknown field 'excetion'"),
        (OWN + '{ text = "x", normal = 1 }', 9, "normal must be true or false"),
    ],
)
def test_a_wrong_code_of_a_partner_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, sentence: str
) -> None:
    path = write(tmp_path, "north.toml", text)
    with pytest.raises(Misconfigured) as refused:
        Partners.load(tmp_path)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert sentence in str(refused.value)
