"""The 947: corrected, held and released stock. The whole documents are in mappings/inbound/x12_947/samples."""

from functools import partial
from typing import Any

import pytest

from canonical import taxonomy
from canonical.crosswalks import Row
from crossdock.errors import Unreadable
from crossdock.partners import Partner
from mappings.inbound import x12_947
from tests.mappings.documents import (
    NORTHSTAR,
    codes,
    facts,
    good_sets,
    group_of,
    problems,
    said_by,
    sealed,
    set_aside,
)

say = partial(said_by, x12_947, partner=NORTHSTAR)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_947), release) == []
    assert group_of("947", release) == "AW"


HEAD = "W15*20261120*ADJ-1"


def adjust(reason: str, quantity: str, tail: str = "") -> list[Any]:
    return say(HEAD, f"W19*{reason}*{quantity}*EA**VN*PUMP-40{tail}")


def change(reason: str, quantity: str, partner: Partner | None = NORTHSTAR) -> str:
    (fact,) = facts(say(HEAD, f"W19*{reason}*{quantity}*EA**VN*PUMP-40", partner=partner))
    return fact.lines[0]["affected"]["value"]


# ── trap 14: the direction of the code and the sign of the quantity ──────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "quantity", "changed"),
    [
        ("06", "5", "-5"),  # direction in the code
        ("56", "5", "5"),
        ("07", "5", "-5"),
        ("06", "-5", "-5"),  # in both: said twice, applied once
        ("AU", "-5", "-5"),
        ("AA", "-5", "-5"),  # in the quantity
        ("AA", "5", "5"),
        ("AR", "-2.5", "-2.5"),
        ("CR", "3", "3"),
    ],
)
def test_direction_and_sign_are_applied_once_in_every_style(reason: str, quantity: str, changed: str) -> None:
    assert change(reason, quantity) == changed


def test_an_increase_by_less_than_nothing_is_set_aside() -> None:
    with pytest.raises(Unreadable) as refused:
        change("56", "-5")
    assert "which of the two holds" in str(refused.value)
    assert "[codes.x12-181]" in refused.value.remedy
    assert refused.value.place.element == 2


def test_a_partner_whose_sign_counts_says_so_in_its_profile() -> None:
    own = Row(element="x12-181", code="56", text="booked", exception="INV.ADJUSTMENT", ours="signed")
    signed = Partner(
        name="odd",
        title="Odd Store",
        ids=(("ZZ", "ODD"),),
        ours=("ZZ", "CROSSDOCK"),
        codes={("x12-181", "56"): own},
    )
    assert change("56", "-5", partner=signed) == "-5"
    assert change("56", "5", partner=signed) == "5"


# ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "code", "cause"),
    [
        ("05", "INV.HOLD", "hold"),
        ("08", "INV.HOLD", "quality_inspection"),
        ("06", "INV.ADJUSTMENT", "book"),
        ("07", "INV.ADJUSTMENT", "destroyed"),
        ("AA", "INV.ADJUSTMENT", "physical_count"),
        ("AU", "INV.ADJUSTMENT", "damaged_in_facility"),
        ("AV", "INV.ADJUSTMENT", "damaged_in_transit"),
        ("AW", "INV.RECALL", "recall"),
        ("AX", "INV.SHELF_LIFE", "shelf_life"),
        ("AY", "INV.ADJUSTMENT", "receiving_error"),
        ("CR", "INV.ADJUSTMENT", "customer_return"),
    ],
)
def test_each_reason_means_what_the_standard_says(reason: str, code: str, cause: str) -> None:
    _, event = adjust(reason, "3", "***LOT-7")
    assert (event.code, event.cause) == (code, cause)
    assert [ref["kind"] for ref in event.refs] == ["item", "lot", "message"]
    assert event.refs[0]["value"] == "PUMP-40", "a matter of the item, not of the message"


def test_stock_on_hold_is_still_there() -> None:
    fact, event = adjust("05", "40")
    assert fact.lines == [], "no figure is corrected"
    assert event.lines[0]["affected"]["value"] == "40"


def test_stock_that_is_off_hold_is_released_and_no_exception() -> None:
    _, released = adjust("55", "40")
    assert released.kind == "released"
    assert released.refs[0] == {"kind": "item", "value": "PUMP-40", "scheme": "vendor-item"}


def test_a_released_lot_leaves_the_other_lots_on_hold() -> None:
    _, held = adjust("05", "40", "***LOT-7")
    _, other = adjust("55", "40", "***LOT-6")
    _, same = adjust("55", "40", "***LOT-7")
    hold, of_another, of_it = (sealed(each)["data"] for each in (held, other, same))
    rule = taxonomy.codes()["INV.HOLD"]
    assert not taxonomy.clears(rule, hold, of_another)
    assert taxonomy.clears(rule, hold, of_it)


def test_a_cancelled_advice_has_no_troubles() -> None:
    (fact,) = say("W15*20261120*ADJ-1**01", "W19*AW*5*EA**VN*A")
    assert fact.attributes["purpose"] == "01"
    assert codes(say("W15*20261120*ADJ-1**00", "W19*AW*5*EA**VN*A")) == ["INV.RECALL"]


def test_the_kind_of_transaction_is_kept_with_the_event() -> None:
    _, event = adjust("AA", "-4", "**********TT")
    assert event.ext["transaction_type"] == "TT"


def test_it_is_sent_in_the_group_aw() -> None:
    assert group_of("947", "004010") == "AW"


@pytest.mark.parametrize(
    "body",
    [
        (HEAD,),
        ("W19*06*5*EA**VN*A",),
        ("W15*20261120", "W19*06*5*EA"),
        ("W15*20261332*ADJ-1", "W19*06*5*EA**VN*A"),
        (HEAD, "W19**5*EA**VN*A"),
        (HEAD, "W19*06**EA**VN*A"),
        (HEAD, "W19*06*5,5*EA**VN*A"),
        (HEAD, "W19*Q9*5*EA**VN*A"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
