"""``crossdock dead-letters``: what was set aside, why, and the way back."""

import getpass
import os
from typing import Annotated, Any, Final

import typer

from crossdock.cli.command import command, group
from crossdock.cli.exits import ExitCode
from crossdock.cli.raw import show_body
from crossdock.cli.reading import (
    After,
    Code,
    Identity,
    Limit,
    Since,
    found_of_code,
    one_of,
    reading,
    show_page,
    since,
)
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.messages import Stage

dead_letters = group("dead-letters", "Dead letters: what was set aside, why, and the way back.")

WITHOUT_ASKING: Final = 10
"""More than so many at once want --yes."""

STATES: Final = ("open", "parked", "replayed", "discarded", "all")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(dead_letters)


@command(
    dead_letters,
    "list",
    examples=(
        "crossdock dead-letters list",
        "crossdock dead-letters list --code EDI.UNKNOWN_PARTNER",
        "crossdock dead-letters list --state all --since 7d --json",
    ),
)
def list_(
    talk: Talk,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open, parked, replayed, discarded or all.")
    ] = "open",
    code: Code = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help=f"One of {', '.join(Stage)}.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="CONNECTOR", help="Of this source or target.")
    ] = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List dead letters, the newest first; those that are open unless --state says otherwise."""
    from crossdock.store import queries

    one_of("--state", state, STATES)
    one_of("--stage", stage, tuple(map(str, Stage)))
    with reading() as (connection, tenant):
        page = queries.list_dead_letters(
            connection,
            tenant,
            state=None if state == "all" else state,
            code=code,
            stage=stage,
            source=source,
            since=since(when),
            after=after,
            limit=limit,
        )
    found_of_code("--code", code, len(page.items))
    show_page(
        talk,
        page,
        what="dead letters",
        heads=("id", "set aside", "state", "stage", "code", "source", "file", "what", "why"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["created_at"]), row["state"], row["stage"], row["code"],
            row["source"], row["name"], row["label"], row["sentence"],
        ),
        nothing="no dead letters fit: nothing is set aside under this filter",
        follow="crossdock dead-letters show {id}",
        optional=("set aside", "stage", "state", "source", "what"),
    )  # fmt: skip


@command(
    dead_letters,
    "show",
    examples=(
        "crossdock dead-letters show 5c0ffee1",
        "crossdock dead-letters show 5c0ffee1 --raw > part.edi",
        "crossdock dead-letters show 5c0ffee1 --raw --whole > message.edi",
    ),
)
def show(
    talk: Talk,
    identity: Identity,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the exact bytes to standard output, and nothing else.")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="The whole message that it came in, not only its part.")
    ] = False,
) -> None:
    """Show one dead letter: the bytes, where and why it failed, what to do, and how to run it again."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        letter_id = queries.resolve(connection, tenant, "dead letter", identity)
        body = queries.body_of_dead_letter(connection, tenant, letter_id, whole=whole)
        letter = queries.get_dead_letter(connection, tenant, letter_id)
    if raw:
        talk.bytes(body)
        return
    again = f"crossdock dead-letters replay {short_id(letter_id)}"
    if talk.answer({**letter, "body_text": body.decode("utf-8", errors="backslashreplace"), "replay": again}):
        return
    talk.heading(f"dead letter {letter['id']}")
    talk.fields(
        {
            "state": letter["state"],
            "what": letter["label"],
            "from": letter["source"] if letter["raw_id"] else None,
            "to": letter["source"] if letter["write_back_id"] else None,
            "stage": letter["stage"],
            "code": letter["code"],
            "class": letter["error_class"],
            "why": letter["sentence"],
            "where": letter["place"],
            "attempts": letter["attempts"],
            "versions": letter["versions"],
            "set aside": short_time(letter["created_at"]),
            "closed": short_time(letter["closed_at"]) if letter["closed_at"] else None,
            "closed by": letter["closed_by"],
            "reason": letter["reason"],
        }
    )
    if origin := letter["raw"]:
        talk.heading("came in")
        talk.fields(
            {
                "raw": short_id(origin["id"]),
                "name": origin["name"],
                "part": letter["part"],
                "received": short_time(origin["received_at"]),
                "sha256": origin["sha256"],
            }
        )
    if written := letter["write_back"]:
        talk.heading("was to be written")
        talk.fields(
            {
                "write-back": short_id(written["id"]),
                "state": written["state"],
                "for": written["subject"],
                "reason": written["reason"],
            }
        )
    talk.heading(f"bytes ({len(body)})")
    show_body(talk, body)
    if letter["state"] != "open":
        return
    talk.heading("what to do")
    talk.fields({"remedy": letter["remedy"], "then": again})


