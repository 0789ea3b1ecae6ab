"""A full disk of our own: nothing that comes is kept in a file on its way, so it is taken all the same."""

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crossdock import receive
from crossdock.messages import RawMessage, Verdict
from crossdock.store import inbox
from crossdock.testing.clock import MovableClock
from crossdock.testing.sftp_server import SftpServer
from crossdock.wires.sftp import Sftp

LONG = 5_000_000


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can grow by a byte, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_long_file_is_fetched_and_stored_without_room_on_our_own_disk(
    store: Any, clock: MovableClock, tmp_path: Path
) -> None:
    body = os.urandom(LONG)
    (tmp_path / "files" / "outbound").mkdir(parents=True)
    (tmp_path / "files" / "outbound" / "long.edi").write_bytes(body)
    with SftpServer(tmp_path / "files") as server:
        wire = Sftp(server.login(), channel_s=20.0)
        with no_room():
            with pytest.raises(OSError, match="File too large"):
                (tmp_path / "spool").write_bytes(b"x")
            [file] = wire.listing("/outbound").files
            content = wire.read("/outbound", file)
            message = RawMessage(
                tenant="main", source="supplier_edi", key="long", body=content.body, media_type="text/plain",
                received_at=clock.now(), name=file.name,
            )  # fmt: skip
            assert receive.accept(store, message, clock=clock) is Verdict.STORED
        wire.close()
    with store.reading("main") as connection:
        kept = inbox.read_message(connection, "main", message.id)
    assert kept is not None
    assert hashlib.sha256(kept.body).digest() == hashlib.sha256(body).digest()
