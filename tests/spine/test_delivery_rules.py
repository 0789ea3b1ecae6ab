"""Delivery by the rules of its target, against the store: workers side by side, switches, order, shadow, pauses."""

import threading
import uuid
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from crossdock import targets
from crossdock.blackouts import Blackout
from crossdock.deadletters import NotPossible, replay
from crossdock.deliver import TargetPaused
from crossdock.faultpoints import InjectedFault
from crossdock.messages import Conflict, Delivered, Receipt, Unsure
from crossdock.standing import Mode, Standing, TargetState
from crossdock.store import outbox, target_book, turns
from crossdock.store.tables import attempts, audit, write_backs
from tests.spine.delivering import (
    TENANT,
    AskableTarget,
    Target,
    deliver,
    deliverer,
    letters,
    manifest,
    put,
    state,
    write_back_of,
)


def until_idle(store, clock, target, rules=None, **given):
    """All batches of a run, as the hub makes them."""
    total: dict[str, int] = {}
    while True:
        counts = deliver(store, clock, target, rules, **given)
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
        if not counts["attempts"]:
            return total


def standing(store) -> Standing:
    with store.reading(TENANT) as connection:
        return target_book.read(connection, TENANT, "erp")


def row(store, id: uuid.UUID):
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(write_backs).where(write_backs.c.id == id)).one()


def told(store, id: uuid.UUID) -> list[tuple[str, str]]:
    with store.reading(TENANT) as connection:
        rows = connection.execute(
            sa.select(attempts.c.phase, attempts.c.reason)
            .where(attempts.c.write_back_id == id)
            .order_by(attempts.c.at, attempts.c.attempt, attempts.c.phase)
        )
        return [(one.phase, one.reason) for one in rows]


def person(store, clock, deed, **given):
    with store.transaction(TENANT) as connection:
        return deed(connection, tenant=TENANT, actor="ann", now=clock.now(), **given)


