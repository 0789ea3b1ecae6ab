"""The file wire: a folder that others put files into, a mounted share for example. As careful as the SFTP wire.

Everything happens below the folder that the connection names (``path`` among its extra fields). A file is opened
without following a link, and taken only if it is a plain file with a single name that did not change while it was
read; nothing is ever overwritten.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.ports import CheckStep, Login, Skipped
from crossdock.wires.files import (
    MOST_FILE,
    Content,
    FileChanged,
    FileTooLarge,
    Listing,
    Put,
    RemoteFile,
    is_plain,
    is_temporary,
    joined,
    lying,
    shown_name,
    unusable_name,
)

_AWAY: Final = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT})
"""What a share says that is not there at the moment."""

_KINDS: Final = (
    (stat.S_ISDIR, "directory"),
    (stat.S_ISLNK, "symlink"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
)
_CHUNK: Final = 1024 * 1024


class Folder:
    """One folder and what is below it. Directories are named from there, with a leading slash."""

    scheme = "file"

    def __init__(self, login: Login) -> None:
        self._login = login

    def __repr__(self) -> str:
        return f"Folder({self._login.connection_id})"

    def listing(self, directory: str, *, most: int = 50_000) -> Listing:
        """Regular files of a directory by time and name. Files on their way (temporary names) are left out."""
        files: list[RemoteFile] = []
        skipped: list[Skipped] = []
        with self._opened(directory) as held, os.scandir(held) as entries:
            for count, entry in enumerate(entries, start=1):
                if count > most:
                    sentence = f"{directory} holds more than {most} names; the rest is not looked at"
                    skipped.append(Skipped(name=directory, code="file.too_many", sentence=sentence))
                    break
                raw = os.fsencode(entry.name)
                if is_temporary(raw) and is_plain(raw.lstrip(b".")):
                    continue
                with suppress(FileNotFoundError):  # taken back since
                    found = _found(raw, entry.stat(follow_symlinks=False))
                    if isinstance(found, RemoteFile):
                        files.append(found)
                    else:
                        skipped.append(found)
        files.sort(key=lambda one: (one.mtime, one.name))
        return Listing(files=tuple(files), skipped=tuple(skipped))

    def look(self, directory: str, name: str) -> RemoteFile | None:
        """The file as it is now, or ``None`` when there is none. Raises ``Refused`` when it is no plain file."""
        path = joined(directory, name)
        with self._opened(directory) as held:
            try:
                found = os.stat(name, dir_fd=held, follow_symlinks=False)
            except FileNotFoundError:
                return None
        return _plain(path, name, found)

    def read(self, directory: str, file: RemoteFile, *, most_bytes: int = MOST_FILE) -> Content:
        """The content of a file that was listed. Raises ``FileTooLarge`` before anything is read, and ``FileChanged``
        when it is not what it was."""
        path = joined(directory, file.name)
        with self._opened(directory) as held:
            # A pipe that took the file's place would block an open for ever; a link in its place is not followed.
            handle = os.open(
                file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held
            )
            try:
                before = _plain(path, file.name, os.fstat(handle))
                if before.size > most_bytes:
                    raise FileTooLarge(
                        f"{path} is {before.size} bytes long, more than {most_bytes}; it is not read",
                        status="size",
                    )
                body = _read(handle, before.size)
                after = _plain(path, file.name, os.fstat(handle))
            finally:
                os.close(handle)
        if not file == before == after or len(body) != file.size:
            raise FileChanged(f"{path} changed while it was read; it is read again later", status="changed")
        return Content(file=file, body=body, sha256=hashlib.sha256(body).hexdigest())

    def find(self, directory: str, name: str, body: bytes) -> Put | None:
        """The file of this name if it lies there with this content; ``None`` when there is none. Raises ``Refused``
        (status ``other``) when another content lies under the name."""
        return lying(self, directory, name, body)

    def put(self, directory: str, name: str, body: bytes) -> Put:
        """Write a file under a temporary name, to the disk, and give it its name, which nobody had."""
        earlier = self.find(directory, name, body)
        if earlier is not None:
            return earlier
        path, temporary = joined(directory, name), f".{name}.part"
        with self._opened(directory) as held:
            with suppress(FileNotFoundError):  # left by a worker that died
                os.unlink(temporary, dir_fd=held)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(temporary, flags, 0o640, dir_fd=held)
            try:
                _write(handle, body)
                os.fsync(handle)
            finally:
                os.close(handle)
            try:
                # A link is made only where no name is: a rename would put ours over somebody else's.
                os.link(temporary, name, src_dir_fd=held, dst_dir_fd=held, follow_symlinks=False)
            finally:
                os.unlink(temporary, dir_fd=held)
            os.fsync(held)
        return Put(path=path, size=len(body), sha256=hashlib.sha256(body).hexdigest(), earlier=False)

    def move(self, directory: str, name: str, to_directory: str, to_name: str) -> None:
        """Rename a file. Raises ``Refused`` when there is none, or when the new name is taken."""
        source, target = joined(directory, name), joined(to_directory, to_name)
        if self.look(to_directory, to_name) is not None:
            raise Refused(f"{target} exists already; {source} is not moved", status="other")
        with self._opened(directory) as held, self._opened(to_directory) as to:
            os.rename(name, to_name, src_dir_fd=held, dst_dir_fd=to)

    def check(self, directory: str, *, write: bool) -> Iterator[CheckStep]:
        """Look into the directory, and whether we may do there what we must."""
        try:
            with self._opened(directory) as held:
                with os.scandir(held) as entries:
                    next(entries, None)
                may = os.access(".", os.W_OK if write else os.R_OK, dir_fd=held)
        except CrossdockError as error:
            yield CheckStep(
                step="permission",
                ok=False,
                sentence=str(error),
                remedy=f"Make {directory} and permit it, or correct the connection's path or connector.toml.",
                field="path",
            )
            return
        if not may:
            yield CheckStep(
                step="permission",
                ok=False,
                sentence=f"we may not {'write into' if write else 'read'} {directory}",
                remedy="Permit it to the user whom Crossdock runs as.",
                field="path",
            )
            return
        yield CheckStep(
            step="permission", ok=True, sentence=f"{directory} can be {'written' if write else 'listed'}"
        )

    def close(self) -> None:
        """Nothing is held between two calls."""

    @contextmanager
    def _opened(self, directory: str) -> Iterator[int]:
        """The directory, held open: what is done in it is done in this one, wherever a link may point meanwhile."""
        try:
            held = self._open(directory)
            try:
                yield held
            finally:
                os.close(held)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "EIO")
            said = f"{self._login.connection_id}: {directory}: {os.strerror(error.errno or errno.EIO)}"
            if error.errno in _AWAY:
                raise WireDown(said) from error
            raise Refused(said, status=name) from error

    def _open(self, directory: str) -> int:
        """Opens one directory below another from the root on, following no link on the way."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        held = os.open(self._root(), flags)
        for part in directory.split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                os.close(held)
                raise Misconfigured(
                    f"directory {directory!r} leaves the folder of the connection; name it without '..'"
                )
            try:
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=held)
            finally:
                os.close(held)
            held = inner
        return held

    def _root(self) -> Path:
        named = self._login.extra.get("path")
        if not isinstance(named, str) or not named.startswith("/"):
            raise Misconfigured(
                f"connection {self._login.connection_id!r} has no path; add the folder's own, as "
                '{"path": "/srv/partners/acme"}, to its extra fields'
            )
        return Path(named)


