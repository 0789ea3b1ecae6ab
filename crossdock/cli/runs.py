"""``crossdock runs``: when the hub worked, and what it did."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import After, Limit, Since, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.counts import in_order

runs = group("runs", "Runs: when the hub received, processed and delivered, and what came of it.")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(runs)


@command(
    runs, "list", examples=("crossdock runs list --failed", "crossdock runs list --step receive --since 1h")
)
def list_(
    talk: Talk,
    step: Annotated[
        str | None, typer.Option("--step", metavar="STEP", help="receive, process or deliver.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", metavar="NAME", help="Of this connector.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that found a connector broken.")
    ] = False,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List runs, the newest first."""
    from crossdock.store import queries

    one_of("--step", step, ("receive", "process", "deliver"))
    with reading() as (connection, tenant):
        page = queries.list_runs(
            connection,
            tenant,
            step=step,
            connector=connector,
            failed=failed,
            since=since(when),
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="runs",
        heads=("id", "started", "step", "connector", "airflow", "result", "what it did"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["started_at"]), row["step"], row["connector"],
            (row["airflow"] or {}).get("run_id"), _result(row), _what_it_did(row),
        ),
        nothing="no runs fit",
        optional=("airflow", "id"),
    )  # fmt: skip


def _result(run: Mapping[str, Any]) -> str:
    return "failed" if run["error"] else "ok" if run["finished_at"] else "running"


def _what_it_did(run: Mapping[str, Any]) -> str:
    """The error, then the counts that are not 0, in the order of the walk."""
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in in_order(run["counts"] or {}))
    idle = "at work" if not run["finished_at"] else "" if run["error"] else "nothing to do"
    return "; ".join(part for part in (run["error"], counts or idle) if part)
