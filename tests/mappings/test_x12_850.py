"""The 850: what an order says, and what it says against itself. Whole documents are in x12_850/samples."""

from functools import partial

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.formats.x12.guides import guide
from mappings.inbound import x12_850
from tests.mappings.documents import LAKESIDE, a_set, codes, good_sets, problems, said_by, set_aside

say = partial(said_by, x12_850, partner=LAKESIDE)


def order(*body: str, purpose: str = "00", direction: str = "in") -> tuple[Fact, list[ExceptionEvent]]:
    fact, *events = say(f"BEG*{purpose}*SA*LK-77001**20261118", *body, direction=direction)
    assert isinstance(fact, Fact)
    assert fact.kind == "ordered", "an order is always stated as a fact, first"
    return fact, events


LINE = "PO1*1*100*EA*2.5*PE*BP*VALVE-25"


# ── what is ordered ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_states_its_lines_dates_and_money() -> None:
    fact, events = order(
        "CUR*BY*CAD", "DTM*002*20261204", "DTM*001*20261211", "TD5**2*RRFL", LINE, "CTT*1*100", "AMT*TT*250"
    )
    assert events == []
    assert fact.refs == [{"kind": "customer_po", "value": "LK-77001", "issuer": "lakeside_retail"}]
    assert fact.attributes == {
        "purpose": "00",
        "order_type": "SA",
        "order_date": "2026-11-18",
        "delivery_requested": "2026-12-04",
        "cancel_after": "2026-12-11",
        "currency": "CAD",
        "carrier": "RRFL",
        "lines_declared": "1",
        "hash_total": "100",
        "total": "250",
    }
    (line,) = fact.lines
    assert line["line_ref"] == "1"
    assert line["ordered"] == {
        "value": "100",
        "uom": "EA",
        "uom_source": "EA",
        "uom_scheme_source": "x12-355",
    }
    assert line["unit_price"] == {"amount": "2.5", "currency": "CAD"}
    assert line["item_ids"] == [{"kind": "item", "value": "VALVE-25", "scheme": "buyer-item"}]


def test_in_a_copy_of_our_own_order_the_number_is_ours() -> None:
    fact, _ = order(LINE, direction="out")
    assert fact.refs == [{"kind": "supplier_po", "value": "LK-77001", "issuer": "main"}]


def test_a_line_without_a_number_is_known_by_its_item() -> None:
    fact, events = order("PO1**100*EA*2.5*PE*BP*VALVE-25", "PO1**50*EA*2.5*PE*BP*VALVE-25")
    assert [line["line_ref"] for line in fact.lines] == ["VALVE-25", "VALVE-25"]
    assert events == [], "the same item on two lines is ordered twice, and that is no contradiction"


def test_the_total_is_the_one_that_says_that_it_is_the_total() -> None:
    fact, _ = order(LINE, "CTT*1", "AMT*1*999")
    assert "total" not in fact.attributes
    fact, _ = order(LINE, "CTT*1", "AMT*TT*250.75")
    assert fact.attributes["total"] == "250.75"


def test_a_quantity_that_is_only_shared_out_is_the_sum_of_its_shares() -> None:
    fact, events = order("PO1*1***2.5*PE*BP*A", "SDQ*EA*92*S1*60*S2*40", "CTT*1")
    assert events == []
    assert fact.lines[0]["ordered"]["value"] == "100"


def test_dates_that_only_the_lines_tell_are_the_orders_by_the_first_of_them() -> None:
    fact, _ = order(LINE, "DTM*002*20261211", "PO1*2*5*EA*1*PE*BP*B", "DTM*002*20261204")
    assert fact.attributes["delivery_requested"] == "2026-12-04"


# ── trap 12: only a purpose of 00 is a new order ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("purpose", ["00", "06", "07", "15", "18", "04", "05", "22"])
def test_the_purpose_is_in_the_fact_for_a_duplicate_is_found_by_it(purpose: str) -> None:
    fact, events = order(LINE, purpose=purpose)
    assert fact.attributes["purpose"] == purpose
    assert events == []


@pytest.mark.parametrize("purpose", ["01", "03", "17"])
def test_an_order_may_be_taken_back_by_its_purpose(purpose: str) -> None:
    fact, events = order(LINE, "CTT*9", purpose=purpose)
    assert codes(events) == ["ORD.CANCEL_REQUESTED"], "nothing else matters of what is cancelled"
    assert fact.attributes["purpose"] == purpose
    assert events[0].title == "Lakeside Retail cancels PO LK-77001"


def test_what_we_cancel_ourselves_is_no_trouble_to_us() -> None:
    assert order(LINE, purpose="01", direction="out")[1] == []


