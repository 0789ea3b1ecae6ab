"""Writing to a live ERP: each effect once, whatever becomes of the answers, and nothing left half done in silence."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from crossdock.errors import Misconfigured
from crossdock.messages import Conflict, Delivered, Outcome, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep, Login, Previewing, Searchable, Secret, Versioned
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.desk import Desk
from deploy.sandbox.tryton.running import DATABASE, Server
from tests.tryton.conftest import Order, Wire, write_back

Sell = Callable[..., Order]
GOODS: Final = {"WID-1": 10.0, "WID-2": 3.0}
LATER: Final = (datetime.now(UTC) + timedelta(days=30)).date()


@pytest.fixture
def order(books: Books, clerk: Desk, shelf: None, spared: list[Order]) -> Iterator[Order]:
    """Ten of WID-1 and three of WID-2, of which five of WID-1 could not be reserved. One that a test has left as it
    was is the next test's too."""
    made = spared.pop() if spared else Order(clerk, books.company.sell(clerk, GOODS))
    if not made.reserved():
        made.press("assign_try")
    before = made.shipments()
    yield made
    if made.shipments() == before and made.reserved():
        made.forget_notes()
        spared.append(made)
    elif not made.give_back():
        books.company.count(clerk, {"WID-1": 5})


@pytest.fixture(scope="module")
def spared(shelf: None) -> Iterator[list[Order]]:
    """Orders that are as if no test had touched them."""
    left: list[Order] = []
    yield left
    for one in left:
        one.give_back()


@pytest.fixture(scope="module")
def shelf(books: Books, clerk: Desk) -> None:
    """Five of WID-1 lie in the warehouse."""
    books.company.count(clerk, {"WID-1": 5})


@pytest.fixture(scope="module")
def untouched(books: Books, clerk: Desk) -> Order:
    """An order like that, which nobody has looked at and no test may change."""
    return Order(clerk, books.company.sell(clerk, GOODS))


def delivered(outcome: Outcome) -> Delivered:
    assert isinstance(outcome, Delivered), outcome
    return outcome


def states(order: Order) -> list[tuple[str, dict[str, float]]]:
    return [(one["state"], one["goods"]) for one in order.shipments()]


WAITING: Final = ("waiting", GOODS)


# -- what each operation does --------------------------------------------------------------------------------


def test_a_note_stands_on_the_order_and_names_its_key(sink: Any, order: Order) -> None:
    wanted = write_back("note", order.subject, text="5 of 10 WID-1 come on Friday")
    receipt = delivered(sink.deliver(wanted)).receipt
    assert order.notes() == [f"5 of 10 WID-1 come on Friday\n\n[crossdock {wanted.idempotency_key}]"]
    assert sink.find(wanted).reference == receipt.reference
    assert sink.find(replace(wanted, idempotency_key="another")) is None


def test_a_note_may_stand_on_a_shipment_and_on_a_purchase(
    sink: Any, order: Order, books: Books, clerk: Desk
) -> None:
    [shipment] = order.shipments()
    purchase = books.company.buy(clerk, {"WID-1": 10})
    name = clerk.one("purchase.purchase", purchase, "number")["number"]
    for subject in (f"shipment/{shipment['number']}", f"supplier_po/{name}"):
        wanted = write_back("note", subject, text="look")
        delivered(sink.deliver(wanted))
        assert sink.find(wanted) is not None


def test_what_is_held_cannot_be_picked_until_it_is_released(sink: Any, order: Order) -> None:
    hold = write_back("hold", order.subject, reason="export papers are missing")
    delivered(sink.deliver(hold))
    assert [state for state, _ in states(order)] == ["draft"]
    assert order.notes()[0].startswith("Held by Crossdock: export papers are missing\n")
    release = write_back("release", order.subject, reason="papers are there", releases=hold.idempotency_key)
    delivered(sink.deliver(release))
    assert states(order) == [WAITING]
    [shipment] = order.shipments()
    assert len(order.notes()) == 2 and "begun" not in "".join(order.notes())
    order.press("assign_force", "pick")
    [shipment] = order.shipments()
    assert shipment["state"] == "picked"


