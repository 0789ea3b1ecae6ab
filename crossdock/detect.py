"""Detect: the events of one trouble are one case, and some facts end a trouble.

Pure: what is folded where is decided by the fold key that the event carries, what a fact clears by the taxonomy's
``clears_when``. The store does the folding itself, in the transaction that also writes the events.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from canonical import taxonomy
from crossdock.messages import CaseState, Decision, derived_id

Document = Mapping[str, Any]
"""A sealed fact or event: the CloudEvents envelope with its ``data``."""


def reference_words(document: Document) -> list[str]:
    """The references as a case keeps them and facts look for them: ``supplier_po:4500123456``."""
    return [f"{ref['kind']}:{ref['value']}" for ref in document["data"]["refs"]]


def case_id(tenant: str, event: Document) -> uuid.UUID:
    """The id of the case that this event opens, if it opens one."""
    return derived_id("case", tenant, event["data"]["fold_key"], event["id"])


def case_rows(
    tenant: str, events: Sequence[Document], decisions: Sequence[Decision], now: datetime
) -> list[dict[str, Any]]:
    """One row for each fold key: what its case is opened with, by its first event and that event's decision."""
    rows: dict[str, dict[str, Any]] = {}
    for event, decision in zip(events, decisions, strict=True):
        data = event["data"]
        fold_key = data["fold_key"]
        row = rows.get(fold_key)
        if row is not None:
            row["occurrences"] += 1
            continue
        rows[fold_key] = {
            "tenant": tenant,
            "id": case_id(tenant, event),
            "fold_key": fold_key,
            "code": data["code"],
            "severity": data["severity"],
            "state": CaseState.OPEN,
            "title": data["title"],
            "subject": event["subject"],
            "refs": reference_words(event),
            "queue": decision.queue,
            "owner": decision.owner,
            "priority": decision.priority,
            "occurrences": 1,
            "opened_at": now,
            "last_seen_at": now,
        }
    return list(rows.values())


def could_end(facts: Iterable[Document]) -> tuple[set[str], set[str]]:
    """The codes that facts of these kinds can end, and the references to look for: what the store is asked."""
    codes: set[str] = set()
    words: set[str] = set()
    enders = _codes_by_fact()
    for fact in facts:
        ended = enders.get(fact["data"]["kind"])
        if ended:
            codes.update(ended)
            words.update(reference_words(fact))
    return codes, words


def before_and_after(
    facts: Sequence[Document], events: Sequence[Document], said: Mapping[str, int]
) -> tuple[list[Document], list[Document]]:
    """The facts of a batch in two lots: those that end what was known before it, and those that may end something
    that an event of the same batch says earlier. ``said`` is the place of each statement in the batch, by its id.

    Without this a hold and its release would end differently when they are read together than one after another.
    """
    codes, words = could_end(facts)
    earlier = _first_said([event for event in events if event["data"]["code"] in codes], words, said)
    if not earlier:
        return list(facts), []
    before: list[Document] = []
    after: list[Document] = []
    for fact in facts:
        place = said[fact["id"]]
        late = any(earlier.get(word, place) < place for word in reference_words(fact))
        (after if late else before).append(fact)
    return before, after


def _first_said(events: Iterable[Document], words: set[str], said: Mapping[str, int]) -> dict[str, int]:
    """Where the first of these events stands that names each of ``words``."""
    found: dict[str, int] = {}
    refs: Any = None
    named: list[str] = []
    for event in events:
        if event["data"]["refs"] is not refs:  # those of one document share them
            refs = event["data"]["refs"]
            named = [word for word in reference_words(event) if word in words]
        place = said[event["id"]]
        for word in named:
            found[word] = min(place, found.get(word, place))
    return found


def ended_by(code: str, event: Document, facts: Iterable[Document]) -> Document | None:
    """The first of these facts that ends the trouble of this event, by the taxonomy."""
    rule = taxonomy.codes()[code]
    return next((fact for fact in facts if taxonomy.clears(rule, event["data"], fact["data"])), None)


@cache
def _codes_by_fact() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for code in taxonomy.codes().values():
        for clearance in code.clears_when:
            if not isinstance(clearance, str):
                found.setdefault(clearance.fact, set()).add(code.code)
    return {fact: frozenset(codes) for fact, codes in found.items()}
