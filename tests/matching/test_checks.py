"""One document against another: what does not fit is found once, whichever of them comes last."""

import itertools

import pytest

from canonical.events import Origin
from crossdock.matching import CODES, Dossier, check
from crossdock.normalize.part import sealed

PO = "supplier_po:4500123456@main"


ORIGIN = Origin(
    tenant="main", source="supplier_edi", connector_version="1", mapping="crossdock.matching", mapping_version="1",
    raw_id="6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11", raw_sha256="0" * 64, received_at="2026-11-20T14:00:00.000Z",
    recorded_at="2026-11-20T14:00:00.000Z",
)  # fmt: skip


def found(*papers):
    """What does not fit, each finding sealed: what is no valid event would stop the message."""
    findings = list(check(Dossier(papers)))
    for one in findings:
        list(sealed([one.exception], ORIGIN, part=one.name))
    return sorted((one.exception.code, one.paper.kind) for one in findings)


def codes(*papers):
    return [code for code, _ in found(*papers)]


def test_documents_that_agree_say_nothing(paper, line):
    order = _out(paper("ordered", PO, lines=[line("1", ordered=10, price="2.50")], purpose="00"))
    answer = paper("acknowledged", PO, lines=[line("1", ordered=10, price="2.50")], mapping="x12_855")
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    receipt = paper("received", "receipt:R1@main", PO, "asn:S1@acme_supply", lines=[line("1", affected=10)],
                    mapping="x12_861", direction="out")  # fmt: skip
    bill = paper("invoiced", "invoice:I1@acme_supply", PO, lines=[line("1", affected=10, price="2.50")],
                 mapping="x12_810")  # fmt: skip
    assert codes(order, answer, notice, receipt, bill) == []


def _out(paper):
    """Our own paper: a copy of what we sent."""
    paper.direction = "out"
    return paper


@pytest.fixture
def order(paper, line):
    return _out(
        paper(
            "ordered",
            PO,
            lines=[
                line("1", ordered=10, price="2.50", item="vendor-item:V-1"),
                line("2", ordered=5, price="100.00", item="vendor-item:V-2"),
            ],
            purpose="00",
        )
    )


def test_another_price_in_the_acknowledgement_is_a_mismatch(order, paper, line):
    answer = paper("acknowledged", PO, lines=[line("1", ordered=10, price="2.60")], mapping="x12_855")
    (finding,) = check(Dossier([order, answer]))
    assert finding.exception.code == "PRC.MISMATCH"
    assert finding.exception.title == (
        "Acme Supply Co. has the price 2.6, and 2.5 was ordered (PO 4500123456, line 1)"
    )
    assert finding.exception.variances[0]["delta"] == {"amount": "0.1", "currency": "USD"}
    assert finding.paper is answer


@pytest.mark.parametrize(("price", "expected"), [("2.525", []), ("2.5251", ["PRC.MISMATCH"])])
def test_a_price_within_the_tolerance_is_fine_up_to_the_limit_itself(order, paper, line, price, expected):
    answer = paper("acknowledged", PO, lines=[line("1", ordered=10, price=price)], mapping="x12_855")
    assert codes(order, answer) == expected


def test_what_was_asked_to_change_may_be_answered_the_old_way_and_the_new_way(order, paper, line):
    change = _out(paper("change_requested", PO, lines=[line("1", ordered=8)], mapping="x12_860"))
    for quantity, expected in ((10, []), (8, []), (9, ["ORD.QTY_CHANGED"])):
        answer = paper("acknowledged", PO, lines=[line("1", ordered=quantity)], mapping="x12_855")
        assert codes(order, change, answer) == expected


def test_lines_are_found_by_their_item_when_the_number_is_lost(order, paper, line):
    answer = paper(
        "acknowledged", PO, lines=[line("A", ordered=5, item="vendor-item:v-2")], mapping="x12_855"
    )
    assert codes(order, answer) == []
    stranger = paper(
        "acknowledged", PO, lines=[line("A", ordered=5, item="vendor-item:X")], mapping="x12_855"
    )
    assert codes(order, stranger) == ["ORD.VALIDATION"]


