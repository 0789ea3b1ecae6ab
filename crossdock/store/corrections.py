"""Rows of lists that their senders corrected: the dead letter of a refused row ends when a later list of the same
sender has a row about the same thing, and that one is taken."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import RawMessage
from crossdock.normalize.values import ListedRow, RowVerdict
from crossdock.principals import OURSELVES
from crossdock.store.bulk import as_json, recordset
from crossdock.store.listed import said_last
from crossdock.store.tables import dead_letters, listed_rows, parts

_TAKEN = (RowVerdict.TAKEN, RowVerdict.REPEATED)
_LYING = ("open", "parked")


@dataclass(slots=True, kw_only=True)
class Heard:
    """What was heard of one list while it was read. ``taken``: the number of the row by its key; ``refused``: the key
    by the part, of rows of which one is known."""

    message: RawMessage
    document: str = ""
    partner: str = ""
    taken: dict[str, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def add(self, part: int, row: ListedRow) -> None:
        """A row of it."""
        self.document, self.partner = row.document, row.partner
        if row.key and row.verdict in _TAKEN:
            self.taken.setdefault(row.key, row.number)
        elif row.key and row.verdict is RowVerdict.REFUSED:
            self.refused[part] = row.key


def end_corrected(connection: sa.Connection, tenant: str, heard: Heard, now: datetime) -> int:
    """End the letters of refused rows that this list corrects, and those of its own refused rows that a list which
    came later, and was read before it, corrected. How many. Each says by which row of which list; no person did it,
    and the audit does not say so."""
    found = [*_of_earlier(connection, tenant, heard), *_of_its_own(connection, tenant, heard)]
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
        {"rows": as_json(sorted(found, key=lambda one: one["id"]))},
    ).all()
    _discard_parts(connection, tenant, ended)
    return len(ended)


def _of_earlier(connection: sa.Connection, tenant: str, heard: Heard) -> Iterator[dict[str, Any]]:
    """The letters of refused rows of earlier lists about which this one has a row. Compared here, key by key: what
    this transaction wrote itself no statistics know of, and PostgreSQL joins it row by row."""
    if not heard.taken:
        return
    rows = connection.execute(
        sa.select(dead_letters.c.id, listed_rows.c.key_sha256)
        .join(
            listed_rows,
            sa.and_(
                listed_rows.c.tenant == tenant,
                listed_rows.c.raw_id == dead_letters.c.raw_id,
                listed_rows.c.part == dead_letters.c.part,
            ),
        )
        .where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.state.in_(_LYING),
            listed_rows.c.partner == heard.partner,
            listed_rows.c.document == heard.document,
            listed_rows.c.verdict == str(RowVerdict.REFUSED),
            listed_rows.c.said_at < heard.message.received_at,
        )
    )
    message = heard.message
    for letter_id, key in rows:
        if (number := heard.taken.get(key)) is not None:
            yield _ended(letter_id, number, message.name or message.key, str(message.id))


def _of_its_own(connection: sa.Connection, tenant: str, heard: Heard) -> Iterator[dict[str, Any]]:
    """The letters of this list's refused rows that a later list has right."""
    keys = sorted(set(heard.refused.values()))
    raw_id = heard.message.id
    last = said_last(connection, tenant, heard.document, heard.partner, keys, but=raw_id)
    later = {key: one for key, one in last.items() if one.at > heard.message.received_at}
    if not later:
        return
    rows = connection.execute(
        sa.select(dead_letters.c.id, dead_letters.c.part).where(
            dead_letters.c.tenant == tenant,
            dead_letters.c.raw_id == raw_id,
            dead_letters.c.state.in_(_LYING),
        )
    )
    for letter_id, part in rows:
        if (by := later.get(heard.refused.get(part, ""))) is not None:
            yield _ended(letter_id, by.number, by.name, by.raw_id)


def _ended(letter_id: uuid.UUID, number: int, name: str, raw_id: str) -> dict[str, Any]:
    return {"id": letter_id, "reason": f"row {number} of {name} (list {raw_id[:8]}) corrects it"}


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
