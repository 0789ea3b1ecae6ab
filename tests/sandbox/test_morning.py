"""The whole morning by the hub's own steps, without Airflow: the partners' books are the judge."""

import io
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from crossdock.hub import Hub
from crossdock.registry import OFF
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from deploy.sandbox import expected
from deploy.sandbox.in_use import without_a_connection
from deploy.sandbox.narrator import Narrator
from deploy.sandbox.play import Play
from deploy.sandbox.records import Records
from deploy.sandbox.world import World

SOURCES = ("supplier_edi", "erp", "carrier")
ROUNDS = 40


class Morning:
    """A world in which everything has been said, and a hub that has not looked yet."""

    def __init__(self, home: Path, world: World, store: Store) -> None:
        self.world = world
        self.clock = MovableClock(datetime.now(UTC))
        self.hub = Hub.open(store=store, clock=self.clock, dice=random.Random(7))
        self.play = Play(home, world.describe())
        self.play.prepare()
        while self.play.next():
            pass
        self.errors: list[str] = []

    def round(self) -> None:
        """What Airflow would call within half a minute."""
        reports = [self.hub.receive(source) for source in SOURCES]
        reports.append(self.hub.process())
        reports += [self.hub.deliver(target) for target in self.hub.targets()]
        self.errors += [report.error for report in reports if report.error]
        self.clock.advance(timedelta(seconds=30))

    def missing(self) -> list[str]:
        return expected.missing(Records(self.world.home), self.play.at)

    def live(self, until: Callable[[], bool]) -> None:
        for _ in range(ROUNDS):
            self.round()
            if until():
                return


@pytest.fixture
def morning(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Morning]:
    with World(tmp_path / "world") as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(OFF, ",".join(without_a_connection(world.environment())))
        yield Morning(tmp_path, world, store)


def test_the_hub_does_what_the_oracle_expects_and_then_nothing_more(morning: Morning) -> None:
    morning.live(lambda: not morning.missing())
    assert morning.missing() == []
    for _ in range(3):
        morning.clock.advance(timedelta(hours=1))
        morning.round()
    assert morning.missing() == []
    assert morning.errors == []


@pytest.mark.parametrize("mode", ["reset_before_commit", "reset_after_commit", "429", "500", "html"])
def test_an_erp_that_fails_this_way_three_times_has_each_effect_once_in_the_end(
    morning: Morning, mode: str
) -> None:
    for operation in ("notes", "holds", "date-changes"):
        morning.world.erp.faults.tell({"operation": operation, "mode": mode, "times": 3})
    morning.live(lambda: not morning.missing())
    assert morning.missing() == []
    faults = [call for call in morning.world.erp.requests() if call.get("fault") == mode]
    assert len(faults) >= 3 + 1 + 2, "fewer calls met a fault than there were faults to meet"


@pytest.mark.parametrize("mode", ["fault", "reset_before_commit", "429", "500", "html"])
def test_a_carrier_that_fails_this_way_is_asked_again_and_nothing_is_lost(
    morning: Morning, mode: str
) -> None:
    morning.world.carrier.faults.tell({"mode": mode, "times": 4})
    morning.live(lambda: not morning.missing())
    assert morning.missing() == []
    assert morning.errors, "a broken carrier was not called broken"


def test_the_story_tells_every_thing_once(morning: Morning, store: Store) -> None:
    told = io.StringIO()
    narrator = Narrator(
        store, "main", Console(file=told, width=400), command=lambda text: f"source env && {text}"
    )
    morning.live(lambda: narrator.look() == 0 and not morning.missing())
    assert narrator.look() == 0
    assert narrator.waiting() == len(expected.SET_ASIDE)
    assert narrator.balance()
    story = told.getvalue()

    def lines(verb: str) -> list[str]:
        return [line for line in story.splitlines() if line.startswith(f"{verb:>10}  ")]

    assert len(lines("came in")) == 8 + 2 + 2
    assert [line.split()[1] for line in lines("again")] == ["855_88102_resend.edi"]
    assert len(lines("wrote")) == len(expected.effects(morning.play.at))
    assert len(lines("answered")) == len(expected.ACKNOWLEDGEMENTS)
    assert (
        "group PR 4104 partly accepted (855 0001 accepted, 855 0002 rejected 4, 855 0003 accepted)" in story
    )
    papers = sorted(line.split()[2] for line in lines("set aside"))
    assert papers == sorted(one.paper for one in expected.SET_ASIDE)
    assert story.count("source env && crossdock dead-letters replay ") == len(expected.SET_ASIDE)
    assert story.count("balance 0") == len(SOURCES)
