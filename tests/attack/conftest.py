"""A hub and a trading world in one process: real servers on loopback, a clock that the test moves."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.hub import Hub, RunReport
from crossdock.registry import Registry
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
from deploy.sandbox import documents
from deploy.sandbox.world import World

ROOT = Path(__file__).parents[2]


@dataclass
class Play:
    """The hub, the world it trades with, and the time that both know."""

    world: World
    store: Store
    clock: MovableClock
    registry: Registry
    tenant: str = "main"

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def hub(self, **more: Any) -> Hub:
        """A hub of its own, as another process would have it."""
        settings = {"lease": timedelta(seconds=300), "tenant": self.tenant, **more}
        return Hub.open(clock=self.clock, store=self.store, registry=self.registry, **settings)

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def receive(self, name: str) -> RunReport:
        """Two looks at what lies there, as two runs of the DAG would have."""
        self.hub().receive(name)
        self.later(seconds=10)
        return self.hub().receive(name)

    def everything(self) -> None:
        """Receive from the files and the ERP, and process it."""
        for name in ("supplier_edi", "erp", "carrier"):
            self.receive(name)
        self.hub().process()

    def hold(self, number: int, **more: Any) -> str:
        """The ERP holds an order for credit; the order's number."""
        order = f"SO-{number}"
        record = {
            **documents.order_holds(self.now)[0],
            "hold_id": f"H-{number}",
            "sales_order": order,
            **more,
        }
        self.world.erp.add_hold(record)
        return order

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with self.store.transaction(self.tenant) as connection:
            return list(connection.execute(sa.text(statement), values))

    def balance(self) -> list[tuple[Any, ...]]:
        """What of the ledger is not 0: nothing, always."""
        return [
            tuple(row)
            for row in self.rows(
                "SELECT * FROM crossdock.ledger_balance WHERE balance <> 0 OR missing_parts <> 0 OR unexplained <> 0"
            )
        ]

    def letters(self) -> list[Any]:
        return self.rows("SELECT * FROM crossdock.dead_letters ORDER BY created_at, id")


def short_calls(to: Path) -> Registry:
    """The packaged connectors, with calls to the ERP that end after a second."""
    shutil.copytree(ROOT / "connectors", to, ignore=shutil.ignore_patterns("__pycache__"))
    manifest = to / "erp" / "connector.toml"
    text = manifest.read_text().replace("deadline_s = 60.0", "deadline_s = 1.0")
    assert "deadline_s = 1.0" in text
    manifest.write_text(text)
    return Registry(to)


@pytest.fixture
def play(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """A world with nothing in it, and a hub that reaches it."""
    with World(tmp_path / "world") as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield Play(
            world=world,
            store=store,
            clock=MovableClock(datetime.now(UTC).replace(microsecond=0)),
            registry=short_calls(tmp_path / "connectors"),
        )
