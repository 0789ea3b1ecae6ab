"""One part of a message: mapped, sealed, and judged by its schema; or set aside, with the reason."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from canonical.events import EVENT_SCHEMA, Fact, Origin, Seal, Statement
from canonical.taxonomy import UnknownCode
from canonical.validate import validator
from crossdock import blocked
from crossdock.errors import CrossdockError, Place, Unacceptable, Unreadable
from crossdock.limits import limit
from crossdock.mapping import InboundMapping
from crossdock.messages import NAMESPACE, PartState, Problem, Stage
from crossdock.normalize.values import Document, Opened, PartResult
from crossdock.partners import MappingContext, Partner
from crossdock.wires.watchdog import within_cpu


def map_part(
    opened: Opened,
    mapping: InboundMapping,
    value: Any,
    *,
    ordinal: int,
    label: str,
    partner: Partner | None,
    offset: int = 0,
    length: int | None = None,
    direction: str = "in",
) -> PartResult:
    """Map one part, seal and judge what it says. Whatever fails sets this part aside and no other."""
    versions = {"mapping": f"{mapping.name}/{mapping.version}"}
    message = opened.message
    length = len(message.body) if length is None else length
    try:
        context = MappingContext(
            partner=partner, received_at=message.received_at, tenant=message.tenant, direction=direction
        )
        origin = origin_of(opened, mapping=mapping.name, mapping_version=mapping.version)
        statements = _mapped(mapping, value, context)
        if direction == "out":
            statements = list(_said_by_us(statements))
        documents = list(sealed(statements, origin, part=str(ordinal)))
        if partner is not None and partner.items.known_only and direction == "in":
            _require_known_items(documents, partner)
    except Exception as error:
        # a mapping is code of its own: its faults are this part's and nobody else's
        return PartResult(
            ordinal=ordinal,
            label=label,
            offset=offset,
            length=length,
            state=PartState.DEAD_LETTERED,
            partner=partner.name if partner else None,
            problem=problem_of(error),
            versions=versions,
        )
    return PartResult(
        ordinal=ordinal,
        label=label,
        offset=offset,
        length=length,
        state=PartState.PROCESSED,
        documents=documents,
        repeated=frozenset(
            document["id"]
            for statement, document in zip(statements, documents, strict=True)
            if statement.stated_as
        ),
        partner=partner.name if partner else None,
        versions=versions,
    )


def _said_by_us(statements: Iterable[Statement]) -> Iterator[Statement]:
    """What a copy of our own document states is ours: its facts say so, for clocks and the matching of documents."""
    for statement in statements:
        if isinstance(statement, Fact):
            yield replace(statement, attributes={**statement.attributes, "direction": "out"})
        else:
            yield statement


def _require_known_items(documents: Iterable[Document], partner: Partner) -> None:
    """Raise for the first line whose item the partner's profile does not list under any of its numbers."""
    for document in documents:
        for line in document["data"].get("lines", ()):
            ids = [(item.get("scheme", ""), item["value"]) for item in line.get("item_ids", ())]
            if ids and not any(partner.items.find(*one) for one in ids):
                scheme, value = ids[0]
                raise Unreadable(
                    f"line {line['line_ref']} names the item {value[:40]!r} ({scheme}), which the profile of "
                    f"{partner.name!r} does not list",
                    code="MDM.ITEM_UNKNOWN",
                    remedy=f"Add it under [items] to the profile of partner {partner.name!r}; what waits for it runs "
                    "again by itself.",
                    blocked_by=blocked.item(scheme, value, partner),
                )


def origin_of(opened: Opened, *, mapping: str, mapping_version: str) -> Origin:
    """Where statements come from: the same for all of one part."""
    return Origin(
        tenant=opened.message.tenant,
        source=opened.message.source,
        connector_version=opened.connector_version,
        mapping=mapping,
        mapping_version=mapping_version,
        raw_id=opened.raw_id,
        raw_sha256=opened.sha256,
        received_at=rfc3339(opened.message.received_at),
        recorded_at=rfc3339(opened.now),
    )


def sealed(statements: Iterable[Statement], origin: Origin, *, part: str) -> Iterator[Document]:
    """Seal statements and judge each by its schema. Raises ``Unacceptable`` with every violation of the first bad
    one: what breaks our own schema never leaves the mapping that said it."""
    seal = Seal(origin, namespace=NAMESPACE, part=part)
    for index, statement in enumerate(statements):
        document = seal.put(statement, index)
        judge = validator("exception-event" if document["dataschema"] == EVENT_SCHEMA else "fact", "1.0")
        if not judge.is_valid(document):
            violations = [(found.pointer, found.sentence) for found in judge.violations(document)]
            first = violations[0] if violations else ("", "the two validators disagree")
            raise Unacceptable(
                f"mapping '{origin.mapping}' made a {judge.name} that breaks its schema at "
                f"'{first[0]}': {first[1]}",
                violations=violations,
            )
        yield document


def rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def problem_of(error: Exception) -> Problem:
    """Why a part cannot be normalized, in the words of the error."""
    if isinstance(error, Unacceptable):
        place = Place(json_pointer=error.violations[0][0] if error.violations else None)
        return _problem("INT.SCHEMA_VIOLATION", error, str(error), "Mend the mapping, then replay.", place)
    if isinstance(error, Unreadable):
        remedy = error.remedy or "Ask the sender for a correct document, or mend the mapping and replay."
        return _problem(error.code, error, str(error), remedy, error.place, error.blocked_by)
    if isinstance(error, CrossdockError):
        return _problem("EDI.MAP_FAILURE", error, str(error), "Do what the sentence says, then replay.")
    if isinstance(error, UnknownCode):
        return _problem("EDI.MAP_FAILURE", error, str(error), "Describe the code, then replay.")
    sentence = f"the mapping failed: {type(error).__name__}: {str(error)[:300]}"
    return _problem("EDI.MAP_FAILURE", error, sentence, "Mend the mapping, then replay.")


def _problem(
    code: str,
    error: Exception,
    sentence: str,
    remedy: str,
    place: Place | None = None,
    blocked_by: str = "",
) -> Problem:
    return Problem(
        stage=Stage.NORMALIZE,
        code=code,
        error_class=type(error).__name__,
        sentence=sentence,
        remedy=remedy,
        place=place or Place(),
        blocked_by=blocked_by,
    )


def _mapped(mapping: InboundMapping, value: Any, context: MappingContext) -> list[Statement]:
    """What a mapping says, in the time that a mapping may take. Raises ``Unreadable`` when it takes longer."""
    most_s = limit("mapping_ms") / 1000
    try:
        return within_cpu(most_s, lambda: list(mapping.map(value, context)))
    except TimeoutError:
        raise Unreadable(
            f"mapping '{mapping.name}' was not done with it after {most_s:g} s of computing",
            code="LIMIT.MAPPING",
            remedy="Look at the part: it is larger than the mapping was made for, or the mapping goes round in it.",
        ) from None
