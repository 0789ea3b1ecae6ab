"""The documents that we write: each sample gives what was approved, and everybody reads it as it was meant."""

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.events import Fact
from crossdock.decide.operations import DOCUMENTS
from crossdock.edi import outgoing
from crossdock.edi.plan import document_key
from crossdock.errors import CrossdockError, Unacceptable, Unreadable
from crossdock.formats.x12 import TransactionSet, read
from crossdock.formats.x12.guides import guide
from crossdock.formats.x12.overlay import Overlay
from crossdock.formats.x12.second_reader import differences, second_reading
from crossdock.mapping import OutboundMapping
from crossdock.partners import MappingContext, Partner, Partners
from crossdock.registry import Registry
from mappings.outbound import golden, orders
from mappings.outbound.x12_990 import pieces

REGISTRY = Registry()
PARTNERS = Partners.load()
MAPPINGS = {mapping.operation: mapping for mapping in golden.mappings(REGISTRY)}
CASES = [(mapping, sample) for mapping in MAPPINGS.values() for sample in golden.samples(mapping)]
IDS = [f"{mapping.name}/{sample.stem}" for mapping, sample in CASES]
WRITTEN = [(mapping, sample) for mapping, sample in CASES if not sample.name.startswith("refused_")]
WRITTEN_IDS = [f"{mapping.name}/{sample.stem}" for mapping, sample in WRITTEN]


def sample(operation: str, name: str) -> dict[str, Any]:
    path = Path(golden.__file__).parent / operation / "samples" / f"{name}.json"
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said


def write(operation: str, said: dict[str, Any], partner: Partner | None = None) -> outgoing.Written:
    partner = partner or golden.partner_of(said, PARTNERS)
    draft = golden.draft_of(MAPPINGS[operation], said, partner)
    return outgoing.write(draft, partner, golden.NUMBERS, golden.WRITTEN_AT)


def segments(written: outgoing.Written) -> list[list[str]]:
    return [list(segment) for segment in written.entry.segments[1:-1]]


def again(written: outgoing.Written, partner: Partner) -> Fact:
    """What our own inbound mapping makes of it."""
    mapping = REGISTRY.inbound(f"x12/{written.entry.set_id}")
    assert mapping is not None
    context = MappingContext(
        partner=partner, received_at=golden.WRITTEN_AT, tenant=golden.TENANT, direction="out"
    )
    fact = next(iter(mapping.map(written.entry, context)))
    assert isinstance(fact, Fact)
    return fact


# ── golden ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("mapping", "path"), CASES, ids=IDS)
def test_a_sample_writes_what_was_approved(mapping: OutboundMapping, path: Path) -> None:
    expected = golden.expected_path(path).read_text(encoding="utf-8")
    assert golden.run(mapping, path, PARTNERS) == expected
    assert path.name.startswith("refused_") == expected.startswith("not written: ")


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda one: one.operation)
def test_every_document_is_sampled_in_both_releases_and_refused_somewhere(mapping: OutboundMapping) -> None:
    texts = [golden.expected_path(path).read_text(encoding="utf-8") for path in golden.samples(mapping)]
    assert any("004010" in text for text in texts)
    assert any("005010" in text for text in texts)
    assert any(text.startswith("not written: ") for text in texts)


@pytest.mark.parametrize(("mapping", "path"), WRITTEN, ids=WRITTEN_IDS)
def test_what_is_written_is_read_by_the_second_reader_and_by_our_own_mapping(
    mapping: OutboundMapping, path: Path
) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    partner = golden.partner_of(said, PARTNERS)
    written = write(mapping.operation, said, partner)
    assert differences(written.body.body) == []
    theirs, complaints = second_reading(written.body.body)
    assert complaints == []
    assert [segment[0] for segment in theirs].count("ST") == 1
    fact = again(written, partner)
    assert fact.kind in {"acknowledged", "change_answered", "change_requested", "status", "application_advice",
                         "tender_answered"}  # fmt: skip
    about = {ref["value"] for ref in fact.refs}
    assert written.body.subject.partition("/")[2] in about, "it is about what its subject says"


