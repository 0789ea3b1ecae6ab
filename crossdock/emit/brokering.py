"""Brokers: the feed, published to a topic or an exchange, at least once and in order per key.

The turn is taken with a lease and a fence, the messages go out with no transaction open, and the position moves up to
the last one that was confirmed without a gap. Whoever dies between sending and marking has sent what the next one
sends again, under the same ids. A message that the broker will never take is set aside, and the others go on.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from crossdock import deadletters
from crossdock.emit.calling import MEDIA_TYPE, body_of
from crossdock.emit.settings import BrokerSettings, Settings
from crossdock.errors import CrossdockError, Misconfigured, Refused
from crossdock.faultpoints import faultpoint
from crossdock.messages import Problem, Stage
from crossdock.ports import Clock
from crossdock.store import brokers, desk, emissions
from crossdock.wires.brokers import BrokerMessage, BrokerRefused, Driver, Published

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

MARGIN: Final = timedelta(seconds=60)
MOST_BYTES: Final = 900_000
"""A larger event goes without its data and says where the whole of it is; brokers take about 1 MB."""


class BrokerAway(CrossdockError):
    """The broker did not take anything; the next run tries again from the same place."""


class BrokerPublisher:
    """Publishes what is new to one broker."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        broker: BrokerSettings,
        settings: Settings,
        driver: Driver,
        clock: Clock,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._broker = broker
        self._settings = settings
        self._driver = driver
        self._clock = clock

    def publish_batch(self) -> dict[str, int]:
        """One batch. ``looked`` 0: nothing is new, or somebody else has the turn. Raises ``BrokerAway``."""
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            turn = brokers.take_turn(
                connection,
                tenant=self._tenant,
                name=self._broker.name,
                start=emissions.before_oldest(connection, self._tenant, now - self._settings.feed.kept),
                now=now,
                lease=self._broker.deadline + MARGIN,
            )
            faultpoint("brokers.before_turn")
        faultpoint("brokers.after_turn")
        if turn is None:
            return {"looked": 0}
        with self._store.reading(self._tenant) as connection:
            found = emissions.read(
                connection,
                self._tenant,
                after=turn.position,
                wanted=self._broker.wanted,
                limit=self._broker.batch,
            )
        answers: Sequence[Published] = ()
        error: CrossdockError | None = None
        if found.events:
            try:
                answers = self._driver.publish([self._message(one) for one in found.events])
            except CrossdockError as fault:
                error = fault
            faultpoint("brokers.after_send")
        whole = len(answers) == len(found.events)
        position = found.upto if whole and error is None else turn.position
        if answers and not whole:
            position = found.events[len(answers) - 1].position
        held = self._record(turn, found.events, answers, position, error)
        if error is not None:
            raise BrokerAway(f"broker {self._broker.name!r}: {error}") from error
        taken = sum(answer is None for answer in answers)
        return {
            "looked": position - turn.position if held else 0,
            "published": taken if held else 0,
            "dead_lettered": len(answers) - taken if held else 0,
            "lost_lease": int(not held),
        }

    def _record(
        self,
        turn: brokers.Turn,
        events: Sequence[emissions.Placed],
        answers: Sequence[Published],
        position: int,
        error: CrossdockError | None,
    ) -> bool:
        now = self._clock.now()
        values: dict[str, Any] = {
            "position": position,
            "lease_until": None,
            "failures": 0 if error is None else turn.failures + 1,
            "not_before": None if error is None else now + self._wait(turn.failures, error),
            "error": None if error is None else str(error),
        }
        if answers:
            values |= {"sent_at": now, "sent_total": brokers.sent(sum(answer is None for answer in answers))}
        with self._store.transaction(self._tenant) as connection:
            held = brokers.note(connection, self._tenant, turn, values)
            if held:
                for one, answer in zip(events, answers, strict=False):
                    if isinstance(answer, BrokerRefused):
                        self._set_aside(connection, one, answer, now)
            faultpoint("brokers.before_mark")
        faultpoint("brokers.after_mark")
        return held

    def _wait(self, failures: int, error: CrossdockError) -> timedelta:
        """Longer after each failure; what a person must mend is looked at once a minute."""
        if isinstance(error, Misconfigured):
            return timedelta(minutes=1)
        return min(timedelta(seconds=5 * 2 ** min(failures, 12)), self._broker.wait_most)

    def _message(self, one: emissions.Placed) -> BrokerMessage:
        event = one.document
        return BrokerMessage(
            id=event["id"],
            key=str(event.get("partitionkey") or event["subject"]),
            route=event["data"]["code"],
            body=body_of(event, public_url=self._settings.public_url, most_bytes=MOST_BYTES),
            media_type=MEDIA_TYPE,
            headers={
                f"ce_{name}": str(event[name])
                for name in ("specversion", "id", "source", "type", "subject", "time", "dataschema")
                if name in event
            },
        )

    def _set_aside(
        self, connection: "Transaction", one: emissions.Placed, why: BrokerRefused, now: datetime
    ) -> None:
        event = one.document
        problem = Problem(
            stage=Stage.EMIT,
            code="INT.DELIVERY_FAILED",
            error_class=Refused.__name__,
            sentence=f"broker '{self._broker.name}' will not take event {one.event_id}: {why.reason}",
            remedy="Raise the broker's limit, or discard it with a reason; the feed has it.",
        )
        desk.add_dead_letters(
            connection,
            [
                deadletters.event_row(
                    tenant=self._tenant,
                    event_id=one.event_id,
                    raw_id=uuid.UUID(event["data"]["provenance"]["raw_id"]),
                    source=self._broker.name,
                    label=f"{event['data']['code']} {event['subject']}",
                    problem=problem,
                    now=now,
                )
            ],
        )
