"""Brokers: at least once, under ids that never change, in order per key, whoever dies, whatever the broker does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crossdock import deadletters
from crossdock.emit.brokering import BrokerAway, BrokerPublisher
from crossdock.emit.filters import Filter
from crossdock.emit.settings import BrokerSettings, Settings
from crossdock.errors import Misconfigured, WireDown
from crossdock.faultpoints import InjectedFault
from crossdock.ports import Login, Secret
from crossdock.store import brokers
from crossdock.store.tables import dead_letters
from crossdock.testing.amqp_server import AmqpServer
from crossdock.testing.events import example_event as event
from crossdock.wires import brokers as wires
from crossdock.wires.brokers import BrokerMessage, BrokerRefused, open_driver

TENANT = "main"
TOPIC = "crossdock.exceptions"
SOON = timedelta(seconds=5)


class Book:
    """A driver that keeps what it was given. ``answers``: how many of a batch are confirmed, or what is raised."""

    def __init__(self):
        self.messages, self.answers = [], []

    def publish(self, messages):
        answer = self.answers.pop(0) if self.answers else len(messages)
        if isinstance(answer, Exception):
            self.messages += messages  # it may have arrived all the same
            raise answer
        if isinstance(answer, list):
            self.messages += messages
            return answer
        self.messages += messages[:answer]
        return [None] * answer

    def close(self): ...


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def broker(store, clock, publisher):
    def made(driver, **given):
        settings = BrokerSettings(name="lake", driver="kafka", connection="lake", to=TOPIC, **given)
        made = BrokerPublisher(
            store=store, tenant=TENANT, broker=settings, settings=Settings(), driver=driver, clock=clock
        )

        def run():
            publisher.publish_batch()
            return made.publish_batch()

        return run

    return made


def ids(messages):
    return [message.id for message in messages]


def standing(store):
    with store.reading(TENANT) as connection:
        (row,) = brokers.listed(connection, TENANT)
    return row


# ── positions ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_is_published_once_in_order_with_its_id_key_and_route(store, broker, book, commit):
    commit(event(1), event(2, code="SHP.DELAY"))
    run = broker(book)
    assert run() == {"looked": 2, "published": 2, "dead_lettered": 0, "lost_lease": 0}
    assert run()["looked"] == 0
    assert ids(book.messages) == [event(1)["id"], event(2)["id"]]
    first, second = book.messages
    assert json.loads(first.body) == event(1)
    assert (first.key, second.route) == (event(1)["partitionkey"], "SHP.DELAY")
    assert first.headers["ce_id"] == event(1)["id"]
    assert first.headers["ce_source"] == event(1)["source"]
    assert (standing(store)["position"], standing(store)["sent_total"]) == (2, 2)


def test_a_filter_leaves_out_the_rest_and_goes_past_it(store, broker, book, commit):
    commit(event(1), event(2, code="SHP.DELAY"), event(3))
    run = broker(book, wanted=Filter(codes=("SHP",)))
    run()
    assert ids(book.messages) == [event(2)["id"]]
    assert standing(store)["position"] == 3


def test_what_was_confirmed_before_the_broker_went_away_is_not_sent_again(broker, book, commit):
    commit(*[event(number) for number in range(4)])
    book.answers = [2]
    run = broker(book)
    assert run()["published"] == 2
    assert run()["published"] == 2
    assert ids(book.messages) == [event(number)["id"] for number in range(4)]


def test_a_publish_whose_outcome_is_unknown_is_published_again_under_the_same_id(
    store, broker, book, commit, clock
):
    commit(event(1))
    book.answers = [WireDown("no confirmation came in time")]
    run = broker(book)
    with pytest.raises(BrokerAway, match="no confirmation"):
        run()
    assert standing(store)["error"] == "no confirmation came in time"
    assert run()["looked"] == 0  # not before a moment has passed
    clock.advance(timedelta(seconds=10))
    run()
    assert ids(book.messages) == [event(1)["id"]] * 2
    assert standing(store)["error"] is None


def test_the_pauses_grow_and_end_at_a_quarter_of_an_hour(broker, book, commit, clock, store):
    commit(event(1))
    run, pauses = broker(book), []
    for _ in range(12):
        book.answers = [WireDown("away")]
        with contextlib.suppress(BrokerAway):
            run()
        until = standing(store)["not_before"]
        pauses.append(round((sa_time(until) - clock.now()).total_seconds()))
        clock.advance(sa_time(until) - clock.now())
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900, 900]


def sa_time(text):
    from datetime import datetime

    return datetime.fromisoformat(text)


@pytest.mark.parametrize("point", ["brokers.after_turn", "brokers.after_send", "brokers.before_mark"])
def test_a_publisher_that_dies_before_it_marked_is_followed_by_one_that_sends_the_same(
    broker, book, commit, clock, monkeypatch, point
):
    commit(event(1), event(2))
    run = broker(book)
    with monkeypatch.context() as fault:
        fault.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
        fault.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            run()
    sent = len(book.messages)
    assert run()["looked"] == 0  # its lease holds
    clock.advance(timedelta(minutes=5))
    assert run()["published"] == 2
    assert ids(book.messages) == [event(1)["id"], event(2)["id"]] * (sent // 2 + 1)


@pytest.mark.parametrize(("point", "again"), [("brokers.before_turn", True), ("brokers.after_mark", False)])
def test_one_that_dies_beside_the_other_boundaries_leaves_nothing_to_wait_for(
    broker, book, commit, monkeypatch, point, again
):
    commit(event(1))
    run = broker(book)
    with monkeypatch.context() as fault:
        fault.setenv("CROSSDOCK_FAULT", f"{point}:raise:1")
        fault.setattr("crossdock.faultpoints._seen", {})
        with pytest.raises(InjectedFault):
            run()
    assert run()["looked"] == int(again)
    assert ids(book.messages) == [event(1)["id"]]


def test_one_whose_lease_was_taken_marks_nothing(store, broker, book, commit, clock):
    commit(event(1))
    run = broker(book)
    slow = book.publish

    def outlived(messages):
        book.publish = slow
        clock.advance(timedelta(minutes=5))
        assert run()["published"] == 1
        return slow(messages)

    book.publish = outlived
    assert run()["lost_lease"] == 1
    assert (standing(store)["position"], standing(store)["sent_total"]) == (1, 1)


def test_one_that_the_broker_will_never_take_is_set_aside_and_the_others_go_on(
    store, broker, book, commit, clock
):
    commit(event(1), event(2), event(3))
    book.answers = [[None, BrokerRefused(reason="too large"), None]]
    assert broker(book)() == {"looked": 3, "published": 2, "dead_lettered": 1, "lost_lease": 0}
    with store.transaction(TENANT) as connection:
        (letter,) = connection.execute(sa.select(dead_letters)).all()
        assert (letter.stage, letter.source, letter.code) == ("emit", "lake", "INT.DELIVERY_FAILED")
        with pytest.raises(deadletters.NotPossible, match="the feed has this event"):
            deadletters.replay(connection, tenant=TENANT, letter_id=letter.id, actor="ann", now=clock.now())


@pytest.mark.parametrize(("driver", "library"), [("kafka", "confluent_kafka"), ("amqp", "pika")])
def test_a_driver_without_its_library_says_what_to_install(monkeypatch, driver, library):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"crossdock.wires.{driver}", raising=False)
    monkeypatch.delattr(wires, driver, raising=False)
    with pytest.raises(Misconfigured, match=rf"pip install 'crossdock\[{driver}\]'"):
        open_driver(driver, Login(connection_id="lake", host="x"), to=TOPIC, deadline=SOON)


def message(number, key="k", size=10):
    return BrokerMessage(
        id=f"id-{number}",
        key=key,
        route="INV.BACKORDER",
        body=json.dumps({"n": number, "pad": "x" * size}).encode(),
        media_type="application/cloudevents+json",
        headers={"ce_id": f"id-{number}"},
    )


# ── kafka ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Cluster:
    """librdkafka's own mock cluster, on loopback, and what lies in its topic."""

    def __init__(self):
        from confluent_kafka import Producer

        self._host = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored"})
        brokers_ = self._host.list_topics(timeout=10).brokers.values()
        (self.address,) = {f"{one.host}:{one.port}" for one in brokers_}

    def login(self, **settings):
        return Login(connection_id="lake", host=self.address, extra={"kafka": settings})

    def read(self, count, within_s=15):
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "g", "enable.auto.commit": False})
        try:
            parts = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
            consumer.assign([TopicPartition(TOPIC, part, OFFSET_BEGINNING) for part in parts])
            found, until = [], time.monotonic() + within_s
            while len(found) < count and time.monotonic() < until:
                one = consumer.poll(0.2)
                if one is not None and one.error() is None:
                    found.append(one)
            return found
        finally:
            consumer.close()


