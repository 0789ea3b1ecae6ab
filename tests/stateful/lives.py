"""Many lives in one process, on a database of their own."""

import contextlib
import io
import json
import os
import traceback
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from crossdock.decide import Router
from crossdock.partners import Partners
from crossdock.store.engine import Store
from tests.chaos.sweep import own_server
from tests.in_memory import home_in_memory
from tests.stateful.machine import HubMachine


def many(examples: int, steps: int, **more: Any) -> settings:
    """So many lives of at most so many steps; ``more`` are other settings of Hypothesis."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        **more,
    )


def live(examples: int, steps: int, chosen: int) -> tuple[str, Counter[str]]:
    """So many lives: what did not hold, if anything, and what people did in them."""
    os.environ["AIRFLOW_CONN_CROSSDOCK_ERP"] = json.dumps(
        {"conn_type": "crossdock_rest", "host": "erp.example"}
    )
    said = io.StringIO()
    HubMachine.did.clear()
    with home_in_memory() as home:
        new, _, end = own_server(home)
        try:
            with Store.open(new()) as store, contextlib.redirect_stdout(said):
                HubMachine.store, HubMachine.router, HubMachine.partners = (
                    store,
                    Router.load(),
                    Partners.load(),
                )
                run_state_machine_as_test(
                    seed(chosen)(HubMachine),
                    settings=many(examples, steps, print_blob=True, verbosity=Verbosity.normal),
                )
        except Exception:
            return (
                f"BROKEN (seed {chosen}):\n{said.getvalue()}\n{traceback.format_exc()}\n",
                HubMachine.did.copy(),
            )
        finally:
            end()
    return "", HubMachine.did.copy()