def test_a_hold_leaves_a_shipment_that_somebody_else_had_set_back_where_it_is(
    sink: Any, order: Order
) -> None:
    order.press("wait", "draft")
    hold = write_back("hold", order.subject, reason="export")
    delivered(sink.deliver(hold))
    delivered(sink.deliver(write_back("release", order.subject, releases=hold.idempotency_key)))
    assert [state for state, _ in states(order)] == ["draft"], "it was not ours to put forward"


def test_an_order_that_is_not_in_process_goes_back_to_draft_and_is_quoted_again(
    sink: Any, books: Books, clerk: Desk
) -> None:
    quoted = Order(clerk, books.company.quote(clerk, {"WID-2": 1}))
    hold = write_back("hold", quoted.subject, reason="address")
    delivered(sink.deliver(hold))
    assert quoted.state == "draft"
    delivered(sink.deliver(write_back("release", quoted.subject, releases=hold.idempotency_key)))
    assert quoted.state == "quotation"


def test_a_new_date_is_the_shipment_s_and_it_waits_as_before(sink: Any, order: Order) -> None:
    [shipment] = order.shipments()
    wanted = write_back("change_date", f"shipment/{shipment['number']}", line="x", date=LATER.isoformat())
    delivered(sink.deliver(wanted))
    [after] = order.shipments()
    assert after == {**shipment, "planned_date": LATER}
    assert sink.find(wanted) is not None


def test_a_new_date_of_a_purchase_is_when_the_rest_of_a_line_is_expected(
    sink: Any, books: Books, clerk: Desk
) -> None:
    purchase = books.company.buy(clerk, {"WID-1": 10, "WID-2": 4})
    found = clerk.one("purchase.purchase", purchase, "number", "lines")
    first, second = found["lines"]
    wanted = write_back(
        "change_date", f"supplier_po/{found['number']}", line=str(first), date=LATER.isoformat()
    )
    delivered(sink.deliver(wanted))

    def expected(line: int) -> list[date]:
        moves = clerk.all("stock.move", ["planned_date"], ["origin", "=", f"purchase.line,{line}"])
        return [move["planned_date"] for move in moves]

    assert expected(first) == [LATER] and expected(second) != [LATER]
    assert sink.find(wanted) is not None


def test_a_split_sends_what_is_short_later_and_lets_the_rest_go(sink: Any, order: Order) -> None:
    wanted = write_back(
        "split", order.subject, line=order.lines[0], quantity="5", ordered="10", date=LATER.isoformat()
    )
    receipt = delivered(sink.deliver(wanted)).receipt
    assert states(order) == [("assigned", {"WID-1": 5.0, "WID-2": 3.0}), ("waiting", {"WID-1": 5.0})]
    now, later = order.shipments()
    assert (later["planned_date"], now["planned_date"] < LATER) == (LATER, True)
    assert receipt.evidence["shipments"] == [now["number"], later["number"]]
    assert order.notes() == [
        f"Split by Crossdock: 5 of 10 go later with shipment {later['number']}, planned for {LATER}\n\n"
        f"was: stock.shipment.out,{now['id']}=reserved; {order.notes()[0].split('; ')[1]}"
    ]


def test_a_line_may_be_named_by_a_product_that_it_alone_has_and_go_later_whole(
    sink: Any, order: Order
) -> None:
    delivered(sink.deliver(write_back("split", order.subject, line="WID-2", quantity="3")))
    assert [goods for _, goods in states(order)] == [{"WID-1": 10.0}, {"WID-2": 3.0}]


def test_a_second_split_of_a_line_is_told_from_the_first(sink: Any, order: Order) -> None:
    for _ in range(2):
        delivered(sink.deliver(write_back("split", order.subject, line=order.lines[0], quantity="2")))
    assert [goods.get("WID-1") for _, goods in states(order)] == [6.0, 2.0, 2.0]


# -- the answer is lost --------------------------------------------------------------------------------------


def lose(wire: Wire, number: int, lie_: lie.Behaviour) -> None:
    """The answer to the change of this number (from 0 on) is lost."""
    left = [number]
    honest = lie.honestly()

    def behave(server: Any, sock: Any, request: Any) -> bool:
        if is_change(request):
            left[0] -= 1
            if left[0] == -1:
                return lie_(server, sock, request)
        return honest(server, sock, request)

    wire.standing = behave


def is_change(request: lie.Request) -> bool:
    if not request.path.endswith("/rpc/"):
        return request.method == "POST"
    method = json.loads(request.body)["method"]
    reads = ("common.", "system.", "get_preferences", "wizard.stock.move.split.create", ".delete")
    return not any(one in method for one in reads) and not method.endswith("split.create")