def test_a_line_number_with_another_item_is_not_that_line(order, paper, line):
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=1, item="vendor-item:V-2")],
                   mapping="x12_856")  # fmt: skip
    over = paper("shipped", "asn:S2@acme_supply", PO, lines=[line("1", affected=5, item="vendor-item:V-2")],
                 mapping="x12_856")  # fmt: skip
    assert codes(order, notice) == []
    assert codes(order, notice, over) == ["FUL.OVER_SHIP"]


def test_partial_shipments_are_added_up(order, paper, line):
    parts = [
        paper("shipped", f"asn:S{number}@acme_supply", PO, lines=[line("1", affected=4)], mapping="x12_856")
        for number in range(3)
    ]
    assert codes(order, *parts[:2]) == []
    (finding,) = check(Dossier([order, *parts]))
    assert (finding.exception.code, finding.paper) == ("FUL.OVER_SHIP", parts[2])
    assert finding.exception.variances[0]["actual"] == {"value": "12", "uom": "EA"}


def test_a_replaced_ship_notice_does_not_count_and_a_cancelled_one_neither(order, paper, line):
    first = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=12)], mapping="x12_856")
    assert codes(order, first) == ["FUL.OVER_SHIP"]
    again = paper(
        "shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856", purpose="05"
    )
    assert codes(order, first, again) == []
    gone = paper("shipped", "asn:S1@acme_supply", PO, mapping="x12_856", purpose="01")
    assert codes(order, first, gone) == []


def test_cases_are_compared_with_pieces_by_the_items_own_pack_data(order, paper, line):
    one_case = line("1", affected=1, item="vendor-item:V-1", uom="XCS")
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[one_case], mapping="x12_856")
    assert codes(order, notice) == ["FUL.OVER_SHIP"], "a case holds 12, and 10 were ordered"
    unknown = line("2", affected=1, item="vendor-item:V-2", uom="XCS")
    assert codes(order, paper("shipped", "asn:S2@acme_supply", PO, lines=[unknown], mapping="x12_856")) == [
        "MDM.UOM_INCONSISTENT"
    ]


def test_the_invoice_is_held_against_order_and_receipt(order, paper, line):
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    bill = paper("invoiced", "invoice:I1@acme_supply", PO, lines=[line("1", affected=10, price="2.50")],
                 mapping="x12_810")  # fmt: skip
    assert codes(order, bill) == [], "nothing came yet: that is a matter of time, not of quantity"
    assert codes(order, notice, bill) == []
    receipt = _out(paper("received", "receipt:R1@main", PO, "asn:S1@acme_supply", lines=[line("1", affected=7)],
                         mapping="x12_861"))  # fmt: skip
    assert codes(order, notice, bill, receipt) == ["BIL.QTY", "RCV.SHORT"]


def test_an_invoice_with_another_price_or_a_strange_line(order, paper, line):
    bill = paper(
        "invoiced",
        "invoice:I1@acme_supply",
        PO,
        lines=[line("1", affected=10, price="3.00"), line("9", affected=1, price="1.00")],
        mapping="x12_810",
    )
    assert codes(order, bill) == ["BIL.INVOICE_MISMATCH", "BIL.PRICE"]


def test_a_credit_memo_asks_for_nothing(order, paper, line):
    memo = paper("invoiced", "invoice:I1@acme_supply", PO, lines=[line("1", affected=99, price="9.00")],
                 mapping="x12_810", type="CR")  # fmt: skip
    assert codes(order, memo) == []


