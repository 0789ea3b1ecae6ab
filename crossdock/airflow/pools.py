"""Which Airflow pool a connector's tasks run in.

A pool is a row in Airflow's database and cannot be declared in a DAG file, and a task whose pool does not exist is
never run, in silence. So the default is ``default_pool``: ``max_active_runs=1`` already keeps each DAG to one
task. Where one host must not be read and written at the same time, set ``CROSSDOCK_AIRFLOW_POOLS=connector`` in
the environment of the DAG processor, after::

    python -m crossdock.airflow.pools > pools.json && airflow pools import pools.json
"""

import json
import os
import sys
from collections.abc import Iterable
from typing import Final

from crossdock.errors import Misconfigured

SWITCH: Final = "CROSSDOCK_AIRFLOW_POOLS"


def pool_of(connector: str) -> str:
    """The pool of this connector's tasks, reading and writing alike: they meet the same host."""
    match os.environ.get(SWITCH, "default"):
        case "default":
            return "default_pool"
        case "connector":
            return f"crossdock_{connector}"
        case other:
            raise Misconfigured(f"{SWITCH} is {other!r}; it is 'default' or 'connector'")


def pools_json(connectors: Iterable[str]) -> str:
    """What ``airflow pools import`` reads: one slot per connector."""
    pools = {
        f"crossdock_{name}": {
            "slots": 1,
            "description": f"One task at a time at {name}",
            "include_deferred": False,
        }
        for name in sorted(connectors)
    }
    return json.dumps(pools, indent=2)


if __name__ == "__main__":
    from crossdock.registry import Registry

    sys.stdout.write(pools_json(Registry().manifests()) + "\n")
