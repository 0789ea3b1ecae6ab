"""Stop the embedded server when nobody uses it any more, also when its users were killed.

``embedded.py`` starts this file as a script beside the server (``python -I -S keeper.py FOLDER``), with the lock
``keeper`` held already, and uses its functions for the ordinary way out. The locks are described there. Standard
library only, to stay small in memory.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path

STOP_S = 30.0
BEING_BORN_S = 5.0
_LOOK_AGAIN_S = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file, made when it is not there, private to its owner."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int) -> bool:
    """Take the lock for oneself alone, if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether no process holds this lock, in any way."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def try_alone(users: int) -> bool:
    """Take ``users`` for oneself, if nobody uses the server. Call it with ``lock`` held, so that nobody comes.

    First shared, then alone: only a keeper that looks takes it alone for a moment, and that is no user.
    """
    fcntl.flock(users, fcntl.LOCK_SH)
    return try_lock(users)


def short_socket_folder(folder: Path) -> Path | None:
    """The folder under /tmp that holds the socket when the path of ``run`` is too long; the file ``socket`` names it.

    None when there is none, or when the file names something that is no such folder: what we remove must be ours.
    """
    try:
        short = Path((folder / "socket").read_text(encoding="utf-8"))
        private = (
            stat.S_ISDIR(short.lstat().st_mode) and short.lstat().st_uid == (folder / "run").lstat().st_uid
        )
    except FileNotFoundError:
        return None
    return short if private and short.parent == Path("/tmp") and short.name.startswith("crossdock-") else None


def socket_folder(folder: Path) -> Path:
    """Where the server's socket lies."""
    return short_socket_folder(folder) or folder / "run"


def remove_sockets(folder: Path) -> None:
    """Remove the sockets that a dead server left."""
    for left in socket_folder(folder).glob(".s.PGSQL.*"):
        left.unlink()


def stop(folder: Path) -> bool:
    """Stop the server of this folder and wait until its last process is gone. Call it with ``lock`` held.

    False when it could not be stopped: it belongs to another account, or to another container on the same volume.
    """
    alive = folder / "alive"
    for number in (
        signal.SIGINT,
        signal.SIGQUIT,
    ):  # end the sessions and shut down; if that hangs, stop as in a crash
        if is_free(alive):
            break
        pid = server_pid(folder)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            return False
        until = time.monotonic() + STOP_S
        while not is_free(alive) and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN_S)
    if not is_free(alive):
        return False
    remove_sockets(folder)
    if short := short_socket_folder(folder):
        shutil.rmtree(short)
    (folder / "socket").unlink(missing_ok=True)
    return True


def server_pid(folder: Path) -> int | None:
    """The server's process id, from ``postmaster.pid``; None when that process is not this folder's server."""
    data = folder / "data"
    try:
        with (data / "postmaster.pid").open(encoding="utf-8") as file:
            pid = int(file.readline())
        return pid if sys.platform != "linux" or _is_server_of(data, pid) else None
    except (OSError, ValueError):
        return None


def _is_server_of(data: Path, pid: int) -> bool:
    """Seen from another container on the same volume, the id is another process's."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:  # root without CAP_SYS_PTRACE, as in a container: the command line tells as well
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return os.fsencode(data.absolute()) in words


def main(folder: Path) -> None:
    """Wait until nobody uses the server, stop it, and end."""
    os.chdir(folder)  # and stay with it if it is moved
    folder = Path()
    users, lock = open_lock(folder / "users"), open_lock(folder / "lock")
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)  # waits; users join under a shared lock
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if try_alone(users):  # nobody came in between, and while we hold ``lock`` nobody can
            until = time.monotonic() + BEING_BORN_S
            while not stop(folder) and time.monotonic() < until:  # its starter was killed before it had an id
                time.sleep(_LOOK_AGAIN_S)
            return
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_UN)


if __name__ == "__main__":
    with contextlib.suppress(
        FileNotFoundError
    ):  # the folder was removed: the server sees that and ends by itself
        main(Path(sys.argv[1]))
