"""Sagas: all of what belongs together, or in the end none of it, each taken back once; or a person sees the rest."""

import itertools
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import approvals as policy
from crossdock import deadletters, faultpoints, mending, sagas
from crossdock.approvals import Approvals
from crossdock.deadletters import NotPossible
from crossdock.faultpoints import InjectedFault
from crossdock.mapping import Body
from crossdock.messages import (
    SAGA_TRANSITIONS,
    Action,
    Problem,
    SagaState,
    Stage,
    Trace,
    WriteBackState,
    derived_id,
)
from crossdock.sagas import Judgement, NoSuchSaga, Planned, PlannedStep, Sagas, Stands, judge
from crossdock.store import desk, outbox, saga_queries
from crossdock.store.tables import approvals, audit, dead_letters, saga_steps, write_backs
from crossdock.store.tables import sagas as saga_table
from crossdock.writebacks import write_back_row

TENANT = "main"
S = WriteBackState
WITHOUT_EFFECT = (S.REJECTED, S.EXHAUSTED, S.DISCARDED)
ON_THEIR_WAY = (S.READY, S.SENDING, S.UNSURE)


# ── what a saga must do next: pure ───────────────────────────────────────────────────────────────────────────


def step(name, state, undo="operation", undo_state=None, **more):
    return Stands(
        write_back_id=derived_id("step", name),
        name=name,
        state=state,
        undo=undo,
        undo_state=undo_state,
        **more,
    )


def test_delivered_steps_are_a_saga_that_is_done():
    steps = [step("a", S.DELIVERED), step("b", S.SHADOWED)]
    assert judge(SagaState.RUNNING, steps) == Judgement(state=SagaState.DONE)
    waits = [*steps, step("d", S.READY)]
    assert judge(SagaState.RUNNING, waits) == Judgement(state=SagaState.RUNNING)


def test_what_may_have_happened_before_a_restore_is_not_withdrawn_as_what_never_left():
    steps = [step("a", S.REJECTED), step("b", S.AWAITING_APPROVAL, attempt=0, ask_first=True)]
    judged = judge(SagaState.RUNNING, steps)
    assert (judged.state, judged.withdraw) == (SagaState.UNDOING, ())
    assert "until b (awaiting_approval) is known" in judged.reason


@pytest.mark.parametrize(
    ("anew", "state"),
    [
        *((state, SagaState.RUNNING) for state in (*ON_THEIR_WAY, S.AWAITING_APPROVAL)),
        (S.DELIVERED, SagaState.DONE),
        *((state, SagaState.UNDOING) for state in (*WITHOUT_EFFECT, None)),
    ],
)
def test_a_superseded_step_stands_as_the_one_does_that_says_it_anew(anew, state):
    steps = [step("a", S.DELIVERED), step("b", S.SUPERSEDED, anew=anew)]
    judged = judge(SagaState.RUNNING, steps)
    assert judged.state is state
    assert judged.reason.startswith("b was superseded by one that ")
    took_back = (steps[0].write_back_id,) if state is SagaState.UNDOING else ()
    assert judged.take_back == took_back


@pytest.mark.parametrize("state", WITHOUT_EFFECT)
def test_one_that_ends_without_effect_withdraws_and_takes_back_the_others(state):
    steps = [step("a", S.DELIVERED), step("b", state), step("c", S.READY), step("d", S.AWAITING_APPROVAL)]
    judged = judge(SagaState.RUNNING, steps)
    assert judged.state is SagaState.UNDOING
    assert judged.reason == f"b was {state}"
    assert judged.take_back == (steps[0].write_back_id,)
    assert judged.withdraw == (steps[2].write_back_id, steps[3].write_back_id)


@pytest.mark.parametrize(
    "unknown",
    [
        step("c", S.SENDING),
        step("c", S.UNSURE),
        step("c", S.READY, ask_first=True),
        step("c", S.AWAITING_APPROVAL, attempt=1),
    ],
)
def test_nothing_is_taken_back_while_the_truth_of_one_is_to_come(unknown):
    judged = judge(SagaState.RUNNING, [step("a", S.DELIVERED), step("b", S.REJECTED), unknown])
    assert judged.state is SagaState.UNDOING
    assert judged.take_back == judged.withdraw == ()
    assert "nothing is taken back until c" in judged.reason