def test_the_registry_finds_each_operation_and_the_table_knows_what_it_does() -> None:
    assert {operation: mapping.action for operation, mapping in MAPPINGS.items()} == DOCUMENTS
    for operation, mapping in MAPPINGS.items():
        assert mapping.document == operation.replace("_", "/")
        sink = REGISTRY.manifest("supplier_edi").sink
        assert sink is not None
        assert operation in sink.operations


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda one: one.operation)
def test_every_path_that_names_a_field_is_a_place_of_the_guide(mapping: OutboundMapping) -> None:
    found = guide(mapping.document.removeprefix("x12/"), "004010")
    assert found is not None
    Overlay.of({"require": list(mapping.fields)}).differences(found)  # it refuses what the guide lacks


# ── 855 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def acks(written: outgoing.Written) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    line = ""
    for segment in segments(written):
        if segment[0] == "PO1":
            line = segment[1]
        elif segment[0] == "ACK":
            found.setdefault(line, []).append(segment[1:])
    return found


def test_an_855_accounts_for_every_piece_that_was_ordered() -> None:
    written = write("x12_855", sample("x12_855", "backordered_delayed_and_substituted"))
    assert acks(written)["1"] == [["IA", "80", "EA"], ["IB", "40", "EA", "067", "20261218"]]
    context = MappingContext(partner=PARTNERS.named("acme_supply"), received_at=golden.WRITTEN_AT, tenant="x")
    mapping = REGISTRY.inbound("x12/855")
    assert mapping is not None
    codes = [one.code for one in mapping.map(written.entry, context) if not isinstance(one, Fact)]
    assert codes == ["INV.BACKORDER", "INV.SUPPLIER_DELAY", "INV.SUBSTITUTION"], (
        "the customer's hub hears these three troubles and no missing quantity"
    )


@pytest.mark.parametrize(
    ("code", "status", "extra", "expected"),
    [
        ("INV.BACKORDER", "", {}, [["IA", "80", "EA"], ["IB", "40", "EA"]]),
        ("INV.BACKORDER", "BP", {}, [["BP", "80", "EA"]]),
        ("INV.BACKORDER", "IR", {}, [["IA", "80", "EA"], ["IR", "40", "EA"]]),
        ("INV.DISCONTINUED", "", {}, [["IA", "80", "EA"], ["IR", "40", "EA"]]),
        ("FUL.SHORT_PICK", "", {}, [["IQ", "80", "EA"]]),
        ("INV.SUPPLIER_DELAY", "", {}, [["IA", "80", "EA"], ["SP", "40", "EA"]]),
        ("INV.SUPPLIER_DELAY", "", {"date": "2026-12-24"},
         [["IA", "80", "EA"], ["DR", "40", "EA", "067", "20261224"]]),
        ("ORD.HOLD", "", {}, [["IA", "80", "EA"], ["IH", "40", "EA"]]),
        ("MDM.ITEM_UNKNOWN", "", {}, [["IA", "80", "EA"], ["R2", "40", "EA"]]),
        ("ORD.VALIDATION", "IA", {}, [["IA", "40", "EA"], ["IA", "80", "EA"]]),
    ],
)  # fmt: skip
def test_each_trouble_of_a_line_has_its_answer(
    code: str, status: str, extra: dict[str, str], expected: list[list[str]]
) -> None:
    said = sample("x12_855", "only_the_exceptions")
    said["event"]["data"]["code"] = code
    said["event"]["data"].pop("variances")
    said["arguments"] = {**({"status": status} if status else {}), **extra}
    assert sorted(acks(write("x12_855", said))["1"]) == sorted(expected)


def test_a_line_that_orders_nothing_is_rejected_and_not_accepted() -> None:
    said = sample("x12_855", "only_the_exceptions")
    said["facts"][0]["data"]["lines"][0]["ordered"]["value"] = "0"
    said["event"]["data"]["lines"][0].pop("affected")
    said["arguments"] = {"status": "IR"}
    assert acks(write("x12_855", said))["1"] == [["IR"]]


def test_a_line_without_a_usual_answer_needs_one() -> None:
    said = sample("x12_855", "only_the_exceptions")
    said["event"]["data"]["code"] = "ORD.VALIDATION"
    with pytest.raises(Unreadable, match="give the action a status of element 668"):
        write("x12_855", said)
    said["arguments"] = {"status": "XX"}
    with pytest.raises(Unreadable, match="which element 668 does not have"):
        write("x12_855", said)


def test_two_troubles_of_one_line_share_its_quantity() -> None:
    said = sample("x12_855", "only_the_exceptions")
    delay = json.loads(json.dumps(said["event"]))
    delay["id"] = "00000000-0000-5000-8000-000000000001"
    delay["data"]["code"] = "INV.SUPPLIER_DELAY"
    delay["data"]["lines"][0].pop("affected")
    said["told"] = [{"event": delay, "arguments": {}, "now": True}]
    assert sorted(acks(write("x12_855", said))["1"]) == [
        ["DR", "80", "EA", "067", "20261218"],
        ["IB", "40", "EA", "067", "20261218"],
    ]


