"""``crossdock connector conform``: whether connectors keep to what every connector must keep to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from crossdock.cli.command import command
from crossdock.cli.connectors import connectors
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.testing.conformance.case import Fleet

MOST_RECORDED: Final = 5
"""Messages of the real system that are read for a recording."""


def declare(app: typer.Typer) -> None:
    """The command joins the group of the connectors, which is there already."""


@command(
    connectors,
    "conform",
    examples=(
        "crossdock connector conform",
        "crossdock connector conform erp --all",
        "crossdock connector conform erp --json",
        "crossdock connector conform erp --record",
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
            "--root", metavar="FOLDER", help="A folder of connector folders, instead of those that are found."
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option("--record", help="First read a little of the real system, and keep it without secrets."),
    ] = False,
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
    if record:
        if not name:
            raise Misconfigured("say which connector is recorded: crossdock connector conform NAME --record")
        file = _recorded(fleet, name)
        talk.say(f"recorded: {file}; read it before you keep it: it may tell of persons and customers")
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
            (one.check.id, word_of(one.result).replace("_", " "), sentence_of(one.result))
            for one in report.findings
            if everything or word_of(one.result) in ("failed", "waived")
        ]
        counts = [f"{count} {word.replace('_', ' ')}" for word, count in report.counts.items() if count]
        talk.line(f"{report.connector}: {', '.join(counts)}")
        if rows:
            talk.table(("check", "", "what"), rows, indent=2)
    if not failed and not everything:
        talk.next_step(f"crossdock connector conform {name} --all", "what was looked at, and what was not")
    return ExitCode.FINDINGS if failed else ExitCode.OK


def _recorded(fleet: "Fleet", name: str) -> Path:
    """The file in which a short read of the real system was kept."""
    from itertools import islice

    from crossdock.connections import login
    from crossdock.ports import SystemClock
    from crossdock.testing.recorder import Recorder

    manifest = fleet.registry.manifest(name)
    if manifest.source is None or manifest.source.every_s is None or manifest.wire not in ("rest", "soap"):
        raise Misconfigured(
            f"{name} is not polled over HTTP; what another wire brings is a sample: put it there"
        )
    clock, credentials = SystemClock(), login(manifest.connection)
    recorder = Recorder(credentials, clock=clock)
    source = fleet.registry.source(manifest, credentials, clock)
    try:
        with recorder.on():
            count = len(list(islice(source.read(None), MOST_RECORDED)))
    finally:
        source.close()
    recording = recorder.recording(
        about=f"the first {count} messages", asked={"read": {"after": None, "most": MOST_RECORDED}}
    )
    file = Path(manifest.folder) / "recorded" / "first_read.json"
    recording.write(file)
    return file
