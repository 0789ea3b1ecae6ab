"""The DAGs, built from each connector.toml: one task each, which calls the same function as the command line.

    receive__<connector> ──bell──▶ process ──bell──▶ deliver__<target>
                                           ──bell──▶ publish
                                     redrive ──bell──▲
    check, when a person asks

Each has a time schedule beside the bell, because Airflow can lose an asset event (apache/airflow#56050, #49857).
Parsing reads TOML and nothing else: the spine and its libraries are imported inside the tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, DeltaTriggerTimetable, Param

from crossdock.airflow import assets, pools, tasks
from crossdock.errors import Misconfigured
from crossdock.ports import Manifest
from crossdock.registry import Registry

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Any past moment: with ``catchup=False`` only the newest tick counts."""

SAFETY_NET: Final = timedelta(minutes=1)
LAST_RESORT: Final = timedelta(minutes=15)
"""When Airflow ends a task that hangs in spite of the deadlines of the wires; its leases then expire."""

DATABASE_AWAY: Final[dict[str, Any]] = {"retries": 2, "retry_delay": timedelta(seconds=15)}
"""Airflow's retries are for our own database being away, and for nothing else: see ``tasks``."""


def receive_dags(manifests: Mapping[str, Manifest] | None = None) -> dict[str, DAG]:
    """``receive__<connector>`` for every connector that is polled; a webhook is pushed and has none."""
    dags = {}
    for name, manifest in sorted(_manifests(manifests).items()):
        if manifest.source is None or manifest.source.every_s is None:
            continue
        dag = _dag(
            f"receive__{name}",
            f"Receive from {manifest.title}",
            DeltaTriggerTimetable(timedelta(seconds=manifest.source.every_s)),
            manifest,
        )
        _one_task(dag, tasks.receive, name, pool=pools.pool_of(name), bells=[assets.received(name)])
        dags[dag.dag_id] = dag
    return dags


def process_dag(manifests: Mapping[str, Manifest] | None = None) -> DAG:
    """``process``: everything between the wires, woken by every receiver."""
    sources = [
        name for name, manifest in sorted(_manifests(manifests).items()) if manifest.source is not None
    ]
    dag = _dag("process", "Normalize, detect and decide", _woken_by([assets.received(n) for n in sources]))
    _one_task(dag, tasks.process, bells=[assets.decided(), assets.said()])
    return dag


def redrive_dag() -> DAG:
    """``redrive``: puts dead letters back at the rate that somebody asked for, and is idle while nobody did."""
    dag = _dag("redrive", "Put dead letters back", DeltaTriggerTimetable(SAFETY_NET))
    _one_task(dag, tasks.redrive, bells=[assets.decided()])
    return dag


def check_dag(manifests: Mapping[str, Manifest] | None = None) -> DAG:
    """``check``: tries one connector from a worker, when a person asks: its network is another one."""
    names = sorted(_manifests(manifests))
    schema: dict[str, Any] = {"type": "string", "title": "Connector"}
    if names:
        schema["enum"] = names
    asked = Param(
        names[0] if names else "",
        description="Its connection is tried step by step; nothing is taken or changed.",
        **schema,
    )
    dag = _dag("check", "Check a connector", None, params={"connector": asked})
    PythonOperator(task_id="check", python_callable=tasks.check, op_args=["{{ params.connector }}"], dag=dag)
    return dag


def deliver_dags(manifests: Mapping[str, Manifest] | None = None) -> dict[str, DAG]:
    """``deliver__<target>`` for every connector that is written to.

    Its time schedule is also what finds the write-backs whose next attempt has come due.
    """
    dags = {}
    for name, manifest in sorted(_manifests(manifests).items()):
        if manifest.sink is None:
            continue
        every = timedelta(seconds=manifest.sink.every_s)
        dag = _dag(
            f"deliver__{name}",
            f"Deliver to {manifest.title}",
            _woken_by([assets.decided()], every),
            manifest,
        )
        _one_task(dag, tasks.deliver, name, pool=pools.pool_of(name))
        dags[dag.dag_id] = dag
    return dags


