"""All commands together. Nothing heavy is imported here: each command imports what it needs when it runs."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crossdock.cli import (
    approvals,
    audit,
    blocked,
    cases,
    checks,
    clocks,
    conforming,
    connectors,
    dead_letters,
    desk,
    events,
    exchanges,
    expected,
    feed,
    fields,
    ledger,
    partners,
    raw,
    redrives,
    rules,
    runs,
    sagas,
    schemas,
    serving,
    steps,
    store,
    targets,
    trying,
    unknown,
    uploads,
    verify,
    webhooks,
    write_backs,
    x12,
)
from crossdock.cli.exits import ExitCode


class _OldSpellings(TyperGroup):
    """Finds a group by the name that it had before, too; only the new one is shown."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, {"partners": "partner"}.get(cmd_name, cmd_name))


app = typer.Typer(
    cls=_OldSpellings,
    name="crossdock",
    help="The exception hub of a distributor: receives, normalizes, decides, writes back, loses nothing.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=(
        "\b\nExit codes: 0 ok, 1 findings, 2 usage, 3 integrity (a promise is broken), 4 remote,\n"
        "5 refused by policy. Data goes to standard output, talk to standard error; --json works everywhere.\n\n"
        "\b\nExamples:\n"
        "  crossdock doctor\n"
        "  crossdock x12 inspect order.edi\n"
        "  crossdock try order.edi\n"
        "  crossdock cases list --state open\n"
        "  crossdock ledger --json\n"
    ),
)


@app.callback()
def root(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and end.",
            is_eager=True,
            callback=lambda asked: _version(asked),
        ),
    ] = False,
) -> None:
    """What comes before the command's name holds for it too."""


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"crossdock {version('crossdock')}\n")
        raise typer.Exit(ExitCode.OK)


for module in (
    checks, store, x12, trying, steps, events, feed, webhooks, cases, write_backs, unknown, approvals, sagas, targets,
    exchanges, dead_letters, desk, redrives, blocked, clocks, expected, raw, uploads, runs, ledger, audit, verify,
    schemas, connectors, conforming, partners, fields, rules, serving,
):  # fmt: skip
    module.declare(app)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    try:
        app(arguments if arguments is None else list(arguments), prog_name="crossdock")
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
