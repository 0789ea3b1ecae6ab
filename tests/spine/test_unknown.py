"""What may have happened: asked about, said by people, and sent again only when two of them agree."""

import random
import threading
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import approvals as policy
from crossdock import deadletters
from crossdock.approvals import Approvals, NoSuchApproval
from crossdock.deadletters import NotPossible
from crossdock.deliver import Deliverer
from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Unsure, WriteBack, derived_id
from crossdock.ports import Manifest, SinkManifest
from crossdock.store import outbox, people_queries
from crossdock.store.tables import approvals, audit, dead_letters, read_backs, write_backs
from crossdock.unknown import AT_ONCE, FIRST_ASKED_AFTER, WAITS, Unknowns

TENANT = "main"


@dataclass
class Target:
    """Keeps a book of its effects. ``answers``: how it behaves, call by call; ``says``: what it says when asked."""

    answers: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    says: str = "the truth"

    def deliver(self, write_back: WriteBack) -> Outcome:
        self.calls.append(write_back.idempotency_key)
        match self.answers.pop(0) if self.answers else "ok":
            case (
                "lost before"
            ):  # one target that answers badly, not a wire that fails: its circuit stays closed
                return Unsure(reason="connection reset")
            case "lost after":
                self.effects.append(write_back.idempotency_key)
                raise WireQuiet("connection reset")
            case "no":
                return Reject(reason="422: the order is closed")
        self.effects.append(write_back.idempotency_key)
        return Delivered(receipt=Receipt(reference=f"N-{len(self.effects)}"))

    def find(self, write_back: WriteBack) -> Receipt | None:
        self.asked.append(write_back.idempotency_key)
        match self.says:
            case "down":
                raise WireDown("connection refused")
            case "password":
                raise Misconfigured("401: the token is not accepted")
            case "something else":
                raise Refused("the key was used for something else", status="422")
            case "500":
                raise Refused("the ERP answered 500", status="500")
            case "bug":
                raise KeyError("id")
        if write_back.idempotency_key in self.effects:
            return Receipt(reference="N-7", evidence={"at": "14:00"})
        return None

    def close(self) -> None: ...


class Mute(Target):
    """One that nobody can ask: it has no ``find``."""

    find = None  # type: ignore[assignment]


def manifest(idempotency: str) -> Manifest:
    sink = SinkManifest(
        operations=("note",),
        idempotency=idempotency,
        schedule_s=(10,),
        concurrency=1,
        batch=50,
        every_s=15,
        settings={},
    )
    return Manifest(
        name="erp", title="ERP", owner="integration", tenant=TENANT, wire="rest", connection="c",
        connection_type="crossdock_rest", version="1", folder="", source=None, sink=sink,
    )  # fmt: skip


class Desk:
    """A hub's worth of steps about one target."""

    def __init__(self, store, clock, target, *, askable=True):
        self.store, self.clock, self.target, self.askable = store, clock, target, askable
        can_be_asked = lambda name: askable  # noqa: E731
        self.approvals = Approvals(store=store, tenant=TENANT, clock=clock, can_be_asked=can_be_asked)
        self.unknowns = Unknowns(
            store=store,
            tenant=TENANT,
            clock=clock,
            open_sink=lambda name: target,
            can_be_asked=can_be_asked,
            requests=self.approvals,
            partners=list,
        )

    def queue(self, count=1, state="ready", number=0):
        now = self.clock.now()
        rows = [
            {
                "tenant": TENANT,
                "id": derived_id("test", str(each)),
                "target": "erp",
                "operation": "note",
                "idempotency_key": f"key-{each}",
                "subject": f"supplier_po/{each}",
                "body": f'{{"n": {each}}}'.encode(),
                "body_sha256": "0" * 64,
                "media_type": "application/json",
                "headers": {},
                "state": state,
                "next_attempt_at": now,
                "created_at": now,
                "updated_at": now,
            }
            for each in range(number, number + count)
        ]
        with self.store.transaction(TENANT) as connection:
            outbox.add_write_backs(connection, rows)
        return [row["id"] for row in rows]

    def deliver(self):
        return Deliverer(
            store=self.store,
            tenant=TENANT,
            manifest=manifest("readback" if self.askable else "none"),
            sink=self.target,
            clock=self.clock,
            dice=random.Random(7),
            lease=timedelta(seconds=300),
        ).deliver_batch()

    def lose(self, count=1):
        """Write-backs whose outcome is unknown."""
        ids = self.queue(count)
        self.target.answers = ["lost before"] * count
        askable, self.askable = self.askable, False
        for _ in range(count):
            self.deliver()
        self.askable = askable
        return ids

    def rows(self, table, *order):
        with self.store.transaction(TENANT) as connection:
            return connection.execute(sa.select(table).order_by(*order)).all()

    def row(self, id):
        return next(row for row in self.rows(write_backs) if row.id == id)

    def state(self, id):
        return self.row(id).state

    def letter(self):
        (letter,) = self.rows(dead_letters)
        return letter

    def request(self):
        """What is asked now; when nothing is, what was asked last."""
        return self.rows(approvals, approvals.c.state != "asked", approvals.c.asked_at.desc())[0]


