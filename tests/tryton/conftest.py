"""A live ERP for the tests of this folder: Tryton as a process of its own, over books that were built once.

Nothing is skipped where it cannot be had. ``wire`` stands between it and the hub, and lies when it is told to.
"""

import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.messages import WriteBack
from crossdock.ports import Login, Manifest, Secret, SystemClock
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock
from crossdock.testing.lying_http import LyingServer, Request, Said, honestly
from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.running import DATABASE, Server
from tests.in_memory import home_in_memory

HUB_USER = "crossdock"


@pytest.fixture(scope="session")
def books() -> Books:
    return Books.built()


@pytest.fixture(scope="module")
def server(books: Books) -> Iterator[Server]:
    """An ERP of the file's own: what another file reserved or ordered is not in it, whichever ran before."""
    with home_in_memory() as home, books.running(home / "tryton") as running:
        yield running


@pytest.fixture(scope="module")
def clerk(books: Books, server: Server) -> Desk:
    return books.admin(server)


@pytest.fixture
def clock() -> MovableClock:
    """The ERP has a clock of its own, which nobody moves: ours starts where that one is."""
    return MovableClock(datetime.now(UTC))


class Wire(LyingServer):
    """Passes everything on to the ERP, and lies on the way back when it is told to. ``before``: called with each
    request before it is passed on."""

    def __init__(self, erp: Server) -> None:
        super().__init__(honest=self._pass_on)
        self._erp = erp
        self.before: Callable[[Request], None] = lambda request: None

    def be_honest(self) -> None:
        """Forget every lie, and what was asked."""
        self.before = lambda request: None
        self.honest, self.standing = self._pass_on, honestly()
        self.requests.clear()
        self.committed.clear()

    def _pass_on(self, request: Request) -> Said:
        self.before(request)
        headers = {name: text for name, text in request.headers.items() if name not in ("host", "connection")}
        headers["accept-encoding"] = "identity"
        with closing(http.client.HTTPConnection("127.0.0.1", self._erp.port, timeout=60)) as connection:
            connection.request(request.method, request.path, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        return Said(
            status=answer.status, body=body, media_type=answer.headers.get("Content-Type", "text/plain")
        )


@pytest.fixture(scope="module")
def between(server: Server) -> Iterator[Wire]:
    with Wire(server) as running:
        yield running


@pytest.fixture
def wire(between: Wire) -> Iterator[Wire]:
    """What stands between the hub and the ERP, honest until it is told otherwise."""
    between.be_honest()
    yield between
    between.be_honest()


@pytest.fixture
def login(books: Books, server: Server) -> Login:
    return login_of(books, server.port)


def login_of(books: Books, port: int) -> Login:
    return Login(
        connection_id="crossdock_tryton",
        scheme="http",
        host="127.0.0.1",
        port=port,
        user=HUB_USER,
        password=Secret(books.hub_password),
        extra={"database": DATABASE, "company": str(books.company.company)},
        secrets={"api_key": Secret(books.hub_key)},
    )


def manifest_of(name: str, **settings: Any) -> Manifest:
    """The manifest of a connector, with other settings of its source."""
    found = Registry().manifest(name)
    if found.source is None or not settings:
        return found
    return replace(found, source=replace(found.source, settings={**found.source.settings, **settings}))


@pytest.fixture
def source(login: Login, clock: MovableClock) -> Iterator[Callable[..., Any]]:
    """A source by the name of its connector, from now on: what other tests left behind is older."""
    opened = []

    def open_(name: str, *, through: Login | None = None, **settings: Any) -> Any:
        given = {"begin_at": clock.now().isoformat(), "overlap_s": 0, **settings}
        found = Registry().source(manifest_of(name, **given), through or login, clock)
        opened.append(found)
        return found

    yield open_
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def sink_through(books: Books, between: Wire) -> Iterator[Any]:
    """One sink, which signs in once."""
    manifest = Registry().manifest("tryton")
    with closing(Registry().sink(manifest, login_of(books, between.port), SystemClock())) as opened:
        yield opened


@pytest.fixture
def sink(sink_through: Any, wire: Wire) -> Any:
    """The sink of the ERP, through the wire that may lie."""
    return sink_through


def write_back(operation: str, subject: str, *, key: str = "", **body: Any) -> WriteBack:
    """A write-back to the ERP. Each has a key of its own unless one is given."""
    return WriteBack(
        id=uuid.uuid4(),
        tenant="main",
        target="tryton",
        operation=operation,
        idempotency_key=key or str(uuid.uuid4()),
        body=json.dumps(body).encode(),
        media_type="application/json",
        subject=subject,
        attempt=1,
    )


class Order:
    """An order in the ERP as its clerks see it."""

    def __init__(self, clerk: Desk, number: int) -> None:
        self._clerk = clerk
        self.id = number
        found = clerk.one("sale.sale", number, "number", "lines")
        self.name, self.lines = str(found["number"]), [str(line) for line in found["lines"]]

    @property
    def subject(self) -> str:
        return f"sales_order/{self.name}"

    @property
    def state(self) -> str:
        return str(self._clerk.one("sale.sale", self.id, "state")["state"])

    def shipments(self) -> list[dict[str, Any]]:
        """Number, state and planned date of each, oldest first, with what leaves for each line: ``goods``."""
        numbers = sorted(self._clerk.one("sale.sale", self.id, "shipments")["shipments"])
        return [self._shipment(number) for number in numbers]

    def _shipment(self, number: int) -> dict[str, Any]:
        found = self._clerk.one("stock.shipment.out", number, "number", "state", "planned_date")
        of_lines = ["origin", "like", "sale.line,%"]
        moves = self._clerk.all(
            "stock.move",
            ["product.code", "quantity"],
            ["shipment", "=", f"stock.shipment.out,{number}"],
            of_lines,
            ["state", "!=", "cancelled"],
        )
        return {**found, "goods": {move["product."]["code"]: move["quantity"] for move in moves}}

    def press(self, *buttons: str) -> None:
        """These buttons of its only shipment."""
        [shipment] = self.shipments()
        for button in buttons:
            self._clerk("stock.shipment.out", button, [shipment["id"]])

    def reserved(self) -> bool:
        """Whether a part of its goods, and not all of them, is reserved for its only shipment."""
        [number] = self._clerk.one("sale.sale", self.id, "shipments")["shipments"]
        return bool(self._clerk.one("stock.shipment.out", number, "partially_assigned")["partially_assigned"])

    def forget_notes(self) -> None:
        """No word of what was done to it."""
        notes = self._clerk.find("ir.note", ["resource", "=", f"sale.sale,{self.id}"])
        self._clerk("ir.note", "delete", notes)

    def give_back(self) -> bool:
        """What its shipments have reserved is there for others again. Whether nothing of it has left."""
        states = {one["id"]: one["state"] for one in self.shipments()}
        still_here = [number for number, state in states.items() if state in ("draft", "waiting", "assigned")]
        self._clerk("stock.shipment.out", "wait", still_here)
        return len(still_here) == len(states)

    def notes(self) -> list[str]:
        """Every note on it."""
        found = self._clerk.all("ir.note", ["message"], ["resource", "=", f"sale.sale,{self.id}"])
        return [str(note["message"]) for note in found]


@pytest.fixture
def sell(books: Books, clerk: Desk) -> Callable[..., Order]:
    """An order of a customer, in process: product → quantity. Its shipment waits."""

    def made(lines: dict[str, float], **more: Any) -> Order:
        return Order(clerk, books.company.sell(clerk, lines, **more))

    return made
