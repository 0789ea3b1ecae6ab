"""The check of an HTTP system, step by step: resolve, connect, TLS, login, permission. Stops at what fails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.ports import CheckStep
from crossdock.wires.address_guard import ForbiddenAddress
from crossdock.wires.http_adapter import Call
from crossdock.wires.http_answer import Answer
from crossdock.wires.http_door import Door
from crossdock.wires.http_login import HttpLogin

CHECK_S: Final = 15.0
"""So long may each step take."""

MOST_SKEW: Final = timedelta(minutes=3)
"""Two clocks that are further apart are named when a login is refused: signatures and tokens hold for minutes."""

_BLAMED: Final = {
    "resolve": ("host", "Correct the host of the connection, or ask who keeps the names of this network."),
    "connect": (
        "host",
        "Look whether the system runs and whether host and port of the connection are right, from where this ran.",
    ),
    "tls": ("ca_bundle", "Look at what the certificate says, then at host and ca_bundle of the connection."),
}
"""By the step that failed, the field to look at and what to do, where the failure itself does not say."""


def reach(door: Door, login: HttpLogin, path: str) -> Iterator[CheckStep]:
    """As far as one comes without asking for anything: resolve, connect, TLS, and a token where one is needed."""
    call = door.call(CHECK_S)
    failure: CrossdockError | None = None
    try:
        door.open(call)
    except CrossdockError as error:
        failure = error
    yield from _reached(door, call, failure)
    if failure is not None:
        return
    try:
        login.sign(door.request("GET", path, {}, None), door.call(CHECK_S))
    except CrossdockError as error:
        remedy = "Correct the connection."
        if not isinstance(error, Misconfigured):
            remedy = (
                "Look whether the system that gives the tokens runs, and at the token_url of the connection."
            )
        yield _failed("login", error, "token_url", remedy)


def steps(
    door: Door, login: HttpLogin, ask: Callable[[], Answer], *, path: str, now: datetime
) -> Iterator[CheckStep]:
    """``ask`` makes one read of ``path``."""
    for step in reach(door, login, path):
        yield step
        if not step.ok:
            return
    try:
        answer = ask()
    except Misconfigured as error:
        yield _failed("login" if error.field else "answer", error, "", "Correct the connection.")
        return
    except CrossdockError as error:
        yield _failed(
            "answer", error, "host", "It takes connections and does not answer: look at its own log."
        )
        return
    yield from judged(answer, login.field, path=path, base=door.base, now=now)


def judged(answer: Answer, field: str, *, path: str, base: str, now: datetime) -> Iterator[CheckStep]:
    """Login and permission, by the status of a read."""
    if answer.status in (401, 407):
        yield CheckStep(
            step="login",
            ok=False,
            sentence=f"{base} does not accept the login ({answer.status}){_skew(answer, now)}",
            remedy=f"Correct {field} of the connection, or ask the system's owner whether the login is still good.",
            field=field,
        )
        return
    if answer.status == 403 and (skew := _skew(answer, now)):
        yield CheckStep(
            step="login",
            ok=False,
            sentence=f"{base} refuses the request (403){skew}",
            remedy="Set the clock of this machine (NTP), or ask the system's owner to set theirs.",
            field=field,
        )
        return
    yield CheckStep(step="login", ok=True, sentence="the login is accepted")
    if answer.status == 403:
        yield CheckStep(
            step="permission",
            ok=False,
            sentence=f"{path} may not be read with this login (403)",
            remedy="Ask the owner of the system to permit it.",
            field=field,
        )
        return
    if not 200 <= answer.status < 300:
        yield CheckStep(
            step="permission",
            ok=False,
            sentence=f"{path} answered {answer.status}",
            remedy="Look at the path in connector.toml and at the system's own log.",
            field="path",
        )
        return
    yield CheckStep(step="permission", ok=True, sentence=f"{path} may be read")


def _reached(door: Door, call: Call, failure: CrossdockError | None) -> Iterator[CheckStep]:
    encrypted = door.base.startswith("https:")
    done = {
        "resolve": f"the name is known{f', at {call.at}' if call.at else ''}",
        "connect": f"{door.base} takes connections" + ("" if encrypted else " (without TLS)"),
        **({"tls": "; ".join(_tls(door))} if encrypted else {}),
    }
    for step, sentence in done.items():
        if failure is not None and step == call.stage:
            where, remedy = _BLAMED[step]
            if isinstance(failure, ForbiddenAddress):
                where = "addresses"
            yield _failed(step, failure, where, remedy)
            return
        yield CheckStep(step=step, ok=True, sentence=sentence)
    if failure is not None:
        yield _failed("connect", failure, *_BLAMED["connect"])


def _tls(door: Door) -> Iterator[str]:
    yield "TLS verified"
    if door.certificate is not None:
        yield door.certificate.told()


def _failed(step: str, error: CrossdockError, field: str, remedy: str) -> CheckStep:
    blamed = error.field if isinstance(error, Misconfigured) and error.field else field
    return CheckStep(step=step, ok=False, sentence=str(error), remedy=remedy, field=blamed)


def _skew(answer: Answer, now: datetime) -> str:
    """What is to be said about the two clocks, when they differ by so much that it may be the reason."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    apart = now - (at if at.tzinfo else at.replace(tzinfo=UTC))
    if abs(apart) < MOST_SKEW:
        return ""
    minutes = round(abs(apart).total_seconds() / 60)
    return f"; our clock is {minutes} minutes {'ahead of' if apart > timedelta(0) else 'behind'} theirs"
