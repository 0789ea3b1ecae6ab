"""A supplier's SFTP server: files for us in ``/outbound``, what we send in ``/inbound``; lists in ``/lists``, and our
reports about them in ``/reports``.

The caller sees these folders and nothing above them. It logs in with a password or with the key that lies in
the server's home; the server's own key is made once and kept, so that it can be pinned.
"""

import asyncio
import os
import secrets
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import asyncssh

from deploy.sandbox.alone import run_alone

OUTBOUND: Final = "outbound"
ARCHIVE: Final = "outbound/archive"
INBOUND: Final = "inbound"
LISTS: Final = "lists"
LISTS_ARCHIVE: Final = "lists/archive"
REPORTS: Final = "reports"
_LONGEST_WAIT_S: Final = 20.0


class Supplier:
    """The supplier's SFTP as a running server, on a thread of its own. Its files lie in ``home/files``."""

    def __init__(
        self, home: Path, *, port: int = 0, user: str = "crossdock", password: str | None = None
    ) -> None:
        self.user = user
        self.password = password or secrets.token_urlsafe(18)
        self.port = port
        self.root = home / "files"
        for folder in (ARCHIVE, INBOUND, LISTS_ARCHIVE, REPORTS):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self._server_key = _kept_key(home / "host_key")
        self._login_key = _kept_key(home / "login_key")
        self.host_key = _public(self._server_key)
        self.private_key_path = home / "login_key"
        self.private_key = self.private_key_path.read_text()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._listening: Future[int] = Future()
        self._stop = asyncio.Event()
        self._connections: set[asyncssh.SSHServerConnection] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it listens; ``port`` says where."""
        self._thread.start()
        self.port = self._listening.result(_LONGEST_WAIT_S)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_LONGEST_WAIT_S)

    # ── the supplier's own view ──────────────────────────────────────────────────────────────────────────────

    def put(self, name: str, body: bytes) -> Path:
        """Leave a file for us. It appears whole: written beside, then renamed."""
        path = self.root / OUTBOUND / name
        hidden = path.with_name(f".{name}.part")
        with hidden.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        return hidden.rename(path)

    def waiting(self) -> dict[str, bytes]:
        """Files that nobody has taken yet."""
        return _files(self.root / OUTBOUND)

    def archived(self) -> dict[str, bytes]:
        """Files that were taken."""
        return _files(self.root / ARCHIVE)

    def received(self) -> dict[str, bytes]:
        """Files that were sent to the supplier."""
        return _files(self.root / INBOUND)

    # ── the server ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        root = str(self.root).encode()
        supplier = self

        class Door(asyncssh.SSHServer):
            def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
                self._connection = connection
                supplier._connections.add(connection)

            def connection_lost(self, error: Exception | None) -> None:
                supplier._connections.discard(self._connection)

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                known = secrets.compare_digest(password.encode(), supplier.password.encode())
                return known and username == supplier.user

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username == supplier.user and key == supplier._login_key.convert_to_public()

        try:
            acceptor = await asyncssh.listen(
                "127.0.0.1",
                self.port,
                server_factory=Door,
                server_host_keys=[self._server_key],
                sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=root),
                allow_scp=False,
                gss_host=None,
                reuse_address=True,
            )
        except BaseException as error:
            self._listening.set_exception(error)
            return
        self._listening.set_result(acceptor.get_port())
        await self._stop.wait()
        acceptor.close()
        for connection in list(self._connections):
            connection.abort()
        await acceptor.wait_closed()
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            # connections that were cut off end their own tasks, while there is a loop
            await asyncio.wait(left, timeout=_LONGEST_WAIT_S)


def _kept_key(path: Path) -> asyncssh.SSHKey:
    """The key that lies there; made, readable by us only, when none does."""
    if path.exists():
        return asyncssh.read_private_key(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.export_private_key("openssh"))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return key


def _public(key: asyncssh.SSHKey) -> str:
    kind, text, *_ = key.export_public_key("openssh").decode().split()
    return f"{kind} {text}"


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def where(supplier: Supplier) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": supplier.port,
        "user": supplier.user,
        "password": supplier.password,
        "private_key_path": str(supplier.private_key_path),
        "host_key": supplier.host_key,
        "root": str(supplier.root),
    }


if __name__ == "__main__":
    run_alone(
        "the supplier's SFTP",
        lambda asked: Supplier(asked.home, port=asked.port, password=asked.password),
        where,
    )
