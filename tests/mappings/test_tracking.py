"""The carriers' tracking answers: what is told once, what each code means, and how many of them are known."""

import csv
import html
import json
import re
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from canonical import crosswalks
from canonical.events import ExceptionEvent, Fact, Origin, Statement, seal
from crossdock.formats import json_strict
from crossdock.partners import MappingContext
from crossdock.testing.openapi.contract import Contract
from mappings import golden, tracking
from mappings.inbound import dhl_tracking, fedex_tracking, ups_track_alert, ups_tracking

CONTRACTS: Final = Path(__file__).resolve().parents[3] / "shared/corpus/contracts"
TABLES: Final = CONTRACTS / "carrier_status_code_tables"
CONTEXT: Final = MappingContext(partner=None, received_at=golden.RECEIVED_AT, tenant="main")
MAPPINGS: Final = (ups_tracking, ups_track_alert, fedex_tracking, dhl_tracking)


def sample(mapping: ModuleType, name: str) -> Any:
    path = Path(str(mapping.__file__)).parent / "samples" / f"{name}.json"
    return json_strict.loads(path.read_bytes())


def said(mapping: ModuleType, document: Any) -> list[Statement]:
    return list(mapping.map(document, CONTEXT))


def events(mapping: ModuleType, name: str) -> list[ExceptionEvent]:
    return [one for one in said(mapping, sample(mapping, name)) if isinstance(one, ExceptionEvent)]


def sealed(statement: Statement, raw_id: str) -> dict[str, Any]:
    origin = Origin(
        tenant="main",
        source="ups",
        connector_version="1",
        mapping="ups_tracking",
        mapping_version="1",
        raw_id=raw_id,
        raw_sha256="0" * 64,
        received_at="2026-11-20T14:02:11Z",
        recorded_at="2026-11-20T14:02:13Z",
    )
    return seal(statement, origin, namespace=uuid.NAMESPACE_URL, part="0", index=0)


# -- told once ----------------------------------------------------------


def test_an_activity_is_the_same_statement_in_every_later_answer() -> None:
    later = sample(ups_tracking, "delivered_after_weather")
    earlier = json.loads(json.dumps(later))
    package = earlier["trackResponse"]["shipment"][0]["package"][0]
    package["activity"] = package["activity"][2:]  # before it went out, and was delivered
    ids = [{sealed(one, raw)["id"] for one in said(ups_tracking, answer)} for answer, raw in
           ((earlier, "first"), (later, "second"))]  # fmt: skip
    only_before = ids[0] - ids[1]
    assert len(ids[0] & ids[1]) == 3, "two facts and the delay were told before, and are the same now"
    assert len(only_before) == 1, "when it was expected is said of the time before it was delivered"


def test_a_document_without_a_history_keeps_the_id_of_its_own_message() -> None:
    fact = Fact(kind="status", refs=[{"kind": "tracking", "value": "1"}], place={})
    assert sealed(fact, "first")["id"] != sealed(fact, "second")["id"]


def test_the_order_of_the_activities_in_the_answer_does_not_matter() -> None:
    answer = sample(ups_tracking, "delivered_after_weather")
    shuffled = json.loads(json.dumps(answer))
    shuffled["trackResponse"]["shipment"][0]["package"][0]["activity"].reverse()
    one, other = (
        [(type(each), each.stated_as) for each in said(ups_tracking, document)]
        for document in (answer, shuffled)
    )
    assert one == other


def test_what_ends_a_trouble_is_told_behind_it() -> None:
    kinds = [
        one.kind if isinstance(one, Fact) else one.code
        for one in said(ups_tracking, sample(ups_tracking, "delivered_after_weather"))
    ]
    assert kinds.index("SHP.DELAY") < kinds.index("delivered")
    assert kinds[-1] == "delivered", "what is delivered is expected no more"


def test_a_poll_and_an_alert_about_one_trouble_fold_into_one_case() -> None:
    keys = {
        sealed(one, "x")["data"]["fold_key"]
        for one in (
            *events(ups_tracking, "two_packages_one_damaged"),
            *events(ups_track_alert, "damaged"),
        )
    }
    assert keys == {"main|SHP.DAMAGED|tracking:1Z7X58A00394417249"}


