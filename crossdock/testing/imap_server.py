"""An IMAP4rev1 server on loopback (RFC 3501, MOVE of RFC 6851) that keeps mails in memory and misbehaves as told.

It knows what a client needs that looks for mails, reads them whole and moves or marks them. Behaviours are queued and
met by the next command of their kind: ``drop_fetch`` and ``drop_move`` end the connection before it is done,
``drop_after_move`` after it, ``trickle`` gives a mail one byte a second, ``refuse_move`` says NO. A mail may be
``listed_as`` of another size than it has, and be ``withheld``: the server says NO whenever it is asked for.
"""

import base64
import re
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from crossdock.testing.loopback import LoopbackServer

_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\([^()]*\))|([^\s()"]+)')


class _Drop(OSError):
    """The connection ends here."""


@dataclass(slots=True, kw_only=True)
class Held:
    """A mail of a folder."""

    uid: int
    body: bytes
    flags: set[str] = field(default_factory=set)
    listed_as: int | None = None
    withheld: bool = False


class ImapServer(LoopbackServer):
    """Holds the mailbox of one user. ``tls``: what it shows; ``None``: it talks plainly."""

    def __init__(
        self,
        *,
        user: str = "crossdock",
        password: str = "a secret",
        token: str = "",
        tls: ssl.SSLContext | None = None,
        moves: bool = True,
        keywords: bool = True,
    ) -> None:
        super().__init__()
        self.user, self.password, self.token = user, password, token
        self.moves, self.keywords = moves, keywords
        self.validity = 1_700_000_000
        self.folders: dict[str, list[Held]] = {"INBOX": []}
        self.commands: list[str] = []
        self._tls = tls
        self._next_uid = 1
        self._behaviours: deque[str] = deque()

    def put(self, body: bytes, *, folder: str = "INBOX") -> int:
        """A mail arrives. Its UID."""
        held = Held(uid=self._next_uid, body=body)
        self._next_uid += 1
        self.folders.setdefault(folder, []).append(held)
        return held.uid

    def then(self, *behaviours: str) -> None:
        """What the next commands of their kind meet."""
        self._behaviours.extend(behaviours)

    def forget(self) -> None:
        """What was told to come does not: it is honest again."""
        self._behaviours.clear()

    def made_anew(self) -> None:
        """The server lost its numbers: another UIDVALIDITY, other UIDs, the same mails and no keywords."""
        self.validity += 1
        for folder in self.folders.values():
            for held in folder:
                held.uid, held.flags = self._next_uid, set()
                self._next_uid += 1

    def _talk(self, sock: socket.socket) -> None:
        if self._tls is not None:
            sock = self._encrypted(sock, self._tls)
        with sock:
            _Session(self, sock).talk()

    def meets(self, behaviour: str) -> bool:
        """Whether this is what comes next."""
        if self._behaviours and self._behaviours[0] == behaviour:
            self._behaviours.popleft()
            return True
        return False


class _Session:
    """One connection."""

    def __init__(self, server: ImapServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._file = sock.makefile("rb")
        self._folder: list[Held] = []

    def talk(self) -> None:
        self._say(f"* OK [CAPABILITY {self._capabilities()}] ready")
        while line := self._file.readline():
            tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
            words = [
                (quoted or grouped or plain).decode("utf-8", "replace")
                for quoted, grouped, plain in _WORD.findall(rest)
            ]
            self._server.commands.append(rest.decode("utf-8", "replace"))
            name = words.pop(0).upper()
            if name == "UID":
                name = words.pop(0).upper()
            answer = getattr(self, f"_{name.lower()}", None)
            self._say(f"{tag.decode()} {answer(words) if answer else 'BAD unknown command'}")
            if name == "LOGOUT":
                return

    def _say(self, line: str) -> None:
        self._sock.sendall(line.encode() + b"\r\n")

    def _capabilities(self) -> str:
        return "IMAP4rev1 AUTH=XOAUTH2" + (" MOVE" if self._server.moves else "")

    def _capability(self, words: list[str]) -> str:
        self._say(f"* CAPABILITY {self._capabilities()}")
        return "OK done"

    def _noop(self, words: list[str]) -> str:
        return "OK done"

    def _logout(self, words: list[str]) -> str:
        self._say("* BYE")
        return "OK done"

    def _login(self, words: list[str]) -> str:
        right = [word.replace('\\"', '"') for word in words[:2]] == [self._server.user, self._server.password]
        return "OK done" if right else "NO [AUTHENTICATIONFAILED] wrong"

    def _authenticate(self, words: list[str]) -> str:
        self._say("+ ")
        said = base64.b64decode(self._file.readline()).decode()
        return (
            "OK done"
            if f"auth=Bearer {self._server.token}\x01" in said and self._server.token
            else "NO wrong token"
        )

    def _list(self, words: list[str]) -> str:
        for name in self._server.folders:
            if name == words[-1] or words[-1] == "*":
                self._say(f'* LIST () "/" "{name}"')
        return "OK done"

    def _create(self, words: list[str]) -> str:
        self._server.folders.setdefault(words[0], [])
        return "OK done"

    def _select(self, words: list[str]) -> str:
        if words[0] not in self._server.folders:
            return "NO [NONEXISTENT] there is no such folder"
        self._folder = self._server.folders[words[0]]
        own = r" \*" if self._server.keywords else ""
        self._say(f"* {len(self._folder)} EXISTS")
        self._say(f"* OK [UIDVALIDITY {self._server.validity}] valid")
        self._say(rf"* OK [PERMANENTFLAGS (\Seen \Deleted{own})] permitted")
        return "OK [READ-WRITE] selected"

    def _search(self, words: list[str]) -> str:
        without = words[words.index("UNKEYWORD") + 1] if "UNKEYWORD" in words else ""
        found = [
            str(held.uid)
            for held in self._folder
            if without not in held.flags and r"\Deleted" not in held.flags
        ]
        self._say("* SEARCH " + " ".join(found))
        return "OK done"

    def _fetch(self, words: list[str]) -> str:
        if self._server.meets("drop_fetch"):
            raise _Drop
        wanted, what = self._wanted(words[0]), " ".join(words[1:])
        for sequence, held in enumerate(self._folder, 1):
            if held.uid not in wanted:
                continue
            size = len(held.body) if held.listed_as is None else held.listed_as
            said = f"* {sequence} FETCH (UID {held.uid} RFC822.SIZE {size}"
            if "BODY" not in what:
                self._say(said + ")")
                continue
            if held.withheld:
                return "NO it cannot be read"
            most = int(re.findall(r"<0\.(\d+)>", what)[0])
            body = held.body[:most]
            head = f'{said} INTERNALDATE "20-Nov-2026 14:00:00 +0000" BODY[]<0> {{{len(body)}}}\r\n'.encode()
            if self._server.meets("trickle"):
                self._sock.sendall(head)
                for number in range(len(body)):
                    self._sock.sendall(body[number : number + 1])
                    time.sleep(0.1)
            self._sock.sendall(head + body + b")\r\n")
        return "OK done"

    def _wanted(self, text: str) -> set[int]:
        found: set[int] = set()
        for piece in text.split(","):
            low, _, high = piece.partition(":")
            found |= set(range(int(low), int(high or low) + 1))
        return found

    def _move(self, words: list[str]) -> str:
        if self._server.meets("drop_move"):
            raise _Drop
        if self._server.meets("refuse_move"):
            return "NO the archive is full"
        self._copy(words)
        self._folder[:] = [held for held in self._folder if held.uid not in self._wanted(words[0])]
        if self._server.meets("drop_after_move"):
            raise _Drop
        return "OK moved"

    def _copy(self, words: list[str]) -> str:
        for held in [one for one in self._folder if one.uid in self._wanted(words[0])]:
            self._server.put(held.body, folder=words[1])
        return "OK copied"

    def _store(self, words: list[str]) -> str:
        for held in self._folder:
            if held.uid in self._wanted(words[0]):
                held.flags |= set(words[2].strip("()").split())
        return "OK done"
