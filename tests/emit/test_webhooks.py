"""Webhooks: signed, sent until confirmed, in order where asked, and one bad receiver delays no other."""

import base64
import itertools
import json
import random
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import standardwebhooks

from crossdock.emit import calling
from crossdock.emit.filters import Filter
from crossdock.emit.settings import FeedSettings, Settings, WebhookSettings
from crossdock.emit.subscribing import Subscriptions
from crossdock.emit.webhooks import Webhooks
from crossdock.errors import Misconfigured
from crossdock.faultpoints import InjectedFault
from crossdock.ports import Login, Secret
from crossdock.store import webhooks
from crossdock.store.tables import audit, webhook_attempts, webhook_messages
from crossdock.store.tables import webhooks as table
from crossdock.testing import lying_http
from crossdock.testing.events import example_event as event
from crossdock.testing.lying_http import LyingServer, answer
from crossdock.wires.webhook_call import Answered

TENANT = "main"
OLD, NEW = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
OUTGOING = Settings(
    webhooks=WebhookSettings(
        schedule_s=(0, 5, 300), connect=timedelta(seconds=1), deadline=timedelta(seconds=2), jitter_percent=0
    )
)


def login(connection_id):
    known = {"hook": OLD, "hook_2": NEW}
    if connection_id not in known:
        raise Misconfigured(f"connection {connection_id!r} is not defined")
    return Login(connection_id=connection_id, secrets={"webhook_secrets.0": Secret(known[connection_id])})


class World:
    """One hub's webhooks and the people who look after them."""

    def __init__(self, store, clock, publisher, settings=OUTGOING):
        self.store, self.clock, self.publisher, self.settings = store, clock, publisher, settings
        self.webhooks = Webhooks(
            store=store, tenant=TENANT, settings=settings, clock=clock, dice=random.Random(1), login=login
        )

    def subscriptions(self, connection):
        return Subscriptions(
            connection, tenant=TENANT, settings=self.settings, actor="ann", now=self.clock.now()
        )

    def do(self, act):
        with self.store.transaction(TENANT) as connection:
            return act(self.subscriptions(connection))

    def add(self, server, name="planning", path="/in", **given):
        given = {"secrets_in": "hook", "wanted": Filter(), "internal": True, **given}
        self.do(lambda people: people.add(server.url + path, name=name, **given))

    def publish(self):
        self.publisher.publish_batch()
        self.webhooks.make_messages()

    def send(self):
        return self.webhooks.send_due()

    def later(self, **by):
        self.clock.advance(timedelta(**by))
        return self.send()

    def rows(self, of, *order):
        with self.store.reading(TENANT) as connection:
            return connection.execute(sa.select(of).order_by(*order)).all()

    def messages(self):
        return self.rows(webhook_messages, webhook_messages.c.position)

    def one(self, name="planning"):
        with self.store.reading(TENANT) as connection:
            return webhooks.read(connection, TENANT, name)


@pytest.fixture
def world(store, clock, publisher):
    return World(store, clock, publisher)


@pytest.fixture
def receiver():
    with LyingServer(answer(204)) as server:
        yield server


def verified(request, secret=OLD):
    """What a receiver gets that checks with the library of Standard Webhooks."""
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    hook = standardwebhooks.Webhook(secret)
    hook._Webhook__verify_timestamp = lambda header: at  # the library reads the machine's clock
    return hook.verify(request.body, dict(request.headers))


# ── one message ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_receiver_gets_the_event_signed_so_that_the_library_of_the_standard_takes_it(
    world, commit, receiver
):
    world.add(receiver)
    commit(event(1))
    world.publish()
    assert world.send()["delivered"] == 1
    (request,) = receiver.requests
    assert verified(request) == event(1)
    assert (request.method, request.path) == ("POST", "/in")
    assert request.headers["content-type"] == "application/cloudevents+json"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(request, NEW)


