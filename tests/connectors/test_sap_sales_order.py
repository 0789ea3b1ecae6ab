"""Sales orders of SAP, in both versions of OData: tokens, versions, locks and pages as the vendor documents them."""

import json
from dataclasses import replace

import pytest

from connectors.sap_sales_order import sink as module
from crossdock.errors import Misconfigured, Refused
from crossdock.kit.rest_poll import RestPoll
from crossdock.messages import Conflict, Delivered, Reject, Retry
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from tests.connectors.sap_server import CONTRACTS, PASSWORD, USER, Sap

NAMES = {"v2": "sap_sales_order", "v4": "sap_sales_order_v4"}
REGISTRY = Registry()


@pytest.fixture(params=["v2", "v4"])
def sap(request):
    sap = Sap(request.param)
    sap.order("4711")
    yield sap
    assert sap.breaches == [], "a request breaks the published contract"


@pytest.fixture
def server(sap):
    with lie.LyingServer(honest=sap) as running:
        yield running


@pytest.fixture
def login(server):
    return Login(
        connection_id="crossdock_sap",
        scheme="http",
        host="127.0.0.1",
        port=server.port,
        user=USER,
        password=Secret(PASSWORD),
    )


@pytest.fixture
def sink(sap, login, clock):
    opened = module.connect(REGISTRY.manifest(NAMES[sap.dialect]), login, clock)
    yield opened
    opened.close()


@pytest.fixture
def wanted(write_back):
    """A write-back about an order, with the version that was read before its first attempt."""

    def make(sink, operation, subject="sales_order/4711", key="6f1d5a7e-8b54-5a55", **body):
        made = write_back(operation, json.dumps(body).encode(), subject=subject, key=key, target="sap")
        return replace(made, version=sink.version(made))

    return make


def changes(sap) -> list[str]:
    return [one for one in sap.asked if not one.startswith("GET ")]


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_contracts_of_the_vendor_are_held(sap):
    if sap.contract is None:
        pytest.skip(
            f"the vendor's contract is not at {CONTRACTS[sap.dialect]}: no request was held against it"
        )
    assert sap.contract.operations


def test_an_items_date_is_changed_on_the_version_that_was_read(sap, server, sink, wanted):
    outcome = sink.deliver(wanted(sink, "change_date", line="10", date="2026-12-18"))
    assert isinstance(outcome, Delivered) and not outcome.duplicate
    assert sap.dates["4711", "10"].isoformat() == "2026-12-18"
    assert sap.dates["4711", "20"].isoformat() == "2026-12-04"
    assert outcome.receipt.reference == "sales_order/4711"
    assert outcome.receipt.evidence["etag"] == sap.etag("4711")
    assert "Availability was checked" in outcome.receipt.evidence["message"]
    assert sap.fetches == 1 and len(changes(sap)) == 1


def test_a_hold_sets_our_block_and_a_release_takes_off_no_other(sap, sink, wanted):
    assert isinstance(sink.deliver(wanted(sink, "hold", reason="export")), Delivered)
    assert sap.orders["4711"]["DeliveryBlockReason"] == "ZC"
    again = sink.deliver(wanted(sink, "hold", reason="export"))
    assert isinstance(again, Delivered) and again.duplicate, "it stands so already"
    assert isinstance(sink.deliver(wanted(sink, "release", reason="cleared", releases="k")), Delivered)
    assert sap.orders["4711"]["DeliveryBlockReason"] == ""
    sap.touch("4711", DeliveryBlockReason="01")
    refused = sink.deliver(wanted(sink, "release", reason="cleared", releases="k"))
    assert refused == Reject(
        reason="order 4711 has delivery block 01, which is not ours (ZC) to take off", status="state"
    )
    occupied = sink.deliver(wanted(sink, "hold", reason="export"))
    assert isinstance(occupied, Reject) and "has delivery block 01 already" in occupied.reason
    assert sap.orders["4711"]["DeliveryBlockReason"] == "01"


