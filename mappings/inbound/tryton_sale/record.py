"""One sales order as Tryton's REST writes it (``sale.sale``). What is not said is empty."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from crossdock.errors import Unreadable
from mappings import tryton
from mappings.records import Complaints, Fields, a_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of goods; ``ref`` is its number in Tryton."""

    ref: str
    product: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """An order. ``owed`` is what the customer owes without it, ``limit`` what it may owe; both are of the company's
    currency, ``amount`` (without taxes) is of its own."""

    number: str
    reference: str
    state: str
    shipment_method: str
    shipment_state: str
    invoice_state: str
    changed_at: datetime
    customer: str
    customer_name: str
    owed: Decimal | None
    limit: Decimal | None
    amount: Decimal | None
    currency: str
    company_currency: str
    lines: tuple[Line, ...]


def read_sale(document: Any) -> Sale:
    """The order of a record. Raises ``Unreadable`` with everything that is wrong."""
    complaints = Complaints("the order", remedy=tryton.REMEDY)
    top = Fields(document, complaints)
    complaints.refuse()
    if not top.has("write_date"):
        top.tell("write_date", "is missing")
    changed_at = top.read("write_date", tryton.moment, tryton.MOMENT)
    party = top.within("party") or Fields({}, complaints)
    texts = {
        "number": top.needed("number", 80),
        "state": top.needed("state", 40),
        "reference": top.text("reference", 80),
        "shipment_method": top.text("shipment_method", 40),
        "shipment_state": top.text("shipment_state", 40),
        "invoice_state": top.text("invoice_state", 40),
        "customer": party.text("code", 80),
        "customer_name": party.text("name"),
        "currency": tryton.within(top, "currency.code", 8),
        "company_currency": tryton.within(top, "company.currency.code", 8),
    }
    amounts = {
        "owed": party.read("credit_amount", tryton.amount, tryton.AMOUNT),
        "limit": party.read("credit_limit_amount", tryton.amount, tryton.AMOUNT),
        "amount": top.read("untaxed_amount", tryton.amount, tryton.AMOUNT),
    }
    lines = tuple(_lines(top))
    complaints.refuse()
    if changed_at is None:
        raise Unreadable("the order says no time of its last change", remedy=tryton.REMEDY)
    return Sale(changed_at=changed_at, lines=lines, **texts, **amounts)


def _lines(top: Fields) -> list[Line]:
    found = []
    for one in top.members("lines", a_list):
        quantity = one.decimal("quantity")
        if one.text("type", 40) not in ("", "line") or quantity is None:
            continue  # a title, a subtotal, a comment
        found.append(
            Line(
                ref=str(tryton.number(one)),
                product=tryton.within(one, "product.code", 80),
                quantity=quantity,
                unit=tryton.within(one, "unit.symbol", 20),
            )
        )
    return found
