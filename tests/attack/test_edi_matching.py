"""Matching under attack: much of everything, and what mends and breaks again."""

import time
from datetime import timedelta

import pytest

from crossdock import reconcile
from crossdock.store.tables import cases, clocks, dead_letters, events
from tests.attack import test_edi_order
from tests.attack.test_edi_clocks import answer, order
from tests.attack.test_edi_order import (
    a_set,
    interchange,
    rows,
    take,
)

hub = test_edi_order.hub


def change(number: int, po: str, turn: int, quantity: int, purpose: str = "04") -> bytes:
    body = f"BCH*{purpose}*CH*{po}**{turn}*20261120", f"POC*1*QI*{quantity}*2*EA*2.5**VN*V-1", "CTT*1"
    return interchange(number, a_set("860", number, *body, ours=True), ours=True)


def notice(number: int, po: str, name: str, quantity: str, purpose: str = "00", line: str = "1") -> bytes:
    body = (
        f"BSN*{purpose}*{name}*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}", "HL*3*2*I",
        f"LIN*{line}*VN*V-1", f"SN1*{line}*{quantity}*EA", "CTT*3",
    )  # fmt: skip
    return interchange(number, a_set("856", number, *body))


def bill(number: int, po: str, name: str, quantity: str, kind: str = "") -> bytes:
    body = f"BIG*20261120*{name}*20261119*{po}{kind}", f"IT1*1*{quantity}*EA*2.5**VN*V-1", "TDS*100", "CTT*1"
    return interchange(number, a_set("810", number, *body))


def receipt(number: int, po: str, name: str, quantity: str, *refs: str) -> bytes:
    body = f"BRA*{name}*20261120*00*1", *refs, f"RCD*1*{quantity}*EA", f"PRF*{po}", "LIN*1*VN*V-1", "CTT*1"
    return interchange(number, a_set("861", number, *body, ours=True), ours=True)


def found(hub) -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for row in sorted(rows(hub, cases), key=lambda row: (row.opened_at, row.state)):
        codes.setdefault(row.code, []).append(row.state)
    return codes


def one_by_one(hub, clock, *bodies: bytes) -> None:
    for body in bodies:
        take(hub, f"{clock.now().isoformat()}", body)
        hub.process()
        clock.advance(timedelta(seconds=30))
    assert [row.sentence for row in rows(hub, dead_letters)] == []


def test_what_mends_and_breaks_again_in_the_very_same_way_is_told_again(hub, clock):
    po = "4500000001"
    one_by_one(hub, clock, order(1, po), answer(1001, po), notice(1002, po, "S-1", "13"))
    assert found(hub) == {"FUL.OVER_SHIP": ["open"]}
    one_by_one(hub, clock, notice(1003, po, "S-1", "10", "05"))
    assert found(hub) == {"FUL.OVER_SHIP": ["resolved"]}
    one_by_one(hub, clock, receipt(2, po, "R-1", "10", "REF*SI*S-1"), bill(1004, po, "I-1", "12"))
    assert found(hub)["BIL.QTY"] == ["open"]
    one_by_one(hub, clock, receipt(3, po, "R-2", "2", "REF*SI*S-2"))
    assert found(hub)["BIL.QTY"] == ["resolved"]
    # the second receipt was booked by mistake, and is taken back: 12 are billed and 10 received, as before
    body = "BRA*R-2*20261120*01*1", "RCD*1*2*EA", f"PRF*{po}", "LIN*1*VN*V-1", "CTT*1"
    one_by_one(hub, clock, interchange(4, a_set("861", 4, *body, ours=True), ours=True))
    assert found(hub)["BIL.QTY"] == ["open", "resolved"] or found(hub)["BIL.QTY"] == ["resolved", "open"]
    count = len(rows(hub, events, events.c.code == "BIL.QTY"))
    one_by_one(hub, clock, answer(1005, po))
    assert len(rows(hub, events, events.c.code == "BIL.QTY")) == count, "and once"
    one_by_one(hub, clock, receipt(5, po, "R-3", "2", "REF*SI*S-3"))
    assert found(hub)["BIL.QTY"] == ["resolved", "resolved"]


