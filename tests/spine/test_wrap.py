"""After 999999999 comes 1: our own control numbers, and the answers to what we sent under a number twice."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock.edi.outgoing import renumbered
from crossdock.formats.x12 import Interchange, TransactionSet, read
from crossdock.formats.x12.second_reader import differences
from crossdock.formats.x12.write import number_after
from crossdock.store import outbox
from crossdock.store.tables import control_numbers, raw_messages
from tests.spine.trading import TENANT, Trade, answer, codes, confirmation, group, interchange, order, orders

LAST = 999_999_999


@pytest.fixture
def trade(store, clock):
    return Trade(store, clock)


def count_from(trade: Trade, last: int, *kinds: str) -> None:
    """Our numbers for the partner stand at ``last``."""
    with trade.store.transaction(TENANT) as connection:
        numbers = outbox.ControlNumbers(connection, TENANT)
        for kind in kinds:
            numbers.take(trade.partner.name, kind)
        connection.execute(
            sa.update(control_numbers).where(control_numbers.c.kind.in_(kinds)).values(last=last)
        )


def written(trade: Trade) -> list[tuple[str, str, str]]:
    """ISA13, GS06 and ST02 of each acknowledgement of ours in the register."""
    return [
        (row.interchange_number, row.group_number, row.set_number)
        for row in trade.rows(direction="out", functional_id="FA")
    ]


@pytest.mark.parametrize(
    ("kind", "place", "numbers"),
    [
        ("interchange", 0, ["999999998", "999999999", "000000001", "000000002"]),
        ("group", 1, ["999999998", "999999999", "1", "2"]),
        ("set", 2, ["999999998", "999999999", "0001", "0002"]),
    ],
)
def test_after_the_last_number_of_ours_comes_the_first_and_everything_is_sent(trade, kind, place, numbers):
    count_from(trade, LAST - 2, kind)
    for number in range(1, 5):
        trade.take(interchange(group("PR", number, confirmation()), number=number))
        trade.clock.advance(timedelta(minutes=1))
    assert [one[place] for one in written(trade)] == numbers
    assert len(trade.answers()) == 4
    assert all(differences(b"~".join(map(b"*".join, _bytes(one))) + b"~") == [] for one in trade.answers())


def _bytes(segments: list[list[str]]) -> list[list[bytes]]:
    return [[element.encode() for element in segment] for segment in segments]


def test_the_groups_and_sets_of_one_file_count_over_the_last_number(trade):
    count_from(trade, LAST - 1, "group", "set")
    branches = ("ACMEEAST", "ACMENORTH", "ACMEWEST")
    trade.take(interchange(*(group("PR", 1, confirmation(), sender=branch) for branch in branches)))
    (said,) = trade.answers()
    assert differences(b"~".join(map(b"*".join, _bytes(said))) + b"~") == []
    groups = [segment[6] for segment in said if segment[0] == "GS"]
    sets = [segment[2] for segment in said if segment[0] == "ST"]
    assert sets == ["999999999", "0001", "0002"]
    assert groups == ["999999999", "1", "2"]
    assert [one[1:] for one in written(trade)] == list(zip(groups, sets, strict=True))
    trade.take(interchange(group("PR", 4, confirmation()), number=4))
    assert trade.answers()[1][2][2] == "0003", "the next one goes on from there"


def test_what_could_not_be_written_gives_its_numbers_back_over_the_last_one(trade):
    count_from(trade, LAST, "set")
    with trade.store.transaction(TENANT) as connection:
        numbers = outbox.ControlNumbers(connection, TENANT)
        with pytest.raises(ZeroDivisionError), numbers.attempt():
            assert numbers.take("acme_supply", "set", 7) == 1
            raise ZeroDivisionError
        assert numbers.take("acme_supply", "set", 2) == 1
        assert numbers.take("acme_supply", "set") == 3


def test_no_number_is_ever_zero():
    assert [number_after(one) for one in (0, 1, LAST - 1, LAST)] == [1, 2, LAST, 1]
    assert [number_after(LAST - 1, places) for places in range(4)] == [LAST - 1, LAST, 1, 2]


def test_what_is_reissued_counts_over_the_last_number():
    way = {"sender": "CROSSDOCK", "receiver": "ACMESUPPLY"}
    groups = [group("PO", number, order("0001"), order("0002"), **way) for number in (5, 6)]
    again = renumbered(interchange(*groups, **way), interchange=LAST, group=LAST, first_set=LAST - 1)
    items = list(read(again))
    assert [item.control_number for item in items if isinstance(item, Interchange)] == [str(LAST)]
    sets = [item for item in items if isinstance(item, TransactionSet)]
    assert [(one.group.control_number, one.control_number) for one in sets] == [
        (str(LAST), str(LAST - 1)), (str(LAST), str(LAST)), ("1", "0001"), ("1", "0002"),
    ]  # fmt: skip


# ── whose answer it is ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=400)])
def test_an_answer_finds_the_newest_that_we_sent_under_its_number(trade, later):
    trade.send(orders("0001", "0002"))
    trade.take(answer("AK1*PO*101", "AK9*A*2*2*2"))
    trade.clock.advance(later)
    trade.send(orders("0003", interchange_number=502))
    assert trade.take(answer("AK1*PO*101", "AK9*R*1*1*0", number=902)) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "accepted"), ("0003", "rejected")]


def test_what_was_never_answered_before_is_not_answered_now(trade):
    trade.send(orders("0001", "0002"))
    trade.clock.advance(timedelta(days=400))
    trade.overdue()
    trade.send(orders("0003", interchange_number=502))
    assert trade.take(answer("AK1*PO*101", "AK2*850*0003", "AK5*A", "AK9*A*1*1*1")) == []
    assert trade.states() == [("0001", "overdue"), ("0002", "overdue"), ("0003", "accepted")]


def test_a_ta1_finds_the_newest_interchange_of_its_number(trade):
    trade.send(orders("0001", control=101))
    trade.take(interchange(number=950, before=["TA1*000000501*261120*1402*A*000"]))
    trade.clock.advance(timedelta(days=400))
    trade.send(orders("0002", control=102))
    said = trade.take(interchange(number=951, before=["TA1*000000501*261120*1402*R*021"]))
    assert said == [], "it is the first word about this one"
    assert trade.states() == [("0001", "waiting"), ("0002", "rejected")]
    (fact,) = [one for one in trade.enriched() if one["data"]["kind"] == "acknowledgement"]
    assert [ref["value"] for ref in fact["data"]["refs"] if ref["kind"] == "group"] == ["102"]


def test_an_error_is_looked_up_in_the_newest_that_we_sent_under_its_number(trade):
    trade.send(orders("0001"))
    trade.clock.advance(timedelta(days=400))
    trade.send(orders("0002", interchange_number=502))
    wrong = answer(
        "AK1*PO*101", "AK2*850*0001", "AK3*PO1*3**8", "AK4*4*212*7*3.75", "AK5*R*5", "AK9*R*1*1*0", number=902
    )
    said = trade.take(wrong)
    assert codes(said) == ["EDI.ACK_UNMATCHED"], "the 850 0001 is not in this group any more"
    assert not any("resolved" in one["data"].get("ext", {}) for one in trade.enriched())


def test_the_answer_of_then_is_no_answer_of_now_when_its_message_is_processed_again(trade):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    trade.clock.advance(timedelta(days=400))
    trade.send(orders("0002", interchange_number=502))
    with trade.store.transaction(TENANT) as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    assert trade.process() == []
    assert trade.states() == [("0001", "accepted"), ("0002", "waiting")]


def test_the_answer_of_then_is_no_answer_to_a_copy_that_comes_now(trade):
    trade.take(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    trade.clock.advance(timedelta(days=400))
    trade.take(orders("0002", interchange_number=502))
    assert trade.states() == [("0001", "accepted"), ("0002", "waiting")]


def test_a_second_answer_of_then_is_none_to_what_is_sent_now_when_it_is_processed_again(trade):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=902))
    trade.clock.advance(timedelta(days=400))
    trade.send(orders("0002", interchange_number=502))
    with trade.store.transaction(TENANT) as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    trade.process()
    assert trade.states() == [("0001", "accepted"), ("0002", "waiting")]


def test_two_answers_of_then_are_none_to_a_copy_that_comes_now(trade):
    trade.take(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=902))
    trade.clock.advance(timedelta(days=400))
    trade.take(orders("0002", interchange_number=502))
    assert trade.states() == [("0001", "accepted"), ("0002", "waiting")]


def test_an_order_of_ours_and_one_of_the_erp_under_one_number_are_both_answered(trade):
    trade.take(orders("0001"))
    trade.clock.advance(timedelta(hours=1))
    trade.send(orders("0002", interchange_number=502))
    trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK5*R*5", "AK9*P*2*2*1"))
    assert trade.states() == [("0001", "accepted"), ("0002", "rejected")]
