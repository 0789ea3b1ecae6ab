"""``crossdock expected``: what is due from whom, by when, and what did not come."""

from typing import Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import reading
from crossdock.cli.talk import Talk, short_id, short_time

expected = group("expected", "Expected feeds: what is due from whom, by when, and what did not come.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(expected)


@command(expected, "list", examples=("crossdock expected list", "crossdock expected list --json"))
def list_(talk: Talk) -> None:
    """List every expected feed, when it is due next and when it last came; then sources that are silent for long."""
    from crossdock import awaited
    from crossdock.partners import Partners
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry

    manifests, partners = Registry().manifests(), Partners.load()
    with reading() as (connection, tenant):
        rows = awaited.listed(connection, tenant, manifests, partners, SystemClock().now())
    if talk.answer({"items": rows}):
        return
    if not rows:
        talk.say(
            "nothing is expected; write a row [[expected]] into a connector.toml or a partner's profile "
            "(docs/expected-feeds.md)"
        )
        return
    talk.table(
        ("feed", "state", "due", "last came", "what"),
        [
            (row["feed"], row["state"], short_time(row["due_at"]), short_time(row["last_came_at"]), row["declared"])
            for row in rows
        ],
        optional=("last came",),
    )  # fmt: skip


@command(
    expected,
    "show",
    examples=(
        "crossdock expected show acme_supply/846",
        "crossdock expected show supplier_edi --limit 5 --json",
    ),
)
def show(
    talk: Talk,
    feed: Annotated[str, typer.Argument(metavar="FEED", help="See `crossdock expected list`.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many due times back.")] = 20,
) -> None:
    """Show one: its next due times on the wall of its own zone, and what became of the last ones."""
    from crossdock import awaited
    from crossdock.partners import Partners
    from crossdock.ports import SystemClock
    from crossdock.registry import Registry

    manifests, partners = Registry().manifests(), Partners.load()
    with reading() as (connection, tenant):
        row = awaited.one(connection, tenant, manifests, partners, SystemClock().now(), feed, limit=limit)
    if talk.answer(row):
        return
    talk.fields(
        {"feed": row["feed"], "expected": row["declared"], "state": row["state"], "next": row["next"]}
    )
    if row["due_times"]:
        talk.table(
            ("due", "state", "came", "event"),
            [_cells(each) for each in row["due_times"]],
            indent=2,
        )


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        short_time(row["due_at"]),
        row["state"],
        short_time(row["came_at"]),
        short_id(row["event_id"]),
    )
