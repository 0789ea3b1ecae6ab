"""One thing with its whole story, its exact bytes, and how a person names it."""

import re
import uuid
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import tables
from crossdock.store.pages import (
    Connection,
    Row,
    all_rows,
    but_tenant,
    first_row,
    one_row,
    raw_columns,
    write_back_columns,
)
from crossdock.store.payloads import versions_of

SHOWN_AGAIN: Final = 50
"""Of so many times that a raw message came again each is told; more are counted."""


def get_event(connection: Connection, tenant: str, event_id: uuid.UUID) -> Row:
    """An event with its sealed document, where it came from, and what was decided."""
    events, decisions = tables.events, tables.decisions
    found = one_row(
        connection,
        sa.select(*but_tenant(events)).where(events.c.tenant == tenant, events.c.id == event_id),
        "event",
        event_id,
    )
    found["raw"] = _raw(connection, tenant, uuid.UUID(found["raw_id"]))
    found["decision"] = first_row(
        connection,
        sa.select(*but_tenant(decisions)).where(
            decisions.c.tenant == tenant, decisions.c.event_id == event_id
        ),
    )
    return found


def get_case(connection: Connection, tenant: str, case_id: uuid.UUID) -> Row:
    """The whole story of a case: the raw messages, its events, the decision on each, the write-backs with their
    attempts, its transitions, and what people did to it."""
    cases, events, decisions, raw = tables.cases, tables.events, tables.decisions, tables.raw_messages
    written, transitions = tables.write_backs, tables.case_transitions
    story = one_row(
        connection,
        sa.select(*but_tenant(cases)).where(cases.c.tenant == tenant, cases.c.id == case_id),
        "case",
        case_id,
    )
    story["events"] = all_rows(
        connection,
        sa.select(*but_tenant(events))
        .where(events.c.tenant == tenant, events.c.case_id == case_id)
        .order_by(events.c.recorded_at, events.c.part, events.c.id),
    )
    raw_ids = {uuid.UUID(event["raw_id"]) for event in story["events"]}
    story["raw"] = all_rows(
        connection,
        sa.select(*raw_columns())
        .where(raw.c.tenant == tenant, raw.c.id.in_(raw_ids))
        .order_by(raw.c.received_at, raw.c.id),
    )
    story["decisions"] = all_rows(
        connection,
        sa.select(*but_tenant(decisions))
        .where(decisions.c.tenant == tenant, decisions.c.case_id == case_id)
        .order_by(decisions.c.decided_at, decisions.c.id),
    )
    write_backs = all_rows(
        connection,
        sa.select(*write_back_columns())
        .where(written.c.tenant == tenant, written.c.case_id == case_id)
        .order_by(written.c.created_at, written.c.id),
    )
    attempts = _attempts(connection, tenant, [uuid.UUID(row["id"]) for row in write_backs])
    story["write_backs"] = [{**row, "attempts": attempts.get(row["id"], [])} for row in write_backs]
    asked, belonging = tables.approvals, tables.sagas
    story["approvals"] = all_rows(
        connection,
        sa.select(*but_tenant(asked))
        .where(
            asked.c.tenant == tenant,
            asked.c.write_back_id.in_([uuid.UUID(row["id"]) for row in write_backs]),
        )
        .order_by(asked.c.asked_at, asked.c.id),
    )
    story["sagas"] = all_rows(
        connection,
        sa.select(*but_tenant(belonging))
        .where(belonging.c.tenant == tenant, belonging.c.case_id == case_id)
        .order_by(belonging.c.opened_at, belonging.c.id),
    )
    story["transitions"] = all_rows(
        connection,
        sa.select(*but_tenant(transitions))
        .where(transitions.c.tenant == tenant, transitions.c.case_id == case_id)
        .order_by(transitions.c.sequence),
    )
    story["audit"] = audit_of(connection, tenant, case_id)
    return story


def get_write_back(connection: Connection, tenant: str, write_back_id: uuid.UUID) -> Row:
    """A write-back with every attempt, the decision that wanted it, and its open dead letter when it has one."""
    written, decisions, letters = tables.write_backs, tables.decisions, tables.dead_letters
    found = one_row(
        connection,
        sa.select(*write_back_columns()).where(written.c.tenant == tenant, written.c.id == write_back_id),
        "write-back",
        write_back_id,
    )
    found["attempts"] = _attempts(connection, tenant, [write_back_id]).get(found["id"], [])
    found["decision"] = None
    if found["decision_id"] is not None:
        found["decision"] = first_row(
            connection,
            sa.select(*but_tenant(decisions)).where(
                decisions.c.tenant == tenant, decisions.c.id == uuid.UUID(found["decision_id"])
            ),
        )
    found["dead_letter"] = first_row(
        connection,
        sa.select(*but_tenant(letters)).where(
            letters.c.tenant == tenant, letters.c.write_back_id == write_back_id, letters.c.state == "open"
        ),
    )
    return found


