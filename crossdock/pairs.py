"""Pairs of documents: which one answers which, and within what time. Data, in ``mappings/clocks/*.toml``.

Nothing here knows a trading partner: a profile names the pairs for which it has limits of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from canonical import taxonomy
from crossdock import toml_lines
from crossdock.calendars import Duration, NotADuration
from crossdock.errors import Misconfigured
from crossdock.packages import package_folder
from crossdock.toml_table import Table

Document = Mapping[str, Any]
"""A sealed fact."""

_KEYS: Final = (
    "title", "starts", "stops", "match", "answer", "sent", "by_starter", "by_anyone", "once", "from", "within",
    "exception", "only_if_agreed",
)  # fmt: skip
_START_KEYS: Final = ("fact", "mappings", "direction", "unless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A document and its answer.

    ``mappings`` and ``direction`` narrow which facts start it, ``unless`` excludes values of attributes. ``answer``
    is the set that must be agreed with the partner, owed by the side that did not send the first document, or by the
    same one (``by_starter``). Only the partner that is waited for ends the wait; of the kinds of facts ``by_anyone``
    others may say what ends it, too. ``once``: what ended the wait for one number is no answer to another one that
    comes after it. ``sent``: the set that we must send to the partner for this clock to make sense.
    ``only_if_agreed``: it runs for partners whose profile names it, with its limit there.
    """

    name: str
    title: str
    fact: str
    mappings: frozenset[str]
    direction: str | None
    unless: Mapping[str, frozenset[str]]
    stops: frozenset[str]
    match: frozenset[str]
    answer: str | None
    sent: str | None
    by_starter: bool
    by_anyone: frozenset[str]
    once: bool
    base: tuple[str, ...]
    within: Duration
    exception: str
    only_if_agreed: bool

    def is_started_by(self, fact: Document) -> bool:
        """Whether a fact of this kind starts the clock, whoever said it."""
        data = fact["data"]
        attributes = data.get("attributes", {})
        return (
            data["kind"] == self.fact
            and (not self.mappings or data["provenance"]["mapping"] in self.mappings)
            and (self.direction is None or direction_of(fact) == self.direction)
            and not any(attributes.get(name) in values for name, values in self.unless.items())
        )

    @property
    def comes_again(self) -> bool:
        """Whether the answer is the next of the same: a report that comes every day."""
        return self.fact in self.stops

    def hears(self, kind: str, by: str | None, awaited: str | None) -> bool:
        """Whether a fact of this kind, exchanged with the partner ``by``, is the word of the one that is awaited."""
        return kind in self.by_anyone or by == awaited

    def is_owed_by_us(self, fact: Document) -> bool:
        """Whether the answer to this fact is ours to give."""
        return (direction_of(fact) == "out") == self.by_starter


def direction_of(fact: Document) -> str:
    """``in`` for what a partner said, ``out`` for what we said to one."""
    direction: str = fact["data"].get("attributes", {}).get("direction", "in")
    return direction


@cache
def pairs() -> Mapping[str, Pair]:
    """Every pair, by its name. Raises ``Misconfigured`` with every mistake, each with file and line."""
    return load(package_folder("mappings") / "clocks")


def names() -> tuple[str, ...]:
    """The names that a partner's profile may give limits for."""
    return tuple(pairs())


@cache
def pairs_started_by() -> Mapping[str, Sequence[Pair]]:
    """The pairs by the kind of fact that starts them."""
    found: dict[str, list[Pair]] = {}
    for pair in pairs().values():
        found.setdefault(pair.fact, []).append(pair)
    return found


@cache
def kinds() -> frozenset[str]:
    """The kinds of facts that start, stop or cancel some clock."""
    every = [pair.stops | {pair.fact} for pair in pairs().values()]
    return frozenset().union(*every)


def load(folder: Path) -> dict[str, Pair]:
    """The pairs of a folder of TOML files."""
    problems: list[str] = []
    found: dict[str, Pair] = {}
    for path in sorted(folder.glob("*.toml")):
        file = toml_lines.read(path)
        for name in file.values:
            if name in found:
                problems.append(f"{file.at(name)}: clock {name!r} is there already")
                continue
            if not isinstance(file.values[name], dict):
                problems.append(f"{file.at(name)}: {name!r} must be a table of its own: [{name}]")
                continue
            pair = _pair(Table(file, problems, (name,)), name)
            if pair is not None:
                found[name] = pair
    if problems:
        raise Misconfigured("\n".join(problems))
    return found


def _pair(table: Table, name: str) -> Pair | None:
    values = table.values
    table.only(_KEYS)
    start = values.get("starts")
    if not isinstance(start, dict) or start.get("fact") not in taxonomy.FACT_KINDS:
        table.tell("starts", f"starts must name a fact of {', '.join(taxonomy.FACT_KINDS)}")
        return None
    for key in start:
        if key not in _START_KEYS:
            table.tell("starts", f"unknown field {key!r} of starts (known: {', '.join(_START_KEYS)})")
    stop, match = _listed(table, "stops", taxonomy.FACT_KINDS), _listed(table, "match", taxonomy.REF_KINDS)
    anyone = _listed(table, "by_anyone", sorted(stop)) if "by_anyone" in values else frozenset()
    exception = table.text("exception", None)
    if exception not in taxonomy.codes():
        table.tell("exception", f"the taxonomy lacks {exception!r}")
    text = table.text("within", None)
    try:
        within = Duration.parse(text)
    except NotADuration as error:
        table.tell("within", str(error))
        return None
    title = table.text("title", None)
    try:
        title.format(who="", subject="", limit="")
    except (LookupError, ValueError):
        table.tell("title", f"title has a place other than {{who}}, {{subject}} and {{limit}}: {title!r}")
    unless = start.get("unless", {})
    return Pair(
        name=name,
        title=title,
        fact=start["fact"],
        mappings=frozenset(start.get("mappings", ())),
        direction=start.get("direction"),
        unless={attribute: frozenset(said) for attribute, said in unless.items()},
        stops=stop,
        match=match,
        answer=values.get("answer"),
        sent=values.get("sent"),
        by_starter=bool(values.get("by_starter", False)),
        by_anyone=anyone,
        once=bool(values.get("once", False)),
        base=tuple(values.get("from", ())),
        within=within,
        exception=exception,
        only_if_agreed=bool(values.get("only_if_agreed", False)),
    )


def _listed(table: Table, key: str, known: Sequence[str]) -> frozenset[str]:
    value = table.values.get(key)
    if not isinstance(value, list) or not value:
        table.tell(key, f"{key!r} must be a list")
        return frozenset()
    for one in value:
        if one not in known:
            table.tell(
                key, f"{key} has {one!r}, which is not known{toml_lines.did_you_mean(str(one), known)}"
            )
    return frozenset(value)
