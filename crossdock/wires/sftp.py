"""The SFTP wire: list, read, put and move files of a partner, bounded and verified.

A file is read up to the size that it had when we looked, and is taken only if size, time and what was read agree
afterwards: paramiko's own ``get`` returns a truncated file without an error and follows a growing one for ever. A
file is put under a temporary name, renamed, and read back. Names of the other side are data.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress

import paramiko

from crossdock.errors import CrossdockError, Refused, WireQuiet
from crossdock.ports import CheckStep, Login, Skipped
from crossdock.wires import sftp_check
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
from crossdock.wires.sftp_session import (
    AUTH_S,
    BANNER_S,
    CHANNEL_S,
    CONNECT_S,
    FOREIGN,
    Session,
    is_regular,
    kind_of,
)

_CHUNK = 32768
_IN_FLIGHT = 64
_STEP_S = 60.0
_SLOWEST_BYTES_S = 50_000


class Sftp:
    """One partner's server. Opens at the first use, opens again after a failure. For one thread."""

    scheme = "sftp"

    def __init__(
        self,
        login: Login,
        *,
        connect_s: float = CONNECT_S,
        auth_s: float = AUTH_S,
        banner_s: float = BANNER_S,
        channel_s: float = CHANNEL_S,
        step_s: float = _STEP_S,
    ) -> None:
        self._session = Session(
            login, connect_s=connect_s, auth_s=auth_s, banner_s=banner_s, channel_s=channel_s
        )
        self._step_s = step_s

    def __repr__(self) -> str:
        return f"Sftp({self._session.where})"

    def listing(self, directory: str, *, most: int = 50_000) -> Listing:
        """Regular files of a directory by time and name. Files on their way (temporary names) are left out."""
        files: list[RemoteFile] = []
        skipped: list[Skipped] = []
        with self._session.use(f"list {directory}", deadline_s=self._step_s) as sftp:
            for count, (raw, attributes) in enumerate(sftp.entries(directory), start=1):
                if count > most:
                    sentence = f"{directory} holds more than {most} names; the rest is not looked at"
                    skipped.append(Skipped(name=directory, code="sftp.too_many", sentence=sentence))
                    break
                if is_temporary(raw) and is_plain(raw.lstrip(b".")):
                    continue
                found = _file(raw, attributes)
                if isinstance(found, RemoteFile):
                    files.append(found)
                else:
                    skipped.append(found)
        files.sort(key=lambda one: (one.mtime, one.name))
        return Listing(files=tuple(files), skipped=tuple(skipped))

    def look(self, directory: str, name: str) -> RemoteFile | None:
        """The file as it is now, or ``None`` when there is none. Raises ``Refused`` when it is no regular file."""
        path = joined(directory, name)
        with self._session.use(f"look at {path}", deadline_s=self._step_s) as sftp:
            try:
                attributes = sftp.lstat(path)
            except FileNotFoundError:
                return None
        return _regular(path, name, attributes)

    def read(self, directory: str, file: RemoteFile, *, most_bytes: int = MOST_FILE) -> Content:
        """The content of a file that was listed.

        Raises ``FileTooLarge`` before anything is read, and ``FileChanged`` when size or time are not what they
        were, or not as many bytes came.
        """
        path = joined(directory, file.name)
        deadline_s = self._step_s + min(file.size, most_bytes) / _SLOWEST_BYTES_S
        with self._session.use(f"read {path}", deadline_s=deadline_s) as sftp:
            before = _regular(path, file.name, sftp.lstat(path))
            if before.size > most_bytes:
                raise FileTooLarge(
                    f"{path} is {before.size} bytes long, more than {most_bytes}; it is not read",
                    status="size",
                )
            with sftp.open(path, "rb") as handle:
                opened = handle.stat()
                body = _read(handle, before.size)
                reread = handle.stat()
            after = _regular(path, file.name, sftp.lstat(path))
        same = (file.size, file.mtime) == (before.size, before.mtime) == (after.size, after.mtime)
        for attributes in (opened, reread):
            same = same and (attributes.st_size, attributes.st_mtime) == (file.size, file.mtime)
        if not same or len(body) != file.size:
            raise FileChanged(f"{path} changed while it was read; it is read again later", status="changed")
        return Content(file=file, body=body, sha256=hashlib.sha256(body).hexdigest())

    def find(self, directory: str, name: str, body: bytes) -> Put | None:
        """The file of this name if it lies there with this content; ``None`` when there is none. Raises ``Refused``
        (status ``other``) when another content lies under the name."""
        return lying(self, directory, name, body)

    def put(self, directory: str, name: str, body: bytes) -> Put:
        """Write a file under a temporary name, read it back, rename it, read it back again.

        What lies there already with this content is the earlier effect. Nothing is ever overwritten. Fails with
        ``WireDown`` as long as only the temporary name was touched, with ``WireQuiet`` from the rename on.
        """
        earlier = self.find(directory, name, body)
        if earlier is not None:
            return earlier
        path, temporary = joined(directory, name), joined(directory, f"{name}.part")
        deadline_s = self._step_s + 2 * len(body) / _SLOWEST_BYTES_S
        with self._session.use(f"write {temporary}", deadline_s=deadline_s) as sftp:
            with sftp.open(temporary, "wb") as handle:
                handle.set_pipelined(True)
                for start in range(0, len(body), _CHUNK):
                    handle.write(body[start : start + _CHUNK])
            size = sftp.lstat(temporary).st_size
            with sftp.open(temporary, "rb") as handle:
                arrived = _read(handle, len(body))
        if size != len(body) or arrived != body:
            raise Refused(f"{temporary} is not what was written; it was not given its name", status="short")
        digest = hashlib.sha256(body).hexdigest()
        try:
            with self._session.use(f"rename {temporary}", deadline_s=self._step_s, effect=True) as sftp:
                sftp.rename(temporary, path)
        except Refused:
            # Some servers say that they failed and have renamed; what lies there is the truth.
            if self.find(directory, name, body) is None:
                raise
            return Put(path=path, size=len(body), sha256=digest, earlier=False)
        try:
            found = self.find(directory, name, body)
        except CrossdockError as error:
            raise WireQuiet(f"{path} was written and cannot be read back: {error}") from error
        return Put(path=path, size=len(body), sha256=digest, earlier=False, taken=found is None)

    def move(self, directory: str, name: str, to_directory: str, to_name: str) -> None:
        """Rename a file. Raises ``Refused`` when there is none, or when the new name is taken."""
        source, target = joined(directory, name), joined(to_directory, to_name)
        if self.look(to_directory, to_name) is not None:
            raise Refused(f"{target} exists already; {source} is not moved", status="other")
        with self._session.use(f"move {source} to {target}", deadline_s=self._step_s, effect=True) as sftp:
            sftp.rename(source, target)

    def check(self, directory: str, *, write: bool) -> Iterator[CheckStep]:
        """Resolve, connect, compare the host key, log in, look into the directory. Stops at what fails."""
        for step in sftp_check.reach(self._session):
            yield step
            if not step.ok:
                return
        yield sftp_check.look(self._session, directory, write=write, within_s=self._step_s)

    def close(self) -> None:
        self._session.close()


