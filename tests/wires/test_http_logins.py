"""How an HTTP request shows who we are: one kind of login for each word of ``auth``."""

import hashlib
import hmac
import traceback
from datetime import UTC, datetime

import pytest

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.logins import from_fields
from crossdock.ports import Login
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from crossdock.wires.http_login import KINDS
from crossdock.wires.rest import Rest
from tests.wires.authorities import Authority

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CANARY = "canary-of-a-secret"


@pytest.fixture
def server():
    with lie.LyingServer() as running:
        yield running


def a_login(server: lie.LyingServer, **fields: object) -> Login:
    return from_fields("acme", {"host": "127.0.0.1", "port": server.port, "schema": "http", **fields})


def asked(server, login, path="/api", **options):
    wire = Rest(login, deadline_s=5, clock=MovableClock(NOW))
    try:
        wire.call("GET", path, effect=False, **options)
    finally:
        wire.close()
    return server.requests[-1]


@pytest.mark.parametrize(
    ("fields", "authorization"),
    [
        ({"login": "ann", "password": "pw"}, "Basic YW5uOnB3"),
        ({"password": "tok"}, "Bearer tok"),
        ({}, None),
        ({"login": "ann", "password": "pw", "extra": {"auth": "basic"}}, "Basic YW5uOnB3"),
        ({"login": "ann", "password": "tok", "extra": {"auth": "bearer"}}, "Bearer tok"),
        ({"login": "ann", "password": "tok", "extra": {"auth": "none"}}, None),
    ],
)
def test_user_and_password_are_basic_and_a_password_alone_is_a_token(server, fields, authorization):
    assert asked(server, a_login(server, **fields)).headers.get("authorization") == authorization


def test_a_key_goes_into_the_header_that_the_connection_names(server):
    extra = {"auth": "api_key", "api_key": "k-1", "api_key_header": "X-Shopify-Access-Token"}
    request = asked(server, a_login(server, extra=extra))
    assert request.headers["x-shopify-access-token"] == "k-1"
    extra = {"auth": "api_key", "api_key": "k-1"}
    assert asked(server, a_login(server, extra=extra)).headers["x-api-key"] == "k-1"


def test_a_key_goes_into_the_query_once_and_into_no_message(server):
    login = a_login(server, extra={"auth": "api_key", "api_key": "k/1 +&", "api_key_query": "api key"})
    assert asked(server, login).path == "/api?api%20key=k%2F1%20%2B%26"
    assert asked(server, login, query={"limit": "1"}).path == "/api?limit=1&api%20key=k%2F1%20%2B%26"
    # the link to the next page often carries what it was asked with
    again = "/api?api%20key=k%2F1%20%2B%26&page=2"
    assert asked(server, login, again).path == "/api?page=2&api%20key=k%2F1%20%2B%26"
    server.then(lie.hang())
    with pytest.raises(Exception, match="no answer came in time") as caught:
        asked(server, login, again, deadline_s=0.2)
    assert "k%2F1" not in str(caught.value) and "page=2" in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"auth": "api_key"}, "api_key"),
        ({"auth": "api_key", "api_key": "a\r\nX-Evil: 1"}, "api_key"),
        ({"auth": "api_key", "api_key": "k", "api_key_header": "X Y"}, "api_key_header"),
        ({"auth": "bearer"}, "password"),
        ({"auth": "oauth2", "client_id": "c", "client_secret": CANARY}, "token_url"),
        ({"auth": "oauth2", "token_url": "https://t.example/token", "client_secret": CANARY}, "client_id"),
        ({"auth": "oauth2", "token_url": "https://t.example/token", "client_id": "c"}, "client_secret"),
        ({"auth": "mtls"}, "client_certificate"),
        ({"auth": "sigv4", "region": "us-east-1", "service": "execute-api"}, "login"),
        ({"auth": "ws_security"}, "auth"),
        ({"auth": "oauth"}, "auth"),
        ({"addresses": "all"}, "addresses"),
        ({"at_once": "many"}, "at_once"),
    ],
)
def test_what_is_missing_or_wrong_is_named_by_its_field(server, extra, field):
    with pytest.raises(Misconfigured) as caught:
        Rest(a_login(server, extra=extra), deadline_s=1)
    assert caught.value.field == field
    assert field in str(caught.value) or field == "password"
    assert CANARY not in str(caught.value)


def test_a_misspelt_kind_is_answered_with_the_one_that_was_meant(server):
    with pytest.raises(Misconfigured, match="did you mean 'oauth2'") as caught:
        Rest(a_login(server, extra={"auth": "oauth"}), deadline_s=1)
    assert all(kind in str(caught.value) for kind in KINDS)


# -- AWS Signature Version 4 ------------------------------------------------------------------------------

AWS = {
    "login": "AKIDEXAMPLE",
    "password": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "extra": {"auth": "sigv4", "region": "us-east-1", "service": "execute-api", "session_token": "ses-1"},
}


