"""``crossdock exchanges``: what came and went, by its control numbers, as the command line shows it."""

from typing import Any

import pytest

from crossdock.testing.clock import MovableClock
from tests.spine.trading import Trade, answer, confirmation, group, interchange, orders


@pytest.fixture
def traded(store: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Trade:
    """Three orders of ours, one of them refused, and one confirmation of the partner."""
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", store.url.render_as_string(hide_password=False))
    trade = Trade(store, clock)
    trade.send(orders("0001", "0002", "0003"))
    trade.take(
        answer(
            "AK1*PO*101", "AK2*850*0002", "AK3*PO1*3**8", "AK4*2*330*6*X", "AK5*R*5", "AK9*P*3*3*2",
        )
    )  # fmt: skip
    trade.take(interchange(group("PR", 7, confirmation()), number=31))
    return trade


def test_each_set_is_listed_with_its_numbers_and_its_state(crossdock: Any, traded: Trade) -> None:
    page = crossdock("exchanges", "list", "--set", "850", "--json").json
    assert set(page) == {"items", "more", "next"}
    assert {row["set_number"]: row["state"] for row in page["items"]} == {
        "0001": "accepted",
        "0002": "rejected",
        "0003": "accepted",
    }
    ran = crossdock("exchanges", "list", "--partner", "acme_supply", "--direction", "out")
    assert "850 0002" in ran.stdout
    assert "PO 101" in ran.stdout


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (("--state", "rejected"), ["850"]),
        (("--direction", "in", "--set", "855"), ["855"]),
        (("--number", "31"), ["855"]),
        (("--number", "000000101", "--state", "rejected"), ["850"]),
        (("--partner", "nobody"), []),
    ],
)
def test_a_list_is_narrowed_by_partner_state_direction_and_number(
    crossdock: Any, traded: Trade, filters: tuple[str, ...], found: list[str]
) -> None:
    items = crossdock("exchanges", "list", "--json", *filters).json["items"]
    assert [row["set_id"] for row in items] == found


@pytest.mark.parametrize(("option", "value"), [("--state", "waitng"), ("--direction", "outward")])
def test_a_word_of_no_list_is_refused_with_the_nearest(
    crossdock: Any, traded: Trade, option: str, value: str
) -> None:
    ran = crossdock("exchanges", "list", option, value)
    assert ran.exit_code == 2
    assert value in ran.stderr


def test_one_set_tells_what_its_partner_said_and_where_it_lies(crossdock: Any, traded: Trade) -> None:
    row = crossdock("exchanges", "list", "--state", "rejected", "--json").json["items"][0]
    shown = crossdock("exchanges", "show", row["id"][:8])
    assert shown.exit_code == 0
    for said in (
        "850 0002 to acme_supply",
        "rejected",
        "PO1 at segment 3, element 2: 6",
        "x12-723:6",
        "850 0001",
    ):
        assert said in shown.stdout
    found = crossdock("exchanges", "show", row["id"], "--json").json
    assert found["answer"]["group"] == "P"
    assert len(found["beside"]) == 2


def test_what_is_nobodys_id_is_refused(crossdock: Any, traded: Trade) -> None:
    assert crossdock("exchanges", "show", "ffffffffffffffff").exit_code == 2


def test_what_we_refused_does_not_look_like_what_we_took(crossdock: Any, traded: Trade) -> None:
    bad = [line.replace("*EA*3.75", "*EAX*3.75") for line in confirmation("0002")]
    traded.take(interchange(group("PR", 8, confirmation(), bad), number=32))
    items = crossdock("exchanges", "list", "--number", "000000032", "--json").json["items"]
    assert {(row["set_number"], row["state"], row["judged"]) for row in items} == {
        ("0001", "received", None),
        ("0002", "received", "refused"),
    }
    shown = crossdock("exchanges", "list", "--number", "000000032").stdout
    assert "refused" in shown and "received" in shown
    (refused,) = [row for row in items if row["judged"]]
    assert "refused; its dead letter says why" in crossdock("exchanges", "show", refused["id"]).stdout
