"""Redrives: which letters a run puts back, in which order, and how far it is. The row is the queue here too."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.store import sagas, turns
from crossdock.store.pages import Connection as Connection
from crossdock.store.pages import Page as Page
from crossdock.store.pages import Row, all_rows, but_tenant, of_code, one_row, page_of, with_text
from crossdock.store.tables import (
    dead_letters,
    parts,
    redrive_items,
    redrives,
    write_backs,
)


def _fitting(tenant: str, asked: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """The letters that a filter names. ``since`` and ``until`` are times, ``ids`` and ``group`` are ids."""
    letters = dead_letters
    wanted: list[sa.ColumnElement[bool]] = [
        letters.c.tenant == tenant,
        *of_code(letters.c.code, asked.get("code")),
    ]
    for column, value in (
        (letters.c.source, asked.get("source")),
        (letters.c.stage, asked.get("stage")),
        (letters.c.group_id, asked.get("group")),
    ):
        if value is not None:
            wanted.append(column == value)
    wanted += with_text(letters.c.label, asked.get("label"))
    if (since := asked.get("since")) is not None:
        wanted.append(letters.c.created_at >= since)
    if (until := asked.get("until")) is not None:
        wanted.append(letters.c.created_at < until)
    if (ids := asked.get("ids")) is not None:
        wanted.append(letters.c.id == sa.any_(sa.bindparam("ids", list(ids), pg.ARRAY(sa.Uuid))))
    if (partner := asked.get("partner")) is not None:
        wanted.append(
            sa.exists().where(
                parts.c.tenant == tenant,
                parts.c.raw_id == letters.c.raw_id,
                parts.c.ordinal == letters.c.part,
                parts.c.partner == partner,
            )
        )
    return wanted


def _standing(tenant: str) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """Letters with what became of their thing since, and whether a run has them already."""
    letters = dead_letters
    joined = letters.outerjoin(
        write_backs, sa.and_(write_backs.c.tenant == tenant, write_backs.c.id == letters.c.write_back_id)
    ).outerjoin(
        parts,
        sa.and_(
            parts.c.tenant == tenant, parts.c.raw_id == letters.c.raw_id, parts.c.ordinal == letters.c.part
        ),
    )
    in_a_run = sa.exists().where(
        redrive_items.c.tenant == tenant,
        redrive_items.c.letter_id == letters.c.id,
        redrive_items.c.state == "waiting",
    )
    return joined, in_a_run


_WEIGHED = (
    dead_letters.c.state,
    dead_letters.c.stage,
    dead_letters.c.code,
    dead_letters.c.source,
    dead_letters.c.versions,
    dead_letters.c.write_back_id.is_not(None).label("is_write_back"),
    write_backs.c.state.label("write_back_state"),
    dead_letters.c.event_id.is_not(None).label("is_event"),
    turns.said_anew(write_backs).is_not(None).label("said_anew"),
    sagas.in_failed(write_backs).label("in_failed_saga"),
    parts.c.state.label("part_state"),
)
"""What decides whether a letter can be put back. See ``crossdock.redrive.weigh``."""


def count_by_standing(connection: Connection, tenant: str, asked: Mapping[str, Any]) -> Sequence[Any]:
    """The open and parked letters that fit, counted by what decides about them."""
    joined, in_a_run = _standing(tenant)
    inner = (
        sa.select(*_WEIGHED, in_a_run.label("in_a_run"))
        .select_from(joined)
        .where(*_fitting(tenant, asked), dead_letters.c.state.in_(("open", "parked")))
        .subquery()
    )
    return connection.execute(
        sa.select(*inner.c, sa.func.count().label("count"))
        .group_by(*inner.c)
        .order_by(sa.func.count().desc())
    ).all()


def standing_of(connection: Connection, tenant: str, letter_id: uuid.UUID) -> Any | None:
    """What decides about one letter, as it is now."""
    joined, _ = _standing(tenant)
    return connection.execute(
        sa.select(*_WEIGHED, sa.false().label("in_a_run"))
        .select_from(joined)
        .where(dead_letters.c.tenant == tenant, dead_letters.c.id == letter_id)
    ).first()


def sample(connection: Connection, tenant: str, asked: Mapping[str, Any], limit: int) -> list[Row]:
    """Some of the open letters that fit, the oldest first."""
    letters = dead_letters
    return all_rows(
        connection,
        sa.select(letters.c.id, letters.c.stage, letters.c.code, letters.c.source, letters.c.label)
        .where(*_fitting(tenant, asked), letters.c.state == "open")
        .order_by(letters.c.created_at, letters.c.id)
        .limit(limit),
    )


# ── a run ────────────────────────────────────────────────────────────────────────────────────────────────────


def add_items(connection: Connection, tenant: str, redrive_id: uuid.UUID, asked: Mapping[str, Any]) -> int:
    """Put the open letters that fit into a run, the oldest first; those that another run has are left to it. Two at
    once: the second waits here for the first, and finds them taken."""
    letters = dead_letters
    oldest_first = (letters.c.created_at, letters.c.id)
    chosen = (
        sa.select(
            sa.literal(tenant, sa.Text),
            sa.literal(redrive_id, sa.Uuid),
            letters.c.id,
            sa.func.row_number().over(order_by=oldest_first),
            sa.literal("waiting", sa.Text),
        )
        .where(*_fitting(tenant, asked), letters.c.state == "open")
        .order_by(letters.c.id)  # two at once take them in the same order, and none waits for the other's
    )
    statement = (
        pg.insert(redrive_items)
        .from_select(["tenant", "redrive_id", "letter_id", "ordinal", "state"], chosen)
        .on_conflict_do_nothing()
    )
    return len(connection.execute(statement.returning(redrive_items.c.letter_id)).all())


def add_redrive(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Write a run down. False: one of the same set runs or is paused."""
    statement = pg.insert(redrives).values(**row).on_conflict_do_nothing().returning(redrives.c.id)
    return connection.execute(statement).first() is not None


