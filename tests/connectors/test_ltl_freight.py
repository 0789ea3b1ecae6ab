"""A less-than-truckload carrier over a live SOAP server: status is polled, and a pick-up is booked once."""

import json

import pytest

from connectors.ltl_freight import played
from connectors.ltl_freight import sink as sending
from connectors.ltl_freight import source as reading
from crossdock.formats import safe_xml
from crossdock.messages import Delivered, Receipt, Reject, Retry, Unsure
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.lying_http import Said
from mappings.inbound import carrier_status
from tests.mappings.test_holds import CONTEXT

MANIFEST = Registry().manifest("ltl_freight")
PICKUP = {"date": "2026-12-04", "ready": "09:00", "close": "16:30", "instructions": "dock 4 & ring"}


class Carrier(played.Carrier):
    """The service that the connector brings, with its login, its status updates, and its faults."""

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[dict[str, str]] = []
        self.fault = ""

    def answer(self, request) -> Said:
        if request.headers.get("authorization", "") != "Basic bHRsOmx0bC1wYXNzd29yZA==":
            return Said(status=401, body=b"", media_type="text/html")
        operation, said = played.asked(request)
        if self.fault:
            said = {"Message": "no", **({"Code": "X"} if self.fault == "FreightFault" else {})}
            return played.faulted("Server", played.elements(said), self.fault)
        return self._status(said) if operation == "GetStatusUpdates" else self(operation, said)

    def _status(self, said) -> Said:
        place = (said["Since"].replace("+00:00", "Z"), said.get("AfterEventId", ""))
        page = [one for one in self.updates if (one["OccurredAt"], one["EventId"]) > place]
        inside = "".join(f"<StatusUpdate>{played.elements(one)}</StatusUpdate>" for one in page)
        return played.answered("GetStatusUpdates", f"{inside}<MoreAvailable>false</MoreAvailable>")


def update(number: int, **more: str) -> dict[str, str]:
    return {
        "EventId": f"E-{number:03}", "ProNumber": "PRO-1", "ShipmentId": "SHP-1", "Scac": "LTLX",
        "StatusCode": "SD", "ReasonCode": "AO", "OccurredAt": f"2026-11-21T11:00:0{number}Z", **more,
    }  # fmt: skip


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def server(carrier):
    with lie.LyingServer(honest=carrier.answer) as running:
        yield running


@pytest.fixture
def login(server):
    return Login(
        connection_id="crossdock_ltl_freight", scheme="http", host="127.0.0.1", port=server.port,
        user="ltl", password=Secret("ltl-password"),
    )  # fmt: skip


@pytest.fixture
def sink(login, clock):
    opened = sending.connect(MANIFEST, login, clock)
    yield opened
    opened.close()


@pytest.fixture
def source(login, clock):
    opened = reading.connect(MANIFEST, login, clock)
    yield opened
    opened.close()


@pytest.fixture
def wanted(write_back):
    def make(operation="pickup", subject="shipment/SHP-1", key="key-1", **body):
        said = {**(PICKUP if operation == "pickup" else {"remarks": "please take it"}), **body}
        return write_back(
            operation, json.dumps(said).encode(), subject=subject, key=key, target="ltl_freight"
        )

    return make


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_update_comes_once_and_its_meaning_is_that_of_every_carrier(carrier, source):
    carrier.updates = [update(number) for number in range(5)]
    found = list(source.read(None))
    assert [message.name for message in found] == [f"E-00{number}" for number in range(5)]
    assert list(source.read(found[-1].position)) == []
    said = list(carrier_status.map(safe_xml.parse(found[0].body), CONTEXT))
    assert [getattr(one, "code", one.__class__.__name__) for one in said] == ["Fact", "SHP.DELAY"]
    assert said[1].refs[0] == {"kind": "shipment", "value": "SHP-1"}


# ── pick-up and tender ───────────────────────────────────────────────────────────────────────────────────────


def test_a_pickup_is_booked_with_its_hours(carrier, sink, wanted):
    outcome = sink.deliver(wanted())
    assert outcome == Delivered(
        receipt=Receipt(reference="C-1", evidence={"request_id": "key-1", "result": "ACCEPTED"})
    )
    assert carrier.booked == [
        {"RequestId": "key-1", "ShipmentId": "SHP-1", "PickupDate": "2026-12-04", "ReadyTime": "09:00",
         "CloseTime": "16:30", "Instructions": "dock 4 & ring"}
    ]  # fmt: skip


def test_a_load_is_offered_by_its_pro_and_a_no_is_a_no(carrier, sink, wanted):
    carrier.result = "PENDING"
    outcome = sink.deliver(wanted("tender", subject="pro/771"))
    assert isinstance(outcome, Delivered) and outcome.receipt.evidence["result"] == "PENDING"
    assert carrier.booked[0]["ProNumber"] == "771"
    carrier.result = "DECLINED"
    declined = sink.deliver(wanted("tender", key="key-2"))
    assert isinstance(declined, Reject) and declined.reason.endswith("declined: no equipment at the terminal")


@pytest.mark.parametrize("result", ["", "MAYBE", "ACCEPTED without a number"])
def test_an_answer_that_proves_nothing_is_no_booking(carrier, sink, wanted, result):
    carrier.result = result
    assert isinstance(sink.deliver(wanted()), Unsure)


def test_faults_say_whether_it_may_come_later(carrier, sink, wanted):
    carrier.fault = "ThrottledFault"
    outcome = sink.deliver(wanted())
    assert isinstance(outcome, Retry) and not outcome.wire
    carrier.fault = "FreightFault"
    assert isinstance(sink.deliver(wanted()), Unsure), "the server failed at something that it may have done"
    assert carrier.booked == []


@pytest.mark.parametrize(
    ("operation", "subject", "says"),
    [
        ("note", "shipment/S", "knows no 'note'"),
        ("pickup", "sales_order/1", "is no shipment"),
        ("pickup", "pro/", "no shipment"),
    ],
)
def test_what_the_carrier_cannot_do_is_refused_before_anything_is_sent(
    server, sink, wanted, operation, subject, says
):
    outcome = sink.deliver(wanted(operation, subject=subject))
    assert isinstance(outcome, Reject) and says in outcome.reason
    assert server.requests == []


def test_a_pickup_without_a_day_pauses_nobody(server, sink, wanted):
    outcome = sink.deliver(wanted(date=None))
    assert isinstance(outcome, Reject) and "needs date" in outcome.reason
    assert server.requests == []
