"""Consumers of the feed: who may read it, each with a bearer token of its own.

A token is shown once, when it is made; the store keeps its hash. It opens the feed of its tenant and nothing else.
"""

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import Misconfigured
from crossdock.ports import Secret
from crossdock.store import consumers, desk

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

PREFIX: Final = "cdft_"
"""By which secret scanners know a token of the feed."""

SEEN_EVERY: Final = timedelta(minutes=1)
"""A consumer that asks all the time is noted once in this time."""

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A consumer and its token, which nobody can ask for again."""

    id: uuid.UUID
    name: str
    token: Secret


def add(connection: "Transaction", *, tenant: str, name: str, actor: str, now: datetime) -> Admitted:
    """A new consumer. Raises ``Misconfigured`` when the name is taken or none."""
    if not NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is no name of a consumer: small letters, digits, _ and -")
    if consumers.active(connection, tenant, name) is not None:
        raise Misconfigured(f"there is a consumer {name!r} already; rotate its token, or take another name")
    admitted = Admitted(id=uuid.uuid4(), name=name, token=_token())
    consumers.add(
        connection,
        tenant=tenant,
        id=admitted.id,
        name=name,
        token=admitted.token.reveal(),
        now=now,
        actor=actor,
    )
    _note(connection, tenant, "consumer.add", admitted.id, name, actor, now)
    return admitted


def rotate(
    connection: "Transaction", *, tenant: str, name: str, overlap: timedelta, actor: str, now: datetime
) -> Admitted:
    """A new token; the old one opens for ``overlap`` more. The one before the old one ends at once."""
    row = _known(connection, tenant, name)
    admitted = Admitted(id=row.id, name=name, token=_token())
    consumers.rotate(
        connection,
        tenant=tenant,
        id=row.id,
        token=admitted.token.reveal(),
        previous_until=now + overlap,
    )
    _note(connection, tenant, "consumer.rotate", row.id, name, actor, now)
    return admitted


def remove(connection: "Transaction", *, tenant: str, name: str, actor: str, now: datetime) -> None:
    """Its tokens open nothing from now on."""
    row = _known(connection, tenant, name)
    consumers.remove(connection, tenant=tenant, id=row.id)
    _note(connection, tenant, "consumer.remove", row.id, name, actor, now)


def of_token(connection: "Transaction", tenant: str, token: str, now: datetime) -> Any | None:
    """The consumer that this token is of, or ``None``."""
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    return consumers.of_token(connection, tenant, token, now)


def is_to_be_noted(consumer: Any, now: datetime) -> bool:
    """Whether its last request was noted so long ago that this one is noted too."""
    return consumer.seen_at is None or bool(consumer.seen_at <= now - SEEN_EVERY)


def note_seen(connection: "Transaction", *, tenant: str, id: uuid.UUID, position: int, now: datetime) -> None:
    """That it asked, and from which place on."""
    consumers.note_seen(connection, tenant=tenant, id=id, position=position, now=now)


def _known(connection: "Transaction", tenant: str, name: str) -> Any:
    row = consumers.active(connection, tenant, name)
    if row is None:
        raise Misconfigured(f"there is no consumer {name!r}; `crossdock consumers list` shows them")
    return row


def _token() -> Secret:
    return Secret(PREFIX + secrets.token_urlsafe(32))


def _note(
    connection: "Transaction",
    tenant: str,
    action: str,
    id: uuid.UUID,
    name: str,
    actor: str,
    now: datetime,
) -> None:
    desk.add_audit(
        connection,
        tenant=tenant,
        now=now,
        actor=actor,
        action=action,
        object_kind="consumer",
        object_id=str(id),
        detail={"name": name},
    )
