"""``crossdock sagas``: actions of one decision that belong together, and what was taken back."""

from typing import Annotated

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.reading import After, Identity, Limit, one_of, reading, show_page
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.messages import SagaState

sagas = group("sagas", "Sagas: actions of one decision that belong together, and what was taken back.")

STATES = ("open", *map(str, SagaState), "all")
UNDO = {"nothing": "nothing is left of it", "person": "a person must take it back"}


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(sagas)


@command(sagas, "list", examples=("crossdock sagas list", "crossdock sagas list --state partial --json"))
def list_(
    talk: Talk,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help=f"One of {', '.join(STATES)}.")
    ] = "open",
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="TABLE/ROW", help="Declared by this row.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List sagas, the last begun first; those that have not ended unless --state says otherwise."""
    from crossdock.store import saga_queries

    one_of("--state", state, STATES)
    with reading() as (connection, tenant):
        page = saga_queries.list_sagas(
            connection, tenant, state=None if state == "all" else state, rule=rule, after=after, limit=limit
        )
    show_page(
        talk,
        page,
        what="sagas",
        heads=("id", "begun", "state", "rule", "case", "why"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["opened_at"]), row["state"], row["rule"],
            short_id(row["case_id"]), row["reason"],
        ),
        nothing="no saga fits: nothing that belongs together is under way under this filter",
        follow="crossdock sagas show {id}",
        optional=("begun", "rule"),
    )  # fmt: skip


@command(sagas, "show", examples=("crossdock sagas show 9a0be2c4", "crossdock sagas show 9a0be2c4 --json"))
def show(talk: Talk, identity: Identity) -> None:
    """Show one saga: each of its steps, how it stands, and what takes it back."""
    from crossdock.store import queries, saga_queries

    with reading() as (connection, tenant):
        found = saga_queries.get_saga(
            connection, tenant, queries.resolve(connection, tenant, "saga", identity)
        )
    if talk.answer(found):
        return
    talk.heading(f"saga {found['id']}")
    talk.fields(
        {
            "state": found["state"],
            "why": found["reason"],
            "rule": found["rule"],
            "case": found["case_id"],
            "begun": short_time(found["opened_at"]),
            "changed": short_time(found["updated_at"]),
        }
    )
    talk.heading("what belongs together")
    talk.table(
        ("write-back", "what", "for", "state", "taken back by", "which is"),
        [
            (
                short_id(step["write_back_id"]),
                f"{step['target']}:{step['operation']}",
                step["subject"],
                step["state"],
                UNDO.get(step["undo"]) or f"{step['undo_target']}:{step['undo_operation']}",
                step["undo_state"],
            )
            for step in found["steps"]
        ],
        indent=2,
    )
    if found["state"] == SagaState.PARTIAL:
        talk.next_step(
            f'crossdock sagas settle {short_id(found["id"])} --reason "..."',
            "once you took back what is left",
        )
    talk.next_step(f"crossdock cases show {short_id(found['case_id'])}", "the whole story")


@command(
    sagas, "settle", examples=('crossdock sagas settle 9a0be2c4 --reason "called them, they put it aside"',)
)
def settle(
    talk: Talk,
    identity: Identity,
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="TEXT", help="What you did; kept with the saga and in the audit."),
    ] = "",
) -> None:
    """You took back what was left of a partial saga, or say that it may stay."""
    from crossdock.hub import Hub

    with Hub.open() as hub:
        saga_id = hub.find("saga", identity)
        hub.sagas.settle(saga_id, actor(), reason)
    if not talk.answer({"saga": str(saga_id), "state": str(SagaState.UNDONE)}):
        talk.line(f"{short_id(saga_id)} is undone: {reason}")
