"""The hub as processes: its database, and Airflow's API server, scheduler, DAG processor and triggerer.

Everything that they write lies in one folder: Airflow's home, its logs, its temporary files, and what libraries
like to put into ``$HOME``. Two hubs in two folders share nothing but the machine.
"""

import contextlib
import json
import os
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cryptography.fernet import Fernet

from crossdock.packages import package_folder
from crossdock.registry import OFF, SITE, Registry
from crossdock.store.embedded import EmbeddedServer
from deploy.sandbox.in_use import without_a_connection
from deploy.sandbox.ports import free_ports
from deploy.sandbox.programs import Failed, Guard, Program

ROOT: Final = Path(__file__).parents[2]
AIRFLOW: Final = ("api-server", "scheduler", "dag-processor", "triggerer")
METADATA: Final = "airflow"

UP_S: Final = 120.0
SCHEDULER_STOP_S: Final = 6.0
OTHERS_STOP_S: Final = 3.0
MOST_DEATHS: Final = 10
STUCK_S: Final = 25.0
"""How long one of the four may say by its heartbeat that it does nothing, before it is killed and started again. A
supervisor with a liveness check does the same in production: a scheduler whose database went away while one of its
workers was killed waits for that worker for ever."""
QUEUED_S: Final = 20.0
"""How long a task may be queued before its scheduler counts as sick. Airflow's local executor gives its workers their
tasks through one queue with one lock: a worker that is killed while it holds the lock leaves the others waiting for
ever, and one that is killed with a task in its hand leaves that task queued for ever, both under a scheduler that is
healthy. A task is queued only when the executor has room for it, so this is no matter of load."""
_HEARTBEATS: Final = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}
_LOOK_AGAIN_S: Final = 0.25

_KEPT_FROM_OUTSIDE: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "USER",
    "LOGNAME",
    "SSL_CERT_FILE",
    "LD_LIBRARY_PATH",
)


