"""The REST wire against servers that lie: what is known of an effect is never more than what is true."""

import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
import responses as fake_responses

from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import Login, Secret
from crossdock.testing import lying_http as lie
from crossdock.wires import rest
from crossdock.wires.rest import Rest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_login(port: int, **fields: object) -> Login:
    values = {"connection_id": "c", "scheme": "http", "host": "127.0.0.1", "port": port, **fields}
    return Login(**values)  # type: ignore[arg-type]


@pytest.fixture
def server():
    with lie.LyingServer() as running:
        yield running


@pytest.fixture
def wire(server):
    wire = Rest(a_login(server.port, password=Secret("tok")), deadline_s=2.0, connect_s=1.0)
    yield wire
    wire.close()


def post(wire: Rest, **options):
    return wire.call("POST", "/notes", effect=True, body=b"{}", **options)


def test_an_honest_answer_comes_whole(server, wire):
    server.then(lie.answer(201, b'{"id":"N-1"}', headers={"X-Other": "1"}))
    answer = post(wire, headers={"Idempotency-Key": "k-1"})
    assert (answer.status, answer.media_type, answer.body) == (201, "application/json", b'{"id":"N-1"}')
    assert answer.headers["x-other"] == "1"
    request = server.requests[0]
    assert request.headers["authorization"] == "Bearer tok"
    assert request.headers["idempotency-key"] == "k-1"
    assert request.body == b"{}"


def test_a_connection_is_kept(server, wire):
    for _ in range(5):
        post(wire)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("behaviour", "effects"),
    [
        (lie.reset_before_read(), 0),
        (lie.reset_after_commit(), 1),
        (lie.close_after_commit(), 1),
        (lie.half_body(b'{"id":"N-1"}'), 1),
        (lie.raw(b"this is not HTTP\r\n\r\n"), 0),
        (lie.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 0),
        (lie.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello"), 0),
        (lie.raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), 0),
        (lie.raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n"), 0),
        (lie.raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 70000 + b"\r\n\r\n"), 0),
    ],
)
def test_silence_after_an_effect_left_is_quiet_and_nothing_is_sent_twice(server, wire, behaviour, effects):
    server.then(behaviour)
    with pytest.raises(WireQuiet, match="whether it took effect is unknown"):
        post(wire)
    assert len(server.committed) == effects
    assert len(server.requests) <= 1


@pytest.mark.parametrize("behaviour", [lie.reset_after_commit(), lie.half_body(b"[1,2,3,4]")])
def test_a_read_that_fails_is_down_and_may_be_read_again(server, wire, behaviour):
    server.then(behaviour)
    with pytest.raises(WireDown):
        wire.call("GET", "/holds", effect=False)


def test_nothing_was_sent_when_nobody_listens(wire, server):
    server.stop()
    with pytest.raises(WireDown, match="nothing was sent"):
        post(wire)


def test_nothing_was_sent_when_the_name_is_unknown():
    wire = Rest(a_login(80, host="no-such-host.invalid"), deadline_s=5.0)
    with pytest.raises(WireDown, match=r"no-such-host\.invalid"):
        post(wire)


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(server, wire):
    server.then(lie.raw(lie.head(200, {"Content-Length": "2"}) + b"{}", stays=False))
    post(wire)
    closed = threading.Event()
    for _ in range(200):  # until the FIN of the server has arrived
        if not wire._door.adapter._one_pool.pool.queue[-1].is_connected:
            break
        closed.wait(0.01)
    assert post(wire).status == 200
    assert server.connections == 2


def test_a_kept_connection_that_is_reset_as_we_send_is_quiet(server, wire):
    server.then(lie.answer(200, b"{}"), lie.reset_after_commit())
    post(wire)
    with pytest.raises(WireQuiet):
        post(wire)
    assert len(server.committed) == 2


