"""Inquiries: what a source that must name what it asks about is told of, and no more.

A carrier's tracking answers for numbers that it is given. The hub knows which are open: shipped, by what documents
said, and not delivered. A connector never sees the store; it gets these two questions answered (``ports.Inquiries``).

A number is a carrier's by the carrier that its ship notice names, else by the form of the number.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from crossdock.messages import derived_id
from crossdock.ports import Clock, OpenNumber, Question
from crossdock.store import open_numbers
from crossdock.store.open_numbers import Place, Shipped

if TYPE_CHECKING:
    from crossdock.store.engine import Store

PAGE: Final = 2_000
"""So many numbers are looked at in one query: those that arrived, and those of other carriers, are passed over."""

_form = lru_cache(maxsize=64)(re.compile)


class StoreInquiries:
    """Answers from the store, for one source. Each answer is a transaction of its own that only reads."""

    def __init__(self, store: "Store", *, tenant: str, source: str, clock: Clock) -> None:
        self._store = store
        self._tenant = tenant
        self._source = source
        self._clock = clock

    def open(self, question: Question, *, after: str, most: int) -> Sequence[OpenNumber]:
        """See ``ports.Inquiries``. A place that cannot be read is the beginning."""
        found: list[OpenNumber] = []
        place = _place(after)
        while True:
            page, closed = self._page(question, place)
            for one in page:
                place = one.place
                number = _number(one.word)
                is_open = not closed & {one.word, one.word.partition("@")[0]}
                if is_open and _is_theirs(question, one, number):
                    found.append(OpenNumber(number=number, place=_text(place)))
                    if len(found) == most:
                        return found
            if len(page) < PAGE:
                return found

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        """See ``ports.Inquiries``."""
        ids = {derived_id("raw", self._tenant, self._source, key): key for key in keys}
        with self._store.reading(self._tenant) as connection:
            return frozenset(ids[id] for id in open_numbers.stored_ids(connection, self._tenant, ids))

    def _page(self, question: Question, after: Place | None) -> tuple[list[Shipped], set[str]]:
        """What was shipped behind a place, and which of its numbers are closed, with their issuer or without."""
        with self._store.reading(self._tenant) as connection:
            page = open_numbers.shipped(
                connection,
                self._tenant,
                kind=question.kind,
                since=self._clock.now() - question.within,
                after=after,
                but_source=self._source,
                most=PAGE,
            )
            words = {word for one in page for word in (one.word, one.word.partition("@")[0])}
            return page, open_numbers.closed(connection, self._tenant, words)


def _is_theirs(question: Question, one: Shipped, number: str) -> bool:
    carriers = set(_carriers(one))
    if carriers and not carriers & question.carriers:
        return False
    return _form(question.form).fullmatch(number) is not None


def _carriers(one: Shipped) -> Iterator[str]:
    """The SCACs of whoever carries it, by the fact that it was shipped."""
    if one.carrier:
        yield one.carrier
    for party in one.parties:
        if party.get("role") == "carrier":
            for id in party.get("ids", ()):
                if id.get("scheme") == "scac":
                    yield id["value"]


def _number(word: str) -> str:
    """``tracking:1Z...@issuer`` as the number itself."""
    return unquote(word.partition(":")[2].partition("@")[0])


def _text(place: Place) -> str:
    return f"{place.recorded_at.isoformat()} {place.fact_id} {place.nth}"


def _place(text: str) -> Place | None:
    try:
        recorded_at, fact_id, nth = text.split(" ")
        moment = datetime.fromisoformat(recorded_at)
        return Place(recorded_at=moment, fact_id=uuid.UUID(fact_id), nth=int(nth)) if moment.tzinfo else None
    except ValueError:
        return None