def _read(handle: paramiko.SFTPFile, size: int) -> bytes:
    """At most ``size`` bytes: a file that grows is not followed."""
    if size > _CHUNK:
        _ask_ahead(handle, size)
    chunks: list[bytes] = []
    left = size
    while left > 0:
        chunk = handle.read(min(left, _CHUNK))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _ask_ahead(handle: paramiko.SFTPFile, size: int) -> None:
    """Requests the pieces without waiting for each. paramiko does so on a thread of its own, whose failure (a server
    that died) would be printed as a traceback; the reader meets the same failure and says it in order."""
    asking = handle._prefetch_thread  # type: ignore[attr-defined]

    def ask(*arguments: object) -> None:
        with suppress(*FOREIGN):
            asking(*arguments)

    handle._prefetch_thread = ask  # type: ignore[attr-defined]
    handle.prefetch(size, _IN_FLIGHT)


def _file(raw: bytes, attributes: paramiko.SFTPAttributes) -> RemoteFile | Skipped:
    shown = shown_name(raw)
    if is_regular(attributes) is False:
        kind = kind_of(attributes)
        return Skipped(
            name=shown, code=f"sftp.{kind}", sentence=f"it is a {kind}; only regular files are taken"
        )
    if not is_plain(raw):
        return unusable_name(shown, "sftp")
    if attributes.st_size is None or attributes.st_mtime is None:
        return Skipped(name=shown, code="sftp.attributes", sentence="the server tells neither size nor time")
    return RemoteFile(name=raw.decode(), size=attributes.st_size, mtime=attributes.st_mtime)


def _regular(path: str, name: str, attributes: paramiko.SFTPAttributes) -> RemoteFile:
    if not is_regular(attributes):
        raise Refused(f"{path} is no regular file", status="kind")
    if attributes.st_size is None or attributes.st_mtime is None:
        raise Refused(f"{path}: the server tells neither size nor time", status="attributes")
    return RemoteFile(name=name, size=attributes.st_size, mtime=attributes.st_mtime)
