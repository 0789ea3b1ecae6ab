"""Subscriptions: who is called, with what, and what people do with it. Every change is in the audit.

The secrets that sign are never in a row. A subscription names a *connection*, and the secrets are in it
(``webhook_secrets``): in Airflow, in its secrets backend, or in the environment. Rotating is naming another
connection; both sign until the old one's time is over, so a receiver takes each message whichever secret it holds.
"""

import re
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from crossdock.emit.filters import Filter
from crossdock.emit.settings import Settings
from crossdock.errors import Misconfigured
from crossdock.store import desk, emissions, webhooks
from crossdock.wires.address_guard import destination

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
CONNECTION: Final = re.compile(r"\w[\w.-]{0,199}")


class Subscriptions:
    """What people do with the subscriptions of one tenant, within one transaction."""

    def __init__(
        self, connection: "Transaction", *, tenant: str, settings: Settings, actor: str, now: datetime
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._settings = settings
        self._actor = actor
        self._now = now

    def add(
        self,
        url: str,
        *,
        name: str,
        secrets_in: str,
        wanted: Filter,
        ordered: bool = False,
        internal: bool = False,
        from_oldest: bool = False,
    ) -> uuid.UUID:
        """Call this URL with what is published from now on; ``from_oldest``: with everything that is kept.

        Raises ``Misconfigured`` for a name that is taken and an address that is not called.
        """
        if not NAME.fullmatch(name):
            raise Misconfigured(f"{name!r} is no name of a webhook: small letters, digits, _ and -")
        self._require_connection(secrets_in)
        destination(url, internal=internal, ports=self._settings.webhooks.ports)
        if webhooks.read(self._connection, self._tenant, name) is not None:
            raise Misconfigured(f"there is a webhook {name!r} already; take another name")
        id = uuid.uuid4()
        since = self._now - self._settings.feed.kept
        webhooks.add(
            self._connection,
            {
                "tenant": self._tenant,
                "id": id,
                "name": name,
                "url": url,
                "filter": wanted.as_dict(),
                "connection": secrets_in,
                "ordered": ordered,
                "internal": internal,
                "state": "active",
                "position": emissions.before_oldest(self._connection, self._tenant, since)
                if from_oldest
                else emissions.head(self._connection, self._tenant),
                "created_at": self._now,
                "created_by": self._actor,
                "updated_at": self._now,
            },
        )
        self._note("webhook.add", id, name, internal=internal)
        return id

    def rotate(self, name: str, *, to: str, overlap: timedelta) -> None:
        """Sign with the secrets of another connection; those of the old one sign too, for ``overlap`` more."""
        one = self._held(name)
        self._require_connection(to)
        if to == one.connection:
            raise Misconfigured(f"webhook {name!r} signs with {to!r} already; name another connection")
        webhooks.change(
            self._connection,
            self._tenant,
            one.id,
            {
                "connection": to,
                "previous_connection": one.connection,
                "previous_until": self._now + overlap,
                "not_before": None,
                "updated_at": self._now,
            },
        )
        self._note("webhook.rotate", one.id, name)

    def disable(self, name: str, reason: str) -> None:
        """Call it no more. What is published meanwhile is kept for it as long as the feed is."""
        one = self._held(name)
        if one.state != "active":
            raise Misconfigured(f"webhook {name!r} is {one.state} already")
        if not reason.strip():
            raise Misconfigured("a webhook is disabled with a reason")
        webhooks.change(
            self._connection,
            self._tenant,
            one.id,
            {"state": "disabled", "reason": f"{self._actor}: {reason}", "updated_at": self._now},
        )
        self._note("webhook.disable", one.id, name, reason=reason)

    def enable(self, name: str, *, from_now: bool = False) -> None:
        """Call it again, from where it stood; ``from_now``: what it missed stays missed."""
        one = self._held(name)
        if one.state != "disabled":
            raise Misconfigured(f"webhook {name!r} is {one.state} already")
        webhooks.change(
            self._connection,
            self._tenant,
            one.id,
            {
                "state": "active",
                "reason": None,
                "failed_first_at": None,
                "failing_since": None,
                "alerted": 0,
                "not_before": None,
                "position": emissions.head(self._connection, self._tenant) if from_now else one.position,
                "updated_at": self._now,
            },
        )
        self._note("webhook.enable", one.id, name, from_now=from_now)

    def remove(self, name: str) -> int:
        """End it for good. Returns how many messages will never be sent."""
        one = self._held(name)
        webhooks.change(self._connection, self._tenant, one.id, {"state": "removed", "updated_at": self._now})
        cancelled = webhooks.cancel(self._connection, self._tenant, one.id, self._now)
        self._note("webhook.remove", one.id, name, cancelled=cancelled)
        return cancelled

    def recover(self, name: str, since: datetime) -> int:
        """Send everything again that failed since then, each with its whole schedule. Returns how many."""
        one = self._held(name)
        count = webhooks.recover(self._connection, self._tenant, one.id, since=since, now=self._now)
        self._note("webhook.recover", one.id, name, count=count)
        return count

    def resend(self, message_id: uuid.UUID) -> None:
        """Send one message at once, under the id that it always had."""
        attempts = len(self._settings.webhooks.schedule_s)
        held = webhooks.resend(self._connection, self._tenant, message_id, attempts=attempts, now=self._now)
        if held is None:
            raise Misconfigured(
                f"message {message_id} is being sent, was cancelled, or is not there; nothing was done"
            )
        self._note("webhook.resend", message_id, held)

    def _held(self, name: str) -> webhooks.Subscription:
        one = webhooks.read(self._connection, self._tenant, name, hold=True)
        if one is None:
            raise Misconfigured(f"there is no webhook {name!r}; `crossdock webhooks list` shows them")
        return one

    def _require_connection(self, name: str) -> None:
        if not CONNECTION.fullmatch(name):
            raise Misconfigured(
                f"{name[:20]!r} is no connection id; the secrets are in a connection, and a webhook names it"
            )

    def _note(
        self, action: str, id: uuid.UUID, name: str, *, reason: str | None = None, **detail: object
    ) -> None:
        desk.add_audit(
            self._connection,
            tenant=self._tenant,
            now=self._now,
            actor=self._actor,
            action=action,
            object_kind="webhook",
            object_id=str(id),
            reason=reason,
            detail={"name": name, **detail},
        )
