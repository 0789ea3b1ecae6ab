"""The packaged table does with each exception of the demonstration what its owners agreed on."""

import tomllib
from typing import Any

import pytest

from canonical import taxonomy
from canonical.events import ExceptionEvent, Origin, seal
from crossdock.decide.context import OUR_NUMBERS
from crossdock.decide.router import Router
from crossdock.decide.table import TRIAGE
from crossdock.edi.plan import document_mapping
from crossdock.errors import CrossdockError
from crossdock.messages import NAMESPACE, Decision
from crossdock.normalize.part import rfc3339
from crossdock.partners import Partners
from crossdock.registry import Registry
from crossdock.writebacks import write_body
from mappings import golden
from mappings.outbound import subjects

from .conftest import an_event, backorder


@pytest.fixture(scope="module")
def packaged() -> Router:
    return Router.load()


@pytest.mark.parametrize(
    ("event", "queue", "actions"),
    [
        (backorder(date="2026-12-04"), "supply", ["note", "change_date"]),
        (backorder(date="2026-12-04", value="25000"), "supply", ["note", "change_date"]),
        (backorder(), "supply", ["note"]),
        (an_event("ORD.REJECTED"), "purchasing", ["note"]),
        (an_event("ORD.LINE_REJECTED"), "purchasing", ["note"]),
        (an_event("ORD.QTY_CHANGED"), "purchasing", ["note"]),
        (an_event("PRC.CHANGED"), "purchasing", ["note"]),
        (an_event("CRD.HOLD"), "credit", ["note"]),
        (an_event("CMP.EXPORT_BLOCK"), "compliance", ["hold"]),
        (an_event("SHP.DELAY"), "transport", ["note"]),
        (an_event("EDI.TRANSACTION_REJECTED"), "integration", []),
        (an_event("BIL.DUPLICATE"), "billing", []),
        (an_event("ORD.ACK_OVERDUE"), "purchasing", ["note"]),
        (an_event("ORD.VALIDATION"), "orders", []),
        (an_event("FUL.NO_SHIP_CONFIRM"), "warehouse", []),
        (an_event("RCV.NOT_CONFIRMED"), "receiving", []),
    ],
)
def test_each_exception_goes_where_it_belongs(
    packaged: Router, event: dict[str, Any], queue: str, actions: list[str]
) -> None:
    (decision,) = packaged.decide([event])
    assert decision.error is None
    assert decision.queue == queue
    assert [action.operation for action in decision.actions] == actions
    assert all(action.target == "erp" for action in decision.actions)
    assert decision.owner
    assert decision.because


def test_every_code_of_the_taxonomy_is_decided_without_an_error(packaged: Router) -> None:
    events = [an_event(code) for code in sorted(taxonomy.codes())]
    assert [decision.error for decision in packaged.decide(events)] == [None] * len(events)


