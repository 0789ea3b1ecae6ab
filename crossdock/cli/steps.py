"""``crossdock receive | process | deliver``: one step of the walk, by hand. The DAGs call the same functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.hub import Hub

Once = Annotated[bool, typer.Option("--once", help="One batch after another until nothing waits, then end.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=0.1, help="Take no new batch after so many seconds.")
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(
        app,
        "receive",
        examples=("crossdock receive supplier_edi --once", "crossdock receive erp --once --json"),
    )(receive)
    command(app, "process", examples=("crossdock process --once", "crossdock process --once --seconds 30"))(
        process
    )
    command(app, "deliver", examples=("crossdock deliver --once", "crossdock deliver erp --once --json"))(
        deliver
    )


def receive(
    talk: Talk,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The connector: see `crossdock connector list`.")
    ],
    once: Once = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="So many messages at most.")] = None,
) -> ExitCode:
    """Read a source and store what it says, byte for byte; then tell the source."""
    _only_once(once, "receive")
    with _hub() as hub:
        return _report(talk, [hub.receive(name, limit=limit)], "crossdock process --once")


def process(talk: Talk, once: Once = False, seconds: Seconds = None) -> ExitCode:
    """Normalize what was received, fold it into cases, decide, and make the write-backs ready."""
    _only_once(once, "process")
    with _hub() as hub:
        return _report(talk, [hub.process(limit_s=seconds)], "crossdock deliver --once")


def deliver(
    talk: Talk,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="The connector to write to; every one when left out."),
    ] = None,
    once: Once = False,
    seconds: Seconds = None,
) -> ExitCode:
    """Send the write-backs that are due, each at most once where its effect cannot be asked for."""
    from crossdock.registry import Registry

    _only_once(once, "deliver")
    registry = Registry()
    if target is None:
        targets = sorted(name for name, manifest in registry.manifests().items() if manifest.sink is not None)
    else:
        if registry.manifest(target).sink is None:
            raise Misconfigured(f"connector {target!r} is not written to: it has no [sink]")
        targets = [target]
    with _hub() as hub:
        return _report(
            talk, [hub.deliver(each, limit_s=seconds) for each in targets], "crossdock write-backs list"
        )


def _only_once(once: bool, step: str) -> None:
    if not once:
        raise Misconfigured(
            f"`crossdock {step}` runs once: add --once (again and again is what the DAGs are for)"
        )


@contextmanager
def _hub() -> "Iterator[Hub]":
    from crossdock.hub import Hub

    hub = Hub.open()
    try:
        yield hub
    finally:
        hub.close()


def _report(talk: Talk, reports: list[Any], then: str) -> ExitCode:
    """Show what the runs did. A broken connector is exit code 4; what was set aside is no failure of the run."""
    broken = [report for report in reports if report.error]
    if not talk.answer({"runs": [_as_dict(report) for report in reports]}):
        for report in reports:
            counts = ", ".join(
                f"{count} {name.replace('_', ' ')}" for name, count in report.counts.items() if count
            )
            talk.line(
                " ".join(filter(None, [report.step, report.connector or ""]))
                + f": {counts or 'nothing to do'}"
            )
            if any(count for name, count in report.counts.items() if name in ("set_aside", "dead_lettered")):
                talk.next_step("crossdock dead-letters list", "something was set aside")
        if not broken:
            talk.next_step(then)
    for report in broken:
        talk.say(f"crossdock: {report.step} {report.connector or ''}: {report.error}")
    return ExitCode.REMOTE if broken else ExitCode.OK


def _as_dict(report: Any) -> dict[str, Any]:
    return {**asdict(report), "run_id": str(report.run_id)}
