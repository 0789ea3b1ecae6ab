"""The call of a webhook: one signed POST, one answer or the reason why there is none, within one deadline.

Standard Webhooks 1.0: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature`` with a signature for each secret.
Guarded addresses, no redirects, no proxies, nothing is repeated here. Of the answer only status and ``Retry-After``
count; a body is read to its end, up to 64 KiB, and thrown away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crossdock.errors import CrossdockError
from crossdock.ports import Login, Secret
from crossdock.wires.address_guard import AddressGuard, Destination
from crossdock.wires.http_adapter import Resolve, resolved
from crossdock.wires.rest import Rest
from crossdock.wires.webhook import sign

MOST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a receiver said. ``status`` is ``None`` when nothing usable came; ``sentence`` says why, for people."""

    status: int | None
    sentence: str
    retry_after: timedelta | None = None


class WebhookCall:
    """Calls one receiver."""

    def __init__(
        self,
        to: Destination,
        *,
        name: str,
        internal: bool,
        connect: timedelta,
        deadline: timedelta,
        retry_after_most: timedelta,
        ca_bundle: object = None,
        resolve: Resolve = resolved,
    ) -> None:
        self._path = to.path
        self._retry_after_most = retry_after_most
        self._rest = Rest(
            Login(
                connection_id=name,
                scheme=to.scheme,
                host=to.host,
                port=to.port,
                extra={} if ca_bundle is None else {"ca_bundle": ca_bundle},
            ),
            deadline_s=deadline.total_seconds(),
            connect_s=connect.total_seconds(),
            most_body=MOST_ANSWER,
            connections=1,
            resolve=AddressGuard(internal=internal, resolve=resolve),
        )

    def send(
        self, *, message_id: str, at: datetime, body: bytes, media_type: str, secrets: Sequence[Secret]
    ) -> Answered:
        """Send this once. Never raises for what the receiver does."""
        signatures = " ".join(sign(secret.reveal(), message_id, at, body) for secret in secrets)
        try:
            answer = self._rest.call(
                "POST",
                self._path,
                effect=True,
                body=body,
                headers={
                    "Content-Type": media_type,
                    "webhook-id": message_id,
                    "webhook-timestamp": str(int(at.timestamp())),
                    "webhook-signature": signatures,
                },
            )
        except CrossdockError as error:
            return Answered(status=None, sentence=str(error))
        return Answered(
            status=answer.status,
            sentence=f"it answered {answer.status}",
            retry_after=answer.retry_after(at, most=self._retry_after_most),
        )

    def close(self) -> None:
        self._rest.close()
