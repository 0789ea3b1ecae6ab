"""Codes of others in our words: the traps of X12, the source of every list, and no code that leads nowhere."""

import pytest

from canonical.crosswalks import currencies, lists, lookup, units
from canonical.taxonomy import FACT_KINDS, codes


def exception(element: str, code: str) -> str:
    row = lookup(element, code)
    assert row is not None
    return row.exception


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("IE", "PRC.PENDING"),
        ("IF", "ORD.HOLD"),
        ("IP", "PRC.CHANGED"),
        ("IQ", "ORD.QTY_CHANGED"),
        ("IB", "INV.BACKORDER"),
        ("BP", "INV.BACKORDER"),
        ("IR", "ORD.LINE_REJECTED"),
        ("R2", "ORD.LINE_REJECTED"),
        ("ID", "ORD.LINE_CANCELLED"),
        ("IH", "ORD.HOLD"),
        ("IW", "ORD.HOLD"),
        ("DR", "INV.SUPPLIER_DELAY"),
        ("IS", "INV.SUBSTITUTION"),
        ("SP", "ORD.SCHEDULE_PENDING"),
        ("IA", "none"),
        ("AA", "none"),
    ],
)
def test_line_status_codes_mean_what_the_standard_says_and_not_what_the_web_copies(code, means):
    assert exception("x12-668", code) == means


def test_a_hold_for_an_incomplete_description_says_why():
    row = lookup("x12-668", "IF")
    assert row is not None and row.cause == "incomplete_description"


def test_a_normal_status_is_no_exception_even_as_the_reason_of_a_delay():
    for code in ("NS", "NA"):
        row = lookup("x12-1651", code)
        assert row is not None and row.normal and row.exception == "none" and row.cause is None
    assert not any(
        row.normal
        for element in lists().values()
        for row in element.rows.values()
        if row.code not in ("NS", "NA")
    )


def test_the_same_letters_mean_other_things_in_other_elements():
    assert exception("x12-1650", "BC") == "SHP.HELD"  # stored on the way
    assert exception("x12-1651", "BC") == "DOC.MISSING"  # papers missing
    departed, accident = lookup("x12-1650", "AF"), lookup("x12-1651", "AF")
    assert departed is not None and departed.fact == "shipped" and departed.exception == "none"
    assert accident is not None and accident.cause == "accident"
    assert exception("x12-1650", "CA") == "SHP.CARRIER_FAILURE"  # shipment cancelled
    assert exception("x12-1651", "CA") == "SHP.CUSTOMS"
    assert (
        exception("x12-668", "IC") == "ORD.COUNTER_OFFER"
    )  # accepted with changes; 368 IC is a cancelled item
    assert exception("x12-1650", "D1") == "none" and exception("x12-1651", "D1") == "SHP.CARRIER_FAILURE"
    case, customs = lookup("x12-355", "CA"), lookup("x12-1651", "CA")
    assert case is not None and case.ours == "XCS" and customs is not None and customs.ours is None


def test_an_element_without_a_list_is_the_callers_fault_and_an_unknown_code_the_partners():
    assert lookup("x12-668", "QZ") is None
    with pytest.raises(KeyError):
        lookup("x12-9999", "IC")


@pytest.mark.parametrize(
    ("element", "code", "means"),
    [
        ("x12-587", "AC", "none"),
        ("x12-587", "AE", "none"),
        ("x12-587", "AH", "ORD.HOLD"),
        ("x12-587", "RJ", "ORD.REJECTED"),
        ("x12-587", "RO", "ORD.COUNTER_OFFER"),
        ("x12-1650", "SD", "SHP.DELAY"),
        ("x12-1650", "A7", "SHP.REFUSED"),
        ("x12-1650", "X4", "none"),
        ("x12-33", "A", "SHP.SHORT"),
        ("x12-33", "E", "SHP.REFUSED"),
        ("x12-33", "W", "SHP.WRONG_ITEM"),
        ("x12-717", "A", "none"),
        ("x12-717", "E", "EDI.ACCEPTED_WITH_ERRORS"),
        ("x12-717", "R", "EDI.TRANSACTION_REJECTED"),
        ("x12-715", "P", "EDI.TRANSACTION_REJECTED"),
        ("x12-715", "R", "EDI.GROUP_REJECTED"),
    ],
)
def test_other_lists_mean_what_they_mean(element, code, means):
    assert exception(element, code) == means


@pytest.mark.parametrize(
    ("element", "code", "ours"),
    [
        ("x12-355", "EA", "EA"),
        ("x12-355", "DZ", "DZN"),
        ("x12-355", "LB", "LBR"),
        ("x12-355", "BX", "XBX"),
        ("x12-355", "PL", "XPX"),
        ("x12-374", "068", "ship_scheduled"),
        ("x12-374", "017", "delivery_estimated"),
        ("x12-235", "UP", "gtin-12"),
        ("x12-235", "BP", "buyer-item"),
        ("x12-235", "VN", "vendor-item"),
        ("x12-1650", "AG", "eta"),
        ("x12-1652", "AB", "delivery_appointment"),
    ],
)
def test_units_dates_and_product_numbers_get_our_word(element, code, ours):
    row = lookup(element, code)
    assert row is not None and row.ours == ours


def test_every_list_says_where_it_is_from_and_under_which_licence():
    assert set(lists()) >= {
        "x12-668", "x12-587", "x12-1650", "x12-1651", "x12-1652", "x12-33", "x12-717", "x12-715", "x12-355",
        "x12-374", "x12-235", "x12-859", "x12-521", "x12-1292", "x12-1293", "x12-1294",
    }  # fmt: skip
    for element in lists().values():
        assert element.source and element.rows, element.element
        if element.element.startswith("x12-"):
            assert element.licence in {"MIT", "BSD-3-Clause"}, element.element
            assert element.version in {"004010", "005010"}, element.element
        else:
            assert element.licence == "facts; the words are ours", element.element
            assert element.version == "2024", element.element


def test_no_row_leads_to_a_word_that_nobody_knows():
    for element in lists().values():
        for row in element.rows.values():
            assert row.text, row
            assert row.exception == "none" or row.exception in codes(), row
            assert row.fact is None or row.fact in FACT_KINDS, row
            if element.element == "x12-355":
                assert row.ours in units(), row


def test_currencies_hold_what_is_traded_in_and_nothing_made_up():
    assert {"USD", "EUR", "JPY", "XCG", "BGN"} <= currencies()
    assert not {"XXZ", "XTS", "XXX", "HRK", "DEM"} & currencies()
