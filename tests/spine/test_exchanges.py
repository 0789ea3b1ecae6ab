"""Exchanges: acknowledgements find what they answer, and what was never answered is told."""

from datetime import timedelta

import pytest

from canonical import taxonomy
from crossdock.partners import Duplicates, Window
from tests.spine.trading import (
    Trade,
    acme,
    answer,
    codes,
    confirmation,
    group,
    interchange,
    only,
    orders,
    titles,
)


@pytest.fixture
def trade(store, clock):
    return Trade(store, clock)


# ── what we sent waits for its acknowledgement ───────────────────────────────────────────────────────────────


def test_a_set_of_ours_waits_from_its_delivery_on_and_not_before(trade):
    key = trade.send(orders("0001"), deliver=False)
    assert trade.states() == [("0001", "unsent")]
    trade.clock.advance(timedelta(hours=3))
    trade.deliver(key)
    (row,) = trade.rows(direction="out")
    assert row.state == "waiting"
    assert row.answer_due_at == trade.clock.now() + timedelta(hours=24)
    trade.deliver(key)
    assert trade.rows(direction="out") == [row], "delivered once"


def test_what_nobody_acknowledges_by_agreement_waits_for_nothing(trade):
    trade.partner = acme(expect="none")
    trade.send(orders("0001"))
    assert trade.states() == [("0001", "sent")]
    trade.clock.advance(timedelta(days=9))
    assert trade.overdue() == []


def test_what_was_given_up_waits_for_nothing_and_an_answer_to_it_is_no_surprise(trade, store):
    from crossdock.edi import exchanges

    key = trade.send(orders("0001"))
    with store.transaction("main") as connection:
        exchanges.note_given_up(connection, "main", key)
    assert trade.states() == [("0001", "cancelled")]
    trade.clock.advance(timedelta(days=2))
    assert trade.overdue() == []
    assert trade.take(answer("AK1*PO*101", "AK9*A*1*1*1")) == []
    assert trade.states() == [("0001", "cancelled")]


def test_each_set_of_ours_gets_its_own_verdict(trade):
    trade.send(orders("0001", "0002", "0003"))
    said = trade.take(
        answer(
            "AK1*PO*101", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK3*PO1*3**8", "AK4*2*330*6*X", "AK5*R*5",
            "AK2*850*0003", "AK5*E*5", "AK9*P*3*3*2",
        )
    )  # fmt: skip
    assert said == []
    assert trade.states() == [
        ("0001", "accepted"), ("0002", "rejected"), ("0003", "accepted_with_errors"),
    ]  # fmt: skip
    refused = trade.rows(direction="out")[1]
    assert refused.answer_raw_id is not None and refused.answered_at == trade.clock.now()
    assert refused.answer["set"] == "R" and refused.answer["group"] == "P"
    assert refused.answer["errors"]["segment"] == ["PO1", "PO1"]
    assert "x12-723:6" in refused.answer["codes"]


def test_an_answer_to_the_group_alone_answers_all_of_it(trade):
    trade.send(orders("0001", "0002"))
    assert trade.take(answer("AK1*PO*000000101", "AK9*A*2*2*2")) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "accepted")]


def test_a_rejected_group_takes_its_accepted_sets_with_it(trade):
    trade.send(orders("0001", "0002"))
    trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*R*2*2*0*4"))
    assert trade.states() == [("0001", "rejected"), ("0002", "rejected")]


def test_a_group_of_another_kind_with_the_same_number_is_not_answered(trade):
    trade.send(orders("0001"))
    said = trade.take(answer("AK1*IN*101", "AK9*A*1*1*1"))
    assert codes(said) == ["EDI.ACK_UNMATCHED"]
    assert trade.states() == [("0001", "waiting")]


def test_a_999_answers_as_a_997_does(trade):
    trade.send(orders("0001", "0002"))
    body = [
        "999 0001", "AK1*PO*101*004010", "AK2*850*0001", "IK3*PO1*3**8", "IK4*2*330*6*X", "IK5*R*5",
        "AK9*P*2*2*1",
    ]  # fmt: skip
    nines = interchange(
        group("FA", 9, body, version="005010X231A1"), number=902, release="00501", repetition="^"
    )
    assert trade.take(nines) == []
    assert trade.states() == [("0001", "rejected"), ("0002", "accepted")]


# ── trap 9: counts and lists that do not add up ──────────────────────────────────────────────────────────────


