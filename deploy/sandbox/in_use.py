"""Which connectors of the package a sandbox does not use: those whose systems it does not play."""

import os
from collections.abc import Mapping
from pathlib import Path

from crossdock.packages import package_folder
from crossdock.registry import Registry


def without_a_connection(connections: Mapping[str, str]) -> set[str]:
    """The connectors of this package that nobody plays here. ``connections`` are ``AIRFLOW_CONN_*`` variables."""
    ours, told = package_folder("connectors"), {*os.environ, *connections}
    return {
        name
        for name, manifest in Registry().manifests().items()
        if Path(manifest.folder).parent == ours
        and f"AIRFLOW_CONN_{manifest.connection.upper()}" not in told
        and (
            manifest.sink is not None or (manifest.source is not None and manifest.source.every_s is not None)
        )
    }
