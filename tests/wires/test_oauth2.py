"""Tokens: one for all, one request for it at a time, once more after a 401 and never twice, and shown nowhere."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from crossdock.errors import CrossdockError, Misconfigured, WireDown, WireQuiet
from crossdock.logins import from_fields
from crossdock.ports import Login
from crossdock.testing import lying_http as lie
from crossdock.wires import oauth2
from crossdock.wires.rest import Rest

SECRET = "s3cret & of the/client+canary"
TOKEN_CANARY = "token-canary-"


class TokenHost:
    """Gives numbered tokens, and says which of them an API takes."""

    def __init__(self) -> None:
        self.server = lie.LyingServer(lie.reply(self._give))
        self.given = 0
        self.life: object = 3600
        self.extra: dict[str, object] = {}

    def _give(self, request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        self.given += 1
        said = {"access_token": f"{TOKEN_CANARY}{self.given}", "token_type": "Bearer", **self.extra}
        if self.life is not None:
            said["expires_in"] = self.life
        return 200, {}, json.dumps(said).encode()

    @property
    def forms(self) -> list[dict[str, str]]:
        return [
            {name: values[0] for name, values in parse_qs(one.body.decode()).items()}
            for one in self.server.requests
        ]


@pytest.fixture
def host() -> Iterator[TokenHost]:
    tokens = TokenHost()
    with tokens.server:
        yield tokens


@pytest.fixture
def api() -> Iterator[lie.LyingServer]:
    with lie.LyingServer() as running:
        yield running


class Time:
    """The monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_login(api: lie.LyingServer, host: TokenHost, **extra: object) -> Login:
    fields: dict[str, Any] = {
        "auth": "oauth2",
        "token_url": f"{host.server.url}/oauth/token",
        "client_id": "crossdock",
        "client_secret": SECRET,
        **extra,
    }
    return from_fields("acme", {"host": "127.0.0.1", "port": api.port, "schema": "http", "extra": fields})


def opened(api: lie.LyingServer, host: TokenHost, *, monotonic: Any = None, **extra: object) -> Rest:
    more = {} if monotonic is None else {"monotonic": monotonic}
    return Rest(a_login(api, host, **extra), deadline_s=5, **more)