def test_unlisted_sets_are_accepted_where_the_counts_allow_nothing_else(trade):
    trade.send(orders("0001", "0002", "0003"))
    assert trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*R*5", "AK9*P*3*3*2")) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "rejected"), ("0003", "accepted")]


def test_unlisted_sets_are_rejected_where_the_counts_allow_nothing_else(trade):
    trade.send(orders("0001", "0002", "0003"))
    trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*A", "AK9*P*3*3*1"))
    assert trade.states() == [("0001", "rejected"), ("0002", "accepted"), ("0003", "rejected")]


@pytest.mark.parametrize("counts", ["P*3*3*3", "P*2*2*1", "P*4*4*2", "A*2*2*2", "E*1*1*1"])
def test_unlisted_sets_that_the_counts_do_not_explain_stay_waiting_and_an_event_says_so(trade, counts):
    trade.send(orders("0001", "0002", "0003"))
    said = trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*R*5", f"AK9*{counts}"))
    assert trade.states() == [("0001", "waiting"), ("0002", "rejected"), ("0003", "waiting")]
    assert codes(said) == ["EDI.ACK_UNMATCHED"]
    assert titles(said) == [
        "Acme Supply Co. answered our group PO 101, and 2 sets of it got no verdict: 850 0001, 850 0003"
    ]


def test_one_997_for_each_set_of_a_group_answers_the_group_bit_by_bit(trade):
    trade.send(orders("0001", "0002"))
    trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"))
    assert trade.states() == [("0001", "accepted"), ("0002", "waiting")]
    assert trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*A", "AK9*A*1*1*1", number=902)) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "accepted")]


def test_a_997_for_what_was_never_sent_is_told(trade):
    said = trade.take(answer("AK1*PO*777", "AK9*A*1*1*1"))
    assert codes(said) == ["EDI.ACK_UNMATCHED"]
    assert titles(said) == ["Acme Supply Co. acknowledged our group PO 777, which we never sent"]
    assert said[0].document["data"]["refs"][0] == {
        "kind": "group",
        "value": "777",
        "issuer": "main:acme_supply:PO",
    }


def test_a_set_that_we_never_sent_in_a_group_of_ours_is_told(trade):
    trade.send(orders("0001"))
    said = trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK2*850*0099", "AK5*R", "AK9*P*2*2*1"))
    assert trade.states() == [("0001", "accepted")]
    assert titles(said) == [
        "Acme Supply Co. acknowledged 850 0099 of our group PO 101, which we never sent in it"
    ]


def test_an_answer_that_comes_twice_says_which_one_it_repeats(trade):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    said = trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=905))
    assert codes(said) == ["EDI.ACK_UNMATCHED"]
    detail = said[0].document["data"]["detail"]
    assert detail.startswith("interchange 000000905 repeats interchange 000000901")
    assert detail.endswith("and says the same")


def test_two_answers_to_what_was_sent_twice_are_in_order_and_a_third_is_not(trade):
    trade.send(orders("0001"))
    trade.clock.advance(timedelta(hours=1))
    trade.send(orders("0001"))
    assert trade.take(answer("AK1*PO*101", "AK9*A*1*1*1")) == []
    assert trade.states() == [("0001", "accepted"), ("0001", "accepted")]
    assert trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=902)) == []
    assert codes(trade.take(answer("AK1*PO*101", "AK9*A*1*1*1", number=903))) == ["EDI.ACK_UNMATCHED"]


def test_a_later_answer_that_says_no_is_the_later_word_and_is_told(trade):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    said = trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0", number=905))
    assert trade.states() == [("0001", "rejected")]
    assert "850 0001 was accepted and is rejected now" in said[0].document["data"]["detail"]


def test_an_answer_whose_message_is_processed_again_is_no_second_answer(trade, store):
    import sqlalchemy as sa

    from crossdock.store.tables import raw_messages

    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    before = trade.rows()
    with store.transaction("main") as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    assert trade.process() == []
    assert trade.rows() == before


# ── TA1 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def ta1(*said: str, number: int = 950) -> bytes:
    return interchange(number=number, before=[f"TA1*{one}" for one in said])


def test_an_accepted_interchange_still_waits_for_its_997(trade):
    trade.send(orders("0001"))
    assert trade.take(ta1("000000501*261120*1402*A*000")) == []
    assert trade.states() == [("0001", "waiting")]
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    (row,) = trade.rows(direction="out", functional_id="PO")
    assert (row.state, row.answer["ta1"]["word"], row.answer["group"]) == ("accepted", "A", "A")


