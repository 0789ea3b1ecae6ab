"""An AMQP 0-9-1 broker on loopback that takes, confirms, loses and refuses messages as it is told.

It knows connections, channels, confirms and mandatory publishing, over the codec of pamqp; no queues are kept, only
the list of what was ``published``. Behaviours are queued, one for each message: ``confirm``, ``nack``,
``unroutable``, ``drop`` (the connection ends before the confirm, the message is taken), ``silent`` (taken, never
confirmed), ``no_exchange``.
"""

import socket
from collections import deque
from dataclasses import dataclass
from typing import Any

from pamqp import body, commands, frame, header

from crossdock.testing.loopback import LoopbackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was published."""

    exchange: str
    routing_key: str
    mandatory: bool
    properties: Any
    body: bytes


class AmqpServer(LoopbackServer):
    """One user's broker."""

    gone = (OSError, EOFError)

    def __init__(self, *, password: str = "guest") -> None:
        super().__init__()
        self.published: list[Message] = []
        self.password = password
        self._behaviours: deque[str] = deque()

    def then(self, *behaviours: str) -> None:
        """What the next messages meet."""
        self._behaviours.extend(behaviours)

    def _talk(self, sock: socket.socket) -> None:
        _Conversation(self, sock).hold()

    def next_behaviour(self) -> str:
        """What the message that just came meets."""
        return self._behaviours.popleft() if self._behaviours else "confirm"


class _Conversation:
    """One connection, from its header to its end."""

    def __init__(self, server: AmqpServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._buffer = b""
        self._tag = 0

    def hold(self) -> None:
        self._read(8)
        self._say(
            0,
            commands.Connection.Start(
                version_major=0,
                version_minor=9,
                server_properties={"capabilities": {"publisher_confirms": True, "basic.nack": True}},
                mechanisms="PLAIN",
                locales="en_US",
            ),
        )
        while True:
            channel, said = self._next()
            match said:
                case commands.Connection.StartOk():
                    if said.response.encode().split(b"\0")[-1] != self._server.password.encode():
                        return  # as RabbitMQ does without a capability of the client
                    self._say(0, commands.Connection.Tune(channel_max=10, frame_max=131072, heartbeat=0))
                case commands.Connection.Open():
                    self._say(0, commands.Connection.OpenOk())
                case commands.Connection.Close():
                    self._say(0, commands.Connection.CloseOk())
                    return
                case commands.Channel.Open():
                    self._tag = 0
                    self._say(channel, commands.Channel.OpenOk())
                case commands.Channel.Close():
                    self._say(channel, commands.Channel.CloseOk())
                case commands.Confirm.Select():
                    self._say(channel, commands.Confirm.SelectOk())
                case commands.Basic.Publish():
                    if not self._take(channel, said):
                        return

    def _take(self, channel: int, said: Any) -> bool:
        """One message: its header, its body, and what comes of it. Whether the connection goes on."""
        _, head = self._next()
        content = b""
        while len(content) < head.body_size:
            content += self._next()[1].value
        self._tag += 1
        behaviour = self._server.next_behaviour()
        if behaviour == "no_exchange":
            why = f"NOT_FOUND - no exchange '{said.exchange}' in vhost '/'"
            self._say(channel, commands.Channel.Close(404, why, 60, 40))
            return True
        if behaviour == "unroutable":
            self._say(channel, commands.Basic.Return(312, "NO_ROUTE", said.exchange, said.routing_key))
            self._write(frame.marshal(header.ContentHeader(0, len(content), head.properties), channel))
            if content:
                self._write(frame.marshal(body.ContentBody(content), channel))
        elif behaviour == "nack":
            self._say(channel, commands.Basic.Nack(self._tag))
            return True
        else:
            self._server.published.append(
                Message(
                    exchange=said.exchange,
                    routing_key=said.routing_key,
                    mandatory=said.mandatory,
                    properties=head.properties,
                    body=content,
                )
            )
        if behaviour == "drop":
            return False
        if behaviour != "silent":
            self._say(channel, commands.Basic.Ack(self._tag))
        return True

    def _next(self) -> tuple[int, Any]:
        while True:
            try:
                used, channel, said = frame.unmarshal(self._buffer)
            except Exception:  # an incomplete frame, in any of the codec's words
                used = 0
            if used:
                self._buffer = self._buffer[used:]
                if type(said).__name__ != "Heartbeat":
                    return channel, said
                continue
            self._fill()

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def _say(self, channel: int, what: Any) -> None:
        self._write(frame.marshal(what, channel))

    def _write(self, data: bytes) -> None:
        self._sock.sendall(data)
