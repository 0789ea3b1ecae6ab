"""``crossdock upload`` and ``crossdock lists``: lists that people bring, and what became of each row of a list."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group, read_bytes
from crossdock.cli.dead_letters import actor
from crossdock.cli.exits import ExitCode
from crossdock.cli.reading import Identity, Limit, reading
from crossdock.cli.talk import Talk, short_id, short_time

if TYPE_CHECKING:
    from crossdock.hub import Hub
    from crossdock.uploads import Page

lists = group("lists", "Lists (CSV, XLSX) row by row: what was taken, what was rejected, and why.")

Whose = Annotated[
    str, typer.Option("--partner", metavar="NAME", help="Whose it is, by the name of the profile.")
]
Wait = Annotated[
    bool, typer.Option("--process/--no-process", help="Read it now, or leave it to the next run.")
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(lists)
    command(
        app,
        "upload",
        examples=(
            "crossdock upload backorders.csv --as supplier_backorders --partner acme_supply",
            "crossdock upload stock.xlsx --as supplier_stock --json",
        ),
    )(upload)


def upload(
    talk: Talk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file or a workbook; - is standard input.")
    ],
    document: Annotated[
        str, typer.Option("--as", metavar="DOCUMENT", help="What it is, as supplier_backorders.")
    ],
    partner: Whose = "",
    wait: Wait = True,
) -> ExitCode:
    """Bring a list by hand, read it, and say what became of each row. Ends with 1 when a row was not taken."""
    from crossdock.hub import Hub

    body = read_bytes(file)
    with Hub.open() as hub:
        done = hub.uploads.take(body, name=file.name, document=document, partner=partner, actor=actor())
        found, page = _read(hub, talk, done.raw_id, wait)
    if str(done.verdict) == "duplicate":
        talk.say("this very file was brought before; this is what became of it")
    return _show(talk, found, page.rows, page.next, verdict=str(done.verdict))


@command(lists, "list", examples=("crossdock lists list", "crossdock lists list --limit 5 --json"))
def list_(talk: Talk, limit: Limit = 50) -> None:
    """The lists that came last, the newest first, however they came."""
    from crossdock import uploads

    with reading() as (connection, tenant):
        found = uploads.recent(connection, tenant, limit=limit)
    if talk.answer({"lists": found}):
        return
    if not found:
        talk.line("no list has come yet; bring one: crossdock upload FILE --as supplier_backorders")
        return
    talk.table(
        ("id", "received", "name", "what it is", "partner", "came by", "rows"),
        [
            (
                short_id(one["id"]), short_time(one["received_at"]), one["name"], one["document"], one["partner"],
                one["sent_by"] or one["source"], "waiting" if one["waits"] else _counted(one["rows"]),
            )
            for one in found
        ],
    )  # fmt: skip
    talk.next_step(f"crossdock lists show {short_id(found[0]['id'])}", "what became of each row")


@command(
    lists,
    "again",
    examples=(
        'crossdock lists again 1d40c2b7 --partner acme_supply --reason "the connector said acme_suply"',
    ),
)
def again(
    talk: Talk,
    identity: Identity,
    partner: Whose,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="How it came under another; kept in the audit.")
    ] = "",
    wait: Wait = True,
) -> ExitCode:
    """Take a list that came under the wrong partner as another's: the same bytes, as a list of its own. What lies set
    aside of the first ends, and the first stays as it was."""
    from crossdock.hub import Hub

    raw_id = _raw_id(identity)
    with Hub.open() as hub:
        done = hub.uploads.again(raw_id, partner=partner, actor=actor(), reason=reason)
        found, page = _read(hub, talk, done.raw_id, wait)
    if str(done.verdict) == "duplicate":
        talk.say(f"it was taken as a list of {partner} before; this is what became of it")
    if done.ended:
        talk.say(f"{done.ended} dead letter{'' if done.ended == 1 else 's'} of the first reading ended")
    if done.stays:
        talk.say(
            f"rows that were taken as another partner's: {done.stays}; what they said stays said, see: "
            f"crossdock lists show {short_id(raw_id)}"
        )
    return _show(talk, found, page.rows, page.next, verdict=str(done.verdict))


@command(
    lists,
    "discard",
    examples=('crossdock lists discard 1d40c2b7 --reason "the list of 20 Nov has them right"',),
)
def discard(
    talk: Talk,
    identity: Identity,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="Why nothing shall come of them; kept in the audit."),
    ] = "",
) -> None:
    """End every dead letter that is open of a list's rows. Their bytes and their history stay."""
    from crossdock.hub import Hub

    raw_id = _raw_id(identity)
    with Hub.open() as hub:
        ended = hub.uploads.discard(raw_id, actor=actor(), reason=reason)
    if not talk.answer({"id": str(raw_id), "discarded": ended}):
        talk.line(f"{ended} dead letter{'' if ended == 1 else 's'} discarded")


