"""The 856: the traps of the trade, one by one. The whole documents are in mappings/inbound/x12_856/samples."""

import cProfile
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from crossdock.errors import Unreadable
from mappings.inbound import x12_856
from tests.mappings.documents import (
    ACME,
    LAKESIDE,
    LENIENT,
    a_set,
    codes,
    context,
    events,
    facts,
    good_sets,
    group_of,
    problems,
    said_by,
    set_aside,
)

say = partial(said_by, x12_856, partner=ACME)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    assert problems(good_sets(x12_856), release) == []
    assert group_of("856", release) == "SH"


def notice(*levels: str, bsn: str = "BSN*00*SHIP-1*20261120*0815*0001") -> list[str]:
    return [bsn, "HL*1**S", *levels, f"CTT*{1 + sum(each.startswith('HL') for each in levels)}"]


def item(sn1: str, lin: str = "LIN*1*BP*PUMP-40") -> list[str]:
    return notice("HL*2*1*O", "PRF*4711", "HL*3*2*I", lin, sn1)


# ── which shipment, which order ──────────────────────────────────────────────────────────────────────────────


def test_each_order_in_a_shipment_is_a_fact_of_its_own() -> None:
    found = facts(say(
        *notice(
            "HL*2*1*O", "PRF*4711", "HL*3*2*I", "LIN*1*BP*A", "SN1**5*EA",
            "HL*4*1*O", "PRF*4712", "HL*5*4*I", "LIN*1*BP*A", "SN1**7*EA",
        )
    ))  # fmt: skip
    assert [fact.kind for fact in found] == ["shipped", "shipped"]
    assert [fact.refs[:2] for fact in found] == [
        [
            {"kind": "asn", "value": "SHIP-1", "issuer": "acme_supply"},
            {"kind": "supplier_po", "value": order, "issuer": "main"},
        ]
        for order in ("4711", "4712")
    ]
    assert [fact.lines[0]["affected"]["value"] for fact in found] == ["5", "7"]


def test_a_copy_of_our_own_notice_names_the_order_as_the_customers() -> None:
    (fact,) = facts(say(*item("SN1**5*EA"), partner=LAKESIDE, direction="out"))
    assert fact.refs[0] == {"kind": "asn", "value": "SHIP-1", "issuer": "main"}
    assert fact.refs[1] == {"kind": "customer_po", "value": "4711", "issuer": "lakeside_retail"}


def test_an_order_may_be_named_in_the_item_itself() -> None:
    found = facts(
        say(
            *notice(
                "HL*2*1*I",
                "LIN*10*BP*A",
                "SN1**5*EA",
                "PRF*4711",
                "HL*3*1*I",
                "LIN*20*BP*B",
                "SN1**6*EA",
                "PRF*4711",
            )
        )
    )
    (fact,) = found
    assert fact.refs[1]["value"] == "4711"
    assert [line["line_ref"] for line in fact.lines] == ["10", "20"]


def test_a_shipment_without_an_order_is_known_by_its_own_number() -> None:
    (fact,) = facts(say(*notice("HL*2*1*I", "LIN*1*BP*A", "SN1**5*EA")))
    assert [ref["kind"] for ref in fact.refs] == ["asn"]
    assert len(fact.lines) == 1


def test_the_buyers_line_number_goes_before_the_running_one() -> None:
    (fact,) = facts(say(*item("SN1*1*5*EA", lin="LIN*1*BP*A*PL*00030")))
    assert fact.lines[0]["line_ref"] == "00030"
    (fact,) = facts(say(*item("SN1*7*5*EA", lin="LIN**BP*A")))
    assert fact.lines[0]["line_ref"] == "7"
    (fact,) = facts(say(*item("SN1**5*EA", lin="LIN**BP*A")))
    assert fact.lines[0]["line_ref"] == "A"


