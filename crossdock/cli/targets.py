"""``crossdock targets``: the systems that are written to, how each one stands, and the switches."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.reading import one_of, reading
from crossdock.cli.talk import Talk, short_time
from crossdock.ports import SystemClock

if TYPE_CHECKING:
    from crossdock.hub import Hub
    from crossdock.targets import Shown

targets = group("targets", "Targets: the systems that are written to, how each one stands, and the switches.")

Name = Annotated[str, typer.Argument(metavar="TARGET", help="The connector that is written to.")]
NameOrAll = Annotated[str, typer.Argument(metavar="TARGET", help="The connector; '*' is every target.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit.")]
Operation = Annotated[
    str, typer.Option("--operation", metavar="NAME", help="This operation alone; every one when left out.")
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(targets)


@command(targets, "list", examples=("crossdock targets list", "crossdock targets list --json"))
def list_(talk: Talk) -> None:
    """List the targets: mode, state, why nothing leaves, and what waits."""
    found = _shown()
    if talk.answer({"targets": [one.as_dict() for one in found]}):
        return
    if not found:
        talk.say("no connector is written to; see `crossdock connector list`")
        return
    talk.table(
        ("target", "mode", "state", "ready", "unsure", "why nothing leaves", "next try"),
        [
            (
                one.name,
                one.standing.mode,
                one.standing.state,
                one.waiting.get("ready", 0),
                one.waiting.get("unsure", 0),
                _why(one),
                short_time(one.permit.until),
            )
            for one in found
        ],
        optional=("unsure",),
    )
    talk.next_step(f"crossdock targets show {found[0].name}")


@command(targets, "show", examples=("crossdock targets show erp", "crossdock targets show erp --json"))
def show(talk: Talk, target: Name) -> None:
    """Show one target: how it stands, its switches, what waits, and what its connector declares."""
    (found,) = _shown(target)
    said = found.as_dict()
    if talk.answer({"targets": [said]}):
        return
    talk.heading(f"target {found.name}")
    standing = found.standing
    talk.fields(
        {
            "mode": standing.mode,
            "state": standing.state,
            "why nothing leaves": _why(found),
            "next try": short_time(found.permit.until) if found.permit.until else None,
            "since": short_time(standing.since) if standing.since else None,
            "by": standing.by,
            "failures in a row": standing.failures or None,
            "write-backs": dict(found.waiting),
        }
    )
    if found.stops:
        talk.heading("switches")
        for stop in found.stops:
            talk.line(f"  {stop} ({short_time(stop.at)})")
    talk.heading("what its connector declares")
    talk.fields(said["rules"])
    if standing.state != "closed":
        talk.next_step(f'crossdock targets resume {found.name} --reason "..."', "once the cause is mended")
    else:
        talk.next_step(f"crossdock write-backs list --target {found.name}")


@command(
    targets, "pause", examples=('crossdock targets pause erp --reason "the ERP is being upgraded tonight"',)
)
def pause(talk: Talk, target: Name, reason: Reason = "") -> None:
    """Make no call to a target until it is resumed. What is due waits, and nothing is spent."""
    from crossdock import targets as deeds

    with _acting(target) as hub:
        hub.on_target(deeds.pause, target=target, actor=actor(), reason=reason)
    _done(talk, target, f"{target} is paused", f'crossdock targets resume {target} --reason "..."')


@command(targets, "resume", examples=('crossdock targets resume erp --reason "the new token is in place"',))
def resume(talk: Talk, target: Name, reason: Reason = "") -> None:
    """Make calls again: to a target that was paused, or whose circuit is open."""
    from crossdock import targets as deeds

    with _acting(target) as hub:
        hub.on_target(deeds.resume, target=target, actor=actor(), reason=reason)
    _done(talk, target, f"{target} is called again", f"crossdock deliver {target} --once")


@command(
    targets,
    "mode",
    examples=(
        'crossdock targets mode erp shadow --reason "the old program still writes"',
        'crossdock targets mode erp live --reason "the switch is done"',
    ),
)
def mode(
    talk: Talk,
    target: Name,
    mode: Annotated[str, typer.Argument(metavar="MODE", help="live, shadow or dry-run.")],
    reason: Reason = "",
) -> None:
    """Set what a delivery does: live sends; shadow makes and keeps the request and never sends it; dry-run makes and
    keeps it, and sends it once the target is live."""
    from crossdock import targets as deeds
    from crossdock.standing import Mode

    one_of("MODE", mode, tuple(map(str, Mode)))
    with _acting(target) as hub:
        hub.on_target(deeds.set_mode, target=target, mode=Mode(mode), actor=actor(), reason=reason)
    _done(talk, target, f"{target} is {mode}", f"crossdock targets show {target}")


@command(
    targets,
    "stop",
    examples=(
        'crossdock targets stop erp --operation hold --reason "holds go to the wrong orders"',
        'crossdock targets stop "*" --reason "nothing leaves until we know more"',
    ),
)
def stop(talk: Talk, target: NameOrAll, operation: Operation = "*", reason: Reason = "") -> None:
    """Throw a kill switch: no call from now on, also in the middle of a batch. What is due waits."""
    from crossdock import targets as deeds

    with _acting(target, operation) as hub:
        hub.on_target(deeds.stop, target=target, operation=operation, actor=actor(), reason=reason)
    what = "" if operation == "*" else f" --operation {operation}"
    _done(
        talk,
        target,
        f"{_named(target, operation)} is stopped",
        f'crossdock targets allow {_quoted(target)}{what} --reason "..."',
    )


@command(
    targets,
    "allow",
    examples=('crossdock targets allow erp --operation hold --reason "the rule is corrected"',),
)
def allow(talk: Talk, target: NameOrAll, operation: Operation = "*", reason: Reason = "") -> None:
    """Take a kill switch back."""
    from crossdock import targets as deeds

    with _acting(target, operation) as hub:
        hub.on_target(deeds.allow, target=target, operation=operation, actor=actor(), reason=reason)
    _done(talk, target, f"{_named(target, operation)} is allowed again", "crossdock targets list")


@contextmanager
def _acting(target: str, operation: str = "*") -> "Iterator[Hub]":
    """A hub that knows this target and this operation."""
    from crossdock import targets as deeds
    from crossdock.hub import Hub

    hub = Hub.open()
    try:
        deeds.known(target, hub.registry.manifests(), operation)
        yield hub
    finally:
        hub.close()


def _shown(name: str | None = None) -> "list[Shown]":
    from crossdock import targets as deeds
    from crossdock.registry import Registry

    manifests = Registry().manifests()
    if name is not None:
        deeds.known(name, manifests)
        manifests = {name: manifests[name]}
    with reading() as (connection, tenant):
        return deeds.shown(connection, tenant, manifests, SystemClock().now())


def _done(talk: Talk, target: str, sentence: str, follow: str) -> None:
    shown = [one.as_dict() for one in _shown(None if target == "*" else target)]
    if talk.answer({"targets": shown}):
        return
    talk.line(sentence)
    talk.next_step(follow)


def _why(one: "Shown") -> str | None:
    partly = [str(stop) for stop in one.stops if stop.operation != "*"]
    return one.permit.why or "; ".join(partly) or None


def _named(target: str, operation: str) -> str:
    return "everything" if target == "*" else target if operation == "*" else f"{target}:{operation}"


def _quoted(target: str) -> str:
    return '"*"' if target == "*" else target
