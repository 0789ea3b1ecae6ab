"""Asks a live store whether the promises are kept, one after another; the first violation ends it.

Nothing is written, in bounded memory. Each verdict says how much was looked at, and what the store does not show.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossdock.errors import Misconfigured
from crossdock.promises import PROMISES, checks
from crossdock.promises.checks import Found, Look

if TYPE_CHECKING:
    from crossdock.promises.checks import Checker


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that is broken: by which question it was found, which rows, what that means, and what to do."""

    check: str
    rows: Mapping[str, object]
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one promise came to. ``looked``: rows; ``unseen``: what was not seen, as sentences."""

    promise: str
    title: str
    looked: int
    violation: Violation | None
    unseen: tuple[str, ...]


def verify(look: Look, promises: Sequence[str] = ()) -> Iterator[Verdict]:
    """The verdict on each of these promises, or on all, in their order. Goes on behind a violation: whoever wants the
    first one alone stops there."""
    wanted = [known(one) for one in promises] or list(PROMISES)
    for number in wanted:
        yield _judge(look, number)


def known(number: str) -> str:
    """The promise of this number. Raises ``Misconfigured`` when there is none."""
    if (found := number.strip().upper()) in PROMISES:
        return found
    raise Misconfigured(f"there is no promise {number!r}: they are P1 to P{len(PROMISES)} (docs/promises.md)")


def _judge(look: Look, number: str) -> Verdict:
    promise = PROMISES[number]
    looked, unseen = 0, [promise.unseen] if promise.unseen else []
    for name, checker in checkers(number):
        found: Found = checker(look)
        looked += found.looked
        unseen += found.unseen
        if found.sentence:
            violation = Violation(check=name, rows=found.rows, sentence=found.sentence, remedy=found.remedy)
            return Verdict(
                promise=number, title=promise.title, looked=looked, violation=violation, unseen=tuple(unseen)
            )
    return Verdict(promise=number, title=promise.title, looked=looked, violation=None, unseen=tuple(unseen))


def checkers(number: str) -> list[tuple[str, "Checker"]]:
    """What is asked about a promise, each by its name."""
    return checks.of(number)
