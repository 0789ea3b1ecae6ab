"""The 944: what a warehouse received. The whole documents are in mappings/inbound/x12_944/samples."""

from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.formats.x12 import TransactionSet, guides, read
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden
from mappings.inbound import x12_944

NORTHSTAR = Partners.load().named("northstar_3pl")


def a_document(*body: str, release: str = "004010") -> TransactionSet:
    segments = ["ST*944*0001", *body, f"SE*{len(body) + 2}*0001"]
    text = "~".join(
        [
            "ISA*00*          *00*          *ZZ*NORTHSTAR3PL   *ZZ*CROSSDOCK      "
            "*261120*1402*U*00401*000000101*0*P*>",
            f"GS*RE*NORTHSTAR3PL*CROSSDOCK*20261120*1402*101*X*{release}",
            *segments,
            "GE*1*101",
            "IEA*1*000000101~",
        ]
    )
    (found,) = [item for item in read(text.encode()) if isinstance(item, TransactionSet)]
    return found


def say(*body: str, partner: Partner | None = NORTHSTAR, direction: str = "in") -> list[Any]:
    context = MappingContext(
        partner=partner, received_at=golden.RECEIVED_AT, tenant="main", direction=direction
    )
    return list(x12_944.map(a_document(*body), context))


def facts(*body: str, **how: Any) -> list[Fact]:
    return [each for each in say(*body, **how) if isinstance(each, Fact)]


def events(*body: str, **how: Any) -> list[ExceptionEvent]:
    return [each for each in say(*body, **how) if isinstance(each, ExceptionEvent)]


def codes(found: list[ExceptionEvent]) -> list[str]:
    return [event.code for event in found]


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_the_good_samples_obey_the_guide_of_both_releases(release: str) -> None:
    for sample in golden.samples(x12_944):
        if sample.name.startswith("hostile_"):
            continue
        for item in read(sample.read_bytes()):
            if isinstance(item, TransactionSet):
                found = guides.guide("944", release)
                assert found is not None
                assert found.functional_group == "RE"
                assert [guides.say(problem) for problem in found.check(item)] == [], sample.name


HEAD = "W17*F*20261122*WR-1*TR-1*SHIP-1"


def test_a_receipt_answers_the_depositors_transfer() -> None:
    fact, *rest = say(HEAD, "W07*100*EA**VN*PUMP-40***LOT-1", "N9*LI*1", "W14*100*100")
    assert rest == []
    assert fact.kind == "received"
    assert fact.refs == [
        {"kind": "warehouse_receipt", "value": "TR-1", "issuer": "main"},
        {"kind": "receipt", "value": "WR-1", "issuer": "northstar_3pl"},
        {"kind": "shipment", "value": "SHIP-1"},
    ]
    assert fact.lines[0]["affected"]["value"] == "100"
    assert fact.lines[0]["item_ids"][1]["kind"] == "lot"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("01", "RCV.DAMAGED"),
        ("02", "RCV.SHORT"),
        ("03", "RCV.OVER"),
        ("04", "RCV.QUALITY"),
        ("05", "RCV.WRONG_ITEM"),
        ("08", "RCV.REJECTED"),
        ("09", "RCV.QUALITY"),
        ("10", "RCV.REJECTED"),
        ("13", "RCV.NO_ASN"),
    ],
)
def test_each_condition_is_a_trouble_of_its_line(condition: str, code: str) -> None:
    (event,) = events(HEAD, "W07*90*EA**VN*A", "N9*LI*7", f"W13*10*EA*{condition}")
    assert event.code == code
    assert event.lines[0]["line_ref"] == "7"
    assert event.lines[0]["affected"]["value"] == "10"
    assert event.refs[0]["kind"] == "warehouse_receipt"


def test_good_goods_are_no_exception_whatever_stands_beside_them() -> None:
    assert events(HEAD, "W07*90*EA**VN*A", "W13*90*EA*07**WC") == []


def test_damage_says_why() -> None:
    (event,) = events(HEAD, "W07*90*EA**VN*A", "W13*4*EA*01**WC")
    assert (event.code, event.cause) == ("RCV.DAMAGED", "wet")
    assert [code["scheme"] for code in event.source_codes] == ["x12-412", "x12-853"]


def test_the_totals_speak_only_where_no_line_has() -> None:
    (event,) = events("W17*X*20261122*WR-1*TR-1", "W14*90*100")
    assert event.code == "RCV.SHORT"
    assert event.variances[0]["delta"] == "-10"
    assert codes(events(HEAD, "W07*90*EA**VN*A", "W13*10*EA*02", "W14*90*100")) == ["RCV.SHORT"]
    assert codes(events(HEAD, "W14*110*100*4")) == ["RCV.OVER", "RCV.DAMAGED"]
    assert codes(events(HEAD, "W07*96*EA**VN*A", "W13*4*EA*09", "W14*100*100*4")) == ["RCV.QUALITY"]


# ── trap 14 ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("received", "code"), [("5", "2"), ("-5", "2"), ("-5", "")])
def test_a_reversal_is_applied_once_however_it_is_said(received: str, code: str) -> None:
    fact, *rest = say(HEAD, f"W07*{received}*EA**VN*A****{code}", "W13*5*EA*01**LS")
    assert fact.lines[0]["affected"]["value"] == "-5"
    assert rest == [], "what is taken back has no troubles"


# ── trap 5, as in the 945 ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("report", "silence"), [("N", "complete"), ("X", "complete"), ("F", "unaccounted")])
def test_what_is_not_listed_has_a_meaning(report: str, silence: str) -> None:
    (fact,) = say(f"W17*{report}*20261122*WR-1*TR-1")
    assert fact.attributes["silence"] == silence
    assert fact.attributes.get("complete") == ("true" if report == "N" else None)


def test_it_is_sent_in_the_group_re() -> None:
    found = guides.guide("944", "005010")
    assert found is not None
    assert found.functional_group == "RE"


def test_a_lenient_partners_unknown_condition_is_told() -> None:
    odd = Partner(name="odd", title="Odd Store", ids=(("ZZ", "ODD"),), ours=("ZZ", "CROSSDOCK"), lenient=True)
    (event,) = events(HEAD, "W07*90*EA**VN*A", "W13*4*EA*77", partner=odd)
    assert event.code == "EDI.UNMAPPED_CODE"
    assert len(facts(HEAD, partner=odd)) == 1


@pytest.mark.parametrize(
    "body",
    [
        ("W17*F*20261122",),
        ("W17**20261122*WR-1",),
        ("W14*0",),
        ("W17*F*20261322*WR-1",),
        (HEAD, "W07*x*EA**VN*A"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA*77"),
        (HEAD, "W07*1*EA**VN*A", "W13*1*EA*01**77"),
        (HEAD, "W14*-1"),
    ],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.place.segment is not None
    assert refused.value.remedy
