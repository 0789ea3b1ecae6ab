"""A table that is wrong is refused when it is loaded, with the file and line that a person must edit."""

from pathlib import Path

import pytest

from crossdock.decide.router import Router
from crossdock.errors import Misconfigured

from .conftest import DEFAULT, TARGETS, row


def told(folder: Path, text: str) -> list[str]:
    (folder / "main.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as refused:
        Router.load(folder, targets=TARGETS)
    return str(refused.value).splitlines()


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (row("a", 'coed = "INV.BACKORDER"'), 4, "unknown field 'coed' (did you mean 'code'?)"),
        (row("a", 'value_at_risk = "a lot"'), 4, "'a lot' is no number, comparison or range"),
        (row("a", "value_at_risk = true"), 4, "value_at_risk is a number: write a number"),
        (row("a", 'value_at_risk = "20..10"'), 4, "the range 20..10 holds no number"),
        (row("a", 'value_at_risk = ">= 1234567890.1234567"'), 4, "has more than 15 digits"),
        (row("a", 'has_promised_date = "yes"'), 4, "has_promised_date is a flag: write true or false"),
        (row("a", "code = 5"), 4, "code is a text: write a text"),
        (row("a", "code = []"), 4, "code is a text: write a text"),
        (row("a", 'partner = "*"'), 4, "'*' alone matches everything"),
        (row("a", 'partner = "a*b"'), 4, "a * stands only at the end"),
        (row("a", 'partner = """a\'b\\"c"""'), 4, "both kinds of quotation marks"),
        (row("a", 'partner = "a\\nb"'), 4, "holds a control character"),
        (row("a", 'code = "INV.BACKORDR"'), 4, "the taxonomy has no code 'INV.BACKORDR' (did you mean"),
        (row("a", 'code = "PRC.ANOMALY"'), 4, "the taxonomy has no code 'PRC.ANOMALY' (the name is reserved"),
        (row("a", 'code = "XYZ.*"'), 4, "no code of the taxonomy begins with 'XYZ.'"),
        (row("a", 'family = "INVENTORY"'), 4, "the taxonomy has no family 'INVENTORY'"),
        (row("a", 'severity = "high"'), 4, "'high' is no severity"),
        (row("a", 'code = "INV.BACKORDER", family = "SHP"'), 4, "no code is of this family"),
        (row("a", 'family = "INV"').replace('"supply"', '"suply"'), 5, "unknown queue 'suply' (did you mean"),
        (row("a", 'family = "INV"').replace('owner = "planning"\n', ""), 2, "'owner' is missing"),
        (row("a", 'family = "INV"').replace('"planning"', '" "'), 6, "'owner' is missing"),
        (row("a", 'family = "INV"').replace("= 30", "= 0"), 7, "must be a whole number from 1 to 99, not 0"),
        (row("a", 'family = "INV"').replace("priority", "prio"), 7, "unknown key 'prio'"),
        (row("a", 'family = "INV"', because="{partner.name}"), 9, "{partner.name} is no known field"),
        (row("a", 'family = "INV"', because="{partner!r}"), 9, "is no known field"),
        (row("a", 'family = "INV"', because="{patner} did"), 9, "(did you mean 'partner'?)"),
        (row("a", 'family = "INV"', because="a } brace"), 9, "a brace stands alone"),
        (row("A!", 'family = "INV"'), 3, "needs an id of small letters"),
        (row("a", 'family = "INV"', actions='["erp.note"]'), 8, "an action is 'target:operation'"),
        (row("a", 'family = "INV"', actions='"erp:note"'), 8, "'actions' must be a list"),
        (row("a", 'family = "INV"', actions='["epr:note"]'), 8, "unknown target 'epr' (did you mean 'erp'?)"),
        (row("a", 'family = "INV"', actions='["erp:notes"]'), 8, "target 'erp' has no operation 'notes'"),
        (
            row("a", 'family = "INV"', actions='[{ do = "erp:note", text = 5 }]'),
            8,
            "argument 'text' of erp:note",
        ),
        (
            row("a", 'code = "INV.BACKORDER"', actions='["erp:hold"]'),
            8,
            "the taxonomy does not allow 'hold' for INV.BACKORDER, which can match this row; "
            "what matches it allows change_date, note",
        ),
        (
            row("a", 'code = "INV.*"', actions='["erp:change_date"]'),
            8,
            "the taxonomy does not allow 'change_date' for INV.ADJUSTMENT",
        ),
        (
            row("a", 'code = "INV.BACKORDER"', actions='["erp:change_date"]'),
            8,
            "needs a promised date: add has_promised_date = true",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line(folder: Path, text: str, line: int, sentence: str) -> None:
    (said, *more) = [each for each in told(folder, text + DEFAULT) if sentence in each] or [""]
    assert said.startswith(f"{folder / 'main.toml'}:{line}: "), (said, told(folder, text + DEFAULT))
    assert not more


def test_every_problem_is_told_at_once(folder: Path) -> None:
    said = told(folder, row("a", 'coed = "X"').replace("planning", "") + row("b", 'code = "NO.SUCH"'))
    assert len(said) == 4, said
    assert "there is no default" in said[-1]


def test_a_table_without_a_default_is_refused(folder: Path) -> None:
    (said,) = told(folder, row("a", 'family = "INV"'))
    assert said.startswith(f"{folder / 'main.toml'}:2: there is no default")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ('family = "INV"', 'code = "INV.BACKORDER"'),
        ('code = "INV.*"', 'code = ["INV.BACKORDER", "INV.SHORTAGE"]'),
        ('code = "INV.*"', 'family = "INV", severity = "S1"'),
        ('code = "INV.*"', 'code = "INV.SUPP*"'),
        ('family = "INV"', 'code = "INV.S*"'),
        ('code = ["INV.BACKORDER", "INV.SHORTAGE"]', 'code = "INV.BACKORDER", partner = "acme"'),
        ('value_at_risk = ">= 10"', 'value_at_risk = "> 10"'),
        ('value_at_risk = "<= 100"', 'value_at_risk = "20..100", code = "INV.BACKORDER"'),
        ("days_late = 5", 'days_late = "5..5"'),
        ("has_promised_date = true", "has_promised_date = true, days_late = 1"),
        ('partner = "acme*"', 'partner = ["acme_supply", "acme"]'),
    ],
)
def test_a_row_that_an_earlier_one_covers_is_unreachable(folder: Path, earlier: str, later: str) -> None:
    (said,) = told(folder, row("a", earlier) + row("b", later) + DEFAULT)
    assert f"{folder / 'main.toml'}:11: row 'b' is unreachable: row 'a'" in said


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ('code = "INV.BACKORDER"', 'family = "INV"'),
        ('value_at_risk = "> 10"', 'value_at_risk = ">= 10"'),
        ('value_at_risk = "10..20"', 'value_at_risk = ">= 15"'),
        ('partner = "acme_supply"', 'partner = "acme*"'),
        ("has_promised_date = true", "has_promised_date = false"),
        ('code = "INV.BACKORDER", partner = "acme"', 'code = "INV.BACKORDER"'),
        ('code = "INV.BACKORDER"', 'partner = "acme"'),
    ],
)
def test_a_row_that_something_still_reaches_is_accepted(folder: Path, earlier: str, later: str) -> None:
    (folder / "main.toml").write_text(row("a", earlier) + row("b", later) + DEFAULT, encoding="utf-8")
    assert len(Router.load(folder, targets=TARGETS).table.rules) == 3