def test_a_rejected_interchange_takes_all_its_sets_with_it(trade):
    trade.send(orders("0001", "0002"))
    trade.take(ta1("000000501*261120*1402*R*021"))
    assert trade.states() == [("0001", "rejected"), ("0002", "rejected")]


def test_a_ta1_to_nothing_and_a_ta1_that_comes_twice_are_told(trade):
    trade.send(orders("0001"))
    said = trade.take(ta1("000000999*261120*1402*A*000"))
    assert titles(said) == ["Acme Supply Co. acknowledged our interchange 000000999, which we never sent"]
    assert trade.take(ta1("000000501*261120*1402*A*000", number=951)) == []
    said = trade.take(ta1("000000501*261120*1402*A*000", number=952))
    assert "interchange 000000952 repeats interchange 000000951" in said[0].document["data"]["detail"]


def test_of_two_sendings_under_one_number_the_duplicate_is_the_second(trade):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    trade.clock.advance(timedelta(hours=1))
    trade.send(orders("0001"))
    trade.take(ta1("000000501*261120*1402*R*025"))
    assert trade.states() == [("0001", "accepted"), ("0001", "rejected")]


# ── overdue ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_silence_is_told_once_for_each_group_when_its_time_is_over(trade):
    trade.send(orders("0001", "0002"))
    trade.clock.advance(timedelta(hours=23, minutes=59))
    assert trade.overdue() == []
    trade.clock.advance(timedelta(minutes=1))
    (said,) = trade.overdue()
    data = said.document["data"]
    assert data["code"] == "EDI.ACK_OVERDUE"
    assert data["title"] == (
        "Acme Supply Co. has not acknowledged our 850 0001, 850 0002 with a 997 within 24 hours"
    )
    assert [ref["value"] for ref in data["refs"]] == ["101", "0001", "0002"]
    assert data["ext"]["write_back"]["operation"] == "order_850"
    assert trade.states() == [("0001", "overdue"), ("0002", "overdue")]
    assert trade.overdue() == []


