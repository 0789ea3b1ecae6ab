"""``crossdock partners`` and ``crossdock routes``: the files that people edit, read back and checked."""

from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.talk import Talk

partners = group("partners", "Trading partners: who sends under which ids, and how they are answered.")
routes = group("routes", "Routes: the decision tables that say what follows from an event.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(partners)
    app.add_typer(routes)


@command(partners, "list", examples=("crossdock partners list", "crossdock partners list --json"))
def list_partners(talk: Talk) -> None:
    """List the trading partners, as their files say."""
    from crossdock.partners import Partners

    known = Partners.load()
    document = [
        {
            "name": partner.name,
            "title": partner.title,
            "ids": [{"qualifier": qualifier, "id": identity} for qualifier, identity in partner.ids],
            "ours": {"qualifier": partner.ours[0], "id": partner.ours[1]},
            "timezone": partner.timezone,
            "acknowledge": partner.acknowledge,
            "acknowledge_target": partner.acknowledge_target,
            "release": partner.release,
            "sets": list(partner.sets),
            "usage": partner.usage,
        }
        for partner in known
    ]
    if not talk.answer({"partners": document}):
        talk.table(
            ("name", "title", "ids", "sets", "acknowledge", "zone", "usage"),
            [
                (
                    partner.name, partner.title, [f"{each[0]}/{each[1]}" for each in partner.ids], list(partner.sets),
                    partner.acknowledge, partner.timezone, partner.usage,
                )
                for partner in known
            ],
            optional=("zone", "title"),
        )  # fmt: skip


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
