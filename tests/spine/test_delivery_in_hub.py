"""Delivery with the hub round it: what befalls a target is a case, and what conflicts is decided again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import approvals as policy
from crossdock import receive as receiving
from crossdock import sagas
from crossdock.alarms import Alarms
from crossdock.deliver import TargetPaused
from crossdock.deliver.conflicts import MOST_ROUNDS, Redecider
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.messages import Conflict, RawMessage, Trace, derived_id
from crossdock.packages import package_folder
from crossdock.registry import Registry
from crossdock.store import approvals as kept
from crossdock.store import outbox
from crossdock.store.tables import approvals, cases, events, write_backs
from tests.spine.delivering import TENANT, Target, deliver, letters, manifest, put, write_back_of


@pytest.fixture
def hub(store, clock):
    with Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT) as hub:
        yield hub


@pytest.fixture
def rig(hub, clock):
    """What the hub gives a deliverer."""
    return {
        "alarm": Alarms(lambda: hub.processor.recorder, tenant=TENANT, clock=clock),
        "redeciding": Redecider(registry=hub.registry, router=lambda: hub.router, tenant=TENANT, clock=clock),
    }


@pytest.fixture
def decided(hub, store, clock):
    """The write-backs to the ERP that a supplier's backorder leads to."""
    body = (package_folder("mappings") / "inbound/x12_855/samples/backorder_with_new_date.edi").read_bytes()
    message = RawMessage(
        tenant=TENANT, source="supplier_edi", key="1", body=body, media_type="application/edi-x12",
        received_at=clock.now(), name="855.edi",
    )  # fmt: skip
    receiving.accept(store, message, clock=clock)
    hub.process()
    found = rows(store, write_backs.c.target == "erp")
    assert found
    return found


def rows(store, *where):
    with store.reading(TENANT) as connection:
        return connection.execute(sa.select(write_backs).where(*where).order_by(write_backs.c.queued)).all()


def of_code(store, code):
    with store.reading(TENANT) as connection:
        found = connection.execute(sa.select(cases).where(cases.c.code == code)).all()
        told = connection.scalar(sa.select(sa.func.count()).select_from(events).where(events.c.code == code))
    return found, told


class Held(Target):
    """A target that changes ``moves`` times under our hands."""

    def __init__(self, moves: int) -> None:
        super().__init__()
        self.held, self.moves = 1, moves

    def version(self, write_back):
        return str(self.held)

    def deliver(self, write_back):
        if self.moves:
            self.moves -= 1
            self.held += 1
        if write_back.version != str(self.held):
            return Conflict(reason=f"412: it holds version {self.held}", status="412")
        return super().deliver(write_back)


def test_what_conflicts_is_decided_again_on_the_version_that_is_held_now(decided, store, clock, rig):
    target = Held(1)
    rules = manifest("conditional")
    while deliver(store, clock, target, rules, **rig)["attempts"]:
        pass
    old = rows(store, write_backs.c.id == decided[0].id)[0]
    (new,) = rows(store, write_backs.c.id == old.superseded_by)
    assert (old.state, new.state, new.version) == ("superseded", "delivered", "2")
    assert (new.subject, new.operation, new.case_id) == (old.subject, old.operation, old.case_id)
    assert new.idempotency_key != old.idempotency_key
    assert f"decided again as write-back {new.id}" in old.reason
    assert letters(store) == []


def test_what_is_decided_again_keeps_its_place_before_what_was_written_after_it(decided, store, clock, rig):
    first = decided[0]
    later = {"id": derived_id("later"), "idempotency_key": "later", "subject": first.subject}
    put(store, write_back_of(9, clock, **later))
    target, rules = Held(1), manifest("conditional")
    while deliver(store, clock, target, rules, **rig)["attempts"]:
        pass
    (old,) = rows(store, write_backs.c.id == first.id)
    places = [target.effects.index(key) for key in (str(old.superseded_by), "later")]
    assert places == sorted(places)


def test_what_is_decided_again_for_one_that_wanted_a_yes_wants_another(decided, store, clock, rig):
    """What was agreed to were other bytes, on another version."""
    first = decided[0]
    with store.transaction(TENANT) as connection:
        row = connection.execute(sa.select(write_backs).where(write_backs.c.id == first.id)).one()
        asked = policy.request_row(
            row, kind="leave", asked_by="rule main/dear", reason="dear", now=clock.now(), earlier=0
        )
        kept.add(connection, [asked])
    target, rules = Held(1000), manifest("conditional")
    deliver(store, clock, target, rules, **rig)
    (old,) = rows(store, write_backs.c.id == first.id)
    (new,) = rows(store, write_backs.c.id == old.superseded_by)
    assert (old.state, new.state, new.attempt) == ("superseded", "awaiting_approval", 0)
    with store.reading(TENANT) as connection:
        statement = sa.select(approvals).where(approvals.c.write_back_id == new.id)
        request = connection.execute(statement).one()
    assert (request.state, request.kind) == ("asked", "leave")
    assert "decided again" in request.reason


