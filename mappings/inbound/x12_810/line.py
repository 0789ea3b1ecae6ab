"""One IT1 loop of an invoice: what is billed, what it costs, and what the seller says about a difference."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from canonical.events import Line as LineWords
from canonical.events import Ref
from crossdock.formats.x12.loops import Loop
from mappings import money, references
from mappings.inbound.x12_810 import charges
from mappings.inbound.x12_810.charges import Charge
from mappings.x12 import ZERO, Reader, at, product_ids

# 639: how many units a price is for; those that only say whose price it is are for one
_UNITS: Final = {
    **dict.fromkeys(("HP", "LC", "QH", "RC", "TC", "WC"), Decimal(100)),
    **dict.fromkeys(("TP", "LM", "QS", "RM", "TM", "WM"), Decimal(1000)),
    **dict.fromkeys(("PD", "LD", "RD", "TD", "WD"), Decimal(12)),
    "PN": Decimal(10),
    "HT": Decimal(100_000),
    **dict.fromkeys(
        (
            "", "PE", "LE", "QE", "RE", "TE", "WE", "UM", "PU", "EA", "CA", "CP", "CT", "DI", "DR", "DS", "ES", "FX",
            "NE", "NT", "PR", "QT", "RS", "RT", "SR", "ST", "WH",
        ),
        Decimal(1),
    ),
}  # fmt: skip
# 639: prices of a measure are for one unit only where the line counts in that measure (355)
_MEASURES: Final = {
    "PP": ("LB",), "PK": ("KG",), "PG": ("GR",), "PT": ("TN", "ST"), "PF": ("FT", "LF"), "PY": ("YD",), "PL": ("LT",),
    "PO": ("OZ",),
}  # fmt: skip
_FREE: Final = "NC"


@dataclass(slots=True, kw_only=True)
class Line:
    """What an IT1 loop says. ``extension`` is quantity times price, exact; ``None`` when it cannot be told, and
    ``why`` says so."""

    position: int
    ordinal: int
    ref: str
    words: LineWords
    loop: Loop
    quantity: Decimal | None
    unit: str
    basis: str
    extension: Decimal | None = None
    why: str = ""
    charges: list[Charge] = field(default_factory=list)
    tax: Decimal = ZERO
    orders: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"IT1[{self.ordinal}]"


def read(reader: Reader, loop: Loop, ordinal: int, currency: str) -> Line:
    """One line. Raises ``Unreadable`` for a number that is none."""
    position, segment = loop.segments[0]
    items = product_ids(segment, 6, reader.partner)
    named = next((item["value"] for item in items if item.get("scheme") != "order"), f"position:{ordinal}")
    ref = (at(segment, 1) or named)[:64]
    text = at(segment, 2)
    line = Line(
        position=position,
        ordinal=ordinal,
        ref=ref,
        words={"line_ref": ref},
        loop=loop,
        quantity=reader.number(text, position, 2) if text else None,
        unit=at(segment, 3),
        basis=at(segment, 5),
    )
    if items:
        line.words["item_ids"] = items[:32]
    if line.quantity is not None:
        line.words["affected"] = reader.quantity(line.quantity, line.unit)
    price = _price(reader, line, segment)
    if price is not None:
        line.words["unit_price"] = reader.money(price, currency)
    _extend(line, price)
    line.charges = charges.of(reader, loop, ref, f"{line.path}/")
    line.tax = charges.taxes_beside(reader, loop, line.charges)
    line.orders = _orders(items, loop)
    return line


def _price(reader: Reader, line: Line, segment: list[str]) -> Decimal | None:
    if text := at(segment, 4):
        return reader.number(text, line.position, 4)
    for position, ctp in line.loop.all("CTP"):
        if text := at(ctp, 3):
            return reader.number(text, position, 3)
    return ZERO if line.basis == _FREE else None


def _extend(line: Line, price: Decimal | None) -> None:
    units = _UNITS.get(line.basis)
    if units is None and line.unit in _MEASURES.get(line.basis, ()):
        units = Decimal(1)
    if line.basis == _FREE:
        line.extension = ZERO
    elif line.quantity is None:
        line.why = f"line {line.ref} has no quantity"
    elif price is None:
        line.why = f"line {line.ref} has no price"
    elif units is None:
        line.why = (
            f"line {line.ref} has a price of basis {line.basis}, and counts in {line.unit or 'no unit'}"
        )
    else:
        # a dozen and ten aside, the division only moves the point; of a dozen it is told to 100 digits
        line.extension = money.EXACT.divide(money.EXACT.multiply(line.quantity, price), units)


def _orders(items: list[Ref], loop: Loop) -> list[str]:
    """Orders that the line names: by a product id of qualifier PO, or a REF."""
    named = [item["value"] for item in items if item.get("scheme") == "order"]
    named += [at(segment, 2) for _, segment in loop.all("REF") if at(segment, 1) in references.ORDERS]
    return [number for number in dict.fromkeys(named) if number]
