"""The 824: accepted behind the 997, or not. The whole documents are in mappings/inbound/x12_824/samples."""

from functools import partial

import pytest

from canonical import taxonomy
from crossdock.errors import Unreadable
from mappings.inbound import x12_824
from tests.mappings.documents import ACME, LAKESIDE, LENIENT, codes, events, facts, said_by, sealed, set_aside

BGN = "BGN*11*AA-1*20261120*1402*CT"

say = partial(said_by, x12_824, BGN, partner=ACME)


def oti(code: str, group: str = "15", number: str = "0001", set_id: str = "850") -> str:
    return f"OTI*{code}*PO*4500123456***20261120*1402*{group}*{number}*{set_id}".rstrip("*")


# ── trap 10: an acceptance closes ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [letter + verdict for letter in "TGIB" for verdict in "AC"])
def test_an_acceptance_is_no_event_and_closes_what_a_rejection_opened(code: str) -> None:
    rejected = events(say(oti("TR")))[0]
    said = say(oti(code))
    assert codes(said) == []
    (fact,) = facts(said)
    assert (fact.kind, fact.attributes["answer"]) == ("application_advice", "accepted")
    described = taxonomy.codes()["EDI.APP_REJECTED"]
    assert taxonomy.clears(described, sealed(rejected)["data"], sealed(fact)["data"])


def test_a_second_rejection_closes_nothing_and_an_acceptance_of_another_document_neither() -> None:
    rejected = sealed(events(say(oti("TR")))[0])["data"]
    described = taxonomy.codes()["EDI.APP_REJECTED"]
    again = sealed(facts(say(oti("TR")))[0])["data"]
    other = sealed(facts(say("OTI*TA*PO*999*****16*0001*850"))[0])["data"]
    assert not taxonomy.clears(described, rejected, again)
    assert not taxonomy.clears(described, rejected, other)


@pytest.mark.parametrize(
    ("code", "answer"),
    [(letter + "E", "accepted_with_errors") for letter in "TGIB"]
    + [(letter + "P", "partial") for letter in "TGIB"]
    + [(letter + "R", "rejected") for letter in "TGIB"],
)
def test_anything_less_than_an_acceptance_is_an_event(code: str, answer: str) -> None:
    said = say(oti(code))
    assert codes(said) == ["EDI.APP_REJECTED"]
    assert facts(said)[0].attributes["answer"] == answer


def test_what_our_own_application_refused_is_a_fact_and_no_exception() -> None:
    said = say(oti("TR"), "TED*006", direction="out")
    assert codes(said) == []
    assert facts(said)[0].attributes["answer"] == "rejected"


# ── what it points at ────────────────────────────────────────────────────────────────────────────────────────


def test_it_names_our_document_by_its_number_and_by_our_control_numbers() -> None:
    (fact,) = facts(say(oti("TA", group="000000015")))
    assert fact.refs == [
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
        {
            "kind": "transaction_set",
            "value": "0001",
            "issuer": "main:acme_supply:15",
            "scheme": "x12/850",
        },
        {"kind": "group", "value": "15", "issuer": "main:acme_supply"},
    ]


@pytest.mark.parametrize(
    ("set_id", "qualifier", "kind", "issuer"),
    [
        ("810", "IV", "invoice", "main"),
        ("856", "SI", "asn", "main"),
        ("855", "PO", "customer_po", "lakeside_retail"),
        ("204", "SI", "shipment", None),
        ("940", "ZZ", "warehouse_order", "main"),
    ],
)
def test_the_number_is_of_the_kind_that_the_set_has(
    set_id: str, qualifier: str, kind: str, issuer: str | None
) -> None:
    (fact,) = facts(say(f"OTI*TA*{qualifier}*N-1*******{set_id}", partner=LAKESIDE))
    assert fact.refs[0]["kind"] == kind
    assert fact.refs[0].get("issuer") == issuer


def test_the_errors_are_told_with_places_and_values_for_people_and_for_programs() -> None:
    (event,) = events(
        say(
            oti("TR"),
            "TED*009*Ship date is no date*DTM*5*2*373*20261399*20261231",
            "NTE*GEN*Send it again",
            "TED*UNP**PO1*7*4*212*2.5",
        )
    )
    assert event.cause == "invalid_date"
    assert event.detail == (
        "wrong date: segment DTM 5, element 2 (373): it had '20261399'; it should have '20261231': "
        "Ship date is no date Send it again; unit price incorrect: segment PO1 7, element 4 (212): it had '2.5'"
    )
    assert event.ext["error_code"] == ["009", "UNP"]
    assert event.ext["error_segment"] == ["DTM", "PO1"]
    assert event.ext["error_position"] == ["5", "7"]
    assert event.ext["error_bad_value"] == ["20261399", "2.5"]
    assert [each["scheme"] for each in event.source_codes] == ["x12-110", "x12-647", "x12-647"]


@pytest.mark.parametrize("code", ["006", "007", "009", "010", "011", "DUP", "IQT", "POI", "UNP", "MN", "STA",
                                  "STP", "HUG", "HUL", "PPD", "106", "111", "119", "121", "133"])  # fmt: skip
def test_each_known_error_has_its_cause(code: str) -> None:
    assert events(say(oti("TR"), f"TED*{code}"))[0].cause


def test_an_error_that_nobody_knows_does_not_make_a_rejection_unknown() -> None:
    (event,) = events(say(oti("TR"), "TED*Q77*Own words"))
    assert event.code == "EDI.APP_REJECTED"
    assert event.source_codes[1] == {"scheme": "x12-647", "code": "Q77", "mapped": False}
    assert event.detail == "error Q77: Own words"


def test_an_unknown_verdict_sets_aside_or_is_told_by_the_partners_profile() -> None:
    with pytest.raises(Unreadable) as refused:
        say(oti("QQ"))
    assert refused.value.code == "EDI.UNMAPPED_CODE"
    assert codes(say(oti("QQ"), partner=LENIENT)) == ["EDI.UNMAPPED_CODE"]


@pytest.mark.parametrize(
    "body",
    [(), ("OTI**PO*1",), ("OTI*TR*ZZ*NA",), ("OTI*TR*PO*1", "TED"), ("OTI*TR*PO*1***20261399",)],
)
def test_what_cannot_be_mapped_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    set_aside(say, *body)


@pytest.mark.parametrize("release", ["004010", "005010"])
def test_both_releases_are_read_alike(release: str) -> None:
    assert codes(say(oti("TR"), "TED*006", release=release)) == ["EDI.APP_REJECTED"]