@pytest.fixture(scope="module")
def kafka():
    return Cluster()


@pytest.fixture
def topic(monkeypatch):
    """A topic of the test's own."""
    import uuid

    name = f"t-{uuid.uuid4().hex[:8]}"
    monkeypatch.setitem(globals(), "TOPIC", name)
    return name


def test_kafka_has_what_it_confirmed_with_ids_as_headers_and_the_order_of_each_key(kafka, topic):
    driver = open_driver("kafka", kafka.login(), to=topic, deadline=timedelta(seconds=20))
    sent = [message(number, key=f"k{number % 3}") for number in range(12)]
    assert driver.publish(sent) == [None] * 12
    driver.close()
    found = kafka.read(12)
    assert len(found) == 12
    headers = [dict(one.headers()) for one in found]
    assert {one["ce_id"].decode() for one in headers} == {one.id for one in sent}
    assert headers[0]["content-type"] == b"application/cloudevents+json"
    for key in ("k0", "k1", "k2"):
        numbers = [json.loads(one.value())["n"] for one in found if one.key() == key.encode()]
        assert numbers == sorted(numbers)
        assert len(numbers) == 4
        assert len({one.partition() for one in found if one.key() == key.encode()}) == 1


def test_one_message_that_is_too_large_for_kafka_is_refused_alone(kafka, topic):
    login = kafka.login(**{"message.max.bytes": 2000})
    driver = open_driver("kafka", login, to=topic, deadline=timedelta(seconds=20))
    answers = driver.publish([message(1, "a"), message(2, "b", size=5000), message(3, "c")])
    driver.close()
    assert (answers[0], answers[2]) == (None, None)
    assert "too large" in answers[1].reason.lower()


