"""``crossdock approvals``: what leaves only when another person agrees to exactly its bytes."""

import hashlib
from typing import Annotated

import typer

from crossdock.cli.cases import show_attempts
from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.raw import show_body
from crossdock.cli.reading import After, Identity, Limit, one_of, reading, show_page
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import ApprovalState

approvals = group("approvals", "Approvals: what leaves only when another person agrees to exactly its bytes.")

STATES = (*map(str, ApprovalState), "all")
KINDS = {"leave": "that it leaves", "send_again": "that it did not happen, and is sent again"}

Words = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="In your own words; kept with the decision and in the audit."
    ),
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(approvals)


@command(
    approvals,
    "list",
    examples=("crossdock approvals list", "crossdock approvals list --state all --target erp --json"),
)
def list_(
    talk: Talk,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(STATES)}.")
    ] = "asked",
    target: Annotated[
        str | None, typer.Option("--target", metavar="CONNECTOR", help="What goes to this target.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help=f"One of {', '.join(KINDS)}.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List requests for approval, the last first; those that wait unless --state says otherwise."""
    from crossdock.store import people_queries

    one_of("--state", state, STATES)
    one_of("--kind", kind, tuple(KINDS))
    with reading() as (connection, tenant):
        page = people_queries.list_approvals(
            connection,
            tenant,
            state=None if state == "all" else state,
            target=target,
            kind=kind,
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="approvals",
        heads=("id", "asked", "state", "what", "target", "operation", "subject", "asked by", "until", "why"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["asked_at"]), row["state"], row["kind"], row["target"],
            row["operation"], row["subject"], row["asked_by"], short_time(row["expires_at"]), row["reason"],
        ),
        nothing="nothing waits for a person's yes under this filter",
        follow="crossdock approvals show {id}",
        optional=("state", "asked", "what"),
    )  # fmt: skip


@command(
    approvals,
    "show",
    examples=("crossdock approvals show 4be1a7c0", "crossdock approvals show 4be1a7c0 --json"),
)
def show(talk: Talk, identity: Identity) -> None:
    """Show one request: what would leave, byte for byte, who asked and why, and everything that was tried before."""
    from crossdock.store import people_queries, queries

    with reading() as (connection, tenant):
        approval_id = queries.resolve(connection, tenant, "approval", identity)
        found = people_queries.get_approval(connection, tenant, approval_id)
        body = queries.body_of_write_back(
            connection, tenant, queries.resolve(connection, tenant, "write-back", found["write_back_id"])
        )
    same = hashlib.sha256(body).hexdigest() == found["body_sha256"]
    if talk.answer({**found, "body_text": body.decode("utf-8", errors="replace"), "unchanged": same}):
        return
    written = found["write_back"]
    talk.heading(f"approval {found['id']}")
    talk.fields(
        {
            "asked is": KINDS[found["kind"]],
            "state": found["state"],
            "asked by": found["asked_by"],
            "why": found["reason"],
            "asked": short_time(found["asked_at"]),
            "until": short_time(found["expires_at"]),
            "decided by": found["decided_by"],
            "words": found["words"],
            "to": f"{found['target']}:{found['operation']}",
            "for": found["subject"],
            "write-back": short_id(found["write_back_id"]),
            "its state": written["state"],
            "case": written["case_id"],
            "sha256": found["body_sha256"]
            if same
            else f"{found['body_sha256']}, which is NOT that of the body",
        }
    )
    if decision := written["decision"]:
        talk.heading("because")
        talk.block(decision["because"])
    if written["attempts"]:
        talk.heading("attempts")
        show_attempts(talk, written["attempts"])
    if found["read_backs"]:
        talk.heading("the target was asked")
        show_read_backs(talk, found["read_backs"])
    talk.heading(f"body ({written['media_type']}, {len(body)} bytes)")
    show_body(talk, body)
    if found["state"] == ApprovalState.ASKED:
        talk.next_step(
            f'crossdock approvals agree {short_id(found["id"])} --reason "..."', f"not {found['asked_by']}"
        )


def show_read_backs(talk: Talk, rows: list[dict[str, object]]) -> None:
    """What a target said each time it was asked whether an effect happened."""
    talk.table(
        ("at", "by", "answer", "what it said", "evidence"),
        [
            (
                short_time(row["at"]),
                row["asked_by"],
                row["answer"] or "not known: the worker was gone",
                row["reason"],
                row["evidence"],
            )
            for row in rows
        ],
        indent=2,
    )


@command(
    approvals,
    "agree",
    examples=('crossdock approvals agree 4be1a7c0 --reason "checked the ERP: nothing under this key"',),
)
def agree(talk: Talk, identity: Identity, reason: Words = "") -> None:
    """Agree: it leaves at the next run, with the key it always had. Not for the person who asked."""
    _decide(talk, identity, reason, agreed=True)


@command(
    approvals,
    "decline",
    examples=('crossdock approvals decline 4be1a7c0 --reason "the customer called, the date stays"',),
)
def decline(talk: Talk, identity: Identity, reason: Words = "") -> None:
    """Say no: what is unknown stays unknown, and anything else never leaves."""
    _decide(talk, identity, reason, agreed=False)


@command(
    approvals,
    "ask",
    examples=('crossdock approvals ask 77aa01c3 --reason "nobody looked in time; it is still wanted"',),
)
def ask(talk: Talk, identity: Identity, reason: Words = "") -> None:
    """Ask anew for a write-back that waits and whose request expired: another person than you must agree."""
    from crossdock.hub import Hub

    with Hub.open() as hub:
        approval_id = hub.approvals.ask(hub.find("write-back", identity), actor(), reason)
    asked(talk, str(approval_id))


def asked(talk: Talk, approval_id: str) -> None:
    """Say that somebody else must agree now."""
    if talk.answer({"approval": approval_id, "state": str(ApprovalState.ASKED)}):
        return
    talk.line(f"asked: approval {short_id(approval_id)}")
    talk.next_step(f'crossdock approvals agree {short_id(approval_id)} --reason "..."', "by somebody else")


def _decide(talk: Talk, identity: str, reason: str, *, agreed: bool) -> None:
    from crossdock.hub import Hub

    with Hub.open() as hub:
        approval_id = hub.find("approval", identity)
        decide = hub.approvals.agree if agreed else hub.approvals.decline
        done = decide(approval_id, actor(), reason)
    if talk.answer(
        {"approval": str(done.id), "write_back": str(done.write_back_id), "state": str(done.state)}
    ):
        return
    talk.line(f"{short_id(done.id)} {done.state} by {actor()}")
    if agreed:
        talk.next_step(f"crossdock deliver {done.target} --once", "it leaves at the next run, or now")
