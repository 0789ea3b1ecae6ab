"""Cases in a CRM: one for each case of ours however often it is told, and Salesforce's own words for its no."""

import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.crm import sink as module
from crossdock.errors import CrossdockError, Refused
from crossdock.manifests import typed
from crossdock.messages import Decision, Delivered, Reject, Retry, Unsure
from crossdock.ports import Checkable, Login, Previewing, Searchable, Secret
from crossdock.testing import lying_http as lie
from crossdock.testing.lying_modes import DONE, MODES, TRUE
from mappings.outbound import crm_case

PATH = "/services/data/v62.0/sobjects/Case/Crossdock_Id__c/case-1"
EVENT = {
    "id": "e",
    "data": {"code": "ORD.HOLD", "severity": "S2", "refs": [{"kind": "sales_order", "value": "SO-7001"}]},
}


def body(because: str = "Order SO-7001 waits", priority: int = 15) -> bytes:
    decision = Decision(
        event_id=uuid.UUID(int=1), table="main", rule="r", version="0", queue="orders", owner="cs", priority=priority,
        actions=(), because=because, saw={},
    )  # fmt: skip
    return crm_case.write(EVENT, decision, {}, exception_id="case-1", decision_id="d-1").body


class Crm:
    """Cases by external id, as Salesforce keeps them."""

    def __init__(self) -> None:
        self.cases: dict[str, dict[str, Any]] = {}

    def __call__(self, request: lie.Request) -> lie.Said:
        split = urlsplit(request.path)
        key = split.path.rpartition("/")[2]
        if request.headers.get("authorization") != "Bearer t":
            return lie.Said(status=401, body=b'[{"errorCode":"INVALID_SESSION_ID","message":"expired"}]')
        if request.method == "GET":
            if key not in self.cases:
                return lie.Said(status=404, body=b'[{"errorCode":"NOT_FOUND","message":"no"}]')
            names = parse_qs(split.query)["fields"][0].split(",")
            return lie.Said(status=200, body=json.dumps({n: self.cases[key].get(n) for n in names}).encode())
        made = key not in self.cases
        self.cases.setdefault(key, {"Id": f"500{len(self.cases):012}"}).update(json.loads(request.body))
        said = {"id": self.cases[key]["Id"], "success": True, "errors": [], "created": made}
        effect = f"make {key}" if made else None
        return lie.Said(status=201 if made else 200, body=json.dumps(said).encode(), effect=effect)


@pytest.fixture
def crm():
    return Crm()


@pytest.fixture
def server(crm):
    with lie.LyingServer(honest=crm) as running:
        yield running


@pytest.fixture
def sink(server, clock, manifest_of):
    login = Login(
        connection_id="c", scheme="http", host="127.0.0.1", port=server.port, password=Secret("t"),
        extra={"console_url": "https://hub.example"}, hosts=("127.0.0.1",),
    )  # fmt: skip
    sink = module.connect(manifest_of("crm"), login, clock)
    yield sink
    sink.close()


@pytest.fixture
def told(write_back):
    def make(because: str = "Order SO-7001 waits", priority: int = 15) -> Any:
        return write_back("crm_case", body(because, priority), subject="case/case-1", target="crm")

    return make


def test_a_case_is_made_once_and_then_changed(server, crm, sink, told):
    assert isinstance(sink, Searchable) and isinstance(sink, Checkable) and isinstance(sink, Previewing)
    first, later = sink.deliver(told()), sink.deliver(told("It was released", priority=60))
    assert isinstance(first, Delivered) and isinstance(later, Delivered)
    assert first.receipt.reference == later.receipt.reference
    assert first.receipt.evidence["created"] is True and later.receipt.evidence["created"] is False
    (case,) = crm.cases.values()
    assert (case["Priority"], case["Origin"]) == ("Low", "Crossdock")
    assert case["Subject"].startswith("sales order SO-7001: An order or a line is on hold")
    assert case["Description"].splitlines()[0] == "It was released"
    assert case["Description"].splitlines()[-1] == "https://hub.example/cases/case-1"
    assert [(r.method, r.path) for r in server.requests] == [("PATCH", PATH)] * 2
    assert "Status" not in case, "its state is the people's there"