def test_what_travels_and_how_is_told_with_the_shipment() -> None:
    (fact,) = facts(say(
        "BSN*00*SHIP-1*20261120*0815*0001",
        "HL*1**S", "TD1*CTN25*3****G*74.5*LB", "TD1*PLT71*1", "TD5*B*2*RRFL*M", "TD3*CN*MSKU*1234567",
        "REF*BM*BOL-9", "REF*CN*PRO-5", "REF*VN*SO-1", "REF*DP*7", "DTM*011*20261121*0800*ET", "DTM*017*20261124",
        "HL*2*1*O", "PRF*4711*8", "HL*3*2*P", "MAN*CP*1Z999", "CTT*3",
    ))  # fmt: skip
    refs = {ref["kind"]: ref for ref in fact.refs}
    assert refs["pro"] == {"kind": "pro", "value": "PRO-5", "issuer": "RRFL"}
    assert refs["sales_order"] == {"kind": "sales_order", "value": "SO-1", "issuer": "acme_supply"}
    assert refs["release"]["value"] == "8"
    assert refs["tracking"]["value"] == "1Z999"
    assert refs["container"]["value"] == "MSKU1234567"
    assert fact.occurred_at == {
        "value": "2026-11-21T08:00-05:00", "precision": "minute", "tz_source": "explicit",
        "source_text": "2026-11-21T08:00 ET",
    }  # fmt: skip
    told = {
        name: fact.attributes[name] for name in ("carrier", "packages", "ship_date", "notice_date", "ref.dp")
    }
    assert told == {
        "carrier": "RRFL", "packages": "4", "ship_date": "2026-11-21", "notice_date": "2026-11-20", "ref.dp": "7",
    }  # fmt: skip
    assert fact.attributes["delivery_estimated"] == "2026-11-24"


# ── trap 7: a notice may come again, to replace or to cancel ─────────────────────────────────────────────────


@pytest.mark.parametrize("purpose", ["00", "01", "05"])
def test_what_a_notice_does_to_an_earlier_one_is_in_the_fact(purpose: str) -> None:
    (fact,) = facts(say(*notice("HL*2*1*O", "PRF*4711", bsn=f"BSN*{purpose}*SHIP-1*20261120*0815")))
    assert fact.attributes["purpose"] == purpose
    assert fact.refs[0] == {"kind": "asn", "value": "SHIP-1", "issuer": "acme_supply"}


def test_a_cancelled_notice_has_no_troubles_and_a_replaced_one_has_its_own() -> None:
    body = item("SN1**90*EA**100*EA")
    assert codes(say(*body)) == ["FUL.SHORT_SHIP"]
    body[0] = "BSN*01*SHIP-1*20261120*0815"
    assert events(say(*body)) == []
    body[0] = "BSN*05*SHIP-1*20261120*0815"
    assert codes(say(*body)) == ["FUL.SHORT_SHIP"]


# ── quantities ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shipped", "code", "delta"), [("80", "FUL.SHORT_SHIP", "-20"), ("120", "FUL.OVER_SHIP", "20")]
)
def test_another_quantity_than_ordered_is_told_of_the_order(shipped: str, code: str, delta: str) -> None:
    (event,) = events(say(*item(f"SN1**{shipped}*EA**100*EA")))
    assert event.code == code
    assert event.refs[0] == {"kind": "supplier_po", "value": "4711", "issuer": "main"}
    assert event.lines[0]["affected"]["value"] == "20"
    assert event.variances[0]["delta"] == delta
    assert event.method == "rule"


def test_all_that_was_ordered_is_no_exception() -> None:
    assert events(say(*item("SN1**100*EA**100*EA"))) == []
    assert events(say(*item("SN1**100*EA"))) == []


def test_quantities_of_different_units_are_not_compared() -> None:
    assert events(say(*item("SN1**4*CA**96*EA"))) == []


def test_what_was_shipped_to_date_completes_an_order_and_never_exceeds_it() -> None:
    assert events(say(*item("SN1**10*EA*100*100*EA"))) == []
    (event,) = events(say(*item("SN1**10*EA*70*100*EA")))
    assert event.lines[0]["affected"]["value"] == "30"
    assert events(say(*item("SN1**100*EA*32558*100*EA"))) == [], (
        "a cumulative figure of the year is no over-shipment"
    )


def test_a_line_in_several_cartons_is_one_line() -> None:
    levels = ["HL*2*1*O", "PRF*4711"]
    for carton, quantity in enumerate((60, 30), 3):
        levels += [f"HL*{carton * 2}*2*P", f"MAN*AA*{SSCCS[carton - 3]}"]
        levels += [f"HL*{carton * 2 + 1}*{carton * 2}*I", "LIN*1*BP*PUMP-40", f"SN1**{quantity}*EA**100*EA"]
    fact, event = say(*notice(*levels))
    assert [line["affected"]["value"] for line in fact.lines] == ["90"]
    assert event.code == "FUL.SHORT_SHIP"
    assert event.lines[0]["affected"]["value"] == "10"


def test_cartons_that_each_name_their_own_share_are_complete() -> None:
    levels = ["HL*2*1*O", "PRF*4711"]
    for carton in (3, 4):
        levels += [f"HL*{carton}*2*I", "LIN*1*BP*PUMP-40", "SN1**10*EA**10*EA"]
    fact, *rest = say(*notice(*levels))
    assert rest == []
    assert fact.lines[0]["ordered"]["value"] == "20"


