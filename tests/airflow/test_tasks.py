import json
import os
import signal
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors

from crossdock.airflow import tasks
from crossdock.errors import Misconfigured
from crossdock.hub import Hub, RunContext, RunReport
from crossdock.termination import Termination
from crossdock.testing.lying_http import LyingServer, answer

RUN = uuid.uuid4()


def test_a_check_on_a_worker_is_red_with_the_field_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {
        "conn_type": "crossdock_rest",
        "schema": "http",
        "host": "127.0.0.1",
        "port": 1,
        "password": "hushhush",
    }
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", json.dumps(fields))
    with (
        caplog.at_level("INFO"),
        pytest.raises(AirflowFailException, match=r"connect failed: .*look at host") as seen,
    ):
        tasks.check("erp")
    assert "source resolve: ok" in caplog.text and "source connect: FAILED" in caplog.text
    assert "hushhush" not in caplog.text + str(seen.value)


def test_a_check_on_a_worker_tells_how_many_steps_were_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with LyingServer(answer(200, b'{"records": [], "effects": []}')) as server:
        fields = {"conn_type": "crossdock_rest", "schema": "http", "host": "127.0.0.1", "port": server.port}
        monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", json.dumps(fields))
        told = tasks.check("erp")
        assert told["connector"] == "erp" and int(told["steps"]) > 8
        assert not [request for request in server.requests if request.method != "GET"]
    with pytest.raises(AirflowFailException, match="no connector is called 'epr'"):
        tasks.check("epr")


class FakeHub:
    """A hub whose every step gives one report, or fails."""

    def __init__(self, report: RunReport | Exception) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.closed = False
        self._report = report

    def _give(self, *asked: Any) -> RunReport:
        self.asked.append(asked)
        if isinstance(self._report, Exception):
            raise self._report
        return self._report

    def receive(self, name: str, *, run: RunContext) -> RunReport:
        return self._give("receive", name, run)

    def process(self, *, limit_s: float, run: RunContext) -> RunReport:
        return self._give("process", limit_s, run)

    def deliver(self, target: str, *, limit_s: float, run: RunContext) -> RunReport:
        return self._give("deliver", target, limit_s, run)

    def close(self) -> None:
        self.closed = True


class World:
    """A task's surroundings: the context, with Airflow's own outlet events, and a hub."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events = OutletEventAccessors()
        self.hub: FakeHub
        instance = SimpleNamespace(dag_id="process", run_id="manual__1", task_id="process", try_number=2)
        monkeypatch.setattr(
            tasks, "get_current_context", lambda: {"ti": instance, "outlet_events": self.events}
        )
        monkeypatch.setattr(Hub, "open", lambda **_: self.hub)

    def with_report(self, counts: dict[str, int], error: str | None = None) -> None:
        self.hub = FakeHub(RunReport(step="process", connector=None, run_id=RUN, counts=counts, error=error))

    def with_failure(self, error: Exception) -> None:
        self.hub = FakeHub(error)

    def rung(self) -> list[str]:
        """The assets whose bell was rung."""
        return [
            event.dest_asset_key.name
            for accessor in self.events._dict.values()
            for event in accessor.asset_alias_events
        ]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_task_hands_back_ids_and_counts_and_nothing_else(world: World) -> None:
    world.with_report({"messages": 3, "dead_letters": 1, "write_backs": 2})
    told = tasks.process()
    assert told == {"crossdock_run": str(RUN), "messages": 3, "dead_letters": 1, "write_backs": 2}
    assert json.loads(json.dumps(told)) == told
    assert world.hub.closed
    assert world.hub.asked == [
        (
            "process",
            tasks.TIME_UP_S,
            RunContext(dag="process", run_id="manual__1", task="process", try_number=2),
        )
    ]


def test_a_bad_message_does_not_fail_the_batch(world: World) -> None:
    world.with_report({"messages": 1, "dead_letters": 1})
    assert tasks.process()["dead_letters"] == 1


def test_a_broken_connector_turns_its_dag_red_without_a_retry(world: World) -> None:
    world.with_report({"received": 4, "stored": 4}, error="connector 'erp': the host key changed")
    with pytest.raises(AirflowFailException, match="the host key changed"):
        tasks.receive("erp")
    assert world.hub.closed


def test_a_mistake_in_the_configuration_is_never_retried(world: World) -> None:
    world.with_failure(Misconfigured("no connector is called 'erpp'; did you mean 'erp'?"))
    with pytest.raises(AirflowFailException, match="did you mean 'erp'"):
        tasks.deliver("erpp")
    assert world.hub.closed


def test_our_own_database_being_away_is_airflows_to_retry(world: World) -> None:
    from sqlalchemy.exc import OperationalError

    away = OperationalError("SELECT 1", {}, Exception("connection refused"))
    world.with_failure(away)
    with pytest.raises(OperationalError):
        tasks.process()


def test_the_stores_own_sentence_for_being_away_is_retried_too(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    from crossdock.store.engine import Store

    def open_far_away(**_: object) -> Any:
        store = Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none")
        store.require_current()

    monkeypatch.setattr(Hub, "open", open_far_away)
    with pytest.raises(Misconfigured, match="cannot be reached"):
        tasks.process()


@pytest.mark.parametrize(
    ("step", "counts", "bells"),
    [
        (lambda: tasks.receive("erp"), {"received": 2, "stored": 2}, ["crossdock_received_erp"]),
        (lambda: tasks.receive("erp"), {"received": 2, "stored": 0, "duplicate": 2}, []),
        (lambda: tasks.receive("erp"), {"received": 0, "stored": 0}, []),
        (tasks.process, {"messages": 2, "write_backs": 1}, ["crossdock_decided"]),
        (tasks.process, {"messages": 2, "write_backs": 0}, []),
        (lambda: tasks.deliver("erp"), {"attempts": 2, "delivered": 2}, []),
    ],
)
def test_the_next_room_is_woken_only_when_there_is_something_for_it(
    world: World, step: Callable[[], Any], counts: dict[str, int], bells: list[str]
) -> None:
    world.with_report(counts)
    step()
    assert world.rung() == bells


def test_the_log_of_a_task_holds_counts_and_no_content(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.with_report({"messages": 3, "dead_letters": 0})
    with caplog.at_level("INFO"):
        tasks.process()
    assert "3 messages" in caplog.text
    assert "dead_letters" not in caplog.text


def test_a_task_that_is_told_to_end_says_so_and_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's SIGTERM (cleared, marked failed, the worker shuts down) reaches the step, and its own handler is back
    behind it."""
    heard: list[bool] = []

    def before(_number: int, _frame: object) -> None: ...

    def opens(*, termination: Termination) -> FakeHub:
        os.kill(os.getpid(), signal.SIGTERM)
        heard.append(termination.was_told())
        return world.hub

    previous = signal.signal(signal.SIGTERM, before)
    try:
        world.with_report({"messages": 0, "told_to_end": 1})
        monkeypatch.setattr(Hub, "open", opens)
        assert tasks.process()["told_to_end"] == 1
        assert heard == [True]
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, previous)