@pytest.mark.parametrize("kind", ["", "QQ", "aD"])
def test_an_855_of_no_known_type_is_not_written(kind: str) -> None:
    said = sample("x12_855", "accepted_without_lines")
    said["arguments"] = {"type": kind}
    with pytest.raises(Unreadable, match="AD"):
        write("x12_855", said)


def test_only_the_exceptions_leaves_the_accepted_lines_out_and_counts_what_it_lists() -> None:
    written = write("x12_855", sample("x12_855", "only_the_exceptions"))
    assert list(acks(written)) == ["1"]
    assert segments(written)[-1] == ["CTT", "1", "120"]


def test_a_partner_whose_own_code_means_the_same_gets_its_own_code() -> None:
    said = sample("x12_855", "accepted_as_ordered")
    row = orders.crosswalks.Row(element="x12-235", code="IN", text="buyer's item number", ours="buyer-item")
    lakeside = dataclasses.replace(PARTNERS.named("lakeside_retail"), codes={("x12-235", "IN"): row})
    po1 = next(segment for segment in segments(write("x12_855", said, lakeside)) if segment[0] == "PO1")
    assert po1[6:8] == ["IN", "LK-100"]


# ── 865 ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("all_accepted", "accepted"),
        ("one_line_rejected", "partial"),
        ("all_rejected", "rejected"),
        ("cancellation_accepted", "accepted"),
        ("cancellation_rejected", "rejected"),
    ],
)
def test_an_865_says_to_our_own_mapping_what_was_decided(name: str, answer: str) -> None:
    said = sample("x12_865", name)
    partner = golden.partner_of(said, PARTNERS)
    fact = again(write("x12_865", said, partner), partner)
    assert fact.attributes["answer"] == answer


def test_an_865_carries_the_number_of_the_change_that_it_answers() -> None:
    said = sample("x12_865", "all_accepted")
    change = next(fact for fact in said["facts"] if fact["data"]["kind"] == "change_requested")
    assert segments(write("x12_865", said))[0][5] == change["data"]["attributes"]["change_sequence"]


def test_of_two_changes_the_one_is_answered_that_the_event_came_from() -> None:
    said = sample("x12_865", "all_accepted")
    change = next(fact for fact in said["facts"] if fact["data"]["kind"] == "change_requested")
    later = json.loads(json.dumps(change))
    later["data"]["provenance"]["raw_id"] = "00000000-0000-5000-8000-000000000009"
    later["data"]["attributes"]["change_sequence"] = "99"
    said["facts"].append(later)
    assert segments(write("x12_865", said))[0][5] == change["data"]["attributes"]["change_sequence"]


# ── 860 ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "poc"),
    [
        ({"change": "cancel_line"}, ["2", "DI", "100", "", "EA", "3.1"]),
        ({"change": "quantity"}, ["2", "QD", "60", "", "EA", "3.1"]),
        ({"change": "quantity", "quantity": "130.5"}, ["2", "QI", "130.5", "", "EA", "3.1"]),
        ({"change": "date", "date": "2026-12-24"}, ["2", "CT", "100", "", "EA", "3.1"]),
    ],
)
def test_an_860_asks_for_what_the_action_says(arguments: dict[str, str], poc: list[str]) -> None:
    said = sample("x12_860", "line_cancelled")
    said["arguments"] = arguments
    found = next(segment for segment in segments(write("x12_860", said)) if segment[0] == "POC")
    assert found[1:7] == poc


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"change": "quantity", "quantity": "many"}, "'many' is no number"),
        ({"change": "quantity", "quantity": "NaN"}, "is no number"),
        ({"change": "date", "date": "soon"}, "is no date"),
        ({"change": "split"}, "none of: cancel_line"),
        ({"change": "price"}, "does not say the supplier's price"),
    ],
)
def test_an_860_without_what_it_needs_is_not_written(arguments: dict[str, str], why: str) -> None:
    said = sample("x12_860", "line_cancelled")
    said["arguments"] = arguments
    with pytest.raises(Unreadable, match=why):
        write("x12_860", said)


