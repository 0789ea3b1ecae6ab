"""The documents of one transaction: what decisions want said to trading partners is written, queued and remembered.

Part of transaction 2. What is known is read in two queries for all of them; control numbers are taken only for what
can be written, and what cannot be written takes none. Each document is a write-back, is registered with its control
numbers, and is a fact of ours, so that the clocks that it answers stop.

The exceptions of one business that are decided together are said together: the first of them writes the document, and
the mapping sees the others. What we said last is not said again: a document that says the same as the last one of its
kind about the same business is the same intent.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from canonical import taxonomy
from crossdock import clocks, deadletters, detect
from crossdock.edi import exchanges, outgoing
from crossdock.edi.plan import (
    ANSWERS,
    CONTENT,
    WRITE_BACK,
    Knowledge,
    Planned,
    about_of,
    document_mapping,
    plan,
)
from crossdock.errors import CrossdockError
from crossdock.mapping import OutboundMapping
from crossdock.messages import Action, Decision, Stage, derived_id
from crossdock.partners import Partner
from crossdock.reconcile import Said
from crossdock.registry import Registry
from crossdock.store import clockwork, outbox, told
from crossdock.writebacks import decision_id_of, write_back_row

if TYPE_CHECKING:
    from crossdock.store.transaction import Transaction

MOST_KNOWN: Final = 2_000
"""So many facts, and so many open cases, about the business of one transaction are looked at: the newest."""

_ANSWERS: Final = ("change_answered",)
"""Facts of ours that change what we say of an order from then on."""

Decided = tuple[Said, Decision]


class _SaidAlready(Exception):
    """The last document of its kind says the same."""


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
        facts = clockwork.facts_about(self._connection, self._tenant, words, kinds, each=MOST_KNOWN)
        for one in facts:
            self._known.stated(one.document, one.partner)
        self._known.unsaid = self._unsaid([one.document for one in facts])
        wanted = {mapping.action for mapping in mappings.values()}
        codes = [code.code for code in taxonomy.codes().values() if not wanted.isdisjoint(code.actions)]
        bare = {word for event in events.values() for word in detect.reference_words(event)}
        for event, actions in told.open_events(self._connection, self._tenant, bare, codes, MOST_KNOWN):
            self._known.open(event, actions)
        for said, decision in decided:
            if not words.isdisjoint(clocks.words(said.document)):
                self._known.decided(said.document, decision)

    def _unsaid(self, facts: Sequence[Mapping[str, Any]]) -> set[str]:
        """The write-backs of those answers of ours that the target refused or a person discarded."""
        answers = {
            fact["data"]["attributes"][WRITE_BACK]
            for fact in facts
            if fact["data"]["kind"] in _ANSWERS and WRITE_BACK in fact["data"].get("attributes", {})
        }
        every = {uuid.UUID(one) for one in answers}
        return {str(one) for one in every - told.holding(self._connection, self._tenant, every)}

    def mapping_of(self, action: Action) -> OutboundMapping | None:
        """The mapping of an action that is a document to a trading partner; ``None``: it is something else."""
        return document_mapping(self._registry, action)

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
        about = about_of(mapping, action, event)
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
                written = outgoing.write(planned.draft, planned.partner, numbers, self._now)
                facts = self._facts(written, planned, event, key)
        except _SaidAlready:
            self._covered[about] = None
            return [], None
        except CrossdockError as fault:
            return self._refused(about, fault)
        self._covered[about] = None
        self._registered.append((key, written.body.body, planned.partner))
        for fact in facts:
            if fact["data"]["kind"] in _ANSWERS:
                self._known.answered(fact, planned.partner.name)
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
            gated=action.gated,
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
        for key, body, partner in self._registered:
            exchanges.note_written(self._connection, self._tenant, key, body, partner, self._now)

    def _take(self, partner: Partner) -> outgoing.Numbers:
        return outgoing.Numbers(
            interchange=self._numbers.take(partner.name, "interchange"),
            group=self._numbers.take(partner.name, "group"),
            set=self._numbers.take(partner.name, "set"),
        )

    def _facts(
        self, written: outgoing.Written, planned: Planned, event: Mapping[str, Any], key: uuid.UUID
    ) -> list[dict[str, Any]]:
        try:
            return outgoing.facts_of(
                written,
                planned.partner,
                self._registry,
                event,
                tenant=self._tenant,
                source=planned.target,
                now=self._now,
                attributes={
                    **planned.draft.kept,
                    WRITE_BACK: str(key),
                    CONTENT: planned.content,
                    **({ANSWERS: planned.answers} if planned.answers else {}),
                },
            )
        except CrossdockError:
            raise
        except Exception as fault:
            # an inbound mapping is code of its own
            raise CrossdockError(deadletters.problem_of(fault, Stage.DECIDE).sentence) from fault


def key_of(tenant: str, action: Action, planned: Planned) -> uuid.UUID:
    """The intent key of a document: what it says to whom, after what was said before."""
    return derived_id("document", tenant, planned.target, action.operation, planned.content, planned.before)
