"""The two things a mapping can say: a Fact, or an ExceptionEvent.

A mapping builds them from a document and nothing else; ``seal`` puts the CloudEvents 1.0 envelope round them.
The nested values are plain JSON-ready dictionaries, typed here, so that sealing copies nothing.
Numbers that are amounts or quantities are decimal strings ("19.99", "40"); floats are refused by the schema.
The schemas are in ``canonical/schemas/exception-event`` and ``canonical/schemas/fact``; see ``docs/events.md``.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NotRequired, TypedDict

from canonical.ids import SEPARATOR, DerivedIds
from canonical.taxonomy import codes

EVENT_SCHEMA: Final = "urn:crossdock:schema:exception-event:1.0"
FACT_SCHEMA: Final = "urn:crossdock:schema:fact:1.0"
EVENT_TYPE: Final = "io.crossdock.exception.detected.v1"
FACT_TYPE: Final = "io.crossdock.fact.stated.v1"


class Ref(TypedDict):
    """A business number: ``kind`` says of what ("supplier_po"), ``issuer`` who gave it (PO numbers are unique
    only per issuer)."""

    kind: str
    value: str
    scheme: NotRequired[str]
    issuer: NotRequired[str]
    role: NotRequired[str]


class PartyId(TypedDict):
    scheme: str  # gln|duns|duns4|scac|internal|assigned-by-seller|assigned-by-buyer|isa|mutually-defined
    value: str


class Party(TypedDict):
    role: str  # buyer|seller|ship_to|ship_from|bill_to|carrier|warehouse|supplier|customer|broker|owner
    ids: list[PartyId]
    name: NotRequired[str]


class Quantity(TypedDict):
    value: str  # decimal
    uom: str  # UN/ECE Rec 20 code; "ZZ" (mutually defined) where the partner's unit has no known one
    uom_source: NotRequired[str]  # as the document had it
    uom_scheme_source: NotRequired[str]  # "x12-355"


class Money(TypedDict):
    amount: str  # decimal
    currency: str  # ISO 4217
    currency_assumed: NotRequired[bool]


class When(TypedDict):
    """A time as precise as it was said: a date-only statement stays a date."""

    value: str  # "2026-11-20", "2026-11-20T14:02", "2026-11-20T14:02:11-06:00"
    precision: str  # date | minute | second
    tz_source: NotRequired[str]  # explicit | partner-default | location | assumed-utc
    source_text: NotRequired[str]


class Line(TypedDict):
    line_ref: str
    item_ids: NotRequired[list[Ref]]
    ordered: NotRequired[Quantity]
    affected: NotRequired[Quantity]
    unit_price: NotRequired[Money]
    substitutes: NotRequired[list[Ref]]


class Variance(TypedDict):
    attribute: str  # quantity | unit_price | amount | date | item | uom | carrier | party | code | text
    expected: Any
    actual: Any
    delta: NotRequired[Any]


class SourceCode(TypedDict):
    """The partner's own word, kept: ``scheme`` is "x12-668" or the system's name for its list."""

    scheme: str
    code: str
    text: NotRequired[str]
    mapped: NotRequired[bool]


class X12Place(TypedDict):
    """Where in an interchange: ``segment_ordinal`` counts from 1 at the ST of the transaction set."""

    isa13: NotRequired[str]
    gs06: NotRequired[str]
    st01: NotRequired[str]
    st02: NotRequired[str]
    segment_ordinal: NotRequired[int]
    segment_id: NotRequired[str]
    path: NotRequired[str]


class DocumentPlace(TypedDict):
    """Where in the document a statement was found. One of the fields, by the kind of document."""

    x12: NotRequired[X12Place]
    json_pointer: NotRequired[str]
    xpath: NotRequired[str]
    row: NotRequired[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a document states that is no exception by itself.

    ``kind``, one of ``taxonomy.FACT_KINDS``, with the X12 sets that state it:

    * ``ordered``: a buyer orders (850).
    * ``change_requested``: a buyer changes or cancels an order (860).
    * ``change_answered``: the seller answers the change (865).
    * ``acknowledged``: the seller answers the order (855).
    * ``shipped``: goods left (856, 945, 943; 867 outward).
    * ``delivered``: goods arrived where they were going (214).
    * ``received``: the receiver counted them (861, 944).
    * ``invoiced``: somebody asks for money (810, 210).
    * ``tendered``: a load is offered to a carrier (204).
    * ``tender_answered``: the carrier answers the offer (990).
    * ``instructed``: a warehouse is told to ship (940).
    * ``inquired``: a buyer asks how an order stands (869).
    * ``released``: a hold is off.
    * ``status``: how an order or a shipment stands (870, 214).
    * ``inventory``: what is on hand, sold or on order somewhere (846, 852).
    * ``adjusted``: a stock figure or an amount was corrected (947, 812).
    * ``paid``: money was sent, and for what (820).
    * ``returned``: goods go back, or may go back (180, 867).
    * ``application_advice``: the receiver's application accepts or refuses a document (824).
    * ``acknowledgement``: an interchange, a group or a set was read, or was not (TA1, 997, 999).

    Facts start and stop clocks, and clear cases (``clears_when`` in the taxonomy). Of ``attributes`` the taxonomy
    reads these: ``purpose`` (X12 element 353; ``01`` takes back an earlier fact), ``answer`` of a fact that answers
    (``accepted``, or anything else), ``complete`` (``true``: nothing of it is still to come).

    ``stated_as``: what its sender knows the statement by, where later documents say it again (a carrier answers with
    the whole history of a package each time). Its id then follows from that and not from the document, and it is
    recorded once, with the document that said it first.
    """

    kind: str
    refs: Sequence[Ref]
    place: DocumentPlace
    occurred_at: When | None = None
    parties: Sequence[Party] = ()
    lines: Sequence[Line] = ()
    source_codes: Sequence[SourceCode] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    stated_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionEvent:
    """One trouble, on one line where it concerns a line.

    ``code`` is of the taxonomy (``INV.BACKORDER``): what happened. ``cause`` is why, when it was said.
    ``refs[0]`` is the business key that the case is folded by. ``severity`` is the taxonomy's unless given.
    ``stated_as``: as of a Fact.
    """

    code: str
    title: str
    refs: Sequence[Ref]
    place: DocumentPlace
    cause: str | None = None
    detail: str | None = None
    severity: str | None = None
    occurred_at: When | None = None
    parties: Sequence[Party] = ()
    lines: Sequence[Line] = ()
    variances: Sequence[Variance] = ()
    source_codes: Sequence[SourceCode] = ()
    value_at_risk: Money | None = None
    method: str = "code-map"  # rule | code-map | timer | model | manual
    ext: Mapping[str, Any] = field(default_factory=dict)
    stated_as: str | None = None


