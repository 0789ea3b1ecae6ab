"""``crossdock dead-letter-groups`` and what else is done at the desk: how a cause stands, and parking."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor, dead_letters
from crossdock.cli.reading import After, Code, Identity, Limit, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.errors import Misconfigured
from crossdock.messages import Stage

groups = group("dead-letter-groups", "Dead letters by their cause: how many, since when, and how it stands.")

STATES: Final = ("open", "acknowledged", "resolved", "ignored", "all")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit.")]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(groups)


@command(
    groups,
    "list",
    examples=("crossdock dead-letter-groups list", "crossdock dead-letter-groups list --state all --json"),
)
def list_(
    talk: Talk,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="STATE", help=f"{', '.join(STATES)}; without it what wants somebody."
        ),
    ] = None,
    code: Code = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help=f"One of {', '.join(Stage)}.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="CONNECTOR", help="Of this source or target.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List the causes: letters of the same source, stage, code and words, numbers and names left out."""
    from crossdock.store.groups import list_groups

    one_of("--state", state, STATES)
    one_of("--stage", stage, tuple(map(str, Stage)))
    with reading() as (connection, tenant):
        page = list_groups(
            connection,
            tenant,
            now=datetime.now(UTC),
            state=state,
            code=code,
            stage=stage,
            source=source,
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="groups",
        heads=("id", "state", "here", "ever", "first", "last", "source", "stage", "code", "why"),
        cells=lambda row: (
            short_id(row["id"]), row["state"] + (" (came back)" if row["regressed_at"] else ""), row["here"],
            row["count"], short_time(row["first_at"]), short_time(row["last_at"]), row["source"], row["stage"],
            row["code"], row["newest"] or row["template"],
        ),
        nothing="no group wants anybody: nothing lies here, or its causes are resolved or ignored",
        follow="crossdock dead-letter-groups show {id}",
        optional=("first", "stage", "ever", "source"),
    )  # fmt: skip


@command(groups, "show", examples=("crossdock dead-letter-groups show 5c0ffee1",))
def show(talk: Talk, identity: Identity) -> None:
    """Show one cause: how it stands, who said so, and the newest letters."""
    from crossdock.store import queries
    from crossdock.store.groups import get_group

    with reading() as (connection, tenant):
        group_id = queries.resolve(connection, tenant, "group of dead letters", identity)
        found = get_group(connection, tenant, group_id, now=datetime.now(UTC))
    if talk.answer(found):
        return
    talk.heading(f"group {found['id']}")
    talk.fields(
        {
            "state": found["state"],
            "why": found["newest"] or found["template"],
            "source": found["source"],
            "stage": found["stage"],
            "code": found["code"],
            "here": found["here"],
            "parked": found["parked"] or None,
            "ever": found["count"],
            "first": short_time(found["first_at"]),
            "last": short_time(found["last_at"]),
            "came back": short_time(found["regressed_at"]) if found["regressed_at"] else None,
            "ignored until": short_time(found["ignored_until"]) if found["ignored_until"] else None,
            "said by": found["changed_by"],
            "because": found["reason"],
        }
    )
    if found["letters"]:
        talk.heading("the newest letters")
        talk.table(
            ("id", "set aside", "state", "replays", "what", "why"),
            [
                (short_id(row["id"]), short_time(row["created_at"]), row["state"], row["replays"], row["label"],
                 row["sentence"])
                for row in found["letters"]
            ],
        )  # fmt: skip
        talk.next_step(f"crossdock redrives start --group {short_id(group_id)} --dry-run")


def _move(talk: Talk, identity: str, state: str, reason: str, until: datetime | None = None) -> None:
    from crossdock.hub import Hub

    with Hub.open() as hub:
        group_id = hub.find("group of dead letters", identity)
        hub.desk.move_group(group_id, state, actor=actor(), reason=reason, until=until)
    if not talk.answer({"id": str(group_id), "state": state, "until": until}):
        talk.line(f"{short_id(group_id)} is {state}{f' until {short_time(until)}' if until else ''}")


