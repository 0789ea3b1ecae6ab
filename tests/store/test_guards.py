"""The database refuses, by itself, what must never happen to a row. Raw SQL, generated from the tables' own lists."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from crossdock.messages import CaseState, WriteBackState
from crossdock.standing import TargetState
from crossdock.store.guards import (
    APPEND_ONLY,
    FIRST_STATES,
    ILLEGAL_START,
    ILLEGAL_TRANSITION,
    ONCE,
    UNAPPROVED,
    WRITTEN_ONCE,
)
from crossdock.store.schema import SCHEMA
from crossdock.store.tables import (
    APPENDED,
    APPROVAL_STATES,
    AWAITED_STATES,
    CLOCK_STATES,
    CONSUMER_STATES,
    DEAD_LETTER_STATES,
    EMISSION_STATES,
    EXCHANGE_STATES,
    GROUP_STATES,
    PART_STATES,
    REDRIVE_ITEM_STATES,
    REDRIVE_STATES,
    SAGA_STATES,
    TRANSITIONS,
    WEBHOOK_MESSAGE_STATES,
    WEBHOOK_STATES,
    approvals,
    cases,
    metadata,
    parts,
)

STATES = {
    "cases": tuple(map(str, CaseState)),
    "write_backs": tuple(map(str, WriteBackState)),
    "parts": PART_STATES,
    "dead_letters": DEAD_LETTER_STATES,
    "clocks": CLOCK_STATES,
    "exchanges": EXCHANGE_STATES,
    "dead_letter_groups": GROUP_STATES,
    "redrives": REDRIVE_STATES,
    "redrive_items": REDRIVE_ITEM_STATES,
    "approvals": APPROVAL_STATES,
    "sagas": SAGA_STATES,
    "awaited": AWAITED_STATES,
    "emissions": EMISSION_STATES,
    "consumers": CONSUMER_STATES,
    "webhooks": WEBHOOK_STATES,
    "webhook_messages": WEBHOOK_MESSAGE_STATES,
    "targets": tuple(map(str, TargetState)),
}
PAIRS = [
    (name, old, new) for name, states in STATES.items() for old in states for new in states if old != new
]
LEGAL = [pair for pair in PAIRS if pair[2] in TRANSITIONS[pair[0]][pair[1]]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


def table_of(name):
    return metadata.tables[f"{SCHEMA}.{name}"]


@pytest.fixture
def hands(module_store, row):
    """A superuser's own transaction, bound by no right and no policy, rolled back after the test."""
    with module_store._engine.connect() as connection:
        yield connection
        connection.rollback()


def put(connection, row, name, **given):
    """A row in any state, also one that no row may begin in."""
    values = row(table_of(name), "main", **given)
    connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # no triggers
    connection.execute(sa.insert(table_of(name)), values)
    connection.execute(sa.text("SET LOCAL session_replication_role = origin"))
    return values


def another(value):
    """A value of the same type that no row holds."""
    match value:
        case uuid.UUID():
            return uuid.uuid4()
        case datetime():
            return value + timedelta(days=1)
        case str():
            return value + " changed"
        case bytes():
            return value + b" changed"
        case int():
            return value + 1
        case dict():
            return {**value, "changed": True}
    raise AssertionError(f"say here what another {value!r} is")


def refused(connection, statement):
    with pytest.raises(sa.exc.DBAPIError) as caught, connection.begin_nested():
        connection.execute(statement)
    return caught.value.orig


def agree(connection, row, written, **given):
    """An approval of exactly this write-back."""
    bound = {name: written[name] for name in ("target", "operation", "subject", "attempt")}
    sha256 = hashlib.sha256(written["body"]).hexdigest()
    agreed = {"write_back_id": written["id"], "state": "agreed", "body_sha256": sha256, **bound, **given}
    return put(connection, row, "approvals", **agreed)


@pytest.mark.parametrize(
    "but",
    [
        {"write_back_id": uuid.UUID(int=1)},
        {"state": "asked"},
        {"state": "expired"},
        {"state": "void"},
        {"attempt": 0},
        {"target": "wms"},
        {"operation": "hold"},
        {"subject": "supplier_po/2"},
        {"body_sha256": "0" * 64},
    ],
    ids=lambda but: next(iter(but)) + "=" + str(next(iter(but.values()))),
)
def test_nothing_that_waits_for_approval_leaves_without_one_of_exactly_its_bytes(hands, row, but):
    written = put(hands, row, "write_backs", state="awaiting_approval")
    agree(hands, row, written, **but)
    error = refused(hands, sa.update(table_of("write_backs")).values(state="ready"))
    assert error.sqlstate == UNAPPROVED
    assert f"write_backs {written['id']}: nobody agreed to exactly these bytes" in str(error)


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"decided_principal": "ann", "asked_principal": "ann"}, "two_people"),
        ({"decided_principal": ""}, "decided_by_somebody"),
        ({"decided_principal": None}, "decided_by_somebody"),
        ({"words": ""}, "decided_by_somebody"),
        ({"decided_at": None}, "ended_at_a_time"),
        ({"decided_at": datetime(2027, 1, 1, tzinfo=UTC)}, "agreed_in_time"),
    ],
)
def test_the_database_itself_wants_two_people_in_time(hands, row, given, constraint):
    with pytest.raises(sa.exc.IntegrityError) as caught, hands.begin_nested():
        put(hands, row, "approvals", **{"state": "agreed", **given})
    assert f"ck_approvals_{constraint}" in str(caught.value)