@pytest.mark.parametrize(
    "mode", sorted(set(MODES) - {"timeout", "commit_then_hang", "latency", "slow_close"})
)
def test_under_every_lie_there_is_one_case_and_asking_finds_it(server, crm, sink, told, mode):
    server.then(MODES[mode]())
    outcome = sink.deliver(told())
    there = len(crm.cases)
    assert there == (1 if mode in DONE else 0)
    if mode in TRUE:
        assert isinstance(outcome, Delivered)
    else:
        assert not isinstance(outcome, Reject)
    found = sink.find(told())
    assert (found is not None) == bool(there)
    if found is None:
        assert isinstance(sink.deliver(told()), Delivered)
    assert len(crm.cases) == 1
    assert server.effects.more_than_once() == {}


def test_a_case_that_says_something_else_is_not_this_word(sink, told):
    sink.deliver(told())
    assert sink.find(told("Another word")) is None


@pytest.mark.parametrize(
    ("status", "errors", "outcome"),
    [
        (300, ["/services/data/v62.0/sobjects/Case/1", "/services/data/v62.0/sobjects/Case/2"], Reject),
        (400, [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "ContactId", "fields": ["ContactId"]}], Reject),
        (400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "busy"}], Retry),
        (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}], Retry),
        (404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], Reject),
        (429, [], Retry),
        (503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}], Retry),
        (500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "?"}], Unsure),
        (200, [{"errorCode": "X"}], Unsure),
        (201, {"id": "", "success": False, "errors": []}, Unsure),
        (202, {}, Unsure),
    ],
)  # fmt: skip
def test_each_word_of_the_crm_has_its_outcome(server, sink, told, status, errors, outcome):
    server.then(lie.answer(status, json.dumps(errors).encode()))
    found = sink.deliver(told())
    assert isinstance(found, outcome), found
    assert found.reason


def test_a_change_without_content_is_a_success(server, sink, told):
    server.then(lie.answer(204))
    assert isinstance(sink.deliver(told()), Delivered)


@pytest.mark.parametrize(("status", "code"), [(401, "INVALID_SESSION_ID"), (403, "INSUFFICIENT_ACCESS")])
def test_a_login_that_is_refused_is_told_as_one(server, sink, told, status, code):
    server.then(*[lie.answer(status, json.dumps([{"errorCode": code}]).encode())] * 2)
    with pytest.raises(CrossdockError):
        sink.deliver(told())


def test_a_crm_that_does_not_say_is_not_called_empty(server, sink, told):
    for behaviour in (lie.answer(500), lie.answer(200, b"[]"), lie.answer(200, b"{}"), lie.html_200()):
        server.then(behaviour)
        with pytest.raises(CrossdockError):
            sink.find(told())


@pytest.mark.parametrize("subject", ["sales_order/SO-1", "case/..", "case/", "case-1"])
def test_what_is_no_case_is_rejected_and_nothing_is_sent(server, sink, write_back, subject):
    outcome = sink.deliver(write_back("crm_case", body(), subject=subject))
    assert isinstance(outcome, Reject)
    assert server.requests == []


@pytest.mark.parametrize("said", [b"[]", b"{}", b'{"text": 1}', b"\xff"])
def test_a_body_that_is_no_notice_is_rejected(server, sink, write_back, said):
    try:
        outcome = sink.deliver(write_back("crm_case", said, subject="case/case-1"))
    except Refused:
        pytest.fail("a sink says what it will not send with a value")
    assert isinstance(outcome, Reject)
    assert server.requests == []


@pytest.mark.parametrize(("key", "value"), [("path", '"services"'), ("external_id", '"Id; drop"')])
def test_settings_that_make_no_address_are_refused(manifest_of, key, value):
    from connectors.crm.settings import SETTINGS

    with pytest.raises(CrossdockError):
        typed(SETTINGS["sink"], manifest_of("crm", **{key: value}), "sink")
