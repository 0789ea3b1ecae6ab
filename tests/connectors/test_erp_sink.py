"""Write-backs to the ERP: silence is never called delivered, and what may have happened is never called not."""

import json
from datetime import timedelta

import pytest

from connectors.erp import sink as module
from crossdock.errors import CrossdockError, Misconfigured, Refused, WireDown
from crossdock.messages import Conflict, Delivered, Reject, Retry, Unsure
from crossdock.ports import Checkable, Login, Searchable, Secret
from crossdock.testing import lying_http as lie
from mappings.outbound.subjects import KINDS

BODY = b'{"text": "Backordered to 2026-12-04", "exception_id": "e-1", "decision_id": "d-1"}'
RECEIPT = {"id": "N-1", "key": "key-1", "order": "4500123456"}
PATH = "/api/purchase-orders/4500123456/notes"


def receipt(**changed: object) -> bytes:
    return json.dumps({**RECEIPT, **changed}).encode()


def effects(*changed: dict) -> bytes:
    one = {**RECEIPT, "path": PATH, "body": json.loads(BODY), "at": "2026-11-21T12:00:00Z"}
    return json.dumps({"effects": [{**one, **more} for more in changed]}).encode()


@pytest.fixture
def server():
    with lie.LyingServer() as running:
        yield running


@pytest.fixture
def sink(server, clock, manifest_of):
    manifest = manifest_of("erp")
    login = Login(connection_id="c", scheme="http", host="127.0.0.1", port=server.port, password=Secret("t"))
    sink = module.connect(manifest, login, clock)
    yield sink
    sink.close()


@pytest.fixture
def note(write_back):
    return write_back("note", BODY)


def test_the_sink_is_what_the_ports_ask_for(sink):
    assert isinstance(sink, Searchable) and isinstance(sink, Checkable)


@pytest.mark.parametrize("status", [200, 201])
def test_a_receipt_with_our_key_is_delivered(server, sink, note, status):
    server.then(lie.answer(status, receipt()))
    outcome = sink.deliver(note)
    assert isinstance(outcome, Delivered)
    assert outcome.receipt.reference == "N-1"
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", PATH, BODY)
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("operation", "subject", "path"),
    [
        ("note", "supplier_po/4500123456", "/api/purchase-orders/4500123456/notes"),
        ("hold", "sales_order/SO-7001", "/api/sales-orders/SO-7001/holds"),
        ("change_date", "shipment/S 1/..", "/api/shipments/S%201%2F../date-changes"),
    ],
)
def test_each_operation_has_its_path(server, sink, write_back, operation, subject, path):
    sink.deliver(write_back(operation, BODY, subject=subject))
    assert server.requests[0].path == path


def test_every_kind_that_the_outbound_mappings_name_has_a_path():
    assert set(module.ORDERS) == set(KINDS)


@pytest.mark.parametrize(
    ("operation", "subject"),
    [("fly", "supplier_po/1"), ("note", "4500123456"), ("note", "invoice/1"), ("note", "supplier_po/..")],
)
def test_what_the_erp_has_no_word_for_is_rejected_and_nothing_is_sent(
    server, sink, write_back, operation, subject
):
    assert isinstance(sink.deliver(write_back(operation, BODY, subject=subject)), Reject)
    assert server.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [
        lie.html_200(),
        lie.answer(200, b""),
        lie.answer(200, b"null"),
        lie.answer(200, b"{}"),
        lie.answer(200, receipt(), media_type="text/plain"),
        lie.answer(200, receipt(key="another")),
        lie.answer(200, receipt(id="")),
        lie.answer(200, receipt(order="999")),
        lie.answer(200, b'{"error": ["UserError", "no"]}'),
        lie.answer(200, receipt()[:-1]),
        lie.answer(202, receipt()),
        lie.answer(204),
        lie.answer(302, headers={"Location": "/"}),
        lie.answer(303, headers={"Location": "/"}),
        lie.answer(408),
        lie.answer(500),
        lie.answer(502),
        lie.answer(504),
        lie.reset_after_commit(),
        lie.close_after_commit(),
        lie.half_body(receipt()),
    ],
)
def test_what_is_no_receipt_is_unsure(server, sink, note, behaviour):
    server.then(behaviour)
    outcome = sink.deliver(note)
    assert isinstance(outcome, Unsure), outcome
    assert outcome.reason
    assert len(server.requests) == 1


def test_a_reset_before_and_after_the_commit_look_the_same_and_are_both_unsure(server, sink, note):
    server.then(lie.reset_before_read(), lie.reset_after_commit())
    assert isinstance(sink.deliver(note), Unsure)
    assert server.committed == []
    assert isinstance(sink.deliver(note), Unsure)
    assert len(server.committed) == 1


def test_a_hang_is_unsure_after_the_deadline(server, clock, manifest_of, note):
    manifest = manifest_of("erp", deadline_s="0.3")
    login = Login(connection_id="c", scheme="http", host="127.0.0.1", port=server.port)
    sink = module.connect(manifest, login, clock)
    server.then(lie.hang())
    assert isinstance(sink.deliver(note), Unsure)


def test_nobody_there_is_retried(server, sink, note):
    server.stop()
    outcome = sink.deliver(note)
    assert isinstance(outcome, Retry)
    assert outcome.not_before is None


