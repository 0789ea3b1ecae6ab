"""``crossdock cases``: what people work on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.reading import (
    After,
    Code,
    Identity,
    Limit,
    Since,
    Subject,
    actions_of,
    found_of_code,
    one_of,
    reading,
    rule_of,
    show_page,
    since,
)
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import CaseState

if TYPE_CHECKING:
    import uuid

    from crossdock.hub import Hub

cases = group("cases", "Cases: the events of one trouble, folded together, with state, queue and owner.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(cases)


@command(
    cases,
    "list",
    examples=("crossdock cases list --state open", "crossdock cases list --queue triage --since 3d --json"),
)
def list_(
    talk: Talk,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(CaseState)}.")
    ] = None,
    code: Code = None,
    queue: Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="In this queue.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Of this owner.")] = None,
    subject: Subject = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List cases, the last seen first."""
    from crossdock.store import queries

    one_of("--state", state, tuple(map(str, CaseState)))
    with reading() as (connection, tenant):
        page = queries.list_cases(
            connection,
            tenant,
            state=state,
            code=code,
            queue=queue,
            owner=owner,
            subject=subject,
            since=since(when),
            after=after,
            limit=limit,
        )
    found_of_code("--code", code, len(page.items))
    show_page(
        talk,
        page,
        what="cases",
        heads=("id", "last seen", "state", "prio", "code", "subject", "queue", "owner", "seen", "title"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["last_seen_at"]), row["state"], row["priority"], row["code"],
            row["subject"], row["queue"], row["owner"], f"{row['occurrences']}x", row["title"],
        ),
        nothing="no cases fit; leave out a filter, or see `crossdock events list`",
        follow="crossdock cases show {id}",
        optional=("last seen", "owner", "seen", "queue", "prio", "state"),
    )  # fmt: skip


