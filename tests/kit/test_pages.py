"""The docs page of each connector is the one that its connector.toml makes."""

import re
from pathlib import Path

from crossdock.kit import pages, schema


def test_every_page_is_as_it_would_be_made(capsys) -> None:
    code = pages.main([])
    assert code == 0, f"python -m crossdock.kit.pages --update\n{capsys.readouterr().out}"


def test_the_guide_tells_of_each_table_which_keys_it_must_have_and_which_it_may_have() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (the top|`\[[a-zA-Z.]+\]`) \| (.*?) \| (.+) \|$", guide.split("| required |")[1], re.MULTILINE
    )
    told = {
        where: (set(re.findall("`(.+?)`", must)), set(re.findall("`(.+?)`", may)))
        for where, must, may in rows
    }
    assert len(told) == 9
    for where, (must, may) in told.items():
        way = () if where == "the top" else tuple(where.strip("`[]").split("."))
        said = schema.declared(*way)
        tables = {name for name in said["properties"] if name not in dict(schema.keys(*way))}
        tables |= {"settings", "fields", "expected", "rules"}
        assert must == set(said.get("required", ())), where
        assert may == set(said["properties"]) - must - tables, where


def test_every_connector_has_words_of_its_own() -> None:
    connectors = Path(__file__).parents[2] / "connectors"
    without = [
        one.parent.name
        for one in connectors.glob("*/connector.toml")
        if not (one.parent / "README.md").is_file()
    ]
    assert not without, "write a README.md: what it reads, what the system must give, where it is odd"