@pytest.mark.parametrize("status", [425, 429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("30", 30), ("-1", 1), ("9999999999", 86400), ("Sat, 21 Nov 2026 12:01:00 GMT", 60)],
)
def test_not_now_is_retried_when_the_erp_says(server, sink, note, clock, status, header, seconds):
    server.then(lie.answer(status, headers={"Retry-After": header} if header else None))
    outcome = sink.deliver(note)
    assert isinstance(outcome, Retry)
    assert outcome.not_before == (None if seconds is None else clock.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("status", [401, 403, 407, 307, 308])
def test_a_wrong_login_or_address_turns_the_target_red_and_spends_nothing(server, sink, note, status):
    server.then(lie.answer(status, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(Misconfigured):
        sink.deliver(note)


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 415])
def test_no_is_rejected_with_what_was_said(server, sink, note, status):
    server.then(lie.answer(status, b'{"error": "unknown\norder"}'))
    outcome = sink.deliver(note)
    assert isinstance(outcome, Reject)
    assert outcome.status == str(status)
    assert "unknown order" in outcome.reason


@pytest.mark.parametrize("status", [409, 422])
def test_a_conflict_is_delivered_only_when_the_erps_records_show_this_very_effect(server, sink, note, status):
    server.then(lie.answer(status, b"{}"), lie.answer(200, effects({})))
    outcome = sink.deliver(note)
    assert isinstance(outcome, Delivered)
    assert outcome.receipt.reference == "N-1"
    for said in (effects(), effects({"body": {"text": "other"}}), effects({"path": "/api/x"})):
        server.then(lie.answer(status, b"{}"), lie.answer(200, said))
        assert isinstance(sink.deliver(note), Reject)
    server.then(lie.answer(status, b"{}"), lie.reset_after_commit())
    assert isinstance(sink.deliver(note), Unsure)


def test_the_erp_is_asked_for_the_effect_of_a_key(server, sink, note):
    server.then(lie.answer(200, effects({})))
    found = sink.find(note)
    assert found is not None
    assert found.reference == "N-1"
    assert server.requests[0].path == "/api/effects?key=key-1"
    server.then(lie.answer(200, effects()))
    assert sink.find(note) is None


def test_a_key_that_did_something_else_is_refused(server, sink, note):
    server.then(lie.answer(200, effects({"body": {}})))
    with pytest.raises(Refused, match="something else"):
        sink.find(note)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (lie.answer(200, b"[]"), Refused),
        (lie.answer(200, b'{"effects": [7]}'), Refused),
        (lie.html_200(), Refused),
        (lie.answer(200, b"{"), CrossdockError),
        (lie.answer(500), Refused),
        (lie.answer(401), Misconfigured),
        (lie.reset_after_commit(), WireDown),
    ],
)
def test_no_answer_is_never_taken_for_none(server, sink, note, behaviour, kind):
    server.then(behaviour)
    with pytest.raises(kind):
        sink.find(note)


def test_the_check(server, sink):
    assert all(step.ok for step in sink.check())


DUPLICATE = (
    b'{"title": "Bad Request", "detail": "duplicate: a record with this idempotency key was processed"}'
)


@pytest.mark.parametrize("status", [400, 409])
def test_a_duplicate_that_is_refused_with_the_place_of_the_first_is_delivered(server, sink, note, status):
    server.then(
        lie.answer(status, DUPLICATE, headers={"Location": "/api/effects/N-1"}, commit=False),
        lie.answer(200, b'{"effects": []}'),
    )
    outcome = sink.deliver(note)
    assert isinstance(outcome, Delivered)
    assert (outcome.duplicate, outcome.receipt.reference) == (True, "/api/effects/N-1")


def test_a_duplicate_of_something_else_is_no_success(server, sink, note):
    server.then(
        lie.answer(400, DUPLICATE, headers={"Location": "/api/effects/N-1"}, commit=False),
        lie.answer(200, effects({"body": {"text": "another"}})),
    )
    assert isinstance(sink.deliver(note), Reject)


def test_a_version_that_is_not_held_any_more_is_a_conflict(server, sink, note):
    server.then(
        lie.answer(412, b"{}", headers={"ETag": '"v9"'}, commit=False), lie.answer(200, b'{"effects": []}')
    )
    outcome = sink.deliver(note)
    assert isinstance(outcome, Conflict)
    assert outcome.version == '"v9"'


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120),
        ("Fri, 21 Nov 2026 12:05:00 GMT", 300),
        ("Fri, 21 Nov 2026 11:00:00 GMT", 1),  # past
        ("-5", 1),
        ("1000000000", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("soon", None),
        ("", None),
        ("1e9", None),
    ],
)
def test_what_a_busy_erp_asks_for_is_held_between_a_second_and_a_day(server, sink, note, clock, said, wait_s):
    server.then(lie.answer(429, b"{}", headers={"Retry-After": said}, commit=False))
    outcome = sink.deliver(note)
    assert isinstance(outcome, Retry) and not outcome.wire
    wanted = None if wait_s is None else clock.now() + timedelta(seconds=wait_s)
    assert outcome.not_before == wanted


def test_the_request_is_shown_without_the_login(sink, note, write_back):
    shown = sink.preview(note)
    assert (shown["method"], shown["address"].endswith(PATH)) == ("POST", True)
    assert {name.lower() for name in shown["headers"]} >= {"idempotency-key", "content-type"}
    assert "authorization" not in {name.lower() for name in shown["headers"]}
    assert "refused" in sink.preview(write_back("note", BODY, subject="moon/1"))
