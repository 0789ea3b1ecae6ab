"""``crossdock write-backs``: what is to be written at targets, and what became of it."""

from typing import Annotated

import typer

from crossdock.cli.cases import show_attempts
from crossdock.cli.command import command, group
from crossdock.cli.reading import After, Identity, Limit, Since, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import WriteBackState

write_backs = group("write-backs", "Write-backs: one effect wanted at one target, and what became of it.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(write_backs)


@command(
    write_backs,
    "list",
    examples=("crossdock write-backs list --state unsure", "crossdock write-backs list --target erp --json"),
)
def list_(
    talk: Talk,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(WriteBackState)}.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="CONNECTOR", help="To this target.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="Of this operation.")
    ] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Of this case.")] = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List write-backs, the newest first."""
    from crossdock.store import queries

    one_of("--state", state, tuple(map(str, WriteBackState)))
    with reading() as (connection, tenant):
        page = queries.list_write_backs(
            connection,
            tenant,
            state=state,
            target=target,
            operation=operation,
            case_id=queries.resolve(connection, tenant, "case", case) if case else None,
            since=since(when),
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="write-backs",
        heads=("id", "created", "state", "target", "operation", "subject", "tries", "next", "case", "reason"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["created_at"]), row["state"], row["target"], row["operation"],
            row["subject"], row["attempt"], short_time(row["next_attempt_at"]), short_id(row["case_id"]),
            row["reason"],
        ),
        nothing="no write-backs fit; leave out a filter, or see `crossdock cases list`",
        follow="crossdock write-backs show {id}",
        optional=("created", "case", "tries", "next"),
    )  # fmt: skip


@command(
    write_backs,
    "show",
    examples=("crossdock write-backs show 77aa01c3", "crossdock write-backs show 77aa01c3 --raw > body.json"),
)
def show(
    talk: Talk,
    identity: Identity,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the body's exact bytes to standard output, and nothing else.")
    ] = False,
) -> None:
    """Show one write-back: what leaves, every attempt, and the target's receipt."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        found_id = queries.resolve(connection, tenant, "write-back", identity)
        body = queries.body_of_write_back(connection, tenant, found_id)
        found = queries.get_write_back(connection, tenant, found_id)
    if raw:
        talk.bytes(body)
        return
    text = body.decode("utf-8", errors="replace")
    if talk.answer({**found, "body_text": text}):
        return
    talk.heading(f"write-back {found['id']}")
    talk.fields(
        {
            "to": f"{found['target']}:{found['operation']}",
            "for": found["subject"],
            "state": found["state"],
            "reason": found["reason"],
            "key": found["idempotency_key"],
            "attempts": found["attempt"],
            "next attempt": short_time(found["next_attempt_at"]) if found["next_attempt_at"] else None,
            "created": short_time(found["created_at"]),
            "receipt": found["receipt"],
            "case": found["case_id"],
        }
    )
    if decision := found["decision"]:
        talk.heading("because")
        talk.block(decision["because"])
    talk.heading("attempts")
    show_attempts(talk, found["attempts"])
    talk.heading(f"body ({found['media_type']}, {len(body)} bytes)")
    talk.block(text)
    if letter := found["dead_letter"]:
        talk.next_step(f"crossdock dead-letters show {short_id(letter['id'])}", "it was set aside")
    elif found["case_id"]:
        talk.next_step(f"crossdock cases show {short_id(found['case_id'])}", "the whole story")