@command(groups, "ack", examples=("crossdock dead-letter-groups ack 5c0ffee1",))
def ack(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Somebody knows of it and works on it."""
    _move(talk, identity, "acknowledged", reason)


@command(
    groups,
    "resolve",
    examples=('crossdock dead-letter-groups resolve 5c0ffee1 --reason "the row was added"',),
)
def resolve(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Its cause is cured. A new letter of the same cause opens it again, and says that it came back."""
    _move(talk, identity, "resolved", reason)


@command(
    groups,
    "ignore",
    examples=(
        'crossdock dead-letter-groups ignore 5c0ffee1 --for 7d --reason "the partner mends it next week"',
    ),
)
def ignore(
    talk: Talk,
    identity: Identity,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="So long: 90m, 12h, 7d, 2w.")],
    reason: Reason = "",
) -> None:
    """Keep quiet about it for a time. What comes after it opens it again."""
    now = datetime.now(UTC)
    before = since(for_, now=now)
    if before is None or before >= now:
        raise Misconfigured(f"--for {for_!r} is no time: write 90m, 12h, 7d or 2w")
    _move(talk, identity, "ignored", reason, until=now + (now - before))


@command(groups, "reopen", examples=("crossdock dead-letter-groups reopen 5c0ffee1",))
def reopen(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """It wants somebody again."""
    _move(talk, identity, "open", reason)


@command(
    dead_letters,
    "edit",
    examples=(
        "crossdock dead-letters show 5c0ffee1 --raw > part.edi",
        "crossdock dead-letters edit 5c0ffee1 --with part.edi --dry-run",
        'crossdock dead-letters edit 5c0ffee1 --with part.edi --reason "the code is BP, says the supplier"',
    ),
)
def edit(
    talk: Talk,
    identity: Identity,
    with_: Annotated[
        str, typer.Option("--with", metavar="FILE", help="The new payload; - is standard input.")
    ],
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what differs; do nothing.")] = False,
) -> None:
    """Run a mended payload in the place of what failed. The original stays as it came."""
    from crossdock.hub import Hub

    try:
        body = sys.stdin.buffer.read() if with_ == "-" else Path(with_).read_bytes()
    except OSError as error:
        raise Misconfigured(f"--with {with_}: {error.strerror}") from error
    with Hub.open() as hub:
        letter_id = hub.find("dead letter", identity)
        edited = hub.desk.edit(letter_id, body, actor=actor(), reason=reason, only_try=dry_run)
    answer = {
        "id": str(letter_id),
        "version": str(edited.id) if edited.id else None,
        "number": edited.number,
        "diff": edited.diff,
        "next_step": edited.next_step,
        "write_back": str(edited.write_back_id) if edited.write_back_id else None,
    }
    if talk.answer(answer):
        return
    talk.block(edited.diff, indent=0)
    if dry_run:
        talk.say("nothing was done")
    else:
        talk.line(f"{short_id(letter_id)} runs as version {edited.number}")
        if edited.next_step != "approvals":
            talk.next_step(f"crossdock {edited.next_step} --once", "now, or its DAG takes it")


# ── single letters ───────────────────────────────────────────────────────────────────────────────────────────


def _park(talk: Talk, identity: str, reason: str, *, parked: bool) -> None:
    from crossdock.hub import Hub

    with Hub.open() as hub:
        letter_id = hub.find("dead letter", identity)
        hub.desk.park(letter_id, actor=actor(), reason=reason, parked=parked)
    state = "parked" if parked else "open"
    if not talk.answer({"id": str(letter_id), "state": state}):
        talk.line(f"{short_id(letter_id)} is {state}")


@command(
    dead_letters,
    "park",
    examples=('crossdock dead-letters park 5c0ffee1 --reason "ask the supplier first"',),
)
def park(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Park it: no replay takes it until somebody lets it out."""
    _park(talk, identity, reason, parked=True)


@command(
    dead_letters,
    "unpark",
    examples=('crossdock dead-letters unpark 5c0ffee1 --reason "the order is open again"',),
)
def unpark(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Let it out of parking, with the reason why it shall be run once more."""
    _park(talk, identity, reason, parked=False)


@command(
    dead_letters,
    "export",
    examples=(
        "crossdock dead-letters export --code EDI > letters.jsonl",
        "crossdock dead-letters export --source erp --state all",
    ),
)
def export(
    talk: Talk,
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="One of them, or all.")] = "open",
    code: Code = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="CONNECTOR", help="Of this source or target.")
    ] = None,
) -> None:
    """Write dead letters to standard output, one JSON object a line, without their bytes (`show --raw` has them)."""
    import json

    from crossdock.store import queries

    found: list[dict[str, Any]] = []
    with reading() as (connection, tenant):
        after: str | None = None
        while True:
            page = queries.list_dead_letters(
                connection,
                tenant,
                state=None if state == "all" else state,
                code=code,
                source=source,
                after=after,
                limit=1_000,
            )
            if talk.as_json:
                found += page.items
            else:
                for row in page.items:
                    talk.line(json.dumps(row, ensure_ascii=True))
            if (after := page.next) is None:
                break
    talk.answer({"items": found})
