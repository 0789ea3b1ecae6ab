"""What a decision wants said to a trading partner, before it is written: to whom, by which connector, and what.

Pure: all that is known is handed in. The store reads it for the transaction (``outbox``), ``crossdock try`` has
it from the file alone.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canonical.events import reference_key
from crossdock import clocks
from crossdock.edi import outgoing
from crossdock.errors import CrossdockError
from crossdock.mapping import Draft, Known, OutboundMapping, Told
from crossdock.messages import Action, Decision
from crossdock.partners import Partner
from crossdock.registry import Registry
from crossdock.writebacks import decision_id_of

CONTENT: Final = "content"
WRITE_BACK: Final = "write_back"
ANSWERS: Final = "answers"
"""Attributes of a fact that we said ourselves: what it means, as a hash, the write-back that holds it, and the
document of the partner that it answers (``document_key``)."""


Document = Mapping[str, Any]
"""A sealed fact or event."""

Fact = tuple[Document, str | None]
"""A fact, and the name of the partner whose it is."""

Opened = tuple[Document, Sequence[Mapping[str, Any]]]
"""An open exception, with the actions that its decision wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A document before it is written: for whom, to which connector, and what it says."""

    partner: Partner
    target: str
    draft: Draft
    content: str
    answers: str = ""  # the document of the partner that it answers, where it answers one
    before: str = ""  # the write-back of the last document of its kind about the same business
    repeats: bool = False  # that one says the same


class Knowledge:
    """What is known of the business of some events: facts with their partners, and open exceptions with the actions
    that their decisions want. ``now`` are the events of this transaction; ``unsaid`` are write-backs of ours that
    nobody got: what they say counts for nothing."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.told: dict[str, Opened] = {}
        self.now: set[str] = set()
        self.unsaid: set[str] = set()
        self._answered: list[Fact] = []
        self._facts_by_word: dict[str, list[int]] = {}
        self._told_by_word: dict[str, dict[str, None]] = {}

    def stated(self, fact: Document, partner: str | None) -> None:
        """A fact, and whose it is. To be told oldest first."""
        for word in clocks.words(fact):
            self._facts_by_word.setdefault(word, []).append(len(self.facts))
        self.facts.append((fact, partner))

    def answered(self, fact: Document, partner: str) -> None:
        """What we answered in this very transaction. It is no earlier word of ours: of one transaction everything is
        said once."""
        self._answered.append((fact, partner))

    def open(self, event: Document, actions: Sequence[Mapping[str, Any]]) -> None:
        """An open exception, with the actions that its decision wants."""
        for word in clocks.words(event):
            self._told_by_word.setdefault(word, {})[event["id"]] = None
        self.told[event["id"]] = (event, actions)

    def decided(self, event: Document, decision: Decision) -> None:
        """This event and its decision are of this transaction."""
        actions = [
            {"operation": action.operation, "arguments": dict(action.arguments)}
            for action in decision.actions
        ]
        self.open(event, actions)
        self.now.add(event["id"])

    def counts(self, event: Document) -> Iterator[Fact]:
        """The facts that share a reference with this event and hold: oldest first, those of this transaction last."""
        words = set(clocks.words(event))
        facts, _ = self.about(event)
        for fact, whose in facts:
            if fact["data"].get("attributes", {}).get(WRITE_BACK) not in self.unsaid:
                yield fact, whose
        for fact, whose in self._answered:
            if not words.isdisjoint(clocks.words(fact)):
                yield fact, whose

    def about(self, event: Document) -> tuple[list[Fact], list[Opened]]:
        """What of it shares a reference with this event, each in its order."""
        words = clocks.words(event)
        facts = sorted({at for word in words for at in self._facts_by_word.get(word, ())})
        ids = {id: None for word in words for id in self._told_by_word.get(word, ())}
        return [self.facts[at] for at in facts], [self.told[id] for id in ids]


def plan(
    mapping: OutboundMapping,
    event: Mapping[str, Any],
    decision: Decision,
    action: Action,
    known: Knowledge,
    *,
    tenant: str,
    registry: Registry,
    partners: Mapping[str, Partner],
    case_id: uuid.UUID,
) -> Planned:
    """What an action says and to whom. Touches nothing. Raises what the mapping raises."""
    facts, told = known.about(event)
    partner = outgoing.partner_of(mapping, event, action.arguments, partners, facts)
    target = outgoing.target_of(action, partner, registry)
    draft = mapping.write(
        event,
        decision,
        action.arguments,
        exception_id=str(case_id),
        decision_id=str(decision_id_of(event)),
        known=Known(
            partner=partner,
            tenant=tenant,
            facts=[
                fact
                for fact, whose in known.counts(event)
                if fact["data"]["kind"] in mapping.knows and whose in (None, partner.name)
            ],
            told=[_told(other, actions, mapping, known.now) for other, actions in told],
        ),
    )
    content = outgoing.content_of(draft, partner)
    last = _last(mapping, facts, partner)
    return Planned(
        partner=partner,
        target=target,
        draft=draft,
        content=content,
        answers=document_key(event) if mapping.per_document else "",
        before=last.get(WRITE_BACK, ""),
        repeats=last.get(CONTENT) == content,
    )


def _last(mapping: OutboundMapping, facts: Sequence[Fact], partner: Partner) -> Mapping[str, str]:
    """The attributes of what we said last of this kind about this business."""
    kind = mapping.document.replace("/", "_")
    for fact, whose in reversed(facts):
        attributes: Mapping[str, str] = fact["data"].get("attributes", {})
        ours = WRITE_BACK in attributes and fact["data"]["provenance"]["mapping"] == kind
        if ours and whose == partner.name:
            return attributes
    return {}


def document_mapping(registry: Registry, action: Action) -> OutboundMapping | None:
    """The mapping of an action that is a document to a trading partner; ``None``: it is something else."""
    try:
        mapping = registry.outbound(action.operation)
    except CrossdockError:
        return None  # it is told where every other broken mapping is: when its action is written
    return mapping if mapping is not None and mapping.document else None


def _told(
    event: Mapping[str, Any],
    actions: Iterable[Mapping[str, Any]],
    mapping: OutboundMapping,
    now: set[str],
) -> Told:
    wanted = [action["arguments"] for action in actions if action["operation"] == mapping.operation]
    return Told(event=event, arguments=wanted[0] if wanted else None, now=event["id"] in now)


def document_key(statement: Document) -> str:
    """The document that a statement was said by: its message, and its numbers there. What follows from a document
    has the key of that one."""
    provenance = statement["data"]["provenance"]
    place = provenance["place"].get("x12", {})
    return "/".join((provenance["raw_id"], *(place.get(name, "") for name in ("isa13", "gs06", "st02"))))


def about_of(mapping: OutboundMapping, action: Action, event: Mapping[str, Any]) -> str:
    """What is said together: the exceptions about one business number, and about one document of the partner where
    the answer is to that."""
    parts = [action.target, action.operation, reference_key(event["data"]["refs"][0])]
    if mapping.per_document:
        parts.append(document_key(event))
    return "|".join(parts)
