"""Anchors: where a chain ended, written down outside the database.

A chain by itself cannot show that its end was cut off. An anchor is a line of JSON with the number and the seal of
the last row, itself sealed with the key; it is appended to a file that only this account may write, and told to
syslog where that is wished. ``CROSSDOCK_AUDIT_ANCHORS`` names the file (the embedded server has one beside it);
``CROSSDOCK_AUDIT_SYSLOG`` the socket (``/dev/log``) or ``host:port`` of a syslog.
"""

import hashlib
import hmac
import logging
import logging.handlers
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import orjson

from crossdock.audit.keys import Key, Keyring
from crossdock.errors import Misconfigured
from crossdock.faultpoints import faultpoint
from crossdock.store import audit_trail

if TYPE_CHECKING:
    from crossdock.store.engine import Store

FILE: Final = "CROSSDOCK_AUDIT_ANCHORS"
SYSLOG: Final = "CROSSDOCK_AUDIT_SYSLOG"
BESIDE: Final = "audit-anchors.jsonl"
EVERY: Final = timedelta(hours=1)
"""So often the process step writes an anchor, when something was added since."""

_MOST_LINE: Final = 4096
_SAID: Final = ("tenant", "seq", "hash", "key", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where a chain ended at a time. ``line`` is where it stands in the file; ``ours``: its own seal is right."""

    seq: int
    hash: str
    key: str
    at: str
    line: int = 0
    ours: bool = True


def place(store: "Store") -> Path | None:
    """The file of the anchors: as named, or beside the embedded server; ``None``: there is none."""
    if named := os.environ.get(FILE):
        return Path(named).expanduser()
    return store.home / BESIDE if store.home is not None else None


def has_place(store: "Store") -> bool:
    """Whether anchors are written anywhere."""
    return place(store) is not None or bool(os.environ.get(SYSLOG))


def write(store: "Store", tenant: str, *, keys: Keyring, now: datetime) -> Anchor | None:
    """Write down where the tenant's chain ends. ``None``: it has no row yet. Writing it twice is harmless.

    Raises ``Misconfigured`` when there is nowhere to write to, or when others may change the file.
    """
    path, syslog = place(store), os.environ.get(SYSLOG)
    if path is None and not syslog:
        raise Misconfigured(
            f"there is nowhere to write anchors of the audit to; name a file in {FILE} that only this account may "
            f"write, best on another machine, or a syslog in {SYSLOG}"
        )
    with store.reading(tenant) as connection:
        head = audit_trail.read_head(connection, tenant)
    if head is None or head.seq == 0:
        return None
    key = keys.find(head.key_id)
    if key is None:
        raise Misconfigured(f"the audit is sealed with the key {head.key_id!r}, which is not known here")
    anchor = Anchor(seq=head.seq, hash=head.hash, key=head.key_id, at=now.isoformat())
    line = _line(tenant, anchor, key)
    if path is not None:
        _append(path, line)
    if syslog:
        _tell(syslog, line)
    with store.transaction(tenant) as connection:
        audit_trail.note_anchored(connection, tenant, head.seq, now)
        faultpoint("audit.before_anchored")
    faultpoint("audit.after_anchored")
    return anchor


def is_due(store: "Store", tenant: str, now: datetime) -> bool:
    """Whether rows were added since the last anchor, and it is an hour old; never where there is no place for one."""
    if not has_place(store):
        return False
    with store.reading(tenant) as connection:
        head = audit_trail.read_head(connection, tenant)
    if head is None or head.seq <= head.anchored_seq:
        return False
    return head.anchored_at is None or now - head.anchored_at >= EVERY


def read(path: Path, tenant: str, keys: Keyring) -> Iterator[Anchor]:
    """The anchors of this tenant in a file, in its order. A line that cannot be read has no key."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        number = 0
        while raw := _read_line(path, file):
            number += 1
            found = _read(raw, number, keys)
            if found is None:
                yield Anchor(seq=0, hash="", key="", at="", line=number, ours=False)
            elif found[0] == tenant:
                yield found[1]


def is_lost(anchor: Anchor, told: Iterable[tuple[int, datetime]]) -> bool:
    """Whether a person said that its row was lost: from a number on, and before a time."""
    return any(anchor.seq >= seq and datetime.fromisoformat(anchor.at) <= at for seq, at in told)


def _read_line(path: Path, file: BinaryIO) -> bytes:
    try:
        return file.readline(_MOST_LINE)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> Misconfigured:
    return Misconfigured(
        f"the anchors of the audit cannot be read from {path}: {error.strerror or error}; whether the database was "
        "restored is not known before they can"
    )


def _line(tenant: str, anchor: Anchor, key: Key) -> bytes:
    said: dict[str, Any] = {
        "tenant": tenant, "seq": anchor.seq, "hash": anchor.hash, "key": anchor.key, "at": anchor.at
    }  # fmt: skip
    return orjson.dumps({**said, "mac": _mac(key, said)}) + b"\n"


def _mac(key: Key, said: dict[str, Any]) -> str:
    text = b"crossdock-audit-anchor-1|" + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return hmac.new(key.secret, text, hashlib.sha256).hexdigest()


def _read(raw: bytes, number: int, keys: Keyring) -> tuple[str, Anchor] | None:
    with suppress(ValueError, TypeError, KeyError):
        said = orjson.loads(raw)
        mac = said.pop("mac")
        if set(said) != set(_SAID) or type(said["seq"]) is not int or type(mac) is not str:
            return None
        key = keys.find(said["key"])
        ours = key is not None and hmac.compare_digest(_mac(key, said), mac)
        tenant = said.pop("tenant")
        return str(tenant), Anchor(**said, line=number, ours=ours)
    return None


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured(f"the anchors cannot be written to {path}: {error.strerror or error}") from error
    try:
        there = os.fstat(handle)
        if not stat.S_ISREG(there.st_mode) or there.st_uid != os.geteuid() or there.st_mode & 0o022:
            raise Misconfigured(
                f"{path} is no file that only this account may write; anchors there would prove nothing: "
                "chown it and chmod 600 it"
            )
        # A line that a crash cut off is ended first, or this one would be read as a part of it.
        if there.st_size and not _ends_whole(path, there.st_size):
            line = b"\n" + line
        os.write(handle, line)
        os.fsync(handle)
    except OSError as error:
        raise Misconfigured(f"the anchors cannot be written to {path}: {error.strerror or error}") from error
    finally:
        os.close(handle)


def _ends_whole(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _tell(address: str, line: bytes) -> None:
    host, colon, port = address.rpartition(":")
    where: Any = (host, int(port)) if colon and port.isdecimal() else address
    try:
        handler = logging.handlers.SysLogHandler(where, facility=logging.handlers.SysLogHandler.LOG_AUTHPRIV)
    except OSError as error:
        raise Misconfigured(f"the syslog at {address} ({SYSLOG}) cannot be reached: {error}") from error
    failures: list[BaseException | None] = []
    handler.handleError = lambda record: failures.append(None)  # type: ignore[method-assign]
    try:
        text = "crossdock audit anchor " + line.decode().strip()
        handler.emit(logging.LogRecord("crossdock.audit", logging.INFO, "", 0, text, None, None))
    finally:
        handler.close()
    if failures:
        raise Misconfigured(f"the syslog at {address} ({SYSLOG}) took no anchor")