def test_of_one_write_back_one_thing_is_asked_at_a_time(hands, row):
    first = put(hands, row, "approvals")
    error = refused(
        hands, sa.insert(approvals).values(row(approvals, "main", write_back_id=first["write_back_id"]))
    )
    assert "uq_approvals_asked" in str(error)


def test_every_machine_is_known_here():
    assert set(STATES) == set(TRANSITIONS)
    assert all(set(TRANSITIONS[name]) == set(states) for name, states in STATES.items())


@pytest.mark.parametrize(("name", "old", "new"), ILLEGAL)
def test_an_illegal_change_of_state_is_refused(hands, row, name, old, new):
    put(hands, row, name, state=old)
    error = refused(hands, sa.update(table_of(name)).values(state=new))
    assert error.sqlstate == ILLEGAL_TRANSITION
    assert f"{name} " in str(error)
    assert f"state may not go from {old} to {new}" in str(error)


@pytest.mark.parametrize(("name", "old", "new"), LEGAL)
def test_a_legal_change_of_state_is_made(hands, row, name, old, new):
    written = put(hands, row, name, state=old)
    if (name, old, new) == ("write_backs", "awaiting_approval", "ready"):
        agree(hands, row, written)
    assert hands.execute(sa.update(table_of(name)).values(state=new)).rowcount == 1


@pytest.mark.parametrize(("name", "old"), [(name, old) for name, states in STATES.items() for old in states])
def test_a_state_that_does_not_change_is_no_transition(hands, row, name, old):
    put(hands, row, name, state=old)
    assert hands.execute(sa.update(table_of(name)).values(state=table_of(name).c.state)).rowcount == 1


@pytest.mark.parametrize("name", list(STATES))
def test_a_state_that_nobody_knows_is_refused(hands, row, name):
    put(hands, row, name)
    assert refused(hands, sa.update(table_of(name)).values(state="lost")).sqlstate in (
        ILLEGAL_TRANSITION,
        "23514",
    )


@pytest.mark.parametrize(
    ("name", "state"),
    [(name, state) for name, first in FIRST_STATES.items() for state in STATES[name] if state not in first],
)
def test_a_row_begins_in_its_first_state(hands, row, name, state):
    error = refused(hands, sa.insert(table_of(name)).values(row(table_of(name), "main", state=state)))
    assert error.sqlstate == ILLEGAL_START
    assert f"must begin in state {' or '.join(FIRST_STATES[name])}, not {state}" in str(error)


@pytest.mark.parametrize("name", APPENDED)
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant = tenant", "DELETE FROM {}", "TRUNCATE {}"])
def test_an_appended_table_only_grows(hands, row, name, statement):
    put(hands, row, name)
    error = refused(hands, sa.text(statement.format(f"{SCHEMA}.{name}")))
    assert error.sqlstate == APPEND_ONLY
    assert f"{name}: rows are only ever added" in str(error)


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name in ONCE for column in ("tenant", *ONCE[name])]
)
def test_what_is_written_once_stays(hands, row, name, column):
    table = table_of(name)
    put(hands, row, name)
    error = refused(hands, sa.update(table).values({column: another(row(table, "other")[column])}))
    assert error.sqlstate == WRITTEN_ONCE
    assert f"{column} is written once" in str(error)


@pytest.mark.parametrize("name", list(ONCE))
def test_writing_the_same_value_again_is_no_change(hands, row, name):
    table = table_of(name)
    put(hands, row, name)
    same = {column: table.c[column] for column in ONCE[name]}
    assert hands.execute(sa.update(table).values(same)).rowcount == 1


def test_a_refusal_names_the_row(hands, row):
    case = put(hands, row, "cases", state="cancelled")
    assert str(case["id"]) in str(refused(hands, sa.update(cases).values(state="open")))
    part = put(hands, row, "parts", state="processed", ordinal=4)
    assert f"{part['raw_id']}/4" in str(refused(hands, sa.update(parts).values(state="in_flight")))
