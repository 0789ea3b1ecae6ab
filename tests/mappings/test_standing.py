"""What we say of an order is of the order as it stands: with the changes that we accepted, and no others."""

import dataclasses
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.events import Fact, Origin
from crossdock.edi.plan import ANSWERS, WRITE_BACK, document_key
from crossdock.formats.x12 import TransactionSet, read
from crossdock.mapping import Known
from crossdock.normalize.part import rfc3339, sealed
from crossdock.partners import MappingContext, Partners
from crossdock.registry import Registry
from mappings import changes
from mappings.golden import RECEIVED_AT
from mappings.outbound import orders
from tests.spine.trading import group, interchange

REGISTRY = Registry()
LAKESIDE = Partners.load().named("lakeside_retail")
DAY = timedelta(days=1)

PLACED = (
    "BEG*00*SA*PO-7**20261118",
    "PO1*1*120*EA*9.25**BP*LK-100*VP*PUMP",
    "PO1*2*10*CA*88.8**BP*LK-200",
    "PO1*3*75*EA*2**BP*LK-300",
    "CTT*3",
)


def stated(
    set_id: str,
    *segments: str,
    day: int = 0,
    number: int = 1,
    out: bool = False,
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The fact of a document of Lakeside's, or of ours to it, that came (or was said) on this day."""
    way = ("CROSSDOCK", "LAKESIDE") if out else ("LAKESIDE", "CROSSDOCK")
    body = interchange(
        group("PO", number, [f"{set_id} 0001", *segments], sender=way[0], receiver=way[1]),
        number=number,
        sender=way[0],
        receiver=way[1],
    )
    (entry,) = [item for item in read(body) if isinstance(item, TransactionSet)]
    mapping = REGISTRY.inbound(f"x12/{set_id}")
    assert mapping is not None
    at = RECEIVED_AT + day * DAY
    context = MappingContext(
        partner=LAKESIDE, received_at=at, tenant="main", direction="out" if out else "in"
    )
    fact = next(one for one in mapping.map(entry, context) if isinstance(one, Fact))
    attributes = {**fact.attributes, **({"direction": "out"} if out else {}), **(more or {})}
    origin = Origin(
        tenant="main",
        source="supplier_edi",
        connector_version="1",
        mapping=mapping.name,
        mapping_version="1",
        raw_id=f"00000000-0000-0000-0000-{number:012}",
        raw_sha256="0" * 64,
        received_at=rfc3339(at),
        recorded_at=rfc3339(at),
    )
    (document,) = sealed([dataclasses.replace(fact, attributes=attributes)], origin, part="0")
    return dict(document)


ORDER = stated("850", *PLACED)


def change(
    *lines: str, day: int = 1, number: int = 0, sequence: str = "", purpose: str = "04"
) -> dict[str, Any]:
    head = f"BCH*{purpose}*SA*PO-7**{sequence}*20261118"
    return stated("860", head, *lines, f"CTT*{len(lines)}", day=day, number=number or 10 + day)


def answer(to: dict[str, Any], kind: str, *lines: str, day: int = 2, linked: bool = True) -> dict[str, Any]:
    """An 865 of ours. ``linked``: it names the document that it answers."""
    sequence = to["data"]["attributes"].get("change_sequence", "")
    more = {WRITE_BACK: "w", **({ANSWERS: document_key(to)} if linked else {})}
    if not lines:
        asked = [one["code"] for one in to["data"].get("source_codes", ()) if one["scheme"] == "x12-670"]
        more |= changes.attributes(asked)
    number = int(to["data"]["provenance"]["raw_id"][-12:])
    listed = sum(line.startswith("POC") for line in lines)
    body = (f"BCA*00*{kind}*PO-7**{sequence}*20261118", *lines, f"CTT*{listed}")
    return stated("865", *body, day=day, number=number, out=True, more=more)


def order_of(*facts: dict[str, Any]) -> orders.Order:
    known = Known(partner=LAKESIDE, tenant="main", facts=facts)
    fact = next(one for one in reversed(facts) if one["data"]["kind"] == "ordered")
    ref = next(ref for ref in fact["data"]["refs"] if ref["kind"] == "customer_po")
    return orders.as_it_stands(orders.Order(ref=ref, fact=fact, lines=fact["data"].get("lines", ())), known)


def lines_of(*facts: dict[str, Any]) -> list[tuple[str, Decimal | None, Decimal | None]]:
    """Number, quantity and price of each line as it stands."""
    found = order_of(*facts).lines
    return [(line["line_ref"], orders.amount(line, "ordered"), orders.price(line)) for line in found]


def row(number: str, quantity: str, price: str) -> tuple[str, Decimal, Decimal]:
    return number, Decimal(quantity), Decimal(price)


AS_PLACED = [row("1", "120", "9.25"), row("2", "10", "88.8"), row("3", "75", "2")]
LESS = "POC*1*QD*80**EA***BP*LK-100"


def test_an_order_that_nobody_changed_stands_as_it_was_placed():
    assert lines_of(ORDER) == AS_PLACED


@pytest.mark.parametrize(
    ("poc", "lines"),
    [
        ("POC*1*QD*80**EA***BP*LK-100", [row("1", "80", "9.25"), *AS_PLACED[1:]]),
        ("POC*1*QI*150**EA***BP*LK-100", [row("1", "150", "9.25"), *AS_PLACED[1:]]),
        ("POC*1*QD*0**EA***BP*LK-100", AS_PLACED[1:]),
        ("POC*2*PC*10**CA*85**BP*LK-200", [AS_PLACED[0], row("2", "10", "85"), AS_PLACED[2]]),
        ("POC*2*PC*7**CA*85**BP*LK-200", [AS_PLACED[0], row("2", "10", "85"), AS_PLACED[2]]),
        ("POC*2*PQ*7**CA*85**BP*LK-200", [AS_PLACED[0], row("2", "7", "85"), AS_PLACED[2]]),
        ("POC*3*CT*75**EA*2**BP*LK-300", AS_PLACED),
        ("POC*3*CC*1**EA*1**BP*LK-300", AS_PLACED),
        ("POC*3*NC*1**EA*1**BP*LK-300", AS_PLACED),
        ("POC*2*DI*10**CA***BP*LK-200", [AS_PLACED[0], AS_PLACED[2]]),
        ("POC*5*AI*12**EA*3**BP*LK-500", [*AS_PLACED, row("5", "12", "3")]),
        ("POC*5*AI*12**EA*3**BP*LK-100", [*AS_PLACED, row("5", "12", "3")]),
        ("POC*3*RZ*8**EA*5**BP*LK-800", [*AS_PLACED[:2], row("3", "8", "5")]),
        ("POC**QD*80**EA***BP*LK-100", [row("1", "80", "9.25"), *AS_PLACED[1:]]),
        ("POC*9*QD*80**EA***BP*LK-999", AS_PLACED),
    ],
)
def test_what_we_accepted_holds_line_by_line(poc, lines):
    asked = change(poc)
    assert lines_of(ORDER, asked, answer(asked, "AT")) == lines
    assert lines_of(ORDER, asked) == AS_PLACED, "nobody answered it"
    assert lines_of(ORDER, asked, answer(asked, "RJ")) == AS_PLACED


def test_another_item_is_the_item_from_then_on():
    asked = change("POC*3*RE*75**EA*2**BP*LK-301")
    order = order_of(ORDER, asked, answer(asked, "AT"))
    assert [item["value"] for item in order.lines[2]["item_ids"]] == ["LK-301"]


def test_of_a_change_only_the_lines_that_we_took_hold():
    asked = change(LESS, "POC*2*DI*10**CA***BP*LK-200", "POC*5*AI*12**EA*3**BP*LK-500")
    said = answer(
        asked,
        "AC",
        "POC*1*RC*120**EA*9.25**BP*LK-100",
        "POC*2*DI*10**CA***BP*LK-200",
        "ACK*ID*10*CA",
        "POC*5*RC*12**EA*3**BP*LK-500",
    )
    assert lines_of(ORDER, asked, said) == [AS_PLACED[0], AS_PLACED[2]]
    order = order_of(ORDER, asked, said)
    assert [line["line_ref"] for line in order.off] == ["2"]
    assert order.has_off({"line_ref": "2"})
    assert not order.has_off({"line_ref": "1"})


def test_changes_hold_in_the_order_in_which_they_were_asked_for():
    asked = [change(f"POC*1*QD*{100 - day}**EA***BP*LK-100", day=day, sequence=str(day)) for day in (1, 2, 3)]
    said = [answer(one, "AT", day=5) for one in asked]
    shuffled = [*asked, *reversed(said)]
    assert lines_of(ORDER, *shuffled)[0] == row("1", "97", "9.25")
    late = change("POC*1*QD*50**EA***BP*LK-100", day=4, sequence="2", number=99)
    assert lines_of(ORDER, *asked, late, *said, answer(late, "AT", day=6))[0] == row("1", "97", "9.25"), (
        "change 2 that came after change 3 is older"
    )


def test_the_last_answer_to_a_change_is_the_one_that_holds():
    asked = change(LESS)
    no, yes = answer(asked, "RJ", day=2), answer(asked, "AT", day=3)
    assert lines_of(ORDER, asked, no, yes)[0] == row("1", "80", "9.25")
    assert lines_of(ORDER, asked, yes, {**no, "id": "later"}) == AS_PLACED


def test_an_answer_is_to_the_change_that_it_names_and_to_no_other():
    first, second = change(LESS, day=1), change("POC*3*DI*75**EA***BP*LK-300", day=2)
    assert lines_of(ORDER, first, second, answer(second, "AT", day=3)) == AS_PLACED[:2]
    assert lines_of(ORDER, first, second, answer(second, "AT", day=3, linked=False)) == AS_PLACED[:2], (
        "one of an earlier version comes of the message of its change"
    )


def test_a_copy_of_an_answer_of_another_system_counts_by_its_number():
    first, second = (
        change(LESS, day=1, sequence="1"),
        change("POC*3*DI*75**EA***BP*LK-300", day=2, sequence="2"),
    )
    copy = stated("865", "BCA*00*AT*PO-7**1*20261118", "CTT*0", day=3, number=77, out=True)
    assert lines_of(ORDER, first, second, copy) == [row("1", "80", "9.25"), *AS_PLACED[1:]]


@pytest.mark.parametrize("way", ["860", "850", "line"])
def test_an_order_that_was_cancelled_with_our_yes_has_nothing_left(way):
    match way:
        case "860":
            asked = change("POC*1*DI*120**EA***BP*LK-100", purpose="01")
        case "line":
            asked = change("POC*1*CF*120**EA***BP*LK-100")
        case _:
            asked = stated(
                "850", "BEG*01*SA*PO-7**20261118", "PO1*1*120*EA*9.25**BP*LK-100", "CTT*1", day=1, number=8
            )
    # the order is looked for among what is no cancellation
    said = answer(asked, "AT")
    order = order_of(asked, said, ORDER)
    assert (order.cancelled, order.lines) == (True, ())
    assert not order_of(asked, answer(asked, "RJ"), ORDER).cancelled
    again = stated("850", *PLACED, day=9, number=9)
    assert list(order_of(asked, said, again).lines) == again["data"]["lines"], "it was placed anew"


def test_a_change_of_an_order_that_was_replaced_is_none_of_the_new_one():
    asked = change(LESS)
    anew = stated("850", PLACED[0].replace("*00*", "*05*"), *PLACED[1:], day=4, number=4)
    assert lines_of(asked, answer(asked, "AT"), anew) == AS_PLACED
    twice = stated("850", *PLACED, day=4, number=4)
    assert lines_of(asked, answer(asked, "AT"), twice)[0] == row("1", "80", "9.25"), (
        "a repeat replaces nothing"
    )


def test_an_order_of_many_lines_is_changed_at_once():
    many = [f"PO1*{number}*5*EA*1**BP*I-{number}" for number in range(1, 4001)]
    order = stated("850", "BEG*00*SA*PO-7**20261118", *many, "CTT*4000")
    asked = change(*(f"POC*{number}*QD*{number % 3}**EA***BP*I-{number}" for number in range(1, 4001)))
    found = lines_of(order, asked, answer(asked, "AT"))
    assert len(found) == 4000 - 1333
    assert {quantity for _, quantity, _ in found} == {1, 2}


# ── the codes of a fact's lines ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(20))
def test_the_codes_of_the_lines_are_kept_whatever_they_are(seed):
    dice = random.Random(seed)
    words = ["QD", "DI", "NC", "PC"][: dice.randint(1, 4)]
    said = [dice.choice(words) for _ in range(dice.choice([0, 1, 3, 500, 5000]))]
    kept = changes.attributes(said)
    assert all(len(text) <= 1024 for text in kept.values())
    assert changes.codes(kept, len(said)) == said


def test_a_code_that_is_no_word_is_not_kept_and_shifts_no_other():
    kept = changes.attributes(["QD", "A B", "", "*3", "DI"])
    assert changes.codes(kept, 5) == ["QD", "?", "?", "?", "DI"]
    assert changes.codes({}, 2) == ["?", "?"]
    assert changes.codes({"line_changes": "QD*7"}, 2) == ["QD", "QD"]
