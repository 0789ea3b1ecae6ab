"""``crossdock redrives``: many dead letters put back at a rate, as a run that the DAG goes on with."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import WITHOUT_ASKING, actor
from crossdock.cli.desk import Reason
from crossdock.cli.exits import ExitCode
from crossdock.cli.reading import After, Code, Identity, Limit, Since, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import Stage

if TYPE_CHECKING:
    from crossdock.redrive import Chosen

redrives = group("redrives", "Redrives: many dead letters put back at a rate, in the background.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(redrives)


@command(
    redrives,
    "start",
    examples=(
        "crossdock redrives start --group 5c0ffee1 --dry-run",
        "crossdock redrives start --code EDI.UNMAPPED_CODE --source supplier_edi --yes",
        'crossdock redrives start --stage deliver --source erp --rate 5 --reason "the ERP is back" --yes',
        "crossdock redrives start --partner acme_supply --since 2d --as-then --dry-run",
    ),
)
def start(
    talk: Talk,
    group_: Annotated[str | None, typer.Option("--group", metavar="ID", help="Of this cause.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="CONNECTOR", help="Of this source or target.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help=f"One of {', '.join(Stage)}.")
    ] = None,
    code: Code = None,
    partner: Annotated[str | None, typer.Option("--partner", metavar="NAME", help="Of this partner.")] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="TEXT", help="Called so, or partly.")
    ] = None,
    when: Since = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Older than this, written as --since is.")
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0.01, max=500, help="So many a second.")] = 10.0,
    as_then: Annotated[
        bool,
        typer.Option("--as-then", help="Only what would run under the versions under which it failed."),
    ] = False,
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of them; do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help=f"Needed for more than {WITHOUT_ASKING}.")] = False,
) -> ExitCode:
    """Put the open dead letters that fit back, each to the one stage or target that failed, at a rate."""
    from crossdock.hub import Hub

    one_of("--stage", stage, tuple(map(str, Stage)))
    with Hub.open() as hub:
        chosen = _chosen(
            group=hub.find("group of dead letters", group_) if group_ else None,
            source=source,
            stage=stage,
            code=code,
            partner=partner,
            label=label,
            since=since(when),
            until=since(until),
        )
        preview = hub.desk.redrives.preview(chosen, as_then=as_then)
        if dry_run:
            if not talk.answer({"dry_run": True, **preview.as_dict()}):
                _say(talk, preview)
                talk.say("nothing was done")
            return ExitCode.OK
        if preview.put_back > WITHOUT_ASKING and not yes:
            talk.error(
                f"{preview.sentence}: look with --dry-run, then add --yes",
                error_class="NotPossible",
                exit_code=ExitCode.REFUSED,
            )
            return ExitCode.REFUSED
        started = hub.desk.redrives.start(
            chosen, actor=actor(), reason=reason, per_second=rate, as_then=as_then
        )
    known = {"id": str(started.id), "total": started.total, "already": started.already}
    if not talk.answer({**known, "preview": preview.as_dict()}):
        if started.already:
            talk.line(
                f"redrive {short_id(started.id)} of the same set is at work already: {started.total} letters"
            )
        else:
            talk.line(f"redrive {short_id(started.id)}: {preview.sentence}")
            talk.next_step("crossdock redrive --once", "now, or its DAG goes on with it each minute")
        talk.next_step(f"crossdock redrives show {short_id(started.id)}")
    return ExitCode.OK


def _chosen(**said: Any) -> "Chosen":
    from crossdock.redrive import Chosen

    return Chosen(**said)


def _say(talk: Talk, preview: Any) -> None:
    for _, _, sentence in preview.lines:
        talk.line(sentence)
    if not preview.lines:
        talk.line("no open dead letter fits")
    if preview.sample:
        talk.table(
            ("id", "stage", "code", "source", "what"),
            [
                (short_id(row["id"]), row["stage"], row["code"], row["source"], row["label"])
                for row in preview.sample
            ],
        )


@command(
    redrives, "list", examples=("crossdock redrives list", "crossdock redrives list --state running --json")
)
def list_(
    talk: Talk,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="running, paused, cancelled or done.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List the runs, the last begun first, with how far each is."""
    from crossdock.store.redrives import list_redrives

    one_of("--state", state, ("running", "paused", "cancelled", "done"))
    with reading() as (connection, tenant):
        page = list_redrives(connection, tenant, state=state, after=after, limit=limit)
    show_page(
        talk,
        page,
        what="redrives",
        heads=("id", "begun", "by", "state", "of", "far", "rate", "which"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["created_at"]), row["created_by"], row["state"], row["total"],
            row["progress"], f"{row['per_second']:g}/s", row["asked"],
        ),
        nothing="no redrive was begun",
        follow="crossdock redrives show {id}",
        optional=("begun", "rate"),
    )  # fmt: skip


@command(redrives, "show", examples=("crossdock redrives show 5c0ffee1",))
def show(talk: Talk, identity: Identity) -> None:
    """Show one run: how far it is, what became of its letters, how long the rest takes."""
    from crossdock.store import queries
    from crossdock.store.redrives import get_redrive

    with reading() as (connection, tenant):
        found = get_redrive(connection, tenant, queries.resolve(connection, tenant, "redrive", identity))
    if talk.answer(found):
        return
    talk.heading(f"redrive {found['id']}")
    talk.fields(
        {
            "state": found["state"],
            "which": found["asked"],
            "as": found["replay_as"],
            "letters": found["total"],
            "far": found["progress"],
            "rate": f"{found['per_second']:g} a second",
            "the rest": f"about {found['rest_s']:g} s" if found["progress"].get("waiting") else None,
            "begun": short_time(found["created_at"]),
            "by": found["created_by"],
            "because": found["reason"],
            "changed": short_time(found["changed_at"]) if found["changed_at"] else None,
            "changed by": found["changed_by"],
            "finished": _at(found["finished_at"]),
        }
    )
    talk.heading("what became of them")
    talk.table(
        ("count", "state", "what"), [(row["count"], row["state"], row["said"]) for row in found["became"]]
    )


def _at(moment: datetime | str | None) -> str | None:
    return short_time(moment) if moment else None


def _turn(talk: Talk, identity: str, word: str, reason: str) -> None:
    from crossdock.hub import Hub

    with Hub.open() as hub:
        redrive_id = hub.find("redrive", identity)
        left = getattr(hub.desk.redrives, word)(redrive_id, actor(), reason)
    if not talk.answer({"id": str(redrive_id), "done": word, "left": left}):
        said = f"; {left} letters stay as they are" if word == "cancel" else ""
        talk.line(f"redrive {short_id(redrive_id)}: {word} is done{said}")


@command(redrives, "pause", examples=('crossdock redrives pause 5c0ffee1 --reason "the ERP is slow"',))
def pause(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Put nothing more back until it is resumed."""
    _turn(talk, identity, "pause", reason)


@command(redrives, "resume", examples=("crossdock redrives resume 5c0ffee1",))
def resume(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """Go on where it stood."""
    _turn(talk, identity, "resume", reason)


@command(redrives, "cancel", examples=('crossdock redrives cancel 5c0ffee1 --reason "wrong group"',))
def cancel(talk: Talk, identity: Identity, reason: Reason = "") -> None:
    """End it. What it did not reach stays at the desk as it is."""
    _turn(talk, identity, "cancel", reason)
