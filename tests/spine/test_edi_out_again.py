"""Sent again: the same numbers or new ones, chosen by a person, with a reason, linked to what was sent first."""

import contextlib
import random
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock import deadletters
from crossdock import receive as receiving
from crossdock.deadletters import NotPossible
from crossdock.deliver import Deliverer
from crossdock.edi import exchanges, sent_again
from crossdock.edi.outgoing import interchange_number, renumbered
from crossdock.errors import CrossdockError
from crossdock.formats.x12 import Interchange, TransactionSet, read
from crossdock.formats.x12.second_reader import differences
from crossdock.hub import Hub
from crossdock.messages import Delivered, Outcome, RawMessage, Receipt, Reject, Unsure, WriteBack
from crossdock.registry import Registry
from crossdock.standing import Mode
from crossdock.store import target_book, told
from crossdock.store.tables import approvals, audit, dead_letters, write_backs
from crossdock.store.tables import exchanges as register

TENANT = "main"
SAMPLE = Path(receiving.__file__).parents[1] / "mappings/inbound/x12_855/samples/backorder_with_new_date.edi"

ROUTES = """
[[rule]]
id = "not-waiting"
when = { code = "INV.BACKORDER" }
queue = "triage"
owner = "o"
priority = 20
actions = ["erp:note", { do = "partner:x12_860", change = "cancel_line" }]
because = "{title}"

[[rule]]
id = "rest"
queue = "triage"
owner = "o"
priority = 60
because = "{title}"
"""


@pytest.fixture
def hub(store, clock, tmp_path, monkeypatch):
    """A hub that has written an 860 to a supplier, and a note to the ERP."""
    (tmp_path / "queues.toml").write_text('[queues]\ntriage = "T"\n')
    (tmp_path / "main.toml").write_text(ROUTES)
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(tmp_path))
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(
            Hub.open(
                store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
            )
        )
        message = RawMessage(
            tenant=TENANT,
            source="supplier_edi",
            key="1",
            body=SAMPLE.read_bytes(),
            media_type="application/edi-x12",
            received_at=clock.now(),
            name=SAMPLE.name,
        )
        receiving.accept(hub.store, message, clock=clock)
        hub.process()
        yield hub


def row_of(hub: Hub, operation: str):
    (found,) = [row for row in rows(hub) if row.operation == operation and not links(row)]
    return found


def rows(hub: Hub):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(write_backs).order_by(write_backs.c.created_at)).all()


def links(row) -> dict[str, str]:
    return {name: value for name, value in row.headers.items() if name in ("resend_of", "reissue_of")}


def state(hub: Hub, row_id: uuid.UUID, *states: str) -> None:
    """Bring a write-back through these states, as its delivery would."""
    with hub.store.transaction(TENANT) as connection:
        for name in states:
            connection.execute(
                sa.update(write_backs)
                .where(write_backs.c.id == row_id)
                .values(
                    state=name,
                    next_attempt_at=None,
                    receipt={"reference": "x"} if name == "delivered" else None,
                )
            )
        if states[-1] == "delivered":
            exchanges.note_delivered(connection, TENANT, row_id, hub.partners, hub.clock.now())


def registered(hub: Hub) -> dict[str, tuple[str, str]]:
    """Interchange number to state and write-back, of the documents in the register."""
    with hub.store.transaction(TENANT) as connection:
        found = connection.execute(sa.select(register).where(register.c.direction == "out")).all()
    return {
        one.interchange_number: (one.state, str(one.write_back_id)) for one in found if one.set_id == "860"
    }


def resend(hub: Hub, row_id: uuid.UUID, reason: str = "lost by the partner") -> sent_again.Again:
    with hub.store.transaction(TENANT) as connection:
        return sent_again.resend(
            connection, tenant=TENANT, write_back_id=row_id, actor="ann", reason=reason, now=hub.clock.now()
        )


def reissue(hub: Hub, row_id: uuid.UUID, reason: str = "its number was used by a test") -> sent_again.Again:
    with hub.store.transaction(TENANT) as connection:
        return sent_again.reissue(
            connection,
            tenant=TENANT,
            write_back_id=row_id,
            partners=hub.partners,
            actor="ann",
            reason=reason,
            now=hub.clock.now(),
        )


