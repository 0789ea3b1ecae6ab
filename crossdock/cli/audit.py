"""``crossdock audit``: who did what, and whether that is still what was written."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.exits import ExitCode
from crossdock.cli.reading import After, Limit, Since, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crossdock.store.engine import Store

audit = group("audit", "The audit: what people did, in a chain that shows whoever changes it.")

_Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Older than this: as --since.")]
_Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Done by this person.")]
_Action = Annotated[
    str | None,
    typer.Option(
        "--action", metavar="ACTION", help="An action (dead_letter.replay), or a family (dead_letter)."
    ),
]
_Object = Annotated[
    str | None, typer.Option("--object", metavar="ID", help="Done to the thing of this id, or its beginning.")
]
_Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Done to a thing of this kind.")]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(audit)


@command(
    audit,
    "list",
    examples=(
        "crossdock audit list --since 1d",
        "crossdock audit list --actor maria --action dead_letter --json",
    ),
)
def list_(
    talk: Talk,
    who: _Actor = None,
    action: _Action = None,
    object_id: _Object = None,
    kind: _Kind = None,
    when: Since = None,
    until: _Until = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List what people did, the newest first."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        page = queries.list_audit(
            connection,
            tenant,
            actor=who,
            action=action,
            object_kind=kind,
            object_id=object_id,
            since=since(when),
            until=since(until),
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="audit rows",
        heads=("seq", "at", "who", "did", "what", "reason"),
        cells=lambda row: (
            row["seq"], short_time(row["at"]), row["actor"], row["action"],
            f"{row['object_kind']} {row['object_id'][:8]}", row["reason"],
        ),
        nothing="nobody did anything that fits; leave out a filter",
        optional=("reason", "at"),
    )  # fmt: skip


@command(audit, "show", examples=("crossdock audit show 17", "crossdock audit show 4f1c09aa --json"))
def show(
    talk: Talk,
    identity: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Its number, or the beginning of its id.")
    ],
) -> None:
    """Show one row: who did what to which thing, why, and its seal."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        found = queries.get_audit(connection, tenant, identity)
    if talk.answer(found):
        return
    talk.heading(f"audit {found['seq'] if found['seq'] is not None else short_id(found['id'])}")
    talk.fields({**found, "at": short_time(found["at"])})
    talk.next_step("crossdock audit verify", "whether this is what was written")


@command(
    audit, "export", examples=("crossdock audit export > audit.jsonl", "crossdock audit export --from 1000")
)
def export(
    talk: Talk,
    first: Annotated[int, typer.Option("--from", metavar="SEQ", min=1, help="From this number on.")] = 1,
) -> None:
    """Write every sealed row to standard output, one JSON object on a line, by number."""
    import json

    with _store() as store:
        rows = _rows(store, first - 1)
        if talk.as_json:
            talk.answer({"items": list(rows)})
            return
        for row in rows:
            sys.stdout.write(json.dumps(row) + "\n")


def _rows(store: "Store", after: int) -> "Iterator[dict[str, object]]":
    from crossdock.hub import current_tenant
    from crossdock.store import audit_trail
    from crossdock.store.pages import plain

    tenant = current_tenant()
    while True:
        with store.reading(tenant) as connection:
            rows = audit_trail.rows_after(connection, tenant, after)
        if not rows:
            return
        yield from map(plain, rows)
        after = rows[-1]["seq"]


@command(audit, "verify", examples=("crossdock audit verify", "crossdock audit verify --json"))
def verify(talk: Talk) -> ExitCode:
    """Walk the whole chain: no row was changed, removed, put in or moved, and its end was not cut off. Exit code 3
    with the first number that is wrong."""
    from crossdock.audit.keys import keyring
    from crossdock.audit.verify import verify as walk
    from crossdock.hub import current_tenant

    with _store() as store:
        report = walk(store, current_tenant(), keyring())
    document = {**asdict(report), "sound": report.is_sound}
    if not talk.answer(document):
        talk.fields(
            {
                "rows": str(report.rows),
                "from before the chain": str(report.old_rows) if report.old_rows else None,
                "anchors": f"{report.anchors}, up to row {report.anchored_seq}" if report.anchors else "none",
                "sound": report.is_sound,
            }
        )
        for sentence in report.unseen:
            talk.line(f"not seen: {sentence}")
    if report.broken is None:
        return ExitCode.OK
    talk.say(
        f"crossdock: the audit of tenant '{report.tenant}' is not what was written, from row {report.broken.seq} on "
        f"({report.broken.kind}): {report.broken.sentence}; keep the database as it is, and compare it with a backup"
    )
    return ExitCode.INTEGRITY


@command(audit, "anchor", examples=("crossdock audit anchor",))
def anchor(talk: Talk) -> ExitCode:
    """Write down outside the database where the audit ends, so that a cut end is seen. The process step does so once
    an hour."""
    from crossdock.audit import anchors
    from crossdock.audit.keys import keyring
    from crossdock.hub import current_tenant
    from crossdock.ports import SystemClock

    with _store() as store:
        written = anchors.write(store, current_tenant(), keys=keyring(), now=SystemClock().now())
        path = anchors.place(store)
    where = str(path) if path is not None else None
    if not talk.answer({"anchored": asdict(written) if written else None, "file": where}):
        if written is None:
            talk.line("the audit has no row yet: there is nothing to anchor")
        else:
            talk.line(f"row {written.seq} is anchored in {where or 'the syslog'}")
    return ExitCode.OK


@command(
    audit,
    "restored",
    examples=("crossdock audit restored --reason 'backup of 2026-11-20 after a disk failure'",),
)
def restored(
    talk: Talk,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Which backup, and why; kept in the audit.")
    ],
    unseen: Annotated[bool, typer.Option("--unseen", help="Although no anchor shows it.")] = False,
) -> None:
    """Say that the database was restored from a backup: rows which anchors still know are lost, and what is not done
    may have happened since. Until then nothing is delivered."""
    from crossdock.audit.keys import keyring
    from crossdock.audit.restored import say
    from crossdock.hub import current_tenant
    from crossdock.ports import SystemClock

    with _store() as store:
        doubted = say(
            store,
            current_tenant(),
            keyring(),
            actor=actor(),
            reason=reason,
            now=SystemClock().now(),
            unseen=unseen,
        )
    if talk.answer({"seq": doubted.seq, "doubted": dict(doubted.write_backs)}):
        return
    talk.line(f"row {doubted.seq} says so; the chain goes on behind it")
    for target, count in sorted(doubted.write_backs.items()):
        talk.line(f"{target}: {count} write-backs may have happened since the backup")
    talk.next_step("crossdock deliver --once", "targets are asked first; what they cannot say is unknown")


def _store() -> "Store":
    """The store, which closes itself at the end of a ``with``."""
    from crossdock.store.engine import Store

    store = Store.open(application="crossdock-cli")
    try:
        store.require_current()
    except BaseException:
        store.close()
        raise
    return store
