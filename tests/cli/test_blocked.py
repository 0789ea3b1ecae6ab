"""``crossdock blocked``: what waits for something unknown, and of how much the partner heard that we refuse it."""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crossdock import receive as receiving
from crossdock.hub import Hub
from crossdock.mapping import InboundMapping
from crossdock.messages import RawMessage
from crossdock.registry import Registry
from crossdock.testing.clock import MovableClock

ORDER = Path(receiving.__file__).parents[1] / "mappings/inbound/x12_850/samples/clean.edi"


class Lacking(Registry):
    def inbound(self, document: str) -> InboundMapping | None:
        return None if document == "x12/850" else super().inbound(document)


@pytest.fixture
def waiting(store: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order that nobody could read, and one of a sender that nobody knows."""
    monkeypatch.setenv("CROSSDOCK_DATABASE_URL", store.url.render_as_string(hide_password=False))
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(
            Hub.open(store=store, registry=Lacking(), clock=clock, tenant="main", lease=timedelta(seconds=60))
        )
        for key, body in enumerate(
            (ORDER.read_bytes(), ORDER.read_bytes().replace(b"ZZ*LAKESIDE ", b"ZZ*NOBODY   "))
        ):
            message = RawMessage(
                tenant="main",
                source="supplier_edi",
                key=str(key),
                body=body,
                media_type="application/edi-x12",
                received_at=clock.now(),
                name=f"{key}.edi",
            )
            receiving.accept(hub.store, message, clock=clock)
        hub.process()


def test_the_list_says_of_how_many_parts_the_partner_was_told_that_we_refuse_them(
    crossdock: Any, waiting: None
) -> None:
    groups = {
        one["blocked_by"]: one["told_refused"]
        for one in crossdock("blocked", "list", "--json").json["groups"]
    }
    assert groups == {"set:x12/850": 1, "partner:ZZ/NOBODY": 0}
    ran = crossdock("blocked", "list")
    assert "TOLD REFUSED" in ran.stdout
    assert "may send them again" in ran.stdout + ran.stderr


def test_one_part_is_run_again_in_the_singular(crossdock: Any, waiting: None) -> None:
    assert crossdock("blocked", "run", "set:x12/850").stdout == "1 part run again\n"
