"""Sixty lives of a hub in every run of the tests; ``make stateful EXAMPLES=2000`` lives many more."""

import json

import pytest
from hypothesis.stateful import run_state_machine_as_test

from crossdock.decide import Router
from crossdock.partners import Partners
from tests.stateful.lives import many
from tests.stateful.machine import HubMachine

EXAMPLES = 60
STEPS = 14


def test_the_promises_hold_after_every_step_of_every_life(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_CROSSDOCK_ERP", json.dumps({"conn_type": "crossdock_rest", "host": "erp.example"})
    )
    monkeypatch.setattr(HubMachine, "store", store, raising=False)
    monkeypatch.setattr(HubMachine, "router", Router.load(), raising=False)
    monkeypatch.setattr(HubMachine, "partners", Partners.load(), raising=False)
    run_state_machine_as_test(
        HubMachine,
        settings=many(EXAMPLES, STEPS, derandomize=True),
    )
    assert HubMachine.did.keys() >= {"replay", "discard", "edit a part", "edit a write-back", "it happened"}
