"""``kill -9`` of any process of the hub, at ten moments of the demonstration: the same end, each effect once.

The real thing: PostgreSQL, Airflow's four processes with their task processes, the supplier, the ERP and the
carrier, all on this machine. What must be there in the end is read from the partners' own books.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock.store.engine import Store
from crossdock.store.guards import LEDGER
from crossdock.store.tables import cases, dead_letters, events, write_backs
from deploy.sandbox import expected
from deploy.sandbox.hub_processes import HubProcesses, dag_ids
from deploy.sandbox.play import Play
from deploy.sandbox.programs import Guard
from deploy.sandbox.records import Records
from deploy.sandbox.world_process import WorldProcess

VICTIMS = (
    "workers",
    "database",
    "task",
    "scheduler",
    "task",
    "api-server",
    "dag-processor",
    "task",
    "database",
    "triggerer",
)
SEED = 20_261_120
LONGEST_PAUSE_S = 3.0
GIVE_UP_S = 360.0

CASES = {
    ("CMP.EXPORT_BLOCK", "sales_order/SO-7002"),
    ("CRD.HOLD", "sales_order/SO-7001"),
    ("INV.BACKORDER", "supplier_po/4500120002/line/2"),
    ("INV.BACKORDER", "supplier_po/4500120006/line/1"),
    ("ORD.LINE_REJECTED", "supplier_po/4500120003/line/2"),
    ("SHP.DELAY", "shipment/SHP-70031"),
    ("SHP.DELAY", "shipment/SHP-70040"),
}


@pytest.mark.airflow
@pytest.mark.slow
def test_killing_any_process_at_ten_moments_changes_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("kill")
    dice = random.Random(SEED)
    with Guard() as guard:
        with WorldProcess(home / "world", guard, log=home / "world.log") as world:
            told = world.wait_until_ready()
            with HubProcesses(home, told["environment"], guard, most_deaths=30) as hub:
                hub.start()
                play = Play(home, told)
                play.prepare()
                killed = [
                    _kill(hub, victim, dice)
                    for victim in _play_with_pauses(hub, play, dice)
                    if victim is not None
                ]
                assert len(killed) == len(VICTIMS)
                missing = _wait_until_done(hub, Records(home / "world"), play)
                assert missing == [], f"after killing {killed}"
                with Store.open(home=home) as store:
                    _judge(store)
                    left = hub.processes()
            until = time.monotonic() + 20  # the database checkpoints before it goes
            while pids := [pid for pids in left.values() for pid in pids if _lives(pid)]:
                assert time.monotonic() < until, f"the hub left {pids}"
                time.sleep(0.2)


def _play_with_pauses(hub: HubProcesses, play: Play, dice: random.Random) -> Iterator[str | None]:
    """Scene after scene, each followed by a pause of its own length and by the death of somebody."""
    victims = iter(VICTIMS)
    while (scene := play.next()) is not None:
        assert scene.name
        _trigger(hub)
        time.sleep(dice.uniform(0, LONGEST_PAUSE_S))
        yield next(victims, None)
    for victim in victims:
        _trigger(hub)
        time.sleep(dice.uniform(0, LONGEST_PAUSE_S))
        yield victim


def _trigger(hub: HubProcesses) -> None:
    for dag in sorted(one for one in dag_ids(hub.off) if one.startswith("receive__")):
        hub.trigger(dag)


def _kill(hub: HubProcesses, victim: str, dice: random.Random) -> str:
    """``kill -9``, then start again what is not there."""
    if victim == "workers":  # all of the executor's at once: one of them holds the lock of the queue of tasks
        for pid in _living(hub, "scheduler", workers=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    elif victim == "task":
        pid = dice.choice(_living(hub, "scheduler", workers=True))
        os.kill(pid, signal.SIGKILL)
    elif victim == "database":
        (pid,) = hub.processes()["database"]
        os.kill(pid, signal.SIGKILL)
        hub.start_database()
    else:
        pid = _living(hub, victim)[0]
        hub.kill(victim)
    hub.start_airflow()
    return f"{victim} {pid}"


def _living(hub: HubProcesses, name: str, *, workers: bool = False) -> list[int]:
    """The processes of one of the four; ``workers``: those that it started, the executor's and the tasks in them.
    The death of the database may have taken it along: then it comes up first."""
    until = time.monotonic() + 60
    while True:
        found = hub.processes().get(name, [])
        if workers:
            found = [pid for pid in found if _session_of(pid) not in (pid, None)]
        if found:
            return found
        assert time.monotonic() < until, f"{name} does not come up"
        hub.keep_up()
        time.sleep(0.2)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _wait_until_done(hub: HubProcesses, records: Records, play: Play) -> list[str]:
    until = time.monotonic() + GIVE_UP_S
    while True:
        missing = expected.missing(records, play.at)
        if not missing or time.monotonic() > until:
            return missing
        hub.keep_up()
        _trigger(hub)
        time.sleep(2)


def _judge(store: Store) -> None:
    """The hub's own books: each case once, nothing in flight, nothing unexplained."""
    until = time.monotonic() + 60
    while True:
        with store.transaction("main") as connection:
            balances = connection.execute(sa.select(LEDGER)).mappings().all()
            states = connection.execute(sa.select(write_backs.c.state)).scalars().all()
        if all(row["in_flight"] == 0 for row in balances) and set(states) == {"delivered"}:
            break
        assert time.monotonic() < until, f"not at rest: {balances} {states}"
        time.sleep(1)
    assert [row["balance"] for row in balances] == [0] * len(balances)
    with store.transaction("main") as connection:
        found = connection.execute(sa.select(cases.c.code, cases.c.subject, cases.c.occurrences)).all()
        assert {(row.code, row.subject) for row in found} == CASES
        assert {row.occurrences for row in found} == {1}
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == len(CASES)
        letters = connection.execute(sa.select(dead_letters.c.code, dead_letters.c.state)).all()
    assert sorted((row.code, row.state) for row in letters) == [
        ("EDI.TRANSACTION_REJECTED", "open"),
        ("EDI.UNKNOWN_PARTNER", "open"),
    ]


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