DRIPS = {
    "body": lie.head(200, {"Content-Length": "1000"}) + b"x" * 1000,
    "head": lie.head(200, {"X-Long": "y" * 1000}),
    "chunks": lie.head(200, {"Transfer-Encoding": "chunked"}) + b"1\r\nx\r\n" * 300,
}


@pytest.mark.parametrize("data", DRIPS.values(), ids=DRIPS)
def test_a_server_that_drips_does_not_hold_us_past_the_deadline(server, wire, data):
    server.then(lie.drip(data, every_s=0.02))
    began = time.monotonic()
    with pytest.raises(WireQuiet, match="no answer came in time"):
        post(wire, deadline_s=0.4)
    assert 0.35 < time.monotonic() - began < 1.5


def test_a_server_that_hangs_does_not_hold_us_past_the_deadline(server, wire):
    server.then(lie.hang())
    began = time.monotonic()
    with pytest.raises(WireQuiet, match="no answer came in time"):
        post(wire, deadline_s=0.3)
    assert time.monotonic() - began < 1.5
    assert len(server.committed) == 1


def test_a_server_that_does_not_read_does_not_hold_us_past_the_deadline(server, wire):
    def never_reads(running, sock, request):
        running.stopping.wait()
        return False

    never_reads.before_reading = True
    server.then(never_reads)
    began = time.monotonic()
    with pytest.raises(WireQuiet):
        wire.call("POST", "/notes", effect=True, body=bytes(30_000_000), deadline_s=0.4)
    assert time.monotonic() - began < 2.0


def test_a_gzip_bomb_is_not_unpacked(server, wire):
    server.then(lie.gzip_bomb(200 * 1024 * 1024), lie.gzip_bomb(200 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="more than 100 times what came"):
            wire.call("GET", "/holds", effect=False, deadline_s=20.0)
        with pytest.raises(WireQuiet, match="more than 100 times what came"):
            post(wire, deadline_s=20.0)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_an_answer_that_is_too_long_is_not_read_on_although_nothing_of_it_is_packed(server):
    server.then(lie.answer(200, bytes(300_000)))
    wire = Rest(a_login(server.port, password=Secret("tok")), deadline_s=5.0, most_body=100_000)
    try:
        with pytest.raises(Refused, match="longer than 100000 bytes"):
            wire.call("GET", "/holds", effect=False)
    finally:
        wire.close()


def test_gzip_is_read(server, wire):
    server.then(lie.gzip_bomb(1000))
    assert wire.call("GET", "/", effect=False).body == bytes(1000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_no_header_leaks(server, wire, status):
    with lie.LyingServer() as other:
        server.then(lie.redirect(f"{other.url}/x", status))
        assert wire.call("GET", "/", effect=False, headers={"X-Api-Key": "s"}).status == status
        assert other.connections == 0


def test_the_environment_changes_nothing(server, wire, monkeypatch):
    with lie.LyingServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert post(wire).status == 200
        assert proxy.connections == 0


def test_a_cookie_is_not_kept(server, wire):
    server.then(lie.answer(200, b"{}", headers={"Set-Cookie": "a=b"}))
    post(wire)
    post(wire)
    assert "cookie" not in server.requests[1].headers


def test_user_and_password_are_http_basic(server):
    wire = Rest(a_login(server.port, user="ann", password=Secret("pw")), deadline_s=2)
    wire.call("GET", "/", effect=False)
    assert server.requests[0].headers["authorization"] == "Basic YW5uOnB3"
    assert "pw" not in repr(wire)


def test_a_header_cannot_be_smuggled_in(wire, server):
    with pytest.raises(Misconfigured):
        post(wire, headers={"Idempotency-Key": "a\r\nX-Evil: 1"})
    with pytest.raises(Misconfigured):
        wire.call("GET", "/a b\r\nX-Evil: 1", effect=False)
    assert not server.requests


@pytest.mark.parametrize("login", [a_login(1, host="a b"), a_login(1, host=""), a_login(1, scheme="ftp")])
def test_a_wrong_address_is_misconfigured(login):
    with pytest.raises(Misconfigured):
        Rest(login, deadline_s=1)


def test_a_token_that_no_header_may_hold_is_misconfigured_and_not_shown():
    with pytest.raises(Misconfigured) as caught:
        Rest(a_login(1, password=Secret("bad\r\ntoken")), deadline_s=1)
    assert "bad" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("-5", 1),
        ("1000000000", 86400),
        ("9" * 300, 86400),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2020 12:01:00 GMT", 1),
        ("Sat, 21 Nov 9999 12:01:00 GMT", 86400),
        ("soon", None),
        ("", None),
        ("1.5", None),
        (None, None),
    ],
)
def test_retry_after_in_all_its_forms(text, seconds):
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert rest.retry_after(text, NOW) == expected


