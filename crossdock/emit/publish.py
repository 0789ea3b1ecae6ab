"""Publish: each committed event gets its place in the feed, once it is known that it keeps to its schema.

One transaction: hold the head, take what has no place, judge it, give places, move the head. Doing so again finds
nothing left. Webhooks and brokers then go along the feed like any reader, each with a position of its own.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from canonical.validate import Violation, validator
from crossdock import deadletters
from crossdock.errors import Unacceptable
from crossdock.faultpoints import faultpoint
from crossdock.messages import Problem, Stage
from crossdock.ports import Clock
from crossdock.store import desk, emissions

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

BATCH: Final = 500

_SCHEMA: Final = re.compile(r"urn:crossdock:schema:([a-z-]+):(\d+\.\d+)")


class Publisher:
    """Gives the events of one tenant their places."""

    def __init__(self, *, store: "Store", tenant: str, clock: Clock) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock

    def publish_batch(self) -> dict[str, int]:
        """Place what waits. ``events`` 0: nothing waited."""
        with self._store.transaction(self._tenant) as connection:
            counts = self._publish(connection)
            faultpoint("publish.before_commit")
        faultpoint("publish.after_commit")
        return counts

    def publish_waiting(self) -> bool:
        """Place what waits, if anything does: for a reader of the feed, who need not wait for the next run."""
        with self._store.reading(self._tenant) as connection:
            if not emissions.is_waiting(connection, self._tenant):
                return False
        return self.publish_batch()["events"] > 0

    def _publish(self, connection: "Transaction") -> dict[str, int]:
        head = emissions.hold_head(connection, self._tenant)
        now = self._clock.now()
        placed, refused = [], 0
        waiting = emissions.waiting(connection, self._tenant, BATCH)
        for one in waiting:
            violations = violations_of(one.document)
            if not violations:
                placed.append(one.event_id)
                continue
            refused += 1
            emissions.move(connection, self._tenant, one.event_id, "refused")
            desk.add_dead_letters(connection, [self._letter(one, violations, now)])
        emissions.place(connection, self._tenant, placed, after=head, now=now)
        return {"events": len(waiting), "published": len(placed), "dead_lettered": refused}

    def _letter(
        self, one: emissions.Waiting, violations: list[Violation], now: datetime
    ) -> Mapping[str, Any]:
        told = "; ".join(f"{each.pointer or '/'} {each.sentence}" for each in violations[:5])
        problem = Problem(
            stage=Stage.EMIT,
            code="INT.SCHEMA_VIOLATION",
            error_class=Unacceptable.__name__,
            sentence=f"event {one.event_id} breaks its schema and was told to nobody: {told}",
            remedy="Mend the mapping for what comes next. This event never changes: install the version of the "
            "schema that it names and replay, or discard it with a reason.",
        )
        return deadletters.event_row(
            tenant=self._tenant,
            event_id=one.event_id,
            raw_id=one.raw_id,
            source=str(one.document.get("source", "")).rpartition("/")[2] or "crossdock",
            label=f"{one.code} {one.subject}",
            problem=problem,
            now=now,
        )


def violations_of(document: Mapping[str, Any]) -> list[Violation]:
    """What keeps this event from leaving: it must name a schema that everybody can find, and keep to it."""
    named = document.get("dataschema")
    found = _SCHEMA.fullmatch(named) if isinstance(named, str) else None
    if found is None:
        return [Violation("/dataschema", f"{named!r} names no schema of ours")]
    try:
        judge = validator(found[1], found[2])
    except FileNotFoundError as error:
        return [Violation("/dataschema", str(error))]
    return judge.violations(document)
