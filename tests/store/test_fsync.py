"""The disk fails to keep what it was given (EIO at the flush of the log): what was acknowledged is there afterwards.

The kernel itself makes the call fail, for the server and all of its children: a seccomp filter, which needs no
privilege. ``python -m tests.chaos.outside --only strace`` fails more calls, each at more moments.
"""

import ctypes
import errno
import platform
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from crossdock import receive
from crossdock.errors import CrossdockError
from crossdock.messages import RawMessage, Verdict
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from crossdock.store.tables import raw_messages
from crossdock.testing.clock import MovableClock

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x86_64": (0xC000003E, 75), "aarch64": (0xC00000B7, 83)}
"""How the kernel names a machine, and the number of ``fdatasync`` on it."""

NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EIO
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def serve_without_flushing(home: str) -> None:
    """Start the server where no ``fdatasync`` succeeds, and keep it until standard input ends."""
    machine, fdatasync = MACHINES[platform.machine()]
    program = b"".join(
        struct.pack("HBBI", *step)
        for step in (
            (LOAD, 0, 0, 4),
            (JUMP_IF_EQUAL, 0, 3, machine),
            (LOAD, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 1, fdatasync),
            (RETURN, 0, 0, FAIL),
            (RETURN, 0, 0, ALLOW),
        )
    )
    steps = ctypes.create_string_buffer(program)
    whole = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    assert libc.prctl(SET_SECCOMP, FILTER, ctypes.create_string_buffer(whole), 0, 0) == 0, ctypes.get_errno()
    server = EmbeddedServer.start(Path(home))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.close()


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="crossdock-fsync-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def flushes_by(url: str, method: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET wal_sync_method = {method}".encode())
        connection.execute("SELECT pg_reload_conf()")


def message(number: int, clock: MovableClock) -> RawMessage:
    return RawMessage(
        tenant="main", source="supplier_edi", key=str(number), body=b"x" * 2000, media_type="text/plain",
        received_at=clock.now(), name=str(number),
    )  # fmt: skip


def test_a_disk_that_does_not_flush_loses_nothing_that_was_acknowledged(
    home: Path, clock: MovableClock
) -> None:
    if platform.machine() not in MACHINES:
        pytest.skip(
            f"no number of fdatasync is known for {platform.machine()}; tests.chaos.outside does it by strace"
        )
    with EmbeddedServer.start(home) as server:
        url = server.ensure_database("hub")
        with Store.open(url) as store:
            store.upgrade()
        flushes_by(url, "fsync")  # so that the server starts where fdatasync fails

    failing = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from tests.store.test_fsync import *; serve_without_flushing({str(home)!r})",
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    acknowledged, failed = [], None
    try:
        assert failing.stdout is not None
        assert failing.stdout.readline() == b"ready\n"
        with Store.open(url) as store:
            for number in range(5):
                assert receive.accept(store, message(number, clock), clock=clock) is Verdict.STORED
                acknowledged.append(str(number))
            flushes_by(url, "fdatasync")
            for number in range(5, 2000):
                try:
                    receive.accept(store, message(number, clock), clock=clock)
                except CrossdockError as error:
                    failed = error
                    break
                acknowledged.append(str(number))
    finally:
        failing.communicate(timeout=120)
    assert failed is not None, "a commit that is not flushed is never acknowledged"
    assert "could not fdatasync file" in (home / "postgres" / "log").read_text(errors="replace")

    with EmbeddedServer.start(home) as server, Store.open(server.url_for("hub")) as store:
        with store.reading("main") as connection:
            kept = set(connection.scalars(sa.select(raw_messages.c.key)))
        assert kept >= set(acknowledged)
        assert len(kept) <= len(acknowledged) + 1, "at most the one of which nobody was told"
        assert receive.accept(store, message(0, clock), clock=clock) is Verdict.DUPLICATE