class Dice:
    def random(self) -> float:
        return 1.0


def test_a_read_is_tried_again_within_seconds_and_then_given_up(server, wire):
    waits: list[float] = []
    server.then(lie.reset_before_read(), lie.half_body(b"[1]"))
    answer = rest.retry_reads(
        lambda: wire.call("GET", "/", effect=False), dice=Dice(), sleep=waits.append, attempts=3
    )
    assert answer.status == 200
    assert waits == [0.5, 1.0]

    server.then(*[lie.reset_before_read()] * 3)
    with pytest.raises(WireDown):
        rest.retry_reads(lambda: wire.call("GET", "/", effect=False), dice=Dice(), sleep=waits.append)
    assert waits == [0.5, 1.0, 0.5, 1.0]


def test_what_left_is_never_tried_again(server, wire):
    server.then(lie.reset_after_commit())
    with pytest.raises(WireQuiet):
        rest.retry_reads(lambda: post(wire), dice=Dice(), sleep=lambda _s: pytest.fail("it waited"))
    assert len(server.committed) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Misconfigured), (403, Misconfigured), (302, Misconfigured), (404, Refused), (429, Refused)],
)
def test_what_a_status_means_for_a_read(status, kind):
    answer = rest.Answer(status=status, headers={"retry-after": "7"}, body=b"x" * 5000)
    error = rest.refused(answer, what="GET /", now=NOW)
    assert type(error) is kind
    if isinstance(error, Refused):
        assert (error.status, error.retry_after, len(error.body)) == (str(status), timedelta(seconds=7), 2048)


def test_paths_are_quoted_part_by_part():
    assert rest.quoted("api", "4500/../1", "a b?c#d") == "/api/4500%2F..%2F1/a%20b%3Fc%23d"
    for part in ("", ".", ".."):
        with pytest.raises(Misconfigured):
            rest.quoted("api", part)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/api/x?cursor=2", "/api/x?cursor=2"),
        ("http://127.0.0.1:8080/api", "/api"),
        ("http://127.0.0.1:8081/api", None),
        ("https://127.0.0.1:8080/api", None),
        ("//evil.example/api", None),
        ("http://127.0.0.1:8080@evil.example/", None),
        ("/api\r\nX: 1", None),
        ("/\\evil.example", None),
        ("api", None),
        ("http://[bad/", None),
    ],
)
def test_a_link_of_the_other_side_stays_at_its_host(link, path):
    assert rest.same_host("http://127.0.0.1:8080", link) == path


@pytest.mark.parametrize(
    ("base", "link", "stays"),
    [
        ("https://erp.example", "https://erp.example:443/api?$skiptoken=9", True),
        ("https://erp.example:443", "https://erp.example/api?$skiptoken=9", True),
        ("https://erp.example", "HTTPS://ERP.example/api?$skiptoken=9", True),
        ("https://erp.example", "http://erp.example:443/api?$skiptoken=9", False),
        ("https://erp.example", "https://erp.example:80/api?$skiptoken=9", False),
        ("https://erp.example", "https://erp.example:99999/api?$skiptoken=9", False),
        ("https://erp.example", "https://erp.example@evil.example/api?$skiptoken=9", False),
        ("https://erp.example", "https://erp.example.evil.example/api?$skiptoken=9", False),
    ],
)
def test_a_link_may_write_out_the_port_that_goes_without_saying(base, link, stays):
    assert (rest.same_host(base, link) == "/api?$skiptoken=9") is stays


