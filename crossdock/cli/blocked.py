"""``crossdock blocked``: what waits for a partner, a mapping, a code or an item that nobody knows yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk, short_time
from crossdock.errors import Misconfigured
from crossdock.toml_lines import did_you_mean

if TYPE_CHECKING:
    from crossdock.hub import Hub

blocked = group("blocked", "Blocked: what waits for a partner, mapping, code or item that nobody knows yet.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(blocked)


@command(blocked, "list", examples=("crossdock blocked list", "crossdock blocked list --json"))
def list_(talk: Talk) -> ExitCode:
    """List the groups, the largest first. What is known by now runs again with the next processing."""
    with _hub() as hub:
        groups = hub.blocked.groups()
    rows = [
        {
            "blocked_by": one.blocked_by,
            "count": one.count,
            "first_at": one.first_at.isoformat(),
            "last_at": one.last_at.isoformat(),
            "known": one.known,
            "told_refused": one.told_refused,
        }
        for one in groups
    ]
    if talk.answer({"groups": rows}):
        return ExitCode.OK
    if not rows:
        talk.say("nothing waits for anything: every partner, code, item and set is known")
        return ExitCode.OK
    refused = any(one.told_refused for one in groups)
    talk.table(
        ("blocked by", "parts", "since", "last", "known now", *(("told refused",) if refused else ())),
        [
            (
                one.blocked_by,
                one.count,
                short_time(one.first_at),
                short_time(one.last_at),
                "yes" if one.known else "no",
                *((one.told_refused or "",) if refused else ()),
            )
            for one in groups
        ],
        optional=("last", "since"),
    )
    if refused:
        talk.say(
            "told refused: of so many parts the partner was told that we refuse them, and it may send them again; it "
            "is not told when they run after all. What is not to run is discarded: `crossdock dead-letters discard`"
        )
    talk.next_step("crossdock dead-letters list", "the parts one by one, each with its remedy")
    return ExitCode.OK


@command(
    blocked,
    "run",
    examples=(
        "crossdock blocked run partner:ZZ/NORTHVALVE",
        "crossdock blocked run code:x12-668:QQ@acme_supply",
    ),
)
def run(
    talk: Talk,
    word: Annotated[str, typer.Argument(metavar="BLOCKED_BY", help="The group, as `blocked list` names it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be run again, and do nothing.")
    ] = False,
) -> ExitCode:
    """Run a whole group again, also what came back once already. What is still blocked is set aside again."""
    with _hub() as hub:
        groups = {one.blocked_by: one for one in hub.blocked.groups()}
        if word not in groups:
            near = did_you_mean(word, list(groups)) if groups else "; nothing is blocked"
            raise Misconfigured(f"no group is blocked by {word!r}{near}")
        count = groups[word].count
        done = 0 if dry_run else hub.blocked.run(word, actor=actor())
    if talk.answer({"blocked_by": word, "count": count, "run_again": done, "known": groups[word].known}):
        return ExitCode.OK
    if dry_run:
        talk.say(f"{_parts(count)} would be run again; nothing was done")
    else:
        talk.line(f"{_parts(done)} run again")
        talk.next_step("crossdock process --once", "now, or its DAG takes them within a minute")
    return ExitCode.OK


def _parts(count: int) -> str:
    return f"{count} part{'' if count == 1 else 's'}"


@contextmanager
def _hub() -> "Iterator[Hub]":
    from crossdock.hub import Hub

    hub = Hub.open()
    try:
        yield hub
    finally:
        hub.close()
