"""``crossdock clocks``: which answers are awaited, until when, and which did not come."""

from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import After, Limit, Subject, one_of, reading, show_page
from crossdock.cli.talk import Talk, short_id, short_time

clocks = group("clocks", "Clocks: which answers are awaited, until when, and which did not come.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(clocks)


@command(
    clocks,
    "list",
    examples=("crossdock clocks list", "crossdock clocks list --state overdue --partner acme_supply --json"),
)
def list_(
    talk: Talk,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="waiting, overdue, met, late, cancelled or all.")
    ] = "waiting",
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="NAME", help="With this partner.")
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option("--clock", metavar="NAME", help="Of this kind: see `crossdock clocks pairs`."),
    ] = None,
    subject: Subject = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List clocks, those that were started last first; those that run unless --state says otherwise."""
    from crossdock.store.clockwork import list_clocks
    from crossdock.store.tables import CLOCK_STATES

    one_of("--state", state, (*CLOCK_STATES, "all"))
    with reading() as (connection, tenant):
        page = list_clocks(
            connection,
            tenant,
            state=None if state == "all" else state,
            partner=partner,
            pair=pair,
            subject=subject,
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="clocks",
        heads=("id", "started", "due", "state", "clock", "partner", "subject", "limit", "ended"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["started_at"]), short_time(row["due_at"]), row["state"],
            row["pair"], row["partner"], row["subject"], row["limit_text"], short_time(row["ended_at"]),
        ),
        nothing="no clocks fit: nothing is awaited under this filter",
        optional=("limit", "ended", "started"),
    )  # fmt: skip


@command(clocks, "pairs", examples=("crossdock clocks pairs", "crossdock clocks pairs --json"))
def pairs(talk: Talk) -> None:
    """List the pairs of documents: what starts each clock, what ends it, how long it runs, and what it opens."""
    from crossdock.clocks import pairs as known

    rows = [
        {
            "clock": pair.name,
            "starts": pair.fact,
            "stops": sorted(pair.stops),
            "match": sorted(pair.match),
            "answer": pair.answer,
            "within": str(pair.within),
            "exception": pair.exception,
        }
        for pair in known().values()
    ]
    if not talk.answer({"pairs": rows}):
        talk.table(
            ("clock", "starts", "stops", "answer", "within", "opens"),
            [
                (one.name, one.fact, ", ".join(sorted(one.stops)), one.answer, one.within, one.exception)
                for one in known().values()
            ],
        )
        talk.say("a partner's own limits are in its profile, under [clocks.NAME]")
