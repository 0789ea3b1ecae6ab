"""The 999: what a 997 says, by the partner's own guide too, and with its context. Whole documents are samples."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact, Origin, seal
from canonical.validate import validator
from crossdock.errors import Unreadable
from crossdock.formats.x12 import TransactionSet, read
from crossdock.partners import MappingContext, Partners
from mappings import golden
from mappings.inbound import x12_997, x12_999

ACME = Partners.load().named("acme_supply")
CONTEXT = MappingContext(partner=ACME, received_at=golden.RECEIVED_AT, tenant="main")
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "x12" / "999"
ORIGIN = Origin(
    tenant="main",
    source="supplier_edi",
    connector_version="1",
    mapping="x12_999",
    mapping_version="1",
    raw_id="3b0c1c9e-0000-5000-8000-000000000001",
    raw_sha256="0" * 64,
    received_at="2026-11-20T14:02:11Z",
    recorded_at="2026-11-20T14:02:13Z",
)


def a_set(*body: str, set_id: str = "999") -> TransactionSet:
    segments = [
        "ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      "
        "*261120*1402*^*00501*000000901*0*P*>",
        "GS*FA*ACMESUPPLY*CROSSDOCK*20261120*1402*901*X*005010X231A1",
        f"ST*{set_id}*0001*005010X231A1",
        *body,
        f"SE*{len(body) + 2}*0001",
        "GE*1*901",
        "IEA*1*000000901~",
    ]
    (found,) = [item for item in read("~".join(segments).encode()) if isinstance(item, TransactionSet)]
    return found


def say(*body: str) -> list[Any]:
    said = list(x12_999.map(a_set(*body), CONTEXT))
    for statement in said:
        sealed(statement)
    return said


def sealed(statement: Any) -> dict[str, Any]:
    document = seal(statement, ORIGIN, namespace=uuid.NAMESPACE_URL, part="0", index=0)
    name = "fact" if isinstance(statement, Fact) else "exception-event"
    assert validator(name, "1.0").violations(document) == []
    return document


def events(*body: str) -> list[ExceptionEvent]:
    return [each for each in say(*body) if isinstance(each, ExceptionEvent)]


def test_the_same_verdicts_are_the_same_facts_in_both_acknowledgements() -> None:
    nine = say("AK1*PO*101*005010", "AK2*850*0001*005010", "IK5*A", "AK9*A*1*1*1")
    seven = list(
        x12_997.map(a_set("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1", set_id="997"), CONTEXT)
    )
    assert [each.refs for each in nine] == [each.refs for each in seven]
    assert [each.attributes for each in nine] == [each.attributes for each in seven]


def test_an_error_is_told_by_repetition_and_with_its_context() -> None:
    (event,) = events(
        "AK1*PO*101", "AK2*850*0001", "IK3*PO1*5*PO1*8", "CTX*PO101>2", "IK4*3*355*2",
        "CTX*SITUATIONAL TRIGGER*PO1*5*PO1*2*330", "IK4*7>1>2*234*6*PUMP", "IK5*R*5", "AK9*P*1*1*0",
    )  # fmt: skip
    errors = event.ext["errors"]
    assert errors["path"][1:] == ["AK2[1]/IK3[1]/IK4[1]", "AK2[1]/IK3[1]/IK4[2]"]
    assert (errors["component"][2], errors["repetition"][2]) == ("1", "2")
    assert errors["context"] == ["PO101 2", "SITUATIONAL TRIGGER: PO1 at segment 5, element 2", None]
    assert event.detail is not None
    assert "element 7 component 1 repetition 2 (234): holds a character" in event.detail
    assert "(SITUATIONAL TRIGGER: PO1 at segment 5, element 2)" in event.detail
    assert event.place["x12"]["path"] == "AK2[1]/IK5"


def test_what_only_the_partners_guide_forbids_is_told_as_that() -> None:
    (event,) = events("AK1*PO*101", "AK2*850*0001", "IK3*DTM*4**I8", "IK5*R*I5", "AK9*P*1*1*0")
    assert event.code == "EDI.TRANSACTION_REJECTED"
    assert event.source_codes[1:] == [
        {"scheme": "x12-618", "code": "I5", "text": "segments break the partner's guide", "mapped": True},
        {
            "scheme": "x12-620",
            "code": "I8",
            "text": "comes less often than the partner's guide wants",
            "mapped": True,
        },
    ]


def test_a_code_that_means_one_thing_in_a_997_is_not_taken_from_the_list_of_the_999() -> None:
    """618 and 718, 620 and 720, 621 and 723 are six lists: the key is the element and the code."""
    (event,) = events("AK1*PO*101", "AK2*850*0001", "IK3*N1*4**8", "IK4*2*93*12", "IK5*R*19", "AK9*P*1*1*0")
    assert [each["scheme"] for each in event.source_codes] == ["x12-717", "x12-618", "x12-620", "x12-621"]


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("CTX*CLM01>123456789", "CLM01 123456789"),
        (
            "CTX*SITUATIONAL TRIGGER*CLM*43**5>3",
            "SITUATIONAL TRIGGER: CLM at segment 43, element 5, component 3",
        ),
        ("CTX*SITUATIONAL TRIGGER^SITUATIONAL TRIGGER>2*CLM*43", "SITUATIONAL TRIGGER: CLM at segment 43"),
        ("CTX**REF", ": REF at segment ?"),
        ("CTX", None),
    ],
)
def test_a_context_is_told_as_far_as_it_says_something(context: str, said: str | None) -> None:
    (event,) = events("AK1*PO*101", "AK2*850*0001", "IK3*REF*57**3", context, "IK5*R*5", "AK9*P*1*1*0")
    assert event.ext["errors"].get("context") == ([said] if said else None)


@pytest.mark.parametrize(
    "body",
    [
        ("AK9*A*1*1*1",),
        ("AK1*PO*101", "AK2*850*0001", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "IK4*1*1*1", "IK5*R", "AK9*A*1*1*1"),
        ("AK1*PO*101", "CTX*PO101>1", "AK9*A*1*1*1"),
        ("AK1*PO*101", "AK2*850*0001", "IK5", "AK9*A*1*1*1"),
    ],
)
def test_an_answer_whose_verdicts_cannot_be_told_is_set_aside_with_its_place(body: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as refused:
        say(*body)
    assert refused.value.code == "EDI.MAP_FAILURE"
    assert refused.value.place.segment is not None


def test_every_999_of_the_corpus_is_mapped_or_set_aside_and_never_a_crash() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not at ../shared/corpus")
    nobody = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
    mapped = contexts = 0
    for path in sorted(CORPUS.iterdir()):
        for item in read(path.read_bytes()):
            if not isinstance(item, TransactionSet) or item.set_id != "999":
                continue
            try:
                said = list(x12_999.map(item, nobody))
            except Unreadable as error:
                assert error.remedy, path.name
                continue
            mapped += 1
            for statement in said:
                sealed(statement)
            contexts += sum(
                "context" in each.ext.get("errors", {}) for each in said if isinstance(each, ExceptionEvent)
            )
    assert mapped >= 8
    assert contexts >= 2
