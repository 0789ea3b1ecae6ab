"""A less-than-truckload carrier over a live SOAP server: status is polled, and a pick-up is booked once."""

import json
import random
from xml.sax.saxutils import escape

import pytest

from connectors.ltl_freight import sink as sending
from connectors.ltl_freight import source as reading
from crossdock.errors import Misconfigured, WireDown
from crossdock.formats import safe_xml
from crossdock.messages import Delivered, Receipt, Reject, Retry, Unsure
from crossdock.ports import Login, Previewing, Searchable, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.lying_http import Said
from crossdock.testing.lying_modes import mixture
from mappings.inbound import carrier_status
from tests.mappings.test_holds import CONTEXT
from tests.spine.delivering import deliverer, put, write_back_of
from tests.spine.delivering import state as states

NAMESPACE = "urn:crossdock:freight:ltl:1"
MANIFEST = Registry().manifest("ltl_freight")
PICKUP = {"date": "2026-12-04", "ready": "09:00", "close": "16:30", "instructions": "dock 4 & ring"}


class Carrier:
    """The service. It books whatever comes, also twice; by request id it says what it did."""

    def __init__(self) -> None:
        self.updates: list[dict[str, str]] = []
        self.requests: dict[str, dict[str, str]] = {}
        self.booked: list[dict[str, str]] = []
        self.result = "ACCEPTED"
        self.fault = ""

    def __call__(self, request) -> Said:
        if request.headers.get("authorization", "") != "Basic bHRsOmx0bC1wYXNzd29yZA==":
            return Said(status=401, body=b"", media_type="text/html")
        (body,) = (one for one in safe_xml.parse(request.body) if str(one.tag).endswith("}Body"))
        (asked,) = body
        said = {str(one.tag).rpartition("}")[2]: (one.text or "") for one in asked}
        operation = str(asked.tag).rpartition("}")[2]
        if self.fault:
            return self._faulted()
        if operation == "GetStatusUpdates":
            return self._status(said)
        if operation == "FindRequest":
            found = self.requests.get(said["RequestId"])
            return _answered(operation, f"<Found>{_elements(found)}</Found>" if found else "")
        if not (said.get("ShipmentId") or said.get("ProNumber")):
            return self._faulted("Client", "NO_SHIPMENT")
        self.booked.append(said)
        confirmed = {"RequestId": said["RequestId"], "Result": self.result}
        if self.result == "ACCEPTED":
            confirmed["ConfirmationNumber"] = f"C-{len(self.booked)}"
        if self.result == "DECLINED":
            confirmed["Reason"] = "no equipment at the terminal"
        self.requests[said["RequestId"]] = confirmed
        return _answered(operation, _elements(confirmed), effect=f"{operation} {said.get('ShipmentId')}")

    def _status(self, said) -> Said:
        place = (said["Since"].replace("+00:00", "Z"), said.get("AfterEventId", ""))
        found = sorted((one["OccurredAt"], one["EventId"]) for one in self.updates)
        later = [key for key in found if key > place]
        page = [
            one for one in self.updates if (one["OccurredAt"], one["EventId"]) in later[: int(said["Max"])]
        ]
        page.sort(key=lambda one: (one["OccurredAt"], one["EventId"]))
        inside = "".join(f"<StatusUpdate>{_elements(one)}</StatusUpdate>" for one in page)
        more = str(len(later) > len(page)).lower()
        return _answered("GetStatusUpdates", f"{inside}<MoreAvailable>{more}</MoreAvailable>")

    def _faulted(self, code: str = "Server", detail: str = "") -> Said:
        name = self.fault or "FreightFault"
        inside = (
            f"<Code>{detail}</Code><Message>no</Message>"
            if name == "FreightFault"
            else "<Message>slow</Message>"
        )
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
            f"<faultcode>s:{code}</faultcode><faultstring>not done</faultstring>"
            f'<detail><f:{name} xmlns:f="{NAMESPACE}">{inside}</f:{name}></detail></s:Fault></s:Body></s:Envelope>'
        )
        return Said(status=500, body=body.encode(), media_type="text/xml")


def _elements(values) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _answered(operation: str, inside: str, *, effect: str | None = None) -> Said:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<f:{operation}Response xmlns:f="{NAMESPACE}">{inside}</f:{operation}Response></s:Body></s:Envelope>'
    )
    return Said(status=200, body=body.encode(), media_type="text/xml", effect=effect)


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
    with lie.LyingServer(honest=carrier) as running:
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


def test_a_wrong_login_pauses_the_source_and_a_fault_ends_the_run(carrier, login, source, clock):
    carrier.fault = "FreightFault"
    with pytest.raises(Exception, match="fault Server"):
        list(source.read(None))
    wrong = Login(
        connection_id="c", scheme="http", host="127.0.0.1", port=login.port, user="x", password=Secret("yy")
    )
    other = reading.connect(MANIFEST, wrong, clock)
    with pytest.raises(Misconfigured):
        list(other.read(None))
    other.close()


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


def test_a_lost_answer_is_asked_about_by_our_request(carrier, server, sink, wanted):
    assert sink.find(wanted()) is None
    server.then(lie.reset_after_commit())
    assert isinstance(sink.deliver(wanted()), Unsure)
    found = sink.find(wanted())
    assert found == Receipt(reference="C-1", evidence={"request_id": "key-1", "result": "ACCEPTED"})


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


def test_no_pickup_is_booked_twice_whatever_gets_lost(store, clock, carrier, server, sink):
    rows = [
        write_back_of(
            number, clock, target="ltl_freight", operation="pickup", subject=f"shipment/SHP-{number}",
            body=json.dumps(PICKUP).encode(),
        )
        for number in range(20)
    ]  # fmt: skip
    put(store, *rows)
    lies = {"commit_then_rst": 0.1, "commit_then_500": 0.1, "rst_before_read": 0.1, "commit_then_fin": 0.1}
    server.standing = mixture(random.Random(5), lies)
    for _round in range(40):
        deliverer(store, clock, sink, MANIFEST).deliver_batch()
        clock.move(700)
    assert server.effects.more_than_once() == {}
    ended = [state for state, _reason in states(store)]
    assert ended.count("delivered") >= 15
    assert ended.count("delivered") <= len(server.effects.counted()) <= 20


def test_the_sink_is_what_it_declares(sink, wanted):
    assert isinstance(sink, Searchable) and isinstance(sink, Previewing)
    assert all(step.ok for step in sink.check())
    assert sink.preview(wanted())["operation"] == "RequestPickup"


def test_a_carrier_that_does_not_say_is_not_taken_for_a_no(server, sink, wanted):
    server.then(lie.answer(200, b"<nothing/>", media_type="text/xml", commit=False))
    with pytest.raises(WireDown):
        sink.find(wanted())


def test_a_pickup_without_a_day_pauses_nobody(server, sink, wanted):
    outcome = sink.deliver(wanted(date=None))
    assert isinstance(outcome, Reject) and "needs date" in outcome.reason
    assert server.requests == []
