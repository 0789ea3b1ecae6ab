import json
import re
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from crossdock.airflow import dags as building
from crossdock.airflow.pools import pool_of, pools_json
from crossdock.errors import Misconfigured
from crossdock.registry import Registry
from tests.airflow.conftest import ROOT

HEAVY = (
    *(
        "zeep",
        "paramiko",
        "requests",
        "lxml",
        "pyx12",
        "zen",
        "psycopg",
        "asyncssh",
        "orjson",
    ),
    *("crossdock.hub", "crossdock.store", "crossdock.console", "crossdock.process", "crossdock.formats"),
)


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    return {
        **building.receive_dags(),
        "process": building.process_dag(),
        "redrive": building.redrive_dag(),
        **building.deliver_dags(),
        **building.publish_dags(["lake"]),
    }


def test_the_dags_are_the_connectors(dags: dict[str, DAG]) -> None:
    manifests = Registry().manifests()
    polled = {name for name, one in manifests.items() if one.source and one.source.every_s}
    written = {name for name, one in manifests.items() if one.sink}
    assert {"supplier_edi", "erp", "carrier"} <= polled
    assert {"erp", "supplier_edi"} <= written
    assert set(dags) == {f"receive__{n}" for n in polled} | {f"deliver__{n}" for n in written} | {
        "process",
        "redrive",
        "publish",
        "publish__lake",
    }


def test_the_page_about_airflow_has_a_line_for_each_kind_of_dag(dags: dict[str, DAG]) -> None:
    page = (ROOT / "docs" / "airflow.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([a-z]+(?:__)?)[^|]*\|", page.split("Each has one task")[0], re.MULTILINE))
    assert told == {"".join(name.partition("__")[:2]) for name in (*dags, "check")}


