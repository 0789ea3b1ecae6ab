"""``crossdock unknown``: what left and was never answered; whether it happened."""

from typing import Annotated

import typer

from crossdock.cli.approvals import asked, show_read_backs
from crossdock.cli.cases import show_attempts
from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.exits import ExitCode
from crossdock.cli.raw import show_body
from crossdock.cli.reading import After, Identity, Limit, reading, show_page
from crossdock.cli.talk import Talk, short_id, short_time

unknown = group("unknown", "Unknown outcomes: what left and was never answered; whether it happened.")

Reason = Annotated[
    str,
    typer.Option("--reason", metavar="TEXT", help="How you know; kept with the outcome and in the audit."),
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(unknown)


@command(unknown, "list", examples=("crossdock unknown list", "crossdock unknown list --target erp --json"))
def list_(
    talk: Talk,
    target: Annotated[
        str | None, typer.Option("--target", metavar="CONNECTOR", help="At this target.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="Of this operation.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List the write-backs of which nobody knows whether they happened, the last first."""
    from crossdock.store import people_queries

    with reading() as (connection, tenant):
        page = people_queries.list_unknown(
            connection, tenant, target=target, operation=operation, after=after, limit=limit
        )
    show_page(
        talk,
        page,
        what="unknown outcomes",
        heads=("id", "since", "target", "operation", "subject", "tries", "target says", "asked by", "reason"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["updated_at"]), row["target"], row["operation"], row["subject"],
            row["attempt"], row["target_says"], row["approval_asked_by"], row["reason"],
        ),
        nothing="no outcome is unknown: of everything that left it is known whether it happened",
        follow="crossdock unknown show {id}",
        optional=("tries", "asked by", "since"),
    )  # fmt: skip


@command(
    unknown,
    "show",
    examples=("crossdock unknown show 77aa01c3", "crossdock unknown show 77aa01c3 --raw > sent"),
)
def show(
    talk: Talk,
    identity: Identity,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Write the exact bytes that left to standard output, and nothing else."),
    ] = False,
) -> None:
    """Show one: exactly what was sent, where and when, and all the evidence about what came of it."""
    from crossdock.registry import Registry
    from crossdock.store import people_queries, queries

    with reading() as (connection, tenant):
        write_back_id = queries.resolve(connection, tenant, "write-back", identity)
        found = people_queries.get_unknown(connection, tenant, write_back_id)
        body = queries.body_of_write_back(connection, tenant, write_back_id)
    if raw:
        talk.bytes(body)
        return
    manifest = Registry().manifests().get(found["target"])
    askable = manifest is not None and manifest.sink is not None and manifest.sink.is_asked
    if talk.answer(
        {**found, "body_text": body.decode("utf-8", errors="replace"), "target_can_be_asked": askable}
    ):
        return
    talk.heading(f"{found['target']}:{found['operation']} for {found['subject']}")
    talk.fields(
        {
            "write-back": found["id"],
            "state": found["state"],
            "reason": found["reason"],
            "key": found["idempotency_key"],
            "headers": found["headers"],
            "sha256": found["body_sha256"],
            "case": found["case_id"],
            "the target": "can be asked" if askable else "cannot be asked: only a person can look there",
        }
    )
    talk.heading("attempts")
    show_attempts(talk, found["attempts"])
    talk.heading("the target was asked")
    if found["read_backs"]:
        show_read_backs(talk, found["read_backs"])
    else:
        talk.block("not yet" if askable else "it cannot be asked")
    if found["approvals"]:
        talk.heading("people asked to send it again")
        talk.table(
            ("asked", "by", "why", "state", "decided by", "words"),
            [
                (
                    short_time(row["asked_at"]),
                    row["asked_by"],
                    row["reason"],
                    row["state"],
                    row["decided_by"],
                    row["words"],
                )
                for row in found["approvals"]
            ],
            indent=2,
        )
    talk.heading(f"what was sent ({found['media_type']}, {len(body)} bytes)")
    show_body(talk, body)
    if not found["unknown"]:
        return
    short = short_id(found["id"])
    if askable:
        talk.next_step(f"crossdock unknown check {short}", "ask the target now")
    talk.next_step(f'crossdock unknown happened {short} --reference N-17 --reason "..."', "you saw it there")
    talk.next_step(
        f'crossdock unknown did-not-happen {short} --reason "..."', "you looked; another must agree"
    )


@command(
    unknown, "check", examples=("crossdock unknown check 77aa01c3", "crossdock unknown check 77aa01c3 --json")
)
def check(talk: Talk, identity: Identity) -> ExitCode:
    """Ask the target now whether it happened. Code 1: it does not say, or says that it did not; code 5: it cannot be
    asked."""
    from crossdock.hub import Hub

    with Hub.open() as hub:
        checked = hub.unknowns.check(hub.find("write-back", identity), actor())
    code = ExitCode.OK if checked.answer == "found" else ExitCode.FINDINGS
    answer = {
        "write_back": str(checked.write_back_id),
        "answer": checked.answer,
        "sentence": checked.sentence,
        "reference": checked.reference or None,
    }
    if talk.answer(answer):
        return code
    talk.line(f"{checked.answer.replace('_', ' ')}: {checked.sentence}")
    if checked.answer == "nothing":
        talk.next_step(
            f'crossdock unknown did-not-happen {short_id(checked.write_back_id)} --reason "..."',
            "another person must agree before it is sent again",
        )
    return code


@command(
    unknown,
    "happened",
    examples=(
        'crossdock unknown happened 77aa01c3 --reference N-17 --reason "seen on the order in the ERP"',
    ),
)
def happened(
    talk: Talk,
    identity: Identity,
    reference: Annotated[
        str, typer.Option("--reference", metavar="TEXT", help="The target's own number for it.")
    ] = "",
    reason: Reason = "",
) -> None:
    """It happened: you saw it at the target. It is delivered, and nothing is sent again."""
    from crossdock.hub import Hub

    with Hub.open() as hub:
        write_back_id = hub.find("write-back", identity)
        hub.unknowns.happened(write_back_id, actor(), reference, reason)
    if not talk.answer({"write_back": str(write_back_id), "state": "delivered", "reference": reference}):
        talk.line(f"{short_id(write_back_id)} is delivered: {reference}")


@command(
    unknown,
    "did-not-happen",
    examples=(
        'crossdock unknown did-not-happen 77aa01c3 --reason "the order shows no note, asked Tom at the ERP"',
    ),
)
def did_not_happen(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """It did not happen: send it again, with the key it always had. Another person must agree."""
    from crossdock.hub import Hub

    with Hub.open() as hub:
        approval_id = hub.unknowns.did_not_happen(hub.find("write-back", identity), actor(), reason)
    asked(talk, str(approval_id))