def test_a_line_of_which_nothing_would_be_left_is_cancelled_and_not_changed() -> None:
    said = sample("x12_860", "the_backordered_quantity_is_not_wanted")
    said["event"]["data"]["lines"][0]["affected"]["value"] = "100"
    with pytest.raises(Unreadable, match="say change = 'cancel_line'"):
        write("x12_860", said)


def test_the_number_of_a_change_is_no_part_of_what_it_means() -> None:
    said = sample("x12_860", "the_order_is_cancelled_after_three_changes")
    acme = golden.partner_of(said, PARTNERS)
    first = golden.draft_of(MAPPINGS["x12_860"], said, acme)
    said["facts"][-1]["data"]["attributes"]["change_sequence"] = "7"
    later = golden.draft_of(MAPPINGS["x12_860"], said, acme)
    assert first != later
    assert outgoing.content_of(first, acme) == outgoing.content_of(later, acme)
    said["arguments"] = {"change": "cancel_line"}
    other = golden.draft_of(MAPPINGS["x12_860"], said, acme)
    assert outgoing.content_of(other, acme) != outgoing.content_of(first, acme)


# ── 870, 824, 990 ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_answer_to_an_inquiry_names_it_and_an_unasked_report_says_so() -> None:
    answer = segments(write("x12_870", sample("x12_870", "answer_to_an_inquiry")))[0]
    assert (answer[1], answer[8]) == ("1", "INQ-9")
    unasked = segments(write("x12_870", sample("x12_870", "unasked_and_on_hold")))[0]
    assert unasked[1] == "3"


def test_an_inquiry_that_was_answered_is_not_answered_twice() -> None:
    said = sample("x12_870", "answer_to_an_inquiry")
    inquiry = next(fact for fact in said["facts"] if fact["data"]["kind"] == "inquired")
    ours = json.loads(json.dumps(inquiry))
    ours["data"]["kind"] = "status"
    ours["data"]["attributes"] = {"direction": "out"}
    ours["data"]["provenance"]["received_at"] = "2026-11-20T13:59:00Z"
    said["facts"].append(ours)
    assert segments(write("x12_870", said))[0][1] == "3"


def test_an_advice_points_at_the_document_by_its_control_numbers() -> None:
    said = sample("x12_824", "wrong_total_rejected")
    place = said["event"]["data"]["provenance"]["place"]["x12"]
    oti = next(segment for segment in segments(write("x12_824", said)) if segment[0] == "OTI")
    assert (oti[1], oti[8], oti[9], oti[10]) == ("TR", str(int(place["gs06"])), place["st02"], "810")
    fact = again(write("x12_824", said), golden.partner_of(said, PARTNERS))
    assert fact.attributes["answer"] == "rejected"


def test_an_advice_copies_an_amount_as_the_document_had_it() -> None:
    ted = next(
        segment
        for segment in segments(write("x12_824", sample("x12_824", "wrong_total_rejected")))
        if segment[0] == "TED"
    )
    assert ted[1:2] + ted[3:9] == ["010", "TDS", "5", "1", "610", "21000", "20000"], "N2: 210.00 is 21000"


def test_an_acceptance_lists_no_error() -> None:
    assert [segment[0] for segment in segments(write("x12_824", sample("x12_824", "accepted")))] == [
        "BGN",
        "OTI",
    ]


def test_an_advice_about_a_message_that_is_no_x12_is_not_written() -> None:
    with pytest.raises(Unreadable, match="comes from no transaction set"):
        write("x12_824", sample("x12_824", "refused_no_document"))


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("", 30, []),
        ("short", 30, ["short"]),
        ("no truck before Friday", 10, ["no truck", "before", "Friday"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
    ],
)
def test_a_text_is_cut_between_words_where_it_can_be(text: str, longest: int, expected: list[str]) -> None:
    assert pieces(text, longest) == expected


# ── what may not be written, and what is never written in silence ────────────────────────────────────────────


def test_data_with_a_delimiter_is_refused_or_replaced_as_the_profile_says_and_told() -> None:
    said = sample("x12_855", "refused_a_delimiter_in_the_data")
    with pytest.raises(Unacceptable, match="PO107"):
        write("x12_855", said)
    written = write("x12_855", sample("x12_855", "a_delimiter_in_the_data_replaced"))
    assert [(one.segment_id, one.element, one.before, one.after) for one in written.replaced] == [
        ("PO1", 7, "LK*100~", "LK-100-")
    ]
    assert written.body.headers["replaced"] == "PO107 'LK*100~' as 'LK-100-'"


