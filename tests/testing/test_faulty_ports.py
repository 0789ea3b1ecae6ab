"""The wrappers: each port's methods fail in each way at their rates, and no port is forgotten."""

import inspect
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Protocol

import pytest
import sqlalchemy as sa

from crossdock import ports
from crossdock.errors import Refused, WireDown, WireQuiet
from crossdock.messages import Delivered, RawMessage, Receipt, Retry
from crossdock.store.engine import Store, StoreUnready
from crossdock.store.inbox import take_turn
from crossdock.store.tables import sources
from crossdock.testing.faulty_ports import KINDS, NEVER_FAILS, PORTS, FaultyStore, faulty, methods_of

NOT_PORTS = {
    "Clock": "tells the time; a wrong one is passed in as a clock",
    "Dice": "randomness; seeded ones are passed in",
    "Inquiries": "our own store, asked by a source; a fault of it is the database's",
}
AT = datetime(2026, 11, 20, 14, tzinfo=UTC)


class Everything:
    """One thing that is every port, and remembers what was really done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def read(self, after):
        for number in range(4):
            self.done.append(f"read {number}")
            yield RawMessage(
                tenant="main", source="s", key=str(number), body=b"", media_type="text/plain", received_at=AT
            )

    def settle(self, message, verdict):
        self.done.append("settle")

    def close(self):
        self.done.append("close")

    def position(self):
        return None

    def skipped(self):
        return ()

    def not_yet_quiet(self):
        return 0

    def inquire(self, inquiries):
        return None

    def deliver(self, write_back):
        self.done.append("deliver")
        return Delivered(receipt=Receipt(reference="1"))

    def find(self, write_back):
        self.done.append("find")
        return None

    def version(self, write_back):
        self.done.append("version")
        return '"7"'

    def preview(self, write_back):
        return {}

    def check(self):
        self.done.append("check")
        return iter(())


ARGUMENTS = {
    "read": (None,),
    "settle": (None, None),
    "deliver": (None,),
    "find": (None,),
    "version": (None,),
    "check": (),
}


def always(kind: str, method: str = "*") -> dict[str, dict[str, float]]:
    return {method: {kind: 1.0}}


def test_every_protocol_of_the_house_is_a_port_here_or_says_why_not() -> None:
    protocols = {
        name
        for name, value in inspect.getmembers(ports, inspect.isclass)
        if value.__module__ == ports.__name__ and Protocol in value.__mro__
    }
    assert protocols == {port.__name__ for port in PORTS} | set(NOT_PORTS)


def test_every_method_of_every_port_can_fail_or_calls_nobody() -> None:
    methods = {name for port in PORTS for name in methods_of(port)}
    assert methods == set(ARGUMENTS) | NEVER_FAILS
    assert set(ARGUMENTS) & NEVER_FAILS == set()


@pytest.mark.parametrize("method", ARGUMENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_method_fails_in_each_way(method: str, kind: str) -> None:
    inner = Everything()
    port = faulty(inner, random.Random(1), always(kind, method))
    raised = {"unavailable": WireDown, "rate_limited": Refused}.get(kind, WireQuiet)
    try:
        answer = getattr(port, method)(*ARGUMENTS[method])
        if inspect.isgenerator(answer):
            list(answer)
        assert method == "deliver"
        assert kind == "rate_limited"
        assert isinstance(answer, Retry)
    except raised as error:
        assert "injected" in str(error)
    assert bool(inner.done) == (kind == "execute_then_timeout")
    assert port.made == [(method, kind)]


def test_a_port_is_still_the_ports_that_it_was_and_no_other() -> None:
    whole = faulty(Everything(), random.Random(1), {})
    assert all(
        isinstance(whole, port) for port in (ports.Searchable, ports.Checkable, ports.Watchful, ports.Patient)
    )

    class OnlySink:
        def deliver(self, write_back):
            return Delivered(receipt=Receipt(reference="1"))

        def close(self):
            pass

    bare = faulty(OnlySink(), random.Random(1), {})
    assert not isinstance(bare, ports.Searchable)
    assert isinstance(bare.deliver(None), Delivered)
    assert not hasattr(bare, "read")


def test_a_source_breaks_off_in_the_middle_as_well_as_at_the_end() -> None:
    came = set()
    for seed in range(40):
        port = faulty(Everything(), random.Random(seed), always("execute_then_timeout", "read"))
        got = []
        with pytest.raises(WireQuiet):
            for message in port.read(None):
                got.append(message.key)
        came.add(len(got))
    assert came == {1, 2, 3, 4}


def test_rates_are_kept_and_the_same_dice_fail_the_same_calls() -> None:
    def kinds(seed: int) -> list[tuple[str, str]]:
        port = faulty(Everything(), random.Random(seed), {"deliver": dict.fromkeys(KINDS, 0.1)})
        for _ in range(1000):
            try:
                port.deliver(None)
            except (WireQuiet, WireDown):
                pass
        return port.made

    assert kinds(5) == kinds(5) != kinds(6)
    shares = Counter(kind for _, kind in kinds(5))
    assert all(60 <= shares[kind] <= 140 for kind in KINDS)


@pytest.mark.parametrize(
    "rates",
    [
        {"fly": {"timeout": 0.1}},
        {"close": {"timeout": 0.1}},
        {"deliver": {"tired": 0.1}},
        {"find": {"timeout": 2.0}},
    ],
)
def test_a_rate_that_means_nothing_is_refused(rates) -> None:
    with pytest.raises(ValueError):
        faulty(Everything(), random.Random(1), rates)


@pytest.mark.parametrize(
    ("kind", "error", "written"),
    [
        ("unavailable", StoreUnready, 0),
        ("rate_limited", StoreUnready, 0),
        ("timeout", WireDown, 0),
        ("execute_then_timeout", WireDown, 1),
    ],
)
def test_a_store_that_comes_and_goes(store: Store, kind: str, error: type[Exception], written: int) -> None:
    shaky = FaultyStore(store, random.Random(1), {kind: 1.0})
    with pytest.raises(error), shaky.transaction("main") as connection:
        take_turn(connection, tenant="main", source="s", now=AT)
    with store.reading("main") as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sources)) == written
    assert shaky.made == [kind]
