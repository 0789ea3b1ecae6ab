"""The other system, played: what the checks of both sides ask of it.

Which module of ``played/`` plays it is said by the wire; a connector whose system has a protocol of its own brings
``played.py`` in its folder.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from crossdock.messages import WriteBack
from crossdock.ports import Clock, Login
from crossdock.testing.effects import Effects

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

CANARY: Final = "canary-3f9c/p&w+Zq"
"""The secret that every played login holds. Where it shows, a secret would."""

MORE_CANARIES: Final = "canary-77e1/s&k+Yv"
"""Every other secret of the login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One record or file that the played system holds. ``mark`` stands in its bytes and in no other's."""

    number: int
    at: datetime
    body: bytes
    mark: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which the other system goes wrong while it is read or written. ``tell``: from the next call on, for
    ``times`` calls."""

    name: str
    kind: str
    tell: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectFault:
    """One way in which a write goes wrong. ``allowed``: names of the outcomes that are true then (``Misconfigured``
    where that is raised). ``hangs``: it never ends by itself."""

    name: str
    tell: Callable[[], None]
    allowed: frozenset[str]
    hangs: bool = False


class Play(Protocol):
    """A played system: honest until a fault is told."""

    can: frozenset[str]
    ports: tuple[int, ...]
    effects: Effects
    wrongs: tuple[str, ...]

    def login(self, *, wrong: str = "") -> Login:
        """A login that works; ``wrong``: ``password``, ``host`` or ``permission``."""
        ...

    def reset(self, clock: Clock) -> None:
        """As new: nothing is there, nothing was asked, nobody lies."""
        ...

    def heal(self) -> None:
        """Honest again; what lies there stays."""
        ...

    def hold(self, *things: Thing) -> None:
        """From now on these lie there, too."""
        ...

    def thing(self, number: int, at: datetime, *, changed: int = 0) -> Thing:
        """The record of this number, with this moment. ``changed``: the same one, said differently."""
        ...

    def faults(self, side: str) -> Sequence[Fault]:
        """Every way in which it goes wrong for this side."""
        ...

    def effect_faults(self) -> Sequence[EffectFault]:
        """Every way in which a write goes wrong, with the outcomes that are true then."""
        ...

    def written(self) -> Sequence[bytes]:
        """The bodies of the effects, as they arrived."""
        ...

    def attempts(self) -> int:
        """How many calls asked for an effect since the reset."""
        ...

    def write_backs(self) -> Sequence[WriteBack]:
        """One for each operation."""
        ...

    def asked(self) -> int:
        """How often it was called since the reset, logins left out."""
        ...

    def close(self) -> None: ...


class QuietPlay:
    """A system that is not written to, never lies and opens no port: what others are made of."""

    ports: tuple[int, ...] = ()
    wrongs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.effects = Effects()

    def heal(self) -> None:
        """It never lies."""

    def faults(self, side: str) -> Sequence[Fault]:
        return ()

    def effect_faults(self) -> Sequence[EffectFault]:
        return ()

    def written(self) -> Sequence[bytes]:
        return ()

    def attempts(self) -> int:
        return 0

    def write_backs(self) -> Sequence[WriteBack]:
        return ()

    def asked(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is open."""


def play_of(case: "Case") -> "Play | str":
    """The played system of a connector, or the sentence that says why there is none."""
    from crossdock.testing.conformance import played

    wire = case.manifest.wire
    for info in pkgutil.iter_modules(played.__path__):
        module = importlib.import_module(f"{played.__name__}.{info.name}")
        if wire in getattr(module, "WIRES", ()):
            made: Any = module.play(case)
            return made  # type: ignore[no-any-return]
    return f"the kit cannot play wire {wire!r}; add crossdock/testing/conformance/played/{wire}.py, or waive this"