@pytest.mark.parametrize(
    "late",
    [
        answer("AK1*PO*101", "AK9*A*1*1*1"),
        answer("AK1*PO*101", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0"),
        ta1("000000501*261120*1402*R*022"),
    ],
)
def test_any_late_answer_to_a_group_ends_its_overdue_case_by_itself(trade, late):
    trade.send(orders("0001"))
    trade.clock.advance(timedelta(hours=25))
    (said,) = trade.overdue()
    assert trade.take(late) == []
    rule = taxonomy.codes()["EDI.ACK_OVERDUE"]
    facts = [one["data"] for one in trade.enriched() if "code" not in one["data"]]
    assert any(taxonomy.clears(rule, said.document["data"], fact) for fact in facts)
    assert trade.states()[0][1] in ("accepted", "rejected")


def test_a_yes_to_the_envelope_does_not_end_the_wait_for_the_group(trade):
    trade.send(orders("0001"))
    trade.clock.advance(timedelta(hours=25))
    (said,) = trade.overdue()
    trade.take(ta1("000000501*261120*1402*A*000"))
    rule = taxonomy.codes()["EDI.ACK_OVERDUE"]
    facts = [one["data"] for one in trade.enriched() if "code" not in one["data"]]
    assert facts and not any(taxonomy.clears(rule, said.document["data"], fact) for fact in facts)
    assert trade.states() == [("0001", "overdue")]


def test_a_group_that_is_looked_at_in_two_goes_is_told_as_one_exception(trade):
    trade.send(orders("0001", "0002", "0003"))
    trade.clock.advance(timedelta(hours=25))
    first, second = trade.overdue(limit=2), trade.overdue(limit=2)
    assert [one.document["id"] for one in first] == [one.document["id"] for one in second]
    assert {state for _, state in trade.states()} == {"overdue"}


# ── copies of what another system of ours sent ───────────────────────────────────────────────────────────────


def test_a_copy_of_ours_is_registered_and_waits_and_is_never_acknowledged(trade):
    assert trade.take(orders("0001")) == []
    (row,) = trade.rows()
    assert (row.direction, row.state, row.functional_id) == ("out", "waiting", "PO")
    assert row.raw_id is not None and row.write_back_id is None
    assert trade.answers() == []
    facts = [one["data"] for one in trade.documents if "code" not in one["data"]]
    assert facts and all(fact["attributes"]["direction"] == "out" for fact in facts)
    trade.take(answer("AK1*PO*101", "AK9*A*1*1*1"))
    assert trade.states() == [("0001", "accepted")]


def test_a_copy_of_what_we_wrote_ourselves_is_not_registered_again(trade):
    trade.send(orders("0001"))
    trade.take(orders("0001"))
    assert len(trade.rows()) == 1


def test_an_answer_that_comes_before_the_copy_of_what_it_answers_finds_it(trade):
    said = trade.take(answer("AK1*PO*101", "AK2*850*0002", "AK5*R*5", "AK9*P*2*2*1"))
    assert codes(said) == ["EDI.ACK_UNMATCHED"]
    trade.clock.advance(timedelta(minutes=5))
    assert trade.take(orders("0001", "0002")) == []
    assert trade.states() == [("0001", "accepted"), ("0002", "rejected")]


def test_our_own_acknowledgements_in_a_copy_state_nothing_and_wait_for_nothing(trade):
    way = {"sender": "CROSSDOCK", "receiver": "ACMESUPPLY"}
    ours = interchange(
        group("FA", 7, ["997 0001", "AK1*PR*1", "AK9*A*1*1*1"], **way), number=77, before=(), **way
    )
    trade.take(ours)
    assert trade.documents == []
    assert [row.state for row in trade.rows()] == ["sent"]


# ── what an error is about ───────────────────────────────────────────────────────────────────────────────────


def rejected(trade):
    (event,) = [
        one["data"] for one in trade.enriched() if one["data"].get("code") == "EDI.TRANSACTION_REJECTED"
    ]
    return event


def test_an_error_is_resolved_to_our_segment_element_value_and_decision(trade):
    key = trade.send(orders("0001", "0002"))
    trade.take(
        answer("AK1*PO*101", "AK2*850*0002", "AK3*PO1*3**8", "AK4*4*212*7*3.75", "AK5*R*5", "AK9*P*2*2*1")
    )
    event = rejected(trade)
    resolved = event["ext"]["resolved"]
    assert resolved["our_segment"][1] == "PO1*1*60*EA*3.75**BP*VALVE-8"
    assert (resolved["element_name"][1], resolved["our_value"][1]) == ("Unit Price", "3.75")
    assert event["ext"]["write_back"] == {
        "id": str(key),
        "operation": "order_850",
        "subject": "supplier_po/4500123456",
    }
    assert (
        "in our segment 3, 'PO1*1*60*EA*3.75**BP*VALVE-8', element 4 (Unit Price) is '3.75'"
        in event["detail"]
    )
    assert "written by order_850 for supplier_po/4500123456" in event["detail"]


def test_an_error_in_a_copy_is_resolved_to_the_message_that_holds_it(trade):
    trade.take(orders("0001"))
    (row,) = trade.rows()
    trade.take(
        answer(
            "AK1*PO*101", "AK2*850*0001", "AK3*BEG*2**8", "AK4*3*324*5*4500123456", "AK5*R*5", "AK9*R*1*1*0"
        )
    )
    event = rejected(trade)
    assert event["ext"]["copy"] == {"raw_id": str(row.raw_id), "part": 0}
    assert event["ext"]["resolved"]["our_value"][1] == "4500123456"
    assert "a copy of it is in '1.edi'" in event["detail"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("AK3*DTM*3**2", "our segment 3 is 'PO1*1*60*EA*3.75**BP*VALVE-8', no DTM"),
        ("AK3*N1*4**3", "our segment 4 is 'CTT*1'"),
        ("AK3*PO1*99**8", "we sent no segment 99"),
        ("AK3*PO1*3**5", "our segment 3 is 'PO1*1*60*EA*3.75**BP*VALVE-8'"),
    ],
)
def test_a_place_that_is_not_as_the_partner_says_is_told_as_it_is(trade, error, sentence):
    trade.send(orders("0001"))
    trade.take(answer("AK1*PO*101", "AK2*850*0001", error, "AK5*R*5", "AK9*R*1*1*0"))
    assert sentence in rejected(trade)["detail"]


def test_an_answer_to_nothing_of_ours_is_left_as_it_was(trade):
    trade.take(answer("AK1*PO*101", "AK2*850*0001", "AK3*PO1*3**8", "AK5*R*5", "AK9*R*1*1*0"))
    assert trade.enriched() == trade.documents


