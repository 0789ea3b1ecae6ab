"""Redrive: many letters put back at a rate, by whoever is there, and nothing twice."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import deadletters
from crossdock.deadletters import NotPossible, discard
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.messages import derived_id
from crossdock.redrive import Chosen, weigh
from crossdock.store import sagas as kept
from crossdock.store.tables import dead_letters, redrive_items, redrives, sagas, write_backs
from tests.desk.conftest import TENANT, Target, bites, deliver, intents, manifest, rows

ROOT = Path(__file__).parents[2]
ALL = Chosen(source="erp")
Refused = Callable[[int], list[Any]]


def until_done(hub: Hub, store: Any, clock: Any, target: Target) -> None:
    """Minute after minute the steps of the DAGs, until no run is at work."""
    for _ in range(100):
        hub.redrive()
        deliver(store, clock, target)
        clock.advance(timedelta(seconds=60))
        if not rows(store, redrives, state="running"):
            deliver(store, clock, target)
            return
    raise AssertionError("the run does not end")


def test_the_preview_says_what_would_be_written_what_is_confirmed_and_what_is_unknown(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    letters = refused(10)
    with store.transaction(TENANT) as connection:  # somebody sent two of them, and looked: they are there
        connection.execute(
            sa.update(write_backs)
            .where(write_backs.c.id.in_([row.write_back_id for row in rows(store, dead_letters)[:2]]))
            .values(state="ready", next_attempt_at=clock.now())
        )
    deliver(store, clock, target)
    intents(store, clock, 1, first=10)
    target.says = "quiet"
    deliver(store, clock, target, manifest(idempotency="none"))
    before = {table.name: rows(store, table) for table in (dead_letters, write_backs, redrives)}
    preview = hub.desk.redrives.preview(ALL)
    assert preview.sentence == (
        "8 will write to erp, 2 are confirmed already and are skipped, "
        "1 is unknown, for it may have happened, and is left"
    )
    assert (preview.put_back, len(letters)) == (8, 10)
    assert before == {table.name: rows(store, table) for table in (dead_letters, write_backs, redrives)}
    target.says = "yes"
    hub.desk.redrives.start(ALL, actor="anna", per_second=100)
    assert bites(hub) == {"redrives": 1, "put_back": 8, "skipped": 2, "left": 1}
    clock.advance(timedelta(seconds=1))
    deliver(store, clock, target)
    assert set(target.effects.values()) == {1} and len(target.effects) == 11
    assert Counter(row.state for row in rows(store, dead_letters)) == {"replayed": 8, "open": 3}


def test_what_failed_with_its_saga_is_left_and_the_preview_says_so(
    hub: Hub, store: Any, clock: Any, refused: Refused
) -> None:
    letters = refused(2)
    one, other = (row.write_back_id for row in rows(store, dead_letters))
    with store.transaction(TENANT) as connection:
        saga = {"tenant": TENANT, "id": derived_id("saga"), "case_id": one, "decision_id": one, "rule": "main/x",
                "state": "running", "opened_at": clock.now(), "updated_at": clock.now()}  # fmt: skip
        steps = [
            {"tenant": TENANT, "saga_id": saga["id"], "ordinal": 0, "write_back_id": one, "undo": "nothing"}
        ]
        kept.add(connection, [saga], steps)
        connection.execute(sa.update(sagas).values(state="undoing", reason="b was rejected"))
    preview = hub.desk.redrives.preview(ALL)
    assert preview.sentence == "1 will write to erp, 1 is part of what failed with its saga, and is left"
    hub.desk.redrives.start(ALL, actor="anna")
    assert bites(hub) == {"redrives": 1, "put_back": 1, "left": 1, "skipped": 0}
    assert [len(letters), row_state(store, one), row_state(store, other)] == [2, "rejected", "ready"]


def row_state(store: Any, write_back_id: Any) -> str:
    [row] = rows(store, write_backs, id=write_back_id)
    return str(row.state)


def test_a_run_keeps_its_rate_however_often_the_step_comes(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    refused(90)
    hub.desk.redrives.start(ALL, actor="anna", per_second=0.5)
    for _ in range(3):  # three workers at once have one pace
        hub.redrive()
    assert len(rows(store, write_backs, state="ready")) == 30, "a minute ahead"
    left = [deliver(store, clock, target).get("attempts", 0)]
    for _ in range(6):
        clock.advance(timedelta(seconds=10))
        left.append(deliver(store, clock, target).get("attempts", 0))
    assert left == [1, 5, 5, 5, 5, 5, 4], "one every two seconds, and not thirty at once"
    hub.redrive()
    assert len(rows(store, redrive_items, state="waiting")) == 30
    until_done(hub, store, clock, target)
    assert len(target.effects) == 90 and set(target.effects.values()) == {1}
    [run] = rows(store, redrives)
    assert (run.state, run.total) == ("done", 90) and run.finished_at is not None


def test_two_operators_who_press_at_once_have_one_run(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    refused(20)
    with ThreadPoolExecutor(4) as people:
        started = list(
            people.map(lambda name: hub.desk.redrives.start(ALL, actor=name), ("anna", "ben", "cleo", "dan"))
        )
    assert len({one.id for one in started}) == 1
    assert [one.already for one in started].count(False) == 1
    assert len(rows(store, redrive_items)) == 20
    until_done(hub, store, clock, target)
    assert set(target.effects.values()) == {1} and len(target.effects) == 20


def test_a_letter_is_in_one_run_however_it_was_asked_for(
    hub: Hub, store: Any, clock: Any, refused: Refused
) -> None:
    letters = refused(5)
    first = hub.desk.redrives.start(Chosen(ids=tuple(letters[:2])), actor="anna")
    second = hub.desk.redrives.start(ALL, actor="ben")
    assert (first.total, second.total) == (2, 3)
    with pytest.raises(NotPossible, match="all that fit are in a redrive already"):
        hub.desk.redrives.start(Chosen(stage="deliver"), actor="cleo")
    with pytest.raises(NotPossible, match="no open dead letter fits"):
        hub.desk.redrives.start(Chosen(source="carrier"), actor="cleo")
    with pytest.raises(Misconfigured, match="say which dead letters"):
        Chosen()
    with pytest.raises(Misconfigured, match="the rate is 0 a second"):
        hub.desk.redrives.start(ALL, actor="cleo", per_second=0)


def test_cancel_leaves_the_rest_whole_and_pause_keeps_its_place(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    refused(100)
    before = {row.id: row for row in rows(store, dead_letters)}
    run = hub.desk.redrives.start(ALL, actor="anna", per_second=0.5)
    hub.redrive()
    hub.desk.redrives.pause(run.id, "ben", "the ERP is slow today")
    clock.advance(timedelta(minutes=10))
    assert bites(hub)["redrives"] == 0
    hub.desk.redrives.resume(run.id, "ben")
    hub.redrive()
    assert len(rows(store, redrive_items, state="put_back")) == 60
    assert hub.desk.redrives.cancel(run.id, "cleo", "enough") == 40
    clock.advance(timedelta(minutes=10))
    assert bites(hub)["redrives"] == 0
    deliver(store, clock, target)
    assert len(target.effects) == 60 and set(target.effects.values()) == {1}
    left = {row.letter_id for row in rows(store, redrive_items, state="left")}
    assert len(left) == 40
    assert all(row == before[row.id] for row in rows(store, dead_letters) if row.id in left), (
        "as it was, to the word"
    )
    for turn in (hub.desk.redrives.pause, hub.desk.redrives.resume, hub.desk.redrives.cancel):
        with pytest.raises(NotPossible, match="cancelled"):
            turn(run.id, "anna")
    assert hub.desk.redrives.start(ALL, actor="anna").total == 40, "and can be run again"


def test_only_the_target_that_failed_hears_of_it_again(
    hub: Hub, store: Any, clock: Any, target: Target
) -> None:
    carrier = Target(says="yes")
    intents(store, clock, 3)
    intents(store, clock, 3, target="carrier")
    deliver(store, clock, target)
    deliver(store, clock, carrier, manifest("carrier"))
    target.says = "yes"
    hub.desk.redrives.start(ALL, actor="anna")
    until_done(hub, store, clock, target)
    deliver(store, clock, carrier, manifest("carrier"))
    assert set(target.effects.values()) == set(carrier.effects.values()) == {1}


def test_what_somebody_does_in_the_meantime_is_seen_when_its_turn_comes(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    letters = refused(4)
    run = hub.desk.redrives.start(ALL, actor="anna")
    hub.replay(letters[0], "ben")
    with store.transaction(TENANT) as connection:
        discard(
            connection,
            tenant=TENANT,
            letter_id=letters[1],
            actor="ben",
            reason="done by hand",
            now=clock.now(),
        )
    hub.desk.park(letters[2], actor="ben", reason="ask the supplier first")
    until_done(hub, store, clock, target)
    became = {row.letter_id: (row.state, row.said) for row in rows(store, redrive_items, redrive_id=run.id)}
    assert became == {
        letters[0]: ("skipped", "is replayed already and is skipped"),
        letters[1]: ("skipped", "is discarded already and is skipped"),
        letters[2]: ("left", "is parked, for it came back too often, and is left"),
        letters[3]: ("put_back", "will write to erp"),
    }
    assert set(target.effects.values()) == {1} and len(target.effects) == 2


def test_what_comes_back_too_often_is_parked_and_says_from_where_it_came(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    refused(1)
    target.says = "no"
    for _ in range(5):
        hub.desk.redrives.start(ALL, actor="anna", per_second=100)
        until_done(hub, store, clock, target)
    chain = sorted(rows(store, dead_letters), key=lambda row: row.replays)
    assert [row.replays for row in chain] == [0, 1, 2, 3, 4, 5]
    assert [row.came_back_from for row in chain] == [None, *(row.id for row in chain[:-1])]
    assert [row.state for row in chain] == [*["replayed"] * 5, "parked"]
    assert len({row.group_id for row in chain}) == 1
    last = chain[-1].id
    with pytest.raises(NotPossible, match="is parked: it was run again 5 times"):
        hub.replay(last, "anna")
    with pytest.raises(NotPossible, match="let out of parking with a reason"):
        hub.desk.park(last, actor="anna", reason=" ", parked=False)
    hub.desk.park(last, actor="anna", reason="the ERP opened the order", parked=False)
    target.says = "yes"
    hub.replay(last, "anna")
    deliver(store, clock, target)
    assert target.effects == {"supplier_po/0": 1}


STEP = """
import os, sys
from datetime import datetime, timedelta
from crossdock.hub import Hub
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
with Store.open(os.environ["STORE"]) as store:
    Hub.open(clock=MovableClock(datetime.fromisoformat(os.environ["NOW"])), store=store, tenant="main").redrive()