@command(
    dead_letters,
    "replay",
    examples=(
        "crossdock dead-letters replay 5c0ffee1",
        "crossdock dead-letters replay --all-of EDI.UNKNOWN_PARTNER --dry-run",
        "crossdock dead-letters replay --all-of EDI.UNKNOWN_PARTNER --yes",
    ),
)
def replay(
    talk: Talk,
    identities: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Their ids, or beginnings.")
    ] = None,
    all_of: Annotated[
        str | None, typer.Option("--all-of", metavar="CODE", help="Every open one of this code or family.")
    ] = None,
    it_did_not_happen: Annotated[
        bool,
        typer.Option(
            "--it-did-not-happen",
            help="Of a write-back whose effect is unknown: you looked, and it did not happen; another must agree.",
        ),
    ] = False,
    as_then: Annotated[
        bool, typer.Option("--as-then", help="Only under the versions under which it failed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be run again, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help=f"Needed for more than {WITHOUT_ASKING}.")] = False,
) -> ExitCode:
    """Run set-aside things again, from the stage that failed. One that fails again is set aside again."""
    letters = _chosen(identities or [], all_of)
    if dry_run:
        if not talk.answer({"would_replay": letters}):
            talk.table(
                ("id", "stage", "code", "source", "what"),
                [
                    (short_id(row["id"]), row["stage"], row["code"], row["source"], row["label"])
                    for row in letters
                ],
            )
            talk.say(f"{len(letters)} would be run again; nothing was done")
        return ExitCode.OK
    if len(letters) > WITHOUT_ASKING and not yes:
        talk.error(
            f"this runs {len(letters)} dead letters again: look with --dry-run, then add --yes",
            error_class="NotPossible",
            exit_code=ExitCode.REFUSED,
        )
        return ExitCode.REFUSED
    from crossdock.hub import Hub

    results, worst = [], ExitCode.OK
    hub = Hub.open()
    try:
        for letter in letters:
            asked: dict[str, Any] = {"did_not_happen": True} if it_did_not_happen else {}
            if as_then:
                asked["as_then"] = True
            result, code = _each(
                lambda row=letter, asked=asked: hub.replay(row["uuid"], actor(), **asked), letter
            )
            results.append(result)
            worst = max(worst, code)
    finally:
        hub.close()
    _tell(talk, results, "run again")
    steps = sorted({str(result["next_step"]) for result in results if result["next_step"]})
    for step in steps:
        if step.startswith("approvals "):
            talk.next_step(f'crossdock {step} --reason "..."', "somebody else must agree first")
        elif not talk.as_json:
            when = "within a minute" if step == "process" else "at its next run"
            talk.say(f"its DAG takes it {when}, or now: crossdock {step} --once")
    return worst


@command(
    dead_letters,
    "discard",
    examples=(
        'crossdock dead-letters discard 5c0ffee1 --reason "sent twice by the partner, see mail of 20 Nov"',
    ),
)
def discard(
    talk: Talk,
    identity: Identity,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why nothing shall come of it; kept in the audit.")
    ] = "",
) -> ExitCode:
    """End it: nothing will come of this thing. Its bytes and its history stay."""
    if not reason.strip():
        talk.error(
            'a dead letter is discarded with a reason: add --reason "..."',
            error_class="NotPossible",
            exit_code=ExitCode.REFUSED,
        )
        return ExitCode.REFUSED
    letters = _chosen([identity], None)
    from crossdock.hub import Hub

    hub = Hub.open()
    try:
        result, code = _each(lambda: hub.discard(letters[0]["uuid"], actor(), reason), letters[0])
    finally:
        hub.close()
    _tell(talk, [result], "discarded")
    return code


def actor() -> str:
    """Who does this, for the audit: ``CROSSDOCK_ACTOR``, or the user of this machine."""
    if named := os.environ.get("CROSSDOCK_ACTOR", "").strip():
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _chosen(identities: list[str], all_of: str | None) -> list[dict[str, Any]]:
    """The dead letters that a person named, each with its ``uuid``; or every open one of a code."""
    from crossdock.store import queries

    if bool(identities) == (all_of is not None):
        raise Misconfigured("name the dead letters by ID, or take every open one of a code by --all-of CODE")
    chosen: dict[str, dict[str, Any]] = {}
    with reading() as (connection, tenant):
        for text in identities:
            identity = queries.resolve(connection, tenant, "dead letter", text)
            chosen[str(identity)] = {
                **queries.get_dead_letter(connection, tenant, identity),
                "uuid": identity,
            }
        if all_of is not None:
            after: str | None = None
            while True:
                page = queries.list_dead_letters(connection, tenant, code=all_of, after=after, limit=1_000)
                for row in page.items:
                    identity = queries.resolve(connection, tenant, "dead letter", row["id"])
                    chosen[row["id"]] = {**row, "uuid": identity}
                if (after := page.next) is None:
                    break
    if not chosen:
        found_of_code("--all-of", all_of, 0)
        raise Misconfigured(f"no open dead letter has the code {all_of!r}; see `crossdock dead-letters list`")
    return list(chosen.values())


def _each(act: Any, letter: dict[str, Any]) -> tuple[dict[str, Any], ExitCode]:
    """Do it to one of them; what goes wrong with one does not stop the others."""
    from crossdock.cli.exits import exit_code_of

    known = {"id": letter["id"], "code": letter["code"], "what": letter["label"]}
    try:
        done = act()
    except CrossdockError as error:
        return {**known, "done": False, "next_step": None, "error": str(error)}, exit_code_of(error)
    return {**known, "done": True, "next_step": getattr(done, "next_step", None), "error": None}, ExitCode.OK


def _tell(talk: Talk, results: list[dict[str, Any]], what: str) -> None:
    if talk.answer({"results": results}):
        return
    for result in results:
        if result["done"]:
            talk.line(f"{short_id(result['id'])} {what}: {result['what']}")
        else:
            talk.say(f"{short_id(result['id'])} not {what}: {result['error']}")
