"""The outbox: write-backs, their attempts, and control numbers. The row is the queue."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.formats.x12.write import number_after
from crossdock.messages import WriteBack, WriteBackState
from crossdock.principals import OURSELVES
from crossdock.store import approvals, desk, turns
from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import attempts, control_numbers, write_backs


def add_write_backs(connection: sa.Connection, rows: Sequence[Row]) -> int:
    """Queue write-backs. One whose idempotency key is taken is the same intent and is left out; what a new one says
    anew is superseded, unless the new one waits for a yes that may never come."""
    new = insert_rows(connection, write_backs, rows, or_ignore=True, returning=["id", "slot", "state"])
    setting = [row.id for row in new if row.slot is not None and row.state == WriteBackState.READY]
    if setting:
        supersede(connection, rows[0]["tenant"], setting, rows[0]["created_at"])
    return len(new)


def supersede(connection: sa.Connection, tenant: str, ids: Sequence[uuid.UUID], now: datetime) -> None:
    """End what these say anew, now that they may leave, with what was asked about it and its dead letter."""
    for ended, by in turns.supersede(connection, tenant, ids, now).items():
        said = f"superseded by write-back {by}, which says it anew"
        approvals.void(
            connection, tenant=tenant, write_back_id=ended, words=said, principal=OURSELVES, now=now
        )
        desk.close_superseded(connection, tenant, ended, said, now)


def has_key(connection: sa.Connection, tenant: str, key: str) -> bool:
    """Whether this intent is in the outbox already."""
    statement = sa.select(write_backs.c.id).where(
        write_backs.c.tenant == tenant, write_backs.c.idempotency_key == key
    )
    return connection.execute(statement).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write-back whose attempt is committed and is ours to make until the lease ends."""

    write_back: WriteBack
    fence: int
    spent: int  # attempts that count against the schedule, this one included
    ask_first: bool
    lease_until: datetime
    trying_since: datetime | None = None
    maybe_since: datetime | None = None  # the first attempt whose effect may have happened


def claim_due(
    connection: sa.Connection,
    *,
    tenant: str,
    target: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    run_id: uuid.UUID | None,
    again: bool = False,
    in_turn: bool = True,
    but_operations: Sequence[str] = (),
    but_rehearsed: bool = False,
) -> list[Intent]:
    """Take write-backs that are due and write their attempts down, before any call: a crash counts.

    ``again``: those that were tried before, and not those that were not. ``in_turn``: only what no earlier one about
    the same subject keeps waiting. ``but_operations``: not those, which are stopped. ``but_rehearsed``: not what was
    rehearsed.
    """
    table = write_backs
    first = table.c.attempt > table.c.spent_before if again else table.c.attempt == table.c.spent_before
    due = (
        sa.select(table.c.id)
        .where(
            table.c.tenant == tenant,
            table.c.target == target,
            table.c.state == sa.literal_column(f"'{WriteBackState.READY}'"),  # as in the partial index
            first,
            table.c.next_attempt_at <= now,
            *([turns.its_turn(table)] if in_turn else []),
            *([table.c.operation.not_in(but_operations)] if but_operations else []),
            *([~table.c.rehearsed] if but_rehearsed else []),
        )
        .order_by(table.c.next_attempt_at, table.c.queued)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = (
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == due.c.id)
        .values(
            state=str(WriteBackState.SENDING),
            attempt=table.c.attempt + 1,
            fence=table.c.fence + 1,
            lease_until=now + lease,
            next_attempt_at=None,
            waits_for=None,
            trying_since=sa.func.coalesce(table.c.trying_since, now),
            updated_at=now,
        )
        .returning(*(table.c[name] for name in _INTENT))
        .cte("claimed")
    )
    intents = (
        sa.insert(attempts)
        .from_select(
            ["tenant", "write_back_id", "attempt", "phase", "run_id", "at"],
            sa.select(
                claimed.c.tenant,
                claimed.c.id,
                claimed.c.attempt,
                sa.literal("intent", sa.Text),
                sa.bindparam("run_id", run_id, sa.Uuid),
                sa.bindparam("at", now, sa.DateTime(timezone=True)),
            ),
        )
        .cte("intents")
    )
    rows = connection.execute(sa.select(claimed).add_cte(intents).order_by(claimed.c.queued))
    return [_intent(row) for row in rows]