def test_an_expectation_that_changes_is_said_anew_and_one_that_does_not_is_not() -> None:
    document = sample(dhl_tracking, "on_its_way")
    first = {one.stated_as for one in said(dhl_tracking, document)}
    assert {one.stated_as for one in said(dhl_tracking, document)} == first
    document["estimatedDeliveryDate"] = "2026-11-23T23:59:00"
    assert len({one.stated_as for one in said(dhl_tracking, document)} - first) == 1


def test_a_history_without_end_is_cut_and_the_newest_is_kept() -> None:
    document = sample(dhl_tracking, "on_its_way")
    document["events"] = [
        {**document["events"][0], "time": f"{hour:02}:{minute:02}:{second:02}"}
        for hour in range(3)
        for minute in range(60)
        for second in range(0, 60, 6)
    ] + document["events"]
    facts = [one for one in said(dhl_tracking, document) if isinstance(one, Fact)]
    assert len(facts) == tracking.MOST_ACTIVITIES + 1
    assert facts[-2].attributes["status"] == "DF"


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda one: one.DOCUMENT)
def test_no_name_of_a_person_leaves_the_raw_answer(mapping: ModuleType) -> None:
    for path in golden.samples(mapping):
        expected = golden.expected_path(path).read_text("utf-8")
        assert not re.search(r"MOORE|signedBy|receivedBy", expected), path.name


# -- what it means ----------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "name", "codes"),
    [
        (ups_tracking, "delivered_after_weather", [("SHP.DELAY", "weather")]),
        (ups_tracking, "late", [("SHP.DELAY", "late_linehaul"), ("SHP.ETA_SLIP", None)]),
        (ups_tracking, "two_packages_one_damaged", [("SHP.DAMAGED", None)]),
        (ups_tracking, "customs", [("SHP.CUSTOMS", "customs_documents")]),
        (ups_tracking, "address_problem", [("SHP.ATTEMPTED", "recipient_unavailable"),
                                           ("SHP.ADDRESS_INVALID", "incorrect_address")]),
        (ups_tracking, "returned", [("SHP.REFUSED", "refused"), ("SHP.RETURNED", None), ("SHP.RETURNED", None)]),
        (ups_track_alert, "new_date", []),
        (fedex_tracking, "late_weather", [("SHP.DELAY", "weather"), ("SHP.ETA_SLIP", None)]),
        (fedex_tracking, "customer_wants_later", []),
        (fedex_tracking, "number_used_again", []),
        (dhl_tracking, "delivered_damaged", [("SHP.DAMAGED", None)]),
    ],
)  # fmt: skip
def test_a_history_means_what_the_carrier_says(
    mapping: ModuleType, name: str, codes: list[tuple[str, str | None]]
) -> None:
    assert [(event.code, event.cause) for event in events(mapping, name)] == codes


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        (ups_tracking, "unknown_codes"),
        (ups_track_alert, "unknown_code"),
        (fedex_tracking, "unknown_codes"),
        (dhl_tracking, "unknown_code"),
    ],
)
def test_a_code_that_nobody_knows_is_kept_and_stops_nothing(mapping: ModuleType, name: str) -> None:
    statements = said(mapping, sample(mapping, name))
    unknown = [code for one in statements for code in one.source_codes if not code.get("mapped")]
    assert unknown and all(code["code"] for code in unknown)
    assert [one.code for one in statements if isinstance(one, ExceptionEvent)].count("EDI.UNMAPPED_CODE")


def test_a_promise_that_is_kept_to_the_day_is_no_slip() -> None:
    document = sample(ups_tracking, "late")
    dates = document["trackResponse"]["shipment"][0]["package"][0]["deliveryDate"]
    dates[1]["date"] = dates[0]["date"]
    assert "SHP.ETA_SLIP" not in [getattr(one, "code", "") for one in said(ups_tracking, document)]


@pytest.mark.parametrize(
    ("text", "offset"),
    [("-05:00", "-05:00"), ("-04.00", "-04:00"), ("+0530", "+05:30"), ("5", ""), ("-99:00", ""), ("", "")],
)
def test_an_offset_is_read_as_carriers_write_it(text: str, offset: str) -> None:
    assert tracking.offset(text) == offset


# -- the carriers' own contracts ----------------------------------------------------------


