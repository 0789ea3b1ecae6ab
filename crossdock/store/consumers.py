"""Who reads the feed: a name and the hash of a token. The token itself is kept nowhere."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.store.pages import Row, all_rows
from crossdock.store.tables import consumers


def hash_of(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so a plain hash of it tells nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(
    connection: sa.Connection, *, tenant: str, id: uuid.UUID, name: str, token: str, now: datetime, actor: str
) -> None:
    connection.execute(
        sa.insert(consumers).values(
            tenant=tenant,
            id=id,
            name=name,
            token_sha256=hash_of(token),
            state="active",
            created_at=now,
            created_by=actor,
        )
    )


def active(connection: sa.Connection, tenant: str, name: str) -> Any | None:
    """The consumer of this name, held for the transaction."""
    statement = (
        sa.select(consumers)
        .where(consumers.c.tenant == tenant, consumers.c.name == name, consumers.c.state == "active")
        .with_for_update()
    )
    return connection.execute(statement).first()


def rotate(
    connection: sa.Connection, *, tenant: str, id: uuid.UUID, token: str, previous_until: datetime
) -> None:
    """A new token; the one before it opens until then."""
    connection.execute(
        sa.update(consumers)
        .where(consumers.c.tenant == tenant, consumers.c.id == id)
        .values(
            previous_sha256=consumers.c.token_sha256,
            previous_until=previous_until,
            token_sha256=hash_of(token),
        )
    )


def remove(connection: sa.Connection, *, tenant: str, id: uuid.UUID) -> None:
    connection.execute(
        sa.update(consumers)
        .where(consumers.c.tenant == tenant, consumers.c.id == id)
        .values(state="removed", previous_sha256=None, previous_until=None)
    )


def of_token(connection: sa.Connection, tenant: str, token: str, now: datetime) -> Any | None:
    """The active consumer whose token this is, also while its earlier one still opens."""
    given = hash_of(token)
    statement = sa.select(consumers).where(
        consumers.c.tenant == tenant,
        consumers.c.state == "active",
        sa.or_(
            consumers.c.token_sha256 == given,
            sa.and_(consumers.c.previous_sha256 == given, consumers.c.previous_until > now),
        ),
    )
    return connection.execute(statement).first()


def note_seen(connection: sa.Connection, *, tenant: str, id: uuid.UUID, position: int, now: datetime) -> None:
    """When it last asked, and from where on."""
    connection.execute(
        sa.update(consumers)
        .where(consumers.c.tenant == tenant, consumers.c.id == id)
        .values(seen_at=now, position=position)
    )


def listed(connection: sa.Connection, tenant: str) -> list[Row]:
    """The active consumers by name, without anything of their tokens."""
    shown = (
        consumers.c.id,
        consumers.c.name,
        consumers.c.created_at,
        consumers.c.created_by,
        consumers.c.previous_until,
        consumers.c.seen_at,
        consumers.c.position,
    )
    return all_rows(
        connection,
        sa.select(*shown)
        .where(consumers.c.tenant == tenant, consumers.c.state == "active")
        .order_by(consumers.c.name),
    )