_INTENT = (
    "id",
    "tenant",
    "target",
    "operation",
    "idempotency_key",
    "body",
    "media_type",
    "subject",
    "headers",
    "attempt",
    "case_id",
    "created_at",
    "fence",
    "spent_before",
    "ask_first",
    "lease_until",
    "trying_since",
    "maybe_since",
    "version",
    "queued",
)
"""The columns that an intent needs, in the order in which ``_intent`` takes them."""


def _intent(row: Any, *, ask_first: bool = False) -> Intent:
    """An intent from a row of the columns ``_INTENT``."""
    (
        id,
        tenant,
        target,
        operation,
        key,
        body,
        media_type,
        subject,
        headers,
        attempt,
        case_id,
        created_at,
        fence,
        spent_before,
        must_ask,
        lease_until,
        trying_since,
        maybe_since,
        version,
        _queued,
    ) = row
    return Intent(
        write_back=WriteBack(
            id=id,
            tenant=tenant,
            target=target,
            operation=operation,
            idempotency_key=key,
            body=bytes(body),
            media_type=media_type,
            subject=subject,
            headers=headers,
            attempt=attempt,
            case_id=case_id,
            created_at=created_at,
            version=version or "",
        ),
        fence=fence,
        spent=attempt - spent_before,
        ask_first=ask_first or must_ask,
        lease_until=lease_until,
        trying_since=trying_since,
        maybe_since=maybe_since,
    )


def keep_version(connection: sa.Connection, intent: Intent, version: str) -> bool:
    """Write down what the target held before anything was sent: every attempt is about this version. False: the
    lease was lost."""
    return connection.execute(_update_while_ours(intent).values(version=version)).rowcount == 1


def renew(connection: sa.Connection, intent: Intent, until: datetime) -> bool:
    """Hold the lease on. False: it is no longer ours, and the call must not be made."""
    return connection.execute(_update_while_ours(intent).values(lease_until=until)).rowcount == 1


def _update_while_ours(intent: Intent) -> sa.Update:
    """An update of this write-back that changes nothing once somebody else has taken it or its outcome is known."""
    table = write_backs
    return sa.update(table).where(
        table.c.tenant == intent.write_back.tenant,
        table.c.id == intent.write_back.id,
        table.c.fence == intent.fence,
        table.c.state == str(WriteBackState.SENDING),
    )