def contract(name: str) -> Contract:
    path = CONTRACTS / name
    if not path.is_file():
        pytest.skip(
            "the contracts of the carriers are not at ../shared/corpus: no sample was held against them"
        )
    return Contract.load(path)


def good(mapping: ModuleType) -> list[tuple[str, Any]]:
    return [
        (path.name, json.loads(path.read_bytes()))
        for path in golden.samples(mapping)
        if not path.name.startswith("hostile_")
    ]


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"urn:contract#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("mapping", "file", "schema"),
    [
        (ups_tracking, "ups_rest_tracking/Tracking.yaml", ref("TrackApiResponse")),
        (ups_track_alert, "ups_rest_upstrackalert/UPSTrackAlert.yaml", ref("TrackingEventRequest")),
        (fedex_tracking, "fedex_rest_track/track.json", ref("CompleteTrackResult")),
        (
            dhl_tracking,
            "mydhl_express/dpdhl-express-api-3.1.1_swagger.yaml",
            ref("supermodelIoLogisticsExpressTrackingResponse/properties/shipments/items"),
        ),
    ],
    ids=["ups", "ups_alerts", "fedex", "dhl"],
)
def test_our_samples_keep_the_contract_of_the_carrier(mapping: ModuleType, file: str, schema: Any) -> None:
    known = contract(file)
    samples = good(mapping)
    assert samples
    assert {name: wrong for name, value in samples if (wrong := known.wrong(schema, value))} == {}


# -- the carriers' own lists of codes ----------------------------------------------------------


def rows(name: str, table: int) -> list[str]:
    """The codes in the first column of a table of one of the pages."""
    if not TABLES.is_dir():
        pytest.skip("the carriers' lists of codes are not at ../shared/corpus: nothing was counted")
    text = (TABLES / name).read_text("utf-8")
    found = re.findall(r"<table.*?</table>", text, re.DOTALL)[table]
    read = []
    for row in re.findall(r"<tr.*?</tr>", found, re.DOTALL):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        if cells:
            read.append(html.unescape(re.sub(r"<[^>]*>", "", cells[0])).strip())
    return read


PAGE: Final = "Tracking-package-exceptions.html"


@pytest.mark.parametrize(
    ("element", "table", "digits", "unknown"),
    [
        ("ups-exception", 0, 2, {"1A", "4Q", "HN", "P7", "TC", "UW"}),
        ("ups-delivery", 1, 2, set()),
        ("ups-movement", 2, 2, set()),
        ("ups-manifest", 3, 2, set()),
        ("ups-update", 4, 2, set()),
        ("ups-status", 5, 3, {"013", "088"}),
        ("ups-type", 9, 0, set()),
    ],
)
def test_of_the_codes_of_ups_those_that_say_something_are_known(
    element: str, table: int, digits: int, unknown: set[str]
) -> None:
    listed = {code.zfill(digits) if code.isdigit() else code for code in rows(PAGE, table)}
    known = set(crosswalks.lists()[element].rows)
    assert listed - known == unknown, f"{len(listed & known)} of {len(listed)} are known"
    assert known - listed == set()


POSSESSION: Final = {"CU", "BR", "SH"}
"""Who has the package: customs, broker, shipper. Three more of these letters are codes of movement as well."""


def test_of_the_codes_of_fedex_those_of_movement_and_customs_are_known() -> None:
    if not TABLES.is_dir():
        pytest.skip("the carriers' lists of codes are not at ../shared/corpus: nothing was counted")
    text = (TABLES / "Tracking-Status-Codes.html").read_text("utf-8")
    cells = [html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in
             re.findall(r"<td[^>]*>(.*?)</td>", text, re.DOTALL)]  # fmt: skip
    listed = {code.upper() for code in cells[::2] if len(code) == 2}
    known = set(crosswalks.lists()["fedex-event"].rows)
    assert listed - known == POSSESSION
    assert known - listed == set()


def test_of_the_codes_of_dhl_express_all_are_known() -> None:
    path = TABLES / "status_1.csv"
    if not path.is_file():
        pytest.skip("the carriers' lists of codes are not at ../shared/corpus: nothing was counted")
    table = list(csv.reader(path.read_text("utf-8-sig", "replace").splitlines(), delimiter=";"))
    listed = {row[1] for row in table if row[0] == "express"}
    assert listed == set(crosswalks.lists()["dhl-event"].rows)
