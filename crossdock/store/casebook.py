"""Parts, facts, events, cases and decisions: what one message came to, written in one transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import CaseState
from crossdock.store.bulk import Row, as_json, insert_rows, recordset
from crossdock.store.named import names_any
from crossdock.store.tables import (
    CLOSED_CASE_STATES,
    case_transitions,
    cases,
    decisions,
    events,
    facts,
    parts,
)


def known_events(connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these events are stored already: mapping a message again gives the same ids."""
    statement = sa.select(events.c.id).where(
        events.c.tenant == tenant, events.c.id == sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid)))
    )
    return set(connection.execute(statement).scalars())


def said_by(
    connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, uuid.UUID]:
    """Which message said these facts and events first, as far as they are stored."""
    asked = sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid)))
    statement = sa.union_all(
        *(
            sa.select(table.c.id, table.c.raw_id).where(table.c.tenant == tenant, table.c.id == asked)
            for table in (facts, events)
        )
    )
    return {row.id: row.raw_id for row in connection.execute(statement)}


def ended_events(
    connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID], resolution: str
) -> set[uuid.UUID]:
    """Which of these events belong to a case that ended in this way."""
    if not ids:
        return set()
    statement = (
        sa.select(events.c.id)
        .join(cases, sa.and_(cases.c.tenant == events.c.tenant, cases.c.id == events.c.case_id))
        .where(
            events.c.tenant == tenant,
            events.c.id == sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid))),
            cases.c.state == "resolved",
            cases.c.resolution == resolution,
        )
    )
    return set(connection.execute(statement).scalars())


def add_facts(connection: sa.Connection, rows: Sequence[Row]) -> None:
    insert_rows(connection, facts, rows, or_ignore=True)


def add_events(connection: sa.Connection, rows: Sequence[Row]) -> None:
    insert_rows(connection, events, rows)


def add_decisions(connection: sa.Connection, rows: Sequence[Row]) -> None:
    insert_rows(connection, decisions, rows)


def add_parts(connection: sa.Connection, rows: Sequence[Row]) -> None:
    insert_rows(connection, parts, rows)


