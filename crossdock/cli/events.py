"""``crossdock events``: what the documents said was wrong."""

from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import (
    After,
    Code,
    Identity,
    Limit,
    Since,
    Source,
    Subject,
    actions_of,
    found_of_code,
    reading,
    rule_of,
    show_page,
    since,
)
from crossdock.cli.talk import Talk, short_id, short_time

events = group("events", "Exception events: what a document said was wrong.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(events)


@command(
    events,
    "list",
    examples=("crossdock events list --since 2h", "crossdock events list --code INV --json"),
)
def list_(
    talk: Talk,
    code: Code = None,
    source: Source = None,
    subject: Subject = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Folded into this case.")] = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List exception events, the newest first."""
    from crossdock.store import queries

    with reading() as (connection, tenant):
        page = queries.list_events(
            connection,
            tenant,
            code=code,
            source=source,
            subject=subject,
            case_id=queries.resolve(connection, tenant, "case", case) if case else None,
            since=since(when),
            after=after,
            limit=limit,
        )
    found_of_code("--code", code, len(page.items))
    show_page(
        talk,
        page,
        what="events",
        heads=("id", "recorded", "code", "severity", "subject", "source", "case", "title"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["recorded_at"]), row["code"], row["severity"], row["subject"],
            row["source"], short_id(row["case_id"]), row["title"],
        ),
        nothing="no events fit; leave out a filter, or see `crossdock dead-letters list` for what was set aside",
        follow="crossdock events show {id}",
        optional=("recorded", "source", "case", "severity"),
    )  # fmt: skip


@command(events, "show", examples=("crossdock events show 4f1c09aa", "crossdock events show 4f1c09aa --json"))
def show(talk: Talk, identity: Identity) -> None:
    """Show one event: its canonical document, where it came from, and what was decided."""
    import json

    from crossdock.store import queries

    with reading() as (connection, tenant):
        found = queries.get_event(connection, tenant, queries.resolve(connection, tenant, "event", identity))
    if talk.answer(found):
        return
    data = found["document"].get("data", {})
    talk.heading(f"event {found['id']}")
    talk.fields(
        {
            "code": found["code"],
            "title": data.get("title"),
            "subject": found["subject"],
            "severity": data.get("severity"),
            "recorded": short_time(found["recorded_at"]),
            "case": found["case_id"],
        }
    )
    if raw := found["raw"]:
        talk.heading("came from")
        talk.fields(
            {
                "source": raw["source"],
                "name": raw["name"],
                "part": found["part"],
                "received": short_time(raw["received_at"]),
                "raw": raw["id"],
            }
        )
    if decision := found["decision"]:
        talk.heading("was decided")
        talk.fields(
            {
                "because": decision["because"],
                "rule": rule_of(decision),
                "queue": decision["queue"],
                "actions": actions_of(decision),
                "error": decision["error"],
            }
        )
    talk.heading("canonical document")
    talk.block(json.dumps(found["document"], indent=2, ensure_ascii=False))
    talk.next_step(f"crossdock cases show {short_id(found['case_id'])}", "the whole story")
