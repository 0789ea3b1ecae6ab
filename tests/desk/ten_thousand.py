"""Ten thousand dead letters put back at a rate, by workers that are killed with ``kill -9`` twice in the middle.

    python -m tests.desk.ten_thousand            # 10,000 letters, 300 a second
    python -m tests.desk.ten_thousand --letters 2000 --rate 100

The target is a server on loopback that sometimes does what was asked and then resets the connection. It counts its
effects by business key. At the end each letter had one effect, none had two, and no letter is left. Exit code 1
otherwise.
"""

import argparse
import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crossdock import deadletters
from crossdock.errors import WireDown, WireQuiet
from crossdock.hub import Hub
from crossdock.messages import Delivered, Outcome, Problem, Receipt, Reject, Stage, WriteBack
from crossdock.redrive import Chosen
from crossdock.store import desk
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from crossdock.store.tables import dead_letters, redrive_items, redrives, write_backs
from crossdock.testing.clock import MovableClock
from crossdock.testing.effects import Effects
from crossdock.testing.lying_http import Behaviour, LyingServer, Request, answer, reset
from tests.desk.conftest import TENANT, deliver, intents

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)


class OverHttp:
    """A sink that posts with its key. What breaks after the request left is quiet, and never a no."""

    def __init__(self, port: int) -> None:
        self._port = port

    def deliver(self, write_back: WriteBack) -> Outcome:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.connect()
        except OSError as error:
            raise WireDown(str(error)) from error
        try:
            connection.request(
                "POST",
                "/notes",
                write_back.body,
                {"Idempotency-Key": write_back.idempotency_key, "Subject": write_back.subject},
            )
            said = connection.getresponse()
            said.read()
        except (OSError, http.client.HTTPException) as error:
            raise WireQuiet(f"{type(error).__name__} after it left") from error
        finally:
            connection.close()
        if said.status == 200:
            return Delivered(receipt=Receipt(reference=write_back.idempotency_key))
        return Reject(reason=f"{said.status}", status=str(said.status))

    def close(self) -> None: ...


def lying(effects: Effects, dice: random.Random) -> Behaviour:
    """Does what is asked once for each key, as targets that honour it; one time in fifty it says nothing about it."""
    done: set[str] = set()
    honest = answer(200, b"{}")

    def behave(server: LyingServer, sock: Any, request: Request | None) -> bool:
        assert request is not None
        key = request.headers["idempotency-key"]
        if key not in done:
            done.add(key)
            effects.add(request.headers["subject"])
        if dice.random() < 0.02:
            reset(sock)
            return False
        return honest(server, sock, request)

    return behave


def refused(store: Store, clock: MovableClock, count: int) -> None:
    """So many write-backs that the target refused before, with their letters."""
    for first in range(0, count, 1_000):
        some = min(1_000, count - first)
        intents(store, clock, some, first=first)
        with store.transaction(TENANT) as connection:
            for state in ("sending", "rejected"):
                connection.execute(
                    sa.update(write_backs)
                    .where(write_backs.c.state == ("ready" if state == "sending" else "sending"))
                    .values(state=state, attempt=1, next_attempt_at=None)
                )
            fresh = connection.execute(
                sa.select(write_backs)
                .order_by(write_backs.c.created_at.desc())
                .where(~sa.exists().where(dead_letters.c.write_back_id == write_backs.c.id))
            ).all()
            desk.add_dead_letters(
                connection,
                [deadletters.write_back_row(_value(row), _why(row), now=clock.now()) for row in fresh],
            )
        clock.advance(timedelta(seconds=1))


def _value(row: Any) -> WriteBack:
    return WriteBack(
        id=row.id, tenant=row.tenant, target=row.target, operation=row.operation,
        idempotency_key=row.idempotency_key, body=row.body, media_type=row.media_type, subject=row.subject,
        headers=row.headers, attempt=row.attempt,
    )  # fmt: skip


def _why(row: Any) -> Problem:
    return Problem(
        stage=Stage.DELIVER,
        code="INT.DELIVERY_FAILED",
        error_class="Refused",
        sentence=f"target 'erp': 422: {row.subject} is closed",
        remedy="Open the order, then replay.",
    )


