"""The kill sweep: every fault point, every kind of death, the first time and a later one; restarted; judged."""

import itertools
import json
import multiprocessing
import multiprocessing.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from crossdock.faultpoints import KINDS, POINTS
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from tests.chaos import promises
from tests.chaos.worker import LONG_S, NOWHERE, came_to, move
from tests.chaos.workers import End, Workers
from tests.chaos.world import World, connectors
from tests.in_memory import home_in_memory

PRELUDES: Final[Mapping[str, str]] = {
    "process.before_give_back": "process.before_commit:disk_full:1",
}
"""What must go wrong first, in the same worker, for a point to be met at all."""

LATER: Final = 2
"""The "nth" time. A point that a quiet day meets once is failed there once; that is said, not counted as held."""

LIVES: Final = "tests/spine/test_approval_lives.py"
_DYING: Final = f"{LIVES}::test_dying_in_the_middle_leaves_it_whole_and_the_next_one_goes_on"
_SAYING: Final = f"{LIVES}::test_a_person_who_dies_while_saying_that_it_happened_said_it_or_did_not"
_VERSIONS: Final = (
    "tests/spine/test_delivery_rules.py"
    "::test_dying_beside_the_keeping_of_the_version_sends_nothing_and_keeps_one"
)
_SAGAS: Final = "tests/spine/test_sagas.py"
_TAKING_BACK: Final = f"{_SAGAS}::test_dying_at_any_moment_of_it_takes_back_each_step_once"
_SETTLING: Final = f"{_SAGAS}::test_a_person_who_dies_while_settling_has_done_all_of_it_or_nothing"
_RESTORED: Final = (
    "tests/audit/test_chain.py::test_a_restore_that_dies_beside_its_commit_is_said_whole_or_not_at_all"
)

NOT_IN_THE_DAY: Final[Mapping[str, str]] = {
    **{
        point: _SAYING if point.endswith("_happened") else _DYING
        for point in POINTS
        if point.startswith(("unknown.", "approvals."))
    },
    **dict.fromkeys(("deliver.before_version", "deliver.after_version"), _VERSIONS),
    **dict.fromkeys(("sagas.before_step", "sagas.after_step"), _TAKING_BACK),
    **dict.fromkeys(("sagas.before_settle", "sagas.after_settle"), _SETTLING),
    **dict.fromkeys(("audit.before_restored", "audit.after_restored"), _RESTORED),
}
"""Points that the day does not meet, each with the test that fails it instead: outcomes that stay unknown, targets
that know versions, sagas, and a database that was restored."""

RESTARTS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to fail."""

    point: str
    kind: str
    nth: int

    def __str__(self) -> str:
        return f"{self.point}:{self.kind}:{self.nth}"

    @property
    def fault(self) -> str:
        prelude = PRELUDES.get(self.point)
        return f"{prelude},{self}" if prelude else str(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it: whether the place was met, and every promise that did not hold."""

    case: Case
    reached: bool
    restarts: int
    seconds: float
    violations: tuple[str, ...] = field(default=())

    @property
    def held(self) -> bool:
        return not self.violations

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "case": str(self.case), "held": self.held})


def every_case(
    only: Sequence[str] = (), kinds: Sequence[str] = KINDS, times: Sequence[int] = (1, LATER)
) -> list[Case]:
    """All of them, or those of the points that begin so. What the day never meets is no case of it."""
    return [
        Case(point=point, kind=kind, nth=nth)
        for point, kind, nth in itertools.product(POINTS, kinds, times)
        if point not in NOT_IN_THE_DAY and (not only or point.startswith(tuple(only)))
    ]


