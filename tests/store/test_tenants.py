"""No way through the store shows or changes another tenant's row: every table, every kind of statement.

Twice: for a user that is a superuser (the embedded server) and for one that only owns the database (a company's
server). The tables come from the metadata, so a new one is tried without another line.
"""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from crossdock.errors import Misconfigured
from crossdock.store.engine import Store
from crossdock.store.guards import CHANGEABLE, LEDGER, ROLE
from crossdock.store.schema import SCHEMA, VERSION_TABLE
from crossdock.store.tables import metadata, raw_messages, sources

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)

REFUSED_BY_POLICY = "new row violates row-level security policy"
REFUSED_BY_RIGHTS = "permission denied"

OWNER = "crossdock_test_owner"


@pytest.fixture(scope="module")
def as_superuser(module_store):
    return module_store


@pytest.fixture(scope="module")
def as_owner(database):
    """A store whose user owns the database and is no superuser."""
    url = database.empty()
    name = url.partition("@/")[2].partition("?")[0]
    with database.connect() as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN")
        connection.execute(f"ALTER DATABASE {name} OWNER TO {OWNER}")
    try:
        with Store.open(url.replace("postgres@", f"{OWNER}@")) as store:
            with pytest.raises(Misconfigured, match=f"GRANT {ROLE} TO {OWNER}"):
                store.upgrade()
            with database.connect() as connection:
                connection.execute(f"GRANT {ROLE} TO {OWNER}")
            store.upgrade()
            yield store
    finally:
        database.drop(url)
        with database.connect() as connection:
            connection.execute(f"DROP ROLE {OWNER}")


@pytest.fixture(scope="module", params=["as_superuser", "as_owner"])
def peopled(request, row):
    """A store with a row of tenant ``theirs`` in every table."""
    store = request.getfixturevalue(request.param)
    with store.transaction("theirs") as connection:
        for table in TABLES:
            if table.name != "emissions":  # the database writes it, with the event
                connection.execute(sa.insert(table), row(table, "theirs"))
    return store


def refused(store, statement, *, tenant="ours"):
    """The database's sentence; the transaction is rolled back."""
    with pytest.raises(sa.exc.DBAPIError) as caught:
        with store.transaction(tenant) as connection:
            connection.execute(statement)
    return str(caught.value.orig)


@every_table
def test_the_owner_of_a_row_sees_it(peopled, table):
    with peopled.transaction("theirs") as connection:
        assert connection.scalars(sa.select(table.c.tenant)).all() == ["theirs"]


@every_table
def test_a_stranger_reads_nothing(peopled, table):
    with peopled.transaction("ours") as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        assert connection.execute(sa.select(table).where(table.c.tenant == "theirs")).all() == []


@every_table
def test_without_a_tenant_nothing_is_read(peopled, table):
    with peopled._engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL ROLE {ROLE}"))
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


@every_table
def test_a_stranger_adds_nothing(peopled, table, row):
    assert REFUSED_BY_POLICY in refused(peopled, sa.insert(table).values(row(table, "theirs")))


@every_table
def test_a_stranger_adds_nothing_by_upsert(peopled, table):
    with peopled.transaction("theirs") as connection:
        there = dict(connection.execute(sa.select(table)).mappings().one())
    if table.name in CHANGEABLE:
        statement = (
            pg.insert(table)
            .values(there)
            .on_conflict_do_update(index_elements=list(table.primary_key.columns), set_={"tenant": "ours"})
        )
    else:
        statement = pg.insert(table).values(there).on_conflict_do_nothing()
    assert "row-level security policy" in refused(peopled, statement)


@every_table
def test_a_stranger_updates_nothing(peopled, table):
    statement = sa.update(table).values(tenant=table.c.tenant)
    if table.name not in CHANGEABLE:
        assert REFUSED_BY_RIGHTS in refused(peopled, statement)
        return
    with peopled.transaction("ours") as connection:
        assert connection.execute(statement).rowcount == 0
        assert connection.execute(statement.where(table.c.tenant == "theirs")).rowcount == 0


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_row_is_never_handed_to_a_stranger(peopled, name, row):
    table = metadata.tables[f"{SCHEMA}.{name}"]
    with pytest.raises(sa.exc.DBAPIError, match=f"{REFUSED_BY_POLICY}|written once"):
        with peopled.transaction("ours") as connection:
            connection.execute(sa.insert(table), row(table, "ours"))
            connection.execute(sa.update(table).values(tenant="theirs"))


@every_table
@pytest.mark.parametrize("tenant", ["ours", "theirs"])
def test_nobody_deletes(peopled, table, tenant):
    assert REFUSED_BY_RIGHTS in refused(peopled, sa.delete(table), tenant=tenant)
    assert REFUSED_BY_RIGHTS in refused(peopled, sa.text(f"TRUNCATE {SCHEMA}.{table.name}"), tenant=tenant)


def test_the_ledger_shows_ones_own_sources_alone(peopled):
    with peopled.transaction("ours") as connection:
        assert connection.execute(sa.select(LEDGER)).all() == []
    with peopled.transaction("theirs") as connection:
        assert connection.scalars(sa.select(LEDGER.c.tenant)).all() == ["theirs"]


def test_a_join_finds_nothing_of_a_stranger(peopled, row):
    with peopled.transaction("ours") as connection:
        connection.execute(sa.insert(sources), row(sources, "ours"))
        joined = sa.select(raw_messages.c.body).join(sources, sources.c.source == raw_messages.c.source)
        assert connection.execute(joined).all() == []
        connection.rollback()


def test_the_owner_of_the_tables_is_bound_too(as_owner, add):
    add(as_owner, sources, "bound")
    with as_owner._engine.connect() as connection:
        assert connection.execute(sa.select(sources)).all() == []


def test_every_table_of_the_schema_has_its_policy_forced(as_superuser):
    with as_superuser._engine.connect() as connection:
        found = connection.execute(
            sa.text(
                "SELECT relname, relrowsecurity AND relforcerowsecurity,"
                " (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid)"
                " FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace('crossdock')"
            )
        ).all()
    assert {tuple(one) for one in found if one[0] != VERSION_TABLE} == {
        (table.name, True, 1) for table in TABLES
    }


def test_the_role_has_no_more_rights_than_it_needs(as_superuser):
    with as_superuser._engine.connect() as connection:
        found = connection.execute(
            sa.text(
                "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
                " FROM information_schema.role_table_grants"
                " WHERE table_schema = 'crossdock' AND grantee IN ('PUBLIC', :role) GROUP BY table_name"
            ),
            {"role": ROLE},
        ).all()
        attributes = connection.execute(
            sa.text(
                "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
                " WHERE rolname = :role"
            ),
            {"role": ROLE},
        ).one()
    expected = {
        table.name: "INSERT SELECT UPDATE" if table.name in CHANGEABLE else "INSERT SELECT"
        for table in TABLES
    }
    assert {name: rights for name, rights in found} == {**expected, "ledger_balance": "SELECT"}
    assert not any(attributes)
