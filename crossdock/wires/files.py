"""Files on the other side of a wire, whichever it is: an SFTP server (``sftp``) or a folder (``folder``).

Names of the other side are data. What a file was when it was listed is compared with what it is when it is read.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from crossdock.errors import Refused
from crossdock.limits import limit
from crossdock.ports import CheckStep, Skipped

MOST_FILE = 50 * 1024 * 1024
"""A file is at most this long."""

MOST_NAME_BYTES = limit("file_name")
TEMPORARY = (".part", ".tmp", ".filepart")
"""Names that end so, or start with a dot, are files on their way."""

MISSING: Final = frozenset({"SSH_FX_NO_SUCH_FILE", "ENOENT"})
FORBIDDEN: Final = frozenset({"SSH_FX_PERMISSION_DENIED", "EACCES", "EPERM", "EROFS", "ENOTDIR"})
"""Statuses of a ``Refused`` that say that a thing is not there, and that we may not."""

_NAME = re.compile(r"[^\W_][\w .()+,@#~\[\]-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A regular file that lies there. ``mtime`` is the server's, in whole seconds since 1970."""

    name: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies in a directory: files that may be read, and what was passed over with the reason."""

    files: tuple[RemoteFile, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file read whole, the same before and after."""

    file: RemoteFile
    body: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A file that was given its name with the content that was meant. ``earlier``: it lay there before this call.

    ``taken``: the server confirmed the name, and the partner took the file away before it was read back under it.
    """

    path: str
    size: int
    sha256: str
    earlier: bool
    taken: bool = False


class FileChanged(Refused):
    """The file was not the same before and after it was read. It is read again another time."""


class FileTooLarge(Refused):
    """The file is longer than what is read."""


class Files(Protocol):
    """A place with directories of files. ``scheme`` begins the codes of what is passed over (``sftp.symlink``)."""

    scheme: str

    def listing(self, directory: str, *, most: int = 50_000) -> Listing: ...
    def look(self, directory: str, name: str) -> RemoteFile | None: ...
    def read(self, directory: str, file: RemoteFile, *, most_bytes: int = MOST_FILE) -> Content: ...
    def find(self, directory: str, name: str, body: bytes) -> Put | None: ...
    def put(self, directory: str, name: str, body: bytes) -> Put: ...
    def move(self, directory: str, name: str, to_directory: str, to_name: str) -> None: ...
    def check(self, directory: str, *, write: bool) -> Iterator[CheckStep]: ...
    def close(self) -> None: ...


def lying(wire: Files, directory: str, name: str, body: bytes) -> Put | None:
    """The file of this name if it lies there with this content; ``None`` when there is none.

    Raises ``Refused`` (status ``other``) when another content lies under the name.
    """
    path = joined(directory, name)
    there = wire.look(directory, name)
    if there is None:
        return None
    if there.size == len(body):
        try:
            content = wire.read(directory, there, most_bytes=len(body))
        except FileTooLarge as error:
            raise FileChanged(f"{path} changed while it was read", status="changed") from error
        if content.body == body:
            return Put(path=path, size=there.size, sha256=content.sha256, earlier=True)
    raise Refused(
        f"{path}: another file lies under this name ({there.size} bytes); it is not overwritten",
        status="other",
    )


def is_temporary(raw: bytes | str) -> bool:
    """Whether a name says that the file is still on its way, or hidden."""
    name = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return name.startswith(".") or name.lower().endswith(TEMPORARY)


def is_plain(raw: bytes | str) -> bool:
    """Whether we use a file of this name: letters, digits and a few signs, no path, no control character."""
    try:
        name = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        return len(name.encode()) <= MOST_NAME_BYTES and bool(_NAME.fullmatch(name))
    except UnicodeError:
        return False


def unusable_name(shown: str, scheme: str) -> Skipped:
    """A file that is not taken because of what it is called."""
    return Skipped(
        name=shown,
        code=f"{scheme}.name",
        sentence="its name is not one that we use; ask the sender to name it with letters, digits, "
        f"dots and dashes, in at most {MOST_NAME_BYTES} bytes",
    )


def shown_name(raw: bytes) -> str:
    """A name of the other side as it may be shown: no control character in it."""
    shown = raw.decode("utf-8", "backslashreplace")
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode()


def joined(directory: str, name: str) -> str:
    """A path under a directory. Raises ``Refused`` for a name that is not plain."""
    if not is_plain(name):
        raise Refused("a name that is not plain is never made a path", status="name")
    return posixpath.join(directory, name)
