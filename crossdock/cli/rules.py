"""``crossdock routes``: the decision tables that people edit, read back and checked."""

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.talk import Talk

routes = group("routes", "Routes: the decision tables that say what follows from an event.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(routes)


@command(
    routes, "check", examples=("crossdock routes check", "crossdock routes check --folder my-routes --json")
)
def check_routes(
    talk: Talk,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="FOLDER", help="Instead of CROSSDOCK_ROUTES_DIR or the packaged tables."
        ),
    ] = None,
) -> None:
    """Load every decision table; each unknown field, unreachable row or missing owner is told with file and line."""
    from crossdock.decide import Router

    router = Router.load(folder)
    if not talk.answer({"ok": True, "version": router.version}):
        talk.line(f"the decision tables are right; version {router.version}")
        talk.next_step("crossdock try FILE", "what they would decide")
