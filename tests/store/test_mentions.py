"""Mentions: a fact, a clock and a case are found by each of their numbers, by an index and by their own tenant."""

import pytest
import sqlalchemy as sa

from crossdock.store.named import names_any
from crossdock.store.tables import NAMING, cases, facts, mentions, metadata

WORDS = ["supplier_po:4500123456@main", "asn:S1@acme_supply"]

naming_tables = pytest.mark.parametrize("table", [metadata.tables[f"crossdock.{name}"] for name in NAMING])


@naming_tables
def test_a_row_is_found_by_each_of_its_numbers(store, add, table):
    there = add(store, table, refs=[*WORDS, WORDS[0]])
    with store.transaction("main") as connection:
        for word in WORDS:
            found = connection.scalars(sa.select(table.c.id).where(names_any(table, "main", [word, "x"])))
            assert found.all() == [there["id"]]
        assert connection.scalars(sa.select(table.c.id).where(names_any(table, "main", ["x"]))).all() == []


def test_a_number_of_one_tenant_finds_nothing_of_another(store, add):
    add(store, facts, tenant="theirs", refs=WORDS)
    with store.transaction("ours") as connection:
        assert connection.scalars(sa.select(facts.c.id).where(names_any(facts, "ours", WORDS))).all() == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(mentions)) == 0


def test_a_case_is_not_found_as_a_fact(store, add):
    add(store, cases, refs=WORDS)
    with store.transaction("main") as connection:
        assert connection.scalars(sa.select(facts.c.id).where(names_any(facts, "main", WORDS))).all() == []


def test_numbers_are_looked_up_in_an_index_though_rows_have_their_tenants(store, add):
    """The reason for the table: arrays would be read row by row, for their operators may leak what they see."""
    add(store, facts, refs=WORDS)
    statement = sa.text(
        "EXPLAIN SELECT row_id FROM crossdock.mentions WHERE tenant = 'main' AND word = ANY(:words)"
    )
    with store.transaction("main") as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        words = [f"po:{number}" for number in range(500)]
        plan = list(connection.scalars(statement, {"words": words}))
    (condition,) = [line for line in plan if "Index Cond" in line]
    assert "word = ANY" in condition
