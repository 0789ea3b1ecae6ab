"""Edit and replay: a new version beside the original, which never changes."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.deadletters import NotPossible
from crossdock.hub import Hub
from crossdock.mending import difference, mended
from crossdock.messages import derived_id
from crossdock.store import outbox
from crossdock.store.payloads import Piece
from crossdock.store.tables import (
    audit,
    dead_letters,
    events,
    facts,
    parts,
    payload_versions,
    raw_messages,
    write_backs,
)
from tests.attack.test_edi_order import a_set, balance, interchange, take
from tests.desk.conftest import Target, deliver, intents, manifest, rows

ORDER = ("BAK*00*AT*46000001*20261120", "PO1*1*10*EA*2.5**VN*V-1")
GOOD = a_set("855", 1, *ORDER, "ACK*IA*10*EA", "CTT*1")
WRONG = GOOD.replace("ACK*IA", "ACK*QQ")
BESIDE = a_set("855", 2, "BAK*00*AT*46000002*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*IA*10*EA", "CTT*1")


@pytest.fixture
def broken(hub: Hub) -> Any:
    """A message of two sets, of which one has a code that nobody knows; its letter."""
    take(hub, "two", interchange(1, WRONG, BESIDE))
    hub.process()
    [letter] = rows(hub.store, dead_letters)
    return letter


def bytes_of(hub: Hub, letter: Any) -> bytes:
    from crossdock.store import queries

    with hub.store.transaction("main") as connection:
        return queries.body_of_dead_letter(connection, "main", letter.id)


def test_a_mended_part_runs_in_its_place_and_says_from_which_version_it_came(hub: Hub, broken: Any) -> None:
    [message] = rows(hub.store, raw_messages)
    spans = [(row.byte_offset, row.byte_length) for row in rows(hub.store, parts)]
    old = bytes_of(hub, broken)
    new = old.replace(b"ACK*QQ", b"ACK*IB")
    tried = hub.desk.edit(broken.id, new, actor="anna", only_try=True)
    assert "-ACK*QQ*10*EA~" in tried.diff and "+ACK*IB*10*EA~" in tried.diff
    assert not rows(hub.store, payload_versions)
    edited = hub.desk.edit(broken.id, new, actor="anna", reason="IB, says the supplier")
    hub.process()
    assert [row.state for row in rows(hub.store, parts)] == ["processed", "processed"]
    [version] = rows(hub.store, payload_versions)
    assert (version.number, version.actor, version.reason) == (2, "anna", "IB, says the supplier")
    assert version.diff == edited.diff
    said = [*rows(hub.store, events), *rows(hub.store, facts)]
    mine = [row for row in said if row.part == broken.part]
    beside = [row for row in said if row.part != broken.part]
    assert mine and beside
    assert {row.document["data"]["provenance"]["raw_sha256"] for row in mine} == {version.sha256}
    assert {row.document["data"]["provenance"]["raw_sha256"] for row in beside} == {message.sha256}
    assert rows(hub.store, raw_messages)[0].body == message.body, "bytes first, and for ever"
    assert [(row.byte_offset, row.byte_length) for row in rows(hub.store, parts)] == spans
    assert [row.action for row in rows(hub.store, audit)] == ["dead_letter.edit"]
    assert balance(hub) == []


def test_an_edit_that_fails_again_is_the_beginning_of_the_next(hub: Hub, broken: Any) -> None:
    old = bytes_of(hub, broken)
    hub.desk.edit(broken.id, old.replace(b"ACK*QQ", b"ACK*QX"), actor="anna", reason="a try")
    hub.process()
    [second] = [row for row in rows(hub.store, dead_letters) if row.state == "open"]
    assert (second.came_back_from, second.replays) == (broken.id, 1)
    third = hub.desk.edit(second.id, old.replace(b"ACK*QQ", b"ACK*IA"), actor="ben", reason="IA")
    assert third.number == 3 and "-ACK*QX*10*EA~" in third.diff
    hub.process()
    assert {row.state for row in rows(hub.store, parts)} == {"processed"}
    assert balance(hub) == []


def test_what_is_no_edit_is_refused(hub: Hub, broken: Any) -> None:
    old = bytes_of(hub, broken)
    for body, reason, why in (
        (old, "because", "nothing differs"),
        (old + b" ", "", "with a reason"),
        (b"", "because", "has 0 bytes"),
    ):
        with pytest.raises(NotPossible, match=why):
            hub.desk.edit(broken.id, body, actor="anna", reason=reason)
    hub.desk.edit(broken.id, old + b" ", actor="anna", reason="once")
    with pytest.raises(NotPossible, match="already"):
        hub.desk.edit(broken.id, old + b"  ", actor="ben", reason="twice")


def test_an_edited_write_back_is_another_one_and_the_dead_one_is_superseded(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Callable[[int], Any]
) -> None:
    [letter] = refused(1)
    new = json.dumps({"text": "late, by a week"}).encode()
    with pytest.raises(NotPossible, match="is no application/json"):
        hub.desk.edit(letter, b'{"text": ', actor="anna", reason="r")
    edited = hub.desk.edit(letter, new, actor="anna", reason="the ERP wants it in words")
    assert '- "text": "late"' in edited.diff and '+ "text": "late, by a week"' in edited.diff
    dead, alive = sorted(rows(store, write_backs), key=lambda row: row.id == edited.write_back_id)
    assert (dead.state, alive.state, alive.body) == ("superseded", "ready", new)
    assert alive.idempotency_key != dead.idempotency_key and dead.body == b'{"text":"late"}'
    target.says = "no"
    deliver(store, clock, target)
    [again] = [row for row in rows(store, dead_letters) if row.state == "open"]
    assert (again.came_back_from, again.replays) == (letter, 1)
    target.says = "yes"
    hub.replay(again.id, "anna")
    deliver(store, clock, target)
    assert target.effects == {"supplier_po/0": 1}


def test_what_is_edited_keeps_its_place_before_what_was_written_after_it(
    hub: Hub, store: Any, clock: Any, target: Target
) -> None:
    intents(store, clock, 1)
    target.says = "away"
    while not rows(store, dead_letters):
        deliver(store, clock, target)
        clock.advance(timedelta(hours=1))
    later = derived_id("later")
    with store.transaction("main") as connection:
        [old] = connection.execute(sa.select(write_backs)).all()
        words = {
            **old._mapping, "id": later, "idempotency_key": "later", "state": "ready", "attempt": 0, "fence": 0,
            "next_attempt_at": clock.now(), "body": b'{"text":"later"}',
        }  # fmt: skip
        del words["queued"]
        outbox.add_write_backs(connection, [words])
    hub.desk.edit(rows(store, dead_letters)[0].id, b'{"text":"mended"}', actor="anna", reason="r")
    target.says = "yes"
    deliver(store, clock, target)
    assert target.bodies == [b'{"text":"mended"}', b'{"text":"later"}']


def test_what_may_have_happened_is_not_said_otherwise(
    hub: Hub, store: Any, clock: Any, target: Target
) -> None:
    intents(store, clock, 1)
    target.says = "quiet"
    deliver(store, clock, target, manifest(idempotency="none"))
    [letter] = rows(store, dead_letters)
    with pytest.raises(NotPossible, match="its write-back is unsure"):
        hub.desk.edit(letter.id, b'{"text":"other"}', actor="anna", reason="r")
    assert len(rows(store, write_backs)) == 1


def test_the_original_and_the_versions_are_kept_by_the_database_itself(hub: Hub, broken: Any) -> None:
    hub.desk.edit(broken.id, bytes_of(hub, broken) + b" ", actor="anna", reason="r")
    for statement in (
        sa.update(payload_versions).values(body=b"other"),
        sa.update(raw_messages).values(body=b"other"),
    ):
        with pytest.raises(sa.exc.DBAPIError), hub.store.transaction("main") as connection:
            connection.execute(statement)


def test_pieces_stand_in_their_places_whatever_their_lengths() -> None:
    def piece(part: int, offset: int | None, length: int | None, body: bytes) -> Piece:
        return Piece(part=part, offset=offset, length=length, number=2, body=body)

    body = b"ISA~AAAA~BB~IEA~"
    assert mended(body, [piece(0, 4, 5, b"aaaaaaaa~"), piece(1, 9, 3, b"b~")]) == b"ISA~aaaaaaaa~b~IEA~"
    assert mended(body, [piece(0, None, None, b"whole")]) == b"whole"
    assert mended(body, []) == body


def test_a_difference_hides_passwords_and_ends() -> None:
    isa = "ISA*00*          *01*SECRET1234*ZZ*A              *ZZ*B              *261120*1400*U*00401*000000001*0*P*>~"
    shown = difference((isa + "GS*A~").encode(), (isa + "GS*B~").encode(), number=2)
    assert "SECRET1234" not in shown and "+GS*B~" in shown
    long = b"\n".join(b"line %d" % number for number in range(100_000))
    assert "too many lines" in difference(long, long[1:], number=2)