def same_set(connection: Connection, tenant: str, set_key: str) -> Any | None:
    """The run of this set that is not at its end, or ``None``."""
    return connection.execute(
        sa.select(redrives).where(
            redrives.c.tenant == tenant,
            redrives.c.set_key == set_key,
            redrives.c.state.in_(("running", "paused")),
        )
    ).first()


def runs_with(connection: Connection, tenant: str, asked: Mapping[str, Any]) -> Sequence[uuid.UUID]:
    """The runs that have letters of this set waiting."""
    return connection.scalars(
        sa.select(redrive_items.c.redrive_id)
        .join(
            dead_letters,
            sa.and_(dead_letters.c.tenant == tenant, dead_letters.c.id == redrive_items.c.letter_id),
        )
        .where(redrive_items.c.tenant == tenant, redrive_items.c.state == "waiting", *_fitting(tenant, asked))
        .distinct()
    ).all()


def hold_due(connection: Connection, tenant: str, *, before: datetime) -> Any | None:
    """A running run that may put more back, locked: no two workers pace the same one. The longest waiting first."""
    return connection.execute(
        sa.select(redrives)
        .where(redrives.c.tenant == tenant, redrives.c.state == "running", redrives.c.paced_until < before)
        .order_by(redrives.c.paced_until, redrives.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()


def hold(connection: Connection, tenant: str, redrive_id: uuid.UUID) -> Any | None:
    """One run, locked for this transaction, or ``None``."""
    return connection.execute(
        sa.select(redrives).where(redrives.c.tenant == tenant, redrives.c.id == redrive_id).with_for_update()
    ).first()


def claim_items(
    connection: Connection, tenant: str, redrive_id: uuid.UUID, *, limit: int
) -> Sequence[uuid.UUID]:
    """The next letters of a run, locked to the end of the transaction that puts them back: whoever dies before its
    end leaves them waiting as they were."""
    return connection.scalars(
        sa.select(redrive_items.c.letter_id)
        .where(
            redrive_items.c.tenant == tenant,
            redrive_items.c.redrive_id == redrive_id,
            redrive_items.c.state == "waiting",
        )
        .order_by(redrive_items.c.ordinal)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def end_items(
    connection: Connection,
    tenant: str,
    redrive_id: uuid.UUID,
    ended: Mapping[uuid.UUID, tuple[str, str]],
    now: datetime,
) -> None:
    """What became of these letters in the run: state and sentence."""
    by_end: dict[tuple[str, str], list[uuid.UUID]] = {}
    for letter_id, end in ended.items():
        by_end.setdefault(end, []).append(letter_id)
    for (state, said), ids in by_end.items():
        connection.execute(
            sa.update(redrive_items)
            .where(
                redrive_items.c.tenant == tenant,
                redrive_items.c.redrive_id == redrive_id,
                redrive_items.c.letter_id == sa.any_(sa.bindparam("letter_ids", ids, pg.ARRAY(sa.Uuid))),
            )
            .values(state=state, said=said, at=now)
        )


def leave_the_rest(
    connection: Connection, tenant: str, redrive_id: uuid.UUID, said: str, now: datetime
) -> int:
    """Let go of every letter that still waits: it stays at the desk as it is."""
    return connection.execute(
        sa.update(redrive_items)
        .where(
            redrive_items.c.tenant == tenant,
            redrive_items.c.redrive_id == redrive_id,
            redrive_items.c.state == "waiting",
        )
        .values(state="left", said=said, at=now)
    ).rowcount


def has_more(connection: Connection, tenant: str, redrive_id: uuid.UUID) -> bool:
    """Whether letters of this run still wait."""
    return bool(
        connection.scalar(
            sa.select(
                sa.exists().where(
                    redrive_items.c.tenant == tenant,
                    redrive_items.c.redrive_id == redrive_id,
                    redrive_items.c.state == "waiting",
                )
            )
        )
    )


def pace(connection: Connection, tenant: str, redrive_id: uuid.UUID, until: datetime) -> None:
    """What is put back next is due not before this."""
    connection.execute(
        sa.update(redrives)
        .where(redrives.c.tenant == tenant, redrives.c.id == redrive_id)
        .values(paced_until=until)
    )


def move(
    connection: Connection,
    *,
    tenant: str,
    redrive_id: uuid.UUID,
    state: str,
    actor: str,
    now: datetime,
    finished: bool,
) -> None:
    """Bring a run to another state, with who did it."""
    connection.execute(
        sa.update(redrives)
        .where(redrives.c.tenant == tenant, redrives.c.id == redrive_id)
        .values(state=state, changed_at=now, changed_by=actor, finished_at=now if finished else None)
    )


# ── for people ───────────────────────────────────────────────────────────────────────────────────────────────


def list_redrives(
    connection: Connection,
    tenant: str,
    *,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Runs with how far they are, the last begun first."""
    wanted = [redrives.c.tenant == tenant]
    if state is not None:
        wanted.append(redrives.c.state == state)
    columns = [column for column in but_tenant(redrives) if column.name != "set_key"]
    page = page_of(
        connection, sa.select(*columns).where(*wanted), redrives.c.created_at, redrives.c.id, after, limit
    )
    far = _progress(connection, tenant, [uuid.UUID(item["id"]) for item in page.items])
    items = tuple({**item, "progress": far.get(item["id"], {})} for item in page.items)
    return Page(items=items, more=page.more, next=page.next)


def get_redrive(connection: Connection, tenant: str, redrive_id: uuid.UUID) -> Row:
    """One run: how far it is, what became of its letters in words, and how long the rest takes at its rate."""
    columns = [column for column in but_tenant(redrives) if column.name != "set_key"]
    found = one_row(
        connection,
        sa.select(*columns).where(redrives.c.tenant == tenant, redrives.c.id == redrive_id),
        "redrive",
        redrive_id,
    )
    found["progress"] = _progress(connection, tenant, [redrive_id]).get(found["id"], {})
    waiting = found["progress"].get("waiting", 0)
    found["rest_s"] = round(timedelta(seconds=waiting / found["per_second"]).total_seconds(), 1)
    found["became"] = all_rows(
        connection,
        sa.select(redrive_items.c.state, redrive_items.c.said, sa.func.count().label("count"))
        .where(redrive_items.c.tenant == tenant, redrive_items.c.redrive_id == redrive_id)
        .group_by(redrive_items.c.state, redrive_items.c.said)
        .order_by(sa.func.count().desc()),
    )
    return found


def _progress(connection: Connection, tenant: str, ids: Collection[uuid.UUID]) -> dict[str, dict[str, int]]:
    rows = connection.execute(
        sa.select(redrive_items.c.redrive_id, redrive_items.c.state, sa.func.count())
        .where(redrive_items.c.tenant == tenant, redrive_items.c.redrive_id.in_(list(ids)))
        .group_by(redrive_items.c.redrive_id, redrive_items.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for redrive_id, state, count in rows:
        found.setdefault(str(redrive_id), {})[state] = count
    return found
