"""A row of a list as statements: its orders, lines, quantities and parties, as those of other documents."""

from decimal import Decimal
from typing import Any, Final

from canonical.crosswalks import units
from canonical.events import DocumentPlace, Line, Party, Quantity, Ref
from crossdock.formats.tabular import Row
from crossdock.partners import MappingContext
from mappings import codes
from mappings.lines import line_words
from mappings.x12 import plain

__all__ = ["Listed", "plain"]

_SOURCE: Final = "free-text"


class Listed:
    """One row, with whose it is."""

    __slots__ = ("context", "partner", "place", "row")

    def __init__(self, row: Row, context: MappingContext) -> None:
        self.row = row
        self.context = context
        self.partner = context.partner
        self.place: DocumentPlace = {"row": row.number}

    @property
    def who(self) -> str:
        """Who says it, for titles."""
        return self.partner.title if self.partner is not None else "A supplier"

    @property
    def issuer(self) -> str:
        """Who gave the numbers that are the sender's own."""
        return self.partner.name if self.partner is not None else "unknown"

    def order(self, number: str) -> Ref:
        """A purchase order of ours."""
        return {"kind": "supplier_po", "value": number, "issuer": self.context.tenant}

    def required_amount(self, name: str) -> Decimal:
        """The number of a field that the layout requires."""
        amount = self.row.amount(name)
        assert amount is not None, "the layout requires it"
        return amount

    def line(self, number: str, *, ordered: Decimal | None = None, affected: Decimal | None = None) -> Line:
        """The line that a row is about, by its number, else by its item."""
        items: list[Ref] = [{"kind": "item", "value": self.row.text("item"), "scheme": "vendor-item"}]
        if ours := self.row.text("buyer_item"):
            items.append({"kind": "item", "value": ours, "scheme": "buyer-item"})
        words = line_words(number, items, fallback=f"row:{self.row.number}")
        if ordered is not None:
            words["ordered"] = self._quantity(ordered)
        if affected is not None:
            words["affected"] = self._quantity(affected)
        return words

    def parties(self, role: str) -> list[Party]:
        """The sender, where it is known."""
        if self.partner is None:
            return []
        return [
            {
                "role": role,
                "ids": [{"scheme": "internal", "value": self.partner.name}],
                "name": self.partner.title,
            }
        ]

    def ext(self, **more: Any) -> dict[str, Any]:
        """What an event says beside the canonical fields."""
        return {**more, "partner": self.partner.name} if self.partner is not None else more

    def _quantity(self, number: Decimal) -> Quantity:
        """With its unit as X12 and Rec 20 call it; ``ZZ`` for a word of nobody, pieces where there is none."""
        unit = self.row.text("unit")
        if not unit:
            return {"value": plain(number), "uom": "C62"}
        word = unit.upper()
        known = codes.meaning("x12-355", word, self.partner)
        uom = (known.ours if known is not None else None) or (word if word in units() else "ZZ")
        return {"value": plain(number), "uom": uom, "uom_source": unit, "uom_scheme_source": _SOURCE}
