"""``python -m tests.stateful --examples 2000``: many lives of a hub. Exit code 0: all promises held; 1: not so."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from crossdock.decide import Router
from crossdock.partners import Partners
from crossdock.store.engine import Store
from tests.chaos.sweep import own_server
from tests.stateful.machine import HubMachine


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.stateful", description=__doc__)
    options.add_argument("--examples", type=int, default=2000)
    options.add_argument("--steps", type=int, default=20, help="at most so many in one life")
    options.add_argument("--seed", type=int, default=None, help="the same lives again")
    asked = options.parse_args(arguments)
    chosen = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"{asked.examples} lives of at most {asked.steps} steps, seed {chosen}", flush=True)
    os.environ["AIRFLOW_CONN_CROSSDOCK_ERP"] = json.dumps(
        {"conn_type": "crossdock_rest", "host": "erp.example"}
    )
    home = Path(tempfile.mkdtemp(prefix="crossdock-stateful-", dir="/tmp"))
    began = time.monotonic()
    try:
        new, _, end = own_server(home)
        try:
            url = new()
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")  # nobody pulls the plug here
                connection.execute("SELECT pg_reload_conf()")
            with Store.open(url) as store:
                HubMachine.store, HubMachine.router, HubMachine.partners = (
                    store,
                    Router.load(),
                    Partners.load(),
                )
                run = seed(chosen)(HubMachine)
                run_state_machine_as_test(
                    run,
                    settings=settings(
                        max_examples=asked.examples,
                        stateful_step_count=asked.steps,
                        deadline=None,
                        database=None,
                        print_blob=True,
                        verbosity=Verbosity.normal,
                        suppress_health_check=list(HealthCheck),
                        phases=[Phase.generate, Phase.shrink],
                    ),
                )
        except AssertionError as error:
            print(f"BROKEN: {error}", *getattr(error, "__notes__", ()), sep="\n")
            return 1
        finally:
            end()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"every promise held after every step, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