def get_dead_letter(connection: Connection, tenant: str, dead_letter_id: uuid.UUID) -> Row:
    """A dead letter with the message or write-back that it is about, and what people did to it."""
    letters = tables.dead_letters
    found = one_row(
        connection,
        sa.select(*but_tenant(letters)).where(letters.c.tenant == tenant, letters.c.id == dead_letter_id),
        "dead letter",
        dead_letter_id,
    )
    found["raw"] = _raw(connection, tenant, uuid.UUID(found["raw_id"])) if found["raw_id"] else None
    found["write_back"] = (
        get_write_back(connection, tenant, uuid.UUID(found["write_back_id"]))
        if found["write_back_id"]
        else None
    )
    found["audit"] = audit_of(connection, tenant, dead_letter_id)
    found["versions_made"] = versions_of(connection, tenant, dead_letter_id)
    return found


def get_raw(connection: Connection, tenant: str, raw_id: uuid.UUID) -> Row:
    """A raw message with what became of each of its parts, and as what the same bytes came again: the last
    ``SHOWN_AGAIN`` times of ``times_again``. Its bytes: ``body_of_raw``."""
    raw, parts, again = tables.raw_messages, tables.parts, tables.duplicates
    found = one_row(
        connection,
        sa.select(*raw_columns()).where(raw.c.tenant == tenant, raw.c.id == raw_id),
        "raw message",
        raw_id,
    )
    found["parts"] = all_rows(
        connection,
        sa.select(*but_tenant(parts))
        .where(parts.c.tenant == tenant, parts.c.raw_id == raw_id)
        .order_by(parts.c.ordinal),
    )
    found["times_again"] = times_again(connection, tenant, [raw_id]).get(str(raw_id), 0)
    found["came_again"] = all_rows(
        connection,
        sa.select(again.c.name, again.c.seen_at)
        .where(again.c.tenant == tenant, again.c.raw_id == raw_id)
        .order_by(again.c.seen_at.desc(), again.c.id)
        .limit(SHOWN_AGAIN),
    )
    return found


def times_again(connection: Connection, tenant: str, ids: Sequence[uuid.UUID | str]) -> dict[str, int]:
    """How many times the bytes of these raw messages came again, by id; those that did not are not in it."""
    again = tables.duplicates
    rows = connection.execute(
        sa.select(again.c.raw_id, sa.func.count())
        .where(again.c.tenant == tenant, again.c.raw_id.in_([uuid.UUID(str(one)) for one in ids]))
        .group_by(again.c.raw_id)
    )
    return {str(raw_id): int(count) for raw_id, count in rows}


def body_of_raw(connection: Connection, tenant: str, raw_id: uuid.UUID) -> bytes:
    """The bytes of a raw message, exactly as they came."""
    raw, bodies = tables.raw_messages, tables.raw_bodies
    row = connection.execute(
        sa.select(sa.func.coalesce(raw.c.body, bodies.c.body))
        .select_from(
            raw.join(
                bodies, sa.and_(bodies.c.tenant == raw.c.tenant, bodies.c.raw_id == raw.c.id), isouter=True
            )
        )
        .where(raw.c.tenant == tenant, raw.c.id == raw_id)
    ).first()
    if row is None or row[0] is None:
        raise Misconfigured(f"no bytes are stored for the raw message {raw_id}")
    return bytes(row[0])


def body_of_write_back(connection: Connection, tenant: str, write_back_id: uuid.UUID) -> bytes:
    """The bytes of a write-back, exactly as they leave."""
    written = tables.write_backs
    row = connection.execute(
        sa.select(written.c.body).where(written.c.tenant == tenant, written.c.id == write_back_id)
    ).first()
    if row is None:
        raise Misconfigured(f"there is no write-back {write_back_id}")
    return bytes(row[0])


def body_of_dead_letter(
    connection: Connection, tenant: str, dead_letter_id: uuid.UUID, *, whole: bool = False
) -> bytes:
    """The bytes that a dead letter is about: those of its part, or (``whole``, or when the part's place is not
    known) of the whole message; or those of its write-back."""
    letters, parts = tables.dead_letters, tables.parts
    row = connection.execute(
        sa.select(letters.c.raw_id, letters.c.part, letters.c.write_back_id).where(
            letters.c.tenant == tenant, letters.c.id == dead_letter_id
        )
    ).first()
    if row is None:
        raise Misconfigured(f"there is no dead letter {dead_letter_id}")
    if row.raw_id is None:
        return body_of_write_back(connection, tenant, row.write_back_id)
    body = body_of_raw(connection, tenant, row.raw_id)
    if whole or row.part is None:
        return body
    span = connection.execute(
        sa.select(parts.c.byte_offset, parts.c.byte_length).where(
            parts.c.tenant == tenant, parts.c.raw_id == row.raw_id, parts.c.ordinal == row.part
        )
    ).first()
    if span is None or span.byte_offset is None or span.byte_length is None:
        return body
    return body[span.byte_offset : span.byte_offset + span.byte_length]