@fake_responses.activate
def test_it_is_still_requests_that_sends():
    fake_responses.post("https://erp.example/notes", json={"ok": True}, status=201)
    wire = Rest(Login(connection_id="c", host="erp.example"), deadline_s=2)
    assert post(wire).status == 201
    assert len(fake_responses.calls) == 1


@pytest.mark.parametrize(
    ("status", "failing"), [(200, None), (401, "login"), (403, "permission"), (500, "permission")]
)
def test_the_check_says_which_step_fails(server, wire, status, failing):
    server.then(lie.answer(status))
    steps = list(wire.check("/api"))
    bad = [step for step in steps if not step.ok]
    assert [step.step for step in bad] == ([failing] if failing else [])
    assert all(step.remedy for step in bad)


def test_the_check_says_when_nobody_listens(server, wire):
    server.stop()
    steps = list(wire.check("/api"))
    assert [(step.step, step.ok, step.field) for step in steps] == [
        ("resolve", True, ""),
        ("connect", False, "host"),
    ]


# -- duplicates and versions ----------------------------------------------------------------------------------

NETSUITE = (
    b'{"type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1", "title": "Bad Request", "status": 400,'
    b' "o:errorDetails": [{"detail": "A record with this external ID already exists. Duplicate request.",'
    b' "o:errorCode": "USER_ERROR"}]}'
)


@pytest.mark.parametrize(
    ("status", "body", "location", "first"),
    [
        (
            400,
            NETSUITE,
            "/services/rest/record/v1/purchaseOrder/4711",
            "/services/rest/record/v1/purchaseOrder/4711",
        ),
        (409, b"already processed", "/orders/7?x=1", "/orders/7?x=1"),
        (422, b"duplicate key", "/orders/7", "/orders/7"),
        (400, NETSUITE, None, None),  # the word alone
        (400, b"the quantity is missing", "/orders/7", None),  # the place alone
        (409, b"this key was already used with a different body", "/orders/7", None),
        (400, NETSUITE, "https://elsewhere.example/orders/7", None),
        (400, NETSUITE, "//elsewhere.example/orders/7", None),
        (500, NETSUITE, "/orders/7", None),
        (200, NETSUITE, "/orders/7", None),
    ],
)
def test_a_refused_duplicate_is_one_when_the_answer_says_so_and_where(
    server, wire, status, body, location, first
):
    headers = {} if location is None else {"Location": location}
    server.then(lie.answer(status, body, headers=headers))
    assert rest.duplicate_at(post(wire), wire.base) == first


@pytest.mark.parametrize(
    ("tag", "version"), [('"v7"', '"v7"'), ('W/"v7"', ""), ("v7", ""), ('""', '""'), ('"a b"', ""), ("", "")]
)
def test_the_version_for_a_condition_is_a_strong_one(server, wire, tag, version):
    server.then(lie.answer(200, headers={"ETag": tag} if tag else {}))
    assert rest.version_of(post(wire)) == version
    assert rest.if_match(version) == ({"If-Match": version} if version else {})


def test_a_blank_in_a_query_is_no_plus_and_odata_stays_readable():
    assert rest.written({"$filter": "A gt '1' or (B eq 2)", "q": "a+b&c"}) == (
        "$filter=A%20gt%20'1'%20or%20(B%20eq%202)&q=a%2Bb%26c"
    )


def test_a_header_that_comes_twice_is_joined(server, wire):
    server.then(lie.answer(200, b"{}", headers={"Set-Cookie": "a=1", "set-cookie": "b=2"}))
    assert wire.call("GET", "/", effect=False).headers["set-cookie"] == "a=1, b=2"
