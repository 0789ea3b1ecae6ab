"""Turns: what is about one thing at one target leaves in the order in which it was written.

Before a write-back is claimed, nothing earlier of the same target and subject may be on its way (``BEFORE``): the
claim itself looks, so that nothing that is kept beside can go wrong. ``waits_for`` only says it to people, and keeps
what waits out of the claim's sight for a while.

An earlier one that says what a later one says anew (the same ``slot``) and has no effect yet is superseded when the
later one may leave: when it is written, or when somebody agreed to it.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.messages import WriteBackState
from crossdock.store.tables import attempts, write_backs

BEFORE: Final = (
    WriteBackState.READY,
    WriteBackState.SENDING,
    WriteBackState.UNSURE,
    WriteBackState.EXHAUSTED,
)
"""An earlier write-back in one of these states keeps later ones waiting: it will leave, may have left, or may be
replayed. One that awaits an approval does so only when it may have left (``ask_first``); of one that never did it is
open when it may leave. One that was rejected is answered."""

LOOK_AGAIN: Final = timedelta(seconds=60)
"""What waits is looked at when what it waits for is done; so often it is looked at besides."""

_MOST: Final = 500
_CAME_TO_NOTHING: Final = (
    WriteBackState.REJECTED,
    WriteBackState.SUPERSEDED,
    WriteBackState.SHADOWED,
    WriteBackState.DISCARDED,
)
_EARLIER: Final = write_backs.alias("earlier")


def its_turn(waiting: Any) -> sa.ColumnElement[bool]:
    """That nothing earlier about the same subject keeps this write-back, or that a person let it pass."""
    return sa.or_(waiting.c.let_pass, ~sa.exists().where(*_earlier(waiting)))


def _earlier(waiting: Any) -> tuple[sa.ColumnElement[bool], ...]:
    earlier = _EARLIER
    return (
        earlier.c.tenant == waiting.c.tenant,
        earlier.c.target == waiting.c.target,
        earlier.c.subject == waiting.c.subject,
        earlier.c.queued < waiting.c.queued,
        sa.or_(
            earlier.c.state.in_([sa.literal_column(f"'{state}'") for state in BEFORE]),
            sa.and_(
                earlier.c.state == sa.literal_column(f"'{WriteBackState.AWAITING_APPROVAL}'"),
                earlier.c.ask_first,
            ),
        ),
    )


def _nearest(waiting: Any) -> tuple[Any, Any]:
    """The last of the earlier ones, as a lateral table."""
    earlier = _EARLIER
    nearest = (
        sa.select(earlier.c.id, earlier.c.operation, earlier.c.state)
        .where(*_earlier(waiting))
        .order_by(earlier.c.queued.desc())
        .limit(1)
        .lateral("nearest")
    )
    return nearest, sa.true()


def note_waiting(connection: sa.Connection, *, tenant: str, target: str, now: datetime) -> int:
    """Write down of what is due and not its turn what it waits for, in its row and once in its history."""
    waiting = write_backs.alias("waiting")
    nearest, always = _nearest(waiting)
    due = (
        sa.select(waiting.c.id, waiting.c.attempt, waiting.c.waits_for, nearest.c.id.label("before"),
                  nearest.c.operation, nearest.c.state)
        .select_from(waiting.join(nearest, always))
        .where(
            waiting.c.tenant == tenant,
            waiting.c.target == target,
            waiting.c.state == str(WriteBackState.READY),
            waiting.c.next_attempt_at <= now,
            ~waiting.c.let_pass,
        )
        .limit(_MOST)
        .with_for_update(skip_locked=True, of=waiting)
    )  # fmt: skip
    found = connection.execute(due).all()
    for row in found:
        reason = f"waits for write-back {row.before} ({row.operation}, {row.state}) about the same subject"
        connection.execute(
            sa.update(write_backs)
            .where(write_backs.c.tenant == tenant, write_backs.c.id == row.id)
            .values(
                waits_for=row.before, reason=reason, next_attempt_at=now + LOOK_AGAIN, updated_at=now
            )
        )  # fmt: skip
        if row.waits_for is None:
            say(connection, tenant, row.id, row.attempt, "waits", reason, now)
    return len(found)


def let_next_go(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, now: datetime) -> None:
    """What waited for this one is looked at again at once. Called when it is done, in the same transaction."""
    connection.execute(
        sa.update(write_backs)
        .where(
            write_backs.c.tenant == tenant,
            write_backs.c.waits_for == write_back_id,
            write_backs.c.state == str(WriteBackState.READY),
        )
        .values(waits_for=None, reason=None, next_attempt_at=now, updated_at=now)
    )


def supersede(
    connection: sa.Connection, tenant: str, written: Sequence[uuid.UUID], now: datetime
) -> dict[uuid.UUID, uuid.UUID]:
    """End what these write-backs, which may leave now, say better: earlier ones of the same slot that have no effect,
    and can have none any more. Of several of one slot only the last is left; both say so. What was ended, and by
    which."""
    old, new, last = write_backs.alias("old"), write_backs.alias("new"), write_backs.alias("last")
    newest = ~sa.exists().where(_sets_anew(last, new), _may_leave(last))
    found = connection.execute(
        sa.select(old.c.id, old.c.attempt, new.c.id.label("by"), new.c.attempt.label("its_attempt"))
        .select_from(old.join(new, _sets_anew(new, old)))
        .where(
            new.c.tenant == tenant,
            new.c.id == sa.any_(sa.bindparam("written", list(written), pg.ARRAY(sa.Uuid))),
            newest,
            old.c.tenant == tenant,
            old.c.state.in_(
                [
                    sa.literal_column(f"'{state}'")
                    for state in (
                        WriteBackState.READY,
                        WriteBackState.AWAITING_APPROVAL,
                        WriteBackState.EXHAUSTED,
                    )
                ]
            ),
            ~old.c.ask_first,
        )
        .order_by(old.c.queued)
        .with_for_update(of=old)
    ).all()
    for row in found:
        reason = f"superseded by write-back {row.by}, which says it anew"
        connection.execute(
            sa.update(write_backs)
            .where(write_backs.c.tenant == tenant, write_backs.c.id == row.id)
            .values(
                state=str(WriteBackState.SUPERSEDED), reason=reason, superseded_by=row.by, waits_for=None,
                next_attempt_at=None, updated_at=now,
            )
        )  # fmt: skip
        say(connection, tenant, row.id, row.attempt, "superseded", reason, now)
        let_next_go(connection, tenant, row.id, now)
    for by, its_attempt in {(row.by, row.its_attempt) for row in found}:
        ended = ", ".join(str(row.id) for row in found if row.by == by)
        say(connection, tenant, by, its_attempt, "superseded", f"supersedes write-back {ended}", now)
    return {row.id: row.by for row in found}


def _sets_anew(later: Any, old: Any) -> sa.ColumnElement[bool]:
    """That one write-back sets what the other sets, and was written after it."""
    return sa.and_(
        later.c.tenant == old.c.tenant,
        later.c.target == old.c.target,
        later.c.slot == old.c.slot,
        later.c.queued > old.c.queued,
    )


def _may_leave(later: Any) -> sa.ColumnElement[bool]:
    """That it has its effect, may have it, or is on its way to it. What waits for a first yes may hear a no."""
    return sa.and_(
        later.c.state.not_in([str(state) for state in _CAME_TO_NOTHING]),
        sa.or_(later.c.state != str(WriteBackState.AWAITING_APPROVAL), later.c.ask_first),
    )


def said_anew(old: Any, *, let_pass: bool = False) -> sa.ScalarSelect[uuid.UUID]:
    """The last write-back that sets what ``old`` sets, is later, and left or may leave. ``let_pass``: of those that
    do not wait for ``old``."""
    later = write_backs.alias("later")
    return (
        sa.select(later.c.id)
        .where(_sets_anew(later, old), _may_leave(later), *([later.c.let_pass] if let_pass else []))
        .order_by(later.c.queued.desc())
        .limit(1)
        .correlate(old)
        .scalar_subquery()
    )


def later_of(
    connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, *, let_pass: bool = False
) -> uuid.UUID | None:
    """The later write-back that says anew what this one says (``said_anew``), or ``None``: this one is the last."""
    old = write_backs.alias("old")
    found: uuid.UUID | None = connection.execute(
        sa.select(said_anew(old, let_pass=let_pass))
        .select_from(old)
        .where(old.c.tenant == tenant, old.c.id == write_back_id)
    ).scalar()
    return found


def end_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> str | None:
    """How the write-back stands that says anew what this superseded one would have said, or that one's, and so on.
    ``None``: which one it is was not written down."""
    at, state = write_back_id, str(WriteBackState.SUPERSEDED)
    while state == WriteBackState.SUPERSEDED:
        by = connection.execute(
            sa.select(write_backs.c.superseded_by).where(
                write_backs.c.tenant == tenant, write_backs.c.id == at
            )
        ).scalar()
        if by is None:
            return None
        at = by
        state = connection.execute(
            sa.select(write_backs.c.state).where(write_backs.c.tenant == tenant, write_backs.c.id == at)
        ).scalar_one()
    return state


def rounds_of(
    connection: sa.Connection, tenant: str, write_back_id: uuid.UUID, case_id: uuid.UUID, most: int
) -> int:
    """How often this was decided again before, after a conflict; at most ``most``."""
    rounds = 0
    while rounds < most:
        before = connection.execute(
            sa.select(write_backs.c.id).where(
                write_backs.c.tenant == tenant,
                write_backs.c.case_id == case_id,
                write_backs.c.superseded_by == write_back_id,
                write_backs.c.attempt > 0,
            )
        ).scalar()
        if before is None:
            break
        write_back_id, rounds = before, rounds + 1
    return rounds


def let_pass(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> bool:
    """A person lets a write-back go before what it waits for. False: it does not wait for a turn."""
    row = connection.execute(
        sa.update(write_backs)
        .where(
            write_backs.c.tenant == tenant,
            write_backs.c.id == write_back_id,
            write_backs.c.state == str(WriteBackState.READY),
            ~write_backs.c.let_pass,
            sa.exists().where(*_earlier(write_backs)),
        )
        .values(let_pass=True, waits_for=None, next_attempt_at=now, reason=None, updated_at=now)
        .returning(write_backs.c.attempt)
    ).first()
    if row is None:
        return False
    say(connection, tenant, write_back_id, row.attempt, "person", f"{actor}: let pass: {reason}", now)
    return True


def place_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> dict[str, Any]:
    """What another write-back is written with that stands in the place of this one: what was written after this one
    is after it, too."""
    row = connection.execute(
        sa.select(write_backs.c.queued, write_backs.c.let_pass).where(
            write_backs.c.tenant == tenant, write_backs.c.id == write_back_id
        )
    ).one()
    return dict(row._mapping)


def earlier_of(connection: sa.Connection, tenant: str, write_back_id: uuid.UUID) -> Any | None:
    """The last of the earlier ones that keep this one waiting (id, operation, state), or ``None``."""
    waiting = write_backs.alias("waiting")
    nearest, always = _nearest(waiting)
    return connection.execute(
        sa.select(nearest.c.id, nearest.c.operation, nearest.c.state)
        .select_from(waiting.join(nearest, always))
        .where(waiting.c.tenant == tenant, waiting.c.id == write_back_id, ~waiting.c.let_pass)
    ).first()


def say(
    connection: sa.Connection,
    tenant: str,
    write_back_id: uuid.UUID,
    attempt: int,
    phase: str,
    reason: str,
    now: datetime,
    *,
    outcome: str | None = None,
) -> None:
    """One line in the history, once for this attempt and phase. ``outcome``: the phase, unless it is another word."""
    connection.execute(
        pg.insert(attempts)
        .values(
            tenant=tenant, write_back_id=write_back_id, attempt=attempt, phase=phase,
            outcome=outcome or phase, reason=reason, at=now,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
