"""``crossdock connector conform``: whether connectors keep to what every connector must keep to."""

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.command import command
from crossdock.cli.connectors import connectors
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk


def declare(app: typer.Typer) -> None:
    """The command joins the group of the connectors, which is there already."""


@command(
    connectors,
    "conform",
    examples=(
        "crossdock connector conform",
        "crossdock connector conform erp",
        "crossdock connector conform erp --json",
    ),
)
def conform(
    talk: Talk,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="One connector; without it, all that are found.")
    ] = "",
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", metavar="FOLDER", help="A folder of connector folders, instead of the installed ones."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show also what is well, and what does not apply.")
    ] = False,
) -> ExitCode:
    """Ask every check of the conformance kit of a connector, on a played system: nothing leaves this machine."""
    from datetime import date

    from crossdock.testing.conformance.case import Fleet
    from crossdock.testing.conformance.run import as_dict, sentence_of, word_of
    from crossdock.testing.conformance.run import conform as ask

    fleet = Fleet(root=root)
    today = date.today()  # noqa: DTZ011 - a waiver ends on a day of whoever reads the calendar here
    reports = []
    for one in [name] if name else fleet.names():
        case = fleet.case(one, today=today)
        try:
            reports.append(ask(case))
        finally:
            case.close()
    failed = any(report.failed for report in reports)
    if talk.answer({"ok": not failed, "connectors": [as_dict(report) for report in reports]}):
        return ExitCode.FINDINGS if failed else ExitCode.OK
    for report in reports:
        rows = [
            (one.check.id, word_of(one.result), sentence_of(one.result))
            for one in report.findings
            if everything or word_of(one.result) in ("failed", "waived")
        ]
        counts = ", ".join(
            f"{count} {word.replace('_', ' ')}" for word, count in report.counts.items() if count
        )
        talk.heading(f"{report.connector}: {counts}")
        if rows:
            talk.table(("check", "", "what"), rows)
    if not failed and not everything:
        talk.next_step("crossdock connector conform --all", "every check with what it looked at")
    return ExitCode.FINDINGS if failed else ExitCode.OK
