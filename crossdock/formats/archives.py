"""Archives, looked into with bounds: a zip or a gzip is never unpacked further than its limits let it.

Nothing that is received is taken out of an archive by itself: the message stays the archive, byte for byte, and is
set aside with what is in it, so that a person can ask the sender for the plain files. ``members`` is for whoever
opens one on purpose: one level, so many files, so many bytes, and no more than so many times what came.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

from crossdock.errors import Unreadable
from crossdock.limits import limit

_CHUNK: Final = 64 * 1024
_MAGIC: Final = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive. Its name is the sender's: data, never a path."""

    name: str
    body: bytes = field(repr=False)


def kind_of(body: bytes) -> str | None:
    """``zip``, ``gzip``, or ``None``: no archive that we know."""
    return next((kind for magic, kind in _MAGIC.items() if body.startswith(magic)), None)


def members(body: bytes) -> Iterator[Member]:
    """The files of an archive, one after another, each unpacked piece by piece under the limits.

    Raises ``Unreadable``: ``ARCHIVE.LIMIT`` before more is unpacked than is allowed, ``ARCHIVE.NESTED`` for an
    archive in it, ``ARCHIVE.MALFORMED`` for one that is none.
    """
    match kind_of(body):
        case "zip":
            found = _of_zip(body)
        case "gzip":
            found = _of_gzip(body)
        case _:
            _refuse("ARCHIVE.MALFORMED", "is no archive")
    for member in found:
        if kind_of(member.body) is not None:
            _refuse(
                "ARCHIVE.NESTED", f"holds an archive in it ({member.name!r:.80}), and one level is opened"
            )
        yield member


def described(body: bytes) -> str:
    """What an archive holds, as a sentence, from its own list and without unpacking a byte."""
    kind = kind_of(body)
    if kind == "zip":
        try:
            names = [info.filename for info in _directory(body) if not info.is_dir()]
        except Unreadable as error:
            return f"it is a zip archive: {error}"
        shown = ", ".join(repr(name)[:80] for name in names[:5])
        return f"it is a zip archive of {len(names)} files ({shown}{', ...' if len(names) > 5 else ''})"
    return f"it is a {kind} archive"


def _directory(body: bytes) -> list[zipfile.ZipInfo]:
    # The end of a zip says how many entries its list has; zipfile would read a list of millions first.
    end = body.rfind(b"PK\x05\x06", max(0, len(body) - 65_557))
    if end < 0 or len(body) < end + 22:
        _refuse("ARCHIVE.MALFORMED", "has no list of its files at its end")
    said = int.from_bytes(body[end + 10 : end + 12], "little")
    size = int.from_bytes(body[end + 12 : end + 16], "little")
    most = limit("archive_entries")
    if said > most or size > most * 1024:
        _refuse("ARCHIVE.LIMIT", f"lists more than {most} files")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            listed = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OverflowError) as error:
        raise _unreadable("ARCHIVE.MALFORMED", f"cannot be read: {type(error).__name__}") from None
    if len(listed) > most:
        _refuse("ARCHIVE.LIMIT", f"lists more than {most} files")
    return listed


def _of_zip(body: bytes) -> Iterator[Member]:
    room = _Room(len(body))
    listed = _directory(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for info in listed:
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                _refuse("ARCHIVE.MALFORMED", f"holds an encrypted file ({info.filename!r:.80})")
            # What it says of its size is a claim: it may only make the refusal earlier.
            room.claim(info.file_size)
            try:
                with archive.open(info) as file:
                    content = room.read(partial(file.read, _CHUNK))
            except (
                zipfile.BadZipFile,
                zlib.error,
                EOFError,
                NotImplementedError,
                ValueError,
                OSError,
            ) as error:
                raise _unreadable(
                    "ARCHIVE.MALFORMED", f"cannot be unpacked: {type(error).__name__}"
                ) from None
            yield Member(name=info.filename, body=content)


def _of_gzip(body: bytes) -> Iterator[Member]:
    room = _Room(len(body))
    unpacker = zlib.decompressobj(wbits=31)
    left = body

    def more() -> bytes:
        nonlocal left
        while True:
            chunk = unpacker.decompress(left, _CHUNK)
            left = unpacker.unconsumed_tail
            if chunk or unpacker.eof or not left:
                return chunk

    try:
        content = room.read(more)
    except zlib.error:
        raise _unreadable("ARCHIVE.MALFORMED", "cannot be unpacked: its gzip is broken") from None
    if not unpacker.eof:
        _refuse("ARCHIVE.MALFORMED", "is cut off: its gzip has no end")
    if unpacker.unused_data.strip(b"\0"):
        _refuse("ARCHIVE.MALFORMED", "has something behind its end")
    yield Member(name="", body=content)


class _Room:
    """How much may still be unpacked: of all members together, in bytes and against what came."""

    def __init__(self, came: int) -> None:
        ratio = limit("archive_ratio")
        self._most = min(limit("archive_bytes"), max(came, 1) * ratio)
        self._said = (
            f"{limit('archive_bytes')} bytes"
            if self._most == limit("archive_bytes")
            else f"{ratio} times its size"
        )
        self._used = 0

    def claim(self, size: int) -> None:
        if self._used + size > self._most:
            _refuse("ARCHIVE.LIMIT", f"unpacks to more than {self._said}")

    def read(self, more: Callable[[], bytes]) -> bytes:
        chunks = []
        while chunk := more():
            self.claim(len(chunk))
            self._used += len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)


def _unreadable(code: str, sentence: str) -> Unreadable:
    return Unreadable(
        f"the archive {sentence}",
        code=code,
        remedy="Ask the sender for the plain files; then discard this one.",
    )


def _refuse(code: str, sentence: str) -> NoReturn:
    raise _unreadable(code, sentence)
