"""What a fields.toml says of a document: each value in its place, and nothing that was not said."""

import json
from pathlib import Path
from typing import Any

import pytest

from canonical.events import ExceptionEvent, Fact
from crossdock.errors import Unreadable
from crossdock.fields import FieldMapping, load
from crossdock.formats import json_strict
from crossdock.partners import MappingContext, Partner
from mappings import golden

CONTEXT = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
INBOUND = Path(golden.__file__).parent / "inbound"
MAPPED = (
    "supplier_order_status",
    "supplier_inventory",
    "wms_pick",
    "wms_adjustment",
    "wms_wave",
    "delta_order_status",
)


def mapping(name: str) -> FieldMapping:
    return load(INBOUND / name)


def sample(name: str, file: str) -> dict[str, Any]:
    return json.loads((INBOUND / name / "samples" / f"{file}.json").read_text())


def say(name: str, document: Any, context: MappingContext = CONTEXT) -> list[Any]:
    return list(mapping(name).map(json_strict.loads(json.dumps(document).encode()), context))


def refused(name: str, document: Any) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        say(name, document)
    assert caught.value.remedy
    return caught.value


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_pick_tells_how_much_is_missing_and_why() -> None:
    fact, event = say("wms_pick", sample("wms_pick", "short"))
    assert isinstance(fact, Fact) and isinstance(event, ExceptionEvent)
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", "out_of_stock")
    assert event.lines[0]["affected"]["value"] == "16"
    assert event.lines[0]["line_ref"] == "1"
    assert event.place == {"json_pointer": "/lines/0/reason"}


def test_a_short_pick_without_a_reason_is_an_exception_all_the_same() -> None:
    document = sample("wms_pick", "short")
    del document["lines"][0]["reason"]
    _fact, event = say("wms_pick", document)
    assert (event.code, event.cause) == ("FUL.SHORT_PICK", None)
    assert event.title.endswith("and gave no reason")


@pytest.mark.parametrize("picked", ["40", 40, "40.0", 41])
def test_what_is_picked_in_full_is_no_exception_however_its_number_is_written(picked: Any) -> None:
    document = sample("wms_pick", "short")
    document["lines"][0]["picked"] = picked
    assert [type(each) for each in say("wms_pick", document)] == [Fact]


def test_a_backorder_is_what_the_same_words_in_another_suppliers_json_are() -> None:
    ours = say("supplier_order_status", sample("supplier_order_status", "backorder"))[-1]
    theirs = say("delta_order_status", sample("delta_order_status", "backorder"))[-1]
    for event in (ours, theirs):
        assert event.code == "INV.BACKORDER"
        assert event.refs[0] == {"kind": "supplier_po", "value": "4500123456", "issuer": "main"}
        assert event.lines[0]["affected"] == {"value": "16", "uom": "EA"} | (
            {} if event is ours else {"uom_source": "PCE", "uom_scheme_source": "free-text"}
        )
        assert [each["actual"]["value"] for each in event.variances] == ["2026-12-04"]
    assert theirs.ext["partner"] == "delta_supply"
    assert theirs.occurred_at == {
        "value": "2026-11-20T08:02:00-06:00", "precision": "second", "tz_source": "partner-default",
    }  # fmt: skip


def test_freight_of_an_order_is_no_line_of_goods() -> None:
    fact, *_ = say("delta_order_status", sample("delta_order_status", "backorder"))
    assert [line["line_ref"] for line in fact.lines] == ["10"]


def test_a_date_that_means_that_there_is_none_is_not_said() -> None:
    event = say("supplier_order_status", sample("supplier_order_status", "backorder_without_a_date"))[-1]
    assert event.code == "INV.BACKORDER"
    (variance,) = event.variances
    assert (variance["expected"]["value"], variance["actual"]) == ("2026-11-27", None)
    assert "9999" not in event.title


def test_a_line_that_is_shipped_ends_its_backorder_and_no_sum_is_counted_twice() -> None:
    from canonical.taxonomy import clears, codes

    backorder = say("supplier_order_status", sample("supplier_order_status", "backorder"))[-1]
    document = sample("supplier_order_status", "backorder")
    document["lines"][0].update(status="SHIPPED", shipped=40)
    shipped = [each for each in say("supplier_order_status", document) if each.kind == "shipped"]
    (fact,) = shipped
    assert "affected" not in fact.lines[0]
    event = {"refs": backorder.refs, "lines": backorder.lines}
    assert clears(codes()["INV.BACKORDER"], event, {
        "kind": "shipped", "refs": fact.refs, "lines": fact.lines, "attributes": fact.attributes,
    })  # fmt: skip


def test_stock_that_is_free_again_ends_its_hold() -> None:
    (fact,) = say("wms_adjustment", sample("wms_adjustment", "release"))
    assert fact.kind == "released"
    status, event = say("wms_adjustment", sample("wms_adjustment", "hold"))
    assert (status.kind, event.code) == ("status", "INV.HOLD")
    assert event.refs[0] == fact.refs[0]