"""


@pytest.mark.parametrize("point", ["redrive.before_put_back", "redrive.after_put_back"])
def test_a_worker_that_is_killed_in_the_middle_leaves_a_run_that_goes_on(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused, point: str
) -> None:
    """The whole of it with 10,000 letters: ``python -m tests.desk.ten_thousand``."""
    refused(500)
    run = hub.desk.redrives.start(ALL, actor="anna", per_second=500)
    for _ in range(2):
        killed = subprocess.run(
            [sys.executable, "-c", STEP],
            cwd=ROOT,
            env={
                **os.environ,
                "STORE": store.url.render_as_string(hide_password=False),
                "NOW": clock.now().isoformat(),
                "CROSSDOCK_FAULT": f"{point}:kill:1",
            },
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL
    waiting = len(rows(store, redrive_items, state="waiting"))
    assert waiting == (500 if "before" in point else 100), "a bite is done or not done"
    until_done(hub, store, clock, target)
    assert len(target.effects) == 500 and set(target.effects.values()) == {1}
    assert Counter(row.state for row in rows(store, redrive_items, redrive_id=run.id)) == {"put_back": 500}
    assert {row.state for row in rows(store, dead_letters)} == {"replayed"}


def test_a_bite_waits_for_a_person_who_discards_one_of_its_letters_and_both_go_on(
    hub: Hub, store: Any, clock: Any, refused: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holding the end of the audit and waiting for a letter, while its owner waits for the end of the audit."""
    letters = refused(2)
    hub.desk.redrives.start(Chosen(ids=tuple(letters)), actor="ann")
    last = rows(store, redrive_items, ordinal=2)[0].letter_id
    held, wanted = threading.Event(), threading.Event()

    def discards() -> None:
        with store.transaction(TENANT) as connection:
            deadletters.hold(connection, TENANT, last)
            held.set()
            wanted.wait(0.5)
            deadletters.discard(
                connection, tenant=TENANT, letter_id=last, actor="ben", reason="gone", now=clock.now()
            )

    put_back = deadletters.replay

    def replay(*given: Any, **more: Any) -> Any:
        done = put_back(*given, **more)
        wanted.set()
        return done

    monkeypatch.setattr(deadletters, "replay", replay)
    with ThreadPoolExecutor(1) as threads:
        person = threads.submit(discards)
        assert held.wait(10)
        counts = hub.desk.redrives.bite()
        person.result()
    assert (counts["put_back"], counts["skipped"]) == (1, 1)