class Sweep:
    """Days on databases of their own, with workers forked from one process. A context manager."""

    def __init__(
        self, *, new_database: Callable[[], str], drop_database: Callable[[str], None], seed: int = 1
    ) -> None:
        self._new_database = new_database
        self._drop_database = drop_database
        self._seed = seed
        self._workers = Workers()
        self._at = datetime.now(UTC).replace(microsecond=0)
        self._quiet: dict[bool, promises.Outcome] = {}
        self._came_to: dict[bool, Mapping[str, int]] = {}

    def __enter__(self) -> "Sweep":
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.close()

    def quiet_day(self, honours_keys: bool) -> promises.Outcome:
        """What a day comes to in which nobody dies. It must hold all promises, or nothing can be judged by it."""
        if honours_keys not in self._quiet:
            with self._day(honours_keys) as day:
                end = self._workers.run(day.home, {**day.environment, "CROSSDOCK_FAULT": NOWHERE})
                if end.code != 0:
                    raise AssertionError(f"a quiet day does not come to its end: {end}; {day.errors()}")
                if found := promises.broken(day.store, day.world):
                    raise AssertionError(f"a quiet day breaks its promises: {found}")
                self._came_to[honours_keys], modules = came_to(day.home)
                self._workers.know(modules)
                self._quiet[honours_keys] = promises.outcome(day.store, day.world)
        return self._quiet[honours_keys]

    def run(self, case: Case) -> Result:
        """Fail there, restart until the day is at its end, and judge it."""
        began = time.monotonic()
        honours_keys = POINTS.index(case.point) % 2 == 0
        expected = self.quiet_day(honours_keys)
        if self._came_to[honours_keys].get(case.point, 0) < case.nth and case.point not in PRELUDES:
            return Result(case=case, reached=False, restarts=0, seconds=0.0)
        with self._day(honours_keys) as day:
            environment = {**day.environment, "CROSSDOCK_FAULT": case.fault}
            first = self._workers.run(day.home, environment)
            reached = first.stopped or first.signal is not None or first.code == 75
            if first.stopped:
                self._let_another_take_over(day, first.pid)
            restarts, last = 0, first
            while last.code != 0 or first.stopped:
                first = End(pid=0, code=0)
                if restarts == RESTARTS:
                    break
                restarts += 1
                move(day.home / "later", LONG_S)  # later than every lease
                last = self._workers.run(day.home, day.environment)
            violations = [] if last.code == 0 else [f"P13: it does not come to rest: {last}; {day.errors()}"]
            if last.code == 0:
                violations = promises.broken(day.store, day.world)
                violations += promises.outcome(day.store, day.world).differs_from(expected)
        return Result(
            case=case,
            reached=reached,
            restarts=restarts,
            seconds=round(time.monotonic() - began, 2),
            violations=tuple(violations),
        )

    def _let_another_take_over(self, day: "Day", pid: int) -> None:
        """One stands still with its leases, and perhaps with rows that it holds. Another goes on without it; then
        the first one comes back, hours late, and knows nothing of it."""
        move(day.home / "later", LONG_S)
        other = self._workers.start(day.home, day.environment)
        self._workers.wait(other, 3.0)
        self._workers.resume(pid)
        for worker in (pid, other):
            end = self._workers.wait(worker, 150.0)
            if not end.is_over:
                raise AssertionError(f"worker {worker} does not end: {end}")

    def _day(self, honours_keys: bool) -> "Day":
        return Day(self._new_database(), self._drop_database, self._seed, honours_keys, self._at)


class Day:
    """A morning of its own: a database, a folder, a world."""

    def __init__(
        self, url: str, drop: Callable[[str], None], seed: int, honours_keys: bool, at: datetime
    ) -> None:
        self._url, self._drop, self._at = url, drop, at
        self.home = Path(tempfile.mkdtemp(prefix="crossdock-chaos-", dir="/tmp"))
        self.world = World(self.home, seed=seed, honours_keys=honours_keys)
        connectors(self.home / "connectors")
        (self.home / "partners").mkdir()
        self.url = url
        self.store = Store.open(url, application="chaos judge")

    def __enter__(self) -> "Day":
        self.world.start()
        self.world.morning(self._at)
        return self

    def __exit__(self, *error: object) -> None:
        self.world.stop()
        self.store.close()
        self._drop(self._url)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.world.environment(),
            "CROSSDOCK_DATABASE_URL": self._url,
            "CROSSDOCK_PARTNERS_DIR": str(self.home / "partners"),
            "CROSSDOCK_TENANT": "main",
            "CROSSDOCK_AUDIT_ANCHORS": str(self.home / "anchors"),
            "USER": "ann",
        }

    def errors(self) -> str:
        log = self.home / "errors.log"
        return log.read_text()[-1500:] if log.exists() else "no worker said why"


