"""How fast work is claimed, beside procrastinate, a good queue on the same PostgreSQL.

Two figures, each as jobs per CPU second of the client: taking write-backs with their intents written down beside
procrastinate's fetch; and a whole cycle (messages claimed and finished) beside procrastinate's fetch and finish.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import procrastinate
from procrastinate import jobs as procrastinate_jobs

from crossdock.messages import RawMessage
from crossdock.store import inbox, outbox
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store

TENANT = "main"
LIMIT = 15.0


def main(arguments: list[str]) -> int:
    """Measure in interleaved rounds, print each figure with its limit; 1 when one is missed."""
    quick = "--quick" in arguments
    rounds, jobs = (3, 200) if quick else (5, 1000)
    with (
        tempfile.TemporaryDirectory(prefix="crossdock-bench-") as home,
        EmbeddedServer.start(Path(home)) as server,
    ):
        with Store.open(server.ensure_database("crossdock")) as store:
            store.upgrade()
            theirs = _Procrastinate(server.ensure_database("procrastinate"))
            fetches: list[float] = []
            cycles: list[float] = []
            for _ in range(rounds):
                _queue_write_backs(store, jobs * 5)
                _queue_messages(store, jobs * 5)
                ours = _rate(jobs * 5, lambda: _claim_write_backs(store))
                theirs.fill(jobs)
                fetches.append(ours / _rate(jobs, theirs.fetch))
                ours = _rate(jobs * 5, lambda: _cycle_messages(store))
                theirs.fill(jobs)
                cycles.append(ours / _rate(jobs, theirs.cycle))
            theirs.close()
    missed = [
        _line("claim of write-backs with intents, beside procrastinate's fetch", fetches),
        _line("claim and finish of messages, beside procrastinate's fetch and finish", cycles),
    ]
    return int(any(missed))


def _line(name: str, ratios: list[float]) -> bool:
    ratio = statistics.median(ratios)
    missed = ratio < LIMIT
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}"
    print(f"{'MISS' if missed else 'ok  '}  {name}: {ratio:.1f}x (at least {LIMIT:.0f}x; {spread})")
    return missed


def _rate(jobs: int, work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return jobs / (time.process_time() - began)


def _queue_write_backs(store: Store, count: int) -> None:
    now = datetime.now(UTC)
    with store.transaction(TENANT) as connection:
        outbox.add_write_backs(
            connection,
            [
                {
                    "tenant": TENANT,
                    "id": uuid.uuid4(),
                    "target": "erp",
                    "operation": "note",
                    "idempotency_key": str(uuid.uuid4()),
                    "subject": f"supplier_po/{uuid.uuid4()}",
                    "body": b"{}",
                    "body_sha256": "0" * 64,
                    "media_type": "application/json",
                    "headers": {},
                    "state": "ready",
                    "next_attempt_at": now,
                    "created_at": now,
                    "updated_at": now,
                }
                for number in range(count)
            ],
        )


def _claim_write_backs(store: Store) -> None:
    while True:
        with store.transaction(TENANT) as connection:
            claimed = outbox.claim_due(
                connection,
                tenant=TENANT,
                target="erp",
                now=datetime.now(UTC),
                lease=timedelta(minutes=5),
                limit=200,
                run_id=None,
            )
        if not claimed:
            return


def _queue_messages(store: Store, count: int) -> None:
    now = datetime.now(UTC)
    with store.transaction(TENANT) as connection:
        inbox.add_messages(
            connection,
            [
                RawMessage(
                    tenant=TENANT,
                    source="bench",
                    key=str(uuid.uuid4()),
                    body=b"x" * 100,
                    media_type="text/plain",
                    received_at=now,
                )
                for _ in range(count)
            ],
            run_id=None,
        )


def _cycle_messages(store: Store) -> None:
    while True:
        with store.transaction(TENANT) as connection:
            claims = inbox.claim_messages(
                connection,
                tenant=TENANT,
                now=datetime.now(UTC),
                lease=timedelta(minutes=5),
                limit=200,
                max_bytes=1 << 24,
            )
        if not claims:
            return
        with store.transaction(TENANT) as connection:
            held = inbox.hold_claims(connection, TENANT, claims)
            inbox.finish_messages(connection, TENANT, dict.fromkeys(held, 1), datetime.now(UTC))


class _Procrastinate:
    """procrastinate on a database of its own, driven through its job manager as its worker drives it."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("+psycopg", "")
        self._loop = asyncio.new_event_loop()
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=self._url, min_size=1)
        )
        self._loop.run_until_complete(self._app.open_async())
        self._loop.run_until_complete(self._app.schema_manager.apply_schema_async())
        self._worker = self._loop.run_until_complete(self._app.job_manager.register_worker())

    def close(self) -> None:
        self._loop.run_until_complete(self._app.close_async())
        self._loop.close()

    def fill(self, jobs: int) -> None:
        @self._app.task(name=f"nothing_{uuid.uuid4().hex}")
        def nothing() -> None: ...

        async def defer() -> None:
            await nothing.batch_defer_async(*({} for _ in range(jobs)))

        self._loop.run_until_complete(defer())

    def fetch(self) -> None:
        async def fetch_all() -> None:
            while await self._app.job_manager.fetch_job(None, self._worker):
                pass

        self._loop.run_until_complete(fetch_all())

    def cycle(self) -> None:
        async def work() -> None:
            manager = self._app.job_manager
            while job := await manager.fetch_job(None, self._worker):
                await manager.finish_job(job, procrastinate_jobs.Status.SUCCEEDED, delete_job=False)

        self._loop.run_until_complete(work())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
