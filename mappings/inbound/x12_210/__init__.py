"""210 freight invoice: what a carrier bills for a shipment, and whether its charges add up to it.

Source: X12 004010 and 005010 set 210, segments B3, B2A, C3, N9, G62, N1, LX, L5, L0, L1, L3. Amounts are N2: B307
(element 193), L104 and L305 (58), L105 and L306 (191 advances), L106 and L307 (117 prepaid); rates (L102) are R.

Always one Fact ``invoiced``, with a line for each LX and the charges by their codes (element 150); ``BIL.TOTAL`` when
the charges do not add up to what is to be paid. What was tendered or agreed is compared elsewhere.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Statement
from crossdock.partners import MappingContext
from mappings import money
from mappings.inbound.x12_210.bill import Bill
from mappings.variances import amount_variance
from mappings.x12 import Reader

if TYPE_CHECKING:
    from crossdock.formats.x12 import TransactionSet

DOCUMENT: Final = "x12/210"
VERSION: Final = "1"


def map(document: "TransactionSet", context: MappingContext) -> Iterator[Statement]:
    """One freight invoice as statements. Raises ``Unreadable`` for what it cannot map."""
    bill = Bill(Reader(document, context))
    yield Fact(
        kind="invoiced",
        refs=bill.refs,
        place=bill.reader.place(bill.position, "B3"),
        occurred_at=bill.occurred_at,
        parties=bill.parties,
        lines=bill.lines,
        attributes=bill.attributes,
    )
    if bill.differs:
        yield _total(bill)


def _total(bill: Bill) -> ExceptionEvent:
    reader = bill.reader
    said = [f"net {money.said(bill.total)} (B307)", f"charges {money.said(bill.charges)} (L1)"]
    if bill.stated is not None:
        said.append(f"total {money.said(bill.stated)} (L305)")
    if bill.advances:
        said.append(f"advances {money.said(bill.advances)}")
    if bill.prepaid:
        said.append(f"prepaid {money.said(bill.prepaid)}")
    return ExceptionEvent(
        code="BIL.TOTAL",
        title=f"{bill.who} charged {money.said(bill.total)} with freight invoice {bill.number}, "
        f"and its charges add up to {money.said(bill.charges)}",
        detail=", ".join(said),
        refs=bill.refs,
        place=reader.place(bill.position, "B3"),
        occurred_at=bill.occurred_at,
        parties=bill.parties,
        variances=[amount_variance(reader, bill.charges, bill.total, bill.currency)],
        value_at_risk=reader.money(bill.at_risk, bill.currency),
        method="rule",
        ext=reader.ext(),
    )