def test_what_the_overlay_of_a_partner_forbids_does_not_leave() -> None:
    said = sample("x12_855", "accepted_as_ordered")
    lakeside = dataclasses.replace(PARTNERS.named("lakeside_retail"), overlay={"855": {"require": ["REF"]}})
    with pytest.raises(Unacceptable, match="REF"):
        write("x12_855", said, lakeside)


def test_the_interchange_has_the_partners_form() -> None:
    written = write("x12_855", sample("x12_855", "other_delimiters"))
    text = written.body.body.decode()
    assert text.startswith(
        "ISA|00|          |00|          |ZZ|CROSSDOCK      |ZZ|LAKESIDE       |261120|0902|^|00501|"
    )
    assert "|T|:'GS|PR|XDOCKDC|LAKEDC|20261120|0902|55|X|005010'" in text


def test_a_document_that_reads_differently_from_what_was_meant_does_not_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = sample("x12_855", "accepted_as_ordered")
    monkeypatch.setattr(outgoing, "write_interchange", _spoil(outgoing.write_interchange))
    with pytest.raises(outgoing.Disagreement, match="segment"):
        write("x12_855", said)


def _spoil(write_interchange: Callable[..., bytes]) -> Callable[..., bytes]:
    """A writer that loses a digit of a quantity."""

    def spoiled(**given: Any) -> bytes:
        return write_interchange(**given).replace(b"*IA*120*", b"*IA*12*")

    return spoiled


def test_the_field_that_produced_an_element_is_found_again() -> None:
    written = write("x12_855", sample("x12_855", "backordered_delayed_and_substituted"))
    entry = written.entry
    mapping = MAPPINGS["x12_855"]
    positions = {(segment[0], segment[1]): position for position, segment in enumerate(entry.segments, 1)}
    assert outgoing.field_of(mapping, entry, positions["BAK", "00"], 3) == "refs/0/value"
    assert outgoing.field_of(mapping, entry, positions["PO1", "2"], 7) == "lines/1/item_ids/0/value"
    assert outgoing.field_of(mapping, entry, positions["ACK", "IB"], 2) == "lines/0/affected/value"
    assert outgoing.field_of(mapping, entry, positions["ACK", "IS"], 8) == "lines/2/substitutes/0/value"
    assert outgoing.field_of(mapping, entry, positions["ACK", "IS"], 20) == "lines/2/status"
    assert outgoing.field_of(mapping, entry, 99, 1) == ""


def test_a_missing_partner_or_agreement_is_said_with_what_to_do() -> None:
    mapping = MAPPINGS["x12_855"]
    said = sample("x12_855", "accepted_as_ordered")
    by_name = {partner.name: partner for partner in PARTNERS}
    facts = [(fact, "lakeside_retail") for fact in said["facts"]]

    def partner(arguments: dict[str, str], known: list[Any], **named: Partner) -> Partner:
        return outgoing.partner_of(mapping, said["event"], arguments, {**by_name, **named}, known)

    assert partner({}, facts).name == "lakeside_retail"
    assert partner({}, []).name == "lakeside_retail", "its number was given by that customer"
    with pytest.raises(CrossdockError, match=r"add 855 to its \[send\] sets"):
        partner({"partner": "acme_supply"}, facts)
    with pytest.raises(CrossdockError, match="no profile has this name"):
        partner({"partner": "acne"}, facts)
    said["event"]["data"]["refs"] = [{"kind": "sales_order", "value": "1"}]
    with pytest.raises(CrossdockError, match="nobody is known to whom"):
        partner({}, [])


def test_an_order_of_two_thousand_lines_is_written_within_a_second() -> None:
    import time

    said = sample("x12_855", "accepted_as_ordered")
    line = said["facts"][0]["data"]["lines"][0]
    said["facts"][0]["data"]["lines"] = [
        {**line, "line_ref": str(number), "ordered": {**line["ordered"], "value": str(Decimal(number))}}
        for number in range(1, 2001)
    ]
    write("x12_855", sample("x12_855", "accepted_as_ordered"))
    began = time.process_time()
    written = write("x12_855", said)
    assert time.process_time() - began < 1
    assert len(written.entry.segments) == 2 + 2 + 4000 + 1
    (entry,) = [item for item in read(written.body.body) if isinstance(item, TransactionSet)]
    assert entry.segments[-2][:3] == ["CTT", "2000", "2001000"]


# ── the order as it stands ───────────────────────────────────────────────────────────────────────────────────


