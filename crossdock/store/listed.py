"""The register of lists: every row that came, what became of it, and what was said last about the same thing."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import SENT_BY
from crossdock.normalize.values import ListedRow, RowBefore, RowVerdict
from crossdock.store.bulk import Row, as_json, recordset
from crossdock.store.tables import listed_rows, parts, raw_messages

_SAID = (str(RowVerdict.TAKEN), str(RowVerdict.REPEATED))
_ALWAYS = ("tenant", "raw_id", "part", "document", "partner", "said_at")


def row(tenant: str, raw_id: uuid.UUID, part: int, of: ListedRow, said_at: datetime) -> dict[str, Any]:
    """A row of a list as the register keeps it."""
    before = of.before
    return {
        "tenant": tenant,
        "raw_id": raw_id,
        "part": part,
        "document": of.document,
        "partner": of.partner,
        "number": of.number,
        "verdict": of.verdict,
        "key_sha256": of.key or None,
        "content_sha256": of.content or None,
        "before_raw_id": before.raw_id if before else None,
        "before_number": before.number if before else None,
        "troubles": [
            {"code": one.code, "field": one.field, "sentence": one.sentence, "remedy": one.remedy}
            for one in of.troubles
        ],
        "said_at": said_at,
    }


def note(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Keep these rows. One that is there (its part was run again) has now what it came to now."""
    if not rows:
        return
    columns = tuple(rows[0])
    given = recordset(listed_rows, columns)
    insert = pg.insert(listed_rows).from_select(columns, sa.select(*(given.c[name] for name in columns)))
    changed = {name: insert.excluded[name] for name in columns if name not in _ALWAYS}
    statement = insert.on_conflict_do_update(
        index_elements=[listed_rows.c.tenant, listed_rows.c.raw_id, listed_rows.c.part], set_=changed
    )
    connection.execute(statement, {"rows": as_json(rows)})


def said_last(
    connection: sa.Connection,
    tenant: str,
    document: str,
    partner: str,
    keys: Sequence[str],
    *,
    but: uuid.UUID,
) -> dict[str, RowBefore]:
    """For each of these keys the row that said something about it last, in another list than ``but``."""
    if not keys:
        return {}
    table = listed_rows
    statement = (
        sa.select(
            table.c.key_sha256,
            table.c.raw_id,
            table.c.number,
            table.c.content_sha256,
            table.c.said_at,
            raw_messages.c.name,
        )
        .ext(pg.distinct_on(table.c.key_sha256))
        .select_from(
            table.join(
                raw_messages,
                sa.and_(raw_messages.c.tenant == tenant, raw_messages.c.id == table.c.raw_id),
            )
        )
        .where(
            table.c.tenant == tenant,
            table.c.partner == partner,
            table.c.document == document,
            table.c.key_sha256 == sa.any_(sa.bindparam("keys", list(keys), pg.ARRAY(sa.Text))),
            table.c.verdict.in_(_SAID),
            table.c.raw_id != but,
        )
        .order_by(table.c.key_sha256, table.c.said_at.desc(), table.c.raw_id)
    )
    return {
        one.key_sha256: RowBefore(
            raw_id=str(one.raw_id),
            name=one.name,
            number=one.number,
            content=one.content_sha256,
            at=one.said_at,
        )
        for one in connection.execute(statement)
    }


def waits(connection: sa.Connection, tenant: str, raw_id: uuid.UUID) -> bool:
    """Whether a message is still to be read, for the first time or again."""
    raw = raw_messages
    found = connection.execute(
        sa.select(sa.or_(raw.c.part_count.is_(None), raw.c.again)).where(
            raw.c.tenant == tenant, raw.c.id == raw_id
        )
    ).scalar_one_or_none()
    return bool(found)


def of_list(
    connection: sa.Connection, tenant: str, raw_id: uuid.UUID, *, most: int, after: int = -1
) -> list[Mapping[str, Any]]:
    """The rows of one list as they stand now, from behind the part ``after``: with the state of each one's part, and
    the name of the list that makes it no news."""
    table = listed_rows
    other = raw_messages.alias("other")
    statement = (
        sa.select(
            table.c.part,
            table.c.number,
            table.c.verdict,
            table.c.troubles,
            table.c.before_raw_id,
            table.c.before_number,
            parts.c.state,
            parts.c.label,
            other.c.name.label("before_name"),
            other.c.received_at.label("before_at"),
        )
        .select_from(
            table.join(
                parts,
                sa.and_(
                    parts.c.tenant == tenant,
                    parts.c.raw_id == table.c.raw_id,
                    parts.c.ordinal == table.c.part,
                ),
            ).outerjoin(other, sa.and_(other.c.tenant == tenant, other.c.id == table.c.before_raw_id))
        )
        .where(table.c.tenant == tenant, table.c.raw_id == raw_id, table.c.part > after)
        .order_by(table.c.part)
        .limit(most)
    )
    return [dict(one) for one in connection.execute(statement).mappings()]


def lists(
    connection: sa.Connection, tenant: str, *, limit: int, raw_id: uuid.UUID | None = None
) -> list[Mapping[str, Any]]:
    """The lists that came last, the newest first, or this one: each with how many of its rows came to what. One that
    a person brought is among them before its rows are read."""
    raw, table = raw_messages, listed_rows
    of_raw = sa.and_(table.c.tenant == tenant, table.c.raw_id == raw.c.id)
    counted = (
        sa.select(table.c.verdict, sa.func.count().label("rows"))
        .where(of_raw)
        .group_by(table.c.verdict)
        .correlate(raw)
        .subquery()
    )
    verdicts = sa.select(sa.func.jsonb_object_agg(counted.c.verdict, counted.c.rows)).scalar_subquery()
    first = [
        sa.select(column).where(of_raw).correlate(raw).limit(1).scalar_subquery().label(column.name)
        for column in (table.c.document, table.c.partner)
    ]
    statement = (
        sa.select(
            raw.c.id,
            raw.c.name,
            raw.c.source,
            raw.c.headers,
            raw.c.received_at,
            raw.c.part_count,
            verdicts.label("verdicts"),
            *first,
        )
        .where(
            raw.c.tenant == tenant,
            sa.or_(sa.exists().where(of_raw), raw.c.headers.has_key(SENT_BY)),
            *([raw.c.id == raw_id] if raw_id is not None else []),
        )
        .order_by(raw.c.received_at.desc(), raw.c.id)
        .limit(limit)
    )
    return [dict(one) for one in connection.execute(statement).mappings()]