@command(
    lists,
    "show",
    examples=("crossdock lists show 1d40c2b7", "crossdock lists show 1d40c2b7 --csv > report.csv"),
)
def show(
    talk: Talk,
    identity: Identity,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Write the whole report as CSV to standard output, and nothing else."),
    ] = False,
) -> ExitCode:
    """Show one list, row by row: what became of each. Ends with 1 when a row was not taken."""
    from crossdock import uploads
    from crossdock.store import queries

    with reading() as (connection, tenant):
        raw_id = queries.resolve(connection, tenant, "raw message", identity)
        found = uploads.of(connection, tenant, raw_id)
        if as_csv:
            talk.bytes(uploads.report(connection, tenant, raw_id))
            return _ended(found)
        page = uploads.rows(connection, tenant, raw_id)
    return _show(talk, found, page.rows, page.next)


def _raw_id(identity: str) -> uuid.UUID:
    """The raw message that a person means. Raises ``Misconfigured`` when there is none, or are several."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        return queries.resolve(connection, tenant, "raw message", identity)


def _read(hub: "Hub", talk: Talk, raw_id: uuid.UUID, wait: bool) -> "tuple[dict[str, Any], Page]":
    """A list that was just taken, and its first rows; ``wait``: once it was read."""
    from crossdock import uploads

    if wait:
        report = hub.process()
        if report.error:
            talk.say(report.error)
    with hub.store.reading(hub.tenant) as connection:
        return uploads.of(connection, hub.tenant, raw_id), uploads.rows(connection, hub.tenant, raw_id)


def _show(talk: Talk, found: dict[str, Any], rows: list[dict[str, Any]], more: str, **also: str) -> ExitCode:
    if talk.answer({**found, **also, "shown": rows, "next": more}):
        return _ended(found)
    talk.heading(f"list {found['name']}")
    talk.fields(
        {
            "id": found["id"],
            "what it is": found["document"],
            "partner": found["partner"],
            "came": f"{short_time(found['received_at'])}, by {found['sent_by'] or found['source']}",
            "rows": "it waits for: crossdock process --once" if found["waits"] else _counted(found["rows"]),
        }
    )
    wrong = [
        (row["number"] or "", row["state"], trouble["field"], trouble["sentence"], trouble["remedy"])
        for row in rows
        for trouble in row["troubles"]
    ]
    if wrong:
        talk.heading("what is wrong")
        talk.table(("row", "state", "column", "what is wrong", "what to do"), wrong, indent=2)
    talk.next_step(
        f"crossdock lists show {short_id(found['id'])} --csv > report.csv", "every row, for its sender"
    )
    return _ended(found)


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in rows.items()) or "none"


def _ended(found: dict[str, Any]) -> ExitCode:
    """Findings where the sender must correct something, or we must."""
    return ExitCode.FINDINGS if {"rejected", "waiting"} & found["rows"].keys() else ExitCode.OK