def until_known(sink: Any, wanted: WriteBack) -> list[str]:
    """What the hub does with a write-back: ask when it is unsure, and send it again when the ERP knows nothing."""
    words = []
    for _attempt in range(4):
        outcome = sink.deliver(wanted)
        words.append(type(outcome).__name__)
        if isinstance(outcome, Delivered):
            return words
        assert isinstance(outcome, Unsure | Retry), outcome
        if isinstance(outcome, Unsure) and sink.find(wanted) is not None:
            return [*words, "found"]
    pytest.fail(f"it does not end: {words}")


def finished(order: Order, wanted: WriteBack) -> int:
    """How many notes say that it is done."""
    return sum(note.endswith(f"[crossdock {wanted.idempotency_key}]") for note in order.notes())


def test_a_note_is_written_once_though_its_answer_is_lost(sink: Any, wire: Wire, order: Order) -> None:
    wanted = write_back("note", order.subject, text="look")
    lose(wire, 0, lie.reset_after_commit())
    assert until_known(sink, wanted) == ["Unsure", "found"]
    assert len(order.notes()) == 1


def test_a_hold_and_its_release_happen_once_whichever_answer_is_lost(
    sink: Any, wire: Wire, order: Order
) -> None:
    words = []
    for number in range(4):
        hold = write_back("hold", order.subject, reason="export")
        lose(wire, number, lie.reset_after_commit())
        words.append(until_known(sink, hold)[0])
        assert [state for state, _ in states(order)] == ["draft"]
        release = write_back("release", order.subject, releases=hold.idempotency_key)
        lose(wire, number, lie.reset_after_commit())
        words.append(until_known(sink, release)[0])
        assert states(order) == [WAITING]
        assert (finished(order, hold), finished(order, release)) == (1, 1)
    assert words == ["Unsure"] * 6 + ["Delivered"] * 2, "each of their three changes was lost once"


def test_a_split_happens_once_whichever_answer_is_lost(
    sink: Any, wire: Wire, books: Books, clerk: Desk
) -> None:
    order = Order(clerk, books.company.sell(clerk, {"WID-2": 100}))
    order.press("assign_try")
    words = []
    for number in range(11):
        day = LATER + timedelta(days=number)
        wanted = write_back(
            "split", order.subject, line=order.lines[0], quantity=str(number + 1), date=day.isoformat()
        )
        lose(wire, number, lie.reset_after_commit())
        words.append(until_known(sink, wanted)[0])
        assert finished(order, wanted) == 1
    first, *later = order.shipments()
    gone = [number + 1 for number in range(11)]
    assert (first["state"], first["goods"]) == ("assigned", {"WID-2": 100.0 - sum(gone)})
    assert [one["goods"]["WID-2"] for one in later] == gone
    assert [one["planned_date"] for one in later] == [LATER + timedelta(days=one - 1) for one in gone]
    assert {one["state"] for one in later} == {"waiting"}
    assert words == ["Unsure"] * 10 + ["Delivered"], "each of the ten changes was lost once"
    order.give_back()


def test_a_date_is_changed_once_whichever_answer_is_lost(sink: Any, wire: Wire, order: Order) -> None:
    [shipment] = order.shipments()
    subject = f"shipment/{shipment['number']}"
    words = []
    for number in range(7):
        day = LATER + timedelta(days=number)
        lose(wire, number, lie.reset_after_commit())
        words.append(until_known(sink, write_back("change_date", subject, date=day.isoformat()))[0])
        [after] = order.shipments()
        assert after == {**shipment, "planned_date": day}
    assert words == ["Unsure"] * 6 + ["Delivered"], "each of the six changes was lost once"


def test_a_repeat_that_comes_when_all_is_done_changes_nothing_more(
    sink: Any, wire: Wire, order: Order
) -> None:
    wanted = write_back("split", order.subject, line=order.lines[0], quantity="5", date=LATER.isoformat())
    delivered(sink.deliver(wanted))
    before = order.shipments()
    delivered(sink.deliver(wanted))  # a hub that did not ask
    assert order.shipments() == before


