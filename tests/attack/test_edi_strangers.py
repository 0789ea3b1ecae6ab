"""Partners that speak of what was agreed with somebody else: their word ends nothing, and is not lost either."""

import dataclasses
from datetime import timedelta

import pytest

from crossdock.partners import Partners
from crossdock.store.tables import cases, clocks, dead_letters
from tests.attack import test_edi_order
from tests.attack.test_edi_clocks import answer, order
from tests.attack.test_edi_matching import bill, notice
from tests.attack.test_edi_order import a_set, interchange, rows, take

PO = "4600000001"


@pytest.fixture
def hub(store, clock):
    """The demonstration's partners, with a second supplier and a second carrier."""
    with test_edi_order.opened(store, clock) as hub:
        every = list(Partners.load())
        for name, title, like, identity in (
            ("other_supply", "Other Supply", "acme_supply", ("ZZ", "OTHERSUPPLY")),
            ("other_freight", "Other Freight", "roadrunner", ("02", "OTHR")),
        ):
            known = next(one for one in every if one.name == like)
            every.append(dataclasses.replace(known, name=name, title=title, ids=(identity,)))
        hub.partners = Partners(tuple(every), {each: one for one in every for each in one.ids}, {})
        yield hub


def by_another(body: bytes) -> bytes:
    """The same document, exchanged with the other supplier."""
    return body.replace(b"ACMESUPPLY     ", b"OTHERSUPPLY    ").replace(b"ACMESUPPLY", b"OTHERSUPPLY")


def by_carrier(body: bytes, scac: str) -> bytes:
    at = f"02*{scac:15}".encode()
    return body.replace(b"ZZ*ACMESUPPLY     ", at).replace(b"ACMESUPPLY", scac.encode())


def come(hub, *bodies: bytes) -> None:
    for body in bodies:
        hub.clock.advance(timedelta(seconds=1))
        take(hub, hub.clock.now().isoformat(), body)
        hub.process()
    assert [row.sentence for row in rows(hub, dead_letters)] == []


def pass_days(hub, days: int) -> None:
    hub.clock.advance(timedelta(days=days))
    hub.process()


def found(hub, *codes: str) -> list[tuple[str, str, str]]:
    """Cases: their code, their state, and who they are about by their title."""
    return sorted(
        (row.code, row.state, row.title.partition(" ")[0])
        for row in rows(hub, cases)
        if not codes or row.code in codes
    )


def of(hub, pair: str) -> list[tuple[str, str]]:
    return sorted((row.partner, row.state) for row in rows(hub, clocks, clocks.c.pair == pair))


def test_an_acknowledgement_of_another_supplier_is_no_answer_to_our_order(hub):
    come(hub, order(1, PO), by_another(answer(1001, PO, price="9.99")))
    assert of(hub, "order_acknowledged") == [("acme_supply", "waiting")]
    (case,) = rows(hub, cases)
    assert (case.code, case.title) == (
        "ORD.NO_ORDER",
        f"Other Supply acknowledges PO {PO}, which was ordered from Acme Supply Co.",
    ), "it is told at once; and its price is held against nobody's order"
    pass_days(hub, 7)
    assert ("ORD.ACK_OVERDUE", "open", "Acme") in found(hub)
    come(hub, by_another(answer(1002, PO)))
    assert ("ORD.ACK_OVERDUE", "open", "Acme") in found(hub), "nor does it end the case"
    come(hub, answer(1001, PO))
    assert ("ORD.ACK_OVERDUE", "resolved", "Acme") in found(hub)
    assert ("acme_supply", "late") in of(hub, "order_acknowledged")


def test_the_strangers_word_is_one_in_the_same_batch_and_before_the_order_too(hub):
    take(hub, "1", by_another(answer(1001, PO)))
    take(hub, "2", order(1, PO))
    hub.process()
    assert of(hub, "order_acknowledged") == [("acme_supply", "waiting")]
    assert found(hub) == [("ORD.NO_ORDER", "open", "Other")]


def test_an_order_placed_with_somebody_else_does_not_explain_the_answer_to_none(hub):
    come(hub, by_another(answer(1001, PO)))
    pass_days(hub, 1)
    assert found(hub, "ORD.NO_ORDER") == [("ORD.NO_ORDER", "open", "Other")]
    come(hub, order(1, PO))
    assert found(hub, "ORD.NO_ORDER") == [("ORD.NO_ORDER", "open", "Other")]
    come(hub, by_another(order(2, PO)))
    assert found(hub, "ORD.NO_ORDER") == [("ORD.NO_ORDER", "resolved", "Other")], (
        "now it was ordered there, too"
    )