def _found(raw: bytes, found: os.stat_result) -> RemoteFile | Skipped:
    shown = shown_name(raw)
    if not stat.S_ISREG(found.st_mode):
        kind = next((word for test, word in _KINDS if test(found.st_mode)), "device")
        return Skipped(
            name=shown, code=f"file.{kind}", sentence=f"it is a {kind}; only regular files are taken"
        )
    if found.st_nlink != 1:
        # Whoever may write here could have linked a file that only we may read.
        return Skipped(
            name=shown,
            code="file.hardlink",
            sentence="it has another name somewhere else; only files with one name are taken",
        )
    if not is_plain(raw):
        return unusable_name(shown, "file")
    return RemoteFile(name=raw.decode(), size=found.st_size, mtime=int(found.st_mtime))


def _plain(path: str, name: str, found: os.stat_result) -> RemoteFile:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise Refused(f"{path} is no plain file with one name", status="kind")
    return RemoteFile(name=name, size=found.st_size, mtime=int(found.st_mtime))


def _read(handle: int, size: int) -> bytes:
    """At most ``size`` bytes: a file that grows is not followed."""
    chunks: list[bytes] = []
    left = size
    while left > 0 and (chunk := os.read(handle, min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _write(handle: int, body: bytes) -> None:
    left = memoryview(body)
    while left:
        left = left[os.write(handle, left) :]
