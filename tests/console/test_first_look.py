import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crossdock.console.first_look import Concern, Level, concerns, headline
from crossdock.errors import Misconfigured
from crossdock.registry import Registry
from crossdock.standing import Mode, Standing, Stop, TargetState
from crossdock.store import console_queries, tables
from crossdock.targets import Shown

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
GOOD_LEDGER = {"source": "erp", "balance": 0, "sound": True, "missing_parts": 0, "unexplained": 0}


def looked(**changed: Any) -> list[Concern]:
    overview = {"sources": [], "write_backs": [], "dead_letters": [], **changed.pop("overview", {})}
    given = {
        "ledger": [GOOD_LEDGER],
        "last_runs": [],
        "manifests": Registry().manifests(),
        "broken": {},
        "now": NOW,
        **changed,
    }
    return concerns(overview=overview, **given)


def read_at(age: timedelta, error: str | None = None) -> dict[str, Any]:
    moment = (NOW - age).isoformat().replace("+00:00", "Z")
    return {"sources": [{"source": "erp", "read_at": moment, "error": error}]}


def test_all_is_well_when_everything_is_accounted_for_and_read_in_time() -> None:
    found = looked(overview=read_at(timedelta(seconds=40)))
    assert found == []
    assert headline(found, empty=False)[0] is Level.FINE
    assert headline(found, empty=True)[1] == "Nothing has come in yet."


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ledger": [{**GOOD_LEDGER, "balance": -2}]}, "does not balance: -2"),
        (
            {"ledger": [{**GOOD_LEDGER, "sound": False, "missing_parts": 1}]},
            "is not sound: 1 parts are missing",
        ),
        (
            {"overview": read_at(timedelta(minutes=1), "the token was refused")},
            "erp could not be read: the token",
        ),
        ({"overview": read_at(timedelta(hours=1))}, "is its DAG receive__erp paused?"),
        ({"broken": {"wms": Misconfigured("connector.toml: no wire")}}, "wms: connector.toml: no wire"),
        (
            {"last_runs": [{"step": "process", "connector": None, "error": "routes/main.toml:4: no owner"}]},
            "process failed: routes/main.toml:4: no owner",
        ),
        (
            {"last_runs": [{"step": "deliver", "connector": "erp", "error": "connector 'erp': no login"}]},
            "deliver erp failed: no login",
        ),
    ],
)
def test_what_is_broken_is_said_and_answers_no(changed: dict[str, Any], says: str) -> None:
    (found,) = looked(**changed)
    assert found.level is Level.BROKEN
    assert says in found.sentence
    assert headline([found], empty=False) == (Level.BROKEN, "No: 1 thing is broken.")


def test_a_source_that_failed_is_told_once() -> None:
    found = looked(
        overview=read_at(timedelta(minutes=1), "the token was refused"),
        last_runs=[{"step": "receive", "connector": "erp", "error": "the token was refused"}],
    )
    assert [each.sentence for each in found] == ["receive erp failed: the token was refused"]


def test_what_waits_for_a_person_comes_after_what_is_broken() -> None:
    found = looked(
        overview={
            "write_backs": [{"target": "erp", "state": "unsure", "count": 1}],
            "dead_letters": [{"count": 2}, {"count": 1}],
        },
        last_runs=[{"step": "process", "connector": None, "error": "x"}],
    )
    assert [each.level for each in found] == [Level.BROKEN, Level.WAITING, Level.WAITING]
    assert "3 dead letters are open" in found[2].sentence
    assert headline(found[1:], empty=False)[1] == "Yes, and 3 things wait for a person."


def target(*stops: Stop, waiting: int = 0, **held: Any) -> Shown:
    rules = Registry().manifests()["erp"].sink
    assert rules is not None
    standing = Standing(**held)
    return Shown(
        name="erp",
        standing=standing,
        stops=stops,
        permit=standing.permit(rules, NOW, stops),
        waiting={"ready": waiting},
        rules=rules,
    )


def test_a_target_that_takes_nothing_is_named_with_its_reason_and_what_waits_behind_it() -> None:
    assert looked(targets=[target(waiting=3)]) == []
    (opened,) = looked(targets=[target(state=TargetState.OPEN, why="5 calls in a row failed", waiting=1)])
    assert (opened.level, opened.page) == (Level.BROKEN, "/targets")
    assert opened.sentence == "nothing leaves for erp: 5 calls in a row failed; 1 write-back waits"
    (refused,) = looked(targets=[target(state=TargetState.PAUSED, by="crossdock", why="401")])
    assert refused.level is Level.BROKEN
    (meant,) = looked(targets=[target(state=TargetState.PAUSED, by="ben", why="paused by ben: upgrade")])
    assert meant.level is Level.WAITING, "somebody wants it so, and somebody must end it"
    (shadow,) = looked(targets=[target(mode=Mode.SHADOW)])
    assert "erp is in shadow" in shadow.sentence


def test_a_kill_switch_is_named_once_however_many_targets_it_stops() -> None:
    all_of_it = Stop(target="*", operation="*", by="eve", reason="stop all", at=NOW)
    hold = Stop(target="erp", operation="hold", by="eve", reason="wrong orders", at=NOW)
    found = looked(targets=[target(all_of_it, hold), target(all_of_it)])
    assert [each.sentence for each in found] == [
        "erp:hold is stopped by eve: wrong orders",
        "everything is stopped by eve: stop all",
    ]


def test_the_headline_counts_things_and_not_kinds_of_things() -> None:
    two = looked(overview={"dead_letters": [{"count": 2}]})
    assert headline(two, empty=False)[1] == "Yes, and 2 things wait for a person."
    one = looked(
        overview={
            "write_backs": [{"target": "erp", "state": "unsure", "count": 1}],
            "dead_letters": [{"count": 1}],
        }
    )
    assert len(one) == 2, "the write-back and its dead letter, each with its page"
    assert headline(one, empty=False)[1] == "Yes, and 1 thing waits for a person."


def test_an_unknown_outcome_that_somebody_must_agree_to_waits_once() -> None:
    asked = looked(
        approvals={"leave": 2, "send_again": 1},
        overview={
            "write_backs": [{"target": "erp", "state": "awaiting_approval", "count": 3}],
            "dead_letters": [{"count": 1}],
        },
    )
    assert headline(asked, empty=False)[1] == "Yes, and 3 things wait for a person."


def test_the_last_run_of_each_step_is_what_counts(store: Any) -> None:
    def ran(
        step: str, connector: str | None, minutes_ago: int, error: str | None, *, done: bool = True
    ) -> None:
        at = NOW - timedelta(minutes=minutes_ago)
        with store.transaction("main") as connection:
            connection.execute(
                tables.runs.insert().values(
                    tenant="main",
                    id=uuid.uuid4(),
                    step=step,
                    connector=connector,
                    started_at=at,
                    finished_at=at if done else None,
                    counts={},
                    error=error,
                )
            )

    ran("receive", "erp", 5, "down")
    ran("receive", "erp", 4, None)
    ran("deliver", "erp", 3, None)
    ran("deliver", "erp", 2, "down")
    ran("deliver", "erp", 1, None, done=False)
    ran("process", None, 60 * 30, "long ago")
    with store.transaction("main") as connection:
        found = console_queries.last_runs(connection, "main", since=NOW - timedelta(days=1))
    assert found == [
        {"step": "deliver", "connector": "erp", "error": "down"},
        {"step": "receive", "connector": "erp", "error": None},
    ]