def parts_in_flight(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> set[int]:
    """The ordinals of the parts that a replay put in flight."""
    statement = sa.select(parts.c.ordinal).where(
        parts.c.tenant == tenant, parts.c.raw_id == raw_id, parts.c.state == "in_flight"
    )
    return set(connection.execute(statement).scalars())


def move_part(
    connection: sa.Connection,
    tenant: str,
    raw_id: uuid.UUID,
    ordinal: int,
    state: str,
    *,
    label: str | None = None,
    partner: str | None = None,
    span: tuple[int, int] | None = None,
) -> None:
    """Bring a part to its next state, with what is known of it now. ``span``: byte offset and length."""
    values: dict[str, Any] = {"state": state}
    if label is not None:
        values["label"] = label
    if partner is not None:
        values["partner"] = partner
    if span is not None:
        values["byte_offset"], values["byte_length"] = span
    connection.execute(
        sa.update(parts)
        .where(parts.c.tenant == tenant, parts.c.raw_id == raw_id, parts.c.ordinal == ordinal)
        .values(**values)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The case that a fold key's events belong to, and whether this opened it."""

    case_id: uuid.UUID
    opened: bool


_IS_OPEN = cases.c.state.not_in([str(state) for state in CLOSED_CASE_STATES])


def fold(connection: sa.Connection, tenant: str, rows: Sequence[Row]) -> Mapping[str, Folded]:
    """Open a case for each fold key, or fold into the one that is open. ``rows``: one per fold key, with all
    columns of a case. Keys are taken in order, so that two workers cannot wait for each other."""
    if not rows:
        return {}
    ordered = sorted(rows, key=lambda row: str(row["fold_key"]))
    columns = tuple(ordered[0])
    given = recordset(cases, columns)
    insert = pg.insert(cases).from_select(
        columns, sa.select(*(given.c[name] for name in columns)).order_by(given.c.fold_key)
    )
    excluded = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["tenant", "fold_key"],
        index_where=sa.text(_open_where()),
        set_={
            "occurrences": cases.c.occurrences + excluded.occurrences,
            "last_seen_at": sa.func.greatest(cases.c.last_seen_at, excluded.last_seen_at),
        },
    ).returning(cases.c.id, cases.c.fold_key, cases.c.occurrences)
    ids = {str(row["fold_key"]): row["id"] for row in ordered}
    return {
        row.fold_key: Folded(case_id=row.id, opened=row.id == ids[row.fold_key])
        for row in connection.execute(statement, {"rows": as_json(ordered)})
    }


def _open_where() -> str:
    """The predicate of the partial unique index, word for word, so that PostgreSQL recognizes it."""
    index = next(index for index in cases.indexes if index.name == "uq_cases_open_fold_key")
    return str(index.dialect_options["postgresql"]["where"])


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """An open case, with one of its events to compare a clearing fact with, and the partner that the event is of."""

    id: uuid.UUID
    code: str
    state: CaseState
    event: Mapping[str, Any]
    partner: str | None = None


def was_said(connection: sa.Connection, tenant: str, code: str, ref: str, since: datetime) -> bool:
    """Whether a case of this code and reference heard of its trouble since then, however it stands now."""
    statement = sa.select(cases.c.id).where(
        cases.c.tenant == tenant,
        names_any(cases, tenant, [ref]),
        cases.c.code == code,
        cases.c.last_seen_at >= since,
    )
    return connection.execute(statement.limit(1)).first() is not None


def open_cases_about(
    connection: sa.Connection, tenant: str, codes: Iterable[str], refs: Iterable[str]
) -> list[OpenCase]:
    """Open cases of these codes that share a reference, locked for this transaction."""
    about = (
        sa.select(cases.c.id, cases.c.code, cases.c.state)
        .where(
            cases.c.tenant == tenant,
            names_any(cases, tenant, list(refs)),
            cases.c.code == sa.any_(sa.bindparam("codes", list(codes), pg.ARRAY(sa.Text))),
            _IS_OPEN,
        )
        .order_by(cases.c.id)
        .with_for_update()
        .cte("about")
    )
    event = (
        sa.select(events.c.document, events.c.raw_id, events.c.part)
        .where(events.c.tenant == tenant, events.c.case_id == about.c.id)
        .order_by(events.c.recorded_at.desc(), events.c.id)
        .limit(1)
        .lateral("event")
    )
    of_part = sa.and_(
        parts.c.tenant == tenant, parts.c.raw_id == event.c.raw_id, parts.c.ordinal == event.c.part
    )
    statement = sa.select(about, event.c.document, parts.c.partner).select_from(
        about.join(event, sa.true()).join(parts, of_part, isouter=True)
    )
    return [
        OpenCase(
            id=row.id,
            code=row.code,
            state=CaseState(row.state),
            event=row.document,
            # what follows from our own words is told with the message that made us say them, and names its partner
            partner=row.document["data"].get("ext", {}).get("partner") or row.partner,
        )
        for row in connection.execute(statement)
    ]


def add_transitions(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Append the first transitions of new cases (sequence 1)."""
    insert_rows(connection, case_transitions, rows)


def send_to_triage(connection: sa.Connection, tenant: str, ids: Iterable[uuid.UUID]) -> None:
    """These cases could not be decided: a person looks at them first."""
    connection.execute(
        sa.update(cases).where(cases.c.tenant == tenant, cases.c.id.in_(list(ids))).values(queue="triage")
    )


def latest_event(connection: sa.Connection, tenant: str, case_id: uuid.UUID) -> Mapping[str, Any] | None:
    """The last event of a case that is open, or ``None``."""
    document: Mapping[str, Any] | None = connection.execute(
        sa.select(events.c.document)
        .join(cases, sa.and_(cases.c.tenant == tenant, cases.c.id == events.c.case_id))
        .where(events.c.tenant == tenant, events.c.case_id == case_id, _IS_OPEN)
        .order_by(events.c.recorded_at.desc(), events.c.id)
        .limit(1)
    ).scalar()
    return document


def move_case(
    connection: sa.Connection,
    *,
    tenant: str,
    case_id: uuid.UUID,
    from_state: CaseState,
    to_state: CaseState,
    actor: str,
    reason: str,
    now: datetime,
    event_id: uuid.UUID | None = None,
) -> None:
    """One transition of a case, with its row in the history. The database refuses an illegal one."""
    closing = to_state in CLOSED_CASE_STATES
    connection.execute(
        sa.update(cases)
        .where(cases.c.tenant == tenant, cases.c.id == case_id)
        .values(
            state=str(to_state),
            closed_at=now if closing else None,
            resolution=reason if closing else None,
        )
    )
    mine = sa.and_(case_transitions.c.tenant == tenant, case_transitions.c.case_id == case_id)
    last = sa.select(sa.func.coalesce(sa.func.max(case_transitions.c.sequence), 0) + 1).where(mine)
    connection.execute(
        sa.insert(case_transitions).values(
            tenant=tenant,
            case_id=case_id,
            sequence=last.scalar_subquery(),
            from_state=str(from_state),
            to_state=str(to_state),
            actor=actor,
            reason=reason,
            event_id=event_id,
            at=now,
        )
    )


def hold_case(connection: sa.Connection, tenant: str, case_id: uuid.UUID) -> Any | None:
    """State, fold key and owner of a case, locked for this transaction, or ``None``."""
    statement = (
        sa.select(cases.c.state, cases.c.fold_key, cases.c.owner)
        .where(cases.c.tenant == tenant, cases.c.id == case_id)
        .with_for_update()
    )
    return connection.execute(statement).first()


def open_case_of(connection: sa.Connection, tenant: str, fold_key: str) -> uuid.UUID | None:
    """The open case of the trouble with this fold key."""
    statement = sa.select(cases.c.id).where(cases.c.tenant == tenant, cases.c.fold_key == fold_key, _IS_OPEN)
    found: uuid.UUID | None = connection.execute(statement).scalar_one_or_none()
    return found


def set_owner(connection: sa.Connection, tenant: str, case_id: uuid.UUID, owner: str) -> None:
    """Who works on a case."""
    connection.execute(
        sa.update(cases).where(cases.c.tenant == tenant, cases.c.id == case_id).values(owner=owner)
    )
