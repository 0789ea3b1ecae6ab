"""204 load tender: a load that is offered to a carrier, with its stops, their windows and the rate.

Source: X12 004010 and 005010 set 204, segments B2, B2A, L11, G62, MS3, NTE, N1, N7, S5, AT8, OID, L5, L3. The charge
L305 is of element 58, N2; the rate L303 (element 60) is R.

Always one Fact ``tendered``: a copy of ours when the sender is us, else an offer to us. An offer to us is an event
(``SHP.TENDER_REQUESTED``) that waits for our answer, unless it is taken back (B2A01 = 01) or only a copy (06, 07).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Statement
from crossdock.partners import MappingContext
from mappings.inbound.x12_204.tender import Tender
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/204"
VERSION: Final = "1"

# 353, B2A01: what waits for no new answer of ours
_NO_REQUEST: Final = frozenset({"01", "03", "06", "07"})
_CHANGES: Final = frozenset({"04", "05"})


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One tender as statements. Raises ``Unreadable`` for what it cannot map."""
    tender = Tender(Reader(document, context))
    yield Fact(
        kind="tendered",
        refs=tender.refs,
        place=tender.reader.place(tender.position, "B2"),
        parties=tender.parties,
        lines=tender.lines,
        attributes=tender.attributes,
    )
    if context.direction == "in" and tender.purpose not in _NO_REQUEST:
        yield _requested(tender)


def _requested(tender: Tender) -> ExceptionEvent:
    reader = tender.reader
    verb = "changed the tender of" if tender.purpose in _CHANGES else "offers us"
    return ExceptionEvent(
        code="SHP.TENDER_REQUESTED",
        title=f"{reader.who()} {verb} shipment {tender.shipment}{tender.route()}",
        detail=" ".join(tender.notes) or None,
        refs=tender.refs,
        place=reader.place(tender.position, "B2"),
        parties=tender.parties,
        lines=tender.lines[:1000],
        variances=[{"attribute": "date", "expected": None, "actual": tender.respond_by}]
        if tender.respond_by
        else [],
        value_at_risk=reader.money(tender.total, "") if tender.total else None,
        ext=reader.ext(purpose=tender.purpose),
    )