def changed(said: dict[str, Any], codes: str, *lines: dict[str, Any], answer: str | None) -> dict[str, Any]:
    """A sample in which the customer asked for these changes, and what we answered; ``None``: nothing."""
    (order,) = [one for one in said["facts"] if one["data"]["kind"] == "ordered"]
    asked = json.loads(json.dumps(order))
    asked["id"] = "asked"
    asked["data"] |= {"kind": "change_requested", "lines": list(lines)}
    asked["data"]["attributes"] = {"purpose": "04"}
    asked["data"]["source_codes"] = [{"scheme": "x12-670", "code": code} for code in codes.split()]
    asked["data"]["provenance"]["raw_id"] = "00000000-0000-0000-0000-000000000860"
    facts = [*said["facts"], asked]
    if answer is not None:
        answered = json.loads(json.dumps(asked))
        answered["id"] = "answered"
        answered["data"] |= {"kind": "change_answered", "lines": []}
        answered["data"]["attributes"] = {
            "answer": answer, "direction": "out", "write_back": "w", "answers": document_key(asked),
            "line_changes": codes,
        }  # fmt: skip
        facts.append(answered)
    return {**said, "facts": facts}


def lines_said(said: dict[str, Any], operation: str) -> list[list[str]]:
    return [segment[1:5] for segment in segments(write(operation, said)) if segment[0] == "PO1"]


def test_an_855_lists_the_lines_as_they_stand_after_an_accepted_change() -> None:
    said = sample("x12_855", "accepted_as_ordered")
    before = lines_said(said, "x12_855")
    first, *rest = next(one for one in said["facts"] if one["data"]["kind"] == "ordered")["data"]["lines"]
    lower = {**first, "ordered": {**first["ordered"], "value": "7"}}
    added = {**first, "line_ref": "77"}
    wanted = ("QD DI AI", lower, rest[0], added)
    after = lines_said(changed(said, *wanted, answer="accepted"), "x12_855")
    assert after == [
        [before[0][0], "7", *before[0][2:]], *before[2:], ["77", *before[0][1:]],
    ]  # fmt: skip
    for nothing in (None, "rejected", "held"):
        assert lines_said(changed(said, *wanted, answer=nothing), "x12_855") == before


def test_an_855_tells_no_trouble_of_a_line_that_was_taken_off() -> None:
    said = sample("x12_855", "backordered_delayed_and_substituted")
    first, *_ = next(one for one in said["facts"] if one["data"]["kind"] == "ordered")["data"]["lines"]
    after = acks(write("x12_855", changed(said, "DI", first, answer="accepted")))
    assert first["line_ref"] not in after
    assert set(after) == set(acks(write("x12_855", said))) - {first["line_ref"]}


def test_an_855_of_an_order_that_was_cancelled_with_our_yes_is_not_written() -> None:
    said = sample("x12_855", "accepted_as_ordered")
    with pytest.raises(Unreadable, match="was cancelled, and we agreed"):
        write("x12_855", changed(said, "CF", {"line_ref": "1"}, answer="accepted"))


def test_an_870_reports_the_lines_as_they_stand_after_an_accepted_change() -> None:
    said = sample("x12_870", "a_line_is_backordered")
    (before,) = lines_said(said, "x12_870")
    line = next(
        one
        for fact in said["facts"] if fact["data"]["kind"] == "ordered"
        for one in fact["data"]["lines"] if one["line_ref"] == before[0]
    )  # fmt: skip
    lower = {**line, "ordered": {**line["ordered"], "value": "6"}}
    assert lines_said(changed(said, "QD", lower, answer="accepted"), "x12_870") == [
        [before[0], "6", *before[2:]]
    ]
    with pytest.raises(Unreadable, match="nothing that is open says how far"):
        write("x12_870", changed(said, "DI", line, answer="accepted"))


def test_an_865_says_a_refused_line_as_it_stands_after_the_changes_before_it() -> None:
    said = sample("x12_865", "one_line_rejected")
    line = next(one for one in said["facts"] if one["data"]["kind"] == "ordered")["data"]["lines"][1]
    lower = {**line, "ordered": {**line["ordered"], "value": "4"}}
    found = [
        segment
        for segment in segments(write("x12_865", changed(said, "QD", lower, answer="accepted")))
        if segment[:3] == ["POC", "2", "RC"]
    ]
    assert [(segment[3], segment[6]) for segment in found] == [("4", "88.8")]
