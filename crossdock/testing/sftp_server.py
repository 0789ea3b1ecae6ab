"""An SFTP server on loopback for tests: a real one (asyncssh), whose host key can change and which can misbehave.

Its files are the files of a local folder; ``sftp_lies`` holds its lies by name. asyncssh
comes with ``pip install crossdock[sandbox]``.
"""

import asyncio
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from crossdock.errors import Misconfigured
from crossdock.ports import Login, Secret

try:
    import asyncssh
except ImportError as error:  # pragma: no cover - the development tree has it
    raise Misconfigured(
        "the SFTP server for tests needs asyncssh; install it: pip install 'crossdock[sandbox]'"
    ) from error

Hook = Callable[["SftpServer", bytes, int], None]
"""Called before a piece of a file is read: the server, the path, the offset."""

ReadHook = Callable[["SftpServer", bytes, int, bytes], bytes]
"""Called with a piece that was read: the server, the path, the offset, the bytes. What it returns is sent."""

SizeHook = Callable[["SftpServer", bytes, int], int]
"""Called with the size of a file before it is told: the server, the path, the size. What it returns is told."""

RenameHook = Callable[["SftpServer", bytes, bytes], None]
"""Called before or after a rename: the server, the old path, the new one. What it raises is the answer."""


class SftpServer:
    """Serves a folder to one user from ``start`` to ``stop``; also a context manager.

    ``before_read`` may change the files, or call ``drop()``, which cuts every connection. ``made`` lists what
    clients did: ``("rename", old, new)``, ``("open", path)``.
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "crossdock",
        password: str = "crossdock-password",
        client_key: str | None = None,
        before_read: Hook | None = None,
        before_rename: RenameHook | None = None,
        after_rename: RenameHook | None = None,
        on_read: ReadHook | None = None,
        told_size: SizeHook | None = None,
        port: int = 0,
    ) -> None:
        self.root = root
        self.user = user
        self.password = password
        self.before_read = before_read
        self.before_rename = before_rename
        self.after_rename = after_rename
        self.on_read = on_read
        self.told_size = told_size
        self.made: list[tuple[bytes | str, ...]] = []
        self.connections = 0
        self._client_key = client_key
        self._key: Any = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._server: Any = None
        self._transports: set[Any] = set()
        self.port = port

    @property
    def host_key(self) -> str:
        """The public host key, as it is pinned: ``ssh-ed25519 AAAA...``."""
        text: str = self._key.export_public_key().decode().strip()
        return text

    def login(self, **changed: Any) -> Login:
        """A login that works, with what is changed in it."""
        extra: Mapping[str, Any] = {"host_key": self.host_key}
        fields: dict[str, Any] = {
            "connection_id": "test_sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "password": Secret(self.password),
            "extra": extra,
        }
        return Login(**{**fields, **changed})

    def start(self) -> "SftpServer":
        self._thread.start()
        if not self._ready.wait(20):
            raise RuntimeError("the SFTP server did not start")
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def drop(self) -> None:
        """Cuts every connection at once, without a word. Call it from a hook, or from any thread."""
        for connection in list(self._transports):
            self._loop.call_soon_threadsafe(connection.abort)

    def change_host_key(self, kind: str = "ssh-ed25519") -> None:
        """From the next connection on the server is another machine."""
        self._key = asyncssh.generate_private_key(kind)
        asyncio.run_coroutine_threadsafe(self._listen_again(), self._loop).result(20)

    def __enter__(self) -> "SftpServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self) -> None:
        owner = self

        class Gate(asyncssh.SSHServer):
            def connection_made(self, conn: Any) -> None:
                owner.connections += 1
                owner._transports.add(conn)
                self._conn = conn

            def connection_lost(self, exc: Exception | None) -> None:
                owner._transports.discard(self._conn)

            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return username == owner.user and password == owner.password

            def public_key_auth_supported(self) -> bool:
                return owner._client_key is not None

            def validate_public_key(self, username: str, key: Any) -> bool:
                known = asyncssh.import_public_key(owner._client_key or "")
                return bool(username == owner.user and key == known)

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan: Any) -> None:
                super().__init__(chan, chroot=str(owner.root).encode())

            def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
                owner.made.append(("open", path))
                handle = super().open(path, pflags, attrs)
                return (handle, path)

            async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
                handle, path = file_obj
                if owner.before_read is not None:
                    owner.before_read(owner, path, offset)
                    await asyncio.sleep(0)
                handle.seek(offset)
                data: bytes = handle.read(size)
                if owner.on_read is not None:
                    data = owner.on_read(owner, path, offset, data)
                    await asyncio.sleep(0)
                return data

            def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
                return super().write(file_obj[0], offset, data)

            def stat(self, path: bytes) -> Any:
                return self._told(path, super().stat(path))

            def lstat(self, path: bytes) -> Any:
                return self._told(path, super().lstat(path))

            def fstat(self, file_obj: Any) -> Any:
                return self._told(file_obj[1], super().fstat(file_obj[0]))

            async def scandir(self, path: bytes) -> Any:
                async for entry in super().scandir(path):
                    entry.attrs = self._told(path + b"/" + os.fsencode(entry.filename), entry.attrs)
                    yield entry

            def _told(self, path: bytes, found: Any) -> Any:
                if owner.told_size is None:
                    return found
                if not isinstance(found, asyncssh.SFTPAttrs):
                    found = asyncssh.SFTPAttrs.from_local(found)
                if (
                    found.size is not None
                    and found.permissions is not None
                    and stat.S_ISREG(found.permissions)
                ):
                    found.size = owner.told_size(owner, path, found.size)
                return found

            def fsetstat(self, file_obj: Any, attrs: Any) -> None:
                super().fsetstat(file_obj[0], attrs)

            def fsync(self, file_obj: Any) -> None:
                super().fsync(file_obj[0])

            def close(self, file_obj: Any) -> None:
                super().close(file_obj[0])

            async def rename(self, oldpath: bytes, newpath: bytes) -> None:
                owner.made.append(("rename", oldpath, newpath))
                await self._meet(owner.before_rename, oldpath, newpath)
                super().rename(oldpath, newpath)
                await self._meet(owner.after_rename, oldpath, newpath)

            async def _meet(self, hook: RenameHook | None, oldpath: bytes, newpath: bytes) -> None:
                if hook is None:
                    return
                try:
                    hook(owner, oldpath, newpath)
                finally:
                    # A connection that the hook cut is gone before anything more is done or said.
                    await asyncio.sleep(0.02)

        self._server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=Gate,
            server_host_keys=[self._key],
            sftp_factory=Files,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen_again(self) -> None:
        for connection in list(self._transports):
            connection.abort()
        self._server.close()
        await self._server.wait_closed()
        await self._listen()

    async def _end(self) -> None:
        for connection in list(self._transports):
            connection.abort()
        self._server.close()
        await self._server.wait_closed()