def test_receipts_are_held_against_their_own_ship_notice(order, paper, line):
    first = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=4)], mapping="x12_856")
    second = paper("shipped", "asn:S2@acme_supply", PO, lines=[line("1", affected=6)], mapping="x12_856")
    over = _out(paper("received", "receipt:R1@main", PO, "asn:S1@acme_supply", lines=[line("1", affected=5)],
                      mapping="x12_861"))  # fmt: skip
    assert codes(order, first, second, over) == ["RCV.OVER"]


def test_a_transfer_is_held_against_what_the_warehouse_received(paper, line):
    advice = _out(
        paper("shipped", "warehouse_receipt:T1@main", lines=[line("1", affected=100)], mapping="x12_943")
    )
    receipt = paper(
        "received", "warehouse_receipt:T1@main", lines=[line("1", affected=98)], mapping="x12_944"
    )
    assert codes(advice, receipt) == ["RCV.SHORT"]


def test_the_freight_bill_is_held_against_the_tender(paper):
    tender = _out(paper("tendered", "shipment:SHP-1", mapping="x12_204", total="1000.00"))
    for total, expected in (
        ("1020.00", []),
        ("1020.01", ["BIL.FREIGHT_VARIANCE"]),
        ("979.00", ["BIL.FREIGHT_VARIANCE"]),
    ):
        bill = paper("invoiced", "invoice:F1@roadrunner", "shipment:SHP-1", mapping="x12_210", total=total)
        assert codes(tender, bill) == expected


@pytest.mark.parametrize(
    ("purpose", "expected"), [("00", ["ORD.DUPLICATE"]), ("07", []), ("15", []), ("18", []), ("06", [])]
)
def test_an_order_that_comes_again_as_new_is_a_duplicate_and_an_announced_copy_is_none(
    paper, purpose, expected
):
    first = paper("ordered", "customer_po:77@lakeside_retail", purpose="00")
    again = paper("ordered", "customer_po:77@lakeside_retail", purpose=purpose)
    assert codes(first, again) == expected


def test_the_same_number_of_another_customer_is_another_order(paper):
    assert codes(
        paper("ordered", "customer_po:77@lakeside_retail", purpose="00"),
        paper("ordered", "customer_po:77@harbour_retail", purpose="00"),
    ) == []  # fmt: skip


def test_an_invoice_that_comes_twice_is_a_duplicate(paper):
    first = paper("invoiced", "invoice:I1@acme_supply", PO, mapping="x12_810")
    again = paper("invoiced", "invoice:I1@acme_supply", PO, mapping="x12_810")
    assert codes(first, again) == ["BIL.DUPLICATE"]


def test_a_change_after_the_goods_left_is_too_late(order, paper, line):
    change = paper("change_requested", PO, mapping="x12_860", minute=50)
    gone = paper(
        "shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=1)], mapping="x12_856", minute=40
    )
    assert codes(order, gone, change) == ["ORD.CHANGE_LATE"]
    late = paper(
        "shipped", "asn:S2@acme_supply", PO, lines=[line("1", affected=1)], mapping="x12_856", minute=60
    )
    assert codes(order, change, late) == []


def test_a_ship_notice_after_the_goods_is_late(order, paper, line):
    receipt = _out(paper("received", "receipt:R1@main", PO, mapping="x12_861", minute=40))
    notice = paper(
        "shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=1)], mapping="x12_856", minute=50
    )
    assert codes(order, receipt, notice) == ["SHP.ASN_LATE"]


def test_another_carrier_than_was_asked_for_breaks_the_routing_guide(paper, line):
    order = _out(paper("ordered", PO, lines=[line("1", ordered=10)], carrier="RDWY"))
    for carrier, expected in (("RDWY", []), ("FDEG", ["CMP.ROUTING_GUIDE"])):
        notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=1)], mapping="x12_856",
                       carrier=carrier)  # fmt: skip
        assert codes(order, notice) == expected


