"""The lines of a document: what each is called, its items, and the parts of one line that comes in several."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from canonical.events import Line, Money, Ref
from mappings.x12 import ZERO, at

if TYPE_CHECKING:
    from mappings.x12 import Reader

_DIGITS: Final = 18
_DECIMALS: Final = 9
_ITEMS_AT_MOST: Final = 32

PER_UNIT: Final = frozenset({"", "PE", "UM", "QE", "CT", "CA", "EA", "TE", "WE"})
"""Element 639: bases of a unit price that are one unit; per hundred and per thousand would be off by that much."""


def line_words(ref: str, items: list[Ref], *, fallback: str) -> Line:
    """A line by its number; without one by its item, without that by its place in the document."""
    name = ref or next((item["value"] for item in items if item["kind"] == "item"), "") or fallback
    words: Line = {"line_ref": name[:64]}
    if items:
        words["item_ids"] = items[:_ITEMS_AT_MOST]
    return words


def one_line(
    reader: "Reader", parts: Sequence[tuple[Decimal | None, Decimal]], position: int
) -> tuple[Decimal | None, Decimal]:
    """What was ordered and what was shipped of a line that comes in several (ordered, shipped) parts, cartons say.

    Each part may repeat what the whole line ordered (100, of which 60; 100, of which 40), or name its own share of it
    (60 of 60; 40 of 40). Where the parts name different quantities, they are shares. ``position``: of the first part.
    """
    shipped = sum((part for _, part in parts), ZERO)
    said = [ordered for ordered, _ in parts if ordered is not None]
    if max(shipped, sum(said, ZERO), -shipped).adjusted() >= _DIGITS:
        raise reader.stop(f"the parts of the line add up to more than {_DIGITS} digits", position)
    if not said:
        return None, shipped
    if len(said) == 1 or all(ordered == part for ordered, part in parts):
        return sum(said, ZERO), shipped
    return (said[0] if len(set(said)) == 1 else sum(said, ZERO)), shipped


def apart(lines: list[Line]) -> list[Line]:
    """The lines, each with a number of its own: the second of the same number or item gets its place behind it."""
    taken: set[str] = set()
    for ordinal, words in enumerate(lines, 1):
        if words["line_ref"] in taken:
            words["line_ref"] = f"{words['line_ref'][:50]}#{ordinal}"
        taken.add(words["line_ref"])
    return lines


def order_line(lin: list[str], items: Iterable[Ref]) -> str:
    """The number of the order's line in a LIN: the buyer's own (PL) where it is named, else LIN01."""
    for item in items:
        if item.get("scheme") == "buyer-line":
            return item["value"]
    return at(lin, 1)


def worth(
    reader: "Reader", quantity: Decimal | None, price: Decimal | None, basis: str, currency: str
) -> Money | None:
    """What a quantity costs; ``None`` where the price is not one of a single unit (``basis``: element 639)."""
    if quantity is None or price is None or basis not in PER_UNIT:
        return None
    value = quantity * price
    if value.adjusted() >= _DIGITS:
        return None
    costs = reader.money(value, currency)
    if len(costs["amount"].partition(".")[2]) > _DECIMALS:
        return reader.money(round(value, _DECIMALS), currency)
    return costs
