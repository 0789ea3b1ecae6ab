"""The 997: what a partner's verdicts on our groups and sets say. Whole documents are in the mapping's samples."""

from functools import partial
from pathlib import Path

import pytest

from canonical import taxonomy
from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.partners import Partner
from mappings.inbound import x12_997
from tests.mappings.documents import (
    ACME,
    LENIENT,
    a_set,
    codes,
    context,
    events,
    facts,
    said_by,
    sealed,
    sets_in,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "x12" / "997"

say = partial(said_by, x12_997, partner=ACME)


# ── verdicts on sets ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_accepted_group_is_told_as_facts_and_troubles_nobody() -> None:
    said = say("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1")
    assert [type(each) for each in said] == [Fact, Fact]
    of_set, of_group = said
    assert [ref["kind"] for ref in of_set.refs] == ["transaction_set", "group"]
    assert [ref["value"] for ref in of_set.refs] == ["0001", "101"]
    assert of_set.refs[0]["scheme"] == "x12/850"
    assert of_group.refs == [{"kind": "group", "value": "101", "issuer": "main:acme_supply:PO"}]
    assert of_group.attributes["accepted"] == "true"


@pytest.mark.parametrize("verdict", ["R", "M", "W", "X"])
def test_each_way_of_rejecting_a_set_is_a_rejected_set(verdict: str) -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0001", f"AK5*{verdict}*5", "AK9*P*1*1*0"))
    assert event.code == "EDI.TRANSACTION_REJECTED"
    assert event.source_codes[0]["scheme"] == "x12-717"
    assert event.source_codes[0]["code"] == verdict
    assert event.title == "Acme Supply Co. rejected our 850 0001 of group 101"


def test_one_event_for_each_rejected_set_and_none_for_its_good_siblings() -> None:
    found = events(say(
        "AK1*PO*101", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK5*R", "AK2*850*0003", "AK5*R", "AK9*P*3*3*1",
    ))  # fmt: skip
    assert codes(found) == ["EDI.TRANSACTION_REJECTED", "EDI.TRANSACTION_REJECTED"]
    assert [event.refs[0]["value"] for event in found] == ["0002", "0003"]
    assert all("findings" not in event.ext for event in found)


def test_accepted_with_errors_is_no_rejection_and_is_told_once() -> None:
    found = events(say("AK1*PO*101", "AK2*850*0001", "AK5*E*5", "AK9*E*1*1*1"))
    assert codes(found) == ["EDI.ACCEPTED_WITH_ERRORS"]
    assert found[0].refs[0]["kind"] == "transaction_set"


def test_a_rejected_set_folds_apart_from_the_same_number_in_another_group_or_at_another_partner() -> None:
    def key(group: str, sender: str, partner: Partner | None) -> str:
        body = (f"AK1*PO*{group}", "AK2*850*0001", "AK5*R", "AK9*P*1*1*0")
        document = a_set("997", *body, sender=("ZZ", sender))
        (event,) = events(list(x12_997.map(document, context(partner))))
        fold_key: str = sealed(event)["data"]["fold_key"]
        return fold_key

    keys = {
        key("101", "ACMESUPPLY", ACME), key("102", "ACMESUPPLY", ACME), key("101", "OTHER", None),
    }  # fmt: skip
    assert len(keys) == 3
    assert key("101", "ACMESUPPLY", ACME) == key("000000101", "ACMESUPPLY", ACME)


def test_errors_are_told_for_people_and_as_columns_with_the_way_to_their_segment() -> None:
    (event,) = events(say(
        "AK1*PO*101", "AK2*850*0001", "AK3*N1*4**3",
        "AK3*DTM*5*N1*8", "AK4*2*373*8*20261399", "AK4*3>1*337*5", "AK5*R*5", "AK9*P*1*1*0",
    ))  # fmt: skip
    assert event.detail is not None
    assert "N1 at segment 4: must be there and is missing" in event.detail
    assert "DTM at segment 5 in loop N1, element 2 (373): is no date, '20261399'" in event.detail
    errors = event.ext["errors"]
    assert errors["path"] == [
        "AK2[1]/AK3[1]",
        "AK2[1]/AK3[2]",
        "AK2[1]/AK3[2]/AK4[1]",
        "AK2[1]/AK3[2]/AK4[2]",
    ]
    assert errors["position"] == [4, 5, 6, 7]
    assert errors["segment"] == ["N1", "DTM", "DTM", "DTM"]
    assert errors["component"] == [None, None, None, "1"]
    assert errors["value"] == [None, None, "20261399", None]
    assert event.place["x12"]["path"] == "AK2[1]/AK5"
    assert event.place["x12"]["segment_ordinal"] == 8
    assert [each["scheme"] for each in event.source_codes] == [
        "x12-717", "x12-718", "x12-720", "x12-720", "x12-723", "x12-723",
    ]  # fmt: skip


def test_an_error_code_that_nobody_knows_explains_nothing_and_stops_nothing() -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0001", "AK3*N1*4**77", "AK5*R*88", "AK9*P*1*1*0"))
    assert {"scheme": "x12-720", "code": "77", "mapped": False} in event.source_codes
    assert event.detail is not None
    assert "error 88" in event.detail


def test_a_bad_value_is_shown_and_cannot_carry_control_characters() -> None:
    (event,) = events(
        say("AK1*PO*101", "AK2*850*0001", "AK3*N1*4**8", "AK4*2*93*6*A\x00\x07B", "AK5*R", "AK9*P*1*1*0")
    )
    assert event.ext["errors"]["value"][-1] == "A␀␇B"


def test_a_rejection_without_detail_says_that_it_has_none() -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0"))[:1]
    assert event.detail is not None
    assert "it names no segment and no element that is wrong" in event.detail
    (told,) = events(say("AK1*PO*101", "AK2*850*0001", "AK3*N1*4**3", "AK5*R*5", "AK9*R*1*1*0"))[:1]
    assert told.detail is not None
    assert "it names no segment" not in told.detail


def test_a_group_of_orders_and_one_of_invoices_with_the_same_number_are_two() -> None:
    (orders,), (invoices,) = facts(say("AK1*PO*101", "AK9*A*1*1*1")), facts(say("AK1*IN*101", "AK9*A*1*1*1"))
    assert orders.refs[0]["value"] == invoices.refs[0]["value"]
    assert orders.refs[0]["issuer"] != invoices.refs[0]["issuer"]


# ── verdicts on the group ────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_to_the_group_alone_is_an_answer() -> None:
    (fact,) = say("AK1*PO*101", "AK9*A*3*3*3")
    assert fact.attributes["sets_accepted"] == "3"


@pytest.mark.parametrize("verdict", ["R", "M", "W", "X"])
def test_each_way_of_rejecting_a_group_is_a_rejected_group(verdict: str) -> None:
    (event,) = events(say("AK1*PO*101", f"AK9*{verdict}*2*2*0*4"))
    assert event.code == "EDI.GROUP_REJECTED"
    assert event.detail is not None
    assert "the control numbers of GS and GE differ" in event.detail
    assert event.place["x12"]["path"] == "AK9"


def test_a_rejected_group_takes_its_accepted_sets_with_it() -> None:
    said = say("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*R*1*1*0")
    assert [each.attributes["accepted"] for each in facts(said)] == ["false", "false"]
    assert codes(said) == ["EDI.GROUP_REJECTED"]


def test_the_rejected_sets_of_a_rejected_group_are_told_besides_it() -> None:
    found = events(say("AK1*PO*101", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0"))
    assert codes(found) == ["EDI.TRANSACTION_REJECTED", "EDI.GROUP_REJECTED"]


def test_a_group_accepted_with_errors_of_its_own_is_told() -> None:
    assert codes(say("AK1*PO*101", "AK9*E*1*1*1*5")) == ["EDI.ACCEPTED_WITH_ERRORS"]
    found = events(say("AK1*PO*101", "AK2*850*0001", "AK5*E", "AK9*E*1*1*1*5"))
    assert [event.refs[0]["kind"] for event in found] == ["transaction_set", "group"]


# ── trap 9: counts that do not add up ────────────────────────────────────────────────────────────────────────


def test_a_set_that_the_counts_reject_and_nobody_names_is_not_lost() -> None:
    found = events(say("AK1*PO*101", "AK2*850*0001", "AK5*R", "AK9*P*3*3*1"))
    assert codes(found) == ["EDI.TRANSACTION_REJECTED", "EDI.TRANSACTION_REJECTED"]
    named, unnamed = found
    assert named.refs[0]["kind"] == "transaction_set"
    assert unnamed.refs[0]["kind"] == "group"
    assert unnamed.method == "rule"
    assert "sets rejected by the counts: 2, by their AK5: 1" in unnamed.ext["findings"]


def test_an_acceptance_whose_counts_reject_a_set_is_no_acceptance_in_silence() -> None:
    (event,) = events(say("AK1*PO*101", "AK9*A*3*3*2"))
    assert event.code == "EDI.TRANSACTION_REJECTED"


def test_a_part_acceptance_that_names_fewer_sets_than_there_are_says_so() -> None:
    (event,) = events(say("AK1*PO*101", "AK2*850*0002", "AK5*R", "AK9*P*3*3*2"))
    assert event.refs[0]["value"] == "0002"
    assert event.detail is not None
    assert "sets in the group: 3, named: 1" in event.detail


def test_a_part_acceptance_without_a_rejected_set_is_told_of_the_group() -> None:
    (event,) = events(say("AK1*PO*101", "AK9*P*2*2*2"))
    assert event.code == "EDI.TRANSACTION_REJECTED"
    assert event.refs[0]["kind"] == "group"


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (("AK9*A*3*2*2",), "sets announced: 3, received: 2"),
        (("AK9*A*2*2*3",), "sets received: 2, accepted: 3"),
        (
            ("AK2*850*0001", "AK5*A", "AK2*850*0002", "AK5*A", "AK9*A*1*1*1"),
            "sets in the group: 1, answered: 2",
        ),
        (("AK2*850*0001", "AK5*A", "AK2*850*0001", "AK5*A", "AK9*A*2*2*2"), "850 0001 is answered 2 times"),
        (("AK9*A*x*2*2",), "AK902 'x' is no count"),
        (("AK9*A",), "AK902 '' is no count"),
    ],
)
def test_counts_that_do_not_add_up_are_a_finding_and_never_silence(
    body: tuple[str, ...], finding: str
) -> None:
    (event,) = events(say("AK1*PO*101", *body))
    assert event.code == "EDI.ACCEPTED_WITH_ERRORS"
    assert event.method == "rule"
    assert finding in event.ext["findings"]
    assert event.detail is not None
    assert finding in event.detail


def test_a_bad_count_does_not_hide_a_rejection() -> None:
    assert codes(say("AK1*PO*101", "AK2*850*0001", "AK5*R", "AK9*P*many*1*0")) == ["EDI.TRANSACTION_REJECTED"]


# ── an answer ends the clock that waits for it ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verdict", ["A*1*1*1", "R*1*1*0"])
def test_any_answer_ends_the_wait_for_an_answer(verdict: str) -> None:
    document = a_set("997", "AK1*PO*000000101", f"AK9*{verdict}")
    (fact,) = facts(list(x12_997.map(document, context(ACME))))
    overdue = ExceptionEvent(
        code="EDI.ACK_OVERDUE",
        title="No 997 for group 101",
        refs=[{"kind": "group", "value": "101", "issuer": x12_997.issuer(context(ACME), document, "PO")}],
        place={},
        method="timer",
    )
    rule = taxonomy.codes()["EDI.ACK_OVERDUE"]
    assert taxonomy.clears(rule, sealed(overdue)["data"], sealed(fact)["data"])
    elsewhere = {
        **sealed(overdue)["data"],
        "refs": [{"kind": "group", "value": "101", "issuer": "main:other:PO"}],
    }
    assert not taxonomy.clears(rule, elsewhere, sealed(fact)["data"])


def test_the_time_of_the_answer_is_the_partners_own() -> None:
    (fact,) = facts(say("AK1*PO*101", "AK9*A*1*1*1"))
    assert fact.occurred_at == {
        "value": "2026-11-20T14:02-06:00",
        "precision": "minute",
        "tz_source": "partner-default",
        "source_text": "2026-11-20T14:02",
    }


# ── what cannot be mapped ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        (),
        ("AK9*A*1*1*1",),
        ("AK1*PO", "AK9*A*1*1*1"),
        ("AK1*PO*1234567890", "AK9*A*1*1*1"),
        ("AK1*PO*1\x002", "AK9*A*1*1*1"),
        ("AK1*PO*101",),
        ("AK1*PO*101", "AK9"),
        ("AK1*PO*101", "AK2*850", "AK5*A", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK2*850*0002", "AK5*A", "AK9*A*2*2*2"),
        ("AK1*PO*101", "AK2*850*0001", "AK5", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK3*N1*1**1", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK4*1*1*1", "AK5*R", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK5*R", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK9*A*1*1*1", "AK2*850*0001", "AK5*R"),
        ("AK1*PO*101", "AK1*PO*102", "AK9*A*1*1*1"),
    ],
)
def test_an_answer_whose_verdicts_cannot_be_told_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.code == "EDI.MAP_FAILURE"
    assert refused.value.place.segment is not None
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("body", "element"),
    [(("AK2*850*0001", "AK5*Q", "AK9*A*1*1*1"), "717"), (("AK9*Z*1*1*1",), "715")],
)
def test_a_verdict_that_nobody_knows_is_set_aside_with_a_way_to_fix_it(
    body: tuple[str, ...], element: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        say("AK1*PO*101", *body)
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert f"[codes.x12-{element}]" in refused.value.remedy


def test_a_lenient_partners_unknown_verdict_is_never_taken_for_a_yes() -> None:
    found = say("AK1*PO*101", "AK2*850*0001", "AK5*Q", "AK9*Z*1*1*1", partner=LENIENT)
    assert [each.attributes["accepted"] for each in facts(found)] == ["false", "false"]
    assert codes(found) == [
        "EDI.UNMAPPED_CODE", "EDI.UNMAPPED_CODE",
    ]  # fmt: skip


def test_every_997_of_the_corpus_is_mapped_or_set_aside_and_never_a_crash() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    mapped = 0
    for path in sorted(CORPUS.iterdir()):
        for item in sets_in(path.read_bytes()):
            if item.set_id != "997":
                continue
            try:
                said = list(x12_997.map(item, context(None)))
            except Unreadable as error:
                assert error.remedy, path.name
                continue
            mapped += 1
            assert said, path.name
            for statement in said:
                sealed(statement)
    assert mapped > 20