def test_every_order_of_a_wave_that_stands_is_an_exception_of_its_own() -> None:
    _fact, *events = say("wms_wave", sample("wms_wave", "stopped"))
    assert [event.refs[0]["value"] for event in events] == ["SO-7001", "SO-7002"]
    assert [event.code for event in events] == ["FUL.CAPACITY", "FUL.WAVE_CONFLICT"]


def test_a_unit_that_is_not_said_is_not_made_up() -> None:
    document = sample("wms_pick", "short")
    del document["lines"][0]["unit"]
    document["lines"][1]["unit"] = "schlauch"
    fact, _event = say("wms_pick", document)
    assert fact.lines[0]["ordered"] == {"value": "40", "uom": "ZZ"}
    assert fact.lines[1]["ordered"]["uom"] == "ZZ"
    assert fact.lines[1]["ordered"]["uom_source"] == "schlauch"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_word_that_nobody_knows_stops_the_document_and_says_where_it_is_added() -> None:
    error = refused("wms_wave", sample("wms_wave", "hostile_unknown_state"))
    assert error.code == "EDI.UNMAPPED_CODE"
    assert error.place.json_pointer == "/state"
    assert "[codes.state] of wms_wave/fields.toml" in error.remedy


def test_a_word_that_nobody_knows_is_told_of_a_lenient_partner() -> None:
    lenient = Partner(
        name="northwind", title="Northwind", ids=(("ZZ", "NW"),), ours=("ZZ", "US"), lenient=True
    )
    context = MappingContext(partner=lenient, received_at=golden.RECEIVED_AT, tenant="main")
    document = sample("supplier_order_status", "hostile_unknown_status")
    _fact, event = say("supplier_order_status", document, context)
    assert event.code == "EDI.UNMAPPED_CODE"
    assert event.source_codes[0] == {
        "scheme": "supplier-order-status-line",
        "code": "PONDERING",
        "mapped": False,
    }
    assert event.ext["partner"] == "northwind"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    error = refused("wms_pick", sample("wms_pick", "hostile_missing_and_wrong"))
    for pointer in ("/order_number", "/picked_at", "/lines/0/requested", "/lines/2/sku", "/lines/3"):
        assert pointer in str(error)
    assert error.place.json_pointer == "/order_number"


@pytest.mark.parametrize("document", [None, [], "x", 17, True, [{}]])
@pytest.mark.parametrize("name", MAPPED)
def test_what_is_no_object_is_set_aside(name: str, document: Any) -> None:
    assert "must be an object" in str(refused(name, document))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("1,000", "no decimal number"),
        ("1e3", "no decimal number"),
        ("+5", "no decimal number"),
        ("NaN", "no decimal number"),
        (10**20, "no decimal number"),
        (True, "must be a number"),
        ([1], "must be a number"),
        ({"value": 1}, "must be a number"),
    ],
)
def test_a_quantity_is_a_number_and_nothing_like_it(value: Any, complaint: str) -> None:
    document = sample("wms_pick", "complete")
    document["lines"][0]["requested"] = value
    error = refused("wms_pick", document)
    assert complaint in str(error)
    assert error.place.json_pointer == "/lines/0/requested"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20T14:02Z", "2026-11-20T14:02Z"),
        ("2026-11-20 14:02:11", "2026-11-20T14:02:11+00:00"),
        ("2026-11-20T14:02:11.250-0600", "2026-11-20T14:02:11.250-06:00"),
        ("2026-11-20T14:02:11.000Z", "2026-11-20T14:02:11Z"),
    ],
)
def test_a_time_stays_as_precise_as_it_was_said(said: str, value: str) -> None:
    (fact,) = say("wms_pick", {**sample("wms_pick", "complete"), "picked_at": said})
    assert fact.occurred_at["value"] == value


@pytest.mark.parametrize(
    "said",
    [
        "20.11.2026",
        "2026-02-30",
        "2026-11-20T25:00Z",
        "2026-11-20T14:02:11+15:00",
        "soon",
        1763647331,
        "1815-06-18",
    ],
)
def test_what_is_no_time_is_told(said: Any) -> None:
    assert "/picked_at" in str(refused("wms_pick", {**sample("wms_pick", "complete"), "picked_at": said}))


# ── what nobody reads ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", MAPPED)
def test_every_value_of_our_own_samples_is_read_by_some_field(name: str) -> None:
    found = mapping(name)
    for path in sorted((INBOUND / name / "samples").glob("*.json")):
        if not path.name.endswith("expected.json") and "hostile" not in path.name:
            assert found.unread(json_strict.loads(path.read_bytes()), CONTEXT) == [], path.name


def test_what_a_sender_adds_is_found_by_the_report_of_unread_places() -> None:
    document = sample("wms_pick", "short")
    document["priority"] = "high"
    document["lines"][1]["serials"] = [{"no": "S-1"}, {"no": "S-2"}]
    assert mapping("wms_pick").unread(document, CONTEXT) == ["/lines/*/serials/*/no", "/priority"]
