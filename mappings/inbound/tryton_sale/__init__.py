"""A sales order of Tryton as it stands: in process, or waiting for credit or for somebody.

A record says how the order is now: always one Fact ``status``, one Fact ``shipped`` when all of it has left, an
ExceptionEvent for each kind of hold, and one Fact ``released`` for the kinds that it is not held by (saying so again
is harmless).

Where trouble hides: Tryton keeps no word that an order waits for credit. It refuses to confirm the quotation, each
time that somebody tries, because what the customer owes and the order together are above the limit. So this is judged
here, by the same sum. An order whose shipment or invoice was cancelled says ``exception`` and goes no further until
somebody has chosen to do it again or to leave it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from canonical.events import ExceptionEvent, Fact, Line, Party, Ref, Statement
from crossdock.partners import MappingContext
from mappings import tryton
from mappings.inbound.tryton_sale.record import Sale, read_sale
from mappings.records import at, money
from mappings.x12 import plain

DOCUMENT: Final = "tryton_sale"
VERSION: Final = "1"

KINDS: Final = ("credit", "shipment", "invoice")
"""The kinds of hold, as the numbers of holds name them."""

_EXCEPTION: Final = "exception"
_SENT: Final = "sent"
"""Of the shipments of an order: nothing of it is still to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One thing that the order waits for. ``field``: where that stands."""

    kind: str
    exception: str
    cause: str
    because: str
    code: str
    field: str
    severity: str | None = None


def map(document: Any, context: MappingContext) -> Iterator[Statement]:
    """One record as statements. Raises ``Unreadable`` with the JSON pointer of what is wrong."""
    sale = read_sale(document)
    holds = {hold.kind: hold for hold in _holds(sale)}
    yield _status(sale, context)
    if sale.shipment_state == _SENT:
        yield _shipped(sale, context)
    for hold in holds.values():
        yield _held(sale, hold, context)
    off = [kind for kind in KINDS if kind not in holds and (kind != "credit" or _is_judged(sale))]
    if off and sale.state != "draft":
        yield _released(sale, off, context)


def _holds(sale: Sale) -> Iterator[Hold]:
    if (over := _over_its_limit(sale)) is not None:
        yield Hold(
            kind="credit",
            exception="CRD.HOLD",
            cause="credit_limit",
            because=f"it is {plain(over)} {sale.currency} above the customer's credit limit",
            code=sale.state,
            field="party/credit_limit_amount",
        )
    if sale.shipment_state == _EXCEPTION:
        yield Hold(
            kind="shipment",
            exception="ORD.HOLD",
            cause="shipment_cancelled",
            because="a shipment of it was cancelled, and nobody has said what becomes of the goods",
            code=_EXCEPTION,
            field="shipment_state",
        )
    if sale.invoice_state == _EXCEPTION:
        yield Hold(
            kind="invoice",
            exception="ORD.HOLD",
            cause="invoice_cancelled",
            because="an invoice of it was cancelled, and nobody has said whether it is written again",
            code=_EXCEPTION,
            field="invoice_state",
            severity="S3",
        )


def _is_judged(sale: Sale) -> bool:
    """Whether the sum can be made: what is owed is in the company's currency, the order in its own."""
    return sale.state != "quotation" or sale.limit is None or sale.currency == sale.company_currency


def _over_its_limit(sale: Sale) -> Decimal | None:
    """By how much the quotation would be refused; ``None``: it would not."""
    if sale.state != "quotation" or sale.shipment_method != "order" or not _is_judged(sale):
        return None
    if sale.limit is None or sale.amount is None or sale.amount <= 0:
        return None
    over = (sale.owed or Decimal(0)) + sale.amount - sale.limit
    return over if over > 0 else None


def _held(sale: Sale, hold: Hold, context: MappingContext) -> ExceptionEvent:
    who = sale.customer_name or sale.customer or "a customer"
    ext: dict[str, Any] = {"state": sale.state, "customer": sale.customer}
    if sale.lines:
        ext["lines"] = {one.ref: [one.product, plain(one.quantity), one.unit] for one in sale.lines}
    if hold.kind == "credit" and sale.limit is not None:
        ext["credit_limit"], ext["owed"] = plain(sale.limit), plain(sale.owed or Decimal(0))
    return ExceptionEvent(
        code=hold.exception,
        title=f"Order {sale.number} of {who} waits: {hold.because}",
        cause=hold.cause,
        severity=hold.severity,
        refs=[*_refs(sale, context), _hold_ref(sale, hold.kind, context)],
        place={"json_pointer": f"/{hold.field}"},
        occurred_at=at(sale.changed_at),
        parties=_customer(sale),
        source_codes=[
            {
                "scheme": f"tryton-{hold.field.partition('/')[0]}",
                "code": hold.code,
                "text": hold.because,
                "mapped": True,
            }
        ],
        value_at_risk=money(sale.amount, sale.currency),
        ext=ext,
    )


def _status(sale: Sale, context: MappingContext) -> Fact:
    said = {"state": sale.state, "shipment": sale.shipment_state, "invoice": sale.invoice_state}
    return Fact(
        kind="status",
        refs=_refs(sale, context),
        place={"json_pointer": "/state"},
        occurred_at=at(sale.changed_at),
        parties=_customer(sale),
        lines=[_line(sale, index, context) for index in range(len(sale.lines))],
        attributes={name: value for name, value in said.items() if value},
    )


def _shipped(sale: Sale, context: MappingContext) -> Fact:
    """All of it left, in however many shipments: each of those tells of its own part alone."""
    return Fact(
        kind="shipped",
        refs=_refs(sale, context),
        place={"json_pointer": "/shipment_state"},
        occurred_at=at(sale.changed_at),
        parties=_customer(sale),
        lines=[
            {
                **tryton.line(one.ref, one.product, context.tenant),
                "affected": tryton.quantity(one.quantity, one.unit),
            }
            for one in sale.lines
        ],
        attributes={"complete": "true"},
    )


def _released(sale: Sale, kinds: list[str], context: MappingContext) -> Fact:
    # without the customer's number, by which it would end holds of other orders
    ours = [ref for ref in _refs(sale, context) if ref["kind"] != "customer_po"]
    return Fact(
        kind="released",
        refs=[*ours, *(_hold_ref(sale, kind, context) for kind in kinds)],
        place={"json_pointer": "/state"},
        occurred_at=at(sale.changed_at),
        parties=_customer(sale),
    )


def _line(sale: Sale, index: int, context: MappingContext) -> Line:
    one = sale.lines[index]
    return {
        **tryton.line(one.ref, one.product, context.tenant),
        "ordered": tryton.quantity(one.quantity, one.unit),
    }


def _refs(sale: Sale, context: MappingContext) -> list[Ref]:
    refs: list[Ref] = [{"kind": "sales_order", "value": sale.number, "issuer": context.tenant}]
    if sale.reference:
        po: Ref = {"kind": "customer_po", "value": sale.reference}
        if sale.customer:
            po["issuer"] = sale.customer
        refs.append(po)
    return refs


def _hold_ref(sale: Sale, kind: str, context: MappingContext) -> Ref:
    return {"kind": "hold", "value": f"{sale.number}/{kind}", "issuer": context.tenant}


def _customer(sale: Sale) -> list[Party]:
    if not sale.customer:
        return []
    party: Party = {"role": "customer", "ids": [{"scheme": "internal", "value": sale.customer}]}
    if sale.customer_name:
        party["name"] = sale.customer_name
    return [party]