def test_a_conflict_of_one_that_was_set_anew_gives_way_to_the_newer_one(decided, store, clock, rig):
    first = decided[0]
    newer = {
        **{name: getattr(first, name) for name in ("target", "operation", "subject", "body", "media_type")},
        "slot": "it", "case_id": None,
    }  # fmt: skip
    with store._engine.begin() as hands:
        hands.execute(sa.text("SET LOCAL session_replication_role = replica"))
        hands.execute(
            sa.update(write_backs).where(write_backs.c.id == first.id).values(slot="it", ask_first=True)
        )
    put(store, write_back_of(900, clock, **newer))
    with store._engine.begin() as hands:
        hands.execute(sa.text("SET LOCAL session_replication_role = replica"))
        hands.execute(sa.update(write_backs).where(write_backs.c.id == first.id).values(ask_first=False))
    deliver(store, clock, Held(1), manifest("conditional"), **rig)
    (old,) = rows(store, write_backs.c.id == first.id)
    (later,) = rows(store, write_backs.c.idempotency_key == "key-900")
    assert (old.state, old.superseded_by) == ("superseded", later.id)
    assert later.state == "ready"


def test_a_conflict_of_one_that_belongs_to_others_is_no_and_not_another_one(decided, store, clock, rig):
    """Another one in its place would belong to nothing: nobody would take it back."""
    first = decided[0]
    with store.transaction(TENANT) as connection:
        put_together = [
            sagas.PlannedStep(write_back_id=each.id, trace=Trace.NOTHING)
            for each in rows(store, write_backs.c.decision_id == first.decision_id)
        ]
        other = write_back_of(901, clock, case_id=first.case_id, decision_id=first.decision_id)
        outbox.add_write_backs(connection, [other])
        steps = [*put_together, sagas.PlannedStep(write_back_id=other["id"], trace=Trace.NOTHING)]
        planned = sagas.Planned(
            case_id=first.case_id, decision_id=first.decision_id, rule="main/row", steps=steps
        )
        assert sagas.begin(connection, TENANT, [planned], clock.now()) == 1
    deliver(store, clock, Held(1), manifest("conditional"), **rig)
    (old,) = rows(store, write_backs.c.id == first.id)
    assert (old.state, old.superseded_by) == ("rejected", None)
    found, _ = of_code(store, "INT.CONFLICT")
    assert len(found) == 1


def test_a_target_that_changes_faster_than_we_write_wants_a_person(decided, store, clock, rig):
    target, rules = Held(1000), manifest("conditional")
    for _ in range(20):
        deliver(store, clock, target, rules, **rig)
    found, _ = of_code(store, "INT.CONFLICT")
    assert len(found) == len({one.id for one in decided})
    assert target.effects == []
    assert {letter.code for letter in letters(store)} == {"INT.CONFLICT"}
    assert len(rows(store, write_backs.c.case_id == decided[0].case_id, write_backs.c.target == "erp")) <= (
        MOST_ROUNDS + 1
    ) * len(decided)


def test_a_conflict_whose_version_nobody_knows_is_a_case(decided, store, clock, rig):
    class Vague(Target):
        def deliver(self, write_back):
            return Conflict(reason="409: it was changed", status="409")

    counts = deliver(store, clock, Vague(), **rig)
    assert counts["conflict"] >= 1
    found, told = of_code(store, "INT.CONFLICT")
    assert (len(found), told) == (counts["conflict"], counts["conflict"])
    assert found[0].queue == "integration"


def test_a_refused_login_is_one_case_that_ends_when_the_login_is_taken(hub, store, clock, rig):
    put(store, *(write_back_of(number, clock) for number in range(30)))
    target = Target(answers=["password"] * 3)
    for _ in range(3):
        with pytest.raises(TargetPaused):
            deliver(store, clock, target, **rig)
        clock.advance(timedelta(minutes=16))
    found, told = of_code(store, "INT.AUTH_FAILED")
    assert [(one.state, one.queue, one.occurrences) for one in found] == [("open", "integration", 1)]
    assert (told, letters(store)) == (1, [])
    assert found[0].title == "'erp' is paused: it does not take our login, or does not prove who it is"
    deliver(store, clock, target, **rig)
    found, _ = of_code(store, "INT.AUTH_FAILED")
    assert (found[0].state, "takes our login again" in found[0].resolution) == ("resolved", True)


@pytest.mark.parametrize("said", ["0", "-5", "0.001", "nan", "inf", "soon"])
def test_a_lease_that_is_over_at_once_is_refused_and_not_renewed_for_ever(store, clock, monkeypatch, said):
    monkeypatch.setenv("CROSSDOCK_LEASE_S", said)
    with pytest.raises(Misconfigured, match=r"CROSSDOCK_LEASE_S is '.*'; write for how many seconds"):
        Hub.open(store=store, registry=Registry(), clock=clock, tenant=TENANT)
