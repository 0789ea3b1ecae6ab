"""Deliveries of SAP: those that changed, and those that nobody changed and that are late."""

import json
import re
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from crossdock.formats import odata
from crossdock.kit.rest_poll import RestPoll
from crossdock.ports import Login, Secret
from crossdock.registry import Registry
from crossdock.testing import lying_http as lie

REGISTRY = Registry()


class Deliveries:
    """A_OutbDeliveryHeader as SAP documents it: filters by days, in the order of the day that is filtered by."""

    def __init__(self) -> None:
        self.held: dict[str, dict] = {}
        self.asked: list[str] = []

    def put(self, number: str, *, changed: str | None, planned: str, status: str = "A") -> None:
        self.held[number] = {
            "DeliveryDocument": number,
            "LastChangeDate": odata.ticks_of(date.fromisoformat(changed)) if changed else None,
            "PlannedGoodsIssueDate": odata.ticks_of(date.fromisoformat(planned)),
            "OverallGoodsMovementStatus": status,
        }

    def __call__(self, request):
        self.asked.append(unquote(request.path))
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        text, name = query["$filter"], query["$orderby"].split(",")[0]
        since = re.search(rf"{name} gt datetime'([^']+)'", text)
        after = re.search(r"DeliveryDocument gt '([^']*)'", text)
        assert since and after, text
        start, key = date.fromisoformat(since[1][:10]), after[1]
        found = []
        for number, one in self.held.items():
            day = odata.day(one[name])
            if day is None or not (day > start or (day == start and number > key)):
                continue
            before = re.search(r"PlannedGoodsIssueDate lt datetime'([^']+)'", text)
            if before and (
                one["OverallGoodsMovementStatus"] == "C" or day >= date.fromisoformat(before[1][:10])
            ):
                continue
            found.append((day, number, one))
        page = [one for _day, _number, one in sorted(found, key=lambda each: each[:2])][: int(query["$top"])]
        return 200, {}, json.dumps({"d": {"results": page}}).encode()


@pytest.fixture
def sap():
    return Deliveries()


@pytest.fixture
def poll(sap, clock):
    polls = []
    with lie.LyingServer(lie.reply(sap)) as server:
        login = Login(
            connection_id="crossdock_sap", scheme="http", host="127.0.0.1", port=server.port,
            user="CROSSDOCK", password=Secret("secret-of-sap"),
        )  # fmt: skip

        def opened(name: str) -> RestPoll:
            polls.append(RestPoll(REGISTRY.manifest(name), login, clock, sleep=lambda _s: None))
            return polls[-1]

        yield opened
        for one in polls:
            one.close()


def names(messages) -> list[str]:
    return [message.name for message in messages]


def test_a_delivery_comes_again_when_it_changed_on_the_same_day(sap, poll):
    sap.put("80001", changed="2026-11-20", planned="2026-11-25")
    sap.put("80002", changed="2026-11-21", planned="2026-11-25")
    source = poll("sap_delivery")
    first = list(source.read(None))
    assert names(first) == ["80001", "80002"]
    sap.put("80002", changed="2026-11-21", planned="2026-11-26")
    assert names(source.read(first[-1].position)) == ["80002"]
    assert "LastChangeDate gt datetime'2026-11-19T00:00:00'" in sap.asked[-1], "two days before the last one"


def test_what_nobody_changed_is_found_when_its_day_is_over_everywhere(sap, poll, clock):
    assert clock.now() == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    sap.put("80001", changed=None, planned="2026-11-20")
    sap.put("80002", changed=None, planned="2026-11-21")
    sap.put("80003", changed=None, planned="2026-11-19", status="C")
    assert names(poll("sap_delivery").read(None)) == []
    late = poll("sap_late_delivery")
    first = list(late.read(None))
    assert names(first) == ["80001"]
    clock.move(23 * 3600)
    assert names(late.read(first[-1].position)) == [], "it is still the 21st in the last zone"
    clock.move(3600)
    assert names(late.read(first[-1].position)) == ["80002"]


def test_a_delivery_that_stays_late_and_is_changed_is_told_again(sap, poll):
    sap.put("80001", changed=None, planned="2026-10-02")
    late = poll("sap_late_delivery")
    (first,) = late.read(None)
    sap.held["80001"]["DeliveryBlockReason"] = "01"
    assert names(late.read(first.position)) == ["80001"]
