"""SIGTERM: a real worker that is told to end finishes what is in hand, gives back what it did not begin, and is gone
in time. Another one goes on at once: nothing waits for a lease, and nothing was counted as a try."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import receive
from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.packages import package_folder
from crossdock.store.tables import raw_messages, runs, write_backs
from crossdock.termination import Termination, on_sigterm
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from tests.spine.delivering import TENANT, AskableTarget, deliver, put, write_back_of

EXECUTABLE = Path(sys.executable).with_name("crossdock")
IN_TIME_S = 30.0
TERMINATED = 143


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[lie.LyingServer]:
    """An ERP that knows its keys, and counts its effects by them."""

    def honest(request: lie.Request) -> lie.Said:
        if request.method == "GET":
            return lie.Said(status=200, body=b'{"effects": []}')
        key = request.headers["idempotency-key"]
        known = server.effects.count(key) > 0
        receipt = {"id": f"N-{key}", "key": key, "order": request.path.split("/")[3]}
        return lie.Said(status=201, body=json.dumps(receipt).encode(), effect=None if known else key)

    with lie.LyingServer(honest=honest) as server:
        said = {"conn_type": "crossdock_rest", "host": "127.0.0.1", "schema": "http", "port": server.port}
        monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_ERP", json.dumps(said))
        yield server


@pytest.fixture
def worker(store: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a step of the command line in a process of its own, on the same database."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [str(EXECUTABLE), *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "CROSSDOCK_DATABASE_URL": store.url.render_as_string(hide_password=False),
                "CROSSDOCK_HOME": str(tmp_path / "home"),
                **environment,
            },
        )
        running.append(process)
        return process

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def until(told: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    limit = time.monotonic() + 120
    while not told():
        assert time.monotonic() < limit, f"it did not happen: {what}"
        time.sleep(0.02)


def stopped(process: subprocess.Popen[bytes]) -> bool:
    """Whether it stands still, as by SIGSTOP."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def ended(process: subprocess.Popen[bytes], told_at: float) -> tuple[int, str, str]:
    """How a process that was told to end has ended, which it did in time."""
    out, err = process.communicate(timeout=120)
    assert time.monotonic() - told_at < IN_TIME_S
    return process.returncode, out.decode(), err.decode()


def queued(store: Any, count: int) -> None:
    put(store, *(write_back_of(number, Now()) for number in range(count)))


def outbox(store: Any) -> list[Any]:
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(write_backs).order_by(write_backs.c.queued)).all()


def last_run(store: Any) -> Any:
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(runs).order_by(runs.c.started_at.desc())).first()


