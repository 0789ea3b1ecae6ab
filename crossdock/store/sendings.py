"""What we sent and what became of it: sets that wait for their acknowledgement, and what stands behind them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from crossdock.store.bulk import Row, as_json, recordset
from crossdock.store.tables import decisions, events, exchanges, raw_bodies, raw_messages, write_backs

UNANSWERED: Final = ("unsent", "sent", "waiting", "overdue")
"""The states in which one of ours has no acknowledgement yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One set that we sent, or a copy of one, as the register has it."""

    id: uuid.UUID
    partner: str
    identity: str
    interchange_number: str
    interchange_sha256: str
    functional_id: str
    group_number: str
    set_id: str
    set_number: str
    release: str
    raw_id: uuid.UUID | None
    write_back_id: uuid.UUID | None
    part: int
    at: datetime
    state: str
    answer_due_at: datetime | None
    answered_at: datetime | None
    answer_raw_id: uuid.UUID | None
    answer: Mapping[str, Any] | None

    @property
    def sending(self) -> uuid.UUID:
        """The write-back, or the message with the copy, that it lies in: sent twice, a set has two of these."""
        found = self.write_back_id or self.raw_id
        assert found is not None, "the database wants one of them"
        return found

    def moved(self, state: str, due: datetime | None) -> dict[str, Any]:
        """The row for ``move`` that brings it to another state, with what it was answered so far."""
        return {
            "id": self.id,
            "state": state,
            "answer_due_at": due,
            "answered_at": self.answered_at,
            "answer_raw_id": self.answer_raw_id,
            "answer": self.answer,
        }


_GIVEN_UP: Final = ("unsent", "waiting", "overdue")

_PLACE: Final = (sa.func.coalesce(exchanges.c.write_back_id, exchanges.c.raw_id), exchanges.c.part)
"""The file that a set lies in, and where in it."""

_SENT: Final = tuple(exchanges.c[name] for name in Sent.__dataclass_fields__)


def sent_in_groups(
    connection: sa.Connection, tenant: str, groups: Collection[tuple[str, str, str]], *, lock: bool = True
) -> list[Sent]:
    """Our sets in these groups (partner, GS01, GS06), in the order they were sent in; locked, unless only read."""
    if not groups:
        return []
    key = sa.tuple_(exchanges.c.partner, exchanges.c.functional_id, exchanges.c.group_number)
    return _sent(connection, [exchanges.c.tenant == tenant, key.in_(sorted(groups))], lock)


def sent_in_interchanges(
    connection: sa.Connection, tenant: str, numbers: Collection[tuple[str, str]], *, lock: bool = True
) -> list[Sent]:
    """Our sets in these interchanges: partner, ISA13."""
    if not numbers:
        return []
    key = sa.tuple_(exchanges.c.partner, exchanges.c.interchange_number)
    return _sent(connection, [exchanges.c.tenant == tenant, key.in_(sorted(numbers))], lock)


def sent_in(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> list[Sent]:
    """Our sets in a write-back, locked."""
    return _sent(
        connection, [exchanges.c.tenant == tenant, exchanges.c.write_back_id == write_back_id], lock=True
    )


def copies_known(
    connection: sa.Connection, tenant: str, copies: Collection[tuple[str, str, str]]
) -> set[tuple[str, str, str]]:
    """Which of these interchanges (partner, ISA13, hash) we wrote ourselves: copies are not registered again."""
    if not copies:
        return set()
    numbers = (exchanges.c.partner, exchanges.c.interchange_number, exchanges.c.interchange_sha256)
    found = connection.execute(
        sa.select(*numbers)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.direction == "out",
            exchanges.c.write_back_id.is_not(None),
            sa.tuple_(*numbers).in_(sorted(copies)),
        )
        .distinct()
    )
    return {(each[0], each[1], each[2]) for each in found}


def due(connection: sa.Connection, tenant: str, now: datetime, limit: int) -> list[Sent]:
    """What waits for an acknowledgement that should be here, the longest first; locked, and what another worker holds
    is left to it."""
    statement = (
        sa.select(*_SENT)
        .where(
            exchanges.c.tenant == tenant,
            exchanges.c.state == "waiting",
            exchanges.c.answer_due_at <= now,
        )
        .order_by(exchanges.c.answer_due_at, *_PLACE)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [Sent(**each._mapping) for each in connection.execute(statement)]


def _sent(connection: sa.Connection, conditions: Sequence[Any], lock: bool) -> list[Sent]:
    statement = (
        sa.select(*_SENT).where(exchanges.c.direction == "out", *conditions).order_by(exchanges.c.at, *_PLACE)
    )
    if lock:
        statement = statement.with_for_update()
    return [Sent(**each._mapping) for each in connection.execute(statement)]


def move(connection: sa.Connection, tenant: str, rows: Sequence[Row]) -> None:
    """Bring sets of ours to their next state, each with when and by what it was answered."""
    if not rows:
        return
    columns = ("id", "state", "answer_due_at", "answered_at", "answer_raw_id", "answer")
    given = recordset(exchanges, columns)
    connection.execute(
        sa.update(exchanges)
        .where(exchanges.c.tenant == tenant, exchanges.c.id == given.c.id)
        .values({name: given.c[name] for name in columns[1:]}),
        {"rows": as_json(rows)},
    )


def give_up(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> None:
    """No answer to this write-back is waited for any more."""
    waiting = [one for one in sent_in(connection, tenant, write_back_id) if one.state in _GIVEN_UP]
    move(connection, tenant, [one.moved("cancelled", None) for one in waiting])


# -- where it came from ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What stands behind a write-back: the message that its decision came of, and the decision itself."""

    write_back_id: uuid.UUID
    operation: str
    subject: str
    case_id: uuid.UUID | None
    decision_id: uuid.UUID | None
    raw_id: uuid.UUID | None
    part: int
    body: bytes


