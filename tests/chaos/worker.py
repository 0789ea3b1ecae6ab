"""The hub's day as one program: receive, process, deliver, and what people do at the desk, until nothing is left.

Every step is one that a DAG or a command makes. It may die anywhere and is then simply run again, as Airflow would.
Its clock is the database's, moved on by the number in ``later``: a restart comes after every lease.
"""

import contextlib
import io
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from crossdock import deadletters, faultpoints
from crossdock.cli import main as command_line
from crossdock.hub import Hub
from crossdock.messages import RESENT, CaseState, RawMessage, WriteBackState
from crossdock.registry import Registry
from crossdock.store.clock import StoreClock
from crossdock.store.engine import Store
from crossdock.store.tables import (
    cases,
    dead_letters,
    raw_messages,
    redrives,
    webhook_messages,
    write_backs,
)
from deploy.sandbox import documents
from tests.chaos.people import People
from tests.chaos.world import BROKER, HOOK, HOOK_URL

TENANT: Final = "main"
LEASE: Final = timedelta(seconds=60)
MOST_PASSES: Final = 60
BETWEEN_S: Final = 1500
"""Between two passes: enough for most retries, and so little that no answer is overdue at the end of the day."""

LONG_S: Final = 600
"""Longer than every lease."""

STRANGER: Final = """
name = "north_valve"
title = "North Valve Ltd."
ids = [["ZZ", "NORTHVALVE"]]
ours = ["ZZ", "CROSSDOCK"]
role = "supplier"
timezone = "America/Chicago"
currency = "USD"
sets = ["855", "997"]
usage = "P"
release = "004010"
acknowledge = "997"
acknowledge_target = "supplier_edi"
"""

LOST: Final = "interchange/000004101"
"""The acknowledgement that the supplier loses, and asks for again."""

UNFINISHED: Final = (WriteBackState.READY, WriteBackState.SENDING)


class Later:
    """The database's time, moved on by as many seconds as stand in a file that all workers share."""

    def __init__(self, store: Store, path: Path) -> None:
        self._clock = StoreClock(store)
        self._path = path

    def now(self) -> datetime:
        return self._clock.now() + timedelta(seconds=moved(self._path))


def moved(path: Path) -> float:
    try:
        return float(path.read_text())
    except FileNotFoundError:
        return 0.0


def move(path: Path, by_s: float) -> None:
    """Let time pass, for everybody."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(str(moved(path) + by_s))
    fresh.replace(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A message that somebody pushes to us, and that they push again until they were answered."""

    name: str
    key: str
    body: bytes


def pushed() -> list[Pushed]:
    """Four holds by webhook; the last two take the ids of the others and say something else."""
    at = datetime(2026, 11, 20, 14, tzinfo=UTC)
    holds = [
        {**documents.order_holds(at)[0], "hold_id": f"P-{number}", "sales_order": f"SO-{number}"}
        for number in (8001, 8002, 8003, 8004)
    ]
    keys = ("push-1", "push-2", "push-2", "push-1")
    return [
        Pushed(name=f"{place}", key=key, body=json.dumps(hold).encode())
        for place, (key, hold) in enumerate(zip(keys, holds, strict=True))
    ]