def test_nothing_is_sent_twice_once_it_is_confirmed_and_nothing_that_came_before_the_subscription(
    world, commit, receiver
):
    commit(event(1))
    world.publish()
    world.add(receiver)
    commit(event(2))
    world.publish()
    world.publish()
    world.send()
    assert world.later(days=1)["called"] == 0
    assert [json.loads(request.body)["id"] for request in receiver.requests] == [event(2)["id"]]


def test_a_subscription_gets_only_what_its_filter_says(world, commit, receiver):
    world.add(receiver, wanted=Filter(codes=("SHP",)))
    commit(event(1), event(2, code="SHP.DELAY"))
    world.publish()
    world.send()
    assert [json.loads(request.body)["id"] for request in receiver.requests] == [event(2)["id"]]


def test_a_new_subscription_may_ask_for_all_that_is_kept(world, commit, receiver):
    commit(event(1), event(2))
    world.publish()
    world.add(receiver, from_oldest=True)
    world.publish()
    assert world.send()["delivered"] == 2


# ── what an answer means ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_alone_is_success(status):
    assert step(Answered(status=status, sentence="")).state == "delivered"


@pytest.mark.parametrize(
    "status", [100, 301, 302, 307, 308, 400, 401, 403, 404, 409, 422, 429, 500, 503, None]
)
def test_anything_else_is_tried_again(status):
    done = step(Answered(status=status, sentence="no"))
    assert (done.state, done.next_attempt_at) == ("waiting", NOW + timedelta(seconds=5))


NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)


def step(answered, *, spent=1, settings=OUTGOING.webhooks):
    return calling.next_call(answered, settings=settings, spent=spent, now=NOW, dice=random.Random(1))


def test_the_schedule_is_that_of_the_standard_with_a_tenth_of_jitter():
    usual = WebhookSettings()
    for seed in range(50):
        waits = [calling.wait_before(n, usual, random.Random(seed)).total_seconds() for n in range(1, 11)]
        for wait, wanted in zip(
            waits, (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400), strict=True
        ):
            assert wanted * 0.9 <= wait <= wanted * 1.1
    assert calling.wait_before(11, usual, random.Random(1)) is None
    assert len({calling.wait_before(5, usual, random.Random(seed)) for seed in range(9)}) > 5


def test_after_the_last_attempt_it_has_failed():
    done = step(Answered(status=500, sentence="it answered 500"), spent=3)
    assert (done.state, done.reason) == ("failed", "after 3 attempts: it answered 500")


def test_retry_after_makes_it_later_and_never_sooner():
    asked = step(Answered(status=503, sentence="", retry_after=timedelta(hours=1)))
    assert asked.next_attempt_at == asked.hold_until == NOW + timedelta(hours=1)
    asked = step(Answered(status=503, sentence="", retry_after=timedelta(seconds=1)))
    assert asked.next_attempt_at == NOW + timedelta(seconds=5)


def test_a_redirect_is_not_followed(world, commit, receiver):
    world.add(receiver)
    commit(event(1))
    world.publish()
    with LyingServer() as elsewhere:
        receiver.then(lying_http.redirect(f"{elsewhere.url}/in", 307))
        assert world.send()["retry"] == 1
        assert elsewhere.requests == []
    assert world.messages()[0].status == 307


@pytest.mark.parametrize(
    ("header", "hours"), [("3600", 1), ("999999999", 24), ("Fri, 20 Nov 2026 16:00:00 GMT", 2)]
)
def test_a_receiver_that_asks_to_wait_is_left_alone_for_so_long_and_no_longer_than_a_day(
    world, commit, receiver, header, hours
):
    world.add(receiver)
    commit(event(1), event(2))
    world.publish()
    receiver.then(answer(429, headers={"Retry-After": header}))
    assert world.send()["called"] == 1
    assert world.later(hours=hours, seconds=-1)["called"] == 0
    assert world.later(seconds=2)["delivered"] == 2


def test_410_switches_the_subscription_off_at_once(world, commit, receiver):
    world.add(receiver)
    commit(event(1), event(2))
    world.publish()
    receiver.then(answer(410))
    assert world.send() == {**dict.fromkeys(world.send(), 0), "called": 1, "gone": 1}
    assert world.one().state == "disabled"
    assert world.later(days=2)["called"] == 0
    (row,) = [row for row in world.rows(audit) if row.action == "webhook.disable"]
    assert (row.actor, row.reason) == ("crossdock", "it answered 410: the receiver wants no more")


