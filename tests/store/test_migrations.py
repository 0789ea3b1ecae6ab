"""The migrations make the tables of the metadata, from every version that was ever released, with work in flight."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import crossdock.store
from crossdock.errors import Misconfigured
from crossdock.store import guards, schema
from crossdock.store.engine import Store
from crossdock.store.guards import LEDGER
from crossdock.store.schema import RELEASED, SCHEMA, VERSION_TABLE, Standing
from crossdock.store.tables import metadata

SEEDS = Path(__file__).parent / "seeds"


@pytest.fixture
def empty(database):
    """A store on a database without any table."""
    url = database.empty()
    try:
        with Store.open(url) as store:
            yield store
    finally:
        database.drop(url)


def differences(store):
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_schemas": True,
        "include_name": lambda name, kind, parents: kind != "schema" or name == SCHEMA,
        "version_table": VERSION_TABLE,
        "version_table_schema": SCHEMA,
    }
    with store._engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def checks(connection, schema_name):
    """Check constraints, which Alembic does not compare, as PostgreSQL writes them."""
    rows = connection.execute(
        sa.text(
            "SELECT conname, replace(pg_get_constraintdef(oid), :schema || '.', '') FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = to_regnamespace(:schema) ORDER BY conname"
        ),
        {"schema": schema_name},
    )
    return [tuple(row) for row in rows]


def test_the_versions_known_here_are_those_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(Path(crossdock.store.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert tuple(one.revision for one in reversed(list(script.walk_revisions()))) == RELEASED


@pytest.mark.parametrize("version", RELEASED)
def test_each_version_comes_up_with_its_work_in_flight(empty, version):
    """``seeds/<version>.sql`` is work at every state, as that version wrote it. It never changes later."""
    with empty._engine.begin() as connection:
        guards.ensure_role(connection)
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        schema.migrate(connection, version)
        connection.exec_driver_sql((SEEDS / f"{version}.sql").read_text(encoding="utf-8"))
    with pytest.raises(Misconfigured, match="older than this program needs"):
        empty.require_current()

    empty.upgrade()

    empty.require_current()
    assert differences(empty) == []
    with empty.transaction("seeded") as connection:
        row = connection.execute(sa.select(LEDGER)).mappings().one()
        states = connection.execute(
            sa.text("SELECT state, count(*) FROM crossdock.write_backs GROUP BY state ORDER BY state")
        ).all()
        sending = connection.execute(
            sa.text("UPDATE crossdock.write_backs SET state = 'unsure' WHERE state = 'sending'")
        ).rowcount
        connection.rollback()
    assert dict(row) == {
        "tenant": "seeded",
        "source": "supplier_edi",
        "received": 6,
        "processed": 1,
        "duplicate": 1,
        "rejected": 0,
        "dead_lettered": 1,
        "discarded": 1,
        "in_flight": 2,
        "balance": 0,
        "missing_parts": 0,
        "unexplained": 0,
    }
    assert [tuple(one) for one in states] == [("delivered", 1), ("ready", 1), ("sending", 1), ("unsure", 1)]
    assert sending == 1


def test_facts_of_the_first_version_are_found_by_their_references(empty):
    """The upgrade writes into a table that only grows, of a tenant that nobody named."""
    with empty._engine.begin() as connection:
        guards.ensure_role(connection)
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        schema.migrate(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO crossdock.facts (tenant, id, raw_id, part, kind, subject, document, recorded_at) VALUES"
            " ('seeded', gen_random_uuid(), gen_random_uuid(), 0, 'acknowledged', 'supplier_po/77',"
            ' \'{"data": {"refs": [{"kind": "supplier_po", "value": "77"}, {"kind": "asn", "value": "A1"}]}}\','
            " now());"
            "ALTER TABLE crossdock.facts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            "CREATE FUNCTION crossdock.refuse_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE EXCEPTION $m$only added$m$; END';"
            "CREATE TRIGGER append_only BEFORE UPDATE ON crossdock.facts FOR EACH ROW"
            " EXECUTE FUNCTION crossdock.refuse_append_only();"
        )
    empty.upgrade()
    with empty.transaction("seeded") as connection:
        found = connection.execute(sa.text("SELECT refs FROM crossdock.facts")).scalar_one()
    assert found == ["supplier_po:77", "asn:A1"]


def test_an_empty_database_gets_exactly_the_tables_of_the_metadata(store):
    assert differences(store) == []


def test_the_check_constraints_are_those_of_the_metadata(store, empty):
    with empty._engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        metadata.create_all(connection)
        wanted = checks(connection, SCHEMA)
    with store._engine.connect() as connection:
        assert checks(connection, SCHEMA) == wanted
    assert wanted


def test_an_upgrade_that_does_not_end_leaves_nothing(empty):
    with empty._engine.connect() as connection:
        connection.begin()
        schema.upgrade(connection)
        assert schema.standing(connection)[0] is Standing.CURRENT
        connection.rollback()
        assert schema.standing(connection)[0] is Standing.EMPTY
        assert connection.scalar(sa.text("SELECT to_regnamespace('crossdock')")) is None
    empty.upgrade()
    empty.require_current()


def test_an_upgrade_of_a_current_database_changes_nothing(store):
    made = sa.text(
        "SELECT array_agg(oid ORDER BY oid) FROM pg_trigger WHERE NOT tgisinternal"
        " UNION ALL SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relnamespace = 'crossdock'::regnamespace"
    )
    with store._engine.connect() as connection:
        before = connection.scalars(made).all()
        connection.rollback()
        store.upgrade()
        assert connection.scalars(made).all() == before


def test_a_newer_schema_is_refused_and_left_alone(store):
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE crossdock.schema_version SET version_num = '9999'"))
    for refuse in (store.require_current, store.upgrade):
        with pytest.raises(Misconfigured, match="schema 9999 is newer than this program knows"):
            refuse()
    with Store.open(store.url.render_as_string(hide_password=False)) as other:
        with pytest.raises(Misconfigured, match="install the newer Crossdock"), other.transaction("main"):
            pass


def test_guards_of_another_program_version_are_laid_anew(store):
    with store._engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER transition ON crossdock.cases"))
        connection.execute(sa.text("COMMENT ON SCHEMA crossdock IS 'guards of yesterday'"))
    with pytest.raises(Misconfigured, match="crossdock db upgrade"):
        store.require_current()
    store.upgrade()
    store.require_current()
    with store._engine.connect() as connection:
        found = connection.scalars(
            sa.text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'transition'")
        )
        assert "crossdock.cases" in found.all()


def test_guards_that_this_program_no_longer_knows_are_taken_away(store):
    with store._engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TRIGGER older BEFORE INSERT ON crossdock.cases FOR EACH ROW"
                " EXECUTE FUNCTION crossdock.refuse_append_only()"
            )
        )
        connection.execute(sa.text("COMMENT ON SCHEMA crossdock IS 'guards of yesterday'"))
    store.upgrade()
    with store._engine.connect() as connection:
        assert not connection.scalar(sa.text("SELECT count(*) FROM pg_trigger WHERE tgname = 'older'"))