# ── the same number twice ────────────────────────────────────────────────────────────────────────────────────


def incoming(number: int = 1, gs: int | str = 1, *sets: list[str]) -> bytes:
    return interchange(group("PR", gs, *(sets or (confirmation(),))), number=number)


def test_an_interchange_that_came_before_is_refused_before_it_is_mapped(trade):
    assert trade.take(incoming()) == []
    trade.clock.advance(timedelta(days=29))
    said = trade.take(incoming(1, 1, confirmation(order="999")))
    assert codes(said) == ["EDI.DUPLICATE_CONTROL"]
    assert titles(said) == ["Acme Supply Co. sent interchange 000000001 again, with other bytes"]
    assert trade.parts == [("855 0001", "rejected", "EDI.DUPLICATE_CONTROL")]
    assert trade.documents == []
    second = trade.answers()[1]
    assert only(second, "TA1") == [["TA1", "000000001", "261120", "1402", "R", "025"]]
    assert only(second, "AK1") == [], "a 997 would be taken as the answer to the first"


def test_the_same_bytes_in_another_file_are_told_apart_from_other_bytes(trade):
    trade.take(incoming())
    said = trade.take(incoming() + b"\n\n")
    assert titles(said) == ["Acme Supply Co. sent interchange 000000001 again, with the same bytes"]


def test_a_number_that_comes_again_after_its_window_is_new(trade):
    trade.take(incoming())
    trade.clock.advance(timedelta(days=31))
    assert trade.take(incoming(1, 1, confirmation(order="999"))) == []
    assert trade.parts == [("855 0001", "processed", "")]


def test_two_files_of_one_batch_and_two_interchanges_of_one_file_are_compared(trade):
    said = trade.take(incoming(), incoming(1, 1, confirmation(order="999")), incoming(2, 2) + incoming(2, 2))
    assert codes(said) == ["EDI.DUPLICATE_CONTROL", "EDI.DUPLICATE_CONTROL"]
    assert [state for _, state, _ in trade.parts] == ["processed", "rejected", "processed", "rejected"]


def test_an_interchange_that_we_refused_may_come_again_under_its_number(trade):
    broken = incoming().replace(b"IEA*1*", b"IEA*2*")
    trade.take(broken)
    assert trade.parts == [("855 0001", "rejected", "EDI.INTERCHANGE_REJECTED")]
    assert trade.take(incoming()) == []
    assert trade.parts == [("855 0001", "processed", "")]


@pytest.mark.parametrize(("then", "state"), [("flag", "processed"), ("ignore", "processed")])
def test_a_profile_may_let_a_duplicate_pass_told_or_untold(trade, then, state):
    window = Window(timedelta(days=30), then)
    trade.partner = acme(duplicates=Duplicates(interchange=window, group=Window(timedelta(), "ignore")))
    trade.take(incoming())
    said = trade.take(incoming(1, 2, confirmation(order="999")))
    assert trade.parts == [("855 0001", state, "")]
    assert codes(said) == (["EDI.DUPLICATE_CONTROL"] if then == "flag" else [])


def test_a_group_that_came_before_is_refused_as_a_whole_where_the_profile_says_so(trade):
    month = timedelta(days=30)
    trade.partner = acme(duplicates=Duplicates(group=Window(month, "reject")))
    trade.take(incoming(1, 7, confirmation("0001"), confirmation("0002")))
    said = trade.take(incoming(2, "0007", confirmation("0003"), confirmation("0004")))
    assert titles(said) == ["Acme Supply Co. sent group PR 7 again, with other bytes"]
    assert [state for _, state, _ in trade.parts] == ["rejected", "rejected"]
    assert only(trade.answers()[1], "AK9") == [["AK9", "R", "2", "2", "0", "6"]]


def test_a_set_that_came_before_in_its_group_is_refused_alone(trade):
    month = timedelta(days=30)
    windows = Duplicates(group=Window(month, "ignore"), set=Window(month, "reject"))
    trade.partner = acme(duplicates=windows)
    trade.take(incoming(1, 7, confirmation("0001")))
    said = trade.take(incoming(2, 7, confirmation("0001"), confirmation("0002")))
    assert codes(said) == ["EDI.DUPLICATE_CONTROL"]
    assert [state for _, state, _ in trade.parts] == ["rejected", "processed"]
    assert only(trade.answers()[1], "AK5") == [["AK5", "R", "23"], ["AK5", "A"]]


