"""UPS, FedEx and DHL are asked about what is open, each in its own way, against its own published contract."""

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.connections import login
from crossdock.faultpoints import InjectedFault
from crossdock.hub import Hub
from crossdock.inquiries import PAGE
from crossdock.kit.inquiry_settings import InquirySettings
from crossdock.kit.rest_inquiry import BAD_REQUEST, REFUSED_BEFORE_ANY, UNKNOWN
from crossdock.messages import RawMessage
from crossdock.registry import Registry
from crossdock.store.tables import cases, dead_letters, facts, raw_messages, sources
from crossdock.testing.clock import MovableClock
from crossdock.testing.contract_server import Answer, Asked, ContractDesk
from crossdock.testing.lying_http import LyingServer, answer
from tests.connectors.tracking import TENANT, connection, contract, ship, state

SAMPLES: Final = Path(__file__).parents[2] / "mappings/inbound"
FIRST: Final = "1Z7X58A0039441"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def hub(store, clock) -> Iterator[Hub]:
    with Hub.open(
        store=store, registry=Registry(), clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


@pytest.fixture
def ups(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractDesk]:
    desk = ContractDesk(contract("ups_rest_tracking/Tracking.yaml"))
    with LyingServer(honest=desk) as server:
        desk.server = server  # type: ignore[attr-defined]
        extra = {"auth": "oauth2", "token_url": f"{server.url}/security/v1/oauth/token", "client_id": "hub"}
        connection(monkeypatch, "crossdock_ups", server.url, extra={**extra, "client_secret": "s3cret"})
        yield desk
        assert not desk.breaches and not desk.slips


def sample(document: str, name: str) -> Any:
    return json.loads((SAMPLES / document / "samples" / f"{name}.json").read_bytes())


def about(number: str, name: str) -> Any:
    """A sample of UPS, about this number."""
    made = sample("ups_tracking", name)
    for shipment in made["trackResponse"]["shipment"]:
        shipment["inquiryNumber"] = number
        shipment["package"][0]["trackingNumber"] = number
    return made


def tells(desk: ContractDesk, answers: dict[str, str]) -> None:
    """UPS knows these numbers, each by a sample; others it does not."""

    def trade(asked: Asked) -> Answer:
        number = asked.path["inquiryNumber"]
        if number not in answers:
            return Answer(404, {"response": {"errors": [{"code": "TV1003", "message": "not found"}]}})
        if answers[number] == "refused":
            return Answer(400, {"response": {"errors": [{"code": "TV1002", "message": "invalid"}]}})
        return Answer(200, about(number, answers[number]))

    desk.on("GET /track/v1/details/{inquiryNumber}", trade)


def asked_of(desk: ContractDesk) -> list[str]:
    numbers = [each.path["inquiryNumber"] for each in desk.asked]
    desk.asked.clear()
    return numbers


def rows(hub: Hub, table: sa.Table) -> Any:
    with hub.store.transaction(TENANT) as transaction:
        return transaction.execute(sa.select(table)).all()


def source(hub: Hub, name: str = "ups") -> Any:
    return next(row for row in rows(hub, sources) if row.source == name)


def balance(hub: Hub) -> int:
    view = sa.table("ledger_balance", sa.column("balance"), sa.column("missing_parts"), schema="crossdock")
    with hub.store.transaction(TENANT) as transaction:
        return sum(abs(number) for row in transaction.execute(sa.select(view)) for number in row)


def test_a_package_is_asked_about_until_it_is_delivered(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    tells(ups, {FIRST + "7201": "late"})
    assert hub.receive("ups").counts["stored"] == 1
    hub.process()
    assert rows(hub, dead_letters) == []
    assert {row.code for row in rows(hub, cases)} == {"SHP.DELAY", "SHP.ETA_SLIP"}

    clock.advance(timedelta(hours=2))
    assert hub.receive("ups").counts["received"] == 0, "the same answer is no message"
    assert asked_of(ups) == [FIRST + "7201"] * 2

    tells(ups, {FIRST + "7201": "delivered_after_weather"})
    clock.advance(timedelta(hours=2))
    hub.receive("ups")
    hub.process()
    assert {row.state for row in rows(hub, cases)} == {"resolved"}
    assert asked_of(ups) == [FIRST + "7201"]

    clock.advance(timedelta(hours=2))
    hub.receive("ups")
    assert asked_of(ups) == [], "what was delivered is not asked about"
    assert balance(hub) == 0


def test_the_call_is_as_ups_wants_it(hub: Hub, ups: ContractDesk) -> None:
    ship(hub, FIRST + "7201", FIRST + "7218", scac="UPSN")
    tells(ups, {})
    hub.receive("ups")
    one, other = ups.asked
    assert one.headers["transactionSrc"] == "crossdock"
    assert one.headers["transId"] != other.headers["transId"]
    assert one.query == {"locale": "en_US"}
    assert ups.tokens.clients == ["hub"], "one token serves both calls"


def test_only_what_ups_carries_is_asked_of_ups(hub: Hub, ups: ContractDesk) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    ship(hub, FIRST + "7218")  # nobody named the carrier: the form tells
    ship(hub, FIRST + "7225", scac="FDEG")
    ship(hub, "771234567801")
    ship(hub, "1Z/../../etc/passwd", scac="UPSN")
    ship(hub, FIRST + "7232", scac="UPSN", purpose="01")
    tells(ups, {})
    hub.receive("ups")
    assert sorted(asked_of(ups)) == [FIRST + "7201", FIRST + "7218"]


def test_what_a_ship_notice_says_is_asked_of_ups_and_what_ups_says_ends_it(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    """From the supplier's 856 to the carrier's answer: nobody wrote a list of numbers."""
    body = (SAMPLES / "x12_856/samples/two_orders_in_cartons.edi").read_bytes()
    number = FIRST + "7201"
    assert b"TD5*B*2*RRFL" in body and b"REF*CN*PRO-5512" in body
    body = body.replace(b"TD5*B*2*RRFL", b"TD5*B*2*UPSN").replace(
        b"REF*CN*PRO-5512", f"REF*2I*{number}".encode()
    )
    message = RawMessage(
        tenant=TENANT,
        source="supplier_edi",
        key="856",
        body=body,
        media_type="application/edi-x12",
        received_at=clock.now(),
    )
    receiving.accept(hub.store, message, clock=clock)
    hub.process()
    tells(ups, {number: "delivered_after_weather"})
    hub.receive("ups")
    assert number in asked_of(ups)
    hub.process()
    clock.advance(timedelta(hours=2))
    hub.receive("ups")
    assert number not in asked_of(ups)


@pytest.mark.parametrize("kind", ["delivered", "received"])
def test_what_arrived_by_another_document_is_not_asked_about(hub: Hub, ups: ContractDesk, kind: str) -> None:
    ship(hub, FIRST + "7201", FIRST + "7218", scac="UPSN")
    state(hub, kind, [FIRST + "7201"])
    tells(ups, {})
    hub.receive("ups")
    assert asked_of(ups) == [FIRST + "7218"]


def test_what_was_shipped_long_ago_is_given_up(hub: Hub, clock: MovableClock, ups: ContractDesk) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    clock.advance(timedelta(days=46))
    tells(ups, {})
    hub.receive("ups")
    assert asked_of(ups) == []


def test_a_number_that_ups_does_not_know_yet_is_no_trouble_and_is_asked_again(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    tells(ups, {})
    for _ in range(2):
        report = hub.receive("ups")
        assert (report.error, report.counts["received"]) == (None, 0)
        clock.advance(timedelta(hours=1))
    assert asked_of(ups) == [FIRST + "7201"] * 2
    assert rows(hub, dead_letters) == []


def test_one_bad_number_is_set_aside_once_and_stops_no_other(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    ship(hub, FIRST + "7201", FIRST + "7218", FIRST + "7225", scac="UPSN")
    tells(ups, {FIRST + "7201": "on_its_way", FIRST + "7218": "refused", FIRST + "7225": "late"})
    for _ in range(3):
        report = hub.receive("ups")
        assert report.error is None
        clock.advance(timedelta(hours=1))
    (letter,) = rows(hub, dead_letters)
    assert (letter.stage, letter.code) == ("receive", "INT.SOURCE_DEGRADED")
    assert FIRST + "7218" in letter.sentence and "Correct the number" in letter.remedy
    hub.process()
    assert balance(hub) == 0
    assert len({row.subject for row in rows(hub, facts) if row.kind == "status"}) == 2


def test_when_every_number_is_refused_it_is_not_the_numbers(hub: Hub, ups: ContractDesk) -> None:
    numbers = [f"{FIRST}{number:04}" for number in range(5)]
    ship(hub, *numbers, scac="UPSN")
    tells(ups, dict.fromkeys(numbers, "refused"))
    report = hub.receive("ups")
    assert "every number is refused" in str(report.error)
    assert rows(hub, dead_letters) == []


def test_a_carrier_that_asks_us_to_wait_is_left_alone_and_the_round_goes_on_behind(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    numbers = [f"{FIRST}{number:04}" for number in range(6)]
    for number in numbers:
        ship(hub, number, scac="UPSN")
        clock.advance(timedelta(seconds=1))
    tells(ups, {})
    calls = iter(range(100))

    def busy_after_three(asked: Asked) -> Answer:
        if next(calls) == 3:
            return Answer(429, {"response": {}}, headers={"Retry-After": "120"}, unchecked=True)
        return Answer(404, {"response": {"errors": []}})

    ups.on("GET /track/v1/details/{inquiryNumber}", busy_after_three)
    assert hub.receive("ups").error is not None
    assert asked_of(ups) == numbers[:4]
    assert hub.receive("ups").counts.get("waiting") == 1
    assert asked_of(ups) == []
    clock.advance(timedelta(seconds=121))
    assert hub.receive("ups").error is None
    assert asked_of(ups) == numbers[3:], "those behind are asked, and not the first ones again"


@pytest.mark.parametrize(
    "place",
    ["receive.after_turn", "receive.before_commit", "receive.after_commit", "receive.before_settled",
     "receive.after_settle", "receive.before_seen", "receive.after_seen", "receive.before_end"],
)  # fmt: skip
def test_a_worker_that_dies_anywhere_loses_no_answer_and_stores_none_twice(
    hub: Hub, clock: MovableClock, ups: ContractDesk, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    numbers = [f"{FIRST}{number:04}" for number in range(4)]
    for number in numbers:
        ship(hub, number, scac="UPSN")
        clock.advance(timedelta(seconds=1))
    tells(ups, dict.fromkeys(numbers, "on_its_way"))
    monkeypatch.setenv("CROSSDOCK_FAULT", f"{place}:raise:1")
    monkeypatch.setattr("crossdock.faultpoints._seen", {})
    with pytest.raises(InjectedFault):
        pytest.fail(f"nothing died at {place}: {hub.receive('ups')}")
    monkeypatch.delenv("CROSSDOCK_FAULT")
    clock.advance(timedelta(hours=2))
    assert hub.receive("ups").error is None
    hub.process()
    assert sorted(row.name for row in rows(hub, raw_messages)) == numbers
    assert balance(hub) == 0


def test_a_run_that_was_cut_short_goes_on_behind_the_last_number_that_it_stored(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    numbers = [f"{FIRST}{number:04}" for number in range(4)]
    for number in numbers:
        ship(hub, number, scac="UPSN")
        clock.advance(timedelta(seconds=1))
    tells(ups, dict.fromkeys(numbers, "on_its_way"))
    hub.receive("ups", limit=2)
    hub.receive("ups")
    assert asked_of(ups) == numbers
    assert sorted(row.name for row in rows(hub, raw_messages)) == numbers


def test_a_round_that_is_over_begins_again_no_sooner_than_is_polite(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    tells(ups, {})
    hub.receive("ups")
    clock.advance(timedelta(minutes=59))
    hub.receive("ups")
    assert asked_of(ups) == [FIRST + "7201"]
    clock.advance(timedelta(minutes=2))
    hub.receive("ups")
    assert asked_of(ups) == [FIRST + "7201"]


def test_what_ups_says_that_is_no_tracking_answer_is_kept_whole(hub: Hub, ups: ContractDesk) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    ups.on("GET /track/v1/details/{inquiryNumber}", lambda asked: Answer(200, b'{"half', unchecked=True))
    assert hub.receive("ups").counts["stored"] == 1
    hub.process()
    (letter,) = rows(hub, dead_letters)
    assert letter.stage == "normalize"


def test_a_token_that_was_taken_back_is_asked_for_again(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    ship(hub, FIRST + "7201", scac="UPSN")
    tells(ups, {FIRST + "7201": "on_its_way"})
    ups.tokens.revoke()
    assert hub.receive("ups").error is None
    assert hub.receive("ups").error is None


def test_the_check_asks_about_the_carriers_own_test_number(hub: Hub, ups: ContractDesk, clock) -> None:
    tells(ups, {})
    manifest = hub.registry.manifest("ups")
    found = hub.registry.source(manifest, login(manifest.connection), clock)
    steps = list(found.check())
    found.close()
    assert [step.step for step in steps if not step.ok] == [], steps
    assert [step.step for step in steps][-1] == "sample"
    assert asked_of(ups) == ["1ZCIETST0111111114"]


def test_ten_thousand_open_shipments_are_walked_in_rounds(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    numbers = [f"{FIRST}{number:04X}" for number in range(10_000)]
    for start in range(0, 10_000, 2_500):
        ship(hub, *numbers[start : start + 2_500], scac="UPSN")
        clock.advance(timedelta(seconds=1))
    tells(ups, {})
    seen: list[str] = []
    for _ in range(2):
        hub.receive("ups")
        seen += asked_of(ups)
    assert len(seen) == len(set(seen)) == 600, "each once, 300 in a run, and the next run goes on"
    assert len(source(hub).position) < 200


def test_thousands_that_arrived_hide_none_that_is_open_behind_them(
    hub: Hub, clock: MovableClock, ups: ContractDesk
) -> None:
    arrived = [f"{FIRST}{number:04X}" for number in range(2 * PAGE + 1)]
    ship(hub, *arrived, scac="UPSN")
    state(hub, "delivered", arrived)
    clock.advance(timedelta(seconds=1))
    ship(hub, FIRST + "ZZZZ", scac="UPSN")
    tells(ups, {})
    hub.receive("ups")
    assert asked_of(ups) == [FIRST + "ZZZZ"]


def crossdock(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crossdock.cli", *words], capture_output=True, text=True, check=False
    )


def test_a_person_asks_about_a_number_and_nothing_is_stored(ups: ContractDesk) -> None:
    tells(ups, {FIRST + "7201": "late"})
    ran = crossdock(
        "receive", "ups", "--dry-run", "--explain", "--json", "--about", FIRST + "7201", "--about", "1Z0"
    )
    assert ran.returncode == 0, ran.stderr
    (message,) = json.loads(ran.stdout)["messages"]
    assert message["name"] == FIRST + "7201"
    assert "SHP.DELAY" in json.dumps(message["means"])
    assert asked_of(ups) == [FIRST + "7201", "1Z0"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("receive", "ups", "--dry-run"), "name a number: --about NUMBER"),
        (("receive", "ups", "--once", "--about", "1Z0"), "--about belongs to --dry-run"),
    ],
)
def test_a_carrier_that_is_asked_about_nothing_says_so(
    ups: ContractDesk, words: tuple[str, ...], said: str
) -> None:
    ran = crossdock(*words)
    assert ran.returncode == 2
    assert said in ran.stderr


def test_the_page_tells_of_every_setting_and_of_every_refusal() -> None:
    page = (Path(__file__).parents[2] / "docs/inquiries.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert told == {field.name for field in dataclasses.fields(InquirySettings)}
    assert f"{BAD_REQUEST[0]} or {BAD_REQUEST[1]} about the first three" in page
    assert (REFUSED_BEFORE_ANY, UNKNOWN) == (3, 404)


# -- FedEx and DHL ----------------------------------------------------------


@pytest.fixture
def fedex(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractDesk]:
    desk = ContractDesk(contract("fedex_rest_track/track.json"), token_paths=("/oauth/token",))
    with LyingServer(honest=desk) as server:
        extra = {
            "auth": "oauth2",
            "token_url": f"{server.url}/oauth/token",
            "client_id": "hub",
            "client_secret": "s3cret",
            "client_auth": "post",
        }
        connection(monkeypatch, "crossdock_fedex", server.url, extra=extra)
        yield desk
        assert not desk.breaches and not desk.slips


def test_fedex_is_asked_about_thirty_at_once_and_each_result_is_its_own_message(
    hub: Hub, clock: MovableClock, fedex: ContractDesk
) -> None:
    late = sample("fedex_tracking", "late_weather")
    unknown = {
        "trackResults": [{"error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "not found"}}]
    }

    def trade(asked: Asked) -> Answer:
        results = []
        for info in asked.body["trackingInfo"]:
            number = info["trackingNumberInfo"]["trackingNumber"]
            results.append({**(late if number.endswith("1") else unknown), "trackingNumber": number})
        return Answer(200, {"transactionId": "t", "output": {"completeTrackResults": results}})

    fedex.on("POST /track/v1/trackingnumbers", trade)
    ship(hub, *(f"7712345{number:05}" for number in range(45)), scac="FDEG")
    report = hub.receive("fedex")
    assert report.error is None
    assert [len(asked.body["trackingInfo"]) for asked in fedex.asked] == [30, 15]
    assert report.counts["stored"] == 5, "those that FedEx knows"
    hub.process()
    assert {row.code for row in rows(hub, cases)} == {"SHP.DELAY", "SHP.ETA_SLIP"}
    assert rows(hub, dead_letters) == []


def test_of_thirty_numbers_the_bad_one_alone_is_set_aside(hub: Hub, fedex: ContractDesk) -> None:
    late = sample("fedex_tracking", "late_weather")

    def trade(asked: Asked) -> Answer:
        numbers = [info["trackingNumberInfo"]["trackingNumber"] for info in asked.body["trackingInfo"]]
        if "771234500007" in numbers:
            return Answer(
                400, {"transactionId": "t", "errors": [{"code": "TRACKING.TRACKINGNUMBER.INVALID"}]}
            )
        results = [{**late, "trackingNumber": number} for number in numbers]
        return Answer(200, {"transactionId": "t", "output": {"completeTrackResults": results}})

    fedex.on("POST /track/v1/trackingnumbers", trade)
    ship(hub, *(f"7712345{number:05}" for number in range(10)), scac="FDEG")
    assert hub.receive("fedex").counts["stored"] == 9
    (letter,) = rows(hub, dead_letters)
    assert "771234500007" in letter.sentence


@pytest.fixture
def dhl(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractDesk]:
    desk = ContractDesk(contract("mydhl_express/dpdhl-express-api-3.1.1_swagger.yaml"))
    with LyingServer(honest=desk) as server:
        desk.server = server  # type: ignore[attr-defined]
        connection(monkeypatch, "crossdock_dhl", server.url, login="hub", password="s3cret")
        yield desk
        assert not desk.breaches and not desk.slips


def test_dhl_is_asked_number_by_number_with_the_offset_of_each_checkpoint(
    hub: Hub, dhl: ContractDesk
) -> None:
    delivered = sample("dhl_tracking", "delivered")

    def trade(asked: Asked) -> Answer:
        number = asked.path["shipmentTrackingNumber"]
        return Answer(200, {"shipments": [{**delivered, "shipmentTrackingNumber": number}]})

    dhl.on("GET /shipments/{shipmentTrackingNumber}/tracking", trade)
    ship(hub, "4401234501", "4401234502", scac="DHLC")
    assert hub.receive("dhl").counts["stored"] == 2
    assert dhl.asked[0].query == {
        "trackingView": "all-checkpoints",
        "levelOfDetail": "shipment",
        "requestGMTOffsetPerEvent": True,
    }
    hub.process()
    assert {row.kind for row in rows(hub, facts)} >= {"delivered"}
    assert hub.receive("dhl").error is None


def test_dhl_is_asked_about_several_where_calls_are_dear(
    store, clock, dhl: ContractDesk, tmp_path: Path
) -> None:
    folder = tmp_path / "dhl_many"
    folder.mkdir()
    text = (Path(__file__).parents[2] / "connectors/dhl/connector.toml").read_text("utf-8")
    (folder / "connector.toml").write_text(text.replace("numbers_per_call = 1 ", "numbers_per_call = 50 "))
    for name in ("source.py", "settings.py"):
        (folder / name).write_text((Path(__file__).parents[2] / "connectors/dhl" / name).read_text("utf-8"))
    delivered = sample("dhl_tracking", "on_its_way")

    def trade(asked: Asked) -> Answer:
        numbers = asked.query["shipmentTrackingNumber"]
        return Answer(200, {"shipments": [{**delivered, "shipmentTrackingNumber": one} for one in numbers]})

    dhl.on("GET /tracking", trade)
    with Hub.open(store=store, registry=Registry(tmp_path), clock=clock, tenant=TENANT) as hub:
        ship(hub, "4401234501", "4401234502", "4401234503", scac="DHLC")
        assert hub.receive("dhl_many").counts["stored"] == 3
    assert len(dhl.asked) == 1


def test_a_login_that_dhl_refuses_is_told_by_the_check(
    hub: Hub, clock: MovableClock, dhl: ContractDesk
) -> None:
    dhl.server.then(answer(401, b"{}"))  # type: ignore[attr-defined]
    manifest = hub.registry.manifest("dhl")
    found = hub.registry.source(manifest, login(manifest.connection), clock)
    steps = list(found.check())
    found.close()
    assert [(step.step, step.ok) for step in steps][-1] == ("login", False)
    assert "s3cret" not in str(steps)
