"""``crossdock verify``: whether the promises are kept, as far as the store shows it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.command import command
from crossdock.cli.exits import ExitCode
from crossdock.cli.talk import Talk

if TYPE_CHECKING:
    from crossdock.promises.verify import Verdict


def declare(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(
        app,
        "verify",
        examples=(
            "crossdock verify",
            "crossdock verify --promise P2 --promise P6 --json",
            "crossdock verify --promise P1 --acknowledged acknowledged.jsonl",
        ),
    )(verify)


def verify(
    talk: Talk,
    promise: Annotated[
        list[str] | None, typer.Option("--promise", metavar="P", help="This one alone; may be given again.")
    ] = None,
    acknowledged: Annotated[
        Path | None,
        typer.Option(
            "--acknowledged",
            metavar="FILE",
            help='What clients hold for acknowledged: a JSON object on each line, {"source", "key"} or {"sha256"}.',
        ),
    ] = None,
    canaries: Annotated[
        Path | None,
        typer.Option(
            "--secrets", metavar="FILE", help="Texts that may stand nowhere in the store, one on each line."
        ),
    ] = None,
) -> ExitCode:
    """Ask the store, read only, whether each promise is kept (docs/promises.md). Exit code 3 with the first one that
    is not."""
    from crossdock.cli.command import read_bytes
    from crossdock.promises.checks import look_at
    from crossdock.promises.verify import verify as judge
    from crossdock.store.engine import Store

    known = tuple(read_bytes(canaries).decode("utf-8", "replace").split()) if canaries else ()
    verdicts: list[Verdict] = []
    with Store.open(application="crossdock-cli") as store:
        store.require_current()
        for verdict in judge(look_at(store, acknowledged=acknowledged, canaries=known), promise or ()):
            verdicts.append(verdict)
            if not talk.as_json:
                _tell(talk, verdict)
            if verdict.violation is not None:
                break
    broken = verdicts[-1].violation
    talk.answer({"kept": broken is None, "promises": [asdict(verdict) for verdict in verdicts]})
    if broken is None:
        return ExitCode.OK
    talk.say(f"crossdock: {verdicts[-1].promise} is broken: {broken.sentence}; {broken.remedy}")
    return ExitCode.INTEGRITY


def _tell(talk: Talk, verdict: "Verdict") -> None:
    word = "BROKEN" if verdict.violation else "ok"
    talk.line(f"{word:<6}  {verdict.promise:<4} {verdict.title}  ({verdict.looked} rows)")
    for sentence in verdict.unseen:
        talk.line(f"{'':<13}not seen: {sentence}")
