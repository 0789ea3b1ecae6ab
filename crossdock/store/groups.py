"""Groups of dead letters as people look at them: how many, since when, and how the cause stands."""

import uuid
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from crossdock.store.pages import Connection, Page, Row, all_rows, but_tenant, of_code, one_row, page_of
from crossdock.store.tables import audit, dead_letter_groups, dead_letters

LYING: Final = ("open", "parked")
"""The states of a letter that still lies at the desk."""


def _counted(tenant: str) -> sa.Subquery:
    letters = dead_letters
    here = letters.c.state.in_(LYING)
    return (
        sa.select(
            letters.c.group_id,
            sa.func.count().label("count"),
            sa.func.count().filter(here).label("here"),
            sa.func.count().filter(letters.c.state == "parked").label("parked"),
            sa.func.min(letters.c.created_at).label("first_at"),
            sa.func.max(letters.c.created_at).label("last_at"),
        )
        .where(letters.c.tenant == tenant)
        .group_by(letters.c.group_id)
        .subquery("counted")
    )


def _state(now: datetime) -> sa.ColumnElement[str]:
    """How the cause stands: what was ignored for a time that is over is open."""
    groups = dead_letter_groups
    over = sa.and_(groups.c.state == "ignored", groups.c.ignored_until <= now)
    return sa.case((over, "open"), else_=groups.c.state)


def _newest(tenant: str) -> sa.ScalarSelect[str]:
    """The words of a group's newest letter: the template, without its values, is seldom enough for a person."""
    letters = dead_letters
    return (
        sa.select(letters.c.sentence)
        .where(letters.c.tenant == tenant, letters.c.group_id == dead_letter_groups.c.id)
        .order_by(letters.c.created_at.desc(), letters.c.id.desc())
        .limit(1)
        .correlate(dead_letter_groups)
        .scalar_subquery()
    )


def _selected(tenant: str, now: datetime) -> tuple[sa.Select[tuple[object, ...]], sa.Subquery]:
    groups, counted = dead_letter_groups, _counted(tenant)
    columns = [column for column in but_tenant(groups) if column.name not in ("state", "template_version")]
    query = (
        sa.select(
            *columns,
            _state(now).label("state"),
            sa.func.coalesce(counted.c.count, 0).label("count"),
            sa.func.coalesce(counted.c.here, 0).label("here"),
            sa.func.coalesce(counted.c.parked, 0).label("parked"),
            counted.c.first_at,
            counted.c.last_at,
            _newest(tenant).label("newest"),
        )
        .select_from(groups.outerjoin(counted, counted.c.group_id == groups.c.id))
        .where(groups.c.tenant == tenant)
    )
    return query, counted


def list_groups(
    connection: Connection,
    tenant: str,
    *,
    now: datetime,
    state: str | None = None,
    code: str | None = None,
    stage: str | None = None,
    source: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Groups, the last seen first. Without ``state`` those that want somebody: open or acknowledged, with letters
    that still lie here. ``all``: every one."""
    groups = dead_letter_groups
    query, counted = _selected(tenant, now)
    wanted = [*of_code(groups.c.code, code)]
    for column, value in ((groups.c.stage, stage), (groups.c.source, source)):
        if value is not None:
            wanted.append(column == value)
    if state is None:
        wanted += [_state(now).in_(("open", "acknowledged")), counted.c.here > 0]
    elif state != "all":
        wanted.append(_state(now) == state)
    last = sa.func.coalesce(counted.c.last_at, groups.c.created_at)
    return page_of(connection, query.where(*wanted), last, groups.c.id, after, limit)


def get_group(connection: Connection, tenant: str, group_id: uuid.UUID, *, now: datetime) -> Row:
    """One group with its newest letters that still lie here, and what people said about it."""
    query, _ = _selected(tenant, now)
    found = one_row(connection, query.where(dead_letter_groups.c.id == group_id), "group", group_id)
    letters = dead_letters
    found["letters"] = all_rows(
        connection,
        sa.select(
            letters.c.id,
            letters.c.created_at,
            letters.c.state,
            letters.c.label,
            letters.c.sentence,
            letters.c.replays,
            letters.c.write_back_id,
        )
        .where(letters.c.tenant == tenant, letters.c.group_id == group_id, letters.c.state.in_(LYING))
        .order_by(letters.c.created_at.desc(), letters.c.id)
        .limit(20),
    )
    found["audit"] = all_rows(
        connection,
        sa.select(audit.c.at, audit.c.actor, audit.c.action, audit.c.reason)
        .where(audit.c.tenant == tenant, audit.c.object_id == str(group_id))
        .order_by(audit.c.at, audit.c.id),
    )
    return found
