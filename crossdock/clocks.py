"""Clocks: which document answers which, and when it is overdue. Silence is said aloud here.

The pairs are data, in ``mappings/clocks/*.toml``; a partner's profile gives its own limits, calendar and zone. Pure:
the store keeps the clocks (``store.clockwork``), the recorder starts and stops them, the sweep opens what ran out.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from canonical import taxonomy
from canonical.events import ExceptionEvent, reference_key
from crossdock import toml_lines
from crossdock.calendars import Duration, NotADuration
from crossdock.errors import Misconfigured
from crossdock.messages import derived_id
from crossdock.packages import package_folder
from crossdock.partners import Partner
from crossdock.toml_table import Table

Document = Mapping[str, Any]
"""A sealed fact."""

_KEYS: Final = (
    "title", "starts", "stops", "match", "answer", "sent", "by_starter", "from", "within", "exception",
    "only_if_agreed",
)  # fmt: skip
_START_KEYS: Final = ("fact", "mappings", "direction", "unless")
_CANCELLED: Final = frozenset({"01", "03", "17"})
"""Purposes [353] of a document that takes back what it names: cancellation, deletion, cancelled to be sent anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A document and its answer.

    ``mappings`` and ``direction`` narrow which facts start it, ``unless`` excludes values of attributes. ``answer``
    is the set that must be agreed with the partner, owed by the side that did not send the first document, or by the
    same one (``by_starter``). ``sent``: the set that we must send to the partner for this clock to make sense.
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

    def is_owed_by_us(self, fact: Document) -> bool:
        """Whether the answer to this fact is ours to give."""
        return (direction_of(fact) == "out") == self.by_starter

    def is_agreed(self, fact: Document, partner: Partner) -> bool:
        """Whether the partner's profile says that such an answer is sent at all."""
        if self.sent is not None and not partner.may_receive(self.sent):
            return False
        if self.only_if_agreed and self.name not in partner.clocks.terms:
            return False
        if self.answer is None:
            return True
        owed = partner.may_receive if self.is_owed_by_us(fact) else partner.may_send
        return owed(self.answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A clock as it is started: the pair, the words its answer is known by, and when it runs out."""

    pair: Pair
    fact: Document
    words: tuple[str, ...]
    due_at: datetime
    limit: Duration


def direction_of(fact: Document) -> str:
    """``in`` for what a partner said, ``out`` for what we said to one."""
    direction: str = fact["data"].get("attributes", {}).get("direction", "in")
    return direction


def words(fact: Document, kinds: frozenset[str] | None = None) -> list[str]:
    """The references of a fact with their issuers, as clocks and the matching of documents find them."""
    return [reference_key(ref) for ref in fact["data"]["refs"] if kinds is None or ref["kind"] in kinds]


def said_at(fact: Document) -> datetime:
    """When the message that states it was received."""
    return datetime.fromisoformat(fact["data"]["provenance"]["received_at"])


def started(fact: Document, partner: Partner | None) -> Iterator[Running]:
    """The clocks that this fact starts. None for a sender without a profile: nothing is agreed with it."""
    if partner is None:
        return
    for pair in pairs_started_by().get(fact["data"]["kind"], ()):
        limit = partner.clocks.limit(pair.name, pair.within)
        if limit is None or not pair.is_started_by(fact) or not pair.is_agreed(fact, partner):
            continue
        if known := tuple(words(fact, pair.match)):
            due = due_at(fact, pair, limit, partner)
            yield Running(pair=pair, fact=fact, words=known, due_at=due, limit=limit)


def due_at(fact: Document, pair: Pair, limit: Duration, partner: Partner) -> datetime:
    """When the answer is overdue, in the partner's working time: the limit after the day that the document names, or
    after the document itself."""
    attributes = fact["data"].get("attributes", {})
    start = said_at(fact)
    for name in pair.base:
        try:
            day = date.fromisoformat(attributes.get(name, "")[:10])
        except ValueError:
            continue
        over = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(partner.timezone))
        start = max(start, over)
        break
    return partner.clocks.calendar.add(start, limit)


def stops(pair: Pair, started_by: Document, fact: Document) -> bool:
    """Whether a fact is the answer that a clock waits for. What takes back is no answer."""
    data = fact["data"]
    if data["kind"] not in pair.stops or fact["id"] == started_by["id"] or is_cancellation(fact):
        return False
    if pair.comes_again and said_at(fact) <= said_at(started_by):
        return False
    if pair.answer is not None:  # an answer goes the way that it is owed
        wanted = "out" if pair.is_owed_by_us(started_by) else "in"
        return direction_of(fact) == wanted
    return True


def is_cancellation(fact: Document) -> bool:
    """Whether a fact takes back what it names: nothing has to follow it any more."""
    return fact["data"].get("attributes", {}).get("purpose") in _CANCELLED


def clock_id(tenant: str, pair: Pair, fact: Document) -> uuid.UUID:
    """One clock for each pair and fact that starts it; of what comes again, one for each message."""
    if pair.comes_again:
        raw_id = fact["data"]["provenance"]["raw_id"]
        return derived_id("clock", tenant, pair.name, raw_id, *words(fact, pair.match))
    return derived_id("clock", tenant, pair.name, fact["id"])


def overdue(
    pair_name: str, fact: Document, partner: Partner | None, due: datetime, limit: str
) -> ExceptionEvent:
    """The exception that a clock opens when it runs out."""
    pair = pairs()[pair_name]
    data = fact["data"]
    ref = next((ref for ref in data["refs"] if ref["kind"] in pair.match), data["refs"][0])
    theirs = partner.title if partner is not None else "The partner"
    who = "We" if pair.answer is not None and pair.is_owed_by_us(fact) else theirs
    title = pair.title.format(
        who=who, subject=f"{_NOUNS.get(ref['kind'], ref['kind'])} {ref['value']}", limit=limit
    )
    if who == "We":
        title = title.replace("We has ", "We have ", 1)
    others = [other for other in data["refs"] if other is not ref]
    return ExceptionEvent(
        code=pair.exception,
        title=title,
        detail=f"due at {due.isoformat(timespec='minutes')}; started by {data['kind']} {fact['subject']}",
        refs=[ref, *others],
        place=data["provenance"]["place"],
        parties=data.get("parties", ()),
        method="timer",
        ext={"clock": pair.name, **({"partner": partner.name} if partner is not None else {})},
    )


_NOUNS: Final = {
    "supplier_po": "PO", "customer_po": "PO", "shipment": "shipment", "warehouse_order": "warehouse order",
    "warehouse_receipt": "transfer", "invoice": "invoice",
    "feed": "report",
}  # fmt: skip


# -- the pairs as data ------------------------------------------------------------------------------------------


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