def audited(hub: Hub, action: str):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(audit).where(audit.c.action == action)).all()


def test_a_resend_is_the_same_bytes_in_a_write_back_of_its_own(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    done = resend(hub, first.id)
    (again,) = [row for row in rows(hub) if row.id == done.id]
    assert bytes(again.body) == bytes(first.body)
    assert links(again) == {"resend_of": str(first.id)}
    assert (again.state, again.target, again.subject) == ("ready", first.target, first.subject)
    assert (again.case_id, again.decision_id) == (first.case_id, first.decision_id)
    assert again.idempotency_key != first.idempotency_key
    assert len(registered(hub)) == 1, "the same numbers are the same exchange"
    (noted,) = audited(hub, "write_back.resend")
    assert (noted.actor, noted.reason, noted.object_id) == ("ann", "lost by the partner", str(first.id))
    assert noted.detail["new"] == str(done.id)


def test_a_reissue_differs_in_its_control_numbers_and_in_nothing_else(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    done = reissue(hub, first.id)
    (again,) = [row for row in rows(hub) if row.id == done.id]
    assert links(again) == {"reissue_of": str(first.id)}
    before, after = (bytes(row.body).decode().split("~") for row in (first, again))
    different = [
        (one.split("*")[0], at)
        for one, other in zip(before, after, strict=True)
        for at, (mine, theirs) in enumerate(zip(one.split("*"), other.split("*"), strict=True))
        if mine != theirs
    ]
    assert different == [("ISA", 13), ("GS", 6), ("ST", 2), ("SE", 2), ("GE", 2), ("IEA", 2)]
    assert differences(bytes(again.body)) == []
    assert done.interchange == f"{int(interchange_number(bytes(first.body))) + 1 + answers(hub):09}"
    (noted,) = audited(hub, "write_back.reissue")
    assert noted.detail == {
        "new": str(done.id),
        "interchange": done.interchange,
        "was": interchange_number(bytes(first.body)),
    }


def answers(hub: Hub) -> int:
    """The acknowledgements that took numbers after the document."""
    first = interchange_number(bytes(row_of(hub, "x12_860").body))
    return sum(interchange_number(bytes(row.body)) > first for row in rows(hub) if row.operation == "997")


def test_the_answer_to_what_was_reissued_is_no_longer_waited_for(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    old = interchange_number(bytes(first.body))
    assert registered(hub)[old][0] == "waiting"
    done = reissue(hub, first.id)
    assert registered(hub) == {old: ("cancelled", str(first.id)), done.interchange: ("unsent", str(done.id))}


def test_what_was_resent_and_then_reissued_gives_up_the_first_numbers(hub, clock):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    second = resend(hub, first.id)
    state(hub, second.id, "sending", "delivered")
    done = reissue(hub, second.id)
    old = interchange_number(bytes(first.body))
    assert registered(hub)[old][0] == "cancelled"
    assert registered(hub)[done.interchange][0] == "unsent"
    (again,) = [row for row in rows(hub) if row.id == done.id]
    assert links(again) == {"reissue_of": str(second.id)}


def test_what_the_target_refused_may_be_sent_again(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "rejected")
    assert resend(hub, first.id).of == first.id


def test_one_may_be_sent_again_twice_but_not_while_it_is_on_its_way(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    second = resend(hub, first.id)
    with pytest.raises(NotPossible, match=f"on its way again already, as {second.id}"):
        resend(hub, first.id)
    with pytest.raises(NotPossible, match="on its way again already"):
        reissue(hub, first.id)
    state(hub, second.id, "sending", "delivered")
    assert resend(hub, first.id).id not in (first.id, second.id)


@pytest.mark.parametrize(
    ("states", "instead"),
    [
        ((), "has not left yet"),
        (("sending",), "is being sent at this moment"),
        (("sending", "unsure"), "crossdock unknown did-not-happen"),
        (("sending", "exhausted"), "crossdock dead-letters replay"),
        (("discarded",), "decide the case again"),
    ],
)
def test_what_did_not_arrive_is_not_sent_again_but_told_what_to_do(hub, states, instead):
    first = row_of(hub, "x12_860")
    if states:
        state(hub, first.id, *states)
    for again in (resend, reissue):
        with pytest.raises(NotPossible, match=instead):
            again(hub, first.id)
    assert audited(hub, "write_back.resend") == []


def test_what_is_no_interchange_is_not_sent_again(hub):
    note = row_of(hub, "note")
    state(hub, note.id, "sending", "delivered")
    for again in (resend, reissue):
        with pytest.raises(NotPossible, match="only an interchange is re"):
            again(hub, note.id)


def test_without_a_reason_nothing_is_sent_again(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    for again in (resend, reissue):
        with pytest.raises(NotPossible, match="--reason"):
            again(hub, first.id, "  ")
    with pytest.raises(CrossdockError, match="there is no write-back"):
        resend(hub, uuid.UUID(int=7))


def test_a_reissue_that_fails_takes_no_number(hub, monkeypatch):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    monkeypatch.setattr(sent_again.outgoing, "renumbered", _fails)
    with pytest.raises(CrossdockError, match="cannot be read"):
        reissue(hub, first.id)
    monkeypatch.undo()
    assert (
        reissue(hub, first.id).interchange
        == f"{int(interchange_number(bytes(first.body))) + 1 + answers(hub):09}"
    )


def _fails(*_: object, **__: object) -> bytes:
    raise CrossdockError("it cannot be read")


def test_an_acknowledgement_with_several_groups_is_renumbered_whole():
    body = (
        b"ISA*00*          *00*          *ZZ*CROSSDOCK      *ZZ*ACMESUPPLY     *261120*1402*U*00401"
        b"*000000007*0*P*>~\n"
        b"GS*FA*CROSSDOCK*ACMESUPPLY*20261120*1402*9*X*004010~\n"
        b"ST*997*0003~\nAK1*PR*57~\nAK9*A*1*1*1~\nSE*4*0003~\n"
        b"ST*997*0004~\nAK1*PR*58~\nAK9*A*1*1*1~\nSE*4*0004~\nGE*2*9~\n"
        b"GS*FA*CROSSDOCK*ACMESUPPLY*20261120*1402*10*X*004010~\n"
        b"ST*997*0005~\nAK1*PR*59~\nAK9*A*1*1*1~\nSE*4*0005~\nGE*1*10~\nIEA*2*000000007~\n"
    )
    again = renumbered(body, interchange=21, group=31, first_set=41)
    items = list(read(again))
    assert [item.control_number for item in items if isinstance(item, Interchange)] == ["000000021"]
    sets = [item for item in items if isinstance(item, TransactionSet)]
    assert [(one.group.control_number, one.control_number) for one in sets] == [
        ("31", "0041"), ("31", "0042"), ("32", "0043"),
    ]  # fmt: skip
    assert [one.segments[1][2] for one in sets] == ["57", "58", "59"], "what it answers stays"
    assert renumbered(again, interchange=7, group=9, first_set=3) == body


# ── a target that answers, attempt by attempt ────────────────────────────────────────────────────────────────


class Answering:
    """The partner's server: it says these outcomes one after another."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.bodies: list[bytes] = []

    def deliver(self, write_back: WriteBack) -> Outcome:
        if write_back.operation != "x12_860":
            return YES
        self.bodies.append(write_back.body)
        return self.outcomes.pop(0)

    def close(self) -> None: ...


YES = Delivered(receipt=Receipt(reference="there"))
NO = Reject(reason="550: the directory is closed")
SILENCE = Unsure(reason="it hung up")


def delivered(hub: Hub, *outcomes: Outcome) -> Answering:
    """Deliver what is due; the target says these outcomes of our documents."""
    sink = Answering(*outcomes)
    manifest = hub.registry.manifest("supplier_edi")
    assert manifest.sink is not None
    manifest = replace(manifest, sink=replace(manifest.sink, idempotency="none"))
    hub.registry._manifests["supplier_edi"] = manifest  # who agrees and who delivers know the same of it
    deliverer = Deliverer(
        store=hub.store,
        tenant=TENANT,
        manifest=manifest,
        sink=sink,
        clock=hub.clock,
        dice=random.Random(1),
        lease=timedelta(minutes=5),
        partners=hub.partners,
    )
    while deliverer.deliver_batch()["attempts"]:
        pass
    assert sink.outcomes == [], "every outcome was asked for"
    return sink


def letters(hub: Hub, state: str) -> list:
    with hub.store.transaction(TENANT) as connection:
        statement = (
            sa.select(dead_letters)
            .where(dead_letters.c.write_back_id.is_not(None), dead_letters.c.state == state)
            .order_by(dead_letters.c.created_at)
        )
        return list(connection.execute(statement))


def replay(hub: Hub, letter_id: uuid.UUID, **more: bool) -> None:
    with hub.store.transaction(TENANT) as connection:
        deadletters.replay(
            connection, tenant=TENANT, letter_id=letter_id, actor="bob", now=hub.clock.now(), **more
        )


def discard(hub: Hub, letter_id: uuid.UUID) -> None:
    with hub.store.transaction(TENANT) as connection:
        deadletters.discard(
            connection,
            tenant=TENANT,
            letter_id=letter_id,
            actor="bob",
            reason="agreed by phone",
            now=hub.clock.now(),
        )


def state_of(hub: Hub, row_id: uuid.UUID) -> str:
    (found,) = [row.state for row in rows(hub) if row.id == row_id]
    return found


def test_the_answer_to_what_was_refused_and_resent_is_waited_for_from_its_delivery_on(hub, clock):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    number = interchange_number(bytes(first.body))
    assert registered(hub) == {number: ("unsent", str(first.id))}
    clock.advance(timedelta(hours=2))
    resend(hub, first.id)
    sink = delivered(hub, YES)
    assert sink.bodies == [bytes(first.body)]
    assert registered(hub) == {number: ("waiting", str(first.id))}
    with hub.store.transaction(TENANT) as connection:
        (due,) = connection.scalars(sa.select(register.c.answer_due_at).where(register.c.state == "waiting"))
    assert due > clock.now(), "the time begins when it left"


def test_the_answer_to_a_resend_of_a_resend_is_waited_for(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    second = resend(hub, first.id)
    delivered(hub, NO)
    resend(hub, second.id)
    delivered(hub, YES)
    assert [state for state, _ in registered(hub).values()] == ["waiting"]


@pytest.mark.parametrize("which", ["first", "second"])
def test_what_may_have_arrived_is_not_sent_again_until_a_person_looked(hub, which):
    first = row_of(hub, "x12_860")
    delivered(hub, YES)
    second = resend(hub, first.id)
    delivered(hub, SILENCE)
    assert state_of(hub, second.id) == "unsure"
    about = first.id if which == "first" else second.id
    for again in (resend, reissue):
        with pytest.raises(NotPossible, match=r"unknown: look at the target, .* did-not-happen"):
            again(hub, about)
    assert len(registered(hub)) == 1, "no number was taken"
    (letter,) = letters(hub, "open")
    asked = hub.unknowns.did_not_happen(letter.write_back_id, "ann", "their mailbox is empty")
    hub.approvals.agree(asked, "bob", "I looked too")
    delivered(hub, YES)
    assert resend(hub, about).of == about, "two people looked, and it is known now"


def test_once_a_person_discards_what_is_unknown_the_first_may_be_sent_again(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, YES)
    resend(hub, first.id)
    delivered(hub, SILENCE)
    (letter,) = letters(hub, "open")
    discard(hub, letter.id)
    assert [state for state, _ in registered(hub).values()] == ["waiting"], "the first did arrive"
    assert resend(hub, first.id).of == first.id


def test_what_never_arrived_the_second_time_is_run_again_and_not_sent_a_third_time(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    second = resend(hub, first.id)
    state(hub, second.id, "sending", "exhausted")
    for again in (resend, reissue):
        with pytest.raises(NotPossible, match=f"as {second.id}, which never arrived"):
            again(hub, first.id)


def test_nothing_of_a_family_leaves_while_one_of_it_is_on_its_way(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    second = resend(hub, first.id)
    state(hub, second.id, "sending", "delivered")
    third = reissue(hub, second.id)
    for about in (first.id, second.id):
        for again in (resend, reissue):
            with pytest.raises(NotPossible, match=f"on its way again already, as {third.id}"):
                again(hub, about)
    state(hub, third.id, "sending", "delivered")
    fourth = reissue(hub, first.id)
    states = {number: said for number, (said, _) in registered(hub).items()}
    assert states.pop(fourth.interchange) == "unsent"
    assert set(states.values()) == {"cancelled"}, "only the newest is waited for"


def test_what_was_reissued_is_not_resent_under_the_numbers_that_were_given_up(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    second = reissue(hub, first.id)
    delivered(hub, YES)
    with pytest.raises(NotPossible, match="resend what it was reissued as, or reissue it"):
        resend(hub, first.id)
    assert resend(hub, second.id).of == second.id


@pytest.mark.parametrize(("again", "word"), [(resend, "resent"), (reissue, "reissued")])
def test_the_dead_letter_of_what_was_refused_is_settled_when_it_leaves_again(hub, again, word):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    (letter,) = letters(hub, "open")
    done = again(hub, first.id, "they opened the directory")
    assert letters(hub, "open") == []
    (settled,) = letters(hub, "replayed")
    assert (settled.id, settled.closed_by) == (letter.id, "ann")
    assert settled.reason == f"{word} as write-back {done.id}: they opened the directory"
    (noted,) = audited(hub, f"dead_letter.{word}")
    assert (noted.object_id, noted.actor, noted.reason) == (
        str(letter.id),
        "ann",
        "they opened the directory",
    )
    assert (noted.detail["write_back"], noted.detail["new"]) == (str(first.id), str(done.id))
    with pytest.raises(NotPossible, match=f"{word} as write-back {done.id}"):
        replay(hub, letter.id)
    assert state_of(hub, first.id) == "rejected", "what became of the first stays on record"


@pytest.mark.parametrize("again", [resend, reissue])
def test_what_is_refused_again_is_an_open_letter_that_says_of_which(hub, again):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    second = again(hub, first.id)
    delivered(hub, NO)
    (letter,) = letters(hub, "open")
    assert letter.write_back_id == second.id
    assert f"it sends write-back {first.id} again" in letter.sentence
    third = again(hub, second.id)
    assert letters(hub, "open") == [], "one trouble, one open letter"
    assert [one.write_back_id for one in letters(hub, "replayed")] == [first.id, second.id]
    delivered(hub, YES)
    assert registered(hub)[third.interchange][0] == "waiting"


def test_a_refused_resend_that_is_discarded_ends_the_wait_for_what_never_left(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    resend(hub, first.id)
    delivered(hub, NO)
    (letter,) = letters(hub, "open")
    discard(hub, letter.id)
    assert [said for said, _ in registered(hub).values()] == ["cancelled"]


def test_what_was_refused_and_resent_is_said_and_not_said_anew(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, NO)
    with hub.store.transaction(TENANT) as connection:
        assert not told.still_holds(connection, TENANT, first.id)
    resend(hub, first.id)
    with hub.store.transaction(TENANT) as connection:
        assert told.still_holds(connection, TENANT, first.id)


def test_of_two_who_send_the_same_again_at_once_one_is_refused(hub):
    first = row_of(hub, "x12_860")
    state(hub, first.id, "sending", "delivered")
    second = resend(hub, first.id)
    state(hub, second.id, "sending", "delivered")
    together = threading.Barrier(2)

    def go(about: uuid.UUID) -> str:
        together.wait()
        try:
            resend(hub, about)
        except NotPossible as error:
            return str(error)
        return "sent"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(go, (first.id, second.id)))
    assert sorted(one == "sent" for one in said) == [False, True]
    assert any("on its way again already" in one for one in said)


@pytest.fixture
def gated(monkeypatch):
    """The row wants a person's yes for its document."""
    do = re.search(r"^actions = .*\n", ROUTES, re.MULTILINE)[0]
    monkeypatch.setitem(globals(), "ROUTES", ROUTES.replace(do, f'{do}approve = ["partner:x12_860"]\n', 1))


@pytest.mark.parametrize("again", [resend, reissue])
def test_a_document_that_needs_a_yes_needs_one_each_time_that_it_is_sent(gated, hub, again):
    first = row_of(hub, "x12_860")
    assert first.state == "awaiting_approval"
    delivered(hub)
    assert state_of(hub, first.id) == "awaiting_approval"
    hub.approvals.agree(asked_about(hub, first.id), "dan", "the supplier knows")
    delivered(hub, YES)
    assert state_of(hub, first.id) == "delivered"
    second = again(hub, first.id)
    assert state_of(hub, second.id) == "awaiting_approval"
    request = asked_about(hub, second.id)
    with pytest.raises(NotPossible, match="is the same person"):
        hub.approvals.agree(request, "Ann", "I ask and I agree")
    hub.approvals.agree(request, "dan", "they lost it, I heard")
    delivered(hub, YES)
    assert state_of(hub, second.id) == "delivered"


def test_a_no_to_a_reissue_leaves_the_answer_to_the_first_one_waited_for(gated, hub):
    first = row_of(hub, "x12_860")
    hub.approvals.agree(asked_about(hub, first.id), "dan", "the supplier knows")
    delivered(hub, YES)
    number = interchange_number(bytes(first.body))
    second = reissue(hub, first.id)
    assert registered(hub)[number][0] == "waiting", "nothing else left yet"
    hub.approvals.decline(asked_about(hub, second.id), "dan", "they have it after all")
    assert registered(hub) == {
        number: ("waiting", str(first.id)),
        second.interchange: ("cancelled", str(second.id)),
    }
    third = reissue(hub, first.id)
    hub.approvals.agree(asked_about(hub, third.id), "dan", "now they do not")
    delivered(hub, YES)
    assert registered(hub)[number][0] == "cancelled"
    assert registered(hub)[third.interchange] == ("waiting", str(third.id))


def test_a_no_to_a_resend_of_what_was_refused_ends_the_wait_for_what_never_left(gated, hub):
    first = row_of(hub, "x12_860")
    hub.approvals.agree(asked_about(hub, first.id), "dan", "the supplier knows")
    delivered(hub, NO)
    second = resend(hub, first.id)
    hub.approvals.decline(asked_about(hub, second.id), "dan", "called them")
    assert [said for said, _ in registered(hub).values()] == ["cancelled"]


def test_a_document_of_a_target_in_shadow_is_answered_by_nobody(hub):
    first = row_of(hub, "x12_860")
    with hub.store.transaction(TENANT) as connection:
        before = target_book.hold(connection, TENANT, first.target)
        target_book.save(connection, TENANT, first.target, before, before.in_mode(Mode.SHADOW))
    sink = delivered(hub)
    assert (sink.bodies, state_of(hub, first.id)) == ([], "shadowed")
    assert [said for said, _ in registered(hub).values()] == ["cancelled"]


def test_a_resend_in_shadow_takes_nothing_from_the_first_one_that_left(hub):
    first = row_of(hub, "x12_860")
    delivered(hub, YES)
    resend(hub, first.id)
    with hub.store.transaction(TENANT) as connection:
        before = target_book.hold(connection, TENANT, first.target)
        target_book.save(connection, TENANT, first.target, before, before.in_mode(Mode.SHADOW))
    delivered(hub)
    assert [said for said, _ in registered(hub).values()] == ["waiting"]


def asked_about(hub: Hub, write_back_id: uuid.UUID) -> uuid.UUID:
    with hub.store.transaction(TENANT) as connection:
        statement = sa.select(approvals.c.id).where(
            approvals.c.write_back_id == write_back_id, approvals.c.state == "asked"
        )
        return connection.execute(statement).scalar_one()