def test_every_standing_of_a_letter_has_its_word() -> None:
    """Whatever is unknown is left, whatever happened is skipped, and only what was refused or gave up is sent."""
    from types import SimpleNamespace

    from crossdock.messages import WriteBackState

    def standing(**more: Any) -> Any:
        usual = {
            "in_a_run": False, "state": "open", "is_write_back": True, "write_back_state": "rejected",
            "source": "erp", "stage": "deliver", "code": "INT.DELIVERY_FAILED", "part_state": None,
            "said_anew": False, "in_failed_saga": False, "is_event": False,
        }  # fmt: skip
        return SimpleNamespace(**{**usual, **more})

    sent = {
        state for state in WriteBackState if weigh(standing(write_back_state=str(state))).way == "put_back"
    }
    assert sent == {WriteBackState.REJECTED, WriteBackState.EXHAUSTED}
    assert weigh(standing(write_back_state="unsure")).way == "left"
    assert weigh(standing(said_anew=True)).way == "left"
    assert weigh(standing(in_failed_saga=True)).way == "left"
    event = {"is_write_back": False, "write_back_state": None, "is_event": True}
    assert weigh(standing(**event, code="INT.SCHEMA_VIOLATION")).way == "put_back"
    assert weigh(standing(**event)).way == "left", "the feed has it, and it is not replayed"
    part = {
        "is_write_back": False,
        "write_back_state": None,
        "stage": "normalize",
        "part_state": "dead_lettered",
    }
    assert weigh(standing(**part)).way == "put_back"
    assert weigh(standing(**part), ["routes a is not installed any more: it is b"]).many == (
        "are not to be run as then, and are left: routes a is not installed any more: it is b"
    )
    for more in (
        {"state": "parked"},
        {"in_a_run": True},
        {"state": "discarded"},
        {**part, "part_state": "in_flight"},
    ):
        assert weigh(standing(**more)).way != "put_back"