@pytest.fixture
def desk(store, clock):
    return Desk(store, clock, Target())


# ── check now ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outcome_that_the_target_confirms_is_delivered_with_its_evidence(desk):
    (id,) = desk.lose()
    desk.target.effects.append("key-0")
    checked = desk.unknowns.check(id, "ann")
    assert (checked.answer, checked.reference) == ("found", "N-7")
    row = desk.row(id)
    assert row.state == "delivered"
    assert row.receipt == {"reference": "N-7", "at": "14:00", "found_by": "ann"}
    letter = desk.letter()
    assert (letter.state, letter.closed_by) == ("discarded", "ann")
    assert "N-7" in letter.reason
    assert desk.target.calls == ["key-0"], "nothing was sent again"


@pytest.mark.parametrize(
    ("says", "answer", "word"),
    [
        ("the truth", "nothing", "has nothing by this key"),
        ("something else", "something_else", "used for something else"),
        ("down", "no_answer", "connection refused"),
        ("password", "no_answer", "token is not accepted"),
        ("500", "no_answer", "answered 500"),
        ("bug", "no_answer", "the sink failed: KeyError"),
    ],
)
def test_whatever_else_a_target_says_is_written_down_and_concludes_nothing(desk, says, answer, word):
    (id,) = desk.lose()
    desk.target.says = says
    checked = desk.unknowns.check(id, "ann")
    assert checked.answer == answer
    assert desk.state(id) == "unsure"
    assert desk.letter().state == "open"
    with desk.store.transaction(TENANT) as connection:
        (said,) = people_queries.read_backs_of(connection, TENANT, id)
    assert (said["number"], said["asked_by"], said["answer"]) == (1, "ann", answer)
    assert word in said["reason"]


def test_a_target_that_cannot_be_asked_is_said_to_be_one(store, clock):
    desk = Desk(store, clock, Mute(), askable=False)
    (id,) = desk.lose()
    with pytest.raises(NotPossible, match=r"'erp' cannot be asked what happened .* look there yourself"):
        desk.unknowns.check(id, "ann")
    desk = Desk(store, clock, Mute(), askable=True)
    with pytest.raises(NotPossible, match="the connector 'erp' has no way to ask"):
        desk.unknowns.check(id, "ann")
    assert desk.unknowns.sweep(desk.target, "erp") == {"checked": 0, "confirmed": 0}
    assert desk.rows(read_backs) == []


def test_what_is_known_is_not_asked_about(desk):
    (id,) = desk.queue()
    desk.deliver()
    for act in (
        lambda: desk.unknowns.check(id, "ann"),
        lambda: desk.unknowns.happened(id, "ann", "N-1", "seen"),
        lambda: desk.unknowns.did_not_happen(id, "ann", "not seen"),
    ):
        with pytest.raises(NotPossible, match="is delivered"):
            act()
    with pytest.raises(Misconfigured, match="there is no write-back"):
        desk.unknowns.check(uuid.uuid4(), "ann")


