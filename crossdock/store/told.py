"""What we say to trading partners: open cases with what their decisions want said, and the write-backs that do."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.named import names_any
from crossdock.store.tables import CLOSED_CASE_STATES, cases, decisions, events, write_backs


def open_events(
    connection: sa.Connection, tenant: str, words: Collection[str], codes: Collection[str], most: int
) -> list[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]:
    """The latest event of each open case of these codes that shares a reference (``customer_po:PO-77``), with the
    actions of its decision, oldest case first; the newest ``most``."""
    if not words or not codes:
        return []
    about = (
        sa.select(cases.c.id, cases.c.opened_at)
        .where(
            cases.c.tenant == tenant,
            names_any(cases, tenant, words),
            cases.c.code == sa.any_(sa.bindparam("codes", list(codes), pg.ARRAY(sa.Text))),
            cases.c.state.not_in([str(state) for state in CLOSED_CASE_STATES]),
        )
        .order_by(cases.c.opened_at.desc(), cases.c.id)
        .limit(most)
        .cte("about")
    )
    latest = (
        sa.select(events.c.id, events.c.document)
        .where(events.c.tenant == tenant, events.c.case_id == about.c.id)
        .order_by(events.c.recorded_at.desc(), events.c.id)
        .limit(1)
        .lateral("latest")
    )
    statement = (
        sa.select(latest.c.document, decisions.c.actions)
        .select_from(about)
        .join(latest, sa.true())
        .join(
            decisions,
            sa.and_(decisions.c.tenant == tenant, decisions.c.event_id == latest.c.id),
            isouter=True,
        )
        .order_by(about.c.opened_at, about.c.id)
    )
    return [(row.document, row.actions or ()) for row in connection.execute(statement)]


def still_holds(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> bool:
    """Whether what this write-back says was said, or will be: its target has not refused it, nobody discarded it."""
    statement = sa.select(write_backs.c.id).where(
        write_backs.c.tenant == tenant,
        write_backs.c.id == write_back_id,
        write_backs.c.state.not_in(["rejected", "discarded"]),
    )
    return connection.execute(statement).first() is not None


def write_back(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Any | None:
    """The row of a write-back, locked for this transaction, or ``None``."""
    statement = (
        sa.select(write_backs)
        .where(write_backs.c.tenant == tenant, write_backs.c.id == write_back_id)
        .with_for_update()
    )
    return connection.execute(statement).first()


def links_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Mapping[str, str]:
    """The headers of a write-back: of which other one it is the same again."""
    statement = sa.select(write_backs.c.headers).where(
        write_backs.c.tenant == tenant, write_backs.c.id == write_back_id
    )
    found: Mapping[str, str] = connection.execute(statement).scalar_one()
    return found


def repeats_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Sequence[Any]:
    """The write-backs that say the same again, under its numbers or under others: id and state."""
    of = str(write_back_id)
    headers = write_backs.c.headers
    statement = (
        sa.select(write_backs.c.id, write_backs.c.state)
        .where(
            write_backs.c.tenant == tenant,
            sa.or_(headers["resend_of"].astext == of, headers["reissue_of"].astext == of),
        )
        .order_by(write_backs.c.created_at)
    )
    return connection.execute(statement).all()