def test_a_worker_that_is_told_to_end_lets_the_call_in_flight_finish_and_gives_back_the_rest(
    store: Any, erp: lie.LyingServer, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    queued(store, 6)
    may_answer = threading.Event()

    def slow(server: Any, sock: Any, request: Any) -> bool:
        may_answer.wait(60)
        return lie.honestly()(server, sock, request)

    erp.then(lie.honestly(), slow)
    process = worker("deliver", "erp", "--once")
    until(lambda: len(erp.requests) == 2, "the second call is in flight")
    told_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    until(lambda: process.poll() is not None or not _pending(process), "the signal has arrived")
    assert process.poll() is None, "it waits for the answer"
    may_answer.set()
    code, out, err = ended(process, told_at)
    assert code == TERMINATED, err
    assert "2 delivered" in out and "told to end" in err
    found = outbox(store)
    assert Counter(row.state for row in found) == {"delivered": 2, "ready": 4}
    for row in found[2:]:
        assert (row.lease_until, row.attempt - row.spent_before) == (None, 0), "no try was counted"
        assert row.next_attempt_at <= datetime.now(UTC)
    assert last_run(store).finished_at is not None
    assert last_run(store).counts["told_to_end"] == 1

    # another worker goes on at once
    with Hub.open(store=store, tenant=TENANT) as hub:
        assert hub.deliver("erp").counts["delivered"] == 4
    assert {row.state for row in outbox(store)} == {"delivered"}
    assert len(erp.effects.counted()) == 6
    assert erp.effects.more_than_once() == {}


def _pending(process: subprocess.Popen[bytes]) -> bool:
    """Whether SIGTERM still waits to be delivered to it."""
    said = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    return bool(int(said["ShdPnd"], 16) & (1 << (signal.SIGTERM - 1)))


def test_a_call_that_never_ends_is_not_waited_for_for_ever_and_is_recorded_as_silence(
    store: Any, erp: lie.LyingServer, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """The patience of 20 s is over at once when it is told a second time."""
    queued(store, 3)
    erp.then(lie.hang())
    process = worker("deliver", "erp", "--once")
    until(lambda: len(erp.committed) == 1, "the call is in flight")
    told_at = time.monotonic()
    until(
        lambda: outbox(store)[0].state != "sending" or bool(process.send_signal(signal.SIGTERM)),
        "the call is given up",
    )
    code, _, err = ended(process, told_at)
    assert code == TERMINATED, err
    first, *others = outbox(store)
    assert (first.state, first.ask_first, first.lease_until) == ("ready", True, None)
    assert "whether it took effect is unknown" in first.reason
    assert {(row.state, row.attempt - row.spent_before) for row in others} == {("ready", 0)}


def test_messages_that_a_worker_claimed_and_did_not_finish_are_given_back_at_once(
    store: Any, worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    body = (package_folder("mappings") / "inbound/x12_855/samples/backorder_with_new_date.edi").read_bytes()
    for number in range(5):
        receive.accept(
            store,
            RawMessage(
                tenant=TENANT, source="supplier_edi", key=str(number), body=body + b"\n" * number,
                media_type="application/edi-x12", received_at=Now().now(), name=f"{number}.edi",
            ),
            clock=Now(),
        )  # fmt: skip
    process = worker("process", "--once", CROSSDOCK_FAULT="process.after_claim:hang:1")
    until(lambda: stopped(process), "it has claimed")
    with store.reading(TENANT) as connection:
        held = connection.execute(sa.select(raw_messages.c.lease_until, raw_messages.c.attempts)).all()
    assert all(row.lease_until is not None and row.attempts == 1 for row in held)
    told_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    code, _, err = ended(process, told_at)
    assert code == TERMINATED, err
    with store.reading(TENANT) as connection:
        back = connection.execute(sa.select(raw_messages.c.lease_until, raw_messages.c.attempts)).all()
    assert back == [(None, 0)] * 5
    with Hub.open(store=store, tenant=TENANT) as hub:
        assert hub.process().counts["messages"] == 5


def test_a_reader_that_is_told_to_end_stores_what_it_has_and_its_source_keeps_the_rest(store: Any) -> None:
    termination = Termination()

    class Holds:
        def __init__(self) -> None:
            self.settled: list[str] = []

        def read(self, after: str | None) -> Iterator[RawMessage]:
            for number in range(int(after or 0), 5):
                if number == 3:
                    termination.tell()
                yield RawMessage(
                    tenant=TENANT, source="erp", key=str(number), body=str(number).encode(), media_type="text/plain",
                    received_at=Now().now(), position=str(number + 1), name=str(number),
                )  # fmt: skip

        def settle(self, message: RawMessage, verdict: Any) -> None:
            self.settled.append(message.name)

        def close(self) -> None: ...

    source = Holds()

    def read(given: Termination) -> receive.Received:
        return receive.receive(
            store, source, tenant=TENANT, name="erp", clock=Now(), limit=100, termination=given
        )

    first = read(termination)
    assert (first.counts["stored"], first.error) == (4, None)
    assert source.settled == ["0", "1", "2", "3"]
    assert read(Termination()).counts["stored"] == 1
    assert source.settled == ["0", "1", "2", "3", "4"]


def test_a_read_that_is_given_up_when_patience_ends_loses_nothing() -> None:
    termination = Termination()

    def hangs() -> Iterator[int]:
        yield 1
        termination.tell()
        termination.tell()

    assert list(termination.until_told(hangs())) == [1]


def test_only_a_call_in_flight_is_cut_short() -> None:
    with on_sigterm() as termination:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        assert termination.was_told()
        with pytest.raises(TimeoutError), termination.waiting():
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_patience_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossdock.termination.PATIENCE_S", 0.2)
    with on_sigterm() as termination:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(TimeoutError), termination.waiting():
            threading.Event().wait(60)


def test_a_signal_that_comes_while_one_is_heard_stops_nothing(tmp_path: Path) -> None:
    """A supervisor and a process group tell a process to end at the same moment: it must not wait for itself."""
    program = """
import os, signal, sys
from crossdock.termination import on_sigterm

told = 0
def again(frame, event, _):
    global told
    if event in ("call", "c_call") and told < 20:
        inside, here = False, frame
        while here is not None:
            inside = inside or here.f_code.co_name == "hear"
            here = here.f_back
        if inside:
            told += 1
            os.kill(os.getpid(), signal.SIGTERM)

with on_sigterm() as termination:
    sys.setprofile(again)
    os.kill(os.getpid(), signal.SIGTERM)
    sys.setprofile(None)
print(termination.was_told(), told > 1)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True", "True"]), done.stderr


def test_a_question_that_is_given_up_leaves_nothing_of_its_batch_behind(store: Any) -> None:
    """The target was asked what became of a key when patience ended, and its wire did not translate that."""
    clock, termination = MovableClock(), Termination()

    class Hangs(AskableTarget):
        def find(self, write_back: Any) -> Any:
            termination.tell()
            termination.tell()

    put(store, *(write_back_of(number, clock) for number in range(3)))
    target = Hangs(answers=["reset_before_commit"] * 3)
    assert deliver(store, clock, target)["retry"] == 3
    clock.advance(timedelta(minutes=5))
    assert deliver(store, clock, target, termination=termination)["held"] == 2
    rows = outbox(store)
    assert {(row.state, row.ask_first, row.lease_until) for row in rows} == {("ready", True, None)}
    assert len(target.calls) == 3, "nothing was sent again"
