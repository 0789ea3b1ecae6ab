"""Exchanges as people look at them: lists, and one with all that is known of it."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock.store.pages import Page, all_rows, but_tenant, one_row, page_of
from crossdock.store.register import RUN_AT
from crossdock.store.tables import exchanges


def _judged() -> sa.ColumnElement[str | None]:
    """What we made of a set that came: refused, with errors, refused and run later; null where it was taken."""
    answer = exchanges.c.answer
    refused = sa.or_(answer["told"].astext == "R", answer["interchange"].astext == "R")
    return sa.case(
        (exchanges.c.direction != "in", None),
        (sa.and_(refused, answer.has_key(RUN_AT)), "refused, run later"),
        (refused, "refused"),
        (answer["told"].astext == "E", "with errors"),
        else_=None,
    )


def list_exchanges(
    connection: sa.Connection,
    tenant: str,
    *,
    partner: str | None = None,
    direction: str | None = None,
    state: str | None = None,
    set_id: str | None = None,
    number: str | None = None,
    since: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page:
    """Exchanged sets, the latest first. ``number``: a control number of any level."""
    hidden = ("tenant", "interchange_sha256", "answer")
    columns = [column for column in exchanges.c if column.name not in hidden]
    wanted = [exchanges.c.tenant == tenant]
    for column, value in (
        (exchanges.c.partner, partner),
        (exchanges.c.direction, direction),
        (exchanges.c.state, state),
        (exchanges.c.set_id, set_id),
    ):
        if value is not None:
            wanted.append(column == value)
    if number is not None:
        plain = number.lstrip("0") or "0"
        wanted.append(
            sa.or_(
                exchanges.c.interchange_number == number.zfill(9),
                exchanges.c.group_number == plain,
                exchanges.c.set_number == number,
            )
        )
    if since is not None:
        wanted.append(exchanges.c.at >= since)
    query = sa.select(*columns, _judged().label("judged")).where(*wanted)
    return page_of(connection, query, exchanges.c.at, exchanges.c.id, after, limit)


def get_exchange(connection: sa.Connection, tenant: str, exchange_id: uuid.UUID) -> dict[str, Any]:
    """One exchanged set with what it was answered, and what else is in its interchange."""
    found = one_row(
        connection,
        sa.select(*but_tenant(exchanges)).where(exchanges.c.tenant == tenant, exchanges.c.id == exchange_id),
        "exchange",
        exchange_id,
    )
    lies_in = (
        exchanges.c.write_back_id == uuid.UUID(found["write_back_id"])
        if found["write_back_id"]
        else exchanges.c.raw_id == uuid.UUID(found["raw_id"])
    )
    found["beside"] = all_rows(
        connection,
        sa.select(
            exchanges.c.id, exchanges.c.set_id, exchanges.c.set_number, exchanges.c.state, exchanges.c.part
        )
        .where(
            exchanges.c.tenant == tenant,
            lies_in,
            exchanges.c.interchange_number == found["interchange_number"],
            exchanges.c.id != exchange_id,
        )
        .order_by(exchanges.c.part)
        .limit(200),
    )
    return found
