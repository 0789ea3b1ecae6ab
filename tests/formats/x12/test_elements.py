"""Implied decimals: what an N2 says and how a number becomes one, exactly and both ways."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.formats.x12 import guides
from crossdock.formats.x12.elements import Element, Release, with_point, without_point


@pytest.mark.parametrize(
    ("text", "decimals", "number"),
    [
        ("12345", 2, "123.45"),
        ("5", 2, "0.05"),
        ("-12345", 2, "-123.45"),
        ("-5", 2, "-0.05"),
        ("0", 2, "0.00"),
        ("007", 2, "0.07"),
        ("7", 0, "7"),
        ("1", 4, "0.0001"),
    ],
)
def test_trap_8_the_point_of_an_n2_is_implied(text: str, decimals: int, number: str) -> None:
    assert with_point(text, decimals) == Decimal(number)


@pytest.mark.parametrize("text", ["", "-", "1.5", "1,5", "1E2", "+5", " 5", "٣", "--5", "5-"])
def test_what_is_no_whole_number_has_no_implied_point(text: str) -> None:
    with pytest.raises(ValueError, match="is no whole number with 2 implied decimals"):
        with_point(text, 2)


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        ("123.45", 2, "12345"),
        ("0.05", 2, "5"),
        ("-0.05", 2, "-5"),
        ("100", 2, "10000"),
        ("1E+3", 2, "100000"),
        ("123.4500", 2, "12345"),
        ("0", 2, "0"),
        ("-0.00", 2, "0"),
        ("0E-9", 0, "0"),
        ("0E-2000", 2, "0"),
    ],
)
def test_a_number_is_written_without_its_point(number: str, decimals: int, text: str) -> None:
    assert without_point(Decimal(number), decimals) == text


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("0.005", "0.005 has more than 2 decimals"),
        ("123.451", "has more than 2 decimals"),
        ("0.05001", "has more than 2 decimals"),
        ("NaN", "is no number"),
        ("-Infinity", "is no number"),
        ("1E+5000", "far from what an element can hold"),
    ],
)
def test_nothing_is_rounded_on_its_way_into_an_element(number: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        without_point(Decimal(number), 2)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_what_is_written_is_read_back_as_the_same_number(number: Decimal) -> None:
    assert with_point(without_point(number, 2), 2) == number


@given(st.integers(min_value=0, max_value=9), st.integers())
def test_whatever_stands_there_is_written_again_as_it_stood(decimals: int, whole: int) -> None:
    assert without_point(with_point(str(whole), decimals), decimals) == str(whole)


def test_the_type_says_how_many_decimals_are_implied() -> None:
    known = guides.words("004010").elements
    assert known["610"].decimals == 2  # amount: TDS01
    assert known["354"].decimals == 0  # number of line items
    assert known["212"].decimals is None  # unit price is R: its point is written
    assert known["373"].decimals is None
    assert Element(reference="1", name="", type="N").decimals == 0


@pytest.mark.parametrize("release", ["004010", "005010"])
@pytest.mark.parametrize("number", ["610", "58", "193"])
def test_amounts_of_invoices_and_freight_have_two_implied_decimals(number: str, release: str) -> None:
    assert guides.words(release).elements[number].type == "N2"


def test_a_composite_of_an_older_release_is_made_of_the_elements_of_the_newer_one() -> None:
    base = Release(
        {
            "release": "004010",
            "elements": {"1": "AN 1/30 Reference"},
            "composites": {"C1": {"name": "Pair", "elements": "1 M, 1"}},
            "segments": {"ZA": {"name": "Start", "elements": "C1 M 3, 1 X 2"}},
        }
    )
    newer = Release({"release": "005010", "base": "004010", "elements": {"1": "AN 1/50 Reference"}}, base)
    pair, plain = newer.segments["ZA"].elements
    assert [part.longest for part in pair.components] == [50, 50]
    assert (plain.longest, plain.use, plain.repeats) == (50, "X", 2)
    assert (pair.use, pair.repeats) == ("M", 3)
    assert [part.longest for part in base.segments["ZA"].elements[0].components] == [30, 30]
