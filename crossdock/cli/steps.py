"""``crossdock receive | process | deliver | publish | redrive``: one step of the walk, by hand.

The DAGs call the same functions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crossdock.cli.command import command
from crossdock.cli.connector_kit import About
from crossdock.cli.exits import ExitCode, exit_code_of
from crossdock.cli.talk import Talk
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.termination import COUNT, on_sigterm

if TYPE_CHECKING:
    from crossdock.hub import Hub
    from crossdock.registry import Registry

Once = Annotated[bool, typer.Option("--once", help="One batch after another until nothing waits, then end.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", min=0.1, help="Take no new batch after so many seconds.")
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(
        app,
        "receive",
        examples=(
            "crossdock receive supplier_edi --once",
            "crossdock receive erp --once --json",
            "crossdock receive erp --dry-run --limit 5 --explain",
        ),
    )(receive)
    command(app, "process", examples=("crossdock process --once", "crossdock process --once --seconds 30"))(
        process
    )
    command(app, "deliver", examples=("crossdock deliver --once", "crossdock deliver erp --once --json"))(
        deliver
    )
    command(app, "publish", examples=("crossdock publish --once", "crossdock publish lake --once --json"))(
        publish
    )
    command(app, "redrive", examples=("crossdock redrive --once",))(redrive)


def redrive(talk: Talk, once: Once = False, seconds: Seconds = None) -> ExitCode:
    """Put back what the running redrives may put back now, each at its rate."""
    _only_once(once, "redrive")
    with _hub() as hub:
        return _report(talk, [hub.redrive(limit_s=seconds)], "crossdock redrives list")


def receive(
    talk: Talk,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The connector: see `crossdock connector list`.")
    ],
    once: Once = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="So many messages at most.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read from the beginning; store nothing, tell the source nothing."),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="With --dry-run: what each message means, and what would follow."),
    ] = False,
    about: About = None,
) -> ExitCode:
    """Read a source and store what it says, byte for byte; then tell the source."""
    if dry_run:
        from crossdock.cli.dry_run import dry

        return dry(talk, name, limit or 5, explain=explain, about=about or ())
    if about:
        raise Misconfigured(
            "--about belongs to --dry-run; what is asked about is known from what was shipped"
        )
    if explain:
        raise Misconfigured(
            "--explain belongs to --dry-run; what was stored is told by `crossdock events list`"
        )
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
        if target is not None:
            reports: list[Any] = [hub.deliver(target, limit_s=seconds)]
        else:
            mine = [name for name in targets if registry.manifest(name).tenant == hub.tenant]
            mine = _in_use(hub, registry, mine)
            reports = [_delivered(hub, each, seconds) for each in mine if not hub.termination.was_told()]
        return _report(talk, reports, "crossdock write-backs list")


def publish(
    talk: Talk,
    broker: Annotated[
        str | None,
        typer.Argument(metavar="[BROKER]", help="The broker; feed, webhooks and every broker when left out."),
    ] = None,
    once: Once = False,
    seconds: Seconds = None,
) -> ExitCode:
    """Put what was committed into the feed, and bring it to those who are told of it."""
    _only_once(once, "publish")
    with _hub() as hub:
        if broker is not None:
            return _report(talk, [hub.publish(broker, limit_s=seconds)], "crossdock brokers")
        reports: list[Any] = [hub.publish(limit_s=seconds)]
        reports += [
            _published(hub, each.name, seconds)
            for each in hub.outgoing.brokers
            if not hub.termination.was_told()
        ]
        return _report(talk, reports, "crossdock feed")


def _published(hub: "Hub", broker: str, seconds: float | None) -> Any:
    """The report of one broker of several: one that cannot be used does not keep the others waiting."""
    try:
        return hub.publish(broker, limit_s=seconds)
    except CrossdockError as error:
        return _NotDelivered(
            step="publish", connector=broker, error=str(error), exit_code=int(exit_code_of(error))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _NotDelivered:
    """A target that a person must mend first, reported among those that can be written to."""

    step: str
    connector: str
    error: str
    exit_code: int
    run_id: None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def _delivered(hub: "Hub", target: str, seconds: float | None) -> Any:
    """The report of one target of several: one that cannot be used does not keep the others waiting."""
    try:
        return hub.deliver(target, limit_s=seconds)
    except CrossdockError as error:
        return _NotDelivered(
            step="deliver", connector=target, error=str(error), exit_code=int(exit_code_of(error))
        )


def _in_use(hub: "Hub", registry: "Registry", targets: list[str]) -> list[str]:
    """Those of these targets that have a connection, or something waiting for one: of the connectors that come with
    the hub a site uses a few, and the others are no error."""
    from crossdock.connections import login
    from crossdock.store import target_book

    with hub.store.reading(hub.tenant) as connection:
        waiting = target_book.write_backs_by_state(connection, hub.tenant)

    def has_connection(target: str) -> bool:
        try:
            login(registry.manifest(target).connection)
        except CrossdockError:
            return False
        return True

    return [target for target in targets if target in waiting or has_connection(target)]


def _only_once(once: bool, step: str) -> None:
    if not once:
        raise Misconfigured(
            f"`crossdock {step}` runs once: add --once (again and again is what the DAGs are for)"
        )


@contextmanager
def _hub() -> "Iterator[Hub]":
    from crossdock.hub import Hub

    with on_sigterm() as termination:
        hub = Hub.open(termination=termination)
        try:
            yield hub
        finally:
            hub.close()


def _report(talk: Talk, reports: list[Any], then: str) -> ExitCode:
    """Show what the runs did. A broken connector is exit code 4, one that a person must mend first 2; what was set
    aside is no failure of the run."""
    broken = [report for report in reports if report.error]
    if not talk.answer({"runs": [_as_dict(report) for report in reports]}):
        for report in reports:
            talk.line(f"{_who(report)}: {_what(report)}")
            if waits := getattr(report, "waits", None):
                talk.say(f"{_who(report)}: what is due waits: {waits}")
            if report.counts.get("not_yet_quiet"):
                talk.next_step(f"crossdock {_who(report)} --once", "some seconds later: is it still growing?")
            if any(report.counts.get(name) for name in ("set_aside", "dead_letters")):
                talk.next_step("crossdock dead-letters list", "something was set aside")
        growing = any(report.counts.get("not_yet_quiet") for report in reports)
        if not broken and not (growing and not any(report.counts.get("received") for report in reports)):
            talk.next_step(then)
    for report in broken:
        talk.say(f"crossdock: {_who(report)}: {report.error}")
    codes = {report.exit_code for report in broken if isinstance(report, _NotDelivered)}
    for code in (ExitCode.INTEGRITY, ExitCode.USAGE):
        if code in codes:
            return code
    if broken:
        return ExitCode.REMOTE
    if any(report.counts.get(COUNT) for report in reports):
        talk.say(
            "crossdock: told to end: what was in hand is finished, what was not begun waits for the next"
        )
        return ExitCode.TERMINATED
    return ExitCode.OK


_WORDS: Final = {"not_yet_quiet": "seen, not yet quiet"}
"""Counts whose own name would not say it."""

_COULD_NOT: Final = {
    "receive": "could not look",
    "deliver": "could not deliver",
    "publish": "could not publish",
}


def _who(report: Any) -> str:
    return " ".join(filter(None, [report.step, report.connector]))


def _what(report: Any) -> str:
    """What a run did, in its counts. One that failed before it did anything did not find that nothing was to do."""
    said = [
        f"{count} {_WORDS.get(name, name.replace('_', ' '))}"
        for name, count in report.counts.items()
        if count
    ]
    idle = "nothing to do" if not report.error else _COULD_NOT.get(report.step, "failed")
    return ", ".join(said) or idle


def _as_dict(report: Any) -> dict[str, Any]:
    run_id = str(report.run_id) if report.run_id is not None else None
    return {
        "step": report.step,
        "connector": report.connector,
        "run_id": run_id,
        "counts": dict(report.counts),
        "error": report.error,
        "waits": getattr(report, "waits", None),
    }
