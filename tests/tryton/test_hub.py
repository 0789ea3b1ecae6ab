"""The whole way, against a live ERP: what is wrong there becomes a case, and what is decided is done there once."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.faultpoints import InjectedFault
from crossdock.hub import Hub
from crossdock.messages import WriteBackState
from crossdock.registry import Registry
from crossdock.store.engine import Store
from crossdock.store.tables import attempts, cases, events, write_backs
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.running import DATABASE
from tests.tryton.conftest import HUB_USER, Order, Wire
from tests.tryton.test_sink import is_change

TABLE = """\
title = "What happens to what Tryton tells"

[[rule]]
id = "short"
when = { code = "INV.ALLOCATION_FAILED" }
queue = "inventory"
owner = "supply-planning"
priority = 20
actions = ["tryton:split"]
because = "{title}"

[[rule]]
id = "credit"
when = { code = "CRD.HOLD" }
queue = "credit"
owner = "credit-control"
priority = 20
actions = ["tryton:note"]
because = "{title}"

[[rule]]
id = "rest"
queue = "triage"
owner = "operations"
priority = 50
because = "{title}"
"""


class Played:
    """A hub over the ERP through a wire that may lie."""

    def __init__(self, store: Store, clock: MovableClock, wire: Wire) -> None:
        self.store, self.clock, self.wire = store, clock, wire

    def hub(self) -> Hub:
        """A new one each time, as after a restart of everything."""
        return Hub.open(store=self.store, registry=Registry(), clock=self.clock, tenant="main")

    def turn(self) -> None:
        """Read all that there is, decide, and deliver what is due."""
        for source in ("tryton", "tryton_shipments", "tryton_trouble"):
            report = self.hub().receive(source)
            assert report.error is None, report.error
        self.hub().process()
        self.deliver()

    def deliver(self) -> None:
        self.hub().deliver("tryton")

    def rows(self, table: sa.Table, *where: Any) -> list[Any]:
        with self.store.reading("main") as connection:
            return list(connection.execute(sa.select(table).where(*where)).all())

    def write_back(self, order: Order) -> Any:
        [row] = self.rows(write_backs, write_backs.c.subject == order.subject)
        return row

    def codes(self, order: Order) -> set[str]:
        """What kinds of trouble the cases of this order are of."""
        told = self.rows(events, events.c.document["data"]["refs"].as_string().contains(order.name))
        return {row.code for row in told}


@pytest.fixture
def play(
    store: Store, clock: MovableClock, wire: Wire, books: Books, tmp_path: Path, monkeypatch: Any
) -> Iterator[Played]:
    table = tmp_path / "routes"
    table.mkdir()
    (table / "main.toml").write_text(TABLE)
    queues = Path(__file__).resolve().parents[2] / "mappings/routes/queues.toml"
    (table / "queues.toml").write_text(queues.read_text())
    monkeypatch.setenv("CROSSDOCK_ROUTES_DIR", str(table))
    connection = {
        "host": "127.0.0.1",
        "port": wire.port,
        "schema": "http",
        "login": HUB_USER,
        "password": books.hub_password,
        "extra": {"database": DATABASE, "api_key": books.hub_key},
    }
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_TRYTON", json.dumps(connection))
    yield Played(store, clock, wire)


@pytest.fixture
def short(books: Books, clerk: Desk) -> Iterator[Order]:
    """Ten of WID-1 and three of WID-2, of which five of WID-1 could not be reserved."""
    books.company.count(clerk, {"WID-1": 5})
    order = Order(clerk, books.company.sell(clerk, {"WID-1": 10, "WID-2": 3}))
    order.press("assign_try")
    yield order
    order.give_back()


SPLIT = [("assigned", {"WID-1": 5.0, "WID-2": 3.0}), ("waiting", {"WID-1": 5.0})]


def states(order: Order) -> list[tuple[str, dict[str, float]]]:
    return [(one["state"], one["goods"]) for one in order.shipments()]


def test_a_shortage_becomes_a_case_and_its_split_is_done_in_the_erp(play: Played, short: Order) -> None:
    play.clock.advance(timedelta(minutes=1))
    play.turn()
    assert "INV.ALLOCATION_FAILED" in play.codes(short)
    assert play.write_back(short).state == WriteBackState.DELIVERED
    assert states(short) == SPLIT
    play.clock.advance(timedelta(minutes=6))
    play.turn()
    assert states(short) == SPLIT, "what is reserved now is no trouble any more, and is not split again"
    assert len(play.rows(write_backs, write_backs.c.subject == short.subject)) == 1


def test_a_credit_hold_and_a_shipment_that_is_overdue_become_cases_and_end_when_they_are_over(
    play: Played, books: Books, clerk: Desk
) -> None:
    risky = Order(clerk, books.company.quote(clerk, {"WID-2": 30}, party=books.company.risky))
    late = Order(clerk, books.company.sell(clerk, {"WID-2": 1}))
    late.press("assign_try")
    play.clock.advance(timedelta(days=2))
    play.turn()
    assert play.codes(risky) == {"CRD.HOLD"}
    assert play.codes(late) == {"FUL.NO_SHIP_CONFIRM"}
    [note] = risky.notes()
    assert note.startswith(f"Order {risky.name} of Risky Stores LLC waits: it is 250.00 USD above")

    def open_codes() -> set[str]:
        names = (risky.name, late.shipments()[0]["number"])
        found = play.rows(cases, cases.c.state == "open")
        return {row.code for row in found if any(name in row.fold_key for name in names)}

    assert open_codes() == {"CRD.HOLD", "FUL.NO_SHIP_CONFIRM"}
    clerk("sale.sale", "draft", [risky.id])
    clerk("sale.sale", "cancel", [risky.id])
    late.press("pick", "pack", "do")
    play.turn()
    assert open_codes() == set()


def test_every_change_of_a_split_may_be_the_last_before_the_worker_dies(
    play: Played, short: Order, monkeypatch: Any
) -> None:
    """The answer to the third change never comes, and the worker dies before it can write down what it knows."""
    play.clock.advance(timedelta(minutes=1))
    left = [3]

    def lying(server: Any, sock: Any, request: Any) -> bool:
        if is_change(request):
            left[0] -= 1
            if left[0] == 0:
                return lie.reset_after_commit()(server, sock, request)
        return lie.honestly()(server, sock, request)

    play.wire.standing = lying
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_call:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        play.turn()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert play.write_back(short).state == WriteBackState.SENDING, "nobody knows"
    for _ in range(6):
        play.clock.advance(timedelta(minutes=10))
        play.deliver()
        if play.write_back(short).state == WriteBackState.DELIVERED:
            break
    assert play.write_back(short).state == WriteBackState.DELIVERED
    assert states(short) == SPLIT
    last_line = f"[crossdock {play.write_back(short).idempotency_key}]"
    finished = [note for note in short.notes() if note.endswith(last_line)]
    assert len(finished) == 1


def test_a_worker_that_dies_when_all_is_done_finds_it_done(
    play: Played, short: Order, monkeypatch: Any
) -> None:
    play.clock.advance(timedelta(minutes=1))
    monkeypatch.setenv("CROSSDOCK_FAULT", "deliver.after_call:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        play.turn()
    monkeypatch.delenv("CROSSDOCK_FAULT")
    assert states(short) == SPLIT
    play.clock.advance(timedelta(minutes=10))
    for _ in range(3):
        play.deliver()
        play.clock.advance(timedelta(minutes=10))
    assert play.write_back(short).state == WriteBackState.DELIVERED
    assert play.write_back(short).receipt["reference"].startswith("ir.note,")
    told = play.rows(attempts, attempts.c.write_back_id == play.write_back(short).id)
    assert "found" in {row.outcome for row in told}, "it was asked, and not sent again"
    assert (states(short), len(short.notes())) == (SPLIT, 1)


def test_a_wrong_password_pauses_the_target_and_spends_no_attempt(
    play: Played, short: Order, monkeypatch: Any
) -> None:
    right = json.loads(os.environ["AIRFLOW_CONN_CROSSDOCK_TRYTON"])
    monkeypatch.setenv("AIRFLOW_CONN_CROSSDOCK_TRYTON", json.dumps({**right, "password": "wrong-one"}))
    play.clock.advance(timedelta(minutes=1))
    play.turn()
    assert play.write_back(short).state == WriteBackState.READY
    assert play.rows(cases, cases.c.code == "INT.AUTH_FAILED")
    assert short.notes() == []
