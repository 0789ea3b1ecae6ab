"""``python -m tests.soak --minutes 30``: exit code 0: nothing lost, doubled or made up, and flat; 1: not so."""

import argparse
import base64
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from crossdock.messages import WriteBackState
from crossdock.registry import OFF
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from crossdock.store.guards import LEDGER
from crossdock.store.tables import attempts, dead_letters, raw_messages, write_backs
from crossdock.testing.total_queue import TotalQueue
from deploy.sandbox.in_use import without_a_connection
from deploy.sandbox.ports import free_ports
from tests.chaos.world import ROOT, World, connectors
from tests.soak.measures import Process, p99_by_minute, p99_is_flat
from tests.soak.report import Soak, written
from tests.soak.sender import Sender

FAULTS: Final = {
    "commit_then_rst": 0.01,
    "commit_then_fin": 0.01,
    "commit_then_500": 0.01,
    "200_html": 0.005,
    "brown_out": 0.015,
}
"""What the ERP does to one call in twenty."""

DATABASE_S: Final = (5.0, 40.0)
WORKER_S: Final = (10.0, 60.0)
LOOK_S: Final = 5.0
REST_S: Final = 420.0
LEASE_S: Final = 20


class Stand:
    """The processes of the soak. Whatever dies and should live is started again."""

    def __init__(self, home: Path, minutes: float, rate: float, seed: int) -> None:
        self.home, self.seconds, self.rate = home, minutes * 60, rate
        self.dice = random.Random(seed)
        self.world = World(home, seed=seed, lies=FAULTS, honours_keys=True)
        self.world._locked_out = True  # nobody's login is refused here
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        [self.port] = free_ports(1)
        self.log = (home / "log").open("ab")
        self.kills: Counter[str] = Counter()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self) -> dict[str, str]:
        push = {"conn_type": "crossdock_webhook", "extra": {"webhook_secrets": [self.secret]}}
        return {
            **os.environ,
            **self.world.environment(),
            OFF: ",".join(without_a_connection(self.world.environment())),
            "AIRFLOW_CONN_CROSSDOCK_ERP_PUSH": json.dumps(push),
            "CROSSDOCK_HOME": str(self.home / "hub"),
            "CROSSDOCK_LEASE_S": str(LEASE_S),
            "PYTHONPATH": str(ROOT),
            "CROSSDOCK_TENANT": "main",
        }

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        program = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        self.processes[name] = program
        return program

    def start_worker(self, name: str) -> None:
        self.start(name, "-m", "tests.soak.worker", str(self.home / "connectors"))

    def start_receiver(self) -> None:
        self.start("receiver", "-m", "crossdock.cli", "serve", "--port", str(self.port))

    def end(self) -> None:
        for program in self.processes.values():
            program.terminate()
        for program in self.processes.values():
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self.log.close()


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--rate", type=float, default=20.0, help="messages a second")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--report", type=Path, default=None, help="write the report there")
    asked = options.parse_args(arguments)
    home = Path(tempfile.mkdtemp(prefix="crossdock-soak-", dir="/tmp"))
    os.environ["CROSSDOCK_HOME"] = str(home / "hub")
    os.environ.pop("CROSSDOCK_DATABASE_URL", None)
    stand = Stand(home, asked.minutes, asked.rate, asked.seed)
    connectors(home / "connectors")
    try:
        with EmbeddedServer.start() as server, stand.world:
            with Store.open(application="soak") as store:
                store.upgrade()
                soak = _run(stand, server, store, asked.seed)
    finally:
        stand.end()
        if not asked.report:
            shutil.rmtree(home, ignore_errors=True)
    text = written(soak)
    print(text)
    if asked.report:
        asked.report.write_text(text)
        shutil.rmtree(home, ignore_errors=True)
    return 0 if soak.is_good else 1


