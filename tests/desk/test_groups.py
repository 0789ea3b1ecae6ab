"""Letters of one cause are one group: how it stands, and what happens when it comes back."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.deadletters import NotPossible
from crossdock.errors import Misconfigured
from crossdock.hub import Hub
from crossdock.store.groups import get_group, list_groups
from crossdock.store.tables import audit, dead_letter_groups, dead_letters
from tests.attack.test_edi_order import a_set, interchange, take
from tests.desk.conftest import TENANT, Target, deliver, intents, rows

Refused = Callable[[int], list[Any]]


def more(store: Any, clock: Any, target: Target, number: int) -> None:
    """Another write-back that fails of the same cause."""
    intents(store, clock, 1, first=number)
    target.says = "no"
    deliver(store, clock, target)


def shown(hub: Hub, state: str | None = None) -> list[tuple[Any, ...]]:
    with hub.store.transaction(TENANT) as connection:
        page = list_groups(connection, TENANT, now=hub.clock.now(), state=state)
    return [(row["state"], row["here"], row["count"], bool(row["regressed_at"])) for row in page.items]


def test_failures_that_differ_in_numbers_alone_are_one_cause(hub: Hub, store: Any, refused: Refused) -> None:
    refused(12)
    [group] = rows(store, dead_letter_groups)
    with hub.store.transaction(TENANT) as connection:
        [listed] = list_groups(connection, TENANT, now=hub.clock.now()).items
    newest = max(rows(store, dead_letters), key=lambda letter: (letter.created_at, letter.id))
    assert listed["newest"] == newest.sentence, "a person reads a cause in the words of a letter"
    assert (
        group.template == "target '…': <n> order supplier_po/<n> is closed"
        or "<n> order <n> is closed" in group.template
    )
    assert shown(hub) == [("open", 12, 12, False)]
    assert {row.group_id for row in rows(store, dead_letters)} == {group.id}


def test_a_cause_that_was_resolved_and_comes_back_says_so(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    refused(2)
    [group] = rows(store, dead_letter_groups)
    hub.desk.move_group(group.id, "acknowledged", actor="anna")
    hub.desk.move_group(group.id, "resolved", actor="anna", reason="the order was opened")
    assert shown(hub) == [] and shown(hub, "resolved") == [("resolved", 2, 2, False)]
    clock.advance(timedelta(hours=1))
    more(store, clock, target, 7)
    assert shown(hub) == [("open", 3, 3, True)]
    [group] = rows(store, dead_letter_groups)
    assert (group.regressed_at, group.changed_by) == (clock.now(), "crossdock")
    assert sorted(row.action for row in rows(store, audit)) == [
        "dead_letter_group.acknowledge",
        "dead_letter_group.resolve",
    ]
    hub.desk.move_group(group.id, "resolved", actor="ben", reason="really")
    assert shown(hub, "resolved") == [("resolved", 3, 3, False)]


def test_a_cause_that_is_ignored_is_quiet_for_its_time_and_open_after_it(
    hub: Hub, store: Any, clock: Any, target: Target, refused: Refused
) -> None:
    refused(1)
    [group] = rows(store, dead_letter_groups)
    until = clock.now() + timedelta(days=7)
    hub.desk.move_group(group.id, "ignored", actor="anna", reason="next week", until=until)
    clock.advance(timedelta(days=1))
    more(store, clock, target, 5)
    assert shown(hub) == [] and shown(hub, "ignored") == [("ignored", 2, 2, False)]
    clock.advance(timedelta(days=7))
    assert shown(hub) == [("open", 2, 2, False)], "its time is over, although nothing new came"
    more(store, clock, target, 6)
    [group] = rows(store, dead_letter_groups)
    assert (group.state, group.ignored_until, group.regressed_at) == ("open", None, None)


def test_what_closes_an_eye_wants_a_reason_and_a_time_to_come(hub: Hub, store: Any, refused: Refused) -> None:
    refused(1)
    [group] = rows(store, dead_letter_groups)
    for state, reason, until, why in (
        ("resolved", " ", None, "with a reason"),
        ("ignored", "", hub.clock.now() + timedelta(1), "with a reason"),
        ("ignored", "r", None, "still to come"),
        ("ignored", "r", hub.clock.now(), "still to come"),
    ):
        with pytest.raises(NotPossible, match=why):
            hub.desk.move_group(group.id, state, actor="anna", reason=reason, until=until)
    with pytest.raises(Misconfigured, match="there is no group"):
        hub.desk.move_group(rows(store, dead_letters)[0].id, "open", actor="anna")
    hub.desk.move_group(group.id, "resolved", actor="anna", reason="r")
    with pytest.raises(NotPossible, match="is resolved, from where it goes on to open"):
        hub.desk.move_group(group.id, "acknowledged", actor="anna")


def test_every_room_puts_its_letters_into_groups(hub: Hub, store: Any, refused: Refused) -> None:
    refused(1)
    wrong = a_set("855", 1, "BAK*00*AT*46000001*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*QQ*10*EA", "CTT*1")
    take(hub, "wrong", interchange(1, wrong))
    take(hub, "broken", b"ISA*00*")
    hub.process()
    kinds = {(row.id, row.stage, row.source) for row in rows(store, dead_letter_groups)}
    letters = rows(store, dead_letters)
    assert len(letters) == 3
    assert {(row.group_id, row.stage, row.source) for row in letters} == kinds
    assert {stage for _, stage, _ in kinds} == {"deliver", "normalize"}


def test_nobody_resolves_a_cause_while_a_letter_is_being_put_into_it(
    hub: Hub, store: Any, clock: Any, refused: Refused
) -> None:
    """Else the letter would lie in a group that is resolved, and nobody would hear of it."""
    from crossdock.store.letters import add_dead_letters

    refused(1)
    [letter] = rows(store, dead_letters)
    fresh = {
        name: getattr(letter, name)
        for name in ("tenant", "source", "stage", "code", "error_class", "sentence", "remedy", "place", "label",
                     "part", "attempts", "versions", "blocked_by")
    }  # fmt: skip
    row = {**fresh, "id": letter.group_id, "raw_id": letter.id, "write_back_id": None, "part": 0, "state": "open",
           "created_at": clock.now()}  # fmt: skip
    done = threading.Event()

    def resolve() -> None:
        hub.desk.move_group(letter.group_id, "resolved", actor="anna", reason="r")
        done.set()

    with store.transaction(TENANT) as connection:
        add_dead_letters(connection, [row])
        other = threading.Thread(target=resolve)
        other.start()
        assert not done.wait(0.5)
    other.join(10)
    assert done.is_set()
    with store.transaction(TENANT) as connection:
        found = get_group(connection, TENANT, letter.group_id, now=clock.now())
        assert connection.scalar(sa.select(dead_letter_groups.c.state)) == "resolved"
    assert found["here"] == 2
