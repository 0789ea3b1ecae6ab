"""The play: files on a real SFTP server on loopback, an ERP beside it, and the hub's own steps by a virtual clock."""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from crossdock.hub import Hub, RunReport
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from deploy.sandbox.day.envelopes import Parcel
from deploy.sandbox.day.script import LOOK, Script
from deploy.sandbox.day.traders import write_profiles
from deploy.sandbox.world import World

MAILBOX: Final = "supplier_edi"
ROUNDS: Final = 20
"""So often the mailbox is looked into at one moment, before something must be wrong with it."""


@dataclass(slots=True)
class Played:
    """What is left when the day is over, beside the hub's own store: what partners were sent, and what failed."""

    sent: Mapping[str, bytes] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    files: int = 0
    ticks: int = 0


def play(script: Script, store: Store, home: Path, *, every_quarter: bool = False) -> Played:
    """Play a script through the hub. ``every_quarter``: the hub works at each quarter of an hour of the first day,
    not only when something comes or is over."""
    profiles, calendars = home / "partners", home / "calendars"
    write_profiles(script.traders, profiles, calendars)
    with World(home / "world") as world:
        environment = {
            **world.environment(),
            "CROSSDOCK_PARTNERS_DIR": str(profiles),
            "CROSSDOCK_CALENDARS_DIR": str(calendars),
        }
        with _environment(environment):
            stage = _Stage(script, store, world)
            ticks = script.ticks() if every_quarter else sorted(script.busy())
            for tick in ticks:
                stage.tick(tick)
            return stage.close(len(ticks))


class _Stage:
    def __init__(self, script: Script, store: Store, world: World) -> None:
        self._clock = MovableClock(script.at(0, 0))
        self._hub = Hub.open(store=store, clock=self._clock, dice=random.Random(script.seed))
        self._world = world
        self._mail: dict[datetime, list[Parcel]] = {}
        for parcel in script.parcels:
            self._mail.setdefault(parcel.at, []).append(parcel)
        self._played = Played()

    def tick(self, moment: datetime) -> None:
        """One quarter of an hour: what comes is put there, taken, understood, and answered."""
        self._clock.advance(moment - self._clock.now())
        mail = self._mail.get(moment, ())
        for parcel in mail:
            self._world.supplier.put(parcel.name, parcel.body())
            self._played.files += 1
        self._note(self._hub.receive(MAILBOX))
        if mail:
            self._clock.advance(LOOK)
            for _ in range(ROUNDS):
                self._note(self._hub.receive(MAILBOX))
                if not self._world.supplier.waiting():
                    break
        self._note(self._hub.process())
        for target in (MAILBOX, "erp"):
            self._note(self._hub.deliver(target))

    def close(self, ticks: int) -> Played:
        for name in self._world.supplier.waiting():
            self._played.errors.append(f"{name} still lies in the mailbox")
        self._played.sent = self._world.supplier.received()
        self._played.ticks = ticks
        return self._played

    def _note(self, report: RunReport) -> None:
        if report.error:
            self._played.errors.append(f"{report.step} {report.connector or ''}: {report.error}")


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables of the environment, for as long as the play lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
