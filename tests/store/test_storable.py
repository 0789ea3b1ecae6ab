"""What PostgreSQL's text and jsonb cannot hold is kept as a picture, and found again by what it was."""

import sqlalchemy as sa

from crossdock.store import storable
from crossdock.store.bulk import insert_rows
from crossdock.store.tables import runs, sources

HOSTILE = "4500\x00\ud800A"
KEPT = "4500\u2400\ufffdA"


def test_text_is_kept_with_pictures_and_other_text_as_it_is():
    assert storable.pictured(HOSTILE) == KEPT
    for text in ("", "PO 4500", "Öl ➜ 😀", KEPT):
        assert storable.pictured(text) is text or storable.pictured(text) == text


def test_what_was_stored_under_a_hostile_name_is_found_by_it(store):
    with store.transaction("main") as connection:
        connection.execute(sa.insert(sources).values(tenant="main", source=HOSTILE))
        insert_rows(connection, sources, [{"tenant": "main", "source": f"b{HOSTILE}"}])
        for name in (HOSTILE, f"b{HOSTILE}"):
            found = connection.scalar(sa.select(sources.c.source).where(sources.c.source == name))
            assert found == storable.pictured(name)
        given = sa.bindparam("given", [HOSTILE], sa.ARRAY(sa.Text))
        assert connection.scalar(sa.select(sa.func.count()).where(sources.c.source == sa.any_(given))) == 1


def test_json_is_kept_with_pictures_in_its_names_and_values(store):
    run = "00000000-0000-0000-0000-000000000001"
    with store.transaction("main") as connection:
        connection.execute(
            sa.insert(runs).values(
                tenant="main",
                id=run,
                step="process",
                started_at=sa.func.now(),
                counts={HOSTILE: [HOSTILE, 1]},
            )
        )
        assert connection.scalar(sa.select(runs.c.counts)) == {KEPT: [KEPT, 1]}