@pytest.mark.parametrize(
    ("behaviour", "word"),
    [
        (lie.html_200(), Unsure),
        (lie.answer(500, b"{}", commit=False), Unsure),
        (lie.answer(429, b"", commit=False, headers={"Retry-After": "120"}), Retry),
        (lie.answer(200, b'{"id": "x"}', commit=False), Unsure),
    ],
    ids=["a page", "500", "429", "no receipt"],
)
def test_an_answer_to_a_note_that_proves_nothing_is_not_believed(
    sink: Any, wire: Wire, untouched: Order, clock: MovableClock, behaviour: lie.Behaviour, word: type
) -> None:
    lose(wire, 0, behaviour)
    outcome = sink.deliver(write_back("note", untouched.subject, text="look"))
    assert isinstance(outcome, word)
    if isinstance(outcome, Retry):
        assert outcome.not_before is not None
        assert timedelta() < outcome.not_before - clock.now() - timedelta(seconds=120) < timedelta(minutes=5)
    assert untouched.notes() == []


def test_an_erp_that_is_away_loses_nothing(sink: Any, wire: Wire, untouched: Order) -> None:
    wire.then(lie.reset_before_read())
    outcome = sink.deliver(write_back("hold", untouched.subject, reason="export"))
    assert isinstance(outcome, Retry) and outcome.wire
    assert untouched.notes() == []


# -- somebody else was there ---------------------------------------------------------------------------------


def meddle(wire: Wire, word: str, hand: Callable[[], object]) -> None:
    """Somebody does this just before the first call that names the word."""
    waiting = [hand]

    def before(request: lie.Request) -> None:
        if waiting and request.path.endswith("/rpc/") and word in json.loads(request.body)["method"]:
            waiting.pop()()

    wire.before = before


def test_what_was_changed_since_it_was_read_is_a_conflict_and_nothing_is_done(
    sink: Any, wire: Wire, order: Order, clerk: Desk
) -> None:
    [shipment] = order.shipments()
    meddle(
        wire,
        "stock.shipment.out.draft",
        lambda: clerk("stock.shipment.out", "write", [shipment["id"]], {"reference": "by phone"}),
    )
    outcome = sink.deliver(write_back("hold", order.subject, reason="export"))
    assert isinstance(outcome, Conflict) and outcome.status == "ConcurrencyException"
    assert outcome.version == sink.version(write_back("hold", order.subject))
    assert states(order) == [WAITING]
    assert order.notes() == [], "no word is left of what was not done"


def test_a_line_that_is_of_another_quantity_now_is_not_split(
    sink: Any, untouched: Order, clerk: Desk
) -> None:
    outcome = sink.deliver(
        write_back("split", untouched.subject, line=untouched.lines[0], quantity="5", ordered="12")
    )
    assert isinstance(outcome, Conflict) and outcome.status == "changed"
    assert "is of 10 now, and was of 12" in outcome.reason
    assert states(untouched) == [WAITING]


def test_a_no_in_the_middle_puts_back_what_was_set_back(sink: Any, wire: Wire, order: Order) -> None:
    honest = wire.honest

    def refuse(request: lie.Request) -> lie.Said:
        if request.path.endswith("/rpc/") and "stock.move.split.execute" in str(request.body):
            no = {"id": 1, "error": ["UserError", ["The book is closed.", "", None]]}
            return lie.Said(status=200, body=json.dumps(no).encode())
        return honest(request)

    wire.honest = refuse
    outcome = sink.deliver(write_back("split", order.subject, line=order.lines[0], quantity="5"))
    assert isinstance(outcome, Reject) and "The book is closed." in outcome.reason
    assert states(order) == [WAITING] and order.notes() == []


def test_what_the_warehouse_has_in_hand_can_be_neither_held_nor_moved(sink: Any, order: Order) -> None:
    order.press("assign_force", "pick")
    for operation, body in (
        ("hold", {"reason": "export"}),
        ("change_date", {"line": "", "date": LATER.isoformat()}),
        ("split", {"line": order.lines[0], "quantity": "5"}),
    ):
        outcome = sink.deliver(write_back(operation, order.subject, **body))
        assert isinstance(outcome, Reject) and outcome.status == "state", outcome
    assert order.notes() == []