def test_cartons_whose_sum_no_figure_can_hold_are_set_aside() -> None:
    levels = ["HL*2*1*O", "PRF*4711"]
    for carton in (3, 4):
        levels += [f"HL*{carton}*2*I", "LIN*1*BP*PUMP-40", "SN1**999999999999999999*EA"]
    with pytest.raises(Unreadable, match="more than 18 digits"):
        say(*notice(*levels))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("IB", ["INV.BACKORDER"]),
        ("ID", ["ORD.LINE_CANCELLED"]),
        ("IS", ["INV.SUBSTITUTION", "FUL.SHORT_SHIP"]),
        ("AC", ["FUL.SHORT_SHIP"]),
    ],
)
def test_a_status_that_explains_what_is_missing_is_the_one_trouble(status: str, expected: list[str]) -> None:
    assert codes(say(*item(f"SN1**80*EA**100*EA**{status}"))) == expected


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────

SSCCS = ("007121610006156802", "106141412345678908")


def pack(*marks: str, kind: str = "P") -> list[str]:
    return notice("HL*2*1*O", "PRF*4711", f"HL*3*2*{kind}", *marks)


@pytest.mark.parametrize("mark", [f"MAN*GM*00{SSCCS[0]}", f"MAN*AA*{SSCCS[0]}", f"MAN*GM*{SSCCS[0]}"])
def test_a_right_label_is_a_reference_without_its_application_identifier(mark: str) -> None:
    (fact,) = say(*pack(mark))
    assert {"kind": "sscc", "value": SSCCS[0]} in fact.refs
    assert fact.attributes["sscc_count"] == "1"


@pytest.mark.parametrize("kind", ["P", "T"])
@pytest.mark.parametrize(
    ("mark", "cause"),
    [
        ("PO4*1", "missing"),
        ("MAN*SM*ABC", "missing"),
        ("MAN*GM*00007121610006156803", "wrong"),
        ("MAN*AA*12345", "wrong"),
        ("MAN*GM*01234567891011121314", "wrong"),
    ],
)
def test_a_pack_without_a_right_sscc_is_a_label_trouble(mark: str, cause: str, kind: str) -> None:
    (event,) = events(say(*pack(mark, kind=kind)))
    assert (event.code, event.cause) == ("FUL.LABEL", cause)
    assert event.refs[0]["kind"] == "asn"


def test_an_sscc_on_two_packs_is_a_label_trouble_and_a_bar_code_of_another_kind_is_a_label() -> None:
    mark = f"MAN*GM*00{SSCCS[0]}"
    (event,) = events(say(*notice("HL*2*1*P", mark, "HL*3*1*P", mark)))
    assert (event.code, event.cause) == ("FUL.LABEL", "duplicate")
    assert events(say(*notice("HL*2*1*T", "REF*LS*S125"))) == []


def test_many_packs_without_labels_are_one_trouble() -> None:
    (event,) = events(say(*notice(*(f"HL*{number}*1*P" for number in range(2, 502)))))
    assert event.ext["packs"] == 500
    assert "and 480 more" in event.detail


def test_a_thousand_labels_are_counted_and_a_few_are_references() -> None:
    labels = [f"MAN*AA*{_sscc(number)}" for number in range(1000)]
    levels = [part for number, label in enumerate(labels, 2) for part in (f"HL*{number}*1*P", label)]
    (fact,) = say(*notice(*levels))
    assert fact.attributes["sscc_count"] == "1000"
    assert len(fact.refs) <= 64
    assert sum(ref["kind"] == "sscc" for ref in fact.refs) == 32


def _sscc(number: int) -> str:
    digits = f"{number:017}"
    odd, even = sum(map(int, digits[::-2])), sum(map(int, digits[-2::-2]))
    return digits + str(-(odd * 3 + even) % 10)


# ── levels ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("level", "sentence"),
    [
        ("HL*3*9*I", "names the parent 9"),
        ("HL*3*3*I", "is its own parent"),
        ("HL*2*2*I", "comes twice"),
        ("HL*3**I", "names no parent"),
        ("HL***I", "HL01 is empty"),
    ],
)
def test_a_level_that_does_not_fit_is_told_by_its_number_and_the_rest_is_mapped(
    level: str, sentence: str
) -> None:
    fact, event, *_ = say(*notice("HL*2*1*O", "PRF*4711", level, "LIN*1*BP*A", "SN1**5*EA"))
    assert fact.refs[1]["value"] == "4711", "the item belongs to the order before it"
    assert fact.lines[0]["affected"]["value"] == "5"
    assert event.code == "EDI.SYNTAX"
    assert sentence in event.detail
    assert event.place["x12"]["segment_ordinal"] == 6