def accepts(host: TokenHost, *good: str) -> lie.Behaviour:
    """An API that takes these tokens alone."""

    def judge(request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        taken = request.headers.get("authorization", "").removeprefix("Bearer ") in good
        return (200 if taken else 401), {}, b"{}"

    return lie.reply(judge)


def get(wire: Rest) -> int:
    return wire.call("GET", "/orders", effect=False).status


def test_a_token_is_asked_for_once_and_shown_with_every_request(api, host):
    wire = opened(api, host, scope="orders.read notes.write", audience="https://api.acme.example")
    assert [get(wire) for _ in range(3)] == [200] * 3
    assert {one.headers["authorization"] for one in api.requests} == {f"Bearer {TOKEN_CANARY}1"}
    assert host.forms == [
        {
            "grant_type": "client_credentials",
            "scope": "orders.read notes.write",
            "audience": "https://api.acme.example",
        }
    ]
    (asked,) = host.server.requests
    assert (asked.method, asked.path) == ("POST", "/oauth/token")
    # RFC 6749, 2.3.1: each part is encoded as in a form before the two are joined
    assert asked.headers["authorization"] == (
        "Basic Y3Jvc3Nkb2NrOnMzY3JldCslMjYrb2YrdGhlJTJGY2xpZW50JTJCY2FuYXJ5"
    )


def test_the_secret_goes_into_the_form_where_the_system_wants_it_so(api, host):
    assert get(opened(api, host, client_auth="post")) == 200
    (form,) = host.forms
    assert (form["client_id"], form["client_secret"]) == ("crossdock", SECRET)
    assert "authorization" not in host.server.requests[0].headers


def test_a_refresh_token_of_the_connection_gets_a_token_for_a_header_of_the_vendors_own(api, host):
    wire = opened(api, host, refresh_token="rt-1", client_auth="post", token_header="x-amz-access-token")
    assert get(wire) == 200
    assert (host.forms[0]["grant_type"], host.forms[0]["refresh_token"]) == ("refresh_token", "rt-1")
    assert api.requests[0].headers["x-amz-access-token"] == f"{TOKEN_CANARY}1"
    assert "authorization" not in api.requests[0].headers


def test_a_refresh_token_that_changes_with_each_use_is_refused_at_the_first(api, host):
    host.extra = {"refresh_token": "rt-2"}
    with pytest.raises(Misconfigured, match="no connection can keep") as caught:
        get(opened(api, host, refresh_token="rt-1"))
    assert caught.value.field == "refresh_token" and "rt-2" not in str(caught.value)
    assert not api.requests


def test_all_connectors_of_a_connection_share_the_token_and_another_secret_gets_its_own(api, host):
    assert get(opened(api, host)) == get(opened(api, host)) == 200
    assert host.given == 1
    get(opened(api, host, client_secret="another secret"))
    get(opened(api, host, scope="other"))
    assert host.given == 3


@pytest.mark.parametrize(
    ("life", "still", "over"),
    [(3600, 3539, 3541), ("14399", 14338, 14340), (100, 89, 91), (None, 539, 541), ("soon", 539, 541),
     (-5, 539, 541), (10**12, 86339, 86341)],
)  # fmt: skip
def test_a_token_is_renewed_a_margin_before_its_end(api, host, life, still, over):
    host.life = life
    time = Time()
    wire = opened(api, host, monotonic=time)
    get(wire)
    time.now = 1000 + still
    get(wire)
    assert host.given == 1
    time.now = 1000 + over
    get(wire)
    assert host.given == 2


def test_a_token_that_ends_at_once_serves_the_call_that_asked_for_it(api, host):
    host.life = 0
    wire = opened(api, host)
    assert [get(wire), get(wire)] == [200, 200]
    assert host.given == 2


def test_a_401_renews_the_token_once_and_sends_again(api, host):
    time = Time()
    wire = opened(api, host, monotonic=time)
    get(wire)
    time.now += 60  # it was taken back before its time
    api.standing = accepts(host, f"{TOKEN_CANARY}2")
    answer = wire.call("POST", "/notes", effect=True, body=b'{"n": 1}')
    assert answer.status == 200
    first, second = api.requests[-2:]
    assert (first.body, first.path) == (second.body, second.path)
    assert second.headers["authorization"] == f"Bearer {TOKEN_CANARY}2"
    assert host.given == 2


def test_a_401_that_stays_is_answered_twice_and_no_more(api, host):
    api.standing = accepts(host)
    time = Time()
    wire = opened(api, host, monotonic=time)
    assert get(wire) == 401
    assert (len(api.requests), host.given) == (1, 1), "a token of this moment is not refused for its age"
    time.now += 60
    assert get(wire) == 401
    assert (len(api.requests), host.given) == (3, 2)


def test_a_system_that_refuses_everything_costs_no_token_for_every_call(api, host):
    api.standing = accepts(host)
    time = Time()
    wire = opened(api, host, monotonic=time)
    for _ in range(50):
        assert get(wire) == 401
        time.now += 1
    assert host.given <= 6


def test_what_went_quiet_after_the_second_sending_is_unknown_and_not_sent_a_third_time(api, host):
    time = Time()
    wire = opened(api, host, monotonic=time)
    get(wire)
    time.now += 60
    api.requests.clear()
    api.then(lie.answer(401, commit=False), lie.reset_after_commit())
    with pytest.raises(WireQuiet):
        wire.call("POST", "/notes", effect=True, body=b"{}")
    assert (len(api.requests), len([one for one in api.committed if one.method == "POST"])) == (2, 1)


def test_an_effect_whose_token_cannot_be_renewed_did_not_happen(api, host):
    time = Time()
    wire = opened(api, host, monotonic=time)
    get(wire)
    time.now += 60
    api.standing = accepts(host)
    host.server.standing = lie.answer(503)
    with pytest.raises(WireDown, match="answered 503"):
        wire.call("POST", "/notes", effect=True, body=b"{}")


# -- twenty threads -------------------------------------------------------------------------------------------


def test_twenty_threads_without_a_token_ask_for_one(api, host):
    together = threading.Barrier(20)

    def once_all_wait(request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        threading.Event().wait(0.5)
        return host._give(request)

    host.server.standing = lie.reply(once_all_wait)
    wires = [opened(api, host, at_once=20) for _ in range(20)]

    def one(wire: Rest) -> int:
        together.wait(10)
        return get(wire)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, wires)) == [200] * 20
    assert host.given == 1