def test_a_note_is_appended_to_what_people_wrote_there(sap, sink, wanted):
    note = wanted(sink, "note", key="0a0a0a0a-1111", text="ACME moved item 10 to 2026-12-18")
    assert isinstance(sink.deliver(note), Delivered)
    assert sap.texts["4711", "EN", "TX02"] == "[0a0a0a0a1111] ACME moved item 10 to 2026-12-18"
    sap.texts["4711", "EN", "TX02"] += "\nPlease call the customer. Miller"
    sap.touch("4711")
    assert isinstance(sink.deliver(wanted(sink, "note", key="0b0b0b0b-2222", text="Second")), Delivered)
    assert sap.texts["4711", "EN", "TX02"].split("\n") == [
        "[0a0a0a0a1111] ACME moved item 10 to 2026-12-18",
        "Please call the customer. Miller",
        "[0b0b0b0b2222] Second",
    ]


def test_a_note_that_was_appended_is_found_by_its_mark(sap, sink, wanted):
    note = wanted(sink, "note", key="0a0a0a0a-1111", text="once")
    assert sink.find(note) is None
    sink.deliver(note)
    found = sink.find(note)
    assert found is not None and found.evidence["mark"] == "[0a0a0a0a1111]"
    assert sink.find(wanted(sink, "note", key="0c0c0c0c-3333", text="once")) is None


def test_leading_zeros_are_saps_own(sap, sink, wanted):
    outcome = sink.deliver(
        wanted(sink, "change_date", subject="sales_order/0000004711", line="000010", date="2026-12-18")
    )
    assert isinstance(outcome, Delivered)
    assert sap.dates["4711", "10"].isoformat() == "2026-12-18"


@pytest.mark.parametrize(
    ("operation", "subject", "body", "says"),
    [
        ("note", "sales_order/99", {"text": "x"}, "no sales order 99"),
        ("hold", "sales_order/99", {"reason": "x"}, "no sales order 99"),
        ("change_date", "sales_order/4711", {"line": "30", "date": "2026-12-18"}, "has no"),
        ("change_date", "sales_order/4711", {"line": "1' or 1", "date": "2026-12-18"}, "is no item"),
        ("change_date", "sales_order/4711", {"line": "10", "date": "soon"}, "cannot be read: ValueError"),
        ("note", "supplier_po/4500", {"text": "x"}, "is no sales order of SAP"),
        ("note", "sales_order/47' or '1", {"text": "x"}, "is no sales order of SAP"),
        ("split", "sales_order/4711", {}, "no operation 'split'"),
    ],
)
def test_what_sap_cannot_do_is_refused_before_anything_is_sent(
    sap, sink, wanted, operation, subject, body, says
):
    outcome = sink.deliver(wanted(sink, operation, subject=subject, **body))
    assert isinstance(outcome, Reject) and says in outcome.reason
    assert changes(sap) == []


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_fetched_once_and_again_when_the_session_ended(sap, sink, wanted):
    sink.deliver(wanted(sink, "change_date", line="10", date="2026-12-18"))
    sink.deliver(wanted(sink, "change_date", line="20", date="2026-12-18"))
    assert sap.fetches == 1
    sap.end_sessions()
    assert isinstance(sink.deliver(wanted(sink, "change_date", line="10", date="2026-12-21")), Delivered)
    assert sap.fetches == 2
    assert len(changes(sap)) == 4, "the one that was answered 'Required' is made once more"


def test_a_token_that_is_refused_twice_pauses_the_target(sap, server, sink, wanted):
    note = wanted(sink, "note", text="x")
    real, fetched = sap._root, []

    def forget(request):
        fetched.append(1)
        said = real(request)
        sap.end_sessions()
        return said

    sap._root = forget
    with pytest.raises(Misconfigured, match="login is not accepted"):
        sink.deliver(note)
    assert len(fetched) == 2, "fetched once, and once again; not for ever"
    assert sap.texts == {}


def test_without_a_token_nothing_was_sent(sap, server, sink, wanted):
    note = wanted(sink, "note", text="x")
    sap._root = lambda request: sap._error(500, "X", "down")
    outcome = sink.deliver(note)
    assert isinstance(outcome, Retry) and outcome.wire and "no token" in outcome.reason
    assert sap.texts == {}


# ── versions and locks ───────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_changed_since_it_was_decided_on_is_not_changed(sap, sink, wanted):
    change = wanted(sink, "change_date", line="10", date="2026-12-18")
    sap.touch("4711", PurchaseOrderByCustomer="PO-1")
    outcome = sink.deliver(change)
    assert isinstance(outcome, Conflict) and outcome.version == sap.etag("4711")
    assert changes(sap) == []


