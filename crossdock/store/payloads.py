"""Payloads that a person mended: versions beside the original, which is never touched."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store.pages import Row, all_rows
from crossdock.store.tables import parts, payload_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What stands in the place of a part. ``offset`` and ``length`` are its place in the original; ``None``: it is
    the whole message."""

    part: int
    offset: int | None
    length: int | None
    number: int
    body: bytes


def add(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Keep a version. Rows are only ever added."""
    connection.execute(sa.insert(payload_versions).values(**row))


def latest(
    connection: sa.Connection, tenant: str, raw_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[Piece]]:
    """The last version of each mended part of these messages; messages as they came are not in it."""
    if not raw_ids:
        return {}
    table = payload_versions
    statement = (
        sa.select(
            table.c.raw_id,
            table.c.part,
            table.c.number,
            table.c.body,
            parts.c.byte_offset,
            parts.c.byte_length,
        )
        .ext(pg.distinct_on(table.c.raw_id, table.c.part))
        .select_from(
            table.outerjoin(
                parts,
                sa.and_(
                    parts.c.tenant == tenant,
                    parts.c.raw_id == table.c.raw_id,
                    parts.c.ordinal == table.c.part,
                ),
            )
        )
        .where(
            table.c.tenant == tenant,
            table.c.raw_id == sa.any_(sa.bindparam("raw_ids", list(raw_ids), pg.ARRAY(sa.Uuid))),
        )
        .order_by(table.c.raw_id, table.c.part, table.c.number.desc())
    )
    found: dict[uuid.UUID, list[Piece]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.raw_id, []).append(
            Piece(
                part=row.part,
                offset=row.byte_offset,
                length=row.byte_length,
                number=row.number,
                body=bytes(row.body),
            )
        )
    return found


def place_of(connection: sa.Connection, tenant: str, raw_id: uuid.UUID, part: int) -> Any | None:
    """Where a part stands in the original: offset and length, ``None`` where it is not known."""
    return connection.execute(
        sa.select(parts.c.byte_offset, parts.c.byte_length).where(
            parts.c.tenant == tenant, parts.c.raw_id == raw_id, parts.c.ordinal == part
        )
    ).first()


def versions_of(connection: sa.Connection, tenant: str, letter_id: uuid.UUID) -> list[Row]:
    """The versions that were made at a letter, without their bytes."""
    table = payload_versions
    columns = [column for column in table.c if column.name not in ("tenant", "body", "letter_id")]
    return all_rows(
        connection,
        sa.select(*columns)
        .where(table.c.tenant == tenant, table.c.letter_id == letter_id)
        .order_by(table.c.at, table.c.id),
    )