def behind(connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Behind]:
    """The write-backs with what led to them."""
    if not ids:
        return {}
    statement = (
        sa.select(
            write_backs.c.id,
            write_backs.c.operation,
            write_backs.c.subject,
            write_backs.c.case_id,
            write_backs.c.decision_id,
            sa.func.coalesce(write_backs.c.raw_id, events.c.raw_id).label("raw_id"),
            events.c.part,
            write_backs.c.body,
        )
        .join(
            decisions,
            sa.and_(
                decisions.c.tenant == write_backs.c.tenant,
                decisions.c.id == write_backs.c.decision_id,
            ),
            isouter=True,
        )
        .join(
            events,
            sa.and_(events.c.tenant == decisions.c.tenant, events.c.id == decisions.c.event_id),
            isouter=True,
        )
        .where(write_backs.c.tenant == tenant, write_backs.c.id.in_(list(ids)))
    )
    return {
        each.id: Behind(
            write_back_id=each.id,
            operation=each.operation,
            subject=each.subject,
            case_id=each.case_id,
            decision_id=each.decision_id,
            raw_id=each.raw_id,
            part=each.part or 0,
            body=bytes(each.body),
        )
        for each in connection.execute(statement)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A raw message as far as an exception names it, and its bytes where they are asked for."""

    id: uuid.UUID
    source: str
    name: str
    sha256: str
    received_at: datetime
    body: bytes = b""


def messages(
    connection: sa.Connection, tenant: str, ids: Collection[uuid.UUID], *, bodies: bool = False
) -> dict[uuid.UUID, Message]:
    """Raw messages by their ids."""
    if not ids:
        return {}
    raw = raw_messages
    columns: list[Any] = [raw.c.id, raw.c.source, raw.c.name, raw.c.sha256, raw.c.received_at]
    origin: Any = raw
    if bodies:
        columns.append(sa.func.coalesce(raw.c.body, raw_bodies.c.body).label("body"))
        same = sa.and_(raw_bodies.c.tenant == raw.c.tenant, raw_bodies.c.raw_id == raw.c.id)
        origin = raw.join(raw_bodies, same, isouter=True)
    statement = sa.select(*columns).select_from(origin).where(raw.c.tenant == tenant, raw.c.id.in_(list(ids)))
    return {
        each.id: Message(
            id=each.id,
            source=each.source,
            name=each.name,
            sha256=each.sha256,
            received_at=each.received_at,
            body=bytes(each.body or b"") if bodies else b"",
        )
        for each in connection.execute(statement)
    }


def answers_to(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> list[Mapping[str, str]]:
    """The headers of the answers that went to a message already."""
    statement = sa.select(write_backs.c.headers).where(
        write_backs.c.tenant == tenant, write_backs.c.raw_id == raw_id, write_backs.c.case_id.is_(None)
    )
    return list(connection.execute(statement).scalars())