class Day:
    """One worker of the hub, and what it does."""

    def __init__(self, home: Path, store: Store) -> None:
        self.home = home
        self.store = store
        self.later = home / "later"
        self.clock = Later(store, self.later)
        self.registry = Registry(home / "connectors")
        self.people = People(self)
        self._hub: Hub | None = None

    @property
    def hook_url(self) -> str:
        """Where planning listens."""
        return os.environ[HOOK_URL]

    @contextlib.contextmanager
    def secrets_away(self) -> Iterator[None]:
        """Somebody took the connection of the webhook away, and puts it back."""
        name = f"AIRFLOW_CONN_{HOOK.upper()}"
        kept = os.environ.pop(name)
        try:
            yield
        finally:
            os.environ[name] = kept

    def hub(self) -> Hub:
        """The hub of this process."""
        if self._hub is None:
            self._hub = Hub.open(
                store=self.store,
                clock=self.clock,
                registry=self.registry,
                dice=random.Random(1),
                tenant=TENANT,
                lease=LEASE,
            )
        return self._hub

    def run(self) -> None:
        """All of it, to the end."""
        self.store.upgrade()
        self.people.subscribe()
        self.push()
        with self.secrets_away():
            self.passes(1)
        partner = self.home / "partners" / "north_valve.toml"
        if not partner.exists():
            fresh = partner.with_suffix(".new")
            fresh.write_text(STRANGER)
            fresh.rename(partner)
            self._hub = None  # the next process knows the new partner
        self.passes(1)
        self.people.mend()
        self.people.redrive()
        self.passes(1)
        self.people.decide_letters()
        self.casework()
        self.passes(1)
        self.send_again()
        self.passes(MOST_PASSES)

    def passes(self, most: int) -> None:
        """Everything that the DAGs do, again and again with some time in between, until nothing is left to do."""
        for _ in range(most):
            if self.one_pass():
                return
        if most == MOST_PASSES:
            raise AssertionError(f"not at rest after {most} passes: {self.unfinished()}")

    def one_pass(self) -> bool:
        """One pass, and time for everything that waits. Whether all of it is at rest."""
        hub = self.hub()
        self.replay_the_innocent()
        self.people.resume_sources()
        reports = []
        for name in ("supplier_edi", "erp"):
            reports.append(hub.receive(name))
            move(self.later, 10)
            reports.append(hub.receive(name))
        reports.append(hub.process())
        reports += [hub.deliver(target) for target in hub.targets()]
        reports += [hub.redrive(), hub.publish(), hub.publish(BROKER)]
        move(self.later, BETWEEN_S)
        quiet = not any(report.counts.get("received") or report.error for report in reports)
        return quiet and not any(self.unfinished().values())

    def unfinished(self) -> dict[str, int]:
        with self.store.reading(TENANT) as connection:
            count = sa.select(sa.func.count())
            return {
                "raw": connection.scalar(
                    count.select_from(raw_messages).where(
                        sa.or_(raw_messages.c.part_count.is_(None), raw_messages.c.again)
                    )
                )
                or 0,
                "write_backs": connection.scalar(
                    count.select_from(write_backs).where(write_backs.c.state.in_(UNFINISHED))
                )
                or 0,
                "redrives": connection.scalar(
                    count.select_from(redrives).where(redrives.c.state == "running")
                )
                or 0,
                "webhooks": connection.scalar(
                    count.select_from(webhook_messages).where(
                        webhook_messages.c.state.in_(("waiting", "sending"))
                    )
                )
                or 0,
            }

    def push(self) -> None:
        """Whoever pushes to us tries again until it was told that we have it."""
        hub = self.hub()
        book = self.home / "acknowledged"
        told = book.read_text().split() if book.exists() else []
        for one in pushed():
            if one.name in told:
                continue
            message = RawMessage(
                tenant=TENANT,
                source="erp_push",
                key=one.key,
                body=one.body,
                media_type="application/json",
                received_at=self.clock.now(),
                name=one.key,
            )
            hub.accept(self.registry.manifest("erp_push"), message)
            with book.open("a") as file:
                file.write(f"{one.name}\n")
                file.flush()
                os.fsync(file.fileno())

    def replay_the_innocent(self) -> None:
        """A message that was begun three times and never finished counts as what kills its worker. Here it was the
        database that died, or we: somebody sees that, and runs it again."""
        with self.store.reading(TENANT) as connection:
            letters = list(
                connection.execute(
                    sa.select(dead_letters.c.id).where(
                        dead_letters.c.state == "open", dead_letters.c.error_class == "PoisonMessage"
                    )
                ).scalars()
            )
        for letter in letters:
            with contextlib.suppress(deadletters.NotPossible):
                self.hub().replay(letter, "ann")

    def casework(self) -> None:
        """Somebody takes a case, and hands it on."""
        with self.store.reading(TENANT) as connection:
            rows = connection.execute(
                sa.select(cases.c.id, cases.c.state, cases.c.owner).where(
                    cases.c.subject == "sales_order/SO-7001"
                )
            ).all()
        for row in rows:
            with contextlib.suppress(deadletters.NotPossible):
                if row.state == CaseState.OPEN:
                    self.hub().move_case(row.id, CaseState.ACKNOWLEDGED, "ann", "I look into it")
                if row.owner != "bob":
                    self.hub().assign_case(row.id, "bob", "ann", "he knows the customer")

    def send_again(self) -> None:
        """The supplier lost our first acknowledgement: somebody sends it again, once."""
        with self.store.reading(TENANT) as connection:
            rows = connection.execute(
                sa.select(write_backs.c.id, write_backs.c.state, write_backs.c.headers)
                .where(write_backs.c.operation == "997", write_backs.c.subject == LOST)
                .order_by(write_backs.c.created_at, write_backs.c.id)
            ).all()
        if any(RESENT in row.headers for row in rows):
            return
        first = next((row.id for row in rows if row.state == WriteBackState.DELIVERED), None)
        if first is None:
            return
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            with contextlib.suppress(SystemExit):
                command_line(["write-backs", "resend", str(first), "--reason", "they lost it"])


@contextlib.contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """What went wrong is kept for whoever looks into a failure."""
    import traceback

    try:
        yield
    except BaseException:
        with path.open("a") as log:
            log.write(f"--- {os.environ.get('CROSSDOCK_FAULT', 'no fault')}\n{traceback.format_exc()}\n")
        raise


REACHED: Final = 75
FAILED: Final = 70

NOWHERE: Final = "the day:raise:1"
"""A fault that is never met: a day with it counts how often it comes to each fault point."""


def came_to(home: Path) -> tuple[Mapping[str, int], Sequence[str]]:
    """How often the last day that ended came to each fault point, and the modules that it needed."""
    said = json.loads((home / "came_to.json").read_text())
    return said["points"], said["modules"]


def main(home: Path) -> int:
    """Exit code 0: at rest. 75: a fault point was met, and it went on or failed. 70: it failed without one."""
    reached = False
    wanted = os.environ.get("CROSSDOCK_FAULT", "")
    try:
        with _errors_to(home / "errors.log"):
            with Store.open(os.environ["CROSSDOCK_DATABASE_URL"], application="chaos") as store:
                Day(home, store).run()
        failed = False
        said = {"points": faultpoints._seen, "modules": sorted(sys.modules)}
        (home / "came_to.json").write_text(json.dumps(said))
    except (faultpoints.InjectedFault, Exception):  # of the database too, where nobody gives it our words
        failed = True
    for one in filter(None, wanted.split(",")):
        point, _, nth = one.split(":")
        reached = faultpoints._seen.get(point, 0) >= int(nth)
    return REACHED if reached else FAILED if failed else 0


if __name__ == "__main__":
    time.tzset()
    sys.exit(main(Path(sys.argv[1])))
