"""The keys that seal the audit: named by id in each row, kept outside the database.

They come from one connection: its ``login`` is the id of the key in use, its ``password`` the key, and the extra
field ``retired_secrets`` is an object of earlier ids with their keys, with which old rows are still verified.
``CROSSDOCK_AUDIT_CONN`` names the connection; without it ``AIRFLOW_CONN_CROSSDOCK_AUDIT`` is looked at, and without
that one the audit is chained and not keyed: it then shows mistakes and careless changes, and not those of somebody
who computes the chain anew. ``crossdock audit verify`` says which of the two it is.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from crossdock.connections import login
from crossdock.errors import Misconfigured
from crossdock.ports import Login

VARIABLE: Final = "CROSSDOCK_AUDIT_CONN"
CONNECTION: Final = "crossdock_audit"
LEAST_BYTES: Final = 16
"""A key is at least this long."""

KEPT_S: Final = 60.0
"""A process asks for its keys anew after this time, so that a rotation needs no restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key and the id by which rows name it."""

    id: str
    secret: bytes = field(repr=False)


UNKEYED: Final = Key(id="unkeyed", secret=b"crossdock audit without a key")
"""No secret: everybody can compute what it seals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The key in use, and those by which old rows are verified."""

    current: Key
    known: Mapping[str, Key]

    @property
    def is_keyed(self) -> bool:
        return self.current.id != UNKEYED.id

    def find(self, key_id: str) -> Key | None:
        return self.known.get(key_id)


def keyring_of(found: Login) -> Keyring:
    """The keys that a connection holds. Raises ``Misconfigured``; no message ever shows a key."""
    where = f"connection {found.connection_id!r}"
    current = _key(found.user or "1", found.password.reveal(), where)
    retired = {}
    for name, secret in found.secrets.items():
        if name == "retired_secrets":
            try:
                retired = {id_: _key(id_, text, where) for id_, text in json.loads(secret.reveal()).items()}
            except (ValueError, AttributeError):
                raise Misconfigured(
                    f"{where}: retired_secrets is no object of key ids and keys; correct it"
                ) from None
    if current.id in retired:
        raise Misconfigured(
            f"{where}: the key {current.id!r} is in use and retired; give the new one another id"
        )
    return Keyring(current=current, known={UNKEYED.id: UNKEYED, **retired, current.id: current})


def _key(key_id: str, text: object, where: str) -> Key:
    if not isinstance(text, str) or len(text.encode()) < LEAST_BYTES:
        raise Misconfigured(
            f"{where}: the audit key {key_id!r} is shorter than {LEAST_BYTES} bytes; "
            "make one: openssl rand -base64 32"
        )
    if key_id == UNKEYED.id:
        raise Misconfigured(f"{where}: no key may be called {UNKEYED.id!r}")
    return Key(id=key_id, secret=text.encode())


_NO_KEYS: Final = Keyring(current=UNKEYED, known={UNKEYED.id: UNKEYED})
_kept: dict[tuple[str, str | None], tuple[float, Keyring]] = {}


def keyring() -> Keyring:
    """The keys of this process.

    Raises ``Misconfigured`` when a connection is named and is not there, or holds no usable key: what a person does
    is then refused rather than written down unsealed.
    """
    named = os.environ.get(VARIABLE)
    connection_id = named or CONNECTION
    text = os.environ.get(f"AIRFLOW_CONN_{connection_id.upper()}")
    if not named and text is None:
        return _NO_KEYS
    asked = (connection_id, text)
    kept = _kept.get(asked)
    if kept is None or time.monotonic() - kept[0] > KEPT_S:
        kept = (time.monotonic(), keyring_of(login(connection_id)))
        _kept.clear()
        _kept[asked] = kept
    return kept[1]
