"""Tasks in NetSuite over REST: taken as jobs, refused as duplicates, and done only when the task is there."""

import random

import pytest

from connectors.netsuite_tasks import sink as module
from connectors.netsuite_tasks.played import JOBS, NetSuite, lets_in
from crossdock.messages import Delivered, Reject, Unsure
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.conformance.play import MORE_CANARIES
from crossdock.wires.oauth1 import OAuth1


@pytest.fixture
def account():
    return NetSuite()


@pytest.fixture
def server(account):
    with lie.LyingServer(honest=account) as running:
        yield running


@pytest.fixture
def login(server):
    secrets = {name: Secret(MORE_CANARIES) for name in ("consumer_secret", "token_id", "token_secret")}
    return Login(
        connection_id="c", scheme="http", host="127.0.0.1", port=server.port,
        extra={"account": "1234567_SB1", "consumer_key": "ck"}, secrets=secrets,
    )  # fmt: skip


@pytest.fixture
def sink(login, clock):
    opened = module.connect(Registry().manifest("netsuite_tasks"), login, clock)
    yield opened
    opened.close()


@pytest.fixture
def note(write_back):
    return write_back("note", b'{"text":"ACME moved line 1"}', subject="sales_order/SO-7001", key="key-1")


def test_a_task_says_what_it_is_about_and_is_found_by_our_key(account, server, sink, note):
    assert isinstance(sink.deliver(note), Delivered)
    assert account.tasks["key-1"]["title"] == "sales order SO-7001: ACME moved line 1"
    assert account.tasks["key-1"]["message"] == "ACME moved line 1"
    assert all(lets_in(request, "") for request in server.requests)


def test_a_job_that_is_not_done_is_no_task_and_its_duplicate_is_success_when_it_is(
    account, server, sink, note
):
    account.progress = "pending"
    taken = sink.deliver(note)
    assert isinstance(taken, Unsure) and "has not made the task yet" in taken.reason
    assert isinstance(sink.deliver(note), Unsure), "the duplicate says where the job is, and it is not done"
    account.finish()
    outcome = sink.deliver(note)
    assert isinstance(outcome, Delivered) and outcome.duplicate
    assert outcome.receipt.reference == "task/500"
    assert server.effects.counted() == {"key-1": 1}


def test_the_duplicate_of_a_job_that_failed_is_no_success(account, sink, note):
    account.progress = "pending"
    sink.deliver(note)
    account.progress = "failed"
    outcome = sink.deliver(note)
    assert isinstance(outcome, Reject) and outcome.status == "failed"
    assert f"{JOBS}/1 says why" in outcome.reason


def test_a_key_that_was_forgotten_makes_no_second_task(account, server, sink, note):
    sink.deliver(note)
    account.jobs.clear()
    outcome = sink.deliver(note)
    assert isinstance(outcome, Delivered) and outcome.duplicate
    assert len(account.tasks) == 1 and server.effects.more_than_once() == {}


def test_a_no_that_is_about_no_repeat_is_a_no(account, sink, note, server):
    server.then(lie.answer(400, b'{"o:errorDetails":[{"detail":"Invalid value"}]}', commit=False))
    assert isinstance(sink.deliver(note), Reject)
    assert account.tasks == {}


# ── the signature ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_login_is_signed_anew_each_time(login, clock):
    sign = OAuth1(login, clock, random.Random(1))
    first, again = (sign("GET", "http://127.0.0.1/x", b"")["Authorization"] for _ in range(2))
    assert first != again and first.startswith('OAuth realm="1234567_SB1", ')