def test_twenty_threads_whose_token_was_taken_back_renew_it_once(api, host):
    time = Time()
    wire = opened(api, host, monotonic=time, at_once=20)
    get(wire)
    time.now += 60
    together = threading.Barrier(20)
    api.standing = accepts(host, f"{TOKEN_CANARY}2")

    def one(_number: int) -> int:
        together.wait(10)
        return wire.call("GET", "/", effect=False).status

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, range(20))) == [200] * 20
    assert host.given == 2


def test_who_waits_for_a_token_that_does_not_come_is_told_why_and_asks_no_second_time(api, host):
    together = threading.Barrier(20)

    def fails(request: lie.Request) -> tuple[int, dict[str, str], bytes]:
        threading.Event().wait(1.0)
        return 500, {}, f"stack trace with {request.headers['authorization']}".encode()

    host.server.standing = lie.reply(fails)
    wires = [opened(api, host, at_once=20) for _ in range(20)]

    def one(wire: Rest) -> str:
        together.wait(10)
        with pytest.raises(WireDown) as caught:
            get(wire)
        return str(caught.value)

    with ThreadPoolExecutor(20) as pool:
        said = set(pool.map(one, wires))
    assert len(said) == 1 and "it answered 500" in said.pop()
    assert len(host.server.requests) == 1
    assert not api.requests


# -- a token endpoint that is broken, or hostile ---------------------------------------------------------------

ECHO = json.dumps({"error": "invalid_client", "error_description": f"bad {SECRET} {TOKEN_CANARY}9"}).encode()


@pytest.mark.parametrize(
    ("behaviour", "kind", "said"),
    [
        (lie.answer(400, ECHO), Misconfigured, r"refused \(400, invalid_client\); correct client_id"),
        (lie.answer(401, b"no"), Misconfigured, r"refused \(401\)"),
        (lie.answer(404, b"no"), Misconfigured, "correct token_url"),
        (lie.answer(500, ECHO[:40]), WireDown, "it answered 500"),
        (lie.answer(429, b"", headers={"Retry-After": "5"}), WireDown, "it answered 429"),
        (lie.answer(200, f"<html>{TOKEN_CANARY}9</html>".encode()), WireDown, "without a token"),
        (lie.answer(200, b'{"access_token": 7}'), WireDown, "without a token"),
        (lie.answer(200, b'{"access_token": "a\\r\\nX-Evil: 1"}'), WireDown, "without a token"),
        (lie.answer(200, b'["access_token"]'), WireDown, "without a token"),
        (lie.answer(200, b'{"access_token": "t", "token_type": "mac"}'), Misconfigured, "no bearer token"),
        (lie.answer(200, b'{"access_token": "' + b"t" * 20_000 + b'"}'), Misconfigured, "no bearer token"),
        (lie.answer(200, b'{"access_token": "' + b"t" * 70_000 + b'"}'), WireDown, "too large"),
        (lie.gzip_bomb(50_000_000), WireDown, "too large"),
        (lie.half_body(ECHO), WireDown, "the connection failed"),
        (lie.raw(b"rubbish\r\n\r\n"), WireDown, "the connection failed"),
        (lie.hang(), WireDown, "no answer came in time"),
        (
            lie.drip(lie.head(200, {"Content-Length": "1000"}) + b" " * 1000, every_s=0.02),
            WireDown,
            "in time",
        ),
    ],
)
def test_a_token_endpoint_that_is_broken_is_said_so_and_nothing_leaks(api, host, behaviour, kind, said):
    host.server.standing = behaviour
    wire = opened(api, host)
    with pytest.raises(kind, match=said) as caught:
        wire.call("POST", "/notes", effect=True, body=b"{}", deadline_s=0.5)
    assert not api.requests, "nothing was sent"
    told = chain(caught.value)
    assert SECRET not in told and TOKEN_CANARY not in told and "Basic" not in told


