"""Whether an invoice's total is the sum of its parts.

The sum is exact: for each line quantity times price, divided by the units that the price is for; then allowances,
charges and taxes. Of what the summary repeats of the lines (the same sum under the same code, as some systems do) one
is counted. Where both lines and summary have charges and that sum differs, the summary alone is tried too: it may add
up all of the lines under other codes. The total may differ by one cent for each line, for lines are rounded.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from mappings import money
from mappings.inbound.x12_810.charges import Charge
from mappings.x12 import ZERO

if TYPE_CHECKING:
    from mappings.inbound.x12_810.invoice import Invoice


class Check:
    """The parts of an invoice added up, beside its total."""

    __slots__ = (
        "allowances", "charges", "counted", "difference", "differs", "goods", "says", "sum", "tax", "tolerance",
    )  # fmt: skip

    def __init__(self, invoice: "Invoice") -> None:
        of_lines = [charge for line in invoice.lines for charge in line.charges]
        self.tolerance = money.CENT * max(1, len(invoice.lines))
        self.goods = _amount(invoice, [line.extension or ZERO for line in invoice.lines])
        tax_of_lines = money.add(line.tax for line in invoice.lines)
        once = list(_once(of_lines, invoice.charges))
        taxes = [tax_of_lines] if tax_of_lines == invoice.tax else [tax_of_lines, invoice.tax]
        self._count(invoice, once, money.add(taxes))
        agrees = self._agrees(invoice)
        if not agrees and of_lines and invoice.charges:
            self._count(invoice, invoice.charges, invoice.tax or tax_of_lines)
            agrees = self._agrees(invoice)
            if not agrees:
                self._count(invoice, once, money.add(taxes))
        why = next((line.why for line in invoice.lines if line.why), "")
        unknown = next((each for each in (*of_lines, *invoice.charges) if each.amount is None), None)
        if unknown is not None:
            why = why or f"nothing says how much {unknown.name} is"
        if not invoice.lines:
            why = "there are no lines"
        self.differs = not agrees and not why
        self.says = f"not possible: {why}"[:1024] if why else "differs" if self.differs else "agrees"

    def _count(self, invoice: "Invoice", counted: list[Charge], tax: Decimal) -> None:
        self.counted = counted
        self.charges = _amount(
            invoice, [_of(each) for each in counted if each.kind == "C" and not each.is_tax]
        )
        self.allowances = _amount(invoice, [-_of(each) for each in counted if each.kind == "A"])
        taxes = [_of(each) for each in counted if each.kind == "C" and each.is_tax]
        self.tax = _amount(invoice, [tax, *taxes, *(each.tax for each in counted)])
        self.sum = _amount(invoice, [self.goods, self.charges, -self.allowances, self.tax])
        self.difference = money.EXACT.subtract(invoice.total, self.sum)

    def _agrees(self, invoice: "Invoice") -> bool:
        total, parts = invoice.total, self.sum
        if invoice.is_credit:  # a credit is written with a minus or without
            total, parts = abs(total), abs(parts)
        return abs(money.EXACT.subtract(total, parts)) <= self.tolerance


def _of(charge: Charge) -> Decimal:
    return charge.amount or ZERO


def _amount(invoice: "Invoice", parts: list[Decimal]) -> Decimal:
    return money.sayable(invoice.reader, money.add(parts), invoice.total_position)


def _once(of_lines: list[Charge], of_summary: list[Charge]) -> Iterator[Charge]:
    """The charges of the lines, and those of the summary that do not repeat them."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for charge in of_lines:
        sums[charge.key] = money.EXACT.add(sums.get(charge.key, ZERO), _of(charge))
        yield charge
    again: dict[tuple[str, str, str], list[Charge]] = {}
    for charge in of_summary:
        again.setdefault(charge.key, []).append(charge)
    for key, repeated in again.items():
        if sums.get(key) != money.add(_of(charge) for charge in repeated):
            yield from repeated