def test_a_kafka_that_is_not_there_is_away_within_the_deadline():
    login = Login(connection_id="lake", host="127.0.0.1:9")
    driver = open_driver("kafka", login, to=TOPIC, deadline=timedelta(seconds=1))
    began = time.monotonic()
    with pytest.raises(WireDown, match="under the same id"):
        driver.publish([message(1), message(2)])
    driver.close()
    assert time.monotonic() - began < 10


def test_settings_that_kafka_does_not_know_are_told_without_a_secret():
    login = Login(
        connection_id="lake", host="h", user="u", password=Secret("hush"), extra={"kafka": {"no.such": "1"}}
    )
    with pytest.raises(Misconfigured, match=r"'lake'.*settings") as told:
        open_driver("kafka", login, to=TOPIC, deadline=SOON)
    assert "hush" not in str(told.value)


KILLED = """
import os, sys
from datetime import timedelta
from crossdock.emit.brokering import BrokerPublisher
from crossdock.emit.publish import Publisher
from crossdock.emit.settings import BrokerSettings, Settings
from crossdock.ports import Login
from crossdock.store.clock import StoreClock
from crossdock.store.engine import Store
from crossdock.wires.brokers import open_driver
url, address, topic = sys.argv[1:]
with Store.open(url) as store:
    clock = StoreClock(store)
    Publisher(store=store, tenant="main", clock=clock).publish_batch()
    BrokerPublisher(
        store=store, tenant="main", settings=Settings(), clock=clock,
        broker=BrokerSettings(name="lake", driver="kafka", connection="lake", to=topic),
        driver=open_driver("kafka", Login(connection_id="lake", host=address), to=topic,
                           deadline=timedelta(seconds=20)),
    ).publish_batch()
"""