def test_a_case_that_a_person_ended_is_not_opened_again_by_the_same_evidence(hub, clock, store):
    import sqlalchemy as sa

    po = "4500000002"
    one_by_one(hub, clock, order(1, po), answer(1001, po, price="3"))
    with store.transaction("main") as connection:
        connection.execute(
            sa.update(cases).values(state="resolved", closed_at=clock.now(), resolution="agreed by phone")
        )
    one_by_one(hub, clock, notice(1002, po, "S-1", "10"), receipt(2, po, "R-1", "10", "REF*SI*S-1"))
    assert found(hub) == {"PRC.MISMATCH": ["resolved"]}


def test_of_many_numbers_in_one_batch_each_is_compared(hub, clock, monkeypatch):
    """The bound is for what is known about one number, not for a batch of many."""
    monkeypatch.setattr(reconcile, "MOST_EACH", 30)
    pos = [f"47{number:08}" for number in range(80)]
    take(hub, "orders", order(1, *pos))
    hub.process()
    clock.advance(timedelta(minutes=5))
    for number, po in enumerate(pos):
        take(hub, f"a{number}", answer(2000 + number, po, price="3"))
    hub.process()
    assert len(rows(hub, cases, cases.c.code == "PRC.MISMATCH")) == 80
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "answer_has_order")} == {"met"}


def test_an_answer_that_is_older_than_very_much_about_its_number_is_found_all_the_same(
    hub, clock, monkeypatch
):
    """The newest papers about a number are compared; whether an order was there at all does not depend on them."""
    monkeypatch.setattr(reconcile, "MOST_EACH", 10)
    po = "4700000001"
    one_by_one(hub, clock, order(1, po))
    for number in range(12):
        take(hub, f"n{number}", notice(3000 + number, po, f"S-{number}", "0.5"))
        hub.process()
        clock.advance(timedelta(seconds=30))
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "ship_notice_has_order")} == {"met"}


def test_a_batch_of_many_orders_and_answers_takes_time_in_proportion(hub, clock):
    """Each new paper is held against those that share a number with it, and not against all others."""
    times = []
    for size, start in ((500, 0), (2_000, 10_000)):
        pos = [f"48{number:08}" for number in range(start, start + size)]
        take(hub, f"o{size}", order(start + 1, *pos))
        hub.process()
        groups = [
            a_set("855", start + 5000 + place, f"BAK*00*AC*{po}*20261120", "PO1*1*10*EA*3**VN*V-1", "ACK*IA*10*EA",
                  "CTT*1")
            for place, po in enumerate(pos)
        ]  # fmt: skip
        for number in range(0, size, 20):
            take(
                hub, f"a{size}-{number}", interchange(start + 50_000 + number, *groups[number : number + 20])
            )
        began = time.process_time()
        hub.process()
        times.append(time.process_time() - began)
    assert len(rows(hub, cases, cases.c.code == "PRC.MISMATCH")) == 2_500
    assert times[1] < 9 * times[0], times


def test_what_hangs_together_by_a_common_shipment_ends_no_case_of_another_order(hub, clock):
    """A notice about two orders brings the papers of both together, and only a part of what concerns the second: what
    is not at hand then agrees with nothing, and is no reason to end a case."""
    other = "4500000012"
    short = interchange(
        1001,
        a_set("856", 1001, "BSN*00*S-9*20261120*0900", "HL*1**S", "HL*2*1*O", "PRF*4500000099", "HL*3*2*I",
              "LIN*1*VN*V-1", "SN1*1*10*EA", "CTT*3"),
    )  # fmt: skip
    one_by_one(hub, clock, short, receipt(2, other, "R-9", "6", "REF*SI*S-9"))
    assert found(hub).get("RCV.SHORT") == ["open"]
    both = a_set(
        "856", 1002, "BSN*00*S-1*20261120*0900", "HL*1**S", "HL*2*1*O", "PRF*4500000011", "HL*3*2*I", "LIN*1*VN*V-1",
        "SN1*1*10*EA", "HL*4*1*O", f"PRF*{other}", "HL*5*4*I", "LIN*1*VN*V-2", "SN1*1*1*EA", "CTT*5",
    )  # fmt: skip
    one_by_one(hub, clock, interchange(1002, both))
    assert found(hub)["RCV.SHORT"] == ["open"]
    one_by_one(hub, clock, receipt(3, "4500000011", "R-1", "10", "REF*SI*S-1"))
    assert found(hub)["RCV.SHORT"] == ["open"]


