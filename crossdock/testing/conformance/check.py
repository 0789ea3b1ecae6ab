"""One check: its id, its promise, what it needs; and what comes of it."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

ID: Final = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")

NEEDS: Final[Mapping[str, str]] = {
    "manifest": "its connector.toml is wrong",
    "code": "it has no code of its own",
    "source": "it is not read from",
    "sink": "it is not written to",
    "polled": "it is not polled",
    "pushed": "nothing is pushed to us",
    "played": "its system cannot be played",
    "played_source": "its system is not played as something that is read",
    "played_sink": "its system is not played as something that is written to",
    "http": "its wire does not speak HTTP",
    "files": "its wire holds no files",
    "remote": "it calls nobody over a network",
    "in_steps": "its system gives everything at once",
    "paged": "its system gives no pages",
    "linked": "its pages are not found by links",
    "delta": "its system does not tell what changed since it was asked last",
    "moments": "its records are not ordered by a moment",
    "overlap": "it looks for no record behind its position",
    "inquires": "it does not ask number by number",
    "check": "it has no check()",
    "searchable": "its target cannot be asked what happened",
    "previewing": "it shows no preview",
    "versioned": "its target keeps no versions",
    "verbatim": "what it writes is drawn anew for the target, as its conformance.toml says",
    "drawn": "it writes what was decided as it is",
    "repeatable": "a repeat of an unsure call is not safe there, so none is made",
    "once": "a second effect does no harm there",
    "mapped": "its document has no mapping of one record",
    "recorded": "nothing was recorded of it",
    "schedule": "it is not written to on a schedule",
}
"""Every capability that a check may need, and why a check does not apply without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ok:
    """The promise is kept. ``note``: what is worth knowing all the same."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It is not. One sentence: what happened, and what to do."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """It is not, and somebody answers for that until a day."""

    reason: str
    until: date
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """There is nothing to look at, and why. It is counted, and is no pass."""

    why: str


Result = Ok | Failed | Waived | NotApplicable


class Broken(Exception):
    """A promise that is not kept. The text is the sentence for the author, remedy included."""


class NotHere(Exception):
    """Nothing to look at after all, and why."""


def broken(sentence: str) -> NoReturn:
    """The promise of the running check is not kept."""
    raise Broken(sentence)


def not_here(why: str) -> NoReturn:
    """The running check has nothing to look at."""
    raise NotHere(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """``id`` is stable (waivers name it); ``promise`` is one sentence; ``needs`` are capabilities of ``NEEDS``."""

    id: str
    promise: str
    needs: tuple[str, ...]
    look: Callable[["Case"], str | None]

    def __call__(self, case: "Case") -> str | None:
        """Look. A text is a note; raises ``Broken`` and ``NotHere``."""
        return self.look(case)


Look = Callable[["Case"], str | None]


def check(id: str, promise: str, *, needs: tuple[str, ...] = ()) -> Callable[[Look], Check]:
    """Declare a check: the decorated function becomes one."""
    if not ID.fullmatch(id):
        raise ValueError(f"check {id!r}: an id is two words with a dot, as 'source.key_is_stable'")
    if unknown := sorted(set(needs) - set(NEEDS)):
        raise ValueError(f"check {id!r} needs what nobody knows: {', '.join(unknown)}")
    if not promise.endswith("."):
        raise ValueError(f"check {id!r}: its promise is a sentence")

    def declare(look: Look) -> Check:
        return Check(id=id, promise=promise, needs=needs, look=look)

    return declare


@cache
def checks() -> tuple[Check, ...]:
    """Every check that there is, in the order of the modules of ``checks/`` and of their lines."""
    from crossdock.testing.conformance import checks as package

    found: dict[str, Check] = {}
    for module in _modules(package):
        for one in vars(module).values():
            if isinstance(one, Check) and found.setdefault(one.id, one) is not one:
                raise ValueError(f"two checks are called {one.id!r}")
    return tuple(found.values())


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]
