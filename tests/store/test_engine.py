"""The way into the store: one transaction, one tenant, sentences when it cannot be."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from crossdock.errors import Misconfigured
from crossdock.store import engine
from crossdock.store.engine import Store
from crossdock.store.guards import ROLE
from crossdock.store.tables import runs, sources

CANARY = "s3cret-canary"


def test_a_transaction_acts_as_the_role_and_for_the_tenant(store):
    with store.transaction("acme") as connection:
        row = connection.execute(
            sa.text(
                "SELECT current_user, current_setting('crossdock.tenant'), current_setting('lock_timeout')"
            )
        ).one()
    assert row == (ROLE, "acme", "30s")


def test_a_pooled_connection_carries_nothing_into_the_next_transaction(store):
    with store.transaction("acme") as connection:
        before = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with store._engine.connect() as connection:
        after = connection.execute(
            sa.text("SELECT pg_backend_pid(), current_user, current_setting('crossdock.tenant', true)")
        ).one()
    assert after[0] == before
    assert after[1] != ROLE
    assert after[2] in ("", None)


def test_an_exception_rolls_back(store):
    with pytest.raises(LookupError):
        with store.transaction("main") as connection:
            connection.execute(sa.insert(sources).values(tenant="main", source="erp"))
            raise LookupError("no such order")
    with store.transaction("main") as connection:
        assert connection.execute(sa.select(sources)).all() == []


@pytest.mark.parametrize("tenant", ["", "Main", "a b", "a'b", "x" * 21, "main\n", "ä"])
def test_a_name_that_is_no_tenant_is_refused(store, tenant):
    with pytest.raises(Misconfigured, match="is no tenant"):
        with store.transaction(tenant):
            pass


def test_json_comes_back_as_it_went_in(store):
    counts = {"received": 3, "big": 2**53 + 1, "text": 'ü"\\', "list": [1, None, True, 1.5]}
    run = "00000000-0000-0000-0000-000000000001"
    with store.transaction("main") as connection:
        connection.execute(
            sa.insert(runs).values(
                tenant="main",
                id=run,
                step="receive",
                started_at=datetime(2026, 11, 20, tzinfo=UTC),
                counts=counts,
            )
        )
        assert connection.scalar(sa.select(runs.c.counts)) == counts


def test_two_upgrades_at_once_make_one_schema(database):
    url = database.empty()
    errors = []

    def upgrade():
        try:
            with Store.open(url) as store:
                store.upgrade()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert errors == []
        with Store.open(url) as store:
            store.require_current()
    finally:
        database.drop(url)


# ── sentences ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_database_names_the_command_that_fills_it(database):
    url = database.empty()
    try:
        with Store.open(url) as store:
            with pytest.raises(Misconfigured, match="crossdock db upgrade"):
                store.require_current()
            with pytest.raises(Misconfigured, match="crossdock db upgrade"):
                with store.transaction("main"):
                    pass
    finally:
        database.drop(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://crossdock:{CANARY}@127.0.0.1:1/crossdock",
        f"postgresql+psycopg://crossdock:{CANARY}@127.0.0.1:1/crossdock?connect_timeout=2",
        f"postgres://127.0.0.1:1/crossdock?user=crossdock&password={CANARY}",
        f"postgresql://crossdock:{CANARY}@nowhere.invalid/crossdock",
    ],
)
def test_a_server_that_cannot_be_reached_is_told_without_its_password(url):
    with Store.open(url) as store:
        with pytest.raises(Misconfigured) as caught:
            with store.transaction("main"):
                pass
        told = f"{caught.value} {caught.value!r} {caught.value.__cause__} {store!r} {store.url} {store.url!r}"
    assert "cannot be reached" in str(caught.value)
    assert "CROSSDOCK_DATABASE_URL" in str(caught.value)
    assert CANARY not in told


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"mysql://crossdock:{CANARY}@localhost/x", "the store is PostgreSQL"),
        (f"postgresql://crossdock:{CANARY}@localhost:port/x", "is no database address"),
        (f"crossdock:{CANARY}", "is no database address"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(url, sentence):
    with pytest.raises(Misconfigured, match=sentence) as caught:
        Store.open(url)
    assert CANARY not in str(caught.value)


def test_an_error_of_a_statement_never_shows_the_values(store):
    with pytest.raises(sa.exc.DBAPIError) as caught:
        with store.transaction("main") as connection:
            connection.execute(
                sa.insert(sources).values(
                    tenant="main", source="erp", position=CANARY, received_total=Decimal(10) ** 30
                )
            )
    assert CANARY not in str(caught.value)


def test_the_url_may_come_from_the_environment(store, monkeypatch):
    monkeypatch.setenv(engine.URL_VARIABLE, store.url.render_as_string(hide_password=False))
    with Store.open() as other, other.transaction("main") as connection:
        assert connection.scalar(sa.text("SELECT current_database()")) == store.url.database