def test_what_only_a_person_takes_back_or_could_not_be_taken_back_makes_it_partial():
    for left in (step("a", S.DELIVERED, "person"), step("a", S.DELIVERED, undo_state=S.REJECTED)):
        judged = judge(SagaState.UNDOING, [left, step("b", S.EXHAUSTED)])
        assert judged.state is SagaState.PARTIAL
        assert "b was exhausted; " in judged.reason
    nothing_left = [step("a", S.DELIVERED, "nothing"), step("b", S.DELIVERED, undo_state=S.DELIVERED)]
    assert judge(SagaState.UNDOING, [*nothing_left, step("c", S.REJECTED)]).state is SagaState.UNDONE


def worlds():
    """Every way in which three steps can stand."""
    stands = [
        *(
            ("operation", state, None)
            for state in (*WITHOUT_EFFECT, *ON_THEIR_WAY, S.SUPERSEDED, S.AWAITING_APPROVAL)
        ),
        *((undo, S.DELIVERED, None) for undo in ("operation", "nothing", "person")),
        *(("operation", S.DELIVERED, undo) for undo in (S.READY, S.UNSURE, S.DELIVERED, S.REJECTED)),
    ]
    for three in itertools.combinations_with_replacement(stands, 3):
        yield [step(str(at), state, undo, back) for at, (undo, state, back) in enumerate(three)]


@pytest.mark.parametrize("state", list(SagaState))
def test_in_every_world_a_saga_comes_to_rest_by_legal_moves_and_takes_back_only_what_happened(state):
    for steps in worlds():
        now = state
        for _ in range(4):
            judged = judge(now, steps)
            if judged.state is not now:
                assert judged.state in SAGA_TRANSITIONS[now], (now, judged)
            by_id = {one.write_back_id: one for one in steps}
            for each in judged.take_back:
                assert by_id[each].state is S.DELIVERED
                assert by_id[each].undo_state is None
                assert not any(one.may_have_happened for one in steps)
            assert all(by_id[each].withdrawable for each in judged.withdraw)
            before = (now, steps)
            now = judged.state
            steps = [
                replace(one, state=S.DISCARDED, withdrawn=True)
                if one.write_back_id in judged.withdraw
                else replace(one, undo_state=S.READY)
                if one.write_back_id in judged.take_back
                else one
                for one in steps
            ]
            if (now, steps) == before:
                break
        else:
            pytest.fail(f"{steps} does not come to rest")
        assert (now is SagaState.DONE) <= all(not one.failed for one in steps) or state is SagaState.DONE


# ── with the store ───────────────────────────────────────────────────────────────────────────────────────────


