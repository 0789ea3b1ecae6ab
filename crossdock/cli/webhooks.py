"""``crossdock webhooks``: who is called with events, and what became of each call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossdock.cli.command import command, group
from crossdock.cli.dead_letters import actor
from crossdock.cli.exits import ExitCode
from crossdock.cli.feed import Filters
from crossdock.cli.reading import After, Limit, one_of, reading, since
from crossdock.cli.talk import Talk, short_id, short_time
from crossdock.errors import Misconfigured

if TYPE_CHECKING:
    from crossdock.emit.subscribing import Subscriptions
    from crossdock.hub import Hub

webhooks = group("webhooks", "Webhooks: who is called with events, and what became of each call.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]
Hours = Annotated[
    int | None, typer.Option("--hours", min=0, help="How long the secrets of the old connection still sign.")
]


def declare(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(webhooks)


@command(
    webhooks,
    "add",
    examples=(
        "crossdock webhooks add https://planning.example/in --name planning --secrets-in planning_hook",
        "crossdock webhooks add https://wms.example/in --name wms --secrets-in wms_hook --filter code=SHP --ordered",
    ),
)
def add(
    talk: Talk,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to: https, at a public address.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="How it is called from now on.")],
    secrets_in: Annotated[
        str,
        typer.Option(
            "--secrets-in",
            metavar="CONNECTION",
            help="The connection whose webhook_secrets sign what is sent.",
        ),
    ],
    wanted: Filters = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="In order per subject: the next waits for the one before.")
    ] = False,
    internal: Annotated[
        bool, typer.Option("--internal", help="It is at a private address, and may be called there.")
    ] = False,
    from_oldest: Annotated[
        bool,
        typer.Option("--from-oldest", help="Begin with everything that is kept, not with what comes now."),
    ] = False,
) -> None:
    """Call a URL with every event that a filter lets through."""
    from crossdock.emit.filters import Filter

    chosen = Filter.parse(wanted or ())
    with _people() as (people, _):
        id = people.add(
            url,
            name=name,
            secrets_in=secrets_in,
            wanted=chosen,
            ordered=ordered,
            internal=internal,
            from_oldest=from_oldest,
        )
    if talk.answer({"id": str(id), "name": name, "url": url, "filter": chosen.as_dict()}):
        return
    talk.line(f"{name} is called with {chosen}")
    talk.next_step(f"crossdock webhooks test {name}", "does it answer?")


@command(webhooks, "list", examples=("crossdock webhooks list", "crossdock webhooks list --json"))
def list_(talk: Talk) -> None:
    """List the webhooks: what waits, what failed, how far behind each is."""
    from crossdock.store import webhooks as kept

    with reading() as (connection, tenant):
        rows = kept.listed(connection, tenant)
    if talk.answer({"items": rows}):
        return
    if not rows:
        talk.say("nobody is called; `crossdock webhooks add URL` adds somebody")
        return
    talk.table(
        ("name", "state", "url", "waiting", "failed", "behind", "last taken", "failing since", "reason"),
        [
            (
                row["name"], row["state"], row["url"], row["waiting"], row["failed"], row["behind"],
                short_time(row["delivered_at"]), short_time(row["failing_since"]), row["reason"],
            )
            for row in rows
        ],
        optional=("failing since", "last taken", "behind"),
    )  # fmt: skip


@command(
    webhooks,
    "show",
    examples=("crossdock webhooks show planning", "crossdock webhooks show planning --state failed"),
)
def show(
    talk: Talk,
    name: Name,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only messages in this state.")
    ] = None,
    limit: Limit = 20,
    after: After = None,
) -> None:
    """Show a webhook and its messages, the newest first."""
    from crossdock.emit.filters import Filter
    from crossdock.store import webhooks as kept
    from crossdock.store.tables import WEBHOOK_MESSAGE_STATES

    one_of("--state", state, tuple(WEBHOOK_MESSAGE_STATES))
    with reading() as (connection, tenant):
        found = next((row for row in kept.listed(connection, tenant) if row["name"] == name), None)
        one = kept.read(connection, tenant, name)
        if found is None or one is None:
            raise Misconfigured(f"there is no webhook {name!r}; `crossdock webhooks list` shows them")
        page = kept.messages_of(connection, tenant, one.id, state=state, after=after, limit=limit)
    if talk.answer({**found, "messages": page.as_dict()}):
        return
    talk.heading(f"webhook {name}")
    talk.fields({**found, "filter": str(Filter.from_dict(found["filter"]))})
    talk.heading("messages")
    talk.table(
        ("id", "made", "state", "tries", "answer", "next", "code", "subject", "reason"),
        [
            (
                short_id(row["id"]), short_time(row["created_at"]), row["state"], row["attempt"], row["status"],
                short_time(row["next_attempt_at"]), row["code"], row["subject"], row["reason"],
            )
            for row in page.items
        ],
        optional=("made", "next", "subject"),
    )  # fmt: skip
    if page.more:
        talk.say(f"{page.more} more messages: add --after {page.next}, or a larger --limit")


@command(
    webhooks,
    "rotate",
    examples=(
        "crossdock webhooks rotate planning --secrets-in planning_hook_2",
        "crossdock webhooks rotate planning --secrets-in planning_hook_2 --hours 1",
    ),
)
def rotate(
    talk: Talk,
    name: Name,
    secrets_in: Annotated[
        str, typer.Option("--secrets-in", metavar="CONNECTION", help="The connection with the new secrets.")
    ],
    hours: Hours = None,
) -> None:
    """Sign with other secrets. The old ones sign too, for a day more or as long as --hours says."""
    from datetime import timedelta

    with _people() as (people, hub):
        overlap = hub.outgoing.webhooks.secret_overlap if hours is None else timedelta(hours=hours)
        people.rotate(name, to=secrets_in, overlap=overlap)
    if not talk.answer(
        {"name": name, "connection": secrets_in, "both_for_h": overlap.total_seconds() / 3600}
    ):
        talk.line(f"{name} signs with {secrets_in} and, for {overlap.total_seconds() / 3600:g} h, as before")
        talk.next_step(f"crossdock webhooks test {name}", "does the receiver take it?")


@command(webhooks, "secret", examples=("crossdock webhooks secret",))
def secret(talk: Talk) -> None:
    """Make a signing secret, to be put into a connection and given to the receiver. It is kept nowhere."""
    from crossdock.wires.webhook import new_secret

    made = new_secret().reveal()
    if not talk.answer({"secret": made}):
        talk.line(made)


@command(webhooks, "disable", examples=('crossdock webhooks disable planning --reason "they move house"',))
def disable(
    talk: Talk,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit.")],
) -> None:
    """Call it no more for a while. What is published meanwhile is kept for it, as long as the feed is."""
    with _people() as (people, _):
        people.disable(name, reason)
    if not talk.answer({"name": name, "state": "disabled"}):
        talk.line(f"{name} is not called any more")
        talk.next_step(f"crossdock webhooks enable {name}", "call it again, with what it missed")


@command(
    webhooks,
    "enable",
    examples=("crossdock webhooks enable planning", "crossdock webhooks enable planning --from-now"),
)
def enable(
    talk: Talk,
    name: Name,
    from_now: Annotated[bool, typer.Option("--from-now", help="What it missed stays missed.")] = False,
) -> None:
    """Call it again, with what it missed."""
    with _people() as (people, _):
        people.enable(name, from_now=from_now)
    if not talk.answer({"name": name, "state": "active"}):
        talk.line(f"{name} is called again")
        talk.next_step(f"crossdock webhooks recover {name} --since 7d", "and what had failed before")


@command(webhooks, "remove", examples=("crossdock webhooks remove planning",))
def remove(talk: Talk, name: Name) -> None:
    """End it for good. Its messages stay on record."""
    with _people() as (people, _):
        cancelled = people.remove(name)
    if not talk.answer({"name": name, "state": "removed", "cancelled": cancelled}):
        talk.line(f"{name} is removed; {cancelled} messages will not be sent")


@command(webhooks, "recover", examples=("crossdock webhooks recover planning --since 2d",))
def recover(
    talk: Talk,
    name: Name,
    when: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="What failed since: 90m, 2h, 3d, or a time.")
    ],
) -> None:
    """Send again everything that failed since then, under the ids that it had."""
    moment = since(when)
    assert moment is not None
    with _people() as (people, _):
        count = people.recover(name, moment)
    if not talk.answer({"name": name, "recovered": count}):
        talk.line(f"{count} messages of {name} are sent again")
        talk.next_step("crossdock publish --once", "now, or at the next run")


@command(webhooks, "resend", examples=("crossdock webhooks resend 77aa01c3-0f0e-5a55-9d0c-c0552d0c4a11",))
def resend(
    talk: Talk, message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's whole id.")]
) -> None:
    """Send one message again at once, under the id that it had. Its schedule is not begun anew."""
    import uuid

    try:
        id = uuid.UUID(message)
    except ValueError as error:
        raise Misconfigured(f"{message!r} is no id of a message") from error
    with _people() as (people, _):
        people.resend(id)
    if not talk.answer({"id": str(id)}):
        talk.line(f"{short_id(id)} is sent again")
        talk.next_step("crossdock publish --once", "now, or at the next run")


@command(webhooks, "test", examples=("crossdock webhooks test planning",))
def test(talk: Talk, name: Name) -> ExitCode:
    """Call a webhook now with a made-up event, and say what it answered. Nothing of it is kept."""
    from crossdock.emit.trial_event import trial_event
    from crossdock.hub import Hub
    from crossdock.store import webhooks as kept

    with Hub.open() as hub:
        with hub.store.reading(hub.tenant) as connection:
            one = kept.read(connection, hub.tenant, name)
        if one is None:
            raise Misconfigured(f"there is no webhook {name!r}; `crossdock webhooks list` shows them")
        answered = hub.webhooks.test(one, trial_event(hub.tenant, hub.clock.now()))
    taken = answered.status is not None and 200 <= answered.status < 300
    answer: dict[str, Any] = {
        "name": name,
        "taken": taken,
        "status": answered.status,
        "said": answered.sentence,
    }
    if not talk.answer(answer):
        talk.line(f"{name}: {answered.sentence}")
    return ExitCode.OK if taken else ExitCode.REMOTE


@contextmanager
def _people() -> "Iterator[tuple[Subscriptions, Hub]]":
    from crossdock.hub import Hub

    with Hub.open() as hub, hub.subscriptions(actor()) as people:
        yield people, hub
