"""The 869: who asks for the status of which orders. Whole documents are in mappings/inbound/x12_869/samples."""

from functools import partial

import pytest

from canonical.events import ExceptionEvent, Fact
from mappings.inbound import x12_869
from tests.mappings.documents import ACME, LAKESIDE, good_sets, problems, said_by, set_aside

say = partial(said_by, x12_869, partner=LAKESIDE)


def test_each_order_that_is_asked_about_is_a_fact_and_no_exception() -> None:
    said = say(
        "BSI*INQ-9*20261119*PP", "HL*1**O", "PRF*LK-1", "HL*2*1*I", "LIN*1*BP*VALVE-25", "QTY*01*20*EA",
        "HL*3**O", "PRF*LK-2",
    )  # fmt: skip
    assert all(isinstance(each, Fact) and each.kind == "inquired" for each in said)
    first, second = said
    assert first.refs == [
        {"kind": "customer_po", "value": "LK-1", "issuer": "lakeside_retail"},
        {"kind": "message", "value": "INQ-9", "issuer": "lakeside_retail"},
    ]
    assert first.attributes["asks_for"] == "some_items"
    assert first.occurred_at == {"value": "2026-11-19", "precision": "date"}
    assert first.lines[0]["line_ref"] == "1"
    assert first.lines[0]["ordered"]["value"] == "20"
    assert second.refs[0]["value"] == "LK-2"


def test_a_question_about_all_orders_is_one_fact() -> None:
    (fact,) = say("BSI*INQ-9*20261119*CO", "HL*1**O")
    assert fact.refs == [{"kind": "message", "value": "INQ-9", "issuer": "lakeside_retail"}]


def test_what_we_ask_a_supplier_is_about_our_own_order() -> None:
    (fact,) = say("BSI*INQ-9*20261119*PP", "HL*1**O", "PRF*4500123456", partner=ACME, direction="out")
    assert fact.refs == [
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
        {"kind": "message", "value": "INQ-9", "issuer": "main"},
    ], "the 870 that answers names both"


def test_a_broken_level_is_named_and_the_question_still_asked() -> None:
    fact, event = say("BSI*INQ-9*20261119*PP", "HL*1**O", "PRF*LK-1", "HL*2*7*I", "LIN*1*BP*A")
    assert fact.lines[0]["line_ref"] == "1"
    assert isinstance(event, ExceptionEvent)
    assert event.code == "EDI.SYNTAX"
    assert event.ext["levels"] == ["2"]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_every_good_sample_obeys_the_guide_of_both_releases(release: str) -> None:
    found = [each for each in good_sets(x12_869) if each.version == release]
    assert found
    assert problems(found, release) == []


@pytest.mark.parametrize(
    "body",
    [
        ("HL*1**O", "PRF*LK-1"),
        ("BSI*INQ-9*20261119*PP",),
        ("BSI**20261119*PP", "HL*1**O"),
        ("BSI*INQ-9*20269919*PP", "HL*1**O", "PRF*LK-1"),
        ("BSI*INQ-9*20261119*Q9", "HL*1**O", "PRF*LK-1"),
        ("BSI*INQ-9*20261119*PP", "HL*1**O", "PRF*LK-1", "LIN*1*BP*A", "QTY*01*x"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_place_and_remedy(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