class HubProcesses:
    """The database and the four Airflow processes of a hub that lives in ``home``.

    ``connections`` are the ``AIRFLOW_CONN_*`` variables, from the sandbox's ``world.json``. ``extra`` goes into
    the environment of every process (``CROSSDOCK_FAULT`` for instance). ``start`` may be called again after
    ``stop``, ``kill`` or the death of any part: what is there is left running, what is not is started.
    """

    def __init__(
        self,
        home: Path,
        connections: Mapping[str, str],
        guard: Guard,
        *,
        extra: Mapping[str, str] | None = None,
        most_deaths: int = MOST_DEATHS,
    ) -> None:
        self.home = home.resolve()
        self._connections = dict(connections)
        self.off = without_a_connection(connections)
        self._guard = guard
        self._extra = dict(extra or {})
        self._server: EmbeddedServer | None = None
        self._programs: dict[str, Program] = {}
        self._deaths: dict[str, int] = {}
        self._most_deaths = most_deaths
        self._sick_since: dict[str, float] = {}
        self._settings = _kept_settings(self.home / "airflow.json")
        self.url = f"http://127.0.0.1:{self._settings['api_port']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ── start ────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """Returns when the four are healthy and every DAG is known. ``tell`` hears what is being waited for."""
        tell("database")
        self.start_database()
        tell("tables")
        self.migrate()
        tell("Airflow")
        self.start_airflow()
        self.wait_until_ready()

    def start_database(self) -> None:
        """Start PostgreSQL in the home, or join it; also after somebody killed it."""
        if self._server is not None:
            self._server.close()
        self._server = EmbeddedServer.start(self.home)
        self._server.ensure_database(METADATA)

    def migrate(self) -> None:
        """Make the hub's tables and Airflow's, both at once. Nothing happens to tables that are there."""
        both = [
            self._program("crossdock-db-upgrade", [_script("crossdock"), "db", "upgrade"]),
            self._program("airflow-db-migrate", [_script("airflow"), "db", "migrate"]),
        ]
        for program in both:
            program.start()
        try:
            for program in both:
                program.finish(UP_S)
        except BaseException:
            for program in both:
                program.kill()
            raise

    def start_airflow(self) -> None:
        """Start those of the four that are not running. Does not wait for them."""
        for name in AIRFLOW:
            program = self._programs.get(name)
            if program is None:
                program = self._programs[name] = self._program(name, [_script("airflow"), name])
            if not program.alive:
                program.kill()  # what its session may have left
                program.start()

    def wait_until_ready(self, patience_s: float = UP_S) -> None:
        """Wait until all four say that they are healthy and every DAG is known and not paused."""
        until = time.monotonic() + patience_s
        missing = "everything"
        while missing:
            for program in self._programs.values():
                program.require_alive()
            if time.monotonic() > until:
                raise Failed(
                    f"Airflow is not ready after {patience_s:.0f} s: {missing}; {self._logs_worth_reading()}"
                )
            missing = self._missing()
            if missing:
                time.sleep(_LOOK_AGAIN_S)

    def keep_up(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """Start again whatever died. Raises ``Failed`` when that happens too often to be an accident."""
        if self._server is not None and self._server.pid is None:
            self._count_a_death("the database")
            tell("the database died; starting it again")
            self.start_database()
        for name, program in self._programs.items():
            if not program.alive:
                self._count_a_death(name, program)
                tell(f"{name} died; starting it again")
        for name in self._stuck():
            self._count_a_death(name, self._programs[name])
            tell(f"{name} lives and does nothing; starting it again")
            self._programs[name].kill()
        self.start_airflow()

    def _stuck(self) -> list[str]:
        """Those of the four that have said for long enough that they do nothing."""
        try:
            health = self.ask("/api/v2/monitor/health")
        except (urllib.error.URLError, OSError, ValueError):
            sick = {"api-server"}
        else:
            sick = {
                program
                for name, program in _HEARTBEATS.items()
                if health.get(name, {}).get("status") != "healthy"
            }
            sick |= {"scheduler"} if self._holds_tasks() else set()
        now = time.monotonic()
        self._sick_since = {name: self._sick_since.get(name, now) for name in sick if name in self._programs}
        stuck = [name for name, since in self._sick_since.items() if now - since > STUCK_S]
        for name in stuck:
            del self._sick_since[name]  # it has as long again to come up
        return stuck

    def _holds_tasks(self) -> bool:
        """Whether the executor was given a task some time ago and nobody has begun it."""
        long_ago = datetime.now(UTC) - timedelta(seconds=QUEUED_S)
        question = urllib.parse.urlencode({"state": "queued", "limit": 100})
        try:
            tasks = self.ask(f"/api/v2/dags/~/dagRuns/~/taskInstances?{question}")["task_instances"]
        except (urllib.error.URLError, OSError, ValueError):
            return False  # the next look tells
        return any(datetime.fromisoformat(task["queued_when"]) < long_ago for task in tasks)

    def _count_a_death(self, name: str, program: Program | None = None) -> None:
        self._deaths[name] = self._deaths.get(name, 0) + 1
        if self._deaths[name] > self._most_deaths:
            end = f"; the end of {program.log}:\n{program.log_end()}" if program is not None else ""
            raise Failed(f"{name} died {self._deaths[name]} times{end}")

    def logs_of_failed_tasks(self, most: int = 2) -> list[Path]:
        """The logs of the tasks that failed last."""
        try:
            runs = self.ask("/api/v2/dags/~/dagRuns?state=failed&order_by=-start_date&limit=20")["dag_runs"]
        except (urllib.error.URLError, OSError, ValueError):
            return []
        logs: list[Path] = []
        for run in runs:
            folder = (
                self.home / "airflow" / "logs" / f"dag_id={run['dag_id']}" / f"run_id={run['dag_run_id']}"
            )
            logs += sorted(folder.glob("task_id=*/attempt=*.log"))[-1:]
        return logs[:most]

    def _missing(self) -> str:
        """What Airflow still lacks, as words; empty when it is ready."""
        try:
            health = self.ask("/api/v2/monitor/health")
            sick = [name for name, state in health.items() if state.get("status") != "healthy"]
            if sick:
                return f"{', '.join(sick)} not healthy yet"
            errors = self.ask("/api/v2/importErrors")["import_errors"]
            if errors:
                raise Failed(f"Airflow cannot import {errors[0]['filename']}:\n{errors[0]['stack_trace']}")
            known = {
                dag["dag_id"] for dag in self.ask("/api/v2/dags?limit=100")["dags"] if not dag["is_paused"]
            }
            wanted = dag_ids(self.off)
            return f"DAGs {', '.join(sorted(wanted - known))} not known yet" if wanted - known else ""
        except (urllib.error.URLError, OSError, ValueError) as error:
            return f"the API server does not answer yet ({error})"

    def ask(self, path: str) -> Any:
        """What Airflow's own API says at this path."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def trigger(self, dag_id: str) -> None:
        """Ask Airflow for a run now, as its *Trigger* button does. It comes when the running one is done."""
        call = urllib.request.Request(
            f"{self.url}/api/v2/dags/{dag_id}/dagRuns",
            data=b'{"logical_date": null}',
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with contextlib.suppress(
            urllib.error.URLError, OSError
        ):  # it is only sooner: the clock runs it anyway
            urllib.request.urlopen(call, timeout=10).close()

    # ── stop ─────────────────────────────────────────────────────────────────────────────────────────────────

    def stop(self) -> None:
        """End the four in an order in which none misses another, then let go of the database."""
        self.stop_airflow()
        if self._server is not None:
            self._server.close()
            self._server = None

    def stop_airflow(self) -> None:
        """The scheduler first, so that running tasks find everything; the others have nothing to finish."""
        others = [program for name, program in self._programs.items() if name != "scheduler"]
        if "scheduler" in self._programs:
            self._programs["scheduler"].stop(SCHEDULER_STOP_S)
        for program in others:
            program.ask()
        until = time.monotonic() + OTHERS_STOP_S
        for program in others:
            program.stop(max(0.0, until - time.monotonic()))

    def kill(self, name: str | None = None) -> None:
        """``kill -9`` for one of the four with everything it started, or for all of them."""
        for each in AIRFLOW if name is None else (name,):
            if each in self._programs:
                self._programs[each].kill()

    def processes(self) -> dict[str, list[int]]:
        """The living processes of the hub: the four and what they started, and the database's first one."""
        found = {name: program.processes() for name, program in self._programs.items()}
        if self._server is not None and (pid := self._server.pid) is not None:
            found["database"] = [pid]
        return found

    # ── what they run in ─────────────────────────────────────────────────────────────────────────────────────

    def environment(self) -> dict[str, str]:
        """What every process of the hub finds in its environment, and nothing else."""
        assert self._server is not None, "the database is started first"
        metadata = self._server.url_for(METADATA)
        airflow = self.home / "airflow"
        user = self.home / "user"
        temporary = self.home / "tmp"
        partners = self.home / "partners"
        for folder in (airflow, user, temporary, partners):
            folder.mkdir(parents=True, exist_ok=True)
        port = self._settings["api_port"]
        airflow_settings = {
            "CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "CORE__FERNET_KEY": self._settings["fernet_key"],
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(port),
            "API__BASE_URL": self.url,
            "API__WORKERS": "1",
            "API__SECRET_KEY": self._settings["secret_key"],
            "API_AUTH__JWT_SECRET": self._settings["jwt_secret"],
            "DATABASE__SQL_ALCHEMY_CONN": metadata,
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": metadata.replace("+psycopg:", "+psycopg_async:", 1),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self._settings["worker_log_port"]),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._settings["trigger_log_port"]),
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # a task that was killed blocks its DAG until Airflow notices: with the defaults, for five minutes
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return {
            **{name: os.environ[name] for name in _KEPT_FROM_OUTSIDE if name in os.environ},
            **{f"AIRFLOW__{name}": value for name, value in airflow_settings.items()},
            **{
                name: value
                for name, value in os.environ.items()
                if name.startswith("AIRFLOW_CONN_CROSSDOCK_")
            },
            **self._connections,
            **({SITE: str(Path(os.environ[SITE]).resolve())} if SITE in os.environ else {}),
            OFF: ",".join(sorted(self.off)),
            "AIRFLOW_HOME": str(airflow),
            "CROSSDOCK_HOME": str(self.home),
            "CROSSDOCK_PARTNERS_DIR": str(partners),
            "CROSSDOCK_ROUTES_DIR": str(own_routes(self.home / "routes")),
            "CROSSDOCK_LEASE_S": "30",
            "HOME": str(user),
            "XDG_CACHE_HOME": str(user / ".cache"),
            "XDG_CONFIG_HOME": str(user / ".config"),
            "TMPDIR": str(temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **self._extra,
        }

    def _program(self, name: str, command: list[str]) -> Program:
        return Program(
            name,
            command,
            environment=self.environment(),
            log=self.home / "logs" / f"{name}.log",
            guard=self._guard,
            folder=self.home,
        )

    def _logs_worth_reading(self) -> str:
        return "the logs: " + ", ".join(str(program.log) for program in self._programs.values())


def dag_ids(off: Collection[str] = ()) -> set[str]:
    """The DAGs that the connectors make, those apart that are switched off."""
    wanted = {"process"}
    for name, manifest in Registry().manifests().items():
        if name in off:
            continue
        if manifest.source is not None and manifest.source.every_s is not None:
            wanted.add(f"receive__{name}")
        if manifest.sink is not None:
            wanted.add(f"deliver__{name}")
    return wanted


def _script(name: str) -> str:
    """A console script of the environment that this Python belongs to."""
    return str(Path(sys.executable).with_name(name))


def own_routes(folder: Path) -> Path:
    """The hub's own copy of the packaged decision tables, which a person may change; made once."""
    if not folder.exists():
        fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(
            package_folder("mappings") / "routes", fresh, ignore=shutil.ignore_patterns("__pycache__")
        )
        fresh.rename(folder)
    return folder


def _kept_settings(path: Path) -> dict[str, Any]:
    """Ports and keys of this home, made once, so that a hub that is started again is the same hub."""
    with contextlib.suppress(FileNotFoundError):
        return dict(json.loads(path.read_bytes()))
    api, worker, trigger = free_ports(3)
    settings = {
        "api_port": api,
        "worker_log_port": worker,
        "trigger_log_port": trigger,
        "fernet_key": Fernet.generate_key().decode(),
        "jwt_secret": secrets.token_hex(32),
        "secret_key": secrets.token_hex(32),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(settings, file)
    return settings
