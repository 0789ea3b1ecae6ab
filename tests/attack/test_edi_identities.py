"""A partner with two ids, of two sites or two systems: each counts by itself, and each is answered."""

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.partners.terms import Duplicates, Window
from crossdock.store.tables import exchanges
from tests.spine.trading import Trade, acme, codes, confirmation, group, interchange, order

IDS = (("ZZ", "ACMESUPPLY"), ("ZZ", "ACMEWEST"))
EAST, WEST = "ACMESUPPLY", "ACMEWEST"


@pytest.fixture
def trade(store, clock):
    return Trade(store, clock, acme(ids=IDS, sequence="gaps"))


def said_by(
    site: str, number: int, control: int, *, code: str | None = None, po: str = "4500123456"
) -> bytes:
    return interchange(
        group("PR", control, confirmation("0001", po), sender=code or site), number=number, sender=site
    )


def states(trade) -> list[str]:
    return [str(state) for _, state, _ in trade.parts]


def test_two_sites_may_use_the_same_number(trade):
    assert codes(trade.take(said_by(EAST, 7, 7), said_by(WEST, 7, 7, po="4500123457"))) == []
    assert states(trade) == ["processed", "processed"]
    assert codes(trade.take(said_by(WEST, 8, 8), said_by(EAST, 8, 8))) == []
    assert states(trade) == ["processed", "processed"], "in batches of their own as in one"


def test_the_same_site_may_not(trade):
    trade.take(said_by(EAST, 7, 7))
    assert codes(trade.take(said_by(EAST, 7, 7))) == ["EDI.DUPLICATE_CONTROL"]
    assert states(trade) == ["rejected"]


def test_both_in_one_file_are_two(trade):
    assert codes(trade.take(said_by(EAST, 7, 7) + said_by(WEST, 7, 7, po="4500123457"))) == []
    assert states(trade) == ["processed", "processed"]


def test_a_gap_of_one_site_is_none_of_the_other(trade):
    assert codes(trade.take(said_by(EAST, 7, 7))) == []
    assert codes(trade.take(said_by(WEST, 500, 500))) == []
    assert codes(trade.take(said_by(EAST, 8, 8))) == []
    (said,) = trade.take(said_by(WEST, 502, 502))
    assert said.document["data"]["refs"][1]["value"] == "000000501"
    assert said.document["data"]["refs"][0]["issuer"] == "acme_supply:ZZ/ACMEWEST"
    assert codes(trade.take(said_by(EAST, 9, 9))) == []


def test_groups_are_counted_under_each_code_of_the_sender(trade):
    """Two applications behind one id: GS02 says which."""
    window = Window(timedelta(days=30), "reject")
    trade.partner = dataclasses.replace(trade.partner, duplicates=Duplicates(group=window))
    trade.take(said_by(EAST, 7, 1, code="PLANT1"))
    assert codes(trade.take(said_by(EAST, 8, 1, code="PLANT2"))) == []
    assert states(trade) == ["processed"]
    assert codes(trade.take(said_by(EAST, 9, 1, code="PLANT1"))) == ["EDI.DUPLICATE_CONTROL"]
    assert states(trade) == ["rejected"]


def test_sets_of_a_group_that_may_come_again_are_counted_there_too(trade):
    ignore, reject = Window(timedelta(days=30), "ignore"), Window(timedelta(days=30), "reject")
    trade.partner = dataclasses.replace(trade.partner, duplicates=Duplicates(group=ignore, set=reject))
    trade.take(said_by(EAST, 7, 1, code="PLANT1"))
    assert codes(trade.take(said_by(EAST, 8, 1, code="PLANT2"))) == []
    assert codes(trade.take(said_by(EAST, 9, 1, code="PLANT1"))) == ["EDI.DUPLICATE_CONTROL"]


def test_what_was_registered_before_ids_were_kept_is_remembered(trade, store):
    """The columns came with 0004: of what was there before, any id may be meant."""
    trade.take(said_by(EAST, 7, 7))
    with store.transaction("main") as connection:
        connection.execute(sa.update(exchanges).values(identity="", application=""))
    assert codes(trade.take(said_by(EAST, 7, 7))) == ["EDI.DUPLICATE_CONTROL"]


def test_each_site_is_answered_under_its_own_id(trade):
    trade.take(said_by(EAST, 7, 7), said_by(WEST, 7, 7, po="4500123457"))
    answered = {
        segments[0][8].strip(): [s for s in segments if s[0] == "AK1"] for segments in trade.answers()
    }
    assert answered == {EAST: [["AK1", "PR", "7"]], WEST: [["AK1", "PR", "7"]]}


def copy_to(site: str, number: int, control: int, po: str) -> bytes:
    way = {"sender": "CROSSDOCK", "receiver": site}
    return interchange(group("PO", control, order("0001", po), **way), number=number, **way)


def answered_by(site: str, number: int, control: int) -> bytes:
    body = group(
        "FA", number, ["997 0001", f"AK1*PO*{control}", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"], sender=site
    )
    return interchange(body, number=number, sender=site)


@pytest.mark.parametrize("first", [EAST, WEST])
def test_an_answer_is_of_what_went_to_that_site(trade, first):
    """Another system sent these, and counted for each of their ids by itself."""
    second = WEST if first == EAST else EAST
    trade.take(copy_to(EAST, 5, 100, "4500123456"), copy_to(WEST, 5, 100, "4500123457"))
    assert codes(trade.take(answered_by(first, 1, 100))) == []
    assert {row.identity: row.state for row in trade.rows(set_id="850")} == {
        f"ZZ/{first}": "accepted",
        f"ZZ/{second}": "waiting",
    }
    assert codes(trade.take(answered_by(second, 1, 100))) == []
    assert {row.state for row in trade.rows(set_id="850")} == {"accepted"}
