"""A conditional change happens at most once: answers are lost, workers die, and people change the order meanwhile.

The real spine, the real sink, and SAP's server as it lies: what it counted is the judge.
"""

import json
import random
from dataclasses import replace
from typing import ClassVar

import pytest
import sqlalchemy as sa

from connectors.sap_sales_order import sink as module
from crossdock.deliver import TargetPaused
from crossdock.faultpoints import InjectedFault
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.store import outbox
from crossdock.store.tables import write_backs
from crossdock.testing import lying_http as lie
from crossdock.testing.lying_modes import mixture
from tests.connectors.sap_server import PASSWORD, USER, Sap
from tests.spine.delivering import TENANT, deliverer, history, put, write_back_of

TARGET = "sap_sales_order"
_SHIPPED = Registry().manifest(TARGET)
MANIFEST = replace(
    _SHIPPED, sink=replace(_SHIPPED.sink, batch=4)
)  # so that a worker dies with few in its hands
LIES = {
    "commit_then_rst": 0.06,
    "commit_then_fin": 0.05,
    "commit_then_500": 0.04,
    "rst_before_read": 0.05,
    "200_html": 0.03,
    "brown_out": 0.04,
}


class Restless(Sap):
    """The system, while people work in it: now and then an order is changed just before our change arrives."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__("v2")
        self._dice = dice
        self.meddled: set[str] = set()

    def _change(self, request, path):
        number = self._named(path)[1][0]
        if self._dice.random() < 0.15 and number in self.orders:
            self.meddled.add(number)
            self.touch(number, PurchaseOrderByCustomer=f"PO-{len(self.asked)}")
        return super()._change(request, path)


@pytest.fixture
def sap():
    return Restless(random.Random(11))


@pytest.fixture
def server(sap):
    with lie.LyingServer(honest=sap) as running:
        yield running


@pytest.fixture
def sink(server, clock):
    login = Login(
        connection_id="crossdock_sap", scheme="http", host="127.0.0.1", port=server.port,
        user=USER, password=Secret(PASSWORD),
    )  # fmt: skip
    opened = module.connect(MANIFEST, login, clock)
    yield opened
    opened.close()


def changes_of(sap, clock, count: int) -> list[dict]:
    """For each order a date, a block and a note, each an effect that the system counts."""
    rows = []
    for number in range(4001, 4001 + count):
        sap.order(str(number))
        for operation, body in (
            ("change_date", {"line": "10", "date": "2026-12-18"}),
            ("hold", {"reason": "export"}),
            ("note", {"text": f"told of {number}"}),
        ):
            key = f"{operation}-{number}"
            rows.append(
                write_back_of(
                    len(rows), clock, target=TARGET, operation=operation, subject=f"sales_order/{number}",
                    idempotency_key=key, body=json.dumps(body).encode(),
                )
            )  # fmt: skip
    return rows


def holds(sap, row) -> bool:
    """Whether the system holds what this write-back wanted."""
    number = row.subject.partition("/")[2]
    match row.operation:
        case "change_date":
            return sap.dates[number, "10"].isoformat() == "2026-12-18"
        case "hold":
            return sap.orders[number]["DeliveryBlockReason"] == "ZC"
        case _:
            text = sap.texts.get((number, "EN", "TX02"), "")
            return text.count(f"told of {number}") == 1


def test_nothing_happens_twice_and_what_is_said_to_be_done_is_done(
    store, clock, sap, server, sink, monkeypatch
):
    put(store, *changes_of(sap, clock, 12))
    server.standing = mixture(random.Random(7), LIES)
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    deaths = 0
    for round_ in range(60):
        # workers die beside each boundary, in turn, and another takes over after the lease
        point = (
            "deliver.after_intent",
            "deliver.after_version",
            "deliver.after_call",
            "deliver.before_record",
        )[round_ % 4]
        monkeypatch.setenv("CROSSDOCK_FAULT", f"{point}:raise:{1 + round_ % 3}" if round_ < 40 else "")
        monkeypatch.setattr("crossdock.faultpoints._seen", {})
        try:
            deliverer(store, clock, sink, MANIFEST).deliver_batch()
        except InjectedFault:
            deaths += 1
        except TargetPaused as error:
            pytest.fail(f"no login was refused: {error}")
        clock.move(1200)
    assert deaths >= 8
    assert sap.breaches == []
    assert sap.meddled, "people changed orders under our hands"
    assert server.effects.more_than_once() == {}
    with store.reading(TENANT) as connection:
        rows = connection.execute(sa.select(write_backs)).all()
    states = {state: [row for row in rows if row.state == state] for state in {row.state for row in rows}}
    assert all(holds(sap, row) for row in states["delivered"])
    assert not any(holds(sap, row) for row in states.get("rejected", ()))
    assert set(states) <= {"delivered", "rejected", "unsure", "exhausted", "ready"}
    assert len(states["delivered"]) >= 12
    assert any(outcome == "unsure" for _, _, outcome in history(store)), "answers were lost"


def test_what_another_person_changed_is_decided_again_on_the_version_that_is_held_now(
    store, clock, server, sink
):
    quiet = Sap("v2")
    quiet.order("4711")
    server.honest = quiet
    body = json.dumps({"line": "10", "date": "2026-12-18"}).encode()
    same = {"target": TARGET, "operation": "change_date", "subject": "sales_order/4711", "body": body}
    (old,) = put(store, write_back_of(1, clock, **same))
    quiet.before_change = lambda: quiet.touch("4711", PurchaseOrderByCustomer="PO-9")

    class Again:
        versions: ClassVar[list[str]] = []

        def decide_again(self, connection, write_back, conflict):
            """As the spine does it: a new write-back, on the version that the conflict names."""
            self.versions.append(conflict.version)
            new = write_back_of(2, clock, **same, version=conflict.version)
            outbox.add_write_backs(connection, [new])
            return new["id"]

    worker = deliverer(store, clock, sink, MANIFEST, redeciding=Again())
    assert worker.deliver_batch()["superseded"] == 1
    assert Again.versions == [quiet.etag("4711")], "read again by the spine, since a 412 does not say it"
    assert worker.deliver_batch()["delivered"] == 1
    with store.reading(TENANT) as connection:
        rows = {row.id: row for row in connection.execute(sa.select(write_backs))}
    assert rows[old].state == "superseded" and rows[rows[old].superseded_by].state == "delivered"
    assert quiet.dates["4711", "10"].isoformat() == "2026-12-18"
    assert quiet.orders["4711"]["PurchaseOrderByCustomer"] == "PO-9", "nobody's change was lost"
    assert len(server.effects.counted()) == 1 and server.effects.more_than_once() == {}