def test_a_purpose_that_nobody_knows_sets_the_order_aside() -> None:
    with pytest.raises(Unreadable, match="'QX' of element 353") as error:
        order(LINE, purpose="QX")
    assert error.value.code == "EDI.UNMAPPED_CODE"


# ── what an order says against itself ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("DTM*001*20261201", "DTM*002*20261202"),  # cancelled before it was asked for
        ("DTM*001*20261201", "DTM*010*20261202"),
        ("DTM*037*20261202", "DTM*038*20261201"),  # not before a day that is after the last one
        ("DTM*064*20261202", "DTM*063*20261201"),
        ("DTM*010*20261202", "DTM*002*20261201"),  # delivered before it is shipped
        ("DTM*037*20261202", "DTM*002*20261201"),
    ],
)
def test_dates_that_cannot_hold_together_are_one_trouble_of_the_order(first: str, second: str) -> None:
    _, (event,) = order(first, second, LINE)
    assert event.code == "ORD.VALIDATION"
    assert event.lines == ()
    assert event.method == "rule"
    assert {each["attribute"] for each in event.variances} == {"date"}


def test_the_same_day_is_right() -> None:
    dates = ("001", "002", "010", "037", "038")
    assert order(*(f"DTM*{word}*20261201" for word in dates), LINE)[1] == []


def test_a_new_order_may_not_be_asked_for_before_it_was_made_and_a_confirmation_may() -> None:
    assert codes(order("DTM*002*20261117", LINE)[1]) == ["ORD.VALIDATION"]
    assert order("DTM*002*20261117", LINE, purpose="06")[1] == []


def test_a_date_of_a_line_is_held_against_those_of_the_order() -> None:
    _, (event,) = order("DTM*001*20261201", LINE, "DTM*002*20261205")
    assert event.code == "ORD.VALIDATION"
    assert event.lines[0]["line_ref"] == "1"


@pytest.mark.parametrize(
    ("declared", "found"), [("2", ["ORD.VALIDATION"]), ("0", ["ORD.VALIDATION"]), ("1", [])]
)
def test_the_declared_number_of_lines_is_counted(declared: str, found: list[str]) -> None:
    assert codes(order(LINE, f"CTT*{declared}")[1]) == found


def test_a_count_that_is_no_number_is_no_count() -> None:
    fact, events = order(LINE, "CTT*many")
    assert events == []
    assert "lines_declared" not in fact.attributes


@pytest.mark.parametrize("line", ["PO1*1***2.5*PE*BP*A", "PO1*1*0*EA*2.5*PE*BP*A"])
def test_a_line_that_orders_nothing_is_a_trouble(line: str) -> None:
    _, (event,) = order(line)
    assert event.code == "ORD.VALIDATION"
    assert event.lines[0]["line_ref"] == "1"


def test_an_order_without_lines_orders_nothing() -> None:
    assert codes(order()[1]) == ["ORD.VALIDATION"]


def test_a_line_number_that_comes_twice_cannot_be_answered() -> None:
    _, events = order(LINE, "PO1*1*5*EA*1*PE*BP*OTHER", "PO1*2*5*EA*1*PE*BP*THIRD")
    assert codes(events) == ["ORD.VALIDATION", "ORD.VALIDATION"]


def test_what_is_shared_out_over_dates_is_what_is_ordered() -> None:
    assert order(LINE, "SCH*60*EA***002*20261204", "SCH*40*EA***002*20261211")[1] == []
    _, (event,) = order(LINE, "SCH*60*EA***002*20261204")
    assert event.code == "ORD.VALIDATION"
    assert event.variances[0].get("delta") == "-40"


# ── units: only by the item's own pack data ──────────────────────────────────────────────────────────────────


def test_cases_and_singles_are_compared_by_the_pack_of_the_item() -> None:
    ten_cases = "PO1*1*10*CA*24*PE*BP*A"
    assert order(ten_cases, "PO4*12*1*EA", "SDQ*EA*92*S1*60*S2*60")[1] == []
    _, (event,) = order(ten_cases, "PO4*12*1*EA", "SDQ*EA*92*S1*60*S2*50")
    assert event.code == "MDM.UOM_INCONSISTENT"
    assert event.variances[0]["expected"]["value"] == "120"
    assert event.variances[0].get("delta") == "-10"


def test_without_pack_data_cases_and_singles_are_not_compared() -> None:
    assert order("PO1*1*10*CA*24*PE*BP*A", "SDQ*EA*92*S1*60*S2*50")[1] == []


