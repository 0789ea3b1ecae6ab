"""How long Airflow parses the DAG files of a site with a hundred connectors more, each file in a process of its own.

A DAG file is read again and again, so it may cost little: less than a second each and three in all, in CPU time of
this machine beside Airflow's own import. Beside the figure stands the ratio to that import, which a slow machine does
not change.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CONNECTORS: Final = 100
MOST_OF_ONE_S: Final = 1.0
MOST_OF_ALL_S: Final = 3.0

_REST = """title = "System {number}"
owner = "integration"
wire = "rest"
connection = "system_{number}"
connection_type = "system_{number}"
version = "1"
hosts = ["connection", "*.system-{number}.example"]

[fields.account]
label = "Account"
required = true

[source]
document = "erp_order_hold"
media_type = "application/json"
every_s = 60
batch = 100

[source.request]
path = "/holds"
query = {{ since = "{{since}}", size = "{{size}}" }}

[source.paging]
kind = "none"

[source.cursor]
field = "updated_at"
key = "hold_id"
"""
_WITH_CODE = """title = "Partner {number}"
owner = "integration"
wire = "sftp"
connection = "partner_{number}"
connection_type = "crossdock_sftp"
version = "1"

[source]
document = "x12"
media_type = "application/edi-x12"
every_s = 60
batch = 100

[sink]
operations = ["997"]
idempotency = "readback"
schedule_s = [30, 120, 600]
concurrency = 1
batch = 100
every_s = 60
"""
_LIKE = """title = "Lists of partner {number}"
like = "supplier_files"
connection = "lists_{number}"
version = "1"
"""
_CODE = """raise RuntimeError("the code of {name} was imported by a DAG file")
"""

_PARSE = """
import json, os, runpy, sys, time
import airflow.sdk, airflow.providers.standard.operators.python
from airflow.sdk import DAG, Asset, AssetAlias, AssetAny, AssetOrTimeSchedule, Connection, DeltaTriggerTimetable
airflow_s = time.process_time()
before = set(sys.modules)
for file in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        began_s = time.process_time()
        found = runpy.run_path(file)
        took_s = time.process_time() - began_s
        dags = [value.dag_id for value in found.values() if isinstance(value, DAG)]
        said = {"file": file, "dags": dags, "took_s": took_s, "airflow_s": airflow_s}
        print(json.dumps({**said, "modules": sorted(set(sys.modules) - before)}), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{file} could not be parsed")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One DAG file: its DAGs, CPU seconds for it and for Airflow's own import, and what it imported."""

    file: str
    dags: tuple[str, ...]
    took_s: float
    airflow_s: float
    modules: frozenset[str]


def make_site(folder: Path, count: int = CONNECTORS) -> None:
    """A site with so many connectors: declared alone, with code that fails when it is imported, and like another."""
    for number in range(count):
        kind = (_REST, _WITH_CODE, _LIKE)[number % 3]
        name = f"fleet_{number:03}"
        connector = folder / "connectors" / name
        connector.mkdir(parents=True)
        (connector / "connector.toml").write_text(kind.format(number=number), encoding="utf-8")
        if kind is _WITH_CODE:
            for side in ("source", "sink"):
                (connector / f"{side}.py").write_text(_CODE.format(name=name), encoding="utf-8")


def parse_all(site: Path, home: Path) -> dict[str, Parsed]:
    """Parse each DAG file in a process of its own, forked from one that has imported Airflow, as Airflow does."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CROSSDOCK_", "AIRFLOW_"))
        },
        "PYTHONPATH": str(ROOT),
        "CROSSDOCK_SITE_DIR": str(site),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    files = sorted(map(str, (ROOT / "dags").glob("*.py")))
    ran = subprocess.run(
        [sys.executable, "-c", _PARSE, *files],
        capture_output=True, text=True, check=False, timeout=300, cwd=home, env=environment,
    )  # fmt: skip
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr[-4000:])
    said = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"file"')]
    return {
        Path(one["file"]).name: Parsed(
            file=Path(one["file"]).name,
            dags=tuple(one["dags"]),
            took_s=one["took_s"],
            airflow_s=one["airflow_s"],
            modules=frozenset(one["modules"]),
        )
        for one in said
    }


def main(arguments: list[str]) -> int:
    """Parse each DAG file, print what it cost; 1 when one or all of them cost too much."""
    rounds = 1 if "--quick" in arguments else 3
    with tempfile.TemporaryDirectory(prefix="crossdock-bench-") as name:
        site, home = Path(name) / "site", Path(name) / "airflow"
        home.mkdir()
        make_site(site)
        every = [parse_all(site, home) for _ in range(rounds)]
    best = [min((one[file] for one in every), key=lambda one: one.took_s) for file in sorted(every[0])]
    missed = False
    for one in best:
        slow = one.took_s >= MOST_OF_ONE_S
        missed = missed or slow
        print(
            f"{'MISSED' if slow else 'ok    '} {one.file}: {len(one.dags)} DAGs in {one.took_s:.2f} s of CPU, "
            f"{one.took_s / one.airflow_s:.2f} of Airflow's own import (limit {MOST_OF_ONE_S} s)"
        )
    in_all = sum(one.took_s for one in best)
    slow = in_all >= MOST_OF_ALL_S
    print(
        f"{'MISSED' if slow else 'ok    '} all of them with {CONNECTORS} connectors more: {in_all:.2f} s "
        f"(limit {MOST_OF_ALL_S} s)"
    )
    return int(missed or slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
