"""``crossdock feed`` and ``crossdock consumers``: events in the order of their commits, and who may read them."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.reading import reading
from crossdock.cli.talk import Talk, short_id, short_time

if TYPE_CHECKING:
    from crossdock.emit.consuming import Admitted

consumers = group("consumers", "Consumers: who may read the feed, each with a token of its own.")

Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="FIELD=WORD",
        help="Only these: code=INV (or a whole code), severity=S1, kind=absence, subject=supplier_po/4500123456.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The consumer's name.")]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(
        app,
        "feed",
        examples=(
            "crossdock feed --limit 20",
            "crossdock feed --filter code=INV --filter severity=S1 --json",
            "crossdock feed --cursor now",
        ),
    )(feed)
    app.add_typer(consumers)
    command(app, "brokers", examples=("crossdock brokers", "crossdock brokers --json"))(brokers)


def brokers(talk: Talk) -> None:
    """List the brokers: up to where each has confirmed the feed, and what is wrong with it."""
    from crossdock.emit.settings import load
    from crossdock.store import brokers as kept
    from crossdock.store import emissions

    settings = {one.name: one for one in load().brokers}
    with reading() as (connection, tenant):
        head = emissions.head(connection, tenant)
        there = {row["name"]: row for row in kept.listed(connection, tenant)}
    rows = [
        {
            "name": name,
            "driver": settings[name].driver if name in settings else None,
            "to": settings[name].to if name in settings else None,
            "position": there.get(name, {}).get("position"),
            "behind": head - there[name]["position"] if name in there else None,
            "sent_total": there.get(name, {}).get("sent_total", 0),
            "sent_at": there.get(name, {}).get("sent_at"),
            "error": there.get(name, {}).get("error"),
        }
        for name in sorted({*settings, *there})
    ]
    if talk.answer({"items": rows, "head": head}):
        return
    if not rows:
        talk.say("there is no broker; write [brokers.NAME] into the file of CROSSDOCK_OUTGOING")
        return
    talk.table(
        ("name", "driver", "to", "behind", "sent", "last sent", "error"),
        [
            (
                row["name"], row["driver"], row["to"], row["behind"], row["sent_total"],
                short_time(row["sent_at"]), row["error"],
            )
            for row in rows
        ],
        optional=("last sent", "driver"),
    )  # fmt: skip


def feed(
    talk: Talk,
    cursor: Annotated[
        str | None,
        typer.Option("--cursor", metavar="CURSOR", help="Go on from here; or 'oldest' or 'now'."),
    ] = None,
    wanted: Filters = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 100,
) -> None:
    """Read the feed as a consumer does: whole events, oldest first, and the cursor to go on from."""
    from crossdock.emit import feed as reader
    from crossdock.emit.filters import Filter
    from crossdock.emit.settings import load
    from crossdock.ports import SystemClock

    chosen = Filter.parse(wanted or ())
    settings = load().feed
    with reading() as (connection, tenant):
        page = reader.read(
            connection,
            tenant,
            cursor=cursor,
            wanted=chosen,
            limit=limit,
            now=SystemClock().now(),
            settings=settings,
        )
    if talk.answer(page.as_dict()):
        return
    for event in page.events:
        talk.line(json.dumps(event, ensure_ascii=False))
    if not page.events:
        talk.say("nothing to read here; `crossdock publish --once` puts into the feed what was committed")
    talk.next_step(f"crossdock feed --cursor {page.cursor}", "what comes after")


@command(consumers, "add", examples=("crossdock consumers add planning",))
def add(talk: Talk, name: Name) -> None:
    """Let a system read the feed. Its token is shown once, here, and kept nowhere."""
    from crossdock.emit import consuming
    from crossdock.hub import Hub

    with Hub.open() as hub, hub.changing() as connection:
        admitted = consuming.add(connection, tenant=hub.tenant, name=name, actor=actor(), now=hub.clock.now())
    _show_token(talk, admitted)


@command(
    consumers,
    "rotate",
    examples=("crossdock consumers rotate planning", "crossdock consumers rotate planning --hours 1"),
)
def rotate(
    talk: Talk,
    name: Name,
    hours: Annotated[
        int | None, typer.Option("--hours", min=0, help="How long the old token still opens; 0: it ends now.")
    ] = None,
) -> None:
    """Make a new token. The old one opens for a day more, or as long as --hours says."""
    from datetime import timedelta

    from crossdock.emit import consuming
    from crossdock.emit.settings import load
    from crossdock.hub import Hub

    overlap = load().feed.token_overlap if hours is None else timedelta(hours=hours)
    with Hub.open() as hub, hub.changing() as connection:
        admitted = consuming.rotate(
            connection, tenant=hub.tenant, name=name, overlap=overlap, actor=actor(), now=hub.clock.now()
        )
    _show_token(talk, admitted)


@command(consumers, "remove", examples=("crossdock consumers remove planning",))
def remove(talk: Talk, name: Name) -> None:
    """End a consumer: its tokens open nothing from now on."""
    from crossdock.emit import consuming
    from crossdock.hub import Hub

    with Hub.open() as hub, hub.changing() as connection:
        consuming.remove(connection, tenant=hub.tenant, name=name, actor=actor(), now=hub.clock.now())
    if not talk.answer({"name": name, "state": "removed"}):
        talk.line(f"{name} may not read the feed any more")


@command(consumers, "list", examples=("crossdock consumers list", "crossdock consumers list --json"))
def list_(talk: Talk) -> None:
    """List who may read the feed, and how far behind each was when it last asked."""
    from crossdock.store import consumers as kept
    from crossdock.store import emissions

    with reading() as (connection, tenant):
        head = emissions.head(connection, tenant)
        rows = [
            {**row, "behind": None if row["position"] is None else head - row["position"]}
            for row in kept.listed(connection, tenant)
        ]
    if talk.answer({"items": rows, "head": head}):
        return
    if not rows:
        talk.say("nobody reads the feed; `crossdock consumers add NAME` lets somebody")
        return
    talk.table(
        ("name", "id", "last asked", "behind", "old token until", "added", "by"),
        [_cells(row) for row in rows],
        optional=("id", "by", "added"),
    )


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        row["name"],
        short_id(row["id"]),
        short_time(row["seen_at"]),
        row["behind"],
        short_time(row["previous_until"]),
        short_time(row["created_at"]),
        row["created_by"],
    )


def _show_token(talk: Talk, admitted: "Admitted") -> None:
    token = admitted.token.reveal()
    if talk.answer({"name": admitted.name, "id": str(admitted.id), "token": token}):
        return
    talk.line(token)
    talk.say(f"this is the token of {admitted.name}; it is shown once. It reads GET /api/feed as a bearer")