def test_a_message_that_is_processed_again_is_no_duplicate_of_itself(trade, store):
    import sqlalchemy as sa

    from crossdock.store.tables import raw_messages

    trade.take(incoming())
    with store.transaction("main") as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    assert trade.process() == []
    assert trade.parts == [("855 0001", "processed", "")]
    assert len(trade.answers()) == 1, "its sender has its answer"


# ── numbers in order ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def counted(store, clock):
    return Trade(store, clock, acme(sequence="gaps"))


def test_a_gap_names_the_numbers_that_are_missing(counted):
    assert counted.take(incoming(101, 101)) == []
    assert counted.take(incoming(102, 102)) == []
    (said,) = counted.take(incoming(105, 105))
    data = said.document["data"]
    assert data["code"] == "EDI.SEQUENCE_GAP"
    assert data["title"] == (
        "Acme Supply Co. sent interchange 000000105, and 2 interchanges before it did not come: "
        "000000103, 000000104"
    )
    assert data["ext"]["missing"] == ["000000103", "000000104"]


def test_a_missing_number_that_comes_late_is_told_in_the_same_case(counted):
    for number in (101, 105):
        said = counted.take(incoming(number, number))
    gap = said[0].document["data"]
    counted.clock.advance(timedelta(hours=1))
    first = counted.take(incoming(104, 104))[0].document["data"]
    counted.clock.advance(timedelta(hours=1))
    counted.take(incoming(102, 102))
    counted.clock.advance(timedelta(hours=1))
    last = counted.take(incoming(103, 103))[0].document["data"]
    assert first["title"] == (
        "Acme Supply Co. sent interchange 000000104 late, after 000000105; still missing: 000000102, 000000103"
    )
    assert last["title"].endswith("none of that gap is missing any more")
    assert gap["fold_key"] == first["fold_key"] == last["fold_key"]


def test_files_that_are_read_together_are_in_order_whatever_their_order(counted):
    assert counted.take(incoming(103, 103), incoming(101, 101), incoming(102, 102)) == []
    assert codes(counted.take(incoming(106, 106), incoming(104, 104))) == ["EDI.SEQUENCE_GAP"]


def test_a_number_that_comes_twice_is_a_duplicate_and_no_gap(counted):
    counted.take(incoming(101, 101), incoming(102, 102))
    assert codes(counted.take(incoming(101, 101, confirmation(order="9")))) == ["EDI.DUPLICATE_CONTROL"]


def test_a_partner_that_begins_to_count_anew_is_told(counted):
    counted.take(incoming(500, 500))
    (said,) = counted.take(incoming(1, 1))
    assert "lower than every number before" in said.document["data"]["title"]


def coming(trade: Trade, *numbers: int) -> list[str]:
    """What is said as these come one after the other, a minute apart."""
    said: list[str] = []
    for number in numbers:
        said += titles(trade.take(incoming(number, number)))
        trade.clock.advance(timedelta(minutes=1))
    return [one.removeprefix("Acme Supply Co. sent ") for one in said]


@pytest.mark.parametrize("first", [0, 1])
def test_after_the_last_number_there_is_comes_the_first_and_nothing_is_asked(counted, first):
    assert coming(counted, 999_999_998, 999_999_999, first, first + 1, first + 2) == []
    assert coming(counted, first + 4) == [
        f"interchange {first + 4:09}, and the interchange before it did not come: {first + 3:09}"
    ]


def test_a_number_lost_just_before_the_wrap_is_still_told_late_after_it(counted):
    assert len(coming(counted, 999_999_997, 999_999_999)) == 1
    assert coming(counted, 1, 999_999_998, 2) == [
        "interchange 999999998 late, after 999999999; none of that gap is missing any more"
    ]


@pytest.mark.parametrize("known", [(), (999_999_998,)])
def test_a_wrap_within_one_batch_is_in_order(counted, known):
    assert coming(counted, *known) == []
    assert counted.take(*(incoming(number, number) for number in (2, 999_999_999, 1))) == []
    counted.clock.advance(timedelta(minutes=1))
    assert coming(counted, 3, 4) == []