def test_a_row_below_the_default_is_unreachable(folder: Path) -> None:
    (said,) = told(folder, DEFAULT + row("a", 'code = "INV.BACKORDER"'))
    assert "row 'a' is unreachable: row 'default'" in said


def test_an_id_stands_once(folder: Path) -> None:
    (said,) = told(folder, row("a", 'family = "INV"') + row("a", 'family = "SHP"') + DEFAULT)
    assert "the id 'a' is already that of the row at" in said


def test_several_files_are_one_table_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "10-first.toml").write_text(row("a", 'code = "INV.BACKORDER"'), encoding="utf-8")
    (folder / "20-second.toml").write_text(row("b", 'family = "INV"') + DEFAULT, encoding="utf-8")
    table = Router.load(folder, targets=TARGETS).table
    assert [(rule.table, rule.id) for rule in table.rules] == [
        ("10-first", "a"), ("20-second", "b"), ("20-second", "default"),
    ]  # fmt: skip


def test_the_queue_file_is_needed_and_must_name_triage(folder: Path) -> None:
    (folder / "queues.toml").write_text('[queues]\nsupply = "x"\n', encoding="utf-8")
    assert any("queues.toml:1: the queue 'triage' is missing" in each for each in told(folder, DEFAULT))
    (folder / "queues.toml").unlink()
    assert any("queues.toml: is missing" in each for each in told(folder, DEFAULT))


def test_an_empty_or_missing_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no decision table"):
        Router.load(folder, targets=TARGETS)
    with pytest.raises(Misconfigured, match="is no folder"):
        Router.load(tmp_path / "gone", targets=TARGETS)


def test_no_toml_is_told_with_its_line(folder: Path) -> None:
    assert any("main.toml:2: is not TOML" in each for each in told(folder, "\nid = \n"))


def test_the_version_is_of_the_content(folder: Path) -> None:
    def version(text: str) -> str:
        (folder / "main.toml").write_text(text, encoding="utf-8")
        return Router.load(folder, targets=TARGETS).version

    first = version(DEFAULT)
    assert version(DEFAULT) == first
    assert version(DEFAULT.replace("60", "61")) != first
    assert len(first) == 16


def test_the_packaged_table_is_sound_against_the_real_connectors() -> None:
    router = Router.load()
    assert router.table.rules[-1].id == "default"


def test_the_folder_of_the_environment_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "main.toml").write_text(row("own", 'family = "INV"') + DEFAULT, encoding="utf-8")
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(folder))
    assert Router.load(targets=TARGETS).table.rules[0].id == "own"