# ── the sweep ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sweep_asks_with_growing_waits_and_then_leaves_it_to_people(desk, clock):
    (id,) = desk.lose()
    sweep = lambda: desk.unknowns.sweep(desk.target, "erp")["checked"]  # noqa: E731
    assert sweep() == 0, "a target that just failed is left alone for a moment"
    clock.advance(FIRST_ASKED_AFTER)
    for wait in WAITS:
        assert sweep() == 1
        assert sweep() == 0
        clock.advance(wait - timedelta(seconds=1))
        assert sweep() == 0
        clock.advance(timedelta(seconds=1))
    assert sweep() == 1
    clock.advance(timedelta(days=30))
    assert sweep() == 0
    assert desk.state(id) == "unsure"
    assert len(desk.target.asked) == len(WAITS) + 1
    assert desk.target.calls == ["key-0"], "that a target shows nothing sends nothing again"


def test_the_sweep_confirms_what_happened(desk, clock):
    ids = desk.lose(3)
    desk.target.effects += ["key-0", "key-2"]
    clock.advance(FIRST_ASKED_AFTER)
    assert desk.unknowns.sweep(desk.target, "erp") == {"checked": 3, "confirmed": 2}
    assert [desk.state(id) for id in ids] == ["delivered", "unsure", "delivered"]


def test_the_sweep_asks_for_so_many_in_a_run_and_for_the_others_in_the_next(desk, clock):
    ids = desk.lose(AT_ONCE + 3)
    clock.advance(FIRST_ASKED_AFTER)
    assert desk.unknowns.sweep(desk.target, "erp")["checked"] == AT_ONCE
    assert desk.unknowns.sweep(desk.target, "erp")["checked"] == 3
    assert sorted(desk.target.asked) == sorted(f"key-{n}" for n in range(len(ids)))


@pytest.mark.parametrize("says", ["down", "password"])
def test_a_target_that_is_away_costs_the_sweep_one_call(desk, clock, says):
    desk.lose(5)
    desk.target.says = says
    clock.advance(FIRST_ASKED_AFTER)
    assert desk.unknowns.sweep(desk.target, "erp") == {"checked": 1, "confirmed": 0}


def test_of_two_sweeps_at_once_one_asks(desk, clock):
    desk.lose()
    clock.advance(FIRST_ASKED_AFTER)
    both = threading.Barrier(2)

    target = Target()
    counts = []

    def sweep():
        both.wait()
        counts.append(desk.unknowns.sweep(target, "erp")["checked"])

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 1]
    assert target.asked == ["key-0"]


# ── it happened ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_person_who_saw_it_may_say_so(desk):
    (id,) = desk.lose()
    desk.unknowns.happened(id, "ann", "N-17", "seen on the order")
    row = desk.row(id)
    assert row.state == "delivered"
    assert row.receipt == {"reference": "N-17", "said_by": "ann", "reason": "seen on the order"}
    assert desk.letter().state == "discarded"
    assert [(row.actor, row.action) for row in desk.rows(audit)] == [
        ("ann", "dead_letter.happened"),
        ("ann", "write_back.happened"),
    ]
    with pytest.raises(NotPossible, match="is delivered"):
        desk.unknowns.happened(id, "bob", "N-18", "seen too")


@pytest.mark.parametrize(
    ("actor", "reference", "reason"),
    [("ann", "", "seen"), ("ann", "N-1", " "), ("", "N-1", "seen"), ("crossdock", "N-1", "x")],
)
def test_it_happened_needs_a_person_a_reference_and_a_reason(desk, actor, reference, reason):
    (id,) = desk.lose()
    with pytest.raises(NotPossible):
        desk.unknowns.happened(id, actor, reference, reason)
    assert desk.state(id) == "unsure"


# ── it did not: send it again ────────────────────────────────────────────────────────────────────────────────