def test_a_change_that_is_missing_is_told_until_it_comes(paper):
    first, second, third, fifth = (
        paper("change_requested", "customer_po:7@lakeside_retail", mapping="x12_860", change_sequence=number)
        for number in ("1", "2", "3", "5")
    )
    assert codes(first, second, third) == []
    (finding,) = check(Dossier([first, third]))
    assert finding.exception.title == "Change 3 of PO 7 came, and change 2 did not"
    assert codes(first, second, third, fifth) == ["EDI.SEQUENCE_GAP"]
    assert codes(second, third) == [], "where they begin is the partner's affair"


def test_whatever_the_order_in_which_papers_are_looked_at_the_findings_are_the_same(order, paper, line):
    papers = [
        order,
        paper("acknowledged", PO, lines=[line("1", ordered=9, price="2.60")], mapping="x12_855"),
        paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=12)], mapping="x12_856"),
        paper(
            "invoiced",
            "invoice:I1@acme_supply",
            PO,
            lines=[line("1", affected=13, price="2.50")],
            mapping="x12_810",
        ),
    ]
    wanted = {(one.paper.id, one.name, one.evidence) for one in check(Dossier(papers))}
    assert len(wanted) == 4
    for shuffled in itertools.permutations(papers):
        assert {(one.paper.id, one.name, one.evidence) for one in check(Dossier(shuffled))} == wanted
        assert all(one.exception.code in CODES for one in check(Dossier(shuffled)))


INVOICE = "invoice:I1@main"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"paid": "100.00", "billed": "100.00"}, []),
        ({"paid": "98.00", "discount": "2.00"}, []),
        ({"paid": "97.00"}, ["BIL.SHORT_PAY"]),
        ({"paid": "99.00"}, []),  # within the tolerance of one dollar
        ({"paid": "90.00", "billed": "90.00"}, ["BIL.INVOICE_MISMATCH"]),
        ({"paid": "60.00", "billed": "100.00"}, []),  # the remittance itself says so: its mapping tells
        ({"paid": "60.00", "adjustment": "-40.00"}, []),  # explained
    ],
)
def test_a_payment_is_held_against_our_invoice(paper, said, expected):
    bill = _out(paper("invoiced", INVOICE, mapping="x12_810", total="100.00"))
    paid = paper("paid", "remittance:R1@acme_supply", INVOICE, mapping="x12_820", **said)
    assert codes(bill, paid) == expected
    for finding in check(Dossier([bill, paid])):
        assert finding.exception.refs[0]["kind"] == "invoice", "the case is about the invoice"


def test_nobody_takes_back_more_than_was_billed(paper):
    bill = _out(paper("invoiced", INVOICE, mapping="x12_810", total="100.00"))
    some = paper("adjusted", "credit_memo:C1@acme_supply", INVOICE, mapping="x12_812", total="-40.00")
    more = paper("adjusted", "credit_memo:C2@acme_supply", INVOICE, mapping="x12_812", total="-140.00")
    assert codes(bill, some) == []
    assert codes(bill, more) == ["BIL.INVOICE_MISMATCH"]


def test_an_invoice_for_two_orders_is_held_against_each_by_its_own_lines(order, paper, line):
    other = _out(paper("ordered", "supplier_po:2@main", lines=[line("1", ordered=1, price="9.00")]))
    bill = paper(
        "invoiced",
        "invoice:I1@acme_supply",
        PO,
        "supplier_po:2@main",
        lines=[line("1", affected=1, price="2.50"), line("1", affected=1, price="9.99")],
        mapping="x12_810",
        **{"order.1": "4500123456", "order.2": "2"},
    )
    (finding,) = check(Dossier([order, other, bill]))
    assert (finding.exception.code, finding.exception.lines[0]["unit_price"]["amount"]) == (
        "BIL.PRICE",
        "9.99",
    )


def test_a_price_per_hundred_is_not_compared_with_a_price_per_piece(order, paper, line):
    bill = paper("invoiced", "invoice:I1@acme_supply", PO, lines=[line("1", affected=1, price="250.00")],
                 mapping="x12_810", **{"price_basis.1": "HP"})  # fmt: skip
    assert codes(order, bill) == []


