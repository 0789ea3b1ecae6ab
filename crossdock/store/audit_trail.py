"""The audit in the database: one row is added behind the last, with its number and its seal, by whoever holds the
tenant's head until the end of the transaction that acts. So numbers have no gap, whoever writes at the same time, and
an action that is rolled back takes its row along.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.audit import chain
from crossdock.audit.keys import UNKEYED, Key, keyring
from crossdock.errors import Misconfigured
from crossdock.principals import OURSELVES
from crossdock.store import storable
from crossdock.store.pages import Page, Row, page_of, plain
from crossdock.store.tables import audit, audit_heads

_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a tenant's chain ends. ``seq`` 0: nothing was sealed yet."""

    seq: int
    key_id: str
    hash: str
    anchored_seq: int = 0
    anchored_at: datetime | None = None


def append(
    connection: sa.Connection,
    *,
    tenant: str,
    now: datetime,
    actor: str,
    action: str,
    object_kind: str,
    object_id: str,
    reason: str | None,
    detail: Mapping[str, Any] | None,
) -> int:
    """Add a row behind the last one; its number. Raises ``Misconfigured`` when the chain is sealed with a key that
    this process does not have."""
    keys = keyring()
    head = _hold(connection, tenant)
    if keys.find(head.key_id) is None or (head.key_id != UNKEYED.id and not keys.is_keyed):
        raise Misconfigured(
            f"the audit of tenant '{tenant}' is sealed with the key {head.key_id!r}, which is not known here: "
            "nothing is done that could not be written down; define the connection crossdock_audit here too, "
            "or name it in CROSSDOCK_AUDIT_CONN"
        )
    if head.seq == 0:
        count, digest = chain.digest(old_rows(connection, tenant))
        if count:
            said = {"rows": count, "sha256": digest, "says": "they were not sealed until now"}
            head = _add(connection, head, keys.current, _own(tenant, now, chain.SEALED_OLD, said))
    elif head.key_id != keys.current.id:
        said = {"from": head.key_id, "to": keys.current.id}
        head = _add(connection, head, keys.current, _own(tenant, now, chain.KEY_CHANGED, said))
    row = {
        "tenant": tenant,
        "id": uuid.uuid4(),
        "at": now,
        "actor": actor,
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id,
        "reason": reason,
        "detail": detail,
    }
    head = _add(connection, head, keys.current, row)
    connection.execute(
        sa.update(audit_heads)
        .where(audit_heads.c.tenant == tenant)
        .values(seq=head.seq, key_id=head.key_id, hash=head.hash)
    )
    return head.seq


def _hold(connection: sa.Connection, tenant: str) -> Head:
    """The end of the chain, held for this transaction. It is taken last: whoever acts on several things holds all of
    them before the first row is added, and so two of them never wait for each other."""
    statement = (
        pg.insert(audit_heads)
        .values(tenant=tenant, seq=0, key_id=UNKEYED.id, hash=chain.FIRST)
        .on_conflict_do_update(index_elements=["tenant"], set_={"seq": audit_heads.c.seq})
        .returning(*(audit_heads.c[name] for name in _HEAD))
    )
    return Head(**connection.execute(statement).mappings().one())


_HEAD: Final = ("seq", "key_id", "hash", "anchored_seq", "anchored_at")


def _own(tenant: str, now: datetime, action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "id": uuid.uuid4(),
        "at": now,
        "actor": OURSELVES,
        "action": action,
        "object_kind": "audit",
        "object_id": tenant,
        "reason": None,
        "detail": detail,
    }


def _add(connection: sa.Connection, head: Head, key: Key, row: dict[str, Any]) -> Head:
    # Sealed as it will be read again: as the database keeps texts and JSON.
    kept = storable.every({**row, "seq": head.seq + 1, "key_id": key.id})
    if kept["detail"] is not None:
        kept["detail"] = orjson.loads(storable.as_json(kept["detail"]))
    sealed = chain.seal(key, head.hash, kept)
    connection.execute(sa.insert(audit).values(**kept, hash=sealed))
    return Head(seq=head.seq + 1, key_id=key.id, hash=sealed)


# ── what is read again ───────────────────────────────────────────────────────────────────────────────────────


def read_head(connection: sa.Connection, tenant: str) -> Head | None:
    """Where the chain ends, or ``None`` when there is none."""
    row = (
        connection.execute(
            sa.select(*(audit_heads.c[name] for name in _HEAD)).where(audit_heads.c.tenant == tenant)
        )
        .mappings()
        .first()
    )
    return None if row is None else Head(**row)


def rows_after(connection: sa.Connection, tenant: str, seq: int, *, limit: int = _BATCH) -> list[Row]:
    """The next sealed rows behind this number, by number."""
    statement = (
        sa.select(audit).where(audit.c.tenant == tenant, audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def old_rows(connection: sa.Connection, tenant: str) -> Iterator[Row]:
    """The rows from before the chain, oldest first, never all in memory."""
    statement = (
        sa.select(audit)
        .where(audit.c.tenant == tenant, audit.c.seq.is_(None))
        .order_by(audit.c.at, audit.c.id)
        .execution_options(stream_results=True, yield_per=_BATCH)
    )
    for row in connection.execute(statement).mappings():
        yield dict(row)


def note_anchored(connection: sa.Connection, tenant: str, seq: int, now: datetime) -> None:
    """The end of the chain stands written down elsewhere, up to this number."""
    connection.execute(
        sa.update(audit_heads)
        .where(audit_heads.c.tenant == tenant, audit_heads.c.anchored_seq <= seq)
        .values(anchored_seq=seq, anchored_at=now)
    )


def list_audit(
    connection: sa.Connection,
    tenant: str,
    *,
    actor: str | None = None,
    action: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """What people did, the last first. ``action`` may be a family (``dead_letter``), ``object_id`` the beginning of
    one."""
    wanted = [audit.c.tenant == tenant]
    if actor is not None:
        wanted.append(audit.c.actor == actor)
    if action is not None:
        wanted.append(
            sa.or_(
                audit.c.action == action, audit.c.action.startswith(f"{action.rstrip('.')}.", autoescape=True)
            )
        )
    if object_kind is not None:
        wanted.append(audit.c.object_kind == object_kind)
    if object_id is not None:
        wanted.append(audit.c.object_id.startswith(object_id, autoescape=True))
    if since is not None:
        wanted.append(audit.c.at >= since)
    if until is not None:
        wanted.append(audit.c.at < until)
    columns = [column for column in audit.c if column.name != "tenant"]
    return page_of(connection, sa.select(*columns).where(*wanted), audit.c.at, audit.c.id, after, limit)


def get_audit(connection: sa.Connection, tenant: str, identity: str) -> Row:
    """One row, by its number or the beginning of its id."""
    by_id = sa.cast(audit.c.id, sa.Text).startswith(identity.lower(), autoescape=True)
    number = int(identity) if identity.isdecimal() and len(identity) < 19 else None  # more is no bigint
    wanted = by_id if number is None else sa.or_(audit.c.seq == number, by_id)
    rows = (
        connection.execute(
            sa.select(audit)
            .where(audit.c.tenant == tenant, wanted)
            .order_by(audit.c.id if number is None else (audit.c.seq == number).desc().nulls_last())
            .limit(2)
        )
        .mappings()
        .all()
    )
    if not rows:
        raise Misconfigured(f"there is no audit row {identity}; `crossdock audit list` shows them")
    exact = number is not None and rows[0]["seq"] == number
    if len(rows) > 1 and not exact:
        raise Misconfigured(f"several audit rows begin with {identity}: name more of the id")
    return plain(rows[0])
