"""``crossdock raw``: what systems said, byte for byte."""

from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import After, Identity, Limit, Since, Source, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time

raw = group("raw", "Raw messages: what a system said, byte for byte, before anything looked at it.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(raw)


@command(
    raw, "list", examples=("crossdock raw list --since 1d", "crossdock raw list --source supplier_edi --json")
)
def list_(
    talk: Talk,
    source: Source = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="TEXT",
            help="Of this name at the sender, or a part of it; also where the same bytes came again.",
        ),
    ] = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List raw messages, the newest first."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        page = queries.list_raw(
            connection, tenant, source=source, name=name, since=since(when), after=after, limit=limit
        )
    show_page(
        talk,
        page,
        what="raw messages",
        heads=("id", "received", "source", "name", "bytes", "parts", "again", "settled"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["received_at"]), row["source"], row["name"], row["size"],
            "waiting" if row["part_count"] is None else row["part_count"], row["times_again"],
            row["settled_at"] is not None,
        ),
        nothing="no raw messages fit; leave out a filter, or receive something: crossdock receive NAME --once",
        follow="crossdock raw show {id}",
        optional=("settled", "again", "parts", "received"),
    )  # fmt: skip


@command(
    raw, "show", examples=("crossdock raw show 1d40c2b7", "crossdock raw show 1d40c2b7 --raw > order.edi")
)
def show(
    talk: Talk,
    identity: Identity,
    as_bytes: Annotated[
        bool, typer.Option("--raw", help="Write the exact bytes to standard output, and nothing else.")
    ] = False,
) -> None:
    """Show one raw message and what became of each of its parts."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        raw_id = queries.resolve(connection, tenant, "raw message", identity)
        found = queries.get_raw(connection, tenant, raw_id)
        body = queries.body_of_raw(connection, tenant, raw_id)
    if as_bytes:
        talk.bytes(body)
        return
    if talk.answer({**found, "body_text": body[:TEXT_BYTES].decode("utf-8", errors="replace")}):
        return
    talk.heading(f"raw message {found['id']}")
    talk.fields(
        {
            "from": found["source"],
            "name": found["name"],
            "received": short_time(found["received_at"]),
            "settled": _settled(found["settled_at"]),
            "type": found["media_type"],
            "sha256": found["sha256"],
            "came again": [
                f"as {one['name']}, at {short_time(one['seen_at'])}" for one in found["came_again"]
            ],
        }
    )
    if found["times_again"] > len(found["came_again"]):
        talk.line(f"  and {found['times_again'] - len(found['came_again'])} times more before these")
    talk.heading("parts")
    talk.table(
        ("part", "what", "partner", "state"),
        [(part["ordinal"], part["label"], part["partner"], part["state"]) for part in found["parts"]],
        indent=2,
    )
    talk.heading(f"bytes ({len(body)})")
    show_body(talk, body)
    talk.next_step(f"crossdock raw show {short_id(found['id'])} --raw > FILE", "the exact bytes")


def _settled(at: str | None) -> str:
    """Whether the source let go of it: a file was archived, a webhook answered. It tells the partner nothing."""
    return (
        f"{short_time(at)}: the source was told that we have it"
        if at
        else "not yet: the source is told again"
    )


TEXT_BYTES = 16 * 1024
"""So much of a body is shown as text; the rest by ``--raw``."""


def show_body(talk: Talk, body: bytes) -> None:
    """The bytes as text, an X12 segment a line where it is on one long line; what is no text is escaped. What an ISA
    holds of passwords (ISA02, ISA04) is covered up: ``--raw`` gives the bytes themselves."""
    from crossdock.formats.x12.security import hide_security

    text = hide_security(body[:TEXT_BYTES].decode("utf-8", errors="backslashreplace"))
    if text.startswith("ISA") and text.count("\n") < 3 and len(text) > 106:
        text = text.replace(text[105], text[105] + "\n")
    talk.block(text)
    if len(body) > TEXT_BYTES:
        talk.line(f"  ... and {len(body) - TEXT_BYTES} bytes more")