def _raw(connection: Connection, tenant: str, raw_id: uuid.UUID) -> Row | None:
    raw = tables.raw_messages
    return first_row(connection, sa.select(*raw_columns()).where(raw.c.tenant == tenant, raw.c.id == raw_id))


def audit_of(connection: Connection, tenant: str, object_id: uuid.UUID) -> list[Row]:
    """What people did to this thing, in the order in which they did it."""
    audit = tables.audit
    return all_rows(
        connection,
        sa.select(*but_tenant(audit))
        .where(audit.c.tenant == tenant, audit.c.object_id == str(object_id))
        .order_by(audit.c.at, audit.c.id),
    )


def _attempts(connection: Connection, tenant: str, ids: Sequence[uuid.UUID]) -> dict[str, list[Row]]:
    """Every attempt of these write-backs, by the write-back's id, in the order in which they happened."""
    attempts = tables.attempts
    found: dict[str, list[Row]] = {}
    rows = all_rows(
        connection,
        sa.select(*but_tenant(attempts))
        .where(attempts.c.tenant == tenant, attempts.c.write_back_id.in_(ids))
        .order_by(attempts.c.attempt, attempts.c.at, sa.case((attempts.c.phase == "intent", 0), else_=1)),
    )
    for row in rows:
        found.setdefault(row.pop("write_back_id"), []).append(row)
    return found


# ── names of things ──────────────────────────────────────────────────────────────────────────────────────────

KINDS: Final[Mapping[str, tuple[sa.Table, str]]] = {
    "event": (tables.events, "events"),
    "case": (tables.cases, "cases"),
    "write-back": (tables.write_backs, "write-backs"),
    "dead letter": (tables.dead_letters, "dead-letters"),
    "group of dead letters": (tables.dead_letter_groups, "dead-letter-groups"),
    "redrive": (tables.redrives, "redrives"),
    "raw message": (tables.raw_messages, "raw"),
    "exchange": (tables.exchanges, "exchanges"),
    "approval": (tables.approvals, "approvals"),
    "saga": (tables.sagas, "sagas"),
}
"""What can be named by an id: its table, and the group of commands that shows it."""


def resolve(connection: Connection, tenant: str, kind: str, text: str) -> uuid.UUID:
    """The id that a person means: whole, or abbreviated to a prefix that only one thing has.

    Raises ``Misconfigured`` when nothing or more than one thing fits, and says what is near.
    """
    digits = text.strip().lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise Misconfigured(f"{text!r} is no id of a {kind}: an id is made of the digits 0-9 and a-f")
    fits = _with_prefix(connection, tenant, KINDS[kind][0], digits)
    if len(fits) == 1:
        return fits[0]
    if fits:
        shown = ", ".join(str(each)[:13] for each in fits[:5])
        raise Misconfigured(f"{text!r} fits more than one {kind} ({shown}, ...): write more of the id")
    for other, (table, commands) in KINDS.items():
        if other != kind and len(found := _with_prefix(connection, tenant, table, digits)) == 1:
            raise Misconfigured(
                f"no {kind} has the id {text!r}; a {other} has: crossdock {commands} show {str(found[0])[:8]}"
            )
    near = _nearest(connection, tenant, KINDS[kind][0], digits)
    raise Misconfigured(f"no {kind} has the id {text!r}" + (f"; did you mean {near}?" if near else ""))


def _with_prefix(connection: Connection, tenant: str, table: sa.Table, digits: str) -> Sequence[uuid.UUID]:
    low, high = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
    query = (
        sa.select(table.c.id)
        .where(table.c.tenant == tenant, table.c.id.between(low, high))
        .order_by(table.c.id)
        .limit(6)
    )
    return connection.execute(query).scalars().all()


def _nearest(connection: Connection, tenant: str, table: sa.Table, digits: str) -> str | None:
    newest = connection.execute(
        sa.select(table.c.id).where(table.c.tenant == tenant).order_by(table.c.id).limit(5_000)
    ).scalars()
    shortened = {each.hex[: len(digits)]: str(each) for each in newest}
    found = get_close_matches(digits, shortened, n=1, cutoff=0.7)
    return shortened[found[0]][:8] if found else None