def work(url: str, port: int, at: datetime) -> None:
    """One worker: redrive and deliver, minute after minute of its clock, until no run is at work."""
    clock = MovableClock(at)
    with Store.open(url) as store:
        hub = Hub.open(clock=clock, store=store, tenant=TENANT)
        while True:
            hub.redrive()
            for _ in range(6):
                clock.advance(timedelta(seconds=10))
                deliver(store, clock, OverHttp(port))
            with store.transaction(TENANT) as connection:
                busy = connection.scalar(
                    sa.select(sa.func.count()).select_from(redrives).where(redrives.c.state == "running")
                )
                open_ = connection.scalar(
                    sa.select(sa.func.count())
                    .select_from(write_backs)
                    .where(write_backs.c.state.in_(("ready", "sending")))
                )
            if not busy and not open_:
                return


def play(letters: int, rate: float, say: Callable[[str], None]) -> list[str]:
    """The whole of it; what is wrong at the end, as sentences."""
    effects = Effects()
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="crossdock-redrive-") as home,
        EmbeddedServer.start(Path(home)) as server,
        LyingServer(lying(effects, random.Random(7))) as target,
    ):
        url = server.ensure_database("redrive")
        with Store.open(url) as store:
            store.upgrade()
            clock = MovableClock(NOW)
            refused(store, clock, letters)
            say(f"{letters} dead letters after {time.monotonic() - begun:.1f} s")
            hub = Hub.open(clock=clock, store=store, tenant=TENANT)
            chosen = Chosen(source="erp")
            preview = hub.desk.redrives.preview(chosen)
            say(f"preview: {preview.sentence}")
            run = hub.desk.redrives.start(chosen, actor="anna", per_second=rate)
            again = hub.desk.redrives.start(chosen, actor="ben", per_second=rate)
            begun = time.monotonic()
            for number, mark in enumerate((0.3, 0.7, None)):
                at = NOW + timedelta(hours=1 + number)
                worker = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.desk.ten_thousand",
                        "--work",
                        url,
                        str(target.port),
                        at.isoformat(),
                    ],
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
                if mark is None:
                    if worker.wait():
                        return [f"the last worker ended with {worker.returncode}"]
                    break
                while (done := _put_back(store)) < letters * mark:
                    if worker.poll() is not None:
                        return [f"the worker ended by itself, with {worker.returncode}"]
                    time.sleep(0.05)
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                say(
                    f"kill -9 in the middle: {done} put back, {len(effects.counted())} effects, "
                    f"{time.monotonic() - begun:.1f} s"
                )
            say(f"done after {time.monotonic() - begun:.1f} s")
            return _judged(store, effects, letters, run.id, again.id)


def _put_back(store: Store) -> int:
    with store.transaction(TENANT) as connection:
        count = connection.scalar(
            sa.select(sa.func.count()).select_from(redrive_items).where(redrive_items.c.state == "put_back")
        )
    return int(count or 0)


def _judged(store: Store, effects: Effects, letters: int, run: Any, again: Any) -> list[str]:
    with store.transaction(TENANT) as connection:
        items = Counter(connection.scalars(sa.select(redrive_items.c.state)).all())
        left = Counter(connection.scalars(sa.select(dead_letters.c.state)).all())
        written = Counter(connection.scalars(sa.select(write_backs.c.state)).all())
    wrong = []
    if more := effects.more_than_once():
        wrong.append(f"{len(more)} double effects: {dict(list(more.items())[:5])}")
    if (once := len(effects.counted())) != letters:
        wrong.append(f"{once} effects of {letters}")
    if items != {"put_back": letters}:
        wrong.append(f"items {dict(items)}")
    if left != {"replayed": letters}:
        wrong.append(f"letters {dict(left)}")
    if written != {"delivered": letters}:
        wrong.append(f"write-backs {dict(written)}")
    if run != again:
        wrong.append("two operators had two runs")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--work", nargs=3, metavar=("URL", "PORT", "AT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        url, port, at = asked.work
        work(url, int(port), datetime.fromisoformat(at))
        return 0
    wrong = play(asked.letters, asked.rate, lambda text: print(text, flush=True))  # noqa: T201
    print("\n".join(wrong) or f"{asked.letters} letters, {asked.letters} effects, 0 double effects, 0 left")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
