"""A mail server on loopback that is written to: it takes mail, counts it by Message-ID, and lies as mail servers do.

``from``, ``to`` and the like are said by [login] of ``conformance.toml``; a permission that is missing is a mailbox
that the server does not have, so ``to`` names two.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from crossdock.messages import WriteBack
from crossdock.ports import Clock, Login, Secret
from crossdock.testing.conformance.http_play import write_backs_of
from crossdock.testing.conformance.play import CANARY, EffectFault, Fault, QuietPlay
from crossdock.testing.effects import Effects
from crossdock.testing.smtp_server import SmtpServer

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("smtp",)
USER: Final = "crossdock"

TOLD: Final[Mapping[str, frozenset[str]]] = {
    "rst_before_dot": frozenset({"Retry", "Unsure"}),
    "commit_then_rst": frozenset({"Unsure"}),
    "commit_then_hang": frozenset({"Unsure"}),
    "commit_then_babble": frozenset({"Unsure"}),
    "later": frozenset({"Retry"}),
    "never": frozenset({"Reject"}),
    "greylist": frozenset({"Retry"}),
    "no_such_mailbox": frozenset({"Reject"}),
    "endless_reply": frozenset({"Retry"}),
    "shut": frozenset({"Retry"}),
}
"""The lies of the server that a mail meets, and the outcomes that are true then. The connection that dies before the
dot may die under it: then nobody knows."""

KINDS: Final[Mapping[str, str]] = {
    "shut": "busy",
    "never": "no",
    "endless_reply": "garbage",
    "rst_before_dot": "down",
}


def play(case: "Case") -> "SmtpPlay":
    """The played server."""
    return SmtpPlay(case)


class SmtpPlay(QuietPlay):
    """A played mail server."""

    wrongs = ("host", "password", "permission")
    can = frozenset({"played_sink", "remote"})

    def __init__(self, case: "Case") -> None:
        super().__init__()
        self.case = case
        self.wrongs = tuple(case.told.played.get("wrongs", self.wrongs))
        self.server = SmtpServer(user=USER, password=CANARY).start()
        self.ports = (self.server.port,)

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``."""
        port = self.server.port
        if wrong == "host":
            with socket.create_server(("127.0.0.1", 0)) as gone:
                port = gone.getsockname()[1]
        self.server.lie = "no_such_mailbox" if wrong == "permission" else self.server.lie
        return Login(
            connection_id=self.case.manifest.connection,
            host="127.0.0.1",
            port=port,
            user=USER,
            password=Secret(f"wrong-{CANARY}" if wrong == "password" else CANARY),
            extra={"tls": "none", **self.case.told.login},
        )

    def reset(self, clock: Clock) -> None:
        self.heal()
        self.effects = self.server.effects = Effects()
        for kept in (self.server.mails, self.server.taken, self.server.envelopes, self.server.said):
            kept.clear()

    def heal(self) -> None:
        self.server.lie = ""

    def faults(self, side: str) -> Sequence[Fault]:
        return [Fault(name=name, kind=kind, tell=self._teller(name)) for name, kind in KINDS.items()]

    def effect_faults(self) -> Sequence[EffectFault]:
        return [
            EffectFault(name=name, tell=self._teller(name), allowed=allowed, hangs=name == "commit_then_hang")
            for name, allowed in TOLD.items()
        ]

    def _teller(self, lie: str) -> Callable[[], None]:
        def tell() -> None:
            self.server.lie = lie

        return tell

    def written(self) -> Sequence[bytes]:
        return list(self.server.taken)

    def attempts(self) -> int:
        return sum(line.upper().startswith("MAIL") for line in self.server.said)

    def write_backs(self) -> Sequence[WriteBack]:
        return write_backs_of(self.case)

    def asked(self) -> int:
        return sum(line.upper().startswith("EHLO") for line in self.server.said)

    def close(self) -> None:
        self.server.stop()
