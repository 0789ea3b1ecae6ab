"""A site with a hundred connectors: its DAG files read TOML, and pay for the code of none of them."""

from pathlib import Path

import pytest

from tests.benchmarks import hundred_connectors as fleet

FILES = sorted((fleet.ROOT / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, fleet.Parsed]:
    """Every DAG file, parsed with a hundred connectors more."""
    folder = tmp_path_factory.mktemp("fleet")
    fleet.make_site(folder / "site")
    found = fleet.parse_all(folder / "site", folder)
    assert set(found) == {file.name for file in FILES}
    return found


def test_a_hundred_connectors_are_a_hundred_more_dags(parsed: dict[str, fleet.Parsed]) -> None:
    received = [one for one in parsed["receive.py"].dags if one.startswith("receive__fleet_")]
    written = [one for one in parsed["deliver.py"].dags if one.startswith("deliver__fleet_")]
    assert len(received) == fleet.CONNECTORS
    assert len(written) == 66, "two of three kinds are written to"


def test_no_dag_file_imports_the_code_of_a_connector(parsed: dict[str, fleet.Parsed]) -> None:
    """Those of the site would fail if they were imported; ours are looked for by name."""
    for one in parsed.values():
        imported = [
            name
            for name in one.modules
            if name.startswith(("connectors.", "crossdock_of_"))
            and name.rpartition(".")[2] in ("source", "sink", "receiver")
        ]
        assert imported == [], one.file
        assert not [name for name in one.modules if name.startswith("mappings.")], one.file


def test_a_dag_file_imports_as_much_for_a_hundred_connectors_as_for_none(
    parsed: dict[str, fleet.Parsed], tmp_path: Path
) -> None:
    fleet.make_site(tmp_path / "site", 0)
    (tmp_path / "site" / "connectors").mkdir(parents=True)
    for name, without in fleet.parse_all(tmp_path / "site", tmp_path).items():
        more = parsed[name].modules - without.modules
        # a folder outside of sys.path gets a name, and nothing of it is run
        assert {one for one in more if not one.startswith("crossdock_of_")} == set(), name


def test_a_dag_file_costs_less_than_a_second_and_all_of_them_less_than_three(
    parsed: dict[str, fleet.Parsed],
) -> None:
    """In CPU time, beside Airflow's own import: a tenth of it is usual."""
    assert {one.file: one.took_s for one in parsed.values() if one.took_s >= fleet.MOST_OF_ONE_S} == {}
    assert sum(one.took_s for one in parsed.values()) < fleet.MOST_OF_ALL_S