Statement = Fact | ExceptionEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What ``seal`` must know of the raw message and of the mapping: the same for all statements of a part."""

    tenant: str
    source: str  # the connector's name
    connector_version: str
    mapping: str
    mapping_version: str
    raw_id: str
    raw_sha256: str
    received_at: str  # RFC 3339
    recorded_at: str  # RFC 3339, when the hub normalized it


def event_ids(namespace: uuid.UUID, origin: Origin, part: str) -> DerivedIds:
    """Derived from raw message, mapping, part and index: mapping the same message again gives the same ids."""
    return DerivedIds(namespace, "event", origin.raw_id, origin.mapping, part)


def stated_ids(namespace: uuid.UUID, origin: Origin) -> DerivedIds:
    """Derived from what the sender knows a statement by (``stated_as``): the same from each document that says it."""
    return DerivedIds(namespace, "stated", origin.tenant, origin.source, origin.mapping)


_SEVERITY_TEXT: Final = {"S1": "ERROR", "S2": "WARN", "S3": "INFO", "S4": "DEBUG"}
_SEVERITY_NUMBER: Final = {"S1": 17, "S2": 13, "S3": 9, "S4": 5}
"""CloudEvents severity extension, numbered as OpenTelemetry does."""

_TITLE_LONGEST: Final = 200
_DETAIL_LONGEST: Final = 4000


def seal(
    statement: Statement,
    origin: Origin,
    *,
    namespace: uuid.UUID,
    part: str,
    index: int,
    causation_id: str | None = None,
    classification: str = "confidential",
) -> dict[str, Any]:
    """Put the CloudEvents 1.0 envelope round one statement: see ``Seal``, which does it to all of a part."""
    same = Seal(
        origin, namespace=namespace, part=part, causation_id=causation_id, classification=classification
    )
    return same.put(statement, index)


class Seal:
    """Puts the CloudEvents 1.0 envelope round the statements of a part: what is validated, stored and sent.

    ``part`` and the index say which statement of the raw message this is; with the raw message and the mapping they
    derive the id, so sealing again gives the same id. What all statements of the part have in common is made once.
    """

    __slots__ = ("_event", "_fact", "_ids", "_keys", "_provenance", "_recorded_at", "_stated", "_tenant")

    def __init__(
        self,
        origin: Origin,
        *,
        namespace: uuid.UUID,
        part: str,
        causation_id: str | None = None,
        classification: str = "confidential",
    ) -> None:
        self._tenant, self._recorded_at = origin.tenant, origin.recorded_at
        self._ids = event_ids(namespace, origin, part)
        self._stated = stated_ids(namespace, origin)
        self._keys: dict[tuple[str, str, str | None], str] = {}
        self._provenance = {
            "connector": origin.source,
            "connector_version": origin.connector_version,
            "mapping": origin.mapping,
            "mapping_version": origin.mapping_version,
            "raw_id": origin.raw_id,
            "raw_sha256": origin.raw_sha256,
            "received_at": origin.received_at,
        }
        # the fields in their order; those that are empty here are each statement's own
        self._event: dict[str, Any] = {
            "specversion": "1.0",
            "id": "",
            "source": f"/{origin.tenant}/{origin.source}",
            "type": EVENT_TYPE,
            "subject": "",
            "time": origin.recorded_at,
            "recordedtime": origin.recorded_at,
            "datacontenttype": "application/json",
            "dataschema": EVENT_SCHEMA,
            "tenantid": origin.tenant,
            "partitionkey": "",
            "correlationid": "",
            "dataclassification": classification,
        }
        if causation_id is not None:
            self._event["causationid"] = causation_id
        self._fact = {**self._event, "type": FACT_TYPE, "dataschema": FACT_SCHEMA}

    def put(self, statement: Statement, index: int) -> dict[str, Any]:
        """One statement in its envelope. Kind, default severity and fold key come of the taxonomy.

        The nested values are put in as they are: whoever changes them afterwards changes the event.
        Absent values are left out, never null. Titles over 200 and details over 4,000 characters are cut, ending
        in "…". Raises ``taxonomy.UnknownCode`` for a code that is not described, ``ValueError`` for a statement
        without refs.
        """
        if not statement.refs:
            raise ValueError(
                "a statement needs a reference: without a business number nobody can find what it is about"
            )
        first = statement.refs[0]
        lines = statement.lines
        line_ref = ""
        if lines and (len(lines) == 1 or isinstance(statement, ExceptionEvent)):
            line_ref = lines[0]["line_ref"]
        known = first["kind"], first["value"], first.get("issuer")
        key = self._keys.get(known)
        if key is None:
            key = self._keys[known] = reference_key(first)
        event = (self._fact if isinstance(statement, Fact) else self._event).copy()
        event["id"] = (
            self._ids.of(str(index))
            if not statement.stated_as
            else self._repeated_id(statement, statement.stated_as)
        )
        event["subject"] = _subject(first, line_ref)
        event["partitionkey"] = f"{self._tenant}|{key}"
        event["correlationid"] = key
        data: dict[str, Any]
        if isinstance(statement, Fact):
            data = {
                "kind": statement.kind,
                "stated_at": self._recorded_at,
                "refs": statement.refs,
                "provenance": {**self._provenance, "place": statement.place},
            }
            if statement.attributes:
                data["attributes"] = statement.attributes
        else:
            code = codes()[statement.code]
            severity = statement.severity or code.severity
            title = statement.title
            sources = statement.source_codes
            event["severitytext"] = _SEVERITY_TEXT.get(severity, severity)
            event["severitynumber"] = _SEVERITY_NUMBER.get(severity, 0)
            fold = code.fold.format(
                code=code.code,
                ref0=key,
                line=f"line:{_escaped(line_ref)}" if line_ref else "",
                source0=f"{sources[0]['scheme']}:{_escaped(sources[0]['code'])}" if sources else "",
            )
            data = {
                "code": code.code,
                "kind": code.kind,
                "title": title if len(title) <= _TITLE_LONGEST else title[: _TITLE_LONGEST - 1] + "…",
                "severity": severity,
                "detected_at": self._recorded_at,
                "refs": statement.refs,
                "classification": {"method": statement.method},
                "fold_key": f"{self._tenant}|{fold}",
                "provenance": {**self._provenance, "place": statement.place},
            }
            if statement.cause:
                data["cause"] = statement.cause
            if statement.detail:
                detail = statement.detail
                data["detail"] = (
                    detail if len(detail) <= _DETAIL_LONGEST else detail[: _DETAIL_LONGEST - 1] + "…"
                )
            if statement.variances:
                data["variances"] = statement.variances
            if statement.value_at_risk is not None:
                data["value_at_risk"] = statement.value_at_risk
            if statement.ext:
                data["ext"] = statement.ext
        if statement.occurred_at is not None:
            data["occurred_at"] = statement.occurred_at
        if statement.parties:
            data["parties"] = statement.parties
        if lines:
            data["lines"] = lines
        if statement.source_codes:
            data["source_codes"] = statement.source_codes
        event["data"] = data
        return event

    def _repeated_id(self, statement: Statement, known_as: str) -> str:
        """The id of what later documents say again. A fact and an event may be known by the same words."""
        kind = "fact" if isinstance(statement, Fact) else statement.code
        return self._stated.of(f"{kind} {known_as.replace(SEPARATOR, ' ')}")


def reference_key(ref: Ref) -> str:
    """``kind:value``, with ``@issuer`` where one is known: the business key that folds, orders and correlates."""
    key = f"{ref['kind']}:{_escaped(ref['value'])}"
    issuer = ref.get("issuer")
    return f"{key}@{_escaped(issuer)}" if issuer else key


def _subject(ref: Ref, line_ref: str) -> str:
    """``kind/value`` or ``kind/value/line/n``."""
    subject = f"{ref['kind']}/{_escaped(ref['value'])}"
    return f"{subject}/line/{_escaped(line_ref)}" if line_ref else subject


def _escaped(text: str) -> str:
    """A partner's number cannot forge a separator: ``%``, ``|``, ``/`` and ``@`` are percent-encoded."""
    if "%" in text or "|" in text or "/" in text or "@" in text:
        return text.replace("%", "%25").replace("|", "%7C").replace("/", "%2F").replace("@", "%40")
    return text