def signature_of(request: lie.Request, secret: str) -> str:
    """Computed by hand from the specification, over what arrived."""
    path, _, query = request.path.partition("?")
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    canonical = "\n".join(
        [
            request.method,
            path,
            "&".join(sorted(query.split("&"))) if query else "",
            *(f"{name}:{request.headers[name]}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = "20261121/us-east-1/execute-api/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", "20261121T120000Z", scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def test_a_request_is_signed_for_amazon_with_the_time_of_our_clock(server):
    wire = Rest(a_login(server, **AWS), deadline_s=5, clock=MovableClock(NOW))
    wire.call(
        "POST", "/vendor/orders", effect=True, query={"b": "2", "a": "x y"}, body=b'{"n": 1}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    wire.close()
    (request,) = server.requests
    assert request.headers["x-amz-date"] == "20261121T120000Z"
    assert request.headers["x-amz-security-token"] == "ses-1"
    assert "SignedHeaders=" in request.headers["authorization"]
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    said = request.headers["authorization"].rpartition("Signature=")[2]
    assert said == signature_of(lie_with_plain_query(request), AWS["password"])


def lie_with_plain_query(request: lie.Request) -> lie.Request:
    """Amazon reads a space in a query as %20, whichever way it was written."""
    return lie.Request(
        method=request.method,
        path=request.path.replace("+", "%20"),
        headers=request.headers,
        body=request.body,
    )


# -- a vendor's own way, and what may not leak --------------------------------------------------------------


def test_a_connector_brings_a_signer_of_its_own(server):
    seen = []

    def sign(method: str, url: str, body: bytes) -> dict[str, str]:
        seen.append((method, url, body))
        return {"Authorization": f"Vendor {len(body)}"}

    wire = Rest(a_login(server, login="us", password="pw"), deadline_s=5, signer=sign)
    wire.call("POST", "/x", effect=True, query={"a": "b"}, body=b"1234")
    wire.close()
    assert server.requests[0].headers["authorization"] == "Vendor 4"
    assert seen == [("POST", f"{server.url}/x?a=b", b"1234")]


def test_no_header_of_a_connector_takes_the_place_of_the_login(server):
    wire = Rest(a_login(server, password="tok"), deadline_s=5)
    wire.call("GET", "/", effect=False, headers={"authorization": "Bearer other"})
    wire.close()
    assert server.requests[0].headers["authorization"] == "Bearer tok"


def test_an_error_page_that_repeats_the_login_is_read_without_it(server):
    def echoes(request: lie.Request):
        said = f"cannot read {request.headers['authorization']} of {CANARY}"
        return 500 if request.path == "/bad" else 200, {}, said.encode()

    server.standing = lie.reply(echoes)
    wire = Rest(a_login(server, login="ann", password=CANARY), deadline_s=5)
    try:
        assert wire.call("GET", "/bad", effect=False).body == b"cannot read Basic *** of ***"
        # what came in good order is kept byte for byte
        assert CANARY.encode() in wire.call("GET", "/good", effect=False).body
    finally:
        wire.close()


def test_a_key_in_the_query_is_in_no_log_whatever_the_other_side_answers(server, caplog):
    """urllib3 warns of headers that it cannot read, with the whole address."""
    caplog.set_level(0)
    login = a_login(server, extra={"auth": "api_key", "api_key": CANARY, "api_key_query": "key"})
    odd = lie.head(200, {"Content-Length": "2"})[:-2] + b"this is no header\r\n\r\n{}"
    server.then(lie.raw(odd, stays=True), lie.raw(odd))
    wire = Rest(login, deadline_s=5)
    for _ in range(2):
        try:
            wire.call("GET", "/api", effect=False)
        except CrossdockError as error:
            assert CANARY not in str(error)
    wire.close()
    assert CANARY in server.requests[0].path
    assert CANARY not in caplog.text


@pytest.mark.parametrize("failing", ["tls", "reset", "half", "nobody"])
def test_a_key_in_the_query_is_in_no_traceback(server, tmp_path, failing):
    """What requests and urllib3 raise often holds the address, and a log shows every cause."""
    extra = {"auth": "api_key", "api_key": CANARY, "api_key_query": "key"}
    with lie.LyingServer(tls=Authority(tmp_path).server()) as strange:
        there = strange if failing == "tls" else server
        login = from_fields(
            "acme",
            {"host": "127.0.0.1", "port": 1 if failing == "nobody" else there.port, "extra": extra,
             "schema": "https" if failing == "tls" else "http"},
        )  # fmt: skip
        server.then(lie.reset_after_commit() if failing == "reset" else lie.half_body(b"{}" * 9))
        wire = Rest(login, deadline_s=5)
        with pytest.raises(CrossdockError) as caught:
            wire.call("GET", "/api", effect=False, query={"limit": "1"})
        wire.close()
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert caught.value.__cause__ is not None or failing == "nobody"


@pytest.mark.parametrize(
    ("status", "date", "said"),
    [
        (401, "Sat, 21 Nov 2026 11:45:00 GMT", "our clock is 15 minutes ahead of theirs"),
        (403, "Sat, 21 Nov 2026 12:20:00 GMT", "our clock is 20 minutes behind theirs"),
        (401, "Sat, 21 Nov 2026 12:01:00 GMT", None),
        (401, "yesterday", None),
        (401, None, None),
    ],
)
def test_two_clocks_that_differ_are_named_when_a_signature_is_refused(server, status, date, said):
    server.standing = lie.answer(status, headers={"Date": date} if date else {})
    *_, last = Rest(a_login(server, **AWS), deadline_s=5, clock=MovableClock(NOW)).check("/vendor/orders")
    assert (last.step, last.ok) == ("login", False)
    assert (said in last.sentence) if said else ("clock" not in last.sentence)
    assert last.field == "password" and last.remedy
