"""What the person at the terminal is told of a hub that does not work, and when it is said to be at rest."""

import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from crossdock.store import tables
from crossdock.store.engine import Store
from deploy.sandbox.narrator import Narrator

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
WRONG = "partners/northvalve.toml:3: ids is no list of pairs"


class Told:
    """A narrator, a store, and the runs in it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._out = io.StringIO()
        self._minute = 0
        self.narrator = Narrator(store, "main", Console(file=self._out, width=300))

    def run(self, error: str | None, *, done: bool = True) -> None:
        self._minute += 1
        at = NOW + timedelta(minutes=self._minute)
        values: dict[str, Any] = {"started_at": at, "finished_at": at if done else None, "error": error}
        with self._store.transaction("main") as connection:
            connection.execute(
                tables.runs.insert().values(
                    tenant="main", id=uuid.uuid4(), step="process", connector=None, counts={}, **values
                )
            )

    def lines(self) -> list[str]:
        """What is said at this look."""
        before = len(self._out.getvalue())
        self.narrator.look()
        return [line.strip() for line in self._out.getvalue()[before:].splitlines()]


def test_a_step_that_fails_is_told_with_its_reason_once_and_again_after_it_had_worked(store: Store) -> None:
    told = Told(store)
    told.run(None)
    assert told.lines() == []
    told.run(WRONG)
    assert told.lines() == [f"trouble  process failed: {WRONG}"]
    told.run(WRONG)
    assert told.lines() == [], "every minute the same is no news"
    told.run("another\nand more")
    assert told.lines() == ["trouble  process failed: another", "and more"]
    told.run(None)
    told.run("another", done=False)
    assert told.lines() == []
    told.run("another")
    assert told.lines() == ["trouble  process failed: another"]


def test_a_hub_that_sends_is_not_at_rest(store: Store) -> None:
    narrator = Told(store).narrator
    assert narrator.at_rest()
    identity = uuid.uuid4()
    written = tables.write_backs
    with store.transaction("main") as connection:
        connection.execute(
            written.insert().values(
                tenant="main", id=identity, target="erp", operation="note", idempotency_key="k", subject="s",
                body=b"{}", body_sha256="0" * 64, media_type="application/json", headers={}, state="ready",
                next_attempt_at=NOW, created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
        connection.execute(
            written.update().values(state="sending", attempt=1, lease_until=NOW, next_attempt_at=None)
        )
    assert not narrator.at_rest()
    with store.transaction("main") as connection:
        connection.execute(written.update().values(state="delivered", receipt={}, lease_until=None))
    assert narrator.at_rest()
