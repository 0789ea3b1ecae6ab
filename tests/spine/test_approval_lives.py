"""Lives of unknown outcomes: asking, agreeing, declining, waiting, tampering, dying and delivering in every order."""

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crossdock import faultpoints
from crossdock.deadletters import NotPossible
from crossdock.faultpoints import InjectedFault
from crossdock.principals import principal
from crossdock.store.tables import approvals, write_backs

from .test_unknown import Desk, Target

NAMES = ("ann", "ANN", "Ann@corp.example", "bob", " Bob", "carol", "", "crossdock")
POINTS = (
    "approvals.before_ask", "approvals.after_ask", "approvals.before_decide", "approvals.after_decide",
    "approvals.before_expire", "approvals.after_expire", "unknown.before_asked", "unknown.after_asked",
    "unknown.after_call", "unknown.before_answered", "unknown.after_answered",
)  # fmt: skip


@pytest.mark.parametrize(
    ("point", "then"), [("unknown.before_happened", "unsure"), ("unknown.after_happened", "delivered")]
)
def test_a_person_who_dies_while_saying_that_it_happened_said_it_or_did_not(
    store, clock, monkeypatch, point, then
):
    desk = Desk(store, clock, Target())
    (id,) = desk.lose()
    monkeypatch.setattr(faultpoints, "_seen", {})
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    with pytest.raises(InjectedFault):
        desk.unknowns.happened(id, "ann", "T-1", "it is in their books")
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert desk.state(id) == then
    if then == "unsure":
        desk.unknowns.happened(id, "ann", "T-1", "it is in their books")
    assert desk.state(id) == "delivered"


@pytest.mark.parametrize("point", POINTS)
def test_dying_in_the_middle_leaves_it_whole_and_the_next_one_goes_on(store, clock, monkeypatch, point):
    desk = Desk(store, clock, Target())
    (id,) = desk.lose()

    def life():
        if desk.state(id) == "unsure":
            desk.unknowns.check(id, "ann")
            desk.unknowns.did_not_happen(id, "ann", "nothing there")
        if point.endswith("expire"):
            clock.advance(timedelta(days=2))
            desk.approvals.expire_due()
        elif desk.state(id) == "awaiting_approval":
            desk.approvals.agree(desk.request().id, "bob", "no, nothing")

    monkeypatch.setattr(faultpoints, "_seen", {})
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
    with pytest.raises(InjectedFault):
        life()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    life()
    open_requests = [row for row in desk.rows(approvals) if row.state == "asked"]
    state = desk.state(id)
    assert (state == "awaiting_approval") == bool(open_requests)
    assert state == ("unsure" if point.endswith("expire") and not open_requests else state)
    if not point.endswith("expire"):
        assert state == "ready"
        assert sum(row.state == "agreed" for row in desk.rows(approvals)) == 1


def test_p20_holds_after_every_step_of_every_life(store, clock):
    """What leaves a second time was agreed to by another person, in time, and for exactly its bytes."""
    numbers = itertools.count()

    class Life(RuleBasedStateMachine):
        @initialize()
        def lose(self):
            self.desk = Desk(store, clock, Target(), askable=False)
            number = next(numbers)
            (self.id,) = self.desk.queue(number=number)
            self.desk.target.answers = ["lost before"]
            self.desk.deliver()
            self.allowed = 1

        @rule(name=st.sampled_from(NAMES))
        def ask(self, name):
            self._do(lambda: self.desk.unknowns.did_not_happen(self.id, name, "nothing there"))

        @rule(name=st.sampled_from(NAMES), agree=st.booleans())
        def decide(self, name, agree):
            request = self._request()
            if request is None:
                return
            was, tampered = request.state, self._tampered(request)
            act = self.desk.approvals.agree if agree else self.desk.approvals.decline
            if self._do(lambda: act(request.id, name, "so I say")) and agree and was == "asked":
                assert principal(name) not in ("", principal("crossdock"), request.asked_principal)
                assert clock.now() < request.expires_at
                assert not tampered
                self.allowed += 1

        @rule(hours=st.sampled_from([1, 13, 25]))
        def wait(self, hours):
            clock.advance(timedelta(hours=hours))

        @rule()
        def expire(self):
            self.desk.approvals.expire_due()

        @rule()
        def tamper(self):
            with store._engine.begin() as hands:
                hands.execute(sa.text("SET LOCAL session_replication_role = replica"))
                hands.execute(
                    sa.update(write_backs)
                    .where(write_backs.c.id == self.id, write_backs.c.state == "awaiting_approval")
                    .values(body=b'{"n": 1000000}')
                )

        @rule(answer=st.sampled_from(["ok", "lost before", "no"]))
        def deliver(self, answer):
            self.desk.target.answers = [answer]
            self.desk.deliver()

        @invariant()
        def nothing_leaves_without_another_persons_yes(self):
            if hasattr(self, "allowed"):
                assert len(self.desk.target.calls) <= self.allowed

        def _request(self):
            rows = [row for row in self.desk.rows(approvals) if row.write_back_id == self.id]
            return max(rows, key=lambda row: (row.state == "asked", row.asked_at), default=None)

        def _tampered(self, request):
            from hashlib import sha256

            return sha256(bytes(self.desk.row(self.id).body)).hexdigest() != request.body_sha256

        def _do(self, act):
            try:
                act()
            except NotPossible:
                return False
            return True

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=20,
            stateful_step_count=10,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