def test_a_count_of_levels_that_is_wrong_is_kept_and_is_no_exception() -> None:
    body = item("SN1**5*EA")
    body[-1] = "CTT*99"
    (fact,) = say(*body)
    assert fact.attributes["levels_declared"] == "99"
    assert fact.attributes["levels"] == "3"


def calls_for(levels: int) -> int:
    """Calls made while a notice of so many levels is mapped: a count, so that no clock is needed."""
    body = ["HL*2*1*O", "PRF*4711"]
    for number in range(3, levels):
        body += [f"HL*{number}*2*I", f"LIN*{number}*BP*P-{number}", "SN1**1*EA**1*EA"]
    document = a_set("856", *notice(*body))
    profile = cProfile.Profile()
    profile.runcall(lambda: list(x12_856.map(document, context(ACME))))
    return sum(each.callcount for each in profile.getstats())


def test_the_work_grows_with_the_document_and_not_with_its_square() -> None:
    """In a process of its own: in one that has seen much, Python 3.11 may never come back from a traced call."""
    ask = "from tests.mappings.test_x12_856 import calls_for; print(calls_for(400), calls_for(800))"
    ran = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    half, whole = map(int, ran.stdout.split())
    assert whole < 2.2 * half


# ── trap 15, trap 17, codes and numbers ──────────────────────────────────────────────────────────────────────


def test_duns_and_duns_plus_four_are_one_party() -> None:
    (fact,) = facts(say(
        "BSN*00*SHIP-1*20261120*0815", "HL*1**S", "N1*ST*Crossdock*1*006003496", "N1*ST*Crossdock 14*9*0060034960014",
        "N1*SF*Acme*9*1234567890001",
    ))  # fmt: skip
    ship_to = [party for party in fact.parties if party["role"] == "ship_to"]
    assert len(ship_to) == 1
    assert ship_to[0]["ids"] == [
        {"scheme": "duns", "value": "006003496"},
        {"scheme": "duns4", "value": "0060034960014"},
    ]
    (ship_from,) = [party for party in fact.parties if party["role"] == "ship_from"]
    assert {"scheme": "duns", "value": "123456789"} in ship_from["ids"]


def test_two_companies_of_one_role_stay_two() -> None:
    (fact,) = facts(say("BSN*00*S*20261120*0815", "HL*1**S", "N1*ST*A*1*006003496", "N1*ST*B*1*006003497"))
    assert sum(party["role"] == "ship_to" for party in fact.parties) == 2


def test_the_same_letters_mean_another_thing_in_another_element() -> None:
    # TD506 is of element 368, SN108 of element 668: IC is a cancelled item in one and changed terms in the other
    assert codes(say(*item("SN1**5*EA*****IC"))) == ["ORD.COUNTER_OFFER"]
    found = events(say("BSN*00*S*20261120*0815", "HL*1**S", "TD5*B*2*RRFL*M**IC", "HL*2*1*O", "PRF*4711"))
    assert codes(found) == ["ORD.LINE_CANCELLED"]
    assert found[0].source_codes[0]["scheme"] == "x12-368"


def test_an_unknown_status_sets_the_set_aside_and_a_lenient_partner_is_kept() -> None:
    with pytest.raises(Unreadable) as refused:
        say(*item("SN1**5*EA*****QX"))
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert refused.value.place.element == 8
    (event,) = events(say(*item("SN1**5*EA*****QX"), partner=LENIENT))
    assert event.code == "EDI.UNMAPPED_CODE"
    assert event.source_codes == [{"scheme": "x12-668", "code": "QX", "mapped": False}]


@pytest.mark.parametrize(
    "body",
    [
        ("BSN*00**20261120*0815", "HL*1**S"),
        ("BSN*00*S*20261120*0815",),
        ("HL*1**S",),
        ("BSN*00*S*20261320*0815", "HL*1**S"),
        ("BSN*00*S*20261120*0815", "HL*1**S", "DTM*011*2026"),
        ("BSN*00*S*20261120*0815", "HL*1**S", "TD1*CTN*-4"),
        tuple(item("SN1**1_0*EA")),
        tuple(item("SN1**5*EA**-1*EA")),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)