def test_moved_stock_is_no_delivery_of_an_order(order, paper, line):
    moved = paper("shipped", PO, lines=[line("1", affected=1)], mapping="x12_867", minute=40)
    change = paper("change_requested", PO, mapping="x12_860", minute=50)
    assert codes(order, moved, change) == []


def test_what_is_said_twice_is_not_twice_as_much(order, paper, line):
    def notice():
        return paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")

    def bill():
        lines = [line("1", affected=10, price="2.50")]
        return paper("invoiced", "invoice:I1@acme_supply", PO, lines=lines, mapping="x12_810")

    first, again = notice(), notice()
    receipt = _out(paper("received", "receipt:R1@main", PO, "asn:S1@acme_supply", lines=[line("1", affected=10)],
                         mapping="x12_861"))  # fmt: skip
    assert codes(order, first, again, receipt) == ["SHP.ASN_DUPLICATE"]
    assert codes(order, notice(), bill(), bill()) == ["BIL.DUPLICATE"]


def test_a_price_per_each_is_a_price_as_one_without_a_basis_is(order, paper, line):
    bill = paper("invoiced", "invoice:I1@acme_supply", PO, lines=[line("1", affected=1, price="3.00")],
                 mapping="x12_810", **{"price_basis.1": "PE"})  # fmt: skip
    assert codes(order, bill) == ["BIL.PRICE"]


def test_too_much_is_about_the_order_whoever_finds_it(order, paper, line):
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=11)], mapping="x12_856")
    (finding,) = check(Dossier([order, notice]))
    assert finding.exception.refs[0]["kind"] == "supplier_po"


def test_what_is_received_in_parts_is_added_up(order, paper, line):
    def receipt(number, quantity):
        return _out(paper("received", f"receipt:R{number}@main", PO, "asn:S1@acme_supply",
                          lines=[line("1", affected=quantity)], mapping="x12_861"))  # fmt: skip

    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    first, second, third = receipt(1, 6), receipt(2, 4), receipt(3, 1)
    assert codes(order, notice, first) == ["RCV.SHORT"]
    assert codes(order, notice, first, second) == []
    (finding,) = check(Dossier([order, notice, first, second, third]))
    assert (finding.exception.code, finding.paper) == ("RCV.OVER", third)
    (finding,) = check(Dossier([order, notice, first, third]))
    assert (finding.exception.code, finding.paper) == ("RCV.SHORT", third)
    assert finding.exception.variances[0]["actual"] == {"value": "7", "uom": "EA"}


TRANSFER = "warehouse_receipt:T1@main"


@pytest.fixture
def advice(paper, line):
    """A copy of our 943: a hundred of the first line, fifty of the second."""
    lines = [line("1", affected=100), line("2", affected=50)]
    return _out(paper("shipped", TRANSFER, lines=lines, mapping="x12_943"))


@pytest.fixture
def counted(paper, line):
    """``counted(first, second, received, shipped)``: a 944 that counts its lines, and whose totals are these."""
    numbers = itertools.count(1)

    def make(first, second, received, shipped, unit="EA", **attributes):
        lines = [line("1", affected=first, uom=unit), line("2", affected=second, uom=unit)]
        more = {"totals_unexplained": str(received - shipped)} if received != shipped else {}
        return paper(
            "received",
            TRANSFER,
            f"receipt:R{next(numbers)}@northstar",
            lines=[one for one in lines if one["affected"]["value"] != "0"],
            mapping="x12_944",
            units_declared=str(received),
            units_shipped=str(shipped),
            **more,
            **attributes,
        )

    return make


def about_lines(*papers):
    return [
        (one.exception.code, [each["line_ref"] for each in one.exception.lines])
        for one in check(Dossier(papers))
    ]


