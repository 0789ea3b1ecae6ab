"""The morning of the demonstration: who leaves which paper, one after another.

What was done is written down before it is done, and doing it again changes nothing, so a play that was
interrupted goes on where it stopped, with the same bytes.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import requests

from deploy.sandbox import documents
from deploy.sandbox.records import ARCHIVE_FOLDER, OUTBOUND_FOLDER

_TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that happens in the world: where, what it is for the person who watches, and how it is done."""

    where: str
    name: str
    story: str
    act: Callable[[], None]


class Play:
    """The scenes of one morning in the world of ``world`` (the content of its ``world.json``)."""

    def __init__(self, home: Path, world: dict[str, Any]) -> None:
        self.home = home
        self._world = world
        self._book = home / "play.json"
        self.at, self._done = self._begin()
        self.scenes = list(self._scenes())

    def prepare(self) -> None:
        """What the ERP knew yesterday: its orders."""
        for order in documents.orders():
            self._tell(self._world["erp"]["url"], "orders", order)

    def next(self) -> Scene | None:
        """Act the next scene and return it; ``None`` when the play is over."""
        if self._done == len(self.scenes):
            return None
        scene = self.scenes[self._done]
        scene.act()
        self._done += 1
        self._write()
        return scene

    @property
    def over(self) -> bool:
        return self._done == len(self.scenes)

    def _scenes(self) -> Iterator[Scene]:
        for paper in documents.morning(self.at):
            yield Scene(
                where="supplier's SFTP",
                name=paper.name,
                story=paper.story,
                act=partial(self._leave, paper),
            )
        for hold in documents.order_holds(self.at):
            customer, order = hold["customer"]["name"], hold["sales_order"]
            yield Scene(
                where="ERP",
                name=hold["hold_id"],
                story=f"the ERP holds {order} of {customer}: {hold['reason_code']}",
                act=partial(self._tell, self._world["erp"]["url"], "holds", hold),
            )
        for update in documents.status_updates(self.at):
            word = "is late" if update["StatusCode"] == "SD" else "drives as planned"
            yield Scene(
                where="carrier",
                name=update["EventId"],
                story=f"shipment {update['ShipmentId']} {word} at {update['City']}",
                act=partial(self._tell, self._world["carrier"]["control"], "updates", update),
            )

    def _leave(self, paper: documents.Paper) -> None:
        """Put a file where the supplier puts files for us, whole at once. Not twice, taken or not."""
        root = Path(self._world["supplier"]["root"])
        if any(paper.name in path.name for path in (root / ARCHIVE_FOLDER).iterdir()):
            return
        hidden = root / OUTBOUND_FOLDER / f".{paper.name}.part"
        hidden.write_bytes(paper.body)
        hidden.rename(root / OUTBOUND_FOLDER / paper.name)

    def _tell(self, system: str, what: str, value: Any) -> None:
        requests.post(f"{system}/_control/{what}", json=value, timeout=_TIMEOUT_S).raise_for_status()

    def _begin(self) -> tuple[datetime, int]:
        if self._book.exists():
            kept = json.loads(self._book.read_bytes())
            return datetime.fromisoformat(kept["at"]), int(kept["done"])
        self.at, self._done = datetime.now(UTC).replace(microsecond=0), 0
        self._write()
        return self.at, self._done

    def _write(self) -> None:
        fresh = self._book.with_name(".play.json.new")
        with fresh.open("w") as file:
            json.dump({"at": self.at.isoformat(), "done": self._done}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._book)
