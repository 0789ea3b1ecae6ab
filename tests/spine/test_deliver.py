"""Deliver: one effect for each write-back, or a plain word that it could not be had."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.deadletters import NotPossible, discard, replay
from crossdock.deliver import Deliverer, TargetPaused
from crossdock.errors import Misconfigured, WireDown, WireQuiet
from crossdock.faultpoints import InjectedFault
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack, derived_id
from crossdock.ports import Manifest, SinkManifest
from crossdock.store import outbox
from crossdock.store.tables import attempts, audit, dead_letters, write_backs

TENANT = "main"
LEASE = timedelta(seconds=60)


@dataclass
class Target:
    """A system with a book of its effects. ``answers`` says, call by call, how it behaves; then it behaves well."""

    answers: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    honours_keys: bool = True
    asked: int = 0

    def deliver(self, write_back: WriteBack) -> Outcome:
        self.calls.append((write_back.idempotency_key, write_back.attempt))
        answer = self.answers.pop(0) if self.answers else "ok"
        match answer:
            case "down":
                raise WireDown("connection refused")
            case "reset_before_commit":
                raise WireQuiet("connection reset")
            case "reset_after_commit":
                self._commit(write_back)
                raise WireQuiet("connection reset")
            case "html":
                return Unsure(reason="200 with text/html, where a receipt was expected")
            case "429":
                return Retry(reason="429", not_before=None)
            case "no":
                return Reject(reason="422: the order is closed", status="422")
            case "bug":
                raise KeyError("id")
            case "password":
                raise Misconfigured("401: the token is not accepted; update connection crossdock_erp")
        self._commit(write_back)
        return Delivered(receipt=Receipt(reference=f"N-{len(self.effects)}"))

    def _commit(self, write_back: WriteBack) -> None:
        if not self.honours_keys or write_back.idempotency_key not in self.effects:
            self.effects.append(write_back.idempotency_key)

    def close(self) -> None: ...


class AskableTarget(Target):
    def find(self, write_back: WriteBack) -> Receipt | None:
        self.asked += 1
        key = write_back.idempotency_key
        return Receipt(reference=f"found {key}") if key in self.effects else None


def manifest(idempotency: str = "key", schedule_s: tuple[int, ...] = (10, 20)) -> Manifest:
    sink = SinkManifest(
        operations=("note",),
        idempotency=idempotency,
        schedule_s=schedule_s,
        concurrency=1,
        batch=50,
        every_s=15,
        settings={},
    )
    return Manifest(
        name="erp",
        title="ERP",
        owner="integration",
        tenant=TENANT,
        wire="rest",
        connection="crossdock_erp",
        connection_type="crossdock_rest",
        version="1",
        folder="",
        source=None,
        sink=sink,
    )


@pytest.fixture
def queue(store, clock) -> Callable[..., list[uuid.UUID]]:
    def put(count: int = 1) -> list[uuid.UUID]:
        ids = [derived_id("test", str(number)) for number in range(count)]
        rows = [
            {
                "tenant": TENANT,
                "id": id,
                "target": "erp",
                "operation": "note",
                "idempotency_key": f"key-{number}",
                "subject": f"supplier_po/{number}",
                "body": b"{}",
                "body_sha256": "0" * 64,
                "media_type": "application/json",
                "headers": {},
                "state": "ready",
                "next_attempt_at": clock.now(),
                "created_at": clock.now(),
                "updated_at": clock.now(),
            }
            for number, id in enumerate(ids)
        ]
        with store.transaction(TENANT) as connection:
            assert outbox.add_write_backs(connection, rows) == count
        return ids

    return put


def deliver(store, clock, target, rules=None):
    return Deliverer(
        store=store,
        tenant=TENANT,
        manifest=rules or manifest(),
        sink=target,
        clock=clock,
        dice=random.Random(7),
        lease=LEASE,
    ).deliver_batch()


def state(store) -> list[tuple[str, str | None]]:
    with store.transaction(TENANT) as connection:
        rows = connection.execute(sa.select(write_backs).order_by(write_backs.c.idempotency_key)).all()
    return [(row.state, row.reason) for row in rows]


def letters(store):
    with store.transaction(TENANT) as connection:
        return connection.execute(sa.select(dead_letters).order_by(dead_letters.c.created_at)).all()


def history(store) -> list[tuple[int, str, str | None]]:
    with store.transaction(TENANT) as connection:
        rows = connection.execute(
            sa.select(attempts).order_by(attempts.c.at, attempts.c.attempt, attempts.c.phase)
        )
        return [(row.attempt, row.phase, row.outcome) for row in rows]


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
    assert deliver(store, clock, target)["unsure"] == 1
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


@pytest.mark.parametrize("place", ["deliver.after_intent", "deliver.after_call", "deliver.after_record"])
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
    assert deliver(store, clock, target, rules)["attempts"] == 0, "the lease of the dead worker still runs"
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
            assert deliver(store, clock, other)["unsure"] == 1  # another worker takes over
            clock.advance(timedelta(minutes=1))
            assert deliver(store, clock, other)["delivered"] == 1
            return super().deliver(write_back)

    other = Target()
    counts = deliver(store, clock, Sleepy())
    assert counts["lost_lease"] == 1
    assert state(store)[0][0] == "delivered"
    assert [entry[2] for entry in history(store) if entry[1] == "outcome"] == ["unsure", "delivered"]


def test_a_wrong_password_pauses_the_target_and_spends_nothing(store, clock, queue):
    queue(3)
    target = Target(answers=["password"])
    with pytest.raises(TargetPaused, match="crossdock_erp"):
        deliver(store, clock, target)
    assert [row[0] for row in state(store)] == ["ready"] * 3
    clock.advance(timedelta(minutes=2))
    assert deliver(store, clock, target)["delivered"] == 3
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