def chain(error: BaseException | None) -> str:
    """Every exception that a traceback would show, and what each holds."""
    told = []
    while error is not None:
        told.append(f"{error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return " ".join(told)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_secret_does_not_follow_a_redirect_of_the_token_endpoint(api, host, status):
    with lie.LyingServer() as thief:
        host.server.standing = lie.redirect(f"{thief.url}/oauth/token", status)
        with pytest.raises(Misconfigured, match="points elsewhere") as caught:
            get(opened(api, host))
        assert caught.value.field == "token_url"
        assert thief.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://tokens.acme.example/token",
        "ftp://tokens.acme.example/token",
        "https://user:pw@tokens.acme.example/token",
        "https://169.254.169.254/latest/meta-data",
        "https://tokens.acme.example/token#x",
        "tokens.acme.example/token",
        "https://2130706433/token",
    ],
)
def test_a_token_url_that_would_give_the_secret_away_is_refused(url):
    fields = {"auth": "oauth2", "token_url": url, "client_id": "c", "client_secret": SECRET}
    with pytest.raises(Misconfigured) as caught:
        Rest(from_fields("acme", {"host": "api.acme.example", "extra": fields}), deadline_s=1)
    assert caught.value.field == "token_url"
    assert SECRET not in str(caught.value)


def test_an_error_page_that_repeats_the_token_is_read_without_it(api, host):
    api.standing = lie.reply(lambda request: (500, {}, f"bad {request.headers['authorization']}".encode()))
    assert opened(api, host).call("GET", "/", effect=False).body == b"bad Bearer ***"


def test_the_total_deadline_covers_the_token(api, host):
    host.server.standing = lie.hang()
    wire = Rest(a_login(api, host), deadline_s=0.3)
    with pytest.raises(CrossdockError) as caught:
        get(wire)
    assert "no answer came in time" in str(caught.value)


def test_a_child_process_begins_without_tokens_and_without_locks_of_its_parent():
    tokens = oauth2.Tokens()
    tokens._lock.acquire()
    tokens.forget()  # what os.register_at_fork calls
    token = oauth2.Token(text=oauth2.Secret("t"), got_at=0.0, ends_at=9.0)
    assert tokens.token("k", lambda: token, monotonic=lambda: 0.0, within_s=1) is token


def test_a_fetch_that_is_ended_from_outside_leaves_nobody_waiting():
    tokens = oauth2.Tokens()

    def ended() -> oauth2.Token:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokens.token("k", ended, monotonic=lambda: 0.0, within_s=1)
    token = oauth2.Token(text=oauth2.Secret("t"), got_at=0.0, ends_at=9.0)
    assert tokens.token("k", lambda: token, monotonic=lambda: 0.0, within_s=1) is token
    for number in range(2 * oauth2.Tokens.MOST):
        tokens.token(str(number), lambda: token, monotonic=lambda: 0.0, within_s=1)
    assert len(tokens._slots) == oauth2.Tokens.MOST


# -- the check ------------------------------------------------------------------------------------------------


def test_the_check_names_the_field_of_a_login_that_gets_no_token(api, host):
    host.server.standing = lie.answer(400, b'{"error": "invalid_scope"}')
    *before, last = opened(api, host, scope="everything").check("/orders")
    assert [step.step for step in before] == ["resolve", "connect"]
    assert (last.step, last.ok, last.field) == ("login", False, "scope")
    assert "invalid_scope" in last.sentence and last.remedy
    host.server.standing = lie.answer(502)
    *_, last = opened(api, host).check("/orders")
    assert (last.step, last.field) == ("login", "token_url")


def test_the_check_of_a_good_login_comes_through(api, host):
    assert [step.step for step in opened(api, host).check("/orders") if step.ok] == [
        "resolve", "connect", "login", "permission",
    ]  # fmt: skip
