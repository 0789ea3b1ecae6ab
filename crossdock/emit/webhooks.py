"""Webhooks: a message for each event that a subscription wants, sent until it is confirmed or its schedule is over.

The attempt is committed before the call; no transaction is open during it; its outcome and the next state are
appended after it, only by whoever still holds the lease. A message whose sender died is sent again under the id that
it had: receivers drop what they have seen. Waiting is a time in a row. Each subscription has a thread of its own,
so one that hangs keeps nobody waiting.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from crossdock.emit.calling import MEDIA_TYPE, CallStep, alert_of, body_of, failing, next_call
from crossdock.emit.settings import Settings
from crossdock.errors import CrossdockError
from crossdock.faultpoints import faultpoint
from crossdock.ports import Clock, Dice, Login, Secret
from crossdock.principals import OURSELVES
from crossdock.store import desk, webhooks
from crossdock.termination import Termination
from crossdock.wires.address_guard import destination
from crossdock.wires.http_adapter import Resolve, resolved
from crossdock.wires.webhook import signing_secrets
from crossdock.wires.webhook_call import Answered, WebhookCall

if TYPE_CHECKING:
    from crossdock.store.engine import Store
    from crossdock.store.transaction import Transaction

log = logging.getLogger(__name__)

PAUSE: Final = timedelta(seconds=60)
"""How long a subscription rests whose configuration must be mended first. No attempt is spent on it."""

LEASE_MARGIN: Final = timedelta(seconds=60)
"""A lease holds so much longer than the longest call."""

COUNTS: Final = ("messages", "called", "delivered", "retry", "failed", "gone", "lost_lease", "paused")


class Webhooks:
    """Makes and sends the messages of one tenant."""

    def __init__(
        self,
        *,
        store: "Store",
        tenant: str,
        settings: Settings,
        clock: Clock,
        dice: Dice,
        login: Callable[[str], Login],
        resolve: Resolve = resolved,
        termination: Termination | None = None,
    ) -> None:
        """``login`` gives a connection by its id; ``resolve`` the addresses of a name."""
        self._store = store
        self._tenant = tenant
        self._settings = settings
        self._clock = clock
        self._dice = dice
        self._login = login
        self._resolve = resolve
        self._termination = termination or Termination()

    def make_messages(self) -> int:
        """A message for everything new that each subscription wants. Returns how many."""
        made = 0
        with self._store.reading(self._tenant) as connection:
            known = webhooks.active(connection, self._tenant)
        for one in known:
            more = True
            while more and not self._termination.was_told():
                now = self._clock.now()
                with self._store.transaction(self._tenant) as connection:
                    count, more = webhooks.make_messages(
                        connection,
                        self._tenant,
                        one.id,
                        since=now - self._settings.feed.kept,
                        now=now,
                        limit=1000,
                    )
                    faultpoint("webhooks.before_made")
                faultpoint("webhooks.after_made")
                made += count
        return made

    def send_due(self, *, limit_s: float | None = None, run_id: uuid.UUID | None = None) -> dict[str, int]:
        """Send what is due to everybody at once. Nobody waits for somebody else's receiver."""
        self._take_over()
        began = time.monotonic()
        with self._store.reading(self._tenant) as connection:
            known = webhooks.active(connection, self._tenant)
        counts = dict.fromkeys(COUNTS, 0)
        ready = [one for one in known if one.not_before is None or one.not_before <= self._clock.now()]
        calls = {one.id: call for one in ready if (call := self._call_or_pause(one, counts)) is not None}
        if not calls:
            return counts

        def sends(one: webhooks.Subscription) -> Mapping[str, int]:
            return self._send_all(one, *calls[one.id], began=began, limit_s=limit_s, run_id=run_id)

        with ThreadPoolExecutor(min(len(calls), self._settings.webhooks.at_once)) as threads:
            for done in [threads.submit(sends, one) for one in ready if one.id in calls]:
                for name, number in done.result().items():
                    counts[name] += number
        return counts

    def test(self, one: webhooks.Subscription, event: Mapping[str, object]) -> Answered:
        """Call a receiver with this event now, whatever state it is in. Nothing of it is kept."""
        call = self._call_of(one)
        try:
            return call.send(
                message_id=f"test_{uuid.uuid4().hex}",
                at=self._clock.now(),
                body=self._body(event),
                media_type=MEDIA_TYPE,
                secrets=self.secrets_of(one),
            )
        finally:
            call.close()

    def secrets_of(self, one: webhooks.Subscription) -> list[Secret]:
        """The secrets that sign for this subscription now; two connections sign while one is rotated."""
        found = signing_secrets(self._login(one.connection))
        until = one.previous_until
        if one.previous_connection is not None and until is not None and self._clock.now() < until:
            found += signing_secrets(self._login(one.previous_connection))
        return found

    # -- one subscription ---------------------------------------------------------------------------------------

    def _send_all(
        self,
        one: webhooks.Subscription,
        call: WebhookCall,
        secrets: Sequence[Secret],
        *,
        began: float,
        limit_s: float | None,
        run_id: uuid.UUID | None,
    ) -> dict[str, int]:
        counts = dict.fromkeys(COUNTS, 0)
        try:
            for _ in range(self._settings.webhooks.batch):
                if self._termination.was_told() or (
                    limit_s is not None and time.monotonic() - began >= limit_s
                ):
                    break
                intent = self._claim(one, run_id)
                if intent is None:
                    break
                counts["called"] += 1
                answered = call.send(
                    message_id=f"msg_{intent.id.hex}",
                    at=self._clock.now(),
                    body=self._body(intent.document),
                    media_type=MEDIA_TYPE,
                    secrets=secrets,
                )
                faultpoint("webhooks.after_call")
                step = next_call(
                    answered,
                    settings=self._settings.webhooks,
                    spent=intent.spent,
                    now=self._clock.now(),
                    dice=self._dice,
                )
                held = self._record(intent, answered, step, run_id)
                counts[step.outcome if held else "lost_lease"] += 1
                if step.stop or not held:
                    break
        finally:
            call.close()
        return counts

    def _claim(self, one: webhooks.Subscription, run_id: uuid.UUID | None) -> webhooks.Intent | None:
        with self._store.transaction(self._tenant) as connection:
            intent = webhooks.claim(
                connection,
                tenant=self._tenant,
                subscription=one,
                now=self._clock.now(),
                lease=self._settings.webhooks.deadline + LEASE_MARGIN,
                run_id=run_id,
            )
            faultpoint("webhooks.before_intent")
        faultpoint("webhooks.after_intent")
        return intent

    def _record(
        self, intent: webhooks.Intent, answered: Answered, step: CallStep, run_id: uuid.UUID | None
    ) -> bool:
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            held = webhooks.record(
                connection,
                self._tenant,
                intent,
                state=step.state,
                outcome=step.outcome,
                status=answered.status,
                reason=step.reason,
                next_attempt_at=step.next_attempt_at,
                now=now,
                run_id=run_id,
            )
            if held:
                self._note(connection, intent.webhook_id, step, now)
            faultpoint("webhooks.before_record")
        faultpoint("webhooks.after_record")
        return held

    def _note(self, connection: "Transaction", id: uuid.UUID, step: CallStep, now: datetime) -> None:
        """What an attempt means for its subscription."""
        one = webhooks.read_by_id(connection, self._tenant, id)
        if step.state == "delivered":
            webhooks.change(
                connection,
                self._tenant,
                id,
                {
                    "delivered_at": now,
                    "failed_first_at": None,
                    "failing_since": None,
                    "alerted": 0,
                    "not_before": None,
                    "reason": None if one.state == "active" else webhooks.KEPT,
                },
            )
            return
        settings = self._settings.webhooks
        standing = failing(first_at=one.failed_first_at, since=one.failing_since, now=now, settings=settings)
        grade = alert_of(standing.percent, one.alerted, settings)
        webhooks.change(
            connection,
            self._tenant,
            id,
            {
                "failed_first_at": standing.first_at,
                "failing_since": standing.since,
                "alerted": grade or one.alerted,
                "not_before": step.hold_until,
                "updated_at": now,
            },
        )
        if grade is not None:
            log.warning("webhook %s fails: %s %% of the time after which it is switched off", one.name, grade)
            self._audit(connection, one, "webhook.alert", f"it fails: {step.reason}", now, percent=grade)
        off = step.switch_off or (
            f"every attempt failed for {settings.disable_after.total_seconds() / 86400:g} days: {step.reason}"
            if standing.off
            else None
        )
        if off is not None and one.state == "active":
            webhooks.change(
                connection, self._tenant, id, {"state": "disabled", "reason": off, "updated_at": now}
            )
            self._audit(connection, one, "webhook.disable", off, now)

    def _audit(
        self,
        connection: "Transaction",
        one: webhooks.Subscription,
        action: str,
        reason: str,
        now: datetime,
        **detail: int,
    ) -> None:
        desk.add_audit(
            connection,
            tenant=self._tenant,
            now=now,
            actor=OURSELVES,
            action=action,
            object_kind="webhook",
            object_id=str(one.id),
            reason=reason,
            detail={"name": one.name, **detail},
        )

    def _call_or_pause(
        self, one: webhooks.Subscription, counts: dict[str, int]
    ) -> tuple[WebhookCall, list[Secret]] | None:
        """How to call it; ``None`` when a person must mend something first, and the subscription rests. Before any
        thread is started: connections are asked for in this one."""
        try:
            return self._call_of(one), self.secrets_of(one)
        except CrossdockError as error:
            self._pause(one, str(error))
            counts["paused"] += 1
            return None

    def _pause(self, one: webhooks.Subscription, sentence: str) -> None:
        log.warning("webhook %s is not called: %s", one.name, sentence)
        now = self._clock.now()
        with self._store.transaction(self._tenant) as connection:
            webhooks.change(
                connection,
                self._tenant,
                one.id,
                {"not_before": now + PAUSE, "reason": sentence, "updated_at": now},
            )
            faultpoint("webhooks.before_pause")
        faultpoint("webhooks.after_pause")

    def _take_over(self) -> None:
        with self._store.transaction(self._tenant) as connection:
            webhooks.take_over(connection, self._tenant, self._clock.now())
            faultpoint("webhooks.before_take_over")
        faultpoint("webhooks.after_take_over")

    def _call_of(self, one: webhooks.Subscription) -> WebhookCall:
        settings = self._settings.webhooks
        return WebhookCall(
            destination(one.url, internal=one.internal, ports=settings.ports),
            name=one.name,
            internal=one.internal,
            connect=settings.connect,
            deadline=settings.deadline,
            retry_after_most=settings.retry_after_most,
            ca_bundle=self._login(one.connection).extra.get("ca_bundle"),
            resolve=self._resolve,
        )

    def _body(self, event: Mapping[str, object]) -> bytes:
        return body_of(
            event,
            public_url=self._settings.public_url,
            most_bytes=self._settings.webhooks.most_bytes,
        )
