"""Airflow in a home of its own: set before the first import of Airflow, gone afterwards."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

ROOT = Path(__file__).parents[2]
HOME = tempfile.mkdtemp(prefix="crossdock-airflow-test-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

AIRFLOW = {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}
os.environ.update(AIRFLOW)

Fresh = Callable[[str], str]


@pytest.fixture
def fresh() -> Fresh:
    """Runs a program in a fresh Python, as one of Airflow's processes is, and gives its output."""

    def runs(program: str) -> str:
        done = run(
            [executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=HOME,
            env={**os.environ, **AIRFLOW},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return runs
