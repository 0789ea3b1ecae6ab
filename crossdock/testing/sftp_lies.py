"""Lies that an SFTP server tells, by name: about sizes, in the middle of a file, at a rename, with its names.

    server = SftpServer(root, **truncated(to=100))
    with SftpServer(root, **lie("drop_in_the_middle")) as server: ...

Each is what a real server or a real partner does: it counts a file as longer than it is, ends a read early, goes away
in the middle, is still being written to, or has a file already where one is to be moved.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from crossdock.testing.sftp_server import SftpServer

Settings = dict[str, Any]
"""What ``SftpServer`` takes by name."""


def wrong_stat(by: int = 7, name: str = "") -> Settings:
    """Every size that is told (of a file whose name ends so) is wrong by so many bytes."""

    def told(server: SftpServer, path: bytes, size: int) -> int:
        return size + by if path.endswith(name.encode()) else size

    return {"told_size": told}


def short_reads(most: int = 11) -> Settings:
    """However much is asked for, a read brings a few bytes. That is no fault; many take it for the end."""

    def read(server: SftpServer, path: bytes, offset: int, data: bytes) -> bytes:
        return data[:most]

    return {"on_read": read}


def truncated(to: int = 10) -> Settings:
    """The file ends here, whatever its size was told to be."""

    def read(server: SftpServer, path: bytes, offset: int, data: bytes) -> bytes:
        return data[: max(0, to - offset)]

    return {"on_read": read}


def drop_in_the_middle(after: int = 1, times: int = 1) -> Settings:
    """From this offset on the connection dies, so many times."""
    left = [times]

    def read(server: SftpServer, path: bytes, offset: int, data: bytes) -> bytes:
        if left[0] and offset + len(data) > after:
            left[0] -= 1
            server.drop()
        return data

    return {"on_read": read}


def growing_file(by: bytes = b"more") -> Settings:
    """Whoever reads a file has somebody writing to it: it is longer after each read."""

    def before(server: SftpServer, path: bytes, offset: int) -> None:
        with (server.root / path.decode().lstrip("/")).open("ab") as file:
            file.write(by)

    return {"before_read": before}


def replaced_while_read(body: bytes) -> Settings:
    """After the first piece was read, another file lies under the name."""
    seen: set[bytes] = set()

    def read(server: SftpServer, path: bytes, offset: int, data: bytes) -> bytes:
        if path not in seen:
            seen.add(path)
            target = server.root / path.decode().lstrip("/")
            fresh = target.with_name(".replacing")
            fresh.write_bytes(body)
            fresh.rename(target)
        return data

    return {"on_read": read}


def rename_target_exists() -> Settings:
    """Just before a file is moved, somebody else's lies under its new name."""

    def before(server: SftpServer, old: bytes, new: bytes) -> None:
        (server.root / new.decode().lstrip("/")).write_bytes(b"somebody else's")

    return {"before_rename": before}


def drop_before_rename(times: int = 1) -> Settings:
    """The connection dies when a rename is asked for, and nothing is renamed."""
    left = [times]

    def before(server: SftpServer, old: bytes, new: bytes) -> None:
        if left[0]:
            left[0] -= 1
            server.drop()
            raise OSError("dropped")

    return {"before_rename": before}


def drop_after_rename(times: int = 1) -> Settings:
    """The file is renamed, and the connection dies instead of an answer."""
    left = [times]

    def after(server: SftpServer, old: bytes, new: bytes) -> None:
        if left[0]:
            left[0] -= 1
            server.drop()

    return {"after_rename": after}


def fails_and_has_renamed() -> Settings:
    """The server says that the rename failed, and has done it."""

    def after(server: SftpServer, old: bytes, new: bytes) -> None:
        raise OSError("it failed")

    return {"after_rename": after}


LIES: Final[Mapping[str, Callable[[], Settings]]] = {
    "wrong_stat": wrong_stat,
    "short_reads": short_reads,
    "truncated": truncated,
    "drop_in_the_middle": drop_in_the_middle,
    "growing_file": growing_file,
    "replaced_while_read": lambda: replaced_while_read(b"another file"),
    "rename_target_exists": rename_target_exists,
    "drop_before_rename": drop_before_rename,
    "drop_after_rename": drop_after_rename,
    "fails_and_has_renamed": fails_and_has_renamed,
}
"""Every lie by its name, as it is told when nothing else is asked for."""


def lie(name: str) -> Settings:
    """The lie of this name."""
    return LIES[name]()


HOSTILE_NAMES: Final = (
    b"new\nline.edi",
    b"..%2f..%2fetc.edi",
    b"-rf",
    b"<img src=x onerror=alert(1)>.edi",
    b"caf\xe9.edi",
    b"\xff\xfe.edi",
    b"a" * 251 + b".edi",
    b"=cmd|' C calc'!A0.edi",
    b"$(touch pwned).edi",
    b"`id`.edi",
    b"\x1b[2Jscreen.edi",
    b"\xe2\x80\xaetxt.ide.edi",
    b" .edi",
)
"""Names that a partner's directory can hold and that must never become a path, a command or markup."""


def put_hostile_names(folder: Path, body: bytes = b"x") -> tuple[bytes, ...]:
    """Make a file of each such name, as far as this file system lets us; the names that are there now."""
    made = []
    for name in HOSTILE_NAMES:
        try:
            descriptor = os.open(
                os.fsencode(folder) + b"/" + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
            )
        except OSError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        made.append(name)
    return tuple(made)
