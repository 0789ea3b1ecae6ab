"""810 invoice: what a seller bills, and whether the bill agrees with itself.

Source: X12 004010 and 005010 set 810, segments BIG, CUR, REF, N1, ITD, DTM, IT1, CTP, IT3, TXI, SAC, SLN, TDS, CAD,
CTT. Elements 368 (IT303), 371 (IT305) and 1300 (SAC02) are read by the crosswalks. Amounts of element 610 (TDS01,
SAC05) are N2, two implied decimals; prices (IT104) and taxes (TXI02) are R.

Always one Fact ``invoiced``; then what the invoice says against itself: a total that is not the sum of its parts
(``BIL.TOTAL``), a difference that the seller explains (IT3), charges beside the goods (``BIL.CHARGE``, low: whether
they were agreed on is told by others). What order and receipt say is compared elsewhere, with all lines and amounts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Money, Statement
from crossdock.partners import MappingContext
from mappings import money
from mappings.inbound.x12_810 import differences
from mappings.inbound.x12_810.charges import Charge
from mappings.inbound.x12_810.invoice import Invoice
from mappings.inbound.x12_810.total import Check
from mappings.variances import amount_variance
from mappings.x12 import ZERO, Reader, plain

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/810"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One invoice as statements. Raises ``Unreadable`` for what it cannot map."""
    invoice = Invoice(Reader(document, context))
    check = Check(invoice)
    yield _invoiced(invoice, check)
    if check.differs:
        yield _total(invoice, check)
    if context.direction == "in":  # what we bill ourselves needs no question of ours
        for line in invoice.lines:
            yield from differences.of(invoice, line)
        yield from _charges(invoice, check)


def _invoiced(invoice: Invoice, check: Check) -> Fact:
    attributes = dict(invoice.attributes)
    attributes |= {
        "total": money.said(invoice.total),
        "currency": invoice.currency_of_money,
        "total_check": check.says,
        "goods": money.said(check.goods),
        "charges": money.said(check.charges),
        "allowances": money.said(check.allowances),
        "tax": money.said(check.tax),
    }
    return Fact(
        kind="invoiced",
        refs=invoice.refs,
        place=invoice.reader.place(invoice.position, "BIG"),
        occurred_at=invoice.occurred_at,
        parties=invoice.parties,
        lines=[line.words for line in invoice.lines],
        attributes=attributes,
    )


def _total(invoice: Invoice, check: Check) -> ExceptionEvent:
    reader = invoice.reader
    return ExceptionEvent(
        code="BIL.TOTAL",
        title=f"{invoice.who} charged {money.said(invoice.total)} with invoice {invoice.number}, "
        f"and its parts add up to {money.said(check.sum)}",
        detail=f"goods {money.said(check.goods)}, charges {money.said(check.charges)}, allowances "
        f"{money.said(check.allowances)}, tax {money.said(check.tax)}; rounding may explain "
        f"{money.said(check.tolerance)}",
        refs=invoice.refs,
        place=reader.place(invoice.total_position, "TDS"),
        occurred_at=invoice.occurred_at,
        parties=invoice.parties,
        variances=[amount_variance(reader, check.sum, invoice.total, invoice.currency)],
        value_at_risk=reader.money(abs(check.difference), invoice.currency),
        method="rule",
        ext=reader.ext(),
    )


def _charges(invoice: Invoice, check: Check) -> Iterator[ExceptionEvent]:
    """One event for each kind of charge; what the summary repeats of the lines is told once."""
    kinds: dict[tuple[str, str, str], list[Charge]] = {}
    for charge in check.counted:
        if charge.is_charge:
            kinds.setdefault(charge.key, []).append(charge)
    for each in kinds.values():
        yield _charge(invoice, each)


def _charge(invoice: Invoice, charges: list[Charge]) -> ExceptionEvent:
    reader, first = invoice.reader, charges[0]
    amount = money.sayable(reader, money.add(charge.amount or ZERO for charge in charges), first.position)
    known = any(charge.amount is not None for charge in charges)
    how_much = (
        f"{money.said(amount)} for {first.name}"
        if known
        else f"{first.name}, of an amount that it does not name,"
    )
    named = {charge.line_ref for charge in charges}
    value: Money | None = reader.money(amount, invoice.currency) if amount > ZERO else None
    return ExceptionEvent(
        code="BIL.CHARGE",
        title=f"{invoice.who} charged {how_much} with invoice {invoice.number}",
        cause=first.row.ours if first.row is not None else None,
        refs=invoice.refs,
        place=reader.place(first.position, first.path),
        occurred_at=invoice.occurred_at,
        parties=invoice.parties,
        severity="S4",
        lines=[line.words for line in invoice.lines if line.ref in named][:1000],
        variances=[amount_variance(reader, None, amount, invoice.currency)] if known else [],
        source_codes=[first.source_code],
        value_at_risk=value,
        ext=reader.ext(charges=len(charges), amount=plain(amount)),
    )
