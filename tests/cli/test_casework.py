"""What people do with cases on the command line."""

import pytest
import sqlalchemy as sa

from crossdock.store import tables


def case_of(story):
    with story.store.transaction("main") as connection:
        return connection.execute(sa.select(tables.cases).where(tables.cases.c.id == story.case)).one()


def history_of(story):
    with story.store.transaction("main") as connection:
        steps = connection.execute(
            sa.select(
                tables.case_transitions.c.to_state,
                tables.case_transitions.c.actor,
                tables.case_transitions.c.reason,
            )
            .where(tables.case_transitions.c.case_id == story.case)
            .order_by(tables.case_transitions.c.sequence)
        )
        return [tuple(step) for step in steps]


def audited(story):
    with story.store.transaction("main") as connection:
        rows = connection.execute(
            sa.select(tables.audit.c.action, tables.audit.c.actor, tables.audit.c.reason)
            .where(tables.audit.c.object_id == str(story.case))
            .order_by(tables.audit.c.at)
        )
        return [tuple(row) for row in rows]


def test_a_person_takes_a_case_and_resolves_it_with_a_reason(crossdock, told):
    assert crossdock("cases", "move", "c0000000", "--to", "in_progress").exit_code == 0
    done = crossdock("cases", "move", "c0000000", "--to", "resolved", "--reason", "ships on Friday", "--json")
    assert done.json == {"id": str(told.case), "state": "resolved"}
    case = case_of(told)
    assert (case.state, case.resolution) == ("resolved", "ships on Friday")
    assert case.closed_at is not None
    assert history_of(told)[-2:] == [
        ("in_progress", "dana", "in_progress"),
        ("resolved", "dana", "ships on Friday"),
    ]
    assert audited(told)[-2:] == [
        ("case.in_progress", "dana", None),
        ("case.resolved", "dana", "ships on Friday"),
    ]


@pytest.mark.parametrize(
    ("to", "say"),
    [("resolved", "what was done"), ("cancelled", "why it is no trouble"), ("blocked", "what it waits for")],
)
def test_a_case_is_not_closed_or_blocked_without_a_reason(crossdock, told, to, say):
    refused = crossdock("cases", "move", "c0000000", "--to", to, "--reason", "  ")
    assert refused.exit_code == 5
    assert say in refused.stderr
    assert case_of(told).state == "open"
    assert audited(told) == []


def test_a_step_that_the_states_do_not_allow_says_which_they_do(crossdock, told):
    crossdock("cases", "move", "c0000000", "--to", "cancelled", "--reason", "a test")
    refused = crossdock("cases", "move", "c0000000", "--to", "open", "--reason", "no, it was not")
    assert refused.exit_code == 5
    assert "is cancelled and cannot become open; possible: nothing: that is final" in refused.stderr
    assert "nobody works on it any more" in crossdock("cases", "assign", "c0000000", "--to", "eve").stderr


def test_a_case_is_reopened_unless_the_trouble_has_a_newer_one(crossdock, told):
    crossdock("cases", "move", "c0000000", "--to", "resolved", "--reason", "done")
    again = crossdock("cases", "move", "c0000000", "--to", "open", "--reason", "it came back")
    assert again.exit_code == 0
    assert case_of(told).closed_at is None
    crossdock("cases", "move", "c0000000", "--to", "resolved", "--reason", "done")
    old = case_of(told)._mapping
    newer = {**old, "id": "c1000000-0000-4000-8000-000000000009", "state": "open", "closed_at": None}
    told.insert(tables.cases, {name: value for name, value in newer.items() if name != "tenant"})
    refused = crossdock("cases", "move", str(told.case), "--to", "open", "--reason", "it came back")
    assert refused.exit_code == 5
    assert "newer case already, c1000000" in refused.stderr


def test_a_case_is_handed_to_somebody_and_it_is_written_down_who_did(crossdock, told):
    done = crossdock("cases", "assign", "c0000000", "--to", " transport ", "--reason", "ask the carrier")
    assert done.exit_code == 0
    assert case_of(told).owner == "transport"
    assert audited(told) == [("case.assign", "dana", "ask the carrier")]
    for name in ("", "x" * 101, "two\nlines"):
        assert crossdock("cases", "assign", "c0000000", "--to", name).exit_code == 5
    assert case_of(told).owner == "transport"


def test_a_case_that_is_not_there_is_said_so(crossdock, told):
    assert crossdock("cases", "move", "99999999", "--to", "blocked", "--reason", "x").exit_code == 2
    wrong = crossdock("cases", "move", "c0000000", "--to", "closed")
    assert wrong.exit_code == 2
    assert "--to 'closed' is unknown" in wrong.stderr
