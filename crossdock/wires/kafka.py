"""Kafka, by librdkafka: acknowledged by all in-sync replicas, idempotent, in order per key.

Messages go out in waves, in each at most one of a key: the next of a key is sent when the one before is confirmed. So
however the broker fails, no event stands before an earlier one of its key unless it is there again after it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from crossdock.errors import Misconfigured, WireDown
from crossdock.ports import Login
from crossdock.wires.brokers import BrokerMessage, BrokerRefused, Published

_REFUSED: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)
"""What is wrong with one message alone."""

_A_PERSON: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._SSL,
    }
)
"""What a person must mend: the login, the rights, the topic."""


class KafkaDriver:
    """Publishes to one topic. ``extra`` of the connection may hold librdkafka's own settings under ``kafka``."""

    def __init__(self, login: Login, *, topic: str, deadline: timedelta) -> None:
        self._topic = topic
        self._deadline_s = deadline.total_seconds()
        self._where = f"kafka {login.connection_id!r}"
        try:
            self._producer = Producer(_configuration(login, self._deadline_s), logger=_SILENT)
        except (KafkaException, TypeError, ValueError) as error:
            raise Misconfigured(f"{self._where}: its settings are not taken: {_said(error)}") from None

    def publish(self, messages: Sequence[BrokerMessage]) -> Sequence[Published]:
        """See ``Driver``."""
        answers: dict[int, KafkaError | None] = {}
        for wave in _waves(messages):
            for place in wave:
                self._send(messages[place], place, answers)
            self._producer.flush(self._deadline_s)
            if any(place not in answers or _stops(answers[place]) for place in wave):
                self._producer.purge()
                self._producer.flush(1)
                break
        return self._confirmed(messages, answers)

    def _send(self, message: BrokerMessage, place: int, answers: dict[int, KafkaError | None]) -> None:
        try:
            self._producer.produce(
                self._topic,
                value=message.body,
                key=message.key.encode(),
                headers=[
                    ("content-type", message.media_type.encode()),
                    *((name, value.encode()) for name, value in message.headers.items()),
                ],
                on_delivery=lambda error, _message: answers.__setitem__(place, error),
            )
        except KafkaException as error:
            answers[place] = error.args[0]
        except BufferError:
            self._producer.flush(self._deadline_s)
            self._send(message, place, answers)

    def _confirmed(
        self, messages: Sequence[BrokerMessage], answers: dict[int, KafkaError | None]
    ) -> list[Published]:
        done: list[Published] = []
        for place in range(len(messages)):
            if place not in answers or _stops(answers[place]):
                break
            error = answers[place]
            done.append(None if error is None else BrokerRefused(reason=str(error.str())))
        stopped = answers.get(len(done))
        if len(done) < len(messages) and stopped is not None and stopped.code() in _A_PERSON:
            raise Misconfigured(f"{self._where}, topic {self._topic!r}: {stopped.str()}")
        if not done:
            why = "no confirmation came in time" if stopped is None else stopped.str()
            raise WireDown(
                f"{self._where}, topic {self._topic!r}: {why}; it is published again under the same id"
            )
        return done

    def close(self) -> None:
        """Nothing is left in the queue: who publishes waits for every answer."""
        self._producer.purge()
        self._producer.flush(1)


def _waves(messages: Sequence[BrokerMessage]) -> Iterator[list[int]]:
    """The places of the messages, in groups in which no key is twice and the order of each key is kept."""
    waves: list[list[int]] = []
    depth: dict[str, int] = {}
    for place, message in enumerate(messages):
        at = depth.get(message.key, 0)
        depth[message.key] = at + 1
        if at == len(waves):
            waves.append([])
        waves[at].append(place)
    yield from waves


def _stops(error: KafkaError | None) -> bool:
    return error is not None and error.code() not in _REFUSED


def _configuration(login: Login, deadline_s: float) -> dict[str, Any]:
    if not login.host:
        raise Misconfigured(
            f"connection {login.connection_id!r} has no host: name the bootstrap servers there"
        )
    servers = ",".join(
        one if ":" in one else f"{one}:{login.port or 9092}" for one in login.host.replace(" ", "").split(",")
    )
    settings = login.extra.get("kafka", {})
    if not isinstance(settings, dict):
        raise Misconfigured(f"connection {login.connection_id!r}: 'kafka' in its extra must be an object")
    secure = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": login.user,
        "sasl.password": login.password.reveal(),
    }
    return {
        "client.id": "crossdock",
        "socket.keepalive.enable": True,
        **(secure if login.user else {}),
        **settings,
        "bootstrap.servers": servers,
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": int(deadline_s * 1000),
        "linger.ms": 0,
    }


def _said(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return str(found.str()) if isinstance(found, KafkaError) else type(error).__name__


class _Silent:
    """librdkafka's own log lines would name the servers again and again; what matters is in the errors."""

    def log(self, *_: object, **__: object) -> None: ...


_SILENT: Final = _Silent()
