"""The poll of carrier status: nothing lost at the edges, nothing twice, late updates found."""

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from connectors.carrier import source as module
from crossdock.errors import Misconfigured, Refused, WireDown
from crossdock.formats import safe_xml
from crossdock.kit.soap_poll import SoapPoll
from crossdock.messages import Verdict
from crossdock.ports import Checkable, Login, Secret
from crossdock.testing import lying_http as lie

NAMESPACE = module.NAMESPACE


class Dice:
    def random(self) -> float:
        return 0.0


def update(number: int, at: str = "11:00:00", **more: str) -> dict[str, str]:
    return {
        "EventId": f"E-{number:03}",
        "ProNumber": "PRO-1",
        "ShipmentId": "S-1",
        "Scac": "RRFL",
        "StatusCode": "SD",
        "OccurredAt": f"2026-11-21T{at}Z",
        **more,
    }


def answered(updates, more: bool) -> bytes:
    inside = "".join(
        "<StatusUpdate>"
        + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in one.items())
        + "</StatusUpdate>\n"
        for one in updates
    )
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<GetStatusUpdatesResponse xmlns="{NAMESPACE}">{inside}'
        f"<MoreAvailable>{str(more).lower()}</MoreAvailable></GetStatusUpdatesResponse></s:Body></s:Envelope>"
    ).encode()


def xml(body: bytes, status: int = 200):
    return lie.answer(status, body, media_type="text/xml")


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Carrier:
    """Status updates by the contract."""

    def __init__(self) -> None:
        self.updates: list[dict[str, str]] = []
        self.asked: list[tuple[str, str, int]] = []

    def __call__(self, request):
        asked = safe_xml.parse(request.body)
        find = lambda name: asked.findtext(f".//{{{NAMESPACE}}}{name}") or ""  # noqa: E731
        since, after, most = find("Since"), find("AfterEventId"), int(find("Max"))
        self.asked.append((since, after, most))
        place = lambda one: (moment(one["OccurredAt"]), one["EventId"])  # noqa: E731
        found = [one for one in sorted(self.updates, key=place) if place(one) > (moment(since), after)]
        body = answered(found[:most], len(found) > most)
        return 200, {"Content-Type": "text/xml"}, body


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def server(carrier):
    with lie.LyingServer(lie.reply(carrier)) as running:
        yield running


@pytest.fixture
def open_source(server, clock, manifest_of):
    opened = []

    def open_it(**changed):
        manifest = manifest_of("carrier", **changed)
        contract = Path(manifest.folder) / "contract"
        if not contract.exists():
            contract.symlink_to(Path(module.__file__).parent / "contract")
        login = Login(
            connection_id="c",
            scheme="http",
            host="127.0.0.1",
            port=server.port,
            user="crossdock",
            password=Secret("p"),
        )
        source = SoapPoll(
            manifest,
            login,
            clock,
            operation=module.OPERATION,
            asked=module.asked,
            split=module.split,
            dice=Dice(),
            sleep=lambda _s: None,
        )
        opened.append(source)
        return source

    yield open_it
    for source in opened:
        source.close()


def names(messages) -> list[str]:
    return [message.name for message in messages]


def test_each_update_comes_once_as_its_canonical_xml(carrier, open_source):
    carrier.updates = [update(1, Remarks="a < b & c"), update(2)]
    messages = list(open_source().read(None))
    assert names(messages) == ["E-001", "E-002"]
    first = safe_xml.parse(messages[0].body)
    assert first.tag == f"{{{NAMESPACE}}}StatusUpdate"
    assert first.findtext(f"{{{NAMESPACE}}}Remarks") == "a < b & c"
    assert safe_xml.canonical(first) == messages[0].body
    assert messages[0].key == f"E-001:{messages[0].sha256}"
    assert list(open_source().read(messages[-1].position)) == []


def test_another_spelling_of_the_same_update_is_the_same_message(server, open_source):
    plain = answered([update(1)], False)
    other = plain.replace(b"<StatusUpdate>", b"<StatusUpdate >").replace(
        f'xmlns="{NAMESPACE}"'.encode(), f'xmlns:z="urn:z" xmlns="{NAMESPACE}"'.encode()
    )
    server.then(xml(plain), xml(other))
    (first,), (second,) = open_source().read(None), open_source().read(None)
    assert first.key == second.key


def test_updates_that_share_a_moment_are_not_lost_at_a_page_or_a_stop(carrier, open_source):
    carrier.updates = [update(number) for number in range(7)]
    source = open_source(page_size="3")
    reader = source.read(None)
    first = [next(reader) for _ in range(4)]
    reader.close()
    second = list(source.read(first[-1].position))
    assert names(first) + names(second) == [f"E-{number:03}" for number in range(7)]
    assert carrier.asked[1][1] == "E-002"


