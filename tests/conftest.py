"""The fixtures of every room: a database of one's own, and a clock that is moved.

One embedded server serves the whole test session, in a folder of its own, so two sessions side by side never meet.
The schema is made once, in a template; each test gets a copy of it. A copy is some 700 small files, which on a disk
cost more than most tests: the folder lies in memory wherever there is enough of it.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from crossdock.wires import oauth2
from tests.in_memory import home_in_memory

TEMPLATE = "crossdock_template"
LONG = (
    "conformance/test_fleet.py",
    "test_tutorials.py",
    "conformance/test_wrong.py",
    "test_docs.py",
    "integration/test_kill.py",
    "tryton/test_sink.py",
    "desk/test_redrive.py",
    "sandbox/test_day.py",
    "attack/test_secrets.py",
    "test_stateful.py",
    "test_chaos.py",
    "cli/test_inspecting.py",
    "cli/test_trying.py",
    "attack/test_edi_matching.py",
    "attack/test_edi_order.py",
    "attack/test_lying_erp.py",
)
"""The files that take longest, most of them half a minute and more, in the order in which they are begun."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: one that began last would be run by one process while the other has nothing left to do."""
    begun = {Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    if gone := [str(path) for path in begun if not path.exists()]:
        raise pytest.UsageError(
            f"LONG in {__file__} names {', '.join(gone)}: say there what the file is called now"
        )
    items.sort(key=lambda item: begun.get(item.path, len(begun)))


class Databases:
    """The session's server, and fresh databases on it."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    def empty(self) -> str:
        """The address of a new database without any table."""
        return self._new("template0")

    def migrated(self) -> str:
        """The address of a new database with the current schema."""
        return self._new(TEMPLATE)

    def drop(self, url: str) -> None:
        """Remove the database of this address, whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def connect(self) -> psycopg.Connection:
        """A superuser's connection to the server, each statement by itself."""
        url = self.server.url_for("postgres").replace("+psycopg", "")
        return psycopg.connect(url, autocommit=True)

    def _new(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self.connect() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.server.url_for(name)


@pytest.fixture(scope="session")
def database() -> Iterator[Databases]:
    """The session's PostgreSQL server; ``migrated()`` and ``empty()`` make databases on it."""
    with home_in_memory() as home, EmbeddedServer.start(home) as server:
        databases = Databases(server)
        with databases.connect() as connection:
            for setting in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
            ):  # the folder dies with the session
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        with Store.open(server.ensure_database(TEMPLATE)) as template:
            template.upgrade()
        yield databases


@pytest.fixture
def store(database: Databases) -> Iterator[Store]:
    """A store of the test's own, with the current schema and no rows."""
    yield from _store(database)


@pytest.fixture(scope="module")
def module_store(database: Databases) -> Iterator[Store]:
    """A store for all tests of a file, which must not disturb each other."""
    yield from _store(database)


def _store(database: Databases) -> Iterator[Store]:
    url = database.migrated()
    try:
        with Store.open(url) as opened:
            yield opened
    finally:
        database.drop(url)


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands at 2026-11-20 14:00 UTC until the test moves it."""
    return MovableClock()


@pytest.fixture(autouse=True)
def no_token_of_another_test() -> None:
    """A server may get the port of one that ended a moment before; the tokens of that one open nothing here."""
    oauth2.TOKENS.forget()
