"""Our own certificate (mTLS): shown to who asks for it, never left on a disk, and named when it is not accepted."""

import datetime
import json
import os
import ssl
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured, WireDown, WireQuiet
from crossdock.logins import from_fields
from crossdock.ports import SystemClock
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from crossdock.wires import client_certificate
from crossdock.wires.rest import Rest
from tests.wires.authorities import DAY, Authority


@pytest.fixture
def theirs(tmp_path):
    return Authority(tmp_path / "theirs")


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path / "ours", "Who signs callers")


def asks_for(authority: Authority, context: ssl.SSLContext) -> ssl.SSLContext:
    """This server takes callers whose certificate this authority signed."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.bundle)
    return context


@pytest.fixture
def server(theirs, ours):
    with lie.LyingServer(tls=asks_for(ours, theirs.server())) as running:
        yield running


def a_login(server, theirs, pair=None, *, passphrase="", **extra):
    fields = {"ca_bundle": str(theirs.bundle), **extra}
    if pair:
        fields |= {"auth": "mtls", "client_certificate": pair[0], "client_private_key": pair[1]}
    if passphrase:
        fields["client_private_key_passphrase"] = passphrase
    fields |= extra
    return from_fields("acme", {"host": "127.0.0.1", "port": server.port, "schema": "https", "extra": fields})


def post(login, clock=None):
    wire = Rest(login, deadline_s=5, clock=clock)
    try:
        return wire.call("POST", "/notes", effect=True, body=b"{}").status
    finally:
        wire.close()


@pytest.mark.parametrize("passphrase", ["", "pass phrase"])
def test_a_system_that_knows_its_callers_by_certificate_knows_us(server, theirs, ours, passphrase):
    pair = ours.client(passphrase=passphrase or None)
    assert post(a_login(server, theirs, pair, passphrase=passphrase)) == 200
    assert "authorization" not in server.requests[0].headers


def test_a_certificate_goes_together_with_a_token(server, theirs, ours):
    login = a_login(server, theirs, ours.client(), auth="basic")
    login = type(login)(**{name: getattr(login, name) for name in login.__slots__} | {"user": "us"})
    assert post(login) == 200
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_keys_pasted_into_one_line_are_read(server, theirs, ours):
    certificate, key = (text.replace("\n", "\\n") for text in ours.client())
    assert post(a_login(server, theirs, (certificate, key))) == 200


def test_our_certificate_that_ended_is_named_before_anything_is_sent(server, theirs, ours):
    login = a_login(server, theirs, ours.client(begins=-10 * DAY, ends=-DAY))
    with pytest.raises(Misconfigured, match="our certificate expired on ") as caught:
        post(login)
    assert caught.value.field == "client_certificate"
    assert server.connections == 0


def test_our_certificate_that_ends_while_we_run_is_named_too(server, theirs, ours):
    clock = MovableClock(SystemClock().now())
    wire = Rest(a_login(server, theirs, ours.client()), deadline_s=5, clock=clock)
    clock.advance(datetime.timedelta(days=2))
    with pytest.raises(Misconfigured, match="our certificate expired on "):
        wire.call("POST", "/notes", effect=True, body=b"{}")
    assert not server.requests


def test_a_certificate_that_is_not_accepted_means_that_nothing_happened(theirs, ours, tmp_path):
    older = asks_for(ours, theirs.server())
    older.maximum_version = ssl.TLSVersion.TLSv1_2  # it judges us within the handshake
    with lie.LyingServer(tls=older) as server:
        pair = Authority(tmp_path / "strange", "Nobody").client()
        with pytest.raises(
            Misconfigured, match="does not accept our certificate; nothing took effect"
        ) as caught:
            post(a_login(server, theirs, pair))
        assert caught.value.field == "client_certificate"
        with pytest.raises(WireDown, match="nothing was sent"):
            post(a_login(server, theirs))
    assert not server.requests


@pytest.mark.parametrize("strange", [True, False], ids=["of another authority", "none at all"])
def test_a_refusal_that_comes_behind_our_request_is_never_called_a_success(server, theirs, strange, tmp_path):
    """TLS 1.3: the other side judges us when we have sent already, and its alert may be lost to a reset."""
    pair = Authority(tmp_path / "strange", "Nobody").client() if strange else None
    with pytest.raises((Misconfigured, WireDown, WireQuiet)):
        post(a_login(server, theirs, pair))
    assert not server.requests


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"client_private_key": ""}, "client_private_key"),
        ({"client_private_key": "canary of a key"}, "client_private_key"),
        ({"client_certificate": "nonsense"}, "client_certificate"),
    ],
)
def test_a_pair_that_is_none_is_misconfigured_and_not_shown(server, theirs, ours, fields, field):
    pair = ours.client()
    with pytest.raises(Misconfigured) as caught:
        post(a_login(server, theirs, pair, **fields))
    assert caught.value.field == field
    assert "canary" not in str(caught.value) and pair[1][40:80] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_of_another_certificate_or_with_a_wrong_passphrase_is_misconfigured(server, theirs, ours):
    certificate, _key = ours.client()
    _other, key = ours.client(passphrase="right")
    for pair, passphrase in (((certificate, key), "right"), ((_other, key), "wrong"), ((_other, key), "")):
        with pytest.raises(Misconfigured, match="does not fit") as caught:
            post(a_login(server, theirs, pair, passphrase=passphrase))
        assert caught.value.field == "client_private_key"


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_key_is_in_no_file_that_others_may_read_and_in_none_afterwards(
    monkeypatch, tmp_path, theirs, ours, in_memory
):
    seen = []
    put = ssl.SSLContext.load_cert_chain

    def load(self, name, *arguments, **options):
        if Path(name).read_text().count("PRIVATE KEY"):
            seen.append((name, Path(name).stat().st_mode & 0o077, list(tmp_path.rglob("tmp*"))))
        return put(self, name, *arguments, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    certificate, key = ours.client()
    login = from_fields("acme", {"extra": {"client_certificate": certificate, "client_private_key": key}})
    client_certificate.ClientCertificate(login, SystemClock())
    ((name, others, files),) = seen
    if in_memory:
        assert name.startswith("/proc/self/fd/") and not files
    else:
        assert others == 0 and len(files) == 1
    assert not list(tmp_path.rglob("tmp*"))


def test_a_token_is_fetched_with_our_certificate_too(theirs, ours):
    token = lie.answer(200, json.dumps({"access_token": "t-1", "expires_in": 60}).encode())
    with (
        lie.LyingServer(token, tls=asks_for(ours, theirs.server())) as tokens,
        lie.LyingServer(tls=asks_for(ours, theirs.server())) as api,
    ):
        extra = {
            "auth": "oauth2",
            "token_url": f"{tokens.url}/token",
            "client_id": "c",
            "client_secret": "secret-of-client",
        }
        assert post(a_login(api, theirs, ours.client(), **extra)) == 200
        assert api.requests[0].headers["authorization"] == "Bearer t-1"


def test_the_check_blames_the_certificate(server, theirs, ours):
    wire = Rest(a_login(server, theirs, ours.client()), deadline_s=5)
    assert [(step.step, step.ok) for step in wire.check("/x")] == [
        (name, True) for name in ("resolve", "connect", "tls", "login", "permission")
    ]
    (tls,) = (step.sentence for step in wire.check("/x") if step.step == "tls")
    assert (
        tls.startswith("TLS verified; our certificate is good until 20") and "0 days: order a new one" in tls
    )
    wire = Rest(a_login(server, theirs, ours.client(ends=40 * DAY)), deadline_s=5)
    (tls,) = (step.sentence for step in wire.check("/x") if step.step == "tls")
    assert "order" not in tls
    wire = Rest(a_login(server, theirs), deadline_s=5)
    *_, last = wire.check("/x")
    assert not last.ok and last.field in ("client_certificate", "host")


def test_the_check_blames_the_certificate_of_the_other_side(ours, theirs):
    with lie.LyingServer(tls=ours.server(begins=-10 * DAY, ends=-DAY)) as expired:
        login = from_fields(
            "acme",
            {"host": "127.0.0.1", "port": expired.port, "extra": {"ca_bundle": str(ours.bundle)}},
        )
        *before, last = Rest(login, deadline_s=5).check("/x")
    assert [step.step for step in before] == ["resolve", "connect"]
    assert (last.step, last.field) == ("tls", "ca_bundle")
    assert "has expired" in last.sentence and last.remedy
