"""Clocks: what is awaited from whom, and when it is overdue. Silence is said aloud here.

The pairs of documents are data (``pairs``); a partner's profile gives its own limits, calendar and zone. Pure: the
store keeps the clocks (``store.clockwork``), the recorder starts and stops them, the sweep opens what ran out.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from canonical.events import ExceptionEvent, reference_key
from crossdock.calendars import Duration
from crossdock.messages import derived_id
from crossdock.pairs import (
    Document,
    Pair,
    direction_of,
    kinds,
    load,
    names,
    pairs,
    pairs_started_by,
)
from crossdock.partners import Partner

__all__ = [
    "Document",
    "Pair",
    "Running",
    "clock_id",
    "direction_of",
    "due_at",
    "is_agreed",
    "is_cancellation",
    "kinds",
    "load",
    "names",
    "overdue",
    "pairs",
    "pairs_started_by",
    "said_at",
    "started",
    "stops",
    "words",
]

_CANCELLED: Final = frozenset({"01", "03", "17"})
"""Purposes [353] of a document that takes back what it names: cancellation, deletion, cancelled to be sent anew."""


_NO_YEARS: Final = (date.max.year, date.min.year)
"""A date in the last or the first year of the calendar is none: systems write it that know no date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A clock as it is started: the pair, the words its answer is known by, and when it runs out."""

    pair: Pair
    fact: Document
    words: tuple[str, ...]
    due_at: datetime
    limit: Duration


def is_agreed(pair: Pair, fact: Document, partner: Partner) -> bool:
    """Whether the partner's profile says that such an answer is sent at all."""
    if pair.sent is not None and not partner.may_receive(pair.sent):
        return False
    if pair.only_if_agreed and pair.name not in partner.clocks.terms:
        return False
    if pair.answer is None:
        return True
    owed = partner.may_receive if pair.is_owed_by_us(fact) else partner.may_send
    return owed(pair.answer)


def words(fact: Document, kinds: frozenset[str] | None = None) -> list[str]:
    """The references of a fact with their issuers, as clocks and the matching of documents find them."""
    return [reference_key(ref) for ref in fact["data"]["refs"] if kinds is None or ref["kind"] in kinds]


_moment = lru_cache(maxsize=1024)(datetime.fromisoformat)


def said_at(fact: Document) -> datetime:
    """When the message that states it was received."""
    return _moment(fact["data"]["provenance"]["received_at"])


def started(fact: Document, partner: Partner | None) -> Iterator[Running]:
    """The clocks that this fact starts. None for a sender without a profile: nothing is agreed with it."""
    if partner is None:
        return
    for pair in pairs_started_by().get(fact["data"]["kind"], ()):
        limit = partner.clocks.limit(pair.name, pair.within)
        if limit is None or not pair.is_started_by(fact) or not is_agreed(pair, fact, partner):
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
        if day.year in _NO_YEARS:
            continue
        over = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(partner.timezone))
        start = max(start, over)
        break
    return partner.clocks.calendar.add(start, limit)


def stops(pair: Pair, started_by: Document, fact: Document) -> bool:
    """Whether a fact is the answer that a clock waits for; that it is of the right partner, ``Pair.hears`` says. What
    takes back is no answer; but the answer to a cancellation is one, whatever purpose it repeats."""
    data = fact["data"]
    if data["kind"] not in pair.stops or fact["id"] == started_by["id"]:
        return False
    if is_cancellation(fact) and data["kind"] != "change_answered":
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
