"""A mailbox, as a real IMAP server on loopback: mails of words alone lie in it, each of which is one message."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from crossdock.errors import Misconfigured
from crossdock.messages import WriteBack
from crossdock.ports import Clock, Login, Secret
from crossdock.testing.conformance.play import CANARY, EffectFault, Fault, Thing
from crossdock.testing.effects import Effects
from crossdock.testing.imap_server import ImapServer

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("imap",)


def play(case: "Case") -> "ImapPlay":
    """The played server."""
    return ImapPlay(case)


class ImapPlay:
    """A played mailbox."""

    wrongs = ("host", "password")
    can = frozenset({"played_source", "remote"})

    def __init__(self, case: "Case") -> None:
        source = case.played_manifest.source
        if source is None or source.mailbox is None:
            raise Misconfigured("[source.mailbox] is what a mailbox is played from; add it")
        self.case, self._folder = case, source.mailbox.folder
        self.effects = Effects()
        self.server = ImapServer(password=CANARY)
        self.server.__enter__()
        self.ports = (self.server.port,)

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``."""
        login = Login(
            connection_id=self.case.manifest.connection,
            host="127.0.0.1",
            port=self.server.port,
            user=self.server.user,
            password=Secret(CANARY),
            extra={"security": "none"},
        )
        if wrong == "host":
            with socket.create_server(("127.0.0.1", 0)) as gone:
                return replace(login, port=gone.getsockname()[1])
        if wrong == "password":
            return replace(login, password=Secret("wrong-" + CANARY))
        return login

    def reset(self, clock: Clock) -> None:
        self.heal()
        self.server.folders.clear()
        self.server.folders[self._folder] = []
        self.server.commands.clear()

    def heal(self) -> None:
        self.server.forget()

    def hold(self, *things: Thing) -> None:
        for thing in things:
            self.server.put(thing.body, folder=self._folder)

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: a mail of words alone, with a subject of its own."""
        mark = f"conformance-{number:04d}x"
        body = (
            f"From: edi@partner.example\r\nDate: {format_datetime(at.astimezone(UTC))}\r\n"
            f"Message-ID: <{number}@partner.example>\r\nSubject: {mark}\r\n\r\nwords{'.' * changed}\r\n"
        )
        return Thing(number=number, at=at, body=body.encode(), mark=mark.encode())

    def faults(self, side: str) -> Sequence[Fault]:
        if side == "find":
            return ()
        return [
            Fault(
                name="a connection that ends before the mail", kind="down", tell=self._teller("drop_fetch")
            ),
            Fault(name="a mail that comes a byte at a time", kind="silence", tell=self._teller("trickle")),
        ]

    def _teller(self, behaviour: str) -> Callable[[], None]:
        return lambda: self.server.then(*[behaviour] * 9)

    def effect_faults(self) -> Sequence[EffectFault]:
        return ()

    def written(self) -> Sequence[bytes]:
        return ()

    def attempts(self) -> int:
        return 0

    def write_backs(self) -> Sequence[WriteBack]:
        return ()

    def asked(self) -> int:
        return sum("SELECT" in command.upper() for command in self.server.commands)

    def close(self) -> None:
        self.server.__exit__(None, None, None)
