"""Many lives in one process, on a database of their own."""

import contextlib
import io
import json
import os
import shutil
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from crossdock.decide import Router
from crossdock.partners import Partners
from crossdock.store.engine import Store
from tests.chaos.sweep import own_server
from tests.stateful.machine import HubMachine


def live(examples: int, steps: int, chosen: int) -> tuple[str, Counter[str]]:
    """So many lives: what did not hold, if anything, and what people did in them."""
    os.environ["AIRFLOW_CONN_CROSSDOCK_ERP"] = json.dumps(
        {"conn_type": "crossdock_rest", "host": "erp.example"}
    )
    home = Path(tempfile.mkdtemp(prefix="crossdock-stateful-", dir="/tmp"))
    said = io.StringIO()
    try:
        new, _, end = own_server(home)
        try:
            url = new()
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")  # nobody pulls the plug here
                connection.execute("SELECT pg_reload_conf()")
            with Store.open(url) as store, contextlib.redirect_stdout(said):
                HubMachine.store, HubMachine.router, HubMachine.partners = (
                    store,
                    Router.load(),
                    Partners.load(),
                )
                run_state_machine_as_test(
                    seed(chosen)(HubMachine),
                    settings=settings(
                        max_examples=examples,
                        stateful_step_count=steps,
                        deadline=None,
                        database=None,
                        print_blob=True,
                        verbosity=Verbosity.normal,
                        suppress_health_check=list(HealthCheck),
                        phases=[Phase.generate, Phase.shrink],
                    ),
                )
        except Exception:
            return f"BROKEN (seed {chosen}):\n{said.getvalue()}\n{traceback.format_exc()}\n", HubMachine.did
        finally:
            end()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return "", HubMachine.did
