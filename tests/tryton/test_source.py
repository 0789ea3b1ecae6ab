"""Reading a live ERP: each record once, as it was sent, whatever its transactions and restarts do."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crossdock.errors import Misconfigured, Refused
from crossdock.messages import RawMessage
from crossdock.ports import Checkable, CheckStep, Login, Secret, Watchful
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.running import DATABASE, Server
from tests.tryton.conftest import Order, Wire, login_of

Open = Callable[..., Any]


def record(number: int) -> bytes:
    """An order as the ERP would write it."""
    day = {"year": 2026, "month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5, "microsecond": 6}
    return json.dumps({"id": number, "write_date": {"__class__": "datetime", **day}}).encode()


def set_back(server: Server, table: str, number: int, moment: str) -> None:
    """As if the record had been written then, by a transaction that commits now."""
    with closing(sqlite3.connect(server.folder / f"{DATABASE}.sqlite", timeout=30)) as books, books:
        books.execute(f"UPDATE {table} SET write_date = ? WHERE id = ?", (moment, number))  # noqa: S608


def test_an_order_is_read_once_and_again_when_it_changed(
    source: Open, books: Books, clerk: Desk, clock: MovableClock
) -> None:
    orders = source("tryton")
    order = Order(clerk, books.company.quote(clerk, {"WID-2": 1}, reference="PO-1"))
    clock.advance(timedelta(minutes=1))
    [message] = orders.read(None)
    assert json.loads(message.body)["state"] == "quotation"
    assert message.name == f"sale.sale,{order.id}"
    assert list(orders.read(message.position)) == []
    clerk("sale.sale", "confirm", [order.id])
    [changed] = orders.read(message.position)
    assert json.loads(changed.body)["state"] in ("confirmed", "processing")
    assert changed.key != message.key


def test_a_draft_that_nobody_has_quoted_is_nobody_s_business(
    source: Open, books: Books, clerk: Desk, clock: MovableClock
) -> None:
    orders = source("tryton")
    order = books.company.quote(clerk, {"WID-2": 1})
    clerk("sale.sale", "draft", [order])
    clock.advance(timedelta(minutes=1))
    assert list(orders.read(None)) == []
    clerk("sale.sale", "quote", [order])
    assert [one.name for one in orders.read(None)] == [f"sale.sale,{order}"]


def test_orders_that_one_transaction_wrote_are_all_read_page_by_page_and_after_a_break(
    source: Open, books: Books, clerk: Desk, clock: MovableClock
) -> None:
    made = [books.company.quote(clerk, {"WID-2": 1}) for _ in range(5)]
    orders = source("tryton", page_size=2)
    clerk("sale.sale", "write", made, {"comment": "all at once"})
    moments = {str(clerk.one("sale.sale", one, "write_date")["write_date"]) for one in made}
    assert len(moments) == 1, "rows of one transaction share their moment"
    clock.advance(timedelta(minutes=1))
    whole = list(orders.read(None))
    assert [one.name for one in whole] == [f"sale.sale,{one}" for one in made]
    for broken_after in range(len(whole)):
        rest = list(orders.read(whole[broken_after].position))
        assert [one.key for one in rest] == [one.key for one in whole[broken_after + 1 :]]


def test_an_order_that_commits_late_behind_the_cursor_is_found_within_the_overlap(
    source: Open, books: Books, clerk: Desk, clock: MovableClock, server: Server
) -> None:
    begun = clock.now()
    early = books.company.quote(clerk, {"WID-2": 1})
    late = books.company.quote(clerk, {"WID-2": 1})
    clerk("sale.sale", "draft", [late])  # nobody sees it yet
    clock.advance(timedelta(minutes=10))
    wide = source("tryton", overlap_s=300, begin_at=(begun - timedelta(minutes=5)).isoformat())
    seen = [one for one in wide.read(None) if one.name == f"sale.sale,{early}"]
    assert seen
    clerk("sale.sale", "quote", [late])
    set_back(server, "sale_sale", late, f"{begun - timedelta(minutes=2):%Y-%m-%d %H:%M:%S.000001}")
    assert f"sale.sale,{late}" in [one.name for one in wide.read(seen[-1].position)]
    bare = source("tryton", overlap_s=0)
    assert f"sale.sale,{late}" not in [one.name for one in bare.read(seen[-1].position)], (
        "without an overlap it would be lost: the test would prove nothing otherwise"
    )


def test_a_restart_of_the_erp_that_writes_its_keys_in_another_order_brings_nothing_again(
    source: Open, books: Books, clerk: Desk, clock: MovableClock, wire: Wire
) -> None:
    orders = source("tryton", through=login_of(books, wire.port))
    books.company.quote(clerk, {"WID-2": 1})
    clock.advance(timedelta(minutes=1))
    orders_of_now = list(orders.read(None))
    honest = wire.honest

    def otherwise(request: lie.Request) -> lie.Said:
        said = honest(request)
        return replace(said, body=json.dumps(json.loads(said.body), sort_keys=True, indent=1).encode())

    wire.honest = otherwise
    assert list(orders.read(orders_of_now[-1].position)) == []
    again = list(orders.read(None))
    assert [one.key for one in again] == [one.key for one in orders_of_now], "and the hub knows it by its key"
    assert again[0].body != orders_of_now[0].body, "though it is other bytes"


# -- what is wrong now ---------------------------------------------------------------------------------------


@pytest.fixture
def short(books: Books, clerk: Desk, sell: Callable[..., Order]) -> Order:
    """Ten of WID-1 and three of WID-2 are wanted, and five of WID-1 are there."""
    books.company.count(clerk, {"WID-1": 5})
    order = sell({"WID-1": 10, "WID-2": 3})
    order.press("assign_try")
    return order


def of(order: Order, messages: list[RawMessage]) -> list[RawMessage]:
    [shipment] = order.shipments()
    return [one for one in messages if one.name == f"stock.shipment.out,{shipment['id']}"]


def test_a_shortage_changes_no_shipment_and_is_told_all_the_same_once(
    source: Open, short: Order, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=1))
    trouble = source("tryton_trouble", page_size=1)
    assert isinstance(trouble, Watchful)
    told = list(trouble.read(None))
    [message] = of(short, told)
    record = json.loads(message.body)
    assert record["partially_assigned"] is True
    stands = trouble.position() or told[-1].position
    assert list(trouble.read(stands)) == [] and trouble.position() is None
    short.press("wait", "assign_try")
    assert of(short, list(trouble.read(stands))), "the moves are others now: it is told again"


def test_what_is_no_trouble_any_more_is_forgotten(source: Open, short: Order, clock: MovableClock) -> None:
    clock.advance(timedelta(minutes=1))
    trouble = source("tryton_trouble")
    told = list(trouble.read(None))
    short.press("wait")  # what was reserved goes back
    assert of(short, list(trouble.read(told[-1].position))) == []
    stands = trouble.position()
    assert stands is not None and len(json.loads(stands)["said"]) == len(told) - 1


def test_a_shipment_is_overdue_when_its_day_is_over_everywhere(
    source: Open, sell: Callable[..., Order], clock: MovableClock
) -> None:
    order = sell({"WID-2": 1})
    order.press("assign_try")
    [shipment] = order.shipments()
    trouble = source("tryton_trouble")
    planned = shipment["planned_date"]

    def told_at(days: int, hour: int) -> bool:
        at = datetime(planned.year, planned.month, planned.day, hour, tzinfo=UTC) + timedelta(days=days)
        clock.advance(at - clock.now())
        return bool(of(order, list(trouble.read(None))))

    assert not told_at(0, 23)
    assert not told_at(1, 11), "on Baker Island it is still the day before"
    assert told_at(1, 13)


# -- what cannot be read -------------------------------------------------------------------------------------


def failed(found: Checkable) -> CheckStep:
    *passed, last = found.check()
    assert all(step.ok for step in passed) and not last.ok
    return last


def test_a_check_reads_a_record_and_says_so(source: Open) -> None:
    steps = list(source("tryton").check())
    assert all(step.ok for step in steps)
    assert steps[-1].sentence == "1 record(s) of sale.sale were read"
    assert not any("?" in step.sentence for step in steps), "an address without its query"


def test_a_wrong_key_is_named_by_the_check_and_stops_the_read(source: Open, login: Login) -> None:
    wrong = replace(login, secrets={"api_key": Secret("not-this-one")})
    step = failed(source("tryton", through=wrong))
    assert (step.step, step.field) == ("login", "api_key")
    assert "Correct api_key of the connection" in step.remedy
    with pytest.raises(Misconfigured, match="login is not accepted") as told:
        list(source("tryton", through=wrong).read(None))
    assert "not-this-one" not in str(told.value)


def test_a_connection_without_its_key_or_database_says_what_to_add(source: Open, login: Login) -> None:
    with pytest.raises(Misconfigured, match="add a user application 'REST API'"):
        source("tryton", through=replace(login, secrets={}))
    with pytest.raises(Misconfigured, match="add 'database' to its extra fields"):
        source("tryton", through=replace(login, extra={}))
    with pytest.raises(Misconfigured, match="company 'Northwind' must be the number"):
        source("tryton", through=replace(login, extra={**login.extra, "company": "Northwind"}))


def test_a_database_that_is_not_there_is_named_by_the_check(source: Open, login: Login) -> None:
    step = failed(source("tryton", through=replace(login, extra={"database": "nobooks"})))
    assert (step.step, step.field) == ("permission", "database")
    assert "Look at 'database' of the connection" in step.remedy


def test_a_user_who_may_not_see_orders_is_told_by_the_check(
    source: Open, login: Login, books: Books, clerk: Desk
) -> None:
    key = "nobody-" + "k" * 40
    nobody = clerk.make(
        "res.user",
        name="Nobody",
        login=key,
        password="nobody-at-all-1",
        companies=[["add", [books.company.company]]],
    )
    clerk.make("res.user.application", user=nobody, application="rest", key=key)
    step = failed(source("tryton", through=replace(login, secrets={"api_key": Secret(key)})))
    assert step.step == "permission"
    assert "sale.sale" in step.sentence


@pytest.fixture
def lying(wire: Wire, books: Books, source: Open) -> Iterator[Any]:
    yield source("tryton", through=login_of(books, wire.port))


def test_a_page_that_is_no_list_is_kept_whole_and_the_position_stays(wire: Wire, lying: Any) -> None:
    wire.then(lie.answer(200, b'{"records": 7}'))
    [message] = lying.read(None)
    assert (message.body, message.position) == (b'{"records": 7}', None)
    assert message.key.startswith("page:")


def test_a_record_that_cannot_be_placed_is_handed_on_beside_the_good_one(wire: Wire, lying: Any) -> None:
    good = record(7)
    wire.then(lie.answer(200, b'[{"id": "x"}, ' + good + b"]"))
    bad, message = lying.read(None)
    assert (bad.body, bad.name) == (b'{"id": "x"}', "sale.sale,?")
    assert (message.body, message.name) == (good, "sale.sale,7")


def test_a_maintenance_page_is_no_page_of_records(wire: Wire, lying: Any) -> None:
    wire.standing = lie.html_200()
    with pytest.raises(Refused, match="not JSON"):
        list(lying.read(None))


def test_pages_that_go_in_a_circle_are_noticed(wire: Wire, books: Books, source: Open) -> None:
    orders = source("tryton", through=login_of(books, wire.port), page_size=1)
    same = b"[" + record(7) + b"]"
    wire.standing = lie.answer(200, same)
    with pytest.raises(Refused, match="go in a circle"):
        list(orders.read(None))
    unreadable = source("tryton", through=login_of(books, wire.port), page_size=1)
    wire.standing = lie.answer(200, b'[{"id": "x"}]')
    with pytest.raises(Refused, match="none of its records can be read"):
        list(unreadable.read(None))
