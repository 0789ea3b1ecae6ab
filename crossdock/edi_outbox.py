"""The documents of one transaction: what decisions want said to trading partners is written, queued and remembered.

Part of transaction 2. What is known is read in two queries for all of them; control numbers are taken only for what
can be written, and what cannot be written takes none. Each document is a write-back, is registered with its control
numbers, and is a fact of ours, so that the clocks that it answers stop.

The exceptions of one business that are decided together are said together: the first of them writes the document, and
the mapping sees the others. What we said last is not said again: a document that says the same as the last one of its
kind about the same business is the same intent.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from canonical import taxonomy
from canonical.events import reference_key
from crossdock import clocks, deadletters, detect, edi_out
from crossdock.errors import CrossdockError
from crossdock.messages import Action, Decision, Stage, derived_id
from crossdock.partners import Partner
from crossdock.reconcile import Said
from crossdock.registry import Draft, Known, OutboundMapping, Registry, Told
from crossdock.store import clockwork, outbox, told
from crossdock.writebacks import decision_id_of, write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_KNOWN: Final = 2_000
"""So many facts, and so many open cases, about the business of one transaction are looked at: the newest."""

Decided = tuple[Said, Decision]

CONTENT: Final = "content"
WRITE_BACK: Final = "write_back"
"""Attributes of a fact that we said ourselves: what it means, as a hash, and the write-back that holds it."""


class _SaidAlready(Exception):
    """The last document of its kind says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A document before it is written: for whom, to which connector, and what it says."""

    partner: Partner
    target: str
    draft: Draft
    content: str
    before: str = ""  # the write-back of the last document of its kind about the same business
    repeats: bool = False  # that one says the same


@dataclass(slots=True)
class Knowledge:
    """What is known of the business of some events: facts with their partners, and open exceptions with the actions
    that their decisions want. ``now`` are the events of this transaction."""

    facts: list[tuple[Mapping[str, Any], str | None]] = field(default_factory=list)
    told: dict[str, tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    now: set[str] = field(default_factory=set)

    def about(self, event: Mapping[str, Any]) -> "Knowledge":
        """What of it shares a reference with this event."""
        words = set(clocks.words(event))
        return Knowledge(
            facts=[pair for pair in self.facts if not words.isdisjoint(clocks.words(pair[0]))],
            told={
                id: (other, actions)
                for id, (other, actions) in self.told.items()
                if not words.isdisjoint(clocks.words(other))
            },
            now=self.now,
        )

    def decided(self, event: Mapping[str, Any], decision: Decision) -> None:
        """This event and its decision are of this transaction."""
        actions = [
            {"operation": action.operation, "arguments": dict(action.arguments)}
            for action in decision.actions
        ]
        self.told[event["id"]] = (event, actions)
        self.now.add(event["id"])


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
    mine = known.about(event)
    partner = edi_out.partner_of(mapping, event, action.arguments, partners, mine.facts)
    target = edi_out.target_of(action, partner, registry)
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
                for fact, whose in mine.facts
                if fact["data"]["kind"] in mapping.knows and whose in (None, partner.name)
            ],
            told=[_told(other, actions, mapping, mine.now) for other, actions in mine.told.values()],
        ),
    )
    return Planned(partner=partner, target=target, draft=draft, content=edi_out.content_of(draft, partner))


def _told(
    event: Mapping[str, Any],
    actions: Iterable[Mapping[str, Any]],
    mapping: OutboundMapping,
    now: set[str],
) -> Told:
    wanted = [action["arguments"] for action in actions if action["operation"] == mapping.operation]
    return Told(event=event, arguments=wanted[0] if wanted else None, now=event["id"] in now)


class Outgoing:
    """What one transaction says to trading partners."""

    def __init__(
        self,
        connection: "Transaction",
        *,
        tenant: str,
        registry: Registry,
        partners: Mapping[str, Partner],
        now: datetime,
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._registry = registry
        self._partners = partners
        self._now = now
        self._numbers = outbox.ControlNumbers(connection, tenant)
        self._known = Knowledge()
        self._covered: dict[str, str | None] = {}
        self._registered: list[tuple[uuid.UUID, bytes, Partner]] = []
        self.facts: list[Said] = []

    def learn(self, decided: Sequence[Decided]) -> None:
        """Read what the documents of these decisions need to know. No document, no query."""
        pairs = [
            (said, decision, mapping)
            for said, decision in decided
            for action in decision.actions
            if (mapping := self.mapping_of(action)) is not None
        ]
        if not pairs:
            return
        events = {said.document["id"]: said.document for said, _, _ in pairs}
        mappings = {mapping.operation: mapping for _, _, mapping in pairs}
        words = {word for event in events.values() for word in clocks.words(event)}
        kinds = {kind for mapping in mappings.values() for kind in mapping.knows}
        facts = clockwork.facts_about(self._connection, self._tenant, words, kinds, MOST_KNOWN)
        self._known.facts = [(one.document, one.partner) for one in facts]
        wanted = {mapping.action for mapping in mappings.values()}
        codes = [code.code for code in taxonomy.codes().values() if not wanted.isdisjoint(code.actions)]
        bare = {word for event in events.values() for word in detect.reference_words(event)}
        for event, actions in told.open_events(self._connection, self._tenant, bare, codes, MOST_KNOWN):
            self._known.told[event["id"]] = (event, actions)
        for said, decision in decided:
            if not words.isdisjoint(clocks.words(said.document)):
                self._known.decided(said.document, decision)

    def mapping_of(self, action: Action) -> OutboundMapping | None:
        """The mapping of an action that is a document to a trading partner; ``None``: it is something else."""
        try:
            mapping = self._registry.outbound(action.operation)
        except CrossdockError:
            return None  # it is told where every other broken mapping is: when its action is written
        return mapping if mapping is not None and mapping.document else None

    def write(
        self,
        said: Said,
        decision: Decision,
        action: Action,
        mapping: OutboundMapping,
        case_id: uuid.UUID,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The write-back of one action, or why there is none. None and no reason: it is said already, by this
        transaction for another line of the same business, or by an earlier one for the same case."""
        event = said.document
        about = _about(mapping, action, event)
        if about in self._covered:
            return [], self._covered[about]
        try:
            planned = plan(
                mapping,
                event,
                decision,
                action,
                self._known,
                tenant=self._tenant,
                registry=self._registry,
                partners=self._partners,
                case_id=case_id,
            )
        except Exception as fault:
            # a mapping is code of its own: its fault is this business's and nobody else's
            return self._refused(about, fault)
        try:
            with self._numbers.attempt():  # what cannot be written takes no number
                numbers = self._take(planned.partner)
                key = key_of(self._tenant, action, planned)
                if self._is_said(planned, key):
                    raise _SaidAlready
                written = edi_out.write(planned.draft, planned.partner, numbers, self._now)
                facts = self._facts(written, planned, event, key)
        except _SaidAlready:
            self._covered[about] = None
            return [], None
        except CrossdockError as fault:
            return self._refused(about, fault)
        self._covered[about] = None
        self._registered.append((key, written.body.body, planned.partner))
        self.facts += [
            Said(document=fact, raw_id=said.raw_id, part=said.part, partner=planned.partner.name)
            for fact in facts
        ]
        row = write_back_row(
            tenant=self._tenant,
            key=key,
            target=planned.target,
            operation=action.operation,
            body=written.body,
            now=self._now,
            case_id=case_id,
            decision_id=decision_id_of(event),
        )
        return [row], None

    def _refused(self, about: str, fault: Exception) -> tuple[list[dict[str, Any]], str]:
        """Not written; and for the other lines of the same business neither, for the same reason."""
        why = deadletters.problem_of(fault, Stage.DECIDE).sentence
        self._covered[about] = why
        return [], why

    def _is_said(self, planned: Planned, key: uuid.UUID) -> bool:
        """Whether this was the last thing that we said, here or in another transaction that was faster. The partner's
        numbers are held, so nobody says it meanwhile."""
        if outbox.has_key(self._connection, self._tenant, str(key)):
            return True
        return planned.repeats and told.still_holds(self._connection, self._tenant, uuid.UUID(planned.before))

    def finish(self) -> None:
        """Write the control numbers that were taken, and register what was written with them."""
        self._numbers.save()
        if not self._registered:
            return
        from crossdock import exchanges

        for key, body, partner in self._registered:
            exchanges.note_written(self._connection, self._tenant, key, body, partner, self._now)

    def _take(self, partner: Partner) -> edi_out.Numbers:
        return edi_out.Numbers(
            interchange=self._numbers.take(partner.name, "interchange"),
            group=self._numbers.take(partner.name, "group"),
            set=self._numbers.take(partner.name, "set"),
        )

    def _facts(
        self, written: edi_out.Written, planned: Planned, event: Mapping[str, Any], key: uuid.UUID
    ) -> list[dict[str, Any]]:
        try:
            return edi_out.facts_of(
                written,
                planned.partner,
                self._registry,
                event,
                tenant=self._tenant,
                source=planned.target,
                now=self._now,
                attributes={WRITE_BACK: str(key), CONTENT: planned.content},
            )
        except CrossdockError:
            raise
        except Exception as fault:
            # an inbound mapping is code of its own
            raise CrossdockError(deadletters.problem_of(fault, Stage.DECIDE).sentence) from fault


def key_of(tenant: str, action: Action, planned: Planned) -> uuid.UUID:
    """The intent key of a document: what it says to whom, after what was said before."""
    return derived_id("document", tenant, planned.target, action.operation, planned.content, planned.before)


def _about(mapping: OutboundMapping, action: Action, event: Mapping[str, Any]) -> str:
    """What is said together: the exceptions about one business number, and about one document of the partner where
    the answer is to that."""
    parts = [action.target, action.operation, reference_key(event["data"]["refs"][0])]
    if mapping.per_document:
        place = event["data"]["provenance"]["place"].get("x12", {})
        parts += [
            event["data"]["provenance"]["raw_id"],
            *(place.get(name, "") for name in ("isa13", "gs06", "st02")),
        ]
    return "|".join(parts)