@pytest.mark.parametrize(
    "behaviour",
    [
        lying_http.reset_before_read(),
        lying_http.reset_after_commit(),
        lying_http.close_after_commit(),
        lying_http.raw(b"nonsense"),
        lying_http.hang(),
        lying_http.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100, every_s=0.1),
        lying_http.gzip_bomb(10_000_000),
    ],
)
def test_a_receiver_that_lies_gets_it_again_under_the_same_id_within_the_deadline(
    world, commit, receiver, behaviour
):
    world.add(receiver)
    commit(event(1))
    world.publish()
    receiver.then(behaviour)
    began = time.monotonic()
    assert world.send()["retry"] == 1
    assert time.monotonic() - began < 4
    assert world.messages()[0].status is None
    assert world.later(seconds=5)["delivered"] == 1
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert verified(receiver.requests[-1]) == event(1)


def test_what_does_not_fit_is_sent_without_its_data_and_says_where_it_is(commit, read, console, token):
    large = event(1, detail="x" * 3900, **{"ext": {"main.notes": "y" * 100}})
    few = calling.body_of(large, public_url="https://hub.example", most_bytes=2000)
    short = json.loads(few)
    assert len(few) < 2000
    assert "data" not in short
    assert short["dataref"] == f"https://hub.example/api/feed/events/{large['id']}"
    commit(event(1))
    read()
    path = short["dataref"].removeprefix("https://hub.example")
    assert console.get(path, headers={"Authorization": f"Bearer {token}"}).json()["id"] == large["id"]
    whole = calling.body_of(large, public_url="", most_bytes=20_000)
    assert json.loads(whole) == large
    assert whole == calling.body_of(dict(reversed(large.items())), public_url="", most_bytes=20_000)


# ── whoever sends it dies ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("point", "done"),
    [
        ("webhooks.before_take_over", "nothing"),
        ("webhooks.after_take_over", "nothing"),
        ("webhooks.before_intent", "nothing"),
        ("webhooks.after_record", "all"),
    ],
)
def test_a_sender_that_dies_where_nothing_hangs_leaves_nothing_to_wait_for(
    world, commit, receiver, monkeypatch, point, done
):
    world.add(receiver)
    commit(event(1))
    world.publish()
    dies(monkeypatch, point, world.send)
    assert world.send()["delivered"] == (1 if done == "nothing" else 0)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("point", ["webhooks.before_made", "webhooks.after_made"])
def test_one_that_dies_while_messages_are_made_makes_each_once(world, commit, receiver, monkeypatch, point):
    world.add(receiver)
    commit(event(1))
    world.publisher.publish_batch()
    dies(monkeypatch, point, world.webhooks.make_messages)
    world.publish()
    assert world.send()["delivered"] == 1
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("point", ["webhooks.before_pause", "webhooks.after_pause"])
def test_one_that_dies_while_a_subscription_is_put_to_rest_spends_no_attempt(
    world, commit, receiver, monkeypatch, point
):
    world.add(receiver, secrets_in="nowhere")
    commit(event(1))
    world.publish()
    dies(monkeypatch, point, world.send)
    assert world.messages()[0].attempt == 0
    assert world.later(minutes=2)["paused"] == 1


def dies(monkeypatch, point, work):
    with monkeypatch.context() as fault:
        fault.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
        fault.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            work()


@pytest.mark.parametrize("point", ["webhooks.after_intent", "webhooks.after_call", "webhooks.before_record"])
def test_a_sender_that_dies_leaves_a_message_that_goes_out_again_under_its_id(
    world, commit, receiver, monkeypatch, point
):
    world.add(receiver)
    commit(event(1))
    world.publish()
    dies(monkeypatch, point, world.send)
    sent = len(receiver.requests)
    assert world.send()["called"] == 0  # the lease holds
    assert world.later(minutes=5)["delivered"] == 1
    assert len(receiver.requests) == sent + 1
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    (message,) = world.messages()
    assert (message.state, message.attempt) == ("delivered", 2)
    assert [row.phase for row in world.rows(webhook_attempts, webhook_attempts.c.attempt)].count(
        "intent"
    ) == 2


