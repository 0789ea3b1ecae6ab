"""The sandbox's carrier by its real protocol: a SOAP client on the pinned contract."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions

from deploy.sandbox.carrier import CONTRACT, ENVELOPE, NAMESPACE, Carrier

UPDATE = {
    "EventId": "EV-1",
    "ProNumber": "7710045530",
    "ShipmentId": "SHP-70040",
    "Scac": "RRFL",
    "StatusCode": "SD",
    "ReasonCode": "AI",
    "OccurredAt": "2026-11-20T10:00:00Z",
    "City": "Gary",
    "State": "IN",
    "EstimatedDelivery": "2026-11-24",
    "Remarks": "Tractor failed <replaced & sent>",
}


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Carrier]:
    with Carrier(tmp_path / "carrier") as running:
        yield running


def client(carrier: Carrier, password: str | None = None) -> Any:
    session = requests.Session()
    session.auth = (carrier.login, password or carrier.password)
    soap = zeep.Client(str(CONTRACT), transport=zeep.Transport(session=session, operation_timeout=10))
    return soap.create_service("{urn:crossdock:sandbox:carrier:1}CarrierBinding", carrier.url)


def ids(answer: Any) -> list[str]:
    return [update.EventId for update in answer.StatusUpdate]


def test_a_client_of_the_contract_reads_every_field(carrier: Carrier) -> None:
    carrier.add(UPDATE)
    answer = client(carrier).GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=10)
    [update] = answer.StatusUpdate
    assert {name: str(getattr(update, name)) for name in UPDATE if name != "OccurredAt"} == {
        name: value for name, value in UPDATE.items() if name != "OccurredAt"
    }
    assert update.OccurredAt.isoformat() == "2026-11-20T10:00:00+00:00"
    assert answer.MoreAvailable is False


def test_the_contract_that_is_served_is_the_pinned_one_with_its_own_address(carrier: Carrier) -> None:
    served = requests.get(carrier.wsdl_url, timeout=10).content
    assert served.replace(carrier.url.encode(), b"http://127.0.0.1/soap") == CONTRACT.read_bytes()
    settings = tomllib.loads((CONTRACT.parents[1] / "connector.toml").read_text())["source"]["settings"]
    assert hashlib.sha256(CONTRACT.read_bytes()).hexdigest() == settings["wsdl_sha256"]


def test_pages_are_told_without_loss_at_equal_times(carrier: Carrier) -> None:
    for number in range(5):
        carrier.add({**UPDATE, "EventId": f"EV-{number}"})
    service = client(carrier)
    first = service.GetStatusUpdates(Since="2026-11-20T10:00:00Z", Max=2)
    assert (ids(first), first.MoreAvailable) == (["EV-0", "EV-1"], True)
    rest = service.GetStatusUpdates(Since="2026-11-20T10:00:00Z", AfterEventId="EV-1", Max=10)
    assert (ids(rest), rest.MoreAvailable) == (["EV-2", "EV-3", "EV-4"], False)
    assert ids(service.GetStatusUpdates(Since="2026-11-20T10:00:01Z", Max=10)) == []


def test_a_time_without_a_zone_goes_out_as_it_came_in(carrier: Carrier) -> None:
    carrier.add({**UPDATE, "OccurredAt": "2026-11-20T10:00:00"})
    [update] = client(carrier).GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=10).StatusUpdate
    assert update.OccurredAt.tzinfo is None


def test_a_wrong_login_is_told_nothing(carrier: Carrier) -> None:
    carrier.add(UPDATE)
    with pytest.raises(zeep.exceptions.Error):
        client(carrier, password="guess").GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=10)
    assert [call["answer"] for call in carrier.requests()] == [401]


def test_a_question_that_makes_no_sense_is_a_client_fault(carrier: Carrier) -> None:
    with pytest.raises(zeep.exceptions.Fault, match="Max goes from 1") as told:
        client(carrier).GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=0)
    assert told.value.code == "soap:Client"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"not xml", b"no XML"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', b"document type"),
        (b"<x/>", b"SOAP 1.1 envelope"),
        (f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>'.encode(), b"GetStatusUpdates"),
    ],
)
def test_hostile_xml_gets_a_fault_and_no_more(carrier: Carrier, body: bytes, says: bytes) -> None:
    login = (carrier.login, carrier.password)
    answer = requests.post(carrier.url, data=body, auth=login, timeout=10)
    assert answer.status_code == 500
    assert says in answer.content
    assert b"root:" not in answer.content


def test_each_way_to_fail_is_seen_by_the_caller(carrier: Carrier) -> None:
    service = client(carrier)

    def fail(mode: str, **more: Any) -> None:
        order = {"mode": mode, "times": 1, **more}
        assert requests.post(f"{carrier.control_url}/_control/mode", json=order, timeout=10).ok

    def ask() -> Any:
        return service.GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=10)

    fail("fault")
    with pytest.raises(zeep.exceptions.Fault, match="not available") as told:
        ask()
    [detail] = told.value.detail
    assert detail.tag == f"{{{NAMESPACE}}}CarrierFault"
    fail("reset_before_commit")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        ask()
    fail("hang", seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        ask()
    for mode, status in (("429", 429), ("500", 500)):
        fail(mode)
        with pytest.raises(zeep.exceptions.TransportError) as refused:
            ask()
        assert refused.value.status_code == status
    fail("html")
    with pytest.raises((zeep.exceptions.Error, AttributeError)):
        ask()
    assert ids(ask()) == []


def test_what_the_carrier_knows_outlives_it_and_is_said_once(tmp_path: Path) -> None:
    with Carrier(tmp_path, password="p") as before:
        before.add(UPDATE)
        before.add({**UPDATE, "Remarks": "again"})
        client(before).GetStatusUpdates(Since="2026-11-20T00:00:00Z", Max=10)
    with Carrier(tmp_path, password="p") as after:
        assert after.updates() == [UPDATE]
        assert [call["told"] for call in after.requests()] == [["EV-1"]]


def test_an_update_that_lacks_something_is_refused(carrier: Carrier) -> None:
    for wrong in ({**UPDATE, "Scac": ""}, {**UPDATE, "Colour": "red"}, {**UPDATE, "OccurredAt": "soon"}, [1]):
        answer = requests.post(f"{carrier.control_url}/_control/updates", json=wrong, timeout=10)
        assert answer.status_code == 400
    assert carrier.updates() == []
