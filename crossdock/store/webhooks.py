"""Subscriptions and their messages: one row for each event that a subscription wants. The row is the queue."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from crossdock.emit.filters import Filter
from crossdock.store import emissions
from crossdock.store.bulk import insert_rows
from crossdock.store.pages import Page, Row, all_rows, one_row, page_of
from crossdock.store.tables import events, webhook_attempts, webhook_messages, webhooks

KEPT: Final = webhooks.c.reason
"""The reason that stands there, for ``change``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who is called with what. Nothing here is secret: ``connection`` names where the secrets are."""

    id: uuid.UUID
    name: str
    url: str
    wanted: Filter
    connection: str
    previous_connection: str | None
    previous_until: datetime | None
    ordered: bool
    internal: bool
    state: str
    position: int
    not_before: datetime | None
    failed_first_at: datetime | None
    failing_since: datetime | None
    alerted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A message whose attempt is committed and is ours to make until the lease ends."""

    id: uuid.UUID
    webhook_id: uuid.UUID
    event_id: uuid.UUID
    document: Mapping[str, Any]
    attempt: int
    fence: int
    spent: int


def add(connection: sa.Connection, row: Row) -> None:
    connection.execute(sa.insert(webhooks).values(**row))


def read(connection: sa.Connection, tenant: str, name: str, *, hold: bool = False) -> Subscription | None:
    """The subscription of this name that is not removed. ``hold``: until the end of the transaction."""
    statement = sa.select(webhooks).where(
        webhooks.c.tenant == tenant, webhooks.c.name == name, webhooks.c.state != "removed"
    )
    row = connection.execute(statement.with_for_update() if hold else statement).first()
    return None if row is None else _subscription(row)


def read_by_id(connection: sa.Connection, tenant: str, id: uuid.UUID) -> Subscription:
    """The subscription of this id, held until the end of the transaction."""
    statement = sa.select(webhooks).where(webhooks.c.tenant == tenant, webhooks.c.id == id).with_for_update()
    return _subscription(connection.execute(statement).one())


def active(connection: sa.Connection, tenant: str) -> list[Subscription]:
    """Everybody who is to be called: those who answered last time come first."""
    statement = (
        sa.select(webhooks)
        .where(webhooks.c.tenant == tenant, webhooks.c.state == "active")
        .order_by(webhooks.c.failed_first_at.is_not(None), webhooks.c.name)
    )
    return [_subscription(row) for row in connection.execute(statement)]


def change(connection: sa.Connection, tenant: str, id: uuid.UUID, values: Mapping[str, Any]) -> None:
    connection.execute(
        sa.update(webhooks).where(webhooks.c.tenant == tenant, webhooks.c.id == id).values(**values)
    )