def test_one_who_lost_the_lease_writes_nothing(world, commit, receiver):
    world.add(receiver)
    commit(event(1))
    world.publish()
    intent = world.webhooks._claim(world.one(), None)
    assert world.later(minutes=5)["delivered"] == 1
    late = Answered(status=500, sentence="too late")
    assert not world.webhooks._record(intent, late, step(late), None)
    assert world.messages()[0].state == "delivered"


def test_two_who_send_at_once_send_each_message_once(world, commit, receiver):
    world.add(receiver)
    commit(*[event(number) for number in range(12)])
    world.publish()
    threads = [threading.Thread(target=world.send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 12


def test_one_that_is_switched_off_in_the_middle_of_a_batch_is_not_called_again(world, commit, receiver):
    """As a kill switch holds before the next call to a target."""
    world.add(receiver)
    commit(*[event(number) for number in range(6)])
    world.publish()

    def off(*call):
        world.do(lambda people: people.disable("planning", "they asked us to stop"))
        return answer(200)(*call)

    receiver.then(answer(200), off)
    assert world.send()["called"] == 2
    assert len(receiver.requests) == 2
    assert world.send()["called"] == 0
    world.do(lambda people: people.enable("planning"))
    assert world.send()["called"] == 4


# ── order ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_in_order_per_subject_the_next_one_waits_and_those_of_others_do_not(world, commit, receiver):
    world.add(receiver, ordered=True)
    commit(event(1, order="A"), event(2, order="A"), event(3, order="B"), event(4, order="A"))
    world.publish()
    receiver.then(answer(500))
    world.send()
    taken = [json.loads(request.body)["id"] for request in receiver.committed]
    assert taken == [event(1)["id"], event(3)["id"]]
    world.later(seconds=5)
    taken = [json.loads(request.body)["id"] for request in receiver.committed]
    assert taken[2:] == [event(number)["id"] for number in (1, 2, 4)]


def test_one_that_has_failed_for_good_holds_the_others_no_longer(world, commit, receiver):
    world.add(receiver, ordered=True)
    commit(event(1, order="A"), event(2, order="A"))
    world.publish()
    receiver.then(answer(500), answer(500), answer(500))
    world.send()
    world.later(seconds=5)
    world.later(seconds=300)
    assert [message.state for message in world.messages()] == ["failed", "delivered"]


def test_without_order_one_that_is_not_taken_delays_no_other(world, commit, receiver):
    world.add(receiver)
    commit(event(1, order="A"), event(2, order="A"))
    world.publish()
    receiver.then(answer(422))
    counts = world.send()
    assert (counts["retry"], counts["delivered"]) == (1, 1)


# ── one bad receiver ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_receiver_that_hangs_delays_no_other(world, commit, receiver):
    with LyingServer(lying_http.hang()) as bad:
        for number in range(3):
            world.add(bad, name=f"bad{number}")
        world.add(receiver, name="good")
        commit(*[event(number) for number in range(5)])
        world.publish()
        done_at = []
        receiver.standing = lying_http.reply(
            lambda request: (done_at.append(time.monotonic()), (204, {}, b""))[1]
        )
        began = time.monotonic()
        counts = world.send()
        whole = time.monotonic() - began
    assert counts["delivered"] == 5
    assert counts["retry"] == 3  # one attempt each: whoever does not answer is asked no more in this run
    assert max(done_at) - began < 1.5 < whole < 8


def test_a_subscription_without_its_connection_rests_and_spends_no_attempt(world, commit, receiver):
    world.add(receiver, name="broken", secrets_in="nowhere")
    world.add(receiver)
    commit(event(1))
    world.publish()
    counts = world.send()
    assert (counts["paused"], counts["delivered"]) == (1, 1)
    assert [message.attempt for message in world.messages() if message.state == "waiting"] == [0]
    (row,) = [row for row in world.rows(table) if row.name == "broken"]
    assert "'nowhere' is not defined" in row.reason


# ── switching off ──────────────────────────────────────────────────────────────────────────────────────────────

RULE = WebhookSettings()


def failures(*hours):
    """What failures at these hours lead to, one after another: percent, or off."""
    first, since, said = None, None, []
    for hour in hours:
        done = calling.failing(first_at=first, since=since, now=NOW + timedelta(hours=hour), settings=RULE)
        first, since = done.first_at, done.since
        said.append("off" if done.off else done.percent if done.since else None)
    return said


def test_the_clock_starts_only_with_failures_half_a_day_apart_within_a_day():
    assert failures(0, 1, 11) == [None, None, None]
    assert failures(0, 12) == [None, 0]
    assert failures(0, 25, 26) == [None, None, None]
    assert failures(0, 25, 38) == [None, None, 0]


def test_after_five_days_of_failures_alone_it_is_switched_off():
    assert failures(0, 12, 72, 96, 131, 132) == [None, 0, 50, 70, 99, "off"]


def test_a_success_stops_the_clock_and_alerts_come_once_each(world, commit, receiver):
    world.add(receiver)
    receiver.standing = answer(500)

    def fails(number, **by):
        world.clock.advance(timedelta(**by))
        commit(event(number))
        world.publish()
        world.send()

    for number, by in enumerate([{}, {"hours": 12}, {"hours": 61}, {"hours": 1}, {"hours": 24}]):
        fails(number, **by)
    alerts = [row.detail["percent"] for row in world.rows(audit, audit.c.at) if row.action == "webhook.alert"]
    assert alerts == [50, 70]
    receiver.then(answer(200))
    world.later(hours=1)
    assert world.one().alerted in (0, 50, 70)
    receiver.standing = answer(200)
    world.later(hours=1)
    assert (world.one().failing_since, world.one().alerted, world.one().state) == (None, 0, "active")


def test_five_days_of_failures_switch_it_off_with_four_alerts_and_a_person_recovers_what_failed(
    world, commit, receiver
):
    world.add(receiver)
    began = world.clock.now()
    receiver.standing = answer(500)
    for number in range(14):
        commit(event(number))
        world.publish()
        world.send()
        world.clock.advance(timedelta(hours=12))
    assert world.one().state == "disabled"
    alerts = [row.detail["percent"] for row in world.rows(audit, audit.c.at) if row.action == "webhook.alert"]
    assert alerts == [50, 70, 90, 100]
    receiver.standing = answer(200)
    assert world.send()["called"] == 0
    world.do(lambda people: people.enable("planning"))
    failed = sum(message.state == "failed" for message in world.messages())
    assert world.do(lambda people: people.recover("planning", began)) == failed > 0
    world.publish()
    world.send()
    got = {json.loads(request.body)["id"] for request in receiver.requests if request in receiver.committed}
    assert {message.state for message in world.messages()} == {"delivered"}
    assert got == {event(number)["id"] for number in range(14)}


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_came_while_it_was_disabled_is_sent_when_it_is_enabled_unless_somebody_says_from_now(
    world, commit, receiver
):
    for name in ("all", "new"):
        world.add(receiver, name=name, path=f"/{name}")
        world.do(lambda people, name=name: people.disable(name, "they move house"))
    commit(event(1))
    world.publish()
    assert world.send()["called"] == 0
    world.do(lambda people: people.enable("all"))
    world.do(lambda people: people.enable("new", from_now=True))
    world.publish()
    world.send()
    assert [request.path for request in receiver.requests] == ["/all"]


def test_a_message_sent_again_by_hand_keeps_its_id_and_does_not_start_the_schedule_anew(
    world, commit, receiver
):
    world.add(receiver)
    commit(event(1))
    world.publish()
    world.send()
    (message,) = world.messages()
    receiver.then(answer(500))
    world.do(lambda people: people.resend(message.id))
    assert world.send()["failed"] == 1
    assert world.later(days=3)["called"] == 0
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_sending_by_hand_what_waits_changes_nothing_of_its_schedule(world, commit, receiver):
    world.add(receiver)
    commit(event(1))
    world.publish()
    receiver.standing = answer(500)
    world.send()
    (message,) = world.messages()
    world.do(lambda people: people.resend(message.id))
    world.send()
    assert world.later(seconds=300)["failed"] == 1
    assert len(receiver.requests) == 3


def test_a_removed_subscription_gets_nothing_more_and_its_name_is_free(world, commit, receiver):
    world.add(receiver)
    commit(event(1), event(2))
    world.publish()
    assert world.do(lambda people: people.remove("planning")) == 2
    assert world.later(days=1)["called"] == 0
    world.add(receiver)
    assert [message.state for message in world.messages()] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://127.0.0.1/", "internal": False}, "only https"),
        ({"url": "https://169.254.169.254/", "internal": True}, "never called"),
        ({"name": "No Name"}, "no name of a webhook"),
        ({"secrets_in": "whsec_AAAA/BBBB="}, "no connection id"),
        ({"name": "taken"}, "already"),
    ],
)
def test_what_is_no_subscription_is_refused(world, receiver, given, said):
    world.add(receiver, name="taken")
    given = {
        "name": "planning", "url": receiver.url, "secrets_in": "hook", "wanted": Filter(), "internal": True, **given,
    }  # fmt: skip
    with pytest.raises(Misconfigured, match=said):
        world.do(lambda people: people.add(given.pop("url"), **given))


