"""A partner's SFTP server, as a real one on loopback: the connector's samples lie in its directories, and it lies
by the lies of ``sftp_lies``.

Directories are those of [source.settings] and [sink.settings]: ``directory`` and ``archive``.
"""

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import Misconfigured
from crossdock.messages import WriteBack
from crossdock.ports import Clock, Login, Secret
from crossdock.testing import sftp_lies
from crossdock.testing.conformance.http_play import write_backs_of
from crossdock.testing.conformance.play import CANARY, EffectFault, Fault, Thing
from crossdock.testing.effects import Effects

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

WIRES: Final = ("sftp",)
HOOKS: Final = ("before_read", "on_read", "told_size", "before_rename", "after_rename")


def play(case: "Case") -> "SftpPlay":
    """The played server. Raises ``Misconfigured`` when no directory is set."""
    return SftpPlay(case)


class SftpPlay:
    """A played SFTP server. Its effects are the files that lie where we put them."""

    wrongs = ("host", "password")

    def __init__(self, case: "Case") -> None:
        from crossdock.testing.sftp_server import SftpServer

        self.case = case
        self._read_from = self._written_to = ""
        self._going_on = threading.Event()
        self._archive = ""
        can = {"files"}
        manifest = case.manifest
        if manifest.source is not None and isinstance(
            where := manifest.source.settings.get("directory"), str
        ):
            self._read_from, self._archive = where, str(manifest.source.settings.get("archive", ""))
            can.add("played_source")
        if manifest.sink is not None and isinstance(where := manifest.sink.settings.get("directory"), str):
            self._written_to = where
            can.add("played_sink")
        if not can & {"played_source", "played_sink"}:
            raise Misconfigured(
                "no directory stands in [source.settings] or [sink.settings], so nothing can be played"
            )
        self.can = frozenset(can)
        self._root = Path(tempfile.mkdtemp(prefix="crossdock-conformance-"))
        samples = [path for path in sorted((case.folder / "samples").glob("*")) if path.is_file()]
        self._sample = samples[0] if samples else None
        self.server = SftpServer(self._root, password=CANARY)
        self.server.start()
        self.ports = (self.server.port,)
        self.effects = Effects()
        self.held: list[Thing] = []
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
        self.heal()
        self.held.clear()
        self.server.made.clear()
        for path in self._root.iterdir():
            shutil.rmtree(path)
        for folder in filter(None, (self._read_from, self._archive, self._written_to)):
            self._at(folder).mkdir(parents=True, exist_ok=True)
        self.effects = _FilesThere(self)

    def heal(self) -> None:
        self._going_on.set()
        self.server.password = CANARY
        for hook in HOOKS:
            setattr(self.server, hook, None)

    def hold(self, *things: Thing) -> None:
        for thing in things:
            self.held.append(thing)
            path = (
                self._at(self._read_from)
                / f"{thing.mark.decode()}{self._sample.suffix if self._sample else '.txt'}"
            )
            path.write_bytes(thing.body)
            os.utime(path, (thing.at.timestamp(), thing.at.timestamp()))

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """See ``Play``: the sample with a line of its own at its end."""
        mark = f"conformance-{number:04d}x"
        body = self._sample.read_bytes() if self._sample else b"a file\n"
        return Thing(
            number=number, at=at, body=body + f"{mark}{'.' * changed}\n".encode(), mark=mark.encode()
        )

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

    def written(self) -> list[bytes]:
        return [path.read_bytes() for path in self._lying()]

    def attempts(self) -> int:
        """How many files were given their name."""
        return len([made for made in self.server.made if made[0] == "rename"])

    def write_backs(self) -> list[WriteBack]:
        return write_backs_of(self.case)

    def asked(self) -> int:
        return len(self.server.made)

    def close(self) -> None:
        self.server.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def _lying(self) -> list[Path]:
        folder = self._at(self._written_to)
        return [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".part"]

    def _at(self, folder: str) -> Path:
        return self._root / folder.strip("/")


class _FilesThere(Effects):
    """The effects of a directory: one for each file that lies there and is ours."""

    def __init__(self, play: SftpPlay) -> None:
        super().__init__()
        self._play = play

    def counted(self) -> dict[str, int]:
        if not self._play._written_to:
            return {}
        return {path.name: 1 for path in self._play._lying() if path.read_bytes() != b"somebody else's"}


def _replaced() -> sftp_lies.Settings:
    return sftp_lies.replaced_while_read(b"another file")


def _drops() -> dict[str, Any]:
    return sftp_lies.drop_in_the_middle(times=9)
