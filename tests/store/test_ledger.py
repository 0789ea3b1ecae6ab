"""The conservation law in one view: nothing that was received is nowhere."""

import uuid

import pytest
import sqlalchemy as sa

from crossdock.store.guards import LEDGER
from crossdock.store.tables import PART_STATES, dead_letters, duplicates, parts, raw_messages, sources

BOOKS = [column.name for column in LEDGER.c if column.name not in ("tenant", "source")]


@pytest.fixture
def hub(store, add):
    return Hub(store, add)


class Hub:
    """What the steps write, in short words."""

    def __init__(self, store, add):
        self.store = store
        self._add = add

    def receives(self, total, source="edi"):
        self._add(self.store, sources, source=source, received_total=total)

    def stores(self, *part_states, source="edi", part_count=...):
        """A message with parts in these states; none: it is not split yet."""
        count = (len(part_states) or None) if part_count is ... else part_count
        raw = self._add(self.store, raw_messages, source=source, part_count=count)
        for ordinal, state in enumerate(part_states):
            self._add(self.store, parts, source=source, raw_id=raw["id"], ordinal=ordinal, state=state)
            if state in ("rejected", "dead_lettered"):
                self._add(self.store, dead_letters, source=source, raw_id=raw["id"], part=ordinal)
        return raw["id"]

    def sees_again(self, raw_id, source="edi"):
        self._add(self.store, duplicates, source=source, raw_id=raw_id)

    def ledger(self, source="edi"):
        """The columns that are not 0."""
        with self.store.transaction("main") as connection:
            row = connection.execute(sa.select(LEDGER).where(LEDGER.c.source == source)).mappings().one()
        return {name: row[name] for name in BOOKS if row[name] != 0}

    def run(self, statement):
        with self.store.transaction("main") as connection:
            connection.execute(statement)


def test_a_source_that_received_nothing_balances(hub):
    hub.receives(0)
    assert hub.ledger() == {}


def test_a_message_that_is_not_split_counts_as_one_in_flight(hub):
    hub.receives(2)
    hub.stores()
    hub.stores()
    assert hub.ledger() == {"received": 2, "in_flight": 2}


@pytest.mark.parametrize("state", PART_STATES)
def test_a_part_counts_in_its_state(hub, state):
    hub.receives(1)
    hub.stores(state)
    assert hub.ledger() == {"received": 1, state: 1}


def test_a_bad_set_between_two_good_ones(hub):
    hub.receives(1)
    hub.stores("processed", "dead_lettered", "processed")
    assert hub.ledger() == {"received": 3, "processed": 2, "dead_lettered": 1}


def test_a_repeat_counts_as_received_and_as_duplicate(hub):
    hub.receives(2)
    hub.sees_again(hub.stores("processed", "processed"))
    assert hub.ledger() == {"received": 3, "processed": 2, "duplicate": 1}


def test_sources_are_kept_apart(hub):
    hub.receives(1)
    hub.receives(1, source="erp")
    hub.stores("processed")
    hub.stores("rejected", source="erp")
    assert hub.ledger() == {"received": 1, "processed": 1}
    assert hub.ledger("erp") == {"received": 1, "rejected": 1}


def test_a_replay_and_a_discard_keep_the_balance(hub):
    hub.receives(1)
    hub.stores("dead_lettered", "rejected")
    hub.run(sa.update(parts).where(parts.c.ordinal == 0).values(state="in_flight"))
    hub.run(sa.update(parts).where(parts.c.ordinal == 1).values(state="discarded"))
    hub.run(sa.update(dead_letters).values(state="discarded", reason="the supplier sent it by mail"))
    assert hub.ledger() == {"received": 2, "in_flight": 1, "discarded": 1}


# ── what must show ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_receipt_without_a_message_shows(hub):
    hub.receives(2)
    hub.stores("processed")
    assert hub.ledger() == {"received": 2, "processed": 1, "balance": 1}


def test_a_message_that_no_source_counted_shows(hub):
    hub.stores("processed")
    assert hub.ledger() == {"processed": 1, "balance": -1}


def test_a_message_split_into_nothing_shows(hub):
    hub.receives(1)
    hub.stores(part_count=0)
    assert hub.ledger() == {"received": 1, "balance": 1}


def test_a_part_that_is_not_there_shows(hub):
    hub.receives(1)
    hub.stores("processed", part_count=2)
    assert hub.ledger() == {"received": 2, "processed": 1, "balance": 1, "missing_parts": 1}


def test_one_part_too_few_and_one_too_many_do_not_cancel_out(hub):
    hub.receives(2)
    hub.stores("processed", part_count=2)
    hub.stores("processed", "processed", "processed", part_count=2)
    assert hub.ledger() == {"received": 4, "processed": 4, "missing_parts": 2}


def test_a_part_set_aside_without_an_open_dead_letter_shows(hub):
    hub.receives(1)
    raw_id = hub.stores("dead_lettered", "rejected")
    hub.run(
        sa.update(dead_letters)
        .where(dead_letters.c.raw_id == raw_id, dead_letters.c.part == 0)
        .values(state="discarded", reason="by hand")
    )
    assert hub.ledger() == {"received": 2, "dead_lettered": 1, "rejected": 1, "unexplained": 1}


def test_a_dead_letter_of_another_part_explains_nothing(hub, add):
    hub.receives(1)
    raw_id = hub.stores("processed")
    add(hub.store, parts, source="edi", raw_id=uuid.uuid4(), ordinal=0, state="rejected")
    add(hub.store, dead_letters, source="edi", raw_id=raw_id, part=0)
    assert hub.ledger()["unexplained"] == 1