def test_a_late_update_behind_the_mark_is_found(carrier, open_source):
    carrier.updates = [update(2, "11:00:00")]
    source = open_source()
    position = list(source.read(None))[-1].position
    carrier.updates.append(update(1, "07:30:00"))
    assert names(source.read(position)) == ["E-001"]


def test_an_update_that_was_corrected_comes_again_under_another_key(carrier, open_source):
    carrier.updates = [update(1)]
    source = open_source()
    (first,) = source.read(None)
    carrier.updates = [update(1, StatusCode="X6")]
    (second,) = source.read(first.position)
    assert first.name == second.name
    assert first.key != second.key


def test_times_without_a_zone_are_read_and_paged(carrier, open_source):
    carrier.updates = [update(number, OccurredAt="2026-11-21T11:00:00") for number in range(5)]
    assert len(list(open_source(page_size="2").read(None))) == 5


def test_a_moment_in_the_future_does_not_move_the_mark(carrier, open_source):
    carrier.updates = [update(1), update(2, OccurredAt="2027-01-01T00:00:00Z")]
    source = open_source()
    messages = list(source.read(None))
    assert json.loads(messages[-1].position)["mark"] == "2026-11-21T11:00:00+00:00"
    carrier.updates.append(update(3, "11:30:00"))
    assert names(source.read(messages[-1].position)) == ["E-003"]


@pytest.mark.parametrize("position", ["", "x", "[]", "{}", '{"mark":"soon","seen":{}}'])
def test_a_position_that_cannot_be_read_is_the_beginning(carrier, open_source, position):
    carrier.updates = [update(1)]
    assert names(open_source().read(position)) == ["E-001"]


def test_one_bad_update_does_not_stop_those_beside_it(server, open_source):
    bad = [update(1), {"EventId": "", "OccurredAt": "soon"}, {"Odd": "x"}, update(2)]
    server.then(xml(answered(bad, False)))
    messages = list(open_source().read(None))
    assert names(messages) == ["E-001", "?", "?", "E-002"]
    assert all(b"StatusUpdate" in message.body for message in messages)


@pytest.mark.parametrize(
    "body",
    [
        b"<broken",
        b"<x/>",
        b"<!DOCTYPE x><x/>",
        answered([], False).replace(b"MoreAvailable", b"Other"),
        answered([], False).replace(b"false", b"perhaps"),
    ],
)
def test_an_answer_that_cannot_be_split_is_kept_whole_and_the_position_stays(server, open_source, body):
    server.then(xml(body))
    (message,) = open_source().read(None)
    assert (message.body, message.position) == (body, None)
    assert message.key.startswith("answer:")


@pytest.mark.parametrize("updates", [[], [update(1)], [{"EventId": "x", "OccurredAt": "soon"}]])
def test_pages_that_lead_nowhere_are_left(server, open_source, updates):
    server.standing = xml(answered(updates, True))
    with pytest.raises(Refused):
        list(open_source().read(None))
    assert len(server.requests) <= 2


def test_a_window_that_is_larger_than_a_run_is_said(carrier, open_source):
    carrier.updates = [update(number) for number in range(10)]
    source = open_source(page_size="2", max_pages="2")
    position = list(source.read(None))[-1].position
    with pytest.raises(Refused, match="raise page_size"):
        list(source.read(position))


def test_a_fault_or_a_wrong_login_ends_the_read(server, open_source):
    fault = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        b"<faultcode>s:Client</faultcode><faultstring>Max</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    server.then(xml(fault, 500))
    with pytest.raises(Refused, match="Max"):
        list(open_source().read(None))
    server.then(lie.answer(401))
    with pytest.raises(Misconfigured):
        list(open_source().read(None))


def test_a_read_that_broke_is_tried_again_within_the_run(server, carrier, open_source):
    carrier.updates = [update(1)]
    server.then(lie.reset_after_commit(), lie.close_after_commit())
    assert names(open_source().read(None)) == ["E-001"]
    server.then(*[lie.reset_after_commit()] * 3)
    with pytest.raises(WireDown):
        list(open_source().read(None))


def test_settle_and_check(carrier, server, open_source):
    carrier.updates = [update(1)]
    source = open_source()
    assert isinstance(source, Checkable)
    (message,) = source.read(None)
    asked = len(server.requests)
    source.settle(message, Verdict.STORED)
    assert len(server.requests) == asked
    assert all(step.ok for step in source.check())


def test_the_sample_is_read(server, open_source):
    server.then(xml((Path(module.__file__).parent / "samples" / "status-updates.xml").read_bytes()))
    messages = list(open_source().read(None))
    assert names(messages) == ["E-5001", "E-5002"]
    assert messages[0].body.startswith(b'<c:StatusUpdate xmlns:c="urn:crossdock:sandbox:carrier:1">')
