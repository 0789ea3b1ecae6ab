"""Try: what a file would come to, with nothing written anywhere: no store, no connection, no control number."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypedDict

from crossdock import clocks, detect, matching
from crossdock.deadletters import problem_of
from crossdock.decide import Router
from crossdock.edi import outgoing
from crossdock.edi.plan import Knowledge, about_of, document_mapping, plan
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.formats import x12
from crossdock.formats.tabular.dialect import DELIMITERS
from crossdock.formats.tabular.workbook import is_workbook
from crossdock.mapping import Body
from crossdock.messages import Action, Decision, RawMessage, Stage
from crossdock.normalize import Normalizer, PartResult
from crossdock.partners import Partner, Partners
from crossdock.ports import Clock, Manifest
from crossdock.registry import Registry
from crossdock.writebacks import decision_id_of, write_body

PLACEHOLDERS: Final = outgoing.Numbers(interchange=1, group=1, set=1)
"""Control numbers of what would be written: real ones come from the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedWriteBack:
    """A write-back that would go out, or the reason why it could not be written.

    ``gated``: it would wait until a person agrees. ``together``: it would belong to a saga, and ``undo`` takes it
    back: ``erp:release``, ``nothing``, or ``person``.
    """

    target: str
    operation: str
    event_id: str
    body: Body | None
    error: str | None = None
    gated: bool = False
    together: bool = False
    undo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedAcknowledgement:
    """An answer that the sender would get. Its control numbers are placeholders: real ones come from the store."""

    partner: str
    target: str
    text: str
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedClock:
    """A clock that a fact would start: when it runs out, and what it opens then. ``answered``: the same file holds
    what it waits for, so that it would not run."""

    name: str
    fact_id: str
    due_at: datetime
    limit: str
    exception: str
    title: str
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedMatch:
    """What does not fit between the documents of this file alone; those that came before are not known here."""

    name: str
    fact_id: str
    code: str
    title: str
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a file would come to. ``decisions`` match the events of ``parts``, in order. ``answers``: by the id of a
    fact the clocks that it would end where they run."""

    name: str
    document: str
    source: str
    bytes: int
    parts: Sequence[PartResult]
    events: Sequence[Mapping[str, Any]]
    facts: Sequence[Mapping[str, Any]]
    decisions: Sequence[Decision]
    write_backs: Sequence[TriedWriteBack]
    acknowledgements: Sequence[TriedAcknowledgement]
    clocks: Sequence[TriedClock]
    answers: Mapping[str, Sequence[str]]
    matches: Sequence[TriedMatch]


def try_file(
    body: bytes,
    *,
    name: str,
    registry: Registry,
    partners: Partners,
    router: Router,
    clock: Clock,
    tenant: str,
    document: str | None = None,
    partner: str | None = None,
) -> Trial:
    """Parse, map and decide a file as if it had come from a source of its kind.

    ``document``: "x12", "erp_order_hold", ...; guessed from the first bytes when not given. ``partner``: take every
    interchange as this partner's, whatever ids it carries and whomever it addresses. Raises ``Misconfigured`` for an
    unknown partner or kind.
    """
    kind = document or guess(body, registry)
    manifest = _source_of(kind, registry)
    now = clock.now()
    message = RawMessage(
        tenant=tenant,
        source=manifest.name,
        key="try",
        body=body,
        media_type=manifest.source.media_type if manifest.source else "application/octet-stream",
        received_at=now,
        name=name,
    )
    assumed = _as_addressed(partners.named(partner), body) if partner else None
    normalizer = Normalizer(registry=registry, partners=partners, clock=clock, assume=assumed)
    normalized = normalizer.normalize(message, document=kind)
    documents = [doc for part in normalized.parts for doc in part.documents]
    events = [doc for doc in documents if "code" in doc["data"]]
    decisions = router.decide(events)
    by_name = {known.name: known for known in partners}
    facts = [
        (doc, by_name.get(part.partner or ""))
        for part in normalized.parts
        for doc in part.documents
        if _is_fact(doc)
    ]
    return Trial(
        name=name,
        document=kind,
        source=manifest.name,
        bytes=len(body),
        parts=normalized.parts,
        events=events,
        facts=[doc for doc in documents if "code" not in doc["data"]],
        decisions=[_with_error(decision) for decision in decisions],
        write_backs=list(
            _try_writes(
                list(zip(events, decisions, strict=True)),
                [(doc, part.partner) for part in normalized.parts for doc in part.documents if _is_fact(doc)],
                registry=registry,
                partners=partners,
                tenant=tenant,
                now=now,
            )
        ),
        acknowledgements=[
            TriedAcknowledgement(
                partner=wanted.partner,
                target=wanted.target,
                text=wanted.text,
                body=wanted.write(interchange_number=1, group_number=1, first_set_number=1, now=now),
            )
            for wanted in normalized.acknowledgements
        ],
        clocks=list(_try_clocks(facts)),
        answers={doc["id"]: found for doc, sender in facts if (found := _ended_by(doc, sender))},
        matches=list(_try_matching(facts)),
    )


def _as_addressed(partner: Partner, body: bytes) -> Partner:
    """The partner as it would be if it had sent this: it calls us as the first interchange does. A copy of what we
    sent stays one."""
    opened = next((item for item in x12.read(io.BytesIO(body)) if isinstance(item, x12.Interchange)), None)
    if opened is None or (opened.sender_qualifier, opened.sender) == partner.ours:
        return partner
    return replace(partner, ours=(opened.receiver_qualifier, opened.receiver))


def guess(body: bytes, registry: Registry) -> str:
    """The kind of document, from its first bytes. JSON and XML have one kind each here, or must be named; so must
    the list that a workbook or a CSV file is."""
    table = "a workbook" if is_workbook(body) else "CSV" if _looks_like_csv(body) else ""
    if table:
        lists = [name for name, one in registry.inbound_mappings().items() if one.layout is not None]
        raise Misconfigured(
            f"this is {table}, and which list it is must be said: --document {' | '.join(sorted(lists))}"
        )
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start not in (b"{", b"[", b"<"):
        return "x12"
    family = "xml" if start == b"<" else "json"
    kinds = sorted(
        {
            manifest.source.document
            for manifest in registry.manifests().values()
            if manifest.source is not None and family in manifest.source.media_type
        }
    )
    if len(kinds) == 1:
        return kinds[0]
    raise Misconfigured(
        f"this is {family.upper()}, and which document it is must be said: --document {' | '.join(kinds)}"
    )


def _looks_like_csv(body: bytes) -> bool:
    """Whether the first line is a header of several cells, and no interchange is in it."""
    first = body.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    several = any(len(first.split(one.encode())) > 1 for one in DELIMITERS)
    return several and first[:1] not in b"{[<" and b"ISA" not in body and b"~" not in first


def _source_of(kind: str, registry: Registry) -> Manifest:
    for manifest in registry.manifests().values():
        if manifest.source is not None and manifest.source.document == kind:
            return manifest
    kinds = sorted({m.source.document for m in registry.manifests().values() if m.source is not None})
    raise Misconfigured(f"no source gives documents of kind '{kind}'; known kinds: {', '.join(kinds)}")


def _with_error(decision: Decision) -> Decision:
    return replace(decision, queue="triage") if decision.error else decision


def _try_clocks(facts: Sequence[tuple[Mapping[str, Any], Partner | None]]) -> Iterator[TriedClock]:
    """What would be awaited, and until when."""
    for fact, partner in facts:
        for running in clocks.started(fact, partner):
            opened = clocks.overdue(running.pair.name, fact, partner, running.due_at, str(running.limit))
            yield TriedClock(
                name=running.pair.name,
                fact_id=fact["id"],
                due_at=running.due_at,
                limit=str(running.limit),
                exception=opened.code,
                title=opened.title,
                answered=any(
                    clocks.stops(running.pair, fact, other)
                    and not set(running.words).isdisjoint(clocks.words(other, running.pair.match))
                    for other, _ in facts
                ),
            )


def _ended_by(fact: Mapping[str, Any], partner: Partner | None) -> list[str]:
    """The clocks that a fact is an answer for, as far as it alone can tell."""
    if partner is None or clocks.is_cancellation(fact):
        return []
    sends = partner.may_send if clocks.direction_of(fact) == "in" else partner.may_receive
    return [
        pair.name
        for pair in clocks.pairs().values()
        if fact["data"]["kind"] in pair.stops
        and (pair.answer is None or sends(pair.answer))
        and clocks.words(fact, pair.match)
    ]


def _try_matching(facts: Sequence[tuple[Mapping[str, Any], Partner | None]]) -> Iterator[TriedMatch]:
    """What does not fit between the documents of the file."""
    papers = [
        matching.Paper(fact, partner) for fact, partner in facts if fact["data"]["kind"] in matching.KINDS
    ]
    for finding in matching.check(matching.Dossier(papers)):
        yield TriedMatch(
            name=finding.name,
            fact_id=finding.paper.id,
            code=finding.exception.code,
            title=finding.exception.title,
            detail=finding.exception.detail,
        )


def _is_fact(document: Mapping[str, Any]) -> bool:
    return "code" not in document["data"]


def _try_writes(
    decided: Sequence[tuple[Mapping[str, Any], Decision]],
    facts: Sequence[tuple[Mapping[str, Any], str | None]],
    *,
    registry: Registry,
    partners: Partners,
    tenant: str,
    now: datetime,
) -> Iterator[TriedWriteBack]:
    """What the decisions write. Of documents to trading partners only this file is known: no order that came before,
    and of several exceptions that one document tells the first stands for all."""
    known = Knowledge()
    for fact, partner in facts:
        known.stated(fact, partner)
    for event, decision in decided:
        known.decided(event, decision)
    by_name = {partner.name: partner for partner in partners}
    covered: set[str] = set()
    for event, decision in decided:
        for action in decision.actions:
            mapping = document_mapping(registry, action)
            if mapping is None:
                yield _try_write(registry, event, decision, action, tenant)
                continue
            if (about := about_of(mapping, action, event)) in covered:
                continue
            covered.add(about)
            target, body, error = action.target, None, None
            try:
                planned = plan(
                    mapping,
                    event,
                    decision,
                    action,
                    known,
                    tenant=tenant,
                    registry=registry,
                    partners=by_name,
                    case_id=detect.case_id(tenant, event),
                )
                target = planned.target
                body = outgoing.write(planned.draft, planned.partner, PLACEHOLDERS, now).body
            except Exception as fault:
                # a mapping is code of its own
                error = problem_of(fault, Stage.DECIDE).sentence
            yield TriedWriteBack(
                target=target, operation=action.operation, event_id=event["id"], body=body, error=error,
                **_belonging(decision, action),
            )  # fmt: skip


def _try_write(
    registry: Registry, event: Mapping[str, Any], decision: Decision, action: Action, tenant: str
) -> TriedWriteBack:
    try:
        body, error = (
            write_body(
                registry,
                event,
                decision,
                action,
                case_id=str(detect.case_id(tenant, event)),
                decision_id=str(decision_id_of(event)),
            ),
            None,
        )
    except CrossdockError as fault:
        body, error = None, str(fault)
    return TriedWriteBack(
        target=action.target, operation=action.operation, event_id=event["id"], body=body, error=error,
        **_belonging(decision, action),
    )  # fmt: skip


class _Belonging(TypedDict):
    gated: bool
    together: bool
    undo: str | None


def _belonging(decision: Decision, action: Action) -> _Belonging:
    undo = f"{action.undo.target}:{action.undo.operation}" if isinstance(action.undo, Action) else action.undo
    return {
        "gated": action.gated,
        "together": decision.together,
        "undo": str(undo) if undo is not None else None,
    }
