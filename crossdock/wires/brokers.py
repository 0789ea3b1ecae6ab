"""The brokers' common words: a message, a driver, and how one is opened.

A driver's library is an extra of the package: ``pip install 'crossdock[kafka]'`` or ``'crossdock[amqp]'``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from crossdock.errors import Misconfigured
from crossdock.ports import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerMessage:
    """One event on its way to a broker. ``key`` is what the order is kept within; ``id`` never changes."""

    id: str
    key: str
    route: str  # the code of the event: a routing key, where there is such
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRefused:
    """The broker takes everything but this one, and says why: it is too large, or of a form that is not allowed."""

    reason: str


Published = BrokerRefused | None
"""What became of a message: ``None`` when the broker confirmed it."""


class Driver(Protocol):
    """A broker that confirms what it has."""

    def publish(self, messages: Sequence[BrokerMessage]) -> Sequence[Published]:
        """Send these in this order, and wait until each is confirmed or refused.

        The answers are of the first messages, in their order: fewer than messages when the broker stopped answering.
        What then follows may have arrived or not, and none that has the key of one that is not confirmed was sent
        before it. Raises ``WireDown`` when not even the first was confirmed, ``Misconfigured`` when a person
        must act.
        """
        ...

    def close(self) -> None: ...


def open_driver(driver: str, login: Login, *, to: str, deadline: timedelta) -> Driver:
    """The driver of this name. Raises ``Misconfigured`` when its library is not installed."""
    try:
        if driver == "kafka":
            from crossdock.wires.kafka import KafkaDriver

            return KafkaDriver(login, topic=to, deadline=deadline)
        from crossdock.wires.amqp import AmqpDriver

        return AmqpDriver(login, exchange=to, deadline=deadline)
    except ImportError as error:
        raise Misconfigured(
            f"the driver {driver!r} needs {error.name}, which is not installed; "
            f"run: pip install 'crossdock[{driver}]'"
        ) from error
