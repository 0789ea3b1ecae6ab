"""What we say to trading partners: open cases with what their decisions want said, and the write-backs that do."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import REISSUED, RESENT, WriteBackState
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


_UNSAID: Final = (
    WriteBackState.REJECTED,
    WriteBackState.SUPERSEDED,
    WriteBackState.SHADOWED,
    WriteBackState.DISCARDED,
)


def still_holds(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> bool:
    """Whether what this write-back says was said, or will be, by it or by one that says it again: its target has not
    refused it, nobody discarded it."""
    statement = sa.select(write_backs.c.state).where(
        write_backs.c.tenant == tenant, write_backs.c.id == write_back_id
    )
    state = connection.execute(statement).scalar_one_or_none()
    if state != WriteBackState.REJECTED:  # only what was delivered or rejected is ever said again
        return state is not None and state not in _UNSAID
    return any(one.state not in _UNSAID for one in family(connection, tenant, write_back_id))


def holding(connection: sa.Connection, tenant: str, write_back_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these write-backs of which ``still_holds`` is true."""
    if not write_back_ids:
        return set()
    statement = sa.select(write_backs.c.id, write_backs.c.state).where(
        write_backs.c.tenant == tenant, write_backs.c.id.in_(list(write_back_ids))
    )
    return {
        one.id
        for one in connection.execute(statement)
        if one.state not in _UNSAID or still_holds(connection, tenant, one.id)
    }


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


def first_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, *links: str) -> uuid.UUID:
    """The write-back that was said first, of those that are linked by these headers: of what is the same under the
    same numbers by ``RESENT`` alone, of all that says the same by both."""
    first = write_back_id
    while True:
        headers = connection.execute(
            sa.select(write_backs.c.headers).where(write_backs.c.tenant == tenant, write_backs.c.id == first)
        ).scalar_one_or_none()
        before = next((headers[link] for link in links if link in headers), None) if headers else None
        if before is None:
            return first
        first = uuid.UUID(before)


def hold_family(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> uuid.UUID:
    """Hold what says the same to the end of the transaction: of two who want to send it again, or to run it again,
    the second sees what the first did. The one that was said first."""
    first = first_of(connection, tenant, write_back_id, RESENT, REISSUED)
    write_back(connection, tenant, first)
    return first


def family(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Sequence[Any]:
    """The write-backs that say the same, under the same numbers or under others, oldest first, the one itself among
    them: id, state and headers."""
    first = first_of(connection, tenant, write_back_id, RESENT, REISSUED)
    root = sa.select(write_backs).where(write_backs.c.tenant == tenant, write_backs.c.id == first).subquery()
    statement = (
        sa.select(write_backs.c.id, write_backs.c.state, write_backs.c.headers)
        .join(
            root,
            sa.and_(
                sa.or_(
                    write_backs.c.case_id == root.c.case_id,
                    sa.and_(write_backs.c.case_id.is_(None), root.c.case_id.is_(None)),
                ),
                write_backs.c.operation == root.c.operation,
            ),
        )
        .where(
            write_backs.c.tenant == tenant,
            sa.or_(
                write_backs.c.id == first,
                write_backs.c.headers.has_key(RESENT),
                write_backs.c.headers.has_key(REISSUED),
            ),
        )
        .order_by(write_backs.c.created_at, write_backs.c.id)
    )
    found = connection.execute(statement).all()
    known = {first}
    while more := {one.id for one in found if one.id not in known and repeated_by(one.headers) in known}:
        known |= more
    return [one for one in found if one.id in known]


def repeated_by(headers: Mapping[str, str]) -> uuid.UUID | None:
    """The write-back that the one with these headers says again; ``None``: it says something of its own."""
    of = headers.get(RESENT) or headers.get(REISSUED)
    return uuid.UUID(of) if of else None


def repeats_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Sequence[Any]:
    """The write-backs that say the same again, under its numbers or under others: id and state."""
    of = str(write_back_id)
    headers = write_backs.c.headers
    statement = (
        sa.select(write_backs.c.id, write_backs.c.state)
        .where(
            write_backs.c.tenant == tenant,
            sa.or_(headers[RESENT].astext == of, headers[REISSUED].astext == of),
        )
        .order_by(write_backs.c.created_at)
    )
    return connection.execute(statement).all()