def test_a_publisher_killed_between_sending_and_marking_is_followed_by_the_same_ids(
    store, kafka, topic, commit, publisher, clock
):
    commit(event(1), event(2))
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, store.url.render_as_string(hide_password=False), kafka.address, topic],
        env={**os.environ, "CROSSDOCK_FAULT": "brokers.after_send:kill:1"},
        capture_output=True,
        timeout=120,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()
    later = BrokerPublisher(
        store=store,
        tenant=TENANT,
        settings=Settings(),
        broker=BrokerSettings(name="lake", driver="kafka", connection="lake", to=topic),
        driver=open_driver("kafka", kafka.login(), to=topic, deadline=timedelta(seconds=20)),
        clock=clock,
    )
    clock.advance(store.now() - clock.now() + timedelta(minutes=10))
    assert later.publish_batch()["published"] == 2
    found = [dict(one.headers())["ce_id"].decode() for one in kafka.read(4)]
    assert sorted(found) == sorted([event(1)["id"], event(2)["id"]] * 2)


# ── amqp ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rabbit():
    with AmqpServer() as server:
        yield server


def amqp(rabbit, password="guest", deadline=SOON):
    login = Login(connection_id="bus", host="127.0.0.1", port=rabbit.port, password=Secret(password))
    return open_driver("amqp", login, to="exceptions", deadline=deadline)


@pytest.fixture
def driver(rabbit):
    driver = amqp(rabbit)
    yield driver
    driver.close()


def numbers(rabbit):
    return [json.loads(one.body)["n"] for one in rabbit.published]


def test_amqp_messages_are_persistent_mandatory_confirmed_and_in_order(rabbit, driver):
    assert driver.publish([message(number) for number in range(5)]) == [None] * 5
    assert numbers(rabbit) == [0, 1, 2, 3, 4]
    first = rabbit.published[0]
    assert (first.exchange, first.routing_key, first.mandatory) == ("exceptions", "INV.BACKORDER", True)
    assert (first.properties.message_id, first.properties.delivery_mode) == ("id-0", 2)
    assert first.properties.headers["ce_id"] == "id-0"
    assert first.properties.content_type == "application/cloudevents+json"


def test_a_connection_that_ends_before_the_confirm_leaves_the_message_to_be_sent_again(rabbit, driver):
    rabbit.then("confirm", "drop")
    assert driver.publish([message(1), message(2), message(3)]) == [None]
    assert driver.publish([message(2), message(3)]) == [None, None]
    assert numbers(rabbit) == [1, 2, 2, 3]
    rabbit.then("drop")
    with pytest.raises(WireDown, match="under the same id"):
        driver.publish([message(4)])


def test_a_broker_that_never_confirms_is_left_after_the_deadline(rabbit):
    driver = amqp(rabbit, deadline=timedelta(seconds=1))
    rabbit.then("confirm", "silent")
    began = time.monotonic()
    assert driver.publish([message(1), message(2), message(3)]) == [None]
    assert time.monotonic() - began < 9
    assert driver.publish([message(2)]) == [None]
    driver.close()


def test_a_broker_that_does_not_take_it_stops_the_batch(rabbit, driver):
    rabbit.then("confirm", "nack")
    assert driver.publish([message(1), message(2), message(3)]) == [None]
    rabbit.then("nack")
    with pytest.raises(WireDown, match="did not take"):
        driver.publish([message(2)])


def test_a_message_that_no_queue_takes_is_a_mistake_that_somebody_is_told(rabbit, driver):
    rabbit.then("unroutable")
    with pytest.raises(
        Misconfigured, match=r"no queue is bound to exchange 'exceptions' for 'INV.BACKORDER'"
    ):
        driver.publish([message(1)])
    assert driver.publish([message(1)]) == [None]


def test_an_exchange_that_is_not_there_is_named(rabbit, driver):
    rabbit.then("no_exchange")
    with pytest.raises(Misconfigured, match="no exchange 'exceptions'"):
        driver.publish([message(1)])
    assert driver.publish([message(1)]) == [None]


def test_a_login_that_is_not_accepted_is_no_outage(rabbit):
    driver = amqp(rabbit, password="wrong")
    with pytest.raises(Misconfigured, match="login is not accepted") as told:
        driver.publish([message(1)])
    assert "wrong" not in str(told.value)


def test_a_broker_that_is_not_there_is_away():
    login = Login(connection_id="bus", host="127.0.0.1", port=9)
    with pytest.raises(WireDown):
        open_driver("amqp", login, to="exceptions", deadline=timedelta(seconds=1)).publish([message(1)])