def test_a_pack_of_another_line_converts_nothing() -> None:
    body = ("PO1*1*10*CA*24*PE*BP*A", "SDQ*EA*92*S1*50", "PO1*2*12*EA*2*PE*BP*A", "PO4*12*1*EA")
    assert order(*body)[1] == []


def test_singles_fill_whole_packs() -> None:
    assert order("PO1*1*24*EA*2*PE*BP*A", "PO4*12*1*EA")[1] == []
    _, (event,) = order("PO1*1*25*EA*2*PE*BP*A", "PO4*12*1*EA")
    assert event.code == "MDM.UOM_INCONSISTENT"
    assert event.title == "PO LK-77001 line 1: 25 EA do not fill packs of 12"


def test_inner_packs_are_packs_too() -> None:
    assert order("PO1*1*6*EA*2*PE*BP*A", "PO4*6*1*EA**********4")[1] == [], "six singles, or one pack of six"


def test_a_size_in_another_unit_is_no_pack() -> None:
    assert order("PO1*1*25*EA*2*PE*BP*A", "PO4**12*OZ")[1] == []
    assert order("PO1*1*25*LB*2*PE*BP*A", "PO4*12*1*EA")[1] == []


# ── where to ship ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "party",
    [
        ("N1*ST*Store*92*S12",),
        ("N1*ST*Ana Lopez", "N3*1 Lake Street", "N4*Akron*OH*44301"),
        ("N1*ST*Ana Lopez", "N3*Calle 1", "N4*Ciudad de Mexico***MX"),
        ("N1*ST*Store", "N3*1 Lake Street", "N4*****SL*1234"),
        ("N1*BT*Accounts",),
    ],
)
def test_a_place_that_can_be_found_is_no_trouble(party: tuple[str, ...]) -> None:
    assert order(*party, LINE)[1] == []


@pytest.mark.parametrize(
    ("party", "why"),
    [
        (("N1*ST*Store",), "neither a number (N104) nor an address"),
        (("N1*ST*Store", "N3*1 Lake Street"), "no city (N4)"),
        (("N1*ST*Store", "N3*1 Lake Street", "N4**OH*44301"), "lacks its city (N401)"),
        (("N1*ST*Store", "N3*1 Lake Street", "N4*Akron**44301*US"), "lacks its state (N402)"),
        (("N1*ST*Store", "N3*1 Queen Street", "N4*Toronto*ON**CA"), "lacks its postal code (N403)"),
    ],
)
def test_a_place_that_nobody_can_find_is_told(party: tuple[str, ...], why: str) -> None:
    _, (event,) = order(*party, LINE)
    assert event.code == "SHP.ADDRESS_INVALID"
    assert why in (event.detail or "")


def test_a_line_may_have_a_place_of_its_own() -> None:
    _, (event,) = order(LINE, "N1*ST*Store")
    assert event.code == "SHP.ADDRESS_INVALID"
    assert event.lines[0]["line_ref"] == "1"


# ── what stands where ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_every_good_sample_obeys_the_guide_of_both_releases(release: str) -> None:
    found = [each for each in good_sets(x12_850) if each.version == release]
    assert found
    assert problems(found, release) == []


def test_lines_and_what_stands_in_them_are_found_by_name() -> None:
    root = guide("850", "004010").tree(  # type: ignore[union-attr]
        a_set(
            "850",
            "BEG*00*SA*1**20261118",
            "N1*ST*A*92*B",
            LINE,
            "PO4*12",
            "N1*ST*C*92*D",
            "CTT*1",
            "AMT*TT*1",
        )
    )
    assert [loop.name for loop in root.loops] == ["N1", "PO1", "CTT"]
    assert [loop.path for loop in root.inside("PO1")[0].loops] == ["PO1/N1"]
    assert root.inside("CTT")[0].first("AMT") is not None


@pytest.mark.parametrize(
    "body",
    [
        ("BEG*00*SA***20261118", LINE),
        ("BEG**SA*LK-1**20261118", LINE),
        (LINE,),
        ("BEG*00*SA*LK-1**20261118", "BEG*00*SA*LK-2**20261118"),
        ("BEG*00*SA*LK-1**20261399", LINE),
        ("BEG*00*SA*LK-1**20261118", "PO1*1*-5*EA"),
        ("BEG*00*SA*LK-1**20261118", "PO1*1*5*EA*x"),
        ("BEG*00*SA*LK-1**20261118", "PO1*1*5*EA", "PO4*x"),
        ("BEG*00*SA*LK-1**20261118", "PO1*1*5*EA", "SDQ*EA*92*S1*x"),
        ("BEG*00*SA*LK-1**20261118", LINE, "CTT*1", "AMT*TT*x"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_place_and_remedy(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
