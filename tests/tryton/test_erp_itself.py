"""The ERP of the tests is a real one: what the other tests rely on, it does by itself."""

import sys
from pathlib import Path

import pytest

from deploy.sandbox.tryton import environment
from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk, Refused
from deploy.sandbox.tryton.environment import NotToBeHad


def test_an_order_above_the_stock_is_assigned_in_part(books: Books, clerk: Desk) -> None:
    order = books.company.sell(clerk, {"WID-1": 10, "WID-2": 3})
    [shipment] = clerk.one("sale.sale", order, "shipments")["shipments"]
    clerk("stock.shipment.out", "assign_try", [shipment])
    found = clerk.one("stock.shipment.out", shipment, "number", "state", "partially_assigned")
    assert found == {
        "id": shipment,
        "number": found["number"],
        "state": "waiting",
        "partially_assigned": True,
    }
    clerk("stock.shipment.out", "wait", [shipment])  # the five go back for those who come after


def test_a_customer_over_its_limit_waits_until_somebody_answers_for_it(books: Books, clerk: Desk) -> None:
    order = books.company.quote(clerk, {"WID-2": 30}, party=books.company.risky)
    with pytest.raises(Refused, match=r"exceed their \$500.00 credit limit by \$750.00"):
        clerk("sale.sale", "confirm", [order])
    assert clerk.one("sale.sale", order, "state")["state"] == "quotation"


def test_what_was_built_is_not_built_again(books: Books) -> None:
    before = (books.folder / "books.sqlite").stat()
    again = Books.built()
    assert again == books
    after = (books.folder / "books.sqlite").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_its_secrets_are_for_its_owner_alone(books: Books) -> None:
    assert (books.folder / "books.json").stat().st_mode & 0o077 == 0


def test_what_cannot_be_installed_says_why_and_what_to_do() -> None:
    with pytest.raises(NotToBeHad) as told:
        environment.run(
            [sys.executable, "-c", "import sys; print('no route to host'); sys.exit(1)"],
            what="install what the lock file names",
            hint="It needs the package index once.",
        )
    assert str(told.value) == (
        "could not install what the lock file names (status 1). It needs the package index once.\nno route to host"
    )


def test_its_lock_file_names_every_package_by_hash_and_no_index() -> None:
    text = environment.LOCK_FILE.read_text()
    assert "trytond==8.2" in text
    assert "://" not in text
    packages = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert packages and all(line.endswith("\\") for line in packages), "each is followed by its hashes"


def test_nothing_of_tryton_is_installed_beside_crossdock() -> None:
    """It is GPL-3, and Crossdock is not: it is a process of its own, reached by HTTP."""
    root = Path(__file__).resolve().parents[2]
    assert "tryton" not in (root / "requirements.lock").read_text()
    imports = ("import trytond", "from trytond", "import proteus", "from proteus")
    guilty = [
        path
        for room in ("canonical", "connectors", "crossdock", "dags", "deploy", "mappings", "plugins")
        for path in (root / room).rglob("*.py")
        if any(line.lstrip().startswith(imports) for line in path.read_text().splitlines())
    ]
    assert not guilty