def test_each_dag_is_one_task_that_runs_once_at_a_time_and_never_catches_up(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        (task,) = dag.tasks
        assert (dag.max_active_runs, dag.max_active_tasks, dag.catchup) == (1, 1, False)
        assert task.retries == 2, "two, for our own database being away"
        assert task.execution_timeout == building.LAST_RESORT
        assert task.pool == "default_pool"


def test_a_source_is_read_as_often_as_its_toml_says_even_under_a_minute(dags: dict[str, DAG]) -> None:
    manifests = Registry().manifests()
    for name in ("supplier_edi", "erp", "carrier"):
        source = manifests[name].source
        assert source is not None and source.every_s is not None
        timetable: Any = dags[f"receive__{name}"].timetable
        assert timetable.delta == timedelta(seconds=source.every_s)


def test_process_is_woken_by_every_source_and_by_a_clock(dags: dict[str, DAG]) -> None:
    timetable: Any = dags["process"].timetable
    woken_by = {asset.name for asset in timetable.asset_condition.objects}
    assert woken_by == {
        f"crossdock_received_{name}" for name, one in Registry().manifests().items() if one.source
    }
    assert "crossdock_received_erp_push" in woken_by, "a webhook wakes it too"
    assert timetable.timetable.delta == timedelta(minutes=1)


def test_every_target_is_woken_by_process_and_by_its_own_clock(dags: dict[str, DAG]) -> None:
    for name, manifest in Registry().manifests().items():
        if manifest.sink is None:
            continue
        timetable: Any = dags[f"deliver__{name}"].timetable
        assert [asset.name for asset in timetable.asset_condition.objects] == ["crossdock_decided"]
        assert timetable.timetable.delta == timedelta(seconds=manifest.sink.every_s)


def test_the_bell_of_each_receiver_is_what_process_listens_to(dags: dict[str, DAG]) -> None:
    for name in ("supplier_edi", "erp", "carrier"):
        (outlet,) = dags[f"receive__{name}"].tasks[0].outlets
        assert outlet.name == f"crossdock_received_{name}_bell"
    assert [outlet.name for outlet in dags["process"].tasks[0].outlets] == [
        "crossdock_decided_bell",
        "crossdock_said_bell",
    ]
    assert dags["deliver__erp"].tasks[0].outlets == []


def test_airflow_can_write_each_dag_down_and_read_it_again(dags: dict[str, DAG]) -> None:
    for name, dag in dags.items():
        written = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        assert DagSerialization.from_dict(written).dag_id == name


def test_a_person_has_a_worker_try_one_connector() -> None:
    dag = building.check_dag()
    (task,) = dag.tasks
    assert dag.schedule is None, "nobody else asks"
    assert task.op_args == ["{{ params.connector }}"]  # type: ignore[attr-defined]
    assert task.retries == 0
    asked = dag.params.get_param("connector")
    assert asked.schema["enum"] == sorted(Registry().manifests())
    written = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    assert DagSerialization.from_dict(written).dag_id == "check"


def test_a_house_without_connectors_still_parses() -> None:
    assert building.check_dag({}).params.get_param("connector").schema["type"] == "string"


def test_parsing_reads_toml_and_none_of_our_heavy_rooms(fresh: Any) -> None:
    told = json.loads(
        fresh(
            f"""
import json, sys, time
import airflow.sdk, airflow.providers.standard.operators.python
from airflow.sdk import DAG, AssetOrTimeSchedule, DeltaTriggerTimetable, AssetAlias, AssetAny, Connection
before = set(sys.modules)
began = time.process_time()
import runpy
from pathlib import Path
from airflow.configuration import conf
found = []
for file in sorted(Path(conf.get("core", "dags_folder")).glob("*.py")):
    found += [value.dag_id for value in runpy.run_path(str(file)).values() if isinstance(value, DAG)]
took = time.process_time() - began
new = set(sys.modules) - before
heavy = sorted(name for name in new if name.startswith({HEAVY!r}))
print(json.dumps({{"found": found, "heavy": heavy, "took": took}}))
"""
        ).splitlines()[-1]
    )
    assert told["heavy"] == []
    assert "process" in told["found"] and "receive__supplier_edi" in told["found"]
    assert told["took"] < 2.0, "CPU seconds of all DAG files, without Airflow's own import"


def test_airflow_finds_the_dags_without_an_import_error(fresh: Any) -> None:
    told = json.loads(
        fresh(
            """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors}))
"""
        ).splitlines()[-1]
    )
    assert told["errors"] == {}
    assert {"process", "deliver__erp", "receive__carrier", "check"} <= set(told["dags"])


def test_a_broken_connector_is_an_import_error_of_its_own(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "connector.toml").write_text("title = [")
    erp = Registry().manifest("erp").folder
    from pathlib import Path

    (tmp_path / "good" / "connector.toml").write_text((Path(erp) / "connector.toml").read_text())
    monkeypatch.setattr(building, "Registry", lambda: Registry(tmp_path))
    assert set(building.receive_dags()) == {"receive__good"}
    with pytest.raises(Misconfigured, match=r"bad: .*connector\.toml"):
        building.require_whole_connectors()


def test_pools_are_the_default_one_unless_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool_of("erp") == "default_pool"
    monkeypatch.setenv("CROSSDOCK_AIRFLOW_POOLS", "connector")
    assert pool_of("erp") == "crossdock_erp"
    assert json.loads(pools_json(["erp"])) == {
        "crossdock_erp": {"slots": 1, "description": "One task at a time at erp", "include_deferred": False}
    }
    monkeypatch.setenv("CROSSDOCK_AIRFLOW_POOLS", "mine")
    with pytest.raises(Misconfigured, match="'default' or 'connector'"):
        pool_of("erp")


def test_every_broker_is_published_to_by_a_dag_of_its_own_that_process_wakes(dags: dict[str, DAG]) -> None:
    assert dags["publish__lake"].tasks[0].op_args == ["lake"]  # type: ignore[attr-defined]
    for name in ("publish", "publish__lake"):
        timetable: Any = dags[name].timetable
        assert [asset.name for asset in timetable.asset_condition.objects] == ["crossdock_said"]
        assert timetable.timetable.delta == building.SAFETY_NET


def test_the_brokers_of_the_settings_have_their_dags(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "outgoing.toml"
    file.write_text("[brokers.bus]\ndriver = 'amqp'\nconnection = 'bus'\nto = 'exceptions'\n")
    monkeypatch.setenv("CROSSDOCK_OUTGOING", str(file))
    assert sorted(building.publish_dags()) == ["publish", "publish__bus"]
    monkeypatch.delenv("CROSSDOCK_OUTGOING")
    assert sorted(building.publish_dags()) == ["publish"]
