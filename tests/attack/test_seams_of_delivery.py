"""Where delivery, the desk, approvals and sagas meet: an old change over a newer one, and ways round a yes."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import approvals as policy
from crossdock import deadletters, mending
from crossdock.approvals import Approvals
from crossdock.deadletters import NotPossible
from crossdock.errors import WireQuiet
from crossdock.messages import WriteBack
from crossdock.redrive import Chosen, Redriver
from crossdock.standing import Mode
from crossdock.store import target_book, turns
from crossdock.store.tables import approvals, dead_letters, write_backs
from tests.spine.delivering import (
    TENANT,
    AskableTarget,
    Target,
    deliver,
    letters,
    manifest,
    put,
    write_back_of,
)

NO_VERSIONS: Any = None
"""A write-back goes out as it was written: no versions are asked for."""


def about_one_order(number: int, clock: Any, **given: Any) -> dict[str, Any]:
    """A date for the one order, as JSON that a person may edit."""
    body = f'{{"date": {number}}}'.encode()
    return write_back_of(
        number, clock, subject="sales_order/1", operation="change_date", slot="date of 1", body=body, **given
    )


def row(store: Any, id: uuid.UUID) -> Any:
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(write_backs).where(write_backs.c.id == id)).one()


def replay(store: Any, clock: Any, letter: uuid.UUID) -> None:
    with store.transaction(TENANT) as connection:
        deadletters.replay(connection, tenant=TENANT, letter_id=letter, actor="ann", now=clock.now())


def refused_then_set_anew(store: Any, clock: Any, target: Target) -> tuple[uuid.UUID, uuid.UUID]:
    """An old date that was refused, and a newer one that was delivered. The old one, and its letter."""
    target.answers = ["no"]
    (old,) = put(store, about_one_order(1, clock))
    deliver(store, clock, target)
    put(store, about_one_order(2, clock))
    deliver(store, clock, target)
    assert target.effects == ["key-2"]
    (letter,) = letters(store)
    return old, letter.id


def test_an_old_change_is_not_replayed_over_a_newer_one(store: Any, clock: Any) -> None:
    target = Target()
    old, letter = refused_then_set_anew(store, clock, target)
    with pytest.raises(NotPossible, match="a later write-back"):
        replay(store, clock, letter)
    deliver(store, clock, target)
    assert (target.effects, row(store, old).state) == (["key-2"], "rejected")


def test_a_redrive_leaves_an_old_change_that_was_set_anew(store: Any, clock: Any) -> None:
    target = Target()
    old, letter = refused_then_set_anew(store, clock, target)
    redriver = Redriver(store=store, tenant=TENANT, clock=clock, versions=NO_VERSIONS)
    preview = redriver.preview(Chosen(ids=(letter,)))
    assert (preview.put_back, preview.sentence) == (0, "1 is said anew by a later one, and is left")
    redriver.start(Chosen(ids=(letter,)), actor="ann")
    assert redriver.bite()["left"] == 1
    deliver(store, clock, target)
    assert (target.effects, row(store, old).state) == (["key-2"], "rejected")


def test_an_old_change_is_not_edited_over_a_newer_one(store: Any, clock: Any) -> None:
    target = Target()
    old, letter = refused_then_set_anew(store, clock, target)
    with store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="a later write-back"):
        mending.edit(
            connection, tenant=TENANT, letter_id=letter, body=b'{"date": 9}', actor="ann", reason="r",
            now=clock.now(),
        )  # fmt: skip
    deliver(store, clock, target)
    assert (target.effects, row(store, old).state) == (["key-2"], "rejected")


def test_what_is_edited_is_set_anew_like_the_one_in_whose_place_it_stands(store: Any, clock: Any) -> None:
    target = Target(answers=["no"])
    put(store, about_one_order(1, clock))
    deliver(store, clock, target)
    (letter,) = letters(store)
    with store.transaction(TENANT) as connection:
        edited = mending.edit(
            connection, tenant=TENANT, letter_id=letter.id, body=b'{"date": 9}', actor="ann", reason="r",
            now=clock.now(),
        )  # fmt: skip
    (later,) = put(store, about_one_order(2, clock))
    found = row(store, edited.write_back_id)
    assert (found.state, found.superseded_by) == ("superseded", later)


def test_two_people_do_not_send_an_old_change_again_over_a_newer_one(store: Any, clock: Any) -> None:
    """A later one was let pass and delivered while the outcome of the earlier was unknown."""
    rules, target = manifest("none"), Target(answers=["reset_before_commit"])
    (old,) = put(store, about_one_order(1, clock))
    deliver(store, clock, target, rules)
    assert row(store, old).state == "unsure"
    (newer,) = put(store, about_one_order(2, clock))
    with store.transaction(TENANT) as connection:
        assert turns.let_pass(
            connection, tenant=TENANT, write_back_id=newer, actor="ann", reason="now", now=clock.now()
        )
    deliver(store, clock, target, rules)
    assert target.effects == ["key-2"]
    desk = Approvals(store=store, tenant=TENANT, clock=clock, can_be_asked=lambda name: False)
    asked = desk.ask(old, "ann", "nothing is there")
    desk.agree(asked, "bob", "nothing is there indeed")
    deliver(store, clock, target, rules)
    assert (target.effects, row(store, old).state) == (["key-2"], "discarded")
    assert "a later write-back" in row(store, old).reason
    assert [letter.state for letter in letters(store)] == ["discarded"]


@pytest.mark.parametrize(
    ("target", "idempotency", "state", "codes"),
    [
        (AskableTarget(answers=["reset_before_commit"]), "key", "superseded", []),
        (AskableTarget(answers=["reset_before_commit"]), "readback", "superseded", []),
        (Target(answers=["reset_before_commit"]), "key", "unsure", ["INT.OUTCOME_UNKNOWN"]),
    ],
    ids=["key, asked", "readback", "key, nobody can ask"],
)
def test_a_retry_does_not_send_an_old_change_over_a_newer_one_that_was_let_pass(
    store: Any, clock: Any, target: Target, idempotency: str, state: str, codes: list[str]
) -> None:
    rules = manifest(idempotency)
    (old,) = put(store, about_one_order(1, clock))
    deliver(store, clock, target, rules)
    assert row(store, old).ask_first
    (newer,) = put(store, about_one_order(2, clock))
    with store.transaction(TENANT) as connection:
        assert turns.let_pass(
            connection, tenant=TENANT, write_back_id=newer, actor="ann", reason="now", now=clock.now()
        )
    deliver(store, clock, target, rules)
    assert target.effects == ["key-2"]
    clock.advance(timedelta(minutes=5))
    deliver(store, clock, target, rules)
    assert (target.effects, row(store, old).state) == (["key-2"], state)
    assert str(newer) in row(store, old).reason
    assert [letter.code for letter in letters(store)] == codes


def test_a_retry_of_an_old_change_that_did_happen_is_found_and_not_given_up(store: Any, clock: Any) -> None:
    rules, target = manifest("readback"), AskableTarget(answers=["reset_after_commit"])
    (old,) = put(store, about_one_order(1, clock))
    deliver(store, clock, target, rules)
    (newer,) = put(store, about_one_order(2, clock))
    with store.transaction(TENANT) as connection:
        turns.let_pass(
            connection, tenant=TENANT, write_back_id=newer, actor="ann", reason="now", now=clock.now()
        )
    clock.advance(timedelta(minutes=5))
    deliver(store, clock, target, rules)
    assert (target.effects, row(store, old).state) == (["key-1", "key-2"], "delivered")


def test_what_is_superseded_takes_its_question_along(store: Any, clock: Any) -> None:
    (old,) = put(store, about_one_order(1, clock, state="awaiting_approval", next_attempt_at=None))
    with store.transaction(TENANT) as connection:
        policy.ask_for_new(connection, TENANT, {old: ("rule main/dear", "dear")}, clock.now())
    (newer,) = put(store, about_one_order(2, clock))
    with store.reading(TENANT) as connection:
        (request,) = connection.execute(sa.select(approvals)).all()
    assert (row(store, old).state, request.state) == ("superseded", "void")
    assert str(newer) in request.words


def gated(store: Any, clock: Any, number: int) -> tuple[uuid.UUID, uuid.UUID]:
    """A date that leaves only with a yes, and the request for it."""
    (id,) = put(store, about_one_order(number, clock, state="awaiting_approval", next_attempt_at=None))
    with store.transaction(TENANT) as connection:
        policy.ask_for_new(connection, TENANT, {id: ("rule main/dear", "dear")}, clock.now())
        asked = connection.scalar(sa.select(approvals.c.id).where(approvals.c.write_back_id == id))
    return id, asked


def approver(store: Any, clock: Any) -> Approvals:
    return Approvals(store=store, tenant=TENANT, clock=clock, can_be_asked=lambda target: False)


def test_a_no_to_the_newer_one_lets_the_older_one_leave(store: Any, clock: Any) -> None:
    (old,) = put(store, about_one_order(1, clock))
    newer, asked = gated(store, clock, 2)
    assert row(store, old).state == "ready"
    approver(store, clock).decline(asked, "ann", "too dear")
    target = Target()
    deliver(store, clock, target)
    assert (target.effects, row(store, newer).state) == (["key-1"], "discarded")


def test_a_yes_to_the_newer_one_supersedes_the_older_one(store: Any, clock: Any) -> None:
    target = Target(answers=["429"] * 3)
    (old,) = put(store, about_one_order(1, clock))
    for _ in range(3):
        deliver(store, clock, target)
        clock.advance(timedelta(minutes=1))
    newer, asked = gated(store, clock, 2)
    assert row(store, old).state == "exhausted"
    approver(store, clock).agree(asked, "ann", "it is worth it")
    assert (row(store, old).state, row(store, old).superseded_by) == ("superseded", newer)
    assert [letter.state for letter in letters(store)] == ["discarded"]
    deliver(store, clock, target)
    assert target.effects == ["key-2"]


def test_of_two_that_wait_for_a_yes_each_has_its_own(store: Any, clock: Any) -> None:
    (_, asked_old), (newer, asked_newer) = gated(store, clock, 1), gated(store, clock, 2)
    approver(store, clock).agree(asked_old, "ann", "yes")
    approver(store, clock).decline(asked_newer, "ann", "no")
    target = Target()
    deliver(store, clock, target)
    assert (target.effects, row(store, newer).state) == (["key-1"], "discarded")
    third, asked_third = gated(store, clock, 3)
    last, asked_last = gated(store, clock, 4)
    approver(store, clock).agree(asked_last, "ann", "yes")
    assert row(store, third).superseded_by == last
    with pytest.raises(NotPossible, match="void already"):
        approver(store, clock).agree(asked_third, "ann", "yes")


def test_a_replay_may_go_before_what_waits_for_a_yes(store: Any, clock: Any) -> None:
    target = Target(answers=["no"])
    (old,) = put(store, about_one_order(1, clock))
    deliver(store, clock, target)
    newer, asked = gated(store, clock, 2)
    (letter,) = letters(store)
    replay(store, clock, letter.id)
    deliver(store, clock, target)
    approver(store, clock).agree(asked, "ann", "yes")
    deliver(store, clock, target)
    assert target.effects == ["key-1", "key-2"], "in the order in which they were written"
    assert {row(store, one).state for one in (old, newer)} == {"delivered"}


@pytest.mark.parametrize("lies", ["open", "parked"])
def test_the_letter_of_what_was_superseded_is_closed_with_it(store: Any, clock: Any, lies: str) -> None:
    target = Target(answers=["down"] * 3)
    (old,) = put(store, about_one_order(1, clock))
    for _ in range(3):
        deliver(store, clock, target)
        clock.advance(timedelta(minutes=1))
    assert row(store, old).state == "exhausted"
    with store.transaction(TENANT) as connection:
        connection.execute(sa.update(dead_letters).values(state=lies))
    (newer,) = put(store, about_one_order(2, clock))
    assert row(store, old).state == "superseded"
    (letter,) = letters(store)
    assert (letter.state, letter.closed_by) == ("discarded", "crossdock")
    assert letter.reason == f"superseded by write-back {newer}, which says it anew"
    with pytest.raises(NotPossible, match="superseded by write-back"):
        replay(store, clock, letter.id)


@pytest.mark.parametrize(
    ("target", "state", "codes"),
    [
        (Target(answers=["reset_after_commit"]), "unsure", ["INT.OUTCOME_UNKNOWN"]),
        (Target(answers=["reset_before_commit"]), "unsure", ["INT.OUTCOME_UNKNOWN"]),
        (AskableTarget(answers=["reset_after_commit"]), "delivered", []),
        (AskableTarget(answers=["reset_before_commit"]), "shadowed", []),
    ],
)
def test_of_what_may_have_happened_before_the_shadow_the_truth_is_kept(
    store: Any, clock: Any, target: Target, state: str, codes: list[str]
) -> None:
    (id,) = put(store, write_back_of(1, clock))
    deliver(store, clock, target)
    assert row(store, id).ask_first
    before_the_shadow = list(target.effects)
    with store.transaction(TENANT) as connection:
        before = target_book.hold(connection, TENANT, "erp")
        target_book.save(connection, TENANT, "erp", before, before.in_mode(Mode.SHADOW))
    clock.advance(timedelta(minutes=5))
    deliver(store, clock, target)
    assert row(store, id).state == state
    assert [letter.code for letter in letters(store)] == codes
    assert (target.effects, len(target.calls)) == (before_the_shadow, 1)


def test_a_target_that_is_quiet_when_its_version_is_read_opens_its_circuit(store: Any, clock: Any) -> None:
    class Quiet(Target):
        def version(self, write_back: WriteBack) -> str:
            raise WireQuiet("no answer for 30 s")

    put(store, *(write_back_of(number, clock) for number in range(6)))
    deliver(store, clock, Quiet(), manifest("conditional"))
    with store.reading(TENANT) as connection:
        assert target_book.read(connection, TENANT, "erp").state == "open"