REFS: tuple[dict[str, str], ...] = (
    {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
    {"kind": "customer_po", "value": "77", "issuer": "lakeside_retail"},
    {"kind": "message", "value": "R-1", "issuer": "acme_supply"},
    {"kind": "feed", "value": "x12/846"},
)


@pytest.mark.parametrize("ref", REFS, ids=lambda ref: ref["kind"])
def test_every_code_goes_into_the_queue_that_the_runbook_names(packaged: Router, ref: dict[str, str]) -> None:
    """And none to triage, which is for codes that somebody adds. What a supplier owes us is another's to look at when
    it is we who owe it to a customer."""
    codes = taxonomy.codes()
    decisions = packaged.decide([an_event(code, refs=[ref]) for code in codes])
    elsewhere = {
        code: decision.queue
        for code, decision in zip(codes, decisions, strict=True)
        if decision.queue != codes[code].queue
        and not (decision.rule == "order-of-a-customer" and codes[code].queue in ("purchasing", "supply"))
    }
    assert elsewhere == {}
    assert "default" not in {decision.rule for decision in decisions}


def test_the_queues_are_those_of_the_taxonomy_and_triage(packaged: Router) -> None:
    file = tomllib.loads((packaged.table.folder / "queues.toml").read_text("utf-8"))
    assert set(file["queues"]) == {code.queue for code in taxonomy.codes().values()} | {TRIAGE}


def test_a_code_that_somebody_adds_in_a_family_of_its_own_goes_to_triage(packaged: Router) -> None:
    (decision,) = packaged.decide([an_event("OWN.THING")])
    assert (decision.queue, decision.rule, decision.error) == (TRIAGE, "default", None)
    assert "No row is about OWN.THING yet" in decision.because


def test_the_worst_of_a_queue_comes_first(packaged: Router) -> None:
    codes = taxonomy.codes()
    decisions = packaged.decide([an_event(code) for code in codes])
    worst = {
        code: one.priority for code, one in zip(codes, decisions, strict=True) if codes[code].severity == "S1"
    }
    assert worst
    late = {
        code: priority for code, priority in worst.items() if priority > 20 and not code.startswith("SHP.")
    }
    assert late == {}


def test_a_backorder_of_value_comes_before_a_small_one(packaged: Router) -> None:
    small, large = packaged.decide(
        [backorder(date="2026-12-04"), backorder(date="2026-12-04", value="10000")]
    )
    assert large.priority < small.priority


# -- nothing is wanted that nobody can write ----------------------------------------------------------------------

REGISTRY = Registry()


def cannot_be_written(event: dict[str, Any], decision: Decision) -> list[str]:
    """What the decision wants said to one of our own systems, and why that cannot be composed."""
    wrong = [decision.error] if decision.error else []
    for action in decision.actions:
        if document_mapping(REGISTRY, action) is not None:
            continue
        try:
            write_body(REGISTRY, event, decision, action, case_id="case", decision_id="decision")
        except CrossdockError as error:
            wrong.append(f"{decision.rule}: {action.operation}: {error}")
    return wrong


def test_our_numbers_are_those_that_a_write_back_is_addressed_to() -> None:
    assert OUR_NUMBERS == subjects.KINDS


@pytest.mark.parametrize(
    "ref",
    [
        {"kind": "customer_po", "value": "77", "issuer": "lakeside_retail"},
        {"kind": "message", "value": "R-1", "issuer": "acme_supply"},
        {"kind": "sales_order", "value": "S-1", "issuer": "acme_supply", "role": "seller"},
        {"kind": "asn", "value": "A-1", "issuer": "main"},
        {"kind": "supplier_po", "value": "4500123456", "issuer": "main"},
    ],
    ids=lambda ref: ref["kind"],
)
@pytest.mark.parametrize("lines", [0, 1, 2])
@pytest.mark.parametrize("date", ["", "2026-12-04"])
def test_no_row_wants_what_cannot_be_addressed_whatever_an_event_is_about(
    packaged: Router, ref: dict[str, str], lines: int, date: str
) -> None:
    """Each code of the taxonomy about each kind of thing, with lines and without, promised or not."""
    more: dict[str, Any] = {"lines": [{"line_ref": str(number)} for number in range(1, lines + 1)]}
    if date:
        more["variances"] = [{"attribute": "date", "expected": "2026-11-27", "actual": date}]
    events = [an_event(code, refs=[ref], **more) for code in sorted(taxonomy.codes())]
    wrong = [
        one
        for event, decision in zip(events, packaged.decide(events), strict=True)
        for one in cannot_be_written(event, decision)
    ]
    assert wrong == []


def of_the_samples() -> list[dict[str, Any]]:
    """What all mappings say of all their samples, sealed."""
    partners = Partners.load()
    origin: dict[str, str] = {
        "tenant": golden.TENANT,
        "source": "somewhere",
        "connector_version": "1",
        "mapping_version": "1",
        "raw_id": "6f1d5a7e-8b54-5a55-9d0c-c0552d0c4a11",
        "raw_sha256": "0" * 64,
        "received_at": rfc3339(golden.RECEIVED_AT),
        "recorded_at": rfc3339(golden.RECEIVED_AT),
    }
    found: list[dict[str, Any]] = []
    for mapping in golden.mappings():
        name = mapping.__name__.rpartition(".")[2]
        for sample in golden.samples(mapping):
            for index, said in enumerate(golden.run(mapping, sample, partners)):
                if said.pop("statement", "") != "ExceptionEvent":
                    continue
                found.append(
                    seal(
                        ExceptionEvent(**said),
                        Origin(mapping=name, **origin),
                        namespace=NAMESPACE,
                        part=sample.name,
                        index=index,
                    )
                )
    return found


def test_whatever_the_samples_say_every_write_back_that_follows_can_be_written(packaged: Router) -> None:
    events = of_the_samples()
    assert len(events) > 200
    decisions = packaged.decide(events)
    assert any(decision.actions for decision in decisions)
    wrong = [
        f"{event['data']['provenance']['mapping']}: {event['data']['code']}: {one}"
        for event, decision in zip(events, decisions, strict=True)
        for one in cannot_be_written(event, decision)
    ]
    assert wrong == []


def test_no_sentence_has_a_hole_where_a_document_did_not_say_something(packaged: Router) -> None:
    """``?`` stands for what is not known: a note to the ERP that says it tells nobody anything."""
    events = [event for event in of_the_samples() if "?" not in event["data"]["title"]]
    holes = [
        f"{decision.rule}: {decision.because}"
        for decision in packaged.decide(events)
        if "?" in decision.because
    ]
    assert holes == []


def test_a_note_on_lines_that_were_not_answered_says_what_the_event_says(packaged: Router) -> None:
    """An 855 whose CTT counts three lines and has two: nothing is known of a line or a quantity."""
    (decision,) = packaged.decide(
        [an_event("ORD.QTY_UNACCOUNTED", title="Acme left lines of PO 7 unanswered")]
    )
    assert [action.arguments for action in decision.actions] == [
        {"text": "Acme left lines of PO 7 unanswered"}
    ]


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (an_event("INV.BACKORDER", refs=[{"kind": "message", "value": "R-1"}]), "delay-of-no-order"),
        (an_event("PRC.CHANGED", refs=[{"kind": "message", "value": "R-1"}]), "answer-to-no-order"),
        (an_event("ORD.ACK_OVERDUE", refs=[{"kind": "customer_po", "value": "77"}]), "order-of-a-customer"),
        (an_event("ORD.QTY_CHANGED", refs=[{"kind": "customer_po", "value": "77"}]), "order-of-a-customer"),
        (an_event("SHP.ASN_MISSING", refs=[{"kind": "customer_po", "value": "77"}]), "ship-notice-not-ours"),
        (an_event("INV.FEED_STALE", refs=[{"kind": "feed", "value": "x12/846"}]), "stock"),
        (an_event("INV.BACKORDER"), "backorder-told"),
    ],
)
def test_what_the_erp_cannot_keep_goes_to_people(packaged: Router, event: dict[str, Any], rule: str) -> None:
    (decision,) = packaged.decide([event])
    assert decision.rule == rule
