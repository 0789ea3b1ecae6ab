"""How commands look into the store: one transaction, and the options and words that they share."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from crossdock.cli.talk import Talk
from crossdock.errors import Misconfigured
from crossdock.manifests import tenant_from_environment

if TYPE_CHECKING:
    from crossdock.store.queries import Connection, Page

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Not older than: 90m, 2h, 3d, 2026-11-20 or a time."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Go on from here: `next` of the page before.")
]
Code = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="A code (INV.BACKORDER), or a family of codes (INV)."),
]
Source = Annotated[str | None, typer.Option("--source", metavar="CONNECTOR", help="Received from it.")]
Subject = Annotated[
    str | None,
    typer.Option("--subject", metavar="TEXT", help="About it: an order number, or a part of it."),
]
Identity = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning that no other has.")]

_AGO: Final = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@contextmanager
def reading() -> Iterator[tuple["Connection", str]]:
    """A transaction of this tenant, to read in; and the tenant's name."""
    from crossdock.store.engine import Store

    tenant = tenant_from_environment()
    store = Store.open(application="crossdock-cli")
    try:
        store.require_current()
        with store.reading(tenant) as connection:
            yield connection, tenant
    finally:
        store.close()


def since(text: str | None, *, now: datetime | None = None) -> datetime | None:
    """The moment that a person means: so long ago, a day, or a time. A time without a zone is UTC."""
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise Misconfigured(
            f"--since {text!r} is no time: write 90m, 2h, 3d, 2026-11-20 or 2026-11-20T14:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_of(option: str, value: str | None, known: tuple[str, ...]) -> str | None:
    """A word of a closed list. Raises ``Misconfigured`` with the nearest word."""
    from crossdock.toml_lines import did_you_mean

    if value is None or value in known:
        return value
    raise Misconfigured(f"{option} {value!r} is unknown{did_you_mean(value, known)}")


def found_of_code(option: str, value: str | None, found: int) -> None:
    """Nothing was found of a code. Raises ``Misconfigured`` with the nearest one where the taxonomy lacks it: what is
    stored may have codes of other versions."""
    from canonical import taxonomy
    from crossdock.toml_lines import did_you_mean

    families = taxonomy.families()
    known = value is None or value in {*families, *taxonomy.codes(), *taxonomy.reserved()}
    if found or known:
        return
    assert value is not None
    family = value.partition(".")[0]
    same = [code for code in taxonomy.codes() if code.startswith(f"{family}.")]
    near = did_you_mean(value, same) or did_you_mean(value, [*families, *taxonomy.codes()])
    near = near or f"; a whole family is {option} {family if same else 'INV'}, and all are in docs/runbook.md"
    raise Misconfigured(f"{option} {value!r} is no code of the taxonomy{near}")


def show_page(
    talk: Talk,
    page: "Page",
    *,
    what: str,
    heads: tuple[str, ...],
    cells: Callable[[dict[str, Any]], tuple[object, ...]],
    nothing: str,
    follow: str | None = None,
    optional: tuple[str, ...] = (),
) -> None:
    """A list for people or machines: the rows, how many more there are, and what to do next.

    A narrow terminal does without the ``optional`` columns, which go in this order.
    """
    if talk.answer(page.as_dict()):
        return
    if not page.items:
        talk.say(nothing)
        return
    talk.table(heads, [cells(item) for item in page.items], optional=optional)
    if page.more:
        talk.say(f"{page.more} more {what}: add --after {page.next}, or a larger --limit")
    if follow is not None:
        talk.next_step(follow.format(id=str(page.items[0]["id"])[:8]))


def rule_of(decision: dict[str, Any]) -> str:
    """The table and the row that decided, and of which version."""
    return f"{decision['table_name']} / {decision['rule']} (version {decision['version'][:12]})"


def actions_of(decision: dict[str, Any]) -> list[str]:
    """What was decided to do, each as ``target:operation``."""
    return [f"{action.get('target')}:{action.get('operation')}" for action in decision["actions"]]
