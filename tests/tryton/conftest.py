"""A live ERP for the tests of this folder: Tryton as a process of its own, over books that were built once."""

from collections.abc import Iterator

import pytest

from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.running import Server


@pytest.fixture(scope="session")
def books() -> Books:
    """Built when ``make test`` has not; nothing is skipped where it cannot be had."""
    return Books.built()


@pytest.fixture(scope="session")
def server(books: Books, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with books.running(tmp_path_factory.mktemp("tryton")) as running:
        yield running


@pytest.fixture(scope="session")
def clerk(books: Books, server: Server) -> Desk:
    return books.admin(server)