@command(cases, "show", examples=("crossdock cases show 9b2e41d0", "crossdock cases show 9b2e41d0 --json"))
def show(talk: Talk, identity: Identity) -> None:
    """Show the whole story of a case: what came in, what it meant, what was decided, what was written back."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        story = queries.get_case(connection, tenant, queries.resolve(connection, tenant, "case", identity))
    if talk.answer(story):
        return
    talk.heading(f"case {story['id']}: {story['title']}")
    talk.fields(
        {
            "state": story["state"],
            "code": story["code"],
            "severity": story["severity"],
            "priority": story["priority"],
            "subject": story["subject"],
            "queue": story["queue"],
            "owner": story["owner"],
            "opened": short_time(story["opened_at"]),
            "last seen": f"{short_time(story['last_seen_at'])} ({story['occurrences']} times in all)",
            "closed": short_time(story["closed_at"]) if story["closed_at"] else None,
            "resolution": story["resolution"],
        }
    )
    _came_in(talk, story)
    _decided(talk, story)
    _written(talk, story)
    talk.heading("transitions")
    talk.table(
        ("at", "from", "to", "by", "reason"),
        [
            (short_time(step["at"]), step["from_state"], step["to_state"], step["actor"], step["reason"])
            for step in story["transitions"]
        ],
        indent=2,
    )
    if story["audit"]:
        talk.heading("what people did")
        talk.table(
            ("at", "by", "did", "reason"),
            [(short_time(row["at"]), row["actor"], row["action"], row["reason"]) for row in story["audit"]],
            indent=2,
        )
    _suggest(talk, story)


def _came_in(talk: Talk, story: dict[str, Any]) -> None:
    talk.heading("came in")
    for raw in story["raw"]:
        talk.fields(
            {
                "raw": short_id(raw["id"]),
                "from": f"{raw['source']}: {raw['name']}",
                "received": short_time(raw["received_at"]),
                "size": f"{raw['size']} bytes",
            }
        )
    talk.heading("meant")
    for event in story["events"]:
        data = event["document"].get("data", {})
        talk.fields(
            {
                "event": short_id(event["id"]),
                "code": event["code"],
                "title": data.get("title"),
                "subject": event["subject"],
                "detail": data.get("detail"),
                "recorded": short_time(event["recorded_at"]),
                "of raw": f"{short_id(event['raw_id'])} part {event['part']}",
            }
        )


def _decided(talk: Talk, story: dict[str, Any]) -> None:
    talk.heading("decided")
    for decision in story["decisions"]:
        talk.fields(
            {
                "because": decision["because"],
                "rule": rule_of(decision),
                "of event": short_id(decision["event_id"]),
                "actions": actions_of(decision) or "none",
                "error": decision["error"],
            }
        )


def _written(talk: Talk, story: dict[str, Any]) -> None:
    talk.heading("written back")
    if not story["write_backs"]:
        talk.line("  nothing")
    for row in story["write_backs"]:
        talk.fields(
            {
                "write-back": short_id(row["id"]),
                "to": f"{row['target']}:{row['operation']} for {row['subject']}",
                "state": row["state"],
                "reason": row["reason"],
                "next attempt": short_time(row["next_attempt_at"]) if row["next_attempt_at"] else None,
                "receipt": row["receipt"],
            }
        )
        show_attempts(talk, row["attempts"])


def show_attempts(talk: Talk, attempts: list[dict[str, Any]]) -> None:
    """Every attempt of a write-back, in the order in which they happened."""
    if attempts:
        talk.table(
            ("attempt", "at", "phase", "outcome", "reason"),
            [
                (row["attempt"], short_time(row["at"]), row["phase"], row["outcome"], row["reason"])
                for row in attempts
            ],
            indent=4,
        )


def _suggest(talk: Talk, story: dict[str, Any]) -> None:
    for row in story["write_backs"]:
        if row["state"] in ("rejected", "exhausted", "unsure"):
            talk.next_step(f"crossdock write-backs show {short_id(row['id'])}", f"it is {row['state']}")
            return
    if story["raw"]:
        talk.next_step(
            f"crossdock raw show {short_id(story['raw'][-1]['id'])}", "what was said, byte for byte"
        )


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the case's history.")]


@command(
    cases,
    "move",
    examples=(
        "crossdock cases move 9b2e41d0 --to in_progress",
        'crossdock cases move 9b2e41d0 --to resolved --reason "the supplier ships the rest on Friday, mail of today"',
        'crossdock cases move 9b2e41d0 --to open --reason "it came back"',
    ),
)
def move(
    talk: Talk,
    identity: Identity,
    to: Annotated[str, typer.Option("--to", metavar="STATE", help=f"One of {', '.join(CaseState)}.")],
    reason: Reason = "",
) -> None:
    """Move a case to another state. Closing, blocking and reopening want a reason."""
    one_of("--to", to, tuple(map(str, CaseState)))
    state = CaseState(to)
    case_id = _act(identity, lambda hub, case_id: hub.move_case(case_id, state, actor(), reason))
    if not talk.answer({"id": str(case_id), "state": to}):
        talk.line(f"{short_id(case_id)} is {to}")


@command(
    cases,
    "assign",
    examples=(
        "crossdock cases assign 9b2e41d0 --to dana",
        'crossdock cases assign 9b2e41d0 --to transport --reason "the carrier must be asked"',
    ),
)
def assign(
    talk: Talk,
    identity: Identity,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="A person or a team.")],
    reason: Reason = "",
) -> None:
    """Hand a case to a person or a team."""
    case_id = _act(identity, lambda hub, case_id: hub.assign_case(case_id, to, actor(), reason))
    if not talk.answer({"id": str(case_id), "owner": to.strip()}):
        talk.line(f"{short_id(case_id)} belongs to {to.strip()}")


def _act(identity: str, act: "Callable[[Hub, uuid.UUID], None]") -> "uuid.UUID":
    from crossdock.hub import Hub

    with Hub.open() as hub:
        case_id = hub.find("case", identity)
        act(hub, case_id)
    return case_id
