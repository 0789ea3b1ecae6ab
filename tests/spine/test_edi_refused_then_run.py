"""A set that no mapping reads is refused and runs once the mapping is there; and the partner may send it again."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from crossdock import deadletters
from crossdock import receive as receiving
from crossdock.formats.x12 import TransactionSet, read
from crossdock.hub import Hub
from crossdock.mapping import InboundMapping
from crossdock.messages import RawMessage
from crossdock.partners import Partners, Window
from crossdock.registry import Registry
from crossdock.store.tables import cases, dead_letters, exchanges, facts, parts, write_backs

TENANT = "main"
ORDER = Path(receiving.__file__).parents[1] / "mappings/inbound/x12_850/samples/clean.edi"
WORD = "set:x12/850"


class Lacking(Registry):
    """A registry in which nobody has written the mapping of the 850 yet."""

    there = False

    def inbound(self, document: str) -> InboundMapping | None:
        return super().inbound(document) if self.there or document != "x12/850" else None


@pytest.fixture
def registry():
    return Lacking()


@pytest.fixture
def hub(store, clock, registry):
    with contextlib.ExitStack() as stack:
        hub = Hub.open(
            store=store, registry=registry, clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
        )
        yield stack.enter_context(hub)


def take(hub: Hub, key: str, *changes: tuple[bytes, bytes]) -> None:
    """The order comes, with these changes of its bytes."""
    body = ORDER.read_bytes()
    for before, after in changes:
        assert before in body
        body = body.replace(before, after)
    message = RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key=key,
        body=body,
        media_type="application/edi-x12",
        received_at=hub.clock.now(),
        name=f"{key}.edi",
    )
    receiving.accept(hub.store, message, clock=hub.clock)
    hub.process()
    hub.clock.advance(timedelta(minutes=10))


NEW_FILE = ((b"*000000501*", b"*000000777*"), (b"1*000000501~", b"1*000000777~"))
"""Another interchange number; group and set keep theirs."""
NEW_NUMBERS = (*NEW_FILE, (b"*501*X*", b"*777*X*"), (b"GE*1*501~", b"GE*1*777~"))


def rows(hub: Hub, table: sa.Table, *order: sa.Column):
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(table).order_by(*order)).all()


def told(hub: Hub) -> list[str]:
    """AK5 of what we answered, in order."""
    found = []
    for row in rows(hub, write_backs, write_backs.c.created_at):
        if row.operation in ("997", "TA1"):
            sets = [item for item in read(bytes(row.body)) if isinstance(item, TransactionSet)]
            found += [segment[1] for one in sets for segment in one.segments if segment[0] in ("AK5", "AK9")]
            found += [] if sets else ["TA1"]
    return found


def states(hub: Hub) -> list[str]:
    return sorted(row.state for row in rows(hub, parts))


def orders(hub: Hub) -> int:
    return sum(row.kind == "ordered" for row in rows(hub, facts))


def codes(hub: Hub) -> list[str]:
    return sorted(row.code for row in rows(hub, cases) if row.code.startswith(("EDI", "ORD.DUP")))


def test_it_is_refused_and_runs_once_the_mapping_is_there_and_nobody_is_told_twice(hub, registry):
    take(hub, "1")
    assert (states(hub), told(hub), orders(hub)) == (["rejected"], ["R", "R"], 0)
    hub.process()
    assert states(hub) == ["rejected"], "nothing is known yet"
    registry.there = True
    hub.process()
    assert (states(hub), told(hub), orders(hub)) == (["processed"], ["R", "R"], 1)
    (row,) = [one for one in rows(hub, exchanges) if one.direction == "in"]
    assert (row.answer["told"], "run_at" in row.answer) == ("R", True), (
        "what was told stays, and what became of it"
    )
    before = rows(hub, exchanges)
    hub.process()
    assert rows(hub, exchanges) == before


@pytest.mark.parametrize("known", ["before", "after"])
@pytest.mark.parametrize(
    ("changes", "orders_", "answer", "about"),
    [
        ((), 1, [], []),
        (((b"*1402*U", b"*1403*U"),), 1, ["TA1"], ["EDI.DUPLICATE_CONTROL"]),
        (NEW_FILE, 2, ["A", "A"], ["EDI.DUPLICATE_CONTROL", "ORD.DUPLICATE"]),
        (NEW_NUMBERS, 2, ["A", "A"], ["ORD.DUPLICATE"]),
    ],
    ids=["the same bytes", "the same interchange", "the same group", "new numbers"],
)
def test_what_the_partner_sends_again_is_known_as_a_repeat(
    hub, registry, known, changes, orders_, answer, about
):
    take(hub, "1")
    key = "2" if changes else "1"  # a file is known by its content
    if known == "before":  # the first runs, and then the second comes
        registry.there = True
        hub.process()
        take(hub, key, *changes)
    else:  # both wait
        take(hub, key, *changes)
        registry.there = True
        hub.process()
        answer = ["R", "R"] if answer else []
    assert told(hub) == ["R", "R", *answer]
    assert orders(hub) == orders_
    assert codes(hub) == about


def test_a_partner_whose_numbers_never_come_twice_is_refused_the_second(hub, registry):
    never = Window(within=timedelta(days=30), then="reject")
    lakeside = hub.partners.named("lakeside_retail")
    strict = replace(lakeside, duplicates=replace(lakeside.duplicates, set=never, group=never))
    hub.__dict__["partners"] = Partners((strict,), {identity: strict for identity in strict.ids}, {})
    take(hub, "1")
    registry.there = True
    hub.process()
    take(hub, "2", *NEW_FILE)
    assert (states(hub), orders(hub)) == (["processed", "rejected"], 1)
    assert codes(hub) == ["EDI.DUPLICATE_CONTROL"]


def test_until_it_is_run_its_numbers_are_free_for_the_correct_one(hub, registry):
    take(hub, "1")
    (letter,) = rows(hub, dead_letters)
    with hub.store.transaction(TENANT) as connection:
        deadletters.discard(
            connection,
            tenant=TENANT,
            letter_id=letter.id,
            actor="ann",
            reason="they send it as an 850 of ours",
            now=hub.clock.now(),
        )
    registry.there = True
    hub.process()
    assert orders(hub) == 0
    take(hub, "2", *NEW_FILE)
    assert (orders(hub), codes(hub)) == (1, [])


def test_the_group_says_of_how_many_the_partner_was_told(hub):
    take(hub, "1")
    take(hub, "2", *NEW_NUMBERS)
    take(hub, "3", (b"ZZ*LAKESIDE ", b"ZZ*NOBODY   "))
    groups = {one.blocked_by: one for one in hub.blocked.groups()}
    assert (groups[WORD].count, groups[WORD].told_refused) == (2, 2)
    assert groups["partner:ZZ/NOBODY"].told_refused == 0, "of whom we know nothing we tell nothing"


def test_who_is_never_answered_was_told_nothing(hub):
    silent = replace(hub.partners.named("lakeside_retail"), acknowledge="none")
    hub.__dict__["partners"] = Partners((silent,), {identity: silent for identity in silent.ids}, {})
    take(hub, "1")
    (group,) = hub.blocked.groups()
    assert (group.count, group.told_refused) == (1, 0)