def test_totals_add_nothing_to_what_the_lines_say(advice, counted):
    assert about_lines(advice, counted(100, 45, 145, 150)) == [("RCV.SHORT", ["2"])]
    assert about_lines(advice, counted(104, 50, 154, 150)) == [("RCV.OVER", ["1"])]
    both = about_lines(advice, counted(98, 53, 151, 150))
    assert sorted(both) == [("RCV.OVER", ["2"]), ("RCV.SHORT", ["1"])]


def test_totals_speak_where_the_lines_do_not_explain_them(advice, counted):
    assert about_lines(advice, counted(100, 0, 100, 150)) == [("RCV.SHORT", [])], (
        "the second line is not there"
    )
    assert about_lines(advice, counted(100, 50, 143, 150, silence="complete")) == [("RCV.SHORT", [])]
    (finding,) = check(Dossier([counted(100, 49, 149, 150)]))
    assert finding.exception.title == "Acme Supply Co. missed 1 unit of warehouse receipt T1"
    assert finding.exception.variances[0]["delta"] == {"value": "-1", "uom": "EA"}


def test_totals_in_other_units_than_the_lines_are_explained_by_any_line(advice, counted):
    assert about_lines(advice, counted(100, 45, 1740, 1800)) == [("RCV.SHORT", ["2"])]


def test_totals_of_parts_are_added_up_like_their_lines(advice, counted):
    first, second = counted(60, 50, 110, 150), counted(40, 0, 40, 150)
    assert about_lines(advice, first) == [("RCV.SHORT", ["1"])]
    assert about_lines(advice, first, second) == []
    assert about_lines(first, second) == [], "neither where no advice is known"
    assert about_lines(first, counted(30, 0, 30, 150)) == [("RCV.SHORT", [])]


def test_a_receipt_that_comes_twice_is_not_twice_as_much(advice, paper, line):
    def receipt(*numbers):
        lines = [line("1", affected=100), line("2", affected=50)]
        return paper("received", TRANSFER, *numbers, lines=lines, mapping="x12_944")

    assert codes(advice, receipt("receipt:R1@northstar"), receipt("receipt:R1@northstar")) == []
    assert codes(advice, receipt("receipt:R1@northstar"), receipt("receipt:R2@northstar")) == ["RCV.OVER"] * 2
    assert codes(advice, receipt(), receipt()) == ["RCV.OVER"] * 2, (
        "without a number nobody can say it is the same"
    )


def changed(paper, line, quantity, **attributes):
    return _out(
        paper("change_requested", PO, lines=[line("1", ordered=quantity)], mapping="x12_860", **attributes)
    )


def answered(paper, word, **attributes):
    return paper("change_answered", PO, mapping="x12_865", answer=word, **attributes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("accepted", ["FUL.OVER_SHIP"]), ("rejected", []), ("held", []), ("changed", []), (None, [])],
)
def test_what_was_agreed_to_change_is_what_may_be_shipped(order, paper, line, word, expected):
    change = changed(paper, line, 6)
    answers = [answered(paper, word)] if word else []
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    assert codes(order, change, *answers, notice) == expected
    fewer = paper("shipped", "asn:S2@acme_supply", PO, lines=[line("1", affected=6)], mapping="x12_856")
    assert codes(order, change, *answers, fewer) == []


def test_what_left_before_the_answer_left_by_the_order(order, paper, line):
    change = changed(paper, line, 6)
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    assert codes(order, change, notice, answered(paper, "accepted")) == []


def test_an_answer_is_to_the_change_of_its_number_and_the_last_one_holds(order, paper, line):
    first, second = changed(paper, line, 6, change_sequence="1"), changed(paper, line, 8, change_sequence="2")
    yes, no = (
        answered(paper, "accepted", change_sequence="1"),
        answered(paper, "rejected", change_sequence="1"),
    )
    eight = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=8)], mapping="x12_856")
    ten = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    assert codes(order, first, second, yes, eight) == [], "the second is open: eight may be right"
    assert codes(order, first, second, yes, ten) == ["FUL.OVER_SHIP"]
    assert codes(order, first, yes, no, ten) == [], "the seller changed its mind"


