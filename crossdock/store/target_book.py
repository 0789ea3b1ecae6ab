"""The book of targets: how each one stands, under one lock for all workers; and the kill switches."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.standing import EVERY, Mode, Standing, Stop, TargetState
from crossdock.store.tables import stops, targets, write_backs

_NAMES: Final = tuple(field.name for field in fields(Standing))


def hold(connection: sa.Connection, tenant: str, target: str) -> Standing:
    """How a target stands, held to the end of the transaction: one worker after another decides by it."""
    found = connection.execute(_one(tenant, target).with_for_update()).first()
    if found is None:
        connection.execute(pg.insert(targets).values(tenant=tenant, target=target).on_conflict_do_nothing())
        found = connection.execute(_one(tenant, target).with_for_update()).one()
    return _standing(found)


def read(connection: sa.Connection, tenant: str, target: str) -> Standing:
    """How a target stands at this moment."""
    found = connection.execute(_one(tenant, target)).first()
    return Standing() if found is None else _standing(found)


def every(connection: sa.Connection, tenant: str) -> dict[str, Standing]:
    """How the targets stand that were ever called, by name."""
    statement = sa.select(targets.c.target, *(targets.c[name] for name in _NAMES)).where(
        targets.c.tenant == tenant
    )
    return {row.target: _standing(row[1:]) for row in connection.execute(statement)}


def save(connection: sa.Connection, tenant: str, target: str, before: Standing, after: Standing) -> None:
    """Write what changed of a target that is held."""
    changed = {name: value for name in _NAMES if (value := getattr(after, name)) != getattr(before, name)}
    if changed:
        connection.execute(
            sa.update(targets)
            .where(targets.c.tenant == tenant, targets.c.target == target)
            .values(
                {name: str(value) if name in ("mode", "state") else value for name, value in changed.items()}
            )
        )


def stops_of(connection: sa.Connection, tenant: str, target: str | None = None) -> list[Stop]:
    """The kill switches that are thrown: those that stop this target, or all."""
    statement = sa.select(stops.c.target, stops.c.operation, stops.c.by, stops.c.reason, stops.c.at).where(
        stops.c.tenant == tenant, stops.c.stopped
    )
    if target is not None:
        statement = statement.where(stops.c.target.in_([EVERY, target]))
    rows = connection.execute(statement.order_by(stops.c.target, stops.c.operation))
    return [
        Stop(target=row.target, operation=row.operation, by=row.by, reason=row.reason, at=row.at)
        for row in rows
    ]


def throw(
    connection: sa.Connection,
    tenant: str,
    *,
    target: str,
    operation: str,
    stopped: bool,
    by: str,
    reason: str,
    now: datetime,
) -> bool:
    """Throw a kill switch, or take it back. False: it stood so already."""
    values = {"stopped": stopped, "by": by, "reason": reason, "at": now}
    insert = pg.insert(stops).values(tenant=tenant, target=target, operation=operation, **values)
    before = connection.execute(
        sa.select(stops.c.stopped)
        .where(stops.c.tenant == tenant, stops.c.target == target, stops.c.operation == operation)
        .with_for_update()
    ).scalar_one_or_none()
    if bool(before) == stopped:
        return False
    connection.execute(
        insert.on_conflict_do_update(index_elements=["tenant", "target", "operation"], set_=values)
    )
    return True


def _one(tenant: str, target: str) -> sa.Select[Any]:
    return sa.select(*(targets.c[name] for name in _NAMES)).where(
        targets.c.tenant == tenant, targets.c.target == target
    )


def _standing(row: Sequence[Any]) -> Standing:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Standing(**{**values, "mode": Mode(values["mode"]), "state": TargetState(values["state"])})


def write_backs_by_state(connection: sa.Connection, tenant: str) -> dict[str, dict[str, int]]:
    """How many write-backs of each target are not done, by state."""
    open_states = ("awaiting_approval", "ready", "sending", "unsure", "exhausted", "rejected")
    rows = connection.execute(
        sa.select(write_backs.c.target, write_backs.c.state, sa.func.count())
        .where(write_backs.c.tenant == tenant, write_backs.c.state.in_(open_states))
        .group_by(write_backs.c.target, write_backs.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for target, state, count in rows:
        found.setdefault(target, {})[state] = count
    return found
