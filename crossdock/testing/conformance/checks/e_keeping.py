"""What both sides keep to whatever happens: secrets, hosts, waiting, what they leave behind, and their check()."""

import contextlib
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crossdock.errors import CrossdockError
from crossdock.messages import WriteBack
from crossdock.ports import Checkable, CheckStep, Previewing, Searchable
from crossdock.promises.secrets import Forms
from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.play import CANARY, MORE_CANARIES
from crossdock.testing.conformance.walking import fresh, read, some
from crossdock.wires.patience import in_a_hurry

if TYPE_CHECKING:
    from crossdock.testing.conformance.watch import Watch

HURRY_S: Final = 0.4
KINDS: Final = ("down", "login", "busy", "no", "garbage", "elsewhere", "files")


def _sides(case: Case) -> list[str]:
    """The sides that can be played: a source that is pushed to us opens nothing."""
    can = case.capabilities
    return [
        side
        for side, needs in (("source", {"polled", "played_source"}), ("sink", {"sink", "played_sink"}))
        if needs <= can
    ]


def _one_of_each_kind(case: Case, side: str) -> list[Any]:
    found: dict[str, Any] = {}
    for fault in case.system.faults(side):
        if fault.kind in KINDS:
            found.setdefault(fault.kind, fault)
            if fault.kind == "no" and fault.name == "500":
                found["failed"] = fault
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What was seen of a day of one side. ``said``: all its words."""

    said: list[str]
    watch: "Watch"
    running: list[str]


def _live(case: Case, side: str, said: list[str], watch: "Watch") -> None:
    """A day of this side: all well, each kind of trouble once, and what it asks and shows."""
    wrongs: list[Any] = [None, *_one_of_each_kind(case, side)]
    for fault in wrongs:
        case.system.reset(case.clock)
        thing = case.side(side)
        try:
            some_held = some(case, 4) if side == "source" else []
            if fault is not None:
                fault.tell()
            said.append(repr(thing))
            if side == "source":
                with in_a_hurry(HURRY_S * 5):
                    done = read(case, thing)
                said += [repr(message) for message in done.messages] + [str(done.position)]
                said += [str(dict(message.headers)) for message in done.messages]
                if done.error is not None:
                    said += _words_of(done.error)
                assert some_held
            else:
                for write_back in case.system.write_backs()[:1]:
                    with in_a_hurry(HURRY_S * 5):
                        _say(said, thing.deliver, write_back)
                        if isinstance(thing, Searchable):
                            _say(said, thing.find, write_back)
                    if isinstance(thing, Previewing):
                        _say(said, thing.preview, write_back)
            if isinstance(thing, Checkable) and fault is None:
                said += [f"{step.sentence} {step.remedy}" for step in thing.check()]
        finally:
            thing.close()
            watch.closed()


def _say(said: list[str], act: Callable[[WriteBack], Any], write_back: WriteBack) -> None:
    try:
        said.append(repr(act(write_back)))
    except CrossdockError as error:
        said += _words_of(error)


def _words_of(error: BaseException) -> list[str]:
    return [
        str(error),
        repr(error.args),
        "".join(traceback.format_exception(error)),
        repr(getattr(error, "body", b"")),
    ]


def _lived(case: Case, side: str) -> Life:
    """The day of this side: lived once, and looked at by several checks."""
    name = f"the life of the {side}"
    if name not in case.kept:
        said: list[str] = []
        with case.watched() as watch:
            _live(case, side, said, watch)
            running = watch.left_running()
        case.kept[name] = Life(said=said, watch=watch, running=running)
    life: Life = case.kept[name]
    return life


@check(
    "both.tells_no_secret",
    "No secret of its login stands in a log, an error, a message, a position or a check.",
    needs=("played",),
)
def tells_no_secret(case: Case) -> str:
    from crossdock.testing.conformance.http_play import TOKEN

    sides = _sides(case) or not_here("neither side of it calls anybody")
    forms = Forms([("canary", CANARY), ("canary", MORE_CANARIES), ("token", TOKEN)])
    count = 0
    for side in sides:
        life = _lived(case, side)
        words = {"a message, an error or a check": life.said, "the log": life.watch.lines}
        for where, texts in words.items():
            count += len(texts)
            for text in texts:
                if forms.found_in({"text": text}) or CANARY in text:
                    broken(
                        f"the {side} shows a secret of its login in {where} ({_around(text)}); say which "
                        "connection it is, never what it holds"
                    )
    return f"{count} texts were looked through"


def _around(text: str) -> str:
    at = max(text.find(CANARY), 0)
    before = re.sub(r"\s+", " ", text[max(0, at - 40) : at])
    return f"…{before}[secret]"


@check("both.opens_declared_hosts_only", "It opens its own system and nothing else.", needs=("played",))
def opens_declared_hosts_only(case: Case) -> None:
    for side in _sides(case) or not_here("neither side of it calls anybody"):
        if opened := _lived(case, side).watch.opened_elsewhere:
            broken(
                f"the {side} opened {opened[0]}, which is not its system; take it away, or declare it in hosts and "
                "reach it through a wire"
            )


@check("both.never_sleeps", "It never waits by itself, whatever it is told.", needs=("played",))
def never_sleeps(case: Case) -> None:
    for side in _sides(case) or not_here("neither side of it calls anybody"):
        if slept := _lived(case, side).watch.slept:
            broken(
                f"the {side} slept {slept[0]:g} s; raise Refused with retry_after, or return Retry with not_before, "
                "and the spine comes back then"
            )


@check("both.leaves_nothing", "After close() no thread runs, and no connection is open.", needs=("played",))
def leaves_nothing(case: Case) -> None:
    for side in _sides(case) or not_here("neither side of it calls anybody"):
        life = _lived(case, side)
        if life.running:
            broken(
                f"after close() of the {side} a thread still runs ({life.running[0]}); start none, or end it in "
                "close()"
            )
        if open_now := life.watch.left:
            broken(f"after close() of the {side} {open_now} connections are open; close the wire in close()")


@check(
    "both.deadlines_are_declared",
    "Every call has a deadline of at most five minutes.",
    needs=("played", "remote"),
)
def deadlines_are_declared(case: Case) -> str:
    longest = 0.0
    for side in _sides(case) or not_here("neither side of it calls anybody"):
        with case.watched(), in_a_hurry(20.0) as hurry:
            if side == "source":
                some(case, 4)
                fresh(case)
            else:
                with case.sink() as sink:
                    for write_back in case.system.write_backs()[:1]:
                        sink.deliver(write_back)
            if not hurry.deadlines:
                broken(
                    f"the {side} called its system with no deadline of a wire; call through crossdock.wires"
                )
            longest = max(longest, *hurry.deadlines)
    if longest > 300:
        broken(f"a call may take {longest:g} s; declare a deadline of at most 300")
    return f"at most {longest:g} s"


@check(
    "both.check_passes",
    "check() walks step by step through a system that is well, and every step is ok.",
    needs=("played", "check"),
)
def check_passes(case: Case) -> str:
    names: list[str] = []
    for side in _sides(case):
        with case.watched():
            some(case, 2) if side == "source" else None
            steps = _steps(case, side, "")
            if steps is None:
                continue
            if not steps:
                broken(
                    f"check() of the {side} tells nothing; yield a step for connect, login, permission and a "
                    "sample"
                )
            if wrong := [step for step in steps if not step.ok]:
                broken(
                    f"check() of the {side} fails at {wrong[0].step!r} where all is well: {wrong[0].sentence}"
                )
            names += [step.step for step in steps]
    return ", ".join(dict.fromkeys(names)) or not_here("no side that can be played has a check()")


@check(
    "both.check_names_the_remedy",
    "check() stops at what is wrong (host, login, permission), and says what to do.",
    needs=("played", "check"),
)
def check_names_the_remedy(case: Case) -> None:
    for side in _sides(case):
        for wrong in ("host", "password", "permission"):
            if wrong not in case.system.wrongs:
                continue
            with case.watched():
                some(case, 2) if side == "source" else None
                steps = _steps(case, side, wrong)
            if steps is None:
                continue
            if all(step.ok for step in steps):
                broken(f"check() of the {side} finds nothing wrong with a wrong {wrong}; try what needs it")
            if not steps[-1].ok and not steps[-1].remedy:
                broken(
                    f"check() of the {side} says {steps[-1].sentence!r} and no remedy; say what to correct, and "
                    "where"
                )
            if [step.ok for step in steps].index(False) != len(steps) - 1:
                broken(
                    f"check() of the {side} goes on after the step that failed; stop there, the rest is noise"
                )


def _steps(case: Case, side: str, wrong: str) -> list[CheckStep] | None:
    with contextlib.closing(case.side(side, case.system.login(wrong=wrong))) as thing:
        if not isinstance(thing, Checkable):
            return None
        return list(thing.check())
