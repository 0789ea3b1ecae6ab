"""What runs inside a task: open the hub, walk one batch, hand back ids and counts, ring the bell.

A bad message never fails a task. A broken connector or target does, at once and without Airflow's retries: the next
tick is the retry. Only when our own database is away does the exception go on to Airflow, which tries again.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from airflow.sdk import Asset, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from crossdock.airflow import assets, connections
from crossdock.errors import CrossdockError, WireDown
from crossdock.termination import on_sigterm

if TYPE_CHECKING:
    from crossdock.hub import Hub, RunContext, RunReport

log = logging.getLogger(__name__)

TIME_UP_S: Final = 300.0
"""A batch task stops claiming after this long, so that Airflow sees it end; the next run goes on."""

_AWAY: Final = frozenset(
    {
        ("sqlalchemy.exc", "OperationalError"),
        ("sqlalchemy.exc", "InterfaceError"),
        ("psycopg", "OperationalError"),
    }
)

Counts = dict[str, int | str]


def receive(connector: str) -> Counts:
    """Store one bounded batch of what this connector's system says."""
    return _walk(
        lambda hub, run: hub.receive(connector, run=run),
        {assets.received(connector): ("stored", "set_aside")},
    )


def process() -> Counts:
    """Walk the stored messages until none is left or the time is up."""
    return _walk(
        lambda hub, run: hub.process(limit_s=TIME_UP_S, run=run),
        {assets.decided(): ("write_backs",), assets.said(): ("events",)},
    )


def deliver(target: str) -> Counts:
    """Send this target's due write-backs until none is left or the time is up."""
    return _walk(lambda hub, run: hub.deliver(target, limit_s=TIME_UP_S, run=run))


def publish() -> Counts:
    """Put what was committed into the feed and send the webhooks that are due."""
    return _walk(lambda hub, run: hub.publish(limit_s=TIME_UP_S, run=run))


def publish_to(broker: str) -> Counts:
    """Publish what is new to this broker."""
    return _walk(lambda hub, run: hub.publish(broker, limit_s=TIME_UP_S, run=run))


def redrive() -> Counts:
    """Put back what the running redrives may put back now, each at its rate."""
    return _walk(lambda hub, run: hub.redrive(limit_s=TIME_UP_S, run=run), {assets.decided(): ("put_back",)})


def check(connector: str) -> dict[str, str | int]:
    """Try this connector from here, step by step; red at the first step that fails. Needs no database of ours."""
    from crossdock.checking import check as walk
    from crossdock.connections import login
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry

    connections.mask_environment()
    steps = 0
    try:
        for one in walk(Registry(), connector, login=login, clock=SystemClock()):
            step, steps = one.step, steps + 1
            log.info("%s %s: %s: %s", one.side, step.step, "ok" if step.ok else "FAILED", step.sentence)
            if not step.ok:
                blamed = f" (look at {step.field})" if step.field else ""
                raise AirflowFailException(
                    f"{step.step} failed: {step.sentence}{blamed}. {step.remedy}".strip()
                )
    except CrossdockError as error:
        raise AirflowFailException(str(error)) from error
    return {"connector": connector, "steps": steps}


def _walk(
    step: "Callable[[Hub, RunContext], RunReport]", bells: Mapping[Asset, tuple[str, ...]] | None = None
) -> Counts:
    """Walk the step. A bell is rung when one of its counts is not 0."""
    from crossdock.hub import Hub, RunContext

    connections.mask_environment()
    context = get_current_context()
    instance = context["ti"]
    run = RunContext(
        dag=instance.dag_id, run_id=instance.run_id, task=instance.task_id, try_number=instance.try_number
    )
    try:
        with on_sigterm() as termination:
            hub = Hub.open(termination=termination)
            try:
                report = step(hub, run)
            finally:
                hub.close()
    except Exception as error:
        if database_is_away(error):
            raise
        if isinstance(error, CrossdockError):
            raise AirflowFailException(str(error)) from error
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    log.info("%s %s: %s", report.step, report.connector or "", _as_words(report.counts))
    for bell, rings_for in (bells or {}).items():
        if any(report.counts.get(name) for name in rings_for):
            context["outlet_events"][assets.bell(bell)].add(bell)
    if report.error is not None:
        raise AirflowFailException(report.error)
    return {"crossdock_run": str(report.run_id), **report.counts}


def database_is_away(error: BaseException) -> bool:
    """Whether this is our own database not answering: by name, because only the store meets its library."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, WireDown):
            return True
        if any((kind.__module__, kind.__name__) in _AWAY for kind in type(seen).__mro__):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _as_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
