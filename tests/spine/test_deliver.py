"""Deliver: one effect for each write-back, or a plain word that it could not be had."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.deadletters import NotPossible, discard, replay
from crossdock.deliver import TargetPaused
from crossdock.faultpoints import POINTS, InjectedFault
from crossdock.messages import Outcome, Receipt, WriteBack
from crossdock.store.tables import audit, write_backs
from tests.spine.delivering import (
    TENANT,
    AskableTarget,
    Target,
    deliver,
    history,
    letters,
    manifest,
    put,
    state,
    write_back_of,
)


@pytest.fixture
def queue(store, clock) -> Callable[..., list[uuid.UUID]]:
    def fill(count: int = 1) -> list[uuid.UUID]:
        return put(store, *(write_back_of(number, clock) for number in range(count)))

    return fill


def test_a_write_back_is_delivered_with_its_receipt(store, clock, queue):
    queue(3)
    target = Target()
    assert deliver(store, clock, target)["delivered"] == 3
    assert [row[0] for row in state(store)] == ["delivered"] * 3
    assert sorted(target.effects) == ["key-0", "key-1", "key-2"]
    assert deliver(store, clock, target)["attempts"] == 0


def test_what_never_left_is_tried_again_on_the_schedule_and_then_set_aside(store, clock, queue):
    queue()
    target = Target(answers=["down"] * 3)
    assert deliver(store, clock, target)["retry"] == 1
    assert deliver(store, clock, target)["attempts"] == 0, "nothing is due before its time"
    clock.advance(timedelta(seconds=12))
    assert deliver(store, clock, target)["retry"] == 1
    clock.advance(timedelta(seconds=23))
    assert deliver(store, clock, target)["exhausted"] == 1
    assert state(store)[0][0] == "exhausted"
    (letter,) = letters(store)
    assert (letter.stage, letter.code, letter.attempts) == ("deliver", "INT.DELIVERY_FAILED", 3)
    assert target.effects == []


@pytest.mark.parametrize("mode", ["reset_before_commit", "reset_after_commit", "html", "bug"])
def test_an_unsure_call_to_a_target_that_honours_the_key_is_repeated_with_the_same_key(
    store, clock, queue, mode
):
    queue()
    target = Target(answers=[mode])
    counts = deliver(store, clock, target)
    assert (counts["retry"], counts["unsure"]) == (1, 0), "nobody needs to look at it"
    clock.advance(timedelta(seconds=12))
    assert deliver(store, clock, target)["delivered"] == 1
    assert target.effects == ["key-0"]
    assert target.calls == [("key-0", 1), ("key-0", 2)]


@pytest.mark.parametrize(("mode", "asked_again"), [("reset_after_commit", 1), ("reset_before_commit", 2)])
def test_a_target_that_can_be_asked_is_asked_before_anything_is_sent_again(
    store, clock, queue, mode, asked_again
):
    queue()
    target = AskableTarget(answers=[mode], honours_keys=False)
    deliver(store, clock, target, manifest("readback"))
    clock.advance(timedelta(seconds=12))
    counts = deliver(store, clock, target, manifest("readback"))
    assert counts["found"] + counts["delivered"] == 1
    assert target.effects == ["key-0"]
    assert len(target.calls) == asked_again
    assert state(store)[0][0] == "delivered"


def test_silence_is_never_called_delivered_and_never_sent_again_to_a_target_without_keys(store, clock, queue):
    (id,) = queue()
    target = Target(answers=["reset_after_commit"], honours_keys=False)
    rules = manifest("none")
    assert deliver(store, clock, target, rules)["unsure"] == 1
    clock.advance(timedelta(days=1))
    assert deliver(store, clock, target, rules)["attempts"] == 0
    assert state(store)[0][0] == "unsure"
    assert target.effects == ["key-0"]
    (letter,) = letters(store)
    assert letter.code == "INT.OUTCOME_UNKNOWN"
    assert letter.write_back_id == id
    with store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="--it-did-not-happen"):
        replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())


def test_a_notice_whose_answer_is_lost_is_sent_again_and_its_end_is_never_called_known(store, clock, queue):
    """A second notice changes nothing, so it may be read twice; when every answer is lost, a person says what was."""
    queue(2)
    heard = Target(answers=["reset_after_commit"], honours_keys=False)
    rules = manifest("harmless")
    counts = deliver(store, clock, heard, rules)
    assert (counts["delivered"], counts["retry"]) == (1, 1)
    clock.advance(timedelta(seconds=12))
    assert deliver(store, clock, heard, rules)["delivered"] == 1
    assert heard.effects == ["key-0", "key-1", "key-0"]
    put(store, write_back_of(7, clock))
    deaf = Target(answers=["reset_after_commit"] * 9, honours_keys=False)
    for _ in range(5):
        deliver(store, clock, deaf, rules)
        clock.advance(timedelta(minutes=10))
    assert len(deaf.effects) == len(rules.sink.schedule_s) + 1, "trying is bounded"
    assert state(store)[-1][0] == "unsure"


def test_a_notice_is_not_asked_for_even_where_its_sink_could_ask(store, clock, queue):
    queue()
    target = AskableTarget(answers=["reset_after_commit"], honours_keys=False)
    deliver(store, clock, target, manifest("harmless"))
    clock.advance(timedelta(seconds=12))
    deliver(store, clock, target, manifest("harmless"))
    assert (target.asked, target.effects) == (0, ["key-0", "key-0"])


def test_a_no_is_final_and_a_dead_letter(store, clock, queue):
    queue()
    assert deliver(store, clock, Target(answers=["no"]))["rejected"] == 1
    clock.advance(timedelta(days=1))
    assert deliver(store, clock, Target())["attempts"] == 0
    assert "the order is closed" in letters(store)[0].sentence


def test_a_replayed_write_back_keeps_its_key_and_gets_the_whole_schedule(store, clock, queue):
    queue()
    target = Target(answers=["down"] * 3)
    for _ in range(3):
        deliver(store, clock, target)
        clock.advance(timedelta(seconds=30))
    (letter,) = letters(store)
    with store.transaction(TENANT) as connection:
        replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())
    with store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="replayed by ann"):
        replay(connection, tenant=TENANT, letter_id=letter.id, actor="bob", now=clock.now())
    target.answers = ["down"]
    assert deliver(store, clock, target)["retry"] == 1
    clock.advance(timedelta(seconds=12))
    assert deliver(store, clock, target)["delivered"] == 1
    assert {key for key, _ in target.calls} == {"key-0"}
    assert [attempt for _, attempt in target.calls] == [1, 2, 3, 4, 5]
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(audit.c.actor, audit.c.action)).all() == [
            ("ann", "dead_letter.replay")
        ]


def test_a_discard_wants_a_reason_and_leaves_an_audit_row(store, clock, queue):
    queue()
    deliver(store, clock, Target(answers=["no"]))
    (letter,) = letters(store)
    with store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="reason"):
        discard(connection, tenant=TENANT, letter_id=letter.id, actor="ann", reason="  ", now=clock.now())
    with store.transaction(TENANT) as connection:
        discard(
            connection,
            tenant=TENANT,
            letter_id=letter.id,
            actor="ann",
            reason="order closed",
            now=clock.now(),
        )
    assert state(store)[0][0] == "discarded"
    with store.transaction(TENANT) as connection:
        assert connection.execute(sa.select(audit.c.reason)).scalars().all() == ["order closed"]


ON_THE_WAY = [
    point
    for point in POINTS
    if point.partition(".")[2]
    in ("before_intent", "after_intent", "after_call", "before_record", "after_record")
    and point.startswith("deliver.")
]


@pytest.mark.parametrize("place", ON_THE_WAY)
@pytest.mark.parametrize("idempotency", ["key", "readback"])
def test_dying_anywhere_leaves_one_effect(store, clock, queue, monkeypatch, place, idempotency):
    queue(3)
    target = AskableTarget(honours_keys=idempotency == "key")
    rules = manifest(idempotency)
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        deliver(store, clock, target, rules)
    monkeypatch.delenv("CROSSDOCK_FAULT")
    if place != "deliver.before_intent":  # what was not committed is due as before
        assert deliver(store, clock, target, rules)["attempts"] == 0, (
            "the lease of the dead worker still runs"
        )
    for _ in range(3):
        clock.advance(timedelta(minutes=4))
        deliver(store, clock, target, rules)
    assert [row[0] for row in state(store)] == ["delivered"] * 3
    assert sorted(target.effects) == ["key-0", "key-1", "key-2"]


def test_a_worker_whose_lease_lapsed_cannot_write(store, clock, queue):
    queue()

    class Sleepy(Target):
        def deliver(self, write_back: WriteBack) -> Outcome:
            clock.advance(timedelta(minutes=10))
            assert deliver(store, clock, other)["retry"] == 1  # another worker takes over
            clock.advance(timedelta(minutes=1))
            assert deliver(store, clock, other)["delivered"] == 1
            return super().deliver(write_back)

    other = Target()
    counts = deliver(store, clock, Sleepy())
    assert counts["lost_lease"] == 1
    assert state(store)[0][0] == "delivered"
    assert [entry[2] for entry in history(store) if entry[1] == "outcome"] == ["unsure", "delivered"]


def test_a_worker_that_stood_still_while_it_asked_makes_no_call_after_it(store, clock, queue):
    queue()
    rules = manifest("readback")
    books = AskableTarget(answers=["reset_before_commit"], honours_keys=False)
    deliver(store, clock, books, rules)
    clock.advance(timedelta(seconds=12))

    class Sleepy(AskableTarget):
        def find(self, write_back: WriteBack) -> Receipt | None:
            clock.advance(timedelta(minutes=10))
            deliver(store, clock, books, rules)  # another worker takes over, and sends it
            return None  # as it was when it was asked

    sleepy = Sleepy(honours_keys=False)
    assert deliver(store, clock, sleepy, rules)["lost_lease"] == 1
    assert sleepy.calls == []
    clock.advance(timedelta(hours=1))
    deliver(store, clock, books, rules)
    assert books.effects == ["key-0"]
    assert state(store)[0][0] == "delivered"


def test_a_worker_that_stood_still_behind_its_renewed_lease_makes_no_call(store, clock, queue, monkeypatch):
    queue()
    rules = manifest("readback")
    books, sleepy = AskableTarget(honours_keys=False), AskableTarget(honours_keys=False)

    def stand_still(place: str) -> None:
        if place == "deliver.after_renew":
            monkeypatch.undo()
            clock.advance(timedelta(minutes=10))
            deliver(store, clock, books, rules)  # takes over: it may have been sent
            clock.advance(timedelta(minutes=1))
            deliver(store, clock, books, rules)  # it was not, and now it is

    monkeypatch.setattr("crossdock.deliver.deliverer.faultpoint", stand_still)
    assert deliver(store, clock, sleepy, rules, lease=timedelta(seconds=60))["lost_lease"] == 1
    assert sleepy.calls == []
    assert books.effects == ["key-0"]


def test_a_wrong_password_pauses_the_target_and_spends_nothing(store, clock, queue):
    queue(3)
    target = Target(answers=["password"])
    with pytest.raises(TargetPaused, match="crossdock_erp"):
        deliver(store, clock, target)
    assert [row[0] for row in state(store)] == ["ready"] * 3
    assert deliver(store, clock, target)["attempts"] == 0, "it is paused, and nothing is spent"
    clock.advance(timedelta(minutes=2))
    assert deliver(store, clock, target)["delivered"] == 1, "one call tries whether the login is taken"
    assert deliver(store, clock, target)["delivered"] == 2
    with store.transaction(TENANT) as connection:
        spent = (
            connection.execute(sa.select(write_backs.c.attempt - write_backs.c.spent_before)).scalars().all()
        )
    assert spent == [1, 1, 1]
    assert letters(store) == []


def test_two_workers_never_make_the_same_attempt(store, clock, queue):
    queue(20)
    first, second = Target(), Target()
    rules = manifest()
    small = replace(rules, sink=replace(rules.sink, batch=7))
    while deliver(store, clock, first, small)["attempts"] + deliver(store, clock, second, small)["attempts"]:
        pass
    assert len(first.effects) + len(second.effects) == 20
    assert not set(first.effects) & set(second.effects)
