"""The poll of order holds: nothing lost at the edges of a moment, nothing twice, bytes as they were sent."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from crossdock.errors import Misconfigured, Refused, WireDown
from crossdock.kit.rest_poll import RestPoll
from crossdock.messages import Verdict
from crossdock.ports import Checkable, Login, Secret
from crossdock.testing import lying_http as lie

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"


class Dice:
    def random(self) -> float:
        return 0.0


def record(number: int, at: str, **more: object) -> dict:
    return {"hold_id": f"H-{number}", "updated_at": f"2026-11-21T{at}Z", "state": "held", **more}


class Erp:
    """Order holds by the contract, small pages."""

    def __init__(self) -> None:
        self.records: list[dict] = []
        self.asked: list[dict[str, str]] = []

    def __call__(self, request):
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(query)
        held = sorted(self.records, key=lambda one: (one["updated_at"], one["hold_id"]))
        held = [one for one in held if one["updated_at"] >= query["since"]]
        begin, size = int(query.get("cursor", "0")), int(query["limit"])
        page, rest = held[begin : begin + size], held[begin + size :]
        link = f"/api/order-holds?since={query['since']}&limit={size}&cursor={begin + size}" if rest else None
        return 200, {}, json.dumps({"records": page, "next": link}).encode()


@pytest.fixture
def erp():
    return Erp()


@pytest.fixture
def server(erp):
    with lie.LyingServer(lie.reply(erp)) as running:
        yield running


@pytest.fixture
def open_source(server, clock, manifest_of):
    opened = []

    def open_it(**changed):
        manifest = manifest_of("erp", **changed)
        login = Login(
            connection_id="c", scheme="http", host="127.0.0.1", port=server.port, password=Secret("t")
        )
        source = RestPoll(manifest, login, clock, dice=Dice(), sleep=lambda _s: None)
        opened.append(source)
        return source

    yield open_it
    for source in opened:
        source.close()


def names(messages) -> list[str]:
    return [message.name for message in messages]


def test_each_record_comes_once_and_the_next_poll_begins_before_the_last_moment(erp, clock, open_source):
    erp.records = [record(number, f"11:00:0{number}") for number in range(5)]
    source = open_source(size="2")
    messages = list(source.read(None))
    assert names(messages) == ["H-0", "H-1", "H-2", "H-3", "H-4"]
    assert len({message.key for message in messages}) == 5
    erp.asked.clear()
    assert list(source.read(messages[-1].position)) == []
    assert erp.asked[0]["since"] == "2026-11-21T10:55:04Z"


def test_records_that_share_a_moment_are_not_lost_at_a_page_or_a_stop(erp, open_source):
    erp.records = [record(number, "11:00:00") for number in range(7)]
    source = open_source(size="3")
    reader = source.read(None)
    first = [next(reader) for _ in range(4)]
    reader.close()
    second = list(source.read(first[-1].position))
    assert names(first) + names(second) == [f"H-{number}" for number in range(7)]


def test_a_record_that_is_committed_late_behind_the_mark_is_found(erp, open_source):
    erp.records = [record(1, "11:00:00"), record(3, "11:10:00")]
    source = open_source()
    position = list(source.read(None))[-1].position
    erp.records.append(record(2, "11:08:00"))
    assert names(source.read(position)) == ["H-2"]


def test_a_record_that_changed_comes_again_under_another_key(erp, open_source):
    erp.records = [record(1, "11:00:00")]
    source = open_source()
    (first,) = source.read(None)
    erp.records = [record(1, "11:05:00") | {"state": "released"}]
    (second,) = source.read(first.position)
    assert first.name == second.name == "H-1"
    assert first.key != second.key


def test_what_was_seen_is_forgotten_once_it_is_behind_the_window(erp, open_source):
    erp.records = [record(number, f"11:{number:02}:00") for number in range(60)]
    messages = list(open_source().read(None))
    assert len(json.loads(messages[-1].position)["seen"]) == 6


def test_a_moment_in_the_future_does_not_move_the_mark(erp, open_source):
    erp.records = [record(1, "11:00:00"), {**record(2, "11:00:00"), "updated_at": "2027-01-01T00:00:00Z"}]
    source = open_source()
    messages = list(source.read(None))
    assert len(messages) == 2
    erp.records.append(record(3, "11:30:00"))
    assert names(source.read(messages[-1].position)) == ["H-3"]


@pytest.mark.parametrize(
    "position", ["", "x", "[]", "{}", '{"mark":"soon","seen":{}}', '{"mark":1,"seen":[]}']
)
def test_a_position_that_cannot_be_read_is_the_beginning(erp, open_source, position):
    erp.records = [record(1, "11:00:00")]
    assert names(open_source().read(position)) == ["H-1"]
    assert erp.asked[0]["since"].startswith("1999-12-31T23:55:00")


def test_a_record_is_the_bytes_that_were_sent(server, open_source):
    one = b'{ "hold_id" : "H-1",\n "updated_at":"2026-11-21T11:00:00Z","amount": 1.10e1, "t":"\\u00e9 ]},{[\\"" }'
    two = b'{"hold_id":"H-2","updated_at":"2026-11-21T11:00:01Z"}'
    server.then(lie.answer(200, b' { "records" : [ ' + one + b" ,\n" + two + b'], "next" : null }\n'))
    assert [message.body for message in open_source().read(None)] == [one, two]


def test_one_bad_record_does_not_stop_those_beside_it(server, open_source):
    bad = [b'{"hold_id":"H-1","hold_id":"H-2"}', b'{"amount":NaN}', b"7", b'{"updated_at":tru}', b'"\\ud800"']
    good = b'{"hold_id":"H-9","updated_at":"2026-11-21T11:00:00Z"}'
    server.then(lie.answer(200, b'{"records":[' + b",".join([*bad, good]) + b'],"next":null}'))
    messages = list(open_source().read(None))
    assert [message.body for message in messages] == [*bad, good]
    assert json.loads(messages[-1].position)["mark"] == "2026-11-21T11:00:00Z"


@pytest.mark.parametrize(
    "page",
    [b"", b"[]", b'{"records":[{"a":1}', b'{"records":{}}', b'{"records":[,]}', b'{"next":null}', b"\xff"],
)
def test_a_page_that_cannot_be_split_is_kept_whole_and_the_position_stays(server, open_source, page):
    server.then(lie.answer(200, page))
    (message,) = open_source().read(None)
    assert (message.body, message.position) == (page, None)
    assert message.key.startswith("page:")


def test_a_login_that_is_not_accepted_is_misconfigured(server, open_source):
    server.then(lie.answer(401))
    with pytest.raises(Misconfigured, match="login"):
        list(open_source().read(None))


def test_when_the_erp_asks_us_to_wait_we_do_not_sleep(server, open_source):
    server.then(lie.answer(429, headers={"Retry-After": "120"}))
    with pytest.raises(Refused) as caught:
        list(open_source().read(None))
    assert caught.value.retry_after.total_seconds() == 120


def test_a_maintenance_page_is_refused(server, open_source):
    server.then(lie.html_200())
    with pytest.raises(Refused, match="text/html"):
        list(open_source().read(None))


def test_a_read_that_broke_is_tried_again_within_the_run(server, erp, open_source):
    erp.records = [record(1, "11:00:00")]
    server.then(lie.reset_before_read(), lie.half_body(b'{"records":[]}'))
    assert names(open_source().read(None)) == ["H-1"]
    server.then(*[lie.reset_before_read()] * 3)
    with pytest.raises(WireDown):
        list(open_source().read(None))


def test_pages_that_go_in_a_circle_are_left(server, open_source):
    page = json.dumps({"records": [record(1, "11:00:00")], "next": "/api/order-holds?cursor=1"}).encode()
    server.standing = lie.answer(200, page)
    came = []
    with pytest.raises(Refused, match="circle"):
        for message in open_source().read(None):
            came.append(message.name)
    assert came == ["H-1"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "link", ["http://evil.example/x", "//evil.example/x", "https://127.0.0.1/x", "x", "/a b"]
)
def test_a_link_that_leaves_the_system_is_not_followed(server, open_source, link):
    server.then(lie.answer(200, json.dumps({"records": [], "next": link}).encode()))
    with pytest.raises(Refused, match="leaves the system"):
        list(open_source().read(None))
    assert len(server.requests) == 1


def test_a_run_ends_after_its_pages_and_the_next_one_goes_on(erp, open_source):
    erp.records = [record(number, f"11:{number:02}:00") for number in range(10)]
    source = open_source(size="2", most_pages="2", overlap_s="0")
    first = list(source.read(None))
    assert names(first) == ["H-0", "H-1", "H-2", "H-3"]
    assert names(source.read(first[-1].position)) == ["H-4", "H-5", "H-6"]


def test_a_window_that_is_larger_than_a_run_is_said(erp, open_source):
    erp.records = [record(number, "11:00:00") for number in range(10)]
    source = open_source(size="2", most_pages="2")
    position = list(source.read(None))[-1].position
    with pytest.raises(Refused, match="raise size or most_pages"):
        list(source.read(position))


def test_settle_tells_the_erp_nothing(erp, server, open_source):
    erp.records = [record(1, "11:00:00")]
    source = open_source()
    (message,) = source.read(None)
    asked = len(server.requests)
    source.settle(message, Verdict.STORED)
    assert len(server.requests) == asked


def test_the_check_reads_a_sample(erp, server, open_source):
    erp.records = [record(1, "11:00:00")]
    source = open_source()
    assert isinstance(source, Checkable)
    steps = list(source.check())
    assert [step.step for step in steps] == ["resolve", "connect", "login", "permission", "sample"]
    assert all(step.ok for step in steps)
    server.then(lie.answer(200, b"{}"), lie.answer(200, b"{}"))
    *_, last = source.check()
    assert (last.step, last.ok) == ("sample", False)


def test_the_sample_is_read(server, open_source):
    page = (CONNECTORS / "erp" / "samples" / "order-holds.json").read_bytes()
    pushed = json.loads((CONNECTORS / "erp_push" / "samples" / "order-hold.json").read_bytes())
    server.then(lie.answer(200, page))
    messages = list(open_source().read(None))
    assert names(messages) == ["H-1001", "H-1002"]
    assert all(message.body in page for message in messages)
    assert set(pushed) == set(json.loads(messages[0].body))
