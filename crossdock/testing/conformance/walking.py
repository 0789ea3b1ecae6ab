"""Reading a source as the hub does: message after message, with the position that would be stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from crossdock.errors import CrossdockError
from crossdock.messages import RawMessage
from crossdock.ports import Inquiring, Patient, Source, Watchful
from crossdock.testing.conformance.check import broken
from crossdock.testing.conformance.play import Thing

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Case

STILL: Final = timedelta(hours=1)
"""Longer than any file has to lie still."""

MOST: Final = 500
"""More messages than the played system ever holds: a source that gives more goes in a circle."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """What came of reading: the messages, the position that is stored, and what ended it early."""

    messages: list[RawMessage] = field(default_factory=list)
    position: str | None = None
    error: CrossdockError | None = None

    def numbers(self, things: Sequence[Thing]) -> list[int]:
        """Which of these things came, in the order in which they did."""
        return [thing.number for message in self.messages for thing in things if thing.mark in message.body]


def walk(case: "Case", source: Source, after: str | None = None, *, most: int = MOST) -> Walk:
    """Read once. Raises what is none of ours; ``Broken`` for a source that does not end."""
    done = Walk(position=after)
    try:
        reading = source.read(after)
        for message in reading:
            done.messages.append(message)
            if message.position is not None:
                done.position = message.position
            if len(done.messages) >= most:
                close = getattr(reading, "close", None)
                if callable(close):
                    close()
                break
        else:
            if isinstance(source, Watchful) and (stands := source.position()) is not None:
                done.position = stands
    except CrossdockError as error:
        done.error = error
        # A round stands where it came to, also when it ended early.
        if isinstance(source, Inquiring) and isinstance(source, Watchful):
            done.position = source.position() or done.position
    if len(done.messages) >= MOST:
        broken(f"read() gave {MOST} messages of what lies there; end at the last page, and refuse a circle")
    return done


def read(case: "Case", source: Source, after: str | None = None, *, most: int = MOST) -> Walk:
    """Read, and again after an hour when something there must first lie still."""
    done = walk(case, source, after, most=most)
    if (
        done.error is None
        and len(done.messages) < most
        and isinstance(source, Patient)
        and source.not_yet_quiet()
    ):
        case.clock.advance(STILL)
        again = walk(case, source, done.position, most=most)
        known = {message.key for message in done.messages}
        again.messages = [*done.messages, *(one for one in again.messages if one.key not in known)][:most]
        return again
    return done


def fresh(case: "Case", after: str | None = None, *, most: int = MOST) -> Walk:
    """Read with a new source, as another worker would."""
    with case.source() as source:
        return read(case, source, after, most=most)


def rest(case: "Case", after: str | None, *, runs: int = 40) -> Walk:
    """Read with new sources until nothing new comes, as runs after runs would."""
    done = Walk(position=after)
    for _ in range(runs):
        once = fresh(case, done.position)
        known = {message.key for message in done.messages}
        new = [message for message in once.messages if message.key not in known]
        done.messages += new
        done.error = once.error
        done.position = once.position
        if once.error is not None or not new:
            break
    return done


def come_round(case: "Case") -> None:
    """Let the time pass after which a system is asked again about what it was asked: none, where it tells all."""
    again: timedelta | None = getattr(case.system, "asked_again_after", None)
    if again is not None:
        case.clock.advance(again)


def moment(case: "Case", minutes: float) -> datetime:
    """So many minutes after six hours before the clock's time."""
    return case.clock.now().replace(microsecond=0) - timedelta(hours=6) + timedelta(minutes=minutes)


def some(case: "Case", count: int, *, from_number: int = 1, every_min: float = 1) -> list[Thing]:
    """So many things, a minute apart, held by the system."""
    made = [
        case.system.thing(number, moment(case, number * every_min))
        for number in range(from_number, from_number + count)
    ]
    case.system.hold(*made)
    return made


def require_all(things: Sequence[Thing], done: Walk, remedy: str) -> None:
    """All of these came, each once. Fails with what is missing or came twice."""
    if done.error is not None:
        broken(f"reading ended with {type(done.error).__name__}: {done.error}; {remedy}")
    came = done.numbers(things)
    if lost := [thing.number for thing in things if thing.number not in came]:
        broken(f"of {len(things)} things {len(lost)} never came ({_few(lost)}); {remedy}")
    keys: dict[str, int] = {}
    for message in done.messages:
        keys[message.key] = keys.get(message.key, 0) + 1
    if twice := [number for number in dict.fromkeys(came) if came.count(number) > 1]:
        broken(f"{len(twice)} things came twice in one run ({_few(twice)}); {remedy}")


def require_in_the_end(case: "Case", things: Sequence[Thing], done: Walk, remedy: str) -> None:
    """All of these came, in this walk or in the runs that go on from it."""
    later = rest(case, done.position)
    if "inquires" in case.capabilities and later.error is None:
        come_round(case)
        messages = later.messages
        later = rest(case, later.position)
        later.messages = [*messages, *later.messages]
    if later.error is not None:
        broken(f"the next run ends with {type(later.error).__name__}: {later.error}; {remedy}")
    came = {*done.numbers(things), *later.numbers(things)}
    if lost := [thing.number for thing in things if thing.number not in came]:
        broken(f"of {len(things)} things {len(lost)} never came ({_few(lost)}); {remedy}")


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(f"number {number}" for number in numbers[:3]) + ("…" if len(numbers) > 3 else "")
