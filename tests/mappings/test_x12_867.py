"""The 867: what a distributor sold on and what came back. Whole documents are in samples."""

from pathlib import Path
from typing import Any

import pytest

from crossdock.errors import Unreadable
from crossdock.formats.x12.guides import check
from mappings import golden
from mappings.inbound import x12_867
from tests.mappings.documents import LAKESIDE, LENIENT, a_set, events, facts, problems, said_by, sets_in


def say(*body: str, head: str = "BPT*00*PTR-1*20261120", **how: Any) -> list[Any]:
    return said_by(x12_867, head, *body, **{"partner": LAKESIDE, **how})


ITEM = "LIN**UP*036000291452"


@pytest.mark.parametrize(
    ("transfer", "kind", "code"),
    [
        ("SS", "shipped", None), ("DS", "shipped", None), ("CS", "shipped", None), ("SD", "shipped", None),
        ("BN", "returned", "RTN.REQUESTED"), ("RV", "returned", "RTN.REQUESTED"),
        ("RB", "returned", "RTN.REQUESTED"), ("RP", "returned", "RTN.REQUESTED"), ("RU", "returned", None),
        ("BR", "returned", "RTN.DISPOSITION"), ("SC", "adjusted", "RTN.DISPOSITION"),
        ("CO", "shipped", "RTN.DISPOSITION"), ("IA", "adjusted", "INV.ADJUSTMENT"),
        ("BB", "status", None), ("RC", "status", None),
    ],
)  # fmt: skip
def test_a_transfer_is_what_its_type_says(transfer: str, kind: str, code: str | None) -> None:
    body = (f"PTD*{transfer}", "QTY*01*3*EA", ITEM)
    (fact,) = facts(say(*body))
    assert fact.kind == kind
    assert [event.code for event in events(say(*body))] == ([code] if code else [])


def test_what_was_sold_on_is_shipped_with_quantity_and_price() -> None:
    (fact,) = facts(
        say("CUR*BY*USD", "PTD*SS", "QTY*32*15*BX", ITEM, "UIT*BX*18.25*CT", "QTY*32*4*BX", "LIN*2*UP*1")
    )
    assert [line["affected"]["value"] for line in fact.lines] == ["15", "4"]
    assert fact.lines[0]["unit_price"] == {"amount": "18.25", "currency": "USD"}


def test_a_quantity_may_be_stock_or_a_return_whatever_the_transfer_is() -> None:
    body = ("PTD*SS", "QTY*32*9*EA", ITEM, "QTY*17*120*EA", ITEM, "QTY*76*2*EA", ITEM)
    assert [fact.kind for fact in facts(say(*body))] == ["shipped", "inventory", "returned"]
    (event,) = events(say(*body))
    assert (event.code, event.lines[0]["affected"]["value"]) == ("RTN.REQUESTED", "2")


def test_stock_in_a_transfer_of_returns_is_no_return() -> None:
    assert events(say("PTD*RV", "QTY*17*120*EA", ITEM)) == []


def test_a_return_that_is_taken_back_or_of_nothing_is_no_trouble() -> None:
    assert events(say("PTD*RV", "QTY*32*0*EA", ITEM, "QTY*32*-2*EA", ITEM)) == []
    assert len(events(say("PTD*IA", "QTY*32*-2*EA", ITEM))) == 1, "an adjustment goes either way"


def test_the_order_of_the_distributors_customer_is_never_taken_for_one_of_ours() -> None:
    (fact,) = facts(say("PTD*SS", "N1*ST*Hospital*UL*0614141000098", "REF*PO*HN-1", "QTY*32*1*EA", ITEM))
    assert {ref["kind"] for ref in fact.refs} == {"message", "feed"}
    assert fact.attributes["their_order"] == "HN-1"


def test_a_report_that_is_taken_back_is_no_trouble() -> None:
    body = ("PTD*RV", "QTY*32*1*EA", ITEM)
    assert events(say(*body, head="BPT*01*PTR-1*20261120")) == []
    (fact,) = facts(say(*body, head="BPT*01*PTR-1*20261120"))
    assert fact.attributes["purpose"] == "01"


def test_a_report_without_transfers_says_that_it_came() -> None:
    (fact,) = say("CTT*0")
    assert (fact.kind, fact.attributes["lines_declared"]) == ("status", "0")


def test_a_unit_with_components_is_its_first() -> None:
    (fact,) = facts(say("PTD*SS", "QTY*32*1*BX>1>2", ITEM))
    assert fact.lines[0]["affected"]["uom_source"] == "BX"


def test_an_unknown_transfer_is_set_aside_or_told_to_a_person() -> None:
    with pytest.raises(Unreadable, match="'QQ' of element 521"):
        say("PTD*QQ", "QTY*32*1*EA", ITEM)
    (event,) = events(say("PTD*QQ", "QTY*32*1*EA", ITEM, partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_guide_takes_a_report_and_misses_its_beginning(release: str) -> None:
    body = (
        "DTM*090*20261113", "N1*DB*Lakeside*91*01", "REF*SB*EAST", "PTD*SS***VC*CT1*DC", "DTM*011*20261118",
        "N1*ST*Hospital*91*02", "N4*Evanston*IL*60201", "REF*PO*1", "QTY*32*15*BX", ITEM, "UIT*BX*18.25*CT",
        "AMT*1*4", "REF*DI*1", "DTM*003*20261118", "CTT*1", "AMT*1*8",
    )  # fmt: skip
    assert not check(a_set("867", "BPT*00*PTR-1*20261120", *body, release=release))
    (problem,) = check(a_set("867", *body, release=release))
    assert (problem.segment_id, problem.code) == ("BPT", "3")


@pytest.mark.parametrize(
    "sample",
    [path for path in golden.samples(x12_867) if not path.name.startswith("hostile_")],
    ids=lambda path: path.stem,
)
def test_what_we_show_as_good_is_good_by_the_guide(sample: Path) -> None:
    sets = sets_in(sample.read_bytes())
    assert sets
    assert not problems(sets)


def test_what_we_report_ourselves_is_a_fact_and_no_trouble() -> None:
    body = ("PTD*RV", "QTY*76*1*EA", ITEM)
    assert events(say(*body)), "said by the partner it is one"
    ours = say(*body, direction="out")
    assert facts(ours) and events(ours) == []