def test_a_ship_notice_and_an_invoice_of_a_stranger_are_told_as_such(hub):
    come(hub, order(1, PO), answer(1001, PO))
    come(hub, by_another(notice(1001, PO, "S-1", "10")), by_another(bill(1002, PO, "I-1", "10")))
    assert ("acme_supply", "waiting") in of(hub, "order_shipped")
    told = found(hub, "BIL.NO_ORDER", "SHP.ASN_NO_ORDER")
    assert told == [("BIL.NO_ORDER", "open", "Other"), ("SHP.ASN_NO_ORDER", "open", "Other")]
    come(hub, bill(1002, PO, "I-1", "10"))
    assert ("acme_supply", "waiting") in of(hub, "invoice_has_shipment"), "and explain nobody's invoice"


def test_a_ship_notice_of_a_stranger_ends_no_backorder(hub):
    body = f"BAK*00*AC*{PO}*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*IB*10*EA*067*20261130", "CTT*1"
    come(hub, order(1, PO), interchange(1001, a_set("855", 1001, *body)))
    assert ("INV.BACKORDER", "open", "Acme") in found(hub)
    come(hub, by_another(notice(1001, PO, "S-1", "10")))
    assert ("INV.BACKORDER", "open", "Acme") in found(hub)
    come(hub, notice(1002, PO, "S-1", "10"))
    assert ("INV.BACKORDER", "resolved", "Acme") in found(hub)


def test_parts_that_a_stranger_ships_make_no_line_whole(hub):
    body = f"BAK*00*AC*{PO}*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*IB*10*EA*067*20261130", "CTT*1"
    come(hub, order(1, PO), interchange(1001, a_set("855", 1001, *body)))
    come(hub, by_another(notice(1001, PO, "S-1", "6")), notice(1002, PO, "S-1", "4"))
    assert ("INV.BACKORDER", "open", "Acme") in found(hub)
    come(hub, notice(1003, PO, "S-2", "6"))
    assert ("INV.BACKORDER", "resolved", "Acme") in found(hub)


def test_cancelling_an_order_at_one_supplier_cancels_no_other(hub):
    body = f"BCH*01*CH*{PO}**1*20261120", "POC*1*DI*10*0*EA*2.5**VN*V-1", "CTT*1"
    come(hub, order(1, PO), by_another(order(2, PO)))
    come(hub, by_another(interchange(3, a_set("860", 3, *body, ours=True), ours=True)))
    assert of(hub, "order_acknowledged") == [("acme_supply", "waiting"), ("other_supply", "cancelled")]


def test_what_a_stranger_replaces_or_cancels_is_its_own_paper_only(hub):
    come(hub, order(1, PO), answer(1001, PO, price="9.99"))
    assert ("PRC.MISMATCH", "open", "Acme") in found(hub)
    come(hub, by_another(answer(1001, PO).replace(b"BAK*00", b"BAK*05")))
    assert ("PRC.MISMATCH", "open", "Acme") in found(hub)
    come(hub, answer(1002, PO).replace(b"BAK*00", b"BAK*05"))
    assert ("PRC.MISMATCH", "resolved", "Acme") in found(hub)


TENDER = (
    "B2**RRFL**SHP-1**CC",
    "B2A*00",
    "L11*SHP-1*SI",
    "S5*1*CL",
    "N1*SF*US",
    "S5*2*CU",
    "N1*ST*THEM",
    "L3*100*G***100000",
)


def tendered(number: int, scac: str) -> bytes:
    body = [one.replace("RRFL", scac) for one in TENDER]
    return by_carrier(interchange(number, a_set("204", number, *body, ours=True), ours=True), scac)


def taken(number: int, scac: str, word: str = "A") -> bytes:
    return by_carrier(interchange(number, a_set("990", number, f"B1*{scac}*SHP-1*20261120*{word}")), scac)


def test_what_a_second_carrier_says_is_no_answer_to_the_tender_of_the_first(hub):
    come(hub, tendered(1, "RRFL"), tendered(2, "OTHR"), taken(1, "OTHR"))
    assert of(hub, "tender_answered") == [("other_freight", "met"), ("roadrunner", "waiting")]
    come(hub, taken(1, "RRFL", "D"))
    assert of(hub, "tender_answered") == [("other_freight", "met"), ("roadrunner", "met")]
