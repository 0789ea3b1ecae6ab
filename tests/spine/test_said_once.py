"""What a carrier says again in each answer is recorded once, with the answer that said it first."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock import receive as receiving
from crossdock.hub import Hub
from crossdock.messages import CaseState, RawMessage
from crossdock.registry import Registry
from crossdock.store.tables import cases, events, facts, raw_messages

TENANT = "main"
SAMPLE = Path(__file__).parents[2] / "mappings/inbound/ups_tracking/samples/delivered_after_weather.json"
CONNECTOR = """\
title = "Tracking"
owner = "transport"
wire = "webhook"
connection = "crossdock_tracking"
connection_type = "crossdock_webhook"
version = "1"

[source]
document = "ups_tracking"
media_type = "application/json"
batch = 1
"""


@pytest.fixture
def hub(store, clock, tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "tracking").mkdir()
    (tmp_path / "tracking/connector.toml").write_text(CONNECTOR)
    registry = Registry(tmp_path)
    with Hub.open(
        store=store, registry=registry, clock=clock, tenant=TENANT, lease=timedelta(seconds=60)
    ) as hub:
        yield hub


def answer(newest: int, **more: Any) -> bytes:
    """The answer as it was when its newest activity was this one; 0 is the last."""
    document = json.loads(SAMPLE.read_bytes())
    package = document["trackResponse"]["shipment"][0]["package"][0]
    package["activity"] = package["activity"][newest:]
    package.update(more)
    return json.dumps(document).encode()


def take(hub: Hub, *bodies: bytes) -> None:
    for body in bodies:
        message = RawMessage(
            tenant=TENANT,
            source="tracking",
            key=hashlib.sha256(body).hexdigest(),
            body=body,
            media_type="application/json",
            received_at=hub.clock.now(),
            name="1Z",
        )
        receiving.accept(hub.store, message, clock=hub.clock)


def count(hub: Hub, table: sa.Table) -> int:
    with hub.store.transaction(TENANT) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def case(hub: Hub) -> Any:
    with hub.store.transaction(TENANT) as connection:
        return connection.execute(sa.select(cases)).one()


def test_each_answer_adds_only_what_is_new_in_it(hub: Hub) -> None:
    take(hub, answer(3))
    hub.process()
    assert (count(hub, facts), count(hub, events)) == (2, 0), "it departed, and is expected"
    take(hub, answer(2))
    hub.process()
    assert (count(hub, facts), count(hub, events)) == (4, 1), "it is late, and expected anew"
    take(hub, answer(2, weight={"weight": "3.00"}))
    hub.process()
    assert (count(hub, facts), count(hub, events)) == (4, 1), "another answer, and nothing new in it"
    assert (case(hub).state, case(hub).occurrences) == (CaseState.OPEN, 1)
    take(hub, answer(0))
    hub.process()
    assert (count(hub, facts), count(hub, events)) == (6, 1)
    assert case(hub).state == CaseState.RESOLVED, "it was delivered"


def test_a_trouble_that_a_person_ended_is_not_opened_by_an_answer_that_tells_of_it_again(hub: Hub) -> None:
    take(hub, answer(2))
    hub.process()
    hub.move_case(case(hub).id, CaseState.RESOLVED, "sam", "seen to")
    take(hub, answer(1))
    hub.process()
    assert case(hub).state == CaseState.RESOLVED
    assert case(hub).occurrences == 1


def test_several_answers_about_one_package_in_one_batch_say_each_thing_once(hub: Hub) -> None:
    take(hub, answer(3), answer(2), answer(1), answer(0))
    counts = hub.process().counts
    assert counts["events"] == 1
    assert count(hub, facts) == 7, "four activities, and three times when it was expected"
    assert case(hub).state == CaseState.RESOLVED


def test_the_answer_that_said_it_first_is_where_it_comes_from(hub: Hub) -> None:
    take(hub, answer(2))
    hub.process()
    take(hub, answer(1))
    hub.process()
    with hub.store.transaction(TENANT) as connection:
        first = (
            connection.execute(sa.select(raw_messages.c.id).order_by(raw_messages.c.received_at))
            .scalars()
            .first()
        )
        assert connection.execute(sa.select(events.c.raw_id)).scalar_one() == first


def test_processing_a_message_again_changes_nothing(hub: Hub) -> None:
    take(hub, answer(2))
    hub.process()
    with hub.store.transaction(TENANT) as connection:
        connection.execute(sa.update(raw_messages).values(again=True))
    before = (count(hub, facts), count(hub, events), case(hub).occurrences)
    hub.process()
    assert (count(hub, facts), count(hub, events), case(hub).occurrences) == before
