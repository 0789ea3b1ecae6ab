"""A partner's SFTP server, as a real one on loopback: the connector's samples lie in its directories, and it lies by
the lies of ``sftp_lies``.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from crossdock.ports import Clock, Login, Secret
from crossdock.testing import sftp_lies
from crossdock.testing.conformance.files_play import FilesPlay
from crossdock.testing.conformance.play import CANARY, EffectFault, Fault

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("sftp",)
HOOKS: Final = ("before_read", "on_read", "told_size", "before_rename", "after_rename")


def play(case: "Case") -> "SftpPlay":
    """The played server. Raises ``Misconfigured`` when no directory is set."""
    return SftpPlay(case)


class SftpPlay(FilesPlay):
    """A played SFTP server."""

    wrongs = ("host", "password")

    def __init__(self, case: "Case") -> None:
        from crossdock.testing.sftp_server import SftpServer

        super().__init__(case, can=frozenset({"remote"}))
        self._going_on = threading.Event()
        self.server = SftpServer(self.root, password=CANARY)
        self.server.start()
        self.ports = (self.server.port,)
        self.reset(case.clock)

    def login(self, *, wrong: str = "") -> Login:
        """See ``Play``: a login with the pinned host key."""
        if wrong == "host":
            with socket.create_server(("127.0.0.1", 0)) as gone:
                return self.server.login(port=gone.getsockname()[1])
        if wrong == "password":
            return self.server.login(password=Secret("wrong-" + CANARY))
        return self.server.login(password=Secret(CANARY))

    def reset(self, clock: Clock) -> None:
        super().reset(clock)
        self.server.made.clear()

    def heal(self) -> None:
        self._going_on.set()
        self.server.password = CANARY
        for hook in HOOKS:
            setattr(self.server, hook, None)

    def faults(self, side: str) -> Sequence[Fault]:
        """Lies about what is read; a sink's are told by ``effect_faults``."""
        if side == "find":
            return []
        lies: dict[str, Callable[[], sftp_lies.Settings]] = {
            "sizes that are wrong": sftp_lies.wrong_stat,
            "a file that is cut": sftp_lies.truncated,
            "a file that grows": sftp_lies.growing_file,
            "a file that is replaced while it is read": _replaced,
        }
        found = [Fault(name=name, kind="files", tell=self._teller(make)) for name, make in lies.items()]
        return [
            *found,
            Fault(name="reads that are short", kind="files", tell=self._teller(sftp_lies.short_reads)),
            Fault(name="a connection that dies in the middle", kind="down", tell=self._teller(_drops)),
            Fault(
                name="a read that is never answered",
                kind="silence",
                tell=self._teller(self._hanging("before_read")),
            ),
            Fault(name="a password that was changed", kind="login", tell=self._lock_out),
        ]

    def effect_faults(self) -> Sequence[EffectFault]:
        told: list[tuple[str, Callable[[], sftp_lies.Settings], set[str]]] = [
            ("a connection that dies before the rename", sftp_lies.drop_before_rename, {"Unsure", "Retry"}),
            ("a connection that dies after the rename", sftp_lies.drop_after_rename, {"Unsure", "Delivered"}),
            (
                "a rename that says that it failed, and was done",
                sftp_lies.fails_and_has_renamed,
                {"Delivered", "Unsure"},
            ),
            (
                "somebody else's file under the name",
                sftp_lies.rename_target_exists,
                {"Reject", "Retry", "Unsure"},
            ),
            ("sizes that are wrong", sftp_lies.wrong_stat, {"Retry", "Unsure", "Reject"}),
            ("a file that is cut when it is read back", sftp_lies.truncated, {"Retry", "Unsure", "Reject"}),
        ]
        found = [
            EffectFault(name=name, tell=self._teller(make), allowed=frozenset(allowed))
            for name, make, allowed in told
        ]
        hang = self._teller(self._hanging("before_rename"))
        out = EffectFault(
            name="a password that was changed", tell=self._lock_out, allowed=frozenset({"Misconfigured"})
        )
        never = EffectFault(
            name="a rename that is never answered", tell=hang, allowed=frozenset({"Unsure"}), hangs=True
        )
        return [*found, out, never]

    def _hanging(self, hook: str) -> Callable[[], sftp_lies.Settings]:
        """The server stops in the middle of this, until it is healed."""

        def hang(*_given: object) -> None:
            self._going_on.wait(20)
            raise OSError("it was given up")

        def settings() -> sftp_lies.Settings:
            self._going_on.clear()
            return {hook: hang}

        return settings

    def _lock_out(self) -> None:
        self.server.password = "another one"
        self.server.drop()

    def _teller(self, make: Callable[[], sftp_lies.Settings]) -> Callable[[], None]:
        def tell() -> None:
            for hook, function in make().items():
                setattr(self.server, hook, function)

        return tell

    def attempts(self) -> int:
        """How many files were given their name."""
        return len([made for made in self.server.made if made[0] == "rename"])

    def asked(self) -> int:
        return len(self.server.made)

    def close(self) -> None:
        self.server.stop()
        super().close()


def _replaced() -> sftp_lies.Settings:
    return sftp_lies.replaced_while_read(b"another file")


def _drops() -> dict[str, Any]:
    return sftp_lies.drop_in_the_middle(times=9)