@pytest.mark.parametrize("quantity", ["0", "0.0000001"])
def test_nothing_and_next_to_nothing_is_compared_and_sets_nothing_aside(hub, clock, quantity):
    po = "4500000020"
    one_by_one(
        hub, clock, order(1, po), answer(1001, po), notice(1002, po, "S-1", "10"),
        receipt(2, po, "R-1", quantity, "REF*SI*S-1"), bill(1004, po, "I-1", quantity),
    )  # fmt: skip
    assert "RCV.SHORT" in found(hub)


def test_a_credit_memo_is_not_billed(hub, clock):
    po = "4500000021"
    one_by_one(
        hub, clock, order(1, po), notice(1002, po, "S-1", "10"), bill(1003, po, "I-1", "10"),
        bill(1004, po, "C-1", "10", "***CR"),
    )  # fmt: skip
    assert "BIL.QTY" not in found(hub)


def test_a_notice_that_is_cancelled_after_the_invoice_leaves_the_invoice_without_goods(hub, clock):
    po = "4500000022"
    one_by_one(hub, clock, order(1, po), notice(1002, po, "S-1", "10"), bill(1003, po, "I-1", "10"))
    assert "BIL.QTY" not in found(hub)
    one_by_one(hub, clock, notice(1004, po, "S-1", "4", "05"))
    assert found(hub)["BIL.QTY"] == ["open"]


def test_the_same_line_number_twice_in_one_document_is_summed(hub, clock):
    po = "4500000023"
    body = (
        "BSN*00*S-1*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}", "HL*3*2*I", "LIN*1*VN*V-1", "SN1*1*6*EA",
        "HL*4*2*I", "LIN*1*VN*V-1", "SN1*1*6*EA", "CTT*4",
    )  # fmt: skip
    one_by_one(hub, clock, order(1, po), interchange(1001, a_set("856", 1001, *body)))
    assert found(hub) == {"FUL.OVER_SHIP": ["open"]}


def test_a_thousand_lines_in_twenty_shipments_are_compared_in_seconds(hub, clock):
    po = "4500000024"
    lines = [f"PO1*{line}*20*EA*2.5**VN*V-{line}" for line in range(1, 1001)]
    big = a_set("850", 1, f"BEG*00*SA*{po}**20261120", *lines, "CTT*1000", ours=True)
    one_by_one(hub, clock, interchange(1, big, ours=True))
    for shipment in range(20):
        body = [f"BSN*00*S-{shipment}*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}"]
        for line in range(1, 1001):
            body += [f"HL*{line + 2}*2*I", f"LIN*{line}*VN*V-{line}", f"SN1*{line}*1*EA"]
        take(
            hub,
            f"s{shipment}",
            interchange(1001 + shipment, a_set("856", 1001 + shipment, *body, "CTT*1002")),
        )
    began = time.process_time()
    hub.process()
    assert time.process_time() - began < 30
    assert "FUL.OVER_SHIP" not in found(hub)


def test_one_of_two_receipts_of_an_order_is_corrected_and_the_other_still_counts(hub, clock):
    po = "4500000030"
    one_by_one(
        hub, clock, order(1, po), receipt(2, po, "R-1", "6", "REF*SI*S-1"), receipt(3, po, "R-2", "4", "REF*SI*S-2"),
        bill(1003, po, "I-1", "10"),
    )  # fmt: skip
    assert "BIL.QTY" not in found(hub)
    body = "BRA*R-2*20261120*05*1", "REF*SI*S-2", "RCD*1*3*EA", f"PRF*{po}", "LIN*1*VN*V-1", "CTT*1"
    one_by_one(hub, clock, interchange(4, a_set("861", 4, *body, ours=True), ours=True))
    (event,) = rows(hub, events, events.c.code == "BIL.QTY")
    assert event.document["data"]["variances"][0]["expected"]["value"] == "9"