def test_it_is_sent_again_when_another_person_agrees_with_the_key_it_always_had(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    assert desk.state(id) == "awaiting_approval"
    assert desk.deliver()["attempts"] == 0
    done = desk.approvals.agree(asked, "bob", "I looked too")
    assert (done.write_back_id, done.target, done.refusal) == (id, "erp", "")
    assert (desk.letter().state, desk.letter().closed_by) == ("replayed", "bob")
    assert desk.deliver()["delivered"] == 1
    assert desk.target.calls == ["key-0", "key-0"]
    assert desk.target.asked == ["key-0"], "a target that can be asked is asked once more before"
    assert desk.target.effects == ["key-0"]


def test_what_two_people_got_wrong_a_target_that_can_be_asked_still_stops(desk):
    (id,) = desk.lose()
    desk.target.effects.append("key-0")
    desk.approvals.agree(desk.unknowns.did_not_happen(id, "ann", "not there"), "bob", "no, not there")
    assert desk.deliver()["found"] == 1
    assert desk.target.calls == ["key-0"]


@pytest.mark.parametrize(
    "name", ["ann", "ANN", " Ann ", "ann@corp.example", "CORP\\ann", "Ànn", "аnn", "", "crossdock"]
)
def test_nobody_agrees_with_themselves_however_they_write_their_name(desk, name):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    with pytest.raises(NotPossible):
        desk.approvals.agree(asked, name, "I am somebody else")
    assert desk.state(id) == "awaiting_approval"
    assert desk.request().state == "asked"


def test_agreeing_wants_words(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    for decide in (desk.approvals.agree, desk.approvals.decline):
        with pytest.raises(NotPossible, match="with words"):
            decide(asked, "bob", "  ")
    with pytest.raises(NoSuchApproval):
        desk.approvals.agree(uuid.uuid4(), "bob", "yes")


def test_what_is_asked_is_asked_once(desk):
    (id,) = desk.lose()
    desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    with pytest.raises(NotPossible, match="ann asked already"):
        desk.unknowns.did_not_happen(id, "bob", "I looked too")
    assert len(desk.rows(approvals)) == 1


def test_declined_it_is_unknown_again(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    desk.approvals.decline(asked, "bob", "I see it: N-3")
    row = desk.row(id)
    assert (row.state, row.reason) == ("unsure", "declined by bob: I see it: N-3")
    assert desk.letter().state == "open"
    desk.unknowns.did_not_happen(id, "bob", "no, that was another order")
    assert desk.request().state == "asked"


def test_who_asked_may_take_it_back(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    desk.approvals.decline(asked, "ann", "found it")
    assert desk.state(id) == "unsure"


def test_silence_is_no_approval(desk, clock):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    clock.advance(timedelta(hours=23, minutes=59))
    assert desk.approvals.expire_due() == 0
    clock.advance(timedelta(minutes=1))
    assert desk.approvals.expire_due() == 1
    assert desk.approvals.expire_due() == 0
    assert desk.state(id) == "unsure"
    assert "nobody agreed until" in desk.row(id).reason
    assert desk.letter().state == "open"
    with pytest.raises(NotPossible, match="was expired already"):
        desk.approvals.agree(asked, "bob", "yes")
    assert desk.deliver()["attempts"] == 0


def test_who_agrees_too_late_is_told_so_and_it_goes_back(desk, clock, monkeypatch):
    monkeypatch.setenv("CROSSDOCK_APPROVAL_HOURS", "2")
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    clock.advance(timedelta(hours=2))
    with pytest.raises(
        NotPossible, match=r"expired: nobody agreed until 2026-11-20 16:00 UTC, and silence is no approval"
    ):
        desk.approvals.agree(asked, "bob", "yes")
    assert desk.request().state == "expired", "that it expired stays although it was refused"
    assert desk.state(id) == "unsure"


@pytest.mark.parametrize("hours", ["0", "-1", "soon", "1e9"])
def test_a_time_to_agree_that_is_none_is_refused(desk, monkeypatch, hours):
    (id,) = desk.lose()
    monkeypatch.setenv("CROSSDOCK_APPROVAL_HOURS", hours)
    with pytest.raises(Misconfigured, match="CROSSDOCK_APPROVAL_HOURS"):
        desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")


def test_other_bytes_than_those_that_were_asked_about_void_the_request(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    with desk.store._engine.begin() as hands:  # the owner of the database, past every guard
        hands.execute(sa.text("SET LOCAL session_replication_role = replica"))
        hands.execute(sa.update(write_backs).values(body=b'{"n": 1000000}'))
    with pytest.raises(NotPossible, match="void: its body is not the one that was asked about"):
        desk.approvals.agree(asked, "bob", "yes")
    assert (desk.request().state, desk.state(id)) == ("void", "unsure")
    assert desk.deliver()["attempts"] == 0


def test_a_double_click_is_one_decision(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    first = desk.approvals.agree(asked, "bob", "yes")
    assert desk.approvals.agree(asked, "Bob", "yes") == first
    assert [row.action for row in desk.rows(audit) if row.action == "approval.agree"] == ["approval.agree"]
    with pytest.raises(NotPossible, match="agreed already by bob"):
        desk.approvals.agree(asked, "carol", "yes")
    with pytest.raises(NotPossible, match="agreed already by bob"):
        desk.approvals.decline(asked, "bob", "no, wait")


def test_of_people_who_decide_at_once_one_decided(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    together = threading.Barrier(4)
    said = []

    def decide(name, agree):
        together.wait()
        act = desk.approvals.agree if agree else desk.approvals.decline
        try:
            act(asked, name, f"so says {name}")
        except NotPossible as error:
            said.append(str(error))
        else:
            said.append(name)

    people = [("bob", True), ("carol", False), ("dan", True), ("eve", False)]
    threads = [threading.Thread(target=decide, args=each) for each in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [name for name, _ in people if name in said]
    assert sum(f"already by {winner}" in each for each in said) == 3
    request = desk.request()
    assert request.decided_by == winner
    assert desk.state(id) == ("ready" if dict(people)[winner] else "unsure")


def test_an_approval_is_good_for_one_sending(desk):
    (id,) = desk.lose()
    desk.approvals.agree(desk.unknowns.did_not_happen(id, "ann", "nothing there"), "bob", "yes")
    desk.target.answers = ["lost after"]
    desk.askable = False
    assert desk.deliver()["unsure"] == 1
    assert desk.state(id) == "unsure"
    with desk.store.transaction(TENANT) as connection:
        for step in ("awaiting_approval",):
            connection.execute(sa.update(write_backs).values(state=step))
        with pytest.raises(sa.exc.DBAPIError, match="nobody agreed to exactly these bytes after attempt 2"):
            connection.execute(sa.update(write_backs).values(state="ready"))
        connection.rollback()
    desk.unknowns.did_not_happen(id, "bob", "nothing there again")
    assert [row.state for row in desk.rows(approvals, approvals.c.asked_at, approvals.c.state)] == [
        "agreed",
        "asked",
    ]


def test_while_people_are_asked_the_target_is_asked_too_and_its_word_ends_the_question(desk, clock):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "the order shows nothing")
    desk.target.effects.append("key-0")
    clock.advance(FIRST_ASKED_AFTER)
    assert desk.unknowns.sweep(desk.target, "erp")["confirmed"] == 1
    assert (desk.state(id), desk.request().state) == ("delivered", "void")
    with pytest.raises(NotPossible, match="was void already"):
        desk.approvals.agree(asked, "bob", "yes")


# ── no side door ─────────────────────────────────────────────────────────────────────────────────────────────


def test_no_replay_sends_again_what_may_have_happened(desk):
    (id,) = desk.lose()
    letter = desk.letter()
    with desk.store.transaction(TENANT) as connection, pytest.raises(NotPossible, match="is unknown"):
        deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="bob", now=desk.clock.now())
    desk.unknowns.did_not_happen(id, "ann", "nothing there")
    with (
        desk.store.transaction(TENANT) as connection,
        pytest.raises(NotPossible, match="another person agrees"),
    ):
        deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="bob", now=desk.clock.now())
    assert desk.deliver()["attempts"] == 0


def test_the_database_knows_no_other_way_from_unknown_to_sent(desk):
    desk.lose()
    with desk.store.transaction(TENANT) as connection:
        with pytest.raises(sa.exc.DBAPIError, match="state may not go from unsure to ready"):
            connection.execute(sa.update(write_backs).values(state="ready", next_attempt_at=desk.clock.now()))
        connection.rollback()


def test_discarding_ends_what_is_asked(desk):
    (id,) = desk.lose()
    asked = desk.unknowns.did_not_happen(id, "ann", "nothing there")
    with desk.store.transaction(TENANT) as connection:
        deadletters.discard(
            connection,
            tenant=TENANT,
            letter_id=desk.letter().id,
            actor="dan",
            reason="the order was cancelled",
            now=desk.clock.now(),
        )
    assert (desk.state(id), desk.request().state) == ("discarded", "void")
    with pytest.raises(NotPossible, match="was void already by crossdock: dan discarded it"):
        desk.approvals.agree(asked, "bob", "yes")


# ── what leaves only with a yes ──────────────────────────────────────────────────────────────────────────────


def gate(desk):
    """A write-back that a rule wants agreed to."""
    (id,) = desk.queue(state="awaiting_approval")
    with desk.store.transaction(TENANT) as connection:
        wanted = {id: ("rule main/dear", "worth 12000 USD")}
        assert policy.ask_for_new(connection, TENANT, wanted, desk.clock.now()) == 1
        assert policy.ask_for_new(connection, TENANT, wanted, desk.clock.now()) == 0, (
            "decided again, asked once"
        )
    return id, desk.request().id


def test_what_a_rule_wants_agreed_to_leaves_with_one_persons_yes(desk):
    id, asked = gate(desk)
    assert desk.deliver()["attempts"] == 0
    desk.approvals.agree(asked, "ann", "the customer wants it")
    assert desk.deliver()["delivered"] == 1
    assert desk.state(id) == "delivered"


def test_with_a_no_it_never_leaves(desk):
    id, asked = gate(desk)
    desk.approvals.decline(asked, "ann", "the date stays")
    assert (desk.state(id), desk.row(id).reason) == ("discarded", "declined by ann: the date stays")
    assert desk.deliver()["attempts"] == 0


def test_without_an_answer_it_waits_until_a_person_asks_and_another_one_agrees(desk, clock):
    id, asked = gate(desk)
    clock.advance(timedelta(days=1))
    assert desk.approvals.expire_due() == 1
    assert (desk.request().state, desk.state(id)) == ("expired", "awaiting_approval")
    assert desk.deliver()["attempts"] == 0
    again = desk.approvals.ask(id, "ann", "still wanted")
    assert again != asked
    with pytest.raises(NotPossible, match="is the same person"):
        desk.approvals.agree(again, "Ann", "yes")
    desk.approvals.agree(again, "bob", "yes")
    assert desk.deliver()["delivered"] == 1


def test_what_may_have_happened_keeps_its_place_while_people_are_asked(desk, clock):
    """A later one about the same order must not overtake it: sent again after it, it would go backwards."""
    (first,) = desk.lose()
    asked = desk.unknowns.did_not_happen(first, "ann", "nothing there")
    (second,) = desk.queue(number=1)
    with desk.store._engine.begin() as hands:
        hands.execute(sa.text("SET LOCAL session_replication_role = replica"))
        hands.execute(sa.update(write_backs).values(subject="supplier_po/1"))
        hands.execute(sa.update(approvals).values(subject="supplier_po/1"))
    assert desk.deliver()["delivered"] == 0
    assert desk.state(second) == "ready"
    desk.approvals.agree(asked, "bob", "no, nothing")
    while desk.deliver()["attempts"]:
        clock.advance(timedelta(minutes=2))
    assert (desk.state(first), desk.state(second)) == ("delivered", "delivered")
    assert desk.target.effects == ["key-0", "key-1"]
