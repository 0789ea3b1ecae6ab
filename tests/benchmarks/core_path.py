"""From received bytes to write-backs that are ready: events per CPU second of ours.

Everything in between is done: stored raw, parsed, checked against the guide, mapped, sealed, validated, decided,
folded into cases, written back as rows on PostgreSQL, acknowledged. The database server's own CPU is not ours and
is printed beside it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crossdock.hub import Hub
from crossdock.messages import RawMessage, Verdict
from crossdock.receive import receive
from crossdock.registry import Registry
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock

TENANT = "main"
LIMIT = 2_500
SETS = 50


def main(arguments: list[str]) -> int:
    """Print the median of the rounds with its limit; 1 when it is missed."""
    rounds, files = (3, 20) if "--quick" in arguments else (5, 60)
    rates: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="crossdock-bench-") as home,
        EmbeddedServer.start(Path(home)) as server,
    ):
        with Store.open(server.ensure_database("crossdock")) as store:
            store.upgrade()
            clock = MovableClock(datetime(2026, 11, 20, 12, tzinfo=UTC))
            with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as hub:
                _run(hub, clock, 0, 2)  # imports, statement caches, taxonomy
                for number in range(1, rounds + 1):
                    rates.append(_run(hub, clock, number, files))
    rate = statistics.median(rates)
    missed = rate < LIMIT
    spread = f"{min(rates):.0f} to {max(rates):.0f}"
    print(
        f"{'MISS' if missed else 'ok  '}  received to write-back ready: {rate:.0f} events per CPU second "
        f"(at least {LIMIT}; {spread})"
    )
    return int(missed)


class _Files:
    """A source of 855 files: each set confirms one line and backorders one."""

    def __init__(self, clock: MovableClock, run: int, files: int) -> None:
        self._clock, self._run, self._files = clock, run, files

    def read(self, after: str | None) -> Iterator[RawMessage]:
        for number in range(self._files):
            body = interchange(self._run * 10_000 + number, SETS)
            yield RawMessage(
                tenant=TENANT,
                source="supplier_edi",
                key=f"{self._run}-{number}",
                body=body,
                media_type="application/edi-x12",
                received_at=self._clock.now(),
                name=f"{number}.edi",
            )

    def settle(self, message: RawMessage, verdict: Verdict) -> None: ...

    def close(self) -> None: ...


def _run(hub: Hub, clock: MovableClock, run: int, files: int) -> float:
    clock.advance(timedelta(minutes=1))
    source = _Files(clock, run, files)
    began = time.process_time()
    receive(hub.store, source, tenant=TENANT, name="supplier_edi", clock=clock, limit=files)
    counts = hub.process().counts
    spent = time.process_time() - began
    expected = files * SETS
    if counts["events"] != expected or counts["write_backs"] < expected or counts["dead_letters"]:
        raise SystemExit(f"the run did not do the work it should: {dict(counts)}")
    return counts["events"] / spent


def interchange(number: int, sets: int) -> bytes:
    """One interchange of 855s from the demonstration's supplier, with its own control numbers."""
    segments = [
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*0600*U*00401*"
        f"{number:09}*0*P*>",
        f"GS*PR*ACMESUPPLY*CROSSDOCK*20261120*0600*{number}*X*004010",
    ]
    for index in range(1, sets + 1):
        order = f"45{number:06}{index:04}"
        body = [
            f"ST*855*{index:04}",
            f"BAK*00*AC*{order}*20261119",
            "N1*SE*ACME SUPPLY*92*ACME",
            "PO1*1*100*EA*12.5**BP*PUMP-40*VN*AP-40",
            "ACK*IA*100*EA",
            "PO1*2*60*EA*3.75**BP*VALVE-8*VN*AV-8",
            "ACK*IB*60*EA*067*20261204",
            "CTT*2",
        ]
        segments += [*body, f"SE*{len(body) + 1}*{index:04}"]
    segments += [f"GE*{sets}*{number}", f"IEA*1*{number:09}"]
    return ("~\n".join(segments) + "~\n").encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