def sweep(cases: Sequence[Case], *, seed: int, jobs: int, seen: Callable[[Result], None]) -> None:
    """Every case, in so many processes at once, each with a database server of its own; ``seen`` is told of each as
    it ends."""
    if jobs == 1:
        _start_of_a_job(seed)
        try:
            for case in cases:
                seen(_run_in_a_job(case))
        finally:
            _end_of_a_job()
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _start_of_a_job, (seed,)) as pool:
        running = [pool.submit(_run_in_a_job, case) for case in cases]
        try:
            for one in as_completed(running):
                seen(one.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_job: ExitStack = ExitStack()
_runner: "Sweep | None" = None


def _start_of_a_job(seed: int) -> None:
    global _runner
    new, drop, end = own_server(_job.enter_context(home_in_memory()))
    _job.callback(end)
    _runner = _job.enter_context(Sweep(new_database=new, drop_database=drop, seed=seed))
    multiprocessing.util.Finalize(None, _end_of_a_job, exitpriority=100)


def _end_of_a_job() -> None:
    _job.close()


def _run_in_a_job(case: Case) -> Result:
    """One case that cannot be played to its end is broken, and those after it are played."""
    assert _runner is not None
    try:
        return _runner.run(case)
    except Exception as error:
        why = f"it could not be played: {type(error).__name__}: {error}"
        return Result(case=case, reached=False, restarts=0, seconds=0.0, violations=(why,))


def table(results: Sequence[Result]) -> str:
    """The end of a sweep: a line for each point, a column for each kind and time; ``-``: the point was not met."""
    kinds = sorted(
        {(one.case.kind, one.case.nth) for one in results}, key=lambda one: (KINDS.index(one[0]), one[1])
    )
    found = {(one.case.point, one.case.kind, one.case.nth): one for one in results}
    width = max((len(one.case.point) for one in results), default=5)
    lines = [" " * width + "  " + "  ".join(f"{kind} {nth}" for kind, nth in kinds)]
    for point in dict.fromkeys(one.case.point for one in results):
        marks = []
        for kind, nth in kinds:
            one = found.get((point, kind, nth))
            word = "" if one is None else "NO" if not one.held else "ok" if one.reached else "-"
            marks.append(word.ljust(len(f"{kind} {nth}")))
        lines.append(f"{point.ljust(width)}  {'  '.join(marks)}".rstrip())
    return "\n".join(lines)


def never_met(results: Sequence[Result]) -> list[str]:
    """Points that no case met: their promises were not tried."""
    met = {one.case.point for one in results if one.reached}
    return [point for point in dict.fromkeys(one.case.point for one in results) if point not in met]


def own_server(home: Path) -> tuple[Callable[[], str], Callable[[str], None], Callable[[], None]]:
    """A PostgreSQL of one's own: how to get a migrated database, to drop one, and to end it."""
    server = EmbeddedServer.start(home)
    return *own_databases(server), server.close


def own_databases(server: EmbeddedServer) -> tuple[Callable[[], str], Callable[[str], None]]:
    """How to get a migrated database of this server, and to drop one."""
    template = "chaos_template"
    with Store.open(server.ensure_database(template)) as store:
        store.upgrade()
    numbers = itertools.count(1)

    def connect() -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(server.url_for("postgres").replace("+psycopg", ""), autocommit=True)

    def new() -> str:
        name = f"day_{os.getpid()}_{next(numbers)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with connect() as connection:
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return server.url_for(name)

    def drop(url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        with connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    return new, drop