@pytest.mark.parametrize(
    ("operation", "subject", "body", "sentence"),
    [
        ("note", "sales_order/SO9999", {"text": "x"}, "Tryton knows no sales_order by the number 'SO9999'"),
        ("hold", "pro/123", {"reason": "x"}, "Tryton keeps nothing under 'pro/123'"),
        ("note", "", {"text": ""}, "the note has no text"),
        ("fly", "", {}, "Tryton knows no operation 'fly'"),
        ("change_date", "", {"line": "WID-1", "date": "2026-12-24"}, "also carries other lines than WID-1"),
        ("change_date", "", {"line": "WID-1", "date": "soon"}, "'soon' is no date"),
        ("split", "", {"line": "77777", "quantity": "5"}, "has no line '77777'; it has"),
        ("split", "", {"line": "WID-1", "quantity": "0"}, "the quantity '0' is no quantity above 0"),
        ("split", "", {"line": "WID-1", "quantity": "11"}, "carries 11 or more of line"),
        ("release", "", {"releases": "never"}, "has no hold of the key 'never'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason_and_touches_nothing(
    sink: Any, untouched: Order, operation: str, subject: str, body: dict[str, str], sentence: str
) -> None:
    outcome = sink.deliver(write_back(operation, subject or untouched.subject, **body))
    assert isinstance(outcome, Reject) and sentence in outcome.reason, outcome
    assert states(untouched) == [WAITING] and untouched.notes() == []


# -- who we are ----------------------------------------------------------------------------------------------


def opened(login: Login, clock: MovableClock) -> Any:
    return Registry().sink(Registry().manifest("tryton"), login, clock)


def test_the_check_signs_in_and_looks_what_may_be_done(sink: Any) -> None:
    steps: list[CheckStep] = list(sink.check())
    assert [step.ok for step in steps] == [True] * len(steps)
    assert steps[-1].step == "dry write"
    assert steps[-1].sentence == "the user is signed in, and may change and split orders and shipments"


def test_a_wrong_password_pauses_the_target_and_the_check_names_it(
    login: Login, clock: MovableClock, untouched: Order
) -> None:
    with closing(opened(replace(login, password=Secret("wrong-one")), clock)) as sink:
        with pytest.raises(Misconfigured) as told:
            sink.deliver(write_back("hold", untouched.subject, reason="export"))
        assert "wrong-one" not in str(told.value)
        *passed, last = sink.check()
        assert all(step.ok for step in passed)
        assert (last.ok, last.step, last.field) == (False, "dry write", "password")
    assert untouched.notes() == []


def test_a_key_alone_is_enough_for_notes(login: Login, clock: MovableClock, order: Order) -> None:
    with closing(opened(replace(login, user="", password=Secret("")), clock)) as sink:
        delivered(sink.deliver(write_back("note", order.subject, text="look")))
        with pytest.raises(Misconfigured, match="has no user and password"):
            sink.deliver(write_back("hold", order.subject, reason="export"))


def test_a_user_who_may_only_look_is_told_by_the_check(
    login: Login, clock: MovableClock, clerk: Desk, books: Books
) -> None:
    clerk.make(
        "res.user", name="Looker", login="looker", password="only-looking-1",
        companies=[["add", [books.company.company]]], company=books.company.company,
    )  # fmt: skip
    with closing(opened(replace(login, user="looker", password=Secret("only-looking-1")), clock)) as sink:
        *_, last = sink.check()
    assert (last.ok, last.step) == (False, "dry write")
    assert "may not write to" in last.sentence and "groups Sales and Stock" in last.remedy


def test_a_session_that_has_ended_is_begun_again(
    sink: Any, order: Order, server: Server, books: Books
) -> None:
    hold = write_back("hold", order.subject, reason="export")
    delivered(sink.deliver(hold))
    with closing(sqlite3.connect(server.folder / f"{DATABASE}.sqlite", timeout=30)) as kept, kept:
        kept.execute("DELETE FROM ir_session WHERE create_uid = ?", (books.company.hub_user,))
    delivered(sink.deliver(write_back("release", order.subject, releases=hold.idempotency_key)))


def test_what_it_shows_of_a_request_holds_no_secret(sink: Any, untouched: Order, books: Books) -> None:
    assert isinstance(sink, Searchable) and isinstance(sink, Versioned) and isinstance(sink, Previewing)
    for operation in ("note", "hold"):
        shown = json.dumps(sink.preview(write_back(operation, untouched.subject, text="x")))
        assert "POST" in shown and untouched.subject in shown
        assert books.hub_key not in shown and books.hub_password not in shown