class World:
    """Sagas of one decision after the other, and hands that move their write-backs."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.sagas = Sagas(store=store, tenant=TENANT, clock=clock)
        self.approvals = Approvals(store=store, tenant=TENANT, clock=clock, can_be_asked=lambda target: False)
        self.case = uuid.uuid4()

    def begin(self, *undos, decision="d1", gated=(), slots=None):
        """A saga with a step for each of these: "operation", "nothing" or "person"."""
        decision_id = derived_id("decision", decision)
        now = self.clock.now()
        rows = [
            write_back_row(
                tenant=TENANT,
                key=derived_id("step", str(at)),
                target="erp",
                operation=f"do-{at}",
                body=Body(body=b"{}", media_type="application/json", subject="supplier_po/1", headers={}),
                now=now,
                case_id=self.case,
                decision_id=decision_id,
                gated=at in gated,
                slot=(slots or {}).get(at),
            )
            for at, _ in enumerate(undos)
        ]
        steps = [
            PlannedStep(
                write_back_id=row["id"],
                undo=Action(target="erp", operation=f"undo-{at}", arguments={}),
                body=Body(
                    body=b'{"u": 1}', media_type="application/json", subject="supplier_po/1", headers={}
                ),
            )
            if undo == "operation"
            else PlannedStep(write_back_id=row["id"], trace=Trace(undo))
            for at, (undo, row) in enumerate(zip(undos, rows, strict=True))
        ]
        planned = Planned(case_id=self.case, decision_id=decision_id, rule="main/row", steps=steps)
        with self.store.transaction(TENANT) as connection:
            outbox.add_write_backs(connection, rows)
            asked = {
                row["id"]: ("rule main/row", "because") for row in rows if row["next_attempt_at"] is None
            }
            policy.ask_for_new(connection, TENANT, asked, now)
            self.begun = sagas.begin(connection, TENANT, [planned], now)
        return [row["id"] for row in rows]

    def rows(self, table, *order):
        with self.store.transaction(TENANT) as connection:
            return connection.execute(sa.select(table).order_by(*order)).all()

    def move(self, id, *states):
        """Bring a write-back there, as delivery would."""
        for state in states:
            with self.store.transaction(TENANT) as connection:
                connection.execute(
                    sa.update(write_backs)
                    .where(write_backs.c.id == id)
                    .values(
                        state=state,
                        attempt=write_backs.c.attempt + int(state == "sending"),
                        receipt={"reference": "N-1"} if state == "delivered" else None,
                        next_attempt_at=self.clock.now() if state == "ready" else None,
                    )
                )
                if state in ("rejected", "exhausted", "unsure"):
                    self._letter(connection, id)

    def _letter(self, connection, id):
        from crossdock.messages import WriteBack

        row = connection.execute(sa.select(write_backs).where(write_backs.c.id == id)).one()
        code = "INT.OUTCOME_UNKNOWN" if row.state == "unsure" else "INT.DELIVERY_FAILED"
        problem = Problem(
            stage=Stage.DELIVER, code=code, error_class="Refused", sentence="it said no", remedy="look"
        )
        write_back = WriteBack(
            id=id, tenant=TENANT, target=row.target, operation=row.operation, idempotency_key=str(id), body=b"",
            media_type="", subject=row.subject, attempt=row.attempt,
        )  # fmt: skip
        desk.add_dead_letters(
            connection, [deadletters.write_back_row(write_back, problem, now=self.clock.now())]
        )

    def state(self, id):
        return next(row.state for row in self.rows(write_backs) if row.id == id)

    @property
    def saga(self):
        (saga,) = self.rows(saga_table)
        return saga

    def undos(self):
        """The write-backs that take something back."""
        return [
            row for row in self.rows(write_backs, write_backs.c.operation) if row.operation.startswith("undo")
        ]


@pytest.fixture
def world(store, clock):
    return World(store, clock)


def test_a_saga_is_done_when_all_of_it_is_delivered(world):
    a, b = world.begin("operation", "nothing")
    assert world.sagas.follow() == 0
    world.move(a, "sending", "delivered")
    assert world.sagas.follow() == 0
    world.move(b, "sending", "delivered")
    assert world.sagas.follow() == 1
    assert world.saga.state == "done"
    assert world.undos() == []
    assert world.sagas.follow() == 0


@pytest.mark.parametrize("end", ["rejected", "exhausted"])
def test_what_was_delivered_is_taken_back_once_and_what_waits_is_withdrawn(world, end):
    a, b, c = world.begin("operation", "nothing", "operation")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", end)
    for _ in range(3):
        world.sagas.follow()
    assert world.saga.state == "undoing"
    assert world.saga.reason == f"erp:do-1 was {end}"
    assert world.state(c) == "discarded"
    (undo,) = world.undos()
    assert (undo.operation, undo.subject, bytes(undo.body)) == ("undo-0", "supplier_po/1", b'{"u": 1}')
    assert undo.id == derived_id("undo", TENANT, str(a))
    assert undo.idempotency_key == str(undo.id)
    assert undo.case_id == world.case
    world.move(undo.id, "sending", "delivered")
    world.sagas.follow()
    assert world.saga.state == "undone"
    assert [(row.actor, row.action) for row in world.rows(audit, audit.c.at, audit.c.action)] == [
        ("crossdock", "saga.undoing"),
        ("crossdock", "saga.undone"),
    ]


@pytest.mark.parametrize("end", ["delivered", "rejected"])
def test_what_says_a_step_anew_settles_it_or_takes_back_the_others(world, end):
    a, b = world.begin("operation", "operation", slots={1: "hold"})
    world.move(a, "sending", "delivered")
    with world.store.transaction(TENANT) as connection:
        rows = [
            write_back_row(
                tenant=TENANT,
                key=derived_id("anew"),
                target="erp",
                operation="do-1",
                body=Body(body=b"{}", media_type="application/json", subject="supplier_po/1", headers={}),
                now=world.clock.now(),
                slot="hold",
            )
        ]
        outbox.add_write_backs(connection, rows)
    assert world.state(b) == "superseded"
    world.sagas.follow()
    assert (world.saga.state, world.saga.reason) == (
        "running",
        "erp:do-1 was superseded by one that is ready",
    )
    world.move(rows[0]["id"], "sending", end)
    world.sagas.follow()
    assert world.saga.reason == f"erp:do-1 was superseded by one that was {end}"
    assert world.saga.state == ("done" if end == "delivered" else "undoing")
    assert [undo.operation for undo in world.undos()] == ([] if end == "delivered" else ["undo-0"])


def test_while_one_is_unknown_nothing_is_taken_back(world):
    a, b, c = world.begin("operation", "nothing", "operation")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "rejected")
    world.move(c, "sending", "unsure")
    world.sagas.follow()
    assert (world.saga.state, world.undos()) == ("undoing", [])
    assert "until erp:do-2 (unsure) is known" in world.saga.reason
    world.move(c, "delivered")  # it happened
    world.sagas.follow()
    assert [row.operation for row in world.undos()] == ["undo-0", "undo-2"]


def test_what_did_not_happen_is_not_sent_again_for_a_saga_that_failed(world):
    a, b, c = world.begin("operation", "nothing", "operation")
    world.move(a, "sending", "delivered")
    world.move(c, "sending", "unsure")
    with world.store.transaction(TENANT) as connection:
        asked = policy.ask(
            connection, tenant=TENANT, write_back_id=c, actor="ann", reason="not there", now=world.clock.now()
        )
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    assert world.state(c) == "awaiting_approval", "what may have happened is not withdrawn"
    world.approvals.agree(asked, "bob", "no, not there")
    assert world.state(c) == "discarded"
    world.sagas.follow()
    assert [row.operation for row in world.undos()] == ["undo-0"]


def test_a_no_to_one_of_them_takes_back_the_others(world):
    a, b = world.begin("operation", "operation", gated=(1,))
    world.move(a, "sending", "delivered")
    (request,) = world.rows(approvals)
    assert (request.write_back_id, request.asked_by) == (b, "rule main/row")
    world.approvals.decline(request.id, "ann", "too dear")
    world.sagas.follow()
    assert [row.operation for row in world.undos()] == ["undo-0"]


def test_what_waits_for_a_yes_is_withdrawn_with_its_question(world):
    a, b = world.begin("operation", "operation", gated=(1,))
    world.move(a, "sending", "exhausted")
    world.sagas.follow()
    (request,) = world.rows(approvals)
    assert (world.state(b), request.state) == ("discarded", "void")
    assert world.saga.state == "undone"
    with pytest.raises(NotPossible, match="was void already"):
        world.approvals.agree(request.id, "ann", "yes")


def test_a_failed_taking_back_is_partial_until_it_is_replayed_or_a_person_settles_it(world):
    a, b = world.begin("operation", "nothing")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    (undo,) = world.undos()
    world.move(undo.id, "sending", "rejected")
    world.sagas.follow()
    assert world.saga.state == "partial"
    assert world.saga.reason == "erp:do-1 was rejected; what takes erp:do-0 back was rejected"
    letter = next(row for row in world.rows(dead_letters) if row.write_back_id == undo.id)
    with world.store.transaction(TENANT) as connection:
        deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=world.clock.now())
    world.sagas.follow()
    assert world.saga.state == "undoing"
    world.move(undo.id, "sending", "delivered")
    world.sagas.follow()
    assert world.saga.state == "undone"


def test_what_only_a_person_takes_back_is_settled_by_a_person(world):
    a, b = world.begin("person", "nothing")
    world.move(a, "sending", "delivered")
    with pytest.raises(NotPossible, match="is running"):
        world.sagas.settle(world.saga.id, "ann", "called them")
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    assert world.saga.state == "partial"
    assert world.saga.reason == "erp:do-1 was rejected; erp:do-0 is for a person to take back"
    for name, words in (("crossdock", "x"), ("", "x"), ("ann", " ")):
        with pytest.raises(NotPossible):
            world.sagas.settle(world.saga.id, name, words)
    with pytest.raises(NoSuchSaga):
        world.sagas.settle(uuid.uuid4(), "ann", "called them")
    world.sagas.settle(world.saga.id, "ann", "called them")
    assert (world.saga.state, world.saga.reason) == ("undone", "ann: called them")
    assert world.sagas.follow() == 0


def test_what_failed_with_its_saga_is_not_replayed_alone(world):
    a, b = world.begin("operation", "nothing")
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    assert (world.saga.state, world.state(a)) == ("undone", "discarded")
    (letter,) = world.rows(dead_letters)
    with world.store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="belongs to saga"):
        deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=world.clock.now())


@pytest.mark.parametrize("after", [False, True])
def test_what_belongs_to_others_is_not_edited_into_one_that_stands_alone(world, after):
    a, b = world.begin("operation", "nothing")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "rejected")
    if after:
        world.sagas.follow()
    (letter,) = world.rows(dead_letters)
    with world.store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="belongs to others"):
        mending.edit(
            connection, tenant=TENANT, letter_id=letter.id, body=b'{"n": 2}', actor="ann", reason="r",
            now=world.clock.now(),
        )  # fmt: skip
    world.sagas.follow()
    assert (world.saga.state, world.state(b), len(world.undos())) == ("undoing", "rejected", 1)


def test_what_was_wanted_before_belongs_to_the_first(world):
    world.begin("operation", "nothing")
    assert world.begun == 1
    world.begin("operation", "nothing", decision="d2")
    assert world.begun == 0
    world.begin("operation", "nothing", "nothing", decision="d3")
    assert world.begun == 0, "one new step alone belongs to nothing"
    assert len(world.rows(saga_steps)) == 2


@pytest.mark.parametrize("point", ["sagas.before_step", "sagas.after_step"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_dying_at_any_moment_of_it_takes_back_each_step_once(world, monkeypatch, point, nth):
    a, b, c = world.begin("operation", "operation", "nothing")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "delivered")
    world.move(c, "sending", "rejected")
    monkeypatch.setattr(faultpoints, "_seen", {})
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:{nth}")
    for _ in range(2):
        try:
            world.sagas.follow()
        except InjectedFault:
            pass
    monkeypatch.delenv("CROSSDOCK_FAULT")
    world.sagas.follow()
    assert [row.operation for row in world.undos()] == ["undo-0", "undo-1"]
    for undo in world.undos():
        world.move(undo.id, "sending", "delivered")
    world.clock.advance(timedelta(seconds=1))
    world.sagas.follow()
    assert world.saga.state == "undone"


@pytest.mark.parametrize(
    ("point", "then"), [("sagas.before_settle", "partial"), ("sagas.after_settle", "undone")]
)
def test_a_person_who_dies_while_settling_has_done_all_of_it_or_nothing(world, monkeypatch, point, then):
    a, b = world.begin("person", "nothing")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    monkeypatch.setattr(faultpoints, "_seen", {})
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    with pytest.raises(InjectedFault):
        world.sagas.settle(world.saga.id, "ann", "called them")
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert world.saga.state == then
    if then == "partial":
        world.sagas.settle(world.saga.id, "ann", "called them")
    assert (world.saga.state, world.saga.reason) == ("undone", "ann: called them")


def test_a_saga_is_shown_with_its_steps_and_how_they_stand(world):
    a, b = world.begin("operation", "person")
    world.move(a, "sending", "delivered")
    world.move(b, "sending", "rejected")
    world.sagas.follow()
    with world.store.transaction(TENANT) as connection:
        page = saga_queries.list_sagas(connection, TENANT, state=None)
        shown = saga_queries.get_saga(connection, TENANT, world.saga.id)
    assert [row["state"] for row in page.items] == ["undoing"]
    assert [(row["operation"], row["state"], row["undo"], row["undo_state"]) for row in shown["steps"]] == [
        ("do-0", "delivered", "operation", "ready"),
        ("do-1", "rejected", "person", None),
    ]
    assert shown["id"] == str(world.saga.id)
