"""``crossdock exchanges``: every set that came or went, by its control numbers, and what its partner said of it."""

from typing import Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.reading import After, Identity, Limit, Since, one_of, reading, show_page, since
from crossdock.cli.talk import Talk, short_id, short_time

exchanges = group(
    "exchanges", "Exchanges: what came and went by its control numbers, and how it was acknowledged."
)

DIRECTIONS = ("in", "out")


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(exchanges)


@command(
    exchanges,
    "list",
    examples=(
        "crossdock exchanges list --direction out --state overdue",
        "crossdock exchanges list --partner acme_supply --number 000000101 --json",
    ),
)
def list_(
    talk: Talk,
    partner: Annotated[
        str | None, typer.Option("--partner", metavar="NAME", help="Exchanged with this partner.")
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option("--direction", metavar="WAY", help="in: what came; out: what we sent, and its copies."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="received, unsent, sent, waiting, overdue, accepted, accepted_with_errors, rejected or "
            "cancelled.",
        ),
    ] = None,
    set_id: Annotated[str | None, typer.Option("--set", metavar="SET", help="Of this set: 850.")] = None,
    number: Annotated[
        str | None,
        typer.Option("--number", metavar="NUMBER", help="With this control number, of whatever level."),
    ] = None,
    when: Since = None,
    limit: Limit = 50,
    after: After = None,
) -> None:
    """List sets by their control numbers, the latest first."""
    from crossdock.store import exchange_queries
    from crossdock.store.tables import EXCHANGE_STATES

    one_of("--direction", direction, DIRECTIONS)
    one_of("--state", state, tuple(EXCHANGE_STATES))
    with reading() as (connection, tenant):
        page = exchange_queries.list_exchanges(
            connection,
            tenant,
            partner=partner,
            direction=direction,
            state=state,
            set_id=set_id,
            number=number,
            since=since(when),
            after=after,
            limit=limit,
        )
    show_page(
        talk,
        page,
        what="exchanges",
        heads=("id", "at", "way", "partner", "set", "group", "interchange", "state", "due", "answered"),
        cells=lambda row: (
            short_id(row["id"]), short_time(row["at"]), row["direction"], row["partner"], _set(row), _group(row),
            row["interchange_number"], row["judged"] or row["state"], short_time(row["answer_due_at"]),
            short_time(row["answered_at"]),
        ),
        nothing="no exchanges fit; leave out a filter, or see `crossdock raw list`",
        follow="crossdock exchanges show {id}",
        optional=("answered", "group", "at"),
    )  # fmt: skip


@command(exchanges, "show", examples=("crossdock exchanges show 5b1f2a90",))
def show(talk: Talk, identity: Identity) -> None:
    """Show one set: its numbers, where it lies, what its partner said of it and when."""
    from crossdock.store import exchange_queries, queries

    with reading() as (connection, tenant):
        found_id = queries.resolve(connection, tenant, "exchange", identity)
        found = exchange_queries.get_exchange(connection, tenant, found_id)
    if talk.answer(found):
        return
    came = found["direction"] == "in"
    talk.heading(f"{_set(found)} {'from' if came else 'to'} {found['partner']}")
    talk.fields(
        {
            "state": found["state"],
            "interchange": found["interchange_number"],
            "group": _group(found),
            "release": found["release"],
            "received" if came else "written": short_time(found["at"]),
            "answer due": short_time(found["answer_due_at"]) if found["answer_due_at"] else None,
            "answered": short_time(found["answered_at"]) if found["answered_at"] else None,
            "write-back": found["write_back_id"],
            "raw message": f"{found['raw_id']}, part {found['part']}" if found["raw_id"] else None,
            "answer in": found["answer_raw_id"],
        }
    )
    answer: dict[str, Any] = found["answer"] or {}
    if answer:
        talk.heading("what we made of it" if came else "what the partner answered")
        talk.fields(_judged(answer) if came else _answer(answer))
    if found["beside"]:
        talk.heading("in the same interchange")
        talk.table(
            ("id", "set", "state"),
            [(short_id(row["id"]), _set(row), row["state"]) for row in found["beside"]],
        )
    if found["write_back_id"]:
        talk.next_step(f"crossdock write-backs show {short_id(found['write_back_id'])}", "what left")
    elif found["raw_id"]:
        talk.next_step(f"crossdock raw show {short_id(found['raw_id'])}", "the message that holds it")


def _set(row: dict[str, Any]) -> str:
    return f"{row['set_id']} {row['set_number']}".strip()


def _group(row: dict[str, Any]) -> str:
    return f"{row['functional_id']} {row['group_number']}".strip()


def _judged(answer: dict[str, Any]) -> dict[str, object]:
    """How we took what came: the dead letter of what was refused says why."""
    words = {"R": "refused; its dead letter says why", "E": "taken, with errors that were told"}
    run_at = answer.get("run_at")
    return {
        "set": words.get(answer.get("told", "")),
        "interchange": "refused whole" if answer.get("interchange") == "R" else None,
        "run after all": run_at and short_time(run_at),
    }


def _answer(answer: dict[str, Any]) -> dict[str, object]:
    """An answer's words, codes and places, one a line."""
    errors = answer.get("errors") or {}
    places = [
        f"{segment or 'a segment'} at segment {position or '?'}"
        + (f", element {element}" if element else "")
        + f": {code}"
        for segment, position, element, code in zip(
            errors.get("segment", ()),
            errors.get("segment_position", ()),
            errors.get("element", ()),
            errors.get("code", ()),
            strict=False,
        )
    ]
    ta1 = answer.get("ta1") or {}
    return {
        "set": answer.get("set"),
        "group": answer.get("group"),
        "interchange": f"TA1 {ta1['word']} {ta1['note']}".strip() if ta1 else None,
        "said in interchange": answer.get("interchange") if "raw_id" in answer else None,
        "codes": ", ".join(answer.get("codes", ())) or None,
        "errors": "; ".join(places) or None,
    }
