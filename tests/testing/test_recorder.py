"""What a system said is kept without its secrets, and is played to a connector for ever."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured
from crossdock.logins import from_fields
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie
from crossdock.testing.clock import MovableClock
from crossdock.testing.player import NotAsRecorded, Player
from crossdock.testing.recorder import Recorder
from crossdock.testing.recordings import Recording
from crossdock.wires.rest import Rest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CANARIES = (
    "password & canary", "cookie-canary-1", "csrf-canary-22", "access-canary-333", "page-canary-4444", "key/canary+5"
)  # fmt: skip


def record(number: int) -> dict[str, object]:
    return {"hold_id": f"H-{number}", "updated_at": f"2026-11-21T10:00:0{number}Z", "order": "4500"}


@pytest.fixture
def erp():
    """Two pages, the second behind a link with a token, and everything that an ERP gives away besides."""

    def page(request: lie.Request):
        headers = {
            "Set-Cookie": f"SESSION={CANARIES[1]}; Path=/; Max-Age=2592000, other={CANARIES[1]}x; Secure",
            "X-CSRF-Token": CANARIES[2],
            "Content-Type": "application/json",
            "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
        }
        first = "page_token" not in request.path
        said = {
            "records": [record(1)] if first else [record(2)],
            "debug": {"authorization_was": request.headers.get("authorization"), "access_token": CANARIES[3]},
        }
        if first:
            host = request.headers["host"]
            said["next"] = f"http://{host}/api/order-holds?page_token={CANARIES[4]}"
        return 200, headers, json.dumps(said).encode()

    with lie.LyingServer(lie.reply(page)) as server:
        yield server


@pytest.fixture
def login(erp):
    fields = {"host": "127.0.0.1", "port": erp.port, "schema": "http", "login": "us", "password": CANARIES[0]}
    return from_fields("crossdock_erp", fields)


def holds(login):
    registry = Registry()
    source = registry.source(registry.manifest("erp"), login, MovableClock(NOW))
    try:
        return [(one.key, one.body) for one in source.read(None)]
    finally:
        source.close()


@pytest.fixture
def recorded(login, tmp_path) -> Path:
    recorder = Recorder(login, clock=MovableClock(NOW))
    with recorder.on():
        assert len(holds(login)) == 2
    file = tmp_path / "recorded" / "two_pages.json"
    recorder.recording(about="two pages of one hold each", asked={"read": {"after": None}}).write(file)
    return file


def test_no_secret_is_in_the_file_in_any_form(recorded, login, erp):
    text = recorded.read_text()
    for canary in CANARIES:
        assert canary not in text and json.dumps(canary)[1:-1] not in text
    assert "canary" not in text
    assert re.findall(r"Basic (\S+?)[\"\\]", text) == ["recorded-2"] * 2, "what was repeated in a body"
    assert str(erp.port) not in text
    assert "2592000" in text, "what is said about a cookie is no secret"


def test_it_is_played_without_the_system_as_often_as_one_likes(recorded, erp, login):
    erp.stop()
    player = Player([Recording.read(recorded)])
    with player.serving(login) as there:
        first = holds(there)
        assert [key.partition(":")[0] for key, _body in first] == ["H-1", "H-2"]
        player.judge()
        assert holds(there) == first
        assert holds(there) == first
        player.judge()
    assert CANARIES[0] not in (there.password.reveal(), *(one.reveal() for one in there.secrets.values()))


def test_a_connector_that_asks_for_something_else_is_told_in_what(recorded):
    player = Player([Recording.read(recorded)])
    with player.serving() as there:
        wire = Rest(there, deadline_s=5)
        headers = {"Accept": "application/json"}
        for path in ("/api/order-holds?since=2000-01-01T00:00:00Z&limit=1", "/api/orders"):
            assert wire.call("GET", path, effect=False, headers=headers).status == 501
        wire.close()
    assert "the nearest differs in query" in player.unexpected[0]
    assert "path /api/order-holds" in player.unexpected[1]
    with pytest.raises(NotAsRecorded, match="record it again if that is meant"):
        player.judge()
    player.rewind()
    with pytest.raises(NotAsRecorded, match="not asked any more: GET /api/order-holds, GET"):
        player.judge()
    player.judge(every=False)


def test_a_header_that_means_something_is_compared(erp, login):
    recorder = Recorder(login)
    wire = Rest(login, deadline_s=5)
    with recorder.on():
        wire.call(
            "POST", "/orders/1", effect=True, body=b'{"a": 1, "b": [2]}',
            headers={"If-Match": '"v1"', "Content-Type": "application/json"},
        )  # fmt: skip
    wire.close()
    recording = recorder.recording(about="a change", asked={"deliver": {}})
    player = Player([recording])
    with player.serving() as there:
        wire = Rest(there, deadline_s=5)
        for version, body, status in (
            ('"v1"', b'{"b":[2],"a":1}', 200),
            ('"v2"', b'{"b":[2],"a":1}', 501),
            ('"v1"', b'{"b":[3],"a":1}', 501),
        ):
            headers = {"If-Match": version, "Content-Type": "application/json"}
            answer = wire.call("POST", "/orders/1", effect=True, body=body, headers=headers)
            assert answer.status == status
        wire.close()
    assert "header if-match" in player.unexpected[0] and "differs in body" in player.unexpected[1]


@pytest.mark.parametrize(
    "extra",
    [
        {"auth": "api_key", "api_key": CANARIES[5], "api_key_header": "Ocp-Apim-Subscription-Key"},
        {"auth": "api_key", "api_key": CANARIES[5], "api_key_query": "k"},
    ],
)
def test_a_key_leaves_no_trace_wherever_the_vendor_wants_it(erp, extra):
    login = from_fields("c", {"host": "127.0.0.1", "port": erp.port, "schema": "http", "extra": extra})
    recorder, wire = Recorder(login), Rest(login, deadline_s=5)
    with recorder.on():
        wire.call("GET", "/x", effect=False, query={"limit": "1"})
    wire.close()
    recording = recorder.recording(about="one", asked={})
    (one,) = recording.exchanges
    assert (list(one.request.query), dict(one.request.headers)) == ([("limit", "1")], {})
    player = Player([recording])
    with player.serving(login) as there:
        wire = Rest(there, deadline_s=5)
        assert wire.call("GET", "/x", effect=False, query={"limit": "1"}).status == 200
        wire.close()
    player.judge()


def test_what_a_system_escapes_lists_or_signs_leaves_no_trace_either(erp):
    """PHP writes a slash with a backslash; what is learnt there stands plainly in the next address."""
    canaries = ("canary/of+a-session", "canary-in-a-list", "canary-of-a-signature", "canary-of-an-api-key")
    said = {"access_token": canaries[0], "tokens": [canaries[1]], "apiKey": canaries[3]}
    page = json.dumps(said).replace("/", r"\/").encode()
    erp.standing = lie.reply(lambda _request: (200, {"X-Next": f"/p?t={canaries[0]}"}, page))
    login = from_fields("crossdock_erp", {"host": "127.0.0.1", "port": erp.port, "schema": "http"})
    recorder, wire = Recorder(login, clock=MovableClock(NOW)), Rest(login, deadline_s=5)
    with recorder.on():
        wire.call("GET", "/p", effect=False, query={"sig": canaries[2]})
        wire.call("GET", f"/p/{canaries[0].replace('/', '%2F')}/{canaries[1]}/{canaries[3]}", effect=False)
    wire.close()
    recording = recorder.recording(about="a session", asked={"check": {}})
    assert "canary" not in repr(recording)


def test_where_tokens_are_given_is_not_recorded(erp):
    token = json.dumps({"access_token": "token-canary", "expires_in": 60}).encode()
    with lie.LyingServer(lie.answer(200, token)) as tokens:
        extra = {
            "auth": "oauth2",
            "token_url": f"{tokens.url}/t",
            "client_id": "c",
            "client_secret": CANARIES[0],
        }
        login = from_fields("c", {"host": "127.0.0.1", "port": erp.port, "schema": "http", "extra": extra})
        recorder, wire = Recorder(login), Rest(login, deadline_s=5)
        with recorder.on():
            wire.call("GET", "/x", effect=False)
        wire.close()
        assert tokens.requests
    recording = recorder.recording(about="one", asked={})
    assert [one.request.path for one in recording.exchanges] == ["/x"]
    assert b"token-canary" not in recording.exchanges[0].answer.body


def test_bytes_that_are_no_text_are_kept_as_they_came(tmp_path):
    with lie.LyingServer(lie.answer(200, b"\xff\xfe\x00binary", media_type="application/pdf")) as server:
        login = from_fields("c", {"host": "127.0.0.1", "port": server.port, "schema": "http"})
        recorder, wire = Recorder(login), Rest(login, deadline_s=5)
        with recorder.on():
            wire.call("GET", "/label", effect=False)
        wire.call("GET", "/not-recorded", effect=False)
        wire.close()
    file = tmp_path / "label.json"
    recorder.recording(about="a label", asked={}).write(file)
    (one,) = Recording.read(file).exchanges
    assert one.answer.body == b"\xff\xfe\x00binary"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "crossdock/recorded/9"}', '{"format": 1}'])
def test_a_file_that_is_no_recording_is_named(tmp_path, text):
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=r"odd\.json: is no recording .*; record it again"):
        Recording.read(file)


def test_a_soap_service_is_recorded_and_played_although_its_login_and_time_stand_in_the_envelope(tmp_path):
    inside = b"<GetStatusUpdatesResponse xmlns='urn:crossdock:sandbox:carrier:1'><MoreAvailable>false</MoreAvailable>"
    envelope = (
        b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
        + inside
        + b"</GetStatusUpdatesResponse></s:Body></s:Envelope>"
    )
    fields = {"host": "127.0.0.1", "schema": "http", "login": "us", "password": CANARIES[0]}
    extra = {"auth": "ws_security", "ws_security_type": "digest"}
    registry = Registry()

    def read(login) -> int:
        source = registry.source(registry.manifest("carrier"), login, MovableClock(NOW))
        try:
            return len(list(source.read(None)))
        finally:
            source.close()

    with lie.LyingServer(lie.answer(200, envelope, media_type="text/xml")) as server:
        login = from_fields("c", {**fields, "port": server.port, "extra": extra})
        recorder = Recorder(login, clock=MovableClock(NOW))
        with recorder.on():
            assert read(login) == 0
    file = tmp_path / "nothing_new.json"
    recorder.recording(about="nothing new", asked={"read": {"after": None}}).write(file)
    assert "canary" not in file.read_text()
    player = Player([Recording.read(file)])
    with player.serving(login) as there:
        assert read(there) == 0
        assert read(there) == 0
    player.judge()
