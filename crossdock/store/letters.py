"""Dead letters in their groups: each is written with its group and its lineage, in one transaction."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock import fingerprint
from crossdock.messages import derived_id
from crossdock.replays import most_replays
from crossdock.store.bulk import Row, insert_rows
from crossdock.store.tables import dead_letter_groups, dead_letters, payload_versions


def group_of(tenant: str, source: str, stage: str, code: str, sentence: str) -> uuid.UUID:
    """The group of a failure: the same for everything of the same fingerprint."""
    words = fingerprint.template(sentence)
    return derived_id("dead-letter-group", tenant, fingerprint.VERSION, source, str(stage), code, words)


def add_dead_letters(connection: sa.Connection, rows: Sequence[Row]) -> int:
    """Set things aside, each in its group. One that lies here already for the same part or write-back is left as it
    is. One that came back from a replay says from which letter, and is parked when it came back too often.
    """
    if not rows:
        return 0
    tenant = str(rows[0]["tenant"])
    most = most_replays()
    before = _run_before(connection, tenant, rows)
    whole: list[dict[str, Any]] = []
    for row in rows:
        earlier = before.get(_thing(row))
        replays = earlier.replays + 1 if earlier is not None else 0
        forgiven = earlier.forgiven if earlier is not None else 0
        whole.append(
            {
                **row,
                "group_id": group_of(tenant, row["source"], row["stage"], row["code"], row["sentence"]),
                "came_back_from": earlier.id if earlier is not None else None,
                "replays": replays,
                "forgiven": forgiven,
                "state": "parked" if replays - forgiven >= most else "open",
            }
        )
    _open_groups(connection, whole)
    return len(insert_rows(connection, dead_letters, whole, or_ignore=True, returning=["id"]))


Thing = tuple[Any, Any, Any]


def _thing(row: Mapping[str, Any]) -> Thing:
    return row["raw_id"], row["part"], row["write_back_id"]


def _run_before(connection: sa.Connection, tenant: str, rows: Sequence[Row]) -> dict[Thing, Any]:
    """The last letter of the same thing, where it was run again: what is set aside now is what came of it."""
    raw_ids = list({row["raw_id"] for row in rows} - {None})
    write_back_ids = list({row["write_back_id"] for row in rows} - {None})
    letters = dead_letters
    statement = (
        sa.select(
            letters.c.id,
            letters.c.raw_id,
            letters.c.part,
            letters.c.write_back_id,
            letters.c.replays,
            letters.c.forgiven,
        )
        .where(
            letters.c.tenant == tenant,
            letters.c.state == "replayed",
            sa.or_(
                letters.c.raw_id == sa.any_(sa.bindparam("raw_ids", raw_ids, pg.ARRAY(sa.Uuid))),
                letters.c.write_back_id
                == sa.any_(sa.bindparam("write_back_ids", write_back_ids, pg.ARRAY(sa.Uuid))),
            ),
        )
        .order_by(letters.c.closed_at, letters.c.replays)
    )
    found: dict[Thing, Any] = {
        (row.raw_id, row.part, row.write_back_id): row for row in connection.execute(statement)
    }
    edited = payload_versions
    instead = (
        sa.select(edited.c.new_write_back_id, letters.c.id, letters.c.replays, letters.c.forgiven)
        .join(letters, sa.and_(letters.c.tenant == tenant, letters.c.id == edited.c.letter_id))
        .where(
            edited.c.tenant == tenant,
            edited.c.new_write_back_id
            == sa.any_(sa.bindparam("write_back_ids", write_back_ids, pg.ARRAY(sa.Uuid))),
        )
    )
    for row in connection.execute(instead) if write_back_ids else ():
        found.setdefault((None, None, row.new_write_back_id), row)
    return found


def _open_groups(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have the group of each of these letters, open where it must be: one that was resolved came back, one that was
    ignored for a time came back after it. Held, so that nobody resolves one while a letter is being put into it."""
    groups = dead_letter_groups
    wanted = {row["group_id"]: row for row in rows}
    for group_id, row in sorted(wanted.items()):
        connection.execute(
            pg.insert(groups)
            .values(
                tenant=row["tenant"],
                id=group_id,
                source=row["source"],
                stage=str(row["stage"]),
                code=row["code"],
                template=fingerprint.template(row["sentence"]),
                template_version=fingerprint.VERSION,
                state="open",
                created_at=row["created_at"],
            )
            .on_conflict_do_nothing()
        )
        mine = (groups.c.tenant == row["tenant"], groups.c.id == group_id)
        connection.execute(
            sa.update(groups)
            .where(
                *mine,
                sa.or_(
                    groups.c.state == "resolved",
                    sa.and_(groups.c.state == "ignored", groups.c.ignored_until <= row["created_at"]),
                ),
            )
            .values(
                state="open",
                ignored_until=None,
                regressed_at=sa.case(
                    (groups.c.state == "resolved", row["created_at"]), else_=groups.c.regressed_at
                ),
                changed_at=row["created_at"],
                changed_by="crossdock",
                reason=sa.case(
                    (groups.c.state == "resolved", "it came back after it was resolved"),
                    else_="it came back after the time for which it was ignored",
                ),
            )
        )
        connection.execute(sa.select(groups.c.id).where(*mine).with_for_update(read=True))


