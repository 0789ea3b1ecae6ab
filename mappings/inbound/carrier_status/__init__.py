"""A status update of a carrier's SOAP service: where a shipment is, what went wrong, when it will come.

StatusCode and ReasonCode are X12 elements 1650 and 1651 and are judged as in a 214 (``mappings.shipments``). Always
one Fact (``status``, ``shipped`` or ``delivered``), then at most one ExceptionEvent. The references are those of a
214 too: the shipment first, else the PRO, so that both ways of telling a trouble fold into one case.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from canonical.events import ExceptionEvent, Fact, Party, Ref, SourceCode, Statement, Variance
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext
from mappings import codes, shipments, times
from mappings.inbound.carrier_status.update import Update, read_update, xpath

if TYPE_CHECKING:
    from lxml.etree import _Element

DOCUMENT: Final = "carrier_status"
VERSION: Final = "1"

_UNMAPPED: Final = "EDI.UNMAPPED_CODE"
_LONGEST_DETAIL: Final = 4000


def map(document: "_Element", context: MappingContext) -> Iterator[Statement]:
    """One update as statements. Raises ``Unreadable`` with the XPath of what is wrong."""
    partner = context.partner
    update = read_update(document, partner_zone=partner.timezone if partner is not None else None)
    status = _meaning(shipments.STATUS_ELEMENT, update.status, "StatusCode", context)
    told = [codes.source_code(shipments.STATUS_ELEMENT, update.status, status)]
    reason: codes.Row | None = None
    if update.reason:
        reason = _meaning(shipments.REASON_ELEMENT, update.reason, "ReasonCode", context)
        told.append(codes.source_code(shipments.REASON_ELEMENT, update.reason, reason))

    yield _fact(update, status, told, context)
    exception, cause = shipments.judged(status, reason)
    where = "StatusCode"
    if status is None:
        exception = _UNMAPPED
    elif status.exception == codes.NONE and update.reason:
        where = "ReasonCode"
        if reason is None:
            # a lenient partner's own word, and nothing else says that all is well: a person looks at it
            exception = _UNMAPPED
            told = told[::-1]
    if exception != codes.NONE:
        yield _event(
            exception,
            cause,
            where,
            update,
            shipments.title(_what(update), status, reason, update.city, update.state),
            told,
            context,
        )


def _meaning(element: str, code: str, name: str, context: MappingContext) -> codes.Row | None:
    """The row of a code; ``None`` for a word of a lenient partner. Raises ``Unreadable`` with the way to add it."""
    row = codes.meaning(element, code, context.partner)
    if row is not None and row.exception != _UNMAPPED:
        return row
    if context.partner is not None and context.partner.lenient:
        return None
    shown = code[:40]
    remedy = (
        codes.remedy(element, shown, context.partner)
        if context.partner is not None
        else f"ask the carrier what {shown!r} means, add it to canonical/crosswalks/{element}.toml, "
        "then replay this dead letter"
    )
    raise Unreadable(
        f"{name} {shown!r} is in no crosswalk of element {element.removeprefix('x12-')}",
        place=Place(xpath=xpath(name)),
        code=_UNMAPPED,
        remedy=remedy,
    )


def _fact(update: Update, status: codes.Row | None, told: list[SourceCode], context: MappingContext) -> Fact:
    attributes = {"status": update.status}
    if update.reason:
        attributes["reason"] = update.reason
    if update.city:
        attributes["city"] = update.city
    if update.state:
        attributes["state"] = update.state
    if update.estimated_delivery:
        attributes["eta"] = update.estimated_delivery
    return Fact(
        kind=(status.fact if status is not None else None) or "status",
        refs=_refs(update),
        place={"xpath": xpath("StatusCode")},
        occurred_at=update.occurred_at,
        parties=[_carrier(update, context)],
        source_codes=told,
        attributes=attributes,
    )


def _event(
    exception: str,
    cause: str | None,
    where: str,
    update: Update,
    title: str,
    told: list[SourceCode],
    context: MappingContext,
) -> ExceptionEvent:
    variances: list[Variance] = []
    if update.estimated_delivery:
        variances.append(
            {
                "attribute": "date",
                "expected": None,
                "actual": times.on(update.estimated_delivery),
            }
        )
    ext: dict[str, Any] = {"event_id": update.event_id, "scac": update.scac}
    if context.partner is not None:
        ext["partner"] = context.partner.name
    if update.city:
        ext["city"] = update.city
    if update.state:
        ext["state"] = update.state
    return ExceptionEvent(
        code=exception,
        title=title,
        cause=cause,
        detail=update.remarks[:_LONGEST_DETAIL] or None,
        refs=_refs(update),
        place={"xpath": xpath(where)},
        occurred_at=update.occurred_at,
        parties=[_carrier(update, context)],
        variances=variances,
        source_codes=told,
        ext=ext,
    )


def _what(update: Update) -> str:
    return f"Shipment {update.shipment}" if update.shipment else f"PRO {update.pro}"


def _refs(update: Update) -> list[Ref]:
    """The shipment, the carrier's PRO, and the carrier's number of this very update."""
    refs: list[Ref] = []
    if update.shipment:
        refs.append({"kind": "shipment", "value": update.shipment})
    if update.pro:
        refs.append({"kind": "pro", "value": update.pro, "issuer": update.scac})
    refs.append({"kind": "message", "value": update.event_id, "issuer": update.scac})
    return refs


def _carrier(update: Update, context: MappingContext) -> Party:
    party: Party = {"role": "carrier", "ids": [{"scheme": "scac", "value": update.scac}]}
    if context.partner is not None:
        party["ids"].append({"scheme": "internal", "value": context.partner.name})
        party["name"] = context.partner.title
    return party
