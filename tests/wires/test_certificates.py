"""Certificates: who does not prove to be the host that the connection names is sent nothing, and why is said."""

import datetime
import hashlib
from pathlib import Path

import pytest

from crossdock.deliver import TargetPaused
from crossdock.errors import Misconfigured
from crossdock.messages import Delivered, Receipt
from crossdock.ports import Login, Secret
from crossdock.store import target_book
from crossdock.testing import lying_http as lie
from crossdock.wires.address_guard import destination
from crossdock.wires.rest import Rest
from crossdock.wires.soap import Soap
from crossdock.wires.webhook_call import WebhookCall
from tests.spine.delivering import TENANT, deliver, letters, put, state, write_back_of
from tests.wires.authorities import DAY, Authority

CONTRACT = Path(__file__).resolve().parents[2] / "connectors" / "carrier" / "contract"
SHORT = datetime.timedelta(seconds=5)


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path / "ours")


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path / "stranger", "Somebody")


@pytest.fixture
def serving():
    """Start servers that show a certificate."""
    running = []

    def serve(tls) -> lie.LyingServer:
        running.append(lie.LyingServer(tls=tls).start())
        return running[-1]

    yield serve
    for server in running:
        server.stop()


def login(server: lie.LyingServer, authority: Authority | None) -> Login:
    extra = {"ca_bundle": str(authority.bundle)} if authority else {}
    return Login(
        connection_id="crossdock_erp",
        scheme="https",
        host="127.0.0.1",
        port=server.port,
        password=Secret("token-canary"),
        extra=extra,
    )


def post(login: Login):
    wire = Rest(login, deadline_s=5.0)
    try:
        return wire.call("POST", "/notes", effect=True, body=b"{}")
    finally:
        wire.close()


def of_stranger(ours, stranger):
    return stranger.server()


def of_another_host(ours, stranger):
    return ours.server(host="erp.acme.example")


def expired(ours, stranger):
    return ours.server(begins=-10 * DAY, ends=-DAY)


def not_yet(ours, stranger):
    return ours.server(begins=DAY, ends=2 * DAY)


WRONG = [
    (of_stranger, "authority that is not known here", "ca_bundle"),
    (of_another_host, "is for another host", "Correct the host of the connection"),
    (expired, "has expired", "Ask the system's owner to renew it"),
    (not_yet, "is not valid yet", "Look at the clock of this machine"),
]


def test_the_right_certificate_is_taken_when_the_connection_names_its_authority(serving, ours):
    server = serving(ours.server())
    assert post(login(server, ours)).status == 200
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer token-canary"]


@pytest.mark.parametrize(("certificate", "wrong", "remedy"), WRONG)
def test_a_wrong_certificate_is_sent_nothing_and_it_is_said_what_is_wrong(
    serving, ours, stranger, certificate, wrong, remedy
):
    server = serving(certificate(ours, stranger))
    with pytest.raises(Misconfigured) as refused:
        post(login(server, ours))
    said = str(refused.value)
    assert wrong in said and "nothing was sent" in said and remedy in said
    assert "token-canary" not in said
    assert (server.connections, server.requests) == (1, [])


def test_without_an_authority_of_its_own_a_connection_trusts_the_public_ones_alone(serving, ours):
    server = serving(ours.server())
    with pytest.raises(Misconfigured, match="authority that is not known here"):
        post(login(server, None))
    assert server.requests == []


def test_the_environment_makes_nobody_trusted(serving, ours, monkeypatch):
    server = serving(ours.server())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(ours.bundle))
    with pytest.raises(Misconfigured, match="authority that is not known here"):
        post(login(server, None))
    assert server.requests == []


@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_that_cannot_be_read_is_for_a_person_and_not_for_later(tmp_path, content):
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    bad = Login(connection_id="c", scheme="https", host="127.0.0.1", port=1, extra={"ca_bundle": str(bundle)})
    with pytest.raises(Misconfigured, match=r"ca_bundle .*bundle\.pem.* correct it"):
        Rest(bad, deadline_s=1.0)


@pytest.mark.parametrize(("certificate", "wrong", "_remedy"), WRONG)
def test_a_soap_partner_with_a_wrong_certificate_is_sent_nothing(
    serving, ours, stranger, certificate, wrong, _remedy, clock
):
    server = serving(certificate(ours, stranger))
    contract = CONTRACT / "carrier.wsdl"
    wire = Soap(
        login(server, ours),
        folder=CONTRACT,
        wsdl="carrier.wsdl",
        wsdl_sha256=hashlib.sha256(contract.read_bytes()).hexdigest(),
        path="/soap",
        deadline_s=5.0,
        clock=clock,
    )
    try:
        with pytest.raises(Misconfigured, match=wrong):
            wire.call("GetStatusUpdates", effect=False, Since="2026-11-21T00:00:00Z", Max=10)
    finally:
        wire.close()
    assert server.requests == []


@pytest.mark.parametrize(("certificate", "wrong", "_remedy"), WRONG)
def test_a_receiver_of_webhooks_with_a_wrong_certificate_is_sent_nothing(
    serving, ours, stranger, certificate, wrong, _remedy, clock
):
    server = serving(certificate(ours, stranger))
    answered, requests = hook(server, ours, clock)
    assert (answered.status, requests) == (None, [])
    assert wrong in answered.sentence


def test_a_receiver_of_webhooks_is_called_when_its_authority_is_named(serving, ours, clock):
    answered, requests = hook(serving(ours.server()), ours, clock)
    assert (answered.status, len(requests)) == (200, 1)


def hook(server, authority, clock):
    call = WebhookCall(
        destination(f"https://127.0.0.1:{server.port}/in", internal=True),
        name="lake",
        internal=True,
        connect=SHORT,
        deadline=SHORT,
        retry_after_most=SHORT,
        ca_bundle=str(authority.bundle),
    )
    try:
        answered = call.send(
            message_id="msg_1",
            at=clock.now(),
            body=b"{}",
            media_type="application/json",
            secrets=[Secret("whsec_b29vb29vb29vb29vb29vb29vb29vb28=")],
        )
    finally:
        call.close()
    return answered, server.requests


class Encrypted:
    """A sink over the REST wire."""

    def __init__(self, login: Login) -> None:
        self._wire = Rest(login, deadline_s=5.0)

    def deliver(self, write_back):
        self._wire.call("POST", "/notes", effect=True, body=write_back.body)
        return Delivered(receipt=Receipt(reference="N-1"))

    def close(self) -> None:
        self._wire.close()


@pytest.mark.parametrize(("certificate", "wrong", "_remedy"), WRONG)
def test_with_a_wrong_certificate_the_target_pauses_and_no_write_back_is_blamed(
    serving, ours, stranger, certificate, wrong, _remedy, store, clock
):
    put(store, *(write_back_of(number, clock) for number in range(5)))
    bad = serving(certificate(ours, stranger))
    with pytest.raises(TargetPaused, match=wrong):
        deliver(store, clock, Encrypted(login(bad, ours)))
    assert (bad.connections, bad.requests) == (1, []), "one attempt for all of them"
    assert letters(store) == []
    assert {one for one, _ in state(store)} == {"ready"}
    with store.reading(TENANT) as connection:
        standing = target_book.read(connection, TENANT, "erp")
    assert wrong in standing.why
    clock.advance(datetime.timedelta(minutes=16))
    good = serving(ours.server())
    deliver(store, clock, Encrypted(login(good, ours)))
    deliver(store, clock, Encrypted(login(good, ours)))
    assert len(good.requests) == 5
    assert {one for one, _ in state(store)} == {"delivered"}