def test_no_row_holds_a_secret(world, commit, receiver):
    world.add(receiver)
    commit(event(1))
    world.publish()
    world.do(lambda people: people.rotate("planning", to="hook_2", overlap=timedelta(hours=1)))
    receiver.then(answer(500))
    world.send()
    bare = [secret.removeprefix("whsec_") for secret in (OLD, NEW)]
    texts = [str(row) for of in (table, webhook_messages, webhook_attempts, audit) for row in world.rows(of)]
    assert texts
    assert not any(secret in text for secret in bare for text in texts)


# ── rotating ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_secrets_are_rotated_under_load_without_one_refusal(world, commit, receiver):
    """The receiver changes its secret at any moment while both sign; it refuses what its secret does not take."""
    held, refused, numbers = [OLD], [], itertools.count()

    def judged(request):
        try:
            verified(request, held[0])
        except standardwebhooks.WebhookVerificationError:
            refused.append(request)
            return 401, {}, b""
        return 204, {}, b""

    receiver.standing = lying_http.reply(judged)
    world.add(receiver)

    def load():
        commit(*[event(next(numbers)) for _ in range(5)])
        world.publish()
        return world.send()["delivered"]

    assert load() == 5
    world.do(lambda people: people.rotate("planning", to="hook_2", overlap=timedelta(hours=24)))
    assert load() == 5
    held[0] = NEW
    assert load() == 5
    world.clock.advance(timedelta(hours=24))
    assert load() == 5
    assert refused == []
    signatures = [len(request.headers["webhook-signature"].split()) for request in receiver.requests]
    assert signatures == [1] * 5 + [2] * 10 + [1] * 5


def test_a_test_call_reaches_the_receiver_and_leaves_no_row(world, receiver):
    world.add(receiver)
    receiver.then(answer(200))
    answered = world.webhooks.test(world.one(), event(1))
    assert answered.status == 200
    assert receiver.requests[0].headers["webhook-id"].startswith("test_")
    assert world.messages() == []
    assert uuid.UUID(receiver.requests[0].headers["webhook-id"].removeprefix("test_"))


def test_what_is_older_than_the_feed_is_not_sent_any_more(world, commit, receiver):
    assert OUTGOING.feed == FeedSettings()
    world.add(receiver)
    commit(event(1))
    world.publisher.publish_batch()
    world.clock.advance(timedelta(days=31))
    commit(event(2))
    world.publish()
    world.send()
    assert [json.loads(request.body)["id"] for request in receiver.requests] == [event(2)["id"]]
