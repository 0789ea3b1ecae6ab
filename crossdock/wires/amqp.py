"""AMQP 0-9-1, by pika: persistent, mandatory, and each message confirmed before the next is sent.

One channel and one message at a time keep the order of everything. A message that no queue takes comes back
(``mandatory``): that is a mistake of the set-up, told and not passed over.
"""

from collections.abc import Sequence
from datetime import timedelta

import pika
from pika.exceptions import AMQPError, NackError, ProbableAuthenticationError, UnroutableError

from crossdock.errors import Misconfigured, WireDown
from crossdock.ports import Login
from crossdock.wires.brokers import BrokerMessage, Published
from crossdock.wires.watchdog import within


class AmqpDriver:
    """Publishes to one exchange, which must be there. The routing key is the code of the event.

    ``extra`` of the connection may hold ``vhost`` (``/`` without it) and ``tls`` (true: verified TLS).
    """

    def __init__(self, login: Login, *, exchange: str, deadline: timedelta) -> None:
        self._exchange = exchange
        self._where = f"amqp {login.connection_id!r}"
        self._deadline_s = deadline.total_seconds()
        self._parameters = _parameters(login, deadline.total_seconds())
        self._connection: pika.BlockingConnection | None = None
        self._channel: pika.adapters.blocking_connection.BlockingChannel | None = None

    def publish(self, messages: Sequence[BrokerMessage]) -> Sequence[Published]:
        """See ``Driver``."""
        done: list[Published] = []
        try:
            # pika waits for a confirm as long as the connection stands
            within(self._deadline_s, lambda: self._send(messages, done))
        except UnroutableError:
            return self._stopped(
                done,
                Misconfigured(
                    f"{self._where}: no queue is bound to exchange {self._exchange!r} "
                    f"for {messages[len(done)].route!r}; bind one"
                ),
            )
        except ProbableAuthenticationError as error:
            raise Misconfigured(
                f"{self._where}: the login is not accepted; correct the connection"
            ) from error
        except NackError as error:
            return self._stopped(done, WireDown(f"{self._where}: it did not take a message"), error)
        except pika.exceptions.ChannelClosedByBroker as error:
            self._forget()
            return self._stopped(
                done,
                Misconfigured(f"{self._where}, exchange {self._exchange!r}: {error.reply_text}"),
                error,
            )
        except (AMQPError, OSError) as error:
            self._forget()
            return self._stopped(
                done,
                WireDown(
                    f"{self._where}: the connection failed ({type(error).__name__}); it is published again under the "
                    "same id"
                ),
                error,
            )
        return done

    def _send(self, messages: Sequence[BrokerMessage], done: list[Published]) -> None:
        channel = self._open()
        for message in messages:
            channel.basic_publish(
                self._exchange,
                routing_key=message.route,
                body=message.body,
                properties=pika.BasicProperties(
                    content_type=message.media_type,
                    delivery_mode=2,
                    message_id=message.id,
                    app_id="crossdock",
                    headers=dict(message.headers),
                ),
                mandatory=True,
            )
            done.append(None)

    def _stopped(
        self, done: list[Published], why: Misconfigured | WireDown, cause: Exception | None = None
    ) -> list[Published]:
        """What was confirmed before it stopped; the reason, when nothing was."""
        if done:
            return done
        raise why from cause

    def _open(self) -> "pika.adapters.blocking_connection.BlockingChannel":
        if self._channel is None or not self._channel.is_open:
            self._connection = pika.BlockingConnection(self._parameters)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def _forget(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            try:
                within(2.0, connection.close)
            except (AMQPError, OSError):
                pass

    def close(self) -> None:
        self._forget()


def _parameters(login: Login, deadline_s: float) -> pika.ConnectionParameters:
    if not login.host:
        raise Misconfigured(f"connection {login.connection_id!r} has no host: name the broker there")
    tls = bool(login.extra.get("tls"))
    ssl_options = None
    if tls:
        import ssl

        ssl_options = pika.SSLOptions(ssl.create_default_context(), login.host)
    return pika.ConnectionParameters(
        host=login.host,
        port=login.port or (5671 if tls else 5672),
        virtual_host=str(login.extra.get("vhost", "/")),
        credentials=pika.PlainCredentials(login.user or "guest", login.password.reveal() or "guest"),
        ssl_options=ssl_options,
        heartbeat=int(max(10, deadline_s)),
        blocked_connection_timeout=deadline_s,
        socket_timeout=min(10.0, deadline_s),
        stack_timeout=min(15.0, deadline_s),
        connection_attempts=1,
        retry_delay=0,
    )
