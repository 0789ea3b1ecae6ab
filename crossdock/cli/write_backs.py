"""``crossdock write-backs``: what is to be written at targets, and what became of it."""

from typing import Annotated

import typer

from crossdock.cli.cases import show_attempts
from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.raw import show_body
from crossdock.cli.reading import After, Identity, Limit, Since, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import WriteBackState
from crossdock.ports import SystemClock

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
    from crossdock.registry import Registry
    from crossdock.store import queries, told
    from crossdock.targets import why_waiting

    with reading() as (connection, tenant):
        found_id = queries.resolve(connection, tenant, "write-back", identity)
        body = queries.body_of_write_back(connection, tenant, found_id)
        found = queries.get_write_back(connection, tenant, found_id)
        links = told.links_of(connection, tenant, found_id)
        again = told.repeats_of(connection, tenant, found_id)
        manifest = Registry().manifests().get(found["target"])
        rules = manifest.sink if manifest is not None else None
        waits = why_waiting(connection, tenant, found, rules, SystemClock().now())
    if raw:
        talk.bytes(body)
        return
    text = body.decode("utf-8", errors="replace")
    schedule = [] if rules is None else list(rules.schedule_s)
    if talk.answer({**found, "body_text": text, "schedule_s": schedule, "waits": waits}):
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
            "waits": waits,
            "schedule": f"{len(schedule) + 1} attempts, waiting {', '.join(map(_wait, schedule))} between them"
            if schedule and found["state"] in ("ready", "sending", "awaiting_approval")
            else None,
            "tried since": short_time(found["trying_since"]) if found["trying_since"] else None,
            "may have happened since": short_time(found["maybe_since"]) if found["maybe_since"] else None,
            "superseded by": found["superseded_by"],
            "next attempt": short_time(found["next_attempt_at"]) if found["next_attempt_at"] else None,
            "created": short_time(found["created_at"]),
            "receipt": found["receipt"],
            "case": found["case_id"],
            "sends again": links.get("resend_of"),
            "reissues": links.get("reissue_of"),
            "sent again as": [str(row.id) for row in again] or None,
            "replaced": links.get("replaced"),
        }
    )
    if decision := found["decision"]:
        talk.heading("because")
        talk.block(decision["because"])
    talk.heading("attempts")
    show_attempts(talk, found["attempts"])
    talk.heading(f"body ({found['media_type']}, {len(body)} bytes)")
    show_body(talk, body)
    if letter := found["dead_letter"]:
        talk.next_step(f"crossdock dead-letters show {short_id(letter['id'])}", "it was set aside")
    elif found["case_id"]:
        talk.next_step(f"crossdock cases show {short_id(found['case_id'])}", "the whole story")


def _wait(seconds: int) -> str:
    """A wait for people: 45 s, 20 min, 2 h."""
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= length and seconds % (length // 4) == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds} s"


@command(
    write_backs,
    "let-pass",
    examples=('crossdock write-backs let-pass 77aa01c3 --reason "the date does not depend on the hold"',),
)
def let_pass(
    talk: Talk,
    identity: Identity,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit.")] = "",
) -> None:
    """Let a write-back go before an earlier one about the same subject, for which it waits."""
    from crossdock import targets
    from crossdock.hub import Hub
    from crossdock.store import queries

    with Hub.open() as hub:
        with hub.store.reading(hub.tenant) as connection:
            write_back_id = queries.resolve(connection, hub.tenant, "write-back", identity)
            found = queries.get_write_back(connection, hub.tenant, write_back_id)
        hub.on_target(targets.let_pass, write_back_id=write_back_id, actor=actor(), reason=reason)
    if talk.answer({"id": found["id"], "target": found["target"], "let_pass": True}):
        return
    talk.line(f"{short_id(found['id'])} goes first")
    talk.next_step(f"crossdock deliver {found['target']} --once", "it leaves at the next run, or now")


Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why it is sent again; kept in the audit.")
]


@command(
    write_backs,
    "resend",
    examples=('crossdock write-backs resend 77aa01c3 --reason "the partner lost the file, mail of 20 Nov"',),
)
def resend(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Send an interchange once more: the same bytes, the same control numbers. For a file that the partner lost."""
    _again(talk, identity, reason, new_numbers=False)


@command(
    write_backs,
    "reissue",
    examples=('crossdock write-backs reissue 77aa01c3 --reason "refused as a duplicate of the test of May"',),
)
def reissue(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Send the content of an interchange under new control numbers. For numbers that the partner does not take."""
    _again(talk, identity, reason, new_numbers=True)


def _again(talk: Talk, identity: str, reason: str, *, new_numbers: bool) -> None:
    from crossdock.edi import sent_again
    from crossdock.faultpoints import faultpoint
    from crossdock.hub import Hub
    from crossdock.store import queries

    hub = Hub.open()
    try:
        with hub.store.transaction(hub.tenant) as connection:
            write_back_id = queries.resolve(connection, hub.tenant, "write-back", identity)
            if new_numbers:
                done = sent_again.reissue(
                    connection,
                    tenant=hub.tenant,
                    write_back_id=write_back_id,
                    partners=hub.partners,
                    actor=actor(),
                    reason=reason,
                    now=hub.clock.now(),
                )
            else:
                done = sent_again.resend(
                    connection,
                    tenant=hub.tenant,
                    write_back_id=write_back_id,
                    actor=actor(),
                    reason=reason,
                    now=hub.clock.now(),
                )
            faultpoint("sent_again.before_commit")
        faultpoint("sent_again.after_commit")
    finally:
        hub.close()
    answer = {
        "id": str(done.id),
        "of": str(done.of),
        "target": done.target,
        "interchange": done.interchange,
        "new_numbers": new_numbers,
    }
    if talk.answer(answer):
        return
    what = "is reissued" if new_numbers else "is sent again"
    talk.line(f"{short_id(done.of)} {what} as {short_id(done.id)}, interchange {done.interchange}")
    talk.next_step(f"crossdock deliver {done.target} --once", "it leaves at the next run, or now")
