"""What comes of messages does not depend on how many of them are read at once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub
from crossdock.messages import RawMessage
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from deploy.sandbox import documents

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)


def hold(state: str, minutes: int) -> bytes:
    moment = (AT + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({**documents.order_holds(AT)[0], "state": state, "updated_at": moment}).encode()


def status(code: str, reason: str, control: int) -> Any:
    return documents.shipment_status(
        "SHP-1", "PRO-1", status=code, reason=reason, at=AT, place=("GARY", "IN"), control=control
    )


WORKED = object()
"""What came before this is worked in a batch of its own, either way."""

STORIES = {
    "held, released": [hold("held", 0), hold("released", 1)],
    "held, released, held again": [hold("held", 0), hold("released", 1), hold("held", 2)],
    "released, held": [hold("released", 0), hold("held", 1)],
    "a hold behind the release that it was before, and released": [hold("released", 1), hold("held", 0)],
    "held twice behind the release that they were before, and released": [
        hold("released", 2),
        hold("held", 1),
        hold("held", 0),
    ],
    "held, released, held, released": [
        hold("held", 0),
        hold("released", 1),
        hold("held", 2),
        hold("released", 3),
    ],
    "a hold that is known; older news of it, its release and older news again, and released": [
        hold("held", 1),
        WORKED,
        hold("held", 0),
        hold("released", 2),
        hold("held", 0),
    ],
    "a hold that is known; older news of it, its release, and held again": [
        hold("held", 1),
        WORKED,
        hold("held", 0),
        hold("released", 2),
        hold("held", 3),
    ],
    "late, delivered": [("214", [status("SD", "AO", 1)]), ("214", [status("D1", "NS", 2)])],
    "delivered, late": [("214", [status("D1", "NS", 1)]), ("214", [status("SD", "AO", 2)])],
}


def final(store: Any, story: list[Any], *, at_once: bool) -> set[tuple[str, str]]:
    """The open cases in the end."""
    clock = MovableClock(AT)
    hub = Hub.open(clock=clock, store=store, tenant="main", lease=timedelta(minutes=5))
    for number, said in enumerate(story, start=1):
        if said is WORKED:
            hub.process()
            continue
        source, media_type, body = "erp", "application/json", said
        if isinstance(said, tuple):
            source, media_type = "supplier_edi", "application/edi-x12"
            body = documents.interchange(documents.ROADRUNNER, "QM", said[1], control=number, at=AT)
        clock.advance(timedelta(seconds=1))
        hub.accept(
            hub.registry.manifest(source),
            RawMessage(
                tenant="main",
                source=source,
                key=str(number),
                body=body,
                media_type=media_type,
                received_at=clock.now(),
                name=str(number),
            ),
        )
        if not at_once:
            hub.process()
    hub.process()
    with store.transaction("main") as connection:
        rows = connection.execute(sa.text("SELECT code, subject FROM crossdock.cases WHERE state = 'open'"))
        return {(row.code, row.subject) for row in rows}


@pytest.mark.parametrize("name", STORIES)
def test_read_together_or_one_after_another_it_ends_the_same(database: Any, name: str) -> None:
    ends = []
    for at_once in (False, True):
        with Store.open(database.migrated()) as store:
            ends.append(final(store, STORIES[name], at_once=at_once))
    one_by_one, together = ends
    assert together == one_by_one
    assert bool(together) == (not name.endswith(("released", "delivered")))


def test_two_sets_of_one_file_are_two_statements_in_their_order(store: Any) -> None:
    both = [("214", [status("SD", "AO", 1), status("D1", "NS", 2)])]
    assert final(store, both, at_once=True) == set()