def record(
    connection: sa.Connection,
    intent: Intent,
    *,
    state: WriteBackState,
    outcome: str,
    reason: str | None,
    now: datetime,
    receipt: Mapping[str, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
    next_attempt_at: datetime | None = None,
    ask_first: bool = False,
    counts: bool = True,
    phase: str = "outcome",
    run_id: uuid.UUID | None = None,
    more: Mapping[str, Any] | None = None,
) -> bool:
    """Append what came of an attempt, and the next state. False: the lease was lost, and nothing was written;
    whoever has it now asks the target or repeats with the same key. ``more``: other columns that change."""
    values: dict[str, Any] = {
        "state": str(state),
        "reason": reason,
        "receipt": receipt,
        "next_attempt_at": next_attempt_at,
        "lease_until": None,
        "ask_first": ask_first,
        "updated_at": now,
        **(more or {}),
    }
    if ask_first or state is WriteBackState.UNSURE:
        values["maybe_since"] = sa.func.coalesce(write_backs.c.maybe_since, _began_at(intent))
    if not counts:
        values["spent_before"] = write_backs.c.spent_before + 1
    result = connection.execute(_update_while_ours(intent).values(**values))
    if result.rowcount != 1:
        return False
    connection.execute(
        sa.insert(attempts).values(
            tenant=intent.write_back.tenant,
            write_back_id=intent.write_back.id,
            attempt=intent.write_back.attempt,
            phase=phase,
            outcome=outcome,
            reason=reason,
            evidence=evidence,
            run_id=run_id,
            at=now,
        )
    )
    if state not in turns.BEFORE:
        turns.let_next_go(connection, intent.write_back.tenant, intent.write_back.id, now)
    return True


def _began_at(intent: Intent) -> Any:
    """When this attempt was written down: its effect cannot be older."""
    return (
        sa.select(attempts.c.at)
        .where(
            attempts.c.tenant == intent.write_back.tenant,
            attempts.c.write_back_id == intent.write_back.id,
            attempts.c.attempt == intent.write_back.attempt,
            attempts.c.phase == "intent",
        )
        .scalar_subquery()
    )


def claim_abandoned(
    connection: sa.Connection, *, tenant: str, target: str, now: datetime, lease: timedelta, limit: int
) -> list[Intent]:
    """Take over attempts whose worker is gone: the intent was written down and no outcome was. Whether the call
    happened is unknown."""
    table = write_backs
    gone = (
        sa.select(table.c.id)
        .where(
            table.c.tenant == tenant,
            table.c.target == target,
            table.c.state == str(WriteBackState.SENDING),
            table.c.lease_until < now,
        )
        .order_by(table.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("gone")
    )
    statement = (
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == gone.c.id)
        .values(fence=table.c.fence + 1, lease_until=now + lease, updated_at=now)
        .returning(*(table.c[name] for name in _INTENT))
    )
    return [_intent(row, ask_first=True) for row in connection.execute(statement)]


class ControlNumbers:
    """Control numbers of our own, for one transaction.

    Gapless, since they are counted in the transaction that uses them, and never twice, since it holds the partner's
    row from the first number on. Counted here and written once: thousands of answers are one change of a row. After
    999999999, the last one that an envelope has room for, comes 1.
    """

    def __init__(self, connection: sa.Connection, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant
        self._last: dict[tuple[str, str], int] = {}
        self._stored: dict[tuple[str, str], int] = {}

    def take(self, partner: str, kind: str, count: int = 1) -> int:
        """The first of ``count`` numbers; the others follow it by ``number_after``. ``kind``: interchange, group or
        set."""
        key = (partner, kind)
        if key not in self._last:
            self._last[key] = self._stored[key] = self._hold(partner, kind)
        first = number_after(self._last[key])
        self._last[key] = number_after(self._last[key], count)
        return first

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is taken inside is given back when the inside fails."""
        before = dict(self._last)
        try:
            yield
        except BaseException:
            self._last = {key: before.get(key, self._stored[key]) for key in self._last}
            raise

    def save(self) -> None:
        """Write what was taken. Call before the transaction ends."""
        table = control_numbers
        for (partner, kind), last in self._last.items():
            if last != self._stored[(partner, kind)]:
                self._connection.execute(
                    sa.update(table)
                    .where(table.c.tenant == self._tenant, table.c.partner == partner, table.c.kind == kind)
                    .values(last=last)
                )

    def _hold(self, partner: str, kind: str) -> int:
        table = control_numbers
        statement = (
            pg.insert(table)
            .values(tenant=self._tenant, partner=partner, kind=kind, last=0)
            .on_conflict_do_update(index_elements=["tenant", "partner", "kind"], set_={"last": table.c.last})
            .returning(table.c.last)
        )
        last: int = self._connection.execute(statement).scalar_one()
        return last


def put_back(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    now: datetime,
    actor: str,
    reason: str,
    due: datetime | None = None,
) -> None:
    """A replay: ready again, at once or when ``due``, with the key it always had and the whole schedule before it."""
    table = write_backs
    row = connection.execute(
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == write_back_id)
        .values(
            state=str(WriteBackState.READY),
            next_attempt_at=due or now,
            spent_before=table.c.attempt,
            trying_since=None,
            # what is doubted since the database was restored is doubted still
            maybe_since=sa.case((table.c.ask_first, table.c.maybe_since)),
            reason=None,
            updated_at=now,
        )
        .returning(table.c.attempt)
    ).one()
    add_person(connection, tenant, write_back_id, row.attempt, "replay", f"{actor}: {reason}", now)


def close_by_person(
    connection: sa.Connection,
    *,
    tenant: str,
    write_back_id: uuid.UUID,
    state: WriteBackState,
    now: datetime,
    actor: str,
    reason: str,
    by: uuid.UUID | None = None,
) -> None:
    """A person ends a write-back: discarded, delivered because the person saw it happen, or superseded ``by`` another
    one."""
    table = write_backs
    receipt = {"reference": "", "said_by": actor, "reason": reason}
    row = connection.execute(
        sa.update(table)
        .where(table.c.tenant == tenant, table.c.id == write_back_id)
        .values(
            state=str(state),
            next_attempt_at=None,
            receipt=receipt if state is WriteBackState.DELIVERED else None,
            reason=f"{actor}: {reason}",
            superseded_by=by,
            updated_at=now,
        )
        .returning(table.c.attempt)
    ).one()
    add_person(connection, tenant, write_back_id, row.attempt, str(state), f"{actor}: {reason}", now)
    turns.let_next_go(connection, tenant, write_back_id, now)


def add_person(
    connection: sa.Connection,
    tenant: str,
    write_back_id: uuid.UUID,
    attempt: int,
    outcome: str,
    reason: str,
    now: datetime,
) -> None:
    """Append what a person did after this attempt."""
    turns.say(connection, tenant, write_back_id, attempt, "person", reason, now, outcome=outcome)