def test_a_line_that_was_taken_off_and_an_order_that_was_cancelled_are_not_shipped(order, paper, line):
    deletion = changed(paper, line, 10)
    deletion.document["data"]["source_codes"] = [{"scheme": "x12-670", "code": "DI"}]
    cancel = _out(paper("change_requested", PO, mapping="x12_860", purpose="01"))
    yes = answered(paper, "accepted")
    notice = paper("shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=10)], mapping="x12_856")
    for change in (deletion, cancel):
        assert codes(order, change, notice) == []
        (finding,) = check(Dossier([order, change, yes, notice]))
        assert finding.exception.code == "FUL.OVER_SHIP"
        assert finding.exception.title.endswith("ships 10 in all, and 0 were ordered (PO 4500123456, line 1)")


def test_a_price_per_case_is_that_of_its_pieces(order, paper, line):
    """A case of V-1 holds twelve; 2.50 a piece are 30.00 a case."""

    def bill(price, item="vendor-item:V-1", ref="1"):
        lines = [line(ref, affected=1, price=price, item=item, uom="XCS")]
        return paper("invoiced", "invoice:I1@acme_supply", PO, lines=lines, mapping="x12_810")

    assert codes(order, bill("30.00")) == []
    assert codes(order, bill("30.31")) == ["BIL.PRICE"], "the tolerance is one percent"
    assert codes(order, bill("2.50")) == ["BIL.PRICE"]
    answer = paper(
        "acknowledged",
        PO,
        lines=[line("2", ordered=1, price="1200.00", item="vendor-item:V-2", uom="XCS")],
        mapping="x12_855",
    )
    assert codes(order, answer) == ["MDM.UOM_INCONSISTENT"], "nobody knows how many are in a case of V-2"


@pytest.mark.parametrize("assumed", [True, False])
def test_a_price_in_another_currency_is_another_price(order, paper, line, assumed):
    """Where a document names none, that of the partner's profile is agreed."""
    one = line("1", ordered=10, price="2.50")
    one["unit_price"] = {"amount": "2.50", "currency": "EUR"}
    order.lines[0]["unit_price"]["currency_assumed"] = assumed
    answer = paper("acknowledged", PO, lines=[one], mapping="x12_855")
    (finding,) = check(Dossier([order, answer]))
    assert finding.exception.title.endswith("prices in EUR, and USD was ordered (PO 4500123456, line 1)")


def test_a_cancellation_after_the_goods_left_is_too_late_as_well(order, paper, line):
    gone = paper(
        "shipped", "asn:S1@acme_supply", PO, lines=[line("1", affected=1)], mapping="x12_856", minute=40
    )
    cancel = _out(paper("change_requested", PO, mapping="x12_860", purpose="01", minute=50))
    assert codes(order, gone, cancel) == ["ORD.CHANGE_LATE"]


@pytest.fixture
def goods(order, paper, line):
    """An order of ten, and the notice that ten were shipped."""
    shipped = [line("1", affected=10)]
    return order, paper("shipped", "asn:S1@acme_supply", PO, lines=shipped, mapping="x12_856")


@pytest.fixture
def bill(paper, line):
    numbers = itertools.count(1)

    def make(quantity, price="2.50", **attributes):
        lines = [line("1", affected=quantity, price=price)]
        number = f"invoice:I{next(numbers)}@acme_supply"
        return paper("invoiced", number, PO, lines=lines, mapping="x12_810", **attributes)

    return make


def test_a_credit_memo_mends_what_was_billed_too_much(goods, bill):
    twelve = bill(12)
    assert codes(*goods, twelve) == ["BIL.QTY"]
    assert codes(*goods, twelve, bill(1, type="CR")) == ["BIL.QTY"], "one is still too much"
    two = bill(2, type="CR")
    assert codes(*goods, twelve, two) == []
    assert codes(*goods, twelve, two, bill(1)) == ["BIL.QTY"], "and no more may be billed"


def test_a_credit_of_a_part_of_the_price_is_for_no_pieces(goods, bill):
    assert codes(*goods, bill(12), bill(12, price="0.10", type="CR")) == ["BIL.QTY"]


def test_what_is_credited_for_returned_goods_leaves_no_room_for_another_invoice(goods, bill):
    assert codes(*goods, bill(10), bill(3, type="CR"), bill(3)) == ["BIL.QTY"]


def test_payments_of_one_invoice_are_added_up(paper):
    bill = _out(paper("invoiced", INVOICE, mapping="x12_810", total="100.00"))

    def paid(name, amount, **more):
        return paper(
            "paid", f"remittance:{name}@acme_supply", INVOICE, mapping="x12_820", paid=amount, **more
        )

    first, second = paid("R1", "60.00"), paid("R2", "38.00", discount="2.00")
    assert codes(bill, first) == ["BIL.SHORT_PAY"]
    assert codes(bill, first, second) == []
    (finding,) = check(Dossier([bill, first, paid("R3", "10.00")]))
    assert finding.exception.variances[0]["actual"]["amount"] == "70"
    assert codes(bill, first, paid("R1", "60.00")) == ["BIL.SHORT_PAY"], "said twice is not paid twice"


def test_an_amount_in_another_currency_is_no_such_amount(paper):
    def bill(currency):
        return _out(paper("invoiced", INVOICE, mapping="x12_810", total="100.00", currency=currency))

    paid = paper(
        "paid", "remittance:R1@acme_supply", INVOICE, mapping="x12_820", paid="100.00", currency="USD"
    )
    back = paper(
        "adjusted", "credit_memo:C1@acme_supply", INVOICE, mapping="x12_812", total="-40.00", currency="USD"
    )
    assert codes(bill("USD"), paid, back) == []
    assert codes(bill("CAD"), paid, back) == ["BIL.INVOICE_MISMATCH", "BIL.INVOICE_MISMATCH"]
    tender = _out(paper("tendered", "shipment:SHP-1", mapping="x12_204", total="1000.00", currency="CAD"))
    freight = paper(
        "invoiced",
        "invoice:F1@roadrunner",
        "shipment:SHP-1",
        mapping="x12_210",
        total="1000.00",
        currency="USD",
    )
    (finding,) = check(Dossier([tender, freight]))
    assert finding.exception.title == "Acme Supply Co. bills in USD, and CAD was tendered"


def test_pieces_of_a_case_are_added_up_without_a_remainder(paper, line):
    """Three times four of the twelve in a case are one case, though a third has no last digit."""
    item = "vendor-item:V-1"
    order = _out(paper("ordered", PO, lines=[line("1", ordered=1, price="30.00", item=item, uom="XCS")]))

    def four(number, kind, mapping, **more):
        lines = [line("1", affected=4, item=item)]
        return paper(kind, f"{number}@acme_supply", PO, *more.pop("refs", ()), lines=lines, mapping=mapping)

    notices = [four(f"asn:S{number}", "shipped", "x12_856") for number in range(3)]
    bills = [four(f"invoice:I{number}", "invoiced", "x12_810") for number in range(3)]
    assert codes(order, *notices) == []
    assert codes(order, *notices, *bills) == []
    assert codes(order, *notices, four("asn:S9", "shipped", "x12_856")) == ["FUL.OVER_SHIP"]
    assert codes(order, *notices[:2], *bills) == ["BIL.QTY"]
    received = [
        _out(four(f"receipt:R{n}", "received", "x12_861", refs=[f"asn:S{n}@acme_supply"])) for n in range(3)
    ]
    assert codes(order, *notices, *received) == []