def asked_as_then(
    connection: sa.Connection, tenant: str, raw_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[int, Mapping[str, str]]]:
    """The versions under which parts of these messages are to be run again, by message and part; those of which the
    last replay asked for nothing of the kind are not in it."""
    if not raw_ids:
        return {}
    letters = dead_letters
    statement = (
        sa.select(letters.c.raw_id, letters.c.part, letters.c.versions, letters.c.replay_as)
        .where(
            letters.c.tenant == tenant,
            letters.c.raw_id == sa.any_(sa.bindparam("raw_ids", list(raw_ids), pg.ARRAY(sa.Uuid))),
            letters.c.part.is_not(None),
            letters.c.state == "replayed",
        )
        .order_by(letters.c.closed_at, letters.c.replays)
    )
    last = {(row.raw_id, row.part): row for row in connection.execute(statement)}
    found: dict[uuid.UUID, dict[int, Mapping[str, str]]] = {}
    for (raw_id, part), row in last.items():
        if row.replay_as == "then":
            found.setdefault(raw_id, {})[part] = row.versions
    return found


# ── what people say about a group ────────────────────────────────────────────────────────────────────────────


def hold_group(connection: sa.Connection, tenant: str, group_id: uuid.UUID) -> Any | None:
    """The row of a group, locked for this transaction, or ``None``."""
    groups = dead_letter_groups
    return connection.execute(
        sa.select(groups).where(groups.c.tenant == tenant, groups.c.id == group_id).with_for_update()
    ).first()


def move_group(
    connection: sa.Connection,
    *,
    tenant: str,
    group_id: uuid.UUID,
    state: str,
    until: datetime | None,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Bring a group to another state, with who and why."""
    groups = dead_letter_groups
    connection.execute(
        sa.update(groups)
        .where(groups.c.tenant == tenant, groups.c.id == group_id)
        .values(
            state=state,
            ignored_until=until,
            regressed_at=None if state == "resolved" else groups.c.regressed_at,
            changed_at=now,
            changed_by=actor,
            reason=reason,
        )
    )


def park(connection: sa.Connection, *, tenant: str, letter_id: uuid.UUID, parked: bool) -> None:
    """Park an open letter, or let one out; what it was run again before then counts no more."""
    letters = dead_letters
    values: dict[str, Any] = (
        {"state": "parked"} if parked else {"state": "open", "forgiven": letters.c.replays}
    )
    connection.execute(
        sa.update(letters).where(letters.c.tenant == tenant, letters.c.id == letter_id).values(**values)
    )