def publish_dags(brokers: Sequence[str] | None = None) -> dict[str, DAG]:
    """``publish``, and ``publish__<broker>`` for every broker of the settings: one that is away delays nobody.

    Their time schedule also finds the webhooks whose next attempt has come due.
    """
    if brokers is None:
        from crossdock.emit.settings import load

        brokers = [one.name for one in load().brokers]
    dag = _dag("publish", "Publish events", _woken_by([assets.said()]))
    _one_task(dag, tasks.publish)
    dags = {dag.dag_id: dag}
    for name in brokers:
        dag = _dag(f"publish__{name}", f"Publish events to {name}", _woken_by([assets.said()]))
        _one_task(dag, tasks.publish_to, name)
        dags[dag.dag_id] = dag
    return dags


def require_whole_connectors() -> None:
    """Raise when a connector or mapping cannot be used, so that Airflow shows it as an import error.

    In a DAG file of its own: one broken connector.toml never takes the DAGs of the others away.
    """
    broken = Registry().broken()
    if broken:
        raise Misconfigured("; ".join(f"{name}: {error}" for name, error in sorted(broken.items())))


def _manifests(given: Mapping[str, Manifest] | None) -> Mapping[str, Manifest]:
    return Registry().manifests() if given is None else given


def _woken_by(bells: list[Asset], at_least_every: timedelta = SAFETY_NET) -> Any:
    clock = DeltaTriggerTimetable(at_least_every)
    if not bells:
        return clock
    return AssetOrTimeSchedule(timetable=clock, assets=AssetAny(*bells))


def _one_task(
    dag: DAG,
    step: Callable[..., tasks.Counts],
    *connector: str,
    pool: str = "default_pool",
    bells: Sequence[Asset] = (),
) -> None:
    PythonOperator(
        task_id=step.__name__,
        python_callable=step,
        op_args=list(connector),
        outlets=[assets.bell(bell) for bell in bells],
        pool=pool,
        dag=dag,
        **DATABASE_AWAY,
    )


def _dag(
    dag_id: str,
    title: str,
    schedule: Any,
    manifest: Manifest | None = None,
    params: Mapping[str, Param] | None = None,
) -> DAG:
    step = dag_id.partition("__")[0]
    return DAG(
        dag_id,
        dag_display_name=title,
        description=_DESCRIPTION[step],
        schedule=schedule,
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=1,
        dagrun_timeout=LAST_RESORT + timedelta(minutes=1),
        default_args={
            "owner": manifest.owner if manifest else "crossdock",
            "execution_timeout": LAST_RESORT,
        },
        tags=["crossdock", step, *([manifest.wire] if manifest else [])],
        doc_md=_DOC if schedule is not None else _DOC_OF_CHECK,
        params=dict(params or {}),
    )


_DESCRIPTION: Final = {
    "check": "Tries a connector from a worker, step by step, when a person asks. Takes and changes nothing.",
    "receive": "Reads a bounded batch, stores every byte, then tells the source. Safe to run again at any time.",
    "process": "Turns stored messages into cases, decisions and write-backs. Safe to run again at any time.",
    "publish": "Gives events their places in the feed and tells who listens. Safe to run again at any time.",
    "redrive": "Puts dead letters back at the rate that was asked for. Safe to run again at any time.",
    "deliver": "Sends the write-backs that are due, each at most once per intent. Safe to run again at any time.",
}

_DOC_OF_CHECK: Final = """\
Trigger it with the name of a connector. The task's log has each step (resolve, connect, TLS or host key, login,
permission, sample read, dry write); it is **red** when one fails, with the field that is to blame and a remedy. The
same as `crossdock connector check NAME`, on the network of the worker.
"""

_DOC: Final = """\
One task, one batch. The queue is Crossdock's own tables, so **clearing and running again changes nothing**: what is
done is found done, what is left is picked up.

* green: the batch was walked. Messages that could not be handled are dead letters, not failures.
* red: the connector or target itself is broken (or Crossdock's database is away). The next tick tries again.

What a run did: the **Crossdock** page, or `crossdock ledger` and `crossdock dead-letters list`.
"""