def test_the_same_line_twice_with_the_same_fault_is_one_finding(hub, clock):
    """Two findings with one id would be refused by the store, and set the whole document aside."""
    po = "4500000031"
    line = "PO1*1*10*EA*3**VN*V-1", "ACK*IA*10*EA"
    body = f"BAK*00*AC*{po}*20261120", *line, *line, "PO1*9*1*EA*1**VN*Z-9", "ACK*IA*1*EA"
    body += ("PO1*9*1*EA*1**VN*Z-9", "ACK*IA*1*EA", "PO1**1*EA*1**VN*Z-8", "ACK*IA*1*EA", "PO1**1*EA*1**VN*Z-8",
             "ACK*IA*1*EA", "CTT*6")  # fmt: skip
    one_by_one(hub, clock, order(1, po), interchange(1001, a_set("855", 1001, *body)))
    assert found(hub)["PRC.MISMATCH"] == ["open"]
    assert "ORD.VALIDATION" in found(hub)


def test_a_paper_about_a_number_with_thousands_of_papers_is_done_in_seconds(hub, clock):
    po = "4500000032"
    groups = [
        a_set("856", 5000 + place, f"BSN*00*S-{place}*20261120*0900", "HL*1**S", "HL*2*1*O", f"PRF*{po}", "HL*3*2*I",
              "LIN*1*VN*V-1", "SN1*1*1*EA", "CTT*3")
        for place in range(2_400)
    ]  # fmt: skip
    one_by_one(hub, clock, order(1, po))
    began = time.process_time()
    for place in range(0, 2_400, 100):
        take(hub, f"n{place}", interchange(2000 + place, *groups[place : place + 100]))
    hub.process()
    assert time.process_time() - began < 60
    began = time.process_time()
    one_by_one(hub, clock, bill(1003, po, "I-1", "10"))
    assert time.process_time() - began < 5
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "ship_notice_has_order")} == {"met"}


def test_the_invoice_of_the_first_shipment_is_none_of_the_second(hub, clock):
    po = "4600000021"

    def come(*bodies: bytes) -> list[str]:
        for body in bodies:
            clock.advance(timedelta(seconds=1))
            take(hub, clock.now().isoformat(), body)
            hub.process()
        return sorted(row.state for row in rows(hub, clocks, clocks.c.pair == "shipment_invoiced"))

    assert come(order(1, po), answer(1001, po), notice(1002, po, "S-1", "4"), bill(1003, po, "I-1", "4")) == [
        "met"
    ]
    assert come(notice(1004, po, "S-2", "6")) == ["met", "waiting"]
    assert come(notice(1005, po, "S-1", "4", "05")) == ["met", "met", "waiting"], (
        "replaced, and billed before"
    )
    clock.advance(timedelta(days=14))
    hub.process()
    assert rows(hub, cases, cases.c.code == "BIL.INVOICE_OVERDUE")
    assert come(bill(1006, po, "I-2", "6")) == ["late", "met", "met"]
    (case,) = rows(hub, cases, cases.c.code == "BIL.INVOICE_OVERDUE")
    assert case.state == "resolved"


def test_an_invoice_after_two_shipments_is_of_both_and_one_before_its_only_shipment_of_that(hub, clock):
    for place, body in enumerate(
        [
            order(1, "4600000022"), notice(1002, "4600000022", "S-3", "4"), notice(1003, "4600000022", "S-4", "6"),
            bill(1004, "4600000022", "I-3", "10"), order(2, "4600000023"), bill(1005, "4600000023", "I-4", "10"),
            notice(1006, "4600000023", "S-5", "10"),
        ]
    ):  # fmt: skip
        take(hub, str(place), body)
        hub.process()
    assert {row.state for row in rows(hub, clocks, clocks.c.pair == "shipment_invoiced")} == {"met"}
