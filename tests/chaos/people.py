"""What people do in the day, each step only while it is still to be done: who is killed in the middle starts anew."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from crossdock.deadletters import NotPossible
from crossdock.emit.filters import EVERYTHING
from crossdock.errors import Misconfigured
from crossdock.redrive import Chosen
from crossdock.store import payloads
from crossdock.store.tables import (
    audit,
    dead_letter_groups,
    dead_letters,
    payload_versions,
    raw_messages,
    redrives,
    sources,
    webhooks,
)
from tests.chaos.world import HOOK

if TYPE_CHECKING:
    from tests.chaos.worker import Day

CONFLICT: Final = "EDI.DUPLICATE_CONTROL"
REJECTED: Final = "EDI.TRANSACTION_REJECTED"
PLANNING: Final = "planning"
ONE_BY_ONE: Final = "push-2"
"""The conflict that somebody replays alone; the others are put back by a redrive."""


class People:
    """The people of one day."""

    def __init__(self, day: "Day") -> None:
        self._day = day

    def _rows(self, *what: Any, where: Any = None, order: Any = ()) -> list[Any]:
        statement = sa.select(*what).order_by(*order)
        with self._day.store.reading("main") as connection:
            return list(connection.execute(statement if where is None else statement.where(where)).all())

    def _letters(self, code: str, state: str = "open") -> list[Any]:
        return self._rows(
            dead_letters,
            where=sa.and_(dead_letters.c.code == code, dead_letters.c.state == state),
            order=(dead_letters.c.created_at, dead_letters.c.id),
        )

    def _was_done(self, action: str) -> bool:
        return bool(self._rows(audit.c.seq, where=audit.c.action == action))

    def subscribe(self) -> None:
        """Planning wants to be told of everything, by webhook."""
        if self._rows(webhooks.c.id, where=webhooks.c.name == PLANNING):
            return
        hub = self._day.hub()
        with contextlib.suppress(Misconfigured):  # another worker's person was faster
            with hub.subscriptions("ann") as people:
                people.add(
                    self._day.hook_url,
                    name=PLANNING,
                    secrets_in=HOOK,
                    wanted=EVERYTHING,
                    internal=True,
                    from_oldest=True,
                )

    def resume_sources(self) -> None:
        """A source of which too much failed was stopped: somebody lets it go on."""
        for row in self._rows(sources.c.source, where=sources.c.stopped_at.is_not(None)):
            self._do(self._day.hub().desk.resume_source, row.source, actor="ann", reason="we told them")

    def mend(self) -> None:
        """Somebody acknowledges a cause, and mends a set, badly."""
        desk = self._day.hub().desk
        for group in self._rows(
            dead_letter_groups,
            where=sa.and_(dead_letter_groups.c.code == REJECTED, dead_letter_groups.c.state == "open"),
        ):
            self._do(desk.move_group, group.id, "acknowledged", actor="ann", reason="")
        if self._rows(payload_versions.c.id):
            return
        for letter in self._letters(REJECTED):
            with self._day.store.reading("main") as connection:
                place = payloads.place_of(connection, "main", letter.raw_id, letter.part)
                body = connection.scalar(
                    sa.select(raw_messages.c.body).where(raw_messages.c.id == letter.raw_id)
                )
            assert place is not None
            assert body is not None
            old = bytes(body)[place.byte_offset : place.byte_offset + place.byte_length]
            new = (
                old.replace(b"*00*AT*", b"*00*AC*")
                if b"*00*AT*" in old
                else old.replace(b"~\nSE", b"~\n\nSE")
            )
            self._do(desk.edit, letter.id, new, actor="ann", reason="their count is wrong")

    def redrive(self) -> None:
        """Somebody puts back what was pushed twice, at a rate, and holds it for a moment."""
        hub = self._day.hub()
        if not self._rows(redrives.c.id):
            ids = tuple(one.id for one in self._letters(CONFLICT) if one.label != ONE_BY_ONE)
            if not ids:
                return
            self._do(hub.desk.redrives.start, Chosen(ids=ids), actor="ann", per_second=50)
        for run in self._rows(redrives.c.id, redrives.c.state):
            if run.state == "running":
                self._do(hub.desk.redrives.pause, run.id, "ann")
                self._do(hub.desk.redrives.resume, run.id, "ann")
            elif run.state == "paused":
                self._do(hub.desk.redrives.resume, run.id, "ann")

    def decide_letters(self) -> None:
        """One is taken as new, one is parked, taken out again and given up."""
        hub = self._day.hub()
        for letter in self._letters(CONFLICT):
            if letter.label == ONE_BY_ONE:
                self._do(hub.replay, letter.id, "ann")
        if not self._was_done("dead_letter.unpark"):
            for letter in self._letters(REJECTED):
                self._do(hub.desk.park, letter.id, actor="bob", reason="until they answer")
            for letter in self._letters(REJECTED, "parked"):
                self._do(hub.desk.park, letter.id, actor="bob", reason="they did", parked=False)
        for letter in self._letters(REJECTED):
            self._do(hub.discard, letter.id, "bob", "the supplier sends it anew")

    @staticmethod
    def _do(act: Callable[..., Any], *given: Any, **more: Any) -> None:
        with contextlib.suppress(NotPossible):  # another worker's person was faster
            act(*given, **more)