def test_who_begins_anew_is_asked_once_and_its_gaps_from_there_on_are_told(counted):
    assert coming(counted, 500, 501, 1, 2, 3) == [
        "interchange 000000001, lower than every number before: does it count anew?"
    ]
    assert coming(counted, 6, 7, 4, 5, 8) == [
        "interchange 000000006, and 2 interchanges before it did not come: 000000004, 000000005",
        "interchange 000000004 late, after 000000006; still missing: 000000005",
        "interchange 000000005 late, after 000000006; none of that gap is missing any more",
    ]


def test_who_begins_anew_a_second_time_is_asked_a_second_time(counted):
    assert len(coming(counted, 5000, 300, 301)) == 1
    assert len(coming(counted, 10, 11, 12)) == 1
    assert coming(counted, 14) == [
        "interchange 000000014, and the interchange before it did not come: 000000013"
    ]


def test_a_number_that_was_missing_before_it_began_anew_is_told_as_late(counted):
    assert len(coming(counted, 500, 503)) == 1
    assert coming(counted, 501) == [
        "interchange 000000501 late, after 000000503; still missing: 000000502",
    ]
    assert len(coming(counted, 1, 2)) == 1
    assert coming(counted, 502, 3, 4) == [
        "interchange 000000502 late, after 000000503; none of that gap is missing any more"
    ]


def test_the_last_files_of_the_old_counting_come_between_the_first_of_the_new(counted):
    assert len(coming(counted, 500, 501, 1)) == 1
    assert coming(counted, 502, 2, 503, 3) == []
    assert len(counted.take(incoming(504, 504), incoming(5, 5))) == 1, (
        "000000004 is missing, and nothing else"
    )


def test_a_first_file_that_was_overtaken_does_not_hide_what_is_missing_later(counted):
    assert len(coming(counted, 100, 98)) == 1
    assert coming(counted, 101, 103) == [
        "interchange 000000103, and the interchange before it did not come: 000000102"
    ]


def test_each_year_from_one_is_asked_once_a_year(counted):
    coming(counted, 1, 2, 3, 4)
    counted.clock.advance(timedelta(days=365))
    assert coming(counted, 1, 2) == [
        "interchange 000000001, a number that it used long ago: does it count anew?"
    ]
    assert coming(counted, 4) == [
        "interchange 000000004, and the interchange before it did not come: 000000003"
    ]


def test_a_refused_copy_does_not_disturb_the_counting(counted):
    assert len(coming(counted, 500, 1, 2)) == 1
    assert codes(counted.take(incoming(1, 1, confirmation(order="9")))) == ["EDI.DUPLICATE_CONTROL"]
    counted.clock.advance(timedelta(minutes=1))
    assert coming(counted, 3, 4) == []


def test_a_jump_is_told_by_its_ends(counted):
    counted.take(incoming(1, 1))
    (said,) = counted.take(incoming(900_000_001, 2))
    assert (
        "899999999 interchanges before it did not come: 000000002 to 900000000"
        in said.document["data"]["title"]
    )
    assert said.document["data"]["ext"]["missing_count"] == 899_999_999


def test_a_partner_without_that_agreement_may_count_as_it_likes(trade):
    trade.take(incoming(1, 1))
    assert trade.take(incoming(77, 77)) == []


def test_a_message_that_is_processed_again_is_not_late(counted, store):
    import sqlalchemy as sa

    from crossdock.store.tables import raw_messages

    counted.take(incoming(101, 101))
    counted.take(incoming(102, 102))
    with store.transaction("main") as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    assert counted.process() == []


# ── the register itself ──────────────────────────────────────────────────────────────────────────────────────


def test_what_came_is_registered_set_by_set_with_what_it_was_answered(trade):
    bad = ["855 0002", "PO1*1*60*EA*3.75", "CTT*1"]
    trade.take(incoming(8, 3, confirmation("0001"), bad))
    good, refused = trade.rows(direction="in")
    assert (good.interchange_number, good.functional_id, good.group_number) == ("000000008", "PR", "3")
    assert (good.set_id, good.set_number, good.release, good.state) == ("855", "0001", "004010", "received")
    assert good.answer is None and refused.answer == {"told": "R"}
    (ours,) = trade.rows(direction="out")
    assert (ours.set_id, ours.state) == ("997", "sent")


def test_nothing_is_asked_or_written_where_nothing_is_x12(trade, store):
    from crossdock.edi import exchanges

    with store.transaction("main") as connection:
        connection.close()  # whoever used it would fail
        assert exchanges.note_received(connection, "main", [], [trade.partner], trade.clock.now()) == []
