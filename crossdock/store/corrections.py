"""Rows of lists that their senders corrected: the dead letter of a refused row ends when a later list of the same
sender has a row about the same thing, and that one is taken."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.normalize.values import RowVerdict
from crossdock.principals import OURSELVES
from crossdock.store.bulk import as_json, recordset
from crossdock.store.tables import dead_letters, listed_rows, parts, raw_messages

_TAKEN = (str(RowVerdict.TAKEN), str(RowVerdict.REPEATED))
_LYING = ("open", "parked")


def end_corrected(connection: sa.Connection, tenant: str, raw_id: uuid.UUID, now: datetime) -> int:
    """End the letters of refused rows that this list corrects, and those of its own refused rows that a list which
    came later, and was read before it, corrected. How many. Each says by which row of which list; no person did it,
    and the audit does not say so."""
    refused, taken = listed_rows.alias("refused"), listed_rows.alias("taken")
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for mine in (taken.c.raw_id == raw_id, refused.c.raw_id == raw_id):
        for row in connection.execute(_corrected(tenant, refused, taken).where(mine)):
            reason = f"row {row.number} of {row.name} (list {str(row.raw_id)[:8]}) corrects it"
            found[row.id] = {"id": row.id, "reason": reason}
    if not found:
        return 0
    given = recordset(dead_letters, ("id", "reason"))
    ended = connection.execute(
        sa.update(dead_letters)
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.id == given.c.id,
            dead_letters.c.state.in_(_LYING),
        )
        .values(state="discarded", closed_at=now, closed_by=OURSELVES, reason=given.c.reason)
        .returning(dead_letters.c.raw_id, dead_letters.c.part),
        {"rows": as_json(sorted(found.values(), key=lambda one: one["id"]))},
    ).all()
    _discard_parts(connection, tenant, ended)
    return len(ended)


def _corrected(tenant: str, refused: Any, taken: Any) -> Any:
    """The letters that lie open of refused rows, each with the last row that a later list has about the same."""
    return (
        sa.select(dead_letters.c.id, taken.c.number, taken.c.raw_id, raw_messages.c.name)
        .ext(pg.distinct_on(dead_letters.c.id))
        .select_from(
            dead_letters.join(
                refused,
                sa.and_(
                    refused.c.tenant == tenant,
                    refused.c.raw_id == dead_letters.c.raw_id,
                    refused.c.part == dead_letters.c.part,
                ),
            )
            .join(
                taken,
                sa.and_(
                    taken.c.tenant == tenant,
                    taken.c.partner == refused.c.partner,
                    taken.c.document == refused.c.document,
                    taken.c.key_sha256 == refused.c.key_sha256,
                    taken.c.said_at > refused.c.said_at,
                ),
            )
            .join(
                raw_messages,
                sa.and_(raw_messages.c.tenant == tenant, raw_messages.c.id == taken.c.raw_id),
            )
        )
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.state.in_(_LYING),
            refused.c.verdict == str(RowVerdict.REFUSED),
            taken.c.verdict.in_(_TAKEN),
        )
        .order_by(dead_letters.c.id, taken.c.said_at.desc(), taken.c.raw_id, taken.c.number)
    )


def _discard_parts(connection: sa.Connection, tenant: str, of: Sequence[Any]) -> None:
    given = recordset(parts, ("raw_id", "ordinal"))
    if of:
        connection.execute(
            sa.update(parts)
            .where(
                parts.c.tenant == tenant,
                parts.c.raw_id == given.c.raw_id,
                parts.c.ordinal == given.c.ordinal,
            )
            .values(state="discarded"),
            {"rows": as_json([{"raw_id": one.raw_id, "ordinal": one.part} for one in of])},
        )


def letters_of(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The letters of the parts of one list that wait for somebody, in the order of its rows."""
    return connection.scalars(
        sa.select(dead_letters.c.id)
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.raw_id == raw_id,
            dead_letters.c.part.is_not(None),
            dead_letters.c.state == "open",
        )
        .order_by(dead_letters.c.part)
    ).all()


def corrected_rows(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> Mapping[int, str]:
    """The rows of one list that a later one corrected: what their letters say, by the part."""
    rows = connection.execute(
        sa.select(dead_letters.c.part, dead_letters.c.reason).where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.raw_id == raw_id,
            dead_letters.c.part.is_not(None),
            dead_letters.c.state == "discarded",
            dead_letters.c.closed_by == OURSELVES,
        )
    )
    return {part: reason for part, reason in rows}


def ended_counts(
    connection: sa.Connection, tenant: str, raw_ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[tuple[str, bool, int]]]:
    """Of these lists, how many rows of which verdict ended without being taken: the verdict, whether a later list
    corrected them (or a person discarded them), how many."""
    corrected = (dead_letters.c.closed_by == OURSELVES).label("corrected")
    rows = connection.execute(
        sa.select(listed_rows.c.raw_id, listed_rows.c.verdict, corrected, sa.func.count())
        .join(
            dead_letters,
            sa.and_(
                dead_letters.c.tenant == tenant,
                dead_letters.c.raw_id == listed_rows.c.raw_id,
                dead_letters.c.part == listed_rows.c.part,
                dead_letters.c.state == "discarded",
            ),
        )
        .where(
            listed_rows.c.tenant == tenant,
            listed_rows.c.raw_id == sa.any_(sa.bindparam("lists", list(raw_ids), pg.ARRAY(sa.Uuid))),
        )
        .group_by(listed_rows.c.raw_id, listed_rows.c.verdict, corrected)
    )
    found: dict[uuid.UUID, list[tuple[str, bool, int]]] = {}
    for raw_id, verdict, was_corrected, number in rows:
        found.setdefault(raw_id, []).append((verdict, was_corrected, number))
    return found