def _run(stand: Stand, server: EmbeddedServer, store: Store, seed: int) -> Soak:
    began_at = datetime.now(UTC)
    stand.start_receiver()
    for name in ("steady worker", "killed worker"):
        stand.start_worker(name)
    _until(lambda: _listens(stand.port), 60, "the receiver does not come up")
    books = TotalQueue()
    sender = Sender(port=stand.port, secret=stand.secret, rate=stand.rate, books=books)
    watched = [Process(name=name, pid=stand.processes[name].pid) for name in ("receiver", "steady worker")]
    sender.start()
    began = time.monotonic()
    database_at = began + stand.dice.uniform(*DATABASE_S)
    worker_at = began + stand.dice.uniform(*WORKER_S)
    look_at = told_at = began
    while (now := time.monotonic()) < began + stand.seconds:
        if now >= database_at:
            if (pid := server.pid) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    stand.kills["database"] += 1
            time.sleep(stand.dice.uniform(0, 2))
            server.revive()
            database_at = time.monotonic() + stand.dice.uniform(*DATABASE_S)
        if now >= worker_at:
            stand.processes["killed worker"].kill()
            stand.processes["killed worker"].wait()
            stand.kills["worker"] += 1
            stand.start_worker("killed worker")
            worker_at = now + stand.dice.uniform(*WORKER_S)
        if now >= look_at:
            for process in watched:
                process.look()
            look_at = now + LOOK_S
        if now >= told_at:
            print(
                f"{now - began:5.0f} s: sent {sender.sent}, not acknowledged {books.waiting}, effects "
                f"{len(stand.world.books.effects())}, killed {dict(stand.kills)}",
                flush=True,
            )
            told_at = now + 15
        time.sleep(0.1)
    sender.stop()
    rested = _rest(stand, store, books)
    sender.end()
    seen = Counter(one["order"] for one in stand.world.books.effects() if one["operation"] == "notes")
    account = books.account(seen)
    doubled = {key: count for key, count in stand.world.effects_by_key().items() if count > 1}
    with store.reading("main") as connection:
        balances = [dict(row) for row in connection.execute(sa.select(LEDGER)).mappings()]
        states = Counter(connection.execute(sa.select(write_backs.c.state)).scalars())
        letters = Counter(
            f"{row.code} ({row.error_class}): {row.sentence[:160]}"
            for row in connection.execute(sa.select(dead_letters).where(dead_letters.c.state == "open"))
        )
        first = connection.scalar(sa.select(sa.func.count()).select_from(write_backs)) or 0
        tries = connection.scalar(
            sa.select(sa.func.count()).select_from(attempts).where(attempts.c.phase == "intent")
        )
    line = p99_by_minute(sender.answered)
    return Soak(
        began_at=began_at,
        minutes=stand.seconds / 60,
        rate=stand.rate,
        seed=seed,
        account=account,
        doubled=doubled,
        balances=balances,
        states={str(state): count for state, count in states.items()},
        letters=letters,
        calls=(first, tries or 0),
        refused=sender.refused,
        kills=dict(stand.kills),
        rested_s=rested,
        watched=watched,
        p99=line,
        p99_flat=p99_is_flat(line),
    )


def _rest(stand: Stand, store: Store, books: TotalQueue) -> float | None:
    """How long it took until nothing was left to do; ``None``: it never came to rest."""
    began = time.monotonic()
    unfinished = [WriteBackState.READY, WriteBackState.SENDING, WriteBackState.UNSURE]
    while time.monotonic() < began + REST_S:
        with suppress(Exception):
            with store.reading("main") as connection:
                count = sa.select(sa.func.count())
                left = connection.scalar(
                    count.select_from(raw_messages).where(raw_messages.c.part_count.is_(None))
                )
                left += connection.scalar(
                    count.select_from(write_backs).where(write_backs.c.state.in_(unfinished))
                )
            if not left and not books.waiting:
                return time.monotonic() - began
        time.sleep(1)
    return None


def _listens(port: int) -> bool:
    import socket

    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _until(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(complaint)
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