def test_a_change_between_our_look_and_our_write_is_met_by_the_condition(sap, sink, wanted):
    change = wanted(sink, "change_date", line="10", date="2026-12-18")
    sap.before_change = lambda: sap.touch("4711", PurchaseOrderByCustomer="PO-1")
    outcome = sink.deliver(change)
    assert isinstance(outcome, Conflict) and outcome.status == "412"
    assert sap.dates["4711", "10"].isoformat() == "2026-12-04"
    assert sink.version(change) == sap.etag("4711"), "what the spine reads to decide again"


def test_a_text_that_changed_while_we_looked_is_not_written_over(sap, sink, wanted):
    sap.texts["4711", "EN", "TX02"] = "first"
    note = wanted(sink, "note", text="ours")

    def edit():
        sap.texts["4711", "EN", "TX02"] = "first, and more"
        sap.touch("4711")

    sap.before_change = edit
    assert isinstance(sink.deliver(note), Conflict)
    assert sap.texts["4711", "EN", "TX02"] == "first, and more"


def test_an_order_that_somebody_has_open_is_tried_again(sap, sink, wanted):
    sap.locked.add("4711")
    outcome = sink.deliver(wanted(sink, "hold", reason="export"))
    assert isinstance(outcome, Retry) and not outcome.wire, "SAP works; the order is open on a screen"
    assert "processed by user MILLER" in outcome.reason
    sap.locked.clear()
    assert isinstance(sink.deliver(wanted(sink, "hold", reason="export")), Delivered)


def test_what_sap_objects_to_is_said_in_its_own_words(sap, sink, wanted):
    outcome = sink.deliver(wanted(sink, "change_date", line="10", date="2025-01-02"))
    assert isinstance(outcome, Reject) and outcome.status == "400"
    assert outcome.reason.endswith("SAP said no (400): The date lies in the past: enter a later one")


def test_a_system_that_is_busy_is_asked_later(sap, sink, wanted):
    change = wanted(sink, "hold", reason="export")
    sap.busy = 1
    assert isinstance(sink.deliver(change), Retry)
    assert changes(sap) == []


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def source(sap, login, clock):
    poll = RestPoll(REGISTRY.manifest(NAMES[sap.dialect]), login, clock, sleep=lambda _s: None)
    yield poll
    poll.close()


def names(messages) -> list[str]:
    return [message.name for message in messages]


def many(sap, count: int) -> None:
    for number in range(1, count):
        sap.order(str(4711 + number))


def test_orders_are_read_over_the_pages_that_the_gateway_cuts(sap, source):
    many(sap, 7)
    sap.page = 3
    assert names(source.read(None)) == [str(4711 + number) for number in range(7)]
    assert sum("$skiptoken" in one for one in sap.asked) == 2


def test_a_long_list_is_read_page_after_page_behind_its_last_order(sap, login, clock):
    many(sap, 7)
    manifest = REGISTRY.manifest(NAMES[sap.dialect])
    source = replace(manifest.source, paging=replace(manifest.source.paging, size=3))
    poll = RestPoll(replace(manifest, source=source), login, clock, sleep=lambda _s: None)
    assert names(poll.read(None)) == [str(4711 + number) for number in range(7)]
    assert len(sap.asked) == 3 and "SalesOrder gt '4713'" in sap.asked[1]
    poll.close()


def test_an_order_is_read_again_when_it_changed_and_only_then(sap, source):
    many(sap, 3)
    first = list(source.read(None))
    assert names(source.read(first[-1].position)) == []
    sap.touch("4712", DeliveryBlockReason="01")
    assert names(source.read(first[-1].position)) == ["4712"]


def test_a_page_on_another_host_is_not_asked_for(sap, server, source):
    link = "https://elsewhere.example/A_SalesOrder?$skiptoken=2"
    body = (
        {"d": {"results": [], "__next": link}}
        if sap.dialect == "v2"
        else {"value": [], "@odata.nextLink": link}
    )
    server.then(lie.answer(200, json.dumps(body).encode(), commit=False))
    with pytest.raises(Refused, match="leaves the system"):
        list(source.read(None))