class Alarm:
    """Who is told: the words, in their order."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.pauses: set[datetime] = set()

    def login_refused(self, connection, write_back, reason, since):
        if since not in self.pauses:
            self.pauses.add(since)
            self.rung.append("login refused")

    def login_taken(self, connection, target):
        self.rung.append("login taken")

    def conflict(self, connection, write_back, conflict):
        self.rung.append("conflict")


# ── the circuit, shared ──────────────────────────────────────────────────────────────────────────────────────


def test_while_the_circuit_is_open_nothing_fails_and_nothing_is_spent(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(20)))
    target = Target(answers=["down"] * 5)
    assert until_idle(store, clock, target)["retry"] == 5
    assert len(target.calls) == 5, "the batch stops at the fifth failure"
    assert standing(store).state is TargetState.OPEN
    worker = deliverer(store, clock, Target())
    assert worker.deliver_batch()["attempts"] == 0
    assert worker.waits.sentence() == (
        "5 calls in a row failed, the last: connection refused; next try 2026-11-20 14:00:30Z"
    )
    assert letters(store) == []
    clock.advance(timedelta(seconds=31))
    assert deliver(store, clock, target)["delivered"] == 1, "one probe"
    clock.advance(timedelta(minutes=1))
    until_idle(store, clock, target)
    assert len(target.effects) == 20
    with store.reading(TENANT) as connection:
        spent = connection.scalars(sa.select(write_backs.c.attempt - write_backs.c.spent_before)).all()
    assert sorted(spent) == [1] * 15 + [2] * 5


def test_two_workers_share_one_circuit_and_one_probe(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(8)))
    until_idle(store, clock, Target(answers=["down"] * 5))
    clock.advance(timedelta(minutes=1))

    class Slow(Target):
        def deliver(self, write_back):
            second = Target()
            assert deliver(store, clock, second)["attempts"] == 0, "the probe is under way"
            assert second.calls == []
            return super().deliver(write_back)

    assert deliver(store, clock, Slow())["delivered"] == 1
    assert standing(store).state is TargetState.CLOSED


def test_the_probe_of_a_dead_worker_is_made_again_after_its_lease(store, clock, monkeypatch):
    put(store, *(write_back_of(number, clock) for number in range(8)))
    until_idle(store, clock, Target(answers=["down"] * 5))
    clock.advance(timedelta(minutes=1))
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_intent:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        deliver(store, clock, Target())
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert deliver(store, clock, Target())["attempts"] == 0
    clock.advance(timedelta(seconds=61))
    assert deliver(store, clock, Target())["delivered"] == 1


def test_a_target_that_says_no_keeps_its_circuit_closed(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(12)))
    target = Target(answers=["no"] * 11)
    counts = until_idle(store, clock, target)
    assert (counts["rejected"], counts["delivered"]) == (11, 1)
    assert standing(store).state is TargetState.CLOSED


# ── the quotas, shared ───────────────────────────────────────────────────────────────────────────────────────


def test_two_workers_at_the_same_time_do_not_go_beyond_the_quota(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(60)))
    rules = manifest(rate_per_s=2.0, burst=10)
    first, second = Target(), Target()
    running = [
        threading.Thread(target=until_idle, args=(store, clock, target, rules)) for target in (first, second)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    assert len(first.calls) + len(second.calls) == 10
    worker = deliverer(store, clock, first, rules)
    worker.deliver_batch()
    assert worker.waits.sentence() == "its quota of 2 a second is used up; next try 2026-11-20 14:00:00Z"
    clock.advance(timedelta(seconds=3))
    until_idle(store, clock, first, rules)
    assert len(first.calls) + len(second.calls) == 16
    assert {one for one, _ in state(store)} == {"ready", "delivered"}


def test_in_a_brown_out_repeats_stay_within_their_budget_and_first_attempts_go_on(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(100)))
    rules = manifest(schedule_s=(5,) * 9)
    target = Target(answers=["429"] * 100)
    until_idle(store, clock, target, rules)
    assert len(target.calls) == 100
    clock.advance(timedelta(seconds=6))
    until_idle(store, clock, target, rules)
    assert len(target.calls) - 100 <= 10 + 0.2 * 100 + 1
    with store.reading(TENANT) as connection:
        waiting = connection.execute(
            sa.select(write_backs).where(write_backs.c.state == "ready").limit(1)
        ).mappings().one()  # fmt: skip
        shown = {
            **waiting,
            "id": str(waiting["id"]),
            "next_attempt_at": waiting["next_attempt_at"].isoformat(),
        }
        why = targets.why_waiting(connection, TENANT, shown, rules.sink, clock.now())
    assert why.startswith("the retry budget of 'erp' is used up; next try 2026-11-20 14:00:")


# ── switches, windows, modes ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("where", "operation"), [("erp", "*"), ("*", "*"), ("erp", "note")], ids=["target", "tenant", "operation"]
)
def test_a_kill_switch_holds_before_the_next_call_also_in_the_middle_of_a_batch(
    store, clock, where, operation
):
    put(store, *(write_back_of(number, clock) for number in range(10)))

    class Watched(Target):
        def deliver(self, write_back):
            if len(self.calls) == 3:
                person(store, clock, targets.stop, target=where, operation=operation, reason="wrong orders")
            return super().deliver(write_back)

    target = Watched()
    counts = until_idle(store, clock, target)
    assert (len(target.calls), counts["delivered"], counts["held"]) == (4, 4, 6)
    assert [one for one, _ in state(store)].count("ready") == 6
    person(store, clock, targets.allow, target=where, operation=operation, reason="corrected")
    assert until_idle(store, clock, target)["delivered"] == 6
    with store.reading(TENANT) as connection:
        said = connection.execute(sa.select(audit.c.action, audit.c.reason).order_by(audit.c.seq)).all()
    assert said == [("target.stop", "wrong orders"), ("target.allow", "corrected")]


def test_a_stop_of_one_operation_leaves_the_others_going(store, clock):
    put(store, *(write_back_of(n, clock, operation="hold" if n % 2 else "note") for n in range(6)))
    person(store, clock, targets.stop, target="erp", operation="hold", reason="wrong orders")
    assert until_idle(store, clock, Target())["delivered"] == 3
    assert [one for one, _ in state(store)] == ["delivered", "ready"] * 3


def test_a_switch_wants_a_reason_and_is_thrown_once(store, clock):
    with pytest.raises(NotPossible, match="with a reason"):
        person(store, clock, targets.stop, target="erp", operation="*", reason=" ")
    person(store, clock, targets.stop, target="erp", operation="*", reason="wrong orders")
    with pytest.raises(NotPossible, match="erp is stopped already"):
        person(store, clock, targets.stop, target="erp", operation="*", reason="wrong orders")
    person(store, clock, targets.allow, target="erp", operation="*", reason="corrected")
    with pytest.raises(NotPossible, match="not stopped"):
        person(store, clock, targets.allow, target="erp", operation="*", reason="corrected")


def test_a_target_is_left_alone_in_its_window_also_when_it_begins_in_the_middle_of_a_batch(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(4)))
    rules = manifest(blackouts=(Blackout.parse("14:01-15:00 UTC"),))

    class Slow(Target):
        def deliver(self, write_back):
            clock.advance(timedelta(seconds=30))
            return super().deliver(write_back)

    target = Slow()
    until_idle(store, clock, target, rules)
    assert len(target.calls) == 2
    worker = deliverer(store, clock, target, rules)
    worker.deliver_batch()
    assert worker.waits.sentence() == "it is left alone 14:01-15:00 UTC; next try 2026-11-20 15:00:00Z"
    clock.advance(timedelta(hours=1))
    assert until_idle(store, clock, Target(), rules)["delivered"] == 2


def test_in_shadow_the_request_is_made_and_kept_and_never_sent(store, clock):
    class Showing(Target):
        def preview(self, write_back):
            return {"method": "POST", "address": f"https://erp.example/{write_back.subject}"}

    (id,) = put(store, write_back_of(1, clock))
    person(store, clock, targets.set_mode, target="erp", mode=Mode.SHADOW, reason="the old program writes")
    target = Showing()
    assert until_idle(store, clock, target)["shadowed"] == 1
    assert target.calls == []
    assert state(store) == [("shadowed", "made and not sent: the target is in shadow")]
    with store.reading(TENANT) as connection:
        (kept,) = connection.scalars(
            sa.select(attempts.c.evidence).where(attempts.c.phase == "rehearsed")
        ).all()
    assert kept["request"]["address"] == "https://erp.example/supplier_po/1"
    assert len(kept["request"]["body_sha256"]) == 64
    person(store, clock, targets.set_mode, target="erp", mode=Mode.LIVE, reason="the switch")
    clock.advance(timedelta(days=1))
    assert until_idle(store, clock, target)["attempts"] == 0
    assert row(store, id).state == "shadowed"


def test_in_dry_run_the_request_is_kept_once_and_leaves_when_the_target_is_live(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(3)))
    person(store, clock, targets.set_mode, target="erp", mode=Mode.DRY_RUN, reason="first look")
    target = Target()
    assert until_idle(store, clock, target)["rehearsed"] == 3
    clock.advance(timedelta(hours=1))
    assert until_idle(store, clock, target)["attempts"] == 0, "each is rehearsed once"
    assert target.calls == []
    person(store, clock, targets.set_mode, target="erp", mode=Mode.LIVE, reason="it looks right")
    assert until_idle(store, clock, target)["delivered"] == 3


# ── a refused login ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_login_with_a_thousand_write_backs_is_one_alarm_and_no_dead_letter(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(1000)))
    alarm, target = Alarm(), Target(answers=["password"] * 4)
    for _ in range(4):
        with pytest.raises(TargetPaused):
            deliver(store, clock, target, alarm=alarm)
        assert deliver(store, clock, target, alarm=alarm)["attempts"] == 0
        clock.advance(timedelta(minutes=16))
    assert alarm.rung == ["login refused"]
    assert letters(store) == []
    assert len(target.calls) == 4, "one call to find out, and one for each time it is tried again"
    assert {one for one, _ in state(store)} == {"ready"}
    assert until_idle(store, clock, target, alarm=alarm)["delivered"] == 1000
    assert alarm.rung == ["login refused", "login taken"]


def test_a_person_resumes_a_paused_target_at_once(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(3)))
    with pytest.raises(TargetPaused):
        deliver(store, clock, Target(answers=["password"]))
    with pytest.raises(NotPossible, match="with a reason"):
        person(store, clock, targets.resume, target="erp", reason="")
    person(store, clock, targets.resume, target="erp", reason="the new token is in place")
    with pytest.raises(NotPossible, match="nothing to resume"):
        person(store, clock, targets.resume, target="erp", reason="again")
    assert until_idle(store, clock, Target())["delivered"] == 3


def test_what_a_person_paused_no_probe_wakes(store, clock):
    put(store, write_back_of(1, clock))
    person(store, clock, targets.pause, target="erp", reason="upgrade tonight")
    clock.advance(timedelta(days=3))
    worker = deliverer(store, clock, Target())
    assert worker.deliver_batch()["attempts"] == 0
    assert worker.waits.sentence() == "paused by ann: upgrade tonight; until a person says so"


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────


def about(number: int, clock, subject: str = "supplier_po/77", **given):
    return write_back_of(number, clock, subject=subject, **given)


def test_what_is_about_one_order_leaves_in_the_order_in_which_it_was_written(store, clock):
    first, second, third, _other = put(
        store, *(about(number, clock) for number in range(3)), write_back_of(9, clock)
    )
    target = Target(answers=["down"])
    counts = deliver(store, clock, target)
    assert (counts["retry"], counts["delivered"]) == (1, 1), "the other order does not wait"
    assert row(store, second).waits_for == first
    assert row(store, second).reason == (
        f"waits for write-back {first} (note, sending) about the same subject"
    )
    assert told(store, third)[0][0] == "waits"
    clock.advance(timedelta(seconds=12))
    until_idle(store, clock, target)
    assert [key for key, _ in target.calls] == ["key-0", "key-9", "key-0", "key-1", "key-2"]


def test_two_workers_keep_the_order_of_one_subject(store, clock):
    put(store, *(about(number, clock) for number in range(4)))
    second = Target()

    class First(Target):
        def deliver(self, write_back):
            deliver(store, clock, second)
            assert second.calls == [], "its turn comes when this one is answered"
            return super().deliver(write_back)

    assert deliver(store, clock, First())["delivered"] == 1
    until_idle(store, clock, second)
    assert [key for key, _ in second.calls] == ["key-1", "key-2", "key-3"]


def test_a_crash_between_two_write_backs_of_one_order_does_not_swap_them(store, clock, monkeypatch):
    put(store, *(about(number, clock) for number in range(3)))
    target = Target()
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_call:raise:2")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        until_idle(store, clock, target)
    monkeypatch.delenv("CROSSDOCK_FAULT")
    until_idle(store, clock, target)
    assert target.effects == ["key-0", "key-1"], "the third waits for the second, whose worker is gone"
    clock.advance(timedelta(minutes=3))
    until_idle(store, clock, target)
    assert target.effects == ["key-0", "key-1", "key-2"]


def test_a_target_without_order_takes_them_as_they_come(store, clock):
    put(store, *(about(number, clock) for number in range(3)))
    assert deliver(store, clock, Target(), manifest(ordering="none"))["delivered"] == 3


def test_behind_an_unknown_outcome_a_later_one_waits_and_says_so_until_a_person_lets_it_pass(store, clock):
    first, second = put(store, about(1, clock), about(2, clock))
    rules = manifest("none")
    target = Target(answers=["reset_after_commit"], honours_keys=False)
    until_idle(store, clock, target, rules)
    clock.advance(timedelta(days=2))
    assert until_idle(store, clock, target, rules)["attempts"] == 0
    assert row(store, second).reason == (
        f"waits for write-back {first} (note, unsure) about the same subject"
    )
    person(store, clock, targets.let_pass, write_back_id=second, reason="the note does not depend on it")
    assert until_idle(store, clock, target, rules)["delivered"] == 1
    assert row(store, first).state == "unsure"
    assert ("person", "ann: let pass: the note does not depend on it") in told(store, second)
    with pytest.raises(NotPossible, match="does not wait"):
        person(store, clock, targets.let_pass, write_back_id=second, reason="again")


def test_behind_an_exhausted_one_a_later_one_waits_and_leaves_after_its_replay(store, clock):
    put(store, about(1, clock), about(2, clock))
    target = Target(answers=["down"] * 3)
    for _ in range(5):
        until_idle(store, clock, target)
        clock.advance(timedelta(seconds=40))
    assert [one for one, _ in state(store)] == ["exhausted", "ready"]
    (letter,) = letters(store)
    with store.transaction(TENANT) as connection:
        replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())
    clock.advance(timedelta(minutes=2))
    until_idle(store, clock, target)
    assert target.effects == ["key-1", "key-2"]


def test_behind_a_no_a_later_one_goes_on(store, clock):
    put(store, about(1, clock), about(2, clock))
    until_idle(store, clock, Target(answers=["no"]))
    assert [one for one, _ in state(store)] == ["rejected", "delivered"]


def test_a_later_one_that_sets_the_same_supersedes_an_earlier_one_without_effect(store, clock):
    first, _second = put(store, about(1, clock, slot="date 1"), about(2, clock, slot="date 2"))
    target = Target(answers=["down"])
    deliver(store, clock, target)
    (third,) = put(store, about(3, clock, slot="date 1"))
    assert row(store, first).state == "superseded"
    assert row(store, first).superseded_by == third
    assert told(store, first)[-1] == ("superseded", f"superseded by write-back {third}, which says it anew")
    assert told(store, third) == [("superseded", f"supersedes write-back {first}")]
    until_idle(store, clock, target)
    assert target.effects == ["key-2", "key-3"]


def test_what_may_have_happened_is_not_superseded(store, clock):
    (first,) = put(store, about(1, clock, slot="date"))
    deliver(store, clock, Target(answers=["reset_after_commit"]))
    put(store, about(2, clock, slot="date"))
    assert row(store, first).state == "ready"
    clock.advance(timedelta(seconds=12))
    target = Target()
    until_idle(store, clock, target)
    assert target.effects == ["key-1", "key-2"]


def test_of_several_written_at_once_the_last_is_sent(store, clock):
    put(store, *(about(number, clock, slot="date") for number in range(4)))
    target = Target()
    until_idle(store, clock, target)
    assert target.effects == ["key-3"]
    assert [one for one, _ in state(store)] == ["superseded"] * 3 + ["delivered"]


def test_a_claim_finds_its_turn_by_an_index(store, clock):
    """A hundred thousand rows on, no claim reads the table from end to end."""
    put(store, *(about(number, clock, subject=f"supplier_po/{number % 500}") for number in range(3000)))
    with store.transaction(TENANT) as connection:
        connection.execute(sa.text("ANALYZE crossdock.write_backs"))
        waiting = write_backs.alias("waiting")
        query = (
            sa.select(waiting.c.id)
            .where(
                waiting.c.tenant == TENANT,
                waiting.c.target == "erp",
                waiting.c.state == sa.literal_column("'ready'"),
                waiting.c.attempt == waiting.c.spent_before,
                waiting.c.next_attempt_at <= clock.now(),
                turns.its_turn(waiting),
            )
            .order_by(waiting.c.next_attempt_at, waiting.c.queued)
            .limit(200)
        )
        text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(connection.scalars(sa.text(f"EXPLAIN {text}")).all())
    assert "ix_write_backs_order" in plan, plan


# ── what may have happened, and versions ─────────────────────────────────────────────────────────────────────


def test_what_comes_to_its_turn_after_the_target_forgot_the_key_is_not_sent_again(store, clock):
    (id,) = put(store, write_back_of(1, clock))
    rules = manifest(remembers_s=3600)
    target = Target(answers=["reset_after_commit"], honours_keys=False)
    deliver(store, clock, target, rules)
    person(store, clock, targets.pause, target="erp", reason="upgrade")
    clock.advance(timedelta(hours=2))
    person(store, clock, targets.resume, target="erp", reason="done")
    assert deliver(store, clock, target, rules)["unsure"] == 1
    assert (len(target.effects), row(store, id).state) == (1, "unsure")
    assert letters(store)[0].code == "INT.OUTCOME_UNKNOWN"


def test_what_is_found_is_delivered_however_old_the_key_is(store, clock):
    put(store, write_back_of(1, clock))
    rules = manifest(remembers_s=3600)
    target = AskableTarget(answers=["reset_after_commit"], honours_keys=False)
    deliver(store, clock, target, rules)
    person(store, clock, targets.pause, target="erp", reason="upgrade")
    clock.advance(timedelta(hours=2))
    person(store, clock, targets.resume, target="erp", reason="done")
    assert deliver(store, clock, target, rules)["found"] == 1
    assert target.effects == ["key-1"]


class Versions(Target):
    """A target that takes a change only on the version that it holds."""

    def __init__(self, *answers: str) -> None:
        super().__init__(answers=list(answers))
        self.held, self.read = "1", 0

    def version(self, write_back):
        self.read += 1
        return self.held

    def deliver(self, write_back):
        if write_back.version != self.held:
            self.calls.append((write_back.idempotency_key, write_back.attempt))
            return Conflict(reason=f"412: it holds version {self.held}", status="412", version=self.held)
        done = super().deliver(write_back)
        if isinstance(done, Delivered):
            self.held = str(int(self.held) + 1)
        return done


def test_every_attempt_is_about_the_version_that_was_read_before_the_first(store, clock):
    put(store, write_back_of(1, clock))
    target, alarm, rules = Versions("down"), Alarm(), manifest("conditional")
    deliver(store, clock, target, rules, alarm=alarm)
    target.held = "2"  # somebody else changed it meanwhile
    clock.advance(timedelta(seconds=12))
    assert deliver(store, clock, target, rules, alarm=alarm)["conflict"] == 1
    assert (target.effects, target.read, alarm.rung) == ([], 1, ["conflict"])
    assert state(store) == [("rejected", "412: it holds version 2")]
    assert letters(store)[0].code == "INT.CONFLICT"


def test_a_conflict_is_decided_again_as_a_new_write_back_that_supersedes_the_old(store, clock):
    (old,) = put(store, write_back_of(1, clock))
    target, rules = Versions(), manifest("conditional")

    class Again:
        def decide_again(self, connection, write_back, conflict):
            new = write_back_of(2, clock, subject=write_back.subject)
            outbox.add_write_backs(connection, [new])
            return new["id"]

    worker = deliverer(store, clock, target, rules, redeciding=Again())
    with store.transaction(TENANT) as connection:
        connection.execute(sa.update(write_backs).values(version="0"))
    assert worker.deliver_batch()["superseded"] == 1
    assert row(store, old).superseded_by == row(store, write_back_of(2, clock)["id"]).id
    assert until_idle(store, clock, target, rules)["delivered"] == 1
    assert target.effects == ["key-2"]


@pytest.mark.parametrize(("point", "read"), [("deliver.before_version", 2), ("deliver.after_version", 1)])
def test_dying_beside_the_keeping_of_the_version_sends_nothing_and_keeps_one(
    store, clock, monkeypatch, point, read
):
    put(store, write_back_of(1, clock))
    target, rules = Versions(), manifest("conditional")
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        deliver(store, clock, target, rules)
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert target.effects == []
    clock.advance(timedelta(minutes=3))
    assert until_idle(store, clock, target, rules)["delivered"] == 1
    assert (target.effects, target.read) == (["key-1"], read)


def test_a_duplicate_that_the_target_refuses_is_delivered_and_says_so(store, clock):
    (id,) = put(store, write_back_of(1, clock))

    class Doubled(Target):
        def deliver(self, write_back):
            return Delivered(receipt=Receipt(reference="/orders/7"), duplicate=True)

    assert deliver(store, clock, Doubled())["delivered"] == 1
    assert row(store, id).receipt == {"reference": "/orders/7", "duplicate": True}


def test_attempts_that_died_with_our_worker_do_not_use_up_the_budget_of_the_target(store, clock, monkeypatch):
    put(store, *(write_back_of(number, clock) for number in range(50)))
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_intent:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        deliver(store, clock, Target())
    monkeypatch.delenv("CROSSDOCK_FAULT")
    clock.advance(timedelta(minutes=3))
    assert until_idle(store, clock, Target())["delivered"] == 50


def test_silence_counts_for_the_circuit_and_is_asked_about_after_its_rest(store, clock):
    put(store, *(write_back_of(number, clock) for number in range(6)))

    class Silent(AskableTarget):
        def deliver(self, write_back):
            self.calls.append((write_back.idempotency_key, write_back.attempt))
            return Unsure(reason="no answer came in time", wire=True)

    assert until_idle(store, clock, Silent())["retry"] == 5
    assert standing(store).state is TargetState.OPEN
