"""``crossdock doctor``: is everything here that is needed, and is it right?"""

from typing import Annotated

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk


def declare(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(
        app, "doctor", examples=("crossdock doctor", "crossdock doctor --each", "crossdock doctor --json")
    )(doctor)


def doctor(
    talk: Talk,
    each: Annotated[
        bool,
        typer.Option(
            "--each", help="A line for each target and each connection, also those that nobody uses."
        ),
    ] = False,
) -> ExitCode:
    """Check what Crossdock needs: each line is ok, warn or fail, with what to do. Exit code 1 when one fails."""
    from crossdock.doctor import Grade, examine

    lines = list(examine(each=each))
    failed = [line for line in lines if line.grade is Grade.FAIL]
    document = {
        "ok": not failed,
        "checks": [
            {"check": line.check, "grade": line.grade.value, "sentence": line.sentence, "remedy": line.remedy}
            for line in lines
        ],
    }
    if not talk.answer(document):
        for line in lines:
            talk.line(f"{line.grade.value:<4}  {line.check:<22}  {line.sentence}")
            if line.remedy:
                talk.line(f"{'':<30}-> {line.remedy}")
        warned = sum(line.grade is Grade.WARN for line in lines)
        talk.say(f"{len(lines)} checks: {len(failed)} failed, {warned} to look at")
    return ExitCode.FINDINGS if failed else ExitCode.OK
