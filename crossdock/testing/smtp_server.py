"""A mail server on loopback for tests: it takes mail as RFC 5321 says, counts it by Message-ID, and lies if told to.

``lie`` names what it does with the next mails::

    with SmtpServer(user="u", password="p", tls=context) as server:
        server.lie = "commit_then_rst"
        ...
        assert server.effects.more_than_once() == {}
"""

import base64
import email
import socket
import ssl
import struct
from email.message import Message
from typing import Final

from crossdock.testing.effects import Effects
from crossdock.testing.loopback import LoopbackServer

LIES: Final = (
    "rst_before_dot",  # the connection dies while the mail is on its way
    "commit_then_rst",  # the mail is taken, and nobody says so
    "commit_then_hang",
    "commit_then_babble",  # the mail is taken, and what is said is no reply
    "later",  # 451 after the dot: it is not taken
    "never",  # 554 after the dot: it is not taken
    "greylist",  # 450 to the first recipient
    "no_such_mailbox",  # 550 to the last recipient
    "endless_reply",  # a reply that has no end
    "drip",  # a greeting, one letter after another
    "shut",  # 421 instead of a greeting
)
DONE: Final = frozenset({"commit_then_rst", "commit_then_hang", "commit_then_babble"})
"""The lies under which the mail is taken."""


class SmtpServer(LoopbackServer):
    """Takes mail from ``start`` to ``stop``. ``tls``: with STARTTLS, or from the first byte
    on (``implicit``)."""

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
    ) -> None:
        super().__init__()
        self._user, self._password, self._tls, self._implicit = user, password, tls, implicit
        self.lie = ""
        self.mails: list[Message] = []
        self.taken: list[bytes] = []  # the same, byte for byte
        self.envelopes: list[tuple[str, tuple[str, ...]]] = []
        self.effects = Effects()
        self.said: list[str] = []

    def _talk(self, sock: socket.socket) -> None:
        if self._implicit and self._tls is not None:
            sock = self._encrypted(sock, self._tls)
        with sock:
            _Talk(self, sock).run()

    # -- what a session asks ----------------------------------------------------------------------------------

    def keep(self, sender: str, recipients: list[str], data: bytes) -> None:
        """The mail is taken."""
        mail = email.message_from_bytes(data)
        self.mails.append(mail)
        self.taken.append(data)
        self.envelopes.append((sender, tuple(recipients)))
        self.effects.add(str(mail["Message-ID"]))

    def knows(self, user: str, password: str) -> bool:
        return (user, password) == (self._user, self._password)

    @property
    def offers(self) -> list[str]:
        return ["AUTH PLAIN"] if self._user else []

    def secured(self, sock: socket.socket) -> ssl.SSLSocket | None:
        """The socket once TLS is agreed on; ``None`` where there is no certificate."""
        if self._tls is None:
            return None
        return self._encrypted(sock, self._tls)


class _Talk:
    """One session."""

    def __init__(self, server: SmtpServer, sock: socket.socket) -> None:
        self._server, self._sock = server, sock
        self._lines = sock.makefile("rb")
        self._encrypted = isinstance(sock, ssl.SSLSocket)
        self._known = not server.offers
        self._sender, self._recipients = "", list[str]()

    def run(self) -> None:
        server = self._server
        match server.lie:
            case "shut":
                self._say(421, "come later")
                return
            case "drip":
                for letter in b"220 mail.example ESMTP\r\n" * 100:
                    self._sock.sendall(bytes([letter]))
                    if server.stopping.wait(0.02):
                        return
            case "endless_reply":
                while not server.stopping.is_set():
                    self._sock.sendall(b"220-and another thing\r\n" * 500)
        self._say(220, "mail.example ESMTP")
        while line := self._lines.readline(4096):
            text = line.decode("latin-1").rstrip("\r\n")
            server.said.append(text)
            if not self._answer(*text.partition(" ")[::2]):
                return

    def _answer(self, verb: str, rest: str) -> bool:
        match verb.upper():
            case "EHLO" | "HELO":
                more = [] if self._encrypted or self._server._tls is None else ["STARTTLS"]
                self._say(250, "mail.example", *more, *self._server.offers)
            case "STARTTLS":
                return self._starttls()
            case "AUTH":
                self._auth(rest)
            case "MAIL" if not self._known:
                self._say(530, "log in first")
            case "MAIL":
                self._sender, self._recipients = _address(rest), []
                self._say(250, "ok")
            case "RCPT":
                self._rcpt(_address(rest))
            case "DATA":
                self._say(354, "go on")
                return self._data()
            case "RSET" | "NOOP":
                self._say(250, "ok")
            case "QUIT":
                self._say(221, "bye")
                return False
            case _:
                self._say(500, "what?")
        return True

    def _starttls(self) -> bool:
        self._say(220, "go ahead")
        wrapped = self._server.secured(self._sock)
        if wrapped is None:
            return False
        self._sock, self._encrypted = wrapped, True
        self._lines = wrapped.makefile("rb")
        return True

    def _auth(self, rest: str) -> None:
        parts = rest.split()
        _, user, password = base64.b64decode(parts[1] if len(parts) > 1 else "").decode().split("\0")
        self._known = self._server.knows(user, password)
        self._say(235 if self._known else 535, "welcome" if self._known else "no")

    def _rcpt(self, address: str) -> None:
        lie = self._server.lie
        if lie == "greylist":
            self._say(450, "try again later")
        elif lie == "no_such_mailbox" and self._recipients:
            self._say(550, "no such mailbox")
        else:
            self._recipients.append(address)
            self._say(250, "ok")

    def _data(self) -> bool:
        server, lines = self._server, list[bytes]()
        while (line := self._lines.readline(65536)) not in (b".\r\n", b""):
            if server.lie == "rst_before_dot":
                return self._reset()
            lines.append(line[1:] if line.startswith(b"..") else line)
        if line == b"":
            return False
        match server.lie:
            case "later":
                self._say(451, "not now")
                return True
            case "never":
                self._say(554, "not here")
                return True
        server.keep(self._sender, self._recipients, b"".join(lines))
        match server.lie:
            case "commit_then_rst":
                return self._reset()
            case "commit_then_hang":
                server.stopping.wait()
                return False
            case "commit_then_babble":
                self._sock.sendall(b"fine, thanks\r\n")
                return False
        self._say(250, f"queued as {len(server.mails)}")
        return True

    def _reset(self) -> bool:
        raw = self._sock
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        return False

    def _say(self, code: int, *lines: str) -> None:
        said = [f"{code}-{line}" for line in lines[:-1]] + [f"{code} {lines[-1]}"]
        self._sock.sendall(("\r\n".join(said) + "\r\n").encode())


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
