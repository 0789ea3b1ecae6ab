"""Allowances, charges and taxes of an invoice: SAC and TXI, of a line or of the whole.

Source: X12 004010 and 005010, segments SAC (element 248 C charge, A allowance; 1300 which; 610 amount, N2; 331 how it
is settled) and TXI (782 amount, R; 662 whether it is in the price).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.events import SourceCode
from crossdock.formats.x12.loops import Loop
from mappings import codes, money
from mappings.codes import Row
from mappings.x12 import ZERO, Reader, at

ELEMENT: Final = "x12-1300"

# 331: settled another way than on this invoice (bill back, a cheque of the vendor, paid or issued by the vendor)
_OFF_THE_INVOICE: Final = frozenset({"01", "03", "05", "09"})
# 662: the tax is in the price, or only told
_NOT_ADDED: Final = frozenset({"I", "O"})


@dataclass(slots=True, kw_only=True)
class Charge:
    """One SAC. ``amount`` is signed, an allowance negative, and ``None`` where nothing says how much."""

    position: int
    path: str
    kind: str
    code: str
    row: Row | None
    words: str
    amount: Decimal | None
    tax: Decimal
    line_ref: str

    @property
    def is_tax(self) -> bool:
        return self.row is not None and self.row.ours == "tax"

    @property
    def is_charge(self) -> bool:
        """A charge that somebody may not have agreed to: no tax, and not nothing."""
        return self.kind == "C" and not self.is_tax and self.amount != ZERO

    @property
    def key(self) -> tuple[str, str, str]:
        """What repeats itself between the lines and the summary: the same thing under the same code."""
        return self.kind, self.code, self.words if not self.code else ""

    @property
    def source_code(self) -> SourceCode:
        if not self.code:
            return {"scheme": "free-text", "code": self.words[:128] or "SAC", "mapped": False}
        return codes.source_code(ELEMENT, self.code, self.row)

    @property
    def name(self) -> str:
        return (
            self.words or (self.row.text if self.row is not None else "") or f"charge {self.code}"
        ).strip()


def of(reader: Reader, loop: Loop, line_ref: str, path: str) -> list[Charge]:
    """The allowances and charges of a loop, with the taxes that stand under each."""
    found: list[Charge] = []
    for inner in loop.inside("SAC"):
        position, segment = inner.segments[0]
        number = len(found) + 1
        found += _one(reader, segment, position, f"{path}SAC[{number}]", line_ref, taxes(reader, inner))
    for inner in loop.inside("SLN"):
        for position, segment in inner.all("SAC"):
            found += _one(reader, segment, position, f"{path}SLN/SAC", line_ref, ZERO)
    return found


def _one(
    reader: Reader, segment: list[str], position: int, path: str, line_ref: str, tax: Decimal
) -> Iterable[Charge]:
    kind = at(segment, 1)
    if kind not in ("A", "C") or at(segment, 12) in _OFF_THE_INVOICE:
        return
    code = at(segment, 2)
    amount: Decimal | None = None
    if text := at(segment, 5):
        amount = reader.implied(text, position, 5)
    elif (rate := at(segment, 8)) and (quantity := at(segment, 10)):
        amount = money.EXACT.multiply(reader.number(rate, position, 8), reader.number(quantity, position, 10))
    if kind == "A" and amount is not None:
        amount = -abs(amount)  # some write the minus, the A says it already
    yield Charge(
        position=position,
        path=path,
        kind=kind,
        code=code[:128],
        row=codes.meaning(ELEMENT, code, reader.partner) if code else None,
        words=at(segment, 15) or ("" if code else at(segment, 4)),  # SAC04: an agency's own code
        amount=amount,
        tax=tax if amount is None or tax != abs(amount) else ZERO,  # else it tells what the SAC is made of
        line_ref=line_ref,
    )


def taxes_beside(reader: Reader, loop: Loop, charges: Iterable[Charge]) -> Decimal:
    """What the TXIs of a loop add to it: nothing where its charges name the same tax."""
    tax = taxes(reader, loop)
    return ZERO if tax == money.add(each.amount or ZERO for each in charges if each.is_tax) else tax


def taxes(reader: Reader, loop: Loop) -> Decimal:
    """The sum of the TXIs of a loop that are not in its price."""
    return money.add(
        reader.number(text, position, 2)
        for position, segment in loop.all("TXI")
        if (text := at(segment, 2)) and at(segment, 7) not in _NOT_ADDED
    )