def make_messages(
    connection: sa.Connection, tenant: str, id: uuid.UUID, *, since: datetime, now: datetime, limit: int
) -> tuple[int, bool]:
    """A message for each event that came into the feed after this subscription's place. How many, and whether more
    is there. What is older than ``since`` is no longer kept and is passed over."""
    statement = (
        sa.select(webhooks)
        .where(webhooks.c.tenant == tenant, webhooks.c.id == id, webhooks.c.state == "active")
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(statement).first()
    if row is None:
        return 0, False
    after = max(row.position, emissions.before_oldest(connection, tenant, since))
    found = emissions.read(connection, tenant, after=after, wanted=Filter.from_dict(row.filter), limit=limit)
    insert_rows(
        connection,
        webhook_messages,
        [
            {
                "tenant": tenant,
                "id": uuid.uuid5(id, str(one.event_id)),
                "webhook_id": id,
                "event_id": one.event_id,
                "position": one.position,
                "partition_key": str(one.document.get("partitionkey", "")),
                "state": "waiting",
                "next_attempt_at": now,
                "created_at": now,
                "updated_at": now,
            }
            for one in found.events
        ],
        or_ignore=True,
    )
    if found.upto != row.position:
        change(connection, tenant, id, {"position": found.upto})
    return len(found.events), found.upto < found.head


def claim(
    connection: sa.Connection,
    *,
    tenant: str,
    subscription: Subscription,
    now: datetime,
    lease: timedelta,
    run_id: uuid.UUID | None,
) -> Intent | None:
    """Take the message that is due and write its attempt down, before any call: a crash counts.

    In order (``ordered``), one is not due while an earlier one of its key waits or is being sent. Whether the
    subscription may be called at all is looked at each time: in the middle of a batch somebody may have switched it
    off, or its receiver may have asked another worker to wait.
    """
    table, earlier = webhook_messages, webhook_messages.alias("earlier")
    asked = [
        table.c.tenant == tenant,
        table.c.webhook_id == subscription.id,
        table.c.state == "waiting",
        table.c.next_attempt_at <= now,
        sa.exists().where(
            webhooks.c.tenant == tenant,
            webhooks.c.id == subscription.id,
            webhooks.c.state == "active",
            sa.or_(webhooks.c.not_before.is_(None), webhooks.c.not_before <= now),
        ),
    ]
    if subscription.ordered:
        asked.append(
            ~sa.exists().where(
                earlier.c.tenant == tenant,
                earlier.c.webhook_id == subscription.id,
                earlier.c.partition_key == table.c.partition_key,
                earlier.c.position < table.c.position,
                earlier.c.state.in_(("waiting", "sending")),
            )
        )
    due = (
        sa.select(table.c.id)
        .where(*asked)
        .order_by(table.c.next_attempt_at, table.c.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    row = connection.execute(
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == due.c.id)
        .values(
            state="sending",
            attempt=table.c.attempt + 1,
            fence=table.c.fence + 1,
            lease_until=now + lease,
            next_attempt_at=None,
            updated_at=now,
        )
        .returning(table.c.id, table.c.event_id, table.c.attempt, table.c.fence, table.c.spent_before)
    ).first()
    if row is None:
        return None
    connection.execute(
        sa.insert(webhook_attempts).values(
            tenant=tenant, message_id=row.id, attempt=row.attempt, phase="intent", run_id=run_id, at=now
        )
    )
    document = connection.execute(
        sa.select(events.c.document).where(events.c.tenant == tenant, events.c.id == row.event_id)
    ).scalar_one()
    return Intent(
        id=row.id,
        webhook_id=subscription.id,
        event_id=row.event_id,
        document=document,
        attempt=row.attempt,
        fence=row.fence,
        spent=row.attempt - row.spent_before,
    )


def record(
    connection: sa.Connection,
    tenant: str,
    intent: Intent,
    *,
    state: str,
    outcome: str,
    status: int | None,
    reason: str | None,
    next_attempt_at: datetime | None,
    now: datetime,
    counts: bool = True,
    run_id: uuid.UUID | None = None,
) -> bool:
    """Append what came of an attempt, and the next state. False: the lease was lost, and nothing was written."""
    values: dict[str, Any] = {
        "state": state,
        "status": status,
        "reason": reason,
        "next_attempt_at": next_attempt_at,
        "lease_until": None,
        "updated_at": now,
    }
    if not counts:
        values["spent_before"] = webhook_messages.c.spent_before + 1
    done = connection.execute(
        sa.update(webhook_messages)
        .where(
            webhook_messages.c.tenant == tenant,
            webhook_messages.c.id == intent.id,
            webhook_messages.c.fence == intent.fence,
            webhook_messages.c.state == "sending",
        )
        .values(**values)
    )
    if done.rowcount != 1:
        return False
    connection.execute(
        sa.insert(webhook_attempts).values(
            tenant=tenant,
            message_id=intent.id,
            attempt=intent.attempt,
            phase="outcome",
            outcome=outcome,
            status=status,
            reason=reason,
            run_id=run_id,
            at=now,
        )
    )
    return True


def take_over(connection: sa.Connection, tenant: str, now: datetime) -> int:
    """Messages whose sender died between intent and outcome. Whether they arrived is unknown, so they are sent again
    under the id that they had; the attempt counts."""
    done = connection.execute(
        sa.update(webhook_messages)
        .where(
            webhook_messages.c.tenant == tenant,
            webhook_messages.c.state == "sending",
            webhook_messages.c.lease_until < now,
        )
        .values(
            state="waiting",
            fence=webhook_messages.c.fence + 1,
            lease_until=None,
            next_attempt_at=now,
            reason="whoever sent it is gone; whether it arrived is unknown",
            updated_at=now,
        )
    )
    return done.rowcount


def resend(
    connection: sa.Connection, tenant: str, id: uuid.UUID, *, attempts: int, now: datetime
) -> str | None:
    """Send this message at once. One that waits goes on with its schedule after that; one that is over gets one
    attempt out of ``attempts``. The state it had; ``None``: it cannot be sent."""
    held = connection.execute(
        sa.select(webhook_messages.c.state)
        .where(webhook_messages.c.tenant == tenant, webhook_messages.c.id == id)
        .with_for_update()
    ).scalar()
    if held not in ("waiting", "delivered", "failed"):
        return None
    values: dict[str, Any] = {"next_attempt_at": now, "updated_at": now}
    if held != "waiting":
        values |= {"state": "waiting", "spent_before": webhook_messages.c.attempt + 1 - attempts}
    connection.execute(
        sa.update(webhook_messages)
        .where(webhook_messages.c.tenant == tenant, webhook_messages.c.id == id)
        .values(**values)
    )
    return str(held)


def recover(
    connection: sa.Connection, tenant: str, webhook_id: uuid.UUID, *, since: datetime, now: datetime
) -> int:
    """Everything of a subscription that failed since then, again, each with its whole schedule."""
    done = connection.execute(
        sa.update(webhook_messages)
        .where(
            webhook_messages.c.tenant == tenant,
            webhook_messages.c.webhook_id == webhook_id,
            webhook_messages.c.state == "failed",
            webhook_messages.c.updated_at >= since,
        )
        .values(
            state="waiting",
            next_attempt_at=now,
            spent_before=webhook_messages.c.attempt,
            updated_at=now,
        )
    )
    return done.rowcount


def cancel(connection: sa.Connection, tenant: str, webhook_id: uuid.UUID, now: datetime) -> int:
    """What a removed subscription still waited for."""
    done = connection.execute(
        sa.update(webhook_messages)
        .where(
            webhook_messages.c.tenant == tenant,
            webhook_messages.c.webhook_id == webhook_id,
            webhook_messages.c.state.in_(("waiting", "failed")),
        )
        .values(state="cancelled", next_attempt_at=None, updated_at=now)
    )
    return done.rowcount


# -- what people see ------------------------------------------------------------------------------------------------


def listed(connection: sa.Connection, tenant: str) -> list[Row]:
    """The subscriptions that are not removed, each with how many messages wait, failed, and how far behind it is."""
    count, messages = sa.func.count(), webhook_messages
    counted = (
        sa.select(
            messages.c.webhook_id,
            count.filter(messages.c.state.in_(("waiting", "sending"))).label("waiting"),
            count.filter(messages.c.state == "failed").label("failed"),
            count.filter(messages.c.state == "delivered").label("delivered"),
        )
        .where(messages.c.tenant == tenant)
        .group_by(messages.c.webhook_id)
        .subquery()
    )
    shown = [column for column in webhooks.c if column.name not in ("tenant", "fence", "alerted")]
    rows = all_rows(
        connection,
        sa.select(
            *shown,
            *(
                sa.func.coalesce(counted.c[name], 0).label(name)
                for name in ("waiting", "failed", "delivered")
            ),
        )
        .join(counted, counted.c.webhook_id == webhooks.c.id, isouter=True)
        .where(webhooks.c.tenant == tenant, webhooks.c.state != "removed")
        .order_by(webhooks.c.name),
    )
    head = emissions.head(connection, tenant)
    return [{**row, "behind": head - row["position"]} for row in rows]


def messages_of(
    connection: sa.Connection,
    tenant: str,
    webhook_id: uuid.UUID,
    *,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """The messages of a subscription, the newest first."""
    table = webhook_messages
    asked = [table.c.tenant == tenant, table.c.webhook_id == webhook_id]
    if state is not None:
        asked.append(table.c.state == state)
    query = (
        sa.select(
            table.c.id,
            table.c.event_id,
            table.c.position,
            table.c.state,
            table.c.attempt,
            table.c.next_attempt_at,
            table.c.status,
            table.c.reason,
            table.c.created_at,
            table.c.updated_at,
            events.c.code,
            events.c.subject,
        )
        .join(events, sa.and_(events.c.tenant == tenant, events.c.id == table.c.event_id), isouter=True)
        .where(*asked)
    )
    return page_of(connection, query, table.c.created_at, table.c.id, after, limit)


def attempts_of(connection: sa.Connection, tenant: str, message_id: uuid.UUID) -> list[Row]:
    """Every attempt of a message, oldest first."""
    table = webhook_attempts
    shown = [column for column in table.c if column.name not in ("tenant", "message_id")]
    return all_rows(
        connection,
        sa.select(*shown)
        .where(table.c.tenant == tenant, table.c.message_id == message_id)
        .order_by(table.c.attempt, table.c.phase),
    )


def message(connection: sa.Connection, tenant: str, id: uuid.UUID) -> Row:
    """One message."""
    table = webhook_messages
    shown = [column for column in table.c if column.name not in ("tenant", "fence")]
    return one_row(
        connection, sa.select(*shown).where(table.c.tenant == tenant, table.c.id == id), "message", id
    )


def _subscription(row: Any) -> Subscription:
    return Subscription(
        wanted=Filter.from_dict(row.filter),
        **{
            name: getattr(row, name)
            for name in (
                *("id", "name", "url", "connection", "previous_connection", "previous_until", "ordered"),
                *(
                    "internal",
                    "state",
                    "position",
                    "not_before",
                    "failed_first_at",
                    "failing_since",
                    "alerted",
                ),
            )
        },
    )
